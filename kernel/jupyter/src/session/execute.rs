//! The cells' lane: execute requests, one after the other.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jupyter_protocol::{
    ExecuteInput, ExecuteRequest, ExecutionCount, ExecutionState, ExpressionResult, JupyterMessageContent, Payload,
    ReplyError,
};
use serde_json::json;

use super::evaluator::{Cell, CellError, Evaluator, Sink, Verdict};
use super::sink::CellSink;
use super::{Session, SessionEnd, attach, guarded, lock};
use crate::messages::{self, Request};

/// A frontend that runs several cells sends them in one go; those that arrive this soon after a
/// cell belong to the same go, and are aborted when it fails at once.
const ONE_GO: Duration = Duration::from_millis(20);

/// What came of an execute request.
pub(super) struct Outcome {
    pub(super) reply: JupyterMessageContent,
    /// What is queued must not run.
    pub(super) abort: bool,
    /// The session is to end.
    pub(super) quit: bool,
}

impl Session {
    /// The lane's thread: make the evaluator, then run what is queued until the session ends.
    pub(super) fn run_cells(&self, evaluator: impl FnOnce() -> Box<dyn Evaluator>) {
        drop(self.history());
        let mut quit = false;
        let prepared = guarded(|| {
            let mut evaluator = evaluator();
            let insight = self.insight.get_or_init(|| evaluator.insight()).clone();
            evaluator.prepare();
            (evaluator, insight)
        });
        match prepared {
            Ok((mut evaluator, insight)) => {
                while !quit && let Some(request) = self.next_cell() {
                    quit = self.run_cell(&mut *evaluator, request);
                }
                if lock(&self.queue).closing {
                    // Told again: it may have come into being after the end was announced.
                    insight.shutdown();
                }
            }
            Err(panic) => {
                eprintln!("ferrolab: {panic}");
                while let Some(request) = self.next_cell() {
                    self.run_cell(&mut Broken(panic.clone()), request);
                }
            }
        }
        lock(&self.queue).done = true;
        self.queue_changed.notify_all();
        if quit {
            self.finish(SessionEnd { restart: false });
        }
    }

    fn next_cell(&self) -> Option<Arc<Request>> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closing {
                return None;
            }
            if let Some(request) = queue.waiting.pop_front() {
                return Some(request);
            }
            queue = self.queue_changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Run a request with everything around it; true when it ends the session.
    pub(super) fn run_cell(&self, evaluator: &mut dyn Evaluator, request: Arc<Request>) -> bool {
        let Ok(JupyterMessageContent::ExecuteRequest(execute)) = &request.content else {
            return false;
        };
        let started = {
            let mut running = lock(&self.running);
            *running = Some(request.clone());
            self.tell(&request, ExecutionState::Busy)
        };
        let outcome = self.on_execute(evaluator, &request, execute);
        let mut aborted = VecDeque::new();
        if outcome.abort {
            std::thread::sleep(ONE_GO.saturating_sub(request.arrived.elapsed()));
            let mut queue = lock(&self.queue);
            // Who looks at the cell that failed has nothing to do with what was to follow.
            let (kept, rest) = mem::take(&mut queue.waiting).into_iter().partition(|r| attach::is_attach(r));
            (queue.waiting, aborted) = (kept, rest);
        }
        let status = if outcome.abort { "error" } else { "ok" };
        self.record.end();
        self.reply(&request, outcome.reply, json!({"started": started, "status": status}));
        {
            let mut running = lock(&self.running);
            *running = None;
            self.tell(&request, ExecutionState::Idle);
        }
        for request in &aborted {
            self.abort(request);
        }
        outcome.quit
    }

