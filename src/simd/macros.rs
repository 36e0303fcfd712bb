//! What both lane types have in common: construction, comparisons, masks. Not operators, nor functions
//! such as `sin`, whose algorithms depend on the precision.

macro_rules! lane_type {
    ($name:ident, $mask:ident, $item:ident, $wide:ident, $count:literal, $words:literal) => {
        #[doc = concat!($words, " `", stringify!($item), "` that are computed with at once; see [`crate::simd`].")]
        ///
        /// ```
        #[doc = concat!("use ferrolab::simd::", stringify!($name), ";")]
        #[doc = concat!("let x = ", stringify!($name), "::from_fn(|lane| lane as ", stringify!($item), ");")]
        /// let y = 2.0 * x + 1.0;
        /// assert_eq!(y.to_array()[..3], [1.0, 3.0, 5.0]);
        /// ```
        #[derive(Clone, Copy, Default)]
        #[repr(transparent)]
        pub struct $name(pub(crate) $wide);

        #[doc = concat!("Yes or no for each lane of a [`", stringify!($name), "`]; comparisons give it.")]
        ///
        /// ```
        #[doc = concat!("use ferrolab::simd::", stringify!($name), ";")]
        #[doc = concat!("let x = ", stringify!($name), "::from_fn(|lane| lane as ", stringify!($item), ");")]
        /// let inside = x.ge(1.0) & x.lt(3.0);
        /// assert_eq!(inside.count(), 2);
        /// assert_eq!(inside.select(x, -1.0).to_array()[..4], [-1.0, 1.0, 2.0, -1.0]);
        /// assert!((inside | !inside).all() && inside.any());
        /// ```
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub struct $mask(pub(crate) $wide);

        impl $name {
            /// How many lanes there are, the same on every processor.
            pub const LANES: usize = $count;

            /// The same number in all lanes.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(2.5).to_array()[0], 2.5);")]
            /// ```
            #[inline]
            #[must_use]
            pub const fn splat(x: $item) -> Self {
                Self($wide::splat(x))
            }

            /// Calls `f` with the index of each lane.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::from_fn(|lane| lane as _).to_array()[3], 3.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn from_fn(f: impl FnMut(usize) -> $item) -> Self {
                Self($wide::new(std::array::from_fn(f)))
            }

            /// The lanes as an array.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(2.5).to_array()[0], 2.5);")]
            /// ```
            #[inline]
            #[must_use]
            pub const fn to_array(self) -> [$item; $count] {
                self.0.to_array()
            }

            /// Calls a function of one number on each lane, one after the other.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(0.0).map(|x| x.cosh()).to_array()[0], 1.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn map(self, f: impl FnMut($item) -> $item) -> Self {
                Self($wide::new(self.to_array().map(f)))
            }

            /// The sum of the lanes, added in a fixed order: halves, then halves of these.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(1.0).sum() as usize, ", stringify!($count), ");")]
            /// ```
            #[inline]
            #[must_use]
            pub fn sum(self) -> $item {
                let mut a = self.to_array();
                let mut n = $count / 2;
                while n > 0 {
                    for i in 0..n {
                        a[i] += a[i + n];
                    }
                    n /= 2;
                }
                a[0]
            }

            /// The square root, correctly rounded; NaN for negative numbers.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(9.0).sqrt().to_array()[0], 3.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn sqrt(self) -> Self {
                Self(self.0.sqrt())
            }

            /// The number without its sign.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(-2.0).abs().to_array()[0], 2.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn abs(self) -> Self {
                Self(self.0.abs())
            }

            /// 1 or −1 with the sign of the number, NaN for NaN.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(-2.0).signum().to_array()[0], -1.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn signum(self) -> Self {
                self.eq(self).select(Self::splat(1.0).copysign(self), self)
            }

            /// The magnitude of `self` with the sign of `sign`.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(2.0).copysign(-0.5).to_array()[0], -2.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn copysign(self, sign: impl Into<Self>) -> Self {
                let minus = $wide::splat(-0.0);
                Self((self.0.abs()) | (sign.into().0 & minus))
            }

            /// The largest whole number that is not greater.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(-1.5).floor().to_array()[0], -2.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn floor(self) -> Self {
                Self(self.0.floor())
            }

            /// The smallest whole number that is not less.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(-1.5).ceil().to_array()[0], -1.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn ceil(self) -> Self {
                Self(self.0.ceil())
            }

            /// The nearest whole number, halves away from zero.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(-1.5).round().to_array()[0], -2.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn round(self) -> Self {
                // Adding the number just below ½ rounds what is below ½ down, and ½ itself up.
                let below_half = Self::splat((0.5 as $item).next_down()).copysign(self);
                (self + below_half).trunc().copysign(self)
            }

            /// The whole part.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(-1.5).trunc().to_array()[0], -1.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn trunc(self) -> Self {
                Self(self.0.trunc())
            }

            /// `self · a + b`, rounded once where the processor has fused multiply-add.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(2.0).mul_add(3.0, 1.0).to_array()[0], 7.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn mul_add(self, a: impl Into<Self>, b: impl Into<Self>) -> Self {
                Self(self.0.mul_add(a.into().0, b.into().0))
            }

            /// The lesser; the other one if one is NaN.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(2.0).min(3.0).to_array()[0], 2.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn min(self, other: impl Into<Self>) -> Self {
                let other = other.into();
                (self.lt(other) | other.is_nan()).select(self, other)
            }

            /// The greater; the other one if one is NaN.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(2.0).max(3.0).to_array()[0], 3.0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn max(self, other: impl Into<Self>) -> Self {
                let other = other.into();
                (self.gt(other) | other.is_nan()).select(self, other)
            }

            /// Not less than `low`, not greater than `high`; NaN stays.
            ///
            /// ```
            #[doc = concat!("use ferrolab::simd::", stringify!($name), ";")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::splat(7.5).clamp(0.0, 1.0).sum(), ", stringify!($count), ".0);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn clamp(self, low: impl Into<Self>, high: impl Into<Self>) -> Self {
                let (low, high) = (low.into(), high.into());
                let raised = self.lt(low).select(low, self);
                raised.gt(high).select(high, raised)
            }

            /// 1 divided by the number.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(4.0).recip().to_array()[0], 0.25);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn recip(self) -> Self {
                1.0 / self
            }

            /// To a whole power, by repeated multiplication.
            ///
            /// ```
            #[doc = concat!("use ferrolab::simd::", stringify!($name), ";")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::splat(2.0).powi(-3).to_array()[0], 0.125);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn powi(self, n: i32) -> Self {
                let (mut square, mut left, mut result) = (self, n.unsigned_abs(), Self::splat(1.0));
                while left > 0 {
                    if left & 1 == 1 {
                        result *= square;
                    }
                    square *= square;
                    left >>= 1;
                }
                if n < 0 { result.recip() } else { result }
            }

            /// Is it less?
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(1.0).lt(2.0).all(), true);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn lt(self, other: impl Into<Self>) -> $mask {
                $mask(self.0.simd_lt(other.into().0))
            }

            /// Is it less or equal?
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(2.0).le(2.0).all(), true);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn le(self, other: impl Into<Self>) -> $mask {
                $mask(self.0.simd_le(other.into().0))
            }

            /// Is it greater?
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(1.0).gt(2.0).any(), false);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn gt(self, other: impl Into<Self>) -> $mask {
                $mask(self.0.simd_gt(other.into().0))
            }

            /// Is it greater or equal?
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(2.0).ge(2.0).all(), true);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn ge(self, other: impl Into<Self>) -> $mask {
                $mask(self.0.simd_ge(other.into().0))
            }

            /// Is it equal? As for numbers, NaN is not equal to itself and 0 is equal to −0.
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(0.0).eq(-0.0).all(), true);")]
            /// ```
            #[inline]
            #[must_use]
            #[allow(clippy::should_implement_trait)] // `==` gives one bool, this one for each lane
            pub fn eq(self, other: impl Into<Self>) -> $mask {
                $mask(self.0.simd_eq(other.into().0))
            }

            /// Is it not equal?
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(1.0).ne(2.0).all(), true);")]
            /// ```
            #[inline]
            #[must_use]
            #[allow(clippy::should_implement_trait)] // as for `eq`
            pub fn ne(self, other: impl Into<Self>) -> $mask {
                $mask(self.0.simd_ne(other.into().0))
            }

            /// Is it NaN?
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(-1.0).sqrt().is_nan().all(), true);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn is_nan(self) -> $mask {
                self.ne(self)
            }

            /// Is it neither infinite nor NaN?
            ///
            /// ```
            #[doc = concat!("assert_eq!(ferrolab::simd::", stringify!($name), "::splat(1.0).is_finite().all(), true);")]
            /// ```
            #[inline]
            #[must_use]
            pub fn is_finite(self) -> $mask {
                self.abs().lt($item::INFINITY)
            }
        }

        impl $mask {
            /// For each lane: `yes` where the mask holds, else `no`.
            #[inline]
            #[must_use]
            pub fn select(self, yes: impl Into<$name>, no: impl Into<$name>) -> $name {
                $name(self.0.select(yes.into().0, no.into().0))
            }

            /// Does it hold in any lane?
            #[inline]
            #[must_use]
            pub fn any(self) -> bool {
                self.0.to_bitmask() != 0
            }

            /// Does it hold in all lanes?
            #[inline]
            #[must_use]
            pub fn all(self) -> bool {
                self.count() == $count
            }

            /// In how many lanes it holds.
            #[inline]
            #[must_use]
            pub fn count(self) -> usize {
                self.0.to_bitmask().count_ones() as usize
            }

            /// For each lane, whether it holds there.
            #[inline]
            #[must_use]
            pub fn to_array(self) -> [bool; $count] {
                let bits = self.0.to_bitmask();
                std::array::from_fn(|lane| bits >> lane & 1 == 1)
            }
        }

        impl std::ops::Not for $mask {
            type Output = Self;
            #[inline]
            fn not(self) -> Self {
                Self(!self.0)
            }
        }

        impl std::ops::Neg for $name {
            type Output = Self;
            #[inline]
            fn neg(self) -> Self {
                Self(self.0 ^ $wide::splat(-0.0))
            }
        }

        impl From<$item> for $name {
            #[inline]
            fn from(x: $item) -> Self {
                Self::splat(x)
            }
        }
        impl From<[$item; $count]> for $name {
            #[inline]
            fn from(lanes: [$item; $count]) -> Self {
                Self($wide::new(lanes))
            }
        }
        impl From<$wide> for $name {
            #[inline]
            fn from(lanes: $wide) -> Self {
                Self(lanes)
            }
        }
        impl From<$name> for $wide {
            #[inline]
            fn from(lanes: $name) -> Self {
                lanes.0
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.to_array(), f)
            }
        }
        impl std::fmt::Debug for $mask {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.to_array(), f)
            }
        }
        impl std::iter::Sum for $name {
            #[inline]
            fn sum<I: Iterator<Item = Self>>(lanes: I) -> Self {
                lanes.fold(Self::splat(0.0), |a, b| a + b)
            }
        }
    };
}

pub(super) use lane_type;
