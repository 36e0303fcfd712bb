"""JupyterLab in headless Chromium runs the notebooks as a person does; the screenshots are kept to be looked at."""

import re

import pytest
from PIL import Image

from support import process


def test_quickstart(lab, browser):
    picture = process.WORK / "01_quickstart.png"
    page = lab.open_and_run(browser, "01_quickstart.ipynb", picture)
    text = page.inner_text(".jp-NotebookPanel-notebook")
    assert not re.search(r"SyntaxError|Javascript Error|Error displaying", text)
    figures = page.locator(".jp-OutputArea-output img, .jp-OutputArea-output svg").count()
    assert figures >= 2, f"{figures} figures are shown"
    sizes = page.locator(".jp-OutputArea-output img, .jp-OutputArea-output svg").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(r => [r.width, r.height])"
    )
    assert all(width > 100 and height > 5 for width, height in sizes), sizes

    with Image.open(picture) as image:
        colours = image.convert("RGB").getcolors(1 << 24)
    assert colours and len(colours) > 200, "the screenshot is all but empty"
    page.close()


@pytest.mark.parametrize("name, figures", [("02_parallel_kernels", 6), ("03_progress_and_plots", 9)])
def test_a_tour(lab, browser, name, figures):
    picture = process.WORK / f"{name}.png"
    page = lab.open_and_run(browser, f"{name}.ipynb", picture, 9000)
    text = page.inner_text(".jp-NotebookPanel-notebook")
    assert not re.search(r"SyntaxError|Javascript Error|Error displaying", text)
    errors = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr'], .jp-RenderedText[data-mime-type='application/vnd.jupyter.error']")
    told = [errors.nth(i).inner_text() for i in range(errors.count())]
    # one cell of the second notebook panics, to show how that is told
    assert len([t for t in told if "panic" in t]) == (1 if name.startswith("02") else 0), told
    shown = page.locator(".jp-OutputArea-output img, .jp-OutputArea-output svg[role=img]")
    assert shown.count() >= figures, f"{shown.count()} figures are shown"
    # nothing is cut: what is drawn stays within its output, and no output scrolls sideways
    wide = page.locator(".jp-OutputArea-output").evaluate_all("all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText.slice(0, 80))")
    assert not wide, wide
    page.close()
