//! How much memory there is and how much this process has: what decides about a snapshot and about
//! keeping what a cell frees; and giving back what malloc holds free.

use super::job::Granted;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So much more memory than after the last time, and malloc is asked for what it holds free.
const GROWN: u64 = 8 << 20;
/// Asking may take so long for nothing; after that it waits for twice the growth.
const LONG: Duration = Duration::from_millis(5);

/// The first generation of control groups has a number where there is no limit.
const UNLIMITED: u64 = 1 << 60;

/// Bytes of this process that are in memory.
pub(super) fn resident() -> u64 {
    resident_of(Path::new("/proc/self"))
}

/// The same of a process, by its folder; 0 when it is gone.
pub(super) fn resident_of(process: &Path) -> u64 {
    let text = fs::read_to_string(process.join("statm")).ok();
    let pages = text.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
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

/// Memory free for us: of the machine, and of the control group when that has a limit, else of the batch job.
pub(super) fn available() -> Option<u64> {
    let machine = of_machine()?;
    let of_job = || Granted::here().map(|job| job.free());
    Some(group_free(Path::new("/")).or_else(of_job).map_or(machine, |free| machine.min(free)))
}

/// The batch job that counts our memory, process by process: one that no control group holds.
pub(super) fn counted_by() -> Option<Granted> {
    Granted::here().filter(|_| group_free(Path::new("/")).is_none())
}

fn of_machine() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}

/// The least that is free in this process's group and those above it: a batch system limits a job, and its tasks are
/// groups in it. `root` stands for `/`.
fn group_free(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let of = |line: &str| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let (mount, limit, used) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max", "memory.current"),
            "memory" => ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
            _ => return None,
        };
        let mount = root.join(mount);
        let group = mount.join(path.trim_start_matches('/'));
        let free = |folder: &Path| {
            let limit = number(folder.join(limit)).filter(|limit| *limit < UNLIMITED)?;
            Some(limit.saturating_sub(number(folder.join(used))?))
        };
        group.ancestors().take_while(|folder| folder.starts_with(&mount)).filter_map(free).min()
    };
    groups.lines().filter_map(of).min()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_group_above_counts() {
        let root = std::env::temp_dir().join(format!("ferrolab-groups-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("proc/self/cgroup", "0::/job_7/step_0/task\n");
        for group in ["job_7/step_0/task", "job_7/step_0"] {
            write(&format!("sys/fs/cgroup/{group}/memory.max"), "max\n");
            write(&format!("sys/fs/cgroup/{group}/memory.current"), "100\n");
        }
        assert_eq!(group_free(&root), None);
        write("sys/fs/cgroup/job_7/memory.max", "1000\n");
        write("sys/fs/cgroup/job_7/memory.current", "300\n");
        assert_eq!(group_free(&root), Some(700));
        write("proc/self/cgroup", "5:memory:/slurm\n");
        write("sys/fs/cgroup/memory/slurm/memory.limit_in_bytes", "9223372036854771712\n");
        write("sys/fs/cgroup/memory/slurm/memory.usage_in_bytes", "5\n");
        assert_eq!(group_free(&root), None, "its number for no limit");
        fs::remove_dir_all(&root).unwrap();
    }
}
