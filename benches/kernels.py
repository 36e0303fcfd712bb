"""Measures how fast cells are beside a program with the same text, and prints a Markdown table.

Each kernel is compiled by cargo as a program (opt-level 3, target-cpu native), run as one cell, and run as two: its items in
one cell, its loop in the next. They take turns, and each figure is the least of several runs, so that a disturbance of the
machine hits none of them. The text itself takes the time, so compilation is not in it; with one thread it is
that thread's own, so that a machine with other users will do. Each kernel has sessions of its own. So those with one thread run in
processes that have had no second one, as programs are; in a session whose earlier cells have used rayon, malloc takes locks, as in a
program that has used it. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import datetime
import os
import pathlib
import re
import subprocess
import sys
import time

from cells import ROOT, cores, cpu, geometric, rustc
from kernels_texts import KERNELS, PARALLEL
from support import process
from support.frontend import Kernel

TIMED = """{{
    let clock = || {{
        #[repr(C)] struct Time(i64, i64);
        unsafe extern "C" {{ fn clock_gettime(clock: i32, time: *mut Time) -> i32; }}
        let mut time = Time(0, 0);
        unsafe {{ clock_gettime({clock}, &mut time) }};
        time.0 * 1_000_000_000 + time.1
    }};
    let begun = clock(); let result = {{ {block} }}; let took = clock() - begun;
    println!("{{took}} {{result}}");
}}"""
# what one thread does is measured in time of that thread, of which other programs take nothing: CLOCK_THREAD_CPUTIME_ID
ALONE, TOGETHER = 3, 1
PLACES = ("program", "one cell", "two cells")
MANIFEST = """[package]
name = "kernels"
version = "0.0.0"
edition = "2024"

[dependencies]
rayon = "1"

[workspace]
"""


def timed(name: str, block: str) -> str:
    return TIMED.format(block=block, clock=TOGETHER if name in PARALLEL else ALONE)


def build(kernels: dict, folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Compiles all programs; returns them by kernel."""
    (folder / "src/bin").mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(MANIFEST)
    for old in (folder / "src/bin").iterdir():
        old.unlink()
    programs = {}
    for name, (items, block) in kernels.items():
        file = re.sub(r"\W+", "_", name)
        # what a cell finds unused it does not say either
        (folder / f"src/bin/{file}.rs").write_text(f"#![allow(warnings)]\n{items}\nfn main() {{ {timed(name, block)} }}\n")
        programs[name] = folder / "target/release" / file
    env = process.environment(RUSTFLAGS="-C target-cpu=native", CARGO_TARGET_DIR=str(folder / "target"))
    subprocess.run(["cargo", "build", "--release", "--quiet", "-j2"], cwd=folder, env=env, check=True)
    return programs


def told(text: str, name: str) -> tuple[float, str]:
    """Milliseconds and the result, as a kernel prints them."""
    found = re.search(r"^(\d+) (.*)$", text, re.M)
    assert found, f"{name}: no time in {text!r}"
    return int(found[1]) / 1e6, found[2]


class Cells:
    """The sessions that run one kernel: a session for each way."""

    def __init__(self, name: str, items: str, block: str, before: list[str], **env: str):
        self.timed = timed(name, block)
        self.one, self.two = Kernel(timeout=300, **env), Kernel(timeout=300, **env)
        for cell in before:
            self.one.ok(cell)
            self.two.ok(cell)
        self.whole = f"{items}\n{self.timed}"
        self.two.ok(items)

    def run(self, place: str) -> str:
        kernel, text = (self.one, self.whole) if place == "one cell" else (self.two, self.timed)
        story = kernel.run(text, timeout=300)
        story.finish()
        return story.printed()

    def close(self) -> None:
        self.one.close(check=False)
        self.two.close(check=False)


def measure(name: str, kernel: tuple[str, str], program: pathlib.Path, repeat: int, before: list[str], **env: str) -> dict[str, float]:
    """The least time of each place."""
    cells, times, results = Cells(name, *kernel, before, **env), {place: [] for place in PLACES}, set()
    try:
        for i in range(repeat):
            for place in PLACES if i % 2 == 0 else PLACES[::-1]:
                if place == "program":
                    text = subprocess.run([program], env=process.environment(**env), capture_output=True, text=True, check=True).stdout
                else:
                    text = cells.run(place)
                took, result = told(text, name)
                times[place].append(took)
                results.add(result)
    finally:
        cells.close()
    assert len(results) == 1, f"{name}: different results: {results}"
    return {place: min(values) for place, values in times.items()}


def row(name: str, found: dict[str, float]) -> str:
    program, one, two = (found[place] for place in PLACES)
    return f"| {name} | {program:.1f} | {one:.1f} | {two:.1f} | {one / program:.2f} | {two / program:.2f} |"


def report(kernels: dict, parallel: dict, repeat: int, before: list[str], say) -> str:
    """Measures everything; returns Markdown."""
    programs = build({**kernels, **parallel}, process.WORK / "kernels")
    out = [
        "# Cells beside programs",
        "",
        f"Measured by `benches/run kernels` on {datetime.date.today()}: {cpu()}, {len(cores())} cores, {rustc()}. The same text as a program "
        f"(opt-level 3, target-cpu native), as one cell, and as two (items first, then the loop): the least of {repeat} runs each, in turns, in milliseconds of the thread, or of the clock where there are two threads. "
        "Each kernel has sessions of its own, so malloc takes locks where the program's does: from the first use of threads on. "
        f"The machine's load average was {os.getloadavg()[0]:.1f} at the start.",
        *([f"Before each kernel: `{'; '.join(before)}`."] if before else []),
        "",
        "| kernel | program | one cell | two cells | one : program | two : program |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    ratios: dict[str, list[float]] = {"one cell": [], "two cells": []}
    for name, kernel in {**kernels, **parallel}.items():
        env = {"RAYON_NUM_THREADS": "2", "FERROLAB_THREADS": "2"} if name in parallel else {}
        found = measure(name, kernel, programs[name], repeat, before, **env)
        for place, known in ratios.items():
            known.append(found[place] / found["program"])
        out.append(row(name + (", two threads" if name in parallel else ""), found))
        say(out[-1])
    means = " | ".join(f"**{geometric(known):.2f}**" for known in ratios.values())
    out += [f"| **geometric mean** | | | | {means} |", f"| **largest** | | | | {' | '.join(f'**{max(known):.2f}**' for known in ratios.values())} |"]
    return "\n".join(out) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two runs instead of five")
    parser.add_argument("--only", default="", help="kernels whose name this regular expression finds")
    parser.add_argument("--before", action="append", default=[], help="a cell to run before each kernel, such as `:snapshots off`")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/kernels.md")
    options = parser.parse_args()
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {text}", file=sys.stderr, flush=True)

    chosen = [{name: text for name, text in of.items() if re.search(options.only, name)} for of in (KERNELS, PARALLEL)]
    text = report(*chosen, 2 if options.quick else 5, options.before, say)
    options.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
