//! The runner's side of a cell: what generated code calls, and how helpers reach the kernel.
//!
//! Two rooms in one: [`store`] keeps the variables between cells; [`channel`] carries frames. This is not an API for
//! notebooks: cells use [`crate::display`], [`crate::progress`] and [`crate::par`], which are
//! built on the functions below. Outside a runner (tests, plain programs) everything works and
//! shows its plain text on standard output.

pub mod cell;
pub mod channel;
pub mod closure;
mod descriptors;
mod job;
pub(crate) mod keeper;
pub mod large;
mod ledger;
mod memory;
pub mod own;
pub mod panic;
pub(crate) mod pool;
mod reach;
mod record_locks;
pub mod signals;
pub(crate) mod snapshot;
pub(crate) mod stack;
mod stdin;
pub mod store;
pub(crate) mod usage;
pub(crate) mod world;

use std::io;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::frame::Frame;
pub use crate::frame::MimeBundle;
pub use cell::{DebugFailure, Failure, begin, end, guard};
pub use signals::interrupted;
pub use store::{peek, put, put_copy, take};

/// The panic payload with which a cell stops when it was interrupted.
///
/// ```
/// let stopped = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(ferrolab::rt::Interrupted)));
/// assert!(stopped.unwrap_err().is::<ferrolab::rt::Interrupted>());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted;

/// Is this code running in a runner?
///
/// ```
/// assert!(!ferrolab::rt::attached());
/// ```
pub fn attached() -> bool {
    channel::get().is_some()
}

/// Unwinds out of the cell when the user interrupted it; does nothing otherwise.
///
/// # Panics
/// With the payload [`Interrupted`], without calling the panic hook.
///
/// ```
/// ferrolab::rt::check_interrupt(); // nobody interrupted
/// ```
pub fn check_interrupt() {
    if interrupted() {
        std::panic::resume_unwind(Box::new(Interrupted));
    }
}

/// Shows a value (`display_data`) after everything printed before it.
///
/// ```
/// ferrolab::rt::show(vec![("text/plain".into(), b"hello".to_vec())], "", None);
/// ```
pub fn show(data: MimeBundle, metadata: &str, display_id: Option<&str>) {
    display(data, metadata, display_id, false, false);
}

/// Shows the value of a cell's trailing expression (`execute_result`).
///
/// ```
/// ferrolab::rt::show_result(vec![("text/plain".into(), b"2".to_vec())], "");
/// ```
pub fn show_result(data: MimeBundle, metadata: &str) {
    display(data, metadata, None, false, true);
}

/// Replaces what was shown under a display id; does not wait for the kernel.
///
/// ```
/// ferrolab::rt::update(vec![("text/plain".into(), b"50%".to_vec())], "", "bar-1");
/// ```
pub fn update(data: MimeBundle, metadata: &str, display_id: &str) {
    display(data, metadata, Some(display_id), true, false);
}

fn display(data: MimeBundle, metadata: &str, id: Option<&str>, update: bool, result: bool) {
    let Some(channel) = channel::get() else {
        if let Some((_, text)) = data.iter().find(|(mime, _)| mime == "text/plain") {
            println!("{}", String::from_utf8_lossy(text));
        }
        return;
    };
    let frame = Frame::Display {
        display_id: id.map(str::to_owned),
        update,
        result,
        ordered: !update,
        data,
        metadata: metadata.to_owned(),
    };
    if update {
        channel.send(&frame);
    } else {
        channel.ask(&frame);
    }
}

/// Clears the cell's output; with `wait`, only when the next output arrives.
///
/// ```
/// ferrolab::rt::clear_output(true);
/// ```
pub fn clear_output(wait: bool) {
    if let Some(channel) = channel::get() {
        channel.ask(&Frame::Clear { wait });
    }
}

/// Asks the user for a line of text, without its line end. Outside a runner it reads standard
/// input.
///
/// # Errors
/// `UnexpectedEof` when there is nobody to ask.
///
/// # Panics
/// With the payload [`Interrupted`], as [`check_interrupt`] does, when the user interrupts.
///
/// ```no_run
/// let name = ferrolab::rt::input("Name: ", false)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn input(prompt: &str, password: bool) -> io::Result<String> {
    let text = match channel::get() {
        Some(channel) => match channel.input(prompt, password) {
            Ok(text) => text,
            Err(interrupted) => std::panic::resume_unwind(Box::new(interrupted)),
        },
        None => {
            print!("{prompt}");
            io::Write::flush(&mut io::stdout())?;
            let mut line = String::new();
            io::stdin().read_line(&mut line)?;
            line
        }
    };
    check_interrupt();
    if text.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "nobody answered: this frontend has no input"));
    }
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// A display id that no other display of this session has.
///
/// ```
/// assert_ne!(ferrolab::rt::new_display_id(), ferrolab::rt::new_display_id());
/// ```
pub fn new_display_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("ferrolab-{:x}-{now:x}-{n}", std::process::id())
}

/// A place in the source as the user knows it: `[3]:2` is a line of a cell. The kernel is asked once for each.
pub(crate) fn place(of: &'static Location<'static>) -> String {
    static KNOWN: Mutex<Vec<(&'static Location<'static>, String)>> = Mutex::new(Vec::new());
    let known = |all: &[(&'static Location<'static>, String)]| {
        all.iter().find(|(place, _)| *place == of).map(|(_, text)| text.clone())
    };
    if let Some(text) = known(&KNOWN.lock().unwrap_or_else(PoisonError::into_inner)) {
        return text;
    }
    let text = channel::get().and_then(|channel| channel.place(of.file(), of.line(), of.column()));
    let text = text.unwrap_or_else(|| {
        let file = of.file();
        format!("{}:{}", file.rsplit('/').next().unwrap_or(file), of.line())
    });
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).push((of, text.clone()));
    text
}

/// Bytes of memory that are free for this process, of the machine and of its control group; `None` where the system
/// does not say.
pub(crate) fn memory_available() -> Option<u64> {
    memory::available()
}

/// The threads of the pool of this process: the place of each in it, and its number in the system.
pub(crate) fn pool_threads() -> Vec<(usize, i32)> {
    own::workers()
}

/// Threads of the pool that runs this cell's parallel work.
///
/// ```
/// assert!(ferrolab::rt::threads() >= 1);
/// ```
pub fn threads() -> usize {
    pool::to_come().unwrap_or_else(rayon::current_num_threads)
}
