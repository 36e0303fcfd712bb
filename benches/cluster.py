"""Measures closures on a Dask cluster beside Dask's own functions in Python, on the same scheduler and workers, in one run.

What is timed on our side runs in cells of a real kernel and is timed inside them, so that compilation does not
count unless it is said to. Times are minima of several runs in turns. Beside them stands the ideal: the work
itself, spread evenly over the workers. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import cells
import distributed
import numpy

ROOT = pathlib.Path(__file__).resolve().parents[1]
Kernel = cells.Kernel
NEXT = iter(range(int(time.time()) % 1_000_000 * 1000, 1 << 40))

SETUP = """
use std::time::{Duration, Instant};
/// Takes this many microseconds, without a core for most of them: workers of a cluster have cores of their own.
fn nap(micros: u64) -> u64 {
    let end = Instant::now() + Duration::from_micros(micros);
    if micros > 200 { std::thread::sleep(Duration::from_micros(micros - 150)); }
    while Instant::now() < end { std::hint::spin_loop(); }
    micros
}
fn uneven(i: u64, n: u64) -> u64 { 1_000 + 99_000 * i / n }
"""


def nap(micros: int) -> int:
    end = time.perf_counter() + micros / 1e6
    if micros > 200:
        time.sleep((micros - 150) / 1e6)
    while time.perf_counter() < end:
        pass
    return micros


def square(x: int) -> int:
    return x * x


def squares(begin: int, end: int):
    # an array, because Dask takes a list apart to send it, which takes some 60 µs an item
    return numpy.array([x * x for x in range(begin, end)])


def numbers(n: int):
    return numpy.arange(n, dtype="f8")


def seconds(kernel: Kernel, work: str, timeout: float = 300) -> float:
    """How long an expression takes inside a cell that is new."""
    code = f"let t = Instant::now(); std::hint::black_box({work}); t.elapsed().as_secs_f64() // {next(NEXT)}"
    return float(kernel.ok(code, timeout=timeout))


def timed(work) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


class Outside:
    """A scheduler, and nodes that are started one after the other, as a batch job starts them."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="bench-cluster-")
        self.file = pathlib.Path(self.folder.name) / "scheduler.json"
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--scheduler-file", str(self.file), "--port", "0", "--no-dashboard", "--host", "127.0.0.1"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.scheduler = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **quiet)
        while not (self.file.is_file() and self.file.stat().st_size):
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]
        self.nodes = subprocess.Popen([sys.executable, str(ROOT / "benches/peers/nodes.py"), self.address, self.folder.name], stdin=subprocess.PIPE, text=True, **quiet)
        self.client = distributed.Client(self.address, set_as_default=False)
        self.count = 0

    def grow(self, node: str, workers: int) -> None:
        self.nodes.stdin.write(f"start {node} {workers}\n")
        self.nodes.stdin.flush()
        self.count += workers

    def wait(self) -> None:
        self.client.wait_for_workers(self.count, timeout=180)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.client.close(timeout=5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.nodes.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.scheduler.pid, signal.SIGKILL)
        self.nodes.wait()
        self.scheduler.wait()
        self.folder.cleanup()


