//! One rustc run: arguments, process, diagnostics. This is the only file of the engine that starts rustc for a cell. It knows
//! neither variables nor sessions.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::{fs, io, thread};

use super::edition::Edition;
use super::environment::Environment;
use super::generate::CrateKind;
use super::items::Name;
use super::link::link;
use super::reads::cargo_variables;
use super::shelf::OBJECT;
use super::spare::Waiting;
use super::statics::STORED;

/// How cells are compiled; `:opt`, `:checks` and `:target-cpu` change it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flags {
    /// `-C opt-level`.
    pub opt_level: String,
    /// Overflow checks and debug assertions.
    pub checks: bool,
    /// `-C target-cpu`.
    pub target_cpu: String,
    /// `--edition`.
    pub edition: Edition,
}

impl Default for Flags {
    fn default() -> Self {
        Self { opt_level: "3".into(), checks: false, target_cpu: "native".into(), edition: Edition::default() }
    }
}

/// The rustc that runs now, so that an interrupt can end it.
#[derive(Debug, Default)]
pub struct Compiling {
    group: AtomicI32,
    cancelled: AtomicBool,
}

impl Compiling {
    /// End the compilation, now or as soon as it starts its next process.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        let group = self.group.load(Ordering::SeqCst);
        if group > 0 {
            // SAFETY: a plain signal to the process group that `start` made.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
    }

    /// Before a cell: forget an earlier cancellation.
    pub fn reset(&self) {
        self.cancelled.store(false, Ordering::SeqCst);
    }

    /// Was this cell's compilation cancelled?
    pub fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    /// The flag itself, for builders that look at it.
    pub fn flag(&self) -> &AtomicBool {
        &self.cancelled
    }
}

/// Why there is no object.
#[derive(Debug)]
pub enum CompileError {
    /// rustc refused the text; its standard error.
    Refused(String),
    /// The user interrupted.
    Cancelled,
    /// rustc or the linker could not run or broke; a sentence for the user.
    Broken(String),
}

/// A crate of items that cells and other such crates link to.
#[derive(Debug, Clone)]
pub struct ItemsCrate {
    /// Hash of all that went into it.
    pub hash: String,
    /// Its metadata, for rustc.
    pub metadata: PathBuf,
    finished: Arc<Pending>,
}

/// Code that is still being generated after the metadata is there.
#[derive(Debug, Default)]
struct Pending {
    result: Mutex<Option<Result<PathBuf, String>>>,
    done: Condvar,
}

impl ItemsCrate {
    /// One whose code is there already.
    pub fn finished(hash: String, name: &str, directory: &Path) -> Self {
        let pending = Pending { result: Mutex::new(Some(Ok(directory.join(OBJECT)))), done: Condvar::new() };
        Self { hash, metadata: directory.join(metadata_of(name)), finished: Arc::new(pending) }
    }

    /// Are its files still there? (Somebody may have emptied the cache.)
    pub fn is_there(&self) -> bool {
        let result = self.finished.result.lock().unwrap_or_else(PoisonError::into_inner);
        let object = result.as_ref().is_none_or(|r| r.as_ref().is_ok_and(|path| path.is_file()));
        object && self.metadata.is_file()
    }

