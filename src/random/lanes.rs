//! Eight streams side by side: random numbers for closures over lanes.

use super::stream::start;
use crate::simd::{F64s, Mask64};
use std::ops::Range;
use wide::u64x8;

/// The family of streams that lanes come from; no stream of it starts like one of [`super::Stream`].
const FAMILY: u64 = 1;

/// Eight independent streams, one for each lane of an [`F64s`].
///
/// The number of lanes is the same on every processor, and so are the numbers: uniform ones to the
/// last bit, the others as far as logarithms and sines agree, which is within some ULP.
///
/// ```
/// use ferrolab::random::LaneStream;
/// let mut rng = LaneStream::new(42, 0);
/// let (x, y) = (rng.uniform(), rng.uniform());
/// let inside = (x * x + y * y).lt(1.0);
/// assert!(inside.count() <= 8);
/// ```
#[derive(Debug, Clone)]
pub struct LaneStream {
    state: [u64x8; 4],
    spare: Option<F64s>,
}

impl LaneStream {
    /// Stream `index` of the streams of `seed`.
    ///
    /// ```
    /// let mut rng = ferrolab::random::LaneStream::new(2024, 7);
    /// assert!(rng.uniform().lt(1.0).all());
    /// ```
    #[must_use]
    pub fn new(seed: u64, index: u64) -> Self {
        // One index for each lane: eight of these follow each other.
        let lanes: [[u64; 4]; 8] =
            std::array::from_fn(|lane| start(FAMILY, seed, index.wrapping_mul(8).wrapping_add(lane as u64)));
        let state = std::array::from_fn(|word| u64x8::new(lanes.map(|lane| lane[word])));
        Self { state, spare: None }
    }

    /// One step of xoshiro256++ in each lane.
    #[inline]
    pub(super) fn bits(&mut self) -> u64x8 {
        #[inline]
        fn rotate_left(x: u64x8, n: u32) -> u64x8 {
            (x << n) | (x >> (64 - n))
        }
        let [a, b, c, d] = self.state;
        let result = rotate_left(a + d, 23) + a;
        let (e, f) = (c ^ a, d ^ b);
        self.state = [a ^ f, b ^ e, e ^ (b << 17), rotate_left(f, 45)];
        result
    }

    /// Numbers from 0 to 1, 1 excluded: multiples of 2⁻⁵², all equally likely.
    ///
    /// ```
    /// let u = ferrolab::random::lanes(1).uniform();
    /// assert!((u.ge(0.0) & u.lt(1.0)).all());
    /// ```
    #[inline]
    pub fn uniform(&mut self) -> F64s {
        // Random bits as the digits of a number from 1 to 2.
        let one = u64x8::splat(1.0f64.to_bits());
        F64s::from_bits((self.bits() >> 12) | one) - 1.0
    }

    /// Numbers of a range of floats, all equally likely.
    ///
    /// # Panics
    /// When the range is empty, or not finite.
    ///
    /// ```
    /// let x = ferrolab::random::lanes(1).range(-1.0..1.0);
    /// assert!((x.ge(-1.0) & x.lt(1.0)).all());
    /// ```
    #[inline]
    pub fn range(&mut self, range: Range<f64>) -> F64s {
        let length = range.end - range.start;
        assert!(length > 0.0, "there is no number in the range {range:?}");
        assert!(length < f64::INFINITY, "the range {range:?} has no finite length");
        let x = self.uniform().mul_add(length, range.start);
        // Rounding may reach the upper bound.
        x.lt(range.end).select(x, range.end.next_down())
    }

    /// Numbers of the normal distribution with mean 0 and standard deviation 1 (Box and Muller,
    /// 1958), none beyond 8.5.
    ///
    /// ```
    /// let z = ferrolab::random::lanes(1).normal();
    /// assert!(z.abs().lt(8.5).all());
    /// ```
    #[inline]
    pub fn normal(&mut self) -> F64s {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let (x, y) = self.two_normals();
        self.spare = Some(y);
        x
    }

    /// Two vectors of independent normal numbers: without what [`LaneStream::normal`] keeps for the next call.
    ///
    /// ```
    /// let (x, y) = ferrolab::random::lanes(1).two_normals();
    /// assert!((x * x + y * y).lt(73.0).all());
    /// ```
    #[inline]
    pub fn two_normals(&mut self) -> (F64s, F64s) {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let (sin, cos) = (self.uniform() * std::f64::consts::TAU).sin_cos();
        (radius * cos, radius * sin)
    }

    /// Numbers of the exponential distribution with mean 1, none beyond 36.1.
    ///
    /// ```
    /// let wait = ferrolab::random::lanes(1).exponential();
    /// assert!((wait.ge(0.0) & wait.lt(36.1)).all());
    /// ```
    #[inline]
    pub fn exponential(&mut self) -> F64s {
        -(1.0 - self.uniform()).ln()
    }

    /// In each lane true with the given probability.
    ///
    /// # Panics
    /// When `probability` is not between 0 and 1.
    ///
    /// ```
    /// assert!(ferrolab::random::lanes(1).bool(1.0).all());
    /// ```
    #[inline]
    pub fn bool(&mut self, probability: f64) -> Mask64 {
        assert!((0.0..=1.0).contains(&probability), "a probability is between 0 and 1, not {probability}");
        self.uniform().lt(probability)
    }
}
