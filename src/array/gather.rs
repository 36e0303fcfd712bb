//! Results of a pass whose tasks run elsewhere, as they come here piece by piece: partial results of reductions, and chunks for
//! memory and files.

use super::buffer::{Memory, Room};
use super::merge::Merging;
use super::node::{Kind, Node};
use super::place::persisted;
use super::plan::{Pass, What};
use super::run::{Target, finish_sink, room};
use super::task::Work;
use super::walk::Walk;
use crate::error::Error;
use crate::par::Par;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Results that are being written: those of several passes for longer than one.
#[derive(Default)]
pub(crate) struct Rooms(HashMap<*const Node, Room>);

impl Rooms {
    /// Where a node's elements go.
    ///
    /// # Errors
    /// When the system has no memory for them.
    fn of(&mut self, node: &Arc<Node>) -> Result<Target, Error> {
        let room = match self.0.entry(Arc::as_ptr(node)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(room(node)?),
        };
        Ok(Target(room.at()))
    }

    /// What stands for a node whose elements are here.
    ///
    /// # Safety
    /// All of them have been written, and nobody writes to them any more.
    pub(crate) unsafe fn complete(&mut self, node: &Arc<Node>) -> Option<Arc<Node>> {
        let room = self.0.remove(&Arc::as_ptr(node))?;
        // SAFETY: passed on.
        let buffer = unsafe { room.filled() };
        Some(persisted(node, Kind::Memory(Memory::whole(Arc::new(buffer), &node.shape)), node.line.clone()))
    }
}

/// The results of a pass, as far as they have come.
pub(crate) struct Gathered {
    merging: Vec<Merging>,
    /// None of what is kept elsewhere.
    targets: Vec<Option<Target>>,
}

impl Gathered {
    pub(crate) fn new(pass: &Pass, rooms: &mut Rooms) -> Result<Self, Error> {
        let mut targets = Vec::with_capacity(pass.sinks.len());
        for sink in &pass.sinks {
            targets.push(match sink.what {
                What::Keep(_) => None,
                _ => Some(rooms.of(&sink.node)?),
            });
        }
        Ok(Self { merging: pass.sinks.iter().map(|_| Merging::default()).collect(), targets })
    }

    /// Takes in what tasks have left.
    pub(crate) fn take(&mut self, pass: &Pass, work: Work) {
        for (sink, at, part) in work.parts {
            if let Some(merging) = self.merging.get_mut(sink) {
                merging.insert(at, part);
            }
        }
        for (sink, number, elements) in work.chunks {
            self.chunk(pass, sink, number, elements.bytes());
        }
    }

    /// Takes in a chunk of a sink.
    ///
    /// # Panics
    /// When it has another size.
    pub(crate) fn chunk(&mut self, pass: &Pass, sink: usize, number: usize, bytes: &[u8]) {
        let (Some(sink), Some(Some(target))) = (pass.sinks.get(sink), self.targets.get(sink)) else { return };
        let (region, size) = (pass.grid.region(number), sink.input.dtype.size());
        assert!(bytes.len() == region.count() * size, "a chunk has as many elements as its region");
        match &sink.what {
            What::Write(file) => file.write(&region, size, bytes),
            What::Store(to) => {
                let walk = Walk::new(&region, std::slice::from_ref(to));
                let step = walk.inner()[0];
                walk.pieces(0, region.count(), &mut [0], |before, n, at| {
                    let to = target.0.wrapping_offset(at[0] * size as isize);
                    // SAFETY: the chunk's place in the result, which has room for all of them.
                    unsafe { super::generate::scatter(size, bytes[before * size..].as_ptr(), step, n, to) };
                });
            }
            What::Keep(_) | What::Reduce { .. } => {}
        }
    }

    /// Merges what has come of reductions, and writes their results.
    ///
    /// # Errors
    /// When a closure panics.
    pub(crate) fn finish(self, pass: &Pass) -> Result<(), Error> {
        let par = Par::new().quiet();
        for ((sink, merging), target) in pass.sinks.iter().zip(self.merging).zip(self.targets) {
            if let Some(target) = target {
                finish_sink(pass, sink, merging, target, &par)?;
            }
        }
        Ok(())
    }
}
