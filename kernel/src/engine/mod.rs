//! The engine: from a cell's text to a shared object that the runner can load, and to what the
//! session knows afterwards. It holds the names, types and items of a session; values are in the
//! runner, and nothing here knows of Jupyter.

pub mod compile;
pub mod diagnose;
pub mod environment;
pub mod generate;
pub mod insight;
pub mod item;
pub mod items;
pub mod shelf;
pub mod source;
pub mod split;
pub mod variables;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use compile::{CompileError, Compiling, Flags, ItemsCrate, Job};
use diagnose::{Cells, Diagnostic, Rendered, TypeKind};
use environment::{Cache, Environment, EnvironmentError, Identity};
use generate::{ENTRY, Generated, Kind, Omit, Scope, generate};
use items::Items;
use shelf::{METADATA, OBJECT, Record, Shelf};
use source::{Place, Source, line_column};
use split::Split;
use variables::{Variable, Variables};

/// Attempts at one cell: moves, borrows and stale items are learnt one failure at a time.
const ATTEMPTS: usize = 8;
/// The number under which `:type` compiles its question; no cell has it.
const QUESTION: u32 = u32::MAX - 1;
/// Generated texts that are remembered, for telling where a panic happened.
const REMEMBERED: usize = 200;

/// What the session knows, besides values.
#[derive(Debug, Clone, Default)]
struct State {
    items: Items,
    variables: Variables,
    items_crate: Option<ItemsCrate>,
}

/// The engine of one session.
pub struct Engine {
    environment: Environment,
    flags: Flags,
    shelf: Shelf,
    compiling: Arc<Compiling>,
    state: State,
    /// The state before the last committed cell, for `:undo`.
    before: Option<State>,
    cells: Texts,
    sources: VecDeque<(String, Source)>,
    /// Did the last committed cell run anything?
    ran: bool,
}

/// The texts of cells, for showing places in them.
#[derive(Debug, Default)]
struct Texts(HashMap<u32, Arc<str>>, HashMap<String, Source>);

impl Cells for Texts {
    fn text(&self, cell: u32) -> Option<&str> {
        self.0.get(&cell).map(|t| &**t)
    }

    fn source(&self, file_name: &str) -> Option<&Source> {
        self.1.get(file_name)
    }
}

/// A compiled cell, not yet run.
pub struct Prepared {
    /// The shared object, or none when there is nothing to run.
    pub object: Option<PathBuf>,
    /// Its entry point.
    pub symbol: &'static str,
    /// Variables that a changed definition makes unusable: to be dropped before the run.
    pub stale: Vec<String>,
    /// Notes for the user, shown before the cell's own output.
    pub notes: Vec<String>,
    /// True when nothing was compiled.
    pub cached: bool,
    /// True when everything went into the store and must be dropped again.
    pub unkept: Vec<String>,
    next: State,
}

/// Why a cell was not compiled.
#[derive(Debug)]
pub enum Refused {
    /// It does not compile.
    Errors(Rendered),
    /// The user interrupted.
    Interrupted,
    /// Something besides the cell is wrong; a text for the user.
    Broken(String),
}

impl Engine {
    /// An engine for a prepared environment.
    ///
    /// # Errors
    /// When the cell cache cannot be used.
    pub fn new(environment: Environment, cache: &Cache, compiling: Arc<Compiling>) -> Result<Self, EnvironmentError> {
        Ok(Self {
            environment,
            flags: Flags::default(),
            shelf: Shelf::open(cache)?,
            compiling,
            state: State::default(),
            before: None,
            cells: Texts::default(),
            sources: VecDeque::new(),
            ran: false,
        })
    }

    /// What cells link against.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Link later cells against another environment. The items are compiled anew with the next
    /// cell that needs them.
    pub fn set_environment(&mut self, environment: Environment) {
        self.environment = environment;
        self.state.items_crate = None;
    }

