//! `plotters` inline: its whole API, drawn to SVG and shown in the notebook.

use super::font::register_fonts;
use crate::display::{Display, MimeBundle};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::prelude::SVGBackend;
use std::error::Error;

/// A drawing made with `plotters`; [`figure`] makes it.
///
/// ```
/// let drawn = ferrolab::plot::figure((99, 50), |_| Ok(())).unwrap();
/// assert!(drawn.svg().contains("99"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    svg: String,
    size: (u32, u32),
}

impl Drawn {
    /// The SVG document.
    #[must_use]
    pub fn svg(&self) -> &str {
        &self.svg
    }
}

impl Display for Drawn {
    fn mime_bundle(&self) -> MimeBundle {
        let (width, height) = self.size;
        let plain = format!("[figure, {width} × {height} pixels]");
        vec![("image/svg+xml".to_owned(), self.svg.clone().into_bytes()), ("text/plain".to_owned(), plain.into_bytes())]
    }
}

/// Draws with `plotters` on an area of `size` pixels; texts use the built-in font's measures.
///
/// # Errors
/// What the closure returns.
///
/// ```
/// use ferrolab::plotters::prelude::*;
/// let drawn = ferrolab::plot::figure((320, 240), |root| {
///     let mut chart = ChartBuilder::on(&root)
///         .caption("y = x²", ("sans-serif", 20))
///         .x_label_area_size(30)
///         .y_label_area_size(30)
///         .build_cartesian_2d(0f32..1f32, 0f32..1f32)?;
///     chart.configure_mesh().draw()?;
///     chart.draw_series(LineSeries::new((0..=50).map(|x| x as f32 / 50.0).map(|x| (x, x * x)), &RED))?;
///     Ok(())
/// })?;
/// assert!(drawn.svg().contains("y = x²"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn figure<F>(size: (u32, u32), draw: F) -> Result<Drawn, Box<dyn Error>>
where
    F: FnOnce(DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>>,
{
    register_fonts();
    let mut svg = String::new();
    draw(SVGBackend::with_string(&mut svg, size).into_drawing_area())?;
    Ok(Drawn { svg, size })
}
