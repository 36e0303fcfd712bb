//! Statistics of measured times: quantiles, spread, outliers, the slope of time against loops, and
//! bootstrap intervals. It takes numbers and returns numbers; it measures and shows nothing.

/// Resamples of a bootstrap.
const RESAMPLES: usize = 2000;
/// Seed of every bootstrap: the same samples give the same interval.
const SEED: u64 = 0x5DEE_CE66_D1CE_4E5B;

/// Samples far from the others, by the fences of Tukey (*Exploratory Data Analysis*, 1977): mild
/// ones lie more than 1.5 interquartile ranges outside the quartiles, severe ones more than 3.
///
/// ```
/// let timing = ferrolab::timing::timeit(|| std::hint::black_box(1) + 1);
/// assert!(timing.outliers.mild + timing.outliers.severe <= timing.samples.len());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outliers {
    /// Between 1.5 and 3 interquartile ranges outside the quartiles.
    pub mild: usize,
    /// More than 3 interquartile ranges outside the quartiles.
    pub severe: usize,
}

/// The values in ascending order.
pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// A quantile of sorted values, linear between neighbours (type 7 of Hyndman and Fan, 1996).
/// NaN when there are none.
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// The median; NaN when there are no values.
pub(super) fn median(values: &[f64]) -> f64 {
    quantile(&sorted(values), 0.5)
}

/// The arithmetic mean; NaN when there are no values.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The standard deviation of a sample (divided by n − 1); 0 for fewer than two values.
pub(super) fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The median absolute deviation from the median, as it is (not scaled to a normal distribution).
pub(super) fn mad(values: &[f64]) -> f64 {
    let middle = median(values);
    let distances: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    median(&distances)
}

/// Counts what lies outside Tukey's fences.
pub(super) fn outliers(values: &[f64]) -> Outliers {
    let sorted = sorted(values);
    let (low, high) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75));
    // What differs in its last digits only is no outlier.
    let range = (high - low).max(high.abs() * 1e-9);
    let outside = |v: f64, factor: f64| v < low - factor * range || v > high + factor * range;
    let severe = sorted.iter().filter(|v| outside(**v, 3.0)).count();
    let all = sorted.iter().filter(|v| outside(**v, 1.5)).count();
    Outliers { mild: all - severe, severe }
}

/// The least-squares slope through the origin of `y` against `x`: Σxy / Σx².
pub(super) fn slope(points: &[(f64, f64)]) -> f64 {
    let xy: f64 = points.iter().map(|(x, y)| x * y).sum();
    let xx: f64 = points.iter().map(|(x, _)| x * x).sum();
    xy / xx
}

/// The 95 % interval of a statistic by the bootstrap percentile method (Efron, 1979): `statistic`
/// is computed on resamples of `points`, drawn with replacement from a fixed seed.
pub(super) fn bootstrap<T: Copy>(points: &[T], mut statistic: impl FnMut(&[T]) -> f64) -> (f64, f64) {
    let mut state = SEED;
    let mut resample: Vec<T> = points.to_vec();
    let mut found: Vec<f64> = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        for slot in &mut resample {
            *slot = points[below(&mut state, points.len())];
        }
        found.push(statistic(&resample));
    }
    found.sort_unstable_by(f64::total_cmp);
    (quantile(&found, 0.025), quantile(&found, 0.975))
}

/// A number below `n` by SplitMix64 (Steele, Lea and Flood, 2014).
fn below(state: &mut u64, n: usize) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    ((u128::from(z) * n as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_spread_of_known_samples() {
        let values = [7.0, 15.0, 36.0, 39.0, 40.0, 41.0];
        let s = sorted(&values);
        assert_eq!((quantile(&s, 0.0), quantile(&s, 0.25), quantile(&s, 0.5)), (7.0, 20.25, 37.5));
        assert_eq!((quantile(&s, 0.75), quantile(&s, 1.0)), (39.75, 41.0));
        assert_eq!((median(&[3.0]), median(&[4.0, 1.0])), (3.0, 2.5));
        assert!(median(&[]).is_nan());
        assert_eq!(mad(&[1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0]), 1.0);
        let d = deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert!((d - (32.0f64 / 7.0).sqrt()).abs() < 1e-12, "{d}");
        assert_eq!(deviation(&[5.0]), 0.0);
    }

    #[test]
    fn fences_tell_mild_from_severe() {
        // Quartiles 3 and 7, range 4: mild beyond -3 and 13, severe beyond -9 and 19.
        let plain: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(outliers(&plain), Outliers::default());
        let low = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 14.0];
        assert_eq!(outliers(&low), Outliers { mild: 1, severe: 0 });
        let high = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 20.0];
        assert_eq!(outliers(&high), Outliers { mild: 0, severe: 1 });
        let both = [-5.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 20.0];
        assert_eq!(outliers(&both), Outliers { mild: 1, severe: 1 });
        assert_eq!(outliers(&[1.0, 1.0, 1.0]), Outliers::default());
    }

    #[test]
    fn the_slope_goes_through_the_origin() {
        assert_eq!(slope(&[(1.0, 3.0), (2.0, 6.0), (5.0, 15.0)]), 3.0);
        // Σxy = 1·2 + 2·3 = 8, Σx² = 5
        assert_eq!(slope(&[(1.0, 2.0), (2.0, 3.0)]), 1.6);
    }

    #[test]
    fn bootstrap_is_the_same_every_time_and_covers() {
        let values: Vec<f64> = (0..50).map(|i| 10.0 + f64::from(i % 7)).collect();
        let first = bootstrap(&values, median);
        assert_eq!(first, bootstrap(&values, median));
        let (low, high) = bootstrap(&values, mean);
        let middle = mean(&values);
        assert!(low < middle && middle < high, "{low} {middle} {high}");
        // Standard error 2/√50 = 0.28: the interval is about ± 0.55.
        assert!((0.8..1.5).contains(&(high - low)), "{}", high - low);
        assert_eq!(bootstrap(&[4.0], mean), (4.0, 4.0));
    }
}
