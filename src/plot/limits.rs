//! The ranges of a figure's axes, or the reason why it has none.

use super::Plot;
use super::scale::{Scale, short};
use super::series::{Kind, Series};
use rayon::prelude::*;

/// Points that one task looks at.
const CHUNK: usize = 1 << 16;

/// The least and the greatest x and y; none when the least is above the greatest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Box4 {
    pub(super) x: (f64, f64),
    pub(super) y: (f64, f64),
}

const NOTHING: Box4 = Box4 { x: (f64::INFINITY, f64::NEG_INFINITY), y: (f64::INFINITY, f64::NEG_INFINITY) };

impl Box4 {
    fn take_x(&mut self, x: f64) {
        self.x = (self.x.0.min(x), self.x.1.max(x));
    }

    fn take_y(&mut self, y: f64) {
        self.y = (self.y.0.min(y), self.y.1.max(y));
    }

    fn and(mut self, other: Self) -> Self {
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
struct Shown {
    log: bool,
    low: f64,
    high: f64,
}

impl Shown {
    fn of(log: bool, limits: Option<(f64, f64)>) -> Self {
        let (a, b) = limits.unwrap_or((f64::MIN, f64::MAX));
        Self { log, low: a.min(b), high: a.max(b) }
    }

    fn is(&self, v: f64) -> bool {
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

/// The points that can be seen.
fn points(s: &Series, x: Shown, y: Shown) -> Box4 {
    let of = |from: usize, part: &[f64]| {
        let mut b = NOTHING;
        for (i, v) in part.iter().enumerate() {
            let u = s.xs.at(from + i);
            if x.is(u) && y.is(*v) {
                b.take_x(u);
                b.take_y(*v);
            }
        }
        b
    };
    match s.ys.len() > 4 * CHUNK {
        true => {
            let parts = s.ys.par_chunks(CHUNK).enumerate();
            parts.map(|(i, part)| of(i * CHUNK, part)).reduce(|| NOTHING, Box4::and)
        }
        false => of(0, &s.ys),
    }
}

fn around(s: &Series, x: Shown, y: Shown) -> Box4 {
    let mut b = match &s.kind {
        Kind::Hist(_) => NOTHING,
        _ => points(s, x, y),
    };
    match &s.kind {
        Kind::Line | Kind::Steps | Kind::Scatter => {}
        Kind::Area(other) => {
            for (i, v) in other.iter().enumerate().filter(|(i, v)| y.is(**v) && x.is(s.xs.at(*i))) {
                b.take_x(s.xs.at(i));
                b.take_y(*v);
            }
        }
        Kind::Errors { x: ex, y: ey } => {
            for (i, (u, v)) in s.points().enumerate().filter(|(_, (u, v))| x.is(*u) && y.is(*v)) {
                let error = |all: &[f64]| all.get(i).copied().map_or(0.0, f64::abs);
                [u - error(ex), u + error(ex)].into_iter().filter(|u| x.is(*u)).for_each(|u| b.take_x(u));
                [v - error(ey), v + error(ey)].into_iter().filter(|v| y.is(*v)).for_each(|v| b.take_y(v));
            }
        }
        Kind::Hist(_) => {
            for (edges, count) in s.xs.iter().zip(s.xs.iter().skip(1)).zip(&s.ys) {
                if y.is(*count) || (!y.log && *count == 0.0) {
                    [edges.0, edges.1].into_iter().filter(|u| x.is(*u)).for_each(|u| b.take_x(u));
                    b.take_y(*count);
                }
            }
        }
        Kind::Bars => {
            for u in s.xs.iter() {
                b.take_x(u - 0.5);
                b.take_x(u + 0.5);
            }
        }
        Kind::Boxes(groups) => {
            for (u, group) in s.xs.iter().zip(groups) {
                b.take_x(u - 0.5);
                b.take_x(u + 0.5);
                let all = group.outliers.iter().chain(&group.whiskers).chain(&group.quartiles);
                all.filter(|v| y.is(**v)).for_each(|v| b.take_y(*v));
            }
        }
    }
    b
}

/// The ranges of both axes, or what to tell instead of drawing.
pub(super) fn scales(plot: &Plot) -> Result<(Scale, Scale), String> {
    let (x, y) = (&plot.x, &plot.y);
    let fields = plot.fields.iter().filter_map(|f| f.axes().map(|a| (f, a)));
    let shown = fields.filter(|(f, _)| matches!(f.look, super::field::Look::Image(_)) || f.scale().is_some());
    let (mut sx, mut sy) = match shown.map(|(_, axes)| axes).reduce(join) {
        Some([x0, x1, y0, y1]) => (Scale::linear(x0, x1), Scale::linear(y0, y1)),
        None => from_series(plot)?,
    };
    for (scale, axis) in [(&mut sx, x), (&mut sy, y)] {
        if let Some((low, high)) = axis.limits {
            (scale.low, scale.high) = (low, high);
        }
        scale.date = axis.date;
    }
    Ok((sx, sy))
}

/// The hull of two pairs of axes; the directions of the first.
fn join(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    let pair = |a0: f64, a1: f64, b0: f64, b1: f64| {
        let (low, high) = (a0.min(a1).min(b0).min(b1), a0.max(a1).max(b0).max(b1));
        if a0 <= a1 { (low, high) } else { (high, low) }
    };
    let ((x0, x1), (y0, y1)) = (pair(a[0], a[1], b[0], b[1]), pair(a[2], a[3], b[2], b[3]));
    [x0, x1, y0, y1]
}

fn from_series(plot: &Plot) -> Result<(Scale, Scale), String> {
    let (mut x, y) = (plot.x, plot.y);
    // Names have no logarithms.
    x.log &= plot.names.is_empty();
    let hull = |x: Shown, y: Shown| plot.series.iter().map(|s| around(s, x, y)).fold(NOTHING, Box4::and);
    let b = hull(Shown::of(x.log, x.limits), Shown::of(y.log, None));
    if b.is_empty() {
        return Err(reason(plot, &|x, y| !hull(x, y).is_empty()));
    }
    let filled = plot.series.iter().any(|s| match &s.kind {
        Kind::Hist(_) | Kind::Bars => true,
        Kind::Area(other) => other.is_empty(),
        _ => false,
    });
    let tight = plot.series.iter().any(|s| s.named() || matches!(s.kind, Kind::Hist(_)));
    let pad = if tight { 0.0 } else { 0.03 };
    match (Scale::around(b.x, x.log, false, pad), Scale::around(b.y, y.log, filled, 0.05)) {
        // A bar has no natural foot on a logarithmic axis: a power of ten, so that the least is not
        // all but gone.
        (Some(x), Some(y)) if y.log && filled => Ok((x, Scale { low: decade_below(b.y.0), ..y })),
        (Some(x), Some(y)) => Ok((x, y)),
        _ => Err("no data".to_owned()),
    }
}

/// The power of ten below a positive value, well below it.
fn decade_below(value: f64) -> f64 {
    let decade = 10f64.powi(value.log10().floor() as i32);
    let low = if value < 2.0 * decade { decade / 10.0 } else { decade };
    if low > 0.0 { low } else { value / 10.0 }
}

/// Why there is nothing to see.
fn reason(plot: &Plot, any: &dyn Fn(Shown, Shown) -> bool) -> String {
    let all = Shown::of(false, None);
    if let Some(field) = plot.fields.first().filter(|f| !f.values.is_empty()) {
        return match field.log {
            true => "no positive values for logarithmic colours".to_owned(),
            false => "no finite values".to_owned(),
        };
    }
    if plot.series.iter().all(|s| s.ys.is_empty()) {
        return "no data".to_owned();
    }
    if !any(all, all) {
        return "no data: no finite values".to_owned();
    }
    if plot.x.log && !any(Shown::of(true, None), all) {
        return "no data: no positive values for the logarithmic x axis".to_owned();
    }
    if plot.y.log && !any(all, Shown::of(true, None)) {
        return "no data: no positive values for the logarithmic y axis".to_owned();
    }
    match plot.x.limits {
        Some((a, b)) => format!("no data for x between {} and {}", short(a.min(b)), short(a.max(b))),
        None => "no data: no positive values for the logarithmic axes".to_owned(),
    }
}
