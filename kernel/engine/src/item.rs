//! One item of a cell: what it defines, and the edits that let other crates see it. Later cells
//! are crates of their own, so what a user wrote without `pub` must be visible to them; inside
//! a `mod` the user's own privacy stays.

use std::collections::HashSet;
use std::ops::Range;

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Fields, ImplItem, Item, StmtMacro, Type, Visibility};

use super::by_example::{self, Parted};
use super::expand::Call;
use super::hot;
use super::mentions::{Mentions, inside, may_add_names, plain};
use super::published;
use super::statics::{self, StaticPart};

/// What an item defines; items that share a key replace each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A name for types, traits and modules.
    Type(String),
    /// A name for functions, constants and statics.
    Value(String),
    /// A macro.
    Macro(String),
    /// An implementation, by its header (`impl Debug for P`).
    Impl(String),
    /// Anything else, by its text.
    Text(String),
}

/// One item and where its parts stand in the cell's text.
#[derive(Debug, Clone)]
pub struct ItemPart {
    /// The whole item, attributes included.
    pub range: Range<usize>,
    /// What it defines.
    pub keys: Vec<Key>,
    /// Replacements (an empty range inserts), in order.
    pub edits: Vec<(Range<usize>, &'static str)>,
    /// Members of an inherent implementation by name, for replacing them one by one.
    pub members: Vec<(String, Range<usize>)>,
    /// True for `impl Type` without a trait.
    pub inherent: bool,
    /// True for a function, which no type is built from.
    pub function: bool,
    /// The names in it.
    pub mentions: Mentions,
    /// Names inside it by which it is used without being named: a trait's members, an enum's variants, what
    /// is in a module.
    pub inside: HashSet<String>,
    /// True for types, traits and modules: later crates and values know it by the name of its crate.
    pub lasting: bool,
    /// What it is in more detail, where that counts.
    pub nature: Nature,
    /// It may define names that cannot be seen in its text.
    pub opaque: bool,
    /// It is a macro that makes items.
    pub makes_items: bool,
    /// The statics in it.
    pub statics: Vec<StaticPart>,
    /// It is a macro that makes items among statements.
    pub parted: Option<Parted>,
}

/// Kinds of items that are treated in their own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nature {
    /// Nothing special.
    Plain,
    /// A trait.
    Trait,
    /// A value with an address: a `static`, or what a macro makes of one.
    Static,
    /// Another name for the type that starts with this one.
    Alias(Option<String>),
    /// An implementation; types and traits in whose crate it may stand, the best first.
    Impl(Vec<String>),
}

impl ItemPart {
    fn new(range: Range<usize>, keys: Vec<Key>) -> Self {
        Self {
            range,
            keys,
            edits: Vec::new(),
            members: Vec::new(),
            inherent: false,
            function: false,
            mentions: Mentions::default(),
            inside: HashSet::new(),
            lasting: false,
            nature: Nature::Plain,
            opaque: false,
            makes_items: false,
            statics: Vec::new(),
            parted: None,
        }
    }

    /// The names it defines.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| match key {
            Key::Type(name) | Key::Value(name) | Key::Macro(name) => Some(plain(name)),
            Key::Impl(_) | Key::Text(_) => None,
        })
    }

    /// Is it a macro by example?
    pub fn is_macro(&self) -> bool {
        matches!(self.keys.first(), Some(Key::Macro(_)))
    }

    fn publish(&mut self, visibility: &Visibility, first: impl Spanned) {
        match visibility {
            Visibility::Public(_) => {}
            Visibility::Restricted(r) => self.edits.push((r.span().byte_range(), "pub")),
            Visibility::Inherited => {
                let at = first.span().byte_range().start;
                self.edits.push((at..at, "pub "));
            }
        }
    }

    fn publish_fields(&mut self, fields: &Fields) {
        for field in fields {
            match &field.ident {
                Some(name) => self.publish(&field.vis, name),
                None => self.publish(&field.vis, &field.ty),
            }
        }
    }
}

