//! Cells whose body is measured (`%%timeit`, `%%scaling`, `%%bench`): what the generated code says
//! around the user's, and what to add to rustc's words when the body cannot run many times. How
//! such a cell is written, and what a measurement does, is not known here.

use std::ops::Range;

use proc_macro2::TokenStream;
use syn::visit::{self, Visit};

use super::diagnose::Diagnostic;
use super::split::{Split, words};

/// How a cell is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// The time of the body.
    Time {
        /// Loops in a batch; 0 to choose.
        loops: u64,
        /// Batches; 0 to choose.
        repeats: usize,
    },
    /// The time of the body on numbers of threads.
    Scaling {
        /// The numbers; none for 1, 2, 4… up to `granted`.
        counts: Vec<usize>,
        /// Threads granted to the session.
        granted: usize,
    },
    /// The times of several functions; the body runs once, before them.
    Compare(Vec<Candidate>),
}

/// What `%%bench` compares: a function's name or a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// As the user wrote it.
    pub text: String,
    /// Where it stands in the cell's text.
    pub offset: usize,
    /// True when it is a name, to be called.
    pub name: bool,
}

impl Measure {
    /// The directive's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Time { .. } => "timeit",
            Self::Scaling { .. } => "scaling",
            Self::Compare(_) => "bench",
        }
    }

    /// Changes a cell's parts for this measurement.
    ///
    /// # Errors
    /// When the cell cannot be measured: what to tell the user.
    pub(super) fn apply(self, mut split: Split, text: &str) -> Result<Split, String> {
        match &self {
            Self::Compare(candidates) => {
                for name in candidates.iter().flat_map(|c| words(&c.text)) {
                    split.mentions.insert(name.to_owned());
                    split.bindings.iter_mut().filter(|b| b.name == name).for_each(|b| b.unused = false);
                }
            }
            Self::Time { .. } | Self::Scaling { .. } => {
                if split.awaits {
                    return Err(format!(
                        "the body of %%{} runs as a closure, where `.await` does not work; put the work into a function that waits, or measure what it awaits",
                        self.name()
                    ));
                }
                // Everything stays inside: items, imports and bindings are the body's own.
                let start = split.inner.iter().map(|r| r.end).max().unwrap_or(0);
                let end = split.trailing.as_ref().map_or(text.len(), |r| r.start);
                let body = start..end;
                if let Ok(tokens) = text[start..].parse::<TokenStream>() {
                    split.mention(tokens);
                }
                split.items.clear();
                split.imports.clear();
                split.bindings.clear();
                split.statements = if text[body.clone()].trim().is_empty() { Vec::new() } else { vec![body] };
            }
        }
        split.measure = Some(self);
        Ok(split)
    }

    /// What stands before and after the body; nothing for a comparison. With `debug`, errors of
    /// `?` have `Debug` only.
    pub(super) fn around(&self, debug: bool) -> Option<(String, String)> {
        let call = match self {
            Self::Time { loops, repeats } => format!("timeit({loops}, {repeats}, "),
            Self::Scaling { counts, granted } => format!("scaling(&{counts:?}, {granted}, "),
            Self::Compare(_) => return None,
        };
        let (inner, outer) = match debug {
            true => (
                "(|| -> ::core::result::Result<(), ::ferrolab::rt::DebugFailure> {",
                "})().map_err(::ferrolab::rt::DebugFailure::into_failure)",
            ),
            false => ("", ""),
        };
        let before = format!(
            "::ferrolab::timing::cell::{call}|| -> ::core::result::Result<(), ::ferrolab::rt::Failure> {{ {inner}\n"
        );
        let after = format!("::core::result::Result::Ok(()) {outer}}}){}", question_mark(debug));
        Some((before, after))
    }
}

/// Hands an error of the body on to the cell.
pub(super) fn question_mark(debug: bool) -> &'static str {
    if debug { ".map_err(::ferrolab::rt::Failure::into_debug)?;\n" } else { "?;\n" }
}

/// Explains what only fails because the body is measured.
pub(super) fn explain(diagnostics: &mut [Diagnostic], measured: &str) {
    for diagnostic in diagnostics.iter_mut().filter(|d| d.is_error()) {
        let message = diagnostic.message.clone();
        // Notes about our own function say nothing to the user.
        diagnostic.children.retain(|child| !child.message.contains("ferrolab::timing::cell"));
        if diagnostic.code() == "E0507" && message.contains("captured variable") {
            let name = message.split('`').nth(1).unwrap_or("the value");
            diagnostic.add_help(format!(
                "the body of %%{measured} runs many times, so it cannot use up `{name}`: clone it inside (`{name}.clone()`), which is measured too, or borrow it"
            ));
        }
        if diagnostic.code() == "E0277" && message.contains("between threads safely") {
            diagnostic.add_help(format!(
                "%%{measured} runs the body on thread pools of its own: what it uses of the cells before must be able to go to another thread (`Arc` instead of `Rc`), or be made inside the body"
            ));
        }
    }
}

