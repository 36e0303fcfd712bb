//! What each cell did to the session, so that the session can go back to before one of them: by `:undo` when it was the
//! last, else by names, as far as it is known that no later cell can have changed what stays. Where that is not known it
//! goes back further, and at last to the beginning. What cells did outside of the session is not taken back.

use std::sync::Arc;

use super::directives::{self, Directive};
use super::{DirectEvaluator, Options, Settings, aftermath};
use crate::runner::host::Ended;
use ferrolab_engine::mark::Mark;
use ferrolab_jupyter::session::evaluator::{Cell, GoneBack, Sink};

/// Directives after which the session is as it was before.
const HARMLESS: [&str; 14] = [
    "vars",
    "type",
    "t",
    "items",
    "help",
    "h",
    "explain",
    "doc",
    "version",
    "engine",
    "show_deps",
    "show-deps",
    "time",
    "timeit",
];

/// What cells did since [`DirectEvaluator`] was asked to remember.
pub(super) struct Trail {
    steps: Vec<Step>,
    /// The cell that runs.
    now: Option<Step>,
    /// How the evaluator was made, for beginning anew.
    options: Options,
}

/// What one cell did.
struct Step {
    number: u32,
    /// Before it ran; none when there was no session yet.
    before: Option<Mark>,
    /// Names that it bound.
    binds: Vec<String>,
    /// Variables of earlier cells that it may have changed, moved or bound anew.
    changes: Vec<String>,
    /// How many texts it ran to their end.
    ran: usize,
    /// Something that cannot be taken back by names, in words that go on after `cell [1]`.
    beyond: Option<String>,
}

impl Trail {
    /// How many of the first cells stay as they are when all from `cells` on are taken back, and why not more.
    fn reach(&self, cells: usize) -> (usize, Option<String>) {
        let (mut kept, mut why) = (cells, None);
        loop {
            let mut further = kept;
            for step in &self.steps[kept..] {
                let number = step.number;
                if let Some(beyond) = &step.beyond {
                    return (0, Some(format!("cell [{number}] {beyond}")));
                }
                for name in &step.changes {
                    if let Some(at) = self.steps[..kept].iter().rposition(|step| step.binds.contains(name)) {
                        if at < further {
                            let binder = self.steps[at].number;
                            why =
                                Some(format!("cell [{number}] may have changed `{name}`, which cell [{binder}] made"));
                        }
                        further = further.min(at);
                    } else if self.steps[kept].before.as_ref().is_none_or(|before| before.knows(name)) {
                        return (0, Some(format!("cell [{number}] may have changed `{name}`")));
                    }
                }
            }
            if further == kept {
                return (kept, why);
            }
            kept = further;
        }
    }
}

impl DirectEvaluator {
    /// From now on.
    pub(super) fn begin_trail(&mut self) {
        self.trail = Some(Trail { steps: Vec::new(), now: None, options: self.options.clone() });
    }

    /// A cell is about to run.
    pub(super) fn begin_step(&mut self, cell: &Cell) {
        let before = self.engine().map(|engine| engine.mark());
        let Some(trail) = &mut self.trail else { return };
        let beyond = directives::plan(&cell.code).ok().and_then(|plan| {
            let changes =
                |d: &&Directive| matches!(d, Directive::Named { name, .. } if !HARMLESS.contains(&name.as_str()));
            plan.directives().find(changes).map(|directive| match directive {
                Directive::Named { name, .. } => format!("has `:{name}`, which changes more than variables"),
                _ => "has a directive".to_owned(),
            })
        });
        trail.now = Some(Step { number: cell.number, before, binds: Vec::new(), changes: Vec::new(), ran: 0, beyond });
    }

    /// A text of the cell was compiled; it has these variables in hand.
    pub(super) fn note_taken(&mut self, taken: &[String]) {
        let Some(engine) = self.live.as_ref().map(|live| &live.engine) else { return };
        let Some(step) = self.trail.as_mut().and_then(|trail| trail.now.as_mut()) else { return };
        step.changes.extend(aftermath::changeable(engine, taken));
    }

    /// A text of the cell ran to its end.
    pub(super) fn note_ran(&mut self) {
        if let Some(step) = self.trail.as_mut().and_then(|trail| trail.now.as_mut()) {
            step.ran += 1;
        }
    }

    /// It failed.
    pub(super) fn note_failed(&mut self, ended: &Ended) {
        let Some(step) = self.trail.as_mut().and_then(|trail| trail.now.as_mut()) else { return };
        if ended.gone || !ended.restored {
            step.beyond = Some("failed, and left the session changed".to_owned());
        } else if !ended.shared.is_empty() {
            step.changes.extend(ended.shared.iter().cloned());
        } else if step.ran == 0 {
            // All is as it was.
            step.changes.clear();
        }
    }

