//! `.progress()` on rayon's parallel iterators: a bar, and an end to the loop when the user
//! interrupts.

use super::state::{Outcome, Shard, Start, State};
use super::{Bar, Inside, Unit, nest};
use crate::rt;
use rayon::iter::plumbing::{Consumer, Folder, Producer, ProducerCallback, UnindexedConsumer};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// `.progress()` on every rayon iterator.
///
/// ```
/// use ferrolab::progress::ParallelProgress;
/// use rayon::prelude::*;
/// let sum: u64 = (0..1000u64).into_par_iter().progress().map(|i| i * 2).sum();
/// assert_eq!(sum, 999_000);
/// ```
pub trait ParallelProgress: ParallelIterator {
    /// Shows how many items have been taken up, and stops when the user interrupts.
    #[track_caller]
    fn progress(self) -> Parallel<Self> {
        let total = self.opt_len().map(|total| total as u64);
        let start = Start { total, serial: false, place: Location::caller(), parent: nest::current() };
        Parallel { base: self, bar: Bar::of(State::explicit(start)) }
    }
}
impl<I: ParallelIterator> ParallelProgress for I {}

/// A parallel iterator with a bar; [`ParallelProgress`] makes it.
#[derive(Debug)]
pub struct Parallel<I> {
    base: I,
    bar: Bar,
}

impl<I> Parallel<I> {
    /// Sets the text in front of the bar.
    #[must_use]
    pub fn message(self, text: impl Into<String>) -> Self {
        self.bar.set_message(text);
        self
    }

    /// Sets what is counted.
    #[must_use]
    pub fn unit(self, unit: impl Into<Unit>) -> Self {
        self.bar.state().set_unit(unit.into());
        self
    }

    /// A handle of the bar, to change its message while the loop runs.
    #[must_use]
    pub fn bar(&self) -> Bar {
        self.bar.clone()
    }

    /// Shows as well what each thread has done, as small bars.
    ///
    /// ```
    /// use ferrolab::progress::ParallelProgress;
    /// use rayon::prelude::*;
    /// assert_eq!((0..1000).into_par_iter().progress().lanes().count(), 1000);
    /// ```
    #[must_use]
    pub fn lanes(self) -> Self {
        self.bar.state().show_lanes();
        self
    }
}

impl<I: ParallelIterator> ParallelIterator for Parallel<I> {
    type Item = I::Item;

    fn drive_unindexed<C: UnindexedConsumer<I::Item>>(self, consumer: C) -> C::Result {
        let state = Arc::clone(self.bar.state());
        let result = self.base.drive_unindexed(Counted { base: consumer, state });
        // Interrupted, the consumer took no more: what there is of a result is nobody's.
        check(self.bar.state());
        result
    }

    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Parallel<I> {
    fn len(&self) -> usize {
        self.base.len()
    }

    fn drive<C: Consumer<I::Item>>(self, consumer: C) -> C::Result {
        let state = Arc::clone(self.bar.state());
        let result = self.base.drive(Counted { base: consumer, state });
        check(self.bar.state());
        result
    }

    fn with_producer<CB: ProducerCallback<I::Item>>(self, callback: CB) -> CB::Output {
        struct Wrap<CB> {
            callback: CB,
            state: Arc<State>,
        }
        impl<T, CB: ProducerCallback<T>> ProducerCallback<T> for Wrap<CB> {
            type Output = CB::Output;
            fn callback<P: Producer<Item = T>>(self, base: P) -> CB::Output {
                self.callback.callback(Counted { base, state: self.state })
            }
        }
        let state = Arc::clone(self.bar.state());
        // `self.bar` lives to the end of this call: its drop paints the last state.
        self.base.with_producer(Wrap { callback, state })
    }
}

/// A producer, consumer, folder or iterator that counts.
#[derive(Debug)]
struct Counted<B> {
    base: B,
    state: Arc<State>,
}

impl<P: Producer> Producer for Counted<P> {
    type Item = P::Item;
    type IntoIter = Ticking<P::IntoIter>;

    fn into_iter(self) -> Self::IntoIter {
        Ticking::new(self.base.into_iter(), self.state)
    }

