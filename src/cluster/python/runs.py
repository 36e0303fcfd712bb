"""Runs: the batches of one call from the notebook, on their way through Dask.

It submits, waits, sends code that is missing and explains failures; what batches hold it does not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import uuid

import protocol
import variants
from carried import worker as worker_module
from clusters import OpenCluster, check, threads_of
from connection import Connection, Lost, Wrong
from workforce import Workforce

# inputs larger than this are not part of the task graph
LARGE_INPUT = 256 << 10
# seconds between two looks at the workers
POLL = 0.25


class Run:
    """The batches of one call from the notebook."""

    def __init__(self, cluster: OpenCluster, connection: Connection, code: dict, prefix: str, params: bytes = b"", params_id: int = 0, keep: bool = False, name: str = ""):
        # `keep`: results stay on the workers, so numbers are left as they are
        self.cluster, self.connection, self.code, self.params_id, self.keep = cluster, connection, code, params_id, keep
        self.name = name or f"{prefix}-{uuid.uuid4().hex[:8]}"
        self.params_bytes, self.params = params, None
        self.tasks: set[asyncio.Task] = set()
        self.futures: set = set()
        self.workforce = Workforce(self.name)
        self.told: protocol.Workers | None = None
        self.seen_again = 0

    async def start(self) -> None:
        cluster = self.cluster
        if not cluster.client.scheduler or cluster.client.status not in ("running", "connecting"):
            raise Lost("the scheduler of this cluster is gone: make the cluster again")
        cluster.runs[self.name] = self.connection
        while cluster.untold:
            self.connection.send(protocol.News(cluster.untold.pop(0)))
        self.tasks.add(asyncio.create_task(self.watch()))

    async def ready(self) -> None:
        """Before the first batch, once there are workers: is the code there, are parameters?"""
        cluster = self.cluster
        if not cluster.fit:
            await check(cluster, await cluster.workers())
        if cluster.levels:
            await variants.provide(cluster, self.connection, self.code, cluster.levels)
        if self.params_bytes and self.params is None:
            self.params = asyncio.ensure_future(self.spread())

    async def spread(self):
        """Sends the parameters to the workers: each fetches them once, from whoever has them. Nothing waits for a
        worker that has just been lost."""
        return await scatter(self.cluster.client, self.params_bytes)

    async def watch(self) -> None:
        """Tells the notebook of workers, and of calls inside running batches, a few times a second."""
        while await self.look():
            await asyncio.sleep(POLL)

    async def look(self) -> bool:
        """Tells what is new of the workers; false when there is nothing more to wait for."""
        self.seen_again = self.cluster.again.get(self.name, 0)
        try:
            workers = await self.cluster.workers()
            # those that joined since
            await check(self.cluster, workers)
        except (OSError, Wrong) as problem:
            self.connection.send(error(problem))
            return False
        lanes, words = self.workforce.look(workers, self.seen_again)
        news = protocol.Workers(threads_of(workers), lanes, words, [])
        if not workers:
            if reason := self.cluster.origin.hopeless(1):
                self.connection.send(protocol.Error("lost", reason))
                return False
            news.queue = await self.cluster.origin.queue(fresh=False)
        if news != self.told:
            self.connection.send(news)
            self.told = news
        return True

    def batch(self, batch: protocol.Batch, body: bytes) -> None:
        self.cluster.origin.expect(self.name, batch.backlog)
        task = asyncio.create_task(self.one(batch.n, body))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def one(self, number: int, body: bytes) -> None:
        try:
            future = await self.submit(number, [body])
            left = await self.result(future, number, [body])
            # a lost worker is told of before what it was to do: after the last batch nobody listens
            if self.cluster.again.get(self.name, 0) != self.seen_again:
                await self.look()
            self.connection.send(protocol.Done(number, left.took / 1e9, left.worker), worker_module.memory(left.value))
        except asyncio.CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001: whatever it is, the notebook must hear of it
            self.connection.send(protocol.Failed(number, explain(problem)))

    async def submit(self, number, pieces: list):
        cluster = self.cluster
        await self.ready()
        if sum(len(p) for p in pieces if isinstance(p, bytes)) > LARGE_INPUT:
            pieces = [await scatter(cluster.client, p) if isinstance(p, bytes) else p for p in pieces]
        params = await self.params if self.params is not None else b""
        future = cluster.client.submit(
            worker_module.run, self.name, self.code, pieces, params, self.params_id, self.keep,
            key=f"{self.name}-{number}", pure=False,
        )  # fmt: skip
        self.futures.add(future)
        return future

    async def result(self, future, number, pieces):
        for attempt in itertools.count():
            params = self.params
            try:
                return await future
            except worker_module.CodeMissing as problem:
                if attempt == 3:
                    raise
                await send_code(self.cluster, self.code, json.loads(str(problem)))
            except worker_module.CodeUnfit as problem:
                # a worker that joined since, before anybody has looked at it
                if attempt == 3:
                    raise
                await variants.provide(self.cluster, self.connection, self.code, [str(problem)])
            except Exception as problem:
                # what was sent ahead (parameters, large inputs) was on a node that is gone
                if attempt == 3 or getattr(problem, "reason", "") != "lost dependencies":
                    raise
                if self.params is params:
                    self.params = None
            finally:
                self.futures.discard(future)
            future.release()
            future = await self.submit(f"{number}-again{attempt}", pieces)

    async def end(self, wanted: bool) -> None:
        """The notebook has all it asked for, or has gone."""
        cluster = self.cluster
        cluster.runs.pop(self.name, None)
        cluster.origin.expect(self.name, None)
        cluster.again.pop(self.name, None)
        for task in list(self.tasks):
            task.cancel()
        for future in list(self.futures):
            with contextlib.suppress(Exception):
                await asyncio.wait_for(cluster.client.cancel([future], force=True), 5)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(cluster.client.run(worker_module.forget if wanted else worker_module.cancel, self.name, on_error="ignore"), 5)


async def scatter(client, data: bytes):
    if not (await client.scheduler.identity())["workers"]:
        # data goes to a worker at once, or fails after a while; a task waits, and shows adaptive scaling that one is wanted
        await client.submit(int, pure=False)
    return await client.scatter(data, broadcast=False, hash=False)


async def send_code(cluster: OpenCluster, code: dict, names: list[str]) -> None:
    """Sends the contents of objects that some worker cannot see, to all workers, for good."""
    found = worker_module.contents(variants.objects_of(cluster, code), names)
    await cluster.client.register_plugin(worker_module.Code(f"ferrolab-code-{uuid.uuid4().hex[:8]}", found))


def explain(problem: Exception) -> protocol.Failure:
    """A failure in the notebook's terms."""
    from distributed import KilledWorker

    if isinstance(problem, worker_module.TaskPanicked):
        worker, panic = problem.args[0], protocol.Panic(**json.loads(problem.args[1]))
        return protocol.Failure("unsendable" if panic.unwritable else "panicked", panic.message, worker, panic)
    if isinstance(problem, worker_module.TaskCancelled):
        return protocol.Failure("cancelled", "cancelled", problem.args[0])
    if isinstance(problem, KilledWorker):
        worker = getattr(problem, "last_worker", None)
        killed = "a task ended its worker's process several times: a segmentation fault, a stack overflow, abort(), or more memory than the worker has"
        return protocol.Failure("killed", killed, None if worker is None else worker_module.label(worker.name))
    if isinstance(problem, OSError):
        # Dask's CommClosedError is one
        return protocol.Failure("lost", f"the connection to the scheduler is lost; make the cluster again ({problem})")
    if type(problem).__name__ in ("FutureCancelledError", "CancelledError"):
        return protocol.Failure("lost", f"Dask cancelled the task ({problem}): the scheduler or the last worker went away")
    if isinstance(problem, Wrong):
        return protocol.Failure(problem.why, str(problem))
    if isinstance(problem, worker_module.CodeRefused):
        return protocol.Failure("refused", str(problem))
    return protocol.Failure("lost", f"{type(problem).__name__}: {problem}")


def error(problem: Exception) -> protocol.Error:
    """The same as the end of an operation."""
    return protocol.Error(**vars(explain(problem)))
