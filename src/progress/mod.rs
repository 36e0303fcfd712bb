//! Progress bars: counting that costs nearly nothing, painting by one thread at most ten times a
//! second, one element updated in place.
//!
//! [`progress`] wraps an iterator, `.progress()` does the same on standard and on rayon iterators,
//! and [`Bar`] is moved by hand. A bar that lasts less than a moment is painted once, when it is
//! done. Bars that run at the same time share one element, in the order in which they were made;
//! one that is made inside the loop of another stands below it, and its line is used again in the
//! next round. This room counts and paints; it does not run anything in parallel ([`crate::par`]
//! does, and uses the bars here).

#[cfg(test)]
mod bench;
mod block;
mod iter;
mod nest;
mod parallel;
mod render;
mod sampler;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use iter::{Iter, ProgressIterator, progress};
pub(crate) use nest::Inside;
pub use parallel::{Parallel, ParallelProgress};
pub use sampler::settle;
pub(crate) use sampler::{Painted, paint, works};
use state::Start;
pub(crate) use state::{Outcome, State, called};
pub use view::Unit;
pub(crate) use view::{Lane, clock};

use std::panic::Location;
use std::sync::Arc;

/// A progress bar moved by hand, from any thread.
///
/// It is painted as done by [`finish`](Bar::finish) or when its last handle is dropped: as stopped
/// when items are missing then, and as failed or interrupted when that happens during a panic or
/// an interrupt. Clones are handles of the same bar.
///
/// ```
/// let bar = ferrolab::progress::Bar::new(3).message("files").unit("files");
/// for _ in 0..3 {
///     bar.inc(1);
/// }
/// bar.finish();
/// assert_eq!(bar.done(), 3);
/// ```
#[derive(Debug, Clone)]
pub struct Bar {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    state: Arc<State>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.state.finish(self.state.fate());
    }
}

impl Bar {
    /// A bar towards `total` items.
    ///
    /// ```
    /// let bar = ferrolab::progress::Bar::new(10);
    /// assert_eq!(bar.total(), Some(10));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(total: u64) -> Self {
        Self::at(Some(total), Location::caller(), nest::current())
    }

    /// A bar whose total is not known: it shows a count and a rate.
    ///
    /// ```
    /// let bar = ferrolab::progress::Bar::unknown();
    /// bar.inc(7);
    /// assert_eq!((bar.done(), bar.total()), (7, None));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn unknown() -> Self {
        Self::at(None, Location::caller(), nest::current())
    }

    /// A bar towards `total` items below this one. It needs no [`Bar::nested`] inside the loop of
    /// [`progress`] or of [`crate::par`]: bars made there stand below by themselves. When it is
    /// done, the next one takes its line.
    ///
    /// ```
    /// let epochs = ferrolab::progress::Bar::new(3);
    /// for _ in 0..3 {
    ///     let batches = epochs.nested(100).message("batches");
    ///     batches.inc(100);
    ///     epochs.inc(1);
    /// }
    /// assert_eq!(epochs.done(), 3);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn nested(&self, total: u64) -> Self {
        Self::at(Some(total), Location::caller(), self.state().id())
    }

    fn at(total: Option<u64>, place: &'static Location<'static>, parent: u64) -> Self {
        Self::of(State::explicit(Start { total, serial: false, place, parent }))
    }

    fn of(state: Arc<State>) -> Self {
        Self { handle: Arc::new(Handle { state }) }
    }

    fn state(&self) -> &Arc<State> {
        &self.handle.state
    }

    /// Sets the text in front of the bar, and gives the bar back.
    ///
    /// ```
    /// let bar = ferrolab::progress::Bar::new(2).message("first half");
    /// bar.set_message("second half");
    /// ```
    #[must_use]
    pub fn message(self, text: impl Into<String>) -> Self {
        self.state().set_message(text.into());
        self
    }

    /// Sets what is counted: a word such as `"files"`, or [`Unit::Bytes`], or `"bytes"`, which is
    /// the same.
    ///
    /// ```
    /// let bar = ferrolab::progress::Bar::new(1 << 20).unit("bytes");
    /// ```
    #[must_use]
    pub fn unit(self, unit: impl Into<Unit>) -> Self {
        self.state().set_unit(unit.into());
        self
    }

    /// Shows as well what each thread has done, as small bars.
    ///
    /// ```
    /// let bar = ferrolab::progress::Bar::new(2).lanes();
    /// bar.inc(2);
    /// ```
    #[must_use]
    pub fn lanes(self) -> Self {
        self.state().show_lanes();
        self
    }

    /// Changes the text in front of the bar.
    ///
    /// ```
    /// ferrolab::progress::Bar::new(2).set_message("now this");
    /// ```
    pub fn set_message(&self, text: impl Into<String>) {
        self.state().set_message(text.into());
    }

    /// Changes the total.
    ///
    /// ```
    /// let bar = ferrolab::progress::Bar::unknown();
    /// bar.set_total(5);
    /// assert_eq!(bar.total(), Some(5));
    /// ```
    pub fn set_total(&self, total: u64) {
        self.state().set_total(Some(total));
    }

    /// Counts `n` more items as done. A few nanoseconds, from any thread.
    ///
    /// ```
    /// let bar = ferrolab::progress::Bar::new(5);
    /// bar.inc(5);
    /// ```
    pub fn inc(&self, n: u64) {
        self.state().add(n);
    }

    /// Items done so far.
    ///
    /// ```
    /// assert_eq!(ferrolab::progress::Bar::new(5).done(), 0);
    /// ```
    #[must_use]
    pub fn done(&self) -> u64 {
        self.state().done()
    }

    /// The total, when it is known.
    ///
    /// ```
    /// assert_eq!(ferrolab::progress::Bar::new(5).total(), Some(5));
    /// ```
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.state().total()
    }

    /// Paints the bar as done. Later calls do nothing.
    ///
    /// ```
    /// ferrolab::progress::Bar::new(5).finish();
    /// ```
    pub fn finish(&self) {
        self.state().finish(Outcome::Done);
    }

    /// Paints the bar as failed. Later calls do nothing.
    ///
    /// ```
    /// ferrolab::progress::Bar::new(5).fail();
    /// ```
    pub fn fail(&self) {
        self.state().finish(Outcome::Failed);
    }
}