    /// The cell is over.
    pub(super) fn end_step(&mut self) {
        let difference = match (&self.trail, &self.live) {
            (Some(Trail { now: Some(Step { before: Some(mark), .. }), .. }), Some(live)) => live.engine.since(mark),
            (Some(_), Some(live)) => live.engine.since(&Mark::default()),
            _ => Default::default(),
        };
        let Some(trail) = &mut self.trail else { return };
        let Some(mut step) = trail.now.take() else { return };
        step.binds = difference.bound;
        step.changes.extend(difference.replaced);
        trail.steps.push(step);
    }

    /// Takes back all cells but the first ones, and as many more as that needs.
    pub(super) fn take_back(&mut self, cells: usize, sink: &Arc<dyn Sink>) -> Option<GoneBack> {
        if self.trail.as_ref()?.steps.len() <= cells {
            return Some(GoneBack { cells: self.trail.as_ref()?.steps.len(), why: None });
        }
        self.undo_last(cells, sink);
        let trail = self.trail.as_ref()?;
        if trail.steps.len() <= cells {
            return Some(GoneBack { cells: trail.steps.len(), why: None });
        }
        let (kept, why) = trail.reach(cells);
        let mark = trail.steps[kept].before.clone();
        let Some(mark) = mark.filter(|_| kept > 0) else { return Some(self.begin_anew(why)) };
        if mark.has_statics() {
            let why = "there are statics, and what they hold may have changed".to_owned();
            return Some(self.begin_anew(Some(why)));
        }
        if !self.live.as_ref().is_some_and(|live| live.is_running()) {
            return Some(self.begin_anew(why));
        }
        if let Some(live) = &mut self.live {
            live.return_to(&mark);
        }
        self.trail.as_mut()?.steps.truncate(kept);
        self.publish_names();
        Some(GoneBack { cells: kept, why })
    }

    /// `:undo` brings back values that were changed, which names alone cannot: it is tried for the last cell that did
    /// something. Those behind it did nothing.
    fn undo_last(&mut self, cells: usize, sink: &Arc<dyn Sink>) {
        loop {
            let Some(last) = self.trail.as_ref().and_then(|trail| trail.steps[cells..].last()) else { return };
            if last.beyond.is_some() || last.ran > 1 {
                return;
            }
            let idle = last.ran == 0 && last.changes.is_empty() && last.binds.is_empty();
            let undone = if idle { None } else { self.undo(sink).ok() };
            if !idle && undone.is_none() {
                return;
            }
            let Some(trail) = &mut self.trail else { return };
            let Some(mut last) = trail.steps.pop() else { return };
            let Some(undone) = undone else { continue };
            // Large data is not copied before a cell: what it changed there is changed still.
            last.changes.retain(|name| undone.shared.contains(name));
            if !last.changes.is_empty() {
                last.binds.clear();
                trail.steps.push(last);
            }
            return self.publish_names();
        }
    }

    /// A session like the first: no variables, no items, no settings of cells.
    fn begin_anew(&mut self, why: Option<String>) -> GoneBack {
        let Some(trail) = &mut self.trail else { return GoneBack::default() };
        trail.steps.clear();
        self.options = trail.options.clone();
        self.settings = Settings::with(self.options.granted.threads);
        self.live = None;
        self.last_error = None;
        self.gone.clear();
        self.started = false;
        self.publish_names();
        GoneBack { cells: 0, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrolab_engine::environment;

    fn step(number: u32, binds: &[&str], changes: &[&str]) -> Step {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let before = Some(Mark::default());
        Step { number, before, binds: names(binds), changes: names(changes), ran: 1, beyond: None }
    }

    fn reach(steps: Vec<Step>, cells: usize) -> (usize, Option<String>) {
        let granted = super::super::Granted { threads: 1, limit: 1, decided_by: String::new() };
        let options = Options {
            executable: "/".into(),
            granted,
            environment: environment::Options::default(),
            edition: Default::default(),
        };
        Trail { steps, now: None, options }.reach(cells)
    }

    #[test]
    fn what_later_cells_only_read_stays() {
        let steps = vec![step(1, &["data"], &[]), step(2, &["sum"], &[]), step(3, &[], &[])];
        assert_eq!(reach(steps, 1), (1, None));
    }

    #[test]
    fn a_changed_variable_is_made_again() {
        let steps = || vec![step(1, &["a"], &[]), step(2, &["v"], &[]), step(3, &["x"], &[]), step(4, &[], &["v"])];
        let (kept, why) = reach(steps(), 2);
        assert_eq!(kept, 1);
        assert_eq!(why.as_deref(), Some("cell [4] may have changed `v`, which cell [2] made"));
        // and what the cells between changed, too
        let mut more = steps();
        more[2].changes.push("a".to_owned());
        assert_eq!(reach(more, 2).0, 0);
        assert_eq!(reach(steps(), 1).0, 1, "what is made after the place does not count");
    }

    #[test]
    fn what_is_beyond_names_begins_anew() {
        let mut steps = vec![step(1, &["a"], &[]), step(2, &[], &[]), step(3, &[], &[])];
        steps[2].beyond = Some("has `:dep`, which changes more than variables".to_owned());
        let (kept, why) = reach(steps, 1);
        assert_eq!((kept, why.as_deref()), (0, Some("cell [3] has `:dep`, which changes more than variables")));
    }
}
