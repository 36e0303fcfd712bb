//! The same elements in another order or shape: slices, axes exchanged, shapes, arrays put together. Nothing is
//! moved by these, but where a reshaped or joined array has to be complete first.

use super::api::{Array, AxisIndex, axis_of};
use super::buffer::Memory;
use super::element::Element;
use super::node::{Kind, Made, Node, Stage};
use super::shape::{Affine, View, broadcast, count, row_major, told};
use ndarray::{Dimension, IntoDimension, SliceArg, SliceInfoElem};
use std::collections::HashMap;
use std::sync::Arc;

#[track_caller]
fn view(node: &Arc<Node>, view: View, shape: Vec<usize>) -> Arc<Node> {
    Node::new(Kind::View(view, Arc::clone(node)), shape, node.dtype)
}

/// A vector as a matrix of one column.
#[track_caller]
pub(super) fn column(node: &Arc<Node>) -> Arc<Node> {
    view(node, View { axes: 2, to: vec![Affine::axis(0, 2)] }, vec![node.shape[0], 1])
}

/// Nodes one below the other that are given another shape.
const DEEPEST: usize = 200;

/// What a slice leaves of an array.
#[track_caller]
#[inline(never)]
fn sliced(node: &Arc<Node>, parts: &[SliceInfoElem]) -> Arc<Node> {
    let axes = parts.iter().filter(|part| !matches!(part, SliceInfoElem::Index(_))).count();
    let (mut shape, mut to) = (Vec::with_capacity(axes), Vec::new());
    for part in parts {
        let below = to.len();
        let length = |what: &SliceInfoElem| match node.shape.get(below) {
            Some(length) => *length as isize,
            None => panic!("slice: {what:?} is for axis {below}, but the array's shape is {}", told(&node.shape)),
        };
        let from_end = |at: isize, length: isize| if at < 0 { at + length } else { at };
        match *part {
            SliceInfoElem::NewAxis => shape.push(1),
            SliceInfoElem::Index(at) => {
                let length = length(part);
                let own = from_end(at, length);
                assert!(
                    (0..length).contains(&own),
                    "slice: there is no element {at} along axis {below} of an array of shape {}",
                    told(&node.shape)
                );
                to.push(Affine::constant(own, axes));
            }
            SliceInfoElem::Slice { start, end, step } => {
                let length = length(part);
                let (start, end) = (from_end(start, length), from_end(end.unwrap_or(length), length));
                assert!(
                    (0..=length).contains(&start) && (0..=length).contains(&end),
                    "slice: {part:?} reaches beyond axis {below} of an array of shape {}",
                    told(&node.shape)
                );
                assert!(step != 0, "slice: a step of 0 along axis {below} goes nowhere");
                let width = (end - start).max(0);
                let n = width.div_ceil_of(step.abs());
                // As ndarray: with a negative step, the same elements from the other end.
                let first = if step < 0 { end - 1 } else { start };
                let mut number = Affine::constant(if n > 0 { first } else { 0 }, axes);
                number.steps[shape.len()] = step;
                shape.push(n as usize);
                to.push(number);
            }
        }
    }
    assert!(
        to.len() == node.shape.len(),
        "slice: {} axes are named, but the array's shape is {}",
        to.len(),
        told(&node.shape)
    );
    view(node, View { axes, to }, shape)
}

trait DivCeil {
    fn div_ceil_of(self, by: Self) -> Self;
}
impl DivCeil for isize {
    fn div_ceil_of(self, by: Self) -> Self {
        (self + by - 1) / by
    }
}

/// The same elements in row order, in another shape.
#[track_caller]
#[inline(never)]
fn reshaped(node: &Arc<Node>, shape: Vec<usize>) -> Arc<Node> {
    let n = count(&shape);
    assert!(
        n == Some(node.len()),
        "reshape: an array of shape {} has {} elements, one of shape {} would have {}",
        told(&node.shape),
        node.len(),
        told(&shape),
        n.map_or_else(|| "more than can be counted".to_owned(), |n| n.to_string())
    );
    if shape == node.shape {
        return Arc::clone(node);
    }
    match pushed(node, &shape, &mut HashMap::new(), 0) {
        Some(node) => node,
        None => Node::new(Kind::Stage(Stage::Store, vec![Arc::clone(node)]), shape, node.dtype),
    }
}

