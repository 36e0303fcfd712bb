//! Figures as pixels: ink where the data is and none where it is not.

use super::super::canvas::{Area, Colour, SERIES};
use super::super::colours::Choice;
use super::super::hull::extremes;
use super::super::layout::{Drawing, Margins};
use super::super::thin::Thin;
use super::*;

/// A figure as pixels, and where values lie in it.
struct Look<'a> {
    drawing: Drawing<'a>,
    rgba: Vec<u8>,
    width: usize,
}

impl<'a> Look<'a> {
    fn at(plot: &'a Plot) -> Self {
        let frame = Area { x: 0.0, y: 0.0, w: f64::from(plot.size.0), h: f64::from(plot.size.1) };
        let drawing = Drawing::new(plot, frame, None, Margins::default());
        let png = plot.png();
        let mut reader = png::Decoder::new(png.as_slice()).read_info().unwrap();
        let mut rgba = vec![0; reader.output_buffer_size()];
        reader.next_frame(&mut rgba).unwrap();
        let width = reader.info().width as usize;
        assert_eq!(width, plot.size.0 as usize * 2);
        Self { drawing, rgba, width }
    }

    fn pixel(&self, x: f64, y: f64) -> [u8; 4] {
        let (u, v) = self.drawing.plane.at(x, y);
        let at = ((v * 2.0) as usize * self.width + (u * 2.0) as usize) * 4;
        [self.rgba[at], self.rgba[at + 1], self.rgba[at + 2], self.rgba[at + 3]]
    }

    #[track_caller]
    fn has(&self, x: f64, y: f64, colour: Colour, opacity: f64) {
        let pixel = self.pixel(x, y);
        let near = pixel[..3].iter().zip(&colour.rgba[..3]).all(|(a, b)| a.abs_diff(*b) <= 12);
        let thick = (f64::from(pixel[3]) - opacity * 255.0).abs() < 40.0;
        assert!(near && thick, "{pixel:?} at {x} {y}, not {colour:?} of {opacity}");
    }

    /// Nothing but perhaps a grid line.
    #[track_caller]
    fn bare(&self, x: f64, y: f64) {
        let pixel = self.pixel(x, y);
        assert!(pixel[3] < 80, "{pixel:?} at {x} {y}");
    }
}

#[test]
fn ink_is_where_the_data_is() {
    let blue = SERIES[0];
    let xs = [0.0, 1.0, 2.0, 3.0];
    let ys = [1.0, 3.0, 2.0, 4.0];
    let (points, path, filled) = (scatter(&xs, &ys), line(&xs, &ys), area(&xs, &ys));
    let (looks, lines, areas) = (Look::at(&points), Look::at(&path), Look::at(&filled));
    for (x, y) in xs.into_iter().zip(ys) {
        looks.has(x, y, blue, 0.85);
        if x > 0.0 && x < 3.0 {
            // Lines end at their last points, which are half as thick there.
            lines.has(x, y, blue, 1.0);
            areas.has(x, y, blue, 1.0);
        }
        looks.bare(x + 0.45, y);
    }
    lines.has(0.5, 2.0, blue, 1.0);
    looks.bare(0.5, 2.0);
    areas.has(0.55, 0.77, blue, 0.36);
    areas.bare(0.5, 3.1);
    let stairs = steps(&xs, &ys);
    Look::at(&stairs).has(0.5, 1.0, blue, 1.0);
    let red = line(&xs, &ys).color("red");
    Look::at(&red).has(1.0, 3.0, SERIES[3], 1.0);
}

