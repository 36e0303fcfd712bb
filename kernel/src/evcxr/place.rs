//! Where evcxr builds: a directory of its own for each session, in our cache, filled with what an
//! earlier session has built of the helper crate. evcxr is told of it through a variable of its own;
//! what it writes there is its business.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::engine::environment::{self, Cache};

/// evcxr's variable for the directory.
const VARIABLE: &str = "EVCXR_TMPDIR";
/// What is built is copied up to this size, since cargo writes over its own records; larger files
/// are made anew when they change, and can be linked.
const COPIED: u64 = 256 << 10;

/// A session's directory. It is removed with this value.
#[derive(Debug)]
pub(crate) struct Place {
    directory: PathBuf,
    cache: Cache,
}

impl Place {
    /// Makes the directory and names it to evcxr.
    ///
    /// # Errors
    /// When there is no cache directory to make it in.
    ///
    /// # Safety
    /// No other thread runs yet.
    pub(crate) unsafe fn make() -> Result<Self, String> {
        let cache = Cache::open().map_err(|e| e.to_string())?;
        let sessions = cache.directory("evcxr").map_err(|e| e.to_string())?.join("sessions");
        tidy(&sessions);
        let directory = sessions.join(std::process::id().to_string());
        let failed = |e: io::Error| format!("cannot make {}: {e}", directory.display());
        match fs::remove_dir_all(&directory) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
            _ => fs::create_dir_all(&directory).map_err(failed)?,
        }
        if let Some(built) = built(&cache).filter(|built| built.is_dir() && cache.trusts_path(built)) {
            // Without it the helper crate is built once more, which only takes longer.
            if link(&built, &directory).is_err() {
                drop(fs::remove_dir_all(directory.join("target")));
            }
        }
        if std::env::var_os(VARIABLE).is_none() {
            // SAFETY: by this function's contract nobody reads the environment now.
            unsafe { std::env::set_var(VARIABLE, &directory) };
        }
        Ok(Self { directory, cache })
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
        if link(&self.directory, stage.path()).is_ok() {
            drop(stage.commit());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// Where what was built for this helper crate is kept, or will be.
fn built(cache: &Cache) -> Option<PathBuf> {
    let toolchain = environment::Toolchain::discover(cache, &std::env::current_dir().ok()?).ok()?;
    let identity = environment::Identity::default();
    let identity = identity.part(&toolchain.version_text).part(&environment::helper_hash()).part("evcxr 0.22.0");
    Some(cache.directory("evcxr").ok()?.join(format!("built-{}", identity.finish())))
}

/// Removes the directories of sessions that ended without doing so.
fn tidy(sessions: &Path) {
    let Ok(entries) = fs::read_dir(sessions) else { return };
    for entry in entries.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        // On a shared file system the process may be on another machine: only old ones go.
        let old = entry.metadata().and_then(|m| m.modified()).is_ok_and(|at| {
            at.elapsed().is_ok_and(|age| age > std::time::Duration::from_secs(24 * 3600))
        });
        if pid.is_some_and(|pid| old && !Path::new(&format!("/proc/{pid}")).exists()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
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
        } else if meta.is_file() && meta.size() > COPIED {
            fs::hard_link(&old, &new)?;
        } else if meta.is_file() {
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
