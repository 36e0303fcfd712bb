//! Loops that are easy to write slowly: sums by group, histograms, stencils.

use super::collect::Par;
use std::fmt::Display;

/// Pieces of the input that get partial results of their own, at most. Fixed, so that float
/// results do not depend on the number of threads.
const PIECES: usize = 64;

/// How many pieces an input of `len` is worth when each costs a table of `n`.
fn pieces(len: usize, n: usize) -> usize {
    (len / n.saturating_mul(4).max(1 << 14)).clamp(1, PIECES)
}

fn ranges(len: usize, pieces: usize) -> Vec<std::ops::Range<usize>> {
    let size = len.div_ceil(pieces).max(1);
    (0..len).step_by(size).map(|start| start..(start + size).min(len)).collect()
}

/// The sum of `values` for each group: `result[g]` is the sum over all `i` with `index[i] == g`.
///
/// The result does not depend on the number of threads.
///
/// # Panics
/// When the slices differ in length or an index is not below `groups`.
///
/// ```
/// let sums = ferrolab::par::group_sum(&[0u32, 2, 0], &[1.0, 5.0, 2.0], 3);
/// assert_eq!(sums, [3.0, 0.0, 5.0]);
/// ```
#[must_use]
pub fn group_sum<I>(index: &[I], values: &[f64], groups: usize) -> Vec<f64>
where
    I: Copy + Sync + TryInto<usize> + Display,
{
    assert_eq!(index.len(), values.len(), "group_sum needs one index for each value");
    let parts = ranges(index.len(), pieces(index.len(), groups));
    let tables = Par::new().map(&parts, |range| {
        let mut table = vec![0.0; groups];
        for (&group, &value) in index[range.clone()].iter().zip(&values[range.clone()]) {
            let slot = group.try_into().ok().and_then(|g| table.get_mut(g));
            let Some(slot) = slot else {
                panic!("group_sum: index {group} is not below {groups} groups");
            };
            *slot += value;
        }
        table
    });
    add_up(tables, groups, |a, b| a + b)
}

/// Sums tables item by item, in order.
fn add_up<T: Copy + Default + Send + Sync>(tables: Vec<Vec<T>>, n: usize, add: impl Fn(T, T) -> T + Sync) -> Vec<T> {
    if tables.len() == 1 {
        return tables.into_iter().flatten().collect();
    }
    Par::new().quiet().map(0..n, |slot| {
        let column = tables.iter().map(|table| table[slot]);
        column.fold(T::default(), &add)
    })
}

/// Counts of values in `bins` equal bins from `low` to `high` (the last bin includes `high`).
/// Values outside and NaN are not counted.
///
/// # Panics
/// When `bins` is 0 or `low` is not below `high`.
///
/// ```
/// let counts = ferrolab::par::histogram(&[0.1, 0.2, 0.9, 7.0], 0.0, 1.0, 2);
/// assert_eq!(counts, [2, 1]);
/// ```
#[must_use]
pub fn histogram(values: &[f64], low: f64, high: f64, bins: usize) -> Vec<u64> {
    assert!(bins > 0, "a histogram needs at least one bin");
    assert!(low < high, "a histogram goes from a lower to a higher value");
    let scale = bins as f64 / (high - low);
    let parts = ranges(values.len(), pieces(values.len(), bins));
    let tables = Par::new().map(&parts, |range| {
        let mut table = vec![0u64; bins];
        for &value in &values[range.clone()] {
            if value >= low && value <= high {
                table[(((value - low) * scale) as usize).min(bins - 1)] += 1;
            }
        }
        table
    });
    match tables.is_empty() {
        true => vec![0; bins],
        false => add_up(tables, bins, |a, b| a + b),
    }
}

/// What a stencil sees beyond the edge of its array.
///
/// ```
/// use ferrolab::par::{Edge, stencil};
/// let a = [1.0, 2.0, 4.0];
/// let left = |edge| stencil(&a, 1, edge, |w| w[0]);
/// assert_eq!(left(Edge::Wrap), [4.0, 1.0, 2.0]);
/// assert_eq!(left(Edge::Clamp), [1.0, 1.0, 2.0]);
/// assert_eq!(left(Edge::Fill(0.0)), [0.0, 1.0, 2.0]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge<T> {
    /// The value at the edge.
    Clamp,
    /// The other side: the array is a ring, or a torus.
    Wrap,
    /// This value.
    Fill(T),
}

