//! Products of vectors and matrices. Those with a vector are sums; those of two matrices are computed by blocks of the result,
//! with the rows and columns in memory that a block is made of.

use super::api::{Array, operation};
use super::buffer::Buffer;
use super::element::{DType, Float};
use super::node::Node;
use super::ops::{Bi, Op};
use super::shape::{Chunked, told};
use super::whole::{Operand, Shared, Whole, room, whole};
use crate::error::{Error, ErrorKind};
use crate::par;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Dimension, Ix0, Ix1, Ix2, LinalgScalar};
use std::sync::Arc;

/// Rows and columns of a task's block: enough that `matrixmultiply` packs its operands seldom.
const BLOCK: [usize; 2] = [256, 1024];

/// A product of two matrices of this type.
pub(super) fn product(dtype: DType, operands: &[Operand<'_>], shape: &[usize]) -> Result<Buffer, Error> {
    match dtype {
        DType::F32 => product_of::<f32>(operands, shape),
        _ => product_of::<f64>(operands, shape),
    }
}

/// Each task has a block of the result, and goes along all that it is the sum of.
fn product_of<T: Float + LinalgScalar>(operands: &[Operand<'_>], shape: &[usize]) -> Result<Buffer, Error> {
    let view = |i: usize| {
        let Operand { memory, shape } = &operands[i];
        ArrayView2::from_shape((shape[0], shape[1]), memory.slice::<T>(shape))
    };
    let (Ok(a), Ok(b)) = (view(0), view(1)) else { unreachable!("slices are as long as their shapes say") };
    let room = room("matmul", T::DTYPE, shape.iter().product())?;
    let (grid, width) = (Chunked::new(shape, &BLOCK), shape[1]);
    let at = Shared::of(&room);
    par::message("matmul")
        .try_for_each(0..grid.len(), |i| {
            let region = grid.region(i);
            let ([y, x], [h, w]) = ([region.start[0], region.start[1]], [region.shape[0], region.shape[1]]);
            let start = at.element::<T>(y * width + x);
            for row in 0..h {
                // SAFETY: rows of this block, which is within the room and this task's alone; zeros are numbers.
                unsafe { std::ptr::write_bytes(start.add(row * width), 0, w) };
            }
            let strides = ndarray::ShapeBuilder::strides((h, w), (width, 1));
            // SAFETY: as above, and all of it was written.
            let mut block = unsafe { ArrayViewMut2::from_shape_ptr(strides, start) };
            let (rows, columns) = (ndarray::s![y..y + h, ..], ndarray::s![.., x..x + w]);
            general_mat_mul(T::one(), &a.slice(rows), &b.slice(columns), T::zero(), &mut block);
        })
        .map_err(|stop| match stop {
            par::Stop::Panicked { message, .. } => Error::new(ErrorKind::Panicked, format!("matmul: {message}")),
            par::Stop::Interrupted => stop.resume(),
        })?;
    // SAFETY: blocks cover the result, and each was written.
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
    fn product<T: Float + LinalgScalar>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node>;
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
    fn product<T: Float + LinalgScalar>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
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
    fn product<T: Float + LinalgScalar>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 1, 0);
        summed::<T>(a, b, Some(1))
    }
}
impl Product<Ix2> for Ix1 {
    type Output = Ix1;
    fn product<T: Float + LinalgScalar>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 0, 0);
        let column = super::views::column(a);
        summed::<T>(&column, b, Some(0))
    }
}
impl Product<Self> for Ix1 {
    type Output = Ix0;
    fn product<T: Float + LinalgScalar>(a: &Arc<Node>, b: &Arc<Node>) -> Arc<Node> {
        meet(a, b, 0, 0);
        summed::<T>(a, b, None)
    }
}

impl<T: Float + LinalgScalar, D: Dimension> Array<T, D> {
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
