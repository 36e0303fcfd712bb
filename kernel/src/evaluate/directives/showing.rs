//! How values and errors of cells are shown: `:fmt`, `:types`, `:efmt`.

use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, say, wrong};
use crate::evaluate::DirectEvaluator;
use ferrolab_jupyter::session::evaluator::Sink;

/// Formats that `:efmt` takes; the first is the usual one.
const ERROR_FORMATS: [&str; 3] = ["{}", "{:?}", "{:#?}"];

pub(super) const FMT: Definition = Definition {
    names: &["fmt"],
    usage: ":fmt {:#?}",
    help: "Write trailing expressions with this format string; alone, or with {:?}, as usual. Values that cannot be written so are shown as usual.",
    engines: Engines::Evcxr(&["fmt"]),
    form: Form::Line(DirectEvaluator::on_fmt),
};

pub(super) const TYPES: Definition = Definition {
    names: &["types"],
    usage: ":types",
    help: "Show the type before the value of a trailing expression; again to stop.",
    engines: Engines::Evcxr(&["types"]),
    form: Form::Alone(DirectEvaluator::on_types),
};

pub(super) const EFMT: Definition = Definition {
    names: &["efmt"],
    usage: ":efmt {:?}",
    help: "Show errors of `?` with `{:?}`; with `{}`, their text and causes (the usual).",
    engines: Engines::Evcxr(&["efmt"]),
    form: Form::Line(DirectEvaluator::on_efmt),
};

impl DirectEvaluator {
    /// `:fmt {:#?}`: how trailing expressions are written.
    fn on_fmt(&mut self, format: &str, sink: &Arc<dyn Sink>) -> Done {
        let format = format.trim_matches('"');
        check_format(format).map_err(|text| wrong(&text))?;
        let engine = &mut self.ready(sink)?.engine;
        let usual = format.is_empty() || format == "{:?}";
        engine.showing().format = (!usual).then(|| format.to_owned());
        say(sink, &format!("output format: {}\n", if usual { "{:?}" } else { format }))
    }

    /// `:types`: the type before the value, again to stop.
    fn on_types(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let engine = &mut self.ready(sink)?.engine;
        let showing = engine.showing();
        showing.types = !showing.types;
        let on = if showing.types { "on" } else { "off" };
        say(sink, &format!("types: {on}\n"))
    }

    /// `:efmt {:?}`: how errors of `?` are written.
    fn on_efmt(&mut self, format: &str, sink: &Arc<dyn Sink>) -> Done {
        let format = format.trim_matches('"');
        if !format.is_empty() && !ERROR_FORMATS.contains(&format) {
            return Err(wrong(":efmt takes {} or {:?}; `{}` shows an error's text and its causes"));
        }
        let engine = &mut self.ready(sink)?.engine;
        if !format.is_empty() {
            engine.showing().debug_errors = format != "{}";
        }
        let shown = if engine.showing().debug_errors { "{:?}" } else { "{}" };
        say(sink, &format!("error format: {shown}\n"))
    }
}

/// Whether a format string is text around one placeholder for one value.
fn check_format(format: &str) -> Result<(), String> {
    if format.is_empty() {
        return Ok(());
    }
    let plain = format.replace("{{", "").replace("}}", "");
    let inside = plain.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    match inside {
        Some((spec, rest)) if !rest.contains(['{', '}']) && (spec.is_empty() || spec.starts_with(':')) => Ok(()),
        _ => Err(format!(
            "`{format}` is not a format with one placeholder, such as {{:?}}, {{}}, {{:#?}} or {{:.3}}; `:fmt` alone goes back to {{:?}}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::check_format;

    #[test]
    fn formats_have_one_placeholder() {
        for good in ["", "{}", "{:?}", "{:#?}", "{:.3}", "= {:>8} =", "{{{}}}"] {
            assert!(check_format(good).is_ok(), "{good}");
        }
        for bad in ["x", "{", "{}{}", "{name}", "}", "{0}"] {
            assert!(check_format(bad).is_err(), "{bad}");
        }
    }
}
