//! What the user's cache holds, and removing what nobody has used for long. What a running session has loaded, and
//! what a build works on, stays.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::cache::{Cache, remove_all};
use super::error::EnvironmentError;
use super::helper;
use super::lock::Guard;
use super::store::IndexEntry;

/// Folders that builds leave, for the next one to be quicker.
const BUILDS: [&str; 3] = ["target", "once", "build"];

/// Some files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// How many.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Size {
    /// Of a file, or of all below a folder.
    pub fn of(path: &Path) -> Self {
        let Ok(meta) = fs::symlink_metadata(path) else { return Self::default() };
        if !meta.is_dir() {
            return Self { files: 1, bytes: meta.len() };
        }
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.fold(Self::default(), |sum, entry| sum.and(Self::of(&entry.path())))
    }

    fn and(self, other: Self) -> Self {
        Self { files: self.files + other.files, bytes: self.bytes + other.bytes }
    }
}

/// An environment in a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The release of rustc.
    pub release: String,
    /// The processor, by rustc's name.
    pub processor: String,
    /// The user's dependencies in it.
    pub dependencies: Vec<String>,
    /// What it takes, besides what it shares with the one it stands on.
    pub size: Size,
    /// How long ago it was used last, in whole days at most.
    pub age: Duration,
    /// A process of this user has it loaded, on this machine.
    pub loaded: bool,
    file: PathBuf,
    parts: BTreeSet<PathBuf>,
}

/// What a cache holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Where it is.
    pub root: PathBuf,
    /// Finished environments, that used last first.
    pub environments: Vec<Entry>,
    /// Compiled cells, and how many.
    pub cells: (usize, Size),
    /// What builds left for the next ones.
    pub builds: Size,
    /// All of it.
    pub all: Size,
}

/// What is to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Environments and cells that were used within this time.
    pub used_within: Duration,
    /// What builds left.
    pub builds: bool,
}

/// What was removed, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Environments.
    pub environments: usize,
    /// Compiled cells.
    pub cells: usize,
    /// What is free now.
    pub freed: Size,
    /// A build is running, whose folders were left alone.
    pub building: bool,
}

/// What the user's cache holds.
///
/// # Errors
/// When there is no cache that can be used.
pub fn usage() -> Result<Usage, EnvironmentError> {
    let cache = Cache::open()?;
    Ok(Usage {
        root: cache.root().to_path_buf(),
        environments: entries(&cache),
        cells: (cells(&cache).len(), Size::of(&cache.root().join("cells"))),
        builds: BUILDS.iter().fold(Size::default(), |sum, name| sum.and(Size::of(&cache.root().join(name)))),
        all: Size::of(cache.root()),
    })
}

/// Removes from the user's cache what need not be kept.
///
/// # Errors
/// When there is no cache that can be used.
pub fn prune(keep: &Keep) -> Result<Pruned, EnvironmentError> {
    prune_in(&Cache::open()?, keep)
}

fn prune_in(cache: &Cache, keep: &Keep) -> Result<Pruned, EnvironmentError> {
    let before = Size::of(cache.root());
    let mut done = Pruned::default();
    let (stay, go): (Vec<Entry>, Vec<Entry>) =
        entries(cache).into_iter().partition(|entry| entry.loaded || entry.age <= keep.used_within);
    for entry in &go {
        // Without its file the environment is not there for anybody.
        done.environments += usize::from(fs::remove_file(&entry.file).is_ok());
    }
    // Held while folders go: a build that begins now waits, and finds what is there then.
    let lanes = free_lanes(cache)?;
    done.building = lanes.is_none();
    if lanes.is_some() {
        let needed: BTreeSet<&PathBuf> = stay.iter().flat_map(|entry| &entry.parts).collect();
        for folder in children(&cache.root().join("environments")) {
            let inside = Path::new("environments").join(folder.file_name().unwrap_or_default());
            if !needed.contains(&inside) && !is_loaded(&folder) {
                drop(remove_all(&folder));
            }
        }
        let current = format!("{}-{}", helper::NAME, helper::hash());
        for folder in children(&cache.root().join("source")) {
            if folder.file_name().is_none_or(|name| *name != *current) {
                drop(remove_all(&folder));
            }
        }
        if !keep.builds {
            for name in BUILDS {
                drop(remove_all(&cache.root().join(name)));
            }
        }
    }
    for cell in cells(cache) {
        let used = [cell.join("record.json"), cell.clone()].iter().find_map(|path| age(path));
        if used.is_some_and(|age| age > keep.used_within) && !is_loaded(&cell) {
            done.cells += usize::from(remove_all(&cell).is_ok());
        }
    }
    drop(lanes);
    let after = Size::of(cache.root());
    done.freed =
        Size { files: before.files.saturating_sub(after.files), bytes: before.bytes.saturating_sub(after.bytes) };
    Ok(done)
}

