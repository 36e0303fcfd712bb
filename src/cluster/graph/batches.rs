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

/// Programs for some tasks of a plan, each after those that it needs: groups of tasks, and several groups of one level that
/// have the same code.
pub(super) fn programs(plan: &Plan<'_>, within: &[bool], threads: usize) -> Vec<Vec<u32>> {
    let Groups { groups, levels } = Groups::of(plan, within);
    let mut alike: BTreeMap<(u32, Vec<usize>), Vec<usize>> = BTreeMap::new();
    for (group, tasks) in groups.iter().enumerate() {
        let code = tasks.iter().map(|at| address(plan.tasks[*at as usize].kind)).collect();
        alike.entry((levels[group], code)).or_default().push(group);
    }
    let mut programs = Vec::new();
    for members in alike.values() {
        let parts = parts(plan, &groups[members[0]], members.len(), threads);
        for part in 0..parts {
            let (from, to) = (part * members.len() / parts, (part + 1) * members.len() / parts);
            programs.push(members[from..to].iter().flat_map(|group| groups[*group].iter().copied()).collect());
        }
    }
    programs
}

/// Tasks that run one after the other on one worker, and the longest way from a source to each group.
struct Groups {
    groups: Vec<Vec<u32>>,
    levels: Vec<u32>,
}

impl Groups {
    /// A chain joins the group that has all it needs, while the group is short. So only a group's first task needs others,
    /// and groups need each other in no circle: what the first task of one needs was found before it.
    fn of(plan: &Plan<'_>, within: &[bool]) -> Self {
        let chains = plan.chains(within);
        let whole = chains.iter().map(|chain| short(plan, chain)).sum::<Option<f64>>();
        let all_in_one = whole.is_some_and(|time| time <= WORTH);
        let mut found = Self { groups: Vec::new(), levels: Vec::new() };
        let mut times: Vec<Option<f64>> = Vec::new();
        let mut group_of = vec![u32::MAX; plan.len()];
        for chain in chains {
            let needs = plan.tasks[chain[0] as usize].tasks().iter().filter_map(|task| plan.index(task));
            let mut before: Vec<u32> = needs.filter(|at| within[*at]).map(|at| group_of[at]).collect();
            before.sort_unstable();
            before.dedup();
            let time = short(plan, &chain);
            let with = |group: u32| Some(times[group as usize]? + time?).filter(|time| *time <= WORTH);
            let joined = match before[..] {
                _ if all_in_one && !found.groups.is_empty() => Some((0, 0.0)),
                [only] => with(only).map(|time| (only, time)),
                _ => None,
            };
            let group = match joined {
                Some((group, time)) => {
                    times[group as usize] = Some(time);
                    group
                }
                None => {
                    let level = before.iter().map(|group| found.levels[*group as usize] + 1).max();
                    found.groups.push(Vec::new());
                    found.levels.push(level.unwrap_or(0));
                    times.push(time);
                    found.groups.len() as u32 - 1
                }
            };
            chain.iter().for_each(|at| group_of[*at as usize] = group);
            found.groups[group as usize].extend(chain);
        }
        found
    }
}

/// What tasks take one after the other, when that is known and their results are small.
fn short(plan: &Plan<'_>, tasks: &[u32]) -> Option<f64> {
    let cost = |at: &u32| known(plan.tasks[*at as usize].kind).filter(|cost| cost.bytes <= SMALL);
    tasks.iter().map(|at| cost(at).map(|cost| cost.nanoseconds)).sum()
}

/// Into how many programs so many equal groups are divided.
fn parts(plan: &Plan<'_>, group: &[u32], count: usize, threads: usize) -> usize {
    short(plan, group).map_or(count, |each| divided(each, count, threads))
}

fn divided(each: f64, count: usize, threads: usize) -> usize {
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
        assert_eq!(divided(100.0, 10_000, 4), 1, "a millisecond in all");
        assert_eq!(divided(10e3, 10_000, 4), 8, "0.1 s: each thread gets some");
        assert_eq!(divided(1e6, 10_000, 4), 200, "10 s: programs of 50 ms");
        assert_eq!(divided(1e9, 10, 4), 10, "never more than there are");
    }

    /// Each chain of each program stands after those that it needs, and all are there once.
    fn check(tasks: &[Task<u64, Here>]) -> usize {
        let nodes: Vec<_> = tasks.iter().map(|task| Arc::clone(task.node())).collect();
        let plan = Plan::new(&nodes, false);
        let within = vec![true; plan.len()];
        let programs = programs(&plan, &within, 2);
        let mut seen = vec![false; plan.len()];
        for program in &programs {
            let mut inside = seen.clone();
            for at in program {
                let needs = plan.tasks[*at as usize].tasks().iter().filter_map(|task| plan.index(task));
                needs.for_each(|needed| assert!(inside[needed], "it has not run"));
                inside[*at as usize] = true;
            }
            program.iter().for_each(|at| assert!(!std::mem::replace(&mut seen[*at as usize], true)));
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
        assert_eq!(check(std::slice::from_ref(&sum)), 1, "20 µs in all");
        plan.tasks.iter().for_each(|task| remember(task.kind, 1, 200_000, 32));
        assert_eq!(check(std::slice::from_ref(&sum)), 5, "40 ms: two programs for each thread, and the sum");
        plan.tasks.iter().for_each(|task| remember(task.kind, 1, 200_000, 1_000_000));
        assert_eq!(check(&[sum]), 101, "large results stay apart");
    }

    #[test]
    fn what_hangs_together_is_one_program_while_it_is_short() {
        let g = threads().quiet().graph();
        let diamond = |top: Task<u64, Here>| {
            let (left, right) = (top.then(|x| x + 1), top.then(|x| x + 2));
            g.join((&left, &right), |(a, b)| a + b)
        };
        let ends: Vec<_> = (0..8).map(|_| (0..5).fold(g.task(1, |x| x), |top, _| diamond(top))).collect();
        assert_eq!(check(&ends), 8 * 16, "of no known cost, nothing hangs together but chains");
        let nodes: Vec<_> = ends.iter().map(|task| Arc::clone(task.node())).collect();
        let plan = Plan::new(&nodes, false);
        // Each row takes 1.6 ms.
        plan.tasks.iter().for_each(|task| remember(task.kind, 1, 100_000, 8));
        assert_eq!(check(&ends), 2, "rows go together, two of four for each thread is what they are worth");
    }
}
