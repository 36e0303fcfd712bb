//! Tasks over the places of a 2-D or 3-D grid, in row order.

use super::source::{IntoTasks, Sealed, Tasks};
use std::ops::Range;

/// The places of a grid; see [`grid`].
#[derive(Debug, Clone, Copy)]
pub struct Grid<const N: usize> {
    shape: [usize; N],
    len: usize,
}

/// All places of a grid of the given shape, in row order: `[y, x]` of `[rows, columns]`, or
/// `[z, y, x]` of `[planes, rows, columns]`.
///
/// A row is a loop without divisions that the compiler can vectorise. For results in an
/// `ndarray::Array` of the grid's shape see [`map_array`](super::map_array).
///
/// # Panics
/// When the grid has more places than memory could have.
///
/// ```
/// let table = ferrolab::par::map(ferrolab::par::grid([2, 3]), |[y, x]| 10 * y + x);
/// assert_eq!(table, [0, 1, 2, 10, 11, 12]);
/// ```
#[must_use]
pub fn grid<const N: usize>(shape: [usize; N]) -> Grid<N> {
    const { assert!(N > 0, "a grid has at least one dimension") };
    let len = shape.iter().try_fold(1usize, |n, side| n.checked_mul(*side));
    let Some(len) = len.filter(|n| *n < usize::MAX / 2) else { panic!("a grid of {shape:?} has too many places") };
    Grid { shape, len }
}

impl<const N: usize> Grid<N> {
    pub(super) fn shape(&self) -> [usize; N] {
        self.shape
    }
}

impl<const N: usize> IntoTasks for Grid<N> {
    type Item = [usize; N];
    type Tasks = Self;
    fn into_tasks(self) -> Self {
        self
    }
}
impl<const N: usize> Sealed for Grid<N> {}
impl<const N: usize> Tasks for Grid<N> {
    type Item = [usize; N];
    type Base = [usize; N];
    fn size(&self) -> usize {
        self.len
    }
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        let columns = self.shape[N - 1];
        // To the end of the row.
        range.end.min((range.start / columns + 1) * columns)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> [usize; N] {
        let mut place = [0; N];
        let mut left = start;
        for axis in (0..N).rev() {
            place[axis] = left % self.shape[axis];
            left /= self.shape[axis];
        }
        place
    }
    #[inline]
    unsafe fn item(&self, mut base: [usize; N], k: usize) -> [usize; N] {
        base[N - 1] += k;
        base
    }
}
