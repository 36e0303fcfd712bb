//! The runner's loop: take a command, fork a snapshot, run a cell, say how it ended.
//!
//! Cells run on one thread with a large stack that is itself a member of the rayon pool, so a
//! parallel iterator in a cell uses exactly the threads granted. A new number of threads, or a
//! snapshot that takes over, means a new such thread (an "era"): pool threads do not survive a
//! fork and rayon cannot resize a pool.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::FromRawFd;
use std::thread;

use super::snapshot::{self, Forked, Snapshot};
use super::{cell, channel, panic, signals, store, usage};
use crate::frame::{self, Command, Frame, Outcome};

/// What the runner was started with.
struct Server {
    commands: File,
    threads: u32,
    stack: usize,
    /// The state before the last cell, for `Undo`.
    before: Option<Snapshot>,
}

/// Why an era ended.
enum Next {
    Threads(u32),
    Exit(i32),
}

/// Serves commands until the kernel says `Exit` or is gone. The kernel's `runner` verb loads the
/// helper library and calls this; it is no API for cells.
///
/// # Safety
/// The three descriptors are open and belong to the caller, who hands them over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrolab_rt_main(commands: i32, frames: i32, replies: i32, threads: u32, stack: usize) -> i32 {
    // SAFETY: handed over by the caller.
    let commands = unsafe {
        channel::attach(frames, replies);
        File::from_raw_fd(commands)
    };
    panic::install();
    // For cells that draw with plotters itself: compute nodes have no fonts.
    crate::plot::register_fonts();
    if let Err(error) = signals::install() {
        eprintln!("ferrolab runner: no signal handlers: {error}");
    }
    watch_kernel(frames);
    send(&Frame::Ready { pid: std::process::id() });
    eras(Server { commands, threads: threads.max(1), stack, before: None })
}

fn send(frame: &Frame) {
    if let Some(channel) = channel::get() {
        channel.send(frame);
    }
}

/// Ends the process when the kernel is gone, also in the middle of a cell: no orphan.
fn watch_kernel(frames: i32) {
    let watch = move || {
        let mut poll = libc::pollfd { fd: frames, events: libc::POLLRDHUP, revents: 0 };
        loop {
            // SAFETY: one valid pollfd.
            let ready = unsafe { libc::poll(&mut poll, 1, -1) };
            if ready > 0 && poll.revents & (libc::POLLHUP | libc::POLLRDHUP | libc::POLLERR) != 0 {
                // SAFETY: ends this process at once; nobody is left to tell.
                unsafe { libc::_exit(1) };
            }
        }
    };
    let _ = thread::Builder::new().name("ferrolab-watch".into()).stack_size(64 << 10).spawn(watch);
}

fn eras(mut server: Server) -> i32 {
    loop {
        let builder = thread::Builder::new().name("cell".into()).stack_size(server.stack);
        let era = match builder.spawn(move || serve(server)) {
            Ok(era) => era,
            Err(error) => {
                eprintln!("ferrolab runner: no thread for cells: {error}");
                return 1;
            }
        };
        match era.join() {
            Ok((_, Next::Exit(code))) => return code,
            Ok((back, Next::Threads(count))) => server = Server { threads: count, ..back },
            Err(_) => return 1,
        }
    }
}

fn serve(mut server: Server) -> (Server, Next) {
    signals::install_for_this_thread();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(server.threads as usize)
        .use_current_thread()
        .start_handler(|index| {
            if index > 0 {
                signals::install_for_this_thread();
            }
        })
        .stack_size(16 << 20)
        .thread_name(|index| format!("worker {index}"))
        .build();
    if let Err(error) = &pool {
        eprintln!("ferrolab runner: no thread pool, work runs on one thread: {error}");
    }
    loop {
        let Ok(command) = frame::read::<Command>(&mut server.commands) else {
            return (server, Next::Exit(0));
        };
        if let Some(next) = server.on_command(command) {
            return (server, next);
        }
    }
}

impl Server {
    fn on_command(&mut self, command: Command) -> Option<Next> {
        match command {
            Command::Run { path, symbol, snapshot } => self.on_run(&path, &symbol, snapshot),
            Command::Load { path } => self.on_load(&path),
            Command::Drop { names } => store::drop_named(&names),
            Command::Describe { names } => on_describe(names),
            // SAFETY: between cells only this thread and idle pool threads run; threads that a
            // cell left behind and that read the environment do so through std, which locks.
            Command::SetEnv { key, value } => unsafe { std::env::set_var(key, value) },
            Command::Threads { count } => return Some(Next::Threads(count.max(1))),
            Command::Undo => self.on_undo(),
            Command::Exit => return Some(Next::Exit(0)),
        }
        None
    }

