//! Computations that want their operands in memory: products of matrices, running sums, stencils, closures over blocks. What
//! each does is in a file of its own; here is how they are asked, on everything and on a part, and what a part needs.

use super::blocks::BlockCode;
use super::buffer::{Buffer, Memory, Room};
use super::cumsum;
use super::element::DType;
use super::neighbours::{Border, Failed, StencilCode, Surroundings};
use super::node::{Kind, Node, Stage, stored};
use super::overlap::Overlap;
use super::parts::Parts;
use super::products;
use super::shape::{Chunked, Region};
use super::window;
use crate::error::{Error, ErrorKind};
use crate::par;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// A computation that wants its operands in memory.
#[derive(Clone)]
pub(crate) enum Whole {
    /// A product of two matrices of floats.
    MatMul(DType),
    /// Running sums of `f64` or `i64`; `alone` when there is one row or column of them.
    CumSum {
        axis: usize,
        dtype: DType,
        alone: bool,
    },
    Stencil(Stencil),
    MapBlocks(MapBlocks),
    Overlap(Overlap),
}

/// What a closure says of each element's surroundings.
#[derive(Clone, Copy)]
pub(crate) struct Stencil {
    pub(crate) border: Border,
    pub(crate) code: StencilCode,
}

/// A closure over blocks.
#[derive(Clone)]
pub(crate) struct MapBlocks {
    pub(crate) chunk: Vec<usize>,
    pub(crate) code: BlockCode,
}

/// An operand in memory, rows one after the other.
pub(crate) struct Operand<'a> {
    pub(crate) memory: &'a Memory,
    pub(crate) shape: &'a [usize],
}

/// A node of such a computation.
#[track_caller]
pub(super) fn whole(work: Whole, inputs: &[&Arc<Node>], shape: Vec<usize>, dtype: DType) -> Arc<Node> {
    let inputs = inputs.iter().map(|input| stored(input)).collect();
    Node::new(Kind::Stage(Stage::Whole(work), inputs), shape, dtype)
}

