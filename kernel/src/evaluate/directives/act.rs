//! Doing what directives say. Each is a short function on the evaluator; what they print goes to
//! the cell's standard output.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::dependencies::{dependency_lines, is_dep};
use super::plan::{Directive, Magic, Plan, Shell};
use super::{footer, shell, table};
use crate::evaluate::{Code, Lab, answers, errors};
use ferrolab_base::frame::Command;
use ferrolab_engine::insight;
use ferrolab_engine::measured::Measure;
use ferrolab_engine::variables::short_type;
use ferrolab_jupyter::session::evaluator::{Cell, CellError, Display, Sink, Stream, Verdict};

/// What directives keep between cells.
#[derive(Debug, Default)]
pub struct Desk {
    pub(super) offline: Option<bool>,
    /// rustc's code of the last error, for `:explain` alone.
    pub(in crate::evaluate) last_error: Option<String>,
}

pub(super) type Done = Result<(), CellError>;

pub(super) fn wrong(text: &str) -> CellError {
    errors::plain("Directive", text)
}

impl Lab {
    /// Directives first, then the code, inside whatever magics wrap it.
    pub(in crate::evaluate) fn follow_plan(&mut self, plan: &Plan, cell: &Cell, sink: &Arc<dyn Sink>) -> Verdict {
        // Lines of :dep that stand together are one build.
        for together in plan.directives.chunk_by(|a, b| is_dep(a) && is_dep(b)) {
            let done = match together {
                [first, ..] if is_dep(first) => self.on_dep(&dependency_lines(together), sink).map(|()| false),
                [Directive::Measured { measure, code }] => {
                    let code = Code { shown: &cell.code, measure: Some(measure.clone()), ..Code::plain(cell, code) };
                    self.run_code(&code, sink).map(|_| false)
                }
                [one] => self.on_directive(one, sink),
                _ => Ok(false),
            };
            match done {
                Ok(true) => return Verdict::Quit,
                Ok(false) => {}
                Err(error) => return Verdict::Error(error),
            }
        }
        if let Err(error) = self.on_extern_crates(&plan.code, sink) {
            return Verdict::Error(error);
        }
        match self.on_code(plan, cell, sink) {
            Ok(()) => Verdict::Ok,
            Err(error) => Verdict::Error(error),
        }
    }

    fn on_code(&mut self, plan: &Plan, cell: &Cell, sink: &Arc<dyn Sink>) -> Done {
        let captured: Arc<Captured> = Arc::default();
        let mut target = sink.clone();
        let mut timed = self.settings.timing;
        let mut keep = None;
        let mut measure = None;
        for magic in &plan.magics {
            match magic {
                Magic::Time => timed = true,
                Magic::Measured(found) => measure = Some(self.within(found)),
                Magic::Capture(name) => {
                    keep.clone_from(name);
                    target = captured.clone();
                }
                Magic::Dependencies => return self.on_dep_table(&plan.code, sink),
                Magic::WriteFile { path, append } => return write_file(path, *append, &plan.code, sink),
                Magic::Script(shell) => {
                    return shell::run(
                        *shell,
                        &plan.code,
                        &self.settings.environment,
                        &target,
                        self.shared.compiling.flag(),
                    );
                }
            }
        }
        if let Some(measure @ (Measure::Time { .. } | Measure::Scaling { .. })) = &measure
            && !plan.has_code()
        {
            return Err(wrong(&format!("%%{0} measures the code below it, and there is none", measure.name())));
        }
        if plan.has_code() || measure.is_some() {
            let shown = if measure.is_some() { &cell.code } else { &plan.code };
            let code = Code { shown, measure, count: timed, ..Code::plain(cell, &plan.code) };
            let report = self.run_code(&code, &target)?;
            if timed {
                sink.stream(Stream::Stdout, &footer::footer(&report, &plan.code));
            }
        }
        let Some(name) = keep else { return Ok(()) };
        let text = captured.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = format!("let {name} = ::std::string::String::from({text:?});");
        self.run_code(&Code { silent: true, ..Code::plain(cell, &text) }, sink).map(|_| ())
    }

    /// A measurement that knows what was granted.
    fn within(&self, measure: &Measure) -> Measure {
        match measure {
            Measure::Scaling { counts, .. } => {
                Measure::Scaling { counts: counts.clone(), granted: self.options.granted.limit as usize }
            }
            other => other.clone(),
        }
    }

