//! The session without sockets: an outlet that writes down, an evaluator that obeys.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use jupyter_protocol::{ConnectionInfo, JupyterMessage, Transport};
use serde_json::{Map, Value, json};

use super::evaluator::*;
use super::{Lanes, Options, Session, SessionEnd, lock};
use crate::messages::{About, Channel, Event, Outlet, Request};

/// What was sent: where (`iopub` or a channel), the message's type, its parent, its content.
type Line = (String, String, String, Value);

#[derive(Default)]
struct Written(Mutex<Vec<Line>>);

impl Written {
    fn write(&self, place: &str, message: &JupyterMessage) {
        let parent = message.parent_header.as_ref().map_or("", |parent| &parent.msg_id).to_owned();
        let content = serde_json::to_value(&message.content).unwrap();
        lock(&self.0).push((place.into(), message.header.msg_type.clone(), parent, content));
    }

    /// A line each: the type, the state if it is a status, the parent.
    fn summary(&self) -> Vec<String> {
        let line = |(place, msg_type, parent, content): Line| match content["execution_state"] {
            Value::String(ref state) => format!("{state} {parent}"),
            _ if place == "iopub" => format!("{msg_type} {parent}"),
            _ => format!("{place}:{msg_type} {parent}"),
        };
        std::mem::take(&mut *lock(&self.0)).into_iter().map(line).collect()
    }

    fn reply(&self) -> Value {
        let lines = lock(&self.0);
        lines.iter().rev().find(|line| line.0 != "iopub").unwrap().3.clone()
    }
}

impl Outlet for Written {
    fn reply(&self, channel: Channel, message: JupyterMessage) {
        assert_eq!(message.zmq_identities, [&b"me"[..]]);
        self.write(&channel.to_string(), &message);
    }

    fn publish(&self, message: JupyterMessage) {
        self.write("iopub", &message);
    }

    fn publish_output(&self, message: JupyterMessage) {
        self.write("iopub", &message);
    }

    fn ask(&self, message: JupyterMessage) -> bool {
        self.write("stdin", &message);
        true
    }
}

#[derive(Default)]
struct Fake {
    interrupts: Arc<AtomicUsize>,
}

struct FakeInsight(Arc<AtomicUsize>);

fn text(text: &str) -> Display {
    let data = Map::from_iter([("text/plain".to_owned(), json!(text))]);
    Display { data, ..Display::default() }
}

fn failure(name: &str) -> CellError {
    CellError { name: name.into(), value: "v".into(), traceback: vec!["t".into()] }
}

impl Evaluator for Fake {
    fn execute(&mut self, cell: &Cell, sink: &Arc<dyn Sink>) -> Verdict {
        match &*cell.code {
            "fail" => Verdict::Error(failure("Fail")),
            "quit" => Verdict::Quit,
            "panic" => panic!("on purpose"),
            "pages" | "page and fail" => {
                sink.page(text("first"));
                sink.page(text("second"));
                if cell.code == "pages" { Verdict::Ok } else { Verdict::Error(failure("Fail")) }
            }
            "ask" => {
                let answer = sink.input("?", true);
                sink.stream(Stream::Stdout, &format!("{answer:?}"));
                Verdict::Ok
            }
            code => {
                sink.stream(Stream::Stdout, "out");
                sink.stream(Stream::Stderr, "");
                sink.result(text(code));
                Verdict::Ok
            }
        }
    }

    fn expression(&mut self, code: &str) -> Result<Display, CellError> {
        if code == "bad" { Err(failure("Bad")) } else { Ok(text(code)) }
    }

    fn insight(&self) -> Arc<dyn Insight> {
        Arc::new(FakeInsight(self.interrupts.clone()))
    }
}

impl Insight for FakeInsight {
    fn complete(&self, code: &str, cursor: usize) -> Completions {
        let completion = Completion { text: code.into(), kind: "variable".into(), signature: "i32".into() };
        Completions { start: 0, end: cursor, matches: vec![completion] }
    }

    fn inspect(&self, code: &str, _: usize, _: u8) -> Option<Map<String, Value>> {
        (code == "known").then(|| text("it").data)
    }

    fn is_complete(&self, code: &str) -> Completeness {
        match code {
            "{" => Completeness::Incomplete { indent: "    ".into() },
            ")" => Completeness::Invalid,
            "panic" => panic!("on purpose"),
            _ => Completeness::Complete,
        }
    }

