//! The cell cache: compiled cells by the hash of all that went into them, so that a cell that was
//! compiled once is loaded, not compiled, for as long as it stays on the shelf. Entries are made
//! aside and renamed, checked when read, and thrown out oldest first when the shelf is full.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::environment::{Cache, EnvironmentError, Identity, Site, loadable, used};
use super::generate::Omit;

/// Name of the shared object in an entry.
pub const OBJECT: &str = "cell.so";
const RECORD: &str = "record.json";
/// Endings of small notes: what to leave out, and what rustc has said to a question.
const OMITTED: &str = "omit";
const ANSWER: &str = "answer";

/// Bytes the user's shelf may hold before old entries go.
const CAPACITY: u64 = 2 << 30;
/// Half-made entries of killed processes are removed after this time.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// What is known of a compiled cell besides its code.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Hints {
    /// New variables that can be kept: index of the binding and its type.
    pub types: Vec<(usize, String)>,
    /// New variables that cannot: name and advice.
    pub unkept: Vec<(String, String)>,
    /// New variables whose types have no name: index of the binding and what rustc calls the type.
    #[serde(default)]
    pub unnamed: Vec<(usize, String)>,
    /// The types of new closures: index of the binding, and a function pointer in angle brackets.
    #[serde(default)]
    pub signatures: Vec<(usize, String)>,
    /// The same of closures of earlier cells, by name.
    #[serde(default)]
    pub taken: Vec<(String, String)>,
    /// The type of the last expression, when it was asked for.
    #[serde(default)]
    pub shown: Option<String>,
    /// File sizes and hashes by name.
    files: Vec<(String, u64, String)>,
}

/// A place where compiled cells are kept.
#[derive(Debug, Clone)]
pub struct Shelf {
    cache: Cache,
    root: PathBuf,
    /// Read-only ones, looked at first.
    layers: Vec<Cache>,
    /// Where cells are made when the cache is read-only: they are not kept then.
    aside: Option<Arc<TempDir>>,
}

impl Shelf {
    /// The shelf of a cache, behind those of site layers; makes its directory, or one for this session alone where the
    /// cache is read-only or no code can be loaded from it.
    ///
    /// # Errors
    /// When neither can be made.
    pub fn open(cache: &Cache, sites: &[Site]) -> Result<Self, EnvironmentError> {
        let layers: Vec<Cache> = sites.iter().filter_map(|site| site.open().ok()).collect();
        let root = cache.root().join("cells");
        let above = if root.exists() { &root } else { cache.root() };
        let read_only = matches!(access(above, Access::WRITE_OK), Err(Errno::ROFS | Errno::ACCESS));
        if (read_only || loadable::refusal(above).is_some())
            && let Some(aside) = place_aside()
        {
            return Ok(Self { cache: cache.clone(), root, layers, aside: Some(Arc::new(aside)) });
        }
        Ok(Self { cache: cache.clone(), root: cache.directory("cells")?, layers, aside: None })
    }

    fn entry(&self, hash: &str) -> PathBuf {
        self.root.join(&hash[..2]).join(hash)
    }

    /// A finished entry: its directory and record. Damaged or foreign entries are not there.
    pub fn find(&self, hash: &str) -> Option<(PathBuf, Hints)> {
        let in_layer = |layer: &Cache| {
            let directory = layer.root().join("cells").join(&hash[..2]).join(hash);
            let record = read_entry(layer, &directory)?;
            used::note(layer, &directory);
            Some((directory, record))
        };
        if let Some(found) = self.layers.iter().find_map(in_layer) {
            return Some(found);
        }
        let directory = self.entry(hash);
        if !directory.join(RECORD).exists() {
            return None;
        }
        let Some(record) = read_entry(&self.cache, &directory) else {
            // Out of the way, so that it can be made again.
            drop(fs::remove_dir_all(&directory));
            return None;
        };
        // The age that counts is that of the last use.
        let touched = fs::File::open(directory.join(RECORD)).and_then(|f| f.set_modified(SystemTime::now()));
        drop(touched);
        used::note(&self.cache, &directory);
        Some((directory, record))
    }

