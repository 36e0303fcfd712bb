//! Elementwise functions: written once over lanes, called with numbers, slices and arrays, whose
//! shapes broadcast as in NumPy.

use super::broadcast::{BLOCK, Broadcast, ShapeError, View};
use super::collect::Par;
use super::drive::{Body, drive};
use super::fresh::Fresh;
use super::lanes::{LaneSlice, LaneSource, LaneTuple, Target, walk};
use super::operand::{Join, Kind, Operand};
use crate::simd::{F32s, F64s, LaneNumber, Lanes};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Calls a function on the numbers of a range of the result, and writes what it returns to the
/// pointer's place for the first number of all, and on.
type Filler<'a, T> = &'a (dyn Fn(&Broadcast, Range<usize>, &mut usize, Target<T>) + Sync);

/// What is compiled once for each number, and not in cells: planning, memory, threads.
pub trait Elementwise: LaneNumber {
    /// Shape and numbers of the result.
    #[doc(hidden)]
    fn evaluate(par: &Par, views: &[View], body: Filler<'_, Self>) -> Result<(Vec<usize>, Vec<Self>), ShapeError>;
}
macro_rules! elementwise {
    ($($t:ty)*) => {$(
        impl Elementwise for $t {
            fn evaluate(par: &Par, views: &[View], body: Filler<'_, $t>) -> Result<(Vec<usize>, Vec<$t>), ShapeError> {
                let plan = Broadcast::new(size_of::<$t>(), views)?;
                let len = plan.count().expect("the result has more numbers than can be counted");
                let mut out: Vec<$t> = Vec::with_capacity(len);
                let target = Target::new(out.as_mut_ptr(), len, false);
                let body = |range: Range<usize>, at: &mut usize| body(&plan, range, at, target);
                drive(len, 16, &par.job, Body::new(&body).with(Fresh::of(out.as_mut_ptr(), len))).unwrap_or_else(|failure| failure.stop.resume());
                // SAFETY: `walk` wrote all, or `drive` had returned an error.
                unsafe { out.set_len(len) };
                Ok((plan.shape, out))
            }
        }
    )*};
}
elementwise!(f64 f32);

/// Calls `f` along a range of what `plan` says; `source` makes the closure's input of as many pointers as
/// there are operands, the first number's index, and the end's.
///
/// # Safety
/// What the plan was made of is borrowed, in numbers of type `L::Item`, and has `N` operands; `target` is
/// as many numbers as the plan counts, of which nobody else writes the range.
#[inline]
unsafe fn walk_blocks<L: Lanes, S: LaneSource<Lanes = L>, const N: usize>(
    plan: &Broadcast,
    range: Range<usize>,
    at: &mut usize,
    target: Target<L::Item>,
    source: impl Fn([*const u8; N], usize, usize) -> S,
    f: impl Fn(S::Item) -> L,
) {
    let mut buffers: [MaybeUninit<[L::Item; BLOCK]>; N] = [const { MaybeUninit::uninit() }; N];
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min(start + BLOCK);
        let mut found = [std::ptr::null(); N];
        // SAFETY: within the count, not empty, at most BLOCK numbers, for which there is room.
        unsafe { plan.blocks(start, end - start, buffers.as_mut_ptr().cast(), &mut found) };
        // SAFETY: the numbers of this block are at these addresses; the rest is the caller's promise.
        unsafe { walk(source(found, start, end), target, start..end, at, &f) };
        start = end;
    }
}

/// Numbers at `from`, indexed from `start` to `end` as those of the result.
#[inline]
fn indexed<T: LaneNumber>(from: *const u8, start: usize, end: usize) -> LaneSlice<'static, T> {
    LaneSlice::at(from.cast::<T>().wrapping_sub(start), end)
}

/// The type, once for each operand.
macro_rules! each {
    ($t:ident $operand:ident) => {
        $t
    };
}

type Two<T, A, B> = <<A as Operand<T>>::Kind as Join<<B as Operand<T>>::Kind>>::Kind;
type Three<T, A, B, C> = <Two<T, A, B> as Join<<C as Operand<T>>::Kind>>::Kind;