    fn interrupt(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn shutdown(&self) {}

    fn usage(&self) -> Usage {
        Usage { cpu_percent: 50.0, memory_bytes: 1 << 20, pid: 7 }
    }
}

fn session() -> (Arc<Session>, Lanes, Arc<Written>) {
    let outlet = Arc::<Written>::default();
    let options = Options {
        about: About { version: "1".into(), rust_version: "1.95.0".into(), banner: "b".into() },
        connection: ConnectionInfo {
            ip: "127.0.0.1".into(),
            transport: Transport::TCP,
            shell_port: 1,
            iopub_port: 2,
            stdin_port: 3,
            control_port: 4,
            hb_port: 5,
            key: String::new(),
            signature_scheme: "hmac-sha256".into(),
            kernel_name: None,
        },
        history: None,
    };
    let (session, lanes) = Session::new(outlet.clone(), options);
    (Arc::new(session), lanes, outlet)
}

fn request(id: &str, msg_type: &str, content: Value) -> Request {
    let header = json!({"msg_id": id, "msg_type": msg_type}).to_string();
    let parts = [header, "{}".into(), "{}".into(), content.to_string()].map(Bytes::from);
    Request::from_parts(Channel::Shell, vec![Bytes::from_static(b"me")], &parts).unwrap()
}

fn execute(id: &str, code: &str) -> Request {
    request(id, "execute_request", json!({"code": code, "allow_stdin": true}))
}

fn accept(session: &Session, request: Request) {
    session.accept(Event::Request(Box::new(request)));
}

/// Run all that is queued, then end.
fn run(session: &Arc<Session>, requests: Vec<Request>) {
    requests.into_iter().for_each(|request| accept(session, request));
    accept(session, execute("q", "quit"));
    session.run_cells(|| Box::new(Fake::default()));
}

#[test]
fn a_cell_is_answered_in_order() {
    let (session, _lanes, outlet) = session();
    run(&session, vec![execute("a", "1 + 1")]);
    assert_eq!(
        outlet.summary()[..7],
        ["busy a", "execute_input a", "stream a", "execute_result a", "shell:execute_reply a", "idle a", "busy q"]
    );
    assert_eq!(session.wait(), SessionEnd { restart: false });
}

#[test]
fn a_failure_aborts_what_is_queued() {
    let (session, _lanes, outlet) = session();
    for code in ["b", "c"] {
        accept(&session, execute(code, code));
    }
    assert!(!session.run_cell(&mut Fake::default(), Arc::new(execute("fail", "fail"))));
    let lines = outlet.summary();
    let expected = [
        "busy fail",
        "execute_input fail",
        "error fail",
        "shell:execute_reply fail",
        "idle fail",
        "busy b",
        "shell:execute_reply b",
        "idle b",
        "busy c",
        "shell:execute_reply c",
        "idle c",
    ];
    assert_eq!(lines, expected);
    assert!(lock(&session.queue).waiting.is_empty());
}

#[test]
fn counting_follows_silence_history_and_emptiness() {
    let (session, _lanes, outlet) = session();
    let mut fake = Fake::default();
    let mut number = |content: Value| {
        let request = Arc::new(request("a", "execute_request", content));
        let Ok(jupyter_protocol::JupyterMessageContent::ExecuteRequest(execute)) = &request.content else {
            panic!("not an execute_request")
        };
        let outcome = session.on_execute(&mut fake, &request, execute);
        serde_json::to_value(outcome.reply).unwrap()
    };
    assert_eq!(number(json!({"code": "1"}))["execution_count"], 1);
    assert_eq!(number(json!({"code": "1", "silent": true}))["execution_count"], 2);
    assert_eq!(number(json!({"code": "1", "store_history": false}))["execution_count"], 2);
    assert_eq!(number(json!({"code": " \n"}))["execution_count"], 1);
    assert_eq!(number(json!({"code": "1"}))["execution_count"], 2);
    let reply = number(json!({"code": "", "user_expressions": {"x": "1", "y": "bad"}}));
    assert_eq!(reply["user_expressions"]["x"]["data"]["text/plain"], "1");
    assert_eq!(reply["user_expressions"]["y"]["ename"], "Bad");
    let reply = number(json!({"code": "panic"}));
    assert_eq!((&reply["status"], &reply["ename"]), (&json!("error"), &json!("InternalError")));
    outlet.summary();
    number(json!({"code": "1", "silent": true}));
    assert_eq!(outlet.summary(), ["stream a"]);
    assert_eq!(
        session.history().answer(&jupyter_protocol::HistoryRequest::Tail { n: 2, output: true, raw: true }),
        [json!([1, 2, ["1", "1"]]), json!([1, 3, ["panic", null]])]
    );
}

#[test]
fn queries_are_answered_without_and_with_an_evaluator() {
    let (session, _lanes, outlet) = session();
    let ask = |msg_type: &str, content: Value| {
        session.answer(&request("a", msg_type, content));
        let reply = outlet.reply();
        let lines = outlet.summary();
        let name = msg_type.replace("request", "reply");
        assert_eq!(lines, ["busy a".into(), format!("shell:{name} a"), "idle a".into()]);
        reply
    };
    assert_eq!(ask("complete_request", json!({"code": "ab"}))["cursor_start"], 2);
    assert_eq!(ask("inspect_request", json!({"code": "known"}))["found"], false);
    assert_eq!(ask("is_complete_request", json!({"code": "{"})), json!({"status": "unknown"}));
    session.insight.get_or_init(|| Fake::default().insight());
    let complete = ask("complete_request", json!({"code": "ab"}));
    assert_eq!(complete["matches"], json!(["ab"]));
    assert_eq!(complete["metadata"]["_jupyter_types_experimental"][0]["type"], "variable");
    assert_eq!(ask("inspect_request", json!({"code": "known"}))["data"]["text/plain"], "it");
    let indent = json!({"status": "incomplete", "indent": "    "});
    assert_eq!(ask("is_complete_request", json!({"code": "{"})), indent);
    assert_eq!(ask("is_complete_request", json!({"code": ")"}))["status"], "invalid");
    assert_eq!(ask("is_complete_request", json!({"code": "panic"}))["ename"], "InternalError");
    assert_eq!(ask("is_complete_request", json!({}))["ename"], "BadRequest");
    assert_eq!(ask("comm_info_request", json!({}))["comms"], json!({}));
    assert_eq!(ask("usage_request", json!({}))["pid"], 7);
    assert_eq!(ask("connect_request", json!({}))["hb_port"], 5);
    assert_eq!(ask("debug_request", json!({"seq": 4}))["request_seq"], 4);
    let info = ask("kernel_info_request", json!({}));
    assert_eq!(info["language_info"]["name"], "rust");
    assert_eq!((&info["protocol_version"], &info["supported_features"]), (&json!("5.5"), &json!([])));
    for (msg_type, expected) in [
        ("comm_open", vec!["busy a", "comm_close a", "idle a"]),
        ("comm_msg", vec!["busy a", "idle a"]),
        ("strange_request", vec!["busy a", "idle a"]),
    ] {
        session.answer(&request("a", msg_type, json!({"comm_id": "c"})));
        assert_eq!(outlet.summary(), expected);
    }
}

#[test]
fn a_running_cell_stays_visible() {
    let (session, _lanes, outlet) = session();
    *lock(&session.running) = Some(Arc::new(execute("cell", "1")));
    session.answer(&request("a", "kernel_info_request", json!({})));
    assert_eq!(outlet.summary().last().unwrap(), "busy cell");
}

#[test]
fn questions_are_answered_or_given_up() {
    let (session, _lanes, outlet) = session();
    let ask = |after: &dyn Fn()| {
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| session.prompts.ask(&*outlet, &execute("a", "ask"), "name", false));
            let start = Instant::now();
            while lock(&outlet.0).is_empty() && start.elapsed().as_secs() < 5 {
                std::thread::yield_now();
            }
            after();
            asked.join().unwrap()
        })
    };
    let reply = |parent: &str, value: &str| {
        let parts = [
            json!({"msg_id": "r", "msg_type": "input_reply"}),
            json!({"msg_id": parent}),
            json!({}),
            json!({"value": value, "status": "ok"}),
        ];
        let parts = parts.map(|part| Bytes::from(part.to_string()));
        let reply = Request::from_parts(Channel::Stdin, Vec::new(), &parts).unwrap();
        accept(&session, reply);
    };
    session.prompts.answer(None, "nobody asked".into());
    assert_eq!(ask(&|| session.prompts.answer(None, "yes".into())).as_deref(), Some("yes"));
    assert_eq!(outlet.summary(), ["stdin:input_request a"]);
    let stale = || {
        reply("an older question", "no");
        session.interrupt();
    };
    assert_eq!(ask(&stale), None);
    outlet.summary();
    assert_eq!(session.prompts.ask(&*outlet, &execute("a", "ask"), "again", false), None);
    assert!(outlet.summary().is_empty(), "an interrupted cell asks nothing more");
    session.prompts.begin();
    assert_eq!(ask(&|| session.prompts.answer(None, "next cell".into())).as_deref(), Some("next cell"));
    session.prompts.close();
    assert_eq!(ask(&|| ()), None);
}

