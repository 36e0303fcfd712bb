"""The seam for batch systems holds for another one than Slurm: here jobs are processes of this machine, with a queue that is a
folder. Schedulers and workers are real ones of Dask."""

import asyncio
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from support.process import ROOT

PYTHON = ROOT / "src/cluster/python"
sys.path.insert(0, str(PYTHON))

from batch import BatchSystem, Ending, Entry, Phase  # noqa: E402
from connection import Wrong  # noqa: E402
from jobs import Jobs  # noqa: E402
from protocol import JobOptions  # noqa: E402

# what this system grants a job, and how it starts a worker: the rest of a job's script is no system's
FUNCTIONS = """\
granted() {
  NAME=here-$QUEUED_JOB THREADS=1 MEMORY=200MiB
}
launch() {
  exec bash -c worker
}
"""


class Folder(BatchSystem):
    """A batch system: each job is a folder with a script, and when it runs the number of its process."""

    name = "Folder"
    queue: pathlib.Path
    # so many jobs run at once
    room = 2

    def check(self) -> None:
        if not self.queue.is_dir():
            raise Wrong("there is no queue here")

    async def hosts(self) -> list[str]:
        return ["localhost"]

    async def submit(self, script: str) -> str:
        if "#Q partition=nowhere" in script:
            raise Wrong("Folder refuses: no such partition")
        number = str(1 + len(list(self.queue.iterdir())))
        (self.queue / number).mkdir()
        (self.queue / number / "script").write_text(script)
        return number

    async def poll(self, label: str) -> list[Entry]:
        found = []
        for job in sorted(self.queue.iterdir(), key=lambda path: int(path.name)):
            script = (job / "script").read_text()
            if f"#Q name={label}\n" in script:
                found.append(self.look(job, script))
        return found

    def look(self, job: pathlib.Path, script: str) -> Entry:
        if (job / "cancelled").exists():
            return Entry(job.name, Phase.ENDED, "DELETED")
        if (job / "process").exists():
            process = int((job / "process").read_text())
            return Entry(job.name, Phase.RUNNING, "ACTIVE", node="here") if alive(process) else Entry(job.name, Phase.ENDED, "OVER", node="here")
        if "#Q partition=never" in script:
            return Entry(job.name, Phase.WAITING, "QUEUED", "TooLarge")
        if sum(1 for other in self.queue.iterdir() if (other / "process").exists() and alive(int((other / "process").read_text()))) >= self.room:
            return Entry(job.name, Phase.WAITING, "QUEUED", "Full")
        log = re.search("#Q log=(.*)", script)[1].replace("%j", job.name)
        with open(log, "w") as out:
            started = subprocess.Popen(["bash", job / "script"], env={**self.environment(), "QUEUED_JOB": job.name}, stdout=out, stderr=out, start_new_session=True)
        (job / "process").write_text(str(started.pid))
        return Entry(job.name, Phase.RUNNING, "ACTIVE", node="here")

    def explain(self, entry: Entry) -> str:
        return {"Full": "Full: other jobs run", "TooLarge": "TooLarge: it asks for too much"}.get(entry.reason, entry.reason)

    def hopeless(self, entry: Entry) -> bool:
        return entry.reason == "TooLarge"

    def ending(self, entry: Entry, log: str) -> Ending:
        return Ending(entry.state, "it was deleted" if entry.state == "DELETED" else "its script ended")

    async def cancel(self, *jobs: str) -> None:
        for job in jobs:
            (self.queue / job / "cancelled").touch()
            if (self.queue / job / "process").exists():
                kill(int((self.queue / job / "process").read_text()))

    async def cancel_all(self, label: str) -> None:
        await self.cancel(*[entry.id for entry in await self.poll(label) if entry.phase is not Phase.ENDED])

    def sweep(self) -> str:
        jobs = f'for job in $(grep -l "^#Q name=$1$" {self.queue}/*/script); do'
        return f'{jobs} touch "${{job%script}}cancelled"; read -r process < "${{job%script}}process"; kill -9 -- "-$process"; done; true'

    def inherited(self, variable: str) -> bool:
        return not variable.startswith("QUEUED_")

    def directives(self, label: str, log: str) -> list[str]:
        return [f"#Q name={label}", f"#Q log={log}", f"#Q partition={self.options.partition}"]

    def functions(self) -> str:
        return FUNCTIONS


def alive(process: int) -> bool:
    try:
        return "Z" not in pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split()[0]
    except OSError:
        return False


