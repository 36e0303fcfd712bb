"""The house: which room may import which, how long files are, what they begin with, and what `unsafe` must say."""

import graphlib
import re

import pytest

from support.process import ROOT

LONGEST = 500
RUST = sorted(p for folder in ("src", "kernel/src", "kernel/tests", "tests", "benches") for p in (ROOT / folder).rglob("*.rs"))
PYTHON = sorted(p for folder in ("src", "tests", "benches", "docs") for p in (ROOT / folder).rglob("*.py"))
SHELL = [ROOT / "tests/run", ROOT / "benches/run", ROOT / ".ci/run"]
ROOMS = {"wire", "messages", "session", "engine", "runner", "output", "evcxr"}
# room -> (rooms of the kernel it may import, words its code must not hold)
MAY = {
    "wire": ({"messages"}, ()),
    "messages": (set(), ("jupyter_zmq_client", "zeromq::", "std::process", "std::net")),
    "session": ({"messages"}, ("jupyter_zmq_client", "zeromq::", "std::net", "Command::new")),
    "engine": (set(), ("jupyter_protocol", "jupyter_zmq_client", "zeromq::", "std::net", "std::os::unix::net")),
    "runner": (set(), ("jupyter_protocol", "jupyter_zmq_client", "zeromq::", "syn::")),
    "evcxr": ({"engine", "runner", "output", "session"}, ("jupyter_protocol", "jupyter_zmq_client", "zeromq::", "std::net")),
    "output": ({"messages", "session"}, ("jupyter_zmq_client", "zeromq::", "Command::new")),
}


def name(path):
    return str(path.relative_to(ROOT))


