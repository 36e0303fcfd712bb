//! Building one cell: which crates of items it takes, generating each, looking on the shelf, compiling, and
//! trying again with what a failure teaches. It changes no session: what came of it is returned.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::asking::{self, Shown};
use super::closures::{self, Known, Typing};
use super::compile::{CompileError, Job};
use super::diagnose;
use super::edition::{self, Edition};
use super::generate::{CrateKind, Generated, Omit, Scope, Tokio, generate, mentions};
use super::items::{Added, Name};
use super::late;
use super::shelf::Hints;
use super::source::Source;
use super::split::Split;
use super::uses::Whose;
use super::variables::Variables;
use super::{Engine, Refused, State, learn};

/// Attempts at one cell: moves, borrows and stale items are learnt one failure at a time.
const ATTEMPTS: usize = 8;
/// Crates whose code is generated at the same time.
const UNDER_WAY: usize = 4;
/// Generated texts of statements that are remembered, for telling where a panic happened. Those of items
/// are remembered for good.
const REMEMBERED: usize = 200;

/// What came of a cell.
pub(super) struct Built {
    /// Its statements, when it has any.
    pub(super) body: Option<Body>,
    /// True when nothing was compiled.
    pub(super) cached: bool,
    /// True when the edition before was needed.
    pub(super) aged: bool,
}

/// Compiled statements.
pub(super) struct Body {
    pub(super) generated: Generated,
    pub(super) record: Hints,
    pub(super) object: PathBuf,
    /// What has to be loaded before, in this order.
    pub(super) needs: Vec<PathBuf>,
    pub(super) omit: Omit,
}

/// What an attempt came to.
pub(super) enum Try<T> {
    Done(T),
    /// Something was learnt: once more.
    Again,
}

impl Engine {
    /// Compile what a cell takes.
    ///
    /// # Errors
    /// See [`Refused`].
    pub(super) fn build(
        &mut self,
        number: u32,
        text: &Arc<str>,
        split: &Split,
        mut added: Added,
        next: &mut State,
        notes: &mut Vec<String>,
    ) -> Result<Built, Refused> {
        let mut omit = Omit { debug_errors: self.showing.debug_errors, ..Omit::default() };
        let known = Known { split, variables: &next.variables, omit: &omit, record: None };
        omit.ways = known.given(text);
        let mut first_hash = None;
        let mut cached = true;
        let mut aged = false;
        let mut left = ATTEMPTS;
        while left > 0 {
            left -= 1;
            // Imports are tried where they stand, also when nothing else is there.
            let tries = !split.runs_nothing()
                || !split.imports.is_empty() && (!added.dirty.contains(&added.fresh) || next.items.imports_items());
            let (order, carrier) = self.plan(split, tries, &omit, &added, next);
            let (before, size) = (notes.len(), omit.size());
            let mut again = false;
            for (index, name) in order.iter().enumerate() {
                // Code is generated behind the user's back, but not that of a whole session at once.
                if let Some(made) = index.checked_sub(UNDER_WAY).and_then(|before| next.items.crate_of(&order[before]))
                {
                    drop(made.object());
                }
                match self.make_family(name, number, left == 0, &mut added, next, notes)? {
                    Try::Done(found) => {
                        cached &= found;
                        aged |= self.aged.contains(name);
                    }
                    Try::Again => {
                        again = true;
                        break;
                    }
                }
            }
            if again {
                // Removing what does not fit comes to an end by itself.
                left += usize::from(notes.len() > before);
                continue;
            }
            if !tries {
                return Ok(Built { body: None, cached, aged });
            }
            let body = Attempt { number, text, split, family: carrier.as_ref(), last: left == 0 };
            match self.make_body(&body, &mut omit, &mut first_hash, &mut added, next, notes)? {
                Try::Done((body, found)) => {
                    let aged = aged || body.omit.aged;
                    return Ok(Built { body: Some(body), cached: cached && found, aged });
                }
                // So does leaving out one variable after the other.
                Try::Again => left += usize::from(notes.len() > before || omit.size() > size),
            }
        }
        Err(Refused::Broken(
            "the items of this cell do not fit those of earlier cells; write them in one cell".to_owned(),
        ))
    }

    /// The families to compile, in order, and the one that the statements can be compiled with: that of the cell's
    /// own items, when no other needs it.
    fn plan(
        &self,
        split: &Split,
        tries: bool,
        omit: &Omit,
        added: &Added,
        next: &mut State,
    ) -> (Vec<Name>, Option<Name>) {
        let mut wanted: BTreeSet<Name> = added.dirty.iter().filter(|name| next.items.lives_in(name)).cloned().collect();
        if tries {
            let whose = Whose { family: None, statements: true, all: omit.all_names };
            wanted.extend(next.items.uses(whose, &mentions(split, &next.variables)).families());
        }
        let mut order = next.items.order(&wanted);
        let mut pending: BTreeSet<Name> = order.iter().cloned().collect();
        next.items.untangle(&mut pending);
        if pending.len() < order.len() {
            wanted.retain(|name| next.items.lives_in(name));
            wanted.extend(pending);
            order = next.items.order(&wanted);
        }
        let fresh = &added.fresh;
        let needs = |name: &Name| next.items.uses_of(name).families();
        let carries = !split.runs_nothing()
            && order.contains(fresh)
            && !order.iter().any(|name| name != fresh && needs(name).contains(fresh));
        if !carries {
            return (order, None);
        }
        order.retain(|name| name != fresh);
        (order, Some(fresh.clone()))
    }

