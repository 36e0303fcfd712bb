//! A large stack for the process's first thread, which is the one that cells run on: what `main` allocates in a program
//! comes from malloc's first arena, which is faster than those of other threads, and stacks of first threads are as
//! large as `ulimit -s` says, which is too little for a deep recursion.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::signals;

/// Below the stack: touching it is an overflow. As much as one function may skip with a large frame.
const GUARD: usize = 1 << 20;

/// What runs on the other stack, with a place for its result.
struct Task<'a> {
    work: Option<Box<dyn FnOnce() -> i32 + 'a>>,
    result: i32,
}

static TASK: AtomicPtr<Task<'static>> = AtomicPtr::new(ptr::null_mut());

extern "C" fn enter() {
    // SAFETY: `run` put the task there and waits for this function's end.
    let task = unsafe { &mut *TASK.swap(ptr::null_mut(), Ordering::SeqCst) };
    if let Some(work) = task.work.take() {
        // An unwinding that comes here would find no frame below.
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        task.result = caught.unwrap_or(1);
    }
}

/// Runs `work` on this thread, on a stack of so many bytes, of which it uses what it needs. To be called once.
///
/// # Errors
/// When the system has no room for the stack; `work` has not run then.
pub(crate) fn run(length: usize, work: impl FnOnce() -> i32) -> io::Result<i32> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping of our own, which is never unmapped: copies go on on it.
    let memory = unsafe { libc::mmap(ptr::null_mut(), length + GUARD, rights, flags, -1, 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the lowest part of that mapping.
    unsafe { libc::mprotect(memory, GUARD, libc::PROT_NONE) };
    let mut task = Task { work: Some(Box::new(work)), result: 1 };
    TASK.store((&raw mut task).cast(), Ordering::SeqCst);
    // The two are in memory that stays where it is, since they point into themselves.
    let contexts: Box<UnsafeCell<[MaybeUninit<libc::ucontext_t>; 2]>> =
        Box::new(UnsafeCell::new([MaybeUninit::zeroed(), MaybeUninit::zeroed()]));
    let [here, there] = [0, 1].map(|index| contexts.get().cast::<libc::ucontext_t>().wrapping_add(index));
    // SAFETY: both contexts are valid places; the other one is filled before it is changed, has the new
    // stack, and comes back here when `enter` returns. `task` outlives it.
    unsafe {
        if libc::getcontext(there) != 0 {
            return Err(io::Error::last_os_error());
        }
        (*there).uc_stack.ss_sp = memory.byte_add(GUARD);
        (*there).uc_stack.ss_size = length;
        (*there).uc_link = here;
        libc::makecontext(there, enter, 0);
        signals::install_for_stack(memory as usize + GUARD);
        if libc::swapcontext(here, there) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(task.result)
}

#[cfg(test)]
mod tests {
    #[test]
    fn work_runs_on_its_own_stack_and_panics_end_in_it() {
        let on_another = std::thread::spawn(|| {
            let outside = 0_u8;
            let far = |place: &u8| (&raw const *place as usize).abs_diff(&raw const outside as usize);
            let ran = super::run(64 << 20, || {
                let inside = 0_u8;
                i32::from(far(&inside) > 1 << 20) + 6
            });
            assert_eq!(ran.expect("room"), 7);
            assert_eq!(super::run(1 << 20, || panic!("in it")).expect("room"), 1);
        });
        on_another.join().expect("it ends well");
    }
}
