"""Clusters whose workers are jobs, one for each node: submitted, followed, explained when they end, never left behind.

The scheduler is in this process; workers find it at the address from which this machine reaches the nodes.
Jobs are known by a name of their own, so that whoever ends them needs no list: `close`, and a guard process
that does the same when this one is killed. Which batch system runs them it does not know (`batch.py`), what a job runs
is `jobscript.py`, and of tasks it knows nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import socket
import time
import traceback

import jobscript
import tls
from batch import PATIENCE, BatchSystem, Ending, Entry, Phase
from connection import Wrong
from origin import Origin
from protocol import JobOptions, QueuedJob

# seconds between two looks at the queue: while somebody waits for jobs, later, and while nobody waits
SOON, LATER, SELDOM = 1.0, 5.0, 20.0
# a wait is young for so many seconds
YOUNG = 60
# adapt: seconds of work that justify a thread, and looks before a node is given back
WORTH, CALM = 5.0, 5
# seconds without any worker, after which a job counts as lost: a worker that is started again takes less
EMPTY = 10


@dataclasses.dataclass
class Job:
    """A job of ours: what its queue says of it, and what we know besides."""

    entry: Entry
    # why it ended, when it has
    ending: Ending | None = None
    # given back on purpose
    unwanted: bool = False
    joined: bool = False
    # when the last of its workers left
    empty: float | None = None

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def ended(self) -> bool:
        return self.entry.phase is Phase.ENDED

    @property
    def lost(self) -> bool:
        """The queue has it as running, and nothing is heard of it: its network failed, or its workers hang."""
        return self.entry.phase is Phase.RUNNING and self.empty is not None and time.monotonic() - self.empty > EMPTY

    @property
    def in_doubt(self) -> bool:
        """Its workers are gone. They may be starting again, or it is about to be ended: the next seconds tell."""
        running = self.entry.phase is Phase.RUNNING and self.empty is not None and not self.lost
        return running or self.entry.phase is Phase.BETWEEN

    @property
    def there(self) -> bool:
        return not self.ended and not self.unwanted

    def why_ended(self) -> str:
        where = f" on {self.entry.node}" if self.entry.node else ""
        detail = f", {self.ending.detail}" if self.ending.detail else ""
        return f"job {self.id}{where} ended, because {self.ending.why} ({self.ending.state}{detail})"

    def shown(self, system: BatchSystem) -> QueuedJob:
        entry, state, reason = self.entry, self.entry.state, self.entry.reason
        waits = entry.phase is Phase.WAITING
        if waits:
            reason = system.explain(entry) or "not looked at yet"
        elif entry.phase is Phase.RUNNING and not self.joined:
            reason = "its workers are starting"
        elif entry.phase is Phase.RUNNING and self.empty is not None:
            reason = "its workers are lost"
        elif self.ending:
            state, reason = self.ending.state, self.ending.why
        return QueuedJob(self.id, state, reason, entry.start if waits else "", entry.node)


async def own_address(system: BatchSystem) -> str:
    """Where the scheduler listens: what was asked for, or the address from which this machine reaches the nodes."""
    from distributed.utils import get_ip_interface

    options = system.options
    if options.scheduler_interface:
        try:
            return get_ip_interface(options.scheduler_interface)
        except ValueError as problem:
            raise Wrong(f"scheduler_interface: {problem}") from None
    if options.interface:
        # nodes and login nodes may call their networks otherwise: then the route decides
        with contextlib.suppress(ValueError):
            return get_ip_interface(options.interface)
    with contextlib.suppress(Wrong):
        for node in (await system.hosts())[:5]:
            with contextlib.suppress(OSError):
                family, _, _, _, there = socket.getaddrinfo(node, 9, type=socket.SOCK_DGRAM)[0]
                with socket.socket(family, socket.SOCK_DGRAM) as probe:
                    probe.connect(there)
                    found = probe.getsockname()[0]
                if not found.startswith("127.") and found != "::1":
                    return found
    raise Wrong("no address of this machine is known that the nodes reach: name its network with .scheduler_interface(\"eth0\")")


class Jobs(Origin):
    """A scheduler here, and jobs with workers for it."""

    def __init__(self, name: str, system: BatchSystem, scratch: str):
        # the scheduler's own files are in `scratch`
        self.name, self.system, self.scratch = name, system, scratch
        self.label = f"ferrolab-{name}"
        self.jobs: dict[str, Job] = {}
        self.folder = jobscript.log_directory(self.options, system.name)
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
    def options(self) -> JobOptions:
        return self.system.options

    @property
    def scheduler_address(self) -> str:
        return self.scheduler.address

    async def start(self) -> None:
        from distributed import Scheduler

        self.security = tls.security_of(self.options.security, ("client", "scheduler", "worker"))
        host = await own_address(self.system)
        encrypted = {"security": self.security, "protocol": "tls://"} if self.security is not None else {}
        # the dashboard has no password: it is for this machine, through Jupyter's own server
        self.scheduler = await Scheduler(host=host, port=0, dashboard_address="127.0.0.1:0", local_directory=self.scratch, **encrypted)
        self.scheduler.add_plugin(watcher(self), name="ferrolab-jobs")
        self.guard = jobscript.guard(self.system, self.label)
        try:
            credentials = tls.files_for_jobs(self.security, self.folder, self.label)
            self.script = jobscript.script(self.system, self.label, self.folder, self.scheduler.address, credentials)
            await self.scale(self.options.nodes)
        except BaseException:
            await self.close()
            raise
        self.tasks.append(asyncio.create_task(self.follow()))

    # -- jobs ------------------------------------------------------------------------------------

    def alive(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.there]

    def workers_of(self, job: Job) -> list:
        return [w for w in self.scheduler.workers.values() if self.job_of(w) is job]

    def job_of(self, worker) -> Job | None:
        """Workers are called NODE-JOB, or NODE-JOB.TASK."""
        name = str(worker.name).rpartition("-")[2]
        return self.jobs.get(name) or self.jobs.get(name.rpartition(".")[0])

    async def submit(self) -> None:
        number = await self.system.submit(self.script)
        self.jobs.setdefault(number, Job(Entry(number)))
        self.asked = time.monotonic()
        self.glance.set()

    async def scale(self, wanted: int) -> None:
        self.bounds = None
        await self.submit_or_give_back(wanted)

    async def submit_or_give_back(self, wanted: int) -> None:
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
        return (len(workers) > 0, job.entry.phase is Phase.RUNNING, sum(len(w.processing) for w in workers), sum(w.nbytes for w in workers))

    async def give_back(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.unwanted = True
        workers = [w.address for job in jobs for w in self.workers_of(job)]
        if workers:
            # their results go to other workers first
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.scheduler.retire_workers(workers=workers, close_workers=True, remove=True), PATIENCE)
        await self.system.cancel(*[job.id for job in jobs])
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
                        await self.submit_or_give_back(wanted)
                        calm = 0
                except Wrong as problem:
                    self.problem = str(problem)
            await asyncio.sleep(SOON)

    def demand(self) -> int:
        """Nodes worth having: batches hide from Dask how many calls wait, so runs tell what is left of them."""
        threads = self.options.cores
        seconds = sum(self.backlog.values())
        wanted = math.ceil(seconds / (WORTH * threads))
        busy = sum(1 for job in self.alive() if any(w.processing for w in self.workers_of(job)))
        workers = self.scheduler.adaptive_target()
        tasks = self.options.tasks
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
        """A queue serves everybody: it is asked often only while a job is about to change."""
        waits = any(not job.joined or job.entry.phase is not Phase.RUNNING for job in self.jobs.values() if not job.ended)
        if waits and time.monotonic() - self.asked < YOUNG:
            return SOON
        return LATER if self.backlog or waits else SELDOM

    async def poll(self) -> None:
        """Asks for our jobs, those that ended included."""
        async with self.polling:
            entries = await self.system.poll(self.label)
            self.polled = time.monotonic()
            for entry in entries:
                # one that was taken although submitting it failed
                await self.update(self.jobs.setdefault(entry.id, Job(entry)), entry)
            seen = {entry.id for entry in entries}
            for job in list(self.jobs.values()):
                if job.id not in seen and not job.ended and time.monotonic() - self.asked > LATER:
                    await self.update(job, dataclasses.replace(job.entry, phase=Phase.ENDED, state="GONE", reason="", start=""))

    async def update(self, job: Job, entry: Entry) -> None:
        before, there = job.entry, job.there
        again = before.phase is not Phase.WAITING and entry.phase is Phase.WAITING
        job.entry = entry if entry.node or entry.phase is not Phase.ENDED else dataclasses.replace(entry, node=before.node)
        job.joined = job.joined or bool(self.workers_of(job))
        if again and not job.unwanted:
            job.joined, job.empty, job.ending = False, None, None
            await self.forget_workers(job)
            self.say(f"job {job.id} lost {before.node or 'its node'}; {self.system.name} has put it into the queue again. Calls that ran there run again elsewhere")
        if job.ended:
            await self.forget_workers(job)
            if job.ending is None:
                job.ending = self.system.ending(job.entry, jobscript.tail(self.folder, job.id, 6))
            if there:
                self.on_end(job)
        elif there and self.system.hopeless(entry):
            job.unwanted = True
            self.problem = f"job {job.id} can never start. {self.system.name} says {self.system.explain(entry)}. It was cancelled; ask for less"
            with contextlib.suppress(Wrong):
                await self.system.cancel(job.id)

    async def forget_workers(self, job: Job) -> None:
        """A node that lost power says no goodbye, so the scheduler hears it from here."""
        for worker in self.workers_of(job):
            await self.scheduler.remove_worker(worker.address, stimulus_id=f"job-{job.id}-{time.time()}", close=False, expected=True)

    def on_end(self, job: Job) -> None:
        text = job.why_ended()
        if not job.joined:
            said = jobscript.tail(self.folder, job.id, 6)
            text += ", before any worker had joined" + (f"; the end of its log:\n{said}" if said else "")
            # whatever stopped it would stop the next one
            if not job.ending.elsewhere:
                self.problem = text
        self.told.append(text)
        back = "" if self.bounds else "; it is not submitted again by itself: cluster.scale(n) does that"
        self.say(f"{text}. Calls that ran there run again on the workers that are left{back}")

    def say(self, text: str) -> None:
        if self.tell is not None:
            self.tell(text)

    def hopeless(self, wanted: int) -> str:
        """Why there will not be so many workers, when that is so because jobs ended."""
        coming = len(self.alive()) * self.options.tasks
        if len(self.scheduler.workers) >= wanted or coming >= wanted:
            return ""
        if self.bounds and self.bounds[1] > 0 and not self.problem:
            return ""
        why = self.problem or "; ".join(self.told[-3:])
        if not self.scheduler.workers and not coming:
            return f"this cluster has no workers, and none will come: {why or 'it has no jobs'}. cluster.scale(n) submits new jobs"
        return f"this cluster has jobs for {coming} of {wanted} workers{': ' + why if why else ''}. cluster.scale(n) submits new jobs"

    async def queue(self, fresh: bool) -> list[QueuedJob]:
        """Our jobs as they are shown; `fresh` asks when what is known is old, for those who ask once."""
        if fresh and time.monotonic() - self.polled > SOON:
            with contextlib.suppress(Wrong, OSError):
                await self.poll()
        ended = [job for job in self.jobs.values() if job.ended and not job.unwanted]
        return [job.shown(self.system) for job in [*self.alive(), *ended[-3:]]]

    def expect(self, run: str, seconds: float | None) -> None:
        if seconds is None:
            self.backlog.pop(run, None)
        else:
            self.backlog[run] = seconds

    def logs(self) -> dict[str, str]:
        return {f"job {job.id}": jobscript.tail(self.folder, job.id, 200) for job in self.jobs.values()}

    async def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        for task in self.tasks:
            task.cancel()
        with contextlib.suppress(Wrong, OSError):
            if self.jobs:
                await self.system.cancel_all(self.label)
        if self.scheduler is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self.scheduler.close(), 10)
        tls.forget_files(self.folder, self.label)
        if self.guard is not None:
            # it looks once more, and ends when nothing is left
            self.guard.stdin.close()


def watcher(jobs: Jobs):
    """Looks at the queue when workers come and go, and not only when the next look is due."""
    from distributed.diagnostics.plugin import SchedulerPlugin

    class Watcher(SchedulerPlugin):
        name = "ferrolab-jobs"

        def add_worker(self, scheduler, worker: str) -> None:
            job = jobs.job_of(scheduler.workers[worker])
            if job is not None:
                job.joined, job.empty = True, None
                jobs.glance.set()

        def remove_worker(self, scheduler, worker: str, **more) -> None:
            for job in jobs.alive():
                if job.joined and job.empty is None and not jobs.workers_of(job):
                    job.empty = time.monotonic()
            jobs.asked = time.monotonic()
            jobs.glance.set()

    return Watcher()
