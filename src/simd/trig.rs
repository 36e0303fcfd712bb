//! Sine, cosine and tangent of eight numbers, and the angle of a point.
//!
//! Arguments are reduced by Cody and Waite's method; with fused multiply-add three parts of π give
//! the remainder to full precision up to 10⁹. Larger arguments are left to the C library, which
//! reduces by Payne and Hanek's. The polynomial over half a period is that of SLEEF (Shibata and
//! Petrogalli, 2020, `xsin_u35`), those over a quarter are Cephes' (Moshier, `sin.c`).

#![allow(clippy::excessive_precision)] // constants as their sources print them

use super::F64s;
use super::explog::{MAGIC, each};
use super::f64s::FUSED;
use std::f64::consts::{FRAC_1_PI, FRAC_2_PI, PI};
use wide::{f64x8, u64x8};

/// Beyond, one lane after the other.
const LARGE: f64 = if FUSED { 1e9 } else { 1e5 };

/// x − q·π·`unit`, where `unit` is a power of 2 and q is such that little is left.
#[inline]
fn reduce(x: F64s, q: F64s, unit: f64) -> F64s {
    const PARTS: &[f64] = if FUSED {
        // π to 161 bits, the second part rounded down: with all parts positive, −0 stays −0.
        &[PI, 1.224_646_799_147_353_2e-16_f64.next_down(), 2.165_713_347_843_827_9e-32]
    } else {
        // Short enough that the products are exact.
        &[
            3.141_592_621_803_283_691_4,
            3.178_650_942_459_171_346_9e-8,
            1.224_646_786_410_718_850_2e-16,
            1.273_663_432_702_189_981_6e-24,
        ]
    };
    let mut r = x;
    for part in PARTS {
        r = q.mul_add(-part * unit, r);
    }
    r
}

/// sin r for |r| ≤ π/2, times −1 where bit 0 of `flip` is set.
#[inline]
fn sin_half_period(r: F64s, flip: u64x8) -> F64s {
    const C: [f64; 9] = [
        -0.166_666_666_666_666_657_414_808,
        0.008_333_333_333_333_329_748_238_15,
        -0.000_198_412_698_412_696_162_806_809,
        2.755_731_922_391_987_476_304_16e-6,
        -2.505_210_837_635_020_458_107_55e-8,
        1.605_904_306_056_645_016_290_54e-10,
        -7.647_122_191_181_588_332_884_84e-13,
        2.810_099_727_108_632_008_912_51e-15,
        -7.972_559_550_090_378_688_919_52e-18,
    ];
    let z = r * r;
    let sin = (r * z).mul_add(z.polynomial(C), r);
    // sin r has the sign of r; this also keeps that of −0.
    let sign = (r.0 ^ f64x8::from_bits(flip << 63)) & f64x8::splat(-0.0);
    F64s(sin.0.abs() | sign)
}

/// Sine and cosine of what is left of the arguments after quarter turns, and how many turns.
#[inline]
fn quarter(x: F64s) -> (F64s, F64s, u64x8) {
    const S: [f64; 6] = [
        -1.666_666_666_666_663_072_95e-1,
        8.333_333_333_322_118_588_78e-3,
        -1.984_126_982_958_953_859_96e-4,
        2.755_731_362_138_572_452_13e-6,
        -2.505_074_776_285_780_728_66e-8,
        1.589_623_015_765_465_680_60e-10,
    ];
    const C: [f64; 6] = [
        4.166_666_666_666_659_292_18e-2,
        -1.388_888_888_887_305_641_16e-3,
        2.480_158_728_885_170_453_48e-5,
        -2.755_731_417_929_673_881_12e-7,
        2.087_570_084_197_473_167_78e-9,
        -1.135_853_652_138_768_173_00e-11,
    ];
    let t = x.mul_add(FRAC_2_PI, MAGIC);
    let r = reduce(x, t - MAGIC, 0.5);
    let z = r * r;
    let sin = (r * z).mul_add(z.polynomial(S), r).copysign(r);
    let cos = (z * z).mul_add(z.polynomial(C), z.mul_add(-0.5, 1.0));
    (sin, cos, t.bits())
}

impl F64s {
    #[inline]
    fn any_large(self) -> bool {
        self.abs().gt(LARGE).any()
    }

    /// The sine; the argument is in radians. Within 2 ULP; NaN for infinities.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(1.0).sin().to_array(), [0.8414709848078965; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn sin(self) -> Self {
        if self.any_large() {
            return each(self, f64::sin);
        }
        let t = self.mul_add(FRAC_1_PI, MAGIC);
        sin_half_period(reduce(self, t - MAGIC, 1.0), t.bits())
    }

    /// The cosine; the argument is in radians. Within 2 ULP; NaN for infinities.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(0.0).cos().to_array(), [1.0; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn cos(self) -> Self {
        if self.any_large() {
            return each(self, f64::cos);
        }
        // cos x = −sin(x − π/2), where the nearest odd multiple of π/2 is taken off.
        let t = self.mul_add(FRAC_1_PI, -0.5) + MAGIC;
        sin_half_period(reduce(self, t - MAGIC + 0.5, 1.0), !t.bits())
    }

    /// Sine and cosine, for less than both alone. Within 2 ULP.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// let (s, c) = F64s::splat(0.5).sin_cos();
    /// assert!((s * s + c * c - 1.0).abs().lt(1e-15).all());
    /// ```
    #[inline]
    #[must_use]
    pub fn sin_cos(self) -> (Self, Self) {
        if self.any_large() {
            return (each(self, f64::sin), each(self, f64::cos));
        }
        let (sin, cos, turns) = quarter(self);
        let odd = Self::from_bits(turns << 63).is_negative();
        let two = f64x8::from_bits(u64x8::splat(1 << 63));
        let sign = |turns: u64x8| f64x8::from_bits(turns << 62) & two;
        (Self(odd.select(cos, sin).0 ^ sign(turns)), Self(odd.select(sin, cos).0 ^ sign(turns + u64x8::splat(1))))
    }

    /// The tangent; the argument is in radians. Within 4 ULP; NaN for infinities.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// let y = F64s::splat(1.0).tan().to_array();
    /// assert!((y[0] - 1.5574077246549023).abs() < 1e-15);
    /// ```
    #[inline]
    #[must_use]
    pub fn tan(self) -> Self {
        if self.any_large() {
            return each(self, f64::tan);
        }
        let (sin, cos, turns) = quarter(self);
        let odd = Self::from_bits(turns << 63).is_negative();
        odd.select(-cos, sin) / odd.select(sin, cos)
    }

    /// The angle of the point (`x`, `self`), from −π to π. Within 4 ULP.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(1.0).atan2(0.0).to_array(), [std::f64::consts::FRAC_PI_2; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn atan2(self, x: impl Into<Self>) -> Self {
        let x = x.into();
        // Zeros, infinities, NaN, and what may leave the range of numbers, one by one.
        let plain = |v: Self| v.abs().ge(1e-150) & v.abs().le(1e150);
        if !(plain(self) & plain(x)).all() {
            let mut lanes = self.to_array();
            each_atan2(&mut lanes, &x.to_array());
            return Self::from(lanes);
        }
        Self(self.0.atan2(x.0))
    }

    /// Is the sign bit set?
    #[inline]
    pub(super) fn is_negative(self) -> super::Mask64 {
        // Only the sign counts: 1 with that sign is compared.
        Self::splat(1.0).copysign(self).lt(0.0)
    }
}

#[cold]
#[inline(never)]
fn each_atan2(y: &mut [f64; 8], x: &[f64; 8]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = y.atan2(*x);
    }
}
