//! Learning from a failure: what to leave out of the next try, which items of earlier cells do not fit any
//! more, or what to tell the user. It reads rustc's words, and asks for them once, about what a cell calls.

use super::closures::{self, Typing, Way};
use super::compile::{CompileError, Job};
use super::diagnose::{self, Diagnostic, Steer, advice};
use super::edition::{self, Edition};
use super::generate::{CrateKind, Generated, Handling, Omit, Role};
use super::items::{Added, Name};
use super::lessons::{self, Failed};
use super::question::Question;
use super::recipe::Recipe;
use super::source::{Place, Source};
use super::split::{Binding, Split};
use super::{Engine, Refused, State};

impl Omit {
    /// What it leaves out, counted: every try leaves out more than the last, so tries come to an end.
    pub(super) fn size(&self) -> usize {
        let ways: usize = self.ways.values().map(Way::rank).sum();
        self.moved.len()
            + self.late.len()
            + self.unkept.len()
            + self.unasked.len()
            + self.ended.len()
            + ways
            + self.typing.rank()
    }

    /// Closures take nothing over that they were not told to. True when one did.
    pub(super) fn unmove(&mut self) -> bool {
        let moves = self.ways.iter().filter(|(_, way)| matches!(way, Way::Boxed(boxed) if boxed.moves));
        let names: Vec<String> = moves.map(|(name, _)| name.clone()).collect();
        for name in &names {
            self.ways.insert(name.clone(), Way::Never);
            self.unkept.insert(name.clone(), advice::unboxed(name));
        }
        !names.is_empty()
    }

    /// A new variable borrows from something that does not last: later cells make it again where they can, else it is not
    /// kept, and not asked for its type where that is too late already.
    pub(super) fn borrows(&mut self, index: usize, generated: &Generated, steer: &Steer) {
        let Handling { name, role, .. } = &generated.handling[index];
        let again = generated.lent.contains(name) && !steer.changed.contains(&index);
        if again && *role == Role::Put && !self.ways.contains_key(name) {
            self.ways.insert(name.clone(), Way::Lent);
            return;
        }
        if *role == Role::Ask {
            self.unasked.insert(name.clone());
            self.unkept.insert(name.clone(), advice::ended(name));
            return;
        }
        self.unkept.entry(name.clone()).or_insert_with(|| advice::borrowed(name));
    }

    /// A variable is borrowed until the cell ends, by `by`, whose drop uses the borrow.
    fn holds(&mut self, handling: &Handling, by: &str) {
        let ends = self.unkept.get(by).is_some_and(|advice| !advice.is_empty());
        if ends && self.ended.insert(by.to_owned()) {
            return;
        }
        match handling.role {
            Role::Back => drop(self.moved.insert(handling.name.clone())),
            _ => drop(self.unkept.insert(handling.name.clone(), advice::held(&handling.name, by))),
        }
    }
}

impl Engine {
    /// A failed compilation either teaches what to leave out, or is the user's error.
    pub(super) fn learn(
        &self,
        said: &str,
        generated: &Generated,
        number: u32,
        next: &mut State,
        omit: &mut Omit,
        notes: &mut Vec<String>,
    ) -> Result<(), Refused> {
        let (diagnostics, _) = diagnose::parse(said);
        if !omit.aged && self.flags.edition == Edition::E2024 && edition::only_new(&diagnostics) {
            omit.aged = true;
            return Ok(());
        }
        if closures::boxed::learn(&diagnostics, generated, omit) {
            return Ok(());
        }
        let ranges: Vec<_> = generated.handling.iter().map(|h| h.range.clone()).collect();
        let steer = diagnose::steer(&diagnostics, &generated.source, &ranges);
        if steer.rest == 0 && !steer.is_empty() {
            return self.learn_variables(said, &steer, generated, number, next, omit);
        }
        let formats = self.showing.format.is_some() || self.showing.types;
        let failed = Failed { said, diagnostics, generated, steer, formats };
        if lessons::learn(&failed, next, omit) {
            return Ok(());
        }
        if generated.kind == CrateKind::Items
            && (self.learn_replaced(&failed.diagnostics, &generated.source, number, next, notes)
                || self.learn_items(&failed.diagnostics, &generated.source, number, next, notes))
        {
            return Ok(());
        }
        Err(self.refuse_measured(said, &generated.source, number, &next.variables, generated.measured))
    }

