"""Generic code that comes from the environment, for figures, maps and sorts; nothing else about a cell changes."""

import shutil
import subprocess
import time

import pytest

from support import caches

DRAW = """
use plotters::prelude::*;
evcxr_figure((300, 200), |root| {{
    let mut chart = ChartBuilder::on(&root).margin(8).x_label_area_size(20).build_cartesian_2d(0.0{of}..10.0{of}, 0.0{of}..{high}.0{of})?;
    chart.configure_mesh().draw()?;
    chart.draw_series(LineSeries::new((0..100).map(|i| (i as {of} / 10.0, i as {of})), &RED))?;
    Ok(())
}})
"""


@pytest.fixture(scope="module")
def cache(ferrolab, tmp_path_factory):
    """A cache into which nobody else compiles."""
    folder = caches.copy(tmp_path_factory.mktemp("cache") / "cache")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def kernel_options(cache):
    return {"FERROLAB_CACHE_DIR": str(cache)}


@pytest.fixture
def open_symbols(k, cache):
    """What the object that is compiled for a cell leaves to others, by `nm`'s names."""

    def run(code):
        before = caches.objects(cache)
        k.ok(code)
        (made,) = caches.objects(cache) - before
        return subprocess.run(["nm", "-D", "--undefined-only", made], capture_output=True, text=True, check=True).stdout

    return run


def high():
    """A number that no cell has had, so that the cell is compiled."""
    return time.time_ns() // 1000


@pytest.mark.parametrize("of", ["f64", "f32"])
def test_a_figure_takes_generic_code_from_the_environment(open_symbols, of):
    symbols = open_symbols(DRAW.format(of=of, high=high()))
    # a mangled name holds the path of what it names
    assert "ChartContext" in symbols and "SVGBackend" in symbols, symbols


def test_what_is_not_there_is_compiled_with_the_cell(open_symbols):
    # nobody has these coordinates ready
    symbols = open_symbols(f"""
        use plotters::prelude::*;
        evcxr_figure((300, 200), |root| {{
            let mut chart = ChartBuilder::on(&root).build_cartesian_2d((1u64..{high()}u64).log_scale(), 0i64..9i64)?;
            chart.configure_mesh().draw()?;
            chart.draw_series(LineSeries::new([(1u64, 1i64), (100, 8)], &BLUE))?;
            Ok(())
        }})""")
    assert "LogCoord" not in symbols, symbols


def test_cells_that_draw_nothing_compile_their_own(k, open_symbols):
    k.ok("use plotters::prelude::*; fn total<T: Copy + std::ops::Add<Output = T> + Default>(v: &[T]) -> T "
         "{ let mut t = T::default(); for x in v { for _ in 0..3 { t = t + *x; } } t }\ntotal(&[1.5])")
    symbols = open_symbols(f"total(&[{high()}.5, 1.0])")
    assert "total" not in symbols, "a loop that could be inlined is called in another object"


def test_generic_items_are_the_same_in_cells_that_draw(k):
    k.ok("fn spread<T: Copy + PartialOrd + std::ops::Sub<Output = T>>(v: &[T]) -> T "
         "{ let mut low = v[0]; let mut top = v[0]; for &x in v { if x < low { low = x } if x > top { top = x } } top - low }\nspread(&[1.0, 4.0])")
    figure = DRAW.format(of="f64", high=high()).replace("let mut chart", "assert_eq!(spread(&[2.0, 7.0]), 5.0); let mut chart")
    assert "<svg" in k.run(figure).until("error").idle().told[-1].content["data"]["text/html"]
    k.ok("fn spread<T: Copy>(v: &[T]) -> usize { v.len() }")
    figure = DRAW.format(of="f64", high=high()).replace("let mut chart", "assert_eq!(spread(&[2.0, 7.0]), 2); let mut chart")
    assert "<svg" in k.run(figure).until("error").idle().told[-1].content["data"]["text/html"]


def test_figures_in_functions_and_on_pixels(k):
    k.ok("""use plotters::prelude::*;
        fn mesh<DB: DrawingBackend>(root: &DrawingArea<DB, plotters::coord::Shift>) -> Result<(), Box<dyn std::error::Error>> where DB::ErrorType: 'static {
            ChartBuilder::on(root).build_cartesian_2d(0f64..1.0, 0f64..1.0)?.configure_mesh().draw()?;
            Ok(())
        }""")
    assert k.ok("plot::figure((200, 100), |root| mesh(&root))?.svg().contains(\"<line\")") == "true"
    assert k.ok("plot::figure_png((200, 100), |root| { root.fill(&WHITE)?; mesh(&root) })?.png().len() > 100") == "true"


def test_what_is_never_inlined_comes_from_the_environment(open_symbols):
    symbols = open_symbols(f"""
        let mut counts: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        for word in "a b a".split(' ') {{ *counts.entry(word.to_string()).or_insert(0) += 1; }}
        let mut sorted: Vec<u64> = (0..1000).map(|i| i ^ {high()}).collect();
        sorted.sort();
        (sorted.len(), counts.values().sum::<usize>())""")
    lines = symbols.splitlines()
    assert any("reserve_rehash" in line for line in lines) and any("driftsort_main" in line for line in lines), symbols
    # what runs for each item of a loop is the cell's own
    others = [line for line in lines if "9hashbrown" in line and "reserve_rehash" not in line and "Fallibility" not in line]
    assert not others, others


def test_maps_and_sorts_of_own_types_are_compiled_with_their_cells(k, open_symbols):
    k.ok("#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)] struct Key(u8);")
    # their own object is there
    k.ok("Key(0)")
    symbols = open_symbols(f"""
        let mut places = std::collections::HashMap::from([(Key(1), {high()}u64)]);
        places.insert(Key(2), 3);
        let mut keys: Vec<Key> = places.keys().cloned().collect();
        keys.sort();
        keys""")
    assert "reserve_rehash" not in symbols and "driftsort_main" not in symbols, symbols


# plotly is a crate of the user's, and takes minutes to build
@pytest.mark.long
def test_a_figure_of_plotly_takes_generic_code_from_its_layer(start):
    kernel = start(timeout=900)
    kernel.ok(':dep plotly = "0.12"', timeout=900)
    symbols = open_symbols(kernel, f"""
        use plotly::{{Plot, Scatter}};
        let mut plot = Plot::new();
        plot.add_trace(Scatter::new(vec![1, 2, 3], vec![4, {high() % 1000}, 7]));
        plot""")
    assert any("plotly" in line and "Scatter" in line for line in symbols.splitlines()), symbols
    # data that nobody has ready
    symbols = open_symbols(kernel, f"plot.add_trace(Scatter::new(vec![1u8], vec![{high() % 200}u8]).name(\"more\"));")
    assert any("plotly" in line for line in symbols.splitlines()), symbols
    shown = kernel.run("plot").until("error").idle().told[-1].content["data"]
    assert "scatter" in str(shown) and "more" in str(shown)


def test_a_map_in_an_item_and_one_of_an_earlier_cell(k):
    k.ok("use std::collections::HashMap;\nfn count(words: &[&str]) -> HashMap<String, u32> "
         "{ let mut m = HashMap::new(); for w in words { *m.entry(w.to_string()).or_insert(0) += 1; } m }")
    k.ok('let mut counted = count(&["a", "b", "a"]);')
    assert k.ok('for i in 0..1000 { counted.insert(i.to_string(), i); }\nlet mut all: Vec<u32> = counted.values().copied().collect();\nall.sort();\n(all.len(), all[999], counted["a"])') == "(1002, 997, 2)"
