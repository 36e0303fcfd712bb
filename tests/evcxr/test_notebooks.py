"""Notebooks written for evcxr run as they are: its directives, `:dep` in every form, displays, start-up files, crates.

Cells in the style of public notebooks are in `support/evcxr_style.py`; those that need big crates run with `tests/run --all`.
"""

import os
import pathlib
import subprocess

import pytest

from support import evcxr_style

LONG = 1500


def toml(folder: pathlib.Path, name: str, code: str) -> pathlib.Path:
    """A crate on disk."""
    root = folder / name
    (root / "src").mkdir(parents=True)
    (root / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2018"\n[features]\nextra = []\nmore = []\n')
    (root / "src/lib.rs").write_text(code)
    return root


def play(kernel, cells):
    """Every cell runs, and shows what stands beside it."""
    for code, wanted in cells:
        story = kernel.run(code, timeout=LONG)
        assert story.ends() == "ok", f"{code}\n{story.everything()}"
        shown = "\n".join([story.everything(), *(" ".join(m.content.get("data", {})) for m in story.told)])
        assert wanted is None or wanted in shown, f"wanted {wanted!r} of\n{code}\nin\n{shown}"


@pytest.mark.parametrize("name", evcxr_style.QUICK)
@pytest.mark.timeout(LONG)
def test_notebook(start, name):
    play(start(timeout=120), evcxr_style.QUICK[name])


@pytest.mark.long
@pytest.mark.parametrize("name", evcxr_style.LONG)
@pytest.mark.timeout(2 * LONG)
def test_notebook_with_big_crates(start, name):
    play(start(timeout=120), evcxr_style.LONG[name])


# -- dependencies --------------------------------------------------------------------------------


def test_every_form_of_dep(start, tmp_path):
    """Several in a cell, comments and empty lines between, underscored keys, a path, a path with a table, over lines, `*`."""
    one = toml(tmp_path, "form-one", "pub fn one() -> i32 { 1 }")
    toml(tmp_path, "form_two", "pub fn two() -> i32 { if cfg!(feature = \"extra\") { 2 } else { 0 } }")
    toml(tmp_path, "form_three", "pub fn three() -> i32 { if cfg!(all(feature = \"extra\", feature = \"more\")) { 3 } else { 0 } }")
    git = toml(tmp_path, "form_git", "pub fn four() -> i32 { 4 }")
    for line in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "one"]):
        subprocess.run(["git", *line], cwd=git, check=True)
    kernel = start(cwd=str(tmp_path), timeout=LONG)
    kernel.ok(
        f"// what the notebook needs\n:dep {one}\n\n"
        ':dep form_two = { path = "form_two", default_features = false, features = ["extra"] }  // underscored\n'
        "// the last one goes on over lines\n"
        ':dep form_three = { path = "./form_three", features = [\n    "extra", # one\n    "more",\n] }\n'
        f':dep form_git = {{ git = "file://{git}" }}\n'
        "use form_one::one;",
        timeout=LONG,
    )
    kernel.run("one() + form_two::two() + form_three::three() + form_git::four()").result("10").idle()
    kernel.run(":show_deps").says(":dep form_git = ", ":dep form_two = ", "extra")


def test_dependencies_as_a_manifest_has_them(start, tmp_path):
    toml(tmp_path, "table_one", "pub fn f() -> i32 { 1 }")
    toml(tmp_path, "table-two", "pub fn f() -> i32 { 2 }")
    kernel = start(cwd=str(tmp_path), timeout=LONG)
    kernel.ok('%%dep\n# as in Cargo.toml\n[dependencies.table_one]\npath = "table_one"\n[dependencies]\ntable-two = { path = "table-two" }\n', timeout=LONG)
    kernel.run("table_one::f() + table_two::f()").result("3").idle()
    kernel.run('%%dep\nitoa = = "1"').fails(None, "line 1")
    kernel.run("%%dep\n").fails(None, "Cargo.toml")


