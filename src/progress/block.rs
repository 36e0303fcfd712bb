//! Bars that stand together: one display, in the order in which they were made, nested ones below
//! the bar around them. It decides who stands where and when the display is painted; it does not
//! count, and how a bar looks is [`super::render`]'s.

use super::render::bundle;
use super::sampler::{self, TICK};
use super::state::{Outcome, State};
use super::view::View;
use crate::display::MimeBundle;
use crate::rt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// More bars than this do not stand together: finished ones leave.
const MOST: usize = 40;

/// A line of the block.
#[derive(Debug)]
struct Slot {
    id: u64,
    parent: u64,
    depth: usize,
    place: &'static Location<'static>,
    /// The bar, for as long as it runs.
    bar: Option<Arc<State>>,
    /// As it was drawn last, or as it ended; nothing before it is due. What took a line over
    /// leaves there what it found until it is due itself, so that lines do not come and go.
    view: Option<View>,
    /// The view is this bar's own.
    seen: bool,
}

impl Slot {
    fn show(&mut self, bar: &State, now: Instant) {
        let mut view = bar.view(now);
        view.depth = self.depth;
        self.view = Some(view);
        self.seen = true;
    }

    /// It ended well, so another may take its place.
    fn is_over(&self) -> bool {
        let ended = self.view.as_ref().map(|view| view.outcome);
        self.bar.is_none() && !matches!(ended, Some(Outcome::Failed | Outcome::Interrupted))
    }
}

#[derive(Debug, Default)]
struct Inner {
    slots: Vec<Slot>,
    /// Its display, once it is shown.
    id: Option<String>,
    painted: Option<(Instant, MimeBundle)>,
    /// Something ended that is not painted yet.
    dirty: bool,
}

/// Bars that share a display.
#[derive(Debug, Default)]
pub(super) struct Block {
    inner: Mutex<Inner>,
}

impl Block {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a new bar its line.
    pub(super) fn join(&self, bar: &Arc<State>) {
        self.inner().join(bar);
    }

    /// The bars in it that run.
    pub(super) fn running(&self) -> Vec<Arc<State>> {
        self.inner().slots.iter().filter_map(|slot| slot.bar.clone()).collect()
    }

    /// Does a bar in it run?
    pub(super) fn is_running(&self) -> bool {
        self.inner().is_running()
    }

    /// Is there anything to paint, now or later?
    pub(super) fn is_alive(&self) -> bool {
        let inner = self.inner();
        inner.dirty || inner.is_running()
    }

    /// Does this very bar run in it?
    pub(super) fn holds(&self, id: u64) -> bool {
        self.inner().slots.iter().any(|slot| slot.id == id && slot.bar.is_some())
    }

    /// Paints what changed; the sampler calls it ten times a second.
    pub(super) fn sample(&self, now: Instant) {
        self.inner().paint(now);
    }

    /// A bar has ended. What is shown already is painted when it is due; a bar that nobody has
    /// seen is shown at once, so that it stands before what the cell prints next.
    pub(super) fn ended(&self, bar: &State) {
        let now = Instant::now();
        let mut inner = self.inner();
        let Some(at) = inner.slots.iter().position(|slot| slot.id == bar.id()) else {
            return;
        };
        let slot = &mut inner.slots[at];
        let nested = slot.depth > 0;
        slot.bar = None;
        if !slot.seen && !bar.visible(now) {
            if slot.view.is_none() {
                inner.slots.remove(at);
            }
            return;
        }
        slot.show(bar, now);
        inner.close(bar.id());
        inner.dirty = true;
        let due = match &inner.painted {
            None => !nested,
            Some((at, _)) => now.duration_since(*at) >= TICK || !sampler::is_running(),
        };
        if due {
            inner.paint(now);
        }
    }
}

impl Inner {
    fn is_running(&self) -> bool {
        self.slots.iter().any(|slot| slot.bar.is_some())
    }

    fn join(&mut self, bar: &Arc<State>) {
        let parent = self.slots.iter().position(|slot| slot.id == bar.parent() && slot.bar.is_some());
        let depth = parent.map_or(0, |at| self.slots[at].depth + 1);
        let mut slot = Slot {
            id: bar.id(),
            parent: parent.map_or(0, |_| bar.parent()),
            depth,
            place: bar.place(),
            bar: Some(Arc::clone(bar)),
            view: None,
            seen: false,
        };
        // A loop that starts again takes its own line over: the nested one of the last round, or,
        // side by side, the one made by the same line of code.
        let same = |old: &Slot| match depth {
            0 => old.depth == 0 && old.place == slot.place,
            _ => old.parent == slot.parent,
        };
        if let Some(at) = self.slots.iter().position(|old| old.is_over() && same(old)) {
            self.close(self.slots[at].id);
            slot.view = self.slots[at].view.take();
            self.slots[at] = slot;
            return;
        }
        let at = match parent {
            None => self.slots.len(),
            Some(parent) => {
                let below = self.slots[parent + 1..].iter().take_while(|slot| slot.depth >= depth).count();
                parent + 1 + below
            }
        };
        self.slots.insert(at, slot);
        while self.slots.len() > MOST {
            let Some(old) = self.slots.iter().position(Slot::is_over) else {
                break;
            };
            self.close(self.slots[old].id);
            self.slots.remove(old);
        }
    }

    /// What was nested in a bar that ended, and ended well itself, leaves.
    fn close(&mut self, id: u64) {
        let Some(at) = self.slots.iter().position(|slot| slot.id == id) else {
            return;
        };
        let depth = self.slots[at].depth;
        let end = at + 1 + self.slots[at + 1..].iter().take_while(|slot| slot.depth > depth).count();
        let mut index = 0;
        self.slots.retain(|slot| {
            let inside = index > at && index < end;
            index += 1;
            !(inside && slot.is_over())
        });
    }

    fn paint(&mut self, now: Instant) {
        if !rt::attached() {
            return;
        }
        for slot in &mut self.slots {
            if let Some(bar) = slot.bar.clone().filter(|bar| bar.visible(now)) {
                slot.show(&bar, now);
            }
        }
        let views: Vec<&View> = self.slots.iter().filter_map(|slot| slot.view.as_ref()).collect();
        self.dirty = false;
        if views.is_empty() {
            return;
        }
        let data = bundle(&views);
        if self.painted.as_ref().is_some_and(|(_, last)| *last == data) {
            return;
        }
        match &self.id {
            Some(id) => rt::update(data.clone(), "", id),
            None => {
                let id = rt::new_display_id();
                rt::show(data.clone(), "", Some(&id));
                self.id = Some(id);
            }
        }
        self.painted = Some((now, data));
    }
}

#[cfg(test)]
impl Block {
    /// Messages of the lines, indented by their depth, and what still runs.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |slot: &Slot| {
            let now = Instant::now();
            let view = slot.bar.as_ref().map(|bar| bar.view(now)).or_else(|| slot.view.clone());
            let mark = if slot.bar.is_some() { "*" } else { "" };
            format!("{}{}{mark}", " ".repeat(slot.depth), view.map(|view| view.message).unwrap_or_default())
        };
        self.inner().slots.iter().map(line).collect()
    }
}
