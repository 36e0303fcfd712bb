//! What other threads may do to an evcxr session while a cell runs: interrupt it, end it. It holds
//! flags and sends signals; the link follows up.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shared between the evaluator, the link and the threads that answer.
#[derive(Default)]
pub(super) struct Control {
    interrupts: AtomicU32,
    ended: AtomicBool,
    wake: Mutex<Option<File>>,
    guest: Mutex<Option<Arc<Mutex<Child>>>>,
}

impl Control {
    /// A cell begins: interrupts from now on are meant for it.
    pub(super) fn arm(&self) {
        self.interrupts.store(0, Ordering::SeqCst);
    }

    pub(super) fn interrupt(&self) {
        self.interrupts.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn interrupts(&self) -> u32 {
        self.interrupts.load(Ordering::SeqCst)
    }

    /// End everything for good.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    pub(super) fn set_wake(&self, end: OwnedFd) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(File::from(end));
    }

    /// The handle of the guest, which evcxr keeps valid when it starts another.
    pub(super) fn set_guest(&self, guest: Arc<Mutex<Child>>) {
        *self.guest.lock().unwrap_or_else(PoisonError::into_inner) = Some(guest);
    }

    /// The guest's process id; 0 when there is none.
    pub(super) fn pid(&self) -> u32 {
        self.with_guest(|child| child.id()).unwrap_or(0)
    }

    /// End the guest, and every variable with it.
    pub(super) fn kill(&self) {
        // A guest that has ended already is what was wanted.
        self.with_guest(|child| drop(child.kill()));
    }

    pub(super) fn signal(&self, signal: i32) {
        self.with_guest(|child| {
            // SAFETY: a plain signal to a child that nobody has waited for while we hold its lock.
            unsafe { libc::kill(child.id().cast_signed(), signal) };
        });
    }

    /// Not while evcxr waits for the guest, which it does with the lock held: then there is
    /// nothing to end.
    fn with_guest<T>(&self, act: impl FnOnce(&mut Child) -> T) -> Option<T> {
        let guest = self.guest.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        guest.try_lock().ok().map(|mut child| act(&mut child))
    }

    /// Something happened that the link must look at.
    pub(super) fn wake(&self) {
        if let Some(end) = &*self.wake.lock().unwrap_or_else(PoisonError::into_inner) {
            // A full pipe wakes as well as one more byte.
            let mut end = end;
            drop(end.write(b"w"));
        }
    }
}

/// The processes that evcxr compiles with: children of this one that are not the guest.
pub(super) mod compilers {
    use std::fs;

    /// End them; true when there were any. cargo's children are found before it is ended.
    pub(in crate::evcxr) fn end(guest: u32) -> bool {
        let processes = processes();
        let mut found = vec![std::process::id()];
        let mut next = 0;
        while next < found.len() {
            let parent = found[next];
            let children = processes.iter().filter(|(pid, of, _)| *of == parent && *pid != guest);
            let children: Vec<u32> = children.map(|(pid, ..)| *pid).collect();
            found.extend(children);
            next += 1;
        }
        let found = &found[1..];
        for pid in found {
            // SAFETY: a plain signal to a process that was our descendant a moment ago.
            unsafe { libc::kill(pid.cast_signed(), libc::SIGKILL) };
        }
        // Those whose parent went first are ours to wait for.
        let adopted = processes.iter().filter(|(pid, of, _)| found.contains(pid) && *of != std::process::id());
        for (pid, ..) in adopted {
            // SAFETY: does not wait, and asks for that process only.
            unsafe { libc::waitpid(pid.cast_signed(), std::ptr::null_mut(), libc::WNOHANG) };
        }
        processes.iter().any(|(pid, _, running)| found.contains(pid) && *running)
    }

    /// Process ids with their parents, and whether they still run.
    fn processes() -> Vec<(u32, u32, bool)> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let read = |pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let mut fields = stat.rsplit(')').next()?.split_whitespace();
            let running = fields.next()? != "Z";
            Some((pid, fields.next()?.parse().ok()?, running))
        };
        pids.filter_map(read).collect()
    }
}
