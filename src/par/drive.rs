//! The engine of all parallel loops: hands ranges of indices to the threads of the pool.
//!
//! It is compiled once, in this crate; a cell compiles only the closure over a range. Ranges are
//! claimed from one counter and grow until one takes about a millisecond, so that uneven tasks
//! balance, counting costs nothing and an interrupt is seen soon.

use super::cost::{Cost, Site};
use super::fresh::Fresh;
use super::tick::Tick;
use crate::progress::{Inside, Outcome, State};
use crate::rt;
use std::any::Any;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A range that took less is followed by a longer one.
const SHORT: Duration = Duration::from_micros(500);
/// A range that took more is followed by a shorter one.
const LONG: Duration = Duration::from_millis(4);
/// Work that ends within this time never leaves the calling thread.
const ALONE: Duration = Duration::from_micros(10);
/// The first range of a loop whose cost is known takes this long.
const FIRST: Duration = Duration::from_micros(50);
/// Where a body was when it unwound outside of any task.
const NOWHERE: usize = usize::MAX;

/// Why a loop ended early.
#[derive(Debug, Clone)]
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

    /// What a payload that was caught says, in task `task`.
    pub(crate) fn from_payload(payload: &(dyn Any + Send), task: usize) -> Self {
        match payload.is::<rt::Interrupted>() {
            true => Self::Interrupted,
            false => Self::Panicked { task, message: message(payload) },
        }
    }
}

/// How far a loop came that ended early. Ranges are claimed in order, so all of `0..claimed` ran,
/// except for what is in `broken`.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) stop: Stop,
    claimed: usize,
    broken: Vec<Broken>,
}

/// A range that unwound in its task `at` (`NOWHERE`: not in a task).
#[derive(Debug, Clone)]
struct Broken {
    range: Range<usize>,
    at: usize,
}

impl Failure {
    /// The indices whose task returned.
    #[cold]
    pub(crate) fn finished(&self) -> Vec<Range<usize>> {
        let mut broken: Vec<&Broken> = self.broken.iter().collect();
        broken.sort_unstable_by_key(|b| b.range.start);
        let (mut parts, mut from) = (Vec::new(), 0);
        for b in broken {
            parts.push(from..b.range.start);
            if b.at != NOWHERE {
                parts.push(b.range.start..b.at);
            }
            from = b.range.end;
        }
        parts.push(from..self.claimed);
        parts
    }

    /// The indices whose task never began.
    #[cold]
    pub(crate) fn untouched(&self) -> Vec<Range<usize>> {
        let known = self.broken.iter().filter(|b| b.at != NOWHERE);
        known.map(|b| b.at + 1..b.range.end).chain(std::iter::once(self.claimed..usize::MAX)).collect()
    }
}

/// How a loop runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Job {
    pub(crate) quiet: bool,
    pub(crate) lanes: bool,
    pub(crate) message: String,
}

/// A closure that runs over one range, and writes the index it is at when it unwinds (see [`At`]).
///
/// A pointer and a function instead of `&dyn Fn`, because the function's address tells what code
/// a loop runs.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    data: *const (),
    call: unsafe fn(*const (), Range<usize>, &mut usize),
    fresh: Fresh,
    life: PhantomData<&'a ()>,
}
// SAFETY: `data` is a `&F` with `F: Sync`, by the only constructor.
unsafe impl Sync for Body<'_> {}
// SAFETY: as above; references to `Sync` types can move between threads.
unsafe impl Send for Body<'_> {}

impl<'a> Body<'a> {
    pub(crate) fn new<F: Fn(Range<usize>, &mut usize) + Sync>(f: &'a F) -> Self {
        /// # Safety
        /// `data` is a valid `&F`.
        unsafe fn call<F: Fn(Range<usize>, &mut usize)>(data: *const (), range: Range<usize>, at: &mut usize) {
            // SAFETY: the caller's promise.
            unsafe { (*data.cast::<F>())(range, at) }
        }
        Self { data: std::ptr::from_ref(f).cast(), call: call::<F>, fresh: Fresh::NONE, life: PhantomData }
    }

    /// The same loop, which writes what each index gives to memory that nobody has written to.
    pub(super) fn with(self, fresh: Fresh) -> Self {
        Self { fresh, ..self }
    }

    fn run(self, mut range: Range<usize>, grain: usize, at: &mut usize) {
        while !range.is_empty() {
            let part = self.fresh.first_part(&range, grain);
            self.fresh.ready(&part);
            range.start = part.end;
            // SAFETY: `call` was made for the type of `data`, which is borrowed for 'a.
            unsafe { (self.call)(self.data, part, at) }
        }
    }
}

