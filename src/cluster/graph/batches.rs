//! Which tasks of a graph go to Dask as one: chains always, and tasks of one level that have the same code, when they are known to
//! be short. Pure: it sees costs and shapes, and sends nothing.

use crate::graph::node::Kind;
use crate::graph::plan::Plan;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// What a program should take, in nanoseconds: long beside the cost of a Dask task, which is about a millisecond.
const TARGET: f64 = 50e6;
/// Work that is shorter than this is not spread for its own sake.
const WORTH: f64 = 5e6;
/// Programs of one level and code that each thread has at least, when there is work for them.
const EACH: usize = 2;
/// Results that are larger on average are not put together: who needs one would get all.
const SMALL: f64 = 65_536.0;
/// Code that as many tasks have is tried before they are sent, when its cost is not known.
const MANY: usize = 32;

/// What calls of one kind of task have cost, per call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    nanoseconds: f64,
    bytes: f64,
}

/// Costs that this session has seen, by the address of the code.
static COSTS: Mutex<BTreeMap<usize, Cost>> = Mutex::new(BTreeMap::new());

fn address(kind: &'static Kind) -> usize {
    std::ptr::from_ref(kind).addr()
}

/// Remembers what calls took.
pub(super) fn remember(kind: &'static Kind, calls: u64, nanoseconds: u64, bytes: u64) {
    if calls > 0 {
        let cost = Cost { nanoseconds: nanoseconds as f64 / calls as f64, bytes: bytes as f64 / calls as f64 };
        COSTS.lock().unwrap_or_else(PoisonError::into_inner).insert(address(kind), cost);
    }
}

/// What is known of the cost of a kind of task.
pub(super) fn known(kind: &'static Kind) -> Option<Cost> {
    COSTS.lock().unwrap_or_else(PoisonError::into_inner).get(&address(kind)).copied()
}

/// Tasks that are to be tried first, in order, with all that they need: some of each code that many have and whose cost is
/// not known. Empty when that would be a large part of all.
pub(super) fn pilot(plan: &Plan<'_>, threads: usize) -> Vec<u32> {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    plan.tasks.iter().for_each(|task| *counts.entry(address(task.kind)).or_default() += 1);
    counts.retain(|_, count| *count >= MANY);
    counts.values_mut().for_each(|left| *left = threads.clamp(2, 8));
    for task in &plan.tasks {
        if known(task.kind).is_some() {
            counts.remove(&address(task.kind));
        }
    }
    if counts.is_empty() {
        return Vec::new();
    }
    let mut chosen = vec![false; plan.len()];
    let most = (plan.len() / 4).max(MANY);
    let mut size = 0;
    for at in &plan.order {
        let Some(left) = counts.get_mut(&address(plan.tasks[*at as usize].kind)).filter(|left| **left > 0) else {
            continue;
        };
        let fresh = with_needs(plan, *at, &chosen);
        if size + fresh.len() > most {
            continue;
        }
        *left -= 1;
        size += fresh.len();
        fresh.iter().for_each(|at| chosen[*at as usize] = true);
    }
    plan.order.iter().copied().filter(|at| chosen[*at as usize]).collect()
}

/// A task and those that it needs, without those that were chosen before.
fn with_needs(plan: &Plan<'_>, at: u32, chosen: &[bool]) -> Vec<u32> {
    let (mut found, mut next) = (Vec::new(), vec![at]);
    while let Some(at) = next.pop() {
        if chosen[at as usize] || found.contains(&at) {
            continue;
        }
        found.push(at);
        next.extend(plan.tasks[at as usize].tasks().iter().filter_map(|task| plan.index(task)).map(|at| at as u32));
    }
    found
}

