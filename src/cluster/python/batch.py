"""The seam for batch systems: what a cluster whose workers are jobs asks of the system that runs them.

`jobs.py` says when jobs are submitted and given up, and keeps what is known of them; a system says how that is done
and what its queue's words mean. Slurm is `slurm.py`; another system is such a file, and a line in `clusters.py`.
Nothing here knows Dask.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import dataclasses
import enum
import os

from connection import Lost, Wrong
from protocol import JobOptions

# whoever answers for a queue may be slow
PATIENCE = 60
# the number of threads here says nothing about machines elsewhere
OWN = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS")


class Phase(enum.Enum):
    WAITING = "waiting"
    RUNNING = "running"
    # suspended, on its way to a node or away from it
    BETWEEN = "between"
    ENDED = "ended"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A job as it stands in the queue."""

    id: str
    phase: Phase = Phase.WAITING
    # the system's own word for it
    state: str = "PENDING"
    # why it waits, or ended, in the system's own words
    reason: str = ""
    # when it may start, for people
    start: str = ""
    node: str = ""
    # its walltime
    limit: str = ""


@dataclasses.dataclass(frozen=True)
class Ending:
    """Why a job is not there any more."""

    state: str
    # completes "it ended, because …"
    why: str
    # more of the system's words, where they say more
    detail: str = ""
    # the machine's doing: the same job may run elsewhere
    elsewhere: bool = False


class BatchSystem(abc.ABC):
    """One batch system, asked on behalf of one cluster. All jobs of a cluster have one name, its label, which no
    other job has: so they can be ended without a list of them."""

    # as it is called in messages
    name: str

    def __init__(self, options: JobOptions):
        self.options = options

    @abc.abstractmethod
    def check(self) -> None:
        """Refuses a machine from which no jobs can be submitted."""

    @abc.abstractmethod
    async def hosts(self) -> list[str]:
        """A few machines on which jobs may run: the scheduler listens where it is reached from there."""

    @abc.abstractmethod
    async def submit(self, script: str) -> str:
        """The new job's id."""

    @abc.abstractmethod
    async def poll(self, label: str) -> list[Entry]:
        """All jobs of this name, and those that have just ended."""

    @abc.abstractmethod
    def explain(self, entry: Entry) -> str:
        """Why a job waits, for people."""

    @abc.abstractmethod
    def hopeless(self, entry: Entry) -> bool:
        """Does it wait for something that will not come?"""

    @abc.abstractmethod
    def ending(self, entry: Entry, log: str) -> Ending:
        """Why a job ended; `log` is the end of what it printed. One of the state GONE is in the queue no more."""

    @abc.abstractmethod
    async def cancel(self, *jobs: str) -> None:
        """Ends these jobs."""

    @abc.abstractmethod
    async def cancel_all(self, label: str) -> None:
        """Ends all jobs of this name."""

    @abc.abstractmethod
    def sweep(self) -> str:
        """The same for a shell when this process is gone: ends the jobs whose name is `$1`, and succeeds when there are none."""

    @abc.abstractmethod
    def inherited(self, variable: str) -> bool:
        """May jobs have this variable of ours? One that describes the job we run in ourselves they may not."""

    def environment(self) -> dict[str, str]:
        """For the system's commands, and so for jobs."""
        return {name: value for name, value in os.environ.items() if name not in OWN and self.inherited(name)}

    @abc.abstractmethod
    def directives(self, label: str, log: str) -> list[str]:
        """The first lines of a job's script: what it asks for, its name and its log, where `%j` stands for its id."""

    @abc.abstractmethod
    def functions(self) -> str:
        """Two functions for the job's shell. `granted` sets NAME (`NODE-JOB` or `NODE-JOB.TASK`), THREADS and MEMORY
        (`auto` when nothing is known) of the worker of a task; `launch` runs `worker` (`jobscript.py`) once for each task."""


async def command(name: str, *words: str, input: str = "", environment: dict[str, str]) -> str:
    """What one of a system's commands printed; its own words when it fails."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, env=environment, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        out, err = await asyncio.wait_for(process.communicate(input.encode()), PATIENCE)
    except asyncio.TimeoutError:
        raise Lost(f"{name} does not answer: `{words[0]}` took more than {PATIENCE} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    if process.returncode:
        said = err.decode(errors="replace").strip() or out.decode(errors="replace").strip() or f"exit status {process.returncode}"
        raise Wrong(said)
    return out.decode(errors="replace")
