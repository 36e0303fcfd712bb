//! Percentiles of more numbers than can be sorted: counted in bins, in narrower ones each time.

use super::api::Array;
use super::compute::compute;
use super::element::Float;
use crate::error::Error;
use ndarray::Dimension;

/// Bins of a round.
const BINS: usize = 4096;
/// Rounds: the last bins are so narrow that a percentile is known to a part in 10¹⁰ of the range.
const ROUNDS: usize = 3;

impl<T: Float, D: Dimension> Array<T, D> {
    /// About the value below which `percent` of the elements are, as NumPy's `percentile` is exactly: found by counting in bins,
    /// four times over the elements, and off by less than a part in 10¹⁰ of the range from least to greatest. NaN when
    /// there is one among the elements.
    ///
    /// # Errors
    /// As for [`compute`](Array::compute), which this does.
    ///
    /// # Panics
    /// When `percent` is not from 0 to 100, or there are no elements.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let z = threads().array().random().seed(7).normal([1_000_000]);
    /// assert!((z.approx_percentile(97.5)? - 1.96).abs() < 0.02);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[track_caller]
    pub fn approx_percentile(&self, percent: f64) -> Result<f64, Error> {
        assert!((0.0..=100.0).contains(&percent), "approx_percentile: {percent} is not from 0 to 100");
        assert!(!self.is_empty(), "approx_percentile: there are no elements in an array of shape {:?}", self.shape());
        let x = self.cast::<f64>();
        let (least, greatest) = compute((&x.min(), &x.max()))?;
        if least.is_nan() || least == greatest {
            return Ok(least);
        }
        // The element of this place, were they in order; between two of them, a part of the way.
        let rank = percent / 100.0 * (self.len() - 1) as f64;
        let between = (rank.floor() as u64, rank.ceil() as u64);
        let low = nth(&x, between.0, least, greatest)?;
        if between.0 == between.1 {
            return Ok(low);
        }
        let high = nth(&x, between.1, least, greatest)?;
        Ok(low + (high - low) * rank.fract())
    }
}

/// About the element of a place, were they in order.
fn nth<D: Dimension>(x: &Array<f64, D>, rank: u64, least: f64, greatest: f64) -> Result<f64, Error> {
    // Bins have finite ends; what is beyond is infinite.
    let (mut low, mut high) = (least.max(f64::MIN / 4.0), greatest.min(f64::MAX / 4.0));
    for _ in 0..ROUNDS {
        let (below, counts) = compute((&x.lt(low).sum(), &x.histogram(low, high, BINS)))?;
        let Some(mut left) = rank.checked_sub(below as u64) else { return Ok(if least < low { least } else { low }) };
        let found = counts.iter().position(|count| match left.checked_sub(*count as u64) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        let Some(bin) = found else { return Ok(if greatest > high { greatest } else { high }) };
        let (start, width) = (low, (high - low) / BINS as f64);
        (low, high) = (start + bin as f64 * width, start + (bin + 1) as f64 * width);
        if high - low <= f64::EPSILON * low.abs().max(high.abs()) {
            break;
        }
    }
    Ok(low + (high - low) / 2.0)
}