def test_extern_crate_adds_the_crate(start):
    """evcxr takes any version of a crate that `extern crate` names and nobody asked for."""
    kernel = start(timeout=LONG)
    kernel.ok("extern crate itoa;\nextern crate core;", timeout=LONG)
    kernel.run("itoa::Buffer::new().format(17u8).to_string()").result('"17"').idle()
    kernel.run("extern crate no_such_crate_of_these_tests;").fails(None, "no_such_crate_of_these_tests")


# -- directives ----------------------------------------------------------------------------------

# every command of evcxr 0.22, as its notebooks write it
COMMANDS = """:internal_debug :load_config|--quiet :version :vars :type|told :t|told :preserve_vars_on_panic|1 :show_deps
:last_compile_dir :opt|2 :opt|3 :fmt|{:?} :types :types :efmt|{} :toolchain :offline|0 :allow_static_linking|1 :timing :timing
:time_passes :sccache|1 :cache|500 :clear_cache :linker|lld :codegen_backend|default :build_env|EVCXR_STORY=1 :env|EVCXR_STORY=1
:last_error_json :help :doc|Vec :restart :clear""".split()


def test_every_command_of_evcxr_is_known(start):
    kernel = start()
    kernel.ok("let told = 1;")
    for command in COMMANDS:
        kernel.ok(command.replace("|", " "))
    kernel.run("told").fails("E0425")
    kernel.run(":explain").says("unresolved name")
    kernel.run("1 + 1").result("2").idle()


def test_fmt(start):
    kernel = start()
    kernel.run(":fmt {:#?}").says("{:#?}")
    kernel.run("(1, 2)").result("(\n    1,\n    2,\n)").idle()
    kernel.run("#[derive(Debug)] struct Point { x: i32 }\nPoint { x: 1 }").result("Point {\n    x: 1,\n}").idle()
    kernel.ok(":fmt {}")
    kernel.run('"as text"').result("as text").idle()
    # evcxr refuses these
    kernel.run("vec![1, 2]").result("[1, 2]").idle()
    kernel.run('println!("said")').stdout("said\n").idle()
    kernel.ok(":fmt {:.2}")
    kernel.run("let width = 2.0_f64.sqrt(); width").result("1.41").idle()
    kernel.run("width").result("1.41").idle()
    kernel.run(":fmt nothing").fails(None, "placeholder")
    kernel.ok(":fmt {:?}")
    kernel.run('"quoted"').result('"quoted"').idle()


def test_types(start):
    kernel = start()
    kernel.ok(":types")
    kernel.run("vec![Some(1u8)]").result(": Vec<Option<u8>> = [Some(1)]").idle()
    kernel.run('println!("no unit");').stdout("no unit\n").idle()
    kernel.ok(":types")
    kernel.run("1u8").result("1").idle()


def test_efmt(start):
    kernel = start()
    kernel.run('"x".parse::<i32>()?;').fails(None, "invalid digit")
    kernel.ok(":efmt {:?}")
    kernel.run('"y".parse::<i32>()?;').fails(None, "InvalidDigit")
    kernel.run(":efmt {:x}").fails(None, "{:?}")


def test_restart_keeps_items(start):
    kernel = start()
    kernel.ok("fn kept() -> i32 { 5 }\nlet gone = 1;")
    kernel.run(":restart").says("gone")
    kernel.run("kept()").result("5").idle()
    kernel.run("gone").fails("E0425")


def test_the_toolchain_in_use_may_be_named(start):
    kernel = start()
    active = subprocess.run(["rustup", "show", "active-toolchain"], capture_output=True, text=True)
    if active.returncode != 0:
        pytest.skip("there is no rustup")
    kernel.run(f":toolchain {active.stdout.split()[0]}").says("rustc")
    kernel.run(":toolchain no-such-toolchain").fails(None, "RUSTUP_TOOLCHAIN=no-such-toolchain")
    # notebooks ask for it because of features that were unstable once
    kernel.run(":toolchain nightly").says("rustc", "sysroot")


