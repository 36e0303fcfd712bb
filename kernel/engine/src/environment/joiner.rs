//! Who makes a shared object of a layer: a C compiler, or the toolchain's own linker on a machine without one. What is
//! joined is not known here.
//!
//! Without a C compiler there are no start files and no development files of libc either. A shared object needs none of
//! the former but one symbol; instead of the latter, the libraries that programs load are linked.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::cache::failed;
use super::cargo::user_linker;
use super::error::EnvironmentError;
use super::toolchain::{Toolchain, own_linker};

/// What Rust's standard library names, and what programs load.
const LIBRARIES: [&str; 7] =
    ["libgcc_s.so.1", "libutil.so.1", "librt.so.1", "libpthread.so.0", "libm.so.6", "libdl.so.2", "libc.so.6"];

/// Whoever is called.
pub(super) enum Joiner {
    /// A C compiler, which calls a linker.
    Compiler(String),
    /// The toolchain's linker itself.
    Own(PathBuf),
}

impl Joiner {
    /// The one that the user names, a C compiler, or what the toolchain has.
    pub(super) fn of(toolchain: &Toolchain) -> Self {
        if let Some(named) = user_linker(&toolchain.host) {
            return Self::Compiler(named.to_string_lossy().into_owned());
        }
        if let Some(cc) = &toolchain.cc {
            return Self::Compiler(cc.display().to_string());
        }
        // What is missing is told by whoever calls it.
        own_linker(&toolchain.sysroot, &toolchain.host).map_or_else(|| Self::Compiler("cc".to_owned()), Self::Own)
    }

    /// rustc's word for how it is spoken to.
    pub(super) fn flavor(&self) -> &'static str {
        match self {
            Self::Compiler(_) => "gcc",
            Self::Own(_) => "ld",
        }
    }

    /// The words of its command.
    pub(super) fn command(&self) -> Vec<String> {
        match self {
            Self::Compiler(program) => vec![program.clone()],
            Self::Own(program) => vec![program.display().to_string(), "-flavor".to_owned(), "gnu".to_owned()],
        }
    }

    /// A linker's option as it has to be written: `-rpath=DIR`.
    pub(super) fn option(&self, option: &str) -> String {
        match self {
            Self::Compiler(_) => format!("-Wl,{option}"),
            Self::Own(_) => option.to_owned(),
        }
    }

    /// What a layer's text has besides: a symbol that is otherwise a start file's.
    pub(super) fn text(&self) -> &'static str {
        match self {
            Self::Compiler(_) => "",
            Self::Own(_) => "#[doc(hidden)]\n#[export_name = \"__dso_handle\"]\npub static DSO_HANDLE: u8 = 0;\n",
        }
    }

    /// Makes a folder where it finds the system's libraries, if it does not find them by itself.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn libraries(&self, host: &str, scratch: &Path) -> Result<Option<PathBuf>, EnvironmentError> {
        if matches!(self, Self::Compiler(_)) {
            return Ok(None);
        }
        let folder = scratch.join("libraries");
        fs::create_dir_all(&folder).map_err(|e| failed("make", &folder, &e))?;
        for name in LIBRARIES {
            let Some(file) = find(name, host) else { continue };
            let link = folder.join(name.split(".so").next().unwrap_or(name).to_owned() + ".so");
            symlink(&file, &link).map_err(|e| failed("make", &link, &e))?;
        }
        Ok(Some(folder))
    }
}

/// A library where the loader looks for it.
fn find(name: &str, host: &str) -> Option<PathBuf> {
    let many = host.replace("-unknown-", "-");
    let usual = ["/lib64".to_owned(), "/usr/lib64".to_owned(), format!("/lib/{many}"), format!("/usr/lib/{many}")];
    let named = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let folders = std::env::split_paths(&named).collect::<Vec<_>>().into_iter();
    let folders = folders.chain(usual.into_iter().map(PathBuf::from)).chain(["/lib", "/usr/lib"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toolchains_own_linker_finds_what_programs_load() {
        let own = Joiner::Own("/opt/rust-lld".into());
        assert_eq!((own.option("-rpath=/x"), own.flavor()), ("-rpath=/x".to_owned(), "ld"));
        assert_eq!(Joiner::Compiler("cc".to_owned()).option("-rpath=/x"), "-Wl,-rpath=/x");
        let scratch = tempfile::tempdir().expect("a folder");
        let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let folder = own.libraries(&host, scratch.path()).expect("written").expect("a folder");
        if cfg!(target_env = "gnu") {
            let libc = fs::read(folder.join("libc.so")).expect("the library itself");
            assert!(libc.starts_with(b"\x7fELF"), "no script of development files");
        }
    }
}
