"""Workers that cannot run what was compiled here are refused before they crash, by name, with what to do."""

import glob
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from support import process
from support.dask import Outside, can_mount

PYTHON = {"FERROLAB_PYTHON": sys.executable}
# what x86-64-v3 has, by the kernel's names
V3 = set("fpu cx8 cmov mmx fxsr sse sse2 cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3 avx avx2 bmi1 bmi2 f16c fma abm movbe xsave".split())
SLEEPY = "c.map(0..200u64, |x| { std::thread::sleep(std::time::Duration::from_millis(50)); x })?.len()"


@pytest.fixture
def site(tmp_path):
    with Outside(tmp_path) as site:
        site.scheduler()
        yield site


@pytest.fixture
def k(start):
    return start(timeout=120, **PYTHON)


@pytest.fixture
def small(tmp_path):
    """Makes a worker see the processor's list of features without what is beyond x86-64-v3."""
    if not can_mount():
        pytest.skip("only root can give a worker another /proc/cpuinfo")
    text = pathlib.Path("/proc/cpuinfo").read_text()
    flags = set(re.search(r"^flags\s*:(.*)$", text, re.M)[1].split()) if "flags" in text else set()
    if not V3 <= flags or "avx512f" not in flags:
        pytest.skip("this processor has nothing beyond x86-64-v3")
    fake = tmp_path / "cpuinfo"
    fake.write_text(re.sub(r"^(flags\s*:).*$", lambda m: f"{m[1]} {' '.join(sorted(V3))}", text, flags=re.M))
    return f"mount --bind {fake} /proc/cpuinfo"


def refused(kernel, site, *words: str) -> str:
    story = kernel.run(f'let c = Cluster::scheduler_file("{site.file}")?;', timeout=90).until("error").error(None, *words)
    story.until().idle()
    return story.text_of(story.failed)


def arrived(kernel, site, count: int) -> None:
    """Waits for workers with a client that asks nothing of them."""
    code = f"from distributed import Client\nwith Client(scheduler_file='{site.file}') as c: c.wait_for_workers({count}, timeout=60)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=90)


def test_a_processor_that_lacks_features(k, site, small):
    site.worker("large")
    site.worker("small", before=small)
    arrived(k, site, 2)
    text = refused(k, site, "small on ", "without ", "avx512", "`:target-cpu x86-64-v3`", "run the cells again")
    assert "large" not in text, text


@pytest.mark.long
@pytest.mark.timeout(900)
def test_what_the_refusal_says_helps(k, site, small):
    """`:target-cpu` compiles the helper library, items and cells for what all workers have."""
    site.worker("large")
    site.worker("small", before=small)
    arrived(k, site, 2)
    k.ok("fn twice(x: u64) -> u64 { 2 * x }")
    k.run(":target-cpu x86-64-v3", timeout=900).finish()
    k.ok(f'let c = Cluster::scheduler_file("{site.file}")?; c.wait_for_workers(2)?;')
    k.run('c.map(0..40u64, |x| { std::thread::sleep(std::time::Duration::from_millis(20)); twice(x) + u64::from(cfg!(target_feature = "avx512f")) })?.iter().sum::<u64>()').until(
        "execute_result"
    ).result("1560").until().idle()


def test_a_worker_that_joins_later_and_does_not_fit(k, site, small):
    site.worker("large")
    k.ok(f'let c = Cluster::scheduler_file("{site.file}")?; c.wait_for_workers(1)?;')
    story = k.run(SLEEPY, timeout=120)
    site.worker("small", before=small)
    story.until("error").error(None, "small on ", "avx512").until().idle()
    k.run("1 + 1").result("2").idle()


# what a worker answers is faked where a real one on this machine cannot differ
ANSWERS = {
    "old system": ("import os\nreal = os.confstr\nos.confstr = lambda name: 'glibc 2.5' if name == 'CS_GNU_LIBC_VERSION' else real(name)", ["glibc 2.5;", "needs 2."]),
    "another C library": ("import os\nos.confstr = lambda name: None", ["an unknown C library", "needs glibc 2."]),
    "another architecture": (
        "import os\nreal = os.uname()\nos.uname = lambda: os.uname_result((*real[:4], 'riscv64'))",
        [": a riscv64;", "start the kernel on such a machine"],
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_another_system(k, site, tmp_path, name):
    text, words = ANSWERS[name]
    preload = tmp_path / "other.py"
    preload.write_text(text + "\n")
    site.worker("other", "--preload", str(preload))
    site.worker("same")
    arrived(k, site, 2)
    assert "same on" not in refused(k, site, "other", *words)


def test_another_toolchain(k, site, tmp_path):
    """A worker that has the standard library of another Rust release loaded, as another notebook may have left it."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    (real,) = glob.glob(f"{sysroot}/lib/rustlib/*/lib/libstd-*.so")
    other = tmp_path / "libstd-0123456789abcdef.so"
    shutil.copy(real, other)
    preload = tmp_path / "loads.py"
    preload.write_text(f"import ctypes\nctypes.CDLL({str(other)!r})\n")
    site.worker("used", "--preload", str(preload))
    arrived(k, site, 1)
    refused(k, site, "used on ", "another Rust toolchain", "libstd-0123456789abcdef.so", "restart these workers")


def test_many_workers_are_named_together():
    """The message stays short for a thousand nodes."""
    sys.path.insert(0, str(process.ROOT / "src/cluster/python"))
    try:
        from connection import Wrong
        from fit import Fit, best_target, same_python
        from protocol import Needs
    finally:
        sys.path.pop(0)
    here = {"machine": "x86_64", "flags": sorted(V3 | {"avx512f"}), "libc": "glibc 2.36", "toolchains": [], "host": "login"}
    fit = Fit(Needs(sorted(V3 | {"avx512f"}), []), here)
    fit.check({"fine": here})
    with pytest.raises(Wrong) as told:
        fit.check({f"w{i}": {**here, "flags": sorted(V3)} for i in range(1000)})
    assert "w103, w104 and 992 more: a processor without avx512f" in str(told.value) and str(told.value).count("\n") == 2, told.value
    assert best_target([here, {**here, "flags": ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]}]) == "x86-64-v2"
    assert best_target([{**here, "flags": []}]) == "x86-64"
    # and another Python, for what Dask says of its own processes
    from distributed.versions import get_versions

    ours = get_versions()
    other = {**ours, "host": {**ours["host"], "python": "3.8.1.final.0"}}
    same_python({"client": ours, "scheduler": ours, "workers": {"tcp://a": ours}}, {"tcp://a": {"id": "w"}})
    with pytest.raises(Wrong, match="\\nw: Python 3.8; here: .*\\nset FERROLAB_PYTHON to a Python 3.8"):
        same_python({"client": ours, "scheduler": ours, "workers": {"tcp://a": other}}, {"tcp://a": {"id": "w"}})
