//! What an item mentions, and by which names it comes in unasked: what is needed to tell on which other
//! items it depends. It reads tokens, not meanings: a name too much makes a dependency too much, which
//! costs time and nothing else, and what is missed rustc misses too (see `build.rs`).

use std::collections::HashSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, TraitItem};

/// The names in an item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Names that may be those of items.
    pub names: HashSet<String>,
    /// Names after a dot or a path: members, which bring in the traits that have them.
    pub members: HashSet<String>,
}

impl Mentions {
    /// Of an item, without its local variables and generic parameters.
    pub fn of(item: &Item) -> Self {
        let mut local = Local::default();
        local.visit_item(item);
        let mut found = MentionCollector { local, arguments: HashSet::new(), mentions: Self::default() };
        match item {
            Item::Fn(f) => found.function(&f.sig, f.to_token_stream()),
            Item::Impl(i) => {
                found.read(syn::ItemImpl { items: Vec::new(), ..i.clone() }.to_token_stream());
                for member in &i.items {
                    match member {
                        ImplItem::Fn(f) => found.function(&f.sig, f.to_token_stream()),
                        other => found.read(other.to_token_stream()),
                    }
                }
            }
            Item::Trait(t) => {
                found.read(syn::ItemTrait { items: Vec::new(), ..t.clone() }.to_token_stream());
                for member in &t.items {
                    match member {
                        TraitItem::Fn(f) => found.function(&f.sig, f.to_token_stream()),
                        other => found.read(other.to_token_stream()),
                    }
                }
            }
            other => found.read(other.to_token_stream()),
        }
        found.mentions
    }

    /// Of tokens in which nothing is known to be local.
    pub fn of_tokens(tokens: TokenStream) -> Self {
        let mut found =
            MentionCollector { local: Local::default(), arguments: HashSet::new(), mentions: Self::default() };
        found.read(tokens);
        found.mentions
    }

    /// Is this name there in any way?
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name) || self.members.contains(name)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.names.iter().chain(&self.members).map(String::as_str)
    }

    /// Adds those of another item.
    pub fn extend(&mut self, other: &Self) {
        self.names.extend(other.names.iter().cloned());
        self.members.extend(other.members.iter().cloned());
    }
}

/// What is no name of an item, however it stands.
const KEYWORDS: [&str; 37] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
    "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self", "Self",
    "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where",
];

/// Every identifier of these tokens.
fn identifiers(tokens: TokenStream) -> HashSet<String> {
    fn walk(tokens: TokenStream, found: &mut HashSet<String>) {
        for token in tokens {
            match token {
                TokenTree::Ident(word) => drop(found.insert(plain(&word.to_string()).to_owned())),
                TokenTree::Group(group) => walk(group.stream(), found),
                _ => {}
            }
        }
    }
    let mut found = HashSet::new();
    walk(tokens, &mut found);
    found
}

/// Does an attribute bring forth names of its own, or may it? (`derive(Builder)` makes a `PBuilder`.)
pub fn may_add_names(attributes: &[Attribute]) -> bool {
    const KNOWN: [&str; 14] = [
        "doc",
        "allow",
        "warn",
        "deny",
        "expect",
        "inline",
        "must_use",
        "repr",
        "cfg",
        "cold",
        "non_exhaustive",
        "macro_export",
        "default",
        "unsafe",
    ];
    const DERIVES: [&str; 12] = [
        "Debug",
        "Clone",
        "Copy",
        "PartialEq",
        "Eq",
        "PartialOrd",
        "Ord",
        "Hash",
        "Default",
        "Serialize",
        "Deserialize",
        "derive",
    ];
    attributes.iter().any(|attribute| {
        if attribute.path().is_ident("derive") {
            return identifiers(attribute.meta.to_token_stream())
                .iter()
                .any(|word| !DERIVES.contains(&word.as_str()) && word.starts_with(char::is_uppercase));
        }
        !KNOWN.iter().any(|known| attribute.path().is_ident(known))
    })
}

/// Names by which an item is used without being named itself: a trait's members, an enum's variants, what
/// is in a module.
pub fn inside(item: &Item) -> HashSet<String> {
    let mut found = Inside(HashSet::new());
    match item {
        Item::Enum(_) | Item::Mod(_) | Item::Trait(_) => found.visit_item(item),
        _ => {}
    }
    found.0
}

