"""Notebooks as text: `ferrolab convert` both ways, with jupytext as the peer, and `ferrolab run` of a text."""

import json
import re

import jupytext
import nbformat
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from support.notebooks import notebook, read
from support.process import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
KERNEL = {"display_name": "Rust (Ferrolab)", "language": "rust", "name": "ferrolab"}
STORY = """// %% [markdown]
// # A story

// %% The beginning tags=["parameters"]
// :opt 1
let n = 2;

// %% language="bash"
// echo from the shell

// %% tags=["raises-exception"]
panic!("wanted");

// %%
display::html("<b>shown</b>").show();
n + 1
"""


def cells(book) -> list[dict]:
    """What a text holds of the cells of a notebook."""
    kept = []
    for cell in book["cells"]:
        metadata = {k: v for k, v in cell["metadata"].items() if k not in ("lines_to_next_cell", "trusted", "execution", "collapsed", "scrolled")}
        if not metadata.get("tags", True):
            del metadata["tags"]
        source = cell["source"]
        kept.append({"type": cell["cell_type"], "source": source if isinstance(source, str) else "".join(source), "metadata": metadata})
    return kept


def to_text(cli, path) -> str:
    done = cli("convert", path, "-")
    assert done.returncode == 0, done.stderr
    return done.stdout


def to_book(cli, folder, text: str) -> dict:
    path = folder / "peer.rs"
    path.write_text(text)
    done = cli("convert", path, "-")
    assert done.returncode == 0, done.stderr
    book = json.loads(done.stdout)
    nbformat.validate(nbformat.from_dict(book))
    return book


def without_marks_of_jupytext(text: str) -> str:
    """Its version, and the encoding, which every Rust file has."""
    return re.sub(r"^//       jupytext_version: .*\n|^// -\*- coding: utf-8 -\*-\n", "", text, flags=re.M)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_there_and_back(cli, tmp_path, path):
    text = to_text(cli, path)
    before, after = json.loads(path.read_text()), to_book(cli, tmp_path, text)
    assert cells(after) == cells(before)
    # with what only a notebook has, from the older one
    old = tmp_path / path.name
    old.write_text(path.read_text())
    (tmp_path / "new.rs").write_text(text)
    done = cli("convert", tmp_path / "new.rs", old, "--update")
    assert done.returncode == 0, done.stderr
    assert json.loads(old.read_text()) == before


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_jupytext_writes_the_same_text(cli, tmp_path, path):
    theirs = jupytext.writes(jupytext.read(path), fmt="rs:percent")
    ours = to_text(cli, path)
    assert ours == without_marks_of_jupytext(theirs.rstrip("\n") + "\n")
    assert cells(jupytext.reads(ours, fmt="rs:percent")) == cells(to_book(cli, tmp_path, theirs)) == cells(jupytext.reads(theirs, fmt="rs:percent"))


