//! Several figures as one, in rows and columns. Lays out; each panel draws itself.

use super::canvas::Area;
use super::content::Plot;
use super::layout::{Drawing, Margins};
use super::limits::scales;
use super::scale::Scale;
use super::sheet::{Sheet, metadata, save};
use super::words;
use crate::display::{Display, MimeBundle};
use crate::rt;
use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// Room for a title over all panels.
const HEADING: f64 = 34.0;

/// Several figures as one; [`panels`] and [`row`] make it.
///
/// ```
/// use ferrolab::plot;
/// let (a, b) = (plot::line_y(&[1, 2]).title("a"), plot::hist(&[1, 2, 2]).title("b"));
/// let both = plot::row([a.clone(), b.clone()]);
/// let grid = plot::panels([[a.clone(), b.clone()], [b, a]]).title("Four").share_x();
/// assert!(both.svg().contains("a") && grid.svg().contains("Four"));
/// ```
pub struct Panels {
    /// Dropped by code of this crate, as in [`Plot`].
    inner: ManuallyDrop<Box<PanelsContent>>,
}

/// What they are. Not an API: [`Panels`] is.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelsContent {
    rows: Vec<Vec<Plot>>,
    pub(super) title: String,
    size: Option<(u32, u32)>,
    share: (bool, bool),
}

/// A panel, and where it goes.
struct Panel<'a> {
    row: usize,
    column: usize,
    plot: &'a Plot,
    frame: Area,
    axes: Option<(Scale, Scale)>,
}

/// Figures in rows; the rows may differ in length.
///
/// ```
/// use ferrolab::plot;
/// let figure = plot::line_y(&[1, 4, 9]);
/// plot::panels([[figure.clone(), figure.clone()], [figure.clone(), figure]]);
/// ```
#[must_use]
pub fn panels<R: IntoIterator<Item = Plot>>(rows: impl IntoIterator<Item = R>) -> Panels {
    let mut all = Panels::new();
    for row in rows {
        all.wrap();
        for figure in row {
            all.push(figure);
        }
    }
    all
}

/// Figures side by side; [`Panels::columns`] breaks them into rows.
///
/// ```
/// use ferrolab::plot;
/// let all = (1..=6).map(|n| plot::line_y(0..n).title(format!("{n}")));
/// plot::row(all).columns(3);
/// ```
#[must_use]
pub fn row(figures: impl IntoIterator<Item = Plot>) -> Panels {
    let mut all = Panels::new();
    for figure in figures {
        all.push(figure);
    }
    all
}

impl Drop for Panels {
    fn drop(&mut self) {
        // SAFETY: the content is dropped here and nowhere else, and not used afterwards: nothing
        // runs after this but the end of the value.
        unsafe { ManuallyDrop::drop(&mut self.inner) }
    }
}

impl Clone for Panels {
    fn clone(&self) -> Self {
        Self::of((**self).clone())
    }
}

impl PartialEq for Panels {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Panels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[doc(hidden)]
impl Deref for Panels {
    type Target = PanelsContent;
    fn deref(&self) -> &PanelsContent {
        &self.inner
    }
}

#[doc(hidden)]
impl DerefMut for Panels {
    fn deref_mut(&mut self) -> &mut PanelsContent {
        &mut self.inner
    }
}

impl Panels {
    fn new() -> Self {
        Self::of(PanelsContent { rows: Vec::new(), title: String::new(), size: None, share: (false, false) })
    }

    fn of(inner: PanelsContent) -> Self {
        Self { inner: ManuallyDrop::new(Box::new(inner)) }
    }

    /// One more in the last row.
    fn push(&mut self, figure: Plot) {
        match self.rows.last_mut() {
            Some(row) => row.push(figure),
            None => self.rows.push(vec![figure]),
        }
    }

    /// A new row.
    fn wrap(&mut self) {
        self.rows.push(Vec::new());
    }

    /// Sets a title over all panels.
    ///
    /// ```
    /// ferrolab::plot::row([ferrolab::plot::line_y(&[1, 2]), ferrolab::plot::line_y(&[1, 9])]).title("Both");
    /// ```
    #[must_use]
    pub fn title(mut self, text: impl Into<String>) -> Self {
        self.title = text.into();
        self
    }

    /// Puts the panels, in their order, into rows of `n`.
    ///
    /// # Panics
    /// When `n` is 0.
    ///
    /// ```
    /// ferrolab::plot::row([ferrolab::plot::line_y(&[1, 2]), ferrolab::plot::line_y(&[1, 9])]).columns(1);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn columns(mut self, n: usize) -> Self {
        assert!(n > 0, "panels have at least one column");
        let all: Vec<Plot> = self.rows.drain(..).flatten().collect();
        self.rows = all.chunks(n).map(<[Plot]>::to_vec).collect();
        self
    }

