//! Whether code can be loaded from a folder at all: sites mount scratch, home or temporary folders
//! with `noexec`, and the loader's own words (`failed to map segment`) do not say so. It loads nothing.

use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use super::cache::{Cache, VARIABLE};
use super::error::{EnvironmentError, EnvironmentFault};

/// Folders of a cache that code is loaded from or started in; each may be a mount of its own.
const HOLD_CODE: [&str; 4] = ["", "environments", "cells", "target"];

/// Why code in a folder cannot be loaded, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A sentence that names the folder.
    pub message: String,
    /// What to set.
    pub help: String,
}

/// Why code in `folder` (or where it will be made) cannot be loaded; none when nothing forbids it.
pub fn refusal(folder: &Path) -> Option<Refusal> {
    let there = folder.ancestors().find(|path| path.exists())?;
    let stat = rustix::fs::statvfs(there).ok()?;
    if !stat.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        return None;
    }
    let mount = mount_of(there);
    let message = format!(
        "code in {} cannot be loaded: {} is mounted with noexec",
        folder.display(),
        if mount == folder { "it".to_owned() } else { mount.display().to_string() }
    );
    let in_temporary = folder.starts_with(std::env::temp_dir());
    let in_cache = Cache::open().is_ok_and(|cache| folder.starts_with(cache.root()));
    let variable = if in_temporary && !in_cache { "TMPDIR" } else { VARIABLE };
    let help = format!("set {variable} to a folder on a file system without noexec, then restart the kernel");
    Some(Refusal { message, help })
}

/// Refuse a cache whose code could not be loaded, before anything is built there.
pub(super) fn check(cache: &Cache) -> Result<(), EnvironmentError> {
    let folders =
        HOLD_CODE.iter().map(|name| if name.is_empty() { cache.root().to_owned() } else { cache.root().join(name) });
    match folders.into_iter().find_map(|folder| refusal(&folder)) {
        Some(refusal) => Err(EnvironmentError::new(EnvironmentFault::Cache, refusal.message).help(refusal.help)),
        None => Ok(()),
    }
}

/// Why what a text of the loader's (or of rustc's, which loads macros) names could not be loaded.
pub fn explain(text: &str) -> Option<Refusal> {
    if text.contains("can't find crate for") {
        let error = check(&Cache::open().ok()?).err()?;
        return Some(Refusal { message: error.message, help: error.help });
    }
    const SIGNS: [&str; 3] = ["failed to map segment", "Operation not permitted", "Permission denied"];
    if !SIGNS.iter().any(|sign| text.contains(sign)) {
        return None;
    }
    let words = text.split(|c: char| c.is_whitespace() || "'\"`():,".contains(c));
    let mut paths = words.filter(|word| word.starts_with('/')).map(Path::new);
    paths.find_map(|path| refusal(path.parent()?))
}

/// Where the file system that holds a path is mounted.
fn mount_of(path: &Path) -> PathBuf {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // Spaces in names are written in octal; a mount that has them is named by the folder instead.
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    points.filter(|point| path.starts_with(point)).max_by_key(|point| point.as_os_str().len()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_loaded_is_not_refused() {
        let target = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(refusal(target), None);
        assert_eq!(explain("/nowhere/x.so: file too short"), None);
    }

    #[test]
    fn noexec_is_named_with_its_mount() {
        // A file system that is mounted so nearly everywhere; where it is not, there is nothing to see.
        let proc = Path::new("/proc");
        if let Some(refusal) = refusal(proc) {
            assert!(refusal.message.contains("noexec") && refusal.help.contains(VARIABLE), "{refusal:?}");
        }
    }
}
