//! What was found out about a toolchain, kept in a cache so that nobody has to ask rustc again. It starts nothing.
//!
//! A compiler is known by its size and time, not by its place: a toolchain that was copied with its times, and one that
//! several users reach by different paths, is the same. Of a proxy, as rustup's, the place and what it looks at count.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::identity::{Identity, Stamp};
use super::toolchain::{Toolchain, dynamic_std};
use super::used;

const PREFIX: &str = "toolchain-2-";

/// What is to be known.
pub(super) struct Question {
    /// The program that is asked; absolute.
    pub(super) rustc: PathBuf,
    /// The sysroot, where the program is a compiler in one and no proxy.
    sysroot: Option<PathBuf>,
    stamps: Vec<Stamp>,
    key: String,
}

impl Question {
    /// What `rustc` means in a directory.
    pub(super) fn new(rustc: PathBuf, directory: &Path) -> Self {
        if let Some((rustc, sysroot)) = compiler(&rustc) {
            let stamps = vec![Stamp::of(&rustc)];
            let key = Identity::default().part("compiler").part(stamps[0].mark()).finish();
            return Self { rustc, sysroot: Some(sysroot), stamps, key };
        }
        let stamps = looked_at(&rustc, directory);
        let key = Identity::default()
            .part("proxy")
            .parts(stamps.iter().map(|stamp| stamp.path.to_string_lossy().into_owned()))
            .parts(["RUSTUP_TOOLCHAIN", "CARGO"].map(|name| env::var_os(name).unwrap_or_default().into_encoded_bytes()))
            .finish();
        Self { rustc, sysroot: None, stamps, key }
    }

    /// Whether the program only leads to a compiler.
    pub(super) fn is_of_proxy(&self) -> bool {
        self.sysroot.is_none()
    }

    /// Where the answer is in a cache.
    pub(super) fn file(&self, cache: &Cache) -> PathBuf {
        cache.root().join(format!("{PREFIX}{}.json", self.key))
    }
}

/// An answer.
#[derive(Serialize, Deserialize)]
struct Known {
    stamps: Vec<Stamp>,
    toolchain: Toolchain,
}

impl Known {
    fn read(cache: &Cache, file: &Path) -> Option<Self> {
        if !cache.trusts_path(file) {
            return None;
        }
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    /// The same toolchain with another sysroot.
    fn at(mut self, sysroot: &Path) -> Self {
        let from = std::mem::replace(&mut self.toolchain.sysroot, sysroot.to_path_buf());
        let Toolchain { rustc, cargo, libstd, .. } = &mut self.toolchain;
        let stamps = self.stamps.iter_mut().map(|stamp| &mut stamp.path);
        for path in [rustc, cargo].into_iter().chain(libstd).chain(stamps) {
            if let Ok(inside) = path.strip_prefix(&from) {
                *path = sysroot.join(inside);
            }
        }
        self
    }

    fn holds(&self) -> bool {
        self.stamps.iter().all(Stamp::still)
    }
}

/// What a cache knows, if it is still so.
pub(super) fn recall(cache: &Cache, question: &Question) -> Option<Toolchain> {
    let known = Known::read(cache, &question.file(cache))?;
    let known = match &question.sysroot {
        Some(sysroot) => known.at(sysroot),
        None => known,
    };
    let asked = known.stamps.iter().zip(&question.stamps).all(|(known, now)| known.path == now.path && known.fits(now));
    let Toolchain { libstd, sysroot, host, .. } = &known.toolchain;
    // The same compiler may be here with a library, and there without.
    let same_std = libstd.is_some() || dynamic_std(sysroot, host).is_none();
    let whole = known.stamps.len() >= question.stamps.len() && asked && known.holds();
    (whole && same_std).then_some(known.toolchain)
}

/// A toolchain that a layer was made with, and that is there on this machine.
pub(super) fn of_layer(layer: &Cache) -> Option<Toolchain> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(layer.root()).ok()?.flatten().map(|entry| entry.path()).filter(|path| is_note(path)).collect();
    files.sort();
    let known = files.iter().filter_map(|file| Known::read(layer, file)).find(Known::holds)?;
    Some(known.toolchain)
}

fn is_note(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
}

