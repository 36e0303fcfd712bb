"""What `deny.toml` allows of dependencies, checked in a second on every run.

`cargo deny` itself, which takes minutes to build, reads the same file in `tests/run --all`: it also looks into the
texts of licences, and knows advisories.
"""

import json
import re
import subprocess
import tomllib

import pytest

from support.process import ROOT

POLICY = tomllib.loads((ROOT / "deny.toml").read_text())
CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def packages() -> list[dict]:
    """All packages that Cargo.lock names, with every feature."""
    command = ["cargo", "metadata", "--locked", "--all-features", "--format-version", "1"]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)["packages"]


def allowed(expression: str, licences: set[str]) -> bool:
    """Whether an SPDX expression can be met with these licences: `A OR B`, `A AND (B OR C)`, and the old `A/B`."""
    tokens = re.findall(r"[()]|[\w.+-]+(?: WITH [\w.-]+)?", expression.replace("/", " OR "))

    def one_of() -> bool:
        met = all_of()
        while tokens[:1] == ["OR"]:
            tokens.pop(0)
            met = all_of() or met
        return met

    def all_of() -> bool:
        met = one()
        while tokens[:1] == ["AND"]:
            tokens.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        token = tokens.pop(0)
        if token != "(":
            return token in licences
        met = one_of()
        assert tokens.pop(0) == ")", f"no SPDX expression: {expression}"
        return met

    met = one_of()
    assert not tokens, f"no SPDX expression: {expression}"
    return met


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only/MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("(GPL-3.0-only OR MIT) AND Zlib", True),
        ("Zlib AND (GPL-3.0-only OR AGPL-3.0-only)", False),
        ("Apache-2.0 WITH LLVM-exception", False),
    ],
)
def test_expressions_are_read_as_spdx_means_them(expression, met):
    assert allowed(expression, {"MIT", "Zlib", "Apache-2.0"}) == met


def test_every_licence_is_allowed():
    common = set(POLICY["licenses"]["allow"])
    special = {e["crate"]: set(e["allow"]) for e in POLICY["licenses"]["exceptions"]}
    refused = [
        f"{p['name']} {p['version']}: {p['license'] or p['license_file'] or 'no licence'}"
        for p in packages()
        if not (p["license"] and allowed(p["license"], common | special.get(p["name"], set())))
    ]
    assert not refused, refused


def test_every_package_comes_from_crates_io_or_from_here():
    strange = [f"{p['name']}: {p['source']}" for p in packages() if p["source"] not in (None, CRATES_IO)]
    assert not strange, strange


def test_what_is_banned_is_not_there():
    banned = {entry["crate"] for entry in POLICY["bans"]["deny"]}
    assert not banned & {p["name"] for p in packages()}


def test_no_dependency_of_ours_takes_any_version():
    ours = [p for p in packages() if p["source"] is None]
    wild = [f"{p['name']} → {d['name']}" for p in ours for d in p["dependencies"] if d["req"] == "*" and not d.get("path")]
    assert not wild, wild
