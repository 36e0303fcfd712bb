//! The threads of this machine as a place where closures run.
//!
//! [`threads`] returns an executor with the functions of [`crate::par`], whose results come back
//! in a `Result`, as those of a cluster do: the same closure runs on either with one word changed.

use crate::par::{IntoTasks, Par, Stop};
use crate::rt;
use std::fmt;

/// Why parallel work has no result.
///
/// ```
/// let failed = ferrolab::threads::threads().map(0..3, |i| assert!(i != 1, "no"));
/// let error = failed.unwrap_err();
/// assert_eq!(error.task, Some(1));
/// assert_eq!(error.to_string(), "task 1 panicked: no");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// Index of the task that failed, when it was one.
    pub task: Option<usize>,
    /// What it said.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Some(task) => write!(f, "task {task} panicked: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// Runs closures on the threads granted to this session.
///
/// ```
/// # fn main() -> Result<(), ferrolab::threads::Error> {
/// let here = ferrolab::threads::threads();
/// let squares = here.map(0..4u64, |x| x * x)?;
/// assert_eq!(squares, [0, 1, 4, 9]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Threads {
    par: Par,
}

/// The threads granted to this session, as a place where closures run.
///
/// ```
/// assert!(ferrolab::threads::threads().count() >= 1);
/// ```
#[must_use]
pub fn threads() -> Threads {
    Threads::default()
}

impl Threads {
    /// How many threads there are.
    #[must_use]
    pub fn count(&self) -> usize {
        rt::threads()
    }

    /// Shows no progress bar.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.par = self.par.quiet();
        self
    }

    /// Names the work in its progress bar.
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        self.par = self.par.message(text);
        self
    }

    /// Calls `f` on every item in parallel; results in order.
    ///
    /// # Errors
    /// When a task panics.
    ///
    /// ```
    /// let lengths = ferrolab::threads::threads().map(&["a", "bc"], |s| s.len());
    /// assert_eq!(lengths, Ok(vec![1, 2]));
    /// ```
    pub fn map<S: IntoTasks, T: Send>(&self, tasks: S, f: impl Fn(S::Item) -> T + Sync) -> Result<Vec<T>, Error> {
        self.par.try_map(tasks, f).map_err(error)
    }

    /// Calls `f` on every item in parallel and keeps what is `Some`, in order.
    ///
    /// # Errors
    /// When a task panics.
    ///
    /// ```
    /// let odd = ferrolab::threads::threads().filter_map(0..5, |i| (i % 2 == 1).then_some(i));
    /// assert_eq!(odd, Ok(vec![1, 3]));
    /// ```
    pub fn filter_map<S: IntoTasks, T: Send>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> Option<T> + Sync,
    ) -> Result<Vec<T>, Error> {
        self.par.try_filter_map(tasks, f).map_err(error)
    }

    /// Calls `f` on every item in parallel, for its effect.
    ///
    /// # Errors
    /// When a task panics.
    ///
    /// ```
    /// let mut a = [1, 2];
    /// assert_eq!(ferrolab::threads::threads().for_each(&mut a, |x| *x += 1), Ok(()));
    /// assert_eq!(a, [2, 3]);
    /// ```
    pub fn for_each<S: IntoTasks>(&self, tasks: S, f: impl Fn(S::Item) + Sync) -> Result<(), Error> {
        self.par.try_for_each(tasks, f).map_err(error)
    }

    /// Combines all items with an associative `op`, starting from `identity`.
    ///
    /// # Errors
    /// When `op` panics.
    ///
    /// ```
    /// let top = ferrolab::threads::threads().reduce(vec![3, 9, 4], 0, |a, b| a.max(b));
    /// assert_eq!(top, Ok(9));
    /// ```
    pub fn reduce<S, T>(&self, tasks: S, identity: T, op: impl Fn(T, T) -> T + Sync) -> Result<T, Error>
    where
        S: IntoTasks<Item = T>,
        T: Clone + Send + Sync,
    {
        self.map_reduce(tasks, |item| item, identity, op)
    }

    /// Maps every item with `f` and combines the results with an associative `op`.
    ///
    /// # Errors
    /// When a task panics.
    ///
    /// ```
    /// let n = ferrolab::threads::threads().map_reduce(&["a", "bc"], |s| s.len(), 0, |a, b| a + b);
    /// assert_eq!(n, Ok(3));
    /// ```
    pub fn map_reduce<S, T>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> T + Sync,
        identity: T,
        op: impl Fn(T, T) -> T + Sync,
    ) -> Result<T, Error>
    where
        S: IntoTasks,
        T: Clone + Send + Sync,
    {
        self.par.try_map_reduce(tasks, f, identity, op).map_err(error)
    }
}

/// An interrupt is not an error to handle: it ends the cell.
fn error(stop: Stop) -> Error {
    match stop {
        Stop::Panicked { task, message } => Error { task: Some(task), message },
        Stop::Interrupted => stop.resume(),
    }
}
