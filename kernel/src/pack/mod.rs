//! `ferrolab pack`: everything that a node needs to run notebooks, in one file; `ferrolab stage` (`stage.rs`) puts it
//! there. What is put together is a prefix like any other: a program, its kernelspec, and beside the program what it
//! finds by itself (a toolchain, crates, a site layer). It builds nothing but by running the other verbs.

mod archive;
pub mod stage;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use ferrolab_engine::environment::{Cache, Site, Toolchain};
use serde_json::json;

/// Where programs look for what comes with them.
const SHARED: &str = "share/ferrolab";

/// What `pack` is to do.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// The file to write.
    pub output: PathBuf,
    /// Notebooks whose cells are to be in it.
    pub notebooks: Vec<PathBuf>,
    /// The processors to compile for.
    pub processors: Vec<String>,
    /// Dependencies whose crates are to be in it besides.
    pub dependencies: Vec<String>,
    /// The absolute path of the `ferrolab` executable.
    pub exe: PathBuf,
}

/// Packs.
///
/// # Errors
/// A sentence for the user when a step fails; the file is then as it was.
pub fn pack(options: &PackOptions) -> Result<ExitCode, String> {
    let output = std::path::absolute(&options.output).map_err(|e| format!("{}: {e}", options.output.display()))?;
    let parent = output.parent().filter(|parent| parent.is_dir());
    let Some(parent) = parent else { return Err(format!("there is no folder for {}", output.display())) };
    let form = archive::Form::of(&output)?;
    // Beside the file: half a gigabyte may be too much for a temporary folder.
    let scratch = tempfile::Builder::new().prefix(".ferrolab-pack-").tempdir_in(parent);
    let scratch = scratch.map_err(|e| format!("cannot write to {}: {e}", parent.display()))?;
    let prefix = scratch.path().join("prefix");
    let (programs, shared) = (prefix.join("bin"), prefix.join(SHARED));
    let sites = Site::named();
    let cache = Cache::open_beside(&sites).map_err(|e| e.to_string())?;
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let found = Toolchain::discover(&cache, &sites, &here).map_err(|e| e.to_string())?;
    println!("copying rustc {} from {}", found.release, found.sysroot.display());
    toolchain::copy(&found, &shared.join("toolchain"))?;
    fs::create_dir_all(&programs).map_err(|e| format!("{}: {e}", programs.display()))?;
    let exe = programs.join("ferrolab");
    archive::copy_file(&options.exe, &exe).map_err(|e| format!("{}: {e}", exe.display()))?;
    let mut crates = Command::new(&options.exe);
    crates.arg("crates").arg("--into").arg(shared.join("crates"));
    for dependency in &options.dependencies {
        crates.arg("--dep").arg(dependency);
    }
    step(&mut crates, "crates")?;
    let mut spec = Command::new(&options.exe);
    spec.args(["install", "--no-prepare", "--prefix"]).arg(&prefix).env("JUPYTER_PATH", prefix.join("share/jupyter"));
    step(&mut spec, "install")?;
    crate::install::spec::find_program_beside(&prefix.join("share/jupyter/kernels/ferrolab"))?;
    let asked = asking_for(&options.dependencies, scratch.path())?;
    if !options.notebooks.is_empty() || !asked.is_empty() {
        let mut warm = Command::new(&options.exe);
        warm.arg("warm").arg("--into").arg(shared.join("layer")).args(&options.notebooks).args(&asked);
        if !options.processors.is_empty() {
            warm.arg("--target-cpu").arg(options.processors.join(","));
        }
        // The copied compiler has the time of the one that it is a copy of, so its notes fit.
        step(warm.env("RUSTC", &found.rustc), "warm")?;
    }
    println!("packing");
    let packed = archive::write(&prefix, &output, form)?;
    println!(
        "{}: {:.0} MB, of {} files with {:.0} MB",
        output.display(),
        packed.packed as f64 / 1e6,
        packed.files,
        packed.bytes as f64 / 1e6
    );
    println!("next, on a node or in a job: eval \"$(ferrolab stage {})\"", output.display());
    Ok(ExitCode::SUCCESS)
}

/// Notebooks that ask for dependencies, each alone and all together: a node without a C compiler builds none, so what
/// cells may ask for has to be there, compiled.
fn asking_for(dependencies: &[String], scratch: &Path) -> Result<Vec<PathBuf>, String> {
    let mut sets: Vec<Vec<&String>> = dependencies.iter().map(|one| vec![one]).collect();
    if dependencies.len() > 1 {
        sets.push(dependencies.iter().collect());
    }
    let write = |(index, set): (usize, Vec<&String>)| {
        let lines: Vec<String> = set.iter().map(|one| format!(":dep {one}")).collect();
        let cell = json!({"cell_type": "code", "id": "dep", "metadata": {}, "outputs": [], "execution_count": null, "source": lines.join("\n")});
        let metadata = json!({"kernelspec": {"name": "ferrolab", "display_name": "Rust", "language": "rust"}});
        let book = json!({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5});
        let path = scratch.join(format!("dependencies-{}.ipynb", index + 1));
        fs::write(&path, book.to_string()).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        Ok(path)
    };
    sets.into_iter().enumerate().map(write).collect()
}

/// Another verb of this program, whose words go to the user.
fn step(command: &mut Command, verb: &str) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("cannot run `ferrolab {verb}`: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`ferrolab {verb}` failed, so nothing was packed")) }
}

/// A path in words that a shell understands.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}
