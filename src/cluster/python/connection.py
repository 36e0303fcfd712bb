"""Messages over one stream: the length of the head (4 bytes) and of the body (8 bytes), both little
endian, then the head as JSON, then the body. What they mean is not its business.
"""

from __future__ import annotations

import asyncio
import collections
import json
import struct


# what is larger is handed to the socket in pieces of this size, each when the one before has gone: asyncio
# copies what the socket does not take at once
PIECE = 1 << 20


class Wrong(Exception):
    """What the user is told."""


class Connection:
    """Messages over one stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer
        self.waiting: collections.deque = collections.deque()
        self.sending: asyncio.Task | None = None

    async def receive(self):
        head, body = struct.unpack("<IQ", await self.reader.readexactly(12))
        text = await self.reader.readexactly(head)
        return json.loads(text), await self.reader.readexactly(body)

    def send(self, head: dict, body=b"") -> None:
        """Sends in the order of calls; it does not wait."""
        # a notebook that is gone is noticed by whoever reads
        if self.writer.is_closing():
            return
        text = json.dumps(head).encode()
        view = memoryview(body).cast("B") if len(body) else memoryview(b"")
        start = struct.pack("<IQ", len(text), len(view)) + text
        if self.sending is None and len(view) <= PIECE:
            self.writer.write(start)
            self.writer.write(view)
            return
        self.waiting.append((start, view))
        if self.sending is None:
            self.sending = asyncio.create_task(self.pour())

    async def pour(self) -> None:
        try:
            while self.waiting:
                start, view = self.waiting.popleft()
                self.writer.write(start)
                for at in range(0, len(view), PIECE):
                    self.writer.write(view[at : at + PIECE])
                    await self.writer.drain()
        except ConnectionError:
            self.waiting.clear()
        finally:
            self.sending = None

    async def flush(self) -> None:
        """Waits until all of it is on its way."""
        if self.sending is not None:
            await self.sending
        await self.writer.drain()
