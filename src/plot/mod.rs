//! Figures in one line: `plot::line(&xs, &ys).title("…")`, shown when it is the trailing
//! expression of a cell.
//!
//! Nothing here is generic beyond turning the arguments into numbers, so that a cell with a plot
//! compiles as fast as one without. Figures are SVG when they have few shapes and PNG when they
//! have many, with a transparent background and colours that read well on light and dark pages,
//! and always carry a text form. For everything else there is `plotters`, inline through
//! [`figure`].

mod canvas;
mod colours;
mod draw;
mod figure;
mod font;
mod limits;
mod live;
mod raster;
mod scale;
mod series;
mod shapes;
mod sketch;
mod svg;
#[cfg(test)]
mod tests;

pub use figure::{Drawn, figure};
pub use font::register_fonts;
pub use live::Live;
pub use series::IntoSeries;

use crate::display::{Display, MimeBundle};
use canvas::Pixels;
use series::{Kind, Series};
use std::io;
use std::path::Path;

/// Figures with more shapes than this are pictures.
const MANY: usize = 5_000;

/// A figure; the functions of this module make it.
///
/// ```
/// use ferrolab::plot;
/// let xs = [0.0, 1.0, 2.0];
/// let figure = plot::line(&xs, &[1.0, 4.0, 2.0])
///     .label("measured")
///     .add(plot::line(&xs, &[1.0, 2.0, 3.0]).label("expected"))
///     .title("Two lines")
///     .xlabel("time / s");
/// assert!(figure.svg().contains("Two lines"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    content: Content,
    title: String,
    xlabel: String,
    ylabel: String,
    log_x: bool,
    log_y: bool,
    size: (u32, u32),
    /// The values behind a histogram, for [`Plot::bins`].
    raw: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Series(Vec<Series>),
    Grid { values: Vec<f64>, nx: usize, ny: usize },
    Image(Pixels),
}

fn plot(content: Content) -> Plot {
    Plot {
        content,
        title: String::new(),
        xlabel: String::new(),
        ylabel: String::new(),
        log_x: false,
        log_y: false,
        size: (640, 400),
        raw: Vec::new(),
    }
}

fn xy(kind: Kind, mut xs: Vec<f64>, mut ys: Vec<f64>) -> Plot {
    let n = xs.len().min(ys.len());
    xs.truncate(n);
    ys.truncate(n);
    plot(Content::Series(vec![Series::new(kind, xs, ys)]))
}

fn indices(n: usize) -> Vec<f64> {
    (0..n).map(|i| i as f64).collect()
}

/// A line through points. Values that are not finite leave a gap; the longer of two inputs of
/// different length is cut.
///
/// ```
/// let wave: Vec<f64> = (0..100).map(|i| (i as f64 / 10.0).sin()).collect();
/// ferrolab::plot::line(0..100, &wave).title("sine");
/// ```
#[must_use]
pub fn line(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    xy(Kind::Line, xs.into_series(), ys.into_series())
}

/// A line through values at 0, 1, 2…
///
/// ```
/// ferrolab::plot::line_y(&[1.0, 4.0, 9.0]);
/// ```
#[must_use]
pub fn line_y(ys: impl IntoSeries) -> Plot {
    let ys = ys.into_series();
    xy(Kind::Line, indices(ys.len()), ys)
}

/// Points.
///
/// ```
/// ferrolab::plot::scatter(&[1, 2, 3], &[1.0f32, 0.5, 2.0]);
/// ```
#[must_use]
pub fn scatter(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    xy(Kind::Scatter, xs.into_series(), ys.into_series())
}

/// Levels that hold until the next point.
///
/// ```
/// ferrolab::plot::steps(&[0, 2, 3], &[1, 5, 4]);
/// ```
#[must_use]
pub fn steps(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    xy(Kind::Steps, xs.into_series(), ys.into_series())
}

/// A histogram; [`Plot::bins`] sets the number of bins, which otherwise follows the rule of
/// Freedman and Diaconis.
///
/// ```
/// ferrolab::plot::hist(&[1.0, 1.5, 2.0, 7.0]).bins(3).xlabel("USD");
/// ```
#[must_use]
pub fn hist(values: impl IntoSeries) -> Plot {
    let raw = values.into_series();
    let (edges, counts) = series::bin(&raw, None);
    let mut plot = plot(Content::Series(vec![Series::new(Kind::Hist, edges, counts)]));
    plot.raw = raw;
    plot.ylabel = "count".to_owned();
    plot
}

/// Bars with names.
///
/// ```
/// ferrolab::plot::bar(&["serial", "8 threads"], &[8.1, 1.2]).ylabel("seconds");
/// ```
#[must_use]
pub fn bar<L: AsRef<str>>(labels: &[L], values: impl IntoSeries) -> Plot {
    let names: Vec<String> = labels.iter().map(|l| l.as_ref().to_owned()).collect();
    bars(names, values.into_series())
}

fn bars(mut names: Vec<String>, mut values: Vec<f64>) -> Plot {
    let n = names.len().min(values.len());
    names.truncate(n);
    values.truncate(n);
    xy(Kind::Bars(names), indices(n), values)
}

/// Points with error bars of `±errors`.
///
/// ```
/// ferrolab::plot::errorbars(&[1, 2, 3], &[1.0, 1.4, 1.7], &[0.1, 0.1, 0.2]);
/// ```
#[must_use]
pub fn errorbars(xs: impl IntoSeries, ys: impl IntoSeries, errors: impl IntoSeries) -> Plot {
    let errors = errors.into_series();
    xy(Kind::Errors(errors), xs.into_series(), ys.into_series())
}

