"""Directives: evcxr's colon commands and Jupyter's percent, bang and question-mark habits."""

import pathlib
import re

import pytest


def test_vars(k):
    k.run("let listed = vec![1u8]; let other = 2.5;").idle()
    k.run(":vars").says("listed", "Vec<u8>", "other", "f64")


@pytest.mark.parametrize("spelling", [":type", ":t", "%type"])
def test_type(k, spelling):
    k.run("let typed = std::collections::HashMap::from([(1u8, 2.0f64)]);").idle()
    k.run(f"{spelling} typed").says("HashMap<u8, f64>")
    k.run(f"{spelling} 1u16 + 2").says("u16")
    k.run("typed.len()").result("1").idle()


def test_items(k):
    k.run("struct Listed; fn counted() -> u8 { 1 }").idle()
    k.run(":items").says("Listed", "counted")


def test_without_snapshots_a_failing_cells_changes_stay(start):
    kernel = start()
    kernel.run("let mut kept = vec![1];").idle()
    kernel.run("kept.push(2); panic!()").fails()
    kernel.run("kept.len()").result("1").idle()
    kernel.run(":snapshots off").says("snapshots: off")
    kernel.run("kept.push(2); panic!()").fails()
    kernel.run("kept.len()").result("2").idle()


def test_type_of_a_wrong_expression(k):
    k.run(":type nothing_of_the_sort").fails(None, "nothing_of_the_sort")


def test_clear(start):
    kernel = start()
    kernel.ok("let gone = 1; fn gone_too() {}")
    kernel.ok(":clear")
    kernel.run("gone").fails("E0425")
    kernel.run("gone_too()").fails("E0425")
    kernel.run("1 + 1").result("2").idle()


def test_help_lists_what_there_is(k):
    k.run(":help").says(":dep", ":vars", ":t ", ":clear", ":opt", ":timing", ":env", ":undo", ":quit", "%%time", "%%writefile")


# how much deeper the stack is 1,000 calls further down: not at all, unless the calls in last place are left as they are
DEPTH = """#[inline(never)] fn here() -> usize { let x = 0u8; std::hint::black_box(&x) as *const u8 as usize }
fn down(n: u32) -> usize { if n == 0 { here() } else { down(n - 1) } }
down(std::hint::black_box(1)) - down(std::hint::black_box(1001)) >= 8000"""


@pytest.mark.parametrize("level", ["0", "1", "2", "3", "s", "z"])
def test_opt(k, level):
    k.run(f":opt {level}").stdout(f"optimisation level: {level}\n").idle()
    k.run(DEPTH).result("true" if level == "0" else "false").idle()
    k.run(":opt 3").stdout("optimisation level: 3\n").idle()
    k.run(DEPTH).result("false").idle()


def test_checks(k):
    k.run("std::hint::black_box(255u8) + std::hint::black_box(1)").result("0").idle()
    k.ok(":checks on")
    k.run("std::hint::black_box(255u8) + std::hint::black_box(1)").fails("panic", "overflow")
    k.ok(":checks off")
    k.run("std::hint::black_box(255u8) + std::hint::black_box(1)").result("0").idle()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_target_cpu(start):
    k = start(timeout=600)
    # what is compiled for what: cells, items, and the helper library with its dependencies
    native = 'cfg!(target_feature = "avx2")'
    k.ok(f"fn of_items() -> bool {{ {native} }}\nlet lost = 1;")
    # an older processor than ours, so that the environment is another one
    k.run(":target-cpu x86-64-v3").finish()
    k.run(f"({native}, of_items(), cfg!(target_feature = \"avx512f\"))").result("(true, true, false)").idle()
    k.run("lost").fails("E0425")
    k.run("par::map(0..3, |x| x)").result("[0, 1, 2]").idle()
    k.ok(":target-cpu native")
    k.run(":target-cpu no-such-cpu").fails("Directive", "knows no processor `no-such-cpu`")
    k.run("1 + 1").result("2").idle()


def test_timing(k):
    k.ok(":timing")
    story = k.run("3 + 4").says("7")
    assert "ms" in story.everything(), story.everything()
    k.ok(":timing")
    k.run("3 + 5").result("8").idle()


def test_env_is_seen_by_cells(k):
    k.ok(":env STORY_VARIABLE=a value")
    k.run('std::env::var("STORY_VARIABLE").unwrap()').result('"a value"').idle()
    k.ok(":env STORY_EQUALS=with equals")
    k.run('std::env::var("STORY_EQUALS").unwrap()').result('"with equals"').idle()


def test_build_env_is_seen_by_the_compiler(k):
    k.ok(":build_env STORY_BUILD=built")
    k.run('env!("STORY_BUILD")').result('"built"').idle()


