//! What a failure leaves behind, and taking a cell back: `:snapshots`, `:restore`, `:undo`.

use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, say, wrong};
use crate::evaluate::DirectEvaluator;
use crate::evaluate::listener::CellListener;
use crate::output::Output;
use ferrolab_base::frame::{Command, Protect, Restore};
use ferrolab_jupyter::session::evaluator::{CellError, Sink};

pub(super) const SNAPSHOTS: Definition = Definition {
    names: &["snapshots", "snapshot"],
    usage: ":snapshots on|off|all",
    help: "Take a snapshot before each cell, so that a cell that fails changes nothing; `all`: large vectors of numbers too, which makes writing to them slow.",
    engines: Engines::Own,
    form: Form::Line(DirectEvaluator::on_snapshots),
};

pub(super) const RESTORE: Definition = Definition {
    names: &["restore"],
    usage: ":restore auto|always|never",
    help: "What a panic, an error or a heeded interrupt leads to: the snapshot takes over, unless threads or children of earlier cells live and would be lost (auto); always; never.",
    engines: Engines::Own,
    form: Form::Line(DirectEvaluator::on_restore),
};

pub(super) const UNDO: Definition = Definition {
    names: &["undo"],
    usage: ":undo",
    help: "Take back what ran last, a cell or the part of it after a directive: variables and items are as they were before it.",
    engines: Engines::Own,
    form: Form::Alone(DirectEvaluator::on_undo),
};

/// What `:undo` has not brought back.
#[derive(Default)]
pub(in crate::evaluate) struct Undone {
    /// Variables with large data that is as the cell left it.
    pub(in crate::evaluate) shared: Vec<String>,
    /// Threads, children and connections that went with the process.
    pub(in crate::evaluate) went: Vec<String>,
}

impl DirectEvaluator {
    /// `:snapshots on|off|all`
    fn on_snapshots(&mut self, what: &str, sink: &Arc<dyn Sink>) -> Done {
        self.settings.protect = match what {
            "on" | "1" | "true" | "yes" => Protect::Small,
            "off" | "0" | "false" | "no" => Protect::Off,
            "all" => Protect::All,
            _ => return Err(wrong(":snapshots takes on, off or all")),
        };
        let now = match self.settings.protect {
            Protect::Small => "on",
            Protect::Off => "off",
            Protect::All => "all",
        };
        self.confirm(sink, &format!("snapshots: {now}"))
    }

    /// `:restore auto|always|never`
    fn on_restore(&mut self, what: &str, sink: &Arc<dyn Sink>) -> Done {
        self.settings.restore = match what {
            "auto" => Restore::Auto,
            "always" => Restore::Always,
            "never" => Restore::Never,
            _ => return Err(wrong(":restore takes auto, always or never")),
        };
        self.confirm(sink, &format!("restore: {what}"))
    }

    /// `:undo`
    fn on_undo(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let undone = self.undo(sink)?;
        let mut note = String::new();
        if !undone.shared.is_empty() {
            note = format!("; large data is as it is now, in: {}", undone.shared.join(", "));
        }
        if !undone.went.is_empty() {
            note.push_str(&format!("; gone: {}", undone.went.join(", ")));
        }
        say(sink, &format!("took back the last cell{note}\n"))
    }

    /// Takes back what ran last.
    pub(in crate::evaluate) fn undo(&mut self, sink: &Arc<dyn Sink>) -> Result<Undone, CellError> {
        let Some(live) = self.live.as_mut().filter(|live| live.is_running()) else {
            return Err(wrong("there is nothing to undo"));
        };
        if !live.engine.can_undo() {
            return Err(wrong(
                "there is nothing to undo: the last cell failed, was undone already, or had no snapshot",
            ));
        }
        let mut undone = Undone::default();
        if live.engine.last_ran() {
            let mut listener = CellListener::new(Output::new(sink.clone(), true));
            let ended = live.follow(&Command::Undo { restore: self.settings.restore }, &mut listener, sink)?;
            if !ended.alive.is_empty() {
                return Err(wrong(&format!(
                    "the last cell stays: taking it back would end what earlier cells started: {} (`:restore always`, then `:undo`, does it all the same)",
                    ended.alive.join(", ")
                )));
            }
            if !ended.restored {
                return Err(wrong("there is no snapshot to return to"));
            }
            self.gone.extend(ended.went.iter().cloned());
            undone = Undone { shared: ended.shared, went: ended.went };
        }
        live.engine.undo();
        Ok(undone)
    }
}
