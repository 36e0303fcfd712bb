"""Dashboards inline: one element that changes while cells run, of threads and of a cluster; bounded for 1,000 workers and 10⁶ tasks, and its last frame stays."""

import asyncio
import json
import re
import subprocess
import sys
import time

import dask
import nbformat
import pytest

from support.dask import NAP, PYTHON
from support.process import ROOT

SPIN = "let t = std::time::Instant::now(); while t.elapsed().as_millis() < {} {{ std::hint::spin_loop(); }}"


@pytest.fixture
def k(start):
    return start(timeout=120, **PYTHON)


def opened(k, code: str) -> str:
    """The display id of a dashboard that this shows."""
    story = k.run(code).until("display_data")
    story.display(matches="of running cells")
    message = story.told[-1]
    story.until().idle()
    return message.content["transient"]["display_id"]


def frames(story, name: str) -> list[dict]:
    """What a dashboard became while a cell ran."""
    told = [m for m in story.told if m.type == "update_display_data" and m.content["transient"]["display_id"] == name]
    return [m.content["data"] for m in told]


def share(text: str, word: str) -> float:
    return float(re.search(rf"(\d+) % {word}", text)[1])


def test_a_clusters_changes_in_place_while_later_cells_run(k):
    k.ok("let c = Cluster::local(2)?;")
    name = opened(k, "c.dashboard()?;")
    begun = time.monotonic()
    story = k.run(f"c.message(\"spin\").map(0..30u64, |_| {{ {SPIN.format(100)} }})?.len()", timeout=60)
    story.until("execute_result").result("30").until().idle()
    took = time.monotonic() - begun
    shown = frames(story, name)
    assert 3 <= len(shown) <= 4 * took + 2, (len(shown), took)
    text, html = shown[-1]["text/plain"], shown[-1]["text/html"]
    assert text.startswith("Dask cluster 2 workers, 2 threads, 00:0") and "spin: 30 of 30, done" in text, text
    assert share(text, "computing") > 40, text
    assert re.search(r"[1-9]\d* done in this cell", text), text
    assert html.count(">worker 0<") == 2 and html.count(">worker 1<") == 2, "a lane, and memory"
    assert "Dask's own dashboard</a>" in html and "/proxy/" in html
    # while it ran, part of it was done
    assert any(0 < int(re.search(r"spin: (\d+) of 30", data["text/plain"])[1]) < 30 for data in shown if "spin" in data["text/plain"])
    # nothing that the cluster does is no news
    story = k.run("1 + 1")
    story.result("2").idle()
    assert not frames(story, name)


def test_operations_of_arrays_and_what_moves_are_told(k):
    k.ok("let c = Cluster::local(2)?; use ndarray::Axis;")
    name = opened(k, "c.dashboard()?;")
    # what is over between two looks, or before workers have told what they moved, is not seen
    slow = "map_blocks(|b| { std::thread::sleep(std::time::Duration::from_millis(400)); b.mapv(|x| 2.0 * x) })"
    code = f"let a = c.array().random().seed(1).normal([4000, 2000]).rechunk([500, 2000]).{slow}.persist()?; let b = a.rechunk([4000, 250]).{slow}.persist()?;"
    story = k.run(code, timeout=60)
    story.until().idle()
    text = frames(story, name)[-1]["text/plain"]
    assert len(re.findall(r"map_blocks \(.*\[\d+\]:1\): [\d,]+ of [\d,]+, done", text)) >= 2, text
    moved = re.search(r"moved: (\S+) (\S+) between workers", text)
    assert moved[2] in ("kB", "MB"), "blocks of columns are made of rows of both workers: " + text
    assert "in memory" in text
    # the results of tasks are told apart from what the processes take
    memory = re.search(r"memory: (\S+) MB results, (\S+) MB else", text)
    assert float(memory[1]) >= 60, text


