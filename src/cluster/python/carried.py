"""The module that runs on workers, as this process has it, and how workers and the scheduler come by it.

Its name holds a hash of its text, so that several releases can share a cluster. What it does is `worker.py` and its other
parts, `worker_life.py`, `worker_graph.py` and `worker_board.py`.
"""

from __future__ import annotations

import hashlib
import pathlib
import sys

import cloudpickle
from distributed.diagnostics.plugin import SchedulerPlugin, WorkerPlugin

FOLDER = pathlib.Path(__file__).resolve().parent
TEXT = "".join((FOLDER / name).read_text() for name in ("worker.py", "worker_life.py", "worker_graph.py", "worker_board.py"))
NAME = f"ferrolab_worker_{hashlib.sha256(TEXT.encode()).hexdigest()[:16]}"


def install(name: str, text: str):
    """Makes a module of a text, once in each process."""
    import sys
    import types

    if name not in sys.modules:
        module = types.ModuleType(name)
        sys.modules[name] = module
        exec(compile(text, name + ".py", "exec"), module.__dict__)
    return sys.modules[name]


worker = install(NAME, TEXT)


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
