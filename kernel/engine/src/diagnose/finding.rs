//! Errors as data, for programs that act on them: where each is, and the changes that rustc suggests. The same errors,
//! places and words as in the report for people.

use std::ops::Range;

use serde::Serialize;

use super::names::{clean, is_generated};
use super::parse::{Diagnostic, Span};
use super::place::View;
use super::render::{child_message, headline, is_error_code};
use super::snippet::alternatives;
use crate::source::Place;

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Such as `E0308`.
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Where; the place that the error is about comes first.
    pub spans: Vec<Found>,
    /// Notes and help without a change.
    pub notes: Vec<String>,
    /// Changes that may mend it.
    pub suggestions: Vec<Suggestion>,
}

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The cell or the file that it is in; none when it is in the checked text itself.
    pub cell: Option<String>,
    /// Its first character.
    pub start: Position,
    /// The character behind its last.
    pub end: Position,
    /// What is said of it.
    pub label: Option<String>,
    /// Is the error about it?
    pub primary: bool,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in Unicode code points.
    pub column: usize,
    /// From 0 and from the beginning of the text, in Unicode code points.
    pub offset: usize,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// What it is for.
    pub message: String,
    /// All of them together, in one text.
    pub edits: Vec<Edit>,
}

/// A stretch to be replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// As in [`Found`].
    pub cell: Option<String>,
    /// Its first character.
    pub start: Position,
    /// The character behind its last; the same as the first where something is put in.
    pub end: Position,
    /// What is to stand there.
    pub replacement: String,
}

/// An error as data.
pub(super) fn finding(diagnostic: &Diagnostic, view: &View<'_>, current: u32) -> Finding {
    let code = diagnostic.code();
    let mut spans: Vec<Found> = diagnostic.spans.iter().filter_map(|span| found(span, code, view, current)).collect();
    spans.sort_by_key(|span| !span.primary);
    let (mut notes, mut suggestions) = (Vec::new(), Vec::new());
    for child in &diagnostic.children {
        let Some(message) = child_message(child, code, view) else { continue };
        if !child.spans.iter().any(|span| span.suggested_replacement.is_some()) {
            notes.push(message);
            continue;
        }
        for alternative in alternatives(child, view, current) {
            let edit = |(range, replacement): (Range<usize>, String)| {
                let (cell, start, end) = ends(&Place { cell: alternative.cell, range }, view, current)?;
                Some(Edit { cell, start, end, replacement })
            };
            let edits: Option<Vec<Edit>> = alternative.patches.into_iter().map(edit).collect();
            suggestions.extend(edits.map(|edits| Suggestion { message: message.clone(), edits }));
        }
    }
    let code = is_error_code(code).then(|| code.to_owned());
    Finding { code, message: headline(diagnostic, view), spans, notes, suggestions }
}

fn found(span: &Span, code: &str, view: &View<'_>, current: u32) -> Option<Found> {
    let place = if span.is_primary { view.place_inside(span) } else { view.place(span) }?;
    let label = span.label.as_deref().map(|label| clean(label, code, view)).filter(|label| !is_generated(label));
    let (cell, start, end) = ends(&place, view, current)?;
    Some(Found { cell, start, end, label, primary: span.is_primary })
}

fn ends(place: &Place, view: &View<'_>, current: u32) -> Option<(Option<String>, Position, Position)> {
    let text = view.text(place.cell)?;
    let cell = (place.cell != current).then(|| view.cells.name(place.cell));
    Some((cell, position(text, place.range.start)?, position(text, place.range.end)?))
}

fn position(text: &str, at: usize) -> Option<Position> {
    let before = text.get(..at)?;
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    Some(Position {
        line: 1 + before.matches('\n').count(),
        column: 1 + before[line..].chars().count(),
        offset: before.chars().count(),
    })
}