/// Macros whose expansion at the top of a cell is items.
const ITEM_MACROS: [&str; 4] = ["thread_local", "lazy_static", "bitflags", "cfg_if"];

/// A macro statement that is known to stand for items, or none.
pub fn of_macro(statement: &StmtMacro, text: &str) -> Option<ItemPart> {
    let name = statement.mac.path.segments.last()?.ident.to_string();
    if !ITEM_MACROS.contains(&name.as_str()) {
        return None;
    }
    let range = statement.span().byte_range();
    let tokens = statement.mac.tokens.clone();
    let statics = match name.as_str() {
        "thread_local" => statics::of_thread_local(tokens.clone()),
        "lazy_static" => statics::of_lazy_static(&statement.mac.path, tokens.clone()),
        _ => Vec::new(),
    };
    let found = if name == "cfg_if" { published::in_branches(tokens) } else { published::in_call(tokens) };
    let keys: Vec<Key> = found.names.into_iter().map(Key::Value).collect();
    let keys = if keys.is_empty() { vec![Key::Text(text[range.clone()].to_owned())] } else { keys };
    let mut part = ItemPart::new(range, keys);
    part.edits = found.edits;
    part.statics = statics;
    part.mentions = Mentions::of_tokens(statement.to_token_stream());
    part.lasting = name == "bitflags" || name == "cfg_if";
    part.opaque = name == "cfg_if";
    part.nature = if part.lasting { Nature::Plain } else { Nature::Static };
    Some(part)
}

/// A macro's call that turned out to define `made`.
pub fn of_call(call: &Call, text: &str, made: &[Item]) -> ItemPart {
    let mut part = ItemPart::new(call.range.clone(), Vec::new());
    for item in made {
        let defined = defined(item, "");
        part.keys.extend(defined.keys.into_iter().filter(|key| !matches!(key, Key::Text(_) | Key::Impl(_))));
        part.lasting |= lasts(item);
        part.inside.extend(inside(item));
    }
    let any = |is: fn(&Item) -> bool| made.iter().any(is);
    if any(|item| matches!(item, Item::Trait(_))) {
        part.nature = Nature::Trait;
    } else if any(|item| matches!(item, Item::Static(_))) {
        part.nature = Nature::Static;
    } else if part.keys.is_empty()
        && let Some(Item::Impl(i)) = made.iter().find(|item| matches!(item, Item::Impl(_)))
    {
        part.nature = Nature::Impl(places(i));
    }
    if part.keys.is_empty() {
        part.keys.push(Key::Text(text[call.range.clone()].to_owned()));
    }
    part.edits.clone_from(&call.edits);
    part.mentions.clone_from(&call.mentions);
    part
}

/// Can other crates see it? What is no item with a name, can.
pub fn is_public(item: &Item) -> bool {
    let visibility = match item {
        Item::Const(i) if i.ident != "_" => &i.vis,
        Item::Enum(i) => &i.vis,
        Item::Fn(i) => &i.vis,
        Item::Mod(i) => &i.vis,
        Item::Static(i) => &i.vis,
        Item::Struct(i) => &i.vis,
        Item::Trait(i) => &i.vis,
        Item::Type(i) => &i.vis,
        Item::Union(i) => &i.vis,
        _ => return true,
    };
    matches!(visibility, Visibility::Public(_))
}

/// Types, traits and modules: later crates and values know them by the name of their crate.
fn lasts(item: &Item) -> bool {
    matches!(
        item,
        Item::Struct(_) | Item::Enum(_) | Item::Union(_) | Item::Trait(_) | Item::TraitAlias(_) | Item::Mod(_)
    )
}

