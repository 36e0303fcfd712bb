"""Sequences of cells with what they do, stored as data in `tests/corpus/*.cells`.

A line `//# name` begins a sequence, a line `//%` its next cell. What follows a cell's code says what
comes of it on Ferrolab's own engine: `//> text` is its result as text, `//| text` what it prints on
stdout, line by line; `//! E0308` the name of its error. Without any of these the cell must end well
and show nothing.

`//~ reason` names an intended difference to evcxr. Then `//~> text`, `//~| text` and `//~!` are what
comes of the cell there, all of it.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field

FOLDER = pathlib.Path(__file__).parent.parent / "corpus"


@dataclass
class Outcome:
    """What comes of a cell: its result, its stdout, and whether it fails."""

    result: str | None = None
    stdout: str = ""
    error: str | None = None

    def __str__(self) -> str:
        return f"result {self.result!r}, stdout {self.stdout!r}, {'error ' + self.error if self.error else 'ok'}"

    def agrees(self, other: Outcome) -> bool:
        """Errors need not have the same name: evcxr has its own."""
        return (self.result, self.stdout, bool(self.error)) == (other.result, other.stdout, bool(other.error))


@dataclass
class Cell:
    code: str
    ours: Outcome
    reason: str | None = None
    theirs: Outcome | None = None


@dataclass
class Sequence:
    name: str
    file: str
    line: int
    cells: list[Cell] = field(default_factory=list)


def outcome(lines: list[str], prefix: str) -> Outcome:
    """Read the lines of one engine."""
    of = {mark: [line[len(prefix + mark) :].removeprefix(" ") for line in lines if line.startswith(prefix + mark)] for mark in ">|!"}
    stdout = "".join(line + "\n" for line in of["|"])
    # `\` at the end of the last line: printed without a line end
    stdout = stdout.removesuffix("\\\n") if stdout.endswith("\\\n") else stdout
    error = (of["!"][0] or "error") if of["!"] else None
    return Outcome("\n".join(of[">"]) if of[">"] else None, stdout.replace("␍", "\r"), error)


def cell(lines: list[str]) -> Cell:
    """One cell's code and expectations."""
    notes = [line for line in lines if line[:3] in ("//>", "//|", "//!", "//~")]
    code = "\n".join(line for line in lines if line not in notes).strip("\n")
    reasons = [line[3:].strip() for line in notes if line.startswith("//~ ")]
    theirs = outcome(notes, "//~") if reasons else None
    ours = outcome([line for line in notes if not line.startswith("//~")], "//")
    return Cell(code, ours, reasons[0] if reasons else None, theirs)


def read(path: pathlib.Path) -> list[Sequence]:
    """All sequences of a file."""
    found: list[Sequence] = []
    lines: list[str] = []

    def close() -> None:
        if found and lines:
            found[-1].cells.append(cell(lines))
        lines.clear()

    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("//# "):
            close()
            found.append(Sequence(line[4:].strip(), path.stem, number))
        elif line.strip() == "//%":
            close()
        elif found:
            lines.append(line)
    close()
    return found


def all_sequences() -> list[Sequence]:
    """Of all files, in order."""
    return [sequence for path in sorted(FOLDER.glob("*.cells")) for sequence in read(path)]


def run(kernel, code: str) -> Outcome:
    """Run a cell on a kernel and say what came of it."""
    story = kernel.run(code)
    story.until("error")
    if story._peek().type == "error":
        story.error()
    story.until().idle()
    results = [m.content["data"].get("text/plain", "") for m in story.told if m.type == "execute_result"]
    # evcxr has one place for both; bars, which have a display id, are not the cell's own
    own = [m for m in story.told if m.type == "display_data" and not m.content.get("transient", {}).get("display_id")]
    shown = [m.content["data"].get("text/plain", "") for m in own]
    texts = [*results, *shown]
    error = story.failed.content["ename"] if story.failed else None
    return Outcome("\n".join(t.strip("\n") for t in texts) if texts else None, story.printed("stdout"), error)
