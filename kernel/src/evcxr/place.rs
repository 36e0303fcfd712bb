//! Where evcxr builds: a temporary directory for each session, filled with what an earlier session
//! has built of the helper crate. evcxr is told of it through a variable of its own;
//! what it writes there is its business.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use ferrolab_engine::environment::{self, Cache};

/// evcxr's variable for the directory.
const VARIABLE: &str = "EVCXR_TMPDIR";
/// What is built is copied up to this size, since cargo writes over its own records; larger files
/// are made anew when they change, and can be linked.
const COPIED: u64 = 256 << 10;

/// A session's directory. It is removed with this value.
#[derive(Debug)]
pub struct SessionDirectory {
    directory: TempDir,
    cache: Cache,
}

impl SessionDirectory {
    /// Makes the directory and names it to evcxr.
    ///
    /// # Errors
    /// When there is no cache directory, or no directory for temporary files.
    ///
    /// # Safety
    /// No other thread runs yet.
    pub unsafe fn make() -> Result<Self, String> {
        let cache = Cache::open().map_err(|e| e.to_string())?;
        // Not in the cache: a workspace above it, such as a checkout's, would claim evcxr's package.
        let directory = tempfile::Builder::new().prefix("ferrolab-evcxr-").tempdir();
        let directory = directory.map_err(|e| format!("cannot make a directory for temporary files: {e}"))?;
        if let Some(built) = built(&cache).filter(|built| built.is_dir() && cache.trusts_path(built)) {
            // Without it the helper crate is built once more, which only takes longer.
            if link(&built, directory.path()).is_err() {
                drop(fs::remove_dir_all(directory.path().join("target")));
            }
        }
        if std::env::var_os(VARIABLE).is_none() {
            // SAFETY: by this function's contract nobody reads the environment now.
            unsafe { std::env::set_var(VARIABLE, directory.path()) };
        }
        Ok(Self { directory, cache })
    }

    /// Where the loader of a guest finds what cells are linked with: crates that are shared objects,
    /// and the standard library. The paths that evcxr's cells carry are relative to a directory
    /// that evcxr moves them out of.
    pub(super) fn libraries(&self) -> Option<OsString> {
        let toolchain = toolchain(&self.cache)?;
        let built = self.directory.path().join("target").join(&toolchain.host).join("debug/deps");
        let mut paths = vec![built, toolchain.libstd?.parent()?.to_owned()];
        paths.extend(std::env::var_os("LD_LIBRARY_PATH").iter().flat_map(std::env::split_paths));
        std::env::join_paths(paths).ok()
    }

    /// Where the helper crate's source is, as a package that evcxr can depend on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn helper(&self) -> Result<PathBuf, String> {
        environment::helper_for_evcxr(&self.cache).map_err(|e| e.to_string())
    }

    /// Keeps what this session has built of the helper crate for later ones.
    pub(super) fn keep(&self) {
        let Some(target) = built(&self.cache).filter(|target| !target.exists()) else { return };
        let Ok(stage) = self.cache.stage(&target) else { return };
        // What cannot be kept is built again.
        if link(self.directory.path(), stage.path()).is_ok() {
            drop(stage.commit());
        }
    }
}

/// Where what was built for this helper crate is kept, or will be.
fn built(cache: &Cache) -> Option<PathBuf> {
    let toolchain = toolchain(cache)?;
    let identity = environment::Identity::default();
    let identity = identity.part(&toolchain.version_text).part(environment::helper_hash()).part("evcxr 0.22.0");
    Some(cache.directory("evcxr").ok()?.join(format!("built-{}", identity.finish())))
}

fn toolchain(cache: &Cache) -> Option<environment::Toolchain> {
    environment::Toolchain::discover(cache, &[], &std::env::current_dir().ok()?).ok()
}

/// The lock and cargo's target directory of one place in another, without the session's own cells.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from.join("Cargo.lock"), to.join("Cargo.lock"))?;
    link_all(&from.join("target"), &to.join("target"))
}

fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text == "incremental" || is_cell(&text) {
            continue;
        }
        let (old, new) = (entry.path(), to.join(&name));
        let meta = entry.metadata()?;
        if meta.is_dir() {
            link_all(&old, &new)?;
        } else if meta.is_file() && (meta.size() <= COPIED || fs::hard_link(&old, &new).is_err()) {
            // Also what is on another file system.
            fs::copy(&old, &new)?;
            // cargo compares times.
            fs::File::options().write(true).open(&new)?.set_modified(meta.modified()?)?;
        }
    }
    Ok(())
}

/// Cells are a crate named `ctx`, whose objects evcxr renames to `code_1` and so on.
fn is_cell(name: &str) -> bool {
    let name = name.strip_prefix("lib").unwrap_or(name);
    name == "ctx.d" || name == "ctx.so" || name.starts_with("ctx-") || name.starts_with("code_")
}