/// The parts of an item.
pub fn part(item: &Item, text: &str) -> ItemPart {
    let mut part = defined(item, text);
    part.mentions = Mentions::of(item);
    // An attribute stands before `pub`, which may go to the same place.
    part.edits.splice(0..0, hot::edits(item));
    // What other crates may not do with such a type, the user may: to him all cells are one.
    syn::visit::visit_item(&mut Exhaustive(&mut part.edits), item);
    part.lasting = lasts(item);
    part.inside = inside(item);
    part.statics = statics::of_item(item);
    part.opaque = is_opaque(item);
    match item {
        Item::Trait(_) | Item::TraitAlias(_) => part.nature = Nature::Trait,
        Item::Static(_) => part.nature = Nature::Static,
        Item::Type(t) => part.nature = Nature::Alias(heads(&t.ty).into_iter().next()),
        Item::Impl(i) => part.nature = Nature::Impl(places(i)),
        _ => {}
    }
    part
}

fn is_opaque(item: &Item) -> bool {
    match item {
        Item::Struct(s) => may_add_names(&s.attrs),
        Item::Enum(e) => may_add_names(&e.attrs),
        Item::Union(u) => may_add_names(&u.attrs),
        Item::Fn(f) => may_add_names(&f.attrs),
        Item::Trait(t) => may_add_names(&t.attrs),
        Item::Mod(m) => may_add_names(&m.attrs),
        Item::Impl(i) => may_add_names(&i.attrs),
        Item::Macro(m) => m.ident.is_none(),
        _ => false,
    }
}

/// Types and traits in whose crate an implementation may stand: the type it is for, types the trait is
/// given, the trait.
fn places(i: &syn::ItemImpl) -> Vec<String> {
    let mut found = heads(&i.self_ty);
    if let Some((_, path, _)) = &i.trait_ {
        for segment in &path.segments {
            let syn::PathArguments::AngleBracketed(given) = &segment.arguments else { continue };
            for argument in &given.args {
                if let syn::GenericArgument::Type(given) = argument {
                    found.extend(heads(given));
                }
            }
        }
        found.extend(first_name(path));
    }
    let parameter = |name: &String| i.generics.type_params().any(|p| p.ident == name);
    found.retain(|name| !parameter(name));
    found
}

