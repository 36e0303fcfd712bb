"""Processes seen from outside: trees, memory, free ports, the programs under test."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = pathlib.Path(os.environ.get("FERROLAB_TEST_DIR", ROOT / "target" / "tests")).absolute()
# kernels start in folders of their own, so a path must not depend on the current one
FERROLAB = pathlib.Path(os.environ.get("FERROLAB", ROOT / "target" / "release" / "ferrolab")).absolute()
# stands in for a Jupyter server
SERVER = str(ROOT / "tests/support/server.py")
# a build with the second engine, which takes minutes
SECOND = pathlib.Path(os.environ.get("FERROLAB_EVCXR", ROOT / "target" / "evcxr" / "release" / "ferrolab")).absolute()


def command(kind: str, connection_file: str) -> list[str]:
    """The command line that starts a kernel of this kind on a connection file."""
    if kind == "ferrolab":
        return [str(FERROLAB), "kernel", "-f", connection_file]
    if kind == "second":
        return [str(SECOND), "kernel", "--engine", "evcxr", "-f", connection_file]
    if kind == "evcxr":
        return [os.environ.get("EVCXR_JUPYTER", "evcxr_jupyter"), "--control_file", connection_file]
    if kind == "ipykernel":
        return [sys.executable, "-m", "ipykernel_launcher", "-f", connection_file]
    raise ValueError(f"no kernel called {kind}")


def environment(**more: str) -> dict[str, str]:
    """The environment of kernels under test: the user's own, with caches and data folders of the tests."""
    env = dict(os.environ)
    # what a tester has set must not decide what the tests see
    for name in ("RUSTFLAGS", "RUST_BACKTRACE", "FERROLAB_LOG", "CARGO_TARGET_DIR"):
        env.pop(name, None)
    env["FERROLAB_CACHE_DIR"] = str(WORK / "cache")
    # what tests leave there is for the tests after them, not for those that run beside them
    own = WORK / os.environ.get("PYTEST_XDIST_WORKER", "main")
    env["XDG_DATA_HOME"] = str(own / "data")
    env["XDG_STATE_HOME"] = str(own / "state")
    env["JUPYTER_DATA_DIR"] = str(own / "jupyter-data")
    env["JUPYTER_RUNTIME_DIR"] = str(own / "jupyter-runtime")
    env["IPYTHONDIR"] = str(own / "ipython")
    # start-up files of the tester's evcxr are none of the tests' business
    env["EVCXR_CONFIG_DIR"] = str(WORK / "evcxr")
    env.update(more)
    return env


def script(folder: pathlib.Path, name: str, body: str) -> str:
    """A shell script that can be started."""
    path = folder / name
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)
    return str(path)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now; all are held until the last is found, so they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


def _stat(pid: int) -> tuple[int, str] | None:
    """Parent and state of a process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), fields[0]


def tree(root: int) -> list[int]:
    """The process and all its living descendants; zombies do not count."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(int(entry))) and stat[1] != "Z":
            children.setdefault(stat[0], []).append(int(entry))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    stat = _stat(pid)
    return stat is not None and stat[1] != "Z"


def parent(pid: int) -> int:
    """Its parent now; 0 when it is gone."""
    stat = _stat(pid)
    return stat[0] if stat else 0


def memory(root: int) -> dict[str, int]:
    """Memory of a process tree in bytes: `rss` (shared pages counted in each) and `pss` (shared out)."""
    total = {"rss": 0, "pss": 0, "processes": 0}
    for pid in tree(root):
        try:
            lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total["processes"] += 1
        for line in lines:
            name, _, rest = line.partition(":")
            if name in ("Rss", "Pss"):
                total[name.lower()] += int(rest.split()[0]) * 1024
    return total


def command_lines(root: int) -> dict[int, str]:
    """Command line of each process of a tree."""
    return {pid: line for pid in tree(root) if (line := command_line(pid))}


def command_line(pid: int) -> str:
    """How a process was started; empty when it has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, of all its threads; 0 when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compiling(root: int) -> bool:
    """Whether a rustc compiles in a tree. A spare one that waits for its arguments has used no time but for being loaded."""

    def runs(pid: int, line: str) -> bool:
        program, _, arguments = line.partition(" ")
        return program.endswith("rustc") and ("@/dev/stdin" not in arguments or cpu_seconds(pid) > 0.2)

    return any(runs(pid, line) for pid, line in command_lines(root).items())


def runner_seconds(root: int) -> float:
    """CPU time of a kernel's runners: it grows when a cell runs, not while one is compiled."""
    return sum(cpu_seconds(pid) for pid, line in command_lines(root).items() if "ferrolab runner " in line)


def marked(mark: str) -> list[int]:
    """All living processes that were started with this text in their environment, whoever their parents are."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or not alive(int(entry)):
            continue
        try:
            if mark.encode() in pathlib.Path(f"/proc/{entry}/environ").read_bytes():
                found.append(int(entry))
        except OSError:
            continue
    return found


def kill(pids: list[int]) -> None:
    """End processes, some of which may have ended already."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def listening(pids: list[int]) -> set[str]:
    """Addresses, in hexadecimal, on which these processes listen."""
    inodes = set()
    for pid in pids:
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(descriptor)))
            except OSError:
                continue
    rows = [line.split() for name in ("tcp", "tcp6") for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}
