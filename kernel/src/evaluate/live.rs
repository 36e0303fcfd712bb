//! What a session has once its environment is there: the engine that compiles cells, and the runner that holds
//! variables and runs them. What happens to a cell, and in which order, is not decided here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{errors, preparing};
use crate::runner::asks::{Answers, Place};
use crate::runner::control::Control;
use crate::runner::host::{Config, Ended, Runner};
use ferrolab_base::frame::Command;
use ferrolab_engine::environment::Environment;
use ferrolab_engine::mark::Mark;
use ferrolab_engine::{Engine, Prepared};
use ferrolab_jupyter::session::evaluator::{CellError, Sink};

use super::listener::CellListener;

/// A session that is ready.
pub(super) struct ReadySession {
    pub(super) engine: Engine,
    /// None after it ended with no copy to return to: the next cell starts another one.
    runner: Option<Runner>,
    /// Environments for other processors that workers have, by rustc's names.
    elsewhere: BTreeMap<String, Environment>,
}

/// What a running cell may ask.
struct Asked<'a> {
    engine: &'a Engine,
    elsewhere: &'a mut BTreeMap<String, Environment>,
    sink: &'a Arc<dyn Sink>,
}

impl Answers for Asked<'_> {
    fn locate(&self, file: &str, line: u32, column: u32) -> Option<String> {
        let (place, line, _) = self.engine.locate(file, line, column)?;
        Some(format!("{}:{line}", self.engine.cell_name(place.cell)))
    }

    fn recompile(
        &mut self,
        processor: &str,
        objects: &[String],
        places: &[Place],
    ) -> Result<(Vec<String>, Vec<Place>), String> {
        let here = self.engine.environment();
        let there = match self.elsewhere.get(processor) {
            // Dependencies may have come since.
            Some(known) if known.dependencies == here.dependencies => known,
            _ => {
                let made = preparing::elsewhere(here, processor, self.sink, self.engine.compiling().flag());
                let made = made.map_err(|error| error.value)?;
                self.elsewhere.insert(processor.to_owned(), made);
                &self.elsewhere[processor]
            }
        };
        let objects: Vec<PathBuf> = objects.iter().map(PathBuf::from).collect();
        let (objects, places) = self.engine.recompile(there, &objects, places)?;
        Ok((objects.iter().map(|path| path.to_string_lossy().into_owned()).collect(), places))
    }
}

impl ReadySession {
    /// With an engine, and without a runner as yet.
    pub(super) fn with(engine: Engine) -> Self {
        Self { engine, runner: None, elsewhere: BTreeMap::new() }
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

    /// Sends a command and follows it to its end. What is prepared meanwhile is shown by the sink.
    ///
    /// # Errors
    /// When there is no runner.
    pub(super) fn follow(
        &mut self,
        command: &Command,
        listener: &mut CellListener,
        sink: &Arc<dyn Sink>,
    ) -> Result<Ended, CellError> {
        let runner = self.runner.as_mut().ok_or_else(|| errors::plain("Runner", "there is no runner"))?;
        let mut asked = Asked { engine: &self.engine, elsewhere: &mut self.elsewhere, sink };
        Ok(runner.follow(command, listener, &mut asked))
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
