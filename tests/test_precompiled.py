"""Cells that draw with `plotters`: its generic code comes from the environment, and nothing else about the cell changes."""

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


def open_symbols(kernel, code):
    """What the object that is compiled for `code` leaves to others, by `nm`'s names."""
    before = caches.objects(caches.SHARED)
    kernel.ok(code)
    (made,) = caches.objects(caches.SHARED) - before
    return subprocess.run(["nm", "-D", "--undefined-only", made], capture_output=True, text=True, check=True).stdout


def high():
    """A number that no cell has had, so that the cell is compiled."""
    return time.time_ns() // 1000


@pytest.mark.parametrize("of", ["f64", "f32"])
def test_a_figure_takes_generic_code_from_the_environment(k, of):
    symbols = open_symbols(k, DRAW.format(of=of, high=high()))
    # a mangled name holds the path of what it names
    assert "ChartContext" in symbols and "SVGBackend" in symbols, symbols


def test_what_is_not_there_is_compiled_with_the_cell(k):
    # nobody has these coordinates ready
    symbols = open_symbols(k, f"""
        use plotters::prelude::*;
        evcxr_figure((300, 200), |root| {{
            let mut chart = ChartBuilder::on(&root).build_cartesian_2d((1u64..{high()}u64).log_scale(), 0i64..9i64)?;
            chart.configure_mesh().draw()?;
            chart.draw_series(LineSeries::new([(1u64, 1i64), (100, 8)], &BLUE))?;
            Ok(())
        }})""")
    assert "LogCoord" not in symbols, symbols


def test_cells_that_draw_nothing_compile_their_own(k):
    k.ok("use plotters::prelude::*; fn total<T: Copy + std::ops::Add<Output = T> + Default>(v: &[T]) -> T "
         "{ let mut t = T::default(); for x in v { for _ in 0..3 { t = t + *x; } } t }\ntotal(&[1.5])")
    symbols = open_symbols(k, f"total(&[{high()}.5, 1.0])")
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
