"""Connection files that are wrong: a clear message and a status that is not 0, never a hang or a panic."""

import json
import socket
import subprocess

import pytest

from support import process

GOOD = {
    "ip": "127.0.0.1",
    "transport": "tcp",
    "key": "k",
    "signature_scheme": "hmac-sha256",
} | dict.fromkeys(("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"), 0)


def start(ferrolab, path):
    done = subprocess.run(
        [str(ferrolab), "kernel", "-f", str(path)],
        env=process.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode not in (0, 101), done
    assert done.returncode > 0, f"ended by a signal: {done}"
    assert "panicked" not in done.stderr, done.stderr
    # it names the file, or what in it is wrong
    assert any(word in done.stderr for word in (str(path), "port", "channel", "signature scheme")), done.stderr
    return done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        "null",
        '{"ip": "127.0.0.1"}',
        json.dumps(GOOD | {"shell_port": "text"}),
        json.dumps(GOOD | {"shell_port": 99999}),
        json.dumps(GOOD | {"shell_port": -1}),
        json.dumps(GOOD | {"transport": "pigeon"}),
        json.dumps(GOOD | {"signature_scheme": "hmac-md17"}),
        json.dumps(GOOD | {"ip": "300.1.1.1"}),
        "\x00\x01\x02",
    ],
)
def test_bad_text(ferrolab, tmp_path, text):
    path = tmp_path / "connection.json"
    path.write_text(text)
    start(ferrolab, path)


def test_missing_file(ferrolab, tmp_path):
    assert "No such file" in start(ferrolab, tmp_path / "none.json")


def test_a_folder(ferrolab, tmp_path):
    start(ferrolab, tmp_path)


def test_not_utf8(ferrolab, tmp_path):
    path = tmp_path / "connection.json"
    path.write_bytes(b"\xff\xfe{}")
    start(ferrolab, path)


def test_a_port_in_use(ferrolab, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = dict(zip(("iopub_port", "stdin_port", "control_port", "hb_port"), process.free_ports(4)))
        path = tmp_path / "connection.json"
        path.write_text(json.dumps(GOOD | ports | {"shell_port": taken.getsockname()[1]}))
        assert str(taken.getsockname()[1]) in start(ferrolab, path)


def test_unreadable(ferrolab, tmp_path, root_user):
    if root_user:
        pytest.skip("root reads everything")
    path = tmp_path / "connection.json"
    path.write_text(json.dumps(GOOD))
    path.chmod(0)
    start(ferrolab, path)
