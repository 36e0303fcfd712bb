//! Figures as pixels, for those with too many shapes for SVG: drawn at twice the size, so that
//! they are sharp on dense screens and smooth on others.

use super::canvas::{Anchor, Area, Canvas, Colour, Pixels, Point, Text};
use super::font;
use ab_glyph::{Font, OutlineCurve};

/// Pixels of the picture for one of the figure.
pub(super) const SCALE: f64 = 2.0;

/// A picture being drawn.
pub(super) struct Raster {
    pixels: Pixels,
    /// Left, top, right, bottom in pixels; right and bottom exclusive.
    clip: [usize; 4],
    coverage: Vec<f32>,
}

impl Raster {
    pub(super) fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize * SCALE as usize, height as usize * SCALE as usize);
        Self {
            pixels: Pixels { width, height, rgba: vec![0; width * height * 4] },
            clip: [0, 0, width, height],
            coverage: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Pixels {
        self.pixels
    }

    fn blend(&mut self, x: usize, y: usize, colour: Colour, coverage: f32) {
        let [left, top, right, bottom] = self.clip;
        if x < left || x >= right || y < top || y >= bottom {
            return;
        }
        let at = (y * self.pixels.width + x) * 4;
        let Some(pixel) = self.pixels.rgba.get_mut(at..at + 4) else {
            return;
        };
        let over = f32::from(colour.rgba[3]) / 255.0 * coverage.clamp(0.0, 1.0);
        let under = f32::from(pixel[3]) / 255.0 * (1.0 - over);
        let opacity = over + under;
        if opacity <= 0.0 {
            return;
        }
        for (old, new) in pixel.iter_mut().zip(&colour.rgba[..3]) {
            let mixed = (f32::from(*new) * over + f32::from(*old) * under) / opacity;
            *old = mixed.round() as u8;
        }
        pixel[3] = (opacity * 255.0).round() as u8;
    }

    /// Fills closed outlines, in pixels of the picture. Outlines of one direction add up.
    fn outlines<'a>(&mut self, outlines: impl Iterator<Item = &'a [Point]> + Clone, colour: Colour) {
        let all = outlines.clone().flatten();
        let (mut x0, mut y0, mut x1, mut y1) = (f64::MAX, f64::MAX, f64::MIN, f64::MIN);
        for &(x, y) in all {
            if !(x.is_finite() && y.is_finite()) {
                return;
            }
            (x0, y0, x1, y1) = (x0.min(x), y0.min(y), x1.max(x), y1.max(y));
        }
        let [left, top, right, bottom] = self.clip.map(|c| c as f64);
        let (x0, y0) = (x0.floor().max(left), y0.floor().max(top));
        let (x1, y1) = (x1.ceil().min(right), y1.ceil().min(bottom));
        if x0 >= x1 || y0 >= y1 {
            return;
        }
        let (width, height) = ((x1 - x0) as usize, (y1 - y0) as usize);
        self.coverage.clear();
        self.coverage.resize(width * height + 2, 0.0);
        for outline in outlines {
            for (i, &from) in outline.iter().enumerate() {
                let to = outline[(i + 1) % outline.len()];
                edge(&mut self.coverage, width, height, (from.0 - x0, from.1 - y0), (to.0 - x0, to.1 - y0));
            }
        }
        let (left, top) = (x0 as usize, y0 as usize);
        for row in 0..height {
            let mut sum = 0.0;
            for column in 0..width {
                sum += self.coverage[row * width + column];
                // Each row starts anew: what an edge leaves beyond the right side is not ours.
                if sum.abs() > 0.002 {
                    self.blend(left + column, top + row, colour, sum.abs());
                }
            }
        }
    }
}

/// Adds the signed area that an edge covers, as differences along each row.
fn edge(cover: &mut [f32], width: usize, height: usize, from: Point, to: Point) {
    let (direction, (x0, y0), (x1, y1)) = match from.1 < to.1 {
        true => (1.0, from, to),
        false => (-1.0, to, from),
    };
    if y0 == y1 {
        return;
    }
    let slope = (x1 - x0) / (y1 - y0);
    let first = y0.max(0.0).floor() as usize;
    let last = y1.min(height as f64).ceil().max(0.0) as usize;
    for row in first..last {
        let (top, bottom) = (y0.max(row as f64), y1.min(row as f64 + 1.0));
        let dy = bottom - top;
        if dy <= 0.0 {
            continue;
        }
        let a = x0 + (top - y0) * slope;
        let b = x0 + (bottom - y0) * slope;
        span(&mut cover[row * width..(row + 1) * width], a.min(b), a.max(b), direction * dy);
    }
}

