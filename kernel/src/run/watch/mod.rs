//! `ferrolab watch`: runs a notebook, and again from the first cell that changed whenever its file is saved, in one
//! session. It decides which cells run; how the session goes back to before one is the evaluator's business.

mod follow;
mod page;
mod shown;

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::collect::Collector;
use super::control::{Control, StoppedBy};
use super::files::{self, RunFiles};
use super::notebook::{Notebook, Times};
use super::terminal::Transcript;
use super::{FAILED, Page as HtmlPage, RunOptions, UNUSABLE, clock, give_up, signal_status, timed_out};
use ferrolab_jupyter::session::evaluator::{Cell, Evaluator, GoneBack, Sink, Verdict};
use follow::Follower;
use page::Page;
use shown::Shown;

/// How long a wait for a save lasts before signals are looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// What `watch` is to do.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// The notebook.
    pub notebook: PathBuf,
    /// Where the executed notebook goes after each run; `None` for nowhere.
    pub output: Option<PathBuf>,
    /// The longest a cell may take.
    pub timeout: Option<Duration>,
    /// The port of the page; `None` for a free one.
    pub port: Option<u16>,
    /// Serve a page.
    pub page: bool,
}

impl WatchOptions {
    /// The options the command line names.
    pub fn from_args(args: &crate::cli::WatchArgs) -> Self {
        Self {
            notebook: args.notebook.clone(),
            output: args.output.clone(),
            timeout: args.timeout,
            port: args.port,
            page: !args.no_page,
        }
    }
}

/// Runs a notebook and follows its file until Ctrl-C. `make_evaluator` is called in the notebook's directory.
/// Status: 2 when the notebook cannot be read at the start, 1 when there is no session, else 128 + signal.
pub fn watch(
    options: &WatchOptions,
    make_evaluator: impl FnOnce(bool) -> Result<Box<dyn Evaluator>, String>,
) -> ExitCode {
    let terminal = io::stdout().is_terminal();
    let colours = terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let transcript = Transcript::new(Box::new(io::stdout()), terminal, colours);
    ExitCode::from(status(options, transcript, make_evaluator))
}

fn status(
    options: &WatchOptions,
    transcript: Transcript,
    make_evaluator: impl FnOnce(bool) -> Result<Box<dyn Evaluator>, String>,
) -> u8 {
    let files = match files(options) {
        Ok(files) => files,
        Err(problem) => return give_up(&problem, UNUSABLE),
    };
    let notebook = match Notebook::read(&files.source) {
        Ok(notebook) => notebook,
        Err(problem) => return give_up(&problem, UNUSABLE),
    };
    let evaluator = env::set_current_dir(&files.directory)
        .map_err(|e| format!("{}: {e}", files.directory.display()))
        .and_then(|()| make_evaluator(notebook.is_of_evcxr()));
    let mut evaluator = match evaluator {
        Ok(evaluator) => evaluator,
        Err(problem) => return give_up(&problem, FAILED),
    };
    evaluator.remember();
    match Watch::start(options, &files, evaluator, transcript) {
        Ok(mut watch) => watch.until_signal(),
        Err(problem) => give_up(&problem, FAILED),
    }
}

fn files(options: &WatchOptions) -> Result<RunFiles, String> {
    let as_run = RunOptions {
        notebook: options.notebook.clone(),
        output: options.output.clone(),
        inplace: false,
        allow_errors: false,
        timeout: None,
        page: HtmlPage::No,
        parameters: Vec::new(),
        parameters_file: None,
    };
    let files = RunFiles::new(&as_run)?;
    if options.output.is_some() {
        files.check_writable()?;
    }
    Ok(files)
}

/// A cell that is to run.
struct Runnable {
    /// Its place in the notebook.
    index: usize,
    source: String,
    may_fail: bool,
}

/// A cell that ran.
struct Ran {
    index: usize,
    source: String,
    number: u32,
    times: Times,
    /// Those behind it may run.
    passed: bool,
}

/// A notebook that is watched.
struct Watch<'a> {
    options: &'a WatchOptions,
    files: &'a RunFiles,
    evaluator: Box<dyn Evaluator>,
    control: Control,
    collector: Arc<Collector>,
    follower: Follower,
    shown: Arc<Shown>,
    /// Served until the watch ends.
    page: Option<Page>,
    notebook: Notebook,
    runnable: Vec<Runnable>,
    /// The first of them, as far as they ran.
    ran: Vec<Ran>,
    /// Sources of the cells up to the one that runs; empty when none does.
    running: Arc<Mutex<Vec<String>>>,
    number: u32,
    /// A cell ended the session.
    ended: bool,
    /// All ran that can, and that was told.
    rests: bool,
}

