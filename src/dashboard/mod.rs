//! Dashboards: one element that shows what a place where closures run does while cells run. Lanes of threads, memory, bytes moved,
//! operations, tasks by state; painted where it stands, at most four times a second, and its last frame stays in the
//! notebook. What happens at a place is its `Probe`'s business: threads have theirs here, a cluster brings its own.

mod draw;
mod frame;
mod history;
mod threads;
mod works;

pub(crate) use frame::{Frame, Memory, Share};
pub(crate) use threads::OfThreads;

use crate::progress::{self, Painted};
use crate::rt;
use draw::Facts;
use history::History;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use works::Works;

/// Time between two frames, at least.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// Painting, and asking, take at most one part in so many of the time.
pub(crate) const SHARE: u32 = 50;

/// Tells what a place does.
pub(crate) trait Probe: Send {
    /// A cell begins: what was before it is no time that counts.
    fn begin(&mut self);

    /// What happened since the last frame; nothing when it is not time for one, or no answer has come. The `last` one of a
    /// cell is waited for, for a moment.
    ///
    /// # Errors
    /// When there will be no more, in words.
    fn look(&mut self, last: bool) -> Result<Option<Frame>, String>;

    /// The cell has ended: nothing stays open that a copy of this process must not have.
    fn rest(&mut self);
}

/// What a dashboard says of its place besides frames.
pub(crate) struct About {
    /// There is one dashboard of each place: where it was shown last.
    pub(crate) key: String,
    pub(crate) title: String,
    /// The address of another one, that has more.
    pub(crate) link: Option<String>,
    /// What the two sorts of memory are.
    pub(crate) memory: [&'static str; 2],
}

struct Dashboard {
    key: String,
    state: Mutex<Shown>,
}

struct Shown {
    about: About,
    probe: Box<dyn Probe>,
    /// Its display.
    id: String,
    history: History,
    works: Works,
    frame: Frame,
    /// Why there will be no more frames.
    over: Option<String>,
    /// When it was painted, what, and how long that took.
    painted: Instant,
    html: String,
    took: Duration,
}

/// Those that are shown, one for each place.
static SHOWN: Mutex<Vec<Arc<Dashboard>>> = Mutex::new(Vec::new());

fn shown() -> MutexGuard<'static, Vec<Arc<Dashboard>>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shows the dashboard of a place here, from now on; one that was shown elsewhere stays as it is.
pub(crate) fn open(about: About, mut probe: Box<dyn Probe>) -> Result<(), String> {
    probe.begin();
    let frame = probe.look(true)?.unwrap_or_default();
    let key = about.key.clone();
    let (history, works, id) = (History::default(), Works::default(), rt::new_display_id());
    let mut state = Shown {
        about,
        probe,
        id,
        history,
        works,
        frame,
        over: None,
        painted: Instant::now(),
        html: String::new(),
        took: Duration::ZERO,
    };
    let (html, text) = state.drawn();
    rt::show(bundle(&html, text), "", Some(&state.id));
    state.html = html;
    if !rt::attached() {
        return Ok(());
    }
    let dashboard = Arc::new(Dashboard { key, state: Mutex::new(state) });
    let former = {
        let mut shown = shown();
        let at = shown.iter().position(|other| other.key == dashboard.key);
        let former = at.map(|at| shown.remove(at));
        shown.push(Arc::clone(&dashboard));
        former
    };
    if let Some(former) = former {
        former.state().over = Some("goes on below".to_owned());
        former.sample(Instant::now());
    }
    progress::paint(dashboard);
    Ok(())
}

/// A cell begins: dashboards of earlier ones go on. The runner calls this.
///
/// ```
/// ferrolab::dashboard::resume();
/// ```
pub fn resume() {
    let all: Vec<Arc<Dashboard>> = {
        let mut shown = shown();
        shown.retain(|dashboard| dashboard.is_alive());
        shown.clone()
    };
    for dashboard in all {
        dashboard.state().probe.begin();
        progress::paint(dashboard);
    }
}

fn bundle(html: &str, text: String) -> rt::MimeBundle {
    vec![("text/html".to_owned(), html.as_bytes().to_vec()), ("text/plain".to_owned(), text.into_bytes())]
}

impl Dashboard {
    fn state(&self) -> MutexGuard<'_, Shown> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Painted for Dashboard {
    fn sample(&self, now: Instant) {
        self.state().turn(now, false);
    }

    fn settle(&self, now: Instant) {
        let mut state = self.state();
        state.turn(now, true);
        state.probe.rest();
    }

    fn is_alive(&self) -> bool {
        self.state().over.is_none()
    }
}

impl Shown {
    fn turn(&mut self, now: Instant, last: bool) {
        self.works.see(progress::works());
        if self.over.is_none() {
            match self.probe.look(last) {
                Ok(Some(frame)) => {
                    self.history.add(frame.seconds, &frame.lanes);
                    self.frame = frame;
                }
                Ok(None) => {}
                Err(why) => self.over = Some(why),
            }
        }
        let pause = TICK.max(self.took * SHARE);
        if last || self.over.is_some() || now.duration_since(self.painted) >= pause {
            self.paint(now);
        }
    }

    fn paint(&mut self, now: Instant) {
        let begun = Instant::now();
        self.painted = now;
        let (html, text) = self.drawn();
        if html != self.html {
            rt::update(bundle(&html, text), "", &self.id);
            self.html = html;
        }
        self.took = begun.elapsed();
    }

    fn drawn(&self) -> (String, String) {
        let facts = Facts {
            about: &self.about,
            frame: &self.frame,
            history: &self.history,
            works: self.works.rows(),
            earlier: self.works.earlier(),
            over: self.over.as_deref(),
        };
        (facts.html(), facts.text())
    }
}
