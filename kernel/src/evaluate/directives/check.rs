//! `:check CODE` and `%%check`: what rustc says of code, without running it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::definition::{Definition, Done, Engines, Form, Magic, wrong};
use crate::evaluate::DirectEvaluator;
use crate::evaluate::checking::{self, Verdict};
use ferrolab_jupyter::session::evaluator::{Cell, CellError, Display, Sink};

pub(super) const CHECK_CELL: Definition = Definition {
    names: &["%%check"],
    usage: "%%check",
    help: "Say what is wrong with the lines below, without running them and without changing anything; directives among them are not done.",
    engines: Engines::Own,
    form: Form::Cell(|rest, _| match rest.trim() {
        "" => Ok(Magic::Check),
        more => Err(wrong(&format!("%%check stands alone, above the code; `:check {more}` checks one line"))),
    }),
};

pub(super) const CHECK: Definition = Definition {
    names: &["check"],
    usage: ":check CODE",
    help: "Say what is wrong with the code of this line, without running it and without changing anything.",
    engines: Engines::Own,
    form: Form::Code(line),
};

/// Programs find the errors as data under this type.
const DATA: &str = "application/vnd.ferrolab.check+json";

fn line(rest: &str) -> Result<(Magic, usize), CellError> {
    if rest.trim().is_empty() {
        return Err(wrong(":check needs code behind it: `:check f(3)`; `%%check` checks the whole cell"));
    }
    Ok((Magic::Check, rest.len() - rest.trim_start().len()))
}

impl DirectEvaluator {
    /// `%%check`
    pub(super) fn on_check_cell(&mut self, cell: &Cell, sink: &Arc<dyn Sink>) -> Done {
        let checker = self.ready(sink)?.engine.checker();
        show(&checking::check(checker, cell.number, &cell.code), sink);
        Ok(())
    }

    /// `:check CODE`
    pub(super) fn on_check_line(&mut self, code: &str, cell: &Cell, sink: &Arc<dyn Sink>) -> Done {
        let checker = self.ready(sink)?.engine.checker();
        show(&checking::check_part(checker, cell.number, code, &cell.code), sink);
        Ok(())
    }
}

fn show(verdict: &Verdict, sink: &Arc<dyn Sink>) {
    let mut data = Map::new();
    data.insert("text/plain".to_owned(), Value::String(verdict.text(true)));
    data.insert(DATA.to_owned(), verdict.data());
    sink.display(Display { data, ..Display::default() });
}
