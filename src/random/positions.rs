//! Numbers by their position: the one at a place depends on a seed and the place alone, and any of them can be
//! asked for without those before it. For arrays, whose parts are made by whoever needs them.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood, 2014), which passes BigCrush: its state after `p` steps is known
//! at once. A seed says where on its cycle of 2⁶⁴ it begins. So two seeds may meet: arrays of n numbers overlap
//! by a chance of n/2⁶³, which is 5·10⁻⁹ for 40 billion. Each number takes the bits of its own place; normal ones
//! come in pairs, eight places apart within sixteen, so that lanes need no shuffling.

use super::stream::{GOLDEN, mix};
use crate::simd::F64s;

/// No other family of streams has this number.
const FAMILY: u64 = 2;
/// Places that are computed together: two vectors.
pub(crate) const BLOCK: usize = 16;
const HALF: usize = BLOCK / 2;

/// The numbers of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Positions {
    key: u64,
}

impl Positions {
    pub(crate) fn new(seed: u64) -> Self {
        Self { key: mix(seed.wrapping_add(GOLDEN)) ^ mix(FAMILY) }
    }

    /// 64 random bits of a place.
    #[inline]
    pub(crate) fn bits(self, place: u64) -> u64 {
        mix(self.key.wrapping_add(place.wrapping_mul(GOLDEN)))
    }

    /// The bits of eight places from `start`.
    #[inline(always)]
    fn eight(self, start: u64) -> [u64; HALF] {
        let first = self.key.wrapping_add(start.wrapping_mul(GOLDEN));
        std::array::from_fn(|lane| mix(first.wrapping_add((lane as u64).wrapping_mul(GOLDEN))))
    }

    /// From 0 to 1, 1 excluded: multiples of 2⁻⁵².
    #[inline(always)]
    fn uniform8(self, start: u64) -> F64s {
        let one = 1.0f64.to_bits();
        F64s::from(self.eight(start).map(|bits| f64::from_bits(bits >> 12 | one))) - 1.0
    }

    /// The uniform numbers of block `block`: of the places from `16 · block`.
    #[inline]
    pub(crate) fn uniforms(self, block: u64) -> [F64s; 2] {
        let start = block.wrapping_mul(BLOCK as u64);
        [self.uniform8(start), self.uniform8(start.wrapping_add(HALF as u64))]
    }

    /// The standard normal numbers of block `block` (Box and Muller, 1958), none beyond 8.5.
    #[inline]
    pub(crate) fn normals(self, block: u64) -> [F64s; 2] {
        let [u, v] = self.uniforms(block);
        let radius = (-2.0 * (1.0 - u).ln()).sqrt();
        let (sin, cos) = (v * std::f64::consts::TAU).sin_cos();
        [radius * cos, radius * sin]
    }

    /// The place's number from 0 to `n`, `n` excluded; favours none by more than n/2⁶⁴ (Lemire, 2019, without his
    /// repetition, which would take bits of other places).
    #[inline]
    pub(crate) fn below(self, place: u64, n: u64) -> u64 {
        let bits = self.bits(place);
        if n == 0 { bits } else { ((u128::from(bits) * u128::from(n)) >> 64) as u64 }
    }
}
