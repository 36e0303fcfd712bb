//! The variables of a session as the kernel knows them: name, type, mutability, and the key under
//! which the runner keeps each. The values are in the runner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::closures::Kept;
use super::items::Items;
use super::late::Late;
use super::source::START_FILES;
use super::split::{Split, words};

/// How it is said that a binding could not be kept.
const LASTED: &str = "it lasted for its own cell only: ";

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
    /// The closure that it is, when it is kept as source: the runner has no value of it.
    pub kept: Option<Arc<Kept>>,
    /// The cell that bound it, in the order of cells.
    pub era: u64,
}

/// All variables, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variables {
    known: BTreeMap<String, Variable>,
    /// Those that the first cell makes that says their type, the oldest first.
    late: Vec<Late>,
    /// Names that are not variables any more, or never were, with what to say when they are missed.
    gone: BTreeMap<String, String>,
}

impl Variables {
    /// A variable by name.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.known.get(name)
    }

    /// Is there a variable of this name, or one that waits for its type?
    pub fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.late.iter().any(|late| late.names.iter().any(|n| n == name))
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Variable)> {
        self.known.iter()
    }

    /// Add or replace.
    pub fn insert(&mut self, name: String, variable: Variable) {
        self.gone.remove(&name);
        self.late.retain(|late| !late.names.contains(&name));
        self.known.insert(name, variable);
    }

    /// Remember a `let` that waits for the type of what it makes.
    pub fn wait(&mut self, late: Late) {
        self.late.retain(|old| !old.names.iter().any(|name| late.names.contains(name)));
        for name in &late.names {
            self.mark_gone(name, late.told());
        }
        self.late.push(late);
    }

    /// The `let`s that wait.
    pub fn late(&self) -> impl Iterator<Item = &Late> {
        self.late.iter()
    }

    /// Forget one. True when it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.known.remove(name).is_some()
    }

    /// Forget all; their names.
    pub fn clear(&mut self) -> Vec<String> {
        self.gone.clear();
        self.late.clear();
        std::mem::take(&mut self.known).into_keys().collect()
    }

    /// Remember that a binding lasted for its cell only, and what to write instead.
    pub fn mark_unkept(&mut self, name: &str, advice: &str) {
        self.mark_gone(name, format!("{LASTED}{advice}"));
    }

    /// Forget a variable, and remember why. True when it was there.
    pub fn mark_gone(&mut self, name: &str, why: String) -> bool {
        self.gone.insert(name.to_owned(), why);
        self.known.remove(name).is_some()
    }

    /// The same for one that a cell moved.
    pub fn mark_moved(&mut self, name: &str, cell: u32) -> bool {
        let instead = "where it is to be kept, pass `&NAME` or `NAME.clone()`".replace("NAME", name);
        self.mark_gone(name, format!("`{name}` was moved in [{cell}]; {instead}"))
    }

    /// The advice that came with a binding that could not be kept.
    pub fn advice(&self, name: &str) -> Option<&str> {
        self.why_gone(name)?.strip_prefix(LASTED)
    }

    /// Why a name that a cell misses is not there.
    pub fn why_gone(&self, name: &str) -> Option<&str> {
        self.gone.get(name).map(String::as_str)
    }

    /// Those that a cell needs in hand, the oldest first, as scopes of one program would follow each other: those that
    /// it mentions, and those that closures among them borrow.
    pub fn wanted(&self, split: &Split) -> Vec<(&String, &Variable)> {
        let is_used = |name: &String, v: &Variable| {
            // One that is defined anew may not compile any more.
            split.mentions.contains(name) && !(v.kept.is_some() && split.fresh.contains(name))
        };
        let used = self.known.iter().filter(|(name, v)| is_used(name, v));
        let mut names: BTreeSet<&String> = used.map(|(name, _)| name).collect();
        loop {
            let kept = names.iter().filter_map(|name| self.known.get(*name)?.kept.as_deref());
            let borrowed: Vec<&String> = kept.flat_map(|kept| kept.borrowed.iter().map(|(name, _)| name)).collect();
            let before = names.len();
            names.extend(borrowed);
            if names.len() == before {
                break;
            }
        }
        let mut wanted: Vec<_> = self.known.iter().filter(|(name, _)| names.contains(name)).collect();
        let started = |cell: u32| START_FILES.iter().any(|(number, _)| *number == cell);
        wanted.sort_by_key(|(_, v)| (!started(v.place.0), v.place));
        wanted
    }

    /// Forget the closures that borrow what is not there any more, with what each misses.
    pub fn remove_orphans(&mut self) -> Vec<(String, String)> {
        let mut orphans = Vec::new();
        loop {
            let is_there = |(name, key): &&(String, u64)| self.known.get(name).is_some_and(|v| v.key == *key);
            let missed = |v: &Variable| Some(v.kept.as_ref()?.borrowed.iter().find(|b| !is_there(b))?.0.clone());
            let found = self.known.iter().find_map(|(name, v)| Some((name.clone(), missed(v)?)));
            let Some((name, missed)) = found else { return orphans };
            let advice = format!(
                "`{name}` borrowed `{missed}`, which is another one now or gone; run the cell of `{name}` again"
            );
            self.mark_gone(&name, advice);
            orphans.push((name, missed));
        }
    }

    /// Forget what borrows by a method that a later trait may have given to something else; what there is to say of each.
    pub(super) fn remove_ambiguous(&mut self, items: &Items) -> Vec<String> {
        let of = |v: &Variable| Some(items.trait_since(v.era, &v.kept.as_ref()?.calls)?.to_owned());
        let found: Vec<_> = self.known.iter().filter_map(|(name, v)| Some((name.clone(), of(v)?))).collect();
        let told = found.into_iter().map(|(name, of)| {
            let why = format!("`{name}` calls a method that `{of}` may have given another meaning since; run the cell of `{name}` again");
            self.mark_gone(&name, why.clone());
            why
        });
        told.collect()
    }

    /// Forget the variables whose type mentions one of these names, and name them.
    pub fn remove_stale(&mut self, changed: &BTreeSet<String>, cell: u32) -> Vec<String> {
        let old = |v: &Variable| words(&v.type_text).find(|w| changed.contains(*w)).map(str::to_owned);
        let held = self.known.iter().filter(|(_, v)| v.kept.is_none());
        let stale: Vec<_> = held.filter_map(|(name, v)| Some((name.clone(), old(v)?))).collect();
        for (name, of) in &stale {
            let again = format!("run the cell of `{name}` again");
            self.mark_gone(
                name,
                format!("`{name}` was dropped when `{of}`, which it held, was redefined in [{cell}]; {again}"),
            );
        }
        stale.into_iter().map(|(name, _)| name).collect()
    }
}

/// A type as the user would write it: paths reduced to their last part.
pub fn short_type(full: &str) -> String {
    // Ours, which stands for this and for a known length.
    ferrolab_base::text::short_type(full).replace("dyn BothWays<", "dyn DoubleEndedIterator<")
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
