"""Where a cluster's workers come from, as far as that is for the notebook to say: what can be scaled, why workers are
not coming, what has to be closed. Jobs of a batch system are `jobs.py`.
"""

from __future__ import annotations

import asyncio
import contextlib

from connection import Wrong
from protocol import QueuedJob


class Origin:
    """Somebody else's scheduler: nothing about its workers is ours to decide, or to close."""

    async def scale(self, wanted: int) -> None:
        raise Wrong("this cluster was not started from the notebook: scale it where it was started")

    async def adapt(self, minimum: int, maximum: int) -> None:
        await self.scale(minimum)

    def hopeless(self, wanted: int) -> str:
        """Why there will not be so many workers, when that is known."""
        return ""

    async def queue(self, fresh: bool) -> list[QueuedJob]:
        """Jobs that are to bring workers, with the reason they wait and when they may start."""
        return []

    def expect(self, run: str, seconds: float | None) -> None:
        """A run has so many thread seconds of work left, as far as is known; None when it has ended."""

    def logs(self) -> dict[str, str]:
        """The end of what each job printed."""
        return {}

    async def close(self) -> None:
        """Ends what was started for the cluster."""


class Launcher(Origin):
    """One of Dask's own cluster objects, started here or by the user's function."""

    def __init__(self, launcher):
        self.launcher = launcher

    async def scale(self, wanted: int) -> None:
        with contextlib.suppress(Exception):
            self.launcher.adapt(minimum=0, maximum=0).stop() if getattr(self.launcher, "_adaptive", None) else None
        scaled = self.launcher.scale(wanted)
        if asyncio.iscoroutine(scaled):
            await scaled

    async def adapt(self, minimum: int, maximum: int) -> None:
        self.launcher.adapt(minimum=minimum, maximum=maximum)

    async def close(self) -> None:
        await done(self.launcher.close())


class OthersClient(Origin):
    """A client that the user's function made: its scheduler is not ours, it is."""

    def __init__(self, client):
        self.client = client

    async def close(self) -> None:
        await done(self.client.close())


async def done(closing) -> None:
    """Waits when there is something to wait for: clients and clusters of Dask close at once where they have a thread of their own."""
    if asyncio.iscoroutine(closing) or isinstance(closing, asyncio.Future):
        await closing
