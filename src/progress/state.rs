//! One bar: a counter that many threads move without meeting, and what is known of it. Where it
//! stands among other bars, and when it is painted, is the block's business.

use super::block::Block;
use super::nest;
use super::sampler;
use super::view::{Lane, Unit, View};
use crate::rt;
use std::cell::RefCell;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Work that a user did not ask a bar for gets one after this time.
const APPEARS: Duration = Duration::from_millis(300);
const UNKNOWN: u64 = u64::MAX;
/// More threads than this share a counter.
const MOST_SHARDS: usize = 256;

/// How far a bar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Running,
    Done,
    Failed,
    Interrupted,
    /// The loop was left before its end.
    Stopped,
}

impl Outcome {
    fn from(code: u8) -> Self {
        [Self::Running, Self::Done, Self::Failed, Self::Interrupted, Self::Stopped][usize::from(code.min(4))]
    }
}

/// A counter on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Shard {
    /// Identity of the only thread that writes here; 0 when nobody does yet.
    owner: AtomicUsize,
    pub(super) count: AtomicU64,
}

impl Shard {
    /// Gives back what [`State::lane`] gave.
    pub(super) fn release(&self) {
        self.owner.store(0, Ordering::Release);
    }

    #[inline(always)]
    pub(super) fn add(&self, alone: bool, n: u64) {
        if alone {
            // Only this thread writes here, so nothing is lost between the load and the store.
            self.count.store(self.count.load(Ordering::Relaxed) + n, Ordering::Relaxed);
        } else {
            self.count.fetch_add(n, Ordering::Relaxed);
        }
    }
}

/// Where a thread counts; see [`State::tick`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    shard: usize,
    alone: bool,
}

#[derive(Debug)]
struct Rate {
    at: Instant,
    done: u64,
    /// Items a second, smoothed over the last few seconds; 0 before the first sample.
    smooth: f64,
}

/// How a bar begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) total: Option<u64>,
    /// One iterator counts, and nobody else.
    pub(super) serial: bool,
    /// The line of code that made it.
    pub(super) place: &'static Location<'static>,
    /// The bar it belongs below; 0 for none.
    pub(super) parent: u64,
}

/// A bar.
#[derive(Debug)]
pub(crate) struct State {
    id: u64,
    total: AtomicU64,
    /// Written by the one iterator that owns it, with plain stores.
    own: Arc<Shard>,
    /// The last shard is everybody's.
    shards: Box<[Arc<Shard>]>,
    started: Instant,
    appears: Instant,
    /// Painted when it is done even if it was so fast that it was never painted before.
    always: bool,
    lanes: AtomicBool,
    workers: Mutex<Vec<Lane>>,
    text: Mutex<(String, Unit)>,
    /// What the work is: bars do not say so, dashboards do.
    what: String,
    outcome: AtomicU8,
    rate: Mutex<Rate>,
    parent: u64,
    place: &'static Location<'static>,
    pub(super) block: OnceLock<Arc<Block>>,
}

