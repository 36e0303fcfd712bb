"""Holds the Dask clients of a notebook, for the runner that executes its cells.

    python bridge.py SOCKET

It listens on a Unix socket in a folder that only its user can enter. Each connection is one operation;
a connection that closes early means that nobody waits for its tasks any more. It ends, and ends what it
started, when its standard input does: the runner and its snapshots hold the other end of that pipe.
It knows Dask, and nothing of what tasks compute.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pathlib
import shutil
import signal
import sys
import traceback

import arrays
import protocol
from carried import worker as worker_module
from clusters import CLUSTERS, OpenCluster, close, describe, open_cluster
from connection import Connection, Lost, Wrong
from protocol import Note, Ok
from graphs import Graph, values_of
from runs import POLL, Run, error

FOLDER = pathlib.Path(__file__).resolve().parent
NUMBERS = itertools.count()


def cluster_of(head) -> OpenCluster:
    cluster = CLUSTERS.get(head.cluster)
    if cluster is None:
        raise Lost("this cluster was closed, or its client has ended: make it again")
    return cluster


def future_of(cluster: OpenCluster, key: str):
    future = cluster.results.get(key)
    if future is None:
        raise Lost("this future was released: submit its task again")
    return future


async def serve(connection: Connection) -> None:
    head, body = await connection.receive()
    try:
        operation = OPERATIONS[type(head)]
        if type(head) in BRIEF:
            await cluster_of(head).unless_silent(operation(connection, head, body))
        else:
            await operation(connection, head, body)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    except Exception as problem:  # noqa: BLE001: the notebook must hear of it
        if not isinstance(problem, Wrong):
            traceback.print_exc()
        connection.send(error(problem))


async def on_open(connection: Connection, head: protocol.Open, body: bytes) -> None:
    def note(text: str) -> None:
        connection.send(Note(text))

    opening = asyncio.create_task(open_cluster(head, note))
    gone = asyncio.create_task(connection.closed())
    await asyncio.wait([opening, gone], return_when=asyncio.FIRST_COMPLETED)
    if not opening.done():
        opening.cancel()
        with contextlib.suppress(BaseException):
            await opening
        return
    gone.cancel()
    cluster = await opening
    close_unless_kept(cluster, head.process)
    connection.send(await describe(cluster))


def close_unless_kept(cluster: OpenCluster, process: int) -> None:
    """A process that ends before it says that its cell has succeeded leaves no cluster behind."""
    try:
        descriptor = os.pidfd_open(process)
    except (OSError, AttributeError):
        # an old system: the cluster ends with the session
        return
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        if not cluster.kept:
            cluster.closing = asyncio.ensure_future(close(cluster, "the cell that made it failed"))

    loop.add_reader(descriptor, ended)


async def on_keep(connection: Connection, head: protocol.Keep, body: bytes) -> None:
    cluster_of(head).kept = True


async def on_run(connection: Connection, head: protocol.Run, body: bytes) -> None:
    run, wanted = Run(cluster_of(head), connection, head.code, head.prefix, body, head.params_id), False
    try:
        await run.start()
        while True:
            message, input_ = await connection.receive()
            if isinstance(message, protocol.End):
                wanted = True
                return
            run.batch(message, input_)
    finally:
        await run.end(wanted)


async def on_submit(connection: Connection, head: protocol.Submit, body: bytes) -> None:
    """One call whose result stays on the workers."""
    cluster = cluster_of(head)
    run = Run(cluster, connection, head.code, "submit", keep=True)
    pieces = [body] if body else []
    pieces += [future_of(cluster, key) for key in head.after]
    future = await run.submit(next(NUMBERS), pieces)
    cluster.results[future.key] = future
    future.ferrolab = (run, pieces)
    connection.send(protocol.Submitted(future.key))


async def on_graph(connection: Connection, head: protocol.Graph, body: bytes) -> None:
    graph = Graph(cluster_of(head), connection, head)
    ended = False
    try:
        await graph.start()
        while not ended:
            message, body = await connection.receive()
            if isinstance(message, protocol.Leave):
                await graph.leave(message.kept)
                ended = True
            elif isinstance(message, protocol.Programs):
                await graph.programs(message, body)
            elif isinstance(message, protocol.Free):
                graph.free(message)
            elif isinstance(message, protocol.Fetch):
                graph.fetch(message)
            else:
                await graph.costs()
    finally:
        if not ended:
            # the cell was killed: no variable has any of it
            await graph.leave([])
        await graph.end(True)


async def on_gather(connection: Connection, head: protocol.Gather, body: bytes) -> None:
    """Results of a graph's tasks, as many as are wanted."""
    cluster = cluster_of(head)
    futures = {key: future_of(cluster, key) for key, _ in head.parts}
    waiting = asyncio.create_task(cluster.unless_silent(cluster.client.gather(list(futures.values()))))
    gone = asyncio.create_task(connection.closed())
    await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        return
    gone.cancel()
    left = dict(zip(futures, map(worker_module.value_of, await waiting)))
    values = [left[key][slot] if isinstance(left[key], list) else left[key] for key, slot in head.parts]
    connection.send(*values_of(values))


