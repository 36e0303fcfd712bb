//! Finds a Python that has Dask: the user's choice, the environment's, Jupyter's own, the one on
//! the path, or one that is made here. It runs interpreters to ask what they have, nothing more.

use super::error::Error;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The variable with which a user chooses.
pub(crate) const VARIABLE: &str = "FERROLAB_PYTHON";
/// The oldest release of `distributed` this was tested with.
pub(crate) const OLDEST: (u32, u32) = (2024, 8);
/// What the managed environment holds.
const PACKAGES: [&str; 3] = ["distributed>=2024.8", "numpy", "bokeh"];

/// A Python with what a cluster needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Python {
    pub(crate) program: PathBuf,
    pub(crate) distributed: String,
}

/// What is said while an environment is made.
pub(crate) type Say<'a> = &'a mut dyn FnMut(&str);

/// Finds one, or makes one and says so.
pub(crate) fn find(say: Say<'_>) -> Result<Python, Error> {
    if let Some(chosen) = env::var_os(VARIABLE).filter(|v| !v.is_empty()) {
        let chosen = PathBuf::from(chosen);
        return ask(&chosen).map_err(|why| Error::new(format!("{VARIABLE} is {}, but {why}", chosen.display())));
    }
    let mut refused = Vec::new();
    for candidate in candidates() {
        match ask(&candidate) {
            Ok(python) => return Ok(python),
            Err(why) => refused.push(format!("{}: {why}", candidate.display())),
        }
    }
    make(&managed()?, say, &refused)
}

/// In the order in which they are asked.
fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        found.extend(env::var_os(variable).map(|v| PathBuf::from(v).join("bin/python")));
    }
    found.extend(jupyter());
    for directory in env::var_os("PATH").iter().flat_map(env::split_paths) {
        found.extend(["python3", "python"].map(|name| directory.join(name)));
    }
    found.extend(managed().ok().map(|folder| folder.join("bin/python")));
    let mut seen = Vec::new();
    // The path of an environment's Python matters, not where its link leads.
    found.retain(|path| {
        path.is_file() && !seen.contains(path) && {
            seen.push(path.clone());
            true
        }
    });
    found
}

/// The Python that started the kernel: the kernel is our parent, Jupyter is its.
fn jupyter() -> Option<PathBuf> {
    let status = fs::read_to_string(format!("/proc/{}/stat", std::os::unix::process::parent_id())).ok()?;
    let parent: u32 = status.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    let line = fs::read(format!("/proc/{parent}/cmdline")).ok()?;
    let first = line.split(|b| *b == 0).next()?;
    let path = PathBuf::from(String::from_utf8(first.to_vec()).ok()?);
    let is_python = path.file_name()?.to_string_lossy().starts_with("python");
    (is_python && path.is_absolute()).then_some(path)
}

/// Asks an interpreter what it has; why it will not do.
fn ask(program: &Path) -> Result<Python, String> {
    let question = "import sys, importlib.metadata as m\nassert sys.version_info >= (3, 9), 'it is older than Python 3.9'\nprint(m.version('distributed'))";
    let output = Command::new(program).args(["-c", question]).stdin(Stdio::null()).output();
    let output = output.map_err(|e| format!("it does not run: {e}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let old = said.contains("older than");
        return Err(if old {
            "it is older than Python 3.9".into()
        } else {
            "it has no `distributed` (pip install distributed)".into()
        });
    }
    let distributed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut numbers = distributed.split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < OLDEST {
        let (year, month) = OLDEST;
        return Err(format!("its `distributed` is {distributed}, and {year}.{month} is the oldest that works here"));
    }
    Ok(Python { program: program.to_owned(), distributed })
}

/// Where the environment is that is made when there is no other.
fn managed() -> Result<PathBuf, Error> {
    let variable = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = variable("FERROLAB_CACHE_DIR")
        .or_else(|| variable("XDG_CACHE_HOME").map(|p| p.join("ferrolab")))
        .or_else(|| variable("HOME").map(|p| p.join(".cache/ferrolab")));
    Ok(cache.ok_or_else(|| Error::new("no HOME, so no place for a Python environment"))?.join("python"))
}

fn make(folder: &Path, say: Say<'_>, refused: &[String]) -> Result<Python, Error> {
    let base = env::var_os("PATH").iter().flat_map(env::split_paths).map(|d| d.join("python3")).find(|p| p.is_file());
    let base = base.ok_or_else(|| {
        Error::new(format!("a cluster needs Python with Dask, and there is no python3: install one, or set {VARIABLE}"))
    })?;
    let tried = if refused.is_empty() { String::new() } else { format!("\n{}", refused.join("\n")) };
    say(&format!("no Python with Dask was found, so one is made in {} (once){tried}", folder.display()));
    let pip = folder.join("bin/python");
    let packages = PACKAGES.iter().copied();
    run(Command::new(&base).args(["-m", "venv", "--clear"]).arg(folder), "python3 -m venv")?;
    run(
        Command::new(&pip).args(["-m", "pip", "install", "-q", "--disable-pip-version-check"]).args(packages),
        "pip install distributed",
    )?;
    ask(&pip).map_err(|why| Error::new(format!("{} was made, but {why}", folder.display())))
}

fn run(command: &mut Command, what: &str) -> Result<(), Error> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| Error::new(format!("{what} does not run: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.trim().lines().rev().take(5).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(Error::new(format!("{what} failed; install `distributed` yourself and set {VARIABLE}\n{}", last.join("\n"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A program that answers like a Python with this release of distributed.
    fn pretend(name: &str, script: &str) -> PathBuf {
        let path = env::temp_dir().join(format!("ferrolab-python-{name}-{}", std::process::id()));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn an_interpreter_is_asked_what_it_has() {
        let good = pretend("good", "echo 2026.8.0");
        assert_eq!(ask(&good).unwrap().distributed, "2026.8.0");
        let old = pretend("old", "echo 2021.3.1");
        assert!(ask(&old).unwrap_err().contains("2021.3.1"));
        let bare = pretend("bare", "exit 1");
        assert!(ask(&bare).unwrap_err().contains("pip install distributed"));
        assert!(ask(Path::new("/nonexistent/python")).unwrap_err().contains("does not run"));
        for path in [good, old, bare] {
            fs::remove_file(path).unwrap();
        }
    }
}
