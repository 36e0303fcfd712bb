//! Numbers whose type nothing in their cell said. Rust makes them `i32` or `f64` at the end of a function, and a cell is one; a
//! later cell that wants another type would have decided in a program. This says so, where rustc's errors show it; it
//! changes no type.

use super::diagnose::{Cells, Diagnostic, Span};
use super::source::{Source, cell_name};
use super::split::words;
use super::variables::{Variable, Variables, short_type};

/// What Rust takes when nothing says more.
const DEFAULTS: [&str; 2] = ["i32", "f64"];
/// What a number can be instead.
const NUMBERS: [&str; 14] =
    ["i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64"];

/// Errors by which rustc says that a type is another than is wanted.
const MISFITS: [&str; 3] = ["E0308", "E0277", "E0271"];

/// What to write where the number was made.
pub(super) fn explain(
    diagnostics: &mut [Diagnostic],
    source: &Source,
    cells: &dyn Cells,
    number: u32,
    variables: &Variables,
) {
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error() && MISFITS.contains(&d.code())) {
        let help = types_named(diagnostic).and_then(|(fell, wanted)| {
            let (name, variable) = blamed(diagnostic, source, number, variables, cells, fell)?;
            Some(told(name, variable, fell, wanted))
        });
        if let Some(help) = help {
            diagnostic.add_help(help);
        }
    }
}

/// The type that a number fell back to, and the one that is wanted instead, as an error names them.
fn types_named(diagnostic: &Diagnostic) -> Option<(&'static str, &'static str)> {
    let labels = diagnostic.spans.iter().filter_map(|span| span.label.as_deref());
    let text: Vec<&str> = labels.chain([diagnostic.message.as_str()]).flat_map(words).collect();
    let named = |types: &[&'static str]| types.iter().copied().filter(|each| text.contains(each)).collect::<Vec<_>>();
    let (fell, all) = (named(&DEFAULTS), named(&NUMBERS));
    let [fell] = fell[..] else { return None };
    let [wanted] = all.into_iter().filter(|each| *each != fell).collect::<Vec<_>>()[..] else { return None };
    Some((fell, wanted))
}

/// The variable of an earlier cell that stands at the error, has that type, and whose `let` does not ask for it.
fn blamed<'a>(
    diagnostic: &Diagnostic,
    source: &Source,
    number: u32,
    variables: &'a Variables,
    cells: &dyn Cells,
    fell: &str,
) -> Option<(&'a str, &'a Variable)> {
    let mut found = Vec::new();
    for span in diagnostic.spans.iter().filter(|span| is_users(span, source)) {
        for word in words(&source.text()[span.range()]) {
            let Some((name, variable)) = variables.iter().find(|(name, _)| *name == word) else { continue };
            let typed = words(&variable.type_text).any(|part| part == fell);
            if typed && variable.place.0 != number && is_open(variable, cells, fell) {
                found.push((name.as_str(), variable));
            }
        }
    }
    found.dedup_by_key(|(name, _)| *name);
    match found[..] {
        [one] => Some(one),
        _ => None,
    }
}

fn is_users(span: &Span, source: &Source) -> bool {
    source.text().is_char_boundary(span.byte_start)
        && source.text().is_char_boundary(span.byte_end)
        && source.locate(&span.range()).is_some()
}

/// Does the `let` hold a number without a type, and no word of the type that it came to have?
fn is_open(variable: &Variable, cells: &dyn Cells, fell: &str) -> bool {
    let (cell, offset) = variable.place;
    let Some(rest) = cells.text(cell).and_then(|text| text.get(offset..)) else { return false };
    let made = rest.find(";\n").map_or(rest, |end| &rest[..end]);
    let bare = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && !word.contains(fell);
    words(made).any(bare) && !words(made).any(|word| word.ends_with(fell))
}

fn told(name: &str, variable: &Variable, fell: &str, wanted: &str) -> String {
    let (is, cell) = (short_type(&variable.type_text), cell_name(variable.place.0));
    let meant = is.replace(fell, wanted);
    let mutable = if variable.mutable { "mut " } else { "" };
    format!(
        "`{name}` is `{is}`: {cell}, which made it, says nothing of its number's type, and a number without one is `{fell}` \
         from the end of its cell on. `let {mutable}{name}: {meant} = …` there makes it what is wanted here"
    )
}
