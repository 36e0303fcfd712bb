//! Histograms: how many values fall into each of many bins.

use crate::plot::canvas::{Colour, Point};
use crate::plot::content::Plot;
use crate::plot::hull::{Hull, Shown};
use crate::plot::input::{IntoSeries, Numbers};
use crate::plot::interrupts::{check, check_at};
use crate::plot::numbers::short;
use crate::plot::samples;
use crate::plot::series::{Ground, Series, SeriesKind, Traits};
use crate::plot::shapes::Shape;
use crate::plot::sketch::{Pen, ROWS, bars};

use super::bar::upright;

/// With the values that are counted, for other bins. The series has the edges of the bins as `xs`, one
/// more than `ys`.
#[derive(Debug, PartialEq)]
struct Hist(Vec<f64>);

impl SeriesKind for Hist {
    fn traits(&self) -> Traits {
        Traits { based: true, tight: true, named: false, counted: true }
    }

    fn hull(&self, series: &Series, x: Shown, y: Shown) -> Hull {
        let mut hull = Hull::EMPTY;
        for (edges, count) in series.xs.iter().zip(series.xs.iter().skip(1)).zip(&series.ys) {
            if y.is(*count) || (!y.log && *count == 0.0) {
                [edges.0, edges.1].into_iter().filter(|u| x.is(*u)).for_each(|u| hull.take_x(u));
                hull.take_y(*count);
            }
        }
        hull
    }

    fn shapes(&self, series: &Series, on: &Ground<'_>) -> Vec<Shape> {
        let colour = on.colour.opacity(0.85);
        let bins = series.xs.iter().zip(series.xs.iter().skip(1)).zip(&series.ys);
        bins.filter_map(|((x0, x1), count)| upright(on.plane, x0, x1, *count, colour)).collect()
    }

    fn sample(&self, _series: &Series, colour: Colour, at: Point) -> Vec<Shape> {
        samples::patch(at, colour)
    }

    fn word(&self) -> &'static str {
        "histogram"
    }

    fn sentence(&self, series: &Series, called: &str, x: fn(f64) -> String) -> String {
        format!("{called}, {} bins from {}, counts {}", series.ys.len(), series.across(x), series.upwards())
    }

    /// Neighbouring bins share a row when there are many.
    fn rows(&self, series: &Series, _names: &[String]) -> Option<String> {
        let every = series.ys.len().div_ceil(ROWS).max(1);
        let sums = series.ys.chunks(every).map(|bins| bins.iter().sum()).enumerate();
        Some(bars(&sums.map(|(i, sum)| (short(series.xs.at(i * every)), sum)).collect::<Vec<_>>()))
    }

    fn trail(&self, series: &Series, pen: &Pen) -> Vec<Point> {
        series.picked(pen)
    }
}

/// Edges and counts of a histogram; `bins` of `None` chooses by the rule of Freedman and
/// Diaconis. Values that are not finite are left out.
pub(in crate::plot) fn bin(values: &[f64], bins: Option<usize>) -> (Vec<f64>, Vec<f64>) {
    let mut finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    check();
    let n = finite.len();
    if n == 0 {
        return (Vec::new(), Vec::new());
    }
    let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low == high {
        let half = if low == 0.0 { 0.5 } else { (low.abs() * 0.05).max(f64::MIN_POSITIVE) };
        return (vec![low - half, low + half], vec![n as f64]);
    }
    let count = match bins {
        Some(bins) => bins.clamp(1, 10_000),
        None => automatic(&mut finite, low, high),
    };
    // Halves, because the difference of two large values may not be finite.
    let edge = |i: usize| {
        let t = i as f64 / count as f64;
        low * (1.0 - t) + high * t
    };
    let edges: Vec<f64> = (0..=count).map(edge).collect();
    let mut counts = vec![0.0; count];
    let per = count as f64 / (high / 2.0 - low / 2.0);
    for (i, value) in finite.into_iter().enumerate() {
        check_at(i);
        // Rounding may put a value on the wrong side of an edge.
        let mut slot = (((value / 2.0 - low / 2.0) * per) as usize).min(count - 1);
        while slot > 0 && value < edges[slot] {
            slot -= 1;
        }
        while slot + 1 < count && value >= edges[slot + 1] {
            slot += 1;
        }
        counts[slot] += 1.0;
    }
    (edges, counts)
}

/// Values that quartiles are taken from, at most.
const SAMPLE: usize = 1 << 20;

fn automatic(finite: &mut [f64], low: f64, high: f64) -> usize {
    let n = finite.len();
    // Of many values, some all over them are enough to tell how wide a bin should be.
    let every = n.div_ceil(SAMPLE);
    let some = n.div_ceil(every);
    (1..some).for_each(|i| finite.swap(i, i * every));
    let finite = &mut finite[..some];
    let mut quantile = |q: f64| {
        check();
        let place = ((some - 1) as f64 * q).round() as usize;
        *finite.select_nth_unstable_by(place, f64::total_cmp).1
    };
    let width = 2.0 * (quantile(0.75) - quantile(0.25)) / (n as f64).cbrt();
    let bins = (high - low) / width;
    match width > 0.0 && bins.is_finite() {
        true => bins.ceil().clamp(1.0, 200.0) as usize,
        // Half of the values are the same: the rule of Sturges still gives something to see.
        false => (n as f64).log2().ceil() as usize + 1,
    }
}

fn of_hist(values: Numbers) -> Plot {
    let raw = values.into_vec();
    let (edges, counts) = bin(&raw, None);
    let mut plot = Plot::of_series(Series::new(Hist(raw), edges, counts));
    plot.ylabel = "count".to_owned();
    plot
}

/// A histogram; [`Plot::bins`] sets the number of bins, which otherwise follows the rule of
/// Freedman and Diaconis (1981). Values that are not finite are left out.
///
/// ```
/// ferrolab::plot::hist(&[1.0, 1.5, 2.0, 7.0]).bins(3).xlabel("USD");
/// ```
#[must_use]
pub fn hist(values: impl IntoSeries) -> Plot {
    of_hist(values.into_series())
}

impl Plot {
    /// Sets the number of bins of histograms, from 1 to 10,000.
    ///
    /// # Panics
    /// When there would be fewer or more.
    ///
    /// ```
    /// ferrolab::plot::hist(&[1.0, 2.0, 4.0]).bins(2);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn bins(mut self, n: usize) -> Self {
        assert!((1..=10_000).contains(&n), "a histogram has 1 to 10,000 bins, and got {n}");
        for series in &mut self.series {
            if let Some(Hist(values)) = series.kind_as() {
                let (edges, counts) = bin(values, Some(n));
                (series.xs, series.ys) = (edges.into(), counts);
            }
        }
        self
    }
}