    /// `execute_request`.
    pub(super) fn on_execute(
        &self,
        evaluator: &mut dyn Evaluator,
        request: &Arc<Request>,
        execute: &ExecuteRequest,
    ) -> Outcome {
        let silent = execute.silent;
        let last = self.count.load(Ordering::Relaxed);
        let number = last.saturating_add(1);
        if !silent {
            let content =
                ExecuteInput { code: execute.code.clone(), execution_count: ExecutionCount::new(number as usize) };
            self.outlet.publish(messages::child(Some(request), content));
        }
        if execute.code.trim().is_empty() {
            // Nothing to run is nothing to count, but its expressions are asked for.
            let values = self.evaluate_all(evaluator, execute);
            let reply = messages::execute_reply(last, values, Vec::new(), None);
            return Outcome { reply, abort: false, quit: false };
        }
        let counts = execute.store_history && !silent;
        if counts {
            self.count.store(number, Ordering::Relaxed);
            self.history().input(number, &execute.code);
        }
        if attach::is_attach(request) {
            self.on_attach(request);
            let reply = messages::execute_reply(number, HashMap::new(), Vec::new(), None);
            return Outcome { reply, abort: false, quit: false };
        }
        if !silent {
            self.record.begin(&*self.outlet, number);
        }
        self.prompts.begin();
        let sink = Arc::new(CellSink {
            outlet: self.outlet.clone(),
            prompts: self.prompts.clone(),
            request: request.clone(),
            record: (!silent).then(|| self.record.clone()),
            number,
            silent,
            allow_stdin: execute.allow_stdin,
            result: Mutex::default(),
            pages: Mutex::default(),
        });
        let cell = Cell { code: execute.code.clone(), number, silent, allow_stdin: execute.allow_stdin };
        let shared: Arc<dyn Sink> = sink.clone();
        let verdict =
            guarded(|| evaluator.execute(&cell, &shared)).unwrap_or_else(|panic| Verdict::Error(internal_error(panic)));
        if let (true, Some(text)) = (counts, sink.take_result()) {
            self.history().output(number, &text);
        }
        match verdict {
            Verdict::Ok => {
                let values = self.evaluate_all(evaluator, execute);
                let payload = sink.take_page().map(messages::page).into_iter().collect();
                let reply = messages::execute_reply(number, values, payload, None);
                Outcome { reply, abort: false, quit: false }
            }
            Verdict::Error(error) => {
                sink.show_page();
                if !silent {
                    let content = messages::error(&error.name, &error.value, &error.traceback);
                    let publish = || self.outlet.publish(messages::child(Some(request), content));
                    self.record.put(&*self.outlet, attach::told(&error.traceback), publish);
                }
                let CellError { name: ename, value: evalue, traceback } = error;
                let error = ReplyError { ename, evalue, traceback };
                let reply = messages::execute_reply(number, HashMap::new(), Vec::new(), Some(error));
                Outcome { reply, abort: execute.stop_on_error && !silent, quit: false }
            }
            Verdict::Quit => {
                let payload = vec![Payload::AskExit { keepkernel: false }];
                let reply = messages::execute_reply(number, HashMap::new(), payload, None);
                Outcome { reply, abort: false, quit: true }
            }
        }
    }

    fn evaluate_all(
        &self,
        evaluator: &mut dyn Evaluator,
        execute: &ExecuteRequest,
    ) -> HashMap<String, ExpressionResult> {
        let mut wanted: Vec<_> = execute.user_expressions.iter().flatten().collect();
        wanted.sort();
        let mut evaluate = |code: &str| {
            let value = guarded(|| evaluator.expression(code)).unwrap_or_else(|panic| Err(internal_error(panic)));
            match value {
                Ok(display) => messages::expression(display.data, display.metadata),
                Err(CellError { name: ename, value: evalue, traceback }) => {
                    ExpressionResult::Error { ename, evalue, traceback }
                }
            }
        };
        wanted.into_iter().map(|(name, code)| (name.clone(), evaluate(code))).collect()
    }
}

fn internal_error(text: String) -> CellError {
    CellError { name: "InternalError".to_owned(), traceback: vec![text.clone()], value: text }
}

/// Stands in for an evaluator that could not be made: every cell says why.
struct Broken(String);

impl Evaluator for Broken {
    fn execute(&mut self, _: &Cell, _: &Arc<dyn Sink>) -> Verdict {
        Verdict::Error(internal_error(self.0.clone()))
    }

    fn expression(&mut self, _: &str) -> Result<super::evaluator::Display, CellError> {
        Err(internal_error(self.0.clone()))
    }

    fn insight(&self) -> Arc<dyn super::evaluator::Insight> {
        unreachable!("a broken evaluator is asked for nothing but cells")
    }
}
