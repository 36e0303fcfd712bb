"""What a notebook and this process, which holds its Dask client, say to each other, as types: `protocol.rs` has the same
ones, and `messages.json` an example of each, which the tests of both sides read. It sends nothing (`connection.py`).

A message is one of these as JSON, and bytes beside it: parameters, the items of a batch, results. What they mean is said
in `protocol.rs`.
"""

from __future__ import annotations

import dataclasses
import typing
from typing import Optional, Union


@dataclasses.dataclass
class JobOptions:
    """What is asked of a batch system, in whose words is its own business."""

    # each is a job of its own
    nodes: int = 1
    # worker processes on each node, which share its cores
    tasks: int = 1
    cores: int = 1
    partition: str = ""
    account: str = ""
    memory: str = ""
    walltime: str = ""
    directives: list[str] = dataclasses.field(default_factory=list)
    modules: list[str] = dataclasses.field(default_factory=list)
    prologue: list[str] = dataclasses.field(default_factory=list)
    interface: str = ""
    scheduler_interface: str = ""
    local_directory: str = ""
    log_directory: str = ""
    python: str = ""
    security: Optional[dict] = None


@dataclasses.dataclass
class Local:
    workers: int
    security: Optional[dict]


@dataclasses.dataclass
class Jobs:
    system: str
    options: JobOptions


@dataclasses.dataclass
class Address:
    address: str
    security: Optional[dict]


@dataclasses.dataclass
class File:
    path: str
    security: Optional[dict]


@dataclasses.dataclass
class Client:
    function: str
    directory: Optional[str]


Ask = Union[Local, Jobs, Address, File, Client]


@dataclasses.dataclass
class Needs:
    features: list[str]
    libraries: list[str]


@dataclasses.dataclass
class Open:
    ask: Ask
    process: int
    needs: Needs


@dataclasses.dataclass
class Keep:
    cluster: str


@dataclasses.dataclass
class Run:
    cluster: str
    # what workers call: only `worker.py` looks into it
    code: dict
    prefix: str
    params_id: int


@dataclasses.dataclass
class Batch:
    n: int
    backlog: float


@dataclasses.dataclass
class End:
    pass


@dataclasses.dataclass
class Submit:
    cluster: str
    code: dict
    after: list[str]


@dataclasses.dataclass
class Graph:
    cluster: str
    name: str
    code: dict
    # each program that begins is told of
    drawn: bool


@dataclasses.dataclass
class Programs:
    # number, how many values it leaves, bytes of what it takes and of itself, and the programs (by number) or earlier
    # results (by key) that those are of; none for a value. A list of lists, since there may be many.
    programs: list[list]


@dataclasses.dataclass
class Free:
    programs: list[int]


@dataclasses.dataclass
class Fetch:
    # number, and the value's place in what that program left
    values: list[list]


@dataclasses.dataclass
class AskCosts:
    pass


@dataclasses.dataclass
class Leave:
    kept: list[int]


@dataclasses.dataclass
class Compiled:
    # none when it could not be compiled; why is the problem
    code: Optional[dict]
    problem: str


@dataclasses.dataclass
class Gather:
    cluster: str
    # key, and the value's place in what that program left
    parts: list[list]


@dataclasses.dataclass
class Result:
    cluster: str
    key: str


@dataclasses.dataclass
class States:
    cluster: str
    keys: list[str]


@dataclasses.dataclass
class Release:
    cluster: str
    keys: list[str]
    cancel: bool


@dataclasses.dataclass
class Publish:
    cluster: str
    key: str
    name: str


@dataclasses.dataclass
class PublishArray:
    cluster: str
    name: str
    # numpy's name of the elements' type, and for each axis the lengths of the chunks
    dtype: str
    chunks: list[list]
    # of each chunk, row after row: key, and the value's place in what that program left
    parts: list[list]


@dataclasses.dataclass
class Dataset:
    cluster: str
    name: str
    dtype: str


@dataclasses.dataclass
class Status:
    cluster: str


@dataclasses.dataclass
class Scale:
    cluster: str
    workers: int


@dataclasses.dataclass
class Adapt:
    cluster: str
    minimum: int
    maximum: int


@dataclasses.dataclass
class Wait:
    cluster: str
    workers: int


@dataclasses.dataclass
class Logs:
    cluster: str


@dataclasses.dataclass
class Close:
    cluster: str


@dataclasses.dataclass
class Board:
    cluster: str


@dataclasses.dataclass
class Look:
    pass


@dataclasses.dataclass
class Panic:
    task: int
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    unwritable: bool = False


@dataclasses.dataclass
class Failure:
    # a word of `ErrorKind`
    why: str
    message: str
    worker: Optional[str] = None
    panic: Optional[Panic] = None


@dataclasses.dataclass
class QueuedJob:
    job: str
    state: str
    reason: str
    start: str
    node: str


@dataclasses.dataclass
class WorkerLane:
    name: str
    done: int
    note: str


@dataclasses.dataclass
class WorkerState:
    name: str
    host: str
    threads: int
    memory: int
    used: int


