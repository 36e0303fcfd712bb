//! What cells took: `:timing` after each of them, `%%time` after one, `%time` after a line.

use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, Magic, on_off, say, wrong};
use crate::evaluate::DirectEvaluator;
use ferrolab_jupyter::session::evaluator::{CellError, Sink};

pub(super) const TIMING: Definition = Definition {
    names: &["timing"],
    usage: ":timing [on|off]",
    help: "Show after each cell what it took: time to compile and to run, CPU time, cores used of those granted, peak memory, allocations; again to stop.",
    engines: Engines::Evcxr(&["timing"]),
    form: Form::Line(DirectEvaluator::on_timing),
};

pub(super) const TIME_CELL: Definition = Definition {
    names: &["%%time"],
    usage: "%%time",
    help: "Show what this cell took, as `:timing on` does after every cell.",
    engines: Engines::Own,
    form: Form::Cell(|rest, _| nothing_more(rest).map(|()| Magic::Time)),
};

pub(super) const TIME: Definition = Definition {
    names: &["time"],
    usage: "%time CODE",
    help: "Run the code of this line and show what it took; variables it binds stay.",
    engines: Engines::Own,
    form: Form::Code(line),
};

fn line(rest: &str) -> Result<(Magic, usize), CellError> {
    if rest.trim().is_empty() {
        return Err(wrong("%time needs code behind it: `%time f(3)`; `%%time` times the whole cell"));
    }
    Ok((Magic::Time, rest.len() - rest.trim_start().len()))
}

fn nothing_more(rest: &str) -> Done {
    match rest.trim() {
        "" => Ok(()),
        more => Err(wrong(&format!("%%time stands alone, above the code; `%time {more}` times one line"))),
    }
}

impl DirectEvaluator {
    fn on_timing(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        let on = if rest.is_empty() { !self.settings.timing } else { on_off(rest, "timing")? };
        self.settings.timing = on;
        say(sink, if on { "timing: on\n" } else { "timing: off\n" })
    }
}
