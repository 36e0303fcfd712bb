//! Figures as text, for terminals and screen readers: a sentence about each, and a sketch.

use super::canvas::Pixels;
use super::field::{Field, Look};
use super::limits::extremes;
use super::scale::short;
use super::series::{Kind, Quartiles, Series};
use super::{Plot, calendar};

const WIDTH: usize = 60;
const HEIGHT: usize = 10;
/// Bars and rows of a text figure, at most.
const ROWS: usize = 20;
/// Points of a sketch, at most: it has room for fewer.
const POINTS: usize = 100_000;

fn range((low, high): (f64, f64), text: &dyn Fn(f64) -> String) -> String {
    match low > high {
        true => "nothing".to_owned(),
        false => format!("{} to {}", text(low), text(high)),
    }
}

/// One sentence about a figure.
pub(super) fn describe(plot: &Plot) -> String {
    let fields = plot.fields.iter().map(field);
    let parts: Vec<String> = fields.chain(plot.series.iter().map(|s| one(plot, s))).collect();
    match parts.is_empty() {
        true => "no data".to_owned(),
        false => parts.join("; "),
    }
}

fn field(field: &Field) -> String {
    let Field { nx, ny, .. } = field;
    let values = || range(extremes(&field.values), &short);
    match &field.look {
        Look::Image(pixels) => format!("image, {} × {} pixels", pixels.width, pixels.height),
        Look::Heat => format!("heat map, {nx} × {ny} cells, values {}", values()),
        Look::Lines => format!("contours, {nx} × {ny} samples, values {}", values()),
        Look::Bands => format!("filled contours, {nx} × {ny} samples, values {}", values()),
    }
}

fn one(plot: &Plot, s: &Series) -> String {
    let kind = match &s.kind {
        Kind::Line => "line",
        Kind::Steps => "steps",
        Kind::Scatter => "scatter",
        Kind::Area(other) if other.is_empty() => "area",
        Kind::Area(_) => "area between two curves",
        Kind::Errors { .. } => "error bars",
        Kind::Hist(_) => "histogram",
        Kind::Bars => "bars",
        Kind::Boxes(_) => "boxes",
    };
    let name = match s.label.is_empty() {
        true => String::new(),
        false => format!(" “{}”", s.label),
    };
    let n = s.ys.len();
    let across = || {
        let ends = match s.xs.values() {
            Some(values) => extremes(values),
            None if n == 0 => (1.0, 0.0),
            None => (s.xs.at(0), s.xs.at(n - 1)),
        };
        match plot.x.date {
            true => range(ends, &calendar::long),
            false => range(ends, &short),
        }
    };
    let up = || range(extremes(&s.ys), &short);
    match &s.kind {
        _ if n == 0 => format!("{kind}{name}, no data"),
        Kind::Bars => format!("{n} {kind}{name}, {}", up()),
        Kind::Boxes(groups) => {
            let all = groups.iter().flat_map(|g| g.outliers.iter().chain(&g.whiskers));
            let all: Vec<f64> = all.copied().collect();
            format!("{n} {kind}{name}, medians {}, values {}", up(), range(extremes(&all), &short))
        }
        Kind::Hist(_) => format!("{kind}{name}, {n} bins from {}, counts {}", across(), up()),
        Kind::Area(other) if !other.is_empty() => {
            let (a, b) = (extremes(&s.ys), extremes(other));
            let both = (a.0.min(b.0), a.1.max(b.1));
            format!("{kind}{name}, {n} points, x {}, y {}", across(), range(both, &short))
        }
        _ => format!("{kind}{name}, {n} points, x {}, y {}", across(), up()),
    }
}

/// The figure's title, a sentence about it and a sketch.
pub(super) fn text(plot: &Plot) -> String {
    let mut out = String::new();
    if !plot.title.is_empty() {
        out += &format!("{}\n", plot.title);
    }
    out += &format!("[{}]", describe(plot));
    let sketch = match (plot.fields.first(), plot.series.first().map(|s| &s.kind)) {
        (Some(Field { look: Look::Image(pixels), .. }), _) => light(pixels),
        (Some(field), _) => {
            let upwards = field.extent.is_some_and(|[_, _, y0, y1]| y0 < y1);
            shades(&field.values, field.nx, field.ny, upwards)
        }
        (None, Some(Kind::Hist(_) | Kind::Bars | Kind::Boxes(_))) => named(plot),
        (None, Some(_)) => dots(plot),
        (None, None) => String::new(),
    };
    if !sketch.is_empty() {
        out += &format!("\n{}", sketch.trim_end());
    }
    out
}

