//! The transcript: what a run prints while it goes on. Displays that are updated are redrawn in
//! place on a terminal; elsewhere only their final state is printed. It collects nothing.

use std::io::Write;
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthChar;

use ferrolab_jupyter::session::evaluator::{CellError, Stream};

const PROMPT: &str = "\x1b[34m";
const RESULT: &str = "\x1b[31m";
const WARNING: &str = "\x1b[33m";
const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const OFF: &str = "\x1b[0m";

/// Where displays cannot be redrawn, a changed one is printed again after this time, and then after
/// twice the time, and so on.
const FIRST_REPEAT: Duration = Duration::from_secs(10);
/// Longer texts are not redrawn: bars are short, and a figure would fill the terminal.
const MOST_LINES: usize = 12;

/// A display that may still change.
struct Changing {
    id: String,
    text: String,
    /// Printed like this already; it is printed once more at the end if it changed.
    printed: Option<String>,
    /// When it is printed next while it changes, and how long after the last time that is.
    repeat: (Instant, Duration),
}

/// Writes the transcript. Nobody is told when writing fails: a reader that went away is no reason
/// to stop a run.
pub(super) struct Transcript {
    out: Box<dyn Write + Send>,
    terminal: bool,
    colours: bool,
    live: Vec<Changing>,
    /// How many lines of live displays are on the screen now, the last without line end.
    drawn: usize,
    /// Text of a stream without its line end yet, held back while live displays are drawn.
    held: String,
    line_start: bool,
    first_repeat: Duration,
}

impl Transcript {
    pub(super) fn new(out: Box<dyn Write + Send>, terminal: bool, colours: bool) -> Self {
        Self {
            out,
            terminal,
            colours,
            live: Vec::new(),
            drawn: 0,
            held: String::new(),
            line_start: true,
            first_repeat: FIRST_REPEAT,
        }
    }

    fn put(&mut self, text: &str) {
        if !text.is_empty() {
            let _ = self.out.write_all(text.as_bytes());
            self.line_start = text.ends_with('\n');
        }
    }

    fn coloured(&mut self, colour: &str, text: &str) {
        if self.colours {
            self.put(&format!("{colour}{text}{OFF}"));
        } else {
            self.put(text);
        }
    }

    fn flush(&mut self) {
        let _ = self.out.flush();
    }

    /// Starts a new line unless one has just started.
    fn new_line(&mut self) {
        if !self.line_start {
            self.put("\n");
        }
    }

    /// The headings of a text cell.
    pub(super) fn markdown(&mut self, source: &str) {
        let mut fenced = false;
        for line in source.lines() {
            fenced ^= line.trim_start().starts_with("```");
            let title = line.trim_start_matches('#');
            let level = line.len() - title.len();
            if !fenced && (1..=6).contains(&level) && title.starts_with(' ') {
                self.coloured(BOLD, title.trim());
                self.put("\n\n");
            }
        }
        self.flush();
    }

    /// The text of a cell about to run.
    pub(super) fn input(&mut self, number: u32, code: &str) {
        let prompt = format!("In [{number}]: ");
        let more = format!("{:>width$}", "...: ", width = prompt.len());
        for (index, line) in code.trim_end().lines().enumerate() {
            self.coloured(PROMPT, if index == 0 { &prompt } else { &more });
            self.put(line);
            self.put("\n");
        }
        self.flush();
    }

    /// Text a cell wrote.
    pub(super) fn stream(&mut self, stream: Stream, text: &str) {
        if self.drawn == 0 {
            // A text with colours of its own keeps them.
            if stream == Stream::Stderr && self.colours && !text.contains('\x1b') {
                let ended = text.ends_with('\n');
                self.coloured(WARNING, text.strip_suffix('\n').unwrap_or(text));
                self.put(if ended { "\n" } else { "" });
            } else {
                self.put(text);
            }
            self.flush();
            return;
        }
        self.held.push_str(text);
        if let Some(at) = self.held.rfind('\n') {
            let rest = self.held.split_off(at + 1);
            let whole = std::mem::replace(&mut self.held, rest);
            self.erase();
            self.put(&whole);
            self.draw();
        }
    }

