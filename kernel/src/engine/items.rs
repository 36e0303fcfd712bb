//! The items and imports that live in a session: what later cells see, which of them a new cell
//! replaces, and which types a replacement makes stale. It holds texts and names; in which crates they
//! are is in `families.rs`, and rustc decides what they mean.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::environment::Identity;
use super::families::{Change, Family};
use super::item::{ItemPart, Key, Nature};
use super::mentions::plain;
use super::reads;
use super::source::{Place, Source};
use super::split::{ImportPart, Split, words};

/// The name by which generated code knows a family's crate; rustc calls all of them `cells`.
pub type Name = Arc<str>;

/// An item of some cell, as it stands now.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// Stays with it when its cell is run again.
    pub(super) id: u64,
    /// Another one each time that it, or a type in it, is defined differently.
    pub(super) version: u64,
    pub(super) cell: u32,
    text: Arc<str>,
    /// Hash of what it reads besides its text.
    read: Option<String>,
    pub(super) part: Arc<ItemPart>,
    /// Members of an inherent implementation that later cells replaced.
    removed: Vec<Range<usize>>,
    /// The family whose crate it is in.
    pub(super) home: Name,
    /// It needs names that cannot be seen in texts.
    pub(super) loose: bool,
    /// More names in it that its crate has in scope, and that may be local ones or not.
    pub(super) scope: HashSet<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Import {
    pub(super) cell: u32,
    text: Arc<str>,
    pub(super) part: ImportPart,
}

/// All items and imports of a session. Cheap to clone: a cell works on a copy that becomes the
/// session's when the cell succeeds.
#[derive(Debug, Clone, Default)]
pub struct Items {
    pub(super) live: Vec<Arc<Live>>,
    pub(super) imports: Vec<Arc<Import>>,
    inner: Vec<(u32, Arc<str>)>,
    pub(super) families: BTreeMap<Name, Arc<Family>>,
    /// The crate in which each static has its value, and whether a cell that ran was linked to it.
    statics: BTreeMap<String, (String, bool)>,
    pub(super) next: u64,
}

/// What a cell did to the items.
#[derive(Debug, Clone, Default)]
pub struct Added {
    /// Types, traits and constants whose definition changed, directly or through what they mention.
    pub changed: BTreeSet<String>,
    /// The family of the cell's own new items.
    pub fresh: Name,
    /// Families to be compiled.
    pub dirty: BTreeSet<Name>,
    /// What changed, for each static that is made anew because of it.
    pub causes: HashMap<String, Arc<str>>,
    /// Items that stay as they are and stand in another cell now: cell and place before, cell and offset now.
    pub moved: Vec<(Place, u32, usize)>,
    /// The cell's new items.
    pub(super) new: HashSet<u64>,
}

impl Items {
    /// Are there any items (imports aside)?
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Adds a cell's items, replacing those that define the same, and finds out what is to be compiled.
    pub fn add(&mut self, cell: u32, text: &Arc<str>, split: &Split) -> Added {
        let mut added = Added::default();
        let mut change = Change::default();
        for range in &split.inner {
            let attribute: Arc<str> = text[range.clone()].into();
            if !self.inner.iter().any(|(_, a)| *a == attribute) {
                self.inner.push((cell, attribute));
            }
        }
        let mut texts = Identity::default();
        for part in &split.items {
            let code = &text[part.range.clone()];
            let read = reads::read(code).map(|read| read.hash);
            if self.is_there(cell, text, part, read.as_ref(), &mut added) {
                continue;
            }
            texts = texts.part(code).parts(&read);
            let label = label(part, code);
            self.replace(part, (code, &read), &label, &mut added.changed, &mut change);
            self.next += 1;
            added.new.insert(self.next);
            change.add(part, label);
            let item = Live {
                id: self.next,
                version: self.next,
                cell,
                text: text.clone(),
                read,
                part: Arc::new(part.clone()),
                removed: Vec::new(),
                home: Name::from(""),
                loose: false,
                scope: HashSet::new(),
            };
            self.live.push(Arc::new(item));
        }
        self.add_imports(cell, text, split, &mut change);
        self.shadow_imports(split);
        self.spread(&mut added.changed);
        added.fresh = self.fresh(&texts.finish());
        if !change.is_empty() {
            self.settle(change, &mut added);
        }
        added
    }

    /// The same item again, defined by the same text, changes nothing: a static keeps its value.
    fn is_there(
        &mut self,
        cell: u32,
        text: &Arc<str>,
        part: &ItemPart,
        read: Option<&String>,
        added: &mut Added,
    ) -> bool {
        let code = &text[part.range.clone()];
        let same = |old: &Arc<Live>| {
            old.part.keys == part.keys && old.removed.is_empty() && old.code() == code && !old.home.is_empty()
        };
        let same = |old: &Arc<Live>| same(old) && old.read.as_ref() == read;
        let Some(index) = self.live.iter().position(same) else { return false };
        let old = Arc::make_mut(&mut self.live[index]);
        added.moved.push((Place { cell: old.cell, range: old.part.range.clone() }, cell, part.range.start));
        (old.cell, old.text, old.part) = (cell, text.clone(), Arc::new(part.clone()));
        true
    }

