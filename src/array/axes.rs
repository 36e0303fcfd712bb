//! Reductions along several axes at once, as methods of arrays.

use super::api::Array;
use super::element::{Arithmetic, Element};
use super::reducing::{Of, extreme, mean, prod, sum, truth, variance};
use super::shape::told;
use super::which::Folding;
use ndarray::{Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};

/// A number of axes from which `N` can go.
///
/// ```
/// use ferrolab::prelude::*;
/// use ferrolab::ndarray::{Ix1, Ix3};
/// fn planes(cube: &Array<f64, Ix3>) -> Array<f64, Ix1> { cube.sum_axes([1, 2]) }
/// assert_eq!(planes(&threads().array().ones([2, 3, 4])).compute()?.to_vec(), [12.0, 12.0]);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub trait RemoveAxes<const N: usize>: Dimension {
    /// The axes that are left.
    type Fewer: Dimension;
}

macro_rules! fewer {
    ($($n:literal: $($from:ident $to:ident)*;)*) => {$(
        impl RemoveAxes<$n> for IxDyn {
            type Fewer = IxDyn;
        }
        $(impl RemoveAxes<$n> for $from {
            type Fewer = $to;
        })*
    )*};
}
fewer! {
    1: Ix1 Ix0 Ix2 Ix1 Ix3 Ix2 Ix4 Ix3 Ix5 Ix4 Ix6 Ix5;
    2: Ix2 Ix0 Ix3 Ix1 Ix4 Ix2 Ix5 Ix3 Ix6 Ix4;
    3: Ix3 Ix0 Ix4 Ix1 Ix5 Ix2 Ix6 Ix3;
    4: Ix4 Ix0 Ix5 Ix1 Ix6 Ix2;
    5: Ix5 Ix0 Ix6 Ix1;
    6: Ix6 Ix0;
}

/// # Panics
/// When there is no such axis, or one is named twice.
#[track_caller]
fn there(what: &str, axes: &[usize], shape: &[usize]) {
    for (at, axis) in axes.iter().enumerate() {
        assert!(
            *axis < shape.len(),
            "{what}: there is no axis {axis} in an array of shape {}, axes count from 0",
            told(shape)
        );
        assert!(!axes[..at].contains(axis), "{what}: axis {axis} is named twice in {}", told(axes));
    }
}

macro_rules! several {
    ($($name:ident $one:ident $out:ty, |$node:ident, $of:ident $(, $argument:ident: $type:ty)?| $how:expr, $example:literal;)*) => {$(
        #[doc = concat!("As [`", stringify!($one), "`](Array::", stringify!($one), "), along several axes at once, which go.")]
        ///
        /// # Panics
        /// When there is no such axis, or one is named twice.
        ///
        /// ```
        /// use ferrolab::prelude::*;
        /// let x = threads().array().arange(24.0).reshape([2, 3, 4]);
        #[doc = concat!("assert_eq!(", $example, ");")]
        /// # Ok::<(), ferrolab::cluster::Error>(())
        /// ```
        #[must_use]
        #[track_caller]
        pub fn $name<const N: usize>(&self, axes: [usize; N] $(, $argument: $type)?) -> Array<$out, D::Fewer>
        where
            D: RemoveAxes<N>,
        {
            there(stringify!($name), &axes, self.shape());
            let ($node, $of) = (self.node(), Of::Axes(&axes));
            self.with($how)
        }
    )*};
}

/// Several axes at once.
impl<T: Element, D: Dimension> Array<T, D> {
    several! {
        sum_axes sum_axis T::Sum, |node, of| sum(node, of, T::Sum::DTYPE), "x.sum_axes([0, 2]).compute()?.to_vec(), [60.0, 92.0, 124.0]";
        mean_axes mean_axis T::Mean, |node, of| mean(node, of, T::Mean::DTYPE), "x.mean_axes([1, 2]).compute()?.to_vec(), [5.5, 17.5]";
        var_axes var_axis T::Mean, |node, of, ddof: usize| variance(node, of, ddof, false, T::Mean::DTYPE), "x.var_axes([1, 2], 0).compute()?.to_vec(), [143.0 / 12.0; 2]";
        std_axes std_axis T::Mean, |node, of, ddof: usize| variance(node, of, ddof, true, T::Mean::DTYPE), "x.std_axes([0, 1, 2], 0).compute()?, (575.0f64 / 12.0).sqrt()";
    }
}

/// Several axes at once.
impl<T: Arithmetic, D: Dimension> Array<T, D> {
    several! {
        prod_axes prod_axis T::Sum, |node, of| prod(node, of, T::Sum::DTYPE), "x.prod_axes([1, 2]).compute()?[0], 0.0";
        min_axes min_axis T, |node, of| extreme(node, of, false), "x.min_axes([0, 1]).compute()?.to_vec(), [0.0, 1.0, 2.0, 3.0]";
        max_axes max_axis T, |node, of| extreme(node, of, true), "x.max_axes([2, 0]).compute()?.to_vec(), [15.0, 19.0, 23.0]";
    }
}

/// Several axes at once.
impl<D: Dimension> Array<bool, D> {
    several! {
        any_axes any_axis bool, |node, of| truth(node, of, Folding::Max), "x.gt(15.0).any_axes([0, 2]).compute()?.to_vec(), [false, true, true]";
        all_axes all_axis bool, |node, of| truth(node, of, Folding::Min), "x.ge(12.0).all_axes([1, 2]).compute()?.to_vec(), [false, true]";
    }
}
