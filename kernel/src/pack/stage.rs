//! `ferrolab stage`: a pack, unpacked once for each node and user, however many ask at the same time. It appears as a
//! whole or not at all.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::archive::{List, Reader};
use super::quoted;
use ferrolab_engine::environment::{Guard, loadable};
use ferrolab_system::users;

/// Where jobs keep what only they need, in the order of asking.
const SCRATCH: [&str; 2] = ["SLURM_TMPDIR", "TMPDIR"];

/// Unpacks a pack below `to`, or where jobs keep such things, unless it is there; the prefix.
///
/// # Errors
/// A sentence for the user when the pack is damaged, there is no room, or code cannot be loaded from there.
pub fn stage(pack: &Path, to: Option<&Path>, say: &mut dyn FnMut(&str)) -> Result<PathBuf, String> {
    let base = base(to)?;
    let mut place = None;
    let mut held = None;
    Reader::open(pack)?
        .unpack(|list, id| {
            let prefix = base.join(format!("pack-{id}"));
            let lock = base.join(format!(".pack-{id}.lock"));
            let mut told = false;
            let mut waiting = || {
                if !std::mem::replace(&mut told, true) {
                    say("waiting: another process unpacks the same pack");
                }
            };
            held = Some(Guard::take(&lock, &mut waiting, &false.into()).map_err(|e| e.to_string())?);
            if prefix.is_dir() {
                place = Some((prefix, None));
                return Ok(None);
            }
            let fresh = base.join(format!(".new-{id}"));
            // What a killed one left.
            drop(fs::remove_dir_all(&fresh));
            room(&base, list)?;
            fs::create_dir(&fresh).map_err(|e| format!("cannot write to {}: {e}", base.display()))?;
            say(&format!("unpacking {} files to {}", list.files.len(), prefix.display()));
            place = Some((prefix, Some(fresh.clone())));
            Ok(Some(fresh))
        })
        .inspect_err(|_| {
            if let Some((_, Some(fresh))) = &place {
                drop(fs::remove_dir_all(fresh));
            }
        })?;
    let (prefix, fresh) = place.ok_or("the pack holds nothing")?;
    if let Some(fresh) = fresh {
        fs::rename(&fresh, &prefix).map_err(|e| format!("cannot put {} in place: {e}", prefix.display()))?;
    }
    drop(held);
    Ok(prefix)
}

/// What a shell is told, so that Jupyter and this program's users find what was unpacked.
pub fn words(prefix: &Path) -> String {
    format!(
        "export JUPYTER_PATH={}${{JUPYTER_PATH:+:$JUPYTER_PATH}}\nexport PATH={}:$PATH\n",
        quoted(&prefix.join("share/jupyter")),
        quoted(&prefix.join("bin"))
    )
}

/// A folder of this user's own that nobody else can write to.
fn base(to: Option<&Path>) -> Result<PathBuf, String> {
    let named =
        || SCRATCH.iter().find_map(|name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from));
    let scratch = to.map(Path::to_path_buf).or_else(named).unwrap_or_else(|| PathBuf::from("/tmp"));
    let scratch = scratch.canonicalize().map_err(|e| format!("{}: {e}", scratch.display()))?;
    if let Some(refusal) = loadable::refusal(&scratch) {
        return Err(format!("{}; choose another folder with --to", refusal.message));
    }
    // In a folder that is shared every user has one of his own.
    let base = scratch.join(format!("ferrolab-packs-{}", users::own()));
    match fs::DirBuilder::new().mode(0o755).create(&base) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            return Err(format!("cannot write to {}: {e}", scratch.display()));
        }
        _ => {}
    }
    let meta = fs::symlink_metadata(&base).map_err(|e| format!("{}: {e}", base.display()))?;
    if !meta.is_dir() || meta.uid() != users::own() || meta.mode() & 0o022 != 0 {
        return Err(format!(
            "{} belongs to another user, or others may write to it: choose another folder with --to",
            base.display()
        ));
    }
    Ok(base)
}

/// Is there room for all of it?
fn room(base: &Path, list: &List) -> Result<(), String> {
    let bytes: u64 = list.files.iter().map(|item| item.bytes).sum();
    let Ok(probe) = tempfile::tempfile_in(base) else { return Ok(()) };
    match fallocate(&probe, FallocateFlags::empty(), 0, bytes) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(format!(
            "{} has no room for {:.0} MB: {}; choose another folder with --to",
            base.display(),
            bytes as f64 / 1e6,
            io::Error::from(error)
        )),
        _ => Ok(()),
    }
}
