//! Questions to the user that wait for an answer, one at a time.

use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};

use jupyter_protocol::InputRequest;

use crate::messages::{self, Outlet, Request};

struct Prompt {
    id: String,
    answer: mpsc::Sender<Option<String>>,
}

#[derive(Default)]
struct PromptState {
    open: Option<Prompt>,
    /// The running cell was interrupted: what it asks from now on is not asked.
    interrupted: bool,
    closed: bool,
}

/// The question that is open now, if one is.
#[derive(Default)]
pub(super) struct Prompts {
    state: Mutex<PromptState>,
}

impl Prompts {
    fn state(&self) -> MutexGuard<'_, PromptState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cell starts; an interrupt of an earlier one is over.
    pub(super) fn begin(&self) {
        self.state().interrupted = false;
    }

    /// Ask the frontend that sent a request, and wait. None when it cannot be reached or the wait
    /// is ended.
    pub(super) fn ask(&self, outlet: &dyn Outlet, request: &Request, prompt: &str, password: bool) -> Option<String> {
        let content = InputRequest { prompt: prompt.to_owned(), password };
        let mut message = messages::child(Some(request), content);
        message.zmq_identities.clone_from(&request.identities);
        let (sender, answer) = mpsc::channel();
        {
            let mut state = self.state();
            if state.closed || state.interrupted {
                return None;
            }
            state.open = Some(Prompt { id: message.header.msg_id.clone(), answer: sender });
        }
        if !outlet.ask(message) {
            eprintln!("ferrolab: the frontend cannot be asked for input, it has no stdin channel");
            self.end_wait();
        }
        answer.recv().ok().flatten()
    }

    /// Take an answer. One to an earlier question is dropped; one that names no question is
    /// taken, since some frontends do not name it.
    pub(super) fn answer(&self, parent: Option<&str>, value: String) {
        let mut state = self.state();
        if let Some(open) = state.open.take_if(|open| parent.is_none_or(|id| id == open.id)) {
            let _ = open.answer.send(Some(value));
        }
    }

    /// The running cell is interrupted: end its wait, and let it not wait again.
    pub(super) fn interrupt(&self) {
        self.state().interrupted = true;
        self.end_wait();
    }

    /// End the wait without an answer.
    fn end_wait(&self) {
        if let Some(open) = self.state().open.take() {
            let _ = open.answer.send(None);
        }
    }

    /// End the wait, and let nobody wait again.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.end_wait();
    }
}
