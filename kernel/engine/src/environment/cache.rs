//! The cache directory: where it is, whether it can be trusted, and how a finished entry gets in.
//!
//! Several kernels use it at once, on several machines when the home directory is shared. It
//! knows nothing of what the entries mean.

use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::error::{EnvironmentError, EnvironmentFault};
use super::site::Site;

/// The environment variable that moves the cache.
pub const VARIABLE: &str = "FERROLAB_CACHE_DIR";

/// Ages are told in days; a home directory is not written to more often for them.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A cache directory that this user owns, or one that is only read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
    exposed: bool,
    /// Whose files are trusted besides those of root and this user.
    owner: Option<u32>,
    /// Nothing is ever written to it.
    read_only: bool,
}

impl Cache {
    /// The user's cache: `FERROLAB_CACHE_DIR`, else `XDG_CACHE_HOME/ferrolab`, else
    /// `~/.cache/ferrolab`. It is created, for its owner alone, when it is not there.
    ///
    /// # Errors
    /// When it cannot be created, belongs to someone else, or others may write to it.
    pub fn open() -> Result<Self, EnvironmentError> {
        Self::at(&default_root()?)
    }

    /// [`Cache::open`]; where the home cannot be written and site layers have what sessions need, a folder of this
    /// user's among the temporary ones.
    ///
    /// # Errors
    /// As for [`Cache::open`].
    pub fn open_beside(sites: &[Site]) -> Result<Self, EnvironmentError> {
        let root = default_root()?;
        let chosen = std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty());
        let opened = Self::at(&root);
        if opened.is_ok() || chosen || sites.is_empty() || root.exists() {
            return opened;
        }
        let name = format!("ferrolab-{}", ferrolab_system::users::own());
        let aside = std::env::temp_dir().join(name);
        // A link could lead to any folder of this user's.
        let is_link = fs::symlink_metadata(&aside).is_ok_and(|meta| meta.is_symlink());
        if is_link { opened } else { Self::at(&aside).or(opened) }
    }

    /// The cache at `root`; see [`Cache::open`].
    ///
    /// # Errors
    /// As for [`Cache::open`].
    pub fn at(root: &Path) -> Result<Self, EnvironmentError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(root);
        made.map_err(|e| failed("create the cache directory", root, &e))?;
        let meta = fs::metadata(root).map_err(|e| failed("read the cache directory", root, &e))?;
        if !trusted(meta.uid(), None) {
            return Err(EnvironmentError::new(
                EnvironmentFault::Cache,
                format!(
                    "the cache directory {} belongs to another user (uid {}); code from it will not be loaded",
                    root.display(),
                    meta.uid()
                ),
            )
            .help(format!("set {VARIABLE} to a directory of your own")));
        }
        if meta.mode() & 0o022 != 0 {
            return Err(EnvironmentError::new(
                EnvironmentFault::Cache,
                format!(
                    "others may write to the cache directory {} (mode {:o}); code from it will not be loaded",
                    root.display(),
                    meta.mode() & 0o777
                ),
            )
            .help(format!("chmod go-w '{}', or set {VARIABLE} to another directory", root.display())));
        }
        // Links are resolved once, so that every stored path names one place.
        let root = root.canonicalize().map_err(|e| failed("resolve the cache directory", root, &e))?;
        Ok(Self { root, exposed: meta.mode() & 0o077 != 0, owner: None, read_only: false })
    }

    /// A cache that is only read: nobody but root, this user and `owner` could have written to it, or exchanged
    /// it. Nothing is created.
    ///
    /// # Errors
    /// When it is not there, or somebody else could have.
    pub(super) fn layer(root: &Path, owner: Option<u32>) -> Result<Self, EnvironmentError> {
        let refused = |what: String, help: String| EnvironmentError::new(EnvironmentFault::Cache, what).help(help);
        let unreadable = |e: io::Error| {
            let what = format!("the site layer {} cannot be read: {e}", root.display());
            refused(what, "is it there on this node, and may you enter its folders?".to_owned())
        };
        // Links are resolved once, so that every path names one place.
        let root = root.canonicalize().map_err(unreadable)?;
        for folder in root.ancestors() {
            let meta = fs::symlink_metadata(folder).map_err(unreadable)?;
            let at = folder.display();
            if !trusted(meta.uid(), owner) {
                let user = ferrolab_system::users::shown(meta.uid());
                return Err(refused(
                    format!(
                        "the site layer {} is not used: {at} belongs to {user}, and code from it would run with your rights",
                        root.display()
                    ),
                    "an administrator, or you, can name that owner: `ferrolab install --site DIR --site-owner NAME`"
                        .to_owned(),
                ));
            }
            // In a folder like /tmp only a name's owner can take it away.
            let sticky = folder != root && meta.mode() & 0o1000 != 0;
            if meta.mode() & 0o022 != 0 && !sticky {
                return Err(refused(
                    format!(
                        "the site layer {} is not used: others may write to {at} (mode {:o})",
                        root.display(),
                        meta.mode() & 0o7777
                    ),
                    format!("chmod go-w '{at}', or move the layer to a folder that only its owner can change"),
                ));
            }
        }
        Ok(Self { root, exposed: true, owner, read_only: true })
    }

    /// The directory itself, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// An entry is used: its age is the time since then. What is only read has no age.
    pub(super) fn touch(&self, path: &Path) {
        if self.read_only {
            return;
        }
        let file = File::open(path);
        let old = |file: &File| {
            file.metadata().and_then(|meta| meta.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > DAY))
        };
        if let Some(file) = file.ok().filter(old) {
            // Without it the entry only looks older.
            drop(file.set_modified(SystemTime::now()));
        }
    }

    /// Whether code in a file with this metadata may be loaded: nobody but this user and root
    /// could have written it.
    pub fn trusts(&self, meta: &Metadata) -> bool {
        // Where only the owner can enter, a group-writable file (umask 002) is out of reach.
        trusted(meta.uid(), self.owner) && (!self.exposed || meta.mode() & 0o022 == 0)
    }

    /// Whether `path` and every directory between it and the root may be trusted.
    pub fn trusts_path(&self, path: &Path) -> bool {
        let mut at = Some(path);
        while let Some(here) = at {
            if here == self.root {
                return true;
            }
            match fs::symlink_metadata(here) {
                Ok(meta) if !meta.is_symlink() && self.trusts(&meta) => at = here.parent(),
                _ => return false,
            }
        }
        false
    }

    /// A directory below the root, created when it is not there.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn directory(&self, name: &str) -> Result<PathBuf, EnvironmentError> {
        let path = self.root.join(name);
        make(&path)?;
        Ok(path)
    }

    /// Write a whole file or nothing of it.
    ///
    /// # Errors
    /// When the disk is full or the directory cannot be written.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), EnvironmentError> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        if let Some(parent) = path.parent() {
            make(parent)?;
        }
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("tmp-{}-{serial}", std::process::id()));
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.set_permissions(fs::Permissions::from_mode(0o644))?;
            fs::rename(&temporary, path)
        });
        written.map_err(|e| {
            // The half-written file helps nobody; if it cannot be removed, the error says why.
            drop(fs::remove_file(&temporary));
            failed("write", path, &e)
        })
    }

    /// An empty directory in which `target` is put together. The caller holds the lock for
    /// `target`, so what a killed build left there is removed.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn stage(&self, target: &Path) -> Result<Staging, EnvironmentError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = target.with_file_name(format!(".new-{name}"));
        remove_all(&path).map_err(|e| failed("remove", &path, &e))?;
        make(&path)?;
        Ok(Staging { path, target: target.to_path_buf(), done: false })
    }
}

