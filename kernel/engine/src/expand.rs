//! What a macro's call at the top of a cell stands for: statements, or items that later cells know. rustc
//! expands the calls of which that is not known, and what comes out is read. Nothing is compiled here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::sync::Arc;

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Item, StmtMacro};

use super::by_example;
use super::compile::{CompileError, Job};
use super::diagnose::{self, Span};
use super::environment::Identity;
use super::generate;
use super::item;
use super::items::{Items, Name};
use super::mentions::Mentions;
use super::published;
use super::question::Question;
use super::reads::{self, Read};
use super::refuse::MISSES;
use super::shelf::Hints;
use super::source::Source;
use super::split::{Split, StatementKind};
use super::uses::{Mentioned, Whose};
use super::{Engine, Refused, State};

/// The place among the statements of a call that is the trailing expression.
pub const TRAILING: usize = usize::MAX;

/// Macros of std and of well-known crates that are statements, whatever they are given.
const STATEMENTS: [&str; 50] = [
    "print",
    "println",
    "eprint",
    "eprintln",
    "dbg",
    "assert",
    "assert_eq",
    "assert_ne",
    "assert_matches",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "panic",
    "todo",
    "unimplemented",
    "unreachable",
    "write",
    "writeln",
    "vec",
    "format",
    "matches",
    "concat",
    "include",
    "include_str",
    "table",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "log",
    "bail",
    "ensure",
    "anyhow",
    "eyre",
    "join",
    "try_join",
    "select",
    "azip",
    "par_azip",
    "array",
    "s",
    "json",
    "assert_abs_diff_eq",
    "assert_relative_eq",
    "assert_ulps_eq",
    "plot",
    "evcxr_figure",
    "compile_error",
];

/// The module in which a call is expanded.
const PLACE: &str = "__ferrolab_macro";

/// Files of an answer on the shelf: the text with its macros expanded, and what rustc said.
const EXPANDED: &str = "expanded.rs";
const SAID: &str = "said.jsonl";

/// A call of a macro that may define something.
#[derive(Debug, Clone)]
pub struct Call {
    /// The whole statement.
    pub range: Range<usize>,
    /// The last word of the macro's path.
    pub name: String,
    /// Where that ends.
    name_end: usize,
    /// It is called as a macro that is a statement whatever it is given.
    pub is_known: bool,
    /// What makes items in it visible.
    pub edits: Vec<(Range<usize>, &'static str)>,
    /// The names in it.
    pub mentions: Mentions,
    /// Something in it looks like an item.
    pub has_items: bool,
    /// The names that it is given.
    words: Vec<String>,
}

impl Call {
    /// A call of which it is not known that it is a statement.
    pub fn of(statement: &StmtMacro) -> Option<Self> {
        let word = &statement.mac.path.segments.last()?.ident;
        let name = word.to_string();
        let found = published::in_call(statement.mac.tokens.clone());
        let words = statement.mac.tokens.clone().into_iter().filter_map(|token| match token {
            TokenTree::Ident(word) => Some(word.to_string()),
            _ => None,
        });
        Some(Self {
            range: statement.span().byte_range(),
            is_known: STATEMENTS.contains(&name.as_str()),
            name,
            name_end: word.span().byte_range().end,
            edits: found.edits,
            mentions: Mentions::of_tokens(statement.to_token_stream()),
            has_items: found.items,
            words: words.collect(),
        })
    }

    /// What is edited in its text.
    fn edits(&self, way: Way) -> Vec<(Range<usize>, &'static str)> {
        match way {
            Way::Published => self.edits.clone(),
            Way::AsItIs => Vec::new(),
            Way::Parted => vec![(self.name_end..self.name_end, by_example::ITEMS)],
        }
    }

    fn push(&self, cell: u32, text: &str, way: Way, source: &mut Source) {
        let mut at = self.range.start;
        for (range, with) in &self.edits(way) {
            source.push_user(cell, at, &text[at..range.start]);
            source.push(with);
            at = range.end;
        }
        source.push_user(cell, at, &text[at..self.range.end]);
    }
}

/// What came of calls.
struct Expansion {
    /// The text with its macros expanded.
    text: String,
    /// Where each call was before.
    places: BTreeMap<usize, Range<usize>>,
    /// What rustc said.
    said: String,
}

/// How a call is tried: as items that are made visible, as the items that it says, as the items that it makes among
/// statements, and not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Published,
    AsItIs,
    Parted,
}

