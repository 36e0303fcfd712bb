//! Which crate each item is in. The items of a cell become a crate of their own, a "family", which is compiled
//! once; when an item changes, it and what depends on it get a new home, and everything else stays where it
//! is. Here this is decided, from names alone; `build.rs` has it compiled.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::compile::ItemsCrate;
use super::environment::Identity;
use super::item::{ItemPart, Key, Nature};
use super::items::{Added, CurrentItem, Era, Items, Name};
use super::mentions::plain;
use super::split::words;
use super::statics::static_names;

/// A crate of items.
#[derive(Debug, Clone, Default)]
pub struct Family {
    /// What tells its types from others for rustc. It stays as long as they do, however often the crate is
    /// compiled, so that `Any` knows values of cells before, and never sees a stale layout.
    pub identity: Option<String>,
    /// Identities before.
    generation: u32,
    /// Types that were compiled under this identity, and their versions.
    types: BTreeMap<String, u64>,
    /// The families it was compiled with.
    pub needs: BTreeSet<Name>,
    /// The crate as it was compiled last; none when that is to be done.
    pub made: Option<ItemsCrate>,
}

type Cause = Arc<str>;

/// What is different from before: names and families, each with what is to blame.
#[derive(Debug, Default)]
pub(super) struct Change {
    names: HashMap<String, Cause>,
    /// Members of traits.
    members: HashMap<String, Cause>,
    /// Names that imports of items bring.
    imported: HashMap<String, Cause>,
    families: BTreeMap<Name, Cause>,
    any: bool,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        !self.any
    }

    /// An item is new, or not what it was.
    pub(super) fn add(&mut self, part: &ItemPart, cause: Cause) {
        self.names(part.names(), cause.clone());
        if part.nature == Nature::Trait {
            for member in &part.inside {
                self.members.entry(member.clone()).or_insert_with(|| cause.clone());
            }
        }
        self.any = true;
    }

    /// These names mean something else.
    pub(super) fn names<'a>(&mut self, names: impl Iterator<Item = &'a str>, cause: Cause) {
        for name in names {
            self.names.entry(plain(name).to_owned()).or_insert_with(|| cause.clone());
            self.any = true;
        }
    }

    /// An item is gone. What nobody has to name to meet it makes its whole crate unfit.
    pub(super) fn remove(&mut self, item: &CurrentItem, cause: Cause) {
        self.add(&item.part, cause.clone());
        let unnamed = matches!(item.part.nature, Nature::Impl(_)) || item.part.names().next().is_none();
        if unnamed || ["no_mangle", "export_name"].iter().any(|word| item.code().contains(word)) {
            self.families.insert(item.home.clone(), cause);
        }
    }

    fn cause_in(&self, item: &CurrentItem, items: &Items) -> Option<&Cause> {
        // What it imports, or has from std, has nothing to do with what items are called.
        // What a macro names is looked for where it is called.
        let meant = |name: &str| item.part.is_macro() || !items.is_foreign(name, item.era);
        let member = |name: &str| items.has_member(name, item.era);
        if item.loose {
            let mut words = words(item.code()).filter(|word| meant(word));
            return words
                .find_map(|word| [&self.names, &self.imported, &self.members].iter().find_map(|map| map.get(word)));
        }
        let mentions = &item.part.mentions;
        common(&self.names, &mentions.names, meant)
            .or_else(|| common(&self.names, &item.scope, meant))
            .or_else(|| common(&self.imported, &mentions.names, |_| true))
            .or_else(|| common(&self.imported, &mentions.members, |_| true))
            .or_else(|| common(&self.members, &mentions.members, member))
            .or_else(|| common(&self.members, &mentions.names, member))
    }
}

