"""Arrays that are computed later, in cells: variables of the notebook, closures of other cells, errors in the user's lines, bars, NumPy's files."""

import subprocess
import sys
import time


def test_arrays_stay_across_cells_and_closures_of_several_meet(k):
    k.run("let a = threads().array().random().seed(7).normal([1000, 500]);").idle()
    k.run("let b = a.map(|x| x * 2.0);").idle()
    k.run("fn cube(x: f64) -> f64 { x * x * x }").idle()
    k.run("let c = b.map(cube).zip(&a, |x, y| x - 8.0 * y * y * y);").idle()
    k.run("c.abs().max().compute()? < 1e-12").result("true").idle()
    k.run(":vars").says("Array<f64, Dim<[usize; 2]>>")
    k.run("drop(a); c.sum().compute()?.abs() < 1e-6").result("true").idle()


def test_a_function_takes_and_gives_arrays(k):
    k.run(
        "use ndarray::Ix1;\n"
        "fn smooth(x: &Array<f64, Ix1>, by: f64) -> Array<f64, Ix1> { x.map_with(&by, |by, x| x * by) + 1.0 }"
    ).idle()
    k.run("smooth(&threads().array().arange(4.0), 0.5).compute()?.to_vec()").result("[1.0, 1.5, 2.0, 2.5]").idle()


def test_shapes_that_do_not_fit_are_an_error_of_their_line(k):
    k.run("let a = threads().array().zeros::<f64, _>([2, 3]);").idle()
    story = k.run("let b = threads().array().ones::<f64, _>([4]);\n\nlet c = &a + &b;").error(
        None, "add: shapes [2, 3] and [4] do not broadcast: counted from the last axis, lengths must be equal or 1").idle()
    assert "let c = &a + &b;" in "\n".join(story.failed.content["traceback"]), story.everything()


def test_a_closure_that_panics_names_the_element(k):
    k.run("let x = threads().array().arange(100_000).reshape([100, 1000]);").idle()
    k.run("x.map(|x| if x == 54_321 { panic!(\"no {x}\") } else { x }).sum().compute()?").fails(
        None, "]:1) panicked at index [54, 321]: no 54321")
    k.run("x.len()").result("100000").idle()


def test_a_closure_that_captures_is_told_what_to_write(k):
    k.run("let k = std::env::args().count() as f64;").idle()
    k.run("threads().array().arange(3.0).map(move |x| x * k).sum().compute()?").error(None, "map_with").idle()
    k.run("threads().array().arange(3.0).map(|x| x * k).sum().compute()?").error(None, "`k` is borrowed for `'static`", "`map_with(&k, |k, x| …)`").idle()
    k.run("let of_cell = threads().array().arange(3.0);").idle()
    story = k.run("let j = 2.0; of_cell.map(|x| x * j).sum().compute()?").error(None, "`map_with(&j, |j, x| …)`").idle()
    assert "use the `move` keyword" not in story.text_of(story.failed)
    k.run("threads().array().arange(3.0).map_with(&k, |k, x| x * k).sum().compute()? == 3.0 * k").result("true").idle()


def test_a_card_and_an_explanation_are_shown(k):
    story = k.run("threads().array().zeros::<f32, _>([100, 50]).rechunk([25, 50])").until().idle()
    html = "".join(story.shown("text/html"))
    assert "4 of 25 × 50" in html and "<svg" in html and "20,000" not in html and "20.0 kB" in html, html
    story = k.run("(threads().array().ones::<f64, _>([100, 50]) * 2.0).sum_axis(0).explain()").until().idle()
    assert "sum along [0]" in "".join(story.shown("text/plain"))


def test_a_drawing_shows_operations_and_tasks(k):
    k.run("let x = threads().array().random().seed(7).normal([1000, 300]).rechunk([250, 300]); let y = (&x - x.mean_axis(0)).map(|x| x * x).sum();").idle()
    story = k.run("y.visualize();").until().idle()
    (html,) = story.shown("text/html")
    (text,) = story.shown("text/plain")
    assert html.count("<svg") == 2 and story.shown("image/svg+xml")
    for told in ("normal (", "rechunk (", "sum along [0] (", "sum ("):
        assert told in text and told in html, text
    assert "[1000, 300] of f64, 4 chunks of [250, 300]" in text
    # two passes of four chunks: the mean's tasks, which are put together, and the sum's, each of which needs that mean
    tasks = html[html.index(" tasks of "):]
    assert text.splitlines()[-1] == "10 tasks of 2 passes" and tasks.count("<title>") == 10, text
    assert tasks.count("<path") == 4 + 4 + 4, "to the mean, from it, to the sum"
    # of many, kinds are counted, and nothing grows with chunks
    k.run("let mut z = x.clone(); for _ in 0..300 { z = z * 0.5 + 1.0; } let z = z.rechunk([1, 300]).sum();").idle()
    story = k.run("z.visualize();").until().idle()
    (html,) = story.shown("text/html")
    assert "<svg" not in html and ">mul<" in html and "more than 200 are not drawn" in html and len(html) < 5000, html


EDGES = {"Clamp": "edge", "Wrap": "wrap", "Reflect": "symmetric", "Fill(-3)": "constant"}


