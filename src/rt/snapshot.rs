//! Snapshots: a forked copy of the runner that sleeps with the variables as they were, and takes
//! over when the running process ends without having said that all is well. Also the
//! memory figures that decide about a snapshot.

use std::fs;
use std::io::{self, Write};

use super::{Interrupted, channel, signals};

/// Below this size a snapshot is always taken: its pages cannot matter.
const ALWAYS: u64 = 256 << 20;

/// The sleeping copy, held by the running process. Dropping it tells the copy to end.
pub struct Snapshot {
    pid: i32,
    wake: i32,
}

/// Both sides of the fork.
pub enum Forked {
    /// This process goes on; the copy sleeps.
    Running(Snapshot),
    /// This is the copy, and it has been woken: the running process is gone.
    Restored,
}

/// Forks. Returns in the running process at once, in the copy only when it must take over.
///
/// # Errors
/// A sentence saying why no snapshot was taken.
pub fn take() -> Result<Forked, String> {
    affordable()?;
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(format!("no pipe: {}", io::Error::last_os_error()));
    }
    let [sleep, wake] = ends;
    // No other thread may be in the middle of a frame or of a print when we fork.
    let _stdout = io::stdout().lock();
    let held = channel::get().map(channel::Channel::hold);
    // SAFETY: the child runs Rust code, as this runner's only thread. Pool threads are parked and
    // are replaced; glibc makes its allocator usable in the child; our own locks are held here.
    let pid = unsafe { libc::fork() };
    drop(held);
    match pid {
        -1 => {
            let error = io::Error::last_os_error();
            close(sleep);
            close(wake);
            Err(format!("fork failed ({error}); there may be too little memory or too many processes"))
        }
        0 => {
            close(wake);
            wait(sleep);
            close(sleep);
            Ok(Forked::Restored)
        }
        pid => {
            close(sleep);
            Ok(Forked::Running(Snapshot { pid, wake }))
        }
    }
}

/// Sleeps until the running process ends (returns) or discards this copy (exits).
fn wait(sleep: i32) {
    let mut byte = 0_u8;
    loop {
        // SAFETY: one byte of room. read(2) itself, since the runner's stdin is interposed.
        let n = unsafe { libc::syscall(libc::SYS_read, sleep, &raw mut byte, 1) };
        match n {
            // SAFETY: ends this copy; it owns nothing that anybody waits for.
            1 => unsafe { libc::_exit(0) },
            0 => return,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            // SAFETY: as above; without its pipe the copy could never be woken.
            _ => unsafe { libc::_exit(1) },
        }
    }
}

fn close(descriptor: i32) {
    // SAFETY: a descriptor this file opened, closed once.
    unsafe { libc::close(descriptor) };
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // SAFETY: our own pipe end and our own child, both given up here.
        unsafe {
            libc::write(self.wake, [b'q'].as_ptr().cast(), 1);
            libc::close(self.wake);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}

/// Would a full copy of this process still fit?
fn affordable() -> Result<(), String> {
    let resident = resident_bytes();
    if resident < ALWAYS {
        return Ok(());
    }
    let Some(free) = available_bytes() else { return Ok(()) };
    if resident < free {
        return Ok(());
    }
    Err(format!(
        "the variables take {} MB and only {} MB are free, so a copy might not fit; if this cell fails, what it changed stays changed",
        resident >> 20,
        free >> 20
    ))
}

fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|s| s.split(' ').nth(1)?.parse::<u64>().ok());
    // SAFETY: a plain query.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1) as u64;
    pages.unwrap_or(0) * page
}

/// Memory free for us: of the machine, and of the control group when that has a limit.
fn available_bytes() -> Option<u64> {
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

/// What the kernel binary's `read` hands a cell that reads standard input: bytes of the line the
/// user typed. Returns the number of bytes, 0 at end of input, -1 with `ECANCELED` from an
/// interrupt to the end of the cell: unwinding must not cross the C functions in between, so the
/// cell sees an error, and is interrupted whatever it makes of it.
///
/// # Safety
/// `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrolab_rt_stdin(buffer: *mut u8, length: usize) -> isize {
    static REST: std::sync::Mutex<Vec<u8>> = std::sync::Mutex::new(Vec::new());
    let Some(channel) = channel::get() else { return 0 };
    let mut rest = REST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if rest.is_empty() {
        let _ = io::stdout().flush();
        let answer = if signals::stopped_reading() { Err(Interrupted) } else { channel.input("", false) };
        match answer {
            Ok(text) => *rest = text.into_bytes(),
            Err(Interrupted) => {
                signals::stop_reading();
                // SAFETY: this thread's errno, as a failing read(2) sets it.
                unsafe { *libc::__errno_location() = libc::ECANCELED };
                return -1;
            }
        }
    }
    let n = rest.len().min(length);
    // SAFETY: n bytes fit by the caller's promise, and the two do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(rest.as_ptr(), buffer, n) };
    rest.drain(..n);
    n as isize
}
