//! The kernel's ends of a guest, and following one cell through them: bytes and displays go to the
//! output in order, interrupts climb their ladder. What evcxr makes of a cell is not known here.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::control::{Control, compilers};
use crate::output::{self, DisplayKind, Output};
use crate::runner::socket::{self, Frames, Got};
use ferrolab_base::frame::{self, Command, Frame, MimeBundle, Outcome, Reply};

/// How long a cell may take to notice an interrupt.
const GRACE: Duration = Duration::from_millis(500);
/// Output is passed on this long after it arrived, at the latest.
const COALESCE: Duration = Duration::from_millis(15);
/// How often an interrupt looks for compilers to end.
const HUNT: Duration = Duration::from_millis(50);
/// What is remembered of standard error, for the text of a panic.
const TAIL: usize = 64 << 10;

/// Both sides' descriptors; the guest's are kept because evcxr may start it anew.
pub(super) struct Link {
    status: Frames,
    questions: Frames,
    frames: Frames,
    replies: UnixStream,
    streams: [File; 2],
    wake: File,
    theirs: [OwnedFd; 6],
}

/// What was seen of a cell.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Its code ran to an end, this one.
    pub(super) outcome: Option<Outcome>,
    /// Its code began to run.
    pub(super) began: bool,
    /// It did not look at an interrupt and was ended.
    pub(super) killed: bool,
    /// A compiler was ended by an interrupt.
    pub(super) uncompiled: bool,
    /// The end of what it wrote to standard error.
    pub(super) errors: Vec<u8>,
    /// A display that the helper crate sent as the result.
    pub(super) result: bool,
}

impl Link {
    /// Opens everything.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub(super) fn open(control: &Control) -> io::Result<Self> {
        let (status, status_theirs) = UnixStream::pair()?;
        let (questions, questions_theirs) = UnixStream::pair()?;
        let (frames, frames_theirs) = UnixStream::pair()?;
        let (replies, replies_theirs) = UnixStream::pair()?;
        let (out, out_theirs) = socket::pipe()?;
        let (err, err_theirs) = socket::pipe()?;
        let (wake, wake_write) = socket::pipe()?;
        socket::widen(&out_theirs, 1 << 20);
        socket::widen(&err_theirs, 1 << 20);
        control.set_wake(wake_write);
        Ok(Self {
            status: Frames::new(status),
            questions: Frames::new(questions),
            frames: Frames::new(frames),
            replies,
            streams: [File::from(out), File::from(err)],
            wake: File::from(wake),
            theirs: [
                status_theirs.into(),
                questions_theirs.into(),
                frames_theirs.into(),
                replies_theirs.into(),
                out_theirs,
                err_theirs,
            ],
        })
    }

    /// Makes `process` a guest of this link, also when it is started again.
    pub(super) fn give(&self, process: &mut Process, stack_megabytes: usize) {
        let theirs = [0, 1, 2, 3, 4, 5].map(|n: usize| self.theirs[n].as_raw_fd());
        process.args(theirs.map(|fd| fd.to_string())).arg(stack_megabytes.to_string());
        // A session of its own, as the runner's: Ctrl-C in the terminal is the kernel's to handle.
        // SAFETY: setsid and fcntl are async-signal-safe; the link, and with it the descriptors,
        // lives as long as evcxr does.
        unsafe {
            process.pre_exec(move || {
                libc::setsid();
                theirs.into_iter().try_for_each(socket::inherit)
            });
        }
    }

    /// Follows a cell until `over` says that evcxr has returned.
    pub(super) fn follow(&mut self, output: &mut Output, control: &Arc<Control>, over: &dyn Fn() -> bool) -> Seen {
        let mut following =
            Following { link: self, control, seen: Seen::default(), held: None, since: None, running: false };
        while !over() {
            following.wait();
            following.step(output);
            following.climb();
        }
        // What the guest still held back, and the end of what it said.
        following.step(output);
        following.link.drain(&mut following.seen, output);
        let seen = following.seen;
        if seen.killed || (seen.began && seen.outcome.is_none()) {
            self.frames.forget_rest();
            self.status.forget_rest();
            self.questions.forget_rest();
        }
        seen
    }

    /// Takes what the guest said while nobody followed, in evcxr's own first cell.
    pub(super) fn skip(&mut self) -> String {
        while self.status.next_frame().is_some() {}
        let mut said = Vec::new();
        let mut buffer = [0; 4096];
        for stream in &mut self.streams {
            while let Got::Bytes(n) = socket::read_now(stream, &mut buffer) {
                said.extend_from_slice(&buffer[..n]);
            }
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    fn drain(&mut self, seen: &mut Seen, output: &mut Output) -> Option<Instant> {
        let mut buffer = [0; 64 << 10];
        for (index, stream) in self.streams.iter_mut().enumerate() {
            while let Got::Bytes(n) = socket::read_now(stream, &mut buffer) {
                seen.take(index == 1, &buffer[..n], output);
            }
        }
        output.flush()
    }

    /// Have everything that was printed until now in our pipes.
    fn barrier(&mut self) {
        if frame::write(self.status.stream(), &Command::Describe { names: Vec::new() }).is_err() {
            return;
        }
        let asked = Instant::now();
        // A guest that dies in between does not answer; its bytes are lost with it.
        while asked.elapsed() < GRACE {
            socket::wait(&[self.status.descriptor()], Some(Duration::from_millis(20)));
            if let Some(Frame::Described { .. }) = self.status.next_frame() {
                return;
            }
        }
    }
}

impl Seen {
    fn take(&mut self, error: bool, bytes: &[u8], output: &mut Output) {
        output.bytes(error, bytes);
        if error {
            self.errors.extend_from_slice(bytes);
            let excess = self.errors.len().saturating_sub(TAIL);
            self.errors.drain(..excess);
        }
    }
}

struct Following<'a> {
    link: &'a mut Link,
    control: &'a Arc<Control>,
    seen: Seen,
    /// When output that is held back must go.
    held: Option<Instant>,
    /// When the running code was asked to stop.
    since: Option<Instant>,
    running: bool,
}

