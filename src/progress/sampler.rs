//! The one thread that paints all bars, alive only while there are bars to paint.
//!
//! The runner forks between cells, and a fork copies no threads: so nothing here assumes that the
//! thread it started still lives. The registry carries the process id it belongs to and is
//! started afresh in another process.

use super::state::{Outcome, State};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two paints.
const TICK: Duration = Duration::from_millis(100);
/// The thread waits this long for new bars, so that a loop of short parallel calls does not start
/// one each.
const LINGER: u32 = 3;

#[derive(Debug)]
struct Registry {
    process: u32,
    bars: Vec<Arc<State>>,
    thread: Option<JoinHandle<()>>,
    /// Counts up when the thread should end.
    stop: u64,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { process: 0, bars: Vec::new(), thread: None, stop: 0 });
static WAKE: Condvar = Condvar::new();
/// Process in which the thread runs, 0 when it does not: a cheap look for [`ensure`].
static RUNNING: AtomicU32 = AtomicU32::new(0);

fn registry() -> MutexGuard<'static, Registry> {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if registry.process != process {
        // Another process's threads and displays are not ours to join or to update.
        if let Some(thread) = registry.thread.take() {
            std::mem::forget(thread);
        }
        registry.process = process;
        registry.bars.clear();
        RUNNING.store(0, Ordering::Relaxed);
    }
    registry
}

/// Paints a bar from now on.
pub(super) fn watch(bar: &Arc<State>) {
    // Outside a notebook nothing is painted.
    if !crate::rt::attached() {
        return;
    }
    let mut registry = registry();
    if !registry.bars.iter().any(|b| Arc::ptr_eq(b, bar)) {
        registry.bars.push(Arc::clone(bar));
    }
    start(&mut registry);
}

/// Paints a bar again that outlived the cell it was made in.
pub(super) fn ensure(bar: &Arc<State>) {
    if RUNNING.load(Ordering::Relaxed) == 0 && bar.outcome() == Outcome::Running {
        watch(bar);
    }
}

/// Stops painting a bar.
pub(super) fn forget(bar: &Arc<State>) {
    registry().bars.retain(|b| !Arc::ptr_eq(b, bar));
}

/// Ends the painting thread and waits for it. The runner calls this after a cell and before it
/// forks; bars that are still in use are painted again as soon as they move.
///
/// ```
/// ferrolab::progress::settle();
/// ```
pub fn settle() {
    let thread = {
        let mut registry = registry();
        registry.stop += 1;
        RUNNING.store(0, Ordering::Relaxed);
        registry.thread.take()
    };
    WAKE.notify_all();
    if let Some(thread) = thread {
        // It only fails when painting panicked, which the panic hook has reported.
        let _ = thread.join();
    }
    // A bar that stays in a variable shows how far it is.
    let bars = registry().bars.clone();
    for bar in &bars {
        bar.sample(Instant::now());
    }
}

fn start(registry: &mut Registry) {
    if registry.thread.as_ref().is_some_and(|t| !t.is_finished()) && RUNNING.load(Ordering::Relaxed) != 0 {
        return;
    }
    let generation = registry.stop;
    let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || run(generation));
    // Without a thread the bars are painted when they finish.
    registry.thread = thread.ok();
    if registry.thread.is_some() {
        RUNNING.store(std::process::id(), Ordering::Relaxed);
    }
}

fn run(generation: u64) {
    let mut idle = 0;
    let mut next = Instant::now() + TICK;
    let mut registry = registry();
    loop {
        let wait = next.saturating_duration_since(Instant::now());
        (registry, _) = WAKE.wait_timeout(registry, wait).unwrap_or_else(PoisonError::into_inner);
        if registry.stop != generation {
            return;
        }
        if Instant::now() < next {
            continue;
        }
        idle = if registry.bars.is_empty() { idle + 1 } else { 0 };
        if idle > LINGER {
            RUNNING.store(0, Ordering::Relaxed);
            return;
        }
        let bars = registry.bars.clone();
        drop(registry);
        let now = Instant::now();
        for bar in &bars {
            bar.sample(now);
        }
        next = Instant::now() + TICK;
        registry = self::registry();
    }
}
