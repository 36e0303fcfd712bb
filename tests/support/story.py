"""What one cell does, told message by message.

Each step takes the next iopub message of the cell and fails when it is another one; `idle` also
takes the reply and fails when anything is left. Streams may be cut anywhere, so `stdout` and
`stderr` join consecutive messages of their stream.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from .messages import Message, plain

if TYPE_CHECKING:
    from .frontend import Kernel


class Story:
    """The messages of one execute_request, in order."""

    def __init__(self, kernel: Kernel, request: str, content: dict, timeout: float):
        self.kernel, self.request, self.content, self.timeout = kernel, request, content, timeout
        self.number: int | None = None
        self.failed: Message | None = None
        self.told: list[Message] = []
        self.reply: dict | None = None
        self._begun = False
        self._ahead: Message | None = None
        self._deadline = time.monotonic() + timeout

    # -- reading ---------------------------------------------------------------------------------

    def _next(self) -> Message:
        if self._ahead is not None:
            message, self._ahead = self._ahead, None
            return message
        return self.kernel.published(self.request, max(0.1, self._deadline - time.monotonic()))

    def _peek(self) -> Message:
        self.begin()
        # a kernel may say busy again after it answered another request, so that nobody takes it for idle
        while self._ahead is None or self._ahead.content.get("execution_state") == "busy":
            self._ahead = None
            self._ahead = self._next()
        return self._ahead

    def begin(self) -> Story:
        """busy, and execute_input unless the cell is silent."""
        if self._begun:
            return self
        self._begun = True
        message = self._next()
        assert message.content.get("execution_state") == "busy", f"wanted busy, got {message}"
        if not self.content["silent"]:
            # busy again after another request's answer, see _peek
            while (message := self._next()).content.get("execution_state") == "busy":
                pass
            assert message.type == "execute_input", f"wanted execute_input, got {message}"
            assert message.content["code"] == self.content["code"]
            self.number = message.content["execution_count"]
        return self

    def _take(self, kind: str) -> Message:
        message = self._peek()
        assert message.type == kind, f"wanted {kind}, got {message}"
        self._ahead = None
        self.told.append(message)
        return message

    # -- steps -----------------------------------------------------------------------------------

    def result(self, text: str | None = None, mime: str = "text/plain", matches: str | None = None) -> Story:
        """execute_result with exactly this text (or matching a pattern)."""
        message = self._take("execute_result")
        assert message.content["execution_count"] == self.number, str(message)
        return self._compare(message, text, mime, matches)

    def display(self, text: str | None = None, mime: str = "text/plain", matches: str | None = None, display_id=None) -> Story:
        """display_data."""
        message = self._take("display_data")
        if display_id is not None:
            assert message.content.get("transient", {}).get("display_id") == display_id, str(message)
        return self._compare(message, text, mime, matches)

    def update(self, text: str | None = None, mime: str = "text/plain", matches: str | None = None, display_id=None) -> Story:
        """update_display_data."""
        message = self._take("update_display_data")
        if display_id is not None:
            assert message.content["transient"].get("display_id") == display_id, str(message)
        return self._compare(message, text, mime, matches)

    def _compare(self, message: Message, text: str | None, mime: str, matches: str | None) -> Story:
        data = message.content["data"]
        if text is not None or matches is not None:
            assert mime in data, f"no {mime} in {message}"
            value = data[mime] if isinstance(data[mime], str) else repr(data[mime])
            if text is not None:
                assert value.strip("\n") == text, f"wanted {text!r}, got {message}"
            else:
                assert re.search(matches, value), f"wanted /{matches}/, got {message}"
        return self

    def clear(self, wait: bool) -> Story:
        """clear_output."""
        message = self._take("clear_output")
        assert message.content["wait"] is wait, str(message)
        return self

    def stream(self, name: str) -> str:
        """All consecutive text of one stream from here."""
        text = []
        while (message := self._peek()).type == "stream" and message.content["name"] == name:
            text.append(self._take("stream").content["text"])
        return "".join(text)

    def stdout(self, text: str) -> Story:
        """The next output is exactly this, on stdout."""
        return self._stream("stdout", text)

    def stderr(self, text: str) -> Story:
        """The next output is exactly this, on stderr."""
        return self._stream("stderr", text)

    def _stream(self, name: str, text: str) -> Story:
        got = ""
        while len(got) < len(text):
            message = self._peek()
            if message.type != "stream" or message.content["name"] != name:
                raise AssertionError(f"wanted {text!r} on {name}, got {got!r}, then {message}")
            got += self._take("stream").content["text"]
        assert got == text, f"wanted {text!r} on {name}, got {got!r}"
        return self

    def error(self, name: str | None = None, *texts: str) -> Story:
        """error with this ename, whose value and traceback contain the texts."""
        message = self._take("error")
        if name is not None:
            assert message.content["ename"] == name, f"wanted error {name}, got {message}"
        for text in texts:
            assert text in self.text_of(message), f"wanted {text!r} in:\n{self.text_of(message)}"
        assert "\x1b" not in message.content["evalue"], f"colours in evalue: {message}"
        self.failed = message
        return self

    def until(self, *kinds: str) -> Story:
        """Skip over output to the next message of one of these kinds, or to the end; what was skipped stays in `told`."""
        while True:
            message = self._peek()
            if message.type in kinds or message.content.get("execution_state") == "idle":
                return self
            self._ahead = None
            self.told.append(message)

    def seen(self, pattern: str) -> Story:
        """Wait until something that the cell shows matches; nothing is taken, so the story is told from here as ever."""
        self.begin()

        def matching() -> bool:
            messages = [*([self._ahead] if self._ahead else []), *self.kernel.unread.get(self.request, [])]
            if any(re.search(pattern, self.text_of(m)) for m in messages):
                return True
            assert not any(m.content.get("execution_state") == "idle" for m in messages), f"it ended without /{pattern}/: {[str(m) for m in messages]}"
            return False

        self.kernel.wait(matching, f"output that matches /{pattern}/", max(0.1, self._deadline - time.monotonic()))
        return self

    def input(self, answer: str, prompt: str | None = None, password: bool | None = None) -> Story:
        """The kernel asks on stdin; answer."""
        self.begin()
        kernel = self.kernel
        question = kernel.wait(lambda: kernel.questions, "input_request", self.timeout).pop(0)
        assert question.parent_id == self.request, f"not this cell's question: {question}"
        if prompt is not None:
            assert question.content["prompt"] == prompt, str(question)
        if password is not None:
            assert question.content["password"] is password, str(question)
        kernel.send("input_reply", {"status": "ok", "value": answer}, "stdin", question.header)
        return self

    # -- ends ------------------------------------------------------------------------------------

    def idle(self) -> Story:
        """The end: idle, and a reply that agrees with what was published; nothing is left."""
        message = self._peek()
        assert message.content.get("execution_state") == "idle", f"wanted idle, got {message}"
        self._ahead = None
        self.reply = self.kernel.reply(self.request, self.timeout).content
        if self.failed is None:
            assert self.reply["status"] == "ok", self.reply
        else:
            assert self.reply["status"] == "error", self.reply
            # the peer does not repeat what it published
            for key in ("ename", "evalue") if self.kernel.strict else ():
                assert self.reply[key] == self.failed.content[key], self.reply
        # a cell without text does not count
        if self.number is not None and self.content["code"].strip():
            assert self.reply.get("execution_count") == self.number, self.reply
        # the peer's stderr may come after its idle
        assert self.request not in self.kernel.unread or not self.kernel.strict, self.kernel.describe()
        return self

    def aborted(self) -> Story:
        """The cell was never run: reply `aborted`, no output."""
        reply = self.kernel.reply(self.request, self.timeout).content
        assert reply["status"] == "aborted", reply
        states = [self._next().content.get("execution_state") for _ in range(2)]
        assert states == ["busy", "idle"], states
        return self

    def finish(self) -> str:
        """Whatever comes, to a good end; returns the result's text, or all printed text."""
        self.until("error")
        message = self._peek()
        assert message.type != "error", "the cell failed:\n" + self.text_of(message)
        self.idle()
        results = [m for m in self.told if m.type == "execute_result"]
        return results[-1].content["data"].get("text/plain", "") if results else self.printed()

    def fails(self, name: str | None = None, *texts: str) -> Story:
        """Whatever is printed, then an error, then idle."""
        self.until("error")
        self.error(name, *texts)
        return self.until().idle()

    def ends(self) -> str:
        """Whatever comes, to a good or bad end within the time; returns the reply's status."""
        self.until("error")
        if self._peek().type == "error":
            self.error()
        self.until().idle()
        return self.reply["status"]

    def says(self, *texts: str) -> Story:
        """Whatever comes, to a good end; the texts are somewhere in it."""
        self.finish()
        everything = "\n".join(self.text_of(m) for m in self.told)
        for text in texts:
            assert text in everything, f"wanted {text!r} in:\n{everything}"
        return self

    # -- looking back ----------------------------------------------------------------------------

    def printed(self, name: str | None = None) -> str:
        """What was taken so far of the streams."""
        return "".join(m.content["text"] for m in self.told if m.type == "stream" and name in (None, m.content["name"]))

    def everything(self) -> str:
        """All text taken so far, results and errors included, without colours."""
        return "\n".join(self.text_of(m) for m in self.told)

    def shown(self, mime: str) -> list:
        """All representations of this type taken so far."""
        return [m.content["data"][mime] for m in self.told if mime in m.content.get("data", {})]

    @staticmethod
    def text_of(message: Message) -> str:
        """The text of any output message, without colours."""
        content = message.content
        if message.type == "stream":
            return plain(content["text"])
        if message.type == "error":
            return plain("\n".join([content["evalue"], *content["traceback"]]))
        return "\n".join(plain(str(v)) for k, v in content.get("data", {}).items() if not k.startswith("image/p"))
