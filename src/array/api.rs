//! The type that users have in their hands: a node with the type of its elements and the number of its axes, and what
//! may stand beside it in an operation. Thin: all that is generic is types.

use super::element::{Element, Scalar};
use super::node::{Kind, Node};
use super::ops::Op;
use super::place::Place;
use super::shape::{broadcast, told};
use ndarray::{Axis, DimMax, Dimension, Ix0};
use std::marker::PhantomData;
use std::sync::Arc;

/// An array that is computed when it is asked for.
///
/// `T` is the type of its elements, `D` the number of its axes, as `ndarray` says it (`Ix2` for a matrix). Clones are
/// the same array. See [`crate::array`] for how it is computed, and [`Arrays`](super::Arrays) for where arrays come
/// from.
///
/// ```
/// use ferrolab::prelude::*;
/// let x = threads().array().linspace(0.0, 1.0, 5);
/// let y = 2.0 * &x + 1.0;
/// assert_eq!(y.shape(), [5]);
/// assert_eq!(y.compute()?.to_vec(), [1.0, 1.5, 2.0, 2.5, 3.0]);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub struct Array<T, D> {
    pub(super) node: Arc<Node>,
    pub(super) on: Arc<dyn Place>,
    what: PhantomData<fn() -> (T, D)>,
}

impl<T, D> Clone for Array<T, D> {
    fn clone(&self) -> Self {
        Self { node: Arc::clone(&self.node), on: Arc::clone(&self.on), what: PhantomData }
    }
}

impl<T, D> Array<T, D> {
    pub(super) fn new(node: Arc<Node>, on: &Arc<dyn Place>) -> Self {
        Self { node, on: Arc::clone(on), what: PhantomData }
    }

    /// What it is, without its types.
    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// An array of a place.
    pub(crate) fn of_node(node: Arc<Node>, on: Arc<dyn Place>) -> Self {
        Self { node, on, what: PhantomData }
    }

    /// An array of the same place.
    pub(super) fn with<U, E>(&self, node: Arc<Node>) -> Array<U, E> {
        Array::new(node, &self.on)
    }

    /// The lengths of its axes.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().zeros::<f64, _>([2, 3]).shape(), [2, 3]);
    /// ```
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.node.shape
    }

    /// How many axes it has.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().zeros::<f64, _>([2, 3]).ndim(), 2);
    /// ```
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.node.shape.len()
    }

    /// How many elements it has.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().zeros::<f64, _>([2, 3]).len(), 6);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.node.len()
    }

    /// Has it no elements?
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert!(threads().array().zeros::<f64, _>([0, 3]).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all its elements, computed or not.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().zeros::<f32, _>([2, 3]).nbytes(), 24);
    /// ```
    #[must_use]
    pub fn nbytes(&self) -> u64 {
        self.node.bytes()
    }

    /// The chunks that were asked for, or that the operands have that it was computed from.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().zeros::<f64, _>([9, 9]).rechunk([4, 9]);
    /// assert_eq!((&a + 1.0).chunks(), Some(&[4, 9][..]));
    /// ```
    #[must_use]
    pub fn chunks(&self) -> Option<&[usize]> {
        self.node.chunks.as_deref()
    }

    /// Shows no progress bar while it is computed.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().ones::<f64, _>([3]).sum().quiet().compute()?, 3.0);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.on = self.on.quiet();
        self
    }

    /// Names the work in its progress bar.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().ones::<f64, _>([3]).sum().message("ones").compute()?, 3.0);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        self.on = self.on.message(text);
        self
    }
}

impl<T, D> std::fmt::Debug for Array<T, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Array of {} {} ({}), not computed", told(&self.node.shape), self.node.dtype, self.node.name())
    }
}

/// What may stand beside an array in an operation: another one, a reference to one, or a number.
///
/// ```
/// use ferrolab::prelude::*;
/// use ferrolab::ndarray::Ix1;
/// fn hypotenuse(x: &Array<f64, Ix1>, y: impl array::Operand<f64, Dim = Ix1>) -> Array<f64, Ix1> {
///     (x * x + y.array_on(x).powi(2)).sqrt()
/// }
/// let x = threads().array().arange(4.0);
/// assert_eq!(hypotenuse(&x, &x).compute()?[3], 18f64.sqrt());
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand beside an array of `{T}`",
    label = "neither an array of `{T}` nor one `{T}`",
    note = "arrays of different types are made alike by `.cast::<{T}>()`, numbers by `as {T}`"
)]
pub trait Operand<T> {
    /// Its number of axes; none for a number.
    type Dim: Dimension;
    #[doc(hidden)]
    fn into_node(self) -> Arc<Node>;

    /// As an array of the same place as another one.
    fn array_on<D>(self, other: &Array<T, D>) -> Array<T, Self::Dim>
    where
        Self: Sized,
    {
        other.with(self.into_node())
    }
}
impl<T: Element, D: Dimension> Operand<T> for Array<T, D> {
    type Dim = D;
    fn into_node(self) -> Arc<Node> {
        self.node
    }
}
impl<T: Element, D: Dimension> Operand<T> for &Array<T, D> {
    type Dim = D;
    fn into_node(self) -> Arc<Node> {
        Arc::clone(&self.node)
    }
}
impl<T: Element> Operand<T> for T {
    type Dim = Ix0;
    #[track_caller]
    fn into_node(self) -> Arc<Node> {
        Node::new(Kind::Full(Scalar::of(self)), Vec::new(), T::DTYPE)
    }
}

/// The number of axes of two that are broadcast.
pub(super) type Wider<D, E> = <D as DimMax<E>>::Output;

/// A node of an operation.
///
/// # Panics
/// When shapes do not broadcast.
#[track_caller]
#[inline(never)]
pub(super) fn operation(op: Op, inputs: Vec<Arc<Node>>) -> Arc<Node> {
    let shapes: Vec<&[usize]> = inputs.iter().map(|input| &input.shape[..]).collect();
    let shape = broadcast(&op.name(), &shapes);
    let dtype = op.gives(inputs[if op == Op::Select { 1 } else { 0 }].dtype);
    Node::new(Kind::Op(op, inputs), shape, dtype)
}

/// An axis by its number: a `usize`, or an [`ndarray::Axis`].
///
/// ```
/// use ferrolab::prelude::*;
/// use ferrolab::ndarray::Axis;
/// let a = threads().array().ones::<f64, _>([2, 3]);
/// assert_eq!(a.sum_axis(0).compute()?, a.sum_axis(Axis(0)).compute()?);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub trait AxisIndex {
    /// Its number.
    fn number(self) -> usize;
}
impl AxisIndex for usize {
    fn number(self) -> usize {
        self
    }
}
impl AxisIndex for Axis {
    fn number(self) -> usize {
        self.index()
    }
}

/// An axis that there is.
///
/// # Panics
/// When there is none of the number.
#[track_caller]
pub(super) fn axis_of(what: &str, axis: impl AxisIndex, shape: &[usize]) -> usize {
    let axis = axis.number();
    assert!(
        axis < shape.len(),
        "{what}: there is no axis {axis} in an array of shape {}, axes count from 0",
        told(shape)
    );
    axis
}
