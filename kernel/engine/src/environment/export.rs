//! Copying what a run has used into a cache for others: finished environments, compiled cells, and what is known of
//! the toolchain. What a run has used is `used`'s to say; nothing is built here.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::cache::{Cache, failed, make};
use super::error::{EnvironmentError, EnvironmentFault};
use super::lock::Guard;
use super::site::{About, Site};
use super::store::IndexEntry;
use super::{site, used};

/// What a cache for others holds now, of what it was to be given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Environments.
    pub environments: usize,
    /// Compiled cells.
    pub cells: usize,
    /// Local crates that environments are made from: others may have them neither here nor elsewhere.
    pub local: Vec<PathBuf>,
}

/// Copies what the list in `used` names into the cache at `to`, which everybody may read afterwards. What is there
/// already stays. `sites` are the layers that the run has read.
///
/// # Errors
/// When the list cannot be read, `to` is not this user's or cannot be written, or something that was used is not
/// there any more.
pub fn export(used: &Path, sites: &[Site], to: &Path, about: &About) -> Result<Exported, EnvironmentError> {
    let entries = used::read(used).map_err(|e| failed("read", used, &e))?;
    let to = Cache::at(to)?;
    let _guard = Guard::take(&to.directory("locks")?.join("export"), &mut || {}, &AtomicBool::new(false))?;
    let layers = site::layers(sites);
    let mut done = Exported::default();
    for (root, inside) in entries {
        let from = match layers.iter().find(|layer| layer.root() == root) {
            Some(layer) => layer.clone(),
            None => Cache::at(&root)?,
        };
        if from.root() == to.root() {
            continue;
        }
        let kind = inside.components().next().map(|part| part.as_os_str().to_owned()).unwrap_or_default();
        if kind == "index" {
            done.local.extend(environment(&from, &layers, &inside, &to)?);
            done.environments += 1;
        } else if from.root().join(&inside).is_dir() {
            copy_entry(&from, &inside, &to)?;
            done.cells += 1;
        } else {
            copy_file(&from, &inside, &to)?;
        }
    }
    let mut all = About::read(to.root());
    for (list, more) in [(&mut all.processors, &about.processors), (&mut all.notebooks, &about.notebooks)] {
        list.extend(more.iter().cloned());
        list.sort();
        list.dedup();
    }
    About { ferrolab: about.ferrolab.clone(), rustc: about.rustc.clone(), ..all }.write(&to)?;
    open_to_all(to.root()).map_err(|e| failed("open to others", to.root(), &e))?;
    done.local.sort();
    done.local.dedup();
    Ok(done)
}

/// An environment with all it is made of; the local crates in it.
fn environment(
    from: &Cache,
    layers: &[Cache],
    inside: &Path,
    to: &Cache,
) -> Result<BTreeSet<PathBuf>, EnvironmentError> {
    let file = from.root().join(inside);
    let Some(entry) = IndexEntry::read(from, layers, &file) else {
        let what = format!("the environment of {} is not whole any more", file.display());
        return Err(EnvironmentError::new(EnvironmentFault::Cache, what).help("run the same command again"));
    };
    for part in entry.parts() {
        copy_entry(from, &part, to)?;
    }
    let local = entry.watched().map(Path::to_path_buf).collect();
    let key = inside.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    entry.in_other(to)?.save(to, &key)?;
    Ok(local)
}

/// A folder that is finished: all of it or nothing.
fn copy_entry(from: &Cache, inside: &Path, to: &Cache) -> Result<(), EnvironmentError> {
    let (source, target) = (from.root().join(inside), to.root().join(inside));
    if target.exists() {
        return Ok(());
    }
    if let Some(parent) = target.parent() {
        make(parent)?;
    }
    let stage = to.stage(&target)?;
    copy_tree(&source, stage.path()).map_err(|e| failed("copy", &source, &e))?;
    stage.commit().map(drop)
}

fn copy_file(from: &Cache, inside: &Path, to: &Cache) -> Result<(), EnvironmentError> {
    let source = from.root().join(inside);
    match fs::read(&source) {
        Ok(bytes) => to.write(&to.root().join(inside), &bytes),
        // Small notes may be thrown out at any time.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("read", &source, &error)),
    }
}

/// Copies with their times, so that what was compared by them need not be read.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
            continue;
        }
        fs::copy(entry.path(), &target)?;
        fs::File::options().write(true).open(&target)?.set_modified(entry.metadata()?.modified()?)?;
    }
    Ok(())
}

/// Whatever the umask is, everybody may read what is for everybody, and nobody but its owner may change it.
fn open_to_all(folder: &Path) -> io::Result<()> {
    let set = |path: &Path, mode: u32| -> io::Result<()> {
        let now = fs::symlink_metadata(path)?.permissions().mode() & 0o7777;
        if now == mode { Ok(()) } else { fs::set_permissions(path, fs::Permissions::from_mode(mode)) }
    };
    set(folder, 0o755)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            open_to_all(&path)?;
        } else if kind.is_file() {
            let runs = entry.metadata()?.permissions().mode() & 0o100 != 0;
            set(&path, if runs { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_copied_whole_with_their_times_for_everybody() {
        let folder = tempfile::tempdir().expect("a folder");
        let from = Cache::at(&folder.path().join("from")).expect("a cache");
        let cell = from.root().join("cells/ab/abcd");
        fs::create_dir_all(&cell).expect("a folder");
        for (name, text) in [("cell.so", "code"), ("record.json", "{}")] {
            fs::write(cell.join(name), text).expect("a file");
            fs::set_permissions(cell.join(name), fs::Permissions::from_mode(0o600)).expect("own file");
        }
        let list = folder.path().join("list");
        let root = from.root().display();
        fs::write(&list, format!("{root}\0cells/ab/abcd\0{root}\0cells/ab/gone.omit\0")).expect("a list");
        let to = folder.path().join("to");
        for _ in 0..2 {
            let done = export(&list, &[], &to, &About::default()).expect("a copy");
            assert_eq!((done.cells, done.environments), (1, 0));
        }
        let copy = to.join("cells/ab/abcd/cell.so");
        let meta = fs::metadata(&copy).expect("the copy");
        assert_eq!(meta.permissions().mode() & 0o777, 0o644);
        let original = fs::metadata(cell.join("cell.so")).expect("the original");
        assert_eq!(meta.modified().expect("a time"), original.modified().expect("a time"));
        assert_eq!(fs::metadata(&to).expect("the layer").permissions().mode() & 0o777, 0o755);
    }
}
