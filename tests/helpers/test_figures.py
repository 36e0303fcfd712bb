"""Figures as pictures, beside those that somebody has looked at: tests/figures holds one of each kind.

They are drawn by our own renderer with the built-in font, so they are the same on every machine but
for rounding. `FERROLAB_RENEW_FIGURES=1 tests/run -k figures` draws them anew; look at them, and at
how `git diff` shows them, before committing.
"""

import os
import pathlib

import pytest
from PIL import Image, ImageChops, ImageFilter

from support import process
from support.gallery import FIGURES, WRONG

REFERENCES = process.ROOT / "tests" / "figures"
RENEW = os.environ.get("FERROLAB_RENEW_FIGURES") == "1"
# a pixel differs when a channel does by this much of 255, after a slight blur: smoothing of edges may differ
STEP = 32
# and a figure when this share of its pixels does
SHARE = 0.0002
PAPERS = {"light": (255, 255, 255, 255), "dark": (17, 17, 17, 255)}


@pytest.fixture(scope="module")
def drawn(host, tmp_path_factory) -> dict:
    """All figures as pixels of the size they have on a page, drawn by one cell."""
    folder = tmp_path_factory.mktemp("figures")
    codes = list(FIGURES.values()) + list(WRONG.values())
    host.get().ok("\n".join(f"({code}).save(\"{folder / str(i)}.png\")?;" for i, code in enumerate(codes)), timeout=180)
    pictures = {}
    for i, name in enumerate([*FIGURES, *WRONG]):
        with Image.open(folder / f"{i}.png") as image:
            # files have twice the size
            pictures[name] = image.convert("RGBA").resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    if RENEW:
        REFERENCES.mkdir(exist_ok=True)
        for old in REFERENCES.glob("*.png"):
            old.unlink()
        for name in FIGURES:
            pictures[name].save(REFERENCES / f"{name}.png", optimize=True)
    return pictures


def reference(name: str) -> Image.Image:
    path = REFERENCES / f"{name}.png"
    assert path.exists(), f"{path} is not there; see the top of this file"
    with Image.open(path) as image:
        return image.convert("RGBA")


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that differ, on the paper where more do; 1 for pictures of different size."""
    if one.size != other.size:
        return 1.0
    shares = []
    for paper in PAPERS.values():
        flat = [Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("RGB").filter(ImageFilter.BoxBlur(0.5)) for image in (one, other)]
        channels = ImageChops.difference(*flat).split()
        most = ImageChops.lighter(ImageChops.lighter(*channels[:2]), channels[2])
        shares.append(sum(most.histogram()[STEP:]) / (one.width * one.height))
    return max(shares)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_looks_as_it_did(drawn, name):
    wanted = reference(name)
    share = difference(drawn[name], wanted)
    if share > SHARE:
        here = process.WORK / f"figure-{name}.png"
        drawn[name].save(here)
        pytest.fail(f"{share:.2%} of the pixels differ: compare {here} with {REFERENCES / name}.png")


@pytest.mark.parametrize("name", WRONG)
def test_the_comparison_sees_what_would_mislead(drawn, name):
    share = difference(drawn[name], reference(name.partition(",")[0]))
    assert share > 2 * SHARE, f"only {share:.3%} of the pixels differ"


def test_no_kind_passes_for_another(drawn):
    names = list(FIGURES)
    alike = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if difference(drawn[a], reference(b)) <= 2 * SHARE]
    assert not alike


def test_the_references_are_those_of_the_gallery_and_small():
    files = list(REFERENCES.glob("*.png"))
    assert {f.stem for f in files} == set(FIGURES)
    assert sum(f.stat().st_size for f in files) < 1_000_000


def test_every_figure_is_seen_on_light_and_on_dark_paper(drawn):
    """Enough of the figure stands out from either paper: ink that is nearly the paper's colour is not seen."""
    faint = []
    for name in FIGURES:
        ink = drawn[name].getchannel("A").point(lambda a: 255 if a > 200 else 0)
        for theme, paper in PAPERS.items():
            ground = Image.new("RGBA", drawn[name].size, paper)
            flat = Image.alpha_composite(ground, drawn[name]).convert("L")
            far = ImageChops.difference(flat, ground.convert("L")).point(lambda d: 255 if d > 60 else 0)
            seen = ImageChops.multiply(far, ink).histogram()[255] / max(1, ink.histogram()[255])
            if seen < 0.5:
                faint.append((name, theme, round(seen, 2)))
    assert not faint


def sheet(pictures: dict, theme: str) -> pathlib.Path:
    """All figures on one sheet, to be looked at."""
    width, height = max(p.width for p in pictures.values()), max(p.height for p in pictures.values())
    columns = 4
    whole = Image.new("RGBA", (columns * width, -(-len(pictures) // columns) * height), PAPERS[theme])
    for i, picture in enumerate(pictures.values()):
        whole.alpha_composite(picture, (i % columns * width, i // columns * height))
    path = process.WORK / f"gallery-{theme}.png"
    whole.convert("RGB").save(path)
    return path


@pytest.mark.parametrize("theme", PAPERS)
def test_a_sheet_to_be_looked_at(drawn, theme):
    path = sheet({name: drawn[name] for name in FIGURES}, theme)
    print(f"sheet: {path}")
    with Image.open(path) as image:
        assert len(image.getcolors(1 << 24)) > 1000
