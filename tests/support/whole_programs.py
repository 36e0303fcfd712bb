"""Programs compiled and run whole, by cargo and rustc alone: what cells are compared with. Many are one crate, a module each, so that the time is one
compilation's; those that rustc refuses are left out of the next try."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from .doc_examples import Example
from .process import WORK
from .rust_statements import statements

# how often what does not compile is left out: rustc tells of names, types and borrows one after the other
ROUNDS = 8
SECONDS = 10
MAIN = "pub fn main() -> ::std::result::Result<(), ::std::boxed::Box<dyn ::std::error::Error>>"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a program ended."""

    printed: str
    ok: bool


def module(example: Example, hoisted: bool) -> str:
    """The file of a program: all of it in a body, or with its items around that."""
    parts = [statement for text in example.statements for statement in statements(text)]
    outside = [s.text for s in parts if hoisted and s.kind == "item"]
    inside = [s.text for s in parts if not hoisted or s.kind != "item"]
    return "\n".join([*outside, f"{MAIN} {{", *inside, "Ok(()) }", ""])


class Crate:
    """The package in which programs of one edition are compiled, with the crates that they use."""

    def __init__(self, edition: str, dependencies: dict[str, str]):
        self.folder = WORK / "whole-programs" / f"{edition}{'-crates' if dependencies else ''}"
        (self.folder / "src").mkdir(parents=True, exist_ok=True)
        lines = [
            f'[package]\nname = "whole{edition}"\nversion = "0.0.0"\nedition = "{edition}"\n[workspace]',
            # as cells are compiled, but for optimisation
            "[profile.dev]\ndebug = false\noverflow-checks = false\ndebug-assertions = false\nincremental = false\n[dependencies]",
            *(f"{name} = {wanted}" for name, wanted in dependencies.items()),
        ]
        (self.folder / "Cargo.toml").write_text("\n".join(lines) + "\n")
        self.binary = self.folder / f"target/debug/whole{edition}"

    def build(self, modules: dict[int, str]) -> set[int]:
        """Compiles programs; those that are in the binary."""
        for old in (self.folder / "src").iterdir():
            old.unlink()
        for number, text in modules.items():
            (self.folder / f"src/program_{number}.rs").write_text(text)
        left = set(modules)
        for _ in range(ROUNDS):
            arms = "".join(f'"{n}" => program_{n}::main(), ' for n in sorted(left))
            (self.folder / "src/main.rs").write_text(
                "#![allow(warnings)]\n" + "".join(f"mod program_{n};\n" for n in sorted(left)) + f"{MAIN} {{ match ::std::env::args().nth(1).unwrap().as_str() {{ {arms} _ => panic!() }} }}\n"
            )
            done = subprocess.run(["cargo", "build", "-q", "--message-format=json"], cwd=self.folder, capture_output=True, text=True, env=os.environ | {"CARGO_TARGET_DIR": str(self.folder / "target")})
            if done.returncode == 0:
                return left
            refused = self.refused(done.stdout)
            assert refused & left, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            left -= refused
        raise AssertionError(f"something is still refused after {ROUNDS} rounds: {self.folder}")

    @staticmethod
    def refused(said: str) -> set[int]:
        """The programs that errors are in."""
        found = set()
        for line in said.splitlines():
            message = json.loads(line)
            if message.get("reason") != "compiler-message" or message["message"]["level"] != "error":
                continue
            todo = list(message["message"]["spans"])
            while todo:
                span = todo.pop()
                stem = pathlib.Path(span["file_name"]).stem
                if stem.startswith("program_"):
                    found.add(int(stem.removeprefix("program_")))
                elif span.get("expansion"):
                    todo.append(span["expansion"]["span"])
        return found

    def run(self, number: int) -> Outcome | None:
        """How a program ends, in a folder of its own; none where it does not end in time."""
        folder = tempfile.mkdtemp(prefix="whole-")
        try:
            done = subprocess.run([self.binary, str(number)], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        # a signal is no end of a program that cells could have
        return Outcome(done.stdout, done.returncode == 0) if done.returncode in (0, 1, 101) else None


def outcomes(examples: list[Example], dependencies: dict[str, str]) -> dict[Example, Outcome]:
    """How programs end that rustc accepts, and that end alike twice."""
    found: dict[Example, Outcome] = {}
    for edition in sorted({example.edition for example in examples}):
        crate, left = Crate(edition, dependencies), dict(enumerate(e for e in examples if e.edition == edition))
        for hoisted in (False, True):
            built = crate.build({number: module(example, hoisted) for number, example in left.items()})
            for number in sorted(built):
                once, again = crate.run(number), crate.run(number)
                if once is not None and once == again and once.ok != left[number].panics:
                    found[left[number]] = once
            left = {number: example for number, example in left.items() if number not in built}
            if not left:
                break
    return found
