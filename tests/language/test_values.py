"""Language: statements, trailing expressions, patterns, and what else a cell's text can be."""

import pytest


@pytest.mark.parametrize(
    "code, text",
    [
        ("1 + 1", "2"),
        ("2.5_f64 * 2.0", "5.0"),
        ('"a" .to_string() + "b"', '"ab"'),
        ("'ß'", "'ß'"),
        ("(1, 'x', true)", "(1, 'x', true)"),
        ("vec![1, 2, 3]", "[1, 2, 3]"),
        ("Some(3_u8)", "Some(3)"),
        ("if 1 < 2 { 10 } else { 20 }", "10"),
        ("{ let inner = 4; inner * inner }", "16"),
        ("match 3 { 0..=2 => 'a', _ => 'b' }", "'b'"),
        ("loop { break 7 }", "7"),
        ("(1..=10).filter(|n| n % 2 == 0).map(|n| n * n).sum::<i32>()", "220"),
        ("let base = 6; base * 7", "42"),
        ("u64::MAX", "18446744073709551615"),
        ('format!("{:>5}|", 42)', '"   42|"'),
        ("[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]"),
    ],
)
def test_trailing_expression(k, code, text):
    k.run(code).result(text).idle()


@pytest.mark.parametrize(
    "code",
    [
        "",
        "   \n\t\n  ",
        "// only a comment",
        "/* a block\n comment */",
        "//! an inner comment\n",
        "()",
        "let _ = 5;",
        "1 + 1;",
        "if false { }",
        ";;",
        "std::mem::drop(3)",
    ],
)
def test_nothing_to_show(k, code):
    k.run(code).idle()


def test_unused_results_are_no_error(k):
    k.run("Ok::<i32, String>(1).map(|x| x + 1);").until().idle()
    k.run("vec![1, 2].iter().map(|x| x + 1);").until().idle()


def test_several_statements_and_output(k):
    k.run('println!("one"); let two = 2; println!("{two}"); two + 1').stdout("one\n2\n").result("3").idle()


def test_windows_line_ends_and_byte_order_mark(k):
    k.run("let crlf = 1;\r\ncrlf + 1\r\n").result("2").idle()
    k.run("\ufeff1 + 2").result("3").idle()


def test_unicode(k):
    k.run('let größe = 3; let 名前 = "世界 🦀";').idle()
    k.run("format!(\"{größe} {名前}\")").result('"3 世界 🦀"').idle()
    k.run('println!("{}", 名前)').stdout("世界 🦀\n").idle()


def test_raw_strings_and_quotes(k):
    k.run('r#"a "quoted" \\n text"#.len()').result("18").idle()
    k.run('println!("{}", "}} // not a comment /* nor this");').stdout("}} // not a comment /* nor this\n").idle()


def test_ten_thousand_lines(k):
    lines = "\n".join(f"total += {i};" for i in range(10_000))
    k.run(f"let mut total: u64 = 0;\n{lines}\ntotal", timeout=120).result(str(sum(range(10_000)))).idle()


def test_deep_nesting_is_survived(k):
    """rustc gives up at some depth, the kernel must not: the value, or an error that says so."""
    k.run("let before_nesting = 1;").idle()
    k.run("(" * 100 + "1" + ")" * 100).result("1").idle()
    story = k.run("(" * 3000 + "1" + ")" * 3000)
    assert story.ends() == "ok" and story.everything() == "1" or story.failed.content["ename"] == "Engine" and "rustc was ended" in story.failed.content["evalue"], story.everything()
    k.run("before_nesting").result("1").idle()
