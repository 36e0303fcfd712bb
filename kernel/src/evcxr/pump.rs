//! Telling what evcxr's generated code says on standard output from what the user prints there.
//! It reads text and keeps what may become a marker; it knows no descriptors.
//!
//! evcxr itself looks at whole lines, so a marker behind a `print!` without a line end escapes it;
//! here markers are found wherever they end a line.

/// The cell panicked.
const PANIC: &[u8] = b"EVCXR_PANIC_NOTIFICATION";
/// A `?` at the top level ended the cell.
const FAILED: &[u8] = b"EVCXR_ERROR_OCCURRED";
/// A variable's type was redefined; its name follows.
const CHANGED: &[u8] = b"EVCXR_VARIABLE_CHANGED_TYPE:";
/// Content follows, of the type that follows.
const BEGIN: &[u8] = b"EVCXR_BEGIN_CONTENT ";
/// Content ends.
const END: &[u8] = b"EVCXR_END_CONTENT";
/// Every marker of evcxr starts so.
const START: &[u8] = b"EVCXR_";
/// Written by the guest behind a cell's last byte.
pub(super) const LAST: &[u8] = b"\x01FERROLAB_LAST\x01\n";
/// A line that starts like a marker is held back up to this length.
const HELD: usize = 64 << 10;

/// What a piece of output is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// The user's bytes.
    User(Vec<u8>),
    /// A line for evcxr, with its end.
    Line(Vec<u8>),
    /// The guest's own mark.
    Last,
}

/// How the code of a cell ended, as far as it printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PrintedEnd {
    /// It panicked.
    pub(super) panicked: bool,
    /// A `?` ended it.
    pub(super) failed: bool,
}

/// The state between two reads.
#[derive(Debug, Default)]
pub(super) struct Pump {
    /// Bytes that may become a marker, or a line of content.
    held: Vec<u8>,
    content: bool,
    /// What the markers of this cell said.
    pub(super) ended: PrintedEnd,
}

impl Pump {
    /// More bytes; what is settled.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.held.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while self.step(&mut pieces) {}
        pieces
    }

    fn step(&mut self, pieces: &mut Vec<Piece>) -> bool {
        if self.held.is_empty() {
            return false;
        }
        let Some(end) = self.held.iter().position(|b| *b == b'\n') else {
            if !self.content {
                let keep = keep_from(&self.held);
                let rest = self.held.split_off(keep);
                user(pieces, &std::mem::replace(&mut self.held, rest));
            }
            return false;
        };
        if !self.content && !self.held[..end].iter().any(|b| matches!(b, b'E' | 1)) {
            // The usual case: many lines without anything near a marker.
            let plain = plain_lines(&self.held);
            let rest = self.held.split_off(plain.max(end + 1));
            user(pieces, &std::mem::replace(&mut self.held, rest));
            return true;
        }
        let rest = self.held.split_off(end + 1);
        let line = std::mem::replace(&mut self.held, rest);
        if line.ends_with(LAST) {
            user(pieces, &line[..line.len() - LAST.len()]);
            pieces.push(Piece::Last);
            self.content = false;
        } else if self.content {
            self.on_content(line, pieces);
        } else {
            self.on_line(&line, pieces);
        }
        true
    }

    fn on_content(&mut self, line: Vec<u8>, pieces: &mut Vec<Piece>) {
        let text = trimmed(&line);
        self.ended.panicked |= text == PANIC;
        self.content = !(text == END || text == PANIC);
        pieces.push(Piece::Line(readable(line)));
    }

    fn on_line(&mut self, line: &[u8], pieces: &mut Vec<Piece>) {
        let mut from = 0;
        while let Some(at) = find(&line[from..], START).map(|at| from + at) {
            let (before, marker) = (&line[..at], &line[at..]);
            let text = trimmed(marker);
            if text == PANIC {
                self.ended.panicked = true;
            } else if text == FAILED {
                self.ended.failed = true;
            } else if text.starts_with(BEGIN) && text.len() > BEGIN.len() {
                self.content = true;
            } else if !text.starts_with(CHANGED) {
                from = at + START.len();
                continue;
            }
            user(pieces, before);
            pieces.push(Piece::Line(readable(marker.to_vec())));
            return;
        }
        user(pieces, line);
    }
}

