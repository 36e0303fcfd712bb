"""Kills at random moments: of any process of a session, in any state. Nothing is left, or the variables are there again.

Takes minutes. `FERROLAB_KILLS` (1,000) says how many, `FERROLAB_KILLS_SEED` repeats a run; both are printed. `FERROLAB_KILLS_STRICT=1`
also asks for the variables, and for right answers, when the runner was killed between cells, instead of counting what was amiss.
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
from support.process import SERVER, script

# times are its subject, so that nothing runs beside it
pytestmark = pytest.mark.alone

COUNT = int(os.environ.get("FERROLAB_KILLS", "1000"))
SEED = int(os.environ.get("FERROLAB_KILLS_SEED", str(random.randrange(10**9))))
LIMIT = 10
# also for runners that are killed between cells, whose only copy is older than the last cell
STRICT = os.environ.get("FERROLAB_KILLS_STRICT") == "1"
IDLE, COMPILING, RUNNING, FAILING = "idle", "compiling", "running", "about to fail"
# enough work for rustc that a kill at a random moment hits it; a new text each time, since compiled cells are kept
HEAVY = "let table: std::collections::BTreeMap<String, Vec<f64>> = (0..{n}u64).map(|i| (format!(\"{{i}}\"), vec![i as f64; 3])).collect(); table.len()"
LOOP = "println!(\"on\"); let mut n = {n}u64; loop {{ n = std::hint::black_box(n + 1); }}"
# fails softly when it is told to
FAILS = "println!(\"on\"); while !std::path::Path::new(\"{go}\").exists() {{ std::thread::sleep(std::time::Duration::from_millis(2)); }} panic!(\"{n}\")"


def command_of(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def name_of(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
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
        try:
            if cluster:
                self.kernel.ok("let cluster = Cluster::local(1)?;", timeout=120)
        except BaseException:
            self.close()
            raise

    def all(self) -> list[int]:
        return process.marked(self.mark)

    def of_kind(self, kind: str) -> list[int]:
        lines = {pid: command_of(pid) for pid in self.all()}
        sign = {
            "server": lambda line: "server.py" in line,
            "wrapper": lambda line: "wrap.sh" in line and "server.py" not in line,
            "kernel": lambda line: " kernel -f " in line and "server.py" not in line and "wrap.sh" not in line,
            # the keeper, which is its child, and the sleeping copy have the same command line
            "runner": lambda line: "ferrolab runner" in line,
            "copy": lambda line: "ferrolab runner" in line,
            "bridge": lambda line: "bridge.py" in line,
            "compiler": lambda line: line.split(" ")[0].endswith("rustc"),
        }[kind]
        found = [pid for pid, line in lines.items() if sign(line)]
        if kind not in ("runner", "copy"):
            return found
        keepers = {pid: process.parent(pid) for pid in found if name_of(pid) == "ferrolab keeper"}
        if kind == "runner":
            return [pid for pid in found if pid in keepers.values()]
        return [pid for pid in found if pid not in keepers and pid not in keepers.values()]

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


def kept(session: Victims) -> bool:
    """Whether all variables have their values."""
    for index, number in enumerate(session.values, 1):
        story = session.kernel.run(f"v{index}")
        if story.ends() != "ok" or str(number) not in story.everything():
            return False
    return True


def settle(session: Victims, story) -> str:
    """A cell that was hit ends, one way or the other."""
    return story.ends() if story is not None else "idle"


def after_a_kill_between_cells(session: Victims, story, counts: collections.Counter, restored: int) -> tuple[int, Victims | None]:
    """The next cell finds out. The kernel goes on, with what the copy has: at least all but the last cell's variables."""
    try:
        settle(session, story)
        for n in (1000003, 1000004):
            one = session.kernel.run(f"{n} + {n}", timeout=20)
            if one.ends() == "ok":
                assert str(2 * n) in one.everything(), f"wanted {2 * n}, got {one.everything()}"
        session.kernel.run("2 + 2", timeout=20).result("4").idle()
        if kept(session):
            return restored + 1, session
        counts["the last cell was taken back"] += 1
        assert not STRICT, "variables are gone"
    except AssertionError as problem:
        # a cell that is sent at the very moment of the kill may be run by the copy, when nobody listens any more
        counts["wrong or no answers after it"] += 1
        print(f"after a kill between cells: {problem}")
        assert not STRICT, problem
    session.close()
    return restored, None


def after_a_kill_of_the_copy(session: Victims, copy: int, story, state: str, go: pathlib.Path) -> None:
    """Nothing is lost by it, but in a cell that has to be ended: that is said before it is done."""
    session.kernel.wait(lambda: not process.alive(copy), "its end")
    if state == FAILING:
        go.touch()
        story.fails("panic")
        # when the kill came before the cell was sent, or its copy was made, there is one
        return
    if state != RUNNING:
        settle(session, story)
        return
    session.kernel.interrupt()
    story.seen("interrupt again|nterrupted")
    # of no effect where the copy that was killed was that of the cell before, and had been told to end
    session.kernel.interrupt()
    story.fails("Interrupted")
    told = story.everything()
    if "interrupt again" in told:
        assert all(f"v{index}" in told for index in range(1, len(session.values) + 1)), told
        session.values = []


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
            kinds = ["server", "kernel", "runner", "runner", "runner", "copy", "copy"] + [k for k in ("wrapper", "bridge") if session.of_kind(k)]
            kind, state = chance.choice(kinds), chance.choice([IDLE, COMPILING, COMPILING, RUNNING, RUNNING, FAILING])
            if state == COMPILING and chance.random() < 0.1:
                kind = "compiler"
            where = f"kill {number} of {kind} while {state}, seed {SEED}"
            story = None
            go = tmp_path / f"go-{number}"
            if state != IDLE:
                text = {
                    COMPILING: HEAVY.format(n=1000 + number),
                    RUNNING: LOOP.format(n=chance.randrange(10**9)),
                    FAILING: FAILS.format(n=number, go=go),
                }[state]
                story = session.kernel.run(text, timeout=60).begin()
                if state in (RUNNING, FAILING):
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
                if kind == "runner" and state in (IDLE, COMPILING):
                    restored, session = after_a_kill_between_cells(session, story, counts, restored)
                    continue
                if kind == "copy":
                    after_a_kill_of_the_copy(session, victims[0], story, state, go)
                elif kind == "runner":
                    # a copy from before the cell was there
                    story.fails("Crash")
                else:
                    go.touch()
                    if state == RUNNING:
                        session.kernel.interrupt()
                    settle(session, story)
                session.kernel.run("2 + 2").result("4").idle()
                session.check()
                restored += 1
            except AssertionError as problem:
                raise AssertionError(f"{where}: {problem}") from None
            if session is not None and len(session.values) < 20 and chance.random() < 0.3:
                session.keep(chance.randrange(10**6))
    finally:
        print(dict(counts), f"variables were there again {restored} times; slowest end {slowest:.1f} s")
        if session is not None:
            session.close()
