//! Random numbers for parallel work: any number of independent streams that can be made again.
//!
//! A task takes the stream of its own index, so results do not depend on which thread runs it, or
//! on how many there are:
//!
//! ```
//! use ferrolab::prelude::*;
//! let rolls = par::map(0..4u64, |task| {
//!     let mut rng = random::stream(task);
//!     rng.range(1..=6)
//! });
//! assert_eq!(rolls, par::map(0..4u64, |task| random::stream(task).range(1..=6)));
//! ```
//!
//! [`Stream::new`] takes a seed as well, for another set of streams. [`lanes`] and [`LaneStream`]
//! give eight numbers at once ([`crate::simd`]). [`crate::par::monte_carlo`] hands streams out by itself.
//!
//! # The generator, and why streams are independent
//!
//! Each stream is xoshiro256++ (Blackman and Vigna, Scrambled Linear Pseudorandom Number Generators,
//! ACM TOMS 47(4), 2021): a period of 2²⁵⁶ − 1, equidistributed in three dimensions, no known failure
//! in BigCrush or PractRand. A seed and an index are hashed by SplitMix64, as its authors advise,
//! into one of 2²⁵⁶ states. Two streams of one seed never start in the same state. They could only
//! meet by overlapping: the chance that any two of n streams of which L numbers each are used do so
//! is below n² L / 2²⁵⁶, which is less than 10⁻³⁴ for a billion streams of 10²⁴ numbers. Tests look at
//! correlations between neighbouring streams.
//!
//! The generator is not for secrets.

mod draw;
mod lanes;
mod positions;
mod stream;
#[cfg(test)]
mod tests;
mod ziggurat;

pub use draw::{Draw, DrawRange};
pub use lanes::LaneStream;
pub(crate) use positions::{BLOCK as POSITIONS, Positions};
pub use stream::Stream;

/// The random stream of a task: `Stream::new(0, index)`.
///
/// ```
/// use ferrolab::random;
/// let draws = [random::stream(3).uniform(), random::stream(3).uniform(), random::stream(4).uniform()];
/// assert!(draws[0] == draws[1] && draws[1] != draws[2]);
/// ```
#[must_use]
pub fn stream(index: u64) -> Stream {
    Stream::new(0, index)
}

/// Eight random streams at once, for closures over lanes: `LaneStream::new(0, index)`.
///
/// ```
/// let mut rng = ferrolab::random::lanes(3);
/// let total = (0..1000).map(|_| rng.uniform()).sum::<ferrolab::simd::F64s>().sum();
/// assert!((total / 8000.0 - 0.5).abs() < 0.02);
/// ```
#[must_use]
pub fn lanes(index: u64) -> LaneStream {
    LaneStream::new(0, index)
}
