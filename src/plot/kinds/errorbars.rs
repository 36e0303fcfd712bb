//! Points with error bars.

use crate::plot::canvas::{Area, Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown};
use crate::plot::input::{IntoSeries, Numbers};
use crate::plot::plane::finite;
use crate::plot::samples;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::{Shape, dots};
use crate::plot::sketch::Pen;

/// The lengths of the bars to both sides, of which there may be none, and above and below each point.
#[derive(Debug, PartialEq)]
struct Errors {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl SeriesKind for Errors {
    fn traits(&self) -> Traits {
        Traits { based: false, tight: false, named: false, counted: false }
    }

    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        let mut hull = series.reach(x, y);
        for (i, (u, v)) in series.points().enumerate().filter(|(_, (u, v))| x.is(*u) && y.is(*v)) {
            let error = |all: &[f64]| all.get(i).copied().map_or(0.0, f64::abs);
            let (eu, ev) = (error(&self.x), error(&self.y));
            [u - eu, u + eu].into_iter().filter(|u| x.is(*u)).for_each(|u| hull.take_x(u));
            [v - ev, v + ev].into_iter().filter(|v| y.is(*v)).for_each(|v| hull.take_y(v));
        }
        hull
    }

    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        let (plane, colour) = (on.plane, on.colour);
        let mut shapes = Vec::new();
        let mut places = Vec::new();
        let Area { x: left, y: top, w, h } = plane.area;
        let mut line = |a: Point, b: Point| shapes.push(Shape::Line { points: vec![a, b], width: 1.3, colour });
        for (i, (x, y)) in series.points().enumerate() {
            let (px, py) = plane.at(x, y);
            if !plane.shows((px, py)) {
                continue;
            }
            places.push((px, py));
            if let Some(error) = self.y.get(i).map(|e| e.abs()).filter(|e| e.is_finite()) {
                let low = finite(plane.at(x, y - error).1, top + h);
                let high = finite(plane.at(x, y + error).1, top);
                line((px, low), (px, high));
                line((px - 3.5, low), (px + 3.5, low));
                line((px - 3.5, high), (px + 3.5, high));
            }
            if let Some(error) = self.x.get(i).map(|e| e.abs()).filter(|e| e.is_finite()) {
                let low = finite(plane.at(x - error, y).0, left);
                let high = finite(plane.at(x + error, y).0, left + w);
                line((low, py), (high, py));
                line((low, py - 3.5), (low, py + 3.5));
                line((high, py - 3.5), (high, py + 3.5));
            }
        }
        shapes.push(dots(places, colour));
        shapes
    }

    fn sample(&self, _series: &Series, colour: Colour, at: Point) -> Vec<Shape> {
        samples::dot(at, colour)
    }

    fn word(&self) -> &'static str {
        "error bars"
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

#[track_caller]
fn of_errors(xs: Numbers, ys: Numbers, ex: Option<Numbers>, ey: Numbers) -> Plot {
    let n = ys.len();
    for errors in ex.iter().chain([&ey]) {
        let m = errors.len();
        assert!(n == m, "error bars need as many errors as points, and got {m} for {n}");
    }
    let x = ex.map(Numbers::into_vec).unwrap_or_default();
    Plot::of_points(Errors { x, y: ey.into_vec() }, xs, ys)
}

/// Points with error bars of `±errors`; those that are not finite are left out.
///
/// # Panics
/// When there are not as many of each.
///
/// ```
/// ferrolab::plot::errorbars(&[1, 2, 3], &[1.0, 1.4, 1.7], &[0.1, 0.1, 0.2]);
/// ```
#[must_use]
#[track_caller]
pub fn errorbars(xs: impl IntoSeries, ys: impl IntoSeries, errors: impl IntoSeries) -> Plot {
    of_errors(xs.into_series(), ys.into_series(), None, errors.into_series())
}

/// Points with error bars in both directions.
///
/// # Panics
/// When there are not as many of each.
///
/// ```
/// ferrolab::plot::errorbars_xy(&[1, 2], &[1.0, 1.4], &[0.2, 0.2], &[0.1, 0.3]);
/// ```
#[must_use]
#[track_caller]
pub fn errorbars_xy(
    xs: impl IntoSeries,
    ys: impl IntoSeries,
    x_errors: impl IntoSeries,
    y_errors: impl IntoSeries,
) -> Plot {
    of_errors(xs.into_series(), ys.into_series(), Some(x_errors.into_series()), y_errors.into_series())
}
