"""Measures cells in the style of public notebooks, each compiled anew, and prints Markdown.

`--before PROGRAM` plays the same sessions with another ferrolab, `--peer` with evcxr_jupyter, in turns, so that a
disturbance of the machine hits all. Times are medians from sending execute_request to reading idle. What the tests' cache
has of compiled cells is thrown away. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import datetime
import math
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
sys.path.insert(0, str(ROOT / "benches"))

from public_texts import SESSIONS  # noqa: E402
from support import process  # noqa: E402
from support.frontend import Kernel  # noqa: E402

SHOWN = 20


def play(program: str, sessions: dict[str, list[str]]) -> dict[tuple[str, int], float]:
    """Milliseconds of each cell, none of which is in the cache."""
    kind = "evcxr" if program == "evcxr" else "ferrolab"
    if kind == "ferrolab":
        process.FERROLAB = pathlib.Path(program)
    times = {}
    for name, cells in sessions.items():
        shutil.rmtree(process.WORK / "cache" / "cells", ignore_errors=True)
        with Kernel(kind, timeout=900) as kernel:
            # the first cell makes the environment
            kernel.ok("1 + 1", timeout=900)
            for place, code in enumerate(cells):
                begun = time.perf_counter()
                if kernel.run(code, timeout=300).ends() == "ok":
                    times[name, place] = (time.perf_counter() - begun) * 1000
                elif kind == "ferrolab":
                    raise AssertionError(f"this cell of {name} failed: {code}")
    return times


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, math.ceil(part * len(values)) - 1)]


def report(rounds: dict[str, list[dict]], names: dict[str, str]) -> str:
    programs = list(rounds)
    # the peer has no ndarray or rayon that nobody asked for, and no helpers: such cells fail there, and count for neither
    cells = [c for c in rounds[programs[0]][0] if all(c in one for p in programs for one in rounds[p])]
    medians = {p: {c: statistics.median(r[c] for r in rounds[p]) for c in cells} for p in programs}
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    lines = [
        "# Cells in the style of public notebooks",
        "",
        f"Measured by `benches/run public` on {datetime.date.today()}: {platform.processor() or platform.machine()}, {os.cpu_count()} cores, rustc {rustc}.",
        f"{len(cells)} cells that run on all, each compiled anew; medians of {len(rounds[programs[0]])} repetitions, in turns, in milliseconds.",
        "",
        "| | median | p95 | slowest | geometric mean |" + "".join(" ratio |" for _ in programs[:1]),
        "|---|---:|---:|---:|---:|---:|",
    ]
    first = medians[programs[0]]
    for p in programs:
        values = list(medians[p].values())
        ratio = math.exp(statistics.fmean(math.log(first[c] / medians[p][c]) for c in cells))
        mean = math.exp(statistics.fmean(map(math.log, values)))
        lines.append(f"| {names[p]} | {statistics.median(values):.0f} | {percentile(values, 0.95):.0f} | {max(values):.0f} | {mean:.0f} | {ratio:.2f} |")
    lines += ["", "| the slowest cells | " + " | ".join(names[p] for p in programs) + " |", "|---|" + "---:|" * len(programs)]
    slowest = sorted(cells, key=lambda c: -max(medians[p][c] for p in programs if p != "evcxr"))[:SHOWN]
    for name, place in slowest:
        text = " ".join(SESSIONS[name][place].split()).replace("|", "\\|")
        lines.append(f"| {name}: `{text[:70]}` | " + " | ".join(f"{medians[p][name, place]:.0f}" for p in programs) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", help="another ferrolab to measure beside")
    parser.add_argument("--peer", action="store_true", help="evcxr_jupyter as well")
    parser.add_argument("--sessions", help="only these, by comma")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches" / "public.md")
    given = parser.parse_args()
    names = {str(process.FERROLAB): "ferrolab"}
    if given.before:
        names[given.before] = "before"
    if given.peer:
        names["evcxr"] = "evcxr"
    chosen = given.sessions.split(",") if given.sessions else list(SESSIONS)
    sessions = {name: SESSIONS[name] for name in chosen}
    rounds: dict[str, list[dict]] = {program: [] for program in names}
    for turn in range(given.repeat):
        for program in names:
            print(f"round {turn + 1} of {given.repeat}: {names[program]}", file=sys.stderr)
            rounds[program].append(play(program, sessions))
    text = report(rounds, names)
    given.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
