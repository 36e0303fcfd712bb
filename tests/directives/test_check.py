"""What is wrong with code, without running it: `:check`, `%%check`, and the request that tools send."""

import time

import pytest

DATA = "application/vnd.ferrolab.check+json"


def check(k, code: str, **more) -> dict:
    content = k.ask("check", code=code, **more)
    assert content["status"] == "ok", content
    return content


def applied(code: str, suggestion: dict) -> str:
    """The code with a suggested change."""
    for edit in sorted(suggestion["edits"], key=lambda edit: -edit["start"]["offset"]):
        assert edit["cell"] is None
        code = code[: edit["start"]["offset"]] + edit["replacement"] + code[edit["end"]["offset"] :]
    return code


def test_errors_are_told_with_places_and_nothing_runs(k):
    k.run("let mut kept = vec![1, 2, 3];").finish()
    code = 'kept.push(4);\nlet grüße: u32 = "text";'
    found = check(k, code)
    assert found["ok"] is False
    error = found["diagnostics"][0]
    assert error["code"] == "E0308" and error["message"] == "mismatched types"
    where = error["spans"][0]
    assert where["primary"] and where["cell"] is None
    assert (where["start"]["line"], where["start"]["column"]) == (2, 18)
    assert code[where["start"]["offset"] : where["end"]["offset"]] == '"text"'
    assert "[check]:2:18" in found["text"]
    assert k.ok("kept.clone()") == "[1, 2, 3]"


def test_a_suggestion_mends_the_code(k):
    """A scripted client repairs a type error from the answer alone."""
    k.run("let owned = String::from(\"a\");\nlet untouched = vec![5];").finish()
    code = "fn takes(text: &str) -> usize { text.len() }\ntakes(owned)"
    for _ in range(3):
        found = check(k, code)
        if found["ok"]:
            break
        code = applied(code, found["diagnostics"][0]["suggestions"][0])
    assert found["ok"] and code.endswith("takes(&owned)")
    assert k.ok(code) == "1"
    assert k.ok("untouched.clone()") == "[5]"


def test_what_is_well_tells_what_it_would_bind(k):
    k.run("struct Checked { x: f64 }").finish()
    found = check(k, "let c = Checked { x: 1.0 };\nlet squares: Vec<u64> = (1..4).map(|n| n * n).collect();")
    assert found["ok"] and found["diagnostics"] == []
    assert {"name": "c", "type": "Checked"} in found["bindings"] and {"name": "squares", "type": "Vec<u64>"} in found["bindings"]
    k.run("c.x").fails("E0425")
    # items of the text itself, and those that it would replace
    assert check(k, "struct Checked { y: i32 }\nlet d = Checked { y: 1 };\nd.y")["ok"]
    assert k.ok("Checked { x: 2.5 }.x") == "2.5"


def test_errors_in_syntax_and_directives(k):
    found = check(k, "let x = (1;")
    assert not found["ok"] and found["diagnostics"] and found["diagnostics"][0]["spans"][0]["start"]["line"] == 1
    found = check(k, "%%nothing\nx")
    assert not found["ok"] and "nothing" in found["text"]
    found = check(k, ":dep no_such_crate\n1 + 1;\n:vars")
    assert found["ok"] and found["left_out"] == [":dep no_such_crate"]
    reply = k.ask("check")
    assert reply["status"] == "error" and "code" in reply["evalue"]


def test_directives_among_the_code(k):
    """Each part knows what those above it would define."""
    found = check(k, "fn early() -> i32 { 3 }\nlet first = early();\n:vars\nlet second = first + early();\n%timeit second + 1")
    assert found["ok"], found["text"]
    assert [b["name"] for b in found["bindings"]] == ["first", "second"]
    found = check(k, "let first = 1;\n:vars\nlet second: String = first;")
    assert not found["ok"] and found["diagnostics"][0]["spans"][0]["start"]["line"] == 3


def test_a_check_goes_on_while_a_cell_runs(k):
    k.run("let before = 2.5;").finish()
    story = k.run('println!("began"); std::thread::sleep(std::time::Duration::from_secs(8)); let after = 1;')
    story.seen("began")
    found = check(k, "before * 2.0 + after")
    assert not found["ok"] and "after" in found["text"]
    assert check(k, "before * 2.0")["ok"]
    assert k.ask("check", "control", code="before.sqrt()")["ok"]
    story.finish()
    assert check(k, "before * f64::from(after)")["ok"]


def test_the_directives(k):
    k.run("let number = 7;").finish()
    story = k.run(":check number.push(1)")
    story.until("display_data")
    message = story._take("display_data")
    assert message.content["data"][DATA]["diagnostics"][0]["code"] == "E0599"
    assert "no method named `push`" in message.content["data"]["text/plain"]
    assert message.content["data"][DATA]["diagnostics"][0]["spans"][0]["start"]["column"] == 15
    story.idle()
    story = k.run('%%check\nprintln!("never");\nlet fresh = number + 1;\nfresh')
    story.until("display_data")
    data = story._take("display_data").content["data"]
    assert data[DATA]["ok"] and "fresh: i32" in data["text/plain"]
    story.idle()
    k.run("fresh").fails("E0425")
    k.run(":check").fails("Directive")


def test_checking_is_quicker_than_running(k):
    """Nothing is generated: what takes long to optimise is checked soon. Both are measured here, one after the other."""
    def body(n: int) -> str:
        return "".join(f"let v{n}_{i}: Vec<String> = (0..{i + 9}u64).map(|x| format!(\"{{x:>{i + 3}}}\")).filter(|s| s.len() > {i}).collect();\n" for i in range(12))

    check(k, "1")
    began = time.monotonic()
    assert check(k, body(1))["ok"]
    checked = time.monotonic() - began
    began = time.monotonic()
    k.run(body(2)).finish()
    assert checked < time.monotonic() - began


@pytest.mark.parametrize("code", ["", "   ", "// only a comment", "use std::fmt;", "#[derive(Debug)]\nstruct Alone;"])
def test_texts_without_statements(k, code):
    assert check(k, code)["ok"]


def test_the_state_is_told_while_a_cell_runs(k):
    k.run("let told = vec![1u8];\nfn told_too(x: i32) -> i32 { x }").finish()
    story = k.run('println!("began"); std::thread::sleep(std::time::Duration::from_secs(3));')
    story.seen("began")
    state = k.ask("state", "control")
    assert state["status"] == "ok" and {"name": "told", "type": "Vec<u8>"} in state["variables"]
    assert any("told_too" in item for item in state["items"]) and "ndarray" in state["crates"]
    story.finish()
