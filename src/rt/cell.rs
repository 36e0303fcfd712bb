//! What surrounds the user's statements in generated code: the guard that catches panics, the
//! error that `?` returns, and the executor behind `.await`. No process control, no variables.

use std::any::{Any, type_name};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use super::{Interrupted, check_interrupt, signals};
use crate::frame::Outcome;

thread_local! {
    /// Has the running cell come to the end of its statements?
    static AT_END: Cell<bool> = const { Cell::new(false) };
    static OUTCOME: RefCell<Outcome> = const { RefCell::new(Outcome::Ok) };
}

/// The error of a cell's top-level `?`: anything that becomes a `Box<dyn Error>`, shown with
/// `Display` and its sources.
///
/// ```
/// fn cell() -> Result<(), ferrolab::rt::Failure> {
///     let _: i32 = "4x".parse()?;
///     Ok(())
/// }
/// assert!(cell().is_err());
/// ```
pub struct Failure(Box<Reason>);

/// The same for errors that have `Debug` only; the engine falls back to it.
///
/// ```
/// #[derive(Debug)]
/// struct Plain;
/// fn cell() -> Result<(), ferrolab::rt::DebugFailure> {
///     Err(Plain)?;
///     Ok(())
/// }
/// assert!(cell().is_err());
/// ```
pub struct DebugFailure(Box<Reason>);

impl Failure {
    /// The text that the user sees.
    ///
    /// ```
    /// assert_eq!(ferrolab::rt::Failure::from("no").message(), "no");
    /// ```
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// For cells whose own errors have `Debug` only.
    ///
    /// ```
    /// let failure = ferrolab::rt::Failure::from("no").into_debug().into_failure();
    /// assert_eq!(failure.message(), "no");
    /// ```
    pub fn into_debug(self) -> DebugFailure {
        DebugFailure(self.0)
    }
}

struct Reason {
    message: String,
    kind: &'static str,
}

impl Reason {
    fn outcome(self) -> Outcome {
        Outcome::Failed { message: self.message, kind: self.kind.to_owned() }
    }
}

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        displayed(&*error.into(), type_name::<E>())
    }
}

#[inline(never)]
fn displayed(error: &dyn Error, kind: &'static str) -> Failure {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // Many errors repeat their source in their own text.
        if !message.ends_with(&text) {
            message.push_str("\ncaused by: ");
            message.push_str(&text);
        }
        source = cause.source();
    }
    if let Some(backtrace) = backtrace_of(error) {
        message.push_str("\n\n");
        message.push_str(&backtrace);
    }
    Failure(Box::new(Reason { message, kind }))
}

/// The backtrace that an error has taken (anyhow, eyre), where the user has asked for backtraces. Errors show
/// it with `Debug` only.
fn backtrace_of(error: &dyn Error) -> Option<String> {
    let asked = |name| std::env::var_os(name).is_some_and(|value| value != "0");
    if !asked("RUST_BACKTRACE") && !asked("RUST_LIB_BACKTRACE") {
        return None;
    }
    let text = format!("{error:?}");
    let at = text.find("Stack backtrace:")?;
    // What comes before the cell is no business of the user's.
    let ours = |line: &str| line.contains("ferrolab::rt::") || line.contains("__ferrolab_cell");
    let frames: Vec<&str> = text[at..].lines().take_while(|line| !ours(line)).collect();
    (frames.len() > 1).then(|| frames.join("\n"))
}

impl<E: Debug> From<E> for DebugFailure {
    fn from(error: E) -> Self {
        debugged(&error, type_name::<E>())
    }
}

#[inline(never)]
fn debugged(error: &dyn Debug, kind: &'static str) -> DebugFailure {
    DebugFailure(Box::new(Reason { message: format!("{error:?}"), kind }))
}

impl DebugFailure {
    /// For [`guard`], which knows one kind.
    pub fn into_failure(self) -> Failure {
        Failure(self.0)
    }
}

