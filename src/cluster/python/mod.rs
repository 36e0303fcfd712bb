//! Finds a Python that has Dask: the user's choice, the environment's, Jupyter's own, the one on
//! the path, or one that is made here. It runs interpreters to ask what they have, nothing more.

use super::jupyter;
use crate::executor::Error;
use crate::rt;
use std::env;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The variable with which a user chooses.
pub(crate) const VARIABLE: &str = "FERROLAB_PYTHON";
/// The oldest release of `distributed` this was tested with.
pub(crate) const OLDEST: (u32, u32) = (2024, 8);
/// What the managed environment holds.
const PACKAGES: [&str; 4] = ["distributed>=2024.8", "numpy", "bokeh", "cryptography"];

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
        return ask(&chosen).map_err(|why| Error::refused(format!("{VARIABLE} is {}, but {why}", chosen.display())));
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
    found.extend(jupyter::python());
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
            format!("it has no `distributed`: {} -m pip install distributed numpy", program.display())
        });
    }
    let distributed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut numbers = distributed.split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < OLDEST {
        let (year, month) = OLDEST;
        return Err(format!(
            "its `distributed` is {distributed}, and {year}.{month} is the oldest that works here: {} -m pip install -U distributed",
            program.display()
        ));
    }
    Ok(Python { program: program.to_owned(), distributed })
}

/// Where the environment is that is made when there is no other.
fn managed() -> Result<PathBuf, Error> {
    let variable = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = variable("FERROLAB_CACHE_DIR")
        .or_else(|| variable("XDG_CACHE_HOME").map(|p| p.join("ferrolab")))
        .or_else(|| variable("HOME").map(|p| p.join(".cache/ferrolab")));
    Ok(cache.ok_or_else(|| Error::refused("no HOME, so no place for a Python environment"))?.join("python"))
}

/// One environment for all sessions of a user; who comes second waits for the first.
fn make(folder: &Path, say: Say<'_>, refused: &[String]) -> Result<Python, Error> {
    let tried: String = refused.iter().map(|why| format!("\n  {why}")).collect();
    let base = env::var_os("PATH").iter().flat_map(env::split_paths).map(|d| d.join("python3")).find(|p| p.is_file());
    let base = base.ok_or_else(|| {
        Error::refused(format!(
            "a cluster needs Python with Dask, and there is no python3: install one, or set {VARIABLE}{tried}"
        ))
    })?;
    let python = folder.join("bin/python");
    let cannot =
        |e: io::Error| Error::refused(format!("cannot make a Python environment in {}: {e}", folder.display()));
    let above = folder.parent().unwrap_or(folder);
    DirBuilder::new().recursive(true).mode(0o700).create(above).map_err(cannot)?;
    let lock = File::options().create(true).append(true).mode(0o600).open(folder.with_extension("lock"));
    let _lock = locked(lock.map_err(cannot)?, &mut || {
        say("another session is making a Python environment with Dask: waiting for it");
    })?;
    if let Ok(made) = ask(&python) {
        return Ok(made);
    }
    say(&format!(
        "no Python with Dask was found, so one is made in {}: once, it takes a minute ({}){tried}",
        folder.display(),
        PACKAGES.join(", ")
    ));
    let log = folder.with_extension("log");
    run(Command::new(&base).args(["-m", "venv", "--clear"]).arg(folder), "python3 -m venv", &log)?;
    let pip = ["-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).args(PACKAGES), "pip install", &log)?;
    ask(&python).map_err(|why| Error::refused(format!("{} was made, but {why}", folder.display())))
}

/// The file, once no other process has it locked; a process that ends gives it free.
fn locked(file: File, waits: &mut dyn FnMut()) -> Result<File, Error> {
    let mut told = false;
    loop {
        // SAFETY: the descriptor is open for as long as `file` lives.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(file);
        }
        let why = io::Error::last_os_error();
        if !matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
            // A file system without locks: two that make it at once is what remains to be feared.
            return Ok(file);
        }
        if !std::mem::replace(&mut told, true) {
            waits();
        }
        rt::check_interrupt();
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A program that ends, with its children, when nobody waits for it any more.
struct Helper(Child);
impl Drop for Helper {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            // SAFETY: it leads a group of its own, and has not been waited for, so the number is its.
            unsafe { libc::kill(-(self.0.id() as i32), libc::SIGKILL) };
            let _ = self.0.wait();
        }
    }
}

fn run(command: &mut Command, what: &str, log: &Path) -> Result<(), Error> {
    let fails = |e: io::Error| Error::refused(format!("{what} does not run: {e}"));
    let file = File::options().create(true).write(true).truncate(true).mode(0o600).open(log).map_err(fails)?;
    let output = file.try_clone().map_err(fails)?;
    let child = command.stdin(Stdio::null()).stdout(output).stderr(file).process_group(0).spawn().map_err(fails)?;
    let mut helper = Helper(child);
    let status = loop {
        if let Some(status) = helper.0.try_wait().map_err(fails)? {
            break status;
        }
        rt::check_interrupt();
        std::thread::sleep(Duration::from_millis(20));
    };
    if status.success() {
        return Ok(());
    }
    let said = fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.trim().lines().collect();
    let last = lines[lines.len().saturating_sub(5)..].join("\n");
    Err(Error::refused(format!("{what} failed; install `distributed` yourself and set {VARIABLE}\n{last}")))
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