/// The name a type begins with, references and boxes aside.
fn heads(of: &Type) -> Vec<String> {
    match of {
        Type::Reference(r) => heads(&r.elem),
        Type::Paren(p) => heads(&p.elem),
        Type::Group(g) => heads(&g.elem),
        Type::TraitObject(t) => {
            let traits = t.bounds.iter().filter_map(|bound| match bound {
                syn::TypeParamBound::Trait(t) => first_name(&t.path),
                _ => None,
            });
            traits.take(1).collect()
        }
        Type::Path(p) => {
            let last = p.path.segments.last();
            if let Some(segment) = last.filter(|s| s.ident == "Box" || s.ident == "Pin")
                && let syn::PathArguments::AngleBracketed(given) = &segment.arguments
                && let Some(syn::GenericArgument::Type(inner)) = given.args.first()
            {
                return heads(inner);
            }
            first_name(&p.path).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The first name of a path that is not about where it begins.
pub(super) fn first_name(path: &syn::Path) -> Option<String> {
    let names = path.segments.iter().map(|segment| plain(&segment.ident.to_string()).to_owned());
    let mut names = names.filter(|name| !["crate", "self", "super"].contains(&name.as_str()));
    names.next()
}

fn defined(item: &Item, text: &str) -> ItemPart {
    let range = item.span().byte_range();
    let other = || vec![Key::Text(text.get(range.clone()).unwrap_or_default().to_owned())];
    let named = |keys| ItemPart::new(range.clone(), keys);
    match item {
        Item::Fn(f) => {
            let mut p = named(vec![Key::Value(f.sig.ident.to_string())]);
            p.publish(&f.vis, &f.sig);
            p.function = true;
            p
        }
        Item::Struct(s) => {
            let mut keys = vec![Key::Type(s.ident.to_string())];
            if !matches!(s.fields, Fields::Named(_)) {
                keys.push(Key::Value(s.ident.to_string()));
            }
            let mut p = named(keys);
            p.publish(&s.vis, s.struct_token);
            p.publish_fields(&s.fields);
            p
        }
        Item::Enum(e) => simple(named(vec![Key::Type(e.ident.to_string())]), &e.vis, e.enum_token),
        Item::Union(u) => {
            let mut p = simple(named(vec![Key::Type(u.ident.to_string())]), &u.vis, u.union_token);
            u.fields.named.iter().for_each(|f| p.publish(&f.vis, &f.ident));
            p
        }
        Item::Trait(t) => {
            let p = named(vec![Key::Type(t.ident.to_string())]);
            match (&t.unsafety, &t.auto_token) {
                (Some(first), _) => simple(p, &t.vis, first),
                (None, Some(first)) => simple(p, &t.vis, first),
                (None, None) => simple(p, &t.vis, t.trait_token),
            }
        }
        Item::TraitAlias(t) => simple(named(vec![Key::Type(t.ident.to_string())]), &t.vis, t.trait_token),
        Item::Type(t) => simple(named(vec![Key::Type(t.ident.to_string())]), &t.vis, t.type_token),
        Item::Const(c) if c.ident == "_" => named(other()),
        Item::Const(c) => simple(named(vec![Key::Value(c.ident.to_string())]), &c.vis, c.const_token),
        Item::Static(s) => simple(named(vec![Key::Value(s.ident.to_string())]), &s.vis, s.static_token),
        Item::Mod(m) => {
            let mut p = named(vec![Key::Type(m.ident.to_string())]);
            match &m.unsafety {
                Some(first) => p.publish(&m.vis, first),
                None => p.publish(&m.vis, m.mod_token),
            }
            let mut inner = Restricted(&mut p.edits);
            m.content.iter().flat_map(|(_, items)| items).for_each(|i| syn::visit::visit_item(&mut inner, i));
            p
        }
        Item::Macro(m) => {
            let keys = m.ident.as_ref().map_or_else(other, |name| vec![Key::Macro(name.to_string())]);
            let mut p = named(keys);
            let exported = m.attrs.iter().any(|a| a.path().is_ident("macro_export"));
            if m.ident.is_some() && !exported {
                let at = m.mac.path.span().byte_range().start;
                p.edits.push((at..at, "#[macro_export] "));
            }
            // What it makes is for later cells, too.
            let found = published::in_rules(m.mac.tokens.clone());
            // One that another macro has made has no text in the cell.
            let text = text.get(range).unwrap_or_default();
            p.makes_items = found.items || ITEM_MACROS.iter().any(|name| text.contains(name));
            if let Some(name) = &m.ident {
                let (word, end) = (name.to_string(), name.span().byte_range().end);
                p.parted = Parted::of(text, (&word, end), &found.parts).filter(|_| !text.is_empty());
                let parts = [by_example::ITEMS, by_example::REST].map(|part| Key::Macro(format!("{word}{part}")));
                p.keys.extend(p.parted.iter().flat_map(|_| parts.clone()));
            }
            p.edits.extend(found.edits);
            p
        }
        Item::ForeignMod(f) => {
            let declared = f.items.iter().filter_map(|item| match item {
                syn::ForeignItem::Fn(f) => Some(Key::Value(f.sig.ident.to_string())),
                syn::ForeignItem::Static(s) => Some(Key::Value(s.ident.to_string())),
                syn::ForeignItem::Type(t) => Some(Key::Type(t.ident.to_string())),
                _ => None,
            });
            let keys: Vec<Key> = declared.collect();
            let mut p = named(if keys.is_empty() { other() } else { keys });
            for item in &f.items {
                match item {
                    syn::ForeignItem::Fn(f) => p.publish(&f.vis, &f.sig),
                    syn::ForeignItem::Static(s) => p.publish(&s.vis, s.static_token),
                    syn::ForeignItem::Type(t) => p.publish(&t.vis, t.type_token),
                    _ => {}
                }
            }
            p
        }
        Item::Impl(i) => implementation(i, range),
        _ => named(other()),
    }
}

fn simple(mut part: ItemPart, visibility: &Visibility, first: impl Spanned) -> ItemPart {
    part.publish(visibility, first);
    part
}

fn implementation(i: &syn::ItemImpl, range: Range<usize>) -> ItemPart {
    let header = syn::ItemImpl { attrs: Vec::new(), items: Vec::new(), ..i.clone() };
    let mut part = ItemPart::new(range, vec![Key::Impl(header.to_token_stream().to_string())]);
    part.inherent = i.trait_.is_none();
    if !part.inherent {
        return part;
    }
    for item in &i.items {
        let (name, visibility, first) = match item {
            ImplItem::Fn(f) => (&f.sig.ident, &f.vis, f.sig.span()),
            ImplItem::Const(c) => (&c.ident, &c.vis, c.const_token.span()),
            ImplItem::Type(t) => (&t.ident, &t.vis, t.type_token.span()),
            _ => continue,
        };
        part.members.push((name.to_string(), item.span().byte_range()));
        // `default fn` and friends start before the signature; nobody writes them in inherent impls.
        part.publish(visibility, first);
    }
    part
}

/// Inside a module, `pub(crate)` means "my notebook": it becomes `pub`.
struct Restricted<'a>(&'a mut Vec<(Range<usize>, &'static str)>);

impl<'a> syn::visit::Visit<'a> for Restricted<'_> {
    fn visit_visibility(&mut self, visibility: &'a Visibility) {
        if let Visibility::Restricted(r) = visibility
            && !r.path.is_ident("self")
        {
            self.0.push((r.span().byte_range(), "pub"));
        }
    }
}

/// Takes away `#[non_exhaustive]`.
struct Exhaustive<'a>(&'a mut Vec<(Range<usize>, &'static str)>);

impl<'a> syn::visit::Visit<'a> for Exhaustive<'_> {
    fn visit_attribute(&mut self, attribute: &'a syn::Attribute) {
        if attribute.path().is_ident("non_exhaustive") {
            self.0.push((attribute.span().byte_range(), ""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(code: &str) -> String {
        let item: Item = syn::parse_str(code).expect("an item");
        let mut edits = part(&item, code).edits;
        edits.sort_by_key(|(r, _)| r.start);
        let mut out = code.to_owned();
        for (range, with) in edits.into_iter().rev() {
            out.replace_range(range, with);
        }
        out
    }

    #[test]
    fn private_things_become_visible() {
        assert_eq!(published("struct P { x: i32, pub(crate) y: i32 }"), "pub struct P { pub x: i32, pub y: i32 }");
        assert_eq!(published("struct T(i32, pub f64);"), "pub struct T(pub i32, pub f64);");
        assert_eq!(published("/// doc\nconst fn f() {}"), "#[inline] /// doc\npub const fn f() {}");
        assert_eq!(
            published("impl P { async fn a(&self) {} const N: i32 = 1; }"),
            "impl P { pub async fn a(&self) {} pub const N: i32 = 1; }"
        );
        assert_eq!(
            published("impl Clone for P { fn clone(&self) -> P { P } }"),
            "impl Clone for P { #[inline] fn clone(&self) -> P { P } }"
        );
        assert_eq!(published("macro_rules! m { () => {} }"), "#[macro_export] macro_rules! m { () => {} }");
        assert_eq!(
            published("mod m { pub(crate) fn f() {} fn g() {} }"),
            "pub mod m { #[inline] pub fn f() {} #[inline] fn g() {} }"
        );
    }

    #[test]
    fn a_header_names_an_implementation() {
        let code = "impl<T> Show for P<T> { fn a() {} }";
        let item: Item = syn::parse_str(code).expect("an item");
        assert_eq!(part(&item, code).keys, [Key::Impl("impl < T > Show for P < T > { }".into())]);
    }
}
