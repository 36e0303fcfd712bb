//! What a session has once its environment is there: the engine that compiles cells, and the runner that holds
//! variables and runs them. What happens to a cell, and in which order, is not decided here.

use std::sync::Arc;

use super::errors;
use crate::runner::control::Control;
use crate::runner::host::{Config, Ended, Runner};
use ferrolab_base::frame::Command;
use ferrolab_engine::mark::Mark;
use ferrolab_engine::{Engine, Prepared};
use ferrolab_jupyter::session::evaluator::CellError;

use super::listener::CellListener;

/// A session that is ready.
pub(super) struct ReadySession {
    pub(super) engine: Engine,
    /// None after it ended with no copy to return to: the next cell starts another one.
    runner: Option<Runner>,
}

impl ReadySession {
    /// With an engine, and without a runner as yet.
    pub(super) fn with(engine: Engine) -> Self {
        Self { engine, runner: None }
    }

    /// Starts a runner in place of the one there is, which ends first.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn restart(&mut self, config: &Config, control: &Arc<Control>) -> Result<(), CellError> {
        self.runner = None;
        self.runner = Some(Runner::start(config, control).map_err(|e| errors::plain("Runner", &e))?);
        Ok(())
    }

    /// Is there a runner?
    pub(super) fn is_running(&self) -> bool {
        self.runner.is_some()
    }

    /// Sends what has no answer. A runner that is gone needs to know nothing: it is told of the settings when it
    /// is started, and holds no variables.
    pub(super) fn tell(&mut self, command: &Command) -> std::io::Result<()> {
        self.runner.as_mut().map_or(Ok(()), |runner| runner.tell(command))
    }

    /// Sends a command and follows it to its end.
    ///
    /// # Errors
    /// When there is no runner.
    pub(super) fn follow(&mut self, command: &Command, listener: &mut CellListener) -> Result<Ended, CellError> {
        let runner = self.runner.as_mut().ok_or_else(|| errors::plain("Runner", "there is no runner"))?;
        let engine = &self.engine;
        let locate = |file: &str, line, column| {
            let (place, line, _) = engine.locate(file, line, column)?;
            Some(format!("{}:{line}", engine.cell_name(place.cell)))
        };
        Ok(runner.follow(command, listener, &locate))
    }

    /// Names and sizes of variables, as the runner has them.
    pub(super) fn sizes(&mut self, names: Vec<String>) -> Vec<(String, u64)> {
        self.runner.as_mut().map(|runner| runner.describe(names)).unwrap_or_default()
    }

    /// What a cell defined becomes the session's.
    pub(super) fn commit(&mut self, prepared: Prepared) {
        let mut gone = [prepared.stale.clone(), prepared.unkept.clone()].concat();
        self.engine.commit(prepared);
        gone.retain(|name| self.engine.variables().get(name).is_none_or(|v| v.kept.is_some()));
        if !gone.is_empty() {
            drop(self.tell(&Command::Drop { names: gone }));
        }
        let variables = self.engine.newly_plain();
        if !variables.is_empty() {
            drop(self.tell(&Command::Plain { variables }));
        }
    }

    /// The same when a `return` ended the cell well, before what it bound could move into the store. What is not
    /// bound for later cells is returned.
    pub(super) fn commit_returned(&mut self, prepared: Prepared, moved: &[String], number: u32) -> Vec<String> {
        let stale = prepared.stale.clone();
        let unbound = self.engine.commit_returned(prepared, moved, number);
        if !stale.is_empty() {
            drop(self.tell(&Command::Drop { names: stale }));
        }
        unbound
    }

    /// Names and items are as they were at a mark; what has come since then is dropped.
    pub(super) fn return_to(&mut self, mark: &Mark) {
        let names = self.engine.return_to(mark);
        if !names.is_empty() {
            drop(self.tell(&Command::Drop { names }));
        }
    }

    /// The runner ended, and no copy took over. The variables that went with it are returned.
    pub(super) fn bury(&mut self) -> Vec<String> {
        self.runner = None;
        self.engine.clear_variables()
    }
}
