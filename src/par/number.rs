//! What the statistics take for numbers: the primitive ones and references to them.

use super::source::Sealed;

/// A primitive number.
pub trait Number: Copy + Send + Sync + PartialOrd + std::ops::Add<Output = Self> + 'static {
    /// Nothing.
    const ZERO: Self;
    /// As a float, rounded when it has more digits.
    fn float(self) -> f64;
}

/// A number or a reference to one: what [`sum`](super::sum) and its relatives take as items.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number",
    note = "items can be integers, floats, and references to them; par::map_reduce takes any type"
)]
pub trait Numeric: Sealed {
    /// The number itself.
    type Number: Number;
    /// The number itself.
    fn number(self) -> Self::Number;
}

impl<N: Number + Sealed> Numeric for N {
    type Number = N;
    #[inline]
    fn number(self) -> N {
        self
    }
}

impl Sealed for f32 {}
impl Sealed for f64 {}
macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl Number for $t {
            const ZERO: Self = 0 as $t;
            #[inline]
            fn float(self) -> f64 {
                self as f64
            }
        }
        impl Sealed for &$t {}
        impl Numeric for &$t {
            type Number = $t;
            #[inline]
            fn number(self) -> $t {
                *self
            }
        }
    )*};
}
numbers!(f32 f64 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
