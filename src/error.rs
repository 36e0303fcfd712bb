//! Why parallel work has no result, wherever it ran. It reports nothing; who makes one says what happened.

use crate::value::Fault;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why parallel work, here or on a cluster, has no result.
///
/// ```
/// use ferrolab::executor::ErrorKind;
/// let failed = ferrolab::threads::threads().map(0..3, |i| assert!(i != 1, "no"));
/// let error = failed.unwrap_err();
/// assert_eq!((error.kind, error.task), (ErrorKind::Panicked, Some(1)));
/// assert_eq!(error.to_string(), "task 1 panicked: no");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    /// What kind of failure it is: what a program can decide by.
    pub kind: ErrorKind,
    /// Index of the task that failed, when it was one.
    pub task: Option<usize>,
    /// Name of the worker it ran on, when that is known.
    pub worker: Option<String>,
    /// What went wrong.
    pub message: String,
}

/// What a program may want to tell apart in an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The closure panicked: the same task will panic again.
    Panicked,
    /// A task ended its worker's process, several times.
    Killed,
    /// Serde cannot write a value, or cannot read it again.
    Unsendable,
    /// The task was given up.
    Cancelled,
    /// Who had the work or its result is not there any more, or does not answer.
    Lost,
    /// What was asked for cannot be done; the message says what can.
    Refused,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, task: None, worker: None, message: message.into() }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Lost, message)
    }

    pub(crate) fn unsendable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsendable, message)
    }

    pub(crate) fn panicked(task: usize, message: String) -> Self {
        Self { task: Some(task), ..Self::new(ErrorKind::Panicked, message) }
    }
}

/// What was written to be sent.
#[inline(never)]
pub(crate) fn sendable(what: &str, written: Result<Vec<u8>, Fault>) -> Result<Vec<u8>, Error> {
    written.map_err(|e| Error::unsendable(format!("{what} cannot be sent: {e}")))
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
