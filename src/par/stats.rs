//! Sums, extremes and moments, with fixed blocks and lanes: the same to the last bit for any number
//! of threads, and vectorised.

use super::collect::{Par, discard, each};
use super::number::{Number, Numeric};
use super::reduce::{UNSEEN, block_of, blocks};
use super::source::{IntoTasks, Tasks};
use crate::rt;
use std::ops::{Add, Range, Sub};
use wide::f64x8;

/// Partial sums side by side: enough for four vector registers of `f64`.
const LANES: usize = 16;
/// Blocks of plain numbers are not shorter.
const BLOCK: usize = 1024;
/// Items that the moments look at twice while they are in the first cache.
const GROUP: usize = 512;

/// Runs `f` on every block of plain numbers and gives the parts in order.
fn parts<S: IntoTasks<Item: Numeric>, T: Send>(
    tasks: S,
    f: impl Fn(&S::Tasks, Range<usize>, &mut usize) -> T + Sync,
) -> Vec<T> {
    let tasks = tasks.into_tasks();
    let block = block_of(tasks.size()).max(BLOCK);
    parts_of(&tasks, block, f)
}

fn parts_of<S: Tasks, T: Send>(
    tasks: &S,
    block: usize,
    f: impl Fn(&S, Range<usize>, &mut usize) -> T + Sync,
) -> Vec<T> {
    let len = tasks.size();
    let parts = blocks(len, block, &Par::new().job, |range, at| f(tasks, range, at));
    let ended = parts.as_ref().map(|_| ()).map_err(Clone::clone);
    // SAFETY: the loop is over, and `len` is the number of tasks. Callers take each item once, or
    // have items without a destructor.
    unsafe { discard(tasks, len, &ended) };
    parts.unwrap_or_else(|failure| failure.stop.resume())
}

/// The sum of all items; 0 when there are none.
///
/// Sixteen partial sums run side by side in each of up to 4096 blocks, so it is as fast as memory, and
/// its rounding error is like that of pairwise summation: far below that of a plain loop.
///
/// ```
/// assert_eq!(ferrolab::par::sum(&[1.5, 2.5]), 4.0);
/// assert_eq!(ferrolab::par::sum(1..=100), 5050);
/// ```
pub fn sum<S, N>(tasks: S) -> N
where
    S: IntoTasks<Item: Numeric<Number = N>>,
    N: Number,
{
    let tasks = tasks.into_tasks();
    let block = block_of(tasks.size()).max(BLOCK);
    sum_of(&tasks, block, Numeric::number)
}

/// The sum of what `f` makes of each item; as [`sum`].
///
/// # Panics
/// When `f` panics, with the index of the item in the message.
///
/// ```
/// let squares = ferrolab::par::sum_by(&[1.0, 2.0, 3.0], |x| x * x);
/// assert_eq!(squares, 14.0);
/// ```
pub fn sum_by<S: IntoTasks, N: Number>(tasks: S, f: impl Fn(S::Item) -> N + Sync) -> N {
    let tasks = tasks.into_tasks();
    // `f` may be long: short blocks, so that every thread gets some.
    sum_of(&tasks, block_of(tasks.size()), f)
}

fn sum_of<S: Tasks, N: Number>(tasks: &S, block: usize, f: impl Fn(S::Item) -> N + Sync) -> N {
    let parts = parts_of(tasks, block, |tasks, range, at| {
        let mut lanes = [N::ZERO; LANES];
        let mut rest = N::ZERO;
        let mut start = range.start;
        while start < range.end {
            let end = tasks.stretch(start..range.end);
            let whole = start + (end - start) / LANES * LANES;
            while start < whole {
                let to = (start + LANES * UNSEEN).min(whole);
                // SAFETY: `parts_of` passes ranges within the tasks, none twice.
                unsafe { lanes_of(tasks, start..to, at, &mut lanes, &f) };
                start = to;
                rt::check_interrupt();
            }
            // SAFETY: as above.
            unsafe { each(tasks, whole..end, at, |_, item| rest = rest + f(item)) };
            start = end;
        }
        add_halves(&mut lanes) + rest
    });
    parts.into_iter().fold(N::ZERO, |a, b| a + b)
}

