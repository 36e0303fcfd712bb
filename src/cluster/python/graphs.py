"""Graphs: programs of tasks that need each other's results, on their way through Dask.

Programs go to Dask as tasks with dependencies, all at once; the notebook is told of each that is done, and says which results
nobody needs any more. What programs do it does not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

import protocol
import variants
from carried import worker as worker_module
from clusters import OpenCluster
from connection import Connection, Lost
from distributed import as_completed
from runs import Run, explain, send_code

# how often code is sent that workers say they miss
SENDINGS = 3


def values_of(values: list) -> tuple:
    """What the notebook is told of values, and their bytes."""
    pieces = [worker_module.memory(value) for value in values]
    told = [[len(piece), value.dtype.str if worker_module.is_array(value) else None] for piece, value in zip(pieces, values)]
    return protocol.Values(told), pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Graph(Run):
    """The programs of one computation."""

    def __init__(self, cluster: OpenCluster, connection: Connection, head: protocol.Graph):
        super().__init__(cluster, connection, head.code, head.name, name=head.name)
        self.held: dict[int, object] = {}  # futures by program
        self.done: set[int] = set()  # those that the notebook was told of
        self.table: str | None = None
        self.drawn = head.drawn  # each program that begins is told of
        self.sendings = 0

    async def prepare(self) -> None:
        """Before the first program: are there workers that can run the code, and do they see it?"""
        await self.ready()
        client = self.cluster.client
        answers = await client.run(worker_module.missing, self.code["objects"], on_error="ignore")
        if lost := sorted({name for names in answers.values() for name in names}):
            await send_code(self.cluster, self.code, lost)
        self.table = json.dumps(self.code)

    def key(self, number: int) -> str:
        return f"{self.name}-{number}"

    def needed(self, what):
        """A future of an earlier computation, or the key of a program of this one."""
        if isinstance(what, int):
            return self.key(what) if what not in self.held else self.held[what]
        future = self.cluster.results.get(what)
        if future is None:
            raise Lost("a result that the graph needs was released: forget its task, and compute again")
        return future

    async def programs(self, head: protocol.Programs, body: bytes) -> None:
        if self.table is None:
            await self.prepare()
        graph, at, numbers = {}, 0, []
        for number, outputs, takes, size, needs in head.programs:
            taken, program = body[at : at + takes], body[at + takes : at + takes + size]
            at += takes + size
            numbers.append(number)
            # a value that the notebook gave is no task
            graph[self.key(number)] = program if needs is None else (
                worker_module.run_graph, self.table, self.name, number, self.drawn, outputs, program, taken, [self.needed(what) for what in needs],
            )  # fmt: skip
        futures = self.cluster.client.get(graph, list(graph), sync=False)
        self.held.update(zip(numbers, futures))
        self.follow(dict(zip(graph, numbers)), futures)

    def follow(self, numbers: dict[str, int], futures: list) -> None:
        task = asyncio.create_task(self.tell(numbers, futures))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def tell(self, numbers: dict[str, int], futures: list) -> None:
        """Tells the notebook of each program that ends."""
        try:
            async for future in as_completed(futures, raise_errors=False):
                number = numbers[future.key]
                if future.status == "finished":
                    self.done.add(number)
                    self.connection.send(protocol.Done(number, 0.0, ""))
                    continue
                problem = await self.problem(future)
                if isinstance(problem, (worker_module.CodeMissing, worker_module.CodeUnfit)) and self.sendings < SENDINGS:
                    return await self.again(numbers, futures, problem)
                self.connection.send(protocol.Failed(self.culprit(problem, number), explain(problem)))
                return
        except asyncio.CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001: whatever it is, the notebook must hear of it
            self.connection.send(protocol.Failed(next(iter(numbers.values())), explain(problem)))

    async def problem(self, future) -> Exception:
        if future.status == "error":
            return await future.exception()
        return Lost(f"Dask gave up a part of the graph ({future.status}): the scheduler or the last worker went away; compute it again")

    def culprit(self, problem: Exception, number: int) -> int:
        """The program that failed: what needed it ends with the same error, perhaps before it does."""
        key = getattr(problem, "task", None)
        name, _, last = str(key).rpartition("-")
        return int(last) if name == self.name and last.isdigit() else number

    async def again(self, numbers: dict[str, int], futures: list, problem: Exception) -> None:
        """Some worker joined that does not see the code, or cannot run it: all get what it needs, and what failed runs again."""
        self.sendings += 1
        if isinstance(problem, worker_module.CodeUnfit):
            await variants.provide(self.cluster, self.connection, self.code, [str(problem)])
        else:
            await send_code(self.cluster, self.code, json.loads(str(problem)))
        left = [future for future in futures if numbers[future.key] not in self.done]
        await self.cluster.client.retry([future for future in left if future.status == "error"])
        self.follow(numbers, left)

    def free(self, head: protocol.Free) -> None:
        for number in head.programs:
            if future := self.held.pop(number, None):
                future.release()

    def fetch(self, head: protocol.Fetch) -> None:
        """Values that programs have left; while they are on their way, whoever asked may give up."""
        task = asyncio.create_task(self.send_values(head))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def send_values(self, head: protocol.Fetch) -> None:
        try:
            futures = {number: self.held[number] for number, _ in head.values}
            left = dict(zip(futures, map(worker_module.value_of, await self.cluster.client.gather(list(futures.values())))))
            self.connection.send(*values_of([left[number][slot] if isinstance(left[number], list) else left[number] for number, slot in head.values]))
        except asyncio.CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001: whatever it is, the notebook must hear of it
            number = self.culprit(problem, head.values[0][0])
            self.connection.send(protocol.Failed(number, explain(problem)))

    async def costs(self) -> None:
        """What tasks took so far, over all workers."""
        answers = await self.cluster.client.run(worker_module.costs, self.name, on_error="ignore")
        lists = [answer for answer in answers.values() if answer]
        self.connection.send(protocol.Costs([sum(each) for each in zip(*lists)]))

    async def leave(self, kept: list[int]) -> None:
        """The notebook has what it wanted, or gives up: these results stay, everything else goes."""
        client = self.cluster.client
        for number in kept:
            if future := self.held.pop(number, None):
                self.cluster.results[future.key] = future
                future.ferrolab = (self, [])
        # who leaves waits until they are kept
        self.connection.send(protocol.Ok())
        unfinished = [future for future in self.held.values() if not future.done()]
        if unfinished:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.cancel(unfinished, force=True), 5)
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.run(worker_module.stop, self.name, on_error="ignore"), 5)
        # at once, and not when Python finds that nobody has them: Dask's own iterators do for a while
        for future in self.held.values():
            future.release()
        self.held.clear()