def test_doc_of_what_is_not_known_is_no_error(k):
    # the frontend's pager shows it
    k.ok(":doc Vec")
    k.run(":doc ndarray::Array2").says("docs.rs/ndarray")
    k.run(":doc no_such_thing").says("docs.rs")
    k.run(":doc").fails(None, "needs a name")


# -- displays ------------------------------------------------------------------------------------


def test_several_contents_and_types(k):
    """What showata, plotly and others print: several blocks, JSON as an object, images as base64."""
    k.run(
        "struct Both; impl Both { fn evcxr_display(&self) {\n"
        'println!("EVCXR_BEGIN_CONTENT application/vnd.x+json\\n{{\\"a\\": [1]}}\\nEVCXR_END_CONTENT");\n'
        'println!("EVCXR_BEGIN_CONTENT image/png\\niVBORw0KGgo=\\nEVCXR_END_CONTENT"); } }'
    ).idle()
    story = k.run("Both").until()
    assert story.shown("application/vnd.x+json") == [{"a": [1]}]
    assert story.shown("image/png") == ["iVBORw0KGgo="]
    story.idle()


def test_content_behind_a_print(k):
    story = k.run('print!("figure: "); println!("EVCXR_BEGIN_CONTENT text/html\\n<b>f</b>\\nEVCXR_END_CONTENT"); println!("after");')
    story.stdout("figure: ").display("<b>f</b>", mime="text/html").stdout("after\n").idle()


def test_a_generic_type_with_evcxr_display(k):
    k.run(
        "use std::fmt::Debug;\npub struct Grid<T> { pub values: Vec<T>, pub row: usize }\n"
        "impl<T: Debug> Grid<T> { pub fn evcxr_display(&self) {\n"
        'let rows: String = self.values.chunks(self.row).map(|r| format!("<tr>{}</tr>", r.iter().map(|v| format!("<td>{v:?}</td>")).collect::<String>())).collect();\n'
        'println!("EVCXR_BEGIN_CONTENT text/html\\n<table>{rows}</table>\\nEVCXR_END_CONTENT"); } }\n'
        "let grid = Grid { values: vec![1, 2, 3, 4], row: 2 };\ngrid"
    ).display("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>", mime="text/html").idle()


def test_a_trait_with_evcxr_display(k):
    """showata's way: a trait in scope gives foreign types the method."""
    k.run(
        'trait Shown { fn evcxr_display(&self); }\nimpl Shown for Vec<u8> { fn evcxr_display(&self) { println!("EVCXR_BEGIN_CONTENT text/html\\n<i>{}</i>\\nEVCXR_END_CONTENT", self.len()); } }'
    ).idle()
    k.run("vec![1u8, 2]").display("<i>2</i>", mime="text/html").idle()
    k.run("vec![1u16, 2]").result("[1, 2]").idle()


@pytest.mark.timeout(LONG)
def test_input(start):
    kernel = start(timeout=LONG)
    kernel.ok(":dep evcxr_input", timeout=LONG)
    story = kernel.run('let name = evcxr_input::get_string("Name: who?"); name')
    story.input("Ada", prompt="Name: who?", password=False).result('"Ada"').idle()
    story = kernel.run('evcxr_input::get_password("Key?").len()')
    story.input("secret", password=True).result("6").idle()


# -- words of older editions ---------------------------------------------------------------------


def test_gen_is_a_name(k):
    k.run("struct Dice(u32); impl Dice { fn gen<T: From<u8>>(&mut self) -> T { self.0 += 1; T::from(self.0 as u8) } }").idle()
    k.run("let mut gen = Dice(0); let first: u32 = gen.gen(); let second = gen.gen::<f64>();").idle()
    k.run("(first, second, gen.0)").result("(1, 2.0, 2)").idle()
    k.run('for gen in 0..2 { println!("gen {}", gen); }').stdout("gen 0\ngen 1\n").idle()
    k.run("gen.gen::<u64>() + missing").fails("E0425", "missing")


