//! The items and imports that live in a session: what later cells see, which of them a new cell
//! replaces, and which types a replacement makes stale. It holds texts and names; in which crates they
//! are is in `families.rs`, and rustc decides what they mean.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::environment::Identity;
use super::families::{Change, Family};
use super::import_part::ImportPart;
use super::imports::Names;
use super::item::{ItemPart, Key};
use super::levels::Levels;
use super::reads;
use super::source::{Place, Source};
use super::split::{Split, words};
use super::statics::{Symbols, Values};

/// The name by which generated code knows a family's crate; rustc calls all of them `cells`.
pub type Name = Arc<str>;

/// The cells of a session in the order in which they were added; start-up files count as well.
pub type Era = u64;

/// An item of some cell, as it stands now.
#[derive(Debug, Clone)]
pub(super) struct CurrentItem {
    /// Stays with it when its cell is run again.
    pub(super) id: u64,
    /// Another one each time that it, or a type in it, is defined differently.
    pub(super) version: u64,
    pub(super) cell: u32,
    /// When it was defined, which tells what it has in scope.
    pub(super) era: Era,
    text: Arc<str>,
    /// Hash of what it reads besides its text.
    read: Option<String>,
    pub(super) part: Arc<ItemPart>,
    /// Members of an inherent implementation that later cells replaced.
    pub(super) removed: Vec<Range<usize>>,
    /// The family whose crate it is in.
    pub(super) home: Name,
    /// It needs names that cannot be seen in texts.
    pub(super) loose: bool,
    /// Where its statics have their values.
    pub(super) values: Values,
    /// More names in it that its crate has in scope, and that may be local ones or not.
    pub(super) scope: HashSet<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Import {
    pub(super) cell: u32,
    /// When it was written.
    pub(super) era: Era,
    pub(super) text: Arc<str>,
    pub(super) part: ImportPart,
}

/// All items and imports of a session. Cheap to clone: a cell works on a copy that becomes the
/// session's when the cell succeeds.
#[derive(Debug, Clone, Default)]
pub struct Items {
    pub(super) live: Vec<Arc<CurrentItem>>,
    pub(super) imports: Vec<Arc<Import>>,
    pub(super) names: Names,
    /// The cell that was added last.
    pub(super) era: Era,
    inner: Vec<(u32, Arc<str>)>,
    pub(super) levels: Levels,
    /// Families of which a failure has told whether methods of the prelude are left out.
    pub(super) bare: BTreeMap<Name, bool>,
    pub(super) families: BTreeMap<Name, Arc<Family>>,
    /// The crate in which each static has its value, and whether a cell that ran was linked to it.
    pub(super) statics: BTreeMap<String, (String, bool)>,
    pub(super) symbols: Symbols,
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
        self.era += 1;
        self.add_imports(cell, text, split);
        split.levels.iter().for_each(|level| self.levels.add(self.era, level.clone()));
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
            self.replace(part, (code, &read), &label, &mut added, &mut change);
            self.next += 1;
            added.new.insert(self.next);
            change.add(part, label);
            let values = self.new_values(part, code);
            let item = CurrentItem {
                values,
                id: self.next,
                version: self.next,
                cell,
                era: self.era,
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
        self.spread(&mut added.changed);
        self.renew_statics(&added.changed);
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
        let same = |old: &Arc<CurrentItem>| {
            old.part.keys == part.keys && old.removed.is_empty() && old.code() == code && !old.home.is_empty()
        };
        let same = |old: &Arc<CurrentItem>| same(old) && old.read.as_ref() == read;
        // What it mentions may be imported from elsewhere now.
        let alike = |old: &CurrentItem| part.mentions.all().all(|name| self.means_alike(name, old.era, self.era));
        let Some(index) = self.live.iter().position(same) else { return false };
        if !alike(&self.live[index]) {
            return false;
        }
        let era = self.era;
        let old = Arc::make_mut(&mut self.live[index]);
        added.moved.push((Place { cell: old.cell, range: old.part.range.clone() }, cell, part.range.start));
        (old.cell, old.era, old.text, old.part) = (cell, era, text.clone(), Arc::new(part.clone()));
        true
    }

