//! Stencils on arrays of two and three dimensions.
//!
//! The rule for the edges is asked once a row, not once a value: a [`Sight`] holds for each axis how far it is to the
//! five places nearest on it, and a value is found by adding one number of each axis. So the loop over the inside
//! of a row has neither branch nor division, whatever the rule says of the rows beside it.

use super::super::collect::Par;
use super::super::source::{IntoTasks, Sealed, Tasks};
use super::Edge;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Values up to this far away, on every axis, are found through tables.
const NEAR: usize = 2;
/// Entries in the table of an axis.
const WIDE: usize = 2 * NEAR + 1;

/// An array and the rule for its edges.
#[derive(Debug)]
struct Places<'a, T, const N: usize> {
    input: &'a [T],
    shape: [usize; N],
    /// How far the next place on each axis is.
    strides: [usize; N],
    edge: Edge<T>,
    /// Of a window of a larger array, the index of its first place there: nothing is known beyond its ends.
    first: Option<[isize; N]>,
}

impl<'a, T: Copy, const N: usize> Places<'a, T, N> {
    fn new(input: &'a [T], shape: [usize; N], edge: Edge<T>) -> Self {
        let size = shape.iter().try_fold(1usize, |n, side| n.checked_mul(*side));
        let given = input.len();
        assert!(
            size == Some(given),
            "an array of shape {shape:?} has as many items as the product of these, and got {given}"
        );
        let mut strides = [1; N];
        for axis in (1..N).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        Self { input, shape, strides, edge, first: None }
    }

    /// A place as closures know it.
    #[inline(always)]
    fn told(&self, place: [usize; N]) -> [usize; N] {
        let Some(first) = self.first else { return place };
        std::array::from_fn(|axis| place[axis].wrapping_add_signed(first[axis]))
    }

    /// Where an index is.
    #[inline]
    fn place(&self, mut index: usize) -> [usize; N] {
        let mut place = [0; N];
        for axis in (0..N).rev() {
            place[axis] = index % self.shape[axis];
            index /= self.shape[axis];
        }
        place
    }

    /// Is this far from both ends of an axis?
    #[inline]
    fn is_inside(&self, axis: usize, at: usize) -> bool {
        at >= NEAR && at + NEAR < self.shape[axis]
    }

    /// What is seen from a place.
    #[inline]
    fn sight(&'a self, place: [usize; N]) -> Sight<'a, T, N> {
        let (mut offsets, mut beyond) = ([[0; WIDE]; N], 0);
        for axis in 0..N {
            let (table, bits) = self.table(axis, place[axis]);
            offsets[axis] = table;
            beyond |= bits;
        }
        Sight { places: self, input: self.input.as_ptr(), offsets, beyond }
    }

    /// The table of an axis at a place on it, and bits for what lies beyond the edge.
    #[inline]
    fn table(&self, axis: usize, at: usize) -> ([usize; WIDE], u32) {
        if !self.is_inside(axis, at) {
            return self.table_at_edge(axis, at);
        }
        let (first, stride) = ((at - NEAR) * self.strides[axis], self.strides[axis]);
        ([first, first + stride, first + 2 * stride, first + 3 * stride, first + 4 * stride], 0)
    }

    // Apart, so that tables far from the edges stay in registers, and those that nobody looks into are not made.
    #[inline(never)]
    fn table_at_edge(&self, axis: usize, at: usize) -> ([usize; WIDE], u32) {
        let (mut table, mut beyond) = ([0; WIDE], 0);
        for (entry, offset) in table.iter_mut().enumerate() {
            match self.edge.resolve((at + entry) as isize - NEAR as isize, self.shape[axis]) {
                Ok(found) => *offset = found * self.strides[axis],
                // The offset stays 0, which leads to some place of the array; its value is not used.
                Err(_) => beyond |= 1 << (axis * WIDE + entry),
            }
        }
        (table, beyond)
    }

    /// A value that no table leads to.
    #[cold]
    #[inline(never)]
    fn far(&self, place: [usize; N], distance: [isize; N]) -> T {
        let mut index = 0;
        if let Some(first) = self.first {
            for axis in 0..N {
                let at = place[axis] as isize - first[axis] + distance[axis];
                if !(0..self.shape[axis] as isize).contains(&at) {
                    std::panic::resume_unwind(Box::new(Beyond(distance[axis].unsigned_abs())));
                }
                index += at as usize * self.strides[axis];
            }
            return self.input[index];
        }
        for axis in 0..N {
            match self.edge.resolve(place[axis] as isize + distance[axis], self.shape[axis]) {
                Ok(at) => index += at * self.strides[axis],
                Err(fill) => return fill,
            }
        }
        self.input[index]
    }

    /// What lies beyond an edge of [`Edge::Fill`].
    #[cold]
    fn fill(&self) -> T {
        match self.edge {
            Edge::Fill(value) => value,
            Edge::Clamp | Edge::Wrap | Edge::Reflect => self.input[0],
        }
    }
}

/// A closure looked so far, which is beyond its window.
struct Beyond(usize);

/// Calls `f` on places of a window, in order: from where on along each axis, how many, and the index of the window's first place
/// in the whole array. The window reaches [`NEAR`] places farther at least. How far `f` looked, when that is beyond it.
fn within<'a, T, U, const N: usize, V>(
    places: &'a Places<'a, T, N>,
    inside: [(usize, usize); N],
    f: impl Fn(V) -> U,
) -> Result<Vec<U>, usize>
where
    T: Copy + Sync,
    V: View<'a, T, N>,
{
    let enough = |axis: usize| inside[axis].0 >= NEAR && inside[axis].0 + inside[axis].1 + NEAR <= places.shape[axis];
    assert!((0..N).all(enough), "a window reaches {NEAR} places farther than what is asked for");
    let walk = Walk { places, view: PhantomData };
    let lines: usize = inside[..N - 1].iter().map(|(_, n)| n).product();
    let mut made = Vec::with_capacity(lines * inside[N - 1].1);
    let called = catch_unwind(AssertUnwindSafe(|| {
        for line in 0..lines {
            crate::rt::check_interrupt();
            let (mut left, mut start) = (line, inside[N - 1].0);
            for axis in (0..N - 1).rev() {
                start += (inside[axis].0 + left % inside[axis].1) * places.strides[axis];
                left /= inside[axis].1;
            }
            // SAFETY: a stretch of one row, far from its ends.
            unsafe { walk.walk(start, inside[N - 1].1, |_, view| made.push(f(view))) };
        }
    }));
    match called {
        Ok(()) => Ok(made),
        Err(payload) => match payload.downcast::<Beyond>() {
            Ok(beyond) => Err(beyond.0),
            Err(payload) => resume_unwind(payload),
        },
    }
}

