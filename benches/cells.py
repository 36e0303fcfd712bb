"""Measures ferrolab and evcxr_jupyter side by side and prints a Markdown report.

Both are driven by the tests' dummy frontend, in turns, so that a disturbance of the machine hits
both. Times are from sending execute_request to reading idle. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import datetime
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support import process  # noqa: E402
from support.frontend import Kernel  # noqa: E402

KINDS = ("ferrolab", "evcxr")
# name -> a cell that is new with each number, so that no cache has it. What a cell declares has a name that no cell before had,
# and what is only tried is in a block: to declare a variable anew can cost the peer a second compilation.
CELLS = {
    "`1 + 1`": lambda n: f"{n} + 1",
    "let": lambda n: f"let bench_let_{n} = {n};",
    "use of a variable": lambda n: f"bench_v.len() + {n}",
    "change of a variable": lambda n: f"bench_v.push({n});",
    "function": lambda n: f"fn bench_f_{n}(x: u64) -> u64 {{ x * {n} }}",
    "call of a function": lambda n: f"bench_g({n})",
    "struct": lambda n: f"#[derive(Debug, Clone)] struct BenchS{n} {{ a: u64, b: [f64; {n % 100 + 1}] }}",
    "HashMap": lambda n: f'{{ let mut m = std::collections::HashMap::new(); m.insert({n}u64, "text".to_string()); m.len() }}',
    "HashSet and VecDeque": lambda n: (
        f"{{ let mut seen = std::collections::HashSet::new(); let mut todo = std::collections::VecDeque::from([{n}u64]); "
        "while let Some(x) = todo.pop_front() { if seen.insert(x) && seen.len() < 10 { todo.push_back(x / 2); } } seen.len() }"
    ),
    "iterator chain": lambda n: f"(0..1000u64).filter(|x| x % {n + 2} == 0).map(|x| x * x).sum::<u64>()",
    "println": lambda n: f'println!("{{}}", {n});',
}
SETUP = "let mut bench_v: Vec<u64> = vec![1, 2, 3];", "fn bench_g(x: u64) -> u64 { x + 7 }"
RAYON = lambda n: f"use rayon::prelude::*; (0..1_000_000u64).into_par_iter().map(|x| x ^ {n}).sum::<u64>()"  # noqa: E731
# what `1 + 1` is without a kernel: the smallest program that prints it
PROGRAM = 'fn main() {{ println!("{{:?}}", {n} + 1); }}'


def timed(kernel: Kernel, code: str) -> float:
    """Milliseconds from execute_request to idle; the cell must succeed."""
    begun = time.perf_counter()
    kernel.ok(code, timeout=300)
    return (time.perf_counter() - begun) * 1000


def bare_rustc(n: int, folder: pathlib.Path, emit: str) -> float:
    """Milliseconds of one run of rustc that makes that program, or only its object, with the options that cells have."""
    source = folder / "cell.rs"
    source.write_text(PROGRAM.format(n=n))
    command = ["rustc", "--edition=2024", "-Copt-level=3", "-Ctarget-cpu=native", f"--emit={emit}", "-o", folder / f"cell.{emit}", source]
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000


def start(kind: str, **env) -> Kernel:
    return Kernel(kind, timeout=300, **env)


def bench_cells(repeat: int, say) -> tuple[dict, dict, dict, int]:
    """New cells, the same cells again, and rustc without a kernel; the last is the number that their texts began with."""
    kernels = {kind: start(kind) for kind in KINDS}
    fresh = {kind: {name: [] for name in CELLS} for kind in KINDS}
    again = {kind: {name: [] for name in CELLS} for kind in KINDS}
    bare = {emit: [] for emit in ("link", "obj")}
    # numbers no earlier run has used, else the cell cache on disk would know them; they fit an i32
    base = int(time.time()) % 2_000_000 * 1000
    for kernel in kernels.values():
        for cell in SETUP:
            kernel.ok(cell, timeout=300)
        # the first cells of a session are measured elsewhere
        for make in CELLS.values():
            kernel.ok(make(base), timeout=300)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(1, repeat + 1):
            say(f"cells, round {i} of {repeat}")
            for name, make in CELLS.items():
                for kind in KINDS if i % 2 else KINDS[::-1]:
                    fresh[kind][name].append(timed(kernels[kind], make(base + i)))
                    again[kind][name].append(timed(kernels[kind], make(base + i)))
                if name == "`1 + 1`":
                    for emit, times in bare.items():
                        times.append(bare_rustc(base + i, pathlib.Path(folder), emit))
    for kernel in kernels.values():
        kernel.close(check=False)
    return fresh, again, bare, base


def bench_rayon(repeat: int, base: int, say) -> dict:
    """A parallel sum; the peer needs the crate first."""
    times = {kind: [] for kind in KINDS}
    kernels = {kind: start(kind) for kind in KINDS}
    say("rayon sum")
    kernels["evcxr"].ok(':dep rayon = "1"', timeout=600)
    for kernel in kernels.values():
        kernel.ok(RAYON(base), timeout=300)
    for i in range(1, repeat + 1):
        for kind in KINDS:
            times[kind].append(timed(kernels[kind], RAYON(base + i)))
    for kernel in kernels.values():
        kernel.close(check=False)
    return times


def bench_start(repeat: int, say) -> tuple[dict, dict, dict]:
    """Process start to kernel_info_reply; the first cell and a later one."""
    info, first, later = ({kind: [] for kind in KINDS} for _ in range(3))
    for i in range(repeat):
        say(f"start, round {i + 1} of {repeat}")
        for kind in KINDS:
            kernel = Kernel(kind, timeout=300, wait=False)
            kernel.reply(kernel.send("kernel_info_request", {}))
            info[kind].append((time.monotonic() - kernel.started) * 1000)
            kernel.wait_ready()
            unique = time.time_ns() % 1_000_000_000
            first[kind].append(timed(kernel, f"{unique} + 1"))
            later[kind].append(statistics.median(timed(kernel, f"{unique} + {k}") for k in range(2, 5)))
            kernel.close(check=False)
    return info, first, later


def bench_memory(say) -> dict:
    """Memory of the whole process tree, idle after 20 cells."""
    say("memory")
    found = {}
    for kind in KINDS:
        kernel = start(kind)
        for cell in SETUP:
            kernel.ok(cell, timeout=300)
        for make in CELLS.values():
            kernel.ok(make(1), timeout=300)
        for i in range(20 - len(SETUP) - len(CELLS)):
            kernel.ok(f"{i} + 1", timeout=300)
        time.sleep(2)
        found[kind] = process.memory(kernel.process.pid)
        kernel.close(check=False)
    return found


def bench_lines(count: int, say) -> dict:
    """Start of a cell that prints many lines, to idle."""
    found = {}
    for kind in KINDS:
        say(f"{count} printed lines: {kind}")
        kernel = start(kind)
        kernel.ok("1 + 1", timeout=300)
        begun = time.perf_counter()
        story = kernel.run(f'for i in 0..{count} {{ println!("line {{i}}"); }}', timeout=600)
        # the peer also has a result here: ()
        story.finish()
        found[kind] = (time.perf_counter() - begun) * 1000
        lines = story.printed().count("\n")
        assert lines == count, f"{kind}: {lines} of {count} lines"
        kernel.close(check=False)
    return found


def bench_restart(say) -> dict:
    """The same cells in a second session: what a cache is for."""
    times = {kind: [] for kind in KINDS}
    base = int(time.time()) % 2_000_000 * 1000 + 500
    for session in (1, 2):
        say(f"restart, session {session}")
        for kind in KINDS:
            kernel = start(kind)
            cells = [*SETUP, *(make(base) for make in CELLS.values())]
            found = [timed(kernel, cell) for cell in cells]
            if session == 2:
                # the first cell of a session also starts the runner, and is measured elsewhere
                times[kind] = found[1:]
            # what is written to the cache behind the user's back is given time
            time.sleep(2)
            kernel.close(check=False)
    return times


def geometric(values: list[float]) -> float:
    return math.exp(statistics.fmean(math.log(v) for v in values))


def report(repeat: int, lines: int, say) -> str:
    """Runs everything; returns Markdown."""
    median = statistics.median
    fresh, again, bare, base = bench_cells(repeat, say)
    rayon = bench_rayon(max(3, repeat // 2), base, say)
    info, first, later = bench_start(max(3, repeat // 3), say)
    restart, memory, printed = bench_restart(say), bench_memory(say), bench_lines(lines, say)
    out = [
        "# Ferrolab beside evcxr_jupyter",
        "",
        f"Measured by `benches/run` on {datetime.date.today()}: {cpu()}, {len(cores())} cores, {rustc()}. "
        f"Medians of {repeat} repetitions, in turns; times from execute_request to idle, in milliseconds.",
        "",
        "| cell, new text each time | ferrolab | evcxr | ratio |",
        "|---|---:|---:|---:|",
    ]
    ratios = []
    for name in CELLS:
        a, b = (median(fresh[kind][name]) for kind in KINDS)
        ratios.append(a / b)
        out.append(f"| {name} | {a:.0f} | {b:.0f} | {a / b:.2f} |")
    out.append(f"| **geometric mean of the ratios** | | | **{geometric(ratios):.2f}** |")
    a, b = (median(rayon[kind]) for kind in KINDS)
    out.append(f"| rayon sum | {a:.0f} | {b:.0f} | {a / b:.2f} |")
    one = median(fresh["ferrolab"]["`1 + 1`"])
    out += [
        f"| `rustc` alone, of `fn main` that prints `1 + 1`, linked | {median(bare['link']):.0f} | | the cell takes {one / median(bare['link']):.2f} of it |",
        f"| the same without linking | {median(bare['obj']):.0f} | | {one / median(bare['obj']):.2f} |",
        "",
        "| | ferrolab | evcxr | ratio |",
        "|---|---:|---:|---:|",
    ]
    repeated = {kind: geometric([median(again[kind][name]) for name in CELLS]) for kind in KINDS}

    def row(name, a, b, unit="ms"):
        out.append(f"| {name} | {a:.0f} {unit} | {b:.0f} {unit} | {a / b:.2f} |")

    row("the same cell again, same session (geometric mean)", *(repeated[k] for k in KINDS))
    row("the same cells after a restart (median)", *(median(restart[k]) for k in KINDS))
    row("slowest of them", *(max(restart[k]) for k in KINDS))
    row("process start to kernel_info_reply", *(median(info[k]) for k in KINDS))
    row("first cell of a session", *(median(first[k]) for k in KINDS))
    row("a later cell", *(median(later[k]) for k in KINDS))
    row(f"{lines:,} printed lines", *(printed[k] for k in KINDS))
    row("memory after 20 cells, PSS of all processes", *(memory[k]["pss"] / 2**20 for k in KINDS), unit="MB")
    row("memory after 20 cells, RSS of all processes", *(memory[k]["rss"] / 2**20 for k in KINDS), unit="MB")
    return "\n".join(out) + "\n"


def cores() -> set:
    return os.sched_getaffinity(0)


def cpu() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def rustc() -> str:
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split("(")[0].strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, fewer lines")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/report.md")
    options = parser.parse_args()
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {text}", file=sys.stderr, flush=True)

    text = report(3 if options.quick else 15, 20_000 if options.quick else 200_000, say)
    options.output.write_text(text)
    print(text)
    say(f"written to {options.output}")


if __name__ == "__main__":
    main()
