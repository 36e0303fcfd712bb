//! Variables whose type only a later cell says: `let mut found = Vec::new();`, and in the next cell `found.push(1.5)`. A function's
//! body may say it at its end, so a cell may leave it open: its `let` is kept as text, and put before the statements of
//! the first cell that uses the variable, which makes it with the type that rustc infers there. That changes nothing only where
//! making it does nothing but make it, so a `let` has to look like that.

use std::ops::Range;
use std::sync::Arc;

use syn::{Expr, Local, Pat};

use super::Engine;
use super::asking::wants_annotation;
use super::diagnose::{Cells, Diagnostic};
use super::generate::{Generated, Omit};
use super::layout::Layout;
use super::source::Place;
use super::split::{Binding, Split, words};
use super::variables::Variables;

/// Functions that make something empty and do nothing else, by std's naming, and by that of channels of crates (crossbeam, flume,
/// tokio, async-channel).
const MAKERS: [&str; 11] = [
    "new",
    "default",
    "with_capacity",
    "channel",
    "sync_channel",
    "empty",
    "uninit",
    "bounded",
    "unbounded",
    "unbounded_channel",
    "oneshot",
];

/// A `let` that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// What it binds.
    pub names: Vec<String>,
    /// Where it stands.
    pub place: Place,
    /// It itself.
    pub text: Arc<str>,
}

impl Late {
    /// What the user hears of it.
    pub fn told(&self) -> String {
        let (names, text) = (self.names.join("`, `"), self.text.trim_end_matches(';'));
        let (have, them) = if self.names.len() == 1 {
            ("has no type yet", "it one makes it")
        } else {
            ("have no types yet", "them some makes them")
        };
        format!("`{names}` {have}: the first cell that gives {them}, with `{text}`")
    }
}

/// Could this `let` be made later as well?
pub(super) fn may_wait(local: &Local) -> bool {
    local.attrs.is_empty()
        && is_name(&local.pat)
        && match &local.init {
            Some(init) => init.diverge.is_none() && makes_only(&init.expr),
            None => true,
        }
}

/// A name, or several in a tuple.
fn is_name(pat: &Pat) -> bool {
    match pat {
        Pat::Ident(name) => name.by_ref.is_none() && name.subpat.is_none(),
        Pat::Tuple(names) => names.elems.iter().all(|pat| matches!(pat, Pat::Ident(_)) && is_name(pat)),
        _ => false,
    }
}

