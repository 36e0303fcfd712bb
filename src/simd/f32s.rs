//! Sixteen `f32` at once: the type, and functions by way of double precision.

use super::F64s;
use super::macros::lane_type;
use super::operators::{masks, operators};
use wide::f32x16;

lane_type!(F32s, Mask32, f32, f32x16, 16, "Sixteen");
masks!(Mask32: BitAnd bitand BitOr bitor BitXor bitxor);
operators!(F32s f32: Add add AddAssign add_assign Sub sub SubAssign sub_assign Mul mul MulAssign mul_assign
    Div div DivAssign div_assign);

impl F32s {
    /// The two halves in double precision, exactly.
    #[inline]
    #[must_use]
    pub fn to_f64s(self) -> [F64s; 2] {
        let all = self.to_array();
        [F64s::from_fn(|i| f64::from(all[i])), F64s::from_fn(|i| f64::from(all[i + 8]))]
    }

    /// From two halves, each lane rounded to single precision.
    #[inline]
    #[must_use]
    pub fn from_f64s(halves: [F64s; 2]) -> Self {
        let [low, high] = halves.map(F64s::to_array);
        Self::from_fn(|i| if i < 8 { low[i] as f32 } else { high[i - 8] as f32 })
    }
}

macro_rules! by_way_of_f64 {
    ($($name:ident $does:literal $x:literal $y:literal)*) => {
        impl F32s {$(
            #[doc = $does]
            ///
            /// ```
            #[doc = concat!("let y = ferrolab::simd::F32s::splat(", $x, ").", stringify!($name), "().to_array();")]
            #[doc = concat!("assert_eq!(y, [", $y, "; 16]);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn $name(self) -> Self {
                Self::from_f64s(self.to_f64s().map(F64s::$name))
            }
        )*}
    };
}
by_way_of_f64! {
    sin "The sine; the argument is in radians." "0.0" "0.0"
    cos "The cosine; the argument is in radians." "0.0" "1.0"
    tan "The tangent; the argument is in radians." "0.0" "0.0"
    asin "The arc sine, in radians; NaN outside −1 to 1." "1.0" "std::f32::consts::FRAC_PI_2"
    acos "The arc cosine, in radians; NaN outside −1 to 1." "0.0" "std::f32::consts::FRAC_PI_2"
    atan "The arc tangent, in radians." "1.0" "std::f32::consts::FRAC_PI_4"
    sinh "The hyperbolic sine." "0.0" "0.0"
    cosh "The hyperbolic cosine." "0.0" "1.0"
    tanh "The hyperbolic tangent." "0.0" "0.0"
    exp "e to the power of the number." "0.0" "1.0"
    exp2 "2 to the power of the number." "3.0" "8.0"
    exp_m1 "e to the power of the number, less 1; accurate near 0." "0.0" "0.0"
    ln "The natural logarithm; −∞ for 0, NaN for negative numbers." "1.0" "0.0"
    ln_1p "The natural logarithm of 1 and the number; accurate near 0." "0.0" "0.0"
    log2 "The logarithm to base 2." "8.0" "3.0"
    log10 "The logarithm to base 10." "1000.0" "3.0"
    cbrt "The cube root." "27.0" "3.0"
}

impl F32s {
    /// To the power of `n`, as `f32::powf`.
    ///
    /// ```
    /// use ferrolab::simd::F32s;
    /// assert_eq!(F32s::splat(9.0).pow(0.5).to_array(), [3.0; 16]);
    /// ```
    #[inline]
    #[must_use]
    pub fn pow(self, n: impl Into<Self>) -> Self {
        let ([a, b], [m, n]) = (self.to_f64s(), n.into().to_f64s());
        Self::from_f64s([a.pow(m), b.pow(n)])
    }

    /// The angle of the point (`x`, `self`), as `f32::atan2`.
    ///
    /// ```
    /// use ferrolab::simd::F32s;
    /// assert_eq!(F32s::splat(1.0).atan2(0.0).to_array(), [std::f32::consts::FRAC_PI_2; 16]);
    /// ```
    #[inline]
    #[must_use]
    pub fn atan2(self, x: impl Into<Self>) -> Self {
        let ([a, b], [x, y]) = (self.to_f64s(), x.into().to_f64s());
        Self::from_f64s([a.atan2(x), b.atan2(y)])
    }

    /// Sine and cosine.
    ///
    /// ```
    /// use ferrolab::simd::F32s;
    /// let (s, c) = F32s::splat(0.0).sin_cos();
    /// assert_eq!((s.sum(), c.sum()), (0.0, 16.0));
    /// ```
    #[inline]
    #[must_use]
    pub fn sin_cos(self) -> (Self, Self) {
        let [(s, c), (t, d)] = self.to_f64s().map(F64s::sin_cos);
        (Self::from_f64s([s, t]), Self::from_f64s([c, d]))
    }
}
