"""Arrays on a real Dask cluster, in cells: every method as on threads and in ndarray, what stays on the workers, files, failures, killed workers, interrupts."""

import os
import re
import signal
import time

import pytest

from support import process
from support.dask import PYTHON, Outside, asked, keys_of, oldest_python, settled_keys
from support.two_workers import k, shared  # noqa: F401: fixtures

# what each method gives, by name: the same text on both places, to the last digit
GROUPS = {
    "sources": """
        let a = on.array();
        told! {
            "zeros": a.zeros::<f32, _>([2, 3]); "ones": a.ones::<i32, _>(4); "full": a.full((2, 2), 7u8); "bools": a.full([3], true);
            "arange": a.arange(5); "floats": a.arange(4.5); "linspace": a.linspace(0.0, 1.0, 7); "empty": a.zeros::<f64, _>([0, 3]);
            "from_fn": a.from_fn([3, 4], |[i, j]| (10 * i + j) as f64); "number": a.full([], 3.0);
            "normal": a.random().seed(7).normal([100, 3]); "uniform": a.random().seed(7).uniform([100]); "integers": a.random().integers([50], 1..=6);
            "of": a.of(&ndarray::array![[1.5, 2.5], [3.5, 4.5]]); "large": a.of(&ndarray::Array1::from_iter((0..300_000i64).map(|i| i % 1000))).reshape([300, 1000]).sum_axis(0);
            "from_blocks": a.from_blocks([7, 3], [3, 2], |start, shape| ndarray::ArrayD::from_elem(shape, (10 * start[0] + start[1]) as f64));
        }""",
    "operations": """
        let x = on.array().linspace(-2.0, 3.0, 40).reshape([8, 5]); let row = on.array().arange(5.0); let n = on.array().arange(40).reshape([8, 5]);
        let mask = x.gt(0.5);
        told! {
            "arithmetic": (&x + 1.0) * &row - &x / 3.0; "modulo": &n % 7; "not": !n.gt(3); "and": &n & 3; "neg": -&x; "sqrt": x.abs().sqrt(); "sin": x.sin(); "exp": x.exp().ln();
            "powi": x.powi(3); "powf": x.abs().powf(0.3); "floor": x.floor(); "cast": x.cast::<i32>(); "compare": x.le(&row); "select": mask.select(&x, &row); "minimum": x.minimum(&row);
            "column": row.insert_axis(1) * &row; "chain": { let mut c = x.clone(); for _ in 0..300 { c = c * 0.99 + 0.001; } c };
        }""",
    "closures": """
        let x = on.array().arange(5000.0).reshape([50, 100]); let n = on.array().arange(5000).reshape([50, 100]); let table = vec![1.5, 2.5, 3.5];
        told! {
            "map": x.map(|x| (x as i64 % 7) as f64).sum_axis(0); "to bools": x.map(|x| x as u8 % 2 == 0).sum(); "zip": x.zip(&n, |x, n| x * n as f64).max(); "zip a number": x.zip(2i64, |x, n| x + n as f64).sum();
            "map_with": n.map_with(&table, |table, i| table[i as usize % 3]).sum_axis(1); "map_simd": x.map_simd(|x| x.sqrt() + 1.0).mean_axis(1); "fn": x.map(f64::cbrt).sum();
            "reduce": x.reduce(f64::NEG_INFINITY, |m, x| m.max(x.sin()), f64::max); "reduce_axis": n.reduce_axis(1, -1, |a, x| a & x, |a, b| a & b);
        }""",
    "views": """
        let x = on.array().arange(60).reshape([5, 4, 3]); let kept = x.rechunk([2, 3, 3]).persist()?;
        let both = [&x, &kept]; let mut all = Vec::new();
        for x in both { all.extend(told! {
            "slice": x.slice(s![1..;2, ..;-1, 0usize]); "t": x.t(); "permute": x.permute([1, 2, 0]); "reshape": x.reshape([12, 5]); "of a view": x.slice(s![.., 1.., ..]).reshape([45]);
            "broadcast": x.slice(s![0usize, .., ..]).broadcast([2, 4, 3]); "insert_axis": x.insert_axis(1).sum_axis(0);
            "concatenate": Array::concatenate(1, &[x.clone(), x.slice(s![.., ..2, ..]), x * 10]); "stack": Array::stack(0, &[x.clone(), -x]); "rechunk": x.rechunk([5, 1, 2]);
            "sum of a slice": x.slice(s![.., 2usize, 1..]).sum(); "a view of a sum": (x - x.sum_axis(0)).slice(s![1usize, .., ..]); "reshaped and reduced": x.t().reshape([6, 10]).sum_axis(1);
        }); }
        all""",
    "reductions": """
        let z = on.array().random().seed(3).normal([700, 90]); let n = z.map(|x| (x * 100.0) as i64); let kept = z.rechunk([100, 40]).persist()?; let cut = z.rechunk([100, 40]); let b = z.gt(3.0);
        told! {
            "sum": z.sum(); "prod": z.map(|x| 1.0 + x * 1e-3).prod(); "mean": z.mean(); "var": z.var(1); "std": z.std(0); "min": z.min(); "max": n.max(); "argmin": z.argmin(); "argmax": n.argmax();
            "any": b.any(); "all": b.all(); "histogram": z.histogram(-3.0, 3.0, 12); "sum 0": z.sum_axis(0); "sum 1": z.sum_axis(1); "mean 0": n.mean_axis(0); "var 1": z.var_axis(1, 0);
            "min 0": z.min_axis(0); "argmax 1": z.argmax_axis(1); "any 0": b.any_axis(0); "prod 1": n.map(|n| n % 3 + 1).prod_axis(1); "f32": z.cast::<f32>().sum();
            "nan": z.map(|x| if x > 2.9 { f64::NAN } else { x }).max(); "of none": on.array().zeros::<f64, _>([0, 4]).sum_axis(0); "chunks": kept.sum(); "the same chunks": cut.sum();
            "along kept": kept.std_axis(0, 1); "along cut": cut.std_axis(0, 1); "two passes": (&z - z.mean()).std(0); "axes": z.reshape([70, 10, 90]).mean_axes([0, 2]); "dot": z.dot(&on.array().arange(90.0));
        }""",
    "wholes": """
        use ferrolab::par::Edge;
        let z = on.array().random().seed(5).normal([60, 50]); let n = on.array().arange(100); let cube = on.array().random().seed(6).uniform([6, 7, 8]);
        let cut = z.rechunk([7, 50]);
        told! {
            "cumsum 0": z.cumsum(0).sum_axis(1); "cumsum 1": z.cumsum(1).sum_axis(0); "cumsum": on.array().arange(1000).cumsum(0).max(); "matmul": z.dot(&z.t()).sum_axis(0); "vectors": z.slice(s![0usize, ..]).dot(&z.slice(s![1usize, ..]));
            "clamp": cut.stencil(Edge::Clamp, |a| a.at(-1, 0) + 2.0 * a.at(0, 1) + a.at(1, -1)); "wrap": cut.stencil(Edge::Wrap, |a| a.at(-2, 1) - a.at(1, 2)); "fill": cut.stencil(Edge::Fill(9.0), |a| a.at(-1, -1) + (a.y * 100 + a.x) as f64);
            "far": cut.stencil(Edge::Clamp, |a| a.at(11, 0) + a.at(0, -30)); "far around": cut.stencil(Edge::Wrap, |a| a.at(-25, 13)); "3": cube.rechunk([2, 7, 8]).stencil(Edge::Wrap, |a| a.at(1, 0, 0) + a.at(0, -1, 0) + a.at(0, 0, 2)).sum_axis(2);
            "reflect": cut.stencil(Edge::Reflect, |a| a.at(-3, 1) + a.at(2, -2)); "map_overlap": cut.map_overlap([2, 1], Edge::Reflect, |b| &b * 2.0); "overlap wrap": cut.map_overlap([3, 4], Edge::Wrap, box_sums).sum_axis(0);
            "overlap clamp": z.rechunk([20, 9]).map_overlap([3, 4], Edge::Clamp, box_sums); "overlap fill": z.rechunk([25, 30]).map_overlap([3, 4], Edge::Fill(2.0), box_sums); "overlap 3": cube.rechunk([2, 3, 8]).map_overlap([1, 2, 0], Edge::Wrap, |b| b.mapv(|x| x as f32)).sum_axis(2);
            "map_blocks": n.rechunk([7]).map_blocks(|block| &block - block[0]); "map_blocks 2": z.rechunk([25, 30]).map_blocks(|block| block.mapv(|x| x as f32)).sum_axis(0);
            "after a reshape": z.t().reshape([30, 100]).cumsum(0).sum_axis(1); "steps": { let mut a = cut.clone(); for _ in 0..3 { a = a.stencil(Edge::Clamp, |a| 0.25 * (a.at(-1, 0) + a.at(1, 0) + a.at(0, -1) + a.at(0, 1))); } a.sum() };
        }""",
}
MACRO = """
use ndarray::s;
fn box_sums(b: ndarray::ArrayViewD<f64>) -> ndarray::ArrayD<f64> { let b = b.into_dimensionality::<ndarray::Ix2>().unwrap(); ndarray::Array2::from_shape_fn((b.nrows() - 6, b.ncols() - 8), |(i, j)| b.slice(s![i..i + 7, j..j + 9]).sum()).into_dyn() }
macro_rules! told { ($($name:literal: $array:expr;)*) => { vec![$(($name, format!("{:?}", $array.compute()?))),*] } }
"""
COMPARED = """let (here, there) = (study_{0}(&threads().quiet())?, study_{0}(&cluster.quiet())?);
here.iter().zip(&there).filter(|(a, b)| a != b).map(|(a, b)| format!("{{}}: {{}} but {{}}", a.0, a.1, b.1)).collect::<Vec<_>>()"""


