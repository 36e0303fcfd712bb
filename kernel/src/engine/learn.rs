//! Learning from a failure: what to leave out of the next try, which items of earlier cells do not fit any
//! more, or what to tell the user. It reads rustc's words and starts no process.

use super::diagnose::{self, Diagnostic, TypeKind};
use super::edition::{self, Edition};
use super::generate::{Generated, Kind, Omit};
use super::items::{Added, Name};
use super::source::{Place, Source};
use super::{Engine, Refused, State};

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
        if !omit.all_names && next.items.has_opaque() && diagnostics.iter().any(is_missing) {
            omit.all_names = true;
            return Ok(());
        }
        if generated.kind == Kind::Items && self.learn_items(&diagnostics, &generated.source, number, next, notes) {
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

    fn error_places(&self, diagnostics: &[Diagnostic], source: &Source) -> Vec<Place> {
        let errors = diagnostics.iter().filter(|d| d.is_error());
        errors.flat_map(|d| d.spans.iter().filter(|s| s.is_primary)).filter_map(|s| source.locate(&s.range())).collect()
    }
}

/// Does rustc miss a name?
fn is_missing(diagnostic: &Diagnostic) -> bool {
    const CODES: [&str; 10] =
        ["E0405", "E0412", "E0422", "E0425", "E0432", "E0433", "E0531", "E0532", "E0574", "E0599"];
    diagnostic.is_error() && (CODES.contains(&diagnostic.code()) || diagnostic.message.starts_with("cannot find macro"))
}
