//! A pass on a cluster: as batches when it neither reads nor leaves anything on the workers, else as tasks of Dask's.

use super::computation::{Computation, parts_of, unsendable};
use super::pieces::{Description, Pieces, task_bytes};
use super::programs::Programs;
use super::results::fetch;
use super::stream;
use super::task::Do;
use crate::array::gather::Gathered;
use crate::array::node::Node;
use crate::array::parts::{Layout, Parts};
use crate::array::plan::{Pass, What, Work};
use crate::array::shape::Chunked;
use crate::array::task::{Ready, Work as Left};
use crate::array::wire::{Job, Wire};
use crate::executor::Error;
use crate::progress::called;
use std::sync::Arc;

/// Bytes of a task's partial results, about.
const PARTIAL: usize = 1 << 16;

impl Computation<'_> {
    pub(super) fn pass(&mut self, pass: &Pass, later: &[Work]) -> Result<(), Error> {
        let (wire, slots) = self.write(|writer| writer.pass(pass))?;
        let mut gathered = Gathered::new(pass, &mut self.rooms)?;
        let keeps = pass.sinks.iter().any(|sink| matches!(sink.what, What::Keep(_)));
        if slots.is_empty() && !keeps {
            let ready = self.ready(&wire, &[])?;
            self.workers.affords_task(
                &pass.sinks[0].node,
                ready.own_bytes() + chunk_bytes(pass, 1),
                &pass.grid.chunk,
            )?;
            let codes = &self.codes;
            called(&pass.names(), || {
                stream::run(self.cluster, pass, &wire, codes, &mut |work| {
                    gathered.take(pass, work);
                    Ok(())
                })
            })?;
        } else {
            self.tasks(pass, &wire, &slots, &mut gathered)?;
        }
        gathered.finish(pass)?;
        for sink in &pass.sinks {
            let own = |work: &Work| match work {
                Work::Pass(pass) => pass.sinks.iter().any(|other| Arc::ptr_eq(&other.node, &sink.node)),
                Work::Whole(_) => false,
            };
            if later.iter().any(own) || matches!(sink.what, What::Keep(_)) {
                continue;
            }
            // SAFETY: stores have written each chunk of their input, which together are the result, and no later pass has one
            // of them; reductions have written all of their results; what goes to a file has no elements.
            if let Some(standing) = unsafe { self.rooms.complete(&sink.node) } {
                self.standing.insert(Arc::as_ptr(&sink.node), standing);
            }
        }
        Ok(())
    }

    /// A pass as it will be on a worker.
    fn ready(&self, wire: &Wire, slots: &[Arc<Parts>]) -> Result<Ready, Error> {
        // SAFETY: the code is of this process, whose addresses are in the table.
        match unsafe { wire.job(&self.codes.addresses, slots) }.map_err(unsendable)? {
            Job::Pass(pass, files) => Ok(Ready::new(pass, files)),
            Job::Whole { .. } => Err(Error::unsendable("a pass became something else")),
        }
    }

    /// A pass as tasks of Dask's.
    fn tasks(&mut self, pass: &Pass, wire: &Wire, slots: &[Arc<Node>], gathered: &mut Gathered) -> Result<(), Error> {
        let sent = self.send(pass, wire, slots)?;
        let programs = self.programs()?;
        programs.finish()?;
        sent.gather(programs, pass, gathered)?;
        let mut over = sent.helpers;
        if !pass.sinks.iter().any(|sink| matches!(sink.what, What::Keep(_))) {
            over.extend(sent.programs.iter().map(|(number, _)| *number));
        }
        programs.free(over)?;
        for (sink, chunks) in pass.sinks.iter().zip(sent.chunks) {
            if let What::Keep(start) = &sink.what {
                self.keep(&sink.node, start.as_ref(), &pass.grid, chunks)?;
            }
        }
        Ok(())
    }

    /// Sends a pass: each task with what it reads.
    fn send(&mut self, pass: &Pass, wire: &Wire, slots: &[Arc<Node>]) -> Result<Sent, Error> {
        let parts: Vec<Arc<Parts>> = slots.iter().filter_map(parts_of).collect();
        let ready = self.ready(wire, &parts)?;
        let mut pieces = Pieces::new(self.cluster, slots)?;
        let chunked: Vec<usize> = (0..pass.sinks.len()).filter(|sink| !pass.sinks[*sink].what.reduces()).collect();
        let reduces = usize::from(chunked.len() < pass.sinks.len());
        let each = if chunked.is_empty() { bundle(pass, &parts) } else { 1 };
        let (cluster, workers, node) = (self.cluster, self.workers, Arc::clone(&pass.sinks[0].node));
        let programs = self.programs()?;
        programs.begin(cluster, pass.names(), pass.tasks() as u64);
        let description = Description::sent(programs, wire)?;
        let slot_of = |own: &Parts| parts.iter().position(|parts| std::ptr::eq(Arc::as_ptr(parts), own)).unwrap_or(0);
        let (mut sent, mut chunks) = (Vec::new(), vec![vec![(0, 0); pass.grid.len()]; pass.sinks.len()]);
        for start in (0..pass.tasks()).step_by(each) {
            let end = (start + each).min(pass.tasks());
            let numbers: Vec<usize> = (start..end).flat_map(|task| pass.chunks(task)).collect();
            let what = Do::Tasks { start, end, wire: description.at() };
            let (task, mut sources) = pieces.bring(programs, &ready.needs(start..end, &slot_of), what)?;
            sources.extend(description.piece());
            let takes = task_bytes(&task) + ready.own_bytes() + chunk_bytes(pass, numbers.len());
            workers.affords_task(&node, takes, &pass.grid.chunk)?;
            let outputs = (chunked.len() * numbers.len() + reduces) as u32;
            let number = programs.task(&task, outputs, &sources, (end - start) as u64)?;
            for (place, sink) in chunked.iter().enumerate() {
                for (at, chunk) in numbers.iter().enumerate() {
                    chunks[*sink][*chunk] = (number, (place * numbers.len() + at) as u32);
                }
            }
            sent.push((number, outputs - 1));
        }
        let mut helpers = pieces.made;
        helpers.extend(description.over());
        Ok(Sent { programs: sent, chunks, helpers })
    }

    /// A node, or a part of it, is in these chunks.
    fn keep(
        &mut self,
        node: &Arc<Node>,
        start: Option<&Vec<usize>>,
        grid: &Chunked,
        chunks: Vec<(u32, u32)>,
    ) -> Result<(), Error> {
        let (layout, parts) = match start {
            None => (Layout::stretches(grid), chunks),
            Some(start) => {
                let (grids, parts) = self.joining.entry(Arc::as_ptr(node)).or_default();
                grids.push((start.clone(), grid.clone()));
                parts.extend(chunks);
                (Layout::Grids(grids.clone()), parts.clone())
            }
        };
        let standing = self.parts(node, layout, parts)?;
        self.standing.insert(Arc::as_ptr(node), standing);
        Ok(())
    }
}

