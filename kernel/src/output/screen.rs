//! The few lines of a terminal that a program redraws: characters in cells, a cursor, colours.
//! It interprets; which text is meant for it, and when it is shown, is decided by
//! [`super::redraw`].

use unicode_width::UnicodeWidthChar;

/// Columns, as programs assume that ask a terminal which does not tell its size.
pub(super) const COLUMNS: usize = 80;
/// Rows a cursor can go down to; nothing sensible redraws more.
const MOST_ROWS: usize = 1000;

/// A character with its accents; empty in the second column of a wide one.
#[derive(Debug, Clone)]
struct Cell {
    text: String,
    style: usize,
}

/// The lines.
#[derive(Debug)]
pub(super) struct Screen {
    rows: Vec<Vec<Cell>>,
    row: usize,
    column: usize,
    /// Index of the colours in force.
    style: usize,
    /// Escape sequences; the first is none.
    styles: Vec<String>,
    /// The uppermost row that was touched since [`Screen::take_top`].
    top: usize,
}

impl Default for Screen {
    fn default() -> Self {
        Self { rows: vec![Vec::new()], row: 0, column: 0, style: 0, styles: vec![String::new()], top: 0 }
    }
}

impl Screen {
    /// The cursor stands in a line that has text before it.
    pub(super) fn is_within_line(&self) -> bool {
        (1..COLUMNS).contains(&self.column)
    }

    fn go_to(&mut self, row: usize) {
        self.row = row.min(MOST_ROWS);
        while self.rows.len() <= self.row {
            self.rows.push(Vec::new());
        }
        self.top = self.top.min(self.row);
    }

