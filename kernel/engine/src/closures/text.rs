//! A closure as the user wrote it, in places of its cell's text, and the names in it that are not its own.

use std::collections::HashSet;
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, Pat, ReturnType, Stmt};

use super::super::mentions::plain;

/// A closure in a cell's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosureText {
    /// All of it.
    pub range: Range<usize>,
    /// `move` is written.
    pub moves: bool,
    /// `async` is written.
    pub waits: bool,
    /// Where its parameters begin.
    pub bar: usize,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Where its head ends, the type of its value included.
    pub head: usize,
    /// The type of its value, when that is written.
    pub value: Option<Range<usize>>,
    /// What it does.
    pub body: Range<usize>,
    /// It is all that the `let` binds, not what a block ends with.
    pub whole: bool,
    /// Nothing else is bound by its `let`.
    pub alone: bool,
    /// It has a static of its own, which must not be made anew.
    pub lasting: bool,
    /// Names that it does not bind itself.
    pub free: HashSet<String>,
}

/// A parameter of a closure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// All of it.
    pub range: Range<usize>,
    /// Its type, when that is written.
    pub typed: Option<Range<usize>>,
}

impl ClosureText {
    /// The closure that an expression is, or that it ends with.
    pub fn of(expression: &Expr) -> Option<Self> {
        let mut at = expression;
        loop {
            at = match at {
                Expr::Closure(closure) => return Some(Self::read(closure, std::ptr::eq(at, expression))),
                Expr::Paren(inner) => &inner.expr,
                Expr::Block(block) => match block.block.stmts.last() {
                    Some(Stmt::Expr(last, None)) => last,
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    fn read(closure: &syn::ExprClosure, whole: bool) -> Self {
        let bytes = |span: proc_macro2::Span| span.byte_range();
        let parameter = |pat: &Pat| match pat {
            Pat::Type(typed) => Parameter { range: bytes(pat.span()), typed: Some(bytes(typed.ty.span())) },
            _ => Parameter { range: bytes(pat.span()), typed: None },
        };
        let bars = bytes(closure.or2_token.span());
        let value = match &closure.output {
            ReturnType::Default => None,
            ReturnType::Type(_, of) => Some(bytes(of.span())),
        };
        let mut free = Free::default();
        free.visit_expr_closure(closure);
        Self {
            range: bytes(closure.span()),
            moves: closure.capture.is_some(),
            waits: closure.asyncness.is_some(),
            bar: bytes(closure.or1_token.span()).start,
            parameters: closure.inputs.iter().map(parameter).collect(),
            head: value.as_ref().map_or(bars.end, |value| value.end),
            value,
            body: bytes(closure.body.span()),
            whole: whole && closure.lifetimes.is_none() && closure.attrs.is_empty(),
            alone: true,
            lasting: free.lasting,
            free: free.found,
        }
    }
}

/// Collects the names that are not bound where they stand.
#[derive(Default)]
struct Free {
    scopes: Vec<HashSet<String>>,
    found: HashSet<String>,
    lasting: bool,
}

impl Free {
    fn scoped(&mut self, visit: impl FnOnce(&mut Self)) {
        self.scopes.push(HashSet::new());
        visit(self);
        self.scopes.pop();
    }

    fn mention(&mut self, word: &str) {
        let word = plain(word);
        if !word.is_empty() && !self.scopes.iter().any(|scope| scope.contains(word)) {
            self.found.insert(word.to_owned());
        }
    }

    /// What a macro is given is not parsed: any name in it that is no member counts.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut before = [' '; 2];
        for token in tokens {
            let member = before[1] == '.' && before[0] != '.';
            before[0] = before[1];
            before[1] = ' ';
            match token {
                TokenTree::Ident(word) if !member => {
                    self.lasting |= word == "static";
                    self.mention(&word.to_string());
                }
                TokenTree::Ident(_) => {}
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Punct(mark) => before[1] = mark.as_char(),
                TokenTree::Literal(literal) => {
                    for part in literal.to_string().split('{').skip(1) {
                        let word: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                        self.mention(&word);
                    }
                }
            }
        }
    }
}

impl<'a> Visit<'a> for Free {
    fn visit_pat_ident(&mut self, pattern: &'a syn::PatIdent) {
        let name = plain(&pattern.ident.to_string()).to_owned();
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name);
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            if let Some((_, other)) = &init.diverge {
                self.scoped(|s| s.visit_expr(other));
            }
        }
        self.visit_pat(&local.pat);
    }

    fn visit_expr_closure(&mut self, closure: &'a syn::ExprClosure) {
        self.scoped(|s| visit::visit_expr_closure(s, closure));
    }

    fn visit_block(&mut self, block: &'a syn::Block) {
        self.scoped(|s| visit::visit_block(s, block));
    }

    fn visit_arm(&mut self, arm: &'a syn::Arm) {
        self.scoped(|s| visit::visit_arm(s, arm));
    }

    fn visit_expr_if(&mut self, e: &'a syn::ExprIf) {
        self.scoped(|s| {
            s.visit_expr(&e.cond);
            s.visit_block(&e.then_branch);
        });
        if let Some((_, other)) = &e.else_branch {
            self.visit_expr(other);
        }
    }

    fn visit_expr_while(&mut self, e: &'a syn::ExprWhile) {
        self.scoped(|s| visit::visit_expr_while(s, e));
    }

    fn visit_expr_for_loop(&mut self, e: &'a syn::ExprForLoop) {
        self.visit_expr(&e.expr);
        self.scoped(|s| {
            s.visit_pat(&e.pat);
            s.visit_block(&e.body);
        });
    }

    fn visit_expr_let(&mut self, e: &'a syn::ExprLet) {
        self.visit_expr(&e.expr);
        self.visit_pat(&e.pat);
    }

    fn visit_expr_path(&mut self, path: &'a syn::ExprPath) {
        if let Some(name) = path.path.get_ident() {
            self.mention(&name.to_string());
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_item_static(&mut self, item: &'a syn::ItemStatic) {
        self.lasting = true;
        visit::visit_item_static(self, item);
    }

    fn visit_macro(&mut self, m: &'a syn::Macro) {
        self.tokens(m.tokens.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(code: &str) -> Vec<String> {
        let Ok(expression) = syn::parse_str(code) else { panic!("{code}") };
        let mut found: Vec<String> = ClosureText::of(&expression).expect("a closure").free.into_iter().collect();
        found.sort();
        found
    }

    #[test]
    fn names_of_its_own_are_not_free() {
        assert_eq!(free("|x: f64| k * x"), ["k"]);
        assert_eq!(free("|(a, b)| { let c = a + x; let x = b; c + x }"), ["x"]);
        assert_eq!(free("|p: P| p.x + p.y()"), [""; 0]);
        assert_eq!(free("|v: Vec<f64>| v.iter().map(|x| x * k).sum::<f64>()"), ["k"]);
        assert_eq!(free("|o: Option<u8>| if let Some(y) = o { y } else { y }"), ["y"]);
        assert_eq!(free("|x| match x { Some(y) => y, None => z }"), ["z"]);
        assert_eq!(free("move || println!(\"{n} {:?} {}\", v, w.len())"), ["n", "v", "w"]);
        assert_eq!(free("|n| (0..n).map(helper).collect::<Vec<_>>()"), ["helper"]);
        assert_eq!(free("|x| P { x, y }.z"), ["y"]);
        assert_eq!(free("|n| { for i in 0..m { if i > n { break } } i }"), ["i", "m"]);
    }

    #[test]
    fn what_a_block_ends_with_is_found() {
        let code = "{ let v = v.clone(); move |i: usize, _| -> f64 { v[i] } }";
        let Ok(expression) = syn::parse_str(code) else { panic!("{code}") };
        let written = ClosureText::of(&expression).expect("a closure");
        assert!(!written.whole && written.moves && written.parameters[1].typed.is_none());
        assert_eq!(&code[written.value.expect("a type")], "f64");
        assert_eq!(&code[written.bar..written.head], "|i: usize, _| -> f64");
        assert_eq!(&code[written.body], "{ v[i] }");
    }
}
