//! Points in pixels on their way to a canvas: lines thinned to what can be seen.

use super::canvas::Point;

/// Shapes ready to be drawn, in pixels.
pub(super) enum Shape {
    Line(Vec<Point>, f64),
    Dots(Vec<Point>),
    Filled(Vec<Point>, f64),
}

/// Runs of points as shapes: a point between two gaps is a dot.
pub(super) fn lines(runs: Vec<Vec<Point>>) -> Vec<Shape> {
    let shape = |run: Vec<Point>| match run.len() {
        1 => Shape::Dots(run),
        _ => Shape::Line(run, 1.8),
    };
    runs.into_iter().map(shape).collect()
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

/// A run of points of which at most four are kept for each column of pixels: the first, the
/// lowest, the highest and the last. That draws the same pixels as all of them would.
#[derive(Default)]
pub(super) struct Thin {
    kept: Vec<Point>,
    column: Option<[(usize, Point); 4]>,
    seen: usize,
}

impl Thin {
    pub(super) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    pub(super) fn push(&mut self, point: Point, thin: bool) {
        self.seen += 1;
        if !thin {
            self.kept.push(point);
            return;
        }
        let here = (self.seen, point);
        match &mut self.column {
            Some([first, low, high, last]) if first.1.0.floor() == point.0.floor() => {
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
                self.column = Some([here; 4]);
            }
        }
    }

    fn flush(&mut self) {
        if let Some(mut points) = self.column.take() {
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
