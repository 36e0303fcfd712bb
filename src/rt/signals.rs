//! Signals of the runner: SIGINT is the interrupt flag that helpers look at, a fault on a guard
//! page is told from any other as a stack overflow. Nothing here allocates in a handler.

use std::cell::Cell;
use std::io;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// The interrupt ended a read of standard input.
static STOPPED_READING: AtomicBool = AtomicBool::new(false);

/// How far below a stack's end a fault still counts as its overflow, in bytes: a function may
/// skip the guard page with a large frame.
const GUARD: usize = 1 << 20;
const ALTERNATE_STACK: usize = 64 << 10;

thread_local! {
    static STACK_END: Cell<usize> = const { Cell::new(0) };
}

/// Did the user interrupt the running cell? One relaxed load, cheap enough for inner loops.
///
/// ```
/// assert!(!ferrolab::rt::interrupted());
/// ```
#[inline]
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// On a cluster's worker, where no signal tells of an interrupt.
pub(crate) fn set_interrupted(stop: bool) {
    INTERRUPTED.store(stop, Ordering::Relaxed);
}

/// Before a cell: forget an interrupt that came too late for the last one.
pub fn reset() {
    INTERRUPTED.store(false, Ordering::Relaxed);
    STOPPED_READING.store(false, Ordering::Relaxed);
}

/// The cell's read of standard input ended with an interrupt, and so does the cell.
pub(crate) fn stop_reading() {
    STOPPED_READING.store(true, Ordering::Relaxed);
}

/// Did an interrupt end a read of standard input in this cell?
pub(crate) fn stopped_reading() -> bool {
    STOPPED_READING.load(Ordering::Relaxed)
}

extern "C" fn on_interrupt(_: i32) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo for SIGSEGV and SIGBUS.
    let address = unsafe { (*info).si_addr() } as usize;
    let end = STACK_END.try_with(Cell::get).unwrap_or(0);
    // SAFETY: sigaction and raise are async-signal-safe.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        if end != 0 && address < end + 4096 && address > end.saturating_sub(GUARD) {
            // "Stack fault", which nothing else uses: the kernel tells the user from it.
            libc::signal(libc::SIGSTKFLT, libc::SIG_DFL);
            libc::raise(libc::SIGSTKFLT);
        }
    }
    // Any other fault happens again on return and ends the process by its own signal.
}

/// Install the handlers for the process.
pub fn install() -> io::Result<()> {
    let interrupt: extern "C" fn(i32) = on_interrupt;
    // Without SA_RESTART, so that a cell waiting in a system call sees the flag.
    handle(libc::SIGINT, interrupt as usize, 0)?;
    let fault: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = on_fault;
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        handle(signal, fault as usize, libc::SA_SIGINFO | libc::SA_ONSTACK)?;
    }
    Ok(())
}

fn handle(signal: i32, handler: usize, flags: i32) -> io::Result<()> {
    // SAFETY: an all-zero sigaction is valid, the handler has the signature its flags say.
    let done = unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(signal, &action, ptr::null_mut())
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Give this thread a second stack, so that the handler can run when the first is used up.
pub fn install_for_this_thread() {
    // SAFETY: plain queries about this thread.
    unsafe {
        let mut attributes: libc::pthread_attr_t = mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
            return;
        }
        let (mut base, mut size) = (ptr::null_mut(), 0);
        let known = libc::pthread_attr_getstack(&attributes, &mut base, &mut size) == 0;
        libc::pthread_attr_destroy(&mut attributes);
        install_for_stack(if known { base as usize } else { 0 });
    }
}

/// The same for a thread whose stack ends, downwards, at this address.
pub(crate) fn install_for_stack(end: usize) {
    STACK_END.set(end);
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the mapping is given to the system for the thread's lifetime and deliberately never
    // unmapped (one per pool thread).
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let memory = libc::mmap(ptr::null_mut(), ALTERNATE_STACK, rights, flags, -1, 0);
        if memory != libc::MAP_FAILED {
            let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: ALTERNATE_STACK };
            libc::sigaltstack(&stack, ptr::null_mut());
        }
    }
}
