"""The bar of a run on a cluster: a lane for each worker, calls inside batches, memory, lost workers; bounded when there are many."""

import os
import re
import signal

import pytest

from support import process
from support.dask import NAP, PYTHON, SOME_DONE


@pytest.fixture
def k(start):
    return start(timeout=120, **PYTHON)


def texts(story) -> list[str]:
    """What the bar said, from its beginning to its end."""
    return [m.content["data"]["text/plain"] for m in story.told if "display_data" in m.type]


def lanes(text: str) -> dict[str, int]:
    """Calls of each worker that is shown."""
    return {name: int(done.replace(",", "")) for name, done in re.findall(r"^ +(\S.*?) +\|[█ ]{8}\| ([\d,]+) · ", text, re.M)}


def test_a_lane_for_each_worker(k):
    k.ok("let c = Cluster::local(2)?;")
    story = k.run(f'c.message("naps").map(0..40u64, |_| {NAP.format(100)})?;')
    story.finish()
    shown = texts(story)
    assert shown[-1].startswith("naps, 2 workers: 100%") and "40/40" in shown[-1], shown[-1]
    assert any(set(lanes(text)) == {"worker 0", "worker 1"} and min(lanes(text).values()) > 0 for text in shown), shown
    assert re.search(r"worker 0 \|█+ *\| \d+ · [\d.]+ it/s", shown[-1]), shown[-1]
    html = [m.content["data"]["text/html"] for m in story.told if "display_data" in m.type][-1]
    assert html.count(">worker 0<") == 1 and html.count(">worker 1<") == 1


def test_calls_inside_running_batches_count(k):
    """Two batches of 16 calls that run for seconds: what the bar shows in between can only come from inside them."""
    k.ok("let c = Cluster::local(2)?;")
    story = k.run(f"c.map_reduce(0..32u64, |x| {{ {NAP.format(200)}; x }}, 0, |a, b| a + b)?", timeout=60)
    story.until("execute_result").result("496")
    shown = [int(re.search(r"(\d+)/32", text).group(1)) for text in texts(story)]
    story.until().idle()
    assert len({n for n in shown if n % 16}) >= 3 and shown == sorted(shown), shown


def test_a_lost_worker_and_its_batches_are_told(k):
    k.ok("let c = Cluster::local(2)?;")
    story = k.run(f"c.map(0..120u64, |x| {{ {NAP.format(100)}; x }})?.len()", timeout=60).seen(SOME_DONE)
    workers = [pid for pid, line in process.command_lines(k.process.pid).items() if "spawn_main" in line]
    os.kill(max(workers), signal.SIGKILL)
    story.until("execute_result").result("120")
    shown = texts(story)
    story.until().idle()
    assert any("1 lost and 1 replaced" in text for text in shown), shown[-1]
    assert any(re.search(r"\d+ batch(es)? again", text) for text in shown), shown[-1]
    assert any(re.search(r"worker \d .*· replaced$", text, re.M) for text in shown), shown[-1]


def test_memory_pressure_is_told(k, tmp_path):
    (tmp_path / "tight.py").write_text(
        "from distributed import LocalCluster\n"
        "async def cluster():\n"
        "    return await LocalCluster(n_workers=1, threads_per_worker=1, memory_limit='700MB', host='127.0.0.1', dashboard_address=None, asynchronous=True)\n"
    )
    k.ok(f'std::env::set_current_dir("{tmp_path}")?; let c = Cluster::client("tight:cluster")?; c.wait_for_workers(1)?;', timeout=60)
    # touched, and above the 80 % at which Dask pauses a worker, below the 95 % at which it is ended
    code = f"c.map(0..3u64, |i| {{ let v = vec![i as u8 + 1; 480 << 20]; {NAP.format(1500)}; v[v.len() / 2] }})?"
    story = k.run(code, timeout=60)
    story.until("execute_result").result("[1, 2, 3]")
    shown = texts(story)
    story.until().idle()
    assert any(re.search(r"worker 0 .* · (paused, )?memory \d+%", text) for text in shown), shown
    assert any("1 paused for memory" in text for text in shown), shown


def test_many_workers_are_bounded(k):
    k.ok("let c = Cluster::local(11)?;", timeout=120)
    story = k.run(f"c.map(0..330u64, |i| {{ {NAP.format(100)}; i }})?.len()", timeout=120)
    story.until("execute_result").result("330")
    shown = texts(story)
    story.until().idle()
    full = [text for text in shown if "and 5 more, " in text]
    assert full, shown
    assert all(len(lanes(text)) == 6 and len(text.splitlines()) == 8 for text in full), full[-1]