    fn on_directive(&mut self, directive: &Directive, sink: &Arc<dyn Sink>) -> Result<bool, CellError> {
        let (name, rest) = match directive {
            Directive::Shell(command) => {
                return shell::run(Shell::Sh, command, &self.settings.environment, sink, self.shared.compiling.flag())
                    .map_err(|error| shell::or_rust(error, command))
                    .map(|()| false);
            }
            Directive::Describe { name, detail } => return self.on_describe(name, *detail, sink).map(|()| false),
            Directive::Named { name, rest, .. } => (name.as_str(), rest.as_str()),
            // It runs code, which the plan's follower does.
            Directive::Measured { .. } => return Ok(false),
        };
        let canonical = table::find(name).map_or(name, |e| e.names[0]);
        let alone = ["vars", "items", "clear", "undo", "version", "engine", "quit", "restart", "show_deps", "types"]
            .contains(&canonical);
        if alone && !rest.trim_end_matches(';').is_empty() {
            return Err(wrong(&format!(":{canonical} stands alone; `{rest}` means nothing to it")));
        }
        match canonical {
            "vars" => self.on_vars(sink),
            "type" => self.on_type(rest, sink),
            "items" => self.on_items(sink),
            "clear" => self.on_clear(sink),
            "undo" => self.on_undo(sink),
            "opt" => self.on_opt(rest, sink),
            "checks" => self.on_checks(rest, sink),
            "edition" => self.on_edition(rest, sink),
            "target-cpu" => self.on_target_cpu(rest, sink),
            "threads" => self.on_threads(rest, sink),
            "timing" => {
                let on = if rest.is_empty() { !self.settings.timing } else { on_off(rest, "timing")? };
                self.settings.timing = on;
                say(sink, if self.settings.timing { "timing: on\n" } else { "timing: off\n" })
            }
            // The session takes it out of the queue before it comes here.
            "attach" => Err(wrong(":attach is a cell of its own, in Jupyter: nothing else stands beside it")),
            "snapshots" => self.on_snapshots(rest, sink),
            "restore" => self.on_restore(rest, sink),
            "env" => self.on_env(rest, sink),
            "build_env" => self.on_build_env(rest, sink),
            "offline" => {
                let on = on_off(if rest.is_empty() { "on" } else { rest }, "offline")?;
                self.desk.offline = Some(on);
                self.confirm(sink, if on { "offline: on" } else { "offline: off" })
            }
            "toolchain" => self.on_toolchain(rest, sink),
            "explain" => self.on_explain(rest, sink),
            "version" => self.on_version(sink),
            "engine" => say(sink, "direct: one rustc run per cell\n"),
            "help" => on_help(rest, sink),
            "quit" => return Ok(true),
            "restart" => self.on_restart(sink),
            "show_deps" => self.on_show_deps(sink),
            "doc" => self.on_doc(rest, sink),
            "fmt" => self.on_fmt(rest, sink),
            "types" => self.on_types(sink),
            "efmt" => self.on_efmt(rest, sink),
            "load_config" => self.on_load_config(rest, sink),
            other => match table::INERT.iter().find(|(inert, _)| *inert == other) {
                Some((inert, why)) => say(sink, &format!(":{inert} does nothing here: {why}\n")),
                None => Err(wrong(&super::foreign::magic(other, rest).unwrap_or_else(|| table::unknown(other)))),
            },
        }
        .map(|()| false)
    }

