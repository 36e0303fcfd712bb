//! The parts of a report as `annotate-snippets` wants them. What goes in is decided elsewhere.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Patch, Snippet};

use super::names::{clean, clean_code, is_generated};
use super::parse::{Diagnostic, Span};
use super::place::View;
use crate::source::Place;

/// How many alternatives of one suggestion are shown, as rustc has it.
const ALTERNATIVES: usize = 4;

/// Modules that only a nightly rustc may import from.
const UNSTABLE: &[&str] = &["std::sync::nonpoison::", "std::intrinsics::", "core::intrinsics::"];

/// A marked stretch of a cell.
struct Mark {
    range: Range<usize>,
    label: Option<String>,
    primary: bool,
}

/// The user's lines that spans are about, the primary's cell first. `inline` is written after the
/// first primary mark.
pub(super) fn annotated<'a>(
    spans: &[Span],
    inline: Option<String>,
    code: &str,
    view: &View<'a>,
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut cells: Vec<(u32, Vec<Mark>)> = Vec::new();
    let mut inline = inline;
    let mut ordered: Vec<&Span> = spans.iter().collect();
    ordered.sort_by_key(|s| !s.is_primary);
    for span in ordered {
        let place = if span.is_primary { view.place_inside(span) } else { view.place(span) };
        let Some(place) = place else { continue };
        let mut label = span.label.as_deref().map(|l| clean(l, code, view)).filter(|l| !is_generated(l));
        if span.is_primary
            && let Some(help) = inline.take()
        {
            label = Some(label.map_or(help.clone(), |l| format!("{l}\n{help}")));
        }
        let mark = Mark { range: place.range, label, primary: span.is_primary };
        let index = cells.iter().position(|(cell, _)| *cell == place.cell).unwrap_or_else(|| {
            cells.push((place.cell, Vec::new()));
            cells.len() - 1
        });
        let marks = &mut cells[index].1;
        let known = marks.iter().any(|m| m.range == mark.range && (m.label == mark.label || mark.label.is_none()));
        if !known {
            marks.push(mark);
        }
    }
    cells.into_iter().filter_map(|(cell, marks)| marked(cell, marks, view)).collect()
}

fn marked<'a>(cell: u32, marks: Vec<Mark>, view: &View<'a>) -> Option<Snippet<'a, Annotation<'a>>> {
    let annotations = marks.into_iter().map(|mark| {
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        kind.span(mark.range).label(mark.label)
    });
    Some(Snippet::source(view.text(cell)?).path(Some(view.cells.name(cell))).annotations(annotations))
}

/// One way to carry out a suggestion: changes to one cell.
pub(super) struct Alternative {
    pub(super) cell: u32,
    pub(super) patches: Vec<(Range<usize>, String)>,
}

/// A suggestion's alternatives as patched user lines, and how many were left out. `None` when the
/// suggestion would change generated text and cannot be told in the user's terms.
pub(super) fn patched<'a>(
    child: &Diagnostic,
    view: &View<'a>,
    current: u32,
) -> Option<(Vec<Snippet<'a, Patch<'a>>>, usize)> {
    let alternatives = alternatives(child, view, current);
    if alternatives.is_empty() {
        return None;
    }
    let more = alternatives.len().saturating_sub(ALTERNATIVES);
    let snippets = alternatives.into_iter().take(ALTERNATIVES).filter_map(|a| {
        let patches = a.patches.into_iter().map(|(range, text)| Patch::new(range, text));
        Some(Snippet::source(view.text(a.cell)?).path(Some(view.cells.name(a.cell))).patches(patches))
    });
    Some((snippets.collect(), more))
}

/// All ways to carry out a suggestion that can be told in the user's terms.
pub(super) fn alternatives(child: &Diagnostic, view: &View<'_>, current: u32) -> Vec<Alternative> {
    let mut found: Vec<Alternative> = Vec::new();
    for parts in substitutions(&child.spans) {
        let Some(alternative) = alternative(&parts, view, current) else { continue };
        let known = |a: &Alternative| a.cell == alternative.cell && a.patches == alternative.patches;
        if !alternative.patches.is_empty() && !found.iter().any(known) {
            found.push(alternative);
        }
    }
    found
}

/// rustc lists the parts of all alternatives in one row; a new one starts where the row goes back.
fn substitutions(spans: &[Span]) -> Vec<Vec<&Span>> {
    let mut all: Vec<Vec<&Span>> = Vec::new();
    for span in spans.iter().filter(|s| s.suggested_replacement.is_some()) {
        match all.last_mut() {
            Some(parts) if parts.last().is_some_and(|p| p.byte_end <= span.byte_start && p.range() != span.range()) => {
                parts.push(span);
            }
            _ => all.push(vec![span]),
        }
    }
    all
}

fn alternative(parts: &[&Span], view: &View<'_>, current: u32) -> Option<Alternative> {
    let mut cell = None;
    let mut patches = Vec::new();
    for span in parts {
        let replacement = span.suggested_replacement.as_deref().unwrap_or_default();
        let Place { cell: found, range } = place_of_patch(span, replacement, view, current)?;
        if *cell.get_or_insert(found) != found {
            return None;
        }
        let replacement = clean_code(replacement);
        if is_generated(&replacement) {
            return None;
        }
        let old = view.text(found)?.get(range.clone())?;
        if old != replacement {
            patches.push((range, replacement));
        }
    }
    Some(Alternative { cell: cell?, patches })
}

/// Where a change belongs in the user's text. A `use` that rustc would add at the head of the
/// generated text belongs at the head of the current cell.
fn place_of_patch(span: &Span, replacement: &str, view: &View<'_>, current: u32) -> Option<Place> {
    let import = replacement.trim_start().starts_with("use ");
    if import && (is_generated(replacement) || UNSTABLE.iter().any(|p| replacement.contains(p))) {
        return None;
    }
    if let Some(place) = view.place(span) {
        return Some(place);
    }
    if span.byte_start < span.byte_end || !view.is_ours(span) {
        return None;
    }
    if import {
        let head = head(view.text(current)?);
        return Some(Place { cell: current, range: head..head });
    }
    // An insertion right behind the user's text is located by the byte before it.
    let before = Span { byte_start: span.byte_start.checked_sub(1)?, text: Vec::new(), ..(*span).clone() };
    let place = view.place(&before)?;
    Some(Place { cell: place.cell, range: place.range.end..place.range.end })
}

/// The first byte behind the directive lines a cell starts with.
fn head(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = line.trim_start();
        if !start.is_empty() && !start.starts_with([':', '%', '!', '?']) {
            break;
        }
        at += line.len();
    }
    if at == text.len() { 0 } else { at }
}
