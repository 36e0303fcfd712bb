//! evcxr's errors in the form of ours: name, one line, and a report against the user's own cell, in
//! rustc's look. What evcxr says of its generated code is left out.

use std::ops::Range;

use ::evcxr::{CompilationError, Error};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::evaluate::errors::plain;
use ferrolab_jupyter::session::evaluator::CellError;

/// How many errors are shown in full.
const SHOWN: usize = 10;

/// Why evcxr did not run a cell to its end.
pub(super) fn refused(error: &Error, number: u32, text: &str, lost: &[String]) -> CellError {
    match error {
        Error::CompilationErrors(errors) => compilation(errors, number, text),
        Error::SubprocessTerminated(how) => plain("Crash", &format!("{}{}", how.trim(), losses(lost))),
        Error::TypeRedefinedVariablesLost(names) => {
            plain("Evcxr", &format!("a type was redefined, and variables of it are lost: {}", names.join(", ")))
        }
        Error::Message(message) => plain("Evcxr", message),
    }
}

/// What an end of the guest has cost.
pub(super) fn losses(lost: &[String]) -> String {
    match lost {
        [] => String::new(),
        _ => format!("; variables lost: {} (the evcxr engine takes no snapshots)", lost.join(", ")),
    }
}

fn compilation(errors: &[CompilationError], number: u32, text: &str) -> CellError {
    let real: Vec<&CompilationError> = errors.iter().filter(|e| e.level() != "warning").collect();
    let shown = if real.is_empty() { errors.iter().collect() } else { real };
    let Some(first) = shown.first() else { return plain("error", "evcxr refused the cell without a reason") };
    let name = first.code().filter(|code| !code.is_empty()).unwrap_or("error").to_owned();
    let head = first.message();
    let head = head.lines().next().unwrap_or_default();
    let value = match shown.len() - 1 {
        0 => head.to_owned(),
        more => format!("{head} (and {more} more)"),
    };
    let path = format!("[{number}]");
    let renderer = Renderer::styled();
    let mut blocks: Vec<String> =
        shown.iter().take(SHOWN).map(|error| renderer.render(&[group(error, &path, text)])).collect();
    if shown.len() > SHOWN {
        blocks.push(format!("and {} more errors", shown.len() - SHOWN));
    }
    CellError { name, value, traceback: vec![blocks.join("\n\n")] }
}

fn group<'a>(error: &CompilationError, path: &'a str, text: &'a str) -> Group<'a> {
    let mut title = Level::ERROR.primary_title(error.message());
    if let Some(code) = error.code() {
        title = title.id(code.to_owned());
    }
    let marks: Vec<_> = error
        .spanned_messages()
        .iter()
        .filter_map(|message| {
            let span = message.span?;
            let start = offset(text, span.start_line, span.start_column)?;
            let end = offset(text, span.end_line, span.end_column)?;
            let kind = if message.is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            // evcxr repeats the title where rustc has no label.
            let label = Some(message.label.clone()).filter(|l| !l.is_empty() && !l.ends_with(&error.message()));
            Some(kind.span(ordered(start, end)).label(label))
        })
        .collect();
    let mut group = Group::with_title(title);
    if !marks.is_empty() {
        group = group.element(Snippet::source(text).path(Some(path)).annotations(marks));
    }
    for help in error.help().into_iter().chain(error.evcxr_extra_hint().map(str::to_owned)) {
        if !help.contains("evcxr_") {
            group = group.element(Level::HELP.message(help));
        }
    }
    group
}

fn ordered(start: usize, end: usize) -> Range<usize> {
    start..end.max(start)
}

/// Where a line and column, both from 1 and in characters, are in the text.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let rest = text.get(start..)?.split('\n').next()?;
    let inside = rest.char_indices().nth(column.checked_sub(1)?).map_or(rest.len(), |(at, _)| at);
    Some(start + inside)
}

/// A panic, from what Rust printed of it.
pub(super) fn panicked(printed: &[u8]) -> CellError {
    let printed = String::from_utf8_lossy(printed);
    let Some((_, after)) = printed.rsplit_once("' panicked at ").or_else(|| printed.rsplit_once(") panicked at "))
    else {
        return plain("panic", "the cell panicked without a message");
    };
    let message: Vec<&str> = after
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("note: run with `RUST_BACKTRACE") && !line.starts_with("stack backtrace:"))
        .collect();
    plain("panic", message.join("\n").trim_end())
}

/// An `Err` from `?` at the top level, from what evcxr's code printed of it.
pub(super) fn failed(printed: &[u8]) -> CellError {
    let printed = String::from_utf8_lossy(printed);
    let message = printed.trim_end().lines().next_back().unwrap_or("the cell returned an error");
    let mut error = plain("Error", message);
    error.traceback =
        vec![format!("\x1b[1;31merror\x1b[0m\x1b[1m: the cell returned an error from `?`\x1b[0m\n{message}")];
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        let text = "let ä = 1;\nb";
        assert_eq!(offset(text, 1, 1), Some(0));
        assert_eq!(offset(text, 1, 6), Some(6));
        assert_eq!(offset(text, 2, 2), Some(text.len()));
        assert_eq!(offset(text, 9, 1), Some(text.len()));
        assert_eq!(offset(text, 0, 1), None);
    }

    #[test]
    fn a_panic_is_what_rust_printed_last() {
        let text = "own\nthread 'cell' (12) panicked at src/lib.rs:3:5:\nindex 3\nof 2\nnote: run with `RUST_BACKTRACE=1` environment variable\n";
        assert_eq!(panicked(text.as_bytes()).traceback[0].split(": ").nth(1), Some("index 3\nof 2\x1b[0m"));
        assert_eq!(panicked(text.as_bytes()).value, "index 3");
        assert_eq!(panicked(b"nothing").name, "panic");
        assert_eq!(failed(b"a\nbad digit\n").value, "bad digit");
    }
}
