//! Areas between two curves, such as bands of confidence.

use crate::plot::canvas::{Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown, extremes};
use crate::plot::input::{IntoSeries, Numbers};
use crate::plot::numbers::{short, span};
use crate::plot::samples;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::Shape;
use crate::plot::sketch::{Pen, joined, straight};

use super::area::filled;

/// With the values of the other curve; the series has those of the upper one.
#[derive(Debug, PartialEq)]
struct Between(Vec<f64>);

impl SeriesKind for Between {
    fn traits(&self) -> Traits {
        Traits { based: false, tight: false, named: false, counted: false }
    }

    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        series.reach(x, y).and(Hull::of_points(&series.xs, &self.0, x, y))
    }

    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        filled(series, Some(&self.0), on)
    }

    fn sample(&self, _series: &Series, colour: Colour, at: Point) -> Vec<Shape> {
        samples::patch(at, colour)
    }

    fn word(&self) -> &'static str {
        "area between two curves"
    }

    fn sentence(&self, series: &Series, called: &str, x: fn(f64) -> String) -> String {
        let (a, b) = (extremes(&series.ys), extremes(&self.0));
        let both = span((a.0.min(b.0), a.1.max(b.1)), short);
        format!("{called}, {} points, x {}, y {both}", series.ys.len(), series.across(x))
    }

    fn rows(&self, _series: &Series, _names: &[String]) -> Option<String> {
        None
    }

    fn trail(&self, series: &Series, pen: &Pen) -> Vec<Point> {
        let mut points = joined(series.picked(pen), straight);
        let other = self.0.iter().enumerate().step_by(pen.every);
        points.extend(other.map(|(i, y)| pen.at(series.xs.at(i), *y)));
        points
    }
}

#[track_caller]
fn of_between(xs: Numbers, low: Numbers, high: Numbers) -> Plot {
    let (n, m) = (low.len(), high.len());
    assert!(n == m, "an area between two curves needs as many values of each, and got {n} and {m}");
    Plot::of_points(Between(low.into_vec()), xs, high)
}

/// The area between two curves, such as a band of confidence around a line.
///
/// # Panics
/// When there are not as many values of each.
///
/// ```
/// use ferrolab::plot;
/// let mean = [2.0, 3.0, 5.0];
/// plot::between(0..3, &[1.5, 2.2, 4.1], &[2.5, 3.9, 6.0]).add(plot::line(0..3, &mean));
/// ```
#[must_use]
#[track_caller]
pub fn between(xs: impl IntoSeries, low: impl IntoSeries, high: impl IntoSeries) -> Plot {
    of_between(xs.into_series(), low.into_series(), high.into_series())
}
