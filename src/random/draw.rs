//! Ranges to draw from: which number of a range a stream gives.

use super::Stream;
use std::ops::{Range, RangeInclusive};

/// A range that [`Stream::range`] draws from: `a..b` and `a..=b` of integers up to 64 bits and floats.
///
/// ```
/// use ferrolab::random::{Draw, stream};
/// fn twice<R: Draw + Clone>(range: R) -> [R::Number; 2] {
///     let mut rng = stream(5);
///     [rng.range(range.clone()), rng.range(range)]
/// }
/// assert!(twice(0..10).iter().all(|x| *x < 10));
/// ```
pub trait Draw {
    /// What is drawn.
    type Number;
    /// Draws from the stream.
    fn draw(self, stream: &mut Stream) -> Self::Number;
}

/// A number below `n`, or any when `n` is 0, without bias (Lemire, 2019).
#[inline]
fn below(stream: &mut Stream, n: u64) -> u64 {
    if n == 0 {
        return stream.bits();
    }
    let mut product = u128::from(stream.bits()) * u128::from(n);
    if (product as u64) < n {
        let least = n.wrapping_neg() % n;
        while (product as u64) < least {
            product = u128::from(stream.bits()) * u128::from(n);
        }
    }
    (product >> 64) as u64
}

macro_rules! integers {
    ($($t:ty)*) => {$(
        impl Draw for Range<$t> {
            type Number = $t;
            #[inline]
            fn draw(self, stream: &mut Stream) -> $t {
                assert!(self.start < self.end, "there is no number in the range {self:?}");
                // The difference modulo 2⁶⁴ is right for signed types too.
                self.start.wrapping_add(below(stream, (self.end as u64).wrapping_sub(self.start as u64)) as $t)
            }
        }
        impl Draw for RangeInclusive<$t> {
            type Number = $t;
            #[inline]
            fn draw(self, stream: &mut Stream) -> $t {
                assert!(self.start() <= self.end(), "there is no number in the range {self:?}");
                let n = (*self.end() as u64).wrapping_sub(*self.start() as u64).wrapping_add(1);
                self.start().wrapping_add(below(stream, n) as $t)
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

macro_rules! floats {
    ($($t:ty)*) => {$(
        impl Draw for Range<$t> {
            type Number = $t;
            #[inline]
            fn draw(self, stream: &mut Stream) -> $t {
                let (low, high) = (self.start, self.end);
                assert!(low < high, "there is no number in the range {self:?}");
                assert!(low.is_finite() && high.is_finite(), "the range {self:?} has no finite length");
                loop {
                    // As a mean of the bounds, because their difference may overflow.
                    let u = stream.uniform() as $t;
                    let x = low * (1.0 - u) + high * u;
                    // Rounding may reach the upper bound.
                    if x < high {
                        return x.max(low);
                    }
                }
            }
        }
        impl Draw for RangeInclusive<$t> {
            type Number = $t;
            #[inline]
            fn draw(self, stream: &mut Stream) -> $t {
                let (low, high) = (*self.start(), *self.end());
                assert!(low <= high, "there is no number in the range {self:?}");
                assert!(low.is_finite() && high.is_finite(), "the range {self:?} has no finite length");
                let u = stream.uniform() as $t;
                (low * (1.0 - u) + high * u).clamp(low, high)
            }
        }
    )*};
}
floats!(f32 f64);
