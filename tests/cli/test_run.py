"""Command line: `ferrolab run` executes notebooks without Jupyter."""

import contextlib
import json
import os
import pty
import subprocess

import nbformat
import pytest

from support import process
from support.notebooks import notebook, read


def test_executed_notebook_html_and_transcript(cli, tmp_path):
    path = notebook(tmp_path, "# Title", 'println!("printed"); let x = 20;', "x + 1", 'display::html("<b>bold</b>").show();')
    done = cli("run", path, "-o", tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr
    book = read(tmp_path / "out.ipynb")
    code = [c for c in book.cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == [1, 2, 3]
    assert code[0].outputs[0].text == "printed\n"
    assert code[1].outputs[0].data["text/plain"] == "21"
    assert code[1].outputs[0].output_type == "execute_result"
    assert code[2].outputs[0].data["text/html"] == "<b>bold</b>"
    page = (tmp_path / "out.html").read_text()
    for text in ("Title", "printed", "21", "<b>bold</b>"):
        assert text in page
    assert "src=\"http" not in page and "href=\"http" not in page.split("<body")[0], "the page is not standalone"
    for text in ("printed", "21", "x + 1"):
        assert text in done.stdout, done.stdout


@pytest.mark.parametrize("no_color, coloured", [("", True), ("1", False)])
def test_a_terminal_has_colours_unless_they_are_not_wanted(ferrolab, tmp_path, no_color, coloured):
    path = notebook(tmp_path, "let wrong: i32 = true;")
    ours, theirs = pty.openpty()
    env = process.environment(NO_COLOR=no_color, TERM="xterm-256color")
    running = subprocess.Popen([str(ferrolab), "run", str(path), "--no-html"], env=env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    # reading fails when the last of its other ends is closed
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65536):
            seen += part
    os.close(ours)
    assert running.wait(60) == 1
    assert b"mismatched types" in seen and (b"\x1b[1m" in seen or b"\x1b[3" in seen) == coloured, seen


def test_default_output_and_no_html(cli, tmp_path):
    path = notebook(tmp_path, "1 + 1")
    before = path.read_text()
    assert cli("run", path, "--no-html").returncode == 0
    assert read(tmp_path / "story.executed.ipynb").cells[0].outputs[0].data["text/plain"] == "2"
    assert path.read_text() == before
    assert not list(tmp_path.glob("*.html"))


def test_inplace(cli, tmp_path):
    path = notebook(tmp_path, "2 + 2")
    assert cli("run", path, "--inplace").returncode == 0
    assert read(path).cells[0].outputs[0].data["text/plain"] == "4"


def test_a_failing_cell(cli, tmp_path):
    path = notebook(tmp_path, "1", 'panic!("stops here")', "3")
    done = cli("run", path, "-o", tmp_path / "out.ipynb")
    assert done.returncode != 0
    assert "stops here" in done.stdout + done.stderr
    book = read(tmp_path / "out.ipynb")
    assert book.cells[1].outputs[0].output_type == "error"
    assert book.cells[2].outputs == [] and book.cells[2].execution_count is None


def test_allow_errors(cli, tmp_path):
    path = notebook(tmp_path, 'panic!("first")', "3")
    done = cli("run", path, "-o", tmp_path / "out.ipynb", "--allow-errors")
    assert read(tmp_path / "out.ipynb").cells[1].outputs[0].data["text/plain"] == "3"
    # every cell is run, and a script still learns that one failed
    assert done.returncode != 0


def test_cells_tagged_raises_exception_and_skip_execution(cli, tmp_path):
    path = notebook(tmp_path, ('panic!("wanted")', ["raises-exception"]), ("never_defined()", ["skip-execution"]), "3")
    done = cli("run", path, "-o", tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr + done.stdout
    book = read(tmp_path / "out.ipynb")
    assert book.cells[0].outputs[0].output_type == "error"
    assert book.cells[1].outputs == []
    assert book.cells[2].outputs[0].data["text/plain"] == "3"


def test_timeout(cli, tmp_path):
    path = notebook(tmp_path, "std::thread::sleep(std::time::Duration::from_secs(600));")
    done = cli("run", path, "--timeout", "2", timeout=60)
    assert done.returncode != 0
    assert "2" in done.stderr + done.stdout and "panicked" not in done.stderr


def test_updates_end_in_one_output(cli, tmp_path):
    path = notebook(tmp_path, 'display::html("<i>0</i>").show_as("d"); for i in 1..5 { display::html(format!("<i>{i}</i>")).update("d"); }')
    assert cli("run", path, "-o", tmp_path / "out.ipynb").returncode == 0
    outputs = read(tmp_path / "out.ipynb").cells[0].outputs
    assert len(outputs) == 1 and outputs[0].data["text/html"] == "<i>4</i>"


def test_markup_is_escaped(cli, tmp_path):
    path = notebook(tmp_path, 'println!("<script>alert(1)</script>");')
    assert cli("run", path, "-o", tmp_path / "out.ipynb").returncode == 0
    assert "<script>alert(1)</script>" not in (tmp_path / "out.html").read_text()


def test_old_notebooks_and_metadata(cli, tmp_path):
    """nbformat 4.2 has no cell ids; metadata, attachments and raw cells are kept."""
    path = tmp_path / "old.ipynb"
    book = {
        "nbformat": 4,
        "nbformat_minor": 2,
        "metadata": {"kernelspec": {"name": "rust", "display_name": "Rust", "language": "rust"}, "own": {"kept": [1, 2]}},
        "cells": [
            {"cell_type": "raw", "metadata": {}, "source": ["raw ", "text"]},
            {"cell_type": "code", "metadata": {"own": 1}, "source": ["let a = 1;\n", "a + 1"], "outputs": [], "execution_count": None},
        ],
    }
    path.write_text(json.dumps(book))
    done = cli("run", path, "-o", tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr
    out = json.loads((tmp_path / "out.ipynb").read_text())
    assert out["metadata"]["own"] == {"kept": [1, 2]}
    assert out["cells"][1]["metadata"]["own"] == 1
    assert out["cells"][0]["cell_type"] == "raw"
    nbformat.validate(nbformat.from_dict(out))


def test_the_working_folder_is_the_notebooks(cli, tmp_path):
    (tmp_path / "data.txt").write_text("beside")
    path = notebook(tmp_path, 'std::fs::read_to_string("data.txt")?')
    assert cli("run", path, "-o", tmp_path / "out.ipynb", cwd="/").returncode == 0


@pytest.mark.parametrize("text", ["", "not json", "{}", "[]", '{"nbformat": 3, "worksheets": []}', '{"nbformat": 4, "cells": 5}'])
def test_files_that_are_no_notebook(cli, tmp_path, text):
    path = tmp_path / "bad.ipynb"
    path.write_text(text)
    done = cli("run", path)
    assert done.returncode not in (0, 101) and done.returncode > 0
    assert "bad.ipynb" in done.stderr


def test_a_missing_notebook(cli, tmp_path):
    done = cli("run", tmp_path / "none.ipynb")
    assert done.returncode != 0 and "none.ipynb" in done.stderr


def test_an_empty_notebook(cli, tmp_path):
    path = notebook(tmp_path)
    assert cli("run", path, "-o", tmp_path / "out.ipynb").returncode == 0
    assert read(tmp_path / "out.ipynb").cells == []


def test_no_process_is_left(cli, tmp_path):
    from support import process

    before = set(process.tree(os.getpid()))
    cli("run", notebook(tmp_path, "let x = vec![1];", "x"))
    assert set(process.tree(os.getpid())) <= before


def test_a_notebook_of_evcxrs_kernel_starts_with_its_edition(cli, tmp_path):
    path = notebook(tmp_path, ":edition", 'std::env::set_var("EVCXR_HABIT", "1");')
    book = read(path)
    for name, edition in (("rust", "2021"), ("ferrolab", "2024")):
        book.metadata["kernelspec"] = {"name": name, "display_name": "Rust", "language": "rust"}
        nbformat.write(book, path)
        done = cli("run", path, "-o", tmp_path / "out.ipynb", "--no-html")
        assert done.returncode == 0, done.stderr + done.stdout
        cells = read(tmp_path / "out.ipynb").cells
        assert cells[0].outputs[0].text == f"edition: {edition}\n"
        assert bool(cells[1].outputs) == (edition == "2024"), "the note is for those who did not choose"


PARAMETERS = (
    'let n = 1000;\nlet rate: f64 = 0.5;\nlet name = String::from("usual");\nlet sizes: Vec<usize> = vec![1];\nlet cut: Option<f64> = None;',
    ["parameters"],
)


def test_parameters_are_set_in_a_cell_of_their_own(cli, tmp_path):
    path = notebook(tmp_path, "# Title", PARAMETERS, "(n, rate, name.clone(), sizes.clone(), cut)")
    out = tmp_path / "out.ipynb"
    done = cli("run", "-p", "n=5", "-p", "rate=2", "-p", "name=it's", "-p", "sizes=[3, 4]", "-p", "cut=1", path, "-o", out)
    assert done.returncode == 0, done.stderr + done.stdout
    cells = read(out).cells
    assert cells[2].metadata["tags"] == ["injected-parameters"]
    assert cells[2].source.startswith("// Parameters\nlet n = 5;\nlet rate: f64 = 2.0;\n")
    assert cells[3].outputs[0].data["text/plain"] == '(5, 2.0, "it\'s", [3, 4], Some(1.0))'
    assert "let n = 5;" in done.stdout
    # the notebook itself is as it was, and an executed one can be run again with others
    assert len(read(path).cells) == 3
    (tmp_path / "values.json").write_text('{"n": 6, "name": "from a file"}')
    done = cli("run", out, "-f", tmp_path / "values.json", "-p", "n=7", "--inplace", "--no-html")
    assert done.returncode == 0, done.stderr + done.stdout
    cells = read(out).cells
    assert len(cells) == 4 and cells[3].outputs[0].data["text/plain"] == '(7, 0.5, "from a file", [1], None)'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "m=1"], "binds no `m`; it binds `n`, `rate`"),
        (["-p", "n=1.5"], "`1.5` is no integer"),
        (["-p", "rate=fast"], "`fast` is no number"),
        (["-p", "sizes=[1,"], "is no list"),
        (["-p", "n"], "NAME=VALUE"),
        (["-f", "none.json"], "none.json"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_before_anything_runs(cli, tmp_path, arguments, said):
    path = notebook(tmp_path, 'println!("ran");', PARAMETERS)
    done = cli("run", path, *arguments, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert "ran" not in done.stdout and not list(tmp_path.glob("*executed*"))


def test_parameters_need_a_tagged_cell(cli, tmp_path):
    done = cli("run", notebook(tmp_path, "let n = 1;"), "-p", "n=2")
    assert done.returncode == 2 and "tagged `parameters`" in done.stderr


def test_help_is_printed(cli, tmp_path):
    """There is no pager."""
    done = cli("run", notebook(tmp_path, "?Vec"), cwd=tmp_path)
    assert done.returncode == 0 and "Vec" in done.stdout, done.stdout + done.stderr