    fn on_vars(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let Some(engine) = &self.engine else { return say(sink, "no variables\n") };
        let names: Vec<String> = engine.variables().iter().map(|(n, _)| n.clone()).collect();
        if names.is_empty() {
            return say(sink, "no variables\n");
        }
        let sizes = self.runner.as_mut().map(|r| r.describe(names.clone())).unwrap_or_default();
        let (mut text, mut html) = (
            String::new(),
            String::from(
                "<table><tr><th style=\"text-align:left\">variable</th><th style=\"text-align:left\">type</th><th>size</th></tr>",
            ),
        );
        let width = names.iter().map(|n| n.chars().count()).max().unwrap_or(0) + 4;
        for (name, variable) in engine.variables().iter() {
            let size = sizes.iter().find(|(n, _)| n == name).map_or(0, |(_, s)| *s);
            let shown = if variable.mutable { format!("mut {name}") } else { name.clone() };
            let type_text = short_type(&variable.type_text);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{shown:width$} {type_text}");
            let escaped = type_text.replace('&', "&amp;").replace('<', "&lt;");
            let _ = write!(
                html,
                "<tr><td style=\"text-align:left\"><code>{shown}</code></td><td style=\"text-align:left\"><code>{escaped}</code></td><td>{size} B</td></tr>"
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
        self.ready(sink)?;
        let Some(engine) = &mut self.engine else { return Err(wrong("there is no engine")) };
        let type_text = engine.type_of(expression).map_err(errors::refused)?;
        say(sink, &format!("{}\n", short_type(&type_text)))
    }

    fn on_items(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let names = answers::names(self.engine.as_ref());
        let text: String = names.items.iter().map(|i| format!("{}\n", i.signature)).collect();
        say(sink, if text.is_empty() { "no items\n" } else { &text })
    }

    /// Says what a directive has set, in a line; what start-up files set is nobody's question.
    pub(super) fn confirm(&self, sink: &Arc<dyn Sink>, text: &str) -> Done {
        if self.starting { Ok(()) } else { say(sink, &format!("{text}\n")) }
    }

    fn on_clear(&mut self, sink: &Arc<dyn Sink>) -> Done {
        if let Some(engine) = &mut self.engine {
            engine.clear();
            self.start_runner()?;
        }
        self.confirm(sink, "variables and items are gone")
    }

    fn on_opt(&mut self, level: &str, sink: &Arc<dyn Sink>) -> Done {
        self.ready(sink)?;
        let Some(engine) = &mut self.engine else { return Ok(()) };
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
        self.ready(sink)?;
        let Some(engine) = &mut self.engine else { return Ok(()) };
        let flags = engine.flags().clone();
        engine.set_flags(ferrolab_engine::compile::Flags { checks: on, ..flags });
        self.confirm(sink, if on { "checks: on" } else { "checks: off" })
    }

    fn on_env(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        let (key, value) = assignment(rest, "env")?;
        self.settings.environment.retain(|(k, _)| *k != key);
        self.settings.environment.push((key.clone(), value.clone()));
        let set = format!("{key}={value}");
        if let Some(runner) = &mut self.runner {
            runner.tell(&Command::SetEnv { key, value }).map_err(|e| wrong(&e.to_string()))?;
        }
        self.confirm(sink, &set)
    }

    fn on_build_env(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        let (key, value) = assignment(rest, "build_env")?;
        let set = format!("{key}={value} for builds");
        // SAFETY: the kernel's other threads read the environment through std only, which locks.
        unsafe { std::env::set_var(key, value) };
        self.confirm(sink, &set)
    }

    fn on_version(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let rustc = self.engine.as_ref().map_or("not found yet", |e| e.environment().toolchain.release.as_str());
        say(sink, &format!("ferrolab {}, rustc {rustc}\n", env!("CARGO_PKG_VERSION")))
    }

    pub(super) fn on_describe(&mut self, name: &str, detail: bool, sink: &Arc<dyn Sink>) -> Done {
        let names = answers::names(self.engine.as_ref());
        let cursor = name.chars().count();
        match insight::inspect(&names, name, cursor, u8::from(detail)) {
            Some(found) => {
                sink.page(bundle(&[("text/plain", &found.plain), ("text/markdown", &found.markdown)]));
                Ok(())
            }
            None => Err(wrong(&format!("nothing is known of `{name}`"))),
        }
    }
}

pub(super) fn say(sink: &Arc<dyn Sink>, text: &str) -> Done {
    sink.stream(Stream::Stdout, text);
    Ok(())
}

pub(super) fn bundle(data: &[(&str, &str)]) -> Display {
    Display { data: data.iter().map(|(m, t)| ((*m).to_owned(), (*t).into())).collect(), ..Display::default() }
}

fn on_off(text: &str, name: &str) -> Result<bool, CellError> {
    match text {
        "on" | "1" | "true" | "yes" => Ok(true),
        "off" | "0" | "false" | "no" => Ok(false),
        _ => Err(wrong(&format!(":{name} takes on or off"))),
    }
}

fn assignment(text: &str, name: &str) -> Result<(String, String), CellError> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() && !key.contains('\0') && !value.contains('\0') => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(wrong(&format!(":{name} takes NAME=VALUE"))),
    }
}

fn on_help(name: &str, sink: &Arc<dyn Sink>) -> Done {
    let name = name.trim_start_matches([':', '%']);
    let chosen: Vec<_> = table::DIRECTIVES
        .iter()
        .filter(|e| name.is_empty() || e.names.iter().any(|n| n.trim_start_matches('%') == name))
        .collect();
    if chosen.is_empty() {
        return Err(wrong(&table::unknown(name)));
    }
    let mut text = String::new();
    for entry in chosen {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:28} {}", entry.usage, entry.help);
    }
    say(sink, &text)
}

fn write_file(path: &str, append: bool, text: &str, sink: &Arc<dyn Sink>) -> Done {
    let existed = Path::new(path).exists();
    let mut options = fs::OpenOptions::new();
    options.create(true).append(append).write(true).truncate(!append);
    let done = options.open(path).and_then(|mut f| f.write_all(text.as_bytes()));
    done.map_err(|e| wrong(&format!("cannot write {path}: {e}")))?;
    let how = match (append, existed) {
        (true, _) => "Appending to",
        (false, true) => "Overwriting",
        (false, false) => "Writing",
    };
    say(sink, &format!("{how} {path}\n"))
}

/// A sink that keeps what was printed and drops the rest.
#[derive(Debug, Default)]
pub(super) struct Captured(Mutex<String>);

impl Sink for Captured {
    fn stream(&self, stream: Stream, text: &str) {
        if stream == Stream::Stdout {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        }
    }
    fn display(&self, _: Display) {}
    fn update(&self, _: Display) {}
    fn result(&self, _: Display) {}
    fn clear(&self, _: bool) {}
    fn input(&self, _: &str, _: bool) -> Option<String> {
        None
    }
}
