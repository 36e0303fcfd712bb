"""Slurm as a batch system: its commands, what its queue's words mean, what it grants a job.

It keeps nothing: jobs of a cluster are `jobs.py`. What a job runs is `workers.sbatch`.
"""

from __future__ import annotations

import datetime
import re
import shutil

import jobscript
from batch import BatchSystem, Ending, Entry, Phase, command
from connection import Lost, Wrong

# jobs in these states are not there any more
ENDED = {
    "TIMEOUT": "its walltime was over",
    "CANCELLED": "it was cancelled",
    "NODE_FAIL": "its node failed",
    "OUT_OF_MEMORY": "it used more memory than it had asked for",
    "PREEMPTED": "a job of higher priority took its place",
    "BOOT_FAIL": "its node did not start",
    "DEADLINE": "its deadline was over",
    "FAILED": "its script failed",
    "COMPLETED": "its workers ended by themselves",
    "REVOKED": "another cluster runs it",
    "GONE": "Slurm does not know it any more",
}
ELSEWHERE = ("NODE_FAIL", "BOOT_FAIL", "PREEMPTED")
PHASES = {"PENDING": Phase.WAITING, "CONFIGURING": Phase.WAITING, "RUNNING": Phase.RUNNING, **dict.fromkeys(ENDED, Phase.ENDED)}
# a job that waits for one of these reasons waits for ever
NEVER = re.compile(r"PerJob|PartitionTimeLimit|PartitionNodeLimit|BadConstraints|Invalid(Account|QOS)|MaxMemPerLimit|AccountNotAllowed|QOSNotAllowed")
REASONS = {
    "Resources": "the nodes it needs are busy",
    "Priority": "jobs of higher priority are before it",
    "Dependency": "another job has to end first",
    "JobHeldUser": "held: scontrol release lets it go",
    "JobHeldAdmin": "held by an administrator",
    "BeginTime": "it may not start yet",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition is inactive",
    "PartitionTimeLimit": "its walltime is longer than the partition allows",
    "PartitionNodeLimit": "it asks for more nodes than the partition allows",
    "ReqNodeNotAvail": "a node it needs is not available",
    "BadConstraints": "no node is like it asks",
}


class Slurm(BatchSystem):
    name = "Slurm"

    def check(self) -> None:
        if not shutil.which("sbatch"):
            raise Wrong("there is no `sbatch` here: start the notebook where jobs can be submitted, or use Cluster::scheduler_file")

    async def run(self, *words: str, input: str = "") -> str:
        return await command("Slurm's controller", *words, input=input, environment=self.environment())

    async def hosts(self) -> list[str]:
        partition = ["-p", self.options.partition] if self.options.partition else []
        # without nodes it is no partition, which sbatch says better
        nodes = await self.run("sinfo", "-h", "-N", "-o", "%o", *partition) or await self.run("sinfo", "-h", "-N", "-o", "%o")
        return nodes.split()

    async def submit(self, script: str) -> str:
        try:
            printed = await self.run("sbatch", "--parsable", input=script)
        except Lost:
            raise
        except Wrong as problem:
            raise Wrong(f"Slurm refuses: {problem}") from None
        return printed.strip().splitlines()[-1].split(";")[0]

    async def poll(self, label: str) -> list[Entry]:
        out = await self.run("squeue", "-h", "-a", "-t", "all", f"--name={label}", "-o", "%i|%T|%S|%N|%l|%r")
        rows = [line.split("|", 5) for line in out.splitlines() if line.count("|") >= 5]
        return [
            Entry(number, PHASES.get(state, Phase.BETWEEN), state, "" if reason == "None" else reason, moment(start), node, limit)
            for number, state, start, node, limit, reason in rows
        ]

    def explain(self, entry: Entry) -> str:
        short = entry.reason.split(",")[0].strip("() ")
        return f"{entry.reason}: {REASONS[short]}" if short in REASONS else entry.reason

    def hopeless(self, entry: Entry) -> bool:
        return entry.state == "PENDING" and NEVER.search(entry.reason) is not None

    def ending(self, entry: Entry, log: str) -> Ending:
        state = entry.state if entry.state in ENDED else "GONE"
        if state == "FAILED" and "memory limit" in log:
            # how a Slurm that has no cgroups ends such a job
            state = "OUT_OF_MEMORY"
        why = f"its walltime of {entry.limit} was over" if state == "TIMEOUT" and entry.limit else ENDED[state]
        detail = "" if entry.reason in ("TimeLimit", "NonZeroExitCode") else entry.reason
        return Ending(state, why, detail, state in ELSEWHERE)

    async def cancel(self, *jobs: str) -> None:
        await self.run("scancel", *jobs)

    async def cancel_all(self, label: str) -> None:
        await self.run("scancel", f"--name={label}")

    def sweep(self) -> str:
        return 'scancel --name="$1" && [ -z "$(squeue -h -a --name="$1" -o %i)" ]'

    def inherited(self, variable: str) -> bool:
        return variable in ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS") or not variable.startswith(("SLURM_", "SLURMD_"))

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "SLURM_TIME_FORMAT": "standard"}

    def directives(self, label: str, log: str) -> list[str]:
        asked = {
            "job-name": label,
            "partition": self.options.partition,
            "account": self.options.account,
            "nodes": 1,
            "ntasks": self.options.tasks,
            "cpus-per-task": self.options.cores // self.options.tasks,
            "mem": mebibytes(self.options.memory) if self.options.memory else "",
            "time": self.options.walltime or "01:00:00",
            "output": f'"{log}"',
            "open-mode": "append",
        }
        lines = [f"--{name}={value}" for name, value in asked.items() if value != ""]
        # Slurm itself puts a job into the queue again whose node failed
        return [f"#SBATCH {line}" for line in [*lines, "--requeue", *self.options.directives]]

    def functions(self) -> str:
        return jobscript.functions("granted", "launch")


def moment(text: str) -> str:
    """Slurm's time, for people: without the date when that is today's."""
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        return ""
    return when.strftime("%H:%M:%S" if when.date() == datetime.date.today() else "%Y-%m-%d %H:%M")


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
