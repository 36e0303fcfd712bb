//! Reductions as methods of arrays: of everything, which gives an array without axes, and along an axis.

use super::api::{Array, AxisIndex, axis_of, operation};
use super::element::{Arithmetic, DType, Element, Float, Scalar};
use super::node::{Kind, Node, Stage};
use super::ops::{Bi, Op, Un};
use super::reduce::Reduction;
use super::reductions::{Arg, Histogram, Max, Min, Prod, Simple, Sum, Variance};
use super::shape::told;
use super::which::Folding;
use ndarray::{Dimension, Ix0, Ix1, RemoveAxis};
use std::marker::PhantomData;
use std::sync::Arc;

/// As another type; the same node when it is of that type.
#[track_caller]
fn cast(node: &Arc<Node>, to: DType) -> Arc<Node> {
    if node.dtype == to { Arc::clone(node) } else { operation(Op::One(Un::Cast(to)), vec![Arc::clone(node)]) }
}

/// A reduction of everything.
#[track_caller]
pub(super) fn all(node: &Arc<Node>, reduction: Arc<dyn Reduction>) -> Arc<Node> {
    let (input, dtype) = (cast(node, reduction.takes()), reduction.gives());
    let shape = if reduction.results() > 1 { vec![reduction.results()] } else { Vec::new() };
    Node::new(Kind::Stage(Stage::Reduce { reduction, axes: Vec::new() }, vec![input]), shape, dtype)
}

/// A reduction along an axis.
#[track_caller]
pub(super) fn along(node: &Arc<Node>, axis: usize, reduction: Arc<dyn Reduction>) -> Arc<Node> {
    let (input, dtype) = (cast(node, reduction.takes()), reduction.gives());
    let mut shape = node.shape.clone();
    shape.remove(axis);
    Node::new(Kind::Stage(Stage::Reduce { reduction, axes: vec![axis] }, vec![input]), shape, dtype)
}

/// A reduction along several axes.
#[track_caller]
fn along_all(node: &Arc<Node>, axes: &[usize], reduction: Arc<dyn Reduction>) -> Arc<Node> {
    if axes.len() == node.shape.len() {
        return all(node, reduction);
    }
    let (input, dtype) = (cast(node, reduction.takes()), reduction.gives());
    let kept = (0..node.shape.len()).filter(|axis| !axes.contains(axis));
    let shape = kept.map(|axis| node.shape[axis]).collect();
    Node::new(Kind::Stage(Stage::Reduce { reduction, axes: axes.to_vec() }, vec![input]), shape, dtype)
}

/// What a reduction is along.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    All,
    Axis(usize),
    Axes(&'a [usize]),
}

impl Of<'_> {
    #[track_caller]
    fn node(self, node: &Arc<Node>, reduction: Arc<dyn Reduction>) -> Arc<Node> {
        match self {
            Self::All => all(node, reduction),
            Self::Axis(axis) => along(node, axis, reduction),
            Self::Axes(axes) => along_all(node, axes, reduction),
        }
    }

    /// How many elements become one.
    fn count(self, shape: &[usize]) -> usize {
        match self {
            Self::All => shape.iter().product(),
            Self::Axis(axis) => shape[axis],
            Self::Axes(axes) => axes.iter().map(|axis| shape[*axis]).product(),
        }
    }
}

/// Reductions exist for two types; others become the one that has room for them.
fn wide(dtype: DType) -> DType {
    if dtype.is_float() { DType::F64 } else { DType::I64 }
}

macro_rules! simple {
    ($fold:ident, $dtype:expr) => {{
        let reduction: Arc<dyn Reduction> = match wide($dtype) {
            DType::F64 => Arc::new(Simple::<$fold, f64>::new()),
            _ => Arc::new(Simple::<$fold, i64>::new()),
        };
        reduction
    }};
}

#[track_caller]
pub(super) fn sum(node: &Arc<Node>, of: Of<'_>, to: DType) -> Arc<Node> {
    cast(&of.node(node, simple!(Sum, node.dtype)), to)
}

/// A sum along an axis, or of everything, as another type.
#[track_caller]
pub(super) fn sum_of(node: &Arc<Node>, axis: Option<usize>, to: DType) -> Arc<Node> {
    sum(node, axis.map_or(Of::All, Of::Axis), to)
}

#[track_caller]
pub(super) fn prod(node: &Arc<Node>, of: Of<'_>, to: DType) -> Arc<Node> {
    cast(&of.node(node, simple!(Prod, node.dtype)), to)
}

/// # Panics
/// When there would be nothing to choose from.
#[track_caller]
fn some(what: &str, node: &Node, of: Of<'_>) {
    let n = of.count(&node.shape);
    assert!(
        // Where an axis that is kept is empty, nothing is asked for.
        n > 0 || node.len() == 0 && matches!(of, Of::Axis(axis) if node.shape[axis] > 0),
        "{what}: an array of shape {} has no elements to choose from",
        told(&node.shape)
    );
}

