//! What a failure leaves behind, and taking a cell back: `:snapshots`, `:restore`, `:undo`.

use std::sync::Arc;

use super::act::{Done, say, wrong};
use crate::evaluate::Lab;
use crate::evaluate::listener::CellListener;
use crate::output::Output;
use ferrolab_base::frame::{Command, Protect, Restore};
use ferrolab_jupyter::session::evaluator::Sink;

impl Lab {
    /// `:snapshots on|off|all`
    pub(super) fn on_snapshots(&mut self, what: &str, sink: &Arc<dyn Sink>) -> Done {
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
    pub(super) fn on_restore(&mut self, what: &str, sink: &Arc<dyn Sink>) -> Done {
        self.settings.restore = match what {
            "auto" => Restore::Auto,
            "always" => Restore::Always,
            "never" => Restore::Never,
            _ => return Err(wrong(":restore takes auto, always or never")),
        };
        self.confirm(sink, &format!("restore: {what}"))
    }

    /// `:undo`
    pub(super) fn on_undo(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let (Some(engine), Some(runner)) = (&mut self.engine, &mut self.runner) else {
            return Err(wrong("there is nothing to undo"));
        };
        if !engine.can_undo() {
            return Err(wrong(
                "there is nothing to undo: the last cell failed, was undone already, or had no snapshot",
            ));
        }
        let mut note = String::new();
        if engine.last_ran() {
            let mut listener = CellListener::new(Output::new(sink.clone(), true));
            let ended = runner.follow(&Command::Undo { restore: self.settings.restore }, &mut listener);
            if !ended.alive.is_empty() {
                return Err(wrong(&format!(
                    "the last cell stays: taking it back would end what earlier cells started: {} (`:restore always`, then `:undo`, does it all the same)",
                    ended.alive.join(", ")
                )));
            }
            if !ended.restored {
                return Err(wrong("there is no snapshot to return to"));
            }
            if !ended.shared.is_empty() {
                note = format!("; large data is as it is now, in: {}", ended.shared.join(", "));
            }
            if !ended.went.is_empty() {
                note.push_str(&format!("; gone: {}", ended.went.join(", ")));
            }
            self.gone.extend(ended.went);
        }
        engine.undo();
        say(sink, &format!("took back the last cell{note}\n"))
    }
}