    fn replace(
        &mut self,
        part: &ItemPart,
        (new, read): (&str, &Option<String>),
        label: &Arc<str>,
        changed: &mut BTreeSet<String>,
        change: &mut Change,
    ) {
        let members: HashSet<&str> = part.members.iter().map(|(n, _)| n.as_str()).collect();
        self.live.retain_mut(|old| {
            if !old.part.keys.iter().any(|k| part.keys.contains(k)) {
                return true;
            }
            if part.inherent && old.part.inherent {
                let gone = old.part.members.iter().filter(|(n, _)| members.contains(n.as_str()));
                let gone: Vec<_> = gone.map(|(_, r)| r.clone()).filter(|r| !old.removed.contains(r)).collect();
                if gone.is_empty() && old.removed.len() < old.part.members.len() {
                    return true;
                }
                let old = Arc::make_mut(old);
                old.removed.extend(gone);
                return old.removed.len() < old.part.members.len();
            }
            if old.code() != new || old.read != *read {
                changed.extend(part.keys.iter().filter_map(|k| match k {
                    Key::Type(n) | Key::Value(n) => Some(n.clone()),
                    _ => None,
                }));
            }
            change.remove(old, label.clone());
            false
        });
    }

    fn add_imports(&mut self, cell: u32, text: &Arc<str>, split: &Split, change: &mut Change) {
        for part in &split.imports {
            let new = &text[part.range.clone()];
            self.imports.retain(|old| {
                let same_text = old.text[old.part.range.clone()] == *new;
                let replaced =
                    !old.part.names.is_empty() && old.part.names.iter().all(|n| n != "self" && part.names.contains(n));
                if replaced && !same_text {
                    // What means something else now does so to items, too.
                    let names = old.part.names.iter().map(String::as_str);
                    change.names(names.filter(|n| old.part.path_of(n) != part.path_of(n)), new.into());
                }
                !same_text && !replaced
            });
            self.imports.push(Arc::new(Import { cell, text: text.clone(), part: part.clone() }));
        }
    }

