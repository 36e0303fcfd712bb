//! Checking a text without running it: on a copy of what the session knows, as far as rustc goes before it generates
//! code. What the text would define is there for the next text that the same copy checks, and for nobody else.

use std::collections::VecDeque;
use std::sync::Arc;

use super::ahead::Ahead;
use super::compile::Compiling;
use super::diagnose::Rendered;
use super::elsewhere::Kept;
use super::measured::Measure;
use super::spare::Spare;
use super::variables::short_type;
use super::{Engine, Refused};

/// A copy of what a session knows.
pub struct Checker {
    engine: Engine,
}

/// What a text would do, that has no errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// What the user would be told.
    pub notes: Vec<String>,
    /// The variables that it would bind, with their types.
    pub bound: Vec<(String, String)>,
}

impl Engine {
    /// A copy for checking.
    pub fn checker(&self) -> Checker {
        Checker {
            engine: Engine {
                environment: self.environment.clone(),
                flags: self.flags.clone(),
                cfg: self.cfg.clone(),
                statements_only: self.statements_only.clone(),
                showing: self.showing.clone(),
                shelf: self.shelf.clone(),
                // An interrupt of the running cell is not meant for a check.
                compiling: Arc::default(),
                kept: Kept::default(),
                checking: true,
                spare: Spare::default(),
                state: self.state.clone(),
                before: None,
                cells: self.cells.clone(),
                remembered: VecDeque::new(),
                ran: false,
                aged: self.aged.clone(),
                told_edition: true,
                unanswered: None,
                ahead: Ahead::default(),
            },
        }
    }
}

impl Checker {
    /// Another copy.
    pub fn again(&self) -> Self {
        self.engine.checker()
    }

    /// Who may interrupt it.
    pub fn compiling(&self) -> Arc<Compiling> {
        self.engine.compiling.clone()
    }

    /// Is this the name of a variable or an item?
    pub fn knows(&self, name: &str) -> bool {
        self.engine.variables().knows(name) || self.engine.items().defines(name)
    }

    /// Checks a text. `shown` is the text as the user wrote it, which `text` agrees with in every place that holds code.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn check(
        &mut self,
        number: u32,
        text: &Arc<str>,
        shown: &Arc<str>,
        measure: Option<Measure>,
    ) -> Result<Checked, Refused> {
        let before = self.engine.mark();
        let prepared = self.engine.prepare_measured(number, text, shown, measure)?;
        let notes = prepared.notes.clone();
        self.engine.commit(prepared);
        let types = self.engine.variables();
        let bound = self.engine.since(&before).bound.into_iter();
        let bound = bound.filter_map(|name| Some((name.clone(), short_type(&types.get(&name)?.type_text))));
        Ok(Checked { notes, bound: bound.collect() })
    }
}

impl Refused {
    /// What rustc said; none when it was not rustc that refused.
    pub fn rendered(&self) -> Option<&Rendered> {
        match self {
            Self::Errors(rendered) => Some(rendered),
            Self::Interrupted | Self::Unfit(_) | Self::Broken(_) => None,
        }
    }
}
