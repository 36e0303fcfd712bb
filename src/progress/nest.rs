//! Which bar is around the code that runs: a bar that is made inside the loop of another one, on
//! the same thread, belongs below it.

use super::state::{Outcome, State};
use std::cell::RefCell;
use std::sync::{Arc, Weak};

thread_local! {
    /// Bars whose loops this thread is in, the innermost last. A loop that went on on another
    /// thread, and ended there, is found to have ended when it is looked at.
    static AROUND: RefCell<Vec<Weak<State>>> = const { RefCell::new(Vec::new()) };
}

fn with<T: Default>(act: impl FnOnce(&mut Vec<Weak<State>>) -> T) -> T {
    // A thread that ends has no loops any more.
    AROUND.try_with(|around| act(&mut around.borrow_mut())).unwrap_or_default()
}

/// The id of the bar around this code, 0 for none.
pub(super) fn current() -> u64 {
    with(|around| {
        while let Some(last) = around.last() {
            match last.upgrade().filter(|bar| bar.outcome() == Outcome::Running) {
                Some(bar) => return bar.id(),
                None => drop(around.pop()),
            }
        }
        0
    })
}

/// The loop of this bar begins on this thread.
pub(super) fn enter(bar: &Arc<State>) {
    // An iterator may be asked again after its end.
    if bar.outcome() == Outcome::Running {
        with(|around| around.push(Arc::downgrade(bar)));
    }
}

/// It has ended, or this thread's part of it.
pub(super) fn leave(bar: &State) {
    with(|around| {
        if let Some(at) = around.iter().rposition(|other| std::ptr::eq(other.as_ptr(), bar)) {
            around.remove(at);
        }
    });
}

/// A part of a bar's loop runs on this thread, until this is dropped.
#[derive(Debug)]
pub(crate) struct Inside(Arc<State>);

impl Inside {
    pub(crate) fn of(bar: &Arc<State>) -> Self {
        enter(bar);
        Self(Arc::clone(bar))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        leave(&self.0);
    }
}
