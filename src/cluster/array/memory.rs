//! What a cluster's workers have: threads, and memory for each; how arrays are cut there, and whether a task fits, which is asked before
//! anything runs.

use crate::array::node::Node;
use crate::array::plan::Apart;
use crate::cluster::Cluster;
use crate::executor::Error;
use ferrolab_base::text::bytes;

/// Threads that are assumed while there is no worker yet.
const ASSUMED: usize = 4;
/// Bytes of a chunk that nobody chose: at most, and of a thread's memory at most a part.
const CHUNK: u64 = 64 << 20;
const PART: u64 = 16;
/// Chunks that a thread has of an array, at least, when there are elements for them.
const EACH: usize = 4;
/// What tasks and what is kept may take of a worker's memory.
const SHARE: f64 = 0.6;

/// The workers of a cluster, at one moment.
#[derive(Debug, Default)]
pub(super) struct Workers {
    pub(super) threads: usize,
    /// Bytes that a thread of the worker with the least has; `None` when no worker has a limit, or there is none.
    thread: Option<u64>,
    /// Bytes of all of them; likewise.
    all: Option<u64>,
}

impl Workers {
    pub(super) fn of(cluster: &Cluster) -> Result<Self, Error> {
        let status = cluster.status()?;
        let limits = status.limits();
        let thread = limits.iter().map(|(threads, memory)| memory / (*threads).max(1) as u64).min();
        let all = (!limits.is_empty()).then(|| limits.iter().map(|(_, memory)| memory).sum());
        Ok(Self { threads: status.threads(), thread, all })
    }

    /// Threads of all workers; some when there are none yet.
    pub(super) fn threads(&self) -> usize {
        if self.threads == 0 { ASSUMED } else { self.threads }
    }

    /// How results that stay are cut.
    pub(super) fn apart(&self, wanted: bool) -> Apart {
        let bytes = self.thread.map_or(CHUNK, |thread| (thread / PART).clamp(1 << 20, CHUNK));
        Apart { bytes: bytes as usize, least: EACH * self.threads(), wanted }
    }

    /// Bytes that a task may take.
    pub(super) fn for_task(&self) -> Option<u64> {
        self.thread.map(|thread| (thread as f64 * SHARE) as u64)
    }

    /// Does a task fit that takes so many bytes, for so many elements?
    ///
    /// # Errors
    /// When it does not: with the operation, and chunks that would.
    pub(super) fn affords_task(&self, node: &Node, takes: u64, chunk: &[usize]) -> Result<(), Error> {
        let Some(most) = self.for_task().filter(|most| takes > *most) else { return Ok(()) };
        let elements: usize = chunk.iter().product();
        let fitting = (elements as f64 * most as f64 / takes as f64) as usize;
        Err(Error::refused(format!(
            "{} ({}): a task with chunks of {chunk:?} would take {} of memory, and a worker's thread may take {} ({} of its \
             memory for each): {}",
            node.name(),
            node.line(),
            bytes(takes),
            bytes(most),
            percent(SHARE),
            match fitting {
                0 => "workers need more memory".to_owned(),
                _ => format!("`.rechunk(…)` into chunks of at most {fitting} elements, or workers with more memory"),
            }
        )))
    }

    /// Do results fit that stay on the workers?
    ///
    /// # Errors
    /// When all workers together have not so much memory.
    pub(super) fn affords_all(&self, node: &Node, takes: u64) -> Result<(), Error> {
        let Some(all) = self.all.map(|all| (all as f64 * SHARE) as u64).filter(|all| takes > *all) else {
            return Ok(());
        };
        Err(Error::refused(format!(
            "{} ({}) of shape {:?} would keep {} on the workers, and {} of theirs may be taken ({} of all): persist a part of it \
             (`.slice(s![..])`), reduce it, write it to a file (`.to_npy(path)`), or ask for more workers",
            node.name(),
            node.line(),
            node.shape,
            bytes(takes),
            bytes(all),
            percent(SHARE)
        )))
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
