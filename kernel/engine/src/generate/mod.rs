//! From a cell in parts to the one text that rustc compiles. It decides what the text says, and
//! remembers which stretch of it handles which variable, so that an error there can be acted on.

mod handle;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::asking::Shown;
use super::by_example;
use super::closures::{self, Typing, Way, remade};
use super::diagnose::advice;
use super::edition::{self, Edition};
use super::environment::{Environment, Identity};
use super::items::{Items, Name};
use super::measured::{self, Measure};
use super::mentions::plain;
use super::source::Source;
use super::split::{Binding, Split, StatementKind, words};
use super::type_paths::from_paths;
use super::uses::{Mentioned, Uses, Whose};
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
    /// New bindings whose `let`s wait for the cell that says their type.
    #[serde(default)]
    pub late: BTreeSet<String>,
    /// New bindings whose types are not asked for: what they borrow from ends with their statement.
    #[serde(default)]
    pub unasked: BTreeSet<String>,
    /// New bindings that end before variables are kept, since their drop uses what they borrow from.
    #[serde(default)]
    pub ended: BTreeSet<String>,
    /// How new bindings are kept whose types have no name.
    #[serde(default)]
    pub ways: BTreeMap<String, Way>,
    /// Those of them that only borrow, and of which rustc has told that they only look.
    #[serde(default)]
    pub looked: BTreeSet<String>,
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
    /// It returns errors of a type of its own (`anyhow::bail!`), which is inferred then.
    #[serde(default)]
    pub own_error: bool,
    /// Whether methods of the prelude are left out, when a failure has told.
    #[serde(default)]
    pub bare_prelude: Option<bool>,
    /// It names something that a macro has made (`PBuilder`), which the items' texts do not show.
    #[serde(default)]
    pub all_names: bool,
    /// What it says is an error in edition 2024 only.
    #[serde(default)]
    pub aged: bool,
    /// The type of what is shown.
    #[serde(default)]
    pub shown: Shown,
}

/// What the generated text will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrateKind {
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
    pub kind: CrateKind,
    /// Variables taken from the store, in order.
    pub taken: Vec<String>,
    /// Which stretch handles which variable.
    pub handling: Vec<Handling>,
    /// New bindings in order; binding `i` has key `key_base + i`.
    pub bindings: Vec<String>,
    /// Those that could be made again by later cells, should they borrow.
    pub lent: BTreeSet<String>,
    /// Base of the keys of new bindings.
    pub key_base: u64,
    /// New bindings that borrow: asked for their type, not kept.
    pub borrowed: BTreeSet<String>,
    /// The directive that measures the body, when one does.
    pub measured: Option<&'static str>,
    /// The families it names.
    pub needs: BTreeSet<Name>,
    /// Types in it, whose paths rustc prints without a crate.
    pub own: BTreeSet<String>,
    /// Where the type of the last expression is asked for.
    pub asked: Option<Range<usize>>,
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
    /// What it is compiled with.
    pub edition: Edition,
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
    let kind = if scope.family.is_some() { CrateKind::Items } else { CrateKind::Statements };
    let statements = scope.family.is_none() || !split.runs_nothing();
    let whose = Whose { family: scope.family, statements, all: omit.all_names };
    let uses = scope.items.uses(whose, &mentions(split, scope.variables));
    let mut source = Source::default();
    let known = scope.family.and_then(|family| scope.items.bare.get(family).copied());
    let bare = omit.bare_prelude.or(known).unwrap_or(uses.rival);
    push_head(scope.items, bare, scope.edition, &mut source);
    edition::push_crates(scope.edition, &uses.families(), &mut source);
    scope.items.push_crate(scope.family, &uses, &mut source);
    let known = uses.all_names().map(String::as_str).collect();
    let (handling, taken) = (Vec::new(), Vec::new());
    let mut body = Body { cell, text, split, scope, omit, uses: &uses, known, source, handling, taken, asked: None };
    if !split.runs_nothing() {
        scope.items.push_paths(&uses, &mut body.source);
        body.push();
    }
    let Body { mut source, handling, taken, asked, .. } = body;
    let key_base = fingerprint(source.text());
    if !split.runs_nothing() {
        source.push(&format!("const __FERROLAB_KEY: u64 = {key_base:#x};\n"));
    }
    let bindings = split.bindings.iter().map(|b| b.name.clone()).collect();
    let known = closures::Known { split, variables: scope.variables, omit, record: None };
    let lent = known.all_lent(|written| scope.items.leaves_alone(&written.made));
    let borrows = |(name, said): &(&String, &String)| **said == advice::borrowed(name);
    let borrowed = omit.unkept.iter().filter(borrows).map(|(name, _)| name.clone()).collect();
    let measured = split.measure.as_ref().map(Measure::name);
    Generated {
        source,
        kind,
        taken,
        handling,
        bindings,
        lent,
        key_base,
        borrowed,
        measured,
        needs: uses.families(),
        own: uses.own,
        asked,
    }
}

