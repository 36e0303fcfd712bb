//! Figures as text, for terminals and screen readers.

use super::scale::short;
use super::series::{Kind, Series};
use super::{Content, Plot};

const WIDTH: usize = 60;
const HEIGHT: usize = 10;
/// Bars and rows of a text figure, at most.
const ROWS: usize = 20;
/// Points of a sketch, at most: it has room for fewer.
const POINTS: usize = 100_000;

/// One sentence about a figure.
pub(super) fn describe(plot: &Plot) -> String {
    let range = |values: &[f64]| {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        match low > high {
            true => "nothing".to_owned(),
            false => format!("{} to {}", short(low), short(high)),
        }
    };
    match &plot.content {
        Content::Image(pixels) => format!("image, {} × {} pixels", pixels.width, pixels.height),
        Content::Grid { values, nx, ny } => {
            format!("heat map, {nx} × {ny} cells, values {}", range(values))
        }
        Content::Series(all) => {
            let one = |s: &Series| {
                let kind = match s.kind {
                    Kind::Line => "line",
                    Kind::Steps => "steps",
                    Kind::Scatter => "scatter",
                    Kind::Errors(_) => "error bars",
                    Kind::Hist => "histogram",
                    Kind::Bars(_) => "bars",
                };
                let name = match s.label.is_empty() {
                    true => String::new(),
                    false => format!(" “{}”", s.label),
                };
                let n = s.ys.len();
                match s.kind {
                    _ if n == 0 => format!("{kind}{name}, no data"),
                    Kind::Bars(_) => format!("{n} {kind}{name}, {}", range(&s.ys)),
                    Kind::Hist => {
                        let (x, y) = (range(&s.xs), range(&s.ys));
                        format!("{kind}{name}, {n} bins from {x}, counts {y}")
                    }
                    _ => {
                        let (x, y) = (range(&s.xs), range(&s.ys));
                        format!("{kind}{name}, {n} points, x {x}, y {y}")
                    }
                }
            };
            let parts: Vec<String> = all.iter().map(one).collect();
            match parts.is_empty() {
                true => "no data".to_owned(),
                false => parts.join("; "),
            }
        }
    }
}

/// The figure's title, a sentence about it and a sketch.
pub(super) fn text(plot: &Plot) -> String {
    let mut out = String::new();
    if !plot.title.is_empty() {
        out += &format!("{}\n", plot.title);
    }
    out += &format!("[{}]", describe(plot));
    let sketch = match &plot.content {
        Content::Image(_) => String::new(),
        Content::Grid { values, nx, ny } => shades(values, *nx, *ny),
        Content::Series(all) => match all.first() {
            Some(s) if matches!(s.kind, Kind::Hist | Kind::Bars(_)) => bars(s),
            _ => dots(plot, all),
        },
    };
    if !sketch.is_empty() {
        out += &format!("\n{}", sketch.trim_end());
    }
    out
}

fn bars(s: &Series) -> String {
    // Neighbouring bins share a row when there are many.
    let every = s.ys.len().div_ceil(ROWS).max(1);
    let label = |i: usize| match &s.kind {
        Kind::Bars(names) => names.get(i).cloned().unwrap_or_default(),
        _ => s.xs.get(i).map(|x| short(*x)).unwrap_or_default(),
    };
    let rows: Vec<(String, f64)> = match &s.kind {
        Kind::Bars(_) => s.ys.iter().take(ROWS).enumerate().map(|(i, y)| (label(i), *y)).collect(),
        _ => {
            let sums = s.ys.chunks(every).map(|c| c.iter().sum());
            sums.enumerate().map(|(i, y)| (label(i * every), y)).collect()
        }
    };
    let most = rows.iter().map(|(_, y)| y.abs()).filter(|y| y.is_finite()).fold(0.0, f64::max);
    let wide = rows.iter().map(|(l, _)| l.chars().count()).max().unwrap_or(0);
    let line = |(name, y): &(String, f64)| {
        let length = if most > 0.0 && y.is_finite() { (y.abs() / most * 40.0).round() } else { 0.0 };
        format!("{name:>wide$} │{} {}\n", "█".repeat(length as usize), short(*y))
    };
    rows.iter().map(line).collect()
}

fn dots(plot: &Plot, all: &[Series]) -> String {
    let place = |v: f64, log: bool| match log {
        true if v <= 0.0 => f64::NAN,
        true => v.ln(),
        false => v,
    };
    let total: usize = all.iter().map(|s| s.ys.len()).sum();
    let every = total.div_ceil(POINTS).max(1);
    let points = || {
        all.iter()
            .flat_map(|s| s.points().step_by(every))
            .map(|(x, y)| (place(x, plot.log_x), place(y, plot.log_y)))
            .filter(|(x, y)| x.is_finite() && y.is_finite())
    };
    let (mut x0, mut x1) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut y0, mut y1) = (f64::INFINITY, f64::NEG_INFINITY);
    for (x, y) in points() {
        (x0, x1, y0, y1) = (x0.min(x), x1.max(x), y0.min(y), y1.max(y));
    }
    if x0 > x1 {
        return String::new();
    }
    // Braille cells hold two by four dots.
    let mut cells = vec![[0u8; WIDTH]; HEIGHT];
    let slot = |v: f64, low: f64, high: f64, n: usize| {
        let t = if high > low { (v - low) / (high - low) } else { 0.5 };
        ((t * n as f64) as usize).min(n - 1)
    };
    for (x, y) in points() {
        let column = slot(x, x0, x1, WIDTH * 2);
        let row = HEIGHT * 4 - 1 - slot(y, y0, y1, HEIGHT * 4);
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

fn shades(values: &[f64], nx: usize, ny: usize) -> String {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return String::new();
    }
    let (width, height) = (nx.min(WIDTH), ny.min(ROWS));
    let mut out = String::new();
    for y in 0..height {
        for x in 0..width {
            let value = values[(y * ny / height) * nx + x * nx / width];
            let t = if high > low { (value - low) / (high - low) } else { 0.5 };
            out.push(match value.is_finite() {
                true => [' ', '░', '▒', '▓', '█'][((t * 5.0) as usize).min(4)],
                false => '·',
            });
        }
        out.push('\n');
    }
    out
}
