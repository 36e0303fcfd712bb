//! How a run ended, what it used, and what became of the session. Words for users are found elsewhere.

use super::usage::Usage;
use ferrolab_base::frame::{Frame, Outcome};

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// As the cell itself said.
    Said(Outcome),
    /// The process died; how, in words.
    Died(String),
    /// The process died before the cell was sent to it; how, in words. The copy is from before the
    /// last cell that ran.
    Vanished(String),
    /// The cell did not look at an interrupt and was ended.
    Stopped,
    /// The session was ended while the cell ran.
    Dismissed,
}

/// The end of a run and what became of the variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// How.
    pub end: End,
    /// True when the variables are as they were before the cell.
    pub restored: bool,
    /// True when the runner is gone and all variables with it.
    pub gone: bool,
    /// Variables that a failed cell took with it, or whose large data went with the process.
    pub lost: Vec<String>,
    /// Restored variables that the cell had moved, so that they were dropped in the process that ended.
    pub dropped: Vec<String>,
    /// What earlier cells made and a copy has not, because of which the process goes on: in words.
    pub alive: Vec<String>,
    /// What of that went with the process.
    pub went: Vec<String>,
    /// Restored variables with large data that is as the cell left it.
    pub shared: Vec<String>,
    /// Resources, when the cell ended by itself.
    pub usage: Option<Usage>,
}

impl Ended {
    /// An end after which nothing else is known.
    pub(super) fn of(end: End, usage: Option<Usage>) -> Self {
        let [lost, dropped, alive, went, shared] = [const { Vec::new() }; 5];
        Self { end, restored: false, gone: false, lost, dropped, alive, went, shared, usage }
    }
}

/// A copy that took over.
pub(super) struct Successor {
    pub(super) pid: i32,
    pub(super) keeper: i32,
    pub(super) went: Vec<String>,
    pub(super) shared: Vec<String>,
    pub(super) lost: Vec<String>,
}

impl Successor {
    pub(super) fn of(frame: Frame) -> Option<Self> {
        let Frame::TookOver { pid, keeper, gone: went, shared, lost } = frame else { return None };
        Some(Self { pid: pid as i32, keeper: keeper as i32, went, shared, lost })
    }
}
