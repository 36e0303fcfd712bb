//! From items as syn reads them to items as completion and inspection show them. It keeps texts
//! as the user wrote them, and resolves nothing.

use std::ops::Range;

use syn::spanned::Spanned;

use super::{Item, ItemKind, Method, Names, Variable};

impl Names {
    /// Take an item of a cell in. `text` is what syn parsed it from, all of it. An item of the
    /// same name and sort is replaced; an impl block adds its methods to its type.
    pub fn add(&mut self, text: &str, item: &syn::Item) {
        if let syn::Item::Impl(block) = item {
            let target = implemented(block, text);
            let methods = block.items.iter().filter_map(|i| match i {
                syn::ImplItem::Fn(f) => Some(method(text, &f.attrs, &f.sig)),
                syn::ImplItem::Const(c) => Some(Method {
                    name: c.ident.to_string(),
                    signature: slice(text, c.const_token.span.byte_range().start..c.ty.span().byte_range().end),
                    docs: docs(&c.attrs),
                }),
                _ => None,
            });
            let methods: Vec<Method> = methods.collect();
            if let Some(known) = self.items.iter_mut().rev().find(|i| i.name == target && is_type(i.kind)) {
                known.methods.retain(|m| !methods.iter().any(|new| new.name == m.name));
                known.methods.extend(methods);
            } else if !target.is_empty() {
                self.items.push(Item { name: target, kind: ItemKind::Struct, methods, ..Item::default() });
            }
            return;
        }
        for mut new in describe(text, item) {
            let old = self.items.iter().position(|i| i.name == new.name && space(i.kind) == space(new.kind));
            match old {
                Some(index) => {
                    // A redefined type keeps the methods of impl blocks in other cells.
                    if is_type(new.kind) && new.methods.is_empty() {
                        new.methods = std::mem::take(&mut self.items[index].methods);
                    }
                    self.items[index] = new;
                }
                None => self.items.push(new),
            }
        }
    }
}

fn is_type(kind: ItemKind) -> bool {
    matches!(kind, ItemKind::Struct | ItemKind::Enum | ItemKind::Type)
}

/// Names of different spaces live side by side.
fn space(kind: ItemKind) -> u8 {
    match kind {
        ItemKind::Macro => 0,
        ItemKind::Function | ItemKind::Const | ItemKind::Static => 1,
        ItemKind::Import => 2,
        _ => 3,
    }
}

/// What an item declares: one item, or the names of a `use`.
fn describe(text: &str, item: &syn::Item) -> Vec<Item> {
    let whole = slice(text, item.span().byte_range());
    let make = |kind: ItemKind, name: &syn::Ident, attrs: &[syn::Attribute], end: usize| {
        let start = declaration(item, attrs);
        Item {
            name: name.to_string(),
            kind,
            signature: slice(text, start..end).trim_end_matches([';', ' ', '\n']).to_owned(),
            docs: docs(attrs),
            source: whole.clone(),
            ..Item::default()
        }
    };
    let end_of = |generics: &syn::Generics, name: &syn::Ident| {
        let end = generics.gt_token.as_ref().map_or(0, |gt| gt.span.byte_range().end);
        end.max(name.span().byte_range().end)
    };
    match item {
        syn::Item::Fn(f) => vec![make(ItemKind::Function, &f.sig.ident, &f.attrs, f.sig.span().byte_range().end)],
        syn::Item::Struct(s) => {
            let mut found = make(ItemKind::Struct, &s.ident, &s.attrs, end_of(&s.generics, &s.ident));
            found.fields = fields(text, &s.fields);
            if matches!(s.fields, syn::Fields::Unnamed(_)) {
                found.signature.push_str(&slice(text, s.fields.span().byte_range()));
            }
            vec![found]
        }
        syn::Item::Enum(e) => {
            let mut found = make(ItemKind::Enum, &e.ident, &e.attrs, end_of(&e.generics, &e.ident));
            let variant = |v: &syn::Variant| Variable {
                name: v.ident.to_string(),
                type_text: if v.fields.is_empty() { String::new() } else { slice(text, v.fields.span().byte_range()) },
            };
            found.variants = e.variants.iter().map(variant).collect();
            vec![found]
        }
        syn::Item::Trait(t) => {
            let mut found = make(ItemKind::Trait, &t.ident, &t.attrs, end_of(&t.generics, &t.ident));
            found.methods = t
                .items
                .iter()
                .filter_map(|i| match i {
                    syn::TraitItem::Fn(f) => Some(method(text, &f.attrs, &f.sig)),
                    _ => None,
                })
                .collect();
            vec![found]
        }
        syn::Item::Type(t) => vec![make(ItemKind::Type, &t.ident, &t.attrs, t.span().byte_range().end)],
        syn::Item::Union(u) => vec![make(ItemKind::Struct, &u.ident, &u.attrs, end_of(&u.generics, &u.ident))],
        syn::Item::Const(c) => vec![make(ItemKind::Const, &c.ident, &c.attrs, c.span().byte_range().end)],
        syn::Item::Static(s) => vec![make(ItemKind::Static, &s.ident, &s.attrs, s.span().byte_range().end)],
        syn::Item::Mod(m) => {
            let mut found = make(ItemKind::Module, &m.ident, &m.attrs, m.ident.span().byte_range().end);
            let inner = m.content.iter().flat_map(|(_, items)| items).collect::<Vec<_>>();
            let mut names = Names::default();
            for item in inner {
                names.add(text, item);
            }
            found.members = names.items;
            vec![found]
        }
        syn::Item::Macro(m) => match &m.ident {
            Some(name) => vec![make(ItemKind::Macro, name, &m.attrs, name.span().byte_range().end)],
            None => Vec::new(),
        },
        syn::Item::Use(u) => {
            let mut found = Vec::new();
            imported(&u.tree, &mut found);
            let signature = whole.trim_end_matches(';').to_owned();
            let import = |name| Item {
                name,
                kind: ItemKind::Import,
                signature: signature.clone(),
                source: whole.clone(),
                ..Item::default()
            };
            found.into_iter().map(import).collect()
        }
        _ => Vec::new(),
    }
}

