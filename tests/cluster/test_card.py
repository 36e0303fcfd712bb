"""The card's link to the dashboard, through a real jupyter-server-proxy; who can reach what a cluster listens on; what is left of bridges that were killed."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import pytest

from support import process

PYTHON = {"FERROLAB_PYTHON": sys.executable}
BASE = "/user/me/"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Jupyter with jupyter-server-proxy, below an address such as JupyterHub gives: its URL, and the file it writes."""
    runtime = tmp_path_factory.mktemp("jupyter")
    (port,) = process.free_ports(1)
    command = [sys.executable, "-m", "jupyter_server", f"--ServerApp.base_url={BASE}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += ["--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.open_browser=False", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    env = {**process.environment(), "JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(runtime)}
    with (runtime / "log").open("w") as log:
        running = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=runtime)
    try:
        file = runtime / f"jpserver-{running.pid}.json"
        deadline = time.monotonic() + 60
        while not file.exists():
            assert running.poll() is None and time.monotonic() < deadline, (runtime / "log").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", file
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def card(kernel) -> tuple[str, str]:
    """The card's link, and its text."""
    story = kernel.run("c")
    data = story.until("execute_result")._take("execute_result").content["data"]
    story.until().idle()
    return re.search(r'href="([^"]*)"', data["text/html"])[1].replace("&amp;", "&"), data["text/plain"]


def plots(url: str) -> dict:
    """What dask-labextension asks for when it is given an address: the same without `status`."""
    url = url.removesuffix("status") + "individual-plots.json"
    for attempt in range(50):
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)
        except OSError:
            if attempt == 49:
                raise
            time.sleep(0.2)


def test_the_dashboard_is_reached_through_jupyter(start, server):
    address, _ = server
    kernel = start(timeout=120, JUPYTERHUB_SERVICE_PREFIX=BASE, **PYTHON)
    kernel.ok("let c = Cluster::local(1)?;")
    link, text = card(kernel)
    assert re.fullmatch(BASE + r"proxy/\d+/status", link) and link in text
    assert kernel.ok("c.status()?.link().unwrap()") == f'"{link}"'
    assert "Individual Task Stream" in plots(address + link)


def test_the_address_of_a_jupyter_without_hub_comes_from_its_own_file(start, server, tmp_path):
    _, file = server
    # the tests are the kernel's parent, as that server would be
    (tmp_path / f"jpserver-{os.getpid()}.json").write_text(file.read_text())
    kernel = start(timeout=120, JUPYTERHUB_SERVICE_PREFIX="", JUPYTER_RUNTIME_DIR=str(tmp_path), **PYTHON)
    kernel.ok("let c = Cluster::local(1)?;")
    assert card(kernel)[0].startswith(BASE + "proxy/")


def test_dasks_configuration_decides_over_the_link(start):
    template = "https://hpc.example{JUPYTERHUB_SERVICE_PREFIX}dask/{port}/status?a=1&b=2"
    kernel = start(timeout=120, JUPYTERHUB_SERVICE_PREFIX=BASE, DASK_DISTRIBUTED__DASHBOARD__LINK=template, **PYTHON)
    kernel.ok("let c = Cluster::local(1)?;")
    link, _ = card(kernel)
    assert re.fullmatch(r"https://hpc\.example/user/me/dask/\d+/status\?a=1&b=2", link), link


def test_a_local_cluster_listens_on_loopback_only(start):
    kernel = start(timeout=120, **PYTHON)
    kernel.ok("let c = Cluster::local(2)?;")
    found = process.listening(process.tree(kernel.process.pid))
    assert found == {"0100007F"}, found
    kernel.ok("c.scale(3)?; c.wait_for_workers(3)?;", timeout=60)
    assert process.listening(process.tree(kernel.process.pid)) == {"0100007F"}


def bridge(kernel) -> int:
    return next(pid for pid, line in process.command_lines(kernel.process.pid).items() if "bridge.py" in line)


@pytest.fixture
def short():
    """A folder whose path leaves room for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder)


def test_a_long_temporary_folder_is_no_obstacle(start, tmp_path):
    long = tmp_path / ("scratch-of-a-job" * 6)
    long.mkdir()
    kernel = start(timeout=120, TMPDIR=str(long), XDG_RUNTIME_DIR="", **PYTHON)
    kernel.ok("let c = Cluster::local(1)?;")
    kernel.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()


def test_what_a_killed_bridge_left_is_removed_by_the_next_one(start, short):
    options = {"TMPDIR": str(short), "XDG_RUNTIME_DIR": "", **PYTHON}
    kernel = start(timeout=120, **options)
    other = start(timeout=120, **options)
    for each in (kernel, other):
        each.ok("let c = Cluster::local(1)?;")
    folders = {path: (path / "owner.pid").read_text() for path in short.glob("ferrolab-*")}
    assert len(folders) == 2
    assert all(path.stat().st_mode & 0o077 == 0 for folder in folders for path in [folder, *folder.glob("*.*")])
    killed = bridge(kernel)
    os.kill(killed, signal.SIGKILL)
    kernel.wait(lambda: not process.alive(killed), "end of the bridge", 20)
    (stale,) = (path for path, owner in folders.items() if int(owner) == killed)
    assert stale.exists()
    kernel.ok("let c = Cluster::local(1)?;")
    now = set(short.glob("ferrolab-*"))
    assert stale not in now and len(now) == 2
    # the other session's is in use, and stays so
    other.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()


def test_a_scheduler_file_that_everybody_may_write_is_refused(start, tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text('{"address": "tcp://127.0.0.1:1"}')
    file.chmod(0o666)
    kernel = start(timeout=60, **PYTHON)
    kernel.run(f'Cluster::scheduler_file("{file}")?').until("error").error(None, "everybody may write", "chmod o-w").until().idle()