/// Adds an edge that goes from `a` to `b` within one row and covers `area` of what is to its
/// right.
fn span(row: &mut [f32], a: f64, b: f64, area: f64) {
    let width = row.len() as f64;
    let (mut a, mut b, mut area) = (a, b, area);
    if a < 0.0 {
        // What lies left of the row covers all of it.
        let part = if b - a > 1e-9 { (-a / (b - a)).min(1.0) } else { 1.0 };
        row[0] += (area * part) as f32;
        area *= 1.0 - part;
        (a, b) = (0.0, b.max(0.0));
    }
    if b > width {
        let part = if b - a > 1e-9 { ((b - width) / (b - a)).min(1.0) } else { 1.0 };
        area *= 1.0 - part;
        (a, b) = (a.min(width), width);
    }
    if area == 0.0 {
        return;
    }
    let first = a.floor() as usize;
    let last = (b.ceil() as usize).max(first + 1);
    let mut before = 0.0;
    for column in first..last.min(row.len()) {
        // The part of the row's height that lies to the left within this pixel's right end.
        let right = (column as f64 + 1.0).min(b);
        let left = (column as f64).max(a);
        let inside = match b - a > 1e-9 {
            true => (right - left) / (b - a),
            false => 1.0,
        };
        let middle = (left + right) / 2.0;
        // The pixel gets the area right of the edge pieces in it; pieces further left count in
        // full and have been added already.
        let here = inside * (column as f64 + 1.0 - middle);
        row[column] += (area * (here + before)) as f32;
        before = inside * (middle - column as f64);
    }
    if let Some(next) = row.get_mut(last) {
        *next += (area * before) as f32;
    }
}

impl Canvas for Raster {
    fn line(&mut self, points: &[Point], width: f64, colour: Colour) {
        let half = width * SCALE / 2.0;
        let scaled: Vec<Point> = points.iter().map(|(x, y)| (x * SCALE, y * SCALE)).collect();
        let mut shapes: Vec<Vec<Point>> = Vec::new();
        for pair in scaled.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            if length < 1e-9 {
                continue;
            }
            let (nx, ny) = (-(y1 - y0) / length * half, (x1 - x0) / length * half);
            shapes.push(vec![(x0 + nx, y0 + ny), (x0 - nx, y0 - ny), (x1 - nx, y1 - ny), (x1 + nx, y1 + ny)]);
        }
        if points.len() > 2 {
            let joints = scaled.get(1..scaled.len() - 1).unwrap_or(&[]);
            shapes.extend(joints.iter().map(|&centre| circle(centre, half)));
        }
        // A line that crosses itself must not become darker where opacity is partial: all pieces
        // are one shape.
        for group in shapes.chunks(4096) {
            self.outlines(group.iter().map(Vec::as_slice), colour);
        }
    }

    fn fill(&mut self, points: &[Point], colour: Colour) {
        let scaled: Vec<Point> = points.iter().map(|(x, y)| (x * SCALE, y * SCALE)).collect();
        self.outlines(std::iter::once(scaled.as_slice()), colour);
    }

    fn dots(&mut self, points: &[Point], radius: f64, colour: Colour) {
        let r = radius * SCALE;
        let size = (r.ceil() as isize) + 1;
        let mut stamp: Vec<(isize, isize, f32)> = Vec::new();
        for y in -size..=size {
            for x in -size..=size {
                let cover = (r + 0.5 - (x as f64).hypot(y as f64)).clamp(0.0, 1.0);
                if cover > 0.0 {
                    stamp.push((x, y, cover as f32));
                }
            }
        }
        // Ten million dots are still only as many as there are pixels.
        let (width, height) = (self.pixels.width, self.pixels.height);
        let mut seen = vec![false; width * height];
        for (x, y) in points {
            let (x, y) = ((x * SCALE).floor(), (y * SCALE).floor());
            if !(x >= 0.0 && y >= 0.0 && x < width as f64 && y < height as f64) {
                continue;
            }
            let (x, y) = (x as usize, y as usize);
            if std::mem::replace(&mut seen[y * width + x], true) {
                continue;
            }
            for (dx, dy, cover) in &stamp {
                let place = (x.checked_add_signed(*dx), y.checked_add_signed(*dy));
                if let (Some(x), Some(y)) = place {
                    self.blend(x, y, colour, *cover);
                }
            }
        }
    }

    fn text(&mut self, (x, y): Point, text: Text<'_>) {
        let Some(font) = font::font() else {
            return;
        };
        let units = f64::from(font.units_per_em().unwrap_or(2048.0));
        let unit = text.size * SCALE / units;
        let back = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => font::width(text.text, text.size) / 2.0,
            Anchor::End => font::width(text.text, text.size),
        };
        let mut pen = -back * SCALE;
        let (x, y) = (x * SCALE, y * SCALE);
        let (sin, cos) = text.turn.to_radians().sin_cos();
        let place = |along: f64, up: f64| (x + along * cos - up * sin, y - along * sin - up * cos);
        for c in text.text.chars() {
            let glyph = font.glyph_id(c);
            let outline = font.outline(glyph).map(|o| o.curves).unwrap_or_default();
            let mut contours: Vec<Vec<Point>> = Vec::new();
            let at = |p: ab_glyph::Point| place(pen + f64::from(p.x) * unit, f64::from(p.y) * unit);
            let mut end = None;
            for curve in &outline {
                let (from, to) = match curve {
                    OutlineCurve::Line(a, b) => (*a, *b),
                    OutlineCurve::Quad(a, _, b) => (*a, *b),
                    OutlineCurve::Cubic(a, _, _, b) => (*a, *b),
                };
                if end != Some(from) {
                    contours.push(vec![at(from)]);
                }
                end = Some(to);
                if let Some(contour) = contours.last_mut() {
                    flatten(contour, curve, at);
                }
            }
            self.outlines(contours.iter().map(Vec::as_slice), text.colour);
            pen += f64::from(font.h_advance_unscaled(glyph)) * unit;
        }
    }

    fn picture(&mut self, area: Area, pixels: &Pixels) {
        let (x0, y0) = (area.x * SCALE, area.y * SCALE);
        let (w, h) = (area.w * SCALE, area.h * SCALE);
        if pixels.width == 0 || pixels.height == 0 || !(w > 0.0 && h > 0.0) {
            return;
        }
        // Only what is seen: a picture may reach far beyond the figure.
        let [left, top, right, bottom] = self.clip;
        let rows = (y0.round().max(0.0) as usize).max(top)..((y0 + h).round().max(0.0) as usize).min(bottom);
        let columns = (x0.round().max(0.0) as usize).max(left)..((x0 + w).round().max(0.0) as usize).min(right);
        for y in rows {
            for x in columns.clone() {
                let u = ((x as f64 + 0.5 - x0) / w * pixels.width as f64) as usize;
                let v = ((y as f64 + 0.5 - y0) / h * pixels.height as f64) as usize;
                let (u, v) = (u.min(pixels.width - 1), v.min(pixels.height - 1));
                let at = (v * pixels.width + u) * 4;
                if let Some(&[r, g, b, a]) = pixels.rgba.get(at..at + 4) {
                    self.blend(x, y, Colour { rgba: [r, g, b, a], ink: None }, 1.0);
                }
            }
        }
    }

    fn clip(&mut self, area: Option<Area>) {
        let (width, height) = (self.pixels.width, self.pixels.height);
        self.clip = match area {
            None => [0, 0, width, height],
            Some(Area { x, y, w, h }) => [
                (x * SCALE).round().max(0.0) as usize,
                (y * SCALE).round().max(0.0) as usize,
                ((x + w) * SCALE).round().min(width as f64) as usize,
                ((y + h) * SCALE).round().min(height as f64) as usize,
            ],
        };
    }
}

