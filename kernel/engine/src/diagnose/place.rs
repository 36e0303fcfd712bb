//! From rustc's spans to places in the user's cells. Nothing is rendered here.

use std::ops::Range;

use super::parse::Span;
use crate::source::{Place, Source, cell_name};

/// The cells a report may show, by number.
pub trait Cells {
    /// The text of a cell, as the user wrote it.
    fn text(&self, cell: u32) -> Option<&str>;

    /// The generated text behind another file that rustc names, such as an earlier items crate.
    fn source(&self, file_name: &str) -> Option<&Source> {
        let _ = file_name;
        None
    }

    /// Where the user wrote what stands at a place of a cell's text as it is compiled: a file, perhaps.
    fn real(&self, place: Place) -> Option<Place> {
        Some(place)
    }

    /// What a cell or a file is called in a report.
    fn name(&self, cell: u32) -> String {
        cell_name(cell)
    }
}

/// A generated text together with the cells it was made from.
pub(super) struct View<'a> {
    pub(super) source: &'a Source,
    pub(super) cells: &'a dyn Cells,
}

impl<'a> View<'a> {
    /// The user's text a span is about: its own place, or that of the macro call it comes from.
    pub(super) fn place(&self, span: &Span) -> Option<Place> {
        let mut at = span;
        loop {
            if let Some(place) = self.direct(at) {
                return Some(place);
            }
            at = &at.expansion.as_ref()?.span;
        }
    }

    /// As [`View::place`], and for a span that starts in generated text and reaches into the
    /// user's, the part that is the user's.
    pub(super) fn place_inside(&self, span: &Span) -> Option<Place> {
        if let Some(place) = self.place(span) {
            return Some(place);
        }
        let source = self.file(span)?;
        let start = (span.byte_start..span.byte_end).find(|&at| source.locate(&(at..at + 1)).is_some())?;
        self.user_range(source, start..span.byte_end)
    }

    /// Whether a span lies in a text of ours (wherever in it), not in a library's file.
    pub(super) fn is_ours(&self, span: &Span) -> bool {
        self.file(span).is_some()
    }

    /// The text of a cell.
    pub(super) fn text(&self, cell: u32) -> Option<&'a str> {
        self.cells.text(cell)
    }

    fn direct(&self, span: &Span) -> Option<Place> {
        self.user_range(self.file(span)?, span.range())
    }

    /// The generated text a span is counted in. rustc's name of it is not trusted: the text that
    /// rustc quotes has to stand there.
    fn file(&self, span: &Span) -> Option<&'a Source> {
        if let Some(source) = self.cells.source(&span.file_name) {
            return quotes(source.text(), span).then_some(source);
        }
        quotes(self.source.text(), span).then_some(self.source)
    }

    fn user_range(&self, source: &Source, range: Range<usize>) -> Option<Place> {
        let mut place = source.locate(&range)?;
        // A user's construct can continue past a piece of ours in its middle.
        if range.end > range.start
            && let Some(last) = source.locate(&(range.end - 1..range.end))
            && last.cell == place.cell
            && last.range.end > place.range.end
        {
            place.range.end = last.range.end;
        }
        let place = self.cells.real(place)?;
        self.text(place.cell)?.get(place.range.clone())?;
        Some(place)
    }
}

/// Whether the text that rustc quotes for a span stands in `text`.
pub(super) fn quotes(text: &str, span: &Span) -> bool {
    let Some(before) = text.get(..span.byte_start) else {
        return false;
    };
    if text.get(span.range()).is_none() {
        return false;
    }
    let Some(line) = span.text.first() else {
        return true;
    };
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    text[start..end].trim_end_matches('\r') == line.text.trim_end_matches('\r')
}
