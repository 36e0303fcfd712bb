//! Doing what a cell says, in the order in which it stands there: code, directives, code. Lines of `:dep` come
//! before all code. What a directive does is in the file that defines it.

use std::sync::Arc;

use super::capture::Captured;
use super::definition::{Done, Form, Magic, wrong};
use super::plan::{Directive, Plan, Step, What};
use super::{footer, foreign, shell, table};
use crate::evaluate::{CellFigures, Code, DirectEvaluator, errors};
use ferrolab_engine::measured::Measure;
use ferrolab_jupyter::session::evaluator::{Cell, CellError, Sink, Stream, Verdict};

/// What comes after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Quit,
}

/// What the magics of a cell ask for.
#[derive(Default)]
struct Wrapped {
    time: bool,
    measure: Option<Measure>,
    capture: Option<Option<String>>,
    check: bool,
}

impl Wrapped {
    fn by(magics: &[Magic]) -> Self {
        let mut wrapped = Self::default();
        for magic in magics {
            match magic {
                Magic::Time => wrapped.time = true,
                Magic::Measured(measure) => wrapped.measure = Some(measure.clone()),
                Magic::Capture(name) => wrapped.capture = Some(name.clone()),
                Magic::Check => wrapped.check = true,
            }
        }
        wrapped
    }
}

impl DirectEvaluator {
    /// Does what a cell says.
    pub(in crate::evaluate) fn follow_plan(&mut self, plan: &Plan, cell: &Cell, sink: &Arc<dyn Sink>) -> Verdict {
        match self.follow(plan, cell, sink) {
            Ok(Then::GoOn) => Verdict::Ok,
            Ok(Then::Quit) => Verdict::Quit,
            Err(error) => Verdict::Error(error),
        }
    }

    fn follow(&mut self, plan: &Plan, cell: &Cell, sink: &Arc<dyn Sink>) -> Result<Then, CellError> {
        let wrapped = Wrapped::by(&plan.magics);
        if wrapped.check {
            return self.on_check_cell(cell, sink).map(|()| Then::GoOn);
        }
        check_measure(&wrapped, plan)?;
        let captured: Arc<Captured> = Arc::default();
        let shown: Arc<dyn Sink> = if wrapped.capture.is_some() { captured.clone() } else { sink.clone() };
        let mut total: Option<CellFigures> = None;
        let mut ran = false;
        // Lines of :dep that stand together are one build.
        for together in plan.steps.chunk_by(|a, b| a.is_dependency() && b.is_dependency()) {
            let [first, ..] = together else { continue };
            let done = match &first.what {
                What::Directive(_) if first.is_dependency() => {
                    self.on_dependencies(together, sink).map(|()| Then::GoOn)
                }
                What::Directive(directive) => self.on_directive(directive, cell, &shown),
                What::Code(text) => {
                    // All of the cell's, before any of its code: a new crate may restart the runner.
                    if total.is_none() {
                        self.on_extern_crates(&plan.code, sink)?;
                    }
                    self.on_code(text, plan, &wrapped, cell, &shown).map(|report| {
                        total = Some(report.after(total.take()));
                        Then::GoOn
                    })
                }
            };
            match done {
                Ok(Then::GoOn) => ran |= first.runs_code(),
                Ok(Then::Quit) => return Ok(Then::Quit),
                Err(error) => return Err(if ran { with_what_stays(error, first.line) } else { error }),
            }
        }
        if let Some(report) = &total
            && (wrapped.time || self.settings.timing)
        {
            sink.stream(Stream::Stdout, &footer::footer(report, &plan.code));
        }
        if let Some((name, rest)) = &plan.raw {
            let Some(Form::Raw(raw)) = table::find(name).map(|d| &d.form) else { return Ok(Then::GoOn) };
            (raw.act)(self, rest, &plan.text, &shown)?;
        }
        if let Some(Some(name)) = wrapped.capture {
            let text = format!("let {name} = ::std::string::String::from({:?});", captured.text());
            self.run_code(&Code { silent: true, ..Code::plain(cell, &text) }, sink)?;
        }
        Ok(Then::GoOn)
    }

    fn on_dependencies(&mut self, together: &[Step], sink: &Arc<dyn Sink>) -> Done {
        let lines: String = together.iter().filter_map(Step::dependency).map(|rest| format!(":dep {rest}\n")).collect();
        self.on_dep(&lines, sink)
    }

