"""Runs batches of native calls on a Dask worker.

Carried to a cluster once (`carried.py`), under a name with a hash of this text, so that several releases
can share it.
It loads the shared objects that a notebook's closures were compiled into, calls them through ctypes
(which releases the GIL), and hands results on without looking at them. What a closure does is native
code's business (`shim.rs`); when batches run is Dask's. `worker_life.py` is the rest of this module.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import stat
import tempfile
import threading
import time
import weakref

from distributed import get_worker

RTLD_GLOBAL_NOW = ctypes.RTLD_GLOBAL | os.RTLD_NOW
DONE, PANICKED, CANCELLED, GARBLED, UNWRITABLE = range(5)
# numpy's names of `Number`s in numbers.rs, by code; 0 are values that were written (`value/mod.rs`)
NUMBERS = ("|u1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8")
# results larger than this travel as a buffer that Dask does not copy
LARGE = 64 << 10


class Call(ctypes.Structure):
    """`Call` in batch.rs."""

    _fields_ = [
        ("input", ctypes.c_char_p),
        ("input_len", ctypes.c_size_t),
        ("params", ctypes.c_char_p),
        ("params_len", ctypes.c_size_t),
        ("params_id", ctypes.c_uint64),
        ("done", ctypes.POINTER(ctypes.c_uint64)),
        ("cancel", ctypes.POINTER(ctypes.c_uint8)),
        ("array", ctypes.c_void_p),
        ("array_len", ctypes.c_size_t),
        ("array_number", ctypes.c_uint32),
        ("keep", ctypes.c_uint32),
        ("output", ctypes.c_void_p),
        ("output_len", ctypes.c_size_t),
        ("output_capacity", ctypes.c_size_t),
        ("output_align", ctypes.c_size_t),
        ("output_number", ctypes.c_uint32),
        ("places", ctypes.POINTER(ctypes.c_void_p)),
        ("places_len", ctypes.c_size_t),
    ]


SHIM = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Call))


class TaskPanicked(Exception):
    """A closure panicked, or its result cannot be written; the arguments are the worker's name, and JSON with message,
    place and the task's number in its batch (`Panic` in `protocol.rs`)."""


class TaskCancelled(Exception):
    """Nobody wanted the batch any more; the argument is the worker's name."""


class CodeMissing(Exception):
    """This worker cannot see a shared object; the argument is JSON with the names of the missing ones."""


class CodeUnfit(Exception):
    """This worker needs code for a lesser processor than the notebook's, and has none; the argument is its level."""


class CodeRefused(Exception):
    """This worker will not or cannot load a shared object; the argument says why."""


def label(name) -> str:
    """A worker's name for people: Dask's launchers count them."""
    return f"worker {name}" if str(name).isdigit() else str(name)


class Left:
    """What a batch left: the nanoseconds it took, its worker's name, its results. A class of its own, because
    Dask takes a tuple apart to send it, which made 100 MB six times slower."""

    __slots__ = ("took", "worker", "value")

    def __init__(self, took: int, worker: str, value):
        self.took, self.worker, self.value = took, worker, value

    def __reduce__(self):
        return Left, (self.took, self.worker, self.value)

    def __sizeof__(self) -> int:
        # Dask counts a worker's memory by this
        values = self.value if isinstance(self.value, list) else [self.value]
        return 200 + sum(value.nbytes if hasattr(value, "nbytes") else len(value) for value in values)


class Batch:
    """One running batch: what is done, and the order to stop."""

    def __init__(self, run: str):
        self.run, self.done, self.cancel = run, ctypes.c_uint64(0), ctypes.c_uint8(0)


