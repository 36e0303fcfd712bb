//! Why parallel work has no result, on threads or on a cluster.

use std::fmt;

/// Why parallel work, here or on a cluster, has no result.
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
    /// Name of the worker it ran on, when that is known.
    pub worker: Option<String>,
    /// What went wrong.
    pub message: String,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { task: None, worker: None, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.task, &self.worker) {
            (Some(task), Some(worker)) => write!(f, "task {task} panicked on {worker}: {}", self.message),
            (Some(task), None) => write!(f, "task {task} panicked: {}", self.message),
            (None, Some(worker)) => write!(f, "{} ({worker})", self.message),
            (None, None) => f.write_str(&self.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
