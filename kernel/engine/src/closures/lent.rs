//! What only borrows: `let first = &v[0];`, `let words = text.split(' ');`. No value that borrows outlives its cell, but
//! such a `let` does nothing besides, so it can be made again, from its text, in each cell that mentions its name, and
//! borrows what the variable holds then. Read here is which `let`s those may be by their syntax: references, parts, methods
//! that look at something and change nothing, and what is put together of these. Whether the methods are those that their names
//! promise is asked afterwards (`looks.rs`).

use std::collections::BTreeSet;
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, Local, Pat};

use super::super::diagnose::{Diagnostic, Span, advice};
use super::super::generate::{Generated, Omit};
use super::super::mentions::plain;
use super::super::split::{Binding, Split, words};
use super::Way;
use super::text::ClosureText;

/// Methods of std, and of crates of plain data, that only look. Those that change what they look at (`next`, `take`), or hold it
/// (`lock`, `borrow`), are not among them.
pub(super) const LOOKS: [&str; 102] = [
    "add",
    "as_array",
    "as_array_mut",
    "as_bytes",
    "as_bytes_mut",
    "as_c_str",
    "as_deref",
    "as_deref_mut",
    "as_mut",
    "as_mut_ptr",
    "as_mut_slice",
    "as_object",
    "as_object_mut",
    "as_os_str",
    "as_path",
    "as_ptr",
    "as_ptr_range",
    "as_ref",
    "as_slice",
    "as_str",
    "as_view",
    "bytes",
    "cast",
    "cast_const",
    "cast_mut",
    "char_indices",
    "chars",
    "chunks",
    "chunks_exact",
    "chunks_mut",
    "cloned",
    "column",
    "columns",
    "components",
    "copied",
    "deref",
    "downcast_ref",
    "enumerate",
    "expect",
    "extension",
    "file_name",
    "file_stem",
    "first",
    "first_key_value",
    "first_mut",
    "flatten",
    "get",
    "get_key_value",
    "get_mut",
    "iter",
    "iter_mut",
    "keys",
    "last",
    "last_key_value",
    "last_mut",
    "len",
    "lines",
    "match_indices",
    "matches",
    "nrows",
    "offset",
    "outer_iter",
    "parent",
    "pointer",
    "range",
    "rchunks",
    "rev",
    "row",
    "row_mut",
    "rows",
    "rsplit",
    "rsplit_once",
    "rsplitn",
    "skip",
    "slice",
    "slice_mut",
    "split",
    "split_ascii_whitespace",
    "split_at",
    "split_first",
    "split_last",
    "split_once",
    "split_terminator",
    "split_whitespace",
    "splitn",
    "step_by",
    "strip_prefix",
    "strip_suffix",
    "t",
    "to_str",
    "trim",
    "trim_ascii",
    "trim_end",
    "trim_end_matches",
    "trim_matches",
    "trim_start",
    "trim_start_matches",
    "unwrap",
    "values",
    "view",
    "windows",
    "zip",
];

/// Methods that take a closure.
pub(super) const CALLS: [&str; 12] = [
    "and_then",
    "chunk_by",
    "filter",
    "filter_map",
    "flat_map",
    "inspect",
    "map",
    "map_while",
    "skip_while",
    "take_while",
    "chain",
    "or_else",
];

/// A `let` that only borrows, and may be made again for a name that it binds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LentText {
    /// Its value.
    pub value: Range<usize>,
    /// Its pattern, when that is more than the name.
    pub pattern: Option<Range<usize>>,
    /// The type that it says.
    pub typed: Option<Range<usize>>,
    /// Names in its value.
    pub free: BTreeSet<String>,
    /// Those among them whose value counts, and not only what they hold: indices.
    pub fixed: BTreeSet<String>,
    /// Methods that it calls.
    pub members: BTreeSet<String>,
    /// Types whose values it makes.
    pub made: BTreeSet<String>,
    /// Closures that do more than look, so that they must not be called where they stand.
    pub later: Vec<Range<usize>>,
    /// How many closures this is in.
    pub(super) closures: usize,
}

impl LentText {
    /// The `let`, when it is one. What begins with a name alone is no borrow.
    pub fn of(local: &Local) -> Option<Self> {
        let init = local.init.as_ref().filter(|init| init.diverge.is_none() && local.attrs.is_empty())?;
        let (pat, typed) = match &local.pat {
            Pat::Type(typed) => (&*typed.pat, Some(typed.ty.span().byte_range())),
            pat => (pat, None),
        };
        let mut names = Names::default();
        names.visit_pat(pat);
        let is_name = matches!(pat, Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none());
        let mut found = Self {
            value: init.expr.span().byte_range(),
            pattern: (!is_name).then(|| pat.span().byte_range()),
            typed,
            ..Self::default()
        };
        // Two of several that may change something would be in each other's way.
        let changes = |text: &str| text.ends_with("mut") || text.ends_with("mut_slice");
        let looks = !names.0.is_empty() && found.looks(&init.expr, false) && !found.free.is_empty();
        let alone = names.0.len() == 1 || !found.members.iter().any(|name| changes(name));
        (looks && alone).then_some(found)
    }

