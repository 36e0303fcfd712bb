//! The second engine: the `evcxr` crate behind the session's [`Evaluator`], for notebooks that
//! want evcxr as it is, and as the reference that differential tests compare with.
//!
//! evcxr compiles, keeps types and variables' names, and starts the process that runs cells, which
//! is our [`guest`]. This room passes cells to it and its outputs, errors and interrupts to the
//! session; it compiles nothing itself. What evcxr has no word for (snapshots, `:undo`, measuring,
//! threads between cells) is refused with a reason, not imitated.

mod answers;
mod control;
mod errors;
pub mod guest;
mod helper;
mod link;
pub mod place;
mod pump;

use std::process::Command as Process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ::evcxr::{CommandContext, Error, EvalCallbacks, EvalContext, EvalOutputs};

use crate::evaluate::directives::{self, Directive, Plan};
use crate::evaluate::errors::{interrupted, plain};
use crate::evaluate::{Options, Quiet};
use crate::output::{self, Output};
use answers::{Answers, Shared};
use control::Control;
use ferrolab_base::frame::Outcome;
use ferrolab_jupyter::session::evaluator::{Cell, CellError, Display, Evaluator, Insight, Sink, Stream, Verdict};
use link::{Link, Seen};
use place::SessionDirectory;

/// Stack of the thread that runs cells, in megabytes.
const CELL_STACK: usize = 512;
/// Stack for evcxr, whose parsers recurse.
const EVCXR_STACK: usize = 512 << 20;
/// What `:engine` says.
pub const NAME: &str = "evcxr 0.22: cargo and rust-analyzer for each cell";

/// Runs the cells of one session on evcxr.
pub struct EvcxrEvaluator {
    live: Result<EvcxrProcess, String>,
    shared: Arc<Shared>,
    helper: bool,
    // After `live`: evcxr writes there to its end.
    place: SessionDirectory,
}

struct EvcxrProcess {
    context: Arc<Mutex<CommandContext>>,
    link: Link,
}

impl EvcxrEvaluator {
    /// An evaluator; evcxr compiles its first cell now, which takes seconds. What goes wrong is
    /// told in the first cell.
    pub fn new(options: &Options, place: SessionDirectory) -> Self {
        let shared = Arc::new(Shared::default());
        let live = EvcxrProcess::start(options, &place, &shared);
        Self { live, shared, helper: false, place }
    }

    fn evaluate(&mut self, cell: &Cell, sink: &Arc<dyn Sink>) -> Verdict {
        self.shared.control.arm();
        let plan = match directives::plan(&cell.code) {
            Ok(plan) => plan,
            Err(error) => return Verdict::Error(error),
        };
        let taken = match take_ours(&cell.code, &plan, sink) {
            Ok(taken) => taken,
            Err(error) => return Verdict::Error(error),
        };
        if (taken.helper || helper::mentioned(&plan.code))
            && let Err(error) = self.load_helper(cell.number, sink)
        {
            return Verdict::Error(error);
        }
        if !taken.text.trim().is_empty()
            && let Err(error) = self.run(cell.number, &taken.text, cell.silent, sink)
        {
            return Verdict::Error(error);
        }
        if taken.quit { Verdict::Quit } else { Verdict::Ok }
    }

    /// The helper crate and its prelude, once a session.
    fn load_helper(&mut self, number: u32, sink: &Arc<dyn Sink>) -> Result<(), CellError> {
        if self.helper {
            return Ok(());
        }
        let source = self.place.helper().map_err(|e| plain("Environment", &e))?;
        sink.stream(
            Stream::Stderr,
            "note: loading Ferrolab's helpers into evcxr; the first time on this machine they are built, which takes a minute\n",
        );
        self.run(number, &helper::loading(&source), true, sink)?;
        self.helper = true;
        self.place.keep();
        Ok(())
    }

    /// Give a text to evcxr and follow what comes of it.
    fn run(&mut self, number: u32, text: &str, silent: bool, sink: &Arc<dyn Sink>) -> Result<(), CellError> {
        let live = self.live.as_mut().map_err(|problem| plain("Evcxr", problem))?;
        let mut output = Output::new(sink.clone(), silent);
        let (before, result, seen) = live.run(text, &mut output, &self.shared)?;
        if let Ok(outputs) = &result
            && !silent
            && !seen.result
            && !outputs.content_by_mime_type.is_empty()
        {
            output.display(output::DisplayKind::Result, content(outputs));
        }
        if let Ok(EvalOutputs { timing: Some(took), .. }) = &result {
            output.note(&format!("took {} ms", took.as_millis()));
        }
        output.finish();
        let ended = self.ended(number, text, &before, result, &seen);
        self.publish();
        ended
    }

