//! From a cell in parts to the one text that rustc compiles. It decides what the text says, and
//! remembers which stretch of it handles which variable, so that an error there can be acted on.

mod handle;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::closures::{Typing, Way, remade};
use super::diagnose::advice;
use super::environment::{Environment, Identity};
use super::items::{Items, Name};
use super::measured::{self, Measure};
use super::mentions::plain;
use super::source::Source;
use super::split::{Binding, Split, words};
use super::uses::Whose;
use super::variables::Variables;

/// The function that the runner calls in every cell.
pub const ENTRY: &str = "__ferrolab_cell";

/// rustc's lints by group, never `warnings`: one lint (`dropping_references`) tells us types.
const HEADER: &str = "#![feature(prelude_import)]\n#![allow(unused, nonstandard_style, future_incompatible, private_interfaces, private_bounds, internal_features, static_mut_refs, uncommon_codepoints, confusable_idents, mixed_script_confusables, improper_ctypes, improper_ctypes_definitions, non_local_definitions, unpredictable_function_pointer_comparisons, refining_impl_trait)]\n";

/// What a stretch of generated code does with a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handling {
    /// The bytes of the generated text.
    pub range: Range<usize>,
    /// The variable.
    pub name: String,
    /// What it does with it.
    pub role: Role,
}

/// What a stretch of generated code does with a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It asks for the type of a new one.
    Ask,
    /// It asks for the types of a closure of an earlier cell.
    AskAgain,
    /// It puts a new one into the store, and asks for its type when nothing else does.
    Put,
    /// It puts a taken one back.
    Back,
}

/// What to leave out, learnt from a failed compilation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Omit {
    /// Taken variables that the cell moves: they do not come back.
    pub moved: BTreeSet<String>,
    /// New bindings that cannot be kept, with the advice to give; empty when the cell itself
    /// moved the value.
    pub unkept: BTreeMap<String, String>,
    /// New bindings whose types are not asked for: what they borrow from ends with their statement.
    #[serde(default)]
    pub unasked: BTreeSet<String>,
    /// New bindings that end before variables are kept, since their drop uses what they borrow from.
    #[serde(default)]
    pub ended: BTreeSet<String>,
    /// How new bindings are kept whose types have no name.
    #[serde(default)]
    pub ways: BTreeMap<String, Way>,
    /// Whether closures' types are asked for, or written.
    #[serde(default)]
    pub typing: Typing,
    /// An error of `?` has `Debug` only.
    #[serde(default)]
    pub debug_errors: bool,
    /// A macro awaits where no `.await` is to be seen (`tokio::join!`).
    #[serde(default)]
    pub awaits: bool,
    /// A trait in scope gives the trailing expression's type an `evcxr_display`, beside which ours is one
    /// too many (showata, evcxr_image).
    #[serde(default)]
    pub trait_display: bool,
    /// The trailing expression cannot be written the way `:fmt` asks for.
    #[serde(default)]
    pub unformatted: bool,
    /// It names something that a macro has made (`PBuilder`), which the items' texts do not show.
    #[serde(default)]
    pub all_names: bool,
}

/// What the generated text will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Statements only, linked to the crates of the items that they use.
    Statements,
    /// A crate of items, with this cell's statements in it when it has any.
    Items,
}

/// A generated crate.
#[derive(Debug, Clone)]
pub struct Generated {
    /// Its text.
    pub source: Source,
    /// What it is.
    pub kind: Kind,
    /// Variables taken from the store, in order.
    pub taken: Vec<String>,
    /// Which stretch handles which variable.
    pub handling: Vec<Handling>,
    /// New bindings in order; binding `i` has key `key_base + i`.
    pub bindings: Vec<String>,
    /// Base of the keys of new bindings.
    pub key_base: u64,
    /// New bindings that borrow: asked for their type, not kept.
    pub borrowed: BTreeSet<String>,
    /// The directive that measures the body, when one does.
    pub measured: Option<&'static str>,
    /// The families it names.
    pub needs: BTreeSet<Name>,
}

impl Generated {
    /// Does this stretch ask for a closure's types?
    pub fn asks(&self, handling: &Handling) -> bool {
        self.source.text()[handling.range.clone()].contains("::closure::signature")
    }
}

