//! What is answered while a cell runs: completion, inspection, "is this complete?", interrupts,
//! and what the session's processes use.

mod prelude;

use std::fs;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::{Shared, checking, directives};
use ferrolab_engine::Engine;
use ferrolab_engine::check::Checker;
use ferrolab_engine::insight::{self, Names, Variable};
use ferrolab_engine::source::CHECKED;
use ferrolab_engine::variables::short_type;
use ferrolab_jupyter::session::evaluator::{Completeness, Completion, Completions, Insight, Usage};

/// How long a check waits for a session that begins.
const PREPARING: Duration = Duration::from_secs(60);

/// Implements the session's questions.
pub(super) struct Answers {
    shared: Arc<Shared>,
}

impl Answers {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A copy of the session for a check. At the session's start it waits for what is being prepared.
    fn checker(&self) -> Option<Checker> {
        let begun = Instant::now();
        loop {
            let prepared = self.shared.prepared.load(Ordering::Acquire);
            let checker =
                self.shared.checker.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Checker::again);
            if checker.is_some() || prepared || begun.elapsed() > PREPARING {
                return checker;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn names(&self) -> Names {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner).names()
    }
}

/// What a session knows, as texts: reading items is put off until somebody asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    variables: Vec<Variable>,
    items: String,
    crates: Vec<String>,
}

impl Known {
    /// Of an engine as it is now.
    pub(super) fn of(engine: &Engine) -> Self {
        let variables = engine.variables().iter();
        let variables = variables.map(|(name, v)| Variable { name: name.clone(), type_text: short_type(&v.type_text) });
        let late = engine.variables().late().flat_map(|late| &late.names);
        let late = late.map(|name| Variable { name: name.clone(), type_text: "_".to_owned() });
        let variables: Vec<Variable> = variables.into_iter().chain(late).collect();
        let items: Vec<&str> = engine.items().each().map(|(_, text)| text).collect();
        let crates = engine.environment().externs.iter().map(|(name, _)| name.clone()).collect();
        Self { variables, items: items.join("\n"), crates }
    }

    /// With items read.
    pub(super) fn names(&self) -> Names {
        let mut names = Names {
            variables: self.variables.clone(),
            crates: self.crates.clone(),
            directives: directives::help(),
            prelude: prelude::items().to_vec(),
            ..Names::default()
        };
        add_items(&mut names, &self.items);
        names
    }
}

impl Known {
    /// For programs.
    fn data(&self) -> Value {
        let variables = self.variables.iter().map(|v| json!({"name": v.name, "type": v.type_text}));
        let items: Vec<String> = self.names().items.iter().map(|item| item.signature.clone()).collect();
        json!({"variables": variables.collect::<Vec<Value>>(), "items": items, "crates": self.crates})
    }
}

/// Enter the items of a text; what cannot be read has no completions.
pub(super) fn add_items(names: &mut Names, text: &str) {
    let Ok(file) = syn::parse_file(text) else { return };
    file.items.iter().for_each(|item| names.add(text, item));
    proc_macro2::extra::invalidate_current_thread_spans();
}

/// The names of a session as they are now.
pub(super) fn names(engine: Option<&Engine>) -> Names {
    engine.map(Known::of).unwrap_or_default().names()
}

impl Insight for Answers {
    fn complete(&self, code: &str, cursor: usize) -> Completions {
        completions(insight::complete(&self.names(), code, cursor))
    }

    fn inspect(&self, code: &str, cursor: usize, detail: u8) -> Option<Map<String, Value>> {
        insight::inspect(&self.names(), code, cursor, detail).map(inspection)
    }

    fn is_complete(&self, code: &str) -> Completeness {
        completeness(code)
    }

    fn state(&self) -> Option<Value> {
        Some(self.shared.known.lock().unwrap_or_else(PoisonError::into_inner).data())
    }

    fn check(&self, code: &str) -> Option<Value> {
        let Some(checker) = self.checker() else { return Some(checking::not_ready()) };
        *self.shared.checking.lock().unwrap_or_else(PoisonError::into_inner) = Some(checker.compiling());
        Some(checking::check(checker, CHECKED, code).data())
    }

    fn interrupt(&self) {
        self.shared.compiling.cancel();
        self.shared.control.interrupt();
    }

    fn shutdown(&self) {
        self.shared.compiling.cancel();
        if let Some(checking) = &*self.shared.checking.lock().unwrap_or_else(PoisonError::into_inner) {
            checking.cancel();
        }
        self.shared.control.end();
    }

    fn usage(&self) -> Usage {
        Meter::usage(&self.shared.usage, self.shared.control.pid())
    }
}

/// Completions in the session's form.
pub(crate) fn completions(found: insight::Completions) -> Completions {
    let matches =
        found.matches.into_iter().map(|m| Completion { text: m.text, kind: m.kind.to_owned(), signature: m.signature });
    Completions { start: found.start, end: found.end, matches: matches.collect() }
}

/// A description by MIME type.
pub(crate) fn inspection(found: insight::Description) -> Map<String, Value> {
    let data = [("text/plain", found.plain), ("text/markdown", found.markdown)];
    data.into_iter().map(|(mime, text)| (mime.to_owned(), Value::String(text))).collect()
}

/// Is this text a whole cell?
pub(crate) fn completeness(code: &str) -> Completeness {
    match insight::is_complete(code, &directives::is_raw) {
        insight::Completeness::Complete => Completeness::Complete,
        insight::Completeness::Incomplete { indent } => Completeness::Incomplete { indent },
        insight::Completeness::Invalid => Completeness::Invalid,
    }
}

/// CPU time at the last question.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    last: Option<(Instant, u64)>,
}

impl Meter {
    /// What this process and the one that holds the variables (0 when there is none) use now.
    pub(crate) fn usage(meter: &Mutex<Self>, pid: u32) -> Usage {
        let own = std::process::id();
        let mut meter = meter.lock().unwrap_or_else(PoisonError::into_inner);
        let processes = [own, pid];
        let ticks: u64 = processes.iter().filter_map(|p| cpu_ticks(*p)).sum();
        let cpu_percent = meter.percent(ticks);
        let memory_bytes = processes.iter().filter_map(|p| resident(*p)).sum();
        Usage { cpu_percent, memory_bytes, pid: if pid == 0 { own } else { pid } }
    }

    fn percent(&mut self, ticks: u64) -> f64 {
        let now = Instant::now();
        let last = self.last.replace((now, ticks));
        let Some((then, before)) = last else { return 0.0 };
        // SAFETY: a plain query.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1) as f64;
        let elapsed = now.duration_since(then).as_secs_f64().max(1e-3);
        100.0 * ticks.saturating_sub(before) as f64 / per_second / elapsed
    }
}

fn cpu_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

fn resident(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    // SAFETY: a plain query.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1) as u64;
    Some(statm.split(' ').nth(1)?.parse::<u64>().ok()? * page)
}
