//! Paths in the types that rustc prints: from those of one crate to those by which another finds the same type.

use std::collections::{BTreeSet, HashSet};

use super::diagnose::Diagnostic;
use super::source::Source;
use super::variables::{Variables, short_type};

/// A type as rustc has printed it, with the module that holds names of items in the place of their crate.
pub(super) fn from_paths(type_text: &str, known: &HashSet<&str>, globs: bool) -> String {
    let mut out = String::new();
    let mut rest = type_text;
    while let Some(at) = rest.find("cells::") {
        let (before, after) = (&rest[..at], &rest[at + "cells::".len()..]);
        let name = after.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        let begins = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        out.push_str(before);
        // A module of the user's own may be called so, too.
        out.push_str(if begins && (globs || known.contains(name)) { "__ferrolab_cells::" } else { "cells::" });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A type as rustc prints it in the crate that defines `own`, as it is printed elsewhere.
pub(super) fn with_crate(type_text: &str, own: &BTreeSet<String>) -> String {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut rest = type_text;
    while let Some(at) = rest.find(word) {
        let (before, from) = rest.split_at(at);
        let (name, after) = from.split_at(from.find(|c: char| !word(c)).unwrap_or(from.len()));
        out.push_str(before);
        if own.contains(name) && !out.ends_with([':', '\'']) && !after.starts_with(": ") {
            out.push_str("cells::");
        }
        out.push_str(name);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A variable of an earlier cell whose type cannot be written down in this one: its path goes through what its crate keeps
/// private, or begins with a crate that is no dependency of the session. rustc says so of our line that takes the variable.
pub(super) fn explain(diagnostics: &mut [Diagnostic], source: &Source, variables: &Variables) {
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error() && ["E0603", "E0433"].contains(&d.code())) {
        let taken = diagnostic.spans.iter().find_map(|span| taken_at(source, span.byte_start));
        let Some((name, variable)) = taken.and_then(|name| Some((name, variables.get(name)?))) else { continue };
        let missed = diagnostic.message.split('`').nth(1).unwrap_or_default();
        let short = short_type(&variable.type_text);
        let help = if diagnostic.code() == "E0433" {
            format!(
                "`{name}` is a `{short}` of the crate `{missed}`, which another crate brings: use `{name}` in the cell that makes it, \
                 or add `:dep {missed}` in the version that it is of"
            )
        } else {
            format!(
                "`{name}` is a `{short}`, and its crate keeps `{missed}` private: use `{name}` in the cell that makes it, or keep \
                 what it gives there, such as `let {name}: Vec<_> = {name}.collect();`"
            )
        };
        diagnostic.message = format!("`{name}` has a type that no later cell can name");
        diagnostic.children.clear();
        diagnostic.add_help(help);
    }
}

/// The variable that our line at this place takes from the store.
fn taken_at(source: &Source, at: usize) -> Option<&str> {
    let text = source.text();
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next()?;
    line.split_once("::ferrolab::rt::take(\"")?.1.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_get_their_crate() {
        let own = BTreeSet::from(["P".to_owned(), "m".to_owned()]);
        assert_eq!(
            with_crate("std::vec::Vec<(P, m::Q<'P>, x::P, P2)>", &own),
            "std::vec::Vec<(cells::P, cells::m::Q<'P>, x::P, P2)>"
        );
    }

    #[test]
    fn types_are_found_by_their_paths() {
        let known = HashSet::from(["P", "cells"]);
        let found = |text| from_paths(text, &known, false);
        assert_eq!(found("std::vec::Vec<cells::P>"), "std::vec::Vec<__ferrolab_cells::P>");
        assert_eq!(
            found("(cells::cells::Q, cells::Q, my_cells::P)"),
            "(__ferrolab_cells::cells::Q, cells::Q, my_cells::P)"
        );
    }
}
