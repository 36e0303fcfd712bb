"""Figures in cells: every kind, live ones, `plotters`, what a figure costs; and all of them in a browser, light and dark."""

import base64
import io
import re
import statistics
import time

import pytest

from support import process
from support.gallery import FIGURES


@pytest.mark.parametrize("kind", FIGURES)
def test_kinds(k, kind):
    data = k.run(FIGURES[kind]).until("error").idle().told[-1].content["data"]
    if kind == "thousands":
        assert "text/html" not in data and data["image/png"], "too many shapes for SVG"
    else:
        assert "var(--jp-ui-font-color1" in data["text/html"]
        assert data["image/svg+xml"].startswith("<svg") and "role=\"img\"" in data["image/svg+xml"]
    assert len(data["text/plain"].splitlines()) >= 2, data["text/plain"]


def test_errors_are_told_at_the_users_line(k):
    k.run("plot::line(&[1, 2], &[1])").fails(None, "as many x as y values, and got 2 and 1", "plot::line(&[1, 2], &[1])")
    k.run("plot::matrix([[1]]).colormap(\"jet\")").fails(None, "no colour map is named `jet`; there are viridis, magma")
    k.run("plot::line_y(&[1]).save(\"figure.gif\")?").fails(None, "figures are saved as .svg or .png")
    k.run("plot::line_y(&[\"a\"])").fails(None, "can't be plotted")


def test_plotters_as_pixels_and_its_errors(k):
    from PIL import Image

    code = """
        use ferrolab::plotters::prelude::*;
        plot::figure_png((200, 100), |root| {
            root.fill(&WHITE)?;
            root.draw(&Circle::new((50, 50), 20, RED.filled()))?;
            Ok(())
        })?
    """
    data = k.run(code).until("error").idle().told[-1].content["data"]
    with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as image:
        assert image.size == (200, 100) and image.convert("RGB").getpixel((50, 50)) == (255, 0, 0)
    k.run('plot::figure((200, 100), |_| Err("no ink".into()))?').fails(None, "no ink")


def points(message) -> int:
    found = re.search(r"(\d+) points", message.content["data"]["text/plain"])
    return int(found[1]) if found else 0


def paints(story) -> list:
    return [m for m in story.told if m.type in ("display_data", "update_display_data")]


def test_a_live_figure_is_painted_ten_times_a_second_and_at_the_end(k):
    code = """
        let mut live_a = plot::Live::line().title("steps");
        let begun = std::time::Instant::now();
        let mut n_a = 0u64;
        while begun.elapsed().as_secs_f64() < 1.0 { live_a.push(n_a as f64, 1.0); n_a += 1; if n_a % 1000 == 0 { std::thread::sleep(std::time::Duration::from_millis(5)); } }
    """
    painted = paints(k.run(code).until().idle())
    assert 4 <= len(painted) <= 13, f"{len(painted)} paints in a second"
    counts = [points(m) for m in painted]
    assert counts == sorted(counts)
    k.run("n_a").result(str(counts[-1])).idle()
    # it lives on in the next cell, and its last state is painted there too
    painted = paints(k.run("for i in 0..7 { live_a.push((n_a + i) as f64, 2.0); }").until().idle())
    assert points(painted[-1]) == counts[-1] + 7 and painted[-1].type == "update_display_data"


def test_a_live_figure_moves_while_the_cell_does_something_else(k):
    code = "let mut live_b = plot::Live::line(); live_b.push(0.0, 0.0); live_b.push(1.0, 1.0); std::thread::sleep(std::time::Duration::from_millis(800)); println!(\"slept\");"
    told = k.run(code).until().idle().told
    kinds = [m.type for m in told]
    assert kinds.index("update_display_data") < kinds.index("stream"), kinds


@pytest.mark.parametrize("end", ["panic!(\"enough\")", "Err(\"enough\")?"])
def test_a_live_figure_keeps_its_last_state_when_the_cell_fails(k, end):
    code = f"let mut live_c = plot::Live::scatter(); for i in 0..500 {{ live_c.push(i as f64, 1.0); }} {end};"
    story = k.run(code).until("error").fails(None, "enough")
    assert points(paints(story)[-1]) == 500


