//! Bars around ordinary iterators.

use super::state::{Outcome, State, Tick};
use super::{Bar, Unit};
use crate::rt;
use std::sync::Arc;

/// Shows how far a loop is.
///
/// An item counts as done when the next one is asked for. The loop stops when the user
/// interrupts.
///
/// ```
/// let mut sum = 0;
/// for i in ferrolab::progress::progress(0..10) {
///     sum += i;
/// }
/// assert_eq!(sum, 45);
/// ```
pub fn progress<I: IntoIterator>(iter: I) -> Iter<I::IntoIter> {
    let base = iter.into_iter();
    let total = match base.size_hint() {
        (low, Some(high)) if low == high => Some(high as u64),
        _ => None,
    };
    let bar = total.map_or_else(Bar::unknown, Bar::new);
    Iter { base, tick: bar.state().tick(), pending: 0, bar }
}

/// `.progress()` on every iterator.
///
/// ```
/// use ferrolab::progress::ProgressIterator;
/// assert_eq!((0..10).progress().filter(|i| i % 2 == 0).count(), 5);
/// ```
pub trait ProgressIterator: Iterator + Sized {
    /// See [`progress`].
    fn progress(self) -> Iter<Self> {
        progress(self)
    }
}
impl<I: Iterator> ProgressIterator for I {}

/// An iterator with a bar; [`progress`] makes it.
#[derive(Debug)]
pub struct Iter<I> {
    base: I,
    /// Where it counts; nobody else counts in this bar, so one place serves any thread.
    tick: Tick,
    pending: u64,
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

    #[cfg(test)]
    pub(super) fn clone_bar(&self) -> Bar {
        self.bar.clone()
    }

    fn state(&self) -> &Arc<State> {
        self.bar.state()
    }

    #[inline]
    fn before(&mut self) {
        if rt::interrupted() {
            self.interrupt();
        }
        self.bar.handle.state.add_at(self.tick, self.pending);
        self.pending = 0;
    }

    #[cold]
    #[inline(never)]
    fn interrupt(&self) {
        self.state().finish(Outcome::Interrupted);
        rt::check_interrupt();
    }
}

impl<I: Iterator> Iterator for Iter<I> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.before();
        let item = self.base.next();
        match item.is_some() {
            true => self.pending = 1,
            false => self.bar.finish(),
        }
        item
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
        match item.is_some() {
            true => self.pending = 1,
            false => self.bar.finish(),
        }
        item
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Iter<I> {}
