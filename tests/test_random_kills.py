"""Kills at random moments: of any process of a session, in any state. Nothing is left, or the variables are there again.

Takes minutes. `FERROLAB_KILLS` (1,000) says how many, `FERROLAB_KILLS_SEED` repeats a run; both are printed.
Processes are found by a mark in their environment, whatever they are called and whoever their parents are.
"""

import collections
import os
import pathlib
import random
import signal
import sys
import time
import uuid

import pytest

from support import process
from support.frontend import Kernel
from test_orphans import SERVER, script

COUNT = int(os.environ.get("FERROLAB_KILLS", "1000"))
SEED = int(os.environ.get("FERROLAB_KILLS_SEED", str(random.randrange(10**9))))
LIMIT = 10
IDLE, COMPILING, RUNNING = "idle", "compiling", "running"
# enough work for rustc that a kill at a random moment hits it; a new text each time, since compiled cells are kept
HEAVY = "let table: std::collections::BTreeMap<String, Vec<f64>> = (0..{n}u64).map(|i| (format!(\"{{i}}\"), vec![i as f64; 3])).collect(); table.len()"
LOOP = "println!(\"on\"); let mut n = {n}u64; loop {{ n = std::hint::black_box(n + 1); }}"


def command_of(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


class Victims:
    """One session: server, perhaps a wrapper, kernel, runner, perhaps a cluster's client and workers."""

    def __init__(self, folder: pathlib.Path, wrapped: bool, cluster: bool):
        self.mark, self.cluster = f"ferrolab-mark-{uuid.uuid4().hex}", cluster
        wrapper = (script(folder, "wrap.sh", '"$@"\nexit $?'),) if wrapped else ()
        # without standard input the process ids have to do, with it the pipe could
        self.kernel = Kernel(launcher=(sys.executable, SERVER, "--", *wrapper), FERROLAB_TEST_MARK=self.mark, FERROLAB_PYTHON=sys.executable, timeout=60)
        self.values: list[int] = []
        if cluster:
            self.kernel.ok("let cluster = Cluster::local(1)?;", timeout=120)

    def all(self) -> list[int]:
        return process.marked(self.mark)

    def of_kind(self, kind: str) -> list[int]:
        lines = {pid: command_of(pid) for pid in self.all()}
        sign = {
            "server": lambda line: "server.py" in line,
            "wrapper": lambda line: "wrap.sh" in line and "server.py" not in line,
            "kernel": lambda line: " kernel -f " in line and "server.py" not in line and "wrap.sh" not in line,
            "runner": lambda line: "ferrolab runner" in line,
            "bridge": lambda line: "bridge.py" in line,
        }[kind]
        found = [pid for pid, line in lines.items() if sign(line)]
        if kind == "runner" and found:
            # its sleeping copies have the same command line: the one that works is the one that the kernel follows
            session_of = {pid: os.getsid(pid) for pid in found if process.alive(pid)}
            leaders = [pid for pid in found if session_of.get(pid) == pid]
            return leaders or found
        return found

    def keep(self, number: int) -> None:
        self.values.append(number)
        self.kernel.ok(f"let v{len(self.values)} = {number}u64;")

    def check(self) -> None:
        for index, number in enumerate(self.values, 1):
            self.kernel.run(f"v{index}").result(str(number)).idle()

    def close(self) -> None:
        process.kill(self.all())
        self.kernel.close(check=False)


def wait_gone(session: Victims) -> float:
    began = time.monotonic()
    while left := session.all():
        assert time.monotonic() - began < LIMIT, f"left after {LIMIT} s: {[command_of(pid) for pid in left]}"
        time.sleep(0.02)
    return time.monotonic() - began


def settle(session: Victims, story) -> str:
    """A cell that was hit ends, one way or the other."""
    return story.ends() if story is not None else "idle"


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
def test_kills_at_random_moments(ferrolab, tmp_path):
    pytest.importorskip("distributed")
    print(f"\n{COUNT} kills, FERROLAB_KILLS_SEED={SEED}")
    chance = random.Random(SEED)
    counts, slowest, restored = collections.Counter(), 0.0, 0
    session = None
    try:
        for number in range(COUNT):
            if session is None:
                session = Victims(tmp_path, wrapped=chance.random() < 0.5, cluster=chance.random() < 0.05)
                session.keep(chance.randrange(10**6))
            kinds = ["server", "kernel", "runner", "runner", "runner"] + [k for k in ("wrapper", "bridge") if session.of_kind(k)]
            kind, state = chance.choice(kinds), chance.choice([IDLE, COMPILING, RUNNING])
            where = f"kill {number} of {kind} while {state}, seed {SEED}"
            story = None
            if state != IDLE:
                story = session.kernel.run((HEAVY if state == COMPILING else LOOP).format(n=chance.randrange(10**9) if state == RUNNING else 1000 + number), timeout=60).begin()
                if state == RUNNING:
                    session.kernel.wait(lambda: session.kernel.unread.get(story.request), "on", 60)
            time.sleep(chance.random() * (0.25 if state == COMPILING else 0.05))
            victims = session.of_kind(kind)
            if not victims:
                # it ended by itself a moment ago, or there is none of its kind in this session
                victims = session.of_kind("server")
                kind = "server"
            os.kill(victims[0], signal.SIGKILL)
            counts[f"{kind}, {state}"] += 1
            if kind in ("server", "kernel", "wrapper"):
                try:
                    slowest = max(slowest, wait_gone(session))
                except AssertionError as problem:
                    raise AssertionError(f"{where}: {problem}") from None
                session.close()
                session = None
                continue
            try:
                if kind == "bridge":
                    if state == RUNNING:
                        session.kernel.interrupt()
                    settle(session, story)
                elif state == RUNNING:
                    story.fails("Crash")
                else:
                    settle(session, story)
                if kind == "runner" and state == IDLE:
                    # whoever finds out first says so
                    session.kernel.run("1 + 1").ends()
                session.kernel.run("2 + 2").result("4").idle()
                if kind == "bridge" or state == RUNNING:
                    # a copy from before the cell was there
                    session.check()
                    restored += 1
                elif session.kernel.run("v1").ends() != "ok":
                    # between cells, and the only copy is from before the last cell: said, and a new session begins
                    counts["not kept"] += 1
                    session.close()
                    session = None
            except AssertionError as problem:
                raise AssertionError(f"{where}: {problem}") from None
            if session is not None and len(session.values) < 20 and chance.random() < 0.3:
                session.keep(chance.randrange(10**6))
    finally:
        print(dict(counts), f"variables were there again {restored} times; slowest end {slowest:.1f} s")
        if session is not None:
            session.close()