async def on_result(connection: Connection, head: protocol.Result, body: bytes) -> None:
    cluster = cluster_of(head)
    future = future_of(cluster, head.key)
    run, pieces = future.ferrolab
    waiting = asyncio.create_task(cluster.unless_silent(run.result(future, head.key, pieces)))
    gone = asyncio.create_task(connection.closed())
    await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        return
    gone.cancel()
    value = worker_module.value_of(await waiting)
    connection.send(protocol.Value(value.dtype.str if worker_module.is_array(value) else None), worker_module.memory(value))


async def on_states(connection: Connection, head: protocol.States, body: bytes) -> None:
    cluster = cluster_of(head)
    # a scheduler that is silent is an error, where the states of its client never change
    await cluster.identity()
    connection.send(protocol.FutureStates({key: cluster.results[key].status for key in head.keys if key in cluster.results}))


async def on_status(connection: Connection, head: protocol.Status, body: bytes) -> None:
    connection.send(await describe(cluster_of(head)))


async def on_release(connection: Connection, head: protocol.Release, body: bytes) -> None:
    cluster = cluster_of(head)
    for key in head.keys:
        future = cluster.results.pop(key, None)
        if isinstance(getattr(future, "ferrolab", (None,))[0], Graph):
            future.release()
        if future is not None and head.cancel:
            await cluster.client.cancel([future], force=True)
            await cluster.client.run(worker_module.cancel, future.ferrolab[0].name, on_error="ignore")
    connection.send(Ok())


async def on_publish(connection: Connection, head: protocol.Publish, body: bytes) -> None:
    cluster = cluster_of(head)
    # what others read is the value, not our tuple around it
    value = cluster.client.submit(worker_module.readable, future_of(cluster, head.key), pure=False)
    await cluster.client.publish_dataset(value, name=head.name, override=True)
    connection.send(Ok())


async def on_publish_array(connection: Connection, head: protocol.PublishArray, body: bytes) -> None:
    cluster = cluster_of(head)
    await arrays.publish(cluster, head, [future_of(cluster, key) for key, _ in head.parts])
    connection.send(Ok())


async def on_dataset(connection: Connection, head: protocol.Dataset, body: bytes) -> None:
    connection.send(await arrays.dataset(cluster_of(head), head))


async def on_scale(connection: Connection, head: protocol.Scale, body: bytes) -> None:
    await cluster_of(head).origin.scale(head.workers)
    connection.send(Ok())


async def on_adapt(connection: Connection, head: protocol.Adapt, body: bytes) -> None:
    await cluster_of(head).origin.adapt(head.minimum, head.maximum)
    connection.send(Ok())