/// What every crate begins with.
pub fn push_head(items: &Items, bare_prelude: bool, edition: Edition, source: &mut Source) {
    source.push(HEADER);
    items.push_inner(source);
    source.push(edition::before_prelude(edition));
    let names = if bare_prelude { "::names" } else { "" };
    source.push(&format!("#[prelude_import] use ::ferrolab::prelude{names}::*;\n"));
}

/// What a cell's statements mention, the types of its variables included.
pub fn mentions(split: &Split, variables: &Variables) -> Mentioned {
    let mut mentioned = Mentioned::default();
    mentioned.code.extend(split.mentions.iter().map(|word| plain(word).to_owned()));
    for (_, variable) in variables.wanted(split) {
        match &variable.kept {
            Some(kept) => mentioned.code.extend(kept.words().map(|word| plain(word).to_owned())),
            None => mentioned.types.extend(words(&variable.type_text).map(str::to_owned)),
        }
    }
    if split.trailing.is_some() {
        // What shows it calls this method, which a trait of the user's may give to any type.
        mentioned.code.insert("evcxr_display".to_owned());
    }
    mentioned
}

/// Keys start with the cell's whole text: the same text binds values of the same types.
fn fingerprint(text: &str) -> u64 {
    u64::from_str_radix(&Identity::default().part(text).finish()[..16], 16).unwrap_or_default()
}

struct Body<'a> {
    cell: u32,
    text: &'a str,
    split: &'a Split,
    scope: &'a Scope<'a>,
    omit: &'a Omit,
    uses: &'a Uses,
    /// Items that types of variables may be named after.
    known: HashSet<&'a str>,
    source: Source,
    handling: Vec<Handling>,
    taken: Vec<String>,
    asked: Option<Range<usize>>,
}

