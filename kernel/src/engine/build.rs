//! Building one cell: generate, look on the shelf, compile, and learn from a failure what to leave
//! out of the next try. It changes no session: what came of it is returned.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compile::{CompileError, ItemsCrate, Job};
use super::diagnose::{self, Diagnostic, TypeKind};
use super::environment::Identity;
use super::generate::{Generated, Kind, Omit, Scope, Tokio, generate};
use super::item::ItemPart;
use super::items::Items;
use super::shelf::{METADATA, OBJECT, Record};
use super::source::{Place, Source};
use super::split::Split;
use super::{Engine, Refused, State};

/// Attempts at one cell: moves, borrows and stale items are learnt one failure at a time.
const ATTEMPTS: usize = 8;
/// Generated texts that are remembered, for telling where a panic happened.
const REMEMBERED: usize = 200;

impl Engine {
    pub(super) fn build(
        &mut self,
        number: u32,
        text: &Arc<str>,
        split: &Split,
        next: &mut State,
        notes: &mut Vec<String>,
    ) -> Result<Built, Refused> {
        let mut omit = Omit { debug_errors: self.showing.debug_errors, ..Omit::default() };
        let mut first_hash = None;
        for _ in 0..ATTEMPTS {
            let linkable = next.items_crate.as_ref().is_some_and(ItemsCrate::is_there);
            if split.items.is_empty() && !linkable && !next.items.is_empty() {
                next.items_crate = Some(self.rebuild_items(next)?);
            }
            let scope = Scope {
                items: &next.items,
                variables: &next.variables,
                link_items: next.items_crate.is_some(),
                tokio: Tokio::of(&self.environment),
                showing: &self.showing,
            };
            let generated = generate(number, text, split, &scope, &omit);
            let link = (generated.kind == Kind::Statements).then_some(next.items_crate.as_ref()).flatten();
            let hash = self.hash(&generated, link);
            if first_hash.is_none() {
                first_hash = Some(hash.clone());
                if let Some(hint) = self.shelf.hint(&hash) {
                    omit = hint;
                    continue;
                }
            }
            self.remember(&hash, &generated.source);
            let diagnostics = match self.compile(&generated, &hash, link, next) {
                Ok(mut built) => {
                    if omit != Omit::default() && !built.cached {
                        self.shelf.put_hint(first_hash.as_deref().unwrap_or(&hash), &omit);
                    }
                    built.omit = omit;
                    return Ok(built);
                }
                Err(CompileError::Cancelled) => return Err(Refused::Interrupted),
                Err(CompileError::Broken(message)) => return Err(Refused::Broken(message)),
                Err(CompileError::Refused(said)) => said,
            };
            self.learn(&diagnostics, &generated, number, next, &mut omit, notes)?;
        }
        Err(Refused::Broken(
            "this cell still does not compile after everything that could be tried; please report it".to_owned(),
        ))
    }

    pub(super) fn rebuild_items(&mut self, next: &State) -> Result<ItemsCrate, Refused> {
        let (items, variables, showing) = (&next.items, &next.variables, &self.showing);
        let scope = Scope { items, variables, link_items: false, tokio: None, showing };
        let empty = Split { items: vec![ItemPart::none()], ..Split::default() };
        let generated = generate(0, "", &empty, &scope, &Omit::default());
        let hash = self.hash(&generated, None);
        self.remember(&hash, &generated.source);
        match self.compile(&generated, &hash, None, next) {
            Ok(built) => built.items_crate.ok_or_else(|| Refused::Broken("the items crate is missing".to_owned())),
            Err(CompileError::Refused(said)) => Err(self.refuse(&said, &generated.source, 0, &next.variables)),
            Err(CompileError::Cancelled) => Err(Refused::Interrupted),
            Err(CompileError::Broken(message)) => Err(Refused::Broken(message)),
        }
    }

    /// One hash for everything that goes into a compiled cell.
    pub(super) fn hash(&self, generated: &Generated, items: Option<&ItemsCrate>) -> String {
        Identity::default()
            .part(&self.environment.id)
            .part(format!("{:?}", self.flags))
            .part(format!("{:?}", generated.kind))
            .part(items.map_or("", |i| &i.hash))
            .part(generated.source.text())
            .finish()
    }

    pub(super) fn remember(&mut self, hash: &str, source: &Source) {
        let name = Job::file_name(hash);
        self.cells.1.insert(name.clone(), source.clone());
        self.sources.push_back((name, source.clone()));
        if self.sources.len() > REMEMBERED
            && let Some((old, _)) = self.sources.pop_front()
        {
            self.cells.1.remove(&old);
        }
    }

