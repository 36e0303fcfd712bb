//! Shapes in pixels on their way to a canvas: lines, dashes, dots, and densities of very many points.
//! Which of them a series is made of, its kind says.

use super::canvas::{Area, Canvas, Colour, Pixels, Point};
use super::interrupts::check_at;

/// Shapes ready to be drawn, in pixels.
pub(super) enum Shape {
    Line {
        points: Vec<Point>,
        width: f64,
        colour: Colour,
    },
    Dots {
        points: Vec<Point>,
        radius: f64,
        colour: Colour,
    },
    Filled {
        points: Vec<Point>,
        colour: Colour,
    },
    /// With the number of points behind it.
    Picture {
        area: Area,
        pixels: Pixels,
        weight: usize,
    },
}

impl Shape {
    pub(super) fn paint(&self, canvas: &mut dyn Canvas) {
        match self {
            Self::Line { points, width, colour } => canvas.line(points, *width, *colour),
            Self::Dots { points, radius, colour } => canvas.dots(points, *radius, *colour),
            Self::Filled { points, colour } => canvas.fill(points, *colour),
            Self::Picture { area, pixels, .. } => canvas.picture(*area, pixels),
        }
    }

    /// How much a reader has to draw for it, in points.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Line { points, .. } | Self::Dots { points, .. } | Self::Filled { points, .. } => points.len(),
            Self::Picture { weight, .. } => *weight,
        }
    }
}

/// Width of the lines of series.
const WIDTH: f64 = 1.8;

/// Runs of points as shapes: points between two gaps are dots.
pub(super) fn lines(runs: Vec<Vec<Point>>, colour: Colour, dashed: bool) -> Vec<Shape> {
    let mut single = Vec::new();
    let mut shapes = Vec::new();
    for run in runs {
        if run.len() == 1 {
            single.push(run[0]);
        } else if dashed {
            shapes.extend(dashes(&run, colour, WIDTH));
        } else {
            shapes.push(Shape::Line { points: run, width: WIDTH, colour });
        }
    }
    if !single.is_empty() {
        shapes.push(Shape::Dots { points: single, radius: 2.8, colour });
    }
    shapes
}

/// A line in pieces.
pub(super) fn dashes(points: &[Point], colour: Colour, width: f64) -> Vec<Shape> {
    const ON: f64 = 7.0;
    const OFF: f64 = 4.5;
    /// Lines that run far out of the figure do not become millions of dashes.
    const MOST: usize = 20_000;
    let mut shapes = Vec::new();
    let mut piece: Vec<Point> = points.first().copied().into_iter().collect();
    let (mut left, mut on) = (ON, true);
    for pair in points.windows(2) {
        let ((mut x, mut y), (x1, y1)) = (pair[0], pair[1]);
        loop {
            let length = (x1 - x).hypot(y1 - y);
            if length <= left || shapes.len() >= MOST {
                left -= length;
                if on {
                    piece.push((x1, y1));
                }
                break;
            }
            (x, y) = (x + (x1 - x) * left / length, y + (y1 - y) * left / length);
            if on {
                piece.push((x, y));
                shapes.push(Shape::Line { points: std::mem::take(&mut piece), width, colour });
            } else {
                piece = vec![(x, y)];
            }
            on = !on;
            left = if on { ON } else { OFF };
        }
    }
    if piece.len() > 1 {
        shapes.push(Shape::Line { points: piece, width, colour });
    }
    shapes
}

/// Points, smaller and paler the more there are.
pub(super) fn dots(points: Vec<Point>, colour: Colour) -> Shape {
    let (radius, part) = match points.len() {
        ..=300 => (3.2, 0.85),
        301..=2000 => (2.4, 0.75),
        _ => (1.6, 0.6),
    };
    Shape::Dots { points, radius, colour: colour.opacity(part) }
}

/// Very many points as one picture: the more fall on a place, the more opaque it is, by the
/// logarithm of their number, so that single ones are still seen.
pub(super) fn density(points: impl Iterator<Item = Point>, weight: usize, area: Area, colour: Colour) -> Shape {
    let (width, height) = (area.w.ceil().max(1.0) as usize, area.h.ceil().max(1.0) as usize);
    let mut counts = vec![0u32; width * height];
    let (sx, sy) = (width as f64 / area.w, height as f64 / area.h);
    for (i, (x, y)) in points.enumerate() {
        check_at(i);
        let (u, v) = ((x - area.x) * sx, (y - area.y) * sy);
        // Written so that what is not a number is left out.
        if u >= 0.0 && v >= 0.0 && u <= width as f64 && v <= height as f64 {
            let place = (v as usize).min(height - 1) * width + (u as usize).min(width - 1);
            counts[place] = counts[place].saturating_add(1);
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let scale = f64::from(most).ln_1p();
    let [r, g, b, _] = colour.rgba;
    let pixel = |n: &u32| match n {
        0 => [0; 4],
        n => [r, g, b, (255.0 * (0.35 + 0.65 * f64::from(*n).ln_1p() / scale)) as u8],
    };
    let pixels = Pixels { width, height, rgba: counts.iter().flat_map(pixel).collect() };
    Shape::Picture { area, pixels, weight }
}