class State:
    """What this process has loaded and runs; one for each worker process."""

    def __init__(self):
        self.lock = threading.RLock()
        self.loaded: dict[str, ctypes.CDLL] = {}  # by identity
        self.shims: dict[tuple, object] = {}
        self.sent: dict[str, bytes] = {}  # contents that came with a plugin, by identity
        self.batches: set[Batch] = set()
        self.cancelled: set[str] = set()
        self.finished: dict[str, int] = {}  # calls done, by run
        self.helper = None
        self.folder = None
        self.lines: dict[str, int] = {}
        self.levels: dict[str, str] = {}  # whose code runs here, by the lowest layer: a level, or "" for the notebook's own
        self.variants: dict[tuple[str, str], dict] = {}  # the same code for lesser processors, by name and level
        self.kinds: dict[str, object] = {}  # addresses of a graph's code, by its name
        self.costs: dict[str, list[int]] = {}  # what its tasks took, likewise


STATE = State()


def identity(item: dict) -> str:
    return f"{item['path']}\0{item['size']}\0{item['modified']}"


def same_file(item: dict) -> bool:
    """Is the notebook's file here too, and could only its owner, root or we have written it?"""
    try:
        found = os.stat(item["path"])
    except OSError:
        return False
    if (found.st_size, found.st_mtime_ns) != (item["size"], item["modified"]):
        return False
    # what somebody else could have changed, also since the notebook loaded it, comes from the notebook
    return found.st_uid in (0, os.geteuid()) and not found.st_mode & stat.S_IWOTH


def missing(objects: list[dict]) -> list[str]:
    """Which of a closure's objects this worker can neither see nor was sent."""
    with STATE.lock:
        return [identity(o) for o in objects if identity(o) not in STATE.loaded and identity(o) not in STATE.sent and not same_file(o)]


def contents(code: dict, names: list[str]) -> dict[str, bytes]:
    """Of those objects of a closure that some worker misses: called where they can be seen."""
    found = {}
    for item in code["objects"]:
        if identity(item) in names:
            with open(item["path"], "rb") as file:
                found[identity(item)] = file.read()
    return found


def unpack(item: dict) -> str:
    """Writes an object that was sent to a place of our own; returns the path."""
    if STATE.folder is None:
        STATE.folder = tempfile.mkdtemp(prefix="fl")
        weakref.finalize(STATE, remove, STATE.folder)
    path = place_of(item)
    if not os.path.exists(path):
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(STATE.sent[identity(item)])
        os.rename(path + ".new", path)
    return path


def place_of(item: dict) -> str:
    return os.path.join(STATE.folder, hashlib.sha256(identity(item).encode()).hexdigest()[:10] + ".so")


def remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def load(objects: list[dict]) -> ctypes.CDLL:
    """Loads a closure's objects in order; returns the last one."""
    with STATE.lock:
        lost = missing(objects)
        if lost:
            raise CodeMissing(json.dumps(lost))
        for item in objects:
            key = identity(item)
            if key in STATE.loaded:
                continue
            path = item["path"] if same_file(item) else unpack(item)
            # those that need a cell's object name it, and the loader finds it loaded; layers are found by everybody
            mode = os.RTLD_NOW | os.RTLD_LOCAL if item["by_path"] else RTLD_GLOBAL_NOW
            if "RAYON_NUM_THREADS" not in os.environ:
                os.environ["RAYON_NUM_THREADS"] = str(get_worker().state.nthreads)
            try:
                if not STATE.loaded:
                    # mathematical functions that cells call
                    ctypes.CDLL("libm.so.6", mode=RTLD_GLOBAL_NOW)
                STATE.loaded[key] = ctypes.CDLL(path, mode=mode)
            except OSError as problem:
                raise CodeRefused(f"{os.uname().nodename} cannot load code of the notebook: {problem}") from None
            if os.path.basename(item["path"]).startswith("libferrolab") and hasattr(STATE.loaded[key], "ferrolab_worker_free"):
                STATE.helper = STATE.loaded[key]
        return STATE.loaded[identity(objects[-1])]


def base_of(library: ctypes.CDLL) -> int:
    """Where the loader put an object."""
    handle = ctypes.c_void_p(library._handle)
    link_map = ctypes.c_void_p()
    dlinfo = ctypes.CDLL(None).dlinfo
    if dlinfo(handle, 2, ctypes.byref(link_map)) != 0:  # RTLD_DI_LINKMAP
        raise CodeRefused("the dynamic loader does not say where it put the code")
    return ctypes.c_size_t.from_address(link_map.value).value


