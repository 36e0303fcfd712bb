//! The engine: from a cell's text to a shared object that the runner can load, and to what the
//! session knows afterwards. It holds the names, types and items of a session; values are in the
//! runner, and nothing here knows of Jupyter.

mod ahead;
mod asking;
mod beside;
mod build;
mod by_example;
pub mod cfg;
pub mod check;
pub mod closures;
pub mod compile;
pub mod diagnose;
pub mod edition;
mod elsewhere;
mod enter;
pub mod environment;
mod expand;
mod fallback;
pub mod families;
pub mod generate;
mod hot;
pub mod import_part;
mod imports;
pub mod insight;
pub mod item;
pub mod items;
mod late;
mod layout;
mod learn;
mod lessons;
pub mod levels;
mod link;
pub mod mark;
pub mod measured;
mod mended;
pub mod mentions;
mod places;
mod plain;
mod published;
mod question;
mod reads;
mod recipe;
mod refuse;
pub mod shelf;
pub mod source;
pub mod spare;
pub mod split;
mod statics;
mod symbols;
mod texts;
mod type_paths;
pub mod uses;
pub mod variables;

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use ahead::Ahead;
use cfg::Cfg;
use compile::{Compiling, Flags, Job};
use diagnose::{Cells, Rendered};
use edition::Edition;
use elsewhere::Kept;
use enter::CompiledCell;
use environment::{Cache, Environment, EnvironmentError, Identity};
use generate::{ENTRY, Generated, Showing};
use items::{Added, Items, Name};
use measured::Measure;
use question::QUESTION;
use shelf::Shelf;
use source::{Place, line_column};
use spare::Spare;
use split::Split;
use texts::Texts;
use variables::Variables;

/// What the session knows, besides values.
#[derive(Debug, Clone, Default)]
struct State {
    items: Items,
    variables: Variables,
}

/// The engine of one session.
pub struct Engine {
    environment: Environment,
    flags: Flags,
    cfg: Option<Cfg>,
    /// Macros of crates that were found to be no items.
    statements_only: HashSet<String>,
    showing: Showing,
    shelf: Shelf,
    spare: Spare,
    compiling: Arc<Compiling>,
    /// What crates were compiled from, for those who want them compiled for other processors.
    kept: Kept,
    /// Statements are not made into objects.
    checking: bool,
    state: State,
    /// The state before the last committed cell, for `:undo`.
    before: Option<State>,
    cells: Texts,
    /// Files of statements whose texts are remembered, the oldest first.
    remembered: VecDeque<String>,
    /// Did the last committed cell run anything?
    ran: bool,
    /// Families that are compiled with the edition before, because of what they say.
    aged: HashSet<Name>,
    /// The user was told of that.
    told_edition: bool,
    /// What rustc said before the type of what is shown was asked for.
    unanswered: Option<(String, Generated)>,
    /// What failed cells named that was not there.
    ahead: Ahead,
}

/// A compiled cell, not yet run.
pub struct Prepared {
    /// The shared object, or none when there is nothing to run.
    pub object: Option<PathBuf>,
    /// Objects that have to be loaded before it, in this order.
    pub needs: Vec<PathBuf>,
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
    /// Variables that it takes from the store.
    pub taken: Vec<String>,
    next: State,
    /// The variables when it returns before its end.
    returned: Variables,
}

