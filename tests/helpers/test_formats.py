"""The recipes of docs/formats.md, run as they stand, beside NumPy."""

import re

import pytest

from support import process

PAGE = (process.ROOT / "docs/formats.md").read_text()


def cells(title: str) -> list[str]:
    """The cells of a section."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]
    return re.findall(r"```rust no_run\n(.*?)```", section, re.S)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_fourier_transforms_are_numpys(start, tmp_path):
    import numpy

    k = start(timeout=600, cwd=tmp_path)
    for cell in cells("Fourier transforms"):
        k.ok(cell, timeout=600)
    found = numpy.load(tmp_path / "spectrum.npy")
    want = numpy.fft.fft(numpy.load(tmp_path / "signal.npy"), axis=1)
    assert numpy.allclose(found[..., 0] + 1j * found[..., 1], want, rtol=1e-12, atol=1e-10)
