"""Arrays on a cluster beside dask.array on Dask's own: two worker processes of one thread each, the same work on the same data, in turns; the minimum
counts. Then what chunks cost: submission and the scheduler's memory from 10² to 10⁶ of them.

Random numbers differ between the two, so sums of them agree as far as their spread says; all else is compared to twelve digits. Nothing
here passes or fails but that comparison.
"""

from __future__ import annotations

import argparse
import datetime
import pathlib
import sys

import arrays
import cells
from arrays import Row

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORKERS = 2


def rows(quick: bool) -> tuple[str, str, list[Row]]:
    n, m, k = arrays.sizes(quick)
    ours = f"""
        let cluster = Cluster::local({WORKERS})?;
        let on = cluster.quiet().array();
        let z = on.random().seed(7).normal([{n}, {n}]);
        let many = on.from_fn([1000, 1000], |[i, j]| ((i + j) % 7) as f64).rechunk([1, 1000]).persist()?;
    """ + arrays.OURS.replace("{m}", str(m)).replace("{k}", str(k))
    dask = f"""
        rng = da.random.default_rng(7)
        z = rng.standard_normal(({n}, {n}))
        def made(f, m, chunks):
            i, j = da.arange(m, chunks=chunks)[:, None], da.arange(m, chunks=m)[None, :]
            return f(i, j).persist()
        x = made(lambda i, j: ((i * 31 + j * 17) % 1000) / 1000.0 + 0.5, {m}, {m // 8})
        p = made(lambda i, j: ((i * 7 + j * 3) % 11) - 5.0, {k}, {k // 4})
        many = made(lambda i, j: ((i + j) % 7) * 1.0, 1000, 1)
        wait([x, p, many])
    """ + arrays.DASK
    table = [
        Row("sum of normal numbers", 8, "z.sum().compute()?", "float(z.sum().compute())", None, 1, f"{n}²"),
        Row("`A² + sin A · A · ln A` of a persisted array, then its sum", 4, "(&x * &x + x.sin() * &x * x.ln()).sum().compute()?",
            "float((x * x + da.sin(x) * x * da.log(x)).sum().compute())", None, size=f"{m}²"),
        Row("mean along the first axis", 3, "x.mean_axis(0).compute()?.sum()", "float(x.mean(axis=0).compute().sum())", None, size=f"{m}²"),
        Row("standard deviation along the first axis", 3, "x.std_axis(0, 0).compute()?.sum()", "float(x.std(axis=0).compute().sum())", None, size=f"{m}²"),
        Row("5-point stencil, 10 steps", 4, arrays.STENCIL, "float(steps(p).sum().compute())", None, 1e-6, f"{k}²"),
        Row("rows to columns, then their sum", 1, f"x.rechunk([{m}, {m // 8}]).persist()?.sum().compute()?", f"float(x.rechunk(({m}, {m // 8})).persist().sum().compute())", None, size=f"{m}²"),
        Row("product of matrices", 0.7, "p.dot(&p.t()).sum().compute()?", "float(da.dot(p, p.T).sum().compute())", None, 1e-6, f"{k}²"),
        Row("sum of 1,000 persisted chunks", 1, "many.sum().compute()?", "float(many.sum().compute())", None, size="1000²"),
    ]  # fmt: skip
    return ours, dask, table


# worker processes, which begin by reading the script again
ON_PROCESSES = """
from distributed import Client, LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster, Client(cluster):
        measured()
""".replace("WORKERS", str(WORKERS))


SCHEDULER = """
import os
def memory(dask_scheduler):
    pages = int(open('/proc/self/statm').read().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE')
"""


def chunks(quick: bool) -> list[tuple[int, float, float]]:
    """For each number of chunks: seconds, and MB that the scheduler grew by."""
    from distributed import Client

    found = []
    with cells.start("ferrolab", FERROLAB_PYTHON=sys.executable) as kernel:
        kernel.ok(f"let cluster = Cluster::local({WORKERS})?; let on = cluster.quiet().array();")
        scope: dict = {}
        exec(SCHEDULER, scope)
        with Client(kernel.ok("cluster.status()?.address().to_string()").strip('"')) as client:
            kernel.ok("on.zeros::<u8, _>([100]).rechunk([1]).sum().compute()?")
            for power in range(2, 5 if quick else 7):
                before = client.run_on_scheduler(scope["memory"])
                text = kernel.ok(f"let begun = std::time::Instant::now(); let s = on.arange({10**power}.0).rechunk([1]).sum().compute()?; format!(\"{{}}\", begun.elapsed().as_secs_f64())", timeout=600)
                found.append((10**power, float(text.strip('"')), (client.run_on_scheduler(scope["memory"]) - before) / 1e6))
    return found


def report(table: list[Row], mine: list, dasks: list, cost: list, versions: str) -> str:
    lines = [
        "# Arrays on a cluster beside dask.array",
        "",
        f"Measured on {datetime.date.today().isoformat()} by `benches/run arrays-cluster` on {cells.cpu()}, {WORKERS} workers of one thread, {cells.rustc()}, {versions}. Seconds, the least of several runs.",
        "",
        "| work | size | ferrolab | dask.array | dask.array ÷ ferrolab | goal |",
        "|---|---|---|---|---|---|",
    ]
    for row, own, dask in zip(table, mine, dasks, strict=True):
        arrays.compare(row, own[1], dask[1])
        lines.append(f"| {row.name} | {row.size} | {own[0]:.3f} | {dask[0]:.3f} | {dask[0] / own[0]:.1f} | {row.goal:g} |")
    lines += ["", "A sum of numbers that are made, one in each chunk:", "", "| chunks | seconds | the scheduler's memory grew by |", "|---|---|---|"]
    lines += [f"| {n:,} | {seconds:.3f} | {grown:.1f} MB |" for n, seconds, grown in cost]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: for a look at the script, not at figures")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "benches/arrays_cluster.md")
    options = parser.parse_args()
    setup, dask_setup, table = rows(options.quick)
    mine = arrays.ours(setup, [row.ours for row in table], WORKERS, 3, FERROLAB_PYTHON=sys.executable)
    dask, _, found = arrays.peer(sys.executable, dask_setup, [row.dask for row in table], ON_PROCESSES, 1, 3)
    text = report(table, mine, found, chunks(options.quick), f"dask {dask}")
    options.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
