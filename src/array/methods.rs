//! Functions of elements, comparisons and choices, as methods of arrays.

use super::api::{Array, Operand, Wider, operation};
use super::element::{Arithmetic, Element, Float};
use super::ops::{Bi, Op, Un};
use ndarray::{DimMax, Dimension};

macro_rules! functions {
    ($($name:ident $un:ident $does:literal $x:literal $y:literal)*) => {$(
        #[doc = $does]
        ///
        /// ```
        /// use ferrolab::prelude::*;
        #[doc = concat!("let y = threads().array().full([2], ", $x, "f64).", stringify!($name), "().compute()?;")]
        #[doc = concat!("assert_eq!(y.to_vec(), [", $y, "; 2]);")]
        /// # Ok::<(), ferrolab::cluster::Error>(())
        /// ```
        #[must_use]
        #[track_caller]
        pub fn $name(&self) -> Self {
            self.with(operation(Op::One(Un::$un), vec![self.node.clone()]))
        }
    )*};
}

/// Functions of floats; their accuracy is that of [`crate::simd`].
impl<T: Float, D: Dimension> Array<T, D> {
    functions! {
        sqrt Sqrt "The square root; NaN for negative numbers." "9.0" "3.0"
        cbrt Cbrt "The cube root." "27.0" "3.0"
        recip Recip "1 divided by the number." "4.0" "0.25"
        exp Exp "e to the power of the number." "0.0" "1.0"
        exp2 Exp2 "2 to the power of the number." "3.0" "8.0"
        exp_m1 ExpM1 "e to the power of the number, less 1; accurate near 0." "0.0" "0.0"
        ln Ln "The natural logarithm; −∞ for 0, NaN for negative numbers." "1.0" "0.0"
        ln_1p Ln1p "The natural logarithm of 1 and the number; accurate near 0." "0.0" "0.0"
        log2 Log2 "The logarithm to base 2." "8.0" "3.0"
        log10 Log10 "The logarithm to base 10." "1000.0" "3.0"
        sin Sin "The sine; the argument is in radians." "0.0" "0.0"
        cos Cos "The cosine; the argument is in radians." "0.0" "1.0"
        tan Tan "The tangent; the argument is in radians." "0.0" "0.0"
        asin Asin "The arc sine, in radians; NaN outside −1 to 1." "0.0" "0.0"
        acos Acos "The arc cosine, in radians; NaN outside −1 to 1." "1.0" "0.0"
        atan Atan "The arc tangent, in radians." "0.0" "0.0"
        sinh Sinh "The hyperbolic sine." "0.0" "0.0"
        cosh Cosh "The hyperbolic cosine." "0.0" "1.0"
        tanh Tanh "The hyperbolic tangent." "0.0" "0.0"
        floor Floor "The largest whole number that is not greater." "-1.5" "-2.0"
        ceil Ceil "The smallest whole number that is not less." "-1.5" "-1.0"
        round Round "The nearest whole number, halves away from zero." "-1.5" "-2.0"
        trunc Trunc "The whole part." "-1.5" "-1.0"
    }

    /// To the power of another array or a number.
    ///
    /// # Panics
    /// When shapes do not broadcast.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().arange(3.0);
    /// assert_eq!(x.powf(0.5).compute()?[1], 1.0);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn powf<R: Operand<T>>(&self, n: R) -> Array<T, Wider<D, R::Dim>>
    where
        D: DimMax<R::Dim>,
    {
        self.with(operation(Op::Two(Bi::Pow), vec![self.node.clone(), n.into_node()]))
    }

    /// The angle of the point (`x`, `self`), in radians.
    ///
    /// # Panics
    /// When shapes do not broadcast.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let y = threads().array().ones::<f64, _>([1]);
    /// assert_eq!(y.atan2(1.0).compute()?[0], std::f64::consts::FRAC_PI_4);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn atan2<R: Operand<T>>(&self, x: R) -> Array<T, Wider<D, R::Dim>>
    where
        D: DimMax<R::Dim>,
    {
        self.with(operation(Op::Two(Bi::Atan2), vec![self.node.clone(), x.into_node()]))
    }

    /// Where an element is NaN.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert!(threads().array().full([2], -1.0).sqrt().is_nan().all().compute()?);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_nan(&self) -> Array<bool, D> {
        self.with(operation(Op::One(Un::IsNan), vec![self.node.clone()]))
    }

    /// Where an element is neither infinite nor NaN.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert!(!threads().array().full([2], f64::INFINITY).is_finite().any().compute()?);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_finite(&self) -> Array<bool, D> {
        self.with(operation(Op::One(Un::IsFinite), vec![self.node.clone()]))
    }
}

