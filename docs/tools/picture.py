"""Makes docs/images/notebook.png: a notebook with the cells of the README's tour, run in JupyterLab, as a headless Chromium shows it.

`python docs/tools/picture.py`, with the binary and the Python packages that the tests use (FERROLAB, tests/requirements.txt), and
Chromium. The picture is real: whatever the cells show is what the kernel sent.
"""

from __future__ import annotations

import pathlib
import sys
import tempfile

from PIL import Image, PngImagePlugin

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs/images/notebook.png"
# sizes of the page, in pixels of CSS; the picture has twice as many, so that text is sharp on dense screens
WIDTH, HEIGHT, DENSITY = 1000, 1500, 2
# GitHub and the site show it some 800 pixels wide; flat colours need few bytes
SHOWN, COLOURS = 1500, 96


def cells() -> list[str]:
    """The tour's cells, without the last one, which needs Dask, and without what comments say about results."""
    tour = (ROOT / "README.md").read_text().split("```rust\n")[1].split("```")[0]
    return ["\n".join(line.split("  //")[0].rstrip() for line in cell.splitlines()) for cell in tour.strip().split("\n\n")][:-1]


def shown() -> str:
    """What the picture is of."""
    return "\n\n".join(cells())


def main() -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from support import lab as jupyterlab, process

    with (
        tempfile.TemporaryDirectory() as folder,
        jupyterlab.lab(process.FERROLAB, pathlib.Path(folder)) as lab,
        jupyterlab.browser() as browser,
    ):
        name = lab.book("tour.ipynb", cells())
        page = lab.open(browser, name, HEIGHT, WIDTH, device_scale_factor=DENSITY)
        # one after the other, as a person does: Run All would stop at the panic
        for index in range(len(cells())):
            page.locator(".jp-CodeCell").nth(index).locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
            page.wait_for_function(
                "index => /^\\[\\d+\\]:$/.test(document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')[index].textContent.trim())",
                arg=index,
                timeout=120_000,
            )
        page.wait_for_timeout(1000)
        page.evaluate("document.activeElement?.blur()")
        first, last = page.locator(".jp-CodeCell").first, page.locator(".jp-CodeCell").last
        top, end = first.bounding_box(), last.bounding_box()
        clip = {"x": top["x"], "y": top["y"], "width": top["width"], "height": end["y"] + end["height"] - top["y"]}
        raw = pathlib.Path(folder) / "raw.png"
        page.screenshot(path=str(raw), clip=clip)
        with Image.open(raw) as image:
            size = (SHOWN, round(image.height * SHOWN / image.width))
            small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
            # the test that the picture is of the README's tour reads it there
            what = PngImagePlugin.PngInfo()
            what.add_text("cells", shown())
            small.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True, pnginfo=what)
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
