"""Workers as jobs of Slurm, one for each node: submitted, followed, explained when they end, never left behind.

The scheduler is in this process; workers find it at the address from which this machine reaches the nodes.
Jobs are known by a name of their own, so that whoever ends them needs no list: `close`, and a guard process
that does the same when this one is killed. It knows `sbatch`, `squeue`, `scancel`, `sinfo`; what a job runs
is `jobscript.py`, and of tasks it knows nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import math
import os
import re
import shutil
import socket
import time
import traceback

import jobscript
import tls
from connection import Wrong

FOLDER = os.path.dirname(os.path.realpath(__file__))
# seconds between two looks at the queue: while somebody waits for jobs, later, and while nobody waits
SOON, LATER, SELDOM = 1.0, 5.0, 20.0
# a wait is young for so many seconds
YOUNG = 60
# Slurm's controller may be slow
PATIENCE = 60
# adapt: seconds of work that justify a thread, and looks before a node is given back
WORTH, CALM = 5.0, 5
# seconds without any worker, after which a job counts as lost: a worker that is started again takes less
EMPTY = 10
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


@dataclasses.dataclass
class Job:
    id: str
    state: str = "PENDING"
    reason: str = ""
    start: str = ""
    node: str = ""
    limit: str = ""
    # given back on purpose
    unwanted: bool = False
    joined: bool = False
    # when the last of its workers left
    empty: float | None = None

    @property
    def lost(self) -> bool:
        """Slurm has it as running, and nothing is heard of it: its network failed, or its workers hang."""
        return self.state == "RUNNING" and self.empty is not None and time.monotonic() - self.empty > EMPTY

    @property
    def in_doubt(self) -> bool:
        """Its workers are gone. They may be starting again, or Slurm is about to end it: the next seconds tell."""
        return self.state == "COMPLETING" or (self.state == "RUNNING" and self.empty is not None and not self.lost)

    @property
    def there(self) -> bool:
        return self.state not in ENDED and not self.unwanted

    def why_ended(self) -> str:
        where = f" on {self.node}" if self.node else ""
        why = f"its walltime of {self.limit} was over" if self.state == "TIMEOUT" and self.limit else ENDED[self.state]
        detail = f", {self.reason}" if self.reason not in ("", "None", "TimeLimit", "NonZeroExitCode") else ""
        return f"job {self.id}{where} ended, because {why} ({self.state}{detail})"

    def shown(self) -> dict:
        reason = self.reason if self.reason != "None" else ""
        short = reason.split(",")[0].strip()
        if self.state == "PENDING":
            reason = f"{reason}: {REASONS[short]}" if short in REASONS else reason or "not looked at yet"
        elif self.state == "RUNNING" and not self.joined:
            reason = "its workers are starting"
        elif self.state == "RUNNING" and self.empty is not None:
            reason = "its workers are lost"
        elif self.state in ENDED:
            reason = ENDED[self.state]
        return {"job": self.id, "state": self.state, "reason": reason, "start": self.start if self.state == "PENDING" else "", "node": self.node}


def moment(text: str) -> str:
    """Slurm's time, for people: without the date when that is today's."""
    try:
        when = datetime.datetime.fromisoformat(text)
    except ValueError:
        return ""
    return when.strftime("%H:%M:%S" if when.date() == datetime.date.today() else "%Y-%m-%d %H:%M")


async def command(*words: str, input: str = "") -> str:
    """What one of Slurm's commands printed; its own words when it fails."""
    process = await asyncio.create_subprocess_exec(
        *words, env=jobscript.environment(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(input.encode()), PATIENCE)
    except asyncio.TimeoutError:
        raise Wrong(f"Slurm's controller does not answer: `{words[0]}` took more than {PATIENCE} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    if process.returncode:
        said = err.decode(errors="replace").strip() or out.decode(errors="replace").strip() or f"exit status {process.returncode}"
        raise Wrong(f"Slurm refuses: {said}" if words[0] == "sbatch" else said)
    return out.decode(errors="replace")


async def own_address(options: dict) -> str:
    """Where the scheduler listens: what was asked for, or the address from which this machine reaches the nodes."""
    from distributed.utils import get_ip_interface

    if options.get("scheduler_interface"):
        try:
            return get_ip_interface(options["scheduler_interface"])
        except ValueError as problem:
            raise Wrong(f"scheduler_interface: {problem}") from None
    if options.get("interface"):
        # nodes and login nodes may call their networks otherwise: then the route decides
        with contextlib.suppress(ValueError):
            return get_ip_interface(options["interface"])
    partition = ["-p", options["partition"]] if options.get("partition") else []
    with contextlib.suppress(Wrong):
        # without nodes it is no partition, which sbatch says better
        nodes = await command("sinfo", "-h", "-N", "-o", "%o", *partition) or await command("sinfo", "-h", "-N", "-o", "%o")
        for node in nodes.split()[:5]:
            with contextlib.suppress(OSError):
                family, _, _, _, there = socket.getaddrinfo(node, 9, type=socket.SOCK_DGRAM)[0]
                with socket.socket(family, socket.SOCK_DGRAM) as probe:
                    probe.connect(there)
                    found = probe.getsockname()[0]
                if not found.startswith("127.") and found != "::1":
                    return found
    raise Wrong("no address of this machine is known that the nodes reach: name its network with .scheduler_interface(\"eth0\")")


class Cluster:
    """A scheduler here, and jobs with workers for it."""

    def __init__(self, name: str, options: dict):
        self.name, self.options = name, options
        self.label = f"ferrolab-{name}"
        self.jobs: dict[str, Job] = {}
        self.logs = jobscript.log_directory(options)
        self.scheduler = self.guard = self.security = None
        self.tasks: list[asyncio.Task] = []
        # set when the queue should be looked at now
        self.glance = asyncio.Event()
        self.polling = asyncio.Lock()
        self.scaling = asyncio.Lock()
        self.polled, self.asked = 0.0, time.monotonic()
        self.bounds: tuple[int, int] | None = None
        self.problem = ""
        self.told: list[str] = []
        self.tell = None
        # thread seconds that runs have still to do, by run
        self.backlog: dict[str, float] = {}
        self.closed = False

    @property
    def scheduler_address(self) -> str:
        return self.scheduler.address

    @property
    def dashboard_link(self) -> str:
        port = self.scheduler.services["dashboard"].port if "dashboard" in self.scheduler.services else None
        return f"http://127.0.0.1:{port}/status" if port else ""

    async def start(self) -> None:
        from distributed import Scheduler

        self.security = tls.security_of(self.options.get("security"), ("client", "scheduler", "worker"))
        host = await own_address(self.options)
        encrypted = {"security": self.security, "protocol": "tls://"} if self.security is not None else {}
        # the dashboard has no password: it is for this machine, through Jupyter's own server
        self.scheduler = await Scheduler(host=host, port=0, dashboard_address="127.0.0.1:0", local_directory=FOLDER, **encrypted)
        self.scheduler.add_plugin(watcher(self), name="ferrolab-slurm")
        self.guard = jobscript.guard(self.label)
        try:
            credentials = tls.files_for_jobs(self.security, self.logs, self.label)
            self.script = jobscript.script(self.options, self.label, self.logs, self.scheduler.address, credentials)
            await self.scale(self.options.get("nodes", 1))
        except BaseException:
            await self.close()
            raise
        self.tasks.append(asyncio.create_task(self.follow()))

    # -- jobs ------------------------------------------------------------------------------------

    def alive(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.there]

    def workers_of(self, job: Job) -> list:
        return [w for w in self.scheduler.workers.values() if job_of(w.name) == job.id]

    async def submit(self) -> None:
        printed = await command("sbatch", "--parsable", input=self.script)
        number = printed.strip().splitlines()[-1].split(";")[0]
        self.jobs.setdefault(number, Job(number))
        self.asked = time.monotonic()
        self.glance.set()

    async def scale(self, wanted: int) -> None:
        async with self.scaling:
            await self.settle()
            if lost := [job for job in self.alive() if job.lost]:
                await self.give_back(lost)
            for _ in range(wanted - len(self.alive())):
                await self.submit()
            surplus = len(self.alive()) - wanted
            if surplus > 0:
                await self.give_back(sorted(self.alive(), key=self.worth)[:surplus])
            self.problem = ""
            self.told.clear()

    async def settle(self) -> None:
        """Waits until it is known which jobs there are. Whoever scales because jobs have just ended often
        knows it before the queue was asked again, and would be told that all are there."""
        deadline = time.monotonic() + EMPTY
        while self.alive():
            with contextlib.suppress(Wrong, OSError):
                await self.poll()
            if time.monotonic() > deadline or not any(job.in_doubt for job in self.alive()):
                return
            await asyncio.sleep(SOON / 4)

    def worth(self, job: Job) -> tuple:
        """What would be lost with a job: those that wait come first, then idle ones with little data."""
        workers = self.workers_of(job)
        return (len(workers) > 0, job.state == "RUNNING", sum(len(w.processing) for w in workers), sum(w.nbytes for w in workers))

    async def give_back(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.unwanted = True
        workers = [w.address for job in jobs for w in self.workers_of(job)]
        if workers:
            # their results go to other workers first
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.scheduler.retire_workers(workers=workers, close_workers=True, remove=True), PATIENCE)
        await command("scancel", *[job.id for job in jobs])
        self.glance.set()

    async def adapt(self, minimum: int, maximum: int) -> None:
        self.bounds = (minimum, maximum)
        if not any(task.get_name() == "adapt" for task in self.tasks):
            self.tasks.append(asyncio.create_task(self.keep_adapting(), name="adapt"))

    async def keep_adapting(self) -> None:
        calm = 0
        while True:
            if self.bounds is not None and not self.problem:
                wanted, have = max(self.bounds[0], min(self.bounds[1], self.demand())), len(self.alive())
                calm = calm + 1 if wanted < have else 0
                try:
                    if wanted > have or calm >= CALM or have > self.bounds[1]:
                        await self.scale(wanted)
                        calm = 0
                except Wrong as problem:
                    self.problem = str(problem)
            await asyncio.sleep(SOON)

    def demand(self) -> int:
        """Nodes worth having: batches hide from Dask how many calls wait, so runs tell what is left of them."""
        threads = self.options.get("cores") or 1
        seconds = sum(self.backlog.values())
        wanted = math.ceil(seconds / (WORTH * threads))
        busy = sum(1 for job in self.alive() if any(w.processing for w in self.workers_of(job)))
        workers = self.scheduler.adaptive_target()
        tasks = self.options.get("tasks") or 1
        wanted = max(wanted, 1 if self.backlog else 0)
        return max(wanted, busy, math.ceil(workers / tasks) if self.scheduler.tasks else 0)

    # -- the queue -------------------------------------------------------------------------------

    async def follow(self) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.glance.wait(), self.pause())
            self.glance.clear()
            try:
                await self.poll()
            except (Wrong, OSError):
                pass
            except Exception:  # noqa: BLE001: whoever waits for jobs would wait for ever
                traceback.print_exc()
            await asyncio.sleep(SOON / 4)

    def pause(self) -> float:
        """The controller serves everybody: it is asked often only while a job is about to change."""
        waits = any(not job.joined or job.state != "RUNNING" for job in self.jobs.values() if job.state not in ENDED)
        if waits and time.monotonic() - self.asked < YOUNG:
            return SOON
        return LATER if self.backlog or waits else SELDOM

    async def poll(self) -> None:
        """Asks Slurm for our jobs, those that ended included."""
        async with self.polling:
            out = await command("squeue", "-h", "-a", "-t", "all", f"--name={self.label}", "-o", "%i|%T|%S|%N|%l|%r")
            self.polled = time.monotonic()
            rows = [line.split("|", 5) for line in out.splitlines() if line.count("|") >= 5]
            seen = {row[0] for row in rows}
            for number, state, start, node, limit, reason in rows:
                # one whose sbatch failed after the controller had taken it
                job = self.jobs.setdefault(number, Job(number))
                await self.update(job, state, moment(start), node, limit, reason)
            for job in list(self.jobs.values()):
                if job.id not in seen and job.state not in ENDED and time.monotonic() - self.asked > LATER:
                    await self.update(job, "GONE", "", job.node, job.limit, "")

    async def update(self, job: Job, state: str, start: str, node: str, limit: str, reason: str) -> None:
        before, there = job.state, job.there
        again = before in ("RUNNING", "COMPLETING", *ENDED) and state in ("PENDING", "CONFIGURING")
        left = job.node
        job.state, job.start, job.node, job.limit, job.reason = state, start, node or (job.node if state in ENDED else ""), limit, reason
        job.joined = job.joined or bool(self.workers_of(job))
        if again and not job.unwanted:
            job.joined, job.empty = False, None
            await self.forget_workers(job)
            self.say(f"job {job.id} lost {left or 'its node'}; Slurm has put it into the queue again. Calls that ran there run again elsewhere")
        if state in ENDED:
            await self.forget_workers(job)
            if there:
                self.on_end(job)
        elif there and state == "PENDING" and NEVER.search(reason):
            job.unwanted = True
            short = reason.split(",")[0].strip("()")
            self.problem = f"job {job.id} can never start. Slurm says {reason}" + (f": {REASONS[short]}" if short in REASONS else "") + ". It was cancelled; ask for less"
            with contextlib.suppress(Wrong):
                await command("scancel", job.id)

    async def forget_workers(self, job: Job) -> None:
        """A node that lost power says no goodbye, so the scheduler hears it from here."""
        for worker in self.workers_of(job):
            await self.scheduler.remove_worker(worker.address, stimulus_id=f"slurm-{job.id}-{time.time()}", close=False, safe=True)

    def on_end(self, job: Job) -> None:
        if job.unwanted:
            return
        said = jobscript.tail(self.logs, job.id, 6)
        if job.state == "FAILED" and "memory limit" in said:
            # how a Slurm that has no cgroups ends such a job
            job.state = "OUT_OF_MEMORY"
        text = job.why_ended()
        if not job.joined:
            text += ", before any worker had joined" + (f"; the end of its log:\n{said}" if said else "")
            # whatever stopped it would stop the next one
            if job.state not in ("NODE_FAIL", "BOOT_FAIL", "PREEMPTED"):
                self.problem = text
        self.told.append(text)
        back = "" if self.bounds else "; it is not submitted again by itself: cluster.scale(n) does that"
        self.say(f"{text}. Calls that ran there run again on the workers that are left{back}")

    def say(self, text: str) -> None:
        if self.tell is not None:
            self.tell(text)

    def hopeless(self, wanted: int = 1) -> str:
        """Why there will not be so many workers, when that is so because jobs ended."""
        coming = len(self.alive()) * (self.options.get("tasks") or 1)
        if len(self.scheduler.workers) >= wanted or coming >= wanted:
            return ""
        if self.bounds and self.bounds[1] > 0 and not self.problem:
            return ""
        why = self.problem or "; ".join(self.told[-3:])
        if not self.scheduler.workers and not coming:
            return f"this cluster has no workers, and none will come: {why or 'it has no jobs'}. cluster.scale(n) submits new jobs"
        return f"this cluster has jobs for {coming} of {wanted} workers{': ' + why if why else ''}. cluster.scale(n) submits new jobs"

    async def queue(self, fresh: bool = True) -> list[dict]:
        """Our jobs as they are shown; `fresh` asks Slurm when what is known is old, for those who ask once."""
        if fresh and time.monotonic() - self.polled > SOON:
            with contextlib.suppress(Wrong, OSError):
                await self.poll()
        ended = [job for job in self.jobs.values() if job.state in ENDED and not job.unwanted]
        return [job.shown() for job in [*self.alive(), *ended[-3:]]]

    def job_logs(self) -> dict[str, str]:
        """The end of what each job printed."""
        return {f"job {job.id}": jobscript.tail(self.logs, job.id, 200) for job in self.jobs.values()}

    async def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        for task in self.tasks:
            task.cancel()
        with contextlib.suppress(Wrong, OSError):
            if self.jobs:
                await command("scancel", f"--name={self.label}")
        if self.scheduler is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.scheduler.close(), 10)
        tls.forget_files(self.logs, self.label)
        if self.guard is not None:
            # it looks once more, and ends when nothing is left
            self.guard.stdin.close()


