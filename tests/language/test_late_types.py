"""A variable whose type only a later cell says, as a function's body may say it at its end."""

import pytest


@pytest.mark.parametrize(
    ("made", "used", "shown"),
    [
        ("let mut late_a = Vec::new();", "late_a.push(1.5f32); late_a", "[1.5]"),
        ("use std::collections::HashMap;\nlet mut late_b = HashMap::new();", '*late_b.entry("x").or_insert(0u8) += 1; late_b', '{"x": 1}'),
        ("let mut late_c = vec![None; 3];", "late_c[1] = Some('y'); late_c", "[None, Some('y'), None]"),
        ("let late_d;", "late_d = 7u64; late_d * 2", "14"),
        ("let (late_i, late_j);", "(late_i, late_j) = (1, 'k'); (late_j, late_i)", "('k', 1)"),
        ("let cell = std::cell::RefCell::new(Vec::new());", "cell.borrow_mut().push(3i8); cell.into_inner()", "[3]"),
        ("let (mut late_e, mut late_f) = (Vec::new(), String::new());", "late_f.push('z'); late_e.push(late_f.len()); late_e", "[1]"),
        ("let late_g = Vec::with_capacity(16);", "let late_h: Vec<u8> = late_g; late_h.capacity()", "16"),
    ],
)
def test_the_first_cell_that_says_it_makes_it(k, made, used, shown):
    k.run(made).says("no type", "the first cell that gives")
    k.run(used).result(shown).idle()


def test_it_is_a_variable_like_others_from_then_on(k):
    k.run("let mut grown = Vec::new();").says("grown")
    k.run(":vars").display(matches=r"grown +_ \(no type yet\)").idle()
    k.run("for i in 0..3 { grown.push(i as f64); }").idle()
    k.run(":t grown").stdout("Vec<f64>\n").idle()
    k.run("grown.iter().sum::<f64>()").result("3.0").idle()


def test_a_channel_between_cells(k):
    k.run("let (wire, sink) = std::sync::mpsc::channel();").says("`wire`, `sink` have no types yet")
    k.run("let sender = std::thread::spawn(move || for i in 0..3u8 { wire.send(i).unwrap() });").idle()
    k.run("sender.join().unwrap(); sink.iter().map(u32::from).sum::<u32>()").result("3").idle()


def test_other_variables_of_the_cell_are_there(k):
    k.run("let mut first = Vec::new(); let mut second = Vec::new(); let third = 5;").says("`first` has", "`second` has")
    k.run("first.push(third); first").result("[5]").idle()
    k.run('second.push("text"); second').result('["text"]').idle()


def test_a_cell_that_fails_leaves_it_waiting(k):
    k.run("let mut patient = Vec::new();").says("patient")
    # nothing says the type; it is told where it was written
    number = k.run("1").result("1").idle().reply["execution_count"]
    k.run("patient.len()").fails("E0282", f"[{number - 1}]:1:5")
    k.run('patient.push(1); panic!("after it was made")').fails("panic")
    k.run("let wrong: i32 = true; patient.push(1);").fails("E0308", "let wrong: i32 = true")
    k.run("patient.push('c'); patient").result("['c']").idle()


def test_it_hides_an_older_variable_and_is_hidden_by_a_newer_one(k):
    k.run("let mut again = vec![1, 2];").idle()
    k.run("let mut again = Vec::new();").says("again")
    k.run('again.push("new"); again').result('["new"]').idle()
    k.run("let mut again = Vec::new();").says("again")
    k.run("let again = 4;").idle()
    k.run("again").result("4").idle()


def test_undo_takes_it_back(k):
    k.run("let mut undone = Vec::new();").says("undone")
    k.run(":undo").stdout("took back the last cell\n").idle()
    k.run("undone").fails("E0425")


def test_what_does_more_than_make_something_is_told_as_before(k):
    k.run('let parsed = "5".parse().unwrap();').fails("E0284", "type annotations needed")
    k.run('struct Loud<T>(Vec<T>); impl<T> Loud<T> { fn new() -> Self { println!("made"); Loud(Vec::new()) } }').idle()
    k.run("let loud = Loud::new();").fails("E0282", "let loud: ")
    k.run("let used = Vec::new(); used.len()").fails("E0282", "let used: ")
    k.run("let mut timed = Vec::new();").says("timed")
    # what is measured runs many times, and makes nothing
    k.run("%timeit timed.len()").fails("E0425", "`timed` has no type yet")


def test_the_second_run_of_a_notebook_compiles_nothing(start):
    cells = ["let mut twice = Vec::new();", "twice.push(1u16);", "twice"]
    for _ in range(2):
        kernel = start()
        kernel.run(cells[0]).says("twice")
        kernel.run(cells[1]).idle()
        kernel.run(cells[2]).result("[1]").idle()


@pytest.mark.parametrize(
    ("made", "used", "meant"),
    [
        ("let small = 200;", "let bytes: Vec<u8> = vec![small];", "let small: u8 = …"),
        ("let mut tally = vec![0; 4];", "fn total(v: &[u64]) -> u64 { v.iter().sum() }\ntotal(&tally)", "let mut tally: Vec<u64> = …"),
        ("let half = 0.5;", "let x = 2.0f32;\nx * half", "let half: f32 = …"),
    ],
)
def test_a_number_that_nothing_typed_is_explained_where_another_type_is_wanted(k, made, used, meant):
    number = k.run(made).idle().reply["execution_count"]
    k.run(used).fails(None, f"[{number}], which made it, says nothing of its number's type", meant)


def test_a_number_that_was_typed_needs_no_such_words(k):
    k.run("let typed: i32 = 200; let suffixed = 3i32;").idle()
    for name in ("typed", "suffixed"):
        story = k.run(f"let other: u8 = {name};").fails("E0308")
        assert "says nothing" not in story.text_of(story.failed)
