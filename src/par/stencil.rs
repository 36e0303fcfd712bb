//! Stencils on arrays of one, two and three dimensions: what is near an edge is found by a rule, what
//! is inside by plain arithmetic, in loops without branches.

use super::collect::Par;
use super::source::{IntoTasks, Sealed, Tasks};
use std::ops::Range;

/// Places this far from all edges see their surroundings without asking for the edge.
const NEAR: usize = 2;

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
/// # Panics
/// When `f` panics, with the index of the item in the message.
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
    // Copies of what the windows at the two ends see, so that every window is a slice of something.
    let seen = |at: usize| {
        let at = edge.resolve(at as isize - radius as isize, n);
        at.map_or_else(|fill| fill, |at| input[at])
    };
    let (head, tail) = match radius >= n.div_ceil(2) {
        true => (0..n, n..n),
        false => (0..radius, n - radius..n),
    };
    let padded = |places: &Range<usize>| -> Vec<T> {
        if places.is_empty() { Vec::new() } else { (places.start..places.end + 2 * radius).map(seen).collect() }
    };
    let (first, last) = (padded(&head), padded(&tail));
    Par::new().map(Windows { input, first, last, inside: head.end..tail.start, radius }, f)
}

/// Windows around the items of a slice, as tasks.
struct Windows<'a, T> {
    input: &'a [T],
    first: Vec<T>,
    last: Vec<T>,
    inside: Range<usize>,
    radius: usize,
}
impl<T> Sealed for Windows<'_, T> {}
impl<'a, T: Sync> IntoTasks for Windows<'a, T> {
    type Item = &'a [T];
    type Tasks = Self;
    fn into_tasks(self) -> Self {
        self
    }
}
impl<'a, T: Sync> Tasks for Windows<'a, T> {
    type Item = &'a [T];
    type Base = *const T;
    fn size(&self) -> usize {
        self.input.len()
    }
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        let Range { start, end } = self.inside;
        let border = if range.start < start {
            start
        } else if range.start < end {
            end
        } else {
            range.end
        };
        range.end.min(border)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> *const T {
        let from = match start {
            s if s < self.inside.start => &self.first[s..],
            s if s < self.inside.end => &self.input[s - self.radius..],
            s => &self.last[s - self.inside.end..],
        };
        from.as_ptr()
    }
    #[inline]
    unsafe fn item(&self, base: *const T, k: usize) -> &'a [T] {
        // SAFETY: the slices that `base` points into are as long as their part's windows reach, and
        // closures that take any `&[T]` cannot keep it beyond this loop, over which `self` lives.
        unsafe { std::slice::from_raw_parts(base.add(k), 2 * self.radius + 1) }
    }
}

/// The places of an array, as tasks.
#[derive(Debug)]
pub struct Places<'a, T, const N: usize> {
    input: &'a [T],
    shape: [usize; N],
    edge: Edge<T>,
}
impl<T, const N: usize> Sealed for &Places<'_, T, N> {}
impl<'a, T, const N: usize> IntoTasks for &'a Places<'a, T, N>
where
    Self: Tasks,
{
    type Item = <Self as Tasks>::Item;
    type Tasks = Self;
    fn into_tasks(self) -> Self {
        self
    }
}

impl<'a, T, const N: usize> Places<'a, T, N> {
    fn new(input: &'a [T], shape: [usize; N], edge: Edge<T>) -> Self {
        let size = shape.iter().try_fold(1usize, |n, side| n.checked_mul(*side));
        let given = input.len();
        assert!(
            size == Some(given),
            "an array of shape {shape:?} has as many items as the product of these, and got {given}"
        );
        Self { input, shape, edge }
    }

    /// Where an index is, and whether that is far from all edges.
    #[inline]
    fn place(&self, index: usize) -> ([usize; N], bool) {
        let (mut place, mut left, mut inside) = ([0; N], index, true);
        for axis in (0..N).rev() {
            let side = self.shape[axis];
            place[axis] = left % side;
            left /= side;
            inside &= place[axis] >= NEAR && place[axis] + NEAR < side;
        }
        (place, inside)
    }

    /// Where places begin that are otherwise far from the edges, or the row ends.
    #[inline]
    fn border(&self, range: Range<usize>) -> usize {
        let columns = self.shape[N - 1];
        let x = range.start % columns;
        let next = match x {
            _ if x < NEAR => NEAR,
            _ if x + NEAR < columns => columns - NEAR,
            _ => columns,
        };
        range.end.min(range.start - x + next.min(columns))
    }
}

/// A place in a 2-D array and what is around it; [`stencil2`] hands it to its closure.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a, T> {
    tasks: &'a Places<'a, T, 2>,
    center: *const T,
    inside: bool,
    // A copy: what `tasks` points to could change with every result that is written, for all the
    // compiler knows.
    columns: isize,
    /// Row, from 0.
    pub y: usize,
    /// Column, from 0.
    pub x: usize,
}

impl<T: Copy> Around<'_, T> {
    /// The value at this distance, in rows, columns; beyond the edge, what the rule for the edge says.
    ///
    /// ```
    /// use ferrolab::par::{Edge, stencil2};
    /// let below = stencil2(&[1, 2, 3, 4], [2, 2], Edge::Fill(0), |a| a.at(1, 0));
    /// assert_eq!(below, [3, 4, 0, 0]);
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn at(&self, dy: isize, dx: isize) -> T {
        if self.inside && dy.unsigned_abs() <= NEAR && dx.unsigned_abs() <= NEAR {
            // SAFETY: `inside` says that the place is at least NEAR from every edge.
            return unsafe { *self.center.offset(dy * self.columns + dx) };
        }
        self.resolve(dy, dx)
    }

    #[inline(never)]
    fn resolve(&self, dy: isize, dx: isize) -> T {
        let [rows, columns] = self.tasks.shape;
        let y = self.tasks.edge.resolve(self.y as isize + dy, rows);
        let x = self.tasks.edge.resolve(self.x as isize + dx, columns);
        match (y, x) {
            (Ok(y), Ok(x)) => self.tasks.input[y * columns + x],
            (Err(fill), _) | (_, Err(fill)) => fill,
        }
    }
}