/// # Safety
/// As for [`each`]; the range is within one stretch, and its length a multiple of the lanes.
#[inline(always)]
unsafe fn lanes_of<S: Tasks, N: Number>(
    tasks: &S,
    range: Range<usize>,
    at: &mut usize,
    lanes: &mut [N; LANES],
    f: &impl Fn(S::Item) -> N,
) {
    if range.is_empty() {
        return;
    }
    // SAFETY: within the tasks.
    let base = unsafe { tasks.base(range.start) };
    let mut sums = *lanes;
    for group in 0..range.len() / LANES {
        for (lane, sum) in sums.iter_mut().enumerate() {
            let k = group * LANES + lane;
            let guard = super::drive::At { task: range.start + k, out: at };
            // SAFETY: within the stretch, and taken only here.
            *sum = *sum + f(unsafe { tasks.item(base, k) });
            std::mem::forget(guard);
        }
    }
    *lanes = sums;
}

fn add_halves<N: Number>(lanes: &mut [N; LANES]) -> N {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = lanes[i] + lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum of all items as if in twice the precision, then rounded: for sums that cancel.
///
/// The error of every addition is found without a branch (Knuth's TwoSum) and added up beside the sum:
/// algorithm Sum2 of Ogita, Rump and Oishi, "Accurate sum and dot product", SIAM Journal on Scientific
/// Computing 26 (2005). When the sum is infinite or NaN, it is that of [`sum`].
///
/// ```
/// let values = [1e16, 1.0, -1e16];
/// assert_eq!(ferrolab::par::sum_compensated(&values), 1.0);
/// ```
pub fn sum_compensated<S>(tasks: S) -> f64
where
    S: IntoTasks<Item: Numeric>,
{
    let parts = parts(tasks, |tasks, range, at| {
        let (mut sums, mut errors) = (f64x8::splat(0.0), f64x8::splat(0.0));
        let mut rest = (0.0, 0.0);
        in_groups(tasks, range, at, |values| {
            let (whole, left) = values.as_chunks();
            // Locals, which the compiler keeps in registers.
            let (mut s, mut e) = (sums, errors);
            for lanes in whole {
                (s, e) = two_sum(s, e, f64x8::from(*lanes));
            }
            (sums, errors) = (s, e);
            left.iter().for_each(|x| rest = two_sum(rest.0, rest.1, *x));
        });
        gather(sums.to_array().into_iter().zip(errors.to_array()).chain([rest]))
    });
    let (sum, error) = gather(parts.into_iter());
    // Infinities make the error NaN.
    if error.is_finite() { sum + error } else { sum }
}

fn gather(parts: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    let (mut sum, mut error) = (0.0, 0.0);
    for (s, e) in parts {
        (sum, error) = two_sum(sum, error + e, s);
    }
    (sum, error)
}

#[inline(always)]
fn two_sum<T: Copy + Add<Output = T> + Sub<Output = T>>(sum: T, error: T, x: T) -> (T, T) {
    let next = sum + x;
    let part = next - sum;
    (next, error + ((sum - (next - part)) + (x - part)))
}

/// Hands the items of a range over as floats, [`GROUP`] at a time.
#[inline(always)]
fn in_groups<S: Tasks<Item: Numeric>>(tasks: &S, range: Range<usize>, at: &mut usize, mut f: impl FnMut(&[f64])) {
    let mut buffer = [0.0; GROUP];
    let mut start = range.start;
    while start < range.end {
        let end = (start + GROUP).min(range.end);
        // SAFETY: `parts` passes ranges within the tasks, none twice; these split them.
        unsafe { each(tasks, start..end, at, |i, item| buffer[(i - start) % GROUP] = item.number().float()) };
        f(&buffer[..end - start]);
        start = end;
    }
}

/// Number, mean, and sum of squared deviations from it.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = lane_sum(values, |x| x) / n;
        Self { n, mean, squares: lane_sum(values, |x| (x - mean) * (x - mean)) }
    }

    /// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    /// variances" (1979).
    fn and(self, other: Self) -> Self {
        if self.n == 0.0 || other.n == 0.0 {
            return if self.n == 0.0 { other } else { self };
        }
        let n = self.n + other.n;
        let apart = other.mean - self.mean;
        Self {
            n,
            mean: self.mean + apart * (other.n / n),
            squares: self.squares + other.squares + apart * apart * (self.n * other.n / n),
        }
    }
}

