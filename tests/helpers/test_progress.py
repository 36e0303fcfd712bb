"""Progress: several bars in one display, nested ones, states, other crates' bars; tables beside them."""

import re

import pytest

SLEEP = "std::thread::sleep(std::time::Duration::from_millis(20))"


def bars(story) -> tuple[list[str], list[str]]:
    """The display ids in order of appearance, and every text that was shown."""
    ids, texts = [], []
    for message in story.told:
        if message.type in ("display_data", "update_display_data"):
            name = message.content["transient"]["display_id"]
            if name not in ids:
                assert message.type == "display_data", "an update of what nobody has seen"
                ids.append(name)
            texts.append(message.content["data"]["text/plain"])
    return ids, texts


def test_nested_bars_are_one_block(k):
    code = f"for _ in progress(0..5).message(\"epoch\") {{ for _ in progress(0..20).message(\"batch\") {{ {SLEEP}; }} }}"
    story = k.run(code).until().idle()
    ids, texts = bars(story)
    assert len(ids) == 1, "one element for all"
    assert len(texts) <= 10 * 2 + 8, f"{len(texts)} messages in about 2 s"
    both = [text for text in texts if "batch" in text]
    assert both and all(text.index("epoch") < text.index("batch") and len(text.splitlines()) == 2 for text in both), both
    assert re.search(r"^ +batch", both[0], re.M), "nested bars are indented"
    assert texts[-1].splitlines()[0].startswith("epoch: 100%") and "batch" not in texts[-1], texts[-1]


def test_a_thousand_nested_loops_leave_one_line(k):
    story = k.run("for i in progress(0..1000u64).message(\"all\") { for j in progress(0..10u64) { std::hint::black_box(i * j); } }").until().idle()
    ids, texts = bars(story)
    assert len(ids) == 1 and len(texts) < 40
    assert len(texts[-1].splitlines()) == 1 and "1,000/1,000" in texts[-1]


def test_several_bars_keep_their_order(k):
    code = f"""
        let first = Bar::new(20).message("first"); let second = Bar::new(40).message("second");
        for _ in 0..40 {{ second.inc(1); if second.done() % 2 == 0 {{ first.inc(1); }} {SLEEP}; }}
        second.finish(); first.finish();
    """
    story = k.run(code).until().idle()
    ids, texts = bars(story)
    assert len(ids) == 1
    for text in texts:
        lines = text.splitlines()
        assert lines[0].startswith("first") and lines[1].startswith("second"), text
    assert all("100%" in line for line in texts[-1].splitlines())


def test_parallel_loops_and_their_tasks_share_the_block(k):
    code = f'par::message("files").for_each(0..12, |i| for _ in progress(0..10).message("lines") {{ {SLEEP}; }});'
    story = k.run(code).until().idle()
    ids, texts = bars(story)
    assert len(ids) == 1
    assert any("files" in text and re.search("^ +lines", text, re.M) for text in texts), texts
    assert texts[-1].startswith("files: 100%") and "lines" not in texts[-1]


def test_bars_after_each_other_stand_where_they_were_made(k):
    code = 'for _ in progress(0..3).message("a") {} println!("between"); for _ in progress(0..3).message("b") {}'
    story = k.run(code)
    story.display(matches="^a: 100%").stdout("between\n").display(matches="^b: 100%").idle()


@pytest.mark.parametrize(
    "code, word",
    [
        (f"for i in progress(0..50) {{ {SLEEP}; if i == 20 {{ break; }} }}", "stopped"),
        (f"let bar = Bar::new(5); for _ in 0..4 {{ {SLEEP}; bar.inc(1); }} bar.fail();", "failed"),
    ],
)
def test_states(k, code, word):
    story = k.run(code).until().idle()
    _, texts = bars(story)
    assert texts[-1].endswith(word), texts[-1]
    assert "100%" not in texts[-1]


def test_a_panic_is_seen_on_the_bar(k):
    story = k.run(f"for i in progress(0..50) {{ {SLEEP}; if i == 20 {{ panic!(\"no\"); }} }}").until("error")
    _, texts = bars(story)
    story.error("panic", "no").idle()
    assert texts[-1].endswith("failed") and "20/50" in texts[-1], texts[-1]


@pytest.mark.parametrize("seconds", [0.02, 30.0])
def test_an_interrupt_is_seen_on_the_bar(k, seconds):
    """Also when the body does not look at it and is ended."""
    story = k.run(f"for _ in progress(0..5000) {{ std::thread::sleep(std::time::Duration::from_secs_f64({seconds})); }}")
    story.begin().until("display_data")
    k.interrupt()
    story.until("error")
    _, texts = bars(story)
    story.error().idle()
    assert texts[-1].endswith("interrupted"), texts[-1]


