"""The cell cache: a session run again compiles nothing; damage, bounds and rivals do no harm."""

import shutil
import statistics
import subprocess
import threading
import time

import pytest

from support import caches
from support.frontend import Kernel

CELLS = [
    ("let cached = vec![1, 2, 3];", None),
    ("fn total(v: &[i32]) -> i32 { v.iter().sum() }", None),
    ("total(&cached)", "6"),
    ('let table = std::collections::HashMap::from([(1, "one")]);', None),
    ("table[&1].len() + cached.len()", "6"),
    ("(0..100u64).map(|x| x * x).sum::<u64>()", "328350"),
    ("macro_rules! counted { ($n:ident) => { struct $n(u32); impl $n { fn next(&self) -> u32 { self.0 + 1 } } } }", None),
    ("counted!(Kept); let kept = Kept(cached.len() as u32);", None),
    ("kept.next()", "4"),
]


@pytest.fixture
def private(ferrolab, tmp_path):
    """A cache of the test's own, its environment already prepared."""
    # some hundred megabytes for each test: pytest would keep those of three runs
    yield caches.copy(tmp_path / "cache")
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)


def play(kernel) -> list[float]:
    times = []
    for code, result in CELLS:
        begun = time.monotonic()
        story = kernel.run(code, timeout=120)
        (story.result(result) if result else story.until()).idle()
        times.append(time.monotonic() - begun)
    return times