impl<'a, T: Copy + Sync> Tasks for &'a Places<'a, T, 2> {
    type Item = Around<'a, T>;
    type Base = Around<'a, T>;
    fn size(&self) -> usize {
        self.input.len()
    }
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        self.border(range)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> Self::Item {
        let ([y, x], inside) = self.place(start);
        let columns = self.shape[1] as isize;
        Around { tasks: self, center: &raw const self.input[start], inside, columns, y, x }
    }
    #[inline]
    unsafe fn item(&self, base: Self::Item, k: usize) -> Self::Item {
        // SAFETY: `k` is within a row of the array.
        Around { center: unsafe { base.center.add(k) }, x: base.x + k, ..base }
    }
}

/// Calls `f` with the surroundings of each place of a 2-D array `[rows, columns]` in row order;
/// results in the same order.
///
/// Up to two places away from it, values are found without asking for the edge, in a loop that the
/// compiler can vectorise; only places near an edge, and values further away, are slower.
///
/// # Panics
/// When `input` has not rows · columns items; when `f` panics, with the index of the place in the message.
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
    let places = Places::new(input, shape, edge);
    Par::new().map(&places, f)
}

/// A place in a 3-D array and what is around it; [`stencil3`] hands it to its closure.
#[derive(Debug, Clone, Copy)]
pub struct Around3<'a, T> {
    tasks: &'a Places<'a, T, 3>,
    center: *const T,
    inside: bool,
    // Copies: what `tasks` points to could change with every result that is written, for all the
    // compiler knows.
    rows: isize,
    columns: isize,
    /// Plane, from 0.
    pub z: usize,
    /// Row, from 0.
    pub y: usize,
    /// Column, from 0.
    pub x: usize,
}

impl<T: Copy> Around3<'_, T> {
    /// The value at this distance, in planes, rows, columns; beyond the edge, what the rule for the edge says.
    ///
    /// ```
    /// use ferrolab::par::{Edge, stencil3};
    /// let behind = stencil3(&[1, 2, 3, 4], [2, 1, 2], Edge::Wrap, |a| a.at(1, 0, 0));
    /// assert_eq!(behind, [3, 4, 1, 2]);
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn at(&self, dz: isize, dy: isize, dx: isize) -> T {
        if self.inside && dz.unsigned_abs() <= NEAR && dy.unsigned_abs() <= NEAR && dx.unsigned_abs() <= NEAR {
            // SAFETY: `inside` says that the place is at least NEAR from every edge.
            return unsafe { *self.center.offset((dz * self.rows + dy) * self.columns + dx) };
        }
        self.resolve(dz, dy, dx)
    }

    #[inline(never)]
    fn resolve(&self, dz: isize, dy: isize, dx: isize) -> T {
        let [planes, rows, columns] = self.tasks.shape;
        let z = self.tasks.edge.resolve(self.z as isize + dz, planes);
        let y = self.tasks.edge.resolve(self.y as isize + dy, rows);
        let x = self.tasks.edge.resolve(self.x as isize + dx, columns);
        match (z, y, x) {
            (Ok(z), Ok(y), Ok(x)) => self.tasks.input[(z * rows + y) * columns + x],
            (Err(fill), _, _) | (_, Err(fill), _) | (_, _, Err(fill)) => fill,
        }
    }
}

impl<'a, T: Copy + Sync> Tasks for &'a Places<'a, T, 3> {
    type Item = Around3<'a, T>;
    type Base = Around3<'a, T>;
    fn size(&self) -> usize {
        self.input.len()
    }
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        self.border(range)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> Self::Item {
        let ([z, y, x], inside) = self.place(start);
        let [rows, columns] = [self.shape[1] as isize, self.shape[2] as isize];
        Around3 { tasks: self, center: &raw const self.input[start], inside, rows, columns, z, y, x }
    }
    #[inline]
    unsafe fn item(&self, base: Self::Item, k: usize) -> Self::Item {
        // SAFETY: `k` is within a row of the array.
        Around3 { center: unsafe { base.center.add(k) }, x: base.x + k, ..base }
    }
}

/// Calls `f` with the surroundings of each place of a 3-D array `[planes, rows, columns]` in row order;
/// results in the same order.
///
/// Up to two places away from it, values are found without asking for the edge, in a loop that the
/// compiler can vectorise; only places near an edge, and values further away, are slower.
///
/// # Panics
/// When `input` has not planes · rows · columns items; when `f` panics, with the index of the place in the message.
///
/// ```
/// use ferrolab::par::{Edge, stencil3};
/// let sum = stencil3(&[1, 2, 3, 4], [1, 2, 2], Edge::Fill(0), |a| a.at(0, -1, 0) + a.at(0, 0, -1) + a.at(-1, 0, 0));
/// assert_eq!(sum, [0, 1, 1, 5]);
/// ```
pub fn stencil3<T, U>(input: &[T], shape: [usize; 3], edge: Edge<T>, f: impl Fn(Around3<'_, T>) -> U + Sync) -> Vec<U>
where
    T: Copy + Send + Sync,
    U: Send,
{
    let places = Places::new(input, shape, edge);
    Par::new().map(&places, f)
}
