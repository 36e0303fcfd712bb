//! `ferrolab warm`: runs notebooks as `ferrolab run` does, each in a process of its own, and copies what they were
//! compiled to into a folder for others. It evaluates nothing itself, and knows not how entries of caches look.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use ferrolab_engine::environment::{self, Cache, Exported, Site, site};
use ferrolab_system::users;

/// So many of the last lines of a transcript are shown of a notebook that failed.
const SHOWN: usize = 30;

/// What `warm` is to do.
#[derive(Debug, Clone)]
pub struct WarmOptions {
    /// The notebooks to run.
    pub notebooks: Vec<PathBuf>,
    /// The folder for others.
    pub into: PathBuf,
    /// The processors to compile for; the usual one when there is none.
    pub processors: Vec<String>,
    /// The absolute path of the `ferrolab` executable.
    pub exe: PathBuf,
}

/// Runs the notebooks for each processor, and fills the layer. Status 1 when a cell failed; what ran before it is in
/// the layer all the same.
///
/// # Errors
/// A sentence for the user when a notebook is not there, no environment can be had, or the layer cannot be written.
pub fn warm(options: &WarmOptions) -> Result<ExitCode, String> {
    let into = std::path::absolute(&options.into).map_err(|e| format!("{}: {e}", options.into.display()))?;
    if let Some(missing) = options.notebooks.iter().find(|notebook| !notebook.is_file()) {
        return Err(format!("there is no notebook {}", missing.display()));
    }
    let processors = processors(&options.processors)?;
    // Before minutes of work: may this user write there?
    Cache::at(&into).map_err(|e| e.to_string())?;
    let scratch = tempfile::tempdir().map_err(|e| format!("cannot make a temporary folder: {e}"))?;
    let mut failed = Vec::new();
    let mut done = Exported::default();
    for processor in &processors {
        let list = scratch.path().join(format!("used-by-{processor}"));
        fs::write(&list, "").map_err(|e| format!("cannot write {}: {e}", list.display()))?;
        for notebook in &options.notebooks {
            if !run(options, notebook, processor, &list, scratch.path())? {
                failed.push(format!("{} ({processor})", notebook.display()));
            }
        }
        let about = about(options, processor)?;
        let more = environment::export(&list, &Site::named(), &into, &about).map_err(|e| e.to_string())?;
        done.environments += more.environments;
        done.cells += more.cells;
        done.local.extend(more.local);
    }
    tell(&into, &processors, &done);
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("ferrolab: cells after the failing one are not in it: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// The processors that are asked for, when this machine can run code for them.
fn processors(asked: &[String]) -> Result<Vec<String>, String> {
    let here: Vec<&str> = site::levels().collect();
    if asked.is_empty() {
        // What most machines of the last ten years have; a layer for the newest would leave the others out.
        let usual = here.iter().find(|level| **level != "x86-64-v4").copied().unwrap_or("native");
        return Ok(vec![usual.to_owned()]);
    }
    for name in asked.iter().filter(|name| name.starts_with("x86-64")) {
        if !here.is_empty() && !here.contains(&name.as_str()) {
            return Err(format!(
                "this machine cannot run code for {name}, so it cannot run the notebooks; it reaches {}. Run this on a node that has it",
                here.join(", ")
            ));
        }
    }
    Ok(asked.to_vec())
}

/// Runs one notebook. Did all cells run?
fn run(options: &WarmOptions, notebook: &Path, processor: &str, list: &Path, scratch: &Path) -> Result<bool, String> {
    print!("{} for {processor} … ", notebook.display());
    drop(std::io::stdout().flush());
    let started = Instant::now();
    let output = Command::new(&options.exe)
        .args(["run", "--no-html", "--used"])
        .arg(list)
        .arg("--output")
        .arg(scratch.join("executed.ipynb"))
        .arg(notebook)
        .env(site::PROCESSOR, processor)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run {}: {e}", options.exe.display()))?;
    if output.status.success() {
        println!("ran in {:.1} s", started.elapsed().as_secs_f64());
        return Ok(true);
    }
    println!("failed");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    for line in &lines[lines.len().saturating_sub(SHOWN)..] {
        eprintln!("  {line}");
    }
    // 2: there was nothing to run, so nothing of it will ever be in the layer.
    if output.status.code() == Some(2) { Err(format!("{} cannot be run", notebook.display())) } else { Ok(false) }
}

/// What the layer says of itself.
fn about(options: &WarmOptions, processor: &str) -> Result<site::About, String> {
    let named = Site::named();
    let cache = Cache::open_beside(&named).map_err(|e| e.to_string())?;
    let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let toolchain = environment::Toolchain::discover(&cache, &named, &directory).map_err(|e| e.to_string())?;
    let name = |path: &PathBuf| path.file_name().map(OsString::from).unwrap_or_default().to_string_lossy().into_owned();
    Ok(site::About {
        ferrolab: env!("CARGO_PKG_VERSION").to_owned(),
        rustc: toolchain.release,
        processors: vec![processor.to_owned()],
        notebooks: options.notebooks.iter().map(name).collect(),
    })
}

fn tell(into: &Path, processors: &[String], done: &Exported) {
    let (files, bytes) = weigh(into);
    println!(
        "{}: {} environments and {} compiled cells for {}; {files} files, {:.0} MB in all",
        into.display(),
        done.environments,
        done.cells,
        processors.join(", "),
        bytes as f64 / 1e6
    );
    for local in &done.local {
        println!(
            "warning: an environment is made from {}; it serves only those who can read that folder",
            local.display()
        );
    }
    let owner = Some(users::own()).filter(|uid| *uid != 0);
    match (Site { path: into.to_owned(), owner }).open() {
        Err(problem) => println!("warning: {}\n{}", problem.message, problem.help),
        Ok(_) => {
            let named = owner.map(|_| format!(" --site-owner {}", users::own())).unwrap_or_default();
            println!("next: ferrolab install --prefix DIR --site {}{named}", into.display());
        }
    }
}

/// Files below a folder, and their bytes.
fn weigh(folder: &Path) -> (usize, u64) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.fold((0, 0), |(files, bytes), entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => {
            let (more, heavy) = weigh(&entry.path());
            (files + more, bytes + heavy)
        }
        Ok(meta) => (files + 1, bytes + meta.len()),
        Err(_) => (files, bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_cannot_run_is_refused() {
        let usual = processors(&[]).expect("a processor");
        assert_eq!(usual.len(), 1);
        assert_eq!(processors(&["znver4".to_owned()]).expect("rustc knows"), ["znver4"]);
        if !site::levels().any(|level| level == "x86-64-v4") && site::levels().next().is_some() {
            assert!(processors(&["x86-64-v4".to_owned()]).expect_err("not here").contains("cannot run code"));
        }
    }
}