/// What two collections have in common, going through the smaller one.
fn common<'a>(
    map: &'a HashMap<String, Cause>,
    set: &HashSet<String>,
    meant: impl Fn(&str) -> bool,
) -> Option<&'a Cause> {
    if map.len() < set.len() {
        return map.iter().find(|(name, _)| set.contains(*name) && meant(name)).map(|(_, cause)| cause);
    }
    set.iter().filter(|name| map.contains_key(*name) && meant(name)).find_map(|name| map.get(name))
}

impl Items {
    /// A name for a new family: by what is defined, so that other sessions, and this one in another order,
    /// find the same crate on the shelf.
    pub(super) fn fresh(&self, hash: &str) -> Name {
        let plain: Name = format!("__ferrolab_{}", &hash[..8]).into();
        let others = (2..).map(|n| format!("__ferrolab_{}x{n}", &hash[..8]).into());
        std::iter::once(plain).chain(others).find(|name: &Name| !self.families.contains_key(name)).unwrap_or_default()
    }

    /// Finds a home for every item that is new or depends on what is different.
    pub(super) fn settle(&mut self, change: Change, added: &mut Added) {
        let (hit, families) = self.hit(change, added);
        for (id, cause) in &hit {
            let item = self.live.iter().find(|item| item.id == *id && !added.new.contains(&item.id));
            for name in item.iter().flat_map(|item| static_names(item)) {
                added.causes.insert(name, cause.clone());
            }
        }
        // Types that are what they were keep the crate's name, with all that is in it.
        let lasts = |item: &CurrentItem| lasts(item, added);
        let kept: HashSet<Name> =
            self.live.iter().filter(|i| hit.contains_key(&i.id) && lasts(i)).map(|i| i.home.clone()).collect();
        let stays = |item: &CurrentItem| !added.new.contains(&item.id) && kept.contains(&item.home);
        let mut homes: Vec<(u64, Name)> = Vec::new();
        for item in self.live.iter().filter(|item| hit.contains_key(&item.id)) {
            // A type that changed leaves the crate that is kept for others.
            let changed = item.part.lasting && !lasts(item);
            if changed || !stays(item) {
                homes.push((item.id, added.fresh.clone()));
            }
        }
        self.move_to(&homes);
        for item in self.live.iter_mut().filter(|i| hit.contains_key(&i.id) && i.part.lasting && !lasts(i)) {
            self.next += 1;
            Arc::make_mut(item).version = self.next;
        }
        let owners = self.live.iter().filter(|item| hit.contains_key(&item.id));
        let owners: Vec<(u64, Name)> =
            owners.filter_map(|item| Some((item.id, self.owner(item)?.home.clone()))).collect();
        self.move_to(&owners);
        let mut dirty: BTreeSet<Name> = families.into_keys().chain(std::iter::once(added.fresh.clone())).collect();
        dirty.extend(self.live.iter().filter(|item| hit.contains_key(&item.id)).map(|item| item.home.clone()));
        dirty.retain(|name| self.live.iter().any(|item| item.home == *name));
        for name in &dirty {
            Arc::make_mut(self.families.entry(name.clone()).or_default()).made = None;
        }
        added.dirty.extend(dirty);
        added.dirty.retain(|name| self.lives_in(name));
        self.untangle(&mut added.dirty);
        self.forget_unused();
    }