@pytest.mark.parametrize("name", GROUPS)
def test_each_method_as_on_threads(k, name):
    k.ok(MACRO)
    k.ok(f"fn study_{name}(on: &impl Executor) -> Result<Vec<(&'static str, String)>, cluster::Error> {{\nlet all = {{{GROUPS[name]}}};\nOk(all)\n}}", timeout=60)
    k.run(COMPARED.format(name), timeout=120).until("execute_result").result("[]").until().idle()
    methods = len(re.findall(r'"[^"]+":', GROUPS[name])) * (2 if name == "views" else 1)
    k.run(f"here.len() == {methods} && here.iter().map(|a| a.1.len()).sum::<usize>() > 500").until("execute_result").result("true").until().idle()


def test_results_are_those_of_ndarray(k):
    k.ok("use ndarray::{Array2, Axis, s}; let plain = Array2::from_shape_fn([120, 70], |(i, j)| ((i * 31 + j * 17) % 101) as f64 / 7.0); let lazy = cluster.quiet().array().of(&plain).rechunk([50, 30]);")
    code = """let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1.0);
let sums = lazy.sum_axis(0).compute()?.iter().zip(&plain.sum_axis(Axis(0))).all(|(a, b)| close(*a, *b));
let product = lazy.t().dot(&lazy).compute()?.iter().zip(&plain.t().dot(&plain)).all(|(a, b)| close(*a, *b));
(lazy.compute()? == plain, (&lazy * 2.0 + lazy.slice(s![0usize, ..])).compute()? == &plain * 2.0 + &plain.slice(s![0usize, ..]), sums, product, close(lazy.std(0).compute()?, plain.std(0.0)))"""
    k.run(code, timeout=60).until("execute_result").result("(true, true, true, true, true)").until().idle()


