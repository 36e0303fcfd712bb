"""The second engine: evcxr behind the same session, with our errors, interrupts, displays and helpers."""

import json
import sys

import pytest

from support import process
from support.frontend import Kernel
from support.notebooks import notebook, read

BUILT = process.SECOND.exists()
PATIENCE = 600


def test_a_build_without_it_says_how_to_get_it(cli, tmp_path):
    path = notebook(tmp_path, "1 + 1")
    for arguments in (("run", path, "--engine", "evcxr"), ("install", "--engine", "evcxr", "--prefix", tmp_path)):
        done = cli(*arguments)
        assert done.returncode == 1
        assert "built without the evcxr engine" in done.stderr and "--features evcxr" in done.stderr, done.stderr
    assert not list(tmp_path.rglob("kernel.json"))
    assert "possible values: direct, evcxr" in cli("run", path, "--engine", "python").stderr


def test_the_engine_names_itself(k):
    k.run(":engine").says("direct: one rustc run per cell")


@pytest.fixture(scope="module")
def kernel(ferrolab):
    if not BUILT:
        pytest.skip("no build with the evcxr engine: cargo build --release --features evcxr, see tests/run")
    kernel = Kernel(kind="second", timeout=PATIENCE)
    yield kernel
    kernel.close()


@pytest.mark.long
def test_cells_and_its_name(kernel):
    kernel.run(":engine").says("evcxr 0.22")
    kernel.run("let n = 20; println!(\"printed\"); n + 1").stdout("printed\n").result("21").idle()
    kernel.run("n * 2").result("40").idle()


@pytest.mark.long
def test_errors_are_shown_on_the_users_own_line(kernel):
    kernel.run("let fine = 1;\nlet wrong: i32 = \"text\";").fails("E0308", "let wrong: i32 = \"text\";", ":2:")
    kernel.run("fine").fails("E0425")
    kernel.run("panic!(\"on {}\", \"purpose\")").fails("panic", "on purpose")
    kernel.run("\"x\".parse::<i32>()?;").fails("Error", "invalid digit found in string")
    kernel.run(":undo").fails("Directive", "not there on the evcxr engine")
    kernel.run("%%time\n1").fails("Directive", "not there on the evcxr engine")


@pytest.mark.long
def test_output_is_raw_and_in_order(kernel):
    story = kernel.run("println!(\"a\"); eprintln!(\"b\"); print!(\"no end\"); println!(\"\\nlast\");").until()
    story.idle()
    assert story.printed("stdout") == "a\nno end\nlast\n" and story.printed("stderr") == "b\n"
    kernel.run("use std::io::Write; std::io::stdout().write_all(b\"\\xff raw\\n\").unwrap();").says("\ufffd raw")


@pytest.mark.long
def test_standard_input_asks(kernel):
    story = kernel.run("let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap(); line")
    story.input("typed")
    story.result("\"typed\\n\"").idle()


@pytest.mark.long
def test_an_interrupt_ends_a_sleeping_cell_and_names_what_is_lost(kernel):
    kernel.run("let kept_until_then = 1;").idle()
    story = kernel.run("println!(\"go\"); std::thread::sleep(std::time::Duration::from_secs(600));").stdout("go\n")
    kernel.interrupt()
    story.fails("Interrupted", "kept_until_then")
    kernel.run("1 + 1").result("2").idle()


@pytest.mark.long
def test_an_interrupt_while_it_compiles_loses_nothing(kernel):
    kernel.run("let stays = 7;").idle()
    # each level of the macro doubles the work: rustc has minutes to do
    code = "macro_rules! grow { () => { std::hint::black_box(1u64) }; ($a:tt $($r:tt)*) => { (grow!($($r)*) ^ grow!($($r)*)) } }\n"
    story = kernel.run(code + f"grow!({'x ' * 24})").begin()
    kernel.wait(lambda: process.compiling(kernel.process.pid), "rustc")
    kernel.interrupt()
    story.fails("Interrupted")
    kernel.run("stays").result("7").idle()


@pytest.mark.long
def test_the_helpers_work_on_it(kernel):
    """Displays in order, a live bar, plots, parallel loops that look at interrupts: through the frame socket."""
    kernel.run("let squares = par::map(0..5, |x| x * x); squares").until("execute_result").result("[0, 1, 4, 9, 16]").idle()
    story = kernel.run("println!(\"before\"); display::html(\"<b>x</b>\").show(); println!(\"after\");")
    story.stdout("before\n").display("<b>x</b>", mime="text/html").stdout("after\n").idle()
    story = kernel.run("for _ in progress(0..40) { std::thread::sleep(std::time::Duration::from_millis(25)); }").until()
    story.idle()
    assert any(m.type == "display_data" for m in story.told) and any(m.type == "update_display_data" for m in story.told)
    kernel.run("plot::line(&[1.0, 2.0, 4.0], &[1.0, 4.0, 16.0])").result(mime="text/html", matches="<svg").idle()
    kernel.run("display::markdown(\"**b**\")").result("**b**", mime="text/markdown").idle()
    story = kernel.run("println!(\"on\"); par::for_each(0..10_000u64, |_| std::thread::sleep(std::time::Duration::from_millis(20)));")
    story.until("display_data")
    kernel.interrupt()
    story.until("error").error("Interrupted")
    story.until().idle()
    kernel.run("squares.len()").result("5").idle()


@pytest.mark.long
def test_run_and_install_choose_it(kernel, tmp_path):
    import subprocess

    def second(*arguments, **env):
        done = subprocess.run([process.SECOND, *map(str, arguments)], env=process.environment(**env), capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done

    path = notebook(tmp_path, "let x = 20;", "x + 1", ":quit", "x")
    second("run", path, "--engine", "evcxr", "--no-html", "-o", tmp_path / "out.ipynb")
    cells = read(tmp_path / "out.ipynb").cells
    assert cells[1].outputs[0].data["text/plain"] == "21" and not cells[3].outputs
    second("install", "--engine", "evcxr", "--prefix", tmp_path)
    spec = json.loads((tmp_path / "share/jupyter/kernels/ferrolab-evcxr/kernel.json").read_text())
    assert spec["display_name"] == "Rust (Ferrolab, evcxr)"
    assert spec["argv"][1:] == ["kernel", "--engine", "evcxr", "-f", "{connection_file}"]


@pytest.mark.long
def test_a_cluster_works_on_it():
    """Workers load the objects that evcxr made, and its build of the helper crate."""
    with Kernel(kind="second", timeout=PATIENCE, FERROLAB_PYTHON=sys.executable) as kernel:
        kernel.run("let c = Cluster::local(1)?;").until().idle()
        kernel.run("fn triple(x: u64) -> u64 { 3 * x }").until().idle()
        kernel.run("c.map(0..3u64, |x| triple(x))?").until("execute_result").result("[0, 3, 6]").until().idle()
        kernel.run("let table = vec![1.0, 2.0];").until().idle()
        kernel.run("c.map_with(&table, 0..2usize, |t, i| t[i] * 2.0)?").until("execute_result").result("[2.0, 4.0]").until().idle()
        kernel.run("c.submit(6u64, |x| triple(x))?.result()?").until("execute_result").result("18").until().idle()
        kernel.run("c.map(0..3u64, |x| { assert!(x != 2, \"no two\"); x })?").until("error").error("Error", "task 2 panicked", "no two").until().idle()
        kernel.run("c.close()?;").until().idle()
