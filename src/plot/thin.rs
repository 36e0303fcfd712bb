//! Lines of very many points, thinned to what can be seen of them. Knows pixels, not series.

use super::canvas::{Area, Point};

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
