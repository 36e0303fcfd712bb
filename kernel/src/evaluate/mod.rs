//! Evaluating a cell: the engine compiles it, the runner runs it, its output goes to the sink. This
//! room joins those three and holds what belongs to none of them: the order of things, and what
//! the user is told when one fails. It knows no sockets and no rustc.

mod aftermath;
pub(crate) mod answers;
mod checking;
pub mod directives;
pub(crate) mod errors;
mod listener;
mod live;
mod preparing;
pub mod startup;
mod trail;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::output::Output;
use crate::runner::control::Control;
use crate::runner::host::{Config, End, Ended};
use answers::Answers;
use directives::{Directive, Plan};
use ferrolab_base::frame::{Command, Outcome, Protect, Restore};
use ferrolab_engine::check::Checker;
use ferrolab_engine::compile::Compiling;
use ferrolab_engine::edition::Edition;
use ferrolab_engine::environment::{self, Cache, Environment};
use ferrolab_engine::measured::Measure;
use ferrolab_engine::{Engine, Prepared};
use ferrolab_jupyter::session::evaluator::{Cell, CellError, Display, Evaluator, GoneBack, Insight, Sink, Verdict};
use ferrolab_system::limits;
use listener::CellListener;
use live::ReadySession;

/// What an evaluator is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// This executable, which is also the runner.
    pub executable: PathBuf,
    /// Threads for cells.
    pub granted: Granted,
    /// The environment to prepare.
    pub environment: environment::Options,
    /// The edition of cells.
    pub edition: Edition,
}

/// The threads that cells may use, as found when the kernel started.
#[derive(Debug, Clone)]
pub struct Granted {
    /// Threads to start with.
    pub threads: u32,
    /// The least of all limits; more threads than this share cores.
    pub limit: u32,
    /// Who decided: a variable, `affinity`, `cgroup`, or the machine.
    pub decided_by: String,
}

/// Stack of the thread that runs cells: as large as a deep recursion may want, committed only as
/// it is used.
const CELL_STACK: usize = 512 << 20;
/// Stack for reading a cell: deeply nested expressions recurse in every Rust parser.
const PARSE_STACK: usize = 512 << 20;
/// The number under which user expressions are compiled; no cell has it.
const EXPRESSION: u32 = u32::MAX;

/// Runs the cells of one session: the evaluator of the direct engine.
pub struct DirectEvaluator {
    options: Options,
    shared: Arc<Shared>,
    /// Engine and runner, once the environment is there.
    live: Option<ReadySession>,
    settings: Settings,
    /// rustc's code of the last error, for `:explain` alone.
    last_error: Option<String>,
    /// What earlier cells made and a failing cell took with it: threads, children, connections.
    gone: Vec<String>,
    /// Start-up files have had their turn.
    started: bool,
    /// They run now.
    starting: bool,
    /// What cells did, when someone wants to go back to before them.
    trail: Option<trail::Trail>,
}

/// What `:…` directives change.
#[derive(Debug, Clone)]
struct Settings {
    threads: u32,
    timing: bool,
    /// What the snapshot before a cell protects.
    protect: Protect,
    /// What a failure that leaves the process whole leads to.
    restore: Restore,
    /// Variables set with `:env`, for a runner that is started anew.
    environment: Vec<(String, String)>,
    /// `:offline`, once it was said.
    offline: Option<bool>,
}

impl Settings {
    /// Those of a session that begins.
    fn with(threads: u32) -> Self {
        Self {
            threads,
            timing: false,
            protect: Protect::Small,
            restore: Restore::Auto,
            environment: Vec::new(),
            offline: None,
        }
    }
}

/// What other threads use while a cell runs.
#[derive(Default)]
struct Shared {
    control: Arc<Control>,
    compiling: Arc<Compiling>,
    known: Mutex<answers::Known>,
    /// For checks that go on while a cell runs.
    checker: Mutex<Option<Checker>>,
    /// What there is at the start was prepared, or cannot be without a cell.
    prepared: AtomicBool,
    /// The check that goes on now.
    checking: Mutex<Option<Arc<Compiling>>>,
    usage: Mutex<answers::Meter>,
}

