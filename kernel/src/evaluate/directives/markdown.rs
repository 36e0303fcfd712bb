//! `%%markdown`: the rest of the cell is shown as Markdown.

use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, Raw, bundle, wrong};
use crate::evaluate::DirectEvaluator;
use ferrolab_jupyter::session::evaluator::Sink;

pub(super) const MARKDOWN: Definition = Definition {
    names: &["%%markdown"],
    usage: "%%markdown",
    help: "Show the rest of the cell as Markdown, formulas included.",
    engines: Engines::Own,
    form: Form::Raw(Raw { check, act: show }),
};

fn check(rest: &str) -> Done {
    match rest {
        "" => Ok(()),
        rest => Err(wrong(&format!("%%markdown stands alone, above the text: put `{rest}` on the next line"))),
    }
}

fn show(_: &mut DirectEvaluator, _: &str, text: &str, sink: &Arc<dyn Sink>) -> Done {
    sink.display(bundle(&[("text/markdown", text), ("text/plain", text)]));
    Ok(())
}
