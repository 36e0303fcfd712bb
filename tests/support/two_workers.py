"""Fixtures of files whose tests share one kernel with a local cluster; a file imports them by name."""

import sys

import pytest

from .frontend import Kernel


@pytest.fixture(scope="module")
def shared(ferrolab):
    """One kernel with a cluster of two workers for the tests of a file."""
    with Kernel(timeout=120, FERROLAB_PYTHON=sys.executable) as kernel:
        kernel.ok("let cluster = Cluster::local(2)?;")
        yield kernel


@pytest.fixture
def k(shared):
    yield shared
    assert shared.alive(), "the kernel died"
    shared.assert_quiet()