/// A directory that is being put together; removed when it is dropped before its commit.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    target: PathBuf,
    done: bool,
}

impl Staging {
    /// Where to put files.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Take the finished directory's place, replacing what stood there.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn commit(mut self) -> Result<PathBuf, EnvironmentError> {
        let name = self.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let old = self.target.with_file_name(format!(".old-{name}"));
        let swap = || -> io::Result<()> {
            if self.target.symlink_metadata().is_ok() {
                remove_all(&old)?;
                // Processes that have loaded the old files keep them: only names change.
                fs::rename(&self.target, &old)?;
            }
            fs::rename(&self.path, &self.target)
        };
        swap().map_err(|e| failed("put in place", &self.target, &e))?;
        self.done = true;
        drop(remove_all(&old));
        Ok(self.target.clone())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.done {
            drop(remove_all(&self.path));
        }
    }
}

/// The error for an operation on the cache, with advice that fits the cause.
pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> EnvironmentError {
    let help = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!(
            "the disk (or your quota) is full: free some space, or set {VARIABLE} to a directory on a larger file system"
        ),
        _ => ferrolab_system::limits::explain(&error.to_string())
            .unwrap_or_else(|| format!("set {VARIABLE} to a directory you can write to, for instance on scratch")),
    };
    EnvironmentError::new(EnvironmentFault::Cache, format!("cannot {what} {}: {error}", path.display())).help(help)
}

