//! What comes in: the parts of a received message, made into a typed request.
//!
//! Frontends leave fields out and send nulls; what the specification gives a default is filled in
//! here. A message whose header is sound stays answerable even when its content is not.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use jupyter_protocol::{Header, JupyterMessageContent};
use serde_json::{Map, Value, json};

/// The channels that carry requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Requests about code.
    Shell,
    /// Requests about the kernel, never behind those on shell.
    Control,
    /// Answers to the kernel's questions.
    Stdin,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Channel::Shell => "shell",
            Channel::Control => "control",
            Channel::Stdin => "stdin",
        })
    }
}

/// What reaches a session from outside.
#[derive(Debug)]
pub enum Event {
    /// A message on shell, control or stdin.
    Request(Box<Request>),
    /// SIGINT.
    Interrupt,
    /// SIGTERM, or the process that started the kernel is gone.
    Terminate,
}

/// A received message.
#[derive(Debug)]
pub struct Request {
    /// Where it came in.
    pub channel: Channel,
    /// ZeroMQ's address of the frontend.
    pub identities: Vec<Bytes>,
    /// Its header.
    pub header: Header,
    /// `msg_id` of its parent, if it has one.
    pub parent: Option<String>,
    /// Its content, or what is wrong with it.
    pub content: Result<JupyterMessageContent, String>,
    /// When it was received.
    pub arrived: Instant,
}

impl Request {
    /// Read the JSON parts of a message: header, parent header, metadata, content; more are
    /// buffers, which no request of ours uses.
    ///
    /// # Errors
    /// When the header cannot be read, so that there is nobody to answer; the text says why.
    pub fn from_parts(channel: Channel, identities: Vec<Bytes>, parts: &[Bytes]) -> Result<Request, String> {
        let [header, parent, _, content, ..] = parts else {
            return Err(format!("{} parts instead of 4", parts.len()));
        };
        let mut fields: Map<String, Value> =
            serde_json::from_slice(header).map_err(|error| format!("unreadable header: {error}"))?;
        for name in ["username", "session", "version"] {
            fill(&mut fields, name, || json!(""));
        }
        let header: Header =
            serde_json::from_value(Value::Object(fields)).map_err(|error| format!("unreadable header: {error}"))?;
        let parent = serde_json::from_slice::<Value>(parent)
            .ok()
            .and_then(|parent| Some(parent.get("msg_id")?.as_str()?.to_owned()));
        let content = read_content(&header.msg_type, content);
        Ok(Request { channel, identities, header, parent, content, arrived: Instant::now() })
    }

    /// The type of the reply to this request; none for what is not a request.
    pub fn reply_type(&self) -> Option<String> {
        let stem = self.header.msg_type.strip_suffix("_request")?;
        Some(format!("{stem}_reply"))
    }
}

fn read_content(msg_type: &str, content: &[u8]) -> Result<JupyterMessageContent, String> {
    let mut fields: Map<String, Value> = serde_json::from_slice(content)
        .map_err(|error| format!("the content of this {msg_type} is unreadable: {error}"))?;
    // Opaque ones are passed on as they are.
    if !matches!(msg_type, "comm_open" | "comm_msg" | "comm_close" | "debug_request") {
        fields.retain(|_, value| !value.is_null());
    }
    fill_defaults(msg_type, &mut fields);
    JupyterMessageContent::from_type_and_content(msg_type, Value::Object(fields))
        .map_err(|error| format!("the content of this {msg_type} is not valid: {error}"))
}

fn fill(fields: &mut Map<String, Value>, name: &str, value: impl FnOnce() -> Value) {
    if !fields.contains_key(name) {
        fields.insert(name.to_owned(), value());
    }
}

fn fill_defaults(msg_type: &str, fields: &mut Map<String, Value>) {
    match msg_type {
        "execute_request" => {
            let silent = fields.get("silent").and_then(Value::as_bool) == Some(true);
            fill(fields, "silent", || json!(false));
            fill(fields, "store_history", || json!(!silent));
        }
        "complete_request" | "inspect_request" => {
            let code = fields.get("code").and_then(Value::as_str).unwrap_or("");
            let end = code.chars().count();
            let cursor = fields
                .get("cursor_pos")
                .map_or(Some(end), |position| position.as_f64().map(|p| (p.max(0.0) as usize).min(end)));
            if let Some(cursor) = cursor {
                fields.insert("cursor_pos".to_owned(), json!(cursor));
            }
        }
        "history_request" => {
            fill(fields, "hist_access_type", || json!("tail"));
            fill(fields, "output", || json!(false));
            fill(fields, "raw", || json!(true));
            fill(fields, "unique", || json!(false));
            fill(fields, "pattern", || json!("*"));
            fill(fields, "session", || json!(0));
            fill(fields, "start", || json!(0));
            fill(fields, "stop", || json!(i32::MAX));
            fill(fields, "n", || json!(i32::MAX));
            for name in ["n", "start", "stop", "session"] {
                if let Some(number) = fields.get(name).and_then(Value::as_f64) {
                    // `as` saturates: a larger number means as much as the largest.
                    fields.insert(name.to_owned(), json!(number as i32));
                }
            }
        }
        "shutdown_request" => fill(fields, "restart", || json!(false)),
        "comm_open" | "comm_msg" | "comm_close" => {
            fill(fields, "data", || json!({}));
            fill(fields, "target_name", || json!(""));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::HistoryRequest;

    fn request(msg_type: &str, content: &str) -> Request {
        let header = json!({"msg_id": "1", "msg_type": msg_type}).to_string();
        let parts = [header, "{}".into(), "{}".into(), content.to_owned()].map(Bytes::from);
        Request::from_parts(Channel::Shell, Vec::new(), &parts).unwrap()
    }

    #[test]
    fn missing_fields_get_the_defaults_of_the_specification() {
        let Ok(JupyterMessageContent::ExecuteRequest(execute)) =
            request("execute_request", r#"{"code":"1","silent":true,"user_expressions":null}"#).content
        else {
            panic!("not an execute_request")
        };
        assert!(execute.silent && !execute.store_history && execute.stop_on_error);
        let Ok(JupyterMessageContent::HistoryRequest(HistoryRequest::Range { stop, .. })) =
            request("history_request", r#"{"hist_access_type":"range","stop":null}"#).content
        else {
            panic!("not a history_request")
        };
        assert_eq!(stop, i32::MAX);
    }

    #[test]
    fn cursors_are_clamped_to_the_text_in_characters() {
        let Ok(JupyterMessageContent::CompleteRequest(complete)) =
            request("complete_request", r#"{"code":"αβ","cursor_pos":9}"#).content
        else {
            panic!("not a complete_request")
        };
        assert_eq!(complete.cursor_pos, 2);
    }

    #[test]
    fn bad_content_keeps_the_header() {
        for content in ["{", "[]", r#"{"code":3}"#, "{}"] {
            let request = request("execute_request", content);
            assert!(request.content.is_err());
            assert_eq!(request.reply_type().as_deref(), Some("execute_reply"));
        }
    }

    #[test]
    fn bad_headers_are_refused() {
        for header in ["", "{", "[]", "{}", r#"{"msg_id":1,"msg_type":"x"}"#] {
            let parts = [header, "{}", "{}", "{}"].map(Bytes::from);
            assert!(Request::from_parts(Channel::Shell, Vec::new(), &parts).is_err());
        }
        assert!(Request::from_parts(Channel::Shell, Vec::new(), &[]).is_err());
    }
}
