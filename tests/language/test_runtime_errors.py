"""Errors: panics, errors from `?`, and what Jupyter does after them."""


def test_panic_message_and_place(k):
    story = k.run('let fine = 1;\npanic!("out of {}", "luck");').fails("panic", "out of luck")
    assert f"[{story.number}]:2:1" in story.everything(), story.everything()
    assert "\x1b[" in "".join(story.failed.content["traceback"])


def test_panics_of_std_name_the_users_line(k):
    for code, text in [
        ("let v = vec![1];\nlet i = 7;\nv[i]", "index out of bounds"),
        ("let n: Option<i32> = None;\n\nn.unwrap()", "called `Option::unwrap()` on a `None` value"),
        ("let z = std::hint::black_box(0);\n\n1 / z", "divide by zero"),
    ]:
        story = k.run(code).fails("panic", text)
        assert f"[{story.number}]:3:" in story.everything(), story.everything()


def test_panic_in_a_function_of_an_earlier_cell(k):
    first = k.run("#[inline(never)]\nfn thrower(n: u32) -> u32 {\n    if n > 2 { panic!(\"deep\") }\n    n\n}").idle()
    second = k.run("#[inline(never)] fn middle(n: u32) -> u32 { thrower(n) + 1 }").idle()
    story = k.run("middle(5)").fails("panic", "deep")
    text = story.everything()
    assert f"[{first.number}]:3:" in text, text
    assert "thrower" in text and "middle" in text, f"no frames of the user's functions in\n{text}"
    for hidden in ("rust_begin_unwind", "core::panicking", "std::panicking", "__libc_start", "rayon_core"):
        assert hidden not in text, text
    assert second.number


def test_panic_on_a_line_that_uses_stored_variables(k):
    """Variables are brought in from the store without moving anything on the user's line."""
    k.run("let place_v = vec![Some(1usize), None]; let mut place_n = 1usize;").until().idle()
    # the column is the method's or the operator's left side, as rustc has it; that of an index changes between versions
    for code, place in [
        ("place_v[place_n].unwrap()", "1:18"),
        ("let a = 1;\n    place_n += place_v[place_n].unwrap();", "2:33"),
        ("place_v.iter().map(|x| {\n    let é = 1usize;\n    é + x.unwrap()\n}).sum::<usize>()", "3:11"),
        ("place_n += 1; if place_n > 1 { panic!(\"{place_n}\") }", "1:32"),
        ("println!(\"{}\", place_v.len()); None::<u8>.unwrap(); drop(place_v);", "1:43"),
        ("let zero = place_n - place_n; place_v.len() / zero", "1:31"),
    ]:
        story = k.run(code).fails("panic")
        text = story.everything()
        assert f"[{story.number}]:{place}\n" in text, f"wanted {place} in\n{text}"
    k.run("(place_v.len(), place_n)").result("(2, 1)").idle()


def test_panic_places_in_functions_of_earlier_cells(k):
    """The place names the cell that holds the line, whatever was defined since and wherever it is called from."""
    first = k.run("struct Placed(Vec<u8>);\n\nimpl Placed {\n    fn first(&self) -> u8 {\n        *self.0.first().unwrap()\n    }\n}").idle()
    k.run("// a comment\nfn place_between() -> u8 { 0 }").idle()
    second = k.run("fn place_divide(by: u32) -> u32 {\n    let n = 1;\n    n / by\n}\nplace_divide(1)").until().idle()
    k.run("let placed = Placed(vec![]); place_between()").until().idle()
    for code, place in [
        ("placed.first()", f"[{first.number}]:5:25"),
        ("\n\nplace_divide(0)", f"[{second.number}]:3:5"),
    ]:
        text = k.run(code).fails("panic").everything()
        assert f"{place}\n" in text, f"wanted {place} in\n{text}"


def test_a_panic_in_a_rayon_closure(k):
    k.run('use rayon::prelude::*; (0..1000).into_par_iter().for_each(|i| if i == 500 { panic!("in parallel") });').fails("panic", "in parallel")
    k.run("1 + 1").result("2").idle()


def test_a_panic_in_a_thread_names_its_place(k):
    story = k.run('let handle = std::thread::spawn(|| {\n    panic!("thread place")\n});\nhandle.join().unwrap();').fails("panic", "thread place")
    assert f"[{story.number}]:2:5" in story.everything(), story.everything()


