//! `ferrolab run`: executes a notebook, or a text that stands for one, without Jupyter and shows it as a transcript, a notebook and
//! a page. It evaluates nothing itself; whoever calls it brings an [`Evaluator`].

mod clock;
mod collect;
mod control;
pub(crate) mod files;
mod html;
pub(crate) mod notebook;
mod parameters;
mod terminal;
#[cfg(test)]
mod tests;
pub mod watch;

use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use collect::Collector;
use control::{Control, StoppedBy};
use files::RunFiles;
use notebook::{Notebook, Skip};
use parameters::Given;
use serde_json::Value;
use terminal::Transcript;

use ferrolab_jupyter::session::evaluator::{Cell, CellError, Evaluator, Sink, Verdict};

/// Exit status when every cell ran.
const RAN: u8 = 0;
/// Exit status when a cell failed, or what came of it could not be written.
const FAILED: u8 = 1;
/// Exit status when there was nothing that could be run.
const UNUSABLE: u8 = 2;

/// How often the notebook is written while cells run, so that a job that is killed leaves what it
/// had done.
const SAVE_EVERY: Duration = Duration::from_secs(20);

/// The HTML page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Beside the executed notebook.
    Beside,
    /// Here.
    At(PathBuf),
    /// None.
    No,
}

/// What `run` is to do.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The notebook.
    pub notebook: PathBuf,
    /// Where the executed notebook goes; `None` for `NAME.executed.ipynb` beside it. A directory
    /// takes it under its own name.
    pub output: Option<PathBuf>,
    /// Overwrite the notebook itself; `output` is ignored then.
    pub inplace: bool,
    /// Go on after a cell that fails.
    pub allow_errors: bool,
    /// The longest a cell may take.
    pub timeout: Option<Duration>,
    /// The HTML page.
    pub page: Page,
    /// Values for names that the cell tagged `parameters` binds.
    pub parameters: Vec<(String, String)>,
    /// A JSON file of such values; those of `parameters` come before it.
    pub parameters_file: Option<PathBuf>,
}

impl RunOptions {
    /// The options the command line names.
    pub fn from_args(args: &crate::cli::RunArgs) -> Self {
        Self {
            notebook: args.notebook.clone(),
            output: args.output.clone(),
            inplace: args.inplace,
            allow_errors: args.allow_errors,
            timeout: args.timeout,
            parameters: args.parameter.clone(),
            parameters_file: args.parameters_file.clone(),
            page: match &args.html {
                _ if args.no_html => Page::No,
                Some(path) => Page::At(path.clone()),
                None => Page::Beside,
            },
        }
    }
}

/// Runs a notebook. The notebook is read and its outputs are known to be writable before
/// `make_evaluator` is called; it is called with the notebook's directory as working directory, as
/// Jupyter starts kernels, and told whether the notebook names evcxr as its kernel. Status: 0 all cells ran, 1 a cell failed, 2 nothing could be run, 128 +
/// signal when a signal ended it.
pub fn run(options: &RunOptions, make_evaluator: impl FnOnce(bool) -> Result<Box<dyn Evaluator>, String>) -> ExitCode {
    let terminal = io::stdout().is_terminal();
    let colours = terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let transcript = Transcript::new(Box::new(io::stdout()), terminal, colours);
    let start = |directory: &Path, of_evcxr| {
        env::set_current_dir(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        make_evaluator(of_evcxr)
    };
    ExitCode::from(status(options, transcript, start))
}

fn status(
    options: &RunOptions,
    transcript: Transcript,
    make_evaluator: impl FnOnce(&Path, bool) -> Result<Box<dyn Evaluator>, String>,
) -> u8 {
    let prepared = RunFiles::new(options).and_then(|plan| {
        let mut notebook = Notebook::read(&plan.source)?;
        let given = given(options)?;
        if !given.is_empty() {
            let at = options.notebook.display();
            notebook.inject(&given).map_err(|problem| format!("{at}: {problem}"))?;
        }
        plan.check_writable()?;
        Ok((plan, notebook))
    });
    let (plan, mut notebook) = match prepared {
        Ok(prepared) => prepared,
        Err(problem) => return give_up(&problem, UNUSABLE),
    };
    let evaluator = match make_evaluator(&plan.directory, notebook.is_of_evcxr()) {
        Ok(evaluator) => evaluator,
        Err(problem) => return give_up(&problem, FAILED),
    };
    let mut run = Run::new(options, &plan, evaluator, transcript, &notebook);
    let ended = run.cells(&mut notebook);
    let saved = run.save(&mut notebook, true);
    run.collector.transcript(Transcript::end);
    run.control.close();
    match (ended, saved) {
        (status, Ok(())) => status,
        (status, Err(problem)) => give_up(&problem, status.max(FAILED)),
    }
}

/// The values that the command line names.
fn given(options: &RunOptions) -> Result<Vec<(String, Given)>, String> {
    let mut given = Vec::new();
    if let Some(path) = &options.parameters_file {
        let at = path.display();
        let bytes = fs::read(path).map_err(|e| format!("{at}: {e}"))?;
        let Ok(Value::Object(values)) = serde_json::from_slice(&bytes) else {
            return Err(format!("{at}: not a JSON object of parameters, such as {{\"n\": 1000}}"));
        };
        given.extend(values.into_iter().map(|(name, value)| (name, Given::Json(value))));
    }
    given.extend(options.parameters.iter().map(|(name, value)| (name.clone(), Given::Text(value.clone()))));
    Ok(given)
}

fn give_up(problem: &str, status: u8) -> u8 {
    eprintln!("ferrolab: {problem}");
    status
}

/// One notebook on its way.
struct Run<'a> {
    options: &'a RunOptions,
    plan: &'a RunFiles,
    evaluator: Box<dyn Evaluator>,
    control: Control,
    collector: Arc<Collector>,
    last_save: Instant,
}

