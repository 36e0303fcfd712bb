"""Nobody is left behind: when the server is killed, kernel, runner, jobs and workers go, whatever stands between; a kernel started by hand stays."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid

import pytest

from support import process
from support.frontend import Kernel
from support.process import SERVER, script

# times are its subject, so that nothing runs beside it
pytestmark = pytest.mark.alone

LIMIT = 10
BUSY = "println!(\"on\"); let mut n = 0u64; loop { n = std::hint::black_box(n + 1); }"


class Session:
    """A kernel under a server and whatever else, with a mark by which all its processes are found."""

    def __init__(self, before: tuple[str, ...] = (), options: tuple[str, ...] = (), wrapper: tuple[str, ...] = (), **env: str):
        self.mark = f"ferrolab-mark-{uuid.uuid4().hex}"
        launcher = (*before, sys.executable, SERVER, *options, "--", *wrapper)
        self.kernel = Kernel(launcher=launcher, FERROLAB_TEST_MARK=self.mark, **env)

    def all(self) -> list[int]:
        return process.marked(self.mark)

    def find(self, text: str) -> int:
        """The process whose command line holds a text, the youngest of them."""
        lines = {pid: process.command_line(pid) for pid in self.all()}
        found = [pid for pid, line in lines.items() if text in line]
        assert found, lines
        return max(found)

    @property
    def server(self) -> int:
        return min(pid for pid in self.all() if "server.py" in process.command_line(pid) and not self.is_around(pid))

    @staticmethod
    def is_around(pid: int) -> bool:
        """Does it only stand around the server (`unshare … python server.py`)?"""
        return not process.command_line(pid).startswith(sys.executable)

    def work(self, busy: bool) -> None:
        self.kernel.ok("let kept = vec![1u8; 1 << 20];")
        if busy:
            story = self.kernel.run(BUSY).begin()
            self.kernel.wait(lambda: self.kernel.unread.get(story.request), "on")

    def gone(self, beside: tuple[int, ...] = ()) -> float:
        """How long it takes until nothing is left; fails after the promise."""
        began = time.monotonic()
        while left := [pid for pid in self.all() if pid not in beside]:
            assert time.monotonic() - began < LIMIT, f"left after {LIMIT} s: {[process.command_lines(pid).get(pid) for pid in left]}"
            time.sleep(0.05)
        return time.monotonic() - began

    def close(self) -> None:
        process.kill(self.all())
        self.kernel.close(check=False)


@pytest.fixture
def session(ferrolab):
    sessions = []

    def begin(*arguments, **options) -> Session:
        sessions.append(Session(*arguments, **options))
        return sessions[-1]

    yield begin
    for one in sessions:
        one.close()


def around(folder: pathlib.Path, kind: str) -> tuple[str, ...]:
    """What stands between server and kernel."""
    plain = script(folder, "wrap.sh", 'export X=1\n"$@"')
    return {
        "nothing": (),
        "a script": (plain,),
        "scripts in scripts": (plain, script(folder, "outer.sh", '"$@"\necho "ended with $?"'), "/bin/sh", "-c", '"$@"; exit $?', "sh"),
        "a script that waits": (script(folder, "wait.sh", '"$@" <&0 &\nwait $!'),),
        "a session of its own": (plain, script(folder, "sid.sh", 'setsid --wait "$@"')),
        "other process ids": (plain, "unshare", "--pid", "--fork", "--mount-proc"),
    }[kind]


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize("kind", ["nothing", "a script", "scripts in scripts", "a script that waits", "a session of its own", "other process ids"])
def test_all_go_with_their_server(session, tmp_path, root_user, kind, busy):
    if kind == "other process ids" and not root_user:
        pytest.skip("only root makes namespaces")
    one = session(wrapper=around(tmp_path, kind))
    one.work(busy)
    assert len(one.all()) > 2
    os.kill(one.server, signal.SIGKILL)
    print(f"{kind}: {one.gone():.1f} s")


@pytest.mark.parametrize("kind", ["nothing", "a script"])
def test_all_go_under_a_subreaper(session, tmp_path, kind):
    """tmux, systemd and the like become parents of orphans, so that nobody's parent is ever 1."""
    reaper = tmp_path / "reaper.py"
    reaper.write_text("import ctypes, subprocess, sys, signal\nctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\nsubprocess.run(sys.argv[1:])\nsignal.pause()\n")
    one = session(before=("/usr/bin/env", "python3", str(reaper)), wrapper=around(tmp_path, kind))
    one.work(False)
    server = one.server
    beside = (process._stat(server)[0], one.kernel.process.pid)
    os.kill(server, signal.SIGKILL)
    one.gone(beside)


def test_a_wrapper_that_is_killed_alone_takes_the_kernel_with_it(session, tmp_path):
    """For Jupyter the wrapper is the kernel: it starts another on the same ports."""
    one = session(options=("--wait",), wrapper=around(tmp_path, "a script"))
    one.work(True)
    os.kill(one.find("wrap.sh"), signal.SIGKILL)
    one.gone((one.server,))


def test_a_server_that_is_the_first_process_of_a_container_keeps_its_kernel(session, tmp_path, root_user):
    if not root_user:
        pytest.skip("only root makes namespaces")
    one = session(before=("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"))
    one.work(False)
    time.sleep(1)
    one.kernel.run("kept.len()").result(str(1 << 20)).idle()
    os.kill(one.server, signal.SIGKILL)
    one.gone()


