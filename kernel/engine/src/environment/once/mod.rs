//! What several builds need is built once: this program is cargo's `RUSTC_WRAPPER`, and stands before build
//! scripts, and each crate and each run of a script has a lock and an entry in a store that all builds of a
//! shelf share. It decides neither what is built nor with which flags; cargo does.
//!
//! cargo locks its whole target directory, so builds at the same time have one each. Without the store
//! they would compile what they have in common twice, and the two results would not even fit
//! together: crates that read generated files carry the directory in their identity.

mod crates;
mod scripts;

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::identity::{Identity, content, tree};
use super::lock::Guard;

/// Where the store is; set for cargo, and by it for all it starts.
const STORE: &str = "FERROLAB_ONCE_STORE";
/// The target directory of this build.
const TARGET: &str = "FERROLAB_ONCE_TARGET";
/// The user's own wrapper, which ours stands before.
const INNER: &str = "FERROLAB_ONCE_WRAPPER";
/// What begins the lines that say for which crates a build waits, and for which it waits no longer.
pub(super) const WAITING: &str = "Waiting";
pub(super) const WAITED: &str = "Waited";
/// Stands for the target directory in keys and kept texts.
const PLACE: &str = "{target}";
/// Stands for the folder of the package: the same crate from another registry, or another user's, is the same.
const PACKAGE: &str = "{package}";
const RECORD: &str = "record.json";
const SCRIPT: &str = "build-script";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Let builds of this process use the store, through this program.
pub fn enable(program: PathBuf) {
    // Said once, at the start.
    drop(PROGRAM.set(program));
}

/// What a cargo run is told.
pub(super) fn variables(store: &Path, target: &Path) -> Vec<(&'static str, OsString)> {
    // A program that was replaced while it ran cannot be started again.
    let Some(program) = PROGRAM.get().filter(|program| program.is_file()) else { return Vec::new() };
    if fs::create_dir_all(store).is_err() {
        return Vec::new();
    }
    let mut variables =
        vec![("RUSTC_WRAPPER", program.into()), (STORE, store.into()), (TARGET, target.as_os_str().to_owned())];
    if let Some(inner) = env::var_os("RUSTC_WRAPPER").filter(|inner| !inner.is_empty()) {
        variables.push((INNER, inner));
    }
    variables
}

/// The work of this process, when cargo started it instead of rustc or of a build script.
pub fn entered() -> Option<ExitCode> {
    let (store, target) = (env::var_os(STORE)?, env::var_os(TARGET)?);
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let (first, rest) = arguments.split_first()?;
    let package = env::var("CARGO_MANIFEST_DIR").ok().filter(|folder| folder.len() > 1);
    let store = Store { folder: store.into(), target: target.to_str()?.to_owned(), package };
    end_with_parent();
    if first == SCRIPT {
        let (program, rest) = rest.split_first()?;
        return Some(scripts::run(&store, Path::new(program), rest));
    }
    Path::new(first).is_absolute().then(|| crates::compile(&store, first, rest))
}

/// A compiler that nobody waits for any more would go on for minutes.
fn end_with_parent() {
    // SAFETY: a plain request about this process.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Be that program from now on.
fn become_it(mut command: Command) -> ExitCode {
    let error = command.exec();
    eprintln!("error: cannot run {}: {error}", command.get_program().display());
    ExitCode::FAILURE
}

/// End as a child did, so that cargo tells its end as it was.
fn end_like(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        // SAFETY: plain signals to this very process, which has no other thread that would mind.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::kill(libc::getpid(), signal);
        }
    }
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// A child that ends when this process does.
fn dependent(command: &mut Command) -> &mut Command {
    // SAFETY: the closure makes one system call with constant arguments, which is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        })
    }
}

/// Where results are kept, and the target directory of this build.
struct Store {
    folder: PathBuf,
    target: String,
    /// Where the package's source is.
    package: Option<String>,
}

