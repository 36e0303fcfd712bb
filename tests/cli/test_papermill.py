"""papermill, as docs/command-line.md says: a few lines register Rust, then `-p` works as with Python."""

import json
import re
import subprocess
import sys

import nbformat

from support import process

ROOT = process.ROOT


def registration() -> str:
    """The lines that users paste, from the documentation."""
    text = (ROOT / "docs/command-line.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return next(block for block in blocks if "papermill" in block)


def test_papermill_sets_parameters(ferrolab, cli, tmp_path):
    cli("install", "--prefix", tmp_path / "jupyter")
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "ferrolab", "display_name": "Rust (Ferrolab)", "language": "rust"}
    tagged = nbformat.v4.new_code_cell('let n = 1;\nlet name = "usual";\nlet sizes = vec![1];', metadata={"tags": ["parameters"]})
    book.cells = [tagged, nbformat.v4.new_code_cell("(n, name, sizes.clone(), rate)")]
    nbformat.write(book, tmp_path / "in.ipynb")
    (tmp_path / "rust_papermill.py").write_text(registration())
    script = (
        "import json, sys, rust_papermill, papermill\n"
        "papermill.execute_notebook('in.ipynb', 'out.ipynb', parameters=json.loads(sys.argv[1]), progress_bar=False)"
    )
    values = json.dumps({"n": 1000, "name": 'a "quoted" word', "sizes": [2, 3], "rate": 0.5})
    env = process.environment(JUPYTER_PATH=str(tmp_path / "jupyter" / "share" / "jupyter"))
    done = subprocess.run([sys.executable, "-c", script, values], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert cells[1].metadata["tags"] == ["injected-parameters"] and "let n = 1000;" in cells[1].source
    assert cells[2].outputs[0].data["text/plain"] == '(1000, "a \\"quoted\\" word", [2, 3], 0.5)'
