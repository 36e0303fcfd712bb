//! The engine of all parallel loops: hands ranges of indices to the threads of the pool.
//!
//! It is compiled once, in this crate; a cell compiles only the closure over a range. Ranges are
//! claimed from one counter and grow until one takes about a millisecond, so that uneven tasks
//! balance, counting costs nothing and an interrupt is seen soon.

use crate::progress::{Outcome, State};
use crate::rt;
use std::any::Any;
use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A range that took less is followed by a longer one.
const SHORT: Duration = Duration::from_micros(500);
/// A range that took more is followed by a shorter one.
const LONG: Duration = Duration::from_millis(4);
/// Work that ends within this time never leaves the calling thread.
const ALONE: Duration = Duration::from_micros(10);

/// Why a loop ended early.
pub(crate) enum Stop {
    /// A task panicked: its index and message.
    Panicked { task: usize, message: String },
    /// The user interrupted.
    Interrupted,
}

impl Stop {
    /// Unwinds as the task did, once, on the calling thread.
    ///
    /// The panic hook ran where the task panicked, so it does not run again.
    pub(crate) fn resume(self) -> ! {
        match self {
            Self::Interrupted => resume_unwind(Box::new(rt::Interrupted)),
            Self::Panicked { task, message } => resume_unwind(Box::new(format!("task {task} panicked: {message}"))),
        }
    }
}

/// How a loop runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Job {
    pub(crate) quiet: bool,
    pub(crate) message: String,
}

/// Runs over one range; writes the index it is at when it unwinds.
pub(crate) type Body<'a> = &'a (dyn Fn(Range<usize>, &mut usize) + Sync);

/// Remembers a task's index for the case that it panics, at no cost when it can't.
pub(crate) struct At<'a> {
    pub(crate) task: usize,
    pub(crate) out: &'a mut usize,
}
impl Drop for At<'_> {
    fn drop(&mut self) {
        *self.out = self.task;
    }
}

thread_local! {
    /// How many loops this thread is inside of: only the outermost shows progress.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs `work`; loops that this thread starts in it show no progress by themselves.
pub(crate) fn without_bars<R>(work: impl FnOnce() -> R) -> R {
    struct Deeper;
    impl Drop for Deeper {
        fn drop(&mut self) {
            DEPTH.set(DEPTH.get() - 1);
        }
    }
    DEPTH.set(DEPTH.get() + 1);
    let _deeper = Deeper;
    work()
}

struct Loop<'a> {
    body: Body<'a>,
    len: usize,
    grain: usize,
    workers: usize,
    next: AtomicUsize,
    stopped: AtomicBool,
    first: Mutex<Option<Stop>>,
    bar: Option<Arc<State>>,
}

/// Runs `body` over `0..len` in ranges that start at multiples of `grain`.
#[inline(never)]
pub(crate) fn drive(len: usize, grain: usize, job: &Job, body: Body<'_>) -> Result<(), Stop> {
    if len == 0 {
        return Ok(());
    }
    assert!(len < usize::MAX / 2, "too many tasks");
    let grain = grain.max(1);
    let workers = rt::threads().clamp(1, len.div_ceil(grain));
    let mut run = Loop {
        body,
        len,
        grain,
        workers,
        next: AtomicUsize::new(0),
        stopped: AtomicBool::new(false),
        first: Mutex::new(None),
        bar: None,
    };
    // With many tasks, trying one first costs little even if it is long, and tells whether the
    // rest is worth waking threads for.
    let many = len.div_ceil(grain) >= 32 * workers;
    if (many || workers == 1) && run.alone() {
        return run.outcome();
    }
    let outermost = DEPTH.get() == 0;
    if outermost && !job.quiet && !run.done() {
        run.bar = Some(State::automatic(len as u64, &job.message));
        if let Some(bar) = &run.bar {
            bar.add(run.next.load(Ordering::Relaxed).min(len) as u64);
        }
    }
    let run = run;
    if run.workers == 1 {
        run.work();
    } else {
        rayon::in_place_scope(|scope| {
            for _ in 1..run.workers {
                scope.spawn(|_| run.work());
            }
            run.work();
        });
    }
    let bar = run.bar.clone();
    let outcome = run.outcome();
    if let Some(bar) = bar {
        bar.finish(match &outcome {
            Ok(()) => Outcome::Done,
            Err(Stop::Interrupted) => Outcome::Interrupted,
            Err(Stop::Panicked { .. }) => Outcome::Failed,
        });
    }
    outcome
}

impl Loop<'_> {
    fn done(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.next.load(Ordering::Relaxed) >= self.len
    }

    /// Runs on this thread for a moment; true when that was all.
    fn alone(&self) -> bool {
        let start = Instant::now();
        let mut take = self.grain;
        while start.elapsed() < ALONE {
            if self.range(take).is_none() {
                return true;
            }
            take *= 2;
        }
        self.done()
    }

    /// Claims and runs ranges until there are none.
    fn work(&self) {
        DEPTH.set(DEPTH.get() + 1);
        let mut take = self.grain;
        while let Some(elapsed) = self.range(take) {
            if elapsed < SHORT {
                take = take.saturating_mul(if elapsed < SHORT / 8 { 8 } else { 2 });
            } else if elapsed > LONG {
                take = (take / 2).max(1);
            }
            let left = self.len.saturating_sub(self.next.load(Ordering::Relaxed));
            // Near the end all threads should still have something to do.
            take = take.min(left / (2 * self.workers)).max(self.grain);
            take = take.next_multiple_of(self.grain);
        }
        DEPTH.set(DEPTH.get() - 1);
    }

    /// Claims and runs one range; `None` when there is nothing left to do.
    fn range(&self, take: usize) -> Option<Duration> {
        if self.stopped.load(Ordering::Relaxed) {
            return None;
        }
        if rt::interrupted() {
            self.stop(Stop::Interrupted);
            return None;
        }
        let start = self.next.fetch_add(take, Ordering::Relaxed);
        if start >= self.len {
            return None;
        }
        let end = start.saturating_add(take).min(self.len);
        let before = Instant::now();
        let mut at = start;
        let result = catch_unwind(AssertUnwindSafe(|| (self.body)(start..end, &mut at)));
        if let Err(payload) = result {
            self.stop(match payload.is::<rt::Interrupted>() {
                true => Stop::Interrupted,
                false => Stop::Panicked { task: at, message: message(&*payload) },
            });
            return None;
        }
        if let Some(bar) = &self.bar {
            bar.add((end - start) as u64);
        }
        Some(before.elapsed())
    }

    /// The first task in order is the one that is reported.
    fn stop(&self, why: Stop) {
        self.stopped.store(true, Ordering::Relaxed);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let replace = match (&*first, &why) {
            (None, _) => true,
            (Some(Stop::Panicked { task: a, .. }), Stop::Panicked { task: b, .. }) => b < a,
            (Some(Stop::Interrupted), _) | (_, Stop::Interrupted) => false,
        };
        if replace {
            *first = Some(why);
        }
    }

    fn outcome(self) -> Result<(), Stop> {
        let first = self.first.into_inner().unwrap_or_else(PoisonError::into_inner);
        first.map_or(Ok(()), Err)
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    if let Some(text) = payload.downcast_ref::<String>() {
        return text.clone();
    }
    "with a value that is not text".to_owned()
}