/// What generation needs to know of a session.
pub struct Scope<'a> {
    /// Items and imports, this cell's included.
    pub items: &'a Items,
    /// Variables before this cell.
    pub variables: &'a Variables,
    /// The family whose items are in it.
    pub family: Option<&'a str>,
    /// A runtime crate that drives `.await`, when the dependencies have one.
    pub tokio: Option<Tokio>,
    /// How values are shown.
    pub showing: &'a Showing,
}

/// How the trailing expression and errors of `?` are shown; `:fmt`, `:types` and `:efmt` change it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Showing {
    /// A format string with one placeholder, instead of what the value's type provides.
    pub format: Option<String>,
    /// Its type before the value.
    pub types: bool,
    /// Errors with `Debug`.
    pub debug_errors: bool,
}

impl Showing {
    /// What stands before and after a trailing expression that is not shown as usual. `evcxr_display`
    /// still comes first.
    fn around(&self) -> Option<(&'static str, String)> {
        if self.format.is_none() && !self.types {
            return None;
        }
        let format = self.format.as_deref().unwrap_or("{:?}");
        let types = if self.types { SHORT_TYPE } else { "let type_text = \"\";" };
        let after = format!(
            ") {{ value => {{ use ::ferrolab::display::dispatch::NoEvcxr as _; let shown = (*value).evcxr_display(); \
             if ::ferrolab::display::dispatch::absent(&shown) && ::core::any::type_name_of_val(value) != \"()\" {{ {types} \
             let text = ::std::format!({format:?}, value); \
             ::ferrolab::rt::show_result(::std::vec![(\"text/plain\".to_owned(), ::std::format!(\"{{type_text}}{{text}}\").into_bytes())], \"\"); }} }} }}\n"
        );
        Some(("match &(", after))
    }
}

/// A type's name without the paths in it.
const SHORT_TYPE: &str = "let mut type_text = ::std::string::String::from(\": \"); \
    for word in ::core::any::type_name_of_val(value).split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) { \
    type_text.push_str(word.rsplit(\"::\").next().unwrap_or(word)); } type_text.push_str(\" = \");";

/// Generates the crate of a family's items, a cell's statements, or both in one.
pub fn generate(cell: u32, text: &str, split: &Split, scope: &Scope<'_>, omit: &Omit) -> Generated {
    let kind = if scope.family.is_some() { Kind::Items } else { Kind::Statements };
    let whose = Whose { family: scope.family, cell: Some(cell), all: omit.all_names };
    let uses = scope.items.uses(whose, &mentions(split, scope.variables));
    let mut source = Source::default();
    source.push(HEADER);
    scope.items.push_inner(&mut source);
    source.push("#[prelude_import] use ::ferrolab::prelude::*;\n");
    scope.items.push_uses(&uses, &mut source);
    if let Some(family) = scope.family {
        scope.items.push_items(family, &mut source);
    }
    let known = uses.all_names().map(String::as_str).collect();
    let mut body = Body { cell, text, split, scope, omit, known, source, handling: Vec::new(), taken: Vec::new() };
    if !split.runs_nothing() {
        scope.items.push_paths(&uses, &mut body.source);
        body.push();
    }
    let Body { mut source, handling, taken, .. } = body;
    let key_base = fingerprint(source.text());
    if !split.runs_nothing() {
        source.push(&format!("const __FERROLAB_KEY: u64 = {key_base:#x};\n"));
    }
    let bindings = split.bindings.iter().map(|b| b.name.clone()).collect();
    let borrows = |(name, said): &(&String, &String)| **said == advice::borrowed(name);
    let borrowed = omit.unkept.iter().filter(borrows).map(|(name, _)| name.clone()).collect();
    let measured = split.measure.as_ref().map(Measure::name);
    Generated { source, kind, taken, handling, bindings, key_base, borrowed, measured, needs: uses.families() }
}

