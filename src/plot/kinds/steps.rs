//! Levels that hold until the next point.

use crate::plot::canvas::{Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown};
use crate::plot::input::{IntoSeries, Numbers};
use crate::plot::live::Live;
use crate::plot::samples;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::{Shape, lines};
use crate::plot::sketch::{Pen, joined};

#[derive(Debug, PartialEq)]
struct Steps;

impl SeriesKind for Steps {
    fn traits(&self) -> Traits {
        Traits { based: false, tight: false, named: false, counted: false }
    }

    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        series.reach(x, y)
    }

    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        let runs = series.runs(on.plane);
        lines(runs.iter().map(|run| stairs(run)).collect(), on.colour, series.dashed)
    }

    fn sample(&self, series: &Series, colour: Colour, at: Point) -> Vec<Shape> {
        samples::line(at, colour, series.dashed)
    }

    fn word(&self) -> &'static str {
        "steps"
    }

    fn sentence(&self, series: &Series, called: &str, x: fn(f64) -> String) -> String {
        series.points_sentence(called, x)
    }

    fn rows(&self, _series: &Series, _names: &[String]) -> Option<String> {
        None
    }

    fn trail(&self, series: &Series, pen: &Pen) -> Vec<Point> {
        joined(series.picked(pen), level)
    }
}

/// Points of levels that hold until the next point.
fn stairs(run: &[Point]) -> Vec<Point> {
    let mut out = Vec::with_capacity(run.len() * 2);
    for (i, &(x, y)) in run.iter().enumerate() {
        if i > 0 {
            out.push((x, run[i - 1].1));
        }
        out.push((x, y));
    }
    out
}

/// A point on the way along a level, and one on the way up or down at its end.
fn level((x0, y0): Point, (x1, y1): Point, t: f64, out: &mut Vec<Point>) {
    let mix = |a: f64, b: f64| a * (1.0 - t) + b * t;
    // Next to a gap only the point itself is a number.
    out.push(if t == 0.0 { (x0, y0) } else { (mix(x0, x1), y0 + 0.0 * y1) });
    out.push((x1, mix(y0, y1)));
}

#[track_caller]
fn of_steps(xs: Numbers, ys: Numbers) -> Plot {
    Plot::of_points(Steps, xs, ys)
}

/// Levels that hold until the next point.
///
/// # Panics
/// When there are not as many x as y values.
///
/// ```
/// ferrolab::plot::steps(&[0, 2, 3], &[1, 5, 4]);
/// ```
#[must_use]
#[track_caller]
pub fn steps(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    of_steps(xs.into_series(), ys.into_series())
}

impl Live {
    /// Levels that hold until the next point.
    ///
    /// ```
    /// ferrolab::plot::Live::steps().push(0.0, 1.0);
    /// ```
    #[must_use]
    pub fn steps() -> Self {
        Self::of(Steps)
    }
}
