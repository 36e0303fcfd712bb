//! The way to the Python process that holds the Dask client: started once for a session, spoken to
//! through connections that last for one operation.
//!
//! A connection for each operation is what makes this safe to fork. A snapshot of the runner holds
//! no half-read message, and when a cell is killed its connection closes, which is how the bridge
//! learns that nobody waits for the tasks any more. The bridge ends when the last process that
//! holds the other end of its pipe has ended: runner and snapshots, and so with the kernel.

use super::bytes::Bytes;
use super::code::Code;
use super::folder;
use super::protocol::{Answer, Envelope, Request};
use super::python;
use super::run::failed;
use crate::executor::Error;
use crate::rt;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const FILES: [(&str, &str); 23] = [
    ("arrays.py", include_str!("python/arrays.py")),
    ("batch.py", include_str!("python/batch.py")),
    ("bridge.py", include_str!("python/bridge.py")),
    ("carried.py", include_str!("python/carried.py")),
    ("clusters.py", include_str!("python/clusters.py")),
    ("connection.py", include_str!("python/connection.py")),
    ("fit.py", include_str!("python/fit.py")),
    ("graphs.py", include_str!("python/graphs.py")),
    ("jobs.py", include_str!("python/jobs.py")),
    ("jobscript.py", include_str!("python/jobscript.py")),
    ("links.py", include_str!("python/links.py")),
    ("origin.py", include_str!("python/origin.py")),
    ("protocol.py", include_str!("python/protocol.py")),
    ("runs.py", include_str!("python/runs.py")),
    ("slurm.py", include_str!("python/slurm.py")),
    ("tls.py", include_str!("python/tls.py")),
    ("variants.py", include_str!("python/variants.py")),
    ("worker.py", include_str!("python/worker.py")),
    ("worker_board.py", include_str!("python/worker_board.py")),
    ("worker_graph.py", include_str!("python/worker_graph.py")),
    ("worker_life.py", include_str!("python/worker_life.py")),
    ("workers.sbatch", include_str!("python/workers.sbatch")),
    ("workforce.py", include_str!("python/workforce.py")),
];
/// Importing Dask on a cold file system takes this long at most.
const STARTING: Duration = Duration::from_secs(120);
/// How long somebody waits who leaves.
const LEAVING: Duration = Duration::from_secs(10);
/// How often a wait looks at interrupts.
const GLANCE: Duration = Duration::from_millis(50);
/// A header longer than this is not one.
const LONGEST: usize = 64 << 20;

struct Bridge {
    folder: PathBuf,
    process: u32,
    /// The bridge reads its other end, and ends when all copies of this are closed.
    life: OwnedFd,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        rt::own::disown(self.life.as_fd());
    }
}

static BRIDGE_OF_SESSION: Mutex<Option<Bridge>> = Mutex::new(None);

impl Bridge {
    fn socket(&self) -> PathBuf {
        self.folder.join(folder::SOCKET)
    }

    /// Does its process run? One that was killed may leave its socket open in its workers for a moment, where nobody
    /// answers.
    fn runs(&self) -> bool {
        let state = fs::read_to_string(format!("/proc/{}/stat", self.process));
        // The name, which may have anything in it, ends with the last parenthesis; a zombie has ended.
        state.is_ok_and(|text| !text.rsplit(')').next().unwrap_or_default().trim_start().starts_with(['Z', 'X']))
    }
}

/// One operation's connection.
#[derive(Debug)]
pub(crate) struct Link {
    stream: UnixStream,
    buffer: Vec<u8>,
    /// A message whose head is there, and the part of its body that is.
    coming: Option<Coming>,
}

/// A message whose bytes are on their way.
#[derive(Debug)]
struct Coming {
    answer: Answer,
    envelope: Envelope,
    body: Vec<u8>,
    size: usize,
}

/// A message: what it says, and bytes that came with it.
pub(crate) type Message = (Answer, Bytes);

