"""Clusters: making them by Dask's launchers, checking that code from here can run there, closing them.

It knows schedulers and workers; runs of tasks are `runs.py`, the notebook's requests `bridge.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import json
import os
import pathlib
import shutil
import sys
import uuid

import carried
import dask
import distributed
import links
import protocol
import tls
import variants
from carried import worker as worker_module
from connection import Connection, Lost, Wrong
from fit import Fit, same_python
from jobs import Jobs
from origin import Launcher, Origin, OthersClient
from protocol import ClusterState, Lines, News, Running, WorkerState
from slurm import Slurm

FOLDER = pathlib.Path(__file__).resolve().parent
# how often Dask's patience for a connection passes before a scheduler counts as silent
SILENCES = 2
# seconds in which a scheduler that is being started writes its file
WRITING = 60
# batch systems, by the notebook's word for them
SYSTEMS = {"slurm": Slurm}


class OpenCluster:
    """A cluster of this notebook: a client, and where its workers come from."""

    def __init__(self, name: str, kind: str, client, origin: Origin):
        # the kind is a word for the card
        self.name, self.kind, self.client, self.origin = name, kind, client, origin
        self.results: dict[str, object] = {}  # futures the notebook holds, by key
        self.sent: set[str] = set()
        self.runs: dict[str, Connection] = {}
        self.needs: Fit | None = None
        self.fitting = asyncio.Lock()
        self.fit: set[str] = set()  # addresses of workers that were looked at
        self.level = ""  # that of code for most workers; "" where they run the notebook's own
        self.levels: list[str] = []  # all there are
        self.variants: dict[tuple[str, str], dict] = {}  # code for lesser processors, by its own name and level
        self.providing = asyncio.Lock()
        self.again: dict[str, int] = {}  # batches that a lost worker had, by run
        self.kept = False
        # what nobody was there to hear
        self.untold: list[str] = []

    async def identity(self) -> dict:
        """What the scheduler knows of itself and its workers now; the client's own copy is seconds old."""
        patience = SILENCES * dask.utils.parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"))
        try:
            return await asyncio.wait_for(self.client.scheduler.identity(), patience)
        except asyncio.TimeoutError:
            # a stopped process, a machine that hangs: its system still takes what is sent
            address = self.client.scheduler.address
            raise Lost(f"the scheduler at {address} has not answered for {patience:g} s: see whether it is stopped or overloaded; if it does not come back, make the cluster again") from None

    async def workers(self) -> dict:
        return (await self.identity())["workers"]

    async def unless_silent(self, work):
        """What comes of work that waits for the scheduler; an error when that says nothing any more."""
        working, silence = asyncio.ensure_future(work), asyncio.ensure_future(self.silence())
        try:
            await asyncio.wait([working, silence], return_when=asyncio.FIRST_COMPLETED)
            return await (working if working.done() else silence)
        finally:
            working.cancel()
            silence.cancel()

    async def silence(self) -> None:
        """Fails when the scheduler is silent."""
        while True:
            await asyncio.sleep(1)
            # one that is gone is noticed by whoever waits for it
            with contextlib.suppress(OSError):
                await self.identity()

    def tell(self, text: str) -> None:
        """What became of the cluster, for the cells that use it: now, or with the next one."""
        for connection in self.runs.values():
            connection.send(News(text))
        if not self.runs:
            self.untold.append(text)


CLUSTERS: dict[str, OpenCluster] = {}


def threads_of(workers: dict) -> int:
    return sum(w["nthreads"] for w in workers.values())


async def open_cluster(head: protocol.Open, note) -> OpenCluster:
    make = {
        protocol.Local: open_local,
        protocol.Jobs: open_jobs,
        protocol.Address: open_address,
        protocol.File: open_file,
        protocol.Client: open_client,
    }
    cluster = await make[type(head.ask)](head.ask, note)
    CLUSTERS[cluster.name] = cluster
    try:
        cluster.needs = Fit(head.needs, worker_module.describe())
        await prepare(cluster)
        await check(cluster, await cluster.workers())
    except BaseException:
        await close(cluster, "it could not be prepared")
        raise
    return cluster


async def open_local(ask: protocol.Local, note) -> OpenCluster:
    from distributed import Client, LocalCluster

    launcher = await LocalCluster(
        n_workers=ask.workers,
        threads_per_worker=1,
        memory_limit="auto",
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        local_directory=str(FOLDER),
        security=tls.security_of(ask.security, ("client", "scheduler", "worker")),
        asynchronous=True,
    )
    return OpenCluster(uuid.uuid4().hex[:12], "local", await connect(Client, launcher), Launcher(launcher))


async def open_jobs(ask: protocol.Jobs, note) -> OpenCluster:
    from distributed import Client

    system = SYSTEMS[ask.system](ask.options)
    system.check()
    name = uuid.uuid4().hex[:12]
    origin = Jobs(name, system, str(FOLDER))
    await origin.start()
    try:
        cluster = OpenCluster(name, ask.system, await connect(Client, origin.scheduler_address, security=origin.security), origin)
    except BaseException:
        await origin.close()
        raise
    origin.tell = cluster.tell
    return cluster


async def open_address(ask: protocol.Address, note) -> OpenCluster:
    from distributed import Client

    security = tls.for_address(ask.address, tls.security_of(ask.security))
    return OpenCluster(uuid.uuid4().hex[:12], "address", await connect(Client, ask.address, security=security), Origin())


