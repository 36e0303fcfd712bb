//! What the threads of this process do: the time that each had a processor, memory, and what was read and written. It
//! reads what the system counts anyway, so that loops are no slower for it.

use super::frame::{Frame, Memory, Share};
use super::{Probe, TICK};
use crate::rt;
use std::collections::HashMap;
use std::fs;
use std::time::Instant;

/// Lanes; of more threads, several are one.
const MOST: usize = 32;

/// Looks at this process.
pub(crate) struct OfThreads {
    looked: Instant,
    /// Seconds of processor time that each thread had, by its number in the system.
    spent: HashMap<i32, f64>,
    /// Bytes read and written before somebody watched.
    before: Option<(u64, u64)>,
}

impl OfThreads {
    pub(crate) fn new() -> Self {
        Self { looked: Instant::now(), spent: HashMap::new(), before: None }
    }

    /// The threads, and what each did since the last look.
    fn shares(&mut self, seconds: f64) -> Vec<Share> {
        let mut threads = rt::pool_threads();
        threads.sort_unstable();
        let named = threads.iter().map(|(index, id)| (format!("thread {index}"), *id));
        // Loops run on the thread of the cell, too.
        let all: Vec<(String, i32)> =
            std::iter::once(("cell".to_owned(), std::process::id() as i32)).chain(named).collect();
        let mut spent = HashMap::with_capacity(all.len());
        let mut shares = Vec::with_capacity(all.len());
        for (name, id) in all {
            let now = processor_time(id);
            // One that has just been made has done nothing before.
            let before = self.spent.get(&id).copied().unwrap_or(if self.spent.is_empty() { now } else { 0.0 });
            spent.insert(id, now);
            let computing = ((now - before) / seconds.max(1e-9)).clamp(0.0, 1.0);
            shares.push(Share { name, computing, ..Share::default() });
        }
        self.spent = spent;
        shares
    }
}

impl Probe for OfThreads {
    fn begin(&mut self) {
        self.spent.clear();
        let _ = self.shares(0.0);
        self.looked = Instant::now();
        self.before = self.before.or_else(moved);
    }

    fn look(&mut self, last: bool) -> Result<Option<Frame>, String> {
        let elapsed = self.looked.elapsed();
        if elapsed < TICK && !last {
            return Ok(None);
        }
        let seconds = elapsed.as_secs_f64();
        self.looked = Instant::now();
        let shares = self.shares(seconds);
        let threads = shares.len() - 1;
        let each = shares.len().div_ceil(MOST);
        let moved = moved().zip(self.before);
        let (read, written) = moved.map_or((0, 0), |(now, before)| (now.0 - before.0, now.1 - before.1));
        Ok(Some(Frame {
            seconds,
            place: format!("{threads} thread{}", if threads == 1 { "" } else { "s" }),
            lanes: folded(shares, each),
            lanes_are: if each > 1 { format!("a lane is {each} threads") } else { String::new() },
            memory: vec![memory()],
            memory_is: String::new(),
            moved: vec![("read from disks", read), ("written to disks", written)],
            states: Vec::new(),
        }))
    }

    fn rest(&mut self) {}
}

/// Lanes of so many threads each.
fn folded(shares: Vec<Share>, each: usize) -> Vec<Share> {
    if each <= 1 {
        return shares;
    }
    let mean = |group: &[Share]| {
        let computing = group.iter().map(|share| share.computing).sum::<f64>() / group.len() as f64;
        let name = format!("{} to {}", group[0].name, group[group.len() - 1].name);
        Share { name, computing, ..Share::default() }
    };
    shares.chunks(each).map(mean).collect()
}

/// Seconds that a thread of this process had a processor; 0 of one that has ended.
fn processor_time(thread: i32) -> f64 {
    // The clock of a thread, as the system's own library makes its number: pthread_getcpuclockid wants a handle that other threads
    // have not.
    let clock = (!thread << 3) | 6;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for one timespec; a clock that does not exist is an error, and leaves it as it is.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// This process's memory.
fn memory() -> Memory {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().ok())
            .unwrap_or(0)
            << 10
    };
    let (own, mapped) = (field("RssAnon"), field("RssFile") + field("RssShmem"));
    let limit = rt::memory_available().map_or(0, |free| free + own);
    Memory { name: "this process".to_owned(), managed: own, unmanaged: mapped, spilled: field("VmSwap"), limit }
}

/// Bytes that this process read from disks and wrote to them; where the system counts them.
fn moved() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/self/io").ok()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    Some((field("read_bytes:")?, field("write_bytes:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_is_seen_computing() {
        let mut probe = OfThreads::new();
        probe.begin();
        let begun = Instant::now();
        // The first thread of this process waits for this test, so the clock of this very thread is looked at.
        // SAFETY: a plain query.
        let own = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
        let before = processor_time(own);
        while begun.elapsed().as_millis() < 60 {
            std::hint::spin_loop();
        }
        assert!(processor_time(own) - before > 0.005);
        assert_eq!(processor_time(i32::MAX >> 4), 0.0);
        let frame = probe.look(true).unwrap().unwrap();
        assert!(frame.seconds >= 0.06 && frame.memory[0].managed > 0 && frame.lanes[0].name == "cell");
    }

    #[test]
    fn many_threads_are_folded() {
        let shares: Vec<Share> =
            (0..129).map(|i| Share { name: format!("thread {i}"), computing: 0.5, ..Share::default() }).collect();
        let lanes = folded(shares, 129usize.div_ceil(MOST));
        assert!(lanes.len() <= MOST && lanes[0].name == "thread 0 to thread 4" && lanes[0].computing == 0.5);
    }
}
