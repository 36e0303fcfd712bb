"""Jupyter messages as bytes: signing, parsing, and the shape each message must have.

Nothing here knows sockets or kernels. Every message the frontend receives goes through `parse`,
so a malformed one fails whatever test is running.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import re
import uuid
from dataclasses import dataclass, field

DELIMITER = b"<IDS|MSG>"
PROTOCOL = "5.4"

# content keys that the messaging specification requires
REQUIRED = {
    "status": {"execution_state": str},
    "execute_input": {"code": str, "execution_count": int},
    "stream": {"name": str, "text": str},
    "display_data": {"data": dict, "metadata": dict},
    "update_display_data": {"data": dict, "metadata": dict, "transient": dict},
    "execute_result": {"data": dict, "metadata": dict, "execution_count": int},
    "error": {"ename": str, "evalue": str, "traceback": list},
    "clear_output": {"wait": bool},
    "iopub_welcome": {"subscription": str},
    "input_request": {"prompt": str, "password": bool},
    "comm_open": {"comm_id": str, "target_name": str, "data": dict},
    "comm_msg": {"comm_id": str, "data": dict},
    "comm_close": {"comm_id": str},
    "execute_reply": {"status": str},
    "inspect_reply": {"status": str},
    "complete_reply": {"status": str},
    "history_reply": {"status": str},
    "is_complete_reply": {"status": str},
    "comm_info_reply": {"status": str},
    "kernel_info_reply": {"status": str},
    "shutdown_reply": {"status": str, "restart": bool},
    "interrupt_reply": {"status": str},
    "usage_reply": {},
    # ours
    "check_reply": {"status": str},
    "state_reply": {"status": str},
    "debug_reply": {},
}
# … and those of replies with status "ok"
REQUIRED_OK = {
    "execute_reply": {"execution_count": int},
    "inspect_reply": {"found": bool, "data": dict, "metadata": dict},
    "complete_reply": {"matches": list, "cursor_start": int, "cursor_end": int, "metadata": dict},
    "history_reply": {"history": list},
    "comm_info_reply": {"comms": dict},
    "kernel_info_reply": {
        "protocol_version": str,
        "implementation": str,
        "implementation_version": str,
        "language_info": dict,
        "banner": str,
    },
}
ERROR_KEYS = {"ename": str, "evalue": str, "traceback": list}
ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class ProtocolError(AssertionError):
    """A message that the messaging specification does not allow."""


@dataclass
class Message:
    """One received message."""

    channel: str
    topic: bytes
    header: dict
    parent: dict
    metadata: dict
    content: dict
    buffers: list = field(default_factory=list)

    @property
    def type(self) -> str:
        return self.header["msg_type"]

    @property
    def parent_id(self) -> str:
        return self.parent.get("msg_id", "")

    def __str__(self) -> str:
        text = json.dumps(self.content, ensure_ascii=False)
        return f"{self.channel}:{self.type} {text[:400]}"


def plain(text: str) -> str:
    """The text without ANSI escapes."""
    return ANSI.sub("", text)


def sign(key: bytes, parts: list[bytes]) -> bytes:
    """The HMAC-SHA256 of the four parts, or nothing when the key is empty."""
    if not key:
        return b""
    return hmac.new(key, b"".join(parts), hashlib.sha256).hexdigest().encode()


def header(kind: str, session: str) -> dict:
    """A new header."""
    return {
        "msg_id": uuid.uuid4().hex,
        "session": session,
        "username": "frontend",
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "msg_type": kind,
        "version": PROTOCOL,
    }


def pack(key: bytes, head: dict, content: dict, parent: dict | None = None) -> list[bytes]:
    """The parts of a signed message, without identities."""
    parts = [json.dumps(p).encode() for p in (head, parent or {}, {}, content)]
    return [DELIMITER, sign(key, parts), *parts]


def parse(key: bytes, channel: str, frames: list[bytes], strict: bool = True) -> Message:
    """A received message; raises ProtocolError when anything about it is wrong; its shape only counts when `strict`."""
    if DELIMITER not in frames:
        raise ProtocolError(f"no delimiter on {channel}: {frames!r}"[:500])
    at = frames.index(DELIMITER)
    if len(frames) < at + 6:
        raise ProtocolError(f"too few parts on {channel}: {frames!r}"[:500])
    signature, parts = frames[at + 1], frames[at + 2 : at + 6]
    if not hmac.compare_digest(signature, sign(key, parts)):
        raise ProtocolError(f"wrong signature on {channel}: {parts[0]!r}")
    try:
        head, parent, metadata, content = (json.loads(p.decode("utf-8")) for p in parts)
    except ValueError as error:
        raise ProtocolError(f"not JSON in UTF-8 on {channel}: {error}: {parts!r}"[:500]) from error
    # old kernels send null for no parent
    message = Message(channel, b"".join(frames[:at]), head, parent or {}, metadata, content)
    message.buffers = frames[at + 6 :]
    if strict:
        _check(message)
    return message


def _check(message: Message) -> None:
    for key in ("msg_id", "session", "username", "date", "msg_type", "version"):
        if not isinstance(message.header.get(key), str):
            raise ProtocolError(f"header without {key}: {message.header}")
    date = message.header["date"].replace("Z", "+00:00")
    try:
        # Python 3.9 and 3.10 want 3 or 6 digits of a second
        datetime.datetime.fromisoformat(re.sub(r"\.(\d{1,6})\d*", lambda m: "." + m[1].ljust(6, "0"), date))
    except ValueError as error:
        raise ProtocolError(f"date is not ISO 8601: {date}") from error
    if not isinstance(message.metadata, dict) or not isinstance(message.content, dict):
        raise ProtocolError(f"metadata or content is not an object: {message}")
    kind = message.type
    if kind not in REQUIRED:
        raise ProtocolError(f"unknown message type: {message}")
    wanted = dict(REQUIRED[kind])
    status = message.content.get("status")
    if kind.endswith("_reply") and "status" in wanted:
        if status == "ok":
            wanted |= REQUIRED_OK.get(kind, {})
        elif status == "error":
            wanted |= ERROR_KEYS
    for key, kind_of in wanted.items():
        if not isinstance(message.content.get(key), kind_of):
            raise ProtocolError(f"content.{key} is missing or not {kind_of.__name__}: {message}")
    # the welcome carries the subscription as its topic, and ours is empty
    if message.channel == "iopub" and not message.topic and kind != "iopub_welcome":
        raise ProtocolError(f"iopub message without a topic: {message}")