    /// Waits for the shared object.
    ///
    /// # Errors
    /// When code generation failed; rustc's words.
    pub fn object(&self) -> Result<PathBuf, String> {
        let mut result = self.finished.result.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*result {
                Some(done) => return done.clone(),
                None => result = self.finished.done.wait(result).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// The name of every crate of items, so that a path to an item begins alike wherever users see one.
/// Frames of a backtrace are told to be the user's by it.
pub(super) const ITEMS_CRATE: &str = "cells";

/// The file with a family's metadata. What follows the crate's name tells rustc which of its name it is.
pub fn metadata_of(family: &str) -> String {
    format!("lib{ITEMS_CRATE}-{family}.rmeta")
}

/// What to compile.
pub struct Job<'a> {
    /// The family, or another name for statements.
    pub name: &'a str,
    /// The environment it links against.
    pub environment: &'a Environment,
    /// How.
    pub flags: &'a Flags,
    /// What it is.
    pub kind: CrateKind,
    /// The generated text.
    pub text: &'a str,
    /// The hash by which its source file is named.
    pub file: &'a str,
    /// Hash of everything.
    pub hash: &'a str,
    /// Distinguishes types of this crate from those of other versions.
    pub identity: &'a str,
    /// The crates of items that it needs, each after those it needs itself.
    pub linked: &'a [(Name, ItemsCrate)],
    /// Those of them that its text names.
    pub named: &'a BTreeSet<Name>,
    /// Where to work.
    pub bench: &'a Path,
    /// Who may interrupt.
    pub compiling: &'a Compiling,
    /// Nothing is generated: rustc only says what is wrong.
    pub check: bool,
    /// A rustc that waits on that bench.
    pub spare: Cell<Option<Waiting>>,
}

/// A rustc on a bench, without arguments.
///
/// Unstable options for this one process: full paths in the lint that tells types, and a prelude of our own. Never for
/// dependencies.
pub(super) fn process(rustc: &Path, bench: &Path) -> Command {
    let mut command = Command::new(rustc);
    command.current_dir(bench).envs(cargo_variables());
    command.env("RUSTC_BOOTSTRAP", "1").env_remove("RUST_BACKTRACE").env_remove("RUSTFLAGS");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    command
}

impl Job<'_> {
    /// Name of the source file, as panics and rustc show it.
    pub fn file_name(hash: &str) -> String {
        format!("{}.rs", &hash[..16])
    }

    fn command(&self) -> Command {
        let e = self.environment;
        let mut command = process(&e.toolchain.rustc, self.bench);
        // Nothing links against statements, and what only they use need not be kept for others.
        let (name, crate_type) = if self.kind == CrateKind::Items { (ITEMS_CRATE, "lib") } else { ("cell", "cdylib") };
        command.arg(Self::file_name(self.file));
        command.args(["--crate-name", name, "--crate-type", crate_type, "--edition", self.flags.edition.word()]);
        command.args(["--error-format", "json", "--diagnostic-width", "100000", "-Ztrim-diagnostic-paths=no"]);
        command.args([
            "-C",
            "prefer-dynamic",
            "-C",
            "codegen-units=1",
            "-C",
            "debuginfo=0",
            "-C",
            "panic=unwind",
            "-C",
            "embed-bitcode=no",
        ]);
        let checks = if self.flags.checks { "on" } else { "off" };
        for option in [
            format!("opt-level={}", self.flags.opt_level),
            format!("overflow-checks={checks}"),
            format!("debug-assertions={checks}"),
            format!("target-cpu={}", self.flags.target_cpu),
            format!("metadata={}", self.identity),
        ] {
            command.args(["-C", &option]);
        }
        match self.kind {
            _ if self.check => command.arg("--emit=metadata=cell.rmeta"),
            CrateKind::Items => {
                command.arg(format!("-Cextra-filename=-{}", self.name));
                command.args([&format!("--emit=metadata={},obj=cell.o", metadata_of(self.name)), "--json=artifacts"])
            }
            CrateKind::Statements => command.args(["--emit=obj=cell.o", "--json=artifacts"]),
        };
        for directory in &e.search {
            command.arg("-L").arg(format!("dependency={}", directory.display()));
        }
        for (name, path) in &e.externs {
            command.arg("--extern").arg(format!("{name}={}", path.display()));
        }
        for ready in e.precompiled.iter().filter(|ready| ready.serves(self.text, self.kind == CrateKind::Items)) {
            command.args(ready.rustc_arguments());
        }
        for (name, made) in self.linked {
            if self.named.contains(name) {
                command.arg("--extern").arg(format!("{name}={}", made.metadata.display()));
            }
            // What is there for its values is no crate to rustc.
            if name.starts_with(STORED) {
                continue;
            }
            // One that another needs is looked for here even when the text names it, too.
            if let Some(directory) = made.metadata.parent() {
                command.arg("-L").arg(format!("dependency={}", directory.display()));
            }
        }
        command
    }

    fn start(&self) -> Result<Child, CompileError> {
        self.spawn(self.command())
    }

    fn spawn(&self, mut command: Command) -> Result<Child, CompileError> {
        let rustc = &self.environment.toolchain.rustc;
        let spare = self.spare.take();
        if let Err(error) = fs::write(self.bench.join(Self::file_name(self.file)), self.text) {
            if let Some(spare) = spare {
                spare.end();
            }
            return Err(disk(self.bench, &error));
        }
        let waited = spare.and_then(|spare| spare.begin(command.get_args()));
        let child = waited.map_or_else(|| command.spawn(), Ok).map_err(|e| {
            CompileError::Broken(format!("cannot run {}: {e}; `ferrolab doctor` says what is missing", rustc.display()))
        })?;
        self.compiling.group.store(child.id() as i32, Ordering::SeqCst);
        if self.compiling.cancelled() {
            self.compiling.cancel();
        }
        Ok(child)
    }

    /// Compile to the end; the object is `cell.so` on the bench. Returns rustc's standard error.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn run(&self) -> Result<String, CompileError> {
        let mut child = self.start()?;
        let (said, rest) = until_made(&mut child)?;
        let Some(rest) = rest else {
            self.finish(child, true, &said)?;
            return Err(CompileError::Broken(format!("rustc wrote no object\n{said}")));
        };
        // It has said all that matters, and takes some more milliseconds to give back its memory.
        see_off(child, rest);
        self.compiling.group.store(0, Ordering::SeqCst);
        if self.compiling.cancelled() {
            return Err(CompileError::Cancelled);
        }
        // Linking needs the crates' files; by now their code has usually been generated.
        link(self.environment, self.hash, self.bench, &self.made())?;
        Ok(said)
    }

