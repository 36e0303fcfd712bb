"""Measures graphs of tasks on a Dask cluster beside dask.delayed with the same shape, on the same scheduler and workers, in one run;
and on threads, what tasks cost that do nothing, beside rayon's scope.

What is timed on our side runs in cells of a real kernel and is timed inside them: making the graph, and computing it, the first time and
again when costs are known. Results are compared. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import statistics
import sys
import time

import cells
import dask
from cluster import Outside, seconds

ROOT = pathlib.Path(__file__).resolve().parents[1]
SETUP = """
use std::time::{Duration, Instant};
fn nap(micros: u64) -> u64 {
    let end = Instant::now() + Duration::from_micros(micros);
    if micros > 200 { std::thread::sleep(Duration::from_micros(micros - 150)); }
    while Instant::now() < end { std::hint::spin_loop(); }
    micros
}
type Graphs = ferrolab::graph::Graph;
type Tasks = ferrolab::graph::Task<u64>;
fn apart(g: &Graphs, n: u64) -> Tasks {
    let all: Vec<_> = (0..n - 1).map(|i| g.task(i, |i| i * i)).collect();
    g.join(all, |v| v.iter().sum())
}
fn chains(g: &Graphs, n: u64) -> Tasks {
    let ends: Vec<_> = (0..n / 100).map(|i| (1..100).fold(g.task(i, |i| i), |last, _| last.then(|x| x + 1))).collect();
    g.join(ends, |v| v.iter().sum())
}
fn tree(g: &Graphs, n: u64) -> Tasks {
    let mut level: Vec<_> = (0..n / 2).map(|i| g.task(i, |i| i)).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| if pair.len() == 2 { g.join((&pair[0], &pair[1]), |(a, b)| a + b) } else { pair[0].clone() }).collect();
    }
    level.remove(0)
}
fn diamonds(g: &Graphs, n: u64) -> Tasks {
    let ends: Vec<_> = (0..n / 300).map(|i| (0..100).fold(g.task(i, |i| i), |top, _| {
        let (left, right) = (top.then(|x| x + 1), top.then(|x| x + 2));
        g.join((&left, &right), |(a, b)| (a + b) % 1000)
    })).collect();
    g.join(ends, |v| v.iter().sum())
}
fn naps(g: &Graphs, n: u64) -> Tasks {
    let all: Vec<_> = (0..n - 1).map(|_| g.task(1000u64, nap)).collect();
    g.join(all, |v| v.iter().sum())
}
"""


@dask.delayed(pure=False)
def square(x):
    return x * x


@dask.delayed(pure=False)
def same(x):
    return x


@dask.delayed(pure=False)
def plus(x, y):
    return x + y


@dask.delayed(pure=False)
def mixed(a, b):
    return (a + b) % 1000


@dask.delayed(pure=False)
def slept(micros):
    """As `nap` in the cells; here, because workers cannot import what stands beside this file."""
    end = time.perf_counter() + micros / 1e6
    time.sleep((micros - 150) / 1e6)
    while time.perf_counter() < end:
        pass
    return micros


total = dask.delayed(sum, pure=False)


def apart(n):
    return total([square(i) for i in range(n - 1)])


def chains(n):
    ends = []
    for i in range(n // 100):
        last = same(i)
        for _ in range(99):
            last = plus(last, 1)
        ends.append(last)
    return total(ends)


def tree(n):
    level = [same(i) for i in range(n // 2)]
    while len(level) > 1:
        level = [plus(*level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    return level[0]


def diamonds(n):
    ends = []
    for i in range(n // 300):
        top = same(i)
        for _ in range(100):
            top = mixed(plus(top, 1), plus(top, 2))
        ends.append(top)
    return total(ends)


def naps(n):
    return total([slept(1000) for _ in range(n - 1)])


SHAPES = {
    "apart": (apart, "tasks apart, and one that joins them"),
    "chains": (chains, "chains of 100"),
    "tree": (tree, "a tree of sums, two by two"),
    "diamonds": (diamonds, "rows of 100 diamonds"),
    "naps": (naps, "tasks of 1 ms, and one that joins them"),
}


def bench_cluster(kernel, client, tasks: int, repeat: int, say) -> list[str]:
    lines = ["| tasks | made | computed, new | again, costs known | dask.delayed | ratio |", "|---|---:|---:|---:|---:|---:|"]
    for name, (shape, words) in SHAPES.items():
        size = tasks if name != "naps" else tasks // 5
        peers, first, later, made = [], [], [], []
        for turn in range(repeat):
            say(f"{name}, {turn + 1} of {repeat}")
            begun = time.perf_counter()
            theirs = client.compute(shape(size)).result()
            peers.append(time.perf_counter() - begun)
            for times in (first, later):
                made.append(seconds(kernel, f"{{ let g = c.quiet().graph(); {name}(&g, {size}) }}"))
                kernel.ok(f"let g = c.quiet().graph(); let end = {name}(&g, {size});")
                times.append(seconds(kernel, "end.compute()?"))
                ours = int(kernel.ok("end.compute()?"))
                assert ours == theirs, (name, ours, theirs)
                kernel.ok("let (g, end) = ((), ());")
        one, again, peer = first[0], min(later), statistics.median(peers)
        lines.append(f"| {size:,} {words} | {min(made) * 1000:.0f} ms | {one:.2f} s | {again:.2f} s | {peer:.2f} s | {peer / one:.1f} ×, {peer / again:.1f} × |")
    return lines


def bench_threads(kernel, repeat: int, say) -> list[str]:
    """Tasks that do nothing, on the threads of the session, in nanoseconds each."""
    kernel.ok("type Unit = ferrolab::graph::Task<(), ferrolab::graph::Here>; type Local = ferrolab::graph::Graph<ferrolab::graph::Here>;")
    kernel.ok("""
