//! What can be asked of a figure after it is made: words, axes, colours, notes, and other figures
//! on the same axes.

use super::colours;
use super::content::{Note, Plot, PlotContent};
use super::grid::Grid;
use super::input::Numbers;
use std::ops::Range;

#[track_caller]
fn limits(what: &str, a: f64, b: f64, log: bool) -> (f64, f64) {
    assert!(a.is_finite() && b.is_finite() && a != b, "{what}({a}, {b}): an axis needs two different, finite ends");
    assert!(!log || (a > 0.0 && b > 0.0), "{what}({a}, {b}): a logarithmic axis needs positive ends");
    assert!((b - a).is_finite(), "{what}({a}, {b}): the ends are too far apart");
    (a, b)
}

/// Moves what another figure shows into this one.
fn merge(all: &mut PlotContent, other: &mut PlotContent) {
    if !other.names.is_empty() {
        // A name has one place, whatever its place was over there.
        let mut place = Vec::new();
        for name in std::mem::take(&mut other.names) {
            let found = all.names.iter().position(|n| *n == name);
            place.push(found.unwrap_or(all.names.len()) as f64);
            if found.is_none() {
                all.names.push(name);
            }
        }
        for series in other.series.iter_mut().filter(|s| s.traits().named) {
            let places = series.xs.iter().map(|x| place.get(x as usize).copied().unwrap_or(x));
            series.xs = Numbers::from(places.collect::<Vec<f64>>());
        }
    }
    for (mine, theirs) in
        [(&mut all.title, &mut other.title), (&mut all.xlabel, &mut other.xlabel), (&mut all.ylabel, &mut other.ylabel)]
    {
        if mine.is_empty() {
            std::mem::swap(mine, theirs);
        }
    }
    all.grids.append(&mut other.grids);
    all.series.append(&mut other.series);
    all.notes.append(&mut other.notes);
}

impl Plot {
    /// Sets the title.
    ///
    /// ```
    /// assert!(ferrolab::plot::line_y(&[1, 2]).title("Rise").svg().contains("Rise"));
    /// ```
    #[must_use]
    pub fn title(mut self, text: impl Into<String>) -> Self {
        self.title = text.into();
        self
    }

    /// Sets the text below the horizontal axis.
    ///
    /// ```
    /// assert!(ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).xlabel("n").svg().contains(">n</text>"));
    /// ```
    #[must_use]
    pub fn xlabel(mut self, text: impl Into<String>) -> Self {
        self.xlabel = text.into();
        self
    }

    /// Sets the text beside the vertical axis.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).ylabel("time / s");
    /// ```
    #[must_use]
    pub fn ylabel(mut self, text: impl Into<String>) -> Self {
        self.ylabel = text.into();
        self
    }

    /// Makes the horizontal axis logarithmic; values that are not positive are left out.
    ///
    /// # Panics
    /// When [`xlim`](Self::xlim) has set an end that is not positive.
    ///
    /// ```
    /// ferrolab::plot::line(&[1, 10, 100], &[1, 2, 3]).log_x();
    /// ```
    #[must_use]
    #[track_caller]
    pub fn log_x(mut self) -> Self {
        if let Some((a, b)) = self.x.limits {
            limits("xlim", a, b, true);
        }
        self.x.log = true;
        self
    }

    /// Makes the vertical axis logarithmic; values that are not positive are left out.
    ///
    /// # Panics
    /// When [`ylim`](Self::ylim) has set an end that is not positive.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).log_y();
    /// ```
    #[must_use]
    #[track_caller]
    pub fn log_y(mut self) -> Self {
        if let Some((a, b)) = self.y.limits {
            limits("ylim", a, b, true);
        }
        self.y.log = true;
        self
    }

