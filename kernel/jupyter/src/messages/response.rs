//! What goes out: constructors for replies and publications.
//!
//! `jupyter-protocol`'s own types wherever they can say it; where they cannot (null outputs in
//! a history, `supported_features`, replies that only carry a status), plain JSON under the
//! message's name.

use std::collections::HashMap;

use jupyter_protocol::{
    CodeMirrorMode, CompleteReply, DisplayData, ErrorOutput, ExecuteReply, ExecuteResult, ExecutionCount,
    ExecutionState, ExpressionResult, HelpLink, InspectReply, IoPubWelcome, JupyterMessage, JupyterMessageContent,
    KernelInfoReply, LanguageInfo, Media, MediaType, Payload, ReplyError, ReplyStatus, Status, Stdio, StreamContent,
    Transient, UnknownMessage, UpdateDisplayData,
};
use serde_json::{Map, Value, json};

use super::{PROTOCOL_VERSION, Request};

/// What the kernel says of itself.
#[derive(Debug, Clone)]
pub struct About {
    /// Version of this kernel.
    pub version: String,
    /// Version of rustc, such as `1.95.0`.
    pub rust_version: String,
    /// A few lines that consoles show at their start.
    pub banner: String,
}

/// A message caused by a request, without addressees; by nothing when there is none.
pub fn child(parent: Option<&Request>, content: impl Into<JupyterMessageContent>) -> JupyterMessage {
    let mut message = JupyterMessage::new(content, None);
    message.header.version = PROTOCOL_VERSION.to_owned();
    message.header.username = match parent {
        Some(parent) if !parent.header.username.is_empty() => parent.header.username.clone(),
        _ => "ferrolab".to_owned(),
    };
    message.parent_header = parent.map(|parent| parent.header.clone());
    message
}

/// A message of a type that `jupyter-protocol` does not have, or not with these fields.
pub fn other(msg_type: &str, content: Value) -> JupyterMessageContent {
    UnknownMessage { msg_type: msg_type.to_owned(), content }.into()
}

/// `status` on iopub.
pub fn status(state: ExecutionState) -> JupyterMessageContent {
    Status { execution_state: state }.into()
}

/// `iopub_welcome`, for a subscription to a topic.
pub fn welcome(topic: &str) -> JupyterMessage {
    child(None, IoPubWelcome::new(topic.to_owned()))
}

/// `stream` on iopub.
pub fn stream(name: Stdio, text: &str) -> JupyterMessageContent {
    StreamContent { name, text: text.to_owned() }.into()
}

// Not parsed into media types: what a cell shows is passed on as it is, sound or not.
fn media(data: Map<String, Value>) -> Media {
    Media::new(data.into_iter().map(MediaType::Other).collect())
}

/// `display_data` on iopub.
pub fn display(
    data: Map<String, Value>,
    metadata: Map<String, Value>,
    display_id: Option<String>,
) -> JupyterMessageContent {
    let transient = Some(Transient { display_id });
    DisplayData { data: media(data), metadata, transient }.into()
}

/// `update_display_data` on iopub.
pub fn update(
    data: Map<String, Value>,
    metadata: Map<String, Value>,
    display_id: Option<String>,
) -> JupyterMessageContent {
    let transient = Transient { display_id };
    UpdateDisplayData { data: media(data), metadata, transient }.into()
}

/// `execute_result` on iopub.
pub fn execute_result(
    number: u32,
    data: Map<String, Value>,
    metadata: Map<String, Value>,
    display_id: Option<String>,
) -> JupyterMessageContent {
    ExecuteResult {
        execution_count: ExecutionCount::new(number as usize),
        data: media(data),
        metadata,
        transient: Some(Transient { display_id }),
    }
    .into()
}

/// `error` on iopub.
pub fn error(name: &str, value: &str, traceback: &[String]) -> JupyterMessageContent {
    ErrorOutput { ename: name.to_owned(), evalue: value.to_owned(), traceback: traceback.to_vec() }.into()
}

/// One of the values of `user_expressions`.
pub fn expression(data: Map<String, Value>, metadata: Map<String, Value>) -> ExpressionResult {
    ExpressionResult::Ok { data: media(data), metadata }
}