    /// Is nothing called, so that nobody has to be asked what is?
    pub fn is_plain(&self, text: &str) -> bool {
        let name = text[self.value.clone()].trim_start_matches('&').trim_start();
        let name = name.strip_prefix("mut ").unwrap_or(name).trim();
        self.typed.is_none() && self.free.contains(plain(name))
    }

    /// Does evaluating it only look at variables? `fixed`: its value counts.
    fn looks(&mut self, value: &Expr, fixed: bool) -> bool {
        match value {
            Expr::Lit(_) => true,
            Expr::Path(path) => {
                if let Some(name) = path.path.get_ident() {
                    let name = plain(&name.to_string()).to_owned();
                    if fixed {
                        self.fixed.insert(name.clone());
                    }
                    self.free.insert(name);
                }
                path.qself.is_none()
            }
            Expr::Paren(inner) => self.looks(&inner.expr, fixed),
            Expr::Reference(of) => self.looks(&of.expr, false),
            Expr::RawAddr(of) => self.looks(&of.expr, false),
            Expr::Unary(of) => self.looks(&of.expr, fixed),
            Expr::Field(of) => self.looks(&of.base, fixed),
            Expr::Cast(of) => self.looks(&of.expr, fixed),
            Expr::Index(of) => self.looks(&of.expr, fixed) && self.looks(&of.index, true),
            Expr::Range(of) => [&of.start, &of.end].into_iter().flatten().all(|end| self.looks(end, true)),
            Expr::Binary(of) => {
                use syn::BinOp::{Add, And, Div, Eq, Ge, Gt, Le, Lt, Mul, Ne, Or, Rem, Sub};
                let reckons = matches!(of.op, Add(_) | Div(_) | Mul(_) | Rem(_) | Sub(_));
                let compares = matches!(of.op, And(_) | Or(_) | Eq(_) | Ne(_) | Lt(_) | Le(_) | Gt(_) | Ge(_));
                let fixed = fixed || self.closures == 0;
                (reckons || compares) && self.looks(&of.left, fixed) && self.looks(&of.right, fixed)
            }
            Expr::Tuple(parts) => parts.elems.iter().all(|part| self.looks(part, fixed)),
            Expr::Array(parts) => parts.elems.iter().all(|part| self.looks(part, fixed)),
            Expr::Struct(made) => {
                let rest = made.rest.is_none() && self.makes(&made.path);
                rest && made.fields.iter().all(|field| self.looks(&field.expr, true))
            }
            Expr::Call(made) => {
                let Expr::Path(path) = &*made.func else { return false };
                let points =
                    path.path.segments.last().is_some_and(|last| last.ident == "from_ref" || last.ident == "from_mut");
                (points || self.makes(&path.path)) && made.args.iter().all(|part| self.looks(part, true))
            }
            Expr::MethodCall(call) => {
                let name = call.method.to_string();
                let (looks, calls) = (LOOKS.contains(&name.as_str()), CALLS.contains(&name.as_str()));
                self.members.insert(name);
                let mut given = call.args.iter();
                (looks || calls)
                    && self.looks(&call.receiver, fixed)
                    && given.all(|part| self.looks(part, true) || calls && self.waits(part))
            }
            Expr::Macro(call) if call.mac.path.segments.last().is_some_and(|last| last.ident == "s") => {
                let is_name = |word: &str| word.starts_with(|c: char| c.is_alphabetic() || c == '_');
                !words(&call.mac.tokens.to_string()).any(is_name)
            }
            Expr::Macro(call)
                if call
                    .mac
                    .path
                    .segments
                    .last()
                    .is_some_and(|last| last.ident == "addr_of" || last.ident == "addr_of_mut") =>
            {
                call.mac.parse_body().is_ok_and(|of: Expr| self.looks(&of, false))
            }
            _ => false,
        }
    }

    /// Is this a closure that only looks as well, or may do so later? (`map` of an `Option` calls it at once, that of an iterator
    /// where it is gone through.) What `move` copies into it counts.
    fn waits(&mut self, value: &Expr) -> bool {
        let Expr::Closure(closure) = value else { return false };
        let Some(written) = ClosureText::of(value).filter(|w| w.whole && !w.waits && !w.lasting) else { return false };
        let mut parameters = Names::default();
        closure.inputs.iter().for_each(|parameter| parameters.visit_pat(parameter));
        let mut inside = Self { closures: self.closures + 1, ..Self::default() };
        if !inside.looks(&closure.body, written.moves) {
            if written.moves {
                self.fixed.extend(written.free.iter().cloned());
            }
            self.free.extend(written.free);
            self.later.push(written.range);
            return true;
        }
        let own = |name: &String| parameters.0.contains(name);
        self.free.extend(inside.free.into_iter().filter(|name| !own(name)));
        self.fixed.extend(inside.fixed.into_iter().filter(|name| !own(name)));
        self.members.extend(inside.members);
        self.made.extend(inside.made);
        self.later.extend(inside.later);
        true
    }

