//! Means over random samples, with their error; the same for any number of threads.

use super::collect::Par;
use super::drive::{At, Body, drive};
use crate::random::{LaneStream, Stream};
use crate::rt;
use crate::simd::F64s;
use std::fmt;
use std::mem::forget;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Samples of one stream: at least, and usually at most. It depends on the number of samples alone.
const BLOCK: (usize, usize) = (64, 4096);
/// Blocks that small numbers of samples are cut into, so that many threads have something to do.
const BLOCKS: usize = 4096;
/// Never more blocks than this, each of which is kept until the end.
const MOST_BLOCKS: usize = 1 << 20;
/// Calls of the closure between two looks at whether the user interrupts.
const LOOK: usize = 64;

/// A mean over random samples; [`monte_carlo`] gives it. It is shown as `3.14159 ± 0.00005`.
///
/// ```
/// use ferrolab::par;
/// let dice = par::monte_carlo(60_000, 1, |rng| f64::from(rng.range(1..=6)));
/// assert!((dice.mean - 3.5).abs() < 5.0 * dice.error);
/// assert!((dice.variance() - 35.0 / 12.0).abs() < 0.1);
/// assert!(dice.to_string().starts_with("3."));
/// ```
#[derive(Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean of the samples.
    pub mean: f64,
    /// The standard error of the mean; NaN for fewer than two samples.
    pub error: f64,
    /// How many samples there are.
    pub n: u64,
}

impl Estimate {
    /// The variance of one sample, as estimated from all.
    ///
    /// ```
    /// let coin = ferrolab::par::monte_carlo(100_000, 1, |rng| if rng.bool(0.5) { 1.0 } else { 0.0 });
    /// assert!((coin.variance() - 0.25).abs() < 1e-3);
    /// ```
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.error * self.error * self.n as f64
    }

    /// The mean less and plus `sigmas` standard errors.
    ///
    /// ```
    /// let e = ferrolab::par::Estimate { mean: 1.0, error: 0.25, n: 10 };
    /// assert_eq!(e.interval(2.0), (0.5, 1.5));
    /// ```
    #[must_use]
    pub fn interval(&self, sigmas: f64) -> (f64, f64) {
        (self.mean - sigmas * self.error, self.mean + sigmas * self.error)
    }
}

impl fmt::Display for Estimate {
    /// The error with one digit, two when it begins with 1, and the mean with as many decimals;
    /// `{:.3}` asks for three decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mean, error) = (self.mean, self.error);
        if let Some(decimals) = f.precision() {
            return write!(f, "{mean:.decimals$} ± {error:.decimals$}");
        }
        let digits = error.log10().floor();
        let outside = !mean.is_finite() || !(1e-9..1e15).contains(&mean.abs().max(error));
        if !digits.is_finite() || outside {
            return write!(f, "{mean:?} ± {error:?}");
        }
        let leading = error / 10f64.powf(digits);
        let decimals = (-digits).max(0.0) as usize + usize::from(leading < 1.95 && digits < 1.0);
        write!(f, "{mean:.decimals$} ± {error:.decimals$}")
    }
}

impl fmt::Debug for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} (n = {})", self.n)
    }
}

/// Mean and sum of squared deviations of some samples.
#[derive(Clone, Copy)]
struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// From sums of `x − origin` and of its square: near the mean, so that little cancels.
    fn new(n: f64, origin: f64, sum: f64, squares: f64) -> Self {
        Self { n, mean: origin + sum / n, squares: (squares - sum * (sum / n)).max(0.0) }
    }

    /// Of both together (Chan, Golub and LeVeque, 1979).
    fn and(self, other: Self) -> Self {
        let n = self.n + other.n;
        let delta = other.mean - self.mean;
        Self {
            n,
            mean: self.mean + delta * (other.n / n),
            squares: self.squares + other.squares + delta * delta * (self.n * other.n / n),
        }
    }
}

/// The mean of `samples` calls of `f`, each with random numbers of its own.
///
/// Blocks of samples have a stream each ([`crate::random`]), and their means are combined in a fixed
/// order: the result depends on `samples` and `seed`, to the last bit, and not on threads. A
/// progress bar counts samples.
///
/// # Panics
/// When `samples` is 0, or `f` panics: with the index of the sample.
///
/// ```
/// use ferrolab::par;
/// let pi = par::monte_carlo(100_000, 1, |rng| if rng.uniform().hypot(rng.uniform()) < 1.0 { 4.0 } else { 0.0 });
/// assert!((pi.mean - 3.14159).abs() < 5.0 * pi.error);
/// assert_eq!(pi.n, 100_000);
/// ```
#[must_use]
pub fn monte_carlo(samples: usize, seed: u64, f: impl Fn(&mut Stream) -> f64 + Sync) -> Estimate {
    Par::new().monte_carlo(samples, seed, f)
}

