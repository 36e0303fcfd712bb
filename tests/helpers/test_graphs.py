"""Graphs of tasks on threads, in cells: results that stay from cell to cell, errors, interrupts, drawings that change."""

import re
import time

import pytest

NAP = "std::thread::sleep(std::time::Duration::from_millis({}))"
# counts its calls in a file: results in the process would be taken back with it
COUNTED = """
fn counted(n: u64) -> u64 {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open("calls").unwrap();
    // in one piece, since tasks of several threads write
    file.write_all(format!("{n}\n").as_bytes()).unwrap();
    n
}
"""


@pytest.fixture
def own(start, tmp_path):
    kernel = start(cwd=str(tmp_path))
    kernel.ok(COUNTED)
    kernel.calls = lambda: [int(line) for line in (tmp_path / "calls").read_text().split()] if (tmp_path / "calls").exists() else []
    return kernel


def html(message) -> str:
    return message.content["data"]["text/html"]


def test_tasks_are_made_in_one_cell_and_computed_in_another(k):
    k.ok('let words = ["a rose", "is a rose"].map(str::to_owned);')
    k.ok("let g = threads().graph();")
    k.ok("let counts = words.iter().map(|w| g.task(w.clone(), |w| w.split(' ').count())).collect::<Vec<_>>();")
    k.ok("let total = g.join(&counts, |v| v.iter().sum::<usize>());")
    k.run("total.compute()?").result("5").until().idle()
    k.run("(counts[0].is_done(), total.clone())").result(matches=r"\(true, Task\(.*done\)\)").until().idle()
    # a handle has a type that can be said, and a task of a later cell may need it
    k.ok("struct Study { total: ferrolab::graph::Task<usize, ferrolab::graph::Here> }")
    k.ok("let study = Study { total: total.then(|n| n * 100) };")
    k.run("study.total.compute()?").result("500").until().idle()


def test_a_redefined_type_takes_its_tasks_with_it(k):
    """A result of the older definition is never read as one of the newer."""
    k.ok("#[derive(Clone)] struct P { x: i32 }")
    k.ok("let g2 = threads().graph(); let p = g2.task(1, |x| P { x }); p.persist()?;")
    k.run("p.compute()?.x").result("1").until().idle()
    k.run("#[derive(Clone)] struct P { x: f32, y: f64 }").until().idle()
    k.run("p.compute()?.x").fails("E0425")


def test_results_stay_when_another_task_fails(own):
    """The cell fails, and what was finished is there all the same."""
    own.ok("let g = threads().graph(); let a = g.task(1u64, counted);")
    own.ok('let b = a.then(|n| if std::fs::exists("well").unwrap() { *n } else { panic!("not yet") }).named("check");')
    story = own.run("b.compute()?")
    story.until("error").error(None, "task `check` of", "panicked: not yet", "1 result of a graph").until().idle()
    assert own.calls() == [1]
    own.run("(a.is_done(), b.is_done())").result("(true, false)").until().idle()
    own.ok('std::fs::write("well", "")?;')
    own.run("b.compute()?").result("1").until().idle()
    assert own.calls() == [1], "it was not run again"


def test_a_graph_of_the_failing_cell_itself_is_no_reason_to_stay(own):
    own.ok("let mut kept = vec![1];")
    story = own.run("kept.push(2); let g = threads().graph(); let a = g.task(1u64, counted); a.persist()?; a.then(|_| -> u64 { panic!(\"no\") }).compute()?")
    story.until("error").error(None, "panicked: no").until().idle()
    own.run("kept").result("[1]").until().idle()


def test_an_interrupt_stops_soon_and_keeps_what_is_done(own):
    own.ok("let g = threads().graph();")
    own.ok(f"let all = (0..400u64).map(|i| g.task(i, |i| {{ {NAP.format(20)}; counted(i) }})).collect::<Vec<_>>();")
    story = own.run("g.persist(&all)?")
    deadline = time.monotonic() + 30
    while len(own.calls()) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    begun = time.monotonic()
    own.interrupt()
    story.until("error").error("Interrupted", " of a graph").until().idle()
    assert time.monotonic() - begun < 3
    done = len(own.calls())
    assert done < 300
    own.run("all.iter().filter(|t| t.is_done()).count()").result(str(done)).until().idle()
    own.ok("g.persist(&all)?;")
    assert sorted(own.calls()) == list(range(400)), "each ran once"


def test_after_a_crash_the_graph_is_as_it_was(own):
    own.ok("let g = threads().graph(); let a = g.task(20u64, counted); let twice = a.then(|n| n * 2);")
    own.ok("a.persist()?;")
    own.run("let c = twice.compute()?; unsafe { std::ptr::null_mut::<u8>().write_volatile(c as u8) }").until("error").error(None, "segmentation fault").until().idle()
    own.run("(a.is_done(), twice.is_done(), twice.compute()?)").result("(true, false, 40)").until().idle()
    assert own.calls() == [20]


def test_undo_takes_results_back(own):
    own.ok("let g = threads().graph(); let a = g.task(7u64, counted);")
    own.ok("a.persist()?;")
    own.run(":undo").until().idle()
    own.run("a.is_done()").result("false").until().idle()


def test_a_panic_in_a_task_has_its_place_in_the_cell(k):
    story = k.run('let g3 = threads().graph();\nlet bad = g3.task(1, |x: i32| {\n    assert!(x > 1, "too small: {x}");\n    x\n});\nbad.compute()?')
    story.until("error").error(None, "task 0 of", "panicked: too small: 1").until().idle()
    assert re.search(r"task 0 of \[\d+\]:2 ", story.text_of(story.failed)), story.text_of(story.failed)
    # told once, in the error, and not in a note of the thread as well
    assert re.search(r"too small: 1\s+--> \[\d+\]:3:5", story.text_of(story.failed)), story.text_of(story.failed)
    assert "panicked" not in story.printed("stderr"), story.printed("stderr")


