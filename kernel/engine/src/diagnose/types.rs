//! The types of variables as rustc prints them: which can be written down, and how.

use std::ops::Range;

use syn::visit::{self, Visit};

/// What kind of type a variable has, seen from outside its cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeKind {
    /// It can be written down. The text is Rust: references that rustc prints without a lifetime
    /// are `'static` in it, since nothing else could outlive the cell; rustc has the last word.
    Nameable(String),
    /// A closure.
    Closure,
    /// An async closure.
    AsyncClosure,
    /// A function's own type, such as `let g = f;` gives. The value fits this function pointer.
    FnItem {
        /// The function pointer type, as Rust.
        signature: String,
    },
    /// A future: an async block or the value of an async function.
    Future,
    /// A value that a function returns as `impl …`.
    Opaque {
        /// What is known of it, such as `Fn(i32) -> i32`.
        bounds: String,
    },
    /// An iterator with a closure, a function or an `impl …` inside.
    LazyIterator,
    /// Another type that has one of these inside, such as a `Vec` of closures.
    Contains {
        /// The type, shortened.
        outer: String,
    },
    /// A `&mut` reference, or a type of which rustc said that it borrows from something that ends
    /// with the cell.
    Borrow {
        /// The type as rustc prints it.
        of: String,
    },
}

/// Sort a type by its text, as [`super::new_types`] reports it.
pub fn classify(type_text: &str) -> TypeKind {
    let text = type_text.trim();
    if let Some(kind) = braced(text) {
        return kind;
    }
    if let Some(signature) = fn_item(text) {
        return TypeKind::FnItem { signature: with_static(signature) };
    }
    if let Some(bounds) = text.strip_prefix("impl ") {
        if bounds.starts_with("std::future::Future") || bounds.starts_with("core::future::Future") {
            return TypeKind::Future;
        }
        return TypeKind::Opaque { bounds: shorten(bounds) };
    }
    if text.contains('{') || names_impl(text) {
        if ["std::iter::", "core::iter::"].iter().any(|root| text.starts_with(root)) {
            return TypeKind::LazyIterator;
        }
        let outer = text.split(['<', '(', '[', '{']).next().unwrap_or_default();
        return TypeKind::Contains { outer: shorten(outer) };
    }
    if text.starts_with("&mut ") {
        return TypeKind::Borrow { of: text.to_owned() };
    }
    TypeKind::Nameable(with_static(text))
}

fn braced(text: &str) -> Option<TypeKind> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    if inner.contains('{') {
        return None;
    }
    let kind = inner.split(['@', ' ']).next().unwrap_or_default();
    Some(match kind {
        "closure" => TypeKind::Closure,
        "async" if inner.starts_with("async closure") => TypeKind::AsyncClosure,
        "async" => TypeKind::Future,
        _ => TypeKind::Contains { outer: String::new() },
    })
}

/// The pointer type in `fn(i32) -> i32 {name}`.
fn fn_item(text: &str) -> Option<&str> {
    let body = text.strip_suffix('}')?;
    let mut start = text;
    if let Some(rest) = start.strip_prefix("for<") {
        start = rest.split_once("> ")?.1;
    }
    for word in ["unsafe ", "extern "] {
        if let Some(rest) = start.strip_prefix(word) {
            start = if word == "extern " { rest.split_once("\" ")?.1 } else { rest };
        }
    }
    if !start.starts_with("fn(") {
        return None;
    }
    let mut depth = 0;
    for (at, c) in text.char_indices().rev().skip(1) {
        match c {
            '}' => depth += 1,
            '{' if depth == 0 => {
                let signature = body[..at].trim_end();
                return (!signature.contains('{') && !names_impl(signature)).then_some(signature);
            }
            '{' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn names_impl(text: &str) -> bool {
    text.match_indices("impl ").any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The short form of a type for people: without the paths of standard types.
pub fn shorten(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_alphanumeric() || c == '_') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
        let path = rest[..end].trim_end_matches(':');
        let standard = ["std::", "core::", "alloc::"].iter().any(|root| path.starts_with(root));
        let generated = path.rsplit_once("::").is_some_and(|(head, _)| head.starts_with("__ferrolab"));
        let keep = if standard || generated { path.rsplit("::").next().unwrap_or(path) } else { path };
        out.push_str(keep);
        rest = &rest[path.len()..];
        if path.is_empty() {
            break;
        }
    }
    out.push_str(rest);
    out
}

/// A type as rustc prints it, as Rust: `&dyn A + B` gets its parentheses, elided lifetimes are
/// `'static`.
pub fn with_static(text: &str) -> String {
    let text = parenthesise(text);
    let Ok(parsed) = syn::parse_str::<syn::Type>(&text) else {
        return text;
    };
    let mut lifetimes = Lifetimes { edits: Vec::new() };
    lifetimes.visit_type(&parsed);
    let mut edits = lifetimes.edits;
    edits.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, with) in edits {
        let Some(kept) = text.get(at..range.start) else {
            continue;
        };
        out.push_str(kept);
        out.push_str(with);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

struct Lifetimes {
    edits: Vec<(Range<usize>, &'static str)>,
}

impl<'ast> Visit<'ast> for Lifetimes {
    fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
        if reference.lifetime.is_none() {
            let end = reference.and_token.span.byte_range().end;
            self.edits.push((end..end, "'static "));
        }
        visit::visit_type_reference(self, reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
        if lifetime.ident == "_" {
            self.edits
                .push((lifetime.apostrophe.byte_range().start..lifetime.ident.span().byte_range().end, "'static"));
        }
    }

    // Lifetimes in signatures are each caller's own.
    fn visit_type_bare_fn(&mut self, _: &'ast syn::TypeBareFn) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}
}

/// rustc prints `&dyn A + B` where Rust wants `&(dyn A + B)`.
fn parenthesise(text: &str) -> String {
    for (at, _) in text.match_indices("dyn ") {
        let before = text[..at].trim_end();
        let lifetime = before.rsplit(' ').next().is_some_and(|w| w.trim_start_matches('&').starts_with('\''));
        let pointer = before.ends_with('&')
            || ["&mut", "*const", "*mut"].iter().any(|p| before.ends_with(p))
            || lifetime && before.contains('&');
        let length = extent(&text[at..]);
        let object = &text[at..at + length];
        if pointer && has_plus(object) {
            let rest = parenthesise(&text[at + length..]);
            return format!("{}({}){rest}", &text[..at], parenthesise(object));
        }
    }
    text.to_owned()
}

/// How far a type goes, up to the bracket or comma that ends it.
fn extent(text: &str) -> usize {
    let mut depth = 0;
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if previous == '-' => {}
            '>' | ')' | ']' if depth == 0 => return at,
            '>' | ')' | ']' => depth -= 1,
            ',' | ';' if depth == 0 => return at,
            _ => {}
        }
        previous = c;
    }
    text.len()
}

fn has_plus(text: &str) -> bool {
    let mut depth = 0;
    let mut previous = ' ';
    for c in text.chars() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if previous == '-' => {}
            '>' | ')' | ']' => depth -= 1,
            '+' if depth == 0 => return true,
            _ => {}
        }
        previous = c;
    }
    false
}