    /// Code of a cell, from one directive to the next.
    fn on_code(
        &mut self,
        text: &str,
        plan: &Plan,
        wrapped: &Wrapped,
        cell: &Cell,
        sink: &Arc<dyn Sink>,
    ) -> Result<CellFigures, CellError> {
        let measure = wrapped.measure.as_ref().map(|measure| self.within(measure));
        let shown = if measure.is_some() { &cell.code } else { &plan.code };
        let count = wrapped.time || self.settings.timing;
        self.run_code(&Code { shown, measure, count, ..Code::plain(cell, text) }, sink)
    }

    /// A measurement that knows what was granted.
    fn within(&self, measure: &Measure) -> Measure {
        match measure {
            Measure::Scaling { counts, .. } => {
                Measure::Scaling { counts: counts.clone(), granted: self.options.granted.limit as usize }
            }
            other => other.clone(),
        }
    }

    fn on_directive(&mut self, directive: &Directive, cell: &Cell, sink: &Arc<dyn Sink>) -> Result<Then, CellError> {
        let (name, rest) = match directive {
            Directive::Shell(command) => return self.on_shell(command, sink).map(|()| Then::GoOn),
            Directive::Describe { name, detail } => {
                return self.on_describe(name, *detail, sink).map(|()| Then::GoOn);
            }
            Directive::Wrapped { magic, code } => {
                return self.on_wrapped(magic, code, cell, sink).map(|()| Then::GoOn);
            }
            Directive::Named { name, rest, .. } => (name.as_str(), rest.as_str()),
        };
        let Some(found) = table::find(name) else { return unknown(name, rest, sink).map(|()| Then::GoOn) };
        let alone = matches!(found.form, Form::Alone(_) | Form::Quit);
        if alone && !rest.trim_end_matches(';').is_empty() {
            return Err(wrong(&format!(":{} stands alone; `{rest}` means nothing to it", found.names[0])));
        }
        match &found.form {
            Form::Alone(act) => act(self, sink)?,
            Form::Line(act) => act(self, rest, sink)?,
            Form::Quit => return Ok(Then::Quit),
            // Read as something else, each with its own step.
            Form::Dependency | Form::Code(_) | Form::Cell(_) | Form::Raw(_) | Form::Mark => {}
        }
        Ok(Then::GoOn)
    }

    /// `%time` and `%timeit`: the code of one line.
    fn on_wrapped(&mut self, magic: &Magic, text: &str, cell: &Cell, sink: &Arc<dyn Sink>) -> Done {
        let wrapped = Wrapped::by(std::slice::from_ref(magic));
        if wrapped.check {
            return self.on_check_line(text, cell, sink);
        }
        let code = Code { shown: &cell.code, measure: wrapped.measure, count: wrapped.time, ..Code::plain(cell, text) };
        let report = self.run_code(&code, sink)?;
        if wrapped.time {
            sink.stream(Stream::Stdout, &footer::footer(&report, text));
        }
        Ok(())
    }

    fn on_shell(&mut self, command: &str, sink: &Arc<dyn Sink>) -> Done {
        self.run_script(shell::Shell::Sh, command, sink).map_err(|error| shell::or_rust(error, command))
    }

    /// Says what a directive has set, in a line; what start-up files set is nobody's question.
    pub(super) fn confirm(&self, sink: &Arc<dyn Sink>, text: &str) -> Done {
        if self.starting { Ok(()) } else { super::definition::say(sink, &format!("{text}\n")) }
    }
}

/// A name that is no directive of ours.
fn unknown(name: &str, rest: &str, sink: &Arc<dyn Sink>) -> Done {
    if let Some((inert, why)) = table::INERT.iter().find(|(inert, _)| *inert == name) {
        return super::definition::say(sink, &format!(":{inert} does nothing here: {why}\n"));
    }
    Err(wrong(&foreign::magic(name, rest).unwrap_or_else(|| table::unknown(name))))
}

fn check_measure(wrapped: &Wrapped, plan: &Plan) -> Done {
    if let Some(measure @ (Measure::Time { .. } | Measure::Scaling { .. })) = &wrapped.measure
        && plan.code.trim().is_empty()
    {
        return Err(wrong(&format!("%%{0} measures the code below it, and there is none", measure.name())));
    }
    Ok(())
}

/// Code above a directive is a step of its own: what comes below may fail without taking it back.
fn with_what_stays(mut error: CellError, line: usize) -> CellError {
    let above = format!("the code above line {line} of this cell ran well, and what it made stays");
    match error.traceback.iter_mut().find(|said| said.contains(errors::AS_BEFORE)) {
        Some(said) => *said = said.replace(errors::AS_BEFORE, &above),
        None => error.traceback.push(format!("note: {above}")),
    }
    error
}
