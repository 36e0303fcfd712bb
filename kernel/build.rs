//! Puts the source of the helper crate into the kernel's binary, as a list of files.
//!
//! Cells link against the helper crate `ferrolab`, built on the user's machine for the user's
//! processor; the kernel carries its source so that one binary is all there is to install. This
//! script lists and includes; it builds nothing.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The runner interposes these for the libraries it loads, so the program must export them.
    for symbol in ["read", "isatty", "malloc", "calloc", "realloc", "posix_memalign", "pthread_create"] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?).join("helper.rs");
    let root = helper_root(&here)?;
    let mut files = Vec::new();
    for name in ["Cargo.toml", "Cargo.lock"] {
        // A lock that does not exist yet is watched too: it appears with the first build.
        println!("cargo:rerun-if-changed={}", root.join(name).display());
        if root.join(name).is_file() {
            files.push(PathBuf::from(name));
        }
    }
    println!("cargo:rerun-if-changed={}", root.join("src").display());
    collect(&root, Path::new("src"), &mut files)?;
    files.sort();
    let mut text = String::from("&[\n");
    for file in &files {
        let name = file.to_str().ok_or("a source file whose name is not UTF-8")?;
        let path = root.join(file);
        let path = path.to_str().ok_or("a checkout whose path is not UTF-8")?;
        writeln!(text, "    ({name:?}, include_bytes!({path:?}).as_slice()),")?;
    }
    text.push_str("]\n");
    fs::write(out, text)?;
    Ok(())
}

/// The helper crate stands beside the kernel in a checkout, and inside it in a package.
fn helper_root(here: &Path) -> io::Result<PathBuf> {
    for candidate in [here.join("helper"), here.join("..")] {
        let manifest = fs::read_to_string(candidate.join("Cargo.toml")).unwrap_or_default();
        if manifest.contains("name = \"ferrolab\"") && candidate.join("src/lib.rs").is_file() {
            return candidate.canonicalize();
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "the helper crate `ferrolab` is neither in `helper/` nor in the directory above",
    ))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, files)?;
        } else if !entry.file_name().to_string_lossy().starts_with('.') {
            files.push(path);
        }
    }
    Ok(())
}
