//! The part of a Rust toolchain that compiles cells: compiler, cargo, linker and the library of the host. Documentation,
//! sources, other targets and other tools stay behind: a toolchain is fifty thousand files with them, and a hundred without.

use std::fs;
use std::path::Path;

use super::archive::copy_file;
use ferrolab_engine::environment::Toolchain;

/// Copies it to a sysroot of its own.
pub(super) fn copy(toolchain: &Toolchain, to: &Path) -> Result<(), String> {
    let from = &toolchain.sysroot;
    for program in ["bin/rustc", "bin/cargo"] {
        let source = from.join(program);
        let source = if source.is_file() { source } else { toolchain.cargo.clone() };
        place(&source, &to.join(program))?;
    }
    for entry in entries(&from.join("lib"))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        // The compiler's own libraries.
        if entry.path().is_file() && name.contains(".so") {
            place(&entry.path(), &to.join("lib").join(name))?;
        }
    }
    let host = Path::new("lib/rustlib").join(&toolchain.host);
    tree(&from.join(&host), &to.join(&host))
}

fn tree(from: &Path, to: &Path) -> Result<(), String> {
    for entry in entries(from)? {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        // Links are followed: a pack holds files.
        if path.is_dir() { tree(&path, &target)? } else { place(&path, &target)? }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, String> {
    let read = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.map_err(|e| format!("cannot read {}: {e}", folder.display()))
}

fn place(from: &Path, to: &Path) -> Result<(), String> {
    let made = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| copy_file(from, to));
    made.map_err(|e| format!("cannot copy {} to {}: {e}", from.display(), to.display()))
}
