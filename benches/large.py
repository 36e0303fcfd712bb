"""Writing to large data in cells beside the same code in a program, NumPy and Numba, over sizes and threads.

Each size is filled once (first touch) and then changed in place, in cells that follow each other, so that there is
a snapshot before each. The program has the same loops, rayon's for all threads, compiled by cargo with the same flags.
Everything is run in turns; the minimum counts. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import datetime
import pathlib
import subprocess
import sys

import cells
from support import process

ROOT = pathlib.Path(__file__).resolve().parents[1]
SERIAL = "big.iter_mut().for_each(|x| *x += 1.0)"
PARALLEL = "big.par_iter_mut().for_each(|x| *x += 1.0)"
FILL = "vec![1.0f64; {n}]"
MANIFEST = """[package]
name = "large"
version = "0.0.0"
edition = "2024"

[dependencies]
rayon = "1"

[workspace]
"""
PROGRAM = """
use rayon::prelude::*;
use std::time::Instant;

fn seconds(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

fn main() {
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut big: Vec<f64> = Vec::new();
    let fill = seconds(|| big = std::hint::black_box(FILL));
    let (mut serial, mut parallel) = (f64::MAX, f64::MAX);
    for _ in 0..3 {
        serial = serial.min(seconds(|| SERIAL));
        std::hint::black_box(&mut big);
        parallel = parallel.min(seconds(|| PARALLEL));
        std::hint::black_box(&mut big);
    }
    println!("{fill} {serial} {parallel}");
}
"""
PEER = """
import sys, time
import numpy as np
n = int(sys.argv[1])
try:
    import numba
    @numba.njit(parallel=True)
    def add(x):
        for i in numba.prange(x.size):
            x[i] += 1.0
    add(np.zeros(10))
except ImportError:
    add = None
t = time.perf_counter(); big = np.full(n, 1.0); fill = time.perf_counter() - t
def least(f):
    times = []
    for _ in range(3):
        t = time.perf_counter(); f(); times.append(time.perf_counter() - t)
    return min(times)
def numpy_add():
    global big
    big += 1.0
print(fill, least(numpy_add), least(lambda: add(big)) if add else "nan")
"""


def build(folder: pathlib.Path) -> pathlib.Path:
    """Compiles the program, as `cargo build --release` does for this processor."""
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(MANIFEST)
    text = PROGRAM.replace("PARALLEL", PARALLEL).replace("SERIAL", SERIAL).replace("FILL", FILL.format(n="n"))
    (folder / "src/main.rs").write_text(text)
    env = process.environment(RUSTFLAGS="-C target-cpu=native", CARGO_TARGET_DIR=str(folder / "target"))
    subprocess.run(["cargo", "build", "--release", "--quiet", "-j2"], cwd=folder, env=env, check=True)
    return folder / "target/release/large"


def program(built: pathlib.Path, n: int) -> list[float]:
    return [float(x) for x in subprocess.run([built, str(n)], check=True, capture_output=True, text=True).stdout.split()]


def peer(python: str, n: int) -> list[float]:
    return [float(x) for x in subprocess.run([python, "-c", PEER, str(n)], check=True, capture_output=True, text=True).stdout.split()]


def seconds(kernel: cells.Kernel, code: str) -> float:
    return float(kernel.ok(f"let begun = Instant::now(); {code}; begun.elapsed().as_secs_f64()", timeout=600))


def ours(n: int, repeat: int, **env: str) -> list[float]:
    with cells.start("ferrolab", **env) as kernel:
        kernel.ok("use rayon::prelude::*; use std::time::Instant;")
        kernel.ok("let mut big: Vec<f64> = Vec::new();")
        fill = seconds(kernel, "big = " + FILL.format(n=n))
        serial = min(seconds(kernel, SERIAL) for _ in range(repeat))
        parallel = min(seconds(kernel, PARALLEL) for _ in range(repeat))
    return [fill, serial, parallel]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="one with NumPy, and Numba if it is to be measured")
    parser.add_argument("--quick", action="store_true", help="up to 1 GB")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches" / "large.md")
    options = parser.parse_args()
    memory = int(next(line for line in open("/proc/meminfo") if line.startswith("MemAvailable")).split()[1]) << 10
    sizes = [size for size in (1 << 20, 1 << 24, 1 << 28, 1 << 30, 1 << 32, 1 << 33) if size <= (1 << 30 if options.quick else memory // 2)]
    threads = len(cells.cores())
    lines = [
        "# Large data in cells",
        "",
        f"`benches/run large` on {datetime.date.today()}, {cells.cpu()}, {threads} threads, {cells.rustc()}. Seconds; in brackets the ratio to the program. "
        "Cells have a snapshot before them, as always. Fill is `vec![1.0f64; n]` in fresh memory, the loop is `x += 1.0`.",
        "",
        "| bytes | what | program | cells | NumPy | Numba, all threads |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    print("\n".join(lines))
    built = build(process.WORK / "large")
    for size in sizes:
        n = size // 8
        rounds = [(program(built, n), ours(n, 3), peer(options.python, n)) for _ in range(3)]
        best = [[min(row[side][i] for row in rounds) for i in range(3)] for side in range(3)]
        (fill, serial, parallel), mine, (np_fill, np_add, numba_add) = best
        for what, theirs, cell, np, numba in [
            ("fill", fill, mine[0], np_fill, None),
            ("one thread", serial, mine[1], np_add, None),
            ("all threads", parallel, mine[2], None, numba_add),
        ]:
            shown = [f"{x:.4f}" if x is not None and x == x else "" for x in (np, numba)]
            row = f"| {size >> 20} MiB | {what} | {theirs:.4f} | {cell:.4f} ({cell / theirs:.2f}) | {shown[0]} | {shown[1]} |"
            print(row, flush=True)
            lines.append(row)
    options.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
