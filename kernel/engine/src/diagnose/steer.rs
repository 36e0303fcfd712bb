//! What diagnostics say about the generated lines that put variables back. The engine decides
//! what to do about it.

use std::ops::Range;

use super::advice::advice;
use super::parse::{Diagnostic, Span};
use super::place::quotes;
use super::types::TypeKind;
use crate::source::Source;

/// Errors by which rustc says that a value does not live for as long as the session.
const BORROWS: &[&str] = &[
    "E0310", "E0309", "E0373", "E0490", "E0495", "E0499", "E0502", "E0503", "E0505", "E0506", "E0515", "E0521",
    "E0597", "E0621", "E0700", "E0712", "E0716", "E0759",
];

/// Errors by which rustc says that a variable has no value any more, or not on every path.
const MOVES: &[&str] = &["E0381", "E0382", "E0507"];

/// A generated line that puts a variable back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Its byte range in the generated text.
    pub range: Range<usize>,
    /// The variable.
    pub name: String,
    /// The variable's type, as [`new_types`] reported it or as the session knows it.
    pub type_text: String,
}

/// Which put lines do not compile, and why: indices into the lines asked about, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steer {
    /// The variable was moved, or is not set on every path: leave the line out.
    pub moved: Vec<usize>,
    /// The variable is borrowed until the cell ends, by a value whose drop uses the borrow: the line, and that value's
    /// name.
    pub held: Vec<(usize, String)>,
    /// The variable borrows from something that ends with the cell: refuse it with advice.
    pub borrowed: Vec<usize>,
    /// Those of them whose owner the cell itself changes after the borrow.
    pub changed: Vec<usize>,
    /// Something else, such as a type that cannot be named outside the cell.
    pub other: Vec<usize>,
    /// Errors that concern no put line, which the user has to see.
    pub rest: usize,
}

impl Steer {
    /// Is no put line to blame?
    pub fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.held.is_empty() && self.borrowed.is_empty() && self.other.is_empty()
    }
}

/// Sort the errors among `diagnostics`, which are about the generated text `source`, by the put
/// lines they concern.
pub fn steer(diagnostics: &[Diagnostic], source: &Source, puts: &[Range<usize>]) -> Steer {
    let mut found = Steer::default();
    for diagnostic in diagnostics.iter().filter(|d| d.is_error()) {
        let Some((index, reason)) = concerns(diagnostic, source, puts) else {
            found.rest += usize::from(!diagnostic.spans.is_empty());
            continue;
        };
        if matches!(reason, Reason::Borrowed) && is_changed(diagnostic, source, puts) {
            found.changed.push(index);
        }
        let list = match reason {
            Reason::Held(by) => {
                found.held.push((index, by));
                continue;
            }
            Reason::Moved => &mut found.moved,
            Reason::Borrowed => &mut found.borrowed,
            Reason::Other => &mut found.other,
        };
        if !list.contains(&index) {
            list.push(index);
        }
    }
    found.moved.sort_unstable();
    found.borrowed.sort_unstable();
    found.other.sort_unstable();
    found
}

/// Is what a put line borrows changed, or moved, by the user's own code?
fn is_changed(diagnostic: &Diagnostic, source: &Source, puts: &[Range<usize>]) -> bool {
    const CHANGES: [&str; 5] = ["E0499", "E0502", "E0503", "E0505", "E0506"];
    let own = |span: &&Span| !puts.iter().any(|put| put.start <= span.byte_start && span.byte_end <= put.end);
    let mut primary = diagnostic.spans.iter().filter(|span| span.is_primary).filter(own);
    CHANGES.contains(&diagnostic.code()) && primary.any(|span| source.locate(&span.range()).is_some())
}

enum Reason {
    Moved,
    Held(String),
    Borrowed,
    Other,
}

fn concerns(diagnostic: &Diagnostic, source: &Source, puts: &[Range<usize>]) -> Option<(usize, Reason)> {
    let put_of = |span: &Span| {
        let mut at = span;
        loop {
            let found =
                puts.iter().position(|p| p.start <= at.byte_start && at.byte_end <= p.end && quotes(source.text(), at));
            if found.is_some() {
                return found;
            }
            at = &at.expansion.as_ref()?.span;
        }
    };
    let primary = diagnostic.spans.iter().filter(|s| s.is_primary).find_map(put_of);
    let secondary = diagnostic.spans.iter().filter(|s| !s.is_primary).find_map(put_of);
    let code = diagnostic.code();
    let message = &diagnostic.message;
    let borrows = BORROWS.contains(&code)
        || message.contains("lifetime may not live long enough")
        || message.contains("does not live long enough")
        || message.contains("borrowed data escapes");
    if borrows {
        // The line that asks for `'static` is to blame, not the one that trips over the borrow.
        let asks =
            |s: &&Span| s.label.as_deref().is_some_and(|l| l.contains("'static") || l.contains("argument requires"));
        let asking = diagnostic.spans.iter().filter(asks).find_map(put_of);
        // E0503 is the same for a value that is copied.
        if ["E0503", "E0505"].contains(&code) && asking.is_none() && secondary.is_none() {
            return primary.map(|index| (index, Reason::Held(holder(diagnostic))));
        }
        // A closure that borrows is to blame where it stands; the line that keeps it is in a note.
        let noted = || diagnostic.children.iter().flat_map(|child| &child.spans).find_map(put_of);
        return asking.or(secondary).or(primary).or_else(noted).map(|index| (index, Reason::Borrowed));
    }
    if MOVES.contains(&code) {
        return primary.map(|index| (index, Reason::Moved));
    }
    primary.map(|index| (index, Reason::Other))
}

/// Whose drop uses a borrow: `borrow might be used here, when `g` is dropped`.
fn holder(diagnostic: &Diagnostic) -> String {
    let labels = diagnostic.spans.iter().filter_map(|s| s.label.as_deref());
    let dropped = labels.filter(|l| l.contains("is dropped")).find_map(|l| l.split('`').nth(1));
    dropped.unwrap_or_default().to_owned()
}

/// Give every error that a put line's borrow causes the advice to own the value.
pub fn explain_borrows(diagnostics: &mut [Diagnostic], source: &Source, puts: &[Put]) {
    let ranges: Vec<Range<usize>> = puts.iter().map(|p| p.range.clone()).collect();
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error()) {
        if let Some((index, Reason::Borrowed)) = concerns(diagnostic, source, &ranges) {
            let put = &puts[index];
            // The variable's type looked nameable; rustc has just said that it borrows.
            let kind = TypeKind::Borrow { of: put.type_text.clone() };
            diagnostic.add_help(advice(&put.name, &kind));
        }
    }
}

/// The types of variables, as the `dropping_references` lint reports them for `drop(&name)`: the
/// byte range of `&name` in the generated text, and the type of `name`.
pub fn new_types(diagnostics: &[Diagnostic]) -> Vec<(Range<usize>, String)> {
    let mut types = Vec::new();
    for diagnostic in diagnostics {
        if !matches!(diagnostic.code(), "dropping_references" | "dropping_copy_types") {
            continue;
        }
        for span in &diagnostic.spans {
            let text = span.label.as_deref().and_then(|l| l.strip_prefix("argument has type `&"));
            if let Some(text) = text.and_then(|t| t.strip_suffix('`')) {
                types.push((span.range(), text.to_owned()));
            }
        }
    }
    types
}
