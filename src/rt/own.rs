//! What in this process is Ferrolab's own and not made by a cell: threads, child processes and
//! descriptors. Who makes one says so here; whoever looks for what cells made leaves it out. It
//! starts and ends nothing.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct Own {
    threads: Vec<i32>,
    /// Those of the pool: their places in it, and their numbers.
    workers: Vec<(usize, i32)>,
    children: Vec<u32>,
    descriptors: Vec<i32>,
}

static OWN: Mutex<Own> =
    Mutex::new(Own { threads: Vec::new(), workers: Vec::new(), children: Vec::new(), descriptors: Vec::new() });

fn own() -> MutexGuard<'static, Own> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the thread's number off the list when the thread ends, since numbers are given again.
struct Mark(i32);

impl Drop for Mark {
    fn drop(&mut self) {
        let mut own = own();
        own.threads.retain(|thread| *thread != self.0);
        own.workers.retain(|(_, thread)| *thread != self.0);
    }
}

/// The calling thread is ours, for as long as it runs.
///
/// ```
/// ferrolab::rt::own::thread();
/// ```
pub fn thread() {
    mark();
}

/// The calling thread is ours, and has this place in the pool.
pub(super) fn worker(place: usize) {
    let number = mark();
    own().workers.push((place, number));
}

/// Notes the calling thread; its number.
fn mark() -> i32 {
    thread_local! {
        static MARK: std::cell::RefCell<Option<Mark>> = const { std::cell::RefCell::new(None) };
    }
    // SAFETY: a plain query.
    let number = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
    own().threads.push(number);
    MARK.with_borrow_mut(|mark| *mark = Some(Mark(number)));
    number
}

/// A child process is ours.
pub(crate) fn child(process: u32) {
    own().children.push(process);
}

/// A descriptor stays open in snapshots too, because its other end waits for the last of us to end.
pub(crate) fn descriptor(descriptor: BorrowedFd<'_>) {
    own().descriptors.push(descriptor.as_raw_fd());
}

/// A descriptor is ours no more.
pub(crate) fn disown(descriptor: BorrowedFd<'_>) {
    own().descriptors.retain(|d| *d != descriptor.as_raw_fd());
}

/// Our threads.
pub(crate) fn threads() -> Vec<i32> {
    own().threads.clone()
}

/// The threads of the pool: their places in it, and their numbers.
pub(super) fn workers() -> Vec<(usize, i32)> {
    own().workers.clone()
}

/// Our child processes.
pub(crate) fn children() -> Vec<u32> {
    own().children.clone()
}

/// Descriptors that snapshots keep.
pub(crate) fn descriptors() -> Vec<i32> {
    own().descriptors.clone()
}

/// In a copy that took over: its threads are those that it starts from now on.
pub(crate) fn forget_threads() {
    let mut own = own();
    own.threads.clear();
    own.workers.clear();
}

/// Nobody is in the middle of a change while this is held.
pub(crate) fn hold() -> impl Sized {
    own()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_thread_is_ours_until_it_ends() {
        let mine = std::thread::spawn(|| {
            super::thread();
            // SAFETY: a plain query.
            let number = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
            assert!(super::threads().contains(&number));
            number
        });
        let number = mine.join().expect("it ends well");
        assert!(!super::threads().contains(&number));
    }
}
