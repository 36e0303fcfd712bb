//! Closures that are to run on a cluster and cannot: rustc's two ways of saying so, in the words
//! of a notebook.

use super::parse::{Diagnostic, Level};
use crate::engine::source::Source;

/// How the helper crate's assertion about such closures begins.
const ASSERTED: &str = "a closure for the cluster";

/// Tell the user what to write instead. `is_cluster` says whether a variable is a cluster.
pub fn explain_remote_closures(diagnostics: &mut [Diagnostic], source: &Source, is_cluster: &dyn Fn(&str) -> bool) {
    let instantiated = diagnostics.iter().flat_map(|d| std::iter::once(d).chain(&d.children)).find_map(called);
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error()) {
        if let Some(at) = diagnostic.message.find(ASSERTED) {
            // The assertion stands in a library; what the user wrote is the call.
            diagnostic.message.drain(..at);
            diagnostic.code = None;
            diagnostic.children.clear();
            diagnostic.spans = instantiated.clone().unwrap_or_default();
        } else if diagnostic.code() == "E0373" && is_remote(diagnostic, source, is_cluster) {
            let name = diagnostic.message.split('`').nth(1).unwrap_or("value").to_owned();
            // Moving it into the closure does not help: there it could not be sent either.
            diagnostic.children.retain(|c| c.level != Level::Help);
            diagnostic.add_help(format!(
                "{ASSERTED} cannot use variables of the notebook: pass them with `map_with(&{name}, tasks, |{name}, task| …)`"
            ));
        }
    }
}

/// Where a user's call made rustc compile something of a library that failed.
fn called(diagnostic: &Diagnostic) -> Option<Vec<super::parse::Span>> {
    let note = diagnostic.message.starts_with("the above error was encountered while instantiating");
    (note && !diagnostic.spans.is_empty()).then(|| diagnostic.spans.clone())
}

/// Is the call that wants a `'static` closure one of a cluster's?
fn is_remote(diagnostic: &Diagnostic, source: &Source, is_cluster: &dyn Fn(&str) -> bool) -> bool {
    let notes = diagnostic.children.iter().filter(|c| c.message.starts_with("function requires argument type"));
    notes.flat_map(|note| &note.spans).any(|span| {
        let call = source.text().get(span.range()).unwrap_or_default();
        let receiver: &str = call.split(['.', '(']).next().unwrap_or_default().trim();
        is_cluster(receiver)
    })
}
