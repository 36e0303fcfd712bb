//! The runner's loop: take a command, fork a snapshot, run a cell, say how it ended.
//!
//! Cells run on the process's first thread, on a large stack. It is no member of rayon's pool, as `main` is none in a
//! program, so that whatever waits in a cell for the pool finds all of it at work. A copy that
//! takes over goes on in this same loop, with threads and a keeper of its own.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::thread;

use crate::frame::{self, Command, Frame, Outcome, Protect, Restore};
use crate::rt::pool::{Pool, Probe};
use crate::rt::snapshot::{self, Forked, Kept, Restored, Snapshot};
use crate::rt::world::World;
use crate::rt::{cell, channel, keeper, own, panic, signals, stack, store, usage};

/// What runs in rayon's pool and was begun by an earlier cell, in words.
const TASKS: &str = "tasks in the pool of threads";

/// Why there is no return to the state before a cell, when its copy did not live to see the end of it.
const KILLED: &str =
    "it was killed while the cell ran, most likely because memory ran out; what the cell changed stays changed";

/// What the runner was started with, and what it holds between cells.
struct Server {
    commands: File,
    threads: u32,
    pool: Pool,
    kept: Kept,
    /// What cells made besides variables, as of the last snapshot.
    world: World,
    /// What tasks of earlier cells in the pool had not answered, as of the last snapshot.
    busy: Option<Probe>,
    /// The cell that ran last.
    last: u32,
    /// Objects that cells needed, loaded for good.
    needed: HashSet<String>,
    /// The state before the last cell, for `Undo`.
    before: Option<Snapshot>,
}

/// Serves commands until the kernel says `Exit` or is gone. The kernel's `runner` verb loads the
/// helper library and calls this; it is no API for cells.
///
/// # Safety
/// The three descriptors are open and belong to the caller, who hands them over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrolab_rt_main(commands: i32, frames: i32, replies: i32, threads: u32, stack: usize) -> i32 {
    let descriptors = vec![commands, frames, replies];
    // SAFETY: handed over by the caller.
    let commands = unsafe {
        channel::attach(frames, replies);
        File::from_raw_fd(commands)
    };
    own::thread();
    panic::install();
    // For cells that draw with plotters itself: compute nodes have no fonts.
    crate::plot::register_fonts();
    if let Err(error) = signals::install() {
        eprintln!("ferrolab runner: no signal handlers: {error}");
    }
    // This thread lives as long as the process, as a keeper needs.
    let keeper = start_keeper(frames);
    stack::run(stack, move || serve(commands, descriptors, threads.max(1), keeper)).unwrap_or_else(|error| {
        eprintln!("ferrolab runner: no stack for cells: {error}");
        1
    })
}

fn send(frame: &Frame) {
    if let Some(channel) = channel::get() {
        channel.send(frame);
    }
}

/// The keeper's process id, 0 when there is none: then snapshots are not taken. It ends this process when the kernel is
/// gone.
fn start_keeper(frames: RawFd) -> i32 {
    match keeper::start(frames) {
        Ok(pid) => {
            own::child(pid as u32);
            pid
        }
        Err(error) => {
            eprintln!("ferrolab runner: no keeper, so no snapshots: {error}");
            watch_kernel(frames);
            0
        }
    }
}

