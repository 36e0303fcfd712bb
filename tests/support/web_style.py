"""Small sessions like those in tutorials, course notes and answers on the web, in our own words: `corpus/web`, a file each.

`---` stands between cells, and a cell that must show something ends with `//→` and a part of that. Those in `plain` use std and what every session
has, those in `crates` have `:dep`. Nothing here runs anything.
"""

from __future__ import annotations

import pathlib

Cells = list[tuple[str, str | None]]

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "corpus/web"


def cells(text: str) -> Cells:
    """A session's cells, each with what it must show."""
    found = []
    for cell in text.strip().split("\n---\n"):
        code, _, wanted = cell.partition("//→")
        found.append((code.rstrip(), wanted.strip() or None))
    return found


def sessions(kind: str) -> dict[str, Cells]:
    """All of a kind, by name."""
    return {path.stem: cells(path.read_text()) for path in sorted((FOLDER / kind).glob("*.session"))}
