//! Parts of an array that lie on workers: which program left each, and letting go of them.

use crate::cluster::bridge::{Link, unexpected};
use crate::cluster::open::{Inner, when_the_cell_succeeds};
use crate::cluster::protocol::{Answer, Request, Source};
use crate::executor::Error;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Parts of an array, in the order of its layout.
pub(super) struct Held {
    pub(super) cluster: Arc<Inner>,
    /// The computation that made them.
    pub(super) run: Arc<str>,
    /// For each part the program that left it, and which of its values it is.
    pub(super) parts: Vec<(u32, u32)>,
    /// They stay when the computation has ended, until nobody needs them.
    pub(super) stays: AtomicBool,
}

impl Held {
    /// A program's result, as another one of this computation or of a later one names it.
    pub(super) fn source(&self, run: &str, program: u32) -> Source {
        match &*self.run == run {
            true => Source::Program(program),
            false => Source::Key(self.key(program)),
        }
    }

    pub(super) fn key(&self, program: u32) -> String {
        format!("{}-{program}", self.run)
    }

    /// Nobody needs it any more.
    pub(super) fn release(&self) -> Request {
        let keys = self.programs().into_iter().map(|program| self.key(program)).collect();
        Request::Release { cluster: self.cluster.id.clone(), keys, cancel: false }
    }

    /// The programs that left something of it.
    pub(super) fn programs(&self) -> Vec<u32> {
        let mut programs: Vec<u32> = self.parts.iter().map(|(program, _)| *program).collect();
        programs.sort_unstable();
        programs.dedup();
        programs
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.stays.load(Ordering::Relaxed) {
            when_the_cell_succeeds(self.release());
        }
    }
}

/// Takes a value: which one, and its bytes.
pub(super) type Take<'a> = &'a mut dyn FnMut(usize, &[u8]) -> Result<(), Error>;

/// Fetches the parts of an array that an earlier computation has left, of which each is about so long.
pub(super) fn fetch_kept(
    held: &Held,
    length: impl Fn(usize) -> usize,
    most: usize,
    take: Take<'_>,
) -> Result<(), Error> {
    by_size(held.parts.len(), most, &length, &mut |range| {
        let parts = held.parts[range.clone()].iter().map(|(program, slot)| (held.key(*program), *slot)).collect();
        let request = Request::Gather { cluster: held.cluster.id.clone(), parts };
        match Link::open()?.request(&request, &[], &mut |_| ())? {
            (Answer::Values { values }, bytes) => {
                let lengths: Vec<usize> = values.into_iter().map(|(length, _)| length).collect();
                each(range, &lengths, &bytes, take)
            }
            (other, _) => Err(unexpected(&other)),
        }
    })
}

/// Ranges of things whose lengths together are about so much, or of one that is longer.
pub(super) fn by_size(
    count: usize,
    most: usize,
    length: &dyn Fn(usize) -> usize,
    take: &mut dyn FnMut(Range<usize>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut start = 0;
    while start < count {
        let (mut end, mut sum) = (start, 0);
        while end < count && (end == start || sum + length(end) <= most) {
            sum += length(end);
            end += 1;
        }
        take(start..end)?;
        start = end;
    }
    Ok(())
}

/// Takes bytes apart that came together.
pub(super) fn each(range: Range<usize>, lengths: &[usize], bytes: &[u8], take: Take<'_>) -> Result<(), Error> {
    let mut rest = bytes;
    for (at, length) in range.zip(lengths) {
        let (own, more) = rest.split_at_checked(*length).ok_or_else(|| Error::lost("results came incomplete"))?;
        take(at, own)?;
        rest = more;
    }
    Ok(())
}