    /// A display, or with `count` the result of that cell.
    pub(super) fn display(&mut self, count: Option<u32>, id: Option<&str>, text: &str) {
        let text = text.trim_end_matches('\n');
        if let Some(id) = id.filter(|_| count.is_none()) {
            let most = if self.terminal { MOST_LINES } else { 1 };
            let redrawn = text.lines().count() <= most;
            self.live.retain(|live| live.id != id);
            self.live.push(Changing {
                id: id.to_owned(),
                text: text.to_owned(),
                printed: (!redrawn).then(|| text.to_owned()),
                repeat: (Instant::now() + self.first_repeat, self.first_repeat),
            });
            if redrawn {
                return self.redraw();
            }
        }
        self.erase();
        self.new_line();
        if let Some(number) = count {
            self.coloured(RESULT, &format!("Out[{number}]: "));
            // The lines of a table stay below each other.
            self.put(if text.contains('\n') { "\n" } else { "" });
            self.put(text);
        } else {
            self.put(text);
        }
        self.put("\n");
        self.draw();
        self.flush();
    }

    /// A display of this cell changed; those of earlier cells are not repeated.
    pub(super) fn update(&mut self, id: &str, text: &str) {
        let text = text.trim_end_matches('\n');
        let found = self.live.iter_mut().find(|live| live.id == id);
        let Some(live) = found.filter(|live| live.text != text) else {
            return;
        };
        text.clone_into(&mut live.text);
        if self.terminal {
            if live.printed.is_none() {
                self.redraw();
            }
        } else if live.repeat.0 <= Instant::now() {
            let pause = live.repeat.1 * 2;
            live.repeat = (Instant::now() + pause, pause);
            live.printed = Some(text.to_owned());
            self.new_line();
            self.put(text);
            self.put("\n");
            self.flush();
        }
    }

    /// `clear_output`: live displays are gone; what was printed stays in the transcript.
    pub(super) fn clear(&mut self) {
        self.erase();
        self.live.clear();
        self.release();
        self.flush();
    }

    /// The cell's error.
    pub(super) fn error(&mut self, error: &CellError) {
        self.settle();
        let mut text = error.traceback.join("\n");
        if text.is_empty() {
            text = format!("{}: {}", error.name, error.value);
        }
        let text = if self.colours { text } else { without_escapes(&text) };
        self.put(text.trim_end_matches('\n'));
        self.put("\n");
        self.flush();
    }

    /// A question to the user; the cursor stays behind it.
    pub(super) fn prompt(&mut self, prompt: &str) {
        self.settle();
        self.put(prompt);
        self.flush();
    }

    /// The question was answered: with this text, which is not on the screen yet, or with one that
    /// the terminal has shown, line end included.
    pub(super) fn answered(&mut self, text: Option<&str>, echoed: bool) {
        if echoed {
            self.line_start = true;
            return;
        }
        self.put(text.unwrap_or_default());
        self.put("\n");
        self.flush();
    }

    /// The cell is over.
    pub(super) fn finish(&mut self, elapsed: Duration, ok: bool) {
        self.settle();
        let note = if ok { "" } else { "failed after " };
        let line = format!("[{note}{}]", seconds(elapsed));
        self.coloured(if ok { DIM } else { RESULT }, &line);
        self.put("\n\n");
        self.flush();
    }

    /// A line of our own.
    pub(super) fn note(&mut self, text: &str) {
        self.settle();
        self.put(text);
        self.put("\n");
        self.flush();
    }

    /// The run is over.
    pub(super) fn end(&mut self) {
        self.settle();
        self.flush();
    }

    /// Makes the live displays part of the transcript in their final state.
    fn settle(&mut self) {
        self.erase();
        self.release();
        self.new_line();
        for live in std::mem::take(&mut self.live) {
            if live.printed.as_deref() != Some(&live.text) && !live.text.is_empty() {
                self.put(&live.text);
                self.put("\n");
            }
        }
    }

    fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.put(&held);
    }

    fn redraw(&mut self) {
        self.erase();
        self.draw();
        self.flush();
    }

    /// Takes the live displays off the screen.
    fn erase(&mut self) {
        if self.drawn > 0 {
            let up = match self.drawn {
                1 => String::new(),
                lines => format!("\x1b[{}A", lines - 1),
            };
            let _ = write!(self.out, "\r{up}\x1b[J");
            self.drawn = 0;
            self.line_start = true;
        }
    }

    /// Draws the live displays below everything else.
    fn draw(&mut self) {
        if !self.terminal {
            return;
        }
        let columns =
            rustix::termios::tcgetwinsize(rustix::stdio::stdout()).map_or(80, |size| usize::from(size.ws_col).max(20));
        let lines: Vec<String> = self
            .live
            .iter()
            .filter(|live| live.printed.is_none())
            .flat_map(|live| live.text.lines())
            // A line that wraps could not be erased; the last column makes some terminals wrap.
            .map(|line| fitting(line, columns - 1))
            .collect();
        if !lines.is_empty() {
            self.new_line();
            self.put(&lines.join("\n"));
            self.drawn = lines.len();
        }
        self.flush();
    }
}

/// The start of a line that takes at most so many columns; its colours do not count and are kept.
fn fitting(line: &str, columns: usize) -> String {
    let mut out = String::new();
    let (mut width, mut escape) = (0, false);
    for c in line.chars() {
        if c == '\x1b' || escape {
            escape = c == '\x1b' || !(c.is_ascii_alphabetic());
            out.push(c);
            continue;
        }
        width += c.width().unwrap_or(0);
        if width <= columns {
            out.push(c);
        }
    }
    out
}

fn seconds(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    match seconds {
        ..0.0995 => format!("{:.0} ms", seconds * 1000.0),
        ..9.995 => format!("{seconds:.2} s"),
        ..99.95 => format!("{seconds:.1} s"),
        _ => format!("{} min {:02} s", elapsed.as_secs() / 60, elapsed.as_secs() % 60),
    }
}

/// A text without its escape sequences.
pub(super) fn without_escapes(text: &str) -> String {
    super::html::ansi::pieces(text).into_iter().map(|(_, piece)| piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(terminal: bool, write: impl FnOnce(&mut Transcript)) -> String {
        let out = Written::default();
        let mut transcript = Transcript::new(Box::new(out.clone()), terminal, false);
        write(&mut transcript);
        transcript.end();
        let bytes = out.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_block_of_bars_is_redrawn_whole() {
        let text = written(true, |t| {
            t.display(None, Some("p"), "a 0\n  b 0");
            t.update("p", "a 1\n  b 1");
            t.stream(Stream::Stdout, "x\n");
            t.update("p", "a 2");
        });
        let up = "\r\x1b[1A\x1b[J";
        assert_eq!(text, format!("a 0\n  b 0{up}a 1\n  b 1{up}x\na 1\n  b 1{up}a 2\r\x1b[Ja 2\n"));
    }

    #[test]
    fn elsewhere_bars_are_repeated_now_and_then() {
        let steps = |t: &mut Transcript| {
            t.display(None, Some("p"), "1 of 3");
            t.update("p", "2 of 3");
            t.update("p", "3 of 3");
        };
        assert_eq!(written(false, steps), "3 of 3\n");
        let often = written(false, |t| {
            t.first_repeat = Duration::ZERO;
            steps(t);
        });
        assert_eq!(often, "2 of 3\n3 of 3\n", "each state once");
    }

    #[test]
    fn lines_are_cut_by_what_is_seen_of_them() {
        assert_eq!(fitting("abc", 2), "ab");
        assert_eq!(fitting("\x1b[31mabc\x1b[0m", 2), "\x1b[31mab\x1b[0m");
        assert_eq!(fitting("図図図", 5), "図図");
    }
}