def test_live_windows_and_frames(k):
    code = "let mut live_d = plot::Live::line().window(50).labels(&[\"a\", \"b\"]); for i in 0..1000 { live_d.push(i as f64, 1.0); live_d.push_to(1, i as f64, 2.0); }"
    last = paints(k.run(code).until().idle())[-1].content["data"]["text/plain"]
    assert last.count("50 points, x 950 to 999") == 2 and "“b”" in last, last
    code = "let mut live_e = plot::Live::heatmap(3, 2).range(0.0, 9.0); for i in 0..50 { live_e.frame(&[i, 1, 2, 3, 4, 5]); }"
    last = paints(k.run(code).until().idle())[-1].content["data"]["text/plain"]
    assert "3 × 2 cells, values 1 to 49" in last, last
    k.run("live_e.frame(&[1, 2])").fails(None, "6 cells, and the frame has 2 values")


def test_ten_million_points_are_drawn(k):
    k.run("let many: Vec<f64> = (0..10_000_000).map(|i| ((i * 7919) % 10_007) as f64).collect(); let across: Vec<f64> = many.iter().map(|x| x.sqrt()).collect();").idle()
    for code in ("plot::line_y(&many)", "plot::scatter(&across, &many)"):
        begun = time.monotonic()
        data = k.run(code).until("error").idle().told[-1].content["data"]
        print(f"{code}: {time.monotonic() - begun:.2f} s")
        assert "10000000 points" in data["text/plain"]
        size = len(data.get("text/html") or data["image/png"])
        assert size < 1_000_000, f"{size} bytes"


def test_a_figure_costs_little_more_than_a_number(k):
    def took(code):
        begun = time.monotonic()
        k.run(code).until("error").idle()
        return time.monotonic() - begun

    k.ok("1")
    plain, figure = [], []
    for i in range(10):
        plain.append(took(f"{i}7 + 1"))
        figure.append(took(f"plot::line_y(&[1.0, {i}.25]).title(\"t\")"))
    print(f"a number: {min(plain) * 1000:.0f} ms, a figure: {min(figure) * 1000:.0f} ms")
    # other work on the machine comes and goes: the least of each, and medians when that was unlucky
    ratios = [min(figure) / min(plain), statistics.median(figure) / statistics.median(plain)]
    assert min(ratios) < 1.5, ratios


THEMES = {"light": ("#ffffff", "rgba(0, 0, 0, 0.87)"), "dark": ("#111111", "rgba(255, 255, 255, 1)")}


def test_a_sheet_of_all_kinds_in_light_and_dark(k, browser):
    shown = [k.run(code).until("error").idle().told[-1].content["data"].get("text/html", "") for code in FIGURES.values()]
    sheet = "".join(f"<figure style='display:inline-block'>{html}</figure>" for html in shown)
    page = browser.new_page(viewport={"width": 2000, "height": 1400})
    page.set_content(f"<meta charset='utf-8'><body>{sheet}</body>")
    inks = {}
    for theme, (paper, ink) in THEMES.items():
        # as JupyterLab does it: the page stays, its variables change
        page.evaluate("([p, i]) => { document.body.style.background = p; document.body.style.setProperty('--jp-ui-font-color1', i); }", [paper, ink])
        inks[theme] = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
        picture = process.WORK / f"figures-{theme}.png"
        page.screenshot(path=str(picture), full_page=True)
        print(f"screenshot: {picture}")
    assert inks["light"] == "rgba(0, 0, 0, 0.87)" and inks["dark"] == "rgb(255, 255, 255)", inks
    outside = page.evaluate(
        """() => [...document.querySelectorAll('svg text')].filter(t => {
             const a = t.getBoundingClientRect(), b = t.closest('svg').getBoundingClientRect();
             return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 2 || a.bottom > b.bottom + 2;
           }).map(t => t.textContent)"""
    )
    assert not outside, outside
    page.close()
