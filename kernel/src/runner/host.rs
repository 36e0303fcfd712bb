//! The kernel's side of the runner: start it, run a cell and follow it to its end, climb the
//! interrupt ladder, notice a death and wait for the snapshot to take over.

use std::env;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::asks::{self, Answers};
use super::control::Control;
use super::death::{asked_to_end, describe, lives, reap, reap_later, try_reap};
use super::ended::Successor;
pub use super::ended::{End, Ended};
pub use super::listener::{Listener, Panic, Shown};
use super::socket::{self, Frames, Got};
pub use super::usage::Usage;
use ferrolab_base::frame::{self, Command, Frame, Outcome, Reply};
use ferrolab_system::limits;

/// How long a cell may take to notice an interrupt before its snapshot takes over.
const GRACE: Duration = Duration::from_millis(500);
/// Output is passed on this long after it arrived, at the latest.
const COALESCE: Duration = Duration::from_millis(15);
const PIPE: i32 = 1 << 20;

/// How to start a runner.
#[derive(Debug, Clone)]
pub struct Config {
    /// This executable.
    pub executable: PathBuf,
    /// Libraries to load for all cells, in order.
    pub libraries: Vec<PathBuf>,
    /// Threads of the pool.
    pub threads: u32,
    /// Stack of the thread that runs cells, bytes.
    pub stack: usize,
    /// Variables to set in the runner.
    pub environment: Vec<(String, String)>,
}

/// A live runner.
pub struct Runner {
    pid: i32,
    /// The process that hands over when it ends; 0 when there is none.
    keeper: i32,
    /// The sleeping copy; 0 when there is none.
    copy: i32,
    commands: File,
    frames: Frames,
    replies: Frames,
    streams: [File; 2],
    wake: File,
    control: Arc<Control>,
}

impl Runner {
    /// Starts a runner and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, or dies while it loads its libraries: its own words.
    pub fn start(config: &Config, control: &Arc<Control>) -> Result<Self, String> {
        spawn(config, control).map_err(|e| format!("cannot start the runner: {e}"))?.ready()
    }

    fn ready(mut self) -> Result<Self, String> {
        let mut said = Vec::new();
        loop {
            socket::wait(&[self.frames.descriptor(), self.streams[1].as_raw_fd()], Some(Duration::from_secs(60)));
            if let Some(Frame::Ready { keeper, .. }) = self.frames.next_frame() {
                self.keeper = keeper as i32;
                return Ok(self);
            }
            let mut buffer = [0; 4096];
            match socket::read_now(&mut self.streams[1], &mut buffer) {
                Got::Bytes(n) => said.extend_from_slice(&buffer[..n]),
                Got::Nothing if !self.frames.is_closed() => {}
                _ => {
                    let how = describe(reap(self.pid));
                    return Err(format!("the runner did not start ({how})\n{}", String::from_utf8_lossy(&said)));
                }
            }
        }
    }

    /// Send a command that has no answer.
    ///
    /// # Errors
    /// When the runner is gone.
    pub fn tell(&mut self, command: &Command) -> io::Result<()> {
        frame::write(&mut self.commands, command)
    }

    /// Run a cell, load a library, or undo: send a command and follow it to its end.
    pub fn follow(&mut self, command: &Command, listener: &mut dyn Listener, answers: &mut dyn Answers) -> Ended {
        self.control.begin();
        reap_later([]);
        // A copy that has taken over meanwhile must not run what was meant for its original.
        let sent = self.tell(&Command::For { runner: self.pid as u32 }).and_then(|()| self.tell(command));
        let ended = match sent {
            Ok(()) => {
                let (interrupts, begun) = (0, false);
                Following { runner: self, answers, interrupts, begun, since: None, usage: None, held: None }
                    .follow(listener)
            }
            Err(_) => self.buried(End::Died("it had ended before".to_owned())),
        };
        self.control.finish();
        ended
    }

    /// What the runner knows of variables: name and size.
    pub fn describe(&mut self, names: Vec<String>) -> Vec<(String, u64)> {
        if self.tell(&Command::Describe { names }).is_err() {
            return Vec::new();
        }
        socket::wait(&[self.frames.descriptor()], Some(Duration::from_secs(5)));
        match self.frames.next_frame() {
            Some(Frame::Described { values }) => values.into_iter().map(|(name, _, size)| (name, size)).collect(),
            _ => Vec::new(),
        }
    }

