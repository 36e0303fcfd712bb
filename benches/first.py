"""Where the first command's time goes: processor seconds of each crate, of the kernel and of the environment.

    python benches/first.py [--environment] [--keep DIR]

Builds the kernel into an empty target folder and runs a notebook of one cell with an empty cache, with a wrapper around
rustc that writes down what each run used. Processor seconds say the same on a busy machine as on a calm one, nearly; what
ends when is cargo's business. `--environment` leaves the kernel out and takes the program that FERROLAB names.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
# what stands before rustc: one line for each run that makes a crate
WRAPPER = """#!{python}
import json, os, sys
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
if "--crate-name" in sys.argv and "-" != sys.argv[-1]:
    name = sys.argv[sys.argv.index("--crate-name") + 1]
    if name != "___":
        line = json.dumps({{"crate": os.environ.get("CARGO_PKG_NAME", name), "part": name, "seconds": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss << 10}})
        with open(os.environ["FERROLAB_BENCH_LOG"], "a") as log:
            log.write(line + "\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""
BOOK = {
    "cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": "6 * 7", "outputs": [], "execution_count": None}],
    "metadata": {"kernelspec": {"name": "ferrolab", "display_name": "Rust", "language": "rust"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
MOST = 14


def measured(what: str, command: list[str], folder: pathlib.Path, **env: str) -> None:
    """Runs a command, and prints the table of its crates."""
    log = folder / f"{what}.log"
    wrapper = folder / "wrapper"
    wrapper.write_text(WRAPPER.format(python=sys.executable))
    wrapper.chmod(0o755)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **env, "RUSTC_WRAPPER": str(wrapper), "FERROLAB_BENCH_LOG": str(log)}, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    total = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    crates: dict[str, float] = collections.Counter()
    for line in log.read_text().splitlines():
        told = json.loads(line)
        crates[told["crate"]] += told["seconds"]
    print(f"\n{what}: {total:.0f} s of processor time, {len(crates)} packages\n\n| package | seconds | share |\n|---|---|---|")
    rows = sorted(crates.items(), key=lambda each: -each[1])
    rest = sum(seconds for _, seconds in rows[MOST:])
    rows = rows[:MOST] + ([(f"{len(rows) - MOST} others", rest)] if rows[MOST:] else [])
    rows.append(("build scripts, cargo, what is compiled ahead, linking", total - sum(crates.values())))
    for name, seconds in rows:
        print(f"| {name} | {seconds:.1f} | {100 * seconds / total:.0f} % |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environment", action="store_true", help="not the kernel")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ferrolab-first-") as place:
        folder = pathlib.Path(place)
        program = pathlib.Path(os.environ.get("FERROLAB", ROOT / "target/release/ferrolab")).absolute()
        if not chosen.environment:
            measured("kernel", ["cargo", "build", "--release", "--locked", "--target-dir", str(folder / "target")], folder)
            program = folder / "target/release/ferrolab"
        (folder / "one.ipynb").write_text(json.dumps(BOOK))
        command = [str(program), "run", "--no-html", "-o", str(folder / "out.ipynb"), str(folder / "one.ipynb")]
        measured("environment", command, folder, FERROLAB_CACHE_DIR=str(folder / "cache"))


if __name__ == "__main__":
    main()
