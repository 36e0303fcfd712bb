//! Figures that grow while a cell runs.

use super::series::{Kind, Series};
use super::{Content, Plot, plot};
use crate::display::Display;
use crate::rt;
use std::time::{Duration, Instant};

/// Time between two paints, at least.
const TICK: Duration = Duration::from_millis(100);

/// A figure that is repainted while points arrive, at most ten times a second, and for the last
/// time when it is finished or dropped.
///
/// ```
/// let mut live = ferrolab::plot::Live::line().title("convergence").log_y();
/// for i in 1..=100 {
///     live.push(i as f64, 1.0 / i as f64);
/// }
/// assert_eq!(live.len(), 100);
/// ```
#[derive(Debug)]
pub struct Live {
    plot: Plot,
    id: Option<String>,
    next: Instant,
    dirty: bool,
}

impl Live {
    fn of(kind: Kind) -> Self {
        Self {
            plot: plot(Content::Series(vec![Series::new(kind, Vec::new(), Vec::new())])),
            id: None,
            next: Instant::now(),
            dirty: false,
        }
    }

    /// A line.
    ///
    /// ```
    /// ferrolab::plot::Live::line().push(0.0, 1.0);
    /// ```
    #[must_use]
    pub fn line() -> Self {
        Self::of(Kind::Line)
    }

    /// Points.
    ///
    /// ```
    /// ferrolab::plot::Live::scatter().push(0.0, 1.0);
    /// ```
    #[must_use]
    pub fn scatter() -> Self {
        Self::of(Kind::Scatter)
    }

    fn change(mut self, change: impl FnOnce(Plot) -> Plot) -> Self {
        let empty = plot(Content::Series(Vec::new()));
        self.plot = change(std::mem::replace(&mut self.plot, empty));
        self
    }

    /// Sets the title.
    #[must_use]
    pub fn title(self, text: &str) -> Self {
        self.change(|plot| plot.title(text))
    }

    /// Sets the text below the horizontal axis.
    #[must_use]
    pub fn xlabel(self, text: &str) -> Self {
        self.change(|plot| plot.xlabel(text))
    }

    /// Sets the text beside the vertical axis.
    #[must_use]
    pub fn ylabel(self, text: &str) -> Self {
        self.change(|plot| plot.ylabel(text))
    }

    /// Makes the horizontal axis logarithmic.
    #[must_use]
    pub fn log_x(self) -> Self {
        self.change(Plot::log_x)
    }

    /// Makes the vertical axis logarithmic.
    #[must_use]
    pub fn log_y(self) -> Self {
        self.change(Plot::log_y)
    }

    /// Sets the size in pixels.
    #[must_use]
    pub fn size(self, width: u32, height: u32) -> Self {
        self.change(|plot| plot.size(width, height))
    }

    /// Adds a point and repaints when it is time to. It stops the cell when the user interrupted.
    pub fn push(&mut self, x: f64, y: f64) {
        self.push_to(0, x, y);
    }

    /// Adds a point to the n-th series of the figure, which is made if there are fewer.
    ///
    /// ```
    /// let mut live = ferrolab::plot::Live::line();
    /// live.push_to(1, 0.0, 5.0);
    /// assert_eq!(live.len(), 1);
    /// ```
    pub fn push_to(&mut self, n: usize, x: f64, y: f64) {
        rt::check_interrupt();
        if let Content::Series(all) = &mut self.plot.content {
            let kind = all.first().map_or(Kind::Line, |s| s.kind.clone());
            while all.len() <= n {
                all.push(Series::new(kind.clone(), Vec::new(), Vec::new()));
            }
            all[n].xs.push(x);
            all[n].ys.push(y);
        }
        self.dirty = true;
        if Instant::now() >= self.next {
            self.paint();
        }
    }

    /// Points so far, in all series.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.plot.content {
            Content::Series(all) => all.iter().map(|s| s.ys.len()).sum(),
            _ => 0,
        }
    }

    /// True before the first point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Paints the last state and gives the figure, for saving or showing again.
    ///
    /// ```
    /// let mut live = ferrolab::plot::Live::line();
    /// live.push(0.0, 1.0);
    /// assert!(live.finish().svg().starts_with("<svg"));
    /// ```
    pub fn finish(mut self) -> Plot {
        self.paint_last();
        self.plot.clone()
    }

    fn paint(&mut self) {
        if !rt::attached() {
            // Text output would repeat the figure instead of replacing it.
            return;
        }
        let start = Instant::now();
        match &self.id {
            Some(id) => self.plot.update(id),
            None => {
                let id = rt::new_display_id();
                self.plot.show_as(&id);
                self.id = Some(id);
            }
        }
        self.dirty = false;
        // Drawing many points takes longer; the cell should still do mostly its own work.
        self.next = Instant::now() + TICK.max(start.elapsed() * 5);
    }

    fn paint_last(&mut self) {
        if std::mem::take(&mut self.dirty) {
            self.paint();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.paint_last();
    }
}
