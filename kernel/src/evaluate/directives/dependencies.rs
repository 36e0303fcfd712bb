//! Dependencies that a cell asks for: lines of `:dep`, a whole cell of them (`%%dep`), and, as in evcxr,
//! `extern crate` of a crate that is not there. What a dependency is and how it is built is the
//! engine's business.

use std::path::Path;
use std::sync::Arc;

use super::capture::Captured;
use super::definition::{Definition, Done, Engines, Form, Raw, say, wrong};
use crate::evaluate::listener::CellListener;
use crate::evaluate::live::ReadySession;
use crate::evaluate::{DirectEvaluator, errors, preparing};
use crate::output::Output;
use crate::runner::host::End;
use ferrolab_base::frame::{Command, Outcome};
use ferrolab_engine::environment::DependencySet;
use ferrolab_engine::split::extern_crates;
use ferrolab_jupyter::session::evaluator::{Sink, Stream};

/// Crates that come with the toolchain, which no registry has.
const OWN: [&str; 6] = ["std", "core", "alloc", "proc_macro", "test", "ferrolab"];

pub(super) const DEP: Definition = Definition {
    names: &["dep"],
    usage: ":dep rand = \"0.9\"",
    help: "Add a dependency, as in Cargo.toml: `:dep name`, `:dep name = \"1\"`, `:dep name = { version = \"1\", features = [\"x\"] }`, `path = \"…\"`, `git = \"…\"`. Several lines are built together, and a table may go on over several lines.",
    engines: Engines::Evcxr(&["dep"]),
    form: Form::Dependency,
};

pub(super) const DEP_TABLE: Definition = Definition {
    names: &["%%dep"],
    usage: "%%dep",
    help: "Add the dependencies below, written as in a Cargo.toml.",
    engines: Engines::Own,
    form: Form::Raw(Raw { check: no_words, act: DirectEvaluator::on_dep_cell }),
};

pub(super) const SHOW_DEPS: Definition = Definition {
    names: &["show_deps", "show-deps"],
    usage: ":show_deps",
    help: "List the dependencies that `:dep` added.",
    engines: Engines::Evcxr(&["show_deps"]),
    form: Form::Alone(DirectEvaluator::on_show_deps),
};

impl DirectEvaluator {
    pub(super) fn on_dep(&mut self, lines: &str, sink: &Arc<dyn Sink>) -> Done {
        if lines.lines().any(|line| line.trim() == ":dep") {
            return Err(wrong(":dep needs a crate: `:dep rand = \"0.9\"`"));
        }
        self.ready(sink)?;
        let directory = std::env::current_dir().unwrap_or_default();
        let wanted = DependencySet::parse(lines, &directory).map_err(|e| errors::environment(&e))?;
        self.depend_on(&wanted, sink)
    }

    fn on_dep_cell(&mut self, _: &str, text: &str, sink: &Arc<dyn Sink>) -> Done {
        self.on_dep_table(text, sink)
    }

    /// The table of a manifest: `%%dep`, and what evcxr's `evcxr.toml` lists.
    pub(in crate::evaluate) fn on_dep_table(&mut self, text: &str, sink: &Arc<dyn Sink>) -> Done {
        if text.trim().is_empty() {
            return Err(wrong("%%dep reads the lines below it as in Cargo.toml, and there are none"));
        }
        self.ready(sink)?;
        let directory = std::env::current_dir().unwrap_or_default();
        let wanted = DependencySet::parse_table(text, &directory).map_err(|e| errors::environment(&e))?;
        self.depend_on(&wanted, sink)
    }

    /// evcxr adds a crate that `extern crate` names, in any version.
    pub(super) fn on_extern_crates(&mut self, code: &str, sink: &Arc<dyn Sink>) -> Done {
        let named: Vec<String> = extern_crates(code).into_iter().filter(|name| !OWN.contains(&name.as_str())).collect();
        if named.is_empty() {
            return Ok(());
        }
        self.ready(sink)?;
        let known = |name: &String| {
            let engine = self.engine();
            engine.is_some_and(|e| e.environment().externs.iter().any(|(there, _)| there.replace('-', "_") == *name))
        };
        let lines: String = named.iter().filter(|name| !known(name)).map(|name| format!(":dep {name}\n")).collect();
        if lines.is_empty() { Ok(()) } else { self.on_dep(&lines, sink) }
    }

    fn depend_on(&mut self, wanted: &DependencySet, sink: &Arc<dyn Sink>) -> Done {
        let base = self.ready(sink)?.engine.environment().clone();
        if base.dependencies.contains(wanted) {
            return Ok(());
        }
        let mut asked = base.clone();
        asked.options.offline = self.settings.offline.unwrap_or(self.options.environment.offline);
        let addition = preparing::add(&asked, wanted, sink, self.shared.compiling.flag())?;
        let new = addition.environment.layers.iter().filter(|layer| !base.layers.contains(layer));
        let new: Vec<_> = new.cloned().collect();
        let live = self.ready(sink)?;
        if let Some(why) = addition.restart {
            let lost = live.engine.clear_variables();
            live.engine.set_environment(addition.environment);
            self.restart_runner()?;
            if !lost.is_empty() {
                let text = format!(
                    "note: {why}\nThe runner was restarted to load it; run the cells that made these variables again: {}\n",
                    lost.join(", ")
                );
                sink.stream(Stream::Stderr, &text);
            }
            return Ok(());
        }
        live.engine.set_environment(addition.environment);
        new.iter().try_for_each(|layer| load(live, layer))
    }

    /// What notebooks asked for, as `:dep` lines.
    fn on_show_deps(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let lines = self.engine().map(|e| e.environment().dependencies.shown()).unwrap_or_default();
        say(sink, if lines.is_empty() { "no dependencies besides those of every session\n" } else { &lines })
    }
}

/// The runner loads what a new dependency brings.
fn load(live: &mut ReadySession, layer: &Path) -> Done {
    let sink: Arc<dyn Sink> = Arc::<Captured>::default();
    let mut listener = CellListener::new(Output::new(sink.clone(), true));
    let ended = live.follow(&Command::Load { path: layer.to_string_lossy().into_owned() }, &mut listener, &sink)?;
    match ended.end {
        End::Said(Outcome::Ok) => Ok(()),
        other => Err(errors::plain("Loader", &format!("{} cannot be loaded: {other:?}", layer.display()))),
    }
}

fn no_words(rest: &str) -> Done {
    match rest {
        "" => Ok(()),
        rest => Err(wrong(&format!("%%dep stands alone above a table; a single crate is added with `:dep {rest}`"))),
    }
}