    /// Sets the size of all panels together in pixels, from 80 to 8000 each.
    ///
    /// ```
    /// ferrolab::plot::row([ferrolab::plot::line_y(&[1, 2]), ferrolab::plot::line_y(&[1, 9])]).size(900, 300);
    /// ```
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = Some((width.clamp(80, 8000), height.clamp(80, 8000)));
        self
    }

    /// Gives all panels the same horizontal axis.
    ///
    /// ```
    /// ferrolab::plot::row([ferrolab::plot::line_y(&[1, 2]), ferrolab::plot::line_y(&[1, 9])]).share_x();
    /// ```
    #[must_use]
    pub fn share_x(mut self) -> Self {
        self.share.0 = true;
        self
    }

    /// Gives all panels the same vertical axis.
    ///
    /// ```
    /// ferrolab::plot::row([ferrolab::plot::line_y(&[1, 2]), ferrolab::plot::line_y(&[1, 9])]).share_y();
    /// ```
    #[must_use]
    pub fn share_y(mut self) -> Self {
        self.share.1 = true;
        self
    }

    fn shape(&self) -> (usize, usize) {
        (self.rows.iter().map(Vec::len).max().unwrap_or(0).max(1), self.rows.len().max(1))
    }

    /// Width and height on the page.
    pub(super) fn extent(&self) -> (u32, u32) {
        let (columns, rows) = self.shape();
        let (w, h) = match columns {
            1 => (640, 300),
            2 => (440, 310),
            3 => (320, 250),
            _ => (260, 210),
        };
        let heading = if self.title.is_empty() { 0 } else { HEADING as u32 };
        let (columns, rows) = (columns.min(1000) as u32, rows.min(1000) as u32);
        self.size.unwrap_or(((columns * w).min(8000), (rows * h + heading).min(8000)))
    }

    pub(super) fn sheet<'a>(&'a self) -> Sheet<'a> {
        let size = self.extent();
        let (columns, rows) = self.shape();
        let heading = if self.title.is_empty() { 0.0 } else { HEADING };
        let (w, h) = (f64::from(size.0) / columns as f64, (f64::from(size.1) - heading) / rows as f64);
        let shared = self.shared();
        let mut places = Vec::new();
        for (r, row) in self.rows.iter().enumerate() {
            for (c, plot) in row.iter().enumerate() {
                let frame = Area { x: c as f64 * w, y: heading + r as f64 * h, w, h };
                let own = scales(plot).ok();
                let x = if self.share.0 { shared.0 } else { own.map(|o| o.0) };
                let y = if self.share.1 { shared.1 } else { own.map(|o| o.1) };
                places.push(Panel { row: r, column: c, plot, frame, axes: x.zip(y) });
            }
        }
        let one = |p: &Panel<'a>, least: Margins| Drawing::new(p.plot, p.frame, p.axes, least);
        let mut drawings: Vec<Drawing<'a>> = places.iter().map(|p| one(p, Margins::default())).collect();
        if drawings.len() > 1 {
            // Axes of a column have the same left and right ends, those of a row top and bottom.
            let margins: Vec<Margins> = drawings.iter().map(|d| d.margins).collect();
            let most = |pick: &dyn Fn(&Panel<'a>) -> bool, of: &dyn Fn(&Margins) -> f64| {
                let all = places.iter().zip(&margins).filter(|(place, _)| pick(place));
                all.map(|(_, m)| of(m)).fold(0.0, f64::max)
            };
            let least = |p: &Panel<'a>| Margins {
                left: most(&|q| q.column == p.column, &|m| m.left),
                right: most(&|q| q.column == p.column, &|m| m.right),
                top: most(&|q| q.row == p.row, &|m| m.top),
                bottom: most(&|q| q.row == p.row, &|m| m.bottom),
            };
            drawings = places.iter().map(|p| one(p, least(p))).collect();
        }
        Sheet { size, title: &self.title, heading: &self.title, about: self.about(), drawings }
    }

    /// The axes that hold those of all panels.
    fn shared(&self) -> (Option<Scale>, Option<Scale>) {
        if self.share == (false, false) {
            return (None, None);
        }
        let all: Vec<(Scale, Scale)> = self.rows.iter().flatten().filter_map(|p| scales(p).ok()).collect();
        let hull = |a: Scale, b: Scale| Scale {
            low: if a.low <= a.high { a.low.min(b.low.min(b.high)) } else { a.low.max(b.low.max(b.high)) },
            high: if a.low <= a.high { a.high.max(b.low.max(b.high)) } else { a.high.min(b.low.min(b.high)) },
            ..a
        };
        (all.iter().map(|s| s.0).reduce(hull), all.iter().map(|s| s.1).reduce(hull))
    }

    /// A sentence about all of them.
    pub(super) fn about(&self) -> String {
        let (columns, rows) = self.shape();
        let one = |plot: &Plot| match plot.title.is_empty() {
            true => words::describe(plot),
            false => format!("{}: {}", plot.title, words::describe(plot)),
        };
        let all: Vec<String> = self.rows.iter().flatten().map(one).collect();
        match all.is_empty() {
            true => "no panels".to_owned(),
            false => format!("{rows} × {columns} panels: {}", all.join("; ")),
        }
    }

    /// The panels as text, one below the other.
    pub(super) fn text(&self) -> String {
        let mut parts: Vec<String> = self.rows.iter().flatten().map(words::text).collect();
        if !self.title.is_empty() {
            parts.insert(0, self.title.clone());
        }
        match parts.is_empty() {
            true => "[no panels]".to_owned(),
            false => parts.join("\n\n"),
        }
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