fn circle((x, y): Point, radius: f64) -> Vec<Point> {
    (0..12)
        .map(|i| {
            // The direction in which segments go round, so that areas add up.
            let angle = f64::from(i) / 12.0 * std::f64::consts::TAU;
            (x + radius * angle.cos(), y + radius * angle.sin())
        })
        .collect()
}

/// Appends a curve without its first point.
fn flatten(out: &mut Vec<Point>, curve: &OutlineCurve, at: impl Fn(ab_glyph::Point) -> Point) {
    const PIECES: i32 = 6;
    match curve {
        OutlineCurve::Line(_, b) => out.push(at(*b)),
        OutlineCurve::Quad(a, b, c) => {
            let (a, b, c) = (at(*a), at(*b), at(*c));
            out.extend((1..=PIECES).map(|i| {
                let t = f64::from(i) / f64::from(PIECES);
                let mix = |a: f64, b: f64, c: f64| (1.0 - t) * (1.0 - t) * a + 2.0 * t * (1.0 - t) * b + t * t * c;
                (mix(a.0, b.0, c.0), mix(a.1, b.1, c.1))
            }));
        }
        // TrueType outlines have none; a straight line keeps the outline closed.
        OutlineCurve::Cubic(_, _, _, d) => out.push(at(*d)),
    }
}

/// The picture as a PNG file; `None` when it has no pixels.
pub(super) fn encode(pixels: &Pixels) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (width, height) = (pixels.width.try_into().ok()?, pixels.height.try_into().ok()?);
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_filter(png::FilterType::Up);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&pixels.rgba).ok()?;
    writer.finish().ok()?;
    Some(out)
}