@pytest.mark.parametrize("signals", [(signal.SIGTERM,), (signal.SIGHUP,)], ids=["term", "hup"])
def test_a_signal_ends_all_and_in_order(session, signals):
    one = session(options=("--wait",))
    one.work(True)
    kernel = one.find("kernel -f")
    for number in signals:
        os.kill(kernel, number)
    took = one.gone((one.server,))
    assert took < 3, took


NAMED = ("nobody", "one that is gone", "the shell's parent", "somebody else")
QUICK = {("nohup", NAMED[1]), ("nohup", NAMED[2]), ("setsid", NAMED[2])}


@pytest.mark.parametrize(
    "how, named",
    [pytest.param(how, named, marks=[] if (how, named) in QUICK else pytest.mark.long) for how in ("nohup", "setsid", "setsid nohup") for named in NAMED],
)
def test_a_kernel_started_by_hand_stays(ferrolab, tmp_path, how, named):
    """JPY_PARENT_PID is inherited by the terminals of a server, and means nothing to what is started there for good."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    names = {"nobody": None, "one that is gone": str(gone.pid), "the shell's parent": "parent", "somebody else": str(os.getpid())}
    shell = f'exec 2>/dev/null; {how} "$@" </dev/null >/dev/null & echo $! >"{tmp_path}/pid"; sleep 0.3'
    outer = 'JPY_PARENT_PID=$$; export JPY_PARENT_PID; sh -c "$0" sh "$@"; sleep 0.3' if names[named] == "parent" else 'sh -c "$0" sh "$@"'
    env = {"JPY_PARENT_PID": names[named]} if names[named] and names[named] != "parent" else {}
    mark = f"ferrolab-mark-{uuid.uuid4().hex}"
    kernel = Kernel(launcher=("sh", "-c", outer, shell), wait=False, FERROLAB_TEST_MARK=mark, **env)
    try:
        kernel.process.wait(10)
        # a terminal that closes tells all of its session
        kernel.alive = lambda: True
        kernel.wait_ready()
        if "setsid" not in how:
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGHUP)
        time.sleep(0.7)
        kernel.run("1 + 1").result("2").idle()
        assert process.marked(mark)
    finally:
        process.kill(process.marked(mark))
        del kernel.alive
        kernel.close(check=False)


def test_a_server_under_nohup_still_takes_its_kernels_along(session, tmp_path):
    one = session(before=("nohup",), wrapper=around(tmp_path, "a script"))
    one.work(False)
    os.kill(one.server, signal.SIGKILL)
    one.gone()


def test_a_server_that_died_before_the_kernel_looked(ferrolab, tmp_path):
    """The wrapper loads modules for a while; meanwhile the server is killed."""
    slow = script(tmp_path, "slow.sh", f'touch "{tmp_path}/begun"; sleep 1; "$@"')
    mark = f"ferrolab-mark-{uuid.uuid4().hex}"
    kernel = Kernel(launcher=(sys.executable, SERVER, "--", slow), wait=False, FERROLAB_TEST_MARK=mark)
    try:
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        kernel.process.kill()
        deadline = time.monotonic() + LIMIT
        time.sleep(1.2)
        while process.marked(mark):
            assert time.monotonic() < deadline, "the kernel stays"
            time.sleep(0.05)
    finally:
        kernel.close(check=False)


def test_a_build_goes_with_its_server(session, tmp_path):
    """cargo, rustc and the build scripts that they run."""
    crate = tmp_path / "long-build"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text(f'[package]\nname = "long-build-{os.getpid()}"\nversion = "0.1.0"\nedition = "2021"\n')
    (crate / "src/lib.rs").write_text("")
    (crate / "build.rs").write_text(f'fn main() {{ std::fs::write("{tmp_path}/runs", "").unwrap(); let _ = std::process::Command::new("sleep").arg("60").status(); }}')
    one = session(wrapper=around(tmp_path, "a script"))
    one.kernel.run(f':dep long-build-{os.getpid()} = {{ path = "{crate}" }}', timeout=60).begin()
    while not (tmp_path / "runs").exists():
        one.kernel.pump(0.05)
    os.kill(one.server, signal.SIGKILL)
    one.gone()


def test_programs_of_cells_go_with_their_server_unless_they_were_set_free(session, tmp_path):
    one = session(wrapper=around(tmp_path, "a script"))
    one.kernel.ok('let child = std::process::Command::new("sleep").arg("601").spawn()?; let stubborn = std::process::Command::new("bash").args(["-c", "trap : TERM; while :; do sleep 1; done"]).spawn()?;')
    one.kernel.ok('let free = ["nohup", "setsid"].map(|how| std::process::Command::new(how).args(["sleep", "602"]).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap().id()); free[0] > 0')
    story = one.kernel.run('std::process::Command::new("sh").args(["-c", "echo on; sleep 600; true"]).status()?;').begin()
    one.kernel.wait(lambda: one.kernel.unread.get(story.request), "on")
    free = tuple(pid for pid in one.all() if "sleep\x00602" in pathlib.Path(f"/proc/{pid}/cmdline").read_text())
    assert len(free) == 2
    os.kill(one.server, signal.SIGKILL)
    one.gone(free)
    assert all(process.alive(pid) for pid in free)


@pytest.mark.long
def test_workers_of_a_cluster_go_with_their_server(session, tmp_path):
    pytest.importorskip("distributed")
    one = session(wrapper=around(tmp_path, "a script"), FERROLAB_PYTHON=sys.executable)
    one.kernel.ok("let cluster = Cluster::local(2)?;", timeout=120)
    assert len(one.all()) > 4
    os.kill(one.server, signal.SIGKILL)
    one.gone()