    /// The items that a change reaches, and the families that are compiled anew under their own names.
    fn hit(&self, mut change: Change, added: &Added) -> (HashMap<u64, Cause>, BTreeMap<Name, Cause>) {
        let mut hit: HashMap<u64, Cause> = HashMap::new();
        let mut spread: HashSet<u64> = HashSet::new();
        let mut imports: HashSet<usize> = HashSet::new();
        let local = self.local_imports();
        loop {
            let before = (hit.len(), spread.len(), change.families.len(), imports.len());
            for item in &self.live {
                if spread.contains(&item.id) {
                    continue;
                }
                let new = added.new.contains(&item.id);
                let known =
                    hit.get(&item.id).or_else(|| change.families.get(&item.home)).or(change.cause_in(item, self));
                let Some(cause) = known.cloned().or_else(|| new.then(|| item.label())) else { continue };
                hit.insert(item.id, cause.clone());
                spread.insert(item.id);
                change.add(&item.part, cause.clone());
                if let Some(owner) = self.owner(item) {
                    hit.entry(owner.id).or_insert(cause);
                } else if lasts(item, added) {
                    change.families.insert(item.home.clone(), cause);
                }
            }
            for (index, import) in self.imports.iter().enumerate() {
                let known = |root: &str| change.names.get(root).or_else(|| change.imported.get(root));
                let cause = import.part.roots.iter().find_map(|(root, _)| known(plain(root))).cloned();
                let Some(cause) = cause.filter(|_| local[index] && imports.insert(index)) else { continue };
                let inner = self.roots(index).flat_map(|item| &item.part.inside).map(String::as_str);
                for name in inner.chain(import.part.names()) {
                    change.imported.entry(name.to_owned()).or_insert_with(|| cause.clone());
                }
            }
            for (name, family) in &self.families {
                let cause = family.needs.iter().find_map(|need| change.families.get(need)).cloned();
                if let Some(cause) = cause {
                    change.families.entry(name.clone()).or_insert(cause);
                }
            }
            if before == (hit.len(), spread.len(), change.families.len(), imports.len()) {
                return (hit, change.families);
            }
        }
    }

    fn move_to(&mut self, homes: &[(u64, Name)]) {
        let homes: HashMap<u64, &Name> = homes.iter().map(|(id, home)| (*id, home)).collect();
        for item in &mut self.live {
            if let Some(home) = homes.get(&item.id)
                && item.home != **home
            {
                Arc::make_mut(item).home = (*home).clone();
            }
        }
    }

    /// The type or trait in whose crate an implementation must stand.
    fn owner(&self, item: &CurrentItem) -> Option<&Arc<CurrentItem>> {
        let Nature::Impl(places) = &item.part.nature else { return None };
        places.iter().find_map(|name| self.meant(name, item.era, 4))
    }

    /// The type or trait that a name stands for in a cell, through aliases and imports.
    fn meant(&self, name: &str, era: Era, depth: usize) -> Option<&Arc<CurrentItem>> {
        let depth = depth.checked_sub(1)?;
        let is = |key: &Key| matches!(key, Key::Type(n) | Key::Value(n) if plain(n) == name);
        let defined = self.live.iter().find(|item| item.part.keys.iter().any(is));
        if let Some(item) = defined.filter(|_| !self.is_foreign(name, era)) {
            return match &item.part.nature {
                Nature::Alias(of) => of.as_deref().and_then(|of| self.meant(of, item.era, depth)),
                _ => item.part.lasting.then_some(item),
            };
        }
        let through = (0..self.imports.len()).filter(|index| {
            let import = &self.imports[*index].part;
            let within = || import.is_glob() && self.roots(*index).any(|item| item.part.inside.contains(name));
            import.names().any(|n| n == name) || within()
        });
        let mut roots = through.flat_map(|index| &self.imports[index].part.roots);
        roots.find_map(|(root, _)| self.meant(plain(root), era, depth))
    }

