//! Measuring a body: warming up, choosing how often it runs, running it, and what came of it. How
//! a result looks is not decided here.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Options;
use super::stats::{self, Outliers};
use crate::par::without_bars;
use crate::progress::{Outcome, State};
use crate::rt::{self, Failure};

/// Runs a body so many times; how long that took.
pub(super) type Batch<'a> = &'a mut dyn FnMut(u64) -> Result<Duration, Failure>;

/// A batch should take this long, seconds, so that reading the clock does not count.
pub(super) const LONG_ENOUGH: f64 = 1e-3;
/// Batches of growing size, whose slope is the time of a loop.
const STEPS: u64 = 40;
/// Time to warm up a short body, seconds.
const WARM: f64 = 0.15;
/// Time for all batches when nothing else is asked for, seconds.
const BUDGET: f64 = 1.5;
/// A measurement expected to last longer has a progress bar, seconds.
const BAR: f64 = 3.0;

/// The typed side of a measurement: a loop around the body, compiled with the cell.
#[inline]
pub(super) fn batch<'a>(
    mut body: impl FnMut() -> Result<(), Failure> + 'a,
) -> impl FnMut(u64) -> Result<Duration, Failure> + 'a {
    move |loops| {
        let start = Instant::now();
        for _ in 0..loops {
            // What the body captures may be different in each loop, as far as the compiler knows,
            // so it cannot compute the value once for all loops.
            black_box(&mut body)()?;
        }
        Ok(start.elapsed())
    }
}

/// The same for a body that returns a value.
#[inline]
pub(super) fn value_batch<'a, T>(
    mut body: impl FnMut() -> T + 'a,
) -> impl FnMut(u64) -> Result<Duration, Failure> + 'a {
    batch(move || {
        black_box(body());
        Ok(())
    })
}

/// One batch: how many loops, and how long they took.
///
/// ```
/// let sample = ferrolab::timing::Sample { loops: 10, seconds: 0.5 };
/// assert_eq!(sample.per_loop(), 0.05);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Loops in this batch.
    pub loops: u64,
    /// Seconds for all of them.
    pub seconds: f64,
}

impl Sample {
    /// Seconds per loop.
    #[must_use]
    pub fn per_loop(&self) -> f64 {
        self.seconds / self.loops as f64
    }
}

/// A bar that appears when a measurement lasts, and does not stay open when it fails.
pub(super) struct Bar(pub(super) Arc<State>);

impl Bar {
    pub(super) fn new(total: usize, message: &str) -> Self {
        Self(State::automatic(total as u64, message))
    }

    pub(super) fn done(&self) {
        self.0.finish(Outcome::Done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // Only the first outcome counts.
        self.0.finish(if rt::interrupted() { Outcome::Interrupted } else { Outcome::Failed });
    }
}

/// Where an estimate comes from.
///
/// ```
/// use ferrolab::timing::{self, Method, Options};
/// let fixed = timing::timeit_with(Options::default().loops(10).repeats(3), || 1 + 1);
/// assert_eq!(fixed.method, Method::Median);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The least-squares slope, through the origin, of time against loops in batches of growing
    /// size; what a batch costs besides its loops does not count. As criterion does it.
    Slope,
    /// The median of batches of one size.
    Median,
}

/// How long a body takes. All times are seconds per loop. Shown as text and a histogram.
///
/// ```
/// let v = vec![1.0; 1000];
/// let timing = ferrolab::timing::timeit(|| v.iter().sum::<f64>());
/// assert!(timing.interval.0 <= timing.estimate && timing.estimate <= timing.interval.1);
/// assert!(timing.fastest <= timing.median);
/// println!("{timing}");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// The time of one loop.
    pub estimate: f64,
    /// The 95 % interval of `estimate`, by bootstrap (2000 resamples, fixed seed).
    pub interval: (f64, f64),
    /// How `estimate` was computed.
    pub method: Method,
    /// Mean of the batches.
    pub mean: f64,
    /// Median of the batches.
    pub median: f64,
    /// Standard deviation of the batches.
    pub deviation: f64,
    /// Median absolute deviation from the median.
    pub mad: f64,
    /// The fastest batch.
    pub fastest: f64,
    /// Batches far from the others.
    pub outliers: Outliers,
    /// What a loop around nothing takes; it is part of the times, and not subtracted.
    pub empty_loop: f64,
    /// All batches, in the order they ran.
    pub samples: Vec<Sample>,
}

