//! One stream of random numbers: the generator, and what is drawn from it. Eight at once are in
//! `lanes`.

use super::draw::DrawRange;
use super::ziggurat;
use rand_core::{Infallible, SeedableRng, TryRng};

/// The increment of SplitMix64: 2⁶⁴ divided by the golden ratio.
pub(super) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// 2⁻⁵³
const STEP: f64 = 1.0 / (1u64 << 53) as f64;

/// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014): a permutation of all numbers.
#[inline]
pub(super) const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The starting state of stream `index` of `seed` in one of several families of streams.
///
/// For one seed and family the first word is a permutation of the index, so no two streams start
/// in the same state.
#[inline]
pub(super) fn start(family: u64, seed: u64, index: u64) -> [u64; 4] {
    let key = mix(seed.wrapping_add(GOLDEN)) ^ mix(family);
    let mut at = mix(key.wrapping_add(index.wrapping_mul(GOLDEN)));
    std::array::from_fn(|_| {
        at = at.wrapping_add(GOLDEN);
        mix(at)
    })
}

/// One stream of random numbers; [`super`] says how streams relate to each other.
///
/// It implements `rand_core`'s traits, so that `rand` and `rand_distr` draw from it as well.
///
/// ```
/// use ferrolab::random::Stream;
/// let mut rng = Stream::new(42, 0);
/// let dice: Vec<u32> = (0..5).map(|_| rng.range(1..=6)).collect();
/// assert!(dice.iter().all(|d| (1..=6).contains(d)));
/// assert_eq!(Stream::new(42, 0).uniform(), Stream::new(42, 0).uniform());
/// assert_ne!(Stream::new(42, 0).uniform(), Stream::new(42, 1).uniform());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    state: [u64; 4],
}

impl Stream {
    /// Stream `index` of the streams of `seed`.
    ///
    /// ```
    /// let mut rng = ferrolab::random::Stream::new(2024, 7);
    /// assert!(rng.uniform() < 1.0);
    /// ```
    #[inline]
    #[must_use]
    pub fn new(seed: u64, index: u64) -> Self {
        Self { state: start(0, seed, index) }
    }

    /// 64 random bits: one step of xoshiro256++.
    ///
    /// ```
    /// let mut rng = ferrolab::random::stream(1);
    /// assert_ne!(rng.bits(), rng.bits());
    /// ```
    #[inline]
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let t = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= t;
        *d = d.rotate_left(45);
        result
    }

    /// A number from 0 to 1, 1 excluded: a multiple of 2⁻⁵³, all equally likely.
    ///
    /// ```
    /// let mut rng = ferrolab::random::stream(1);
    /// let u = rng.uniform();
    /// assert!((0.0..1.0).contains(&u));
    /// ```
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * STEP
    }

    /// A number of a range, of integers or floats, all equally likely.
    ///
    /// # Panics
    /// When the range is empty, or a bound is not finite.
    ///
    /// ```
    /// let mut rng = ferrolab::random::stream(1);
    /// assert!((-5..5).contains(&rng.range(-5..5)));
    /// assert!((1.0..2.0).contains(&rng.range(1.0..2.0)));
    /// assert_eq!(rng.range(3..=3u8), 3);
    /// ```
    #[inline]
    pub fn range<T>(&mut self, range: impl DrawRange<T>) -> T {
        range.draw(self)
    }

    /// A number of the normal distribution with mean 0 and standard deviation 1, by the ziggurat
    /// method (Marsaglia and Tsang, 2000).
    ///
    /// ```
    /// let mut rng = ferrolab::random::stream(1);
    /// let height = 1.75 + 0.07 * rng.normal();
    /// assert!((1.0..2.5).contains(&height));
    /// ```
    #[inline]
    pub fn normal(&mut self) -> f64 {
        ziggurat::normal(self)
    }

    /// A number of the exponential distribution with mean 1, by the ziggurat method.
    ///
    /// ```
    /// let mut rng = ferrolab::random::stream(1);
    /// let (rate, wait) = (0.5, rng.exponential());
    /// assert!(wait / rate >= 0.0);
    /// ```
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        ziggurat::exponential(self)
    }

    /// True with the given probability.
    ///
    /// # Panics
    /// When `probability` is not between 0 and 1.
    ///
    /// ```
    /// let mut rng = ferrolab::random::stream(1);
    /// assert!(rng.bool(1.0) && !rng.bool(0.0));
    /// ```
    #[inline]
    pub fn bool(&mut self, probability: f64) -> bool {
        assert!((0.0..=1.0).contains(&probability), "a probability is between 0 and 1, not {probability}");
        self.uniform() < probability
    }

    /// Brings the items into a random order, all orders equally likely (Fisher and Yates).
    ///
    /// ```
    /// let mut cards: Vec<u32> = (0..52).collect();
    /// ferrolab::random::stream(1).shuffle(&mut cards);
    /// cards.sort();
    /// assert!(cards.into_iter().eq(0..52));
    /// ```
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.range(0..=last));
        }
    }

    /// One of the items, all equally likely; `None` when there is none.
    ///
    /// ```
    /// let mut rng = ferrolab::random::stream(1);
    /// assert!(rng.choose(&["red", "green"]).is_some());
    /// assert!(rng.choose(&[0; 0]).is_none());
    /// ```
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let last = items.len().checked_sub(1)?;
        items.get(self.range(0..=last))
    }

    /// Fills with numbers from 0 to 1, as [`Stream::uniform`] gives them.
    ///
    /// ```
    /// let mut a = [2.0; 4];
    /// ferrolab::random::stream(1).fill(&mut a);
    /// assert!(a.iter().all(|x| *x < 1.0));
    /// ```
    pub fn fill(&mut self, numbers: &mut [f64]) {
        for x in numbers {
            *x = self.uniform();
        }
    }

    /// Fills with numbers of the normal distribution, as [`Stream::normal`] gives them.
    ///
    /// ```
    /// let mut a = [0.0; 4];
    /// ferrolab::random::stream(1).fill_normal(&mut a);
    /// assert!(a.iter().all(|x| *x != 0.0));
    /// ```
    pub fn fill_normal(&mut self, numbers: &mut [f64]) {
        for x in numbers {
            *x = self.normal();
        }
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.bits() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.bits())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.bits().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl SeedableRng for Stream {
    type Seed = [u8; 32];

    /// The state as it is; one of only zeros, which the generator could not leave, is replaced.
    fn from_seed(seed: [u8; 32]) -> Self {
        let (words, _) = seed.as_chunks::<8>();
        let state = std::array::from_fn(|i| u64::from_le_bytes(words[i]));
        if state == [0; 4] { Self::new(0, 0) } else { Self { state } }
    }

    fn seed_from_u64(seed: u64) -> Self {
        Self::new(seed, 0)
    }
}
