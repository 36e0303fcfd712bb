//! From drawings to what frontends and files take: SVG for pages with themes, SVG that stands
//! alone, PNG, and text. Used by figures and by panels alike.

use super::canvas::{Anchor, Area, Canvas, TITLE};
use super::layout::{Drawing, Margins};
use super::raster::{self, Raster};
use super::svg::Svg;
use super::{Panels, Plot, draw, font, painter, sketch};
use crate::display::{Display, MimeBundle, escape};
use crate::rt;
use std::fmt::Write;
use std::io;
use std::path::Path;

/// Figures with more shapes than this are pictures.
const MANY: usize = 5_000;

/// Drawings on one sheet.
pub(super) struct Sheet<'a> {
    pub(super) size: (u32, u32),
    pub(super) title: &'a str,
    /// The title that is drawn over all panels.
    pub(super) heading: &'a str,
    pub(super) about: String,
    pub(super) drawings: Vec<Drawing<'a>>,
}

impl<'a> Sheet<'a> {
    pub(super) fn of(plot: &'a Plot) -> Self {
        painter::check();
        let frame = Area { x: 0.0, y: 0.0, w: f64::from(plot.size.0), h: f64::from(plot.size.1) };
        let drawings = vec![Drawing::new(plot, frame, None, Margins::default())];
        Self { size: plot.size, title: &plot.title, heading: "", about: sketch::describe(plot), drawings }
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        if !self.heading.is_empty() {
            let width = f64::from(self.size.0);
            let (words, size) = font::fit(self.heading, 17.0, width - 8.0);
            draw::text(canvas, (width / 2.0, 24.0), &words, size, Anchor::Middle, TITLE);
        }
        self.drawings.iter().for_each(|d| d.draw(canvas));
    }

    fn weight(&self) -> usize {
        self.drawings.iter().map(Drawing::weight).sum()
    }

    /// An SVG document; one for a page takes the page's text colour and font.
    pub(super) fn svg(&self, page: bool) -> String {
        let title = if self.title.is_empty() { &self.about } else { self.title };
        let mut svg = Svg::new(self.size.0, self.size.1, title, &self.about, page);
        self.draw(&mut svg);
        svg.finish()
    }

    pub(super) fn png(&self) -> Vec<u8> {
        let mut raster = Raster::new(self.size.0, self.size.1);
        self.draw(&mut raster);
        raster::encode(&raster.finish()).unwrap_or_default()
    }

    fn bundle(&self, plain: String) -> MimeBundle {
        let mut bundle: MimeBundle = Vec::new();
        let mut add = |mime: &str, bytes: Vec<u8>| bundle.push((mime.to_owned(), bytes));
        if self.weight() <= MANY {
            // Frontends show an SVG as an image, which does not see the page's theme; as a part of
            // the page it does. The document is for those that show no HTML.
            add("text/html", self.svg(true).into_bytes());
            add("image/svg+xml", self.svg(false).into_bytes());
        } else {
            add("image/png", self.png());
        }
        add("text/plain", plain.into_bytes());
        bundle
    }
}

/// Output metadata of a picture: its size on the page, and its words for those who do not see it.
pub(super) fn metadata((width, height): (u32, u32), title: &str, about: &str) -> String {
    let words = if title.is_empty() { about.to_owned() } else { format!("{title}: {about}") };
    // Frontends ignore the entry of a representation that is not there.
    format!("{{\"image/png\":{{\"width\":{width},\"height\":{height},\"alt\":{}}}}}", quoted(&words))
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes a figure to a file, as its name says.
pub(super) fn save(path: &Path, svg: &dyn Fn() -> String, png: &dyn Fn() -> Vec<u8>) -> io::Result<()> {
    let end = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let bytes = match end.as_str() {
        "svg" => svg().into_bytes(),
        "png" => png(),
        end => {
            let what = if end.is_empty() { "no ending".to_owned() } else { format!("the ending .{end}") };
            let message = format!("{} has {what}: figures are saved as .svg or .png", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
    };
    let told = |e: io::Error| io::Error::new(e.kind(), format!("the figure can't be saved as {}: {e}", path.display()));
    std::fs::write(path, bytes).map_err(told)
}

impl Plot {
    /// The figure as an SVG document, with colours that read on light and on dark paper.
    ///
    /// ```
    /// assert!(ferrolab::plot::line_y(&[1, 2]).svg().starts_with("<svg"));
    /// ```
    #[must_use]
    pub fn svg(&self) -> String {
        Sheet::of(self).svg(false)
    }

    /// The figure as a PNG file, at twice its size, with a transparent background.
    ///
    /// ```
    /// assert_eq!(&ferrolab::plot::line_y(&[1, 2]).png()[1..4], b"PNG");
    /// ```
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        Sheet::of(self).png()
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
        save(path.as_ref(), &|| self.svg(), &|| self.png())
    }
}

impl Display for Plot {
    fn mime_bundle(&self) -> MimeBundle {
        Sheet::of(self).bundle(sketch::text(self))
    }

    // What the trait does by itself, compiled here and not with each cell.
    fn show(&self) {
        rt::show(self.mime_bundle(), &self.metadata(), None);
    }

    fn show_as(&self, display_id: &str) {
        rt::show(self.mime_bundle(), &self.metadata(), Some(display_id));
    }

    fn update(&self, display_id: &str) {
        rt::update(self.mime_bundle(), &self.metadata(), display_id);
    }

    fn metadata(&self) -> String {
        metadata(self.size, &self.title, &sketch::describe(self))
    }
}

impl Panels {
    /// All panels as one SVG document.
    ///
    /// ```
    /// use ferrolab::plot;
    /// assert!(plot::row([plot::line_y(&[1, 2])]).svg().starts_with("<svg"));
    /// ```
    #[must_use]
    pub fn svg(&self) -> String {
        self.sheet().svg(false)
    }

    /// All panels as one PNG file, at twice their size.
    ///
    /// ```
    /// use ferrolab::plot;
    /// assert_eq!(&plot::row([plot::line_y(&[1, 2])]).png()[1..4], b"PNG");
    /// ```
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        self.sheet().png()
    }

    /// Writes all panels to one file: `.svg` or `.png`.
    ///
    /// # Errors
    /// When the name ends otherwise, or the file can't be written.
    ///
    /// ```
    /// use ferrolab::plot;
    /// assert!(plot::row([plot::line_y(&[1, 2])]).save("panels.gif").is_err());
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        save(path.as_ref(), &|| self.svg(), &|| self.png())
    }
}

impl Display for Panels {
    fn mime_bundle(&self) -> MimeBundle {
        self.sheet().bundle(self.text())
    }

    // What the trait does by itself, compiled here and not with each cell.
    fn show(&self) {
        rt::show(self.mime_bundle(), &self.metadata(), None);
    }

    fn show_as(&self, display_id: &str) {
        rt::show(self.mime_bundle(), &self.metadata(), Some(display_id));
    }

    fn update(&self, display_id: &str) {
        rt::update(self.mime_bundle(), &self.metadata(), display_id);
    }

    fn metadata(&self) -> String {
        metadata(self.extent(), &self.title, &self.about())
    }
}

/// A title or a description within a document.
pub(super) fn described(title: &str, about: &str) -> String {
    format!("<title>{}</title><desc>{}</desc>", escape(title), escape(about))
}