    /// A directory to make an entry in.
    ///
    /// # Errors
    /// When it cannot be made (a full disk).
    pub fn bench(&self) -> io::Result<PathBuf> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let root = self.aside.as_deref().map_or(&*self.root, TempDir::path);
        let directory = root.join(format!("new-{}-{serial}", std::process::id()));
        fs::create_dir_all(&directory)?;
        Ok(directory)
    }

    /// Puts the files of a bench on the shelf (hard links, so that the bench stays usable) and
    /// returns the entry's directory. When another process was first, theirs is used.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn put(&self, hash: &str, bench: &Path, files: &[&str], mut record: Hints) -> io::Result<PathBuf> {
        let target = self.entry(hash);
        used::note(&self.cache, &target);
        if target.join(RECORD).exists() {
            return Ok(target);
        }
        if self.aside.is_some() {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let staging = self.bench()?;
        let finish = || -> io::Result<()> {
            for name in files {
                let from = bench.join(name);
                let bytes = fs::read(&from)?;
                record.files.push(((*name).to_owned(), bytes.len() as u64, hash_of(&bytes)));
                fs::hard_link(&from, staging.join(name)).or_else(|_| fs::write(staging.join(name), &bytes))?;
            }
            fs::write(staging.join(RECORD), serde_json::to_vec(&record)?)?;
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            match fs::rename(&staging, &target) {
                Err(_) if target.join(RECORD).exists() => fs::remove_dir_all(&staging),
                done => done,
            }
        };
        let mut finish = finish;
        let done = finish();
        if done.is_err() {
            drop(fs::remove_dir_all(&staging));
        }
        done.map(|()| target)
    }

    /// What an earlier compilation of the same first text learnt to leave out.
    pub fn hint(&self, hash: &str) -> Option<Omit> {
        serde_json::from_slice(&self.note(hash, OMITTED)?).ok()
    }

    /// Remember what to leave out. Only speeds up the next time, so nobody hears of a failure.
    pub fn put_hint(&self, hash: &str, omit: &Omit) {
        if let Ok(bytes) = serde_json::to_vec(omit) {
            self.put_note(hash, OMITTED, &bytes);
        }
    }

    /// What rustc once said to a question.
    pub fn answer(&self, hash: &str) -> Option<String> {
        String::from_utf8(self.note(hash, ANSWER)?).ok()
    }

    /// Remember what rustc said. Only speeds up the next time, so nobody hears of a failure.
    pub fn put_answer(&self, hash: &str, answer: &str) {
        self.put_note(hash, ANSWER, answer.as_bytes());
    }

    fn note(&self, hash: &str, kind: &str) -> Option<Vec<u8>> {
        let inside = Path::new("cells").join(&hash[..2]).join(format!("{hash}.{kind}"));
        self.layers.iter().chain([&self.cache]).find_map(|cache| {
            let path = cache.root().join(&inside);
            let bytes = fs::read(&path).ok().filter(|_| cache.trusts_path(&path))?;
            used::note(cache, &path);
            Some(bytes)
        })
    }

    fn put_note(&self, hash: &str, kind: &str, bytes: &[u8]) {
        let path = self.root.join(&hash[..2]).join(format!("{hash}.{kind}"));
        if self.cache.write(&path, bytes).is_ok() {
            used::note(&self.cache, &path);
        }
    }

    /// Throws out what was not used for longest until the shelf fits its capacity.
    pub fn tidy(&self) {
        self.tidy_to(CAPACITY);
    }

    fn tidy_to(&self, capacity: u64) {
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        let Ok(shelves) = fs::read_dir(&self.root) else { return };
        for shelf in shelves.flatten() {
            if shelf.file_name().to_string_lossy().starts_with("new-") {
                let old =
                    shelf.metadata().and_then(|m| m.modified()).is_ok_and(|t| t.elapsed().is_ok_and(|e| e > ABANDONED));
                if old {
                    drop(fs::remove_dir_all(shelf.path()));
                }
                continue;
            }
            let Ok(inner) = fs::read_dir(shelf.path()) else { continue };
            entries.extend(inner.flatten().filter_map(|e| weigh(&e.path())));
        }
        let mut total: u64 = entries.iter().map(|(_, size, _)| size).sum();
        entries.sort();
        for (_, size, path) in entries {
            if total <= capacity {
                return;
            }
            drop(if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) });
            total -= size;
        }
    }
}

/// A folder of this session's own, where code can be loaded if there is any such place.
fn place_aside() -> Option<TempDir> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let others = ["/dev/shm", "/var/tmp", "/tmp"].map(PathBuf::from);
    let places: Vec<PathBuf> = [std::env::temp_dir()].into_iter().chain(runtime).chain(others).collect();
    let make = |place: &PathBuf| tempfile::Builder::new().prefix("ferrolab-cells-").tempdir_in(place).ok();
    let good = places.iter().filter(|place| loadable::refusal(place).is_none()).find_map(make);
    // The first one's refusal is told when a cell is loaded.
    good.or_else(|| places.iter().find_map(make))
}

/// An entry that is whole, and that nobody else could have written.
fn read_entry(cache: &Cache, directory: &Path) -> Option<Hints> {
    let record: Hints = serde_json::from_slice(&fs::read(directory.join(RECORD)).ok()?).ok()?;
    let whole = record.files.iter().all(|(name, length, hash)| {
        let path = directory.join(name);
        cache.trusts_path(&path) && fs::read(&path).is_ok_and(|b| b.len() as u64 == *length && hash_of(&b) == *hash)
    });
    (whole && cache.trusts_path(&directory.join(RECORD))).then_some(record)
}

