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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) path: PathBuf,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
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
        Self::of(&self.path) == *self
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

/// What `target-cpu=native` means on this machine: a home directory may be shared by machines
/// with different processors.
pub(super) fn native_cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    let wanted = [
        "vendor_id",
        "cpu family",
        "model",
        "flags", // x86
        "Features",
        "CPU implementer",
        "CPU architecture",
        "CPU variant",
        "CPU part", // ARM
        "isa",
        "uarch",
        "cpu", // RISC-V, POWER
    ];
    let mut identity = Identity::default().part(std::env::consts::ARCH);
    for line in first.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        if wanted.contains(&key.trim()) {
            let mut words: Vec<&str> = value.split_whitespace().collect();
            words.sort_unstable();
            identity = identity.part(key.trim()).part(words.join(" "));
        }
    }
    identity.finish()
}
