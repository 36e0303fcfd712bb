//! What the page of a watched notebook shows: the notebook with what its cells have put out so far, and a line on what
//! goes on. It knows nothing of requests.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ferrolab_base::text::escape;

use super::page::{PATIENCE, View};
use crate::run::collect::Collector;
use crate::run::files::RunFiles;
use crate::run::html;
use crate::run::notebook::Notebook;

/// While a cell runs, what it puts out is shown as often as this.
const MEANWHILE: Duration = Duration::from_secs(2);

struct Now {
    notebook: Notebook,
    /// What goes on.
    line: String,
    version: u64,
}

/// The notebook as it is shown.
pub(super) struct Shown {
    now: Mutex<Now>,
    changed: Condvar,
    collector: Arc<Collector>,
    stem: String,
    directory: PathBuf,
}

impl Shown {
    pub(super) fn new(notebook: Notebook, collector: Arc<Collector>, files: &RunFiles) -> Self {
        let now = Now { notebook, line: String::new(), version: 0 };
        let (stem, directory) = (files.stem.clone(), files.directory.clone());
        Self { now: Mutex::new(now), changed: Condvar::new(), collector, stem, directory }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // Nothing in here panics half way through a change.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Now)) {
        let mut now = self.now();
        change(&mut now);
        now.version += 1;
        self.changed.notify_all();
    }

    /// The notebook is another one, or a cell of it ended.
    pub(super) fn put(&self, notebook: Notebook) {
        self.change(|now| now.notebook = notebook);
    }

    /// Something else goes on.
    pub(super) fn tell(&self, line: &str) {
        self.change(|now| line.clone_into(&mut now.line));
    }
}

impl View for Shown {
    fn page(&self) -> (String, String) {
        let (mut notebook, line, version) = {
            let now = self.now();
            (now.notebook.clone(), now.line.clone(), now.version)
        };
        let changes = self.collector.changes();
        self.collector.copy_into(&mut notebook);
        let page = html::page(&notebook, &self.stem, &self.directory);
        let line = format!("<main>\n<p id=\"watch\" role=\"status\">{}</p>\n", escape(&line));
        (page.replacen("<main>\n", &line, 1), format!("{version}-{changes}"))
    }

    fn wait(&self, state: &str) -> bool {
        let began = Instant::now();
        let (version, changes) = state.split_once('-').unwrap_or((state, ""));
        let mut now = self.now();
        while began.elapsed() < PATIENCE {
            let put_out = began.elapsed() > MEANWHILE && self.collector.changes().to_string() != changes;
            if now.version.to_string() != version || put_out {
                return true;
            }
            now = self.changed.wait_timeout(now, MEANWHILE / 4).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }
}