impl<'a> Run<'a> {
    fn new(
        options: &'a RunOptions,
        plan: &'a RunFiles,
        evaluator: Box<dyn Evaluator>,
        transcript: Transcript,
        notebook: &Notebook,
    ) -> Self {
        let control = Control::new(evaluator.insight());
        let cells = notebook.cells().len();
        let collector = Arc::new(Collector::new(cells, transcript, control.stop_flag()));
        Self { options, plan, evaluator, control, collector, last_save: Instant::now() }
    }

    /// Runs every cell that is to run; returns the exit status.
    fn cells(&mut self, notebook: &mut Notebook) -> u8 {
        notebook.clear_outputs();
        let mut status = RAN;
        let mut number = 0;
        for (index, cell) in notebook.cells().into_iter().enumerate() {
            if let Some(signal) = self.control.signal() {
                return signal_status(signal);
            }
            match cell.skip {
                None => {}
                Some(Skip::Markdown) => {
                    self.collector.transcript(|t| t.markdown(&cell.source));
                    continue;
                }
                Some(Skip::Other) => continue,
            }
            number += 1;
            self.collector.begin(index, number, &cell.source);
            let (ended, times) = self.one(number, &cell.source);
            notebook.set_executed(index, number, &times);
            self.collector.end(times.elapsed, ended.is_ok());
            match ended {
                Ok(Go::On) => {}
                Ok(Go::Quit) => {
                    self.collector.transcript(|t| t.note("the notebook ended its session here"));
                    return status;
                }
                Err(stop) => {
                    // An expected failure is a pass; one that is only allowed still is none.
                    if !cell.may_fail {
                        status = FAILED;
                    }
                    if let Some(signal) = self.control.signal() {
                        return signal_status(signal);
                    }
                    if stop || !(cell.may_fail || self.options.allow_errors) {
                        return FAILED;
                    }
                }
            }
            if self.last_save.elapsed() > SAVE_EVERY {
                // The last save reports what goes wrong; here it may still mend itself.
                let _ = self.save(notebook, false);
            }
        }
        status
    }

    /// Runs one cell. `Err(true)` when no other cell can run after it.
    fn one(&mut self, number: u32, code: &str) -> (Result<Go, bool>, notebook::Times) {
        let cell = Cell { code: code.to_owned(), number, silent: false, allow_stdin: true };
        let sink: Arc<dyn Sink> = self.collector.clone();
        let started = clock::now();
        let start = Instant::now();
        self.control.begin(self.options.timeout);
        let verdict = self.evaluator.execute(&cell, &sink);
        let ended = self.control.end();
        let times = notebook::Times { started, ended: clock::now(), elapsed: start.elapsed() };
        let limit = self.options.timeout.unwrap_or_default();
        let outcome = match (verdict, ended) {
            (Verdict::Ok, _) => Ok(Go::On),
            (Verdict::Quit, _) => Ok(Go::Quit),
            (Verdict::Error(error), StoppedBy::ByItself) => {
                self.collector.error(error);
                Err(false)
            }
            (Verdict::Error(error), StoppedBy::TimedOut { dead }) => {
                self.collector.error(timed_out(error, limit));
                Err(dead)
            }
        };
        (outcome, times)
    }

    /// Writes notebook and page.
    fn save(&mut self, notebook: &mut Notebook, last: bool) -> Result<(), String> {
        self.last_save = Instant::now();
        self.collector.copy_into(notebook);
        let wrote = |path: &PathBuf| {
            let shown = path.strip_prefix(&self.plan.started_in).unwrap_or(path);
            let line = format!("wrote {}", shown.display());
            self.collector.transcript(|t| t.note(&line));
        };
        files::write(&self.plan.output, &notebook.to_bytes())?;
        if !last {
            return Ok(());
        }
        wrote(&self.plan.output);
        if let Some(path) = &self.plan.page {
            let page = html::page(notebook, &self.plan.stem, &self.plan.directory);
            files::write(path, page.as_bytes())?;
            wrote(path);
        }
        Ok(())
    }
}

/// What follows a cell that did not fail.
enum Go {
    On,
    Quit,
}

fn signal_status(signal: i32) -> u8 {
    128_u8.saturating_add(u8::try_from(signal).unwrap_or(0))
}

/// The error of a cell that was interrupted because its time was up: it names that first and keeps
/// what the interrupt said.
fn timed_out(error: CellError, limit: Duration) -> CellError {
    let value = format!("the cell ran longer than the --timeout of {} s", limit.as_secs_f64());
    let mut traceback = vec![format!("\u{1b}[1;31mTimeout\u{1b}[0m: {value}")];
    traceback.extend(error.traceback);
    CellError { name: "Timeout".to_owned(), value, traceback }
}
