//! The variables of a session as the kernel knows them: name, type, mutability, and the key under
//! which the runner keeps each. The values are in the runner.

use std::collections::{BTreeMap, BTreeSet};

use super::split::words;

/// One variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its type with full paths, as generated code names it.
    pub type_text: String,
    /// Declared with `mut`.
    pub mutable: bool,
    /// The runner's key for its value.
    pub key: u64,
    /// Where its name was bound: cell and byte offset.
    pub place: (u32, usize),
}

/// All variables, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variables {
    known: BTreeMap<String, Variable>,
    /// Bindings that could not be kept, with the advice to give when they are missed.
    unkept: BTreeMap<String, String>,
}

impl Variables {
    /// A variable by name.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.known.get(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Variable)> {
        self.known.iter()
    }

    /// Add or replace.
    pub fn insert(&mut self, name: String, variable: Variable) {
        self.unkept.remove(&name);
        self.known.insert(name, variable);
    }

    /// Forget one. True when it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.known.remove(name).is_some()
    }

    /// Forget all; their names.
    pub fn clear(&mut self) -> Vec<String> {
        self.unkept.clear();
        std::mem::take(&mut self.known).into_keys().collect()
    }

    /// Remember that a binding lasted for its cell only, and what to write instead.
    pub fn mark_unkept(&mut self, name: &str, advice: String) {
        self.known.remove(name);
        self.unkept.insert(name.to_owned(), advice);
    }

    /// The advice for a name that a cell misses.
    pub fn advice(&self, name: &str) -> Option<&str> {
        self.unkept.get(name).map(String::as_str)
    }

    /// Forget the variables whose type mentions one of these names, and name them.
    pub fn remove_stale(&mut self, changed: &BTreeSet<String>) -> Vec<String> {
        let stale: Vec<String> = self
            .known
            .iter()
            .filter(|(_, v)| words(&v.type_text).any(|w| changed.contains(w)))
            .map(|(name, _)| name.clone())
            .collect();
        stale.iter().for_each(|name| {
            self.known.remove(name);
        });
        stale
    }
}

/// A type as the user would write it: paths reduced to their last part.
pub fn short_type(full: &str) -> String {
    let mut short = String::new();
    let mut segment_start = 0;
    let mut characters = full.char_indices().peekable();
    while let Some((_, c)) = characters.next() {
        if c == ':' && characters.peek().is_some_and(|(_, next)| *next == ':') {
            characters.next();
            short.truncate(segment_start);
            continue;
        }
        short.push(c);
        if !(c.is_alphanumeric() || c == '_') {
            segment_start = short.len();
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_short() {
        assert_eq!(short_type("std::collections::HashMap<std::string::String, cells::P>"), "HashMap<String, P>");
        assert_eq!(short_type("&'static [f64; 3]"), "&'static [f64; 3]");
        assert_eq!(short_type("std::boxed::Box<dyn std::ops::Fn(i32) -> i32>"), "Box<dyn Fn(i32) -> i32>");
    }
}