impl Engine {
    /// Makes items of a cell's macro calls that stand for items.
    ///
    /// # Errors
    /// When the user interrupts, or rustc cannot be run.
    pub(super) fn expand(&mut self, number: u32, text: &Arc<str>, split: &mut Split) -> Result<(), Refused> {
        let mut tried: BTreeMap<usize, Way> = BTreeMap::new();
        for (at, (_, call)) in split.calls.iter().enumerate() {
            let makes = makes_items(call, &self.state.items, split);
            if makes.unwrap_or(!self.statements_only.contains(&call.name)) {
                let way = if call.edits.is_empty() { Way::AsItIs } else { Way::Published };
                tried.insert(at, way);
            }
        }
        let mut scratch = self.state.clone();
        while !tried.is_empty() {
            scratch.clone_from(&self.state);
            let expansion = self.expanded(number, text, split, &tried, &mut scratch)?;
            let (diagnostics, _) = diagnose::parse(&expansion.said);
            // An error with a code is about names or types, which is none of this room's business.
            let errors = diagnostics.iter().filter(|d| d.is_error() && d.code().is_empty());
            // The call may only be named as the cause.
            let spans = errors.flat_map(|d| &d.spans);
            let failed: BTreeSet<usize> = spans.filter_map(|span| place_of(span, &expansion.places)).collect();
            if failed.is_empty() {
                take_out(split, text, &tried, read(&expansion.text, &tried));
                proc_macro2::extra::invalidate_current_thread_spans();
                break;
            }
            for at in failed {
                let call = &split.calls[at].1;
                let part = definition(call, &self.state.items, &split.items, text).map(|(part, _)| part);
                match tried.remove(&at) {
                    Some(Way::Published) => drop(tried.insert(at, Way::AsItIs)),
                    Some(Way::AsItIs) if part.is_some_and(|part| part.parted.is_some()) => {
                        tried.insert(at, Way::Parted);
                    }
                    _ => drop(self.statements_only.insert(split.calls[at].1.name.clone())),
                }
            }
        }
        Ok(())
    }

    /// Expands calls, each in a module.
    fn expanded(
        &mut self,
        number: u32,
        text: &Arc<str>,
        split: &Split,
        tried: &BTreeMap<usize, Way>,
        next: &mut State,
    ) -> Result<Expansion, Refused> {
        let items = Split { items: split.items.clone(), imports: split.imports.clone(), ..Split::default() };
        let mut added = next.items.add(number, text, &items);
        let family = Some(added.fresh.clone()).filter(|name| next.items.lives_in(name));
        let mut code = Mentioned::default();
        for at in tried.keys() {
            code.code.extend(split.calls[*at].1.mentions.all().map(str::to_owned));
        }
        let whose = Whose { family: family.as_deref(), statements: true, all: false };
        let mut wanted = next.items.uses(whose, &code).families();
        wanted.retain(|name| Some(name) != family.as_ref());
        for name in next.items.order(&wanted) {
            if Some(&name) != family.as_ref() {
                self.make_family(&name, number, false, &mut added, next, &mut Vec::new())?;
            }
        }
        let uses = next.items.uses(whose, &code);
        let mut source = Source::default();
        generate::push_head(&next.items, false, self.flags.edition, &mut source);
        next.items.push_crate(family.as_deref(), &uses, &mut source);
        let mut places = BTreeMap::new();
        for (at, way) in tried {
            let start = source.text().len();
            source.push(&format!("mod {PLACE}{at} {{ use super::*;\n"));
            split.calls[*at].1.push(number, text, *way, &mut source);
            source.push("\n}\n");
            places.insert(*at, start..source.text().len());
        }
        let (text, said) = self.run_expansion(&source, next, &uses.families())?;
        Ok(Expansion { text, places, said })
    }

