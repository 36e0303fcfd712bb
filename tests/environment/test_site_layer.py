"""A site layer: what one user has compiled, others run without compiling and without writing to it."""

import os
import shutil

import pytest

from support import caches, process, users
from support.notebooks import notebook, read

CELLS = [
    "fn scaled(x: f64) -> f64 { x * 2.5 }",
    "struct Kept { values: Vec<f64> }\nimpl Kept { fn total(&self) -> f64 { self.values.iter().sum() } }",
    "let kept = Kept { values: (1..=4).map(|x| scaled(x as f64)).collect() };",
    "kept.total()",
    "fn never_called(n: u64) -> u64 { (0..n).map(|x| x ^ 3).sum() }",
    '#[cfg(target_os = "linux")]\nfn system() -> &\'static str { "linux" }\nsystem()',
    "macro_rules! counted { ($n:ident) => { struct $n(u32); } }",
    "counted!(Made); let made = Made(7);",
    "made.0 + 1",
    "let text = String::from(\"moved\"); let other = text; other.len()",
    "plot::hist(&[1.0, 4.0, 9.0])",
]
RESULTS = {3: "25.0", 5: '"linux"', 8: "8", 9: "5"}


def results(path) -> dict[int, str]:
    cells = [c for c in read(path).cells if c.cell_type == "code"]
    shown = {i: o.data.get("text/plain") for i, c in enumerate(cells) for o in c.outputs if o.output_type == "execute_result"}
    return {i: shown.get(i) for i in RESULTS}


@pytest.fixture(scope="module")
def filled(place):
    """A notebook, and the layer that it filled."""
    import subprocess

    book = notebook(place, *CELLS)
    layer = place / "layer"
    arguments = [str(process.FERROLAB), "warm", "--into", str(layer), "--target-cpu", "native", str(book)]
    done = subprocess.run(arguments, env=process.environment(), capture_output=True, text=True, timeout=280, umask=0o077)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 environments" in done.stdout and "install --prefix" in done.stdout, done.stdout
    return book, layer


@pytest.fixture(scope="module")
def idle_rustc(place):
    """A toolchain whose compiler nobody can start: whoever tries fails."""
    folder = place / "toolchain"
    folder.mkdir()
    return users.toolchain(folder, runs=False)


@pytest.fixture
def student(place, request):
    home = users.home(place / f"student-{request.node.name[:20]}-{os.urandom(2).hex()}", users.STUDENT)
    yield home
    shutil.rmtree(home, ignore_errors=True)


def run(place, book, home, *options, user=users.STUDENT, out=None, **env):
    program = place / "ferrolab"
    if not program.exists():
        users.program(place)
    return users.run(user, [program, "run", "--no-html", "-o", (out or home) / "out.ipynb", *options, book], home, **env)


def test_another_user_runs_it_without_a_compiler_and_writes_nothing_to_it(place, filled, idle_rustc, student):
    book, layer = filled
    before = users.state(layer)
    done = run(place, book, student, RUSTC=idle_rustc, FERROLAB_SITE=layer)
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(student / "out.ipynb") == RESULTS
    assert users.state(layer) == before
    own = caches.files(student / ".cache")
    assert len(own) <= 50 and sum(p.stat().st_size for p in own) < 5_000_000, own
    assert not done.stderr.strip(), done.stderr


def test_without_any_toolchain_of_ones_own(cli, place, filled, student):
    """The layer knows the toolchain that it was made with; where that can be reached, it serves."""
    book, layer = filled
    # the one of `filled` is in root's home
    done = run(place, book, student, FERROLAB_SITE=layer)
    assert done.returncode != 0 and "rustup.rs" in done.stdout + done.stderr
    folder = place / "toolchain-for-all"
    folder.mkdir()
    rustc = users.toolchain(folder)
    # not a link into that home: a file of its own has its own time, and the same text
    os.utime(shutil.copy2(rustc, f"{rustc}.own"))
    os.replace(f"{rustc}.own", rustc)
    mine = place / "with-toolchain"
    done = cli("warm", "--into", mine, "--target-cpu", "native", book, RUSTC=rustc)
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(place, book, student, FERROLAB_SITE=mine)
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(student / "out.ipynb") == RESULTS


def test_a_home_that_cannot_be_written(place, filled, idle_rustc):
    book, layer = filled
    home = users.home(place / "closed-home", 0, 0o755)
    scratch = users.home(place / "scratch", users.STUDENT)
    done = run(place, book, home, out=scratch, RUSTC=idle_rustc, FERROLAB_SITE=layer, TMPDIR=scratch)
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(scratch / "out.ipynb") == RESULTS
    assert not list(home.iterdir())


def test_a_layer_that_was_copied_elsewhere(place, filled, idle_rustc, student):
    """As a packed one that is staged to a node: neither paths in it nor nanoseconds may matter."""
    book, layer = filled
    moved = place / "moved" / "deeper"
    shutil.copytree(layer, moved, copy_function=shutil.copy2)
    for path in caches.files(moved):
        meta = path.stat()
        os.utime(path, (int(meta.st_mtime), int(meta.st_mtime)))
    away = layer.with_name("away")
    layer.rename(away)
    try:
        done = run(place, book, student, RUSTC=idle_rustc, FERROLAB_SITE=moved)
    finally:
        away.rename(layer)
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(student / "out.ipynb") == RESULTS


