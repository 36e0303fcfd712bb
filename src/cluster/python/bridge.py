"""Holds the Dask clients of a notebook, for the runner that executes its cells.

    python bridge.py SOCKET WORKER_MODULE

It listens on a Unix socket in a folder that only its user can enter. Each connection is one operation;
a connection that closes early means that nobody waits for its tasks any more. It ends, and ends what it
started, when its standard input does: the runner and its snapshots hold the other end of that pipe.
It knows Dask, and nothing of what tasks compute. A message is the length of its head (4 bytes) and of
its body (8 bytes), both little endian, then the head as JSON, then the body.
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
import signal
import struct
import sys
import uuid

FOLDER = pathlib.Path(__file__).resolve().parent
LARGE_INPUT = 256 << 10
POLL = 0.25


class Wrong(Exception):
    """What the user is told."""


class Connection:
    """Messages over one stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer

    async def receive(self):
        head, body = struct.unpack("<IQ", await self.reader.readexactly(12))
        text = await self.reader.readexactly(head)
        return json.loads(text), await self.reader.readexactly(body)

    def send(self, head: dict, body=b"") -> None:
        # a notebook that is gone is noticed by whoever reads
        if self.writer.is_closing():
            return
        text = json.dumps(head).encode()
        view = memoryview(body).cast("B") if len(body) else b""
        self.writer.write(struct.pack("<IQ", len(text), len(view)) + text)
        if len(view):
            self.writer.write(view)


class Held:
    """A cluster of this notebook: a client, and what was started for it."""

    def __init__(self, name: str, kind: str, client, owned=None, can_scale=True):
        self.name, self.kind, self.client, self.owned, self.can_scale = name, kind, client, owned, can_scale
        self.results: dict[str, object] = {}  # futures the notebook holds, by key
        self.sent: set[str] = set()
        self.runs: dict[str, Connection] = {}
        self.checked = False

    async def workers(self) -> dict:
        """What the scheduler knows of its workers now; the client's own copy is seconds old."""
        return (await self.client.scheduler.identity())["workers"]


CLUSTERS: dict[str, Held] = {}
NUMBERS = itertools.count()
WORKER = None


def threads_of(workers: dict) -> int:
    return sum(w["nthreads"] for w in workers.values())


# -- clusters ------------------------------------------------------------------------------------


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
        name="ferrolab",
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


async def prepare(held: Held) -> None:
    """What workers need before the first task, also those that join later."""
    client = held.client
    await client.upload_file(str(FOLDER / f"{WORKER.__name__}.py"))
    await client.register_plugin(WORKER.Ferrolab())
    # lines and progress come as events; a subscription is one for the whole client
    client.subscribe_topic("ferrolab-lines", lambda event: on_lines(held, event))


def on_lines(held: Held, event) -> None:
    message = event[1] if isinstance(event, (list, tuple)) else event
    connection = held.runs.get(message.get("run"))
    if connection is not None:
        connection.send({"kind": "lines", **{k: message[k] for k in ("worker", "lines", "more")}})


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
                "name": str(w["id"]),
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


# -- runs ----------------------------------------------------------------------------------------


class Run:
    """The batches of one call from the notebook."""

    def __init__(self, held: Held, connection: Connection, head: dict, params: bytes):
        self.held, self.connection, self.head = held, connection, head
        self.name = f"{head.get('prefix') or 'map'}-{uuid.uuid4().hex[:8]}"
        self.params_bytes, self.params = params, None
        self.tasks: set[asyncio.Task] = set()
        self.futures: set = set()

    async def start(self) -> None:
        held = self.held
        if not held.client.scheduler or held.client.status not in ("running", "connecting"):
            raise Wrong("the scheduler of this cluster is gone: make the cluster again")
        held.runs[self.name] = self.connection
        self.tasks.add(asyncio.create_task(self.watch()))

    async def ready(self) -> None:
        """Before the first batch, once there are workers: is the code there, are parameters?"""
        held = self.held
        if not held.checked and await held.workers():
            await check(held)
        if self.params_bytes and self.params is None:
            self.params = asyncio.ensure_future(self.spread())

    async def spread(self):
        """Sends the parameters to every worker there is, once."""
        return await scatter(self.held.client, self.params_bytes, broadcast=bool(await self.held.workers()))

    async def watch(self) -> None:
        """Tells the notebook of workers, and of calls inside running batches, a few times a second."""
        told, names = None, None
        while True:
            workers = await self.held.workers()
            done = {str(w["id"]): w.get("metrics", {}).get("ferrolab", {}).get(self.name, 0) for w in workers.values()}
            news = {"kind": "workers", "threads": threads_of(workers), "workers": len(workers), "done": done}
            if not workers:
                news["queue"] = await queue_of(self.held)
            if news != told:
                self.connection.send(news)
                told = news
            await asyncio.sleep(POLL)

    def batch(self, head: dict, body: bytes) -> None:
        task = asyncio.create_task(self.one(head, body))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def one(self, head: dict, body: bytes) -> None:
        number = head["n"]
        try:
            future = await self.submit(number, [body])
            took, worker, result = await self.result(future, number, [body])
            self.connection.send({"kind": "done", "n": number, "seconds": took / 1e9, "worker": worker}, result)
        except asyncio.CancelledError:
            raise
        except Exception as problem:  # noqa: BLE001: whatever it is, the notebook must hear of it
            self.connection.send({"kind": "failed", "n": number, **explain(problem, self.held)})

    async def submit(self, number, pieces: list, keep: str | None = None):
        held = self.held
        await self.ready()
        if sum(len(p) for p in pieces if isinstance(p, bytes)) > LARGE_INPUT:
            pieces = [await scatter(held.client, p) if isinstance(p, bytes) else p for p in pieces]
        params = await self.params if self.params is not None else b""
        future = held.client.submit(
            WORKER.run, self.name, self.head["code"], pieces, params, self.head.get("params_id", 0), keep,
            key=f"{self.name}-{number}", pure=False,
        )  # fmt: skip
        self.futures.add(future)
        return future

    async def result(self, future, number, pieces):
        for attempt in itertools.count():
            try:
                return await future
            except WORKER.CodeMissing as problem:
                if attempt == 3:
                    raise
                await send_code(self.held, self.head["code"]["objects"], json.loads(str(problem)))
                future.release()
                future = await self.submit(f"{number}-again{attempt}", pieces)
            finally:
                self.futures.discard(future)

    async def end(self, wanted: bool) -> None:
        """The notebook has all it asked for, or has gone."""
        held = self.held
        held.runs.pop(self.name, None)
        for task in list(self.tasks):
            task.cancel()
        for future in list(self.futures):
            with contextlib.suppress(Exception):
                await asyncio.wait_for(held.client.cancel([future], force=True), 5)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(held.client.run(WORKER.forget if wanted else WORKER.cancel, self.name, on_error="ignore"), 5)