    fn on_run(&mut self, path: &str, symbol: &str, snapshot: bool) {
        self.before = None;
        if let Some(channel) = channel::get() {
            channel.drain_replies();
        }
        if snapshot {
            match snapshot::take() {
                Ok(Forked::Running(copy)) => self.before = Some(copy),
                Ok(Forked::Restored) => self.take_over(),
                Err(reason) => send(&Frame::NoSnapshot { reason }),
            }
        }
        let outcome = match load(path).and_then(|library| entry(library, symbol)) {
            Ok(entry) => run(entry, self.threads),
            Err(message) => Outcome::NotLoaded { message },
        };
        let well = matches!(outcome, Outcome::Ok | Outcome::Returned);
        crate::cluster::settle(well);
        if well || self.before.is_none() {
            let lost = store::sweep();
            send(&Frame::Done { outcome, lost, restoring: false });
            return;
        }
        // A cell that fails changes nothing: this process ends, the copy goes on.
        send(&Frame::Done { outcome, lost: Vec::new(), restoring: true });
        self.end_for_snapshot();
    }

    fn on_load(&mut self, path: &str) {
        let outcome = match load_global(path) {
            Ok(()) => Outcome::Ok,
            Err(message) => Outcome::NotLoaded { message },
        };
        send(&Frame::Done { outcome, lost: Vec::new(), restoring: false });
    }

    fn on_undo(&mut self) {
        if self.before.is_some() {
            self.end_for_snapshot();
        }
        let message = "there is no snapshot to return to".to_owned();
        send(&Frame::Done { outcome: Outcome::NotLoaded { message }, lost: Vec::new(), restoring: false });
    }

    fn end_for_snapshot(&mut self) -> ! {
        // Closing our end of its pipe is what wakes the copy; exiting does that, whatever the
        // reason, so no message can be missed.
        // SAFETY: _exit runs no destructors and no exit handlers, which belong to the copy now.
        unsafe { libc::_exit(0) }
    }

    /// Runs in the copy, for the rest of its life.
    fn take_over(&mut self) -> ! {
        if let Some(channel) = channel::get() {
            channel.send_aside(&Frame::TookOver { pid: std::process::id() });
        }
        if let Some(frames) = channel::get().map(channel::Channel::frames_descriptor) {
            watch_kernel(frames);
        }
        let commands = self.commands.try_clone();
        let code = match commands {
            Ok(commands) => eras(Server { commands, threads: self.threads, stack: self.stack, before: None }),
            Err(_) => 1,
        };
        // SAFETY: the thread below us on this stack is a copy of one that never returns.
        unsafe { libc::_exit(code) }
    }
}

fn run(entry: extern "C" fn(), threads: u32) -> Outcome {
    signals::reset();
    cell::begin();
    let meter = usage::begin();
    entry();
    // Bars that are still painted are painted for the last time, and no painting thread is in
    // the middle of anything when the next cell forks.
    crate::progress::settle();
    crate::plot::settle();
    let used = meter.end(threads);
    let _ = io::stdout().flush();
    // SAFETY: a null stream flushes all of C's output streams.
    unsafe { libc::fflush(std::ptr::null_mut()) };
    send(&used);
    cell::end()
}

fn on_describe(names: Vec<String>) {
    let values = names
        .into_iter()
        .filter_map(|name| {
            let size = store::size_of(&name)?;
            Some((name, String::new(), size))
        })
        .collect();
    send(&Frame::Described { values });
}

fn load(path: &str) -> Result<*mut libc::c_void, String> {
    open(path, libc::RTLD_NOW | libc::RTLD_LOCAL)
}

fn load_global(path: &str) -> Result<(), String> {
    open(path, libc::RTLD_NOW | libc::RTLD_GLOBAL).map(|_| ())
}

fn open(path: &str, flags: i32) -> Result<*mut libc::c_void, String> {
    let path = CString::new(path).map_err(|_| "a path with a NUL byte".to_owned())?;
    // SAFETY: a valid path; the kernel made the file and checked who could write it. Libraries
    // stay loaded for good, since values and threads may refer to their code.
    let library = unsafe { libc::dlopen(path.as_ptr(), flags) };
    if library.is_null() { Err(loader_error()) } else { Ok(library) }
}

fn entry(library: *mut libc::c_void, symbol: &str) -> Result<extern "C" fn(), String> {
    let name = CString::new(symbol).map_err(|_| "a symbol with a NUL byte".to_owned())?;
    // SAFETY: a library that `open` returned.
    let address = unsafe { libc::dlsym(library, name.as_ptr()) };
    if address.is_null() {
        return Err(loader_error());
    }
    // SAFETY: the engine generates this symbol as `extern "C" fn()`.
    Ok(unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn()>(address) })
}

fn loader_error() -> String {
    // SAFETY: dlerror returns null or a valid C string of this thread.
    unsafe {
        let message = libc::dlerror();
        if message.is_null() {
            return "unknown error of the dynamic loader".to_owned();
        }
        CStr::from_ptr(message).to_string_lossy().into_owned()
    }
}