/// The tasks of a pass.
struct Sent {
    /// Each program, and where its partial results are, if it has some: after all else.
    programs: Vec<(u32, u32)>,
    /// For each sink that leaves chunks, which program has which.
    chunks: Vec<Vec<(u32, u32)>>,
    /// Programs that are not needed when the tasks are done.
    helpers: Vec<u32>,
}

impl Sent {
    /// Fetches what is wanted here: partial results, and chunks that do not stay.
    fn gather(&self, programs: &mut Programs, pass: &Pass, gathered: &mut Gathered) -> Result<(), Error> {
        if pass.sinks.iter().any(|sink| sink.what.reduces()) {
            fetch(programs, &self.programs, |_| PARTIAL, &mut |_, bytes| {
                gathered.take(pass, Left::read(&mut &*bytes, &|_| None).map_err(unsendable)?);
                Ok(())
            })?;
        }
        for (at, sink) in pass.sinks.iter().enumerate() {
            if sink.what.reduces() || matches!(sink.what, What::Keep(_)) {
                continue;
            }
            let length = |chunk: usize| pass.grid.region(chunk).count() * sink.input.dtype.size();
            fetch(programs, &self.chunks[at], length, &mut |chunk, bytes| {
                // What a worker has written to a file has no bytes.
                if !bytes.is_empty() {
                    gathered.chunk(pass, at, chunk, bytes);
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// Bytes of chunks that a task leaves.
fn chunk_bytes(pass: &Pass, chunks: usize) -> u64 {
    let chunk: usize = pass.grid.chunk.iter().product();
    let left = pass.sinks.iter().filter(|sink| !sink.what.reduces());
    left.map(|sink| (chunk * chunks * sink.input.dtype.size()) as u64).sum()
}

/// How many tasks of a pass are one of Dask's: those of one stored chunk, about.
fn bundle(pass: &Pass, parts: &[Arc<Parts>]) -> usize {
    let stored = parts.iter().filter_map(|parts| match &**parts {
        Parts::Elsewhere { layout, .. } if layout.len() > 0 => Some(layout.region(0).count()),
        _ => None,
    });
    let own = pass.grid.chunk.iter().product::<usize>() * pass.group;
    (stored.max().unwrap_or(own) as f64 / own.max(1) as f64).round().max(1.0) as usize
}