impl<T: Copy> Edge<T> {
    /// Index into `0..len`, or the fill value.
    #[inline]
    fn resolve(self, at: isize, len: usize) -> Result<usize, T> {
        match (usize::try_from(at), self) {
            (Ok(at), _) if at < len => Ok(at),
            (_, Self::Clamp) => Ok(at.clamp(0, len as isize - 1) as usize),
            (_, Self::Wrap) => Ok(at.rem_euclid(len as isize) as usize),
            (_, Self::Fill(value)) => Err(value),
        }
    }
}

/// Calls `f` with the window of `2·radius + 1` values around each item; results in order.
///
/// ```
/// use ferrolab::par::{Edge, stencil};
/// let smooth = stencil(&[0.0, 3.0, 0.0], 1, Edge::Fill(0.0), |w| w.iter().sum::<f64>() / 3.0);
/// assert_eq!(smooth, [1.0, 1.0, 1.0]);
/// ```
pub fn stencil<T, U>(input: &[T], radius: usize, edge: Edge<T>, f: impl Fn(&[T]) -> U + Sync) -> Vec<U>
where
    T: Copy + Send + Sync,
    U: Send,
{
    let n = input.len();
    Par::new().map(0..n, |i| {
        if i >= radius && i + radius < n {
            return f(&input[i - radius..=i + radius]);
        }
        let window: Vec<T> = (0..=2 * radius)
            .map(|k| {
                let at = edge.resolve((i + k) as isize - radius as isize, n);
                at.map_or_else(|fill| fill, |at| input[at])
            })
            .collect();
        f(&window)
    })
}

/// A place in a 2-D array and what is around it; [`stencil2`] hands it to its closure.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a, T> {
    input: &'a [T],
    shape: [usize; 2],
    edge: Edge<T>,
    /// Row, from 0.
    pub y: usize,
    /// Column, from 0.
    pub x: usize,
}

impl<T: Copy> Around<'_, T> {
    /// The value `dy` rows below and `dx` columns to the right.
    ///
    /// ```
    /// use ferrolab::par::{Edge, stencil2};
    /// let below = stencil2(&[1, 2, 3, 4], [2, 2], Edge::Fill(0), |a| a.at(1, 0));
    /// assert_eq!(below, [3, 4, 0, 0]);
    /// ```
    #[inline]
    #[must_use]
    pub fn at(&self, dy: isize, dx: isize) -> T {
        let [rows, columns] = self.shape;
        let y = self.edge.resolve(self.y as isize + dy, rows);
        let x = self.edge.resolve(self.x as isize + dx, columns);
        match (y, x) {
            (Ok(y), Ok(x)) => self.input[y * columns + x],
            (Err(fill), _) | (_, Err(fill)) => fill,
        }
    }
}

/// Calls `f` with the surroundings of each place of a 2-D array `[rows, columns]` in row order;
/// results in the same order.
///
/// # Panics
/// When `input` has not `rows · columns` items.
///
/// ```
/// use ferrolab::par::{Edge, stencil2};
/// let heat = [0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0];
/// let next = stencil2(&heat, [3, 3], Edge::Clamp, |a| {
///     (a.at(-1, 0) + a.at(1, 0) + a.at(0, -1) + a.at(0, 1)) / 4.0
/// });
/// assert_eq!(next, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
/// ```
pub fn stencil2<T, U>(input: &[T], shape: [usize; 2], edge: Edge<T>, f: impl Fn(Around<'_, T>) -> U + Sync) -> Vec<U>
where
    T: Copy + Send + Sync,
    U: Send,
{
    let [rows, columns] = shape;
    assert_eq!(Some(input.len()), rows.checked_mul(columns), "the array must have rows · columns items");
    Par::new().map(0..input.len(), |i| f(Around { input, shape, edge, y: i / columns, x: i % columns }))
}
