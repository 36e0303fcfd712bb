//! How an array looks that is the last expression of a cell: what it is, not its elements, since showing must not
//! compute.

use super::api::Array;
use super::node::Node;
use super::shape::Chunked;
use crate::display::{Display, MimeBundle, escape, table};
use ferrolab_base::text::{bytes, grouped};
use std::fmt::Write;

/// Lines of the drawing along an axis, at most.
const LINES: usize = 40;
/// The longer side of the drawing, in pixels.
const SIDE: f64 = 120.0;

/// A card: shape, chunks, type, bytes, and a drawing of the chunks.
///
/// ```
/// use ferrolab::{display::Display, prelude::*};
/// let card = threads().array().zeros::<f64, _>([100, 50]).rechunk([25, 50]).mime_bundle();
/// let html = String::from_utf8_lossy(&card[0].1);
/// assert!(html.contains("100 × 50") && html.contains("4 of 25 × 50") && html.contains("<svg"));
/// ```
impl<T, D> Display for Array<T, D> {
    fn mime_bundle(&self) -> MimeBundle {
        bundle(&self.node, self.on.name())
    }
}

#[inline(never)]
fn bundle(node: &Node, on: &str) -> MimeBundle {
    let lines = lines(node, on);
    let rows = lines.iter().map(|(name, value)| [name.as_str(), value.as_str()]);
    let html = format!(
        "<div style=\"display:flex;gap:2em;align-items:center\">{}{}</div>",
        body(&lines),
        drawing(node).unwrap_or_default()
    );
    let text = table(["array", ""], rows).to_string();
    vec![("text/html".to_owned(), html.into_bytes()), ("text/plain".to_owned(), text.into_bytes())]
}

fn body(lines: &[(String, String)]) -> String {
    let mut html = String::from("<table><tbody>");
    for (name, value) in lines {
        let _ = write!(
            html,
            "<tr><th style=\"text-align:left\">{}</th><td style=\"text-align:left\">{}</td></tr>",
            escape(name),
            escape(value)
        );
    }
    html + "</tbody></table>"
}

/// `3 × 4`
fn by(lengths: &[usize]) -> String {
    let all: Vec<String> = lengths.iter().map(usize::to_string).collect();
    if all.is_empty() { "one number".to_owned() } else { all.join(" × ") }
}

fn lines(node: &Node, on: &str) -> Vec<(String, String)> {
    let mut lines = vec![
        ("shape".to_owned(), by(&node.shape)),
        ("type".to_owned(), node.dtype.to_string()),
        ("size".to_owned(), format!("{} in {} elements", bytes(node.bytes()), grouped(node.len() as u64))),
        ("from".to_owned(), node.name()),
        ("on".to_owned(), on.to_owned()),
        ("line".to_owned(), node.line()),
    ];
    if let Some(chunk) = &node.chunks {
        let grid = Chunked::new(&node.shape, chunk);
        let size = chunk.iter().product::<usize>() * node.dtype.size();
        let text = format!("{} of {}, {} each", grouped(grid.len() as u64), by(&grid.chunk), bytes(size as u64));
        lines.insert(1, ("chunks".to_owned(), text));
    }
    lines
}

/// The last two axes, and where chunks begin; none of arrays without elements.
fn drawing(node: &Node) -> Option<String> {
    let axes = node.shape.len();
    if node.len() == 0 || axes == 0 {
        return None;
    }
    let (height, width) = (if axes > 1 { node.shape[axes - 2] } else { 1 }, node.shape[axes - 1]);
    let longest = height.max(width) as f64;
    // What is thin stays visible.
    let side = |length: usize| (SIDE * length as f64 / longest).max(8.0);
    let (h, w) = (side(height), side(width));
    let chunk = node.chunks.as_ref().unwrap_or(&node.shape);
    let (tall, wide) = (if axes > 1 { chunk[axes - 2] } else { 1 }, chunk[axes - 1]);
    let mut svg = format!(
        "<svg width=\"{:.0}\" height=\"{:.0}\" stroke=\"currentColor\" role=\"img\" aria-label=\"chunks\">\
         <rect x=\"1\" y=\"1\" width=\"{w:.1}\" height=\"{h:.1}\" fill=\"currentColor\" fill-opacity=\"0.1\"/>",
        w + 2.0,
        h + 2.0
    );
    let mut lines = |length: usize, each: usize, line: &dyn Fn(f64) -> String| {
        let count = length.div_ceil(each.max(1));
        // Where there would be more than can be told apart, some stand for all.
        let step = count.div_ceil(LINES).max(1);
        for k in (step..count).step_by(step) {
            svg.push_str(&line((k * each) as f64 / length as f64));
        }
    };
    let across = |at: f64| format!("<path d=\"M1 {:.1}h{w:.1}\" stroke-opacity=\"0.5\"/>", 1.0 + at * h);
    let down = |at: f64| format!("<path d=\"M{:.1} 1v{h:.1}\" stroke-opacity=\"0.5\"/>", 1.0 + at * w);
    lines(height, tall, &across);
    lines(width, wide, &down);
    Some(svg + "</svg>")
}
