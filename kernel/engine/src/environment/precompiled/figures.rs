//! What cells that draw with `plotters` would otherwise compile each time: its generic functions
//! for the backends and coordinates that most figures have. Not a part of the kernel: its text is
//! compiled against the environment's `plotters`, and nothing in it is ever called.

use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;

type Area<'a, B> = DrawingArea<B, Shift>;
type Outcome = Result<(), Box<dyn Error>>;

macro_rules! figures {
    ($($name:ident: $backend:ident, $x:ty, $y:ty;)*) => {$(
        pub fn $name<'a>(root: &Area<'a, $backend<'a>>, xs: std::ops::Range<$x>, ys: std::ops::Range<$y>, data: Vec<($x, $y)>) -> Outcome {
            let mut builder = ChartBuilder::on(root);
            builder.margin(8).margin_left(8).caption("", ("sans-serif", 20)).caption("", ("sans-serif", 20).into_font());
            builder.x_label_area_size(30).y_label_area_size(30).set_label_area_size(LabelAreaPosition::Left, 40);
            let mut chart = builder.build_cartesian_2d(xs, ys)?;
            chart.configure_mesh().draw()?;
            chart.configure_mesh().x_desc("").y_desc("").x_labels(5).y_labels(5).disable_x_mesh().disable_y_mesh().light_line_style(&WHITE).draw()?;
            chart.draw_series(LineSeries::new(data.iter().copied(), &RED))?.label("").legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], RED));
            chart.draw_series(LineSeries::new(data.clone(), RED))?.label(String::new()).legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], &RED));
            chart.draw_series(LineSeries::new(data.clone(), RED.stroke_width(2)).point_size(2))?;
            chart.draw_series(data.iter().map(|point| Circle::new(*point, 3, RED.filled())))?;
            chart.draw_series(PointSeries::of_element(data, 3, &RED, &|at, size, style| Circle::new(at, size, style.filled())))?;
            chart.configure_series_labels().draw()?;
            chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).position(SeriesLabelPosition::UpperLeft).draw()?;
            chart.configure_series_labels().background_style(WHITE).border_style(&BLACK).draw()?;
            root.present()?;
            Ok(())
        }
    )*};
}

figures! {
    svg_f64: SVGBackend, f64, f64;
    svg_f32: SVGBackend, f32, f32;
    svg_i32: SVGBackend, i32, i32;
    bitmap_f64: BitMapBackend, f64, f64;
    bitmap_f32: BitMapBackend, f32, f32;
}

macro_rules! areas {
    ($($name:ident: $backend:ident;)*) => {$(
        pub fn $name<'a>(root: &Area<'a, $backend<'a>>) -> Outcome {
            root.fill(&WHITE)?;
            root.fill(&WHITE.mix(0.5))?;
            let root = root.titled("", ("sans-serif", 20))?.margin(4, 4, 4, 4);
            let _ = (root.split_evenly((2, 2)), root.split_vertically(9), root.split_horizontally(9));
            root.draw(&Circle::new((1, 1), 5, &RED))?;
            root.draw(&Circle::new((1, 1), 5, RED.filled()))?;
            root.draw(&Rectangle::new([(0, 0), (1, 1)], RED.filled()))?;
            root.draw(&PathElement::new(vec![(0, 0), (1, 1)], RED))?;
            root.draw(&Text::new("", (0, 0), ("sans-serif", 20)))?;
            root.draw(&Text::new(String::new(), (0, 0), ("sans-serif", 20).into_font()))?;
            root.present()?;
            Ok(())
        }
    )*};
}

areas! {
    svg: SVGBackend;
    bitmap: BitMapBackend;
}

pub fn bars<'a>(root: &Area<'a, SVGBackend<'a>>, data: Vec<u32>) -> Outcome {
    let mut chart = ChartBuilder::on(root).margin(8).x_label_area_size(30).y_label_area_size(30).build_cartesian_2d((0u32..10u32).into_segmented(), 0u32..10u32)?;
    chart.configure_mesh().disable_x_mesh().bold_line_style(WHITE.mix(0.3)).y_desc("").x_desc("").axis_desc_style(("sans-serif", 15)).draw()?;
    chart.draw_series(Histogram::vertical(&chart).style(RED.mix(0.5).filled()).margin(0).data(data.iter().map(|x: &u32| (*x, 1))))?;
    Ok(())
}
