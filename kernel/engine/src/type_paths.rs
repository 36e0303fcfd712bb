//! Paths in the types that rustc prints: from those of one crate to those by which another finds the same type.

use std::collections::{BTreeSet, HashSet};

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
