"""The batch script of a node, what Slurm grants a worker, and what Slurm's commands see of our environment; needs no Slurm."""

import pathlib
import subprocess
import sys

import pytest

from support.process import ROOT

sys.path.insert(0, str(ROOT / "src/cluster/python"))

import jobscript  # noqa: E402
from connection import Wrong  # noqa: E402
from protocol import JobOptions  # noqa: E402
from slurm import Slurm, mebibytes  # noqa: E402

ADDRESS = "tcp://10.0.0.1:8786"
# instead of Python: prints what a worker would be started with
ECHO = "WORKER_PYTHON=/bin/echo; exec() { \"$@\"; }; "


def script(**options) -> str:
    return jobscript.script(Slurm(JobOptions(**options)), "ferrolab-x", pathlib.Path("/logs"), ADDRESS)


def worker(text: str, **granted: str) -> str:
    """The words a task of this script starts its worker with."""
    functions = text[: text.rindex("launch\n")]
    return subprocess.run(["bash", "-c", functions + ECHO + "worker"], env={"PATH": "/usr/bin:/bin", "TMPDIR": "/t", **granted}, capture_output=True, text=True, check=True).stdout


def test_every_option_has_its_place():
    text = script(
        partition="compute", account="abc", tasks=2, cores=4, memory="8GB", walltime="00:30:00", directives=["--qos=debug"], modules=["gcc"],
        prologue=["source env"], interface="ib0", local_directory="/scratch/$USER", python="/opt/py thon",
    )  # fmt: skip
    asked = [line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH")]
    for wanted in (
        "--partition=compute", "--account=abc", "--nodes=1", "--ntasks=2", "--cpus-per-task=2", "--mem=7630M", "--time=00:30:00", "--qos=debug",
        '--output="/logs/ferrolab-%j.out"',
    ):  # fmt: skip
        assert wanted in asked, text
    assert text.index("module load gcc") < text.index("source env") < text.index("exec srun --export=ALL") < text.rindex("\nlaunch\n"), text
    for words in ("WORKER_PYTHON='/opt/py thon'", f"WORKER_SCHEDULER={ADDRESS}"):
        assert words in text, text
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    text = text.replace("module load gcc\nsource env\n", "")
    started = worker(text, USER="me", SLURMD_NODENAME="n1", SLURM_JOB_ID="7", SLURM_PROCID="1", SLURM_NTASKS="2", SLURM_JOB_NUM_NODES="1", SLURM_CPUS_PER_TASK="2", SLURM_MEM_PER_NODE="7630")
    wanted = f"-m distributed.cli.dask_worker {ADDRESS} --name n1-7.1 --nthreads 2 --memory-limit 3815MiB --local-directory /scratch/me --death-timeout 60 --no-dashboard --interface ib0"
    assert started.strip() == wanted


@pytest.mark.parametrize(
    "granted, memory",
    [
        ({}, "auto"),
        ({"SLURM_MEM_PER_CPU": "600"}, "2400MiB"),
        # a job of several nodes, by hand: its tasks are shared evenly
        ({"SLURM_MEM_PER_NODE": "8000", "SLURM_JOB_NUM_NODES": "2", "SLURM_NTASKS": "8"}, "2000MiB"),
        ({"SLURM_MEM_PER_NODE": "8000"}, "8000MiB"),
    ],
)
def test_a_worker_keeps_within_what_its_task_was_granted(granted, memory):
    granted = {"SLURMD_NODENAME": "n1", "SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1", "SLURM_CPUS_PER_TASK": "4", **granted}
    started = worker(script(interface="ib0"), **granted)
    assert f"--memory-limit {memory} --local-directory /t " in started, started


@pytest.mark.parametrize("asked, written", [("8GB", "7630M"), ("8G", "8192M"), ("512 MiB", "512M"), ("0", "0"), ("1", "1M")])
def test_memory_in_slurms_words(asked, written):
    assert mebibytes(asked) == written


@pytest.mark.parametrize("by_file", [False, True])
def test_a_worker_listens_on_the_route_to_the_scheduler(tmp_path, by_file):
    scheduler = "tcp://127.0.0.1:8786"
    if by_file:
        (tmp_path / "s.json").write_text(f'{{"address": "{scheduler}"}}')
        scheduler = str(tmp_path / "s.json")
    text = jobscript.functions("worker")
    start, end = text.index("    host=("), text.index("\n  fi\n")
    words = f'WORKER_PYTHON={sys.executable} WORKER_SCHEDULER={scheduler}\n{text[start:end]}\nprintf "%s " "${{host[@]}}"'
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True)
    assert done.stdout == "--host 127.0.0.1 ", done


@pytest.mark.parametrize("options, words", [({"cores": 3, "tasks": 2}, "multiple"), ({"memory": "lots"}, "8GB"), ({"directives": ["a\nb"]}, "one line")])
def test_what_makes_no_sense_is_refused(options, words):
    with pytest.raises(Wrong, match=words):
        script(**options)


def test_credentials_are_named_to_workers():
    text = jobscript.script(Slurm(JobOptions(interface="ib0")), "x", pathlib.Path("/logs"), ADDRESS, {"ca-file": "/a b", "cert": "/c", "key": "/k"})
    assert worker(text, SLURM_NTASKS="1").endswith("--tls-ca-file /a b --tls-cert /c --tls-key /k\n")


def test_jobs_do_not_inherit_the_notebooks_job(monkeypatch):
    for name, value in {"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "8", "SLURM_CONF": "/c", "RAYON_NUM_THREADS": "1", "MINE": "kept"}.items():
        monkeypatch.setenv(name, value)
    there = Slurm(JobOptions()).environment()
    assert (there.get("SLURM_CONF"), there.get("MINE")) == ("/c", "kept")
    assert not {"SLURM_JOB_ID", "SLURM_CPUS_PER_TASK", "RAYON_NUM_THREADS"} & set(there)
