//! Exponentials and logarithms of eight numbers, hyperbolic functions, and those taken from `wide`.
//!
//! Reductions and the polynomial of the logarithm are fdlibm's (Sun Microsystems, 1993, `e_exp.c`,
//! `e_log.c`, `e_log10.c`), without its branches; e^r is its Taylor series to degree 13.

#![allow(clippy::excessive_precision)] // constants as their sources print them

use super::F64s;
use std::f64::consts::{LN_2, LOG2_E};
use wide::u64x8;

/// Added to a number below 2⁵¹, leaves the nearest whole number in the low bits: 1.5 · 2⁵².
pub(super) const MAGIC: f64 = 6_755_399_441_055_744.0;
/// ln 2 to 33 bits, so that products with exponents are exact, and the rest.
pub(super) const LN2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1;
pub(super) const LN2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
const MANTISSA: u64 = (1 << 52) - 1;
const SQRT_HALF: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();

/// One lane after the other, where the fast way does not hold.
#[inline]
pub(super) fn each(x: F64s, f: fn(f64) -> f64) -> F64s {
    // Through an array of its own: results of the fast way then stay in registers.
    let mut lanes = x.to_array();
    each_of(&mut lanes, f);
    F64s::from(lanes)
}

/// Not compiled into cells.
#[cold]
#[inline(never)]
fn each_of(lanes: &mut [f64; 8], f: fn(f64) -> f64) {
    for x in lanes {
        *x = f(*x);
    }
}

/// e^r − 1 for |r| up to about ½ ln 2.
#[inline]
fn reduced_exp_m1(r: F64s) -> F64s {
    const TAYLOR: [f64; 12] = [
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0,
    ];
    (r * r).mul_add(r.polynomial(TAYLOR), r)
}

/// (p + 1) · 2ⁿ, where `t` is n + MAGIC, for n from −1100 to 1100. In two steps, so that neither
/// factor overflows, and a subnormal result is rounded once.
#[inline]
fn scaled(p: F64s, t: F64s) -> F64s {
    let n = t.bits() + u64x8::splat(2048u64.wrapping_sub(MAGIC.to_bits())); // n + 2048
    let half = n >> 1;
    let rest = n - half;
    let one = u64x8::splat(1);
    let power = |n: u64x8| F64s::from_bits((n - one) << 52); // 2^(n − 1024)
    (p + 1.0) * power(half) * power(rest)
}

/// e^(high + low), for `pow`.
#[inline]
pub(super) fn exp_of_two(high: F64s, low: F64s) -> F64s {
    let high = high.clamp(-746.0, 711.0);
    let t = high.mul_add(LOG2_E, MAGIC);
    let n = t - MAGIC;
    let r = n.mul_add(-LN2_HIGH, high) + n.mul_add(-LN2_LOW, low);
    scaled(reduced_exp_m1(r), t)
}

/// Mantissa from √½ to √2, and exponent, of positive normal numbers.
#[inline]
pub(super) fn split(x: F64s) -> (F64s, F64s) {
    let u = x.bits() + u64x8::splat((1023u64 << 52).wrapping_sub(SQRT_HALF));
    let mantissa = (u & u64x8::splat(MANTISSA)) + u64x8::splat(SQRT_HALF);
    // The biased exponent, as the low bits of 2⁵².
    let exponent = F64s::from_bits((u >> 52) | u64x8::splat(0x4330 << 48));
    (F64s::from_bits(mantissa), exponent - ((1u64 << 52) + 1023) as f64)
}

/// ln(1 + f) as f − g, for f from √½ − 1 to √2 − 1; returns g less `low`.
#[inline]
fn ln_rest(f: F64s, low: F64s) -> F64s {
    const LG: [f64; 7] = [
        6.666_666_666_666_735_130e-1,
        3.999_999_999_940_941_908e-1,
        2.857_142_874_366_239_149e-1,
        2.222_219_843_214_978_396e-1,
        1.818_357_216_161_805_012e-1,
        1.531_383_769_920_937_332e-1,
        1.479_819_860_511_658_591e-1,
    ];
    let s = f / (f + 2.0);
    let z = s * s;
    let half = f * f * 0.5;
    half - s.mul_add(z.mul_add(z.polynomial(LG), half), low)
}

/// The natural logarithm of positive normal numbers.
#[inline]
fn ln_normal(x: F64s) -> F64s {
    let (m, e) = split(x);
    let f = m - 1.0;
    let g = ln_rest(f, e * LN2_LOW);
    e.mul_add(LN2_HIGH, f - g)
}

impl F64s {
    /// Positive, normal and finite in all lanes, as most numbers are.
    #[inline]
    fn all_normal(self) -> bool {
        (self.ge(f64::MIN_POSITIVE) & self.lt(f64::INFINITY)).all()
    }