def test_a_percentile(k):
    k.ok("fn upper(on: &impl Executor) -> Result<f64, cluster::Error> { on.array().random().seed(7).normal([100_000]).approx_percentile(97.5) }")
    k.run("let p = upper(&cluster.quiet())?; ((p - 1.96).abs() < 0.03, p == upper(&threads().quiet())?)").until("execute_result").result("(true, true)").until().idle()


def test_several_at_once(k):
    k.ok("let x = cluster.quiet().array().random().seed(7).normal([1000, 10]);")
    k.run("let (a, b, c) = array::compute((&x.mean(), &x.max_axis(0), &x))?; (a == x.mean().compute()?, b.len(), c.sum_axis(ndarray::Axis(0)).len())").until("execute_result").result("(true, 10, 10)").until().idle()


def keys(k) -> list[str]:
    """Parts of arrays that workers have."""
    return keys_of(k, "array-")


def settled(k, want: int) -> None:
    settled_keys(k, want, "array-")


def test_what_is_persisted_stays_on_the_workers_until_nobody_needs_it(k):
    k.ok("let (kept, x) = ((), ());")
    settled(k, 0)
    k.ok("let kept = cluster.quiet().array().random().seed(7).normal([1000, 100]).rechunk([250, 100]).persist()?;")
    settled(k, 4)
    # a later cell, with code of its own
    k.run("let doubled = kept.map(|x| 2.0 * x).sum().compute()?; (doubled - 2.0 * kept.sum().compute()?).abs() < 1e-9").until("execute_result").result("true").until().idle()
    k.run("kept.slice(ndarray::s![500.., 3usize]).compute()?.len()").until("execute_result").result("500").until().idle()
    settled(k, 4)
    # a cell that fails after it has persisted leaves nothing
    k.run('let more = kept.map(|x| x + 1.0).persist()?; panic!("no")').until("error").error(None, "no").until().idle()
    settled(k, 4)
    kind = asked(k, "print(*c.run_on_scheduler(lambda dask_scheduler: sorted({task.nbytes // 10**5 for key, task in dask_scheduler.tasks.items() if str(key).startswith('array-')})))")
    assert kind == "2", "250 × 100 numbers each"
    story = k.run("kept").until().idle()
    html = "".join(story.shown("text/html"))
    assert "persisted" in html and "cluster" in html and "4 of 250 × 100" in html, html
    k.ok("let kept = ();")
    settled(k, 0)