#[test]
fn pages_go_with_the_reply_or_among_the_outputs_of_an_error() {
    let (session, _lanes, outlet) = session();
    let run = |code| session.run_cell(&mut Fake::default(), execute("a", code).into());
    run("pages");
    let page = json!([{"source": "page", "data": {"text/plain": "first\n\nsecond"}, "start": 0}]);
    assert_eq!(outlet.reply()["payload"], page);
    assert!(!outlet.summary().contains(&"display_data a".to_owned()));
    run("page and fail");
    assert_eq!(outlet.reply()["payload"], json!([]));
    assert!(outlet.summary().contains(&"display_data a".to_owned()));
}

#[test]
fn shutdown_is_announced_and_ends_the_session() {
    let (session, lanes, outlet) = session();
    accept(&session, request("s", "shutdown_request", json!({"restart": true})));
    accept(&session, execute("late", "1"));
    session.answer(&lanes.queries.try_recv().unwrap());
    accept(&session, execute("later", "1"));
    let expected = [
        "busy s",
        "shell:shutdown_reply s",
        "shutdown_reply s",
        "idle s",
        "busy late",
        "shell:execute_reply late",
        "idle late",
        "busy later",
        "shell:execute_reply later",
        "idle later",
    ];
    assert_eq!(outlet.summary(), expected);
    assert_eq!(session.wait(), SessionEnd { restart: true });
}