/// What a result was made from, besides what its key says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Origins {
    /// What it read: path (in the target directory by its place there) and a mark of its content.
    inputs: BTreeMap<String, String>,
    /// Environment variables that it looked at.
    variables: BTreeMap<String, Option<String>>,
    /// What was printed.
    out: String,
    errors: String,
}

impl Origins {
    fn holds(&self, store: &Store) -> bool {
        let same = |(name, value): (&String, &Option<String>)| store.variable(name) == *value;
        self.variables.iter().all(same) && self.inputs.iter().all(|(path, mark)| store.mark(path) == *mark)
    }

    /// Remember an input.
    fn read(&mut self, store: &Store, path: &str) {
        let path = store.anywhere(path);
        let mark = store.mark(&path);
        self.inputs.insert(path, mark);
    }
}

impl Store {
    /// A text without the places of this build.
    fn anywhere(&self, text: &str) -> String {
        let text = text.replace(&self.target, PLACE);
        self.package.as_ref().map_or_else(|| text.clone(), |package| text.replace(package, PACKAGE))
    }

    /// A kept text for this build.
    fn here(&self, text: &str) -> String {
        let text = text.replace(PLACE, &self.target);
        self.package.as_ref().map_or_else(|| text.clone(), |package| text.replace(PACKAGE, package))
    }

    /// What a crate that reads a variable has in it: the package's own folder, if it reads that.
    fn variable(&self, name: &str) -> Option<String> {
        env::var_os(name).map(|value| value.to_string_lossy().replace(&self.target, PLACE))
    }

    /// What a path holds now: generated files and the package's own by content, others as cargo does, by time.
    fn mark(&self, path: &str) -> String {
        use std::os::unix::fs::MetadataExt as _;
        let here = PathBuf::from(self.here(path));
        match fs::metadata(&here) {
            Ok(meta) if meta.is_dir() => tree(&here),
            Ok(_) if path.starts_with(PLACE) || path.starts_with(PACKAGE) => content(&here).unwrap_or_default(),
            Ok(meta) => format!("{} {} {}", meta.size(), meta.mtime(), meta.mtime_nsec()),
            Err(_) => String::new(),
        }
    }

    fn entry(&self, key: &str) -> PathBuf {
        self.folder.join(&key[..2]).join(key)
    }

    /// Wait for whoever makes the same now. None where there are no locks: then it is made twice.
    fn lock(&self, key: &str, what: &str) -> Option<Guard> {
        let entry = self.entry(key);
        fs::create_dir_all(entry.parent()?).ok()?;
        let mut told = false;
        let mut waiting = || {
            if !std::mem::replace(&mut told, true) {
                tell(WAITING, what);
            }
        };
        let guard = Guard::take(&entry.with_extension("lock"), &mut waiting, &AtomicBool::new(false)).ok();
        if told {
            tell(WAITED, what);
        }
        guard
    }

    /// A kept result that still holds: its folder and record.
    fn find(&self, key: &str) -> Option<(PathBuf, Origins)> {
        let entry = self.entry(key);
        let record: Origins = serde_json::from_slice(&fs::read(entry.join(RECORD)).ok()?).ok()?;
        record.holds(self).then_some((entry, record))
    }

    /// Keep a result; `fill` puts its files into a folder. A failure costs the next build time and nothing
    /// else, so nobody hears of it.
    fn keep(&self, key: &str, record: &Origins, fill: impl FnOnce(&Path) -> io::Result<()>) {
        let entry = self.entry(key);
        let stage = entry.with_extension(format!("new-{}", std::process::id()));
        let made = || -> io::Result<()> {
            fs::create_dir_all(&stage)?;
            fill(&stage)?;
            fs::write(stage.join(RECORD), serde_json::to_vec(record)?)?;
            match fs::remove_dir_all(&entry) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => fs::rename(&stage, &entry),
            }
        };
        if made().is_err() {
            drop(fs::remove_dir_all(&stage));
        }
    }
}

