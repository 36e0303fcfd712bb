//! Whole runs against an evaluator that knows a handful of words: what comes out as notebook, page,
//! transcript and status.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::terminal::Transcript;
use super::{FAILED, Page, RAN, RunOptions, UNUSABLE, status};
use ferrolab_jupyter::session::evaluator::{
    Cell, CellError, Completeness, Completions, Display, Evaluator, Insight, Sink, Stream, Usage, Verdict,
};

#[derive(Default)]
struct Flag(AtomicBool);

impl Insight for Flag {
    fn complete(&self, _: &str, cursor: usize) -> Completions {
        Completions { start: cursor, end: cursor, matches: Vec::new() }
    }
    fn inspect(&self, _: &str, _: usize, _: u8) -> Option<serde_json::Map<String, Value>> {
        None
    }
    fn is_complete(&self, _: &str) -> Completeness {
        Completeness::Complete
    }
    fn interrupt(&self) {
        self.0.store(true, Ordering::Release);
    }
    fn shutdown(&self) {
        self.0.store(true, Ordering::Release);
    }
    fn usage(&self) -> Usage {
        Usage { cpu_percent: 0.0, memory_bytes: 0, pid: 0 }
    }
}

/// Understands one command a line.
#[derive(Default)]
struct Fake(Arc<Flag>);

fn display(id: &str, text: &str) -> Display {
    let data = json!({ "text/plain": text, "text/html": format!("<b>{text}</b>") });
    Display {
        data: data.as_object().cloned().unwrap_or_default(),
        metadata: serde_json::Map::new(),
        display_id: (!id.is_empty()).then(|| id.to_owned()),
    }
}

fn error(name: &str, value: &str) -> Verdict {
    Verdict::Error(CellError {
        name: name.to_owned(),
        value: value.to_owned(),
        traceback: vec![format!("\u{1b}[1;31m{name}\u{1b}[0m: {value}")],
    })
}

impl Evaluator for Fake {
    fn execute(&mut self, cell: &Cell, sink: &Arc<dyn Sink>) -> Verdict {
        self.0.0.store(false, Ordering::Release);
        for line in cell.code.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "print" => sink.stream(Stream::Stdout, &format!("{rest}\n")),
                "bar" => sink.stream(Stream::Stdout, &format!("\r{rest}")),
                "warn" => sink.stream(Stream::Stderr, &format!("{rest}\n")),
                "show" => sink.display(display("", rest)),
                "make" => sink.display(display("p", rest)),
                "update" => sink.update(display("p", rest)),
                "value" => sink.result(display("", rest)),
                "clear" => sink.clear(false),
                "clear_wait" => sink.clear(true),
                "fail" => return error("panic", rest),
                "quit" => return Verdict::Quit,
                "hang" => {
                    let start = Instant::now();
                    while !self.0.0.load(Ordering::Acquire) {
                        assert!(start.elapsed() < Duration::from_secs(10), "never interrupted");
                        thread::sleep(Duration::from_millis(2));
                    }
                    return error("Interrupted", "the cell was interrupted");
                }
                other => panic!("unknown word {other}"),
            }
        }
        Verdict::Ok
    }
    fn expression(&mut self, _: &str) -> Result<Display, CellError> {
        Ok(Display::default())
    }
    fn insight(&self) -> Arc<dyn Insight> {
        self.0.clone()
    }
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Outcome {
    status: u8,
    notebook: Value,
    page: String,
    transcript: String,
}

impl Outcome {
    fn outputs(&self, cell: usize) -> &Value {
        &self.notebook["cells"][cell]["outputs"]
    }
}

fn run_cells(name: &str, cells: Value, change: impl FnOnce(&mut RunOptions)) -> Outcome {
    run_on(name, cells, false, change)
}

