//! What cells that draw with `plotly` would otherwise compile each time: how its traces, for data of the usual types, and its
//! layouts are copied, written and dropped. A trace of other data takes from here all but what holds its data. Not a part of
//! the kernel: its text is compiled against the environment's `plotly`, and nothing in it is ever called.

use plotly::common::Mode;
use plotly::{Bar, BoxPlot, HeatMap, Histogram, Layout, Plot, Scatter, Scatter3D};

macro_rules! traces {
    ($($name:ident: $of:ident, $x:ty, $y:ty;)*) => {$(
        pub fn $name(plot: &mut Plot, x: Vec<$x>, y: Vec<$y>) {
            plot.add_trace($of::new(x, y).name(""));
        }
    )*};
}

traces! {
    lines_f64: Scatter, f64, f64;
    lines_i32: Scatter, i32, i32;
    lines_usize: Scatter, usize, usize;
    lines_usize_f64: Scatter, usize, f64;
    bars_text_f64: Bar, &'static str, f64;
    bars_text_i32: Bar, &'static str, i32;
    bars_string_f64: Bar, String, f64;
    bars_string_usize: Bar, String, usize;
}

pub fn others(plot: &mut Plot, values: Vec<f64>) {
    plot.add_trace(Scatter::new(values.clone(), values.clone()).mode(Mode::Lines));
    plot.add_trace(Histogram::new(values.clone()).name(""));
    plot.add_trace(BoxPlot::new(values.clone()).name(""));
    plot.add_trace(HeatMap::new_z(vec![values.clone()]));
    plot.add_trace(Scatter3D::new(values.clone(), values.clone(), values).name(""));
}

pub fn page(layout: &Layout) -> String {
    let mut plot = Plot::new();
    plot.set_layout(layout.clone());
    plot.to_json() + &plot.to_html() + &plot.clone().to_inline_html(None)
}
