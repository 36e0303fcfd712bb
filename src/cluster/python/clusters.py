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

import cloudpickle
import dask
import distributed
import links
import slurm
import tls
from connection import Connection, Wrong
from distributed.diagnostics.plugin import SchedulerPlugin, WorkerPlugin
from fit import Needs, same_python

FOLDER = pathlib.Path(__file__).resolve().parent
# how often Dask's patience for a connection passes before a scheduler counts as silent
SILENCES = 2
# the module that runs on workers; bridge.py sets it
WORKER = None


class Held:
    """A cluster of this notebook: a client, and what was started for it."""

    def __init__(self, name: str, kind: str, client, owned=None, can_scale=True):
        self.name, self.kind, self.client, self.owned, self.can_scale = name, kind, client, owned, can_scale
        self.results: dict[str, object] = {}  # futures the notebook holds, by key
        self.sent: set[str] = set()
        self.runs: dict[str, Connection] = {}
        self.needs: Needs | None = None
        self.fitting = asyncio.Lock()
        self.fit: set[str] = set()  # addresses of workers that can run the notebook's code
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
            raise Wrong(f"the scheduler at {address} has not answered for {patience:g} s: see whether it is stopped or overloaded; if it does not come back, make the cluster again") from None

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
            connection.send({"kind": "news", "text": text})
        if not self.runs:
            self.untold.append(text)

    def hopeless(self, workers: int = 1) -> str:
        """Why there will not be so many workers, when that is known."""
        return self.owned.hopeless(workers) if isinstance(self.owned, slurm.Cluster) else ""


CLUSTERS: dict[str, Held] = {}


def threads_of(workers: dict) -> int:
    return sum(w["nthreads"] for w in workers.values())


async def open_cluster(head: dict, note) -> Held:
    kind, options = head["kind"], head.get("options", {})
    make = {"local": open_local, "slurm": open_slurm, "address": open_address, "file": open_file, "client": open_client}
    held = await make[kind](options, note)
    CLUSTERS[held.name] = held
    try:
        held.needs = Needs(head["needs"], WORKER.describe())
        await prepare(held)
        await check(held, await held.workers())
    except BaseException:
        await close(held, "it could not be prepared")
        raise
    return held


async def open_local(options: dict, note) -> Held:
    from distributed import Client, LocalCluster

    cluster = await LocalCluster(
        n_workers=options["workers"],
        threads_per_worker=options.get("threads", 1),
        memory_limit=options.get("memory") or "auto",
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        local_directory=options.get("local_directory") or str(FOLDER),
        security=tls.security_of(options.get("security"), ("client", "scheduler", "worker")),
        asynchronous=True,
    )
    return Held(uuid.uuid4().hex[:12], "local", await connect(Client, cluster), cluster)


async def open_slurm(options: dict, note) -> Held:
    from distributed import Client

    name = uuid.uuid4().hex[:12]
    cluster = await slurm.open_cluster(name, options)
    try:
        held = Held(name, "slurm", await connect(Client, cluster.scheduler_address, security=cluster.security), cluster)
    except BaseException:
        await cluster.close()
        raise
    cluster.tell = held.tell
    return held


async def open_address(options: dict, note) -> Held:
    from distributed import Client

    security = tls.for_address(options["address"], tls.security_of(options.get("security")))
    return Held(uuid.uuid4().hex[:12], "address", await connect(Client, options["address"], security=security), can_scale=False)


async def open_file(options: dict, note) -> Held:
    from distributed import Client

    path = pathlib.Path(options["path"]).expanduser()
    for waited in itertools.count():
        if path.is_file() and path.stat().st_size:
            break
        if waited == 0:
            note(f"waiting for {path}")
        if waited * 0.2 > options.get("timeout", 60):
            raise Wrong(f"no scheduler has written {path} within {options.get('timeout', 60)} s: start one with `dask scheduler --scheduler-file {path}`")
        await asyncio.sleep(0.2)
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        raise Wrong(f"{path} belongs to another user; code would be sent where it says")
    if found.st_mode & 0o002:
        raise Wrong(f"everybody may write to {path}; code would be sent where it says: chmod o-w {path}")
    address = json.loads(path.read_text()).get("address", "")
    security = tls.for_address(address, tls.security_of(options.get("security")))
    return Held(uuid.uuid4().hex[:12], "file", await connect(Client, address, security=security), can_scale=False)


async def open_client(options: dict, note) -> Held:
    """Any Dask client: `module:function` returns one, or a cluster."""
    from distributed import Client

    name, _, function = options["function"].partition(":")
    if not function:
        raise Wrong(f"`{options['function']}` is not of the form module:function")
    sys.path.insert(0, options.get("directory") or os.getcwd())
    try:
        made = getattr(importlib.import_module(name), function)()
    except (ImportError, AttributeError) as problem:
        raise Wrong(f"Cluster::client cannot use `{options['function']}`: {problem}") from None
    if asyncio.iscoroutine(made):
        made = await made
    if isinstance(made, Client):
        # a client of its own thread's loop: ours connects to the same scheduler
        return Held(uuid.uuid4().hex[:12], "client", await connect(Client, made.scheduler.address, security=made.security), made, can_scale=False)
    return Held(uuid.uuid4().hex[:12], "client", await connect(Client, made.scheduler_address, security=getattr(made, "security", None)), made)