#[inline(always)]
fn lane_sum(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for group in whole {
        for lane in 0..LANES {
            lanes[lane] += f(group[lane]);
        }
    }
    rest.iter().fold(add_halves(&mut lanes), |sum, x| sum + f(*x))
}

/// The mean of all items; NaN when there are none, as in NumPy.
///
/// ```
/// assert_eq!(ferrolab::par::mean(&[1, 2, 6]), 3.0);
/// assert!(ferrolab::par::mean(&[] as &[f64]).is_nan());
/// ```
pub fn mean<S>(tasks: S) -> f64
where
    S: IntoTasks<Item: Numeric>,
{
    let parts = parts(tasks, |tasks, range, at| {
        let (n, mut sum) = (range.len(), 0.0);
        in_groups(tasks, range, at, |values| sum += lane_sum(values, |x| x));
        (n, sum)
    });
    let (n, sum) = parts.into_iter().fold((0, 0.0), |(n, sum), part| (n + part.0, sum + part.1));
    sum / n as f64
}

/// The variance of all items: the sum of their squared deviations from the mean, divided by their
/// number less `ddof` (0 for that of these items, 1 for an estimate from a sample, as in NumPy).
///
/// Groups are looked at twice and joined by the formula of Chan, Golub and LeVeque (1979), so a large
/// mean does not spoil it. NaN when there are not more than `ddof` items.
///
/// ```
/// assert_eq!(ferrolab::par::variance(&[1.0, 3.0, 5.0], 0), 8.0 / 3.0);
/// let deviation = ferrolab::par::variance(&[1.0, 3.0, 5.0], 1).sqrt();
/// assert_eq!(deviation, 2.0);
/// ```
pub fn variance<S>(tasks: S, ddof: usize) -> f64
where
    S: IntoTasks<Item: Numeric>,
{
    let parts = parts(tasks, |tasks, range, at| {
        let mut all = Moments::default();
        in_groups(tasks, range, at, |values| all = all.and(Moments::of(values)));
        all
    });
    let all = parts.into_iter().fold(Moments::default(), Moments::and);
    match all.n > ddof as f64 {
        true => all.squares / (all.n - ddof as f64),
        false => f64::NAN,
    }
}

/// The smallest item, `None` when there is none; NaN when one is NaN, as in NumPy.
///
/// ```
/// assert_eq!(ferrolab::par::min(&[2.5, -1.0, 7.0]), Some(-1.0));
/// assert_eq!(ferrolab::par::min(&[] as &[i32]), None);
/// ```
pub fn min<S, N>(tasks: S) -> Option<N>
where
    S: IntoTasks<Item: Numeric<Number = N>>,
    N: Number,
{
    extreme(tasks, |a, b| a < b)
}

/// The largest item, `None` when there is none; NaN when one is NaN, as in NumPy.
///
/// ```
/// assert_eq!(ferrolab::par::max(&[2.5, -1.0, 7.0]), Some(7.0));
/// ```
pub fn max<S, N>(tasks: S) -> Option<N>
where
    S: IntoTasks<Item: Numeric<Number = N>>,
    N: Number,
{
    extreme(tasks, |a, b| a > b)
}

/// Is a NaN.
#[inline(always)]
fn missing<N: Number>(x: N) -> bool {
    #[expect(clippy::eq_op, reason = "only a NaN differs from itself")]
    let differs = x != x;
    differs
}

