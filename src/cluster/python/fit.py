"""Can workers run code that was compiled here? Compares processors, C libraries and Rust toolchains, and
says which workers cannot, why, and what to do. For lesser processors code is compiled anew (`variants.py`).

Workers describe themselves (`worker.py`); what the code needs the notebook says (`target.rs`).
"""

from __future__ import annotations

import re

from carried import worker as worker_module
from connection import Wrong
from protocol import Needs

# so many names of workers, or of features, in a message
MOST = 8


def glibc_needed(libraries: list[str]) -> tuple[int, int]:
    """The newest symbol version of glibc that these shared objects name."""
    newest = (2, 2)
    for path in libraries:
        with open(path, "rb") as file:
            for found in re.finditer(rb"GLIBC_2\.(\d+)", file.read()):
                newest = max(newest, (2, int(found[1])))
    return newest


def release(text: str) -> tuple[int, int] | None:
    """(2, 36) of "glibc 2.36"; None of another C library."""
    found = re.fullmatch(r"glibc (\d+)\.(\d+).*", text or "")
    return (int(found[1]), int(found[2])) if found else None


def toolchain_of(libraries: list[str]) -> str | None:
    """The file name of Rust's standard library, which holds a hash of its release."""
    names = [path.rsplit("/", 1)[-1] for path in libraries]
    return next((name for name in names if name.startswith("libstd-")), None)


class Fit:
    """What the notebook's code needs of whoever runs it."""

    def __init__(self, needs: Needs, here: dict):
        self.here, self.features = here, set(needs.features)
        self.layers = list(needs.libraries)
        self.glibc = glibc_needed(needs.libraries)
        self.toolchain = toolchain_of(needs.libraries)

    def lacking(self, there: dict) -> tuple[str, str] | None:
        """Why a machine cannot run the code, and what kind of reason that is."""
        if there["machine"] != self.here["machine"]:
            return "machine", f"a {there['machine']}; the notebook runs on {self.here['machine']}"
        libc = release(there["libc"])
        if libc is None:
            return "libc", f"{there['libc'] or 'an unknown C library'}; the notebook's code needs glibc {dotted(self.glibc)}"
        if libc < self.glibc:
            return "libc", f"glibc {dotted(libc)}; the notebook's code needs {dotted(self.glibc)}"
        others = [name for name in there["toolchains"] if name != self.toolchain]
        if self.toolchain and others:
            return "toolchain", f"code of another Rust toolchain is loaded ({some(others)}; here: {self.toolchain})"
        return None

    def missing(self, there: dict) -> list[str]:
        """What the code uses of a processor and this machine has not; a machine that does not say has all."""
        return sorted(self.features - set(there["flags"])) if there["flags"] else []

    def check(self, there: dict[str, dict]) -> None:
        """Refuses workers, given by name, that cannot run the code, for whatever processor it is compiled."""
        reasons: dict[tuple[str, str], list[str]] = {}
        for name, machine in there.items():
            why = self.lacking(machine)
            if why:
                reasons.setdefault(why, []).append(name)
        if not reasons:
            return
        advice = {
            "machine": "compiled code cannot move between them: start the kernel on such a machine, or leave these workers out",
            "libc": "start the kernel where the workers run, or on an older system",
            "toolchain": "restart these workers, or use the same toolchain in all notebooks of this cluster",
        }
        lines = [f"{some(sorted(names))}: {why}" for (_, why), names in sorted(reasons.items())]
        lines += [advice[kind] for kind in dict.fromkeys(kind for kind, _ in sorted(reasons))]
        raise Wrong("\n".join(["some workers cannot run this notebook's code:", *lines]))

    def level(self, there: list[dict], before: str) -> str:
        """The best level that all of these workers have; "" when they run the notebook's own code. `before` is that of
        workers that were there before, which later ones share when they can."""
        if not before and not any(map(self.missing, there)):
            return ""
        best = worker_module.best_target([self.here, *there])
        return before if before and reaches(there, before) else best


def reaches(machines: list[dict], level: str) -> bool:
    """Do all of these machines run code for a level?"""
    levels = list(worker_module.LEVELS)
    best = worker_module.best_target(machines)
    return best == level or level in levels and best in levels and levels.index(best) >= levels.index(level)


def same_python(found: dict, workers: dict) -> None:
    """Refuses another minor release of Python than ours: what travels to workers is byte code, and each has its own.

    `found` is what `Client.get_versions` says, `workers` the scheduler's list, both by address.
    """
    mine = minor(found["client"])
    there = {"the scheduler": found["scheduler"], **{str(workers.get(a, {}).get("id", a)): v for a, v in found["workers"].items()}}
    others: dict[str, list[str]] = {}
    for name, versions in there.items():
        if versions and minor(versions) != mine:
            others.setdefault(minor(versions), []).append(name)
    if others:
        lines = [f"{some(names)}: Python {release}; here: Python {mine}" for release, names in sorted(others.items())]
        lines.append(f"set FERROLAB_PYTHON to a Python {max(others)} with distributed, and restart the kernel")
        raise Wrong("\n".join(["the Dask client and its cluster need the same Python:", *lines]))


def minor(versions: dict) -> str:
    return ".".join(versions["host"]["python"].split(".")[:2])


def some(names: list[str]) -> str:
    """A list for people: the first ones, and how many more."""
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")


def dotted(numbers: tuple[int, int]) -> str:
    return ".".join(map(str, numbers))