/// Remove a file or directory tree; nothing there is fine.
pub(super) fn remove_all(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copy a file into an entry; the copy is never writable by others.
pub(super) fn place(from: &Path, to: &Path) -> Result<u64, EnvironmentError> {
    // Always a copy: a hard link would let a later build write into a finished entry.
    let copied = fs::copy(from, to).map_err(|e| failed("write", to, &e))?;
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(to, mode).map_err(|e| failed("protect", to, &e))?;
    Ok(copied)
}

/// Flush a directory's new names to disk, so that a crash cannot leave a marker without files.
pub(super) fn sync(directory: &Path) {
    if let Ok(handle) = File::open(directory) {
        // Not every file system can; the sizes in the marker catch what is lost.
        drop(handle.sync_all());
    }
}

/// Make a directory inside the cache. The root decides who may enter: an administrator opens it
/// (`chmod 755`) to share everything below, read-only.
pub(super) fn make(path: &Path) -> Result<(), EnvironmentError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(path);
    made.map_err(|e| failed("create", path, &e))
}

/// Whether code of this user's may be loaded.
fn trusted(uid: u32, owner: Option<u32>) -> bool {
    uid == 0 || uid == ferrolab_system::users::own() || Some(uid) == owner
}

fn default_root() -> Result<PathBuf, EnvironmentError> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let root = if let Some(path) = variable(VARIABLE) {
        path
    } else if let Some(path) = variable("XDG_CACHE_HOME").filter(|p| p.is_absolute()) {
        path.join("ferrolab")
    } else if let Some(home) = std::env::home_dir().filter(|p| p.is_absolute()) {
        home.join(".cache/ferrolab")
    } else {
        return Err(EnvironmentError::new(EnvironmentFault::Cache, "there is no home directory to keep a cache in")
            .help(format!("set {VARIABLE} to a directory you can write to")));
    };
    std::path::absolute(&root).map_err(|e| failed("resolve", &root, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("ferrolab-cache-{name}-{}", std::process::id()));
        drop(remove_all(&path));
        path
    }

    #[test]
    fn a_directory_others_may_write_to_is_refused() {
        let root = scratch("open");
        assert!(Cache::at(&root).is_ok());
        let permissions = fs::Permissions::from_mode(0o777);
        fs::set_permissions(&root, permissions).expect("own directory");
        let error = Cache::at(&root).expect_err("world-writable");
        assert!(error.help.contains("chmod"), "{error}");
        drop(remove_all(&root));
    }

    #[test]
    fn an_uncommitted_stage_leaves_nothing_and_a_commit_replaces() {
        let root = scratch("stage");
        let cache = Cache::at(&root).expect("cache");
        let target = cache.root().join("entry");
        for content in ["one", "two"] {
            drop(cache.stage(&target).expect("stage"));
            let stage = cache.stage(&target).expect("stage");
            fs::write(stage.path().join("file"), content).expect("write");
            stage.commit().expect("commit");
            assert_eq!(fs::read_to_string(target.join("file")).expect("read"), content);
            assert_eq!(fs::read_dir(cache.root()).expect("list").count(), 1);
        }
        assert!(cache.trusts_path(&target.join("file")));
        drop(remove_all(&root));
    }
}
