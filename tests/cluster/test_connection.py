"""What the Dask client's process sends to a notebook: in order, large results by a file in memory, or by the socket where there is none."""

import asyncio
import contextlib
import fcntl
import json
import os
import pathlib
import socket
import struct
import sys

import pytest

from support.process import ROOT

sys.path.insert(0, str(ROOT / "src/cluster/python"))

import connection  # noqa: E402
from protocol import Submitted  # noqa: E402

LARGE = bytes(range(256)) * 20_000


def head(key: str) -> dict:
    """What a message of ours is in JSON."""
    return {"kind": "submitted", "key": key}


async def received(reader) -> tuple[dict, bytes]:
    told, body = struct.unpack("<IQ", await reader.readexactly(12))
    return json.loads(await reader.readexactly(told)), await reader.readexactly(body)


async def both_ends():
    here, there = socket.socketpair()
    mine = connection.Connection(*await asyncio.open_connection(sock=here))
    return mine, await asyncio.open_connection(sock=there)


async def three_messages(look) -> None:
    """A small one, a large one and a small one; `look` gets what came of the large one while both ends are open."""
    mine, (reader, writer) = await both_ends()
    mine.send(Submitted("1"), b"first")
    mine.send(Submitted("2"), LARGE)
    mine.send(Submitted("3"), b"last")
    flushed = asyncio.create_task(mine.flush())
    assert await received(reader) == (head("1"), b"first")
    look(*await received(reader))
    assert await received(reader) == (head("3"), b"last")
    files = list(mine.handed)
    writer.close()
    await flushed
    mine.close()
    assert not any(os.path.exists(f"/proc/self/fd/{file}") and "memfd" in os.readlink(f"/proc/self/fd/{file}") for file in files)


def test_a_large_result_is_a_sealed_file_in_memory():
    def look(told: dict, body: bytes) -> None:
        process, file, size = told["shared"]
        assert (told["key"], process, size, body) == ("2", os.getpid(), len(LARGE), b"")
        path = pathlib.Path(f"/proc/{process}/fd/{file}")
        assert path.read_bytes() == LARGE
        with pytest.raises(PermissionError), path.open("r+b") as again:
            again.write(b"other")
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
        assert fcntl.fcntl(file, fcntl.F_GET_SEALS) & seals == seals

    asyncio.run(three_messages(look))


def test_where_there_is_no_room_it_goes_through_the_socket(monkeypatch):
    def full(view: memoryview) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(connection, "in_memory", full)
    asyncio.run(three_messages(lambda told, body: (told == head("2") and body == LARGE) or pytest.fail("not what was sent")))


def test_a_notebook_that_is_gone_holds_nothing_up():
    async def story() -> None:
        mine, (_, writer) = await both_ends()
        mine.send(Submitted("1"), LARGE)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(mine.flush(), 10)
        mine.close()
        assert not mine.handed

    asyncio.run(story())
