//! Finished environments in the cache: found by key in one small file, and believed only when
//! every file is as it was when it was finished.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Environment;
use super::cache::{Cache, failed};
use super::error::{EnvironmentError, EnvironmentFault};
use super::identity::{content, tree};
use super::toolchain::Toolchain;

/// One file of an entry, as it was finished.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mark {
    path: PathBuf,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
    hash: String,
}

/// What the index holds for a key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct IndexEntry {
    /// Where the cache was; it may have been copied elsewhere since.
    root: PathBuf,
    pub(super) environment: Environment,
    marks: Vec<Mark>,
    /// Directories of the user's own crates and their state: a change means a new build.
    watched: Vec<(PathBuf, String)>,
    /// Why this environment could not join the one it was asked for beside.
    pub(super) restart: Option<String>,
}

impl IndexEntry {
    /// Mark every file of `environment` as finished.
    pub(super) fn new(
        cache: &Cache,
        environment: Environment,
        watched: &[PathBuf],
        restart: Option<String>,
    ) -> Result<Self, EnvironmentError> {
        let mut marks = Vec::new();
        for path in environment.files() {
            let meta = fs::metadata(path).map_err(|e| failed("read", path, &e))?;
            marks.push(Mark {
                path: path.to_path_buf(),
                size: meta.size(),
                seconds: meta.mtime(),
                nanoseconds: meta.mtime_nsec(),
                hash: content(path).map_err(|e| failed("read", path, &e))?,
            });
        }
        let watched = watched.iter().map(|path| (path.clone(), tree(path))).collect();
        Ok(Self { root: cache.root().to_path_buf(), environment, marks, watched, restart })
    }

    /// Put the record into the index; from now on the entry counts.
    pub(super) fn save(&self, cache: &Cache, key: &str) -> Result<(), EnvironmentError> {
        let text = serde_json::to_vec(self)
            .map_err(|e| EnvironmentError::new(EnvironmentFault::Cache, format!("cannot write the index: {e}")))?;
        cache.write(&index(cache, key), &text)
    }

    /// The finished entry for `key`, if it is there, whole, and nobody else's.
    pub(super) fn load(cache: &Cache, key: &str, toolchain: &Toolchain) -> Option<Self> {
        let file = index(cache, key);
        if !cache.trusts(&fs::metadata(&file).ok()?) {
            return None;
        }
        let mut record: Self = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        if record.root != cache.root() {
            let root = std::mem::replace(&mut record.root, cache.root().to_path_buf());
            record.environment.move_to(&root, cache.root())?;
            for mark in &mut record.marks {
                mark.path = cache.root().join(mark.path.strip_prefix(&root).ok()?);
            }
        }
        let whole = record.marks.iter().all(|mark| mark.holds(cache));
        let same = record.watched.iter().all(|(path, state)| tree(path) == *state);
        if !whole || !same {
            return None;
        }
        record.environment.toolchain = toolchain.clone();
        Some(record)
    }
}

impl Mark {
    fn holds(&self, cache: &Cache) -> bool {
        let Ok(meta) = fs::symlink_metadata(&self.path) else {
            return false;
        };
        if !meta.is_file() || meta.size() != self.size || !cache.trusts(&meta) {
            return false;
        }
        // A copied cache has new times; then the content decides.
        (meta.mtime() == self.seconds && meta.mtime_nsec() == self.nanoseconds)
            || content(&self.path).is_ok_and(|hash| hash == self.hash)
    }
}

fn index(cache: &Cache, key: &str) -> PathBuf {
    cache.root().join("index").join(Path::new(key).with_extension("json"))
}
