"""Caches of a test's own, made in a moment from the shared one, and damage to them.

An environment takes a minute to build; a copied one is accepted where it is. cargo's target folder
and compiled cells are left out: the first is of no use in another place, the second are what most
tests here want to see made.
"""

from __future__ import annotations

import os
import pathlib
import shutil

from . import process

SHARED = process.WORK / "cache"
LEFT_OUT = ("target", "once", "cells", "locks")


def copy(to: pathlib.Path) -> pathlib.Path:
    """A copy of the shared cache with its finished environments, for its owner alone."""
    shutil.copytree(SHARED, to, symlinks=True, ignore=_left_out)
    to.chmod(0o700)
    return to


def _left_out(folder: str, names: list[str]) -> list[str]:
    # what another test's kernel is making just now goes away under our hands
    return [n for n in names if n.startswith(("new-", ".new-")) or (n in LEFT_OUT and pathlib.Path(folder) == SHARED)]


def files(folder: pathlib.Path) -> list[pathlib.Path]:
    """All regular files below a folder."""
    return [p for p in pathlib.Path(folder).rglob("*") if p.is_file() and not p.is_symlink()]


def objects(folder: pathlib.Path) -> set[pathlib.Path]:
    """The compiled cells of a cache."""
    return {p for p in files(folder / "cells") if p.suffix == ".so"}


def damage(path: pathlib.Path, how: str) -> None:
    """Cut a file, fill it with garbage, empty or delete it, in the way a file system's repair would."""
    content = path.read_bytes()
    # a new file, not a write into what a process has mapped
    path.unlink()
    new = {"cut": content[: len(content) // 2], "garbage": os.urandom(len(content)), "empty": b""}.get(how)
    if new is not None:
        path.write_bytes(new)
