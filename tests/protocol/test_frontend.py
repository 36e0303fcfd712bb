"""The dummy frontend itself, against Python's kernel: it reads everything, and fails when something is left."""

import pytest

from support import messages
from support.frontend import Kernel


@pytest.fixture(scope="module")
def python():
    with Kernel("ipykernel") as kernel:
        yield kernel


def test_result_streams_and_error(python):
    python.run("1 + 1").result("2").idle()
    python.run("import sys; print('a'); print('b', file=sys.stderr)").stdout("a\n").stderr("b\n").idle()
    python.run("1 / 0").error("ZeroDivisionError", "division").idle()
    python.assert_quiet()


def test_input(python):
    python.run("input('who? ')").input("me", prompt="who? ", password=False).result("'me'").idle()
    python.assert_quiet()


def test_interrupt_and_abort(python):
    sleeper = python.run("import time; time.sleep(60)").begin()
    waiting = python.run("2")
    python.interrupt()
    sleeper.fails("KeyboardInterrupt")
    waiting.aborted()
    python.assert_quiet()


def test_other_requests(python):
    assert python.ask("complete", code="pri", cursor_pos=3)["matches"] == ["print"]
    assert python.ask("is_complete", code="for x in y:")["status"] == "incomplete"
    assert python.beat(b"beat") == b"beat"
    python.assert_quiet()


def test_an_unread_output_fails(python):
    story = python.run("print('unread')")
    with pytest.raises(AssertionError, match="wanted idle, got iopub:stream"):
        story.idle()
    story.stdout("unread\n").idle()


def test_an_unread_reply_fails(python):
    request = python.send("kernel_info_request", {})
    python.wait(lambda: request in python.replies, "reply")
    with pytest.raises(AssertionError, match="kernel_info_reply"):
        python.assert_quiet()
    python.reply(request)
    assert [python.published(request).content["execution_state"] for _ in range(2)] == ["busy", "idle"]


def test_a_wrong_signature_or_shape_fails():
    head = messages.header("stream", "s")
    good = messages.pack(b"key", head, {"name": "stdout", "text": "x"})
    assert messages.parse(b"key", "iopub", [b"stream", *good]).content["text"] == "x"
    with pytest.raises(messages.ProtocolError, match="signature"):
        messages.parse(b"other", "iopub", [b"stream", *good])
    with pytest.raises(messages.ProtocolError, match="content.text"):
        messages.parse(b"key", "iopub", [b"stream", *messages.pack(b"key", head, {"name": "stdout"})])


def test_a_dead_kernel_fails_soon():
    kernel = Kernel("ipykernel")
    try:
        with pytest.raises(AssertionError, match="the kernel ended"):
            kernel.run("import os; os._exit(3)").finish()
    finally:
        kernel.close(check=False)
