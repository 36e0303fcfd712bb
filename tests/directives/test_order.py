"""Directives happen where they stand: code above, the directive, code below. Lines of `:dep` come before all code."""

import pathlib

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


def test_a_function_and_its_measurement_in_one_cell(k):
    story = k.run("fn order_f(n: u64) -> u64 { (0..n).sum() }\n%timeit -n 2 -r 2 order_f(3)").until().idle()
    assert "per loop" in story.everything() and "order_f" not in story.printed(), story.everything()
    k.run("order_f(4)").result("6").idle()


def test_code_directives_and_code_take_turns(k):
    story = k.run('let order_a = 20;\nprintln!("above");\n!echo between\nlet order_b = order_a + 1;\nprintln!("below");\n:t order_b\norder_a + order_b')
    story.until("execute_result").result("41").until().idle()
    assert story.printed() == "above\nbetween\nbelow\ni32\n", story.everything()


def test_what_is_there_is_seen_by_the_directive_below_it(k):
    story = k.run("let order_seen = 1.5f32;\n:vars\nlet order_later = 2;").until().idle()
    assert "order_seen" in story.everything() and "order_later" not in story.everything(), story.everything()
    k.run("order_seen + order_later as f32").result("3.5").idle()


def test_parts_of_a_cell_are_parts_of_one_session(k):
    """Closures, statics, types and imports of the part above are there below, as in cells of their own."""
    k.run(
        "use std::collections::BTreeMap;\n"
        "static ORDER_N: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(3);\n"
        "#[derive(Debug, Clone)] struct OrderP(u32);\n"
        "let order_k = 10u32;\n"
        "let order_c = move |x: u32| x + order_k;\n"
        ":timing off\n"
        "ORDER_N.fetch_add(1, std::sync::atomic::Ordering::Relaxed);\n"
        "let order_d = |x: u32| order_c(x) * 2;\n"
        "let order_m: BTreeMap<u32, OrderP> = [(1, OrderP(order_d(1)))].into();\n"
        ":timing off\n"
        "(ORDER_N.load(std::sync::atomic::Ordering::Relaxed), order_m.clone(), order_d(2))"
    ).until("execute_result").result("(4, {1: OrderP(22)}, 24)").until().idle()
    k.run("order_d(order_m[&1].0)").result("64").idle()


def test_errors_name_the_users_lines(k):
    k.run("let order_e = 1;\n\n:vars\n\nlet wrong: String = order_e;\n").fails("E0308", "]:5:")
    k.run("let order_e: u8 = 1;\n:t order_e + 1u16\norder_e").fails(None, "E0277")


def test_what_ran_above_a_failing_part_stays_and_the_error_says_so(k):
    story = k.run('let order_kept = 7;\n:timing off\npanic!("below");').fails("panic", "below")
    assert "code above line 3 of this cell ran well" in story.everything() and "before the cell" not in story.everything(), story.everything()
    k.run("order_kept").result("7").idle()
    story = k.run("let order_kept_2 = 8;\n:no_such_directive").fails("Directive", "no directive")
    assert "code above line 2" in story.everything(), story.everything()
    k.run("order_kept_2").result("8").idle()
    story = k.run('%time let order_timed = 9;\npanic!("below");').fails("panic", "below")
    assert "code above line 2" in story.everything() and "before the cell" not in story.everything(), story.everything()
    k.run("order_timed").result("9").idle()
    # alone, a cell that fails changes nothing, and nothing is said of parts
    assert "ran well" not in k.run(':timing off\nlet order_none = 1; panic!("whole")').fails("panic", "whole").everything()
    k.run("order_none").fails("E0425")


def test_a_comment_above_a_directive_is_no_part(k):
    k.run("// only a comment\n:timing off\n1 + 1").until("execute_result").result("2").idle()


def test_dependencies_come_first_wherever_they_stand(k, tmp_path):
    folder = tmp_path / "order-crate"
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text('[package]\nname = "order-crate"\nversion = "0.1.0"\nedition = "2024"\n')
    (folder / "src/lib.rs").write_text("pub fn seven() -> u32 { 7 }\n")
    k.run(f'use order_crate::seven;\nlet order_s = seven();\n:dep order-crate = {{ path = "{folder}" }}\norder_s + seven()', timeout=180).until("execute_result").result("14").until().idle()


@pytest.mark.parametrize("magic", ["%%time", "%%capture order_text"])
def test_magics_wrap_all_parts(k, magic):
    story = k.run(f'{magic}\nprintln!("one");\n:timing off\nprintln!("two");').until().idle()
    if magic == "%%time":
        assert story.printed().startswith("one\n") and story.printed().count("compile") == 1 and "two" in story.printed(), story.everything()
    else:
        assert "one" not in story.everything(), story.everything()
        k.run("order_text").result(r'"one\ntiming: off\ntwo\n"').idle()


def test_time_on_one_line(k):
    story = k.run("%time let order_t = (0..1000u64).sum::<u64>();\norder_t").until("execute_result").result("499500").until().idle()
    assert "compile" in story.printed() and "CPU" in story.printed(), story.everything()
    story = k.run("fn order_g() -> u32 { 5 }\n%time order_g()").until("execute_result").result("5").until().idle()
    assert "run" in story.printed(), story.everything()
    k.run("%time").fails("Directive", "needs code behind it")
    k.run("%time no_such_function()").fails("E0425", "]:1:7")
    k.run("%%time order_t\n1").fails("Directive", "%time order_t")


def test_undo_takes_back_the_last_part(k):
    k.run("let order_u = 1;\n:timing off\nlet order_u2 = 2;").until().idle()
    k.run(":undo").says("took back")
    k.run("order_u").result("1").idle()
    k.run("order_u2").fails("E0425")


def test_text_that_is_not_rust_stands_alone(k):
    k.run("let order_w = 1;\n%%bash\necho no").fails("Directive", "%%bash takes the rest of its cell")
    k.run("order_w").fails("E0425")
    k.run("%%dep rand\n").fails("Directive", ":dep rand")


def test_directives_run_in_the_order_written(start, tmp_path):
    build = 'fn main() { println!("cargo:rustc-env=GIVEN={}", std::env::var("ORDER_GIVEN").unwrap_or_default()); }'
    root = crate(tmp_path, "order_built", 'pub fn given() -> &\'static str { env!("GIVEN") }', build)
    kernel = start(timeout=300)
    kernel.ok(f':build_env ORDER_GIVEN=before\n:dep order_built = {{ path = "{root}" }}')
    kernel.run("order_built::given()").result('"before"').idle()


def test_consecutive_dependencies_are_one_build(start, tmp_path):
    one = crate(tmp_path, "order_one", "pub fn n() -> u8 { 1 }")
    two = crate(tmp_path, "order_two", "pub fn n() -> u8 { 2 }")
    kernel = start(timeout=300)
    story = kernel.run(
        f'!echo first\n:dep order_one = {{ path = "{one}" }}\n:dep order_two = {{ path = "{two}" }}\n!echo last\norder_one::n() + order_two::n()'
    )
    assert story.finish() == "3"
    kinds = [m.type for m in story.told if m.type in ("stream", "display_data")]
    assert kinds == ["stream", "display_data", "stream"], story.told


def test_offline_concerns_the_lines_after_it(start):
    kernel = start(timeout=300)
    story = kernel.run(':offline on\n:dep hostname-validator = "=1.0.0"').fails("Environment", "hostname-validator", "the network is off")
    assert ":offline off" in story.everything()
