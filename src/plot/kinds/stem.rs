//! Stems: points on stalks that stand on a base line, for what has values at single places only.

use crate::plot::canvas::{Area, Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown};
use crate::plot::input::{IntoSeries, Numbers};
use crate::plot::interrupts::check_at;
use crate::plot::plane::Plane;
use crate::plot::samples::SAMPLE;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::{Shape, dashes};
use crate::plot::sketch::{Pen, WIDTH};

use super::scatter::scattered;

const STALK: f64 = 1.4;

#[derive(Debug, PartialEq)]
struct Stems;

impl SeriesKind for Stems {
    fn traits(&self) -> Traits {
        Traits { based: true, tight: false, named: false, counted: false }
    }

    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        series.reach(x, y)
    }

    /// The base line, the stalks, and the points on top of them.
    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        let (plane, colour) = (on.plane, on.colour);
        let stalks = stalks(series, plane);
        let (first, last) = stalks.iter().fold((f64::MAX, f64::MIN), |(a, b), s| (a.min(s[0].0), b.max(s[0].0)));
        let mut shapes = Vec::new();
        if first < last {
            let level = stalks[0][0].1;
            shapes.push(Shape::Line {
                points: vec![(first, level), (last, level)],
                width: 1.0,
                colour: colour.opacity(0.6),
            });
        }
        for stalk in stalks {
            match series.dashed {
                true => shapes.extend(dashes(&stalk, colour, STALK)),
                false => shapes.push(Shape::Line { points: stalk.to_vec(), width: STALK, colour }),
            }
        }
        shapes.push(scattered(series, on));
        shapes
    }

    fn sample(&self, _series: &Series, colour: Colour, (x, y): Point) -> Vec<Shape> {
        let middle = x + SAMPLE / 2.0;
        let line = |a: Point, b: Point, width| Shape::Line { points: vec![a, b], width, colour };
        vec![
            line((middle - 5.0, y + 5.5), (middle + 5.0, y + 5.5), 1.0),
            line((middle, y + 5.5), (middle, y - 3.0), STALK),
            Shape::Dots { points: vec![(middle, y - 3.0)], radius: 2.8, colour },
        ]
    }

    fn word(&self) -> &'static str {
        "stems"
    }

    fn sentence(&self, series: &Series, called: &str, x: fn(f64) -> String) -> String {
        series.points_sentence(called, x)
    }

    fn rows(&self, _series: &Series, _names: &[String]) -> Option<String> {
        None
    }

    /// Each point and, as long as they can be told apart, its stalk.
    fn trail(&self, series: &Series, pen: &Pen) -> Vec<Point> {
        const ALONG: usize = 60;
        let points = series.picked(pen);
        if points.len() >= 2 * WIDTH {
            return points;
        }
        // A logarithmic axis has no zero: its stalks stand where the least of the points is.
        let least = points.iter().map(|p| p.1).filter(|y| y.is_finite()).fold(f64::INFINITY, f64::min);
        let zero = pen.y(0.0);
        let base = if zero.is_finite() { zero } else { least };
        let stalk = |&(x, y): &Point| (0..=ALONG).map(move |i| (x, base + (y - base) * (i as f64 / ALONG as f64)));
        points.iter().filter(|p| p.1.is_finite()).flat_map(stalk).collect()
    }
}

/// From the base line to each point. Of many in one column of pixels, the longest to either side: the
/// others would lie on them.
fn stalks(series: &Series, plane: &Plane) -> Vec<[Point; 2]> {
    let Area { x: left, w, .. } = plane.area;
    let base = plane.base();
    let seen = series.points().enumerate().filter_map(|(i, (x, y))| {
        check_at(i);
        let (foot, top) = (plane.at(x, base), plane.at(x, y));
        let shown =
            [foot.0, foot.1, top.1].iter().all(|v| v.is_finite()) && foot.0 >= left - 6.0 && foot.0 <= left + w + 6.0;
        shown.then_some([foot, top])
    });
    if !plane.crowded(series.ys.len()) {
        return seen.collect();
    }
    let mut columns: Vec<[Option<[Point; 2]>; 2]> = vec![[None; 2]; w as usize + 14];
    for stalk in seen {
        let [foot, top] = stalk;
        let column = ((foot.0 - left + 6.0).max(0.0) as usize).min(columns.len() - 1);
        let longest = &mut columns[column][usize::from(top.1 > foot.1)];
        let length = |s: &[Point; 2]| (s[1].1 - s[0].1).abs();
        if longest.as_ref().is_none_or(|old| length(old) < length(&stalk)) {
            *longest = Some(stalk);
        }
    }
    columns.into_iter().flatten().flatten().collect()
}

#[track_caller]
fn of_stems(xs: Numbers, ys: Numbers) -> Plot {
    Plot::of_points(Stems, xs, ys)
}

