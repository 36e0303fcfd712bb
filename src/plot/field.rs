//! Values on a grid, as heat maps and contours, and pictures: where they lie, how their values
//! become colours. Contour lines themselves are found in `contour`.

use super::canvas::{Colour, Pixels};
use super::colours::Choice;
use super::contour;
use super::scale::{Scale, Tick};

/// More cells than this in a row or column are averaged.
const MOST: usize = 1000;

/// What a grid is drawn as.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Look {
    Heat,
    Lines,
    Bands,
    Image(Pixels),
}

/// Values in rows of `nx`, the first row at the top unless an extent says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) look: Look,
    pub(super) values: Vec<f64>,
    pub(super) nx: usize,
    pub(super) ny: usize,
    /// Left, right, the outer side of the first row, that of the last.
    pub(super) extent: Option<[f64; 4]>,
    pub(super) colours: Choice,
    pub(super) range: Option<(f64, f64)>,
    pub(super) log: bool,
    /// How many contours, about.
    pub(super) levels: usize,
}

impl Field {
    pub(super) fn new(look: Look, values: Vec<f64>, nx: usize, ny: usize) -> Self {
        Self { look, values, nx, ny, extent: None, colours: Choice::default(), range: None, log: false, levels: 8 }
    }

    pub(super) fn is_contour(&self) -> bool {
        matches!(self.look, Look::Lines | Look::Bands)
    }

    pub(super) fn bounds(&self) -> [f64; 4] {
        self.extent.unwrap_or([0.0, self.nx as f64, 0.0, self.ny as f64])
    }

    /// Left, right, bottom, top of the axes that show it.
    pub(super) fn axes(&self) -> Option<[f64; 4]> {
        if self.nx == 0 || self.ny == 0 {
            return None;
        }
        let [mut x0, mut x1, mut y0, mut y1] = self.bounds();
        if self.is_contour() {
            // From the first sample to the last: there is nothing to draw beyond.
            let half = |a: f64, b: f64, n: usize| if n > 1 { (b - a) / n as f64 / 2.0 } else { 0.0 };
            let (dx, dy) = (half(x0, x1, self.nx), half(y0, y1, self.ny));
            (x0, x1, y0, y1) = (x0 + dx, x1 - dx, y0 + dy, y1 - dy);
        }
        Some(if self.extent.is_some() { [x0, x1, y0, y1] } else { [x0, x1, y1, y0] })
    }

