//! What tokens define, and the edits that make it visible to other crates: for macros by example, whose items
//! get `pub` where they are written, and for the items that stand in a macro's call. It reads tokens, since
//! what a macro takes is not Rust yet.

use std::ops::Range;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What was found in tokens.
#[derive(Debug, Default)]
pub struct Found {
    /// Replacements, as in [`super::item::ItemPart::edits`].
    pub edits: Vec<(Range<usize>, &'static str)>,
    /// Names behind `struct`, `fn` and their like.
    pub names: Vec<String>,
    /// Is there an item, or what may become one?
    pub items: bool,
    /// In bodies of macros: how those with items alone, and with all the rest, are made of them.
    pub parts: Parts,
}

/// The bodies of a macro by example, told apart. All ranges are bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The insides of the bodies.
    pub bodies: Vec<Range<usize>>,
    /// Items, and what repeats them.
    pub items: Vec<Range<usize>>,
    /// What is left out for the rest: the same, but for repetitions that hold more.
    pub without: Vec<Range<usize>>,
    /// There is a rest.
    pub rest: bool,
}

/// Words that items begin with.
const KINDS: [&str; 11] =
    ["struct", "enum", "union", "fn", "trait", "type", "mod", "static", "const", "impl", "macro_rules"];

/// The items among the tokens of a macro's call.
pub fn in_call(tokens: TokenStream) -> Found {
    let mut found = Found::default();
    PublishedReader { variables: Vec::new(), found: &mut found }.items(&tokens.into_iter().collect::<Vec<_>>());
    found
}

/// The items in the braces of a `cfg_if!`.
pub fn in_branches(tokens: TokenStream) -> Found {
    let mut found = Found::default();
    for token in tokens {
        if let TokenTree::Group(group) = token
            && group.delimiter() == Delimiter::Brace
        {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            PublishedReader { variables: Vec::new(), found: &mut found }.items(&inner);
        }
    }
    found
}

/// The items in the bodies of a macro by example.
pub fn in_rules(tokens: TokenStream) -> Found {
    let mut found = Found::default();
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut groups = tokens.iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    });
    while let (Some(matcher), Some(body)) = (groups.next(), groups.next()) {
        let mut variables = Vec::new();
        visibilities(matcher, &mut variables);
        let body: Vec<TokenTree> = body.into_iter().collect();
        if let (Some(first), Some(last)) = (body.first(), body.last()) {
            found.parts.bodies.push(start(first)..end(last));
        }
        found.parts.rest |= PublishedReader { variables, found: &mut found }.items(&body);
    }
    found
}

/// Variables of a matcher that stand for a visibility.
fn visibilities(matcher: TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = matcher.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => visibilities(group.stream(), found),
            TokenTree::Ident(word)
                if word == "vis" && at >= 3 && is(&tokens, at - 1, ':') && is(&tokens, at - 3, '$') =>
            {
                found.push(tokens[at - 2].to_string());
            }
            _ => {}
        }
    }
}

fn is(tokens: &[TokenTree], at: usize, mark: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == mark)
}

fn word(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        _ => None,
    }
}

fn group(tokens: &[TokenTree], at: usize, delimiter: Delimiter) -> Option<Vec<TokenTree>> {
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group.stream().into_iter().collect()),
        _ => None,
    }
}

fn start(token: &TokenTree) -> usize {
    token.span().byte_range().start
}

fn end(token: &TokenTree) -> usize {
    token.span().byte_range().end
}

/// The place after the next comma that is in no generic arguments.
fn next_field(tokens: &[TokenTree], from: usize) -> usize {
    let mut depth = 0i32;
    for at in from..tokens.len() {
        let arrow = at > 0 && (is(tokens, at - 1, '-') || is(tokens, at - 1, '='));
        match () {
            () if is(tokens, at, '<') => depth += 1,
            () if is(tokens, at, '>') && !arrow => depth -= 1,
            () if is(tokens, at, ',') && depth <= 0 => return at + 1,
            () => {}
        }
    }
    tokens.len()
}

struct PublishedReader<'a> {
    variables: Vec<String>,
    found: &'a mut Found,
}

