//! Closures over blocks with what is around them: a chunk at a time, as `ndarray`'s view of it and its surroundings, what lies beyond
//! the array's edges being there by a rule. One element at a time is `neighbours`' business, blocks alone are `blocks`'.

use super::api::Array;
use super::buffer::{Buffer, Memory};
use super::element::{DType, Element};
use super::neighbours::Border;
use super::node::Node;
use super::parts::Parts;
use super::shape::{Affine, Chunked, Region, row_major, told};
use super::sources::memory_of;
use super::walk::Walk;
use super::whole::{Operand, Shared, Whole, guarded, room, whole};
use super::window::padded;
use crate::closure::{captures_nothing, conjure};
use crate::error::Error;
use crate::par::{self, Edge};
use ndarray::{ArrayD, ArrayViewD, Dimension, IntoDimension, IxDyn, ShapeBuilder};

/// Elements of a chunk that nobody chose.
const CHUNK: usize = 1 << 17;

/// Calls a closure on a block with its surroundings; the block of its result, or what is wrong with that.
///
/// # Safety (of every call)
/// The memory is of the type that the closure takes, and has an array of the first shape, rows one after the other.
pub(crate) type OverlapCode = unsafe fn(&Memory, wide: &[usize], depth: &[usize]) -> Result<Memory, String>;

/// A closure over blocks and what is around them.
#[derive(Clone)]
pub(crate) struct Overlap {
    pub(crate) chunk: Vec<usize>,
    /// How many elements around a block it sees, along each axis.
    pub(crate) depth: Vec<usize>,
    pub(crate) border: Border,
    pub(crate) code: OverlapCode,
}

/// # Safety
/// As [`OverlapCode`] says.
unsafe fn call<T, U, F>(from: &Memory, wide: &[usize], depth: &[usize]) -> Result<Memory, String>
where
    T: Element,
    U: Element,
    F: Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Copy + 'static,
{
    let f: F = conjure();
    let steps: Vec<usize> = from.place.steps.iter().map(|step| *step as usize).collect();
    let at = from.buffer.at().cast::<T>().wrapping_offset(from.place.offset);
    // SAFETY: the caller's promise; rows lie one after the other, so steps go forward.
    let made = f(unsafe { ArrayViewD::from_shape_ptr(IxDyn(wide).strides(IxDyn(&steps)), at) });
    let inner: Vec<usize> = wide.iter().zip(depth).map(|(n, depth)| n - 2 * depth).collect();
    if made.shape() != wide {
        return memory_of(made, &inner).map_err(|wrong| format!("{wrong}, nor {} with what is around it", told(wide)));
    }
    let mut memory = memory_of(made, wide)?;
    memory.place.offset += memory.place.steps.iter().zip(depth).map(|(step, n)| step * *n as isize).sum::<isize>();
    Ok(memory.packed(&inner))
}

impl Overlap {
    /// All blocks of an array in memory.
    pub(super) fn run(&self, operand: &Operand<'_>, shape: &[usize], dtype: DType, of: DType) -> Result<Buffer, Error> {
        let grid = Chunked::new(shape, &self.chunk);
        let room = room("map_overlap", dtype, shape.iter().product())?;
        let (at, size) = (Shared::of(&room), dtype.size());
        let all = Region { start: vec![0; shape.len()], shape: shape.to_vec() };
        let parts = Parts::Here { row_order: false, parts: vec![(all, operand.memory.clone())] };
        guarded("map_overlap", || {
            par::message("map_overlap").for_each(0..grid.len(), |number| {
                let region = grid.region(number);
                let made = self.block(&parts, &region, shape, of);
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

    /// One block of the result, rows one after the other, of parts that have it and what is around it.
    ///
    /// # Panics
    /// When the closure does, or gives another shape.
    pub(super) fn block(&self, parts: &Parts, region: &Region, shape: &[usize], of: DType) -> Memory {
        let (memory, ..) = padded(parts, region, &self.depth, shape, self.border, of);
        let wide: Vec<usize> = region.shape.iter().zip(&self.depth).map(|(n, depth)| n + 2 * depth).collect();
        // SAFETY: the code was compiled for arrays of this type, of which the window is a part, packed.
        let made = unsafe { (self.code)(&memory, &wide, &self.depth) };
        made.unwrap_or_else(|wrong| panic!("the block at {} {wrong}", told(&region.start)))
    }

    /// Bytes that each thread needs: a block with what is around it, and what is made of it.
    pub(super) fn extra(&self, dtype: DType) -> u64 {
        // No element is larger than these.
        const LARGEST: usize = 8;
        let wide = self.chunk.iter().zip(&self.depth).map(|(n, depth)| n + 2 * depth).product::<usize>();
        (wide * (LARGEST + dtype.size()) * crate::rt::threads()) as u64
    }
}

impl<T: Element, D: Dimension> Array<T, D> {
    /// Calls `f` on each chunk with `depth` elements around it on both sides of each axis: Dask's `map_overlap`. `edge` says what is
    /// there beyond the array's edges; for [`Edge`]'s words Dask has `nearest` ([`Edge::Clamp`]), `periodic` ([`Edge::Wrap`]),
    /// `reflect` ([`Edge::Reflect`]) and a constant ([`Edge::Fill`]). `f` gives an array of the shape that it got, of which what was
    /// around the chunk is cut off again, or one of the chunk's own shape. Without [`rechunk`](Array::rechunk), chunks are
    /// whole rows.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// use ferrolab::par::Edge;
    /// let a = threads().array().arange(6.0).rechunk([3]);
    /// let steps = a.map_overlap([1], Edge::Clamp, |block| {
    ///     let n = block.len();
    ///     (&block.slice_each_axis(|_| (2..n).into()) - &block.slice_each_axis(|_| (0..n - 2).into())) / 2.0
    /// });
    /// assert_eq!(steps.compute()?.to_vec(), [0.5, 1.0, 1.0, 1.0, 1.0, 0.5]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn map_overlap<U, F>(&self, depth: impl IntoDimension<Dim = D>, edge: Edge<T>, f: F) -> Array<U, D>
    where
        U: Element,
        F: Fn(ArrayViewD<'_, T>) -> ArrayD<U> + Copy + Send + Sync + 'static,
    {
        captures_nothing!(f: F);
        let depth = depth.into_dimension().slice().to_vec();
        let overlap = Overlap { chunk: Vec::new(), depth, border: Border::of(edge), code: call::<T, U, F> };
        self.with(overlapping(&self.node, overlap, U::DTYPE))
    }
}

#[track_caller]
#[inline(never)]
fn overlapping(node: &std::sync::Arc<Node>, overlap: Overlap, dtype: DType) -> std::sync::Arc<Node> {
    let (shape, depth) = (node.shape.clone(), &overlap.depth);
    assert!(
        depth.len() == shape.len(),
        "map_overlap: depths {} are not one for each axis of an array of shape {}",
        told(depth),
        told(&shape)
    );
    let chunk = node.chunks.clone().unwrap_or_else(|| Chunked::rows(&shape, CHUNK).chunk);
    whole(Whole::Overlap(Overlap { chunk, ..overlap }), &[node], shape, dtype)
}
