"""What a job of Slurm runs: the batch script, where its log is, and the guard that ends jobs of a process that was killed.

Nothing here waits or keeps state; jobs in the queue are `slurm.py`.
"""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import subprocess
import sys
import time

from connection import Wrong

# logs older than this are removed
KEPT = 14 * 24 * 3600


WORKER = """\
# what every task of the job runs: one worker with the processors of the task
worker() {
  local memory=auto host
  if [ "${SLURM_MEM_PER_NODE:-0}" -gt 0 ]; then memory=$((SLURM_MEM_PER_NODE / %(tasks)s))MiB
  elif [ "${SLURM_MEM_PER_CPU:-0}" -gt 0 ]; then memory=$((SLURM_MEM_PER_CPU * %(threads)s))MiB; fi
  %(host)s
  exec %(python)s -m distributed.cli.dask_worker %(address)s --name "%(name)s" --nthreads %(threads)s --memory-limit "$memory" \\
    --local-directory "%(scratch)s" --death-timeout %(patience)s --no-dashboard%(tls)s "${host[@]}"
}
export -f worker
"""
# the address of this node from which the scheduler is reached, and no other, is what workers listen at
ROUTE = """host=(--host "$(%(python)s -c 'import socket, sys
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect((sys.argv[1], 9))
    print(s.getsockname()[0])' "%(there)s")")"""
GUARD = """
while read -r _; do :; done
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  scancel --name="$1" && [ -z "$(squeue -h -a --name="$1" -o %i)" ] && exit
  sleep 1
done
"""


def environment() -> dict[str, str]:
    """For Slurm's commands, and so for jobs: without what describes the job that the notebook itself runs in, and
    without its number of threads."""
    keep = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_TIME_FORMAT")
    dropped = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS")
    there = {k: v for k, v in os.environ.items() if k not in dropped and (k in keep or not k.startswith(("SLURM_", "SLURMD_")))}
    there["SLURM_TIME_FORMAT"] = "standard"
    return there


def log_directory(options: dict) -> pathlib.Path:
    """Where jobs write, made when it is not there: it must be on a file system that the nodes share."""
    if options.get("log_directory"):
        folder = pathlib.Path(os.path.expandvars(options["log_directory"])).expanduser().absolute()
    else:
        state = os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local/state"
        folder = pathlib.Path(state) / "ferrolab" / "slurm"
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


def mebibytes(text: str) -> str:
    """Memory as people write it ("8GB", "8G", "500 MiB"), in Slurm's words; "0" is all of a node."""
    from dask.utils import parse_bytes

    if text.strip() == "0":
        return "0"
    # Slurm's own way to write it, where G is GiB
    if found := re.fullmatch(r"\s*(\d+)\s*([KMGT])\s*", text, re.I):
        text = f"{found.group(1)}{found.group(2)}iB"
    try:
        return f"{max(1, -(-parse_bytes(text) // (1 << 20)))}M"
    except ValueError:
        raise Wrong(f"memory: `{text}` is no size; write \"8GB\"") from None


def script(options: dict, label: str, logs: pathlib.Path, address: str, credentials: dict[str, str] | None = None) -> str:
    """The batch script of one node."""
    tasks, cores = options.get("tasks") or 1, options.get("cores") or 1
    if cores % tasks:
        raise Wrong(f"{cores} cores cannot be shared evenly by {tasks} tasks: make the cores of a node a multiple of its tasks")
    asked = {
        "job-name": label,
        "partition": options.get("partition"),
        "account": options.get("account"),
        "nodes": 1,
        "ntasks": tasks,
        "cpus-per-task": cores // tasks,
        "mem": mebibytes(options["memory"]) if options.get("memory") else None,
        "time": options.get("walltime") or "01:00:00",
        # Slurm reads % in paths as its own
        "output": f'"{log_of(pathlib.Path(str(logs).replace("%", "%%")), "%j")}"',
        "open-mode": "append",
    }
    lines = [f"--{name}={value}" for name, value in asked.items() if value is not None]
    # Slurm itself puts a job into the queue again whose node failed
    lines += ["--requeue", *options.get("directives", [])]
    if any("\n" in line for line in lines):
        raise Wrong("an option for Slurm is one line")
    python = shlex.quote(options.get("python") or sys.executable)
    words = {
        "python": python,
        "tasks": tasks,
        "threads": cores // tasks,
        "name": "$SLURMD_NODENAME-$SLURM_JOB_ID" + (".$SLURM_LOCALID" if tasks > 1 else ""),
        "address": address,
        "scratch": options.get("local_directory") or "${TMPDIR:-/tmp}",
        "patience": options.get("death_timeout", 60),
    }
    words["tls"] = "".join(f" --tls-{name} {shlex.quote(file)}" for name, file in (credentials or {}).items())
    there = address.split("://")[1].rsplit(":", 1)[0].strip("[]")
    words["host"] = f"host=(--interface {shlex.quote(options['interface'])})" if options.get("interface") else ROUTE % {"python": python, "there": there}
    return "\n".join([
        "#!/bin/bash",
        *[f"#SBATCH {line}" for line in lines],
        *[f"module load {shlex.quote(name)}" for name in options.get("modules", [])],
        *options.get("prologue", []),
        WORKER % words,
        f"exec srun --export=ALL --ntasks={tasks} --cpus-per-task={cores // tasks} --kill-on-bad-exit=0 bash -c worker",
        "",
    ])  # fmt: skip


def guard(label: str) -> subprocess.Popen:
    """A process that ends all jobs of this name when we end, in whatever way. It is in a session of its own, so
    that what kills our group spares it."""
    command = ["/bin/sh", "-c", GUARD, "ferrolab-guard", label]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, start_new_session=True, **quiet)
