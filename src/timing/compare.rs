//! Comparing bodies: they run in turns, so that whatever slows the machine slows all of them, and
//! the ratio of their times comes with an interval.

use std::time::Duration;

use super::measure::{LONG_ENOUGH, empty_loop, value_batch, warm_up};
use super::stats;
use crate::par::without_bars;
use crate::rt::{self, Failure};

/// Time for all rounds, seconds.
const BUDGET: f64 = 1.5;

/// A body with a name, to be compared; [`candidate`] makes one.
///
/// ```
/// use ferrolab::timing::{Candidate, candidate, compare};
/// let all: Vec<Candidate<'_>> = (1..=2).map(|n| candidate(format!("{n} times"), move || n)).collect();
/// assert_eq!(compare(all).entries[1].name, "2 times");
/// ```
pub struct Candidate<'a> {
    name: String,
    batch: Box<dyn FnMut(u64) -> Result<Duration, Failure> + 'a>,
}

impl std::fmt::Debug for Candidate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Candidate").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A body with a name, for [`compare`]. Its value is kept from the optimiser.
///
/// ```
/// use ferrolab::timing::candidate;
/// let v = vec![3, 1, 2];
/// let sorting = candidate("sort", || { let mut v = v.clone(); v.sort(); v });
/// ```
#[must_use]
#[inline]
pub fn candidate<'a, T>(name: impl Into<String>, body: impl FnMut() -> T + 'a) -> Candidate<'a> {
    Candidate { name: name.into(), batch: Box::new(value_batch(body)) }
}

/// One body of a comparison. Times are seconds per loop.
///
/// ```
/// use ferrolab::timing::{candidate, compare};
/// let found = compare([candidate("a", || 1), candidate("b", || 2)]);
/// let first = &found.entries[0];
/// assert!(first.interval.0 <= first.median && first.median <= first.interval.1);
/// assert_eq!(first.samples.len(), found.entries[1].samples.len());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Median of the rounds.
    pub median: f64,
    /// The 95 % interval of the median, by bootstrap.
    pub interval: (f64, f64),
    /// Loops in one round.
    pub loops: u64,
    /// The rounds, in order; round `i` of all bodies ran one after the other.
    pub samples: Vec<f64>,
}

/// How the time of a body relates to that of the first.
///
/// ```
/// let ratio = ferrolab::timing::Ratio { ratio: 1.02, interval: (0.98, 1.05) };
/// assert!(!ratio.differs());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Median time over the first one's; above 1 is slower.
    pub ratio: f64,
    /// Its 95 % interval, by a bootstrap of whole rounds.
    pub interval: (f64, f64),
}

impl Ratio {
    /// Is 1, the same speed, outside the interval?
    #[must_use]
    pub fn differs(&self) -> bool {
        self.interval.0 > 1.0 || self.interval.1 < 1.0
    }
}

/// What [`compare`] found. Shown as text and a figure of all distributions.
///
/// ```
/// use ferrolab::timing::{candidate, compare};
/// let found = compare([candidate("a", || 1), candidate("b", || 2)]);
/// assert_eq!((found.entries.len(), found.ratios.len()), (2, 1));
/// assert!(found.to_string().contains("interleaved rounds"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The bodies, in the order given.
    pub entries: Vec<Entry>,
    /// Each body after the first, over the first: one fewer than `entries`.
    pub ratios: Vec<Ratio>,
    /// What a loop around nothing takes, seconds; it is part of the times.
    pub empty_loop: f64,
}

/// Compares bodies by running them in turns for about 1.5 s in all (3 rounds of each at least).
///
/// # Panics
/// With fewer than two candidates, or when a body panics.
///
/// ```
/// use ferrolab::timing::{candidate, compare};
/// let v: Vec<u64> = (0..1000).collect();
/// let found = compare([
///     candidate("all", || v.iter().sum::<u64>()),
///     candidate("a tenth", || v[..100].iter().sum::<u64>()),
/// ]);
/// assert!(found.ratios[0].ratio < 1.0);
/// ```
pub fn compare<'a>(candidates: impl IntoIterator<Item = Candidate<'a>>) -> Comparison {
    let candidates: Vec<Candidate<'a>> = candidates.into_iter().collect();
    assert!(candidates.len() > 1, "a comparison needs two candidates, and got {}", candidates.len());
    run(candidates).unwrap_or_else(|failure| panic!("{}", failure.message()))
}

pub(super) fn run(mut candidates: Vec<Candidate<'_>>) -> Result<Comparison, Failure> {
    without_bars(|| {
        let mut per_loop = Vec::with_capacity(candidates.len());
        for candidate in &mut candidates {
            per_loop.push(warm_up(None, &mut candidate.batch)?.0);
        }
        // A round gives each body about the same time, so that none is measured better.
        let slowest = per_loop.iter().copied().fold(LONG_ENOUGH, f64::max);
        let share = (BUDGET / (30.0 * candidates.len() as f64)).clamp(LONG_ENOUGH, 10e-3).max(slowest);
        let rounds = (BUDGET / (share * candidates.len() as f64)).clamp(3.0, 200.0) as usize;
        let loops: Vec<u64> = per_loop.iter().map(|t| (share / t.max(1e-12)).round().max(1.0) as u64).collect();
        let mut samples: Vec<Vec<f64>> = vec![Vec::with_capacity(rounds); candidates.len()];
        for round in 0..rounds {
            for turn in 0..candidates.len() {
                rt::check_interrupt();
                // Another body begins each round: none always follows the same one.
                let at = (turn + round) % candidates.len();
                let seconds = (candidates[at].batch)(loops[at])?.as_secs_f64();
                samples[at].push(seconds / loops[at] as f64);
            }
        }
        let names = candidates.iter().map(|c| c.name.clone()).collect();
        Ok(Comparison::of(names, &loops, samples))
    })
}

impl Comparison {
    pub(super) fn of(names: Vec<String>, loops: &[u64], samples: Vec<Vec<f64>>) -> Self {
        let first = samples[0].clone();
        let ratios = samples[1..].iter().map(|other| ratio(&first, other)).collect();
        let entries = names.into_iter().zip(loops).zip(samples).map(|((name, loops), samples)| Entry {
            name,
            median: stats::median(&samples),
            interval: stats::bootstrap(&samples, stats::median),
            loops: *loops,
            samples,
        });
        Self { entries: entries.collect(), ratios, empty_loop: empty_loop() }
    }
}

fn ratio(first: &[f64], other: &[f64]) -> Ratio {
    let rounds: Vec<(f64, f64)> = first.iter().copied().zip(other.iter().copied()).collect();
    let of = |rounds: &[(f64, f64)]| {
        let (a, b): (Vec<f64>, Vec<f64>) = rounds.iter().copied().unzip();
        stats::median(&b) / stats::median(&a)
    };
    Ratio { ratio: of(&rounds), interval: stats::bootstrap(&rounds, of) }
}
