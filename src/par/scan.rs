//! Running totals, in two passes over fixed blocks: the same result for any number of threads.

use super::collect::{Out, Par, discard, drop_finished, each};
use super::number::{Number, Numeric};
use super::reduce::{block_of, blocks};
use super::source::{IntoTasks, Tasks};
use std::ops::Range;

/// Blocks are not shorter: a second pass over a few items is not worth it.
const BLOCK: usize = 1024;

/// The running result of an associative `op`: `result[i]` combines items `0..=i`, in order.
///
/// Blocks of the input are scanned in parallel, then what is before each block is added to it; the
/// blocks depend on the number of items alone, so a float result does not depend on the number of
/// threads. `identity` must not change what it is combined with.
///
/// # Panics
/// When `op` panics, with the index of an item in the message.
///
/// ```
/// let top = ferrolab::par::scan(vec![3, 1, 4, 1, 5], 0, |a, b| a.max(b));
/// assert_eq!(top, [3, 3, 4, 4, 5]);
/// ```
pub fn scan<S, T>(tasks: S, identity: T, op: impl Fn(T, T) -> T + Sync) -> Vec<T>
where
    S: IntoTasks<Item = T>,
    T: Clone + Send + Sync,
{
    running(tasks, |item| item, identity, op, true)
}

/// As [`scan`], without the item itself: `result[i]` combines items `0..i`, so `result[0]` is
/// `identity`.
///
/// # Panics
/// When `op` panics, with the index of an item in the message.
///
/// ```
/// // Where each group starts, from the groups' sizes.
/// let starts = ferrolab::par::scan_exclusive(vec![3, 1, 4], 0, |a, b| a + b);
/// assert_eq!(starts, [0, 3, 4]);
/// ```
pub fn scan_exclusive<S, T>(tasks: S, identity: T, op: impl Fn(T, T) -> T + Sync) -> Vec<T>
where
    S: IntoTasks<Item = T>,
    T: Clone + Send + Sync,
{
    running(tasks, |item| item, identity, op, false)
}

/// The running sum of numbers, as `numpy.cumsum`.
///
/// ```
/// assert_eq!(ferrolab::par::cumsum(&[1.0, 2.0, 3.0]), [1.0, 3.0, 6.0]);
/// ```
pub fn cumsum<S, N>(tasks: S) -> Vec<N>
where
    S: IntoTasks<Item: Numeric<Number = N>>,
    N: Number,
{
    running(tasks, Numeric::number, N::ZERO, |a, b| a + b, true)
}

fn running<S, T>(
    tasks: S,
    f: impl Fn(S::Item) -> T + Sync,
    identity: T,
    op: impl Fn(T, T) -> T + Sync,
    inclusive: bool,
) -> Vec<T>
where
    S: IntoTasks,
    T: Clone + Send + Sync,
{
    let tasks = tasks.into_tasks();
    let len = tasks.size();
    let block = block_of(len).max(BLOCK);
    let mut results: Vec<T> = Vec::with_capacity(len);
    let out = Out(results.as_mut_ptr());
    let par = Par::new();
    let one = |range: Range<usize>, at: &mut usize| {
        let mut held = Some(identity.clone());
        // SAFETY: `blocks` passes ranges within `0..len`, none twice; each index is written once, by
        // the task that `each` counts as finished when its closure returns.
        unsafe {
            each(&tasks, range, at, |index, item| {
                let before = held.take().unwrap_or_else(|| identity.clone());
                let kept = if inclusive { None } else { Some(before.clone()) };
                let after = op(before, f(item));
                let value = kept.unwrap_or_else(|| after.clone());
                held = Some(after);
                out.at(index).write(value);
            });
        }
        held.unwrap_or_else(|| identity.clone())
    };
    let totals = blocks(len, block, &par.job, one);
    let ended = totals.as_ref().map(|_| ()).map_err(Clone::clone);
    // SAFETY: the loop is over, and `len` is the number of tasks.
    unsafe { discard(&tasks, len, &ended) };
    let totals = totals.unwrap_or_else(|failure| {
        // SAFETY: `each` wrote them, and `results` is still empty.
        unsafe { drop_finished(&out, &failure) };
        failure.stop.resume()
    });
    // SAFETY: every index was written.
    unsafe { results.set_len(len) };
    if totals.len() > 1 {
        let mut carry = totals[0].clone();
        let mut before = Vec::with_capacity(totals.len() - 1);
        for total in &totals[1..] {
            before.push(carry.clone());
            carry = op(carry, total.clone());
        }
        let parts = super::chunks_mut(&mut results[block..], block);
        par.quiet().for_each((parts, &before), |(part, before)| {
            part.iter_mut().for_each(|x| *x = op(before.clone(), x.clone()));
        });
    }
    results
}
