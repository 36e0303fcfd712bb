//! What each kind of series looks like: from its numbers to shapes.

use super::canvas::{Area, Colour, Point, series};
use super::layout::Drawing;
use super::painter::check_at;
use super::series::{Kind, Quartiles, Series};
use super::shapes::{Shape, Thin, dashes, density, lines, stairs};

/// More points than this are drawn as a density.
const DENSE: usize = 20_000;

impl Drawing<'_> {
    /// The colour of the n-th series.
    pub(super) fn colour(&self, n: usize) -> Colour {
        self.plot.series.get(n).and_then(|s| s.colour).unwrap_or_else(|| series(n))
    }

    /// Runs of points without gaps.
    fn runs(&self, s: &Series, ys: &[f64]) -> Vec<Vec<Point>> {
        let mut runs = Vec::new();
        let mut run = Thin::new(self.area);
        let thin = ys.len() > 4 * self.area.w as usize;
        let mut gap = false;
        for (i, y) in ys.iter().enumerate() {
            check_at(i);
            let point = self.at(s.xs.at(i), *y);
            if !(point.0.is_finite() && point.1.is_finite()) {
                gap = true;
                continue;
            }
            if gap && !run.is_empty() && !run.reaches(point) {
                runs.push(std::mem::replace(&mut run, Thin::new(self.area)).finish());
            }
            gap = false;
            run.push(point, thin);
        }
        if !run.is_empty() {
            runs.push(run.finish());
        }
        runs
    }

    pub(super) fn shapes_of(&self, n: usize, s: &Series) -> Vec<Shape> {
        let colour = self.colour(n);
        match &s.kind {
            Kind::Line => lines(self.runs(s, &s.ys), colour, s.dashed),
            Kind::Steps => {
                let runs = self.runs(s, &s.ys);
                lines(runs.iter().map(|run| stairs(run)).collect(), colour, s.dashed)
            }
            Kind::Scatter if s.ys.len() > DENSE => {
                let points = s.points().map(|(x, y)| self.at(x, y));
                vec![density(points, s.ys.len(), self.area, colour)]
            }
            Kind::Scatter => {
                let points = s.points().map(|(x, y)| self.at(x, y));
                vec![dots(points.filter(|p| self.visible(*p)).collect(), colour)]
            }
            Kind::Area(other) => self.filled(s, other, colour),
            Kind::Errors { x, y } => self.errors(s, x, y, colour),
            Kind::Hist(_) => {
                let edges = s.xs.iter().zip(s.xs.iter().skip(1)).zip(&s.ys);
                let bars = edges.map(|((x0, x1), count)| self.bar(x0, x1, *count, colour.opacity(0.85)));
                bars.flatten().collect()
            }
            Kind::Bars => {
                let (shift, width) = self.share(s);
                let bars = s.points().map(|(x, y)| self.bar(x + shift, x + shift + width, y, colour.opacity(0.88)));
                bars.flatten().collect()
            }
            Kind::Boxes(groups) => {
                let (shift, width) = self.share(s);
                let boxes = s.xs.iter().zip(groups);
                boxes.flat_map(|(x, group)| self.boxed(x + shift, width, group, colour)).collect()
            }
        }
    }

    /// Where a series stands beside others on the same names: from the middle, and how wide.
    fn share(&self, s: &Series) -> (f64, f64) {
        let groups: Vec<&Series> = self.plot.series.iter().filter(|s| s.named()).collect();
        let mine = groups.iter().position(|g| std::ptr::eq(*g, s)).unwrap_or(0);
        let all = if groups.len() > 1 || s.kind == Kind::Bars { 0.78 } else { 0.55 };
        let width = all / groups.len().max(1) as f64;
        (-all / 2.0 + width * mine as f64, width)
    }

    fn visible(&self, (x, y): Point) -> bool {
        let Area { x: left, y: top, w, h } = self.area;
        let (x, y) = (x - left, y - top);
        x >= -6.0 && y >= -6.0 && x <= w + 6.0 && y <= h + 6.0
    }

    /// The area between a curve and another, or the base.
    fn filled(&self, s: &Series, other: &[f64], colour: Colour) -> Vec<Shape> {
        let thin = s.ys.len() > 4 * self.area.w as usize;
        let base = self.base();
        let mut shapes = Vec::new();
        let (mut above, mut below) = (Thin::new(self.area), Thin::new(self.area));
        let mut close = |above: &mut Thin, below: &mut Thin| {
            let top = std::mem::replace(above, Thin::new(self.area)).finish();
            let mut ring = top.clone();
            ring.extend(std::mem::replace(below, Thin::new(self.area)).finish().into_iter().rev());
            if top.len() > 1 {
                shapes.push(Shape::Filled { points: ring, colour: colour.opacity(0.3) });
                if other.is_empty() {
                    shapes.extend(lines(vec![top], colour, s.dashed));
                }
            }
        };
        for (i, (x, y)) in s.points().enumerate() {
            check_at(i);
            let (top, bottom) = (self.at(x, y), self.at(x, other.get(i).copied().unwrap_or(base)));
            if [top.0, top.1, bottom.1].iter().all(|v| v.is_finite()) {
                above.push(top, thin);
                below.push(bottom, thin && !other.is_empty());
                if thin && other.is_empty() {
                    // A straight base needs its two ends only.
                    below.straighten();
                }
            } else {
                close(&mut above, &mut below);
            }
        }
        close(&mut above, &mut below);
        shapes
    }

    fn errors(&self, s: &Series, ex: &[f64], ey: &[f64], colour: Colour) -> Vec<Shape> {
        let mut shapes = Vec::new();
        let mut places = Vec::new();
        let Area { x: left, y: top, w, h } = self.area;
        let mut line = |a: Point, b: Point| shapes.push(Shape::Line { points: vec![a, b], width: 1.3, colour });
        for (i, (x, y)) in s.points().enumerate() {
            let (px, py) = self.at(x, y);
            if !self.visible((px, py)) {
                continue;
            }
            places.push((px, py));
            if let Some(error) = ey.get(i).map(|e| e.abs()).filter(|e| e.is_finite()) {
                let low = finite(self.at(x, y - error).1, top + h);
                let high = finite(self.at(x, y + error).1, top);
                line((px, low), (px, high));
                line((px - 3.5, low), (px + 3.5, low));
                line((px - 3.5, high), (px + 3.5, high));
            }
            if let Some(error) = ex.get(i).map(|e| e.abs()).filter(|e| e.is_finite()) {
                let low = finite(self.at(x - error, y).0, left);
                let high = finite(self.at(x + error, y).0, left + w);
                line((low, py), (high, py));
                line((low, py - 3.5), (low, py + 3.5));
                line((high, py - 3.5), (high, py + 3.5));
            }
        }
        shapes.push(dots(places, colour));
        shapes
    }

    /// Where bars stand: at zero, or at the low end of an axis that has none.
    fn base(&self) -> f64 {
        let (low, high) = (self.y.low.min(self.y.high), self.y.low.max(self.y.high));
        match self.y.log {
            true => low,
            false => 0f64.clamp(low, high),
        }
    }

    fn bar(&self, x0: f64, x1: f64, y: f64, colour: Colour) -> Option<Shape> {
        let base = self.base();
        let ((a, bottom), (b, top)) = (self.at(x0, base), self.at(x1, y));
        let (left, right) = (a.min(b), a.max(b));
        if y == base || ![left, right, top, bottom].iter().all(|v| v.is_finite()) {
            return None;
        }
        let gap = if right - left > 4.0 { 0.5 } else { 0.0 };
        let (left, right) = (left + gap, right - gap);
        let points = vec![(left, bottom), (left, top), (right, top), (right, bottom)];
        Some(Shape::Filled { points, colour })
    }

    fn boxed(&self, x: f64, width: f64, group: &Quartiles, colour: Colour) -> Vec<Shape> {
        let gap = width * 0.06;
        let (x0, x1) = (x + gap, x + width - gap);
        let at = |v: f64| self.at(x0, v).1;
        let (left, right) = (self.at(x0, self.y.low).0, self.at(x1, self.y.low).0);
        let middle = (left + right) / 2.0;
        let [low, median, high] = group.quartiles.map(at);
        let bottom = self.area.y + self.area.h;
        // On a logarithmic axis the lower parts may not exist.
        let (low, median, high) = (finite(low, bottom), finite(median, bottom), finite(high, bottom));
        let [least, most] = group.whiskers.map(|v| finite(at(v), bottom));
        let line = |a: Point, b: Point, width| Shape::Line { points: vec![a, b], width, colour };
        let ring = vec![(left, low), (left, high), (right, high), (right, low)];
        let cap = (right - left) * 0.22;
        let mut edge = ring.clone();
        edge.push((left, low));
        let mut shapes = vec![
            Shape::Filled { points: ring, colour: colour.opacity(0.3) },
            Shape::Line { points: edge, width: 1.3, colour },
            line((left, median), (right, median), 2.4),
            line((middle, low), (middle, least), 1.3),
            line((middle, high), (middle, most), 1.3),
            line((middle - cap, least), (middle + cap, least), 1.3),
            line((middle - cap, most), (middle + cap, most), 1.3),
        ];
        let outliers = group.outliers.iter().map(|v| (middle, at(*v)));
        let points: Vec<Point> = outliers.filter(|p| self.visible(*p)).collect();
        if !points.is_empty() {
            shapes.push(Shape::Dots { points, radius: 2.8, colour: colour.opacity(0.85) });
        }
        shapes
    }

    /// Contour lines; white ones where they lie on a heat map.
    pub(super) fn contours(&self, n: usize) -> Vec<Shape> {
        let field = &self.plot.fields[n];
        let Some(scale) = field.scale() else {
            return Vec::new();
        };
        let covered = self.plot.fields[..n].iter().any(|f| f.look != super::field::Look::Lines);
        let mut shapes = Vec::new();
        for (colour, paths) in field.lines(&scale) {
            let colour = if covered { Colour::rgb(0xff_ff_ff).opacity(0.85) } else { colour };
            for path in paths {
                let points: Vec<Point> = path.into_iter().map(|(x, y)| self.at(x, y)).collect();
                if points.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
                    shapes.push(Shape::Line { points, width: 1.4, colour });
                }
            }
        }
        shapes
    }

    /// A dashed line across the figure.
    pub(super) fn across(&self, points: [Point; 2], colour: Colour) -> Vec<Shape> {
        dashes(&points, colour, 1.4)
    }
}

fn dots(points: Vec<Point>, colour: Colour) -> Shape {
    let (radius, part) = match points.len() {
        ..=300 => (3.2, 0.85),
        301..=2000 => (2.4, 0.75),
        _ => (1.6, 0.6),
    };
    Shape::Dots { points, radius, colour: colour.opacity(part) }
}

fn finite(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() { value } else { otherwise }
}