    /// All that is wrong are our own lines that put variables back or keep new ones: those are left out that rustc
    /// cannot do.
    fn learn_variables(
        &self,
        said: &str,
        steer: &Steer,
        generated: &Generated,
        number: u32,
        next: &State,
        omit: &mut Omit,
    ) -> Result<(), Refused> {
        let size = omit.size();
        for &index in &steer.moved {
            let handling = &generated.handling[index];
            if handling.role == Role::Back {
                omit.moved.insert(handling.name.clone());
            } else {
                omit.unkept.insert(handling.name.clone(), String::new());
            }
        }
        for &index in steer.borrowed.iter().chain(&steer.other) {
            let handling = &generated.handling[index];
            if handling.role == Role::Back {
                let type_text = next.variables.get(&handling.name).map_or(String::new(), |v| v.type_text.clone());
                let put = diagnose::Put { range: handling.range.clone(), name: handling.name.clone(), type_text };
                return Err(self.refuse_borrow(said, &generated.source, number, &put));
            }
            omit.borrows(index, generated, steer);
        }
        // A borrow is believed first: what it borrows from is not lost because of it.
        let held: &[(usize, String)] = if steer.borrowed.is_empty() { &steer.held } else { &[] };
        for (index, by) in held {
            omit.holds(&generated.handling[*index], by);
        }
        if omit.size() > size { Ok(()) } else { self.leave_out(said, generated, number, next, omit) }
    }

    /// What this cell defines anew under another header takes the place of what an earlier cell had: an edited
    /// blanket implementation, a derive instead of an implementation by hand. True when there was such a thing.
    pub(super) fn learn_replaced(
        &self,
        diagnostics: &[Diagnostic],
        source: &Source,
        number: u32,
        next: &mut State,
        notes: &mut Vec<String>,
    ) -> bool {
        const TWICE: [&str; 3] = ["E0119", "E0592", "E0428"];
        let mut replaced = false;
        for diagnostic in diagnostics.iter().filter(|d| d.is_error() && TWICE.contains(&d.code())) {
            let places: Vec<Place> = diagnostic.spans.iter().filter_map(|s| source.locate(&s.range())).collect();
            if !places.iter().any(|place| place.cell == number) {
                continue;
            }
            let old: Vec<Place> = places.into_iter().filter(|place| place.cell != number).collect();
            for (cell, what) in next.items.replace_at(&old) {
                notes.push(format!("`{what}` of cell [{cell}] was replaced"));
                replaced = true;
            }
        }
        replaced
    }

    /// A closure without types, which nothing in its cell calls: what later cells call it with tells them.
    pub(super) fn learn_unread(
        &self,
        diagnostics: &[Diagnostic],
        generated: &Generated,
        number: u32,
        split: &Split,
        next: &State,
        omit: &mut Omit,
    ) -> bool {
        let errors = || diagnostics.iter().filter(|d| d.is_error() && !d.spans.is_empty());
        if !errors().all(|d| ["E0282", "E0283", "E0284"].contains(&d.code())) {
            return false;
        }
        let places = self.error_places(diagnostics, &generated.source);
        if places.is_empty() {
            return false;
        }
        let mut unread = Vec::new();
        for place in &places {
            let within = |c: &closures::text::ClosureText| place.cell == number && c.range.contains(&place.range.start);
            let found = split
                .bindings
                .iter()
                .find(|b| b.unused && b.closure.as_ref().is_some_and(|c| c.whole && c.alone && within(c)));
            let Some(binding) = found.filter(|b| !omit.ways.contains_key(&b.name)) else { return false };
            unread.push(binding.name.clone());
        }
        let mut with = omit.clone();
        with.ways.extend(unread.into_iter().map(|name| (name, Way::Unread)));
        let known = closures::Known { split, variables: &next.variables, omit: &with, record: None };
        let has_form =
            |(index, b): (usize, &Binding)| with.ways.get(&b.name) != Some(&Way::Unread) || known.form(index).is_some();
        if !split.bindings.iter().enumerate().all(has_form) {
            return false;
        }
        *omit = with;
        true
    }

