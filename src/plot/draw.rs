//! Draws a figure whose places are worked out: grid, shapes, axes, words, the colour bar.

use super::canvas::{AXIS, Anchor, Area, Canvas, Colour, GRID, NOTE, Point, TEXT, TITLE, Text};
use super::content::Note;
use super::font;
use super::layout::{self, ColourBar, Drawing, LABEL, TICK};
use super::legend::Taken;
use super::shapes::dashes;

impl Drawing<'_> {
    pub(super) fn draw(&self, canvas: &mut dyn Canvas) {
        self.words(canvas);
        if let Some(message) = &self.message {
            let Area { x, y, w, h } = self.plane.area;
            let (message, size) = font::fit(message, LABEL, self.frame.w - 8.0);
            let half = font::width(&message, size) / 2.0;
            let middle = (x + w / 2.0).clamp(self.frame.x + half, (self.frame.x + self.frame.w - half).max(half));
            text(canvas, (middle, y + h / 2.0), &message, size, Anchor::Middle, TEXT);
            canvas.line(&[(x, y + h), (x + w, y + h)], 1.0, AXIS);
            return;
        }
        self.axes(canvas);
        let Area { x, y, w, h } = self.plane.area;
        let room = if self.covered() { 0.0 } else { 4.0 };
        canvas.clip(Some(Area { x: x - room, y: y - room, w: w + 2.0 * room, h: h + 2.0 * room }));
        self.spans(canvas);
        for shape in &self.shapes {
            shape.paint(canvas);
        }
        self.lines(canvas);
        canvas.clip(None);
        canvas.line(&[(x, y + h), (x + w, y + h)], 1.0, AXIS);
        self.annotations(canvas);
        if let Some(bar) = &self.bar {
            self.colour_bar(canvas, bar);
        }
        if let Some(legend) = &self.legend {
            legend.draw(self.plot, canvas);
        }
    }

    fn axes(&self, canvas: &mut dyn Canvas) {
        let Area { x, y, w, h } = self.plane.area;
        let framed = self.covered();
        for tick in &self.y_ticks {
            let level = self.plane.at(self.plane.x.low, tick.at).1;
            if !(level >= y - 0.5 && level <= y + h + 0.5) {
                continue;
            }
            match framed {
                true => canvas.line(&[(x - 4.0, level), (x, level)], 1.0, AXIS),
                false => canvas.line(&[(x, level), (x + w, level)], 1.0, GRID),
            }
            text(canvas, (x - 7.0, level + TICK * 0.36), &tick.label, TICK, Anchor::End, TEXT);
        }
        let named = !self.plot.names.is_empty();
        for tick in &self.x_ticks {
            let column = self.plane.at(tick.at, self.plane.y.low).0;
            if !(column >= x - 0.5 && column <= x + w + 0.5) {
                continue;
            }
            if !framed && !named {
                canvas.line(&[(column, y), (column, y + h)], 1.0, GRID.opacity(0.11));
            }
            canvas.line(&[(column, y + h), (column, y + h + 4.0)], 1.0, AXIS);
            if self.slanted {
                let at = (column + 3.0, y + h + 13.0);
                canvas.text(at, Text { text: &tick.label, size: TICK, anchor: Anchor::End, turn: 35.0, colour: TEXT });
            } else {
                text(canvas, (column, y + h + 17.0), &tick.label, TICK, Anchor::Middle, TEXT);
            }
        }
        for value in self.plane.x.minor() {
            let column = self.plane.at(value, self.plane.y.low).0;
            canvas.line(&[(column, y + h), (column, y + h + 2.5)], 0.8, AXIS);
        }
        for value in self.plane.y.minor() {
            let level = self.plane.at(self.plane.x.low, value).1;
            canvas.line(&[(x, level), (x + w, level)], 0.8, GRID.opacity(0.08));
            canvas.line(&[(x - 2.5, level), (x, level)], 0.8, AXIS);
        }
    }

    fn words(&self, canvas: &mut dyn Canvas) {
        let Area { x, y, w, h } = self.plane.area;
        let (plot, frame) = (self.plot, self.frame);
        let middle = x + w / 2.0;
        let mut centred = |words: &str, level: f64, size: f64, colour: Colour| {
            let (words, size) = font::fit(words, size, frame.w - 8.0);
            let half = font::width(&words, size) / 2.0;
            let (low, high) = (frame.x + half + 4.0, frame.x + frame.w - half - 4.0);
            let at = if low <= high { middle.clamp(low, high) } else { frame.x + frame.w / 2.0 };
            text(canvas, (at, level), &words, size, Anchor::Middle, colour);
        };
        if !plot.title.is_empty() {
            centred(&plot.title, frame.y + 21.0, layout::TITLE, TITLE);
        }
        if !plot.xlabel.is_empty() {
            centred(&plot.xlabel, frame.y + frame.h - 8.0, LABEL, TEXT);
        }
        if !plot.ylabel.is_empty() {
            // Beside the axes and their ticks, not beside the title and the other label.
            let top = frame.y + if plot.title.is_empty() { 4.0 } else { 28.0 };
            let bottom = (y + h + 8.0).min(frame.y + frame.h - 4.0);
            let (words, size) = font::fit(&plot.ylabel, LABEL, bottom - top);
            let half = font::width(&words, size) / 2.0;
            let (low, high) = (top + half, bottom - half);
            let level = if low <= high { (y + h / 2.0).clamp(low, high) } else { (low + high) / 2.0 };
            let at = (frame.x + 15.0, level);
            canvas.text(at, Text { text: &words, size, anchor: Anchor::Middle, turn: 90.0, colour: TEXT });
        }
    }

    /// Shaded ranges, behind the data.
    fn spans(&self, canvas: &mut dyn Canvas) {
        let Area { x, y, w, h } = self.plane.area;
        for note in &self.plot.notes {
            let (x0, x1, y0, y1) = match note {
                Note::AcrossX(a, b) => {
                    (self.plane.at(*a, self.plane.y.low).0, self.plane.at(*b, self.plane.y.low).0, y, y + h)
                }
                Note::AcrossY(a, b) => {
                    (x, x + w, self.plane.at(self.plane.x.low, *a).1, self.plane.at(self.plane.x.low, *b).1)
                }
                _ => continue,
            };
            if [x0, x1, y0, y1].iter().all(|v| v.is_finite()) {
                canvas.fill(&[(x0, y0), (x1, y0), (x1, y1), (x0, y1)], Colour::rgb(0x80_80_80).opacity(0.18));
            }
        }
    }

    /// Lines across, over the data.
    fn lines(&self, canvas: &mut dyn Canvas) {
        let Area { x, y, w, h } = self.plane.area;
        for note in &self.plot.notes {
            let ends = match note {
                Note::AtX(v) => {
                    let column = self.plane.at(*v, self.plane.y.low).0;
                    [(column, y + h), (column, y)]
                }
                Note::AtY(v) => {
                    let level = self.plane.at(self.plane.x.low, *v).1;
                    [(x, level), (x + w, level)]
                }
                _ => continue,
            };
            if ends.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
                dashes(&ends, NOTE, 1.4).iter().for_each(|shape| shape.paint(canvas));
            }
        }
    }

    fn annotations(&self, canvas: &mut dyn Canvas) {
        let Area { x, y, w, h } = self.plane.area;
        let texts = self.plot.notes.iter().any(|note| matches!(note, Note::Text(..)));
        let taken = texts.then(|| Taken::of(self.plane.area, &self.shapes));
        for note in &self.plot.notes {
            let (Note::Text(px, py, words), Some(taken)) = (note, &taken) else {
                continue;
            };
            let at = self.plane.at(*px, *py);
            if !(at.0 >= x - 1.0 && at.0 <= x + w + 1.0 && at.1 >= y - 1.0 && at.1 <= y + h + 1.0) {
                continue;
            }
            let words = font::cut(words, TICK, w);
            // Right of and above the point, or where it covers nothing, or where there is room at all.
            let (long, above, below) = (font::width(&words, TICK), -6.0, TICK + 5.0);
            let left = |anchor, dx| match anchor {
                Anchor::Start => at.0 + dx,
                Anchor::Middle => at.0 - long / 2.0,
                Anchor::End => at.0 + dx - long,
            };
            let places = [
                (6.0, above, Anchor::Start),
                (-6.0, above, Anchor::End),
                (6.0, below, Anchor::Start),
                (-6.0, below, Anchor::End),
                (0.0, above - 3.0, Anchor::Middle),
                (0.0, below + 3.0, Anchor::Middle),
                (0.0, below + 15.0, Anchor::Middle),
                (0.0, above - 15.0, Anchor::Middle),
                (0.0, below + 27.0, Anchor::Middle),
            ];
            let fits = |(dx, dy, anchor): &(f64, f64, Anchor)| {
                let (from, level) = (left(*anchor, *dx), at.1 + dy);
                from >= self.frame.x
                    && from + long <= self.frame.x + self.frame.w
                    && level - TICK >= y
                    && level <= y + h
            };
            let free = |(dx, dy, anchor): &(f64, f64, Anchor)| {
                taken.free(Area { x: left(*anchor, *dx), y: at.1 + dy - TICK, w: long, h: TICK + 1.0 })
            };
            let room = || places.iter().filter(|place| fits(place));
            let (dx, dy, anchor) = *room().find(|place| free(place)).or(room().next()).unwrap_or(&places[0]);
            canvas.dots(&[at], 2.2, NOTE);
            text(canvas, (at.0 + dx, at.1 + dy), &words, TICK, anchor, TITLE);
        }
    }

    fn colour_bar(&self, canvas: &mut dyn Canvas, bar: &ColourBar) {
        let Area { x, y, w, h } = self.plane.area;
        let place = Area { x: x + w + 14.0, y, w: 13.0, h };
        canvas.picture(place, &bar.strip);
        let mut last = f64::INFINITY;
        for tick in &bar.ticks {
            let level = y + (1.0 - bar.scale.place(tick.at)) * h;
            // Ticks of contours may be as close as the contours are.
            if level >= y - 0.5 && level <= y + h + 0.5 && (last - level).abs() >= TICK + 2.0 {
                last = level;
                let right = place.x + place.w;
                canvas.line(&[(right, level), (right + 3.0, level)], 1.0, AXIS);
                text(canvas, (right + 6.0, level + TICK * 0.36), &tick.label, TICK, Anchor::Start, TEXT);
            }
        }
    }
}

pub(super) fn text(canvas: &mut dyn Canvas, at: Point, text: &str, size: f64, anchor: Anchor, colour: Colour) {
    canvas.text(at, Text { text, size, anchor, turn: 0.0, colour });
}
