//! Groups of values as boxes, by their quartiles.

use crate::plot::canvas::{Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown, extremes};
use crate::plot::input::IntoSeries;
use crate::plot::numbers::{short, span};
use crate::plot::plane::finite;
use crate::plot::samples;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::Shape;
use crate::plot::sketch::{Pen, ROWS, WIDTH, place};

/// The series has the medians as `ys`.
#[derive(Debug, PartialEq)]
struct Boxes(Vec<Quartiles>);

impl SeriesKind for Boxes {
    fn traits(&self) -> Traits {
        Traits { based: false, tight: true, named: true, counted: false }
    }

    /// The room of all names, and everything that is drawn of each group.
    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        let mut hull = series.reach(x, y);
        for (u, group) in series.xs.iter().zip(&self.0) {
            hull.take_x(u - 0.5);
            hull.take_x(u + 0.5);
            let all = group.outliers.iter().chain(&group.whiskers).chain(&group.quartiles);
            all.filter(|v| y.is(**v)).for_each(|v| hull.take_y(*v));
        }
        hull
    }

    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        let (shift, width) = on.share(0.55);
        let boxes = series.xs.iter().zip(&self.0);
        boxes.flat_map(|(x, group)| group.shapes(x + shift, width, on)).collect()
    }

    fn sample(&self, _series: &Series, colour: Colour, at: Point) -> Vec<Shape> {
        samples::patch(at, colour)
    }

    fn word(&self) -> &'static str {
        "boxes"
    }

    fn sentence(&self, series: &Series, called: &str, _x: fn(f64) -> String) -> String {
        let (medians, values) = (series.upwards(), span(self.ends(), short));
        format!("{} {called}, medians {medians}, values {values}", series.ys.len())
    }

    /// Whiskers as lines, boxes as blocks, medians as bars in them, outliers as points.
    fn rows(&self, series: &Series, names: &[String]) -> Option<String> {
        let (low, high) = self.ends();
        let name = |i: usize| names.get(series.xs.at(i) as usize).map_or("", String::as_str);
        let wide = (0..self.0.len().min(ROWS)).map(|i| name(i).chars().count()).max().unwrap_or(0);
        let slot = |v: f64| place(v, low, high, WIDTH);
        let mut out = String::new();
        for (i, group) in self.0.iter().take(ROWS).enumerate() {
            let mut row = [' '; WIDTH];
            row[slot(group.whiskers[0])..=slot(group.whiskers[1])].fill('─');
            row[slot(group.quartiles[0])..=slot(group.quartiles[2])].fill('▒');
            row[slot(group.quartiles[1])] = '┃';
            for v in &group.outliers {
                row[slot(*v)] = '·';
            }
            let row: String = row.iter().collect();
            out += &format!("{:>wide$} │{}\n", name(i), row.trim_end());
        }
        Some(out)
    }

    fn trail(&self, series: &Series, pen: &Pen) -> Vec<Point> {
        series.picked(pen)
    }
}

impl Boxes {
    /// The least and the greatest of all values.
    fn ends(&self) -> (f64, f64) {
        let all = self.0.iter().flat_map(|g| g.outliers.iter().chain(&g.whiskers));
        extremes(&all.copied().collect::<Vec<f64>>())
    }
}

/// What a box plot shows of a group of values.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::plot) struct Quartiles {
    /// Lower quartile, median, upper quartile.
    pub(in crate::plot) quartiles: [f64; 3],
    /// The farthest values within one and a half times the distance of the quartiles.
    pub(in crate::plot) whiskers: [f64; 2],
    pub(in crate::plot) outliers: Vec<f64>,
}

