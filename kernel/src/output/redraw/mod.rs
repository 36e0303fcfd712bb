//! Tells what a cell's standard error redraws (bars of `indicatif` and the like, which take it for
//! a terminal) from what it just prints. The first becomes a display that is updated in place,
//! the second stays a stream, in order.
//!
//! A block of lines begins where the cursor is moved up or a line is erased, or with a line that
//! is filled up to the last column, which is how `indicatif` draws a bar for the first time. Text
//! that follows a finished line without moving the cursor is ordinary text again. `\r` alone, as
//! other programs use it, is left to the frontend.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::screen::{COLUMNS, Screen, Sequence, sequence};
use unicode_width::UnicodeWidthChar;

/// Time between two updates, at least.
const TICK: Duration = Duration::from_millis(100);
/// Lines above those that are still redrawn: when there are more, they get a display of their
/// own, which does not change any more.
const MOST_STILL: usize = 50;

/// What comes next on standard error.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Ordinary text.
    Text(String),
    /// The block changed.
    Drawn,
    /// Something new begins: show the block for the last time.
    Over,
}

/// Something to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Paint {
    /// Its display id.
    pub(super) id: String,
    /// It replaces what is shown under it.
    pub(super) update: bool,
    /// The lines, with colours.
    pub(super) text: String,
}

#[derive(Debug)]
struct Block {
    screen: Screen,
    id: String,
    shown: bool,
    dirty: bool,
    painted: Option<Instant>,
    /// The last line is not complete: what comes next belongs to it.
    drawing: bool,
}

impl Block {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let id = format!("ferrolab-redraw-{:x}-{now:x}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self { screen: Screen::default(), id, shown: false, dirty: false, painted: None, drawing: false }
    }

    fn draw(&mut self, text: &str) {
        self.screen.write(text);
        self.drawing = self.screen.is_within_line();
        self.dirty = true;
    }
}

/// The reader of one cell's standard error.
#[derive(Debug, Default)]
pub(super) struct Redraw {
    block: Option<Block>,
    /// The start of an escape sequence whose end is still to come.
    held: String,
    /// Something else was put out since the last draw: a new bar stands below it.
    elsewhere: bool,
}

/// The next thing in a text that moves the cursor, other than the end of a line.
struct Move<'a> {
    start: usize,
    end: usize,
    control: Option<(char, &'a str)>,
}

impl Redraw {
    /// Begins to read more text, which follows what was held back.
    pub(super) fn take(&mut self, more: &str) -> String {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(more);
        if let Some(at) = text.rfind('\x1b')
            && sequence(&text[at..]) == Sequence::Unfinished
        {
            self.held = text.split_off(at);
        }
        text
    }

    /// What was held back and never completed.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Something that is not standard error was put out.
    pub(super) fn other_output(&mut self) {
        self.elsewhere = true;
    }

    /// What comes next in a text that [`take`](Self::take) returned; it is taken off the text.
    pub(super) fn next(&mut self, text: &mut &str) -> Option<Segment> {
        if text.is_empty() {
            return None;
        }
        match &self.block {
            None => Some(self.begin(text)),
            Some(_) => Some(self.go_on(text)),
        }
    }

    /// No block yet.
    fn begin(&mut self, text: &mut &str) -> Segment {
        let found = next_move(text, true);
        let plain = &text[..found.as_ref().map_or(text.len(), |found| found.start)];
        let line = plain.rfind('\n').map_or(0, |at| at + 1);
        let start = match &found {
            Some(Move { control: Some(('A' | 'F', n)), .. }) => {
                // The lines it goes back to, as far as they are still here.
                let n = n.parse::<usize>().unwrap_or(1).max(1);
                plain[..line].rmatch_indices('\n').nth(n).map_or(0, |(at, _)| at + 1)
            }
            Some(_) => line,
            None if filled(&plain[line..], false) > 0 => line,
            None => text.len(),
        };
        if start > 0 {
            let piece = Segment::Text(text[..start].to_owned());
            *text = &text[start..];
            return piece;
        }
        let mut block = Block::new();
        let end = if found.is_some() { plain.len() } else { filled(plain, false) };
        block.draw(&text[..end]);
        self.block = Some(block);
        self.elsewhere = false;
        *text = &text[end..];
        Segment::Drawn
    }

