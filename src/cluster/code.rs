//! Where a closure's code is: the shared object it was compiled into, the place in it, and the
//! objects that have to be loaded before. It sends nothing.

use super::elf::{self, Names};
use super::shim::Shim;
use super::target;
use crate::executor::Error;
use crate::rt;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A shared object, and how to tell that a file elsewhere is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) path: PathBuf,
    size: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    /// A cell's: it is loaded for those that name it, and not for everybody, as a layer is.
    by_path: bool,
}

/// What a worker needs to call code of the notebook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    /// In the order of loading.
    pub(crate) objects: Vec<Object>,
    /// What it needs of the processor; a worker looks before it loads the first object.
    features: Vec<String>,
    /// Where the code is: each its object, by its place above, and its place in that, in bytes. The first one of a run is its shim.
    places: Vec<(u32, u64)>,
}

impl Code {
    /// The same code for another processor, which the kernel compiles. Nothing of it is loaded here.
    ///
    /// # Errors
    /// When the kernel cannot: what rustc said, or that the user interrupted.
    pub(crate) fn compiled_for(&self, processor: &str) -> Result<Self, Error> {
        let channel = rt::channel::get().ok_or_else(|| Error::refused("there is no kernel that compiles"))?;
        let paths = self.objects.iter().map(|object| object.path.to_string_lossy().into_owned()).collect();
        let made = channel.compiled_for(processor, paths, self.places.clone());
        let (paths, places) = made.map_err(Error::refused)?;
        let objects = paths.iter().map(|path| {
            let path = Path::new(path);
            object(path, !is_layer(path))
        });
        // Whoever asks for a processor has it.
        Ok(Self { objects: objects.collect::<Result<_, _>>()?, features: Vec::new(), places })
    }
}

/// Finds the code of a shim.
pub(crate) fn of(shim: Shim) -> Result<Code, Error> {
    at(&[shim as *const ()])
}

/// Finds what is at these addresses.
pub(crate) fn at(addresses: &[*const ()]) -> Result<Code, Error> {
    let loaded = loaded();
    let mut objects = layers_of(&loaded)?;
    let mut homes: HashMap<PathBuf, u32> = HashMap::new();
    let mut places = Vec::with_capacity(addresses.len());
    for address in addresses {
        let (home, offset) = home_of(*address, &loaded)?;
        let at = match homes.get(&home) {
            Some(at) => *at,
            None => {
                add_home(&home, &loaded, &mut objects)?;
                let at = objects.iter().position(|object| object.path == home).unwrap_or_default() as u32;
                homes.insert(home, at);
                at
            }
        };
        places.push((at, offset));
    }
    Ok(Code { objects, features: target::features(), places })
}

/// The object that an address is in, and its place there.
fn home_of(address: *const (), loaded: &[PathBuf]) -> Result<(PathBuf, u64), Error> {
    // SAFETY: an all-zero Dl_info is valid; dladdr only writes to it.
    let (found, info) = unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        (libc::dladdr(address.cast(), &mut info), info)
    };
    if found == 0 || info.dli_fname.is_null() {
        return Err(Error::refused("the code of this closure is in no file"));
    }
    // SAFETY: a C string that lives as long as the object stays loaded, which is for good.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    let home = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
    if !loaded.contains(&home) {
        return Err(Error::refused("a cluster runs closures of notebook cells; this program is not a notebook"));
    }
    Ok((home, (address as usize - info.dli_fbase as usize) as u64))
}

fn layers_of(loaded: &[PathBuf]) -> Result<Vec<Object>, Error> {
    loaded.iter().filter(|path| is_layer(path)).map(|path| object(path, false)).collect()
}

/// Adds a cell's object, after those that it is linked against.
fn add_home(home: &Path, loaded: &[PathBuf], objects: &mut Vec<Object>) -> Result<(), Error> {
    let mut before = named_in(home, loaded)?;
    if !is_layer(home) {
        before.push(home.to_owned());
    }
    for path in before {
        if !objects.iter().any(|known| known.path == path) {
            objects.push(object(&path, true)?);
        }
    }
    Ok(())
}