macro_rules! ufunc {
    ($name:ident $type:ident $single:ident $vectorize:ident $count:literal $n:literal
     ($($operand:ident $generic:ident),*) $join:ty, [$($bounds:tt)*], $example:literal, $scalar:literal) => {
        #[doc = concat!("An elementwise function of ", $count, "; see [`", stringify!($name), "`].")]
        #[derive(Debug, Clone)]
        pub struct $type<F, L = F64s> {
            f: F,
            par: Par,
            lanes: PhantomData<fn(L) -> L>,
        }

        #[doc = concat!("An elementwise function of ", $count, ", over lanes of `f64` ([`F64s`]).")]
        ///
        /// Its `call` takes numbers, slices, vectors and ndarray arrays, in any mixture. Shapes broadcast
        /// by NumPy's rule: counted from the last axis, lengths are equal, or 1, which repeats. Numbers
        /// give a number, slices a vector, anything with an array an array. It runs on all threads.
        ///
        /// ```
        #[doc = $example]
        /// # Ok::<(), ferrolab::par::ShapeError>(())
        /// ```
        pub fn $name<F: Fn($(each!(F64s $operand)),*) -> F64s + Sync>(f: F) -> $type<F> {
            $type { f, par: Par::new(), lanes: PhantomData }
        }

        #[doc = concat!("As [`", stringify!($name), "`], over lanes of `f32` ([`F32s`]).")]
        pub fn $single<F: Fn($(each!(F32s $operand)),*) -> F32s + Sync>(f: F) -> $type<F, F32s> {
            $type { f, par: Par::new(), lanes: PhantomData }
        }

        #[doc = concat!("As [`", stringify!($name), "`], of a function of single `f64`, as NumPy's `vectorize`: for what lanes cannot do.")]
        ///
        /// ```
        #[doc = $scalar]
        /// # Ok::<(), ferrolab::par::ShapeError>(())
        /// ```
        pub fn $vectorize<F>(f: F) -> $type<impl Fn($(each!(F64s $operand)),*) -> F64s + Sync>
        where
            F: Fn($(each!(f64 $operand)),*) -> f64 + Sync,
        {
            $name(move |$($operand: F64s),*| {
                $(let $operand = $operand.to_array();)*
                F64s::from_fn(|lane| f($($operand[lane]),*))
            })
        }

        impl<L: Lanes<Item: Elementwise>, F: Fn($(each!(L $operand)),*) -> L + Sync> $type<F, L> {
            /// Shows no progress bar.
            #[must_use]
            pub fn quiet(mut self) -> Self {
                self.par = self.par.quiet();
                self
            }

            /// Names the work in its progress bar.
            #[must_use]
            pub fn message(mut self, text: &str) -> Self {
                self.par = self.par.message(text);
                self
            }

            /// Shows in its progress bar as well what each thread has done.
            #[must_use]
            pub fn lanes(mut self) -> Self {
                self.par = self.par.lanes();
                self
            }

            /// Calls the function on all numbers that meet when the shapes are broadcast.
            ///
            /// # Errors
            /// When the shapes do not go together.
            ///
            /// # Panics
            /// When the function panics.
            pub fn call<$($generic),*>(&self, $($operand: $generic),*) -> Result<<$join as Kind>::Output<L::Item>, ShapeError>
            where
                $($generic: Operand<L::Item>,)*
                $($bounds)*
            {
                let views = [$($operand.view()),*];
                let body = |plan: &Broadcast, range: Range<usize>, at: &mut usize, target: Target<L::Item>| {
                    let source = |[$($operand),*]: [*const u8; $n], start: usize, end: usize| {
                        ufunc!(@source start end $($operand)*)
                    };
                    // SAFETY: the operands live until the end of `call`; `evaluate` passes ranges of its own
                    // memory, none twice.
                    unsafe {
                        walk_blocks(plan, range, at, target, source, |ufunc!(@pattern $($operand)*)| (self.f)($($operand),*));
                    }
                };
                let (shape, numbers) = L::Item::evaluate(&self.par, &views, &body)?;
                Ok(<$join as Kind>::output(&shape, numbers))
            }
        }
    };
    (@source $start:ident $end:ident $one:ident) => { indexed::<L::Item>($one, $start, $end) };
    (@source $start:ident $end:ident $($many:ident)*) => {
        LaneTuple(($(indexed::<L::Item>($many, $start, $end),)*))
    };
    (@pattern $one:ident) => { $one };
    (@pattern $($many:ident)*) => { ($($many,)*) };
}

ufunc!(ufunc1 Ufunc1 ufunc1_f32 vectorize1 "one operand" 1 (a A) <A as Operand<L::Item>>::Kind, [],
    "use ferrolab::{ndarray::array, par};
let f = par::ufunc1(|x| x * x);
assert_eq!(f.call(3.0)?, 9.0);
assert_eq!(f.call(&[1.0, 2.0])?, [1.0, 4.0]);
assert_eq!(f.call(&array![[1.0, 2.0], [3.0, 4.0]].t())?, array![[1.0, 9.0], [4.0, 16.0]]);",
    "let f = ferrolab::par::vectorize1(|x| if x > 2.0 { x.powi(2) } else { 0.0 });
assert_eq!(f.call(&[1.0, 3.0])?, [0.0, 9.0]);");
ufunc!(ufunc2 Ufunc2 ufunc2_f32 vectorize2 "two operands" 2 (a A, b B) Two<L::Item, A, B>, [A::Kind: Join<B::Kind>],
    "use ferrolab::{ndarray::array, par};
let f = par::ufunc2(|x, y| x * y.sin());
assert_eq!(f.call(2.0, 0.0)?, 0.0);
assert_eq!(f.call(&vec![1.0, 2.0], 1.0)?, [1f64.sin(), 2.0 * 1f64.sin()]);
let (matrix, row) = (array![[1.0, 2.0], [3.0, 4.0]], [0.0, 1.0]);
assert_eq!(f.call(&matrix, &row)?.column(1).to_vec(), [2.0 * 1f64.sin(), 4.0 * 1f64.sin()]);",
    "let hypot = ferrolab::par::vectorize2(|x, y| x.hypot(y));
assert_eq!(hypot.call(&[3.0, 5.0], 4.0)?[0], 5.0);");
ufunc!(ufunc3 Ufunc3 ufunc3_f32 vectorize3 "three operands" 3 (a A, b B, c C) Three<L::Item, A, B, C>,
    [A::Kind: Join<B::Kind>, Two<L::Item, A, B>: Join<C::Kind>],
    "use ferrolab::par;
let lerp = par::ufunc3(|x, y, t| x + (y - x) * t);
assert_eq!(lerp.call(0.0, &[10.0, 20.0], 0.5)?, [5.0, 10.0]);",
    "let clamp = ferrolab::par::vectorize3(|x, low, high| x.max(low).min(high));
assert_eq!(clamp.call(&[-1.0, 3.0], 0.0, 1.0)?, [0.0, 1.0]);");