def test_threads(k):
    k.ok(":threads 1")
    k.run("rayon::current_num_threads()").result("1").idle()
    k.ok(":threads 2")
    k.run("rayon::current_num_threads()").result("2").idle()


def test_toolchain_and_offline(k):
    k.run(":toolchain").says("rustc 1.", "commit-hash: ", "sysroot: /")
    k.run(":toolchain no-such-toolchain").fails("Directive", "`no-such-toolchain` is not the one in use", "RUSTUP_TOOLCHAIN=no-such-toolchain")
    k.run(":offline 1").stdout("offline: on\n").idle()
    k.run(":offline").stdout("offline: on\n").idle()
    k.run(":offline 0").stdout("offline: off\n").idle()
    k.run("1 + 1").result("2").idle()


def test_version(k):
    story = k.run(":version").until().idle()
    assert re.fullmatch(r"ferrolab \d+\.\d+\.\d+, rustc 1\.\d+\.\d+.*\n", story.printed("stdout")), story.everything()


def test_directive_beside_code(k):
    k.run(":opt 2\nlet mixed = 3;\nmixed + 1").until("execute_result").result("4").idle()
    k.ok(":opt 3")


@pytest.mark.parametrize(
    "typed, nearest", [(":vras", ":vars"), (":hlep", ":help"), (":typ 1", ":type"), ("%%tiem", "%%time"), (":deps x = \"1\"", ":dep")]
)
def test_unknown_ones_name_the_nearest(k, typed, nearest):
    k.run(typed).fails(None, nearest)


def test_shell(k):
    k.run("!echo from the shell; echo problem >&2").says("from the shell", "problem")
    k.run("!exit 3").fails(None, "3")


def test_shell_output_streams(k):
    story = k.run("!echo first; sleep 2; echo second").begin()
    k.wait(lambda: k.unread.get(story.request), "first", timeout=1.5)
    story.stdout("first\nsecond\n").idle()


def test_shell_beside_code(k):
    k.run("!echo a\n1 + 1").stdout("a\n").result("2").idle()


def test_cd(start, tmp_path):
    kernel = start(cwd=str(tmp_path))
    kernel.run("std::env::current_dir().unwrap()").result(f'"{tmp_path}"').idle()


def test_writefile(start, tmp_path):
    kernel = start(cwd=str(tmp_path))
    kernel.run("%%writefile out.txt\nline 1\nline 2\n").says("out.txt")
    assert pathlib.Path(tmp_path, "out.txt").read_text() == "line 1\nline 2\n"
    kernel.run("%%writefile -a out.txt\nline 3\n").says("out.txt")
    assert pathlib.Path(tmp_path, "out.txt").read_text() == "line 1\nline 2\nline 3\n"
    kernel.run("%%writefile /no/such/folder/x\ny").fails(None, "/no/such/folder/x")


def test_capture_keeps_output_back(k):
    k.run('%%capture\nprintln!("not seen"); display::html("<b>not seen</b>").show();').idle()
    k.run("%%capture held\nprintln!(\"held back\");").idle()
    k.run("held").result(r'"held back\n"').idle()


def test_time(k):
    story = k.run("%%time\nlet timed = (0..1000u64).sum::<u64>(); timed").says("499500")
    assert "compile" in story.everything() and "CPU" in story.everything(), story.everything()
    k.run("timed").result("499500").idle()


def test_percent_spelling_of_directives(k):
    k.run("let percent = 1;").idle()
    k.run("%vars").says("percent")


@pytest.mark.parametrize("typed", ["?documented_fn", "??documented_fn"])
def test_question_mark_describes(k, typed):
    k.run("/// Doubles a number.\nfn documented_fn(x: i32) -> i32 { x * 2 }").idle()
    story = k.run(typed).until().idle()
    # frontends show the pager's payload
    text = story.everything() + str(story.reply.get("payload"))
    assert "documented_fn" in text and "Doubles a number." in text, text


def test_quit_ends_the_kernel(start):
    kernel = start()
    kernel.ok("let x = 1;")
    story = kernel.run(":quit")
    story.until().idle()
    kernel.process.wait(10)
    kernel.orphans.clear()
    assert kernel.process.returncode == 0


def test_explain(k):
    k.run(":explain E0308").says("Expected type did not match")
    k.run(":explain E9999").fails(None, "E9999")


def test_markdown(k):
    k.run("%%markdown\n# Heat\n\n$\\dot u = \\Delta u$\n").display("# Heat\n\n$\\dot u = \\Delta u$", mime="text/markdown").idle()
    k.run("%%markdown # Heat").fails("Directive", "on the next line")


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
