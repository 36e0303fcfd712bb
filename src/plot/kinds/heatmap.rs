//! Heat maps: cells in the colours of their values.

use crate::plot::canvas::Pixels;
use crate::plot::content::Plot;
use crate::plot::grid::{Grid, GridKind, GridTraits};
use crate::plot::input::{IntoMatrix, IntoSeries, Numbers};
use crate::plot::live::Live;
use crate::plot::numbers::Tick;
use crate::plot::plane::Plane;
use crate::plot::scale::Scale;
use crate::plot::shapes::Shape;

use super::line::Line;

/// More cells than this in a row or column are averaged.
const MOST: usize = 1000;

#[derive(Debug, PartialEq)]
struct Heat;

impl GridKind for Heat {
    fn traits(&self) -> GridTraits {
        GridTraits { valued: true, contoured: false, covers: true, square: false }
    }

    fn shapes(&self, grid: &Grid, scale: Option<&Scale>, plane: &Plane, _covered: bool) -> Vec<Shape> {
        let Some(scale) = scale else {
            return Vec::new();
        };
        let pixels = pixels(grid, scale);
        let weight = pixels.width * pixels.height / 16;
        grid.laid(plane, pixels, weight).into_iter().collect()
    }

    fn bar_colour(&self, grid: &Grid, _scale: &Scale, _cuts: &[Tick], part: f64) -> [u8; 4] {
        grid.colours.colour(part)
    }

    fn sentence(&self, grid: &Grid) -> String {
        grid.values_sentence("heat map", "cells")
    }

    fn sketch(&self, grid: &Grid) -> String {
        grid.shades()
    }
}

fn pixels(grid: &Grid, scale: &Scale) -> Pixels {
    let (nx, ny) = (grid.nx, grid.ny);
    let (width, height) = (nx.min(MOST), ny.min(MOST));
    let table = grid.colours.table();
    let mut rgba = Vec::with_capacity(width * height * 4);
    for y in 0..height {
        let rows = y * ny / height..((y + 1) * ny / height).max(y * ny / height + 1);
        for x in 0..width {
            let columns = x * nx / width..((x + 1) * nx / width).max(x * nx / width + 1);
            let (mut sum, mut count) = (0.0, 0.0);
            for row in rows.clone() {
                for value in &grid.values[row * nx + columns.start..row * nx + columns.end] {
                    let place = scale.place(*value);
                    if value.is_finite() && place.is_finite() {
                        sum += place.clamp(0.0, 1.0);
                        count += 1.0;
                    }
                }
            }
            rgba.extend(match count > 0.0 {
                true => table[(sum / count * 255.0).round() as usize & 255],
                false => [0; 4],
            });
        }
    }
    Pixels { width, height, rgba }
}

#[track_caller]
fn of_heat(values: Numbers, nx: usize, ny: usize) -> Plot {
    Plot::of_grid(Heat, values.into_vec(), nx, ny)
}

/// A heat map of `ny` rows of `nx` values, the first row at the top, with a colour bar. Values that
/// are not finite are gaps. [`Plot::extent`], [`Plot::colormap`], [`Plot::range`] and
/// [`Plot::log_color`] change what it looks like.
///
/// # Panics
/// When there are not `nx · ny` values.
///
/// ```
/// ferrolab::plot::heatmap(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2).colormap("magma");
/// ```
#[must_use]
#[track_caller]
pub fn heatmap(values: impl IntoSeries, nx: usize, ny: usize) -> Plot {
    of_heat(values.into_series(), nx, ny)
}

/// A heat map of a table: a 2-D array or view of `ndarray`, or an array of arrays.
///
/// # Panics
/// When rows differ in length.
///
/// ```
/// ferrolab::plot::matrix(&ferrolab::ndarray::Array2::<f64>::eye(3));
/// ferrolab::plot::matrix([[1, 2, 3], [4, 5, 6]]);
/// ```
#[must_use]
#[track_caller]
pub fn matrix(values: impl IntoMatrix) -> Plot {
    let (values, nx, ny) = values.into_matrix();
    of_heat(values, nx, ny)
}

impl Live {
    /// A heat map of `ny` rows of `nx` values, which [`frame`](Self::frame) replaces; nothing but gaps
    /// before.
    ///
    /// ```
    /// let mut live = ferrolab::plot::Live::heatmap(3, 2).colormap("magma");
    /// for step in 0..10 {
    ///     live.frame(&[step, 1, 2, 3, 4, 5]);
    /// }
    /// assert!(live.finish().svg().starts_with("<svg"));
    /// ```
    ///
    /// # Panics
    /// Without columns or rows.
    #[must_use]
    #[track_caller]
    pub fn heatmap(nx: usize, ny: usize) -> Self {
        assert!(nx > 0 && ny > 0, "a heat map has at least one column and one row, and got {nx} and {ny}");
        // Points that are pushed to it become a line.
        Self::new(Plot::of_grid(Heat, vec![f64::NAN; nx.saturating_mul(ny)], nx, ny), Line)
    }
}