impl<'a> Watch<'a> {
    fn start(
        options: &'a WatchOptions,
        files: &'a RunFiles,
        evaluator: Box<dyn Evaluator>,
        transcript: Transcript,
    ) -> Result<Self, String> {
        let insight = evaluator.insight();
        let control = Control::new(insight.clone());
        let running: Arc<Mutex<Vec<String>>> = Arc::default();
        let (theirs, path, stop) = (running.clone(), files.source.clone(), control.stop_flag());
        // A cell whose text is another one now, or that of one above it, need not come to its end.
        let on_save = move |content: &[u8]| {
            let now = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            let Ok(notebook) = Notebook::of_bytes(&path, content.to_vec()) else { return };
            let runnable = runnable(&notebook);
            let same = runnable.iter().zip(now.iter()).take_while(|(cell, source)| cell.source == **source).count();
            if same < now.len() {
                insight.interrupt();
                stop.store(true, std::sync::atomic::Ordering::Release);
            }
        };
        let at = files.source.display();
        let (follower, first) = Follower::start(&files.source, on_save).map_err(|e| format!("{at}: {e}"))?;
        let notebook = Notebook::of_bytes(&files.source, first)?;
        let cells = notebook.cells().len();
        let collector = Arc::new(Collector::new(cells, transcript, control.stop_flag()));
        let shown = Arc::new(Shown::new(notebook.clone(), collector.clone(), files));
        let page = if options.page { Some(Page::serve(options.port, shown.clone())?) } else { None };
        let mut watch = Self {
            options,
            files,
            evaluator,
            control,
            collector,
            follower,
            shown,
            page,
            runnable: runnable(&notebook),
            notebook,
            ran: Vec::new(),
            running,
            number: 0,
            ended: false,
            rests: false,
        };
        watch.notebook.clear_outputs();
        if let Some(page) = &watch.page {
            watch.say(&format!("page: {}", page.address));
        }
        Ok(watch)
    }

    /// Runs what is to run, and waits for saves. Ends by a signal; returns the exit status.
    fn until_signal(&mut self) -> u8 {
        let status = loop {
            if let Some(signal) = self.control.signal() {
                break signal_status(signal);
            }
            if let Some(content) = self.follower.take() {
                self.on_save(content);
            } else if self.next().is_some() {
                self.run_next();
            } else {
                self.rest();
                self.follower.wait(GLANCE);
            }
        };
        self.collector.transcript(Transcript::end);
        self.control.close();
        status
    }

    fn say(&self, line: &str) {
        self.collector.transcript(|transcript| transcript.note(line));
    }

    fn name(&self) -> String {
        let path = &self.files.source;
        path.strip_prefix(&self.files.started_in).unwrap_or(path).display().to_string()
    }

    /// The next cell, when there is one that may run.
    fn next(&self) -> Option<&Runnable> {
        let halted = self.ended || self.ran.last().is_some_and(|last| !last.passed);
        self.runnable.get(self.ran.len()).filter(|_| !halted)
    }

    /// The file was saved: which cells are still as they ran, and where it goes on.
    fn on_save(&mut self, content: Vec<u8>) {
        let notebook = match Notebook::of_bytes(&self.files.source, content) {
            Ok(notebook) => notebook,
            Err(problem) => {
                self.say(&format!("{}: {problem}; what ran stays", self.name()));
                return self.shown.tell(&format!("{}: {problem}", self.name()));
            }
        };
        let runnable = runnable(&notebook);
        let is_same = |(ran, cell): &(&Ran, &Runnable)| ran.passed && ran.source == cell.source;
        let same = if self.ended { 0 } else { self.ran.iter().zip(&runnable).take_while(is_same).count() };
        let gone = self.go_back(same);
        self.ran.truncate(gone.cells);
        self.ended = false;
        let mut from: Vec<Option<usize>> = vec![None; notebook.cells().len()];
        self.notebook = notebook;
        self.notebook.clear_outputs();
        self.runnable = runnable;
        for (ran, cell) in self.ran.iter_mut().zip(&self.runnable) {
            from[cell.index] = Some(ran.index);
            ran.index = cell.index;
            self.notebook.set_executed(ran.index, ran.number, &ran.times);
        }
        self.collector.rearrange(&from);
        self.shown.put(self.notebook.clone());
        self.rests = false;
        self.tell_save(&gone);
    }

