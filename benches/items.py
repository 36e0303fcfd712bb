"""Measures what defining, calling and redefining a function costs when a session has many, and prints Markdown.

Sessions are filled with numbers of functions, each in a cell of its own. Then one of every kind is defined in each,
called in the next cell, defined anew with another body, and called again. Times are medians from sending
execute_request to reading idle. The same is done with evcxr_jupyter where EVCXR_JUPYTER names one, or `--peer` asks for the one
on the PATH. Filling its sessions takes the longest, so that has a bound; sizes that it does not reach are left out, and the
report says which. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import pathlib
import shutil
import statistics
import sys
import time

from cells import ROOT, cores, cpu, geometric, rustc
from support.frontend import Kernel

MARKS = (1, 10, 50, 100, 500, 1000)
# name -> definition and call; `n` makes the name, `c` a constant that no run before has used
KINDS = {
    "light": (
        "fn light_{n}(x: f64) -> f64 {{ let y = x * {c}.0; y.abs().sqrt() + 1.0 }}",
        "light_{n}({c}.5)",
    ),
    "heavy": (
        "fn heavy_{n}(n: usize) -> Vec<f64> {{\n    let mut total = 0.0;\n    for i in 0..n {{\n        total += (i as f64 * {c}.0).sin();\n    }}\n"
        "    let mut v: Vec<f64> = (0..n).map(|i| (i as f64).cos() + total).collect();\n    v.sort_by(|a, b| a.partial_cmp(b).unwrap());\n    v\n}}",
        "heavy_{n}(1000)[{c} % 1000]",
    ),
    "generic": (
        "fn generic_{n}<T: PartialOrd + Copy>(v: &[T]) -> Option<(T, usize)> {{\n    let mut best = None;\n    for (i, x) in v.iter().enumerate().skip({c} % 2) {{\n"
        "        if best.is_none_or(|(y, _)| *x > y) {{\n            best = Some((*x, i));\n        }}\n    }}\n    best\n}}",
        "generic_{n}(&[1, {c}, 2])",
    ),
}
STEPS = ("define", "call", "redefine", "call again")


def timed(kernel: Kernel, code: str) -> float:
    """Milliseconds from execute_request to idle; the cell must succeed."""
    begun = time.perf_counter()
    kernel.ok(code, timeout=600)
    return (time.perf_counter() - begun) * 1000


def fill(kernel: Kernel, numbers: range, until: float) -> int:
    """Defines a function of each number; how many were defined when `until` came."""
    for done, n in enumerate(numbers):
        if time.monotonic() > until:
            return done
        what = list(KINDS)[n % len(KINDS)]
        kernel.ok(KINDS[what][0].format(n=f"fill_{n}", c=n), timeout=600)
    return len(numbers)


def fresh_numbers() -> int:
    """The first of numbers that fit an i32 and that no earlier run has used, else the cell cache on disk would know them."""
    return int(time.time()) % 100_000 * 20_000


def measure(kind: str, marks: list[int], repeat: int, minutes: float, say) -> tuple[dict, str]:
    """mark -> (what, step) -> milliseconds, and a sentence about what was not reached. Sessions of all sizes take turns, so that a disturbance hits all."""
    number, until, missed = fresh_numbers(), time.monotonic() + minutes * 60, ""
    times: dict = {}
    with contextlib.ExitStack() as stack:
        kernels: dict = {}
        for mark in sorted(marks):
            say(f"{kind}: a session with {mark} items")
            kernel = stack.enter_context(Kernel(kind, timeout=600))
            kernel.ok("1 + 1", timeout=600)
            done = fill(kernel, range(number, number + mark - 1), until)
            if done < mark - 1:
                missed = f"{kind} had defined {done} functions of its session with {mark} when the {minutes:g} minutes for filling sessions were over."
                break
            kernels[mark] = kernel
        number += max(marks)
        for turn in range(repeat):
            say(f"{kind}: round {turn + 1} of {repeat}")
            number = one_round(kernels, turn, number, times)
    return {mark: {key: statistics.median(values) for key, values in found.items()} for mark, found in times.items()}, missed


def one_round(kernels: dict, turn: int, number: int, times: dict) -> int:
    """Every step once in each session; the last number that was used."""
    for what, (define, call) in KINDS.items():
        for mark in list(kernels)[:: 1 if turn % 2 else -1]:
            # at once one after the other: a call waits for what the definition left to do
            for step, text in zip(STEPS, (define, call, define, call)):
                number += 1
                code = text.format(n=f"at_{turn}", c=number)
                times.setdefault(mark, {}).setdefault((what, step), []).append(timed(kernels[mark], code))
    for mark in kernels:
        number += 1
        times[mark].setdefault(("", "`1 + 1`"), []).append(timed(kernels[mark], f"{number} + 1"))
    return number


def table(found: dict, title: str) -> str:
    marks = sorted(found)
    lines = [f"| {title} | " + " | ".join(f"{mark}" for mark in marks) + " |", "|---|" + "---:|" * len(marks)]
    for what, step in found[marks[0]]:
        cells = " | ".join(f"{found[mark][what, step]:.0f}" for mark in marks)
        lines.append(f"| {f'{what}: {step}' if what else step} | {cells} |")
    return "\n".join(lines)


def compared(ours: dict, theirs: dict) -> str:
    """One sentence on all points that both have."""
    ratios = {(what, step, mark): ours[mark][what, step] / theirs[mark][what, step] for mark in theirs for what, step in theirs[mark]}
    (what, step, mark), largest = max(ratios.items(), key=lambda each: each[1])
    name = f"{what}: {step}" if what else step
    return f"Ferrolab's time is {geometric(ratios.values()):.2f} of evcxr_jupyter's as the geometric mean of all {len(ratios)} points, and {largest:.2f} at the most ({name}, {mark} items)."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="store_true", help="evcxr_jupyter from the PATH, where EVCXR_JUPYTER names none")
    parser.add_argument("--peer-minutes", type=float, default=25, help="how long filling its sessions may take")
    parser.add_argument("--marks", default=",".join(map(str, MARKS)), help="numbers of items, with commas")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/items.md")
    options = parser.parse_args()
    marks = [int(mark) for mark in options.marks.split(",")]
    peer = os.environ.get("EVCXR_JUPYTER") or ("evcxr_jupyter" if options.peer else "")
    if peer and not shutil.which(peer):
        parser.error(f"there is no {peer}: cargo install --locked evcxr_jupyter, and EVCXR_JUPYTER says where it is")
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {text}", file=sys.stderr, flush=True)

    parts = [
        "# What an item costs when there are many",
        f"Milliseconds from request to idle, medians of {options.repeat}, measured by `benches/run items` on {datetime.date.today()}: {cpu()}, {len(cores())} cores, "
        f"{rustc()}. The machine's load average was {os.getloadavg()[0]:.1f} at the start. "
        "The columns are numbers of functions that earlier cells have defined, each in a cell of its own.",
    ]
    ours, _ = measure("ferrolab", marks, options.repeat, float("inf"), say)
    parts.append(table(ours, "ferrolab"))
    if peer:
        theirs, missed = measure("evcxr", marks, options.repeat, options.peer_minutes, say)
        parts += [table(theirs, "evcxr_jupyter"), f"{compared(ours, theirs)} {missed}".strip()]
    report = "\n\n".join(parts) + "\n"
    print(report)
    options.output.write_text(report)


if __name__ == "__main__":
    main()
