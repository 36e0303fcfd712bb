//! Requests that are answered while cells run: everything but `execute_request`.

use jupyter_protocol::{
    CommClose, CommInfoReply, CommOpen, CompleteRequest, ExecutionState, HistoryRequest, InspectRequest,
    InterruptReply, IsCompleteRequest, JupyterMessageContent as Content, ReplyStatus, ShutdownReply, ShutdownRequest,
    UnknownMessage,
};
use serde_json::{Value, json};

use super::evaluator::Completeness;
use super::{Session, SessionEnd, guarded, usage};
use crate::messages::{self, Request};

impl Session {
    /// Answer a request, with busy and idle around it.
    pub(super) fn answer(&self, request: &Request) {
        self.tell(request, ExecutionState::Busy);
        let answer = guarded(|| self.dispatch(request)).unwrap_or_else(|panic| {
            eprintln!("ferrolab: {panic}");
            Some(messages::error_reply(&request.reply_type()?, "InternalError", &panic))
        });
        if let Some(content) = answer {
            self.reply(request, content, json!({}));
        }
        let Ok(Content::ShutdownRequest(shutdown)) = &request.content else {
            return self.tell_idle(request);
        };
        let everyone = messages::child(Some(request), self.on_shutdown(shutdown));
        self.outlet.publish(everyone);
        self.tell_idle(request);
        self.finish(SessionEnd { restart: shutdown.restart });
    }

    fn dispatch(&self, request: &Request) -> Option<Content> {
        let content = match &request.content {
            Ok(content) => content,
            Err(problem) => {
                eprintln!("ferrolab: {problem}");
                return Some(messages::error_reply(&request.reply_type()?, "BadRequest", problem));
            }
        };
        Some(match content {
            Content::KernelInfoRequest(_) => self.on_kernel_info(),
            Content::CompleteRequest(complete) => self.on_complete(complete),
            Content::InspectRequest(inspect) => self.on_inspect(inspect),
            Content::IsCompleteRequest(code) => self.on_is_complete(code),
            Content::HistoryRequest(history) => self.on_history(history),
            Content::CommInfoRequest(_) => CommInfoReply::default().into(),
            Content::CommOpen(open) => {
                self.outlet.publish(messages::child(Some(request), self.on_comm_open(open)));
                return None;
            }
            // There is no comm that these could be about.
            Content::CommMsg(_) | Content::CommClose(_) => return None,
            Content::InterruptRequest(_) => self.on_interrupt(),
            Content::ShutdownRequest(shutdown) => self.on_shutdown(shutdown),
            Content::DebugRequest(debug) => messages::debug_refused(&debug.content),
            _ => match &*request.header.msg_type {
                "usage_request" => self.on_usage(),
                "state_request" => self.on_state(),
                "check_request" => self.on_check(content),
                "connect_request" => self.on_connect(),
                unknown => {
                    eprintln!("ferrolab: unknown request {unknown} on {}", request.channel);
                    return None;
                }
            },
        })
    }

    /// `kernel_info_request`.
    pub(super) fn on_kernel_info(&self) -> Content {
        messages::kernel_info(&self.options.about)
    }

    /// `complete_request`: nothing to complete as long as there is no evaluator.
    pub(super) fn on_complete(&self, request: &CompleteRequest) -> Content {
        let cursor = request.cursor_pos;
        let Some(insight) = self.insight.get() else {
            return messages::complete(Vec::new(), cursor, cursor, Vec::new());
        };
        let found = insight.complete(&request.code, cursor);
        let types = found.matches.iter().map(|completion| {
            json!({
                "start": found.start,
                "end": found.end,
                "text": completion.text,
                "type": completion.kind,
                "signature": completion.signature,
            })
        });
        let types = types.collect();
        let matches = found.matches.iter().map(|completion| completion.text.clone()).collect();
        messages::complete(matches, found.start, found.end, types)
    }

    /// `inspect_request`.
    pub(super) fn on_inspect(&self, request: &InspectRequest) -> Content {
        let detail = request.detail_level.unwrap_or(0).min(1) as u8;
        let found = self.insight.get().and_then(|insight| insight.inspect(&request.code, request.cursor_pos, detail));
        messages::inspect(found)
    }

    /// `is_complete_request`.
    pub(super) fn on_is_complete(&self, request: &IsCompleteRequest) -> Content {
        let Some(insight) = self.insight.get() else {
            return messages::is_complete("unknown", None);
        };
        match insight.is_complete(&request.code) {
            Completeness::Complete => messages::is_complete("complete", None),
            Completeness::Incomplete { indent } => messages::is_complete("incomplete", Some(&indent)),
            Completeness::Invalid => messages::is_complete("invalid", None),
        }
    }

    /// `state_request`: ours; what the session knows by name.
    pub(super) fn on_state(&self) -> Content {
        match self.insight.get().and_then(|insight| insight.state()) {
            Some(Value::Object(mut known)) => {
                known.insert("status".to_owned(), json!("ok"));
                messages::other("state_reply", Value::Object(known))
            }
            _ => {
                messages::error_reply("state_reply", "NotReady", "this session does not tell what it knows, or not yet")
            }
        }
    }

    /// `check_request`: ours; what is wrong with a text.
    pub(super) fn on_check(&self, content: &Content) -> Content {
        let Content::UnknownMessage(UnknownMessage { content, .. }) = content else {
            return messages::error_reply("check_reply", "BadRequest", "this is no check_request");
        };
        let Some(code) = content.get("code").and_then(Value::as_str) else {
            return messages::error_reply("check_reply", "BadRequest", "a check_request has the text in `code`");
        };
        match self.insight.get().and_then(|insight| insight.check(code)) {
            Some(found) => messages::other("check_reply", found),
            None => messages::error_reply("check_reply", "NotReady", "nothing can be checked in this session"),
        }
    }

    /// `history_request`.
    pub(super) fn on_history(&self, request: &HistoryRequest) -> Content {
        messages::history(self.history().answer(request))
    }

    /// `comm_open`: no target is known here, so it is closed at once.
    pub(super) fn on_comm_open(&self, open: &CommOpen) -> Content {
        CommClose { comm_id: open.comm_id.clone(), data: Default::default() }.into()
    }

    /// `interrupt_request`: of the cell that runs; what is queued goes the way of its error.
    pub(super) fn on_interrupt(&self) -> Content {
        self.interrupt();
        InterruptReply::new().into()
    }

    /// `shutdown_request`: the reply, which is also broadcast; the end itself comes after it.
    pub(super) fn on_shutdown(&self, request: &ShutdownRequest) -> Content {
        ShutdownReply { restart: request.restart, status: ReplyStatus::Ok, error: None }.into()
    }

    /// `usage_request` of jupyter-resource-usage.
    pub(super) fn on_usage(&self) -> Content {
        let usage = self.insight.get().map_or_else(usage::own, |insight| insight.usage());
        messages::other("usage_reply", self.host.report(&usage))
    }

    /// `connect_request`, which the specification keeps although it is of no use any more.
    pub(super) fn on_connect(&self) -> Content {
        let ports = &self.options.connection;
        let content: Value = json!({
            "status": "ok",
            "shell_port": ports.shell_port,
            "iopub_port": ports.iopub_port,
            "stdin_port": ports.stdin_port,
            "control_port": ports.control_port,
            "hb_port": ports.hb_port,
        });
        messages::other("connect_reply", content)
    }
}
