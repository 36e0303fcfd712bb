"""A long session: memory grows by what the cells hold, plus a small bounded amount for code."""

import statistics
import time

import pytest

from support import process

# bytes of kernel and runner that one cell's loaded code may cost
PER_CELL = 64 << 10
FIXED = 40 << 20


def soak(kernel, count):
    cells = [
        lambda i: (f"{i} + 1", str(i + 1)),
        lambda i: (f"let soak_v = vec![{i}u64; 100];", None),
        lambda i: (f"soak_v.iter().sum::<u64>() + {i % 7} - {i % 7}", None),
        lambda i: (f"fn soak_f(x: u64) -> u64 {{ x + {i % 50} }}", None),
        lambda i: (f"soak_f({i})", None),
        lambda i: (f'println!("soak {i}");', None),
        lambda i: (f"soak_counter += 1; soak_counter // {i}", None),
        lambda i: (f'let soak_s = format!("{{}}", {i}); soak_s.len()', None),
        lambda i: (f"let wrong: i32 = \"{i}\";", "error"),
        lambda i: (f'if {i} > 0 {{ panic!("soak {i}") }}', "error"),
    ]
    kernel.ok("let mut soak_counter = 0u32; let mut soak_v = vec![0u64];")
    # numbers of this run's own: cells found in the cache would tell nothing about those that are compiled
    base = time.time_ns() // 1_000_000 % 200_000_000 * 10
    for i in range(base, base + 20):
        kernel.run(cells[i % 10](i)[0]).ends()
    before, times = process.memory(kernel.process.pid), []
    for i in range(base + 20, base + count + 20):
        code, wanted = cells[i % 10](i)
        begun = time.monotonic()
        status = kernel.run(code).ends()
        times.append(time.monotonic() - begun)
        assert (status == "error") == (wanted == "error"), f"{status}: {code}"
        assert not any(kernel.unread.values()), kernel.describe()
    after = process.memory(kernel.process.pid)
    kernel.run("soak_counter").result(str((count + 20) // 10)).idle()
    tenth = max(1, count // 10)
    first, last = statistics.median(times[:tenth]), statistics.median(times[-tenth:])
    growth = after["pss"] - before["pss"]
    print(
        f"{count} cells: median {statistics.median(times) * 1000:.0f} ms, first tenth {first * 1000:.0f} ms, last {last * 1000:.0f} ms, "
        f"memory {before['pss'] >> 20} -> {after['pss'] >> 20} MB ({growth / count / 1024:.1f} kB a cell), processes {before['processes']} -> {after['processes']}"
    )
    assert growth < FIXED + count * PER_CELL, f"memory grew by {growth >> 20} MB in {count} cells"
    assert after["processes"] <= before["processes"] + 1, process.command_lines(kernel.process.pid)
    assert last < 3 * first + 0.05, "cells get slower and slower"


def test_200_cells(start):
    soak(start(), 200)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_2000_cells(start):
    soak(start(), 2000)


def test_memory_that_a_cell_drops_is_returned(start):
    kernel = start()
    kernel.ok("let small = 1;")
    before = process.memory(kernel.process.pid)["pss"]
    for _ in range(5):
        kernel.run("let big = vec![1u8; 200_000_000]; big.len()").result("200000000").idle()
        kernel.run("drop(big);").until().idle()
    # the snapshot before the last cell may still hold one copy; the next cell lets it go
    kernel.run("small").result("1").idle()
    kernel.run("small + 1").result("2").idle()
    grown = process.memory(kernel.process.pid)["pss"] - before
    assert grown < 100 << 20, f"{grown >> 20} MB are kept"
