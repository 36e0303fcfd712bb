//! Arrays of the notebook's memory that are too large to travel with the description of the work: they go to the workers by parts.

use super::computation::Computation;
use crate::array::node::{Kind, Node};
use crate::array::parts::Layout;
use crate::array::plan::Work;
use crate::array::shape::Chunked;
use crate::executor::Error;
use std::collections::HashSet;
use std::sync::Arc;

/// Arrays in the notebook's memory travel with the description of the work up to this size.
const INLINE: u64 = 1 << 20;

impl Computation<'_> {
    /// Sends large arrays of the notebook's memory to the workers, by parts.
    pub(super) fn upload(&mut self) -> Result<(), Error> {
        let large = self.large_memories();
        for node in large {
            let Kind::Memory(memory) = &node.kind else { continue };
            let chunk = self.workers.apart(false).bytes / node.dtype.size();
            let grid = Chunked::rows(&node.shape, chunk.max(1));
            let mut parts = Vec::with_capacity(grid.len());
            let programs = self.programs()?;
            for number in 0..grid.len() {
                let region = grid.region(number);
                let mut part = memory.clone();
                part.place.offset = memory.place.at(&region.start);
                parts.push((programs.value(part.copied(&region.shape).bytes())?, 0));
            }
            let standing = self.parts(&node, Layout::of(grid), parts)?;
            self.standing.insert(Arc::as_ptr(&node), standing);
        }
        Ok(())
    }

    fn large_memories(&self) -> Vec<Arc<Node>> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let mut waiting: Vec<Arc<Node>> = Vec::new();
        for work in &self.plan.work {
            match work {
                Work::Pass(pass) => waiting.extend(pass.sinks.iter().map(|sink| Arc::clone(&sink.input))),
                Work::Whole(node) => waiting.extend(node.inputs().iter().cloned()),
            }
        }
        while let Some(node) = waiting.pop() {
            if !seen.insert(Arc::as_ptr(&node)) {
                continue;
            }
            if let Kind::Memory(memory) = &node.kind
                && !memory.buffer.is_file()
                && (memory.buffer.len * node.dtype.size()) as u64 > INLINE
            {
                found.push(Arc::clone(&node));
            }
            waiting.extend(node.inputs().iter().cloned());
        }
        found
    }
}
