//! Figures that grow or change while a cell runs. Painting is `show`'s; here is when.

use super::Plot;
use super::field::Look;
use super::input::{IntoSeries, Numbers};
use super::kinds::grid;
use super::series::{Kind, Series};
use crate::display::Display;
use crate::rt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Time between two paints in nanoseconds, at least.
const TICK: u64 = 100_000_000;
/// Painting takes at most this part of the time: one of so many.
const PART: u64 = 5;

/// Live figures that may have something to paint when a cell ends.
static FIGURES: Mutex<Vec<Weak<Mutex<State>>>> = Mutex::new(Vec::new());

/// A figure that is repainted while points arrive, at most ten times a second, and for the last
/// time when it is finished or dropped, or when its cell ends or fails. It can be pushed to from
/// several threads.
///
/// ```
/// let live = ferrolab::plot::Live::line().title("convergence").log_y();
/// for i in 1..=100 {
///     live.push(i as f64, 1.0 / i as f64);
/// }
/// assert_eq!(live.len(), 100);
/// ```
#[derive(Debug)]
pub struct Live {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    plot: Plot,
    id: Option<String>,
    /// When the next paint is due, by [`now`].
    next: u64,
    dirty: bool,
    /// Points of a series, at most.
    window: usize,
}

/// Nanoseconds since some time, exact to a few milliseconds: five times cheaper to ask for than
/// `Instant`, and asked for at each push.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours; the call writes it and nothing else.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Paints the last state of all live figures. The runner calls this after a cell, whether it failed or
/// not.
///
/// ```
/// ferrolab::plot::settle();
/// ```
pub fn settle() {
    let figures: Vec<Arc<Mutex<State>>> = {
        let mut all = lock(&FIGURES);
        all.retain(|f| f.strong_count() > 0);
        all.iter().filter_map(Weak::upgrade).collect()
    };
    figures.iter().for_each(|f| lock(f).paint_last());
}

impl State {
    fn paint(&mut self) {
        self.dirty = false;
        if !rt::attached() {
            // Text output would repeat the figure instead of replacing it.
            self.next = u64::MAX;
            return;
        }
        (0..self.plot.series.len()).for_each(|n| self.trim(n));
        let start = now();
        match &self.id {
            Some(id) => self.plot.update(id),
            None => {
                let id = rt::new_display_id();
                self.plot.show_as(&id);
                self.id = Some(id);
            }
        }
        // Drawing many points takes longer; the cell should still do mostly its own work.
        let end = now();
        self.next = end + TICK.max((end - start) * PART);
    }

    fn paint_last(&mut self) {
        if self.dirty {
            self.paint();
        }
    }

    /// Something changed: paints when it is time to.
    fn touch(&mut self) {
        self.dirty = true;
        if now() >= self.next {
            self.paint();
        }
    }

    fn push(&mut self, n: usize, x: f64, y: f64) {
        while self.plot.series.len() <= n {
            let kind = self.plot.series.first().map_or(Kind::Line, |s| s.kind.clone());
            self.plot.series.push(Series::new(kind, Vec::new(), Vec::new()));
        }
        let series = &mut self.plot.series[n];
        series.xs.push(x);
        series.ys.push(y);
        // Twice the window is kept, so that forgetting costs next to nothing a point.
        if series.ys.len() >= self.window.saturating_mul(2) {
            self.trim(n);
        }
        self.touch();
    }

    fn trim(&mut self, n: usize) {
        let series = &mut self.plot.series[n];
        let beyond = series.ys.len().saturating_sub(self.window);
        series.xs.forget(beyond);
        series.ys.drain(..beyond);
    }
}

impl Live {
    fn new(plot: Plot) -> Self {
        let state = State { plot, id: None, next: 0, dirty: false, window: usize::MAX };
        let state = Arc::new(Mutex::new(state));
        let mut all = lock(&FIGURES);
        all.retain(|f| f.strong_count() > 0);
        all.push(Arc::downgrade(&state));
        Self { state }
    }