/// All lanes of builds, held; none when a build has one.
fn free_lanes(cache: &Cache) -> Result<Option<Vec<Guard>>, EnvironmentError> {
    let mut held = Vec::new();
    for file in children(&cache.root().join("locks")) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("lane-") || name.ends_with(".lockdir") {
            continue;
        }
        match Guard::attempt(&file)? {
            Some(guard) => held.push(guard),
            None => return Ok(None),
        }
    }
    Ok(Some(held))
}

fn entries(cache: &Cache) -> Vec<Entry> {
    let files = children(&cache.root().join("index"));
    let mut all: Vec<Entry> = files.into_iter().filter_map(|file| entry(cache, file)).collect();
    all.sort_by_key(|entry| entry.age);
    all
}

fn entry(cache: &Cache, file: PathBuf) -> Option<Entry> {
    let age = age(&file)?;
    let Some(record) = IndexEntry::read(cache, &[], &file) else {
        // Damaged, or of another version: nobody finds it any more.
        let nothing = (String::new(), String::new(), Vec::new(), BTreeSet::new());
        let (release, processor, dependencies, parts) = nothing;
        return Some(Entry {
            release,
            processor,
            dependencies,
            size: Size::default(),
            age: Duration::MAX,
            loaded: false,
            file,
            parts,
        });
    };
    let parts = record.parts();
    let own = Path::new("environments").join(&record.environment.id);
    Some(Entry {
        release: record.environment.toolchain.release.clone(),
        processor: record.processor.clone(),
        dependencies: record.environment.dependencies.names().map(str::to_owned).collect(),
        size: Size::of(&cache.root().join(own)),
        age,
        loaded: parts.iter().any(|part| is_loaded(&cache.root().join(part))),
        file,
        parts,
    })
}

/// Folders of compiled cells, and notes beside them.
fn cells(cache: &Cache) -> Vec<PathBuf> {
    let shelves = children(&cache.root().join("cells"));
    let full = |shelf: &PathBuf| shelf.file_name().is_some_and(|name| !name.to_string_lossy().starts_with("new-"));
    shelves.iter().filter(|shelf| full(shelf)).flat_map(|shelf| children(shelf)).collect()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn age(path: &Path) -> Option<Duration> {
    let modified = fs::metadata(path).and_then(|meta| meta.modified()).ok()?;
    Some(SystemTime::now().duration_since(modified).unwrap_or_default())
}

/// Whether a process on this machine, whose maps this user may read, has code from a folder.
fn is_loaded(folder: &Path) -> bool {
    let needle = format!("{}/", folder.display());
    let processes = children(Path::new("/proc")).into_iter();
    let numbered = processes
        .filter(|path| path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit)));
    numbered.filter_map(|path| fs::read_to_string(path.join("maps")).ok()).any(|maps| maps.contains(&needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_lately_stays_and_the_rest_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::at(&folder.path().join("cache")).expect("a cache");
        let write = |path: &str, days: u64| {
            let path = cache.root().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, "text").expect("a file");
            let then = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
            fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(then)).expect("a time");
        };
        write("cells/ab/abcd/record.json", 40);
        write("cells/cd/cdef/record.json", 1);
        write("target/shelf/file", 0);
        write("environments/abandoned/file", 0);
        write("locks/lane-shelf", 0);
        let month = Duration::from_secs(30 * 24 * 3600);
        let busy = Guard::attempt(&cache.root().join("locks/lane-shelf")).expect("a lock");
        let done = prune_in(&cache, &Keep { used_within: month, builds: false }).expect("pruned");
        assert_eq!((done.cells, done.building), (1, true));
        assert!(cache.root().join("target/shelf/file").exists(), "a build works there");
        drop(busy);
        let done = prune_in(&cache, &Keep { used_within: month, builds: true }).expect("pruned");
        assert!(!done.building && cache.root().join("target/shelf/file").exists());
        assert!(!cache.root().join("environments/abandoned").exists());
        assert!(cache.root().join("cells/cd/cdef/record.json").exists());
        let done = prune_in(&cache, &Keep { used_within: Duration::ZERO, builds: false }).expect("pruned");
        assert_eq!(done.cells, 1);
        assert!(!cache.root().join("target").exists() && done.freed.files >= 2);
    }
}
