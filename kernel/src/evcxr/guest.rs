//! The process that holds the variables of an evcxr session and runs its cells: evcxr starts it,
//! and speaks to it as to its own (`LOAD_AND_RUN object symbol` on standard input, markers on
//! standard output). It differs from evcxr's own in what happens to the user's bytes: they go to
//! the kernel through pipes, raw and in order, and only evcxr's own lines go to evcxr.
//!
//! When a cell has brought the helper crate along, its displays, bars and interrupts are connected
//! here. Nothing of evcxr itself runs in this process.

use std::ffi::{CStr, CString, OsString, c_void};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::pump::{LAST, Piece, PrintedEnd, Pump};
use crate::runner::{guest as runner, socket};
use ferrolab_base::frame::{self, Command, Frame, Outcome, Reply};

/// evcxr's word for the end of a cell.
const COMPLETE: &[u8] = b"EVCXR_EXECUTION_COMPLETE\n";
/// Where reading descriptor 0 asks.
static QUESTIONS: OnceLock<Mutex<Questions>> = OnceLock::new();

/// Descriptors from the kernel, in the order of the arguments.
struct Ends {
    status: UnixStream,
    questions: UnixStream,
    frames: i32,
    replies: i32,
    out: File,
    err: File,
}

/// Runs until evcxr closes standard input. The exit status.
///
/// # Errors
/// When it was not started by the kernel, or the system refuses something.
pub fn serve(arguments: &[OsString]) -> Result<i32, String> {
    let (ends, stack) = parse(arguments)?;
    runner::limit_core_dumps();
    // SAFETY: no other thread runs yet. Programs that a cell starts are not guests, and find their
    // own libraries; the loader has read its variable already. evcxr asks for backtraces, which
    // would be of its own code for the most part.
    unsafe {
        std::env::remove_var("EVCXR_IS_RUNTIME");
        std::env::remove_var("LD_LIBRARY_PATH");
        std::env::set_var("RUST_BACKTRACE", "0");
    }
    guest(ends, stack).map_err(|e| format!("the guest of evcxr could not start: {e}"))
}

fn parse(arguments: &[OsString]) -> Result<(Ends, usize), String> {
    let by_hand = || "this verb is started by the kernel, not by hand".to_owned();
    let numbers: Option<Vec<i32>> = arguments.iter().map(|a| a.to_str()?.parse().ok()).collect();
    let [status, questions, frames, replies, out, err, stack] = numbers.as_deref().ok_or_else(by_hand)? else {
        return Err(by_hand());
    };
    if [status, questions, frames, replies, out, err].iter().any(|fd| **fd < 3) {
        return Err(by_hand());
    }
    // SAFETY: the kernel opened these for this process alone and named them once each.
    let ends = unsafe {
        Ends {
            status: UnixStream::from_raw_fd(*status),
            questions: UnixStream::from_raw_fd(*questions),
            frames: *frames,
            replies: *replies,
            out: File::from_raw_fd(*out),
            err: File::from_raw_fd(*err),
        }
    };
    Ok((ends, usize::try_from(*stack).unwrap_or(64) << 20))
}

fn guest(ends: Ends, stack: usize) -> io::Result<i32> {
    let commands = duplicate(0)?;
    let evcxr = duplicate(1)?;
    let (read, write) = socket::pipe()?;
    socket::widen(&write, 1 << 20);
    place(File::open("/dev/null")?.as_raw_fd(), 0)?;
    place(write.as_raw_fd(), 1)?;
    place(ends.err.as_raw_fd(), 2)?;
    let _ = QUESTIONS.set(Mutex::new(Questions { socket: ends.questions, rest: Vec::new() }));
    runner::ask_with(ask);
    // SAFETY: a plain request. An interrupt means nothing until a cell brings the helpers.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    watch(ends.status.as_raw_fd());
    let (passed, all_passed) = channel();
    let copier = Copier { read: File::from(read), out: ends.out, status: ends.status.try_clone()?, passed };
    let lines = evcxr.try_clone()?;
    std::thread::Builder::new().name("ferrolab-pump".into()).spawn(move || copier.run(File::from(lines)))?;
    let cells = Cells {
        status: ends.status,
        helper: Helper { frames: ends.frames, replies: ends.replies, calls: None },
        evcxr: File::from(evcxr),
        all_passed,
        variables: ptr::null_mut(),
    };
    let commands = File::from(commands);
    let run = move || cells.serve(BufReader::new(commands));
    let thread = std::thread::Builder::new().name("cell".into()).stack_size(stack).spawn(run)?;
    Ok(thread.join().unwrap_or(1))
}

