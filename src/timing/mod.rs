//! Measuring code: how long a body takes, how it scales with threads, which of two is faster.
//!
//! [`timeit`], [`scaling`] and [`compare`] are what `%%timeit`, `%%scaling` and `%%bench` of a
//! notebook call; their results hold every sample and are shown as text with a figure. A body runs
//! many times, so what it changes is changed many times. Values that a body returns are kept from
//! the optimiser, and dropping them is part of the time. Progress bars that helpers show by
//! themselves stay away while a body is measured, and interrupts are seen between two batches.
//!
//! The statistics follow criterion (Heisler and Aparicio, [criterion.rs](https://github.com/criterion-rs/criterion.rs)):
//! a least-squares slope or a median, bootstrap intervals, Tukey's fences. They describe the spread
//! on this machine now; another load or clock rate moves all samples together, which no interval shows.

mod amdahl;
pub mod cell;
mod compare;
mod measure;
mod report;
mod scaling;
mod stats;
#[cfg(test)]
mod tests;
mod units;

pub use amdahl::Amdahl;
pub use compare::{Candidate, Comparison, Entry, Ratio, candidate, compare};
pub use measure::{Method, Sample, Timing};
pub use scaling::{Run, Scaling};
pub use stats::Outliers;

use measure::{measure, value_batch};

/// How often [`timeit_with`] runs a body. What is not set is chosen from the first runs, so that
/// a batch takes a millisecond or more and all of them about 1 to 2 s.
///
/// ```
/// let options = ferrolab::timing::Options::default().loops(1000).repeats(7);
/// assert_eq!(options.loops, Some(1000));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Loops in one batch.
    pub loops: Option<u64>,
    /// Batches.
    pub repeats: Option<usize>,
}

impl Options {
    /// Sets the loops in one batch; 0 counts as 1.
    ///
    /// ```
    /// assert_eq!(ferrolab::timing::Options::default().loops(0).loops, Some(1));
    /// ```
    #[must_use]
    pub fn loops(mut self, loops: u64) -> Self {
        self.loops = Some(loops.max(1));
        self
    }

    /// Sets the number of batches; 0 counts as 1. With [`loops`](Self::loops) set as well, the body
    /// runs exactly `loops · repeats` times, without warming up.
    ///
    /// ```
    /// let (mut runs, options) = (0, ferrolab::timing::Options::default().loops(2).repeats(3));
    /// ferrolab::timing::timeit_with(options, || runs += 1);
    /// assert_eq!(runs, 6);
    /// ```
    #[must_use]
    pub fn repeats(mut self, repeats: usize) -> Self {
        self.repeats = Some(repeats.max(1));
        self
    }
}

/// Measures how long `body` takes, for about a second.
///
/// A body of up to some 2.4 ms runs in 40 batches of growing size (the first takes 1 ms or more),
/// and its time is the least-squares slope of time against loops; a longer one runs 3 to 200
/// times, and its time is the median.
///
/// # Panics
/// When the body panics; with [`crate::rt::Interrupted`] when the user interrupts.
///
/// ```
/// let v: Vec<u64> = (0..1000).collect();
/// let timing = ferrolab::timing::timeit(|| v.iter().sum::<u64>());
/// assert!(timing.estimate > 0.0 && timing.estimate < 1.0); // seconds
/// ```
pub fn timeit<T>(body: impl FnMut() -> T) -> Timing {
    timeit_with(Options::default(), body)
}

/// [`timeit`] with the number of loops or batches set.
///
/// # Panics
/// As [`timeit`].
///
/// ```
/// use ferrolab::timing::{self, Options};
/// let mut runs = 0;
/// let timing = timing::timeit_with(Options::default().loops(10).repeats(3), || runs += 1);
/// assert_eq!((runs, timing.loops(), timing.samples.len()), (30, 30, 3));
/// ```
pub fn timeit_with<T>(options: Options, body: impl FnMut() -> T) -> Timing {
    let mut batch = value_batch(body);
    measure(options, &mut batch).unwrap_or_else(|failure| panic!("{}", failure.message()))
}

/// Runs `body` on pools of each number of threads, and fits Amdahl's law to the medians.
///
/// Parallel helpers and rayon in the body use exactly that many threads, and
/// [`threads()`](crate::threads::Threads::count) says so. With no counts: 1, 2, 4… up to the threads
/// of the session. Each number gets the same share of about 12 s and up to 9 runs; a body that
/// takes longer runs once. More threads than cores are tried as asked, and the result says so.
///
/// # Panics
/// When a count is 0 or above 65536, when threads cannot be started, and when the body panics.
///
/// ```
/// use ferrolab::{par, timing};
/// let found = timing::scaling(&[1, 2], || par::map(0..1000u64, |x| x * x));
/// assert_eq!(found.runs[1].threads, 2);
/// assert_eq!(found.runs[0].speedup, 1.0);
/// ```
pub fn scaling<T>(counts: &[usize], body: impl FnMut() -> T + Send) -> Scaling {
    for &count in counts {
        assert!(
            (1..=scaling::MOST_THREADS).contains(&count),
            "a number of threads is 1 to {}, and one of those given is {count}",
            scaling::MOST_THREADS
        );
    }
    let granted = std::thread::available_parallelism().map_or(1, usize::from);
    let counts = if counts.is_empty() { scaling::default_counts(crate::rt::threads()) } else { counts.to_vec() };
    let mut batch = value_batch(body);
    scaling::run(&counts, granted, &mut batch).unwrap_or_else(|failure| panic!("{}", failure.message()))
}
