//! Snapshots: a forked copy of the runner that sleeps with the variables as they were, and takes
//! over when the process ends without having said that all is well.
//!
//! The copy is a child of the kernel, not of the runner, so that no cell waits for it; it has no descriptor
//! open but ours, and no large data (`large.rs`). The keeper hands over both.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;

use super::job::Granted;
use super::world::World;
use super::{channel, descriptors, keeper, large, ledger, memory, own, store};
use crate::frame::Protect;

/// Below this size a snapshot is always taken: its pages cannot matter.
const ALWAYS: u64 = 256 << 20;

/// The sleeping copy, held by the running process. Dropping it tells the copy to end.
pub struct Snapshot {
    end: UnixStream,
    /// Process id of the copy.
    pub pid: i32,
    /// What earlier cells had made when it was taken.
    pub world: World,
}

/// Both sides of the fork.
pub enum Forked {
    /// This process goes on; the copy sleeps.
    Running(Snapshot),
    /// This is the copy, and it has been woken: the running process is gone.
    Restored(Restored),
}

/// What a copy that took over has not got.
pub struct Restored {
    /// Threads, children and connections that went with the process, in words.
    pub gone: Vec<String>,
    /// Variables with large data that is as the process left it.
    pub shared: Vec<String>,
    /// Variables whose large data is gone.
    pub lost: Vec<String>,
}

/// What the runner itself needs, and a copy of it as well.
pub(crate) struct Kept {
    /// Its descriptors to the kernel.
    pub(crate) descriptors: Vec<RawFd>,
    /// Process id of the keeper; 0 when there is none, and then no snapshot.
    pub(crate) keeper: i32,
    /// Threads on which a copy gets its large data back.
    pub(crate) threads: usize,
}

/// Forks. Returns in the running process at once, in the copy only when it must take over.
///
/// # Errors
/// A sentence saying why no snapshot was taken.
pub fn take(world: &mut World, cell: u32, protect: Protect, kept: &Kept) -> Result<Forked, String> {
    let taken = try_to_take(world, cell, protect, kept);
    if taken.is_err() {
        // Nothing needs to be held back for a copy that is not there.
        large::release();
    }
    taken
}

fn try_to_take(world: &mut World, cell: u32, protect: Protect, kept: &Kept) -> Result<Forked, String> {
    let refused = |what: &str, error: io::Error| format!("{what}: {error}");
    let ledger = ledger::get().map_err(|e| refused("no memory to share with a copy", e))?;
    memory::give_back();
    let mut stays = [kept.descriptors.clone(), own::descriptors()].concat();
    world.look(cell, &stays);
    let large = if protect == Protect::All { Vec::new() } else { store::large_data() };
    let blocks: Vec<usize> = large.iter().flat_map(|(_, blocks)| blocks).copied().collect();
    if protect == Protect::All {
        large::keep_all();
    }
    let kept_out = large::keep_out(&blocks);
    affordable(kept_out)?;
    let (ours, theirs) = UnixStream::pair().map_err(|e| refused("no socket to a copy", e))?;
    stays.push(theirs.as_raw_fd());
    // No other thread may be in the middle of a frame, a print or a change of the lists when we fork.
    let stdout = io::stdout().lock();
    let held = (channel::get().map(channel::Channel::hold), own::hold(), large::hold());
    ledger.copy.store(0, Ordering::SeqCst);
    // SAFETY: the child runs Rust code, as this runner's only thread. Pool threads are parked and
    // are replaced; glibc makes its allocator usable in the child; our own locks are held here.
    let between = unsafe { libc::fork() };
    if between == 0 {
        descriptors::close_all_but(&stays);
        // Once more, so that the copy's parent is whoever adopts orphans: the kernel.
        // SAFETY: this process has one thread; it ends at once.
        unsafe {
            let copy = libc::fork();
            if copy != 0 {
                ledger.copy.store(copy, Ordering::SeqCst);
                libc::_exit(0);
            }
        }
        let asks = keeper::sleep(&theirs);
        drop((held, stdout));
        let estate = asks.then(|| keeper::Estate::new(&theirs, kept.keeper));
        return Ok(Forked::Restored(restore(world, &large, estate.as_ref(), kept.threads)));
    }
    let error = io::Error::last_os_error();
    drop((held, stdout));
    wait_for(between);
    let pid = ledger.copy.load(Ordering::SeqCst);
    if pid <= 0 {
        return Err(format!("fork failed ({error}); there may be too little memory or too many processes"));
    }
    keeper::set_copy(Some(&ours));
    Ok(Forked::Running(Snapshot { end: ours, pid, world: world.clone() }))
}