/// Keeps an answer. Without it the next session asks again, so nobody hears of a failure.
pub(super) fn keep(cache: &Cache, question: &Question, toolchain: &Toolchain) {
    let mut stamps = question.stamps.clone();
    let cargo = Some(&toolchain.cargo).filter(|cargo| cargo.starts_with(&toolchain.sysroot));
    stamps.extend(
        [Some(&toolchain.rustc), cargo, toolchain.libstd.as_ref()].into_iter().flatten().map(|path| Stamp::of(path)),
    );
    let known = Known { stamps, toolchain: toolchain.clone() };
    let file = question.file(cache);
    if serde_json::to_vec(&known).is_ok_and(|text| cache.write(&file, &text).is_ok()) {
        used::note(cache, &file);
    }
}

/// A program that is a compiler, with its sysroot: its library lies beside it. Links are followed.
fn compiler(rustc: &Path) -> Option<(PathBuf, PathBuf)> {
    let real = rustc.canonicalize().ok()?;
    let sysroot = real.parent()?.parent()?.to_path_buf();
    let driver = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("librustc_driver-");
    let there = fs::read_dir(sysroot.join("lib")).ok()?.flatten().any(driver);
    (there && real.file_name().is_some_and(|name| name == "rustc")).then_some((real, sysroot))
}

/// The files whose change can change which toolchain a proxy means.
fn looked_at(rustc: &Path, directory: &Path) -> Vec<Stamp> {
    let mut stamps = vec![Stamp::of(rustc)];
    let home = env::var_os("RUSTUP_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(home) = home.or_else(|| env::home_dir().map(|home| home.join(".rustup"))) {
        stamps.push(Stamp::of(&home.join("settings.toml")));
    }
    for folder in directory.ancestors() {
        for name in ["rust-toolchain.toml", "rust-toolchain"] {
            if folder.join(name).is_file() {
                stamps.push(Stamp::of(&folder.join(name)));
                return stamps;
            }
        }
    }
    stamps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::toolchain::Linker;

    /// Enough of a toolchain to be told from a proxy.
    fn toolchain(sysroot: &Path) -> Toolchain {
        for (file, text) in [
            ("bin/rustc", "rustc"),
            ("bin/cargo", "cargo"),
            ("lib/librustc_driver-1.so", ""),
            ("lib/libstd-1.so", "std"),
        ] {
            fs::create_dir_all(sysroot.join(file).parent().expect("a folder")).expect("a folder");
            fs::write(sysroot.join(file), text).expect("a file");
        }
        Toolchain {
            rustc: sysroot.join("bin/rustc"),
            cargo: sysroot.join("bin/cargo"),
            version_text: "rustc 1.95.0".to_owned(),
            release: "1.95.0".to_owned(),
            host: "x86_64-unknown-linux-gnu".to_owned(),
            sysroot: sysroot.to_path_buf(),
            libstd: Some(sysroot.join("lib/libstd-1.so")),
            linker: Linker { program: "/usr/bin/ld".into(), arguments: Vec::new(), libraries: Vec::new() },
            cc: None,
        }
    }

    #[test]
    fn a_toolchain_is_known_where_it_is_and_where_it_was_copied_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().canonicalize().expect("a path");
        let cache = Cache::at(&place.join("cache")).expect("a cache");
        let (here, there) = (place.join("here"), place.join("there"));
        let found = toolchain(&here);
        let ask = |sysroot: &Path| Question::new(sysroot.join("bin/rustc"), &place);
        assert!(recall(&cache, &ask(&here)).is_none());
        keep(&cache, &ask(&here), &found);
        assert_eq!(recall(&cache, &ask(&here)), Some(found));
        assert!(of_layer(&cache).is_some());
        toolchain(&there);
        for file in ["bin/rustc", "bin/cargo", "lib/libstd-1.so"] {
            // As archives do: whole seconds.
            let time = fs::metadata(here.join(file)).and_then(|meta| meta.modified()).expect("a time");
            let since = time.duration_since(std::time::UNIX_EPOCH).expect("later").as_secs();
            let whole = std::time::UNIX_EPOCH + std::time::Duration::from_secs(since);
            fs::File::options()
                .write(true)
                .open(there.join(file))
                .and_then(|file| file.set_modified(whole))
                .expect("set");
        }
        let moved = recall(&cache, &ask(&there)).expect("the copy");
        assert_eq!((moved.sysroot.as_path(), moved.libstd), (there.as_path(), Some(there.join("lib/libstd-1.so"))));
        fs::write(there.join("lib/libstd-1.so"), "another").expect("a file");
        assert!(recall(&cache, &ask(&there)).is_none(), "its library is another one");
    }
}