def name_of(code: dict) -> str:
    """A name for code, the same wherever it is asked for."""
    parts = [*(identity(item) for item in code["objects"]), *(f"{at}:{offset}" for at, offset in code["places"])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def ground(layers: list[str]) -> str:
    """The layer that all others of a notebook stand on, also those that come with later dependencies. A process can have one, and
    so code for one processor."""
    return next((path for path in layers if os.path.basename(path).startswith("libferrolab")), "")


def fitting(code: dict) -> dict:
    """Code as this process runs it: the notebook's own, or the same for a lesser processor."""
    with STATE.lock:
        layers = [item["path"] for item in code["objects"] if not item["by_path"]]
        level = STATE.levels.setdefault(ground(layers), own_level(code["features"]))
        if not level:
            return code
        found = STATE.variants.get((name_of(code), level))
    if found is None:
        raise CodeUnfit(level)
    return found


def places_of(code: dict):
    """The addresses of code in this process."""
    code = fitting(code)
    load(code["objects"])
    bases = [base_of(STATE.loaded[identity(item)]) for item in code["objects"]]
    addresses = [bases[at] + offset for at, offset in code["places"]]
    with STATE.lock:
        STATE.helper.ferrolab_worker_free.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
        STATE.helper.ferrolab_worker_free.restype = None
    return (ctypes.c_void_p * len(addresses))(*addresses)


def shim_of(code: dict):
    """The first place, as something that can be called, and the others."""
    key = tuple((identity(code["objects"][at]), offset) for at, offset in code["places"])
    found = STATE.shims.get(key)
    if found is None:
        places = places_of(code)
        found = SHIM(places[0]), (ctypes.c_void_p * (len(places) - 1))(*places[1:])
        with STATE.lock:
            STATE.shims[key] = found
    return found


def run(name: str, code: dict, pieces, params: bytes, params_id: int, keep: bool = False):
    """One batch: `pieces` are bytes, or results of other tasks, that together are its input.

    With `keep`, a vector of numbers stays what it is in
    memory, as a numpy array; whatever else a result is, it is bytes that `value/mod.rs` wrote.
    """
    shim, places = shim_of(code)
    values = [value_of(piece) for piece in pieces]
    array = aligned(values[0]) if len(values) == 1 and is_array(values[0]) else None
    source = b"" if array is not None else values[0] if len(values) == 1 and isinstance(values[0], bytes) else b"".join(map(as_bytes, values))
    params = params or b""
    batch = Batch(name)
    call = Call(source, len(source), params, len(params), params_id, ctypes.pointer(batch.done), ctypes.pointer(batch.cancel))
    call.keep = keep and has_numpy()
    call.places, call.places_len = places, len(places)
    if array is not None:
        point(call, array)
    status, took = called(batch, lambda: shim(ctypes.byref(call)))
    worker = label(get_worker().name)
    result = take(call)
    if status != DONE:
        judge(status, worker, result)
    return Left(took, worker, result)


def called(batch: Batch, native) -> tuple[int, int]:
    """Calls native code as a batch that others see and may cancel; what it returned, and the nanoseconds it took."""
    with STATE.lock:
        STATE.batches.add(batch)
        if batch.run in STATE.cancelled:
            batch.cancel.value = 1
        signal()
    begun = time.perf_counter_ns()
    try:
        return native(), time.perf_counter_ns() - begun
    finally:
        # while the batch still counts as running, so that its lines find their run
        flush()
        with STATE.lock:
            STATE.batches.discard(batch)
            STATE.finished[batch.run] = STATE.finished.get(batch.run, 0) + batch.done.value
            signal()


def judge(status: int, worker: str, result) -> None:
    """Raises what a batch says that is not done."""
    if status in (PANICKED, UNWRITABLE):
        raise TaskPanicked(worker, bytes(result).decode())
    if status == CANCELLED:
        raise TaskCancelled(worker)
    raise CodeRefused(f"the worker and the notebook disagree on what was sent: {bytes(result).decode(errors='replace')}")


def take(call):
    """The shim's output (`Call`, or an `Output` of a program): numbers as an array, else bytes when they are few; large ones in Rust's own memory,
    which is freed when the array is."""
    number, length = call.output_number, call.output_len
    if not number and length <= LARGE:
        data = ctypes.string_at(call.output, length) if length else b""
        STATE.helper.ferrolab_worker_free(call.output, call.output_capacity, call.output_align)
        return data
    buffer = (ctypes.c_uint8 * length).from_address(call.output)
    weakref.finalize(buffer, STATE.helper.ferrolab_worker_free, call.output, call.output_capacity, call.output_align)
    if not has_numpy():
        return bytes(buffer)
    import numpy

    array = numpy.frombuffer(buffer, dtype=NUMBERS[number] if number else WRITTEN)
    array.flags.writeable = False
    return array


# bytes of a value that was written, as an array: an array of |u1 is a vector of such numbers
WRITTEN = "|V1"


def has_numpy() -> bool:
    try:
        import numpy  # noqa: F401
    except ImportError:
        return False
    return True


def is_array(value) -> bool:
    """Are these numbers in memory, and not bytes of a value that was written?"""
    return hasattr(value, "dtype") and value.dtype.kind != "V"


def memory(value):
    """A result as a buffer of bytes."""
    return memoryview(value.view("|u1")) if hasattr(value, "dtype") else value


def aligned(array):
    """As a slice wants it; one that crossed the network may be misaligned."""
    import numpy

    return numpy.require(array, requirements=("C", "A"))


def point(call: Call, array) -> None:
    name = array.dtype.str
    if array.ndim != 1 or name not in NUMBERS:
        raise CodeRefused(f"an array of {array.ndim} dimensions of {array.dtype} is not what a task leaves")
    # the first one is for bytes
    call.array, call.array_len, call.array_number = array.ctypes.data, array.size, NUMBERS.index(name, 1)


def value_of(piece):
    """What a task left, for Python to read: the numbers, or bytes."""
    return piece.value if isinstance(piece, Left) else piece


def readable(piece):
    """The same for clients of Python that know nothing of this module."""
    value = value_of(piece)
    return value if is_array(value) else bytes(memory(value))


def as_bytes(value) -> bytes:
    """What another task left, as the bytes a shim reads."""
    if not is_array(value):
        return bytes(memory(value))
    array, call = aligned(value), Call()
    point(call, array)
    if STATE.helper.ferrolab_worker_write(ctypes.byref(call)):
        raise CodeRefused("numbers of another task could not be written")
    try:
        return ctypes.string_at(call.output, call.output_len)
    finally:
        STATE.helper.ferrolab_worker_free(call.output, call.output_capacity, call.output_align)


def signal() -> None:
    """Helpers inside tasks stop when all batches of this process are to stop."""
    if STATE.helper is not None:
        running = [b.cancel.value for b in STATE.batches]
        STATE.helper.ferrolab_worker_interrupt(int(bool(running) and all(running)))


def cancel(name: str) -> None:
    """Called on every worker: no task of this run is wanted any more."""
    with STATE.lock:
        STATE.cancelled.add(name)
        for batch in STATE.batches:
            if batch.run == name:
                batch.cancel.value = 1
        signal()


def stop(name: str) -> None:
    """Called on every worker: what runs now of this run is not wanted. What Dask runs again of it later, is."""
    with STATE.lock:
        for batch in STATE.batches:
            if batch.run == name:
                batch.cancel.value = 1
        signal()


def forget(name: str) -> None:
    """Called on every worker when a run has ended."""
    with STATE.lock:
        STATE.cancelled.discard(name)
        STATE.finished.pop(name, None)
        STATE.lines.pop(name, None)
        STATE.costs.pop(name, None)
        STATE.kinds.pop(name, None)


def progress() -> dict[str, int]:
    """Calls done in this process, by run: travels with the worker's heartbeats."""
    with STATE.lock:
        counts = dict(STATE.finished)
        for batch in STATE.batches:
            counts[batch.run] = counts.get(batch.run, 0) + batch.done.value
        return counts