    /// Crates cannot depend on each other in a circle: families that do become one, which keeps the name of the
    /// one with types that last.
    pub(super) fn untangle(&mut self, families: &mut BTreeSet<Name>) {
        if families.len() < 2 {
            return;
        }
        let needs: BTreeMap<Name, BTreeSet<Name>> =
            families.iter().map(|name| (name.clone(), self.uses_of(name).families())).collect();
        let reach = |from: &Name| {
            let (mut seen, mut todo) = (BTreeSet::new(), vec![from]);
            while let Some(name) = todo.pop() {
                for next in needs.get(name).into_iter().flatten().filter(|next| families.contains(*next)) {
                    if seen.insert(next.clone()) {
                        todo.push(next);
                    }
                }
            }
            seen
        };
        let reached: BTreeMap<&Name, BTreeSet<Name>> = families.iter().map(|name| (name, reach(name))).collect();
        let circle = families.iter().find(|name| reached[name].contains(*name) && reached[name].len() > 1);
        let Some(first) = circle else { return };
        let circle: Vec<&Name> =
            families.iter().filter(|n| reached[first].contains(*n) && reached[n].contains(first)).collect();
        let age = |name: &Name| self.live.iter().position(|i| i.home == *name && i.part.lasting).unwrap_or(usize::MAX);
        let Some(target) = circle.iter().min_by_key(|name| age(name)).map(|name| (*name).clone()) else { return };
        let gone: BTreeSet<Name> = circle.into_iter().filter(|name| **name != target).cloned().collect();
        let homes: Vec<(u64, Name)> =
            self.live.iter().filter(|i| gone.contains(&i.home)).map(|i| (i.id, target.clone())).collect();
        self.move_to(&homes);
        families.retain(|name| !gone.contains(name));
        self.untangle(families);
    }

    /// Puts a family and all that it needs into one crate, where rules about several crates do not apply. False when
    /// there is nothing to put together.
    pub(super) fn join(&mut self, family: &Name, added: &mut Added) -> bool {
        let needs = self.uses_of(family).families();
        let together: BTreeSet<Name> = self.linked(&needs).into_iter().map(|(name, _)| name).collect();
        let together: BTreeSet<Name> = together.into_iter().filter(|name| self.lives_in(name)).collect();
        let Some(target) = together.first().cloned() else { return false };
        let mut change = Change { any: true, ..Change::default() };
        change.families.extend(together.iter().map(|name| (name.clone(), Cause::from("an item that goes with it"))));
        self.settle(change, added);
        let all: Vec<(u64, Name)> = self
            .live
            .iter()
            .filter(|item| item.home == *family || together.contains(&item.home))
            .map(|item| (item.id, target.clone()))
            .collect();
        self.move_to(&all);
        added.dirty.insert(target.clone());
        Arc::make_mut(self.families.entry(target).or_default()).made = None;
        self.untangle(&mut added.dirty);
        true
    }

    /// What tells a family's types from those of others, and from what had their names in it before.
    pub(super) fn identity_of(&self, name: &Name, needs: &BTreeSet<Name>) -> String {
        let family = self.families.get(name).cloned().unwrap_or_default();
        let own = || self.live.iter().filter(|item| item.home == *name && !item.part.function);
        let differs = |item: &Arc<CurrentItem>| {
            item.part.names().any(|name| family.types.get(name).is_some_and(|version| *version != item.version))
        };
        let conflict = own().any(differs);
        if let Some(identity) = family.identity.as_ref().filter(|_| !conflict) {
            return identity.clone();
        }
        let known = |name: &Name| self.families.get(name).and_then(|family| family.identity.clone());
        let needs = needs.iter().map(|need| format!("{need} {}", known(need).unwrap_or_default()));
        let generation = family.generation + u32::from(conflict);
        let identity = Identity::default().part(name.as_bytes()).part(generation.to_le_bytes()).parts(needs);
        identity.part("types").parts(own().map(|item| item.code())).finish()
    }

    /// Families to compile so that all of `wanted` are there, each after those it needs.
    pub(super) fn order(&self, wanted: &BTreeSet<Name>) -> Vec<Name> {
        let (mut order, mut seen) = (Vec::new(), HashSet::new());
        wanted.iter().for_each(|name| self.visit(name, &mut seen, &mut order));
        order
    }

    fn visit(&self, name: &Name, seen: &mut HashSet<Name>, order: &mut Vec<Name>) {
        if !seen.insert(name.clone()) {
            return;
        }
        let Some(family) = self.families.get(name) else { return };
        if self.is_made(family) {
            family.needs.iter().for_each(|need| self.visit(need, seen, order));
            return;
        }
        self.uses_of(name).families().iter().for_each(|need| self.visit(need, seen, order));
        order.push(name.clone());
    }

