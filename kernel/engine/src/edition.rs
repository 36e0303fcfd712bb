//! The edition that a crate is compiled with: the session's, unless what it says was an error in 2024 only.
//! Which of rustc's errors are of that kind is known here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::diagnose::Diagnostic;
use super::items::Name;
use super::source::Source;

/// Rust's editions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Edition {
    /// The first.
    E2015,
    /// Paths from crates, `dyn`, `async`.
    E2018,
    /// What evcxr compiles cells with.
    E2021,
    /// The newest.
    #[default]
    E2024,
}

/// All of them, by the words that choose them.
const WORDS: [(&str, Edition); 4] =
    [("2015", Edition::E2015), ("2018", Edition::E2018), ("2021", Edition::E2021), ("2024", Edition::E2024)];

impl Edition {
    /// The one of this name.
    pub fn of(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, edition)| *edition)
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(_, edition)| *edition == self).map_or("2024", |(word, _)| word)
    }
}

/// What the first edition has to say before our prelude.
pub fn before_prelude(edition: Edition) -> &'static str {
    if edition == Edition::E2015 { "extern crate core; extern crate ferrolab;\n" } else { "" }
}

/// Crates of items that a text of the first edition has to name before it can use them.
pub fn push_crates(edition: Edition, families: &BTreeSet<Name>, source: &mut Source) {
    if edition != Edition::E2015 {
        return;
    }
    for family in families {
        // One whose macros are used is named already.
        if !source.text().contains(&format!("extern crate {family};")) {
            source.push(&format!("extern crate {family};\n"));
        }
    }
}

/// Is this an error that the edition before has not?
pub fn is_new(diagnostic: &Diagnostic) -> bool {
    const UNSAFE: [&str; 3] = ["`std::env::set_var`", "`std::env::remove_var`", "::before_exec`"];
    const MESSAGES: [&str; 5] = [
        "extern blocks must be",
        "unsafe attribute used without unsafe",
        "the trait bound `!: ",
        "reserved multi-hash token is forbidden",
        "this function depends on never type fallback being `()`",
    ];
    let message = diagnostic.message.as_str();
    let became_unsafe = || diagnostic.code() == "E0133" && UNSAFE.iter().any(|name| message.contains(name));
    let captures = || diagnostic.children.iter().any(|child| child.message.contains("because Rust 2024 has adjusted"));
    diagnostic.is_error()
        && (became_unsafe()
            || MESSAGES.iter().any(|start| message.starts_with(start))
            || message.contains("within an implicitly-borrowing pattern")
            || message.contains("within an implicitly-dereferencing pattern")
            || captures())
}

/// Is there nothing wrong but what [`is_new`] says?
pub fn only_new(diagnostics: &[Diagnostic]) -> bool {
    // Without a place it is a closing line.
    let mut errors = diagnostics.iter().filter(|d| d.is_error() && !d.spans.is_empty()).peekable();
    errors.peek().is_some() && errors.all(is_new)
}

/// What a session says when it compiles a cell with the edition before.
pub const NOTE: &str = concat!(
    "this cell is written for an edition before 2024 and was compiled with edition 2021; ",
    "`:edition 2021` does so for all cells without trying 2024 first. ",
    "In edition 2024 one writes `unsafe { std::env::set_var(…) }`, `unsafe extern` and `#[unsafe(no_mangle)]`",
);

/// Names both ways where such an error stands beside others.
pub fn explain(diagnostics: &mut [Diagnostic]) {
    for diagnostic in diagnostics.iter_mut().filter(|d| is_new(d)) {
        diagnostic.add_help("this is an error since edition 2024; `:edition 2021` in a line of its own compiles cells with the one before");
    }
}
