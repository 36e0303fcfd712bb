//! Errors that closures of earlier cells have a part in: that they are made again, and borrow again, is said.

use super::super::diagnose::{Diagnostic, advice};
use super::super::source::{Place, Source};
use super::super::variables::{Variable, Variables};

/// Errors by which rustc says that something is borrowed.
const BORROWED: [&str; 4] = ["E0499", "E0502", "E0505", "E0506"];

/// Adds what there is to say to the errors of cell `number`.
pub fn explain(diagnostics: &mut [Diagnostic], source: &Source, number: u32, variables: &Variables) {
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error()) {
        let places = diagnostic.spans.iter().filter_map(|s| Some((s.is_primary, source.locate(&s.range())?)));
        let places: Vec<(bool, Place)> = places.filter(|(_, place)| place.cell != number).collect();
        let at = |place: &Place, v: &Variable| v.kept.as_ref().is_some_and(|kept| kept.is_at(place));
        let name = diagnostic.message.split('`').nth(1).unwrap_or_default().to_owned();
        let borrows = |v: &Variable| {
            let borrowed = v.kept.iter().flat_map(|kept| &kept.borrowed).any(|(borrowed, _)| *borrowed == name);
            borrowed && places.iter().any(|(_, place)| at(place, v))
        };
        let borrower = variables.iter().find(|(_, v)| BORROWED.contains(&diagnostic.code()) && borrows(v));
        let wrong = |v: &Variable| places.iter().any(|(primary, place)| *primary && at(place, v));
        let help = match (borrower, variables.iter().find(|(_, v)| wrong(v))) {
            (Some((closure, _)), _) => advice::borrowing(closure, &name),
            (None, Some((closure, _))) => advice::made_again(closure),
            (None, None) => continue,
        };
        diagnostic.add_help(help);
    }
}