def kill(process: int) -> None:
    try:
        os.killpg(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


@pytest.fixture
def system(tmp_path):
    """Makes the system of a test, whose jobs end with the test."""
    queue = tmp_path / "queue"
    queue.mkdir()

    class Here(Folder):
        pass

    Here.queue = queue
    yield lambda **options: Here(JobOptions(scheduler_interface="lo", log_directory=str(tmp_path / "logs"), local_directory=str(tmp_path), **options))
    for file in queue.glob("*/process"):
        kill(int(file.read_text()))


async def until(condition, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        await asyncio.sleep(0.1)


def played(system, scenario) -> None:
    """A scenario with the jobs of one cluster, which are closed afterwards."""
    scratch = system.options.local_directory

    async def play() -> None:
        jobs = Jobs("seam", system, scratch)
        told = []
        jobs.tell = told.append
        await jobs.start()
        try:
            await scenario(jobs, told)
        finally:
            await jobs.close()
        assert all(entry.phase is Phase.ENDED for entry in await system.poll(jobs.label))

    asyncio.run(play())


def test_work_runs_in_jobs_of_another_system(system):
    async def scenario(jobs, told):
        from distributed import Client

        async with Client(jobs.scheduler_address, asynchronous=True) as client:
            assert await client.submit(lambda x: x + 1, 41) == 42
            await until(lambda: len(jobs.scheduler.workers) == 2, "second worker")
            assert sorted(w.name for w in jobs.scheduler.workers.values()) == ["here-1", "here-2"]
            # a third has no room: the queue says why, in the system's words
            await jobs.scale(3)
            await until(lambda: jobs.jobs["3"].entry.reason, "look at the queue")
            assert [(job.state, job.reason) for job in await jobs.queue(fresh=False)][1:] == [("ACTIVE", ""), ("QUEUED", "Full: other jobs run")]
            # the one that waits is what is given back first
            await jobs.scale(2)
            assert sorted(job.id for job in jobs.alive()) == ["1", "2"]

    played(system(nodes=2), scenario)


def test_workers_of_a_node_without_power_are_forgotten(system):
    """They say no goodbye; whatever they ran has to run elsewhere before Dask's own patience ends."""

    async def scenario(jobs, told):
        await until(lambda: len(jobs.scheduler.workers) == 1, "worker")
        await jobs.forget_workers(jobs.jobs["1"])
        assert not jobs.scheduler.workers

    played(system(nodes=1), scenario)


def test_a_job_that_ends_is_told_and_is_not_submitted_again(system):
    async def scenario(jobs, told):
        await until(lambda: len(jobs.scheduler.workers) == 1, "worker")
        await jobs.system.cancel("1")
        await until(lambda: told, "word of its end")
        assert "job 1" in told[0] and "it was deleted (DELETED)" in told[0] and "cluster.scale(n)" in told[0], told
        assert "it was deleted" in jobs.hopeless(1)
        await jobs.scale(1)
        await until(lambda: len(jobs.scheduler.workers) == 1, "worker of another job")

    played(system(nodes=1), scenario)


def test_what_fails_or_can_never_start_is_the_reason_that_no_worker_comes(system):
    async def fails(jobs, told):
        await until(lambda: jobs.hopeless(1), "reason")
        assert "its script ended" in jobs.hopeless(1) and "no module of that name" in jobs.hopeless(1), jobs.hopeless(1)

    async def never(jobs, told):
        await until(lambda: jobs.hopeless(1), "reason")
        assert "can never start. Folder says TooLarge: it asks for too much" in jobs.hopeless(1), jobs.hopeless(1)

    played(system(nodes=1, prologue=["echo no module of that name; exit 3"]), fails)
    played(system(nodes=1, partition="never"), never)
    with pytest.raises(Wrong, match="Folder refuses"):
        played(system(nodes=1, partition="nowhere"), never)


def test_the_guard_ends_jobs_of_a_process_that_was_killed(system, tmp_path):
    program = f"""
import asyncio, pathlib, sys
sys.path[:0] = [{str(PYTHON)!r}, {str(ROOT / "tests")!r}, {str(ROOT / "tests/cluster")!r}]
from test_batch_seam import Folder
from jobs import Jobs
from protocol import JobOptions
Folder.queue = pathlib.Path({str(tmp_path / "queue")!r})

async def main():
    jobs = Jobs("killed", Folder(JobOptions(scheduler_interface="lo", log_directory={str(tmp_path / "logs")!r})), {str(tmp_path)!r})
    await jobs.start()
    while not jobs.scheduler.workers:
        await asyncio.sleep(0.1)
    print("there", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert started.stdout.readline() == "there\n"
    worker = int((tmp_path / "queue/1/process").read_text())
    assert alive(worker)
    started.kill()
    started.wait()
    asyncio.run(until(lambda: not alive(worker), "end of the job", 30))


def test_nothing_outside_its_file_knows_slurm():
    """A batch system is its file, and its line in the list of them."""
    for path in PYTHON.glob("*.py"):
        if path.name == "slurm.py":
            continue
        code = re.sub(r'""".*?"""|#[^\n]*', "", path.read_text(), flags=re.S)
        found = [line for line in code.splitlines() if re.search(r"slurm|sbatch|squeue|scancel|srun", line, re.I)]
        allowed = {"clusters.py": 2, "jobscript.py": 1}.get(path.name, 0)
        assert len(found) == allowed, f"{path.name}: {found}"
