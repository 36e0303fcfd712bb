//! Statics keep their values when the code around them is compiled anew: a static is defined under a symbol of
//! its own, and whatever is compiled later declares it and is linked to the object that has it. It is made anew
//! when its own definition changes, or something that it mentions.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, StaticMutability};

use super::compile::ItemsCrate;
use super::environment::Identity;
use super::item::{ItemPart, Nature};
use super::items::{Added, CurrentItem, Items, Name};
use super::source::Source;
use super::split::words;

/// Beginning of the names under which objects with values are linked, and nothing else of their crates.
pub(super) const STORED: &str = "__ferrolab_stored";

/// A static in an item's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticPart {
    /// Its name.
    pub name: String,
    /// Its definition, attributes included.
    range: Range<usize>,
    /// The type of its value.
    type_range: Range<usize>,
    mutable: bool,
    /// It stands in a `thread_local!`.
    thread_local: bool,
}

/// The objects that have an item's statics: that of its own crate last.
pub(super) type Stored = Arc<Vec<(Name, ItemsCrate)>>;

/// Where the values of an item's statics are.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    /// What their symbols begin with.
    symbol: String,
    stored: Option<Stored>,
}

/// The statics that an item defines, those inside its functions included. One whose symbol or section is the
/// user's choice is not among them.
pub fn of_item(item: &Item) -> Vec<StaticPart> {
    let mut found = Finder(Vec::new());
    match item {
        // A module's own are reached by paths that begin in it.
        Item::Static(_) | Item::Fn(_) | Item::Impl(_) => found.visit_item(item),
        _ => {}
    }
    found.0
}

/// Those of a `thread_local!`; none when one of them is written in a way that is not known.
pub fn of_thread_local(tokens: proc_macro2::TokenStream) -> Vec<StaticPart> {
    let one = |input: syn::parse::ParseStream<'_>| {
        let mut found = Vec::new();
        while !input.is_empty() {
            let attributes = Attribute::parse_outer(input)?;
            let visibility: syn::Visibility = input.parse()?;
            let start = attributes.first().map_or_else(|| visibility.span(), Spanned::span).byte_range().start;
            let keyword: syn::Token![static] = input.parse()?;
            let inherited = matches!(visibility, syn::Visibility::Inherited) && attributes.is_empty();
            let start = if inherited { keyword.span.byte_range().start } else { start };
            let name: syn::Ident = input.parse()?;
            input.parse::<syn::Token![:]>()?;
            let of: syn::Type = input.parse()?;
            input.parse::<syn::Token![=]>()?;
            let init: syn::Expr = input.parse()?;
            input.parse::<Option<syn::Token![;]>>()?;
            found.push(StaticPart {
                name: name.to_string(),
                range: start..init.span().byte_range().end,
                type_range: of.span().byte_range(),
                mutable: false,
                thread_local: true,
            });
        }
        Ok(found)
    };
    one.parse2(tokens).unwrap_or_default()
}

struct Finder(Vec<StaticPart>);

impl<'a> Visit<'a> for Finder {
    fn visit_item_static(&mut self, item: &'a syn::ItemStatic) {
        visit::visit_item_static(self, item);
        let plain =
            |a: &Attribute| ["doc", "allow", "expect", "warn", "deny"].iter().any(|word| a.path().is_ident(word));
        if !item.attrs.iter().all(plain) {
            return;
        }
        self.0.push(StaticPart {
            name: item.ident.to_string(),
            range: item.span().byte_range(),
            type_range: item.ty.span().byte_range(),
            mutable: matches!(item.mutability, StaticMutability::Mut(_)),
            thread_local: false,
        });
    }
}

impl CurrentItem {
    /// Edits of its text by which its statics are defined under their symbols, or declared where they are
    /// stored. What is replaced as a whole takes a closure that writes it.
    pub(super) fn push_statics(&self, source: &mut Source, mut between: impl FnMut(Range<usize>, &mut Source)) {
        let mut at = self.part.range.start;
        let thread_local = self.part.statics.iter().any(|part| part.thread_local);
        if thread_local {
            return self.push_thread_locals(source, between);
        }
        let there = |part: &StaticPart| !self.removed.iter().any(|gone| gone.contains(&part.range.start));
        for (index, part) in self.part.statics.iter().enumerate().filter(|(_, part)| there(part)) {
            between(at..part.range.start, source);
            let symbol = format!("{}_{index}", self.values.symbol);
            if self.values.stored.is_none() {
                source.push(&format!("#[unsafe(export_name = \"{symbol}\")] "));
                between(part.range.clone(), source);
            } else {
                let keyword = if part.mutable { "static mut" } else { "safe static" };
                source.push(&format!(
                    "unsafe extern \"Rust\" {{ #[link_name = \"{symbol}\"] pub {keyword} {}: ",
                    part.name
                ));
                between(part.type_range.clone(), source);
                source.push("; }");
            }
            at = part.range.end;
        }
        between(at..self.part.range.end, source);
    }

