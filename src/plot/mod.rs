//! Figures in one line: `plot::line(&xs, &ys).title("…")`, shown when it is the trailing
//! expression of a cell.
//!
//! Nothing here is generic beyond turning the arguments into numbers, so that a cell with a plot
//! compiles as fast as one without. Figures are SVG when they have few shapes and PNG when they
//! have many. Both have a transparent background; an SVG takes the colours of JupyterLab's theme,
//! and follows when it is switched, a PNG has colours that read on light and dark pages. Each
//! figure carries a description in words and a sketch as text. For everything else there is
//! `plotters`, inline through [`figure`].

mod calendar;
mod canvas;
mod colours;
mod content;
mod contour;
mod draw;
mod field;
mod figure;
mod font;
mod input;
mod kinds;
mod layout;
mod legend;
mod limits;
mod live;
mod marks;
mod options;
mod painter;
mod panels;
mod raster;
mod ring;
mod scale;
mod series;
mod shapes;
mod show;
mod sketch;
mod svg;
#[cfg(test)]
mod tests;

pub use calendar::date;
pub use figure::{Drawn, figure, figure_png};
pub use font::register_fonts;
pub use input::{IntoMatrix, IntoSeries, Number, Numbers};
pub use kinds::{
    area, bar, between, boxplot, contour, contourf, errorbars, errorbars_xy, heatmap, hist, image, line, line_y,
    matrix, scatter, steps,
};
pub use live::Live;
pub use painter::settle;
pub use panels::{Panels, panels, row};

use content::{Axis, Inner, Note};
use std::mem::ManuallyDrop;

/// A figure; the functions of this module make it.
///
/// ```
/// use ferrolab::plot;
/// let xs = [0.0, 1.0, 2.0];
/// let figure = plot::line(&xs, &[1.0, 4.0, 2.0])
///     .label("measured")
///     .add(plot::line(&xs, &[1.0, 2.0, 3.0]).label("expected").dashed())
///     .title("Two lines")
///     .xlabel("time / s")
///     .hline(2.5);
/// assert!(figure.svg().contains("Two lines"));
/// ```
pub struct Plot {
    /// Dropped by code of this crate: the code that drops all of it, compiled with each cell, takes
    /// as long as the rest of the cell (measured: 141 ms where `1 + 1` takes 71; now as much).
    inner: ManuallyDrop<Box<Inner>>,
}
