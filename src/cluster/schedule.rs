//! How many calls go into a batch, decided from what the calls before have cost. Pure: it sees
//! ranges and seconds, not sockets.
//!
//! A Dask task costs milliseconds whatever it does, so calls travel in batches that run for about
//! [`TARGET`]; the first ones are small, because nothing is known yet, and the last ones too, so
//! that all threads end together. Each thread has one batch running and one waiting.

use std::ops::Range;

/// What a batch should take, in seconds: long beside the cost of a task, short beside a glance.
const TARGET: f64 = 0.15;
/// A scheduler, one thread of Python, needs some milliseconds for a batch: with many threads, each
/// of which wants a batch every so often, batches are this much longer for each.
const FOR_EACH_THREAD: f64 = 0.004;
/// A batch may be this much larger than the largest one that came back.
const GROWTH: usize = 64;
/// The last batches are not smaller than this part of [`TARGET`].
const SMALLEST: usize = 16;
/// Batches a thread has, running and waiting.
const AHEAD: usize = 2;
/// The newest batch counts this much in the estimate of what a call costs.
const NEWEST: f64 = 0.5;

/// The calls of one run.
#[derive(Debug)]
pub(crate) struct Schedule {
    total: usize,
    next: usize,
    /// Batches start at multiples of this.
    grain: usize,
    threads: usize,
    in_flight: usize,
    /// Seconds a call takes, estimated; `None` before the first came back.
    cost: Option<f64>,
    largest: usize,
}

impl Schedule {
    pub(crate) fn new(total: usize, grain: usize) -> Self {
        Self { total, next: 0, grain: grain.max(1), threads: 0, in_flight: 0, cost: None, largest: 0 }
    }

    /// Threads of all workers together.
    pub(crate) fn set_threads(&mut self, threads: usize) {
        self.threads = threads;
    }

    /// The next batch to send, when one should be.
    pub(crate) fn next(&mut self) -> Option<Range<usize>> {
        // Without workers yet, one batch waits in the cluster: that is what adaptive scaling sees.
        if self.next >= self.total || self.in_flight >= (AHEAD * self.threads).max(1) {
            return None;
        }
        let size = self.size().next_multiple_of(self.grain);
        let start = self.next;
        self.next = start.saturating_add(size).min(self.total);
        self.in_flight += 1;
        Some(start..self.next)
    }

    fn size(&self) -> usize {
        let left = self.total - self.next;
        let Some(cost) = self.cost else { return 1 };
        let target = TARGET.max(FOR_EACH_THREAD * self.threads as f64);
        let wanted = (target / cost.max(1e-10)) as usize;
        // Near the end all threads should still have something to do, but not trifles.
        let fair = (left / (2 * self.threads.max(1))).max(wanted / SMALLEST).max(1);
        wanted.min(self.largest.saturating_mul(GROWTH)).clamp(1, fair)
    }

    /// A batch came back after this many seconds of work.
    pub(crate) fn on_done(&mut self, calls: usize, seconds: f64) {
        self.in_flight -= 1;
        self.largest = self.largest.max(calls);
        let cost = seconds / calls.max(1) as f64;
        self.cost = Some(self.cost.map_or(cost, |before| before + NEWEST * (cost - before)));
    }

    /// Thread seconds that calls which have not come back will take, as far as is known.
    pub(crate) fn seconds_left(&self) -> f64 {
        let left = self.total - self.next + self.in_flight;
        self.cost.map_or(0.0, |cost| cost * left as f64)
    }

    /// Is anything left to send or to wait for?
    pub(crate) fn is_done(&self) -> bool {
        self.next >= self.total && self.in_flight == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays a run on `threads` threads where call `i` takes `cost(i)` seconds and every batch
    /// `fixed` more; seconds it took, and how many batches there were.
    fn play(total: usize, grain: usize, threads: usize, fixed: f64, cost: impl Fn(usize) -> f64) -> (f64, usize) {
        let mut schedule = Schedule::new(total, grain);
        schedule.set_threads(threads);
        let mut free = vec![0.0f64; threads];
        let mut running: Vec<(f64, usize, f64)> = Vec::new();
        let (mut batches, mut covered, mut now) = (0, 0, 0.0);
        loop {
            while let Some(range) = schedule.next() {
                assert_eq!(range.start, covered, "batches follow each other");
                assert_eq!(range.start % grain, 0);
                covered = range.end;
                batches += 1;
                let work: f64 = range.clone().map(&cost).sum();
                let thread = (0..threads).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap();
                free[thread] = free[thread].max(now) + work + fixed;
                running.push((free[thread], range.len(), work));
            }
            if schedule.is_done() {
                break;
            }
            running.sort_by(|a, b| b.0.total_cmp(&a.0));
            let (at, calls, work) = running.pop().unwrap();
            now = at;
            schedule.on_done(calls, work);
        }
        assert_eq!(covered, total);
        (now, batches)
    }

    #[test]
    fn trivial_calls_become_few_batches() {
        let (took, batches) = play(1_000_000, 1, 2, 0.004, |_| 50e-9);
        assert!(took < 0.3 && batches < 40, "{took} s, {batches} batches");
    }

    #[test]
    fn even_calls_are_near_the_ideal() {
        let (took, _) = play(10_000, 1, 2, 0.004, |_| 1e-3);
        assert!(took < 5.0 * 1.1, "{took} s");
        let (took, _) = play(10_000, 1, 64, 0.004, |_| 1e-3);
        assert!(took < 10.0 / 64.0 * 2.0, "{took} s");
    }

    #[test]
    fn many_workers_do_not_drown_the_scheduler() {
        // Each batch costs it 2 ms, one after the other, in which it does nothing else.
        let (took, batches) = play(100_000, 1, 64, 0.0, |_| 10e-3);
        assert!((batches as f64) * 0.002 < 0.7 * took, "{batches} batches in {took} s");
        assert!(took < 1.25 * 100_000.0 * 10e-3 / 64.0, "{took} s");
    }

    #[test]
    fn uneven_calls_end_together() {
        for threads in [2, 8] {
            let ascending = |i: usize| 1e-3 + 99e-3 * i as f64 / 1000.0;
            let ideal = (0..1000).map(ascending).sum::<f64>() / threads as f64;
            let (took, _) = play(1000, 1, threads, 0.004, ascending);
            assert!(took < 1.25 * ideal, "{took} of {ideal} s");
            let (took, _) = play(1000, 1, threads, 0.004, |i| ascending(999 - i));
            assert!(took < 1.25 * ideal, "{took} of {ideal} s");
        }
    }

    #[test]
    fn batches_keep_the_grain_and_wait_for_workers() {
        let (_, batches) = play(1000, 16, 3, 0.001, |_| 1e-3);
        assert!(batches > 3);
        let mut schedule = Schedule::new(10, 1);
        assert_eq!((schedule.next(), schedule.next()), (Some(0..1), None));
        schedule.set_threads(2);
        assert_eq!(schedule.next(), Some(1..2));
        assert_eq!(Schedule::new(0, 1).next(), None);
        assert!(Schedule::new(0, 1).is_done());
    }
}
