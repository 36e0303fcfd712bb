//! Doing what directives say. Each is a short function on the evaluator; what they print goes to
//! the cell's standard output.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::plan::{Directive, Magic, Plan, Shell};
use super::{footer, shell, table};
use crate::engine::environment::DependencySet;
use crate::engine::insight;
use crate::engine::measured::Measure;
use crate::engine::variables::short_type;
use crate::evaluate::{Code, Lab, answers, errors, preparing};
use crate::runner::frame::Command;
use crate::session::evaluator::{Cell, CellError, Display, Sink, Stream, Verdict};

/// What directives keep between cells.
#[derive(Debug, Default)]
pub struct Desk {
    offline: Option<bool>,
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
            let code = Code { shown, measure, ..Code::plain(cell, &plan.code) };
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
                    .map(|()| false);
            }
            Directive::Describe { name, detail } => return self.on_describe(name, *detail, sink).map(|()| false),
            Directive::Named { name, rest, .. } => (name.as_str(), rest.as_str()),
            // It runs code, which the plan's follower does.
            Directive::Measured { .. } => return Ok(false),
        };
        let canonical = table::find(name).map_or(name, |e| e.names[0]);
        let alone = ["vars", "items", "clear", "undo", "version", "engine", "quit"].contains(&canonical);
        if alone && !rest.trim_end_matches(';').is_empty() {
            return Err(wrong(&format!(":{canonical} stands alone; `{rest}` means nothing to it")));
        }
        match canonical {
            "vars" => self.on_vars(sink),
            "type" => self.on_type(rest, sink),
            "items" => self.on_items(sink),
            "clear" => self.on_clear(),
            "undo" => self.on_undo(sink),
            "opt" => self.on_opt(rest, sink),
            "checks" => self.on_checks(rest, sink),
            "target-cpu" => self.on_target_cpu(rest, sink),
            "threads" => self.on_threads(rest, sink),
            "timing" => {
                let on = if rest.is_empty() { !self.settings.timing } else { on_off(rest, "timing")? };
                self.settings.timing = on;
                say(sink, if self.settings.timing { "timing: on\n" } else { "timing: off\n" })
            }
            // The session takes it out of the queue before it comes here.
            "attach" => Err(wrong(":attach is a cell of its own, in Jupyter: nothing else stands beside it")),
            "snapshots" => on_off(rest, "snapshots").map(|on| self.settings.snapshots = on),
            "env" => self.on_env(rest),
            "build_env" => on_build_env(rest),
            "offline" => {
                on_off(if rest.is_empty() { "on" } else { rest }, "offline").map(|on| self.desk.offline = Some(on))
            }
            "toolchain" => self.on_toolchain(rest, sink),
            "explain" => self.on_explain(rest, sink),
            "version" => self.on_version(sink),
            "engine" => say(sink, "direct: one rustc run per cell\n"),
            "help" => on_help(rest, sink),
            "quit" => return Ok(true),
            other => match table::INERT.iter().find(|(inert, _)| *inert == other) {
                Some((inert, why)) => say(sink, &format!(":{inert} does nothing here: {why}\n")),
                None => Err(wrong(&table::unknown(other))),
            },
        }
        .map(|()| false)
    }

    fn on_dep(&mut self, lines: &str, sink: &Arc<dyn Sink>) -> Done {
        if lines.lines().any(|line| line.trim() == ":dep") {
            return Err(wrong(":dep needs a crate: `:dep rand = \"0.9\"`"));
        }
        self.ready(sink)?;
        let directory = std::env::current_dir().unwrap_or_default();
        let wanted = DependencySet::parse(lines, &directory).map_err(|e| errors::environment(&e))?;
        let Some(engine) = &mut self.engine else { return Err(wrong("there is no engine")) };
        if engine.environment().dependencies.contains(&wanted) {
            return Ok(());
        }
        let mut base = engine.environment().clone();
        base.options.offline = self.desk.offline.unwrap_or(self.options.environment.offline);
        let addition = preparing::add(&base, &wanted, sink, self.shared.compiling.flag())?;
        let old: Vec<_> = engine.environment().layers.clone();
        let new: Vec<_> = addition.environment.layers.iter().filter(|l| !old.contains(l)).cloned().collect();
        if let Some(why) = addition.restart {
            let lost = engine.clear_variables();
            engine.set_environment(addition.environment);
            self.start_runner()?;
            if !lost.is_empty() {
                let text = format!(
                    "note: {why}\nThe runner was restarted to load it; run the cells that made these variables again: {}\n",
                    lost.join(", ")
                );
                sink.stream(Stream::Stderr, &text);
            }
            return Ok(());
        }
        engine.set_environment(addition.environment);
        for layer in new {
            self.load(&layer)?;
        }
        Ok(())
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

    fn on_clear(&mut self) -> Done {
        if let Some(engine) = &mut self.engine {
            engine.clear();
            self.start_runner()?;
        }
        Ok(())
    }

    fn on_undo(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let (Some(engine), Some(runner)) = (&mut self.engine, &mut self.runner) else {
            return Err(wrong("there is nothing to undo"));
        };
        if !engine.can_undo() {
            return Err(wrong(
                "there is nothing to undo: the last cell failed, was undone already, or had no snapshot",
            ));
        }
        if engine.last_ran() {
            let mut listener =
                crate::evaluate::listener::CellListener::new(crate::output::Output::new(sink.clone(), true));
            let ended = runner.follow(&Command::Undo, &mut listener);
            if !ended.restored {
                return Err(wrong("there is no snapshot to return to"));
            }
        }
        engine.undo();
        say(sink, "took back the last cell\n")
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
        engine.set_flags(crate::engine::compile::Flags { checks: on, ..flags });
        Ok(())
    }

    fn on_env(&mut self, rest: &str) -> Done {
        let (key, value) = assignment(rest, "env")?;
        self.settings.environment.retain(|(k, _)| *k != key);
        self.settings.environment.push((key.clone(), value.clone()));
        if let Some(runner) = &mut self.runner {
            runner.tell(&Command::SetEnv { key, value }).map_err(|e| wrong(&e.to_string()))?;
        }
        Ok(())
    }

    fn on_toolchain(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        if !rest.is_empty() {
            return Err(wrong(&format!(
                "the toolchain is chosen when the kernel starts: set RUSTUP_TOOLCHAIN={rest} in the kernelspec (`ferrolab install --env RUSTUP_TOOLCHAIN={rest}`) or put a rust-toolchain.toml beside the notebook, then restart the kernel"
            )));
        }
        self.ready(sink)?;
        let Some(engine) = &self.engine else { return Ok(()) };
        let toolchain = &engine.environment().toolchain;
        say(sink, &format!("{}\nsysroot: {}\n", toolchain.version_text.trim(), toolchain.sysroot.display()))
    }

    fn on_explain(&mut self, code: &str, sink: &Arc<dyn Sink>) -> Done {
        self.ready(sink)?;
        let Some(engine) = &self.engine else { return Ok(()) };
        let output =
            std::process::Command::new(&engine.environment().toolchain.rustc).args(["--explain", code]).output();
        match output {
            Ok(output) if output.status.success() => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                sink.display(bundle(&[("text/plain", &text), ("text/markdown", &text)]));
                Ok(())
            }
            _ => Err(wrong(&format!("`{code}` is not an error code of rustc; they look like E0308"))),
        }
    }

    fn on_version(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let rustc = self.engine.as_ref().map_or("not found yet", |e| e.environment().toolchain.release.as_str());
        say(sink, &format!("ferrolab {}, rustc {rustc}\n", env!("CARGO_PKG_VERSION")))
    }

    fn on_describe(&mut self, name: &str, detail: bool, sink: &Arc<dyn Sink>) -> Done {
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

    fn load(&mut self, layer: &Path) -> Done {
        let Some(runner) = &mut self.runner else { return Ok(()) };
        let sink: Arc<dyn Sink> = Arc::<Captured>::default();
        let mut listener = crate::evaluate::listener::CellListener::new(crate::output::Output::new(sink, true));
        let ended = runner.follow(&Command::Load { path: layer.to_string_lossy().into_owned() }, &mut listener);
        match ended.end {
            crate::runner::host::End::Said(crate::runner::frame::Outcome::Ok) => Ok(()),
            other => Err(errors::plain("Loader", &format!("{} cannot be loaded: {other:?}", layer.display()))),
        }
    }
}

fn is_dep(directive: &Directive) -> bool {
    matches!(directive, Directive::Named { name, .. } if name == "dep")
}

fn dependency_lines(directives: &[Directive]) -> String {
    let lines = directives.iter().filter_map(|d| match d {
        Directive::Named { rest, .. } => Some(format!(":dep {rest}\n")),
        _ => None,
    });
    lines.collect()
}

pub(super) fn say(sink: &Arc<dyn Sink>, text: &str) -> Done {
    sink.stream(Stream::Stdout, text);
    Ok(())
}

fn bundle(data: &[(&str, &str)]) -> Display {
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

fn on_build_env(rest: &str) -> Done {
    let (key, value) = assignment(rest, "build_env")?;
    // SAFETY: the kernel's other threads read the environment through std only, which locks.
    unsafe { std::env::set_var(key, value) };
    Ok(())
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
struct Captured(Mutex<String>);

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