def bench_calls(kernel: Kernel, client, repeat: int, share: float, say) -> list[str]:
    """Two workers: trivial calls, calls of 1 ms, uneven calls."""
    ours: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}
    million, many, few = int(1_000_000 * share), int(10_000 * share), int(300 * share)
    fewer, slower = int(2_000 * share), max(1, int(2_000 * share))
    micros = [1_000 + 99_000 * i // few for i in range(few)]
    work = {
        "trivial": f"c.quiet().map(0..{million}u64, |x| x * x)?.len()",
        "even": f"c.quiet().map(0..{many}u64, |_| nap(1_000))?.len()",
        "rising": f"c.quiet().map(0..{few}u64, |i| nap(uneven(i, {few})))?.len()",
        "falling": f"c.quiet().map(0..{few}u64, |i| nap(uneven({few} - 1 - i, {few})))?.len()",
    }
    ends = [million * i // 8 for i in range(9)]
    peer = {
        "trivial": lambda: client.gather(client.map(square, range(fewer), pure=False)),
        "by hand": lambda: client.gather(client.map(squares, ends[:-1], ends[1:], pure=False)),
        "even": lambda: client.gather(client.map(nap, [1_000] * slower, pure=False)),
        "rising": lambda: client.gather(client.map(nap, micros, pure=False)),
    }
    for turn in range(repeat):
        for name in {**work, **peer}:
            # the long ones are measured once: they are long enough
            if turn and name in ("rising", "falling", "even"):
                continue
            say(f"{name}, {turn + 1} of {repeat}")
            if name in work:
                ours.setdefault(name, []).append(seconds(kernel, work[name]))
            if name in peer:
                theirs.setdefault(name, []).append(timed(peer[name]))
    a, b = {k: min(v) for k, v in ours.items()}, {k: min(v) for k, v in theirs.items()}
    even, uneven = many * 1e-3 / 2, sum(micros) / 1e6 / 2
    per, per_dask = a["trivial"] / million, b["trivial"] / fewer
    return [
        "| two workers | ferrolab | of the ideal | Dask in Python | ratio |",
        "|---|---:|---:|---:|---:|",
        f"| {million:,} trivial calls by `map` | {a['trivial']:.2f} s, {per * 1e6:.2f} µs a call | | {per_dask * 1e6:.0f} µs a call (`client.map`, {fewer:,} calls) | {per_dask / per:,.0f} × |",
        f"| the same, in 8 batches made by hand there | | | {b['by hand']:.2f} s, {b['by hand'] / million * 1e6:.2f} µs a call | {b['by hand'] / a['trivial']:.1f} × |",
        f"| {many:,} calls of 1 ms | {a['even']:.2f} s | {a['even'] / even:.2f} | {b['even'] / slower * many:.2f} s ({slower:,} calls, scaled) | {b['even'] / slower * many / a['even']:.1f} × |",
        f"| {few} calls of 1 to 100 ms, shortest first | {a['rising']:.2f} s | {a['rising'] / uneven:.2f} | {b['rising']:.2f} s | {b['rising'] / a['rising']:.2f} × |",
        f"| the same, longest first | {a['falling']:.2f} s | {a['falling'] / uneven:.2f} | | |",
    ]


def bench_first(outside: Outside, repeat: int, say) -> list[str]:
    """Connections and cells that are new."""
    times: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        times.setdefault(name, []).append(value * 1000)

    for turn in range(repeat):
        say(f"first calls, {turn + 1} of {repeat}")
        kernel = cells.start("ferrolab", FERROLAB_PYTHON=sys.executable)
        kernel.ok(SETUP)
        kernel.ok("1 + 1")
        code = f'let t = Instant::now(); let c = Cluster::connect("{outside.address}")?; let s = t.elapsed().as_secs_f64(); s // {next(NEXT)}'
        note("connect", float(kernel.ok(code)))
        note("first", seconds(kernel, "c.quiet().map(0..10u64, |x| x + 1)?"))
        for i in range(3):
            note("second", seconds(kernel, f"c.quiet().map(0..10u64, |x| x * {i + 2})?"))
            note("cell", cells.timed(kernel, f"c.quiet().map(0..10u64, |x| x * x + {next(NEXT)})?") / 1000)
            note("one", cells.timed(kernel, f"{next(NEXT)} + 1") / 1000)
        begun = time.perf_counter()
        with distributed.Client(outside.address, set_as_default=False) as client:
            note("dask connect", time.perf_counter() - begun)
            note("dask first", timed(lambda: client.submit(square, turn, pure=False).result()))
            note("dask second", min(timed(lambda: client.submit(lambda x, y=i: x + y, turn, pure=False).result()) for i in range(3)))
        kernel.close(check=False)
    m = {name: min(values) for name, values in times.items()}
    return [
        "| | ferrolab | Dask in Python |",
        "|---|---:|---:|",
        f"| connecting (ours starts a process that imports Dask) | {m['connect']:.0f} ms | {m['dask connect']:.0f} ms |",
        f"| first call on a fresh connection, code shipping included | {m['first']:.0f} ms | {m['dask first']:.0f} ms |",
        f"| first call of a second cell, its compilation not counted | {m['second']:.0f} ms | {m['dask second']:.0f} ms |",
        f"| a new cell with a call, from request to idle, compilation included | {m['cell']:.0f} ms | |",
        f"| beside it, `1 + 1` | {m['one']:.0f} ms | ratio {m['cell'] / m['one']:.1f} |",
    ]


def bench_data(kernel: Kernel, client, repeat: int, say) -> list[str]:
    """100 MB of numbers from a worker."""
    n = 12_500_000
    kernel.ok(f"let big = (0..{2 * repeat}u64).map(|_| c.submit({n}u64, |n| (0..n).map(|i| i as f64).collect::<Vec<_>>())).collect::<Result<Vec<_>, _>>()?; let mut big = big.into_iter();")
    kernel.ok("cluster::gather((0..1u64).map(|_| c.submit(0u64, |_| ())).collect::<Result<Vec<_>, _>>()?)?;")
    times: dict[str, list[float]] = {}
    for turn in range(repeat):
        say(f"100 MB, {turn + 1} of {repeat}")
        times.setdefault("result", []).append(seconds(kernel, "big.next().unwrap().result()?.len()"))
        times.setdefault("slice", []).append(seconds(kernel, "{ let p = big.next().unwrap(); c.submit_slice(&p, |v| v.iter().sum::<f64>())?.result()? }"))
        times.setdefault("map", []).append(seconds(kernel, f"c.quiet().map(0..4u64, |i| vec![i as f64; {n // 4}])?.len()"))
        times.setdefault("params", []).append(seconds(kernel, f"{{ let p = vec![{turn}.5f64; {n // 10}]; c.quiet().map_with(&p, 0..2000u64, |p, i| p[i as usize])?.len() }}"))
        for name, direct in (("dask", False), ("dask direct", True)):
            future = client.submit(numbers, n, pure=False)
            while future.status == "pending":
                time.sleep(0.01)
            times.setdefault(name, []).append(timed(lambda: client.gather(future, direct=direct)))
            future.release()
    # the same bytes into memory that is fresh, with nothing else to do
    kernel.ok(f"let bytes = vec![1u8; {n * 8}];")
    copy = min(seconds(kernel, "std::hint::black_box(bytes.clone()).len()") for _ in range(repeat))
    m = {name: min(values) for name, values in times.items()}

    def rate(name: str) -> str:
        return f"{m[name]:.3f} s, {100 / m[name]:,.0f} MB/s"

    return [
        "| 100 MB of `f64` on a worker | ferrolab | Dask in Python |",
        "|---|---:|---:|",
        f"| `future.result()` to the notebook | {rate('result')} | {rate('dask direct')} (direct), {rate('dask')} (through the scheduler) |",
        f"| four tasks of 25 MB by `map`, computed and fetched | {rate('map')} | |",
        f"| summed where it is, as a slice | {m['slice']:.3f} s | |",
        f"| 10 MB of parameters to two workers, 2,000 calls | {m['params']:.3f} s | |",
        "",
        f"The limit named: a result passes the socket from worker to client, which is what the peer's direct gather does, and then a file in memory, "
        f"written once and copied once into the vector. Copying 100 MB into fresh memory takes {copy:.3f} s ({100 / copy:,.0f} MB/s) here, so the limit is "
        f"{m['dask direct'] + 2 * copy:.3f} s, and `future.result()` takes {m['result'] / (m['dask direct'] + 2 * copy):.1f} times that.",
    ]


def bench_growth(kernel: Kernel, outside: Outside, full: bool, say) -> tuple[list[str], dict]:
    """Cost by workers and calls: nodes of 8 workers join one after the other."""
    steps = [1, 4, 16, 64] if full else [1, 4, 8]
    sizes = [100, 10_000, 1_000_000, 10_000_000] if full else [100, 10_000, 100_000]
    table: dict[tuple[int, int], float] = {}
    joined = 0.0
    node = 1
    for workers in steps:
        begun = time.monotonic()
        while outside.count < workers:
            more = min(8, workers - outside.count)
            outside.grow(f"node{node}", more)
            node += 1
        outside.wait()
        kernel.ok(f"c.wait_for_workers({workers})?;", timeout=180)
        joined = time.monotonic() - begun
        say(f"{workers} workers after {joined:.1f} s")
        kernel.ok("c.quiet().map(0..1000u64, |x| nap(500 + x))?;", timeout=120)
        for size in sizes:
            for turn in range(1 if size >= 1_000_000 else 2):
                took = seconds(kernel, f"c.quiet().map(0..{size}u64, |x| x * x)?.len()")
                table[workers, size] = min(took, table.get((workers, size), 1e9))
    largest = steps[-1]
    hundred = 100_000 if full else 5_000
    say(f"{hundred:,} calls of 1 ms on {largest} workers")
    # asleep all the time: so many workers have no cores of their own here to wait on
    spread = seconds(kernel, f"c.quiet().map(0..{hundred}u64, |_| std::thread::sleep(Duration::from_millis(1)))?.len()")
    say("scaling down")
    begun = time.monotonic()
    going = sorted(outside.client.scheduler_info(n_workers=-1)["workers"])[: largest - 1]
    outside.client.retire_workers(going)
    while (left := int(kernel.ok("c.count()?"))) > 1 and time.monotonic() - begun < 60:
        time.sleep(0.1)
    down = time.monotonic() - begun
    still = kernel.ok("c.quiet().map(0..100u64, |x| x + 1)?.len()")
    assert left == 1 and still == "100", (left, still)
    outside.count = 1
    head = "| workers | " + " | ".join(f"{size:,} calls" for size in sizes) + " |"
    lines = [head, "|---:|" + "---:|" * len(sizes)]
    for workers in steps:
        cost = [table[workers, size] for size in sizes]
        lines.append(f"| {workers} | " + " | ".join(f"{s * 1000:,.0f} ms, {s / size * 1e6:,.2f} µs" for s, size in zip(cost, sizes)) + " |")
    lines += [
        "",
        f"The last step, to {largest} workers on {largest // 8} simulated nodes, took {joined:.1f} s to join; {hundred:,} calls of 1 ms on {largest} workers took {spread:.2f} s "
        f"({spread / (hundred * 1e-3 / largest):.1f} times the ideal of {hundred * 1e-3 / largest:.2f} s for workers with cores of their own; here {largest} share {len(cells.cores())}); "
        f"scaling down to one worker took {down:.1f} s, and the next call worked.",
    ]
    return lines, {"steps": steps, "sizes": sizes, "table": table}


def plot(kernel: Kernel, grown: dict, path: pathlib.Path) -> None:
    """The table as a figure of our own."""
    sizes = grown["sizes"]
    xs = ", ".join(f"{size}.0" for size in sizes)
    series = []
    for workers in grown["steps"]:
        ys = ", ".join(f"{grown['table'][workers, size]:.6f}" for size in sizes)
        series.append(f'plot::line([{xs}], [{ys}]).label("{workers} worker{"s" * (workers > 1)}")')
    one, *rest = series
    code = one + "".join(f".add({other})" for other in rest)
    kernel.ok(f'{code}.title("Trivial calls by map").xlabel("calls").ylabel("seconds").log_x().log_y().size(720, 420).save("{path}")?;', timeout=120)


BOUNDS = """What bounds it: a Dask task goes to the scheduler, a worker and back, which takes milliseconds whatever it does, nearly all of them
in the scheduler's one thread of Python; on crowded cores it is tens of milliseconds. Before it is known what a call costs, each worker is sent two
batches of one call, so that long calls start everywhere at once: with 64 workers, 100 trivial calls are 100 tasks, and that is what they cost.
From some 10,000 calls on the number of batches, not of calls, decides, so that 100 times as many calls take little longer; at 10,000,000 calls
it is writing and reading results. For trivial calls more workers therefore cost more; calls of a millisecond or longer need them. All workers,
the scheduler and the notebook share the cores of this machine, so from a few workers on the figures are those of a crowd, not of a cluster."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes, 8 workers at most")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/cluster.md")
    options = parser.parse_args()
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {text}", file=sys.stderr, flush=True)

    repeat, share = (2, 0.1) if options.quick else (3, 1.0)
    outside = Outside()
    kernel = cells.start("ferrolab", FERROLAB_PYTHON=sys.executable)
    try:
        kernel.ok(SETUP, timeout=600)
        kernel.ok(f'let c = Cluster::scheduler_file("{outside.file}")?;', timeout=120)
        say("one worker")
        growing, grown = bench_growth(kernel, outside, not options.quick, say)
        outside.grow("last", 1)
        outside.wait()
        kernel.ok("c.wait_for_workers(2)?; c.quiet().map(0..100u64, |x| nap(x))?;", timeout=120)
        outside.client.gather(outside.client.map(square, range(100), pure=False))
        calls = bench_calls(kernel, outside.client, repeat, share, say)
        data = bench_data(kernel, outside.client, repeat, say)
        first = bench_first(outside, repeat, say)
        svg = options.output.with_suffix(".svg")
        plot(kernel, grown, svg)
    finally:
        kernel.close(check=False)
        outside.close()
    head = f"Measured by `benches/run cluster` on {datetime.date.today()}: {cells.cpu()}, {len(cells.cores())} cores, {cells.rustc()}; Dask {distributed.__version__}, Python {sys.version.split()[0]}. Minima of {repeat} runs in turns; calls of known length once."
    figure = f"![Trivial calls by map]({svg.name})"
    sections = ["# Closures on a Dask cluster", head, "\n".join(calls), "\n".join(first), "\n".join(data), "\n".join(growing), figure, BOUNDS]
    text = "\n\n".join(sections) + "\n"
    options.output.write_text(text)
    print(text)
    say(f"written to {options.output} and {svg}")


if __name__ == "__main__":
    main()