impl Quartiles {
    /// By Tukey's rule (Exploratory Data Analysis, 1977), with quartiles interpolated as NumPy
    /// does. Values that are not finite are left out; `None` when there are no others.
    pub(in crate::plot) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let quantile = |q: f64| {
            let place = last as f64 * q;
            let (i, t) = (place.floor() as usize, place.fract());
            sorted[i] * (1.0 - t) + sorted[(i + 1).min(last)] * t
        };
        let quartiles = [quantile(0.25), quantile(0.5), quantile(0.75)];
        let reach = 1.5 * (quartiles[2] - quartiles[0]);
        let inside = |v: &&f64| **v >= quartiles[0] - reach && **v <= quartiles[2] + reach;
        let low = sorted.iter().find(inside).copied().unwrap_or(quartiles[0]);
        let high = sorted.iter().rfind(inside).copied().unwrap_or(quartiles[2]);
        let outliers = sorted.iter().copied().filter(|v| *v < low || *v > high).collect();
        Some(Self { quartiles, whiskers: [low.min(quartiles[0]), high.max(quartiles[2])], outliers })
    }

    fn shapes(&self, x: f64, width: f64, on: &Ground<'_>) -> Vec<Shape> {
        let (plane, colour) = (on.plane, on.colour);
        let gap = width * 0.06;
        let (x0, x1) = (x + gap, x + width - gap);
        let at = |v: f64| plane.at(x0, v).1;
        let (left, right) = (plane.at(x0, plane.y.low).0, plane.at(x1, plane.y.low).0);
        let middle = (left + right) / 2.0;
        let bottom = plane.area.y + plane.area.h;
        let [low, median, high] = self.quartiles.map(|v| finite(at(v), bottom));
        let [least, most] = self.whiskers.map(|v| finite(at(v), bottom));
        let line = |a: Point, b: Point, width| Shape::Line { points: vec![a, b], width, colour };
        let ring = vec![(left, low), (left, high), (right, high), (right, low)];
        let cap = (right - left) * 0.22;
        let mut edge = ring.clone();
        edge.push((left, low));
        let mut shapes = vec![
            Shape::Filled { points: ring, colour: colour.opacity(0.3) },
            Shape::Line { points: edge, width: 1.3, colour },
            line((left, median), (right, median), 2.4),
            line((middle, low), (middle, least), 1.3),
            line((middle, high), (middle, most), 1.3),
            line((middle - cap, least), (middle + cap, least), 1.3),
            line((middle - cap, most), (middle + cap, most), 1.3),
        ];
        let outliers = self.outliers.iter().map(|v| (middle, at(*v)));
        let points: Vec<Point> = outliers.filter(|p| plane.shows(*p)).collect();
        if !points.is_empty() {
            shapes.push(Shape::Dots { points, radius: 2.8, colour: colour.opacity(0.85) });
        }
        shapes
    }
}

#[track_caller]
fn of_boxes(mut plot: Plot) -> Plot {
    let groups = std::mem::take(&mut plot.groups);
    let (n, m) = (plot.names.len(), groups.len());
    assert!(n == m, "a box plot needs as many names as groups of values, and got {n} and {m}");
    let found = groups.into_iter().enumerate();
    let found = found.filter_map(|(i, group)| Some((i as f64, Quartiles::of(&group.into_vec())?)));
    let (places, boxes): (Vec<f64>, Vec<Quartiles>) = found.unzip();
    let medians = boxes.iter().map(|b| b.quartiles[1]).collect();
    plot.series.push(Series::new(Boxes(boxes), places, medians));
    plot
}

/// Groups of values as boxes: median, quartiles, whiskers to the farthest values within one and a
/// half times the distance of the quartiles, and each value beyond as a point (Tukey's rule).
/// Values that are not finite are left out.
///
/// # Panics
/// When there are not as many names as groups.
///
/// ```
/// use ferrolab::plot;
/// plot::boxplot(&["a", "b"], [vec![1.0, 2.0, 3.0, 9.0], vec![2.0, 2.5, 4.0]]).ylabel("seconds");
/// ```
#[must_use]
#[track_caller]
pub fn boxplot<L: AsRef<str>, S: IntoSeries>(names: impl AsRef<[L]>, groups: impl IntoIterator<Item = S>) -> Plot {
    let mut plot = Plot::empty();
    for name in names.as_ref() {
        plot.push_name(name.as_ref());
    }
    for group in groups {
        plot.push_group(group.into_series());
    }
    of_boxes(plot)
}