    /// A closure without types whose value is shown: rustc must know what is shown before it knows the types.
    pub(super) fn learn_typing(
        &self,
        diagnostics: &[Diagnostic],
        split: &Split,
        next: &State,
        omit: &mut Omit,
    ) -> bool {
        let errors = || diagnostics.iter().filter(|d| d.is_error() && !d.spans.is_empty());
        let unknown = errors().all(|d| ["E0282", "E0283", "E0284"].contains(&d.code()));
        let here = || split.bindings.iter().any(|b| b.closure.as_ref().is_some_and(|c| c.whole));
        let taken =
            || next.variables.wanted(split).iter().any(|(_, v)| v.kept.as_ref().is_some_and(|k| k.unread.is_some()));
        let shown = split.trailing.is_some() && split.measure.is_none();
        if omit.typing != Typing::Found || !unknown || !shown || !(here() || taken()) {
            return false;
        }
        omit.typing = Typing::Asked;
        true
    }

    /// Nothing more can be learnt: once more without keeping any of the cell's variables, so that rustc speaks of
    /// the user's text alone.
    ///
    /// # Errors
    /// rustc's words, when that has been tried.
    pub(super) fn leave_out(
        &self,
        said: &str,
        generated: &Generated,
        number: u32,
        next: &State,
        omit: &mut Omit,
    ) -> Result<(), Refused> {
        let size = omit.size();
        omit.unmove();
        for name in &generated.bindings {
            omit.unasked.insert(name.clone());
            omit.unkept.entry(name.clone()).or_insert_with(|| advice::not_kept(name));
        }
        if omit.size() > size {
            return Ok(());
        }
        Err(self.refuse_measured(said, &generated.source, number, &next.variables, generated.measured))
    }

    /// Items of earlier cells that do not fit any more are removed. True when there was one, and nothing else
    /// is wrong.
    pub(super) fn learn_items(
        &self,
        diagnostics: &[Diagnostic],
        source: &Source,
        number: u32,
        next: &mut State,
        notes: &mut Vec<String>,
    ) -> bool {
        let places = self.error_places(diagnostics, source);
        if places.is_empty() || places.iter().any(|p| p.cell == number) {
            return false;
        }
        let removed = next.items.remove_at(&places, number);
        let rendered = diagnose::render(diagnostics, source, &self.cells, number);
        let why = rendered.map_or_else(String::new, |r| r.value);
        for (cell, head) in &removed {
            notes.push(format!("`{head}` of cell [{cell}] does not fit any more and was removed: {why}"));
        }
        !removed.is_empty()
    }

    /// What is wrong may only be that items are in several crates: then the session has been changed, and true
    /// is returned.
    pub(super) fn learn_crates(
        &self,
        diagnostics: &[Diagnostic],
        family: &Name,
        next: &mut State,
        added: &mut Added,
    ) -> bool {
        let missing = |d: &Diagnostic| {
            is_missing(d) && (next.items.has_opaque() || d.message.split('`').any(|name| next.items.defines(name)))
        };
        if diagnostics.iter().any(missing) && next.items.loosen(added) {
            return true;
        }
        // Rules about which crate may implement what, or what other crates may add one day.
        const CRATES: [&str; 8] = ["E0116", "E0117", "E0118", "E0119", "E0210", "E0390", "E0321", "E0638"];
        let crates = |d: &Diagnostic| d.is_error() && CRATES.contains(&d.code());
        diagnostics.iter().any(crates) && next.items.join(family, added)
    }

