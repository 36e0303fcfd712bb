//! How much memory there is and how much this process has: what decides about a snapshot and about
//! keeping what a cell frees; and what malloc holds free when a copy is made.

use super::job::Granted;
use std::ffi::CStr;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So much more memory than after the last time, and malloc is asked for what it holds free.
const GROWN: u64 = 8 << 20;
/// Less than this is not worth two calls.
const WORTH: usize = 1 << 20;
/// More than this goes back to the system.
const MUCH: usize = 256 << 20;
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

/// What malloc holds free before a fork, and how it is kept from being copied. The next cell will write to that memory again, and a
/// page that a copy shares costs a fault and a copy at its first write, for nothing: nobody reads what is free.
///
/// In a process with one thread most of it is the end of malloc's first arena. That is left out of the copy, which gets empty
/// pages there, and stays as it is here, as in a program. Elsewhere whole pages are given back to the system, so that a first write
/// is a fault in any case, but nothing is copied. docs/decisions.md has the figures.
#[derive(Debug, Default)]
pub(super) struct Unused {
    /// Where the free end of the first arena begins, and its size.
    end: (usize, usize),
    /// Its whole pages, which the copy is made without.
    left_out: Range<usize>,
}

impl Unused {
    /// Looks, just before a fork: nothing may be allocated in between. Nothing is done while the process has not grown.
    #[cfg(target_env = "gnu")]
    pub(super) fn before_fork() -> Self {
        static RESIDENT: AtomicU64 = AtomicU64::new(0);
        static ENOUGH: AtomicU64 = AtomicU64::new(GROWN);
        let (before, enough) = (resident(), ENOUGH.load(Ordering::Relaxed));
        if before < RESIDENT.load(Ordering::Relaxed).saturating_add(enough) {
            // It may have shrunk, too.
            RESIDENT.fetch_min(before, Ordering::Relaxed);
            return Self::default();
        }
        let begun = Instant::now();
        let mut end = free_end().unwrap_or_default();
        // Malloc counts all pieces that it holds free. A fault that does not come saves a microsecond.
        let saved = Duration::from_micros((end.1 / page()) as u64);
        if begun.elapsed() > saved.max(LONG) {
            ENOUGH.store(enough.saturating_mul(2), Ordering::Relaxed);
        }
        let is_elsewhere =
            before.saturating_sub(end.1 as u64) >= RESIDENT.load(Ordering::Relaxed).saturating_add(enough);
        if is_elsewhere || end.1 > MUCH {
            let kept = if end.1 > MUCH { 0 } else { end.1 };
            // SAFETY: glibc's own, which locks what it looks at.
            unsafe { libc::malloc_trim(kept) };
            let (took, after) = (begun.elapsed(), resident());
            // Last, since the other questions allocate.
            end = free_end().unwrap_or_default();
            let after = after.saturating_sub(end.1 as u64);
            RESIDENT.store(after, Ordering::Relaxed);
            let in_vain = took > LONG && before.saturating_sub(after) < GROWN;
            ENOUGH.store(if in_vain { enough.saturating_mul(2) } else { GROWN }, Ordering::Relaxed);
        }
        if end.1 < WORTH {
            return Self::default();
        }
        let left_out = (end.0 + HEAD).next_multiple_of(page())..end.0 + end.1;
        if advise(&left_out, libc::MADV_DONTFORK) { Self { end, left_out } } else { Self::default() }
    }

    /// Other C libraries give back what is free by themselves.
    #[cfg(not(target_env = "gnu"))]
    pub(super) fn before_fork() -> Self {
        Self::default()
    }

    /// After the fork, in the process that goes on.
    pub(super) fn after_fork(self) {
        if !self.left_out.is_empty() {
            advise(&self.left_out, libc::MADV_DOFORK);
        }
    }

    /// In the copy, before it allocates anything: makes it whole. False when that is not possible.
    pub(super) fn in_copy(self) -> bool {
        if self.left_out.is_empty() {
            return true;
        }
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let start = ptr::without_provenance_mut(self.left_out.start);
        let (end, free) = self.end;
        // SAFETY: the pages are not there in this process, and nothing is in them: malloc holds them free, which the word
        // still says that was read at this address before the fork. A handler of the fork's may have allocated.
        unsafe {
            libc::mmap(start, self.left_out.len(), rights, flags, -1, 0) == start
                && ptr::without_provenance::<usize>(end).add(1).read_volatile() == free | BEFORE_IS_USED
        }
    }
}

/// The lowest bit of the size of a piece of malloc's: what is before it is in use. The end of the first arena has no other.
const BEFORE_IS_USED: usize = 1;
/// A block so large is none of malloc's small sizes.
const PUTS_TOGETHER: usize = 4 << 10;
/// Bytes at the beginning of a free piece that malloc itself uses.
const HEAD: usize = 4 * size_of::<usize>();

/// Where the free end of malloc's first arena begins, and its size, when no other thread might take some of it meanwhile. glibc before
/// 2.33 does not say.
#[cfg(target_env = "gnu")]
fn free_end() -> Option<(usize, usize)> {
    let symbol = |name: &CStr| {
        // SAFETY: asks for a symbol by a valid name.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        (!found.is_null()).then_some(found)
    };
    let (alone, ask) = (symbol(c"__libc_single_threaded")?, symbol(c"mallinfo2")?);
    // SAFETY: glibc's own variable, one byte.
    if unsafe { alone.cast::<u8>().read_volatile() } == 0 {
        return None;
    }
    // SAFETY: glibc's function of that name has this signature.
    let ask: extern "C" fn() -> libc::mallinfo2 = unsafe { std::mem::transmute(ask) };
    // SAFETY: a block that is given back at once. Its size makes malloc put small free pieces together before it looks for one.
    unsafe { libc::free(libc::malloc(PUTS_TOGETHER)) };
    let free = ask().keepcost;
    // SAFETY: a query.
    let end = (unsafe { libc::sbrk(0) } as usize).checked_sub(free)?;
    // What somebody else has got by `sbrk` may be there instead.
    (words(end + size_of::<usize>(), size_of::<usize>()) == [free | BEFORE_IS_USED]).then_some((end, free))
}

fn advise(range: &Range<usize>, advice: i32) -> bool {
    // SAFETY: it changes what a fork does with the pages, not what is in them.
    unsafe { libc::madvise(ptr::without_provenance_mut(range.start), range.len(), advice) == 0 }
}

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