/// The better of two. A NaN is before everything: when it is held, it fails every comparison, so it
/// stays. No branch, for vectors.
#[inline(always)]
fn better<N: Number>(before: &impl Fn(N, N) -> bool, held: N, x: N) -> N {
    if before(x, held) | missing(x) { x } else { held }
}

/// The best item of a block.
///
/// # Safety
/// The range is within the tasks and not empty; items are numbers or references, so that they may be
/// taken more than once.
#[inline(always)]
unsafe fn best_of<S: Tasks<Item: Numeric<Number = N>>, N: Number>(
    tasks: &S,
    range: Range<usize>,
    before: &impl Fn(N, N) -> bool,
) -> N {
    // SAFETY: the caller's promise.
    unsafe {
        let first = tasks.item(tasks.base(range.start), 0).number();
        let mut lanes = [first; LANES];
        let mut start = range.start;
        while start < range.end {
            let end = tasks.stretch(start..range.end);
            let base = tasks.base(start);
            let whole = (end - start) / LANES;
            for group in 0..whole {
                for (lane, held) in lanes.iter_mut().enumerate() {
                    *held = better(before, *held, tasks.item(base, group * LANES + lane).number());
                }
            }
            for k in whole * LANES..end - start {
                lanes[0] = better(before, lanes[0], tasks.item(base, k).number());
            }
            start = end;
        }
        lanes.into_iter().fold(first, |a, b| better(before, a, b))
    }
}

/// The first of all items in an order.
fn extreme<S, N>(tasks: S, before: impl Fn(N, N) -> bool + Sync) -> Option<N>
where
    S: IntoTasks<Item: Numeric<Number = N>>,
    N: Number,
{
    // SAFETY: `parts` passes ranges within the tasks, none empty.
    let parts = parts(tasks, |tasks, range, _| unsafe { best_of(tasks, range, &before) });
    parts.into_iter().reduce(|a, b| better(&before, a, b))
}

/// The index of the first of all items in an order.
fn place<S, N>(tasks: S, before: impl Fn(N, N) -> bool + Sync) -> Option<usize>
where
    S: IntoTasks<Item: Numeric<Number = N>>,
    N: Number,
{
    let tasks = tasks.into_tasks();
    let len = tasks.size();
    let block = block_of(len).max(BLOCK);
    // SAFETY: `parts_of` passes ranges within the tasks, none empty.
    let parts = parts_of(&tasks, block, |tasks, range, _| unsafe { best_of(tasks, range, &before) });
    let best = parts.iter().copied().reduce(|a, b| better(&before, a, b))?;
    let is_best = |x: N| x == best || (missing(x) && missing(best));
    let first = parts.iter().position(|x| is_best(*x))?;
    // SAFETY: an index of the tasks, whose items may be taken more than once.
    (first * block..len).find(|index| is_best(unsafe { tasks.item(tasks.base(*index), 0) }.number()))
}

/// The index of the smallest item, the first of several, `None` when there is none; that of the first
/// NaN when there is one, as in NumPy.
///
/// ```
/// assert_eq!(ferrolab::par::argmin(&[4, 1, 3, 1]), Some(1));
/// ```
pub fn argmin<S, N>(tasks: S) -> Option<usize>
where
    S: IntoTasks<Item: Numeric<Number = N>>,
    N: Number,
{
    place(tasks, |a, b| a < b)
}

/// The index of the largest item, the first of several, `None` when there is none; that of the first
/// NaN when there is one, as in NumPy.
///
/// ```
/// assert_eq!(ferrolab::par::argmax(&[4.0, 9.0, f64::INFINITY, 9.0]), Some(2));
/// ```
pub fn argmax<S, N>(tasks: S) -> Option<usize>
where
    S: IntoTasks<Item: Numeric<Number = N>>,
    N: Number,
{
    place(tasks, |a, b| a > b)
}
