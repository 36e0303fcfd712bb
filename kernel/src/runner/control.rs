//! What other threads may do to a running runner: interrupt it, end it, ask for its pid. The host
//! follows up; this file only holds flags and sends signals.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// So long after a runner was asked to end, the session is, too, when it was not the runner alone.
const SOON: Duration = Duration::from_millis(300);

/// Shared between the host and the threads that answer while a cell runs.
#[derive(Debug, Default)]
pub struct Control {
    pid: AtomicI32,
    running: AtomicBool,
    interrupts: AtomicU32,
    ended: AtomicBool,
    wake: Mutex<Option<File>>,
}

impl Control {
    /// A cell begins, with its compilation: interrupts from now on are meant for it.
    pub fn arm(&self) {
        self.interrupts.store(0, Ordering::SeqCst);
    }

    /// Interrupt the cell. One that comes before its code runs is acted on when it does.
    pub fn interrupt(&self) {
        self.interrupts.fetch_add(1, Ordering::SeqCst);
        if self.running.load(Ordering::SeqCst) {
            self.signal(libc::SIGINT);
            self.wake();
        }
    }

    /// End the runner and its snapshot for good; a running cell returns with an error.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Was the session ended?
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Is the session ended, or will it be in a moment? Who ends a job tells all of its processes, one after the other.
    pub(super) fn ends_soon(&self) -> bool {
        let begun = Instant::now();
        while !self.ended() && begun.elapsed() < SOON {
            thread::sleep(Duration::from_millis(5));
        }
        self.ended()
    }

    /// Process id of the runner, 0 when there is none.
    pub fn pid(&self) -> u32 {
        self.pid.load(Ordering::SeqCst).max(0) as u32
    }

    /// Does a cell's code run now?
    pub fn running(&self) -> bool {
        self.running.load(Ordering::SeqCst)
    }

    pub(super) fn interrupts(&self) -> u32 {
        self.interrupts.load(Ordering::SeqCst)
    }

    pub(super) fn set_pid(&self, pid: i32) {
        self.pid.store(pid, Ordering::SeqCst);
    }

    pub(super) fn set_wake(&self, end: OwnedFd) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(File::from(end));
    }

    pub(super) fn begin(&self) {
        self.running.store(true, Ordering::SeqCst);
    }

    pub(super) fn finish(&self) {
        self.running.store(false, Ordering::SeqCst);
    }

    pub(super) fn signal(&self, signal: i32) {
        let pid = self.pid.load(Ordering::SeqCst);
        if pid > 0 {
            // SAFETY: a plain signal to our own child or, after a take-over, grandchild that was
            // given to us; it is reaped only after its pid was replaced here.
            unsafe { libc::kill(pid, signal) };
        }
    }

    fn wake(&self) {
        if let Some(end) = &*self.wake.lock().unwrap_or_else(PoisonError::into_inner) {
            // A full pipe wakes as well as one more byte.
            let mut end = end;
            drop(end.write(b"w"));
        }
    }
}
