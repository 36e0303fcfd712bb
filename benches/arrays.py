"""Arrays in cells beside dask.array and NumPy: the same work on the same data with the same threads, in turns; the minimum counts.

Random numbers differ between the two, so sums of them agree as far as their spread says; all else is compared to twelve digits. Nothing
here passes or fails but that comparison.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import pathlib
import subprocess

import cells
from support import process

ROOT = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass
class Row:
    name: str
    goal: float
    # An expression that is a number, of arrays that the setup made.
    ours: str
    dask: str
    numpy: str | None
    # How far results may be apart, as a part of the larger one.
    apart: float = 1e-9
    size: str = ""


# what both places have: numbers in memory, and a stencil
OURS = """
        let x = on.from_fn([{m}, {m}], |[i, j]| ((i * 31 + j * 17) % 1000) as f64 / 1000.0 + 0.5).persist()?;
        let p = on.from_fn([{k}, {k}], |[i, j]| ((i * 7 + j * 3) % 11) as f64 - 5.0).persist()?;
        let five = |a: par::Around<'_, f64>| 0.2 * (a.at(0, 0) + a.at(-1, 0) + a.at(1, 0) + a.at(0, -1) + a.at(0, 1));
"""
DASK = """
        def five(a):
            b = a.copy()
            b[1:-1, 1:-1] = 0.2 * (a[1:-1, 1:-1] + a[:-2, 1:-1] + a[2:, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:])
            return b
        def steps(x):
            for _ in range(10):
                x = x.map_overlap(five, depth=1, boundary='nearest')
            return x
