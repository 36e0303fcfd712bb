//! A figure as a document, as a file, and in the notebook.

use super::canvas::Area;
use super::content::Plot;
use super::interrupts;
use super::layout::{Drawing, Margins};
use super::sheet::{Sheet, metadata, save};
use super::words;
use crate::display::{Display, MimeBundle};
use crate::rt;
use std::io;
use std::path::Path;

fn sheet(plot: &Plot) -> Sheet<'_> {
    interrupts::check();
    let frame = Area { x: 0.0, y: 0.0, w: f64::from(plot.size.0), h: f64::from(plot.size.1) };
    let drawings = vec![Drawing::new(plot, frame, None, Margins::default())];
    Sheet { size: plot.size, title: &plot.title, heading: "", about: words::describe(plot), drawings }
}

impl Plot {
    /// The figure as an SVG document, with colours that read on light and on dark paper.
    ///
    /// ```
    /// assert!(ferrolab::plot::line_y(&[1, 2]).svg().starts_with("<svg"));
    /// ```
    #[must_use]
    pub fn svg(&self) -> String {
        sheet(self).svg(false)
    }

    /// The figure as a PNG file, at twice its size, with a transparent background.
    ///
    /// ```
    /// assert_eq!(&ferrolab::plot::line_y(&[1, 2]).png()[1..4], b"PNG");
    /// ```
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        sheet(self).png()
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
        sheet(self).bundle(words::text(self))
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
        metadata(self.size, &self.title, &words::describe(self))
    }
}