    fn min_len(&self) -> usize {
        self.base.min_len()
    }

    fn max_len(&self) -> usize {
        self.base.max_len()
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        // Here, and not with the first item of each part: a part that ends at once is followed by
        // one that another thread takes and splits again, and so on through all of a long range.
        check(&self.state);
        let (left, right) = self.base.split_at(index);
        let state = Arc::clone(&self.state);
        (Self { base: left, state }, Self { base: right, state: self.state })
    }
}

/// Where a part of an iteration counts.
#[derive(Debug)]
struct Count {
    counter: Arc<Shard>,
    /// What stands there, while nobody else writes it.
    own: Option<u64>,
}

impl Count {
    fn of(state: &State) -> Self {
        match state.lane() {
            Some(counter) => {
                let own = Some(counter.count.load(Ordering::Relaxed));
                Self { counter, own }
            }
            None => Self { counter: Arc::clone(state.common()), own: None },
        }
    }

    #[inline(always)]
    fn one(&mut self) {
        match &mut self.own {
            Some(count) => {
                *count += 1;
                self.counter.count.store(*count, Ordering::Relaxed);
            }
            None => self.counter.add(false, 1),
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        if self.own.is_some() {
            self.counter.release();
        }
    }
}

/// The part of an iteration that runs on one thread.
#[derive(Debug)]
struct Ticking<B> {
    base: B,
    state: Arc<State>,
    count: Count,
    /// Bars made by the loop's body stand below.
    _inside: Inside,
}

impl<B> Ticking<B> {
    /// On the thread that iterates.
    fn new(base: B, state: Arc<State>) -> Self {
        let (count, inside) = (Count::of(&state), Inside::of(&state));
        Self { base, state, count, _inside: inside }
    }
}

#[inline(always)]
fn check(bar: &State) {
    if rt::interrupted() {
        interrupt(bar);
    }
}

#[cold]
#[inline(never)]
fn interrupt(bar: &State) {
    bar.finish(Outcome::Interrupted);
    rt::check_interrupt();
}

impl<I: Iterator> Iterator for Ticking<I> {
    type Item = I::Item;
    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        let item = self.base.next()?;
        check(&self.state);
        self.count.one();
        Some(item)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.base.size_hint()
    }
}
impl<I: DoubleEndedIterator> DoubleEndedIterator for Ticking<I> {
    #[inline]
    fn next_back(&mut self) -> Option<I::Item> {
        let item = self.base.next_back()?;
        check(&self.state);
        self.count.one();
        Some(item)
    }
}
impl<I: ExactSizeIterator> ExactSizeIterator for Ticking<I> {}

impl<T, C: Consumer<T>> Consumer<T> for Counted<C> {
    type Folder = Ticking<C::Folder>;
    type Reducer = C::Reducer;
    type Result = C::Result;

    fn split_at(self, index: usize) -> (Self, Self, C::Reducer) {
        let (left, right, reducer) = self.base.split_at(index);
        let state = Arc::clone(&self.state);
        (Self { base: left, state }, Self { base: right, state: self.state }, reducer)
    }

    fn into_folder(self) -> Self::Folder {
        Ticking::new(self.base.into_folder(), self.state)
    }

    fn full(&self) -> bool {
        // Who interrupts stops all parts without unwinding any; see `check` where they come together.
        rt::interrupted() || self.base.full()
    }
}

impl<T, C: UnindexedConsumer<T>> UnindexedConsumer<T> for Counted<C> {
    fn split_off_left(&self) -> Self {
        Self { base: self.base.split_off_left(), state: Arc::clone(&self.state) }
    }

    fn to_reducer(&self) -> C::Reducer {
        self.base.to_reducer()
    }
}

impl<T, F: Folder<T>> Folder<T> for Ticking<F> {
    type Result = F::Result;

    fn consume(mut self, item: T) -> Self {
        self.count.one();
        self.base = self.base.consume(item);
        self
    }

    fn complete(self) -> F::Result {
        self.base.complete()
    }

    fn full(&self) -> bool {
        rt::interrupted() || self.base.full()
    }
}