def job_of(worker: str) -> str:
    """Workers are called NODE-JOB, or NODE-JOB.TASK."""
    found = re.search(r"-(\d+)(?:\.\d+)?$", str(worker))
    return found.group(1) if found else ""


def watcher(cluster: Cluster):
    """Looks at the queue when workers come and go, and not only when the next look is due."""
    from distributed.diagnostics.plugin import SchedulerPlugin

    class Watcher(SchedulerPlugin):
        name = "ferrolab-slurm"

        def add_worker(self, scheduler, worker: str) -> None:
            job = cluster.jobs.get(job_of(scheduler.workers[worker].name))
            if job is not None:
                job.joined, job.empty = True, None
                cluster.glance.set()

        def remove_worker(self, scheduler, worker: str, **more) -> None:
            for job in cluster.alive():
                if job.joined and job.empty is None and not cluster.workers_of(job):
                    job.empty = time.monotonic()
            cluster.asked = time.monotonic()
            cluster.glance.set()

    return Watcher()


async def open_cluster(name: str, options: dict) -> Cluster:
    if not shutil.which("sbatch"):
        raise Wrong("there is no `sbatch` here: start the notebook where jobs can be submitted, or use Cluster::scheduler_file")
    cluster = Cluster(name, options)
    await cluster.start()
    return cluster