LINES = st.sampled_from(
    [":dep rand = \"0.9\"", "// :vars", "// // :vars", "%%time", "%timeit f()", "!ls -l", "?Vec", "%%bash", "%%bash -e", "%%markdown", "%%writefile a", "let s = \"a\nb\";", "// a comment", "    indented", "", "/* %% */", "'a'", "x // %%", "# Title", "- item", "`code`", "é \u2192 \U0001f600", "    :vars", "::std::mem::drop(1)"]
)
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab =\"'{}é\\", max_size=5), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=2), max_leaves=4)
METADATA = st.fixed_dictionaries({}, optional={"tags": st.lists(st.sampled_from(["parameters", "raises-exception", "a b"]), min_size=1, max_size=2, unique=True), "slideshow": st.fixed_dictionaries({"slide_type": st.sampled_from(["slide", "-"])}), "title": st.sampled_from(["One", "Two words"]), "vscode": VALUES.filter(lambda value: value is not None)})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(st.tuples(st.sampled_from(["code", "markdown", "raw"]), st.lists(LINES, min_size=1, max_size=5), METADATA), min_size=1, max_size=5))
def test_jupytext_reads_what_we_write_and_we_what_it_writes(cli, tmp_path_factory, story):
    folder = tmp_path_factory.mktemp("peer")
    book = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    for kind, lines, metadata in story:
        # jupytext takes a line end at the end of a cell for layout
        source = "\n".join(lines).rstrip("\n") or "x"
        if kind != "code":
            # there jupytext takes these for magics
            source = "\n".join("." + line if line.startswith(("%%", "//")) else line for line in source.split("\n"))
        if source.startswith(("%%bash", "%%markdown")) and "\n" not in source:
            source += "\nls"
        book.cells.append({"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell, "raw": nbformat.v4.new_raw_cell}[kind](source, metadata=metadata))
    nbformat.write(book, folder / "book.ipynb")
    ours, theirs = to_text(cli, folder / "book.ipynb"), jupytext.writes(jupytext.read(folder / "book.ipynb"), fmt="rs:percent")
    assert ours.rstrip("\n") == without_marks_of_jupytext(theirs).rstrip("\n")
    wanted = cells(book)
    assert cells(to_book(cli, folder, theirs)) == wanted
    assert cells(jupytext.reads(ours, fmt="rs:percent")) == wanted


def test_what_jupytext_loses_is_kept(cli, tmp_path):
    """A line end at the end of a cell, and lines that look like the beginning of one."""
    book = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    sources = ["let a = 1;\n", "// %% not a cell\nlet b = 2;", "%%bash"]
    book.cells = [nbformat.v4.new_code_cell(source) for source in sources] + [nbformat.v4.new_markdown_cell("%% also\n\n```\n%% and this\n```")]
    nbformat.write(book, tmp_path / "book.ipynb")
    text = to_text(cli, tmp_path / "book.ipynb")
    assert cells(to_book(cli, tmp_path, text)) == cells(book)
    # jupytext sees the same cells
    assert [cell.cell_type for cell in jupytext.reads(text, fmt="rs:percent").cells] == ["code", "code", "code", "markdown"]


def test_files_are_not_overwritten_unasked(cli, tmp_path):
    path = notebook(tmp_path, "1 + 1")
    done = cli("convert", path)
    text = tmp_path / "story.rs"
    assert done.returncode == 0 and done.stdout == f"wrote {text}\n"
    assert text.read_text().endswith("// %%\n1 + 1\n")
    for source in (path, text):
        done = cli("convert", source)
        assert done.returncode == 2 and "--overwrite" in done.stderr, done.stderr
    assert cli("convert", path, "--overwrite").returncode == 0
    before = path.read_text()
    assert cli("convert", text, "--update").returncode == 0
    assert json.loads(path.read_text())["cells"] == json.loads(before)["cells"]
    done = cli("convert", path, tmp_path / "other.py")
    assert done.returncode == 2 and "is a .rs" in done.stderr
    done = cli("convert", tmp_path / "none.md")
    assert done.returncode == 2 and "neither" in done.stderr
    done = cli("convert", tmp_path / "none.rs", tmp_path / "x.ipynb")
    assert done.returncode == 2 and "none.rs" in done.stderr and not (tmp_path / "x.ipynb").exists()
    text.write_text("// ---\n// jupyter:\n//   a: [\n// ---\n")
    done = cli("convert", text, tmp_path / "x.ipynb")
    assert done.returncode == 2 and "story.rs" in done.stderr and "YAML" in done.stderr


def test_what_has_no_place_in_a_text_is_told_and_comes_back(cli, tmp_path):
    path = notebook(tmp_path, "# Picture", "1 + 1")
    book = read(path)
    book.cells[0].attachments = {"a.png": {"image/png": "aGk="}}
    book.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="kept")]
    nbformat.write(book, path)
    done = cli("convert", path)
    assert "cell 1: its attachments" in done.stderr and "--update" in done.stderr
    text = tmp_path / "story.rs"
    text.write_text(text.read_text() + "\n// %%\nnew()\n")
    assert cli("convert", text, "--update").returncode == 0
    after = read(path)
    assert after.cells[0].attachments == book.cells[0].attachments
    assert after.cells[1].outputs == book.cells[1].outputs and after.cells[1].id == book.cells[1].id
    assert after.cells[2].source == "new()"


def test_a_text_runs_as_a_notebook(cli, tmp_path):
    path = tmp_path / "story.rs"
    path.write_text(STORY)
    done = cli("run", path, "-p", "n=5", cwd="/")
    assert done.returncode == 0, done.stderr + done.stdout
    book = read(tmp_path / "story.executed.ipynb")
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert code[0].metadata["tags"] == ["parameters"] and code[1].metadata["tags"] == ["injected-parameters"]
    assert code[2].source == "%%bash\necho from the shell" and code[2].outputs[0].text == "from the shell\n"
    assert code[3].outputs[0].output_type == "error"
    assert [output.data.get("text/html") or output.data["text/plain"] for output in code[4].outputs] == ["<b>shown</b>", "6"]
    assert "<b>shown</b>" in (tmp_path / "story.executed.html").read_text()
    assert path.read_text() == STORY


def test_a_text_has_no_place_for_outputs(cli, tmp_path):
    path = tmp_path / "story.rs"
    path.write_text(STORY)
    done = cli("run", path, "--inplace")
    assert done.returncode == 2 and "--inplace" in done.stderr
    assert path.read_text() == STORY


def test_a_plain_program_is_one_cell(cli, tmp_path):
    path = tmp_path / "plain.rs"
    path.write_text('#![allow(unused)]\nfn twice(x: i32) -> i32 { 2 * x }\n\nprintln!("{}", twice(4));\n')
    done = cli("run", path, "--no-html")
    assert done.returncode == 0 and "8\n" in done.stdout, done.stdout + done.stderr
