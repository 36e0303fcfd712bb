//! The typed side of the parallel loops: thin closures around [`drive`].

use super::drive::{At, Job, Stop, drive};
use super::source::{IntoTasks, Tasks};
use std::mem::forget;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Reductions combine this many partial results at most.
const BLOCKS: usize = 4096;

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
struct Out<T>(*mut T);
// SAFETY: `drive` gives every index to one call only, and the values move between threads, which
// `T: Send` allows.
unsafe impl<T: Send> Sync for Out<T> {}
impl<T> Out<T> {
    // A method, so that closures capture the whole `Out` and not the pointer in it.
    fn at(&self, index: usize) -> *mut T {
        // SAFETY: callers pass an index within the allocation.
        unsafe { self.0.add(index) }
    }
}

impl Par {
    /// The default: with progress.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Shows no progress bar.
    ///
    /// ```
    /// ferrolab::par::message("x").quiet().for_each(0..3, |_| ());
    /// ```
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.job.quiet = true;
        self
    }

    /// Names the work in its progress bar.
    ///
    /// ```
    /// ferrolab::par::quiet().message("nobody sees this").for_each(0..3, |_| ());
    /// ```
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        self.job.message = text.to_owned();
        self
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
            // SAFETY: `drive` passes ranges within `0..len` and none twice.
            let items = unsafe { tasks.take(range.clone()) };
            for (index, item) in range.zip(items) {
                let guard = At { task: index, out: at };
                let result = f(item);
                forget(guard);
                // SAFETY: `index < len`, the capacity; nobody else writes there.
                unsafe { out.at(index).write(result) };
            }
        };
        // When a task panics, the results of the others are leaked with `results` still empty.
        drive(len, 1, &self.job, &body)?;
        // SAFETY: `drive` returned Ok, so every index was written.
        unsafe { results.set_len(len) };
        Ok(results)
    }

    pub(crate) fn try_for_each<S: IntoTasks>(&self, tasks: S, f: impl Fn(S::Item) + Sync) -> Result<(), Stop> {
        let tasks = tasks.into_tasks();
        let body = |range: Range<usize>, at: &mut usize| {
            // SAFETY: `drive` passes ranges within `0..len` and none twice.
            let items = unsafe { tasks.take(range.clone()) };
            for (index, item) in range.zip(items) {
                let guard = At { task: index, out: at };
                f(item);
                forget(guard);
            }
        };
        drive(tasks.size(), 1, &self.job, &body)
    }

    pub(crate) fn try_filter_map<S: IntoTasks, T: Send>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> Option<T> + Sync,
    ) -> Result<Vec<T>, Stop> {
        let tasks = tasks.into_tasks();
        let parts: Mutex<Vec<(usize, Vec<T>)>> = Mutex::new(Vec::new());
        let body = |range: Range<usize>, at: &mut usize| {
            let mut kept = Vec::new();
            let start = range.start;
            // SAFETY: `drive` passes ranges within `0..len` and none twice.
            let items = unsafe { tasks.take(range.clone()) };
            for (index, item) in range.zip(items) {
                let guard = At { task: index, out: at };
                kept.extend(f(item));
                forget(guard);
            }
            push(&parts, (start, kept));
        };
        drive(tasks.size(), 1, &self.job, &body)?;
        Ok(sorted(parts).into_iter().flat_map(|(_, kept)| kept).collect())
    }

    pub(crate) fn try_map_reduce<S, T>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> T + Sync,
        identity: T,
        op: impl Fn(T, T) -> T + Sync,
    ) -> Result<T, Stop>
    where
        S: IntoTasks,
        T: Clone + Send + Sync,
    {
        let tasks = tasks.into_tasks();
        let len = tasks.size();
        // Blocks depend on the length alone, never on timing or threads: that makes the order of
        // floating-point operations, and so the result, the same every time.
        let block = len.div_ceil(BLOCKS).max(16);
        let parts: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::new());
        let body = |range: Range<usize>, at: &mut usize| {
            let mut start = range.start;
            while start < range.end {
                let end = (start + block).min(range.end);
                let mut total = identity.clone();
                // SAFETY: `drive` passes ranges within `0..len` and none twice; blocks split them.
                let items = unsafe { tasks.take(start..end) };
                for (index, item) in (start..end).zip(items) {
                    let guard = At { task: index, out: at };
                    total = op(total, f(item));
                    forget(guard);
                }
                push(&parts, (start, total));
                start = end;
            }
        };
        drive(len, block, &self.job, &body)?;
        let parts = sorted(parts).into_iter().map(|(_, part)| part);
        Ok(parts.reduce(&op).unwrap_or(identity))
    }
}

fn push<T>(parts: &Mutex<Vec<T>>, part: T) {
    parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
}

fn sorted<T>(parts: Mutex<Vec<(usize, T)>>) -> Vec<(usize, T)> {
    let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
    parts.sort_unstable_by_key(|(start, _)| *start);
    parts
}
