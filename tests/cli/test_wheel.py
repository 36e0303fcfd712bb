"""The wheel: a kernel after `pip install`, listed at once, moved with its prefix, gone after `pip uninstall`; a first cell without a network."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from support import process
from support.notebooks import notebook

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def wheel(ferrolab, tmp_path_factory) -> pathlib.Path:
    """Built by the script that packagers use, which needs a network; or the one that FERROLAB_WHEEL names."""
    if os.environ.get("FERROLAB_WHEEL"):
        return pathlib.Path(os.environ["FERROLAB_WHEEL"])
    out = tmp_path_factory.mktemp("wheel")
    env = process.environment(FERROLAB=str(ferrolab), MATURIN=os.environ.get("MATURIN", ""))
    done = subprocess.run([process.ROOT / "packaging/wheel", "--out", out], env=env, capture_output=True, text=True, timeout=1400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture
def prefix(wheel, tmp_path) -> pathlib.Path:
    """A fresh environment with the wheel and nothing else, installed offline. It is never activated."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip(folder, "install", "--no-index", str(wheel))
    return folder


def pip(folder, *arguments):
    command = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def files(folder) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if "__pycache__" not in p.parts}


def first_cell(folder, **env) -> str:
    """Starts the kernel as Jupyter does, from its kernelspec, and returns what `6 * 7` shows."""
    specs = KernelSpecManager(kernel_dirs=[str(folder / "share/jupyter/kernels")], ensure_native_kernel=False)
    assert list(specs.find_kernel_specs()) == ["ferrolab"]
    manager = KernelManager(kernel_name="ferrolab", kernel_spec_manager=specs)
    # without the environment's programs on the PATH
    manager.start_kernel(env=process.environment(**env))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        shown = []
        client.execute_interactive("6 * 7", timeout=300, output_hook=lambda m: shown.append(m["content"].get("data", {}).get("text/plain")))
        return shown[-2] if shown[-1] is None else shown[-1]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_it_is_a_kernel_at_once_moves_with_its_prefix_and_leaves_nothing(wheel, prefix, tmp_path):
    assert first_cell(prefix) == "42"
    moved = tmp_path / "moved"
    prefix.rename(moved)
    assert first_cell(moved) == "42"
    moved.rename(prefix)
    # compared with an environment that never had it
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", str(other)], check=True)
    pip(prefix, "uninstall", "-y", "ferrolab")
    left = files(prefix) - files(other)
    assert not [path for path in left if "ferrolab" in path], left


def test_its_tag_is_true(wheel, prefix):
    """What the name promises of the C library is what the program asks for. (Weak symbols are done without.)"""
    promised = re.search(r"manylinux_(\d+)_(\d+)_", wheel.name)
    assert promised, f"{wheel.name} says nothing of the C library"
    table = subprocess.run(["objdump", "-T", str(prefix / "bin/ferrolab")], capture_output=True, text=True, check=True).stdout
    needed = [tuple(map(int, found)) for line in table.splitlines() if " w " not in line for found in re.findall(r"GLIBC_(\d+)\.(\d+)", line)]
    assert max(needed) == tuple(map(int, promised.groups())), f"{wheel.name}: {max(needed)} is needed"


def test_for_one_user(wheel, tmp_path):
    """`pip install --user`, into a home of the test's own; Jupyter looks there without being told."""
    base = tmp_path / "local"
    outside = pathlib.Path(sys.base_prefix) / "bin/python3"
    command = [sys.executable, "-m", "pip", "--python", str(outside), "install", "-q", "--no-index", "--no-deps", "--user", "--break-system-packages", str(wheel)]
    done = subprocess.run(command, env={**os.environ, "PYTHONUSERBASE": str(base)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert first_cell(base) == "42"
    command[command.index("install") :] = ["uninstall", "-y", "-q", "--break-system-packages", "ferrolab"]
    done = subprocess.run(command, env={**os.environ, "PYTHONUSERBASE": str(base)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not [path for path in files(base) if "ferrolab" in path]


def test_the_first_cell_needs_no_network(prefix, tmp_path, root_user):
    """An empty cargo home, an empty cache, and no network at all: the environment is made from what the wheel brought."""
    if not root_user:
        pytest.skip("only root cuts the network")
    home = tmp_path / "home"
    home.mkdir()
    book = notebook(tmp_path, "use rayon::prelude::*; let v: Vec<u64> = (0..1000u64).into_par_iter().map(|x| x * x).collect(); v[999]", "plot::line(&[1.0, 2.0])")
    env = process.environment(
        HOME=str(home),
        CARGO_HOME=str(home / "cargo"),
        RUSTUP_HOME=os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup")),
        FERROLAB_CACHE_DIR=str(home / "cache"),
    )
    command = ["unshare", "-n", str(prefix / "bin/ferrolab"), "run", "--no-html", "-o", str(tmp_path / "out.ipynb"), str(book)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "998001" in done.stdout
    shutil.rmtree(home)