def together(count, story) -> None:
    """Several kernels tell the same story at once."""
    problems = []

    def one():
        try:
            story()
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)

    threads = [threading.Thread(target=one) for _ in range(count)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not problems, problems


def test_run_again_after_a_restart_compiles_nothing(private, start):
    first = start(FERROLAB_CACHE_DIR=str(private))
    cold = play(first)
    first.close()
    made = caches.objects(private)
    assert made, "nothing was kept"
    warm = play(start(FERROLAB_CACHE_DIR=str(private)))
    assert caches.objects(private) == made, "something was compiled again"
    print(f"median cold {statistics.median(cold) * 1000:.0f} ms, warm {statistics.median(warm) * 1000:.0f} ms")
    assert statistics.median(warm) < statistics.median(cold) / 2


@pytest.mark.parametrize("how", ["cut", "garbage", "empty", "deleted"])
def test_damaged_cells(private, start, how):
    first = start(FERROLAB_CACHE_DIR=str(private))
    play(first)
    first.close()
    for path in caches.files(private / "cells"):
        caches.damage(path, how)
    play(start(FERROLAB_CACHE_DIR=str(private)))


# an environment takes a minute to build: cli/test_install.py does so with garbage every day
@pytest.mark.long
@pytest.mark.parametrize("how", ["cut", "empty", "deleted", "garbage"])
def test_two_kernels_build_the_environment_at_once(private, how):
    """Every file of the cache, environment and indexes included: one builds it again, the other waits."""
    def story():
        with Kernel(FERROLAB_CACHE_DIR=str(private)) as kernel:
            kernel.run("20 + 1", timeout=300).until("execute_result", "error").result("21").idle()

    # a copy has no target folder of cargo's; after the first round there is one to damage
    for _ in range(2):
        for path in caches.files(private):
            caches.damage(path, how)
        together(2, story)


def expansions(cache) -> dict[str, int]:
    """What rustc has said of macro calls: each answer, and when it was last used."""
    return {p.parent.name: (p.parent / "record.json").stat().st_mtime_ns for p in caches.files(cache / "cells") if p.name == "expanded.rs"}


def test_what_macros_stand_for_is_asked_once(private, start):
    first = start(FERROLAB_CACHE_DIR=str(private))
    # where there is a `Kept` already the question is another one
    for _ in range(2):
        play(first)
    asked = expansions(private)
    assert len(asked) == 2
    play(first)
    first.close()
    second = start(FERROLAB_CACHE_DIR=str(private))
    for _ in range(2):
        play(second)
    again = expansions(private)
    assert again.keys() == asked.keys() and all(again[h] > asked[h] for h in asked)


def test_what_a_macro_could_not_find_is_looked_for_again(private, start):
    """An answer with an error of the macro's own is not kept: it may find what it wants the next time."""
    kernel = start(FERROLAB_CACHE_DIR=str(private))
    kernel.ok("macro_rules! from_file { ($n:ident) => { compile_error!(\"no such thing\"); } }")
    kernel.run("from_file!(Found);").fails("error")
    assert not expansions(private)
    kernel.ok("macro_rules! from_file { ($n:ident) => { struct $n(u32); } }")
    kernel.ok("from_file!(Found);")
    kernel.run("Found(3).0").result("3").idle()
    assert len(expansions(private)) == 1


def test_cells_deleted_while_a_session_runs(private, start):
    kernel = start(FERROLAB_CACHE_DIR=str(private))
    kernel.ok("let survivor = 5;\nfn survives() -> i32 { 2 }")
    shutil.rmtree(private / "cells")
    kernel.run("survivor + survives()").until("execute_result", "error").result("7").idle()


@pytest.mark.long
def test_cache_deleted_while_a_session_runs(private, start):
    kernel = start(FERROLAB_CACHE_DIR=str(private))
    kernel.ok("let survivor = 5;")
    shutil.rmtree(private)
    kernel.run("survivor + 1", timeout=300).until("execute_result", "error").result("6").idle()


def test_several_kernels_at_once(private):
    """The same cells at the same time, into one cache."""

    def story():
        with Kernel(FERROLAB_CACHE_DIR=str(private)) as kernel:
            play(kernel)
            play(kernel)

    together(3, story)


def test_a_changed_type_is_not_taken_from_the_cache(private, start):
    kernel = start(FERROLAB_CACHE_DIR=str(private))
    for kind, result in (("i32", "4"), ("f32", "4.0"), ("i32", "4"), ("u8", "4")):
        kernel.ok(f"struct Shifting {{ x: {kind} }}")
        kernel.ok(f"let shifting = Shifting {{ x: 2 as {kind} }};")
        kernel.run("let twice = shifting.x * shifting.x; twice").result(result).idle()
        kernel.run("shifting.x + shifting.x").result(result).idle()


def test_flags_are_part_of_the_key(private, start):
    kernel = start(FERROLAB_CACHE_DIR=str(private))
    code = "std::hint::black_box(255u8) + std::hint::black_box(1)"
    kernel.run(code).result("0").idle()
    kernel.ok(":checks on")
    kernel.run(code).fails("panic")


def test_the_build_environment_is_part_of_the_key(private, start):
    kernel = start(FERROLAB_CACHE_DIR=str(private))
    for value in ("one", "two"):
        kernel.ok(f":build_env CACHE_STORY={value}")
        kernel.run('env!("CACHE_STORY")').result(f'"{value}"').idle()


def test_included_files_are_part_of_the_key(private, start, tmp_path):
    path = tmp_path / "included.txt"
    kernel = start(FERROLAB_CACHE_DIR=str(private))
    for text in ("first", "second"):
        path.write_text(text)
        kernel.run(f'include_str!("{path}")').result(f'"{text}"').idle()


def read_only(path, root_user) -> None:
    """No mode bit stops root: a mount does."""
    if not root_user:
        for each in [path, *path.rglob("*")]:
            each.chmod(each.stat().st_mode & ~0o222)
        return
    for options in (["--bind", str(path)], ["-o", "remount,bind,ro"]):
        if subprocess.run(["mount", *options, str(path)], capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")


def writable(path, root_user) -> None:
    if root_user:
        subprocess.run(["umount", "-l", str(path)], check=False, capture_output=True)
        return
    for each in [path, *path.rglob("*")]:
        each.chmod(each.stat().st_mode | 0o200)


def test_a_read_only_cache(private, start, root_user):
    """Cells still run; they are only not kept."""
    try:
        read_only(private, root_user)
        play(start(FERROLAB_CACHE_DIR=str(private)))
        assert not caches.objects(private)
    finally:
        writable(private, root_user)


def test_a_file_system_without_locks(private, tmp_path):
    """As some NFS mounts: flock fails; two kernels still share the cache."""
    (tmp_path / "flock.c").write_text("#include <errno.h>\nint flock(int fd, int how) { errno = ENOLCK; return -1; }\n")
    shim = tmp_path / "flock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, tmp_path / "flock.c"], check=True)

    def story():
        with Kernel(FERROLAB_CACHE_DIR=str(private), LD_PRELOAD=str(shim)) as kernel:
            play(kernel)

    together(2, story)
    assert caches.objects(private)
