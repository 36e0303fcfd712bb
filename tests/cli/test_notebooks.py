"""Every notebook people learn from is executed, by nbclient and by `ferrolab run`, and shows what it promises."""

import os
import subprocess

import nbformat
import pytest
from nbclient import NotebookClient

from support import process

BOOKS = sorted(p for p in (process.ROOT / "notebooks").glob("*.ipynb") if not p.stem.endswith(".executed"))


@pytest.fixture(scope="module", autouse=True)
def installed(ferrolab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("jupyter")
    before = dict(os.environ)
    os.environ.update(process.environment(JUPYTER_DATA_DIR=str(folder), JUPYTER_RUNTIME_DIR=str(folder / "runtime")))
    subprocess.run([str(ferrolab), "install", "--user"], check=True, stdin=subprocess.DEVNULL)
    yield
    os.environ.clear()
    os.environ.update(before)


def check(book):
    """Every code cell ran; those that promise a picture, an error or a result have it."""
    for cell in book.cells:
        if cell.cell_type != "code":
            continue
        assert cell.execution_count, f"not run:\n{cell.source}"
        tags = cell.metadata.get("tags", [])
        kinds = [o.output_type for o in cell.outputs]
        assert ("error" in kinds) == ("raises-exception" in tags), f"{cell.source}\n{cell.outputs}"
        pictures = [m for o in cell.outputs for m in o.get("data", {}) if m in ("image/svg+xml", "image/png")]
        if "plot::" in cell.source and "error" not in kinds:
            assert pictures, f"no picture:\n{cell.source}\n{cell.outputs}"
        if not cell.source.rstrip().endswith((";", "}")) and not cell.source.startswith((":", "%", "!")):
            assert cell.outputs, f"no output:\n{cell.source}"


def test_there_are_notebooks():
    assert "01_quickstart.ipynb" in [p.name for p in BOOKS]


@pytest.mark.parametrize("path", BOOKS, ids=lambda p: p.stem)
def test_nbclient(path, tmp_path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert book.metadata.kernelspec.name == "ferrolab"
    NotebookClient(book, timeout=300, kernel_name="ferrolab", resources={"metadata": {"path": str(tmp_path)}}).execute()
    check(book)


@pytest.mark.parametrize("path", BOOKS, ids=lambda p: p.stem)
def test_run(path, tmp_path, cli):
    done = cli("run", path, "-o", tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    book = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    nbformat.validate(book)
    check(book)
    assert (tmp_path / "out.html").stat().st_size > 1000


@pytest.mark.parametrize("path", BOOKS, ids=lambda p: p.stem)
def test_no_outputs_are_kept_in_the_repository(path):
    book = nbformat.read(path, as_version=4)
    for cell in book.cells:
        assert not cell.get("outputs") and not cell.get("execution_count"), f"clear the outputs of {path.name}"
