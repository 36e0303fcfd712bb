//! What is wanted of a computation on a cluster, when all works are done: here in memory, or left where it is.

use super::computation::{Computation, held};
use super::programs::Programs;
use crate::array::buffer::{Memory, Room};
use crate::array::node::{Kind, Node};
use crate::array::parts::Parts;
use crate::array::shape::{Affine, row_major};
use crate::array::walk::Walk;
use crate::cluster::open::when_the_cell_fails;
use crate::executor::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bytes that are fetched at once, about.
const FETCHED: usize = 64 << 20;

impl Computation<'_> {
    /// A wanted result, in memory.
    pub(super) fn taken(&mut self, root: &Arc<Node>) -> Result<Memory, Error> {
        let standing = self.standing.remove(&Arc::as_ptr(root)).unwrap_or_else(|| Arc::clone(root));
        match &standing.kind {
            Kind::Memory(memory) => Ok(memory.clone()),
            Kind::Parts(parts) => self.fetched(&standing, parts),
            _ => Err(Error::lost(format!("{} was not computed", root.name()))),
        }
    }

    fn fetched(&mut self, node: &Arc<Node>, parts: &Parts) -> Result<Memory, Error> {
        let (Parts::Elsewhere { layout, .. }, Some(held)) = (parts, held(node)) else {
            return Err(Error::lost("an array that is nowhere"));
        };
        let size = node.dtype.size();
        let room = Room::new(node.dtype, node.len());
        let room = room.map_err(|e| Error::refused(format!("there is no memory here for {}: {e}", node.name())))?;
        let out = room.at();
        let steps = if parts.in_row_order() { vec![1] } else { row_major(&node.shape) };
        let to = Affine { offset: 0, steps };
        let mut place = |part: usize, bytes: &[u8]| -> Result<(), Error> {
            let region = layout.region(part);
            if bytes.len() != region.count() * size {
                return Err(Error::lost("a part of an array has another size than it was made with"));
            }
            let walk = Walk::new(&region, std::slice::from_ref(&to));
            walk.pieces(0, region.count(), &mut [0], |before, n, at| {
                let to = out.wrapping_offset(at[0] * size as isize);
                let step = walk.inner()[0];
                // SAFETY: the part's place in the array, for all of which there is room.
                unsafe { crate::array::scatter(size, bytes[before * size..].as_ptr(), step, n, to) };
            });
            Ok(())
        };
        let length = |part: usize| layout.region(part).count() * size;
        let programs = self.programs()?;
        if *held.run == *programs.name {
            fetch(programs, &held.parts, length, &mut place)?;
        } else {
            super::held::fetch_kept(&held, length, FETCHED, &mut place)?;
        }
        // SAFETY: the parts are all of it, and each was written.
        let buffer = unsafe { room.filled() };
        Ok(Memory::whole(Arc::new(buffer), &node.shape))
    }

    /// A wanted result that stays where it is.
    pub(super) fn stays(&mut self, root: &Arc<Node>) -> Result<Kind, Error> {
        let standing = self.standing.remove(&Arc::as_ptr(root)).unwrap_or_else(|| Arc::clone(root));
        match &standing.kind {
            Kind::Memory(memory) => Ok(Kind::Memory(memory.clone())),
            Kind::Parts(parts) => {
                if let (Some(held), Some(programs)) = (held(&standing), &self.programs)
                    && *held.run == *programs.name
                {
                    held.stays.store(true, Ordering::Relaxed);
                    self.stays.extend(held.programs());
                    when_the_cell_fails(held.release());
                }
                Ok(Kind::Parts(Arc::clone(parts)))
            }
            _ => Err(Error::lost(format!("{} was not computed", root.name()))),
        }
    }
}

/// Fetches values, of which each is about so long, and hands them over in order.
pub(super) fn fetch(
    programs: &mut Programs,
    values: &[(u32, u32)],
    length: impl Fn(usize) -> usize,
    take: super::held::Take<'_>,
) -> Result<(), Error> {
    super::held::by_size(values.len(), FETCHED, &length, &mut |range| {
        let (lengths, bytes) = programs.fetch(values[range.clone()].to_vec())?;
        super::held::each(range, &lengths, &bytes, take)
    })
}
