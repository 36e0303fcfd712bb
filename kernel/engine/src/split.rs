//! Takes a cell's text apart: items, imports, statements, the trailing expression, the variables
//! it binds and the names it mentions. It reads Rust with `syn` and knows nothing of what is
//! done with the parts; a text that `syn` cannot read is left to rustc, which explains it better.

use std::collections::HashSet;
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Expr, Item, Local, Pat, Stmt};

use super::cfg::Cfg;
use super::closures::lent::LentText;
use super::closures::text::ClosureText;
use super::expand::{Call, TRAILING};
use super::import_part::ImportPart;
use super::item::{self, ItemPart};
use super::late;
use super::levels::Level;
use super::measured::Measure;

/// A cell in parts. All ranges are bytes of its text.
#[derive(Debug, Default)]
pub struct Split {
    /// Inner attributes (`#![feature(…)]`), lint levels aside.
    pub inner: Vec<Range<usize>>,
    /// Lint levels for the whole crate.
    pub levels: Vec<Level>,
    /// `use` declarations.
    pub imports: Vec<ImportPart>,
    /// Every other item.
    pub items: Vec<ItemPart>,
    /// Statements in order, their semicolons included.
    pub statements: Vec<Range<usize>>,
    /// What each of them is.
    pub kinds: Vec<StatementKind>,
    /// The expression at the end, whose value is shown.
    pub trailing: Option<Range<usize>>,
    /// Statements, by their place among them, that are calls of macros of which it is not known whether they
    /// define something.
    pub calls: Vec<(usize, Call)>,
    /// Names that macros define for their own cell only, with the macro.
    pub hidden: Vec<(String, String)>,
    /// Variables that top-level `let`s bind, in order of first binding.
    pub bindings: Vec<Binding>,
    /// Every name that top-level `let`s bind, with its place, those that later ones hide included.
    pub bound: Vec<(String, usize)>,
    /// Names that it binds before it mentions them in another way.
    pub fresh: HashSet<String>,
    /// Every identifier in statements and trailing expression, format strings included.
    pub mentions: HashSet<String>,
    /// True when `.await` is used outside any async block or closure.
    pub awaits: bool,
    /// Where each top-level `return` without a value ends, in order.
    pub returns: Vec<usize>,
    /// Where names of macros end of which only the part without items is called.
    pub parted: Vec<usize>,
    /// How the cell is measured, when it is.
    pub measure: Option<Measure>,
}

/// What an attribute that goes before a statement must know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// `let`.
    Let,
    /// An expression.
    Expression,
    /// A macro call, which may expand to several statements.
    Macro,
}

/// A variable bound by a top-level `let`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name.
    pub name: String,
    /// Declared with `mut`.
    pub mutable: bool,
    /// Where its name stands.
    pub offset: usize,
    /// True when nothing after this binding in the cell mentions the name.
    pub unused: bool,
    /// Its `let` gives it a value.
    pub given: bool,
    /// The closure that it is bound to, or to a block that ends with it.
    pub closure: Option<ClosureText>,
    /// Its `let`, when that only borrows.
    pub lent: Option<LentText>,
    /// The name that it is bound to.
    pub alias: Option<String>,
    /// Its `let` could be made in a later cell as well.
    pub late: bool,
}

impl Split {
    /// True when there is nothing to run.
    pub fn runs_nothing(&self) -> bool {
        let compares = matches!(self.measure, Some(Measure::Compare(_)));
        self.statements.is_empty() && self.trailing.is_none() && !compares
    }
}

/// Takes a cell apart, without what `cfg` leaves out.
///
/// # Errors
/// When `syn` cannot read it: its message and the byte offset of the place.
pub fn split(text: &str, cfg: &Cfg) -> Result<Split, (String, usize)> {
    // Spans live in a table of this thread that would otherwise grow with every cell.
    let result = parse(text, cfg);
    proc_macro2::extra::invalidate_current_thread_spans();
    result
}

/// Crates that top-level `extern crate` items of a cell name, `self` aside; none when the cell
/// cannot be read.
pub fn extern_crates(text: &str) -> Vec<String> {
    if !text.contains("extern") {
        return Vec::new();
    }
    let cell = |input: ParseStream<'_>| Ok((Attribute::parse_inner(input)?, Block::parse_within(input)?));
    let names = cell.parse_str(text).map(|(_, statements)| {
        let named = statements.iter().filter_map(|statement| match statement {
            Stmt::Item(Item::ExternCrate(item)) if item.ident != "self" => Some(item.ident.to_string()),
            _ => None,
        });
        named.collect()
    });
    proc_macro2::extra::invalidate_current_thread_spans();
    names.unwrap_or_default()
}