    fn ended(
        &self,
        number: u32,
        text: &str,
        before: &[String],
        result: Result<EvalOutputs, Error>,
        seen: &Seen,
    ) -> Result<(), CellError> {
        let stopped = self.shared.control.interrupts() > 0;
        match (result, &seen.outcome) {
            (Err(_), _) if seen.killed => Err(plain(
                "Interrupted",
                &format!("the cell did not look at the interrupt and was ended{}", errors::losses(before)),
            )),
            (Err(_), None) if stopped && !seen.began => Err(interrupted("while it was compiled")),
            (Ok(_), Some(Outcome::Panicked)) if stopped => {
                Err(plain("Interrupted", "the cell was interrupted; what it had changed stays changed"))
            }
            (Ok(_), Some(Outcome::Panicked)) => Err(errors::panicked(&seen.errors)),
            (Ok(_), Some(Outcome::Failed { .. })) => Err(errors::failed(&seen.errors)),
            (Ok(_), _) => Ok(()),
            (Err(error), _) => Err(errors::refused(&error, number, text, before)),
        }
    }

    /// What other threads complete from while a cell runs.
    fn publish(&self) {
        if let Ok(live) = &self.live {
            let context = live.context.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.publish(&context);
        }
    }
}

impl EvcxrProcess {
    fn start(options: &Options, place: &SessionDirectory, shared: &Arc<Shared>) -> Result<Self, String> {
        let failed = |e: &dyn std::fmt::Display| format!("evcxr cannot start: {e}");
        let mut link = Link::open(&shared.control).map_err(|e| failed(&e))?;
        let mut process = Process::new(&options.executable);
        process.arg("evcxr-guest");
        if let Some(libraries) = place.libraries() {
            process.env("LD_LIBRARY_PATH", libraries);
        }
        link.give(&mut process, CELL_STACK);
        if std::env::var_os("RAYON_NUM_THREADS").is_none() {
            process.env("RAYON_NUM_THREADS", options.granted.threads.to_string());
        }
        if std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb") {
            process.env("TERM", "xterm-256color");
        }
        let made = on_large_stack(move || {
            // Output comes through the link; without receivers evcxr does not wait for any.
            let (context, _) = EvalContext::with_subprocess_command(process)?;
            let mut context = CommandContext::with_eval_context(context);
            context.execute(":load_config --quiet")?;
            Ok::<_, Error>(context)
        });
        let said = link.skip();
        let context = made.map_err(|e| failed(&e))?.map_err(|e| format!("{}\n{said}", failed(&e)))?;
        shared.control.set_guest(context.process_handle());
        shared.publish(&context);
        let context = Arc::new(Mutex::new(context));
        shared.set_context(context.clone());
        Ok(Self { context, link })
    }

    /// Names of variables before it, what evcxr says, what was seen of the running code.
    #[allow(clippy::type_complexity, reason = "it is used once, right above")]
    fn run(
        &mut self,
        text: &str,
        output: &mut Output,
        shared: &Arc<Shared>,
    ) -> Result<(Vec<String>, Result<EvalOutputs, Error>, Seen), CellError> {
        let control = shared.control.clone();
        let context = self.context.clone();
        let before: Vec<String> = {
            let context = context.lock().unwrap_or_else(PoisonError::into_inner);
            let mut names: Vec<String> = context.variables_and_types().map(|(name, _)| name.to_owned()).collect();
            names.sort();
            names
        };
        let text = text.to_owned();
        let waker = shared.control.clone();
        let work = move || {
            let mut context = context.lock().unwrap_or_else(PoisonError::into_inner);
            // Questions come through the link as well.
            let result = context.execute_with_callbacks(&text, &mut EvalCallbacks { input_reader: &|_| String::new() });
            drop(context);
            result
        };
        // Told before the link is woken: a thread that is about to end has not ended.
        let over = Arc::new(AtomicBool::new(false));
        let told = Over(over.clone(), waker);
        let thread = std::thread::Builder::new().name("evcxr".into()).stack_size(EVCXR_STACK).spawn(move || {
            let _told = told;
            work()
        });
        let thread = thread.map_err(|e| plain("Evcxr", &format!("no thread for evcxr: {e}")))?;
        let seen = self.link.follow(output, &control, &|| over.load(Ordering::SeqCst));
        let result = thread.join().map_err(|_| {
            plain("Evcxr", "evcxr itself panicked on this cell; its variables are as they were, as far as it knows")
        })?;
        Ok((before, result, seen))
    }
}

