"""Other users of this machine, and a place that they can reach. Only root can become one."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

from . import process

# numbers that no account needs to have
TEACHER, STUDENT = 47110, 47111


@contextlib.contextmanager
def shared() -> Iterator[pathlib.Path]:
    """A folder that everybody can enter, on a path that only root can change."""
    base = pathlib.Path("/srv" if os.access("/srv", os.W_OK) else "/opt")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ferrolab-test-", dir=base))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def program(folder: pathlib.Path) -> pathlib.Path:
    """A copy of the program under test that others can start."""
    return pathlib.Path(shutil.copy2(process.FERROLAB, folder / "ferrolab"))


def toolchain(folder: pathlib.Path, runs: bool = True) -> pathlib.Path:
    """A copy of the toolchain's programs and libraries; its rustc, which cannot be started when it is not to run."""
    sysroot = pathlib.Path(subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip())
    same = os.stat(sysroot).st_dev == os.stat(folder).st_dev
    for part in ("bin", "lib"):
        # links where they can be: a toolchain is half a gigabyte
        shutil.copytree(sysroot / part, folder / part, copy_function=os.link if same else shutil.copy2, symlinks=True)
    rustc = folder / "bin/rustc"
    if not runs:
        for tool in ("rustc", "cargo"):
            path, aside = folder / "bin" / tool, folder / "bin" / f"{tool}.new"
            shutil.copy2(path, aside)
            aside.chmod(0o644)
            aside.rename(path)
    return rustc


def run(user: int, arguments: list, home: pathlib.Path, **env: str) -> subprocess.CompletedProcess:
    """Runs a program as another user, with a home of his own and nothing of ours in his environment."""
    return subprocess.run(
        [str(a) for a in arguments],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"} | {k: str(v) for k, v in env.items()},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        user=user,
        group=user,
        extra_groups=[],
        umask=0o077,
    )


def home(folder: pathlib.Path, user: int, mode: int = 0o700) -> pathlib.Path:
    """A home for a user."""
    folder.mkdir()
    os.chown(folder, user, user)
    folder.chmod(mode)
    return folder


def state(folder: pathlib.Path) -> dict[str, tuple]:
    """All below a folder, as it would differ after any write, any new or missing file, or a touch."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        meta = path.lstat()
        found[str(path)] = (meta.st_ino, meta.st_size, meta.st_mtime_ns, meta.st_ctime_ns, meta.st_mode, meta.st_uid)
    return found
