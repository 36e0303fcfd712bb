"""Small things that a user meets in the first hour: what panics where a value is wanted, words for places,
names that look like commands, and cells that stop a little too early."""

import pytest


@pytest.mark.parametrize(
    "cell",
    [
        'if true { panic!("here") } else { panic!("there") }',
        '{ panic!("here") }',
        'match 3 { 3 => panic!("here"), _ => unreachable!() }',
        'unsafe { panic!("here") }',
        'let mark = String::new();\n{ drop(mark); panic!("here") }',
    ],
)
def test_a_block_that_only_panics(k, cell):
    k.run(cell).fails("panic", "here")


def test_a_block_that_only_returns(k):
    k.run("if 1 > 0 { return } else { return; }").idle()
    k.run("return").idle()


def test_a_type_that_nothing_decides_is_still_refused(k):
    for cell, text in (
        ('"5".parse().unwrap()', "parse"),
        ("Vec::new()", "`Vec`"),
        ("None", "Option"),
        ("(1..4).map(|x| x * 2).sum()", "sum"),
        ('let parsed = "5".parse().unwrap();\nparsed', "parsed"),
    ):
        story = k.run(cell).fails(None, "type annotations needed", text)
        assert "__ferrolab" not in story.everything()


def test_numbers_take_their_usual_types_where_they_are_shown(k):
    k.run("par::sum(&[1.0, 2.0])").result("3.0").idle()
    k.run("par::sum(&vec![1, 2])").result("3").idle()
    k.run("let of_literals = par::sum(&[1.5, 2.0]);\nof_literals").result("3.5").idle()
    k.run("of_literals").result("3.5").idle()


LITERALS = ("&[1.0, 2.0]", "[1.0, 2.0]", "vec![1.0, 2.0]", "&vec![1.0, 2.0]", "&held", "&held[..]", "held.clone()")
INTEGERS = ("&[1, 2]", "[1, 2]", "vec![1, 2]", "&vec![1, 2]", "1..3", "1..=2", "par::items([1, 2])")


def test_helpers_take_literals_of_every_shape(k):
    k.run("let held = vec![1.0, 2.0];").idle()
    calls = ("par::sum({})", "par::mean({})", "par::max({}).unwrap()", "par::map({}, |x| x + x).len()")
    wanted = {"par::sum": "3", "par::mean": "1.5", "par::max": "2", "par::map": "2"}
    for shapes, zero in ((LITERALS, ".0"), (INTEGERS, "")):
        for call in calls if zero else calls[:1]:
            # One cell for all shapes, each in a place of its own.
            shown = ", ".join(call.format(shape) for shape in shapes)
            name = call.split("(")[0]
            value = wanted[name] + (zero if name in ("par::sum", "par::max") else "")
            k.run(f"({shown})").result("(" + ", ".join([value] * len(shapes)) + ")").idle()
    for call in (
        "par::sort(&mut [3, 1, 2])",
        "par::map((&[1.0, 2.0], &[3.0, 4.0]), |(a, b)| a * b)",
        "par::histogram(&[1.0, 2.0], 0.0, 3.0, 3)",
        "plot::line(&[1, 2], vec![1.0, 2.0])",
        "plot::hist([1.0, 2.0, 3.0])",
        'plot::bar(["a", "b"], [1.0, 2.0])',
        'plot::bar(&vec!["a".to_string()], &[1])',
        "threads().map([1, 2], |x| x + 1)?",
    ):
        k.ok(call)


def test_words_for_places_name_the_cell(k, tmp_path):
    k.run("1;").idle()
    number = k.run("line!()").result("1").idle().reply["execution_count"]
    k.run("(\n  file!(),\n  line!(), std::column!())").result(f'("[{number + 1}]", 3, 12)').idle()
    k.run('concat!(file!(), ":", line!())').result(f'"[{number + 2}]:1"').idle()
    k.run('let n = dbg!(2 + 3) * 2;\nn').stderr(f"[{number + 3}]:1:9 2 + 3 = 5\n").result("10").idle()
    k.run('std::dbg!(1, "two")').stderr(f'[{number + 4}]:1:1 1 = 1\n[{number + 4}]:1:1 "two" = "two"\n').result('(1, "two")').idle()
    k.run("fn lined() -> u32 {\n    dbg!();\n    line!()\n}").idle()
    k.run("lined()").stderr(f"[{number + 5}]:2:5\n").result("3").idle()
    (tmp_path / "places.rs").write_text("\npub fn place() -> (&'static str, u32) { (file!(), line!()) }")
    k.run(f'#[path = "{tmp_path}/places.rs"] mod places;\nplaces::place().0').result(f'"{tmp_path}/places.rs"').idle()
    k.run("places::place().1").result("2").idle()
    k.run("let wrong: i32 = file!();").fails("E0308", "let wrong: i32 = file!();")


