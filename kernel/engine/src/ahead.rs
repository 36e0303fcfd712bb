//! Items that are named before they are defined. In a program their order does not matter; a cell can only name what stands in it, or
//! in a cell that has run. The error says so, and when the name is defined later, a note tells which cell can run now.
//! Nothing is compiled here.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnose::{Diagnostic, Rendered};
use super::items::Items;
use super::source::{CHECKED, cell_name};

/// What rustc calls an item that it misses; not a value, which is a variable as a rule, nor a crate.
const KINDS: [&str; 6] =
    ["function", "type", "trait", "macro", "struct, variant or union type", "function, tuple struct or tuple variant"];

/// Names that failed cells missed, and those cells.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead(BTreeMap<String, BTreeSet<u32>>);

impl Ahead {
    /// A cell failed.
    pub(super) fn failed(&mut self, cell: u32, errors: &Rendered) {
        // What has no number of its own cannot be run again.
        if cell >= CHECKED {
            return;
        }
        for name in errors.findings.iter().filter_map(|finding| missed(&finding.message)) {
            self.0.entry(name.to_owned()).or_default().insert(cell);
        }
    }

    /// Notes on cells that can run now that these items are there.
    pub(super) fn defined(&mut self, items: &Items) -> Vec<String> {
        let there: Vec<String> = self.0.keys().filter(|name| items.defines(name)).cloned().collect();
        let mut cells: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for name in there {
            for cell in self.0.remove(&name).unwrap_or_default() {
                cells.entry(cell).or_default().push(name.clone());
            }
        }
        // A cell that misses something else as well cannot run yet.
        cells.retain(|cell, _| !self.0.values().any(|waiting| waiting.contains(cell)));
        let told = |(cell, names): (&u32, &Vec<String>)| {
            let (names, are) = (names.join("`, `"), if names.len() == 1 { "is" } else { "are" });
            format!("`{names}`, which {} named, {are} defined now: run that cell again", cell_name(*cell))
        };
        cells.iter().map(told).collect()
    }
}

/// The item that rustc misses.
fn missed(message: &str) -> Option<&str> {
    let (kind, rest) = message.strip_prefix("cannot find ")?.split_once(" `")?;
    KINDS.contains(&kind).then(|| rest.split('`').next()).flatten()
}

/// What to do about an item that is not there, where rustc has nothing to propose.
pub(super) fn explain(diagnostics: &mut [Diagnostic]) {
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error() && d.children.is_empty()) {
        let Some(name) = missed(&diagnostic.message) else { continue };
        let help = format!(
            "what a cell names must stand in it, or in a cell that has run: write `{name}` into this cell, or run the cell that \
             defines it first"
        );
        diagnostic.add_help(help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_are_missed_are_read() {
        assert_eq!(missed("cannot find function `f` in this scope"), Some("f"));
        assert_eq!(missed("cannot find struct, variant or union type `P` in this scope"), Some("P"));
        assert_eq!(missed("cannot find macro `m` in this scope"), Some("m"));
        for none in [
            "cannot find value `x` in this scope",
            "cannot find module or crate `rand` in this scope",
            "mismatched types",
        ] {
            assert_eq!(missed(none), None);
        }
    }
}
