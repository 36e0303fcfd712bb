//! What things mean: `?NAME`, `:doc`, `:explain`, `:help`.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, bundle, say, wrong};
use super::table;
use crate::evaluate::DirectEvaluator;
use crate::evaluate::answers;
use ferrolab_engine::insight;
use ferrolab_jupyter::session::evaluator::Sink;

pub(super) const EXPLAIN: Definition = Definition {
    names: &["explain"],
    usage: ":explain E0308",
    help: "Explain an error code; alone, that of the last error.",
    engines: Engines::Evcxr(&["explain"]),
    form: Form::Line(DirectEvaluator::on_explain),
};

pub(super) const DOC: Definition = Definition {
    names: &["doc"],
    usage: ":doc NAME",
    help: "Describe a name, as `?NAME` does.",
    engines: Engines::Evcxr(&["doc"]),
    form: Form::Line(DirectEvaluator::on_doc),
};

pub(super) const HELP: Definition = Definition {
    names: &["help", "h"],
    usage: ":help [NAME]",
    help: "Show this list, or the help of one directive.",
    engines: Engines::Evcxr(&["help"]),
    form: Form::Line(DirectEvaluator::on_help),
};

pub(super) const QUESTION: Definition = Definition {
    names: &["?"],
    usage: "?NAME",
    help: "Describe a variable, an item or a name of the standard library; `??NAME` shows the source.",
    engines: Engines::Own,
    form: Form::Mark,
};

impl DirectEvaluator {
    pub(super) fn on_describe(&mut self, name: &str, detail: bool, sink: &Arc<dyn Sink>) -> Done {
        let names = answers::names(self.engine());
        let cursor = name.chars().count();
        match insight::inspect(&names, name, cursor, u8::from(detail)) {
            Some(found) => {
                sink.page(bundle(&[("text/plain", &found.plain), ("text/markdown", &found.markdown)]));
                Ok(())
            }
            None => Err(wrong(&format!("nothing is known of `{name}`"))),
        }
    }

    /// `:doc NAME`: like `?NAME`, but what is not known is no error, as in evcxr.
    fn on_doc(&mut self, name: &str, sink: &Arc<dyn Sink>) -> Done {
        if name.is_empty() {
            return Err(wrong(":doc needs a name: `:doc Vec`"));
        }
        let names = answers::names(self.engine());
        if insight::inspect(&names, name, name.chars().count(), 0).is_some() {
            return self.on_describe(name, false, sink);
        }
        let krate = name.split("::").next().unwrap_or(name).replace('-', "_");
        let externs = self.engine().into_iter().flat_map(|engine| &engine.environment().externs);
        let place = match externs.map(|(there, _)| there.replace('-', "_")).find(|there| *there == krate) {
            Some(found) => format!("its crate's documentation is at https://docs.rs/{found}"),
            None => {
                "the standard library's is at https://doc.rust-lang.org/std, crates' are at https://docs.rs".to_owned()
            }
        };
        say(sink, &format!("no documentation of `{name}` is known here; {place}\n"))
    }

    /// `:explain E0308`, or the code of the last error.
    fn on_explain(&mut self, code: &str, sink: &Arc<dyn Sink>) -> Done {
        let last_error = self.last_error.clone();
        let engine = &self.ready(sink)?.engine;
        let code = match (code, &last_error) {
            ("", Some(last)) => last.as_str(),
            ("", None) => {
                return Err(wrong("there is no last error with a code to explain; name one: `:explain E0308`"));
            }
            (code, _) => code,
        };
        let output = Command::new(&engine.environment().toolchain.rustc).args(["--explain", code]).output();
        match output {
            Ok(output) if output.status.success() => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                sink.display(bundle(&[("text/plain", &text), ("text/markdown", &text)]));
                Ok(())
            }
            _ => Err(wrong(&format!("`{code}` is not an error code of rustc; they look like E0308"))),
        }
    }

    fn on_help(&mut self, name: &str, sink: &Arc<dyn Sink>) -> Done {
        help(name, sink)
    }
}

/// The list, or the help of one directive.
fn help(name: &str, sink: &Arc<dyn Sink>) -> Done {
    let name = name.trim_start_matches([':', '%']);
    let chosen: Vec<_> = table::DIRECTIVES
        .iter()
        .filter(|e| name.is_empty() || e.names.iter().any(|n| n.trim_start_matches('%') == name))
        .collect();
    if chosen.is_empty() {
        return Err(wrong(&table::unknown(name)));
    }
    let mut text = String::new();
    for entry in chosen {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:28} {}", entry.usage, entry.help);
    }
    say(sink, &text)
}
