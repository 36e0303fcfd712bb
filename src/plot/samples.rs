//! What stands before a name in a legend: a sample of the series, a few pixels wide. Each kind chooses
//! its own; `legend` puts them into their places.

use super::canvas::{Colour, Point};
use super::shapes::{Shape, dashes};

/// How wide a sample is.
pub(super) const SAMPLE: f64 = 18.0;

/// A piece of line from a place to the right.
pub(super) fn line((x, y): Point, colour: Colour, dashed: bool) -> Vec<Shape> {
    let points = vec![(x, y), (x + SAMPLE, y)];
    match dashed {
        true => dashes(&points, colour, 2.2),
        false => vec![Shape::Line { points, width: 2.2, colour }],
    }
}

/// A dot in the middle.
pub(super) fn dot((x, y): Point, colour: Colour) -> Vec<Shape> {
    vec![Shape::Dots { points: vec![(x + SAMPLE / 2.0, y)], radius: 3.4, colour }]
}

/// A patch of what is filled.
pub(super) fn patch((x, y): Point, colour: Colour) -> Vec<Shape> {
    let (x0, x1, y0, y1) = (x + 3.0, x + SAMPLE - 1.0, y - 5.0, y + 5.0);
    let points = vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1)];
    vec![Shape::Filled { points, colour: colour.opacity(0.8) }]
}