/// Does evaluating it do nothing besides?
fn makes_only(value: &Expr) -> bool {
    match value {
        Expr::Lit(_) => true,
        Expr::Path(path) => path.path.is_ident("None"),
        Expr::Tuple(parts) => parts.elems.iter().all(makes_only),
        Expr::Array(parts) => parts.elems.iter().all(makes_only),
        Expr::Repeat(repeat) => makes_only(&repeat.expr) && matches!(*repeat.len, Expr::Lit(_)),
        Expr::Call(call) => {
            let Expr::Path(function) = &*call.func else { return false };
            let name = function.path.segments.last().map(|last| last.ident.to_string());
            name.is_some_and(|name| MAKERS.contains(&name.as_str()) || name == "Some")
                && call.args.iter().all(makes_only)
        }
        Expr::Macro(call) if call.mac.path.is_ident("vec") => {
            let tokens = &call.mac.tokens;
            syn::parse2::<Expr>(quote::quote!([#tokens])).is_ok_and(|list| makes_only(&list))
        }
        _ => false,
    }
}

impl Omit {
    /// Does the `let` of this statement wait?
    pub(super) fn is_late(&self, split: &Split, statement: &Range<usize>) -> bool {
        split.bindings.iter().any(|b| statement.contains(&b.offset) && self.late.contains(&b.name))
    }
}

/// rustc wants to know a type that nothing in the cell says: the `let`s that could be made later wait, but for those
/// that name an item of the user's (`own`), whose `new` may do more than std's. True when one was found.
pub(super) fn learn(
    diagnostics: &[Diagnostic],
    generated: &Generated,
    cell: (u32, &str),
    split: &Split,
    own: &dyn Fn(&str) -> bool,
    omit: &mut Omit,
) -> bool {
    if split.measure.is_some() {
        return false;
    }
    let asked = diagnostics.iter().filter(|d| d.is_error() && wants_annotation(d)).flat_map(|d| &d.spans);
    let places = asked.filter(|span| span.is_primary).filter_map(|span| generated.source.locate(&span.range()));
    let before = omit.late.len();
    for place in places.filter(|place| place.cell == cell.0) {
        let Some(statement) = split.statements.iter().find(|range| range.contains(&place.range.start)) else {
            continue;
        };
        let bound: Vec<&Binding> = split.bindings.iter().filter(|b| statement.contains(&b.offset)).collect();
        let used = |b: &Binding| words(&cell.1[statement.end..]).any(|word| word == b.name);
        if bound.iter().all(|b| b.late && !used(b)) && !words(&cell.1[statement.clone()]).any(own) {
            omit.late.extend(bound.iter().map(|b| b.name.clone()));
        }
    }
    omit.late.len() > before
}

/// The `let`s of a cell that wait, once it has run.
pub(super) fn of<'a>(split: &'a Split, omit: &'a Omit, number: u32, text: &'a str) -> impl Iterator<Item = Late> + 'a {
    let waits = split.statements.iter().filter(|range| omit.is_late(split, range));
    waits.map(move |range| {
        let names = split.bindings.iter().filter(|b| range.contains(&b.offset)).map(|b| b.name.clone());
        let place = Place { cell: number, range: range.clone() };
        Late { names: names.collect(), place, text: text[range.clone()].into() }
    })
}

impl Variables {
    /// The `let`s that wait and that a cell needs.
    fn late_in(&self, split: &Split) -> Vec<&Late> {
        let used = |late: &&Late| late.names.iter().any(|n| split.mentions.contains(n) && !split.fresh.contains(n));
        self.late().filter(used).collect()
    }
}

impl Engine {
    /// The text of a cell with the `let`s before its statements that waited for it; none when it needs none.
    pub(super) fn with_late(&mut self, number: u32, text: &Arc<str>, split: &Split) -> Option<Arc<str>> {
        let first = split.statements.first().or(split.trailing.as_ref())?.start;
        let late = self.state.variables.late_in(split);
        if late.is_empty() || split.measure.is_some() {
            return None;
        }
        let mut layout = Layout::default();
        layout.push(number, 0, text);
        let mut layout = self.cells.layouts_of(number).unwrap_or(layout);
        for late in late.iter().rev() {
            let place = self.cells.real(late.place.clone()).unwrap_or_else(|| late.place.clone());
            layout.insert(first, place.cell, place.range.start, &format!("{}\n", late.text));
        }
        let text: Arc<str> = layout.text().into();
        self.cells.put_layout(number, layout);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(text: &str) -> bool {
        match syn::parse_str(text) {
            Ok(syn::Stmt::Local(local)) => may_wait(&local),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_does_nothing_but_make_something_may_wait() {
        for text in [
            "let mut v = Vec::new();",
            "let m = std::collections::HashMap::with_capacity(10);",
            "let (tx, rx) = mpsc::channel();",
            "let (tx, rx) = crossbeam::channel::bounded(4);",
            "let (mut a, b) = (Vec::new(), None);",
            "let memo = vec![None; 10];",
            "let grid = [[None; 3]; 3];",
            "let empty = vec![];",
            "let later;",
            "let (one, mut other);",
            "let cell = RefCell::new(Vec::new());",
        ] {
            assert!(waits(text), "{text}");
        }
    }

    #[test]
    fn what_could_do_more_is_made_at_once() {
        for text in [
            "let n = read();",
            "let n = text.parse().unwrap();",
            "let v = Vec::with_capacity(count());",
            "let v = items.collect();",
            "let Some(v) = None else { return };",
            "let (a, (b, c)) = Default::default();",
        ] {
            assert!(!waits(text), "{text}");
        }
    }
}
