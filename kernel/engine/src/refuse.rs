//! Refusing a cell: rustc's words about generated text, told against the user's own cells.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::closures;
use super::compile::CompileError;
use super::diagnose::{self, Finding, Found, Position, Rendered, advice};
use super::edition::Edition;
use super::environment::Identity;
use super::question::Question;
use super::source::{Source, line_column};
use super::variables::Variables;
use super::{Engine, Refused};

/// Errors about a name that is not there, or that something else has instead.
pub(super) const MISSES: [&str; 5] = ["E0425", "E0412", "E0433", "E0422", "E0423"];

impl Engine {
    pub(super) fn refuse(&self, said: &str, source: &Source, number: u32, variables: &Variables) -> Refused {
        self.refuse_measured(said, source, number, variables, None)
    }

    /// The same for a cell whose body the directive `measured` measures.
    pub(super) fn refuse_measured(
        &self,
        said: &str,
        source: &Source,
        number: u32,
        variables: &Variables,
        measured: Option<&str>,
    ) -> Refused {
        let (mut diagnostics, other) = diagnose::parse(said);
        if let Some(directive) = measured {
            super::measured::explain(&mut diagnostics, directive);
        }
        super::edition::explain(&mut diagnostics);
        super::mended::explain(&mut diagnostics);
        super::mended::explain_end(&mut diagnostics, source);
        super::fallback::explain(&mut diagnostics, source, &self.cells, number, variables);
        for diagnostic in diagnostics.iter_mut().filter(|d| MISSES.contains(&d.code())) {
            let missed = diagnostic.message.split('`').nth(1).and_then(|name| variables.why_gone(name));
            if let Some(why) = missed {
                diagnostic.add_help(why.to_owned());
            }
        }
        super::type_paths::explain(&mut diagnostics, source, variables);
        super::ahead::explain(&mut diagnostics);
        closures::explain::explain(&mut diagnostics, source, number, variables);
        for diagnostic in diagnostics.iter_mut().filter(|d| d.code() == "E0597") {
            let lends = |s: &diagnose::Span| s.label.as_deref().is_some_and(|l| l.contains("is borrowed for `'1`"));
            let name = diagnostic.message.split('`').nth(1).filter(|_| diagnostic.spans.iter().any(lends));
            if let Some(name) = name.map(str::to_owned) {
                diagnostic.add_help(advice::outlived(&name));
            }
        }
        let is_cluster = |name: &str| {
            let variable = variables.get(name.strip_prefix("r#").unwrap_or(name));
            name == "Cluster" || variable.is_some_and(|v| v.type_text.ends_with("cluster::Cluster"))
        };
        diagnose::explain_remote_closures(&mut diagnostics, source, &is_cluster);
        match diagnose::render(&diagnostics, source, &self.cells, number) {
            Some(rendered) => Refused::Errors(rendered),
            None => Refused::Broken(format!("rustc failed without an error message\n{}", other.join("\n"))),
        }
    }

    /// A variable of an earlier cell would borrow from something that ends with this one.
    pub(super) fn refuse_borrow(&self, said: &str, source: &Source, number: u32, put: &diagnose::Put) -> Refused {
        let (mut diagnostics, _) = diagnose::parse(said);
        diagnose::explain_borrows(&mut diagnostics, source, std::slice::from_ref(put));
        match diagnose::render(&diagnostics, source, &self.cells, number) {
            Some(rendered) => Refused::Errors(rendered),
            None => Refused::Broken(said.to_owned()),
        }
    }

    /// rustc explains a syntax error better than `syn` does; the cell's raw text is all it needs.
    pub(super) fn explain_syntax(&mut self, number: u32, text: &Arc<str>, message: &str, offset: usize) -> Refused {
        let mut source = Source::default();
        source.push("fn __ferrolab_cell() {\n");
        source.push_user(number, 0, text);
        source.push("\n}\n");
        if self.flags.edition == Edition::E2015 {
            return plain_syntax(
                number,
                text,
                message,
                offset,
                " (what edition 2015 alone allows cannot be read in cells)",
            );
        }
        let hash = Identity::default().part(text.as_bytes()).finish();
        let named = BTreeSet::new();
        let (text_of, flags) = (source.text(), &self.flags);
        let question = Question { text: text_of, hash: &hash, about: "syntax", linked: &[], named: &named, flags };
        match self.ask_rustc(&question, |job| job.run()) {
            Err(CompileError::Refused(said)) => self.refuse(&said, &source, number, &self.state.variables),
            Err(CompileError::Cancelled) => Refused::Interrupted,
            Err(CompileError::Broken(why)) => Refused::Broken(format!("{message}, and rustc cannot explain it: {why}")),
            Ok(_) => plain_syntax(number, text, message, offset, ""),
        }
    }
}

fn plain_syntax(number: u32, text: &str, message: &str, offset: usize, more: &str) -> Refused {
    let (line, column) = line_column(text, offset);
    let plain = format!("error: {message}{more}\n --> [{number}]:{line}:{column}");
    let at = Position { line, column, offset: text.get(..offset).unwrap_or_default().chars().count() };
    let message = format!("{message}{more}");
    let span = Found { cell: None, start: at, end: at, label: None, primary: true };
    let finding =
        Finding { code: None, message: message.clone(), spans: vec![span], notes: Vec::new(), suggestions: Vec::new() };
    Refused::Errors(Rendered {
        name: "error".into(),
        value: message,
        ansi: plain.clone(),
        plain,
        findings: vec![finding],
    })
}