def test_arrays_are_shared_with_python_by_name(k):
    k.ok("use ndarray::{Ix1, Ix2}; let field = cluster.quiet().array().from_fn([50, 30], |[i, j]| (i * 30 + j) as f64).rechunk([20, 30]).persist()?;")
    k.ok('cluster.publish("field", &field)?; cluster.publish("truths", &field.gt(700.0))?;')
    told = asked(k, "f = c.get_dataset('field')\nimport numpy\nprint(type(f).__module__, f.chunks, f.dtype, bool((f.compute() == numpy.arange(1500.).reshape(50, 30)).all()), c.get_dataset('truths').sum().compute())")
    assert told == "dask.array.core ((20, 20, 10), (30,)) float64 True 799"
    asked(k, "import dask.array as da\nx = (da.arange(1000, chunks=(300, 500, 200)) * 0.5).persist()\nc.publish_dataset(half=x)")
    k.run('let half = cluster.dataset::<f64, Ix1>("half")?; (half.shape().to_vec(), half.sum().compute()?, half.slice(ndarray::s![290..310]).compute()?[15])').until("execute_result").result("([1000], 249750.0, 152.5)").until().idle()
    k.run('cluster.dataset::<f64, Ix2>("field")?.sum().compute()? == field.sum().compute()?').until("execute_result").result("true").until().idle()
    k.run('cluster.dataset::<i64, Ix1>("half")?').until("error").error(None, "`half` has elements of float64, not <i8", "`.cast()`").until().idle()
    k.run('cluster.dataset::<f64, Ix2>("half")?').until("error").error(None, "`half` has shape [1000], which has not 2 axes").until().idle()
    k.run('cluster.dataset::<f64, Ix1>("none")?').until("error").error(None, "nobody has published `none`", "field, half, truths").until().idle()
    k.ok("let (field, half) = ((), ());")
    asked(k, "[c.unpublish_dataset(name) for name in ('field', 'truths', 'half')]")


def test_threads_and_another_cluster_say_that_they_have_no_way_to_it(k):
    k.ok("let there = cluster.quiet().array().arange(10.0).persist()?; let here = threads().array().ones::<f64, _>([10]);")
    k.run("(&here + &there).sum().compute()?").until("error").error(None, "persisted on a cluster", "begin with the cluster's array").until().idle()
    k.run("(&there + &here).sum().compute()?").until("execute_result").result("55.0").until().idle()
    k.ok("let (there, here) = ((), ());")


def test_files_are_written_by_workers_and_read_by_numpy_and_back(k, tmp_path):
    import numpy

    path = tmp_path / "a.npy"
    k.ok(f'let x = cluster.quiet().array().from_fn([300, 40], |[i, j]| (i * 40 + j) as f64); x.to_npy("{path}")?;')
    assert numpy.array_equal(numpy.load(path), numpy.arange(12000.0).reshape(300, 40))
    k.ok(f'let kept = x.rechunk([70, 40]).persist()?; (&kept * 2.0).to_npy("{tmp_path}/b.npy")?;')
    assert numpy.array_equal(numpy.load(tmp_path / "b.npy"), 2 * numpy.arange(12000.0).reshape(300, 40))
    k.run(f'let back = cluster.quiet().array().npy::<f64, ndarray::Ix2>("{path}")?; (back.sum().compute()?, (&back - &kept).abs().max().compute()?)').until("execute_result").result("(71994000.0, 0.0)").until().idle()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "b.npy"]
    numpy.save(path, numpy.zeros((300, 40)))
    k.run("back.sum().compute()?").until("error").error(None, "a.npy", "was changed").until().idle()
    k.ok("let (x, kept, back) = ((), (), ());")


def test_a_closure_that_panics_names_element_and_line(k):
    k.ok("let x = cluster.quiet().array().arange(100_000).reshape([100, 1000]);")
    for array in ("x", "x.rechunk([10, 1000]).persist()?"):
        story = k.run(f'{array}.map(|x| if x == 54_321 {{ panic!("no {{x}}") }} else {{ x }}).sum().compute()?').until("error")
        story.error(None, "]:1) panicked at index [54, 321]: no 54321", "(worker ").until().idle()
    k.run("x.rechunk([10, 1000]).map_blocks(|block| if block[[0, 0]] > 5 { panic!(\"no block\") } else { block.to_owned() }).sum().compute()?").until("error").error(None, "no block").until().idle()
    k.run("x.len()").until("execute_result").result("100000").until().idle()


