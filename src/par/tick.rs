//! A clock that costs a few nanoseconds and steps some hundred times a second, for loops that are too
//! short for a real one: it tells that a task took long, not how long one took.

use std::cell::Cell;

/// A step of the clock, 1 to 10 ms long, as the system's timer interrupt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tick(i64, i64);

impl Tick {
    #[inline]
    pub(super) fn now() -> Self {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes to `time`, which is a valid timespec. It can't fail with a clock that
        // Linux has since 2.6.32; if it did, all ticks would be equal, and loops measured once.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
        Self(time.tv_sec, time.tv_nsec)
    }

    /// Is this the first loop of this thread in this step? It is the one that is measured.
    #[inline]
    pub(super) fn is_new(self) -> bool {
        thread_local! {
            static LAST: Cell<Tick> = const { Cell::new(Tick(0, 0)) };
        }
        LAST.replace(self) != self
    }
}

#[cfg(test)]
mod tests {
    use super::Tick;
    use std::time::Duration;

    #[test]
    fn it_steps_and_each_thread_is_asked_once_a_step() {
        let before = Tick::now();
        std::thread::sleep(Duration::from_millis(30));
        let now = Tick::now();
        assert_ne!(now, before);
        assert!(now.is_new());
        assert!(!now.is_new());
        assert!(std::thread::spawn(move || now.is_new()).join().is_ok_and(|new| new));
    }
}
