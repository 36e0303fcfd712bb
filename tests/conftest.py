"""Fixtures: kernels shared by the tests of a file, kernels of one's own, and what is left for `tests/run --all`."""

from __future__ import annotations

import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support import lab as jupyterlab, process, users  # noqa: E402
from support.frontend import Kernel  # noqa: E402

FILES_SHOWN = 25

# what hypothesis learns about the tests' own code is no part of the checkout
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(process.WORK / "hypothesis"))


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also the tests that take minutes")


def pytest_configure(config):
    # under nohup it is ignored, and kernels would inherit that
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    config.addinivalue_line("markers", "alone: runs when no other test does")
    config.addinivalue_line("markers", "long: takes minutes; run by tests/run --all")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--all"):
        return
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="takes minutes: tests/run --all"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.failed_call = report.failed


def pytest_terminal_summary(terminalreporter):
    """What each file took, the longest first: where the time of a run goes."""
    seconds: dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                name = report.nodeid.partition("::")[0]
                seconds[name] = seconds.get(name, 0) + report.duration
    terminalreporter.section("longest files")
    for name, took in sorted(seconds.items(), key=lambda each: -each[1])[:FILES_SHOWN]:
        terminalreporter.write_line(f"{took:7.1f} s  {name}")


@pytest.fixture(scope="session")
def ferrolab() -> pathlib.Path:
    """The binary under test, its environment prepared, so that no test sees that happen by chance."""
    if not process.FERROLAB.exists():
        pytest.fail(f"{process.FERROLAB} is not built: cargo build --release", pytrace=False)
    with Kernel(timeout=600) as kernel:
        kernel.ok("1 + 1")
    return process.FERROLAB


@pytest.fixture(scope="module")
def place(ferrolab):
    """A folder for all users of the machine, with the program and a toolchain."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    with users.shared() as folder:
        yield folder


class Host:
    """Keeps one kernel for the tests of a file, and starts a new one after a test that failed."""

    def __init__(self, options: dict[str, str]):
        self.options = options
        self.kernel: Kernel | None = None

    def get(self) -> Kernel:
        if self.kernel is None:
            self.kernel = Kernel(**self.options)
        return self.kernel

    def drop(self, check: bool = False) -> None:
        kernel, self.kernel = self.kernel, None
        if kernel is not None:
            kernel.close(check=check)


@pytest.fixture(scope="module")
def kernel_options() -> dict[str, str]:
    """What the kernel of a file's tests is started with; a file with a cache of its own says so here."""
    return {}


@pytest.fixture(scope="module")
def host(ferrolab, kernel_options):
    host = Host(kernel_options)
    yield host
    host.drop(check=True)


@pytest.fixture
def k(host, request):
    """A kernel shared by the file's tests. Names must differ between them. Unread messages fail the test."""
    kernel = host.get()
    yield kernel
    if getattr(request.node, "failed_call", True):
        host.drop()
        return
    try:
        assert kernel.alive(), "the kernel died"
        kernel.assert_quiet()
    except BaseException:
        host.drop()
        raise


@pytest.fixture
def start(ferrolab, request):
    """Starts kernels of one's own: `start(FERROLAB_CACHE_DIR=…)`. They are ended, and checked, after the test."""
    kernels = []

    def begin(**options) -> Kernel:
        kernels.append(Kernel(**options))
        return kernels[-1]

    yield begin
    failed = getattr(request.node, "failed_call", True)
    problems = []
    for kernel in kernels:
        try:
            if not failed and kernel.alive():
                kernel.assert_quiet()
            kernel.close(check=not failed and kernel.alive())
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def cli(ferrolab):
    """Runs the command line: `cli("install", "--user", HOME=…)` gives a CompletedProcess."""
    import subprocess

    def run(*arguments, timeout: float = 300, cwd=None, **env):
        return subprocess.run(
            [str(ferrolab), *map(str, arguments)],
            env=process.environment(**{k: str(v) for k, v in env.items()}),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
        )

    return run


@pytest.fixture(scope="session")
def root_user() -> bool:
    """Whether the tests run as root, for whom file permissions mean nothing."""
    return os.geteuid() == 0


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    if not jupyterlab.chromium():
        pytest.skip("no Chromium: apt-get install chromium, or set CHROMIUM")
    with jupyterlab.browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def lab(ferrolab, tmp_path_factory):
    """A JupyterLab with the kernel and copies of the notebooks."""
    with jupyterlab.lab(ferrolab, tmp_path_factory.mktemp("lab")) as lab:
        yield lab
