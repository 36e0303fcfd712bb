//! What comes of one cell, gathered while it runs and after the tool that started it has answered: text within bounds, and
//! pictures. Text is what a screen shows at last, without colours.

use std::collections::VecDeque;

use serde_json::Value;

use crate::client::Message;

/// Characters that are kept of the beginning of the output, and of its end.
const HEAD: usize = 1 << 20;
const TAIL: usize = 1 << 20;
/// Pictures that are kept of one cell.
const PICTURES: usize = 32;

/// A picture.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// `image/png` or the like.
    pub(crate) kind: String,
    /// In base 64.
    pub(crate) data: String,
}

enum Part {
    Text(String),
    Shown { id: Option<String>, text: String },
}

impl Part {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Shown { text, .. } => text,
        }
    }
}

/// What came of a cell so far.
#[derive(Default)]
pub(crate) struct Outcome {
    /// The first parts, and the last.
    head: Vec<Part>,
    tail: VecDeque<Part>,
    head_size: usize,
    tail_size: usize,
    left_out: usize,
    clear_first: bool,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) number: Option<u64>,
    /// What was shown of its error.
    pub(crate) error: Option<String>,
    pub(crate) over: bool,
}

impl Outcome {
    /// Takes in what the kernel publishes.
    pub(crate) fn take(&mut self, message: &Message) {
        let content = &message.content;
        match message.kind.as_str() {
            "execute_input" => self.number = content["execution_count"].as_u64(),
            "stream" => self.text(&plain(content["text"].as_str().unwrap_or_default())),
            "display_data" | "execute_result" => self.show(content),
            "update_display_data" => self.update(content),
            "clear_output" => {
                self.clear_first = true;
                if content["wait"] != true {
                    self.clear_if_due();
                }
            }
            "error" => {
                let lines = content["traceback"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let shown = lines.map(plain).collect::<Vec<_>>().join("\n");
                self.error = Some(if shown.is_empty() { content["evalue"].to_string() } else { shown });
            }
            _ => {}
        }
    }

    /// All of it, as far as it was kept.
    pub(crate) fn shown(&self) -> String {
        let mut text: String = self.head.iter().map(Part::text).collect();
        if self.left_out > 0 {
            text.push_str(&format!("\n[{} characters are left out here]\n", self.left_out));
        }
        text.extend(self.tail.iter().map(Part::text));
        let mut text = screen(&text);
        for (index, picture) in self.pictures.iter().enumerate() {
            text.push_str(&format!("\n[picture {index}: {}]", picture.kind));
        }
        if let Some(error) = &self.error {
            text.push_str(&format!("\n{error}"));
        }
        text.trim_matches('\n').to_owned()
    }

    fn text(&mut self, text: &str) {
        self.clear_if_due();
        match (self.tail.back_mut(), self.head.last_mut()) {
            (Some(Part::Text(last)), _) => {
                last.push_str(text);
                self.tail_size += text.len();
            }
            (None, Some(Part::Text(last))) if self.head_size < HEAD => {
                last.push_str(text);
                self.head_size += text.len();
            }
            _ => return self.push(Part::Text(text.to_owned())),
        }
        self.shorten();
    }

    fn push(&mut self, part: Part) {
        if self.head_size < HEAD && self.tail.is_empty() {
            self.head_size += part.text().len();
            self.head.push(part);
            return;
        }
        self.tail_size += part.text().len();
        self.tail.push_back(part);
        self.shorten();
    }

    /// Keeps the end of what is too much.
    fn shorten(&mut self) {
        while self.tail_size > TAIL && self.tail.len() > 1 {
            let Some(first) = self.tail.pop_front() else { return };
            self.tail_size -= first.text().len();
            self.left_out += first.text().chars().count();
        }
        if self.tail_size > 2 * TAIL
            && let Some(Part::Text(text)) = self.tail.back_mut()
        {
            let mut cut = text.len() - TAIL;
            while !text.is_char_boundary(cut) {
                cut += 1;
            }
            self.left_out += text[..cut].chars().count();
            *text = text.split_off(cut);
            self.tail_size = text.len();
        }
    }

    fn show(&mut self, content: &Value) {
        self.clear_if_due();
        let data = &content["data"];
        for kind in ["image/png", "image/jpeg"] {
            if let (Some(base64), true) = (data[kind].as_str(), self.pictures.len() < PICTURES) {
                let data = base64.split_whitespace().collect();
                self.pictures.push(Picture { kind: kind.to_owned(), data });
            }
        }
        let id = content["transient"]["display_id"].as_str().map(str::to_owned);
        self.push(Part::Shown { id, text: as_text(data) });
    }

    fn update(&mut self, content: &Value) {
        let Some(wanted) = content["transient"]["display_id"].as_str() else { return };
        let new = as_text(&content["data"]);
        for part in self.head.iter_mut().chain(&mut self.tail) {
            if let Part::Shown { id, text } = part
                && id.as_deref() == Some(wanted)
            {
                text.clone_from(&new);
            }
        }
    }

    fn clear_if_due(&mut self) {
        if std::mem::take(&mut self.clear_first) {
            let kept = Self { number: self.number, error: self.error.take(), over: self.over, ..Self::default() };
            *self = kept;
        }
    }
}

/// A display as text, on lines of its own.
fn as_text(data: &Value) -> String {
    let text = ["text/plain", "text/markdown"].into_iter().find_map(|kind| data[kind].as_str());
    match text {
        Some(text) => format!("{}\n", plain(text).trim_end_matches('\n')),
        None => {
            let kinds: Vec<&str> = data.as_object().into_iter().flatten().map(|(kind, _)| kind.as_str()).collect();
            format!("[{}]\n", kinds.join(", "))
        }
    }
}

/// A text without its escape sequences.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            // A control sequence ends with a letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Lines as they stand at last: what follows a carriage return takes the place of what stood before it.
fn screen(text: &str) -> String {
    let line = |line: &str| {
        let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
        let body = body.trim_end_matches('\r');
        format!("{}{end}", body.rsplit('\r').next().unwrap_or_default())
    };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(kind: &str, content: Value) -> Message {
        Message { kind: kind.to_owned(), parent: String::new(), content }
    }

    #[test]
    fn a_flood_keeps_its_beginning_and_its_end() {
        let mut outcome = Outcome::default();
        outcome.take(&message("stream", json!({"text": "begins\n"})));
        for _ in 0..400 {
            outcome.take(&message("stream", json!({"text": "x".repeat(10_000)})));
        }
        outcome.take(&message("stream", json!({"text": "\nends"})));
        let shown = outcome.shown();
        assert!(shown.starts_with("begins\n") && shown.ends_with("\nends"));
        assert!(shown.contains("characters are left out here") && shown.len() < HEAD + 3 * TAIL, "{}", shown.len());
    }

    #[test]
    fn what_changes_is_shown_as_it_is_at_last() {
        let mut outcome = Outcome::default();
        let bar = |text: &str| json!({"data": {"text/plain": text}, "transient": {"display_id": "b"}});
        outcome.take(&message("display_data", bar("1 of 2")));
        outcome.take(&message("stream", json!({"text": "\u{1b}[1mone\u{1b}[0m\rtwo\n"})));
        outcome.take(&message("update_display_data", bar("2 of 2")));
        outcome.take(&message("display_data", json!({"data": {"image/png": "QUJD\n"}})));
        assert_eq!(outcome.shown(), "2 of 2\ntwo\n[image/png]\n\n[picture 0: image/png]");
        outcome.take(&message("clear_output", json!({"wait": true})));
        outcome.take(&message("stream", json!({"text": "new"})));
        assert_eq!(outcome.shown(), "new");
    }
}
