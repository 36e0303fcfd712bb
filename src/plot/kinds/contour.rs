//! Contour lines: where values on a grid cross round numbers. The lines are found in `isolines`.

use crate::plot::canvas::{Colour, Point};
use crate::plot::content::Plot;
use crate::plot::grid::{Grid, GridKind, GridTraits};
use crate::plot::input::{IntoMatrix, Numbers};
use crate::plot::isolines::{Path, trace};
use crate::plot::numbers::Tick;
use crate::plot::plane::Plane;
use crate::plot::scale::Scale;
use crate::plot::shapes::Shape;

#[derive(Debug, PartialEq)]
struct Lines;

impl GridKind for Lines {
    fn traits(&self) -> GridTraits {
        GridTraits { valued: true, contoured: true, covers: false, square: false }
    }

    /// White lines where they lie on a heat map.
    fn shapes(&self, grid: &Grid, scale: Option<&Scale>, plane: &Plane, covered: bool) -> Vec<Shape> {
        let Some(scale) = scale else {
            return Vec::new();
        };
        let mut shapes = Vec::new();
        for cut in grid.cuts(scale) {
            let colour = match covered {
                true => Colour::rgb(0xff_ff_ff).opacity(0.85),
                false => Colour { rgba: colour(grid, scale.place(cut.at)), ink: None },
            };
            for path in paths(grid, cut.at) {
                let points: Vec<Point> = path.into_iter().map(|(x, y)| plane.at(x, y)).collect();
                if points.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
                    shapes.push(Shape::Line { points, width: 1.4, colour });
                }
            }
        }
        shapes
    }

    fn bar_colour(&self, grid: &Grid, _scale: &Scale, _cuts: &[Tick], part: f64) -> [u8; 4] {
        colour(grid, part)
    }

    fn sentence(&self, grid: &Grid) -> String {
        grid.values_sentence("contours", "samples")
    }

    fn sketch(&self, grid: &Grid) -> String {
        grid.shades()
    }
}

/// The ends of a map are all but invisible as lines on dark or on light pages, so they are left out.
fn colour(grid: &Grid, part: f64) -> [u8; 4] {
    grid.colours.colour(0.2 + 0.65 * part)
}

/// The lines of one level, in the numbers of the axes.
fn paths(grid: &Grid, level: f64) -> Vec<Path> {
    let [x0, x1, y0, y1] = grid.bounds();
    let place = |i: f64, n: usize, a: f64, b: f64| {
        let t = (i + 0.5) / n as f64;
        a * (1.0 - t) + b * t
    };
    let paths = trace(&grid.values, grid.nx, grid.ny, level).into_iter().map(|path| {
        let points = path.into_iter();
        points.map(|(i, j)| (place(i, grid.nx, x0, x1), place(j, grid.ny, y0, y1))).collect()
    });
    paths.collect()
}

#[track_caller]
fn of_contours(values: Numbers, nx: usize, ny: usize) -> Plot {
    Plot::of_grid(Lines, values.into_vec(), nx, ny)
}

/// Contour lines of a table of values, coloured by their level, with a colour bar. The values are
/// those in the middle of the cells of a heat map of the same table; added to one, the lines are
/// white. [`Plot::levels`] sets how many there are.
///
/// # Panics
/// When rows differ in length.
///
/// ```
/// let hill = ferrolab::ndarray::Array2::from_shape_fn((20, 30), |(j, i)| -((i as f64 - 15.0).powi(2) + (j as f64 - 9.0).powi(2)));
/// ferrolab::plot::contour(&hill).levels(6).extent(-1.5..1.5, -1.0..1.0);
/// ```
#[must_use]
#[track_caller]
pub fn contour(values: impl IntoMatrix) -> Plot {
    let (values, nx, ny) = values.into_matrix();
    of_contours(values, nx, ny)
}
