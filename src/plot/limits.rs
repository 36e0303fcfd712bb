//! The ranges of a figure's axes, or the reason why it has none.

use super::content::Plot;
use super::grid::Grid;
use super::hull::{Hull, Shown};
use super::numbers::short;
use super::scale::Scale;

/// The ranges of both axes, or what to tell instead of drawing.
pub(super) fn scales(plot: &Plot) -> Result<(Scale, Scale), String> {
    let (x, y) = (&plot.x, &plot.y);
    // A map whose values are all gaps has no colours, and nothing to lay axes around.
    let shown = plot.grids.iter().filter(|grid| !grid.traits().valued || grid.scale().is_some());
    let (mut sx, mut sy) = match shown.filter_map(Grid::axes).reduce(join) {
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
    let hull = |x: Shown, y: Shown| plot.series.iter().map(|s| s.kind.hull(s, x, y)).fold(Hull::EMPTY, Hull::and);
    let b = hull(Shown::of(x.log, x.limits), Shown::of(y.log, None));
    if b.is_empty() {
        return Err(reason(plot, &|x, y| !hull(x, y).is_empty()));
    }
    let filled = plot.series.iter().any(|s| s.traits().based);
    let tight = plot.series.iter().any(|s| s.traits().tight);
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
    if let Some(grid) = plot.grids.first().filter(|grid| !grid.values.is_empty()) {
        return match grid.log {
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
