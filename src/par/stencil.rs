//! Stencils.

use super::collect::Par;

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