impl Whole {
    /// As plans call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::MatMul(_) => "matmul".to_owned(),
            Self::CumSum { axis, .. } => format!("cumsum along {axis}"),
            Self::Stencil(_) => "stencil".to_owned(),
            Self::MapBlocks(_) => "map_blocks".to_owned(),
            Self::Overlap(_) => "map_overlap".to_owned(),
        }
    }

    /// Bytes that it needs besides operands and result.
    pub(crate) fn extra(&self, dtype: DType) -> u64 {
        match self {
            // A block of each thread's.
            Self::MapBlocks(blocks) => {
                (blocks.chunk.iter().product::<usize>() * dtype.size() * crate::rt::threads()) as u64
            }
            Self::Overlap(overlap) => overlap.extra(dtype),
            _ => 0,
        }
    }

    /// Everything, by the threads of this process.
    ///
    /// # Errors
    /// When a closure panics, or memory does not suffice.
    pub(crate) fn run(&self, operands: &[Operand<'_>], shape: &[usize], dtype: DType) -> Result<Buffer, Error> {
        match self {
            Self::MatMul(dtype) => products::product(*dtype, operands, shape),
            Self::CumSum { axis, dtype, alone } => cumsum::sums(*dtype, *axis, *alone, &operands[0], shape),
            Self::Stencil(stencil) => {
                let Operand { memory, shape } = operands[0];
                let all = Surroundings { memory, shape, border: stencil.border, window: None };
                (stencil.code)(&all).map_err(|failed| match failed {
                    Failed::Error(error) => error,
                    Failed::Farther(_) => unreachable!("there is no window"),
                })
            }
            Self::MapBlocks(blocks) => blocks.run(&operands[0], shape, dtype),
            Self::Overlap(overlap) => overlap.run(&operands[0], shape, dtype, operands[0].memory.buffer.dtype),
        }
    }

    /// How the result is cut where parts are computed apart: into about so many elements, and as the user said where that can be.
    pub(crate) fn cut(&self, node: &Node, elements: usize) -> Chunked {
        let shape = &node.shape;
        match self {
            Self::MapBlocks(blocks) => Chunked::new(shape, &blocks.chunk),
            Self::Overlap(overlap) => Chunked::new(shape, &overlap.chunk),
            Self::MatMul(_) => {
                let side = (elements as f64).sqrt() as usize;
                Chunked::new(shape, &[side, side])
            }
            Self::CumSum { axis, alone, .. } => {
                let mut chunk = vec![1; shape.len()];
                chunk[*axis] = shape[*axis].max(1);
                let mut left = (elements / chunk[*axis]).max(1);
                for other in (0..shape.len()).rev().filter(|other| other != axis) {
                    chunk[other] = if *alone { 1 } else { left.clamp(1, shape[other].max(1)) };
                    left = (left / chunk[other]).max(1);
                }
                Chunked::new(shape, &chunk)
            }
            Self::Stencil(_) => match &node.inputs()[0].chunks {
                Some(chunk) => Chunked::new(shape, chunk),
                None => Chunked::rows(shape, elements),
            },
        }
    }

    /// The regions of each operand that a region of the result is made of; a stencil looks `reach` elements far.
    pub(crate) fn needs(&self, region: &Region, shapes: &[&[usize]], reach: usize) -> Vec<Vec<Region>> {
        match self {
            Self::MatMul(_) => {
                let columns = shapes[0][1];
                let rows = Region { start: vec![region.start[0], 0], shape: vec![region.shape[0], columns] };
                let down = Region { start: vec![0, region.start[1]], shape: vec![columns, region.shape[1]] };
                vec![vec![rows], vec![down]]
            }
            Self::CumSum { .. } | Self::MapBlocks(_) => vec![vec![region.clone()]],
            Self::Stencil(stencil) => {
                vec![window::needs(region, &vec![reach; region.start.len()], shapes[0], stencil.border)]
            }
            Self::Overlap(overlap) => vec![window::needs(region, &overlap.depth, shapes[0], overlap.border)],
        }
    }

    /// A part of the result, of parts of the operands that were brought.
    ///
    /// # Errors
    /// When a closure panics, memory does not suffice, or a stencil looks farther than `reach`.
    pub(crate) fn part(
        &self,
        operands: &[(Arc<Parts>, DType, Vec<usize>)],
        region: &Region,
        reach: usize,
        dtype: DType,
    ) -> Result<Buffer, Failed> {
        let shapes: Vec<&[usize]> = operands.iter().map(|(_, _, shape)| &shape[..]).collect();
        let (parts, of, shape) = &operands[0];
        if let Self::Stencil(stencil) = self {
            let (memory, inside, first) =
                window::padded(parts, region, &vec![reach; region.start.len()], shape, stencil.border, *of);
            let seen: Vec<usize> = region.shape.iter().map(|n| n + 2 * reach).collect();
            let window = Some((inside, first));
            return (stencil.code)(&Surroundings { memory: &memory, shape: &seen, border: stencil.border, window });
        }
        if let Self::MapBlocks(blocks) = self {
            let memory = parts.brought(region, *of);
            let made = guarded("map_blocks", || blocks.block(&memory, region, &vec![0; region.start.len()]));
            let made = made.map_err(Failed::Error)?.packed(&region.shape);
            return Arc::try_unwrap(made.buffer)
                .map_err(|_| Failed::Error(Error::lost("the block is somebody else's, too")));
        }
        if let Self::Overlap(overlap) = self {
            let made = guarded("map_overlap", || overlap.block(parts, region, shape, *of)).map_err(Failed::Error)?;
            return Arc::try_unwrap(made.packed(&region.shape).buffer)
                .map_err(|_| Failed::Error(Error::lost("the block is somebody else's, too")));
        }
        let needs = self.needs(region, &shapes, reach);
        let brought: Vec<(Memory, &[usize])> = operands
            .iter()
            .zip(&needs)
            .map(|((parts, of, _), needs)| (parts.brought(&needs[0], *of).packed(&needs[0].shape), &needs[0].shape[..]))
            .collect();
        let operands: Vec<Operand<'_>> = brought.iter().map(|(memory, shape)| Operand { memory, shape }).collect();
        self.run(&operands, &region.shape, dtype).map_err(Failed::Error)
    }
}

/// Runs a loop of [`crate::par`]; a panic of its closure is an error.
pub(super) fn guarded<R>(name: &str, work: impl FnOnce() -> R) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        if payload.is::<crate::rt::Interrupted>() {
            resume_unwind(payload);
        }
        Error::new(ErrorKind::Panicked, format!("{name}: {}", par::text_of_panic(&*payload)))
    })
}

pub(super) fn room(name: &str, dtype: DType, len: usize) -> Result<Room, Error> {
    Room::new(dtype, len).map_err(|e| Error::refused(format!("{name}: the system has no memory for its result: {e}")))
}

/// A room's address for the tasks that write to it.
#[derive(Clone, Copy)]
pub(super) struct Shared(*mut u8);
// SAFETY: tasks write to parts that do not overlap.
unsafe impl Sync for Shared {}
impl Shared {
    pub(super) fn of(room: &Room) -> Self {
        Self(room.at())
    }

    pub(super) fn element<T>(&self, index: usize) -> *mut T {
        self.0.cast::<T>().wrapping_add(index)
    }
}
