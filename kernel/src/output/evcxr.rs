//! The marker convention that crates written for evcxr print to standard output: content between
//! `EVCXR_BEGIN_CONTENT mime` and `EVCXR_END_CONTENT`, and requests for input. As in evcxr, content may
//! begin behind text that a cell printed without a line end; everything else counts at the start of a
//! line only, and is text elsewhere.

const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
const END: &str = "EVCXR_END_CONTENT";
const ASK: &str = "EVCXR_INPUT_REQUEST:";
const ASK_PASSWORD: &str = "EVCXR_INPUT_REQUEST_PASSWORD:";

/// A stretch of output.
#[derive(Debug, PartialEq, Eq)]
pub enum Stretch {
    /// Plain text.
    Text(String),
    /// A display.
    Content {
        /// Its MIME type.
        mime: String,
        /// Its text.
        body: String,
    },
    /// The next read of standard input is this question's.
    Ask {
        /// The question.
        prompt: String,
        /// Do not show the answer.
        password: bool,
    },
}

/// Splits standard output at markers.
#[derive(Debug, Default)]
pub struct Lines {
    /// The start of a line that may be a marker, or content that has not ended.
    held: String,
    mime: Option<String>,
    /// True in the middle of a line, where no marker can start.
    within: bool,
    /// The line end of an end marker is still to come, and is no text.
    line_end_due: bool,
}

impl Lines {
    /// More text; returns what is settled.
    pub fn feed(&mut self, text: &str) -> Vec<Stretch> {
        let mut text = text;
        if self.line_end_due && !text.is_empty() {
            self.line_end_due = false;
            text = text.strip_prefix('\n').unwrap_or(text);
        }
        // The usual case: no marker anywhere near.
        if self.mime.is_none()
            && self.held.is_empty()
            && !text.contains("EVCXR_")
            && !may_start(last_line(text, self.within))
        {
            self.within = !text.is_empty() && !text.ends_with('\n');
            return if text.is_empty() { Vec::new() } else { vec![Stretch::Text(text.to_owned())] };
        }
        self.held.push_str(text);
        let mut pieces = Vec::new();
        while self.step(&mut pieces) {}
        pieces
    }

    fn step(&mut self, pieces: &mut Vec<Stretch>) -> bool {
        if let Some(mime) = &self.mime {
            let at_start = self.held.starts_with(END).then_some(0);
            let Some(end) = at_start.or_else(|| self.held.find(&format!("\n{END}")).map(|at| at + 1)) else {
                return false;
            };
            let after = end + END.len();
            self.line_end_due = after == self.held.len();
            let rest = self.held[after..].strip_prefix('\n').unwrap_or(&self.held[after..]).to_owned();
            let body = self.held[..end].strip_suffix('\n').unwrap_or(&self.held[..end]).to_owned();
            pieces.push(Stretch::Content { mime: mime.clone(), body });
            self.held = rest;
            self.mime = None;
            return true;
        }
        let Some(end) = self.held.find('\n') else {
            if !self.held.is_empty() && (self.within || !may_start(&self.held)) {
                self.within = true;
                let rest = self.held.split_off(open_marker(&self.held));
                text(pieces, std::mem::replace(&mut self.held, rest));
            }
            return false;
        };
        let rest = self.held.split_off(end + 1);
        let line = std::mem::replace(&mut self.held, rest);
        let marker = if std::mem::take(&mut self.within) { "" } else { line.trim_end() };
        if let Some((before, mime)) = content_behind(&line) {
            text(pieces, before.to_owned());
            self.mime = Some(mime.to_owned());
        } else if let Some(mime) = marker.strip_prefix(BEGIN) {
            self.mime = Some(mime.trim().to_owned());
        } else if let Some(prompt) = marker.strip_prefix(ASK) {
            pieces.push(Stretch::Ask { prompt: prompt.to_owned(), password: false });
        } else if let Some(prompt) = marker.strip_prefix(ASK_PASSWORD) {
            pieces.push(Stretch::Ask { prompt: prompt.to_owned(), password: true });
        } else {
            text(pieces, line);
        }
        true
    }

