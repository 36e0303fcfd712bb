//! Running cargo: with our flags and the user's registries, with progress, and stoppable at once.
//! What is built and what becomes of it is decided elsewhere.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::carried::Carried;
use super::error::{EnvironmentError, EnvironmentFault};
use super::toolchain::Toolchain;

/// Everything a cargo or rustc run of ours has in common.
pub(super) struct Tools<'a> {
    pub(super) toolchain: &'a Toolchain,
    /// Where cargo runs: the notebook's directory, so that `.cargo/config.toml` there counts.
    pub(super) directory: &'a Path,
    pub(super) target_directory: PathBuf,
    /// Where builds share what they have in common.
    pub(super) store: PathBuf,
    pub(super) rustflags: Vec<String>,
    pub(super) jobs: Option<usize>,
    /// Crates that came with this program.
    pub(super) carried: Option<Carried>,
    pub(super) cancelled: &'a AtomicBool,
}

/// Where cargo may take crates from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// From registries.
    Network,
    /// From what this user's cargo has already.
    Here,
    /// From what came with this program.
    Carried,
}

/// What a finished process said.
pub(super) struct Finished {
    pub(super) success: bool,
    /// Standard error, without cargo's progress lines.
    pub(super) errors: Vec<String>,
}

/// A line of a running process.
pub(super) enum Line<'a> {
    Out(&'a str),
    /// A progress line of cargo's: `Compiling rayon v1.12.0`.
    Status(&'a str),
}

impl Tools<'_> {
    /// A cargo command for the package at `manifest`.
    pub(super) fn cargo(&self, verb: &str, manifest: &Path, reach: Reach) -> Command {
        let mut command = Command::new(&self.toolchain.cargo);
        clean(&mut command);
        command
            .arg(verb)
            .arg("--manifest-path")
            .arg(manifest)
            .env("RUSTC", &self.toolchain.rustc)
            .env("CARGO_TARGET_DIR", &self.target_directory)
            .env("CARGO_BUILD_BUILD_DIR", &self.target_directory)
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags.join("\u{1f}"))
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .env("CARGO_TERM_COLOR", "never")
            .envs(super::once::variables(&self.store, &self.target_directory));
        // A compute node without network must say so in seconds, not in minutes.
        for (name, value) in [("CARGO_NET_RETRY", "1"), ("CARGO_HTTP_TIMEOUT", "10")] {
            if env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        match (reach, &self.carried) {
            (Reach::Network, _) => {}
            (Reach::Carried, Some(carried)) => {
                for setting in carried.settings() {
                    command.arg("--config").arg(setting);
                }
            }
            (Reach::Here | Reach::Carried, _) => {
                command.arg("--offline");
            }
        }
        // The command line wins over the manifest and over every config file.
        for setting in [
            "opt-level=3",
            "debug=false",
            "panic='unwind'",
            "lto=false",
            "incremental=false",
            "overflow-checks=false",
            "debug-assertions=false",
        ] {
            command.arg("--config").arg(format!("profile.release.{setting}"));
        }
        if self.directory.is_dir() {
            command.current_dir(self.directory);
        }
        command
    }

    /// Add what only `cargo build` takes.
    pub(super) fn build(&self, manifest: &Path, reach: Reach) -> Command {
        let mut command = self.cargo("build", manifest, reach);
        command
            .args(["--release", "--lib", "--message-format=json-render-diagnostics"])
            // With an explicit target the flags reach only what cells link, not build scripts,
            // which must run here even when the code is for another processor.
            .args(["--target", &self.toolchain.host]);
        if let Some(jobs) = self.jobs {
            command.arg("--jobs").arg(jobs.max(1).to_string());
        }
        command
    }

    /// Run a command to its end; `line` sees its output as it comes.
    pub(super) fn run(
        &self,
        mut command: Command,
        line: &mut dyn FnMut(Line<'_>),
    ) -> Result<Finished, EnvironmentError> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        // SAFETY: the closure runs between fork and exec and makes one system call, prctl with
        // constant arguments, which is async-signal-safe and allocates nothing.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|e| {
            EnvironmentError::new(EnvironmentFault::Toolchain, format!("cannot run {program}: {e}"))
                .help("is the Rust toolchain still installed? `ferrolab doctor` checks")
        })?;
        let mut group = Group { child, finished: false };
        let (sender, receiver) = mpsc::channel::<(bool, String)>();
        let readers = [
            group.child.stdout.take().map(|pipe| spawn_reader(pipe, true, sender.clone())),
            group.child.stderr.take().map(|pipe| spawn_reader(pipe, false, sender)),
        ];
        let mut errors = Vec::new();
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(EnvironmentError::cancelled());
            }
            match receiver.recv_timeout(Duration::from_millis(20)) {
                Ok((true, text)) => line(Line::Out(&text)),
                Ok((false, text)) if is_status(&text) => line(Line::Status(text.trim())),
                Ok((false, text)) => errors.push(text),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        drop(readers);
        let status = group.child.wait();
        group.finished = true;
        let success = status.is_ok_and(|status| status.success());
        Ok(Finished { success, errors })
    }
}

