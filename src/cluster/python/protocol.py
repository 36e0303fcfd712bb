"""What the notebook tells the bridge: the types. It sends nothing (`connection.py`)."""

from __future__ import annotations

import dataclasses


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
    security: dict | None = None