async def scatter(client, data: bytes, broadcast: bool = False):
    return await client.scatter(data, broadcast=broadcast, hash=False)


async def send_code(held: Held, objects: list[dict], names: list[str]) -> None:
    """Sends the contents of objects that some worker cannot see, to all workers, for good."""
    wanted = [o for o in objects if WORKER.identity(o) in names]
    contents = {WORKER.identity(o): pathlib.Path(o["path"]).read_bytes() for o in wanted}
    await held.client.register_plugin(WORKER.Code(f"ferrolab-code-{uuid.uuid4().hex[:8]}", contents))


def explain(problem: Exception, held: Held) -> dict:
    """A failure in the notebook's terms."""
    from distributed import KilledWorker

    if isinstance(problem, WORKER.TaskPanicked):
        return {"panic": json.loads(str(problem))}
    if isinstance(problem, KilledWorker):
        worker = getattr(problem, "last_worker", None)
        return {
            "message": "a task ended its worker's process several times: a segmentation fault, a stack overflow, abort(), or more memory than the worker has",
            "worker": getattr(worker, "name", None) and str(worker.name),
            "killed": True,
        }
    if type(problem).__name__ in ("FutureCancelledError", "CancelledError"):
        return {"message": f"Dask cancelled the task ({problem}): the scheduler or the last worker went away"}
    return {"message": f"{type(problem).__name__}: {problem}" if not isinstance(problem, (Wrong, WORKER.CodeRefused)) else str(problem)}


# -- operations ----------------------------------------------------------------------------------


def held_of(head: dict) -> Held:
    held = CLUSTERS.get(head["cluster"])
    if held is None:
        raise Wrong("this cluster was closed, or its client has ended: make it again")
    return held


async def serve(connection: Connection) -> None:
    head, body = await connection.receive()
    try:
        await OPERATIONS[head["op"]](connection, head, body)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    except Exception as problem:  # noqa: BLE001: the notebook must hear of it
        if not isinstance(problem, Wrong):
            import traceback

            traceback.print_exc()
        held = CLUSTERS.get(head.get("cluster", ""))
        told = explain(problem, held)
        connection.send({"kind": "error", **told})


async def on_open(connection: Connection, head: dict, body: bytes) -> None:
    def note(text: str) -> None:
        connection.send({"kind": "note", "text": text})

    opening = asyncio.create_task(open_cluster(head, note))
    gone = asyncio.create_task(connection.reader.read(1))
    await asyncio.wait([opening, gone], return_when=asyncio.FIRST_COMPLETED)
    if not opening.done():
        opening.cancel()
        with contextlib.suppress(BaseException):
            await opening
        return
    gone.cancel()
    connection.send({"kind": "ok", **await describe(await opening)})


async def on_run(connection: Connection, head: dict, body: bytes) -> None:
    run, wanted = Run(held_of(head), connection, head, body), False
    try:
        await run.start()
        while True:
            message, input_ = await connection.receive()
            if message["op"] == "end":
                wanted = True
                return
            run.batch(message, input_)
    finally:
        await run.end(wanted)


