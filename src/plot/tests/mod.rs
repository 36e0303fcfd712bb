//! Figures of ordinary and of strange data, looked at as documents and as pixels.

// Slices are what users pass.
#![allow(clippy::needless_borrows_for_generic_args)]

mod axes;
mod forms;
mod pixels;
mod strange;
mod words;

use super::*;
use crate::display::Display;

/// Even numbers between −1 and 1 that look random, the same each time.
fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// Each kind of figure over some numbers.
fn kinds(v: &[f64]) -> Vec<Plot> {
    let names = vec!["<a>"; v.len()];
    vec![
        line_y(v),
        line(v, v),
        scatter(v, v),
        steps(v, v),
        stem(v, v),
        area(v, v),
        between(v, v, &vec![0.5; v.len()]),
        hist(v),
        errorbars(v, v, v),
        errorbars_xy(v, v, v, v),
        bar(&names, v),
        boxplot(&["g", "h"], [v, v]),
        heatmap(v, v.len(), 1),
        matrix((v, 1, v.len())).log_color().colormap("coolwarm"),
        contour((v, v.len(), 1)),
        contour(vec![v.to_vec(); 3]),
        contourf(vec![v.to_vec(); 3]).add(contour(vec![v.to_vec(); 3])).levels(3),
        line_y(v).label("x & y").add(scatter(v, v).label("<b>").color("red")).add(area(v, v).label("c").dashed()),
        line(v, v).date_x().hline(0.0).vline(1e300).hspan(-1.0, 1.0).vspan(f64::NAN, 2.0).annotate(1.0, 1.0, "<n>"),
        line(v, v).xlim(0.5, 2.5).ylim(10.0, -10.0),
    ]
}

/// An attribute of each element of a name, and what stands in it.
fn texts(svg: &str) -> Vec<(f64, f64, f64, String, Option<f64>, String)> {
    let number = |element: &str, name: &str| {
        let from = element.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
        element[from..].split('"').next().unwrap().to_owned()
    };
    let elements = svg.split("<text").skip(1);
    elements
        .map(|element| {
            let (head, rest) = element.split_once('>').unwrap();
            let words = rest.split("</text>").next().unwrap();
            let words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            let turn = head.split("rotate(").nth(1).map(|t| t.split(' ').next().unwrap().parse().unwrap());
            let parse = |name| number(head, name).parse::<f64>().unwrap();
            (parse("x"), parse("y"), parse("font-size"), number(head, "text-anchor"), turn, words)
        })
        .collect()
}

/// Left, top, right and bottom of each text of a document, with its words.
fn boxes_of_texts(svg: &str) -> Vec<([f64; 4], String)> {
    let all = texts(svg).into_iter().map(|(x, y, size, anchor, turn, words)| {
        let width = font::width(&words, size);
        let start = match anchor.as_str() {
            "start" => 0.0,
            "middle" => -width / 2.0,
            _ => -width,
        };
        let (sin, cos) = turn.unwrap_or(0.0).to_radians().sin_cos();
        let corners = [(start, -size * 0.75), (start + width, -size * 0.75), (start, 0.0), (start + width, 0.0)];
        let turned = corners.map(|(u, v)| (x + u * cos - v * sin, y + u * sin + v * cos));
        let fold =
            |pick: &dyn Fn(&(f64, f64)) -> f64, of: fn(f64, f64) -> f64, from| turned.iter().map(pick).fold(from, of);
        let bounds = [
            fold(&|p| p.0, f64::min, f64::MAX),
            fold(&|p| p.1, f64::min, f64::MAX),
            fold(&|p| p.0, f64::max, f64::MIN),
            fold(&|p| p.1, f64::max, f64::MIN),
        ];
        (bounds, words)
    });
    all.collect()
}

fn plain(figure: &impl Display) -> String {
    String::from_utf8(figure.mime_bundle().pop().unwrap().1).unwrap()
}
