//! What a failed compilation teaches about everything but variables: each lesson knows one thing that rustc may have
//! said, and says what the next try does differently. None looks at another's case, and none is learnt twice.

use super::State;
use super::diagnose::{Diagnostic, Steer};
use super::generate::{Generated, Omit, Role};
use super::learn::{is_missing, leaves_out_prelude};

/// A compilation that failed.
pub(super) struct Failed<'a> {
    /// What rustc said, as it came.
    pub(super) said: &'a str,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) generated: &'a Generated,
    pub(super) steer: Steer,
    /// Values are shown with a format or a type of the user's choice.
    pub(super) formats: bool,
}

impl Failed<'_> {
    /// Is there such an error?
    fn any(&self, is: impl Fn(&Diagnostic) -> bool) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.is_error() && is(diagnostic))
    }

    fn is_measured(&self) -> bool {
        self.generated.measured.is_some()
    }
}

type Lesson = fn(&Failed<'_>, &State, &mut Omit) -> bool;

/// In the order in which they are tried: what is certain comes before what is a guess.
const LESSONS: [Lesson; 9] = [
    closures_move_nothing,
    new_variables_borrow,
    errors_by_debug,
    errors_of_ones_own,
    macros_await,
    prelude_is_in_the_way,
    two_displays,
    format_does_not_fit,
    names_are_missing,
];

/// True when something was learnt, so that another try is worth it.
pub(super) fn learn(failed: &Failed<'_>, next: &State, omit: &mut Omit) -> bool {
    LESSONS.iter().any(|lesson| lesson(failed, next, omit))
}

/// Sets what was not set before.
fn once(flag: &mut bool, now: bool) -> bool {
    let learnt = now && !*flag;
    *flag |= learnt;
    learnt
}

/// The user's closures are as they were written before the user hears of a mistake.
fn closures_move_nothing(_: &Failed<'_>, _: &State, omit: &mut Omit) -> bool {
    omit.unmove()
}

/// A new variable that cannot be kept, beside a mistake of the user's: without our line that keeps it, rustc speaks of
/// the mistake alone.
fn new_variables_borrow(failed: &Failed<'_>, _: &State, omit: &mut Omit) -> bool {
    let size = omit.size();
    let new = |index: &&usize| failed.generated.handling[**index].role != Role::Back;
    let lines = failed.steer.borrowed.iter().filter(new);
    lines.for_each(|index| omit.borrows(*index, failed.generated, &failed.steer));
    omit.size() > size
}

/// `?` on an error that is no `std::error::Error` is not the user's mistake, nor is one that borrows from a variable,
/// which `dyn Error` could not hold: `*m.lock()?`.
fn errors_by_debug(failed: &Failed<'_>, _: &State, omit: &mut Omit) -> bool {
    let converts = |d: &Diagnostic| d.code() == "E0277" && d.message.starts_with("`?` couldn't convert the error");
    let borrows = |d: &Diagnostic| ["E0597", "E0716", "E0505"].contains(&d.code());
    let lends = failed.said.contains("is borrowed for `'static`") && failed.generated.source.text().contains('?');
    once(&mut omit.debug_errors, failed.any(|d| converts(d) || lends && borrows(d)))
}

/// `anyhow::bail!` returns an error of its own type.
fn errors_of_ones_own(failed: &Failed<'_>, _: &State, omit: &mut Omit) -> bool {
    let ours = ["ferrolab::rt::Failure", "ferrolab::rt::DebugFailure"].iter().any(|name| failed.said.contains(name));
    once(&mut omit.own_error, ours && !failed.is_measured() && failed.any(|d| d.code() == "E0308"))
}

/// A macro that awaits says so only in its expansion. A measured body may not.
fn macros_await(failed: &Failed<'_>, _: &State, omit: &mut Omit) -> bool {
    once(&mut omit.awaits, !failed.is_measured() && failed.any(|d| d.code() == "E0728"))
}

/// The prelude has a method of that name, too, or lacks one that is meant.
fn prelude_is_in_the_way(failed: &Failed<'_>, _: &State, omit: &mut Omit) -> bool {
    if omit.bare_prelude.is_some() {
        return false;
    }
    omit.bare_prelude = leaves_out_prelude(&failed.diagnostics, failed.said);
    omit.bare_prelude.is_some()
}

/// A type has two ways to be shown.
fn two_displays(failed: &Failed<'_>, _: &State, omit: &mut Omit) -> bool {
    once(&mut omit.trait_display, failed.said.contains("NoEvcxr") && failed.any(|d| d.code() == "E0034"))
}

/// `:fmt {}` is no reason to refuse a value that has `Debug` only, nor the unit value.
fn format_does_not_fit(failed: &Failed<'_>, _: &State, omit: &mut Omit) -> bool {
    let lacks = |d: &Diagnostic| d.code() == "E0277" && d.message.contains("doesn't implement `");
    once(&mut omit.unformatted, failed.formats && failed.any(lacks))
}

/// Items whose names are known to rustc alone may be what is missed.
fn names_are_missing(failed: &Failed<'_>, next: &State, omit: &mut Omit) -> bool {
    once(&mut omit.all_names, next.items.has_opaque() && failed.diagnostics.iter().any(is_missing))
}
