//! Closures over blocks: a chunk at a time, as `ndarray`'s view of it.

use super::api::Array;
use super::buffer::{Buffer, Memory};
use super::element::{DType, Element};
use super::shape::{Affine, Chunked, Region, row_major, told};
use super::sources::memory_of;
use super::walk::Walk;
use super::whole::{MapBlocks, Operand, Shared, Whole, guarded, room, whole};
use crate::closure::{captures_nothing, conjure};
use crate::error::Error;
use crate::par;
use ndarray::{ArrayD, ArrayViewD, Dimension, IxDyn, ShapeBuilder};

/// Calls a closure on a block that lies in memory somehow; its result, rows one after the other, or what is wrong with it.
///
/// # Safety (of every call)
/// The memory is of the type that the closure takes, and has a block of this shape.
pub(crate) type BlockCode = unsafe fn(&Memory, &[usize]) -> Result<Memory, String>;

/// # Safety
/// As [`BlockCode`] says.
unsafe fn call<T, U, F>(from: &Memory, shape: &[usize]) -> Result<Memory, String>
where
    T: Element,
    U: Element,
    F: Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Copy + 'static,
{
    let f: F = conjure();
    let steps: Vec<usize> = from.place.steps.iter().map(|step| *step as usize).collect();
    let at = from.buffer.at().cast::<T>().wrapping_offset(from.place.offset);
    // SAFETY: the caller's promise; steps go forward, since memory of stored arrays lies in row order.
    let block = unsafe { ArrayViewD::from_shape_ptr(IxDyn(shape).strides(IxDyn(&steps)), at) };
    memory_of(f(block), shape)
}

impl MapBlocks {
    /// All blocks of an array in memory.
    pub(super) fn run(&self, operand: &Operand<'_>, shape: &[usize], dtype: DType) -> Result<Buffer, Error> {
        let grid = Chunked::new(shape, &self.chunk);
        let room = room("map_blocks", dtype, shape.iter().product())?;
        let (at, size) = (Shared::of(&room), dtype.size());
        guarded("map_blocks", || {
            par::message("map_blocks").for_each(0..grid.len(), |i| {
                let region = grid.region(i);
                let made = self.block(operand.memory, &region, &region.start);
                let walk = Walk::new(&region, &[Affine { offset: 0, steps: row_major(shape) }]);
                let from = made.buffer.at().wrapping_offset(made.place.offset * size as isize);
                walk.pieces(0, region.count(), &mut [0], |before, n, place| {
                    let to = at.element::<u8>(place[0] as usize * size);
                    // SAFETY: within the room, in this task's region, whose rows lie one after the other.
                    unsafe { to.copy_from_nonoverlapping(from.wrapping_add(before * size), n * size) };
                });
            });
        })?;
        // SAFETY: regions cover the result, and each was written.
        Ok(unsafe { room.filled() })
    }

    /// One block: of the array's memory, in which it begins at an index.
    ///
    /// # Panics
    /// When the closure does, or gives another shape.
    pub(super) fn block(&self, memory: &Memory, region: &Region, within: &[usize]) -> Memory {
        let mut memory = memory.clone();
        let shift = memory.place.steps.iter().zip(within).map(|(step, at)| step * *at as isize);
        memory.place.offset += shift.sum::<isize>();
        // SAFETY: the code was compiled for arrays of this type, of which the block is a part.
        let made = unsafe { (self.code)(&memory, &region.shape) };
        made.unwrap_or_else(|wrong| panic!("the block at {} {wrong}", told(&region.start)))
    }
}

impl<T: Element, D: Dimension> Array<T, D> {
    /// Calls `f` on each chunk, which gives one of the same shape. Without [`rechunk`](Array::rechunk), chunks are whole rows.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let a = threads().array().arange(6.0).rechunk([3]);
    /// let from_first = a.map_blocks(|block| &block - block[0]);
    /// assert_eq!(from_first.compute()?.to_vec(), [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn map_blocks<U, F>(&self, f: F) -> Array<U, D>
    where
        U: Element,
        F: Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Copy + Send + Sync + 'static,
    {
        captures_nothing!(f: F);
        let shape = self.node.shape.clone();
        let chunk = self.node.chunks.clone().unwrap_or_else(|| Chunked::rows(&shape, 1 << 17).chunk);
        let work = Whole::MapBlocks(MapBlocks { chunk, code: call::<T, U, F> });
        self.with(whole(work, &[&self.node], shape, U::DTYPE))
    }
}