    fn replace(
        &mut self,
        part: &ItemPart,
        (new, read): (&str, &Option<String>),
        label: &Arc<str>,
        added: &mut Added,
        change: &mut Change,
    ) {
        let members: HashSet<&str> = part.members.iter().map(|(n, _)| n.as_str()).collect();
        self.live.retain_mut(|old| {
            // Two of one name in one cell are the user's mistake, and rustc says so.
            if added.new.contains(&old.id) || !old.part.keys.iter().any(|k| part.keys.contains(k)) {
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
                added.changed.extend(part.keys.iter().filter_map(|k| match k {
                    Key::Type(n) | Key::Value(n) => Some(n.clone()),
                    _ => None,
                }));
            }
            change.remove(old, label.clone());
            false
        });
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

    /// Takes away what stands at these places of earlier cells: a derive of a type, a member of an implementation,
    /// or the item. Returns what it was, with its cell.
    pub(super) fn replace_at(&mut self, places: &[Place]) -> Vec<(u32, String)> {
        let mut replaced = Vec::new();
        for place in places {
            let at = place.range.start;
            let hit = |item: &Arc<CurrentItem>| item.cell == place.cell && item.part.range.contains(&at);
            let Some(index) = self.live.iter().position(hit) else { continue };
            let item = &self.live[index];
            let head = head(item.code()).to_owned();
            let member = item.part.members.iter().find(|(_, range)| range.contains(&at) && item.part.members.len() > 1);
            let part = match member {
                Some((name, range)) => Some((range.clone(), format!("{head}: {name}"))),
                None => item.derive_at(place).map(|range| {
                    let name = &item.text[place.range.clone()];
                    (range, format!("derive({name}) of {head}"))
                }),
            };
            match part {
                Some((range, what)) => {
                    Arc::make_mut(&mut self.live[index]).removed.push(range);
                    replaced.push((place.cell, what));
                }
                None => {
                    self.live.remove(index);
                    replaced.push((place.cell, head));
                }
            }
        }
        replaced
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
        source.push(&self.levels.allowed());
        for (_, attribute) in &self.inner {
            source.push(attribute);
            source.push("\n");
        }
    }

    /// Items as other crates must see them, macros first since those are in scope only
    /// after their definition.
    pub(super) fn push_items(&self, items: &[&Arc<CurrentItem>], source: &mut Source) {
        let (macros, others): (Vec<&Arc<CurrentItem>>, Vec<_>) = items.iter().partition(|item| item.part.is_macro());
        for item in macros.into_iter().chain(others) {
            // A static's symbol is the kernel's business.
            let own = item.part.statics.is_empty() && !item.part.is_macro();
            if own && !matches!(item.part.keys.first(), Some(Key::Text(_))) {
                source.push(&self.levels.item_prefix(item.era));
            }
            item.push(source);
            source.push("\n");
            item.push_parted(source);
        }
    }

    /// Macros by example, with their texts.
    pub(super) fn macros(&self) -> impl Iterator<Item = (&ItemPart, &str)> {
        self.live.iter().map(|item| (&*item.part, item.code())).filter(|(part, _)| part.is_macro())
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

    /// Were the cell's new items marked by [`Items::loosen`]?
    pub fn is_loose(&self, added: &Added) -> bool {
        self.live.iter().any(|item| item.loose && added.new.contains(&item.id))
    }

    /// Is there an item in this family?
    pub fn lives_in(&self, family: &str) -> bool {
        self.live.iter().any(|item| *item.home == *family)
    }

    /// Is this the name of an item?
    pub fn defines(&self, name: &str) -> bool {
        self.live.iter().any(|item| item.part.names().any(|n| n == name))
    }

    /// Does an import bring this name?
    pub fn imports_name(&self, name: &str) -> bool {
        self.imports.iter().any(|import| import.part.names().any(|n| n == name))
    }

    /// Is there an item whose names cannot all be seen?
    pub fn has_opaque(&self) -> bool {
        self.live.iter().any(|item| item.part.opaque)
    }
}

/// What a note calls an item: its name, or the beginning of its text.
fn label(part: &ItemPart, code: &str) -> Arc<str> {
    part.names().next().unwrap_or_else(|| head(code)).into()
}

/// The beginning of an item, for people.
fn head(code: &str) -> &str {
    let mut code = code.trim_start();
    while let Some(rest) = code.strip_prefix("#[").and_then(|rest| rest.split_once(']')) {
        code = rest.1.trim_start();
    }
    let head = code.split(['{', '=', ';']).next().unwrap_or(code).trim();
    head.lines().last().unwrap_or(head)
}

impl CurrentItem {
    /// Its text, as the user wrote it.
    pub(super) fn code(&self) -> &str {
        &self.text[self.part.range.clone()]
    }

    /// A stretch of it.
    pub(super) fn text_of(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// What a note calls it.
    pub(super) fn label(&self) -> Arc<str> {
        label(&self.part, self.code())
    }

    /// The name at a place inside `#[derive(…)]`, with the comma after it.
    fn derive_at(&self, place: &Place) -> Option<Range<usize>> {
        let before = &self.text[self.part.range.start..place.range.start];
        let open = before.rfind("derive(")?;
        if before[open..].contains(')') {
            return None;
        }
        let rest = &self.text[place.range.end..self.part.range.end];
        let comma = rest.find(|c: char| !c.is_whitespace()).filter(|at| rest[*at..].starts_with(','));
        Some(place.range.start..place.range.end + comma.map_or(0, |at| at + 1))
    }

    fn push(&self, source: &mut Source) {
        let mut edits: Vec<(Range<usize>, &str)> = self.part.edits.iter().map(|(r, t)| (r.clone(), *t)).collect();
        edits.retain(|(r, _)| !self.removed.iter().any(|gone| gone.contains(&r.start)));
        edits.extend(self.removed.iter().map(|r| (r.clone(), "")));
        edits.sort_by_key(|(r, _)| (r.start, r.end));
        self.push_statics(source, |stretch, source| {
            let mut at = stretch.start;
            for (range, with) in edits.iter().filter(|(range, _)| stretch.contains(&range.start)) {
                source.push_user(self.cell, at, &self.text[at..range.start]);
                source.push(with);
                at = range.end;
            }
            if at < stretch.end {
                source.push_user(self.cell, at, &self.text[at..stretch.end]);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::cfg::Cfg;
    use super::super::split::split;
    use super::*;

    fn session(cells: &[&str]) -> (Items, BTreeSet<String>) {
        let mut items = Items::default();
        let mut changed = BTreeSet::new();
        for (n, cell) in cells.iter().enumerate() {
            let text: Arc<str> = (*cell).into();
            changed = items.add(n as u32 + 1, &text, &split(cell, &Cfg::default()).expect("parses")).changed;
        }
        (items, changed)
    }

    fn text(items: &Items) -> String {
        let mut source = Source::default();
        let none = HashSet::new();
        items.scope(items.era).iter().for_each(|pick| items.push_import(pick, &none, &mut source));
        let homes: BTreeSet<Name> = items.live.iter().map(|item| item.home.clone()).collect();
        let all = homes.iter().flat_map(|home| items.layout(home));
        all.for_each(|(_, own)| items.push_items(&own, &mut source));
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
