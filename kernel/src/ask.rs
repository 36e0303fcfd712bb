//! Asking another program a short question, with a time limit. Not for programs whose output may
//! be large or that are meant to run long.

use std::env;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take to answer. Generous, because a cold Python on a parallel file
/// system needs many seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a program said.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Standard output, or standard error when it failed; trimmed.
    pub(crate) text: String,
    /// Whether it exited with status 0.
    pub(crate) success: bool,
}

/// Runs a program with nothing to read and returns its short answer; `None` when it could not be
/// started or did not end in time (it is killed then).
pub(crate) fn ask(program: &Path, arguments: &[&str]) -> Option<Answer> {
    let mut command = Command::new(program);
    ask_within(PATIENCE, command.args(arguments))
}

/// The same of a command, with another time limit.
pub(crate) fn ask_within(patience: Duration, command: &mut Command) -> Option<Answer> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    let out = child.stdout.take().map(drain);
    let err = child.stderr.take().map(drain);
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() < patience => thread::sleep(Duration::from_millis(5)),
            _ => {
                // Errors mean that it has ended in the meantime, which is what is wanted.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    let text = |reader: Option<thread::JoinHandle<String>>| reader.and_then(|r| r.join().ok()).unwrap_or_default();
    let (out, err) = (text(out), text(err));
    let said = if status.success() || err.trim().is_empty() { out } else { err };
    Some(Answer { text: said.trim().to_owned(), success: status.success() })
}

fn drain(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What arrived before a read error is still an answer.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The first executable of this name on `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(name)).find(|file| is_executable(file))
}

/// Whether a path is a file that someone may execute.
pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_answer_or_not() {
        let sh = find("sh").unwrap();
        let answer = ask(&sh, &["-c", "echo out; echo err >&2"]).unwrap();
        assert!(answer.success);
        assert_eq!(answer.text, "out");
        let answer = ask(&sh, &["-c", "echo err >&2; exit 3"]).unwrap();
        assert!(!answer.success);
        assert_eq!(answer.text, "err");
        assert!(ask(Path::new("/nowhere/at/all"), &[]).is_none());
        assert!(find("no-such-program-anywhere").is_none());
    }
}
