//! `:target-cpu`: the processor that everything is compiled for from now on, the helper library and
//! dependencies included, since a cluster's workers load those too. A runner has one helper library
//! loaded, so it starts anew.

use std::process::Command;
use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, say, wrong};
use super::table;
use crate::evaluate::{DirectEvaluator, errors, preparing};
use ferrolab_engine::compile::Flags;
use ferrolab_engine::environment::{Cache, Toolchain};
use ferrolab_jupyter::session::evaluator::{Sink, Stream};

pub(super) const TARGET_CPU: Definition = Definition {
    names: &["target-cpu", "target_cpu"],
    usage: ":target-cpu native",
    help: "The processor that helpers, dependencies, items and cells are compiled for, by rustc's name: `x86-64-v3` for a cluster of different machines. Restarts the runner.",
    engines: Engines::Own,
    form: Form::Line(DirectEvaluator::on_target_cpu),
};

impl DirectEvaluator {
    fn on_target_cpu(&mut self, cpu: &str, sink: &Arc<dyn Sink>) -> Done {
        if cpu.is_empty() || cpu.contains(char::is_whitespace) {
            return Err(wrong(":target-cpu takes a name such as native, x86-64-v3 or znver4"));
        }
        self.is_known(cpu)?;
        let wanted =
            ferrolab_engine::environment::Options { target_cpu: cpu.to_owned(), ..self.options.environment.clone() };
        let Some(before) = self.engine().map(|engine| engine.environment().clone()) else {
            // Nothing is there yet: it is made once, for this processor.
            self.options.environment = wanted;
            self.ready(sink)?;
            self.compile_for(cpu);
            return self.confirm(sink, &format!("target processor: {cpu}"));
        };
        if before.options.target_cpu == cpu {
            self.compile_for(cpu);
            return self.confirm(sink, &format!("target processor: {cpu}"));
        }
        let cancelled = self.shared.compiling.flag();
        let mut environment = preparing::prepare(&wanted, sink, cancelled)?;
        if !before.dependencies.is_empty() {
            environment = preparing::add(&environment, &before.dependencies, sink, cancelled)?.environment;
        }
        self.options.environment = wanted;
        let Some(live) = &mut self.live else { return Ok(()) };
        let lost = live.engine.clear_variables();
        live.engine.set_environment(environment);
        self.compile_for(cpu);
        self.restart_runner()?;
        if !lost.is_empty() {
            let text = format!(
                "note: everything is compiled for {cpu} from now on, and the runner was restarted to load it; run the cells that made these variables again: {}\n",
                lost.join(", ")
            );
            sink.stream(Stream::Stderr, &text);
        }
        say(sink, &format!("target processor: {cpu}\n"))
    }

    fn compile_for(&mut self, cpu: &str) {
        let Some(live) = &mut self.live else { return };
        let flags = live.engine.flags().clone();
        live.engine.set_flags(Flags { target_cpu: cpu.to_owned(), ..flags });
    }

    /// Does rustc know it?
    fn is_known(&self, cpu: &str) -> Done {
        let rustc = match self.engine() {
            Some(engine) => engine.environment().toolchain.rustc.clone(),
            None => {
                let (sites, directory) = (&self.options.environment.sites, &self.options.environment.directory);
                let found = Cache::open_beside(sites).and_then(|c| Toolchain::discover(&c, sites, directory));
                found.map_err(|e| errors::environment(&e))?.rustc
            }
        };
        let output = Command::new(&rustc).args(["--print", "target-cpus"]).output();
        let output = output.map_err(|e| wrong(&format!("cannot run {}: {e}", rustc.display())))?;
        let known = String::from_utf8_lossy(&output.stdout);
        let known: Vec<&str> = table::processors(&known).collect();
        // A list we cannot read is no reason to refuse; rustc has the last word then.
        if !known.is_empty() && !known.contains(&cpu) {
            return Err(wrong(&table::unknown_processor(cpu, known)));
        }
        Ok(())
    }
}