/// What a cell's statements mention, the types of its variables included.
pub fn mentions(split: &Split, variables: &Variables) -> HashSet<String> {
    let mut mentions: HashSet<String> = split.mentions.iter().map(|word| plain(word).to_owned()).collect();
    for (_, variable) in variables.wanted(split) {
        let text = variable.kept.as_ref().map_or(variable.type_text.as_str(), |kept| kept.code.text());
        mentions.extend(words(text).map(|word| plain(word).to_owned()));
    }
    if split.trailing.is_some() {
        // What shows it calls this method, which a trait of the user's may give to any type.
        mentions.insert("evcxr_display".to_owned());
    }
    mentions
}

/// Keys start with the cell's whole text: the same text binds values of the same types.
fn fingerprint(text: &str) -> u64 {
    u64::from_str_radix(&Identity::default().part(text).finish()[..16], 16).unwrap_or_default()
}

/// A type as rustc has printed it, with the module that holds names of items in the place of their crate.
fn from_paths(type_text: &str, known: &HashSet<&str>) -> String {
    let mut out = String::new();
    let mut rest = type_text;
    while let Some(at) = rest.find("cells::") {
        let (before, after) = (&rest[..at], &rest[at + "cells::".len()..]);
        let name = after.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        let begins = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        out.push_str(before);
        // A module of the user's own may be called so, too.
        out.push_str(if begins && known.contains(name) { "__ferrolab_cells::" } else { "cells::" });
        rest = after;
    }
    out.push_str(rest);
    out
}

struct Body<'a> {
    cell: u32,
    text: &'a str,
    split: &'a Split,
    scope: &'a Scope<'a>,
    omit: &'a Omit,
    /// Items that types of variables may be named after.
    known: HashSet<&'a str>,
    source: Source,
    handling: Vec<Handling>,
    taken: Vec<String>,
}

impl<'a> Body<'a> {
    fn push(&mut self) {
        self.source.push("#[unsafe(no_mangle)] pub extern \"C\" fn __ferrolab_cell() {\n");
        self.take_variables();
        self.source.push("let __ferrolab_ok = ::ferrolab::rt::guard(|| ");
        if self.awaits() {
            self.source.push(match self.scope.tokio {
                Some(Tokio::Current) => TOKIO,
                Some(Tokio::Old) => OLD_TOKIO,
                None => "::ferrolab::rt::cell::block_on(async ",
            });
        } else if self.omit.debug_errors {
            self.source.push("(|| ");
        }
        self.source.push("{\n");
        self.push_statements();
        self.put_bindings();
        let failure = if self.omit.debug_errors { "DebugFailure" } else { "Failure" };
        self.source.push("::ferrolab::rt::cell::at_end(); ");
        self.source.push(&format!("::core::result::Result::<(), ::ferrolab::rt::{failure}>::Ok(()) }}"));
        if self.awaits() || self.omit.debug_errors {
            self.source.push(match self.scope.tokio {
                Some(Tokio::Old) if self.awaits() => "))",
                _ if self.awaits() => ")",
                _ => ")()",
            });
        }
        if self.omit.debug_errors {
            self.source.push(".map_err(::ferrolab::rt::DebugFailure::into_failure)");
        }
        self.source.push(");\n");
        self.put_back();
        self.source.push("}\n");
    }

    fn awaits(&self) -> bool {
        self.split.awaits || self.omit.awaits
    }

    /// A statement, with the types of its closure where those must be written.
    fn push_statement(&mut self, range: &Range<usize>) {
        let told = |b: &&Binding| range.contains(&b.offset) && b.closure.as_ref().is_some_and(|c| c.whole && c.alone);
        let binding = self.split.bindings.iter().find(told);
        let Some((binding, written)) = binding.and_then(|b| Some((b, b.closure.as_ref()?))) else {
            return self.push_user(range);
        };
        let types = self.omit.typing.of(&binding.name).and_then(remade::Types::read);
        let moves = matches!(self.omit.ways.get(&binding.name), Some(Way::Boxed(boxed)) if boxed.moves);
        if types.is_none() && !moves {
            return self.push_user(range);
        }
        let types = types.unwrap_or_default();
        self.push_user(&(range.start..written.range.start));
        remade::remake((self.cell, self.text), written, &types, moves, &mut self.source);
        self.push_user(&(written.range.end..range.end));
    }