async def connect(Client, *arguments, **more):
    try:
        return await Client(*arguments, asynchronous=True, name="ferrolab", timeout=more.pop("timeout", 20), **more)
    except (OSError, RuntimeError, TypeError, ValueError) as problem:
        # the latter ones are Dask's for an address it cannot use, and for TLS on one side alone
        raise Wrong(f"no Dask scheduler answers at {arguments[0]}: {problem}") from None


def install(name: str, text: str):
    """Makes a module of a text, once in each process."""
    import sys
    import types

    if name not in sys.modules:
        module = types.ModuleType(name)
        sys.modules[name] = module
        exec(compile(text, name + ".py", "exec"), module.__dict__)
    return sys.modules[name]


class Carrier(WorkerPlugin):
    """Brings the worker's module. Unlike `Client.upload_file` it is done at once, before a worker that is
    just joining reads the next plugin, which may need the module."""

    def __init__(self, module: str, text: str):
        self.name, self.module, self.text = module, module, text

    def setup(self, worker) -> None:
        install(self.module, self.text).start(worker)


class SchedulerCarrier(SchedulerPlugin):
    """The same for the scheduler, which reads tasks on their way."""

    def __init__(self, module: str, text: str):
        self.name, self.module, self.text = "scheduler-" + module, module, text

    async def start(self, scheduler) -> None:
        self.scheduler = scheduler
        install(self.module, self.text)

    def transition(self, key, start, finish, *args, **kwargs) -> None:
        # a run's tasks are released while they are processed when their worker is lost, or nobody wants them
        if start == "processing" and finish == "released" and isinstance(key, str):
            self.scheduler.log_event("ferrolab-again", {"run": key.rsplit("-", 1)[0]})


# neither workers nor the scheduler can import this file
cloudpickle.register_pickle_by_value(sys.modules[__name__])


async def prepare(held: Held) -> None:
    """What workers need before the first task, also those that join later."""
    client = held.client
    same_python(await client.get_versions(), await held.workers())
    text = (FOLDER / f"{WORKER.__name__}.py").read_text()
    await client.register_plugin(SchedulerCarrier(WORKER.__name__, text))
    await client.register_plugin(Carrier(WORKER.__name__, text))
    # lines and progress come as events; a subscription is one for the whole client
    client.subscribe_topic("ferrolab-lines", lambda event: on_lines(held, event))
    client.subscribe_topic("ferrolab-again", lambda event: on_again(held, event))


def on_again(held: Held, event) -> None:
    run = message_of(event).get("run")
    if run in held.runs:
        held.again[run] = held.again.get(run, 0) + 1


def message_of(event) -> dict:
    """What an event says; some releases of Dask put its time in front."""
    return event[1] if isinstance(event, (list, tuple)) else event


def on_lines(held: Held, event) -> None:
    message = message_of(event)
    connection = held.runs.get(message.get("run"))
    if connection is not None:
        connection.send({"kind": "lines", "worker": message["name"], "lines": message["lines"], "more": message["more"]})


async def check(held: Held, workers: dict) -> None:
    """Refuses those of these workers that could not run code that was compiled here."""
    async with held.fitting:
        fresh = [address for address in workers if address not in held.fit]
        if not fresh:
            return
        # one that goes meanwhile has nothing to say
        found = await held.client.run(WORKER.describe, workers=fresh, on_error="ignore")
        held.needs.check({f"{WORKER.label(workers[address]['id'])} on {there['host']}": there for address, there in found.items()})
        held.fit |= set(found)
        await go_direct(held, found)


async def go_direct(held: Held, workers: dict) -> None:
    """Results come from the workers themselves where they can be reached from here, else through the scheduler."""
    for address in list(workers)[:1]:
        try:
            await asyncio.wait_for(held.client.rpc(address).identity(), 2)
        except (OSError, asyncio.TimeoutError):
            return
        held.client.direct_to_workers = True


async def close(held: Held, why: str) -> None:
    print(f"cluster {held.name} ({held.kind}) is closed: {why}", file=sys.stderr)
    CLUSTERS.pop(held.name, None)
    held.results.clear()
    for closing in (held.client, held.owned):
        if closing is None:
            continue
        with contextlib.suppress(Exception):
            done = closing.close()
            if asyncio.iscoroutine(done) or isinstance(done, asyncio.Future):
                await asyncio.wait_for(done, 15)


async def describe(held: Held) -> dict:
    known = await held.identity()
    workers = known["workers"]
    return {
        "id": held.name,
        "cluster_kind": held.kind,
        "address": held.client.scheduler.address,
        **links.dashboard(held.client, known.get("services", {})),
        "python": f"{sys.executable}, distributed {distributed.__version__}",
        "threads": threads_of(workers),
        "workers": [
            {
                "name": WORKER.label(w["id"]),
                "host": w.get("host", ""),
                "threads": w["nthreads"],
                "memory": w.get("memory_limit", 0),
                "used": w.get("metrics", {}).get("memory", 0),
                "running": w.get("metrics", {}).get("executing", 0),
            }
            for w in workers.values()
        ],
        "queue": await queue_of(held, fresh=True),
    }


async def queue_of(held: Held, fresh: bool = False) -> list[dict]:
    """Jobs of ours in Slurm's queue, with the reason they wait and when they may start."""
    return await held.owned.queue(fresh) if isinstance(held.owned, slurm.Cluster) else []
