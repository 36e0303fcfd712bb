//! What a cell writes, on its way to the sink: bytes become text without breaking characters,
//! displays keep their place, and the conventions of existing crates are understood: the markers
//! of evcxr on standard output, and lines redrawn in place on standard error. It reads no pipe and
//! sends no message.

mod evcxr;
mod redraw;
mod screen;
mod text;

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use serde_json::{Map, Value};

use evcxr::{Lines, Stretch};
use ferrolab_jupyter::session::evaluator::{Display, Sink, Stream};
use redraw::Redraw;
use text::Decoder;

/// What a display is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisplayKind {
    /// `display_data`.
    Display,
    /// `update_display_data`.
    Update,
    /// `execute_result`.
    Result,
}

/// The output of one cell.
pub struct Output {
    sink: Arc<dyn Sink>,
    decoders: [Decoder; 2],
    lines: Lines,
    redraw: Redraw,
    pending: [String; 2],
    /// What a cell asked through a marker, for the input that follows.
    asked: Option<(String, bool)>,
    /// Silent cells show no result.
    silent: bool,
}

/// Text is passed on when this much has gathered, so that a flood never fills memory.
const CHUNK: usize = 256 << 10;

impl Output {
    /// Output of a cell, going to `sink`.
    pub fn new(sink: Arc<dyn Sink>, silent: bool) -> Self {
        Self {
            sink,
            decoders: Default::default(),
            lines: Lines::default(),
            redraw: Redraw::default(),
            pending: Default::default(),
            asked: None,
            silent,
        }
    }

    /// Bytes the cell wrote.
    pub fn bytes(&mut self, error: bool, bytes: &[u8]) {
        let text = self.decoders[usize::from(error)].decode(bytes);
        if error {
            // Two streams have no order between them but the one they arrive in.
            self.pass(Stream::Stdout);
            self.error_text(&text);
        } else {
            self.pass(Stream::Stderr);
            self.before_other(!text.is_empty());
            for piece in self.lines.feed(&text) {
                self.on_piece(piece);
            }
        }
        if self.pending.iter().any(|p| p.len() >= CHUNK) {
            self.pass(Stream::Stdout);
            self.pass(Stream::Stderr);
        }
    }

    fn error_text(&mut self, text: &str) {
        let text = self.redraw.take(text);
        let mut rest = text.as_str();
        while let Some(piece) = self.redraw.next(&mut rest) {
            match piece {
                redraw::Segment::Text(text) => {
                    self.before_other(false);
                    self.pending[1].push_str(&text);
                }
                // The block's place is behind what was printed before it.
                redraw::Segment::Drawn => self.pass(Stream::Stderr),
                redraw::Segment::Over => {}
            }
        }
    }

    /// Something else is put out: a block that nobody has seen comes first.
    fn before_other(&mut self, elsewhere: bool) {
        if self.redraw.is_unseen() {
            self.paint(true);
        }
        if elsewhere {
            self.redraw.other_output();
        }
    }

    fn paint(&mut self, last: bool) -> Option<Instant> {
        let (paints, due) = self.redraw.paint(Instant::now(), last);
        for paint in paints {
            let data = vec![("text/plain".to_owned(), paint.text.into_bytes())];
            let shown = display(data, "", Some(paint.id));
            if paint.update {
                self.sink.update(shown);
            } else {
                self.sink.display(shown);
            }
        }
        due
    }

    fn on_piece(&mut self, piece: Stretch) {
        match piece {
            Stretch::Text(text) => self.pending[0].push_str(&text),
            Stretch::Content { mime, body } => {
                self.pass(Stream::Stdout);
                self.sink.display(display(vec![(mime, body.into_bytes())], "", None));
            }
            Stretch::Ask { prompt, password } => self.asked = Some((prompt, password)),
        }
    }

    /// Pass on what has gathered; part of a line that may become a marker waits, and so does what
    /// is redrawn too often. Returns when to call this again for that.
    pub fn flush(&mut self) -> Option<Instant> {
        self.pass(Stream::Stdout);
        self.pass(Stream::Stderr);
        self.paint(false)
    }

    /// The cell is over: pass on everything.
    pub fn finish(&mut self) {
        for piece in self.lines.finish() {
            self.on_piece(piece);
        }
        let [out, err] = &mut self.decoders;
        let (out, err) = (out.finish(), err.finish());
        self.pending[0].push_str(&out);
        self.error_text(&err);
        let held = self.redraw.finish();
        self.pending[1].push_str(&held);
        self.flush();
        self.paint(true);
    }

    fn pass(&mut self, stream: Stream) {
        let pending = &mut self.pending[usize::from(stream == Stream::Stderr)];
        if !pending.is_empty() {
            self.sink.stream(stream, pending);
            pending.clear();
        }
    }

    /// A display, an update of one, or the result.
    pub fn display(&mut self, kind: DisplayKind, display: Display) {
        self.flush();
        self.before_other(kind != DisplayKind::Update);
        match kind {
            DisplayKind::Update => self.sink.update(display),
            DisplayKind::Result if self.silent => {}
            DisplayKind::Result => self.sink.result(display),
            DisplayKind::Display => self.sink.display(display),
        }
    }

    /// `clear_output`.
    pub fn clear(&mut self, wait: bool) {
        self.flush();
        self.redraw.clear();
        self.sink.clear(wait);
    }

    /// A line on standard error that is not the cell's own.
    pub fn note(&mut self, text: &str) {
        self.flush();
        self.sink.stream(Stream::Stderr, &format!("note: {text}\n"));
    }

    /// Ask the user.
    pub fn input(&mut self, prompt: &str, password: bool) -> Option<String> {
        self.flush();
        match self.asked.take() {
            Some((prompt, password)) => self.sink.input(&prompt, password),
            None => self.sink.input(prompt, password),
        }
    }
}

/// A display in Jupyter's form: text types as text, JSON types as JSON, the rest as base64.
pub fn display(data: Vec<(String, Vec<u8>)>, metadata: &str, display_id: Option<String>) -> Display {
    let data = data.into_iter().map(|(mime, bytes)| {
        let value = represent(&mime, bytes);
        (mime, value)
    });
    let metadata = match serde_json::from_str(metadata) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    Display { data: data.collect(), metadata, display_id }
}

fn represent(mime: &str, bytes: Vec<u8>) -> Value {
    let is_json = mime == "application/json" || mime.ends_with("+json") || mime.ends_with(".json");
    if is_json && let Ok(value) = serde_json::from_slice(&bytes) {
        return value;
    }
    let is_text = mime.starts_with("text/")
        || mime.ends_with("+xml")
        || is_json
        || mime == "application/javascript"
        || mime == "application/x-latex";
    match String::from_utf8(bytes) {
        Ok(text) if is_text => Value::String(text),
        // evcxr's convention already has base64 for images; PNG and JPEG bytes are never ASCII.
        Ok(text) if text.is_ascii() && !text.is_empty() => Value::String(text),
        Ok(text) => Value::String(base64::engine::general_purpose::STANDARD.encode(text)),
        Err(error) if is_text => Value::String(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Err(error) => Value::String(base64::engine::general_purpose::STANDARD.encode(error.as_bytes())),
    }
}