fn parse(text: &str, cfg: &Cfg) -> Result<Split, (String, usize)> {
    let cell = |input: ParseStream<'_>| Ok((Attribute::parse_inner(input)?, Block::parse_within(input)?));
    let (inner, mut statements) = cell.parse_str(text).map_err(|e| (e.to_string(), e.span().byte_range().start))?;
    let mut split = Split::default();
    for attribute in &inner {
        match Level::of(attribute) {
            Some(level) => split.levels.push(level),
            None => split.inner.push(attribute.span().byte_range()),
        }
    }
    statements.retain(|statement| cfg.holds(attributes(statement)));
    let trailing = match statements.last() {
        // An attribute stands before a statement, and before no value.
        Some(statement @ Stmt::Expr(e, None)) if !ends_with_braces(e) || attributes(statement).is_empty() => {
            statements.pop()
        }
        Some(Stmt::Macro(m)) if m.semi_token.is_none() && item::of_macro(m, text).is_none() => statements.pop(),
        _ => None,
    };
    for statement in &statements {
        split.on_statement(statement, text);
    }
    if let Some(trailing) = &trailing {
        split.trailing = Some(trailing.span().byte_range());
        split.on_code(trailing);
        if let Stmt::Macro(m) = trailing
            && matches!(m.mac.delimiter, syn::MacroDelimiter::Brace(_))
            && let Some(call) = Call::of(m)
        {
            split.calls.push((TRAILING, call));
        }
    }
    split.mark_unused(text);
    Ok(split)
}

/// Is it a statement without a semicolon, too?
fn ends_with_braces(expression: &Expr) -> bool {
    use Expr::{Block, ForLoop, If, Loop, Match, Unsafe, While};
    matches!(expression, Block(_) | ForLoop(_) | If(_) | Loop(_) | Match(_) | Unsafe(_) | While(_))
}

/// What stands before a statement; `cfg` on parts of an expression is rustc's business.
fn attributes(statement: &Stmt) -> &[Attribute] {
    match statement {
        Stmt::Local(local) => &local.attrs,
        Stmt::Macro(m) => &m.attrs,
        Stmt::Item(i) => match i {
            Item::Const(i) => &i.attrs,
            Item::Enum(i) => &i.attrs,
            Item::ExternCrate(i) => &i.attrs,
            Item::Fn(i) => &i.attrs,
            Item::ForeignMod(i) => &i.attrs,
            Item::Impl(i) => &i.attrs,
            Item::Macro(i) => &i.attrs,
            Item::Mod(i) => &i.attrs,
            Item::Static(i) => &i.attrs,
            Item::Struct(i) => &i.attrs,
            Item::Trait(i) => &i.attrs,
            Item::TraitAlias(i) => &i.attrs,
            Item::Type(i) => &i.attrs,
            Item::Union(i) => &i.attrs,
            Item::Use(i) => &i.attrs,
            _ => &[],
        },
        Stmt::Expr(expression, _) => match expression {
            Expr::Block(e) => &e.attrs,
            Expr::ForLoop(e) => &e.attrs,
            Expr::If(e) => &e.attrs,
            Expr::Loop(e) => &e.attrs,
            Expr::Macro(e) => &e.attrs,
            Expr::Match(e) => &e.attrs,
            Expr::Unsafe(e) => &e.attrs,
            Expr::While(e) => &e.attrs,
            Expr::Call(e) => &e.attrs,
            Expr::MethodCall(e) => &e.attrs,
            _ => &[],
        },
    }
}

