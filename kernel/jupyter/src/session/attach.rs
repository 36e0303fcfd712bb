//! `:attach`: what the running cell puts out, given again to a page that was not there when it
//! began.
//!
//! After a reload, JupyterLab shows no output of a request that the page before sent, whatever the
//! kernel publishes. So the session keeps what the running cell, or the last one, has put out, in
//! its latest state. A cell `:attach` gets it as its own output, without waiting for its turn, and
//! then everything that follows until its turn comes. Kept is what a page would show, within
//! bounds; this is not a log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jupyter_protocol::{ExecutionState, JupyterMessageContent, Stdio};
use serde_json::Value;

use super::evaluator::{Display, Stream};
use super::{Session, lock};
use crate::messages::{self, Outlet, Request};

/// Bytes that are kept; when there are more, the oldest go.
const MOST: usize = 16 << 20;
/// Requests remembered as answered.
const ANSWERED: usize = 64;

/// Is this cell nothing but `:attach`?
pub(super) fn is_attach(request: &Request) -> bool {
    let Ok(JupyterMessageContent::ExecuteRequest(execute)) = &request.content else { return false };
    let word = execute.code.trim().trim_end_matches(';').trim_end();
    !execute.silent && matches!(word, ":attach" | "%attach")
}

/// Something a page shows.
#[derive(Debug, Clone)]
pub(super) enum Output {
    Text(Stream, String),
    Shown(Display),
}

impl Output {
    fn size(&self) -> usize {
        match self {
            Self::Text(_, text) => text.len(),
            Self::Shown(display) => display.data.values().map(|v| v.as_str().map_or(64, str::len)).sum(),
        }
    }

    fn content(&self) -> JupyterMessageContent {
        match self.clone() {
            Self::Text(name, text) => messages::stream(stdio(name), &text),
            Self::Shown(Display { data, metadata, display_id }) => messages::display(data, metadata, display_id),
        }
    }
}

#[derive(Default)]
struct Inner {
    /// The cell's number, when it began, and when it ended.
    cell: Option<(u32, Instant, Option<Instant>)>,
    outputs: VecDeque<Output>,
    size: usize,
    cut: bool,
    clear_due: bool,
    followers: Vec<Arc<Request>>,
    answered: VecDeque<String>,
}

/// What the running cell, or the last one, has put out.
#[derive(Default)]
pub(super) struct Transcript(Mutex<Inner>);

impl Transcript {
    /// A cell begins.
    pub(super) fn begin(&self, outlet: &dyn Outlet, number: u32) {
        let mut inner = lock(&self.0);
        let (followers, answered) = (std::mem::take(&mut inner.followers), std::mem::take(&mut inner.answered));
        *inner = Inner { cell: Some((number, Instant::now(), None)), followers, answered, ..Inner::default() };
        inner.tell(outlet, &messages::stream(Stdio::Stdout, &inner.heading()));
    }

    /// It has ended.
    pub(super) fn end(&self) {
        if let Some((.., ended)) = &mut lock(&self.0).cell {
            *ended = Some(Instant::now());
        }
    }

    /// The cell puts out something: published by `publish`, and to those who follow.
    pub(super) fn put(&self, outlet: &dyn Outlet, output: Output, publish: impl FnOnce()) {
        let mut inner = lock(&self.0);
        publish();
        inner.tell(outlet, &output.content());
        inner.keep(output);
    }

    /// A display is replaced. Frontends know it by its id, whose ever request it answers.
    pub(super) fn replace(&self, display: &Display, publish: impl FnOnce()) {
        let mut inner = lock(&self.0);
        publish();
        let mut change = 0;
        for output in &mut inner.outputs {
            let before = output.size();
            match output {
                Output::Shown(old) if old.display_id.is_some() && old.display_id == display.display_id => {
                    old.data.clone_from(&display.data);
                    old.metadata.clone_from(&display.metadata);
                    change += output.size() as isize - before as isize;
                }
                _ => {}
            }
        }
        inner.size = inner.size.saturating_add_signed(change);
        inner.shorten();
    }

    /// `clear_output`.
    pub(super) fn clear(&self, outlet: &dyn Outlet, wait: bool, publish: impl FnOnce()) {
        let mut inner = lock(&self.0);
        publish();
        inner.tell(outlet, &jupyter_protocol::ClearOutput { wait }.into());
        inner.clear_due = true;
        if !wait {
            inner.clear_if_due();
        }
    }

