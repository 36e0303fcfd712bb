//! What the system tells the kernel process: SIGINT, SIGTERM, the end of its parent.

use std::io;
use std::os::unix::process::parent_id;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::Inbox;
use crate::messages::Event;

/// Take over SIGINT and SIGTERM from here on. Called inside the runtime.
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
    watch_parent(inbox.clone());
    Ok(())
}

/// jupyter_client names itself in JPY_PARENT_PID when the kernel should not outlive it.
fn watch_parent(inbox: Arc<Inbox>) {
    let named = std::env::var("JPY_PARENT_PID").ok().and_then(|pid| pid.parse::<u32>().ok());
    let parent = parent_id();
    if named != Some(parent) || parent <= 1 {
        return;
    }
    tokio::spawn(async move {
        while parent_id() == parent {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        inbox(Event::Terminate);
    });
}
