//! Bars around ordinary iterators.

use super::state::{Outcome, Shard, Start, State};
use super::{Bar, Unit, nest};
use crate::rt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Shows how far a loop is.
///
/// An item counts as done when the next one is asked for. A loop that is left early shows where it
/// stopped. The loop stops when the user interrupts. A bar inside the loop of another one stands
/// below it, and takes its line again in the next round. Counting costs less than two nanoseconds
/// an item.
///
/// ```
/// let mut sum = 0;
/// for i in ferrolab::progress::progress(0..10) {
///     sum += i;
/// }
/// assert_eq!(sum, 45);
/// ```
#[track_caller]
pub fn progress<I: IntoIterator>(iter: I) -> Iter<I::IntoIter> {
    let base = iter.into_iter();
    let bar = begin(base.size_hint(), Location::caller());
    Iter { base, given: 0, counter: Arc::clone(bar.state().own()), bar }
}

/// Compiled once, not with every loop.
#[inline(never)]
fn begin(hint: (usize, Option<usize>), place: &'static Location<'static>) -> Bar {
    let total = match hint {
        (low, Some(high)) if low == high => Some(high as u64),
        _ => None,
    };
    Bar::of(State::explicit(Start { total, serial: true, place, parent: nest::current() }))
}

/// `.progress()` on every iterator.
///
/// ```
/// use ferrolab::progress::ProgressIterator;
/// assert_eq!((0..10).progress().filter(|i| i % 2 == 0).count(), 5);
/// ```
pub trait ProgressIterator: Iterator + Sized {
    /// See [`progress`].
    #[track_caller]
    fn progress(self) -> Iter<Self> {
        progress(self)
    }
}
impl<I: Iterator> ProgressIterator for I {}

/// An iterator with a bar; [`progress`] makes it.
#[derive(Debug)]
pub struct Iter<I> {
    base: I,
    /// Items handed out, in a register where it can be.
    given: u64,
    /// The bar's counter, which nobody else writes.
    counter: Arc<Shard>,
    bar: Bar,
}

impl<I> Iter<I> {
    /// Sets the text in front of the bar.
    ///
    /// ```
    /// for _ in ferrolab::progress::progress(0..3).message("steps") {}
    /// ```
    #[must_use]
    pub fn message(self, text: impl Into<String>) -> Self {
        self.bar.set_message(text);
        self
    }

    /// Sets what is counted.
    ///
    /// ```
    /// for _ in ferrolab::progress::progress(0..3).unit("files") {}
    /// ```
    #[must_use]
    pub fn unit(self, unit: impl Into<Unit>) -> Self {
        self.bar.state().set_unit(unit.into());
        self
    }

    /// Sets the total of an iterator that does not know its length.
    ///
    /// ```
    /// let words = "a b c".split(' ');
    /// assert_eq!(ferrolab::progress::progress(words).total(3).count(), 3);
    /// ```
    #[must_use]
    pub fn total(self, total: u64) -> Self {
        self.bar.set_total(total);
        self
    }

    /// A handle of the bar, to change its message while the loop runs.
    ///
    /// ```
    /// let losses = ferrolab::progress::progress([0.5, 0.25]);
    /// let bar = losses.bar();
    /// for loss in losses {
    ///     bar.set_message(format!("loss {loss}"));
    /// }
    /// ```
    #[must_use]
    pub fn bar(&self) -> Bar {
        self.bar.clone()
    }

    /// Before an item: all that were handed out are done. A plain store; no other instruction
    /// that waits for anybody.
    #[inline(always)]
    fn before(&mut self) {
        self.counter.count.store(self.given, Ordering::Relaxed);
        if self.given == 0 {
            first(&self.bar);
        }
        if rt::interrupted() {
            interrupt(&self.bar);
        }
    }

    #[inline(always)]
    fn after<T>(&mut self, item: Option<T>) -> Option<T> {
        match item.is_some() {
            true => self.given += 1,
            false => self.bar.finish(),
        }
        item
    }
}

#[cold]
#[inline(never)]
fn first(bar: &Bar) {
    nest::enter(bar.state());
}

#[cold]
#[inline(never)]
fn interrupt(bar: &Bar) {
    bar.state().finish(Outcome::Interrupted);
    rt::check_interrupt();
}

impl<I> Drop for Iter<I> {
    fn drop(&mut self) {
        // Left early, perhaps with a handle of the bar still around.
        left(&self.bar);
    }
}

#[inline(never)]
fn left(bar: &Bar) {
    bar.state().finish(bar.state().fate());
}

impl<I: Iterator> Iterator for Iter<I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.before();
        let item = self.base.next();
        self.after(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.base.size_hint()
    }
}

impl<I: DoubleEndedIterator> DoubleEndedIterator for Iter<I> {
    #[inline]
    fn next_back(&mut self) -> Option<I::Item> {
        self.before();
        let item = self.base.next_back();
        self.after(item)
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Iter<I> {}
