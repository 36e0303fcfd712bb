"""A class at the same time: kernels of several users on one site layer. Nothing is compiled, nothing is written to it. By default
five users with two kernels each; FERROLAB_CLASS=100 is the class of the issue (20 users), with what it took on standard output."""

import os
import statistics
import subprocess
import sys
import threading
import time

import nbformat
import pytest

from support import caches, process, users
from support.frontend import Kernel

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
KERNELS = int(os.environ.get("FERROLAB_CLASS", "10"))
USERS = max(1, KERNELS // 5)
BOOK = process.ROOT / "notebooks/01_quickstart.ipynb"
# becomes a user, who gets a connection file of his own
AS_USER = """
import os, sys
user, home, program, *arguments, file = sys.argv[1:]
own = os.path.join(home, os.path.basename(os.path.dirname(file)) + ".json")
with open(file) as given, open(own, "w") as taken:
    taken.write(given.read())
os.chown(own, int(user), int(user))
os.setgroups([]); os.setgid(int(user)); os.setuid(int(user))
os.execve(program, [program, *arguments[1:], own], {"HOME": home, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "RUSTC": os.environ["RUSTC"], "FERROLAB_SITE": os.environ["FERROLAB_SITE"], "FERROLAB_TARGET_CPU": "native"})
"""


@pytest.fixture(scope="module")
def layer(place):
    made = place / "layer"
    done = subprocess.run([process.FERROLAB, "warm", "--into", made, "--target-cpu", "native", BOOK], env=process.environment(), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def code_cells() -> list[tuple[str, str]]:
    """Texts, and how each has to end: some are there to show an error."""
    cells = [cell for cell in nbformat.read(BOOK, as_version=4).cells if cell.cell_type == "code"]
    return [(cell.source, "error" if "raises-exception" in cell.metadata.get("tags", []) else "ok") for cell in cells]


class Student(threading.Thread):
    """One kernel, from its start to the notebook's end; it stays."""

    def __init__(self, place, number: int, rustc, layer):
        super().__init__()
        self.user = users.STUDENT + 1 + number % USERS
        self.home, self.place, self.rustc, self.layer = place / f"home-{self.user}", place, rustc, layer
        self.kernel, self.problem, self.first, self.whole = None, None, 0.0, 0.0

    def run(self) -> None:
        begun = time.monotonic()
        launcher = (sys.executable, str(self.place / "as_user.py"), str(self.user), str(self.home), str(self.place / "ferrolab"))
        try:
            self.kernel = Kernel(timeout=900, launcher=launcher, cwd=str(self.place), wait=False, RUSTC=str(self.rustc), FERROLAB_SITE=str(self.layer))
            self.kernel.wait_ready()
            for text, wanted in code_cells():
                story = self.kernel.run(text, timeout=900)
                assert story.ends() == wanted, story.everything()
                self.first = self.first or time.monotonic() - begun
            self.whole = time.monotonic() - begun
        except BaseException as problem:  # noqa: BLE001: told by the test
            self.problem = problem


def test_a_class_runs_a_notebook_at_once(place, layer):
    folder = place / "toolchain"
    folder.mkdir()
    # a compiler that nobody can start: whoever tries fails
    rustc = users.toolchain(folder, runs=False)
    users.program(place)
    (place / "as_user.py").write_text(AS_USER)
    for number in range(USERS):
        users.home(place / f"home-{users.STUDENT + 1 + number}", users.STUDENT + 1 + number)
    before = users.state(layer)
    students = [Student(place, number, rustc, layer) for number in range(KERNELS)]
    for student in students:
        student.start()
    for student in students:
        student.join()
    try:
        problems = [student.problem for student in students if student.problem is not None]
        assert not problems, problems[0]
        memory = [process.memory(student.kernel.process.pid) for student in students]
        first = sorted(student.first for student in students)
        whole = sorted(student.whole for student in students)
        print(
            f"\n{KERNELS} kernels of {USERS} users: first cell after {statistics.median(first):.1f} s (the slowest {first[-1]:.1f} s), the notebook of {len(code_cells())} cells after "
            f"{statistics.median(whole):.1f} s (the slowest {whole[-1]:.1f} s); memory of each {statistics.median(m['pss'] for m in memory) / 1e6:.0f} MB (shared pages divided; {statistics.median(m['rss'] for m in memory) / 1e6:.0f} MB counted in full)"
        )
    finally:
        for student in students:
            if student.kernel is not None:
                student.kernel.close(check=False)
    assert users.state(layer) == before, "something was written to the layer"
    for number in range(USERS):
        own = caches.files(place / f"home-{users.STUDENT + 1 + number}/.cache")
        assert len(own) <= 50 and sum(path.stat().st_size for path in own) < 5_000_000, own
