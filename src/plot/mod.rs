//! Figures in one line: `plot::line(&xs, &ys).title("…")`, shown when it is the trailing
//! expression of a cell.
//!
//! Nothing here is generic beyond turning the arguments into numbers, so that a cell with a plot
//! compiles as fast as one without. Figures are SVG when they have few shapes and PNG when they
//! have many. Both have a transparent background; an SVG takes the colours of JupyterLab's theme,
//! and follows when it is switched, a PNG has colours that read on light and dark pages. Each
//! figure carries a description in words and a sketch as text. For everything else there is
//! `plotters`, inline through [`figure`].

mod alike;
mod calendar;
mod canvas;
mod colours;
mod content;
mod draw;
mod figure;
mod font;
mod grid;
mod hull;
mod input;
mod interrupts;
mod isolines;
mod kinds;
mod layout;
mod legend;
mod limits;
mod live;
mod numbers;
mod options;
mod painter;
mod panels;
mod plane;
mod raster;
mod ring;
mod samples;
mod scale;
mod series;
mod shapes;
mod sheet;
mod show;
mod sketch;
mod svg;
#[cfg(test)]
mod tests;
mod thin;
mod words;

pub use calendar::date;
pub use content::Plot;
pub use figure::{Drawn, figure, figure_png};
pub use font::register_fonts;
pub use input::{IntoMatrix, IntoSeries, Numbers, ToNumber};
pub use live::Live;
pub use painter::settle;
pub use panels::{Panels, panels, row};

// One line for each kind.
pub use kinds::area::area;
pub use kinds::bar::bar;
pub use kinds::between::between;
pub use kinds::boxplot::boxplot;
pub use kinds::contour::contour;
pub use kinds::contourf::contourf;
pub use kinds::errorbars::{errorbars, errorbars_xy};
pub use kinds::heatmap::{heatmap, matrix};
pub use kinds::hist::hist;
pub use kinds::image::image;
pub use kinds::line::{line, line_y};
pub use kinds::scatter::scatter;
pub use kinds::stem::stem;
pub use kinds::steps::steps;
