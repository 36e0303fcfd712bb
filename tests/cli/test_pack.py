"""`ferrolab pack` and `stage`: one file with all that a node needs, unpacked once however many ask, or not at all."""

import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from support import caches, process, users
from support.notebooks import notebook

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def book(place):
    return notebook(place, "fn scaled(x: f64) -> f64 { x * 2.5 }", "(1..=4).map(|x| scaled(x as f64)).sum::<f64>()")


@pytest.fixture(scope="module")
def pack(place, book) -> pathlib.Path:
    file = place / "course.tar.zst"
    command = [str(process.FERROLAB), "pack", "-o", str(file), "--target-cpu", "native", "--dep", 'itoa = "1"', "--notebooks", str(book)]
    done = subprocess.run(command, env=process.environment(), capture_output=True, text=True, timeout=1000)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [p for p in place.iterdir() if p.name.startswith(".ferrolab-pack")], "it left what it had put together"
    file.chmod(0o644)
    return file


def stage(pack, to, user=users.STUDENT, **more):
    program = pack.parent / "ferrolab"
    if not program.exists():
        users.program(pack.parent)
    return subprocess.Popen(
        [str(program), "stage", str(pack), "--to", str(to)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, user=user, group=user, extra_groups=[], **more
    )


def prefix_of(words: str) -> pathlib.Path:
    line = next(line for line in words.splitlines() if line.startswith("export PATH="))
    return pathlib.Path(line.split("'")[1]).parent


def test_a_node_without_network_compiler_or_home(place, pack, book):
    node = users.home(place / "node", users.STUDENT)
    first, second = stage(pack, node), stage(pack, node)
    words = [p.communicate(timeout=300) for p in (first, second)]
    assert first.returncode == second.returncode == 0, words
    assert words[0][0] == words[1][0]
    prefix = prefix_of(words[0][0])
    assert len(list(prefix.parent.glob("pack-*"))) == 1
    closed = users.home(place / "closed", 0, 0o755)
    env = {"TMPDIR": str(node), "PATH": "/nowhere"}
    command = ["unshare", "-n", "setpriv", f"--reuid={users.STUDENT}", f"--regid={users.STUDENT}", "--clear-groups"]
    out = node / "out.ipynb"
    begun = time.monotonic()
    done = users.run(0, [shutil.which(command[0]), *command[1:2], shutil.which(command[2]), *command[3:], prefix / "bin/ferrolab", "run", "--no-html", "-o", out, book], closed, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "25.0" in done.stdout
    print(f"first cells after {time.monotonic() - begun:.2f} s")
    # what is new is compiled by the packed toolchain
    new = notebook(place, "fn here(x: u32) -> u32 { x * 21 }\nhere(2)", name="new.ipynb")
    done = users.run(users.STUDENT, [prefix / "bin/ferrolab", "run", "--no-html", "-o", out, new], closed, TMPDIR=node, PATH="/usr/bin:/bin")
    assert done.returncode == 0 and "42" in done.stdout, done.stdout + done.stderr
    # a packed dependency is there without a C compiler; another one is an error that says what to do
    dep = notebook(place, ':dep itoa = "1"', "itoa::Buffer::new().format(7u8).to_owned()", name="dep.ipynb")
    done = users.run(0, [shutil.which(command[0]), *command[1:2], shutil.which(command[2]), *command[3:], prefix / "bin/ferrolab", "run", "--no-html", "-o", out, dep], closed, **env)
    assert done.returncode == 0 and '"7"' in done.stdout, done.stdout + done.stderr
    other = notebook(place, ':dep ryu = "1"', name="other.ipynb")
    done = users.run(0, [shutil.which(command[0]), *command[1:2], shutil.which(command[2]), *command[3:], prefix / "bin/ferrolab", "run", "--no-html", "-o", out, other], closed, **env)
    assert done.returncode == 1 and "`ryu` is not on this machine" in done.stdout and "network" in done.stdout, done.stdout + done.stderr


def test_a_stage_that_is_killed_leaves_nothing_that_is_taken_for_whole(place, pack):
    node = users.home(place / "killed", users.STUDENT)
    running = stage(pack, node)
    base = node / f"ferrolab-packs-{users.STUDENT}"
    deadline = time.monotonic() + 60
    while not list(base.glob(".new-*/bin/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert not list(base.glob("pack-*"))
    again = stage(pack, node)
    words, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors
    assert not list(base.glob(".new-*")) and (prefix_of(words) / "share/jupyter/kernels/ferrolab/kernel.json").exists()


def test_damage_and_want_of_room_are_named(place, pack):
    bytes_ = bytearray(pack.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    bad = place / "bad.tar.zst"
    bad.write_bytes(bytes_)
    node = users.home(place / "damage", users.STUDENT)
    running = stage(bad, node)
    _, errors = running.communicate(timeout=300)
    assert running.returncode == 1 and "bad.tar.zst is damaged" in errors, errors
    assert not list(node.glob("*/pack-*")) and not list(node.glob("*/.new-*"))
    small = users.home(place / "small", users.STUDENT)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m,mode=777", "none", str(small)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        running = stage(pack, small)
        _, errors = running.communicate(timeout=300)
        assert running.returncode == 1 and "has no room for" in errors and "--to" in errors, errors
        assert not caches.objects(small) and not list(small.glob("*/.new-*"))
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)
