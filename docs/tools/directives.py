"""Writes docs/directives.md from what the kernel itself says to `:help`, so that the page and the kernel cannot differ.

`python docs/tools/directives.py` makes it anew with the binary that the tests use (FERROLAB); tests/house/test_docs.py compares.
"""

from __future__ import annotations

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/directives.md"
# a usage and its help: usages are filled up to 28 columns, and a longer one ends where a sentence begins
LINE = re.compile(r"(.{28,}?) (?=[A-Z][a-z])(.*)")
HEAD = """# Directives

A line that starts a statement with one of these is not Rust. `%name` works as `:name` does, and `:help` prints this list,
from which the page is made (`docs/tools/directives.py`).

| directive | what it does |
|---|---|
"""
TAIL = """
Some have a second name: `:t` is `:type`, `:h` is `:help`, `:q` and `:exit` are `:quit`, and `:snapshot` is `:snapshots`. Most
other commands of evcxr are understood and say why they do nothing here ([Coming from evcxr](from-evcxr.md)). An unknown name
gets the nearest one and the list.

What they are good for is told in [Cells](cells.md), [When a cell fails](failures.md), [Dependencies](dependencies.md),
[Measuring](measuring.md) and [Parallel loops](parallel.md#how-many-threads).

```rust
let squares: Vec<u64> = (1..=10).map(|n| n * n).collect();
```

```rust
:vars
```

```rust
:t squares.iter().sum::<u64>()
```
"""


def page(help_text: str) -> str:
    """The page, from what `:help` prints."""
    rows = []
    for line in help_text.strip().splitlines():
        found = LINE.fullmatch(line)
        if not found:
            raise ValueError(f"`:help` prints a line that is no usage and help: {line!r}")
        usage, what = (text.strip().replace("|", r"\|") for text in found.groups())
        rows.append(f"| `{usage}` | {what} |")
    return HEAD + "\n".join(rows) + "\n" + TAIL


def help_text() -> str:
    """What `:help` prints in a kernel."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support.frontend import Kernel

    with Kernel(timeout=600) as kernel:
        return kernel.run(":help").finish()


if __name__ == "__main__":
    PAGE.write_text(page(help_text()))
