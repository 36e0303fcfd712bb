# Tasks of a graph on a worker: a program of them is one Dask task. This is the third part of `worker.py`, one module for
# workers, which get it as one text (`carried.py` joins them). What a program does is native code's business (`graph/program.rs`).


class Piece(ctypes.Structure):
    """`Piece` in graph/worker.rs: a value that a program takes."""

    _fields_ = [("data", ctypes.c_void_p), ("len", ctypes.c_size_t), ("number", ctypes.c_uint32)]


class Output(ctypes.Structure):
    """`Output` in graph/worker.rs: a value that it leaves."""

    _fields_ = [
        ("output", ctypes.c_void_p),
        ("output_len", ctypes.c_size_t),
        ("output_capacity", ctypes.c_size_t),
        ("output_align", ctypes.c_size_t),
        ("output_number", ctypes.c_uint32),
    ]


class GraphCall(ctypes.Structure):
    """`GraphCall` in graph/worker.rs."""

    _fields_ = [
        ("program", ctypes.c_char_p),
        ("program_len", ctypes.c_size_t),
        ("kinds", ctypes.POINTER(ctypes.c_void_p)),
        ("kinds_len", ctypes.c_size_t),
        ("pieces", ctypes.POINTER(Piece)),
        ("pieces_len", ctypes.c_size_t),
        ("outputs", ctypes.POINTER(Output)),
        ("outputs_len", ctypes.c_size_t),
        ("costs", ctypes.POINTER(ctypes.c_uint64)),
        ("done", ctypes.POINTER(ctypes.c_uint64)),
        ("cancel", ctypes.POINTER(ctypes.c_uint8)),
        ("keep", ctypes.c_uint32),
    ]


def kinds_of(name: str, table: str):
    """The addresses of a graph's code in this process, by its table, which comes with each program and is read once."""
    found = STATE.kinds.get(name)
    if found is None:
        found = places_of(json.loads(table))
        with STATE.lock:
            STATE.kinds[name] = found
    return found


def taken(pieces: list, takes: bytes) -> list:
    """The values that a program takes, each as (piece, its place in that)."""
    places = memoryview(takes).cast("I")
    values = []
    for piece, slot in zip(places[::2], places[1::2]):
        value = value_of(pieces[piece])
        values.append(value[slot] if isinstance(value, list) else value)
    return values


def place(value) -> tuple:
    """A value in memory, and what must live as long: numbers, or bytes."""
    if is_array(value):
        array = aligned(value)
        name = array.dtype.str
        if array.ndim != 1 or name not in NUMBERS:
            raise CodeRefused(f"an array of {array.ndim} dimensions of {array.dtype} is not what a task leaves")
        return Piece(array.ctypes.data, array.size, NUMBERS.index(name, 1)), array
    if hasattr(value, "dtype"):
        array = aligned(value)
        return Piece(array.ctypes.data, array.nbytes, 0), array
    data = bytes(value)
    return Piece(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data), 0), data


def run_graph(table: str, name: str, number: int, told: bool, outputs: int, program: bytes, takes: bytes, pieces: list):
    """One program of a graph; what it leaves is a value, or a list of several. The notebook is told that it runs, where that is drawn."""
    if told:
        worker = get_worker()
        worker.loop.add_callback(worker.log_event, "ferrolab-programs", {"run": name, "program": number})
    kinds = kinds_of(name, table)
    places = [place(value) for value in taken(pieces, takes)]
    batch = Batch(name)
    left, costs = (Output * max(outputs, 1))(), (ctypes.c_uint64 * (3 * len(kinds)))()
    call = GraphCall(
        program, len(program), kinds, len(kinds), (Piece * max(len(places), 1))(*(piece for piece, _ in places)), len(places),
        left, outputs, costs, ctypes.pointer(batch.done), ctypes.pointer(batch.cancel), int(has_numpy()),
    )  # fmt: skip
    status, took = called(batch, lambda: STATE.helper.ferrolab_worker_graph(ctypes.byref(call)))
    worker = label(get_worker().name)
    note_costs(name, costs)
    if status != DONE:
        judge(status, worker, take(left[0]))
    values = [take(output) for output in left[:outputs]]
    return Left(took, worker, values[0] if outputs == 1 else values)


def block(piece, slot: int, shape: tuple, dtype: str):
    """A part of an array, as numpy's arrays are, where it is."""
    value = value_of(piece)
    value = value[slot] if isinstance(value, list) else value
    return value.view(dtype).reshape(shape)


def flat(part, dtype: str):
    """The other way: the numbers of a part of somebody else's array, one after the other."""
    import numpy

    numbers = numpy.ascontiguousarray(part, dtype=dtype).reshape(-1)
    return Left(0, label(get_worker().name), numbers.view("|u1") if dtype == "|b1" else numbers)


def note_costs(name: str, costs) -> None:
    with STATE.lock:
        sums = STATE.costs.setdefault(name, [0] * len(costs))
        for at, cost in enumerate(costs):
            sums[at] += cost


def costs(name: str) -> list[int]:
    """Called on every worker: calls, nanoseconds and bytes of results for each kind of a graph's tasks, one after the other."""
    with STATE.lock:
        return STATE.costs.get(name, [])
