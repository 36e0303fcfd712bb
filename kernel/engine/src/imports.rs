//! What a name stands for in which cell. An import is for its own cell and later ones, until a later cell
//! imports or defines the name anew; an item keeps the imports of its own cell for ever. Which items there
//! are is in `items.rs`, which crates they are in `families.rs`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::import_part::Leaf;
use super::item::{ItemPart, Key, Nature};
use super::items::{CurrentItem, Era, Import, Items};
use super::mentions::plain;
use super::source::Source;
use super::split::Split;

/// Imports that nothing has in scope any more are looked for when there are so many more than before.
const OFTEN: usize = 64;

/// When each name was imported and when it was defined.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    imported: Arc<HashMap<String, Vec<Era>>>,
    defined: Arc<HashMap<String, Vec<Era>>>,
    /// Cells whose closures are made again in later ones.
    held: Vec<Era>,
    /// Imports that were left when it was last tidied.
    tidied: usize,
}

/// An import as a text has it in scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pick {
    /// Its position among the imports.
    pub(super) index: usize,
    /// Those of its names that mean it; none for all.
    leaves: Option<Vec<usize>>,
}

impl Names {
    fn note(map: &mut Arc<HashMap<String, Vec<Era>>>, name: &str, era: Era) {
        let eras = Arc::make_mut(map).entry(plain(name).to_owned()).or_default();
        if eras.last() != Some(&era) {
            eras.push(era);
        }
    }

    fn last(map: &HashMap<String, Vec<Era>>, name: &str, era: Era) -> Option<Era> {
        map.get(plain(name))?.iter().rev().find(|at| **at <= era).copied()
    }

    /// Had an item the name when a cell was added?
    fn is_defined(&self, name: &str, era: Era) -> bool {
        self.defined.get(plain(name)).and_then(|eras| eras.first()).is_some_and(|first| *first <= era)
    }

    /// The cell whose import a name stands for in a cell; none when it means an item, or nothing.
    fn import_of(&self, name: &str, era: Era) -> Option<Era> {
        let imported = Self::last(&self.imported, name, era)?;
        let defined = Self::last(&self.defined, name, era);
        defined.is_none_or(|defined| defined <= imported).then_some(imported)
    }
}

impl Items {
    /// Enters the imports of a cell, and the names that it defines.
    pub(super) fn add_imports(&mut self, cell: u32, text: &Arc<str>, split: &Split) {
        let era = self.era;
        for name in split.items.iter().flat_map(ItemPart::names) {
            Names::note(&mut self.names.defined, name, era);
        }
        for part in &split.imports {
            let code = &text[part.range.clone()];
            let same = |old: &Arc<Import>| old.code() == code || old.part.leaves == part.leaves && old.part.is_use;
            // The same again changes nothing, unless the name has become something else since.
            let means_it =
                |old: &Arc<Import>| old.part.names().all(|name| self.names.import_of(name, era) == Some(old.era));
            if self.imports.iter().any(|old| old.era < era && same(old) && means_it(old)) {
                continue;
            }
            part.names().for_each(|name| Names::note(&mut self.names.imported, name, era));
            self.imports.push(Arc::new(Import { cell, era, text: text.clone(), part: part.clone() }));
        }
        if self.imports.len() > self.names.tidied + OFTEN {
            self.tidy_imports();
        }
    }

    /// Closures of these cells are kept as text: what it names stays in scope for it.
    pub(super) fn hold(&mut self, eras: Vec<Era>) {
        self.names.held = eras;
    }

    /// Imports that no item, no closure and no later cell has in scope are forgotten.
    fn tidy_imports(&mut self) {
        let held = self.names.held.iter().copied().chain([self.era]);
        let eras: HashSet<Era> = self.live.iter().map(|item| item.era).chain(held).collect();
        let used: HashSet<usize> = eras.into_iter().flat_map(|era| self.scope(era)).map(|pick| pick.index).collect();
        let mut index = 0..;
        self.imports.retain(|_| index.next().is_some_and(|index| used.contains(&index)));
        self.names.tidied = self.imports.len();
    }

    /// Does a name stand for an import in a cell, whatever items are called?
    pub(super) fn is_imported(&self, name: &str, era: Era) -> bool {
        self.names.import_of(name, era).is_some()
    }

    /// Does a name stand for no item in a cell? Besides imports, there are std's names: what was written with
    /// `Option` or `vec!` before a cell defined another one goes on meaning std's.
    pub(super) fn is_foreign(&self, name: &str, era: Era) -> bool {
        self.is_imported(name, era) || !self.names.is_defined(name, era)
    }

    /// Does a trait that a cell knows have a member of this name?
    pub(super) fn has_member(&self, name: &str, era: Era) -> bool {
        let traits =
            self.live.iter().filter(|item| item.part.nature == Nature::Trait && item.part.inside.contains(name));
        traits.flat_map(|item| item.part.names()).any(|of| self.names.is_defined(of, era))
    }

