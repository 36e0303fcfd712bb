//! Figures that grow or change while a cell runs. Painting is `show`'s; here is when.

use super::content::Plot;
use super::input::{IntoSeries, Numbers};
use super::painter::{self, LiveFigure};
use super::series::{Series, SeriesKind};
use crate::display::{Display, MimeBundle};
use crate::rt;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// A figure that is repainted while points arrive, at most ten times a second, and for the last
/// time when it is finished or dropped, or when its cell ends or fails. A thread of its own paints
/// it, so that a push costs next to nothing.
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
    /// Dropped by code of this crate, as in [`Plot`].
    figure: ManuallyDrop<Arc<LiveFigure>>,
    /// Is there a frontend to paint for?
    attached: bool,
    shown: bool,
}

impl Live {
    /// A figure whose points become series of this kind.
    pub(super) fn new(plot: Plot, kind: impl SeriesKind) -> Self {
        Self::with(plot, Arc::new(kind))
    }

    /// A figure of one series without points.
    pub(super) fn of(kind: impl SeriesKind) -> Self {
        let kind: Arc<dyn SeriesKind> = Arc::new(kind);
        Self::with(Plot::of_series(Series::of(kind.clone(), Vec::new(), Vec::new())), kind)
    }

    fn with(plot: Plot, kind: Arc<dyn SeriesKind>) -> Self {
        Self { figure: ManuallyDrop::new(painter::register(plot, kind)), attached: rt::attached(), shown: false }
    }

    #[track_caller]
    fn change(self, change: impl FnOnce(Plot) -> Plot) -> Self {
        {
            let mut state = self.figure.state();
            let empty = Plot::empty();
            state.plot = change(std::mem::replace(&mut state.plot, empty));
        }
        self
    }

    /// Sets the title.
    ///
    /// ```
    /// ferrolab::plot::Live::line().title("loss");
    /// ```
    #[must_use]
    pub fn title(self, text: &str) -> Self {
        self.change(|plot| plot.title(text))
    }

    /// Sets the text below the horizontal axis.
    ///
    /// ```
    /// ferrolab::plot::Live::line().xlabel("step");
    /// ```
    #[must_use]
    pub fn xlabel(self, text: &str) -> Self {
        self.change(|plot| plot.xlabel(text))
    }

    /// Sets the text beside the vertical axis.
    ///
    /// ```
    /// ferrolab::plot::Live::line().ylabel("loss");
    /// ```
    #[must_use]
    pub fn ylabel(self, text: &str) -> Self {
        self.change(|plot| plot.ylabel(text))
    }

    /// Makes the horizontal axis logarithmic.
    ///
    /// ```
    /// ferrolab::plot::Live::line().log_x();
    /// ```
    #[must_use]
    pub fn log_x(self) -> Self {
        self.change(Plot::log_x)
    }

    /// Makes the vertical axis logarithmic.
    ///
    /// ```
    /// ferrolab::plot::Live::line().log_y();
    /// ```
    #[must_use]
    pub fn log_y(self) -> Self {
        self.change(Plot::log_y)
    }

