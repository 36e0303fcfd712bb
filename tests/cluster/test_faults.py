"""What goes wrong on clusters: the notebook gets a clear error or the right result, keeps its variables, leaves nothing behind."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from support import process
from support.dask import NAP, PYTHON, SOME_DONE, dask, still_right


@pytest.fixture
def k(start):
    kernel = start(timeout=120, **PYTHON)
    kernel.ok("let kept = 41;")
    return kernel


def lines(kernel) -> dict[int, str]:
    return process.command_lines(kernel.process.pid)


def workers(kernel) -> list[int]:
    """The processes that run tasks: those with the most threads of each nanny's children."""
    return [pid for pid, line in lines(kernel).items() if "spawn_main" in line]


def bridge(kernel) -> int:
    return next(pid for pid, line in lines(kernel).items() if "bridge.py" in line)


@pytest.fixture
def outside(tmp_path):
    """A scheduler with a file, and two workers, as `sbatch` scripts start them."""
    file = tmp_path / "scheduler.json"
    started = [dask("scheduler", "--scheduler-file", str(file), "--port", "0", "--no-dashboard", "--host", "127.0.0.1")]
    for name in ("left", "right"):
        options = ["--nthreads", "1", "--name", name, "--local-directory", str(tmp_path), "--no-dashboard", "--host", "127.0.0.1"]
        started.append(dask("worker", "--scheduler-file", str(file), *options))
    yield file, started
    for each in started:
        try:
            os.killpg(each.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        each.wait()


def test_a_segmentation_fault(k):
    k.ok("let c = Cluster::local(2)?;")
    k.run("c.map(0..4u64, |x| unsafe { *(x as *const u64) })?", timeout=60).until("error").error(None, "segmentation fault").until().idle()
    k.run("c.map(0..4u64, |x| x)?", timeout=60).until("execute_result").result("[0, 1, 2, 3]").until().idle()
    still_right(k)


def test_a_killed_worker_is_replaced_and_nothing_is_lost(k):
    k.ok("let c = Cluster::local(2)?;")
    story = k.run(f"c.map(0..40u64, |x| {{ {NAP.format(100)}; x }})?.iter().sum::<u64>()", timeout=60).seen(SOME_DONE)
    os.kill(max(workers(k)), signal.SIGKILL)
    story.until("execute_result").result("780").until().idle()
    still_right(k)


def test_an_interrupt_stops_the_tasks(k):
    k.ok("let c = Cluster::local(2)?;")
    # tasks that look at interrupts through a helper, and some that only end
    story = k.run(f"c.map(0..10_000u64, |x| {{ {NAP.format(20)}; x }})?", timeout=60).seen(SOME_DONE)
    begun = time.monotonic()
    k.interrupt()
    story.until("error").error("Interrupted").until().idle()
    assert time.monotonic() - begun < 5
    begun = time.monotonic()
    k.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()
    assert time.monotonic() - begun < 5, "tasks of the interrupted cell are still in the way"
    still_right(k)


def test_the_bridge_is_killed(k):
    k.ok("let c = Cluster::local(2)?;")
    story = k.run(f"c.map(0..100u64, |x| {{ {NAP.format(100)}; x }})?", timeout=60).seen(SOME_DONE)
    os.kill(bridge(k), signal.SIGKILL)
    story.until("error").error(None, "make the cluster again").until().idle()
    still_right(k)
    k.run("c.map(0..2u64, |x| x)?", timeout=60).until("error").error(None, "make it again").until().idle()
    k.ok("let c = Cluster::local(1)?;")
    k.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()


def test_the_kernel_is_killed(k):
    k.ok("let c = Cluster::local(2)?;")
    left = process.tree(k.process.pid)
    os.kill(k.process.pid, signal.SIGKILL)
    k.process.wait(10)
    deadline = time.monotonic() + 20
    while (alive := [pid for pid in left if process.alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive, [pathlib.Path(f"/proc/{pid}/cmdline").read_text() for pid in alive]


def test_a_restarted_runner_leaves_no_cluster(k):
    k.ok("let c = Cluster::local(1)?;")
    k.run("std::process::exit(3)").fails("Crash")
    # the cell that failed changed nothing: the cluster is there
    k.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()
    # one that was made in a failing cell has nobody who knows it
    before = len(workers(k))
    k.run("let d = Cluster::local(1)?; panic!()", timeout=60).fails("panic")
    k.wait(lambda: len(workers(k)) <= before, "end of the other cluster", 30)


def test_a_scheduler_that_runs_already(k, outside):
    file, _ = outside
    k.ok(f'let c = Cluster::scheduler_file("{file}")?; c.wait_for_workers(2)?;', timeout=60)
    k.run("c.map(0..4u64, |x| x * 2)?").until("execute_result").result("[0, 2, 4, 6]").until().idle()
    address = k.ok("c.status()?.address().to_string()").strip('"')
    k.ok(f'let d = Cluster::connect("{address}")?;')
    k.run("d.count()?").result("2").until().idle()
    k.run("d.scale(3)?").until("error").error(None, "not started from the notebook").until().idle()
    # closing ours leaves theirs
    k.ok("c.close()?; d.close()?;")
    k.ok(f'let c = Cluster::connect("{address}")?;')
    k.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()


def test_the_scheduler_is_lost(k, outside):
    file, (scheduler, *_) = outside
    k.ok(f'let c = Cluster::scheduler_file("{file}")?; c.wait_for_workers(2)?;', timeout=60)
    story = k.run(f"c.map(0..200u64, |x| {{ {NAP.format(100)}; x }})?", timeout=120).seen(SOME_DONE)
    os.killpg(scheduler.pid, signal.SIGKILL)
    story.fails("Error", "the scheduler or the last worker went away")
    still_right(k)


def test_a_worker_that_joins_later_gets_the_code(k, outside, tmp_path):
    file, started = outside
    k.ok(f'let c = Cluster::scheduler_file("{file}")?; c.wait_for_workers(2)?;', timeout=60)
    k.ok("fn twice(x: u64) -> u64 { 2 * x }")
    k.run("c.map(0..2u64, twice)?").until("execute_result").result("[0, 2]").until().idle()
    started.append(dask("worker", "--scheduler-file", str(file), "--nthreads", "1", "--name", "late", "--local-directory", str(tmp_path), "--no-dashboard", "--host", "127.0.0.1"))
    k.ok("c.wait_for_workers(3)?;", timeout=60)
    k.run(f"c.map(0..60u64, |x| {{ {NAP.format(50)}; twice(x) }})?.len()", timeout=60).until("execute_result").result("60").until().idle()


def test_workers_that_do_not_see_our_files(k, tmp_path, root_user):
    """Code is sent to workers on nodes without our file system: here, a mount namespace that hides the cache."""
    if not root_user or subprocess.run(["unshare", "-m", "true"]).returncode:
        pytest.skip("only root hides folders")
    file = tmp_path / "scheduler.json"
    cache = process.environment()["FERROLAB_CACHE_DIR"]
    started = [dask("scheduler", "--scheduler-file", str(file), "--port", "0", "--no-dashboard", "--host", "127.0.0.1")]
    try:
        hidden = f"mount -t tmpfs none {cache} && exec {sys.executable} -m distributed.cli.dask_worker --scheduler-file {file} --nthreads 1 --no-dashboard --host 127.0.0.1 --local-directory {tmp_path}"
        started.append(subprocess.Popen(["unshare", "-m", "sh", "-c", hidden], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        k.ok(f'let c = Cluster::scheduler_file("{file}")?; c.wait_for_workers(1)?;', timeout=60)
        k.ok("fn thrice(x: u64) -> u64 { 3 * x }")
        k.run("c.map(0..3u64, |x| thrice(x))?", timeout=60).until("execute_result").result("[0, 3, 6]").until().idle()
        k.run("c.map(0..3u64, |x| thrice(x) + 1)?", timeout=60).until("execute_result").result("[1, 4, 7]").until().idle()
    finally:
        for each in started:
            os.killpg(each.pid, signal.SIGKILL)
            each.wait()


def test_two_kernels_on_one_cluster(k, start, outside):
    file, _ = outside
    other = start(timeout=120, **PYTHON)
    for kernel, factor in ((k, 2), (other, 3)):
        kernel.ok(f'let c = Cluster::scheduler_file("{file}")?; c.wait_for_workers(2)?; fn f(x: u64) -> u64 {{ x * {factor} }}', timeout=60)
    stories = [(kernel.run(f"c.map(0..40u64, |x| {{ {NAP.format(20)}; f(x) }})?.iter().sum::<u64>()", timeout=60), factor) for kernel, factor in ((k, 2), (other, 3))]
    for story, factor in stories:
        story.until("execute_result").result(str(780 * factor)).until().idle()


def test_scaling(k):
    k.ok("let c = Cluster::local(1)?;")
    k.ok("c.scale(3)?; c.wait_for_workers(3)?;", timeout=60)
    k.run("c.count()?").result("3").until().idle()
    k.ok("c.scale(1)?;")
    k.wait(lambda: k.ok("c.count()?") == "1", "one worker", 30)


def test_the_bridges_folder_is_private_and_goes(k):
    k.ok("let c = Cluster::local(1)?;")
    script = next(line for line in lines(k).values() if "bridge.py" in line)
    folder = pathlib.Path(re.search(r"(\S+)/bridge\.py", script).group(1))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.py"))
    k.close()
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not folder.exists()