#[test]
fn signals_interrupt_and_terminate() {
    let (session, lanes, outlet) = session();
    let fake = Fake::default();
    session.insight.get_or_init(|| fake.insight());
    lock(&session.queue).done = true;
    for event in [Event::Interrupt, Event::Terminate] {
        session.accept(event);
        session.on_control(lanes.control.try_recv().unwrap());
    }
    assert_eq!(fake.interrupts.load(Ordering::SeqCst), 1);
    assert_eq!(outlet.summary(), ["shutdown_reply "]);
    assert_eq!(session.wait(), SessionEnd { restart: false });
}

#[test]
fn who_attaches_is_given_what_the_last_cell_put_out() {
    let (session, _lanes, outlet) = session();
    run(
        &session,
        vec![execute("z", " :attach;"), execute("a", "1 + 1"), execute("b", "%attach"), execute("c", ":attach")],
    );
    let lines = lock(&outlet.0).clone();
    let told = |id: &str| -> Vec<String> {
        let mine = lines.iter().filter(|line| line.2 == id && ["stream", "display_data"].contains(&&*line.1));
        mine.map(|line| line.3["text"].as_str().or(line.3["data"]["text/plain"].as_str()).unwrap().to_owned()).collect()
    };
    assert!(told("z")[0].starts_with("nothing has run yet"), "{:?}", told("z"));
    for id in ["b", "c"] {
        assert_eq!(told(id)[0], "[2] ended less than a second ago\n");
        assert_eq!(told(id)[1..], ["out", "1 + 1"]);
    }
}

#[test]
fn who_attaches_is_not_aborted_and_told_the_error() {
    let (session, _lanes, outlet) = session();
    accept(&session, execute("b", "1"));
    accept(&session, execute("c", ":attach"));
    session.run_cell(&mut Fake::default(), Arc::new(execute("a", "fail")));
    let queued: Vec<_> = lock(&session.queue).waiting.drain(..).collect();
    assert_eq!(queued.iter().map(|request| &*request.header.msg_id).collect::<Vec<_>>(), ["c"]);
    session.run_cell(&mut Fake::default(), queued[0].clone());
    let summary = outlet.summary();
    assert!(!summary.contains(&"execute_input b".into()), "{summary:?}");
    let expected = ["busy c", "execute_input c", "stream c", "stream c", "shell:execute_reply c", "idle c"];
    assert_eq!(summary[summary.len() - 6..], expected);
}