    /// Sets the ends of the vertical axis, as [`Plot::ylim`] does.
    ///
    /// ```
    /// ferrolab::plot::Live::line().ylim(0.0, 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn ylim(self, a: f64, b: f64) -> Self {
        self.change(|plot| plot.ylim(a, b))
    }

    /// Sets the size in pixels.
    ///
    /// ```
    /// ferrolab::plot::Live::line().size(400, 300);
    /// ```
    #[must_use]
    pub fn size(self, width: u32, height: u32) -> Self {
        self.change(|plot| plot.size(width, height))
    }

    /// Names the series, in their order, and makes as many.
    ///
    /// ```
    /// let mut live = ferrolab::plot::Live::line().labels(&["train", "test"]);
    /// live.push_to(1, 0.0, 0.7);
    /// ```
    #[must_use]
    pub fn labels(self, names: &[&str]) -> Self {
        let kind = self.figure.kind.clone();
        self.change(|mut plot| {
            for (n, name) in names.iter().enumerate() {
                if plot.series.len() <= n {
                    plot.series.push(Series::of(kind.clone(), Vec::new(), Vec::new()));
                }
                plot.series[n].label = (*name).to_owned();
            }
            plot
        })
    }

    /// Sets the colours of a heat map, as [`Plot::colormap`] does.
    ///
    /// ```
    /// ferrolab::plot::Live::heatmap(4, 4).colormap("magma");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn colormap(self, name: &str) -> Self {
        self.change(|plot| plot.colormap(name))
    }

    /// Sets the values at the ends of a heat map's colours, as [`Plot::range`] does.
    ///
    /// ```
    /// ferrolab::plot::Live::heatmap(4, 4).range(0.0, 1.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn range(self, low: f64, high: f64) -> Self {
        self.change(|plot| plot.range(low, high))
    }

    /// Shows the last `n` points of each series only, at least one; earlier ones are forgotten.
    ///
    /// ```
    /// let mut live = ferrolab::plot::Live::line().window(100);
    /// (0..1000).for_each(|i| live.push(i as f64, 0.0));
    /// assert_eq!(live.len(), 100);
    /// ```
    #[must_use]
    pub fn window(self, n: usize) -> Self {
        self.figure.state().window = n.max(1);
        self
    }

    /// Adds a point and repaints when it is time to. It stops the cell when the user interrupted.
    ///
    /// ```
    /// let mut live = ferrolab::plot::Live::line();
    /// live.push(1.0, 2.0);
    /// ```
    pub fn push(&mut self, x: f64, y: f64) {
        self.push_to(0, x, y);
    }

    /// Adds a point to the n-th series of the figure, which is made if there are fewer.
    ///
    /// # Panics
    /// When `n` is 1000 or more.
    ///
    /// ```
    /// let mut live = ferrolab::plot::Live::line();
    /// live.push_to(1, 0.0, 5.0);
    /// assert_eq!(live.len(), 1);
    /// ```
    #[track_caller]
    pub fn push_to(&mut self, n: usize, x: f64, y: f64) {
        rt::check_interrupt();
        assert!(n < 1000, "a live figure has at most 1000 series, and this is number {n}");
        if !self.figure.ring.write(n as u32, x, y) {
            drop(self.figure.drained());
            self.figure.ring.write(n as u32, x, y);
        }
        self.changed();
    }

    fn changed(&mut self) {
        if !self.attached || (self.shown && painter::awake()) {
            return;
        }
        if !self.shown {
            // The first time right here, so that it stands where it belongs among the outputs.
            self.shown = true;
            self.figure.paint(true);
        }
        painter::wake();
    }

    /// Replaces the values of a heat map and repaints when it is time to. It stops the cell when the
    /// user interrupted.
    ///
    /// # Panics
    /// When the number of values is not that of the cells, or the figure is not a heat map.
    ///
    /// ```
    /// let mut live = ferrolab::plot::Live::heatmap(2, 1);
    /// live.frame(&[0.5, 0.7]);
    /// ```
    #[track_caller]
    pub fn frame(&mut self, values: impl IntoSeries) {
        self.replace(values.into_series());
    }

    #[track_caller]
    fn replace(&mut self, values: Numbers) {
        rt::check_interrupt();
        let mut state = self.figure.state();
        let Some(grid) = state.plot.grids.first_mut() else {
            panic!("frames are for `Live::heatmap`; push points to this figure");
        };
        let (n, m) = (grid.values.len(), values.len());
        assert!(n == m, "this heat map has {n} cells, and the frame has {m} values");
        grid.values = values.into_vec();
        state.touch();
        drop(state);
        self.changed();
    }

    /// Points so far, in all series and their windows.
    ///
    /// ```
    /// assert_eq!(ferrolab::plot::Live::line().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        let state = self.figure.drained();
        state.plot.series.iter().map(|s| s.ys.len().min(state.window)).sum()
    }

    /// True before the first point.
    ///
    /// ```
    /// assert!(ferrolab::plot::Live::line().is_empty());
    /// ```
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
    #[must_use]
    pub fn finish(self) -> Plot {
        self.figure.paint(true);
        self.now()
    }

    /// The figure as it is now.
    fn now(&self) -> Plot {
        let mut state = self.figure.drained();
        state.trim_all();
        state.plot.clone()
    }
}

/// A picture of its present state, which does not move.
impl Display for Live {
    fn mime_bundle(&self) -> MimeBundle {
        self.now().mime_bundle()
    }

    fn metadata(&self) -> String {
        self.now().metadata()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.figure.paint(true);
        // SAFETY: it is dropped here and nowhere else, and not used afterwards: nothing runs after
        // this but the end of the value.
        unsafe { ManuallyDrop::drop(&mut self.figure) }
    }
}