/// Programs for some tasks of a plan, each after those that it needs: chains, and groups of chains.
pub(super) fn programs(plan: &Plan<'_>, within: &[bool], threads: usize) -> Vec<Vec<Vec<u32>>> {
    let chains = plan.chains(within);
    let mut chain_of = vec![u32::MAX; plan.len()];
    for (chain, tasks) in chains.iter().enumerate() {
        tasks.iter().for_each(|at| chain_of[*at as usize] = chain as u32);
    }
    // Only a chain's first task needs others, and chains stand after those that they need.
    let mut level = vec![0u32; chains.len()];
    let mut groups: BTreeMap<(u32, Vec<usize>), Vec<usize>> = BTreeMap::new();
    for (chain, tasks) in chains.iter().enumerate() {
        let needs = plan.tasks[tasks[0] as usize].tasks().iter().filter_map(|task| plan.index(task));
        let before = needs.filter(|at| within[*at]).map(|at| level[chain_of[at] as usize] + 1);
        level[chain] = before.max().unwrap_or(0);
        let code = tasks.iter().map(|at| address(plan.tasks[*at as usize].kind)).collect();
        groups.entry((level[chain], code)).or_default().push(chain);
    }
    let mut programs = Vec::new();
    for members in groups.values() {
        let parts = parts(plan, &chains[members[0]], members.len(), threads);
        for part in 0..parts {
            let (from, to) = (part * members.len() / parts, (part + 1) * members.len() / parts);
            programs.push(members[from..to].iter().map(|chain| chains[*chain].clone()).collect());
        }
    }
    programs
}

/// Into how many programs so many equal chains are divided.
fn parts(plan: &Plan<'_>, chain: &[u32], count: usize, threads: usize) -> usize {
    let costs = chain.iter().map(|at| known(plan.tasks[*at as usize].kind)).collect::<Option<Vec<Cost>>>();
    let Some(costs) = costs else { return count };
    let last = costs.last().map_or(0.0, |cost| cost.bytes);
    divided(costs.iter().map(|cost| cost.nanoseconds).sum(), last, count, threads)
}

fn divided(each: f64, bytes: f64, count: usize, threads: usize) -> usize {
    if bytes > SMALL {
        return count;
    }
    let total = each * count as f64;
    let spread = ((total / WORTH) as usize).min(EACH * threads.max(1));
    ((total / TARGET).ceil() as usize).max(spread).clamp(1, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Graph, Here, Task};
    use crate::threads::threads;
    use std::sync::Arc;

    #[test]
    fn short_tasks_go_together_and_long_ones_alone() {
        assert_eq!(divided(100.0, 8.0, 10_000, 4), 1, "a millisecond in all");
        assert_eq!(divided(10e3, 8.0, 10_000, 4), 8, "0.1 s: each thread gets some");
        assert_eq!(divided(1e6, 8.0, 10_000, 4), 200, "10 s: programs of 50 ms");
        assert_eq!(divided(1e9, 8.0, 10, 4), 10, "never more than there are");
        assert_eq!(divided(100.0, 1e6, 100, 4), 100, "large results stay apart");
    }

    /// Each chain of each program stands after those that it needs, and all are there once.
    fn check(tasks: &[Task<u64, Here>]) -> usize {
        let nodes: Vec<_> = tasks.iter().map(|task| Arc::clone(task.node())).collect();
        let plan = Plan::new(&nodes, false);
        let within = vec![true; plan.len()];
        let programs = programs(&plan, &within, 2);
        let mut seen = vec![false; plan.len()];
        for program in &programs {
            for at in program.iter().flatten() {
                for needed in plan.tasks[*at as usize].tasks().iter().filter_map(|task| plan.index(task)) {
                    assert!(seen[needed] || program.iter().flatten().any(|other| *other as usize == needed));
                }
            }
            program.iter().flatten().for_each(|at| assert!(!std::mem::replace(&mut seen[*at as usize], true)));
        }
        assert!(seen.iter().all(|seen| *seen));
        programs.len()
    }

    fn squares(g: &Graph<Here>) -> Vec<Task<u64, Here>> {
        (0..100u64).map(|i| g.task(i, |i| i * i).then(|x| x + 1)).collect()
    }

    #[test]
    fn chains_and_levels_become_programs() {
        let g = threads().quiet().graph();
        let ends = squares(&g);
        let sum = g.join(&ends, |v| v.iter().sum::<u64>());
        assert_eq!(check(std::slice::from_ref(&sum)), 101, "of no known cost, each chain is one");
        let nodes = [Arc::clone(sum.node())];
        let plan = Plan::new(&nodes, false);
        let first = pilot(&plan, 2);
        assert_eq!(first.len(), 4, "two of each code, one of which needs the other");
        plan.tasks.iter().for_each(|task| remember(task.kind, 4, 400, 32));
        assert!(pilot(&plan, 2).is_empty());
        assert_eq!(check(&[sum]), 2);
    }
}