#[track_caller]
pub(super) fn extreme(node: &Arc<Node>, of: Of<'_>, greatest: bool) -> Arc<Node> {
    some(if greatest { "max" } else { "min" }, node, of);
    let reduction = if greatest { simple!(Max, node.dtype) } else { simple!(Min, node.dtype) };
    cast(&of.node(node, reduction), node.dtype)
}

#[track_caller]
fn place(node: &Arc<Node>, of: Of<'_>, greatest: bool) -> Arc<Node> {
    some(if greatest { "argmax" } else { "argmin" }, node, of);
    let reduction: Arc<dyn Reduction> = match (wide(node.dtype), greatest) {
        (DType::F64, false) => Arc::new(Arg::<f64, false>(PhantomData)),
        (DType::F64, true) => Arc::new(Arg::<f64, true>(PhantomData)),
        (_, false) => Arc::new(Arg::<i64, false>(PhantomData)),
        (_, true) => Arc::new(Arg::<i64, true>(PhantomData)),
    };
    of.node(node, reduction)
}

#[track_caller]
pub(super) fn mean(node: &Arc<Node>, of: Of<'_>, to: DType) -> Arc<Node> {
    let n = of.count(&node.shape) as f64;
    let total = of.node(&cast(node, DType::F64), Arc::new(Simple::<Sum, f64>::new()));
    let n = Node::new(Kind::Full(Scalar::of(n)), Vec::new(), DType::F64);
    cast(&operation(Op::Two(Bi::Div), vec![total, n]), to)
}

#[track_caller]
pub(super) fn variance(node: &Arc<Node>, of: Of<'_>, ddof: usize, root: bool, to: DType) -> Arc<Node> {
    let squares = of.node(node, Arc::new(Variance { ddof }));
    let result = if root { operation(Op::One(Un::Sqrt), vec![squares]) } else { squares };
    cast(&result, to)
}

macro_rules! reductions {
    ($($all:ident $axis:ident $out:ty, |$node:ident, $of:ident $(, $argument:ident: $type:ty)?| $how:expr,
        $does:literal $panics:literal $example:literal $axis_example:literal;)*) => {$(
        #[doc = concat!("The ", $does, ", of all elements.")]
        $(
        #[doc = concat!("\n\n`", stringify!($argument), "` is what is subtracted from the number of elements: 0, or 1 for a sample.")]
        )?
        #[doc = $panics]
        ///
        /// ```
        /// use ferrolab::prelude::*;
        /// let x = threads().array().arange(6.0).reshape([2, 3]);
        #[doc = concat!("assert_eq!(x.", stringify!($all), $example)]
        /// # Ok::<(), ferrolab::cluster::Error>(())
        /// ```
        #[must_use]
        #[track_caller]
        pub fn $all(&self $(, $argument: $type)?) -> Array<$out, Ix0> {
            let ($node, $of) = (&self.node, Of::All);
            self.with($how)
        }

        #[doc = concat!("The ", $does, ", along an axis, which goes. As [`", stringify!($all), "`](Array::", stringify!($all), ").")]
        ///
        /// # Panics
        /// When there is no such axis.
        #[doc = $panics]
        ///
        /// ```
        /// use ferrolab::prelude::*;
        /// let x = threads().array().arange(6.0).reshape([2, 3]);
        #[doc = concat!("assert_eq!(x.", stringify!($axis), $axis_example)]
        /// # Ok::<(), ferrolab::cluster::Error>(())
        /// ```
        #[must_use]
        #[track_caller]
        pub fn $axis(&self, axis: impl AxisIndex $(, $argument: $type)?) -> Array<$out, D::Smaller>
        where
            D: RemoveAxis,
        {
            let ($node, $of) = (&self.node, Of::Axis(axis_of(stringify!($axis), axis, self.shape())));
            self.with($how)
        }
    )*};
}

/// Sums and moments. Floats are added in 16 lanes within a tile, tiles one after the other within a chunk, and chunks as a
/// tree: as accurate as pairwise summation, in `f64` for `f32` too.
impl<T: Element, D: Dimension> Array<T, D> {
    reductions! {
        sum sum_axis T::Sum, |node, of| sum(node, of, T::Sum::DTYPE),
            "sum; `i64` for whole numbers, and a count for `bool`" "" "().compute()?, 15.0);" "(0).compute()?.to_vec(), [3.0, 5.0, 7.0]);";
        mean mean_axis T::Mean, |node, of| mean(node, of, T::Mean::DTYPE),
            "mean; NaN when there are no elements" "" "().compute()?, 2.5);" "(1).compute()?.to_vec(), [1.0, 4.0]);";
        var var_axis T::Mean, |node, of, ddof: usize| variance(node, of, ddof, false, T::Mean::DTYPE),
            "variance" "" "(0).compute()?, 35.0 / 12.0);" "(0, 1).compute()?.to_vec(), [4.5; 3]);";
        std std_axis T::Mean, |node, of, ddof: usize| variance(node, of, ddof, true, T::Mean::DTYPE),
            "standard deviation" "" "(0).compute()?, (35f64 / 12.0).sqrt());" "(0, 0).compute()?.to_vec(), [1.5; 3]);";
    }
}

