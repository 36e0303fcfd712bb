//! Running sums along an axis.

use super::api::{Array, AxisIndex, axis_of, operation};
use super::buffer::Buffer;
use super::element::{Arithmetic, DType, Element};
use super::node::Node;
use super::ops::{Op, Un};
use super::reductions::Word;
use super::whole::{Operand, Shared, Whole, guarded, room, whole};
use crate::error::Error;
use crate::par;
use ndarray::Dimension;
use std::sync::Arc;

/// Columns that go down together: as many as are read from memory at once, or more.
const COLUMNS: usize = 64;

/// Running sums of this type along an axis; `alone` when there is one row or column of them, which all threads share.
pub(super) fn sums(
    dtype: DType,
    axis: usize,
    alone: bool,
    operand: &Operand<'_>,
    shape: &[usize],
) -> Result<Buffer, Error> {
    match dtype {
        DType::F64 => sums_of::<f64>(axis, alone, operand, shape),
        _ => sums_of::<i64>(axis, alone, operand, shape),
    }
}

fn sums_of<T: Arithmetic + Word + par::Number>(
    axis: usize,
    alone: bool,
    operand: &Operand<'_>,
    shape: &[usize],
) -> Result<Buffer, Error>
where
    for<'a> &'a T: par::Numeric<Number = T>,
{
    let from = operand.memory.slice::<T>(shape);
    if alone {
        return guarded("cumsum", || Buffer::of(par::message("cumsum").around(|| par::cumsum(from))));
    }
    let (outer, n) = (shape[..axis].iter().product::<usize>(), shape[axis]);
    let inner: usize = shape[axis + 1..].iter().product();
    let room = room("cumsum", <T as Element>::DTYPE, from.len())?;
    let at = Shared::of(&room);
    let width = inner.clamp(1, COLUMNS);
    let columns = inner.div_ceil(width);
    guarded("cumsum", || {
        par::message("cumsum").for_each(0..outer * columns, |task| {
            let (start, first) = (task / columns * n * inner, task % columns * width);
            let width = width.min(inner - first);
            let mut sums = [T::default(); COLUMNS];
            for i in 0..n {
                let row = start + i * inner + first;
                for (k, sum) in sums[..width].iter_mut().enumerate() {
                    *sum = sum.plus(from[row + k]);
                    // SAFETY: within the room, and in this task's columns.
                    unsafe { at.element::<T>(row + k).write(*sum) };
                }
            }
        });
    })?;
    // SAFETY: tasks cover all columns, and each wrote all of its own.
    Ok(unsafe { room.filled() })
}

impl<T: Arithmetic, D: Dimension> Array<T, D> {
    /// The running sum along an axis; `i64` for whole numbers.
    ///
    /// # Panics
    /// When there is no such axis.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().arange(4).cast::<i32>().cumsum(0).compute()?.to_vec(), [0, 1, 3, 6]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn cumsum(&self, axis: impl AxisIndex) -> Array<T::Sum, D> {
        let (axis, shape) = (axis_of("cumsum", axis, self.shape()), self.node.shape.clone());
        let cast = |node: &Arc<Node>, to: DType| match node.dtype == to {
            true => Arc::clone(node),
            false => operation(Op::One(Un::Cast(to)), vec![Arc::clone(node)]),
        };
        let dtype = if T::DTYPE.is_float() { DType::F64 } else { DType::I64 };
        let alone = shape.iter().product::<usize>() == shape[axis];
        let sums = whole(Whole::CumSum { axis, dtype, alone }, &[&cast(&self.node, dtype)], shape, dtype);
        self.with(cast(&sums, T::Sum::DTYPE))
    }
}
