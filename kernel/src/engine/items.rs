//! The items and imports that live in a session: what later cells see, which of them a new cell
//! replaces, and which types a replacement makes stale. It holds texts and names; rustc decides
//! what they mean.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::item::{ItemPart, Key};
use super::source::Source;
use super::split::{ImportPart, Split, words};

/// An item of some cell, as it stands now.
#[derive(Debug, Clone)]
struct Live {
    cell: u32,
    text: Arc<str>,
    part: ItemPart,
    /// Members of an inherent implementation that later cells replaced.
    removed: Vec<Range<usize>>,
}

#[derive(Debug, Clone)]
struct Import {
    cell: u32,
    text: Arc<str>,
    part: ImportPart,
}

/// All items and imports of a session. Cheap to clone: a cell works on a copy that becomes the
/// session's when the cell succeeds.
#[derive(Debug, Clone, Default)]
pub struct Items {
    live: Vec<Live>,
    imports: Vec<Import>,
    inner: Vec<(u32, Arc<str>)>,
}

impl Items {
    /// Are there any items (imports aside)?
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Adds a cell's items, replacing those that define the same. Returns the names of types,
    /// traits and constants whose definition changed, directly or through what they mention.
    pub fn add(&mut self, cell: u32, text: &Arc<str>, split: &Split) -> BTreeSet<String> {
        let mut changed = BTreeSet::new();
        for range in &split.inner {
            let attribute: Arc<str> = text[range.clone()].into();
            if !self.inner.iter().any(|(_, a)| *a == attribute) {
                self.inner.push((cell, attribute));
            }
        }
        for part in &split.items {
            self.replace(part, &text[part.range.clone()], &mut changed);
            self.live.push(Live { cell, text: text.clone(), part: part.clone(), removed: Vec::new() });
        }
        for part in &split.imports {
            let new = &text[part.range.clone()];
            self.imports.retain(|old| {
                let same_text = old.text[old.part.range.clone()] == *new;
                let replaced =
                    !old.part.names.is_empty() && old.part.names.iter().all(|n| n != "self" && part.names.contains(n));
                !same_text && !replaced
            });
            self.imports.push(Import { cell, text: text.clone(), part: part.clone() });
        }
        self.shadow_imports(split);
        self.spread(&mut changed);
        changed
    }

    fn replace(&mut self, part: &ItemPart, new: &str, changed: &mut BTreeSet<String>) {
        let members: HashSet<&str> = part.members.iter().map(|(n, _)| n.as_str()).collect();
        self.live.retain_mut(|old| {
            if !old.part.keys.iter().any(|k| part.keys.contains(k)) {
                return true;
            }
            if part.inherent && old.part.inherent {
                let gone = old.part.members.iter().filter(|(n, _)| members.contains(n.as_str()));
                old.removed.extend(gone.map(|(_, r)| r.clone()));
                return old.removed.len() < old.part.members.len();
            }
            if old.text[old.part.range.clone()] != *new {
                changed.extend(part.keys.iter().filter_map(|k| match k {
                    Key::Type(n) | Key::Value(n) => Some(n.clone()),
                    _ => None,
                }));
            }
            false
        });
    }

    /// An item takes the place of an import of the same name.
    fn shadow_imports(&mut self, split: &Split) {
        let defined: HashSet<&str> = split
            .items
            .iter()
            .flat_map(|i| &i.keys)
            .filter_map(|k| match k {
                Key::Type(n) | Key::Value(n) | Key::Macro(n) => Some(n.as_str()),
                _ => None,
            })
            .collect();
        self.imports.retain(|i| i.part.names.is_empty() || !i.part.names.iter().any(|n| defined.contains(n.as_str())));
    }

    /// Adds every type whose definition mentions a changed name, until nothing is added.
    fn spread(&self, changed: &mut BTreeSet<String>) {
        if changed.is_empty() {
            return;
        }
        loop {
            let before = changed.len();
            for item in &self.live {
                let Some(Key::Type(name)) = item.part.keys.first() else { continue };
                if !changed.contains(name) && words(&item.text[item.part.range.clone()]).any(|w| changed.contains(w)) {
                    changed.insert(name.clone());
                }
            }
            if changed.len() == before {
                return;
            }
        }
    }

    /// Removes the items of other cells that stand at these places; returns their headers.
    pub fn remove_at(&mut self, places: &[super::source::Place], current: u32) -> Vec<(u32, String)> {
        let mut removed = Vec::new();
        self.live.retain(|item| {
            let hit = places
                .iter()
                .any(|p| p.cell == item.cell && p.cell != current && item.part.range.contains(&p.range.start));
            if hit {
                let text = &item.text[item.part.range.clone()];
                let head = text.split(['{', '=', ';']).next().unwrap_or(text).trim();
                removed.push((item.cell, head.lines().last().unwrap_or(head).to_owned()));
            }
            !hit
        });
        self.imports.retain(|import| {
            let hit = places
                .iter()
                .any(|p| p.cell == import.cell && p.cell != current && import.part.range.contains(&p.range.start));
            if hit {
                removed.push((import.cell, import.text[import.part.range.clone()].to_owned()));
            }
            !hit
        });
        removed
    }