/// Bars and boxes, one series below the other.
fn named(plot: &Plot) -> String {
    let mut out = String::new();
    for s in &plot.series {
        let rows = match &s.kind {
            Kind::Hist(_) | Kind::Bars => bars(s, &plot.names),
            Kind::Boxes(groups) => boxes(s, groups, &plot.names),
            _ => continue,
        };
        if plot.series.len() > 1 && !s.label.is_empty() && !rows.is_empty() {
            out += &format!("{}:\n", s.label);
        }
        out += &rows;
    }
    out
}

fn bars(s: &Series, names: &[String]) -> String {
    // Neighbouring bins share a row when there are many.
    let every = s.ys.len().div_ceil(ROWS).max(1);
    let name = |i: usize| names.get(s.xs.at(i) as usize).cloned().unwrap_or_default();
    let rows: Vec<(String, f64)> = match &s.kind {
        Kind::Bars => s.ys.iter().take(ROWS).enumerate().map(|(i, y)| (name(i), *y)).collect(),
        _ => {
            let sums = s.ys.chunks(every).map(|c| c.iter().sum());
            sums.enumerate().map(|(i, y)| (short(s.xs.at(i * every)), y)).collect()
        }
    };
    let most = rows.iter().map(|(_, y)| y.abs()).filter(|y| y.is_finite()).fold(0.0, f64::max);
    let wide = rows.iter().map(|(l, _)| l.chars().count()).max().unwrap_or(0);
    let line = |(name, y): &(String, f64)| {
        let length = if most > 0.0 && y.is_finite() { (y.abs() / most * 40.0).round() } else { 0.0 };
        format!("{name:>wide$} │{} {}\n", "█".repeat(length as usize), short(*y))
    };
    let rest = match &s.kind {
        Kind::Bars if s.ys.len() > ROWS => format!("{:>wide$} │ and {} more\n", "…", s.ys.len() - ROWS),
        _ => String::new(),
    };
    rows.iter().map(line).collect::<String>() + &rest
}

/// Whiskers as lines, boxes as blocks, medians as bars in them, outliers as points.
fn boxes(s: &Series, groups: &[Quartiles], names: &[String]) -> String {
    let all = groups.iter().flat_map(|g| g.outliers.iter().chain(&g.whiskers));
    let (low, high) = extremes(&all.copied().collect::<Vec<f64>>());
    let name = |i: usize| names.get(s.xs.at(i) as usize).map_or("", String::as_str);
    let wide = (0..groups.len().min(ROWS)).map(|i| name(i).chars().count()).max().unwrap_or(0);
    let slot = |v: f64| place(v, low, high, WIDTH);
    let mut out = String::new();
    for (i, group) in groups.iter().take(ROWS).enumerate() {
        let mut row = [' '; WIDTH];
        row[slot(group.whiskers[0])..=slot(group.whiskers[1])].fill('─');
        row[slot(group.quartiles[0])..=slot(group.quartiles[2])].fill('▒');
        row[slot(group.quartiles[1])] = '┃';
        for v in &group.outliers {
            row[slot(*v)] = '·';
        }
        let row: String = row.iter().collect();
        out += &format!("{:>wide$} │{}\n", name(i), row.trim_end());
    }
    out
}

fn place(v: f64, low: f64, high: f64, n: usize) -> usize {
    let t = if high > low { (v / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.5 };
    ((t * n as f64) as usize).min(n - 1)
}

/// Few points with others between them: a line instead of dots; `level` holds each until the next.
fn joined(points: &[(f64, f64)], level: bool) -> Vec<(f64, f64)> {
    const BETWEEN: usize = 120;
    let mut out = Vec::new();
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        for i in 0..BETWEEN {
            let t = i as f64 / BETWEEN as f64;
            let mix = |a: f64, b: f64| a * (1.0 - t) + b * t;
            // Next to a gap only the point itself is a number.
            out.push(match (i, level) {
                (0, _) => (x0, y0),
                (_, true) => (mix(x0, x1), y0 + 0.0 * y1),
                (_, false) => (mix(x0, x1), mix(y0, y1)),
            });
            if level {
                out.push((x1, mix(y0, y1)));
            }
        }
    }
    out.extend(points.last());
    out
}

