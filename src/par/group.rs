//! Sums and counts by group: many samples into a table, which each thread fills in its cache.

use super::collect::Par;
use super::source::Sealed;
use std::fmt::Display;
use std::ops::Range;

/// Pieces of the input that get partial results of their own, at most. Fixed, so that float
/// results do not depend on the number of threads.
const PIECES: usize = 256;
/// A piece has this many samples for each place of its table, so that making the table and adding it
/// to the others costs little beside filling it.
const SAMPLES: usize = 64;
/// Samples after which an interrupt is looked for.
const WATCHED: usize = 1 << 16;

/// How many pieces an input of `len` is worth when each costs a table of `n`.
pub(super) fn pieces(len: usize, n: usize) -> usize {
    (len / n.saturating_mul(SAMPLES).max(1 << 14)).clamp(1, PIECES)
}

pub(super) fn ranges(len: usize, pieces: usize) -> Vec<Range<usize>> {
    let size = len.div_ceil(pieces).max(1);
    (0..len).step_by(size).map(|start| start..(start + size).min(len)).collect()
}

/// An integer that names a group: `u8` to `u64`, `usize`, `i8` to `i64`, `isize`.
///
/// Its methods are the kernels for that type, compiled once in this crate.
pub trait GroupIndex: Copy + Send + Sync + Display + Sealed {
    #[doc(hidden)]
    fn add_groups(index: &[Self], values: &[f64], groups: usize) -> Vec<f64>;
    #[doc(hidden)]
    fn count_groups(index: &[Self], groups: usize) -> Vec<u64>;
}

macro_rules! group_index {
    ($($t:ty, $unsigned:ty;)*) => {$(
        impl GroupIndex for $t {
            // A negative index becomes one that is too large.
            fn add_groups(index: &[Self], values: &[f64], groups: usize) -> Vec<f64> {
                tables(index, groups, "group_sum", |range, table: &mut [f64]| {
                    for (&i, &value) in index[range.clone()].iter().zip(&values[range]) {
                        *table.get_mut(usize::try_from(i as $unsigned).ok()?)? += value;
                    }
                    Some(())
                })
            }
            fn count_groups(index: &[Self], groups: usize) -> Vec<u64> {
                tables(index, groups, "group_count", |range, table: &mut [u64]| {
                    for &i in &index[range] {
                        *table.get_mut(usize::try_from(i as $unsigned).ok()?)? += 1;
                    }
                    Some(())
                })
            }
        }
    )*};
}
group_index!(u8, u8; u16, u16; u32, u32; u64, u64; usize, usize; i8, u8; i16, u16; i32, u32; i64, u64; isize, usize;);

/// Fills a table for each piece with `fill`, which is `None` when an index is not below `groups`, and
/// adds the tables up.
#[inline(always)]
fn tables<I, T>(
    index: &[I],
    groups: usize,
    who: &str,
    fill: impl Fn(Range<usize>, &mut [T]) -> Option<()> + Sync,
) -> Vec<T>
where
    I: GroupIndex + TryInto<usize>,
    T: Copy + Default + Send + Sync + std::ops::Add<Output = T>,
{
    let parts = ranges(index.len(), pieces(index.len(), groups));
    let tables = Par::new().map(&parts, |range| {
        let mut table = vec![T::default(); groups];
        for start in range.clone().step_by(WATCHED) {
            let part = start..(start + WATCHED).min(range.end);
            if fill(part.clone(), &mut table).is_none() {
                let bad = index[part].iter().position(|i| (*i).try_into().map_or(true, |i| i >= groups));
                let bad = start + bad.unwrap_or(0);
                panic!("{who}: index {} at {bad} is not below {groups} groups", index[bad]);
            }
            crate::rt::check_interrupt();
        }
        table
    });
    add_up(tables, groups)
}

/// Sums tables item by item, in order.
pub(super) fn add_up<T>(tables: Vec<Vec<T>>, n: usize) -> Vec<T>
where
    T: Copy + Default + Send + Sync + std::ops::Add<Output = T>,
{
    let mut tables = tables.into_iter();
    let Some(mut total) = tables.next() else { return vec![T::default(); n] };
    let others: Vec<Vec<T>> = tables.collect();
    // A part of all tables at a time, so that the totals stay in the cache.
    Par::new().quiet().for_each(super::enumerate(super::chunks_mut(&mut total, 1024)), |(at, part)| {
        for table in &others {
            part.iter_mut().zip(&table[at * 1024..]).for_each(|(sum, x)| *sum = *sum + *x);
        }
    });
    total
}

/// The sum of `values` for each group: `result[g]` is the sum over all `i` with `index[i] == g`, as
/// `numpy.bincount(index, values, groups)`.
///
/// The result does not depend on the number of threads.
///
/// # Panics
/// When the slices differ in length or an index is negative or not below `groups`.
///
/// ```
/// let sums = ferrolab::par::group_sum(&[0u32, 2, 0], &[1.0, 5.0, 2.0], 3);
/// assert_eq!(sums, [3.0, 0.0, 5.0]);
/// ```
#[must_use]
pub fn group_sum<I: GroupIndex>(index: &[I], values: &[f64], groups: usize) -> Vec<f64> {
    let (n, m) = (index.len(), values.len());
    assert!(n == m, "each value needs the index of its group: there are {m} values and {n} indices");
    I::add_groups(index, values, groups)
}

/// How often each group occurs: `result[g]` is the number of `i` with `index[i] == g`, as
/// `numpy.bincount(index, minlength=groups)`.
///
/// # Panics
/// When an index is negative or not below `groups`.
///
/// ```
/// assert_eq!(ferrolab::par::group_count(&[0u32, 2, 0], 3), [2, 0, 1]);
/// ```
#[must_use]
pub fn group_count<I: GroupIndex>(index: &[I], groups: usize) -> Vec<u64> {
    I::count_groups(index, groups)
}

/// The mean of `values` for each group; NaN for a group that does not occur.
///
/// # Panics
/// When the slices differ in length or an index is negative or not below `groups`.
///
/// ```
/// let means = ferrolab::par::group_mean(&[0u32, 2, 0], &[1.0, 5.0, 2.0], 3);
/// assert_eq!((means[0], means[2]), (1.5, 5.0));
/// assert!(means[1].is_nan());
/// ```
#[must_use]
pub fn group_mean<I: GroupIndex>(index: &[I], values: &[f64], groups: usize) -> Vec<f64> {
    let sums = group_sum(index, values, groups);
    let counts = group_count(index, groups);
    sums.into_iter().zip(counts).map(|(sum, count)| sum / count as f64).collect()
}
