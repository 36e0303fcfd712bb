"""Errors: rustc's messages on the user's own lines; nothing generated is ever seen."""

import pytest

# names that only generated code may hold
GENERATED = ("__ferrolab", "catch_unwind", "core::mem::drop", "extern \"C\" fn", "/tmp/", ".rs:", "#![")


def clean(story):
    for text in GENERATED:
        assert text not in story.everything(), f"{text} in:\n{story.everything()}"
    return story


@pytest.mark.parametrize(
    "code, name, texts, line",
    [
        ('let wrong: i32 = "text";', "E0308", ["mismatched types", "expected `i32`"], 1),
        ("let a = 1;\nlet b = unknown_name;", "E0425", ["unknown_name"], 2),
        ("\n\nfn broken() -> i32 { true }", "E0308", ["mismatched types"], 3),
        ("Vec::<i32>::new().no_such_method()", "E0599", ["no_such_method"], 1),
        ("let s = String::new(); let t = s; println!(\"{s}\");", "E0382", ["moved"], 1),
        ("use std::colections::HashMap;", "E0432", ["colections"], 1),
        ("let mut v = vec![1];\nlet r = &v;\nv.push(2);\nprintln!(\"{r:?}\");", "E0502", ["immutable"], 3),
        ("struct Half { x: i32 }\nlet h = Half { };", "E0063", ["`x`"], 2),
        ("trait Need { fn f(&self); } impl Need for u8 { }", "E0046", ["f"], 1),
        ("let v: String = (0..3).map(|x| x).collect();", "E0277", ["String"], 1),
        ("compile_error!(\"my own\");", None, ["my own"], 1),
        ("println!(\"{} {}\", 1);", None, ["2 positional arguments"], 1),
    ],
)
def test_on_the_users_line(k, code, name, texts, line):
    story = k.run(code).fails(name, *texts)
    assert f"[{story.number}]:{line}:" in story.everything(), story.everything()
    clean(story)


def test_the_users_text_is_shown_with_a_marker(k):
    story = k.run("let x = 5;\nlet total: String = x + 1;").fails("E0308")
    assert "let total: String = x + 1;" in story.everything()
    assert "^^^" in story.everything()
    clean(story)


def test_colours_in_the_traceback_only(k):
    story = k.run("let bad: i32 = true;").fails("E0308")
    assert any("\x1b[" in block for block in story.failed.content["traceback"])
    assert "\x1b" not in story.failed.content["evalue"]
    assert "\n" not in story.failed.content["evalue"]


def test_help_and_suggestion(k):
    clean(k.run("let s: String = \"abc\";").fails("E0308", "help", ".to_string()"))
    clean(k.run("let lengthy = 1; println!(\"{}\", lenghty);").fails("E0425", "lengthy"))


def test_notes_are_kept(k):
    clean(k.run("fn takes<T: Copy>(t: T) {}\ntakes(vec![1]);").fails("E0277", "Copy", "required by"))


def test_several_errors_at_once(k):
    story = k.run("let a: i32 = \"x\";\nlet b: bool = 5;\nlet c = nope;").fails("E0308", "E0425")
    for line in (1, 2, 3):
        assert f"[{story.number}]:{line}:" in story.everything(), story.everything()
    clean(story)


def test_an_error_in_an_earlier_item_names_its_cell(k):
    first = k.run("fn needs(x: i32) -> i32 { x }").idle()
    story = k.run('needs("text")').fails("E0308")
    assert f"[{story.number}]:1:" in story.everything()
    assert f"[{first.number}]:1:" in story.everything(), "the definition is in its own cell"
    clean(story)


@pytest.mark.parametrize(
    "code",
    ["fn open( {", "let x = ;", "1 +", "}", "let s = \"never closed", "/* never closed", "match 3 { 1 => }", "struct { }", "'ab'", "let 5x = 1;", "r#\"open"],
)
def test_syntax_errors(k, code):
    assert clean(k.run(code).fails()).failed.content["ename"] in ("error", "E0765", "E0758", "E0748", "E0762", "E0763"), code
    k.run("1 + 1").result("2").idle()


def test_a_failed_compile_changes_nothing(k):
    k.run("let before = 1; fn item_before() -> i32 { 5 }").idle()
    k.run("let before = 2; fn item_before() -> i32 { 6 } fn item_new() {} let x: i32 = true;").fails("E0308")
    k.run("(before, item_before())").result("(1, 5)").idle()
    k.run("item_new()").fails("E0425")


def test_warnings_do_not_fail_nor_flood(k):
    k.run("let unused_here = 5; fn never_called() {} let mut not_mutated = 1;").idle()


def test_an_error_within_a_macro_of_the_user(k):
    k.run("macro_rules! adder { ($x:expr) => { $x + 1 } }").idle()
    story = k.run('adder!("text")').fails("E0369")
    assert f"[{story.number}]:1:" in story.everything()
    clean(story)


def test_unicode_columns(k):
    story = k.run("let ä = \"ö\"; let b: i32 = ä;").fails("E0308")
    assert f"[{story.number}]:1:" in story.everything()
    clean(story)


def test_crates_have_the_names_that_users_write(k):
    # the helper crate hands rayon on, and rustc finds its traits there first
    story = clean(k.run("(0..9).into_par_iter().count()").fails("E0599", "use rayon::iter::IntoParallelIterator;"))
    assert "ferrolab" not in story.everything(), story.everything()
    k.run("use rayon::iter::IntoParallelIterator;\n(0..9).into_par_iter().count()").fails("E0599", "use rayon::iter::ParallelIterator;")
