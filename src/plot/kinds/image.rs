//! Pictures: bytes as pixels.

use crate::plot::canvas::Pixels;
use crate::plot::content::Plot;
use crate::plot::grid::{Grid, GridKind, GridTraits};
use crate::plot::numbers::Tick;
use crate::plot::plane::Plane;
use crate::plot::scale::Scale;
use crate::plot::shapes::Shape;
use crate::plot::sketch::shades;

#[derive(Debug, PartialEq)]
struct Image(Pixels);

impl GridKind for Image {
    fn traits(&self) -> GridTraits {
        GridTraits { valued: false, contoured: false, covers: true, square: true }
    }

    fn shapes(&self, grid: &Grid, _scale: Option<&Scale>, plane: &Plane, _covered: bool) -> Vec<Shape> {
        let weight = self.0.width * self.0.height / 16;
        grid.laid(plane, self.0.clone(), weight).into_iter().collect()
    }

    /// It has no values, and so no colour bar.
    fn bar_colour(&self, _grid: &Grid, _scale: &Scale, _cuts: &[Tick], _part: f64) -> [u8; 4] {
        [0; 4]
    }

    fn sentence(&self, _grid: &Grid) -> String {
        format!("image, {} × {} pixels", self.0.width, self.0.height)
    }

    /// Its lightness.
    fn sketch(&self, _grid: &Grid) -> String {
        let grey = |p: &[u8]| match p[3] {
            0 => f64::NAN,
            _ => 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]),
        };
        let values: Vec<f64> = self.0.rgba.chunks_exact(4).map(grey).collect();
        shades(&values, self.0.width, self.0.height, false)
    }
}

/// A picture from bytes in rows: 1 (grey), 3 (RGB) or 4 (RGBA) bytes a pixel.
///
/// # Panics
/// When the number of bytes fits none of these.
///
/// ```
/// ferrolab::plot::image(&[255, 0, 0, 0, 0, 255], 2, 1); // a red and a blue pixel
/// ```
#[must_use]
#[track_caller]
pub fn image(bytes: &[u8], width: usize, height: usize) -> Plot {
    let n = width.saturating_mul(height);
    let rgba = match bytes.len() {
        len if len == n => bytes.iter().flat_map(|&g| [g, g, g, 255]).collect(),
        len if len == n.saturating_mul(3) => bytes.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        len if len == n.saturating_mul(4) => bytes.to_vec(),
        len => panic!("an image of {width} × {height} pixels has 1, 3 or 4 bytes a pixel, and got {len} bytes"),
    };
    Plot::pictured(Grid::new(Image(Pixels { width, height, rgba }), Vec::new(), width, height))
}
