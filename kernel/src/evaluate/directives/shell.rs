//! Shell commands of a cell: run by `sh` or `bash`, output streamed as it comes, ended by an interrupt. A
//! command that fails is the cell's error.

use std::env;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::definition::{Definition, Done, Engines, Form, Raw};
use crate::evaluate::{DirectEvaluator, errors};
use crate::output::Output;
use ferrolab_jupyter::session::evaluator::{CellError, Sink, Stream};

pub(super) const MARK: Definition = Definition {
    names: &["!"],
    usage: "!COMMAND",
    help: "Run a shell command; its output is streamed.",
    engines: Engines::Every,
    form: Form::Mark,
};

pub(super) const BASH: Definition = Definition {
    names: &["%%bash"],
    usage: "%%bash",
    help: "Run the rest of the cell with bash, or with sh where there is no bash.",
    engines: Engines::Own,
    form: Form::Raw(Raw { check: |_| Ok(()), act: |lab, _, text, sink| lab.run_script(Shell::Bash, text, sink) }),
};

pub(super) const SH: Definition = Definition {
    names: &["%%sh"],
    usage: "%%sh",
    help: "Run the rest of the cell with sh.",
    engines: Engines::Own,
    form: Form::Raw(Raw { check: |_| Ok(()), act: |lab, _, text, sink| lab.run_script(Shell::Sh, text, sink) }),
};

/// Who runs a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shell {
    /// `sh`.
    Sh,
    /// `bash`, or `sh` where there is none.
    Bash,
}

impl Shell {
    /// The program, and what the user is told when it is not the one asked for.
    fn program(self, paths: Option<&OsStr>) -> (&'static str, Option<&'static str>) {
        let is_there = || paths.is_some_and(|paths| env::split_paths(paths).any(|at| at.join("bash").is_file()));
        match self {
            Self::Sh => ("sh", None),
            Self::Bash if is_there() => ("bash", None),
            Self::Bash => ("sh", Some("note: there is no bash on this machine; sh runs the script\n")),
        }
    }
}

impl DirectEvaluator {
    /// Runs a script with the variables of `:env`.
    pub(super) fn run_script(&mut self, shell: Shell, script: &str, sink: &Arc<dyn Sink>) -> Done {
        run(shell, script, &self.settings.environment, sink, self.shared.compiling.flag())
    }
}

/// Runs a script as the shell would, line by line.
fn run(
    shell: Shell,
    script: &str,
    variables: &[(String, String)],
    sink: &Arc<dyn Sink>,
    cancelled: &AtomicBool,
) -> Result<(), CellError> {
    let set = variables.iter().rev().find(|(name, _)| name == "PATH").map(|(_, paths)| paths.into());
    let (program, note) = shell.program(set.or_else(|| env::var_os("PATH")).as_deref());
    if let Some(note) = note {
        sink.stream(Stream::Stderr, note);
    }
    let mut command = Command::new(program);
    command.arg("-c").arg(script).envs(variables.iter().map(|(k, v)| (k, v)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|e| errors::plain("Shell", &format!("cannot run {program}: {e}")))?;
    let (send, receive) = channel::<(bool, Vec<u8>)>();
    let mut readers = Vec::new();
    let ends: [(bool, Option<Box<dyn Read + Send>>); 2] = [
        (false, child.stdout.take().map(|s| Box::new(s) as Box<dyn Read + Send>)),
        (true, child.stderr.take().map(|s| Box::new(s) as Box<dyn Read + Send>)),
    ];
    for (error, end) in ends {
        let (Some(mut end), send) = (end, send.clone()) else { continue };
        readers.push(thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(n @ 1..) = end.read(&mut buffer) {
                if send.send((error, buffer[..n].to_vec())).is_err() {
                    return;
                }
            }
        }));
    }
    drop(send);
    let mut output = Output::new(sink.clone(), false);
    let mut killed = false;
    loop {
        match receive.recv_timeout(Duration::from_millis(30)) {
            Ok((error, bytes)) => output.bytes(error, &bytes),
            Err(RecvTimeoutError::Timeout) => drop(output.flush()),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if cancelled.load(Ordering::SeqCst) && !killed {
            killed = true;
            // SAFETY: a plain signal to the process group we made above.
            unsafe { libc::kill(-(child.id() as i32), libc::SIGKILL) };
        }
    }
    output.finish();
    let status = child.wait().map_err(|e| errors::plain("Shell", &e.to_string()))?;
    if killed {
        return Err(errors::plain("Interrupted", "the command was interrupted"));
    }
    if status.success() {
        return Ok(());
    }
    let how = status.code().map_or_else(|| status.to_string(), |code| format!("exit status {code}"));
    Err(errors::plain("Shell", &format!("the command failed: {how}")))
}

/// A command that nobody has may be meant as Rust: `!done`.
pub(super) fn or_rust(mut error: CellError, command: &str) -> CellError {
    let word: String = command.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let rest = command[word.len()..].trim_start();
    let like_rust = rest.is_empty() || rest.starts_with(['&', '|', '^', '=', '+', '-', '<', '>', ';']);
    let unknown = ["exit status 127", "exit status 2"].iter().any(|how| error.value.ends_with(how));
    if error.name == "Shell" && unknown && like_rust && !word.is_empty() && !word.starts_with(char::is_numeric) {
        let hint = format!(
            "; a line that begins with `!` is a shell command where `{word}` is no variable: Rust is written `(!{command})`"
        );
        error.value.push_str(&hint);
        if let Some(last) = error.traceback.last_mut() {
            last.push_str(&hint);
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::Shell;

    #[test]
    fn bash_is_run_where_there_is_one_and_its_absence_is_said() {
        let here = std::env::temp_dir().join(format!("ferrolab-shell-{}", std::process::id()));
        std::fs::create_dir_all(&here).unwrap();
        let (program, note) = Shell::Bash.program(Some(here.as_os_str()));
        assert!(program == "sh" && note.is_some_and(|note| note.contains("no bash")));
        std::fs::write(here.join("bash"), "").unwrap();
        assert_eq!(Shell::Bash.program(Some(here.as_os_str())), ("bash", None));
        assert_eq!(Shell::Sh.program(None), ("sh", None));
        let _ = std::fs::remove_dir_all(here);
    }
}