#[test]
fn bars_boxes_and_errors_are_as_high_as_their_values() {
    let bars = bar(&["a", "b"], &[4.0, -2.0]).add(bar(&["a", "b"], &[1.1, 3.0]));
    let look = Look::at(&bars);
    look.has(-0.2, 3.9, SERIES[0], 0.88);
    look.bare(-0.2, 4.1);
    look.has(0.2, 0.9, SERIES[1], 0.88);
    look.has(0.8, -1.9, SERIES[0], 0.88);
    look.bare(0.8, 0.3);
    let boxes = boxplot(&["g"], [[1.0, 2.0, 3.0, 4.0, 5.0, 12.0]]);
    let look = Look::at(&boxes);
    look.has(0.0, 3.5, SERIES[0], 1.0);
    look.has(0.1, 3.0, SERIES[0], 0.3);
    look.has(0.0, 12.0, SERIES[0], 0.75);
    look.bare(0.1, 5.6);
    let errors = errorbars_xy(&[1.0, 2.0], &[1.0, 2.0], &[0.3, 0.3], &[0.2, 0.5]);
    let look = Look::at(&errors);
    look.has(2.0, 2.45, SERIES[0], 1.0);
    look.has(2.25, 2.0, SERIES[0], 1.0);
    look.bare(2.1, 2.33);
}

#[test]
fn heat_maps_have_the_colours_of_their_values() {
    let plot = matrix([[0.0, 1.0, 2.0], [3.0, f64::NAN, 4.0]]);
    let look = Look::at(&plot);
    let choice = Choice::default();
    let colour = |t: f64| Colour { rgba: choice.colour(t), ink: None };
    for (x, y, value) in [(0.5, 0.5, 0.0), (1.5, 0.5, 1.0), (2.5, 0.5, 2.0), (0.5, 1.5, 3.0), (2.5, 1.5, 4.0)] {
        look.has(x, y, colour(value / 4.0), 1.0);
    }
    assert_eq!(look.pixel(1.5, 1.5)[3], 0, "a gap");
    // With an extent the first row is at the bottom, where y begins.
    let plot = matrix([[0.0, 0.0], [1.0, 1.0]]).extent(10.0..20.0, 0.0..2.0);
    let look = Look::at(&plot);
    look.has(11.0, 0.5, colour(0.0), 1.0);
    look.has(19.0, 1.5, colour(1.0), 1.0);
    assert!(look.drawing.plane.at(11.0, 0.5).1 > look.drawing.plane.at(11.0, 1.5).1);
    let plot = matrix([[0.0, 0.0], [1.0, 1.0]]).extent(10.0..20.0, 2.0..0.0);
    Look::at(&plot).has(11.0, 1.5, colour(0.0), 1.0);
    let plot = matrix([[1.0, 10.0, 100.0, -1.0]]).log_color();
    Look::at(&plot).has(1.5, 0.5, colour(0.5), 1.0);
    assert_eq!(Look::at(&plot).pixel(3.5, 0.5)[3], 0);
    let plot = matrix([[-1.0, 5.0]]).range(0.0, 2.0).colormap("greys_r");
    let look = Look::at(&plot);
    look.has(0.5, 0.5, Colour::rgb(0xff_ff_ff), 1.0);
    look.has(1.5, 0.5, Colour::rgb(0), 1.0);
    // Beyond its edges a heat map is cut off.
    let plot = matrix([[0.0, 1.0], [2.0, 3.0]]).xlim(0.9, 1.2);
    let look = Look::at(&plot);
    let left = (look.drawing.plane.area.x as usize - 20) * 2;
    let row = (look.drawing.plane.area.y + look.drawing.plane.area.h / 3.3) as usize * 2;
    assert_eq!(look.rgba[(row * look.width + left) * 4 + 3], 0);
}

#[test]
fn contours_lie_where_values_cross_the_level() {
    let n = 101;
    let at = |i: usize| (i as f64 + 0.5) / n as f64 * 4.0 - 2.0;
    let cone: Vec<f64> = (0..n * n).map(|k| at(k % n).hypot(at(k / n))).collect();
    let plot = contour((cone.clone(), n, n)).extent(-2.0..2.0, -2.0..2.0).levels(5);
    let look = Look::at(&plot);
    for angle in 0..12 {
        let (sin, cos) = (f64::from(angle) * 0.5 + 0.1).sin_cos();
        assert!(look.pixel(cos, sin)[3] > 128, "on the circle of 1");
        assert!(look.pixel(1.2 * cos, 1.2 * sin)[3] < 80, "off it");
    }
    let plot = contourf((cone, n, n)).extent(-2.0..2.0, -2.0..2.0).levels(5);
    let look = Look::at(&plot);
    assert_eq!(look.pixel(0.6, 0.0), look.pixel(0.0, 0.9));
    assert_ne!(look.pixel(0.9, 0.0), look.pixel(1.1, 0.0));
}

