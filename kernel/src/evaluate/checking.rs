//! Checking a cell without running it, and without changing anything: what rustc says of its code, directive lines left
//! out. It works on a copy of the session's names, so that it can go on while a cell runs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::directives::{self, Directive, Magic, Plan, What};
use super::{PARSE_STACK, errors};
use ferrolab_engine::Refused;
use ferrolab_engine::check::{Checked, Checker};
use ferrolab_jupyter::session::evaluator::CellError;
use ferrolab_system::limits;

/// What came of a check.
#[derive(Default)]
pub(super) struct Verdict {
    /// What the parts without errors would do.
    pub(super) checked: Checked,
    /// Why the cell would not run; the first part that would not.
    pub(super) refused: Option<Refused>,
    /// The directive that cannot be read.
    pub(super) unreadable: Option<CellError>,
    /// Lines that only running would do, and on which code may depend.
    pub(super) left_out: Vec<String>,
}

impl Verdict {
    /// Would the cell run?
    pub(super) fn is_well(&self) -> bool {
        self.refused.is_none() && self.unreadable.is_none()
    }

    /// For people: what is wrong, with colours or without.
    pub(super) fn text(&self, colours: bool) -> String {
        let mut parts = Vec::new();
        if let Some(error) = &self.unreadable {
            parts.push(error.value.clone());
        }
        match &self.refused {
            Some(Refused::Errors(rendered)) => {
                parts.push(if colours { rendered.ansi.clone() } else { rendered.plain.clone() });
            }
            Some(Refused::Interrupted) => parts.push("the check was interrupted".to_owned()),
            Some(Refused::Unfit(text) | Refused::Broken(text)) => parts.push(text.clone()),
            None => {}
        }
        if parts.is_empty() {
            let bound: Vec<String> = self.checked.bound.iter().map(|(name, of)| format!("{name}: {of}")).collect();
            let bound = if bound.is_empty() { String::new() } else { format!("; it would bind {}", bound.join(", ")) };
            parts.push(format!("no errors{bound}"));
        }
        parts.extend(self.checked.notes.iter().map(|note| format!("note: {note}")));
        parts.extend(self.left_out.iter().map(|line| format!("note: a check does not do `{line}`")));
        parts.join("\n")
    }

    /// For programs.
    pub(super) fn data(&self) -> Value {
        let rendered = self.refused.as_ref().and_then(Refused::rendered);
        let bound = self.checked.bound.iter().map(|(name, of)| json!({"name": name, "type": of}));
        json!({
            "status": "ok",
            "ok": self.is_well(),
            "diagnostics": rendered.map(|rendered| json!(rendered.findings)).unwrap_or_else(|| json!([])),
            "text": self.text(false),
            "notes": self.checked.notes,
            "bindings": bound.collect::<Vec<Value>>(),
            "left_out": self.left_out,
        })
    }
}

/// Checks a whole cell, on a stack that deeply nested code needs.
pub(super) fn check(checker: Checker, number: u32, code: &str) -> Verdict {
    let plan = match directives::plan_with(code, &|name| checker.knows(name)) {
        Ok(plan) => plan,
        Err(error) => return Verdict { unreadable: Some(error), ..Verdict::default() },
    };
    on_large_stack(move || follow(checker, number, code, &plan))
}

/// Checks a part of a cell, which stands in its place.
pub(super) fn check_part(mut checker: Checker, number: u32, code: &str, shown: &str) -> Verdict {
    on_large_stack(move || {
        let mut verdict = Verdict::default();
        part(&mut checker, number, code, shown, &[], &mut verdict);
        verdict
    })
}

fn on_large_stack(work: impl FnOnce() -> Verdict + Send) -> Verdict {
    let broken = |text: String| Verdict { refused: Some(Refused::Broken(text)), ..Verdict::default() };
    std::thread::scope(|scope| {
        match std::thread::Builder::new().stack_size(limits::stack(PARSE_STACK)).spawn_scoped(scope, work) {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|_| broken("the engine panicked on this text; please report it".to_owned())),
            Err(error) => broken(format!("no thread for the engine: {error}")),
        }
    })
}

/// All parts in order, each with what those above it would define.
fn follow(mut checker: Checker, number: u32, code: &str, plan: &Plan) -> Verdict {
    let mut verdict = Verdict::default();
    for step in &plan.steps {
        match &step.what {
            What::Code(text) => part(&mut checker, number, text, code, &plan.magics, &mut verdict),
            What::Directive(Directive::Wrapped { magic, code: text }) => {
                part(&mut checker, number, text, code, std::slice::from_ref(magic), &mut verdict);
            }
            What::Directive(Directive::Named { name, rest, .. }) if directives::changes_names(name) => {
                verdict.left_out.push(format!(":{name} {rest}").trim_end().to_owned());
            }
            What::Directive(_) => {}
        }
        if verdict.refused.is_some() {
            break;
        }
    }
    verdict
}

fn part(checker: &mut Checker, number: u32, text: &str, shown: &str, magics: &[Magic], verdict: &mut Verdict) {
    let measure = magics.iter().find_map(|magic| match magic {
        Magic::Measured(measure) => Some(measure.clone()),
        Magic::Time | Magic::Capture(_) | Magic::Check => None,
    });
    match checker.check(number, &Arc::from(text), &Arc::from(shown), measure) {
        Ok(checked) => {
            verdict.checked.notes.extend(checked.notes);
            verdict.checked.bound.extend(checked.bound);
        }
        Err(refused) => verdict.refused = Some(refused),
    }
}

/// There is no session to check in yet.
pub(super) fn not_ready() -> Value {
    let text = "there is no session yet: it begins with the first cell, or as soon as the environment is prepared";
    let error = errors::plain("NotReady", text);
    json!({"status": "error", "ename": error.name, "evalue": error.value, "traceback": []})
}
