//! Macros by example of the user's, as far as their calls do more than their text shows: they bind variables by names
//! that they are given, and make items among statements. The items of such a macro, and all the rest, become macros of
//! their own, so that the items stand where later cells see them. It reads tokens and knows no session.

use std::collections::HashMap;
use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};

use super::items::CurrentItem;
use super::published::Parts;
use super::source::Source;
use super::split::{Binding, words};

/// Ends of the names of the macro with items alone, and of that with the rest.
pub const ITEMS: &str = "__ferrolab_items";
pub const REST: &str = "__ferrolab_rest";

/// A macro that makes items among statements.
#[derive(Debug, Clone)]
pub struct Parted {
    /// Where its name ends.
    name_end: usize,
    /// What is left out for the items alone, and for the rest.
    dropped: [(&'static str, Vec<Range<usize>>); 2],
}

impl Parted {
    /// One of these parts, when it has both; one that calls itself is whole.
    pub fn of(code: &str, name: (&str, usize), parts: &Parts) -> Option<Self> {
        let calls_itself = words(code).filter(|word| *word == name.0).count() > 1;
        if !parts.rest || parts.items.is_empty() || calls_itself {
            return None;
        }
        let mut others = Vec::new();
        for body in &parts.bodies {
            let mut at = body.start;
            for item in parts.items.iter().filter(|item| body.start <= item.start && item.end <= body.end) {
                others.push(at..item.start.max(at));
                at = item.end.max(at);
            }
            others.push(at..body.end);
        }
        others.retain(|range| !range.is_empty());
        Some(Self { name_end: name.1, dropped: [(ITEMS, others), (REST, parts.without.clone())] })
    }
}

impl CurrentItem {
    /// The two macros that it is parted in.
    pub(super) fn push_parted(&self, source: &mut Source) {
        let Some(parted) = &self.part.parted else { return };
        for (suffix, dropped) in &parted.dropped {
            let stays = |range: &Range<usize>| !dropped.iter().any(|gone| gone.contains(&range.start));
            let edits = self.part.edits.iter().filter(|(range, _)| stays(range)).cloned();
            let gone = dropped.iter().map(|range| (range.clone(), ""));
            let mut edits: Vec<(Range<usize>, &str)> = edits.chain(gone).collect();
            edits.push((parted.name_end..parted.name_end, suffix));
            edits.sort_by_key(|(range, _)| (range.start, range.end));
            let mut at = self.part.range.start;
            for (range, with) in edits.iter().filter(|(range, _)| range.start >= self.part.range.start) {
                source.push_user(self.cell, at, self.text_of(&(at..range.start.max(at))));
                source.push(with);
                at = range.end.max(at);
            }
            source.push_user(self.cell, at, self.text_of(&(at..self.part.range.end)));
            source.push("\n");
        }
    }
}

/// The variables that a call binds for those who call it: names that the macro is given and says behind `let`. `code` is
/// the macro's definition, and `call` stands at `start` of the cell `text`.
pub fn bound(code: &str, text: &str, call: &Range<usize>) -> Vec<Binding> {
    if !words(code).any(|word| word == "let") {
        return Vec::new();
    }
    let found = inside(code).zip(inside(&text[call.clone()])).and_then(|(rules, given)| by_rules(&rules, &given));
    let bindings = found.unwrap_or_default().into_iter().map(|(name, at, mutable)| {
        let offset = call.start + at;
        let rest = text.get(offset + name.len()..).unwrap_or_default();
        let unused = !words(rest).any(|word| word == name);
        Binding { name, mutable, offset, unused, given: true, closure: None, lent: None, alias: None, late: false }
    });
    let bindings = bindings.collect();
    proc_macro2::extra::invalidate_current_thread_spans();
    bindings
}

/// What a definition or a call has in its brackets.
fn inside(code: &str) -> Option<Vec<TokenTree>> {
    let tokens: TokenStream = code.parse().ok()?;
    let mut behind = tokens.into_iter().skip_while(|token| !is(token, '!'));
    behind.find_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream().into_iter().collect()),
        _ => None,
    })
}

/// The variables of the first rule that fits: name, place, and whether it is mutable.
fn by_rules(rules: &[TokenTree], given: &[TokenTree]) -> Option<Vec<(String, usize, bool)>> {
    let mut groups = rules.iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream().into_iter().collect::<Vec<_>>()),
        _ => None,
    });
    while let (Some(matcher), Some(body)) = (groups.next(), groups.next()) {
        let mut names = HashMap::new();
        if fits(&matcher, given, &mut names) {
            return Some(lets(&body, &names));
        }
    }
    None
}

