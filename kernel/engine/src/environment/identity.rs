//! Names for what is built: hashes of everything that decides what comes out. Nothing is built
//! here.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A hash over labelled parts, so that parts cannot run into each other.
#[derive(Default)]
pub struct Identity(Sha256);

impl Identity {
    /// Add a part.
    pub fn part(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    /// Add several parts.
    pub fn parts<T: AsRef<[u8]>>(self, parts: impl IntoIterator<Item = T>) -> Self {
        parts.into_iter().fold(self, Self::part)
    }

    /// 20 hexadecimal digits: short in paths, and 80 bits are enough against accidents.
    pub fn finish(self) -> String {
        self.0.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Hash a file's content.
pub(super) fn content(path: &Path) -> io::Result<String> {
    Ok(Identity::default().part(fs::read(path)?).finish())
}

/// A file as it was: cheap to compare, without reading it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) path: PathBuf,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

/// Archives and some file systems keep whole seconds.
pub(super) fn same_time(a: (i64, i64), b: (i64, i64)) -> bool {
    a.0 == b.0 && (a.1 == b.1 || a.1 == 0 || b.1 == 0)
}

impl Stamp {
    /// The file as it is now; a file that is not there has a stamp too.
    pub(super) fn of(path: &Path) -> Self {
        let path = path.to_path_buf();
        match fs::metadata(&path) {
            Ok(meta) => Self { path, size: meta.size(), seconds: meta.mtime(), nanoseconds: meta.mtime_nsec() },
            Err(_) => Self { path, size: u64::MAX, seconds: 0, nanoseconds: 0 },
        }
    }

    pub(super) fn still(&self) -> bool {
        self.fits(&Self::of(&self.path))
    }

    /// Whether another one, perhaps of a copy elsewhere, is of the same file.
    pub(super) fn fits(&self, other: &Self) -> bool {
        let time = |stamp: &Self| (stamp.seconds, stamp.nanoseconds);
        self.size == other.size && same_time(time(self), time(other))
    }

    /// What a copy of the file keeps.
    pub(super) fn mark(&self) -> String {
        format!("{} {}", self.size, self.seconds)
    }
}

/// Hash what a directory of sources holds by names, sizes and times; build output is left out.
pub(super) fn tree(root: &Path) -> String {
    let mut files = Vec::new();
    walk(root, &mut files, 0);
    files.sort();
    Identity::default().parts(files).finish()
}

fn walk(folder: &Path, files: &mut Vec<String>, depth: usize) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if name.to_string_lossy().starts_with('.') || (kind.is_dir() && name == "target") {
            continue;
        }
        let path = entry.path();
        if kind.is_dir() && depth < 16 {
            walk(&path, files, depth + 1);
        } else if let Ok(meta) = entry.metadata() {
            let (size, seconds, nanoseconds) = (meta.size(), meta.mtime(), meta.mtime_nsec());
            files.push(format!("{} {size} {seconds} {nanoseconds}", path.display()));
        }
    }
}
