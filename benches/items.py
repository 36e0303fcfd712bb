"""Measures what defining, calling and redefining a function costs when a session has many, and prints Markdown.

Sessions are filled with numbers of functions, each in a cell of its own. Then one of every kind is defined in each,
called in the next cell, defined anew with another body, and called again. Times are medians from sending
execute_request to reading idle. `--peer` does the same with evcxr_jupyter. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.frontend import Kernel  # noqa: E402

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


def measure(kind: str, marks: list[int], repeat: int, say) -> dict:
    """mark -> (what, step) -> milliseconds. Sessions of all sizes take turns, so that a disturbance hits all."""
    # fits an i32, and no earlier run has used it, else the cell cache on disk would know it
    number = int(time.time()) % 100_000 * 20_000
    times: dict = {mark: {} for mark in marks}
    with contextlib.ExitStack() as stack:
        kernels = {mark: stack.enter_context(Kernel(kind, timeout=600)) for mark in marks}
        for mark, kernel in kernels.items():
            say(f"{kind}: a session with {mark} items")
            kernel.ok("1 + 1", timeout=600)
            for n in range(number, number + mark - 1):
                what = list(KINDS)[n % len(KINDS)]
                kernel.ok(KINDS[what][0].format(n=f"fill_{n}", c=n), timeout=600)
        number += max(marks)
        for turn in range(repeat):
            say(f"{kind}: round {turn + 1} of {repeat}")
            for what, (define, call) in KINDS.items():
                for mark in marks if turn % 2 else marks[::-1]:
                    # at once one after the other: a call waits for what the definition left to do
                    for step, text in zip(STEPS, (define, call, define, call)):
                        number += 1
                        code = text.format(n=f"at_{turn}", c=number)
                        times[mark].setdefault((what, step), []).append(timed(kernels[mark], code))
            for mark in marks:
                number += 1
                times[mark].setdefault(("", "`1 + 1`"), []).append(timed(kernels[mark], f"{number} + 1"))
    return {mark: {key: statistics.median(values) for key, values in found.items()} for mark, found in times.items()}


def table(found: dict, title: str) -> str:
    marks = list(found)
    lines = [f"| {title} | " + " | ".join(f"{mark}" for mark in marks) + " |", "|---|" + "---:|" * len(marks)]
    for what, step in next(iter(found.values())):
        cells = " | ".join(f"{found[mark][what, step]:.0f}" for mark in marks)
        lines.append(f"| {f'{what}: {step}' if what else step} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="store_true", help="evcxr_jupyter, too, when it is installed")
    parser.add_argument("--marks", default=",".join(map(str, MARKS)), help="numbers of items, with commas")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/items.md")
    options = parser.parse_args()
    marks = [int(mark) for mark in options.marks.split(",")]
    say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout.strip()
    parts = [
        "# What an item costs when there are many",
        f"Milliseconds from request to idle, medians of {options.repeat}, on {os.cpu_count()} cores ({platform.machine()}), {rustc}. "
        "The columns are numbers of functions that earlier cells have defined, each in a cell of its own. Made by `benches/items.py`.",
        table(measure("ferrolab", marks, options.repeat, say), "ferrolab"),
    ]
    peer = os.environ.get("EVCXR_JUPYTER", "evcxr_jupyter")
    if options.peer and shutil.which(peer):
        parts.append(table(measure("evcxr", [m for m in marks if m <= 100], options.repeat, say), "evcxr_jupyter"))
    report = "\n\n".join(parts) + "\n"
    print(report)
    options.output.write_text(report)


if __name__ == "__main__":
    main()
