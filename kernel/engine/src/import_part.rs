//! One import of a cell, read: the names that it brings into scope and what they stand for.

use std::ops::Range;

use syn::spanned::Spanned;

use super::mentions::plain;

/// One `use` declaration, or an `extern crate`, which names a crate for everything as well.
#[derive(Debug, Clone)]
pub struct ImportPart {
    /// Its place.
    pub range: Range<usize>,
    /// What it brings into scope.
    pub leaves: Vec<Leaf>,
    /// The names its paths begin with, `crate` and `self` aside; true for one that is a whole path.
    pub roots: Vec<(String, bool)>,
    /// `use`, and not `extern crate`.
    pub is_use: bool,
}

/// One name, or all names below a path, that a `use` brings into scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The name; `*` for all below the path, `_` for a trait's methods alone.
    pub name: String,
    /// What it stands for, from the root that is written.
    pub path: String,
    /// Where its last word stands.
    pub range: Range<usize>,
}

impl ImportPart {
    /// A `use` declaration.
    pub fn of_use(u: &syn::ItemUse) -> Self {
        let (mut leaves, mut roots) = (Vec::new(), Vec::new());
        // `use ::name` is a crate's name, whatever items are called.
        let start = if u.leading_colon.is_some() { "::" } else { "" };
        imported(&u.tree, start, &mut leaves);
        if u.leading_colon.is_none() {
            begun(&u.tree, &mut roots);
        }
        Self { range: u.span().byte_range(), leaves, roots, is_use: true }
    }

    /// An `extern crate`.
    pub fn of_crate(c: &syn::ItemExternCrate) -> Self {
        let name = c.rename.as_ref().map_or(&c.ident, |(_, name)| name).to_string();
        let leaf = Leaf { name, path: format!("::{}", c.ident), range: c.ident.span().byte_range() };
        Self { range: c.span().byte_range(), leaves: vec![leaf], roots: Vec::new(), is_use: false }
    }

    /// The names it brings into scope, those of a glob aside.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.leaves.iter().map(|leaf| plain(&leaf.name)).filter(|name| *name != "*" && *name != "_")
    }

    /// Does it bring in names that are not written there?
    pub fn is_glob(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.name == "*")
    }
}

/// What a `use` brings; `before` is the path so far.
fn imported(tree: &syn::UseTree, before: &str, found: &mut Vec<Leaf>) {
    let path = |name: &syn::Ident| match before {
        "" | "::" => format!("{before}{name}"),
        _ if name == "self" => before.to_owned(),
        _ => format!("{before}::{name}"),
    };
    let mut leaf = |name: String, path: String, at: proc_macro2::Span| {
        found.push(Leaf { name, path, range: at.byte_range() });
    };
    match tree {
        syn::UseTree::Path(p) => imported(&p.tree, &path(&p.ident), found),
        syn::UseTree::Name(n) => {
            let path = path(&n.ident);
            // `use std::fmt::{self}` brings `fmt`.
            let name = if n.ident == "self" { path.rsplit("::").next().unwrap_or(&path) } else { "" };
            let name = if name.is_empty() { n.ident.to_string() } else { name.to_owned() };
            leaf(name, path, n.ident.span());
        }
        syn::UseTree::Rename(r) => leaf(r.rename.to_string(), path(&r.ident), r.ident.span()),
        syn::UseTree::Group(g) => g.items.iter().for_each(|t| imported(t, before, found)),
        syn::UseTree::Glob(g) => leaf("*".to_owned(), before.to_owned(), g.star_token.span()),
    }
}

/// The names that the paths of a `use` begin with; true where one is the whole path.
fn begun(tree: &syn::UseTree, roots: &mut Vec<(String, bool)>) {
    match tree {
        syn::UseTree::Path(p) if ["crate", "self", "super"].iter().any(|word| p.ident == word) => begun(&p.tree, roots),
        syn::UseTree::Path(p) => roots.push((p.ident.to_string(), false)),
        syn::UseTree::Name(n) => roots.push((n.ident.to_string(), true)),
        syn::UseTree::Rename(r) => roots.push((r.ident.to_string(), true)),
        syn::UseTree::Group(g) => g.items.iter().for_each(|t| begun(t, roots)),
        syn::UseTree::Glob(_) => {}
    }
}
