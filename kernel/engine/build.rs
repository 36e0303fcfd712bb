//! Puts the source of the helper crate into the engine, as a list of files.
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
    // What the helper crate shares with the kernel stands in it as `base`.
    let base = here.join("../base").canonicalize()?;
    println!("cargo:rerun-if-changed={}", base.display());
    let mut shared = vec![PathBuf::from("Cargo.toml")];
    collect(&base, Path::new("src"), &mut shared)?;
    let mut files: Vec<(PathBuf, PathBuf)> = files.into_iter().map(|file| (file.clone(), root.join(file))).collect();
    files.extend(shared.into_iter().map(|file| (Path::new("base").join(&file), base.join(file))));
    files.sort();
    let mut text = String::from("&[\n");
    for (name, path) in &files {
        let name = name.to_str().ok_or("a source file whose name is not UTF-8")?;
        let path = path.to_str().ok_or("a checkout whose path is not UTF-8")?;
        writeln!(text, "    ({name:?}, include_bytes!({path:?}).as_slice()),")?;
    }
    text.push_str("]\n");
    fs::write(out, text)?;
    Ok(())
}

/// The helper crate stands around the kernel's packages in a checkout, and inside this one in a package.
fn helper_root(here: &Path) -> io::Result<PathBuf> {
    for candidate in [here.join("helper"), here.join("../..")] {
        let manifest = fs::read_to_string(candidate.join("Cargo.toml")).unwrap_or_default();
        if manifest.contains("name = \"ferrolab\"") && candidate.join("src/lib.rs").is_file() {
            return candidate.canonicalize();
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "the helper crate `ferrolab` is neither in `helper/` nor two directories above",
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