/// Does what is given fit a matcher? Names that it gives to variables are collected; a repetition fits anything.
fn fits(matcher: &[TokenTree], given: &[TokenTree], names: &mut HashMap<String, (String, usize)>) -> bool {
    let (mut at, mut from) = (0, 0);
    while let Some(token) = matcher.get(at) {
        if is(token, '$') {
            let (Some(TokenTree::Ident(variable)), Some(TokenTree::Ident(fragment))) =
                (matcher.get(at + 1), matcher.get(at + 3))
            else {
                return matches!(matcher.get(at + 1), Some(TokenTree::Group(_)));
            };
            at += 4;
            let to = match fragment.to_string().as_str() {
                "ident" | "tt" | "literal" | "block" => from + 1,
                _ => match matcher.get(at) {
                    Some(next) => (from..given.len()).find(|i| same(&given[*i], next)).unwrap_or(given.len()),
                    None => given.len(),
                },
            };
            match given.get(from..to) {
                Some([TokenTree::Ident(name)]) => {
                    let place = name.span().byte_range().start;
                    names.insert(variable.to_string(), (name.to_string(), place));
                }
                Some(_) if fragment != "ident" => {}
                _ => return false,
            }
            from = to;
            continue;
        }
        let fitting = match (token, given.get(from)) {
            (TokenTree::Group(wanted), Some(TokenTree::Group(there))) => {
                let stream = |group: &proc_macro2::Group| group.stream().into_iter().collect::<Vec<_>>();
                wanted.delimiter() == there.delimiter() && fits(&stream(wanted), &stream(there), names)
            }
            (token, Some(there)) => same(token, there),
            (_, None) => false,
        };
        if !fitting {
            return false;
        }
        (at, from) = (at + 1, from + 1);
    }
    from == given.len()
}

/// The given names that a body's own `let`s bind.
fn lets(body: &[TokenTree], names: &HashMap<String, (String, usize)>) -> Vec<(String, usize, bool)> {
    let mut found = Vec::new();
    for at in (0..body.len()).filter(|at| is_word(&body[*at], "let")) {
        let rest = body[at + 1..].iter();
        let pattern: Vec<TokenTree> = rest.take_while(|token| !is(token, '=') && !is(token, ';')).cloned().collect();
        bound_by(&pattern, names, &mut found);
    }
    found
}

fn bound_by(pattern: &[TokenTree], names: &HashMap<String, (String, usize)>, found: &mut Vec<(String, usize, bool)>) {
    for (at, token) in pattern.iter().enumerate() {
        match token {
            TokenTree::Group(group) => bound_by(&group.stream().into_iter().collect::<Vec<_>>(), names, found),
            // What follows is a type.
            token if is(token, ':') => return,
            token if is(token, '$') => {
                let Some((name, place)) = pattern.get(at + 1).and_then(|variable| names.get(&variable.to_string()))
                else {
                    continue;
                };
                let mutable = at.checked_sub(1).is_some_and(|before| is_word(&pattern[before], "mut"));
                found.push((name.clone(), *place, mutable));
            }
            _ => {}
        }
    }
}

fn is(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == mark)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(there) if there == word)
}

fn same(one: &TokenTree, other: &TokenTree) -> bool {
    !matches!(one, TokenTree::Group(_)) && one.to_string() == other.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str, call: &str) -> Vec<(String, bool)> {
        bound(code, call, &(0..call.len())).into_iter().map(|b| (b.name, b.mutable)).collect()
    }

    #[test]
    fn names_behind_let_are_bound() {
        let rules = "macro_rules! m { () => { let hidden = 1; }; ($n:ident = $v:expr) => { let mut $n = $v; }; (pair $a:ident, $b:ident) => { let ($a, $b): (u8, u8) = (1, 2); } }";
        assert_eq!(names(rules, "m!(fresh = other + 1);"), [("fresh".to_owned(), true)]);
        assert_eq!(names(rules, "m! { pair p, q }"), [("p".to_owned(), false), ("q".to_owned(), false)]);
        assert_eq!(names(rules, "m!();"), []);
        assert_eq!(names("macro_rules! m { ($n:ident) => {{ let $n = 1; $n }} }", "m!(x)"), []);
        assert_eq!(names("macro_rules! m { ($n:ident) => { struct $n; } }", "m!(x)"), []);
    }
}