#[test]
fn thinned_lines_keep_the_extremes_of_every_column() {
    let area = Area { x: 10.0, y: 0.0, w: 50.0, h: 100.0 };
    for seed in 1..40 {
        let n = 100 + 97 * seed as usize;
        let (us, vs) = (noise(n, seed), noise(n, seed + 1000));
        let mut xs: Vec<f64> = us.iter().map(|u| 35.0 + 40.0 * u).collect();
        if seed % 2 == 0 {
            xs.sort_unstable_by(f64::total_cmp);
        }
        let mut thin = Thin::new(area);
        xs.iter().zip(&vs).for_each(|(x, y)| thin.push((*x, *y), true));
        let kept = thin.finish();
        assert!(seed % 2 == 1 || kept.len() <= 4 * (50 + 18 + 2), "{} of {n}", kept.len());
        assert_eq!((kept[0], kept[kept.len() - 1]), ((xs[0], vs[0]), (xs[n - 1], vs[n - 1])));
        for column in 10..60 {
            let inside = |x: f64| x.floor() == f64::from(column);
            let all: Vec<f64> = xs.iter().zip(&vs).filter(|(x, _)| inside(**x)).map(|(_, y)| *y).collect();
            let few: Vec<f64> = kept.iter().filter(|(x, _)| inside(*x)).map(|(_, y)| *y).collect();
            assert_eq!(extremes(&all), extremes(&few), "column {column}");
        }
    }
}

#[test]
fn large_lines_keep_their_peaks() {
    let mut values = vec![0.0; 1_000_000];
    values[777_777] = 1000.0;
    let figure = line_y(&values);
    let bundle = figure.mime_bundle();
    assert_eq!(bundle[1].0, "image/svg+xml");
    assert!(bundle[1].1.len() < 100_000);
    let look = Look::at(&figure);
    look.has(777_777.0, 999.0, SERIES[0], 1.0);
    look.has(777_777.0, 500.0, SERIES[0], 1.0);
}

#[test]
fn many_points_become_a_picture_of_their_density() {
    let (u, v) = (noise(60_000, 1), noise(60_000, 2));
    // Most points in the middle, one alone in a corner.
    let mut xs: Vec<f64> = u.iter().map(|u| u * u * u).collect();
    let mut ys: Vec<f64> = v.iter().map(|v| v * v * v).collect();
    xs.push(1.5);
    ys.push(1.5);
    let figure = scatter(xs, ys).size(200, 150);
    let bundle = figure.mime_bundle();
    assert_eq!((bundle[0].0.as_str(), bundle[1].0.as_str()), ("image/png", "text/plain"));
    assert!(figure.metadata().contains("\"width\":200"));
    let look = Look::at(&figure);
    assert!(look.pixel(0.0, 0.0)[3] > 200, "dense");
    let lonely = look.pixel(1.5, 1.5);
    assert!(lonely[3] > 60 && lonely[3] < 200, "one point is seen: {lonely:?}");
}

#[test]
fn lines_have_no_holes_as_pixels() {
    let wave: Vec<f64> = (0..400).map(|i| (f64::from(i) / 40.0).sin()).collect();
    let figure = line_y(&wave);
    let look = Look::at(&figure);
    let blue = |p: &[u8]| p[3] > 128 && p[2] > 180 && p[0] < 90;
    for x in look.width / 4..look.width * 3 / 4 {
        let column = look.rgba.chunks_exact(4).skip(x).step_by(look.width);
        assert!(column.filter(|p| blue(p)).count() >= 2, "column {x}");
    }
}

#[test]
fn images_take_one_three_or_four_bytes() {
    for n in [1, 3, 4] {
        let plot = image(&vec![200; 6 * n], 3, 2);
        assert!(plot.svg().contains("data:image/png;base64,"));
        Look::at(&plot).has(1.5, 0.5, Colour::rgb(0xc8_c8_c8), if n == 4 { 200.0 / 255.0 } else { 1.0 });
    }
}
