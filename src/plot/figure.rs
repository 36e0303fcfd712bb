//! `plotters` inline: its whole API, drawn to SVG or to pixels and shown in the notebook.

use super::canvas::Pixels;
use super::font::register_fonts;
use super::raster;
use super::sheet;
use crate::display::{Display, MimeBundle};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::prelude::{BitMapBackend, SVGBackend};
use std::error::Error;
use std::io;
use std::path::Path;

/// A drawing made with `plotters`; [`figure`] and [`figure_png`] make it.
///
/// ```
/// let drawn = ferrolab::plot::figure((99, 50), |_| Ok(())).unwrap();
/// assert!(drawn.svg().contains("99"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    svg: String,
    png: Vec<u8>,
    size: (u32, u32),
}

impl Drawn {
    /// The SVG document; empty for a drawing made of pixels.
    ///
    /// ```
    /// let drawn = ferrolab::plot::figure((99, 50), |_| Ok(()))?;
    /// assert!(drawn.svg().starts_with("<svg"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The PNG file; empty for a drawing made as SVG.
    ///
    /// ```
    /// let drawn = ferrolab::plot::figure_png((99, 50), |_| Ok(()))?;
    /// assert_eq!(&drawn.png()[1..4], b"PNG");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// Writes the drawing to a file: `.svg` for one made by [`figure`], `.png` for one made by
    /// [`figure_png`].
    ///
    /// # Errors
    /// When the name ends otherwise, or the file can't be written.
    ///
    /// ```
    /// let drawn = ferrolab::plot::figure((99, 50), |_| Ok(()))?;
    /// assert!(drawn.save("drawing.png").unwrap_err().to_string().contains("figure_png"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.save_to(path.as_ref())
    }

    fn save_to(&self, path: &Path) -> io::Result<()> {
        let end = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        let wrong = |message: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        match end.as_str() {
            "png" if self.png.is_empty() => wrong("this drawing is SVG: save it as .svg, or make it with figure_png"),
            "svg" if self.svg.is_empty() => wrong("this drawing is pixels: save it as .png, or make it with figure"),
            _ => sheet::save(path, &|| self.svg.clone(), &|| self.png.clone()),
        }
    }
}

impl Display for Drawn {
    fn mime_bundle(&self) -> MimeBundle {
        let (width, height) = self.size;
        let plain = format!("[figure, {width} × {height} pixels]");
        let rich = match self.png.is_empty() {
            true => ("image/svg+xml", self.svg.clone().into_bytes()),
            false => ("image/png", self.png.clone()),
        };
        [rich, ("text/plain", plain.into_bytes())].map(|(mime, bytes)| (mime.to_owned(), bytes)).into()
    }

    fn metadata(&self) -> String {
        let (width, height) = self.size;
        sheet::metadata(self.size, "", &format!("figure, {width} × {height} pixels"))
    }
}

/// Draws with `plotters` on an area of `size` pixels, as SVG; texts use the built-in font's
/// measures.
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
    Ok(Drawn { svg, png: Vec::new(), size })
}

/// Draws with `plotters` on pixels, for drawings with very many shapes. The background is black
/// until it is filled: `root.fill(&WHITE)?`.
///
/// # Errors
/// What the closure returns; a width or height of 0.
///
/// ```
/// use ferrolab::plotters::prelude::*;
/// let drawn = ferrolab::plot::figure_png((320, 240), |root| {
///     root.fill(&WHITE)?;
///     root.draw(&Circle::new((160, 120), 50, RED.filled()))?;
///     Ok(())
/// })?;
/// assert_eq!(&drawn.png()[1..4], b"PNG");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn figure_png<F>(size: (u32, u32), draw: F) -> Result<Drawn, Box<dyn Error>>
where
    F: FnOnce(DrawingArea<BitMapBackend<'_>, Shift>) -> Result<(), Box<dyn Error>>,
{
    register_fonts();
    let mut rgb = pixels(size)?;
    draw(BitMapBackend::with_buffer(&mut rgb, size).into_drawing_area())?;
    Ok(encoded(&rgb, size))
}

fn pixels((width, height): (u32, u32)) -> Result<Vec<u8>, Box<dyn Error>> {
    if width == 0 || height == 0 || width > 20_000 || height > 20_000 {
        return Err(format!("a picture has from 1 to 20000 pixels each way, not {width} × {height}").into());
    }
    Ok(vec![0; width as usize * height as usize * 3])
}

fn encoded(rgb: &[u8], size: (u32, u32)) -> Drawn {
    let rgba = rgb.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    let pixels = Pixels { width: size.0 as usize, height: size.1 as usize, rgba };
    Drawn { svg: String::new(), png: raster::encode(&pixels).unwrap_or_default(), size }
}
