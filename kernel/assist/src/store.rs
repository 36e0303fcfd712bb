//! Handles: what a tool has said in part can be asked for in whole. The newest are kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::outcome::Outcome;

/// How many outcomes are kept.
const KEPT: usize = 32;
/// Characters that one answer has.
pub(crate) const PAGE: usize = 8_000;

/// The outcome of a cell, perhaps one that runs still.
#[derive(Default)]
pub(crate) struct Run {
    outcome: Mutex<Outcome>,
    pub(crate) ended: Notify,
}

impl Run {
    pub(crate) fn outcome(&self) -> MutexGuard<'_, Outcome> {
        // Nothing panics half way through a change of it.
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept, by handle.
#[derive(Default)]
pub(crate) struct Store {
    runs: Mutex<Runs>,
}

#[derive(Default)]
struct Runs {
    /// How many there were.
    count: u64,
    /// The newest, with their handles.
    newest: VecDeque<(String, Arc<Run>)>,
}

impl Store {
    /// A new one, and its handle.
    pub(crate) fn begin(&self) -> (String, Arc<Run>) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.count += 1;
        let (handle, run) = (format!("r{}", runs.count), Arc::new(Run::default()));
        runs.newest.push_back((handle.clone(), run.clone()));
        if runs.newest.len() > KEPT {
            runs.newest.pop_front();
        }
        (handle, run)
    }

    /// The one of this handle; the newest when none is named.
    pub(crate) fn find(&self, handle: Option<&str>) -> Option<(String, Arc<Run>)> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        match handle {
            Some(handle) => runs.newest.iter().find(|(known, _)| known == handle).cloned(),
            None => runs.newest.back().cloned(),
        }
    }
}

/// A stretch of a text from a character on, and the character at which the rest begins.
pub(crate) fn page(text: &str, from: usize, most: usize) -> (String, Option<usize>) {
    let shown: String = text.chars().skip(from).take(most).collect();
    let next = from + shown.chars().count();
    let rest = text.chars().nth(next).is_some();
    (shown, rest.then_some(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_given_in_pages() {
        assert_eq!(page("αβγδ", 0, 2), ("αβ".to_owned(), Some(2)));
        assert_eq!(page("αβγδ", 2, 2), ("γδ".to_owned(), None));
        assert_eq!(page("αβ", 9, 2), (String::new(), None));
        let store = Store::default();
        let (first, _) = store.begin();
        (0..KEPT).for_each(|_| drop(store.begin()));
        assert!(store.find(Some(&first)).is_none() && store.find(None).is_some());
    }
}