    fn push_statements(&mut self) {
        let around = self.split.measure.as_ref().and_then(|m| m.around(self.omit.debug_errors));
        if let Some((before, after)) = around {
            return self.push_measured(&before, &after);
        }
        let closures = self.closures();
        for range in &self.split.statements {
            if closures.is_unread(range) {
                continue;
            }
            self.push_statement(range);
            self.source.push("\n");
            self.ask(range);
        }
        if let Some(range) = self.split.trailing.clone() {
            let (before, after) = self.around_result();
            self.source.push(before);
            self.push_user(&range);
            self.source.push(&after);
        }
        if let Some(Measure::Compare(candidates)) = &self.split.measure {
            self.source.push("::ferrolab::timing::cell::bench(vec![");
            for candidate in candidates {
                self.source.push(&format!("::ferrolab::timing::candidate({:?}, || ", candidate.text));
                self.source.push_user(self.cell, candidate.offset, &candidate.text);
                self.source.push(if candidate.name { "()), " } else { "), " });
            }
            self.source.push("])");
            self.source.push(measured::question_mark(self.omit.debug_errors));
        }
    }

    fn around_result(&self) -> (&'static str, String) {
        if self.omit.typing == Typing::Asked {
            return ("let _ = (", ");\n".to_owned());
        }
        let usual = || ("::ferrolab::__display_result!(", ");\n".to_owned());
        if self.omit.trait_display {
            return ("(", ").evcxr_display();\n".to_owned());
        }
        if self.omit.unformatted { usual() } else { self.scope.showing.around().unwrap_or_else(usual) }
    }

    /// The body inside the closure that is measured; its value is kept from the optimiser.
    fn push_measured(&mut self, before: &str, after: &str) {
        self.source.push(before);
        for range in &self.split.statements {
            self.push_user(range);
        }
        if let Some(range) = self.split.trailing.clone() {
            self.source.push("::core::hint::black_box(");
            self.push_user(&range);
            self.source.push("\n);");
        }
        self.source.push("\n");
        self.source.push(after);
    }

    fn push_user(&mut self, range: &Range<usize>) {
        let mut start = range.start;
        // The function that a cell becomes has a result, which the user cannot see.
        for end in self.split.returns.iter().filter(|end| range.contains(end)) {
            self.source.push_user(self.cell, start, &self.text[start..*end]);
            self.source.push(" ::core::result::Result::Ok(())");
            start = *end;
        }
        self.source.push_user(self.cell, start, &self.text[start..range.end]);
    }
}

/// Which tokio drives `.await`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokio {
    /// From 0.3 on.
    Current,
    /// 0.2, whose `block_on` wants the runtime for itself.
    Old,
}

impl Tokio {
    /// The one that an environment has.
    pub fn of(environment: &Environment) -> Option<Self> {
        let there = environment.externs.iter().any(|(name, _)| name == "tokio");
        let old = environment.version_of("tokio").is_some_and(|version| version.starts_with("0.2."));
        there.then_some(if old { Self::Old } else { Self::Current })
    }
}

/// The same with 0.2: the cell's thread waits in the runtime's context, whose own threads do the work.
const OLD_TOKIO: &str = "::ferrolab::rt::cell::shared(|| ::tokio::runtime::Runtime::new().expect(\"tokio runtime\")).enter(|| ::ferrolab::rt::cell::block_on(async ";

/// One runtime for the session; a runner that took over makes its own, since threads do not
/// survive a fork.
const TOKIO: &str = "::ferrolab::rt::cell::shared(|| ::tokio::runtime::Builder::new_multi_thread().enable_all().build().expect(\"tokio runtime\")).block_on(async ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_their_paths() {
        let known = HashSet::from(["P", "cells"]);
        let found = |text| from_paths(text, &known);
        assert_eq!(found("std::vec::Vec<cells::P>"), "std::vec::Vec<__ferrolab_cells::P>");
        assert_eq!(
            found("(cells::cells::Q, cells::Q, my_cells::P)"),
            "(__ferrolab_cells::cells::Q, cells::Q, my_cells::P)"
        );
    }
}
