//! A figure and what it holds, behind a pointer, so that cells handle a word and no more. How it is
//! drawn and what can be asked of it is elsewhere.

use super::grid::{Grid, GridKind};
use super::input::Numbers;
use super::interrupts;
use super::series::{Series, SeriesKind};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// A figure; the functions of this module make it.
///
/// ```
/// use ferrolab::plot;
/// let xs = [0.0, 1.0, 2.0];
/// let figure = plot::line(&xs, &[1.0, 4.0, 2.0])
///     .label("measured")
///     .add(plot::line(&xs, &[1.0, 2.0, 3.0]).label("expected").dashed())
///     .title("Two lines")
///     .xlabel("time / s")
///     .hline(2.5);
/// assert!(figure.svg().contains("Two lines"));
/// ```
pub struct Plot {
    /// Dropped by code of this crate: the code that drops all of it, compiled with each cell, takes
    /// as long as the rest of the cell (measured: 141 ms where `1 + 1` takes 71; now as much).
    inner: ManuallyDrop<Box<PlotContent>>,
}

/// All that is known of a figure. Not an API: [`Plot`] is.
#[derive(Debug, Clone, PartialEq)]
pub struct PlotContent {
    /// Heat maps, contours and pictures, behind the series.
    pub(super) grids: Vec<Grid>,
    pub(super) series: Vec<Series>,
    /// What stands below bars and boxes.
    pub(super) names: Vec<String>,
    pub(super) notes: Vec<Note>,
    pub(super) title: String,
    pub(super) xlabel: String,
    pub(super) ylabel: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) size: (u32, u32),
    /// Groups of values on their way into boxes.
    pub(super) groups: Vec<Numbers>,
}

/// What the user asked of an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Axis {
    pub(super) log: bool,
    pub(super) date: bool,
    pub(super) limits: Option<(f64, f64)>,
}

/// What is drawn besides data.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Note {
    AtX(f64),
    AtY(f64),
    AcrossX(f64, f64),
    AcrossY(f64, f64),
    Text(f64, f64, String),
}

impl Plot {
    /// A figure of points.
    #[track_caller]
    pub(super) fn of_points(kind: impl SeriesKind, xs: Numbers, ys: Numbers) -> Self {
        interrupts::check();
        let (n, m) = (xs.len(), ys.len());
        assert!(n == m, "a figure needs as many x as y values, and got {n} and {m}");
        Self::of_series(Series::new(kind, xs, ys.into_vec()))
    }

    /// A figure of values in `ny` rows of `nx`.
    #[track_caller]
    pub(super) fn of_grid(kind: impl GridKind, values: Vec<f64>, nx: usize, ny: usize) -> Self {
        let n = values.len();
        assert!(nx.checked_mul(ny) == Some(n), "{nx} columns and {ny} rows need as many values, and got {n}");
        Self::pictured(Grid::new(kind, values, nx, ny))
    }

    pub(super) fn pictured(grid: Grid) -> Self {
        Self::new(vec![grid], Vec::new())
    }

    pub(super) fn of_series(series: Series) -> Self {
        Self::new(Vec::new(), vec![series])
    }

    pub(super) fn empty() -> Self {
        Self::new(Vec::new(), Vec::new())
    }

    fn new(grids: Vec<Grid>, series: Vec<Series>) -> Self {
        Self::of(PlotContent {
            grids,
            series,
            names: Vec::new(),
            notes: Vec::new(),
            title: String::new(),
            xlabel: String::new(),
            ylabel: String::new(),
            x: Axis::default(),
            y: Axis::default(),
            size: (640, 400),
            groups: Vec::new(),
        })
    }

    fn of(inner: PlotContent) -> Self {
        Self { inner: ManuallyDrop::new(Box::new(inner)) }
    }

    /// One more name below the axis.
    pub(super) fn push_name(&mut self, name: &str) {
        self.names.push(name.to_owned());
    }

    /// One more group of values.
    pub(super) fn push_group(&mut self, values: Numbers) {
        self.groups.push(values);
    }
}

impl Drop for Plot {
    fn drop(&mut self) {
        // SAFETY: the content is dropped here and nowhere else, and not used afterwards: nothing
        // runs after this but the end of the value.
        unsafe { ManuallyDrop::drop(&mut self.inner) }
    }
}

impl Clone for Plot {
    fn clone(&self) -> Self {
        Self::of((**self).clone())
    }
}

impl PartialEq for Plot {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[doc(hidden)]
impl Deref for Plot {
    type Target = PlotContent;
    fn deref(&self) -> &PlotContent {
        &self.inner
    }
}

#[doc(hidden)]
impl DerefMut for Plot {
    fn deref_mut(&mut self) -> &mut PlotContent {
        &mut self.inner
    }
}