    fn is_made(&self, family: &Family) -> bool {
        family.made.as_ref().is_some_and(ItemsCrate::is_there)
    }

    /// A family's crate, when it is compiled.
    pub(super) fn crate_of(&self, family: &Name) -> Option<&ItemsCrate> {
        self.families.get(family)?.made.as_ref()
    }

    /// The crates of these families and of all that they need, each after those it needs.
    pub(super) fn linked(&self, wanted: &BTreeSet<Name>) -> Vec<(Name, ItemsCrate)> {
        fn walk(items: &Items, name: &Name, seen: &mut HashSet<Name>, found: &mut Vec<(Name, ItemsCrate)>) {
            if !seen.insert(name.clone()) {
                return;
            }
            let Some(family) = items.families.get(name) else { return };
            family.needs.iter().for_each(|need| walk(items, need, seen, found));
            found.extend(family.made.clone().map(|made| (name.clone(), made)));
        }
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        wanted.iter().for_each(|name| walk(self, name, &mut seen, &mut found));
        let families: Vec<Name> = found.iter().map(|(name, _)| name.clone()).collect();
        self.add_stored(&families, &mut found);
        found
    }

    /// A family was compiled.
    pub(super) fn made(&mut self, name: &Name, made: ItemsCrate, needs: BTreeSet<Name>, identity: &str) {
        let own = self.live.iter().filter(|item| item.home == *name && item.part.lasting);
        let types: Vec<(String, u64)> =
            own.flat_map(|item| item.part.names().map(|name| (name.to_owned(), item.version))).collect();
        let family = Arc::make_mut(self.families.entry(name.clone()).or_default());
        if let Some(before) = family.identity.replace(identity.to_owned())
            && before != identity
        {
            family.generation += 1;
            family.types.clear();
        }
        family.types.extend(types);
        (family.made, family.needs) = (Some(made), needs);
        self.store_statics(name);
        self.note_scope(name);
    }

    /// What looks like a local name in one item may be meant for what another brought into scope: `let f = area;`
    /// before `let area = 1;`.
    fn note_scope(&mut self, family: &Name) {
        let own = self.live.iter().filter(|item| item.home == *family);
        let mut known: HashSet<String> = own.flat_map(|item| item.part.names().map(str::to_owned)).collect();
        known.extend(self.uses_of(family).all_names().map(|name| plain(name).to_owned()));
        for item in self.live.iter_mut().filter(|item| item.home == *family) {
            let mentioned = &item.part.mentions.names;
            let more = words(item.code()).filter(|word| known.contains(*word) && !mentioned.contains(*word));
            let own: HashSet<&str> = item.part.names().collect();
            let scope: HashSet<String> = more.filter(|word| !own.contains(word)).map(str::to_owned).collect();
            if scope != item.scope {
                Arc::make_mut(item).scope = scope;
            }
        }
    }

    /// All crates are to be compiled anew when they are needed: the environment or the flags are others.
    pub fn forget_crates(&mut self) {
        for family in self.families.values_mut().filter(|family| family.made.is_some()) {
            Arc::make_mut(family).made = None;
        }
    }

    /// Families that nothing lives in and nothing was compiled with are forgotten.
    fn forget_unused(&mut self) {
        let mut used: BTreeSet<Name> = BTreeSet::new();
        let mut todo: Vec<Name> = self.live.iter().map(|item| item.home.clone()).collect();
        while let Some(name) = todo.pop() {
            if used.insert(name.clone())
                && let Some(family) = self.families.get(&name)
            {
                todo.extend(family.needs.iter().cloned());
            }
        }
        self.families.retain(|name, _| used.contains(name));
    }
}

/// A type, trait or module that is what it was before.
fn lasts(item: &CurrentItem, added: &Added) -> bool {
    let changed = || item.part.names().any(|name| added.changed.contains(name));
    item.part.lasting && !added.new.contains(&item.id) && !changed()
}