def test_it_moves_to_where_it_is_shown_again_and_ends_with_the_cluster(k):
    k.ok("let c = Cluster::local(1)?;")
    first = opened(k, "c.dashboard()?;")
    story = k.run("c.dashboard()?;")
    story.until("display_data").display(matches="of running cells")
    second = story.told[-1].content["transient"]["display_id"]
    story.until().idle()
    assert frames(story, first)[-1]["text/plain"].splitlines()[0].endswith("goes on below")
    story = k.run(f"c.for_each(0..8u64, |_| {NAP.format(100)})?;")
    story.until().idle()
    assert not frames(story, first) and frames(story, second)
    story = k.run(f"let gone = c.clone(); c.close()?; {NAP.format(500)};")
    story.until().idle()
    assert "this cluster was closed" in frames(story, second)[-1]["text/plain"], story.everything()
    k.run("gone.dashboard()?;").until("error").error(None, "closed").until().idle()
    story = k.run(f"{NAP.format(400)}; 2")
    story.until("execute_result").result("2").until().idle()
    assert not frames(story, second)


def test_results_on_disk_are_told(k, tmp_path):
    (tmp_path / "tight.py").write_text(
        "from distributed import LocalCluster\n"
        "async def cluster():\n"
        "    return await LocalCluster(n_workers=1, threads_per_worker=1, memory_limit='500MB', host='127.0.0.1', dashboard_address=None, asynchronous=True)\n"
    )
    k.ok(f'std::env::set_current_dir("{tmp_path}")?; let c = Cluster::client("tight:cluster")?; c.wait_for_workers(1)?;', timeout=60)
    name = opened(k, "c.dashboard()?;")
    code = f"let a = c.array().random().seed(1).normal([35, 1_000_000]).rechunk([1, 1_000_000]).persist()?; {NAP.format(2500)}; a.sum().compute()?; {NAP.format(1500)};"
    story = k.run(code, timeout=90)
    story.until().idle()
    shown = [data["text/plain"] for data in frames(story, name)]
    assert any(re.search(r" [1-9]\S* MB on disk, of 500 MB", text) for text in shown), shown[-1]
    assert re.search(r"[1-9]\S* MB to their disks", shown[-1]), shown[-1]
    assert any(share(text, "disk") > 0 for text in shown), shown[-1]


def test_threads_have_the_same(k):
    name = opened(k, ":threads 2\nthreads().dashboard()?;")
    story = k.run(f"let n = threads().message(\"spin\").map(0..60u64, |_| {{ {SPIN.format(30)} }})?.len(); n", timeout=60)
    story.until("execute_result").result("60").until().idle()
    shown = frames(story, name)
    text, html = shown[-1]["text/plain"], shown[-1]["text/html"]
    assert text.startswith("Threads 2 threads, 00:0") and "spin: 60 of 60, done" in text and "tasks: 60 done, 0 left" in text, text
    # of the time a thread had a processor, which on a busy machine is not all that it wanted
    busy = share(text, "computing")
    assert busy > 0, text
    assert all(f">{lane}<" in html for lane in ("cell", "thread 0", "thread 1", "this process")), html
    story = k.run(f"{NAP.format(3000)}; 3")
    story.until("execute_result").result("3").until().idle()
    assert share(frames(story, name)[-1]["text/plain"], "computing") < busy
    # what has no name says which line it is of
    story = k.run("threads().array().random().seed(1).normal([30_000, 2_000]).sin().sum().compute()?")
    story.until("execute_result").result().until().idle()
    assert re.search(r"sum \(.*\[\d+\]:1\): [\d,]+ of [\d,]+, done", frames(story, name)[-1]["text/plain"])


def test_it_outlives_a_process_that_was_killed(k):
    name = opened(k, "threads().dashboard()?;")
    k.run("unsafe { std::ptr::null_mut::<u8>().write_volatile(1) };").fails()
    story = k.run(f"par::for_each(0..40u64, |_| {{ {SPIN.format(20)} }});")
    story.until().idle()
    assert frames(story, name)