    /// Someone wants to see the cell that runs, at once; false when none runs.
    fn follow(&self, outlet: &dyn Outlet, request: &Arc<Request>) -> bool {
        let mut inner = lock(&self.0);
        let runs = matches!(inner.cell, Some((.., None)));
        if !runs || inner.answered.contains(&request.header.msg_id) {
            return false;
        }
        inner.replay(outlet, request);
        inner.followers.push(Arc::clone(request));
        true
    }

    /// The turn of such a request has come: it gets what it has not got yet, and nothing more.
    fn leave(&self, outlet: &dyn Outlet, request: &Arc<Request>) {
        let mut inner = lock(&self.0);
        let before = inner.followers.len();
        inner.followers.retain(|other| other.header.msg_id != request.header.msg_id);
        if inner.followers.len() == before {
            inner.replay(outlet, request);
        }
        inner.answered.push_back(request.header.msg_id.clone());
        if inner.answered.len() > ANSWERED {
            inner.answered.pop_front();
        }
    }
}

impl Inner {
    fn heading(&self) -> String {
        let ago = |then: &Instant| match then.elapsed().as_secs() {
            0 => "less than a second".to_owned(),
            1 => "1 second".to_owned(),
            s @ 2..120 => format!("{s} seconds"),
            s => format!("{} minutes", s / 60),
        };
        match &self.cell {
            None => {
                "nothing has run yet; `:attach` shows what the running cell, or the last one, puts out\n".to_owned()
            }
            Some((number, begun, None)) => format!("[{number}] has been running for {}\n", ago(begun)),
            Some((number, _, Some(ended))) => format!("[{number}] ended {} ago\n", ago(ended)),
        }
    }

    fn replay(&self, outlet: &dyn Outlet, request: &Request) {
        let mut heading = self.heading();
        if self.cut {
            heading += "(its earlier output is left out)\n";
        }
        outlet.publish_output(messages::child(Some(request), messages::stream(Stdio::Stdout, &heading)));
        for output in &self.outputs {
            outlet.publish_output(messages::child(Some(request), output.content()));
        }
    }

    fn tell(&self, outlet: &dyn Outlet, content: &JupyterMessageContent) {
        for follower in &self.followers {
            outlet.publish_output(messages::child(Some(follower), content.clone()));
        }
    }

    fn clear_if_due(&mut self) {
        if std::mem::take(&mut self.clear_due) {
            self.outputs.clear();
            (self.size, self.cut) = (0, false);
        }
    }

    fn keep(&mut self, output: Output) {
        self.clear_if_due();
        self.size += output.size();
        match (self.outputs.back_mut(), output) {
            // Not into one endless text, of which nothing could be left out.
            (Some(Output::Text(old, text)), Output::Text(name, more)) if *old == name && text.len() < MOST / 64 => {
                text.push_str(&more);
            }
            (_, output) => self.outputs.push_back(output),
        }
        self.shorten();
    }

    fn shorten(&mut self) {
        while self.size > MOST && self.outputs.len() > 1 {
            if let Some(old) = self.outputs.pop_front() {
                self.size = self.size.saturating_sub(old.size());
                self.cut = true;
            }
        }
    }
}

impl Session {
    /// A cell `:attach` has come in; it is queued as well.
    pub(super) fn attach(&self, request: &Arc<Request>) {
        let running = lock(&self.running);
        if running.is_some() {
            self.tell(request, ExecutionState::Busy);
        }
        drop(running);
        self.record.follow(&*self.outlet, request);
    }

    /// Its turn has come.
    pub(super) fn on_attach(&self, request: &Arc<Request>) {
        self.record.leave(&*self.outlet, request);
    }
}

/// The traceback of an error as text, for those who follow a cell that fails: they have not failed.
pub(super) fn told(traceback: &[String]) -> Output {
    Output::Text(Stream::Stderr, traceback.iter().map(|part| format!("{part}\n")).collect())
}

/// A result as a display: its number is another cell's.
pub(super) fn shown(data: &serde_json::Map<String, Value>, metadata: &serde_json::Map<String, Value>) -> Output {
    Output::Shown(Display { data: data.clone(), metadata: metadata.clone(), display_id: None })
}

/// The protocol's word for a stream.
pub(super) fn stdio(stream: Stream) -> Stdio {
    match stream {
        Stream::Stdout => Stdio::Stdout,
        Stream::Stderr => Stdio::Stderr,
    }
}
