//! What figures are drawn on: a few shapes, in pixels from the top left corner. Knows nothing of
//! numbers, axes or formats.

/// Red, green, blue, opacity; and for ink, what text and axes are drawn with, its opacity when the
/// page's own text colour is used instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour {
    pub(super) rgba: [u8; 4],
    pub(super) ink: Option<u8>,
}

impl Colour {
    pub(super) const fn rgb(hex: u32) -> Self {
        Self { rgba: [(hex >> 16) as u8, (hex >> 8) as u8, hex as u8, 255], ink: None }
    }

    /// A colour that gives way to the page's text colour, of this opacity, where there is one.
    const fn ink(hex: u32, part: f64) -> Self {
        Self { rgba: Self::rgb(hex).rgba, ink: Some((part * 255.0) as u8) }
    }

    pub(super) const fn opacity(self, part: f64) -> Self {
        let [r, g, b, _] = self.rgba;
        let ink = match self.ink {
            Some(_) => Some((part * 255.0) as u8),
            None => None,
        };
        Self { rgba: [r, g, b, (part * 255.0) as u8], ink }
    }
}

/// Figures have no background, so that they sit well on light and on dark pages: every colour is
/// of a middle lightness that stands out from white as much as from black.
pub(super) const TITLE: Colour = Colour::ink(0x78_78_78, 0.95);
/// Labels of axes and ticks, legends.
pub(super) const TEXT: Colour = Colour::ink(0x78_78_78, 0.78);
/// Axes and ticks.
pub(super) const AXIS: Colour = Colour::ink(0x8c_8c_8c, 0.45);
/// Grid lines.
pub(super) const GRID: Colour = Colour::rgb(0x80_80_80).opacity(0.20);
/// Lines that a user drew across the figure.
pub(super) const NOTE: Colour = Colour::ink(0x80_80_80, 0.65);

/// Colours of series, told apart with red-green blindness too, in their order. Each has a
/// contrast of at least 3 with white and with nearly black.
pub(super) const SERIES: [Colour; 8] = [
    Colour::rgb(0x2b_88_d8),
    Colour::rgb(0xdd_75_18),
    Colour::rgb(0x1f_9d_73),
    Colour::rgb(0xd9_50_66),
    Colour::rgb(0x97_72_d8),
    Colour::rgb(0x9c_84_17),
    Colour::rgb(0xcc_5a_b0),
    Colour::rgb(0x3d_8e_a6),
];

/// The colour of the n-th series, unless it has one of its own.
pub(super) fn series_colour(n: usize) -> Colour {
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
    /// Degrees by which the text is turned against the clock around its position.
    pub(super) turn: f64,
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
    /// A filled shape.
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
