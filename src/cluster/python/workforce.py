"""The workers of a run as the notebook shows them: who did how much, in what state they are, who was lost.

It looks at what the scheduler says of its workers, and asks nobody.
"""

from __future__ import annotations

from carried import worker as worker_module
from protocol import WorkerLane

# of a worker's memory: above, it writes results to its disk (Dask's default) or is about to
PRESSED = 0.7


class Workforce:
    """The workers of one run, from one look to the next."""

    def __init__(self, run: str):
        self.run = run
        self.there: dict[str, str] = {}  # address -> name
        self.gone: dict[str, str] = {}  # those that were lost, likewise
        self.replaced: set[str] = set()

    def look(self, workers: dict, again: int) -> tuple[list[WorkerLane], list[str]]:
        """A lane for each, and words about what went wrong."""
        hosts = {w.get("host") for w in workers.values()}
        names = {address: self.name(w, len(hosts) > 1) for address, w in workers.items()}
        for address, name in self.there.items():
            if address not in names:
                self.gone[address] = name
        # Dask's nannies start a lost worker again under its name
        self.replaced |= {name for address, name in names.items() if address not in self.there and name in self.gone.values()}
        self.there = names
        lanes = [WorkerLane(names[a], w.get("metrics", {}).get("ferrolab", {}).get(self.run, 0), self.state(names[a], w)) for a, w in workers.items()]
        return sorted(lanes, key=lambda lane: natural(lane.name)), self.words(workers, again)

    def name(self, worker: dict, several_hosts: bool) -> str:
        name = worker_module.label(worker["id"])
        host = worker.get("metrics", {}).get("ferrolab_host") or worker.get("host", "")
        # Dask's own names of workers hold their address
        return f"{host} {name}" if several_hosts and host and host not in name else name

    def state(self, name: str, worker: dict) -> str:
        """What is worth a word of a worker."""
        metrics = worker.get("metrics", {})
        limit, used = worker.get("memory_limit") or 0, metrics.get("memory", 0)
        spilled = (metrics.get("spilled_bytes") or {}).get("disk", 0)
        words = []
        if worker.get("status") == "paused":
            words.append(f"paused, memory {used / limit:.0%}" if limit else "paused")
        elif limit and used > PRESSED * limit:
            words.append(f"memory {used / limit:.0%}")
        if spilled:
            words.append(f"{spilled / 2**20:,.0f} MiB on disk")
        if name in self.replaced:
            words.append("replaced")
        return ", ".join(words)

    def words(self, workers: dict, again: int) -> list[str]:
        words = []
        if paused := sum(w.get("status") == "paused" for w in workers.values()):
            words.append(f"{paused} paused for memory")
        if self.gone:
            words.append(f"{len(self.gone)} lost" + (f" and {len(self.replaced)} replaced" if self.replaced else ""))
        if again:
            words.append(f"{again} batch{'' if again == 1 else 'es'} again")
        return words


def natural(name: str) -> tuple:
    """Worker 10 comes after worker 9."""
    head = name.rstrip("0123456789")
    return head, int(name[len(head) :] or 0)
