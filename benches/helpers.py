"""Measures the helpers beside Numba, NumPy, pandas, tqdm, indicatif, rayon and evcxr's plotters, in one run.

Every kernel runs on the same data on both sides (made by the same formula), is compiled before it is timed, and
both sides must agree on its value. Times are minima of several runs in turns; beside them stands what the machine
itself can do, measured in the same run: memory bandwidth by the standard library's threads, a sum of integers and a
copy, and floating-point operations in our lanes, which no ratio is built on. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import cells

ROOT = pathlib.Path(__file__).resolve().parents[1]
Kernel = cells.Kernel

SETUP = """
use std::time::Instant;
use std::hint::black_box;
/// Numbers that look random: the finaliser of SplitMix64.
fn mixed(i: usize) -> u64 {
    let mut z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
fn unit(i: usize) -> f64 { (mixed(i) >> 11) as f64 / (1u64 << 53) as f64 }
/// Seconds of each of `repeat` runs after one that does not count.
fn seconds(repeat: usize, mut run: impl FnMut()) -> Vec<f64> {
    run();
    (0..repeat).map(|_| { let begun = Instant::now(); run(); begun.elapsed().as_secs_f64() }).collect()
}
fn least(times: &[f64]) -> f64 { times.iter().copied().fold(f64::MAX, f64::min) }
/// Does something with a part of `a`, and the part of `b` at the same place, on each thread. Of the standard library alone, since what it
/// finds is what our own loops are measured by.
fn parts<T: Send>(a: &[f64], b: &mut [f64], work: impl Fn(&[f64], &mut [f64]) -> T + Sync) -> Vec<T> {
    let size = a.len().div_ceil(std::thread::available_parallelism().unwrap().get());
    std::thread::scope(|s| {
        let threads: Vec<_> = a.chunks(size).zip(b.chunks_mut(size)).map(|(a, b)| { let work = &work; s.spawn(move || work(a, b)) }).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}
"""

# name -> what it is, size, data, body, value; the body is timed
KERNELS: dict[str, tuple[str, int, str, str, str]] = {
    "expression": (
        "`x² + sin x · x · ln x`",
        100_000_000,
        "let xs: Vec<f64> = par::map(0..{n}usize, |i| 0.5 + 9.5 * unit(i)); let mut out = vec![1.0f64; {n}];",
        "par::quiet().map_simd(&xs, &mut out, |x| x * x + x.sin() * x * x.ln())",
        "par::sum(&out)",
    ),
    "pi": (
        "Monte Carlo π",
        400_000_000,
        "let mut pi = 0.0;",
        "pi = par::quiet().monte_carlo_simd({n}, 7, |rng| {{ let (x, y) = (rng.uniform(), rng.uniform()); (x * x + y * y).lt(1.0).select(4.0, 0.0) }}).mean",
        "pi",
    ),
    "kde": (
        "kernel density",
        1_000_000,
        "let xs: Vec<f64> = par::map(0..{n}usize, |i| 20.0 * unit(i) - 10.0); let (mut logs, mut kde) = (vec![0.0f64; {n}], 0.0);",
        "{{ par::quiet().map_simd(&xs, &mut logs, |x| {{"
        " let d = |p: f64| {{ let e = x - p; e * e * -2.0 }};"
        " let (a, b, c) = (d(-1.0), d(2.0), d(5.0)); let m = a.min(b).min(c);"
        " m - 1.5f64.ln() + ((a - m).exp() + (b - m).exp() + (c - m).exp()).ln() }}); kde = par::sum(&logs); }}",
        "kde",
    ),
    "group_sum": (
        "sum into 50,000 groups",
        50_000_000,
        "let index: Vec<u32> = par::map(0..{n}usize, |i| (mixed(i) % 50_000) as u32);"
        " let values: Vec<f64> = par::map(0..{n}usize, unit); let mut sums = vec![0.0];",
        "sums = par::group_sum(&index, &values, 50_000)",
        "sums.iter().enumerate().map(|(g, s)| g as f64 * s).sum::<f64>()",
    ),
}
# bytes that have to move, or operations that have to be done, for each element: for the machine's limit
BYTES = {"expression": 16, "group_sum": 12}

LIMITS = """
let a = vec![1.0f64; 100_000_000]; let mut b = vec![0.0f64; 100_000_000];
let read = seconds(9, || { black_box(parts(&a, &mut b, |a, _| a.iter().fold(0u64, |sum, x| sum.wrapping_add(x.to_bits())))); });
let copy = seconds(9, || { parts(&a, &mut b, |a, b| b.copy_from_slice(a)); black_box(&mut b); });
let flops = seconds(5, || { black_box(par::quiet().map(0..64u64, |i| {
    let mut acc = [simd::F64s::from(i as f64); 12];
    let (m, k) = (simd::F64s::from(black_box(0.999)), simd::F64s::from(black_box(1e-3)));
    for _ in 0..200_000 { for v in &mut acc { *v = v.mul_add(m, k); } }
    acc.iter().map(|v| v.to_array()[0]).sum::<f64>()
})); });
drop((a, b));
format!(r#"{{"read": {}, "copy": {}, "flops": {}}}"#, 8e8 / least(&read), 16e8 / least(&copy), 64.0 * 200_000.0 * 12.0 * 8.0 * 2.0 / least(&flops))
"""


TIMES = 'format!(r#"{{"seconds": {:?}, "value": {:?}}}"#, times, VALUE)'


class Peer:
    """The Python process with Numba and friends."""

    def __init__(self, python: pathlib.Path):
        environment = dict(os.environ, NUMBA_NUM_THREADS=str(len(cells.cores())))
        command = [str(python), str(ROOT / "benches/peers/python.py")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        self.versions = json.loads(self.process.stdout.readline())

    def run(self, task: str, size: int, repeat: int) -> dict:
        self.process.stdin.write(f"{task} {size} {repeat}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def found(kernel: Kernel, code: str) -> dict:
    """The JSON that a cell's last expression, a String, holds."""
    text = kernel.ok(code, timeout=600)
    return json.loads(json.loads(text))


def bench_kernels(kernel: Kernel, peer: Peer, repeat: int, share: float, say) -> list[str]:
    limits = found(kernel, LIMITS)
    out = [
        f"The machine, measured in this run: reads {limits['read'] / 1e9:.1f} GB/s, copies {limits['copy'] / 1e9:.1f} GB/s (read and written), "
        f"{limits['flops'] / 1e9:.0f} Gflop/s.",
        "",
        "| kernel | size | ferrolab | peer | | ratio |",
        "|---|---:|---:|---|---:|---:|",
    ]
    for name, (title, size, data, body, value) in KERNELS.items():
        n = int(size * share)
        say(f"{name}, {n:,}")
        kernel.ok(data.format(n=n), timeout=600)
        code = f"let times = seconds({repeat}, || {{ {body.format(n=n)}; }});\n" + TIMES.replace("VALUE", value)
        mine = found(kernel, code)
        theirs = peer.run(name, n, repeat)
        mine_again = found(kernel, code + " // again")
        ours = min(mine["seconds"] + mine_again["seconds"])
        for variant, seconds in theirs["seconds"].items():
            agree = abs(theirs["values"][variant] / mine["value"] - 1)
            assert agree < (1e-3 if name == "pi" else 1e-6), f"{name}, {variant}: {theirs['values'][variant]} is not {mine['value']}"
            out.append(f"| {title} | {n:,} | {ours / n * 1e9:.2f} ns | {variant} | {min(seconds) / n * 1e9:.2f} ns | {min(seconds) / ours:.1f} × |")
            title = ""
        if name in BYTES:
            limit = BYTES[name] / limits["copy" if name == "expression" else "read"]
            out.append(f"| | | | the machine's memory | {limit * 1e9:.2f} ns | {limit / (ours / n):.2f} × |")
        names = data.split("let ")[1:]
        drop = [part.replace("mut ", "").split(":")[0].split(" =")[0].strip("( )") for part in names]
        kernel.ok("".join(f"drop({d});" for d in drop if d.isidentifier()), timeout=60)
    return out


def bench_progress(kernel: Kernel, peer: Peer, repeat: int, say) -> list[str]:
    say("progress")
    kernel.ok(':dep indicatif = { version = "0.18", features = ["rayon"] }', timeout=600)
    kernel.ok("use rayon::prelude::*; fn body(i: u64) -> u64 { let mut x = i; for _ in 0..780 { x = black_box(x.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (x >> 29)); } x }")
    loops = {
        "bare": "(0..N).into_par_iter().map(body).sum::<u64>()",
        "ferrolab": "(0..N).into_par_iter().progress().map(body).sum::<u64>()",
        "indicatif": "{ use indicatif::ParallelProgressIterator; ParallelProgressIterator::progress_count((0..N).into_par_iter(), N).map(body).sum::<u64>() }",
    }
    times: dict[str, list[float]] = {}
    for i in range(repeat):
        for kind, code in loops.items():
            text = f"const N: u64 = 2_000_000; let t = Instant::now(); black_box({code}); format!(\"{{:?}}\", t.elapsed().as_secs_f64()) // {kind}"
            times.setdefault(kind, []).append(json.loads(json.loads(kernel.ok(text, timeout=120))))
    bare = min(times["bare"])
    out = [
        "| progress on a parallel loop of 2,000,000 bodies | seconds | cost |",
        "|---|---:|---:|",
        f"| bare, {bare / 2e6 * 1e6 * len(cells.cores()):.2f} µs a body | {bare:.3f} | |",
    ]
    out += [f"| {kind} | {min(times[kind]):.3f} | {100 * (min(times[kind]) / bare - 1):+.1f} % |" for kind in ("ferrolab", "indicatif")]
    count = "const M: u64 = 500_000_000; let times = seconds(REPEAT, || { for i in LOOP { black_box(i); } }); format!(\"{:?}\", least(&times))"
    alone = {k: float(json.loads(kernel.ok(count.replace("REPEAT", str(repeat)).replace("LOOP", loop), timeout=120))) for k, loop in {"bare": "0..M", "ours": "progress(0..M)"}.items()}
    tqdm = peer.run("counting", 3_000_000, 2)["seconds"]
    per = (min(tqdm["tqdm"]) - min(tqdm["bare Python loop"])) / 3e6
    out += [
        "",
        f"Counting alone: {(alone['ours'] - alone['bare']) / 5e8 * 1e9:.2f} ns an item in `for _ in progress(0..n)`; tqdm {per * 1e9:.0f} ns.",
    ]
    return out


def bench_figures(repeat: int, say) -> list[str]:
    """Latency of cells with figures: ours beside `1 + 1`, and plotters' own beside evcxr."""
    say("figures")
    base = int(time.time()) % 2_000_000 * 1000
    kernels = {kind: cells.start(kind) for kind in cells.KINDS}
    kernels["evcxr"].ok(':dep plotters = { version = "0.3", default-features = false, features = ["evcxr", "all_series", "all_elements"] }\n1', timeout=600)
    figure = (
        "use plotters::prelude::*; evcxr_figure((400, 300), |root| {{ let mut c = ChartBuilder::on(&root).margin(8).build_cartesian_2d(0.0..10.0, 0.0..{n}.0)?;"
        " c.configure_mesh().draw()?; c.draw_series(LineSeries::new((0..100).map(|i| i as f64 / 10.0).map(|x| (x, x * x)), &RED))?; Ok(()) }})"
    )
    kernels["ferrolab"].ok("let ys: Vec<f64> = (0..100).map(f64::from).collect();")
    for kernel in kernels.values():
        kernel.ok(f"{base} + 1", timeout=300)
        kernel.ok(figure.format(n=base), timeout=300)
    times: dict[str, list[float]] = {}
    for i in range(1, repeat + 1):
        times.setdefault("one", []).append(cells.timed(kernels["ferrolab"], f"{base + i} + 2"))
        times.setdefault("line", []).append(cells.timed(kernels["ferrolab"], f'plot::line_y(&ys).title("{base + i}")'))
        for kind in cells.KINDS:
            times.setdefault(kind, []).append(cells.timed(kernels[kind], figure.format(n=base + i)))
    for kernel in kernels.values():
        kernel.close(check=False)
    middle = {name: statistics.median(values) for name, values in times.items()}
    return [
        "| cell, new text each time | ferrolab | beside | | ratio |",
        "|---|---:|---|---:|---:|",
        f"| `plot::line_y(&ys).title(…)` | {middle['line']:.0f} ms | `1 + 1` | {middle['one']:.0f} ms | {middle['line'] / middle['one']:.2f} |",
        f"| a figure of plotters | {middle['ferrolab']:.0f} ms | evcxr | {middle['evcxr']:.0f} ms | {middle['ferrolab'] / middle['evcxr']:.2f} |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes, fewer repetitions")
    parser.add_argument("--python", type=pathlib.Path, required=True, help="a Python with benches/peers/requirements.txt")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/helpers.md")
    options = parser.parse_args()
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {text}", file=sys.stderr, flush=True)

    repeat = 3 if options.quick else 5
    kernel, peer = cells.start("ferrolab"), Peer(options.python)
    kernel.ok(SETUP, timeout=600)
    sections = [
        bench_kernels(kernel, peer, repeat, 0.1 if options.quick else 1.0, say),
        bench_progress(kernel, peer, repeat, say),
    ]
    kernel.close(check=False)
    if "EVCXR_JUPYTER" in os.environ:
        sections.append(bench_figures(2 * repeat, say))
    versions = ", ".join(f"{name} {version}" for name, version in peer.versions.items())
    head = f"Measured by `benches/run` on {datetime.date.today()}: {cells.cpu()}, {len(cells.cores())} cores, {cells.rustc()}; {versions}. Minima of {2 * repeat} and {repeat} runs."
    text = "\n\n".join(["# Helpers beside their peers", head, *("\n".join(part) for part in sections)]) + "\n"
    options.output.write_text(text)
    print(text)
    say(f"written to {options.output}")


if __name__ == "__main__":
    main()
