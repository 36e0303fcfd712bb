//! What a figure says in words, for terminals and screen readers: a sentence about each thing in it,
//! and a sketch.

use super::calendar;
use super::canvas::Point;
use super::content::{Axis, Plot};
use super::numbers::short;
use super::series::Series;
use super::sketch::{Pen, dots};

/// One sentence about a figure.
pub(super) fn describe(plot: &Plot) -> String {
    let grids = plot.grids.iter().map(|grid| grid.kind.sentence(grid));
    let parts: Vec<String> = grids.chain(plot.series.iter().map(|s| sentence(plot, s))).collect();
    match parts.is_empty() {
        true => "no data".to_owned(),
        false => parts.join("; "),
    }
}

fn sentence(plot: &Plot, series: &Series) -> String {
    let word = series.kind.word();
    let called = match series.label.is_empty() {
        true => word.to_owned(),
        false => format!("{word} “{}”", series.label),
    };
    if series.ys.is_empty() {
        return format!("{called}, no data");
    }
    series.kind.sentence(series, &called, if plot.x.date { calendar::long } else { short })
}

/// The figure's title, a sentence about it and a sketch.
pub(super) fn text(plot: &Plot) -> String {
    let mut out = String::new();
    if !plot.title.is_empty() {
        out += &format!("{}\n", plot.title);
    }
    out += &format!("[{}]", describe(plot));
    let sketch = sketch(plot);
    if !sketch.is_empty() {
        out += &format!("\n{}", sketch.trim_end());
    }
    out
}

/// What lies at the back decides how all of it is sketched.
fn sketch(plot: &Plot) -> String {
    if let Some(grid) = plot.grids.first() {
        return grid.kind.sketch(grid);
    }
    let Some(first) = plot.series.first() else {
        return String::new();
    };
    match first.kind.rows(first, &plot.names) {
        Some(first) => rows(plot, first),
        None => trails(plot),
    }
}

/// All series that have rows, one below the other; those of the first are there already.
fn rows(plot: &Plot, first: String) -> String {
    let others = plot.series.iter().skip(1).map(|s| s.kind.rows(s, &plot.names));
    let mut out = String::new();
    for (series, rows) in plot.series.iter().zip(std::iter::once(Some(first)).chain(others)) {
        let Some(rows) = rows else {
            continue;
        };
        if plot.series.len() > 1 && !series.label.is_empty() && !rows.is_empty() {
            out += &format!("{}:\n", series.label);
        }
        out += &rows;
    }
    out
}

/// All series as dots.
fn trails(plot: &Plot) -> String {
    let total = plot.series.iter().map(|s| s.ys.len()).sum();
    let pen = Pen::new(total, (plot.x.log, plot.y.log));
    let ends = |axis: Axis, at: &dyn Fn(f64) -> f64| axis.limits.map(|(a, b)| (at(a), at(b)));
    let (in_x, in_y) = (ends(plot.x, &|x| pen.x(x)), ends(plot.y, &|y| pen.y(y)));
    let inside = |v: f64, ends: Option<(f64, f64)>| ends.is_none_or(|(a, b)| v >= a.min(b) && v <= a.max(b));
    let seen = |p: &Point| p.0.is_finite() && p.1.is_finite() && inside(p.0, in_x) && inside(p.1, in_y);
    let all = plot.series.iter().flat_map(|s| s.kind.trail(s, &pen));
    dots(&all.filter(seen).collect::<Vec<Point>>())
}
