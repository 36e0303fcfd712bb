"""Networks that fail for a while, and nodes that go: through a proxy of the test's own that can be cut."""

import json
import os
import pathlib
import re
import signal
import time

import pytest

from support.dask import NAP, PYTHON, SOME_DONE, dask, still_right
from support.wire_cut import Cut

LONG = 10.0


@pytest.fixture
def k(start):
    kernel = start(timeout=120, **PYTHON)
    kernel.ok("let kept = 41;")
    return kernel


@pytest.fixture
def site(tmp_path):
    """A scheduler, a proxy before it, and two workers: one that speaks to it directly, and one through a proxy of its own."""
    file = tmp_path / "scheduler.json"
    started = {"scheduler": dask("scheduler", "--scheduler-file", str(file), "--port", "0", "--no-dashboard", "--host", "127.0.0.1")}
    while not (file.is_file() and file.stat().st_size):
        time.sleep(0.05)
    address = json.loads(file.read_text())["address"]
    proxies = {"notebook": Cut(address), "right": Cut(address)}
    for name, contact in (("left", address), ("right", proxies["right"].address)):
        options = ["--nthreads", "1", "--name", name, "--local-directory", str(tmp_path), "--no-dashboard", "--host", "127.0.0.1"]
        started[name] = dask("worker", contact, *options)
    yield proxies, started
    for proxy in proxies.values():
        proxy.close()
    for each in started.values():
        try:
            os.killpg(each.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        each.wait()


def connect(k, proxies) -> None:
    k.ok(f'let c = Cluster::connect("{proxies["notebook"].address}")?; c.wait_for_workers(2)?;', timeout=60)
    k.run("c.map(0..4u64, |x| x)?").until("execute_result").result("[0, 1, 2, 3]").until().idle()


def test_the_notebooks_network_is_cut_for_a_while(k, site):
    proxies, _ = site
    connect(k, proxies)
    story = k.run(f"c.map(0..60u64, |x| {{ {NAP.format(100)}; x * 3 }})?.iter().sum::<u64>()", timeout=120).seen(SOME_DONE)
    proxies["notebook"].cut()
    time.sleep(LONG)
    assert proxies["notebook"].held_back, "nothing was sent meanwhile: this was no cut"
    proxies["notebook"].mend()
    story.until("execute_result").result(str(3 * 60 * 59 // 2)).until().idle()
    still_right(k)
    k.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()


def test_an_interrupt_reaches_the_cell_while_the_network_is_cut(k, site):
    proxies, _ = site
    connect(k, proxies)
    story = k.run(f"c.map(0..600u64, |x| {{ {NAP.format(50)}; x }})?", timeout=60).seen(SOME_DONE)
    proxies["notebook"].cut()
    k.wait(lambda: proxies["notebook"].held_back, "message that the cut holds back", 20)
    k.interrupt()
    story.until("error").error("Interrupted").until().idle()
    still_right(k)
    proxies["notebook"].mend()
    k.run("c.map(0..2u64, |x| x)?", timeout=60).until("execute_result").result("[0, 1]").until().idle()


def test_a_workers_network_is_cut_for_a_while(k, site):
    proxies, _ = site
    connect(k, proxies)
    story = k.run(f"c.map(0..60u64, |x| {{ {NAP.format(100)}; x * 3 }})?.iter().sum::<u64>()", timeout=120).seen(SOME_DONE)
    proxies["right"].cut()
    time.sleep(LONG)
    assert proxies["right"].held_back, "nothing was sent meanwhile: this was no cut"
    proxies["right"].mend()
    story.until("execute_result").result(str(3 * 60 * 59 // 2)).until().idle()
    still_right(k)


def test_a_node_is_lost(k, site):
    """The worker and whoever would start it again: the others do its work."""
    proxies, started = site
    connect(k, proxies)
    story = k.run(f"c.map(0..60u64, |x| {{ {NAP.format(100)}; x * 3 }})?.iter().sum::<u64>()", timeout=120).seen(SOME_DONE)
    os.killpg(started["right"].pid, signal.SIGKILL)
    story.until("execute_result").result(str(3 * 60 * 59 // 2))
    shown = [m.content["data"]["text/plain"] for m in story.told if "display_data" in m.type]
    story.until().idle()
    assert any("1 worker, 1 lost" in text for text in shown), shown[-1]
    still_right(k)
    k.run("c.count()?").result("1").until().idle()


def test_all_workers_are_lost_and_another_comes(k, site, tmp_path):
    proxies, started = site
    connect(k, proxies)
    story = k.run(f"c.map(0..40u64, |x| {{ {NAP.format(100)}; x + 1 }})?.len()", timeout=120).seen(SOME_DONE)
    for name in ("left", "right"):
        os.killpg(started[name].pid, signal.SIGKILL)
    story.seen("waiting for workers")
    contact = f"tcp://{':'.join(map(str, proxies['right'].target))}"
    started["late"] = dask("worker", contact, "--nthreads", "1", "--name", "late", "--local-directory", str(tmp_path), "--no-dashboard", "--host", "127.0.0.1")
    story.until("execute_result").result("40")
    shown = [m.content["data"]["text/plain"] for m in story.told if "display_data" in m.type]
    story.until().idle()
    assert any("waiting for workers" in text for text in shown), shown
    still_right(k)


def test_the_scheduler_comes_back_as_another(k, site, tmp_path):
    """What was held there is lost: the error says so, and a new connection works."""
    proxies, started = site
    connect(k, proxies)
    os.killpg(started["scheduler"].pid, signal.SIGKILL)
    story = k.run("c.map(0..4u64, |x| x)?", timeout=120).fails("Error")
    # in words that depend on whether the tasks were on their way already
    assert re.search("the connection to the scheduler is lost; make the cluster again|the scheduler or the last worker went away", story.everything()), story.everything()
    still_right(k)
    file = pathlib.Path(tmp_path / "again.json")
    started["again"] = dask("scheduler", "--scheduler-file", str(file), "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
    started["fresh"] = dask("worker", "--scheduler-file", str(file), "--nthreads", "1", "--name", "fresh", "--local-directory", str(tmp_path), "--no-dashboard", "--host", "127.0.0.1")
    k.ok(f'let c = Cluster::scheduler_file("{file}")?; c.wait_for_workers(1)?;', timeout=60)
    k.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()


def test_a_silent_scheduler_is_named_and_may_come_back(start, site):
    """Its system still takes what is sent: a stopped process, a machine that hangs."""
    proxies, started = site
    k = start(timeout=120, DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="2s", **PYTHON)
    k.ok("let kept = 41;")
    connect(k, proxies)
    k.ok("let later = c.submit(7u64, |x| { std::thread::sleep(std::time::Duration::from_secs(3)); x })?;")
    os.killpg(started["scheduler"].pid, signal.SIGSTOP)
    try:
        for code in ("c.map(0..4u64, |x| x)?", "later.result()?", "c.status()?"):
            k.run(code, timeout=60).until("error").error(None, "has not answered for 4 s", "make the cluster again").until().idle()
    finally:
        os.killpg(started["scheduler"].pid, signal.SIGCONT)
    k.run("c.map(0..2u64, |x| x)?", timeout=60).until("execute_result").result("[0, 1]").until().idle()
    k.run("later.result()?", timeout=60).until("execute_result").result("7").until().idle()
    still_right(k)