@dataclasses.dataclass
class Ok:
    pass


@dataclasses.dataclass
class Error(Failure):
    pass


@dataclasses.dataclass
class Note:
    text: str


@dataclasses.dataclass
class Waiting:
    workers: int
    queue: list[QueuedJob]


@dataclasses.dataclass
class ClusterState:
    id: str
    origin: str
    address: str
    dashboard: str
    link: str
    nearby: bool
    python: str
    workers: list[WorkerState]
    queue: list[QueuedJob]


@dataclasses.dataclass
class Workers:
    threads: int
    lanes: list[WorkerLane]
    words: list[str]
    queue: list[QueuedJob]


@dataclasses.dataclass
class Done:
    n: int
    seconds: float
    worker: str


@dataclasses.dataclass
class Failed:
    n: int
    failure: Failure


@dataclasses.dataclass
class Running:
    programs: list[int]


@dataclasses.dataclass
class Costs:
    # calls, nanoseconds and bytes of results for each kind, one after the other
    costs: list[int]


@dataclasses.dataclass
class Values:
    # bytes of each, and numpy's name of the numbers that it is of, if it is an array
    values: list[list]


@dataclasses.dataclass
class Published:
    # keys of the chunks, row after row, begin with this
    run: str
    chunks: list[list]


@dataclasses.dataclass
class Lines:
    worker: str
    lines: list[str]
    more: bool


@dataclasses.dataclass
class News:
    text: str


@dataclasses.dataclass
class Wanted:
    level: str
    code: dict


@dataclasses.dataclass
class Submitted:
    key: str


@dataclasses.dataclass
class Value:
    array: Optional[str]


@dataclasses.dataclass
class FutureStates:
    states: dict[str, str]


@dataclasses.dataclass
class Looked:
    seconds: float
    workers: int
    threads: int
    # name, and the shares of the time in which it computed, waited for data of others, and for its disk
    lanes: list[list]
    # "thread" or "worker", and of how many of them each lane is
    lane_of: list
    # name, and bytes: managed, unmanaged, spilled, limit
    memory: list[list]
    memory_of: int
    # bytes between workers, to their disks, and back
    moved: list
    states: dict[str, int]
    done: int
    # seconds that the scheduler took for it
    took: float


@dataclasses.dataclass
class LogTexts:
    logs: dict[str, str]


# where a type is one of several, the field that says which, and the names in it
ASKS = ("kind", {"local": Local, "jobs": Jobs, "address": Address, "file": File, "client": Client})
REQUESTS = ("op", {
    "open": Open, "keep": Keep, "run": Run, "batch": Batch, "end": End, "submit": Submit, "graph": Graph, "programs": Programs, "free": Free, "fetch": Fetch,
    "costs": AskCosts, "leave": Leave, "compiled": Compiled, "gather": Gather, "result": Result, "states": States,
    "release": Release, "publish": Publish, "publish_array": PublishArray, "dataset": Dataset, "status": Status, "scale": Scale, "adapt": Adapt, "wait": Wait, "logs": Logs, "close": Close, "board": Board, "look": Look,
})  # fmt: skip
ANSWERS = ("kind", {
    "ok": Ok, "error": Error, "note": Note, "waiting": Waiting, "cluster": ClusterState, "workers": Workers, "done": Done, "failed": Failed, "running": Running, "costs": Costs, "values": Values, "published": Published,
    "lines": Lines, "news": News, "wanted": Wanted, "submitted": Submitted, "value": Value, "states": FutureStates, "logs": LogTexts, "looked": Looked,
})  # fmt: skip
TAGS = {kind: (tag, name) for tag, names in (ASKS, REQUESTS, ANSWERS) for name, kind in names.items()}


def request(head: dict):
    """The message that a head holds."""
    return one_of(REQUESTS, head)


def answer(head: dict):
    """The same for what this process says itself: tests read it."""
    return one_of(ANSWERS, head)


def head(message) -> dict:
    """A message as JSON has it."""
    written = {field.name: written_value(getattr(message, field.name)) for field in dataclasses.fields(message)}
    tag = TAGS.get(type(message))
    return written if tag is None else {tag[0]: tag[1], **written}


def written_value(value):
    if dataclasses.is_dataclass(value):
        return head(value)
    return [written_value(item) for item in value] if isinstance(value, list) else value


def one_of(variants: tuple, told: dict):
    tag, names = variants
    return made(names[told[tag]], {name: value for name, value in told.items() if name != tag})


def made(kind, told: dict):
    hints = HINTS.setdefault(kind, typing.get_type_hints(kind))
    return kind(**{name: field(hints[name], value) for name, value in told.items()})


# the types of a class's fields, which are text until somebody asks
HINTS: dict[type, dict] = {}


def field(kind, value):
    if kind is Ask:
        return one_of(ASKS, value)
    inner = [k for k in typing.get_args(kind) if dataclasses.is_dataclass(k)] or ([kind] if dataclasses.is_dataclass(kind) else [])
    if not inner or value is None:
        return value
    return [made(inner[0], item) for item in value] if isinstance(value, list) else made(inner[0], value)
