//! A rustc that is started before anybody knows what it is to compile. Loading rustc takes a fifth of what a small cell takes, and
//! depends on nothing of the cell: a spare one is told to read its arguments from its standard input, and waits there, loaded.
//! It is an ordinary process with its own bench; whether there is one changes nothing but time.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use std::{env, fs, thread};

/// Where rustc finds its arguments, one on each line. At the end of the kernel, however that comes, the input ends, and so does
/// whoever waits for it.
const ARGUMENTS: &str = "@/dev/stdin";
/// A spare one holds some megabytes, so it does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(600);

/// The place of the one that waits.
#[derive(Debug, Default)]
pub struct Spare(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    place: Mutex<Place>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Place {
    waits: Option<Waiting>,
    /// One is being started, or waits.
    busy: bool,
    /// How many were taken: whoever looks after one sees by it that his is gone.
    taken: u64,
    closed: bool,
}

/// One that waits for its arguments.
#[derive(Debug)]
pub struct Waiting {
    child: Child,
    input: ChildStdin,
    program: OsString,
    /// The variables that it was started with.
    environment: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub bench: PathBuf,
}

impl Spare {
    /// The one that waits, when there is one that is like `wanted`, a command without arguments.
    pub fn take(&self, wanted: &Command) -> Option<Waiting> {
        let waiting = self.0.lock().hand_out()?;
        self.0.changed.notify_all();
        // somebody may have emptied the cache, and a process stays in a directory that is gone
        let alike = waiting.program == wanted.get_program() && waiting.environment == variables(wanted);
        if alike && waiting.bench.is_dir() {
            return Some(waiting);
        }
        waiting.end();
        None
    }

    /// Starts one behind the caller's back, unless there is one. `command` has no arguments yet, and is to run on the bench.
    pub fn prepare(&self, command: impl FnOnce() -> io::Result<(Command, PathBuf)> + Send + 'static) {
        {
            let mut place = self.0.lock();
            if place.busy || place.closed {
                return;
            }
            place.busy = true;
        }
        let shared = Arc::clone(&self.0);
        let attend = move || {
            // Without a spare one cells are compiled as ever, so nobody hears of a failure.
            let waiting = command().and_then(|(command, bench)| Waiting::start(command, bench));
            shared.attend(waiting.ok());
        };
        if thread::Builder::new().name("spare rustc".into()).spawn(attend).is_err() {
            self.0.lock().busy = false;
        }
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        let mut place = self.0.lock();
        place.closed = true;
        let waiting = place.hand_out();
        drop(place);
        self.0.changed.notify_all();
        if let Some(waiting) = waiting {
            waiting.end();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts it into its place, until somebody takes it or has no need of it.
    fn attend(&self, waiting: Option<Waiting>) {
        let mut place = self.lock();
        let mine = place.taken;
        place.waits = waiting;
        if place.waits.is_some() && !place.closed {
            let waits = |place: &mut Place| place.taken == mine && !place.closed;
            let waited = self.changed.wait_timeout_while(place, PATIENCE, waits);
            place = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if place.taken != mine {
            return;
        }
        place.busy = false;
        let left = place.waits.take();
        drop(place);
        if let Some(left) = left {
            left.end();
        }
    }
}

impl Place {
    fn hand_out(&mut self) -> Option<Waiting> {
        let waiting = self.waits.take()?;
        self.taken += 1;
        self.busy = false;
        Some(waiting)
    }
}

impl Waiting {
    fn start(mut command: Command, bench: PathBuf) -> io::Result<Self> {
        let (program, environment) = (command.get_program().to_owned(), variables(&command));
        let started = command.arg(ARGUMENTS).stdin(Stdio::piped()).spawn().and_then(|mut child| {
            let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(Self { child, input, program, environment, bench: bench.clone() })
        });
        if started.is_err() {
            drop(fs::remove_dir_all(bench));
        }
        started
    }

    /// Lets it compile with these arguments. `None` when it cannot be told them, or has ended: another has to be started.
    pub fn begin<'a>(mut self, arguments: impl Iterator<Item = &'a OsStr>) -> Option<Child> {
        let told = lines(arguments).is_some_and(|text| {
            matches!(self.child.try_wait(), Ok(None)) && self.input.write_all(text.as_bytes()).is_ok()
        });
        if !told {
            self.stop();
            return None;
        }
        drop(self.input);
        Some(self.child)
    }

    /// Ends it, and clears up after it.
    pub fn end(mut self) {
        self.stop();
        drop(fs::remove_dir_all(&self.bench));
    }

    fn stop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Arguments as rustc reads them from a file.
fn lines<'a>(arguments: impl Iterator<Item = &'a OsStr>) -> Option<String> {
    let mut text = String::new();
    for argument in arguments {
        let argument = argument.to_str()?;
        if argument.is_empty() || argument.contains(['\n', '\r']) || argument.starts_with('@') {
            return None;
        }
        text.push_str(argument);
        text.push('\n');
    }
    Some(text)
}

/// The variables that a process of this command has.
fn variables(command: &Command) -> Vec<(OsString, OsString)> {
    let mut all: std::collections::BTreeMap<OsString, OsString> = env::vars_os().collect();
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => drop(all.insert(name.to_owned(), value.to_owned())),
            None => drop(all.remove(name)),
        }
    }
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// `cat` does with its input what rustc does with a file of arguments: it reads to the end.
    fn reader(bench: &tempfile::TempDir) -> (Command, PathBuf) {
        let mut command = Command::new("sh");
        command.args(["-c", "cat; exit 7", "reader"]).current_dir(bench.path()).stdout(Stdio::piped());
        let own = bench.path().join("bench");
        fs::create_dir_all(&own).expect("a folder");
        (command, own)
    }

    fn waiting(spare: &Spare, bench: &tempfile::TempDir) {
        let made = reader(bench);
        spare.prepare(move || Ok(made));
        let begun = Instant::now();
        while spare.0.lock().waits.is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "none was started");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn one_that_waits_reads_what_it_is_told() {
        let (spare, bench) = (Spare::default(), tempfile::tempdir().expect("a folder"));
        assert!(spare.take(&reader(&bench).0).is_none(), "nobody has prepared one");
        waiting(&spare, &bench);
        let taken = spare.take(&reader(&bench).0).expect("it waits");
        let arguments = ["cell.rs", "-C", "opt-level=3"].map(OsStr::new);
        let output = taken.begin(arguments.into_iter()).expect("it was told").wait_with_output().expect("its end");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "cell.rs\n-C\nopt-level=3\n");
        assert_eq!(output.status.code(), Some(7));
    }

    #[test]
    fn another_program_or_environment_is_not_served() {
        let (spare, bench) = (Spare::default(), tempfile::tempdir().expect("a folder"));
        waiting(&spare, &bench);
        assert!(spare.take(reader(&bench).0.env("FERROLAB_SPARE", "other")).is_none());
        assert!(spare.take(&reader(&bench).0).is_none(), "it was ended");
    }

    #[test]
    fn one_whose_bench_is_gone_is_not_used() {
        let (spare, bench) = (Spare::default(), tempfile::tempdir().expect("a folder"));
        waiting(&spare, &bench);
        fs::remove_dir(bench.path().join("bench")).expect("it is empty");
        assert!(spare.take(&Command::new("sh")).is_none());
    }

    #[test]
    fn what_has_no_line_of_its_own_is_not_told() {
        assert_eq!(lines(["a b", "-C"].map(OsStr::new).into_iter()).as_deref(), Some("a b\n-C\n"));
        for wrong in ["a\nb", "", "@file"] {
            assert_eq!(lines([OsStr::new(wrong)].into_iter()), None, "{wrong:?}");
        }
    }

    #[test]
    fn one_that_has_ended_is_noticed() {
        let (spare, bench) = (Spare::default(), tempfile::tempdir().expect("a folder"));
        waiting(&spare, &bench);
        let mut taken = spare.take(&reader(&bench).0).expect("it waits");
        taken.child.kill().expect("it is ours");
        taken.child.wait().expect("its end");
        assert!(taken.begin(std::iter::empty()).is_none());
    }

    #[test]
    fn it_ends_with_its_owner() {
        let (spare, bench) = (Spare::default(), tempfile::tempdir().expect("a folder"));
        waiting(&spare, &bench);
        let id = spare.0.lock().waits.as_ref().expect("it waits").child.id();
        drop(spare);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }
}
