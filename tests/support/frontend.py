"""A dummy frontend on real ZeroMQ sockets that forgives nothing.

It starts a kernel from a connection file, sees every message on every channel, and keeps those
nobody asked for: a test that ends with an unread message fails. Stories (`support/story.py`) read
like `k.run("1 + 1").result("2").idle()`. It uses pyzmq alone, not jupyter_client, whose managers
drop messages silently.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import uuid

import zmq

from . import messages, process
from .story import Story

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")


class Dead(AssertionError):
    """The kernel's process ended."""


class Kernel:
    """A running kernel and the sockets to it."""

    def __init__(
        self,
        kind: str = "ferrolab",
        timeout: float = 60,
        cwd: str | None = None,
        wait: bool = True,
        launcher: tuple[str, ...] = (),
        key: bytes | None = None,
        **env: str,
    ):
        self.kind, self.timeout = kind, timeout
        # the peer is measured, not judged
        self.strict = kind != "evcxr"
        self.session, self.key = uuid.uuid4().hex, uuid.uuid4().hex.encode() if key is None else key
        self.folder = tempfile.TemporaryDirectory(prefix="frontend-")
        folder = pathlib.Path(self.folder.name)
        ports = process.free_ports(5)
        self.connection = {f"{c}_port": p for c, p in zip(CHANNELS, ports)} | {
            "ip": "127.0.0.1",
            "transport": "tcp",
            "key": self.key.decode(),
            "signature_scheme": "hmac-sha256",
            "kernel_name": kind,
        }
        self.connection_file = folder / "connection.json"
        self.connection_file.write_text(json.dumps(self.connection))
        self.log_path = folder / "kernel.log"
        self.unread: dict[str, list[messages.Message]] = {}  # iopub, by parent
        self.replies: dict[str, list[messages.Message]] = {}  # shell and control, by parent
        self.questions: list[messages.Message] = []  # stdin
        self.orphans: list[messages.Message] = []  # iopub without a parent: starting, welcome
        self.sent: dict[str, str] = {}
        self.ids: set[str] = set()
        self.context = zmq.Context()
        self.sockets = {c: self._connect(c, getattr(zmq, k)) for c, k in zip(CHANNELS, ("DEALER", "SUB", "DEALER", "DEALER", "REQ"))}
        self.poller = zmq.Poller()
        for name in ("shell", "iopub", "stdin", "control"):
            self.poller.register(self.sockets[name], zmq.POLLIN)
        self.log = self.log_path.open("wb")
        self.started = time.monotonic()
        try:
            self.process = subprocess.Popen(
                # with a launcher, that is `process`, and the kernel is what it starts
                [*launcher, *process.command(kind, str(self.connection_file))],
                env=process.environment(**env),
                cwd=cwd or folder,
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=subprocess.STDOUT,
                # a group of its own, so that closing can end what a broken kernel leaves behind
                start_new_session=True,
            )
        except OSError:
            # open sockets would keep the interpreter from ending
            self.context.destroy(0)
            raise
        if wait:
            try:
                self.info = self.wait_ready()
            except BaseException:
                self.close(check=False)
                raise

    def _connect(self, channel: str, kind: int) -> zmq.Socket:
        socket = self.context.socket(kind)
        socket.linger = 0
        # a stopped frontend must not make ZeroMQ drop what the kernel sent
        socket.set_hwm(0)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        # questions on stdin are routed to the identity that asked on shell
        if channel in ("shell", "stdin"):
            socket.setsockopt(zmq.IDENTITY, self.session.encode())
        if kind == zmq.REQ:
            # a beat that is lost must not block the next
            socket.setsockopt(zmq.REQ_RELAXED, 1)
            socket.setsockopt(zmq.REQ_CORRELATE, 1)
        socket.setsockopt(zmq.RECONNECT_IVL, 10)
        socket.connect(f"tcp://127.0.0.1:{self.connection[f'{channel}_port']}")
        return socket

    # -- life ------------------------------------------------------------------------------------

    def wait_ready(self) -> dict:
        """Ask until the kernel answers on shell and is heard on iopub; returns kernel_info_reply."""
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            request = self.send("kernel_info_request", {})
            reply = self.reply(request)
            heard = time.monotonic() + 1
            # a subscription takes effect some time after the connection: ask again when it had not
            while time.monotonic() < heard:
                states = [m.content.get("execution_state") for m in self.unread.get(request, [])]
                if "idle" in states:
                    self.unread.clear()
                    self.orphans.clear()
                    return reply.content
                self.pump(0.05)
        raise AssertionError(f"the kernel is not heard on iopub\n{self.log_text()}")

    def log_text(self) -> str:
        """The end of what the kernel's own process wrote."""
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return f"--- kernel's own output ---\n{text[-4000:]}" if text else "(the kernel wrote nothing)"

    def alive(self) -> bool:
        return self.process.poll() is None

    def close(self, check: bool = True) -> None:
        """End the kernel as a frontend does, or by force; with `check` it must end in time and leave nothing."""
        group = process.tree(self.process.pid) if self.alive() else []
        polite = False
        try:
            if self.alive() and check:
                self.reply(self.send("shutdown_request", {"restart": False}, "control"), timeout=10)
                self.process.wait(10)
                polite = True
        except (AssertionError, subprocess.TimeoutExpired):
            pass
        finally:
            for pid in group:
                if process.alive(pid) and (not polite or not self._gone(pid)):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            self.process.poll()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            self.log.close()
            self.context.destroy(0)
            text = self.log_text()
            self.folder.cleanup()
        if check and not polite:
            raise AssertionError(f"the kernel did not shut down within 10 s\n{text}")

    @staticmethod
    def _gone(pid: int) -> bool:
        """Whether a process ends by itself within two seconds."""
        deadline = time.monotonic() + 2
        while process.alive(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        return not process.alive(pid)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, kind, *_):
        self.close(check=kind is None)

    # -- messages --------------------------------------------------------------------------------

    def send(self, kind: str, content: dict, channel: str = "shell", parent: dict | None = None) -> str:
        """Send a message; returns its id."""
        head = messages.header(kind, self.session)
        self.sent[head["msg_id"]] = kind
        self.sockets[channel].send_multipart(messages.pack(self.key, head, content, parent))
        return head["msg_id"]

    def pump(self, timeout: float) -> bool:
        """Receive what is there, waiting at most `timeout` seconds for the first; True when something came."""
        ready = dict(self.poller.poll(int(timeout * 1000)))
        for name, socket in self.sockets.items():
            if socket not in ready:
                continue
            while True:
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._sort(messages.parse(self.key, name, frames, self.strict))
        return bool(ready)

    def _sort(self, message: messages.Message) -> None:
        if message.header["msg_id"] in self.ids:
            raise messages.ProtocolError(f"msg_id used twice: {message}")
        self.ids.add(message.header["msg_id"])
        parent = message.parent_id
        if message.channel == "stdin":
            self.questions.append(message)
        elif message.channel == "iopub":
            if not parent or message.type == "iopub_welcome":
                self.orphans.append(message)
            elif parent in self.sent:
                self.unread.setdefault(parent, []).append(message)
            else:
                raise messages.ProtocolError(f"answers a request nobody sent: {message}")
        else:
            wanted = self.sent.get(parent, "?").replace("_request", "_reply")
            if message.type != wanted:
                raise messages.ProtocolError(f"wanted {wanted}, got {message}")
            self.replies.setdefault(parent, []).append(message)

    def wait(self, ready, what: str, timeout: float | None = None):
        """Receive until `ready()` gives something true; returns that."""
        limit = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + limit
        while not (found := ready()):
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {limit} s; unread: {self.describe()}\n{self.log_text()}")
            if not self.pump(0.05) and not self.alive() and not self.pump(0.2):
                raise Dead(f"the kernel ended ({self.process.returncode}) before {what}; unread: {self.describe()}\n{self.log_text()}")
        return found

    def reply(self, request: str, timeout: float | None = None) -> messages.Message:
        """The reply on shell or control."""
        queue = self.wait(lambda: self.replies.get(request), f"reply to {self.sent[request]}", timeout)
        message = queue.pop(0)
        if not queue:
            del self.replies[request]
        return message

    def published(self, request: str, timeout: float | None = None) -> messages.Message:
        """The next iopub message of a request."""
        queue = self.wait(lambda: self.unread.get(request), f"iopub message of {self.sent[request]}", timeout)
        message = queue.pop(0)
        if not queue:
            del self.unread[request]
        return message

    def describe(self) -> list[str]:
        """Everything unread, for people."""
        queues = [*self.unread.values(), *self.replies.values(), self.questions, self.orphans]
        return [str(m) for queue in queues for m in queue]

    def assert_quiet(self, settle: float = 0.05) -> None:
        """Nothing unread on any channel."""
        while self.pump(settle):
            pass
        left = self.describe()
        assert not left, "unread messages:\n" + "\n".join(left)

    # -- requests --------------------------------------------------------------------------------

    def run(self, code: str, timeout: float | None = None, **content) -> Story:
        """Send a cell; the story that comes back is told by the test."""
        body = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": True,
            "stop_on_error": True,
        }
        return Story(self, self.send("execute_request", body | content), body | content, timeout or self.timeout)

    def ok(self, code: str, timeout: float | None = None) -> str:
        """Run a cell that must succeed, whatever it prints; returns the result's plain text, or what it printed."""
        return self.run(code, timeout).finish()

    def ask(self, kind: str, channel: str = "shell", timeout: float | None = None, **content) -> dict:
        """Send any other request, read its reply and its busy and idle; returns the reply's content."""
        request = self.send(f"{kind}_request", content, channel)
        reply = self.reply(request, timeout)
        states = [self.published(request, timeout) for _ in range(2)]
        assert [m.content.get("execution_state") for m in states] == ["busy", "idle"], [str(m) for m in states]
        return reply.content

    def interrupt(self, timeout: float | None = None) -> dict:
        """interrupt_request on control."""
        return self.ask("interrupt", "control", timeout)

    def beat(self, data: bytes = b"ping", timeout: float = 5) -> bytes:
        """One heartbeat."""
        socket = self.sockets["hb"]
        socket.send(data)
        assert socket.poll(int(timeout * 1000)), "no heartbeat"
        return socket.recv()