impl Link {
    /// Connects, and starts the bridge when there is none.
    pub(crate) fn open() -> Result<Self, Error> {
        let mut bridge = BRIDGE_OF_SESSION.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = bridge.as_ref().filter(|bridge| bridge.runs()) {
            match connect(&running.socket()) {
                Ok(stream) => return Self::over(stream),
                Err(e) if matches!(e.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => {}
                // It may be alive all the same, and letting go of it would close the clusters.
                Err(e) => return Err(broken(&e)),
            }
        }
        let lost = bridge.take().is_some();
        let (started, stream) = start()?;
        *bridge = Some(started);
        if lost {
            eprintln!("the Dask client's process had ended; a new one was started, clusters must be made again");
        }
        Self::over(stream)
    }

    /// Connects to a bridge that runs already.
    pub(crate) fn to_running() -> Option<Self> {
        let bridge = BRIDGE_OF_SESSION.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = bridge.as_ref()?.socket();
        loop {
            match UnixStream::connect(&socket) {
                // a signal came; a cluster that nobody keeps is closed
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                connected => return Self::over(connected.ok()?).ok(),
            }
        }
    }

    fn over(stream: UnixStream) -> Result<Self, Error> {
        stream.set_read_timeout(Some(GLANCE)).map_err(|e| broken(&e))?;
        Ok(Self { stream, buffer: Vec::new(), coming: None })
    }

    /// Sends a message. A bridge that closed the connection may have said why: whoever receives next
    /// learns it, so that nothing is wrong here yet.
    pub(crate) fn send(&mut self, request: &Request, bytes: &[u8]) -> Result<(), Error> {
        // A path that is no text is what cannot be written.
        let head = serde_json::to_string(request);
        let head = head.map_err(|e| Error::unsendable(format!("the Dask client cannot be told: {e}")))?;
        let mut message = Vec::with_capacity(12 + head.len());
        message.extend_from_slice(&(head.len() as u32).to_le_bytes());
        message.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        message.extend_from_slice(head.as_bytes());
        match self.stream.write_all(&message).and_then(|()| self.stream.write_all(bytes)) {
            Err(e) if !is_closed(&e) => Err(broken(&e)),
            _ => Ok(()),
        }
    }

    /// The next message, or `None` when none came in a moment.
    ///
    /// # Panics
    /// With the payload [`rt::Interrupted`] when the user interrupts; closing the connection then
    /// tells the bridge to cancel.
    pub(crate) fn receive(&mut self) -> Result<Option<Message>, Error> {
        loop {
            match self.complete()? {
                // Whatever is waited for, this is answered first.
                Some((Answer::Wanted { level, code }, _)) => {
                    self.provide(&level, &code)?;
                    continue;
                }
                Some(message) => return Ok(Some(message)),
                None => {}
            }
            let read = self.read_some();
            rt::check_interrupt();
            match read {
                Ok(0) => return Err(ended()),
                Ok(_) => {}
                Err(e) if is_closed(&e) => return Err(ended()),
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(broken(&e)),
            }
        }
    }

    /// The next message, when it is there already or comes within this time. It does not look at interrupts: what watches goes on until
    /// its cell has ended.
    pub(crate) fn poll(&mut self, patience: Duration) -> Result<Option<Message>, Error> {
        let until = Instant::now() + patience;
        loop {
            if let Some(message) = self.complete()? {
                return Ok(Some(message));
            }
            let left = until.saturating_duration_since(Instant::now());
            // A time of nothing would be for ever.
            self.stream.set_read_timeout(Some(left.max(Duration::from_micros(100)))).map_err(|e| broken(&e))?;
            match self.read_some() {
                Ok(0) => return Err(ended()),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Ok(None),
                Err(e) => return Err(broken(&e)),
            }
        }
    }

    /// Reads what is there; how much it was.
    fn read_some(&mut self) -> io::Result<usize> {
        match &mut self.coming {
            // Straight to where it stays; what was read before an error is kept.
            Some(Coming { body, size, .. }) => {
                let missing = (*size - body.len()) as u64;
                (&self.stream).take(missing).read_to_end(body)
            }
            None => {
                let mut chunk = [0; 64 << 10];
                let read = self.stream.read(&mut chunk);
                self.buffer.extend_from_slice(&chunk[..*read.as_ref().unwrap_or(&0)]);
                read
            }
        }
    }

    /// Has code compiled for another processor, and sends where it is.
    fn provide(&mut self, level: &str, code: &Code) -> Result<(), Error> {
        let (code, problem) = match code.compiled_for(level) {
            Ok(code) => (Some(code), String::new()),
            Err(why) => (None, why.to_string()),
        };
        rt::check_interrupt();
        self.send(&Request::Compiled { code, problem }, &[])
    }

    /// A whole message, when there is one.
    fn complete(&mut self) -> Result<Option<Message>, Error> {
        if self.coming.is_none() {
            self.begin()?;
        }
        match self.coming.take() {
            Some(Coming { answer, envelope, body, size }) if body.len() == size => {
                let bytes = envelope.shared.map_or(Ok(Bytes::Own(body)), Bytes::shared)?;
                Ok(Some((answer, bytes)))
            }
            coming => {
                self.coming = coming;
                Ok(None)
            }
        }
    }

    /// Takes the beginning of a message out of the buffer.
    fn begin(&mut self) -> Result<(), Error> {
        let Some(lengths) = self.buffer.first_chunk::<12>() else { return Ok(()) };
        let head = u32::from_le_bytes([lengths[0], lengths[1], lengths[2], lengths[3]]) as usize;
        let body = lengths[4..].iter().rev().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
        if head > LONGEST {
            return Err(Error::lost("the Dask client's process sent something that is no message"));
        }
        if self.buffer.len() < 12 + head {
            return Ok(());
        }
        let text = &self.buffer[12..12 + head];
        let unknown = |e| Error::lost(format!("the Dask client's process sent what is no answer: {e}"));
        let answer = serde_json::from_slice(text).map_err(unknown)?;
        let envelope = serde_json::from_slice(text).map_err(unknown)?;
        let end = (12 + head + body).min(self.buffer.len());
        let mut bytes = Vec::new();
        let room = bytes.try_reserve_exact(body);
        room.map_err(|e| Error::lost(format!("no memory for a result of {body} bytes: {e}")))?;
        bytes.extend_from_slice(&self.buffer[12 + head..end]);
        self.buffer.drain(..end);
        self.coming = Some(Coming { answer, envelope, body: bytes, size: body });
        Ok(())
    }

    /// Says which results of a computation stay, and that it is over. It is waited for: what is sent in the moment in which a connection
    /// closes may be lost, when the other end is just writing, too.
    pub(crate) fn leave(&mut self, kept: Vec<u32>) {
        // A bridge that is gone has nothing to keep; who interrupts does not wait.
        if self.send(&Request::Leave { kept }, &[]).is_err() {
            return;
        }
        let begun = Instant::now();
        while !rt::interrupted() && begun.elapsed() < LEAVING {
            match self.receive() {
                Ok(Some((Answer::Ok, _))) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// Sends a request and waits for its answer; notes that come before are shown by `note`.
    pub(crate) fn request(
        &mut self,
        request: &Request,
        bytes: &[u8],
        note: &mut dyn FnMut(&Answer),
    ) -> Result<Message, Error> {
        self.send(request, bytes)?;
        loop {
            match self.receive()? {
                None => {}
                Some((Answer::Error(failure), _)) => return Err(failed(failure, 0)),
                Some((told @ (Answer::Note { .. } | Answer::Waiting { .. }), _)) => note(&told),
                Some(message) => return Ok(message),
            }
        }
    }
}

/// An answer that belongs to another request.
pub(crate) fn unexpected(answer: &Answer) -> Error {
    Error::lost(format!("the Dask client's process answered something else than was asked: {answer:?}"))
}

/// The other end is closed, by whatever name the system tells it.
fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn ended() -> Error {
    Error::lost(format!("the Dask client's process ended{}; make the cluster again", last_words()))
}

fn broken(error: &io::Error) -> Error {
    Error::lost(format!("the connection to the Dask client's process broke: {error}{}", last_words()))
}

/// What the bridge wrote last to its log.
fn last_words() -> String {
    let bridge = BRIDGE_OF_SESSION.try_lock();
    let folder = bridge.as_ref().ok().and_then(|b| b.as_ref()).map(|b| b.folder.clone());
    folder.map_or_else(String::new, |folder| tail(&folder.join("bridge.log")))
}

fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = &lines[lines.len().saturating_sub(8)..];
    if last.is_empty() { String::new() } else { format!(":\n{}", last.join("\n")) }
}

fn start() -> Result<(Bridge, UnixStream), Error> {
    let python = python::find(&mut |text| println!("{text}"))?;
    let folder = folder::make()?;
    let disk = |e: io::Error| Error::refused(format!("cannot write to {}: {e}", folder.display()));
    FILES.iter().try_for_each(|(name, text)| folder::write(&folder.join(name), text)).map_err(disk)?;
    let log = folder::private().create(true).append(true).open(folder.join("bridge.log")).map_err(disk)?;
    let (read, life) = pipe().map_err(|e| Error::lost(format!("no pipe: {e}")))?;
    let mut command = Command::new(&python.program);
    command.arg("-u").arg(folder.join("bridge.py")).arg(folder.join(folder::SOCKET));
    // The reading end is the bridge's standard input: one descriptor less to pass on by number.
    command.stdin(Stdio::from(read)).stdout(log.try_clone().map_err(disk)?).stderr(log).process_group(0);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONSTARTUP");
    let child = command.spawn();
    let mut child = child.map_err(|e| Error::refused(format!("cannot start {}: {e}", python.program.display())))?;
    // Who needs the folder, for whoever sweeps. Without it the folder counts as long as we live.
    let _ = folder::write(&folder.join(folder::OWNER), &child.id().to_string());
    rt::own::child(child.id());
    rt::own::descriptor(life.as_fd());
    let bridge = Bridge { folder, process: child.id(), life };
    let begun = Instant::now();
    loop {
        if let Ok(stream) = UnixStream::connect(bridge.socket()) {
            return Ok((bridge, stream));
        }
        if let Ok(Some(_)) = child.try_wait() {
            let why = tail(&bridge.folder.join("bridge.log"));
            let _ = fs::remove_dir_all(&bridge.folder);
            return Err(Error::lost(format!("the Dask client's process did not start{why}")));
        }
        if begun.elapsed() > STARTING {
            let _ = child.kill();
            return Err(Error::lost(format!("the Dask client's process did not answer for {} s", STARTING.as_secs())));
        }
        rt::check_interrupt();
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Connects, however long the queue of those who want to is. (std does not try again after a signal.)
fn connect(socket: &Path) -> io::Result<UnixStream> {
    let begun = Instant::now();
    loop {
        match UnixStream::connect(socket) {
            Err(e)
                if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
                    && begun.elapsed() < STARTING =>
            {
                rt::check_interrupt();
                std::thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}

/// A pipe whose ends are closed in programs that cells start.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = io::pipe()?;
    debug_assert!(read.as_raw_fd() > 2);
    Ok((read.into(), write.into()))
}

/// An operation that has one answer.
pub(crate) fn ask(request: &Request) -> Result<Answer, Error> {
    Ok(Link::open()?.request(request, &[], &mut |_| ())?.0)
}
