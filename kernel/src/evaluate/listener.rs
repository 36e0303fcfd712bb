//! What the runner says while a cell runs, passed to the cell's output; a panic is kept until it
//! is known whether the cell ended with it.

use crate::output::{self, Kind, Output};
use crate::runner::host::{Listener, Panic, Shown};

/// The listener of one run.
pub(super) struct CellListener {
    pub(super) output: Output,
    pub(super) panic: Option<Panic>,
}

impl CellListener {
    pub(super) fn new(output: Output) -> Self {
        Self { output, panic: None }
    }

    /// A panic that is not the cell's end was caught by the cell, or was on another thread: Rust
    /// prints those, and so do we.
    pub(super) fn print_panic(&mut self) {
        let Some(panic) = self.panic.take() else { return };
        let thread = if panic.thread.is_empty() { "<unnamed>" } else { &panic.thread };
        self.output.note(&format!("thread '{thread}' panicked: {}", panic.message));
    }
}

impl Listener for CellListener {
    fn bytes(&mut self, error: bool, bytes: &[u8]) {
        self.output.bytes(error, bytes);
    }

    fn flush(&mut self) {
        self.output.flush();
    }

    fn display(&mut self, shown: Shown) {
        let kind = match (shown.update, shown.result) {
            (true, _) => Kind::Update,
            (false, true) => Kind::Result,
            (false, false) => Kind::Display,
        };
        self.output.display(kind, output::display(shown.data, &shown.metadata, shown.display_id));
    }

    fn clear(&mut self, wait: bool) {
        self.output.clear(wait);
    }

    fn panicked(&mut self, panic: Panic) {
        self.print_panic();
        self.panic = Some(panic);
    }

    fn renamed(&mut self, message: String) {
        if let Some(panic) = &mut self.panic {
            panic.message = message;
        }
    }

    fn note(&mut self, text: &str) {
        self.output.note(text);
    }

    fn input(&mut self, prompt: &str, password: bool) -> Option<String> {
        self.output.input(prompt, password)
    }
}