    /// Of a cell that compiles: do those of its bindings that only borrow, and are to be made again, really do no more than
    /// look? Those that may do more last for their cell. True when there was one.
    ///
    /// # Errors
    /// When the user interrupts, and when rustc cannot be asked.
    pub(super) fn learn_looks(
        &self,
        recipe: &Recipe<'_>,
        (number, text): (u32, &str),
        split: &Split,
        next: &State,
        omit: &mut Omit,
    ) -> Result<bool, Refused> {
        let unasked = |b: &&Binding| omit.ways.get(&b.name) == Some(&Way::Lent) && !omit.looked.contains(&b.name);
        let lent = split.bindings.iter().filter(unasked).filter_map(|b| Some((b.name.clone(), b.lent.as_ref()?)));
        let (plain, asked): (Vec<_>, Vec<_>) = lent.partition(|(_, written)| written.is_plain(text));
        omit.looked.extend(plain.into_iter().map(|(name, _)| name));
        if asked.is_empty() {
            return Ok(false);
        }
        let source = &recipe.generated.source;
        let (name, hash) = (Job::file_name(&recipe.hash), &recipe.hash);
        let (linked, named) = (&recipe.linked, &recipe.generated.needs);
        let flags = &recipe.flags;
        let question = Question { text: source.text(), hash, about: "looks", linked, named, flags };
        let mir = self.ask_rustc(&question, |job| job.mir()).map_err(|error| match error {
            CompileError::Cancelled => Refused::Interrupted,
            CompileError::Broken(message) | CompileError::Refused(message) => Refused::Broken(message),
        })?;
        let offset = |(line, column): (usize, usize)| {
            let at = source.offset_of(line, column)?;
            source.locate(&(at..at)).filter(|place| place.cell == number).map(|place| place.range.start)
        };
        // What stands for itself in a path, or is written by these macros, must be what it looks like.
        let own = closures::looks::ROOTS.iter().any(|root| next.items.defines(root));
        let mut more = false;
        for (name_of, written) in asked {
            if own || closures::looks::more(&mir, &name, offset, written).is_some() {
                omit.ways.insert(name_of.clone(), Way::Never);
                omit.unkept.insert(name_of.clone(), advice::borrowed(&name_of));
                more = true;
            } else {
                omit.looked.insert(name_of);
            }
        }
        Ok(more)
    }

    fn error_places(&self, diagnostics: &[Diagnostic], source: &Source) -> Vec<Place> {
        let errors = diagnostics.iter().filter(|d| d.is_error());
        errors.flat_map(|d| d.spans.iter().filter(|s| s.is_primary)).filter_map(|s| source.locate(&s.range())).collect()
    }
}

/// A method that the prelude has, too: it is left out where there are two, and not where there is none.
pub(super) fn leaves_out_prelude(diagnostics: &[Diagnostic], said: &str) -> Option<bool> {
    let ours = ["ferrolab::progress::", "ferrolab::display::Display"].iter().any(|path| said.contains(path));
    let has = |code: &str| diagnostics.iter().any(|d| d.is_error() && d.code() == code);
    match ours {
        true if has("E0034") => Some(true),
        true if has("E0599") => Some(false),
        _ => None,
    }
}

/// Does rustc miss a name?
pub(super) fn is_missing(diagnostic: &Diagnostic) -> bool {
    const CODES: [&str; 10] =
        ["E0405", "E0412", "E0422", "E0425", "E0432", "E0433", "E0531", "E0532", "E0574", "E0599"];
    diagnostic.is_error() && (CODES.contains(&diagnostic.code()) || diagnostic.message.starts_with("cannot find macro"))
}
