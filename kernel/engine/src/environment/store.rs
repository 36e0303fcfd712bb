//! Finished environments in the cache: found by key in one small file, and believed only when
//! every file is as it was when it was finished.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache::{Cache, failed};
use super::error::{EnvironmentError, EnvironmentFault};
use super::identity::{content, same_time, tree};
use super::toolchain::Toolchain;
use super::{Environment, Options, used};

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
    /// The processor it was made for, for people.
    #[serde(default)]
    pub(super) processor: String,
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
        let processor = environment.options.target_cpu.clone();
        Ok(Self { root: cache.root().to_path_buf(), environment, processor, marks, watched, restart })
    }

    /// Put the record into the index; from now on the entry counts.
    pub(super) fn save(&self, cache: &Cache, key: &str) -> Result<(), EnvironmentError> {
        let text = serde_json::to_vec(self)
            .map_err(|e| EnvironmentError::new(EnvironmentFault::Cache, format!("cannot write the index: {e}")))?;
        let file = index(cache, key);
        cache.write(&file, &text)?;
        used::note(cache, &file);
        Ok(())
    }

    /// The finished entry for `key`, if it is there, whole, and nobody else's. What it stands on may be in another of
    /// the caches `among` which it is.
    pub(super) fn load(
        cache: &Cache,
        among: &[Cache],
        key: &str,
        toolchain: &Toolchain,
        options: &Options,
    ) -> Option<Self> {
        let mut record = Self::read(cache, among, &index(cache, key))?;
        used::note(cache, &index(cache, key));
        cache.touch(&index(cache, key));
        record.environment.toolchain = toolchain.clone();
        record.environment.options = options.clone();
        Some(record)
    }

    /// A finished entry by its file.
    pub(super) fn read(cache: &Cache, among: &[Cache], file: &Path) -> Option<Self> {
        if !cache.trusts_path(file) {
            return None;
        }
        let mut record: Self = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        if record.root != cache.root() {
            let root = std::mem::replace(&mut record.root, cache.root().to_path_buf());
            record.environment.move_to(&root, cache.root());
            for mark in &mut record.marks {
                if let Ok(inside) = mark.path.strip_prefix(&root) {
                    mark.path = cache.root().join(inside);
                }
            }
        }
        let home = |path: &Path| among.iter().chain([cache]).find(|cache| path.starts_with(cache.root()));
        let folders: BTreeSet<&Path> = record.marks.iter().filter_map(|mark| mark.path.parent()).collect();
        let whole = folders.into_iter().all(|folder| home(folder).is_some_and(|home| home.trusts_path(folder)))
            && record.marks.iter().all(|mark| home(&mark.path).is_some_and(|home| mark.holds(home)));
        let same = record.watched.iter().all(|(path, state)| tree(path) == *state);
        if !whole || !same {
            return None;
        }
        Some(record)
    }

    /// The folders in its own cache that it is made of, by their places there.
    pub(super) fn parts(&self) -> BTreeSet<PathBuf> {
        let inside = self.marks.iter().filter_map(|mark| mark.path.strip_prefix(&self.root).ok());
        inside.map(|path| path.components().take(2).collect()).collect()
    }

    /// The same entry in another cache, to which its parts have been copied.
    pub(super) fn in_other(self, to: &Cache) -> Result<Self, EnvironmentError> {
        let Self { root, mut environment, processor, watched, restart, .. } = self;
        environment.move_to(&root, to.root());
        let fresh = Self::new(to, environment, &[], restart)?;
        let watched = watched.into_iter().filter(|(path, _)| !path.starts_with(&root)).collect();
        Ok(Self { watched, processor, ..fresh })
    }

    /// Folders of crates that only their owner may be able to read.
    pub(super) fn watched(&self) -> impl Iterator<Item = &Path> {
        self.watched.iter().map(|(path, _)| path.as_path()).filter(|path| !path.starts_with(&self.root))
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
        // A copied cache may have new times; then the content decides.
        same_time((meta.mtime(), meta.mtime_nsec()), (self.seconds, self.nanoseconds))
            || content(&self.path).is_ok_and(|hash| hash == self.hash)
    }
}

fn index(cache: &Cache, key: &str) -> PathBuf {
    cache.root().join("index").join(Path::new(key).with_extension("json"))
}
