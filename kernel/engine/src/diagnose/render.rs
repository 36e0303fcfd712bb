//! Diagnostics as a report against the user's cells, in rustc's look. Which of them matter is
//! decided here; how a snippet is made is not.

use std::cmp::Reverse;

use annotate_snippets::{Group, Renderer};

use super::finding::{Finding, finding};
use super::names::{clean, is_generated};
use super::parse::{Diagnostic, Level};
use super::place::{Cells, View};
use super::snippet::{annotated, patched};
use crate::source::Source;

/// How many errors are shown in full.
const SHOWN: usize = 10;

/// A report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The first error's code, such as `E0308`, or `error` (`warning`) when it has none.
    pub name: String,
    /// One plain line: the first error's message and how many more there are.
    pub value: String,
    /// The report with ANSI colours.
    pub ansi: String,
    /// The report without colours.
    pub plain: String,
    /// The same errors as data.
    pub findings: Vec<Finding>,
}

/// Report the errors among `diagnostics`, which are about the generated text `source`; `current`
/// is the cell that was compiled. `None` when there is no error.
pub fn render(diagnostics: &[Diagnostic], source: &Source, cells: &dyn Cells, current: u32) -> Option<Rendered> {
    let view = View { source, cells };
    let errors = diagnostics.iter().filter(|d| d.is_error() && !is_closing(&d.message)).collect();
    report(errors, &view, current, "error")
}

fn is_closing(message: &str) -> bool {
    message.starts_with("aborting due to")
        || message.starts_with("Some errors have detailed explanations")
        || message.starts_with("For more information about")
}

fn report(diagnostics: Vec<&Diagnostic>, view: &View<'_>, current: u32, kind: &str) -> Option<Rendered> {
    let mut placed: Vec<(_, &Diagnostic)> = diagnostics.into_iter().map(|d| (rank(d, view, current), d)).collect();
    placed.sort_by_key(|(rank, _)| *rank);
    let mut seen: Vec<(Rank, String)> = Vec::new();
    placed.retain(|(rank, diagnostic)| {
        let key = (*rank, clean(&diagnostic.message, diagnostic.code(), view));
        let new = !seen.contains(&key);
        if new {
            seen.push(key);
        }
        new
    });
    // What only trips in our text is a consequence of what the user can see.
    if placed.first().is_some_and(|(rank, _)| rank.0 < 2) {
        placed.retain(|(rank, _)| rank.0 < 2);
    }
    let first = placed.first()?.1;
    let code = first.code();
    let name = if is_error_code(code) { code } else { kind }.to_owned();
    let message = headline(first, view);
    let head = message.lines().next().unwrap_or_default();
    let value = match placed.len() - 1 {
        0 => head.to_owned(),
        more => format!("{head} (and {more} more)"),
    };
    let (ansi_renderer, plain_renderer) = (Renderer::styled(), Renderer::plain());
    let (mut ansi, mut plain) = (Vec::new(), Vec::new());
    for (_, diagnostic) in placed.iter().take(SHOWN) {
        let groups = groups(diagnostic, view, current);
        ansi.push(ansi_renderer.render(&groups));
        plain.push(plain_renderer.render(&groups));
    }
    let mut closing = Vec::new();
    if placed.len() > SHOWN {
        let more = placed.len() - SHOWN;
        closing.push(format!("and {more} more {kind}{}", if more == 1 { "" } else { "s" }));
    }
    let coded = placed.iter().take(SHOWN).map(|(_, d)| d.code()).find(|c| is_error_code(c));
    if let Some(code) = coded {
        closing.push(format!("For more information about this error, try `rustc --explain {code}`."));
    }
    for line in closing {
        ansi.push(line.clone());
        plain.push(line);
    }
    let findings = placed.iter().take(SHOWN).map(|(_, diagnostic)| finding(diagnostic, view, current)).collect();
    Some(Rendered { name, value, ansi: ansi.join("\n\n"), plain: plain.join("\n\n"), findings })
}