/// The standard library and the layers: what every cell is linked against.
fn is_layer(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    // The last one is what evcxr's engine makes of the helper crate.
    name.starts_with(b"libstd-") || name.starts_with(b"libferrolab_layer_") || name == b"libferrolab.so"
}

/// The standard library and the layers of this process.
pub(crate) fn layers() -> Vec<PathBuf> {
    loaded().into_iter().filter(|path| is_layer(path)).collect()
}

/// The cells' objects that another one names: those it is linked against, each after those that it is linked against
/// itself.
fn named_in(home: &Path, loaded: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let needed = names_of(home)?;
    if needed.needed.is_empty() {
        return Ok(Vec::new());
    }
    let mut cells: Cells<'_> = HashMap::new();
    for path in loaded.iter().filter(|path| path.ends_with("cell.so") && *path != home) {
        let names = names_of(path)?;
        let Some(own) = names.own.clone() else { continue };
        // The loader, too, takes the first one of a name.
        cells.entry(own).or_insert((path, names));
    }
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    add_named(&needed.needed, &cells, &mut seen, &mut found);
    Ok(found)
}

/// Cells' objects by their names.
type Cells<'a> = HashMap<Vec<u8>, (&'a PathBuf, Arc<Names>)>;

fn add_named<'a>(names: &'a [Vec<u8>], cells: &'a Cells<'_>, seen: &mut HashSet<&'a [u8]>, found: &mut Vec<PathBuf>) {
    for name in names {
        let Some((path, of)) = cells.get(name) else { continue };
        if seen.insert(name) {
            add_named(&of.needed, cells, seen, found);
            found.push((*path).clone());
        }
    }
}

/// The names in an object that is loaded, read once: such a file does not change.
fn names_of(path: &Path) -> Result<Arc<Names>, Error> {
    static KNOWN: Mutex<Option<HashMap<PathBuf, Arc<Names>>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(names) = known.get(path) {
        return Ok(names.clone());
    }
    let names = Arc::new(elf::names(&fs::read(path).map_err(|e| unreadable(path, &e))?));
    known.insert(path.to_owned(), names.clone());
    Ok(names)
}

fn object(path: &Path, by_path: bool) -> Result<Object, Error> {
    let meta = fs::metadata(path).map_err(|e| unreadable(path, &e))?;
    let modified = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
    Ok(Object { path: path.to_owned(), size: meta.len(), modified, by_path })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::refused(format!("cannot read {}: {error}; run the cell that defined this closure again", path.display()))
}

/// All shared objects of this process, in the order they were loaded.
fn loaded() -> Vec<PathBuf> {
    unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: usize, found: *mut libc::c_void) -> i32 {
        // SAFETY: the loader passes a valid record, and `found` is the vector below.
        let (name, found) = unsafe { ((*info).dlpi_name, &mut *found.cast::<Vec<PathBuf>>()) };
        if !name.is_null() {
            // SAFETY: a C string of the loader's.
            let name = unsafe { CStr::from_ptr(name) };
            found.push(PathBuf::from(OsStr::from_bytes(name.to_bytes())));
        }
        0
    }
    let mut found: Vec<PathBuf> = Vec::new();
    // SAFETY: the callback gets what it expects, and does not unwind.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut found).cast()) };
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_not_a_notebook() {
        fn shim_of<F: Fn(u8) -> u8 + Copy + 'static>(_: F) -> Shim {
            super::super::shim::once::<u8, F, u8>
        }
        let shim = shim_of(|x| x);
        assert!(of(shim).unwrap_err().to_string().contains("not a notebook"));
    }

    #[test]
    fn the_loader_knows_libc() {
        assert!(loaded().iter().any(|path| path.file_name().is_some_and(|n| n.as_bytes().starts_with(b"libc.so"))));
    }
}