async def on_submit(connection: Connection, head: dict, body: bytes) -> None:
    """One call whose result stays on the workers."""
    held = held_of(head)
    run = Run(held, connection, head, b"")
    pieces = [body] if body else []
    for key in head.get("after", []):
        if key not in held.results:
            raise Wrong("this future was released: submit its task again")
        pieces.append(held.results[key])
    future = await run.submit(next(NUMBERS), pieces, head.get("array"))
    held.results[future.key] = future
    future.ferrolab = (run, pieces)
    connection.send({"kind": "ok", "key": future.key})


async def on_result(connection: Connection, head: dict, body: bytes) -> None:
    held = held_of(head)
    future = held.results.get(head["key"])
    if future is None:
        raise Wrong("this future was released: submit its task again")
    run, pieces = future.ferrolab
    waiting = asyncio.create_task(run.result(future, head["key"], pieces))
    gone = asyncio.create_task(connection.reader.read(1))
    await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        return
    gone.cancel()
    result = await waiting
    connection.send({"kind": "ok"}, WORKER.as_bytes(result))


async def on_status(connection: Connection, head: dict, body: bytes) -> None:
    held = held_of(head)
    states = {key: held.results[key].status for key in head.get("keys", []) if key in held.results}
    connection.send({"kind": "ok", "states": states, **await describe(held)})


async def on_release(connection: Connection, head: dict, body: bytes) -> None:
    held = held_of(head)
    for key in head["keys"]:
        future = held.results.pop(key, None)
        if future is not None and head.get("cancel"):
            await held.client.cancel([future], force=True)
            await held.client.run(WORKER.cancel, future.ferrolab[0].name, on_error="ignore")
    connection.send({"kind": "ok"})


async def on_publish(connection: Connection, head: dict, body: bytes) -> None:
    held = held_of(head)
    future = held.results.get(head["key"])
    if future is None:
        raise Wrong("this future was released: submit its task again")
    # what others read is the value, not our tuple around it
    value = held.client.submit(WORKER.value_of, future, pure=False)
    await held.client.publish_dataset(value, name=head["name"], override=True)
    connection.send({"kind": "ok"})


async def on_scale(connection: Connection, head: dict, body: bytes) -> None:
    held = held_of(head)
    if held.owned is None or not held.can_scale:
        raise Wrong("this cluster was not started from the notebook: scale it where it was started")
    if "minimum" in head:
        held.owned.adapt(minimum=head["minimum"], maximum=head["maximum"])
    else:
        with contextlib.suppress(Exception):
            held.owned.adapt(minimum=0, maximum=0).stop() if getattr(held.owned, "_adaptive", None) else None
        # Slurm counts in jobs: one for each node
        scaled = held.owned.scale(jobs=head["workers"]) if held.kind == "slurm" else held.owned.scale(head["workers"])
        if asyncio.iscoroutine(scaled):
            await scaled
    connection.send({"kind": "ok"})


async def on_wait(connection: Connection, head: dict, body: bytes) -> None:
    """Until there are so many workers, telling of those there are."""
    held, told = held_of(head), None
    gone = asyncio.ensure_future(connection.reader.read(1))
    while (there := len(await held.workers())) < head["workers"]:
        news = {"kind": "note", "workers": there, "queue": await queue_of(held)}
        if news != told:
            connection.send(news)
            told = news
        if (await asyncio.wait([gone], timeout=POLL))[0]:
            return
    gone.cancel()
    connection.send({"kind": "ok", **await describe(held)})


async def on_logs(connection: Connection, head: dict, body: bytes) -> None:
    held = held_of(head)
    logs = await held.client.get_worker_logs(n=200)
    names = {address: str(w["id"]) for address, w in (await held.workers()).items()}
    text = {names.get(a, a): "\n".join(line for _, line in reversed(lines)) for a, lines in logs.items()}
    connection.send({"kind": "ok", "logs": text})


async def on_close(connection: Connection, head: dict, body: bytes) -> None:
    held = CLUSTERS.get(head["cluster"])
    if held is not None:
        await close(held)
    connection.send({"kind": "ok"})


OPERATIONS = {
    "open": on_open,
    "run": on_run,
    "submit": on_submit,
    "result": on_result,
    "status": on_status,
    "release": on_release,
    "publish": on_publish,
    "scale": on_scale,
    "wait": on_wait,
    "logs": on_logs,
    "close": on_close,
}


async def main(socket: str, worker: str) -> None:
    global WORKER
    sys.path.insert(0, str(FOLDER))
    WORKER = importlib.import_module(worker)

    async def accept(reader, writer):
        connection = Connection(reader, writer)
        try:
            await serve(connection)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    os.umask(0o077)
    # bound under another name, so that whoever sees the socket can connect to it
    server = await asyncio.start_unix_server(accept, socket + ".new", limit=1 << 20)
    os.rename(socket + ".new", socket)
    life = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(life), sys.stdin)
    await life.read()
    server.close()
    await asyncio.gather(*(close(held) for held in list(CLUSTERS.values())))
    shutil.rmtree(FOLDER, ignore_errors=True)
    # what Dask still has in threads has no use any more
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main(*sys.argv[1:]))
