"""Jupyter's own conformance tests (jupyter_kernel_test), every sample filled in, nothing skipped."""

import os
import subprocess

import jupyter_kernel_test
import pytest

from support import process


@pytest.fixture(scope="module", autouse=True)
def installed(ferrolab, tmp_path_factory):
    """The kernel, installed as a user does, in a Jupyter folder of this file's own."""
    folder = tmp_path_factory.mktemp("jupyter")
    # a state folder too: history must hold these cells and no others
    changed = process.environment(JUPYTER_DATA_DIR=str(folder), JUPYTER_RUNTIME_DIR=str(folder / "runtime"), XDG_STATE_HOME=str(folder / "state"))
    before = dict(os.environ)
    os.environ.update(changed)
    subprocess.run([str(ferrolab), "install", "--user"], check=True, stdin=subprocess.DEVNULL)
    yield
    os.environ.clear()
    os.environ.update(before)


class TestMessages(jupyter_kernel_test.KernelTests):
    kernel_name = "ferrolab"
    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("problem");'
    completion_samples = [
        {"text": ":var", "matches": {":vars"}},
        {"text": "let v: Vec<i32> = Ve"},
        {"text": "std::collections::Hash"},
    ]
    complete_code_samples = ["1 + 1", "let x = 1;", "fn f() { 1 }", 'println!("{}", 1);', ":help", "// comment"]
    incomplete_code_samples = ["fn f() {", "let x = (1,", 'let s = "open', "match x {", "/* open"]
    invalid_code_samples = ["}", "fn f() { ] }", "let x = 1 )"]
    code_page_something = "?Vec"
    code_generate_error = 'panic!("on purpose")'
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": "(1..=4).product::<u32>()", "result": "24"},
        {"code": '"a".repeat(3)', "result": '"aaa"'},
        {"code": "vec![Some(1), None]", "result": "[Some(1), None]"},
    ]
    code_display_data = [
        {"code": 'display::html("<b>x</b>").show();', "mime": "text/html"},
        {"code": 'display::svg("<svg xmlns=\'http://www.w3.org/2000/svg\'/>").show();', "mime": "image/svg+xml"},
        {"code": 'display::markdown("# x").show();', "mime": "text/markdown"},
        {"code": 'display::latex("$x$").show();', "mime": "text/latex"},
        {"code": 'display::json("[1]").show();', "mime": "application/json"},
        {"code": "plot::line_y(&[1.0, 3.0, 2.0]).show();", "mime": "image/svg+xml"},
    ]
    code_history_pattern = "6 ? 7"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "println"
    code_clear_output = "display::clear_output(false);"


class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "ferrolab"
    support_iopub_welcome = True
