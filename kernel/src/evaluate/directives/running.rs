//! The process that runs cells, and the session around it: `:restart`, `:load_config`, `:attach`, `:quit`.

use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, say, wrong};
use crate::evaluate::DirectEvaluator;
use ferrolab_jupyter::session::evaluator::Sink;

pub(super) const ATTACH: Definition = Definition {
    names: &["attach"],
    usage: ":attach",
    help: "Show what the running cell puts out, without waiting for it, or what the last one put out: after a page was reloaded. A cell of its own.",
    engines: Engines::Own,
    form: Form::Line(DirectEvaluator::on_attach),
};

pub(super) const RESTART: Definition = Definition {
    names: &["restart"],
    usage: ":restart",
    help: "Start the runner anew: variables go, items and dependencies stay.",
    engines: Engines::Evcxr(&["restart"]),
    form: Form::Alone(DirectEvaluator::on_restart),
};

pub(super) const LOAD_CONFIG: Definition = Definition {
    names: &["load_config", "load-config"],
    usage: ":load_config [--quiet]",
    help: "Run evcxr's start-up files again: evcxr.toml, or init.evcxr and prelude.rs of its configuration directory.",
    engines: Engines::Evcxr(&["load_config"]),
    form: Form::Line(DirectEvaluator::on_load_config),
};

pub(super) const QUIT: Definition = Definition {
    names: &["quit", "exit", "q"],
    usage: ":quit",
    help: "End the session.",
    engines: Engines::Every,
    form: Form::Quit,
};

impl DirectEvaluator {
    /// The session takes it out of the queue before it comes here.
    fn on_attach(&mut self, _: &str, _: &Arc<dyn Sink>) -> Done {
        Err(wrong(":attach is a cell of its own, in Jupyter: nothing else stands beside it"))
    }

    /// `:restart`: a new runner; items and dependencies stay, variables go.
    fn on_restart(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let lost = self.live.as_mut().map(|live| live.engine.clear_variables()).unwrap_or_default();
        self.restart_runner()?;
        let lost = if lost.is_empty() { String::new() } else { format!("; variables are gone: {}", lost.join(", ")) };
        say(sink, &format!("the runner was restarted{lost}\n"))
    }

    /// `:load_config [--quiet]`: evcxr's start-up files, again.
    fn on_load_config(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        if !matches!(rest, "" | "--quiet") {
            return Err(wrong(":load_config takes nothing, or --quiet"));
        }
        self.load_configuration(rest.is_empty(), sink)
    }
}
