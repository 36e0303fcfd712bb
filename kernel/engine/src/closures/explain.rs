//! Errors that closures of earlier cells have a part in: that they are made again, and borrow again, is said.

use super::super::diagnose::{self, Diagnostic, Level, advice};
use super::super::source::{Place, Source};
use super::super::variables::{Variable, Variables};

/// Errors by which rustc says that something is borrowed.
const BORROWED: [&str; 5] = ["E0499", "E0502", "E0503", "E0505", "E0506"];

/// Adds what there is to say to the errors of cell `number`.
pub fn explain(diagnostics: &mut [Diagnostic], source: &Source, number: u32, variables: &Variables) {
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error()) {
        let places = diagnostic.spans.iter().filter_map(|s| Some((s.is_primary, source.locate(&s.range())?)));
        let places: Vec<(bool, Place)> = places.filter(|(_, place)| place.cell != number).collect();
        let at = |place: &Place, v: &Variable| v.kept.as_ref().is_some_and(|kept| kept.is_at(place));
        let name = diagnostic.message.split('`').nth(1).unwrap_or_default().to_owned();
        if let Some(help) = of_an_array(diagnostic, source, variables, &name) {
            // Moving it into the closure does not help.
            diagnostic.children.retain(|child| child.level != Level::Help);
            diagnostic.add_help(help);
            continue;
        }
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

/// What to write for a closure that an array keeps, which borrows a variable.
fn of_an_array(diagnostic: &Diagnostic, source: &Source, variables: &Variables, name: &str) -> Option<String> {
    if !["E0373", "E0597"].contains(&diagnostic.code()) {
        return None;
    }
    let is_array = |of: &str| {
        let first = of.split(['.', '(', '&', '[']).find(|part| !part.is_empty()).unwrap_or_default().trim();
        of.contains(".array()") || variables.get(first).is_some_and(|v| v.type_text.contains("ferrolab::array::"))
    };
    let (_, method) = diagnose::wanting_more(diagnostic, source).find(|(of, _)| is_array(of))?;
    let with = format!("`map_with(&{name}, |{name}, x| …)`");
    Some(match method {
        "map" => format!("an array keeps its closure, which can use no variables: give them to it with {with}"),
        _ => format!(
            "an array keeps the closure of `{method}`, which can use no variables: put them into its values first, with {with}"
        ),
    })
}
