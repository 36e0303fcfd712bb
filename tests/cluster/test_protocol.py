"""The messages between a notebook and its Dask client's process: one file of examples, which Rust's tests read too."""

import asyncio
import dataclasses
import json
import re
import socket
import sys

import pytest

from support.process import ROOT

sys.path.insert(0, str(ROOT / "src/cluster/python"))

import protocol  # noqa: E402
from connection import Connection  # noqa: E402

EXAMPLES = json.loads((ROOT / "src/cluster/messages.json").read_text())
SIDES = {"requests": (protocol.request, protocol.REQUESTS), "answers": (protocol.answer, protocol.ANSWERS)}


@pytest.mark.parametrize("side", SIDES)
def test_every_message_has_an_example_that_is_read_and_written(side):
    read, (tag, names) = SIDES[side]
    for example in EXAMPLES[side]:
        assert protocol.head(read(example)) == example
    assert {example[tag] for example in EXAMPLES[side]} == set(names)


def test_what_is_inside_has_its_type():
    jobs = next(r for r in EXAMPLES["requests"] if r.get("ask", {}).get("kind") == "jobs")
    ask = protocol.request(jobs).ask
    assert isinstance(ask, protocol.Jobs) and ask.options == protocol.JobOptions(**jobs["ask"]["options"])
    cluster = protocol.answer(next(a for a in EXAMPLES["answers"] if a["kind"] == "cluster"))
    assert isinstance(cluster.workers[0], protocol.WorkerState) and isinstance(cluster.queue[0], protocol.QueuedJob)
    failed = protocol.answer(next(a for a in EXAMPLES["answers"] if a["kind"] == "failed"))
    assert failed.failure.panic == protocol.Panic(2, "too long", "In[3]", 1, 5)


@pytest.mark.parametrize("head", [{"op": "open"}, {"op": "nothing"}, {"op": "keep", "cluster": "c", "more": 1}, {"op": "keep"}, {}])
def test_what_is_no_message_is_refused(head):
    with pytest.raises((KeyError, TypeError)):
        protocol.request(head)


def test_an_answer_reaches_who_asked_whoever_reads():
    """While requests are read by one, another asks; and who asks keeps requests that come meanwhile for the next reader."""

    async def scenario():
        here, there = socket.socketpair()
        ours, theirs = [Connection(*await asyncio.open_unix_connection(sock=end)) for end in (here, there)]
        compiled, keep = protocol.Compiled(None, "no"), protocol.Keep("c")
        reading = asyncio.create_task(theirs.receive())
        await asyncio.sleep(0)
        asking = asyncio.create_task(theirs.ask(protocol.Ok()))
        await asyncio.sleep(0)
        ours.send(compiled)
        assert await asking == compiled and not reading.done()
        ours.send(keep)
        assert (await reading)[0] == keep
        asking = asyncio.create_task(theirs.ask(protocol.Ok()))
        await asyncio.sleep(0)
        ours.send(keep)
        ours.send(compiled)
        assert await asking == compiled and (await theirs.receive())[0] == keep
        ours.close()
        theirs.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_messages_go_over_a_stream_as_they_are():
    async def scenario():
        here, there = socket.socketpair()
        ours, theirs = [Connection(*await asyncio.open_unix_connection(sock=end)) for end in (here, there)]
        for example in EXAMPLES["requests"]:
            message = protocol.request(example)
            if isinstance(message, protocol.Compiled):
                # an answer to what this side has asked
                asked = asyncio.create_task(theirs.ask(protocol.Ok()))
                ours.send(message)
                assert await asked == message
                continue
            ours.send(message, b"beside it")
            assert await theirs.receive() == (message, b"beside it")
        ours.close()
        theirs.close()

    asyncio.run(scenario())


def test_rust_and_python_have_the_same_fields():
    """Names alone: that they mean the same is what the examples show."""
    rust = (ROOT / "src/cluster/protocol.rs").read_text()
    for kind in (protocol.JobOptions, protocol.Needs, protocol.Failure, protocol.Panic, protocol.QueuedJob, protocol.WorkerLane, protocol.WorkerState, protocol.ClusterState):
        body = re.search(rf"struct {kind.__name__} \{{(.*?)\n\}}", rust, re.S)[1]
        assert re.findall(r"pub\(crate\) (\w+):", body) == [field.name for field in dataclasses.fields(kind)], kind


def test_keys_of_messages_are_spelt_in_the_protocol_alone():
    for path in (ROOT / "src/cluster").glob("*.rs"):
        code = path.read_text().split("#[cfg(test)]")[0]
        assert "json!" not in code, path.name
    for name in ("bridge", "clusters", "runs", "jobs", "origin", "batch", "slurm", "connection", "workforce", "links"):
        code = (ROOT / f"src/cluster/python/{name}.py").read_text()
        found = re.findall(r"\b(?:head|message|request|options|ask)\[\"\w+\"\]|\{\"(?:kind|op)\"", code)
        # what workers print comes as Dask's events, which are dictionaries
        found = [key for key in found if not (name == "clusters" and key.startswith("message["))]
        assert not found, f"{name}.py: {found}"