    /// An item takes the place of an import of the same name.
    fn shadow_imports(&mut self, split: &Split) {
        let defined: HashSet<&str> = split.items.iter().flat_map(ItemPart::names).collect();
        self.imports.retain(|i| i.part.names.is_empty() || !i.part.names.iter().any(|n| defined.contains(plain(n))));
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
                if !changed.contains(name) && words(item.code()).any(|w| changed.contains(w)) {
                    changed.insert(name.clone());
                }
            }
            if changed.len() == before {
                return;
            }
        }
    }

    /// Removes the items of other cells that stand at these places; returns their headers.
    pub fn remove_at(&mut self, places: &[Place], current: u32) -> Vec<(u32, String)> {
        let mut removed = Vec::new();
        let hit = |cell: u32, range: &Range<usize>| {
            places.iter().any(|p| p.cell == cell && p.cell != current && range.contains(&p.range.start))
        };
        self.live.retain(|item| {
            let hit = hit(item.cell, &item.part.range);
            if hit {
                removed.push((item.cell, head(item.code()).to_owned()));
            }
            !hit
        });
        self.imports.retain(|import| {
            let hit = hit(import.cell, &import.part.range);
            if hit {
                removed.push((import.cell, import.text[import.part.range.clone()].to_owned()));
            }
            !hit
        });
        removed
    }

    /// Mark the new items of a cell as in need of names that cannot be seen; true when one was not marked.
    pub fn loosen(&mut self, added: &Added) -> bool {
        let mut done = false;
        for item in self.live.iter_mut().filter(|item| added.new.contains(&item.id) && !item.loose) {
            Arc::make_mut(item).loose = true;
            done = true;
        }
        done
    }

    /// Inner attributes of all cells.
    pub fn push_inner(&self, source: &mut Source) {
        for (_, attribute) in &self.inner {
            source.push(attribute);
            source.push("\n");
        }
    }

    /// The items of a family as other crates must see them, macros first since those are in scope only
    /// after their definition.
    pub fn push_items(&self, family: &str, source: &mut Source) {
        let own = self.live.iter().filter(|item| *item.home == *family);
        let (macros, others): (Vec<_>, Vec<_>) = own.partition(|item| item.part.is_macro());
        for item in macros.into_iter().chain(others) {
            item.push(source);
            source.push("\n");
        }
    }

    /// The names items define, with the cell and text of each, newest last.
    pub fn each(&self) -> impl Iterator<Item = (u32, &str)> {
        self.live.iter().map(|item| (item.cell, item.code()))
    }

    /// The hash of the crate that has the item which stands at a place.
    pub fn crate_at(&self, cell: u32, start: usize) -> Option<String> {
        let item = self.live.iter().find(|item| item.cell == cell && item.part.range.start == start)?;
        self.families.get(&item.home)?.made.as_ref().map(|made| made.hash.clone())
    }

    /// Statics whose values are lost with this crate, those aside that the cell itself defines.
    pub fn made_anew(&mut self, family: &str, hash: &str, added: &Added) -> Vec<String> {
        let own = self.live.iter().filter(|item| *item.home == *family && item.part.nature == Nature::Static);
        let mut anew = Vec::new();
        for item in own {
            for name in item.part.names() {
                let before = self.statics.insert(name.to_owned(), (hash.to_owned(), false));
                let Some((before, used)) = before else { continue };
                if before == hash {
                    self.statics.insert(name.to_owned(), (before, used));
                } else if used && !added.new.contains(&item.id) {
                    anew.push(name.to_owned());
                }
            }
        }
        anew
    }

    /// Statements run that are linked to these families.
    pub fn run_with(&mut self, families: &HashSet<Name>) {
        for item in self.live.iter().filter(|i| i.part.nature == Nature::Static && families.contains(&i.home)) {
            for name in item.part.names() {
                self.statics.entry(name.to_owned()).and_modify(|(_, used)| *used = true);
            }
        }
    }

    /// Were the cell's new items marked by [`Items::loosen`]?
    pub fn is_loose(&self, added: &Added) -> bool {
        self.live.iter().any(|item| item.loose && added.new.contains(&item.id))
    }

    /// Is there an item in this family?
    pub fn lives_in(&self, family: &str) -> bool {
        self.live.iter().any(|item| *item.home == *family)
    }

    /// Does a cell import something that items define?
    pub fn imports_items(&self, cell: u32) -> bool {
        self.imports.iter().zip(self.local_imports()).any(|(import, local)| local && import.cell == cell)
    }

    /// Is this the name of an item?
    pub fn defines(&self, name: &str) -> bool {
        self.live.iter().any(|item| item.part.names().any(|n| n == name))
    }

    /// Does an import bring this name?
    pub fn imports_name(&self, name: &str) -> bool {
        self.imports.iter().any(|import| import.part.names.iter().any(|n| n == name))
    }

    /// Is there an item whose names cannot all be seen?
    pub fn has_opaque(&self) -> bool {
        self.live.iter().any(|item| item.part.opaque)
    }

    /// Which imports stand for something that items define, directly or through another import.
    pub(super) fn local_imports(&self) -> Vec<bool> {
        let keys = || self.live.iter().flat_map(|item| &item.part.keys);
        let types: HashSet<&str> =
            keys().filter_map(|k| if let Key::Type(n) = k { Some(plain(n)) } else { None }).collect();
        let all: HashSet<&str> = self.live.iter().flat_map(|item| item.part.names()).collect();
        let mut names: HashSet<&str> = HashSet::new();
        let mut local = vec![false; self.imports.len()];
        loop {
            let before = names.len();
            for (import, local) in self.imports.iter().zip(&mut local) {
                let known = |(root, whole): &(String, bool)| {
                    let root = plain(root);
                    types.contains(root) || names.contains(root) || *whole && all.contains(root)
                };
                if *local || import.part.roots.iter().any(known) {
                    *local = true;
                    names.extend(import.part.names.iter().map(|name| plain(name)));
                }
            }
            if before == names.len() {
                return local;
            }
        }
    }

    /// The items that an import begins with. Only types and modules have something below them: `use rand::Rng`
    /// has nothing to do with a function `rand`.
    pub(super) fn roots(&self, index: usize) -> impl Iterator<Item = &Arc<Live>> {
        let roots = &self.imports[index].part.roots;
        let meant = |key: &Key, root: &str, whole: bool| match key {
            Key::Type(name) => plain(name) == root,
            Key::Value(name) | Key::Macro(name) => whole && plain(name) == root,
            Key::Impl(_) | Key::Text(_) => false,
        };
        self.live.iter().filter(move |item| {
            roots.iter().any(|(root, whole)| item.part.keys.iter().any(|key| meant(key, plain(root), *whole)))
        })
    }
}

/// What a note calls an item: its name, or the beginning of its text.
fn label(part: &ItemPart, code: &str) -> Arc<str> {
    part.names().next().unwrap_or_else(|| head(code)).into()
}

/// The beginning of an item, for people.
fn head(code: &str) -> &str {
    let head = code.split(['{', '=', ';']).next().unwrap_or(code).trim();
    head.lines().last().unwrap_or(head)
}

impl Import {
    /// As the user wrote it.
    pub(super) fn push(&self, source: &mut Source) {
        let range = self.part.range.clone();
        source.push_user(self.cell, range.start, &self.text[range]);
        source.push("\n");
    }
}

impl Live {
    /// Its text, as the user wrote it.
    pub(super) fn code(&self) -> &str {
        &self.text[self.part.range.clone()]
    }

    /// What a note calls it.
    pub(super) fn label(&self) -> Arc<str> {
        label(&self.part, self.code())
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
            changed = items.add(n as u32 + 1, &text, &split(cell).expect("parses")).changed;
        }
        (items, changed)
    }

    fn text(items: &Items) -> String {
        let mut source = Source::default();
        items.imports.iter().for_each(|import| import.push(&mut source));
        let homes: BTreeSet<Name> = items.live.iter().map(|item| item.home.clone()).collect();
        homes.iter().for_each(|home| items.push_items(home, &mut source));
        source.text().replace("#[inline] ", "")
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
