//! Ranges to draw from: which number of a range a stream gives.

use super::Stream;
use std::ops::{Range, RangeInclusive};

/// A number that is drawn from a range: integers up to 64 bits, and floats.
///
/// ```
/// use ferrolab::random::{Draw, stream};
/// fn between<T: Draw>(low: T, high: T) -> T { stream(5).range(low..high) }
/// assert!(between(0, 10) < 10 && between(0.0, 1.0) < 1.0);
/// ```
pub trait Draw: Sized {
    /// From `low` to `high`, `high` excluded.
    ///
    /// # Panics
    /// When there is none.
    fn below(range: Range<Self>, stream: &mut Stream) -> Self;

    /// From `low` to `high`, both included.
    ///
    /// # Panics
    /// When there is none.
    fn up_to(range: RangeInclusive<Self>, stream: &mut Stream) -> Self;
}

/// A range that [`Stream::range`] draws from: `a..b` or `a..=b`.
///
/// ```
/// use ferrolab::random::{DrawRange, stream};
/// fn twice<T>(range: impl DrawRange<T> + Clone) -> [T; 2] {
///     let mut rng = stream(5);
///     [rng.range(range.clone()), rng.range(range)]
/// }
/// assert!(twice(0..10u8).iter().all(|x| *x < 10));
/// ```
pub trait DrawRange<T> {
    /// Draws from the stream.
    ///
    /// # Panics
    /// When the range is empty.
    fn draw(self, stream: &mut Stream) -> T;
}
impl<T: Draw> DrawRange<T> for Range<T> {
    #[inline]
    fn draw(self, stream: &mut Stream) -> T {
        T::below(self, stream)
    }
}
impl<T: Draw> DrawRange<T> for RangeInclusive<T> {
    #[inline]
    fn draw(self, stream: &mut Stream) -> T {
        T::up_to(self, stream)
    }
}

/// A number below `n`, or any when `n` is 0, without bias (Lemire, 2019).
#[inline]
fn whole_below(stream: &mut Stream, n: u64) -> u64 {
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
        impl Draw for $t {
            #[inline]
            fn below(range: Range<$t>, stream: &mut Stream) -> $t {
                assert!(range.start < range.end, "there is no number in the range {range:?}");
                // The difference modulo 2⁶⁴ is right for signed types too.
                range.start.wrapping_add(whole_below(stream, (range.end as u64).wrapping_sub(range.start as u64)) as $t)
            }

            #[inline]
            fn up_to(range: RangeInclusive<$t>, stream: &mut Stream) -> $t {
                assert!(range.start() <= range.end(), "there is no number in the range {range:?}");
                let n = (*range.end() as u64).wrapping_sub(*range.start() as u64).wrapping_add(1);
                range.start().wrapping_add(whole_below(stream, n) as $t)
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

macro_rules! floats {
    ($($t:ty)*) => {$(
        impl Draw for $t {
            #[inline]
            fn below(range: Range<$t>, stream: &mut Stream) -> $t {
                let (low, high) = (range.start, range.end);
                assert!(low < high, "there is no number in the range {range:?}");
                assert!(low.is_finite() && high.is_finite(), "the range {range:?} has no finite length");
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

            #[inline]
            fn up_to(range: RangeInclusive<$t>, stream: &mut Stream) -> $t {
                let (low, high) = (*range.start(), *range.end());
                assert!(low <= high, "there is no number in the range {range:?}");
                assert!(low.is_finite() && high.is_finite(), "the range {range:?} has no finite length");
                let u = stream.uniform() as $t;
                (low * (1.0 - u) + high * u).clamp(low, high)
            }
        }
    )*};
}
floats!(f32 f64);