def test_a_teacher_without_root_serves_a_class(place, filled, idle_rustc, student):
    """Code of another user runs only where a kernelspec of root's or of one's own names that user."""
    book, layer = filled
    theirs = place / "teachers"
    shutil.copytree(layer, theirs, copy_function=shutil.copy2)
    for path in [theirs, *theirs.rglob("*")]:
        os.lchown(path, users.TEACHER, users.TEACHER)
    refused = run(place, book, student, RUSTC=idle_rustc, FERROLAB_SITE=theirs)
    assert refused.returncode != 0
    assert f"belongs to uid {users.TEACHER}" in refused.stderr and "--site-owner" in refused.stderr, refused.stderr
    # by root, for all
    env = {"RUSTC": str(idle_rustc), "HOME": "/root"}
    prefix = place / "prefix"
    done = users.run(0, [place / "ferrolab", "install", "--prefix", prefix, "--site", theirs, "--site-owner", str(users.TEACHER)], place, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    spec = prefix / "share/jupyter/kernels/ferrolab"
    good = run(place, book, student, "--spec", spec, RUSTC=idle_rustc)
    assert good.returncode == 0, good.stdout + good.stderr
    assert results(student / "out.ipynb") == RESULTS
    # a kernelspec that the teacher could have written names nobody
    for path in [spec, *spec.iterdir()]:
        os.chown(path, users.TEACHER, users.TEACHER)
    shutil.rmtree(student / ".cache")
    refused = run(place, book, student, "--spec", spec, RUSTC=idle_rustc)
    assert refused.returncode != 0 and "is not trusted" in refused.stderr, refused.stderr


@pytest.mark.parametrize("which", ["layer", "above", "cell"])
def test_what_others_could_have_written_is_not_loaded(place, filled, idle_rustc, student, which):
    book, layer = filled
    above = place / f"open-{which}"
    mine = above / "layer"
    shutil.copytree(layer, mine, copy_function=shutil.copy2)
    objects = caches.objects(mine)
    assert objects
    for path in {"layer": [mine], "above": [above], "cell": objects}[which]:
        path.chmod(0o777)
    done = run(place, book, student, RUSTC=idle_rustc, FERROLAB_SITE=mine)
    assert done.returncode != 0, "code that anybody could have written was loaded"
    if which != "cell":
        assert "others may write to" in done.stderr and "chmod go-w" in done.stderr, done.stderr


def test_new_cells_call_what_is_in_the_layer(ferrolab, filled, start, tmp_path):
    """They are compiled against it, into the user's own cache."""
    _, layer = filled
    own = tmp_path / "own"
    made = set()
    for _ in range(2):
        kernel = start(FERROLAB_CACHE_DIR=str(own), FERROLAB_SITE=str(layer))
        for cell in CELLS[:3]:
            kernel.ok(cell)
        assert caches.objects(own) == made
        kernel.run("scaled(kept.total()) + 0.5").result("63.0").idle()
        kernel.ok("fn twice(k: &Kept) -> f64 { 2.0 * scaled(k.total()) }")
        kernel.run("twice(&kept)").result("125.0").idle()
        made = caches.objects(own)
        kernel.close()
    assert not (own / "environments").exists(), "the environment was built again"


def test_damage_in_a_layer_costs_time_and_nothing_else(ferrolab, filled, start, place, tmp_path):
    _, layer = filled
    damaged = place / "damaged"
    shutil.copytree(layer, damaged, copy_function=shutil.copy2)
    for path in caches.files(damaged / "cells"):
        caches.damage(path, "cut")
    before = users.state(damaged)
    kernel = start(FERROLAB_CACHE_DIR=str(tmp_path / "own"), FERROLAB_SITE=str(damaged))
    for cell in CELLS[:3]:
        kernel.ok(cell)
    kernel.run(CELLS[3]).result("25.0").idle()
    assert users.state(damaged) == before


def test_the_doctor_tells_of_layers(cli, filled, place):
    _, layer = filled
    said = cli("doctor", FERROLAB_SITE=layer).stdout
    assert f"site layer    {layer}" in said and "for native" in said, said
    said = cli("doctor", FERROLAB_SITE=place / "nowhere").stdout
    assert "warn  site layer" in said and "nowhere" in said, said


def test_warm_names_what_it_cannot_do(cli, tmp_path):
    missing = cli("warm", "--into", tmp_path / "l", tmp_path / "none.ipynb")
    assert missing.returncode == 1 and "there is no notebook" in missing.stderr
    book = notebook(tmp_path, "let good = 1;", "let wrong: i32 = true;", "3")
    done = cli("warm", "--into", tmp_path / "l", "--target-cpu", "native", book)
    assert done.returncode == 1 and "E0308" in done.stderr and "story.ipynb (native)" in done.stderr, done.stderr
    assert caches.objects(tmp_path / "l"), "what ran before the failing cell is there"
    assert cli("warm", "--into", tmp_path / "l").returncode == 2


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_level_of_processors_is_chosen_by_itself(cli, place, tmp_path):
    book = notebook(place, 'cfg!(target_feature = "avx2")', name="level.ipynb")
    layer = place / "leveled"
    done = cli("warm", "--into", layer, book, timeout=800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "x86-64-v" in done.stdout
    own = tmp_path / "own"
    done = cli("run", "--no-html", "-o", tmp_path / "out.ipynb", book, FERROLAB_CACHE_DIR=own, FERROLAB_SITE=layer)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not caches.objects(own) and not (own / "environments").exists()
