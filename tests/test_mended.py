"""What was once wrong with directives, input, help and the history, and must stay mended."""

import json
import pathlib
import shutil
import stat
import time

import pytest


def crate(folder: pathlib.Path, name: str, lib: str, build: str | None = None) -> pathlib.Path:
    """A crate on disk."""
    root = folder / name
    (root / "src").mkdir(parents=True)
    (root / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n')
    (root / "src" / "lib.rs").write_text(lib)
    if build is not None:
        (root / "build.rs").write_text(build)
    return root


# -- input ---------------------------------------------------------------------------------------

WAITS = {
    "read_line": "let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap();",
    "error of ?": "let mut line = String::new(); std::io::stdin().read_line(&mut line)?;",
    "ignored": "let mut line = String::new(); let _ = std::io::stdin().read_line(&mut line);",
    "lines": "for line in std::io::stdin().lines() { let _ = line; }",
    "helper": 'let _ = display::input("Name: ", false);',
}


@pytest.mark.parametrize("code", WAITS.values(), ids=WAITS)
def test_an_interrupt_ends_the_cell_that_waits_for_input(k, code):
    k.ok("let mut kept_by_interrupt = 1;")
    story = k.run(f"kept_by_interrupt = 2; {code} kept_by_interrupt = 3;").begin()
    k.wait(lambda: k.questions, "input_request").pop(0)
    asked = time.monotonic()
    k.interrupt()
    story.fails("Interrupted")
    assert time.monotonic() - asked < 3
    k.run("kept_by_interrupt").result("1").idle()


# -- help ----------------------------------------------------------------------------------------


def test_help_goes_to_the_pager(k):
    story = k.run("?Vec").idle()
    (page,) = story.reply["payload"]
    assert page["source"] == "page" and page["start"] == 0
    assert "Vec<T" in page["data"]["text/plain"] and "text/markdown" in page["data"]


def test_several_helps_are_one_page(k):
    story = k.run("?Vec\n?String\n1 + 1").result("2").idle()
    (page,) = story.reply["payload"]
    assert "Vec" in page["data"]["text/plain"] and "String" in page["data"]["text/plain"]


def test_help_before_an_error_is_shown(k):
    story = k.run("?Vec\nthis_name_is_not_known").display(matches="Vec").fails("E0425", "this_name_is_not_known")
    assert not story.reply.get("payload")


def test_run_prints_help(cli, tmp_path):
    notebook = {
        "cells": [{"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": "?Vec"}],
        "metadata": {"kernelspec": {"name": "ferrolab", "display_name": "Rust", "language": "rust"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = tmp_path / "help.ipynb"
    path.write_text(json.dumps(notebook))
    done = cli("run", path, cwd=tmp_path)
    assert done.returncode == 0 and "Vec" in done.stdout, done.stdout + done.stderr


def test_the_prelude_is_known(k):
    def matches(code):
        return k.ask("complete", code=code, cursor_pos=len(code))["matches"]

    assert {"line", "line_y"} <= set(matches("plot::li"))
    assert "map" in matches("par::ma")
    assert "title" in matches("plot::line(&[1.0], &[2.0]).ti")
    assert "threads" in matches("thre") and "progress" in matches("progr")
    found = k.ask("inspect", code="progress", cursor_pos=4, detail_level=0)
    assert found["found"] and "fn progress" in found["data"]["text/plain"]
    (page,) = k.run("?plot::hist").idle().reply["payload"]
    assert "fn hist" in page["data"]["text/plain"]


# -- directives ----------------------------------------------------------------------------------


def test_a_processor_that_does_not_exist(k):
    story = k.run(":target-cpu no-such-cpu").fails("Directive", "`no-such-cpu`", "nearest names are")
    assert "rustc" in story.everything()
    k.run("40 + 2").result("42").idle()
    # the one it has is no change
    k.run(":target-cpu native").stdout("target processor: native\n").idle()
    k.run("40 + 3").result("43").idle()


def test_a_first_cell_sets_checks(start):
    kernel = start()
    kernel.ok(":checks on")
    kernel.run("let most = std::hint::black_box(255u8); most + 1").fails("panic", "overflow")


def test_directives_run_in_the_order_written(start, tmp_path):
    build = 'fn main() { println!("cargo:rustc-env=GIVEN={}", std::env::var("MENDED_GIVEN").unwrap_or_default()); }'
    root = crate(tmp_path, "mended_built", 'pub fn given() -> &\'static str { env!("GIVEN") }', build)
    kernel = start(timeout=300)
    kernel.ok(f':build_env MENDED_GIVEN=before\n:dep mended_built = {{ path = "{root}" }}')
    kernel.run("mended_built::given()").result('"before"').idle()


def test_consecutive_dependencies_are_one_build(start, tmp_path):
    one = crate(tmp_path, "mended_one", "pub fn n() -> u8 { 1 }")
    two = crate(tmp_path, "mended_two", "pub fn n() -> u8 { 2 }")
    kernel = start(timeout=300)
    story = kernel.run(
        f'!echo first\n:dep mended_one = {{ path = "{one}" }}\n:dep mended_two = {{ path = "{two}" }}\n!echo last\nmended_one::n() + mended_two::n()'
    )
    assert story.finish() == "3"
    kinds = [m.type for m in story.told if m.type in ("stream", "display_data")]
    assert kinds == ["stream", "display_data", "stream"], story.told


def test_offline_concerns_the_lines_after_it(start):
    kernel = start(timeout=300)
    story = kernel.run(':offline on\n:dep hostname-validator = "=1.0.0"').fails("Environment", "hostname-validator", "the network is off")
    assert ":offline off" in story.everything()


def test_a_dependency_without_a_name_is_refused(k):
    k.run(":dep").fails("Directive", ":dep needs a crate")


# -- shells --------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_is_bash(k):
    k.run('%%bash\na=(x y z)\necho "${a[1]} $BASH"').says("y ", "bash")


def test_sh_is_sh(k):
    k.run('%%sh\necho "shell: ${0}"').stdout("shell: sh\n").idle()


def test_without_bash_sh_runs_and_says_so(start, tmp_path):
    shutil.copy(shutil.which("sh"), tmp_path / "sh")
    shutil.copy(shutil.which("echo"), tmp_path / "echo")
    kernel = start()
    kernel.ok(f":env PATH={tmp_path}")
    kernel.run("%%bash\necho here").says("there is no bash", "here")


# -- history -------------------------------------------------------------------------------------


def test_the_history_is_private(start, tmp_path):
    kernel = start(XDG_STATE_HOME=str(tmp_path / "state"))
    kernel.ok("1 + 1")
    path = tmp_path / "state" / "ferrolab" / "history.jsonl"
    assert "1 + 1" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