impl DirectEvaluator {
    /// An evaluator.
    pub fn new(options: Options) -> Self {
        let threads = options.granted.threads;
        let evaluator = Self {
            options,
            shared: Arc::default(),
            live: None,
            settings: Settings::with(threads),
            last_error: None,
            gone: Vec::new(),
            started: false,
            starting: false,
            trail: None,
        };
        evaluator.publish_names();
        evaluator
    }

    fn set_up(&mut self, environment: Environment) -> Result<(), CellError> {
        let cache = Cache::open_beside(&environment.options.sites).map_err(|e| errors::environment(&e))?;
        let mut engine =
            Engine::new(environment, &cache, self.shared.compiling.clone()).map_err(|e| errors::environment(&e))?;
        engine.set_edition(self.options.edition);
        let shelf = engine.shelf().clone();
        self.live = Some(ReadySession::with(engine));
        drop(std::thread::Builder::new().name("tidy".into()).spawn(move || shelf.tidy()));
        self.restart_runner()
    }

    /// A new runner, when a session is ready.
    fn restart_runner(&mut self) -> Result<(), CellError> {
        let Some(live) = &mut self.live else { return Ok(()) };
        self.gone.clear();
        let config = Config {
            executable: self.options.executable.clone(),
            libraries: live.engine.environment().libraries().map(PathBuf::from).collect(),
            threads: self.settings.threads,
            stack: limits::stack(CELL_STACK),
            environment: self.settings.environment.clone(),
        };
        live.restart(&config, &self.shared.control)
    }

    /// Everything a cell needs, made when it is not there.
    fn ready(&mut self, sink: &Arc<dyn Sink>) -> Result<&mut ReadySession, CellError> {
        if self.live.is_none() {
            let environment = preparing::prepare(&self.options.environment, sink, self.shared.compiling.flag())?;
            self.set_up(environment)?;
        }
        if !self.live.as_ref().is_some_and(ReadySession::is_running) {
            self.restart_runner()?;
        }
        self.live.as_mut().ok_or_else(|| errors::plain("Engine", "there is no engine"))
    }

    /// The engine, when a session is ready.
    fn engine(&self) -> Option<&Engine> {
        self.live.as_ref().map(|live| &live.engine)
    }

    fn evaluate(&mut self, cell: &Cell, sink: &Arc<dyn Sink>) -> Verdict {
        self.shared.compiling.reset();
        self.shared.control.arm();
        let plan = match directives::plan_with(&cell.code, &|name| self.knows(name)) {
            Ok(plan) => plan,
            Err(error) => return Verdict::Error(error),
        };
        if let Err(error) = self.start_up_before(&plan, sink) {
            return Verdict::Error(error);
        }
        let mut verdict = self.follow_plan(&plan, cell, sink);
        if let Verdict::Error(error) = &mut verdict {
            // Whatever it was in the middle of, also of compiling.
            if self.shared.control.ended() {
                *error = errors::session_ended();
            }
            errors::name_causes(error, "");
            self.remember_code(error);
        }
        self.publish_names();
        verdict
    }

    /// Is this the name of a variable or an item?
    fn knows(&self, name: &str) -> bool {
        self.engine().is_some_and(|e| e.variables().knows(name) || e.items().defines(name))
    }

    /// Start-up files have their turn before the first cell; one that loads them itself needs them only once.
    fn start_up_before(&mut self, plan: &Plan, sink: &Arc<dyn Sink>) -> Result<(), CellError> {
        let loads = |d: &Directive| matches!(d, Directive::Named { name, .. } if name == "load_config");
        if std::mem::replace(&mut self.started, true) || plan.directives().any(loads) {
            return Ok(());
        }
        self.start_up(sink)
    }

