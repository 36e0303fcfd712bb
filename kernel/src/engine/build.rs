//! Building one cell: which crates of items it takes, generating each, looking on the shelf, compiling, and
//! trying again with what a failure teaches. It changes no session: what came of it is returned.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::asking::{self, Shown};
use super::compile::{CompileError, Flags, ItemsCrate, Job, metadata_of};
use super::diagnose::{self, TypeKind};
use super::edition::{self, Edition};
use super::environment::Identity;
use super::generate::{Generated, Kind, Omit, Scope, Tokio, generate, mentions};
use super::items::{Added, Name};
use super::reads::{self, Read};
use super::shelf::{OBJECT, Record};
use super::source::Source;
use super::split::Split;
use super::uses::Whose;
use super::variables::Variables;
use super::{Engine, Refused, State};

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
    pub(super) record: Record,
    pub(super) object: PathBuf,
    pub(super) omit: Omit,
}

/// One compiled crate.
struct Made {
    record: Record,
    items: Option<ItemsCrate>,
    object: Option<PathBuf>,
    cached: bool,
}

/// A text and what goes into its crate besides.
struct Recipe<'a> {
    generated: &'a Generated,
    name: &'a str,
    identity: &'a str,
    linked: Vec<(Name, ItemsCrate)>,
    hash: String,
    flags: Flags,
    /// False when what it reads cannot be told.
    cacheable: bool,
}

