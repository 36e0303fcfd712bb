//! The traits a session asks for: something that evaluates cells, and somewhere their output goes.
//!
//! The session room knows nothing of rustc, processes or sockets; whoever runs cells implements
//! [`Evaluator`], whoever shows their output implements [`Sink`]. This file holds no behaviour.

use std::sync::Arc;

use serde_json::{Map, Value};

/// A cell as a frontend sent it.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The text.
    pub code: String,
    /// The number it is shown with, from 1. Silent cells carry the number of the cell to come.
    pub number: u32,
    /// True when nothing must be published besides what the user asks for, and no result.
    pub silent: bool,
    /// Whether the frontend can answer [`Sink::input`].
    pub allow_stdin: bool,
}

/// Which of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A value to show.
#[derive(Debug, Clone, Default)]
pub struct Display {
    /// Representations by MIME type, as Jupyter wants them: text types and SVG as strings, JSON
    /// types as JSON, binary types (PNG, JPEG, PDF) as base64 strings.
    pub data: Map<String, Value>,
    /// Jupyter's display metadata.
    pub metadata: Map<String, Value>,
    /// `transient.display_id`.
    pub display_id: Option<String>,
}

/// Where the output of one cell goes. Calls come in the order in which things happened, from any
/// thread, one at a time. What an implementation says nothing of is dropped.
pub trait Sink: Send + Sync {
    /// Text a cell wrote.
    fn stream(&self, _stream: Stream, _text: &str) {}
    /// `display_data`.
    fn display(&self, _display: Display) {}
    /// `update_display_data`; a display id nobody displayed is still sent, as frontends expect.
    fn update(&self, _display: Display) {}
    /// `execute_result`: the value of the trailing expression.
    fn result(&self, _display: Display) {}
    /// Help the user asked for: a pager where the frontend has one, among the outputs elsewhere.
    fn page(&self, display: Display) {
        self.display(display);
    }
    /// `clear_output`.
    fn clear(&self, _wait: bool) {}
    /// Ask the user for a line; waits. `None` when there is nobody to ask or the wait was
    /// interrupted.
    fn input(&self, _prompt: &str, _password: bool) -> Option<String> {
        None
    }
}

/// An error as Jupyter shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellError {
    /// `ename`: the kind of error, a short name such as `E0308`, `panic`, `Interrupted`.
    pub name: String,
    /// `evalue`: one line of plain text.
    pub value: String,
    /// `traceback`: what is shown, with ANSI colours, a block of text each.
    pub traceback: Vec<String>,
}

/// What came of a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It ran to its end.
    Ok,
    /// It failed.
    Error(CellError),
    /// It asked to end the session (`:quit`).
    Quit,
}

/// Where a session is after it went back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoneBack {
    /// How many of the cells that were remembered have an effect still: the first ones.
    pub cells: usize,
    /// Why these are fewer than wanted, for the user.
    pub why: Option<String>,
}

/// What a session runs cells with. It is used from one thread, cell by cell.
pub trait Evaluator: Send {
    /// Called once, before the first cell, when [`Evaluator::insight`] is being asked already: what takes time
    /// until a cell can run belongs here, and not into the evaluator's making.
    fn prepare(&mut self) {}
    /// Run a cell to its end; its output has all gone to `sink` when this returns.
    fn execute(&mut self, cell: &Cell, sink: &Arc<dyn Sink>) -> Verdict;
    /// Evaluate one of `user_expressions`, quietly: the display of its value, or its error.
    fn expression(&mut self, code: &str) -> Result<Display, CellError>;
    /// Remember from now on what each cell does, for [`Evaluator::go_back`].
    fn remember(&mut self) {}
    /// Take back all cells but the first `cells` of those that were remembered, and more of them where that is needed to
    /// be sure that nothing of the others is left. None when the evaluator cannot.
    fn go_back(&mut self, _cells: usize, _sink: &Arc<dyn Sink>) -> Option<GoneBack> {
        None
    }
    /// The part that answers while a cell runs.
    fn insight(&self) -> Arc<dyn Insight>;
}

/// Matches for a completion, in characters of the request's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completions {
    /// Where the text to replace starts, in Unicode code points.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The matches, best first, with their kind (`function`, `variable`, `keyword`, …) and
    /// signature or type (may be empty).
    pub matches: Vec<Completion>,
}

/// One match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What replaces the text.
    pub text: String,
    /// Its kind, as `_jupyter_types_experimental` names them.
    pub kind: String,
    /// Its signature or type.
    pub signature: String,
}

/// Whether a text is a whole cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// Ready to run.
    Complete,
    /// Something is still open; the next line starts with this indent.
    Incomplete {
        /// Spaces.
        indent: String,
    },
    /// No continuation can mend it.
    Invalid,
}

/// What the session's processes use now.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// CPU of kernel and runner since the last question, per cent of one core.
    pub cpu_percent: f64,
    /// Resident memory of kernel and runner, bytes.
    pub memory_bytes: u64,
    /// Process id of the process that holds the variables.
    pub pid: u32,
}

/// What answers while a cell runs, from any thread.
pub trait Insight: Send + Sync {
    /// Complete at a cursor, counted in Unicode code points.
    fn complete(&self, code: &str, cursor: usize) -> Completions;
    /// Describe what stands at a cursor: representations by MIME type, or nothing known.
    fn inspect(&self, code: &str, cursor: usize, detail: u8) -> Option<Map<String, Value>>;
    /// What the session knows by name: `variables`, `items`, `crates`. None when this cannot be told.
    fn state(&self) -> Option<Value> {
        None
    }
    /// What is wrong with a text, without running it or changing anything: the content of a `check_reply`. None when this
    /// cannot be told. It may take as long as compiling does.
    fn check(&self, _code: &str) -> Option<Value> {
        None
    }
    /// Is this text a whole cell?
    fn is_complete(&self, code: &str) -> Completeness;
    /// Stop the running cell, if one runs. Returns at once.
    fn interrupt(&self);
    /// End every process of the session, now; a running cell returns with an error.
    fn shutdown(&self);
    /// What the session uses.
    fn usage(&self) -> Usage;
}