impl Split {
    fn on_statement(&mut self, statement: &Stmt, text: &str) {
        match statement {
            Stmt::Item(Item::Use(u)) => self.imports.push(ImportPart::of_use(u)),
            Stmt::Item(Item::ExternCrate(c)) => self.imports.push(ImportPart::of_crate(c)),
            Stmt::Item(i) => self.items.push(item::part(i, text)),
            Stmt::Macro(m) => match item::of_macro(m, text) {
                Some(part) => self.items.push(part),
                None => self.on_code(statement),
            },
            Stmt::Local(local) => {
                self.on_names(local);
                self.on_code(statement);
                self.on_local(local);
            }
            Stmt::Expr(..) => self.on_code(statement),
        }
        let kind = match statement {
            Stmt::Item(_) => return,
            Stmt::Macro(m) if item::of_macro(m, text).is_some() => return,
            Stmt::Macro(_) => StatementKind::Macro,
            Stmt::Expr(..) => StatementKind::Expression,
            Stmt::Local(_) => StatementKind::Let,
        };
        if let Stmt::Macro(m) = statement
            && let Some(call) = Call::of(m)
        {
            self.calls.push((self.statements.len(), call));
        }
        self.statements.push(statement.span().byte_range());
        self.kinds.push(kind);
    }

    fn on_code(&mut self, statement: &Stmt) {
        mention(quote::ToTokens::to_token_stream(statement), &mut self.mentions);
        let mut awaits = Awaits(false);
        awaits.visit_stmt(statement);
        self.awaits |= awaits.0;
        let mut returns = Returns(&mut self.returns);
        returns.visit_stmt(statement);
    }

    fn on_names(&mut self, local: &Local) {
        let mut names = PatternNames(Vec::new());
        names.visit_pat(&local.pat);
        let mut within = HashSet::new();
        if let Some(init) = &local.init {
            mention(quote::ToTokens::to_token_stream(&init.expr), &mut within);
        }
        let fresh = names.0.into_iter().map(|binding| binding.name);
        let fresh: Vec<String> = fresh.filter(|name| !self.mentions.contains(name) && !within.contains(name)).collect();
        self.fresh.extend(fresh);
    }

    fn on_local(&mut self, local: &Local) {
        let mut names = PatternNames(Vec::new());
        names.visit_pat(&local.pat);
        for mut binding in names.0 {
            binding.given = local.init.is_some();
            binding.late = late::may_wait(local);
            binding.lent = LentText::of(local);
            if let (Pat::Ident(_), Some(init)) = (&local.pat, &local.init) {
                binding.closure = ClosureText::of(&init.expr);
                binding.alias = match &*init.expr {
                    Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
                    _ => None,
                };
            }
            if let Some(part) = beside(local, &binding) {
                binding.closure = ClosureText::of(part).map(|closure| ClosureText { alone: false, ..closure });
            }
            self.bound.push((binding.name.clone(), binding.offset));
            self.bindings.retain(|b| b.name != binding.name);
            self.bindings.push(binding);
        }
    }

    /// Adds the identifiers of more tokens to what the cell mentions.
    pub fn mention(&mut self, tokens: TokenStream) {
        mention(tokens, &mut self.mentions);
    }

    fn mark_unused(&mut self, text: &str) {
        for binding in &mut self.bindings {
            let rest = text.get(binding.offset + binding.name.len()..).unwrap_or("");
            binding.unused = !words(rest).any(|w| w == binding.name);
        }
    }
}

/// What a name in `let (f, g) = (…, …);` is bound to.
fn beside<'a>(local: &'a Local, binding: &Binding) -> Option<&'a Expr> {
    let (Pat::Tuple(names), Some(init)) = (&local.pat, &local.init) else { return None };
    let Expr::Tuple(values) = &*init.expr else { return None };
    let here = |pat: &Pat| matches!(pat, Pat::Ident(p) if p.ident.span().byte_range().start == binding.offset);
    let at = names.elems.iter().position(here).filter(|_| names.elems.len() == values.elems.len())?;
    values.elems.get(at)
}

/// The identifiers of a text, strings and comments included.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty())
}

fn mention(tokens: TokenStream, names: &mut HashSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                names.insert(name.to_string());
            }
            TokenTree::Group(group) => mention(group.stream(), names),
            // `println!("{x}")` mentions x inside a string.
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.contains('{') {
                    names.extend(words(&text).map(str::to_owned));
                }
            }
            TokenTree::Punct(_) => {}
        }
    }
}

/// Collects the variables a pattern binds.
struct PatternNames(Vec<Binding>);