fn duplicate(fd: i32) -> io::Result<OwnedFd> {
    // SAFETY: a plain request on an open descriptor; the new one is ours alone.
    match unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: just made.
        new => Ok(unsafe { OwnedFd::from_raw_fd(new) }),
    }
}

fn place(from: i32, to: i32) -> io::Result<()> {
    // SAFETY: both numbers are descriptors of this process that no `File` owns under `to`.
    match unsafe { libc::dup2(from, to) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Ends the process when the kernel is gone, also in the middle of a cell.
fn watch(status: i32) {
    let watch = move || {
        let mut poll = libc::pollfd { fd: status, events: libc::POLLRDHUP, revents: 0 };
        loop {
            // SAFETY: one valid pollfd.
            let ready = unsafe { libc::poll(&mut poll, 1, -1) };
            if ready > 0 && poll.revents & (libc::POLLHUP | libc::POLLRDHUP | libc::POLLERR) != 0 {
                // SAFETY: ends this process at once; nobody is left to tell.
                unsafe { libc::_exit(1) };
            }
        }
    };
    drop(std::thread::Builder::new().name("ferrolab-watch".into()).stack_size(64 << 10).spawn(watch));
}

/// Separates the user's bytes from evcxr's lines.
struct Copier {
    read: File,
    out: File,
    status: UnixStream,
    passed: Sender<PrintedEnd>,
}

impl Copier {
    fn run(mut self, mut evcxr: File) {
        let mut pump = Pump::default();
        loop {
            let ready = socket::wait(&[self.read.as_raw_fd(), self.status.as_raw_fd()], None);
            if ready[0] {
                self.pass(&mut pump, &mut evcxr);
            }
            if ready[1] && frame::read::<Command>(&mut self.status).is_ok() {
                // The kernel asks for everything that was printed until now.
                while socket::wait(&[self.read.as_raw_fd()], Some(Duration::ZERO))[0] {
                    self.pass(&mut pump, &mut evcxr);
                }
                drop(frame::write(&mut self.status, &Frame::Described { values: Vec::new() }));
            }
        }
    }

    fn pass(&mut self, pump: &mut Pump, evcxr: &mut File) {
        let mut buffer = [0; 64 << 10];
        let bytes = match socket::read_now(&mut self.read, &mut buffer) {
            socket::Got::Bytes(n) => &buffer[..n],
            _ => return,
        };
        for piece in pump.feed(bytes) {
            // Who does not read any more has ended this process's reason to be; the watcher sees it.
            match piece {
                Piece::User(bytes) => drop(self.out.write_all(&bytes)),
                Piece::Line(line) => drop(evcxr.write_all(&line)),
                Piece::Last => drop(self.passed.send(std::mem::take(&mut pump.ended))),
            }
        }
    }
}

/// Functions of the helper crate that a cell brought along.
#[derive(Clone, Copy)]
struct Calls {
    begin: extern "C" fn(),
    flush: extern "C" fn(),
    settle: extern "C" fn(bool),
}

struct Helper {
    frames: i32,
    replies: i32,
    calls: Option<Calls>,
}

impl Helper {
    /// Connects the helper crate when the object that was just loaded depends on it.
    fn look(&mut self, object: *mut c_void) {
        if self.calls.is_some() {
            return;
        }
        let symbol = |name: &CStr| {
            // SAFETY: an object that was just loaded; its dependencies are searched as well.
            let address = unsafe { libc::dlsym(object, name.as_ptr()) };
            (!address.is_null()).then_some(address)
        };
        let found = (
            symbol(c"ferrolab_rt_attach"),
            symbol(c"ferrolab_rt_begin"),
            symbol(c"ferrolab_rt_flush"),
            symbol(c"ferrolab_rt_settle"),
        );
        let (Some(attach), Some(begin), Some(flush), Some(settle)) = found else { return };
        // SAFETY: the helper crate exports these functions with these signatures (`src/rt/attach.rs`);
        // its source came out of this program.
        let (attach, calls) = unsafe {
            let attach: unsafe extern "C" fn(i32, i32) = std::mem::transmute(attach);
            let begin: extern "C" fn() = std::mem::transmute(begin);
            let flush: extern "C" fn() = std::mem::transmute(flush);
            let settle: extern "C" fn(bool) = std::mem::transmute(settle);
            (attach, Calls { begin, flush, settle })
        };
        // SAFETY: both descriptors were opened for this and are handed over once.
        unsafe { attach(self.frames, self.replies) };
        self.calls = Some(calls);
    }
}

/// What runs cells.
struct Cells {
    status: UnixStream,
    helper: Helper,
    evcxr: File,
    all_passed: Receiver<PrintedEnd>,
    /// evcxr's variable store, which its generated code makes and knows.
    variables: *mut c_void,
}

// SAFETY: the pointer is null when the value moves to the thread that runs cells, and stays there.
unsafe impl Send for Cells {}

impl Cells {
    fn serve(mut self, commands: BufReader<File>) -> i32 {
        for line in commands.lines() {
            let Ok(line) = line else { break };
            let Some((path, symbol)) = line.strip_prefix("LOAD_AND_RUN ").and_then(|rest| rest.rsplit_once(' ')) else {
                eprintln!("evcxr's guest does not understand `{line}`");
                return 99;
            };
            if let Err(message) = self.run(path, symbol) {
                eprintln!("the compiled cell cannot be loaded: {message}");
                return 99;
            }
        }
        0
    }

    fn run(&mut self, path: &str, symbol: &str) -> Result<(), String> {
        // The kernel's end of these cannot be closed while this process lives: the watcher ends it.
        drop(frame::write(&mut self.status, &Frame::Ready { pid: std::process::id(), keeper: 0 }));
        let object = open(path)?;
        self.helper.look(object);
        let entry = entry(object, symbol)?;
        if let Some(calls) = self.helper.calls {
            (calls.begin)();
        }
        self.variables = entry(self.variables);
        if let Some(calls) = self.helper.calls {
            (calls.flush)();
        }
        // SAFETY: a null stream flushes all of C's output streams.
        unsafe { libc::fflush(ptr::null_mut()) };
        let ended = self.last_byte();
        let outcome = match ended {
            PrintedEnd { panicked: true, .. } => Outcome::Panicked,
            PrintedEnd { failed: true, .. } => Outcome::Failed { message: String::new(), kind: String::new() },
            PrintedEnd { .. } => Outcome::Ok,
        };
        if let Some(calls) = self.helper.calls {
            (calls.settle)(outcome == Outcome::Ok);
        }
        drop(frame::write(
            &mut self.status,
            &Frame::Done { outcome, lost: Vec::new(), restoring: false, alive: Vec::new() },
        ));
        self.evcxr.write_all(COMPLETE).map_err(|e| e.to_string())
    }

    /// Waits until everything the cell printed has gone where it belongs.
    fn last_byte(&mut self) -> PrintedEnd {
        let mut rest = LAST;
        while !rest.is_empty() {
            // SAFETY: a readable buffer of that length.
            let n = unsafe { libc::write(1, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(n) {
                Ok(n) => rest = &rest[n..],
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                // A cell that closed its own standard output has nothing to wait for.
                Err(_) => return PrintedEnd::default(),
            }
        }
        self.all_passed.recv().unwrap_or_default()
    }
}

fn open(path: &str) -> Result<*mut c_void, String> {
    let path = CString::new(path).map_err(|_| "a path with a NUL byte".to_owned())?;
    // SAFETY: a valid path of an object that evcxr has just made. It stays loaded for good, since
    // values and threads may refer to its code.
    let object = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL) };
    if object.is_null() { Err(runner::loader_error()) } else { Ok(object) }
}

fn entry(object: *mut c_void, symbol: &str) -> Result<extern "C" fn(*mut c_void) -> *mut c_void, String> {
    let name = CString::new(symbol).map_err(|_| "a symbol with a NUL byte".to_owned())?;
    // SAFETY: an object that `open` returned.
    let address = unsafe { libc::dlsym(object, name.as_ptr()) };
    if address.is_null() {
        return Err(runner::loader_error());
    }
    // SAFETY: evcxr generates this symbol with this signature.
    Ok(unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(*mut c_void) -> *mut c_void>(address) })
}

/// Standard input: lines that the user is asked for.
struct Questions {
    socket: UnixStream,
    rest: Vec<u8>,
}

/// Stands behind `read(0, …)` in this process.
unsafe extern "C" fn ask(buffer: *mut u8, length: usize) -> isize {
    let Some(questions) = QUESTIONS.get() else { return 0 };
    let mut questions = questions.lock().unwrap_or_else(PoisonError::into_inner);
    if questions.rest.is_empty() {
        let question = Frame::Input { prompt: String::new(), password: false };
        if frame::write(&mut questions.socket, &question).is_err() {
            return 0;
        }
        if let Ok(Reply::Input { text }) = frame::read::<Reply>(&mut questions.socket) {
            questions.rest = text.into_bytes();
        }
    }
    let n = length.min(questions.rest.len());
    // SAFETY: the caller's buffer has `length` bytes, by the contract of read(2).
    unsafe { ptr::copy_nonoverlapping(questions.rest.as_ptr(), buffer, n) };
    questions.rest.drain(..n);
    n as isize
}
