//! One set of numbers in a figure, and what a kind of series has to say of itself. The kinds are in
//! `kinds`, a file for each; nothing else knows which there are.

use super::alike::Alike;
use super::canvas::{Colour, Point, series_colour};
use super::hull::{Hull, Shown, extremes};
use super::input::Numbers;
use super::interrupts::check_at;
use super::numbers::{short, span};
use super::plane::Plane;
use super::shapes::Shape;
use super::sketch::Pen;
use super::thin::Thin;
use std::any::Any;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// A kind of series: all that is particular to it. No method has a default, so that the compiler
/// names what a new kind lacks. The bounds behind the colon keep figures what they are to cells:
/// values that can be compared, printed, sent to threads, and kept over a panic.
pub(super) trait SeriesKind: Alike + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    fn traits(&self) -> Traits;

    /// How far it reaches, as far as axes can show it.
    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull;

    /// What it is made of on a plane.
    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape>;

    /// Its sample in a legend, whose left end is in the middle of the given height.
    fn sample(&self, series: &Series, colour: Colour, at: Point) -> Vec<Shape>;

    /// What it is called in sentences.
    fn word(&self) -> &'static str;

    /// A sentence about a series that has data; `called` is the word with the series' name, and `x`
    /// writes a number of the horizontal axis.
    fn sentence(&self, series: &Series, called: &str, x: fn(f64) -> String) -> String;

    /// A sketch in rows of text, each with a name or a number at its left, for a kind that has no
    /// horizontal axis of numbers. The others are sketched by their [`trail`](Self::trail).
    fn rows(&self, series: &Series, names: &[String]) -> Option<String>;

    /// The points that a sketch in dots shows of it.
    fn trail(&self, series: &Series, pen: &Pen) -> Vec<Point>;
}

impl PartialEq for dyn SeriesKind {
    fn eq(&self, other: &Self) -> bool {
        self.alike(other as &dyn Any)
    }
}

/// What a kind asks of the axes that it shares with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits {
    /// It stands on a base line, which belongs to the figure: the vertical axis begins at zero.
    pub(super) based: bool,
    /// It fills the horizontal axis from end to end: there is no room at the sides.
    pub(super) tight: bool,
    /// Its `xs` are places among the figure's names.
    pub(super) named: bool,
    /// Its `ys` are counts: ticks at whole numbers, if there is nothing but counts.
    pub(super) counted: bool,
}

/// One set of numbers in a figure.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) kind: Arc<dyn SeriesKind>,
    pub(super) xs: Numbers,
    pub(super) ys: Vec<f64>,
    pub(super) label: String,
    pub(super) colour: Option<Colour>,
    pub(super) dashed: bool,
}

impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        *self.kind == *other.kind
            && (&self.xs, &self.ys, &self.label) == (&other.xs, &other.ys, &other.label)
            && (self.colour, self.dashed) == (other.colour, other.dashed)
    }
}

/// Where a series is drawn, and in which colour.
pub(super) struct Ground<'a> {
    pub(super) plane: &'a Plane,
    pub(super) colour: Colour,
    /// Which of the series that stand on names it is, and how many there are.
    pub(super) among: (usize, usize),
}

impl Ground<'_> {
    /// Where a series stands beside others on the same names: from the middle, and how wide. `alone`
    /// is the part of a name's room that it takes when there is no other.
    pub(super) fn share(&self, alone: f64) -> (f64, f64) {
        let (mine, all) = self.among;
        let whole = if all > 1 { 0.78 } else { alone };
        let width = whole / all.max(1) as f64;
        (-whole / 2.0 + width * mine as f64, width)
    }
}

impl Series {
    pub(super) fn new(kind: impl SeriesKind, xs: impl Into<Numbers>, ys: Vec<f64>) -> Self {
        Self::of(Arc::new(kind), xs, ys)
    }

    pub(super) fn of(kind: Arc<dyn SeriesKind>, xs: impl Into<Numbers>, ys: Vec<f64>) -> Self {
        Self { kind, xs: xs.into(), ys, label: String::new(), colour: None, dashed: false }
    }

    pub(super) fn traits(&self) -> Traits {
        self.kind.traits()
    }

    /// The kind's own numbers, if this is its kind.
    pub(super) fn kind_as<K: SeriesKind>(&self) -> Option<&K> {
        (&*self.kind as &dyn Any).downcast_ref()
    }

    pub(super) fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.ys.iter().enumerate().map(|(i, y)| (self.xs.at(i), *y))
    }

    /// The colour of the n-th series of a figure: the user's, or the one that belongs to its number.
    pub(super) fn painted(&self, n: usize) -> Colour {
        self.colour.unwrap_or_else(|| series_colour(n))
    }

    /// The hull of its points.
    pub(super) fn reach(&self, x: Shown, y: Shown) -> Hull {
        Hull::of_points(&self.xs, &self.ys, x, y)
    }

    /// Runs of its points without gaps, in pixels, thinned when they are many.
    pub(super) fn runs(&self, plane: &Plane) -> Vec<Vec<Point>> {
        let mut runs = Vec::new();
        let mut run = Thin::new(plane.area);
        let thin = plane.crowded(self.ys.len());
        let mut gap = false;
        for (i, (x, y)) in self.points().enumerate() {
            check_at(i);
            let point = plane.at(x, y);
            if !(point.0.is_finite() && point.1.is_finite()) {
                gap = true;
                continue;
            }
            if gap && !run.is_empty() && !run.reaches(point) {
                runs.push(std::mem::replace(&mut run, Thin::new(plane.area)).finish());
            }
            gap = false;
            run.push(point, thin);
        }
        if !run.is_empty() {
            runs.push(run.finish());
        }
        runs
    }

    /// As many of its points as a sketch has room for.
    pub(super) fn picked(&self, pen: &Pen) -> Vec<Point> {
        (0..self.ys.len()).step_by(pen.every).map(|i| pen.at(self.xs.at(i), self.ys[i])).collect()
    }

    /// From where to where its x values go, in words.
    pub(super) fn across(&self, x: fn(f64) -> String) -> String {
        let n = self.ys.len();
        let ends = match self.xs.values() {
            Some(values) => extremes(values),
            None if n == 0 => (1.0, 0.0),
            None => (self.xs.at(0), self.xs.at(n - 1)),
        };
        span(ends, x)
    }

    /// From where to where its y values go, in words.
    pub(super) fn upwards(&self) -> String {
        span(extremes(&self.ys), short)
    }

    /// The sentence about what is points and nothing more.
    pub(super) fn points_sentence(&self, called: &str, x: fn(f64) -> String) -> String {
        format!("{called}, {} points, x {}, y {}", self.ys.len(), self.across(x), self.upwards())
    }
}
