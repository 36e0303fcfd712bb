//! How later cells are compiled: `:opt`, `:checks`, `:edition`. The processor is `target.rs`.

use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, on_off, say, wrong};
use crate::evaluate::DirectEvaluator;
use ferrolab_engine::compile::Flags;
use ferrolab_engine::edition::Edition;
use ferrolab_jupyter::session::evaluator::Sink;

pub(super) const OPT: Definition = Definition {
    names: &["opt"],
    usage: ":opt 0|1|2|3|s|z",
    help: "Set the optimisation level of later cells; alone, switch between 3 and 0.",
    engines: Engines::Evcxr(&["opt"]),
    form: Form::Line(DirectEvaluator::on_opt),
};

pub(super) const CHECKS: Definition = Definition {
    names: &["checks"],
    usage: ":checks on|off",
    help: "Overflow checks and debug assertions in later cells.",
    engines: Engines::Own,
    form: Form::Line(DirectEvaluator::on_checks),
};

pub(super) const EDITION: Definition = Definition {
    names: &["edition"],
    usage: ":edition 2015|2018|2021|2024",
    help: "The edition that later cells are compiled with; items that are there keep theirs. Alone, say which. A cell that is wrong in 2024 only is compiled with 2021 by itself.",
    engines: Engines::Own,
    form: Form::Line(DirectEvaluator::on_edition),
};

impl DirectEvaluator {
    fn on_opt(&mut self, level: &str, sink: &Arc<dyn Sink>) -> Done {
        let engine = &mut self.ready(sink)?.engine;
        let mut flags = engine.flags().clone();
        flags.opt_level = match level {
            "" if flags.opt_level == "3" => "0".to_owned(),
            "" => "3".to_owned(),
            "0" | "1" | "2" | "3" | "s" | "z" => level.to_owned(),
            _ => return Err(wrong(":opt takes 0, 1, 2, 3, s or z")),
        };
        say(sink, &format!("optimisation level: {}\n", flags.opt_level))?;
        engine.set_flags(flags);
        Ok(())
    }

    fn on_checks(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        let on = on_off(rest, "checks")?;
        let engine = &mut self.ready(sink)?.engine;
        let flags = engine.flags().clone();
        engine.set_flags(Flags { checks: on, ..flags });
        self.confirm(sink, if on { "checks: on" } else { "checks: off" })
    }

    /// `:edition 2021`: what later cells are compiled with.
    fn on_edition(&mut self, word: &str, sink: &Arc<dyn Sink>) -> Done {
        if !word.is_empty() {
            let Some(edition) = Edition::of(word) else {
                return Err(wrong(&format!(":edition takes 2015, 2018, 2021 or 2024, and got `{word}`")));
            };
            self.options.edition = edition;
            if let Some(live) = &mut self.live {
                live.engine.set_edition(edition);
            }
        }
        let edition = format!("edition: {}", self.options.edition.word());
        if word.is_empty() { say(sink, &format!("{edition}\n")) } else { self.confirm(sink, &edition) }
    }
}
