"""Every helper stops by itself when the user interrupts: soon, with nothing left running, and the variables kept.

What an error says tells the rung: "the cell was interrupted" is a helper that stopped; a cell that had to be
ended, half a second later, says that it did not look.
"""

import math
import time

import pytest

from support import process

# times are its subject, so that nothing runs beside it
pytestmark = pytest.mark.alone

N = 20_000_000
# 100 ms are meant; the rest is for the messages and for a machine that others load twice over
SOON = 0.4
SLOW = "(0..40).fold(x as f64, |s, k| (s + f64::from(k)).sin())"
# the last part is one call that runs for many seconds, or short ones again and again
HELPERS = {
    "map": f"par::map(0..{N}u64, |x| {SLOW}).len()",
    "map, long tasks": "par::map(0..4u64, |_| for _ in progress(0..1000) { std::thread::sleep(std::time::Duration::from_millis(10)) }).len()",
    "quiet for_each": f"par::quiet().for_each(0..{N}u64, |x| {{ std::hint::black_box({SLOW}); }})",
    "filter_map": f"par::filter_map(0..{N}u64, |x| Some({SLOW})).len()",
    "map_reduce": f"par::map_reduce(0..{50 * N}u64, |x| {SLOW}, 0.0, |a, b| a + b)",
    "sum_by": f"par::sum_by(0..{50 * N}u64, |x| {SLOW})",
    "sort": "loop { par::sort(&mut big); par::sort_by(&mut big, |a, b| b.total_cmp(a)); par::for_each(par::enumerate(&mut big), |(i, x)| *x = ((i * 7919) % 1_000_003) as f64); }",
    "sort, slow order": f"par::sort_by(&mut big, |a, b| {{ let x = *a; if {SLOW} > 2.0 {{ return std::cmp::Ordering::Equal }} a.total_cmp(b) }})",
    "argsort": "loop { std::hint::black_box(par::argsort(&big)); }",
    "scan": f"par::scan(0..{N}u64, 0, |a, x| a ^ x ^ (({SLOW}) as u64)).len()",
    "cumsum": "loop { std::hint::black_box(par::cumsum(&big)); }",
    "group_sum": "loop { std::hint::black_box(par::group_sum(&index, &big, 50_000)); }",
    "histogram": "loop { std::hint::black_box(par::histogram(&big, 0.0, 1e6, 100)); }",
    "stencil": f"par::stencil(&big, 1, par::Edge::Wrap, |w| {{ let x = w[0]; {SLOW} }}).len()",
    "stencil2": f"par::stencil2(&big, [{N // 1000}, 1000], par::Edge::Clamp, |a| {{ let x = a.at(0, 1); {SLOW} }}).len()",
    "monte_carlo": "par::monte_carlo(1 << 60, 1, |rng| rng.normal()).mean",
    "monte_carlo_simd": "par::monte_carlo_simd(1 << 60, 1, |rng| rng.uniform()).mean",
    "map_simd": "let mut out = vec![0.0f64; big.len()]; loop { par::map_simd(&big, &mut out, |x| x.sin().exp().ln().sin()); }",
    "ufunc": "let f = par::ufunc2(|x, y| (x + y).sin()); loop { std::hint::black_box(f.call(&big, 1.0)?); }",
    "progress": "let mut n = 0u64; for i in progress(0..u64::MAX) { n ^= std::hint::black_box(i); } n",
    "rayon": f"use rayon::prelude::*; (0..{50 * N}u64).into_par_iter().progress().map(|x| {SLOW}).sum::<f64>()",
    "threads": f"threads().map(0..{N}u64, |x| {SLOW})?.len()",
    "line of many points": "loop { std::hint::black_box(plot::line_y(&big[..10_000_000]).png()); }",
    "scatter of many points": "loop { std::hint::black_box(plot::scatter(&big[..10_000_000], &big[..10_000_000]).png()); }",
    "histogram of many": "loop { std::hint::black_box(plot::hist(&big[..10_000_000]).svg()); }",
    "timing": f"timing::timeit(|| {{ let x = std::hint::black_box(1.0); {SLOW} }}); loop {{ timing::timeit(|| std::thread::sleep(std::time::Duration::from_millis(20))); }}",
}
CELLS = {name: f'println!("begun"); kept = 6; {code}' for name, code in HELPERS.items()}
MAGICS = {
    "%%timeit": "%%timeit -n 10000 -r 100000\nkept += 1; (0..1000).fold(kept, |s, k| std::hint::black_box(s ^ k));",
    "%%scaling": f"%%scaling 1,2\npar::map_reduce(0..{5 * N}u64, |x| {SLOW}, 0.0, |a, b| a + b)",
}


@pytest.fixture(scope="module")
def prepared(host):
    kernel = host.get()
    kernel.ok(
        f"let mut kept = 5; let index: Vec<u32> = par::map(0..{N}u64, |i| (i * 7919 % 50_000) as u32);"
        f"let mut big: Vec<f64> = par::map(0..{N}u64, |i| ((i * 7919) % 1_000_003) as f64);"
    )
    return kernel


def work(kernel) -> float:
    """Seconds of CPU that the kernel's processes have used."""
    return sum(process.cpu_seconds(pid) for pid in process.tree(kernel.process.pid))


def interrupted(kernel, code: str, name: str) -> float:
    """Runs and interrupts a cell; seconds until it stopped by itself, or infinity where it was ended."""
    story = kernel.run(code).begin()
    if code.startswith("%%"):
        # nothing is shown before all is measured, but it works
        before = process.runner_seconds(kernel.process.pid)
        kernel.wait(lambda: process.runner_seconds(kernel.process.pid) > before + 0.1, "cell that works")
    else:
        story.seen("begun")
    # long enough that it is in the middle of it
    time.sleep(0.4)
    asked = time.monotonic()
    kernel.interrupt(timeout=5)
    story.fails("Interrupted")
    took = time.monotonic() - asked
    print(f"{name}: {1000 * took:.0f} ms")
    return took if "the cell was interrupted" in story.text_of(story.failed) else math.inf


def stops(kernel, code: str, name: str) -> None:
    # on a machine that is busy with other things a helper may be kept from looking: the best of some counts
    best = math.inf
    for _ in range(5):
        best = min(best, interrupted(kernel, code, name))
        if best < SOON:
            break
    assert best < math.inf, "it never looked at the interrupt"
    assert best < SOON, f"it stopped after {1000 * best:.0f} ms"
    before = work(kernel)
    time.sleep(0.3)
    used = work(kernel) - before
    assert used < 0.15, f"{used:.2f} s of CPU in 0.3 s after the interrupt: something still runs"
    kernel.run("(kept, big.len(), big[3])").result(f"(5, {N}, 23757.0)").idle()


@pytest.mark.parametrize("name", [*CELLS, *MAGICS])
def test_a_helper_stops(prepared, name):
    stops(prepared, (CELLS | MAGICS)[name], name)
