//! Figures as SVG.

use super::canvas::{Anchor, Area, Canvas, Colour, Pixels, Point, Text};
use super::raster;
use ferrolab_base::text::escape;
use std::fmt::Write;

/// An SVG document being written.
pub(super) struct Svg {
    out: String,
    clips: usize,
    clipped: bool,
    /// Part of an HTML page, whose text colour and font it takes.
    page: bool,
}

/// JupyterLab's and VS Code's, else what the page has.
const INK: &str = "var(--jp-ui-font-color1,var(--vscode-foreground,currentColor))";
const FONT: &str = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

impl Svg {
    pub(super) fn new(width: u32, height: u32, title: &str, about: &str, page: bool) -> Self {
        let mut out = String::new();
        let style = match page {
            true => {
                format!(" style=\"color:{INK};font-family:var(--jp-ui-font-family,{FONT});max-width:100%;height:auto\"")
            }
            false => format!(" font-family=\"{FONT}\""),
        };
        let words = described(title, about);
        // Writing to a string does not fail, here and below.
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\"{style}>{words}"
        );
        Self { out, clips: 0, clipped: false, page }
    }

    fn paint(&self, attribute: &str, colour: Colour) -> String {
        let [r, g, b, mut a] = colour.rgba;
        let mut out = match colour.ink.filter(|_| self.page) {
            Some(opacity) => {
                a = opacity;
                format!(" {attribute}=\"currentColor\"")
            }
            None => format!(" {attribute}=\"#{r:02x}{g:02x}{b:02x}\""),
        };
        if a < 255 {
            let part = (f64::from(a) / 2.55).round() / 100.0;
            let _ = write!(out, " {attribute}-opacity=\"{part}\"");
        }
        out
    }

    pub(super) fn finish(mut self) -> String {
        self.clip(None);
        self.out.push_str("</svg>");
        self.out
    }

    fn points(&mut self, points: &[Point]) {
        for (i, (x, y)) in points.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            let _ = write!(self.out, "{space}{},{}", number(*x), number(*y));
        }
    }
}

/// Two decimals, without zeros at the end.
fn number(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

impl Canvas for Svg {
    fn line(&mut self, points: &[Point], width: f64, colour: Colour) {
        self.out.push_str("<polyline points=\"");
        self.points(points);
        let paint = self.paint("stroke", colour);
        let _ = write!(self.out, "\" fill=\"none\"{paint} stroke-width=\"{width}\" stroke-linejoin=\"round\"/>");
    }

    fn fill(&mut self, points: &[Point], colour: Colour) {
        self.out.push_str("<polygon points=\"");
        self.points(points);
        let paint = self.paint("fill", colour);
        let _ = write!(self.out, "\"{paint}/>");
    }

    fn dots(&mut self, points: &[Point], radius: f64, colour: Colour) {
        // Lines of no length with round ends: a third of the size of as many circles.
        self.out.push_str("<path d=\"");
        for (x, y) in points {
            let _ = write!(self.out, "M{},{}h0", number(*x), number(*y));
        }
        let (paint, width) = (self.paint("stroke", colour), radius * 2.0);
        let _ = write!(self.out, "\" fill=\"none\"{paint} stroke-width=\"{width}\" stroke-linecap=\"round\"/>");
    }

    fn text(&mut self, (x, y): Point, text: Text<'_>) {
        let anchor = match text.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y) = (number(x), number(y));
        let turn = match text.turn == 0.0 {
            true => String::new(),
            false => format!(" transform=\"rotate({} {x} {y})\"", -text.turn),
        };
        let paint = self.paint("fill", text.colour);
        let _ = write!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" text-anchor=\"{anchor}\"{paint}{turn}>{}</text>",
            number(text.size),
            escape(text.text)
        );
    }

    fn picture(&mut self, area: Area, pixels: &Pixels) {
        let Some(png) = raster::encode(pixels) else {
            return;
        };
        let _ = write!(
            self.out,
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>",
            number(area.x),
            number(area.y),
            number(area.w),
            number(area.h),
            base64(&png)
        );
    }

    fn clip(&mut self, area: Option<Area>) {
        if std::mem::take(&mut self.clipped) {
            self.out.push_str("</g>");
        }
        let Some(Area { x, y, w, h }) = area else {
            return;
        };
        // Figures share their page: an id says all there is to know of its clip, so that equal ids
        // mean equal clips.
        let id = format!("clip-{x}-{y}-{w}-{h}-{}", self.clips);
        self.clips += 1;
        self.clipped = true;
        let _ = write!(
            self.out,
            "<clipPath id=\"{id}\"><rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"/>\
             </clipPath><g clip-path=\"url(#{id})\">"
        );
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let word = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for digit in 0..4 {
            match digit <= three.len() {
                true => out.push(char::from(DIGITS[(word >> (18 - 6 * digit)) as usize & 63])),
                false => out.push('='),
            }
        }
    }
    out
}

/// A title or a description within a document.
fn described(title: &str, about: &str) -> String {
    format!("<title>{}</title><desc>{}</desc>", escape(title), escape(about))
}
