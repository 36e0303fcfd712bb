//! Eight `f64` at once: the type and the functions taken from `wide`. The others are in `explog`,
//! `trig` and `pow`.

use super::macros::lane_type;
use super::operators::{masks, operators};
use wide::{f64x8, u64x8};

lane_type!(F64s, Mask64, f64, f64x8, 8, "Eight");
masks!(Mask64: BitAnd bitand BitOr bitor BitXor bitxor);
operators!(F64s f64: Add add AddAssign add_assign Sub sub SubAssign sub_assign Mul mul MulAssign mul_assign
    Div div DivAssign div_assign);

/// Is there fused multiply-add? Then products are known exactly, which range reduction relies on.
pub(super) const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

impl F64s {
    #[inline]
    pub(crate) fn bits(self) -> u64x8 {
        self.0.to_bits()
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64x8) -> Self {
        Self(f64x8::from_bits(bits))
    }

    /// `c[0] + x·(c[1] + x·(c[2] + …))`.
    #[inline]
    pub(super) fn polynomial<const N: usize>(self, c: [f64; N]) -> Self {
        let mut sum = Self::splat(c[N - 1]);
        for &c in c[..N - 1].iter().rev() {
            sum = sum.mul_add(self, c);
        }
        sum
    }
}
