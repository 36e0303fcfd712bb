//! Points in pixels on their way to a canvas: lines thinned to what can be seen, dashes, and
//! densities of very many points.

use super::canvas::{Area, Colour, Pixels, Point};
use super::painter::check_at;

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

/// Width of the lines of series.
pub(super) const WIDTH: f64 = 1.8;

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

/// Points of levels that hold until the next point.
pub(super) fn stairs(run: &[Point]) -> Vec<Point> {
    let mut out = Vec::with_capacity(run.len() * 2);
    for (i, &(x, y)) in run.iter().enumerate() {
        if i > 0 {
            out.push((x, run[i - 1].1));
        }
        out.push((x, y));
    }
    out
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

/// A run of points of which at most four are kept for each column of pixels: the first, the
/// lowest, the highest and the last. That draws the same pixels as all of them would. Columns
/// left and right of the figure count as one each.
pub(super) struct Thin {
    kept: Vec<Point>,
    column: Option<(f64, [(usize, Point); 4])>,
    seen: usize,
    left: f64,
    right: f64,
}

impl Thin {
    pub(super) fn new(area: Area) -> Self {
        Self { kept: Vec::new(), column: None, seen: 0, left: area.x - 8.0, right: area.x + area.w + 8.0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// Would a point fall into the same column as the last one? A gap between the two could not be
    /// seen.
    pub(super) fn reaches(&self, point: Point) -> bool {
        let key = point.0.clamp(self.left, self.right).floor();
        self.column.as_ref().is_some_and(|(column, _)| *column == key)
    }

    pub(super) fn push(&mut self, point: Point, thin: bool) {
        self.seen += 1;
        if !thin {
            self.kept.push(point);
            return;
        }
        let here = (self.seen, point);
        let key = point.0.clamp(self.left, self.right).floor();
        match &mut self.column {
            Some((column, [_, low, high, last])) if *column == key => {
                if point.1 < low.1.1 {
                    *low = here;
                }
                if point.1 > high.1.1 {
                    *high = here;
                }
                *last = here;
            }
            _ => {
                self.flush();
                self.column = Some((key, [here; 4]));
            }
        }
    }

    /// Keeps the first and the last point of those that were pushed without thinning.
    pub(super) fn straighten(&mut self) {
        if self.kept.len() > 2 {
            self.kept.swap_remove(1);
        }
    }

    fn flush(&mut self) {
        if let Some((_, mut points)) = self.column.take() {
            points.sort_unstable_by_key(|(order, _)| *order);
            for (i, (order, point)) in points.iter().enumerate() {
                if i == 0 || points[i - 1].0 != *order {
                    self.kept.push(*point);
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> Vec<Point> {
        self.flush();
        self.kept
    }
}
