//! Open descriptors at a snapshot: a copy closes them, so that nobody at the other end, and nobody who
//! waits for a lock, can tell that there is a copy; when it takes over it gets them back from the
//! process that ended, with the offsets that files had. What cannot be had is replaced by something
//! that is closed at the other end, so that nothing waits for it for ever.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::record_locks::{self, Lock};

/// One open descriptor.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    number: RawFd,
    what: What,
    /// Device and inode, which tell whether it is still the same.
    identity: (u64, u64),
    /// Offset of a file.
    offset: i64,
    /// Status flags.
    flags: i32,
    /// Closed in programs that cells start.
    cloexec: bool,
    /// Where a file is, for opening it again.
    path: String,
    /// The cell after which it was first seen.
    cell: u32,
    /// Locks on parts of the file that belong to the process.
    locks: Vec<Lock>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    File,
    Folder,
    Pipe,
    Socket,
    /// Devices, timers, event counters.
    Other,
}

impl Open {
    /// What a user calls it.
    pub(super) fn describe(&self) -> String {
        let cell = self.cell;
        match self.what {
            What::File | What::Folder => format!("the open file {} of cell [{cell}]", self.path),
            What::Pipe => format!("a pipe of cell [{cell}]"),
            What::Socket => format!("a connection of cell [{cell}]"),
            What::Other => format!("the open {} of cell [{cell}]", self.path),
        }
    }
}

fn status(number: RawFd) -> Option<libc::stat> {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: room for the status, which is filled when the call succeeds.
    unsafe { (libc::fstat(number, status.as_mut_ptr()) == 0).then(|| status.assume_init()) }
}

fn control(number: RawFd, what: i32) -> i32 {
    // SAFETY: a query without an argument.
    unsafe { libc::fcntl(number, what) }
}

/// Every descriptor but ours. `before` says which were known, and from which cell; others
/// are of `cell`.
pub(super) fn look(ours: &[RawFd], before: &[Open], cell: u32) -> Vec<Open> {
    let known: HashMap<(RawFd, (u64, u64)), u32> = before.iter().map(|o| ((o.number, o.identity), o.cell)).collect();
    let Ok(folder) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let numbers = folder.flatten().filter_map(|e| e.file_name().to_str()?.parse::<RawFd>().ok());
    let numbers: Vec<RawFd> = numbers.filter(|n| *n > 2 && !ours.contains(n)).collect();
    // The folder itself was one of them; it is closed by now, and has no status any more.
    let open = numbers.into_iter().filter_map(|number| {
        let status = status(number)?;
        let what = match status.st_mode & libc::S_IFMT {
            libc::S_IFREG => What::File,
            libc::S_IFDIR => What::Folder,
            libc::S_IFIFO => What::Pipe,
            libc::S_IFSOCK => What::Socket,
            _ => What::Other,
        };
        let identity = (status.st_dev, status.st_ino);
        let path = match what {
            What::Pipe | What::Socket => String::new(),
            _ => fs::read_link(format!("/proc/self/fd/{number}")).ok()?.to_string_lossy().into_owned(),
        };
        let files = matches!(what, What::File | What::Folder);
        // SAFETY: a query of the offset.
        let offset = if files { unsafe { libc::lseek(number, 0, libc::SEEK_CUR) } } else { 0 };
        let (flags, cloexec) = (control(number, libc::F_GETFL), control(number, libc::F_GETFD) & libc::FD_CLOEXEC != 0);
        let cell = known.get(&(number, identity)).copied().unwrap_or(cell);
        Some(Open { number, what, identity, offset, flags, cloexec, path, cell, locks: Vec::new() })
    });
    let mut open: Vec<Open> = open.collect();
    if open.iter().any(|open| open.what == What::File) {
        for (inode, lock) in record_locks::of_this_process() {
            let fits = |open: &&mut Open| open.what == What::File && open.identity.1 == inode && lock.fits(open.flags);
            if let Some(open) = open.iter_mut().find(fits) {
                open.locks.push(lock);
            }
        }
    }
    open
}

/// In a copy: closes everything but the three streams and `kept`.
pub(super) fn close_all_but(kept: &[RawFd]) {
    let mut kept: Vec<RawFd> = kept.iter().copied().filter(|n| *n > 2).collect();
    kept.sort_unstable();
    let mut from = 3;
    for number in kept.into_iter().chain([RawFd::MAX]) {
        if number > from {
            close_range(from, number - 1);
        }
        from = number.saturating_add(1);
    }
}

fn close_range(first: RawFd, last: RawFd) {
    // SAFETY: closes descriptors of this process, a copy, in which nobody uses them.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
        return;
    }
    // Before Linux 5.9.
    let Ok(folder) = fs::read_dir("/proc/self/fd") else { return };
    let numbers = folder.flatten().filter_map(|e| e.file_name().to_str()?.parse::<RawFd>().ok());
    let numbers: Vec<RawFd> = numbers.filter(|n| (first..=last).contains(n)).collect();
    // SAFETY: as above; closing the folder's own number again is an error without effect.
    numbers.into_iter().for_each(|number| unsafe {
        libc::close(number);
    });
}

