//! The ranges of a figure's axes.

use super::scale::Scale;
use super::series::{Kind, Series};
use super::{Content, Plot};

/// Ranges of the horizontal axis, the vertical axis and a heat map's values; nothing for those
/// without data.
pub(super) fn scales(plot: &Plot) -> (Option<Scale>, Option<Scale>, Option<Scale>) {
    let cells = |n: usize| (n > 0).then_some(Scale { low: 0.0, high: n as f64, log: false });
    match &plot.content {
        Content::Image(pixels) => (cells(pixels.width), cells(pixels.height), None),
        Content::Grid { values, nx, ny } => {
            let range = Scale::around(values.iter().copied(), false, false, 0.0);
            let shown = range.map(|_| ());
            (shown.and(cells(*nx)), shown.and(cells(*ny)), range)
        }
        Content::Series(all) => {
            let (log_x, log_y) = (plot.log_x, plot.log_y);
            let bars = all.iter().any(|s| matches!(s.kind, Kind::Bars(_)));
            let filled = bars || all.iter().any(|s| s.kind == Kind::Hist);
            let visible = |s: &Series, x: f64, y: f64| {
                s.kind == Kind::Hist || (x.is_finite() && y.is_finite() && (!log_x || x > 0.0) && (!log_y || y > 0.0))
            };
            let xs = all.iter().flat_map(|s| {
                let edges = if s.kind == Kind::Hist { s.xs.as_slice() } else { &[] };
                let half = if matches!(s.kind, Kind::Bars(_)) { 0.5 } else { 0.0 };
                let points = s.points().filter(move |(x, y)| visible(s, *x, *y));
                let ends = points.flat_map(move |(x, _)| [x - half, x + half]);
                ends.chain(edges.iter().copied())
            });
            let ys = all.iter().flat_map(|s| {
                let errors = match &s.kind {
                    Kind::Errors(errors) => errors.as_slice(),
                    _ => &[],
                };
                let error = move |i: usize| errors.get(i).copied().map_or(0.0, f64::abs);
                let points = s.points().enumerate();
                let points = points.filter(move |(_, (x, y))| visible(s, *x, *y));
                points.flat_map(move |(i, (_, y))| [y, y - error(i), y + error(i)])
            });
            let pad = if filled { 0.0 } else { 0.03 };
            (Scale::around(xs, log_x && !bars, false, pad), Scale::around(ys, log_y, filled, 0.05), None)
        }
    }
}