/// Why a cell was not compiled.
#[derive(Debug)]
pub enum Refused {
    /// It does not compile.
    Errors(Rendered),
    /// The user interrupted.
    Interrupted,
    /// It cannot be measured; a text for the user.
    Unfit(String),
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
            flags: Flags { target_cpu: environment.options.target_cpu.clone(), ..Flags::default() },
            cfg: None,
            statements_only: HashSet::new(),
            showing: Showing::default(),
            shelf: Shelf::open(cache, &environment.options.sites)?,
            environment,
            spare: Spare::default(),
            compiling,
            kept: Kept::default(),
            checking: false,
            state: State::default(),
            before: None,
            cells: Texts::default(),
            remembered: VecDeque::new(),
            ran: false,
            aged: HashSet::new(),
            told_edition: false,
            unanswered: None,
            ahead: Ahead::default(),
        })
    }

    /// What cells link against.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Link later cells against another environment. Items are compiled anew with the next
    /// cell that needs them.
    pub fn set_environment(&mut self, environment: Environment) {
        self.environment = environment;
        self.cfg = None;
        self.state.items.forget_crates();
    }

    /// Who may interrupt what it compiles.
    pub fn compiling(&self) -> &Compiling {
        &self.compiling
    }

    /// How cells are compiled.
    pub fn flags(&self) -> &Flags {
        &self.flags
    }

    /// Compile later cells differently.
    pub fn set_flags(&mut self, flags: Flags) {
        self.flags = flags;
        self.cfg = None;
        self.state.items.forget_crates();
    }

    /// Compile later cells with another edition; crates that are there keep theirs.
    pub fn set_edition(&mut self, edition: Edition) {
        self.flags.edition = edition;
        self.aged.clear();
    }

    /// How values and errors are shown.
    pub fn showing(&mut self) -> &mut Showing {
        &mut self.showing
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
        self.ahead = Ahead::default();
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
        let named = self.state.variables.get(expression.trim()).filter(|v| v.kept.is_some());
        if let Some(closure) = named {
            return Ok(closure.type_text.clone());
        }
        let text: Arc<str> = format!("let __ferrolab_type = {{ {expression} }};").into();
        let prepared = self.prepare(QUESTION, &text)?;
        let variables = &prepared.next.variables;
        let known = variables.get("__ferrolab_type").map(|v| v.type_text.clone());
        Ok(known.unwrap_or_else(|| variables.advice("__ferrolab_type").unwrap_or("a type without a name").to_owned()))
    }

    /// Forget one variable. True when it was there.
    pub fn forget(&mut self, name: &str) -> bool {
        let there = self.state.variables.remove(name);
        self.state.variables.remove_orphans();
        there
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
        self.prepare_measured(number, text, text, None)
    }

    /// [`Engine::prepare`] for a cell that is measured. `shown` is the text as the user wrote it,
    /// which `text` agrees with in every place that holds code.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn prepare_measured(
        &mut self,
        number: u32,
        text: &Arc<str>,
        shown: &Arc<str>,
        measure: Option<Measure>,
    ) -> Result<Prepared, Refused> {
        let mut prepared = self.prepare_text(number, text, shown, measure);
        match &mut prepared {
            Ok(prepared) => prepared.notes.extend(self.ahead.defined(&prepared.next.items)),
            Err(Refused::Errors(errors)) => self.ahead.failed(number, errors),
            Err(_) => {}
        }
        prepared
    }

    fn prepare_text(
        &mut self,
        number: u32,
        text: &Arc<str>,
        shown: &Arc<str>,
        measure: Option<Measure>,
    ) -> Result<Prepared, Refused> {
        let mut text = self.lay_out(number, text, shown)?;
        let cfg = self.cfg_for(&text);
        let mut split = match split::split(&text, &cfg) {
            Ok(split) => split,
            Err(_) if mended::is_comment(&text) => Split::default(),
            Err((message, offset)) => {
                let mended = mended::with_semicolon(&text).map(|mended| self.lay_out(number, &mended.into(), shown));
                let mended = mended.transpose()?.and_then(|text| Some((split::split(&text, &cfg).ok()?, text)));
                let Some((split, mended)) = mended else {
                    return Err(self.explain_syntax(number, &text, &message, offset));
                };
                text = mended;
                split
            }
        };
        if measure.is_none()
            && let Some(whole) = self.with_late(number, &text, &split)
        {
            split = split::split(&whole, &cfg)
                .map_err(|(message, at)| self.explain_syntax(number, &whole, &message, at))?;
            text = whole;
        }
        let text = &text;
        split.calls.retain(|(_, call)| {
            !call.is_known || expand::definition(call, &self.state.items, &split.items, text).is_some()
        });
        if measure.is_none() && !split.calls.is_empty() {
            split.bind_by_macros(&self.state.items, text);
            self.expand(number, text, &mut split)?;
        }
        statics::leave_strangers(&mut split.items, |name| {
            self.environment.externs.iter().any(|(known, _)| known == name)
        });
        let split = match measure {
            Some(measure) => measure.apply(split, text).map_err(Refused::Unfit)?,
            None => split,
        };
        let mut next = self.state.clone();
        let added = next.items.add(number, text, &split);
        self.move_origins(&next.items, &added);
        let stale = next.variables.remove_stale(&added.changed, number);
        let mut notes: Vec<String> = Vec::new();
        if !stale.is_empty() {
            notes.push(format!(
                "a type was redefined; dropped the variables that hold the old one: {}",
                stale.join(", ")
            ));
            notes.extend(orphans(&mut next.variables));
        }
        notes.extend(next.variables.remove_ambiguous(&next.items));
        let built = self.build(number, text, &split, added, &mut next, &mut notes)?;
        let cached = built.cached;
        if built.aged && !std::mem::replace(&mut self.told_edition, true) {
            notes.push(edition::NOTE.to_owned());
        }
        for (name, why) in expand::lost(&split, &next.items) {
            if next.variables.get(&name).is_none() && !next.items.defines(&name) {
                next.variables.mark_gone(&name, why);
            }
        }
        let Some(built) = built.body else {
            let (unkept, returned) = (Vec::new(), next.variables.clone());
            let (taken, needs) = (Vec::new(), Vec::new());
            let object = None;
            return Ok(Prepared { object, needs, symbol: ENTRY, stale, notes, cached, unkept, taken, returned, next });
        };
        let returned = next.variables.clone();
        let entry = CompiledCell { built: &built, split: &split, number, text, era: next.items.era };
        let unkept = entry.note_variables(&mut next.variables, &mut notes);
        notes.extend(orphans(&mut next.variables));
        next.items.hold(next.variables.iter().filter(|(_, v)| v.kept.is_some()).map(|(_, v)| v.era).collect());
        let object = (!split.runs_nothing()).then_some(built.object);
        let needs = built.needs;
        let taken = built.generated.taken;
        Ok(Prepared { object, needs, symbol: ENTRY, stale, notes, cached, unkept, taken, returned, next })
    }

    /// What `#[cfg(…)]` depends on, when the cell has one.
    fn cfg_for(&mut self, text: &str) -> Cfg {
        if !text.contains("cfg") {
            return Cfg::default();
        }
        let (environment, flags, shelf) = (&self.environment, &self.flags, &self.shelf);
        self.cfg
            .get_or_insert_with(|| {
                let hash = Identity::default()
                    .part("cfg")
                    .part(&environment.id)
                    .part(&flags.target_cpu)
                    .part([u8::from(flags.checks)])
                    .finish();
                if let Some(said) = shelf.answer(&hash) {
                    return Cfg::of(&said);
                }
                let said = Cfg::ask(&environment.toolchain.rustc, &flags.target_cpu, flags.checks);
                said.inspect(|said| shelf.put_answer(&hash, said)).map_or_else(Cfg::default, |said| Cfg::of(&said))
            })
            .clone()
    }

    /// The cell ran to its end: what it defined is the session's now.
    pub fn commit(&mut self, prepared: Prepared) {
        self.ran = prepared.object.is_some();
        self.before = Some(std::mem::replace(&mut self.state, prepared.next));
    }

    /// The cell returned before its end: variables of earlier cells stay, but for those it moved. The names
    /// that it would have bound.
    pub fn commit_returned(&mut self, mut prepared: Prepared, moved: &[String], number: u32) -> Vec<String> {
        let mut variables = std::mem::take(&mut prepared.returned);
        for name in moved {
            variables.mark_moved(name, number);
        }
        let key = |variables: &Variables, name: &str| variables.get(name).map(|v| v.key);
        let bound = prepared.next.variables.iter().map(|(name, _)| name.clone());
        let bound: Vec<String> =
            bound.filter(|name| key(&variables, name) != key(&prepared.next.variables, name)).collect();
        for name in &bound {
            if variables.get(name).is_some() {
                continue;
            }
            variables.mark_gone(name, "the cell that binds it returned before its end".to_owned());
        }
        variables.remove_orphans();
        prepared.next.variables.late().cloned().for_each(|late| variables.wait(late));
        prepared.next.variables = variables;
        self.commit(prepared);
        bound
    }

    /// Where a place in generated code stands in a cell.
    pub fn locate(&self, file: &str, line: u32, column: u32) -> Option<(Place, usize, usize)> {
        let source = self.cells.source(file)?;
        let offset = source.offset_of(line as usize, column as usize)?;
        let place = self.cells.real(source.locate(&(offset..offset))?)?;
        let text = self.cells.text(place.cell)?;
        let (line, column) = line_column(text, place.range.start);
        Some((place, line, column))
    }

    /// Items that stay as they are, and whose cell was run again, are in that cell from now on.
    fn move_origins(&mut self, items: &Items, added: &Added) {
        for (from, cell, start) in &added.moved {
            let Some(hash) = items.crate_at(*cell, *start) else { continue };
            if let Some(source) = self.cells.source_mut(&Job::file_name(&hash)) {
                source.move_origins(from, *cell, *start);
            }
        }
    }

    /// The text of a cell that ran in this session.
    pub fn cell_text(&self, cell: u32) -> Option<&str> {
        self.cells.text(cell)
    }

    /// What a cell, or a file that one took in, is called in reports.
    pub fn cell_name(&self, cell: u32) -> String {
        self.cells.name(cell)
    }
}

/// Notes on closures that borrow what is not there any more.
fn orphans(variables: &mut Variables) -> Vec<String> {
    let orphans = variables.remove_orphans().into_iter();
    orphans
        .map(|(name, missed)| {
            format!("`{name}` borrowed `{missed}`, which is another one now or gone; run the cell of `{name}` again")
        })
        .collect()
}