    /// A key of thread-local values is found through a reference to it, which has the symbol.
    fn push_thread_locals(&self, source: &mut Source, mut between: impl FnMut(Range<usize>, &mut Source)) {
        if self.values.stored.is_none() {
            between(self.part.range.clone(), source);
        }
        for (index, part) in self.part.statics.iter().enumerate() {
            let symbol = format!("{}_{index}", self.values.symbol);
            let key = |source: &mut Source, name: &str| {
                source.push(&format!("static {name}: &'static ::std::thread::LocalKey<"));
            };
            if self.values.stored.is_none() {
                source.push(&format!("\n#[unsafe(export_name = \"{symbol}\")] pub "));
                key(source, &format!("__ferrolab_key_{}", part.name));
                between(part.type_range.clone(), source);
                source.push(&format!("> = &{};", part.name));
            } else {
                source.push(&format!("unsafe extern \"Rust\" {{ #[link_name = \"{symbol}\"] pub safe "));
                key(source, &part.name);
                between(part.type_range.clone(), source);
                source.push(">; }\n");
            }
        }
    }
}

impl Items {
    /// Where the statics of a new item will be: under symbols that no definition before it has had.
    pub(super) fn new_values(&mut self, part: &ItemPart, code: &str) -> Values {
        if part.statics.is_empty() {
            return Values::default();
        }
        let name = Identity::default().part(code).finish();
        let count = Arc::make_mut(&mut self.symbols).entry(name[..16].to_owned()).or_default();
        *count += 1;
        Values { symbol: format!("__ferrolab_static_{}_{count}", &name[..16]), stored: None }
    }

    /// Statics whose definition mentions something that has changed are made anew, and those whose objects are not
    /// there any more.
    pub(super) fn renew_statics(&mut self, changed: &BTreeSet<String>) {
        for at in 0..self.live.len() {
            let item = &self.live[at];
            let Some(stored) = &item.values.stored else { continue };
            let mut texts = item.part.statics.iter().map(|part| item.text_of(&part.range));
            let gone = || !stored.iter().all(|(_, made)| made.is_there());
            if !texts.any(|text| words(text).any(|word| changed.contains(word))) && !gone() {
                continue;
            }
            let (part, code) = (item.part.clone(), item.code().to_owned());
            let values = self.new_values(&part, &code);
            Arc::make_mut(&mut self.live[at]).values = values;
        }
    }

    /// A family was compiled: its statics are there.
    pub(super) fn store_statics(&mut self, family: &Name) {
        let new = |item: &Arc<CurrentItem>| {
            item.home == *family && !item.part.statics.is_empty() && item.values.stored.is_none()
        };
        if !self.live.iter().any(new) {
            return;
        }
        let stored: Vec<(Name, ItemsCrate)> = self
            .linked(&BTreeSet::from([family.clone()]))
            .into_iter()
            .map(|(name, made)| {
                let stored = name.starts_with(STORED);
                (if stored { name } else { format!("{STORED}_{}", made.hash).into() }, made)
            })
            .collect();
        let stored = Arc::new(stored);
        for item in self.live.iter_mut().filter(|item| new(item)) {
            Arc::make_mut(item).values.stored = Some(stored.clone());
        }
    }

    /// Adds the objects with values that the code of families refers to. They come last: a function of theirs that
    /// was compiled anew since has the same symbol, and the first one is found.
    pub(super) fn add_stored(&self, families: &[Name], found: &mut Vec<(Name, ItemsCrate)>) {
        let own = self.live.iter().filter(|item| families.contains(&item.home));
        for (name, made) in own.filter_map(|item| item.values.stored.as_deref()).flatten() {
            if !found.iter().any(|(_, known)| known.hash == made.hash) {
                found.push((name.clone(), made.clone()));
            }
        }
    }

    /// Statics whose values are lost with this crate, those aside that the cell itself defines.
    pub(super) fn made_anew(&mut self, family: &str, hash: &str, added: &Added) -> Vec<String> {
        let mut anew = Vec::new();
        for item in self.live.iter().filter(|item| *item.home == *family) {
            let home = item.values.stored.as_ref().and_then(|stored| stored.last());
            let hash = home.map_or(hash, |(_, made)| &made.hash);
            for name in static_names(item) {
                let before = self.statics.insert(name.clone(), (hash.to_owned(), false));
                let Some((before, used)) = before else { continue };
                if before == hash {
                    self.statics.insert(name, (before, used));
                } else if used && !added.new.contains(&item.id) {
                    anew.push(name);
                }
            }
        }
        anew
    }

    /// Statements run that are linked to these families.
    pub(super) fn run_with(&mut self, families: &HashSet<Name>) {
        for item in self.live.iter().filter(|item| families.contains(&item.home)) {
            for name in static_names(item) {
                self.statics.entry(name).and_modify(|(_, used)| *used = true);
            }
        }
    }
}

/// The statics of an item as a note calls them; those in a function with its name.
pub(super) fn static_names(item: &CurrentItem) -> Vec<String> {
    if item.part.nature == Nature::Static {
        return item.part.names().map(str::to_owned).collect();
    }
    let label = item.label();
    item.part.statics.iter().map(|part| format!("{}` in `{label}", part.name)).collect()
}

/// How often each text has defined a static.
pub(super) type Symbols = Arc<HashMap<String, u32>>;