async def open_file(ask: protocol.File, note) -> OpenCluster:
    from distributed import Client

    path = pathlib.Path(ask.path).expanduser()
    for waited in itertools.count():
        if path.is_file() and path.stat().st_size:
            break
        if waited == 0:
            note(f"waiting for {path}")
        if waited * 0.2 > WRITING:
            raise Wrong(f"no scheduler has written {path} within {WRITING} s: start one with `dask scheduler --scheduler-file {path}`")
        await asyncio.sleep(0.2)
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        raise Wrong(f"{path} belongs to another user; code would be sent where it says")
    if found.st_mode & 0o002:
        raise Wrong(f"everybody may write to {path}; code would be sent where it says: chmod o-w {path}")
    address = json.loads(path.read_text()).get("address", "")
    security = tls.for_address(address, tls.security_of(ask.security))
    return OpenCluster(uuid.uuid4().hex[:12], "file", await connect(Client, address, security=security), Origin())


async def open_client(ask: protocol.Client, note) -> OpenCluster:
    """Any Dask client: `module:function` returns one, or a cluster."""
    from distributed import Client

    name, _, function = ask.function.partition(":")
    if not function:
        raise Wrong(f"`{ask.function}` is not of the form module:function")
    sys.path.insert(0, ask.directory or os.getcwd())
    try:
        made = getattr(importlib.import_module(name), function)()
    except (ImportError, AttributeError) as problem:
        raise Wrong(f"Cluster::client cannot use `{ask.function}`: {problem}") from None
    if asyncio.iscoroutine(made):
        made = await made
    if isinstance(made, Client):
        # a client of its own thread's loop: ours connects to the same scheduler
        return OpenCluster(uuid.uuid4().hex[:12], "client", await connect(Client, made.scheduler.address, security=made.security), OthersClient(made))
    return OpenCluster(uuid.uuid4().hex[:12], "client", await connect(Client, made.scheduler_address, security=getattr(made, "security", None)), Launcher(made))


async def connect(Client, *arguments, **more):
    try:
        return await Client(*arguments, asynchronous=True, name="ferrolab", timeout=more.pop("timeout", 20), **more)
    except (OSError, RuntimeError, TypeError, ValueError) as problem:
        # the latter ones are Dask's for an address it cannot use, and for TLS on one side alone
        raise Wrong(f"no Dask scheduler answers at {arguments[0]}: {problem}") from None


async def prepare(cluster: OpenCluster) -> None:
    """What workers need before the first task, also those that join later."""
    client = cluster.client
    same_python(await client.get_versions(), await cluster.workers())
    await client.register_plugin(carried.SchedulerCarrier(carried.NAME, carried.TEXT))
    await client.register_plugin(carried.Carrier(carried.NAME, carried.TEXT))
    # lines and progress come as events; a subscription is one for the whole client
    client.subscribe_topic("ferrolab-lines", lambda event: on_lines(cluster, event))
    client.subscribe_topic("ferrolab-again", lambda event: on_again(cluster, event))
    client.subscribe_topic("ferrolab-programs", lambda event: on_program(cluster, event))


def on_again(cluster: OpenCluster, event) -> None:
    run = message_of(event).get("run")
    if run in cluster.runs:
        cluster.again[run] = cluster.again.get(run, 0) + 1


def on_program(cluster: OpenCluster, event) -> None:
    message = message_of(event)
    connection = cluster.runs.get(message.get("run"))
    if connection is not None:
        connection.send(Running([message["program"]]))


def message_of(event) -> dict:
    """What an event says; some releases of Dask put its time in front."""
    return event[1] if isinstance(event, (list, tuple)) else event


def on_lines(cluster: OpenCluster, event) -> None:
    message = message_of(event)
    connection = cluster.runs.get(message.get("run"))
    if connection is not None:
        connection.send(Lines(message["name"], message["lines"], message["more"]))


async def check(cluster: OpenCluster, workers: dict) -> None:
    """Refuses those of these workers that could not run code of the notebook, and says for which processor it is."""
    async with cluster.fitting:
        fresh = [address for address in workers if address not in cluster.fit]
        if not fresh:
            return
        # one that goes meanwhile has nothing to say
        found = await cluster.client.run(worker_module.describe, workers=fresh, on_error="ignore")
        names = {address: f"{worker_module.label(workers[address]['id'])} on {there['host']}" for address, there in found.items()}
        cluster.needs.check({names[address]: there for address, there in found.items()})
        if found:
            await variants.settle(cluster, found, names)
        cluster.fit |= set(found)
        await go_direct(cluster, found)


async def go_direct(cluster: OpenCluster, workers: dict) -> None:
    """Results come from the workers themselves where they can be reached from here, else through the scheduler."""
    for address in list(workers)[:1]:
        try:
            await asyncio.wait_for(cluster.client.rpc(address).identity(), 2)
        except (OSError, asyncio.TimeoutError):
            return
        cluster.client.direct_to_workers = True


async def close(cluster: OpenCluster, why: str) -> None:
    print(f"cluster {cluster.name} ({cluster.kind}) is closed: {why}", file=sys.stderr)
    CLUSTERS.pop(cluster.name, None)
    cluster.results.clear()
    for closing in (cluster.client, cluster.origin):
        with contextlib.suppress(Exception):
            await asyncio.wait_for(closing.close(), 15)


async def describe(cluster: OpenCluster) -> ClusterState:
    known = await cluster.identity()
    dashboard, link, nearby = links.dashboard(cluster.client, known.get("services", {}))
    return ClusterState(
        id=cluster.name,
        origin=cluster.kind,
        address=cluster.client.scheduler.address,
        dashboard=dashboard,
        link=link,
        nearby=nearby,
        python=f"{sys.executable}, distributed {distributed.__version__}",
        workers=[
            WorkerState(worker_module.label(w["id"]), w.get("host") or "", w["nthreads"], w.get("memory_limit") or 0, w.get("metrics", {}).get("memory", 0))
            for w in known["workers"].values()
        ],
        queue=await cluster.origin.queue(fresh=True),
    )
