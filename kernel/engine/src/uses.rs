//! What a text needs of other crates: from the names that it mentions to the items that have them, through
//! macros, imports and traits, and to the lines that bring them into scope. It changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::import_part::Leaf;
use super::imports::Pick;
use super::item::{Key, Nature};
use super::items::{CurrentItem, Era, Items, Name};
use super::mentions::{Mentions, plain};
use super::source::{Source, identifier};
use super::split::words;

/// Beginning of the names of modules whose items have imports of their own. Messages do not show them.
pub(super) const SCOPE: &str = "__ferrolab_scope";

/// What a text needs.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// What its parts have in scope; that of the crate's root comes first.
    scopes: Vec<Scope>,
    /// Macros by their family: modules of the text see them too.
    macros: BTreeMap<Name, BTreeSet<String>>,
    /// Families all of whose names are brought in, because not all can be told from their texts.
    globs: BTreeSet<Name>,
    /// Types of its own.
    pub(super) own: BTreeSet<String>,
    /// It takes a trait that has a method of the same name as one of the prelude's, for values of any type.
    pub(super) rival: bool,
}

/// Crates whose values want tokio's runtime around them.
const ON_TOKIO: [&str; 7] = ["reqwest", "hyper", "sqlx", "tonic", "axum", "tower", "async_nats"];

/// Methods that the prelude gives to types which are not ours.
const PRELUDE_METHODS: [&str; 1] = ["progress"];

/// What a part of a text has in scope.
#[derive(Debug, Clone, Default)]
struct Scope {
    /// The cell whose imports it has.
    era: Era,
    /// It is, or has in it, the statements.
    statements: bool,
    mentions: Mentions,
    /// Names that mean items which are newer than its imports.
    newer: HashSet<String>,
    /// Names in types of variables, which mean items whatever is imported.
    types: HashSet<String>,
    taken: HashSet<u64>,
    /// Names by the family they come from.
    names: BTreeMap<Name, BTreeSet<String>>,
    /// Imports, and whether each is of use in it.
    picks: Vec<(Pick, bool)>,
}

impl Uses {
    /// The names it brings into scope, and types of its own.
    pub(super) fn all_names(&self) -> impl Iterator<Item = &String> {
        self.scopes.iter().flat_map(|scope| scope.names.values()).flatten().chain(&self.own)
    }

    /// The families it depends on.
    pub fn families(&self) -> BTreeSet<Name> {
        self.scopes.iter().flat_map(|scope| scope.names.keys()).chain(&self.globs).cloned().collect()
    }

    /// Are there families all of whose names are brought in?
    pub(super) fn has_globs(&self) -> bool {
        !self.globs.is_empty()
    }
}

/// Whose uses are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whose<'a> {
    /// The family whose text it is, if it is one's.
    pub family: Option<&'a str>,
    /// Statements of the last cell are in it.
    pub statements: bool,
    /// Names that cannot be seen in texts are wanted too.
    pub all: bool,
}

/// What statements mention.
#[derive(Debug, Clone, Default)]
pub struct Mentioned {
    /// Names in them.
    pub code: HashSet<String>,
    /// Names in the types of their variables.
    pub types: HashSet<String>,
}

impl Items {
    /// What the text of a family needs.
    pub fn uses_of(&self, family: &str) -> Uses {
        self.uses(Whose { family: Some(family), ..Whose::default() }, &Mentioned::default())
    }

    /// What a text needs; the statements in it mention `more`.
    pub fn uses(&self, whose: Whose<'_>, more: &Mentioned) -> Uses {
        let mut uses = Uses { scopes: self.scopes(whose, more), ..Uses::default() };
        let local = self.local_imports();
        let family = || self.live.iter().filter(|item| whose.family == Some(&*item.home));
        let all = whose.all || family().any(|item| item.loose);
        for at in 0..uses.scopes.len() {
            let mut scope = std::mem::take(&mut uses.scopes[at]);
            for (pick, wanted) in &mut scope.picks {
                // Those of the cell itself are tried where they stand, whatever it mentions.
                let own = self.imports[pick.index].era == self.era && scope.statements;
                *wanted = !local[pick.index] || own;
                if own && local[pick.index] {
                    scope.mentions.names.extend(self.roots_of(pick));
                }
            }
            self.close(&mut scope, &mut uses, whose.family, all);
            uses.scopes[at] = scope;
        }
        uses
    }

