//! Locks on parts of files that belong to a process and not to a descriptor (`fcntl`; SQLite's are of this kind). A copy has none of
//! them, so they are noted at a snapshot and taken again by the copy that takes over. It knows no descriptors but those it is given.

use std::fs;
use std::io;
use std::os::fd::RawFd;

/// A lock that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lock {
    /// For one process alone.
    writes: bool,
    start: i64,
    /// Bytes; 0 is all to the end, wherever that will be.
    length: i64,
}

/// Those of this process, with the inodes of their files.
pub(super) fn of_this_process() -> Vec<(u64, Lock)> {
    of(&fs::read_to_string("/proc/locks").unwrap_or_default(), std::process::id())
}

/// Lines are `1: POSIX  ADVISORY  WRITE 1234 fe:00:5678 0 EOF`; in one that waits, an arrow stands before the kind.
fn of(table: &str, process: u32) -> Vec<(u64, Lock)> {
    let read = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "POSIX", _, kind, holder, file, start, end] = words.as_slice() else { return None };
        if holder.parse() != Ok(process) {
            return None;
        }
        let inode = file.rsplit(':').next()?.parse().ok()?;
        let start: i64 = start.parse().ok()?;
        let length = if *end == "EOF" { 0 } else { end.parse::<i64>().ok()? - start + 1 };
        Some((inode, Lock { writes: *kind == "WRITE", start, length }))
    };
    table.lines().filter_map(read).collect()
}

impl Lock {
    /// Can it be taken through a descriptor with these status flags?
    pub(super) fn fits(self, flags: i32) -> bool {
        flags & libc::O_ACCMODE != if self.writes { libc::O_RDONLY } else { libc::O_WRONLY }
    }

    /// Takes it for this process. False when another one has it.
    pub(super) fn take(self, descriptor: RawFd) -> bool {
        // SAFETY: all zeros is a valid record.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        lock.l_type = if self.writes { libc::F_WRLCK } else { libc::F_RDLCK } as _;
        lock.l_whence = libc::SEEK_SET as _;
        (lock.l_start, lock.l_len) = (self.start, self.length);
        loop {
            // SAFETY: a valid record, which is only read.
            if unsafe { libc::fcntl(descriptor, libc::F_SETLK, &raw const lock) } == 0 {
                return true;
            }
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_table_is_read() {
        let table = "1: POSIX  ADVISORY  WRITE 70 fe:00:5678 0 EOF\n1: -> POSIX  ADVISORY  WRITE 71 fe:00:5678 0 EOF\n\
                     2: POSIX  ADVISORY  READ 70 fe:00:99 100 149\n3: FLOCK  ADVISORY  WRITE 70 fe:00:12 0 EOF\n\
                     4: OFDLCK ADVISORY  WRITE -1 fe:00:13 0 EOF\n5: POSIX  ADVISORY  WRITE 7 fe:00:14 0 EOF\n";
        let whole = Lock { writes: true, start: 0, length: 0 };
        let part = Lock { writes: false, start: 100, length: 50 };
        assert_eq!(of(table, 70), [(5678, whole), (99, part)]);
        assert!(of(table, 72).is_empty());
        assert!(whole.fits(libc::O_RDWR) && !whole.fits(libc::O_RDONLY) && part.fits(libc::O_RDONLY));
    }
}
