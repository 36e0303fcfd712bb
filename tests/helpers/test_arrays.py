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