thread_local! {
    /// What the work is for which this thread makes bars now.
    static WHAT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Does something in which bars are made of work that is called so; where that has a name already, it keeps it.
pub(crate) fn called<R>(what: &str, work: impl FnOnce() -> R) -> R {
    struct Back(String);
    impl Drop for Back {
        fn drop(&mut self) {
            WHAT.replace(std::mem::take(&mut self.0));
        }
    }
    if WHAT.with_borrow(|known| !known.is_empty()) {
        return work();
    }
    let _back = Back(WHAT.replace(what.to_owned()));
    work()
}

fn identity() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    // An address in this thread's own storage: no other living thread has it.
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// A bar that the user asked for: painted at the first occasion, and always when done.
    pub(super) fn explicit(start: Start) -> Arc<Self> {
        Self::new(start, Duration::ZERO, true, "")
    }

    /// A bar that appears by itself when the work is long.
    #[track_caller]
    pub(crate) fn automatic(total: u64, message: &str) -> Arc<Self> {
        let start = Start { total: Some(total), serial: false, place: Location::caller(), parent: nest::current() };
        Self::new(start, APPEARS, false, message)
    }

    fn new(start: Start, after: Duration, always: bool, message: &str) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let now = Instant::now();
        let shards = if start.serial { 0 } else { rt::threads().min(MOST_SHARDS) + 2 };
        let state = Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            total: AtomicU64::new(start.total.unwrap_or(UNKNOWN)),
            own: Arc::default(),
            shards: (0..shards).map(|_| Arc::default()).collect(),
            started: now,
            appears: now + after,
            always,
            lanes: AtomicBool::new(false),
            workers: Mutex::default(),
            text: Mutex::new((message.to_owned(), Unit::default())),
            what: WHAT.with_borrow(String::clone),
            outcome: AtomicU8::new(0),
            rate: Mutex::new(Rate { at: now, done: 0, smooth: 0.0 }),
            parent: start.parent,
            place: start.place,
            block: OnceLock::new(),
        });
        sampler::watch(&state);
        state
    }

    /// What the work is, else the text in front of the bar.
    pub(crate) fn called(&self) -> String {
        if !self.what.is_empty() {
            return self.what.clone();
        }
        let message = lock(&self.text).0.clone();
        if message.is_empty() { "tasks".to_owned() } else { message }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn parent(&self) -> u64 {
        self.parent
    }

    pub(super) fn place(&self) -> &'static Location<'static> {
        self.place
    }

    pub(super) fn own(&self) -> &Arc<Shard> {
        &self.own
    }

    /// The place where this thread counts. A thread that gets a shard of its own counts without
    /// locked instructions.
    pub(crate) fn tick(&self) -> Tick {
        let Some(shared) = self.shards.len().checked_sub(1) else {
            // A serial bar: nobody asks but tests, and a locked instruction is right anywhere.
            return Tick { shard: usize::MAX, alone: false };
        };
        let me = identity();
        let first = (me >> 12) % shared;
        for probe in 0..shared {
            let shard = (first + probe) % shared;
            let owner = &self.shards[shard].owner;
            let owned = owner.load(Ordering::Relaxed) == me
                || owner.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            if owned {
                return Tick { shard, alone: true };
            }
        }
        Tick { shard: shared, alone: false }
    }

    /// A counter for a part of a loop, to be written by nobody else until it is given back: so it
    /// is counted in a register and published with plain stores. `None` when all are taken.
    pub(super) fn lane(&self) -> Option<Arc<Shard>> {
        let shared = self.shards.len().checked_sub(1)?;
        // A thread of the pool finds the same one again, so that lanes are threads.
        let first = rayon::current_thread_index().unwrap_or_else(|| identity() >> 12) % shared;
        let free = |shard: &&Arc<Shard>| {
            shard.owner.compare_exchange(0, usize::MAX, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        let (before, from) = self.shards[..shared].split_at(first);
        from.iter().chain(before).find(free).map(Arc::clone)
    }

    /// The counter of everybody.
    pub(super) fn common(&self) -> &Arc<Shard> {
        self.shards.last().unwrap_or(&self.own)
    }

    /// Counts at a place that this very thread got from [`State::tick`].
    #[inline]
    pub(crate) fn add_at(&self, tick: Tick, n: u64) {
        self.shards.get(tick.shard).unwrap_or(&self.own).add(tick.alone, n);
    }

    /// Counts from any thread.
    pub(crate) fn add(self: &Arc<Self>, n: u64) {
        self.add_at(self.tick(), n);
        sampler::ensure(self);
    }

    pub(crate) fn done(&self) -> u64 {
        let counts = self.shards.iter().map(|s| s.count.load(Ordering::Relaxed));
        counts.sum::<u64>() + self.own.count.load(Ordering::Relaxed)
    }

    pub(crate) fn total(&self) -> Option<u64> {
        let total = self.total.load(Ordering::Relaxed);
        (total != UNKNOWN).then_some(total)
    }

    pub(crate) fn set_total(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    pub(crate) fn set_message(&self, message: String) {
        lock(&self.text).0 = message;
    }

    pub(crate) fn set_unit(&self, unit: Unit) {
        lock(&self.text).1 = unit;
    }

    /// Shows below the bar what others, elsewhere, have done. They do not count: [`State::add`] does.
    pub(crate) fn set_workers(&self, workers: Vec<Lane>) {
        *lock(&self.workers) = workers;
    }

    /// Shows what each thread has done as well.
    pub(crate) fn show_lanes(&self) {
        self.lanes.store(true, Ordering::Relaxed);
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::from(self.outcome.load(Ordering::Acquire))
    }

    /// How work that ends right here, without having said so, ended.
    pub(crate) fn fate(&self) -> Outcome {
        let short = self.total().is_some_and(|total| self.done() < total);
        match (std::thread::panicking(), rt::interrupted()) {
            (true, true) => Outcome::Interrupted,
            (true, false) => Outcome::Failed,
            (false, true) if short => Outcome::Interrupted,
            (false, false) if short => Outcome::Stopped,
            (false, _) => Outcome::Done,
        }
    }

    /// Ends the bar; only the first call does.
    pub(crate) fn finish(&self, outcome: Outcome) {
        let code = outcome as u8;
        let first = self.outcome.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !first {
            return;
        }
        nest::leave(self);
        if let Some(block) = self.block.get() {
            sampler::keep(block);
            block.ended(self);
        }
    }

    /// Should it be drawn now?
    pub(super) fn visible(&self, now: Instant) -> bool {
        match self.outcome() {
            Outcome::Running => now >= self.appears,
            _ => self.always || now >= self.appears,
        }
    }

    /// What to draw, and a new sample of the rate.
    pub(super) fn view(&self, now: Instant) -> View {
        let done = self.done();
        let elapsed = now.duration_since(self.started);
        let mean = done as f64 / elapsed.as_secs_f64().max(1e-9);
        let mut rate = lock(&self.rate);
        let since = now.duration_since(rate.at).as_secs_f64();
        if since > 0.05 {
            let recent = done.saturating_sub(rate.done) as f64 / since;
            // Weight of the newest sample: about 3 s of memory. It starts from the mean, so that
            // the first of a few long tasks does not look like a high rate.
            if rate.smooth == 0.0 {
                rate.smooth = mean;
            }
            let weight = 1.0 - (-since / 3.0).exp();
            rate.smooth += weight * (recent - rate.smooth);
            rate.at = now;
            rate.done = done;
        }
        let (message, unit) = lock(&self.text).clone();
        let outcome = match self.outcome() {
            // The loop looks at the interrupt when its item is done, or is ended before that.
            Outcome::Running if rt::interrupted() => Outcome::Interrupted,
            outcome => outcome,
        };
        let lanes = || {
            let counts = self.shards.iter().map(|shard| shard.count.load(Ordering::Relaxed));
            counts.filter(|count| *count > 0).collect()
        };
        View {
            message,
            unit,
            done,
            total: self.total(),
            elapsed,
            rate: match outcome {
                Outcome::Running if rate.smooth > 0.0 => rate.smooth,
                _ => mean,
            },
            outcome,
            depth: 0,
            lanes: if self.lanes.load(Ordering::Relaxed) { lanes() } else { Vec::new() },
            workers: lock(&self.workers).clone(),
        }
    }
}
