"""Sockets in files instead of ports: one's own, gone afterwards, also in a folder with a long name. Takes some seconds."""

import os
import stat
import subprocess

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from support import process

# what a socket's address has room for
LONGEST = 107


@pytest.fixture(scope="module")
def spec(ferrolab, tmp_path_factory):
    """The kernel as it is installed, with what the tests' kernels have in their environment."""
    prefix = tmp_path_factory.mktemp("prefix")
    env = process.environment(JUPYTER_PATH=str(prefix / "share/jupyter"))
    subprocess.run([str(ferrolab), "install", "--no-prepare", "--prefix", str(prefix)], check=True, env=env, stdout=subprocess.DEVNULL)
    return KernelSpecManager(kernel_dirs=[str(prefix / "share/jupyter/kernels")], ensure_native_kernel=False)


def started(spec, folder, **more) -> KernelManager:
    """As a Jupyter server with `c.KernelManager.transport = "ipc"` does it."""
    manager = KernelManager(kernel_name="ferrolab", kernel_spec_manager=spec, transport="ipc", connection_file=str(folder / "kernel-1.json"))
    manager.start_kernel(env=process.environment(), **more)
    return manager


def shows(manager, code: str) -> str:
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        shown = []
        reply = client.execute_interactive(code, timeout=60, output_hook=lambda m: shown.append(m["content"].get("data", {}).get("text/plain")))
        assert reply["content"]["status"] == "ok"
        return next(text for text in shown if text)
    finally:
        client.stop_channels()


@pytest.fixture(params=["short", "deep"])
def runtime(request, tmp_path_factory):
    """Folders of portals are long; the longest one that the system has room for."""
    folder = tmp_path_factory.mktemp("r")
    if request.param == "deep":
        name = LONGEST - len(str(folder)) - len("//kernel-1-ipc-5")
        folder = folder / ("x" * name)
        folder.mkdir()
        assert len(str(folder / "kernel-1-ipc-5")) == LONGEST
    return folder


def test_nobody_else_can_connect_and_nothing_is_left(spec, runtime):
    before = os.umask(0)
    try:
        manager = started(spec, runtime)
    finally:
        os.umask(before)
    try:
        assert shows(manager, "6 * 7") == "42"
        sockets = [path for path in runtime.iterdir() if stat.S_ISSOCK(path.lstat().st_mode)]
        assert len(sockets) == 5 and {stat.S_IMODE(path.stat().st_mode) for path in sockets} == {0o700}, sockets
        # and no port
        assert not process.listening(process.tree(manager.provisioner.process.pid))
    finally:
        manager.shutdown_kernel()
    assert not [path for path in runtime.iterdir() if stat.S_ISSOCK(path.lstat().st_mode)], "it left its sockets"


def test_sockets_of_a_killed_kernel_do_not_stand_in_the_way(spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("r")
    manager = started(spec, folder)
    try:
        assert shows(manager, "1 + 1") == "2"
        manager.provisioner.process.kill()
        manager.provisioner.process.wait()
        manager.restart_kernel(now=True)
        assert shows(manager, "2 + 2") == "4"
    finally:
        manager.shutdown_kernel(now=True)