/// `execute_reply`: ok, or with an error.
pub fn execute_reply(
    number: u32,
    expressions: HashMap<String, ExpressionResult>,
    payload: Vec<Payload>,
    error: Option<ReplyError>,
) -> JupyterMessageContent {
    ExecuteReply {
        status: if error.is_some() { ReplyStatus::Error } else { ReplyStatus::Ok },
        execution_count: ExecutionCount::new(number as usize),
        payload,
        user_expressions: Some(expressions),
        error: error.map(Box::new),
    }
    .into()
}

/// A payload of `execute_reply` for the frontend's pager.
pub fn page(data: Map<String, Value>) -> Payload {
    Payload::Page { data: media(data), start: 0 }
}

/// The reply to a queued request after an earlier one failed.
pub fn aborted(reply_type: &str) -> JupyterMessageContent {
    other(reply_type, json!({"status": "aborted"}))
}

/// A reply that only says what is wrong with the request.
pub fn error_reply(reply_type: &str, name: &str, value: &str) -> JupyterMessageContent {
    let content = json!({"status": "error", "ename": name, "evalue": value, "traceback": []});
    other(reply_type, content)
}

/// `debug_reply` of a kernel without a debugger, in the Debug Adapter Protocol's own form.
pub fn debug_refused(request: &Value) -> JupyterMessageContent {
    let content = json!({
        "type": "response",
        "request_seq": request.get("seq").cloned().unwrap_or(json!(0)),
        "seq": 0,
        "success": false,
        "command": request.get("command").cloned().unwrap_or(json!("")),
        "message": "This kernel has no debugger.",
        "body": {},
    });
    other("debug_reply", content)
}

/// `kernel_info_reply`.
pub fn kernel_info(about: &About) -> JupyterMessageContent {
    let link = |text: &str, url: &str| HelpLink { text: text.into(), url: url.into() };
    let reply = KernelInfoReply {
        status: ReplyStatus::Ok,
        protocol_version: PROTOCOL_VERSION.to_owned(),
        implementation: "ferrolab".to_owned(),
        implementation_version: about.version.clone(),
        language_info: LanguageInfo {
            name: "rust".to_owned(),
            version: about.rust_version.clone(),
            mimetype: Some("text/rust".to_owned()),
            file_extension: Some(".rs".to_owned()),
            pygments_lexer: Some("rust".to_owned()),
            codemirror_mode: Some(CodeMirrorMode::Simple("rust".to_owned())),
            nbconvert_exporter: None,
        },
        banner: about.banner.clone(),
        help_links: vec![
            link("The Rust Programming Language", "https://doc.rust-lang.org/book/"),
            link("Rust standard library", "https://doc.rust-lang.org/std/"),
            link("Rust by Example", "https://doc.rust-lang.org/rust-by-example/"),
            link("Crates (docs.rs)", "https://docs.rs/"),
        ],
        debugger: false,
        error: None,
    };
    match serde_json::to_value(&reply) {
        Ok(Value::Object(mut fields)) => {
            fields.insert("supported_features".to_owned(), json!([]));
            other("kernel_info_reply", Value::Object(fields))
        }
        _ => reply.into(),
    }
}

/// `complete_reply`; `types` goes with the matches, one by one, as JupyterLab shows them.
pub fn complete(matches: Vec<String>, start: usize, end: usize, types: Vec<Value>) -> JupyterMessageContent {
    let mut metadata = Map::new();
    if !types.is_empty() {
        metadata.insert("_jupyter_types_experimental".to_owned(), Value::Array(types));
    }
    CompleteReply { matches, cursor_start: start, cursor_end: end, metadata, status: ReplyStatus::Ok, error: None }
        .into()
}

/// `inspect_reply`; nothing known when there is no data.
pub fn inspect(data: Option<Map<String, Value>>) -> JupyterMessageContent {
    InspectReply {
        found: data.is_some(),
        data: media(data.unwrap_or_default()),
        metadata: Map::new(),
        status: ReplyStatus::Ok,
        error: None,
    }
    .into()
}

/// `is_complete_reply`; `indent` belongs to `incomplete` only.
pub fn is_complete(status: &str, indent: Option<&str>) -> JupyterMessageContent {
    let mut content = json!({"status": status});
    if let Some(indent) = indent {
        content["indent"] = json!(indent);
    }
    other("is_complete_reply", content)
}

/// `history_reply`, from entries already in Jupyter's form.
pub fn history(entries: Vec<Value>) -> JupyterMessageContent {
    other("history_reply", json!({"status": "ok", "history": entries}))
}