    /// Only rustc; what it says.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn run_rustc(&self) -> Result<String, CompileError> {
        let mut child = self.start()?;
        let mut said = String::new();
        let read = child.stderr.take().map(|e| io::Read::read_to_string(&mut BufReader::new(e), &mut said));
        self.finish(child, read.is_none_or(|r| r.is_ok()), &said)?;
        Ok(said)
    }

    /// The text with its macros expanded, as far as they can be, and rustc's standard error.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn expand(&self) -> Result<(String, String), CompileError> {
        self.print(&["-Zunpretty=expanded"])
    }

    /// The text as rustc sees it after type checking, with the place of each call.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn mir(&self) -> Result<String, CompileError> {
        self.print(&["-Zunpretty=mir", "-Zmir-include-spans=on", "-Zmir-opt-level=0"]).map(|(text, _)| text)
    }

    fn print(&self, what: &[&str]) -> Result<(String, String), CompileError> {
        let mut command = self.command();
        command.args(what).stdout(Stdio::piped());
        let output = self.spawn(command)?.wait_with_output();
        self.compiling.group.store(0, Ordering::SeqCst);
        if self.compiling.cancelled() {
            return Err(CompileError::Cancelled);
        }
        let output = output.map_err(|e| CompileError::Broken(format!("rustc cannot be waited for: {e}")))?;
        if output.status.code().is_none() {
            return Err(ended(output.status, ""));
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((text(&output.stdout), text(&output.stderr)))
    }

    fn made(&self) -> Vec<ItemsCrate> {
        self.linked.iter().map(|(_, made)| made.clone()).collect()
    }

    fn finish(&self, mut child: Child, readable: bool, said: &str) -> Result<(), CompileError> {
        let status = child.wait();
        self.compiling.group.store(0, Ordering::SeqCst);
        if self.compiling.cancelled() {
            return Err(CompileError::Cancelled);
        }
        match status {
            Ok(status) if status.success() && readable => Ok(()),
            Ok(status) if status.code().is_some() => Err(CompileError::Refused(said.to_owned())),
            Ok(status) => Err(ended(status, said)),
            Err(error) => Err(CompileError::Broken(format!("rustc cannot be waited for: {error}"))),
        }
    }

    /// Compile a crate of items until its metadata is there, which means that rustc accepts it;
    /// code generation goes on in the background, and `shelve` is called when it is done with
    /// the bench. Returns the crate and rustc's standard error so far.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn run_items(
        &self,
        shelve: impl FnOnce(&Path) -> io::Result<PathBuf> + Send + 'static,
    ) -> Result<(ItemsCrate, String), CompileError> {
        let mut child = self.start()?;
        let (said, rest) = until_made(&mut child)?;
        let Some(lines) = rest else {
            self.finish(child, true, &said)?;
            return Err(CompileError::Broken(format!("rustc wrote no metadata\n{said}")));
        };
        self.compiling.group.store(0, Ordering::SeqCst);
        let pending = Arc::new(Pending::default());
        let crate_ = ItemsCrate {
            hash: self.hash.to_owned(),
            metadata: self.bench.join(metadata_of(self.name)),
            finished: pending.clone(),
        };
        let (environment, bench, linked) = (self.environment.clone(), self.bench.to_owned(), self.made());
        let hash = self.hash.to_owned();
        let work = UnderWay::begin();
        let generate = move || {
            let rest: String = lines.map_while(Result::ok).filter(|l| l.contains("\"level\":\"error")).collect();
            let result = match child.wait() {
                Ok(status) if status.success() => link(&environment, &hash, &bench, &linked)
                    .map_err(|e| e.to_string())
                    .and_then(|()| shelve(&bench).map(|d| d.join(OBJECT)).or_else(|_| Ok(bench.join(OBJECT)))),
                _ => Err(format!("rustc could not generate code for the items\n{rest}")),
            };
            *pending.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            pending.done.notify_all();
            drop(work);
        };
        thread::Builder::new().name("items".into()).spawn(generate).map_err(|e| CompileError::Broken(e.to_string()))?;
        Ok((crate_, said))
    }
}

