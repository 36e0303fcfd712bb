//! Products of vectors and matrices. Those with a vector are sums, of two matrices [`crate::par`]'s products, with
//! both in memory: on a cluster the rows and columns that a block of the result is made of.

use super::api::{Array, operation};
use super::buffer::Buffer;
use super::element::{DType, Float};
use super::node::Node;
use super::ops::{Bi, Op};
use super::shape::told;
use super::whole::{Operand, Whole, room, whole};
use crate::error::{Error, ErrorKind};
use crate::par;
use ndarray::{ArrayView2, Dimension, Ix0, Ix1, Ix2};
use std::sync::Arc;

/// A product of two matrices of this type.
pub(super) fn product(dtype: DType, operands: &[Operand<'_>], shape: &[usize]) -> Result<Buffer, Error> {
    match dtype {
        DType::F32 => product_of::<f32>(operands, shape),
        _ => product_of::<f64>(operands, shape),
    }
}

fn product_of<T: Float>(operands: &[Operand<'_>], shape: &[usize]) -> Result<Buffer, Error> {
    let view = |i: usize| {
        let Operand { memory, shape } = &operands[i];
        ArrayView2::from_shape((shape[0], shape[1]), memory.slice::<T>(shape))
    };
    let (Ok(a), Ok(b)) = (view(0), view(1)) else { unreachable!("slices are as long as their shapes say") };
    let room = room("matmul", T::DTYPE, shape.iter().product())?;
    // SAFETY: the room has as many numbers as the product, and nobody else has it.
    unsafe { par::matmul_to(a, b, room.at().cast()) }.map_err(|stop| match stop {
        par::Stop::Panicked { message, .. } => Error::new(ErrorKind::Panicked, format!("matmul: {message}")),
        par::Stop::Interrupted => stop.resume(),
    })?;
    // SAFETY: all of it was written.
    Ok(unsafe { room.filled() })
}

/// Which products there are: of vectors and matrices, as `ndarray`'s `dot`.
///
/// ```
/// use ferrolab::prelude::*;
/// let here = threads().array();
/// let (a, x) = (here.ones::<f64, _>([2, 3]), here.arange(3.0));
/// assert_eq!(a.dot(&x).compute()?.to_vec(), [3.0, 3.0]);
/// assert_eq!(x.dot(&x).compute()?, 5.0);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub trait Product<E>: Dimension {
    /// The axes of the product.
    type Output: Dimension;
    #[doc(hidden)]
    #[track_caller]
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node>;
}

#[track_caller]
fn meet(a: &Node, b: &Node, last: usize, first: usize) {
    assert!(
        a.shape[last] == b.shape[first],
        "dot: shapes {} and {} do not go together: {} columns meet {} rows",
        told(&a.shape),
        told(&b.shape),
        a.shape[last],
        b.shape[first]
    );
}

impl Product<Ix2> for Ix2 {
    type Output = Ix2;
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 1, 0);
        whole(Whole::MatMul(T::DTYPE), &[a, b], vec![a.shape[0], b.shape[1]], T::DTYPE)
    }
}

/// Products with a vector are sums, which need no operand in memory.
#[track_caller]
fn summed<T: Float>(a: &Arc<Node>, b: &Arc<Node>, axis: Option<usize>) -> Arc<Node> {
    let products = operation(Op::Two(Bi::Mul), vec![Arc::clone(a), Arc::clone(b)]);
    super::reducing::sum_of(&products, axis, T::DTYPE)
}

impl Product<Ix1> for Ix2 {
    type Output = Ix1;
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 1, 0);
        summed::<T>(a, b, Some(1))
    }
}
impl Product<Ix2> for Ix1 {
    type Output = Ix1;
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 0, 0);
        let column = super::views::column(a);
        summed::<T>(&column, b, Some(0))
    }
}
impl Product<Self> for Ix1 {
    type Output = Ix0;
    fn product<T: Float>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 0, 0);
        summed::<T>(a, b, None)
    }
}

impl<T: Float, D: Dimension> Array<T, D> {
    /// The product with a vector or a matrix, as `ndarray`'s `dot`. Of two matrices it is computed by blocks of the result, with
    /// both in memory; with a vector it is a sum, and what is made or read from a file need not fit.
    ///
    /// # Panics
    /// When the lengths that meet differ.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().arange(4.0).reshape([2, 2]);
    /// assert_eq!(a.dot(&a).compute()?, ferrolab::ndarray::array![[2.0, 3.0], [6.0, 11.0]]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn dot<E>(&self, other: &Array<T, E>) -> Array<T, <D as Product<E>>::Output>
    where
        D: Product<E>,
    {
        self.with(D::product::<T>(&self.node, &other.node))
    }
}