struct Inside(HashSet<String>);

impl Inside {
    fn add(&mut self, name: &syn::Ident) {
        self.0.insert(plain(&name.to_string()).to_owned());
    }
}

impl<'a> Visit<'a> for Inside {
    fn visit_item(&mut self, item: &'a Item) {
        match item {
            Item::Fn(i) => self.add(&i.sig.ident),
            Item::Struct(i) => self.add(&i.ident),
            Item::Enum(i) => {
                self.add(&i.ident);
                i.variants.iter().for_each(|v| self.add(&v.ident));
            }
            Item::Union(i) => self.add(&i.ident),
            Item::Type(i) => self.add(&i.ident),
            Item::Const(i) => self.add(&i.ident),
            Item::Static(i) => self.add(&i.ident),
            Item::Macro(i) => i.ident.iter().for_each(|name| self.add(name)),
            Item::Use(i) => self.visit_use_tree(&i.tree),
            Item::Mod(i) => {
                self.add(&i.ident);
                i.content.iter().flat_map(|(_, items)| items).for_each(|item| self.visit_item(item));
            }
            Item::Trait(i) => {
                self.add(&i.ident);
                for member in &i.items {
                    match member {
                        TraitItem::Fn(f) => self.add(&f.sig.ident),
                        TraitItem::Const(c) => self.add(&c.ident),
                        TraitItem::Type(t) => self.add(&t.ident),
                        // What a macro makes of it cannot be seen.
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn visit_use_name(&mut self, name: &'a syn::UseName) {
        self.add(&name.ident);
    }

    fn visit_use_rename(&mut self, name: &'a syn::UseRename) {
        self.add(&name.rename);
    }
}

/// A raw identifier without its mark.
pub fn plain(word: &str) -> &str {
    word.strip_prefix("r#").unwrap_or(word)
}

/// Names that an item binds itself.
#[derive(Default)]
struct Local {
    variables: HashSet<String>,
    /// Variables that are closures: a call of one is a call of it.
    closures: HashSet<String>,
    parameters: HashSet<String>,
}

impl<'a> Visit<'a> for Local {
    fn visit_pat_ident(&mut self, pattern: &'a syn::PatIdent) {
        let name = pattern.ident.to_string();
        if !name.starts_with(char::is_uppercase) {
            self.variables.insert(name);
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        if let (syn::Pat::Ident(pattern), Some(init)) = (&local.pat, &local.init)
            && matches!(*init.expr, syn::Expr::Closure(_))
        {
            self.closures.insert(pattern.ident.to_string());
        }
        visit::visit_local(self, local);
    }

    fn visit_type_param(&mut self, parameter: &'a syn::TypeParam) {
        self.parameters.insert(parameter.ident.to_string());
        visit::visit_type_param(self, parameter);
    }

    fn visit_const_param(&mut self, parameter: &'a syn::ConstParam) {
        self.parameters.insert(parameter.ident.to_string());
        visit::visit_const_param(self, parameter);
    }
}

struct MentionCollector {
    local: Local,
    /// Arguments of the function that is read, which may be called as well (`f: impl Fn()`).
    arguments: HashSet<String>,
    mentions: Mentions,
}

/// Words that a definition's own name follows.
const DEFINES: [&str; 7] = ["fn", "struct", "enum", "union", "trait", "mod", "type"];

impl MentionCollector {
    fn function(&mut self, signature: &syn::Signature, whole: TokenStream) {
        let mut arguments = Local::default();
        signature.inputs.iter().for_each(|input| arguments.visit_fn_arg(input));
        self.arguments = arguments.variables;
        self.read(whole);
        self.arguments.clear();
    }

    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(word) => self.word(plain(&word.to_string()), &tokens, at),
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Literal(literal) => self.literal(&literal.to_string()),
                TokenTree::Punct(_) => {}
            }
        }
    }

    fn word(&mut self, word: &str, tokens: &[TokenTree], at: usize) {
        if KEYWORDS.contains(&word) {
            return;
        }
        let mark = |at: Option<usize>| match at.and_then(|at| tokens.get(at)) {
            Some(TokenTree::Punct(p)) => p.as_char(),
            _ => ' ',
        };
        let before = mark(at.checked_sub(1));
        let path_follows = mark(Some(at + 1)) == ':' && mark(Some(at + 2)) == ':';
        // `a..b` is a range, `a.b` a member.
        if before == '.' && mark(at.checked_sub(2)) != '.' {
            self.mentions.members.insert(word.to_owned());
            return;
        }
        if before == ':' && mark(at.checked_sub(2)) == ':' && !self.is_root(tokens, at) {
            self.mentions.members.insert(word.to_owned());
            return;
        }
        // A field, a parameter, a constant's own name.
        if mark(Some(at + 1)) == ':' && !path_follows {
            return;
        }
        if let Some(TokenTree::Ident(keyword)) = at.checked_sub(1).and_then(|at| tokens.get(at))
            && DEFINES.contains(&keyword.to_string().as_str())
        {
            return;
        }
        if self.local.parameters.contains(word) {
            return;
        }
        let local = self.arguments.contains(word) || self.local.closures.contains(word);
        let parentheses = |t: &TokenTree| matches!(t, TokenTree::Group(g) if g.delimiter() == Delimiter::Parenthesis);
        let called = path_follows
            || mark(Some(at + 1)) == '!' && mark(Some(at + 2)) != '='
            || !local && tokens.get(at + 1).is_some_and(parentheses);
        if called || !self.local.variables.contains(word) {
            self.mentions.names.insert(word.to_owned());
        }
    }

    /// Does the path before the word start at the root (`crate::f`, `self::f`, `$crate::f`)?
    fn is_root(&self, tokens: &[TokenTree], at: usize) -> bool {
        let Some(first) = at.checked_sub(3).and_then(|at| tokens.get(at)) else { return false };
        matches!(first, TokenTree::Ident(word) if ["crate", "self", "super"].contains(&word.to_string().as_str()))
    }

    /// `"{x}"` mentions x.
    fn literal(&mut self, text: &str) {
        for part in text.split('{').skip(1) {
            let word: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !word.is_empty() && !self.local.variables.contains(&word) {
                self.mentions.names.insert(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str) -> Vec<String> {
        let mut names: Vec<String> = Mentions::of(&syn::parse_str(code).expect("an item")).names.into_iter().collect();
        names.retain(|n| !["f64", "usize"].contains(&n.as_str()));
        names.sort();
        names
    }

    #[test]
    fn local_names_are_nobody_elses() {
        assert_eq!(names("fn f(total: f64) -> f64 { let x = total; x + other }"), ["other"]);
        assert_eq!(names("fn f() -> f64 { let area = area(3.0); area }"), ["area"]);
        assert_eq!(names("fn f<T>(t: T) -> T { t }"), [""; 0]);
        assert_eq!(names("struct P { x: Q }"), ["Q"]);
        assert_eq!(names("fn apply(f: impl Fn(f64) -> f64, x: f64) -> f64 { f(x) }"), ["Fn"]);
        assert_eq!(names("fn h() -> f64 { let g = |x: f64| x; g(f(1.0)) }"), ["f"]);
        assert_eq!(names("impl P { fn map(&self, f: fn(f64)) { f(1.0) } fn go(&self) { f(2.0) } }"), ["P", "f"]);
        assert_eq!(names("fn f(n: usize) { for i in 0..n { g!(i) } }"), ["g"]);
    }

    #[test]
    fn members_are_apart() {
        let found = Mentions::of(&syn::parse_str("fn f() { a.b.c(); D::e(); crate::g(); 0..h }").expect("an item"));
        assert!(["b", "c", "e"].iter().all(|n| found.members.contains(*n) && !found.names.contains(*n)));
        assert!(["a", "D", "g", "h"].iter().all(|n| found.names.contains(*n)));
    }

    #[test]
    fn format_strings_mention() {
        assert_eq!(names("fn f(x: f64) { println!(\"{x} {LIMIT:?}\") }"), ["LIMIT", "println"]);
    }

    #[test]
    fn attributes_that_make_names() {
        let adds = |code: &str| match syn::parse_str::<Item>(code) {
            Ok(Item::Struct(s)) => may_add_names(&s.attrs),
            _ => false,
        };
        assert!(!adds("#[derive(Debug, Clone)] #[repr(C)] struct P;"));
        assert!(adds("#[derive(Builder)] struct P;") && adds("#[bitfield] struct P;"));
    }
}
