//! Processes that load cells and are not our runner: the child of the second engine, evcxr. Its
//! guest calls these functions when a cell has brought this crate along. It has no commands and no
//! snapshots, only what displays, bars and interrupts need.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::display::Display;
use crate::rt::{self, channel, signals};

/// A cell's code is running: what [`ferrolab_rt_flush`] ends.
static IN_CELL: AtomicBool = AtomicBool::new(false);

/// Takes over the descriptors of frames and replies, on the thread that runs cells. Not an API for
/// notebooks.
///
/// # Safety
/// Both descriptors are open and belong to the caller, who hands them over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrolab_rt_attach(frames: i32, replies: i32) {
    // SAFETY: handed over by the caller.
    unsafe { channel::attach(frames, replies) };
    if let Some(channel) = channel::get() {
        // Of a process before this one that was killed while it waited.
        channel.drain_replies();
    }
    crate::plot::register_fonts();
    if let Err(error) = signals::install() {
        eprintln!("ferrolab: no signal handlers: {error}");
    }
    signals::install_for_this_thread();
}

/// Before a cell's code. Not an API for notebooks.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_begin() {
    signals::reset();
    IN_CELL.store(true, Ordering::Relaxed);
    crate::dashboard::resume();
}

/// After a cell's code: bars are painted for the last time, and what was printed goes out. Not an
/// API for notebooks.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_flush() {
    if IN_CELL.swap(false, Ordering::Relaxed) {
        crate::progress::settle();
        crate::plot::settle();
    }
    // A closed pipe is noticed by whoever reads it.
    drop(io::stdout().flush());
}

/// When it is known how a cell ended. Not an API for notebooks.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_settle(succeeded: bool) {
    crate::cluster::settle(succeeded);
}

/// Shows a value of a [`Display`] type as the cell's result on evcxr, which looks for a method of
/// this name. Inherent methods of the same name come first, as on the direct engine.
///
/// ```
/// use ferrolab::runner::attach::EvcxrDisplay as _;
/// ferrolab::display::text("shown").evcxr_display();
/// ```
pub trait EvcxrDisplay {
    /// Shows it.
    fn evcxr_display(&self);
}

impl<T: Display + ?Sized> EvcxrDisplay for T {
    fn evcxr_display(&self) {
        rt::show_result(self.mime_bundle(), &self.metadata());
    }
}
