//! Some tasks of a pass where results lie apart: what they leave, and that as bytes. What is left of a reduction is merged as far as
//! neighbours are there.

use super::buffer::Buffer;
use super::element::DType;
use super::merge::{At, Merging};
use super::npy::{Target, TargetAt};
use super::plan::{Pass, What};
use super::program::{From, Program, compile};
use super::reduce::Part;
use super::run::{Goal, Left, run_task};
use super::shape::Region;
use super::tiles::needed;
use crate::value::Fault;
use std::ops::Range;

/// Tasks after which neighbours are merged.
const MERGED: usize = 16;

/// A pass, ready to run.
pub(crate) struct Ready {
    pub(crate) pass: Pass,
    program: Program,
    /// Files that sinks write to, where they are to be seen from here.
    files: Vec<Option<TargetAt>>,
}

/// What tasks leave.
#[derive(Default)]
pub(crate) struct Work {
    /// Of each sink that reduces.
    pub(crate) parts: Vec<(usize, At, Part)>,
    /// Chunks of a sink: which sink, which chunk, its elements.
    pub(crate) chunks: Vec<(usize, usize, Buffer)>,
}

impl Ready {
    pub(crate) fn new(pass: Pass, files: Vec<Option<TargetAt>>) -> Self {
        let inputs: Vec<_> = pass.sinks.iter().map(|sink| std::sync::Arc::clone(&sink.input)).collect();
        let program = compile(&inputs, &|_| None);
        Self { pass, program, files }
    }

    /// Runs tasks; `over` is called after each, and says when nobody wants them any more.
    ///
    /// # Errors
    /// When a file cannot be written.
    ///
    /// # Panics
    /// When a closure does.
    pub(crate) fn run(&self, tasks: Range<usize>, over: &mut dyn FnMut() -> bool) -> Result<Work, String> {
        let open = |target: &Option<TargetAt>| target.as_ref().and_then(TargetAt::open);
        let files: Vec<Option<Target>> = self.files.iter().map(open).collect();
        let goals: Vec<Goal<'_>> = files.iter().map(|file| file.as_ref().map_or(Goal::Chunk, Goal::File)).collect();
        let mut merging: Vec<Merging> = self.pass.sinks.iter().map(|_| Merging::default()).collect();
        let mut work = Work::default();
        let (start, end) = (tasks.start, tasks.end);
        for task in tasks {
            for (sink, left) in run_task(&self.pass, &self.program, &goals, task).into_iter().enumerate() {
                match left {
                    Left::Elements(chunks) => {
                        work.chunks.extend(chunks.into_iter().map(|(number, elements)| (sink, number, elements)));
                    }
                    left => merging[sink].keep(&self.pass, task, left),
                }
            }
            if over() {
                return Ok(work);
            }
            if (task - start) % MERGED == MERGED - 1 || task + 1 == end {
                self.merge(&mut merging);
            }
        }
        for (sink, merging) in merging.into_iter().enumerate() {
            work.parts.extend(merging.into_parts().map(|(at, part)| (sink, at, part)));
        }
        for file in files.iter().flatten() {
            file.settled().map_err(|e| format!("{} cannot be written: {e}", file.path().display()))?;
        }
        Ok(work)
    }

    fn merge(&self, merging: &mut [Merging]) {
        for (sink, merging) in self.pass.sinks.iter().zip(merging) {
            if let What::Reduce { reduction, .. } = &sink.what {
                merging.merge_neighbours(reduction.as_ref());
            }
        }
    }

    /// The regions that tasks need of arrays that lie elsewhere: which array, and what of it.
    pub(crate) fn needs(
        &self,
        tasks: Range<usize>,
        slot: &dyn Fn(&super::parts::Parts) -> usize,
    ) -> Vec<(usize, Region)> {
        let mut found: Vec<(usize, Region)> = Vec::new();
        for load in &self.program.loads {
            let From::Parts(parts) = &load.from else { continue };
            let slot = slot(parts);
            for task in tasks.clone() {
                for number in self.pass.chunks(task) {
                    let own = self.pass.grid.region(number);
                    if own.count() == 0 {
                        continue;
                    }
                    let (region, _) = needed(&load.numbers, &own);
                    if !found.iter().any(|known| known.0 == slot && known.1 == region) {
                        found.push((slot, region));
                    }
                }
            }
        }
        found
    }

    /// Bytes that a task has in memory besides what it reads and leaves.
    pub(crate) fn own_bytes(&self) -> u64 {
        super::explain::thread_bytes(&self.pass, &self.program)
    }
}

impl Work {
    /// As bytes, beginning with how many there are.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        put(out, [0, self.parts.len() as u64]);
        for (sink, at, part) in &self.parts {
            let At { place, height, index } = *at;
            put(
                out,
                [*sink as u64, place as u64, u64::from(height), index as u64, part.n as u64, part.words.len() as u64],
            );
            put(out, part.words.iter().copied());
        }
        put(out, [self.chunks.len() as u64]);
        for (sink, number, elements) in &self.chunks {
            let bytes = elements.bytes();
            put(out, [*sink as u64, *number as u64, bytes.len() as u64]);
            out.extend_from_slice(bytes);
        }
        let length = (out.len() - start) as u64;
        out[start..start + 8].copy_from_slice(&length.to_le_bytes());
    }

    /// Reads what was written off the front of bytes; `dtype` says what chunks of a sink are of.
    pub(crate) fn read(bytes: &mut &[u8], dtype: &dyn Fn(usize) -> Option<DType>) -> Result<Self, Fault> {
        let short = || Fault::new("what a task left ends early");
        let length = number(bytes)? as usize;
        let (own, rest) = bytes.split_at_checked(length.checked_sub(8).ok_or_else(short)?).ok_or_else(short)?;
        *bytes = rest;
        let mut own = own;
        let mut work = Self::default();
        for _ in 0..number(&mut own)? {
            let [sink, place, height, index, n, count] = numbers(&mut own)?;
            let at = At { place: place as usize, height: height as u32, index: index as usize };
            let (words, rest) =
                own.split_at_checked((count as usize).checked_mul(8).ok_or_else(short)?).ok_or_else(short)?;
            own = rest;
            let words = words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
            work.parts.push((sink as usize, at, Part { words, n: n as usize }));
        }
        for _ in 0..number(&mut own)? {
            let [sink, chunk, length] = numbers(&mut own)?;
            let (elements, rest) = own.split_at_checked(length as usize).ok_or_else(short)?;
            own = rest;
            let dtype = dtype(sink as usize).ok_or_else(|| Fault::new("a chunk of no known array"))?;
            work.chunks.push((sink as usize, chunk as usize, Buffer::of_bytes(elements, dtype)));
        }
        Ok(work)
    }
}

fn put(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u64>) {
    numbers.into_iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

fn number(bytes: &mut &[u8]) -> Result<u64, Fault> {
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| Fault::new("what a task left ends early"))?;
    *bytes = rest;
    Ok(u64::from_le_bytes(*number))
}

fn numbers<const N: usize>(bytes: &mut &[u8]) -> Result<[u64; N], Fault> {
    let mut all = [0; N];
    for one in &mut all {
        *one = number(bytes)?;
    }
    Ok(all)
}
