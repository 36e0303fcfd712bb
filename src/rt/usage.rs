//! What a cell used: wall and CPU time, peak memory, allocations. It reads counters before and after;
//! what is said of them is the kernel's business.

use std::fs;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::frame::Frame;

/// Fills in how often memory was allocated so far, and how many bytes.
type Read = extern "C" fn(&mut [u64; 2]);
/// Begins or ends counting.
type Switch = extern "C" fn(bool);

static COUNTER: OnceLock<(Read, Switch)> = OnceLock::new();
static COUNTING: AtomicBool = AtomicBool::new(false);

/// The kernel's `runner` verb can count allocations, and says here how.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_counts_allocations(read: Read, switch: Switch) {
    let _ = COUNTER.set((read, switch));
}

/// Counts the next cell's allocations, which costs each a nanosecond, or does not.
pub fn count(on: bool) {
    if let Some((_, switch)) = COUNTER.get() {
        switch(on);
        COUNTING.store(on, Ordering::Relaxed);
    }
}

/// The counters when a cell began.
pub struct Meter {
    start: Instant,
    cpu: u64,
    own: u64,
    /// The peak of memory began anew with this cell.
    reset: bool,
    allocations: Option<[u64; 2]>,
}

/// Before a cell, on its thread.
pub fn begin() -> Meter {
    Meter {
        reset: reset_peak(),
        allocations: allocations(),
        cpu: clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID),
        own: clock_ns(libc::CLOCK_THREAD_CPUTIME_ID),
        start: Instant::now(),
    }
}

impl Meter {
    /// After it, on the same thread.
    pub fn end(&self, threads: u32) -> Frame {
        let wall_ns = self.start.elapsed().as_nanos() as u64;
        let cpu_ns = clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID).saturating_sub(self.cpu);
        let own_ns = clock_ns(libc::CLOCK_THREAD_CPUTIME_ID).saturating_sub(self.own);
        let now = allocations();
        let peak = if self.reset { peak_since_reset() } else { None };
        Frame::Usage {
            wall_ns,
            cpu_ns,
            others_ns: cpu_ns.saturating_sub(own_ns),
            threads,
            peak_bytes: peak.unwrap_or_else(peak_of_process),
            whole_session: peak.is_none(),
            allocations: self
                .allocations
                .zip(now)
                .map(|(old, new)| (new[0].wrapping_sub(old[0]), new[1].wrapping_sub(old[1]))),
        }
    }
}

fn allocations() -> Option<[u64; 2]> {
    if !COUNTING.load(Ordering::Relaxed) {
        return None;
    }
    let mut counted = [0; 2];
    COUNTER.get()?.0(&mut counted);
    Some(counted)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for one timespec.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Makes `VmHWM` start from what is resident now (proc(5), `clear_refs`). Not every container
/// allows it.
fn reset_peak() -> bool {
    fs::OpenOptions::new().write(true).open("/proc/self/clear_refs").and_then(|mut f| f.write_all(b"5")).is_ok()
}

fn peak_since_reset() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib << 10)
}

fn peak_of_process() -> u64 {
    // SAFETY: an all-zero rusage is valid and filled by the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    usage.ru_maxrss as u64 * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_is_seen() {
        let meter = begin();
        let mut block = vec![1_u8; 64 << 20];
        std::hint::black_box(&mut block);
        let start = Instant::now();
        while start.elapsed().as_millis() < 20 {
            std::hint::spin_loop();
        }
        let Frame::Usage { wall_ns, cpu_ns, others_ns, threads, peak_bytes, whole_session, allocations } = meter.end(3)
        else {
            panic!("another frame")
        };
        assert!(wall_ns >= 20_000_000 && cpu_ns > 1_000_000 && others_ns <= cpu_ns, "{wall_ns} {cpu_ns} {others_ns}");
        assert!(peak_bytes >= 64 << 20, "{peak_bytes}");
        assert_eq!((threads, allocations), (3, None));
        drop(block);
        if !whole_session {
            let after = begin();
            let Frame::Usage { peak_bytes: smaller, .. } = after.end(3) else { panic!("another frame") };
            assert!(smaller < peak_bytes, "{smaller} after {peak_bytes}");
        }
    }
}
