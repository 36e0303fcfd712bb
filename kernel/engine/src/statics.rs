//! Statics keep their values when the code around them is compiled anew: a static is defined under a symbol of
//! its own, and whatever is compiled later declares it and is linked to the object that has it. It is made anew
//! when its own definition changes, or something that it mentions.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use proc_macro2::TokenStream;
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
    kind: StaticKind,
}

/// How a static is written, which says how its value is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaticKind {
    /// An item whose symbol is ours to choose.
    Plain {
        /// `static mut`.
        mutable: bool,
    },
    /// An item whose symbol the user chose: it gets a second one.
    Named {
        /// The user's.
        symbol: String,
        /// `static mut`.
        mutable: bool,
    },
    /// In a `thread_local!`.
    ThreadLocal,
    /// In a `lazy_static!` of this crate.
    Lazy {
        /// The crate, as the call names it.
        home: String,
    },
}

impl StaticKind {
    /// Is it made by a macro, which is left as it is?
    fn is_made(&self) -> bool {
        matches!(self, Self::ThreadLocal | Self::Lazy { .. })
    }

    fn keyword(&self) -> &'static str {
        match self {
            Self::Plain { mutable: true } | Self::Named { mutable: true, .. } => "static mut",
            _ => "safe static",
        }
    }
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

/// The statics that an item defines, those inside its functions included.
pub fn of_item(item: &Item) -> Vec<StaticPart> {
    let mut found = Finder(Vec::new());
    match item {
        Item::Static(one) => found.0.extend(part_of(one, named_symbol(one))),
        // A module's own are reached by paths that begin in it.
        Item::Fn(_) | Item::Impl(_) => found.visit_item(item),
        _ => {}
    }
    found.0
}

/// Those of a `thread_local!`; none when one of them is written in a way that is not known.
pub fn of_thread_local(tokens: TokenStream) -> Vec<StaticPart> {
    made_by(tokens, &StaticKind::ThreadLocal)
}

/// Those of a `lazy_static!` that is called by `path`; none as above.
pub fn of_lazy_static(path: &syn::Path, tokens: TokenStream) -> Vec<StaticPart> {
    let before = path.segments.len().saturating_sub(1);
    let home: Vec<String> = path.segments.iter().take(before).map(|segment| segment.ident.to_string()).collect();
    let home = if home.is_empty() { "lazy_static".to_owned() } else { home.join("::") };
    made_by(tokens, &StaticKind::Lazy { home })
}

/// `lazy_static!` of a crate that is known by another name, or by none, is left to its own.
pub fn leave_strangers(items: &mut [ItemPart], is_crate: impl Fn(&str) -> bool) {
    let strange = |part: &StaticPart| matches!(&part.kind, StaticKind::Lazy { home } if !is_crate(home));
    items.iter_mut().filter(|item| item.statics.iter().any(strange)).for_each(|item| item.statics.clear());
}

fn made_by(tokens: TokenStream, kind: &StaticKind) -> Vec<StaticPart> {
    let one = |input: syn::parse::ParseStream<'_>| {
        let mut found = Vec::new();
        while !input.is_empty() {
            let attributes = Attribute::parse_outer(input)?;
            let visibility: syn::Visibility = input.parse()?;
            let start = attributes.first().map_or_else(|| visibility.span(), Spanned::span).byte_range().start;
            let keyword: syn::Token![static] = input.parse()?;
            let inherited = matches!(visibility, syn::Visibility::Inherited) && attributes.is_empty();
            let start = if inherited { keyword.span.byte_range().start } else { start };
            if matches!(kind, StaticKind::Lazy { .. }) {
                input.parse::<syn::Token![ref]>()?;
            }
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
                kind: kind.clone(),
            });
        }
        Ok(found)
    };
    one.parse2(tokens).unwrap_or_default()
}

/// Attributes that say nothing of a static's symbol.
const PLAIN: [&str; 7] = ["doc", "allow", "expect", "warn", "deny", "link_section", "used"];

/// The static of an item; none where attributes may make something else of it.
fn part_of(item: &syn::ItemStatic, named: Option<String>) -> Option<StaticPart> {
    let known = |a: &Attribute| {
        let path = inside_unsafe(a);
        PLAIN.iter().any(|word| path.is_ident(word))
            || named.is_some() && (path.is_ident("no_mangle") || path.is_ident("export_name"))
    };
    if !item.attrs.iter().all(known) {
        return None;
    }
    let mutable = matches!(item.mutability, StaticMutability::Mut(_));
    Some(StaticPart {
        name: item.ident.to_string(),
        range: item.span().byte_range(),
        type_range: item.ty.span().byte_range(),
        kind: match named {
            Some(symbol) => StaticKind::Named { symbol, mutable },
            None => StaticKind::Plain { mutable },
        },
    })
}

