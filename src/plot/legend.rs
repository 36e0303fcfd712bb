//! Legends: in a corner where they cover no data, else above the axes.

use super::canvas::{Anchor, Area, Canvas, Point, TEXT, Text};
use super::content::Plot;
use super::font;
use super::samples::SAMPLE;
use super::shapes::Shape;

const SIZE: f64 = 11.0;
const LINE: f64 = 17.0;
/// Longer names are cut.
const LONGEST: f64 = 220.0;
/// Side of the cells in which data is looked for.
const CELL: f64 = 6.0;

/// A named series: its number in the figure, and its name as it has room.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    series: usize,
    text: String,
}

/// Entries and where each begins.
pub(super) struct Legend {
    entries: Vec<(Point, Entry)>,
    rows: usize,
}

/// The named series of a figure.
pub(super) fn entries(plot: &Plot) -> Vec<Entry> {
    let named = plot.series.iter().enumerate().filter(|(_, s)| !s.label.is_empty());
    named.map(|(n, s)| Entry { series: n, text: font::cut(&s.label, SIZE, LONGEST) }).collect()
}

impl Legend {
    /// In the first corner that is free.
    pub(super) fn inside(entries: &[Entry], area: Area, shapes: &[Shape]) -> Option<Self> {
        let widest = entries.iter().map(|e| font::width(&e.text, SIZE)).fold(0.0, f64::max);
        let (w, h) = (widest + SAMPLE + 18.0, entries.len() as f64 * LINE + 10.0);
        if w > area.w * 0.6 || h > area.h * 0.6 || shapes.iter().any(|s| matches!(s, Shape::Picture { .. })) {
            return None;
        }
        let taken = Taken::of(area, shapes);
        let (left, right) = (area.x + 6.0, area.x + area.w - w - 4.0);
        let (top, bottom) = (area.y + 4.0, area.y + area.h - h - 6.0);
        let corners = [(right, top), (left, top), (right, bottom), (left, bottom)];
        let (x, y) = corners.into_iter().find(|(x, y)| taken.free(Area { x: *x, y: *y, w, h }))?;
        let place = |i: usize| (x + 6.0, y + 5.0 + LINE * (i as f64 + 0.5));
        let entries = entries.iter().cloned().enumerate().map(|(i, e)| (place(i), e)).collect();
        Some(Self { entries, rows: 0 })
    }

    /// In rows above the axes.
    pub(super) fn above(entries: &[Entry], area: Area) -> Self {
        let (mut x, mut row) = (area.x, 0);
        let mut placed = Vec::new();
        for entry in entries {
            let room = SAMPLE + 24.0 + font::width(&entry.text, SIZE);
            if x + room > area.x + area.w + 24.0 && x > area.x {
                (x, row) = (area.x, row + 1);
            }
            placed.push(((x, row as f64), entry.clone()));
            x += room;
        }
        let rows = row + 1;
        let level = |row: f64| area.y - 8.0 - (rows as f64 - row - 0.5) * LINE;
        let entries = placed.into_iter().map(|((x, row), e)| ((x, level(row)), e)).collect();
        Self { entries, rows }
    }

    /// How much room it takes above the axes.
    pub(super) fn height(&self) -> f64 {
        self.rows as f64 * LINE
    }

    pub(super) fn draw(&self, plot: &Plot, canvas: &mut dyn Canvas) {
        for ((x, y), Entry { series, text }) in &self.entries {
            let Some(named) = plot.series.get(*series) else {
                continue;
            };
            named.kind.sample(named, named.painted(*series), (*x, *y)).iter().for_each(|shape| shape.paint(canvas));
            let at = (x + SAMPLE + 5.0, y + SIZE * 0.36);
            canvas.text(at, Text { text, size: SIZE, anchor: Anchor::Start, turn: 0.0, colour: TEXT });
        }
    }
}

/// Which cells of the axes' area hold data.
pub(super) struct Taken {
    area: Area,
    columns: usize,
    rows: usize,
    cells: Vec<bool>,
}

impl Taken {
    pub(super) fn of(area: Area, shapes: &[Shape]) -> Self {
        let (columns, rows) = ((area.w / CELL).ceil() as usize + 1, (area.h / CELL).ceil() as usize + 1);
        let mut taken = Self { area, columns, rows, cells: vec![false; columns * rows] };
        for shape in shapes {
            match shape {
                Shape::Line { points, .. } => taken.path(points),
                Shape::Dots { points, .. } => points.iter().for_each(|p| taken.mark(*p)),
                Shape::Filled { points, .. } => {
                    taken.path(points);
                    taken.inside(points);
                }
                Shape::Picture { .. } => taken.cells.fill(true),
            }
        }
        taken
    }

    fn mark(&mut self, (x, y): Point) {
        let (u, v) = ((x - self.area.x) / CELL, (y - self.area.y) / CELL);
        if u >= 0.0 && v >= 0.0 && u < self.columns as f64 && v < self.rows as f64 {
            self.cells[v as usize * self.columns + u as usize] = true;
        }
    }

    fn path(&mut self, points: &[Point]) {
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let steps = ((x1 - x0).abs().max((y1 - y0).abs()) / CELL).ceil().clamp(1.0, 4000.0);
            for i in 0..=steps as usize {
                let t = i as f64 / steps;
                self.mark((x0 + (x1 - x0) * t, y0 + (y1 - y0) * t));
            }
        }
    }

    /// The cells within an outline, column by column: even and odd crossings.
    fn inside(&mut self, ring: &[Point]) {
        for column in 0..self.columns {
            let x = self.area.x + (column as f64 + 0.5) * CELL;
            let mut crossings = Vec::new();
            for (i, &(x0, y0)) in ring.iter().enumerate() {
                let (x1, y1) = ring[(i + 1) % ring.len()];
                if (x0 <= x) != (x1 <= x) {
                    crossings.push(y0 + (y1 - y0) * (x - x0) / (x1 - x0));
                }
            }
            crossings.sort_unstable_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                let (mut y, end) = (pair[0].max(self.area.y), pair[1].min(self.area.y + self.area.h));
                while y < end {
                    self.mark((x, y));
                    y += CELL;
                }
            }
        }
    }

    pub(super) fn free(&self, place: Area) -> bool {
        let column = |x: f64| ((x - self.area.x) / CELL).floor().clamp(0.0, self.columns as f64 - 1.0) as usize;
        let row = |y: f64| ((y - self.area.y) / CELL).floor().clamp(0.0, self.rows as f64 - 1.0) as usize;
        let columns = column(place.x)..=column(place.x + place.w);
        let mut rows = row(place.y)..=row(place.y + place.h);
        rows.all(|r| columns.clone().all(|c| !self.cells[r * self.columns + c]))
    }
}
