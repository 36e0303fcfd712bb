//! What tasks cost that do nothing, beside rayon's scope: `cargo test --release -p ferrolab --lib -- --ignored graph::tests::speed --nocapture`.

use crate::graph::{Graph, Here, Task};
use crate::threads::threads;
use std::time::Instant;

type Unit = Task<(), Here>;

fn chains(g: &Graph<Here>, tasks: usize) -> Vec<Unit> {
    let chain = |_| (1..tasks / 4).fold(g.task((), |()| ()), |last, _| last.then(|()| ()));
    (0..4).map(chain).collect()
}

fn fan_out(g: &Graph<Here>, tasks: usize) -> Vec<Unit> {
    let root = g.task((), |()| ());
    let leaves: Vec<Unit> = (2..tasks).map(|_| root.then(|()| ())).collect();
    vec![g.join(leaves, |_| ())]
}

fn diamonds(g: &Graph<Here>, tasks: usize) -> Vec<Unit> {
    let diamond = |top: Unit| {
        let (left, right) = (top.then(|()| ()), top.then(|()| ()));
        g.join((&left, &right), |((), ())| ())
    };
    (0..16).map(|_| (0..tasks / 48).fold(g.task((), |()| ()), |top, _| diamond(top))).collect()
}

fn apart(g: &Graph<Here>, tasks: usize) -> Vec<Unit> {
    (0..tasks).map(|_| g.task((), |()| ())).collect()
}

#[test]
#[ignore = "a measurement"]
fn tasks_that_do_nothing() {
    type Shape = (&'static str, fn(&Graph<Here>, usize) -> Vec<Unit>);
    let shapes: [Shape; 4] = [("chains", chains), ("fan-out", fan_out), ("diamonds", diamonds), ("apart", apart)];
    println!("{} threads; nanoseconds a task, the least of 5", threads().count());
    for tasks in [10_000, 1_000_000] {
        for (name, shape) in shapes {
            let (mut made, mut ran, mut dropped) = (f64::MAX, f64::MAX, f64::MAX);
            for _ in 0..5 {
                let g = threads().quiet().graph();
                let begun = Instant::now();
                let wanted = shape(&g, tasks);
                made = made.min(begun.elapsed().as_secs_f64());
                let begun = Instant::now();
                g.persist(&wanted).unwrap();
                ran = ran.min(begun.elapsed().as_secs_f64());
                let begun = Instant::now();
                drop(wanted);
                dropped = dropped.min(begun.elapsed().as_secs_f64());
            }
            let each = |time: f64| time * 1e9 / tasks as f64;
            println!(
                "{tasks:>9} {name:<9} made {:>5.0}, run {:>5.0}, dropped {:>5.0}",
                each(made),
                each(ran),
                each(dropped)
            );
        }
        let mut scope = f64::MAX;
        for _ in 0..5 {
            let begun = Instant::now();
            rayon::in_place_scope(|scope| (0..tasks).for_each(|_| scope.spawn(|_| {})));
            scope = scope.min(begun.elapsed().as_secs_f64());
        }
        println!("{tasks:>9} rayon::scope, apart: {:>5.0}", scope * 1e9 / tasks as f64);
    }
}
