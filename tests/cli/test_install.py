"""Command line: install, uninstall, doctor, and arguments that are wrong."""

import json
import pathlib
import subprocess
import sys
import time

import pytest

from support import caches, process
from support.frontend import Kernel


def spec_in(folder: pathlib.Path, name="ferrolab") -> dict:
    return json.loads((folder / "kernels" / name / "kernel.json").read_text())


def test_user(cli, tmp_path, ferrolab):
    done = cli("install", "--user", JUPYTER_DATA_DIR=tmp_path)
    assert done.returncode == 0, done.stderr
    spec = spec_in(tmp_path)
    assert spec["language"] == "rust"
    assert spec["interrupt_mode"] == "message"
    assert spec["argv"][0].startswith("/") and "{connection_file}" in spec["argv"]
    assert spec["display_name"]
    names = {p.name for p in (tmp_path / "kernels/ferrolab").iterdir()}
    assert {"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"} <= names, names


def test_logos_are_images_of_their_size(cli, tmp_path):
    from PIL import Image

    assert cli("install", "--user", JUPYTER_DATA_DIR=tmp_path).returncode == 0
    for size in (32, 64):
        with Image.open(tmp_path / f"kernels/ferrolab/logo-{size}x{size}.png") as image:
            assert image.size == (size, size)


def test_xdg_data_home_and_home(cli, tmp_path):
    assert cli("install", "--user", JUPYTER_DATA_DIR="", XDG_DATA_HOME=tmp_path / "xdg").returncode == 0
    assert spec_in(tmp_path / "xdg/jupyter")


def test_prefix_name_display_name_env(cli, tmp_path):
    done = cli(
        "install", "--prefix", tmp_path, "--name", "rust-one", "--display-name", "Rust „one“", "--env", "A=b=c", "--env", "EMPTY="
    )
    assert done.returncode == 0, done.stderr
    spec = spec_in(tmp_path / "share/jupyter", "rust-one")
    assert spec["display_name"] == "Rust „one“"
    assert spec["env"]["A"] == "b=c" and spec["env"]["EMPTY"] == ""


def test_sys_prefix_of_a_venv(cli, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    done = cli("install", "--sys-prefix", VIRTUAL_ENV=tmp_path / "venv")
    assert done.returncode == 0, done.stderr
    assert spec_in(tmp_path / "venv/share/jupyter")


def test_jupyter_finds_it(cli, tmp_path):
    assert cli("install", "--user", JUPYTER_DATA_DIR=tmp_path).returncode == 0
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "kernelspec", "list", "--json"],
        env=process.environment(JUPYTER_DATA_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ferrolab" in json.loads(listed.stdout)["kernelspecs"]


def test_again_replaces(cli, tmp_path):
    for name in ("first", "second"):
        assert cli("install", "--prefix", tmp_path, "--display-name", name).returncode == 0
    assert spec_in(tmp_path / "share/jupyter")["display_name"] == "second"


def test_uninstall(cli, tmp_path):
    assert cli("install", "--prefix", tmp_path).returncode == 0
    done = cli("uninstall", "--prefix", tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "share/jupyter/kernels/ferrolab").exists()
    again = cli("uninstall", "--prefix", tmp_path)
    assert again.returncode != 0 and "ferrolab" in again.stderr


def test_uninstall_leaves_other_kernels(cli, tmp_path):
    other = tmp_path / "share/jupyter/kernels/other"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["python"], "display_name": "o", "language": "python"}')
    done = cli("uninstall", "--prefix", tmp_path, "--name", "other")
    assert done.returncode != 0, "removed a kernel that is not ours"
    assert (other / "kernel.json").exists()


@pytest.mark.parametrize("name", ["../escape", "a/b", "", "with space", "ä"])
def test_names_jupyter_would_refuse(cli, tmp_path, name):
    done = cli("install", "--prefix", tmp_path, "--name", name)
    assert done.returncode != 0
    assert not list(tmp_path.rglob("kernel.json"))


def test_a_prefix_that_cannot_be_written(cli, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    done = cli("install", "--prefix", file / "below")
    assert done.returncode != 0 and str(file) in done.stderr and "panicked" not in done.stderr


def installed_beside_a_kernel(cache: pathlib.Path, prefix: pathlib.Path) -> None:
    """`install` and a kernel that needs the environment at the same time; the next kernel builds nothing."""
    rival = Kernel(FERROLAB_CACHE_DIR=str(cache))
    try:
        story = rival.run("20 + 1", timeout=800).begin()
        command = [process.FERROLAB, "install", "--prefix", prefix]
        done = subprocess.run(command, env=process.environment(FERROLAB_CACHE_DIR=str(cache)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=800)
        assert done.returncode == 0, done.stderr
        story.until("execute_result", "error").result("21").idle()
    finally:
        rival.close()
    begun = time.monotonic()
    with Kernel(FERROLAB_CACHE_DIR=str(cache)) as kernel:
        kernel.run("1 + 1").result("2").idle()
    assert time.monotonic() - begun < 10, "the environment was built again"


@pytest.mark.timeout(900)
def test_install_prepares_the_environment(tmp_path):
    """In the cache that all tests share: on a new machine this builds their environment, which takes a minute, so that tests/run begins with it."""
    installed_beside_a_kernel(caches.SHARED, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_install_mends_a_damaged_environment(ferrolab, tmp_path):
    cache = caches.copy(tmp_path / "cache")
    for path in caches.files(cache):
        caches.damage(path, "garbage")
    installed_beside_a_kernel(cache, tmp_path)


def test_doctor(cli):
    done = cli("doctor")
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    for word in ("rustc", "linker", "cache", "threads"):
        assert word in text.lower(), f"nothing about {word} in\n{text}"


def test_doctor_as_json(cli):
    assert json.loads(cli("doctor", "--json").stdout)


def test_doctor_without_a_toolchain(cli, tmp_path):
    done = cli("doctor", PATH=tmp_path, HOME=tmp_path, CARGO_HOME=tmp_path, RUSTUP_HOME=tmp_path)
    assert done.returncode != 0
    assert "rustup" in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["run"], ["kernel"], ["install", "--env", "x"], ["kernel", "--nonsense"]])
def test_wrong_arguments(cli, arguments):
    done = cli(*arguments)
    assert done.returncode == 2 and ("Usage" in done.stderr or "--help" in done.stderr), done.stderr


def test_help_and_version(cli):
    for verb in ([], ["install"], ["uninstall"], ["kernel"], ["run"], ["doctor"]):
        done = cli(*verb, "--help")
        assert done.returncode == 0 and "Usage" in done.stdout
    assert cli("--version").stdout.startswith("ferrolab ")