    /// e to the power of the number. Within 1 ULP, subnormal results included.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(0.0).exp().to_array(), [1.0; 8]);
    /// assert_eq!(F64s::splat(1000.0).exp().to_array(), [f64::INFINITY; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn exp(self) -> Self {
        exp_of_two(self, Self::splat(0.0))
    }

    /// 2 to the power of the number. Within 2 ULP; exact for whole numbers.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(-3.0).exp2().to_array(), [0.125; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn exp2(self) -> Self {
        let x = self.clamp(-1080.0, 1030.0);
        let t = x + MAGIC;
        scaled(reduced_exp_m1((x - (t - MAGIC)) * LN_2), t)
    }

    /// `f`, or x itself where it is so small that f(x) = x: subnormals would lose digits on the way.
    #[inline]
    fn or_tiny(self, f: Self) -> Self {
        self.abs().lt(1e-17).select(self, f)
    }

    /// (e^x − 1) / 2, which overflows later than e^x.
    #[inline]
    fn half_exp_m1(self) -> Self {
        let x = self.clamp(-40.0, 710.6);
        let t = x.mul_add(LOG2_E, MAGIC);
        let n = t - MAGIC;
        let p = reduced_exp_m1(n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x)));
        let quarter = t.bits() + u64x8::splat(1021u64.wrapping_sub(MAGIC.to_bits()));
        let quarter = Self::from_bits(quarter << 52); // 2^(n − 2)
        2.0 * quarter.mul_add(p, quarter - 0.25)
    }

    /// e to the power of the number, less 1; accurate near 0. Within 4 ULP.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(1e-20).exp_m1().to_array(), [1e-20; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn exp_m1(self) -> Self {
        self.or_tiny((2.0 * self.half_exp_m1()).copysign(self))
    }

    /// The hyperbolic sine. Within 4 ULP.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(1e-20).sinh().to_array(), [1e-20; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn sinh(self) -> Self {
        let h = self.abs().half_exp_m1();
        // Where h is large nothing is to add, and ∞ / ∞ would be NaN.
        let rest = h.lt(1e17).select(h / (2.0 * h + 1.0), 0.0);
        self.or_tiny((h + rest).copysign(self))
    }

    /// The hyperbolic cosine. Within 4 ULP.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(0.0).cosh().to_array(), [1.0; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn cosh(self) -> Self {
        let half = self.abs().half_exp_m1() + 0.5;
        half + 0.25 / half
    }

    /// The hyperbolic tangent. Within 4 ULP.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(-100.0).tanh().to_array(), [-1.0; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn tanh(self) -> Self {
        let h = (2.0 * self.abs().clamp(0.0, 22.0)).half_exp_m1();
        self.or_tiny((h / (h + 1.0)).copysign(self))
    }

    /// The natural logarithm; −∞ for 0, NaN for negative numbers. Within 1 ULP.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(1.0).ln().to_array(), [0.0; 8]);
    /// assert_eq!(F64s::splat(0.0).ln().to_array(), [f64::NEG_INFINITY; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn ln(self) -> Self {
        if !self.all_normal() {
            return each(self, f64::ln);
        }
        ln_normal(self)
    }

    /// The natural logarithm of 1 and the number; accurate near 0. Within 4 ULP.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(1e-20).ln_1p().to_array(), [1e-20; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn ln_1p(self) -> Self {
        let sum = self + 1.0;
        if !sum.all_normal() {
            return each(self, f64::ln_1p);
        }
        // What the sum lost to rounding; the order of subtraction keeps it exact.
        let lost = self.lt(1.0).select(self - (sum - 1.0), 1.0 - (sum - self));
        sum.eq(1.0).select(self, ln_normal(sum) + lost / sum)
    }

    /// The logarithm to base 2; −∞ for 0, NaN for negative numbers. Within 2 ULP; exact for powers of 2.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(8.0).log2().to_array(), [3.0; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn log2(self) -> Self {
        if !self.all_normal() {
            return each(self, f64::log2);
        }
        let (m, e) = split(self);
        let f = m - 1.0;
        (f - ln_rest(f, Self::splat(0.0))).mul_add(LOG2_E, e)
    }

    /// The logarithm to base 10; −∞ for 0, NaN for negative numbers. Within 2 ULP; exact for powers of 10.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(1000.0).log10().to_array(), [3.0; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn log10(self) -> Self {
        const LOG10_2_HIGH: f64 = 3.010_299_956_636_117_713_06e-1;
        const LOG10_2_LOW: f64 = 3.694_239_077_158_930_786_16e-13;
        if !self.all_normal() {
            return each(self, f64::log10);
        }
        // Mantissas from 1 to 2 for numbers above 1, from ½ to 1 below: whole powers of 10 stay exact.
        let above = self.ge(1.0);
        let biased = F64s::from_bits((self.bits() >> 52) | u64x8::splat(0x4330 << 48));
        let e = biased - above.select(((1u64 << 52) + 1023) as f64, ((1u64 << 52) + 1022) as f64);
        let mantissa = Self::from_bits((self.bits() & u64x8::splat(MANTISSA)) | u64x8::splat(0x3ff0 << 48));
        let m = mantissa * above.select(1.0, 0.5);
        // Two roundings on purpose, as in fdlibm: fused, 1000 would not give 3.
        let z = e * LOG10_2_LOW + std::f64::consts::LOG10_E * ln_normal(m);
        z + e * LOG10_2_HIGH
    }
}

macro_rules! from_wide {
    ($($name:ident $does:literal $x:literal $y:literal)*) => {
        impl F64s {$(
            #[doc = $does]
            ///
            /// ```
            #[doc = concat!("let y = ferrolab::simd::F64s::splat(", $x, ").", stringify!($name), "().to_array();")]
            #[doc = concat!("assert!((y[0] - ", $y, ").abs() < 1e-15);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn $name(self) -> Self {
                Self(self.0.$name())
            }
        )*}
    };
}
from_wide! {
    asin "The arc sine, in radians; NaN outside −1 to 1. Within 4 ULP." "1.0" "std::f64::consts::FRAC_PI_2"
    acos "The arc cosine, in radians; NaN outside −1 to 1. Within 4 ULP." "0.0" "std::f64::consts::FRAC_PI_2"
    atan "The arc tangent, in radians. Within 2 ULP." "1.0" "std::f64::consts::FRAC_PI_4"
    cbrt "The cube root. Within 4 ULP." "27.0" "3.0f64"
}
