//! The operations that a dashboard tells of: those whose bars count in this notebook, running ones and the last that
//! ended. It counts nothing itself.

use crate::progress::{Outcome, State};
use std::sync::Arc;

/// Operations that are told.
const MOST: usize = 8;

/// An operation at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    pub(super) outcome: Outcome,
}

/// Operations in the order in which they began.
#[derive(Default)]
pub(super) struct Works {
    known: Vec<Arc<State>>,
    earlier: usize,
}

impl Works {
    /// These run now.
    pub(super) fn see(&mut self, running: Vec<Arc<State>>) {
        for work in running {
            if !self.known.iter().any(|known| Arc::ptr_eq(known, &work)) {
                self.known.push(work);
            }
        }
        while self.known.len() > MOST {
            let Some(ended) = self.known.iter().position(|work| work.outcome() != Outcome::Running) else { break };
            self.known.remove(ended);
            self.earlier += 1;
        }
    }

    /// What is told of each, and how many there are besides.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |work: &Arc<State>| Row {
            name: work.called(),
            done: work.done(),
            total: work.total(),
            outcome: work.outcome(),
        };
        self.known.iter().take(MOST).map(row).collect()
    }

    /// Those that ended before, and those that run and find no place.
    pub(super) fn earlier(&self) -> (usize, usize) {
        (self.earlier, self.known.len().saturating_sub(MOST))
    }
}
