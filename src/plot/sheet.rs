//! From drawings to what frontends and files take: SVG for pages with themes, SVG that stands
//! alone, PNG. Used by figures and by panels alike, and knows neither.

use super::canvas::{Anchor, Canvas, TITLE};
use super::draw;
use super::font;
use super::layout::Drawing;
use super::raster::{self, Raster};
use super::svg::Svg;
use crate::display::MimeBundle;
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

impl Sheet<'_> {
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

    pub(super) fn bundle(&self, plain: String) -> MimeBundle {
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