@pytest.mark.parametrize("closure", ["|x| x + outside", "move |x: &i32| x + outside"])
def test_a_closure_that_captures_is_told_what_to_do(k, closure):
    k.ok("let outside = vec![1].len() as i32; let g4 = threads().graph(); let six = g4.task(6, |x| x);")
    k.run(f"six.then({closure}).compute()?").until("error").error(None, "cannot use variables of the notebook", "graph.value(").until().idle()
    k.run("let o = g4.value(outside); g4.join((&six, &o), |(x, o)| x + o).compute()?").result("7").until().idle()


def test_what_cannot_be_shared_is_told(k):
    k.run("threads().graph().task(1, |x: i32| std::rc::Rc::new(x))").until("error").error(None, "`Rc<i32>` cannot be sent between threads safely").until().idle()


def test_a_drawing_before_it_runs(k):
    k.ok('let g5 = threads().graph(); let top = g5.task("x".to_owned(), |s| s).named("load <1>");')
    k.ok('let end = top.then(|s| s.len()).named("count").then(|n| n + 1).named("add");')
    story = k.run("end.visualize();").display(mime="text/html", matches="load &lt;1&gt;")
    shown = story.told[-1]
    # a variable holds what was loaded, so that is not a part of a chain
    assert html(shown).count("<svg") == 2 and "chains of them are one, 2 in all" in html(shown) and ">count → add<" in html(shown)
    assert shown.content["data"]["image/svg+xml"].startswith("<svg")
    assert shown.content["data"]["text/plain"].splitlines() == ["load <1>: waiting", "count ← load <1>: waiting", "add ← count: waiting"]
    story.until().idle()


def colours(text: str) -> set[str]:
    return set(re.findall(r", (waiting|running|done|done, not kept|failed|not run: what it needs failed)</title>", text))


def test_a_drawing_that_changes_while_tasks_run(k):
    """One element, at most four times a second, in the order of time; its last picture is of the end."""
    k.ok("let g6 = threads().graph();")
    code = f"""let naps = (0..12u64).map(|i| g6.task(i, |i| {{ {NAP.format(250)}; i }})).collect::<Vec<_>>();
let sum = g6.join(&naps, |v| v.iter().sum::<u64>());
sum.compute()?"""
    begun = time.monotonic()
    story = k.run(code).until("execute_result").result("66").until().idle()
    took = time.monotonic() - begun
    shown = [m for m in story.told if m.type == "display_data"]
    updates = [m for m in story.told if m.type == "update_display_data"]
    assert len(shown) == 1 and {m.content["transient"]["display_id"] for m in updates} == {shown[0].content["transient"]["display_id"]}
    assert 3 <= len(updates) <= took * 4 + 2, f"{len(updates)} updates in {took:.1f} s"
    assert {"waiting", "running", "done"} <= colours("".join(html(m) for m in updates))
    assert colours(html(updates[-1])) == {"done"}
    done = [int(n) for m in [*shown, *updates] for n in re.findall(r"(\d+) of 13 tasks done", m.content["data"]["text/plain"])]
    assert done == sorted(done) and done[-1] == 13


def test_the_last_picture_of_a_failure(k):
    k.ok("let g7 = threads().graph();")
    k.ok(f'let slow = g7.task(0u8, |x| {{ {NAP.format(600)}; x }}).named("slow"); let bad = slow.then(|_| -> u8 {{ panic!("no") }}).named("bad"); let last = bad.then(|x| *x).named("last");')
    story = k.run("last.compute()?").until("error").error(None, "task `bad`", "task `last` of", "needs it and was not run").until().idle()
    pictures = [m for m in story.told if m.type in ("display_data", "update_display_data")]
    assert colours(html(pictures[-1])) == {"done", "failed", "not run: what it needs failed"}
    assert "1 failed, 1 not run" in pictures[-1].content["data"]["text/plain"]


def test_many_tasks_have_a_bar(k):
    k.ok("let g8 = threads().graph();")
    code = f"let many = (0..600u64).map(|i| g8.task(i, |i| {{ {NAP.format(4)}; i }})).collect::<Vec<_>>(); g8.persist(&many)?"
    story = k.run(code).until().idle()
    shown = [m for m in story.told if m.type == "display_data"]
    assert len(shown) == 1 and 'role="progressbar"' in html(shown[0])
    last = [m for m in story.told if m.type in ("display_data", "update_display_data")][-1]
    assert "600/600" in last.content["data"]["text/plain"]


def test_quiet_is_quiet(k):
    code = f"let q = threads().quiet().graph(); q.persist((0..4u64).map(|i| q.task(i, |i| {{ {NAP.format(300)}; i }})).collect::<Vec<_>>())?"
    story = k.run(code).until().idle()
    assert not [m for m in story.told if m.type == "display_data"]


def test_a_program_with_one_thread(start):
    kernel = start()
    kernel.ok(":threads 1")
    kernel.run("let g = threads().graph(); let v = (0..50u64).map(|i| g.task(i, |i| par::map(0..i, |x| x).len())).collect::<Vec<_>>(); g.join(v, |v| v.iter().sum::<usize>()).compute()?").until(
        "execute_result"
    ).result("1225").until().idle()
