//! Parallel loops for cells: results in order, interruptible, with a progress bar by itself.
//!
//! [`map`], [`for_each`], [`reduce`], [`map_reduce`] and [`filter_map`] run a closure over
//! anything that is [`IntoTasks`]: integer ranges, slices, vectors, tuples of these (zipped),
//! [`chunks`], [`enumerate`], and any iterator through [`items`]. They run on the rayon pool of the
//! session, so that `:threads` applies and rayon's own API can be mixed in. What they add to it:
//!
//! - results are in the order of the tasks, and reductions give the same result, to the last bit
//!   of a float, for any number of threads;
//! - an interrupt stops them between two chunks of about a millisecond;
//! - a panic in a task is one panic in the caller, and names the task;
//! - a bar appears when the work takes longer than 0.3 s ([`quiet`] turns it off);
//! - they compile fast: the closure is the only code a cell compiles.
//!
//! Where a closure runs on a cluster instead, see [`crate::threads`], which has the same functions.

mod array;
mod broadcast;
mod collect;
mod combine;
mod cost;
mod drive;
mod fresh;
mod grid;
mod group;
mod histogram;
mod lanes;
mod map_simd;
mod matmul;
mod monte_carlo;
mod number;
mod operand;
mod options;
mod reduce;
mod samplesort;
mod scan;
mod sort;
mod source;
mod stats;
mod stencil;
#[cfg(test)]
mod tests;
mod text;
mod tick;
mod ufunc;

pub use array::{Elements, ElementsMut, Rows, RowsMut, Shaped, map_array, rows, rows_mut};
pub use broadcast::ShapeError;
pub use collect::Par;
pub use combine::{Chunks, ChunksMut, Enumerate, chunks, chunks_mut, enumerate, items};
pub(crate) use drive::{Stop, message as text_of_panic, without_bars};
pub(crate) use fresh::ready as ready_memory;
pub use grid::{Grid, grid};
pub use group::{GroupIndex, group_count, group_mean, group_sum};
pub(crate) use histogram::Bins;
pub use histogram::{histogram, histogram2};
pub use lanes::{IntoLanes, LaneSlice, LaneSource, LaneTuple};
pub use map_simd::{map_simd, map_simd_in_place, map_simd_vec};
pub(crate) use matmul::matmul_to;
pub use matmul::{Multiply, matmul};
pub use monte_carlo::{Estimate, monte_carlo, monte_carlo_simd};
pub use number::{Number, Numeric};
pub use operand::{Flat, Join, Kind, Nd, Operand, Scalar};
pub use scan::{cumsum, scan, scan_exclusive};
pub use sort::{argsort, sort, sort_by, sort_by_key, sort_unstable, sort_unstable_by, sort_unstable_by_key};
pub use source::{IntoTasks, Tasks};
pub use stats::{argmax, argmin, max, mean, min, sum, sum_by, sum_compensated, variance};
pub(crate) use stencil::mirrored;
pub use stencil::{Around, Around3, Edge, stencil, stencil2, stencil3};
pub(crate) use stencil::{stencil2_within, stencil3_within};
pub(crate) use text::Mapped;
pub use text::{TextBlocks, TextFile, TextLines, text_file};
pub use ufunc::{
    Ufunc1, Ufunc2, Ufunc3, ufunc1, ufunc1_f32, ufunc2, ufunc2_f32, ufunc3, ufunc3_f32, vectorize1, vectorize2,
    vectorize3,
};

/// Runs without a progress bar: `par::quiet().map(…)`.
///
/// ```
/// let squares = ferrolab::par::quiet().map(0..4, |i| i * i);
/// assert_eq!(squares, [0, 1, 4, 9]);
/// ```
#[must_use]
pub fn quiet() -> Par {
    Par::new().quiet()
}

/// Names the work in its progress bar: `par::message("prices").map(…)`.
///
/// ```
/// let n = ferrolab::par::message("counting").map(0..3, |i| i).len();
/// assert_eq!(n, 3);
/// ```
#[must_use]
pub fn message(text: &str) -> Par {
    Par::new().message(text)
}

/// Calls `f` on every item in parallel; results in order.
///
/// # Panics
/// When a task panics, with the index of the task in the message.
///
/// ```
/// let roots = ferrolab::par::map(&[1.0f64, 4.0, 9.0], |x| x.sqrt());
/// assert_eq!(roots, [1.0, 2.0, 3.0]);
/// ```
pub fn map<S: IntoTasks, T: Send>(tasks: S, f: impl Fn(S::Item) -> T + Sync) -> Vec<T> {
    Par::new().map(tasks, f)
}

/// Calls `f` on every item in parallel, for its effect.
///
/// # Panics
/// When a task panics, with the index of the task in the message.
///
/// ```
/// let mut a = vec![1, 2, 3];
/// ferrolab::par::for_each(&mut a, |x| *x *= 10);
/// assert_eq!(a, [10, 20, 30]);
/// ```
pub fn for_each<S: IntoTasks>(tasks: S, f: impl Fn(S::Item) + Sync) {
    Par::new().for_each(tasks, f);
}

/// Calls `f` on every item in parallel and keeps what is `Some`, in order.
///
/// # Panics
/// When a task panics, with the index of the task in the message.
///
/// ```
/// let even = ferrolab::par::filter_map(0..6, |i| (i % 2 == 0).then_some(i));
/// assert_eq!(even, [0, 2, 4]);
/// ```
pub fn filter_map<S: IntoTasks, T: Send>(tasks: S, f: impl Fn(S::Item) -> Option<T> + Sync) -> Vec<T> {
    Par::new().filter_map(tasks, f)
}

/// Combines all items with an associative `op`, starting from `identity`; the result does not
/// depend on the number of threads.
///
/// # Panics
/// When `op` panics, with the index of the item in the message.
///
/// ```
/// assert_eq!(ferrolab::par::reduce(1..=100, 0, |a, b| a + b), 5050);
/// ```
pub fn reduce<S, T>(tasks: S, identity: T, op: impl Fn(T, T) -> T + Sync) -> T
where
    S: IntoTasks<Item = T>,
    T: Clone + Send + Sync,
{
    Par::new().reduce(tasks, identity, op)
}

/// Maps every item with `f` and combines the results with an associative `op`, without keeping
/// them; the result does not depend on the number of threads.
///
/// # Panics
/// When a task panics, with the index of the task in the message.
///
/// ```
/// let sum = ferrolab::par::map_reduce(0..1000u64, |i| i * i, 0, |a, b| a + b);
/// assert_eq!(sum, 332_833_500);
/// ```
pub fn map_reduce<S, T>(tasks: S, f: impl Fn(S::Item) -> T + Sync, identity: T, op: impl Fn(T, T) -> T + Sync) -> T
where
    S: IntoTasks,
    T: Clone + Send + Sync,
{
    Par::new().map_reduce(tasks, f, identity, op)
}
