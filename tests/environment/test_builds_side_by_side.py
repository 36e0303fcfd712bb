"""Several kernels that build at the same time: different sets do not wait, the same set is built once, and what waits says for what."""

import os
import pathlib
import signal
import threading
import time

import pytest

from support import process

LONG = 120
# a wrapper of the user's own, which counts what is really compiled
COUNTING = '#!/bin/sh\nfor a; do [ "$last" = --crate-name ] && echo "$a" >> "{log}"; last=$a; done\nexec "$@"\n'


class Crates:
    """Crates of a test's own, whose build scripts take their time and note that they ran."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.log, self.compiled = folder, folder / "scripts.log", folder / "rustc.log"
        self.serial = f"{os.getpid()}-{time.monotonic_ns() % 10**9}"
        self.wrapper = folder / "count.sh"
        self.wrapper.write_text(COUNTING.format(log=self.compiled))
        self.wrapper.chmod(0o755)

    def name(self, short: str) -> str:
        # the cache is shared, and what it knows is not built again
        return f"{short}-{self.serial}"

    def ident(self, short: str) -> str:
        return self.name(short).replace("-", "_")

    def make(self, short: str, seconds: float = 0, needs: tuple[str, ...] = ()) -> str:
        """A crate; returns the directive that asks for it."""
        name, folder = self.name(short), self.folder / self.name(short)
        (folder / "src").mkdir(parents=True)
        table = "".join(f'{self.name(other)} = {{ path = "../{self.name(other)}" }}\n' for other in needs)
        (folder / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n{table}')
        uses = "".join(f" + {self.ident(other)}::value()" for other in needs)
        (folder / "src/lib.rs").write_text(f'include!(concat!(env!("OUT_DIR"), "/made.rs"));\npub fn value() -> u32 {{ MADE{uses} }}\n')
        (folder / "build.rs").write_text(
            "use std::io::Write;\nfn main() {\n"
            f'    let mut log = std::fs::OpenOptions::new().append(true).create(true).open("{self.log}").unwrap();\n'
            f'    writeln!(log, "{short}").unwrap();\n'
            f"    std::thread::sleep(std::time::Duration::from_millis({int(seconds * 1000)}));\n"
            '    let out = std::env::var("OUT_DIR").unwrap();\n'
            '    std::fs::write(format!("{out}/made.rs"), "pub const MADE: u32 = 1;").unwrap();\n'
            '    println!("cargo:rerun-if-changed=build.rs");\n}\n'
        )
        return f':dep {name} = {{ path = "{folder}" }}'

    def ran(self, short: str) -> int:
        return self.log.read_text().split().count(short) if self.log.exists() else 0

    def until_runs(self, short: str) -> None:
        deadline = time.monotonic() + LONG
        while not self.ran(short):
            assert time.monotonic() < deadline, f"{short} is never built"
            time.sleep(0.02)

    def count(self, short: str) -> int:
        return self.compiled.read_text().split().count(self.ident(short)) if self.compiled.exists() else 0


@pytest.fixture
def crates(tmp_path):
    return Crates(tmp_path)


def test_another_set_does_not_wait_and_what_both_need_is_built_once(start, crates):
    crates.make("common", seconds=2.5)
    slow, quick = crates.make("slow", seconds=25, needs=("common",)), crates.make("quick", needs=("common",))
    one, two = start(RUSTC_WRAPPER=str(crates.wrapper)), start(RUSTC_WRAPPER=str(crates.wrapper))
    building = one.run(slow, timeout=LONG)
    crates.until_runs("common")
    second = two.run(quick, timeout=LONG).until("error")
    second.idle()
    two.run(f"{crates.ident('quick')}::value()").result("2").idle()
    # the first is at work still, or the test has seen nothing
    assert crates.ran("slow") == 1 and one.process.poll() is None and not one.replies
    assert "common" in second.everything() and "which another kernel is building" in second.everything(), second.everything()
    assert crates.ran("common") == 1
    assert crates.count("common") == 1 and crates.count("quick") == 1, crates.compiled.read_text()
    one.interrupt()
    building.fails("Interrupted")


def test_the_same_set_is_built_once_and_the_second_kernel_says_for_what_it_waits(start, crates):
    both = crates.make("same", seconds=1.5)
    one, two = start(), start()
    first = one.run(both, timeout=LONG)
    crates.until_runs("same")
    second = two.run(both, timeout=LONG).until("error")
    second.idle()
    first.until("error").idle()
    assert f"another kernel is building {crates.name('same')}" in second.everything(), second.everything()
    assert crates.ran("same") == 1
    for kernel in (one, two):
        kernel.run(f"{crates.ident('same')}::value()").result("1").idle()


def test_whoever_waits_can_be_interrupted_and_whoever_builds_can_be_killed(start, crates):
    both = crates.make("taken-over", seconds=2)
    one, two, three = start(), start(), start()
    one.run(both, timeout=LONG).begin()
    crates.until_runs("taken-over")
    waiting, patient = two.run(both, timeout=LONG), three.run(both, timeout=LONG)
    for kernel, story in ((two, waiting), (three, patient)):
        kernel.wait(lambda k=kernel, s=story: any("another kernel" in str(m.content) for m in k.unread.get(s.request, [])), "words")
    asked = time.monotonic()
    two.interrupt()
    waiting.fails("Interrupted")
    assert time.monotonic() - asked < 3, "the waiting went on"
    two.run("1 + 1").result("2").idle()
    family = process.tree(one.process.pid)
    os.kill(one.process.pid, signal.SIGKILL)
    one.process.wait(10)
    one.unread.clear(), one.orphans.clear()
    # who waited builds now, and gets it
    patient.until("error").idle()
    three.run(f"{crates.ident('taken-over')}::value()").result("1").idle()
    assert not [pid for pid in family if process.alive(pid)], "the killed kernel's build went on"
    assert crates.ran("taken-over") == 2


@pytest.mark.long
def test_what_an_interrupted_build_has_made_is_not_made_again(start, crates):
    crates.make("ready")
    slow, other = crates.make("stopped", seconds=30, needs=("ready",)), crates.make("other", needs=("ready",))
    one, two = start(), start()
    building = one.run(slow, timeout=LONG)
    crates.until_runs("stopped")
    # its crate is compiled beside the script that sleeps
    one.wait(lambda: crates.ran("ready") and not process.compiling(one.process.pid), "end of rustc", LONG)
    one.interrupt()
    building.fails("Interrupted")
    one.ok(other, timeout=LONG)
    one.run(f"{crates.ident('other')}::value()").result("2").idle()
    two.ok(other, timeout=LONG)
    assert crates.ran("ready") == 1


def test_another_cargo_that_holds_the_downloads_is_named(start, crates):
    """cargo's own lock, which anybody's cargo may hold for long."""
    import fcntl

    home = pathlib.Path(os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo")))
    ask = crates.make("downloads")
    kernel = start()
    with open(home / ".package-cache", "a") as one, open(home / ".package-cache-mutate", "a") as two:
        for file in (one, two):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pytest.skip("another cargo holds it already")
        story = kernel.run(ask, timeout=LONG)
        kernel.wait(lambda: any("another cargo" in str(m.content) for m in kernel.unread.get(story.request, [])), "words about the lock", 30)
        kernel.interrupt()
        story.fails("Interrupted")
    kernel.ok(ask, timeout=LONG)


@pytest.mark.long
def test_many_sets_at_once(start, crates):
    """More than there are places: all get theirs, and what all need is built once."""
    crates.make("shared", seconds=1)
    asks = [crates.make(f"set{i}", seconds=1, needs=("shared",)) for i in range(10)]
    kernels = [start() for _ in asks]
    problems = []

    def ask(kernel, directive):
        try:
            kernel.ok(directive, timeout=LONG * 2)
        except AssertionError as problem:
            problems.append(problem)

    threads = [threading.Thread(target=ask, args=pair) for pair in zip(kernels, asks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems
    for i, kernel in enumerate(kernels):
        kernel.run(f"{crates.ident(f'set{i}')}::value()").result("2").idle()
    assert crates.ran("shared") == 1
