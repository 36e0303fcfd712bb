//! One piece of memory that the runner, its snapshots and its keeper see alike, because it is shared
//! and not copied: where the large blocks are that a snapshot has not, and small words
//! between the processes. It knows no meaning of what stands in it.

use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicUsize};

/// Blocks that can be kept out of snapshots at a time.
pub(super) const ENTRIES: usize = 16 << 10;

/// A large block that a snapshot has not.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where its content is now; 0 when it was freed.
    pub(super) address: AtomicUsize,
    /// Bytes it has now.
    pub(super) length: AtomicUsize,
}

/// The whole piece. All zeros at first.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Process id of the snapshot that is being made.
    pub(super) copy: AtomicI32,
    pub(super) entries: [Entry; ENTRIES],
}

/// The ledger of this runner and of all that follow it.
///
/// # Errors
/// When the system has no memory to share.
pub(super) fn get() -> io::Result<&'static Ledger> {
    static LEDGER: OnceLock<&'static Ledger> = OnceLock::new();
    if let Some(ledger) = LEDGER.get() {
        return Ok(ledger);
    }
    let (length, rights) = (size_of::<Ledger>(), libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping of our own; it is never unmapped.
    let memory = unsafe { libc::mmap(ptr::null_mut(), length, rights, libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping is as large as a ledger and lives as long as the process; all zeros is
    // a valid ledger, and everything in it is atomic.
    Ok(LEDGER.get_or_init(|| unsafe { &*memory.cast::<Ledger>() }))
}