/// What rustc says, line by line.
type Words = Lines<BufReader<ChildStderr>>;

/// What rustc says until it tells of the first file that it has made, and the words to come; without them when it ended
/// before that.
fn until_made(child: &mut Child) -> Result<(String, Option<Words>), CompileError> {
    let Some(stderr) = child.stderr.take() else {
        return Err(CompileError::Broken("rustc has no standard error".to_owned()));
    };
    let mut lines = BufReader::new(stderr).lines();
    let mut said = String::new();
    while let Some(Ok(line)) = lines.next() {
        if line.contains("\"$message_type\":\"artifact\"") {
            return Ok((said, Some(lines)));
        }
        said.push_str(&line);
        said.push('\n');
    }
    Ok((said, None))
}

/// Hears a rustc out that has nothing to say any more, and waits for its end, behind the caller's back.
fn see_off(mut child: Child, rest: Words) {
    let wait = move || {
        rest.for_each(drop);
        drop(child.wait());
    };
    // Where no thread can be had, it ends unheard, and stays a zombie as long as the kernel lives.
    drop(thread::Builder::new().name("rustc ends".into()).spawn(wait));
}

/// Code of items that is being generated now.
static UNDER_WAY: Mutex<usize> = Mutex::new(0);
static NONE_IS: Condvar = Condvar::new();

/// Counts while it lives.
struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        NONE_IS.notify_all();
    }
}

/// Waits until all code of items that is being generated is on the shelf.
pub fn settle() {
    let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    while *under_way > 0 {
        under_way = NONE_IS.wait(under_way).unwrap_or_else(PoisonError::into_inner);
    }
}

/// rustc did not end by itself.
fn ended(status: ExitStatus, said: &str) -> CompileError {
    CompileError::Broken(format!("rustc was ended from outside ({status}); there may be too little memory\n{said}"))
}

fn disk(path: &Path, error: &io::Error) -> CompileError {
    CompileError::Broken(format!(
        "cannot write to {}: {error}; set FERROLAB_CACHE_DIR to a directory with room",
        path.display()
    ))
}

impl CompileError {
    /// There is no place to work in.
    pub fn unwritable(error: &io::Error) -> Self {
        Self::Broken(format!("cannot write to the cache: {error}; set FERROLAB_CACHE_DIR to a directory with room"))
    }
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(said) | Self::Broken(said) => f.write_str(said),
            Self::Cancelled => f.write_str("interrupted while compiling"),
        }
    }
}