/// In a copy that takes over: opens again what was open at the snapshot, each under its number. `fetch` asks the
/// process that ended. Returns what could not be had.
pub(super) fn put_back(open: Vec<Open>, fetch: impl Fn(RawFd) -> Option<OwnedFd>) -> Vec<Open> {
    let lost = open.into_iter().filter(|open| {
        let same = |end: &OwnedFd| {
            status(end.as_raw_fd()).is_some_and(|status| (status.st_dev, status.st_ino) == open.identity)
        };
        if let Some(end) = fetch(open.number).filter(same).or_else(|| open.again().filter(same)) {
            open.place(end);
            return false;
        }
        if let Ok(end) = open.dead_end() {
            open.place(end);
        }
        true
    });
    lost.collect()
}

/// In a copy that takes over, when all descriptors are there: closing one of a file would give up locks on it. `close` has the
/// process that ended give up what it still holds. Returns what another process has now, in words.
pub(super) fn lock_again(open: &[Open], close: impl Fn(RawFd) -> bool) -> Vec<String> {
    let lost = open.iter().filter(|open| {
        if open.locks.is_empty() {
            return false;
        }
        close(open.number);
        !open.locks.iter().all(|lock| lock.take(open.number))
    });
    lost.map(|open| format!("a lock on the file {} of cell [{}], which another process has", open.path, open.cell))
        .collect()
}

impl Open {
    /// A file is opened anew when the process closed it.
    fn again(&self) -> Option<OwnedFd> {
        if !matches!(self.what, What::File | What::Folder) {
            return None;
        }
        let path = CString::new(self.path.as_bytes()).ok()?;
        let flags = self.flags & !(libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC | libc::O_TMPFILE | libc::O_DIRECTORY);
        // SAFETY: a valid path.
        let number = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC | libc::O_NOFOLLOW) };
        // SAFETY: just opened, and ours.
        (number >= 0).then(|| unsafe { OwnedFd::from_raw_fd(number) })
    }

    /// Something whose other end is closed: reading finds the end, writing an error.
    fn dead_end(&self) -> io::Result<OwnedFd> {
        let mut ends = [0; 2];
        let writes = self.flags & libc::O_ACCMODE == libc::O_WRONLY;
        let pair = match self.what {
            // SAFETY: room for two descriptors.
            What::Socket => unsafe {
                libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0, ends.as_mut_ptr())
            },
            // SAFETY: room for two descriptors.
            _ => unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) },
        };
        if pair != 0 {
            return Err(io::Error::last_os_error());
        }
        let [first, second] = ends;
        let (kept, closed) = if writes { (second, first) } else { (first, second) };
        // SAFETY: both were just made, and nobody else has them.
        unsafe {
            libc::close(closed);
            Ok(OwnedFd::from_raw_fd(kept))
        }
    }

    fn place(&self, end: OwnedFd) {
        let flags = if self.cloexec { libc::O_CLOEXEC } else { 0 };
        // SAFETY: the number is free or `end` itself; the owner of the number is a value in this copy's
        // memory, which has waited for it.
        unsafe {
            if end.as_raw_fd() == self.number {
                std::mem::forget(end);
                libc::fcntl(self.number, libc::F_SETFD, if self.cloexec { libc::FD_CLOEXEC } else { 0 });
            } else {
                libc::dup3(end.as_raw_fd(), self.number, flags);
            }
            libc::fcntl(self.number, libc::F_SETFL, self.flags);
            if matches!(self.what, What::File | What::Folder) && self.offset >= 0 {
                libc::lseek(self.number, self.offset, libc::SEEK_SET);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, Write};

    fn of(number: RawFd) -> Open {
        look(&[], &[], 3).into_iter().find(|open| open.number == number).expect("it is open")
    }

    #[test]
    fn a_file_that_was_read_on_is_as_before() {
        let mut file = tempfile();
        file.write_all(b"0123456789").expect("room");
        file.seek(io::SeekFrom::Start(4)).expect("it has an offset");
        let open = of(file.as_raw_fd());
        let mut rest = String::new();
        file.read_to_string(&mut rest).expect("text");
        let twin = file.try_clone().expect("a descriptor");
        assert!(put_back(vec![open], |_| Some(twin.try_clone().expect("a descriptor").into())).is_empty());
        rest.clear();
        file.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, "456789");
    }

    #[test]
    fn what_is_lost_ends_instead_of_waiting() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut reader = reader;
        let open = of(reader.as_raw_fd());
        let lost = put_back(vec![open], |_| None);
        assert_eq!(lost.iter().map(Open::describe).collect::<Vec<_>>(), ["a pipe of cell [3]"]);
        let mut all = Vec::new();
        assert_eq!(reader.read_to_end(&mut all).expect("an end"), 0);
        drop(writer);
    }

    fn tempfile() -> fs::File {
        let path = std::env::temp_dir().join(format!("ferrolab-descriptor-{}", std::process::id()));
        let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.expect("a file");
        drop(fs::remove_file(path));
        file
    }
}
