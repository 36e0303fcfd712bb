"""The helpers in cells: bars that move, parallel loops, figures."""

import base64
import io
import re

import pytest

SLEEP = "std::thread::sleep(std::time::Duration::from_millis(20))"


def percentages(story) -> list[float]:
    """The percentages a bar showed, in order."""
    found = []
    for message in story.told:
        if message.type in ("display_data", "update_display_data"):
            if match := re.search(r"(\d+(?:\.\d+)?) ?%", message.content["data"].get("text/plain", "")):
                found.append(float(match[1]))
    return found


@pytest.mark.parametrize(
    "code",
    [
        f"for _ in progress(0..100) {{ {SLEEP}; }}",
        f"(0..100).progress().for_each(|_| {SLEEP});",
        f"use rayon::prelude::*; (0..200).into_par_iter().progress().for_each(|_| {SLEEP});",
        f"par::for_each(0..200, |_| {SLEEP});",
        f"let bar = Bar::new(100); for _ in 0..100 {{ {SLEEP}; bar.inc(1); }} bar.finish();",
    ],
)
def test_a_bar_moves(k, code):
    story = k.run(code).until().idle()
    shown = [m for m in story.told if m.type == "display_data"]
    updates = [m for m in story.told if m.type == "update_display_data"]
    assert len(shown) == 1, "a bar is one element"
    name = shown[0].content["transient"]["display_id"]
    assert {m.content["transient"]["display_id"] for m in updates} == {name}
    assert 3 <= len(updates) <= 40, f"{len(updates)} updates in about 2 s: at most ten a second, and it moves"
    seen = percentages(story)
    assert seen == sorted(seen) and seen[-1] == 100, seen
    assert len(set(seen)) >= 3, seen
    assert "text/html" in shown[0].content["data"]


def test_two_bars_at_once(k):
    story = k.run(f"for _ in progress(0..3).message(\"outer\") {{ for _ in progress(0..25).message(\"inner\") {{ {SLEEP}; }} }}").until().idle()
    names = {m.content["transient"]["display_id"] for m in story.told if m.type == "display_data"}
    assert len(names) == 1, "bars that run together are one element"


def test_quiet_shows_nothing(k):
    k.run(f"par::quiet().for_each(0..100, |_| {SLEEP});").idle()
    k.run("let short = par::map(0..10, |i| i);").idle()


def test_par_keeps_order(k):
    k.run("par::map(0..1000u64, |i| i * i)[999]").result("998001").idle()
    k.run("par::map_reduce(0..1000u64, |i| i * i, 0, |a, b| a + b)").result("332833500").idle()
    k.run("par::filter_map(0..6, |i| (i % 2 == 0).then_some(i))").result("[0, 2, 4]").idle()


def test_par_uses_what_was_granted(k):
    for count in (1, 2):
        k.ok(f":threads {count}")
        code = "let ids: std::collections::HashSet<_> = par::quiet().map(0..64, |_| { " + SLEEP + "; std::thread::current().id() }).into_iter().collect(); ids.len()"
        k.run(code).result(str(count)).idle()


def test_par_borrows_variables_of_earlier_cells(k):
    k.run("let factor = 3.0; let values = vec![1.0, 2.0, 4.0];").idle()
    k.run("par::map(&values, |x| x * factor)").result("[3.0, 6.0, 12.0]").idle()
    k.run("values.len()").result("3").idle()


def test_threads_as_an_executor(k):
    k.run("threads().map(0..4u64, |x| x * x)?").result("[0, 1, 4, 9]").idle()
    k.run('threads().map(0..4u64, |x| if x == 2 { panic!("task") } else { x })?').fails(None, "task")
    k.run("threads().count() >= 1").result("true").idle()


@pytest.mark.parametrize(
    "code",
    [
        "plot::line(&[0.0, 1.0, 2.0], &[1.0, 4.0, 2.0])",
        "plot::line_y(vec![3, 1, 2]).title(\"Title ä\").xlabel(\"x\").ylabel(\"y\")",
        "plot::scatter(0..10, (0..10).map(f64::from).collect::<Vec<_>>())",
        "plot::hist(&[1.0, 1.5, 2.0, 2.0, 5.0]).bins(4)",
        "plot::bar(&[\"a\", \"b\"], &[1.0, 2.0])",
        "plot::errorbars(&[1.0, 2.0], &[3.0, 4.0], &[0.1, 0.2])",
        "plot::heatmap(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2)",
        "plot::image(&[255, 0, 0, 0, 0, 255], 2, 1)",
        "plot::line(&[1.0, 10.0, 100.0], &[1.0, 10.0, 100.0]).log_x().log_y()",
        "plot::line_y(&[] as &[f64])",
        "plot::line_y(&[f64::NAN, 1.0, f64::INFINITY])",
    ],
)
def test_figures(k, code):
    from PIL import Image

    story = k.run(code).until("error").idle()
    data = story.told[-1].content["data"]
    if "image/png" in data:
        with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as image:
            assert image.width >= 80
    else:
        assert data["image/svg+xml"].lstrip().startswith("<svg")
    assert data["text/plain"].strip()


def test_many_points_become_a_picture(k):
    story = k.run("plot::scatter(0..100_000, (0..100_000).map(|i| f64::from(i).sin()).collect::<Vec<_>>())").until("error").idle()
    assert "image/png" in story.told[-1].content["data"]


def test_a_live_figure(k):
    code = "let mut live = plot::Live::line(); for i in 0..60 { live.push(f64::from(i), f64::from(i * i)); " + SLEEP + "; }"
    story = k.run(code).until().idle()
    kinds = [m.type for m in story.told]
    assert kinds.count("display_data") == 1 and kinds.count("update_display_data") >= 3


def test_plotters_inline(k):
    code = """
        use ferrolab::plotters::prelude::*;
        plot::figure((200, 100), |root| {
            root.fill(&WHITE)?;
            root.draw(&Circle::new((50, 50), 20, RED.filled()))?;
            Ok(())
        })?
    """
    story = k.run(code).until("error").idle()
    assert "<svg" in story.told[-1].content["data"]["image/svg+xml"]


def test_a_plot_cell_is_not_slow(k):
    import time

    def took(code):
        begun = time.monotonic()
        k.run(code).until("error").idle()
        return time.monotonic() - begun

    k.ok("1")
    plain = min(took(f"{i} + 1") for i in range(3))
    plot = min(took(f"plot::line_y(&[1.0, {i}.5])") for i in range(3))
    print(f"1 + 1: {plain * 1000:.0f} ms, a plot: {plot * 1000:.0f} ms")
    assert plot < 3 * plain + 0.1
