//! Lines through points.

use crate::plot::canvas::{Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown};
use crate::plot::input::{IntoSeries, Numbers};
use crate::plot::live::Live;
use crate::plot::samples;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::{Shape, lines};
use crate::plot::sketch::{Pen, joined, straight};

#[derive(Debug, PartialEq)]
pub(super) struct Line;

impl SeriesKind for Line {
    fn traits(&self) -> Traits {
        Traits { based: false, tight: false, named: false, counted: false }
    }

    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        series.reach(x, y)
    }

    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        lines(series.runs(on.plane), on.colour, series.dashed)
    }

    fn sample(&self, series: &Series, colour: Colour, at: Point) -> Vec<Shape> {
        samples::line(at, colour, series.dashed)
    }

    fn word(&self) -> &'static str {
        "line"
    }

    fn sentence(&self, series: &Series, called: &str, x: fn(f64) -> String) -> String {
        series.points_sentence(called, x)
    }

    fn rows(&self, _series: &Series, _names: &[String]) -> Option<String> {
        None
    }

    fn trail(&self, series: &Series, pen: &Pen) -> Vec<Point> {
        joined(series.picked(pen), straight)
    }
}

// Not generic, so that cells hold a call and not what kinds are.
#[track_caller]
fn of_line(xs: Numbers, ys: Numbers) -> Plot {
    Plot::of_points(Line, xs, ys)
}

fn of_y(ys: Numbers) -> Plot {
    of_line(Numbers::indices(ys.len()), ys)
}

/// A line through points. Values that are not finite leave a gap.
///
/// # Panics
/// When there are not as many x as y values.
///
/// ```
/// let wave: Vec<f64> = (0..100).map(|i| (i as f64 / 10.0).sin()).collect();
/// ferrolab::plot::line(0..100, &wave).title("sine");
/// ```
#[must_use]
#[track_caller]
pub fn line(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    of_line(xs.into_series(), ys.into_series())
}

/// A line through values at 0, 1, 2…
///
/// ```
/// ferrolab::plot::line_y(&[1.0, 4.0, 9.0]);
/// ferrolab::plot::line_y(&[Some(1.0), None, Some(9.0)]); // with a gap
/// ```
#[must_use]
pub fn line_y(ys: impl IntoSeries) -> Plot {
    of_y(ys.into_series())
}

impl Live {
    /// A line.
    ///
    /// ```
    /// ferrolab::plot::Live::line().push(0.0, 1.0);
    /// ```
    #[must_use]
    pub fn line() -> Self {
        Self::of(Line)
    }
}
