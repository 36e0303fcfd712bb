"""JupyterLab in headless Chromium runs the notebooks as a person does; the screenshots are kept to be looked at."""

import re

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
