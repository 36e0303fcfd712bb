"""Lanes, random streams, elementwise functions and Monte Carlo in cells."""

import re
import time

LONG = 600
PI = "|rng| { let (x, y) = (rng.uniform(), rng.uniform()); (x * x + y * y).lt(1.0).select(4.0, 0.0) }"


def test_map_simd(k):
    k.run("let a: Vec<f64> = (1..=1003).map(f64::from).collect(); let mut out = vec![0.0; a.len()];").idle()
    k.run("par::map_simd(&a, &mut out, |x| x * x + x.sin() * x * x.ln());").idle()
    k.run("a.iter().zip(&out).all(|(x, y)| (y / (x * x + x.sin() * x * x.ln()) - 1.0).abs() < 1e-14)").result("true").idle()
    k.run("par::map_simd_vec((&a, &out), |(x, y)| y.lt(x).select(1.0, 0.0)).len()").result("1003").idle()


def test_map_simd_says_what_is_wrong(k):
    k.run("par::map_simd(&[1.0f64, 2.0], &mut [0.0], |x| x);").error(
        None, "the input has 2 items, the output 1; they must have as many").idle()


def test_ufunc(k):
    k.run("let m = ndarray::Array2::<f64>::ones((2, 3));").idle()
    k.run("par::ufunc2(|x, y| x * y).call(&m, &[1.0, 2.0, 3.0])?.row(1).to_vec()").result("[1.0, 2.0, 3.0]").idle()
    k.run("par::ufunc2(|x, y| x * y).call(2.0, 3.5)?").result("7.0").idle()
    k.run("par::ufunc2(|x, y| x * y).call(&m, &[1.0, 2.0])?").error(None, "shapes [2, 3] and [2] do not broadcast").idle()


def test_monte_carlo_is_the_same_for_any_number_of_threads(k):
    code = f"let e = par::quiet().monte_carlo_simd(1_000_003, 7, {PI}); println!(\"{{}} {{:e}} {{:e}}\", e, e.mean, e.error);"
    shown = []
    for threads in (1, 2, 3):
        k.ok(f":threads {threads}")
        story = k.run(code).until().idle()
        shown.append(story.printed("stdout"))
    assert len(set(shown)) == 1, shown
    assert re.match(r"3\.14\d* ± 0\.001\d ", shown[0]), shown


def test_monte_carlo_shows_its_error_and_counts_samples(k):
    story = k.run(f"par::monte_carlo_simd(4_000_000_000, 1, {PI})", timeout=120).until().idle()
    # the bar's last state may come after the result
    assert any(re.match(r"3\.1415\d* ± 0\.0000\d+", text) for text in story.shown("text/plain"))
    assert "4,000,000,000" in "".join(story.shown("text/plain"))


def test_monte_carlo_is_interrupted(k):
    k.run("let kept = 5;").idle()
    story = k.run('println!("begun"); par::quiet().monte_carlo(1 << 60, 1, |rng| rng.normal()).mean').begin()
    k.wait(lambda: k.unread.get(story.request), "begun")
    asked = time.monotonic()
    k.interrupt(timeout=5)
    story.fails("Interrupted")
    assert time.monotonic() - asked < 5
    k.run("kept").result("5").idle()


def test_a_stream_for_rand(k):
    k.ok(':dep rand_distr = "0.6"', timeout=LONG)
    k.run("use rand_distr::Distribution; let mut rng = random::stream(1); let g: f64 = rand_distr::Gamma::new(2.0, 3.0)?.sample(&mut rng);", timeout=LONG).idle()
    k.run("g > 0.0").result("true").idle()