/// What is in a list of candidates: names and calls, and their places in it.
///
/// # Errors
/// What is neither.
pub fn candidates(list: &str) -> Result<Vec<(Range<usize>, bool)>, String> {
    let mut found = Vec::new();
    for range in apart(list) {
        let text = &list[range.clone()];
        let name = match syn::parse_str::<syn::Expr>(text) {
            Ok(syn::Expr::Path(_) | syn::Expr::Field(_)) => true,
            Ok(syn::Expr::Call(_) | syn::Expr::MethodCall(_) | syn::Expr::Macro(_)) => false,
            _ => return Err(text.to_owned()),
        };
        let mut questions = Questions(false);
        if let Ok(expression) = syn::parse_str::<syn::Expr>(text) {
            questions.visit_expr(&expression);
        }
        if questions.0 {
            return Err(text.to_owned());
        }
        found.push((range, name));
    }
    Ok(found)
}

struct Questions(bool);

impl<'a> Visit<'a> for Questions {
    fn visit_expr_try(&mut self, _: &'a syn::ExprTry) {
        self.0 = true;
    }
    fn visit_expr_await(&mut self, _: &'a syn::ExprAwait) {
        self.0 = true;
    }
    fn visit_expr(&mut self, expression: &'a syn::Expr) {
        visit::visit_expr(self, expression);
    }
}

/// Words at spaces and commas that are outside brackets and strings.
fn apart(list: &str) -> Vec<Range<usize>> {
    let (mut found, mut start, mut depth, mut string, mut escaped) = (Vec::new(), None, 0, false, false);
    for (at, c) in list.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if string => escaped = true,
            '"' => string = !string,
            _ if string => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            c if depth <= 0 && (c.is_whitespace() || c == ',') => {
                found.extend(start.take().map(|from| from..at));
                continue;
            }
            _ => {}
        }
        start = start.or(Some(at));
    }
    found.extend(start.map(|from| from..list.len()));
    found
}

#[cfg(test)]
mod tests {
    use super::super::cfg::Cfg;
    use super::super::split::split;
    use super::*;

    #[test]
    fn a_body_stays_inside() {
        let text = "use std::fmt::Write;\nfn f() {}\nlet a = helper(v);\na + w";
        let measure = Measure::Time { loops: 3, repeats: 0 };
        let parts = measure.apply(split(text, &Cfg::default()).expect("it parses"), text).expect("it can be measured");
        assert!(parts.items.is_empty() && parts.imports.is_empty() && parts.bindings.is_empty());
        assert_eq!(&text[parts.statements[0].clone()], "use std::fmt::Write;\nfn f() {}\nlet a = helper(v);\n");
        assert_eq!(&text[parts.trailing.expect("a value")], "a + w");
        assert!(["helper", "v", "w"].iter().all(|n| parts.mentions.contains(*n)));
        let waits = Measure::Time { loops: 0, repeats: 0 }
            .apply(split("f().await", &Cfg::default()).expect("it parses"), "f().await");
        assert!(waits.is_err_and(|e| e.contains(".await")));
    }

    #[test]
    fn candidates_are_names_and_calls() {
        let list = "sum a::b, f(1, \"x y\") v.len() m![1 2]";
        let found = candidates(list).expect("a list");
        let texts: Vec<_> = found.iter().map(|(r, name)| (&list[r.clone()], *name)).collect();
        assert_eq!(
            texts,
            [("sum", true), ("a::b", true), ("f(1, \"x y\")", false), ("v.len()", false), ("m![1 2]", false)]
        );
        assert_eq!(candidates("a 1"), Err("1".into()));
        assert_eq!(candidates("a f(g()?)"), Err("f(g()?)".into()));
        assert_eq!(candidates("f(1"), Err("f(1".into()));
        assert_eq!(candidates(" "), Ok(Vec::new()));
    }

    #[test]
    fn errors_of_repetition_are_explained() {
        let moved = r#"{"level":"error","code":{"code":"E0507"},"message":"cannot move out of `v`, a captured variable in an `FnMut` closure"}"#;
        let (mut diagnostics, _) = super::super::diagnose::parse(moved);
        explain(&mut diagnostics, "timeit");
        assert!(diagnostics[0].children[0].message.contains("`v.clone()`"));
    }
}