    /// Does no item give a `drop` to one of these types?
    pub(super) fn leaves_alone(&self, made: &BTreeSet<String>) -> bool {
        let drops = |item: &CurrentItem| {
            let of_these = made.iter().any(|name| item.part.mentions.has(name));
            of_these && matches!(item.part.nature, Nature::Impl(_)) && item.part.mentions.has("Drop")
        };
        !self.live.iter().any(|item| drops(item))
    }

    /// A trait that has come since a cell, or has come to more types since, and by which one of these methods may be another one.
    pub(super) fn trait_since(&self, era: Era, calls: &BTreeSet<String>) -> Option<&str> {
        let traits = self.live.iter().filter(|item| item.part.nature == Nature::Trait);
        let mut of_these = traits.filter(|item| calls.iter().any(|name| item.part.inside.contains(name)));
        let implemented = |of: &str| {
            let mut later = self.live.iter().filter(|item| item.era > era && !item.part.inherent);
            later.any(|item| matches!(item.part.nature, Nature::Impl(_)) && item.part.mentions.has(of))
        };
        of_these.find_map(|item| item.part.names().next().filter(|name| item.era > era || implemented(name)))
    }

    /// Do two cells mean the same by a name?
    pub(super) fn means_alike(&self, name: &str, one: Era, other: Era) -> bool {
        let defined = |era: Era| self.names.is_defined(name, era) && !self.is_imported(name, era);
        if defined(one) != defined(other) {
            return false;
        }
        let (a, b) = (self.names.import_of(name, one), self.names.import_of(name, other));
        let paths = |era: Option<Era>| {
            let own = self.imports.iter().filter(|import| Some(import.era) == era);
            let leaves = own.flat_map(|import| &import.part.leaves);
            leaves.filter(|leaf| plain(&leaf.name) == plain(name)).map(|leaf| &*leaf.path).collect::<HashSet<&str>>()
        };
        a == b || a.is_some() && b.is_some() && paths(a) == paths(b)
    }

    /// The imports that a cell has in scope.
    pub(super) fn scope(&self, era: Era) -> Vec<Pick> {
        let own = |import: &Import, leaf: &Leaf| {
            ["*", "_"].contains(&leaf.name.as_str()) || self.names.import_of(&leaf.name, era) == Some(import.era)
        };
        let mut picks = Vec::new();
        for (index, import) in self.imports.iter().enumerate().filter(|(_, import)| import.era <= era) {
            let all = import.part.leaves.len();
            let leaves: Vec<usize> = (0..all).filter(|at| own(import, &import.part.leaves[*at])).collect();
            // One that brings nothing (`use std::{};`) is tried where it stands.
            if leaves.is_empty() && (all > 0 || import.era != era) {
                continue;
            }
            picks.push(Pick { index, leaves: (leaves.len() < all).then_some(leaves) });
        }
        picks
    }

    /// What a cell had in scope under names that mean something else now.
    pub(super) fn imports_lost_since(&self, era: Era) -> Vec<Pick> {
        let lost = |leaf: &Leaf| leaf.name != "*" && leaf.name != "_" && !self.means_alike(&leaf.name, era, self.era);
        let mut picks = self.scope(era);
        for pick in &mut picks {
            let import = &self.imports[pick.index];
            let all = 0..import.part.leaves.len();
            let kept = |at: &usize| pick.leaves.as_ref().is_none_or(|leaves| leaves.contains(at));
            pick.leaves = Some(all.filter(|at| kept(at) && lost(&import.part.leaves[*at])).collect());
        }
        picks.retain(|pick| pick.leaves.as_ref().is_none_or(|leaves| !leaves.is_empty()));
        picks
    }

    /// The line that brings an import into scope, as the user wrote it where all of it is meant. Names in
    /// `hidden` mean something else.
    pub(super) fn push_import(&self, pick: &Pick, hidden: &HashSet<&str>, source: &mut Source) {
        let import = &self.imports[pick.index];
        let part = &import.part;
        let hides = part.names().any(|name| hidden.contains(name));
        if pick.leaves.is_none() && !hides {
            source.push_user(import.cell, part.range.start, import.code());
            source.push("\n");
            return;
        }
        for at in 0..part.leaves.len() {
            let leaf = &part.leaves[at];
            let chosen = pick.leaves.as_ref().is_none_or(|leaves| leaves.contains(&at));
            if chosen && part.is_use && !hidden.contains(plain(&leaf.name)) {
                import.push_leaf(leaf, source);
            }
        }
    }

    /// Names that a pick brings.
    pub(super) fn names_of<'a>(&'a self, pick: &'a Pick) -> impl Iterator<Item = &'a str> {
        let leaves = self.imports[pick.index].part.leaves.iter().enumerate();
        let chosen = leaves.filter(|(at, _)| pick.leaves.as_ref().is_none_or(|leaves| leaves.contains(at)));
        chosen.map(|(_, leaf)| plain(&leaf.name))
    }