/// Say something where cargo's own progress goes. cargo keeps what build scripts print to itself, so
/// its descriptor is used.
fn tell(verb: &str, what: &str) {
    let line = format!("{verb:>12} for {what}\n");
    let cargo = format!("/proc/{}/fd/2", std::os::unix::process::parent_id());
    let file = fs::OpenOptions::new().append(true).open(cargo);
    if file.and_then(|mut file| io::Write::write_all(&mut file, line.as_bytes())).is_err() {
        eprint!("{line}");
    }
}

/// The value of an option that is written `--name value`, `--name=value` or `-C name=value`.
fn value_of<'a>(arguments: &'a [OsString], option: &str) -> Option<&'a str> {
    let mut arguments = arguments.iter().filter_map(|argument| argument.to_str());
    while let Some(argument) = arguments.next() {
        if argument == option {
            return arguments.next();
        }
        if let Some(value) = argument.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value);
        }
    }
    None
}

/// The compiler as the user wants it called.
fn compiler(rustc: &OsStr) -> Command {
    match env::var_os(INNER) {
        Some(inner) => {
            let mut command = Command::new(inner);
            command.arg(rustc);
            command
        }
        None => Command::new(rustc),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path, target: &str) -> Store {
        let target = folder.join(target).display().to_string();
        Store { folder: folder.join("store"), target, package: None }
    }

    #[test]
    fn a_result_of_one_place_is_found_from_another_while_its_inputs_hold() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (store(folder.path(), "one"), store(folder.path(), "two"));
        for target in ["one", "two"] {
            fs::create_dir_all(folder.path().join(target)).expect("a folder");
            fs::write(folder.path().join(target).join("generated.rs"), "same").expect("a file");
        }
        let mut record = Origins { out: one.anywhere(&format!("cargo:x={}/out", one.target)), ..Origins::default() };
        record.read(&one, &format!("{}/generated.rs", one.target));
        one.keep("abcd", &record, |stage| fs::write(stage.join("file"), "made"));
        let (entry, found) = two.find("abcd").expect("kept");
        assert_eq!(fs::read_to_string(entry.join("file")).expect("the file"), "made");
        assert_eq!(two.here(&found.out), format!("cargo:x={}/out", two.target));
        fs::write(folder.path().join("two/generated.rs"), "other").expect("a file");
        assert!(two.find("abcd").is_none() && one.find("abcd").is_some());
    }

    #[test]
    fn the_same_package_in_another_place_is_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = |registry: &str| {
            let package = folder.path().join(registry).join("x-1.0.0");
            fs::create_dir_all(package.join("src")).expect("a folder");
            fs::write(package.join("src/lib.rs"), "pub fn f() {}").expect("a file");
            Store { package: Some(package.display().to_string()), ..store(folder.path(), "target") }
        };
        let (one, two) = (of("one"), of("two"));
        let source = |store: &Store| format!("{}/src/lib.rs", store.package.as_deref().unwrap_or_default());
        assert_eq!(one.anywhere(&source(&one)), two.anywhere(&source(&two)));
        let mut record = Origins::default();
        record.read(&one, &source(&one));
        one.keep("abcd", &record, |stage| fs::write(stage.join("file"), "made"));
        assert!(two.find("abcd").is_some());
        fs::write(source(&two), "pub fn g() {}").expect("a file");
        assert!(two.find("abcd").is_none() && one.find("abcd").is_some());
    }

    #[test]
    fn options_are_read_in_every_form() {
        let arguments: Vec<OsString> =
            ["--crate-name", "x", "--emit=link", "-C", "extra-filename=-1"].map(Into::into).to_vec();
        assert_eq!(value_of(&arguments, "--crate-name"), Some("x"));
        assert_eq!(value_of(&arguments, "--emit"), Some("link"));
        assert_eq!(value_of(&arguments, "extra-filename"), Some("-1"));
        assert_eq!(value_of(&arguments, "--out-dir"), None);
    }
}
