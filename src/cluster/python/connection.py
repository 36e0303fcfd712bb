"""Messages over one stream: the length of the head (4 bytes) and of the body (8 bytes), both little
endian, then the head as JSON (`protocol.py`), then the body. What they mean is not its business.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import fcntl
import json
import os
import struct

import protocol

# what is larger goes by a file in memory that both ends see: nearly as quick as a copy, where a socket takes several
LARGE = 1 << 20
# where there is no room for one, the socket gets pieces of this size, each when the one before has gone: asyncio
# copies what the socket does not take at once
PIECE = 1 << 20


class Wrong(Exception):
    """What the user is told: what was asked for cannot be done."""

    why = "refused"


class Lost(Wrong):
    """The same of a cluster that is not there any more, or does not answer."""

    why = "lost"


class Connection:
    """Messages over one stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer
        self.waiting: collections.deque = collections.deque()
        self.sending: asyncio.Task | None = None
        self.handed: list[int] = []
        # what was read while an answer was waited for, and answers that whoever reads requests has read
        self.early: collections.deque = collections.deque()
        self.answers: asyncio.Queue = asyncio.Queue()
        self.asking, self.reading = asyncio.Lock(), False

    async def receive(self):
        """The next request, and the bytes beside it."""
        if self.early:
            return self.early.popleft()
        self.reading = True
        try:
            while isinstance((message := await self.next())[0], protocol.Compiled):
                self.answers.put_nowait(message[0])
            return message
        finally:
            self.reading = False

    async def ask(self, message):
        """Asks the notebook something, and returns what it answers; the connection may be read by somebody else meanwhile."""
        async with self.asking:
            self.send(message)
            while self.answers.empty() and not self.reading:
                other = await self.next()
                if isinstance(other[0], protocol.Compiled):
                    return other[0]
                self.early.append(other)
            return await self.answers.get()

    async def closed(self) -> None:
        """Waits until the notebook has closed: it says nothing more but what it is asked."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self.receive()

    async def next(self):
        head, body = struct.unpack("<IQ", await self.reader.readexactly(12))
        text = await self.reader.readexactly(head)
        return protocol.request(json.loads(text)), await self.reader.readexactly(body)

    def send(self, message, body=b"") -> None:
        """Sends in the order of calls; it does not wait."""
        # a notebook that is gone is noticed by whoever reads
        if self.writer.is_closing():
            return
        head, view = protocol.head(message), memoryview(body).cast("B") if len(body) else memoryview(b"")
        if self.sending is None and len(view) <= LARGE:
            self.write(head, len(view))
            self.writer.write(view)
            return
        self.waiting.append((head, view))
        if self.sending is None:
            self.sending = asyncio.create_task(self.pour())

    def write(self, head: dict, size: int) -> None:
        text = json.dumps(head).encode()
        self.writer.write(struct.pack("<IQ", len(text), size) + text)

    async def pour(self) -> None:
        try:
            while self.waiting:
                await self.pour_one(*self.waiting.popleft())
        except ConnectionError:
            self.waiting.clear()
        finally:
            self.sending = None

    async def pour_one(self, head: dict, view: memoryview) -> None:
        if len(view) > LARGE:
            with contextlib.suppress(OSError):
                file = await asyncio.to_thread(in_memory, view)
                self.handed.append(file)
                self.write({**head, "shared": [os.getpid(), file, len(view)]}, 0)
                return
        self.write(head, len(view))
        for at in range(0, len(view), PIECE):
            self.writer.write(view[at : at + PIECE])
            await self.writer.drain()

    async def flush(self) -> None:
        """Waits until all of it is on its way, and until files in memory are not needed any more: until the other
        end has closed."""
        if self.sending is not None:
            await self.sending
        await self.writer.drain()
        while self.handed and await self.reader.read(1 << 16):
            pass

    def close(self) -> None:
        self.writer.close()
        while self.handed:
            os.close(self.handed.pop())


def in_memory(view: memoryview) -> int:
    """A file without a name that holds these bytes, and will not change."""
    # a Python that was built on an old system does not know the call
    if not hasattr(os, "memfd_create"):
        raise OSError("no memfd_create")
    file = os.memfd_create("ferrolab", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        at = 0
        while at < len(view):
            at += os.write(file, view[at:])
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    except BaseException:
        os.close(file)
        raise
    return file
