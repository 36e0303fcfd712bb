//! Drawings of things that need each other: boxes in layers and the edges between them, as SVG. What the boxes are, and what
//! their colours mean, is not known here.

mod layout;

use crate::display::escape;
use layout::{Layout, Point, Shape};
use std::fmt::Write;

/// Of more boxes than this, kinds are counted instead.
pub(crate) const MOST: usize = 200;
/// Boxes of a drawing with more than this have no words in them: they are told when one points at them.
const WORDED: usize = 60;
/// Characters of a label.
const LONGEST: usize = 24;

/// What a box says.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    /// In it.
    pub(crate) short: String,
    /// When one points at it.
    pub(crate) told: String,
}

/// How a box looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) fill: &'static str,
    /// What the colour means.
    pub(crate) word: &'static str,
    /// Words in it are light.
    pub(crate) dark: bool,
    pub(crate) round: bool,
}

/// Boxes whose places are known; they may change their colours.
pub(crate) struct Drawing {
    layout: Layout,
    widths: Vec<f64>,
    labels: Vec<Label>,
}

impl Drawing {
    /// Of boxes each of which stands after those that it needs, and edges from one to another that needs it.
    pub(crate) fn new(labels: Vec<Label>, mut edges: Vec<(usize, usize)>) -> Self {
        edges.sort_unstable();
        edges.dedup();
        let worded = labels.len() <= WORDED;
        let labels: Vec<Label> = labels.into_iter().map(|label| Label { short: short(label.short), ..label }).collect();
        let width = |label: &Label| if worded { label.short.chars().count() as f64 * 6.8 + 18.0 } else { 14.0 };
        let widths: Vec<f64> = labels.iter().map(width).collect();
        let layout = Shape { widths: widths.clone(), edges, step: if worded { 52.0 } else { 34.0 } }.lay_out();
        Self { layout, widths, labels }
    }

    /// As an element with this name, in which each box looks as it does now.
    pub(crate) fn svg(&self, name: &str, look: impl Fn(usize) -> Look) -> String {
        let (width, height) = (self.layout.width.max(20.0), self.layout.height.max(20.0));
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             style=\"width:{width:.0}px;max-width:100%;height:auto;font:11px ui-monospace,monospace\">",
            escape(name)
        );
        out += "<g fill=\"none\" stroke=\"currentColor\" stroke-opacity=\".35\">";
        self.layout.edges.iter().for_each(|path| edge(&mut out, path, self.half()));
        out += "</g>";
        (0..self.labels.len()).for_each(|at| self.piece(&mut out, at, look(at)));
        out + "</svg>"
    }

    /// Half of a box's height.
    fn half(&self) -> f64 {
        if self.labels.len() <= WORDED { 12.0 } else { 7.0 }
    }

    fn piece(&self, out: &mut String, at: usize, look: Look) {
        let (half, width, (x, y)) = (self.half(), self.widths[at], self.layout.boxes[at]);
        let worded = self.labels.len() <= WORDED;
        let round = if look.round || !worded { half } else { 4.0 };
        // Writing to a text does not fail.
        let _ = write!(
            out,
            "<g><title>{}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"{round}\" \
             fill=\"{}\" fill-opacity=\".8\" stroke=\"currentColor\" stroke-opacity=\".5\"/>",
            escape(&format!("{}, {}", self.labels[at].told, look.word)),
            x - width / 2.0,
            y - half,
            2.0 * half,
            look.fill
        );
        if worded {
            let ink = if look.dark { "#fff" } else { "currentColor" };
            let _ = write!(
                out,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{ink}\">{}</text>",
                y + 4.0,
                escape(&self.labels[at].short)
            );
        }
        *out += "</g>";
    }
}

/// A line that leaves boxes downwards and passes its points without corners.
fn edge(out: &mut String, path: &[Point], half: f64) {
    for (n, pair) in path.windows(2).enumerate() {
        let (mut from, mut to) = (pair[0], pair[1]);
        from.1 += if n == 0 { half } else { 0.0 };
        to.1 -= if n + 2 == path.len() { half } else { 0.0 };
        let middle = (from.1 + to.1) / 2.0;
        let _ = write!(
            out,
            "<path d=\"M{:.1} {:.1}C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {:.1}\"/>",
            from.0, from.1, from.0, to.0, to.0, to.1
        );
    }
}

fn short(label: String) -> String {
    if label.chars().count() <= LONGEST {
        return label;
    }
    label.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// HTML in the page's font and colours.
pub(crate) fn framed(html: &str) -> String {
    format!(
        "<div style=\"font:12px/1.4 var(--jp-code-font-family,ui-monospace,monospace);\
         color:var(--jp-content-font-color1,var(--vscode-foreground,inherit));overflow-x:auto\">{html}</div>"
    )
}

/// What stands above a drawing.
pub(crate) fn caption(text: &str) -> String {
    format!("<div style=\"opacity:.7\">{}</div>", escape(text))
}

/// Two drawings beside each other, or below where there is no room.
pub(crate) fn beside(one: &str, other: &str) -> String {
    format!(
        "<div style=\"display:flex;flex-wrap:wrap;gap:24px;align-items:flex-start\"><div>{one}</div><div>{other}</div></div>"
    )
}