    fn buried(&mut self, end: End) -> Ended {
        Ended { gone: true, ..Ended::of(end, None) }
    }

    /// Pass on everything that is in the output pipes now.
    fn drain(&mut self, listener: &mut dyn Listener) -> Option<Instant> {
        let mut buffer = [0; 64 << 10];
        for (index, stream) in self.streams.iter_mut().enumerate() {
            while let Got::Bytes(n) = socket::read_now(stream, &mut buffer) {
                listener.bytes(index == 1, &buffer[..n]);
            }
        }
        listener.flush()
    }

    fn reply(&mut self, reply: &Reply) {
        // A runner that died meanwhile is noticed by the loop.
        drop(frame::write(self.replies.stream(), reply));
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        drop(self.tell(&Command::Exit));
        let ending = [self.keeper, self.copy];
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_millis(200) {
            if try_reap(self.pid) {
                reap_later(ending);
                return self.control.set_pid(0);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.control.signal(libc::SIGKILL);
        reap(self.pid);
        self.control.set_pid(0);
        reap_later(ending);
        // Closing our sockets ends a snapshot that this has woken.
    }
}

/// One run in progress.
struct Following<'a> {
    runner: &'a mut Runner,
    answers: &'a mut dyn Answers,
    /// Interrupts that were acted on.
    interrupts: u32,
    /// The runner has begun with the command.
    begun: bool,
    /// When the first unanswered interrupt came.
    since: Option<Instant>,
    usage: Option<Usage>,
    /// When output that is held back must go.
    held: Option<Instant>,
}

enum Step {
    Done { outcome: Outcome, lost: Vec<String>, restoring: bool, alive: Vec<String> },
    TookOver(Successor),
    Died,
}

impl Following<'_> {
    fn follow(mut self, listener: &mut dyn Listener) -> Ended {
        let mut snapshot = true;
        let mut stopped = false;
        if self.runner.control.interrupts() > 0 {
            self.runner.control.signal(libc::SIGINT);
            self.since = Some(Instant::now());
        }
        loop {
            self.wait();
            if let Some(step) = self.step(listener, &mut snapshot) {
                return self.end(step, stopped, listener);
            }
            if self.runner.control.ended() {
                self.runner.control.signal(libc::SIGKILL);
                return self.runner.buried(End::Dismissed);
            }
            stopped |= self.climb(snapshot, listener);
        }
    }

    fn wait(&self) {
        let r = &self.runner;
        let ends = [
            r.frames.descriptor(),
            r.replies.descriptor(),
            r.streams[0].as_raw_fd(),
            r.streams[1].as_raw_fd(),
            r.wake.as_raw_fd(),
        ];
        let due = self.held.map(|at| at.saturating_duration_since(Instant::now()));
        let grace =
            self.since.map(|at| (at + GRACE).saturating_duration_since(Instant::now()).max(Duration::from_millis(10)));
        socket::wait(&ends, due.into_iter().chain(grace).min());
    }

    /// Take in what happened.
    fn step(&mut self, listener: &mut dyn Listener, snapshot: &mut bool) -> Option<Step> {
        let mut byte = [0; 64];
        while let Got::Bytes(_) = socket::read_now(&mut self.runner.wake, &mut byte) {}
        // Frames before bytes: what was printed after a display is not read before it is shown,
        // since its sender waits for our reply.
        while let Some(frame) = self.runner.frames.next_frame() {
            if let Some(step) = self.on_frame(frame, listener, snapshot) {
                return Some(step);
            }
        }
        self.read_streams(listener);
        while let Some(frame) = self.runner.replies.next_frame() {
            if let Some(successor) = Successor::of(frame) {
                return Some(Step::TookOver(successor));
            }
        }
        self.runner.frames.is_closed().then_some(Step::Died)
    }

