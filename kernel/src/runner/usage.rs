//! What a run took, as the runner measured it. It is not measured here.

use std::time::Duration;

/// Resources of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Wall time of the cell's code.
    pub wall: Duration,
    /// CPU time of all threads.
    pub cpu: Duration,
    /// Threads of the pool.
    pub threads: u32,
    /// The part of it that threads other than the cell's own took.
    pub others: Duration,
    /// Peak resident memory, bytes.
    pub peak: u64,
    /// True when the peak is that of the session so far.
    pub whole_session: bool,
    /// How often memory was allocated, and how many bytes; none when that is not counted.
    pub allocations: Option<(u64, u64)>,
}

impl Usage {
    /// Of two runs, one after the other.
    pub fn after(self, before: &Self) -> Self {
        let both = |(n, bytes): (u64, u64)| before.allocations.map_or((n, bytes), |(m, more)| (n + m, bytes + more));
        Self {
            wall: before.wall + self.wall,
            cpu: before.cpu + self.cpu,
            others: before.others + self.others,
            peak: before.peak.max(self.peak),
            allocations: self.allocations.map(both),
            ..self
        }
    }
}