/// A heat map of `ny` rows of `nx` values, the first row at the top.
///
/// # Panics
/// When there are not `nx · ny` values.
///
/// ```
/// ferrolab::plot::heatmap(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, 2);
/// ```
#[must_use]
pub fn heatmap(values: impl IntoSeries, nx: usize, ny: usize) -> Plot {
    grid(values.into_series(), nx, ny)
}

fn grid(values: Vec<f64>, nx: usize, ny: usize) -> Plot {
    let n = values.len();
    assert!(nx.checked_mul(ny) == Some(n), "a heat map of {nx} × {ny} cells needs as many values, and got {n}");
    plot(Content::Grid { values, nx, ny })
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
pub fn image(bytes: &[u8], width: usize, height: usize) -> Plot {
    let n = width.saturating_mul(height);
    let rgba = match bytes.len() {
        len if len == n => bytes.iter().flat_map(|&g| [g, g, g, 255]).collect(),
        len if len == n * 3 => bytes.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        len if len == n * 4 => bytes.to_vec(),
        len => panic!("an image of {width} × {height} pixels has 1, 3 or 4 bytes a pixel, and got {len} bytes"),
    };
    plot(Content::Image(Pixels { width, height, rgba }))
}

impl Plot {
    /// Sets the title.
    #[must_use]
    pub fn title(mut self, text: impl Into<String>) -> Self {
        self.title = text.into();
        self
    }

    /// Sets the text below the horizontal axis.
    #[must_use]
    pub fn xlabel(mut self, text: impl Into<String>) -> Self {
        self.xlabel = text.into();
        self
    }

    /// Sets the text beside the vertical axis.
    #[must_use]
    pub fn ylabel(mut self, text: impl Into<String>) -> Self {
        self.ylabel = text.into();
        self
    }

    /// Makes the horizontal axis logarithmic; values that are not positive are left out.
    #[must_use]
    pub fn log_x(mut self) -> Self {
        self.log_x = true;
        self
    }

    /// Makes the vertical axis logarithmic; values that are not positive are left out.
    #[must_use]
    pub fn log_y(mut self) -> Self {
        self.log_y = true;
        self
    }

    /// Sets the size in pixels (640 × 400 unless told), from 80 to 8000 each.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width.clamp(80, 8000), height.clamp(80, 8000));
        self
    }

    /// Names the series that was added last, for the legend.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Content::Series(all) = &mut self.content
            && let Some(last) = all.last_mut()
        {
            last.label = text.into();
        }
        self
    }

    /// Adds the series of another figure to this one. Heat maps and images stand alone: adding to
    /// one, or one to another figure, changes nothing.
    #[must_use]
    // Figures are not numbers: `a + b` would say less than `a.add(b)`.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, other: Plot) -> Self {
        if let (Content::Series(all), Content::Series(more)) = (&mut self.content, other.content) {
            all.extend(more);
        }
        self
    }

    /// Sets the number of bins of a histogram.
    #[must_use]
    pub fn bins(mut self, n: usize) -> Self {
        if let Content::Series(all) = &mut self.content
            && let Some(first) = all.first_mut()
            && first.kind == Kind::Hist
        {
            (first.xs, first.ys) = series::bin(&self.raw, Some(n));
        }
        self
    }

    /// The figure as an SVG document.
    #[must_use]
    pub fn svg(&self) -> String {
        self.to_svg(&draw::Drawing::new(self))
    }

    /// The figure as a PNG file, at twice its size.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        self.to_png(&draw::Drawing::new(self))
    }

    /// Writes the figure to a file, as its name says: `.svg` or `.png`.
    ///
    /// # Errors
    /// When the name ends otherwise, or the file can't be written.
    ///
    /// ```
    /// let path = std::env::temp_dir().join("ferrolab-doc.svg");
    /// ferrolab::plot::line_y(&[1, 2]).save(&path)?;
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.save_to(path.as_ref())
    }

    fn save_to(&self, path: &Path) -> io::Result<()> {
        let end = path.extension().map(|e| e.to_ascii_lowercase());
        match end.as_ref().and_then(|e| e.to_str()) {
            Some("svg") => std::fs::write(path, self.svg()),
            Some("png") => std::fs::write(path, self.png()),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{}: figures are saved as .svg or .png", path.display()),
            )),
        }
    }

    fn to_svg(&self, drawing: &draw::Drawing<'_>) -> String {
        let about = sketch::describe(self);
        let title = if self.title.is_empty() { &about } else { &self.title };
        let mut svg = svg::Svg::new(self.size.0, self.size.1, title, &about);
        drawing.draw(&mut svg);
        svg.finish()
    }

    fn to_png(&self, drawing: &draw::Drawing<'_>) -> Vec<u8> {
        let mut raster = raster::Raster::new(self.size.0, self.size.1);
        drawing.draw(&mut raster);
        raster::encode(&raster.finish()).unwrap_or_default()
    }
}

impl Display for Plot {
    fn mime_bundle(&self) -> MimeBundle {
        let drawing = draw::Drawing::new(self);
        let rich = match drawing.weight() <= MANY {
            true => ("image/svg+xml", self.to_svg(&drawing).into_bytes()),
            false => ("image/png", self.to_png(&drawing)),
        };
        let plain = ("text/plain", sketch::text(self).into_bytes());
        [rich, plain].map(|(mime, bytes)| (mime.to_owned(), bytes)).into()
    }

    fn metadata(&self) -> String {
        let (width, height) = self.size;
        // Frontends ignore the entry of a representation that is not there.
        format!("{{\"image/png\":{{\"width\":{width},\"height\":{height}}}}}")
    }
}
