"""The house: which room may import which, how long files are, what they begin with, and what `unsafe` must say."""

import ast
import graphlib
import re
import tomllib

import pytest

from support.process import ROOT

LONGEST = 500
PACKAGES = {"helper crate": ROOT, **{name: ROOT / "kernel" / name for name in ("assist", "base", "system", "engine", "jupyter")}, "kernel": ROOT / "kernel"}
RUST = sorted(p for folder in ("src", "kernel", "tests", "benches") for p in (ROOT / folder).rglob("*.rs"))
PYTHON = sorted(p for folder in ("src", "tests", "benches", "docs") for p in (ROOT / folder).rglob("*.py"))
SHELL = [ROOT / "tests/run", ROOT / "benches/run", ROOT / ".ci/run", ROOT / "packaging/wheel", ROOT / "packaging/container/steps"]
# What a package of the kernel may depend on besides crates of others: the compiler holds the walls, and this the plan.
BELOW = {"assist": set(), "base": set(), "system": set(), "engine": {"base", "system"}, "jupyter": set(), "kernel": {"assist", "base", "system", "engine", "jupyter"}}
# Crates that say what a package is not about.
ELSEWHERE = {
    "assist": {"syn", "toml", "rustix"},
    "base": {"serde", "libc", "tokio"},
    "system": {"tokio", "serde_json"},
    "engine": {"jupyter-protocol", "jupyter-zmq-client", "zeromq", "ring"},
    "jupyter": {"rmcp", "syn", "quote", "toml", "rustix"},
    "kernel": {"jupyter-zmq-client", "rmcp", "zeromq", "ring", "tokio"},
    "helper crate": {"jupyter-protocol", "jupyter-zmq-client", "zeromq", "tokio", "syn"},
}
# Rooms inside a package -> words that their code must not hold, because they are another room's.
WORDS = {
    "jupyter/messages": ("jupyter_zmq_client", "zeromq::", "std::process", "std::net"),
    "jupyter/session": ("jupyter_zmq_client", "zeromq::", "std::net", "Command::new"),
    "engine": ("std::net", "std::os::unix::net"),
    "runner": ("jupyter_protocol", "ferrolab_jupyter", "ferrolab_engine", "syn::"),
    "evcxr": ("jupyter_protocol", "std::net"),
    "output": ("ferrolab_engine", "Command::new"),
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


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_depend_on_what_stands_below_them(package):
    manifest = tomllib.loads((PACKAGES[package] / "Cargo.toml").read_text())
    used = set(manifest.get("dependencies", {}))
    ours = {name.removeprefix("ferrolab-") for name in used if name.startswith("ferrolab-")}
    assert ours <= BELOW.get(package, {"base"}), package
    assert not used & ELSEWHERE[package], package


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_of_a_package_form_no_circle(package):
    """Crates cannot see this: which folder or file at the top of a package uses which other."""
    home = PACKAGES[package] / "src"
    below = {}
    for path in home.rglob("*.rs"):
        parts = path.relative_to(home).parts
        if parts[0] in ("lib.rs", "main.rs") or any(part in ("tests", "tests.rs") for part in parts):
            continue
        room = parts[0].removesuffix(".rs")
        used = {other for other in rooms_used(code_of(without_tests(path.read_text()))) if (home / other).is_dir() or (home / f"{other}.rs").exists()}
        for other in used - {room}:
            below.setdefault(room, {}).setdefault(other, name(path))
    circles = []
    for room in below:
        seen, ahead = set(), [(room, ())]
        while ahead:
            here, way = ahead.pop()
            for other, file in below.get(here, {}).items():
                if other == room:
                    circles.append(" → ".join([*way, file]))
                if other not in seen:
                    seen.add(other)
                    ahead.append((other, (*way, file)))
    assert not circles, "\n".join(circles)


@pytest.mark.parametrize("room", WORDS)
def test_rooms_do_not_do_what_is_anothers(room):
    package, _, inside = room.partition("/")
    home = PACKAGES[package] / "src" / inside if package in PACKAGES else ROOT / "kernel/src" / room
    files = [*home.rglob("*.rs")]
    assert files
    wrong = [f"{name(path)} holds {word}" for path in files for word in WORDS[room] if word in code_of(without_tests(path.read_text()))]
    assert not wrong, "\n".join(wrong)


def test_no_file_is_compiled_into_two_packages():
    included = [f"{name(path)} includes {target}" for path in RUST for target in re.findall(r'^\s*#\[path = "(\.\.[^"]*)"\]', path.read_text(), re.M)]
    assert not included, "\n".join(included)


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
        if path != ROOT / "tests/house/test_house.py":
            left += [f"{name(path)}:{n}: {line}" for n, line in enumerate(path.read_text().splitlines(), 1) if words.search(line)]
    assert not left, "\n".join(left)


def test_unit_tests_stand_in_a_module_called_tests():
    """At the end of the file that they are about, or in `tests.rs` or `tests/` beside it; measurements may be in `bench`."""
    wrong = []
    for path in RUST:
        text = path.read_text()
        inside = {"tests", "tests.rs", "bench.rs"} & set(path.relative_to(ROOT).parts)
        if "#[test]" in code_of(without_tests(text)) and not inside:
            wrong.append(f"{name(path)}: a test outside of `mod tests`")
        if re.search(r"^#\[path", text, re.M):
            wrong.append(f"{name(path)}: `#[path]` hides where a module is")
        for module in re.findall(r"^#\[cfg\(test\)\]\n(?:pub )?mod (\w+)", text, re.M):
            if module not in ("tests", "bench"):
                wrong.append(f"{name(path)}: `mod {module}` holds tests")
    assert not wrong, "\n".join(wrong)


def test_tests_stand_in_folders_by_subject_and_share_through_support():
    assert not list((ROOT / "tests").glob("test_*.py")), "which folder is it about?"
    tests = sorted((ROOT / "tests").glob("*/test_*.py"))
    assert len(tests) > 70
    importing = []
    for path in tests:
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
        modules = [alias.name for node in nodes for alias in node.names] + [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
        importing += [f"{name(path)}: {module}" for module in modules if module and module.startswith("test_")]
    assert not importing, "what tests share is in tests/support"


def test_scripts_can_be_started():
    for path in SHELL:
        assert path.stat().st_mode & 0o111, f"chmod +x {name(path)}"
        assert path.read_text().startswith("#!/bin/bash\n")


def test_every_package_inherits_the_lints():
    for path in (home / "Cargo.toml" for home in PACKAGES.values()):
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