def test_a_macro_of_the_users_wins(k):
    for word in ("println", "vec", "dbg", "line"):
        mine = f'macro_rules! {word} {{ ($($t:tt)*) => {{ "my {word}" }} }}'
        k.run(f"{mine}\nfn within_{word}() -> &'static str {{ {word}!(1) }}\n({word}!(2), within_{word}())").result(f'("my {word}", "my {word}")').idle()
        k.run(f"{word}!(3)").result(f'"my {word}"').idle()
        k.run(f"mod with_{word} {{ pub fn f() -> &'static str {{ {word}!(4) }} }}\nwith_{word}::f()").result(f'"my {word}"').idle()
    assert k.ok(":clear") == "variables and items are gone\n"
    k.run("vec![1]").result("[1]").idle()


def test_names_that_look_like_commands(k):
    k.run("let done = false;\n!done").result("true").idle()
    k.run("let mask = 0b1010_1010u8;\n!mask & 0x0f").result("5").idle()
    k.run("!mask").result("85").idle()
    k.run("!done && !done").result("true").idle()
    k.run("const ALL: u8 = 0;\n!ALL ^ 1").result("254").idle()
    k.run("!echo mask").stdout("mask\n").idle()
    k.run("!nobody_knows_it").fails("Shell", "(!nobody_knows_it)")
    k.run("!unknown_mask & 0x0f").fails("Shell", "(!unknown_mask & 0x0f)")
    assert "Rust" not in k.run("!ls /no/such/folder").fails("Shell").everything()


def test_a_cell_that_stops_too_early(k):
    k.run("let early = 5 // no semicolon").idle()
    k.run("early").result("5").idle()
    k.run("use std::collections::BTreeMap").idle()
    k.run("BTreeMap::from([(1, 2)])").result("{1: 2}").idle()
    k.run("const EARLY: i32 = 4").idle()
    k.run("EARLY").result("4").idle()
    k.run("/// a comment for nothing").idle()
    k.run("#[derive(Debug)]").fails(None, "attribute", "in one cell")
    k.run("let open = (1,").fails(None, "unclosed delimiter", "let open = (1,")
    k.run("let apart = 3\napart + 1").fails(None, "expected `;`")
    k.run("let nothing =").fails(None, "expected expression")


def test_directives_that_set_something_say_so(k):
    for cell, answer in (
        (":threads 1", "1 thread (by "),
        (":env SMALL_WORD=1", "SMALL_WORD=1"),
        (":build_env SMALL_WORD=1", "SMALL_WORD=1 for builds"),
        (":checks off", "checks: off"),
        (":opt 3", "optimisation level: 3"),
        (":snapshots on", "snapshots: on"),
        (":restore auto", "restore: auto"),
        (":offline off", "offline: off"),
        (":target-cpu native", "target processor: native"),
        (":edition 2024", "edition: 2024"),
        (":timing off", "timing: off"),
        (":fmt {:?}", "output format: {:?}"),
    ):
        story = k.run(cell)
        assert story.stream("stdout").startswith(answer), cell
        story.idle()


def test_a_cell_that_stops_in_the_middle_is_told_where(k):
    for cell, place in (("impl", "1:4"), ("let y =", "1:7"), ("let z = 3 +\n", "1:11"), ("struct P { x: i32 }\nfor", "2:3")):
        story = k.run(cell).fails("error", "found the end of the cell", place)
        assert "`}`" not in story.everything()
    # a brace of the user's own is one
    k.run("let a = [1, 2}").fails("error")
    assert "found `}`" in k.run("{ let w = }").fails("error").everything()


def test_an_item_that_is_named_before_it_is_defined(k):
    k.run("fn area_of_it() -> f64 { side_of_it() * Half::OF }").fails("E0425", "write `side_of_it` into this cell, or run the cell that defines it first")
    # one of two is not enough
    failed = k.run("struct Half; impl Half { const OF: f64 = 0.5; }").idle().reply["execution_count"] - 1
    k.run("fn side_of_it() -> f64 { 3.0 }").says(f"`side_of_it`, which [{failed}] named, is defined now: run that cell again")
    k.run("fn area_of_it() -> f64 { side_of_it() * Half::OF }\narea_of_it()").result("1.5").idle()
    # it is said once, and not of variables
    k.run("fn side_of_it() -> f64 { 4.0 }").idle()
    k.run("width_of_it").fails("E0425")
    k.run("let width_of_it = 3;").idle()


def test_where_crates_of_the_session_leave_a_choice_it_is_told(k):
    made = "use ndarray::{Array, Array2}; let zeros = Array2::<i32>::zeros((3, 4)); let shape = zeros.shape();"
    compared = "assert_eq!(zeros.clone().into_dyn(), other); let alike = Array::zeros(zeros.raw_dim()); assert_eq!(zeros, alike);"
    k.run(f"{made} let other = Array::zeros(shape); {compared}").fails("E0283", "say its type", "cells know more crates than std")


def test_a_name_that_a_module_has_as_well_is_still_told(k):
    k.run("let line = String::from(\"a b\"); let mut names = line.split(' ');").idle()
    number = k.run("names.next()").result('Some("a")').idle().reply["execution_count"]
    k.run("names.next()").fails("E0423", f"what [{number}] has made of it was not kept")