/// The places nearest to one, on each axis.
#[derive(Clone, Copy)]
struct Sight<'a, T, const N: usize> {
    places: &'a Places<'a, T, N>,
    // Copies of everything: what a reference leads to could change with every result that is written, for all the
    // compiler knows, and would be read again for each place.
    input: *const T,
    /// For each axis, what the places at -NEAR to NEAR of it add to the index.
    offsets: [[usize; WIDE]; N],
    /// A bit for each of these that lies beyond an edge with a fill value.
    beyond: u32,
}

impl<T: Copy, const N: usize> Sight<'_, T, N> {
    #[inline(always)]
    fn at(&self, place: [usize; N], distance: [isize; N]) -> T {
        let (mut index, mut bits, mut axis) = (0, 0, 0);
        while axis < N {
            let entry = distance[axis].wrapping_add(NEAR as isize) as usize;
            if entry >= WIDE {
                return self.places.far(place, distance);
            }
            index += self.offsets[axis][entry];
            bits |= 1 << (axis * WIDE + entry);
            axis += 1;
        }
        if self.beyond & bits != 0 {
            return self.places.fill();
        }
        // SAFETY: each table's numbers lead to places on its axis, so that their sum is an index of the array.
        unsafe { *self.input.add(index) }
    }
}

impl<T, const N: usize> fmt::Debug for Sight<'_, T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sight").field("offsets", &self.offsets).finish_non_exhaustive()
    }
}

/// What the closure gets.
trait View<'a, T, const N: usize> {
    fn new(sight: Sight<'a, T, N>, place: [usize; N]) -> Self;
}