/// Remembers a task's index for the case that it panics, at no cost when it can't.
pub(crate) struct At<'a> {
    pub(crate) task: usize,
    pub(crate) out: &'a mut usize,
}
impl Drop for At<'_> {
    #[inline]
    fn drop(&mut self) {
        *self.out = self.task;
    }
}

thread_local! {
    /// How many loops this thread is inside of: only the outermost shows progress.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Is this thread inside of no loop?
pub(super) fn is_outermost() -> bool {
    DEPTH.get() == 0
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
    /// What the threads learnt last, as the length of a range that takes [`FIRST`].
    first: AtomicUsize,
    /// Time in the body, over all threads, in nanoseconds.
    spent: AtomicU64,
    failed: Mutex<(Option<Stop>, Vec<Broken>)>,
    bar: Option<Arc<State>>,
}

/// Runs `body` over `0..len` in ranges that start at multiples of `grain`.
#[inline(never)]
pub(crate) fn drive(len: usize, grain: usize, job: &Job, body: Body<'_>) -> Result<(), Failure> {
    if len == 0 {
        return Ok(());
    }
    assert!(len < usize::MAX / 2, "too many tasks");
    let grain = grain.max(1);
    let pieces = len.div_ceil(grain);
    let workers = rt::threads().clamp(1, pieces);
    let site = Site::new(body.call as usize);
    let known = site.cost();
    let mut run = Loop {
        body,
        len,
        grain,
        workers,
        next: AtomicUsize::new(0),
        stopped: AtomicBool::new(false),
        first: AtomicUsize::new(1),
        spent: AtomicU64::new(0),
        failed: Mutex::new((None, Vec::new())),
        bar: None,
    };
    // With many tasks, trying one first costs little even if it is long, and tells whether the
    // rest is worth waking threads for. With few, only a loop that was short before is tried.
    let short = known.is_some_and(|cost| cost.fits(len, ALONE));
    let tried = short || workers == 1 || pieces >= 32 * workers;
    let begin = Tick::now();
    if short && !begin.is_new() {
        if run.briefly(begin) {
            return run.outcome();
        }
    } else if tried && run.alone(known, short) {
        site.remember(run.time(), run.claimed());
        return run.outcome();
    }
    if DEPTH.get() == 0
        && let Some(bar) = job.bar(len)
    {
        bar.add(run.claimed() as u64);
        run.bar = Some(bar);
    }
    if !tried && let Some(cost) = known {
        run.first = AtomicUsize::new(cost.items_in(FIRST));
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
    site.remember(run.time(), run.claimed());
    let bar = run.bar.clone();
    let outcome = run.outcome();
    if let Some(bar) = bar {
        bar.finish(match &outcome {
            Ok(()) => Outcome::Done,
            Err(Failure { stop: Stop::Interrupted, .. }) => Outcome::Interrupted,
            Err(Failure { stop: Stop::Panicked { .. }, .. }) => Outcome::Failed,
        });
    }
    outcome
}

impl Loop<'_> {
    fn claimed(&self) -> usize {
        self.next.load(Ordering::Relaxed).min(self.len)
    }

    fn time(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Runs on this thread, and looks only at the clock that costs nothing, because the same code was
    /// short a moment ago; true when that was all, false when a task takes long this time.
    fn briefly(&self, begin: Tick) -> bool {
        DEPTH.set(DEPTH.get() + 1);
        let (mut start, mut take) = (0usize, self.grain);
        let all = loop {
            if self.is_over() {
                break true;
            }
            let end = start.saturating_add(take).min(self.len);
            // Nobody else claims yet.
            self.next.store(end, Ordering::Relaxed);
            if !self.range(start..end) || end == self.len {
                break true;
            }
            if Tick::now() != begin {
                break false;
            }
            // Grows slowly enough that what takes long is noticed after a small part of it.
            (start, take) = (end, take.saturating_mul(16));
        };
        DEPTH.set(DEPTH.get() - 1);
        all
    }

    /// Runs on this thread for a moment; true when that was all. `short`: it was short before.
    fn alone(&self, known: Option<Cost>, short: bool) -> bool {
        DEPTH.set(DEPTH.get() + 1);
        // A known cost is trusted for a part of the moment only, and not at all when there are few
        // tasks: this time they may be long.
        let few = self.len < 32 * self.workers * self.grain && self.workers > 1;
        let trusted = known.filter(|_| !few);
        let mut take = trusted.map_or(1, |cost| cost.items_in(ALONE / 8)).next_multiple_of(self.grain);
        let begin = Instant::now();
        let (mut now, mut start) = (begin, 0usize);
        let all = loop {
            if self.is_over() {
                break true;
            }
            let end = start.saturating_add(take).min(self.len);
            // Nobody else claims yet.
            self.next.store(end, Ordering::Relaxed);
            if !self.range(start..end) {
                break true;
            }
            let last = std::mem::replace(&mut now, Instant::now());
            let (took, elapsed) = (now - last, now - begin);
            if end == self.len {
                break true;
            }
            if elapsed >= ALONE {
                self.first.store(Cost::of(elapsed, end).items_in(FIRST), Ordering::Relaxed);
                break false;
            }
            take = match took < ALONE / 32 {
                // One that was short, and begins so, is asked no more: looking at the clock is what
                // such a loop would spend its time on.
                true if short => self.len,
                true => take.saturating_mul(8),
                false => take.saturating_mul(2),
            };
            take = take.min(self.len).next_multiple_of(self.grain);
            start = end;
        };
        self.spent.store((now - begin).as_nanos() as u64, Ordering::Relaxed);
        DEPTH.set(DEPTH.get() - 1);
        all
    }

    /// Claims and runs ranges until there are none.
    fn work(&self) {
        DEPTH.set(DEPTH.get() + 1);
        // Bars that tasks make stand below this loop's.
        let _inside = self.bar.as_ref().map(Inside::of);
        let mut take = self.first.load(Ordering::Relaxed);
        let begin = Instant::now();
        let mut now = begin;
        while !self.is_over() {
            let left = self.len.saturating_sub(self.next.load(Ordering::Relaxed));
            // Near the end all threads should still have something to do.
            take = take.min(left / (2 * self.workers)).max(self.grain).next_multiple_of(self.grain);
            let start = self.next.fetch_add(take, Ordering::Relaxed);
            if start >= self.len || !self.range(start..start.saturating_add(take).min(self.len)) {
                break;
            }
            let last = std::mem::replace(&mut now, Instant::now());
            let took = now - last;
            if took < SHORT {
                take = take.saturating_mul(if took < SHORT / 8 { 8 } else { 2 });
            } else if took > LONG {
                take = (take / 2).max(1);
            }
        }
        self.spent.fetch_add((now - begin).as_nanos() as u64, Ordering::Relaxed);
        DEPTH.set(DEPTH.get() - 1);
    }

    /// Nothing more is to be claimed: a task failed, or the user interrupted.
    fn is_over(&self) -> bool {
        if self.stopped.load(Ordering::Relaxed) {
            return true;
        }
        let interrupted = rt::interrupted();
        if interrupted {
            self.stop(Stop::Interrupted, None);
        }
        interrupted
    }

    /// Runs a range that was claimed; false when a task of it failed.
    fn range(&self, range: Range<usize>) -> bool {
        let mut at = NOWHERE;
        let result = catch_unwind(AssertUnwindSafe(|| self.body.run(range.clone(), self.grain, &mut at)));
        if let Err(payload) = result {
            let task = if at == NOWHERE { range.start } else { at };
            self.stop(Stop::from_payload(&*payload, task), Some(Broken { range, at }));
            return false;
        }
        if let Some(bar) = &self.bar {
            bar.add(range.len() as u64);
        }
        true
    }

    /// The first task in order is the one that is reported.
    #[cold]
    fn stop(&self, why: Stop, broken: Option<Broken>) {
        self.stopped.store(true, Ordering::Relaxed);
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, all) = &mut *failed;
        all.extend(broken);
        let replace = match (&*first, &why) {
            (None, _) => true,
            (Some(Stop::Panicked { task: a, .. }), Stop::Panicked { task: b, .. }) => b < a,
            (Some(Stop::Interrupted), _) | (_, Stop::Interrupted) => false,
        };
        if replace {
            *first = Some(why);
        }
    }

    fn outcome(self) -> Result<(), Failure> {
        let claimed = self.claimed();
        match self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            (None, _) => Ok(()),
            (Some(stop), broken) => Err(Failure { stop, claimed, broken }),
        }
    }
}

/// The text of a panic.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    if let Some(text) = payload.downcast_ref::<String>() {
        return text.clone();
    }
    "with a value that is not text".to_owned()
}