fn run_on(name: &str, cells: Value, terminal: bool, change: impl FnOnce(&mut RunOptions)) -> Outcome {
    let dir: PathBuf = std::env::temp_dir().join(format!("ferrolab-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("a.ipynb");
    let cells: Vec<Value> = cells
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| match cell {
            Value::String(code) => json!({
                "cell_type": "code", "source": code, "metadata": {"keep": 1},
                "outputs": [{"output_type": "stream", "name": "stdout", "text": "old"}],
                "execution_count": 99,
            }),
            other => other.clone(),
        })
        .collect();
    let notebook = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    fs::write(&file, notebook.to_string()).unwrap();
    let mut options = RunOptions {
        notebook: file,
        output: None,
        inplace: false,
        allow_errors: false,
        timeout: None,
        page: Page::Beside,
        parameters: Vec::new(),
        parameters_file: None,
    };
    change(&mut options);
    let written = Written::default();
    let transcript = Transcript::new(Box::new(written.clone()), terminal, false);
    let status = status(&options, transcript, |_, _| Ok(Box::new(Fake::default())));
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
    let outcome = Outcome {
        status,
        notebook: serde_json::from_str(&read("a.executed.ipynb")).unwrap_or_default(),
        page: read("a.executed.html"),
        transcript: String::from_utf8_lossy(&written.0.lock().unwrap()).into_owned(),
    };
    fs::remove_dir_all(dir).unwrap();
    outcome
}

#[test]
fn outputs_are_collected_as_a_frontend_does() {
    let code = "print a\nprint b\nwarn w\nbar 1\nbar 22\nshow d\nvalue 42";
    let done = run_cells("collect", json!([code, "value 2"]), |_| {});
    assert_eq!(done.status, RAN);
    let data = |text: &str| json!({"text/plain": [text], "text/html": [format!("<b>{text}</b>")]});
    let wanted = json!([
        {"name": "stdout", "output_type": "stream", "text": ["a\n", "b\n"]},
        {"name": "stderr", "output_type": "stream", "text": ["w\n"]},
        {"name": "stdout", "output_type": "stream", "text": ["22"]},
        {"data": data("d"), "metadata": {}, "output_type": "display_data"},
        {"data": data("42"), "metadata": {}, "output_type": "execute_result", "execution_count": 1},
    ]);
    assert_eq!(done.outputs(0), &wanted);
    let cell = &done.notebook["cells"][1];
    assert_eq!(cell["execution_count"], 2);
    assert_eq!(cell["metadata"]["keep"], 1);
    let ended = cell["metadata"]["execution"]["shell.execute_reply"].as_str().unwrap();
    assert!(ended.starts_with("20") && ended.ends_with('Z'), "{ended}");
    assert!(done.page.contains("<b>42</b>"), "{}", done.page);
    assert!(done.transcript.contains("In [1]: print a\n   ...: print b\n"), "{}", done.transcript);
    assert!(done.transcript.contains("Out[1]: 42\n"), "{}", done.transcript);
}

#[test]
fn updates_reach_every_display_of_their_id() {
    let done = run_cells("update", json!(["make 1\nupdate 2", "print x\nmake 3", "update 4"]), |_| {});
    assert_eq!(done.outputs(0)[0]["data"]["text/plain"], json!(["4"]));
    assert_eq!(done.outputs(1)[1]["data"]["text/plain"], json!(["4"]));
    assert_eq!(done.outputs(2), &json!([]));
    // Not on a terminal: only the state at the end of the cell.
    assert!(done.transcript.contains("update 2\n2\n["), "{}", done.transcript);
    assert!(!done.transcript.contains('\r'), "{}", done.transcript);
}

#[test]
fn progress_is_redrawn_in_place_on_a_terminal() {
    let code = "make 1 of 2\nprint hello\nupdate 2 of 2";
    let done = run_on("live", json!([code]), true, |_| {});
    let drawn = "1 of 2\r\u{1b}[Jhello\n1 of 2\r\u{1b}[J2 of 2\r\u{1b}[J2 of 2\n[";
    assert!(done.transcript.contains(drawn), "{:?}", done.transcript);
}

#[test]
fn clear_output_waits_for_the_next_output() {
    let done = run_cells("clear", json!(["print a\nclear\nprint b", "print a\nclear_wait"]), |_| {});
    assert_eq!(done.outputs(0)[0]["text"], json!(["b\n"]));
    assert_eq!(done.outputs(1)[0]["text"], json!(["a\n"]));
    let done = run_cells("clear", json!(["print a\nclear_wait\nprint b"]), |_| {});
    assert_eq!(done.outputs(0)[0]["text"], json!(["b\n"]));
}

#[test]
fn a_failure_stops_the_run_and_is_written() {
    let cells = json!(["print a\nfail boom", "print never"]);
    let done = run_cells("fail", cells.clone(), |_| {});
    assert_eq!(done.status, FAILED);
    assert_eq!(done.outputs(0)[1]["ename"], "panic");
    assert_eq!(done.outputs(1), &json!([]));
    assert_eq!(done.notebook["cells"][1]["execution_count"], Value::Null);
    assert!(done.page.contains("<span class=\"f1 ab\">panic</span>: boom"), "{}", done.page);
    assert!(done.transcript.contains("panic: boom\n[failed after "), "{}", done.transcript);
    let done = run_cells("allow", cells, |options| options.allow_errors = true);
    assert_eq!(done.status, FAILED);
    assert_eq!(done.outputs(1)[0]["text"], json!(["never\n"]));
}

#[test]
fn expected_failures_and_skipped_cells() {
    let cell = |code: &str, tag: &str| json!({"cell_type": "code", "source": code, "metadata": {"tags": [tag]}});
    let cells = json!([cell("fail x", "raises-exception"), cell("fail y", "skip-execution"), "value 1"]);
    let done = run_cells("tags", cells, |_| {});
    assert_eq!(done.status, RAN);
    assert_eq!(done.outputs(1), &json!([]));
    assert_eq!(done.notebook["cells"][2]["execution_count"], 2);
}

#[test]
fn a_cell_that_takes_too_long_is_interrupted() {
    let limit = Duration::from_millis(50);
    let done = run_cells("timeout", json!(["hang"]), |options| options.timeout = Some(limit));
    assert_eq!(done.status, FAILED);
    let error = &done.outputs(0)[0];
    assert_eq!(error["ename"], "Timeout");
    assert_eq!(error["evalue"], "the cell ran longer than the --timeout of 0.05 s");
    assert_eq!(error["traceback"].as_array().map(Vec::len), Some(2));
}

#[test]
fn quit_ends_the_notebook_and_is_no_failure() {
    let done = run_cells("quit", json!(["print a\nquit", "print b"]), |_| {});
    assert_eq!(done.status, RAN);
    assert_eq!(done.outputs(1), &json!([]));
}

#[test]
fn what_cannot_be_read_or_written_is_status_2() {
    let done = run_cells("unusable", json!([]), |options| {
        options.notebook.set_extension("nothing");
    });
    assert_eq!(done.status, UNUSABLE);
    let output = |options: &mut RunOptions| options.output = Some("/proc/no/such".into());
    assert_eq!(run_cells("unwritable", json!(["fail x"]), output).status, UNUSABLE);
}
