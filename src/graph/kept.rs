//! Results that outlive a cell that failed. They are in memory that a return to the state before the cell would take
//! away, so the runner asks here before it returns. It keeps nothing itself.

use super::plan::Plan;
use crate::rt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The cell in which tasks of an earlier cell's graph were finished, though not all (high half), and how many.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// Watches a plan that runs.
pub(super) struct Kept<'p> {
    plan: &'p Plan<'p>,
    /// The graph is of an earlier cell, so its handles are variables that stay.
    stays: bool,
}

impl<'p> Kept<'p> {
    pub(super) fn watch(plan: &'p Plan<'p>, made_in: u32) -> Self {
        Self { plan, stays: made_in != rt::cell::count() }
    }

    pub(super) fn all_is_well(mut self) {
        self.stays = false;
    }
}

impl Drop for Kept<'_> {
    /// The plan failed, or was interrupted.
    fn drop(&mut self) {
        if self.stays {
            let done = self.plan.tasks.iter().filter(|task| task.is_done()).count() as u64;
            KEPT.store(u64::from(rt::cell::count()) << 32 | done.min(u64::from(u32::MAX)), Ordering::Relaxed);
        }
    }
}

/// What the running cell finished of a graph that failed or was interrupted, in words.
pub(crate) fn kept_results() -> Option<String> {
    let kept = KEPT.load(Ordering::Relaxed);
    let (cell, done) = ((kept >> 32) as u32, kept as u32);
    match done {
        0 => None,
        _ if cell != rt::cell::count() => None,
        1 => Some("1 result of a graph".to_owned()),
        n => Some(format!("{} results of a graph", ferrolab_base::text::grouped(u64::from(n)))),
    }
}
