//! Histograms in one and two dimensions: bins are computed for a group of values at a time, without
//! branches, and counted in tables that each thread has in its cache.

use super::collect::Par;
use super::group::{add_up, pieces, ranges};

/// Values whose bins are computed together.
const GROUP: usize = 256;
/// Tables that neighbouring values are counted in, so that equal ones do not wait for each other.
const TABLES: usize = 4;
/// Bins, at most.
const MOST: u32 = 1 << 30;
/// Larger tables are not multiplied.
const SMALL: usize = 4096;

/// Equal bins from `low` to `high`.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct Bins {
    low: f64,
    high: f64,
    scale: f64,
    n: u32,
}

impl Bins {
    #[track_caller]
    pub(crate) fn new(low: f64, high: f64, n: usize) -> Self {
        assert!(n > 0, "a histogram needs at least one bin");
        assert!(low < high, "a histogram goes from a lower to a higher value, not from {low} to {high}");
        assert!((high - low).is_finite(), "a histogram goes between finite values, not from {low} to {high}");
        let Some(count) = u32::try_from(n).ok().filter(|n| *n <= MOST) else {
            panic!("a histogram of {n} bins is too large, the limit is {MOST}")
        };
        let scale = n as f64 / (high - low);
        assert!(scale.is_finite(), "{n} bins from {low} to {high} are narrower than a float can be");
        Self { low, high, scale, n: count }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.n as usize
    }

    /// The bin of a value; `n` when it is outside or NaN.
    #[inline(always)]
    pub(crate) fn of(&self, value: f64) -> u32 {
        let inside = (value >= self.low) & (value <= self.high);
        let place = if inside { (value - self.low) * self.scale } else { 0.0 };
        // SAFETY: `place` is between 0 and `n`, but for rounding, and `n` is at most MOST. (`as` has
        // cases for what this cannot be, which keep the loop from being vectorised.)
        let bin = unsafe { place.to_int_unchecked::<i32>() } as u32;
        if inside { bin.min(self.n - 1) } else { self.n }
    }
}

/// Counts the bins that `bin` says of the values `0..len`; `bin` fills a group from `start` on, with
/// `bins` for what is not counted.
#[inline(always)]
fn count(len: usize, bins: usize, bin: impl Fn(usize, &mut [u32]) + Sync) -> Vec<u64> {
    let copies = if bins <= SMALL { TABLES } else { 1 };
    // One place more, for what is not counted.
    let size = bins + 1;
    let parts = ranges(len, pieces(len, size * copies));
    let tables = Par::new().map(&parts, |range| {
        let mut table = vec![0u64; size * copies];
        let mut group = [0u32; GROUP];
        let mut start = range.start;
        while start < range.end {
            let n = GROUP.min(range.end - start);
            bin(start, &mut group[..n]);
            if copies == TABLES {
                let (a, rest) = table.split_at_mut(size);
                let (b, rest) = rest.split_at_mut(size);
                let (c, d) = rest.split_at_mut(size);
                let (whole, rest) = group[..n].as_chunks::<TABLES>();
                for [i, j, k, l] in whole {
                    a[*i as usize] += 1;
                    b[*j as usize] += 1;
                    c[*k as usize] += 1;
                    d[*l as usize] += 1;
                }
                rest.iter().for_each(|i| a[*i as usize] += 1);
            } else {
                group[..n].iter().for_each(|i| table[*i as usize] += 1);
            }
            start += n;
        }
        for copy in 1..copies {
            for slot in 0..bins {
                table[slot] += table[copy * size + slot];
            }
        }
        table.truncate(bins);
        table
    });
    add_up(tables, bins)
}

/// Counts of values in `bins` equal bins from `low` to `high` (the last bin includes `high`).
/// Values outside and NaN are not counted.
///
/// # Panics
/// When `bins` is 0 or more than 2³⁰, or `low` is not below `high`, or they are not finite.
///
/// ```
/// let counts = ferrolab::par::histogram(&[0.1, 0.2, 0.9, 7.0], 0.0, 1.0, 2);
/// assert_eq!(counts, [2, 1]);
/// ```
#[must_use]
pub fn histogram(values: &[f64], low: f64, high: f64, bins: usize) -> Vec<u64> {
    let edges = Bins::new(low, high, bins);
    count(values.len(), bins, |start, group| {
        let values = &values[start..start + group.len()];
        group.iter_mut().zip(values).for_each(|(bin, value)| *bin = edges.of(*value));
    })
}

/// Counts of points `(x[i], y[i])` in a grid of `bins[0]` by `bins[1]` equal bins, from `low` to `high`
/// in each direction; row-major, one row for each bin of `x`, as `numpy.histogram2d`. Points outside
/// and points with a NaN are not counted.
///
/// # Panics
/// When the slices differ in length, or there are no bins or more than 2³⁰ of them, or `low` is not
/// below `high` in a direction, or they are not finite.
///
/// ```
/// let (x, y) = ([0.1, 0.9, 0.9], [0.2, 0.7, 0.8]);
/// let counts = ferrolab::par::histogram2(&x, &y, [0.0, 0.0], [1.0, 1.0], [2, 2]);
/// assert_eq!(counts, [1, 0, 0, 2]);
/// ```
#[must_use]
pub fn histogram2(x: &[f64], y: &[f64], low: [f64; 2], high: [f64; 2], bins: [usize; 2]) -> Vec<u64> {
    assert_eq!(x.len(), y.len(), "histogram2 needs one y for each x");
    let rows = Bins::new(low[0], high[0], bins[0]);
    let columns = Bins::new(low[1], high[1], bins[1]);
    let total = bins[0].checked_mul(bins[1]).and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= MOST);
    let Some(total) = total else { panic!("a histogram of {} by {} bins is too large", bins[0], bins[1]) };
    count(x.len(), total as usize, |start, group| {
        let points = x[start..start + group.len()].iter().zip(&y[start..start + group.len()]);
        group.iter_mut().zip(points).for_each(|(bin, (x, y))| {
            let (row, column) = (rows.of(*x), columns.of(*y));
            let inside = (row < rows.n) & (column < columns.n);
            *bin = if inside { row * columns.n + column } else { total };
        });
    })
}
