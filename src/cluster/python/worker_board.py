
# What a cluster does, as its scheduler sees it: what threads were busy with since the last look, memory, bytes moved, tasks by
# state. The fourth part of `worker.py`, of which the scheduler gets the same text. It asks nobody: what workers know
# comes with their heartbeats. How it is drawn is `dashboard/` in Rust.

from distributed.diagnostics.plugin import SchedulerPlugin  # noqa: E402
from distributed.metrics import time as dask_time  # noqa: E402

# rows of a look; of more threads, or workers, several are one
MOST_ROWS = 32
# seconds without a look after which nobody is watching any more
UNWATCHED = 60.0
# what a thread does in the words of a task's intervals: the place among a lane's three sums
COMPUTING, TRANSFERRING, DISK = range(3)
# states that are told; tasks come into being as released ones, and end as forgotten ones
STATES = ("waiting", "no-worker", "queued", "processing", "memory", "erred")
ACTIONS = {"compute": COMPUTING, "transfer": TRANSFERRING, "disk-read": DISK, "disk-write": DISK, "deserialize": TRANSFERRING}


class Lane:
    """What a thread did since the last look: seconds of each sort, and until when that is known."""

    __slots__ = ("seconds", "until")

    def __init__(self):
        self.seconds, self.until = [0.0, 0.0, 0.0], 0.0


class Board(SchedulerPlugin):
    """Watches one scheduler for one client."""

    def __init__(self, scheduler, name: str):
        self.scheduler, self.name = scheduler, name
        self.since = dask_time()
        self.looked = time.monotonic()
        self.lanes: dict[str, dict[int, Lane]] = {}  # by a worker's address and a thread's identity
        self.states: dict[str, int] = {}
        self.done = 0
        self.disk: dict[str, float] = {}  # seconds that a worker's disk took in all, as it told last
        self.owed: dict[str, float] = {}  # those that no look has shown yet
        for group in scheduler.task_groups.values():
            for state, count in group.states.items():
                self.states[state] = self.states.get(state, 0) + count

    def transition(self, key, start, finish, *args, worker=None, startstops=None, thread=None, **kwargs) -> None:
        states = self.states
        states[start] = states.get(start, 0) - 1
        states[finish] = states.get(finish, 0) + 1
        if finish != "memory" or start != "processing":
            return
        self.done += 1
        if worker is not None and startstops:
            self.note(worker, thread or 0, startstops)
        if time.monotonic() - self.looked > UNWATCHED:
            self.scheduler.plugins.pop(self.name, None)

    def note(self, worker: str, thread: int, startstops) -> None:
        lane = self.lanes.setdefault(worker, {}).setdefault(thread, Lane())
        for each in startstops:
            place = ACTIONS.get(each["action"])
            if place is not None and each["stop"] > self.since:
                lane.seconds[place] += each["stop"] - max(each["start"], self.since)
                lane.until = max(lane.until, each["stop"])

    def look(self) -> dict:
        """What there was since the last look."""
        begun = time.perf_counter()
        now = dask_time()
        window = max(now - self.since, 1e-3)
        workers = sorted(self.scheduler.workers.values(), key=lambda w: (len(str(w.name)), str(w.name)))
        threads = sum(w.nthreads for w in workers)
        rows = [row for w in workers for row in self.rows(w, now, window, threads <= MOST_ROWS)]
        self.forget(now)
        lanes, each = folded(rows, lambda rows: [sum(row[k] for row in rows) / len(rows) for k in range(3)])
        memory, workers_each = folded([(label(w.name), memory_of(w)) for w in workers], lambda all: [sum(row[k] for row in all) for k in range(4)])
        return {
            "seconds": window,
            "workers": len(workers),
            "threads": threads,
            "lanes": lanes,
            # how many threads, or workers, a row stands for
            "lane_of": ["thread" if threads <= MOST_ROWS else "worker", each],
            "memory": memory,
            "memory_of": workers_each,
            "moved": [int(sum(moved_of(w, what) for w in workers)) for what in ("sent", "written", "read")],
            "states": {state: count for state, count in self.states.items() if count > 0 and state in STATES},
            "done": self.done,
            "took": time.perf_counter() - begun,
        }

    def rows(self, w, now: float, window: float, by_thread: bool) -> list:
        """Shares of the time, for each thread of a worker, or for all of them together."""
        known = self.lanes.get(w.address, {})
        lanes = sorted(known.values(), key=lambda lane: lane.until)
        running = [0.0] * 3
        # what runs and has not said how long: on the threads that have been silent longest
        busy = min(w.nthreads, len(w.processing))
        waiting = min(waiting_of(w, busy), busy)
        silent = [max(now - max(lane.until, self.since), 0.0) for lane in lanes[:busy]] + [window] * max(busy - len(lanes), 0)
        for at, seconds in enumerate(silent):
            running[TRANSFERRING if at < waiting else COMPUTING] += seconds
        spilling = self.spilling(w, window)
        name = label(w.name)
        if not by_thread:
            sums = [sum(lane.seconds[k] for lane in lanes) + running[k] for k in range(3)]
            return [(name, shares(sums, window * w.nthreads, spilling))]
        rows = []
        for number, at in enumerate(self.numbered(w)):
            seconds = list(at.seconds) if at else [0.0] * 3
            place = lanes.index(at) if at in lanes else len(lanes) + number
            if place < len(silent):
                seconds[TRANSFERRING if place < waiting else COMPUTING] += silent[place]
            rows.append((name if w.nthreads == 1 else f"{name}, {number + 1}", shares(seconds, window, spilling)))
        return rows

    def numbered(self, w) -> list:
        """A worker's threads, in the order in which they were first seen; more of them than it has are an earlier process's."""
        known = list(self.lanes.get(w.address, {}).values())[-w.nthreads :]
        return known + [None] * (w.nthreads - len(known))

    def spilling(self, w, window: float) -> float:
        """The share of the time in which a worker's disk was busy; it tells of that with its heartbeats, which are rarer than looks."""
        told = moved_of(w, "disk_seconds")
        self.owed[w.address] = self.owed.get(w.address, 0.0) + max(told - self.disk.get(w.address, told), 0.0)
        self.disk[w.address] = told
        taken = min(self.owed[w.address], window)
        self.owed[w.address] -= taken
        return taken / window

    def forget(self, now: float) -> None:
        self.since, self.looked = now, time.monotonic()
        there = self.scheduler.workers
        for known in (self.lanes, self.disk, self.owed):
            for address in [address for address in known if address not in there]:
                del known[address]
        for lanes in self.lanes.values():
            for lane in lanes.values():
                lane.seconds = [0.0] * 3


