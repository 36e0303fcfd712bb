//! `:threads`: how many threads cells use, and whose limit that is.

use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, say, wrong};
use crate::evaluate::DirectEvaluator;
use ferrolab_base::frame::Command;
use ferrolab_jupyter::session::evaluator::Sink;

pub(super) const THREADS: Definition = Definition {
    names: &["threads"],
    usage: ":threads N",
    help: "Use N threads for parallel work from now on, also that of dependencies that call rayon; alone, say how many, and who decided.",
    engines: Engines::Own,
    form: Form::Line(DirectEvaluator::on_threads),
};

impl DirectEvaluator {
    fn on_threads(&mut self, count: &str, sink: &Arc<dyn Sink>) -> Done {
        let granted = &self.options.granted;
        if count.is_empty() {
            return say(sink, &format!("{}\n", self.threads_now()));
        }
        let parsed = count.parse().ok().filter(|n| (1..=65_536).contains(n));
        let Some(number) = parsed else {
            return Err(wrong(&format!(":threads takes a number from 1, such as `:threads 4`, and got `{count}`")));
        };
        if number > granted.limit {
            let limit = granted.limit;
            say(
                sink,
                &format!(
                    "note: {number} threads are more than the {limit} granted; they share cores, which seldom helps\n"
                ),
            )?;
        }
        self.settings.threads = number;
        if let Some(live) = &mut self.live {
            live.tell(&Command::Threads { count: number }).map_err(|e| wrong(&e.to_string()))?;
        }
        self.confirm(sink, &self.threads_now())
    }

    fn threads_now(&self) -> String {
        let (now, granted) = (self.settings.threads, &self.options.granted);
        let by = match now == granted.threads {
            true => format!("by {}", granted.decided_by),
            false => format!("by :threads; {} when the kernel started, by {}", granted.threads, granted.decided_by),
        };
        format!("{now} thread{} ({by})", if now == 1 { "" } else { "s" })
    }
}