impl PublishedReader<'_> {
    /// Reads items; true when there is something else as well.
    fn items(&mut self, tokens: &[TokenTree]) -> bool {
        let (mut at, mut rest, mut attributes) = (0, false, None);
        while at < tokens.len() {
            // `$( … )*` has items in it, or attributes.
            if is(tokens, at, '$')
                && let Some(inner) = group(tokens, at + 1, Delimiter::Parenthesis)
            {
                let first = at;
                at += 2;
                // Its separator and its operator.
                let operator = |at: usize| ['*', '+', '?'].iter().any(|mark| is(tokens, at, *mark));
                at += (0..2).find(|more| operator(at + more)).map_or(0, |more| more + 1);
                let inside = start(&tokens[first + 1]) + 1..end(&tokens[first + 1]) - 1;
                let whole = start(&tokens[attributes.unwrap_or(first)])..end(&tokens[at.min(tokens.len()) - 1]);
                match self.repeated(&inner, inside, whole) {
                    // Attributes of what follows.
                    None if inner.first().is_some_and(|t| t.to_string() == "#") => {
                        attributes.get_or_insert(first);
                    }
                    None => rest = true,
                    Some(more) => (rest, attributes) = (rest | more, None),
                }
                continue;
            }
            if is(tokens, at, '#') || is(tokens, at, '*') {
                // An attribute, or `*const T`.
                if is(tokens, at, '#') {
                    attributes.get_or_insert(at);
                }
                at += 2;
                continue;
            }
            let (after, public) = self.visibility(tokens, at);
            let first = attributes.take().unwrap_or(at);
            match self.item(tokens, after, public) {
                Some(behind) => {
                    let range = start(&tokens[first])..end(&tokens[behind.min(tokens.len()) - 1]);
                    self.found.parts.items.push(range.clone());
                    self.found.parts.without.push(range);
                    at = behind;
                }
                None => {
                    rest |= !is(tokens, at, ';');
                    at = after.max(at + 1);
                }
            }
        }
        rest
    }

    /// Reads the items that a macro repeats: `$( … )*`. True when it repeats something else as well, none when it has no
    /// items.
    fn repeated(&mut self, inner: &[TokenTree], inside: Range<usize>, whole: Range<usize>) -> Option<bool> {
        let (items, without) = (self.found.parts.items.len(), self.found.parts.without.len());
        let rest = self.items(inner);
        let parts = &mut self.found.parts;
        if parts.items.len() == items {
            return None;
        }
        parts.items.insert(items, whole.start..inside.start);
        parts.items.push(inside.end..whole.end);
        if !rest {
            parts.without.truncate(without);
            parts.without.push(whole);
        }
        Some(rest)
    }

    /// Reads a visibility and makes it `pub`; where it ends, and whether there was one.
    fn visibility(&mut self, tokens: &[TokenTree], at: usize) -> (usize, bool) {
        if word(tokens, at).as_deref() == Some("pub") {
            let inner = group(tokens, at + 1, Delimiter::Parenthesis);
            // The field of a tuple may begin with a parenthesis, too.
            let restricted = inner
                .and_then(|inner| word(&inner, 0))
                .is_some_and(|first| ["crate", "super", "self", "in"].contains(&first.as_str()));
            if restricted {
                self.found.edits.push((start(&tokens[at])..tokens[at + 1].span().byte_range().end, "pub"));
            }
            return (at + 1 + usize::from(restricted), true);
        }
        let variable = word(tokens, at + 1).filter(|name| is(tokens, at, '$') && self.variables.contains(name));
        if variable.is_some() {
            self.found.edits.push((start(&tokens[at])..tokens[at + 1].span().byte_range().end, "pub"));
            return (at + 2, true);
        }
        (at, false)
    }

    /// Reads an item that begins here; where it ends.
    fn item(&mut self, tokens: &[TokenTree], first: usize, public: bool) -> Option<usize> {
        let mut at = first;
        while let Some(modifier) = word(tokens, at) {
            let before_function =
                || ["fn", "unsafe", "async", "extern"].contains(&word(tokens, at + 1).unwrap_or_default().as_str());
            match modifier.as_str() {
                "unsafe" | "async" | "default" => at += 1,
                "extern" => at += 1 + usize::from(matches!(tokens.get(at + 1), Some(TokenTree::Literal(_)))),
                "const" if before_function() => at += 1,
                _ => break,
            }
        }
        let kind = word(tokens, at).filter(|kind| KINDS.contains(&kind.as_str()))?;
        if kind == "macro_rules" {
            if !is(tokens, at + 1, '!') {
                return None;
            }
            self.found.items = true;
            let exported = first > 1
                && group(tokens, first - 1, Delimiter::Bracket)
                    .is_some_and(|a| word(&a, 0).as_deref() == Some("macro_export"));
            if !exported {
                let before = start(&tokens[at]);
                self.found.edits.push((before..before, "#[macro_export] "));
            }
            // Its name may be a variable's.
            let rules = (at + 2..tokens.len()).find(|end| matches!(tokens[*end], TokenTree::Group(_)));
            return Some(rules.map_or(tokens.len(), |rules| rules + 1));
        }
        if kind == "impl" {
            return self.implementation(tokens, at);
        }
        let mut name = at + 1;
        while ["ref", "mut"].contains(&word(tokens, name).unwrap_or_default().as_str()) {
            name += 1;
        }
        let named = word(tokens, name).filter(|name| name != "_");
        // `fn(f64)` is a type, `*const T` too.
        // `fn [<get_ x>]()` is what `paste!` takes.
        let pasted = || group(tokens, name, Delimiter::Bracket).is_some();
        if named.is_none() && !is(tokens, name, '$') && !pasted() {
            return None;
        }
        self.found.items = true;
        self.found.names.extend(named);
        if !public {
            let before = start(&tokens[first]);
            self.found.edits.push((before..before, "pub "));
        }
        let has_fields = kind == "struct" || kind == "union";
        for end in name..tokens.len() {
            if let Some(inner) = group(tokens, end, Delimiter::Brace) {
                if has_fields {
                    self.fields(&inner, true);
                }
                return Some(end + 1);
            }
            if has_fields && let Some(inner) = group(tokens, end, Delimiter::Parenthesis) {
                self.fields(&inner, false);
            }
            if is(tokens, end, ';') {
                return Some(end + 1);
            }
        }
        Some(tokens.len())
    }

    /// Members of inherent implementations become public as well.
    fn implementation(&mut self, tokens: &[TokenTree], at: usize) -> Option<usize> {
        let body = (at..tokens.len()).find(|end| group(tokens, *end, Delimiter::Brace).is_some())?;
        self.found.items = true;
        let is_for = |at: &usize| word(tokens, *at).is_some_and(|word| word == "for") && !is(tokens, at + 1, '<');
        let known = self.found.names.len();
        let parts = self.found.parts.clone();
        if !(at..body).any(|at| is_for(&at)) {
            self.items(&group(tokens, body, Delimiter::Brace)?);
        }
        // Its members are no names of their own, nor items that can stand alone.
        self.found.names.truncate(known);
        self.found.parts = parts;
        Some(body + 1)
    }

    fn fields(&mut self, tokens: &[TokenTree], named: bool) {
        let mut at = 0;
        while at < tokens.len() {
            if is(tokens, at, '#') {
                at += 2;
                continue;
            }
            if is(tokens, at, '$')
                && let Some(inner) = group(tokens, at + 1, Delimiter::Parenthesis)
            {
                self.fields(&inner, named);
            } else {
                let (after, public) = self.visibility(tokens, at);
                let colon = after + 1 + usize::from(is(tokens, after, '$'));
                let field = !named || is(tokens, colon, ':');
                if !public && field && after < tokens.len() {
                    let before = start(&tokens[after]);
                    self.found.edits.push((before..before, "pub "));
                }
            }
            at = next_field(tokens, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(code: &str, found: &dyn Fn(TokenStream) -> Found) -> String {
        let mut found = found(code.parse().expect("tokens"));
        found.edits.sort_by_key(|(range, _)| range.start);
        let mut out = code.to_owned();
        for (range, with) in found.edits.into_iter().rev() {
            out.replace_range(range, with);
        }
        out
    }

    #[test]
    fn items_of_macros_become_visible() {
        let rules = |code: &str| published(code, &in_rules);
        assert_eq!(
            rules(
                "($($n:ident),*) => { $( #[derive(Debug)] struct $n(u32, Vec<u8>); impl $n { fn next(self) -> Self { $n(1) } } )* }"
            ),
            "($($n:ident),*) => { $( #[derive(Debug)] pub struct $n(pub u32, pub Vec<u8>); impl $n { pub fn next(self) -> Self { $n(1) } } )* }"
        );
        assert_eq!(
            rules(
                "($(#[$m:meta])* $v:vis struct $n:ident { $($f:ident : $t:ty),* }) => { $(#[$m])* $v struct $n { $($f: $t),* } impl Clone for $n { fn clone(&self) -> Self { todo!() } } }"
            ),
            "($(#[$m:meta])* $v:vis struct $n:ident { $($f:ident : $t:ty),* }) => { $(#[$m])* pub struct $n { $(pub $f: $t),* } impl Clone for $n { fn clone(&self) -> Self { todo!() } } }"
        );
        assert_eq!(rules("($x:expr) => {{ fn f() {} $x }}"), "($x:expr) => {{ fn f() {} $x }}");
        assert_eq!(rules("() => { pub(crate) const fn f(g: fn(f64)) {} }"), "() => { pub const fn f(g: fn(f64)) {} }");
        assert_eq!(
            rules("() => { struct P(Map<A, B>, fn(A) -> B); }"),
            "() => { pub struct P(pub Map<A, B>, pub fn(A) -> B); }"
        );
        assert_eq!(rules("($a:expr) => { $a as *const u8 }"), "($a:expr) => { $a as *const u8 }");
    }

    #[test]
    fn bodies_are_told_apart() {
        let parted = |code: &str| {
            let parts = in_rules(code.parse().expect("tokens")).parts;
            let text = |ranges: &[Range<usize>]| ranges.iter().map(|r| &code[r.clone()]).collect::<Vec<_>>().join("|");
            (parts.rest, text(&parts.items), text(&parts.without))
        };
        let told = |rest, items: &str, without: &str| (rest, items.to_owned(), without.to_owned());
        assert_eq!(
            parted("($n:ident, $v:ident) => { #[derive(Debug)] struct $n; let $v = $n; impl $n { fn f() {} } }"),
            told(
                true,
                "#[derive(Debug)] struct $n;|impl $n { fn f() {} }",
                "#[derive(Debug)] struct $n;|impl $n { fn f() {} }"
            )
        );
        assert_eq!(
            parted("($($n:ident),*) => { $( struct $n; )* $( println!(\"{}\", stringify!($n)); )* }"),
            told(true, "$(|struct $n;|)*", "$( struct $n; )*")
        );
        assert_eq!(
            parted("($($n:ident),*) => { $( struct $n; let x = $n; )* }"),
            told(true, "$(|struct $n;|)*", "struct $n;")
        );
        assert!(!parted("($(#[$m:meta])* $n:ident) => { $(#[$m])* struct $n; }").0);
        assert_eq!(parted("($x:expr) => { $x + 1 }"), told(true, "", ""));
    }

    #[test]
    fn items_of_calls_are_found() {
        let found = in_call(
            "#[derive(Debug)] pub struct Mask: u8 { const A = 1; } static ref X: u8 = 1;".parse().expect("tokens"),
        );
        assert_eq!(found.names, ["Mask", "X"]);
        assert_eq!(
            published("struct Mask: u8 { const A = 1; } enum E { A(u8) }", &in_call),
            "pub struct Mask: u8 { const A = 1; } pub enum E { A(u8) }"
        );
        assert_eq!(published("fn [<get_ x>]() {}", &in_call), "pub fn [<get_ x>]() {}");
        assert!(!in_call("SampleId, RunId".parse().expect("tokens")).items);
        assert!(!in_call("\"{}\", x as *const f64".parse().expect("tokens")).items);
    }
}
