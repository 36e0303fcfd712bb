//! Where a cell's output goes: iopub, as a child of the request that runs it; and where its
//! questions go: the stdin channel of the frontend that sent that request.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use jupyter_protocol::JupyterMessageContent;
use serde_json::{Map, Value};

use super::attach::{self, Output, Transcript};
use super::evaluator::{Display, Sink, Stream};
use super::prompt::Prompts;
use crate::messages::{self, Outlet, Request};

/// The sink of one cell.
pub(super) struct CellSink {
    pub(super) outlet: Arc<dyn Outlet>,
    pub(super) prompts: Arc<Prompts>,
    pub(super) request: Arc<Request>,
    /// What pages that come later are told; nothing of silent cells.
    pub(super) record: Option<Arc<Transcript>>,
    pub(super) number: u32,
    pub(super) silent: bool,
    pub(super) allow_stdin: bool,
    /// The result as text, for the history.
    pub(super) result: Mutex<Option<String>>,
    /// What goes to the frontend's pager, with the reply.
    pub(super) pages: Mutex<Vec<Display>>,
}

impl CellSink {
    fn publish(&self, content: JupyterMessageContent) {
        self.outlet.publish_output(messages::child(Some(&self.request), content));
    }

    fn put(&self, output: Output, content: JupyterMessageContent) {
        match &self.record {
            Some(record) => record.put(&*self.outlet, output, || self.publish(content)),
            None => self.publish(content),
        }
    }

    /// The text of the result, if there was one.
    pub(super) fn take_result(&self) -> Option<String> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Everything for the pager as one page, since frontends show one; nothing when there is none.
    pub(super) fn take_page(&self) -> Option<Map<String, Value>> {
        let pages = mem::take(&mut *self.pages.lock().unwrap_or_else(PoisonError::into_inner));
        let mut pages = pages.into_iter().map(|page| page.data);
        let mut whole = pages.next()?;
        for page in pages {
            // A representation that only some of them have would hide the others.
            whole.retain(|mime, _| page.contains_key(mime));
            for (mime, value) in &mut whole {
                if let (Value::String(text), Some(Value::String(more))) = (value, page.get(mime)) {
                    text.push_str("\n\n");
                    text.push_str(more);
                }
            }
        }
        Some(whole)
    }

    /// Show among the outputs what was meant for the pager: frontends open none for an error.
    pub(super) fn show_page(&self) {
        if let Some(data) = self.take_page() {
            self.display(Display { data, ..Display::default() });
        }
    }
}

impl Sink for CellSink {
    fn stream(&self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        let content = messages::stream(attach::stdio(stream), text);
        self.put(Output::Text(stream, text.to_owned()), content);
    }

    fn display(&self, display: Display) {
        let content = messages::display(display.data.clone(), display.metadata.clone(), display.display_id.clone());
        self.put(Output::Shown(display), content);
    }

    fn update(&self, display: Display) {
        let update = |display: Display| messages::update(display.data, display.metadata, display.display_id);
        match &self.record {
            Some(record) => record.replace(&display, || self.publish(update(display.clone()))),
            None => self.publish(update(display)),
        }
    }

    fn result(&self, display: Display) {
        if self.silent {
            return;
        }
        let text = display.data.get("text/plain").and_then(|text| text.as_str());
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = text.map(str::to_owned);
        let Display { data, metadata, display_id } = display;
        let output = attach::shown(&data, &metadata);
        self.put(output, messages::execute_result(self.number, data, metadata, display_id));
    }

    fn page(&self, display: Display) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).push(display);
    }

    fn clear(&self, wait: bool) {
        let publish = || self.publish(jupyter_protocol::ClearOutput { wait }.into());
        match &self.record {
            Some(record) => record.clear(&*self.outlet, wait, publish),
            None => publish(),
        }
    }

    fn input(&self, prompt: &str, password: bool) -> Option<String> {
        if !self.allow_stdin {
            return None;
        }
        self.prompts.ask(&*self.outlet, &self.request, prompt, password)
    }
}