/// evcxr reads lines of text, and gives up on others.
fn readable(line: Vec<u8>) -> Vec<u8> {
    String::from_utf8(line).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()).into_bytes()
}

/// The end of the last whole line before the first byte that a marker starts with.
fn plain_lines(bytes: &[u8]) -> usize {
    let stop = bytes.iter().position(|b| matches!(b, b'E' | 1)).unwrap_or(bytes.len());
    bytes[..stop].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1)
}

fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// From where on a line without an end may become a marker.
fn keep_from(bytes: &[u8]) -> usize {
    let whole = [START, LAST].iter().filter_map(|marker| find(bytes, marker)).min();
    let begun = (1..START.len().max(LAST.len()))
        .rev()
        .filter(|n| *n <= bytes.len())
        .map(|n| (bytes.len() - n, &bytes[bytes.len() - n..]))
        .find(|(_, tail)| START.starts_with(tail) || LAST.starts_with(tail))
        .map(|(at, _)| at);
    let keep = [whole, begun].into_iter().flatten().min().unwrap_or(bytes.len());
    if bytes.len() - keep > HELD { bytes.len() } else { keep }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn user(pieces: &mut Vec<Piece>, bytes: &[u8]) {
    match pieces.last_mut() {
        _ if bytes.is_empty() => {}
        Some(Piece::User(text)) => text.extend_from_slice(bytes),
        _ => pieces.push(Piece::User(bytes.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(chunks: &[&[u8]]) -> (Vec<Piece>, PrintedEnd) {
        let mut pump = Pump::default();
        let mut pieces: Vec<Piece> = Vec::new();
        for piece in chunks.iter().flat_map(|c| pump.feed(c)) {
            match piece {
                Piece::User(bytes) => user(&mut pieces, &bytes),
                other => pieces.push(other),
            }
        }
        (pieces, pump.ended)
    }

    #[test]
    fn markers_are_found_however_output_is_cut() {
        let whole = b"a\nb EVCXR_BEGIN_CONTENT text/plain\nE1\nEVCXR_END_CONTENT\nEVCXR_PANIC_NOTIFICATION\nc\x01FERROLAB_LAST\x01\n";
        let expected = [
            Piece::User(b"a\nb ".to_vec()),
            Piece::Line(b"EVCXR_BEGIN_CONTENT text/plain\n".to_vec()),
            Piece::Line(b"E1\n".to_vec()),
            Piece::Line(b"EVCXR_END_CONTENT\n".to_vec()),
            Piece::Line(b"EVCXR_PANIC_NOTIFICATION\n".to_vec()),
            Piece::User(b"c".to_vec()),
            Piece::Last,
        ];
        for cut in 0..whole.len() {
            let (pieces, ended) = all(&[&whole[..cut], &whole[cut..]]);
            assert_eq!(pieces, expected, "cut at {cut}");
            assert_eq!(ended, PrintedEnd { panicked: true, failed: false });
        }
    }

    #[test]
    fn what_is_no_marker_goes_on_at_once() {
        let mut pump = Pump::default();
        assert_eq!(pump.feed(b"50%\r"), [Piece::User(b"50%\r".to_vec())]);
        assert_eq!(pump.feed(b"\xff\xfe"), [Piece::User(b"\xff\xfe".to_vec())]);
        assert_eq!(pump.feed(b"EV"), []);
        assert_eq!(pump.feed(b"EN\n"), [Piece::User(b"EVEN\n".to_vec())]);
        let text = b"see EVCXR_BEGIN_CONTENT and EVCXR_INPUT_REQUEST:x\n";
        assert_eq!(pump.feed(text), [Piece::User(text.to_vec())]);
        assert_eq!(pump.feed(b"tail EVCXR_ERROR_OCCURRED\n").len(), 2);
        assert!(pump.ended.failed);
    }

    #[test]
    fn content_that_is_no_text_does_not_end_the_session() {
        let (pieces, _) = all(&[b"EVCXR_BEGIN_CONTENT a/b\n\xff\nEVCXR_END_CONTENT\n"]);
        assert_eq!(pieces[1], Piece::Line("\u{fffd}\n".as_bytes().to_vec()));
    }
}
