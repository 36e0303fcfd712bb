//! What of a graph is to be run for some of its tasks: those without a result, who waits for whom, and which chains of
//! them are one. It runs nothing.

use super::node::{Node, State};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Tasks that are to be run.
#[derive(Debug)]
pub(crate) struct Plan<'g> {
    /// As they were found; a task's index is its place here.
    pub(crate) tasks: Vec<&'g Arc<Node>>,
    /// Indices of them, each after those that it needs.
    pub(crate) order: Vec<u32>,
    /// How many of those that each needs are in the plan.
    pub(crate) missing: Vec<u32>,
    /// Where each one's dependents begin in `dependents`; one more at the end.
    starts: Vec<u32>,
    dependents: Vec<u32>,
}

impl<'g> Plan<'g> {
    /// All that is to be run for these, and `done` ones too where `all` is wanted, for a drawing.
    pub(crate) fn new(wanted: &'g [Arc<Node>], all: bool) -> Self {
        let mut plan = Self {
            tasks: Vec::new(),
            order: Vec::new(),
            missing: Vec::new(),
            starts: Vec::new(),
            dependents: Vec::new(),
        };
        plan.collect(wanted, all);
        plan.connect(all);
        plan
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The index of a task that is in the plan.
    pub(crate) fn index(&self, task: &Arc<Node>) -> Option<usize> {
        let at = task.mark.load(Ordering::Relaxed) as usize;
        self.tasks.get(at).is_some_and(|known| Arc::ptr_eq(known, task)).then_some(at)
    }

    /// The tasks that need the result of this one, as often as they do.
    pub(crate) fn dependents(&self, at: usize) -> &[u32] {
        &self.dependents[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    fn find(&mut self, task: &'g Arc<Node>, all: bool) -> u32 {
        if !all {
            // Before its needs are looked at: from now on nobody takes those that are done.
            task.hold();
            task.set_state(State::Waiting);
        }
        let at = u32::try_from(self.tasks.len()).expect("fewer than 4 billion tasks");
        task.mark.store(at, Ordering::Relaxed);
        self.tasks.push(task);
        at
    }

    /// Depth first, with a stack of our own: a chain may be a million tasks long.
    fn collect(&mut self, wanted: &'g [Arc<Node>], all: bool) {
        let mut stack: Vec<(u32, u32)> = Vec::new();
        for task in wanted {
            if self.index(task).is_none() && (all || !task.is_done()) {
                stack.push((self.find(task, all), 0));
            }
            while let Some((at, next)) = stack.last_mut() {
                let task: &'g Arc<Node> = self.tasks[*at as usize];
                let Some(needed) = task.tasks().get(*next as usize) else {
                    self.order.push(*at);
                    stack.pop();
                    continue;
                };
                *next += 1;
                if (all || !needed.is_done()) && self.index(needed).is_none() {
                    stack.push((self.find(needed, all), 0));
                }
            }
        }
    }

    fn connect(&mut self, all: bool) {
        let count = self.tasks.len();
        self.missing = vec![0; count];
        self.starts = vec![0; count + 1];
        let edges = |plan: &Self, see: &mut dyn FnMut(usize, usize)| {
            for (at, task) in plan.tasks.iter().enumerate() {
                // What is done is not in a plan to run, unless it was given up since: then it is.
                for needed in task.tasks().iter().filter(|needed| all || !needed.is_done()) {
                    if let Some(needed) = plan.index(needed) {
                        see(at, needed);
                    }
                }
            }
        };
        let (mut missing, mut starts) = (vec![0; count], vec![0u32; count + 1]);
        edges(self, &mut |at, needed| {
            missing[at] += 1;
            starts[needed + 1] += 1;
        });
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let mut room = starts.clone();
        let mut dependents = vec![0; starts[count] as usize];
        edges(self, &mut |at, needed| {
            dependents[room[needed] as usize] = at as u32;
            room[needed] += 1;
        });
        (self.missing, self.starts, self.dependents) = (missing, starts, dependents);
    }

    /// Some of the tasks in chains, in an order in which each chain comes after those that it needs. A task continues the chain
    /// of the one that it needs when it needs no other, no other needs that one, and nobody holds its result.
    pub(crate) fn chains(&self, within: &[bool]) -> Vec<Vec<u32>> {
        let mut chain_of = vec![u32::MAX; self.len()];
        let mut chains: Vec<Vec<u32>> = Vec::new();
        for at in self.order.iter().filter(|at| within[**at as usize]) {
            let task = self.tasks[*at as usize];
            let before = match task.tasks() {
                [only] => self.index(only).filter(|before| within[*before] && self.is_link(*before)),
                _ => None,
            };
            let chain = match before {
                Some(before) => chain_of[before],
                None => {
                    chains.push(Vec::new());
                    chains.len() as u32 - 1
                }
            };
            chain_of[*at as usize] = chain;
            chains[chain as usize].push(*at);
        }
        chains
    }

    /// Its result goes to the one task that needs it, and to nobody else.
    fn is_link(&self, at: usize) -> bool {
        self.dependents(at).len() == 1 && self.tasks[at].users() == 1
    }
}
