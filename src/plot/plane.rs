//! The plane that data is drawn on: the axes' area in pixels and the scales along it. How large the
//! area is, and what stands around it, is for `layout` to say.

use super::canvas::{Area, Point};
use super::scale::{Ruler, Scale};

/// Places in pixels stay within this, however far a value lies outside.
const FAR: f64 = 1e5;

/// From numbers to places in pixels.
pub(super) struct Plane {
    pub(super) area: Area,
    pub(super) x: Scale,
    pub(super) y: Scale,
    rulers: (Ruler, Ruler),
}

impl Plane {
    pub(super) fn new(area: Area, x: Scale, y: Scale) -> Self {
        Self { area, x, y, rulers: (x.ruler(), y.ruler()) }
    }

    /// The place of a point, not finite when it has none.
    pub(super) fn at(&self, x: f64, y: f64) -> Point {
        let (u, v) = (self.rulers.0.place(x) * self.area.w, (1.0 - self.rulers.1.place(y)) * self.area.h);
        // What is infinite stays so: a gap, and not a point far away.
        let near = |t: f64| if t.is_finite() { t.clamp(-FAR, FAR) } else { f64::NAN };
        (self.area.x + near(u), self.area.y + near(v))
    }

    /// Where bars, areas and stems begin: at zero, or at the low end of an axis that has none.
    pub(super) fn base(&self) -> f64 {
        let (low, high) = (self.y.low.min(self.y.high), self.y.low.max(self.y.high));
        match self.y.log {
            true => low,
            false => 0f64.clamp(low, high),
        }
    }

    /// Would a dot at this place be seen, at least a part of it?
    pub(super) fn shows(&self, (x, y): Point) -> bool {
        let Area { x: left, y: top, w, h } = self.area;
        let (x, y) = (x - left, y - top);
        x >= -6.0 && y >= -6.0 && x <= w + 6.0 && y <= h + 6.0
    }

    /// So many points that several share a column of pixels: lines through them are thinned.
    pub(super) fn crowded(&self, points: usize) -> bool {
        points > 4 * self.area.w as usize
    }
}

/// A place, or another one where the value has none: the lower parts of what is drawn may not exist
/// on a logarithmic axis.
pub(super) fn finite(place: f64, otherwise: f64) -> f64 {
    if place.is_finite() { place } else { otherwise }
}
