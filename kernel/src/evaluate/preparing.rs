//! Preparing the environment where the user can see it: one display, updated in place.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::errors;
use crate::engine::environment::{self, Addition, DependencySet, Environment, Options, Progress};
use crate::session::evaluator::{CellError, Display, Sink};

/// At most this often is the display painted.
const PAINT: Duration = Duration::from_millis(100);

/// The base environment, built if need be.
pub(super) fn prepare(
    options: &Options,
    sink: &Arc<dyn Sink>,
    cancelled: &AtomicBool,
) -> Result<Environment, CellError> {
    let mut painter = Painter::new(sink, "Preparing the environment (once for this machine)");
    let result = environment::prepare(options, &mut |p| painter.paint(&p), cancelled);
    painter.finish(result.is_ok());
    result.map_err(|e| errors::environment(&e))
}

/// An environment with more dependencies.
pub(super) fn add(
    environment: &Environment,
    dependencies: &DependencySet,
    sink: &Arc<dyn Sink>,
    cancelled: &AtomicBool,
) -> Result<Addition, CellError> {
    let mut painter = Painter::new(sink, "Building dependencies");
    let result = environment::add(environment, dependencies, &mut |p| painter.paint(&p), cancelled);
    painter.finish(result.is_ok());
    result.map_err(|e| errors::environment(&e))
}

struct Painter<'a> {
    sink: &'a Arc<dyn Sink>,
    title: &'static str,
    id: String,
    started: Instant,
    last: Option<Instant>,
    shown: Progress,
}

impl<'a> Painter<'a> {
    fn new(sink: &'a Arc<dyn Sink>, title: &'static str) -> Self {
        let shown = Progress { done: 0, total: 0, what: String::new() };
        let now = Instant::now();
        let id = format!("ferrolab-preparing-{}-{:?}", std::process::id(), now);
        Self { sink, title, id, started: now, last: None, shown }
    }

    fn paint(&mut self, progress: &Progress) {
        self.shown = progress.clone();
        if self.last.is_some_and(|at| at.elapsed() < PAINT) {
            return;
        }
        self.show("var(--jp-brand-color1, #1976d2)", &progress.what);
    }

    fn finish(&mut self, ok: bool) {
        // Nothing was shown: it came from the cache.
        if self.last.is_none() {
            return;
        }
        let seconds = self.started.elapsed().as_secs_f64();
        if ok {
            self.shown.done = self.shown.total;
            self.show("var(--jp-success-color1, #388e3c)", &format!("done in {seconds:.1} s"));
        } else {
            self.show("var(--jp-error-color1, #d32f2f)", "stopped");
        }
    }

    fn show(&mut self, colour: &str, what: &str) {
        let (done, total) = (self.shown.done, self.shown.total);
        let share = if total == 0 { 0.0 } else { done as f64 / total as f64 };
        let count = if total == 0 { String::new() } else { format!(" {done}/{total}") };
        let cells = (share * 20.0).round() as usize;
        let text = format!("{}: [{}{}]{count} {what}", self.title, "█".repeat(cells), "·".repeat(20 - cells.min(20)));
        let html = format!(
            "<div role=\"progressbar\" aria-valuemin=\"0\" aria-valuemax=\"100\" aria-valuenow=\"{:.0}\" aria-label=\"{}\" style=\"font-family:var(--jp-code-font-family,monospace);font-size:var(--jp-code-font-size,13px)\">{}<div style=\"background:var(--jp-layout-color3,#bdbdbd);height:6px;border-radius:3px;max-width:40em;margin:4px 0\"><div style=\"background:{colour};height:6px;border-radius:3px;width:{:.1}%\"></div></div>{}{}</div>",
            share * 100.0,
            self.title,
            self.title,
            share * 100.0,
            count.trim_start(),
            escape(&format!(" {what}"))
        );
        let data = [("text/plain", text), ("text/html", html)]
            .into_iter()
            .map(|(m, v)| (m.to_owned(), Value::String(v)))
            .collect();
        let display = Display { data, display_id: Some(self.id.clone()), ..Display::default() };
        match self.last {
            None => self.sink.display(display),
            Some(_) => self.sink.update(display),
        }
        self.last = Some(Instant::now());
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
