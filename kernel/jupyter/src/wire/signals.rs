//! What the system tells the kernel process: SIGINT, SIGTERM, SIGHUP, the end of those who hold it.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::{Inbox, holders};
use crate::messages::Event;

/// Take over SIGINT, SIGTERM and SIGHUP from here on. Called inside the runtime.
pub(super) fn watch(inbox: &Arc<Inbox>) -> io::Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let events = inbox.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(()) = interrupts.recv() => events(Event::Interrupt),
                Some(()) = terminations.recv() => events(Event::Terminate),
                else => break,
            }
        }
    });
    if !hangup_is_ignored() {
        let mut hangups = signal(SignalKind::hangup())?;
        let events = inbox.clone();
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                events(Event::Terminate);
            }
        });
    }
    let inbox = inbox.clone();
    holders::watch(move || inbox(Event::Terminate))
}

/// Was the kernel started with `nohup`, so that it outlives its terminal?
fn hangup_is_ignored() -> bool {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: asks for the disposition without changing it; the record is zeroed, which is a
    // valid one, and stays so should the call fail.
    let now = unsafe {
        libc::sigaction(libc::SIGHUP, std::ptr::null(), now.as_mut_ptr());
        now.assume_init()
    };
    now.sa_sigaction == libc::SIG_IGN
}
