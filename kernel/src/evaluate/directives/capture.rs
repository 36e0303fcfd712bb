//! `%%capture`: a cell runs without showing what it puts out.

use std::sync::{Mutex, PoisonError};

use super::definition::{Definition, Engines, Form, Magic};
use ferrolab_jupyter::session::evaluator::{Sink, Stream};

pub(super) const CAPTURE: Definition = Definition {
    names: &["%%capture"],
    usage: "%%capture [NAME]",
    help: "Run the cell without showing its output; with a name, keep what it printed in a String of that name.",
    engines: Engines::Own,
    form: Form::Cell(|rest, _| {
        let name = rest.trim();
        Ok(Magic::Capture((!name.is_empty()).then(|| name.to_owned())))
    }),
};

/// A sink that keeps what was printed and drops the rest.
#[derive(Debug, Default)]
pub(super) struct Captured(Mutex<String>);

impl Captured {
    /// What was printed.
    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Captured {
    fn stream(&self, stream: Stream, text: &str) {
        if stream == Stream::Stdout {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        }
    }
}