    fn of(kind: Kind) -> Self {
        Self::new(Plot::new(Vec::new(), vec![Series::new(kind, Vec::new(), Vec::new())]))
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

    /// Levels that hold until the next point.
    ///
    /// ```
    /// ferrolab::plot::Live::steps().push(0.0, 1.0);
    /// ```
    #[must_use]
    pub fn steps() -> Self {
        Self::of(Kind::Steps)
    }

    /// A heat map of `ny` rows of `nx` values, which [`frame`](Self::frame) replaces; nothing but gaps
    /// before.
    ///
    /// ```
    /// let live = ferrolab::plot::Live::heatmap(3, 2).colormap("magma");
    /// for step in 0..10 {
    ///     live.frame(&[step, 1, 2, 3, 4, 5]);
    /// }
    /// assert!(live.finish().svg().starts_with("<svg"));
    /// ```
    #[must_use]
    pub fn heatmap(nx: usize, ny: usize) -> Self {
        Self::new(grid(Look::Heat, vec![f64::NAN; nx.saturating_mul(ny)], nx, ny))
    }

    #[track_caller]
    fn change(self, change: impl FnOnce(Plot) -> Plot) -> Self {
        {
            let mut state = lock(&self.state);
            let empty = Plot::new(Vec::new(), Vec::new());
            state.plot = change(std::mem::replace(&mut state.plot, empty));
        }
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

    /// Sets the ends of the vertical axis, as [`Plot::ylim`] does.
    #[must_use]
    #[track_caller]
    pub fn ylim(self, a: f64, b: f64) -> Self {
        self.change(|plot| plot.ylim(a, b))
    }

    /// Sets the size in pixels.
    #[must_use]
    pub fn size(self, width: u32, height: u32) -> Self {
        self.change(|plot| plot.size(width, height))
    }

    /// Names the series, in their order, and makes as many.
    ///
    /// ```
    /// let live = ferrolab::plot::Live::line().labels(&["train", "test"]);
    /// live.push_to(1, 0.0, 0.7);
    /// ```
    #[must_use]
    pub fn labels(self, names: &[&str]) -> Self {
        self.change(|mut plot| {
            let kind = plot.series.first().map_or(Kind::Line, |s| s.kind.clone());
            for (n, name) in names.iter().enumerate() {
                if plot.series.len() <= n {
                    plot.series.push(Series::new(kind.clone(), Vec::new(), Vec::new()));
                }
                plot.series[n].label = (*name).to_owned();
            }
            plot
        })
    }

    /// Sets the colours of a heat map, as [`Plot::colormap`] does.
    #[must_use]
    #[track_caller]
    pub fn colormap(self, name: &str) -> Self {
        self.change(|plot| plot.colormap(name))
    }

    /// Sets the values at the ends of a heat map's colours, as [`Plot::range`] does.
    #[must_use]
    #[track_caller]
    pub fn range(self, low: f64, high: f64) -> Self {
        self.change(|plot| plot.range(low, high))
    }

    /// Shows the last `n` points of each series only, at least one; earlier ones are forgotten.
    ///
    /// ```
    /// let live = ferrolab::plot::Live::line().window(100);
    /// (0..1000).for_each(|i| live.push(i as f64, 0.0));
    /// assert_eq!(live.len(), 100);
    /// ```
    #[must_use]
    pub fn window(self, n: usize) -> Self {
        lock(&self.state).window = n.max(1);
        self
    }

    /// Adds a point and repaints when it is time to. It stops the cell when the user interrupted.
    pub fn push(&self, x: f64, y: f64) {
        self.push_to(0, x, y);
    }

    /// Adds a point to the n-th series of the figure, which is made if there are fewer.
    ///
    /// ```
    /// let live = ferrolab::plot::Live::line();
    /// live.push_to(1, 0.0, 5.0);
    /// assert_eq!(live.len(), 1);
    /// ```
    pub fn push_to(&self, n: usize, x: f64, y: f64) {
        rt::check_interrupt();
        lock(&self.state).push(n, x, y);
    }

    /// Replaces the values of a heat map and repaints when it is time to. It stops the cell when the
    /// user interrupted.
    ///
    /// # Panics
    /// When the number of values is not that of the cells, or the figure is not a heat map.
    #[track_caller]
    pub fn frame(&self, values: impl IntoSeries) {
        self.replace(values.into_series());
    }

    #[track_caller]
    fn replace(&self, values: Numbers) {
        rt::check_interrupt();
        let mut state = lock(&self.state);
        let Some(field) = state.plot.fields.first_mut() else {
            panic!("frames are for `Live::heatmap`; push points to this figure");
        };
        let (n, m) = (field.values.len(), values.len());
        assert!(n == m, "this heat map has {n} cells, and the frame has {m} values");
        field.values = values.into_vec();
        state.touch();
    }

    /// Points so far, in all series and their windows.
    #[must_use]
    pub fn len(&self) -> usize {
        let state = lock(&self.state);
        state.plot.series.iter().map(|s| s.ys.len().min(state.window)).sum()
    }

    /// True before the first point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Paints the last state and gives the figure, for saving or showing again.
    ///
    /// ```
    /// let live = ferrolab::plot::Live::line();
    /// live.push(0.0, 1.0);
    /// assert!(live.finish().svg().starts_with("<svg"));
    /// ```
    #[must_use]
    pub fn finish(self) -> Plot {
        let mut state = lock(&self.state);
        (0..state.plot.series.len()).for_each(|n| state.trim(n));
        state.paint_last();
        state.plot.clone()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        lock(&self.state).paint_last();
    }
}
