//! Loops over lanes: what they read, and the walk along slices. What to call is in `map_simd`.
//!
//! The walk is inlined into the cell, so that the closure becomes one loop over vectors; threads,
//! interrupts and progress are those of `drive`, compiled once.

use super::drive::{At, Body, Job, Stop, drive};
use super::fresh::Fresh;
use crate::simd::{LaneNumber, Lanes, sealed::Sealed};
use ndarray::{ArrayRef, Dimension};
use std::marker::PhantomData;
use std::mem::forget;
use std::ops::Range;
use std::sync::LazyLock;

/// Ranges start at multiples of this many numbers: short, so that small inputs are tried alone.
const GRAIN: usize = 16;

/// Something that [`super::map_simd`] reads: a slice, vector, array, or ndarray array of `f64` or
/// `f32` by reference, or a tuple of two or three of the same number.
///
/// ndarray's arrays are read in row order, and must be stored that way.
///
/// ```
/// use ferrolab::{ndarray::array, par};
/// let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]], vec![10.0; 4]);
/// assert_eq!(par::map_simd_vec((&a, &b), |(x, y)| x + y), [11.0, 12.0, 13.0, 14.0]);
/// ```
pub trait IntoLanes {
    /// The lane type, [`crate::simd::F64s`] or [`crate::simd::F32s`].
    type Lanes: Lanes;
    /// The readable form.
    type Source: LaneSource<Lanes = Self::Lanes>;
    /// Turns the value into its readable form.
    fn into_lanes(self) -> Self::Source;
}

/// Numbers read as lanes from any thread. Not implementable outside this crate.
pub trait LaneSource: Copy + Sync + Sealed {
    /// The lane type.
    type Lanes: Lanes;
    /// What the closure gets.
    type Item;

    /// How many numbers, of the shortest and the longest.
    fn sizes(&self) -> (usize, usize);

    /// `n` numbers from `at`; lanes beyond repeat the last.
    ///
    /// # Safety
    /// `at + n` is at most the size, and `1 <= n <= LANES`.
    unsafe fn load(&self, at: usize, n: usize) -> Self::Item;
}

/// The readable form of a slice.
#[derive(Debug)]
pub struct LaneSlice<'a, T> {
    start: *const T,
    len: usize,
    life: PhantomData<&'a [T]>,
}
impl<T> Clone for LaneSlice<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for LaneSlice<'_, T> {}
// SAFETY: it only reads, as a shared slice does.
unsafe impl<T: Sync> Sync for LaneSlice<'_, T> {}
impl<T> Sealed for LaneSlice<'_, T> {}
impl<T: LaneNumber> LaneSource for LaneSlice<'_, T> {
    type Lanes = T::Lanes;
    type Item = T::Lanes;

    #[inline]
    fn sizes(&self) -> (usize, usize) {
        (self.len, self.len)
    }

    #[inline]
    unsafe fn load(&self, at: usize, n: usize) -> T::Lanes {
        debug_assert!(n >= 1 && at + n <= self.len);
        // SAFETY: the caller's promise.
        unsafe {
            let from = self.start.wrapping_add(at);
            if n == T::Lanes::LANES { T::Lanes::load(from) } else { T::Lanes::load_part(from, n) }
        }
    }
}

impl<'a, T: LaneNumber> LaneSlice<'a, T> {
    fn of(slice: &'a [T]) -> Self {
        Self::at(slice.as_ptr(), slice.len())
    }

    /// `len` numbers at `start`, without a reference to them, because they are written as well. Who
    /// calls `load` answers for their being there.
    pub(super) fn at(start: *const T, len: usize) -> Self {
        Self { start, len, life: PhantomData }
    }
}

macro_rules! slices {
    ($([$($more:tt)*] $t:ty;)*) => {$(
        impl<'a, T: LaneNumber, $($more)*> IntoLanes for &'a $t {
            type Lanes = T::Lanes;
            type Source = LaneSlice<'a, T>;
            fn into_lanes(self) -> LaneSlice<'a, T> {
                LaneSlice::of(self)
            }
        }
    )*};
}
slices!([] [T]; [] Vec<T>; [const N: usize] [T; N];);

impl<'a, T: LaneNumber, D: Dimension, S: ndarray::Data<Elem = T>> IntoLanes for &'a ndarray::ArrayBase<S, D> {
    type Lanes = T::Lanes;
    type Source = LaneSlice<'a, T>;

    /// # Panics
    /// When the array is not stored in row order.
    fn into_lanes(self) -> LaneSlice<'a, T> {
        LaneSlice::of(in_row_order(self))
    }
}

fn in_row_order<T, D: Dimension>(array: &ArrayRef<T, D>) -> &[T] {
    array.as_slice().unwrap_or_else(|| {
        panic!(
            "the array of shape {:?} is not stored in row order; use par::ufunc1 and its kin, or as_standard_layout()",
            array.shape()
        )
    })
}

