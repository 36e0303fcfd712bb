//! What rustc is asked without wanting an object: what a text expands to, what is wrong with one. It makes the
//! run and clears up after it; what the answer means is the business of whoever asks.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;

use super::Engine;
use super::compile::{CompileError, Flags, ItemsCrate, Job};
use super::generate::CrateKind;
use super::items::Name;

/// A text that rustc is asked about.
pub(super) struct Question<'a> {
    pub(super) text: &'a str,
    /// Names its source file.
    pub(super) hash: &'a str,
    /// What is asked: rustc's identity for a crate that nobody links to.
    pub(super) about: &'a str,
    /// The crates of items that it needs, each after those it needs itself.
    pub(super) linked: &'a [(Name, ItemsCrate)],
    /// Those of them that its text names.
    pub(super) named: &'a BTreeSet<Name>,
    pub(super) flags: &'a Flags,
}

/// The number under which `:type` compiles its question; no cell has it.
pub(super) const QUESTION: u32 = u32::MAX - 1;

impl Engine {
    /// Has rustc run on a text, by `ask`, on a bench that is gone afterwards.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub(super) fn ask_rustc<T>(
        &self,
        question: &Question<'_>,
        ask: impl FnOnce(&Job<'_>) -> Result<T, CompileError>,
    ) -> Result<T, CompileError> {
        let bench = self.shelf.bench().map_err(|e| CompileError::unwritable(&e))?;
        let job = Job {
            name: "cell",
            environment: &self.environment,
            flags: question.flags,
            kind: CrateKind::Statements,
            text: question.text,
            file: question.hash,
            hash: question.hash,
            identity: question.about,
            linked: question.linked,
            named: question.named,
            bench: &bench,
            compiling: &self.compiling,
            check: false,
            spare: Cell::default(),
        };
        let answer = ask(&job);
        drop(fs::remove_dir_all(&bench));
        answer
    }
}