    fn compile(
        &self,
        generated: &Generated,
        hash: &str,
        link: Option<&ItemsCrate>,
        next: &State,
    ) -> Result<Built, CompileError> {
        let text = generated.source.text();
        // A text that reads other files may mean something else next time.
        let cacheable =
            !["include!", "include_str!", "include_bytes!", "env!", "file!"].iter().any(|m| text.contains(m));
        let kept = if cacheable { self.shelf.find(hash) } else { None };
        if let Some((directory, record)) = kept {
            let items_crate =
                (generated.kind == Kind::Items).then(|| ItemsCrate::finished(hash.to_owned(), &directory));
            let object = Some(directory.join(OBJECT));
            return Ok(Built {
                generated: generated.clone(),
                record,
                items_crate,
                object,
                cached: true,
                omit: Omit::default(),
            });
        }
        let bench = self.shelf.bench().map_err(|e| {
            CompileError::Broken(format!(
                "cannot write to the cache: {e}; set FERROLAB_CACHE_DIR to a directory with room"
            ))
        })?;
        let identity = identity_of(&next.items, generated.kind, hash);
        let job = Job {
            environment: &self.environment,
            flags: &self.flags,
            kind: generated.kind,
            text,
            hash,
            identity: &identity,
            items: link,
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

    fn compile_statements(&self, job: &Job<'_>, generated: &Generated, cacheable: bool) -> Result<Built, CompileError> {
        let said = job.run()?;
        let record = record_of(&said, generated);
        let mut object = job.bench.join(OBJECT);
        if cacheable && let Ok(directory) = self.shelf.put(job.hash, job.bench, &[OBJECT], record.clone()) {
            object = directory.join(OBJECT);
            drop(fs::remove_dir_all(job.bench));
        }
        Ok(Built {
            generated: generated.clone(),
            record,
            items_crate: None,
            object: Some(object),
            cached: false,
            omit: Omit::default(),
        })
    }

    fn compile_items(&self, job: &Job<'_>, generated: &Generated, cacheable: bool) -> Result<Built, CompileError> {
        let (shelf, hash) = (self.shelf.clone(), job.hash.to_owned());
        let (send, receive) = std::sync::mpsc::channel::<Record>();
        let shelve = move |bench: &Path| {
            let record = receive.recv().unwrap_or_default();
            if !cacheable {
                return Ok(bench.to_owned());
            }
            shelf.put(&hash, bench, &[OBJECT, METADATA], record)
        };
        let (items_crate, said) = job.run_items(shelve)?;
        let record = record_of(&said, generated);
        // The background thread is gone only when code generation failed already.
        drop(send.send(record.clone()));
        Ok(Built {
            generated: generated.clone(),
            record,
            items_crate: Some(items_crate),
            object: None,
            cached: false,
            omit: Omit::default(),
        })
    }

    /// A failed compilation either teaches what to leave out, or is the user's error.
    fn learn(
        &self,
        said: &str,
        generated: &Generated,
        number: u32,
        next: &mut State,
        omit: &mut Omit,
        notes: &mut Vec<String>,
    ) -> Result<(), Refused> {
        let (diagnostics, _) = diagnose::parse(said);
        let ranges: Vec<_> = generated.handling.iter().map(|h| h.range.clone()).collect();
        let steer = diagnose::steer(&diagnostics, &generated.source, &ranges);
        if steer.rest == 0 && !(steer.moved.is_empty() && steer.borrowed.is_empty() && steer.other.is_empty()) {
            // A borrow is believed before a move: what it borrows from is not lost because of it.
            let moved: &[usize] = if steer.borrowed.is_empty() { &steer.moved } else { &[] };
            for &index in moved {
                let handling = &generated.handling[index];
                if handling.new {
                    omit.unkept.insert(handling.name.clone(), String::new());
                } else {
                    omit.moved.insert(handling.name.clone());
                }
            }
            for &index in steer.borrowed.iter().chain(&steer.other) {
                let handling = &generated.handling[index];
                if !handling.new {
                    let type_text = next.variables.get(&handling.name).map_or(String::new(), |v| v.type_text.clone());
                    let put = diagnose::Put { range: handling.range.clone(), name: handling.name.clone(), type_text };
                    return Err(self.refuse_borrow(said, &generated.source, number, &put));
                }
                let of = TypeKind::Borrow { of: "&T".to_owned() };
                omit.unkept.insert(handling.name.clone(), diagnose::advice(&handling.name, &of));
            }
            return Ok(());
        }
        // A new variable that cannot be kept, beside a mistake of the user's: without our line that
        // keeps it, rustc speaks of the mistake alone.
        let new = steer.borrowed.iter().map(|&index| &generated.handling[index]).filter(|h| h.new);
        let new: Vec<String> = new.map(|h| h.name.clone()).filter(|name| !omit.unkept.contains_key(name)).collect();
        if !new.is_empty() {
            omit.unkept.extend(new.into_iter().map(|name| (name, String::new())));
            return Ok(());
        }
        // `?` on an error that is no `std::error::Error` is not the user's mistake.
        let converts = |d: &Diagnostic| d.code() == "E0277" && d.message.starts_with("`?` couldn't convert the error");
        // Nor is one that borrows from a variable, which `dyn Error` could not hold: `*m.lock()?`.
        let borrows = |d: &Diagnostic| ["E0597", "E0716", "E0505"].contains(&d.code());
        let lends = said.contains("is borrowed for `'static`") && generated.source.text().contains('?');
        let unlike = |d: &Diagnostic| d.is_error() && (converts(d) || lends && borrows(d));
        if !omit.debug_errors && diagnostics.iter().any(unlike) {
            omit.debug_errors = true;
            return Ok(());
        }
        // A macro that awaits says so only in its expansion. A measured body may not.
        let awaits = |d: &Diagnostic| d.is_error() && d.code() == "E0728";
        if !omit.awaits && generated.measured.is_none() && diagnostics.iter().any(awaits) {
            omit.awaits = true;
            return Ok(());
        }
        let ambiguous = |d: &Diagnostic| d.is_error() && d.code() == "E0034";
        if !omit.trait_display && said.contains("NoEvcxr") && diagnostics.iter().any(ambiguous) {
            omit.trait_display = true;
            return Ok(());
        }
        // `:fmt {}` is no reason to refuse a value that has `Debug` only, nor the unit value.
        let lacks = |d: &Diagnostic| d.code() == "E0277" && d.message.contains("doesn't implement `");
        let formats = self.showing.format.is_some() || self.showing.types;
        if formats && !omit.unformatted && diagnostics.iter().any(|d| d.is_error() && lacks(d)) {
            omit.unformatted = true;
            return Ok(());
        }
        let places = self.error_places(&diagnostics, &generated.source);
        let all_old = !places.is_empty() && places.iter().all(|p| p.cell != number);
        if all_old && generated.kind == Kind::Items {
            let removed = next.items.remove_at(&places, number);
            if !removed.is_empty() {
                let rendered = diagnose::render(&diagnostics, &generated.source, &self.cells, number);
                let why = rendered.map_or_else(String::new, |r| r.value);
                for (cell, head) in removed {
                    notes.push(format!("`{head}` of cell [{cell}] does not fit any more and was removed: {why}"));
                }
                return Ok(());
            }
        }
        Err(self.refuse_measured(said, &generated.source, number, &next.variables, generated.measured))
    }

    fn error_places(&self, diagnostics: &[Diagnostic], source: &Source) -> Vec<Place> {
        let errors = diagnostics.iter().filter(|d| d.is_error());
        errors.flat_map(|d| d.spans.iter().filter(|s| s.is_primary)).filter_map(|s| source.locate(&s.range())).collect()
    }
}

pub(super) struct Built {
    pub(super) generated: Generated,
    pub(super) record: Record,
    pub(super) items_crate: Option<ItemsCrate>,
    pub(super) object: Option<PathBuf>,
    pub(super) cached: bool,
    pub(super) omit: Omit,
}

impl Built {
    pub(super) fn object(&self) -> Result<PathBuf, Refused> {
        match (&self.object, &self.items_crate) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(items)) => items.object().map_err(Refused::Broken),
            (None, None) => Err(Refused::Broken("nothing was compiled".to_owned())),
        }
    }
}

/// What tells types of one version of a crate from those of another. Items keep theirs for as
/// long as no type changes, so that `Any` works across versions and never sees a stale layout.
fn identity_of(items: &Items, kind: Kind, hash: &str) -> String {
    if kind == Kind::Statements {
        return hash.to_owned();
    }
    Identity::default().parts(items.types()).finish()
}

/// What rustc said of the new variables' types.
fn record_of(said: &str, generated: &Generated) -> Record {
    let (diagnostics, _) = diagnose::parse(said);
    let mut record = Record::default();
    let new: Vec<_> = generated.handling.iter().filter(|h| h.new).collect();
    for (range, type_text) in diagnose::new_types(&diagnostics) {
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