/// The places of an array as tasks that give `V`.
struct Walk<'a, T, const N: usize, V> {
    places: &'a Places<'a, T, N>,
    view: PhantomData<fn() -> V>,
}
impl<T, const N: usize, V> Sealed for Walk<'_, T, N, V> {}
impl<'a, T: Copy + Sync, const N: usize, V: View<'a, T, N>> IntoTasks for Walk<'a, T, N, V> {
    type Item = V;
    type Tasks = Self;
    fn into_tasks(self) -> Self {
        self
    }
}
impl<'a, T: Copy + Sync, const N: usize, V: View<'a, T, N>> Tasks for Walk<'a, T, N, V> {
    type Item = V;
    type Base = usize;
    fn size(&self) -> usize {
        self.places.input.len()
    }
    /// To where columns begin that are otherwise far from the edges, or to the row's end.
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        let columns = self.places.shape[N - 1];
        let x = range.start % columns;
        let next = match x {
            _ if x < NEAR => NEAR,
            _ if x + NEAR < columns => columns - NEAR,
            _ => columns,
        };
        range.end.min(range.start - x + next.min(columns))
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> usize {
        start
    }
    #[inline]
    unsafe fn item(&self, start: usize, k: usize) -> V {
        let place = self.places.place(start + k);
        V::new(self.places.sight(place), self.places.told(place))
    }
    #[inline(always)]
    unsafe fn walk(&self, start: usize, len: usize, mut f: impl FnMut(usize, V)) {
        let mut place = self.places.place(start);
        let (first, columns) = (place[N - 1], N - 1);
        let mut sight = self.places.sight(place);
        if sight.beyond != 0 || !self.places.is_inside(columns, first) {
            let rows = sight.beyond & !(((1 << WIDE) - 1) << (columns * WIDE));
            for k in 0..len {
                place[columns] = first + k;
                let (table, bits) = self.places.table(columns, first + k);
                (sight.offsets[columns], sight.beyond) = (table, rows | bits);
                f(k, V::new(sight, self.places.told(place)));
            }
            return;
        }
        for k in 0..len {
            place[columns] = first + k;
            // As `table` does, with numbers that the compiler sees: nothing is beyond, and a column is one place.
            let mut sight = Sight { beyond: 0, ..sight };
            sight.offsets[columns] = std::array::from_fn(|entry| first + k + entry - NEAR);
            f(k, V::new(sight, self.places.told(place)));
        }
    }
}

/// A place in a 2-D array and what is around it; [`stencil2`] hands it to its closure.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a, T> {
    sight: Sight<'a, T, 2>,
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
        self.sight.at([self.y, self.x], [dy, dx])
    }
}

impl<'a, T> View<'a, T, 2> for Around<'a, T> {
    #[inline(always)]
    fn new(sight: Sight<'a, T, 2>, [y, x]: [usize; 2]) -> Self {
        Self { sight, y, x }
    }
}

/// Calls `f` with the surroundings of each place of a 2-D array `[rows, columns]` in row order;
/// results in the same order.
///
/// Values up to two places away are found through tables of where they are, in a loop that the compiler can
/// vectorise; only the first and last two columns, and values further away, are slower.
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
    Par::new().map(Walk { places: &places, view: PhantomData }, |around: Around<'_, T>| f(around))
}

/// [`stencil2`] of a window, by this thread alone: along each axis from where on, how many, and the index of the window's first
/// place in the whole array. How far `f` looked, when that is beyond the window.
pub(crate) fn stencil2_within<T, U>(
    input: &[T],
    shape: [usize; 2],
    inside: [(usize, usize, isize); 2],
    f: impl Fn(Around<'_, T>) -> U,
) -> Result<Vec<U>, usize>
where
    T: Copy + Sync,
{
    let places = Places { first: Some(inside.map(|(.., first)| first)), ..Places::new(input, shape, Edge::Clamp) };
    within(&places, inside.map(|(start, n, _)| (start, n)), |around: Around<'_, T>| f(around))
}

/// A place in a 3-D array and what is around it; [`stencil3`] hands it to its closure.
#[derive(Debug, Clone, Copy)]
pub struct Around3<'a, T> {
    sight: Sight<'a, T, 3>,
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
        self.sight.at([self.z, self.y, self.x], [dz, dy, dx])
    }
}

impl<'a, T> View<'a, T, 3> for Around3<'a, T> {
    #[inline(always)]
    fn new(sight: Sight<'a, T, 3>, [z, y, x]: [usize; 3]) -> Self {
        Self { sight, z, y, x }
    }
}

/// Calls `f` with the surroundings of each place of a 3-D array `[planes, rows, columns]` in row order;
/// results in the same order.
///
/// Values up to two places away are found through tables of where they are, in a loop that the compiler can
/// vectorise; only the first and last two columns, and values further away, are slower.
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
    Par::new().map(Walk { places: &places, view: PhantomData }, |around: Around3<'_, T>| f(around))
}

/// [`stencil2_within`] with three axes.
pub(crate) fn stencil3_within<T, U>(
    input: &[T],
    shape: [usize; 3],
    inside: [(usize, usize, isize); 3],
    f: impl Fn(Around3<'_, T>) -> U,
) -> Result<Vec<U>, usize>
where
    T: Copy + Sync,
{
    let places = Places { first: Some(inside.map(|(.., first)| first)), ..Places::new(input, shape, Edge::Clamp) };
    within(&places, inside.map(|(start, n, _)| (start, n)), |around: Around3<'_, T>| f(around))
}
