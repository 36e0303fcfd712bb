//! Sorting with all threads: rayon's sorts, made to stop for an interrupt, and to report a panic in a
//! comparison as other loops do.

use super::collect::Par;
use super::drive::Stop;
use crate::rt;
use rayon::slice::ParallelSliceMut;
use std::cmp::Ordering;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Items that one thread sorts at a time: a few milliseconds, between which an interrupt is seen.
const RUN: usize = 1 << 16;
/// The same, where a comparison is slow.
const SLOW_RUN: usize = RUN / 32;
/// A comparison that takes longer is slow.
const SLOW: Duration = Duration::from_nanos(100);
/// Comparisons that unwind when the user interrupts. One would do, but each of thousands of waiting
/// parts of the sort goes on until it unwinds by itself, or has nothing left to do.
const UNWINDING: usize = 64;

/// Sorts runs of the items with the standard library's sort, then merges them with rayon's, which
/// finds the runs by itself and keeps the order of equal items.
fn in_runs<T: Send>(items: &mut [T], run: impl Fn(&mut [T]) + Sync, order: impl Fn(&T, &T) -> Ordering + Sync) {
    rt::check_interrupt();
    let length = if is_slow(items, &order) { SLOW_RUN } else { RUN };
    let sorted = Par::new().try_for_each(super::chunks_mut(items, length), run);
    sorted.unwrap_or_else(|stop| failed(stop));
    if items.len() > length {
        let unwound = AtomicUsize::new(0);
        guarded(&mut || items.par_sort_by(watched(&order, &unwound)));
    }
}

/// Does a comparison take long? From a few neighbours in the middle, of slices that are worth it.
fn is_slow<T>(items: &[T], order: &impl Fn(&T, &T) -> Ordering) -> bool {
    const TRIED: usize = 16;
    if items.len() < SLOW_RUN {
        return false;
    }
    let some = &items[items.len() / 2..][..=TRIED];
    let begin = Instant::now();
    let tried = catch_unwind(AssertUnwindSafe(|| some.windows(2).for_each(|w| _ = black_box(order(&w[0], &w[1])))));
    if let Err(payload) = tried {
        failed(Stop::from_payload(&*payload, 0));
    }
    begin.elapsed() > SLOW * TRIED as u32
}

/// Runs a sort; what unwinds out of it becomes one error.
#[inline(never)]
fn guarded(sort: &mut (dyn FnMut() + Send)) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(sort)) {
        failed(Stop::from_payload(&*payload, 0));
    }
}

/// Unwinds as a comparison did; the panic hook ran there.
#[cold]
fn failed(stop: Stop) -> ! {
    match stop {
        Stop::Interrupted => stop.resume(),
        Stop::Panicked { message, .. } => resume_unwind(Box::new(format!("a comparison panicked: {message}"))),
    }
}

/// Stops a sort in the middle of its comparisons: the first ones unwind, later ones answer anything,
/// so that what is left ends soon.
#[cold]
#[inline(never)]
fn interrupted(unwound: &AtomicUsize) -> Ordering {
    if unwound.fetch_add(1, Relaxed) < UNWINDING {
        rt::check_interrupt();
    }
    Ordering::Less
}

#[inline(always)]
fn watched<T>(order: impl Fn(&T, &T) -> Ordering, unwound: &AtomicUsize) -> impl Fn(&T, &T) -> Ordering {
    move |a, b| {
        if rt::interrupted() {
            return interrupted(unwound);
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
pub fn sort<T: PartialOrd + Send>(items: &mut [T]) {
    sort_by(items, natural);
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
pub fn sort_by<T: Send>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering + Sync) {
    in_runs(items, |run| run.sort_by(&order), &order);
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
pub fn sort_by_key<T: Send, K: PartialOrd>(items: &mut [T], key: impl Fn(&T) -> K + Sync) {
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
pub fn sort_unstable<T: PartialOrd + Send>(items: &mut [T]) {
    sort_unstable_by(items, natural);
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
pub fn sort_unstable_by<T: Send>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering + Sync) {
    in_runs(items, |run| run.sort_unstable_by(&order), &order);
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
pub fn sort_unstable_by_key<T: Send, K: PartialOrd>(items: &mut [T], key: impl Fn(&T) -> K + Sync) {
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