    /// The range of values that is spread over the colours; `None` when there are none to show.
    pub(super) fn scale(&self) -> Option<Scale> {
        if matches!(self.look, Look::Image(_)) {
            return None;
        }
        let shown = |v: f64| v.is_finite() && (!self.log || v > 0.0);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in self.values.iter().copied().filter(|v| shown(*v)) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            return None;
        }
        if let Some((a, b)) = self.range {
            return Some(Scale { low: a, high: b, log: self.log, date: false });
        }
        if self.colours.map.diverging && low < 0.0 && high > 0.0 {
            let most = high.max(-low);
            (low, high) = (-most, most);
        }
        Scale::around((low, high), self.log, false, 0.0)
    }

    /// Contours between the ends of the range.
    pub(super) fn cuts(&self, scale: &Scale) -> Vec<Tick> {
        let inside = |t: &Tick| t.at > scale.low && t.at < scale.high;
        scale.ticks(self.levels).into_iter().filter(inside).collect()
    }

    /// The colour of a value between contours.
    fn band(&self, value: f64, cuts: &[Tick], scale: &Scale) -> [u8; 4] {
        if !value.is_finite() {
            return [0; 4];
        }
        let i = cuts.partition_point(|c| c.at <= value);
        let part = |i: usize| cuts.get(i).map_or(1.0, |c| scale.place(c.at));
        let low = if i == 0 { 0.0 } else { part(i - 1) };
        self.colours.colour((low + part(i)) / 2.0)
    }

    /// The grid as a picture, its first row at the top; at most `room` pixels for bands.
    pub(super) fn picture(&self, scale: Option<&Scale>, room: (f64, f64)) -> Option<Pixels> {
        match (&self.look, scale) {
            (Look::Image(pixels), _) => Some(pixels.clone()),
            (Look::Heat, Some(scale)) => Some(self.heat(scale)),
            (Look::Bands, Some(scale)) if self.nx > 1 && self.ny > 1 => Some(self.bands(scale, room)),
            _ => None,
        }
    }

    fn heat(&self, scale: &Scale) -> Pixels {
        let (nx, ny) = (self.nx, self.ny);
        let (width, height) = (nx.min(MOST), ny.min(MOST));
        let table = self.colours.table();
        let mut rgba = Vec::with_capacity(width * height * 4);
        for y in 0..height {
            let rows = y * ny / height..((y + 1) * ny / height).max(y * ny / height + 1);
            for x in 0..width {
                let columns = x * nx / width..((x + 1) * nx / width).max(x * nx / width + 1);
                let (mut sum, mut count) = (0.0, 0.0);
                for row in rows.clone() {
                    for value in &self.values[row * nx + columns.start..row * nx + columns.end] {
                        let place = scale.place(*value);
                        if value.is_finite() && place.is_finite() {
                            sum += place.clamp(0.0, 1.0);
                            count += 1.0;
                        }
                    }
                }
                rgba.extend(match count > 0.0 {
                    true => table[(sum / count * 255.0).round() as usize & 255],
                    false => [0; 4],
                });
            }
        }
        Pixels { width, height, rgba }
    }

    /// Bilinear between samples, then one colour for each band.
    fn bands(&self, scale: &Scale, room: (f64, f64)) -> Pixels {
        let (width, height) = ((room.0 as usize).clamp(2, 1600), (room.1 as usize).clamp(2, 1600));
        let cuts = self.cuts(scale);
        let along = |i: usize, n: usize, cells: usize| {
            let place = (i as f64 + 0.5) / n as f64 * (cells - 1) as f64;
            let low = (place as usize).min(cells - 2);
            (low, place - low as f64)
        };
        let mut rgba = Vec::with_capacity(width * height * 4);
        for y in 0..height {
            let (j, v) = along(y, height, self.ny);
            for x in 0..width {
                let (i, u) = along(x, width, self.nx);
                let at = |i: usize, j: usize| self.values[j * self.nx + i];
                let low = at(i, j) * (1.0 - u) + at(i + 1, j) * u;
                let high = at(i, j + 1) * (1.0 - u) + at(i + 1, j + 1) * u;
                rgba.extend(self.band(low * (1.0 - v) + high * v, &cuts, scale));
            }
        }
        Pixels { width, height, rgba }
    }

    /// Contour lines with their colours, in the numbers of the axes.
    pub(super) fn lines(&self, scale: &Scale) -> Vec<(Colour, Vec<contour::Path>)> {
        let [x0, x1, y0, y1] = self.bounds();
        let place = |i: f64, n: usize, a: f64, b: f64| {
            let t = (i + 0.5) / n as f64;
            a * (1.0 - t) + b * t
        };
        let line = |cut: Tick| {
            let paths = contour::trace(&self.values, self.nx, self.ny, cut.at).into_iter().map(|path| {
                let points = path.into_iter();
                points.map(|(i, j)| (place(i, self.nx, x0, x1), place(j, self.ny, y0, y1))).collect()
            });
            // The ends of a map are all but invisible as lines on dark or on light pages.
            let rgba = self.colours.colour(0.2 + 0.65 * scale.place(cut.at));
            (Colour { rgba, ink: None }, paths.collect())
        };
        self.cuts(scale).into_iter().map(line).collect()
    }

    /// What the colour bar shows, from the highest value to the lowest, and its ticks.
    pub(super) fn legend(&self, scale: &Scale) -> (Pixels, Vec<Tick>) {
        let cuts = if self.is_contour() { self.cuts(scale) } else { Vec::new() };
        let value = |t: f64| match scale.log {
            true => scale.low * (scale.high / scale.low).powf(t),
            false => scale.low * (1.0 - t) + scale.high * t,
        };
        let colour = |t: f64| match self.look {
            Look::Bands => self.band(value(t), &cuts, scale),
            Look::Lines => self.colours.colour(0.2 + 0.65 * t),
            _ => self.colours.colour(t),
        };
        let rgba = (0..256).flat_map(|i| colour(1.0 - (f64::from(i) + 0.5) / 256.0)).collect();
        let ticks = if cuts.is_empty() { scale.ticks(6) } else { cuts };
        (Pixels { width: 1, height: 256, rgba }, ticks)
    }
}
