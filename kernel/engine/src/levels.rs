//! Lint levels that a user sets for the whole crate (`#![deny(warnings)]`). They act on his own code: they
//! go onto his items and statements, never onto the crate, where what the kernel learns from rustc's lints
//! would depend on them.

use proc_macro2::TokenTree;
use syn::Attribute;

use super::items::Era;

/// Lints by which the kernel learns, and those about what a crate shows to others: cells show everything.
const NOT_HIS: [&str; 14] = [
    "dropping_references",
    "dropping_copy_types",
    "missing_docs",
    "missing_debug_implementations",
    "missing_copy_implementations",
    "unreachable_pub",
    "unnameable_types",
    "private_interfaces",
    "private_bounds",
    "dead_code",
    "internal_features",
    "unstable_features",
    "unused_crate_dependencies",
    "unused_extern_crates",
];

/// Groups that have lints in them which a statement of a cell cannot help.
const GROUPS: [&str; 8] = [
    "warnings",
    "unused",
    "nonstandard_style",
    "future_incompatible",
    "rust_2018_idioms",
    "rust_2021_compatibility",
    "rust_2024_compatibility",
    "keyword_idents",
];

/// One attribute: a level, and the lints it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    name: String,
    lints: Vec<String>,
}

impl Level {
    /// The level that an attribute sets, if it sets one.
    pub fn of(attribute: &Attribute) -> Option<Self> {
        let name = attribute.path().get_ident()?.to_string();
        if !["allow", "warn", "deny", "forbid", "expect"].contains(&name.as_str()) {
            return None;
        }
        let mut lints = vec![String::new()];
        for token in attribute.meta.require_list().ok()?.tokens.clone() {
            match token {
                TokenTree::Punct(p) if p.as_char() == ',' => lints.push(String::new()),
                other => lints.last_mut()?.push_str(&other.to_string()),
            }
        }
        // `reason = "…"` is no lint.
        lints.retain(|lint| !lint.is_empty() && !lint.contains('=') && !NOT_HIS.contains(&lint.as_str()));
        Some(Self { name, lints })
    }

    fn is_strict(&self) -> bool {
        self.name == "deny" || self.name == "forbid"
    }

    /// The attribute as it goes onto an item or a statement. What is forbidden cannot be allowed below, so what
    /// a statement may have to be allowed is denied.
    fn written(&self) -> String {
        let soft = |lint: &String| GROUPS.contains(&lint.as_str()) || lint.starts_with("unused");
        let (soft, hard): (Vec<&String>, Vec<&String>) = self.lints.iter().partition(|lint| soft(lint));
        let text = |level: &str, lints: &[&String]| {
            let lints: Vec<&str> = lints.iter().map(|lint| lint.as_str()).collect();
            if lints.is_empty() { String::new() } else { format!("#[{level}({})] ", lints.join(", ")) }
        };
        let level = if self.name == "expect" { "allow" } else { &self.name };
        let below = if level == "forbid" { "deny" } else { level };
        text(below, &soft) + &text(level, &hard)
    }
}

/// The levels of a session, each from its cell on.
#[derive(Debug, Clone, Default)]
pub(super) struct Levels(Vec<(Era, Level)>);

impl Levels {
    pub(super) fn add(&mut self, era: Era, level: Level) {
        // Said again, it comes last again.
        self.0.retain(|(_, known)| *known != level);
        self.0.push((era, level));
    }

    fn until(&self, era: Era) -> impl Iterator<Item = &Level> {
        self.0.iter().filter(move |(at, _)| *at <= era).map(|(_, level)| level)
    }

    /// What the crate allows: nothing of it is seen where nothing is denied.
    pub(super) fn allowed(&self) -> String {
        if self.0.iter().any(|(_, level)| level.is_strict()) {
            return String::new();
        }
        let allows = self.0.iter().filter(|(_, level)| level.name == "allow").flat_map(|(_, level)| &level.lints);
        let lints: Vec<&str> = allows.map(String::as_str).filter(|lint| *lint != "warnings").collect();
        if lints.is_empty() { String::new() } else { format!("#![allow({})]\n", lints.join(", ")) }
    }

    fn prefix(&self, era: Era) -> String {
        if !self.until(era).any(Level::is_strict) {
            return String::new();
        }
        // What the crate allows behind the user's back is as in a program again.
        "#[warn(unused, nonstandard_style)] ".to_owned() + &self.until(era).map(Level::written).collect::<String>()
    }

    /// What stands before an item of a cell.
    pub(super) fn item_prefix(&self, era: Era) -> String {
        let prefix = self.prefix(era);
        if prefix.is_empty() { prefix } else { prefix + "#[allow(dead_code)] " }
    }

    /// What stands before a statement: variables are for later cells.
    pub(super) fn statement_prefix(&self, era: Era) -> String {
        let prefix = self.prefix(era);
        if prefix.is_empty() {
            return prefix;
        }
        prefix + "#[allow(unused_mut, unused_variables, unused_assignments, unused_imports, unused_macros, dead_code)] "
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(attributes: &[&str]) -> Levels {
        let mut levels = Levels::default();
        for (at, text) in attributes.iter().enumerate() {
            let parsed = syn::parse_str::<syn::File>(text).expect("attributes");
            parsed.attrs.iter().filter_map(Level::of).for_each(|level| levels.add(at as Era + 1, level));
        }
        levels
    }

    #[test]
    fn what_is_only_allowed_is_allowed_for_all() {
        let some = levels(&["#![allow(warnings)] #![allow(unused, clippy::all, reason = \"x\")]"]);
        assert_eq!((some.allowed().as_str(), some.item_prefix(9).as_str()), ("#![allow(unused, clippy::all)]\n", ""));
    }

    #[test]
    fn what_is_denied_goes_onto_later_items() {
        let some = levels(&["#![allow(unused)]", "#![forbid(unsafe_code, warnings)]", "#![deny(missing_docs)]"]);
        assert_eq!((some.allowed().as_str(), some.item_prefix(1).as_str()), ("", ""));
        let prefix = some.item_prefix(2);
        assert!(prefix.contains("#[allow(unused)] #[deny(warnings)] #[forbid(unsafe_code)]"), "{prefix}");
        assert!(!some.item_prefix(3).contains("missing_docs"));
    }
}