/// Points on stems that stand on a base line: at zero, or at the lower end of a logarithmic axis.
/// Values that are not finite are left out.
///
/// # Panics
/// When there are not as many x as y values.
///
/// ```
/// use ferrolab::plot;
/// let impulse = [1.0, 0.5, -0.25, 0.125];
/// plot::stem(0..4, &impulse).title("response").xlabel("sample");
/// plot::stem(0..4, &impulse).label("filter").add(plot::stem(0..4, &[0.9, 0.3, 0.1, 0.0]).label("other").dashed());
/// ```
#[must_use]
#[track_caller]
pub fn stem(xs: impl IntoSeries, ys: impl IntoSeries) -> Plot {
    of_stems(xs.into_series(), ys.into_series())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::layout::{Drawing, Margins};
    use crate::plot::limits::scales;
    use crate::plot::words::text;

    fn drawing(plot: &Plot) -> Drawing<'_> {
        let frame = Area { x: 0.0, y: 0.0, w: 640.0, h: 400.0 };
        Drawing::new(plot, frame, None, Margins::default())
    }

    /// Lines from the base to somewhere above or below.
    fn upright(drawing: &Drawing<'_>) -> Vec<[Point; 2]> {
        let lines = drawing.shapes.iter().filter_map(|shape| match shape {
            Shape::Line { points, .. } if points.len() == 2 && points[0].0 == points[1].0 => {
                Some([points[0], points[1]])
            }
            _ => None,
        });
        lines.collect()
    }

    #[test]
    fn each_point_stands_on_the_base_line() {
        let plot = stem([1.0, 2.0, 4.0, 5.0], [3.0, -1.0, f64::NAN, 2.0]);
        let drawing = drawing(&plot);
        let at = |x, y| drawing.plane.at(x, y);
        let expected = [(1.0, 3.0), (2.0, -1.0), (5.0, 2.0)].map(|(x, y)| [at(x, 0.0), at(x, y)]);
        assert_eq!(upright(&drawing), expected);
        let Some(Shape::Line { points, .. }) = drawing.shapes.first() else { panic!("no base line") };
        assert_eq!(*points, [at(1.0, 0.0), at(5.0, 0.0)]);
        let Some(Shape::Dots { points, .. }) = drawing.shapes.last() else { panic!("no points") };
        assert_eq!(*points, [at(1.0, 3.0), at(2.0, -1.0), at(5.0, 2.0)]);
    }

    #[test]
    fn the_base_line_is_within_the_limits() {
        let (_, y) = scales(&stem(0..3, [5, 6, 7])).unwrap();
        assert!(y.low == 0.0 && y.high > 7.0, "{y:?}");
        let (_, y) = scales(&stem(0..3, [-5, -6, -7])).unwrap();
        assert!(y.high == 0.0 && y.low < -7.0, "{y:?}");
        let (_, y) = scales(&stem(0..3, [50, 600, 7000]).log_y()).unwrap();
        assert_eq!(y.low, 10.0);
        let plot = stem(0..3, [50, 600, 7000]).log_y();
        assert!(upright(&drawing(&plot)).iter().all(|[foot, top]| foot.1 > top.1));
    }

    #[test]
    fn of_many_in_one_column_the_longest_are_drawn() {
        let mut values = vec![0.5; 200_000];
        (values[70_000], values[130_000]) = (9.0, -4.0);
        let plot = stem(0..values.len(), &values);
        let drawing = drawing(&plot);
        let stalks = upright(&drawing);
        assert!(stalks.len() <= 2 * (drawing.plane.area.w as usize + 14), "{} stalks", stalks.len());
        for (x, y) in [(70_000.0, 9.0), (130_000.0, -4.0)] {
            assert!(stalks.contains(&[drawing.plane.at(x, 0.0), drawing.plane.at(x, y)]), "{x}");
        }
    }

    #[test]
    fn texts_and_legends_show_stalks() {
        let told = text(&stem(0..3, [2, 1, 2]).label("taps"));
        assert!(told.starts_with("[stems “taps”, 3 points, x 0 to 2, y 1 to 2]\n"), "{told}");
        let first: Vec<char> = told.lines().skip(1).take(10).filter_map(|row| row.chars().nth(1)).collect();
        assert!(first.len() == 10 && first.iter().all(|c| *c != '⠀'), "a stalk as high as the sketch: {told}");
        let logarithmic = text(&stem(0..3, [1, 10, 100]).log_y());
        assert!(logarithmic.lines().count() > 10 && !logarithmic.contains("NaN"), "{logarithmic}");
        let plot = stem(0..3, [2, 1, 2]).label("taps");
        let sample = Stems.sample(&plot.series[0], plot.series[0].painted(0), (0.0, 0.0));
        assert!(matches!(sample[..], [Shape::Line { .. }, Shape::Line { .. }, Shape::Dots { .. }]));
    }

    #[test]
    fn dashes_and_wrong_lengths() {
        let plot = stem(0..2, [1, 2]);
        let dashed = plot.clone().dashed();
        assert!(upright(&drawing(&dashed)).len() > upright(&drawing(&plot)).len());
        let refused = std::panic::catch_unwind(|| stem([1, 2], [1])).unwrap_err();
        assert!(refused.downcast::<String>().unwrap().contains("got 2 and 1"));
    }
}
