//! The sink of a headless run: collects outputs as a frontend would, and passes them on to the
//! transcript as they come. It knows nothing of files or pages.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::{Map, Value, json};

use super::notebook::{Notebook, lines_of, text_of};
use super::terminal::Transcript;
use ferrolab_jupyter::session::evaluator::{CellError, Display, Sink, Stream};

/// Unfinished lines longer than this are reduced to what a terminal would show of them, so that a
/// bar that redraws itself with `\r` for hours takes no memory.
const LONG_LINE: usize = 16 * 1024;

/// One output of a cell.
enum Output {
    Stream {
        stream: Stream,
        text: StreamText,
    },
    Display {
        display: Display,
        /// The number of the cell, when it is its result.
        count: Option<u32>,
    },
    Error(CellError),
}

impl Output {
    fn to_json(&self) -> Value {
        match self {
            Self::Stream { stream, text } => json!({
                "name": match stream {
                    Stream::Stdout => "stdout",
                    Stream::Stderr => "stderr",
                },
                "output_type": "stream",
                "text": lines_of(&text.shown()),
            }),
            Self::Display { display, count } => {
                let data = bundle(&display.data);
                let metadata = &display.metadata;
                match count {
                    Some(n) => json!({
                        "data": data, "execution_count": n, "metadata": metadata,
                        "output_type": "execute_result",
                    }),
                    None => json!({
                        "data": data, "metadata": metadata, "output_type": "display_data",
                    }),
                }
            }
            Self::Error(error) => json!({
                "ename": error.name,
                "evalue": error.value,
                "output_type": "error",
                "traceback": error.traceback,
            }),
        }
    }
}

/// A MIME bundle as a notebook keeps it: texts as lists of lines.
fn bundle(data: &Map<String, Value>) -> Map<String, Value> {
    let entry = |(mime, value): (&String, &Value)| {
        let is_text = mime.starts_with("text/") || mime == "image/svg+xml";
        let value = match value {
            Value::String(text) if is_text => lines_of(text),
            other => other.clone(),
        };
        (mime.clone(), value)
    };
    data.iter().map(entry).collect()
}

/// What was written to one stream, with `\r` and backspace applied to lines that ended.
#[derive(Default)]
struct StreamText {
    text: String,
    /// Where the unfinished last line starts in `text`; it is as it was written.
    tail: usize,
}

impl StreamText {
    fn push(&mut self, more: &str) {
        self.text.push_str(more);
        let raw = &self.text[self.tail..];
        if !raw.contains(['\r', '\u{8}']) {
            if let Some(at) = raw.rfind('\n') {
                self.tail += at + 1;
            }
            return;
        }
        let mut kept = String::new();
        let mut lines = raw.split_inclusive('\n').peekable();
        let mut last = "";
        while let Some(line) = lines.next() {
            if lines.peek().is_none() && !line.ends_with('\n') {
                last = line;
            } else {
                kept.push_str(&overwrite(line));
            }
        }
        let finished = kept.len();
        match last.rfind('\r') {
            // What comes next starts over at the left, above what is shown now.
            Some(at) if last.len() > LONG_LINE => {
                kept.push_str(&overwrite(&last[..at]));
                kept.push_str(&last[at..]);
            }
            _ => kept.push_str(last),
        }
        self.text.truncate(self.tail);
        self.text.push_str(&kept);
        self.tail += finished;
    }

    fn shown(&self) -> String {
        let (done, tail) = self.text.split_at(self.tail);
        format!("{done}{}", overwrite(tail))
    }
}

/// What a terminal shows of one line in which `\r` goes back to its start and backspace one back.
fn overwrite(line: &str) -> String {
    let (body, end) = match line.strip_suffix('\n') {
        Some(body) => (body.strip_suffix('\r').unwrap_or(body), "\n"),
        None => (line, ""),
    };
    if !body.contains(['\r', '\u{8}']) {
        return format!("{body}{end}");
    }
    if body.contains('\u{1b}') {
        // Columns cannot be counted across escape sequences: the last version is what counts.
        let mut versions = body.rsplit('\r').filter(|version| !version.is_empty());
        return format!("{}{end}", versions.next().unwrap_or_default());
    }
    let mut shown: Vec<char> = Vec::new();
    let mut column = 0_usize;
    for c in body.chars() {
        match c {
            '\r' => column = 0,
            '\u{8}' => column = column.saturating_sub(1),
            c if column < shown.len() => {
                shown[column] = c;
                column += 1;
            }
            c => {
                shown.push(c);
                column += 1;
            }
        }
    }
    let shown: String = shown.into_iter().collect();
    format!("{shown}{end}")
}