/// Measures a body.
pub(super) fn measure(options: Options, batch: Batch<'_>) -> Result<Timing, Failure> {
    without_bars(|| {
        let exact = options.loops.is_some() && options.repeats.is_some();
        let (per_loop, first) = if exact { (0.0, None) } else { warm_up(options.loops, batch)? };
        let (method, sizes) = plan(per_loop, options);
        let mut samples: Vec<Sample> = first.into_iter().collect();
        let left = sizes.len().saturating_sub(samples.len());
        let expected = per_loop * sizes[..left].iter().sum::<u64>() as f64;
        let bar = (expected > BAR).then(|| Bar::new(left, "measuring"));
        for &loops in &sizes[..left] {
            rt::check_interrupt();
            samples.push(Sample { loops, seconds: batch(loops)?.as_secs_f64() });
            bar.iter().for_each(|bar| bar.0.add(1));
        }
        bar.iter().for_each(Bar::done);
        Ok(Timing::of(method, samples, empty_loop()))
    })
}

/// Runs longer and longer batches until they tell how long a loop takes. A body of more than a
/// second has no warm-up of its own: its first run is the first sample.
pub(super) fn warm_up(most: Option<u64>, batch: Batch<'_>) -> Result<(f64, Option<Sample>), Failure> {
    let most = most.unwrap_or(u64::MAX).max(1);
    let (mut loops, mut spent) = (1_u64, 0.0);
    loop {
        rt::check_interrupt();
        let seconds = batch(loops)?.as_secs_f64();
        spent += seconds;
        if seconds >= 1.0 && loops == 1 && spent == seconds {
            return Ok((seconds, (most == 1 || most == u64::MAX).then_some(Sample { loops, seconds })));
        }
        if spent >= WARM {
            return Ok((seconds / loops as f64, None));
        }
        if seconds < LONG_ENOUGH {
            loops = loops.saturating_mul(2).min(most);
        }
    }
}

/// How many loops in each batch, for a body of `per_loop` seconds.
pub(super) fn plan(per_loop: f64, options: Options) -> (Method, Vec<u64>) {
    let per_loop = per_loop.max(1e-12);
    let loops_for = |seconds: f64| (seconds / per_loop * (1.0 - 1e-9)).ceil().max(1.0) as u64;
    let repeats_for = |seconds: f64| (BUDGET / seconds).clamp(3.0, 200.0) as usize;
    let steps: u64 = STEPS * (STEPS + 1) / 2;
    let flat = |loops: u64, repeats: usize| (Method::Median, vec![loops.max(1); repeats.max(1)]);
    match (options.loops, options.repeats) {
        (Some(loops), Some(repeats)) => flat(loops, repeats),
        (Some(loops), None) => flat(loops, repeats_for(loops as f64 * per_loop).min(100)),
        (None, Some(repeats)) => flat(loops_for((BUDGET / repeats.max(1) as f64).clamp(LONG_ENOUGH, 0.1)), repeats),
        (None, None) if per_loop * steps as f64 <= 2.0 => {
            let unit = loops_for(LONG_ENOUGH);
            (Method::Slope, (1..=STEPS).map(|step| step * unit).collect())
        }
        (None, None) => flat(1, repeats_for(per_loop)),
    }
}

/// Seconds that a loop around a constant takes: what any body costs besides its work.
pub(super) fn empty_loop() -> f64 {
    let mut empty = value_batch(|| 0_u64);
    let times = (0..7).filter_map(|_| empty(20_000).ok()).map(|t| t.as_secs_f64() / 20_000.0);
    times.fold(f64::INFINITY, f64::min)
}

impl Timing {
    /// The statistics of batches; there is at least one.
    pub(super) fn of(method: Method, samples: Vec<Sample>, empty_loop: f64) -> Self {
        let each: Vec<f64> = samples.iter().map(Sample::per_loop).collect();
        let points: Vec<(f64, f64)> = samples.iter().map(|s| (s.loops as f64, s.seconds)).collect();
        let (estimate, interval) = match method {
            Method::Slope => (stats::slope(&points), stats::bootstrap(&points, stats::slope)),
            Method::Median => (stats::median(&each), stats::bootstrap(&each, stats::median)),
        };
        Self {
            estimate,
            // The interval of a handful of batches may miss what was computed from all of them.
            interval: (interval.0.min(estimate), interval.1.max(estimate)),
            method,
            mean: stats::mean(&each),
            median: stats::median(&each),
            deviation: stats::deviation(&each),
            mad: stats::mad(&each),
            fastest: each.iter().copied().fold(f64::INFINITY, f64::min),
            outliers: stats::outliers(&each),
            empty_loop,
            samples,
        }
    }

    /// Loops in all batches.
    #[must_use]
    pub fn loops(&self) -> u64 {
        self.samples.iter().map(|s| s.loops).sum()
    }
}
