//! One crate: what goes into it, by one hash, and the crate itself, from the shelf or compiled. Nothing is learnt here.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use super::compile::{self, CompileError, Flags, ItemsCrate, Job, metadata_of};
use super::diagnose::{self, TypeKind};
use super::edition::Edition;
use super::environment::Identity;
use super::generate::{CrateKind, Generated, Role};
use super::items::Name;
use super::reads::{self, Read};
use super::shelf::{Hints, OBJECT};
use super::type_paths::with_crate;
use super::{Engine, Refused, State};

/// Counts what the engine can learn of a failed compilation. What one that could learn less has put on the shelf is not
/// found: it may say that a variable is not kept which is kept now.
const LEARNS: &str = "2";

/// One compiled crate.
pub(super) struct CompiledCrate {
    pub(super) record: Hints,
    pub(super) items: Option<ItemsCrate>,
    pub(super) object: Option<PathBuf>,
    pub(super) cached: bool,
}

/// A text and what goes into its crate besides.
pub(super) struct Recipe<'a> {
    pub(super) generated: &'a Generated,
    pub(super) name: &'a str,
    pub(super) identity: &'a str,
    pub(super) linked: Vec<(Name, ItemsCrate)>,
    pub(super) hash: String,
    pub(super) flags: Flags,
    /// False when what it reads cannot be told.
    pub(super) cacheable: bool,
    /// Nobody runs it or links to it.
    pub(super) check: bool,
}

impl Engine {
    /// What a crate is compiled with.
    pub(super) fn edition(&self, aged: bool) -> Edition {
        if aged { Edition::E2021 } else { self.flags.edition }
    }

    /// One hash for everything that goes into a compiled crate.
    pub(super) fn recipe<'a>(
        &self,
        generated: &'a Generated,
        name: &'a str,
        identity: &'a str,
        next: &State,
        aged: bool,
    ) -> Recipe<'a> {
        let flags = Flags { edition: self.edition(aged), ..self.flags.clone() };
        let mut linked = next.items.linked(&generated.needs);
        next.items.add_stored(&[Name::from(name)], &mut linked);
        let text = generated.source.text();
        let hash = Identity::default()
            .part(LEARNS)
            .part("objects with names")
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
        Recipe { generated, name, identity, linked, hash, flags, cacheable, check: false }
    }

    pub(super) fn compile(&self, recipe: &Recipe<'_>) -> Result<CompiledCrate, CompileError> {
        let Recipe { generated, hash, .. } = recipe;
        let text = generated.source.text();
        let cacheable = recipe.cacheable;
        let kept = if cacheable { self.shelf.find(hash) } else { None };
        if let Some((directory, record)) = kept {
            self.kept.keep(recipe);
            let items = (generated.kind == CrateKind::Items)
                .then(|| ItemsCrate::finished(hash.clone(), recipe.name, &directory));
            return Ok(CompiledCrate { record, items, object: Some(directory.join(OBJECT)), cached: true });
        }
        let rustc = &self.environment.toolchain.rustc;
        let spare = self.spare.take(&compile::process(rustc, Path::new(".")));
        let bench = spare.as_ref().map_or_else(|| self.shelf.bench(), |spare| Ok(spare.bench.clone()));
        let bench = bench.map_err(|e| CompileError::unwritable(&e))?;
        // On one processor it would take from what this rustc needs.
        let beside = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
        if beside {
            self.prepare_rustc();
        }
        let job = Job {
            name: recipe.name,
            environment: &self.environment,
            flags: &recipe.flags,
            kind: generated.kind,
            text,
            file: hash,
            hash,
            // Types of statements are nobody else's.
            identity: if recipe.identity.is_empty() { hash } else { recipe.identity },
            linked: &recipe.linked,
            named: &generated.needs,
            bench: &bench,
            compiling: &self.compiling,
            check: recipe.check,
            spare: Cell::new(spare),
        };
        let result = match generated.kind {
            _ if recipe.check => job.run_rustc().map(|said| {
                drop(fs::remove_dir_all(&bench));
                CompiledCrate { record: record_of(&said, generated), items: None, object: None, cached: false }
            }),
            CrateKind::Statements => self.compile_statements(&job, generated, cacheable),
            CrateKind::Items => self.compile_items(&job, generated, cacheable),
        };
        match &result {
            Ok(_) if !recipe.check => self.kept.keep(recipe),
            Ok(_) => {}
            Err(_) => drop(fs::remove_dir_all(&bench)),
        }
        if !beside {
            self.prepare_rustc();
        }
        result
    }

    /// Has a rustc started for the next cell, now that one had to be compiled.
    fn prepare_rustc(&self) {
        // What is only checked has no next cell.
        if self.checking {
            return;
        }
        let (rustc, shelf) = (self.environment.toolchain.rustc.clone(), self.shelf.clone());
        self.spare.prepare(move || {
            let bench = shelf.bench()?;
            Ok((compile::process(&rustc, &bench), bench))
        });
    }

    fn compile_statements(
        &self,
        job: &Job<'_>,
        generated: &Generated,
        cacheable: bool,
    ) -> Result<CompiledCrate, CompileError> {
        let said = job.run()?;
        let record = record_of(&said, generated);
        let mut object = job.bench.join(OBJECT);
        if cacheable && let Ok(directory) = self.shelf.put(job.hash, job.bench, &[OBJECT], record.clone()) {
            object = directory.join(OBJECT);
            drop(fs::remove_dir_all(job.bench));
        }
        Ok(CompiledCrate { record, items: None, object: Some(object), cached: false })
    }

    fn compile_items(
        &self,
        job: &Job<'_>,
        generated: &Generated,
        cacheable: bool,
    ) -> Result<CompiledCrate, CompileError> {
        let (shelf, hash, metadata) = (self.shelf.clone(), job.hash.to_owned(), metadata_of(job.name));
        let (send, receive) = std::sync::mpsc::channel::<Hints>();
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
        Ok(CompiledCrate { record, items: Some(items), object: None, cached: false })
    }
}