    /// How cells are compiled.
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// Compile later cells differently.
    pub fn set_flags(&mut self, flags: Flags) {
        self.flags = flags;
        self.state.items_crate = None;
    }

    /// The variables.
    pub fn variables(&self) -> &Variables {
        &self.state.variables
    }

    /// The items.
    pub fn items(&self) -> &Items {
        &self.state.items
    }

    /// The shelf of compiled cells.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Forget everything; the names of the variables that were there.
    pub fn clear(&mut self) -> Vec<String> {
        self.before = None;
        self.state.items = Items::default();
        self.state.items_crate = None;
        self.state.variables.clear()
    }

    /// Forget all variables, because the runner lost them; their names.
    pub fn clear_variables(&mut self) -> Vec<String> {
        self.before = None;
        self.state.variables.clear()
    }

    /// Is there a cell to take back?
    pub fn can_undo(&self) -> bool {
        self.before.is_some()
    }

    /// Did the last committed cell run anything?
    pub fn last_ran(&self) -> bool {
        self.ran
    }

    /// The type of an expression, with full paths; nothing is run.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn type_of(&mut self, expression: &str) -> Result<String, Refused> {
        let text: Arc<str> = format!("let __ferrolab_type = {{ {expression} }};").into();
        let prepared = self.prepare(QUESTION, &text)?;
        let variables = &prepared.next.variables;
        let known = variables.get("__ferrolab_type").map(|v| v.type_text.clone());
        Ok(known.unwrap_or_else(|| variables.advice("__ferrolab_type").unwrap_or("a type without a name").to_owned()))
    }

    /// Forget one variable. True when it was there.
    pub fn forget(&mut self, name: &str) -> bool {
        self.state.variables.remove(name)
    }

    /// Take back the last committed cell. False when there is none to take back.
    pub fn undo(&mut self) -> bool {
        self.before.take().map(|before| self.state = before).is_some()
    }

    /// Compile a cell. The session changes only when [`Engine::commit`] is called.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn prepare(&mut self, number: u32, text: &Arc<str>) -> Result<Prepared, Refused> {
        self.cells.0.insert(number, text.clone());
        let split = match split::split(text) {
            Ok(split) => split,
            Err((message, offset)) => return Err(self.explain_syntax(number, text, &message, offset)),
        };
        let mut next = self.state.clone();
        let changed = next.items.add(number, text, &split);
        let stale = next.variables.remove_stale(&changed);
        let mut notes: Vec<String> = Vec::new();
        if !stale.is_empty() {
            notes.push(format!(
                "a type was redefined; dropped the variables that hold the old one: {}",
                stale.join(", ")
            ));
        }
        if split.runs_nothing() && split.items.is_empty() && split.imports.is_empty() {
            return Ok(Prepared { object: None, symbol: ENTRY, stale, notes, cached: true, unkept: Vec::new(), next });
        }
        let built = self.build(number, text, &split, &mut next, &mut notes)?;
        if !split.items.is_empty() {
            next.items_crate.clone_from(&built.items_crate);
        }
        let unkept = note_variables(
            &built.generated,
            &built.record,
            &built.omit,
            &split,
            number,
            &mut next.variables,
            &mut notes,
        );
        let object = if split.runs_nothing() { None } else { Some(built.object()?) };
        Ok(Prepared { object, symbol: ENTRY, stale, notes, cached: built.cached, unkept, next })
    }

    /// The cell ran to its end: what it defined is the session's now.
    pub fn commit(&mut self, prepared: Prepared) {
        self.ran = prepared.object.is_some();
        self.before = Some(std::mem::replace(&mut self.state, prepared.next));
    }

    /// Where a place in generated code stands in a cell.
    pub fn locate(&self, file: &str, line: u32, column: u32) -> Option<(Place, usize, usize)> {
        let source = self.sources.iter().rev().find(|(name, _)| name == file).map(|(_, s)| s)?;
        let offset = source.offset_of(line as usize, column as usize)?;
        let place = source.locate(&(offset..offset))?;
        let text = self.cells.text(place.cell)?;
        let (line, column) = line_column(text, place.range.start);
        Some((place, line, column))
    }

    /// The text of a cell that ran in this session.
    pub fn cell_text(&self, cell: u32) -> Option<&str> {
        self.cells.text(cell)
    }

    fn build(
        &mut self,
        number: u32,
        text: &Arc<str>,
        split: &Split,
        next: &mut State,
        notes: &mut Vec<String>,
    ) -> Result<Built, Refused> {
        let mut omit = Omit::default();
        let mut first_hash = None;
        for _ in 0..ATTEMPTS {
            if split.items.is_empty() && next.items_crate.is_none() && !next.items.is_empty() {
                next.items_crate = Some(self.rebuild_items(next)?);
            }
            let scope = Scope {
                items: &next.items,
                variables: &next.variables,
                link_items: next.items_crate.is_some(),
                tokio: self.environment.externs.iter().any(|(name, _)| name == "tokio"),
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

    fn rebuild_items(&mut self, next: &State) -> Result<ItemsCrate, Refused> {
        let scope = Scope { items: &next.items, variables: &next.variables, link_items: false, tokio: false };
        let empty = Split { items: vec![item::ItemPart::none()], ..Split::default() };
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
    fn hash(&self, generated: &Generated, items: Option<&ItemsCrate>) -> String {
        Identity::default()
            .part(&self.environment.id)
            .part(format!("{:?}", self.flags))
            .part(format!("{:?}", generated.kind))
            .part(items.map_or("", |i| &i.hash))
            .part(generated.source.text())
            .finish()
    }

    fn remember(&mut self, hash: &str, source: &Source) {
        let name = Job::file_name(hash);
        self.cells.1.insert(name.clone(), source.clone());
        self.sources.push_back((name, source.clone()));
        if self.sources.len() > REMEMBERED {
            if let Some((old, _)) = self.sources.pop_front() {
                self.cells.1.remove(&old);
            }
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
        if cacheable {
            if let Ok(directory) = self.shelf.put(job.hash, job.bench, &[OBJECT], record.clone()) {
                object = directory.join(OBJECT);
                drop(fs::remove_dir_all(job.bench));
            }
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
        let shelve = move |bench: &std::path::Path| {
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
                    return Err(self.refuse(said, &generated.source, number, &next.variables));
                }
                omit.unkept.insert(handling.name.clone(), borrow_advice(&handling.name, &diagnostics));
            }
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
        Err(self.refuse(said, &generated.source, number, &next.variables))
    }

    fn error_places(&self, diagnostics: &[Diagnostic], source: &Source) -> Vec<Place> {
        let errors = diagnostics.iter().filter(|d| d.is_error());
        errors.flat_map(|d| d.spans.iter().filter(|s| s.is_primary)).filter_map(|s| source.locate(&s.range())).collect()
    }

    fn refuse(&self, said: &str, source: &Source, number: u32, variables: &Variables) -> Refused {
        let (mut diagnostics, other) = diagnose::parse(said);
        for diagnostic in diagnostics.iter_mut().filter(|d| d.code() == "E0425") {
            let missed = diagnostic.message.split('`').nth(1).and_then(|name| variables.advice(name));
            if let Some(advice) = missed {
                let advice = format!("it lasted for its own cell only: {advice}");
                diagnostic.add_help(advice);
            }
        }
        match diagnose::render(&diagnostics, source, &self.cells, number) {
            Some(rendered) => Refused::Errors(rendered),
            None => Refused::Broken(format!("rustc failed without an error message\n{}", other.join("\n"))),
        }
    }

    /// rustc explains a syntax error better than `syn` does; the cell's raw text is all it needs.
    fn explain_syntax(&mut self, number: u32, text: &Arc<str>, message: &str, offset: usize) -> Refused {
        let mut source = Source::default();
        source.push("fn __ferrolab_cell() {\n");
        source.push_user(number, 0, text);
        source.push("\n}\n");
        let hash = Identity::default().part(text.as_bytes()).finish();
        let Ok(bench) = self.shelf.bench() else {
            return Refused::Broken(format!("{message}, and the cache cannot be written"));
        };
        let job = Job {
            environment: &self.environment,
            flags: &self.flags,
            kind: Kind::Statements,
            text: source.text(),
            hash: &hash,
            identity: "syntax",
            items: None,
            bench: &bench,
            compiling: &self.compiling,
        };
        let result = job.run();
        drop(fs::remove_dir_all(&bench));
        match result {
            Err(CompileError::Refused(said)) => self.refuse(&said, &source, number, &self.state.variables),
            Err(CompileError::Cancelled) => Refused::Interrupted,
            Err(CompileError::Broken(message)) => Refused::Broken(message),
            Ok(_) => {
                let (line, column) = line_column(text, offset);
                let plain = format!("error: {message}\n --> [{number}]:{line}:{column}");
                Refused::Errors(Rendered {
                    name: "error".into(),
                    value: message.to_owned(),
                    ansi: plain.clone(),
                    plain,
                })
            }
        }
    }
}

struct Built {
    generated: Generated,
    record: Record,
    items_crate: Option<ItemsCrate>,
    object: Option<PathBuf>,
    cached: bool,
    omit: Omit,
}

impl Built {
    fn object(&self) -> Result<PathBuf, Refused> {
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
        match diagnose::classify(&type_text) {
            TypeKind::Nameable(text) => record.types.push((index, text)),
            kind => record.unkept.push((handling.name.clone(), diagnose::advice(&handling.name, &kind))),
        }
    }
    record
}

/// Enter what a cell did to the variables. Returns names whose values the store must drop.
fn note_variables(
    generated: &Generated,
    record: &Record,
    omit: &Omit,
    split: &Split,
    number: u32,
    variables: &mut Variables,
    notes: &mut Vec<String>,
) -> Vec<String> {
    for name in &omit.moved {
        variables.remove(name);
    }
    let types: BTreeMap<usize, &String> = record.types.iter().map(|(i, t)| (*i, t)).collect();
    let advice: HashMap<&str, &str> = record.unkept.iter().map(|(n, a)| (n.as_str(), a.as_str())).collect();
    let mut drop = Vec::new();
    for (index, binding) in split.bindings.iter().enumerate() {
        let name = &binding.name;
        if let Some(advice) = omit.unkept.get(name) {
            // A variable of this name from an earlier cell is shadowed, as in any Rust scope.
            if variables.remove(name) {
                drop.push(name.clone());
            }
            if !advice.is_empty() {
                variables.mark_unkept(name, advice.clone());
                if binding.unused {
                    notes.push(format!("`{name}` lasts for this cell only. {advice}"));
                }
            }
            continue;
        }
        if let Some(type_text) = types.get(&index) {
            let variable = Variable {
                type_text: (*type_text).clone(),
                mutable: binding.mutable,
                key: generated.key_base.wrapping_add(index as u64),
                place: (number, binding.offset),
            };
            variables.insert(name.clone(), variable);
            continue;
        }
        let advice = advice.get(name.as_str()).copied().unwrap_or("its type has no name that a later cell could use");
        variables.mark_unkept(name, advice.to_owned());
        drop.push(name.clone());
        if binding.unused {
            notes.push(format!("`{name}` lasts for this cell only. {advice}"));
        }
    }
    drop
}

fn borrow_advice(name: &str, diagnostics: &[Diagnostic]) -> String {
    let of = diagnose::new_types(diagnostics).into_iter().map(|(_, t)| t).next().unwrap_or_else(|| "&T".to_owned());
    diagnose::advice(name, &TypeKind::Borrow { of })
}