"""
STENCIL = "(0..10).fold(p.clone(), |p, _| p.stencil(par::Edge::Clamp, five)).sum().compute()?"


def sizes(quick: bool) -> tuple[int, int, int]:
    """Axes of what is made, of what is in memory, and of what costs more."""
    return (4_000, 2_000, 1_000) if quick else (20_000, 8_000, 4_000)


def rows(quick: bool) -> tuple[str, str, list[Row]]:
    n, m, k = sizes(quick)
    ours = f"""
        let on = threads().quiet().array();
        let z = on.random().seed(7).normal([{n}, {n}]);
        let u = on.random().seed(7).uniform([{n}, {n // 2}]) + 0.5;
    """ + OURS.replace("{m}", str(m)).replace("{k}", str(k))
    dask = f"""
        rng = da.random.default_rng(7)
        z = rng.standard_normal(({n}, {n}))
        u = rng.uniform(0.5, 1.5, ({n}, {n // 2}))
        i, j = np.arange({m})[:, None], np.arange({m})[None, :]
        xn = ((i * 31 + j * 17) % 1000) / 1000.0 + 0.5
        x = da.from_array(xn, chunks=({m // 4}, {m // 4})).persist()
        i, j = np.arange({k})[:, None], np.arange({k})[None, :]
        pn = ((i * 7 + j * 3) % 11) - 5.0
        p = da.from_array(pn, chunks=({k // 2}, {k // 2})).persist()
        def nsteps(x):
            for _ in range(10):
                x = five(np.pad(x, 1, mode='edge'))[1:-1, 1:-1]
            return x
    """ + DASK
    expression = "&{a} * &{a} + {a}.sin() * &{a} * {a}.ln()"
    table = [
        Row("sum of normal numbers", 8, "z.sum().compute()?", "float(z.sum().compute())", None, 1, f"{n}²"),
        Row("`A² + sin A · A · ln A`, then its sum, of uniform numbers", 8, f"({expression.format(a='u')}).sum().compute()?",
            "float((u * u + da.sin(u) * u * da.log(u)).sum().compute())", None, 1e-3, f"{n} × {n // 2}"),
        Row("the same in one closure over lanes", 8, "u.map_simd(|u| u * u + u.sin() * u * u.ln()).sum().compute()?",
            "float((u * u + da.sin(u) * u * da.log(u)).sum().compute())", None, 1e-3, f"{n} × {n // 2}"),
        Row("the same of numbers in memory", 4, f"({expression.format(a='x')}).sum().compute()?",
            "float((x * x + da.sin(x) * x * da.log(x)).sum().compute())", "float((xn * xn + np.sin(xn) * xn * np.log(xn)).sum())", size=f"{m}²"),
        Row("mean along the first axis", 3, "x.mean_axis(0).compute()?.sum()", "float(x.mean(axis=0).compute().sum())", "float(xn.mean(axis=0).sum())", size=f"{m}²"),
        Row("mean along the last axis", 3, "x.mean_axis(1).compute()?.sum()", "float(x.mean(axis=1).compute().sum())", "float(xn.mean(axis=1).sum())", size=f"{m}²"),
        Row("standard deviation along the first axis", 3, "x.std_axis(0, 0).compute()?.sum()", "float(x.std(axis=0).compute().sum())", "float(xn.std(axis=0).sum())", size=f"{m}²"),
        Row("histogram, 100 bins", 3, "x.histogram(0.5, 1.5, 100).compute()?[50] as f64",
            "float(da.histogram(x, bins=100, range=(0.5, 1.5))[0].compute()[50])", "float(np.histogram(xn, bins=100, range=(0.5, 1.5))[0][50])", 0.02, f"{m}²"),
        Row("5-point stencil, 10 steps", 4, STENCIL,
            "float(steps(p).sum().compute())", "float(nsteps(pn).sum())", 1e-6, f"{k}²"),
        Row("product of matrices", 0.7, "p.dot(&p.t()).compute()?[[7, 9]]", "float(da.dot(p, p.T).compute()[7, 9])", "float((pn @ pn.T)[7, 9])", size=f"{k}²"),
    ]
    return ours, dask, table


# The peer's program, between what begins its Dask and what is run there: how both places measure.
PEER = """
import json, sys, time
import dask, dask.array as da, numpy as np
from distributed import wait

def measured():
    scope = {"da": da, "np": np, "wait": wait}
    exec(SETUP, scope)
    found = []
    for code in json.loads(sys.stdin.read()):
        if code is None:
            found.append(None)
            continue
        least = float("inf")
        for _ in range(REPEAT):
            begun = time.perf_counter()
            value = eval(code, scope)
            least = min(least, time.perf_counter() - begun)
        found.append([least, value])
    print(json.dumps([dask.__version__, np.__version__, found]))

BEGIN
"""
# one call of `measured`, with Dask's threads
ON_THREADS = """
dask.config.set(scheduler="threads", num_workers=THREADS)
measured()
"""


def peer(python: str, setup: str, codes: list[str | None], begin: str, threads: int, repeat: int) -> list:
    """What Dask takes for each of these, and gives; `begin` calls `measured` where its Dask has begun."""
    lines = "\n".join(line[8:] for line in setup.strip("\n").splitlines())
    text = f"SETUP, REPEAT, THREADS = {lines!r}, {repeat}, {threads}\n" + PEER.replace("BEGIN", begin.strip("\n"))
    # a file, since processes of a cluster begin by reading it
    script = process.WORK / "peer_arrays.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(text)
    env = process.environment(OPENBLAS_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    ran = subprocess.run([python, str(script)], input=json.dumps(codes), env=env, capture_output=True, text=True, check=False)
    script.unlink()
    if ran.returncode != 0:
        raise SystemExit(ran.stderr)
    return json.loads(ran.stdout.splitlines()[-1])


def ours(setup: str, codes: list[str], threads: int, repeat: int, **variables: str) -> list[tuple[float, float]]:
    found = []
    with cells.start("ferrolab", **variables) as kernel:
        kernel.ok(f":threads {threads}")
        kernel.ok(setup, timeout=600)
        for code in codes:
            text = (f"let mut least = f64::MAX; let mut value = 0.0; for _ in 0..{repeat} {{ let begun = std::time::Instant::now(); value = {code}; "
                    "least = least.min(begun.elapsed().as_secs_f64()); } format!(\"{least} {value:e}\")")
            least, value = kernel.ok(text, timeout=600).strip('"').split()
            found.append((float(least), float(value)))
    return found


def compare(row: Row, own: float, other: float) -> None:
    """Are results the same, as far as the row says?"""
    bound = row.apart * max(abs(own), abs(other))
    # A sum of normal numbers is near 0; four and a half of its spreads, twice.
    if row.apart == 1:
        bound = 4.5 * 2**0.5 * float(row.size.rstrip("²"))
    assert abs(own - other) <= bound, f"{row.name}: {own} and {other} are not the same"


def report(table: list[Row], mine: list, dasks: list, numpys: list, versions: str, threads: int) -> str:
    lines = [
        "# Arrays beside dask.array and NumPy",
        "",
        f"Measured on {datetime.date.today().isoformat()} by `benches/run arrays` on {cells.cpu()}, {threads} threads, {cells.rustc()}, {versions}. Seconds, the least of several runs; "
        "dask.array has its scheduler of threads and the chunks that it chooses, for arrays in memory quarters of an axis. NumPy has one thread but for products.",
        "",
        "| work | size | ferrolab | dask.array | NumPy | dask.array ÷ ferrolab | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for row, own, dask, numpy in zip(table, mine, dasks, numpys, strict=True):
        for other in filter(None, (dask, numpy)):
            compare(row, own[1], other[1])
        plain = f"{numpy[0]:.3f}" if numpy else ""
        lines.append(f"| {row.name} | {row.size} | {own[0]:.3f} | {dask[0]:.3f} | {plain} | {dask[0] / own[0]:.1f} | {row.goal:g} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="a Python with dask.array")
    parser.add_argument("--quick", action="store_true", help="small sizes: for a look at the script, not at figures")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/arrays.md")
    options = parser.parse_args()
    threads, repeat = len(cells.cores()), 3
    setup, dask_setup, table = rows(options.quick)
    mine = ours(setup, [row.ours for row in table], threads, repeat)
    dask, numpy, found = peer(options.python, dask_setup, [row.dask for row in table] + [row.numpy for row in table], ON_THREADS, threads, repeat)
    text = report(table, mine, found[: len(table)], found[len(table) :], f"dask {dask}, NumPy {numpy}", threads)
    options.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
