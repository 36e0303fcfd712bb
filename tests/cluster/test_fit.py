"""Workers with lesser processors get code of their own; those that cannot run any are refused before they crash, by name, with
what to do."""

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


# 1 where it runs code for this machine's own processor; slow enough that each worker gets some
OWN = 'std::thread::sleep(std::time::Duration::from_millis(20)); u64::from(cfg!(target_feature = "avx512f"))'


@pytest.mark.long
@pytest.mark.timeout(1800)
class TestLesserProcessors:
    """Code for them is compiled by itself, for the best level that all have. The first test builds an environment for it."""

    def test_all_get_what_all_can_run_and_no_variable_is_lost(self, k, site, small):
        site.worker("large")
        site.worker("small", before=small)
        arrived(k, site, 2)
        k.ok("let kept = vec![1u64, 2, 3]; fn twice(x: u64) -> u64 { 2 * x + 1000 * u64::from(cfg!(target_feature = \"avx512f\")) }")
        k.run(f'let c = Cluster::scheduler_file("{site.file}")?; c.wait_for_workers(2)?;', timeout=120).until().idle()
        told = k.run(f"c.map(0..40u64, |x| twice(x) + {{ {OWN} }})?.iter().sum::<u64>()", timeout=1500)
        assert told.ends() == "ok"
        said = told.everything()
        assert "small on " in said and "a processor without " in said and "compiled for x86-64-v3" in said, said
        assert re.search(r"^1560$", said, re.M), said
        # compiled once; and parameters, futures, graphs and arrays find it, too
        k.run("c.map_with(&kept, 0..30usize, |kept, i| kept[i % 3] + { " + OWN + " })?.iter().sum::<u64>()", timeout=300).until("execute_result").result("60").until().idle()
        k.ok("let futures = (0..6u64).map(|i| c.submit(i, |i| { " + OWN + " + i })).collect::<Result<Vec<_>, _>>()?;")
        k.run("let mut all = 0; for future in futures { all += future.result()?; } all", timeout=300).until("execute_result").result("15").until().idle()
        k.ok("let g = c.graph(); let tasks: Vec<_> = (0..20u64).map(|i| g.task(i, |i| { " + OWN + " + i })).collect();")
        k.run("g.join(tasks, |v| v.iter().copied().sum::<u64>()).compute()?", timeout=300).until("execute_result").result("190").until().idle()
        k.run("let a = c.array().arange(1000.0); (a.map(|x| 2.0 * x + f64::from(u8::from(cfg!(target_feature = \"avx512f\")))).sum()).compute()?", timeout=300).until("execute_result").result(
            "999000.0"
        ).until().idle()
        # a panic there has its place in the cell
        k.run("c.map(0..4u64, |x| { if x == 2 {\n panic!(\"two\") }; x })?", timeout=300).until("error").error(None, "two").until().idle()
        # and here nothing has changed
        k.run("(kept.len(), twice(1))").result("(3, 1002)").idle()

    def test_one_that_joins_later_gets_code_of_its_own(self, k, site, small):
        site.worker("large")
        k.ok(f'let c = Cluster::scheduler_file("{site.file}")?; c.wait_for_workers(1)?;')
        k.run(f"c.map(0..5u64, |_| {{ {OWN} }})?.iter().sum::<u64>()").until("execute_result").result("5").until().idle()
        story = k.run(f"let ran = c.map(0..600u64, |_| {{ {OWN} }})?; (ran.len(), ran.contains(&0), ran.contains(&1))", timeout=1500)
        site.worker("small", before=small)
        story.until("execute_result").result("(600, true, true)").until().idle()


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
        from carried import worker
        from fit import Fit, same_python
        from protocol import Needs
    finally:
        sys.path.pop(0)
    best_target = worker.best_target
    here = {"machine": "x86_64", "flags": sorted(V3 | {"avx512f"}), "libc": "glibc 2.36", "toolchains": [], "host": "login"}
    fit = Fit(Needs(sorted(V3 | {"avx512f"}), []), here)
    fit.check({"fine": here})
    with pytest.raises(Wrong) as told:
        fit.check({f"w{i}": {**here, "libc": "glibc 2.1"} for i in range(1000)})
    assert "w103, w104 and 992 more: glibc 2.1;" in str(told.value) and str(told.value).count("\n") == 2, told.value
    # lesser processors are no reason to refuse: the level of all is chosen, and later ones share it when they can
    fit.check({"lesser": {**here, "flags": sorted(V3)}})
    v2 = {**here, "flags": ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]}
    assert fit.level([here], "") == ""
    assert fit.level([here, {**here, "flags": sorted(V3)}], "") == "x86-64-v3"
    assert fit.level([here], "x86-64-v3") == "x86-64-v3" and fit.level([v2], "x86-64-v3") == "x86-64-v2"
    assert fit.level([{**here, "flags": []}], "") == "", "one that does not say has all"
    assert best_target([here, v2]) == "x86-64-v2"
    assert best_target([{**here, "flags": []}]) == "x86-64"
    # and another Python, for what Dask says of its own processes
    from distributed.versions import get_versions

    ours = get_versions()
    other = {**ours, "host": {**ours["host"], "python": "3.8.1.final.0"}}
    same_python({"client": ours, "scheduler": ours, "workers": {"tcp://a": ours}}, {"tcp://a": {"id": "w"}})
    with pytest.raises(Wrong, match="\\nw: Python 3.8; here: .*\\nset FERROLAB_PYTHON to a Python 3.8"):
        same_python({"client": ours, "scheduler": ours, "workers": {"tcp://a": other}}, {"tcp://a": {"id": "w"}})


def test_a_worker_stays_with_the_code_that_it_began_with():
    """Its process can load one set of layers: what it has is told by the lowest one, whatever dependencies come later."""
    sys.path.insert(0, str(process.ROOT / "src/cluster/python"))
    try:
        from carried import worker
    finally:
        sys.path.pop(0)
    item = lambda path, by_path=False: {"path": path, "size": 1, "modified": 1, "by_path": by_path}  # noqa: E731
    own = {"objects": [item("/c/libstd-1.so"), item("/c/libferrolab_layer_0-a.so"), item("/c/cell.so", True)], "features": [], "places": [[2, 16]]}
    lesser = {"objects": [item("/c/libferrolab_layer_0-b.so"), item("/d/cell.so", True)], "features": [], "places": [[1, 32]]}
    worker.settle(["/c/libstd-1.so", "/c/libferrolab_layer_0-a.so"], "x86-64-v2")
    with pytest.raises(worker.CodeUnfit, match="x86-64-v2"):
        worker.fitting(own)
    worker.STATE.variants[worker.name_of(own), "x86-64-v2"] = lesser
    assert worker.fitting(own) is lesser
    more = {**own, "objects": [*own["objects"][:2], item("/c/libferrolab_layer_1-c.so"), own["objects"][2]]}
    with pytest.raises(worker.CodeUnfit, match="x86-64-v2"):
        worker.fitting(more)
    # what it runs by its own choice: all that this processor has
    other = {"objects": [item("/e/libferrolab_layer_0-z.so")], "features": worker.flags()[:3], "places": []}
    assert worker.fitting(other) is other
    odd = {"objects": [item("/f/libferrolab_layer_0-y.so")], "features": ["a feature of no processor"], "places": []}
    with pytest.raises(worker.CodeUnfit, match=worker.best_target([worker.describe()])):
        worker.fitting(odd)
