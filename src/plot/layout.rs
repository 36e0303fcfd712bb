//! Where everything in a figure goes: margins, axes and their ticks, shapes in pixels. Drawing
//! them is `draw`'s.

use super::canvas::{Area, Pixels};
use super::content::Plot;
use super::font;
use super::legend::{self, Legend};
use super::limits::scales;
use super::numbers::Tick;
use super::plane::Plane;
use super::scale::Scale;
use super::series::Ground;
use super::shapes::Shape;

pub(super) const TITLE: f64 = 14.5;
pub(super) const LABEL: f64 = 12.5;
pub(super) const TICK: f64 = 11.0;
/// Names of bars are cut to this many pixels.
const NAME: f64 = 130.0;

/// Room around the axes' area.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Margins {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// The colours of values, beside the axes.
pub(super) struct ColourBar {
    pub(super) strip: Pixels,
    pub(super) ticks: Vec<Tick>,
    pub(super) scale: Scale,
}

/// A figure, or one panel of one, with all places worked out.
pub(super) struct Drawing<'a> {
    pub(super) plot: &'a Plot,
    pub(super) frame: Area,
    pub(super) plane: Plane,
    pub(super) margins: Margins,
    pub(super) x_ticks: Vec<Tick>,
    pub(super) y_ticks: Vec<Tick>,
    /// The names below are turned, since they have no room side by side.
    pub(super) slanted: bool,
    pub(super) shapes: Vec<Shape>,
    pub(super) bar: Option<ColourBar>,
    pub(super) legend: Option<Legend>,
    /// What to say instead of drawing.
    pub(super) message: Option<String>,
}

impl<'a> Drawing<'a> {
    /// A figure within a frame. `given` are the axes when they are shared, `least` the margins
    /// that other panels need.
    pub(super) fn new(plot: &'a Plot, frame: Area, given: Option<(Scale, Scale)>, least: Margins) -> Self {
        let own = scales(plot);
        let unit = Scale::linear(0.0, 1.0);
        let ((x, y), message) = match (own, given) {
            (Ok(_), Some(given)) => (given, None),
            (Ok(own), None) => (own, None),
            (Err(message), given) => (given.unwrap_or((unit, unit)), Some(message)),
        };
        let mut drawing = Self {
            plot,
            frame,
            plane: Plane::new(frame, x, y),
            margins: least,
            x_ticks: Vec::new(),
            y_ticks: Vec::new(),
            slanted: false,
            shapes: Vec::new(),
            bar: None,
            legend: None,
            message,
        };
        let coloured = plot.grids.iter().find_map(|grid| grid.scale().map(|scale| (grid, scale)));
        drawing.bar = coloured.map(|(grid, scale)| {
            let (strip, ticks) = grid.colour_bar(&scale);
            ColourBar { strip, ticks, scale }
        });
        let entries = legend::entries(plot);
        drawing.place(0.0, least);
        drawing.fill();
        if !entries.is_empty() && drawing.message.is_none() {
            drawing.legend = Legend::inside(&entries, drawing.plane.area, &drawing.shapes);
            if drawing.legend.is_none() {
                // There is no free corner: above the axes it covers nothing.
                let above = Legend::above(&entries, drawing.plane.area);
                drawing.place(above.height(), least);
                drawing.fill();
                drawing.legend = Some(Legend::above(&entries, drawing.plane.area));
            }
        }
        drawing
    }

    /// Works out margins and ticks, which depend on each other.
    fn place(&mut self, legend: f64, least: Margins) {
        let plot = self.plot;
        let Area { w: width, h: height, .. } = self.frame;
        let widest = |ticks: &[Tick]| ticks.iter().map(|t| font::width(&t.label, TICK)).fold(0.0, f64::max);
        let mut top = 14.0 + legend;
        top += if plot.title.is_empty() { 0.0 } else { 22.0 };
        let mut bottom = 27.0;
        bottom += if plot.xlabel.is_empty() { 0.0 } else { 19.0 };
        let most = (((height - top - bottom) / 46.0) as usize).clamp(2, 12);
        let counted = !plot.series.is_empty() && plot.series.iter().all(|s| s.traits().counted);
        self.y_ticks = self.whole(&self.plane.y, most, counted);
        let mut left = widest(&self.y_ticks) + 15.0;
        left += if plot.ylabel.is_empty() { 0.0 } else { 20.0 };
        let mut right = match &self.bar {
            Some(bar) => 46.0 + widest(&bar.ticks),
            None => 16.0,
        };
        (left, right) = (left.max(least.left), right.max(least.right));
        for _ in 0..2 {
            self.plane.area.w = (width - left - right).max(20.0);
            let slope = self.ticks_below();
            bottom = bottom.max(slope + 14.0 + if plot.xlabel.is_empty() { 0.0 } else { 19.0 });
            // The last label must not be cut off.
            if let Some(last) =
                self.x_ticks.iter().max_by(|a, b| self.plane.x.place(a.at).total_cmp(&self.plane.x.place(b.at)))
            {
                let half = if self.slanted { 4.0 } else { font::width(&last.label, TICK) / 2.0 };
                let beyond = half - (1.0 - self.plane.x.place(last.at)) * self.plane.area.w;
                right = right.max((beyond + 4.0).min(width / 3.0));
            }
            if let Some(first) =
                self.x_ticks.iter().min_by(|a, b| self.plane.x.place(a.at).total_cmp(&self.plane.x.place(b.at)))
            {
                let text = font::width(&first.label, TICK);
                // At 35°, and for pages whose font is wider than ours.
                let half = if self.slanted { text * 0.92 } else { text / 2.0 };
                let beyond = half - self.plane.x.place(first.at) * self.plane.area.w;
                left = left.max((beyond + 4.0).min(width / 3.0));
            }
        }
        (top, bottom) = (top.max(least.top), bottom.max(least.bottom));
        self.margins = Margins { left, right, top, bottom };
        let area = Area {
            x: (self.frame.x + left).round(),
            y: (self.frame.y + top).round(),
            w: (width - left - right).max(20.0).round(),
            h: (height - top - bottom).max(20.0).round(),
        };
        self.plane.area = square(plot, area);
        self.ticks_below();
    }

