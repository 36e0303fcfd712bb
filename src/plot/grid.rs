//! Values on a grid, behind the series of a figure, and what a kind of grid has to say of itself.
//! The kinds (heat maps, contours, pictures) are in `kinds`, a file for each; nothing else knows
//! which there are.

use super::alike::Alike;
use super::canvas::{Area, Pixels};
use super::colours::Choice;
use super::hull::extremes;
use super::numbers::{Tick, short, span};
use super::plane::Plane;
use super::scale::Scale;
use super::shapes::Shape;
use super::sketch::shades;
use std::any::Any;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// A kind of grid: all that is particular to it. No method has a default, so that the compiler
/// names what a new kind lacks; for the bounds see [`SeriesKind`](super::series::SeriesKind).
pub(super) trait GridKind: Alike + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    fn traits(&self) -> GridTraits;

    /// What it is made of on a plane; without a scale when it has no values to show. `covered` says
    /// that another grid behind it leaves no room for the page.
    fn shapes(&self, grid: &Grid, scale: Option<&Scale>, plane: &Plane, covered: bool) -> Vec<Shape>;

    /// What the colour bar has for a part of its height, from the low end; `cuts` are the contours.
    fn bar_colour(&self, grid: &Grid, scale: &Scale, cuts: &[Tick], part: f64) -> [u8; 4];

    /// A sentence about it.
    fn sentence(&self, grid: &Grid) -> String;

    /// What a figure as text shows of it.
    fn sketch(&self, grid: &Grid) -> String;
}

impl PartialEq for dyn GridKind {
    fn eq(&self, other: &Self) -> bool {
        self.alike(other as &dyn Any)
    }
}

/// What a kind asks of the axes and of what stands around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GridTraits {
    /// Its values have colours, which a bar explains. A picture brings its own.
    pub(super) valued: bool,
    /// It has contours between its values, which stand in the middle of their cells: axes go from the
    /// first value to the last, and the bar's ticks are the contours.
    pub(super) contoured: bool,
    /// It leaves no room for the page and its grid lines.
    pub(super) covers: bool,
    /// Its cells are squares, unless an extent says otherwise.
    pub(super) square: bool,
}

/// Values in rows of `nx`, the first row at the top unless an extent says otherwise.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    pub(super) kind: Arc<dyn GridKind>,
    pub(super) values: Vec<f64>,
    pub(super) nx: usize,
    pub(super) ny: usize,
    /// Left, right, the outer side of the first row, that of the last.
    pub(super) extent: Option<[f64; 4]>,
    pub(super) colours: Choice,
    pub(super) range: Option<(f64, f64)>,
    pub(super) log: bool,
    /// How many contours, about.
    pub(super) levels: usize,
}

impl PartialEq for Grid {
    fn eq(&self, other: &Self) -> bool {
        *self.kind == *other.kind
            && (&self.values, self.nx, self.ny, self.extent) == (&other.values, other.nx, other.ny, other.extent)
            && (self.colours, self.range) == (other.colours, other.range)
            && (self.log, self.levels) == (other.log, other.levels)
    }
}

impl Grid {
    pub(super) fn new(kind: impl GridKind, values: Vec<f64>, nx: usize, ny: usize) -> Self {
        let (kind, colours) = (Arc::new(kind), Choice::default());
        Self { kind, values, nx, ny, extent: None, colours, range: None, log: false, levels: 8 }
    }

    pub(super) fn traits(&self) -> GridTraits {
        self.kind.traits()
    }

    pub(super) fn bounds(&self) -> [f64; 4] {
        self.extent.unwrap_or([0.0, self.nx as f64, 0.0, self.ny as f64])
    }