    fn remember_code(&mut self, error: &CellError) {
        let is_code = |number: &str| number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit());
        if error.name.strip_prefix('E').is_some_and(is_code) {
            self.last_error = Some(error.name.clone());
        }
    }

    /// Compile and run a text.
    fn run_code(&mut self, code: &Code<'_>, sink: &Arc<dyn Sink>) -> Result<CellFigures, CellError> {
        self.ready(sink)?;
        let started = std::time::Instant::now();
        let prepared = self.compile(code, sink)?;
        self.note_taken(&prepared.taken);
        let mut listener = CellListener::new(Output::new(sink.clone(), code.silent));
        prepared.notes.iter().for_each(|note| listener.output.note(note));
        let mut report = CellFigures { compiled: started.elapsed(), cached: prepared.cached, usage: None };
        let Some(object) = &prepared.object else {
            listener.output.finish();
            self.ready(sink)?.commit(prepared);
            self.note_ran();
            return Ok(report);
        };
        let ended = self.run((object, &prepared.needs), prepared.symbol, code, &mut listener, sink)?;
        listener.output.finish();
        report.usage = ended.usage;
        match ended.end {
            End::Said(Outcome::Ok) => self.ready(sink)?.commit(prepared),
            End::Said(Outcome::Returned) => self.returned(prepared, &ended.lost, code.number, &mut listener.output),
            _ => return Err(self.failed(&ended, &prepared.taken, listener)),
        }
        self.note_ran();
        Ok(report)
    }

    /// Compile a text, on a stack that deeply nested code needs.
    fn compile(&mut self, code: &Code<'_>, sink: &Arc<dyn Sink>) -> Result<Prepared, CellError> {
        let (text, shown): (Arc<str>, Arc<str>) = (code.text.into(), code.shown.into());
        let engine = &mut self.ready(sink)?.engine;
        let prepared = std::thread::scope(|scope| {
            let work = || engine.prepare_measured(code.number, &text, &shown, code.measure.clone());
            match std::thread::Builder::new().stack_size(limits::stack(PARSE_STACK)).spawn_scoped(scope, work) {
                Ok(thread) => thread
                    .join()
                    .map_err(|_| errors::plain("Engine", "the engine panicked on this cell; please report it")),
                Err(error) => Err(errors::plain("Engine", &format!("no thread for the engine: {error}"))),
            }
        })?;
        let prepared = prepared.map_err(errors::refused)?;
        if self.shared.compiling.cancelled() {
            return Err(errors::interrupted("before it ran"));
        }
        Ok(prepared)
    }

    /// Run a compiled text, and pass on what it puts out.
    fn run(
        &mut self,
        (object, needs): (&Path, &[PathBuf]),
        symbol: &str,
        code: &Code<'_>,
        listener: &mut CellListener,
        sink: &Arc<dyn Sink>,
    ) -> Result<Ended, CellError> {
        let command = Command::Run {
            path: object.to_string_lossy().into_owned(),
            needs: needs.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            symbol: symbol.to_owned(),
            cell: code.number,
            protect: self.settings.protect,
            restore: self.settings.restore,
            count: code.count,
        };
        let live = self.ready(sink)?;
        let ended = live.follow(&command, listener, sink)?;
        if ended.end != End::Said(Outcome::Panicked) {
            // The cell caught them, or they were on other threads: Rust prints those, so do we. What the cell's
            // error tells of is told there.
            let panics = std::mem::take(&mut listener.panics);
            let (told, others): (Vec<_>, Vec<_>) =
                panics.into_iter().partition(|panic| errors::tells_of(&ended, panic));
            for panic in others {
                listener.output.note(&errors::thread_panic(&live.engine, &panic));
            }
            listener.panics = told;
        }
        Ok(ended)
    }

    /// A `return` ended the cell well.
    fn returned(&mut self, prepared: Prepared, moved: &[String], number: u32, output: &mut Output) {
        let Some(live) = &mut self.live else { return };
        let unbound = live.commit_returned(prepared, moved, number);
        for (names, what) in [(unbound.as_slice(), "not bound for later cells"), (moved, "moved, and gone")] {
            if !names.is_empty() {
                output.note(&format!("the cell returned before its end; {what}: {}", names.join(", ")));
            }
        }
        output.finish();
    }

    /// What the user is told of a cell that failed, and what the session must forget. `taken` are the variables that
    /// the cell had in hand.
    fn failed(&mut self, ended: &Ended, taken: &[String], listener: CellListener) -> CellError {
        let CellListener { mut output, panics, said } = listener;
        self.note_failed(ended);
        let Some(live) = &mut self.live else { return errors::plain("Engine", "there is no engine") };
        let kept = aftermath::kept(ended, &aftermath::changeable(&live.engine, taken));
        let mut error = errors::ended(&live.engine, ended, &panics, &kept);
        // The last words of a process that died are on its standard error, already shown.
        errors::name_causes(&mut error, &String::from_utf8_lossy(&said));
        error.traceback.extend(aftermath::undone_outside(&live.engine, ended));
        error.traceback.extend(aftermath::went(ended, &self.gone));
        self.gone.extend(ended.went.iter().cloned());
        if matches!(ended.end, End::Vanished(_)) && live.engine.last_ran() {
            live.engine.undo();
        }
        if ended.gone {
            let lost = live.bury();
            if !lost.is_empty() && ended.end != End::Dismissed {
                output.note(&format!("the runner had no snapshot to return to; variables lost: {}", lost.join(", ")));
            }
        }
        for name in &ended.lost {
            live.engine.forget(name);
        }
        if let Some(lost) = aftermath::lost(ended) {
            output.note(&lost);
        }
        output.finish();
        error
    }

    fn publish_names(&self) {
        let Some(engine) = self.engine() else { return };
        *self.shared.known.lock().unwrap_or_else(PoisonError::into_inner) = answers::Known::of(engine);
        *self.shared.checker.lock().unwrap_or_else(PoisonError::into_inner) = Some(engine.checker());
    }
}