fn weigh(path: &Path) -> Option<(SystemTime, u64, PathBuf)> {
    let meta = path.metadata().ok()?;
    if meta.is_file() {
        return Some((meta.modified().ok()?, meta.len(), path.to_owned()));
    }
    let used = path.join(RECORD).metadata().and_then(|m| m.modified()).or_else(|_| meta.modified()).ok()?;
    let size = fs::read_dir(path).ok()?.flatten().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
    Some((used, size, path.to_owned()))
}

fn hash_of(bytes: &[u8]) -> String {
    Identity::default().part(bytes).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::at(&folder.path().join("cache")).expect("a cache");
        let shelf = Shelf::open(&cache, &[]).expect("a shelf");
        (folder, shelf)
    }

    fn put(shelf: &Shelf, hash: &str, size: usize) {
        let bench = shelf.bench().expect("a bench");
        fs::write(bench.join(OBJECT), vec![7; size]).expect("an object");
        let record = Hints { types: vec![(0, hash.to_owned())], ..Hints::default() };
        shelf.put(hash, &bench, &[OBJECT], record).expect("an entry");
        fs::remove_dir_all(bench).expect("no bench");
    }

    #[test]
    fn what_was_put_is_found() {
        let (_folder, shelf) = shelf();
        assert_eq!(shelf.find("aa11"), None);
        put(&shelf, "aa11", 100);
        let (directory, record) = shelf.find("aa11").expect("the entry");
        assert_eq!(record.types, [(0, "aa11".to_owned())]);
        assert_eq!(fs::read(directory.join(OBJECT)).expect("the object").len(), 100);
    }

    #[test]
    fn damage_is_noticed_and_can_be_made_good() {
        let (_folder, shelf) = shelf();
        for damaged in [OBJECT, RECORD] {
            put(&shelf, "bb22", 50);
            let (directory, _) = shelf.find("bb22").expect("the entry");
            fs::write(directory.join(damaged), "garbage").expect("damage");
            assert_eq!(shelf.find("bb22"), None, "{damaged}");
        }
        put(&shelf, "bb22", 50);
        assert!(shelf.find("bb22").is_some());
    }

    #[test]
    fn the_shelf_keeps_what_was_used_last() {
        let (_folder, shelf) = shelf();
        for hash in ["aa00", "bb00", "cc00"] {
            put(&shelf, hash, 10_000);
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(shelf.find("aa00").is_some(), "its use makes it the youngest");
        shelf.tidy_to(25_000);
        assert_eq!(shelf.find("bb00"), None);
        assert!(shelf.find("aa00").is_some() && shelf.find("cc00").is_some());
    }

    #[test]
    fn what_a_layer_has_is_taken_from_there_and_nothing_is_written_to_it() {
        let (folder, made) = shelf();
        put(&made, "aa11", 100);
        made.put_hint("bb22", &Omit::default());
        let layer = folder.path().join("cache");
        let listed = |path: &Path| -> Vec<(PathBuf, Option<SystemTime>)> {
            let mut all: Vec<_> = fs::read_dir(path).expect("a folder").flatten().map(|e| e.path()).collect();
            all.sort();
            all.into_iter().map(|path| (path.clone(), path.metadata().and_then(|m| m.modified()).ok())).collect()
        };
        let before = (listed(&layer.join("cells/aa/aa11")), listed(&layer.join("cells")));
        let own = Cache::at(&folder.path().join("own")).expect("a cache");
        let sites = [Site { path: layer.clone(), owner: None }];
        let shelf = Shelf::open(&own, &sites).expect("a shelf");
        let (directory, _) = shelf.find("aa11").expect("the layer's");
        assert!(directory.starts_with(layer.canonicalize().expect("a path")));
        assert!(shelf.hint("bb22").is_some());
        put(&shelf, "cc33", 10);
        assert!(shelf.find("cc33").expect("its own").0.starts_with(own.root()));
        // Damage is not mended there.
        fs::write(layer.join("cells/aa/aa11").join(OBJECT), "garbage").expect("damage");
        assert_eq!(shelf.find("aa11"), None);
        let after = (listed(&layer.join("cells/aa/aa11")), listed(&layer.join("cells")));
        assert_eq!(before.1, after.1);
        assert_eq!(before.0.len(), after.0.len());
    }

    #[test]
    fn hints_are_remembered() {
        let (_folder, shelf) = shelf();
        let omit = Omit { debug_errors: true, ..Omit::default() };
        shelf.put_hint("dd33", &omit);
        assert_eq!((shelf.hint("dd33"), shelf.hint("ee44")), (Some(omit), None));
    }
}