/// The mean of `samples` calls of `f`, eight at once (SIMD); else as [`monte_carlo`].
///
/// When `samples` is not a multiple of 8, the last vector counts in part.
///
/// # Panics
/// When `samples` is 0, or `f` panics: with the index of the first sample of its vector.
///
/// ```
/// use ferrolab::par;
/// let pi = par::monte_carlo_simd(1_000_000, 1, |rng| {
///     let (x, y) = (rng.uniform(), rng.uniform());
///     (x * x + y * y).lt(1.0).select(4.0, 0.0)
/// });
/// assert!((pi.mean - 3.14159).abs() < 5.0 * pi.error);
/// ```
#[must_use]
pub fn monte_carlo_simd(samples: usize, seed: u64, f: impl Fn(&mut LaneStream) -> F64s + Sync) -> Estimate {
    Par::new().monte_carlo_simd(samples, seed, f)
}

/// Runs blocks of samples on all threads: `block` gets the index of the stream and the samples.
#[inline(never)]
fn blocks(par: &Par, samples: usize, block: &(dyn Fn(u64, Range<usize>, &mut usize) -> Moments + Sync)) -> Estimate {
    assert!(samples > 0, "monte_carlo needs at least one sample");
    let usual = (samples / BLOCKS).next_power_of_two().clamp(BLOCK.0, BLOCK.1);
    let size = usual.max((samples / MOST_BLOCKS).next_power_of_two());
    let parts: Mutex<Vec<(usize, Vec<Moments>)>> = Mutex::new(Vec::new());
    let body = |range: Range<usize>, at: &mut usize| {
        let mut moments = Vec::with_capacity(range.len().div_ceil(size));
        for start in range.clone().step_by(size) {
            moments.push(block((start / size) as u64, start..(start + size).min(range.end), at));
        }
        parts.lock().unwrap_or_else(PoisonError::into_inner).push((range.start, moments));
    };
    drive(samples, size, &par.job, Body::new(&body)).unwrap_or_else(|failure| failure.stop.resume());
    let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
    parts.sort_unstable_by_key(|(start, _)| *start);
    let all: Vec<Moments> = parts.into_iter().flat_map(|(_, moments)| moments).collect();
    let total = in_pairs(&all);
    let n = samples as f64;
    Estimate { mean: total.mean, error: (total.squares / (n - 1.0) / n).sqrt(), n: samples as u64 }
}

/// All together, halves first, so that rounding errors stay small.
fn in_pairs(all: &[Moments]) -> Moments {
    match all {
        [one] => *one,
        _ => {
            let (a, b) = all.split_at(all.len() / 2);
            in_pairs(a).and(in_pairs(b))
        }
    }
}

impl Par {
    /// See [`super::monte_carlo`].
    ///
    /// # Panics
    /// When `samples` is 0, or `f` panics.
    #[must_use]
    pub fn monte_carlo(&self, samples: usize, seed: u64, f: impl Fn(&mut Stream) -> f64 + Sync) -> Estimate {
        blocks(self, samples, &|stream, range, at| {
            let mut rng = Stream::new(seed, stream);
            let (mut origin, mut sum, mut squares) = (0.0, 0.0, 0.0);
            for index in range.clone() {
                if (index - range.start) % LOOK == LOOK - 1 {
                    rt::check_interrupt();
                }
                let guard = At { task: index, out: at };
                let x = f(&mut rng);
                forget(guard);
                if index == range.start {
                    origin = x;
                }
                let d = x - origin;
                sum += d;
                squares += d * d;
            }
            Moments::new(range.len() as f64, origin, sum, squares)
        })
    }

    /// See [`super::monte_carlo_simd`].
    ///
    /// # Panics
    /// When `samples` is 0, or `f` panics.
    #[must_use]
    pub fn monte_carlo_simd(&self, samples: usize, seed: u64, f: impl Fn(&mut LaneStream) -> F64s + Sync) -> Estimate {
        const { assert!(BLOCK.0.is_multiple_of(F64s::LANES), "blocks are whole vectors") }
        blocks(self, samples, &|stream, range, at| {
            let mut rng = LaneStream::new(seed, stream);
            let guard = At { task: range.start, out: at };
            let first = f(&mut rng);
            forget(guard);
            // The first number of the block stands for the mean: see `Moments::new`.
            let origin = F64s::splat(first.to_array()[0]);
            let (mut sum, mut squares) = (F64s::splat(0.0), F64s::splat(0.0));
            let mut add = |x: F64s, n: usize| {
                let d = x - origin;
                let d = if n < F64s::LANES {
                    F64s::from_fn(|lane| if lane < n { d.to_array()[lane] } else { 0.0 })
                } else {
                    d
                };
                sum += d;
                squares = d.mul_add(d, squares);
            };
            add(first, range.len().min(F64s::LANES));
            let mut start = range.start + F64s::LANES;
            while start < range.end {
                rt::check_interrupt();
                let end = (start + LOOK * F64s::LANES).min(range.end);
                while start < end {
                    let guard = At { task: start, out: at };
                    let x = f(&mut rng);
                    forget(guard);
                    add(x, (end - start).min(F64s::LANES));
                    start += F64s::LANES;
                }
            }
            Moments::new(range.len() as f64, origin.to_array()[0], sum.sum(), squares.sum())
        })
    }
}
