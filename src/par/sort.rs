//! Sorting with all threads: what users call. Interrupts stop it, and a panic in a comparison is reported as
//! that of a task. The algorithm is `samplesort.rs`.

use super::drive::Stop;
use super::samplesort;
use crate::rt;
use std::cmp::Ordering;
use std::panic::resume_unwind;

/// Sorts; what unwinds out of it becomes one error.
fn sorted<T: Send + Sync>(items: &mut [T], run: impl Fn(&mut [T]) + Sync, order: impl Fn(&T, &T) -> Ordering + Sync) {
    samplesort::sort(items, &run, &order).unwrap_or_else(|stop| failed(stop));
}

/// Unwinds as a comparison did; the panic hook ran there.
#[cold]
fn failed(stop: Stop) -> ! {
    match stop {
        Stop::Interrupted => stop.resume(),
        Stop::Panicked { message, .. } => resume_unwind(Box::new(format!("a comparison panicked: {message}"))),
    }
}

/// Stops a sort in the middle of its comparisons.
#[cold]
#[inline(never)]
fn interrupted() {
    rt::check_interrupt();
}

#[inline(always)]
fn watched<T>(order: impl Fn(&T, &T) -> Ordering) -> impl Fn(&T, &T) -> Ordering {
    move |a, b| {
        if rt::interrupted() {
            interrupted();
        }
        order(a, b)
    }
}

/// The order of numbers, with NaN after all others, as NumPy sorts; of other types, that of `<`.
#[inline(always)]
fn natural<T: PartialOrd>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| missing(a).cmp(&missing(b)))
}

/// What cannot be compared with itself is, or holds, a NaN.
fn missing<T: PartialOrd>(a: &T) -> bool {
    a.partial_cmp(a).is_none()
}

/// Sorts in parallel; equal items keep their order. Floats can be sorted: NaN comes last, as in NumPy.
///
/// An interrupt stops it; the items are then all there, in no particular order.
///
/// # Panics
/// When a comparison panics; all items are still there.
///
/// ```
/// let mut a = vec![2.5, f64::NAN, -1.0];
/// ferrolab::par::sort(&mut a);
/// assert_eq!(a[..2], [-1.0, 2.5]);
/// assert!(a[2].is_nan());
/// ```
pub fn sort<T: PartialOrd + Send + Sync>(items: &mut [T]) {
    sorted(items, |run| run.sort_by(natural), natural);
}

/// Sorts in parallel, in the order that `order` says; equal items keep their order. See [`sort`].
///
/// # Panics
/// When a comparison panics; all items are still there.
///
/// ```
/// let mut a = [1, 3, 2];
/// ferrolab::par::sort_by(&mut a, |x, y| y.cmp(x));
/// assert_eq!(a, [3, 2, 1]);
/// ```
pub fn sort_by<T: Send + Sync>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering + Sync) {
    let order = watched(order);
    sorted(items, |run| run.sort_by(&order), &order);
}

/// Sorts in parallel by what `key` makes of each item; equal items keep their order. See [`sort`].
///
/// # Panics
/// When `key` or a comparison panics; all items are still there.
///
/// ```
/// let mut words = vec!["three", "a", "of"];
/// ferrolab::par::sort_by_key(&mut words, |w| w.len());
/// assert_eq!(words, ["a", "of", "three"]);
/// ```
pub fn sort_by_key<T: Send + Sync, K: PartialOrd>(items: &mut [T], key: impl Fn(&T) -> K + Sync) {
    sort_by(items, |a, b| natural(&key(a), &key(b)));
}

/// As [`sort`], usually faster; equal items may change places.
///
/// # Panics
/// When a comparison panics; all items are still there.
///
/// ```
/// let mut a = [5, 1, 4];
/// ferrolab::par::sort_unstable(&mut a);
/// assert_eq!(a, [1, 4, 5]);
/// ```
pub fn sort_unstable<T: PartialOrd + Send + Sync>(items: &mut [T]) {
    sorted(items, |run| run.sort_unstable_by(natural), natural);
}

/// As [`sort_by`], usually faster; equal items may change places.
///
/// # Panics
/// When a comparison panics; all items are still there.
///
/// ```
/// let mut a = [1.0f64, 3.0, 2.0];
/// ferrolab::par::sort_unstable_by(&mut a, |x, y| y.total_cmp(x));
/// assert_eq!(a, [3.0, 2.0, 1.0]);
/// ```
pub fn sort_unstable_by<T: Send + Sync>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering + Sync) {
    let order = watched(order);
    sorted(items, |run| run.sort_unstable_by(&order), &order);
}

/// As [`sort_by_key`], usually faster; equal items may change places.
///
/// # Panics
/// When `key` or a comparison panics; all items are still there.
///
/// ```
/// let mut a = [-3, 1, 2];
/// ferrolab::par::sort_unstable_by_key(&mut a, |x: &i32| x.abs());
/// assert_eq!(a, [1, 2, -3]);
/// ```
pub fn sort_unstable_by_key<T: Send + Sync, K: PartialOrd>(items: &mut [T], key: impl Fn(&T) -> K + Sync) {
    sort_unstable_by(items, |a, b| natural(&key(a), &key(b)));
}

/// The indices that would sort the items, as `numpy.argsort`: those of equal items are in order, NaN
/// comes last.
///
/// # Panics
/// When a comparison panics.
///
/// ```
/// assert_eq!(ferrolab::par::argsort(&[2.0, 9.0, -1.0]), [2, 0, 1]);
/// ```
#[must_use]
pub fn argsort<T: PartialOrd + Sync>(items: &[T]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..items.len()).collect();
    sort_unstable_by(&mut places, |a, b| natural(&items[*a], &items[*b]).then(a.cmp(b)));
    places
}
