//! Powers of eight numbers.
//!
//! ln x is computed to about 65 bits as a sum of two numbers, because its error counts y ln x times:
//! 2 artanh((m − 1)/(m + 1)) with the first terms in double-double arithmetic (Dekker, 1971, with
//! fused multiply-add for exact products).

use super::F64s;
use super::explog::{LN2_HIGH, LN2_LOW, exp_of_two, split};
use super::f64s::FUSED;

/// 2/(2k + 5) for k = 0, 1, …: the series after its first two terms.
const SERIES: [f64; 12] = {
    let mut c = [0.0; 12];
    let mut k = 0;
    while k < 12 {
        c[k] = 2.0 / (2 * k + 5) as f64;
        k += 1;
    }
    c
};
const TWO_THIRDS: f64 = 2.0 / 3.0;
/// 2/3 less its nearest `f64`: ⅔ · 2⁻⁵⁴, since that number is (2⁵⁴ − 1)/3 · 2⁻⁵³ rounded down.
const TWO_THIRDS_LOW: f64 = 3.700_743_415_417_188e-17;

/// ln x for positive normal x: the nearest number and what is left.
#[inline]
fn ln_two(x: F64s) -> (F64s, F64s) {
    let (m, e) = split(x);
    let f = m - 1.0;
    let d = m + 1.0;
    let d_low = m.ge(1.0).select(1.0 - (d - m), m - (d - 1.0));
    let inverse = d.recip();
    let s = f * inverse;
    let s_low = ((-s).mul_add(d, f) - s * d_low) * inverse;
    // z = s²
    let z = s * s;
    let z_low = s.mul_add(s, -z) + 2.0 * s * s_low;
    // t = 2/3 + 2/5 z + …
    let tail = z * z.polynomial(SERIES);
    let t = tail + TWO_THIRDS;
    let t_low = (TWO_THIRDS - t) + tail + TWO_THIRDS_LOW;
    // u = 2 + z t
    let w = z * t;
    let w_low = z.mul_add(t, -w) + z * t_low + z_low * t;
    let u = w + 2.0;
    let u_low = (2.0 - u) + w + w_low;
    // ln m = s u
    let l = s * u;
    let l_low = s.mul_add(u, -l) + s * u_low + s_low * u;
    // + e ln 2; the first product is exact
    let a = e * LN2_HIGH;
    let sum = a + l;
    let low = (a - sum) + l + e.mul_add(LN2_LOW, l_low);
    let high = sum + low;
    (high, (sum - high) + low)
}

impl F64s {
    /// To the power of `n`, as `f64::powf`. Within 2 ULP.
    ///
    /// A negative number has powers for whole `n` only, else NaN.
    ///
    /// ```
    /// use ferrolab::simd::F64s;
    /// assert_eq!(F64s::splat(9.0).pow(0.5).to_array(), [3.0; 8]);
    /// assert_eq!(F64s::splat(-2.0).pow(3.0).to_array(), [-8.0; 8]);
    /// ```
    #[inline]
    #[must_use]
    pub fn pow(self, n: impl Into<Self>) -> Self {
        let n = n.into();
        let x = self.abs();
        let usual = x.ge(f64::MIN_POSITIVE) & x.lt(f64::INFINITY) & n.abs().lt(1e15);
        if !FUSED || !usual.all() {
            let mut lanes = self.to_array();
            each_pow(&mut lanes, &n.to_array());
            return Self::from(lanes);
        }
        let (l, l_low) = ln_two(x);
        let p = n * l;
        let p_low = n.mul_add(l, -p) + n * l_low;
        let power = exp_of_two(p, p_low);
        let half = n * 0.5;
        let odd = half.ne(half.trunc()); // of whole n
        let negative = n.eq(n.trunc()).select(odd.select(-power, power), f64::NAN);
        self.lt(0.0).select(negative, power)
    }
}

#[cold]
#[inline(never)]
fn each_pow(x: &mut [f64; 8], n: &[f64; 8]) {
    for (x, n) in x.iter_mut().zip(n) {
        *x = x.powf(*n);
    }
}
