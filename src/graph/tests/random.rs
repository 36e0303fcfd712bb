//! Random graphs beside the same functions called one after the other.

use crate::graph::{Graph, Here, Task};
use crate::threads::threads;
use proptest::prelude::*;

/// A task of a random graph: what it needs among those before it, by kind of call.
#[derive(Debug, Clone)]
enum Step {
    Value(u64),
    Task(u64),
    Then(usize),
    Join(Vec<usize>),
    Pair(usize, usize),
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<u64>().prop_map(Step::Value),
        any::<u64>().prop_map(Step::Task),
        any::<usize>().prop_map(Step::Then),
        proptest::collection::vec(any::<usize>(), 0..6).prop_map(Step::Join),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Step::Pair(a, b)),
    ];
    proptest::collection::vec(step, 1..most)
}

fn mix(a: u64, b: u64) -> u64 {
    (a ^ b.rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn serial(steps: &[Step]) -> Vec<u64> {
    let mut all: Vec<u64> = Vec::new();
    for step in steps {
        let n = all.len();
        let next = match step {
            Step::Value(x) => *x,
            Step::Task(x) => mix(*x, 1),
            Step::Then(_) | Step::Pair(..) if n == 0 => 7,
            Step::Then(a) => mix(all[a % n], 2),
            Step::Pair(a, b) => mix(all[a % n], all[b % n]),
            Step::Join(list) => list.iter().filter(|_| n > 0).fold(3, |sum, a| mix(sum, all[a % n])),
        };
        all.push(next);
    }
    all
}

fn made(g: &Graph<Here>, steps: &[Step]) -> Vec<Task<u64, Here>> {
    let mut all: Vec<Task<u64, Here>> = Vec::new();
    for step in steps {
        let n = all.len();
        let next = match step {
            Step::Value(x) => g.value(*x),
            Step::Task(x) => g.task(*x, |x| mix(x, 1)),
            Step::Then(_) | Step::Pair(..) if n == 0 => g.value(7),
            Step::Then(a) => all[a % n].then(|a| mix(*a, 2)),
            Step::Pair(a, b) => g.join((&all[a % n], &all[b % n]), |(a, b)| mix(*a, *b)),
            Step::Join(list) => {
                let list: Vec<_> = list.iter().filter(|_| n > 0).map(|a| all[a % n].clone()).collect();
                g.join(list, |list| list.iter().fold(3, |sum, a| mix(sum, *a)))
            }
        };
        all.push(next);
    }
    all
}

proptest! {
    #[test]
    fn any_graph_gives_what_calls_in_order_give(steps in steps(120), wanted in proptest::collection::vec(any::<usize>(), 1..5)) {
        let expected = serial(&steps);
        let g = threads().quiet().graph();
        let mut tasks = made(&g, &steps);
        let wanted: Vec<usize> = wanted.iter().map(|at| at % tasks.len()).collect();
        // With all handles, so that results stay.
        let some: Vec<_> = wanted.iter().map(|at| tasks[*at].clone()).collect();
        prop_assert_eq!(g.compute(&some), Ok(wanted.iter().map(|at| expected[*at]).collect()));
        for at in wanted.iter().step_by(2) {
            tasks[*at].forget().unwrap();
        }
        // With those of a few alone, so that others are freed and made again.
        let last = tasks.pop().unwrap();
        drop(tasks);
        prop_assert_eq!(last.compute(), Ok(expected[expected.len() - 1]));
        prop_assert_eq!(g.compute(&some), Ok(wanted.iter().map(|at| expected[*at]).collect()));
    }
}
