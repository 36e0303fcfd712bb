//! The thread that paints live figures, alive only while they change. It paints copies, so that
//! whoever pushes points does not wait for a painting.
//!
//! The runner forks between cells, and a fork copies no threads: so nothing here assumes that the
//! thread it started still lives.

use super::content::Plot;
use super::interrupts;
use super::ring::Ring;
use super::series::{Series, SeriesKind};
use crate::display::Display;
use crate::rt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between two paints, at least.
const TICK: Duration = Duration::from_millis(100);
/// Painting a figure takes at most this part of the time: one of so many.
const PART: u32 = 5;
/// The thread waits this many ticks for changes before it ends.
const LINGER: u32 = 3;

/// A figure that changes.
#[derive(Debug)]
pub(super) struct LiveFigure {
    /// What series are that points make.
    pub(super) kind: Arc<dyn SeriesKind>,
    /// Points that are not in the state yet.
    pub(super) ring: Ring,
    state: Mutex<LiveState>,
    /// Held while the figure is painted, so that an older state never follows a newer one.
    painting: Mutex<Option<String>>,
}

#[derive(Debug)]
pub(super) struct LiveState {
    pub(super) plot: Plot,
    /// Points of a series, at most.
    pub(super) window: usize,
    dirty: bool,
    next: Instant,
}

struct Painter {
    process: u32,
    figures: Vec<Weak<LiveFigure>>,
    thread: Option<JoinHandle<()>>,
    running: bool,
    /// Counts up when the thread should end.
    stop: u64,
}

static PAINTER: Mutex<Painter> =
    Mutex::new(Painter { process: 0, figures: Vec::new(), thread: None, running: false, stop: 0 });
static WAKE: Condvar = Condvar::new();
/// Does the thread run? For those who push, without the lock.
static RUNNING: AtomicBool = AtomicBool::new(false);

impl Painter {
    fn runs(&mut self, running: bool) {
        self.running = running;
        RUNNING.store(running, Ordering::Relaxed);
    }
}

fn painter() -> MutexGuard<'static, Painter> {
    let mut painter = PAINTER.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if painter.process != process {
        // Another process's thread is not ours to join.
        if let Some(thread) = painter.thread.take() {
            std::mem::forget(thread);
        }
        painter.process = process;
        painter.runs(false);
    }
    painter
}

/// A new figure, to be painted from now on.
pub(super) fn register(plot: Plot, kind: Arc<dyn SeriesKind>) -> Arc<LiveFigure> {
    let state = LiveState { plot, window: usize::MAX, dirty: false, next: Instant::now() };
    let figure = Arc::new(LiveFigure { kind, ring: Ring::new(), state: Mutex::new(state), painting: Mutex::new(None) });
    let mut painter = painter();
    painter.figures.retain(|f| f.strong_count() > 0);
    painter.figures.push(Arc::downgrade(&figure));
    figure
}

/// Does somebody look at what changes?
pub(super) fn awake() -> bool {
    RUNNING.load(Ordering::Relaxed)
}

/// Starts the thread, if it does not run.
#[cold]
pub(super) fn wake() {
    let mut painter = painter();
    if painter.running {
        return;
    }
    let generation = painter.stop;
    let thread = std::thread::Builder::new().name("live figures".to_owned()).spawn(move || run(generation));
    // Without a thread figures are painted when the cell ends.
    painter.thread = thread.ok();
    let running = painter.thread.is_some();
    painter.runs(running);
}

/// Ends the painting thread, waits for it, and paints the last state of all live figures. The
/// runner calls this after a cell, whether it failed or not, and before it forks.
///
/// ```
/// ferrolab::plot::settle();
/// ```
pub fn settle() {
    let (thread, figures) = {
        let mut painter = painter();
        painter.stop += 1;
        painter.runs(false);
        painter.figures.retain(|f| f.strong_count() > 0);
        (painter.thread.take(), painter.figures.clone())
    };
    WAKE.notify_all();
    if let Some(thread) = thread {
        // It only fails when painting panicked, which the panic hook has reported.
        let _ = thread.join();
    }
    figures.iter().filter_map(Weak::upgrade).for_each(|f| f.paint(true));
}

fn run(generation: u64) {
    crate::rt::own::thread();
    let mut idle = 0;
    let mut painter = painter();
    while painter.stop == generation {
        let figures: Vec<Arc<LiveFigure>> = painter.figures.iter().filter_map(Weak::upgrade).collect();
        idle = if figures.iter().any(|f| f.changed()) { 0 } else { idle + 1 };
        if idle > LINGER {
            painter.runs(false);
            // Who pushed just before that relied on us.
            std::thread::sleep(Duration::from_millis(1));
            if !figures.iter().any(|f| f.changed()) {
                return;
            }
            painter.runs(true);
        }
        drop(painter);
        figures.iter().for_each(|f| f.paint(false));
        painter = self::painter();
        if painter.stop == generation {
            (painter, _) = WAKE.wait_timeout(painter, TICK / 2).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl LiveFigure {
    pub(super) fn state(&self) -> MutexGuard<'_, LiveState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state with all points that were pushed.
    pub(super) fn drained(&self) -> MutexGuard<'_, LiveState> {
        let mut state = self.state();
        self.ring.read(|n, x, y| state.push(&self.kind, n as usize, x, y));
        state
    }

    fn changed(&self) -> bool {
        !self.ring.is_empty() || self.state().dirty
    }

    /// Paints what changed, if it is time to or `now` is true.
    pub(super) fn paint(&self, now: bool) {
        // Text output would repeat the figure instead of replacing it.
        if !rt::attached() {
            return;
        }
        let mut id = self.painting.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        let plot = {
            let mut state = self.drained();
            if !state.dirty || !(now || start >= state.next) {
                return;
            }
            state.dirty = false;
            state.trim_all();
            state.plot.clone()
        };
        interrupts::ignored(|| match &*id {
            Some(id) => plot.update(id),
            None => {
                let new = rt::new_display_id();
                plot.show_as(&new);
                *id = Some(new);
            }
        });
        self.state().next = Instant::now() + TICK.max(start.elapsed() * PART);
    }
}

impl LiveState {
    /// Something changed.
    pub(super) fn touch(&mut self) {
        self.dirty = true;
    }

    fn push(&mut self, kind: &Arc<dyn SeriesKind>, n: usize, x: f64, y: f64) {
        while self.plot.series.len() <= n {
            self.plot.series.push(Series::of(kind.clone(), Vec::new(), Vec::new()));
        }
        let series = &mut self.plot.series[n];
        series.xs.push(x);
        series.ys.push(y);
        // Up to twice the window is kept, so that forgetting costs next to nothing a point.
        if series.ys.len() >= self.window.saturating_mul(2) {
            self.trim(n);
        }
        self.dirty = true;
    }

    fn trim(&mut self, n: usize) {
        let series = &mut self.plot.series[n];
        let beyond = series.ys.len().saturating_sub(self.window);
        series.xs.forget(beyond);
        series.ys.drain(..beyond);
    }

    pub(super) fn trim_all(&mut self) {
        (0..self.plot.series.len()).for_each(|n| self.trim(n));
    }
}