def test_messages_are_escaped_and_units_told(k):
    story = k.run('let bar = Bar::new(3 << 20).message("<img src=x onerror=alert(1)>").unit("bytes"); bar.inc(3 << 19); bar.fail();').display(matches="1.5 MiB/3.0 MiB")
    html = story.told[-1].content["data"]["text/html"]
    assert "<img" not in html and "&lt;img" in html
    assert 'role="progressbar"' in html and 'aria-valuenow="50"' in html
    story.idle()


def test_lanes_of_threads(k):
    code = f"use rayon::prelude::*; (0..100).into_par_iter().progress().lanes().for_each(|_| {SLEEP});"
    story = k.run(code).until().idle()
    _, texts = bars(story)
    assert re.search(r"\d+ threads?", texts[-1]), texts[-1]


def test_a_bar_in_a_variable_goes_on_in_its_place(k):
    story = k.run('let kept = Bar::new(4).message("kept"); kept.inc(1);').display(matches="^kept: +25%").idle()
    name = story.told[-1].content["transient"]["display_id"]
    story = k.run("kept.inc(3); kept.finish();").until().idle()
    ids = {m.content["transient"]["display_id"] for m in story.told}
    assert ids == {name} and "100%" in story.told[-1].content["data"]["text/plain"]


@pytest.fixture
def indicatif(k):
    k.ok(":dep indicatif", timeout=300)


def test_indicatif_bars_are_one_display(indicatif, k):
    code = f"""
        use std::io::IsTerminal as _;
        eprintln!("before");
        let pb = indicatif::ProgressBar::new(60);
        for i in 0..60 {{ {SLEEP}; pb.inc(1); if i == 30 {{ eprintln!("aside"); }} }}
        pb.finish();
        eprintln!("after");
        println!("out {{}}", std::io::stdout().is_terminal());
    """
    story = k.run(code).until().idle()
    ids, texts = bars(story)
    assert len(ids) == 1
    assert 3 <= len(texts) <= 10 * 2 + 8, len(texts)
    assert "60/60" in texts[-1] and len(texts[-1].splitlines()) == 1, texts[-1]
    said = "".join(m.content["text"] for m in story.told if m.type == "stream" and m.content["name"] == "stderr")
    assert said == "before\naside\nafter\n", said
    kinds = [m.type for m in story.told]
    assert kinds[0] == "stream" and kinds.index("display_data") == 1, kinds
    # two streams have no order between them
    assert "out false\n" in story.printed(), "only standard error counts as a terminal"


def test_indicatif_many_bars_and_lines_through_them(indicatif, k):
    code = f"""
        let all = indicatif::MultiProgress::new();
        let bars: Vec<_> = (0..3).map(|_| all.add(indicatif::ProgressBar::new(20))).collect();
        for i in 0..20 {{ {SLEEP}; for bar in &bars {{ bar.inc(1); }} if i == 10 {{ all.println("half way").unwrap(); }} }}
        for bar in &bars {{ bar.finish(); }}
        let spinner = indicatif::ProgressBar::new_spinner(); spinner.tick(); spinner.finish_and_clear();
    """
    story = k.run(code).until().idle()
    ids, texts = bars(story)
    assert any(len(re.findall("20/20", text)) == 3 and text.startswith("half way") for text in texts), texts[-2:]
    assert not [m for m in story.told if m.type == "stream"]
    assert 1 <= len(ids) <= 2


def test_carriage_returns_alone_stay_a_stream(k):
    story = k.run(r'for i in 0..3 { eprint!("\r{i} of 3"); } eprintln!();')
    story.stderr("\r0 of 3\r1 of 3\r2 of 3\n").idle()


def test_programs_a_cell_starts_have_no_terminal(k):
    k.run('std::process::Command::new("sh").args(["-c", "test -t 2"]).status().unwrap().success()').result("false").idle()
    k.run("use std::io::IsTerminal as _; (std::io::stdin().is_terminal(), std::io::stderr().is_terminal())").result("(false, true)").idle()


def test_tables_of_structures_and_arrays(k):
    k.run("struct City { name: String, people: u32 }").idle()
    story = k.run('let cities: Vec<City> = (0..100).map(|i| City { name: format!("<{i}>"), people: i * 10 }).collect();\ntable!(cities, name, people, "tens" => |c| c.people / 10)').result(matches="90 more rows")
    assert "&lt;99&gt;" in story.told[-1].content["data"]["text/html"]
    story.idle()
    story = k.run("use ndarray::Array2; let grid = Array2::from_shape_fn((100, 30), |(i, j)| i as f64 + j as f64 / 4.0); grid").result(matches="shape=")
    html = story.told[-1].content["data"]["text/html"]
    assert "f64 · 100 × 30" in html and "90 more rows" in html and ">106.25<" in html
    story.idle()
    k.run("grid.nrows()").result("100").idle()