/// Where there is no keeper to do it, a thread ends the process when the kernel is gone, also in the middle of a cell.
fn watch_kernel(frames: RawFd) {
    let watch = move || {
        own::thread();
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

/// What the first thread does, here and in every copy that takes over.
fn serve(commands: File, descriptors: Vec<RawFd>, threads: u32, keeper: i32) -> i32 {
    let process = std::process::id();
    let pool = Pool::start(threads as usize);
    let kept = Kept { descriptors, keeper, threads: threads as usize };
    let (world, needed) = (World::default(), HashSet::new());
    let mut server = Server { commands, threads, pool, kept, world, busy: None, last: 0, needed, before: None };
    send(&Frame::Ready { pid: process, keeper: keeper as u32 });
    while let Ok(command) = frame::read::<Command>(&mut server.commands) {
        match command {
            Command::Exit => break,
            // The command after it was for the process before this one, which did not live to read it.
            Command::For { runner } if runner != std::process::id() => {
                drop(frame::read::<Command>(&mut server.commands))
            }
            command => server.on_command(command),
        }
    }
    server.before = None;
    if std::process::id() != process {
        // SAFETY: this is a copy that took over, and this its first thread: nobody joins it.
        unsafe { libc::_exit(0) };
    }
    0
}

impl Server {
    fn on_command(&mut self, command: Command) {
        match command {
            Command::Run { path, needs, symbol, cell, protect, restore, count } => {
                usage::count(count);
                self.on_run((&path, &needs), &symbol, cell, protect, restore);
            }
            Command::Plain { variables } => store::note_plain(&variables),
            Command::Load { path } => on_load(&path),
            Command::Drop { names } => store::drop_named(&names),
            Command::Describe { names } => on_describe(names),
            // SAFETY: between cells only this thread and idle pool threads run; threads that a
            // cell left behind and that read the environment do so through std, which locks.
            Command::SetEnv { key, value } => unsafe { std::env::set_var(key, value) },
            Command::Threads { count } => self.on_threads(count.max(1)),
            Command::Undo { restore } => self.on_undo(restore),
            Command::For { .. } | Command::Exit => {}
        }
    }

    /// Loads what a cell needs. The loader finds it again by its name, wherever it was loaded from.
    fn load_needed(&mut self, needs: &[String]) -> Result<(), String> {
        for path in needs {
            if !self.needed.contains(path) {
                load(path)?;
                self.needed.insert(path.clone());
            }
        }
        Ok(())
    }

    fn on_run(&mut self, object: (&str, &[String]), symbol: &str, cell: u32, protect: Protect, restore: Restore) {
        self.before = None;
        if let Some(channel) = channel::get() {
            channel.drain_replies();
        }
        if protect != Protect::Off && !self.snapshot(protect) {
            // A copy, which has taken over: the next command is for it.
            return;
        }
        self.last = cell;
        let (path, needs) = object;
        let loaded = self.load_needed(needs).and_then(|()| load(path));
        let outcome = match loaded.and_then(|library| entry(library, symbol)) {
            Ok(entry) => self.run(entry),
            Err(message) => Outcome::NotLoaded { message },
        };
        let well = matches!(outcome, Outcome::Ok | Outcome::Returned);
        crate::cluster::settle(well);
        if !well && self.copy_was_killed() {
            send(&Frame::NoSnapshot { reason: KILLED.to_owned() });
        }
        let alive = if well { Vec::new() } else { self.alive() };
        let goes_on = restore == Restore::Never || restore == Restore::Auto && !alive.is_empty();
        if well || self.before.is_none() || goes_on {
            if !well {
                self.before = None;
            }
            send(&Frame::Done { outcome, lost: store::sweep(), restoring: false, alive });
            return;
        }
        // A cell that fails changes nothing: this process ends, the copy goes on.
        send(&Frame::Done { outcome, lost: store::sweep(), restoring: true, alive });
        end_for_snapshot();
    }

    /// Takes a snapshot, if one can be had. False in the copy, when it has taken over.
    fn snapshot(&mut self, protect: Protect) -> bool {
        if self.kept.keeper == 0 {
            send(&Frame::NoSnapshot { reason: "this system allows no process that shares memory".to_owned() });
            return true;
        }
        self.pool.wait_until_begun();
        self.busy = self.pool.unanswered();
        match snapshot::take(&mut self.world, self.last, protect, &self.kept) {
            Ok(Forked::Running(copy)) => {
                send(&Frame::Copied { pid: copy.pid as u32 });
                self.before = Some(copy);
            }
            Ok(Forked::Restored(restored)) => {
                self.take_over(restored);
                return false;
            }
            Err(reason) => send(&Frame::NoSnapshot { reason }),
        }
        true
    }

    /// Without its copy this process must not end for it.
    fn copy_was_killed(&mut self) -> bool {
        self.before.take_if(|copy| !copy.is_there()).is_some()
    }

    /// What earlier cells made and the copy has not, although it lives.
    fn alive(&self) -> Vec<String> {
        let mut alive = self.before.as_ref().map_or_else(Vec::new, |before| before.world.alive());
        if self.busy.as_ref().is_some_and(Probe::stays_unanswered) {
            alive.push(TASKS.to_owned());
        }
        // The copy has the graph as it was before the cell, without what that computed.
        alive.extend(crate::graph::kept_results());
        alive
    }

    fn run(&mut self, entry: extern "C" fn()) -> Outcome {
        signals::reset();
        cell::begin();
        crate::dashboard::resume();
        let meter = usage::begin();
        entry();
        // Bars that are still painted are painted for the last time, and no painting thread is in
        // the middle of anything when the next cell forks.
        crate::progress::settle();
        crate::plot::settle();
        let used = meter.end(self.threads);
        let _ = io::stdout().flush();
        // SAFETY: a null stream flushes all of C's output streams.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        if matches!(used, Frame::Usage { others_ns, .. } if others_ns > 0) {
            self.pool.ask_whether_idle();
        }
        send(&used);
        cell::end()
    }

    fn on_threads(&mut self, count: u32) {
        if self.pool.resize(count as usize) {
            self.threads = count;
            self.kept.threads = count as usize;
        } else {
            eprintln!(
                "this session keeps {} threads: rayon's pool cannot be exchanged here; :restart takes others",
                self.threads
            );
        }
    }

    fn on_undo(&mut self, restore: Restore) {
        self.copy_was_killed();
        let alive = if restore == Restore::Always { Vec::new() } else { self.alive() };
        if self.before.is_some() && alive.is_empty() {
            end_for_snapshot();
        }
        let message = "there is no snapshot to return to".to_owned();
        send(&Frame::Done { outcome: Outcome::NotLoaded { message }, lost: Vec::new(), restoring: false, alive });
    }

    /// In a copy: becomes the runner.
    fn take_over(&mut self, restored: Restored) {
        self.kept.keeper = channel::get().map_or(0, |channel| start_keeper(channel.frames_descriptor()));
        let Restored { mut gone, shared, lost } = restored;
        if self.pool.is_busy() {
            gone.push(TASKS.to_owned());
        }
        self.pool.renew();
        self.world = self.world.of_a_copy();
        store::drop_named(&lost);
        let (pid, keeper) = (std::process::id(), self.kept.keeper as u32);
        if let Some(channel) = channel::get() {
            channel.send_aside(&Frame::TookOver { pid, keeper, gone, shared, lost });
        }
    }
}

/// Ending is what wakes the copy, whatever the reason, so no message can be missed.
fn end_for_snapshot() -> ! {
    // SAFETY: _exit runs no destructors and no exit handlers, which belong to the copy now.
    unsafe { libc::_exit(0) }
}

fn on_load(path: &str) {
    let outcome = match load_global(path) {
        Ok(()) => Outcome::Ok,
        Err(message) => Outcome::NotLoaded { message },
    };
    send(&Frame::Done { outcome, lost: Vec::new(), restoring: false, alive: Vec::new() });
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
