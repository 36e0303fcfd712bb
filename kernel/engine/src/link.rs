//! The link of what rustc made into something that the runner can load. It starts no rustc.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::compile::{CompileError, ItemsCrate};
use super::environment::Environment;
use super::shelf::OBJECT;

/// The name by which other objects name the one with this hash. Not its path: a cache may be copied, and one user's
/// cells may need what is in a site layer.
fn name_of(hash: &str) -> String {
    format!("ferrolab-{hash}.so")
}

/// Makes a shared object that names, in this order, all crates it needs: whoever loads it loads each of those before,
/// after those it needs itself.
pub(super) fn link(
    environment: &Environment,
    hash: &str,
    bench: &Path,
    linked: &[ItemsCrate],
) -> Result<(), CompileError> {
    let object = bench.join("cell.o");
    let linked: Result<Vec<PathBuf>, String> = linked.iter().map(ItemsCrate::object).collect();
    let linked = linked.map_err(CompileError::Broken)?;
    let mut inputs = vec![object.as_path()];
    inputs.extend(linked.iter().map(PathBuf::as_path));
    let mut command = environment.toolchain.linker.command(&inputs, &bench.join(OBJECT));
    command.args(["-soname", &name_of(hash)]);
    let output = command.stdin(Stdio::null()).output().map_err(|e| {
        CompileError::Broken(format!("cannot run the linker {}: {e}", environment.toolchain.linker.program.display()))
    })?;
    if output.status.success() {
        drop(fs::remove_file(object));
        return Ok(());
    }
    Err(CompileError::Broken(format!("linking failed\n{}", String::from_utf8_lossy(&output.stderr))))
}