    /// Ticks; rows and columns have whole numbers only, and so has what is counted.
    fn whole(&self, scale: &Scale, most: usize, counted: bool) -> Vec<Tick> {
        match counted || self.plot.grids.iter().any(|grid| grid.extent.is_none()) {
            true => scale.whole_ticks(most),
            false => scale.ticks(most),
        }
    }

    /// As many ticks as have room beside each other; gives the height of their labels.
    fn ticks_below(&mut self) -> f64 {
        self.slanted = false;
        if !self.plot.names.is_empty() {
            return self.names_below();
        }
        let mut most = ((self.plane.area.w / 55.0) as usize).clamp(2, 14);
        loop {
            self.x_ticks = self.whole(&self.plane.x, most, false);
            let mut spans: Vec<(f64, f64)> = Vec::new();
            for tick in &self.x_ticks {
                let (middle, half) =
                    (self.plane.x.place(tick.at) * self.plane.area.w, font::width(&tick.label, TICK) / 2.0);
                spans.push((middle - half, middle + half));
            }
            spans.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            if spans.windows(2).all(|p| p[0].1 + 9.0 <= p[1].0) || most <= 2 {
                return TICK;
            }
            most -= 1;
        }
    }

    /// Every name, turned when they have no room side by side; when even turned ones have none,
    /// every second, third…
    fn names_below(&mut self) -> f64 {
        let span = (self.plane.x.high - self.plane.x.low).abs().max(1e-9);
        let room = self.plane.area.w / span;
        let names: Vec<String> = self.plot.names.iter().map(|n| font::cut(n, TICK, NAME)).collect();
        let widest = names.iter().map(|n| font::width(n, TICK)).fold(0.0, f64::max);
        self.slanted = widest + 6.0 > room && names.len() > 1;
        let every = if self.slanted { (TICK * 1.35 / room).ceil().max(1.0) as usize } else { 1 };
        let kept = names.into_iter().enumerate().step_by(every);
        self.x_ticks = kept.map(|(i, label)| Tick { at: i as f64, label }).collect();
        if self.slanted { widest * 0.6 + TICK } else { TICK }
    }

    /// Makes the shapes.
    fn fill(&mut self) {
        self.shapes.clear();
        if self.message.is_some() {
            return;
        }
        let mut shapes = Vec::new();
        let mut covered = false;
        for grid in &self.plot.grids {
            shapes.extend(grid.kind.shapes(grid, grid.scale().as_ref(), &self.plane, covered));
            covered |= grid.traits().covers;
        }
        let all = self.plot.series.iter().filter(|s| s.traits().named).count();
        let mut before = 0;
        for (n, series) in self.plot.series.iter().enumerate() {
            let ground = Ground { plane: &self.plane, colour: series.painted(n), among: (before, all) };
            shapes.extend(series.kind.shapes(series, &ground));
            before += usize::from(series.traits().named);
        }
        self.shapes = shapes;
    }

    /// How much a reader would have to draw.
    pub(super) fn weight(&self) -> usize {
        self.shapes.iter().map(Shape::weight).sum()
    }

    /// Is all of the area a picture, with no room for grid lines?
    pub(super) fn covered(&self) -> bool {
        self.plot.grids.iter().any(|grid| grid.traits().covers)
    }
}

/// Pictures keep square pixels.
fn square(plot: &Plot, area: Area) -> Area {
    let square = plot.grids.iter().find(|grid| grid.traits().square && grid.extent.is_none());
    let Some(grid) = square.filter(|grid| grid.nx * grid.ny > 0) else {
        return area;
    };
    let scale = (area.w / grid.nx as f64).min(area.h / grid.ny as f64);
    let (w, h) = (grid.nx as f64 * scale, grid.ny as f64 * scale);
    Area { x: area.x + (area.w - w) / 2.0, y: area.y + (area.h - h) / 2.0, w, h }
}