/// Where an item starts behind its attributes.
fn declaration(item: &syn::Item, attrs: &[syn::Attribute]) -> usize {
    let outer = |a: &&syn::Attribute| matches!(a.style, syn::AttrStyle::Outer);
    let behind = attrs.iter().filter(outer).map(|a| a.span().byte_range().end).max();
    behind.unwrap_or_else(|| item.span().byte_range().start)
}

fn slice(text: &str, range: Range<usize>) -> String {
    text.get(range).unwrap_or_default().trim().to_owned()
}

fn method(text: &str, attrs: &[syn::Attribute], signature: &syn::Signature) -> Method {
    Method {
        name: signature.ident.to_string(),
        signature: slice(text, signature.span().byte_range()),
        docs: docs(attrs),
    }
}

fn fields(text: &str, fields: &syn::Fields) -> Vec<Variable> {
    let field = |(index, f): (usize, &syn::Field)| Variable {
        name: f.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string),
        type_text: slice(text, f.ty.span().byte_range()),
    };
    fields.iter().enumerate().map(field).collect()
}

/// The name of the type an impl block is for.
fn implemented(block: &syn::ItemImpl, text: &str) -> String {
    let mut ty = &*block.self_ty;
    while let syn::Type::Reference(reference) = ty {
        ty = &reference.elem;
    }
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map_or_else(String::new, |s| s.ident.to_string()),
        other => super::types::Ty::parse(&slice(text, other.span().byte_range())).name,
    }
}

/// The doc comment of some attributes.
fn docs(attrs: &[syn::Attribute]) -> String {
    let mut lines = Vec::new();
    for attr in attrs.iter().filter(|a| a.path().is_ident("doc")) {
        let syn::Meta::NameValue(pair) = &attr.meta else {
            continue;
        };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else {
            continue;
        };
        for line in text.value().lines() {
            lines.push(line.strip_prefix(' ').unwrap_or(line).to_owned());
        }
    }
    lines.join("\n").trim().to_owned()
}

fn imported(tree: &syn::UseTree, found: &mut Vec<String>) {
    match tree {
        syn::UseTree::Path(path) => imported(&path.tree, found),
        syn::UseTree::Name(name) if name.ident != "self" => found.push(name.ident.to_string()),
        syn::UseTree::Rename(rename) if rename.rename != "_" => found.push(rename.rename.to_string()),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| imported(tree, found)),
        _ => {}
    }
}
