"""Messages over one stream: the length of the head (4 bytes) and of the body (8 bytes), both little
endian, then the head as JSON, then the body. What they mean is not its business.
"""

from __future__ import annotations

import asyncio
import json
import struct


class Wrong(Exception):
    """What the user is told."""


class Connection:
    """Messages over one stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer

    async def receive(self):
        head, body = struct.unpack("<IQ", await self.reader.readexactly(12))
        text = await self.reader.readexactly(head)
        return json.loads(text), await self.reader.readexactly(body)

    def send(self, head: dict, body=b"") -> None:
        # a notebook that is gone is noticed by whoever reads
        if self.writer.is_closing():
            return
        text = json.dumps(head).encode()
        view = memoryview(body).cast("B") if len(body) else b""
        self.writer.write(struct.pack("<IQ", len(text), len(view)) + text)
        if len(view):
            self.writer.write(view)
