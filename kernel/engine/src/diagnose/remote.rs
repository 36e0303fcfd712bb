//! Closures that are to run on a cluster and cannot: rustc's two ways of saying so, in the words
//! of a notebook.

use super::parse::{Diagnostic, Level, Span};
use crate::source::Source;

/// How the helper crate's assertion about such closures begins.
const ASSERTED: &str = "a closure for the cluster";

/// Tell the user what to write instead. `is_cluster` says whether a variable is a cluster.
pub fn explain_remote_closures(diagnostics: &mut [Diagnostic], source: &Source, is_cluster: &dyn Fn(&str) -> bool) {
    let calls: Vec<Option<Vec<Span>>> = (0..diagnostics.len()).map(|at| caller(&diagnostics[at..])).collect();
    let any = calls.iter().flatten().next().cloned();
    let errors = diagnostics.iter_mut().zip(calls).filter(|(d, _)| d.is_error());
    for (diagnostic, call) in errors {
        if let Some(at) = diagnostic.message.find(ASSERTED) {
            // The assertion stands in a library; what the user wrote is the call.
            diagnostic.message.drain(..at);
            diagnostic.code = None;
            diagnostic.children.clear();
            diagnostic.spans = call.or_else(|| any.clone()).unwrap_or_default();
        } else if matches!(diagnostic.code(), "E0373" | "E0597") {
            let name = diagnostic.message.split('`').nth(1).unwrap_or("value").to_owned();
            let advice = if is_remote(diagnostic, source, is_cluster) {
                format!(
                    "{ASSERTED} cannot use variables of the notebook: pass them with `map_with(&{name}, tasks, |{name}, task| …)`"
                )
            } else if wanting_static(diagnostic, source).any(is_of_a_graph) {
                format!(
                    "{ASSERTED}, or for a graph, cannot use variables of the notebook: give them to the graph with `graph.value({name})`, and join: `graph.join((&task, &{name}), |(task, {name})| …)`"
                )
            } else {
                continue;
            };
            // Moving it into the closure does not help: there it could not be sent either.
            diagnostic.children.retain(|c| c.level != Level::Help);
            diagnostic.add_help(advice);
        }
    }
}

/// Where the call stands that made rustc compile what the first of these is about: the notes that follow
/// an error, up to the next one, are its.
fn caller(diagnostics: &[Diagnostic]) -> Option<Vec<Span>> {
    let (error, rest) = diagnostics.split_first()?;
    let notes = error.children.iter().chain(rest.iter().take_while(|d| !d.is_error()));
    notes.into_iter().find_map(called)
}

/// Where a user's call made rustc compile something of a library that failed.
fn called(diagnostic: &Diagnostic) -> Option<Vec<Span>> {
    let note = diagnostic.message.starts_with("the above error was encountered while instantiating");
    (note && !diagnostic.spans.is_empty()).then(|| diagnostic.spans.clone())
}

/// The calls that want a `'static` closure: what each is a method of, and the method.
pub fn wanting_more<'a>(diagnostic: &'a Diagnostic, source: &'a Source) -> impl Iterator<Item = (&'a str, &'a str)> {
    let heads = wanting_static(diagnostic, source).filter_map(|(call, _)| call.split('|').next());
    let methods = heads.filter_map(|head| head.rsplit_once('.'));
    methods.map(|(of, method)| (of.trim(), method.split('(').next().unwrap_or_default().trim()))
}

/// The calls that want a `'static` closure, and where they begin.
fn wanting_static<'a>(diagnostic: &'a Diagnostic, source: &'a Source) -> impl Iterator<Item = (&'a str, usize)> {
    let notes = diagnostic.children.iter().filter(|c| c.message.starts_with("function requires argument type"));
    // Of a variable of an earlier cell rustc says it otherwise.
    let says = |span: &&Span| span.label.as_deref().is_some_and(|label| label.ends_with("is borrowed for `'static`"));
    let spans = notes.flat_map(|note| &note.spans).chain(diagnostic.spans.iter().filter(says));
    spans.map(|span| (source.text().get(span.range()).unwrap_or_default(), span.byte_start))
}

/// Is one of them a cluster's?
fn is_remote(diagnostic: &Diagnostic, source: &Source, is_cluster: &dyn Fn(&str) -> bool) -> bool {
    wanting_static(diagnostic, source).any(|(call, begin)| {
        let receiver: &str = call.split(['.', '(']).next().unwrap_or_default().trim();
        is_cluster(receiver) || is_place(receiver, source.text().get(..begin).unwrap_or_default())
    })
}

/// Does this call a method by which graphs get their tasks? Closures of others of these names need not be `'static`.
fn is_of_a_graph((call, _): (&str, usize)) -> bool {
    let method = call.split('(').next().and_then(|head| head.rsplit_once('.')).map(|(_, method)| method.trim());
    matches!(method, Some("task" | "then" | "join" | "graph"))
}

/// Is this name, in the function that `before` leads into, an argument that is a place where closures run?
fn is_place(receiver: &str, before: &str) -> bool {
    let head = before.rfind("fn ").map_or("", |at| &before[at..]);
    let Some((_, declared)) = head.split_once(&format!("{receiver}: ")) else { return false };
    let type_text = declared.split([',', ')']).next().unwrap_or_default();
    let name = type_text.trim_start_matches('&').trim();
    let generic = [format!("{name}: Executor"), format!("{name}: ferrolab::executor::Executor")];
    ["Executor", "Cluster"].iter().any(|word| type_text.contains(word))
        || generic.iter().any(|text| head.contains(text))
}

#[cfg(test)]
mod tests {
    use super::is_place;

    #[test]
    fn an_argument_that_is_a_place_is_known() {
        for head in [
            "fn f(on: &impl Executor, x: u64) { ",
            "fn f<E: Executor>(on: &E) { ",
            "fn f<E>(on: &E) where E: Executor { ",
            "fn f(on: &Cluster) { ",
        ] {
            assert!(is_place("on", head), "{head}");
        }
        assert!(!is_place("on", "fn f(on: &Executor) {} fn g(on: &Pool) { "));
        assert!(!is_place("pool", "fn f(on: &Cluster, pool: &Pool) { "));
    }
}
