"""The peers' side of benches/helpers.py: the same tasks on the same data with Numba, NumPy, pandas and tqdm.

Reads lines `task size repeat` and answers each with a line of JSON: seconds of every run by variant, and a
value that both sides must agree on. Compilation by Numba happens before the first timed run.
"""

from __future__ import annotations

import json
import math
import sys
import time

import numba
import numpy as np
import pandas as pd
from numba import njit, prange
from tqdm import tqdm

GROUPS = 50_000


def mixed(n: int) -> np.ndarray:
    """Numbers that look random: the finaliser of SplitMix64 over 0..n."""
    with np.errstate(over="ignore"):
        z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(n: int) -> np.ndarray:
    return (mixed(n) >> np.uint64(11)).astype(np.float64) / 2.0**53


@njit(parallel=True)
def expression_numba(x, out):
    for i in prange(x.size):
        out[i] = x[i] * x[i] + math.sin(x[i]) * x[i] * math.log(x[i])


@njit(parallel=True, fastmath=True)
def expression_fast(x, out):
    for i in prange(x.size):
        out[i] = x[i] * x[i] + math.sin(x[i]) * x[i] * math.log(x[i])


def expression(n: int):
    x = 0.5 + 9.5 * uniform(n)
    out = np.zeros(n)

    def numpy():
        out[:] = x * x + np.sin(x) * x * np.log(x)

    variants = {
        "Numba parallel": lambda: expression_numba(x, out),
        "Numba parallel, fastmath": lambda: expression_fast(x, out),
        "NumPy": numpy,
    }
    return variants, lambda: float(np.sum(out))


@njit(parallel=True)
def pi_numba(n):
    hits = 0
    for _ in prange(n):
        x = np.random.random()
        y = np.random.random()
        if x * x + y * y < 1.0:
            hits += 1
    return 4.0 * hits / n


def pi(n: int):
    found = [0.0]

    def run():
        found[0] = pi_numba(n)

    return {"Numba parallel": run}, lambda: found[0]


@njit(parallel=True)
def kde_numba(x):
    b = 0.5
    points = np.array([-1.0, 2.0, 5.0])
    total = 0.0
    for i in prange(x.size):
        d = -((x[i] - points) ** 2) / (2 * b**2)
        m = np.min(d)
        total += m - np.log(b * points.size) + np.log(np.sum(np.exp(d - m)))
    return total


@njit(parallel=True, fastmath=True)
def kde_written_out(x):
    # what ours does: three points as numbers, without an array for each item
    log_norm = math.log(1.5)
    total = 0.0
    for i in prange(x.size):
        a, b, c = -2.0 * (x[i] + 1.0) ** 2, -2.0 * (x[i] - 2.0) ** 2, -2.0 * (x[i] - 5.0) ** 2
        m = min(a, b, c)
        total += m - log_norm + math.log(math.exp(a - m) + math.exp(b - m) + math.exp(c - m))
    return total


def kde_numpy(x):
    b = 0.5
    points = np.array([-1.0, 2.0, 5.0])
    d = -((x[:, None] - points) ** 2) / (2 * b**2)
    m = d.min(axis=1)
    return float(np.sum(m - np.log(b * points.size) + np.log(np.sum(np.exp(d - m[:, None]), axis=1))))


def kde(n: int):
    x = 20.0 * uniform(n) - 10.0
    found = [0.0]

    def run(f):
        found[0] = f(x)

    variants = {
        "Numba parallel, written out": lambda: run(kde_written_out),
        "Numba parallel, arrays": lambda: run(kde_numba),
        "NumPy": lambda: run(kde_numpy),
    }
    return variants, lambda: found[0]


@njit
def group_sum_numba(index, values, out):
    for i in range(index.size):
        out[index[i]] += values[i]


@njit(parallel=True)
def group_sum_parallel(index, values, parts):
    # sums of its own for each thread, as ours has them
    size = (index.size + parts.shape[0] - 1) // parts.shape[0]
    for t in prange(parts.shape[0]):
        for i in range(t * size, min((t + 1) * size, index.size)):
            parts[t, index[i]] += values[i]


def group_sum(n: int):
    index = (mixed(n) % np.uint64(GROUPS)).astype(np.uint32)
    values = uniform(n)
    out = np.zeros(GROUPS)

    def run():
        out[:] = 0.0
        group_sum_numba(index, values, out)

    def threads():
        parts = np.zeros((numba.get_num_threads(), GROUPS))
        group_sum_parallel(index, values, parts)
        out[:] = parts.sum(axis=0)

    def pandas():
        out[:] = pd.Series(values).groupby(index).sum().to_numpy()

    def bincount():
        out[:] = np.bincount(index, weights=values, minlength=GROUPS)

    # one number that sees a wrong group: sums weighted by the group
    value = lambda: float(np.dot(out, np.arange(GROUPS)))  # noqa: E731
    return {"Numba parallel": threads, "Numba, one thread": run, "pandas groupby": pandas, "NumPy bincount": bincount}, value


def counting(n: int):
    """What a bar costs a loop that does nothing else."""

    def with_bar():
        for _ in tqdm(range(n), file=sys.stderr):
            pass

    def bare():
        for _ in range(n):
            pass

    return {"tqdm": with_bar, "bare Python loop": bare}, lambda: 0.0


TASKS = {f.__name__: f for f in (expression, pi, kde, group_sum, counting)}


def main() -> None:
    # with Intel's vector functions the first task is several times faster, so it is told whether they are there
    svml = "with SVML" if numba.config.USING_SVML else "without SVML"
    print(json.dumps({"numba": f"{numba.__version__} {svml}", "numpy": np.__version__, "pandas": pd.__version__}), flush=True)
    for line in sys.stdin:
        name, size, repeat = line.split()
        variants, value = TASKS[name](int(size))
        found, values = {}, {}
        for variant, run in variants.items():
            run()
            found[variant] = []
            for _ in range(int(repeat)):
                begun = time.perf_counter()
                run()
                found[variant].append(time.perf_counter() - begun)
            values[variant] = value()
        print(json.dumps({"seconds": found, "values": values}), flush=True)


if __name__ == "__main__":
    main()
