//! rustc's JSON as data: one diagnostic a line. Nothing is judged or changed here.

use std::ops::Range;

use serde::Deserialize;

use crate::uses::SCOPE;

/// How grave a diagnostic or one of its parts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Level {
    /// An error.
    #[serde(rename = "error")]
    Error,
    /// A crash of rustc itself.
    #[serde(rename = "error: internal compiler error")]
    Crash,
    /// A warning.
    #[serde(rename = "warning")]
    Warning,
    /// A note.
    #[serde(rename = "note")]
    Note,
    /// Help, with or without a suggested change.
    #[serde(rename = "help")]
    Help,
    /// Closing words, and whatever later versions of rustc add.
    #[serde(rename = "failure-note", other)]
    Closing,
}

/// An error code or a lint's name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Code {
    /// Such as `E0308` or `unused_variables`.
    pub code: String,
}

/// A line of source that a span touches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// The line, without its end.
    pub text: String,
}

/// A stretch of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Span {
    /// The file as rustc names it.
    pub file_name: String,
    /// First byte in the file.
    pub byte_start: usize,
    /// The byte after the last.
    pub byte_end: usize,
    /// Whether the diagnostic is about this place.
    #[serde(default)]
    pub is_primary: bool,
    /// The lines it touches.
    #[serde(default)]
    pub text: Vec<Line>,
    /// What is written at the place.
    #[serde(default)]
    pub label: Option<String>,
    /// In a suggestion: what to write there instead.
    #[serde(default)]
    pub suggested_replacement: Option<String>,
    /// The macro call the place comes from.
    #[serde(default)]
    pub expansion: Option<Box<Expansion>>,
}

impl Span {
    /// The byte range in its file.
    pub fn range(&self) -> Range<usize> {
        self.byte_start..self.byte_end
    }
}

/// A macro call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Expansion {
    /// Where it was called.
    pub span: Span,
}

/// One diagnostic, or a note or help that belongs to one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Diagnostic {
    /// How grave it is.
    pub level: Level,
    /// Its code.
    #[serde(default)]
    pub code: Option<Code>,
    /// What it says.
    pub message: String,
    /// The places it is about.
    #[serde(default)]
    pub spans: Vec<Span>,
    /// Notes and help.
    #[serde(default)]
    pub children: Vec<Diagnostic>,
    /// rustc's own rendering of it, against the generated text.
    #[serde(default)]
    pub rendered: Option<String>,
}

impl Diagnostic {
    /// The code's text, empty when there is none.
    pub fn code(&self) -> &str {
        self.code.as_ref().map_or("", |c| c.code.as_str())
    }

    /// Whether it stops a compilation.
    pub fn is_error(&self) -> bool {
        matches!(self.level, Level::Error | Level::Crash)
    }

    /// An error of our own about a place in the generated text, in rustc's form.
    pub fn error(code: &str, message: &str, range: &Range<usize>, help: &str) -> Self {
        let span = Span {
            file_name: String::new(),
            byte_start: range.start,
            byte_end: range.end,
            is_primary: true,
            text: Vec::new(),
            label: None,
            suggested_replacement: None,
            expansion: None,
        };
        let mut error = Self {
            level: Level::Error,
            code: (!code.is_empty()).then(|| Code { code: code.to_owned() }),
            message: message.to_owned(),
            spans: vec![span],
            children: Vec::new(),
            rendered: None,
        };
        error.add_help(help);
        error
    }

    /// Add a help text of ours, without a place.
    pub fn add_help(&mut self, message: impl Into<String>) {
        self.children.push(Diagnostic {
            level: Level::Help,
            code: None,
            message: message.into(),
            spans: Vec::new(),
            children: Vec::new(),
            rendered: None,
        });
    }
}

/// Read what rustc wrote to standard error under `--error-format=json`: the diagnostics, and the
/// lines that are not JSON (a crash of rustc, a linker speaking). JSON that is no diagnostic, such
/// as artifact notices, is left out.
pub fn parse(stderr: &str) -> (Vec<Diagnostic>, Vec<String>) {
    let stderr = &without_scopes(stderr);
    let mut diagnostics = Vec::new();
    let mut others = Vec::new();
    for line in stderr.lines() {
        if line.trim().is_empty() {
            continue;
        }
        let json = line.trim_start().starts_with('{');
        match serde_json::from_str::<Diagnostic>(line) {
            Ok(diagnostic) => diagnostics.push(diagnostic),
            Err(_) if json && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok() => {}
            Err(_) => others.push(line.to_owned()),
        }
    }
    (diagnostics, others)
}
/// Paths without the modules that items with other imports are in.
fn without_scopes(text: &str) -> String {
    let mut parts = text.split(SCOPE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        match part[digits..].strip_prefix("::") {
            Some(rest) => out.push_str(rest),
            None => {
                out.push_str(SCOPE);
                out.push_str(part);
            }
        }
    }
    out
}
