//! Where a cell's output goes: iopub, as a child of the request that runs it; and where its
//! questions go: the stdin channel of the frontend that sent that request.

use std::sync::{Arc, Mutex, PoisonError};

use jupyter_protocol::{JupyterMessageContent, Stdio};

use super::evaluator::{Display, Sink, Stream};
use super::prompt::Prompts;
use crate::messages::{self, Outlet, Request};

/// The sink of one cell.
pub(super) struct CellSink {
    pub(super) outlet: Arc<dyn Outlet>,
    pub(super) prompts: Arc<Prompts>,
    pub(super) request: Arc<Request>,
    pub(super) number: u32,
    pub(super) silent: bool,
    pub(super) allow_stdin: bool,
    /// The result as text, for the history.
    pub(super) result: Mutex<Option<String>>,
}

impl CellSink {
    fn publish(&self, content: JupyterMessageContent) {
        self.outlet.publish_output(messages::child(Some(&self.request), content));
    }

    /// The text of the result, if there was one.
    pub(super) fn take_result(&self) -> Option<String> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Sink for CellSink {
    fn stream(&self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        let name = match stream {
            Stream::Stdout => Stdio::Stdout,
            Stream::Stderr => Stdio::Stderr,
        };
        self.publish(messages::stream(name, text));
    }

    fn display(&self, display: Display) {
        self.publish(messages::display(display.data, display.metadata, display.display_id));
    }

    fn update(&self, display: Display) {
        self.publish(messages::update(display.data, display.metadata, display.display_id));
    }

    fn result(&self, display: Display) {
        if self.silent {
            return;
        }
        let text = display.data.get("text/plain").and_then(|text| text.as_str());
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = text.map(str::to_owned);
        let Display { data, metadata, display_id } = display;
        self.publish(messages::execute_result(self.number, data, metadata, display_id));
    }

    fn clear(&self, wait: bool) {
        self.publish(jupyter_protocol::ClearOutput { wait }.into());
    }

    fn input(&self, prompt: &str, password: bool) -> Option<String> {
        if !self.allow_stdin {
            return None;
        }
        self.prompts.ask(&*self.outlet, &self.request, prompt, password)
    }
}