    /// Compile a family's items alone. True when they were on the shelf.
    pub(super) fn make_family(
        &mut self,
        name: &Name,
        number: u32,
        last: bool,
        added: &mut Added,
        next: &mut State,
        notes: &mut Vec<String>,
    ) -> Result<Try<bool>, Refused> {
        let none = Variables::default();
        let aged = self.aged.contains(name);
        let scope = Scope {
            items: &next.items,
            variables: &none,
            family: Some(name),
            tokio: None,
            showing: &self.showing,
            edition: self.edition(aged),
        };
        let generated = generate(0, "", &Split::default(), &scope, &Omit::default());
        let identity = next.items.identity_of(name, &generated.needs);
        let recipe = self.recipe(&generated, name, &identity, next, aged);
        let hint = self.shelf.hint(&recipe.hash).unwrap_or_default();
        if hint.all_names && next.items.loosen(added) || hint.aged && self.aged.insert(name.clone()) {
            return Ok(Try::Again);
        }
        self.remember(&recipe.hash, &generated.source, CrateKind::Items);
        match self.compile(&recipe) {
            Ok(made) => {
                let Some(items) = made.items else {
                    return Err(Refused::Broken("the crate of the items is missing".to_owned()));
                };
                next.items.made(name, items, generated.needs.clone(), &identity);
                note_statics(name, &recipe.hash, added, next, notes);
                Ok(Try::Done(made.cached))
            }
            Err(CompileError::Cancelled) => Err(Refused::Interrupted),
            Err(CompileError::Broken(message)) => Err(Refused::Broken(message)),
            Err(CompileError::Refused(said)) => {
                if last {
                    return Err(self.refuse(&said, &generated.source, number, &next.variables));
                }
                let (diagnostics, _) = diagnose::parse(&said);
                if self.flags.edition == Edition::E2024 && !aged && edition::only_new(&diagnostics) {
                    self.shelf.put_hint(&recipe.hash, &Omit { aged: true, ..Omit::default() });
                    self.aged.insert(name.clone());
                    return Ok(Try::Again);
                }
                let loose = next.items.is_loose(added);
                if self.learn_crates(&diagnostics, name, next, added) {
                    if loose != next.items.is_loose(added) {
                        self.shelf.put_hint(&recipe.hash, &Omit { all_names: true, ..Omit::default() });
                    }
                    return Ok(Try::Again);
                }
                if !next.items.bare.contains_key(name)
                    && let Some(bare) = learn::leaves_out_prelude(&diagnostics, &said)
                {
                    next.items.bare.insert(name.clone(), bare);
                    return Ok(Try::Again);
                }
                if self.learn_replaced(&diagnostics, &generated.source, number, next, notes)
                    || self.learn_items(&diagnostics, &generated.source, number, next, notes)
                {
                    return Ok(Try::Again);
                }
                Err(self.refuse(&said, &generated.source, number, &next.variables))
            }
        }
    }