    fn read_streams(&mut self, listener: &mut dyn Listener) {
        let mut buffer = [0; 64 << 10];
        for (index, stream) in self.runner.streams.iter_mut().enumerate() {
            if let Got::Bytes(n) = socket::read_now(stream, &mut buffer) {
                listener.bytes(index == 1, &buffer[..n]);
                self.held.get_or_insert_with(|| Instant::now() + COALESCE);
            }
        }
        if self.held.is_some_and(|at| at <= Instant::now()) {
            self.held = listener.flush();
        }
    }

    fn on_frame(&mut self, frame: Frame, listener: &mut dyn Listener, snapshot: &mut bool) -> Option<Step> {
        match frame {
            Frame::Display { display_id, update, result, ordered, data, metadata } => {
                self.held = self.runner.drain(listener);
                listener.display(Shown { display_id, update, result, data, metadata });
                if ordered {
                    self.runner.reply(&Reply::Shown);
                }
            }
            Frame::Clear { wait } => {
                self.held = self.runner.drain(listener);
                listener.clear(wait);
                self.runner.reply(&Reply::Shown);
            }
            Frame::Input { prompt, password } => {
                self.held = self.runner.drain(listener);
                let reply = match listener.input(&prompt, password) {
                    Some(text) => Reply::Input { text: text + "\n" },
                    None if self.runner.control.interrupts() > 0 => Reply::Interrupted,
                    None => Reply::Input { text: String::new() },
                };
                self.runner.reply(&reply);
            }
            Frame::Where { file, line, column } => {
                let text = self.answers.locate(&file, line, column).unwrap_or_default();
                self.runner.reply(&Reply::Place { text });
            }
            Frame::Recompile { processor, objects, places } => {
                self.held = self.runner.drain(listener);
                let reply = asks::recompiled(self.answers, &processor, &objects, &places);
                self.runner.reply(&reply);
            }
            Frame::Panic { message, file, line, column, thread, backtrace } => {
                listener.panicked(Panic { message, place: (file, line, column), thread, backtrace });
            }
            Frame::Renamed { message } => listener.renamed(message),
            Frame::NoSnapshot { reason } => {
                self.begun = true;
                *snapshot = false;
                let cause = limits::explain(&reason).map_or_else(String::new, |cause| format!("; {cause}"));
                listener.note(&format!("no snapshot before this cell: {reason}{cause}"));
            }
            Frame::Usage { wall_ns, cpu_ns, others_ns, threads, peak_bytes: peak, whole_session, allocations } => {
                let [wall, cpu, others] = [wall_ns, cpu_ns, others_ns].map(Duration::from_nanos);
                self.usage = Some(Usage { wall, cpu, threads, others, peak, whole_session, allocations });
            }
            Frame::Done { outcome, lost, restoring, alive } => {
                return Some(Step::Done { outcome, lost, restoring, alive });
            }
            Frame::Copied { pid } => {
                self.begun = true;
                // The copy before has been told to end.
                reap_later([std::mem::replace(&mut self.runner.copy, pid as i32)]);
            }
            // They come on the other socket, or at other times.
            Frame::TookOver { .. } | Frame::Ready { .. } | Frame::Described { .. } => {}
        }
        None
    }

