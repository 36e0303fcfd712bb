//! One set of numbers in a figure: how it is drawn, and the statistics that histograms and box
//! plots need. No pixels here.

use super::canvas::Colour;
use super::input::Numbers;
use super::painter::{check, check_at};

/// How numbers are drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Line,
    Steps,
    Scatter,
    /// Filled down to the other curve, or to the base when it is empty.
    Area(Vec<f64>),
    /// With the lengths of the bars to both sides and below and above each point; either may be
    /// empty.
    Errors {
        x: Vec<f64>,
        y: Vec<f64>,
    },
    /// `xs` holds the edges, one more than `ys`; with the values behind it.
    Hist(Vec<f64>),
    /// `xs` holds places among the figure's names.
    Bars,
    /// The same; `ys` holds the medians.
    Boxes(Vec<Quartiles>),
}

/// One set of numbers in a figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) kind: Kind,
    pub(super) xs: Numbers,
    pub(super) ys: Vec<f64>,
    pub(super) label: String,
    pub(super) colour: Option<Colour>,
    pub(super) dashed: bool,
}

impl Series {
    pub(super) fn new(kind: Kind, xs: impl Into<Numbers>, ys: Vec<f64>) -> Self {
        Self { kind, xs: xs.into(), ys, label: String::new(), colour: None, dashed: false }
    }

    pub(super) fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.ys.iter().enumerate().map(|(i, y)| (self.xs.at(i), *y))
    }

    /// Does it stand on names instead of numbers?
    pub(super) fn named(&self) -> bool {
        matches!(self.kind, Kind::Bars | Kind::Boxes(_))
    }
}

/// What a box plot shows of a group of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quartiles {
    /// Lower quartile, median, upper quartile.
    pub(super) quartiles: [f64; 3],
    /// The farthest values within one and a half times the distance of the quartiles.
    pub(super) whiskers: [f64; 2],
    pub(super) outliers: Vec<f64>,
}

impl Quartiles {
    /// By Tukey's rule (Exploratory Data Analysis, 1977), with quartiles interpolated as NumPy
    /// does. Values that are not finite are left out; `None` when there are no others.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
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
}

/// Edges and counts of a histogram; `bins` of `None` chooses by the rule of Freedman and
/// Diaconis. Values that are not finite are left out.
pub(super) fn bin(values: &[f64], bins: Option<usize>) -> (Vec<f64>, Vec<f64>) {
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