def test_a_panic_in_a_thread_that_is_joined(k):
    story = k.run('let r = std::thread::spawn(|| { if true { panic!("in a thread") } }).join(); r.is_err()').until("execute_result").result("true").until().idle()
    assert "in a thread" in story.everything()


def test_a_panic_that_is_caught_is_no_error(k):
    k.run("std::panic::catch_unwind(|| { panic!(\"caught\") }).is_err()").until("execute_result").result("true").until().idle()


def test_panic_with_a_value(k):
    k.run("std::panic::panic_any(42_i32)").fails("panic", "a value that is not text")
    k.run("std::panic::resume_unwind(Box::new(7u8))").fails("panic", "without a message")
    k.run("1 + 1").result("2").idle()


def test_err_from_question_mark(k):
    story = k.run('std::fs::read_to_string("/no/such/file")?').fails(None, "No such file")
    assert "\x1b" not in story.failed.content["evalue"]


def test_err_with_sources(k):
    k.run(
        "#[derive(Debug)] struct Outer(std::num::ParseIntError);\n"
        'impl std::fmt::Display for Outer { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "outer failed") } }\n'
        "impl std::error::Error for Outer { fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { Some(&self.0) } }"
    ).idle()
    k.run('"x".parse::<i32>().map_err(Outer)?').fails(None, "outer failed", "invalid digit")


def test_output_before_a_panic_is_kept(k):
    k.run('println!("before"); panic!("after");').stdout("before\n").until("error").error("panic", "after").until().idle()


def test_a_panic_with_a_huge_message(k):
    k.run('panic!("{}", "p".repeat(2_000_000));').fails("panic")
    k.run("1 + 1").result("2").idle()


def test_a_panic_message_that_is_not_ascii(k):
    k.run('panic!("größer 🦀");').fails("panic", "größer 🦀")


def test_colours_in_a_panic_message_stay_out_of_its_value(k):
    story = k.run('panic!("\\x1b[31mred\\x1b[0m");').fails("panic", "red")
    assert story.failed.content["evalue"].startswith("red"), story.failed


def test_failed_directives_are_errors(k):
    k.run(":nosuchdirective").fails("Directive", "there is no directive `nosuchdirective`")
    k.run(":opt nine").fails("Directive", ":opt takes 0, 1, 2, 3, s or z")
    k.run("1 + 1").result("2").idle()


def test_error_stops_the_queue(k):
    bad = k.run('std::thread::sleep(std::time::Duration::from_millis(300)); panic!("stop");')
    first, second = k.run("1"), k.run("2")
    bad.fails("panic")
    first.aborted()
    second.aborted()
    k.run("3").result("3").idle()


def test_error_does_not_stop_the_queue_when_told_so(k):
    bad = k.run('std::thread::sleep(std::time::Duration::from_millis(300)); panic!("go on");', stop_on_error=False)
    after = k.run("1")
    bad.fails("panic")
    after.result("1").idle()


def test_drop_that_panics(k):
    k.run('struct Bomb; impl Drop for Bomb { fn drop(&mut self) { panic!("dropped") } }').idle()
    k.run("let bomb = Bomb;").idle()
    k.run("drop(bomb);").fails("panic", "dropped")
    k.run("1 + 1").result("2").idle()
    # a cell that fails changes nothing: it is there again
    k.run("std::mem::forget(bomb);").idle()
    k.run("bomb").fails("E0425")


def test_a_cell_that_returns_is_over_and_loses_nothing(k):
    k.ok("let mut count = 1; let word = String::from(\"kept\");")
    story = k.run("count += 1; let fresh = 5; if count == 2 { return Ok(()); } let word = 7; count = fresh + word;").until()
    story.idle()
    assert "returned before its end" in story.printed("stderr") and "fresh, word" in story.printed("stderr"), story.printed("stderr")
    k.run("count").result("2").idle()
    k.run("word").result('"kept"').idle()
    k.run("fresh").fails("E0425", "returned before its end")
    # without a value, as in a function of evcxr's
    k.run("for i in 0.. { count += 1; if i == 3 { return; } } count = 0;").until().idle()
    k.run("count").result("6").idle()
    # what it moved is gone, and is named; nothing else is
    story = k.run("drop(word); if count == 6 { return; } count = 0;").until()
    story.idle()
    assert "moved, and gone: word" in story.printed("stderr"), story.printed("stderr")
    k.run("word").fails("E0425")
    k.run(":undo").until().idle()
    k.run("count").result("6").idle()
    k.run("word").result('"kept"').idle()