/// A process and its children; killed together when dropped before its end.
struct Group {
    child: Child,
    finished: bool,
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if let Ok(id) = libc::pid_t::try_from(self.child.id()) {
            // SAFETY: the child leads a process group of its own (`process_group(0)`) and has
            // not been waited for, so the id cannot belong to another process.
            unsafe { libc::kill(-id, libc::SIGKILL) };
        }
        // Reaps it; that it is gone already is fine.
        drop(self.child.wait());
    }
}

fn spawn_reader(
    pipe: impl std::io::Read + Send + 'static,
    out: bool,
    sender: mpsc::Sender<(bool, String)>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(count) if count > 0) {
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            if sender.send((out, text)).is_err() {
                return;
            }
            bytes.clear();
        }
    })
}

/// cargo prints a right-aligned verb, twelve columns wide.
fn is_status(line: &str) -> bool {
    const VERBS: [&str; 14] = [
        "Compiling",
        "Downloading",
        "Downloaded",
        "Updating",
        "Locking",
        "Adding",
        "Blocking",
        // Of our own, when another build makes a crate that is needed here as well.
        super::once::WAITING,
        super::once::WAITED,
        "Finished",
        "Fresh",
        "Unpacking",
        "Removing",
        "Downgrading",
    ];
    let verb = line.split_whitespace().next().unwrap_or_default();
    line.starts_with(' ') && VERBS.contains(&verb)
}

/// Take away what the user's (or an outer cargo's) environment would change in our builds.
pub(super) fn clean(command: &mut Command) {
    const NAMES: [&str; 16] = [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_INCREMENTAL",
        "CARGO_BUILD_INCREMENTAL",
        "RUSTC_BOOTSTRAP",
        "RUSTC_WORKSPACE_WRAPPER",
        "MAKEFLAGS",
        "MFLAGS",
        "CARGO_MAKEFLAGS",
        "OUT_DIR",
        "TARGET",
        "PROFILE",
        "NUM_JOBS",
    ];
    for name in NAMES {
        command.env_remove(name);
    }
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PROFILE_", "CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_UNSTABLE_"].iter().any(|p| text.starts_with(p)) {
            command.env_remove(&name);
        }
    }
}

/// Of the user's RUSTFLAGS, those that say how to link and where libraries are; the rest would
/// make crates that do not fit the cells.
pub(super) fn user_rustflags() -> Vec<String> {
    let encoded = env::var("CARGO_ENCODED_RUSTFLAGS").ok();
    let plain = env::var("RUSTFLAGS").ok();
    let words: Vec<String> = match (encoded, plain) {
        (Some(text), _) => text.split('\u{1f}').map(str::to_owned).collect(),
        (None, Some(text)) => text.split_whitespace().map(str::to_owned).collect(),
        (None, None) => Vec::new(),
    };
    keep_linking(&words)
}

fn keep_linking(words: &[String]) -> Vec<String> {
    let harmless = |value: &str| {
        let name = value.split('=').next().unwrap_or_default();
        ["linker", "link-arg", "link-args", "linker-flavor", "link-self-contained"].contains(&name)
    };
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-C" | "--codegen" | "-L" => {
                let Some(value) = words.next() else { break };
                if word == "-L" || harmless(value) {
                    kept.extend([word.clone(), value.clone()]);
                }
            }
            short if short.strip_prefix("-C").is_some_and(harmless) => kept.push(word.clone()),
            short if short.starts_with("-L") => kept.push(word.clone()),
            _ => {}
        }
    }
    kept
}

/// The environment variable in which cargo takes the linker for `host`.
pub(super) fn user_linker(host: &str) -> Option<OsString> {
    let name = format!("CARGO_TARGET_{}_LINKER", host.to_uppercase().replace('-', "_"));
    env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flags_about_linking_are_kept() {
        let words: Vec<String> = "-C target-cpu=x -C linker=clang -Clink-arg=-fuse-ld=mold -Cpanic=abort -L /x --cfg a"
            .split(' ')
            .map(str::to_owned)
            .collect();
        let kept = keep_linking(&words).join(" ");
        assert_eq!(kept, "-C linker=clang -Clink-arg=-fuse-ld=mold -L /x");
    }

    #[test]
    fn progress_lines_are_told_from_errors() {
        assert!(is_status("   Compiling rayon v1.12.0"));
        assert!(!is_status("error: no matching package named `x` found"));
        assert!(!is_status("    Caused by:"));
    }
}
