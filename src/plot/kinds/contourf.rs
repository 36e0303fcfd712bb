//! Filled contours: bands of one colour between round numbers.

use crate::plot::canvas::Pixels;
use crate::plot::content::Plot;
use crate::plot::grid::{Grid, GridKind, GridTraits};
use crate::plot::input::{IntoMatrix, Numbers};
use crate::plot::numbers::Tick;
use crate::plot::plane::Plane;
use crate::plot::scale::Scale;
use crate::plot::shapes::Shape;

#[derive(Debug, PartialEq)]
struct Bands;

impl GridKind for Bands {
    fn traits(&self) -> GridTraits {
        GridTraits { valued: true, contoured: true, covers: true, square: false }
    }

    fn shapes(&self, grid: &Grid, scale: Option<&Scale>, plane: &Plane, _covered: bool) -> Vec<Shape> {
        let Some(scale) = scale.filter(|_| grid.nx > 1 && grid.ny > 1) else {
            return Vec::new();
        };
        // It counts for nothing: its few colours make a small file.
        grid.laid(plane, pixels(grid, scale, (plane.area.w, plane.area.h)), 0).into_iter().collect()
    }

    fn bar_colour(&self, grid: &Grid, scale: &Scale, cuts: &[Tick], part: f64) -> [u8; 4] {
        let value = match scale.log {
            true => scale.low * (scale.high / scale.low).powf(part),
            false => scale.low * (1.0 - part) + scale.high * part,
        };
        band(grid, value, cuts, scale)
    }

    fn sentence(&self, grid: &Grid) -> String {
        grid.values_sentence("filled contours", "samples")
    }

    fn sketch(&self, grid: &Grid) -> String {
        grid.shades()
    }
}

/// The colour of a value between contours.
fn band(grid: &Grid, value: f64, cuts: &[Tick], scale: &Scale) -> [u8; 4] {
    if !value.is_finite() {
        return [0; 4];
    }
    let i = cuts.partition_point(|c| c.at <= value);
    let part = |i: usize| cuts.get(i).map_or(1.0, |c| scale.place(c.at));
    let low = if i == 0 { 0.0 } else { part(i - 1) };
    grid.colours.colour((low + part(i)) / 2.0)
}

/// Bilinear between samples, then one colour for each band; as many pixels as there is room for.
fn pixels(grid: &Grid, scale: &Scale, room: (f64, f64)) -> Pixels {
    let (width, height) = ((room.0 as usize).clamp(2, 1600), (room.1 as usize).clamp(2, 1600));
    let cuts = grid.cuts(scale);
    let along = |i: usize, n: usize, cells: usize| {
        let place = (i as f64 + 0.5) / n as f64 * (cells - 1) as f64;
        let low = (place as usize).min(cells - 2);
        (low, place - low as f64)
    };
    let mut rgba = Vec::with_capacity(width * height * 4);
    for y in 0..height {
        let (j, v) = along(y, height, grid.ny);
        for x in 0..width {
            let (i, u) = along(x, width, grid.nx);
            let at = |i: usize, j: usize| grid.values[j * grid.nx + i];
            let low = at(i, j) * (1.0 - u) + at(i + 1, j) * u;
            let high = at(i, j + 1) * (1.0 - u) + at(i + 1, j + 1) * u;
            rgba.extend(band(grid, low * (1.0 - v) + high * v, &cuts, scale));
        }
    }
    Pixels { width, height, rgba }
}

#[track_caller]
fn of_bands(values: Numbers, nx: usize, ny: usize) -> Plot {
    Plot::of_grid(Bands, values.into_vec(), nx, ny)
}

/// Filled contours: bands of one colour between the levels.
///
/// # Panics
/// When rows differ in length.
///
/// ```
/// ferrolab::plot::contourf([[0.0, 1.0], [1.0, 4.0]]);
/// ```
#[must_use]
#[track_caller]
pub fn contourf(values: impl IntoMatrix) -> Plot {
    let (values, nx, ny) = values.into_matrix();
    of_bands(values, nx, ny)
}
