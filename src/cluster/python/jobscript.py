"""What a job runs, whatever system it is a job of: its script, where its log is, and the guard that ends jobs of a
process that was killed.

Nothing here waits or keeps state; jobs are `jobs.py`, what is asked of a system and how is the system's (`batch.py`).
"""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

from batch import BatchSystem
from connection import Wrong
from protocol import JobOptions

FOLDER = pathlib.Path(__file__).resolve().parent
# logs older than this are removed
KEPT = 14 * 24 * 3600
# so long after the notebook's process has gone, jobs are looked for once a second
GUARD = """
while read -r _; do :; done
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  %s && exit
  sleep 1
done
"""


def functions(*names: str) -> str:
    """These functions of `workers.sbatch`: users submit that file by hand, so it is whole, and ours are taken from it."""
    text = (FOLDER / "workers.sbatch").read_text()
    return "".join(re.search(rf"^{name}\(\) \{{\n.*?^\}}\n", text, re.M | re.S)[0] for name in names)


def log_directory(options: JobOptions, system: str) -> pathlib.Path:
    """Where jobs write, made when it is not there: it must be on a file system that the nodes share."""
    if options.log_directory:
        folder = pathlib.Path(os.path.expandvars(options.log_directory)).expanduser().absolute()
    else:
        state = os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local/state"
        folder = pathlib.Path(state) / "ferrolab" / system.lower()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in [*folder.glob("ferrolab-*.out"), *folder.glob("ferrolab-*.pem")]:
            if time.time() - old.stat().st_mtime > KEPT:
                old.unlink(missing_ok=True)
    except OSError as problem:
        raise Wrong(f"logs of jobs cannot be kept: {problem}; choose another place with .log_directory(\"…\")") from None
    return folder


def log_of(folder: pathlib.Path, job: str) -> pathlib.Path:
    return folder / f"ferrolab-{job}.out"


def tail(folder: pathlib.Path, job: str, lines: int) -> str:
    """The last lines of a job's log."""
    try:
        with open(log_of(folder, job), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def script(system: BatchSystem, label: str, logs: pathlib.Path, address: str, credentials: dict[str, str] | None = None) -> str:
    """The batch script of one node."""
    options = system.options
    if options.cores % options.tasks:
        raise Wrong(f"{options.cores} cores cannot be shared evenly by {options.tasks} tasks: make the cores of a node a multiple of its tasks")
    # a % in paths is the batch system's
    directives = system.directives(label, str(log_of(pathlib.Path(str(logs).replace("%", "%%")), "%j")))
    if any("\n" in line for line in directives):
        raise Wrong(f"an option for {system.name} is one line")
    told = {"scheduler": address, "python": options.python or sys.executable, "interface": options.interface}
    told |= {f"tls_{name.replace('-', '_')}": file for name, file in (credentials or {}).items()}
    return "\n".join([
        "#!/bin/bash",
        *directives,
        *[f"module load {shlex.quote(name)}" for name in options.modules],
        *options.prologue,
        *[f"export WORKER_{name.upper()}={shlex.quote(value)}" for name, value in told.items()],
        # the job's shell expands what stands in it, in each task
        f'scratch() {{\n  printf %s "{options.local_directory or "${TMPDIR:-/tmp}"}"\n}}',
        system.functions() + functions("worker") + "export -f granted worker scratch",
        "launch",
        "",
    ])  # fmt: skip


def guard(system: BatchSystem, label: str) -> subprocess.Popen:
    """A process that ends all jobs of this name when we end, in whatever way. It is in a session of its own, so
    that what kills our group spares it."""
    command = ["/bin/sh", "-c", GUARD % system.sweep(), "ferrolab-guard", label]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=system.environment(), stdin=subprocess.PIPE, start_new_session=True, **quiet)