    /// The interrupt ladder. True when the runner was ended so that its snapshot takes over.
    fn climb(&mut self, snapshot: bool, listener: &mut dyn Listener) -> bool {
        let asked = self.runner.control.interrupts();
        if asked == 0 {
            return false;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() < GRACE {
            return false;
        }
        // A copy may have been killed meanwhile.
        if !(snapshot && lives(self.runner.copy)) && asked < 2 {
            if self.interrupts == 0 {
                listener.note("this cell does not look at interrupts and has no snapshot to return to; interrupt again to end it and lose all variables");
                listener.flush();
            }
            self.interrupts = asked;
            return false;
        }
        self.since = None;
        self.runner.control.signal(libc::SIGKILL);
        true
    }

    fn end(&mut self, step: Step, stopped: bool, listener: &mut dyn Listener) -> Ended {
        self.runner.drain(listener);
        match step {
            Step::Done { outcome, lost, restoring, alive } => {
                let mut ended = Ended { lost, alive, ..Ended::of(End::Said(outcome), self.usage) };
                if restoring {
                    ended.dropped = std::mem::take(&mut ended.lost);
                    reap(self.runner.pid);
                    match self.await_takeover() {
                        Some(successor) => self.adopt(successor, &mut ended),
                        None => ended.gone = true,
                    }
                }
                ended
            }
            Step::TookOver(successor) => {
                let status = reap(self.runner.pid);
                let how = describe(status);
                let end = match (stopped, self.begun) {
                    _ if asked_to_end(status) && self.runner.control.ends_soon() => End::Dismissed,
                    (true, _) => End::Stopped,
                    (false, true) => End::Died(how),
                    (false, false) => End::Vanished(how),
                };
                let mut ended = Ended::of(end, self.usage);
                self.adopt(successor, &mut ended);
                ended
            }
            Step::Died => {
                let status = reap(self.runner.pid);
                self.runner.buried(match () {
                    () if asked_to_end(status) && self.runner.control.ends_soon() => End::Dismissed,
                    () if stopped => End::Stopped,
                    () => End::Died(describe(status)),
                })
            }
        }
    }

    /// Waits for as long as the copy lives: getting large data back takes a second for some gigabytes.
    fn await_takeover(&mut self) -> Option<Successor> {
        loop {
            socket::wait(&[self.runner.replies.descriptor()], Some(Duration::from_millis(100)));
            let lived = lives(self.runner.copy);
            if let Some(successor) = self.runner.replies.next_frame().and_then(Successor::of) {
                return Some(successor);
            }
            if !lived || self.runner.replies.is_closed() || self.runner.control.ended() {
                return None;
            }
        }
    }

    /// The copy is the runner now.
    fn adopt(&mut self, successor: Successor, ended: &mut Ended) {
        let runner = &mut *self.runner;
        runner.frames.forget_rest();
        reap_later([std::mem::replace(&mut runner.keeper, successor.keeper)]);
        (runner.pid, runner.copy) = (successor.pid, 0);
        runner.control.set_pid(successor.pid);
        ended.restored = true;
        ended.lost.extend(successor.lost);
        (ended.went, ended.shared) = (successor.went, successor.shared);
    }
}

fn spawn(config: &Config, control: &Arc<Control>) -> io::Result<Runner> {
    let (command_read, command_write) = socket::pipe()?;
    let (frames, frames_theirs) = UnixStream::pair()?;
    let (replies, replies_theirs) = UnixStream::pair()?;
    let (stdout, stdout_theirs) = socket::pipe()?;
    let (stderr, stderr_theirs) = socket::pipe()?;
    let (wake, wake_write) = socket::pipe()?;
    socket::widen(&stdout_theirs, PIPE);
    socket::widen(&stderr_theirs, PIPE);
    let theirs = [command_read.as_raw_fd(), frames_theirs.as_raw_fd(), replies_theirs.as_raw_fd()];
    let mut process = Process::new(&config.executable);
    process.arg("runner").args(theirs.map(|fd| format!("--fd={fd}")));
    process.arg(format!("--threads={}", config.threads)).arg(format!("--stack={}", config.stack));
    process.arg("--").args(&config.libraries);
    process.envs(config.environment.iter().map(|(k, v)| (k, v)));
    process.stdin(Stdio::null()).stdout(Stdio::from(stdout_theirs)).stderr(Stdio::from(stderr_theirs));
    // Progress bars of other crates draw only where there is a terminal of a known kind.
    if env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb") {
        process.env("TERM", "xterm-256color");
    }
    // A session of its own: Ctrl-C in the terminal is the kernel's to handle, and what takes
    // standard error for a terminal finds none to ask keys of.
    // SAFETY: setsid and fcntl are async-signal-safe, and the descriptors are open in the child.
    unsafe {
        process.pre_exec(move || {
            libc::setsid();
            theirs.into_iter().try_for_each(socket::inherit)
        });
    }
    let child = process.spawn()?;
    let pid = child.id() as i32;
    control.set_pid(pid);
    control.set_wake(wake_write);
    let file = |end: OwnedFd| File::from(end);
    Ok(Runner {
        pid,
        keeper: 0,
        copy: 0,
        commands: file(command_write),
        frames: Frames::new(frames),
        replies: Frames::new(replies),
        streams: [file(stdout), file(stderr)],
        wake: file(wake),
        control: control.clone(),
    })
}