/// What an attempt came to.
enum Try<T> {
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
        let mut first_hash = None;
        let mut cached = true;
        let mut aged = false;
        let mut left = ATTEMPTS;
        while left > 0 {
            left -= 1;
            // Imports are tried where they stand, also when nothing else is there.
            let tries = !split.runs_nothing()
                || !split.imports.is_empty()
                    && (!added.dirty.contains(&added.fresh) || next.items.imports_items(number));
            let (order, carrier) = self.plan(number, split, tries, &omit, &added, next);
            let before = notes.len();
            let mut again = false;
            for (index, name) in order.iter().enumerate() {
                // Code is generated behind the user's back, but not that of a whole session at once.
                if let Some(made) = index.checked_sub(UNDER_WAY).and_then(|before| next.items.crate_of(&order[before]))
                {
                    drop(made.object());
                }
                match self.make_family(name, number, &mut added, next, notes)? {
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
            let body = Attempt { number, text, split, family: carrier.as_ref() };
            match self.make_body(&body, &mut omit, &mut first_hash, &mut added, next, notes)? {
                Try::Done((body, found)) => {
                    let aged = aged || body.omit.aged;
                    return Ok(Built { body: Some(body), cached: cached && found, aged });
                }
                Try::Again => left += usize::from(notes.len() > before),
            }
        }
        Err(Refused::Broken(
            "this cell still does not compile after everything that could be tried; please report it".to_owned(),
        ))
    }

    /// The families to compile, in order, and the one that the statements can be compiled with: that of the cell's
    /// own items, when no other needs it.
    fn plan(
        &self,
        number: u32,
        split: &Split,
        tries: bool,
        omit: &Omit,
        added: &Added,
        next: &mut State,
    ) -> (Vec<Name>, Option<Name>) {
        let mut wanted: BTreeSet<Name> = added.dirty.iter().filter(|name| next.items.lives_in(name)).cloned().collect();
        if tries {
            let whose = Whose { family: None, cell: Some(number), all: omit.all_names };
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
        let needs = |name: &Name| {
            let whose = Whose { family: Some(name), ..Whose::default() };
            next.items.uses(whose, &HashSet::new()).families()
        };
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
    fn make_family(
        &mut self,
        name: &Name,
        number: u32,
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
        self.remember(&recipe.hash, &generated.source, Kind::Items);
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
                if self.learn_items(&diagnostics, &generated.source, number, next, notes) {
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
        let recipe = self.recipe(&generated, family.map_or("cell", |name| name), &identity, next, omit.aged);
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
                if omit.shown == Shown::Asked
                    && let Some(known) = Shown::answered(made.record.shown.as_deref())
                {
                    omit.shown = known;
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
                let object = made.object()?;
                let linked = recipe.linked.iter().map(|(name, _)| name).chain(family).cloned().collect();
                next.items.run_with(&linked);
                let body = Body { record: made.record, object, omit: omit.clone(), generated };
                return Ok(Try::Done((body, cached)));
            }
            Err(CompileError::Cancelled) => return Err(Refused::Interrupted),
            Err(CompileError::Broken(message)) => return Err(Refused::Broken(message)),
            Err(CompileError::Refused(said)) => said,
        };
        let (diagnostics, _) = diagnose::parse(&said);
        if let Some(name) = family
            && self.learn_crates(&diagnostics, name, next, added)
        {
            omit.all_names |= next.items.is_loose(added);
            return Ok(Try::Again);
        }
        if omit.shown == Shown::Inferred && asking::wants_type(&diagnostics, attempt.split) {
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
        self.learn(&said, &generated, attempt.number, next, omit, notes)?;
        Ok(Try::Again)
    }

    /// What a crate is compiled with.
    fn edition(&self, aged: bool) -> Edition {
        if aged { Edition::E2021 } else { self.flags.edition }
    }

    /// One hash for everything that goes into a compiled crate.
    fn recipe<'a>(
        &self,
        generated: &'a Generated,
        name: &'a str,
        identity: &'a str,
        next: &State,
        aged: bool,
    ) -> Recipe<'a> {
        let flags = Flags { edition: self.edition(aged), ..self.flags.clone() };
        let linked = next.items.linked(&generated.needs);
        let text = generated.source.text();
        let hash = Identity::default()
            .part(&self.environment.id)
            .part(format!("{flags:?}"))
            .part(format!("{:?}", generated.kind))
            .part(name)
            .part(identity)
            .parts(linked.iter().map(|(_, made)| &made.hash))
            .part(text);
        // What is read may be something else next time, and those who link to it must see that.
        let read = reads::read(text);
        let hash = if let Some(read) = &read { hash.part(&read.hash) } else { hash }.finish();
        let cacheable = read.is_none_or(|Read { sure, .. }| sure);
        Recipe { generated, name, identity, linked, hash, flags, cacheable }
    }

    fn remember(&mut self, hash: &str, source: &Source, kind: Kind) {
        let name = Job::file_name(hash);
        self.cells.put_source(name.clone(), source.clone());
        if kind == Kind::Items {
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

    fn compile(&self, recipe: &Recipe<'_>) -> Result<Made, CompileError> {
        let Recipe { generated, hash, .. } = recipe;
        let text = generated.source.text();
        let cacheable = recipe.cacheable;
        let kept = if cacheable { self.shelf.find(hash) } else { None };
        if let Some((directory, record)) = kept {
            let items =
                (generated.kind == Kind::Items).then(|| ItemsCrate::finished(hash.clone(), recipe.name, &directory));
            return Ok(Made { record, items, object: Some(directory.join(OBJECT)), cached: true });
        }
        let bench = self.shelf.bench().map_err(|e| {
            CompileError::Broken(format!(
                "cannot write to the cache: {e}; set FERROLAB_CACHE_DIR to a directory with room"
            ))
        })?;
        let job = Job {
            name: recipe.name,
            environment: &self.environment,
            flags: &recipe.flags,
            kind: generated.kind,
            text,
            hash,
            // Types of statements are nobody else's.
            identity: if recipe.identity.is_empty() { hash } else { recipe.identity },
            linked: &recipe.linked,
            named: &generated.needs,
            bench: &bench,
            compiling: &self.compiling,
        };
        let result = match generated.kind {
            Kind::Statements => self.compile_statements(&job, generated, cacheable),
            Kind::Items => self.compile_items(&job, generated, cacheable),
        };
        if result.is_err() {
            drop(fs::remove_dir_all(&bench));
        }
        result
    }

    fn compile_statements(&self, job: &Job<'_>, generated: &Generated, cacheable: bool) -> Result<Made, CompileError> {
        let said = job.run()?;
        let record = record_of(&said, generated);
        let mut object = job.bench.join(OBJECT);
        if cacheable && let Ok(directory) = self.shelf.put(job.hash, job.bench, &[OBJECT], record.clone()) {
            object = directory.join(OBJECT);
            drop(fs::remove_dir_all(job.bench));
        }
        Ok(Made { record, items: None, object: Some(object), cached: false })
    }

    fn compile_items(&self, job: &Job<'_>, generated: &Generated, cacheable: bool) -> Result<Made, CompileError> {
        let (shelf, hash, metadata) = (self.shelf.clone(), job.hash.to_owned(), metadata_of(job.name));
        let (send, receive) = std::sync::mpsc::channel::<Record>();
        let shelve = move |bench: &Path| {
            let record = receive.recv().unwrap_or_default();
            if !cacheable {
                return Ok(bench.to_owned());
            }
            shelf.put(&hash, bench, &[OBJECT, &metadata], record)
        };
        let (items, said) = job.run_items(shelve)?;
        let record = record_of(&said, generated);
        // The background thread is gone only when code generation failed already.
        drop(send.send(record.clone()));
        Ok(Made { record, items: Some(items), object: None, cached: false })
    }
}

/// A cell's statements.
struct Attempt<'a> {
    number: u32,
    text: &'a Arc<str>,
    split: &'a Split,
    /// The family whose items are compiled along.
    family: Option<&'a Name>,
}

impl Made {
    fn object(&self) -> Result<PathBuf, Refused> {
        match (&self.object, &self.items) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(items)) => items.object().map_err(Refused::Broken),
            (None, None) => Err(Refused::Broken("nothing was compiled".to_owned())),
        }
    }
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

/// What rustc said of the new variables' types.
fn record_of(said: &str, generated: &Generated) -> Record {
    let (diagnostics, _) = diagnose::parse(said);
    let mut record = Record::default();
    let new: Vec<_> = generated.handling.iter().filter(|h| h.new).collect();
    for (range, type_text) in diagnose::new_types(&diagnostics) {
        if generated.asked.as_ref().is_some_and(|asked| asked.contains(&range.start)) {
            record.shown = Some(type_text);
            continue;
        }
        let Some(handling) = new.iter().find(|h| h.range.contains(&range.start)) else { continue };
        let Some(index) = generated.bindings.iter().position(|n| *n == handling.name) else { continue };
        let kind = match diagnose::classify(&type_text) {
            TypeKind::Nameable(of) if generated.borrowed.contains(&handling.name) => TypeKind::Borrow { of },
            kind => kind,
        };
        match kind {
            TypeKind::Nameable(text) => record.types.push((index, text)),
            kind => record.unkept.push((handling.name.clone(), diagnose::advice(&handling.name, &kind))),
        }
    }
    record
}