    /// Does the last cell import something that items define?
    pub fn imports_items(&self) -> bool {
        self.imports.iter().zip(self.local_imports()).any(|(import, local)| local && import.era == self.era)
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
                    names.extend(import.part.names());
                }
            }
            if before == names.len() {
                return local;
            }
        }
    }

    /// The items that an import begins with. Only types and modules have something below them: `use rand::Rng`
    /// has nothing to do with a function `rand`.
    pub(super) fn roots(&self, index: usize) -> impl Iterator<Item = &Arc<CurrentItem>> {
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

    /// The items of a family by the scope that their text has: those at the root of its crate first, with the
    /// cell whose imports are there, then those that mean something else by a name, or could, each with its own
    /// cell.
    pub(super) fn layout(&self, family: &str) -> Vec<(Era, Vec<&Arc<CurrentItem>>)> {
        let own: Vec<&Arc<CurrentItem>> = self.live.iter().filter(|item| *item.home == *family).collect();
        // Types stay where they are when an implementation comes to them: their paths are known to others.
        let lasting = own.iter().filter(|item| item.part.lasting).map(|item| item.era).max();
        let Some(root) = lasting.or_else(|| own.iter().map(|item| item.era).max()) else { return Vec::new() };
        let there = self.scope(root);
        let mut layout: Vec<(Era, Vec<&Arc<CurrentItem>>)> = vec![(root, Vec::new())];
        // Names at the root, and those of them that mean items which are newer than its imports.
        let (mut named, mut newer): (HashSet<&str>, HashSet<&str>) = (HashSet::new(), HashSet::new());
        let order = |lasting: bool| own.iter().filter(move |item| item.part.lasting == lasting);
        for item in order(true).chain(order(false)) {
            let mentions = || item.part.mentions.all();
            let alike = |name: &str| self.means_alike(name, item.era, root);
            let fits = |name: &str| match newer.contains(name) {
                true => !self.is_foreign(name, item.era),
                false => alike(name) || !item.part.lasting && !named.contains(name),
            };
            let visible = || !item.part.names().any(|name| self.is_imported(name, root));
            let at_root = item.era == root
                || item.part.is_macro()
                || item.part.lasting && mentions().all(fits) && visible()
                || !item.part.lasting && self.scope(item.era) == there && mentions().all(fits);
            let era = if at_root { root } else { item.era };
            if at_root {
                newer.extend(mentions().filter(|name| !alike(name) && !self.is_foreign(name, item.era)));
                named.extend(mentions());
            }
            match layout.iter_mut().find(|(known, _)| *known == era) {
                Some((_, items)) => items.push(item),
                None => layout.push((era, vec![item])),
            }
        }
        layout
    }
}

impl Import {
    /// As the user wrote it.
    pub(super) fn code(&self) -> &str {
        &self.text[self.part.range.clone()]
    }

    /// One name of it.
    fn push_leaf(&self, leaf: &Leaf, source: &mut Source) {
        let word = &self.text[leaf.range.clone()];
        source.push("use ");
        match leaf.path.strip_suffix(word) {
            _ if leaf.name == "*" => {
                source.push(&leaf.path);
                source.push("::");
                source.push_user(self.cell, leaf.range.start, "*");
            }
            Some(before) if word != "self" => {
                source.push(before);
                source.push_user(self.cell, leaf.range.start, word);
            }
            _ => source.push(&leaf.path),
        }
        if leaf.name != "*" {
            source.push(" as ");
            source.push(&leaf.name);
        }
        source.push(";\n");
    }
}

#[cfg(test)]
mod tests {
    use super::super::cfg::Cfg;
    use super::super::split::split;
    use super::*;

    fn add(items: &mut Items, cell: &str) -> Era {
        let text: Arc<str> = cell.into();
        items.add(1, &text, &split(&text, &Cfg::default()).expect("it parses"));
        items.era
    }

    fn in_scope(items: &Items, era: Era) -> String {
        let (mut source, none) = (Source::default(), HashSet::new());
        items.scope(era).iter().for_each(|pick| items.push_import(pick, &none, &mut source));
        source.text().to_owned()
    }

    #[test]
    fn an_import_is_for_its_cell_and_later_ones() {
        let mut items = Items::default();
        let first = add(&mut items, "use std::fmt::{self, Result};");
        let second = add(&mut items, "use std::io::{Result, Write as _};");
        let third = add(&mut items, "use std::fmt::{self, Display};");
        assert_eq!(in_scope(&items, first), "use std::fmt::{self, Result};\n");
        assert_eq!(in_scope(&items, second), "use std::fmt as fmt;\nuse std::io::{Result, Write as _};\n");
        assert!(in_scope(&items, third).ends_with("use std::fmt::{self, Display};\n"));
        assert_eq!(in_scope(&items, third).matches("fmt as fmt").count(), 0, "the newer one brings it");
    }

    #[test]
    fn what_closures_name_is_not_forgotten() {
        let mut items = Items::default();
        let first = add(&mut items, "use first::Name;");
        items.hold(vec![first]);
        for n in 0..OFTEN + 2 {
            add(&mut items, &format!("use other{n}::Name;"));
        }
        assert!(items.imports.len() < 5, "{}", items.imports.len());
        assert_eq!(in_scope(&items, first), "use first::Name;\n");
        assert_eq!(items.imports_lost_since(first).len(), 1);
    }
}
