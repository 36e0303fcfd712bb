"""Protocol: input from the user through the stdin channel."""

import time

import pytest

READ = 'let mut line = String::new(); std::io::stdin().read_line(&mut line).unwrap(); '


def test_stdin_read_line(k):
    k.run(READ + "line.trim().to_string()").input("typed ä", password=False).result('"typed ä"').idle()


def test_two_lines(k):
    code = "let lines: Vec<String> = std::io::stdin().lines().take(2).map(|l| l.unwrap()).collect(); lines"
    k.run(code).input("one").input("two").result('["one", "two"]').idle()


def test_print_before_the_question_comes_first(k):
    story = k.run('println!("question"); ' + READ + "line.len()")
    story.stdout("question\n").input("abc").result("4").idle()


def test_helper_with_a_prompt(k):
    k.run('let name = display::input("Name: ", false)?;').input("Ada", prompt="Name: ", password=False).until().idle()
    k.run("name").result('"Ada"').idle()


def test_password(k):
    k.run('let secret = display::input("Password: ", true)?;').input("s3cret", prompt="Password: ", password=True).until().idle()
    k.run("secret.len()").result("6").idle()


def test_for_a_frontend_without_input_it_is_at_its_end(k):
    k.run(READ + "line.len()", allow_stdin=False).result("0").idle()
    assert not k.questions, "asked a frontend that cannot answer"
    k.run("1 + 1").result("2").idle()


def test_interrupt_while_waiting_for_input(k):
    story = k.run(READ).begin()
    k.wait(lambda: k.questions, "input_request").pop(0)
    asked = time.monotonic()
    k.interrupt()
    story.fails("Interrupted")
    assert time.monotonic() - asked < 3
    k.run("1 + 1").result("2").idle()
    k.run(READ + "line.trim().to_string()").input("again").result('"again"').idle()


def test_a_late_answer_is_dropped(k):
    k.send("input_reply", {"status": "ok", "value": "nobody asked"}, "stdin")
    k.run(READ + "line.trim().to_string()").input("mine").result('"mine"').idle()


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