/// The current cell first, then other cells, the latest first, then what has no place.
type Rank = (u8, Reverse<u32>, usize);

fn rank(diagnostic: &Diagnostic, view: &View<'_>, current: u32) -> Rank {
    let primary = diagnostic.spans.iter().filter(|s| s.is_primary).find_map(|s| view.place_inside(s));
    match primary {
        Some(place) if place.cell == current => (0, Reverse(current), place.range.start),
        Some(place) => (1, Reverse(place.cell), place.range.start),
        None => (2, Reverse(0), 0),
    }
}

pub(super) fn is_error_code(code: &str) -> bool {
    code.len() == 5 && code.starts_with('E') && code[1..].bytes().all(|b| b.is_ascii_digit())
}

fn level(level: Level) -> annotate_snippets::Level<'static> {
    match level {
        Level::Error => annotate_snippets::Level::ERROR,
        Level::Crash => annotate_snippets::Level::ERROR.with_name(Some("error: internal compiler error")),
        Level::Warning => annotate_snippets::Level::WARNING,
        Level::Note | Level::Closing => annotate_snippets::Level::NOTE,
        Level::Help => annotate_snippets::Level::HELP,
    }
}

fn groups<'a>(diagnostic: &Diagnostic, view: &View<'a>, current: u32) -> Vec<Group<'a>> {
    let code = diagnostic.code();
    let mut title = level(diagnostic.level).primary_title(headline(diagnostic, view));
    if is_error_code(code) {
        title = title.id(code.to_owned());
    }
    let inline = diagnostic.children.iter().position(|c| is_inline(c, diagnostic, view));
    let inline_text = inline.map(|at| inline_text(&diagnostic.children[at], code, view));
    let shown = annotated(&diagnostic.spans, inline_text, code, view);
    let inline = inline.filter(|_| !shown.is_empty());
    let mut group = Group::with_title(title).elements(shown);
    let mut done = Vec::new();
    for (index, child) in diagnostic.children.iter().enumerate() {
        if Some(index) == inline {
            continue;
        }
        let Some(message) = child_message(child, code, view) else {
            continue;
        };
        if child.spans.iter().any(|s| s.suggested_replacement.is_some()) {
            if !is_hidden(child, diagnostic)
                && let Some((snippets, more)) = patched(child, view, current)
            {
                let message = with_more(message, more);
                done.push(std::mem::replace(
                    &mut group,
                    Group::with_title(level(child.level).secondary_title(message)).elements(snippets),
                ));
            }
            continue;
        }
        let shown = annotated(&child.spans, None, code, view);
        if shown.is_empty() {
            group = group.element(level(child.level).message(message));
        } else {
            done.push(std::mem::replace(
                &mut group,
                Group::with_title(level(child.level).secondary_title(message)).elements(shown),
            ));
        }
    }
    done.push(group);
    done
}

/// The message itself. What rustc says of the file, and of our bracket that an unclosed one of the
/// user's runs into, is said of the cell.
pub(super) fn headline(diagnostic: &Diagnostic, view: &View<'_>) -> String {
    let unclosed = "this cell contains an unclosed delimiter";
    let message = clean(&diagnostic.message, diagnostic.code(), view);
    let ours = || diagnostic.spans.iter().any(|s| view.place(s).is_none());
    if message.starts_with("mismatched closing delimiter") && ours() {
        return unclosed.to_owned();
    }
    message.replace("this file contains an unclosed delimiter", unclosed)
}

fn with_more(message: String, more: usize) -> String {
    match more {
        0 => message,
        1 => format!("{message}\nand 1 other candidate"),
        _ => format!("{message}\nand {more} other candidates"),
    }
}

