//! Small things at a cell's end that a notebook does not need: the last semicolon, and something below a
//! comment. Texts come in that `syn` cannot read; what it means with them mended is read here.

use syn::Stmt;
use syn::parse::{ParseStream, Parser};

use super::diagnose::{Diagnostic, Span};
use super::insight::lexer::{Token, tokens};
use super::source::Source;

/// The text with a semicolon behind its last word, when that makes a declaration of what it ends with.
pub fn with_semicolon(text: &str) -> Option<String> {
    let end = tokens(text).iter().rev().find(|t| !matches!(t.token, Token::Comment { .. }))?.range.end;
    let mended = format!("{};{}", &text[..end], &text[end..]);
    let grammar = |input: ParseStream<'_>| Ok((syn::Attribute::parse_inner(input)?, syn::Block::parse_within(input)?));
    let last = grammar.parse_str(&mended).ok()?.1.pop();
    proc_macro2::extra::invalidate_current_thread_spans();
    matches!(last, Some(Stmt::Local(_) | Stmt::Item(_))).then_some(mended)
}

/// Is there nothing but comments?
pub fn is_comment(text: &str) -> bool {
    tokens(text).iter().all(|t| matches!(t.token, Token::Comment { closed, line, .. } if closed || line))
}

/// What to do about a cell that stops too early, or asks too much of `?`.
pub fn explain(diagnostics: &mut [Diagnostic]) {
    diagnostics.iter_mut().filter(|d| d.code() == "E0277").for_each(explain_try);
    diagnostics.iter_mut().filter(|d| d.code() == "E0283").for_each(explain_sum);
    diagnostics.iter_mut().filter(|d| d.code() == "E0283").for_each(explain_choice);
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error()) {
        if ["expected statement after outer attribute", "expected item after attributes"]
            .contains(&diagnostic.message.as_str())
        {
            diagnostic.add_help("an attribute belongs to the item below it: write both in one cell");
        }
    }
}

/// Where rustc finds the brace that we put behind a cell, the cell ends too early: it is told so, at its last sign.
pub fn explain_end(diagnostics: &mut [Diagnostic], source: &Source) {
    const OURS: &str = "found `}`";
    let users =
        |at: usize| source.locate(&(at..at + 1)).is_some() && !source.text()[at..].starts_with(char::is_whitespace);
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error() && d.message.contains(OURS)) {
        let ours = |span: &&mut Span| span.is_primary && source.locate(&span.range()).is_none();
        let Some(span) = diagnostic.spans.iter_mut().find(ours) else { continue };
        let before = (0..span.byte_start).rev().filter(|at| source.text().is_char_boundary(*at)).find(|at| users(*at));
        let Some(last) = before else { continue };
        let length = source.text()[last..].chars().next().map_or(1, char::len_utf8);
        *span = Span { byte_start: last, byte_end: last + length, text: Vec::new(), ..span.clone() };
        diagnostic.message = diagnostic.message.replace(OURS, "found the end of the cell");
    }
}

/// Lanes can be summed from anything that can be added to them, so `.sum()` may stand for more than with std alone. What rustc
/// lists of them says nothing to the user.
fn explain_sum(diagnostic: &mut Diagnostic) {
    let lists = |text: &str| text.contains("ferrolab::wide::");
    if !diagnostic.children.iter().any(|child| lists(&child.message)) {
        return;
    }
    diagnostic.children.retain(|child| !lists(&child.message));
    diagnostic.add_help("say what it makes, as in `.sum::<i32>()` or `let total: f64 = …`: in cells there are more types that can be summed than in std".to_owned());
}

/// With std alone, what is compared with an `i32` is one. Crates that every cell knows bring types of theirs that are compared with it
/// as well, so rustc has a choice where a program has none.
fn explain_choice(diagnostic: &mut Diagnostic) {
    const LISTS: &str = "found in the following crates: ";
    let crates =
        |text: &str| text.split_once(LISTS).map(|(_, crates)| crates.lines().next().unwrap_or_default().to_owned());
    let Some(listed) = diagnostic.children.iter().find_map(|child| crates(&child.message)) else { return };
    let std = ["core", "std", "alloc"];
    if listed.split('`').filter(|name| name.starts_with(char::is_alphabetic)).any(|name| !std.contains(&name)) {
        diagnostic.add_help("say its type, as in `let x: i32 = …` or `.parse::<i32>()`: cells know more crates than std, and types of theirs could be meant as well");
    }
}

/// rustc speaks of a closure of ours, and of the error that it returns, when a cell's own `?` meets an `Option`.
fn explain_try(diagnostic: &mut Diagnostic) {
    let labels = diagnostic.spans.iter_mut().filter_map(|span| span.label.as_mut());
    let Some(label) = labels.into_iter().find(|label| label.contains("ferrolab::rt::")) else { return };
    *label = "use `.ok_or(\"what is missing\")?`, or `let Some(…) = … else { … };`".to_owned();
    diagnostic.message =
        diagnostic.message.replace("in a closure that returns `Result`", "in a cell, which returns a `Result`");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_semicolon_is_added_where_it_makes_a_declaration() {
        let mended = |text| with_semicolon(text).unwrap_or_default();
        assert_eq!(mended("let x = 5 // five"), "let x = 5; // five");
        assert_eq!(mended("f();\nuse std::fmt\n"), "f();\nuse std::fmt;\n");
        assert_eq!(mended("const N: i32 = 4"), "const N: i32 = 4;");
        for text in ["let x =", "let x = 3\nx + 1", "x + ", "#[derive(Debug)]", "f(1", ""] {
            assert_eq!(with_semicolon(text), None, "{text}");
        }
    }

    #[test]
    fn comments_alone_are_known() {
        assert!(is_comment("/// doc") && is_comment(" // a\n/* b */ //! c") && is_comment(""));
        assert!(!is_comment("/* open") && !is_comment("// a\n1"));
    }
}