    /// The scopes of a text, with what is mentioned in each.
    fn scopes(&self, whose: Whose<'_>, more: &Mentioned) -> Vec<Scope> {
        let new = |era: Era| Scope {
            era,
            picks: self.scope(era).into_iter().map(|pick| (pick, false)).collect(),
            ..Scope::default()
        };
        let mut scopes = Vec::new();
        for (era, items) in whose.family.map(|family| self.layout(family)).unwrap_or_default() {
            let mut scope = new(era);
            for item in items {
                let newer = item.part.mentions.all().filter(|name| !self.is_foreign(name, item.era));
                scope.newer.extend(newer.filter(|name| self.is_foreign(name, era)).map(str::to_owned));
                scope.mentions.extend(&item.part.mentions);
                scope.mentions.names.extend(item.scope.iter().cloned());
                if item.loose {
                    scope.mentions.names.extend(words(item.code()).map(str::to_owned));
                }
            }
            scopes.push(scope);
        }
        if whose.family.is_some() && !whose.statements {
            return scopes;
        }
        // In the root's scope when it has the same imports.
        let last = new(self.era);
        let alike = scopes.first().is_some_and(|root: &Scope| root.picks == last.picks);
        if !alike {
            scopes.push(last);
        }
        let at = if alike { 0 } else { scopes.len() - 1 };
        scopes[at].mentions.names.extend(more.code.iter().cloned());
        scopes[at].types.clone_from(&more.types);
        scopes[at].statements = true;
        scopes
    }

    /// The names that an import begins with.
    fn roots_of(&self, pick: &Pick) -> impl Iterator<Item = String> {
        self.imports[pick.index].part.roots.iter().map(|(name, _)| plain(name).to_owned())
    }

    /// Do statements come to something of tokio's, or of crates that work with it, themselves or through items?
    pub(super) fn come_to_tokio(&self, uses: &Uses) -> bool {
        uses.scopes.iter().filter(|scope| scope.statements).any(|scope| self.is_asynchronous(scope))
    }

    fn is_asynchronous(&self, scope: &Scope) -> bool {
        let known = |name: &str| name.starts_with("tokio") || ON_TOKIO.contains(&name);
        let imports = |era: Era, mentions: &Mentions| {
            let meant = |leaf: &&Leaf| leaf.name == "*" || mentions.has(plain(&leaf.name));
            let root = |leaf: &Leaf| leaf.path.trim_start_matches("::").split("::").next().is_some_and(known);
            let imports = self.imports.iter().filter(|import| import.era <= era);
            imports.flat_map(|import| import.part.leaves.iter().filter(meant)).any(root)
        };
        let direct = |era: Era, mentions: &Mentions| mentions.all().any(known) || imports(era, mentions);
        if scope.types.iter().any(|name| known(name)) || direct(scope.era, &scope.mentions) {
            return true;
        }
        let mut seen = scope.taken.clone();
        let mut todo: Vec<&Arc<CurrentItem>> = self.live.iter().filter(|item| seen.contains(&item.id)).collect();
        while let Some(item) = todo.pop() {
            if direct(item.era, &item.part.mentions) {
                return true;
            }
            let next = self.live.iter().filter(|other| wanted(other, &item.part.mentions, |_| true));
            todo.extend(next.filter(|other| seen.insert(other.id)));
        }
        false
    }

    /// Adds what a scope takes, until nothing is added.
    fn close(&self, scope: &mut Scope, uses: &mut Uses, family: Option<&str>, all: bool) {
        loop {
            let before = (scope.taken.len(), scope.picks.iter().filter(|(_, wanted)| *wanted).count());
            for item in &self.live {
                let meant = |name: &str| !self.is_foreign(name, scope.era) || scope.newer.contains(name);
                let typed = || named_by(item, &scope.types);
                let wanted = wanted(item, &scope.mentions, meant) || typed() || all && item.part.opaque;
                if scope.taken.contains(&item.id) || !wanted {
                    continue;
                }
                scope.taken.insert(item.id);
                uses.take(item, scope, family, all);
                // What a macro mentions is looked for where it is called.
                if item.part.is_macro() {
                    scope.mentions.extend(&item.part.mentions);
                }
            }
            for at in (0..scope.picks.len()).filter(|at| !scope.picks[*at].1).collect::<Vec<_>>() {
                let pick = &scope.picks[at].0;
                let named = self.names_of(pick).any(|name| scope.mentions.has(name));
                let within =
                    || self.roots(pick.index).any(|item| item.part.inside.iter().any(|name| scope.mentions.has(name)));
                if named || within() {
                    let roots: Vec<String> = self.roots_of(pick).collect();
                    scope.mentions.names.extend(roots);
                    scope.picks[at].1 = true;
                }
            }
            if before == (scope.taken.len(), scope.picks.iter().filter(|(_, wanted)| *wanted).count()) {
                return;
            }
        }
    }