struct Collected {
    /// The outputs of every cell of the notebook.
    cells: Vec<Vec<Output>>,
    /// The cell that runs.
    current: usize,
    /// Its number.
    number: u32,
    /// `clear_output(wait=True)` came and nothing after it yet.
    clear_first: bool,
    /// How often something changed.
    changes: u64,
    transcript: Transcript,
}

impl Collected {
    fn add(&mut self, output: Output) {
        self.clear_if_asked();
        if let Some(outputs) = self.cells.get_mut(self.current) {
            outputs.push(output);
        }
    }

    fn clear_if_asked(&mut self) {
        if std::mem::take(&mut self.clear_first) {
            self.clear_now();
        }
    }

    fn clear_now(&mut self) {
        if let Some(outputs) = self.cells.get_mut(self.current) {
            outputs.clear();
        }
        self.transcript.clear();
    }

    /// Changes every display of this id, in whichever cell it is.
    fn replace(&mut self, new: &Display) {
        if new.display_id.is_none() {
            return;
        }
        for output in self.cells.iter_mut().flatten() {
            if let Output::Display { display, .. } = output
                && display.display_id == new.display_id
            {
                display.data.clone_from(&new.data);
                display.metadata.clone_from(&new.metadata);
            }
        }
    }

    fn show(&mut self, display: Display, count: Option<u32>) {
        self.replace(&display);
        let text = plain(&display);
        let id = display.display_id.clone();
        self.add(Output::Display { display, count });
        self.transcript.display(count, id.as_deref(), &text);
    }
}

/// The text of a display for the transcript.
fn plain(display: &Display) -> String {
    if let Some(text) = display.data.get("text/plain").and_then(text_of) {
        return text;
    }
    let kinds: Vec<&str> = display.data.keys().map(String::as_str).collect();
    format!("[{}]", kinds.join(", "))
}

/// The sink of every cell of a notebook.
pub(super) struct Collector {
    state: Mutex<Collected>,
    /// Set when the running cell is interrupted, so that nobody waits for input any more.
    stop: Arc<AtomicBool>,
    /// Typed already, not asked for yet.
    typed: Mutex<Vec<u8>>,
}