    fn go_on(&mut self, text: &mut &str) -> Segment {
        let Some(block) = &mut self.block else { return self.begin(text) };
        let found = next_move(text, false);
        if let Some(Move { start: 0, end, control }) = found {
            match control {
                Some((last, arguments)) => block.screen.control(last, arguments),
                None => block.screen.write(&text[..end]),
            }
            block.drawing = true;
            block.dirty = true;
            *text = &text[end..];
            return Segment::Drawn;
        }
        let run = &text[..found.as_ref().map_or(text.len(), |found| found.start)];
        let end = filled(run, block.drawing);
        if end == 0 {
            self.elsewhere = true;
            let piece = Segment::Text(run.to_owned());
            *text = &text[run.len()..];
            return piece;
        }
        if !block.drawing {
            if self.elsewhere {
                self.block = Some(Block::new());
                self.elsewhere = false;
                return Segment::Over;
            }
            block.screen.go_below();
        }
        block.draw(&run[..end]);
        *text = &text[end..];
        Segment::Drawn
    }

    /// What is to be shown now, and when to ask again. With `last`, nothing waits.
    pub(super) fn paint(&mut self, now: Instant, last: bool) -> (Vec<Paint>, Option<Instant>) {
        let Some(block) = self.block.as_mut().filter(|block| block.dirty) else {
            return (Vec::new(), None);
        };
        let due = block.painted.map_or(now, |at| at + TICK);
        if due > now && !last {
            return (Vec::new(), Some(due));
        }
        let mut paints = Vec::new();
        let top = block.screen.take_top();
        if top > MOST_STILL {
            let text = block.screen.split_off(top);
            paints.push(Paint { id: std::mem::take(&mut block.id), update: block.shown, text });
            let new = Block::new();
            (block.id, block.shown) = (new.id, false);
        }
        paints.push(Paint { id: block.id.clone(), update: block.shown, text: block.screen.text() });
        (block.shown, block.dirty, block.painted) = (true, false, Some(now));
        (paints, None)
    }

    /// The block is there and was never shown.
    pub(super) fn is_unseen(&self) -> bool {
        self.block.as_ref().is_some_and(|block| !block.shown && block.dirty)
    }

    /// `clear_output` took the display away.
    pub(super) fn clear(&mut self) {
        self.block = None;
    }
}

/// Where the cursor is moved next. `begin` asks for what only a redrawing program does.
fn next_move(text: &str, begin: bool) -> Option<Move<'_>> {
    let mut at = 0;
    while let Some(found) = text[at..].find(['\x1b', '\r', '\u{8}']) {
        let start = at + found;
        let rest = &text[start..];
        if !rest.starts_with('\x1b') {
            // `\r\n` is the end of a line.
            let line_end = rest.starts_with("\r\n");
            if !begin && !line_end {
                return Some(Move { start, end: start + 1, control: None });
            }
            at = start + if line_end { 2 } else { 1 };
            continue;
        }
        match sequence(rest) {
            Sequence::Control { end, last, arguments } => {
                let redraws = match last {
                    'm' => false,
                    'A' | 'B' | 'E' | 'F' | 'H' | 'J' | 'S' | 'T' | 'd' | 'f' => true,
                    // Compilers end coloured lines with `ESC [ K`; without a return before it,
                    // there is nothing to erase.
                    'K' => {
                        let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
                        !begin || arguments == "2" || text[line..start].contains('\r')
                    }
                    _ => !begin,
                };
                if redraws {
                    return Some(Move { start, end: start + end, control: Some((last, arguments)) });
                }
                at = start + end;
            }
            Sequence::Other { end } => at = start + end,
            Sequence::Unfinished => return None,
        }
    }
    None
}

/// How much of a text without moves belongs to a drawn block: up to the last line that is filled
/// to the last column. In a line that is being drawn, up to its end at least.
fn filled(run: &str, drawing: bool) -> usize {
    let (mut width, mut spaces, mut good, mut line_end) = (0, 0, 0, 0);
    let mut first = drawing;
    let mut at = 0;
    while let Some(c) = run[at..].chars().next() {
        if c == '\x1b' {
            match sequence(&run[at..]) {
                Sequence::Control { end, .. } | Sequence::Other { end } => at += end,
                Sequence::Unfinished => break,
            }
            continue;
        }
        at += c.len_utf8();
        if c == '\n' {
            // Lines of one drawing may end early, but the last of them is filled.
            if !drawing || good > 0 {
                break;
            }
            if line_end == 0 {
                line_end = at;
            }
            (width, spaces, first) = (0, 0, true);
            continue;
        }
        width += c.width().unwrap_or(0);
        if width == COLUMNS {
            let ends = run[at..].is_empty() || run[at..].starts_with("\x1b[0m") && run.len() == at + 4;
            if ends || first || spaces >= 2 || (spaces == 1 && c == ' ') {
                good = if ends { run.len() } else { at };
            }
            (width, first) = (0, false);
        }
        spaces = if c == ' ' { spaces + 1 } else { 0 };
    }
    match (good, line_end) {
        (0, _) if !drawing => 0,
        (0, 0) => run.len(),
        (0, end) => end,
        (good, _) => good,
    }
}

#[cfg(test)]
mod tests;
