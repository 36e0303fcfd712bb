//! Loops over lanes that users call: into a slice, into a new vector, in place.

use super::collect::Par;
use super::lanes::{IntoLanes, LaneSlice, LaneSource, Target, run};
use crate::simd::{LaneNumber, Lanes};

/// The number that a source is made of.
type NumberOf<S> = <<S as IntoLanes>::Lanes as Lanes>::Item;
/// What the closure over a source gets.
type Given<S> = <<S as IntoLanes>::Source as LaneSource>::Item;

/// Calls `f` on all numbers, several at once (SIMD) on all threads, and writes the results to `out`.
///
/// `f` gets lanes, [`crate::simd::F64s`] or [`crate::simd::F32s`], and returns as many; a tuple of
/// two or three inputs gives a tuple of lanes. After the last whole vector, missing lanes repeat
/// the last number, and what `f` returns for them is dropped. Output that does not fit the caches is
/// written past them.
///
/// # Panics
/// When inputs and output differ in length, or `f` panics: with the index of the first number of
/// its vector.
///
/// ```
/// use ferrolab::par;
/// let (a, b) = (vec![1.0f64, 4.0, 9.0], vec![2.0; 3]);
/// let mut out = vec![0.0; 3];
/// par::map_simd(&a, &mut out, |x| x.sqrt());
/// assert_eq!(out, [1.0, 2.0, 3.0]);
/// par::map_simd((&a, &b), &mut out, |(x, y)| x.mul_add(y, 1.0));
/// assert_eq!(out, [3.0, 9.0, 19.0]);
/// let mut single = [0f32; 2];
/// par::map_simd(&[1f32, 2.0], &mut single, |x| x.gt(1.0).select(x, 0.0));
/// assert_eq!(single, [0.0, 2.0]);
/// ```
pub fn map_simd<S: IntoLanes>(input: S, out: &mut [NumberOf<S>], f: impl Fn(Given<S>) -> S::Lanes + Sync) {
    Par::new().map_simd(input, out, f);
}

/// As [`map_simd`], into a new vector.
///
/// # Panics
/// When inputs differ in length, or `f` panics.
///
/// ```
/// let roots = ferrolab::par::map_simd_vec(&[1.0f64, 4.0, 9.0], |x| x.sqrt());
/// assert_eq!(roots, [1.0, 2.0, 3.0]);
/// ```
pub fn map_simd_vec<S: IntoLanes>(input: S, f: impl Fn(Given<S>) -> S::Lanes + Sync) -> Vec<NumberOf<S>> {
    Par::new().map_simd_vec(input, f)
}

/// As [`map_simd`], each number replaced by the result.
///
/// # Panics
/// When `f` panics; numbers before may be replaced, others not.
///
/// ```
/// let mut a = vec![1.0f64, 4.0, 9.0];
/// ferrolab::par::map_simd_in_place(&mut a, |x| x.sqrt());
/// assert_eq!(a, [1.0, 2.0, 3.0]);
/// ```
pub fn map_simd_in_place<T: LaneNumber>(numbers: &mut [T], f: impl Fn(T::Lanes) -> T::Lanes + Sync) {
    Par::new().map_simd_in_place(numbers, f);
}

/// The common length of inputs, and of the output when there is one.
#[inline(never)]
fn length(name: &str, (least, most): (usize, usize), out: Option<usize>) -> usize {
    assert!(least == most, "{name}: the inputs must have one length; one has {least} items, another {most}");
    if let Some(out) = out {
        assert!(least == out, "{name}: the input has {least} items, the output {out}; they must have as many");
    }
    least
}

impl Par {
    /// See [`super::map_simd`].
    ///
    /// # Panics
    /// When lengths differ, or `f` panics.
    pub fn map_simd<S: IntoLanes>(&self, input: S, out: &mut [NumberOf<S>], f: impl Fn(Given<S>) -> S::Lanes + Sync) {
        let input = input.into_lanes();
        let len = length("map_simd", input.sizes(), Some(out.len()));
        let target = Target::new(out.as_mut_ptr(), len, true);
        // SAFETY: `out` has `len` numbers, and is borrowed uniquely until the end.
        unsafe { run(input, target, len, &self.job, f) }.unwrap_or_else(|stop| stop.resume());
    }

    /// See [`super::map_simd_vec`].
    ///
    /// # Panics
    /// When inputs differ in length, or `f` panics.
    pub fn map_simd_vec<S: IntoLanes>(&self, input: S, f: impl Fn(Given<S>) -> S::Lanes + Sync) -> Vec<NumberOf<S>> {
        let input = input.into_lanes();
        let len = length("map_simd_vec", input.sizes(), None);
        let mut out = Vec::with_capacity(len);
        let target = Target::fresh(out.as_mut_ptr(), len);
        // SAFETY: the vector's own memory for `len` numbers, which nobody else knows.
        unsafe { run(input, target, len, &self.job, f) }.unwrap_or_else(|stop| stop.resume());
        // SAFETY: all were written, or `run` had returned an error.
        unsafe { out.set_len(len) };
        out
    }

    /// See [`super::map_simd_in_place`].
    ///
    /// # Panics
    /// When `f` panics.
    pub fn map_simd_in_place<T: LaneNumber>(&self, numbers: &mut [T], f: impl Fn(T::Lanes) -> T::Lanes + Sync) {
        let (start, len) = (numbers.as_mut_ptr(), numbers.len());
        let target = Target::new(start, len, false);
        // SAFETY: borrowed uniquely until the end, for reading and writing; each vector is read
        // before it is written, by the same thread.
        unsafe { run(LaneSlice::at(start, len), target, len, &self.job, f) }.unwrap_or_else(|stop| stop.resume());
    }
}
