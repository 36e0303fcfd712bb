//! The typed side of the parallel loops: thin closures around [`drive`].

use super::drive::{At, Body, Failure, Job, Stop, drive};
use super::fresh::Fresh;
use super::source::{IntoTasks, Tasks};
use std::mem::{forget, needs_drop};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// A parallel loop with options; [`super::quiet`] and [`super::message`] make one.
///
/// ```
/// let n = ferrolab::par::message("sum").quiet().map_reduce(0..10, |i| i, 0, |a, b| a + b);
/// assert_eq!(n, 45);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Par {
    pub(super) job: Job,
}

/// A pointer that closures may share: each range of what it points to is written by one thread.
pub(super) struct Out<T>(pub(super) *mut T);
// SAFETY: `drive` gives every index to one call only, and the values move between threads, which
// `T: Send` allows.
unsafe impl<T: Send> Sync for Out<T> {}
impl<T> Out<T> {
    // A method, so that closures capture the whole `Out` and not the pointer in it.
    /// # Safety
    /// `index` is within what was allocated.
    #[inline]
    pub(super) unsafe fn at(&self, index: usize) -> *mut T {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(index) }
    }

    /// # Safety
    /// The range is within what was allocated and written, and nobody else touches it while the slice lives.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the caller promises what the borrow checker cannot see")]
    pub(super) unsafe fn slice(&self, range: Range<usize>) -> &mut [T] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}

impl Par {
    /// The default: with progress.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// See [`super::map`].
    ///
    /// # Panics
    /// When a task panics.
    pub fn map<S: IntoTasks, T: Send>(&self, tasks: S, f: impl Fn(S::Item) -> T + Sync) -> Vec<T> {
        self.try_map(tasks, f).unwrap_or_else(|stop| stop.resume())
    }

    /// See [`super::for_each`].
    ///
    /// # Panics
    /// When a task panics.
    pub fn for_each<S: IntoTasks>(&self, tasks: S, f: impl Fn(S::Item) + Sync) {
        self.try_for_each(tasks, f).unwrap_or_else(|stop| stop.resume());
    }

    /// See [`super::filter_map`].
    ///
    /// # Panics
    /// When a task panics.
    pub fn filter_map<S: IntoTasks, T: Send>(&self, tasks: S, f: impl Fn(S::Item) -> Option<T> + Sync) -> Vec<T> {
        self.try_filter_map(tasks, f).unwrap_or_else(|stop| stop.resume())
    }

    /// See [`super::reduce`].
    ///
    /// # Panics
    /// When `op` panics.
    pub fn reduce<S, T>(&self, tasks: S, identity: T, op: impl Fn(T, T) -> T + Sync) -> T
    where
        S: IntoTasks<Item = T>,
        T: Clone + Send + Sync,
    {
        self.map_reduce(tasks, |item| item, identity, op)
    }