impl<'a> Visit<'a> for PatternNames {
    fn visit_pat(&mut self, pat: &'a Pat) {
        if let Pat::Ident(p) = pat {
            let name = p.ident.to_string();
            // `None` or `MAX` in a pattern is a path to something that exists, not a binding.
            let is_path = p.by_ref.is_none()
                && p.mutability.is_none()
                && p.subpat.is_none()
                && name.starts_with(char::is_uppercase);
            if !is_path {
                let binding = Binding {
                    mutable: p.mutability.is_some(),
                    offset: p.ident.span().byte_range().start,
                    name,
                    unused: false,
                    given: false,
                    closure: None,
                    lent: None,
                    alias: None,
                    late: false,
                };
                self.0.push(binding);
            }
        }
        visit::visit_pat(self, pat);
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// Collects the ends of `return`s that leave the cell itself.
struct Returns<'a>(&'a mut Vec<usize>);

impl<'a> Visit<'a> for Returns<'_> {
    fn visit_expr_return(&mut self, node: &'a syn::ExprReturn) {
        match &node.expr {
            None => self.0.push(node.return_token.span().byte_range().end),
            Some(value) => self.visit_expr(value),
        }
    }
    fn visit_expr_async(&mut self, _: &'a syn::ExprAsync) {}
    fn visit_expr_closure(&mut self, _: &'a syn::ExprClosure) {}
    fn visit_item(&mut self, _: &'a Item) {}
}

struct Awaits(bool);

impl<'a> Visit<'a> for Awaits {
    fn visit_expr_await(&mut self, _: &'a syn::ExprAwait) {
        self.0 = true;
    }
    fn visit_expr_async(&mut self, _: &'a syn::ExprAsync) {}
    fn visit_item(&mut self, _: &'a Item) {}
    fn visit_expr_closure(&mut self, closure: &'a syn::ExprClosure) {
        if closure.asyncness.is_none() {
            visit::visit_expr_closure(self, closure);
        }
    }
    fn visit_macro(&mut self, m: &'a syn::Macro) {
        // `join!(a.await, b)`: macros are not parsed, so look for the two tokens.
        let mut last_dot = false;
        for token in m.tokens.clone() {
            match token {
                TokenTree::Punct(p) => last_dot = p.as_char() == '.',
                TokenTree::Ident(i) if last_dot && i == "await" => self.0 = true,
                _ => last_dot = false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(code: &str) -> Split {
        split(code, &Cfg::default()).expect("the cell parses")
    }

    #[test]
    fn a_cell_is_taken_apart() {
        let code = "use std::fmt::{self, Debug as D};\nstruct P { x: i32 }\nlet (a, mut b) = (1, P { x: 2 });\nprintln!(\"{a}\");\nb.x + 1";
        let s = text_of(code);
        assert_eq!(s.imports[0].names().collect::<Vec<_>>(), ["fmt", "D"]);
        assert_eq!(s.items.len(), 1);
        assert_eq!(s.statements.len(), 2);
        assert_eq!(s.trailing.map(|r| &code[r]), Some("b.x + 1"));
        let names: Vec<_> = s.bindings.iter().map(|b| (b.name.as_str(), b.mutable, b.unused)).collect();
        assert_eq!(names, [("a", false, false), ("b", true, false)]);
        assert!(s.mentions.contains("a") && !s.awaits);
        let s = text_of("f(1); let f = 1; let g = |x| g(x); let h = 2; h");
        assert!(s.fresh.contains("h") && !s.fresh.contains("f") && !s.fresh.contains("g"));
    }

    #[test]
    fn returns_are_seen_at_the_top_level_only() {
        assert_eq!(text_of("if x { return; } loop { return }").returns, [13, 30]);
        assert_eq!(
            text_of("let f = || return; async { return; }; fn g() { return; } return Ok(());").returns,
            [0usize; 0]
        );
    }

    #[test]
    fn awaits_are_seen_at_the_top_level_only() {
        assert!(text_of("let x = f().await;").awaits);
        assert!(text_of("tokio::join!(f().await)").awaits);
        assert!(!text_of("let x = async { f().await };").awaits);
        assert!(!text_of("async fn g() { f().await }").awaits);
    }

    #[test]
    fn constants_in_patterns_are_not_variables() {
        let s = text_of("let Some(x) = f() else { panic!() }; let None = g() else { panic!() };");
        assert_eq!(s.bindings.iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn an_empty_cell_has_no_parts() {
        assert!(text_of("  // nothing\n").runs_nothing());
        assert!(split("let x = ;", &Cfg::default()).is_err());
    }
}
