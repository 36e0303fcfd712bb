"""A kernel as portals and batch systems start it: without a PATH, with a small or closed home, with its own variables."""

import json
import os
import shutil
import subprocess
import time

import pytest

from support import caches, process, users
from support.frontend import Kernel


def rustc() -> str:
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{sysroot}/bin/rustc"


@pytest.mark.parametrize("how", ["unset", "empty"])
def test_without_a_path(ferrolab, how):
    """batchspawner starts servers so: programs of the system are found all the same, by us and by what cells start."""
    launcher = ("env", "-u", "PATH") if how == "unset" else ()
    with Kernel(launcher=launcher, **({} if how == "unset" else {"PATH": ""})) as kernel:
        kernel.ok('fn said(program: &str, code: &str) -> String { String::from_utf8(std::process::Command::new(program).args(["-c", code]).output().unwrap().stdout).unwrap() }')
        kernel.run('said("sh", "command -v cat").trim().ends_with("/cat")').result("true").idle()
        kernel.run('std::env::var("PATH").unwrap().contains("/usr/bin")').result("true").idle()


def test_a_small_disk_is_found_out_before_the_work(ferrolab, tmp_path, root_user):
    if not root_user:
        pytest.skip("only root mounts a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m,mode=700", "none", str(folder)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        begun = time.monotonic()
        kernel = Kernel(FERROLAB_CACHE_DIR=str(folder))
        try:
            story = kernel.run("1 + 1")
            assert story.ends() == "error"
            said = story.everything()
        finally:
            kernel.close(check=False)
        assert "disk is full" in said and "MiB are free" in said and "FERROLAB_CACHE_DIR" in said, said
        assert time.monotonic() - begun < 30, "it was built before it was found out"
        assert sum(p.stat().st_size for p in caches.files(folder)) < 10_000_000, "it left the disk full"
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_install_prepares_as_the_kernel_will_run(cli, tmp_path):
    done = cli("install", "--prefix", tmp_path, "--env", "RUSTC=/no/such/rustc")
    assert done.returncode == 1 and "RUSTC is set to `/no/such/rustc`" in done.stderr, done.stderr
    only = cli("install", "--prefix", tmp_path, "--env", "RUSTC=/no/such/rustc", "--no-prepare")
    assert only.returncode == 0, only.stderr
    spec = json.loads((tmp_path / "share/jupyter/kernels/ferrolab/kernel.json").read_text())
    assert spec["env"]["RUSTC"] == "/no/such/rustc"


def test_install_for_all_says_what_others_cannot_reach(ferrolab, root_user):
    if not root_user:
        pytest.skip("only root has a folder that all can enter")
    with users.shared() as place:
        closed = place / "closed"
        closed.mkdir(mode=0o700)
        program = users.program(closed)
        run = lambda *more: users.run(0, [program, "install", "--prefix", place / "prefix", *more], place, **process.environment())  # noqa: E731
        said = run().stdout
        assert f"cannot reach {program}: {closed} is closed to them (mode 700)" in said, said
        closed.chmod(0o755)
        assert str(program) not in run().stdout.split("keep that file where it is")[1]
        assert "closed to them" not in users.run(0, [program, "install", "--prefix", place / "prefix", "--no-prepare"], place, **process.environment()).stdout


def test_a_kernelspec_of_the_same_name_in_front_is_named(cli, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    path = f"{first}/share/jupyter:{second}/share/jupyter"
    assert cli("install", "--no-prepare", "--prefix", first, JUPYTER_PATH=path).returncode == 0
    said = cli("install", "--no-prepare", "--prefix", second, JUPYTER_PATH=path).stdout
    assert f"Jupyter finds {first}/share/jupyter/kernels/ferrolab first" in said, said


def test_the_doctor_looks_at_the_toolchain_that_is_used(cli, tmp_path):
    said = cli("doctor", PATH="/usr/bin:/bin", HOME=tmp_path, CARGO_HOME=tmp_path, RUSTC=rustc()).stdout
    assert "ok    rustc" in said and rustc() in said, said
    job = {"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "2", "SLURM_MEM_PER_NODE": "500"}
    said = cli("doctor", CARGO_NET_OFFLINE="true", **job).stdout
    assert "Slurm 7, 2 CPUs, 500 MB" in said and "--mem" in said and "not used (CARGO_NET_OFFLINE)" in said, said


def test_the_cache_is_shown_and_pruned(cli, start, tmp_path):
    private = caches.copy(tmp_path / "cache")
    try:
        kernel = start(FERROLAB_CACHE_DIR=str(private))
        kernel.ok("let there = 1;")
        said = cli("cache", FERROLAB_CACHE_DIR=private).stdout
        assert "in use" in said and "rustc 1." in said and "compiled cells" in said, said
        # a session goes on, whatever is removed
        done = cli("cache", "prune", "--all", FERROLAB_CACHE_DIR=private)
        assert done.returncode == 0, done.stderr
        assert "in use" in cli("cache", FERROLAB_CACHE_DIR=private).stdout
        kernel.run("there + 1").result("2").idle()
        kernel.close()
        done = cli("cache", "prune", FERROLAB_CACHE_DIR=private)
        assert "removed 0 environments" in done.stdout, "it was used today"
        done = cli("cache", "prune", "--all", FERROLAB_CACHE_DIR=private)
        assert "removed 0 environments" not in done.stdout, done.stdout
        assert not list((private / "environments").iterdir())
    finally:
        shutil.rmtree(private, ignore_errors=True)


def test_a_build_writes_nothing_into_the_folder_it_is_started_in(ferrolab, tmp_path, root_user):
    """rustc's temporary files went there once, and where it could not be written the environment stayed slower for ever."""
    if not root_user:
        pytest.skip("mode bits are shown by a mount, which only root makes")
    closed = tmp_path / "closed"
    closed.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", str(closed)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    crate = tmp_path / "in-closed"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "in-closed"\nversion = "0.1.0"\nedition = "2021"\n')
    (crate / "src/lib.rs").write_text(f"pub fn f() -> i32 {{ {os.getpid()} }}")
    try:
        with Kernel(cwd=str(closed)) as kernel:
            kernel.ok(f':dep in-closed = {{ path = "{crate}" }}', timeout=120)
            kernel.run("in_closed::f()").result(str(os.getpid())).idle()
    finally:
        subprocess.run(["umount", "-l", str(closed)], check=False)