/// The path of an attribute, that of `#[unsafe(…)]` aside.
fn inside_unsafe(attribute: &Attribute) -> syn::Path {
    if attribute.path().is_ident("unsafe")
        && let Ok(inner) = attribute.parse_args::<syn::Meta>()
    {
        return inner.path().clone();
    }
    attribute.path().clone()
}

/// The symbol that the user chose for a static; none for one that an assembler would have to quote.
fn named_symbol(item: &syn::ItemStatic) -> Option<String> {
    let chosen = item.attrs.iter().find_map(|attribute| {
        let inner =
            if attribute.path().is_ident("unsafe") { attribute.parse_args().ok()? } else { attribute.meta.clone() };
        match inner {
            syn::Meta::Path(path) if path.is_ident("no_mangle") => Some(item.ident.to_string()),
            syn::Meta::NameValue(named) if named.path.is_ident("export_name") => match named.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        }
    });
    let is_plain = |symbol: &String| symbol.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    chosen.filter(is_plain)
}

struct Finder(Vec<StaticPart>);

impl<'a> Visit<'a> for Finder {
    fn visit_item_static(&mut self, item: &'a syn::ItemStatic) {
        visit::visit_item_static(self, item);
        self.0.extend(part_of(item, None));
    }
}

impl CurrentItem {
    /// Edits of its text by which its statics are defined under their symbols, or declared where they are
    /// stored. What is replaced as a whole takes a closure that writes it.
    pub(super) fn push_statics(&self, source: &mut Source, mut between: impl FnMut(Range<usize>, &mut Source)) {
        let mut at = self.part.range.start;
        if self.part.statics.iter().any(|part| part.kind.is_made()) {
            return self.push_made(source, between);
        }
        let there = |part: &StaticPart| !self.removed.iter().any(|gone| gone.contains(&part.range.start));
        for (index, part) in self.part.statics.iter().enumerate().filter(|(_, part)| there(part)) {
            between(at..part.range.start, source);
            let symbol = self.symbol(index);
            match (&self.values.stored, &part.kind) {
                (None, StaticKind::Named { symbol: named, .. }) => {
                    between(part.range.clone(), source);
                    source.push(&format!("\n::core::arch::global_asm!(\".globl {symbol}\\n.set {symbol}, {named}\");"));
                }
                (None, _) => {
                    source.push(&format!("#[unsafe(export_name = \"{symbol}\")] "));
                    between(part.range.clone(), source);
                }
                (Some(_), kind) => {
                    source.push(&declared(&symbol, &format!("pub {} {}: ", kind.keyword(), part.name)));
                    between(part.type_range.clone(), source);
                    source.push("; }");
                }
            }
            at = part.range.end;
        }
        between(at..self.part.range.end, source);
    }

    fn symbol(&self, index: usize) -> String {
        format!("{}_{index}", self.values.symbol)
    }

    /// What a macro makes is left to it; its values are found through a reference or a function, which has the symbol.
    fn push_made(&self, source: &mut Source, mut between: impl FnMut(Range<usize>, &mut Source)) {
        if self.values.stored.is_none() {
            between(self.part.range.clone(), source);
        }
        for (index, part) in self.part.statics.iter().enumerate() {
            let (symbol, name) = (self.symbol(index), &part.name);
            let mut of_type = |before: &str, after: &str| {
                source.push(before);
                between(part.type_range.clone(), source);
                source.push(after);
            };
            let exported = format!("\n#[unsafe(export_name = \"{symbol}\")] pub static __ferrolab_key_{name}: ");
            match (self.values.stored.is_some(), &part.kind) {
                (false, StaticKind::Lazy { .. }) => {
                    of_type(
                        &format!("{exported}fn() -> &'static "),
                        &format!(" = || ::core::ops::Deref::deref(&{name});"),
                    );
                }
                (false, _) => {
                    of_type(&format!("{exported}&'static ::std::thread::LocalKey<"), &format!("> = &{name};"))
                }
                (true, StaticKind::Lazy { home }) => {
                    of_type(
                        &format!(
                            "#[allow(non_camel_case_types)] pub struct {name} {{ __private_field: () }} \
                             pub static {name}: {name} = {name} {{ __private_field: () }}; \
                             impl ::{home}::LazyStatic for {name} {{ fn initialize(lazy: &Self) {{ let _ = &**lazy; }} }} \
                             impl ::core::ops::Deref for {name} {{ type Target = "
                        ),
                        "; ",
                    );
                    let key = declared(&symbol, "safe static __ferrolab_key: fn() -> &'static ");
                    of_type(&format!("fn deref(&self) -> &Self::Target {{ {key}"), "; } __ferrolab_key() } }\n");
                }
                (true, _) => {
                    let head = format!("pub safe static {name}: &'static ::std::thread::LocalKey<");
                    of_type(&declared(&symbol, &head), ">; }\n");
                }
            }
        }
    }
}

/// The beginning of a declaration of what another object has.
fn declared(symbol: &str, head: &str) -> String {
    format!("unsafe extern \"Rust\" {{ #[link_name = \"{symbol}\"] {head}")
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
