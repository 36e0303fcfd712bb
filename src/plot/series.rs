//! What can be plotted: anything that turns into numbers.

use std::ops::{Range, RangeInclusive};

/// Numbers to plot: slices, vectors and arrays of any number type, and integer ranges.
///
/// ```
/// use ferrolab::plot::IntoSeries;
/// assert_eq!((0..3).into_series(), [0.0, 1.0, 2.0]);
/// assert_eq!(vec![1u8, 2].into_series(), [1.0, 2.0]);
/// ```
pub trait IntoSeries {
    /// The numbers, in order.
    fn into_series(self) -> Vec<f64>;
}

macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl IntoSeries for &[$t] {
            fn into_series(self) -> Vec<f64> {
                self.iter().map(|&x| x as f64).collect()
            }
        }
        impl IntoSeries for &Vec<$t> {
            fn into_series(self) -> Vec<f64> {
                self.as_slice().into_series()
            }
        }
        impl IntoSeries for Vec<$t> {
            fn into_series(self) -> Vec<f64> {
                self.as_slice().into_series()
            }
        }
        impl<const N: usize> IntoSeries for [$t; N] {
            fn into_series(self) -> Vec<f64> {
                self.as_slice().into_series()
            }
        }
        impl<const N: usize> IntoSeries for &[$t; N] {
            fn into_series(self) -> Vec<f64> {
                self.as_slice().into_series()
            }
        }
    )*};
}
numbers!(f32 f64 i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

macro_rules! ranges {
    ($($t:ty)*) => {$(
        impl IntoSeries for Range<$t> {
            fn into_series(self) -> Vec<f64> {
                self.map(|x| x as f64).collect()
            }
        }
        impl IntoSeries for RangeInclusive<$t> {
            fn into_series(self) -> Vec<f64> {
                self.map(|x| x as f64).collect()
            }
        }
    )*};
}
ranges!(i32 i64 isize u32 u64 usize);

/// How numbers are drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Line,
    Steps,
    Scatter,
    /// With the lengths of the bars below and above each point.
    Errors(Vec<f64>),
    /// `xs` holds the edges, one more than `ys`.
    Hist,
    /// `xs` holds 0, 1, 2…; the names stand below.
    Bars(Vec<String>),
}

/// One set of numbers in a figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) kind: Kind,
    pub(super) xs: Vec<f64>,
    pub(super) ys: Vec<f64>,
    pub(super) label: String,
}

impl Series {
    pub(super) fn new(kind: Kind, xs: Vec<f64>, ys: Vec<f64>) -> Self {
        Self { kind, xs, ys, label: String::new() }
    }

    pub(super) fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.xs.iter().copied().zip(self.ys.iter().copied())
    }
}

/// Edges and counts of a histogram; `bins` of `None` chooses by the rule of Freedman and
/// Diaconis. Values that are not finite are left out.
pub(super) fn bin(values: &[f64], bins: Option<usize>) -> (Vec<f64>, Vec<f64>) {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    if sorted.is_empty() {
        return (Vec::new(), Vec::new());
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    if low == high {
        let half = if low == 0.0 { 0.5 } else { low.abs() * 0.05 };
        return (vec![low - half, low + half], vec![sorted.len() as f64]);
    }
    let quantile = |q: f64| sorted[((sorted.len() - 1) as f64 * q).round() as usize];
    let spread = high - low;
    let width = 2.0 * (quantile(0.75) - quantile(0.25)) / (sorted.len() as f64).cbrt();
    let automatic = || match width > 0.0 && (spread / width).is_finite() {
        true => (spread / width).ceil().clamp(1.0, 200.0) as usize,
        // Half of the values are the same: the rule of Sturges still gives something to see.
        false => (sorted.len() as f64).log2().ceil() as usize + 1,
    };
    let n = bins.unwrap_or_else(automatic).clamp(1, 10_000);
    // Halves, because the difference of two large values may not be finite.
    let edge = |i: usize| {
        let t = i as f64 / n as f64;
        low * (1.0 - t) + high * t
    };
    let edges: Vec<f64> = (0..=n).map(edge).collect();
    let mut counts = vec![0.0; n];
    let mut slot = 0;
    for value in sorted {
        while slot + 1 < n && value >= edges[slot + 1] {
            slot += 1;
        }
        counts[slot] += 1.0;
    }
    (edges, counts)
}
