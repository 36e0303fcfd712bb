//! Shell commands of a cell: run by `sh`, output streamed as it comes, ended by an interrupt. A
//! command that fails is the cell's error.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::evaluate::errors;
use crate::output::Output;
use crate::session::evaluator::{CellError, Sink};

/// Runs a script, line by line as `sh` would.
pub(super) fn run(
    script: &str,
    variables: &[(String, String)],
    sink: &Arc<dyn Sink>,
    cancelled: &AtomicBool,
) -> Result<(), CellError> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).envs(variables.iter().map(|(k, v)| (k, v)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|e| errors::plain("Shell", &format!("cannot run sh: {e}")))?;
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
            Err(RecvTimeoutError::Timeout) => output.flush(),
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
