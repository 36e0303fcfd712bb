//! Preparing the environment where the user can see it: one display, updated in place.

use ferrolab_base::text::escape;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::errors;
use ferrolab_engine::environment::{self, Addition, DependencySet, Environment, Options, Progress};
use ferrolab_jupyter::session::evaluator::{CellError, Display, Sink, Stream};

/// This often is the display painted.
const PAINT: Duration = Duration::from_millis(200);

/// The base environment, built if need be.
pub(super) fn prepare(
    options: &Options,
    sink: &Arc<dyn Sink>,
    cancelled: &AtomicBool,
) -> Result<Environment, CellError> {
    let painter = Painter::new(sink, "Preparing the environment (once for this machine)");
    let result = environment::prepare(options, &mut |p| painter.paint(&p), cancelled);
    let built = painter.finish(result.is_ok());
    if let Ok(environment) = &result {
        tell_lacks(sink, built, environment);
    }
    result.map_err(|e| errors::environment(&e))
}

/// An environment with the same crates for another processor, which workers of a cluster have. Nothing of it runs here.
pub(super) fn elsewhere(
    here: &Environment,
    processor: &str,
    sink: &Arc<dyn Sink>,
    cancelled: &AtomicBool,
) -> Result<Environment, CellError> {
    let options = Options { target_cpu: processor.to_owned(), ..here.options.clone() };
    let painter = Painter::new(sink, "Preparing the environment of workers with other processors");
    let made = environment::elsewhere(here, &options, &mut |p| painter.paint(&p), cancelled);
    painter.finish(made.is_ok());
    made.map_err(|e| errors::environment(&e))
}

/// Says once, when it was built, what an environment is without.
fn tell_lacks(sink: &Arc<dyn Sink>, built: bool, environment: &Environment) {
    for lack in environment.lacks.iter().filter(|_| built) {
        sink.stream(Stream::Stderr, &format!("note: {lack}\n"));
    }
}

/// An environment with more dependencies.
pub(super) fn add(
    environment: &Environment,
    dependencies: &DependencySet,
    sink: &Arc<dyn Sink>,
    cancelled: &AtomicBool,
) -> Result<Addition, CellError> {
    let painter = Painter::new(sink, "Building dependencies");
    let result = environment::add(environment, dependencies, &mut |p| painter.paint(&p), cancelled);
    let built = painter.finish(result.is_ok());
    if let Ok(addition) = &result {
        tell_lacks(sink, built, &addition.environment);
    }
    result.map_err(|e| errors::environment(&e))
}

/// Paints on a thread of its own, so that time goes on while a crate takes long.
struct Painter {
    display: Arc<Mutex<Shown>>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

struct Shown {
    sink: Arc<dyn Sink>,
    title: &'static str,
    id: String,
    started: Instant,
    /// None until something happens: what comes from the cache shows nothing.
    progress: Option<Progress>,
    painted: bool,
}

impl Painter {
    fn new(sink: &Arc<dyn Sink>, title: &'static str) -> Self {
        let started = Instant::now();
        let id = format!("ferrolab-preparing-{}-{started:?}", std::process::id());
        let shown = Shown { sink: sink.clone(), title, id, started, progress: None, painted: false };
        let display = Arc::new(Mutex::new(shown));
        let (stop, stopped) = channel();
        let painted = display.clone();
        let paint = move || {
            while stopped.recv_timeout(PAINT) == Err(RecvTimeoutError::Timeout) {
                lock(&painted).running();
            }
        };
        // Without a thread there is no bar, and everything else works.
        let thread = std::thread::Builder::new().name("preparing".into()).spawn(paint).ok();
        Self { display, stop, thread }
    }

    fn paint(&self, progress: &Progress) {
        let mut display = lock(&self.display);
        display.progress = Some(progress.clone());
        if !display.painted {
            display.running();
        }
    }

    /// The last word; whether there was anything to show.
    fn finish(mut self, ok: bool) -> bool {
        // A thread that is not there needs no word.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            // A painter that panicked has nothing left to paint.
            drop(thread.join());
        }
        let mut display = lock(&self.display);
        display.finish(ok);
        display.painted
    }
}

fn lock(display: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    display.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shown {
    fn running(&mut self) {
        let Some(progress) = self.progress.clone() else { return };
        let what = format!("{} ({:.0} s)", progress.what, self.started.elapsed().as_secs_f64());
        self.show(&progress, "var(--jp-brand-color1, #1976d2)", &what);
    }

    fn finish(&mut self, ok: bool) {
        let Some(mut progress) = self.progress.clone() else { return };
        if ok {
            progress.done = progress.total;
            let what = format!("done in {:.1} s", self.started.elapsed().as_secs_f64());
            self.show(&progress, "var(--jp-success-color1, #388e3c)", &what);
        } else {
            self.show(&progress, "var(--jp-error-color1, #d32f2f)", "stopped");
        }
    }

    fn show(&mut self, progress: &Progress, colour: &str, what: &str) {
        let (done, total) = (progress.done, progress.total);
        let share = if total == 0 { 0.0 } else { (done as f64 / total as f64).min(1.0) };
        let count = if total == 0 { String::new() } else { format!(" {done}/{total}") };
        let cells = (share * 20.0).round() as usize;
        let text = format!("{}: [{}{}]{count} {what}", self.title, "█".repeat(cells), "·".repeat(20 - cells));
        let html = format!(
            "<div role=\"progressbar\" aria-valuemin=\"0\" aria-valuemax=\"100\" aria-valuenow=\"{:.0}\" aria-label=\"{}\" style=\"font-family:var(--jp-code-font-family,monospace);font-size:var(--jp-code-font-size,13px)\">{}<div style=\"background:var(--jp-layout-color3,#bdbdbd);height:6px;border-radius:3px;max-width:40em;margin:4px 0\"><div style=\"background:{colour};height:6px;border-radius:3px;width:{:.1}%\"></div></div>{}{}</div>",
            share * 100.0,
            self.title,
            self.title,
            share * 100.0,
            count.trim_start(),
            escape(&format!(" {what}"))
        );
        let data = [("text/plain", text), ("text/html", html)];
        let data = data.into_iter().map(|(mime, text)| (mime.to_owned(), Value::String(text))).collect();
        let display = Display { data, display_id: Some(self.id.clone()), ..Display::default() };
        if std::mem::replace(&mut self.painted, true) {
            self.sink.update(display);
        } else {
            self.sink.display(display);
        }
    }
}