/// Braille dots for points.
fn dots(plot: &Plot) -> String {
    let at = |v: f64, log: bool| if log { v.log10() } else { v };
    let total: usize = plot.series.iter().map(|s| s.ys.len()).sum();
    let every = total.div_ceil(POINTS).max(1);
    let all = plot.series.iter().flat_map(|s| {
        let other: &[f64] = if let Kind::Area(other) = &s.kind { other } else { &[] };
        let picked = (0..s.ys.len()).step_by(every);
        let picked = picked.map(|i| (at(s.xs.at(i), plot.x.log), at(s.ys[i], plot.y.log)));
        let mut points: Vec<(f64, f64)> = picked.collect();
        match s.kind {
            Kind::Line | Kind::Area(_) if points.len() < 2 * WIDTH => points = joined(&points, false),
            Kind::Steps if points.len() < 2 * WIDTH => points = joined(&points, true),
            _ => {}
        }
        let below = other.iter().enumerate().step_by(every);
        points.extend(below.map(|(i, y)| (at(s.xs.at(i), plot.x.log), at(*y, plot.y.log))));
        points
    });
    let inside = |v: f64, ends: Option<(f64, f64)>| ends.is_none_or(|(a, b)| v >= a.min(b) && v <= a.max(b));
    let limits = |axis: super::Axis| axis.limits.map(|(a, b)| (at(a, axis.log), at(b, axis.log)));
    let (in_x, in_y) = (limits(plot.x), limits(plot.y));
    let seen = |p: &(f64, f64)| p.0.is_finite() && p.1.is_finite() && inside(p.0, in_x) && inside(p.1, in_y);
    let points: Vec<(f64, f64)> = all.filter(seen).collect();
    let (mut x0, mut x1) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut y0, mut y1) = (f64::INFINITY, f64::NEG_INFINITY);
    for &(x, y) in &points {
        (x0, x1, y0, y1) = (x0.min(x), x1.max(x), y0.min(y), y1.max(y));
    }
    if x0 > x1 {
        return String::new();
    }
    // Braille cells hold two by four dots.
    let mut cells = vec![[0u8; WIDTH]; HEIGHT];
    for (x, y) in points {
        let column = place(x, x0, x1, WIDTH * 2);
        let row = HEIGHT * 4 - 1 - place(y, y0, y1, HEIGHT * 4);
        let bit = [[0, 3], [1, 4], [2, 5], [6, 7]][row % 4][column % 2];
        cells[row / 4][column / 2] |= 1 << bit;
    }
    let line = |row: &[u8; WIDTH]| {
        let cell = |bits: &u8| char::from_u32(0x2800 + u32::from(*bits)).unwrap_or(' ');
        format!("│{}\n", row.iter().map(cell).collect::<String>())
    };
    let body: String = cells.iter().map(line).collect();
    format!("{body}└{}", "─".repeat(WIDTH))
}

/// A picture's lightness.
fn light(pixels: &Pixels) -> String {
    let grey = |p: &[u8]| match p[3] {
        0 => f64::NAN,
        _ => 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]),
    };
    let values: Vec<f64> = pixels.rgba.chunks_exact(4).map(grey).collect();
    shades(&values, pixels.width, pixels.height, false)
}

fn shades(values: &[f64], nx: usize, ny: usize, upwards: bool) -> String {
    let (low, high) = extremes(values);
    if low > high || values.len() < nx * ny {
        return String::new();
    }
    let (width, height) = (nx.min(WIDTH), ny.min(ROWS));
    let mut out = String::new();
    for y in 0..height {
        let y = if upwards { height - 1 - y } else { y };
        for x in 0..width {
            let value = values[(y * ny / height) * nx + x * nx / width];
            out.push(match value.is_finite() {
                true => [' ', '░', '▒', '▓', '█'][place(value, low, high, 5)],
                false => '·',
            });
        }
        out.push('\n');
    }
    out
}
