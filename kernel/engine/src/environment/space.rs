//! Is there room for what is to be built? Asked before minutes of work, not found out after them.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::cache::{Cache, VARIABLE};
use super::error::{EnvironmentError, EnvironmentFault};

/// What an environment takes while it is built, with cargo's folders.
const ENVIRONMENT: u64 = 450 << 20;
/// What a few crates more take at least.
const ADDITION: u64 = 32 << 20;

/// Refuses to build where a disk or a quota has no room for it.
///
/// # Errors
/// When it has not, with how much is needed.
pub(super) fn check(cache: &Cache, whole: bool) -> Result<(), EnvironmentError> {
    let needed = if whole { ENVIRONMENT } else { ADDITION };
    let Some(problem) = lack(cache.root(), needed) else { return Ok(()) };
    let root = cache.root().display();
    let free = rustix::fs::statvfs(cache.root()).map(|stat| stat.f_bavail * stat.f_frsize / (1 << 20));
    let free = free.map(|free| format!("; {free} MiB are free on it")).unwrap_or_default();
    let what = format!(
        "the disk is full, or your quota is used up: building needs some {} MiB in {root}{free} ({problem})",
        needed >> 20
    );
    Err(EnvironmentError::new(EnvironmentFault::Cache, what).help(format!(
        "free some space (`ferrolab cache prune` removes what is not needed), or set {VARIABLE} to a directory on a larger file system"
    )))
}

/// What the system says when so many bytes are wanted; nothing when it would give them, or does not say.
fn lack(folder: &Path, bytes: u64) -> Option<io::Error> {
    // A file without a name: whatever happens, nothing is left. Quotas are seen in no other way.
    let probe = tempfile::tempfile_in(folder).ok()?;
    match fallocate(&probe, FallocateFlags::empty(), 0, bytes) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Some(error.into()),
        _ => None,
    }
}

/// Removes what a build left that found no room, so that the next one is not worse off.
pub(super) fn clear(folders: &[&Path]) {
    for folder in folders {
        // What cannot be removed is as it was.
        drop(fs::remove_dir_all(folder));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_disk_has_is_refused_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(lack(folder.path(), 4096).is_none());
        // Some file systems cannot reserve, and then nothing is known.
        drop(lack(folder.path(), 1 << 60));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
