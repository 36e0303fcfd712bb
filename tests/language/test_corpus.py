"""Sequences of cells over the whole language: on Ferrolab's own engine in every run, on evcxr too when its engine is built.

The sequences, what comes of them, and every intended difference with its reason are in `tests/corpus`.
"""

import os

import pytest

from support import corpus, process
from support.frontend import Kernel

SEQUENCES = corpus.all_sequences()
NAMES = [f"{s.file}: {s.name}" for s in SEQUENCES]
# evcxr compiles a cell in seconds when the machine is busy
PATIENCE = 300


def follow(kernel, sequence, of):
    """Run a sequence and compare each cell with what `of` says of it."""
    kernel.run(":clear").until().idle()
    for number, cell in enumerate(sequence.cells, 1):
        got, wanted = corpus.run(kernel, cell.code), of(cell)
        where = f"tests/corpus/{sequence.file}.cells:{sequence.line}, cell {number}:\n{cell.code}\n"
        assert got.agrees(wanted), f"{where}wanted {wanted}\ngot    {got}"
        if of is ours and wanted.error:
            assert got.error == wanted.error, f"{where}wanted error {wanted.error}, got {got.error}"


def ours(cell):
    return cell.ours


def theirs(cell):
    return cell.theirs or cell.ours


def test_the_corpus_is_whole():
    """Enough sequences, each with cells, each name once, each difference real and with its reason."""
    assert len(SEQUENCES) >= 150
    assert len(set(NAMES)) == len(NAMES)
    for sequence in SEQUENCES:
        assert sequence.cells, sequence.name
        for cell in sequence.cells:
            assert cell.code, f"an empty cell in {sequence.file}: {sequence.name}"
            if cell.reason is not None:
                assert len(cell.reason) > 10, f"no reason in {sequence.file}: {sequence.name}"
                assert not cell.theirs.agrees(cell.ours), f"no difference in {sequence.file}: {sequence.name}\n{cell.code}"


@pytest.mark.parametrize("sequence", SEQUENCES, ids=NAMES)
def test_on_our_engine(k, sequence):
    follow(k, sequence, ours)


@pytest.fixture(scope="module")
def second(ferrolab):
    """A kernel on the second engine, restarted when a test has lost it."""
    if not process.SECOND.exists():
        # named, or built by tests/run --all: then its absence is a failure
        if "FERROLAB_EVCXR" in os.environ:
            pytest.fail(f"FERROLAB_EVCXR names {process.SECOND}, which is not there", pytrace=False)
        pytest.skip("no build with the evcxr engine: cargo build --release --features evcxr, see tests/run")
    kernels = []

    def get() -> Kernel:
        if not kernels or not kernels[-1].alive():
            kernels.append(Kernel(kind="second", timeout=PATIENCE))
        return kernels[-1]

    yield get
    for kernel in kernels:
        kernel.close(check=False)


@pytest.mark.long
@pytest.mark.parametrize("sequence", SEQUENCES, ids=NAMES)
def test_on_evcxr(second, sequence):
    follow(second(), sequence, theirs)