    /// Sets the ends of the horizontal axis; the vertical one is fitted to what is seen between
    /// them. An axis with `a > b` runs backwards.
    ///
    /// # Panics
    /// When the ends are equal, not finite, or not positive on a logarithmic axis.
    ///
    /// ```
    /// ferrolab::plot::line_y(0..100).xlim(10.0, 20.0).ylim(0.0, 30.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn xlim(mut self, a: f64, b: f64) -> Self {
        self.x.limits = Some(limits("xlim", a, b, self.x.log));
        self
    }

    /// Sets the ends of the vertical axis.
    ///
    /// # Panics
    /// When the ends are equal, not finite, or not positive on a logarithmic axis.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).ylim(0.0, 1000.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn ylim(mut self, a: f64, b: f64) -> Self {
        self.y.limits = Some(limits("ylim", a, b, self.y.log));
        self
    }

    /// Shows the x values, which are seconds since 1970-01-01, as dates and times in UTC.
    ///
    /// ```
    /// use ferrolab::plot;
    /// let days: Vec<f64> = (1..=60).map(|day| plot::date(2024, 1, day)).collect();
    /// assert!(plot::line(&days, 0..60).date_x().svg().contains("Feb"));
    /// ```
    #[must_use]
    pub fn date_x(mut self) -> Self {
        self.x.date = true;
        self
    }

    /// Sets the size in pixels (640 × 400 unless told), from 80 to 8000 each.
    ///
    /// ```
    /// assert!(ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).size(300, 200).svg().contains("width=\"300\""));
    /// ```
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width.clamp(80, 8000), height.clamp(80, 8000));
        self
    }

    /// Names the series that was added last, for the legend, which stands in a corner without data
    /// or, when there is none, above the axes.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).label("measured");
    /// ```
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(last) = self.series.last_mut() {
            last.label = text.into();
        }
        self
    }

    /// Sets the colour of the series that was added last: blue, orange, green, red, purple, olive,
    /// pink, teal (the colours that series have by themselves, in this order), grey, black,
    /// white, or `#rrggbb`.
    ///
    /// # Panics
    /// When the colour is none of these.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1, 2]).color("#c03060");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn color(mut self, colour: &str) -> Self {
        let Some(known) = colours::parse(colour) else {
            panic!(
                "no colour is named `{colour}`; there are blue, orange, green, red, purple, olive, pink, teal, grey, \
                 black, white, and `#rrggbb`"
            );
        };
        if let Some(last) = self.series.last_mut() {
            last.colour = Some(known);
        }
        self
    }

    /// Draws the line that was added last in dashes.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).dashed();
    /// ```
    #[must_use]
    pub fn dashed(mut self) -> Self {
        if let Some(last) = self.series.last_mut() {
            last.dashed = true;
        }
        self
    }

    /// Draws another figure on the same axes: its series, notes, heat maps and contours. Axes, title
    /// and size are this figure's; labels it does not have are taken from the other.
    ///
    /// ```
    /// use ferrolab::plot;
    /// let both = plot::line_y(&[1, 2]).label("a").add(plot::scatter(&[0, 1], &[2, 1]).label("b"));
    /// assert!(both.svg().contains(">b</text>"));
    /// ```
    #[must_use]
    // Figures are not numbers: `a + b` would say less than `a.add(b)`.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, mut other: Plot) -> Self {
        merge(&mut self, &mut other);
        self
    }

    /// Draws a dashed line across the figure at a height.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 3.0]).hline(2.0).vline(0.5).annotate(0.5, 2.0, "crossing");
    /// ```
    #[must_use]
    pub fn hline(mut self, y: f64) -> Self {
        self.notes.push(Note::AtY(y));
        self
    }

    /// Draws a dashed line from the bottom to the top.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).vline(1.5);
    /// ```
    #[must_use]
    pub fn vline(mut self, x: f64) -> Self {
        self.notes.push(Note::AtX(x));
        self
    }

    /// Shades what lies between two heights, behind the data.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 3.0]).hspan(1.5, 2.5).vspan(0.2, 0.4);
    /// ```
    #[must_use]
    pub fn hspan(mut self, a: f64, b: f64) -> Self {
        self.notes.push(Note::AcrossY(a, b));
        self
    }

    /// Shades what lies between two x values, behind the data.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).vspan(0.5, 1.5);
    /// ```
    #[must_use]
    pub fn vspan(mut self, a: f64, b: f64) -> Self {
        self.notes.push(Note::AcrossX(a, b));
        self
    }

    /// Marks a point with a text.
    ///
    /// ```
    /// ferrolab::plot::line_y(&[1.0, 20.0, 300.0]).annotate(1.0, 20.0, "here");
    /// ```
    #[must_use]
    pub fn annotate(mut self, x: f64, y: f64, text: impl Into<String>) -> Self {
        self.notes.push(Note::Text(x, y, text.into()));
        self
    }

    /// Says where a heat map, contours or an image lie: `x` from the left side to the right, `y` from
    /// the outer side of the first row to that of the last. So the first row is at the bottom, as
    /// on any axis, unless `y` runs backwards.
    ///
    /// # Panics
    /// When the ends of a range are equal or not finite, or the figure has no grid.
    ///
    /// ```
    /// ferrolab::plot::matrix([[1, 2], [3, 4]]).extent(-1.0..1.0, 0.0..50.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn extent(mut self, x: Range<f64>, y: Range<f64>) -> Self {
        let (x0, x1) = limits("extent", x.start, x.end, false);
        let (y0, y1) = limits("extent", y.start, y.end, false);
        self.grid("extent").extent = Some([x0, x1, y0, y1]);
        self
    }

    /// Sets the colours of a heat map or of contours: viridis (unless told), magma, inferno, plasma,
    /// cividis, greys, and coolwarm and rdbu, which are light around zero; `_r` at the end of
    /// a name turns the map round.
    ///
    /// # Panics
    /// When no map has this name, or the figure has no grid.
    ///
    /// ```
    /// ferrolab::plot::matrix([[1, 2], [3, 4]]).colormap("cividis_r");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn colormap(mut self, name: &str) -> Self {
        match colours::Choice::named(name) {
            Ok(choice) => self.grid("colormap").colours = choice,
            Err(message) => panic!("{message}"),
        }
        self
    }

    /// Sets the values at the two ends of the colours; values beyond have the colours of the ends.
    ///
    /// # Panics
    /// When the ends are equal, not finite, or not positive for logarithmic colours, or the figure
    /// has no grid.
    ///
    /// ```
    /// ferrolab::plot::matrix([[-1, 2], [3, 4]]).range(-4.0, 4.0).colormap("coolwarm");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn range(mut self, low: f64, high: f64) -> Self {
        let grid = self.grid("range");
        let (low, high) = limits("range", low, high, grid.log);
        assert!(low < high, "range({low}, {high}): the first value is the lower one");
        grid.range = Some((low, high));
        self
    }

    /// Spreads colours over the logarithm of the values; those that are not positive are gaps.
    ///
    /// # Panics
    /// When the figure has no grid, or its [`range`](Self::range) is not positive.
    ///
    /// ```
    /// ferrolab::plot::matrix([[1, 10], [100, 1000]]).log_color();
    /// ```
    #[must_use]
    #[track_caller]
    pub fn log_color(mut self) -> Self {
        let grid = self.grid("log_color");
        if let Some((low, high)) = grid.range {
            limits("range", low, high, true);
        }
        grid.log = true;
        self
    }

    /// Sets about how many contours there are, from 1 to 100; they lie at round numbers.
    ///
    /// # Panics
    /// When the figure has no contours.
    ///
    /// ```
    /// ferrolab::plot::contour([[0, 1], [1, 2]]).levels(3);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn levels(mut self, n: usize) -> Self {
        let grid = self.grid("levels");
        assert!(grid.traits().contoured, "levels are for contours");
        grid.levels = n.clamp(1, 100);
        self
    }

    #[track_caller]
    fn grid(&mut self, what: &str) -> &mut Grid {
        match self.grids.last_mut() {
            Some(grid) => grid,
            None => panic!("{what} is for heat maps, contours and images"),
        }
    }
}
