//! A list of what a process takes from caches, or puts there, for whoever wants to hand on exactly that. It copies
//! nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::cache::Cache;

static LIST: OnceLock<Mutex<File>> = OnceLock::new();

/// From now on, write each entry that is used into a file.
///
/// # Errors
/// When it cannot be opened.
pub fn list_in(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // Said once, at the start.
    drop(LIST.set(Mutex::new(file)));
    Ok(())
}

/// An entry of a cache is used.
pub(crate) fn note(cache: &Cache, path: &Path) {
    let Some(list) = LIST.get() else { return };
    let Ok(inside) = path.strip_prefix(cache.root()) else { return };
    let mut line = cache.root().as_os_str().as_bytes().to_vec();
    line.push(0);
    line.extend(inside.as_os_str().as_bytes());
    line.push(0);
    // What is not in the list is made anew by those who would have had it.
    drop(list.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line));
}

/// What such a file names: the cache, and the entry's place in it.
pub(super) fn read(path: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let bytes = std::fs::read(path)?;
    let mut texts =
        bytes.split(|byte| *byte == 0).map(|text| PathBuf::from(std::ffi::OsString::from_vec(text.to_vec())));
    let mut found = Vec::new();
    while let (Some(root), Some(inside)) = (texts.next(), texts.next()) {
        if !found.contains(&(root.clone(), inside.clone())) {
            found.push((root, inside));
        }
    }
    Ok(found)
}
