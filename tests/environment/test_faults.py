"""A broken machine: no toolchain, no space, no locks, no home. It works, or says clearly what to do."""

import os
import pathlib
import shutil
import subprocess

import pytest

from support import process
from support.frontend import Kernel


def first_cell(timeout=300, **env):
    """Runs a first cell; returns (status, everything said, the kernel's own log)."""
    kernel = Kernel(wait=False, timeout=timeout, **env)
    try:
        try:
            kernel.wait_ready()
        except AssertionError as problem:
            assert not kernel.alive(), f"the kernel hangs: {problem}"
            assert kernel.process.returncode > 0
            return "ended", "", kernel.log_text()
        story = kernel.run("20 + 1", timeout=timeout)
        status = story.ends()
        return status, story.everything(), kernel.log_text()
    finally:
        kernel.close(check=False)


def says(outcome, *words):
    status, said, log = outcome
    assert status != "ok", outcome
    text = (said + log).lower()
    assert any(word.lower() in text for word in words), f"none of {words} in\n{said}\n{log}"
    assert "panicked" not in text, text


def test_no_toolchain(ferrolab, tmp_path):
    """PATH without rustc, and a home without rustup."""
    (tmp_path / "bin").mkdir()
    for tool in ("cc", "ld", "sh"):
        if found := shutil.which(tool):
            (tmp_path / "bin" / tool).symlink_to(found)
    says(
        first_cell(60, PATH=str(tmp_path / "bin"), HOME=str(tmp_path), CARGO_HOME=str(tmp_path / "c"), RUSTUP_HOME=str(tmp_path / "r"), RUSTC="", CARGO=""),
        "rustup",
    )


def test_a_toolchain_that_fails(ferrolab, tmp_path):
    fake = tmp_path / "rustc"
    fake.write_text("#!/bin/sh\necho 'broken toolchain' >&2\nexit 1\n")
    fake.chmod(0o755)
    says(first_cell(60, PATH=f"{tmp_path}:{os.environ['PATH']}", RUSTC=str(fake)), "broken toolchain", "rustc")


def test_no_linker(ferrolab, tmp_path):
    (tmp_path / "bin").mkdir()
    for tool in ("rustc", "cargo", "sh", "rustup"):
        if found := shutil.which(tool):
            (tmp_path / "bin" / tool).symlink_to(found)
    says(first_cell(120, PATH=str(tmp_path / "bin"), FERROLAB_CACHE_DIR=str(tmp_path / "cache")), "a C compiler is needed to link")


@pytest.mark.parametrize("home", ["/nonexistent", "/proc/1", ""])
def test_a_home_that_cannot_be_written(ferrolab, tmp_path, home):
    """Toolchain elsewhere, home useless: history and settings are left out, cells run."""
    cargo = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
    rustup = os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup"))
    missing = tmp_path / "file"
    missing.write_text("")
    outcome = first_cell(HOME=home, CARGO_HOME=cargo, RUSTUP_HOME=rustup, XDG_DATA_HOME=str(missing / "x"), XDG_STATE_HOME=str(missing / "x"))
    assert outcome[0] == "ok", outcome


def test_a_cache_folder_that_cannot_be_made(ferrolab, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    says(first_cell(FERROLAB_CACHE_DIR=str(file / "cache")), f"cannot create the cache directory {file}/cache")


@pytest.mark.parametrize("size", ["64k", "1m", "4m", "90m"])
def test_a_full_disk(ferrolab, tmp_path, root_user, size):
    if not root_user:
        pytest.skip("only root mounts a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", str(folder)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        says(first_cell(FERROLAB_CACHE_DIR=str(folder)), "disk is full", "quota) is full")
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_temporary_folder(ferrolab, tmp_path, root_user):
    if not root_user:
        pytest.skip("only root mounts a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "none", str(folder)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        # cells are made in the cache, and need no room here
        outcome = first_cell(TMPDIR=str(folder))
        assert outcome[0] == "ok", outcome
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_few_file_descriptors(ferrolab):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        outcome = first_cell()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert outcome[0] == "ok", outcome


def test_a_locale_without_utf8(ferrolab):
    assert first_cell(LC_ALL="C", LANG="C")[0] == "ok"


def test_an_environment_that_disturbs_cargo(ferrolab, tmp_path):
    """What users have in their shells for other work must not reach the cells' compiler, nor that of their dependencies."""
    crate = tmp_path / "disturbed-crate"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "disturbed-crate"\nversion = "0.1.0"\nedition = "2021"\n')
    (crate / "src/lib.rs").write_text("pub fn f() -> i32 { 3 }")
    with Kernel(
        RUSTFLAGS="--this-flag-does-not-exist",
        CARGO_BUILD_TARGET="wasm32-unknown-unknown",
        CARGO_TARGET_DIR=str(tmp_path / "elsewhere"),
        CARGO_PROFILE_RELEASE_PANIC="abort",
        RUST_BACKTRACE="full",
        RUSTC_WORKSPACE_WRAPPER="/no/such/wrapper",
        CARGO_ENCODED_RUSTFLAGS="--nope",
    ) as kernel:
        kernel.ok(f':dep disturbed-crate = {{ path = "{crate}" }}', timeout=120)
        kernel.run("disturbed_crate::f()").result("3").idle()
    assert not (tmp_path / "elsewhere").exists()


def test_a_killed_runner_between_cells(ferrolab):
    """Somebody's `kill` hits the runner and its copies while nothing runs: the next cell says what is lost, and those after it run."""
    with Kernel() as kernel:
        kernel.ok("let before = 5;")
        killed = process.tree(kernel.process.pid)[1:]
        process.kill(killed)
        kernel.wait(lambda: not any(map(process.alive, killed)), "end of the runner")
        story = kernel.run("1 + 1").fails("Crash", "it had ended before")
        assert "variables lost: before" in story.printed("stderr"), story.everything()
        kernel.run("2 + 2").result("4").idle()
        kernel.run("before").fails("E0425")


@pytest.mark.parametrize("how", ["variable", "file"])
def test_the_toolchain_that_is_asked_for_is_the_one_that_is_looked_for(ferrolab, tmp_path, how):
    """By RUSTUP_TOOLCHAIN, or by a rust-toolchain.toml beside the notebook: one that rustup has not is named."""
    more = {"RUSTUP_TOOLCHAIN": "ferrolab-has-none"} if how == "variable" else {"cwd": str(tmp_path), "RUSTUP_TOOLCHAIN": ""}
    (tmp_path / "rust-toolchain.toml").write_text('[toolchain]\npath = "/no/such/ferrolab-has-none"\n')
    status, said, log = first_cell(**more)
    assert status == "error" and "ferrolab-has-none" in said + log, said + log
