//! What figures are drawn on: a few shapes, in pixels from the top left corner.

/// Red, green, blue, opacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) [u8; 4]);

impl Colour {
    pub(super) const fn rgb(hex: u32) -> Self {
        Self([(hex >> 16) as u8, (hex >> 8) as u8, hex as u8, 255])
    }

    pub(super) const fn opacity(self, part: f64) -> Self {
        let [r, g, b, _] = self.0;
        Self([r, g, b, (part * 255.0) as u8])
    }
}

/// Figures have no background, so that they sit well on light and on dark pages: every colour is
/// of a middle lightness that stands out from white as much as from black.
pub(super) const TEXT: Colour = Colour::rgb(0x7a_7a_7a);
/// Axes and ticks.
pub(super) const AXIS: Colour = Colour::rgb(0x8c_8c_8c);
/// Grid lines.
pub(super) const GRID: Colour = Colour::rgb(0x80_80_80).opacity(0.22);

/// Colours of series, told apart with red-green blindness too, in their order.
const SERIES: [Colour; 8] = [
    Colour::rgb(0x2b_8c_de),
    Colour::rgb(0xe5_80_27),
    Colour::rgb(0x26_a3_7a),
    Colour::rgb(0xd9_50_66),
    Colour::rgb(0x97_72_d8),
    Colour::rgb(0xa8_93_1c),
    Colour::rgb(0xd0_60_b4),
    Colour::rgb(0x4f_9f_b5),
];

/// The colour of the n-th series.
pub(super) fn series(n: usize) -> Colour {
    SERIES[n % SERIES.len()]
}

/// Which point of a text is at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) text: &'a str,
    pub(super) size: f64,
    pub(super) anchor: Anchor,
    /// Reads from bottom to top.
    pub(super) upwards: bool,
    pub(super) colour: Colour,
}

/// A picture of straight-alpha RGBA rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pixels {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) rgba: Vec<u8>,
}

/// Left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

/// A place in pixels.
pub(super) type Point = (f64, f64);

/// A surface to draw on.
pub(super) trait Canvas {
    /// A line through points.
    fn line(&mut self, points: &[Point], width: f64, colour: Colour);
    /// A filled convex shape.
    fn fill(&mut self, points: &[Point], colour: Colour);
    /// Filled circles.
    fn dots(&mut self, points: &[Point], radius: f64, colour: Colour);
    /// A text whose baseline starts, is centred or ends at a place.
    fn text(&mut self, at: Point, text: Text<'_>);
    /// A picture stretched over an area, without smoothing.
    fn picture(&mut self, area: Area, pixels: &Pixels);
    /// Draws only inside this area from now on.
    fn clip(&mut self, area: Option<Area>);
}