impl<'a> Body<'a> {
    fn push(&mut self) {
        self.source.push("#[unsafe(no_mangle)] pub extern \"C\" fn __ferrolab_cell() {\n");
        self.scope.items.push_statements_scope(self.uses, &mut self.source);
        self.take_variables();
        // What spawns or makes a timer looks for the runtime that a program's `main` would run on.
        if self.scope.tokio == Some(Tokio::Current) && !self.awaits() && self.scope.items.come_to_tokio(self.uses) {
            self.source.push(TOKIO_CONTEXT);
        }
        self.source.push("let __ferrolab_ok = ::ferrolab::rt::guard(|| ");
        if self.awaits() {
            self.source.push(match self.scope.tokio {
                Some(Tokio::Current) => TOKIO,
                Some(Tokio::Old) => OLD_TOKIO,
                None => "::ferrolab::rt::cell::block_on(async ",
            });
        } else if self.omit.debug_errors || self.omit.own_error {
            self.source.push("(|| ");
        }
        self.source.push("{\n");
        self.make_kept();
        self.push_statements();
        self.put_bindings();
        self.source.push("::ferrolab::rt::cell::at_end(); ");
        let failure = if self.omit.debug_errors { "::ferrolab::rt::DebugFailure" } else { "::ferrolab::rt::Failure" };
        let error = if self.omit.own_error { "_" } else { failure };
        self.source.push(&format!("::core::result::Result::<(), {error}>::Ok(()) }}"));
        if self.awaits() || self.omit.debug_errors || self.omit.own_error {
            self.source.push(match self.scope.tokio {
                Some(Tokio::Old) if self.awaits() => "))",
                _ if self.awaits() => ")",
                _ => ")()",
            });
        }
        if self.omit.own_error {
            self.source.push(&format!(".map_err({failure}::from)"));
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
        let levels = self.scope.items.levels.statement_prefix(self.scope.items.era);
        let kinds = self.split.kinds.iter().map(Some).chain(std::iter::repeat(None));
        let closures = self.closures();
        for (range, kind) in self.split.statements.iter().zip(kinds) {
            if closures.is_unread(range) || self.omit.is_late(self.split, range) {
                continue;
            }
            match kind {
                Some(StatementKind::Let) => self.source.push(&levels),
                Some(StatementKind::Expression) if !levels.is_empty() => {
                    self.source.push(&levels);
                    self.source.push("{ ");
                    self.push_user(range);
                    // An attribute stands before no value.
                    self.source.push(if self.text[range.clone()].starts_with('#') { "\n;}\n" } else { "\n}\n" });
                    continue;
                }
                _ => {}
            }
            self.push_statement(range);
            self.source.push("\n");
            self.ask(range);
        }
        if let Some(range) = self.split.trailing.clone() {
            let (before, after) = self.around_result();
            let braces = if levels.is_empty() { ("", "") } else { ("{ ", "}\n") };
            [levels.as_str(), braces.0, &before].iter().for_each(|text| self.source.push(text));
            self.push_user(&range);
            let start = self.source.text().len();
            self.source.push(&after);
            self.asked = (self.omit.shown == Shown::Asked).then(|| start..self.source.text().len());
            self.source.push(braces.1);
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

    fn around_result(&self) -> (String, String) {
        if self.omit.typing == Typing::Asked {
            return ("let _ = (".to_owned(), ");\n".to_owned());
        }
        let usual = || ("::ferrolab::__display_result!(", ");\n".to_owned());
        let (before, after) = match &self.omit.shown {
            Shown::Asked => ("let __ferrolab_shown = ", ";\n::core::mem::drop(&__ferrolab_shown);\n".to_owned()),
            _ if self.omit.trait_display => ("(", ").evcxr_display();\n".to_owned()),
            _ if self.omit.unformatted => usual(),
            _ => self.scope.showing.around().unwrap_or_else(usual),
        };
        match &self.omit.shown {
            Shown::Is(type_text) => {
                let type_text = from_paths(type_text, &self.known, self.uses.has_globs());
                (format!("{before}::core::convert::identity::<{type_text}>("), format!("){after}"))
            }
            _ => (before.to_owned(), after),
        }
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
        let returns = self.split.returns.iter().map(|end| (*end, " ::core::result::Result::Ok(())"));
        let parted = self.split.parted.iter().map(|end| (*end, by_example::REST));
        let mut inserted: Vec<(usize, &str)> = returns.chain(parted).collect();
        inserted.sort_unstable();
        for (end, what) in inserted.into_iter().filter(|(end, _)| range.start < *end && *end <= range.end) {
            self.source.push_user(self.cell, start, &self.text[start..end]);
            self.source.push(what);
            start = end;
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

/// For statements that wait for nothing themselves.
const TOKIO_CONTEXT: &str = "let __ferrolab_runtime = ::ferrolab::rt::cell::shared(|| ::tokio::runtime::Builder::new_multi_thread().enable_all().build().expect(\"tokio runtime\")); let __ferrolab_context = __ferrolab_runtime.enter();\n";

/// One runtime for the session; a runner that took over makes its own, since threads do not
/// survive a fork.
const TOKIO: &str = "::ferrolab::rt::cell::shared(|| ::tokio::runtime::Builder::new_multi_thread().enable_all().build().expect(\"tokio runtime\")).block_on(async ";
