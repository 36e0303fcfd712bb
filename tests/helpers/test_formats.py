"""The recipes of docs/formats.md, run as they stand, beside the Python libraries of the formats."""

import re
import subprocess
import sys

import pytest

from support import process
from support.dask import locked_venv

PAGE = (process.ROOT / "docs/formats.md").read_text()


def cells(title: str) -> list[str]:
    """The cells of a section."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]
    return re.findall(r"```rust no_run\n(.*?)```", section, re.S)


@pytest.mark.long
def test_fourier_transforms_are_numpys(start, tmp_path):
    import numpy

    k = start(timeout=600, cwd=tmp_path)
    for cell in cells("Fourier transforms"):
        k.ok(cell, timeout=600)
    found = numpy.load(tmp_path / "spectrum.npy")
    want = numpy.fft.fft(numpy.load(tmp_path / "signal.npy"), axis=1)
    assert numpy.allclose(found[..., 0] + 1j * found[..., 1], want, rtol=1e-12, atol=1e-10)


@pytest.mark.long
@pytest.mark.parametrize("version", [2, 3])
def test_zarr_goes_to_python_and_comes_from_it(start, tmp_path, version):
    python = locked_venv("zarr", "zarr>=3", "numpy")
    make = f"import numpy, zarr; a = zarr.create_array('field.zarr', shape=(250, 130), chunks=(40, 50), dtype='f8', zarr_format={version}); a[:] = numpy.arange(32500.).reshape(250, 130)"
    subprocess.run([python, "-c", make], cwd=tmp_path, check=True, timeout=120)
    k = start(timeout=1200, cwd=tmp_path)
    for cell in cells("Zarr"):
        k.ok(cell, timeout=1200)
    check = "import numpy, zarr; a = zarr.open_array('doubled.zarr'); print(a.chunks, bool((a[:] == 2 * numpy.arange(32500.).reshape(250, 130)).all()))"
    done = subprocess.run([python, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "(100, 50) True"