def test_the_last_frame_is_in_the_saved_notebook(ferrolab, tmp_path):
    cells = ["threads().dashboard()?;", f"par::message(\"work\").for_each(0..40u64, |_| {{ {SPIN.format(20)} }});"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, tmp_path / "n.ipynb")
    done = subprocess.run([ferrolab, "run", "n.ipynb", "--output", "out.ipynb"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    saved = nbformat.read(tmp_path / "out.ipynb", 4)
    (output,) = saved.cells[0].outputs
    assert "work: 40 of 40, done" in output.data["text/plain"]


def carried():
    sys.path.insert(0, str(ROOT / "src/cluster/python"))
    import carried

    return carried.worker


def test_a_thousand_workers_and_a_million_tasks_are_bounded():
    """A real scheduler with workers that only answer: the states of Dask's own classes, and the calls that it makes of plugins."""
    from distributed import Scheduler
    from distributed.scheduler import WorkerState

    worker = carried()

    async def scenario() -> None:
        async with Scheduler(dashboard_address=None, port=0, host="127.0.0.1", validate=False) as scheduler:
            for n in range(1000):
                state = WorkerState(address=f"tcp://10.0.{n // 250}.{n % 250}:1", status="running", pid=n, name=f"node{n}", nthreads=8, memory_limit=1 << 36, local_directory="", nanny="", server_id=str(n))
                state.metrics.update({"memory": 1 << 30, "spilled_bytes": {"memory": 0, "disk": 1 << 20}, "ferrolab_moved": {"sent": 10**9, "written": 0, "read": 0, "disk_seconds": 0.0}})
                scheduler.workers[state.address] = state
            board = worker.board("b", dask_scheduler=scheduler)
            addresses = list(scheduler.workers)
            plugin = scheduler.plugins["b"]
            now = worker.dask_time()
            for n in range(1_000_000):
                plugin.transition(f"x-{n}", "released", "waiting", stimulus_id="s")
                plugin.transition(f"x-{n}", "waiting", "processing", stimulus_id="s")
                spent = [{"action": "compute", "start": now, "stop": now + 1e-3}]
                plugin.transition(f"x-{n}", "processing", "memory", stimulus_id="s", worker=addresses[n % 1000], startstops=spent, thread=n % 8)
            board = worker.board("b", dask_scheduler=scheduler)
            assert len(json.dumps(board)) < 8000 and len(board["lanes"]) == len(board["memory"]) == 32
            assert (board["workers"], board["threads"], board["lane_of"], board["memory_of"]) == (1000, 8000, ["worker", 32], 32)
            assert board["states"] == {"memory": 1_000_000} and board["done"] == 1_000_000
            assert board["moved"] == [10**12, 0, 0]
            seconds = sum(lane[1] for lane in board["lanes"][:31]) * 32 * 8 * board["seconds"]
            assert seconds == pytest.approx(992, rel=0.05), "a millisecond for each task, but for those of the last lane"
            worker.no_board("b", dask_scheduler=scheduler)
            assert "b" not in scheduler.plugins
            scheduler.workers.clear()

    with dask.config.set({"distributed.scheduler.work-stealing": False}):
        asyncio.run(scenario())


def test_what_threads_did_is_told_by_thread():
    from distributed import Scheduler
    from distributed.scheduler import WorkerState

    worker = carried()

    async def scenario() -> None:
        async with Scheduler(dashboard_address=None, port=0, host="127.0.0.1", validate=False) as scheduler:
            state = WorkerState(address="tcp://10.0.0.1:1", status="running", pid=1, name="a", nthreads=2, memory_limit=0, local_directory="", nanny="", server_id="1")
            scheduler.workers[state.address] = state
            worker.board("b", dask_scheduler=scheduler)
            plugin = scheduler.plugins["b"]
            # a second of two threads: one computes for half of it after a transfer, the other reads from its disk
            plugin.since -= 1.0
            at = plugin.since
            done = [("x-1", 7, [("transfer", 0.0, 0.25), ("compute", 0.25, 0.75)]), ("x-2", 8, [("disk-read", 0.0, 0.5), ("compute", -3.0, -1.0)])]
            for key, thread, spent in done:
                told = [{"action": action, "start": at + begin, "stop": at + end} for action, begin, end in spent]
                plugin.transition(key, "processing", "memory", stimulus_id="s", worker=state.address, startstops=told, thread=thread)
            lanes = worker.board("b", dask_scheduler=scheduler)["lanes"]
            assert [lane[0] for lane in lanes] == ["a, 1", "a, 2"]
            assert lanes[0][1:] == [pytest.approx(0.5, abs=0.03), pytest.approx(0.25, abs=0.03), 0.0]
            assert lanes[1][1:] == [0.0, 0.0, pytest.approx(0.5, abs=0.03)]
            # nobody looks any more: it goes with the next task that ends
            plugin.looked -= worker.UNWATCHED + 1
            plugin.transition("x-3", "processing", "memory", stimulus_id="s", worker=state.address)
            assert "b" not in scheduler.plugins
            scheduler.workers.clear()

    asyncio.run(scenario())