impl Following<'_> {
    fn wait(&self) {
        let link = &self.link;
        let ends = [
            link.status.descriptor(),
            link.questions.descriptor(),
            link.frames.descriptor(),
            link.streams[0].as_raw_fd(),
            link.streams[1].as_raw_fd(),
            link.wake.as_raw_fd(),
        ];
        let due = self.held.map(|at| at.saturating_duration_since(Instant::now()));
        let hunt = (self.control.interrupts() > 0 || self.control.ended()).then_some(HUNT);
        socket::wait(&ends, due.into_iter().chain(hunt).min());
    }

    fn step(&mut self, output: &mut Output) {
        let mut byte = [0; 64];
        while let Got::Bytes(_) = socket::read_now(&mut self.link.wake, &mut byte) {}
        while let Some(frame) = self.link.status.next_frame() {
            match frame {
                Frame::Ready { .. } => {
                    (self.seen.began, self.running) = (true, true);
                    self.since = None;
                }
                Frame::Done { outcome, .. } => {
                    self.running = false;
                    self.seen.outcome = Some(outcome);
                }
                _ => {}
            }
        }
        while let Some(frame) = self.link.frames.next_frame() {
            self.on_frame(frame, output);
        }
        while let Some(frame) = self.link.questions.next_frame() {
            if let Frame::Input { prompt, password } = frame {
                let reply = self.answer(&prompt, password, output);
                drop(frame::write(self.link.questions.stream(), &reply));
            }
        }
        let mut buffer = [0; 64 << 10];
        for (index, stream) in self.link.streams.iter_mut().enumerate() {
            if let Got::Bytes(n) = socket::read_now(stream, &mut buffer) {
                self.seen.take(index == 1, &buffer[..n], output);
                self.held.get_or_insert_with(|| Instant::now() + COALESCE);
            }
        }
        if self.held.is_some_and(|at| at <= Instant::now()) {
            self.held = output.flush();
        }
    }

    fn on_frame(&mut self, frame: Frame, output: &mut Output) {
        match frame {
            Frame::Display { display_id, update, result, ordered, data, metadata } => {
                if ordered {
                    self.link.barrier();
                }
                self.held = self.link.drain(&mut self.seen, output);
                self.seen.result |= result;
                self.display((update, result), data, &metadata, display_id, output);
                if ordered {
                    self.reply(&Reply::Shown);
                }
            }
            Frame::Clear { wait } => {
                self.link.barrier();
                self.held = self.link.drain(&mut self.seen, output);
                output.clear(wait);
                self.reply(&Reply::Shown);
            }
            // Its files are known to evcxr alone.
            Frame::Where { .. } => self.reply(&Reply::Place { text: String::new() }),
            Frame::Recompile { processor, .. } => {
                let problem =
                    format!("the evcxr engine compiles nothing for other processors; workers need {processor}");
                self.reply(&Reply::Recompiled { objects: Vec::new(), places: Vec::new(), problem });
            }
            Frame::Input { prompt, password } => {
                let reply = self.answer(&prompt, password, output);
                self.reply(&reply);
            }
            _ => {}
        }
    }

    fn display(
        &mut self,
        (update, result): (bool, bool),
        data: MimeBundle,
        metadata: &str,
        id: Option<String>,
        output: &mut Output,
    ) {
        let kind = match (update, result) {
            (true, _) => DisplayKind::Update,
            (false, true) => DisplayKind::Result,
            (false, false) => DisplayKind::Display,
        };
        output.display(kind, output::display(data, metadata, id));
    }

    fn answer(&mut self, prompt: &str, password: bool, output: &mut Output) -> Reply {
        self.link.barrier();
        self.held = self.link.drain(&mut self.seen, output);
        match output.input(prompt, password) {
            Some(text) => Reply::Input { text: text + "\n" },
            None if self.control.interrupts() > 0 => Reply::Interrupted,
            None => Reply::Input { text: String::new() },
        }
    }

    fn reply(&mut self, reply: &Reply) {
        // A guest that died meanwhile is noticed by evcxr.
        drop(frame::write(&mut self.link.replies, reply));
    }

    /// The interrupt ladder: end compilers; ask the code to stop; end the guest.
    fn climb(&mut self) {
        if self.control.ended() {
            compilers::end(self.control.pid());
            self.control.kill();
        }
        if self.control.interrupts() == 0 {
            return;
        }
        if !self.running {
            self.seen.uncompiled |= compilers::end(self.control.pid());
            return;
        }
        match self.since {
            None => {
                self.since = Some(Instant::now());
                self.control.signal(libc::SIGINT);
            }
            Some(since) if since.elapsed() >= GRACE && !self.seen.killed => {
                self.seen.killed = true;
                self.control.kill();
            }
            Some(_) => {}
        }
    }
}
