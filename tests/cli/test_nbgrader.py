"""nbgrader, which grades what students hand in: Rust notebooks get the points that they earn. It is installed into an environment of its
own once, from PyPI; a run takes about a minute."""

import fcntl
import json
import pathlib
import subprocess
import sys

import nbformat
import pytest

from support import process

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

# as docs/sites.md says
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "rust"
c.ClearSolutions.code_stub = {"rust": "todo!() // your code"}
"""
SOLUTION = """fn mean(values: &[f64]) -> f64 {
    // BEGIN SOLUTION
    values.iter().sum::<f64>() / values.len() as f64
    // END SOLUTION
}"""
WRONG = "fn mean(values: &[f64]) -> f64 {\n    values.iter().sum::<f64>()\n}"
# warnings of rustc, output, a figure, a loop with a bar: none of it may count as a failure
TESTS = [
    ('let unused = 5;\nprintln!("testing");\nassert_eq!(mean(&[2.0, 4.0]), 3.0);', 3),
    ("assert!((mean(&(0..1000).map(f64::from).collect::<Vec<_>>()) - 499.5).abs() < 1e-9);\nplot::line_y(&[1.0, 2.0]).show();", 2),
    ("let all: Vec<u64> = (0..50u64).progress().map(|x| { std::thread::sleep(std::time::Duration::from_millis(15)); x }).collect();\nassert_eq!(all.len(), 50);", 2),
]


@pytest.fixture(scope="module")
def nbgrader() -> pathlib.Path:
    """The folder with nbgrader's programs."""
    folder = process.WORK / "nbgrader"
    process.WORK.mkdir(parents=True, exist_ok=True)
    with (process.WORK / "nbgrader.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "nbgrader>=0.9", "ipykernel"], check=True)
            (folder / "done").touch()
    return folder / "bin"


def graded(text: str, name: str, points: int):
    """A cell that nbgrader runs to grade."""
    told = {"schema_version": 3, "grade": True, "grade_id": name, "locked": True, "solution": False, "task": False, "points": points, "cell_type": "code"}
    return nbformat.v4.new_code_cell(text, metadata={"nbgrader": told})


def book(solution: str) -> nbformat.NotebookNode:
    told = {"schema_version": 3, "grade": False, "grade_id": "mean", "locked": False, "solution": True, "task": False, "cell_type": "code"}
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {"name": "ferrolab", "display_name": "Rust (Ferrolab)", "language": "rust"}
    made.cells = [nbformat.v4.new_code_cell(solution, metadata={"nbgrader": told})]
    made.cells += [graded(text, f"test-{i}", points) for i, (text, points) in enumerate(TESTS)]
    return made


def test_a_correct_submission_gets_all_points_and_a_wrong_one_does_not(ferrolab, nbgrader, cli, tmp_path):
    assert cli("install", "--no-prepare", "--prefix", tmp_path / "jupyter").returncode == 0
    course = tmp_path / "course"
    (course / "source/ps1").mkdir(parents=True)
    nbformat.write(book(SOLUTION), course / "source/ps1/problem.ipynb")
    (course / "nbgrader_config.py").write_text(CONFIG)
    env = process.environment(JUPYTER_PATH=str(tmp_path / "jupyter/share/jupyter"), PATH=f"{nbgrader}:{process.environment()['PATH']}")

    def run(*command):
        done = subprocess.run([nbgrader / "nbgrader", *command], cwd=course, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

    run("generate_assignment", "ps1", "--create")
    given = nbformat.read(course / "release/ps1/problem.ipynb", as_version=4)
    assert "todo!() // your code" in given.cells[0].source and "sum" not in given.cells[0].source
    for student, solution in {"ada": SOLUTION, "bob": WRONG}.items():
        folder = course / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        handed = nbformat.from_dict(json.loads(json.dumps(given)))
        handed.cells[0].source = solution
        nbformat.write(handed, folder / "problem.ipynb")
    run("autograde", "ps1", "--create")
    script = 'import json; from nbgrader.api import Gradebook\nwith Gradebook("sqlite:///gradebook.db") as book: print(json.dumps({s: [x.score, x.max_score] for s in ("ada", "bob") for x in [book.find_submission("ps1", s)]}))'
    done = subprocess.run([nbgrader / "python", "-c", script], cwd=course, env=env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == {"ada": [7.0, 7.0], "bob": [2.0, 7.0]}, done.stdout
    ran = nbformat.read(course / "autograded/ada/ps1/problem.ipynb", as_version=4)
    streams = [output for cell in ran.cells if cell.cell_type == "code" for output in cell.outputs if output.output_type == "stream" and output.name == "stderr"]
    assert not streams, streams
