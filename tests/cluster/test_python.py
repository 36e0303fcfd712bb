"""Which Python holds the Dask client: Jupyter's, the user's, one that is made; the oldest release that is stated."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from support import process
from support.dask import OLDEST, oldest_python

PAGE = (process.ROOT / "docs/clusters.md").read_text()


def test_the_stated_release_is_the_one_that_is_tested():
    year, month, _ = OLDEST.split(".")
    stated = re.search(r"OLDEST: \(u32, u32\) = \((\d+), (\d+)\)", (process.ROOT / "src/cluster/python/mod.rs").read_text())
    assert stated.groups() == (year, month)
    assert f"`distributed` ({year}.{month} or later)" in PAGE


def test_jupyters_python_is_found_without_being_named(start):
    # the tests are the kernel's parent, as Jupyter is
    kernel = start(timeout=120, PATH="/usr/bin:/bin:" + os.path.dirname(process_of("cargo")), FERROLAB_PYTHON="", VIRTUAL_ENV="", CONDA_PREFIX="")
    kernel.ok("let c = Cluster::local(1)?;")
    story = kernel.run("c").until("execute_result").result(matches=re.escape(f"client: {sys.executable}, distributed 20"))
    story.until().idle()


def process_of(program: str) -> str:
    import shutil

    return shutil.which(program) or program


# one sweep through what a cluster does, on a release of Dask that is years old
ON_THE_OLDEST = {
    "c.map(0..1000u64, |x| x * x)?.iter().sum::<u64>()": "332833500",
    "let table = vec![10.0, 20.0]; c.map_with(&table, 0..2usize, |t, i| t[i] + 1.0)?": "[11.0, 21.0]",
    "c.map_reduce(0..1000u64, |i| i, 0, |a, b| a + b)?": "499500",
    "let a = c.submit(3u64, |x| x * x)?; c.submit(&a, |x| x + 1)?.result()?": "10",
    "let p = c.persist(0..2u64, |i| vec![i as f64; 4])?; c.submit(&p[1], |v| v.iter().sum::<f64>())?.result()?": "4.0",
    "c.map(0..2u64, |i| vec![i as f64; 500_000])?.iter().map(Vec::len).sum::<usize>()": "1000000",
    "c.count()?": "2",
    "c.logs()?.len()": "2",
    "c.scale(3)?; c.wait_for_workers(3)?; c.scale(1)?; c.map(0..3u64, |x| x)?": "[0, 1, 2]",
}


@pytest.mark.long
def test_the_oldest_release_that_is_stated(start):
    python = oldest_python()
    kernel = start(timeout=120, FERROLAB_PYTHON=python)
    kernel.ok("let c = Cluster::local(2)?;")
    for code, result in ON_THE_OLDEST.items():
        kernel.run(code).until("execute_result").result(result).until().idle()
    story = kernel.run('c.quiet().for_each(0..2u8, |i| { println!("task {i}"); std::thread::sleep(std::time::Duration::from_millis(300)) })?;')
    story.finish()
    assert sorted(re.findall(r"^\[worker \d\] task (\d)$", story.printed(), re.M)) == list("01"), story.printed()
    kernel.run('c.map(0..10u64, |i| { assert!(i != 7, "no sevens"); i })?').until("error").error(None, "task 7 panicked", "no sevens").until().idle()
    kernel.run("c").until("execute_result").result(matches=f"distributed {OLDEST}").until().idle()
    kernel.ok("let s = Cluster::local_with(1, &cluster::Security::temporary())?;")
    kernel.run("s.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()


NOTEBOOK = """{"cells": [
 {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": ":env FERROLAB_CACHE_DIR=@FOLDER@\\n1 + 1"},
 {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": "let c = Cluster::local(1)?;\\nc.map(0..3u64, |x| x * x)?"},
 {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": "c"}],
 "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"""


@pytest.mark.long
def test_an_environment_is_made_when_there_is_none_and_kept(ferrolab, tmp_path):
    """No Python with Dask anywhere: the first use makes one and says so, the second uses it."""
    notebook = tmp_path / "n.ipynb"
    notebook.write_text(NOTEBOOK.replace("@FOLDER@", str(tmp_path / "cache")))
    env = process.environment(PATH=f"/usr/bin:/bin:{os.path.dirname(process_of('cargo'))}", FERROLAB_PYTHON="", VIRTUAL_ENV="", CONDA_PREFIX="")
    made = tmp_path / "cache/python/bin/python"
    if subprocess.run(["/usr/bin/python3", "-c", "import distributed"], capture_output=True).returncode == 0:
        pytest.skip("the system's Python has Dask")

    def run() -> str:
        # a shell stands between, so that no Python with Dask is the kernel's parent
        command = f"{ferrolab} run {notebook} --no-html -o {tmp_path}/out.ipynb; exit $?"
        done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    first = run()
    assert "no Python with Dask was found, so one is made in" in first and "[0, 1, 4]" in first, first
    assert "pip install distributed" in first, "the interpreters that were asked are named, with what they lack"
    assert f"client: {made}" in first
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    second = run()
    assert "is made in" not in second and "[0, 1, 4]" in second and f"client: {made}" in second, second


def test_an_environment_that_cannot_be_made_says_why(ferrolab, tmp_path):
    """pip that fails: its own words, and what to do."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3").write_text('#!/bin/sh\ncase "$*" in *venv*) echo "ensurepip is not available" >&2; exit 3;; esac\nexit 1\n')
    (tools / "python3").chmod(0o755)
    notebook = tmp_path / "n.ipynb"
    notebook.write_text(NOTEBOOK.replace("@FOLDER@", str(tmp_path / "cache")).replace("1 + 1", f":env PATH={tools}\\n1 + 1"))
    env = process.environment(FERROLAB_PYTHON="", VIRTUAL_ENV="", CONDA_PREFIX="")
    done = subprocess.run(["sh", "-c", f"{ferrolab} run {notebook} --no-html -o {tmp_path}/out.ipynb; exit $?"], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    for words in ("python3 -m venv failed", "ensurepip is not available", "FERROLAB_PYTHON"):
        assert words in done.stdout, done.stdout
    assert pathlib.Path(tmp_path / "cache/python.lock").stat().st_mode & 0o077 == 0