/// The text of a note or help; `None` when it says nothing to the user.
pub(super) fn child_message(child: &Diagnostic, code: &str, view: &View<'_>) -> Option<String> {
    let mut message = clean(&child.message, code, view);
    if is_generated(&message) || is_about_lints(&message) || is_about_setup(&message) {
        return None;
    }
    let shown = |s: &super::parse::Span| s.suggested_replacement.is_some() || view.place(s).is_some();
    if !child.spans.is_empty() && !child.spans.iter().any(shown) {
        // A library's file: its labels are worth reading, its lines are not.
        if child.spans.iter().any(|s| view.is_ours(s)) || is_pointer(&message) {
            return None;
        }
        let labels = child.spans.iter().filter_map(|s| s.label.as_deref());
        for label in labels.filter(|l| !l.is_empty() && *l != "in this macro invocation") {
            message.push_str("\n  ");
            message.push_str(&clean(label, code, view));
        }
    }
    if let Some(name) = message.strip_prefix("there are multiple different versions of crate `") {
        return Some(two_versions(name.split('`').next().unwrap_or_default()));
    }
    let missing = message.strip_prefix("you might be missing a crate named `").and_then(|rest| rest.split('`').next());
    let unloaded = message.strip_prefix("if you wanted to use a crate named `").and_then(|rest| rest.split('`').next());
    if let Some(name) = missing.or(unloaded) {
        return Some(format!("if `{name}` is a crate, load it with `:dep {name}` in a line of its own"));
    }
    Some(message)
}

/// What to do when a value is of one version of a crate and a function takes another's.
fn two_versions(name: &str) -> String {
    match name {
        "ndarray" | "rayon" | "plotters" | "serde" => format!(
            "there are two versions of `{name}` here: the one that `:dep` added, and `ferrolab::{name}`, which the helpers \
             take and which cells use when no `:dep` asks for another; make the value with `ferrolab::{name}`, or hand \
             over what both know, such as a slice"
        ),
        _ => format!(
            "there are two versions of `{name}` here, since crates that were added ask for different ones; a `:dep {name} = …` \
             with the version that the other crate uses gives it to cells too"
        ),
    }
}

/// Notes that only point at a library's line, which is not shown.
fn is_pointer(message: &str) -> bool {
    message.ends_with("defined here") || message.ends_with("is defined in this crate")
}

fn is_about_lints(message: &str) -> bool {
    (message.starts_with("`#[") && message.contains("on by default"))
        || message.starts_with("requested on the command line with")
        || (message.starts_with('`') && message.contains("implied by"))
        || message.starts_with("to override `-")
}

fn is_about_setup(message: &str) -> bool {
    message.starts_with("this compiler was built on")
        || message.starts_with("this error originates in the macro")
        || message.contains("to the crate attributes to enable")
        || message.contains("in your `Cargo.toml`")
        || message.contains("`cargo tree`")
}

/// Whether a suggestion is meant for tools only, which rustc's JSON does not say but its rendering
/// shows.
fn is_hidden(child: &Diagnostic, parent: &Diagnostic) -> bool {
    let head = child.message.lines().next().unwrap_or_default();
    parent.rendered.as_ref().is_some_and(|rendered| !rendered.contains(head))
}

/// Whether rustc writes a suggestion as a label, which its JSON does not say but its rendering
/// shows.
fn is_inline(child: &Diagnostic, parent: &Diagnostic, view: &View<'_>) -> bool {
    let [span] = child.spans.as_slice() else {
        return false;
    };
    let Some(replacement) = &span.suggested_replacement else {
        return false;
    };
    let Some(rendered) = &parent.rendered else {
        return false;
    };
    let head = format!("help: {}: `", child.message);
    !replacement.contains('\n') && !is_generated(replacement) && view.place(span).is_some() && rendered.contains(&head)
}

fn inline_text(child: &Diagnostic, code: &str, view: &View<'_>) -> String {
    let replacement = child.spans.first().and_then(|s| s.suggested_replacement.as_deref()).unwrap_or_default();
    format!("help: {}: `{}`", clean(&child.message, code, view), super::names::clean_code(replacement.trim()))
}
