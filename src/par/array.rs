//! Arrays of `ndarray` as tasks and as results. Arrays that are one piece of memory in row order are
//! taken as slices; others, transposed ones and views with gaps, row by row. Nothing is copied.

use super::grid::Grid;
use super::source::{IntoTasks, Sealed, Tasks};
use ndarray::{
    Array, ArrayBase, ArrayView, ArrayViewMut, Axis, Data, DataMut, Dimension, IntoDimension, RawArrayViewMut,
    RemoveAxis,
};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// Where the elements of an array are, in row order.
#[derive(Debug)]
struct Layout {
    len: usize,
    /// Elements of a row, and how far they are apart.
    columns: usize,
    stride: isize,
    /// Length and stride of the other axes, when rows do not follow each other.
    outer: Vec<(usize, isize)>,
}

impl Layout {
    fn new(shape: &[usize], strides: &[isize], in_order: bool) -> Self {
        let len = shape.iter().product::<usize>();
        match (in_order, shape.split_last(), strides.split_last()) {
            (false, Some((columns, shape)), Some((stride, strides))) => {
                let outer = shape.iter().copied().zip(strides.iter().copied()).collect();
                Self { len, columns: *columns, stride: *stride, outer }
            }
            _ => Self { len, columns: len, stride: 1, outer: Vec::new() },
        }
    }

    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        range.end.min((range.start / self.columns + 1) * self.columns)
    }

    /// How far element `index` is from the first.
    #[inline]
    fn offset(&self, index: usize) -> isize {
        let mut row = index / self.columns;
        let mut offset = (index % self.columns) as isize * self.stride;
        for (side, stride) in self.outer.iter().rev() {
            offset += (row % side) as isize * stride;
            row /= side;
        }
        offset
    }
}

/// References to the elements of an array.
#[derive(Debug)]
pub struct Elements<'a, T> {
    first: *const T,
    layout: Layout,
    life: PhantomData<&'a T>,
}
// SAFETY: it stands for `&[T]`, with gaps.
unsafe impl<T: Sync> Sync for Elements<'_, T> {}
impl<T> Sealed for Elements<'_, T> {}
impl<'a, T: Sync> Tasks for Elements<'a, T> {
    type Item = &'a T;
    type Base = *const T;
    fn size(&self) -> usize {
        self.layout.len
    }
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        self.layout.stretch(range)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> *const T {
        // SAFETY: shape and strides are those of the array that is borrowed for 'a.
        unsafe { self.first.offset(self.layout.offset(start)) }
    }
    #[inline]
    unsafe fn item(&self, base: *const T, k: usize) -> &'a T {
        // SAFETY: an element of the row that `base` is in.
        unsafe { &*base.offset(k as isize * self.layout.stride) }
    }
}

/// Unique references to the elements of an array.
#[derive(Debug)]
pub struct ElementsMut<'a, T> {
    first: *mut T,
    layout: Layout,
    life: PhantomData<&'a mut T>,
}
// SAFETY: it stands for `&mut [T]`, with gaps: shared use only hands out `&mut T` to different
// elements (the contract of `item`), each to one thread, which is what `T: Send` allows.
unsafe impl<T: Send> Sync for ElementsMut<'_, T> {}
impl<T> Sealed for ElementsMut<'_, T> {}
impl<'a, T: Send> Tasks for ElementsMut<'a, T> {
    type Item = &'a mut T;
    type Base = *mut T;
    fn size(&self) -> usize {
        self.layout.len
    }
    #[inline]
    fn stretch(&self, range: Range<usize>) -> usize {
        self.layout.stretch(range)
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> *mut T {
        // SAFETY: shape and strides are those of the array that is uniquely borrowed for 'a.
        unsafe { self.first.offset(self.layout.offset(start)) }
    }
    #[inline]
    unsafe fn item(&self, base: *mut T, k: usize) -> &'a mut T {
        // SAFETY: an element of the row that `base` is in, taken once; the elements of an array that
        // can be written to are different places (a promise of ndarray's `DataMut`).
        unsafe { &mut *base.offset(k as isize * self.layout.stride) }
    }
}