    /// The items of a family with all that they need in scope: names of earlier cells, imports, and items that
    /// have other imports in modules of their own.
    pub fn push_crate(&self, family: Option<&str>, uses: &Uses, source: &mut Source) {
        for (family, names) in &uses.macros {
            let names: Vec<&str> = names.iter().map(|name| identifier(name)).collect();
            source.push(&format!("#[macro_use({})] extern crate {family};\n", names.join(", ")));
        }
        let layout = family.map(|family| self.layout(family)).unwrap_or_default();
        let Some(root) = uses.scopes.first() else { return };
        let at_root: HashSet<&str> =
            layout.first().iter().flat_map(|(_, items)| items).flat_map(|item| item.part.names()).collect();
        self.push_scope(root, &at_root, "pub ", source);
        for family in &uses.globs {
            source.push(&format!("pub use ::{family}::*;\n"));
        }
        if let Some((_, items)) = layout.first() {
            self.push_items(items, source);
        }
        let none = HashSet::new();
        // Numbered by place: the same text whenever the cells were run.
        for (place, (era, items)) in layout.iter().enumerate().skip(1) {
            source.push(&format!("pub mod {SCOPE}{place} {{ use super::*;\n"));
            if let Some(scope) = uses.scopes.iter().skip(1).find(|scope| scope.era == *era) {
                self.push_scope(scope, &none, "", source);
            }
            self.push_items(items, source);
            source.push("}\n");
            let names: BTreeSet<&str> = items.iter().flat_map(|item| item.part.names()).map(identifier).collect();
            let names: Vec<&str> = names.into_iter().collect();
            source.push(&format!("pub use self::{SCOPE}{place}::{{{}}};\n", names.join(", ")));
            if items.iter().any(|item| item.part.opaque) {
                source.push(&format!("pub use self::{SCOPE}{place}::*;\n"));
            }
        }
    }

    /// What the statements have in scope, when that is not what the items in their crate have.
    pub fn push_statements_scope(&self, uses: &Uses, source: &mut Source) {
        let none = HashSet::new();
        for scope in uses.scopes.iter().skip(1).filter(|scope| scope.statements) {
            self.push_scope(scope, &none, "", source);
        }
    }

    fn push_scope(&self, scope: &Scope, hidden: &HashSet<&str>, visibility: &str, source: &mut Source) {
        let picks = || scope.picks.iter().filter(|(_, wanted)| *wanted).map(|(pick, _)| pick);
        let imported: HashSet<&str> = picks().flat_map(|pick| self.names_of(pick)).collect();
        for (family, names) in &scope.names {
            let names = names.iter().filter(|name| !imported.contains(plain(name)) && !hidden.contains(plain(name)));
            let names: Vec<&str> = names.map(|name| identifier(name)).collect();
            if !names.is_empty() {
                source.push(&format!("{visibility}use ::{family}::{{{}}};\n", names.join(", ")));
            }
        }
        picks().for_each(|pick| self.push_import(pick, hidden, source));
    }

    /// The module in which types of variables are found by the name that they have in messages.
    pub fn push_paths(&self, uses: &Uses, source: &mut Source) {
        source.push("mod __ferrolab_cells { ");
        let mut all: BTreeMap<&Name, BTreeSet<&str>> = BTreeMap::new();
        for (family, names) in uses.scopes.iter().flat_map(|scope| &scope.names) {
            all.entry(family).or_default().extend(names.iter().map(|name| identifier(name)));
        }
        for (family, names) in all {
            let names: Vec<&str> = names.into_iter().collect();
            source.push(&format!("pub use ::{family}::{{{}}}; ", names.join(", ")));
        }
        for name in &uses.own {
            source.push(&format!("pub use super::{}; ", identifier(name)));
        }
        for family in &uses.globs {
            source.push(&format!("pub use ::{family}::*; "));
        }
        source.push("}\n");
    }
}

impl Uses {
    fn take(&mut self, item: &CurrentItem, scope: &mut Scope, own: Option<&str>, all: bool) {
        self.rival |= item.part.nature == Nature::Trait
            && PRELUDE_METHODS.iter().any(|name| item.part.inside.contains(*name) && scope.mentions.has(name));
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
            scope.names.entry(item.home.clone()).or_default().extend(names());
        }
        if item.part.is_macro() {
            self.macros.entry(item.home.clone()).or_default().extend(names());
        }
    }
}

/// Is this item meant by one of these names?
fn wanted(item: &CurrentItem, mentions: &Mentions, meant: impl Fn(&str) -> bool) -> bool {
    let named = item.part.names().any(|name| mentions.names.contains(name) && meant(name));
    let known = || item.part.names().any(&meant);
    let by_member =
        || item.part.nature == Nature::Trait && item.part.inside.iter().any(|name| mentions.has(name)) && known();
    named || by_member() || nameless(item, &mentions.names)
}

/// Is this item the definition of one of these names?
fn named_by(item: &CurrentItem, names: &HashSet<String>) -> bool {
    item.part.names().any(|name| names.contains(name)) || nameless(item, names)
}

/// `cfg_if!` and its like, which have no name.
fn nameless(item: &CurrentItem, names: &HashSet<String>) -> bool {
    let mentioned = || item.part.mentions.names.iter().any(|name| names.contains(name));
    item.part.opaque && item.part.names().next().is_none() && mentioned()
}
