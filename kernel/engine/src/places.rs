//! Words that stand for the place where they are: `file!()`, `line!()`, `column!()` and `dbg!(…)` would name
//! our generated text. They are written out as what the user sees: `[3]`, the line and the column of the cell.

use std::ops::Range;

use proc_macro2::{Delimiter, Group, TokenTree};

use super::reads::calls;
use super::source::line_column;

/// Words that are written out.
pub const WORDS: [&str; 4] = ["file", "line", "column", "dbg"];

/// What comes in the place of such words among these tokens, which are of `text`. `name` is what the text is
/// called; `own` knows macros of the user's.
pub fn written(
    tokens: &[TokenTree],
    text: &str,
    name: &str,
    own: &dyn Fn(&str) -> bool,
) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    for (at, word, group) in calls(tokens) {
        if !WORDS.contains(&word.as_str()) || own(&word) {
            continue;
        }
        let Some(first) = path_start(tokens, at) else { continue };
        let start = tokens[first].span().byte_range().start;
        let (line, column) = line_column(text, start);
        let inner = group.span_open().byte_range();
        let whole = start..group.span_close().byte_range().end;
        let written = match word.as_str() {
            "file" if group.stream().is_empty() => (whole, format!("{name:?}")),
            "line" if group.stream().is_empty() => (whole, format!("{line}u32")),
            "column" if group.stream().is_empty() => (whole, format!("{column}u32")),
            "dbg" => {
                let place = format!("{name}:{line}:{column}");
                (start..inner.end, format!("::ferrolab::__dbg!{}{place:?}, ", opening(group)))
            }
            _ => continue,
        };
        found.push(written);
    }
    found
}

/// Where the path of a macro begins, when it is the standard one: alone, `std::` or `core::`.
fn path_start(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let mark = |at: Option<usize>, mark: char| {
        at.and_then(|at| tokens.get(at)).is_some_and(|t| matches!(t, TokenTree::Punct(p) if p.as_char() == mark))
    };
    let colons = |at: usize| mark(at.checked_sub(1), ':') && mark(at.checked_sub(2), ':');
    if !colons(at) {
        return (!mark(at.checked_sub(1), '.') && !mark(at.checked_sub(1), '$')).then_some(at);
    }
    let root = at.checked_sub(3)?;
    let TokenTree::Ident(word) = &tokens[root] else { return None };
    if word != "std" && word != "core" {
        return None;
    }
    Some(if colons(root) { root - 2 } else { root })
}

fn opening(group: &Group) -> char {
    match group.delimiter() {
        Delimiter::Bracket => '[',
        Delimiter::Brace => '{',
        _ => '(',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Vec<(String, String)> {
        let tokens: Vec<TokenTree> = text.parse::<proc_macro2::TokenStream>().expect("tokens").into_iter().collect();
        let found = written(&tokens, text, "[3]", &|word| word == "column");
        found.into_iter().map(|(range, with)| (text[range].to_owned(), with)).collect()
    }

    #[test]
    fn words_name_their_place() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            flat("(1);\n file!() + ::std::line!() - column!()"),
            [pair("file!()", "\"[3]\""), pair("::std::line!()", "2u32")]
        );
        assert_eq!(flat("dbg![x]; $crate::line!(); my::file!()"), [pair("dbg![", "::ferrolab::__dbg![\"[3]:1:1\", ")]);
        assert!(flat("line; file(1); \"line!()\"").is_empty());
    }
}