    /// Takes back the cells from this one on, as far as they ran.
    fn go_back(&mut self, same: usize) -> GoneBack {
        if same == self.ran.len() {
            return GoneBack { cells: same, why: None };
        }
        let sink: Arc<dyn Sink> = Arc::new(Silent);
        let gone = self.evaluator.go_back(same, &sink).unwrap_or_else(|| GoneBack {
            cells: same,
            why: Some("this engine takes nothing back; the cells run on what is there".to_owned()),
        });
        if gone.cells == 0 {
            self.number = 0;
        }
        gone
    }

    fn tell_save(&self, gone: &GoneBack) {
        let (name, all) = (self.name(), self.runnable.len());
        let Some(next) = self.next() else {
            return self.say(&format!("── {name} was saved; no cell is to run"));
        };
        let (at, line) = (self.ran.len() + 1, next.source.lines().next().unwrap_or_default());
        self.say(&format!("── {name} was saved; from cell {at} of {all} on: {line}"));
        if let Some(why) = &gone.why {
            self.say(&format!("   {why}"));
        }
    }

    /// Runs the next cell.
    fn run_next(&mut self) {
        let Some(cell) = self.runnable.get(self.ran.len()) else { return };
        let Runnable { index, ref source, may_fail } = *cell;
        let source = source.clone();
        self.number += 1;
        let number = self.number;
        let sources = self.ran.iter().map(|ran| ran.source.clone()).chain([source.clone()]);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = sources.collect();
        self.shown.tell(&format!("Cell {} of {} runs.", self.ran.len() + 1, self.runnable.len()));
        self.collector.begin(index, number, &source);
        let sink: Arc<dyn Sink> = self.collector.clone();
        let cell = Cell { code: source.clone(), number, silent: false, allow_stdin: true };
        let (started, start) = (clock::now(), Instant::now());
        self.control.begin(self.options.timeout);
        let verdict = self.evaluator.execute(&cell, &sink);
        let ended = self.control.end();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let times = Times { started, ended: clock::now(), elapsed: start.elapsed() };
        let ok = !matches!(verdict, Verdict::Error(_));
        self.ended = verdict == Verdict::Quit || matches!(ended, StoppedBy::TimedOut { dead: true });
        if let Verdict::Error(error) = verdict {
            let limit = self.options.timeout.unwrap_or_default();
            let error = if ended == StoppedBy::ByItself { error } else { timed_out(error, limit) };
            self.collector.error(error);
        }
        self.collector.end(times.elapsed, ok);
        self.notebook.set_executed(index, number, &times);
        self.ran.push(Ran { index, source, number, times, passed: ok || may_fail });
        self.shown.put(self.notebook.clone());
    }

    /// Nothing runs: says so, once, and writes the notebook.
    fn rest(&mut self) {
        if std::mem::replace(&mut self.rests, true) {
            return;
        }
        let told = match self.ran.last() {
            Some(last) if !last.passed => format!("Cell {} of {} failed.", self.ran.len(), self.runnable.len()),
            _ if self.ended => "A cell ended the session.".to_owned(),
            _ => "All cells ran.".to_owned(),
        };
        self.shown.tell(&format!("{told} The next save of the file goes on."));
        if self.options.output.is_some() {
            self.write();
        }
        self.say(&format!("   waiting for {} to be saved; Ctrl-C ends", self.name()));
    }

    /// The executed notebook, as it is now.
    fn write(&self) {
        let mut notebook = self.notebook.clone();
        self.collector.copy_into(&mut notebook);
        if let Err(problem) = files::write(&self.files.output, &notebook.to_bytes()) {
            self.say(&format!("   {problem}"));
        }
    }
}

/// The cells of a notebook that are to run.
fn runnable(notebook: &Notebook) -> Vec<Runnable> {
    let cells = notebook.cells().into_iter().enumerate().filter(|(_, cell)| cell.skip.is_none());
    cells.map(|(index, cell)| Runnable { index, source: cell.source, may_fail: cell.may_fail }).collect()
}

/// What going back puts out is for nobody.
struct Silent;

impl Sink for Silent {}
