//! Where a session stands between two cells: what a cell did to its names is the difference of two such marks, and the
//! session can be taken back to one. Values are the runner's, and whether they are as they were is for others to know.

use super::{Engine, State};

/// What a session knew at some time.
#[derive(Debug, Clone, Default)]
pub struct Mark(State);

/// What has happened to variables between a mark and now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Names that are bound now, and were not, or to something else.
    pub bound: Vec<String>,
    /// Names that were bound and are not any more, or to something else.
    pub replaced: Vec<String>,
}

impl Mark {
    /// Are there statics? What they hold changes without any variable being touched.
    pub fn has_statics(&self) -> bool {
        self.0.items.live.iter().any(|item| !item.part.statics.is_empty())
    }

    /// Was this the name of a variable?
    pub fn knows(&self, name: &str) -> bool {
        self.0.variables.get(name).is_some()
    }
}

impl Engine {
    /// Where the session stands now.
    pub fn mark(&self) -> Mark {
        Mark(self.state.clone())
    }

    /// What has happened to variables since then.
    pub fn since(&self, mark: &Mark) -> Difference {
        let (before, now) = (&mark.0.variables, &self.state.variables);
        let bound = now.iter().filter(|(name, variable)| before.get(name) != Some(variable));
        let replaced = before.iter().filter(|(name, variable)| now.get(name) != Some(variable));
        Difference {
            bound: bound.map(|(name, _)| name.clone()).collect(),
            replaced: replaced.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Names and items become those of the mark again. The variables that have come since then are returned: the runner
    /// still holds them. Whether the values of the others are those of that time, the caller knows.
    pub fn return_to(&mut self, mark: &Mark) -> Vec<String> {
        let come = self.since(mark).bound.into_iter().filter(|name| !mark.knows(name)).collect();
        self.state = mark.0.clone();
        self.before = None;
        come
    }
}
