//! Bars with names, side by side when there are several.

use crate::plot::canvas::{Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown};
use crate::plot::input::{IntoSeries, Numbers};
use crate::plot::plane::Plane;
use crate::plot::samples;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::Shape;
use crate::plot::sketch::{Pen, ROWS, bars, widest};

#[derive(Debug, PartialEq)]
struct Bars;

impl SeriesKind for Bars {
    fn traits(&self) -> Traits {
        Traits { based: true, tight: true, named: true, counted: false }
    }

    /// The room of all names, whether their bars are seen or not.
    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        let mut hull = series.reach(x, y);
        for u in series.xs.iter() {
            hull.take_x(u - 0.5);
            hull.take_x(u + 0.5);
        }
        hull
    }

    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        let (shift, width) = on.share(0.78);
        let colour = on.colour.opacity(0.88);
        let bars = series.points().map(|(x, y)| upright(on.plane, x + shift, x + shift + width, y, colour));
        bars.flatten().collect()
    }

    fn sample(&self, _series: &Series, colour: Colour, at: Point) -> Vec<Shape> {
        samples::patch(at, colour)
    }

    fn word(&self) -> &'static str {
        "bars"
    }

    fn sentence(&self, series: &Series, called: &str, _x: fn(f64) -> String) -> String {
        format!("{} {called}, {}", series.ys.len(), series.upwards())
    }

    fn rows(&self, series: &Series, names: &[String]) -> Option<String> {
        let name = |i: usize| names.get(series.xs.at(i) as usize).cloned().unwrap_or_default();
        let n = series.ys.len();
        let rows: Vec<(String, f64)> = series.ys.iter().take(ROWS).enumerate().map(|(i, y)| (name(i), *y)).collect();
        let rest = match n > ROWS {
            true => format!("{:>wide$} │ and {} more\n", "…", n - ROWS, wide = widest(&rows)),
            false => String::new(),
        };
        Some(bars(&rows) + &rest)
    }

    fn trail(&self, series: &Series, pen: &Pen) -> Vec<Point> {
        series.picked(pen)
    }
}

/// A bar between two x values, from the base line to a height; none when it has no height.
pub(super) fn upright(plane: &Plane, x0: f64, x1: f64, y: f64, colour: Colour) -> Option<Shape> {
    let base = plane.base();
    let ((a, bottom), (b, top)) = (plane.at(x0, base), plane.at(x1, y));
    let (left, right) = (a.min(b), a.max(b));
    if y == base || ![left, right, top, bottom].iter().all(|v| v.is_finite()) {
        return None;
    }
    let gap = if right - left > 4.0 { 0.5 } else { 0.0 };
    let (left, right) = (left + gap, right - gap);
    let points = vec![(left, bottom), (left, top), (right, top), (right, bottom)];
    Some(Shape::Filled { points, colour })
}

#[track_caller]
fn of_bars(mut plot: Plot, values: Numbers) -> Plot {
    let (n, m) = (plot.names.len(), values.len());
    assert!(n == m, "bars need as many names as values, and got {n} and {m}");
    plot.series.push(Series::new(Bars, Numbers::indices(n), values.into_vec()));
    plot
}

/// Bars with names. Several with [`Plot::add`] stand side by side, also when their names are not
/// the same or in another order.
///
/// # Panics
/// When there are not as many names as values.
///
/// ```
/// use ferrolab::plot;
/// let names = ["matmul", "fft"];
/// plot::bar(["one", "two"], vec![1, 2]);
/// plot::bar(&names, &[8.1, 2.2]).label("serial").add(plot::bar(&names, &[1.2, 0.5]).label("8 threads"));
/// ```
#[must_use]
#[track_caller]
pub fn bar<L: AsRef<str>>(names: impl AsRef<[L]>, values: impl IntoSeries) -> Plot {
    let mut plot = Plot::empty();
    for name in names.as_ref() {
        plot.push_name(name.as_ref());
    }
    of_bars(plot, values.into_series())
}