impl CompiledCrate {
    pub(super) fn object(&self) -> Result<PathBuf, Refused> {
        match (&self.object, &self.items) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(items)) => items.object().map_err(Refused::Broken),
            (None, None) => Err(Refused::Broken("nothing was compiled".to_owned())),
        }
    }
}

/// What rustc said of the new variables' types.
fn record_of(said: &str, generated: &Generated) -> Hints {
    let (diagnostics, _) = diagnose::parse(said);
    let mut record = Hints::default();
    let new: Vec<_> = generated.handling.iter().filter(|h| h.role != Role::Back).collect();
    for (range, type_text) in diagnose::new_types(&diagnostics) {
        if generated.asked.as_ref().is_some_and(|asked| asked.contains(&range.start)) {
            record.shown = Some(with_crate(&type_text, &generated.own));
            continue;
        }
        let Some(handling) = new.iter().find(|h| h.range.contains(&range.start)) else { continue };
        if handling.role == Role::AskAgain {
            record.taken.push((handling.name.clone(), type_text));
            continue;
        }
        let Some(index) = generated.bindings.iter().position(|n| *n == handling.name) else { continue };
        let kind = match diagnose::classify(&with_crate(&type_text, &generated.own)) {
            TypeKind::Nameable(of) if generated.borrowed.contains(&handling.name) => TypeKind::Borrow { of },
            // rustc let it into the store: what `leak` returns lasts.
            TypeKind::Borrow { of } if !generated.borrowed.contains(&handling.name) => {
                TypeKind::Nameable(diagnose::with_static(&of))
            }
            kind => kind,
        };
        if type_text.starts_with("std::marker::PhantomData<") && handling.role == Role::Ask && generated.asks(handling)
        {
            record.signatures.push((index, type_text));
            continue;
        }
        match kind {
            TypeKind::Nameable(text) => record.types.push((index, text)),
            kind => {
                record.unnamed.push((index, type_text));
                record.unkept.push((handling.name.clone(), diagnose::advice(&handling.name, &kind)));
            }
        }
    }
    record
}
