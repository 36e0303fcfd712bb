//! What stops a running cell: Ctrl-C, the signals of a batch system, and the time limit. It asks the
//! evaluator to stop; what that takes is the evaluator's business.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use ferrolab_jupyter::session::evaluator::Insight;

/// How long an interrupt may take before the session is ended instead. The evaluator has its own
/// ladder, so this is only for when that fails.
const LAST_RESORT: Duration = Duration::from_secs(20);

/// Why a cell ended, as far as it was decided here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoppedBy {
    /// It came to its end, or the user interrupted it.
    ByItself,
    /// Its time was up.
    TimedOut {
        /// The session had to be ended with it.
        dead: bool,
    },
}

#[derive(Default)]
struct RunState {
    running: bool,
    closed: bool,
    deadline: Option<Instant>,
    interrupted: bool,
    timed_out: bool,
    dead: bool,
    signal: Option<i32>,
}

struct Shared {
    insight: Arc<dyn Insight>,
    state: Mutex<RunState>,
    changed: Condvar,
    stop: Arc<AtomicBool>,
}

/// Watches over the cells of a run.
pub(super) struct Control {
    shared: Arc<Shared>,
    signals: Option<Handle>,
}

impl Control {
    pub(super) fn new(insight: Arc<dyn Insight>) -> Self {
        let shared =
            Arc::new(Shared { insight, state: Mutex::default(), changed: Condvar::new(), stop: Arc::default() });
        let watcher = Arc::clone(&shared);
        thread::spawn(move || watcher.watch());
        // Without handlers a signal ends the run at once, as for any program.
        let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).ok().map(|mut signals| {
            let handle = signals.handle();
            let shared = Arc::clone(&shared);
            thread::spawn(move || signals.forever().for_each(|signal| shared.on_signal(signal)));
            handle
        });
        Self { shared, signals }
    }

    /// Set while the running cell is being interrupted.
    pub(super) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared.stop)
    }

    /// A cell starts.
    pub(super) fn begin(&self, timeout: Option<Duration>) {
        let mut state = self.shared.state();
        state.running = true;
        state.interrupted = false;
        state.timed_out = false;
        state.deadline = timeout.and_then(|limit| Instant::now().checked_add(limit));
        self.shared.stop.store(false, Ordering::Release);
        self.shared.changed.notify_all();
    }

    /// The cell is over.
    pub(super) fn end(&self) -> StoppedBy {
        let mut state = self.shared.state();
        state.running = false;
        state.deadline = None;
        if state.timed_out { StoppedBy::TimedOut { dead: state.dead } } else { StoppedBy::ByItself }
    }

    /// The signal that asked the whole run to end.
    pub(super) fn signal(&self) -> Option<i32> {
        self.shared.state().signal
    }

    /// Stops watching, and ends the session's processes.
    pub(super) fn close(&self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_all();
        if let Some(signals) = &self.signals {
            signals.close();
        }
        self.shared.insight.shutdown();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, RunState> {
        // Nothing in here panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for deadlines until the run is closed.
    fn watch(&self) {
        let mut state = self.state();
        while !state.closed {
            let Some(deadline) = state.deadline else {
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let now = Instant::now();
            if now < deadline {
                let waited = self.changed.wait_timeout(state, deadline - now);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else if state.timed_out {
                state.dead = true;
                state.deadline = None;
                self.insight.shutdown();
            } else {
                state.timed_out = true;
                state.deadline = Some(now + LAST_RESORT);
                // In this order: a waiting input must not look like the end of its file.
                self.insight.interrupt();
                self.stop.store(true, Ordering::Release);
            }
        }
    }

    fn on_signal(&self, signal: i32) {
        let mut state = self.state();
        if signal == SIGINT && state.running && !state.interrupted {
            state.interrupted = true;
            eprintln!("\ninterrupting the cell; Ctrl-C again quits");
            self.insight.interrupt();
            self.stop.store(true, Ordering::Release);
            return;
        }
        if state.signal.is_some() {
            // Asked twice: do not wait for anything, not even to write the notebook.
            std::process::exit(128 + signal);
        }
        state.signal = Some(signal);
        self.stop.store(true, Ordering::Release);
        if state.running {
            eprintln!("\nending the session; what ran so far is written");
            self.insight.shutdown();
        }
    }
}
