//! How far data reaches: the least and the greatest values among those that axes can show. Which axes
//! a figure has is for `limits` to say.

use super::input::Numbers;
use rayon::prelude::*;

/// Points that one task looks at.
const CHUNK: usize = 1 << 16;

/// The least and the greatest x and y; none when the least is above the greatest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hull {
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
}

impl Hull {
    /// The hull of nothing.
    pub(super) const EMPTY: Self =
        Self { x: (f64::INFINITY, f64::NEG_INFINITY), y: (f64::INFINITY, f64::NEG_INFINITY) };

    /// The points that can be seen.
    pub(super) fn of_points(xs: &Numbers, ys: &[f64], x: Shown, y: Shown) -> Self {
        let of = |from: usize, part: &[f64]| {
            let mut hull = Self::EMPTY;
            for (i, v) in part.iter().enumerate() {
                let u = xs.at(from + i);
                if x.is(u) && y.is(*v) {
                    hull.take_x(u);
                    hull.take_y(*v);
                }
            }
            hull
        };
        match ys.len() > 4 * CHUNK {
            true => {
                let parts = ys.par_chunks(CHUNK).enumerate();
                parts.map(|(i, part)| of(i * CHUNK, part)).reduce(|| Self::EMPTY, Self::and)
            }
            false => of(0, ys),
        }
    }

    pub(super) fn take_x(&mut self, x: f64) {
        self.x = (self.x.0.min(x), self.x.1.max(x));
    }

    pub(super) fn take_y(&mut self, y: f64) {
        self.y = (self.y.0.min(y), self.y.1.max(y));
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.x = (self.x.0.min(other.x.0), self.x.1.max(other.x.1));
        self.y = (self.y.0.min(other.y.0), self.y.1.max(other.y.1));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        !(self.x.0 <= self.x.1 && self.y.0 <= self.y.1)
    }
}

/// Which values an axis can show.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) log: bool,
    low: f64,
    high: f64,
}

impl Shown {
    pub(super) fn of(log: bool, limits: Option<(f64, f64)>) -> Self {
        let (a, b) = limits.unwrap_or((f64::MIN, f64::MAX));
        Self { log, low: a.min(b), high: a.max(b) }
    }

    pub(super) fn is(&self, v: f64) -> bool {
        // False for what is not a number, too.
        v >= self.low && v <= self.high && (!self.log || v > 0.0)
    }
}

/// Least and greatest finite values; nothing is `(∞, −∞)`.
pub(super) fn extremes(values: &[f64]) -> (f64, f64) {
    let of = |part: &[f64]| {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in part.iter().copied().filter(|v| v.is_finite()) {
            (low, high) = (low.min(v), high.max(v));
        }
        (low, high)
    };
    let join = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.max(b.1));
    match values.len() > 4 * CHUNK {
        true => values.par_chunks(CHUNK).map(of).reduce(|| (f64::INFINITY, f64::NEG_INFINITY), join),
        false => of(values),
    }
}
