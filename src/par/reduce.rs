//! Reductions: fixed blocks, so that a result does not depend on threads or timing, and within a
//! block several chains of operations at once.

use super::collect::{Out, Par, discard, each};
use super::drive::{At, Body, Failure, Job, Stop, drive};
use super::source::{IntoTasks, Tasks};
use crate::rt;
use std::mem::{forget, needs_drop};
use std::ops::Range;

/// Reductions combine this many partial results at most.
const BLOCKS: usize = 4096;
/// Chains that a block is reduced in; their results are combined in order.
const CHAINS: usize = 4;
/// Steps between two looks at the interrupt: blocks of many long tasks take long themselves.
pub(super) const UNSEEN: usize = 4096;
/// Shorter stretches are one chain.
const WORTH: usize = 64;

/// The length of the blocks of a reduction. It depends on the number of tasks alone: that makes the
/// order of floating-point operations, and so the result, the same every time.
pub(super) fn block_of(len: usize) -> usize {
    len.div_ceil(BLOCKS).max(16)
}

/// One value for each block of `0..len`, in order.
///
/// `f` gets a block and where to note the task it is at.
pub(super) fn blocks<T: Send>(
    len: usize,
    block: usize,
    job: &Job,
    f: impl Fn(Range<usize>, &mut usize) -> T + Sync,
) -> Result<Vec<T>, Failure> {
    let mut parts: Vec<T> = Vec::with_capacity(len.div_ceil(block));
    let out = Out(parts.as_mut_ptr());
    let body = |range: Range<usize>, at: &mut usize| {
        let mut start = range.start;
        while start < range.end {
            let end = (start + block).min(range.end);
            let part = f(start..end, at);
            // SAFETY: `drive` passes ranges that start at multiples of `block` within `0..len`, none
            // twice, so each block has a place that nobody else writes.
            unsafe { out.at(start / block).write(part) };
            start = end;
        }
    };
    match drive(len, block, job, Body::new(&body)) {
        Ok(()) => {
            // SAFETY: `drive` returned Ok, so every block was written.
            unsafe { parts.set_len(len.div_ceil(block)) };
            Ok(parts)
        }
        Err(failure) => {
            if needs_drop::<T>() {
                for part in failure.finished() {
                    // A block was written when all of its tasks finished.
                    let whole = part.start.div_ceil(block)..part.end / block;
                    // SAFETY: it was, and `parts` is still empty. (The last block, when it is a short
                    // one, is leaked.)
                    whole.for_each(|index| unsafe { out.at(index).drop_in_place() });
                }
            }
            Err(failure)
        }
    }
}

impl Par {
    pub(crate) fn try_map_reduce<S, T>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> T + Sync,
        identity: T,
        op: impl Fn(T, T) -> T + Sync,
    ) -> Result<T, Stop>
    where
        S: IntoTasks,
        T: Clone + Send + Sync,
    {
        let tasks = tasks.into_tasks();
        let len = tasks.size();
        let fold = |range: Range<usize>, at: &mut usize| {
            // SAFETY: `blocks` passes ranges within `0..len`, none twice.
            unsafe { fold(&tasks, range, at, &f, &identity, &op) }
        };
        let parts = blocks(len, block_of(len), &self.job, fold);
        let ended = parts.as_ref().map(|_| ()).map_err(Failure::clone);
        // SAFETY: the loop is over, and `len` is the number of tasks.
        unsafe { discard(&tasks, len, &ended) };
        let parts = parts.map_err(|failure| failure.stop)?;
        Ok(parts.into_iter().reduce(&op).unwrap_or(identity))
    }
}

/// Reduces one block, in order.
///
/// # Safety
/// As for [`each`].
#[inline(always)]
unsafe fn fold<S: Tasks, T: Clone>(
    tasks: &S,
    range: Range<usize>,
    at: &mut usize,
    f: &impl Fn(S::Item) -> T,
    identity: &T,
    op: &impl Fn(T, T) -> T,
) -> T {
    let mut total = identity.clone();
    // An addition waits for the one before it, some four cycles; several chains of neighbours fill
    // that time. The chains of values with a destructor would have to survive a panic, and items
    // with one are to be taken in order (see `discard`).
    if const { needs_drop::<T>() || needs_drop::<S::Item>() } {
        let mut held = Some(total);
        // SAFETY: the caller's promise, passed on.
        unsafe {
            each(tasks, range, at, |_, item| {
                let before = held.take().unwrap_or_else(|| identity.clone());
                held = Some(op(before, f(item)));
            });
        }
        return held.unwrap_or_else(|| identity.clone());
    }
    let mut start = range.start;
    while start < range.end {
        let end = tasks.stretch(start..range.end);
        // SAFETY: within the tasks, by the contract.
        let base = unsafe { tasks.base(start) };
        let mut step = |total: T, k: usize| {
            let guard = At { task: start + k, out: at };
            // SAFETY: within the stretch, and taken only here, by the contract.
            let total = op(total, f(unsafe { tasks.item(base, k) }));
            forget(guard);
            total
        };
        let len = end - start;
        let chain = if len < WORTH { 0 } else { len / CHAINS };
        if chain > 0 {
            let mut a = total;
            let [mut b, mut c, mut d] = [identity.clone(), identity.clone(), identity.clone()];
            let mut from = 0;
            while from < chain {
                let to = (from + UNSEEN).min(chain);
                for k in from..to {
                    a = step(a, k);
                    b = step(b, chain + k);
                    c = step(c, 2 * chain + k);
                    d = step(d, 3 * chain + k);
                }
                from = to;
                rt::check_interrupt();
            }
            total = op(op(a, b), op(c, d));
        }
        for k in CHAINS * chain..len {
            total = step(total, k);
        }
        start = end;
    }
    total
}
