//! What is answered while an evcxr session lives: completion and inspection by its analyser when it
//! is free, by ours when a cell runs; interrupts; what the processes use.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use ::evcxr::CommandContext;
use serde_json::{Map, Value};

use super::control::{Control, compilers};
use crate::evaluate::answers::{Meter, completeness, completions, inspection};
use ferrolab_engine::insight::{self, Names, Variable};
use ferrolab_jupyter::session::evaluator::{Completeness, Completion, Completions, Insight, Usage};

/// What other threads use while a cell runs.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) control: Arc<Control>,
    context: Mutex<Option<Arc<Mutex<CommandContext>>>>,
    known: Mutex<Vec<Variable>>,
    usage: Mutex<Meter>,
}

impl Shared {
    pub(super) fn set_context(&self, context: Arc<Mutex<CommandContext>>) {
        *self.context.lock().unwrap_or_else(PoisonError::into_inner) = Some(context);
    }

    /// The variables as they are after a cell.
    pub(super) fn publish(&self, context: &CommandContext) {
        let variables = context.variables_and_types();
        let variables = variables.map(|(name, type_text)| Variable { name: name.into(), type_text: type_text.into() });
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = variables.collect();
    }

    /// Ask evcxr, unless a cell runs. A panic in its analyser is no answer.
    fn ask<T>(&self, question: impl FnOnce(&mut CommandContext) -> Option<T>) -> Option<T> {
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let mut context = match context.try_lock() {
            Ok(context) => context,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        catch_unwind(AssertUnwindSafe(|| question(&mut context))).ok().flatten()
    }
}

/// Implements the session's questions.
pub(super) struct Answers {
    shared: Arc<Shared>,
}

impl Answers {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn names(&self) -> Names {
        let variables = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Names { variables, ..Names::default() }
    }
}

fn byte_at(code: &str, cursor: usize) -> usize {
    code.char_indices().nth(cursor).map_or(code.len(), |(at, _)| at)
}

fn characters(code: &str, byte: usize) -> usize {
    code.get(..byte).unwrap_or(code).chars().count()
}

impl Insight for Answers {
    fn complete(&self, code: &str, cursor: usize) -> Completions {
        let byte = byte_at(code, cursor);
        let found = self.shared.ask(|context| context.completions(code, byte).ok());
        let Some(found) = found.filter(|found| !found.completions.is_empty()) else {
            return completions(insight::complete(&self.names(), code, cursor));
        };
        let matches = found.completions.into_iter();
        let matches = matches.map(|c| Completion { text: c.code, kind: c.kind.to_owned(), signature: c.label });
        Completions {
            start: characters(code, found.start_offset),
            end: characters(code, found.end_offset),
            matches: matches.collect(),
        }
    }

    fn inspect(&self, code: &str, cursor: usize, detail: u8) -> Option<Map<String, Value>> {
        let byte = byte_at(code, cursor);
        let end = code[byte..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(code.len(), |at| byte + at);
        let hover = self.shared.ask(|context| context.hover_at(code, end).ok());
        match hover.filter(|(text, _)| text != "No documentation found") {
            Some((text, html)) => {
                let data = [("text/plain", text), ("text/html", html)];
                Some(data.into_iter().map(|(mime, text)| (mime.to_owned(), Value::String(text))).collect())
            }
            None => insight::inspect(&self.names(), code, cursor, detail).map(inspection),
        }
    }

    fn is_complete(&self, code: &str) -> Completeness {
        completeness(code)
    }

    fn interrupt(&self) {
        self.shared.control.interrupt();
    }

    fn shutdown(&self) {
        self.shared.control.end();
        compilers::end(self.shared.control.pid());
        self.shared.control.kill();
    }

    fn usage(&self) -> Usage {
        Meter::usage(&self.shared.usage, self.shared.control.pid())
    }
}