def test_blocks_with_their_surroundings_are_as_numpys_padding(k, tmp_path):
    """Sums of 5 × 3 windows, in chunks of several sizes, where each rule of the edges is one of numpy's `pad`; also with a depth that is beyond the array."""
    import numpy

    numbers = numpy.fromfunction(lambda i, j: (i * 31 + j * 17) % 101, (23, 17), dtype=int)
    for mode in EDGES.values():
        padded = numpy.pad(numbers, ((2, 2), (1, 1)), mode=mode, **({"constant_values": -3} if mode == "constant" else {}))
        numpy.save(tmp_path / f"{mode}.npy", numpy.lib.stride_tricks.sliding_window_view(padded, (5, 3)).sum(axis=(2, 3)))
    k.run(
        "use ferrolab::par::Edge; use ndarray::{Array1, ArrayD, ArrayViewD, Ix1, Ix2};\n"
        "fn sums(block: ArrayViewD<i64>) -> ArrayD<i64> { let b = block.into_dimensionality::<Ix2>().unwrap(); "
        "b.windows([5, 3]).into_iter().map(|w| w.sum()).collect::<Array1<i64>>().into_shape_with_order((b.nrows() - 4, b.ncols() - 2)).unwrap().into_dyn() }\n"
        "fn far(block: ArrayViewD<i64>) -> ArrayD<i64> { block.into_dimensionality::<Ix1>().unwrap().windows(19).into_iter().map(|w| w.sum()).collect::<Array1<i64>>().into_dyn() }\n"
        "let n = threads().array().from_fn([23, 17], |[i, j]| ((i * 31 + j * 17) % 101) as i64);"
    ).idle()
    edges = ", ".join(f'(Edge::{edge}, "{tmp_path}/{mode}.npy")' for edge, mode in EDGES.items())
    story = k.run(
        f"let mut wrong = Vec::new(); for (edge, path) in [{edges}] {{ let want = threads().array().npy::<i64, Ix2>(path)?.compute()?;\n"
        "for chunks in [[23, 17], [7, 17], [1, 4], [23, 5]] { if n.rechunk(chunks).map_overlap([2, 1], edge, sums).compute()? != want { wrong.push((path, chunks)); } }\n"
        "if n.map_overlap([2, 1], edge, sums).compute()? != want { wrong.push((path, [0, 0])); } } wrong"
    )
    story.result("[]").idle()
    # the same with what is around cut off again, whole blocks, and one axis alone; and much more than there is of an array
    numbers = numpy.pad(numpy.arange(4), 9, mode="symmetric")
    want = ", ".join(str(numbers[i : i + 19].sum()) for i in range(4))
    k.run(
        "(n.rechunk([4, 5]).map_overlap([3, 0], Edge::Reflect, |b| b.mapv(|x| x * 2)).compute()? == n.compute()? * 2, threads().array().arange(4).rechunk([2]).map_overlap([9], Edge::Reflect, far).compute()?.to_vec())"
    ).result(f"(true, [{want}])").idle()


def test_a_block_of_another_shape_is_refused_by_name(k):
    k.run("use ferrolab::par::Edge; let n = threads().array().arange(12).rechunk([4]);").idle()
    k.run("n.map_overlap([1], Edge::Wrap, |b| b.slice_each_axis(|_| (..3).into()).to_owned()).compute()?").fails(
        None, "map_overlap", "the block at [0] has shape [3], not [4], nor [6] with what is around it")
    k.run("n.map_overlap([1], Edge::Wrap, |b| if b[1] == 4 { panic!(\"no four\") } else { b.to_owned() }).compute()?").fails(None, "no four")
    k.run("n.sum().compute()?").result("66").idle()


def test_long_work_shows_a_bar_and_is_interrupted(k):
    k.run("let kept = 5;").idle()
    story = k.run('println!("begun"); threads().array().random().normal([1 << 40]).sum().compute()?').begin()
    k.wait(lambda: k.unread.get(story.request), "begun")
    time.sleep(0.6)
    asked = time.monotonic()
    k.interrupt(timeout=5)
    story.fails("Interrupted")
    assert time.monotonic() - asked < 5
    k.run("kept").result("5").idle()


def test_bits_are_the_same_for_any_number_of_threads(k):
    code = "let x = threads().quiet().array().random().seed(3).normal([500, 700]); println!(\"{:e} {:e}\", (x.sin() * &x).sum().compute()?, x.var_axis(0, 1).compute()?.sum());"
    shown = set()
    for threads in (1, 2, 3):
        k.ok(f":threads {threads}")
        shown.add(k.run(code).until().idle().printed("stdout"))
    assert len(shown) == 1, shown


def test_files_go_to_numpy_and_come_from_it(k, tmp_path):
    def numpy(code: str) -> str:
        return subprocess.run([sys.executable, "-c", f"import numpy as np\n{code}"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    numpy("np.save('a.npy', np.arange(12.0).reshape(3, 4)); np.save('f.npy', np.asfortranarray(np.arange(6, dtype='i4').reshape(2, 3)))")
    k.run(f'let a = threads().array().npy::<f64, ndarray::Ix2>("{tmp_path}/a.npy")?;').idle()
    k.run(f'(&a * &a).to_npy("{tmp_path}/b.npy")?; a.gt(5.0).to_npy("{tmp_path}/c.npy")?;').idle()
    assert numpy("b, c = np.load('b.npy'), np.load('c.npy'); print(b.shape, b.dtype, b.sum(), c.dtype, c.sum())") == "(3, 4) float64 506.0 bool 6\n"
    k.run(f'threads().array().npy::<i32, ndarray::Ix2>("{tmp_path}/f.npy")?.sum_axis(0).compute()?.to_vec()').result("[3, 5, 7]").idle()
    k.run(f'threads().array().npy::<f32, ndarray::Ix2>("{tmp_path}/a.npy")?;').error(None, "read it as f64").idle()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npy", "b.npy", "c.npy", "f.npy"]


def test_what_does_not_fit_is_refused_before_it_runs(k):
    k.run("threads().array().ones::<f64, _>([1 << 22, 1 << 21]).compute()?;").error(None, "of its 4194304 rows").idle()
    k.run("threads().array().ones::<f64, _>([1 << 12, 1 << 15]).sum().compute()?").result("134217728.0").idle()
