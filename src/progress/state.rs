//! One bar: a counter that many threads move without meeting, and what was painted of it.

use super::render::{Unit, View, bundle};
use super::sampler;
use crate::rt;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
}

impl Outcome {
    /// How work that ends right here ended.
    pub(crate) fn now() -> Self {
        match (std::thread::panicking(), rt::interrupted()) {
            (true, true) => Self::Interrupted,
            (true, false) => Self::Failed,
            (false, _) => Self::Done,
        }
    }

    fn from(code: u8) -> Self {
        [Self::Running, Self::Done, Self::Failed, Self::Interrupted][usize::from(code & 3)]
    }
}

/// A counter on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    /// Identity of the only thread that writes here; 0 when nobody does yet.
    owner: AtomicUsize,
    count: AtomicU64,
}

/// Where a thread counts; see [`State::tick`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    shard: usize,
    alone: bool,
}

#[derive(Debug)]
struct Painted {
    id: Option<String>,
    at: Instant,
    done: u64,
    /// Items a second, smoothed over the last few seconds; 0 before the first sample.
    rate: f64,
}

/// A bar.
#[derive(Debug)]
pub(crate) struct State {
    total: AtomicU64,
    /// The last shard is everybody's.
    shards: Box<[Shard]>,
    started: Instant,
    appears: Instant,
    /// Painted when it is done even if it was so fast that it was never painted before.
    always: bool,
    text: Mutex<(String, Unit)>,
    outcome: AtomicU8,
    painted: Mutex<Painted>,
}

fn identity() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    // An address in this thread's own storage: no other living thread has it.
    MARK.with(|mark| std::ptr::from_ref(mark).addr())
}

impl State {
    /// A bar that the user asked for: painted at the first occasion, and always when done.
    pub(crate) fn explicit(total: Option<u64>) -> Arc<Self> {
        Self::new(total, Duration::ZERO, true, "")
    }

    /// A bar that appears by itself when the work is long.
    pub(crate) fn automatic(total: u64, message: &str) -> Arc<Self> {
        Self::new(Some(total), APPEARS, false, message)
    }

    fn new(total: Option<u64>, after: Duration, always: bool, message: &str) -> Arc<Self> {
        let now = Instant::now();
        let shards = rt::threads().min(MOST_SHARDS) + 2;
        let state = Arc::new(Self {
            total: AtomicU64::new(total.unwrap_or(UNKNOWN)),
            shards: (0..shards).map(|_| Shard::default()).collect(),
            started: now,
            appears: now + after,
            always,
            text: Mutex::new((message.to_owned(), Unit::default())),
            outcome: AtomicU8::new(0),
            painted: Mutex::new(Painted { id: None, at: now, done: 0, rate: 0.0 }),
        });
        sampler::watch(&state);
        state
    }

    /// The place where this thread counts. A thread that gets a shard of its own counts without
    /// locked instructions.
    pub(crate) fn tick(&self) -> Tick {
        let me = identity();
        let shared = self.shards.len() - 1;
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

    /// Counts at a place that this very thread got from [`State::tick`].
    #[inline]
    pub(crate) fn add_at(&self, tick: Tick, n: u64) {
        let count = &self.shards[tick.shard].count;
        if tick.alone {
            // Only this thread writes here, so nothing is lost between the load and the store.
            count.store(count.load(Ordering::Relaxed) + n, Ordering::Relaxed);
        } else {
            count.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// Counts from any thread.
    pub(crate) fn add(self: &Arc<Self>, n: u64) {
        self.add_at(self.tick(), n);
        sampler::ensure(self);
    }

    pub(crate) fn done(&self) -> u64 {
        let counts = self.shards.iter().map(|s| s.count.load(Ordering::Relaxed));
        counts.sum()
    }

    pub(crate) fn total(&self) -> Option<u64> {
        let total = self.total.load(Ordering::Relaxed);
        (total != UNKNOWN).then_some(total)
    }

    pub(crate) fn set_total(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    fn text(&self) -> MutexGuard<'_, (String, Unit)> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_message(&self, message: String) {
        self.text().0 = message;
    }

    pub(crate) fn set_unit(&self, unit: Unit) {
        self.text().1 = unit;
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::from(self.outcome.load(Ordering::Acquire))
    }

    /// Ends the bar and paints its last state; only the first call does.
    pub(crate) fn finish(self: &Arc<Self>, outcome: Outcome) {
        let code = outcome as u8;
        let first = self.outcome.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !first {
            return;
        }
        sampler::forget(self);
        let mut painted = self.painted.lock().unwrap_or_else(PoisonError::into_inner);
        if painted.id.is_some() || self.always {
            self.paint_locked(&mut painted);
        }
    }

    /// Paints what changed; the sampler calls it ten times a second.
    pub(crate) fn sample(&self, now: Instant) {
        if now < self.appears {
            return;
        }
        let mut painted = self.painted.lock().unwrap_or_else(PoisonError::into_inner);
        // Checked under the lock: after the last paint nothing may be painted.
        if self.outcome() == Outcome::Running {
            self.paint_locked(&mut painted);
        }
    }

    fn paint_locked(&self, painted: &mut Painted) {
        let data = bundle(&self.view(painted, Instant::now()));
        match &painted.id {
            Some(id) => rt::update(data, "", id),
            None => {
                if !rt::attached() {
                    return;
                }
                let id = rt::new_display_id();
                rt::show(data, "", Some(&id));
                painted.id = Some(id);
            }
        }
    }

    /// What to draw, and a new sample of the rate.
    fn view(&self, painted: &mut Painted, now: Instant) -> View {
        let done = self.done();
        let elapsed = now.duration_since(self.started);
        let since = now.duration_since(painted.at).as_secs_f64();
        let outcome = self.outcome();
        if since > 0.05 {
            let rate = done.saturating_sub(painted.done) as f64 / since;
            // Weight of the newest sample: about 3 s of memory. It starts from the mean, so that
            // the first of a few long tasks does not look like a high rate.
            if painted.rate == 0.0 {
                painted.rate = done as f64 / elapsed.as_secs_f64().max(1e-9);
            }
            let weight = 1.0 - (-since / 3.0).exp();
            painted.rate += weight * (rate - painted.rate);
            painted.at = now;
            painted.done = done;
        }
        let mean = done as f64 / elapsed.as_secs_f64().max(1e-9);
        let (message, unit) = self.text().clone();
        View {
            message,
            unit,
            done,
            total: self.total(),
            elapsed,
            rate: match outcome {
                Outcome::Running if painted.rate > 0.0 => painted.rate,
                _ => mean,
            },
            outcome,
        }
    }
}
