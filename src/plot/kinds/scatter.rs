//! Points, and densities of very many.

use crate::plot::canvas::{Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown};
use crate::plot::input::{IntoSeries, Numbers};
use crate::plot::live::Live;
use crate::plot::samples;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::{Shape, density, dots};
use crate::plot::sketch::Pen;

/// More points than this are drawn as a density.
const DENSE: usize = 20_000;

#[derive(Debug, PartialEq)]
struct Scatter;

impl SeriesKind for Scatter {
    fn traits(&self) -> Traits {
        Traits { based: false, tight: false, named: false, counted: false }
    }

    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        series.reach(x, y)
    }

    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        vec![scattered(series, on)]
    }

    fn sample(&self, _series: &Series, colour: Colour, at: Point) -> Vec<Shape> {
        samples::dot(at, colour)
    }

    fn word(&self) -> &'static str {
        "scatter"
    }

    fn sentence(&self, series: &Series, called: &str, x: fn(f64) -> String) -> String {
        series.points_sentence(called, x)
    }

    fn rows(&self, _series: &Series, _names: &[String]) -> Option<String> {
        None
    }

    fn trail(&self, series: &Series, pen: &Pen) -> Vec<Point> {
        series.picked(pen)
    }
}

/// The points of a series.
pub(super) fn scattered(series: &Series, on: &Ground<'_>) -> Shape {
    let points = series.points().map(|(x, y)| on.plane.at(x, y));
    match series.ys.len() > DENSE {
        true => density(points, series.ys.len(), on.plane.area, on.colour),
        false => dots(points.filter(|p| on.plane.shows(*p)).collect(), on.colour),
    }
}

#[track_caller]
fn of_scatter(xs: Numbers, ys: Numbers) -> Plot {
    Plot::of_points(Scatter, xs, ys)
}

/// Points. More than 20,000 are drawn as a density: the more there are at a place, the more opaque
/// it is.
///
/// # Panics
/// When there are not as many x as y values.
///
/// ```
/// ferrolab::plot::scatter(&[1, 2, 3], &[1.0f32, 0.5, 2.0]);
/// ```
#[must_use]
#[track_caller]
pub fn scatter(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    of_scatter(xs.into_series(), ys.into_series())
}

impl Live {
    /// Points.
    ///
    /// ```
    /// ferrolab::plot::Live::scatter().push(0.0, 1.0);
    /// ```
    #[must_use]
    pub fn scatter() -> Self {
        Self::of(Scatter)
    }
}
