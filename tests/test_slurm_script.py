"""The batch script of a node, and what Slurm's commands see of our environment; needs no Slurm."""

import pathlib
import subprocess
import sys

import pytest

from support.process import ROOT

sys.path.insert(0, str(ROOT / "src/cluster/python"))

import jobscript  # noqa: E402

ADDRESS = "tcp://10.0.0.1:8786"


def script(**options) -> str:
    return jobscript.script(options, "ferrolab-x", pathlib.Path("/logs"), ADDRESS)


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
    assert text.index("module load gcc") < text.index("source env") < text.index("exec srun --export=ALL --ntasks=2 --cpus-per-task=2"), text
    for words in ("--interface ib0", '--local-directory "/scratch/$USER"', "exec '/opt/py thon' -m distributed", ADDRESS, "--nthreads 2", "$SLURM_LOCALID"):
        assert words in text, text
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("asked, written", [("8GB", "7630M"), ("8G", "8192M"), ("512 MiB", "512M"), ("0", "0"), ("1", "1M")])
def test_memory_in_slurms_words(asked, written):
    assert jobscript.mebibytes(asked) == written


def test_a_worker_listens_on_the_route_to_the_scheduler():
    text = jobscript.script({}, "ferrolab-x", pathlib.Path("/logs"), "tcp://127.0.0.1:8786")
    start, end = text.index("  host=("), text.index("\n  exec ")
    done = subprocess.run(["bash", "-c", text[start:end] + '\nprintf "%s " "${host[@]}"'], capture_output=True, text=True)
    assert done.stdout == "--host 127.0.0.1 ", done


@pytest.mark.parametrize("options, words", [({"cores": 3, "tasks": 2}, "multiple"), ({"memory": "lots"}, "8GB"), ({"directives": ["a\nb"]}, "one line")])
def test_what_makes_no_sense_is_refused(options, words):
    with pytest.raises(jobscript.Wrong, match=words):
        script(**options)


def test_jobs_do_not_inherit_the_notebooks_job(monkeypatch):
    for name, value in {"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "8", "SLURM_CONF": "/c", "RAYON_NUM_THREADS": "1", "MINE": "kept"}.items():
        monkeypatch.setenv(name, value)
    there = jobscript.environment()
    assert (there.get("SLURM_CONF"), there.get("MINE")) == ("/c", "kept")
    assert not {"SLURM_JOB_ID", "SLURM_CPUS_PER_TASK", "RAYON_NUM_THREADS"} & set(there)