/// Products and extremes. What has seen a NaN is NaN, as NumPy's.
impl<T: Arithmetic, D: Dimension> Array<T, D> {
    reductions! {
        prod prod_axis T::Sum, |node, of| prod(node, of, T::Sum::DTYPE),
            "product; `i64` for whole numbers" "" "().compute()?, 0.0);" "(0).compute()?.to_vec(), [0.0, 4.0, 10.0]);";
        min min_axis T, |node, of| extreme(node, of, false),
            "least element" "\n\n# Panics\nWhen there are no elements." "().compute()?, 0.0);" "(0).compute()?.to_vec(), [0.0, 1.0, 2.0]);";
        max max_axis T, |node, of| extreme(node, of, true),
            "greatest element" "\n\n# Panics\nWhen there are no elements." "().compute()?, 5.0);" "(1).compute()?.to_vec(), [2.0, 5.0]);";
        argmin argmin_axis i64, |node, of| place(node, of, false),
            "index of the least element, the first of several, counted in row order; of the first NaN if there is one"
            "\n\n# Panics\nWhen there are no elements." "().compute()?, 0);" "(0).compute()?.to_vec(), [0, 0, 0]);";
        argmax argmax_axis i64, |node, of| place(node, of, true),
            "index of the greatest element, the first of several, counted in row order; of the first NaN if there is one"
            "\n\n# Panics\nWhen there are no elements." "().compute()?, 5);" "(1).compute()?.to_vec(), [2, 2]);";
    }
}

macro_rules! truths {
    ($($all:ident $axis:ident $fold:ident, $does:literal $empty:literal;)*) => {
        impl<D: Dimension> Array<bool, D> {$(
            #[doc = concat!($does, " ", $empty)]
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// let x = threads().array().arange(3i64);
            #[doc = concat!("assert_eq!(x.gt(1).", stringify!($all), "().compute()?, \"", stringify!($all), "\" == \"any\");")]
            /// # Ok::<(), ferrolab::cluster::Error>(())
            /// ```
            #[must_use]
            #[track_caller]
            pub fn $all(&self) -> Array<bool, Ix0> {
                self.with(truth(&self.node, Of::All, Folding::$fold))
            }

            #[doc = concat!($does, " Along an axis, which goes.")]
            ///
            /// # Panics
            /// When there is no such axis.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// let x = threads().array().arange(4i64).reshape([2, 2]);
            #[doc = concat!("assert_eq!(x.gt(1).", stringify!($axis), "(1).compute()?.to_vec(), [false, true]);")]
            /// # Ok::<(), ferrolab::cluster::Error>(())
            /// ```
            #[must_use]
            #[track_caller]
            pub fn $axis(&self, axis: impl AxisIndex) -> Array<bool, D::Smaller>
            where
                D: RemoveAxis,
            {
                let axis = axis_of(stringify!($axis), axis, self.shape());
                self.with(truth(&self.node, Of::Axis(axis), Folding::$fold))
            }
        )*}
    };
}
truths! {
    any any_axis Max, "Does any element hold?" "Of none, no.";
    all all_axis Min, "Do all elements hold?" "Of none, yes.";
}

/// The greatest or least of 0 and 1 as an answer; what has seen nothing is the lowest or highest number.
#[track_caller]
pub(super) fn truth(node: &Arc<Node>, of: Of<'_>, fold: Folding) -> Arc<Node> {
    let reduction = match fold {
        Folding::Max => simple!(Max, DType::Bool),
        _ => simple!(Min, DType::Bool),
    };
    let zero = Node::new(Kind::Full(Scalar::of(0i64)), Vec::new(), DType::I64);
    operation(Op::Two(Bi::Gt), vec![of.node(node, reduction), zero])
}

impl<T: Float, D: Dimension> Array<T, D> {
    /// How many elements are in each of `bins` equal bins from `low` to `high`, the upper end belonging to the last one; what is
    /// outside is not counted, nor is NaN. As [`par::histogram`](crate::par::histogram()).
    ///
    /// # Panics
    /// When there are no bins, or the range is none.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().arange(10.0);
    /// assert_eq!(x.histogram(0.0, 8.0, 2).compute()?.to_vec(), [4, 5]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn histogram(&self, low: f64, high: f64, bins: usize) -> Array<i64, Ix1> {
        let bins = crate::par::Bins::new(low, high, bins);
        let node = all(&self.node, Arc::new(Histogram { bins }));
        // One bin is an axis, too.
        let shape = vec![bins.len()];
        let node = match node.shape == shape {
            true => node,
            false => Node::new(Kind::Stage(Stage::Store, vec![node]), shape, DType::I64),
        };
        self.with(node)
    }
}