    /// Is this the constructor of a structure or a variant, by Rust's naming?
    fn makes(&mut self, path: &syn::Path) -> bool {
        let Some(last) = path.segments.last() else { return false };
        self.made.extend(path.segments.iter().map(|segment| segment.ident.to_string()));
        last.ident.to_string().starts_with(char::is_uppercase)
    }
}

/// The names in a pattern.
#[derive(Default)]
struct Names(Vec<String>);

impl<'a> Visit<'a> for Names {
    fn visit_pat_ident(&mut self, name: &'a syn::PatIdent) {
        self.0.push(plain(&name.ident.to_string()).to_owned());
        visit::visit_pat_ident(self, name);
    }
}

/// An error about a borrow that is to last for ever, where the user's own `let` is blamed and not our line that keeps its
/// variable: `let x = v.get(0).and_then(|row| row.get(1));`. True when there was a way to go on.
pub(in super::super) fn learn(
    diagnostics: &[Diagnostic],
    generated: &Generated,
    number: u32,
    split: &Split,
    omit: &mut Omit,
) -> bool {
    let before = omit.size();
    let mut blamed: Vec<&Binding> = Vec::new();
    let lasts = |span: &Span| span.label.as_deref().is_some_and(|label| label.contains("is borrowed for `'static`"));
    let ours = |span: &Span| generated.handling.iter().any(|line| line.range.contains(&span.byte_start));
    for diagnostic in diagnostics.iter().filter(|d| d.is_error() && ["E0505", "E0597", "E0716"].contains(&d.code())) {
        let asking: Vec<&Span> = diagnostic.spans.iter().filter(|span| lasts(span)).collect();
        if asking.iter().any(|span| ours(span)) {
            continue;
        }
        let places = asking.iter().filter_map(|span| generated.source.locate(&span.range()));
        for place in places.filter(|place| place.cell == number) {
            let statement = split.statements.iter().find(|range| range.contains(&place.range.start));
            blamed.extend(split.bindings.iter().filter(|b| statement.is_some_and(|range| range.contains(&b.offset))));
        }
    }
    blamed.sort_by_key(|binding| binding.offset);
    blamed.dedup_by_key(|binding| binding.offset);
    for name in blamed.into_iter().map(|binding| &binding.name) {
        if generated.lent.contains(name) && !omit.ways.contains_key(name) {
            omit.ways.insert(name.clone(), Way::Lent);
        } else if !omit.unkept.contains_key(name) {
            omit.unkept.insert(name.clone(), advice::borrowed(name));
        }
    }
    omit.size() > before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lent(text: &str) -> Option<LentText> {
        match syn::parse_str(text) {
            Ok(syn::Stmt::Local(local)) => LentText::of(&local),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_only_looks_is_lent() {
        for text in [
            "let r = &v;",
            "let r = &mut v[1..3];",
            "let x = &p.inner.x;",
            "let s: &[i32] = &v;",
            "let d = &shape as &dyn Draw;",
            "let words = text.trim().split(' ');",
            "let o = Some(&v[i + 1]);",
            "let (a, b) = v.split_at(2);",
            "let parts = Excerpt { part: &novel[..4], page: 3 };",
            "let view = m.slice(s![..2, 1..]);",
            "let first = v.first().unwrap();",
            "let p = &raw const packed.f2;",
            "let p = std::ptr::addr_of!(packed.f2);",
            "let p: *mut u8 = v.as_mut_ptr().cast();",
            "let even = v.iter().filter(|x| **x % 2 == 0).map(move |x| x * k);",
        ] {
            assert!(lent(text).is_some(), "{text}");
        }
        let later = lent("let m = v.iter().map(|x| f(x) + k);").unwrap_or_else(|| panic!("lent"));
        assert!(later.later.len() == 1 && later.free.contains("k") && !later.free.contains("x"));
        let index = lent("let o = &v[i + 1];").unwrap_or_else(|| panic!("lent"));
        assert!(index.fixed.contains("i") && !index.fixed.contains("v") && index.free.contains("v"));
    }

    #[test]
    fn what_may_do_more_is_not() {
        for text in [
            "let g = m.lock().unwrap();",
            "let c = cell.borrow();",
            "let n = it.next();",
            "let l = longest(&a, &b);",
            "let m = v.iter().map(f());",
            "let s = v.iter().sum::<f64>();",
            "let s = &String::from(\"x\");",
            "let k = &5;",
            "let b = Box::into_raw(boxed);",
            "let p = &f().x;",
            "let (a, b) = v.split_at_mut(2);",
            "let Some(x) = &o else { return };",
        ] {
            assert!(lent(text).is_none(), "{text}");
        }
    }
}