    /// Text with line ends and colours, where the cursor is.
    pub(super) fn write(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == '\x1b' {
                match sequence(rest) {
                    Sequence::Control { end, last: 'm', arguments } => {
                        self.colour(arguments);
                        rest = &rest[end..];
                    }
                    Sequence::Control { end, .. } | Sequence::Other { end } => rest = &rest[end..],
                    Sequence::Unfinished => return,
                }
                continue;
            }
            rest = &rest[c.len_utf8()..];
            match c {
                '\n' => {
                    self.go_to(self.row + 1);
                    self.column = 0;
                }
                '\r' => self.column = 0,
                '\u{8}' => self.column = self.column.saturating_sub(1),
                '\t' => (0..8 - self.column % 8).for_each(|_| self.put(' ')),
                c => self.put(c),
            }
        }
    }

    fn put(&mut self, c: char) {
        let Some(width) = c.width() else { return };
        if width == 0 {
            if let Some(cell) = self.column.checked_sub(1).and_then(|at| self.rows[self.row].get_mut(at)) {
                cell.text.push(c);
            }
            return;
        }
        // The cursor waits behind the last column until there is more to write.
        if self.column + width > COLUMNS {
            self.go_to(self.row + 1);
            self.column = 0;
        }
        self.top = self.top.min(self.row);
        let (column, style) = (self.column, self.style);
        let row = &mut self.rows[self.row];
        while row.len() < column + width {
            row.push(Cell { text: " ".to_owned(), style: 0 });
        }
        row[column] = Cell { text: c.to_string(), style };
        for cell in &mut row[column + 1..column + width] {
            *cell = Cell { text: String::new(), style };
        }
        self.column += width;
    }

    fn colour(&mut self, arguments: &str) {
        let (resets, rest) = match arguments.strip_prefix("0;") {
            Some(rest) => (true, rest),
            None => (matches!(arguments, "" | "0"), arguments.trim_start_matches('0')),
        };
        let before = if resets { "" } else { self.styles[self.style].as_str() };
        let mut after = if rest.is_empty() { before.to_owned() } else { format!("{before}\x1b[{rest}m") };
        if after.len() > 100 {
            after = format!("\x1b[{rest}m");
        }
        self.style = match self.styles.iter().position(|style| *style == after) {
            Some(at) => at,
            None => {
                self.styles.push(after);
                self.styles.len() - 1
            }
        };
    }

    /// Carries out a control sequence; those that mean nothing here do nothing.
    pub(super) fn control(&mut self, last: char, arguments: &str) {
        let mut numbers = arguments.split(';').map(|number| number.parse::<usize>().ok());
        let first = numbers.next().flatten();
        let n = first.unwrap_or(1).max(1);
        let column = self.column.min(COLUMNS - 1);
        match last {
            'A' | 'F' => self.go_to(self.row.saturating_sub(n)),
            'B' | 'E' => self.go_to(self.row.saturating_add(n)),
            'C' => self.column = (column + n).min(COLUMNS - 1),
            'D' => self.column = column.saturating_sub(n),
            'G' => self.column = (n - 1).min(COLUMNS - 1),
            'H' | 'f' => {
                self.go_to(n - 1);
                self.column = numbers.next().flatten().unwrap_or(1).saturating_sub(1).min(COLUMNS - 1);
            }
            'K' => self.erase_line(first.unwrap_or(0)),
            'J' => self.erase_screen(first.unwrap_or(0)),
            _ => {}
        }
        if matches!(last, 'E' | 'F') {
            self.column = 0;
        }
    }

    fn erase_line(&mut self, how: usize) {
        self.top = self.top.min(self.row);
        let column = self.column;
        let row = &mut self.rows[self.row];
        match how {
            0 => row.truncate(column),
            1 => row.iter_mut().take(column + 1).for_each(|cell| *cell = Cell { text: " ".to_owned(), style: 0 }),
            _ => row.clear(),
        }
    }

    fn erase_screen(&mut self, how: usize) {
        match how {
            0 => {
                self.erase_line(0);
                self.rows.truncate(self.row + 1);
            }
            1 => {
                self.rows.iter_mut().take(self.row).for_each(Vec::clear);
                self.erase_line(1);
                self.top = 0;
            }
            _ => {
                self.rows.iter_mut().for_each(Vec::clear);
                self.top = 0;
            }
        }
    }

    /// Puts the cursor behind everything, on a line of its own.
    pub(super) fn go_below(&mut self) {
        let last = self.rows.len() - 1;
        self.go_to(last);
        if !self.rows[last].is_empty() {
            self.go_to(last + 1);
        }
        self.column = 0;
    }

    /// The uppermost row touched since the last call.
    pub(super) fn take_top(&mut self) -> usize {
        std::mem::replace(&mut self.top, self.row)
    }

    /// Takes the first rows away, as text.
    pub(super) fn split_off(&mut self, rows: usize) -> String {
        let rows = rows.min(self.row);
        let rest = self.rows.split_off(rows);
        let text = self.text();
        self.rows = rest;
        self.row -= rows;
        self.top = self.top.saturating_sub(rows);
        text
    }

    /// What is to be seen, with colours, without blanks at the ends of lines and empty lines at
    /// the end.
    pub(super) fn text(&self) -> String {
        let lines: Vec<String> = self.rows.iter().map(|row| self.line(row)).collect();
        lines.join("\n").trim_end_matches('\n').to_owned()
    }

    fn line(&self, row: &[Cell]) -> String {
        let blank = |cell: &Cell| cell.text == " " && cell.style == 0;
        let end = row.iter().rposition(|cell| !blank(cell)).map_or(0, |at| at + 1);
        let mut out = String::new();
        let mut style = 0;
        for cell in &row[..end] {
            if cell.style != style {
                if style != 0 {
                    out.push_str("\x1b[0m");
                }
                out.push_str(&self.styles[cell.style]);
                style = cell.style;
            }
            out.push_str(&cell.text);
        }
        if style != 0 {
            out.push_str("\x1b[0m");
        }
        out
    }
}

/// What an escape sequence at the start of a text is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sequence<'a> {
    /// `ESC [ arguments last`.
    Control {
        /// Bytes it takes.
        end: usize,
        /// What it does.
        last: char,
        /// How.
        arguments: &'a str,
    },
    /// Another one.
    Other {
        /// Bytes it takes.
        end: usize,
    },
    /// Its end is still to come.
    Unfinished,
}

