//! What can go wrong with an environment, in words for the user. It decides nothing.

use std::fmt;

/// Which part failed, for callers that treat kinds differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentFault {
    /// No usable Rust toolchain.
    Toolchain,
    /// The cache directory cannot be used.
    Cache,
    /// A dependency is written wrongly or does not exist as written.
    Dependency,
    /// Something is not on this machine and the network is out of reach.
    Offline,
    /// cargo or rustc failed on code that is not the user's cell.
    Build,
    /// The caller asked to stop.
    Cancelled,
}

/// An environment that could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentError {
    /// Which part failed.
    pub kind: EnvironmentFault,
    /// One sentence that says what happened.
    pub message: String,
    /// Lines of a tool's own output; may be empty.
    pub details: String,
    /// What the user can do; may be empty.
    pub help: String,
    /// Line of the user's text, from 1, for dependencies that are written wrongly.
    pub line: Option<usize>,
}

impl EnvironmentError {
    pub(super) fn new(kind: EnvironmentFault, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), details: String::new(), help: String::new(), line: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    pub(super) fn details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    pub(super) fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    pub(super) fn cancelled() -> Self {
        Self::new(EnvironmentFault::Cancelled, "interrupted while preparing the environment")
    }
}

impl fmt::Display for EnvironmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)?;
        if !self.details.is_empty() {
            write!(f, "\n\n{}", self.details.trim_end())?;
        }
        if !self.help.is_empty() {
            write!(f, "\n\nhelp: {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for EnvironmentError {}