fn on_large_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let thread = std::thread::Builder::new().name("evcxr".into()).stack_size(EVCXR_STACK).spawn(work);
    let thread = thread.map_err(|e| e.to_string())?;
    thread.join().map_err(|_| "evcxr itself panicked".to_owned())
}

/// Tells the link that evcxr has returned, also by a panic.
struct Over(Arc<AtomicBool>, Arc<Control>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        self.1.wake();
    }
}

/// A cell without the lines that are for us.
struct Taken {
    text: String,
    quit: bool,
    helper: bool,
}

/// Do what is ours of a cell's directives; refuse those that evcxr has no word for.
fn take_ours(code: &str, plan: &Plan, sink: &Arc<dyn Sink>) -> Result<Taken, CellError> {
    let refuse = |what: &str, instead: &str| {
        Err(plain("Directive", &format!("{what} is not there on the evcxr engine{instead}; `:help` lists what is")))
    };
    if !plan.magics.is_empty() {
        return refuse("a `%%…` directive", "");
    }
    let mut taken = Taken { text: code.to_owned(), quit: false, helper: false };
    if plan.raw.is_some() {
        return refuse("a `%%…` directive", "");
    }
    for directive in plan.directives() {
        let (name, rest, line) = match directive {
            Directive::Named { name, rest, line } => (name.as_str(), rest.as_str(), *line),
            Directive::Wrapped { .. } => return refuse("`%time` and `%timeit`", ""),
            Directive::Describe { name, .. } => {
                return refuse(&format!("`?{name}`"), &format!(" (`:doc {name}` describes it)"));
            }
            Directive::Shell(_) => continue,
        };
        let written = code.lines().nth(line - 1).unwrap_or("").trim_start();
        match name {
            "engine" => sink.stream(Stream::Stdout, &format!("{NAME}\n")),
            "version" => sink.stream(Stream::Stdout, &format!("ferrolab {}, {NAME}\n", env!("CARGO_PKG_VERSION"))),
            "quit" | "exit" | "q" => taken.quit = true,
            "dep" if rest.trim_end_matches(';').trim() == "ferrolab" => taken.helper = true,
            _ if written.starts_with('%') => return refuse(&format!("`%{name}`"), ""),
            _ if directives::evcxr_has(name) => continue,
            _ => return refuse(&format!("`:{name}`"), ""),
        }
        taken.text = without_line(&taken.text, line);
    }
    Ok(taken)
}

/// The text with one line made empty, so that the others keep their numbers.
fn without_line(text: &str, line: usize) -> String {
    let blank = |(index, part): (usize, &str)| match (index + 1 == line, part.ends_with('\n')) {
        (false, _) => part.to_owned(),
        (true, true) => "\n".to_owned(),
        (true, false) => String::new(),
    };
    text.split_inclusive('\n').enumerate().map(blank).collect()
}

fn content(outputs: &EvalOutputs) -> Display {
    let data = outputs.content_by_mime_type.iter();
    let mut data: Vec<(String, Vec<u8>)> = data.map(|(mime, text)| (mime.clone(), text.clone().into_bytes())).collect();
    data.sort();
    output::display(data, "", None)
}

impl Evaluator for EvcxrEvaluator {
    fn execute(&mut self, cell: &Cell, sink: &Arc<dyn Sink>) -> Verdict {
        self.evaluate(cell, sink)
    }

    fn expression(&mut self, code: &str) -> Result<Display, CellError> {
        self.shared.control.arm();
        let quiet = Arc::new(Quiet::default());
        let sink: Arc<dyn Sink> = quiet.clone();
        self.run(0, code, false, &sink)?;
        Ok(quiet.take().unwrap_or_default())
    }

    fn insight(&self) -> Arc<dyn Insight> {
        Arc::new(Answers::new(self.shared.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_lines_go_and_the_others_keep_their_numbers() {
        assert_eq!(without_line("a\n:engine\nb", 2), "a\n\nb");
        assert_eq!(without_line(":engine", 1), "");
        let sink: Arc<dyn Sink> = Arc::new(Quiet::default());
        let take = |code: &str| take_ours(code, &directives::plan(code).unwrap(), &sink);
        assert_eq!(
            take(":dep rand = \"0.9\"\n1 + 1").unwrap_or_else(|e| panic!("{e:?}")).text,
            ":dep rand = \"0.9\"\n1 + 1"
        );
        assert!(take(":quit").is_ok_and(|taken| taken.quit && taken.text.is_empty()));
        for bad in [":undo", "%%time\n1", "%vars", ":threads 2", "%timeit 1 + 1", "?x"] {
            assert!(take(bad).is_err_and(|e| e.value.contains("not there on the evcxr engine")), "{bad}");
        }
    }
}
