//! Figures as text, drawn with characters: dots of braille, bars of blocks, shades. What is drawn is
//! for the kinds to say, and what stands around it for `words`.

use super::canvas::Point;
use super::hull::extremes;
use super::numbers::short;

/// Characters of a sketch from left to right.
pub(super) const WIDTH: usize = 60;
const HEIGHT: usize = 10;
/// Bars and rows of a text figure, at most.
pub(super) const ROWS: usize = 20;
/// Points of a sketch, at most: it has room for fewer.
const POINTS: usize = 100_000;

/// What points are put down with for a sketch in dots: on axes whose logarithms are already taken.
pub(super) struct Pen {
    /// One of so many points is put down.
    pub(super) every: usize,
    log: (bool, bool),
}

impl Pen {
    /// For so many points in all.
    pub(super) fn new(points: usize, log: (bool, bool)) -> Self {
        Self { every: points.div_ceil(POINTS).max(1), log }
    }

    pub(super) fn x(&self, x: f64) -> f64 {
        if self.log.0 { x.log10() } else { x }
    }

    pub(super) fn y(&self, y: f64) -> f64 {
        if self.log.1 { y.log10() } else { y }
    }

    pub(super) fn at(&self, x: f64, y: f64) -> Point {
        (self.x(x), self.y(y))
    }
}

/// How far a value lies between two others, in steps of which there are `n`.
pub(super) fn place(v: f64, low: f64, high: f64, n: usize) -> usize {
    let t = if high > low { (v / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) } else { 0.5 };
    ((t * n as f64) as usize).min(n - 1)
}

/// Points with others between them where they are few, so that they look like a line; `between`
/// gives those that lie at a part of the way.
pub(super) fn joined(points: Vec<Point>, between: fn(Point, Point, f64, &mut Vec<Point>)) -> Vec<Point> {
    const BETWEEN: usize = 120;
    if points.len() >= 2 * WIDTH {
        return points;
    }
    let mut out = Vec::new();
    for pair in points.windows(2) {
        for i in 0..BETWEEN {
            between(pair[0], pair[1], i as f64 / BETWEEN as f64, &mut out);
        }
    }
    out.extend(points.last());
    out
}

/// A point on the straight way between two.
pub(super) fn straight((x0, y0): Point, (x1, y1): Point, t: f64, out: &mut Vec<Point>) {
    let mix = |a: f64, b: f64| a * (1.0 - t) + b * t;
    // Next to a gap only the point itself is a number.
    out.push(if t == 0.0 { (x0, y0) } else { (mix(x0, x1), mix(y0, y1)) });
}

/// Braille dots for points, all of which are finite.
pub(super) fn dots(points: &[Point]) -> String {
    let (mut x0, mut x1) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut y0, mut y1) = (f64::INFINITY, f64::NEG_INFINITY);
    for &(x, y) in points {
        (x0, x1, y0, y1) = (x0.min(x), x1.max(x), y0.min(y), y1.max(y));
    }
    if x0 > x1 {
        return String::new();
    }
    // Braille cells hold two by four dots.
    let mut cells = vec![[0u8; WIDTH]; HEIGHT];
    for &(x, y) in points {
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

/// Bars of blocks, each with its name and its value.
pub(super) fn bars(rows: &[(String, f64)]) -> String {
    let most = rows.iter().map(|(_, y)| y.abs()).filter(|y| y.is_finite()).fold(0.0, f64::max);
    let wide = widest(rows);
    let line = |(name, y): &(String, f64)| {
        let length = if most > 0.0 && y.is_finite() { (y.abs() / most * 40.0).round() } else { 0.0 };
        format!("{name:>wide$} │{} {}\n", "█".repeat(length as usize), short(*y))
    };
    rows.iter().map(line).collect()
}

/// How wide the names beside bars are.
pub(super) fn widest(rows: &[(String, f64)]) -> usize {
    rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0)
}

/// Values of a grid as shades.
pub(super) fn shades(values: &[f64], nx: usize, ny: usize, upwards: bool) -> String {
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