def test_what_does_not_fit_is_refused_before_anything_runs(k):
    k.run("cluster.array().zeros::<f64, _>([1 << 20, 1 << 20]).persist()?").until("error").error(None, "would keep 8.8 TB on the workers", "`.slice(s![..])`").until().idle()
    k.run("cluster.array().zeros::<f64, _>([1 << 20, 1 << 20]).compute()?").until("error").error(None, "of the notebook's memory", "`.persist()`").until().idle()
    code = "cluster.array().from_blocks([1 << 36], [1 << 35], |_, shape| ndarray::ArrayD::<f64>::zeros(shape)).sum().compute()?"
    k.run(code).until("error").error(None, "a task with chunks of [34359738368]", "`.rechunk(…)` into chunks of at most").until().idle()
    # what is only reduced may be of any size
    k.run("cluster.quiet().array().zeros::<u8, _>([1 << 30]).max().compute()?", timeout=60).until("execute_result").result("0").until().idle()


def test_an_explanation_and_a_plan(k):
    story = k.run("(cluster.array().ones::<f64, _>([100, 50]) * 2.0).sum_axis(0).explain()").until().idle()
    assert "sum along [0]" in "".join(story.shown("text/plain"))


@pytest.fixture
def own(start, tmp_path):
    kernel = start(timeout=120, cwd=str(tmp_path), **PYTHON)
    kernel.ok("let cluster = Cluster::local(2)?;")
    return kernel


def workers(kernel) -> list[int]:
    return [pid for pid, line in process.command_lines(kernel.process.pid).items() if "spawn_main" in line]


SLOW = "|x| { if x as u64 % 4096 == 0 { std::thread::sleep(std::time::Duration::from_millis(3)); } x * 0.5 }"


def test_a_worker_that_is_killed_changes_no_bit(own):
    own.ok(f"fn work(on: &impl Executor) -> Result<f64, cluster::Error> {{ on.array().arange(2_000_000.0).rechunk([4096]).map({SLOW}).map(f64::sqrt).sum().compute() }}")
    own.ok("let here = work(&threads())?;")
    story = own.run("let there = work(&cluster)?; here.to_bits() == there.to_bits()", timeout=90)
    story.seen(r"\b[1-9][\d,]*/[\d,]+ \[")
    os.kill(max(workers(own)), signal.SIGKILL)
    story.until("execute_result").result("true").until().idle()
    # parts that a lost worker had are computed again
    own.ok("let kept = cluster.array().arange(2_000_000.0).rechunk([100_000]).map(f64::sqrt).persist()?;")
    for pid in workers(own):
        os.kill(pid, signal.SIGKILL)
    own.run("kept.sum().compute()? == threads().array().arange(2_000_000.0).rechunk([100_000]).map(f64::sqrt).sum().compute()?", timeout=90).until("execute_result").result("true").until().idle()


def test_an_interrupt_leaves_nothing(own):
    own.ok("let x = cluster.array().arange(40_000_000.0);")
    for what in (f"x.map({SLOW}).sum().compute()?", f"x.map({SLOW}).persist()?"):
        story = own.run(what, timeout=60)
        story.seen(r"\b\d[\d,]*/[\d,]+ \[")
        time.sleep(0.5)
        begun = time.monotonic()
        own.interrupt()
        story.until("error").error("Interrupted").until().idle()
        assert time.monotonic() - begun < 5
        settled(own, 0)
    own.run("x.slice(ndarray::s![..1000]).sum().compute()?", timeout=60).until("execute_result").result("499500.0").until().idle()


@pytest.mark.long
def test_the_oldest_dask(start, tmp_path):
    python = oldest_python()
    with Outside(tmp_path, python) as outside:
        address = outside.scheduler()
        outside.worker("left"), outside.worker("right")
        kernel = start(timeout=120, FERROLAB_PYTHON=python)
        kernel.ok(f'let cluster = Cluster::connect("{address}")?; cluster.wait_for_workers(2)?;')
        kernel.ok("let kept = cluster.array().random().seed(7).normal([1000, 100]).rechunk([250, 100]).persist()?;")
        kernel.run("kept.sum().compute()? == threads().array().random().seed(7).normal([1000, 100]).rechunk([250, 100]).sum().compute()?").until("execute_result").result("true").until().idle()