/// A text to compile and run.
struct Code<'a> {
    /// The cell's number.
    number: u32,
    text: &'a str,
    /// What errors show: the text as the user wrote it.
    shown: &'a str,
    silent: bool,
    /// Count its allocations.
    count: bool,
    measure: Option<Measure>,
}

impl<'a> Code<'a> {
    fn plain(cell: &Cell, text: &'a str) -> Self {
        Self { number: cell.number, text, shown: text, silent: cell.silent, count: false, measure: None }
    }
}

/// Figures of a cell that ran.
struct CellFigures {
    compiled: std::time::Duration,
    cached: bool,
    usage: Option<crate::runner::host::Usage>,
}

impl CellFigures {
    /// Both together, when this ran after another part of the same cell.
    fn after(self, before: Option<Self>) -> Self {
        let Some(before) = before else { return self };
        let usage = match (before.usage, self.usage) {
            (Some(first), Some(second)) => Some(second.after(&first)),
            (first, second) => second.or(first),
        };
        Self { compiled: before.compiled + self.compiled, cached: before.cached && self.cached, usage }
    }
}

impl Evaluator for DirectEvaluator {
    /// When the environment is in the cache, the runner is started at once; otherwise the first cell prepares it,
    /// where its progress can be seen.
    fn prepare(&mut self) {
        if let Ok(environment) = environment::cached(&self.options.environment) {
            // What goes wrong here goes wrong again, and is told, in the first cell.
            drop(self.set_up(environment));
        }
        self.publish_names();
        self.shared.prepared.store(true, Ordering::Release);
    }

    fn execute(&mut self, cell: &Cell, sink: &Arc<dyn Sink>) -> Verdict {
        self.begin_step(cell);
        let verdict = self.evaluate(cell, sink);
        self.end_step();
        verdict
    }

    fn remember(&mut self) {
        self.begin_trail();
    }

    fn go_back(&mut self, cells: usize, sink: &Arc<dyn Sink>) -> Option<GoneBack> {
        self.take_back(cells, sink)
    }

    fn expression(&mut self, code: &str) -> Result<Display, CellError> {
        let quiet = Arc::new(Quiet::default());
        let sink: Arc<dyn Sink> = quiet.clone();
        let code = Code { number: EXPRESSION, text: code, shown: code, silent: false, count: false, measure: None };
        self.run_code(&code, &sink)?;
        Ok(quiet.take().unwrap_or_default())
    }

    fn insight(&self) -> Arc<dyn Insight> {
        Arc::new(Answers::new(self.shared.clone()))
    }
}

/// A sink that keeps the result and drops the rest, for user expressions.
#[derive(Default)]
pub(crate) struct Quiet(Mutex<Option<Display>>);

impl Quiet {
    /// The result, if there was one.
    pub(crate) fn take(&self) -> Option<Display> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Sink for Quiet {
    fn result(&self, display: Display) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(display);
    }
}