/// Waits for the process between, which ends at once. A thread of a cell that waits for any child may have been
/// first, which does no harm.
fn wait_for(between: i32) {
    if between < 0 {
        return;
    }
    loop {
        // SAFETY: waits for our own child.
        let done = unsafe { libc::waitpid(between, std::ptr::null_mut(), 0) };
        if done >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

/// Makes a copy whole again.
fn restore(
    world: &World,
    large: &[(String, Vec<usize>)],
    estate: Option<&keeper::Estate<'_>>,
    threads: usize,
) -> Restored {
    own::forget_threads();
    own::thread();
    let open = descriptors::put_back(world.open.clone(), |number| estate?.descriptor(number));
    let mut gone = world.describe();
    gone.extend(open.iter().map(descriptors::Open::describe));
    gone.extend(descriptors::lock_again(&world.open, |number| estate.is_some_and(|estate| estate.close(number))));
    let damaged = large::put_back(threads, |address, into| estate.is_some_and(|estate| estate.memory(address, into)));
    let of = |wanted: &dyn Fn(&usize) -> bool| -> Vec<String> {
        large.iter().filter(|(_, blocks)| blocks.iter().any(wanted)).map(|(name, _)| name.clone()).collect()
    };
    let lost = of(&|block| damaged.contains(block));
    Restored { gone, shared: of(&|block| !damaged.contains(block)), lost }
}

impl Snapshot {
    /// Does the copy still sleep? The system may have killed it, for want of memory: then ending for it would end everything.
    pub(crate) fn is_there(&self) -> bool {
        let ended = libc::POLLHUP | libc::POLLRDHUP | libc::POLLERR;
        let mut poll = libc::pollfd { fd: self.end.as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
        // SAFETY: one valid pollfd. The copy alone holds the other end.
        let ready = unsafe { libc::poll(&mut poll, 1, 0) };
        ready <= 0 || poll.revents & ended == 0
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        keeper::discard(&self.end);
        large::release();
    }
}

/// Would a full copy of this process still fit? `kept_out` is in no copy.
fn affordable(kept_out: u64) -> Result<(), String> {
    let resident = memory::resident().saturating_sub(kept_out);
    if resident < ALWAYS {
        return Ok(());
    }
    let Some(free) = memory::available() else { return Ok(()) };
    if let Some(job) = memory::counted_by() {
        return counted_twice(resident, free, &job);
    }
    if resident < free {
        return Ok(());
    }
    Err(format!(
        "the variables take {} MB and only {} MB are free, so a copy might not fit; if this cell fails, what it changed stays changed",
        resident >> 20,
        free >> 20
    ))
}

/// Slurm without control groups counts a copy in full as soon as it is there, and ends the whole job when that is too
/// much: the cell, the kernel, the server. So a copy has to leave room for what the cell itself needs.
fn counted_twice(resident: u64, free: u64, job: &Granted) -> Result<(), String> {
    if resident + job.bytes / 4 <= free {
        return Ok(());
    }
    Err(format!(
        "Slurm counts a copy of the variables in full, {} MB, and of the {} MB of job {} only {} MB are free; if this cell fails, what it changed stays changed. Ask for more memory (--mem)",
        resident >> 20,
        job.bytes >> 20,
        job.id,
        free >> 20
    ))
}