    fn run_expansion(
        &self,
        source: &Source,
        next: &State,
        named: &BTreeSet<Name>,
    ) -> Result<(String, String), Refused> {
        let linked = next.items.linked(named);
        let text = source.text();
        let hash = Identity::default()
            .part("expansion")
            .part(&self.environment.id)
            .part(format!("{:?}", self.flags))
            .parts(linked.iter().map(|(_, made)| &made.hash))
            .part(text);
        let read = reads::read(text);
        let hash = if let Some(read) = &read { hash.part(&read.hash) } else { hash }.finish();
        let keeps = read.is_none_or(|Read { sure, .. }| sure);
        if keeps && let Some(answer) = self.kept_answer(&hash) {
            return Ok(answer);
        }
        let flags = &self.flags;
        let question = Question { text, hash: &hash, about: "expansion", linked: &linked, named, flags };
        let ask = |job: &Job<'_>| {
            let (text, said) = job.expand()?;
            if keeps && lasts(&said) {
                self.keep_answer(job, &text, &said);
            }
            Ok((text, said))
        };
        self.ask_rustc(&question, ask).map_err(|error| match error {
            CompileError::Cancelled => Refused::Interrupted,
            CompileError::Broken(message) | CompileError::Refused(message) => Refused::Broken(message),
        })
    }

    /// What rustc answered to the same question before, maybe in another session.
    fn kept_answer(&self, hash: &str) -> Option<(String, String)> {
        let (directory, _) = self.shelf.find(hash)?;
        Some((fs::read_to_string(directory.join(EXPANDED)).ok()?, fs::read_to_string(directory.join(SAID)).ok()?))
    }

    /// Puts an answer among the compiled cells. It only speeds up the next time, so nobody hears of a failure.
    fn keep_answer(&self, job: &Job<'_>, text: &str, said: &str) {
        let written = fs::write(job.bench.join(EXPANDED), text).and_then(|()| fs::write(job.bench.join(SAID), said));
        drop(written.and_then(|()| self.shelf.put(job.hash, job.bench, &[EXPANDED, SAID], Hints::default())));
    }
}

/// The macro of the cell, or of the session, that a call names, with its text.
pub fn definition<'a>(
    call: &Call,
    items: &'a Items,
    own: &'a [item::ItemPart],
    text: &'a str,
) -> Option<(&'a item::ItemPart, &'a str)> {
    let is = |part: &item::ItemPart| part.is_macro() && part.names().next() == Some(call.name.as_str());
    let here = own.iter().rev().find(|part| is(part)).map(|part| (part, &text[part.range.clone()]));
    here.or_else(|| items.macros().find(|(part, _)| is(part)))
}

impl Split {
    /// The macro that the cell ends with is no expression.
    fn end_without_value(&mut self) {
        self.statements.extend(self.trailing.take());
        self.kinds.push(StatementKind::Macro);
    }

    /// Adds the variables that calls of macros bind.
    pub(super) fn bind_by_macros(&mut self, items: &Items, text: &str) {
        let mut found = Vec::new();
        for at in 0..self.calls.len() {
            let (place, call) = &self.calls[at];
            let Some((_, code)) = definition(call, items, &self.items, text) else { continue };
            let bound = by_example::bound(code, text, &call.range);
            if !bound.is_empty() && *place == TRAILING {
                self.calls[at].0 = self.statements.len();
                self.end_without_value();
            }
            found.extend(bound);
        }
        for binding in found {
            self.bound.push((binding.name.clone(), binding.offset));
            if self.bindings.iter().any(|b| b.name == binding.name && b.offset > binding.offset) {
                continue;
            }
            self.bindings.retain(|b| b.name != binding.name);
            self.bindings.push(binding);
        }
        self.bindings.sort_by_key(|binding| binding.offset);
    }
}

/// Does a macro of the session make items? None for one that is not the session's.
fn makes_items(call: &Call, items: &Items, split: &Split) -> Option<bool> {
    let own = split.items.iter().filter(|part| part.is_macro());
    let known: Vec<&item::ItemPart> = own.chain(items.macros().map(|(part, _)| part)).collect();
    let find = |name: &str| known.iter().find(|part| part.names().any(|n| n == name)).copied();
    find(&call.name)?;
    let (mut seen, mut todo) = (Vec::new(), vec![call.name.clone()]);
    while let Some(part) = todo.pop().and_then(|name| find(&name)) {
        if part.makes_items {
            return Some(true);
        }
        let others = part.mentions.all().filter(|name| find(name).is_some() && !seen.iter().any(|s| s == name));
        let others: Vec<String> = others.map(str::to_owned).collect();
        seen.extend(others.iter().cloned());
        todo.extend(others);
    }
    Some(false)
}