    /// Left, right, bottom, top of the axes that show it.
    pub(super) fn axes(&self) -> Option<[f64; 4]> {
        if self.nx == 0 || self.ny == 0 {
            return None;
        }
        let [mut x0, mut x1, mut y0, mut y1] = self.bounds();
        if self.traits().contoured {
            // From the first sample to the last: there is nothing to draw beyond.
            let half = |a: f64, b: f64, n: usize| if n > 1 { (b - a) / n as f64 / 2.0 } else { 0.0 };
            let (dx, dy) = (half(x0, x1, self.nx), half(y0, y1, self.ny));
            (x0, x1, y0, y1) = (x0 + dx, x1 - dx, y0 + dy, y1 - dy);
        }
        Some(if self.extent.is_some() { [x0, x1, y0, y1] } else { [x0, x1, y1, y0] })
    }

    /// The range of values that is spread over the colours; `None` when there are none to show.
    pub(super) fn scale(&self) -> Option<Scale> {
        if !self.traits().valued {
            return None;
        }
        let shown = |v: f64| v.is_finite() && (!self.log || v > 0.0);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in self.values.iter().copied().filter(|v| shown(*v)) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            return None;
        }
        if let Some((a, b)) = self.range {
            return Some(Scale { low: a, high: b, log: self.log, date: false });
        }
        if self.colours.map.diverging && low < 0.0 && high > 0.0 {
            let most = high.max(-low);
            (low, high) = (-most, most);
        }
        Scale::around((low, high), self.log, false, 0.0)
    }

    /// Contours between the ends of the range.
    pub(super) fn cuts(&self, scale: &Scale) -> Vec<Tick> {
        let inside = |t: &Tick| t.at > scale.low && t.at < scale.high;
        scale.ticks(self.levels).into_iter().filter(inside).collect()
    }

    /// The colour bar, from the highest value to the lowest, and its ticks.
    pub(super) fn colour_bar(&self, scale: &Scale) -> (Pixels, Vec<Tick>) {
        let cuts = if self.traits().contoured { self.cuts(scale) } else { Vec::new() };
        let part = |i: i32| 1.0 - (f64::from(i) + 0.5) / 256.0;
        let rgba = (0..256).flat_map(|i| self.kind.bar_colour(self, scale, &cuts, part(i))).collect();
        let ticks = if cuts.is_empty() { scale.ticks(6) } else { cuts };
        (Pixels { width: 1, height: 256, rgba }, ticks)
    }

    /// A picture of all cells, its first row at the top, where the grid lies on a plane. `weight` is
    /// what it counts for in points.
    pub(super) fn laid(&self, plane: &Plane, mut pixels: Pixels, weight: usize) -> Option<Shape> {
        let [mut x0, mut x1, mut y0, mut y1] = self.bounds();
        if self.traits().contoured {
            [x0, x1, y0, y1] = self.axes()?;
            if self.extent.is_none() {
                (y0, y1) = (y1, y0);
            }
        }
        let ((left, top), (right, bottom)) = (plane.at(x0, y0), plane.at(x1, y1));
        if ![left, top, right, bottom].iter().all(|v| v.is_finite()) {
            return None;
        }
        if left > right {
            let rows = pixels.rgba.chunks_exact(pixels.width * 4);
            pixels.rgba = rows.flat_map(|row| row.chunks_exact(4).rev().flatten().copied()).collect();
        }
        if top > bottom {
            let rows = pixels.rgba.chunks_exact(pixels.width * 4).rev();
            pixels.rgba = rows.flatten().copied().collect();
        }
        let area = Area { x: left.min(right), y: top.min(bottom), w: (right - left).abs(), h: (bottom - top).abs() };
        Some(Shape::Picture { area, pixels, weight })
    }

    /// A sentence about values in cells or at samples.
    pub(super) fn values_sentence(&self, word: &str, cells: &str) -> String {
        let Self { nx, ny, .. } = self;
        format!("{word}, {nx} × {ny} {cells}, values {}", span(extremes(&self.values), short))
    }

    /// Its values as shades.
    pub(super) fn shades(&self) -> String {
        let upwards = self.extent.is_some_and(|[_, _, y0, y1]| y0 < y1);
        shades(&self.values, self.nx, self.ny, upwards)
    }
}
