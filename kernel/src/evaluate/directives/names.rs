//! What the session knows: `:vars`, `:type`, `:items`, and `:clear`, which forgets it.

use std::fmt::Write as _;
use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, bundle, say, wrong};
use crate::evaluate::DirectEvaluator;
use crate::evaluate::{answers, errors};
use ferrolab_base::text::escape;
use ferrolab_engine::variables::short_type;
use ferrolab_jupyter::session::evaluator::Sink;

pub(super) const VARS: Definition = Definition {
    names: &["vars"],
    usage: ":vars",
    help: "List the variables with their types and sizes.",
    engines: Engines::Evcxr(&["vars"]),
    form: Form::Alone(DirectEvaluator::on_vars),
};

pub(super) const TYPE: Definition = Definition {
    names: &["type", "t"],
    usage: ":t EXPRESSION",
    help: "Show the type of an expression without running it.",
    engines: Engines::Evcxr(&["type", "t"]),
    form: Form::Line(DirectEvaluator::on_type),
};

pub(super) const ITEMS: Definition = Definition {
    names: &["items"],
    usage: ":items",
    help: "List the items that cells have defined.",
    engines: Engines::Own,
    form: Form::Alone(DirectEvaluator::on_items),
};

pub(super) const CLEAR: Definition = Definition {
    names: &["clear"],
    usage: ":clear",
    help: "Forget all variables and items; dependencies stay.",
    engines: Engines::Evcxr(&["clear"]),
    form: Form::Alone(DirectEvaluator::on_clear),
};

impl DirectEvaluator {
    fn on_vars(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let Some(live) = &mut self.live else { return say(sink, "no variables\n") };
        let names: Vec<String> = live.engine.variables().iter().map(|(n, _)| n.clone()).collect();
        let late: Vec<String> = live.engine.variables().late().flat_map(|late| late.names.clone()).collect();
        if names.is_empty() && late.is_empty() {
            return say(sink, "no variables\n");
        }
        let sizes = live.sizes(names.clone());
        let (mut text, mut html) = (
            String::new(),
            String::from(
                "<table><tr><th style=\"text-align:left\">variable</th><th style=\"text-align:left\">type</th><th>size</th></tr>",
            ),
        );
        let width = names.iter().chain(&late).map(|n| n.chars().count()).max().unwrap_or(0) + 4;
        for (name, variable) in live.engine.variables().iter() {
            let size = sizes.iter().find(|(n, _)| n == name).map_or(0, |(_, s)| *s);
            let shown = if variable.mutable { format!("mut {name}") } else { name.clone() };
            let type_text = short_type(&variable.type_text);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{shown:width$} {type_text}");
            let escaped = escape(&type_text);
            let _ = write!(
                html,
                "<tr><td style=\"text-align:left\"><code>{shown}</code></td><td style=\"text-align:left\"><code>{escaped}</code></td><td>{size} B</td></tr>"
            );
        }
        for name in &late {
            let _ = writeln!(text, "{name:width$} _ (no type yet)");
            let _ = write!(
                html,
                "<tr><td style=\"text-align:left\"><code>{name}</code></td><td style=\"text-align:left\"><code>_</code> (no type yet)</td><td></td></tr>"
            );
        }
        html.push_str("</table>");
        sink.display(bundle(&[("text/plain", &text), ("text/html", &html)]));
        Ok(())
    }

    fn on_type(&mut self, expression: &str, sink: &Arc<dyn Sink>) -> Done {
        let expression = expression.trim_end_matches(';');
        if expression.is_empty() {
            return Err(wrong(":type needs an expression: `:t x.iter().sum::<f64>()`"));
        }
        let engine = &mut self.ready(sink)?.engine;
        let type_text = engine.type_of(expression).map_err(errors::refused)?;
        say(sink, &format!("{}\n", short_type(&type_text)))
    }

    fn on_items(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let names = answers::names(self.engine());
        let text: String = names.items.iter().map(|i| format!("{}\n", i.signature)).collect();
        say(sink, if text.is_empty() { "no items\n" } else { &text })
    }

    fn on_clear(&mut self, sink: &Arc<dyn Sink>) -> Done {
        if let Some(live) = &mut self.live {
            live.engine.clear();
            self.restart_runner()?;
        }
        self.confirm(sink, "variables and items are gone")
    }
}