/// Is an answer the same next time? A macro says in an error of its own what it could not find, and may find it then;
/// errors about names are normal, because variables are none in a module.
fn lasts(said: &str) -> bool {
    let (diagnostics, _) = diagnose::parse(said);
    let mut errors = diagnostics.iter().filter(|d| d.is_error());
    errors.all(|error| MISSES.contains(&error.code()) || error.message.starts_with("aborting due to"))
}

/// The call in whose module an error is.
fn place_of(span: &Span, places: &BTreeMap<usize, Range<usize>>) -> Option<usize> {
    let mut span = span;
    loop {
        let found = places.iter().find(|(_, range)| range.contains(&span.byte_start));
        if let Some((at, _)) = found {
            return Some(*at);
        }
        span = &span.expansion.as_ref()?.span;
    }
}

/// The items in the modules of an expanded text; none known where it cannot be read.
fn read(expanded: &str, tried: &BTreeMap<usize, Way>) -> BTreeMap<usize, Vec<Item>> {
    let mut found: BTreeMap<usize, Vec<Item>> = tried.keys().map(|at| (*at, Vec::new())).collect();
    let Ok(file) = syn::parse_file(expanded) else { return BTreeMap::new() };
    for item in file.items {
        let Item::Mod(module) = item else { continue };
        let at = module.ident.to_string().strip_prefix(PLACE).and_then(|at| at.parse().ok());
        let Some(made) = at.and_then(|at: usize| found.get_mut(&at)) else { continue };
        // The first one is `use super::*`.
        made.extend(module.content.into_iter().flat_map(|(_, items)| items).skip(1));
    }
    found
}

/// Calls that define something are items and no statements.
fn take_out(split: &mut Split, text: &str, tried: &BTreeMap<usize, Way>, mut items: BTreeMap<usize, Vec<Item>>) {
    for (at, way) in tried.iter().rev() {
        let made = items.remove(at);
        if *way == Way::Parted && made.as_ref().is_some_and(Vec::is_empty) {
            continue;
        }
        let (place, mut call) = split.calls.remove(*at);
        call.edits = call.edits(*way);
        let unread = made.is_none();
        let (seen, hidden): (Vec<Item>, Vec<Item>) = made.unwrap_or_default().into_iter().partition(item::is_public);
        let hidden = hidden.iter().flat_map(|item| item::part(item, "").names().map(str::to_owned).collect::<Vec<_>>());
        split.hidden.extend(hidden.map(|name| (name, call.name.clone())));
        let mut part = item::of_call(&call, text, &seen);
        // What it defines is found by asking for all that its crate has.
        part.opaque |= unread;
        part.lasting |= unread;
        split.items.push(part);
        if *way == Way::Parted {
            split.parted.push(call.name_end);
            if place == TRAILING {
                split.end_without_value();
            }
            continue;
        }
        if place == TRAILING {
            split.trailing = None;
            continue;
        }
        split.statements.remove(place);
        split.kinds.remove(place);
    }
    split.items.sort_by_key(|part| part.range.start);
}

/// Names that calls may have defined for their own cell only, each with the reason.
pub fn lost(split: &Split, items: &Items) -> Vec<(String, String)> {
    let calls = split.calls.iter().map(|(_, call)| call);
    let making = calls.filter(|call| call.has_items || makes_items(call, items, split) == Some(true));
    let among = making.flat_map(|call| call.words.iter().map(|word| (word.clone(), call.name.clone())));
    let among = among.map(|(word, name)| {
        let why = "defined it among statements. Call the macro at the top of a cell where it makes items only, or write the item itself.";
        (word, format!("`{name}!` {why}"))
    });
    let private = split.hidden.iter().map(|(word, name)| {
        (word.clone(), format!("`{name}!` makes it private. Write `pub` where the macro takes it."))
    });
    among.chain(private).collect()
}