    /// No more text comes: content that never ended is text after all.
    pub fn finish(&mut self) -> Vec<Stretch> {
        let mut pieces = Vec::new();
        if let Some(mime) = self.mime.take() {
            text(&mut pieces, format!("{BEGIN}{mime}\n"));
        }
        text(&mut pieces, std::mem::take(&mut self.held));
        self.within = false;
        pieces
    }
}

fn text(pieces: &mut Vec<Stretch>, more: String) {
    match pieces.last_mut() {
        Some(Stretch::Text(text)) => text.push_str(&more),
        _ if more.is_empty() => {}
        _ => pieces.push(Stretch::Text(more)),
    }
}

/// Text before a marker in the middle of a line, and the type it names.
fn content_behind(line: &str) -> Option<(&str, &str)> {
    let (before, mime) = line.split_once(BEGIN)?;
    let mime = mime.trim_end();
    (mime.contains('/') && !mime.contains(char::is_whitespace)).then_some((before, mime))
}

/// Where a marker may be about to begin in the middle of a line that goes on; its end when nowhere.
fn open_marker(line: &str) -> usize {
    let begins = |at: &usize| BEGIN.starts_with(&line[*at..]) || line[*at..].starts_with(BEGIN);
    line.find("EVCXR_").filter(begins).unwrap_or(line.len())
}

fn last_line(text: &str, within: bool) -> &str {
    match text.rfind('\n') {
        Some(at) => &text[at + 1..],
        None if within => "",
        None => text,
    }
}

fn may_start(line: &str) -> bool {
    !line.is_empty() && (["EVCXR_".starts_with(line), line.starts_with("EVCXR_")].contains(&true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(chunks: &[&str]) -> Vec<Stretch> {
        let mut lines = Lines::default();
        let mut pieces: Vec<Stretch> = Vec::new();
        let settled: Vec<Stretch> = chunks.iter().flat_map(|c| lines.feed(c)).collect();
        for piece in settled.into_iter().chain(lines.finish()) {
            match piece {
                Stretch::Text(more) => text(&mut pieces, more),
                other => pieces.push(other),
            }
        }
        pieces
    }

    #[test]
    fn content_is_found_however_it_is_cut() {
        let whole = "a\nEVCXR_BEGIN_CONTENT text/html\n<b>x</b>\nEVCXR_END_CONTENT\nz";
        let expected = [
            Stretch::Text("a\n".into()),
            Stretch::Content { mime: "text/html".into(), body: "<b>x</b>".into() },
            Stretch::Text("z".into()),
        ];
        for cut in 0..whole.len() {
            assert_eq!(all(&[&whole[..cut], &whole[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn partial_lines_go_on_at_once() {
        let mut lines = Lines::default();
        assert_eq!(lines.feed("50%\r"), [Stretch::Text("50%\r".into())]);
        assert_eq!(lines.feed("E"), [Stretch::Text("E".into())]);
        assert_eq!(
            all(&["a EVCXR_BEGIN_CONTENT text/html\n"]),
            [Stretch::Text("a EVCXR_BEGIN_CONTENT text/html\n".into())]
        );
    }

    #[test]
    fn content_begins_behind_text_without_a_line_end() {
        let whole = "plot: EVCXR_BEGIN_CONTENT text/html\n<b>x</b>\nEVCXR_END_CONTENT\nz EVCXR_BEGIN_CONTENT of\n";
        let expected = [
            Stretch::Text("plot: ".into()),
            Stretch::Content { mime: "text/html".into(), body: "<b>x</b>".into() },
            Stretch::Text("z EVCXR_BEGIN_CONTENT of\n".into()),
        ];
        assert_eq!(all(&[whole]), expected);
        for cut in "plot: EVCXR_".len()..whole.len() {
            assert_eq!(all(&[&whole[..cut], &whole[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn questions_are_understood() {
        let asked = all(&["EVCXR_INPUT_REQUEST_PASSWORD:Key\n"]);
        assert_eq!(asked, [Stretch::Ask { prompt: "Key".into(), password: true }]);
    }
}