# -- start-up files ------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path):
    """evcxr's configuration directory."""
    folder = tmp_path / "config"
    folder.mkdir()
    return folder


def write(path: pathlib.Path, text: str, mode: int = 0o644) -> pathlib.Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_init_and_prelude_run_before_the_first_cell(start, config, tmp_path):
    toml(tmp_path, "at_start", "pub fn f() -> i32 { 30 }")
    write(config / "init.evcxr", f":dep {tmp_path}/at_start\n")
    write(config / "prelude.rs", 'use at_start::f;\nfn add(a: i32) -> i32 { a + f() }\nlet ready = true;\nprintln!("prelude says");\nready')
    kernel = start(EVCXR_CONFIG_DIR=str(config), timeout=LONG)
    story = kernel.run("add(1)", timeout=LONG).until("execute_result", "error")
    assert "prelude says\n" in story.printed("stdout"), story.everything()
    story.result("31").idle()
    kernel.run("ready").result("true").idle()
    kernel.run('add("x")').fails("E0308", "[prelude.rs]:2")


def test_the_directory_below_config(start, config):
    write(config / "prelude.rs", "let below = 4;")
    config.rename(config.parent / "evcxr")
    start(XDG_CONFIG_HOME=str(config.parent), EVCXR_CONFIG_DIR="").run("below").result("4").idle()


def test_evcxr_toml_beside_the_notebook(start, tmp_path):
    toml(tmp_path, "of_toml", "pub fn f() -> i32 { 7 }")
    write(tmp_path / "evcxr.toml", '[evcxr]\ntmpdir = "/x"\nopt_level = "1"\nprelude = "use of_toml::f;"\n[dependencies]\nof_toml = { path = "of_toml" }\n')
    kernel = start(cwd=str(tmp_path), timeout=LONG, EVCXR_CONFIG_DIR=str(tmp_path / "none"))
    kernel.run("f()", timeout=LONG).until("execute_result", "error").result("7").idle()


def test_a_start_up_file_that_fails_is_told_once(start, config):
    write(config / "prelude.rs", "let fine = 1;\nlet broken: i32 = \"text\";")
    kernel = start(EVCXR_CONFIG_DIR=str(config))
    story = kernel.run("1 + 1").until("execute_result", "error")
    told = story.printed("stderr")
    for text in ("prelude.rs", "mismatched types", "[prelude.rs]:2", ":load_config"):
        assert text in told, f"{text!r} is missing in\n{told}"
    story.result("2").idle()
    kernel.run("1 + 2").result("3").idle()
    kernel.run(":load_config").fails("E0308", "mismatched types")
    write(config / "prelude.rs", "let fine = 1;")
    kernel.run(":load_config").says("loading", "prelude.rs")
    kernel.run("fine").result("1").idle()
    (config / "prelude.rs").unlink()
    kernel.run(":load_config").says("no evcxr.toml")
    kernel.run(":load_config --loud").fails(None, "--quiet")


def test_a_file_that_others_could_have_written_is_not_run(start, config, root_user):
    write(config / "prelude.rs", "let foreign = 1;", 0o666)
    if root_user:
        os.chown(write(config / "init.evcxr", "let alien = 1;"), 65534, 65534)
    kernel = start(EVCXR_CONFIG_DIR=str(config))
    story = kernel.run("foreign").fails("E0425")
    assert "chmod go-w" in story.printed("stderr"), story.everything()
    if root_user:
        assert "uid 65534" in story.printed("stderr"), story.everything()
        kernel.run("alien").fails("E0425")


def test_an_interrupt_while_files_run_is_the_cells(start, config):
    write(config / "prelude.rs", 'println!("long");\nstd::thread::sleep(std::time::Duration::from_secs(60));')
    kernel = start(EVCXR_CONFIG_DIR=str(config))
    story = kernel.run("1 + 1").begin()
    kernel.wait(lambda: any("long" in str(m.content) for m in kernel.unread.get(story.request, [])), "the prelude", 60)
    kernel.interrupt()
    story.fails("Interrupted")
    kernel.run("1 + 1").result("2").idle()


