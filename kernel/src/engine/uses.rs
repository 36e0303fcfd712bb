//! What a text needs of other crates: from the names that it mentions to the items that have them, through
//! macros, imports and traits, and to the lines that bring them into scope. It changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::item::{Key, Nature};
use super::items::{Items, Live, Name};
use super::mentions::{Mentions, plain};
use super::source::{Source, identifier};
use super::split::words;

/// What a text needs.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// Names by the family they come from.
    names: BTreeMap<Name, BTreeSet<String>>,
    /// Macros by their family: modules of the text see them too.
    macros: BTreeMap<Name, BTreeSet<String>>,
    /// Families all of whose names are brought in, because not all can be told from their texts.
    globs: BTreeSet<Name>,
    /// Types of its own.
    own: BTreeSet<String>,
    /// Imports that are of use in it, by their position.
    imports: Vec<usize>,
}

impl Uses {
    /// The names it brings into scope, and types of its own.
    pub(super) fn all_names(&self) -> impl Iterator<Item = &String> {
        self.names.values().flatten().chain(&self.own)
    }

    /// The families it depends on.
    pub fn families(&self) -> BTreeSet<Name> {
        self.names.keys().chain(&self.globs).cloned().collect()
    }
}

/// Whose uses are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whose<'a> {
    /// The family whose text it is, if it is one's.
    pub family: Option<&'a str>,
    /// The cell whose imports are in it whatever it mentions.
    pub cell: Option<u32>,
    /// Names that cannot be seen in texts are wanted too.
    pub all: bool,
}

impl Items {
    /// What the text of a family needs, with these names mentioned besides.
    pub fn uses(&self, whose: Whose<'_>, more: &HashSet<String>) -> Uses {
        let mut mentions = Mentions { names: more.clone(), members: HashSet::new() };
        let mut all = whose.all;
        for item in self.live.iter().filter(|item| whose.family == Some(&*item.home)) {
            mentions.extend(&item.part.mentions);
            mentions.names.extend(item.scope.iter().cloned());
            if item.loose {
                all = true;
                mentions.names.extend(words(item.code()).map(str::to_owned));
            }
        }
        let mut uses = Uses::default();
        let mut taken = HashSet::new();
        let local = self.local_imports();
        let mut imports: BTreeSet<usize> = (0..local.len()).filter(|index| !local[*index]).collect();
        loop {
            let before = (taken.len(), imports.len());
            for item in &self.live {
                if !taken.contains(&item.id) && (wanted(item, &mentions) || all && item.part.opaque) {
                    taken.insert(item.id);
                    uses.take(item, whose.family, all);
                    // What a macro mentions is looked for where it is called.
                    if item.part.is_macro() {
                        mentions.extend(&item.part.mentions);
                    }
                }
            }
            for (index, import) in self.imports.iter().enumerate() {
                if imports.contains(&index) {
                    continue;
                }
                let own = Some(import.cell) == whose.cell;
                let named = import.part.names.iter().any(|name| mentions.has(plain(name)));
                let within = || self.roots(index).any(|item| item.part.inside.iter().any(|name| mentions.has(name)));
                if own || named || within() {
                    imports.insert(index);
                    mentions.names.extend(import.part.roots.iter().map(|(name, _)| plain(name).to_owned()));
                }
            }
            if before == (taken.len(), imports.len()) {
                break;
            }
        }
        uses.imports = imports.into_iter().collect();
        uses
    }

    /// The lines that bring it all into scope: names of earlier cells, then imports.
    pub fn push_uses(&self, uses: &Uses, source: &mut Source) {
        for (family, names) in &uses.macros {
            let names: Vec<&str> = names.iter().map(|name| identifier(name)).collect();
            source.push(&format!("#[macro_use({})] extern crate {family};\n", names.join(", ")));
        }
        let imported: HashSet<&str> =
            uses.imports.iter().flat_map(|i| &self.imports[*i].part.names).map(|name| plain(name)).collect();
        for (family, names) in &uses.names {
            let names: Vec<&str> =
                names.iter().filter(|name| !imported.contains(plain(name))).map(|name| identifier(name)).collect();
            if !names.is_empty() {
                source.push(&format!("pub use ::{family}::{{{}}};\n", names.join(", ")));
            }
        }
        for family in &uses.globs {
            source.push(&format!("pub use ::{family}::*;\n"));
        }
        for index in &uses.imports {
            self.imports[*index].push(source);
        }
    }

    /// The module in which types of variables are found by the name that they have in messages.
    pub fn push_paths(&self, uses: &Uses, source: &mut Source) {
        source.push("mod __ferrolab_cells { ");
        for (family, names) in &uses.names {
            let names: Vec<&str> = names.iter().map(|name| identifier(name)).collect();
            source.push(&format!("pub use ::{family}::{{{}}}; ", names.join(", ")));
        }
        for name in &uses.own {
            source.push(&format!("pub use super::{}; ", identifier(name)));
        }
        source.push("}\n");
    }
}

impl Uses {
    fn take(&mut self, item: &Live, own: Option<&str>, all: bool) {
        let names = || {
            item.part.keys.iter().filter_map(|key| match key {
                Key::Type(name) | Key::Value(name) | Key::Macro(name) => Some(name.clone()),
                Key::Impl(_) | Key::Text(_) => None,
            })
        };
        if own == Some(&*item.home) {
            if item.part.lasting {
                self.own.extend(names());
            }
            return;
        }
        if all && item.part.opaque || names().next().is_none() {
            self.globs.insert(item.home.clone());
        }
        if names().next().is_some() {
            self.names.entry(item.home.clone()).or_default().extend(names());
        }
        if item.part.is_macro() {
            self.macros.entry(item.home.clone()).or_default().extend(names());
        }
    }
}

/// Is this item meant by one of these names?
fn wanted(item: &Live, mentions: &Mentions) -> bool {
    let named = item.part.names().any(|name| mentions.names.contains(name));
    let by_member = || item.part.nature == Nature::Trait && item.part.inside.iter().any(|name| mentions.has(name));
    // `cfg_if!` and its like, which have no name.
    let nameless = || {
        item.part.opaque
            && item.part.names().next().is_none()
            && item.part.mentions.names.iter().any(|n| mentions.names.contains(n))
    };
    named || by_member() || nameless()
}