/// The other shape given to what is below, where everything there goes by row order; `None` where not.
#[track_caller]
fn pushed(
    node: &Arc<Node>,
    shape: &[usize],
    seen: &mut HashMap<*const Node, Option<Arc<Node>>>,
    depth: usize,
) -> Option<Arc<Node>> {
    // A long chain is computed first: no stack is deep enough for any.
    if depth > DEEPEST {
        return None;
    }
    if let Some(known) = seen.get(&Arc::as_ptr(node)) {
        return known.clone();
    }
    let same = |kind: Kind| Some(Node::new(kind, shape.to_vec(), node.dtype));
    let mut each = |inputs: &[Arc<Node>]| -> Option<Vec<Arc<Node>>> {
        inputs
            .iter()
            .map(|input| match input.shape.is_empty() {
                // A number goes with any shape.
                true => Some(Arc::clone(input)),
                false if input.shape == node.shape => pushed(input, shape, seen, depth + 1),
                false => None,
            })
            .collect()
    };
    let new = match &node.kind {
        Kind::Full(scalar) => same(Kind::Full(*scalar)),
        Kind::Memory(memory) if memory.is_whole(&node.shape) => {
            let place = Affine { offset: memory.place.offset, steps: row_major(shape) };
            same(Kind::Memory(Memory { buffer: Arc::clone(&memory.buffer), place }))
        }
        Kind::Made(Made::FromFn(_)) => None,
        Kind::Made(made) => same(Kind::Made(made.clone())),
        Kind::Op(op, inputs) => each(inputs).and_then(|inputs| same(Kind::Op(*op, inputs))),
        Kind::Closure(closure, inputs) => each(inputs).and_then(|inputs| same(Kind::Closure(closure.clone(), inputs))),
        _ => None,
    };
    seen.insert(Arc::as_ptr(node), new.clone());
    new
}

/// Arrays one after the other along an axis.
#[track_caller]
#[inline(never)]
fn joined(what: &str, axis: usize, nodes: Vec<Arc<Node>>) -> Arc<Node> {
    let Some(first) = nodes.first() else { panic!("{what}: there is no array to put together") };
    let mut shape = first.shape.clone();
    for (i, node) in nodes.iter().enumerate().skip(1) {
        let alike = node.shape.len() == shape.len()
            && (0..shape.len()).all(|other| other == axis || node.shape[other] == shape[other]);
        assert!(
            alike,
            "{what}: array {i} has shape {}, the first one {}; they may differ along axis {axis} only",
            told(&node.shape),
            told(&first.shape)
        );
        shape[axis] = shape[axis].saturating_add(node.shape[axis]);
    }
    let dtype = first.dtype;
    Node::new(Kind::Stage(Stage::Concatenate { axis }, nodes), shape, dtype)
}

