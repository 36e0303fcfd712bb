"""Bars and tables in JupyterLab, in its light and its dark theme; the screenshots are kept to be looked at."""

import pytest

from support import process

CELLS = [
    'let a = Bar::new(200).message("running <b>"); a.inc(77);',
    'for i in progress(0..100).message("done") { std::hint::black_box(i); }',
    'let b = Bar::new(3 << 30).message("failed").unit("bytes"); b.inc(1 << 30); b.fail();',
    'for i in progress(0..100).message("stopped") { if i == 60 { break; } }',
    'let c = Bar::unknown().message("unknown total"); c.inc(12345);',
    "let outer = Bar::new(10).message(\"epoch\"); outer.inc(3);\n"
    "let inner = outer.nested(500).message(\"batch with a longer name\").lanes();\n"
    "par::quiet().for_each(0..220, |_| { inner.inc(1); std::thread::sleep(std::time::Duration::from_millis(2)); });",
    "struct City { name: &'static str, people: u32 }\n"
    'let cities = [City { name: "Basel", people: 178_120 }, City { name: "Chur", people: 38_000 }];\n'
    'table!(cities, name, people, "thousands" => |c| c.people / 1000)',
    "let grid = ndarray::Array2::from_shape_fn((100, 30), |(i, j)| (i as f64).sin() + j as f64 / 4.0); grid",
]


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_bars_and_tables(lab, browser, theme):
    lab.theme(theme)
    page = lab.open_and_run(browser, lab.book(f"bars_{theme}.ipynb", CELLS), process.WORK / f"bars_{theme}.png")
    assert page.evaluate("document.body.dataset.jpThemeLight") == ("true" if theme == "Light" else "false")
    bars = page.locator(".jp-OutputArea-output [role=progressbar]")
    assert bars.count() == 7
    told = bars.evaluate_all("all => all.map(e => [e.getAttribute('aria-valuenow'), e.getAttribute('aria-valuetext')])")
    assert ["38", "77/200, running"] in told and ["60", "60/100, stopped"] in told, told
    widths = bars.evaluate_all("all => all.map(e => [e.clientWidth, e.firstElementChild.clientWidth])")
    assert all(80 <= whole <= 360 and 0 < part <= whole for whole, part in widths), widths
    # what is written can be read: at least 4.5:1 against what is behind it (WCAG AA)
    contrast = page.evaluate(
        """() => { const l = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
                     .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
                 const text = document.querySelector('.jp-OutputArea-output [role=progressbar]').nextElementSibling;
                 let behind = text;
                 while (behind && /rgba\\(.*, 0\\)|transparent/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
                 const [a, b] = [l(getComputedStyle(text).color), l(getComputedStyle(behind).backgroundColor)].sort((x, y) => y - x);
                 return (a + 0.05) / (b + 0.05); }"""
    )
    assert contrast >= 4.5, contrast
    assert page.locator(".jp-OutputArea-output table").count() == 2
    page.close()