fn empty_chains(g: &Local, n: usize) -> Vec<Unit> { (0..4).map(|_| (1..n / 4).fold(g.task((), |()| ()), |last, _| last.then(|()| ()))).collect() }
fn empty_fan(g: &Local, n: usize) -> Vec<Unit> { let root = g.task((), |()| ()); let all: Vec<Unit> = (2..n).map(|_| root.then(|()| ())).collect(); vec![g.join(all, |_| ())] }
fn empty_diamonds(g: &Local, n: usize) -> Vec<Unit> {
    let diamond = |top: Unit| { let (l, r) = (top.then(|()| ()), top.then(|()| ())); g.join((&l, &r), |((), ())| ()) };
    (0..16).map(|_| (0..n / 48).fold(g.task((), |()| ()), |top, _| diamond(top))).collect()
}
fn empty_apart(g: &Local, n: usize) -> Vec<Unit> { (0..n).map(|_| g.task((), |()| ())).collect() }
""")
    lines = ["| empty tasks on threads, each | made | run | `rayon::scope`, as many empty jobs |", "|---|---:|---:|---:|"]
    for size in (10_000, 1_000_000):
        scope = min(seconds(kernel, f"rayon::in_place_scope(|s| (0..{size}).for_each(|_| s.spawn(|_| {{}})))") for _ in range(repeat))
        for name, words in (("chains", "four chains"), ("fan", "one, then all others, then one"), ("diamonds", "16 rows of diamonds"), ("apart", "apart")):
            say(f"{size:,} {name}")
            made, run = [], []
            for _ in range(repeat):
                told = kernel.ok(
                    f"let begun = Instant::now(); let g = threads().quiet().graph(); let all = empty_{name}(&g, {size}); let made = begun.elapsed().as_secs_f64(); "
                    f"let begun = Instant::now(); g.persist(&all)?; let run = begun.elapsed().as_secs_f64(); drop(all); format!(\"{{made}} {{run}}\")"
                )
                a, b = map(float, told.strip('"').split())
                made.append(a)
                run.append(b)
            lines.append(f"| {size:,}, {words} | {min(made) / size * 1e9:.0f} ns | {min(run) / size * 1e9:.0f} ns | {scope / size * 1e9:.0f} ns |")
    return lines


BOUNDS = """What bounds it: a task costs Dask about a millisecond, nearly all of it in the scheduler's one thread of Python, whatever the task does. Chains
travel as one; what hangs together goes as one while it takes less than 5 ms, and tasks of one level with the same code go together, once it is known what
they take: of a kind that many tasks have, a few are tried first, which costs two round trips. So the ratio is not one of speed but of how many tasks Dask is
given, and it is small where tasks are long: 1 ms each leaves six times. What is left is writing programs, one round trip for each level, and the tasks
themselves. Each row's result is compared with Dask's. The scheduler, both workers and the notebook share two cores with other work."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the tasks")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/graph.md")
    options = parser.parse_args()
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {text}", file=sys.stderr, flush=True)

    repeat, tasks = (1, 1_200) if options.quick else (2, 10_200)
    outside = Outside()
    kernel = cells.start("ferrolab", FERROLAB_PYTHON=sys.executable)
    try:
        outside.grow("node", 2)
        outside.wait()
        kernel.ok(SETUP, timeout=600)
        kernel.ok(f'let c = Cluster::scheduler_file("{outside.file}")?; c.wait_for_workers(2)?;', timeout=120)
        outside.client.compute(apart(100)).result()
        lines = bench_cluster(kernel, outside.client, tasks, repeat, say)
        on_threads = bench_threads(kernel, 3, say)
    finally:
        kernel.close(check=False)
        outside.close()
    report = [
        "# Graphs of tasks",
        "",
        f"Measured by `benches/run graph{' --quick' if options.quick else ''}` on {datetime.date.today()}: {cells.cpu()}, {len(cells.cores())} cores (load {os.getloadavg()[0]:.1f} at the end), "
        f"{cells.rustc()}; Dask {dask.__version__}, Python {sys.version.split()[0]}; two workers of one thread. Cells' compilation is not in it; \"new\" is the first time that this code runs, "
        f"\"again\" the best of the next; dask.delayed is the median of {repeat}.",
        "",
        *lines,
        "",
        *on_threads,
        "",
        BOUNDS,
        "",
    ]
    options.output.write_text("\n".join(report))
    say(f"{options.output} is written")


if __name__ == "__main__":
    main()