/// The readable form of a tuple.
#[derive(Debug, Clone, Copy)]
pub struct LaneTuple<T>(pub(super) T);
macro_rules! tuples {
    ($($name:ident $index:tt),*) => {
        impl<L: Lanes, $($name: IntoLanes<Lanes = L>),*> IntoLanes for ($($name,)*) {
            type Lanes = L;
            type Source = LaneTuple<($($name::Source,)*)>;
            fn into_lanes(self) -> Self::Source {
                LaneTuple(($(self.$index.into_lanes(),)*))
            }
        }
        impl<$($name: Sealed),*> Sealed for LaneTuple<($($name,)*)> {}
        impl<L: Lanes, $($name: LaneSource<Lanes = L>),*> LaneSource for LaneTuple<($($name,)*)> {
            type Lanes = L;
            type Item = ($($name::Item,)*);

            #[inline]
            fn sizes(&self) -> (usize, usize) {
                let sizes = [$(self.0.$index.sizes()),*];
                sizes.into_iter().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default()
            }

            #[inline]
            unsafe fn load(&self, at: usize, n: usize) -> Self::Item {
                // SAFETY: the caller's promise, for the shortest, holds for all.
                unsafe { ($(self.0.$index.load(at, n),)*) }
            }
        }
    };
}
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);

/// Where results go: each range of it is written by one thread.
#[derive(Clone, Copy)]
pub struct Target<T> {
    start: *mut T,
    past_caches: bool,
    fresh: Fresh,
}
// SAFETY: `drive` gives every index to one call only; numbers may be written by any thread.
unsafe impl<T: Send> Sync for Target<T> {}

impl<T: LaneNumber> Target<T> {
    /// `len` numbers at `start`; `only_written` when they are not read as well.
    pub(super) fn new(start: *mut T, len: usize, only_written: bool) -> Self {
        Self { start, past_caches: only_written && is_large(len, size_of::<T>()), fresh: Fresh::NONE }
    }

    /// Numbers to which nobody has written. What was asked for was filled with zeros just now, and is in the caches.
    pub(super) fn fresh(start: *mut T, len: usize) -> Self {
        Self { start, past_caches: false, fresh: Fresh::of(start, len) }
    }
}

#[cfg(test)]
impl<T> Target<T> {
    /// As for output that does not fit the caches.
    pub(super) fn past_caches(start: *mut T) -> Self {
        Self { start, past_caches: true, fresh: Fresh::NONE }
    }
}

/// Is output of that size better written past the caches? Not compiled into cells.
#[inline(never)]
fn is_large(len: usize, size: usize) -> bool {
    // Input, output and the neighbours share the cache (measured: from a quarter of it on, it pays).
    len.saturating_mul(size) > *CACHE / 4
}

/// The size of the processor's last cache, or 32 MB when it does not say.
static CACHE: LazyLock<usize> = LazyLock::new(|| {
    let read = |index| std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size")).ok();
    let bytes = |text: String| {
        let text = text.trim();
        let unit = if text.ends_with('M') { 1 << 20 } else { 1 << 10 };
        text.trim_end_matches(['K', 'M']).parse::<usize>().ok()?.checked_mul(unit)
    };
    (0..5).filter_map(|index| bytes(read(index)?)).max().unwrap_or(32 << 20)
});

/// Calls `f` along `input` and writes what it returns, on this thread.
///
/// # Safety
/// `range` is within input and output, and no one else reads or writes that range of the output.
/// The input may be the output itself.
#[inline]
pub(super) unsafe fn walk<S: LaneSource>(
    input: S,
    out: Target<<S::Lanes as Lanes>::Item>,
    range: Range<usize>,
    at: &mut usize,
    f: &impl Fn(S::Item) -> S::Lanes,
) {
    let lanes = S::Lanes::LANES;
    let mut index = range.start;
    // Stores past the caches must be aligned: the first vector then goes up to where they are.
    let mut over = 0;
    if out.past_caches {
        over = (out.start as usize / size_of::<<S::Lanes as Lanes>::Item>() + index) % lanes;
    }
    // One loop for whole vectors and parts, so that the closure is compiled once.
    while index < range.end {
        let n = (lanes - over).min(range.end - index);
        let guard = At { task: index, out: at };
        // SAFETY: `n` numbers are left in the range, at most LANES and not 0.
        let result = f(unsafe { input.load(index, n) });
        forget(guard);
        // SAFETY: as above; past the caches only whole vectors, which the first step has aligned.
        unsafe {
            let to = out.start.add(index);
            match (n == lanes, out.past_caches) {
                (true, false) => result.store(to),
                (true, true) => result.store_past_caches(to),
                (false, _) => result.store_part(to, n),
            }
        }
        index += n;
        over = 0;
    }
    if out.past_caches {
        fence();
    }
}

/// Makes stores past the caches visible to other threads.
fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is in x86-64's baseline.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

/// Runs `f` along `input` on all threads.
///
/// # Safety
/// `out` is valid for writing `len` numbers, which is the size of `input`, and nobody else uses
/// them. The input may be the output itself.
pub(super) unsafe fn run<S: LaneSource>(
    input: S,
    out: Target<<S::Lanes as Lanes>::Item>,
    len: usize,
    job: &Job,
    f: impl Fn(S::Item) -> S::Lanes + Sync,
) -> Result<(), Stop> {
    let body = |range: Range<usize>, at: &mut usize| {
        // SAFETY: `drive` passes ranges within `0..len` and none twice; the rest is the caller's promise.
        unsafe { walk(input, out, range, at, &f) }
    };
    drive(len, GRAIN, job, Body::new(&body).with(out.fresh)).map_err(|failure| failure.stop)
}