impl<'a, T: Sync, S: Data<Elem = T>, D: Dimension> IntoTasks for &'a ArrayBase<S, D> {
    type Item = &'a T;
    type Tasks = Elements<'a, T>;
    fn into_tasks(self) -> Elements<'a, T> {
        let layout = Layout::new(self.shape(), self.strides(), self.is_standard_layout());
        Elements { first: self.as_ptr(), layout, life: PhantomData }
    }
}
impl<'a, T: Sync, D: Dimension> IntoTasks for ArrayView<'a, T, D> {
    type Item = &'a T;
    type Tasks = Elements<'a, T>;
    fn into_tasks(self) -> Elements<'a, T> {
        let layout = Layout::new(self.shape(), self.strides(), self.is_standard_layout());
        Elements { first: self.as_ptr(), layout, life: PhantomData }
    }
}
impl<'a, T: Send, S: DataMut<Elem = T>, D: Dimension> IntoTasks for &'a mut ArrayBase<S, D> {
    type Item = &'a mut T;
    type Tasks = ElementsMut<'a, T>;
    fn into_tasks(self) -> ElementsMut<'a, T> {
        self.view_mut().into_tasks()
    }
}
impl<'a, T: Send, D: Dimension> IntoTasks for ArrayViewMut<'a, T, D> {
    type Item = &'a mut T;
    type Tasks = ElementsMut<'a, T>;
    fn into_tasks(mut self) -> ElementsMut<'a, T> {
        let layout = Layout::new(self.shape(), self.strides(), self.is_standard_layout());
        ElementsMut { first: self.as_mut_ptr(), layout, life: PhantomData }
    }
}

/// The parts of an array along its first axis; see [`rows`].
#[derive(Debug, Clone)]
pub struct Rows<'a, T, D: Dimension>(ArrayView<'a, T, D>);

/// The rows of a 2-D array, each one task; of a 3-D array its planes, and so on: its parts along the
/// first axis, as views.
///
/// For rows to write to, see [`rows_mut`].
///
/// ```
/// use ferrolab::ndarray::array;
/// let a = array![[1, 2], [3, 4]];
/// assert_eq!(ferrolab::par::map(ferrolab::par::rows(&a), |row| row.sum()), [3, 7]);
/// ```
#[must_use]
pub fn rows<T, S: Data<Elem = T>, D: RemoveAxis>(array: &ArrayBase<S, D>) -> Rows<'_, T, D> {
    Rows(array.view())
}

impl<T, D: Dimension> Sealed for Rows<'_, T, D> {}
impl<'a, T: Sync, D: RemoveAxis> IntoTasks for Rows<'a, T, D> {
    type Item = ArrayView<'a, T, D::Smaller>;
    type Tasks = Self;
    fn into_tasks(self) -> Self {
        self
    }
}
impl<'a, T: Sync, D: RemoveAxis> Tasks for Rows<'a, T, D> {
    type Item = ArrayView<'a, T, D::Smaller>;
    type Base = usize;
    fn size(&self) -> usize {
        self.0.len_of(Axis(0))
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> usize {
        start
    }
    #[inline]
    unsafe fn item(&self, base: usize, k: usize) -> Self::Item {
        self.0.clone().index_axis_move(Axis(0), base + k)
    }
}

/// The parts of an array along its first axis, to write to; see [`rows_mut`].
pub struct RowsMut<'a, T, D: Dimension>(RawArrayViewMut<T, D>, PhantomData<&'a mut T>);
impl<T, D: Dimension> fmt::Debug for RowsMut<'_, T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RowsMut").field(&self.0.shape()).finish()
    }
}

