"""Clusters: making them by Dask's launchers, checking that code from here can run there, closing them.

It knows schedulers and workers; runs of tasks are `runs.py`, the notebook's requests `bridge.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import os
import pathlib
import shutil
import sys
import uuid

import cloudpickle
from connection import Connection
from distributed.diagnostics.plugin import SchedulerPlugin, WorkerPlugin

FOLDER = pathlib.Path(__file__).resolve().parent
# the module that runs on workers; bridge.py sets it
WORKER = None


class Wrong(Exception):
    """What the user is told."""


class Held:
    """A cluster of this notebook: a client, and what was started for it."""

    def __init__(self, name: str, kind: str, client, owned=None, can_scale=True):
        self.name, self.kind, self.client, self.owned, self.can_scale = name, kind, client, owned, can_scale
        self.results: dict[str, object] = {}  # futures the notebook holds, by key
        self.sent: set[str] = set()
        self.runs: dict[str, Connection] = {}
        self.again: dict[str, int] = {}  # batches that a lost worker had, by run
        self.checked = False
        self.kept = False

    async def workers(self) -> dict:
        """What the scheduler knows of its workers now; the client's own copy is seconds old."""
        return (await self.client.scheduler.identity())["workers"]


CLUSTERS: dict[str, Held] = {}


def threads_of(workers: dict) -> int:
    return sum(w["nthreads"] for w in workers.values())


async def open_cluster(head: dict, note) -> Held:
    kind, options = head["kind"], head.get("options", {})
    make = {"local": open_local, "slurm": open_slurm, "address": open_address, "file": open_file, "client": open_client}
    held = await make[kind](options, note)
    CLUSTERS[held.name] = held
    try:
        await prepare(held)
    except BaseException:
        await close(held)
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
        asynchronous=True,
    )
    return Held(uuid.uuid4().hex[:12], "local", await connect(Client, cluster), cluster)


async def open_slurm(options: dict, note) -> Held:
    from distributed import Client

    if not shutil.which("sbatch"):
        raise Wrong("there is no `sbatch` here: start the notebook where jobs can be submitted, or use Cluster::scheduler_file")
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise Wrong(f"Cluster::slurm needs dask-jobqueue: {sys.executable} -m pip install dask-jobqueue") from None
    nodes = options.pop("nodes", 1)
    interface = options.get("scheduler_interface") or options.get("interface")
    arguments = {
        "queue": options.get("partition"),
        "account": options.get("account"),
        "cores": options.get("cores", 1),
        "processes": options.get("tasks") or 1,
        "memory": options.get("memory") or "4GB",
        "walltime": options.get("walltime") or "01:00:00",
        "job_extra_directives": options.get("directives", []),
        "job_script_prologue": [*[f"module load {m}" for m in options.get("modules", [])], *options.get("prologue", [])],
        "interface": options.get("interface"),
        "local_directory": options.get("local_directory") or "/tmp",
        "log_directory": options.get("log_directory") or str(pathlib.Path.home() / ".ferrolab-slurm"),
        "death_timeout": options.get("death_timeout", 120),
        "python": options.get("python") or sys.executable,
        "name": "ferrolab",
        "asynchronous": True,
        "scheduler_options": {"dashboard_address": ":0" if interface else "127.0.0.1:0", **({"interface": interface} if interface else {})},
    }
    os.makedirs(arguments["log_directory"], mode=0o700, exist_ok=True)
    cluster = await SLURMCluster(**arguments)
    cluster.scale(jobs=nodes)
    return Held(uuid.uuid4().hex[:12], "slurm", await connect(Client, cluster), cluster)


async def open_address(options: dict, note) -> Held:
    from distributed import Client
    from distributed.security import Security

    security = None
    if options.get("tls_ca"):
        security = Security(
            tls_ca_file=options["tls_ca"], tls_client_cert=options["tls_cert"], tls_client_key=options["tls_key"], require_encryption=True
        )
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
    return Held(uuid.uuid4().hex[:12], "file", await connect(Client, scheduler_file=str(path)), can_scale=False)


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
    except OSError as problem:
        where = arguments[0] if arguments else more.get("scheduler_file")
        raise Wrong(f"no Dask scheduler answers at {where}: {problem}") from None


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


async def check(held: Held) -> None:
    """Refuses workers that could not run code that was compiled here."""
    here = WORKER.describe()
    wanted = set(here["flags"]) & RELEVANT
    found = await held.client.run(WORKER.describe, on_error="ignore")
    workers = await held.workers()
    for address, there in found.items():
        name = f"worker {workers.get(address, {}).get('id', address)} on {there['host']}"
        if there["machine"] != here["machine"]:
            raise Wrong(f"{name} is a {there['machine']}, the notebook runs on {here['machine']}: compiled code cannot move between them")
        lacking = sorted(wanted - set(there["flags"]))
        if lacking:
            raise Wrong(
                f"{name} lacks what the notebook's code uses ({', '.join(lacking[:6])}): start the kernel where the workers run, or leave these workers out"
            )
        if version(there["libc"]) < version(here["libc"]):
            raise Wrong(f"{name} has {there['libc']}, older than {here['libc']} of the notebook: code from here may not load there")
    held.checked = bool(found)
    await go_direct(held, workers)


async def go_direct(held: Held, workers: dict) -> None:
    """Results come from the workers themselves where they can be reached from here, else through the scheduler."""
    for address in list(workers)[:1]:
        try:
            await asyncio.wait_for(held.client.rpc(address).identity(), 2)
        except (OSError, asyncio.TimeoutError):
            return
        held.client.direct_to_workers = True


RELEVANT = {"avx", "avx2", "fma", "bmi1", "bmi2", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni", "avx512_fp16"}


def version(text: str) -> tuple:
    return tuple(int(part) for part in text.split()[-1].split(".")) if text and text.split()[-1][0].isdigit() else (0,)


async def close(held: Held) -> None:
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
    workers = await held.workers()
    return {
        "id": held.name,
        "cluster_kind": held.kind,
        "address": held.client.scheduler.address,
        "dashboard": getattr(held.owned, "dashboard_link", None) or held.client.dashboard_link,
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
        "queue": await queue_of(held),
    }


async def queue_of(held: Held) -> list[dict]:
    """Jobs of ours in Slurm's queue, with the reason they wait and when they may start."""
    jobs = [str(w.job_id) for w in getattr(held.owned, "workers", {}).values() if getattr(w, "job_id", None)]
    if not jobs or not shutil.which("squeue"):
        return []
    process = await asyncio.create_subprocess_exec(
        "squeue", "-h", "-j", ",".join(jobs), "-o", "%i|%T|%r|%S|%N", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await process.communicate()
    rows = [line.split("|") for line in out.decode().splitlines() if line.count("|") == 4]
    return [dict(zip(("job", "state", "reason", "start", "node"), row)) for row in rows]