def code_of(text: str) -> str:
    """The text without strings and comments."""
    text = re.sub(r'r(#+)".*?"\1|"(?:[^"\\]|\\.)*"', '""', re.sub(r"'(?:\"|\\.)'", "' '", text), flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def without_tests(text: str) -> str:
    """Up to the unit tests at the end of a file."""
    return text.split("#[cfg(test)]\nmod tests {")[0]


def rooms_used(code: str) -> set[str]:
    """First path segments after `crate::`."""
    used = set(re.findall(r"\bcrate::(\w+)", code))
    # `use crate::{a::b, c}`
    for group in re.findall(r"\bcrate::\{((?:[^{}]|\{[^{}]*\})*)\}", code):
        used |= set(re.findall(r"(?:^|,)\s*(\w+)", re.sub(r"\{[^{}]*\}", "", group)))
    return used


@pytest.mark.parametrize("room", sorted(MAY))
def test_rooms_import_what_they_may(room):
    allowed, forbidden = MAY[room]
    home = ROOT / "kernel/src"
    wrong = []
    for path in [*(home / room).rglob("*.rs"), *home.glob(f"{room}.rs")]:
        code = code_of(without_tests(path.read_text()))
        wrong += [f"{name(path)} imports {other}" for other in sorted((rooms_used(code) & ROOMS) - allowed - {room})]
        wrong += [f"{name(path)} holds {word}" for word in forbidden if word in code]
    assert not wrong, "\n".join(wrong)


def test_the_helper_crate_and_the_kernel_share_only_frames():
    """Cells never inherit the kernel's dependencies, nor the kernel the helpers'."""
    wrong = []
    for path in (ROOT / "src").rglob("*.rs"):
        code = code_of(path.read_text())
        for word in ("jupyter_protocol", "jupyter_zmq_client", "zeromq::", "tokio::", "syn::", "ferrolab_kernel"):
            if word in code:
                wrong.append(f"{name(path)} holds {word}")
    for path in (ROOT / "kernel/src").rglob("*.rs"):
        for target in re.findall(r'#\[path = "([^"]*)"\]', path.read_text()):
            real = (path.parent / target).resolve()
            if not real.is_relative_to(ROOT / "kernel") and real != ROOT / "src/frame/mod.rs":
                wrong.append(f"{name(path)} includes {target}")
    assert not wrong, "\n".join(wrong)


def test_files_of_the_plots_room_import_one_way():
    """No circle between files of src/plot, and none that knows a kind but the other kinds and the room's list."""
    home = ROOT / "src/plot"
    imports = {}
    for path in [*home.glob("*.rs"), *(home / "kinds").glob("*.rs")]:
        if path.name == "mod.rs":
            continue
        code = code_of(without_tests(path.read_text()))
        kind = path.parent != home
        file = f"kinds/{path.stem}" if kind else path.stem
        below = {f"kinds/{name}" if kind else name for name in re.findall(r"\bsuper::(\w+)", code)}
        assert not re.search(r"\bsuper::\{", code), f"{file}: one `use` for each file"
        imports[file] = below | set(re.findall(r"\bcrate::plot::(\w+)", code))
    assert len(imports) > 30
    knowing = [file for file, below in imports.items() if "kinds" in below]
    assert not knowing, "ask the trait instead"
    graphlib.TopologicalSorter(imports).prepare()


def test_file_length():
    long = {name(p): n for p in [*RUST, *PYTHON, *SHELL] if (n := len(p.read_text().splitlines())) >= LONGEST}
    assert not long


def test_first_line_says_what_the_file_is():
    bare = [name(p) for p in RUST if not re.match(r"//! \S.{8,}", p.read_text())]
    assert not bare


def test_unsafe_blocks_say_why_they_are_sound():
    bare = []
    for path in RUST:
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if not re.search(r"\bunsafe\s*(\{|impl\b)", re.sub(r"//.*|\"[^\"]*\"", "", line)):
                continue
            # three lines up, or up through a longer comment block (attributes may stand between)
            above, at = [line], number - 1
            while at >= 0 and (re.match(r"\s*(//|#\[)", lines[at]) or number - at <= 3):
                above.append(lines[at])
                at -= 1
            if not any("SAFETY:" in text for text in above):
                bare.append(f"{name(path)}:{number + 1}: {line.strip()}")
    assert not bare, "\n".join(bare)


def test_nothing_is_left_to_do():
    """The macros for it (`todo!`, `dbg!`) are clippy's business."""
    left = []
    words = re.compile(r"\bTODO\b|\bFIXME\b|\bXXX\b")
    for path in [*RUST, *PYTHON, *SHELL]:
        if path != ROOT / "tests/test_house.py":
            left += [f"{name(path)}:{n}: {line}" for n, line in enumerate(path.read_text().splitlines(), 1) if words.search(line)]
    assert not left, "\n".join(left)


def test_scripts_can_be_started():
    for path in SHELL:
        assert path.stat().st_mode & 0o111, f"chmod +x {name(path)}"
        assert path.read_text().startswith("#!/bin/bash\n")


def test_every_package_inherits_the_lints():
    for path in (ROOT / "Cargo.toml", ROOT / "kernel/Cargo.toml"):
        assert re.search(r"\[lints\]\nworkspace = true", path.read_text()), name(path)


def test_claims_name_tests_that_exist():
    text = (ROOT / "docs/claims.md").read_text()
    claims = set(re.findall(r"`([\w/]+\.(?:py|rs))::(\w+)`", text))
    assert claims
    missing = []
    for file, test in sorted(claims):
        path = ROOT / "tests" / file if file.endswith(".py") else ROOT / file
        if not path.exists() or not re.search(rf"\b(def|fn) {test}\b", path.read_text()):
            missing.append(f"{file}::{test}")
    assert not missing, "\n".join(missing)


def test_claims_name_files_that_exist():
    """Where a whole file is the test of a claim."""
    text = (ROOT / "docs/claims.md").read_text()
    named = set(re.findall(r"`([\w/]+\.(?:py|rs))(?:::\w+)?`", text))
    missing = [file for file in sorted(named) if not (ROOT / "tests" / file).exists() and not (ROOT / file).exists()]
    assert not missing, "\n".join(missing)