/// Views and shapes.
impl<T: Element, D: Dimension> Array<T, D> {
    /// A part of it, as `ndarray` says it: `a.slice(s![1.., ..;2])`. With an index for an axis, the axis goes.
    ///
    /// # Panics
    /// When the part reaches beyond the array.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// use ferrolab::ndarray::{Array1, array, s};
    /// let a = threads().array().arange(12).reshape([3, 4]);
    /// assert_eq!(a.slice(s![1.., ..;-2]).compute()?, array![[7, 5], [11, 9]]);
    /// let column: Array1<i64> = a.slice(s![1.., 0]).compute()?;
    /// assert_eq!(column.to_vec(), [4, 8]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn slice<I: SliceArg<D>>(&self, part: I) -> Array<T, I::OutDim> {
        self.with(sliced(&self.node, part.as_ref()))
    }

    /// With its axes the other way round: the transpose of a matrix.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().arange(6i64).reshape([2, 3]);
    /// assert_eq!(a.t().shape(), [3, 2]);
    /// assert_eq!(a.t().compute()?[[2, 0]], 2);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn t(&self) -> Self {
        let order: Vec<usize> = (0..self.ndim()).rev().collect();
        self.permuted(&order)
    }

    /// With its axes in another order: `order[k]` is the axis that comes to place `k`.
    ///
    /// # Panics
    /// When an axis is missing or named twice.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().zeros::<f64, _>([2, 3, 4]);
    /// assert_eq!(a.permute([2, 0, 1]).shape(), [4, 2, 3]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn permute(&self, order: impl IntoDimension<Dim = D>) -> Self {
        self.permuted(order.into_dimension().slice())
    }

    #[track_caller]
    fn permuted(&self, order: &[usize]) -> Self {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        assert!(
            sorted.iter().copied().eq(0..self.ndim()),
            "permute: {} does not name each axis of an array of shape {} once",
            told(order),
            told(self.shape())
        );
        let shape = order.iter().map(|axis| self.node.shape[*axis]).collect();
        self.with(view(&self.node, View::permute(order), shape))
    }

    /// The same elements in row order, in another shape.
    ///
    /// # Panics
    /// When it has not as many elements.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().arange(6i64).reshape([2, 3]);
    /// assert_eq!(a.compute()?[[1, 0]], 3);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn reshape<S: IntoDimension>(&self, shape: S) -> Array<T, S::Dim> {
        self.with(reshaped(&self.node, shape.into_dimension().slice().to_vec()))
    }

    /// The same elements along longer axes, by NumPy's rule: axes of length 1 and missing ones are repeated.
    ///
    /// # Panics
    /// When it does not broadcast to that shape.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let rows = threads().array().arange(3i64).broadcast([2, 3]);
    /// assert_eq!(rows.compute()?.row(1).to_vec(), [0, 1, 2]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn broadcast<S: IntoDimension>(&self, shape: S) -> Array<T, S::Dim> {
        let shape = shape.into_dimension().slice().to_vec();
        let both = broadcast("broadcast", &[self.shape(), &shape]);
        assert!(both == shape, "broadcast: shape {} does not become {}", told(self.shape()), told(&shape));
        self.with(view(&self.node, View::broadcast(self.shape(), &shape), shape))
    }

    /// With one axis more, of length 1, at a place.
    ///
    /// # Panics
    /// When the place is beyond the last axis.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let column = threads().array().arange(3.0).insert_axis(1);
    /// let row = threads().array().arange(2.0);
    /// assert_eq!((column + row).shape(), [3, 2]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn insert_axis(&self, axis: impl AxisIndex) -> Array<T, D::Larger> {
        let axis = axis.number();
        let axes = self.ndim();
        assert!(axis <= axes, "insert_axis: an array of shape {} has no place {axis} for an axis", told(self.shape()));
        let mut shape = self.node.shape.clone();
        shape.insert(axis, 1);
        let own = |k: usize| Affine::axis(if k < axis { k } else { k + 1 }, axes + 1);
        self.with(view(&self.node, View { axes: axes + 1, to: (0..axes).map(own).collect() }, shape))
    }

    /// Cut into these chunks: what a task of a thread covers, and how partial results of a reduction are put together. When
    /// nobody says, chunks are whole rows of some ten thousand elements.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().ones::<f64, _>([100, 100]).rechunk([10, 100]);
    /// assert_eq!(a.sum().compute()?, 1e4);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rechunk(&self, chunk: impl IntoDimension<Dim = D>) -> Self {
        let chunk = chunk.into_dimension().slice().to_vec();
        assert!(
            chunk.len() == self.ndim() && !chunk.contains(&0),
            "rechunk: chunks of {} are none for an array of shape {}: each axis wants a length of at least 1",
            told(&chunk),
            told(self.shape())
        );
        let kind = Kind::View(View::identity(self.ndim()), self.node.clone());
        let (shape, dtype) = (self.node.shape.clone(), self.node.dtype);
        let line = super::node::Line::of_caller();
        self.with(Arc::new(Node { kind, shape, dtype, chunks: Some(chunk), line }))
    }

    /// Arrays one after the other along an axis.
    ///
    /// # Panics
    /// When there are none, or they differ along another axis.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().arange(2i64);
    /// let all = Array::concatenate(0, &[a.clone(), a + 10]);
    /// assert_eq!(all.compute()?.to_vec(), [0, 1, 10, 11]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn concatenate(axis: impl AxisIndex, arrays: &[Self]) -> Self {
        let Some(first) = arrays.first() else { panic!("concatenate: there is no array to put together") };
        let axis = axis_of("concatenate", axis, first.shape());
        first.with(joined("concatenate", axis, arrays.iter().map(|array| array.node.clone()).collect()))
    }

    /// Arrays of one shape, along an axis of their own.
    ///
    /// # Panics
    /// When there are none, or their shapes differ.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().arange(2i64);
    /// let all = Array::stack(0, &[a.clone(), a + 10]);
    /// assert_eq!(all.compute()?[[1, 0]], 10);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn stack(axis: impl AxisIndex, arrays: &[Self]) -> Array<T, D::Larger> {
        let Some(first) = arrays.first() else { panic!("stack: there is no array to put together") };
        let axis = axis.number();
        for (i, array) in arrays.iter().enumerate() {
            assert!(
                array.shape() == first.shape(),
                "stack: array {i} has shape {}, the first one {}",
                told(array.shape()),
                told(first.shape())
            );
        }
        let nodes = arrays.iter().map(|array| array.insert_axis(axis).node);
        first.with(joined("stack", axis, nodes.collect()))
    }
}