/// Functions of numbers.
impl<T: Arithmetic, D: Dimension> Array<T, D> {
    functions! {
        abs Abs "The number without its sign." "-2.0" "2.0"
        signum Signum "1 or −1 with the sign of the number; whole numbers have 0, too." "-2.0" "-1.0"
    }

    /// To a whole power, by repeated multiplication. Of whole numbers a negative power is an error of what is
    /// computed.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().arange(4i64).powi(3).compute()?.to_vec(), [0, 1, 8, 27]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn powi(&self, n: i32) -> Self {
        self.with(operation(Op::Powi(n), vec![self.node.clone()]))
    }
}

macro_rules! pairs {
    ($($name:ident $bi:ident $out:ty, $does:literal $example:literal)*) => {$(
        #[doc = $does]
        ///
        /// # Panics
        /// When shapes do not broadcast.
        ///
        /// ```
        /// use ferrolab::prelude::*;
        /// let x = threads().array().arange(4.0);
        #[doc = $example]
        /// # Ok::<(), ferrolab::cluster::Error>(())
        /// ```
        #[must_use]
        #[track_caller]
        pub fn $name<R: Operand<T>>(&self, other: R) -> Array<$out, Wider<D, R::Dim>>
        where
            D: DimMax<R::Dim>,
        {
            self.with(operation(Op::Two(Bi::$bi), vec![self.node.clone(), other.into_node()]))
        }
    )*};
}

/// The lesser and the greater of two.
impl<T: Arithmetic, D: Dimension> Array<T, D> {
    pairs! {
        minimum Minimum T, "The lesser of two elements; NaN if one of them is, as NumPy's." "assert_eq!(x.minimum(1.5).compute()?.to_vec(), [0.0, 1.0, 1.5, 1.5]);"
        maximum Maximum T, "The greater of two elements; NaN if one of them is, as NumPy's." "assert_eq!(x.maximum(1.5).compute()?.to_vec(), [1.5, 1.5, 2.0, 3.0]);"
    }
}

/// Comparisons, and what is for any element.
impl<T: Element, D: Dimension> Array<T, D> {
    pairs! {
        eq Eq bool, "Where elements are equal; NaN is not equal to itself." "assert_eq!(x.eq(2.0).compute()?.to_vec(), [false, false, true, false]);"
        ne Ne bool, "Where elements are not equal." "assert_eq!(x.ne(2.0).compute()?.to_vec(), [true, true, false, true]);"
        lt Lt bool, "Where elements are less." "assert_eq!(x.lt(2.0).compute()?.to_vec(), [true, true, false, false]);"
        le Le bool, "Where elements are less or equal." "assert_eq!(x.le(2.0).compute()?.to_vec(), [true, true, true, false]);"
        gt Gt bool, "Where elements are greater." "assert_eq!(x.gt(2.0).compute()?.to_vec(), [false, false, false, true]);"
        ge Ge bool, "Where elements are greater or equal." "assert_eq!(x.ge(2.0).compute()?.to_vec(), [false, false, true, true]);"
    }

    /// The elements as another type, as Rust's `as` does: towards zero, and no further than the type goes. A `bool` is
    /// 1 or 0, and a number is true when it is not 0.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().linspace(-1.5, 1.5, 3);
    /// assert_eq!(x.cast::<i32>().compute()?.to_vec(), [-1, 0, 1]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cast<U: Element>(&self) -> Array<U, D> {
        if T::DTYPE == U::DTYPE {
            return self.with(self.node.clone());
        }
        self.with(operation(Op::One(Un::Cast(U::DTYPE)), vec![self.node.clone()]))
    }
}

/// The axes of a choice: of the mask and of both that are chosen from.
type Chosen<D, A, B, T> = Wider<Wider<D, <A as Operand<T>>::Dim>, <B as Operand<T>>::Dim>;

impl<D: Dimension> Array<bool, D> {
    /// Where this holds, the elements of `yes`, else those of `no`: NumPy's `where`, by the name it has for lanes.
    ///
    /// # Panics
    /// When shapes do not broadcast.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().linspace(-1.0, 1.0, 3);
    /// assert_eq!(x.gt(0.0).select(&x, 0.0).compute()?.to_vec(), [0.0, 0.0, 1.0]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn select<T, A, B>(&self, yes: A, no: B) -> Array<T, Chosen<D, A, B, T>>
    where
        T: Element,
        A: Operand<T>,
        B: Operand<T>,
        D: DimMax<A::Dim>,
        Wider<D, A::Dim>: DimMax<B::Dim>,
    {
        self.with(operation(Op::Select, vec![self.node.clone(), yes.into_node(), no.into_node()]))
    }
}
