"""Caches of a test's own, made in a moment from the shared one, and damage to them.

An environment takes a minute to build; a copied one is accepted where it is. cargo's target folder
and compiled cells are left out: the first is of no use in another place, the second are what most
tests here want to see made. So are environments with dependencies that other tests have added, which
are a gigabyte after some of them.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil

from . import process

SHARED = process.WORK / "cache"
LEFT_OUT = ("target", "once", "cells", "locks")


def copy(to: pathlib.Path) -> pathlib.Path:
    """A copy of the shared cache with the environments that need no other, for its owner alone."""
    entries = {path.name: json.loads(path.read_text())["environment"] for path in (SHARED / "index").glob("*.json")}
    further = {name: entry["id"] for name, entry in entries.items() if len(entry["layers"]) > 1}
    left_out = {SHARED: set(LEFT_OUT), SHARED / "index": set(further), SHARED / "environments": set(further.values())}

    def ignored(folder: str, names: list[str]) -> list[str]:
        # what another test's kernel is making just now goes away under our hands
        return [n for n in names if n.startswith(("new-", ".new-")) or n in left_out.get(pathlib.Path(folder), ())]

    shutil.copytree(SHARED, to, symlinks=True, ignore=ignored)
    to.chmod(0o700)
    return to


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
