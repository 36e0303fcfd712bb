
# The worker around its batches: what it is, what it prints, what it is told when it starts. This is the second part of
# `worker.py`, one module for workers, which get it as one text (`carried.py` joins them).

from distributed.diagnostics.plugin import WorkerPlugin  # noqa: E402

# lines a worker passes on for a run, and characters of a line
MOST_LINES, LONGEST_LINE = 200, 2000


def describe() -> dict:
    """What code for this worker must be compiled for."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        libc = ""
    return {
        "machine": os.uname().machine,
        "host": os.uname().nodename,
        "libc": libc,
        "flags": flags(),
        "toolchains": toolchains(),
    }


def flags() -> list[str]:
    """The processor's features, by the kernel's names; empty where it does not say."""
    try:
        with open("/proc/cpuinfo") as file:
            return next((line.split(":", 1)[1].split() for line in file if line.startswith(("flags", "Features"))), [])
    except OSError:
        return []


def toolchains() -> list[str]:
    """Rust standard libraries in this process; their names hold a hash of their release."""
    try:
        with open("/proc/self/maps") as file:
            found = {os.path.basename(line.split()[-1]) for line in file if "/libstd-" in line}
    except OSError:
        return []
    with STATE.lock:
        # those that came with a plugin have other names here
        found |= {os.path.basename(key.split("\0")[0]) for key in STATE.loaded}
    return sorted(name for name in found if name.startswith("libstd-"))


# what a level of x86-64 adds to the one before, by the names of /proc/cpuinfo
LEVELS = {
    "x86-64": set(),
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


def best_target(machines: list[dict]) -> str:
    """The most capable processor, by rustc's name, whose code all these machines run."""
    if any(m["machine"] != "x86_64" for m in machines):
        return "generic"
    common = set.intersection(*(set(m["flags"]) for m in machines))
    best = "x86-64"
    for level, added in LEVELS.items():
        if not added <= common:
            break
        best = level
    return best


def own_level(features: list[str]) -> str:
    """The level whose code this process runs; "" when the notebook's own code fits. An instruction that the processor
    does not have would end the process."""
    known = flags()
    if not known or set(features) <= set(known):
        return ""
    return best_target([{"machine": os.uname().machine, "flags": known}])


def settle(layers: list[str], level: str) -> None:
    """Called on workers that are new to a notebook: its code for this level is theirs. One that has begun with other
    code stays with it."""
    with STATE.lock:
        STATE.levels.setdefault(ground(layers), level)


class Lines:
    """Passes what tasks print on to the notebook, and to where it went before."""

    def __init__(self, stream: int, worker):
        self.worker, self.kept, self.rest = worker, os.dup(stream), b""
        self.lock = threading.Lock()
        read, write = os.pipe()
        os.dup2(write, stream)
        os.close(write)
        self.read = read
        os.set_blocking(read, False)
        self.thread = threading.Thread(target=self.follow, daemon=True, name="ferrolab-lines")
        self.thread.start()

    def follow(self) -> None:
        import select

        while True:
            select.select([self.read], [], [])
            if not self.once():
                return

    def once(self) -> bool:
        """Reads what is there."""
        with self.lock:
            try:
                data = os.read(self.read, 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return False
            os.write(self.kept, data)
            *lines, self.rest = (self.rest + data).split(b"\n")
            if len(self.rest) > LONGEST_LINE:
                lines, self.rest = [*lines, self.rest], b""
            self.tell([line[:LONGEST_LINE].decode(errors="replace") for line in lines])
            return True

    def tell(self, lines: list[str]) -> None:
        with STATE.lock:
            runs = sorted({b.run for b in STATE.batches} | set(STATE.lines))
            for run in runs:
                told = STATE.lines.get(run, 0)
                STATE.lines[run] = told + len(lines)
                send = lines[: max(0, MOST_LINES - told)]
                if send or told < MOST_LINES <= told + len(lines):
                    more = told + len(lines) > MOST_LINES
                    # Dask itself writes the address under "worker"
                    message = {"run": run, "name": label(self.worker.name), "lines": send, "more": more}
                    self.worker.loop.add_callback(self.worker.log_event, "ferrolab-lines", message)


FOLLOWED: list[Lines] = []


def flush() -> None:
    for lines in FOLLOWED:
        lines.once()


def start(worker) -> None:
    """On each worker, also those that join later, before its first task."""
    worker.metrics["ferrolab"] = count_calls
    worker.metrics["ferrolab_host"] = name_host
    worker.metrics["ferrolab_moved"] = count_moved
    if not FOLLOWED and os.environ.get("FERROLAB_WORKER_LINES", "1") != "0":
        FOLLOWED.append(Lines(1, worker))


async def count_calls(worker) -> dict[str, int]:
    return progress()


async def count_moved(worker) -> dict[str, float]:
    """Bytes that this worker sent to others, and wrote to and read from its disk; and the seconds that the disk took."""
    # a worker that never writes to its disk has a plain dictionary
    disk = getattr(worker.data, "cumulative_metrics", {})
    return {
        "sent": getattr(worker, "transfer_outgoing_bytes_total", 0),
        "written": disk.get(("disk-write", "bytes"), 0),
        "read": disk.get(("disk-read", "bytes"), 0),
        "disk_seconds": disk.get(("disk-write", "seconds"), 0.0),
    }


async def name_host(worker) -> str:
    return os.uname().nodename


class Variant(WorkerPlugin):
    """Code for lesser processors than the notebook's, by the name of the notebook's own."""

    def __init__(self, name: str, variants: dict[tuple[str, str], dict]):
        self.name, self.variants = name, variants

    def setup(self, worker) -> None:
        with STATE.lock:
            STATE.variants.update(self.variants)


class Code(WorkerPlugin):
    """Objects that some worker cannot see at their path."""

    def __init__(self, name: str, contents: dict[str, bytes]):
        self.name, self.contents = name, contents

    def setup(self, worker) -> None:
        with STATE.lock:
            STATE.sent.update(self.contents)