/// Reads the escape sequence at the start of a text.
pub(super) fn sequence(text: &str) -> Sequence<'_> {
    let bytes = text.as_bytes();
    match bytes.get(1) {
        None => Sequence::Unfinished,
        Some(b'[') => {
            let body = &bytes[2..];
            match body.iter().position(|b| !(0x20..0x40).contains(b)) {
                Some(at) if (0x40..0x7f).contains(&body[at]) => {
                    Sequence::Control { end: at + 3, last: char::from(body[at]), arguments: &text[2..at + 2] }
                }
                // Not a sequence at all: the escape alone is passed over.
                Some(_) => Sequence::Other { end: 1 },
                None if body.len() > 64 => Sequence::Other { end: 1 },
                None => Sequence::Unfinished,
            }
        }
        // A title, a link and the like, up to BEL or ESC \.
        Some(b']') => {
            let bell = text.find('\x07').map(|at| at + 1);
            let end = text.find("\x1b\\").map(|at| at + 2);
            match bell.into_iter().chain(end).min() {
                Some(end) => Sequence::Other { end },
                None if text.len() > 4096 => Sequence::Other { end: 1 },
                None => Sequence::Unfinished,
            }
        }
        Some(b) if b.is_ascii() => Sequence::Other { end: 2 },
        Some(_) => Sequence::Other { end: 1 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parts: &[&str]) -> String {
        let mut screen = Screen::default();
        for part in parts {
            match sequence(part) {
                Sequence::Control { last, arguments, end } if part.starts_with('\x1b') && end == part.len() => {
                    screen.control(last, arguments);
                }
                _ => screen.write(part),
            }
        }
        screen.text()
    }

    #[test]
    fn lines_are_overwritten_and_erased() {
        assert_eq!(shown(&["abc\rx"]), "xbc");
        assert_eq!(shown(&["one\ntwo", "\x1b[1A", "\r", "\x1b[2K", "ONE"]), "ONE\ntwo");
        assert_eq!(shown(&["abcdef\rab", "\x1b[K"]), "ab");
        assert_eq!(shown(&["a\nb\nc", "\x1b[2F", "\x1b[J", "z"]), "z");
        assert_eq!(shown(&["a", "\x1b[5C", "b"]), "a     b");
    }

    #[test]
    fn full_lines_wrap_when_more_comes() {
        let full = "x".repeat(COLUMNS);
        assert_eq!(shown(&[&full, "\r", "y"]), format!("y{}", &full[1..]));
        assert_eq!(shown(&[&full, "y"]), format!("{full}\ny"));
        assert_eq!(shown(&["図".repeat(41).as_str()]).lines().count(), 2);
        assert_eq!(shown(&["e\u{301}x"]), "e\u{301}x");
    }

    #[test]
    fn colours_are_kept() {
        assert_eq!(shown(&["a\x1b[32mb\x1b[1mc\x1b[0md"]), "a\x1b[32mb\x1b[0m\x1b[32m\x1b[1mc\x1b[0md");
        assert_eq!(shown(&["\x1b[31mred\x1b[m  "]), "\x1b[31mred\x1b[0m");
    }

    #[test]
    fn sequences_may_be_cut() {
        assert_eq!(sequence("\x1b"), Sequence::Unfinished);
        assert_eq!(sequence("\x1b[2"), Sequence::Unfinished);
        assert_eq!(sequence("\x1b[2Kx"), Sequence::Control { end: 4, last: 'K', arguments: "2" });
        assert_eq!(sequence("\x1b]0;title\x07x"), Sequence::Other { end: 10 });
        assert_eq!(sequence("\x1bä"), Sequence::Other { end: 1 });
        assert_eq!(sequence("\x1b[ä"), Sequence::Other { end: 1 });
        Screen::default().control('B', "99999999999999999999999");
        Screen::default().control('H', "88888888;7777777");
    }
}