# -- habits of scripts and IPython ---------------------------------------------------------------


@pytest.mark.parametrize(
    "text, words",
    [
        ("#!/usr/bin/env rust-script\nlet x = 1;", ["line 1", "delete"]),
        ("let a = 1;\n# a comment", ["line 2", "// a comment"]),
        ("## Part one", ["Markdown"]),
        ("!pip install ndarray", [":dep ndarray"]),
        ("%pip install -q rand", [":dep rand"]),
        ("%matplotlib inline\n1", ["inline", "delete"]),
        ("%load_ext autoreload", ["IPython"]),
        ("%cd /tmp", ["set_current_dir"]),
        ("%whos", [":vars"]),
        ("%%html\n<b>x</b>", ["display::html"]),
        ("%%python\nprint(1)", ["%%bash"]),
        ("%%rust\n1", ["delete"]),
    ],
)
def test_lines_from_elsewhere_say_what_to_write(k, text, words):
    k.run(text).fails("Directive", *words)


def test_attributes_are_no_comments(k):
    k.run("#![allow(unused)]\n#[derive(Debug)]\n# [derive(Clone)]\nstruct Attributed;\nAttributed.clone()").result("Attributed").idle()
    k.run('let text = "\n# not a comment\n#!/bin/sh";\ntext.lines().count()').result("3").idle()
    k.run('!echo pip install').stdout("pip install\n").idle()


# -- doctor --------------------------------------------------------------------------------------


def test_doctor_says_what_to_carry_over(cli, tmp_path, config):
    spec = tmp_path / "data/kernels/rust"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["/opt/bin/evcxr_jupyter", "--control_file", "{connection_file}"], "display_name": "Rust", "language": "rust"}')
    write(config / "prelude.rs", "let x = 1;")
    write(config / "init.evcxr", ":dep itoa", 0o666)
    (tmp_path / "old.ipynb").write_text('{"metadata": {"kernelspec": {"name": "rust"}}, "cells": []}')
    done = cli("doctor", "--evcxr", cwd=tmp_path, JUPYTER_DATA_DIR=tmp_path / "data", EVCXR_CONFIG_DIR=config, EVCXR_TMPDIR="/x")
    assert done.returncode == 0, done.stderr
    for text in ("/opt/bin/evcxr_jupyter", "ferrolab install --name rust", "prelude.rs runs before", "init.evcxr is not run", "chmod go-w", "old.ipynb", "ferrolab run old.ipynb", "EVCXR_TMPDIR"):
        assert text in done.stdout, f"{text!r} is missing in\n{done.stdout}"


def test_doctor_without_evcxr(cli, tmp_path):
    done = cli("doctor", "--evcxr", "--json", cwd=tmp_path, HOME=tmp_path, CARGO_HOME=tmp_path, JUPYTER_DATA_DIR=tmp_path / "d", EVCXR_CONFIG_DIR=tmp_path / "none")
    assert done.returncode == 0 and "no evcxr.toml" in done.stdout, done.stdout + done.stderr


def test_a_notebook_of_evcxr_runs_without_its_kernel(cli, tmp_path):
    cells = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": [":dep itoa\n", "extern crate itoa;"]},
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": ["itoa::Buffer::new().format(3).len()"]},
    ]
    import json

    spec = {"display_name": "Rust", "language": "rust", "name": "rust"}
    notebook = {"cells": cells, "metadata": {"kernelspec": spec, "language_info": {"name": "Rust"}}, "nbformat": 4, "nbformat_minor": 2}
    (tmp_path / "old.ipynb").write_text(json.dumps(notebook))
    done = cli("run", "old.ipynb", "--no-html", "-o", "out.ipynb", cwd=tmp_path, timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "out.ipynb").read_text())["cells"][1]["outputs"][0]["data"]["text/plain"]