impl Collector {
    pub(super) fn new(cells: usize, transcript: Transcript, stop: Arc<AtomicBool>) -> Self {
        let cells = (0..cells).map(|_| Vec::new()).collect();
        Self {
            state: Mutex::new(Collected { cells, current: 0, number: 0, clear_first: false, changes: 0, transcript }),
            stop,
            typed: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, Collected> {
        // Nothing in here panics half way through a change.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.changes += 1;
        state
    }

    /// A number that is another one when something has changed.
    pub(super) fn changes(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).changes
    }

    /// Cells of another notebook from now on: for each, the cell whose outputs it goes on with.
    pub(super) fn rearrange(&self, from: &[Option<usize>]) {
        let mut state = self.state();
        let mut before = std::mem::take(&mut state.cells);
        let take =
            |old: &Option<usize>| old.and_then(|old| before.get_mut(old)).map(std::mem::take).unwrap_or_default();
        state.cells = from.iter().map(take).collect();
        state.current = usize::MAX;
        state.clear_first = false;
    }

    /// The outputs that follow belong to this cell.
    pub(super) fn begin(&self, index: usize, number: u32, code: &str) {
        let mut state = self.state();
        state.current = index;
        state.number = number;
        state.clear_first = false;
        state.transcript.input(number, code);
    }

    /// The cell is over.
    pub(super) fn end(&self, elapsed: Duration, ok: bool) {
        self.state().transcript.finish(elapsed, ok);
    }

    /// The cell failed.
    pub(super) fn error(&self, error: CellError) {
        let mut state = self.state();
        state.transcript.error(&error);
        state.add(Output::Error(error));
    }

    /// Writes something else into the transcript.
    pub(super) fn transcript(&self, write: impl FnOnce(&mut Transcript)) {
        write(&mut self.state().transcript);
    }

    /// Puts the outputs into the notebook.
    pub(super) fn copy_into(&self, notebook: &mut Notebook) {
        for (index, outputs) in self.state.lock().unwrap_or_else(PoisonError::into_inner).cells.iter().enumerate() {
            if !outputs.is_empty() {
                notebook.set_outputs(index, outputs.iter().map(Output::to_json).collect());
            }
        }
    }

    /// One line from standard input; waits for it, but not beyond an interrupt.
    fn read_line(&self) -> Option<String> {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        let stdin = rustix::stdio::stdin();
        loop {
            if let Some(at) = typed.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = typed.drain(..=at).collect();
                return Some(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
            }
            if self.stop.load(Ordering::Acquire) {
                return None;
            }
            let mut wait = [PollFd::new(&stdin, PollFlags::IN)];
            let tenth = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
            match poll(&mut wait, Some(&tenth)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(_) => return None,
            }
            let mut buffer = [0; 4096];
            match rustix::io::read(stdin, &mut buffer) {
                Ok(0) if typed.is_empty() => return None,
                Ok(0) => typed.push(b'\n'),
                Ok(n) => typed.extend_from_slice(&buffer[..n]),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }
}

impl Sink for Collector {
    fn stream(&self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut state = self.state();
        state.clear_if_asked();
        let current = state.current;
        match state.cells.get_mut(current).and_then(|outputs| outputs.last_mut()) {
            Some(Output::Stream { stream: last, text: so_far }) if *last == stream => so_far.push(text),
            _ => {
                let mut fresh = StreamText::default();
                fresh.push(text);
                state.add(Output::Stream { stream, text: fresh });
            }
        }
        state.transcript.stream(stream, text);
    }

    fn display(&self, display: Display) {
        self.state().show(display, None);
    }

    fn update(&self, display: Display) {
        let mut state = self.state();
        state.replace(&display);
        if let Some(id) = &display.display_id {
            state.transcript.update(id, &plain(&display));
        }
    }

    fn result(&self, display: Display) {
        let mut state = self.state();
        let number = state.number;
        state.show(display, Some(number));
    }

    fn clear(&self, wait: bool) {
        let mut state = self.state();
        if wait {
            state.clear_first = true;
        } else {
            state.clear_first = false;
            state.clear_now();
        }
    }

    fn input(&self, prompt: &str, password: bool) -> Option<String> {
        self.state().transcript.prompt(prompt);
        let stdin = io::stdin();
        let before = if password && stdin.is_terminal() { tcgetattr(&stdin).ok() } else { None };
        if let Some(modes) = &before {
            let mut silent = modes.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            // Typing is visible then, which is no reason not to ask.
            let _ = tcsetattr(&stdin, OptionalActions::Now, &silent);
        }
        let line = self.read_line();
        if let Some(modes) = &before {
            let _ = tcsetattr(&stdin, OptionalActions::Now, modes);
        }
        let echoed = stdin.is_terminal() && before.is_none();
        let shown = line.as_deref().filter(|_| !password && !echoed);
        self.state().transcript.answered(shown, echoed && line.is_some());
        let _ = io::stdout().flush();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriage_returns_overwrite() {
        assert_eq!(overwrite("abc\rx\n"), "xbc\n");
        assert_eq!(overwrite("abc\r\n"), "abc\n");
        assert_eq!(overwrite("ab\u{8}c"), "ac");
        assert_eq!(overwrite("\u{1b}[2Kold\r\u{1b}[2Knew\r"), "\u{1b}[2Knew");
    }

    #[test]
    fn a_bar_for_hours_takes_no_memory() {
        let mut text = StreamText::default();
        text.push("start\n");
        for i in 0..100_000 {
            text.push(&format!("\r{i:>6} of 100000"));
        }
        assert!(text.text.len() < 2 * LONG_LINE, "{}", text.text.len());
        assert_eq!(text.shown(), "start\n 99999 of 100000");
        text.push("\ndone\r\n");
        assert_eq!(text.shown(), "start\n 99999 of 100000\ndone\n");
    }
}