    /// See [`super::map_reduce`].
    ///
    /// # Panics
    /// When a task panics.
    pub fn map_reduce<S, T>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> T + Sync,
        identity: T,
        op: impl Fn(T, T) -> T + Sync,
    ) -> T
    where
        S: IntoTasks,
        T: Clone + Send + Sync,
    {
        self.try_map_reduce(tasks, f, identity, op).unwrap_or_else(|stop| stop.resume())
    }

    pub(crate) fn try_map<S: IntoTasks, T: Send>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> T + Sync,
    ) -> Result<Vec<T>, Stop> {
        let tasks = tasks.into_tasks();
        let len = tasks.size();
        let mut results: Vec<T> = Vec::with_capacity(len);
        let out = Out(results.as_mut_ptr());
        let body = |range: Range<usize>, at: &mut usize| {
            let start = range.start;
            // SAFETY: `drive` passes ranges within `0..len`, none twice; `index < len` is within the
            // capacity, and nobody else writes there. The pointer is a local, so that no write can
            // be one to it.
            unsafe {
                let part = out.at(start);
                each(&tasks, range, at, |index, item| part.add(index - start).write(f(item)));
            }
        };
        let ended = drive(len, 1, &self.job, Body::new(&body).with(Fresh::of(out.0, len)));
        // SAFETY: the loop is over, and `len` is the number of tasks.
        unsafe { discard(&tasks, len, &ended) };
        match ended {
            Ok(()) => {
                // SAFETY: `drive` returned Ok, so every index was written.
                unsafe { results.set_len(len) };
                Ok(results)
            }
            Err(failure) => {
                // SAFETY: these were written, and `results` is still empty.
                unsafe { drop_finished(&out, &failure) };
                Err(failure.stop)
            }
        }
    }

    pub(crate) fn try_for_each<S: IntoTasks>(&self, tasks: S, f: impl Fn(S::Item) + Sync) -> Result<(), Stop> {
        let tasks = tasks.into_tasks();
        let len = tasks.size();
        let body = |range: Range<usize>, at: &mut usize| {
            // SAFETY: `drive` passes ranges within `0..len`, none twice.
            unsafe { each(&tasks, range, at, |_, item| f(item)) }
        };
        let ended = drive(len, 1, &self.job, Body::new(&body));
        // SAFETY: the loop is over, and `len` is the number of tasks.
        unsafe { discard(&tasks, len, &ended) };
        ended.map_err(|failure| failure.stop)
    }

    pub(crate) fn try_filter_map<S: IntoTasks, T: Send>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> Option<T> + Sync,
    ) -> Result<Vec<T>, Stop> {
        let tasks = tasks.into_tasks();
        let len = tasks.size();
        let parts: Mutex<Vec<(usize, Vec<T>)>> = Mutex::new(Vec::new());
        let body = |range: Range<usize>, at: &mut usize| {
            let mut kept = Vec::new();
            let start = range.start;
            // SAFETY: `drive` passes ranges within `0..len`, none twice.
            unsafe { each(&tasks, range, at, |_, item| kept.extend(f(item))) };
            parts.lock().unwrap_or_else(PoisonError::into_inner).push((start, kept));
        };
        let ended = drive(len, 1, &self.job, Body::new(&body));
        // SAFETY: the loop is over, and `len` is the number of tasks.
        unsafe { discard(&tasks, len, &ended) };
        ended.map_err(|failure| failure.stop)?;
        let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        parts.sort_unstable_by_key(|(start, _)| *start);
        let mut all = Vec::with_capacity(parts.iter().map(|(_, kept)| kept.len()).sum());
        parts.into_iter().for_each(|(_, mut kept)| all.append(&mut kept));
        Ok(all)
    }
}

/// Calls `f` with every index of a range and its item; says in `at` where it unwinds.
///
/// # Safety
/// `range` is within the tasks, and no item of it is taken elsewhere.
#[inline(always)]
pub(super) unsafe fn each<S: Tasks>(tasks: &S, range: Range<usize>, at: &mut usize, mut f: impl FnMut(usize, S::Item)) {
    let mut start = range.start;
    while start < range.end {
        let end = tasks.stretch(start..range.end);
        // SAFETY: within the tasks, by the contract.
        let base = unsafe { tasks.base(start) };
        let call = |k, item| {
            let guard = At { task: start + k, out: &mut *at };
            f(start + k, item);
            forget(guard);
        };
        // SAFETY: within the stretch, and taken only here, by the contract.
        unsafe { tasks.walk(base, end - start, call) };
        start = end;
    }
}

/// Drops the items that a loop over `0..len` did not take: those beyond `len` (when a longer one was
/// zipped with a shorter one), and those that were left when it ended early.
///
/// # Safety
/// The loop is over, took its items as [`each`] does, and this is called once.
pub(super) unsafe fn discard<S: Tasks>(tasks: &S, len: usize, ended: &Result<(), Failure>) {
    if !needs_drop::<S::Item>() {
        return;
    }
    match ended {
        // SAFETY: the loop took no item from `len` on.
        Ok(()) => unsafe { tasks.discard(len..usize::MAX) },
        // SAFETY: `untouched` names what no task began with, each index once.
        Err(failure) => failure.untouched().into_iter().for_each(|range| unsafe { tasks.discard(range) }),
    }
}

/// Drops the results of a loop that ended early.
///
/// # Safety
/// `out` has the results that [`each`] wrote, and nobody else drops them.
#[cold]
pub(super) unsafe fn drop_finished<T>(out: &Out<T>, failure: &Failure) {
    if !needs_drop::<T>() {
        return;
    }
    // SAFETY: every index of a finished task was written.
    failure.finished().into_iter().flatten().for_each(|index| unsafe { out.at(index).drop_in_place() });
}
