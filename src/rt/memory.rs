//! How much memory there is and how much this process has: what decides about a snapshot and about
//! keeping what a cell frees; and giving back what malloc holds free.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So much more memory than after the last time, and malloc is asked for what it holds free.
const GROWN: u64 = 8 << 20;
/// Asking may take so long for nothing; after that it waits for twice the growth.
const LONG: Duration = Duration::from_millis(5);

/// Bytes of this process that are in memory.
pub(super) fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|s| s.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * page() as u64
}

/// Before a fork: gives whole pages that malloc holds free back to the system. The next cell's first write to such a page
/// is a fault in any case, and what is there need not be copied (measured: two threads that fill 400,000 vectors take 1.1 instead of 1.6 times
/// as long as in a program). Nothing is done while the process has not grown.
#[cfg(target_env = "gnu")]
pub(super) fn give_back() {
    static RESIDENT: AtomicU64 = AtomicU64::new(0);
    static ENOUGH: AtomicU64 = AtomicU64::new(GROWN);
    let (before, enough) = (resident(), ENOUGH.load(Ordering::Relaxed));
    if before < RESIDENT.load(Ordering::Relaxed).saturating_add(enough) {
        // It may have shrunk, too.
        RESIDENT.fetch_min(before, Ordering::Relaxed);
        return;
    }
    let begun = Instant::now();
    // SAFETY: glibc's own, which locks what it looks at.
    unsafe { libc::malloc_trim(0) };
    let (took, after) = (begun.elapsed(), resident());
    RESIDENT.store(after, Ordering::Relaxed);
    let in_vain = took > LONG && before.saturating_sub(after) < GROWN;
    ENOUGH.store(if in_vain { enough.saturating_mul(2) } else { GROWN }, Ordering::Relaxed);
}

/// Other C libraries give back what is free by themselves.
#[cfg(not(target_env = "gnu"))]
pub(super) fn give_back() {}

/// Bytes of a page.
pub(super) fn page() -> usize {
    // SAFETY: a plain query.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1) as usize
}

/// Memory free for us: of the machine, and of the control group when that has a limit.
pub(super) fn available() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let machine = line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10;
    Some(group_free().map_or(machine, |group| machine.min(group)))
}

fn group_free() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let number = |path: String| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let (folder, limit, used) = match controllers {
            "" => (format!("/sys/fs/cgroup{path}"), "memory.max", "memory.current"),
            "memory" => (format!("/sys/fs/cgroup/memory{path}"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
            _ => return None,
        };
        Some(number(format!("{folder}/{limit}"))?.saturating_sub(number(format!("{folder}/{used}"))?))
    })
}

/// The words of a stretch of this process's memory, as far as there is memory.
pub(super) fn words(address: usize, length: usize) -> Vec<usize> {
    let mut words = vec![0_usize; length / size_of::<usize>()];
    let bytes = words.len() * size_of::<usize>();
    let here = libc::iovec { iov_base: words.as_mut_ptr().cast(), iov_len: bytes };
    let there = libc::iovec { iov_base: std::ptr::without_provenance_mut(address), iov_len: bytes };
    // SAFETY: the system writes to `words` what it can read at the address, or fails.
    let read = unsafe { libc::process_vm_readv(std::process::id() as i32, &here, 1, &there, 1, 0) };
    words.truncate(read.max(0) as usize / size_of::<usize>());
    words
}