def shares(seconds: list, window: float, spilling: float) -> list:
    """Of the time; together at most all of it. Writing to the disk is shown where a thread does nothing else."""
    left, found = 1.0, []
    for each in (seconds[COMPUTING], seconds[TRANSFERRING], seconds[DISK] + spilling * window):
        share = min(each / window, left)
        left -= share
        found.append(round(share, 4))
    return found


def waiting_of(w, busy: int) -> int:
    """Threads of a worker whose task waits for what comes from others, as far as its last heartbeat tells."""
    metrics = w.metrics
    if not (metrics.get("transfer") or {}).get("incoming_count"):
        return 0
    counts = metrics.get("task_counts") or {}
    return busy - min(counts.get("executing", busy), busy) if isinstance(counts, dict) else 0


def memory_of(w) -> list[int]:
    """Managed, unmanaged, spilled, limit: bytes."""
    if "memory" not in w.metrics:
        # it has just joined
        return [0, 0, 0, w.memory_limit or 0]
    memory = w.memory
    return [memory.managed, memory.unmanaged, memory.spilled, w.memory_limit or 0]


def moved_of(w, what: str) -> float:
    return (w.metrics.get("ferrolab_moved") or {}).get(what, 0)


def folded(rows: list, join) -> tuple[list, int]:
    """At most so many rows, each of several neighbours when there are more; and of how many."""
    each = max(-(-len(rows) // MOST_ROWS), 1)
    groups = [rows[at : at + each] for at in range(0, len(rows), each)]
    name = lambda group: group[0][0] if len(group) == 1 else f"{group[0][0]} to {group[-1][0]}"  # noqa: E731
    return [[name(group), *(group[0][1] if len(group) == 1 else join([row for _, row in group]))] for group in groups], each


def board(name: str, dask_scheduler) -> dict:
    """Called on the scheduler: a look, which begins the watch when there was none."""
    plugin = dask_scheduler.plugins.get(name)
    if plugin is None:
        plugin = Board(dask_scheduler, name)
        dask_scheduler.add_plugin(plugin, name=name)
    return plugin.look()


def no_board(name: str, dask_scheduler) -> None:
    """Called on the scheduler: nobody watches any more."""
    dask_scheduler.plugins.pop(name, None)
