//! What the runner says while a cell runs, passed to the cell's output; a panic is kept until it
//! is known whether the cell ended with it.

use std::time::Instant;

use crate::output::{self, DisplayKind, Output};
use crate::runner::host::{Listener, Panic, Shown};

/// Panics that are remembered of one run; a loop may catch thousands.
const REMEMBERED: usize = 20;
/// Bytes of standard error that are looked at when a cell fails.
const LAST_WORDS: usize = 4096;

/// The listener of one run.
pub(super) struct CellListener {
    pub(super) output: Output,
    /// In order; the last is the one a panicking cell ended with.
    pub(super) panics: Vec<Panic>,
    /// The end of what was written to standard error.
    pub(super) said: Vec<u8>,
}

impl CellListener {
    pub(super) fn new(output: Output) -> Self {
        Self { output, panics: Vec::new(), said: Vec::new() }
    }
}

impl Listener for CellListener {
    fn bytes(&mut self, error: bool, bytes: &[u8]) {
        self.output.bytes(error, bytes);
        if error {
            self.said.extend_from_slice(&bytes[bytes.len().saturating_sub(LAST_WORDS)..]);
            let beyond = self.said.len().saturating_sub(LAST_WORDS);
            self.said.drain(..beyond);
        }
    }

    fn flush(&mut self) -> Option<Instant> {
        self.output.flush()
    }

    fn display(&mut self, shown: Shown) {
        let kind = match (shown.update, shown.result) {
            (true, _) => DisplayKind::Update,
            (false, true) => DisplayKind::Result,
            (false, false) => DisplayKind::Display,
        };
        self.output.display(kind, output::display(shown.data, &shown.metadata, shown.display_id));
    }

    fn clear(&mut self, wait: bool) {
        self.output.clear(wait);
    }

    fn panicked(&mut self, panic: Panic) {
        if self.panics.len() == REMEMBERED {
            self.panics.remove(1);
        }
        self.panics.push(panic);
    }

    fn renamed(&mut self, message: String) {
        if let Some(panic) = self.panics.last_mut() {
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
