//! Names in messages: generated ones are taken out, standard ones shortened as rustc shortens them.

use super::place::View;

/// What every generated name starts with.
const GENERATED: &str = "__ferrolab";

/// Types whose short name says too little; rustc, too, prints these with their path.
const AMBIGUOUS: &[&str] = &["Error", "Iter", "IterMut", "IntoIter", "Drain", "Entry", "Display", "Keys", "Values"];

/// Codes whose messages are about the path itself, which therefore stays whole.
const ABOUT_PATHS: &[&str] = &["E0432", "E0433", "E0603", "E0583", "E0463"];

/// Whether a text names something generated.
pub(super) fn is_generated(text: &str) -> bool {
    text.contains(GENERATED)
}

/// A message as the user should read it.
pub(super) fn clean(message: &str, code: &str, view: &View<'_>) -> String {
    let message = message.replace(" (in Nightly builds, run with -Z macro-backtrace for more info)", "");
    let mut out = String::with_capacity(message.len());
    let shorten = !ABOUT_PATHS.contains(&code);
    for (index, part) in split_keeping(&message, '`') {
        let part = strip_generated(part);
        let part = places(&part, view);
        out.push_str(&if shorten && index % 2 == 1 { shorten_paths(&part) } else { part });
    }
    out
}

/// Code that rustc suggests, without generated path segments, and with crates by the names that users know.
pub(super) fn clean_code(code: &str) -> String {
    let code = strip_generated(code);
    let through_ours =
        ["ndarray", "plotters", "rayon"].map(|name| (format!("ferrolab::{name}::"), format!("{name}::")));
    through_ours.iter().fold(code, |code, (ours, own)| code.replace(ours, own))
}

fn split_keeping(text: &str, mark: char) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive(mark).enumerate()
}

/// Remove path segments that start with the generated prefix, and what follows them up to `::`.
fn strip_generated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(GENERATED) {
        let end = rest[at..].find(|c: char| !is_word(c)).map_or(rest.len(), |n| at + n);
        let starts_word = !rest[..at].ends_with(is_word);
        if starts_word && rest[end..].starts_with("::") {
            out.push_str(&rest[..at]);
            rest = &rest[end + 2..];
        } else {
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

/// `std::collections::HashMap<std::string::String, i32>` as `HashMap<String, i32>`.
fn shorten_paths(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| is_word(c)) {
        out.push_str(&rest[..at]);
        let path = path_length(&rest[at..]);
        out.push_str(short(&rest[at..at + path]));
        rest = &rest[at + path..];
    }
    out.push_str(rest);
    out
}

/// Length of the path of plain identifiers that a text starts with.
fn path_length(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        length += rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let follows = text[length..].strip_prefix("::");
        match follows {
            Some(next) if next.starts_with(is_word) => length += 2,
            _ => return length,
        }
    }
}

fn short(path: &str) -> &str {
    if !["std::", "core::", "alloc::"].iter().any(|root| path.starts_with(root)) {
        return path;
    }
    let last = path.rsplit("::").next().unwrap_or(path);
    let is_type = last.starts_with(|c: char| c.is_uppercase()) && last.contains(|c: char| c.is_lowercase());
    if is_type && !AMBIGUOUS.contains(&last) { last } else { path }
}

/// `{closure@file.rs:12:13: 12:21}` with the place in the user's cell, or without a place.
fn places(text: &str, view: &View<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|n| open + n) else {
            break;
        };
        let inner = &rest[open + 1..close];
        let Some((kind, place)) = inner.split_once('@').filter(|(kind, _)| !kind.contains('{')) else {
            out.push_str(&rest[..=open]);
            rest = &rest[open + 1..];
            continue;
        };
        out.push_str(&rest[..=open]);
        out.push_str(kind);
        if let Some(place) = in_cell(place, view) {
            out.push('@');
            out.push_str(&place);
        }
        out.push('}');
        rest = &rest[close + 1..];
    }
    out.push_str(rest);
    out
}

/// `file.rs:12:13: 12:21` as `[3]:2:5`.
fn in_cell(place: &str, view: &View<'_>) -> Option<String> {
    let start = place.rsplit_once(": ").map_or(place, |(start, _)| start);
    let mut parts = start.rsplitn(3, ':');
    let column = parts.next()?.trim().parse().ok()?;
    let line = parts.next()?.trim().parse().ok()?;
    let source = view.cells.source(parts.next()?).unwrap_or(view.source);
    if line == 0 || line > source.text().matches('\n').count() + 1 {
        return None;
    }
    let offset = source.offset_of(line, column)?;
    let found = view.cells.real(source.locate(&(offset..offset + 1))?)?;
    let (line, column) = crate::source::line_column(view.text(found.cell)?, found.range.start);
    Some(format!("{}:{line}:{column}", view.cells.name(found.cell)))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