async def on_wait(connection: Connection, head: protocol.Wait, body: bytes) -> None:
    """Until there are so many workers, telling of those there are."""
    cluster, told = cluster_of(head), None
    gone = asyncio.ensure_future(connection.closed())
    while (there := len(await cluster.workers())) < head.workers:
        if reason := cluster.origin.hopeless(head.workers):
            raise Lost(reason)
        news = protocol.Waiting(there, await cluster.origin.queue(fresh=False))
        if news != told:
            connection.send(news)
            told = news
        if (await asyncio.wait([gone], timeout=POLL))[0]:
            return
    gone.cancel()
    connection.send(await describe(cluster))


async def on_logs(connection: Connection, head: protocol.Logs, body: bytes) -> None:
    cluster = cluster_of(head)
    logs = await cluster.client.get_worker_logs(n=200)
    names = {address: worker_module.label(w["id"]) for address, w in (await cluster.workers()).items()}
    text = {names.get(a, a): "\n".join(line for _, line in reversed(lines)) for a, lines in logs.items()}
    connection.send(protocol.LogTexts({**text, **cluster.origin.logs()}))


async def on_board(connection: Connection, head: protocol.Board, body: bytes) -> None:
    """What the cluster does, as often as it is asked for while the connection is open."""
    cluster = cluster_of(head)
    # a board of this client's own: others may watch the same scheduler
    name = f"ferrolab-board-{cluster.client.id}"
    try:
        while True:
            seen = await cluster.unless_silent(cluster.client.run_on_scheduler(worker_module.board, name))
            connection.send(protocol.Looked(**seen))
            await connection.receive()
    finally:
        # between cells nobody watches; a scheduler that is gone has nothing to forget
        with contextlib.suppress(Exception):
            await asyncio.wait_for(cluster.client.run_on_scheduler(worker_module.no_board, name), 5)


async def on_close(connection: Connection, head: protocol.Close, body: bytes) -> None:
    cluster = CLUSTERS.get(head.cluster)
    if cluster is not None:
        await close(cluster, "the notebook closed or dropped it")
    connection.send(Ok())


OPERATIONS = {
    protocol.Open: on_open,
    protocol.Keep: on_keep,
    protocol.Run: on_run,
    protocol.Submit: on_submit,
    protocol.Graph: on_graph,
    protocol.Gather: on_gather,
    protocol.Result: on_result,
    protocol.States: on_states,
    protocol.Status: on_status,
    protocol.Release: on_release,
    protocol.Publish: on_publish,
    protocol.PublishArray: on_publish_array,
    protocol.Dataset: on_dataset,
    protocol.Scale: on_scale,
    protocol.Adapt: on_adapt,
    protocol.Wait: on_wait,
    protocol.Logs: on_logs,
    protocol.Close: on_close,
    protocol.Board: on_board,
}

# those that need an answer of the scheduler, and nothing that takes long
BRIEF = {protocol.Submit, protocol.States, protocol.Status, protocol.Release, protocol.Publish, protocol.PublishArray, protocol.Dataset, protocol.Scale, protocol.Adapt, protocol.Logs}


async def main(socket: str) -> None:
    async def accept(reader, writer):
        connection = Connection(reader, writer)
        try:
            await serve(connection)
            with contextlib.suppress(ConnectionError):
                await connection.flush()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            connection.close()

    os.umask(0o077)
    # bound under another name, so that whoever sees the socket can connect to it
    server = await asyncio.start_unix_server(accept, socket + ".new", limit=1 << 20)
    os.rename(socket + ".new", socket)
    life = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(life), sys.stdin)
    await life.read()
    server.close()
    await asyncio.gather(*(close(cluster, "the session ended") for cluster in list(CLUSTERS.values())))
    shutil.rmtree(FOLDER, ignore_errors=True)
    # what Dask still has in threads has no use any more
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main(*sys.argv[1:]))