    /// Inner attributes of all cells.
    pub fn push_inner(&self, source: &mut Source) {
        for (_, attribute) in &self.inner {
            source.push(attribute);
            source.push("\n");
        }
    }

    /// All imports, one a line.
    pub fn push_imports(&self, source: &mut Source) {
        for import in &self.imports {
            let range = import.part.range.clone();
            source.push_user(import.cell, range.start, &import.text[range]);
            source.push("\n");
        }
    }

    /// All items as other crates must see them, macros first since those are in scope only
    /// after their definition.
    pub fn push_items(&self, source: &mut Source) {
        let is_macro = |item: &&Live| matches!(item.part.keys.first(), Some(Key::Macro(_)));
        let (macros, others): (Vec<_>, Vec<_>) = self.live.iter().partition(is_macro);
        for item in macros.into_iter().chain(others) {
            item.push(source);
            source.push("\n");
        }
    }

    /// The names items define, with the cell and text of each, newest last.
    pub fn each(&self) -> impl Iterator<Item = (u32, &str)> {
        self.live.iter().map(|item| (item.cell, &item.text[item.part.range.clone()]))
    }

    /// The texts of everything that other definitions may build a type from.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        let counts = |item: &&Live| {
            item.part.keys.iter().any(|k| matches!(k, Key::Type(_) | Key::Value(_)) && !item.is_function())
        };
        self.live.iter().filter(counts).map(|item| &item.text[item.part.range.clone()])
    }

    /// Is this the name of an item?
    pub fn defines(&self, name: &str) -> bool {
        self.live
            .iter()
            .flat_map(|i| &i.part.keys)
            .any(|k| matches!(k, Key::Type(n) | Key::Value(n) | Key::Macro(n) if n == name))
    }
}

impl Live {
    fn is_function(&self) -> bool {
        self.part.function
    }

    fn push(&self, source: &mut Source) {
        let mut edits: Vec<(Range<usize>, &str)> = self.part.edits.iter().map(|(r, t)| (r.clone(), *t)).collect();
        edits.retain(|(r, _)| !self.removed.iter().any(|gone| gone.contains(&r.start)));
        edits.extend(self.removed.iter().map(|r| (r.clone(), "")));
        edits.sort_by_key(|(r, _)| (r.start, r.end));
        let mut at = self.part.range.start;
        for (range, with) in edits {
            source.push_user(self.cell, at, &self.text[at..range.start]);
            source.push(with);
            at = range.end;
        }
        source.push_user(self.cell, at, &self.text[at..self.part.range.end]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::split::split;
    use super::*;

    fn session(cells: &[&str]) -> (Items, BTreeSet<String>) {
        let mut items = Items::default();
        let mut changed = BTreeSet::new();
        for (n, cell) in cells.iter().enumerate() {
            let text: Arc<str> = (*cell).into();
            changed = items.add(n as u32 + 1, &text, &split(cell).expect("parses"));
        }
        (items, changed)
    }

    fn text(items: &Items) -> String {
        let mut source = Source::default();
        items.push_imports(&mut source);
        items.push_items(&mut source);
        source.text().to_owned()
    }

    #[test]
    fn a_redefinition_replaces() {
        let (items, changed) = session(&["fn f() -> i32 { 1 }", "fn f() -> i32 { 2 }"]);
        assert_eq!(text(&items), "pub fn f() -> i32 { 2 }\n");
        assert_eq!(changed.len(), 1);
    }

    #[test]
    fn a_changed_type_makes_those_that_contain_it_stale() {
        let (_, changed) = session(&["struct A { x: i32 }", "struct B { a: A } struct C;", "struct A { x: f64 }"]);
        assert_eq!(changed.into_iter().collect::<Vec<_>>(), ["A", "B"]);
        let (_, changed) = session(&["struct A { x: i32 }", "struct A { x: i32 }"]);
        assert!(changed.is_empty());
    }

    #[test]
    fn methods_are_replaced_one_by_one() {
        let (items, _) =
            session(&["struct P; impl P { fn a(&self) {} fn b(&self) {} }", "impl P { fn b(&self) -> i32 { 2 } }"]);
        assert_eq!(
            text(&items),
            "pub struct P;\nimpl P { pub fn a(&self) {}  }\nimpl P { pub fn b(&self) -> i32 { 2 } }\n"
        );
    }

    #[test]
    fn an_item_takes_the_place_of_an_import() {
        let (items, _) = session(&["use std::collections::HashMap;", "struct HashMap;"]);
        assert_eq!(text(&items), "pub struct HashMap;\n");
    }
}