    /// Compile the cell's statements, with the items of its own family when they can be in one crate.
    fn make_body(
        &mut self,
        attempt: &Attempt<'_>,
        omit: &mut Omit,
        first_hash: &mut Option<String>,
        added: &mut Added,
        next: &mut State,
        notes: &mut Vec<String>,
    ) -> Result<Try<(Body, bool)>, Refused> {
        let family = attempt.family;
        let scope = Scope {
            items: &next.items,
            variables: &next.variables,
            family: family.map(|name| &**name),
            tokio: Tokio::of(&self.environment),
            showing: &self.showing,
            edition: self.edition(omit.aged),
        };
        let generated = generate(attempt.number, attempt.text, attempt.split, &scope, omit);
        let identity = family.map_or_else(String::new, |name| next.items.identity_of(name, &generated.needs));
        let mut recipe = self.recipe(&generated, family.map_or("cell", |name| name), &identity, next, omit.aged);
        recipe.check = self.checking;
        if first_hash.is_none() {
            *first_hash = Some(recipe.hash.clone());
            if let Some(hint) = self.shelf.hint(&recipe.hash) {
                if hint.all_names {
                    next.items.loosen(added);
                }
                *omit = hint;
                return Ok(Try::Again);
            }
        }
        self.remember(&recipe.hash, &generated.source, generated.kind);
        let said = match self.compile(&recipe) {
            Ok(made) => {
                let known =
                    Known { split: attempt.split, variables: &next.variables, omit, record: Some(&made.record) };
                let better = known.improve(attempt.text, &generated);
                if omit.typing == Typing::Asked {
                    omit.typing = told(&made.record, attempt.split);
                    return Ok(Try::Again);
                }
                if omit.shown == Shown::Asked
                    && let Some(known) = Shown::answered(made.record.shown.as_deref())
                {
                    omit.shown = known;
                    return Ok(Try::Again);
                }
                if !better.is_empty() && !attempt.last {
                    omit.ways.extend(better);
                    return Ok(Try::Again);
                }
                let cell = (attempt.number, &**attempt.text);
                if self.learn_looks(&recipe, cell, attempt.split, next, omit)? && !attempt.last {
                    return Ok(Try::Again);
                }
                if *omit != Omit::default() && !made.cached {
                    self.shelf.put_hint(first_hash.as_deref().unwrap_or(&recipe.hash), omit);
                }
                if let (Some(name), Some(items)) = (family, &made.items) {
                    next.items.made(name, items.clone(), generated.needs.clone(), &identity);
                    note_statics(name, &recipe.hash, added, next, notes);
                }
                let cached = made.cached;
                let object = if self.checking { PathBuf::new() } else { made.object()? };
                let linked = if self.checking { &[][..] } else { &recipe.linked };
                let needs = linked.iter().map(|(_, made)| made.object()).collect::<Result<_, _>>();
                let needs = needs.map_err(Refused::Broken)?;
                let linked = recipe.linked.iter().map(|(name, _)| name).chain(family).cloned().collect();
                next.items.run_with(&linked);
                let body = Body { record: made.record, object, needs, omit: omit.clone(), generated };
                return Ok(Try::Done((body, cached)));
            }
            Err(CompileError::Cancelled) => return Err(Refused::Interrupted),
            Err(CompileError::Broken(message)) => return Err(Refused::Broken(message)),
            Err(CompileError::Refused(said)) => said,
        };
        if attempt.last {
            self.leave_out(&said, &generated, attempt.number, next, omit)?;
            return Ok(Try::Again);
        }
        let (diagnostics, _) = diagnose::parse(&said);
        if let Some(name) = family
            && self.learn_crates(&diagnostics, name, next, added)
        {
            omit.all_names |= next.items.is_loose(added);
            return Ok(Try::Again);
        }
        let own = |name: &str| next.items.defines(name);
        if late::learn(&diagnostics, &generated, (attempt.number, attempt.text), attempt.split, &own, omit) {
            return Ok(Try::Again);
        }
        if closures::lent::learn(&diagnostics, &generated, attempt.number, attempt.split, omit) {
            return Ok(Try::Again);
        }
        if self.learn_unread(&diagnostics, &generated, attempt.number, attempt.split, next, omit)
            || self.learn_typing(&diagnostics, attempt.split, next, omit)
        {
            return Ok(Try::Again);
        }
        let typing = omit.typing == Typing::Asked;
        if !typing && omit.shown == Shown::Inferred && asking::wants_type(&diagnostics, attempt.split) {
            omit.shown = Shown::Asked;
            self.unanswered = Some((said, generated));
            return Ok(Try::Again);
        }
        if omit.shown == Shown::Asked
            && diagnostics.iter().any(asking::wants_annotation)
            && let Some((said, generated)) = self.unanswered.take()
        {
            // It did not help: rustc's first words are the ones to show.
            omit.shown = Shown::Unknown;
            return self.learn(&said, &generated, attempt.number, next, omit, notes).map(|()| Try::Again);
        }
        match self.learn(&said, &generated, attempt.number, next, omit, notes) {
            // The error that made us ask is the one to tell.
            Err(Refused::Errors(_)) if omit.typing == Typing::Asked => omit.typing = Typing::Told(BTreeMap::new()),
            learnt => learnt?,
        }
        Ok(Try::Again)
    }

    fn remember(&mut self, hash: &str, source: &Source, kind: CrateKind) {
        let name = Job::file_name(hash);
        self.cells.put_source(name.clone(), source.clone());
        if kind == CrateKind::Items {
            return;
        }
        self.remembered.push_back(name);
        if self.remembered.len() > REMEMBERED
            && let Some(old) = self.remembered.pop_front()
            && !self.remembered.contains(&old)
        {
            self.cells.drop_source(&old);
        }
    }
}

/// A cell's statements.
struct Attempt<'a> {
    number: u32,
    text: &'a Arc<str>,
    split: &'a Split,
    /// The family whose items are compiled along.
    family: Option<&'a Name>,
    /// Nothing is learnt from a failure any more.
    last: bool,
}

/// Says of which statics the values are lost with this crate.
fn note_statics(family: &Name, hash: &str, added: &Added, next: &mut State, notes: &mut Vec<String>) {
    for name in next.items.made_anew(family, hash, added) {
        let note = match added.causes.get(&name) {
            Some(cause) => format!("the static `{name}` was made anew, because `{cause}` changed"),
            None => format!("the static `{name}` was made anew, because cells are compiled differently now"),
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// The types of closures, by name, as rustc told them.
fn told(record: &Hints, split: &Split) -> Typing {
    let here = record.signatures.iter().map(|(index, types)| (split.bindings[*index].name.clone(), types.clone()));
    Typing::Told(here.chain(record.taken.iter().cloned()).collect())
}
