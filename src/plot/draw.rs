//! From a figure's numbers to shapes on a canvas.

use super::canvas::{AXIS, Anchor, Area, Canvas, Colour, GRID, Pixels, Point, TEXT, Text, series};
use super::limits::scales;
use super::scale::{Scale, Tick};
use super::series::{Kind, Series};
use super::shapes::{Shape, Thin, lines, stairs};
use super::{Content, Plot, colours, font};

const TITLE: f64 = 15.0;
const LABEL: f64 = 12.5;
const TICK: f64 = 11.0;

/// A figure with all places worked out.
pub(super) struct Drawing<'a> {
    plot: &'a Plot,
    area: Area,
    x: Scale,
    y: Scale,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    shapes: Vec<(usize, Shape)>,
    picture: Option<Pixels>,
    /// Range of a heat map's values.
    values: Option<Scale>,
    empty: bool,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(plot: &'a Plot) -> Self {
        let (x, y, values) = scales(plot);
        let empty = x.is_none() || y.is_none();
        let unit = Scale { low: 0.0, high: 1.0, log: false };
        let (x, y) = (x.unwrap_or(unit), y.unwrap_or(unit));
        let (width, height) = (f64::from(plot.size.0), f64::from(plot.size.1));
        let y_ticks = y.ticks((height / 55.0) as usize);
        let widest = |ticks: &[Tick]| ticks.iter().map(|t| font::width(&t.label, TICK)).fold(0.0, f64::max);
        let mut top = 14.0;
        top += if plot.title.is_empty() { 0.0 } else { 22.0 };
        top += if legend(plot).is_empty() { 0.0 } else { 20.0 };
        let mut left = widest(&y_ticks) + 16.0;
        left += if plot.ylabel.is_empty() { 0.0 } else { 20.0 };
        let mut right = 18.0;
        if let Some(values) = &values {
            right = 50.0 + widest(&values.ticks(6));
        }
        let mut bottom = 28.0;
        bottom += if plot.xlabel.is_empty() { 0.0 } else { 18.0 };
        let area = Area {
            x: left.round(),
            y: f64::round(top),
            w: (width - left - right).max(20.0).round(),
            h: (height - top - bottom).max(20.0).round(),
        };
        let mut drawing = Self {
            plot,
            area: fit(plot, area),
            x,
            y,
            x_ticks: Vec::new(),
            y_ticks,
            shapes: Vec::new(),
            picture: None,
            values,
            empty,
        };
        drawing.x_ticks = drawing.ticks_below();
        if empty {
            return drawing;
        }
        match &plot.content {
            Content::Series(all) => {
                for (n, series) in all.iter().enumerate() {
                    let shapes = drawing.shapes_of(series, all);
                    drawing.shapes.extend(shapes.into_iter().map(|s| (n, s)));
                }
            }
            Content::Grid { values, nx, ny } => {
                if let Some(range) = &drawing.values {
                    let picture = colours::paint(values, *nx, *ny, range.low, range.high);
                    drawing.picture = Some(picture);
                }
            }
            Content::Image(pixels) => drawing.picture = Some(pixels.clone()),
        }
        drawing
    }

    /// How many shapes a reader would have to draw.
    pub(super) fn weight(&self) -> usize {
        let shapes = self.shapes.iter().map(|(_, shape)| match shape {
            Shape::Line(points, _) | Shape::Dots(points) | Shape::Filled(points, _) => points.len(),
        });
        let picture = self.picture.as_ref().map_or(0, |p| p.width * p.height);
        shapes.sum::<usize>() + picture
    }

    /// As many ticks as have room beside each other.
    fn ticks_below(&self) -> Vec<Tick> {
        let names = match &self.plot.content {
            Content::Series(all) => all.iter().find_map(|s| match &s.kind {
                Kind::Bars(names) => Some(names),
                _ => None,
            }),
            _ => None,
        };
        if let Some(names) = names {
            let widest = names.iter().map(|n| font::width(n, TICK)).fold(0.0, f64::max);
            let room = self.area.w / names.len().max(1) as f64;
            let every = ((widest + 6.0) / room).ceil().max(1.0) as usize;
            let kept = names.iter().enumerate().step_by(every);
            return kept.map(|(i, name)| Tick { at: i as f64, label: name.clone() }).collect();
        }
        let mut most = (self.area.w / 60.0) as usize;
        loop {
            let ticks = self.x.ticks(most.max(2));
            let width: f64 = ticks.iter().map(|t| font::width(&t.label, TICK) + 12.0).sum();
            if width <= self.area.w || most <= 2 {
                return ticks;
            }
            most -= 1;
        }
    }

    fn at(&self, x: f64, y: f64) -> Point {
        (self.area.x + self.x.place(x) * self.area.w, self.area.y + (1.0 - self.y.place(y)) * self.area.h)
    }

    /// Runs of points without gaps.
    fn runs(&self, series: &Series) -> Vec<Vec<Point>> {
        let mut runs = vec![Thin::default()];
        let thin = series.ys.len() > 4 * self.area.w as usize;
        for (x, y) in series.points() {
            let point = self.at(x, y);
            if point.0.is_finite() && point.1.is_finite() {
                if let Some(run) = runs.last_mut() {
                    run.push(point, thin);
                }
            } else if runs.last().is_some_and(|run| !run.is_empty()) {
                runs.push(Thin::default());
            }
        }
        let runs = runs.into_iter().map(Thin::finish);
        runs.filter(|run| !run.is_empty()).collect()
    }

    fn shapes_of(&self, series: &Series, all: &[Series]) -> Vec<Shape> {
        let base = self.base();
        match &series.kind {
            Kind::Line => lines(self.runs(series)),
            Kind::Steps => lines(self.runs(series).iter().map(|run| stairs(run)).collect()),
            Kind::Scatter => {
                let points = series.points().map(|(x, y)| self.at(x, y));
                let visible = points.filter(|(x, y)| x.is_finite() && y.is_finite());
                vec![Shape::Dots(visible.collect())]
            }
            Kind::Errors(errors) => {
                let mut shapes = Vec::new();
                let mut dots = Vec::new();
                for ((x, y), error) in series.points().zip(errors) {
                    let (px, py) = self.at(x, y);
                    if !(px.is_finite() && py.is_finite()) {
                        continue;
                    }
                    dots.push((px, py));
                    let low = finite(self.at(x, y - error.abs()).1, self.area.y + self.area.h);
                    let high = finite(self.at(x, y + error.abs()).1, self.area.y);
                    shapes.push(Shape::Line(vec![(px, low), (px, high)], 1.3));
                    for end in [low, high] {
                        shapes.push(Shape::Line(vec![(px - 3.5, end), (px + 3.5, end)], 1.3));
                    }
                }
                shapes.push(Shape::Dots(dots));
                shapes
            }
            Kind::Hist => {
                let pairs = series.xs.windows(2).zip(&series.ys);
                let bars = pairs.map(|(edge, &count)| self.bar(edge[0], edge[1], base, count, 0.5));
                bars.flatten().collect()
            }
            Kind::Bars(_) => {
                let groups: Vec<&Series> = all.iter().filter(|s| matches!(s.kind, Kind::Bars(_))).collect();
                let mine = groups.iter().position(|s| std::ptr::eq(*s, series));
                let width = 0.78 / groups.len().max(1) as f64;
                let shift = -0.39 + width * mine.unwrap_or(0) as f64;
                let bars = series.points().map(|(x, y)| self.bar(x + shift, x + shift + width, base, y, 0.5));
                bars.flatten().collect()
            }
        }
    }

    /// Where bars stand: at zero, or at the low end of an axis that has none.
    fn base(&self) -> f64 {
        match self.y.log {
            true => self.y.low,
            false => 0f64.clamp(self.y.low, self.y.high),
        }
    }

    fn bar(&self, x0: f64, x1: f64, base: f64, y: f64, gap: f64) -> Option<Shape> {
        let ((left, bottom), (right, top)) = (self.at(x0, base), self.at(x1, y));
        if y == base || ![left, right, top, bottom].iter().all(|v| v.is_finite()) {
            return None;
        }
        let gap = if right - left > 4.0 { gap } else { 0.0 };
        let (left, right) = (left + gap, right - gap);
        let corners = vec![(left, bottom), (left, top), (right, top), (right, bottom)];
        Some(Shape::Filled(corners, 0.85))
    }

    pub(super) fn draw(&self, canvas: &mut dyn Canvas) {
        let Area { x, y, w, h } = self.area;
        self.words(canvas);
        if self.empty {
            text(canvas, (x + w / 2.0, y + h / 2.0), "no data", LABEL, Anchor::Middle, TEXT);
        }
        let framed = self.picture.is_some();
        for tick in &self.y_ticks {
            let level = self.at(self.x.low, tick.at).1;
            let level = if self.flipped() { 2.0 * y + h - level } else { level };
            if self.empty || !(level >= y - 0.5 && level <= y + h + 0.5) {
                continue;
            }
            if !framed {
                canvas.line(&[(x, level), (x + w, level)], 1.0, GRID);
            }
            text(canvas, (x - 7.0, level + TICK * 0.36), &tick.label, TICK, Anchor::End, TEXT);
        }
        for tick in &self.x_ticks {
            let column = self.at(tick.at, self.y.low).0;
            if self.empty || !(column >= x - 0.5 && column <= x + w + 0.5) {
                continue;
            }
            canvas.line(&[(column, y + h), (column, y + h + 4.0)], 1.0, AXIS);
            text(canvas, (column, y + h + 17.0), &tick.label, TICK, Anchor::Middle, TEXT);
        }
        if let Some(picture) = &self.picture {
            canvas.picture(self.area, picture);
        }
        canvas.clip(Some(Area { x: x - 4.0, y: y - 4.0, w: w + 8.0, h: h + 8.0 }));
        for (n, shape) in &self.shapes {
            let colour = series(*n);
            match shape {
                Shape::Line(points, width) => canvas.line(points, *width, colour),
                Shape::Dots(points) => {
                    let many = points.len() > 2_000;
                    let radius = if many { 1.5 } else { 3.0 };
                    canvas.dots(points, radius, colour.opacity(if many { 0.6 } else { 0.85 }));
                }
                Shape::Filled(points, part) => canvas.fill(points, colour.opacity(*part)),
            }
        }
        canvas.clip(None);
        canvas.line(&[(x, y + h), (x + w, y + h)], 1.0, AXIS);
        if let Some(values) = &self.values {
            self.colour_bar(canvas, values);
        }
    }

    /// Pictures have their first row at the top.
    fn flipped(&self) -> bool {
        !matches!(self.plot.content, Content::Series(_))
    }

    fn words(&self, canvas: &mut dyn Canvas) {
        let Area { x, y, w, h } = self.area;
        let plot = self.plot;
        let (width, height) = (f64::from(plot.size.0), f64::from(plot.size.1));
        let middle = x + w / 2.0;
        if !plot.title.is_empty() {
            text(canvas, (middle, 22.0), &plot.title, TITLE, Anchor::Middle, TEXT);
        }
        if !plot.xlabel.is_empty() {
            let under = (y + h + 38.0).min(height - 6.0);
            text(canvas, (middle, under), &plot.xlabel, LABEL, Anchor::Middle, TEXT);
        }
        if !plot.ylabel.is_empty() {
            canvas.text(
                (16.0, y + h / 2.0),
                Text { text: &plot.ylabel, size: LABEL, anchor: Anchor::Middle, upwards: true, colour: TEXT },
            );
        }
        let level = y - 9.0;
        let mut from = x;
        for (n, label) in legend(plot) {
            let colour = series(n);
            let room = font::width(&label, TICK) + 40.0;
            if from + room > width && from > x {
                break;
            }
            canvas.line(&[(from, level - 4.0), (from + 16.0, level - 4.0)], 3.0, colour);
            text(canvas, (from + 21.0, level), &label, TICK, Anchor::Start, TEXT);
            from += room;
        }
    }

    fn colour_bar(&self, canvas: &mut dyn Canvas, values: &Scale) {
        let Area { x, y, w, h } = self.area;
        let rgba = (0..256).flat_map(|i| colours::viridis(1.0 - f64::from(i) / 255.0)).collect();
        let strip = Pixels { width: 1, height: 256, rgba };
        let bar = Area { x: x + w + 14.0, y, w: 14.0, h };
        canvas.picture(bar, &strip);
        for tick in values.ticks(6) {
            let level = y + (1.0 - values.place(tick.at)) * h;
            if level >= y - 0.5 && level <= y + h + 0.5 {
                let at = (bar.x + bar.w + 6.0, level + TICK * 0.36);
                text(canvas, at, &tick.label, TICK, Anchor::Start, TEXT);
            }
        }
    }
}

fn text(canvas: &mut dyn Canvas, at: Point, text: &str, size: f64, anchor: Anchor, colour: Colour) {
    canvas.text(at, Text { text, size, anchor, upwards: false, colour });
}

fn finite(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() { value } else { otherwise }
}

fn legend(plot: &Plot) -> Vec<(usize, String)> {
    let Content::Series(all) = &plot.content else {
        return Vec::new();
    };
    let named = all.iter().enumerate().filter(|(_, s)| !s.label.is_empty());
    named.map(|(n, s)| (n, s.label.clone())).collect()
}

/// Pictures keep square pixels.
fn fit(plot: &Plot, area: Area) -> Area {
    let Content::Image(pixels) = &plot.content else {
        return area;
    };
    let scale = (area.w / pixels.width.max(1) as f64).min(area.h / pixels.height.max(1) as f64);
    let (w, h) = (pixels.width as f64 * scale, pixels.height as f64 * scale);
    let (x, y) = (area.x + (area.w - w) / 2.0, area.y + (area.h - h) / 2.0);
    match pixels.width * pixels.height {
        0 => area,
        _ => Area { x, y, w, h },
    }
}
