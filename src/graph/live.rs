//! What is seen of a graph while its tasks run: its drawing in the colours of their states, painted at most four times a
//! second where it stands, or a bar when there are many. The last picture stays in the notebook. It runs nothing.

use super::draw::Drawing;
use super::node::{Node, State};
use super::plan::Plan;
use crate::boxes::{MOST, framed};
use crate::display::escape;
use crate::progress::{self, Lane, Outcome, Painted};
use crate::rt;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Work that takes less is not drawn.
const APPEARS: Duration = Duration::from_millis(300);
/// Time between two pictures.
const TICK: Duration = Duration::from_millis(250);

/// Watches a plan that runs.
pub(crate) struct Watch {
    bar: Option<Arc<progress::State>>,
    picture: Option<Arc<Picture>>,
}

impl Watch {
    /// With the name of the work; without, nothing is shown.
    pub(crate) fn new(plan: &Plan<'_>, wanted: &[Arc<Node>], message: Option<String>) -> Self {
        let mut watch = Self { bar: None, picture: None };
        let Some(message) = message else { return watch };
        if !rt::attached() {
            return watch;
        }
        let Some(tasks) = all_of(wanted).filter(|_| plan.len() <= MOST) else {
            let what = if message.is_empty() { "a graph" } else { &message };
            watch.bar = Some(progress::called(what, || progress::State::automatic(plan.len() as u64, &message)));
            return watch;
        };
        let picture = Picture::new(tasks, message);
        progress::paint(Arc::clone(&picture) as Arc<dyn Painted>);
        watch.picture = Some(picture);
        watch
    }

    /// Is each task seen?
    pub(crate) fn draws(&self) -> bool {
        self.picture.is_some()
    }

    /// So many more tasks are done.
    #[inline]
    pub(crate) fn add(&self, tasks: u64) {
        if let Some(bar) = &self.bar {
            bar.add(tasks);
        }
    }

    /// Who does the work, elsewhere, and words about it.
    pub(crate) fn set_workers(&self, words: String, workers: Vec<Lane>) {
        if let Some(bar) = &self.bar {
            bar.set_message(words);
            bar.set_workers(workers);
        } else if let Some(picture) = &self.picture {
            picture.state().words = words;
        }
    }

    /// The plan has ended; only the first call counts.
    pub(crate) fn finish(&self, outcome: Outcome) {
        if let Some(bar) = &self.bar {
            bar.finish(outcome);
        }
        if let Some(picture) = &self.picture {
            picture.finish(outcome);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.finish(if rt::interrupted() { Outcome::Interrupted } else { Outcome::Failed });
    }
}

/// A drawing that changes.
pub(super) struct Picture {
    began: Instant,
    state: Mutex<Shown>,
}

struct Shown {
    /// As they are drawn; none when it has ended.
    tasks: Vec<Arc<Node>>,
    drawing: Option<Drawing>,
    words: String,
    /// Its display, once it is shown.
    id: Option<String>,
    painted: Option<(Instant, String)>,
}

impl Picture {
    fn new(tasks: Vec<Arc<Node>>, words: String) -> Arc<Self> {
        let state = Shown { tasks, drawing: None, words, id: None, painted: None };
        Arc::new(Self { began: Instant::now(), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, Shown> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, outcome: Outcome) {
        let mut state = self.state();
        if !state.tasks.is_empty() && self.began.elapsed() >= APPEARS {
            state.paint(self.began.elapsed(), outcome);
        }
        // Not within the lock: values that are dropped may do anything.
        let tasks = std::mem::take(&mut state.tasks);
        drop(state);
        drop(tasks);
    }
}

impl Painted for Picture {
    fn sample(&self, now: Instant) {
        let mut state = self.state();
        let due = state.painted.as_ref().is_none_or(|(at, _)| now.duration_since(*at) >= TICK);
        if !state.tasks.is_empty() && due && now.duration_since(self.began) >= APPEARS {
            state.paint(now.duration_since(self.began), Outcome::Running);
        }
    }

    fn is_alive(&self) -> bool {
        !self.state().tasks.is_empty()
    }
}

impl Shown {
    fn paint(&mut self, elapsed: Duration, outcome: Outcome) {
        let text = self.line(elapsed, outcome);
        // The layout is made when it is first seen: most graphs are done before that.
        let drawing = self.drawing.get_or_insert_with(|| Drawing::of_tasks(&self.tasks));
        drawing.set_states(self.tasks.iter().map(|task| task.state()));
        let html = framed(&format!("<div>{}</div>{}", escape(&text), drawing.svg()));
        if self.painted.as_ref().is_some_and(|(_, last)| *last == html) {
            return;
        }
        let data =
            vec![("text/html".to_owned(), html.clone().into_bytes()), ("text/plain".to_owned(), text.into_bytes())];
        match &self.id {
            Some(id) => rt::update(data, "", id),
            None => {
                let id = rt::new_display_id();
                rt::show(data, "", Some(&id));
                self.id = Some(id);
            }
        }
        self.painted = Some((Instant::now(), html));
    }

    /// `sums, 7 of 12 tasks done, 2 running, 00:03`.
    fn line(&self, elapsed: Duration, outcome: Outcome) -> String {
        let tasks = self.tasks.iter().filter(|task| !task.is_value());
        let states: Vec<State> = tasks.map(|task| task.state()).collect();
        let count = |wanted: &[State]| states.iter().filter(|state| wanted.contains(state)).count();
        let done = count(&[State::Done, State::Gone]);
        let mut words = vec![self.words.clone(), format!("{done} of {} tasks done", states.len())];
        let also = [(State::Running, "running"), (State::Failed, "failed"), (State::Skipped, "not run")];
        words.extend(
            also.iter()
                .map(|(state, word)| (count(&[*state]), word))
                .filter(|(n, _)| *n > 0)
                .map(|(n, word)| format!("{n} {word}")),
        );
        words.push(progress::clock(elapsed));
        if matches!(outcome, Outcome::Interrupted) {
            words.push("interrupted".to_owned());
        }
        words.retain(|word| !word.is_empty());
        words.join(", ")
    }
}

/// The tasks and all that they need, each after those that it needs; none when there are too many to draw.
fn all_of(wanted: &[Arc<Node>]) -> Option<Vec<Arc<Node>>> {
    let (mut seen, mut all) = (HashSet::new(), Vec::new());
    let mut stack: Vec<(&Arc<Node>, usize)> = Vec::new();
    for task in wanted {
        if seen.insert(Arc::as_ptr(task)) {
            stack.push((task, 0));
        }
        while let Some((task, next)) = stack.last_mut() {
            let Some(needed) = task.tasks().get(*next) else {
                all.push(Arc::clone(task));
                stack.pop();
                continue;
            };
            *next += 1;
            if seen.insert(Arc::as_ptr(needed)) {
                stack.push((needed, 0));
            }
            if seen.len() > MOST {
                return None;
            }
        }
    }
    Some(all)
}