/// Runs a cell's statements and remembers how they ended. True when they ran to their end.
///
/// Only this wrapper is compiled with each cell (measured: the whole of it, compiled along,
/// made `1+1` take 97 ms instead of 32).
///
/// ```
/// let to_the_end = || {
///     ferrolab::rt::cell::at_end();
///     Ok(())
/// };
/// assert!(ferrolab::rt::guard(to_the_end));
/// assert!(!ferrolab::rt::guard(|| Err("no".into())));
/// assert!(!ferrolab::rt::guard(|| Ok(()))); // a `return` before the end
/// ```
pub fn guard(statements: impl FnOnce() -> Result<(), Failure>) -> bool {
    let mut statements = Some(statements);
    guard_erased(&mut || match statements.take() {
        Some(statements) => statements(),
        None => Ok(()),
    })
}

/// [`guard`] for any cell.
#[inline(never)]
pub fn guard_erased(statements: &mut dyn FnMut() -> Result<(), Failure>) -> bool {
    AT_END.set(false);
    // A cell that fails changes nothing: the snapshot undoes what a half-done closure left.
    let ended = match catch_unwind(AssertUnwindSafe(statements)) {
        // What a cell does with a read that an interrupt ended is not its result.
        _ if signals::stopped_reading() => Outcome::Interrupted,
        Ok(Ok(())) if AT_END.get() => Outcome::Ok,
        Ok(Ok(())) => Outcome::Returned,
        Ok(Err(failure)) => failure.0.outcome(),
        Err(payload) if payload.is::<Interrupted>() => Outcome::Interrupted,
        Err(payload) => {
            // A parallel helper raises the panic of a task again, with the task's number.
            if let Some(message) = payload.downcast_ref::<String>() {
                super::panic::rename(message);
            }
            Outcome::Panicked
        }
    };
    let ok = ended == Outcome::Ok;
    OUTCOME.with_borrow_mut(|o| *o = ended);
    ok
}

/// The last statement of every cell: one that ends well without it returned before.
///
/// ```
/// ferrolab::rt::cell::at_end();
/// ```
pub fn at_end() {
    AT_END.set(true);
}

/// Cells that have begun in this process and in those that it is a copy of.
static BEGUN: AtomicU32 = AtomicU32::new(0);

/// The number of the running cell among those that have begun; 0 outside of a runner.
pub(crate) fn count() -> u32 {
    BEGUN.load(Ordering::Relaxed)
}

/// Before a cell: forget how the last one ended.
pub fn begin() {
    BEGUN.fetch_add(1, Ordering::Relaxed);
    OUTCOME.with_borrow_mut(|o| *o = Outcome::Ok);
}

/// After a cell: how it ended.
pub fn end() -> Outcome {
    OUTCOME.with_borrow_mut(|o| std::mem::replace(o, Outcome::Ok))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread, looking at interrupts: what a top-level `.await` runs on
/// when the cell's dependencies bring no runtime of their own.
///
/// # Panics
/// With [`Interrupted`] when the user interrupts.
///
/// ```
/// assert_eq!(ferrolab::rt::cell::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        thread::park_timeout(Duration::from_millis(20));
        check_interrupt();
    }
}

/// One value of a type for the whole session, made when it is first asked for in this process:
/// what a top-level `.await` keeps its runtime in. A runner that took over after a fork makes a
/// new one, because the threads of the old one are gone.
///
/// ```
/// let a: &'static String = ferrolab::rt::cell::shared(|| "one".to_owned());
/// let b: &'static String = ferrolab::rt::cell::shared(|| "two".to_owned());
/// assert!(std::ptr::eq(a, b));
/// ```
pub fn shared<T: Any + Send + Sync>(make: impl FnOnce() -> T) -> &'static T {
    static KEPT: Mutex<Vec<(u32, &'static (dyn Any + Send + Sync))>> = Mutex::new(Vec::new());
    let process = std::process::id();
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = kept.iter().filter(|(p, _)| *p == process).find_map(|(_, v)| v.downcast_ref::<T>());
    if let Some(value) = found {
        return value;
    }
    let value: &'static T = Box::leak(Box::new(make()));
    kept.push((process, value));
    value
}