/// As [`rows`], as views to write to.
///
/// ```
/// use ferrolab::{ndarray::array, par};
/// let mut a = array![[0, 0], [0, 0]];
/// par::for_each(par::enumerate(par::rows_mut(&mut a)), |(y, mut row)| row.fill(y));
/// assert_eq!(a, array![[0, 0], [1, 1]]);
/// ```
#[must_use]
pub fn rows_mut<T, S: DataMut<Elem = T>, D: RemoveAxis>(array: &mut ArrayBase<S, D>) -> RowsMut<'_, T, D> {
    // Makes the elements this array's own, when it shares them.
    array.view_mut();
    RowsMut(array.raw_view_mut(), PhantomData)
}

impl<T, D: Dimension> Sealed for RowsMut<'_, T, D> {}
// SAFETY: it stands for `&mut [T]`: shared use only hands out views of different rows (the contract
// of `item`), each to one thread, which is what `T: Send` allows. The dimensions are numbers.
unsafe impl<T: Send, D: Dimension> Sync for RowsMut<'_, T, D> {}
impl<'a, T: Send, D: RemoveAxis> IntoTasks for RowsMut<'a, T, D> {
    type Item = ArrayViewMut<'a, T, D::Smaller>;
    type Tasks = Self;
    fn into_tasks(self) -> Self {
        self
    }
}
impl<'a, T: Send, D: RemoveAxis> Tasks for RowsMut<'a, T, D> {
    type Item = ArrayViewMut<'a, T, D::Smaller>;
    type Base = usize;
    fn size(&self) -> usize {
        self.0.len_of(Axis(0))
    }
    #[inline]
    unsafe fn base(&self, start: usize) -> usize {
        start
    }
    #[inline]
    unsafe fn item(&self, base: usize, k: usize) -> Self::Item {
        let row = self.0.clone().index_axis_move(Axis(0), base + k);
        // SAFETY: the array is uniquely borrowed for 'a, and the caller takes every row once.
        unsafe { row.deref_into_view_mut() }
    }
}

/// Tasks with the shape of an array: grids, arrays and views.
pub trait Shaped: IntoTasks {
    /// The dimension type of `ndarray`.
    type Dim: Dimension;
    /// The shape.
    fn dim(&self) -> Self::Dim;
}
impl<const N: usize> Shaped for Grid<N>
where
    [usize; N]: IntoDimension,
{
    type Dim = <[usize; N] as IntoDimension>::Dim;
    fn dim(&self) -> Self::Dim {
        self.shape().into_dimension()
    }
}
impl<T: Sync, S: Data<Elem = T>, D: Dimension> Shaped for &ArrayBase<S, D> {
    type Dim = D;
    fn dim(&self) -> D {
        self.raw_dim()
    }
}
impl<T: Sync, D: Dimension> Shaped for ArrayView<'_, T, D> {
    type Dim = D;
    fn dim(&self) -> D {
        self.raw_dim()
    }
}

/// As [`map`](super::map), with the results in an array of the same shape.
///
/// # Panics
/// When a task panics, with the index of the task (in row order) in the message.
///
/// ```
/// use ferrolab::ndarray::array;
/// use ferrolab::par;
/// let table = par::map_array(par::grid([2, 3]), |[y, x]| y * x);
/// assert_eq!(table, array![[0, 0, 0], [0, 1, 2]]);
/// assert_eq!(par::map_array(&table.t(), |x| x + 1), array![[1, 1], [1, 2], [1, 3]]);
/// ```
pub fn map_array<S: Shaped, T: Send>(tasks: S, f: impl Fn(S::Item) -> T + Sync) -> Array<T, S::Dim> {
    let shape = tasks.dim();
    let results = super::map(tasks, f);
    // It has as many places as there were tasks, by the implementations of `Shaped`.
    match Array::from_shape_vec(shape, results) {
        Ok(array) => array,
        Err(error) => unreachable!("results do not fit their shape: {error}"),
    }
}
