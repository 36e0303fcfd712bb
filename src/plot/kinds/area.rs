//! Areas between a curve and the base line.

use crate::plot::canvas::{Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown};
use crate::plot::input::{IntoSeries, Numbers};
use crate::plot::interrupts::check_at;
use crate::plot::samples;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::{Shape, lines};
use crate::plot::sketch::{Pen, joined, straight};
use crate::plot::thin::Thin;

#[derive(Debug, PartialEq)]
struct Area;

impl SeriesKind for Area {
    fn traits(&self) -> Traits {
        Traits { based: true, tight: false, named: false, counted: false }
    }

    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        series.reach(x, y)
    }

    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        filled(series, None, on)
    }

    fn sample(&self, _series: &Series, colour: Colour, at: Point) -> Vec<Shape> {
        samples::patch(at, colour)
    }

    fn word(&self) -> &'static str {
        "area"
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

/// The area between a curve and another, or the base.
pub(super) fn filled(series: &Series, other: Option<&[f64]>, on: &Ground<'_>) -> Vec<Shape> {
    let Ground { plane, colour, .. } = on;
    let thin = plane.crowded(series.ys.len());
    let base = plane.base();
    let mut shapes = Vec::new();
    let (mut above, mut below) = (Thin::new(plane.area), Thin::new(plane.area));
    let mut close = |above: &mut Thin, below: &mut Thin| {
        let top = std::mem::replace(above, Thin::new(plane.area)).finish();
        let mut ring = top.clone();
        ring.extend(std::mem::replace(below, Thin::new(plane.area)).finish().into_iter().rev());
        if top.len() > 1 {
            shapes.push(Shape::Filled { points: ring, colour: colour.opacity(0.3) });
            if other.is_none() {
                shapes.extend(lines(vec![top], *colour, series.dashed));
            }
        }
    };
    for (i, (x, y)) in series.points().enumerate() {
        check_at(i);
        let lower = other.and_then(|other| other.get(i)).copied().unwrap_or(base);
        let (top, bottom) = (plane.at(x, y), plane.at(x, lower));
        if [top.0, top.1, bottom.1].iter().all(|v| v.is_finite()) {
            above.push(top, thin);
            below.push(bottom, thin && other.is_some());
            if thin && other.is_none() {
                // A straight base needs its two ends only.
                below.straighten();
            }
        } else {
            close(&mut above, &mut below);
        }
    }
    close(&mut above, &mut below);
    shapes
}

#[track_caller]
fn of_area(xs: Numbers, ys: Numbers) -> Plot {
    Plot::of_points(Area, xs, ys)
}

/// The area between a curve and zero (or the lower end of a logarithmic axis).
///
/// # Panics
/// When there are not as many x as y values.
///
/// ```
/// ferrolab::plot::area(0..4, &[1.0, 3.0, 2.0, 4.0]);
/// ```
#[must_use]
#[track_caller]
pub fn area(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    of_area(xs.into_series(), ys.into_series())
}
