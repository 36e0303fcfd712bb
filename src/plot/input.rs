//! What can be plotted: anything that turns into numbers. The generic part is as thin as it can
//! be, because every cell with a figure compiles it; the loops are compiled here, once.

use ndarray::{ArrayBase, ArrayView2, Data, Dimension, Ix2};
use std::ops::{Range, RangeInclusive};

/// Numbers on their way into a figure: values, or evenly spaced ones that take no memory.
///
/// ```
/// use ferrolab::plot::IntoSeries;
/// assert_eq!((0..3).into_series().into_vec(), [0.0, 1.0, 2.0]);
/// assert_eq!((5..1_000_000_005u64).into_series().len(), 1_000_000_000);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers(Held);

#[derive(Debug, Clone, PartialEq)]
enum Held {
    Values(Vec<f64>),
    Even { first: f64, count: usize },
}

impl Numbers {
    /// 0, 1, 2…
    pub(super) fn indices(count: usize) -> Self {
        Self(Held::Even { first: 0.0, count })
    }

    /// How many numbers there are.
    ///
    /// ```
    /// use ferrolab::plot::IntoSeries;
    /// assert_eq!((0..7).into_series().len(), 7);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Held::Values(values) => values.len(),
            Held::Even { count, .. } => *count,
        }
    }

    /// True when there are none.
    ///
    /// ```
    /// use ferrolab::plot::IntoSeries;
    /// assert!([0.0; 0].into_series().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers as a vector; values are moved, not copied.
    ///
    /// ```
    /// use ferrolab::plot::IntoSeries;
    /// assert_eq!([1u8, 2].into_series().into_vec(), [1.0, 2.0]);
    /// ```
    #[must_use]
    pub fn into_vec(self) -> Vec<f64> {
        match self.0 {
            Held::Values(values) => values,
            Held::Even { first, count } => (0..count).map(|i| first + i as f64).collect(),
        }
    }

    /// The i-th number; not a number behind the end.
    pub(super) fn at(&self, i: usize) -> f64 {
        match &self.0 {
            Held::Values(values) => values.get(i).copied().unwrap_or(f64::NAN),
            Held::Even { first, .. } => first + i as f64,
        }
    }

    /// The values, when they are not evenly spaced.
    pub(super) fn values(&self) -> Option<&[f64]> {
        match &self.0 {
            Held::Values(values) => Some(values),
            Held::Even { .. } => None,
        }
    }

    pub(super) fn push(&mut self, value: f64) {
        if let Held::Values(values) = &mut self.0 {
            values.push(value);
        }
    }

    /// Drops the first `n`.
    pub(super) fn forget(&mut self, n: usize) {
        match &mut self.0 {
            Held::Values(values) => drop(values.drain(..n.min(values.len()))),
            Held::Even { first, count } => {
                *first += n.min(*count) as f64;
                *count -= n.min(*count);
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.len()).map(|i| self.at(i))
    }
}

impl From<Vec<f64>> for Numbers {
    fn from(values: Vec<f64>) -> Self {
        Self(Held::Values(values))
    }
}

/// A type of numbers that can be plotted: integers, floats, and `Option` of them, where `None` is
/// a gap.
///
/// ```
/// use ferrolab::plot::ToNumber;
/// assert_eq!(3u8.to_f64(), 3.0);
/// assert!(None::<f32>.to_f64().is_nan());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be plotted: it is not a number",
    label = "not numbers",
    note = "integers, floats and `Option` of them can; convert others first: `.iter().map(|x| …).collect::<Vec<f64>>()`"
)]
pub trait ToNumber: Copy + 'static {
    /// The number, or NaN for none.
    fn to_f64(self) -> f64;
    /// A slice of them, copied once.
    fn many(values: &[Self]) -> Vec<f64>;
    /// A table of them, row by row.
    fn table(values: ArrayView2<'_, Self>) -> Vec<f64>;
    /// Those that are not next to each other in memory.
    fn apart(values: &mut dyn Iterator<Item = &Self>) -> Vec<f64>;
    /// A vector of them, moved where it can be.
    fn owned(values: Vec<Self>) -> Vec<f64> {
        Self::many(&values)
    }
}

macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl ToNumber for $t {
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn many(values: &[Self]) -> Vec<f64> {
                values.iter().map(|&x| x as f64).collect()
            }
            fn table(values: ArrayView2<'_, Self>) -> Vec<f64> {
                match values.as_slice() {
                    Some(slice) => Self::many(slice),
                    None => values.iter().map(|x| x.to_f64()).collect(),
                }
            }
            fn apart(values: &mut dyn Iterator<Item = &Self>) -> Vec<f64> {
                values.map(|x| x.to_f64()).collect()
            }
        }
        impl ToNumber for Option<$t> {
            fn to_f64(self) -> f64 {
                self.map_or(f64::NAN, |x| x as f64)
            }
            fn many(values: &[Self]) -> Vec<f64> {
                values.iter().map(|x| x.map_or(f64::NAN, |x| x as f64)).collect()
            }
            fn table(values: ArrayView2<'_, Self>) -> Vec<f64> {
                match values.as_slice() {
                    Some(slice) => Self::many(slice),
                    None => values.iter().map(|x| x.to_f64()).collect(),
                }
            }
            fn apart(values: &mut dyn Iterator<Item = &Self>) -> Vec<f64> {
                values.map(|x| x.to_f64()).collect()
            }
        }
    )*};
}
numbers!(f32 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

impl ToNumber for f64 {
    fn to_f64(self) -> f64 {
        self
    }
    fn many(values: &[Self]) -> Vec<f64> {
        values.to_vec()
    }
    fn table(values: ArrayView2<'_, Self>) -> Vec<f64> {
        match values.as_slice() {
            Some(slice) => Self::many(slice),
            None => values.iter().map(|x| x.to_f64()).collect(),
        }
    }
    fn apart(values: &mut dyn Iterator<Item = &Self>) -> Vec<f64> {
        values.map(|x| x.to_f64()).collect()
    }
    fn owned(values: Vec<Self>) -> Vec<f64> {
        values
    }
}

impl ToNumber for Option<f64> {
    fn to_f64(self) -> f64 {
        self.unwrap_or(f64::NAN)
    }
    fn many(values: &[Self]) -> Vec<f64> {
        values.iter().map(|x| x.unwrap_or(f64::NAN)).collect()
    }
    fn table(values: ArrayView2<'_, Self>) -> Vec<f64> {
        match values.as_slice() {
            Some(slice) => Self::many(slice),
            None => values.iter().map(|x| x.to_f64()).collect(),
        }
    }
    fn apart(values: &mut dyn Iterator<Item = &Self>) -> Vec<f64> {
        values.map(|x| x.to_f64()).collect()
    }
}

/// Numbers to plot: slices, vectors and arrays of any number type, arrays and views of `ndarray`
/// in the order of their rows, and ranges of integers. A vector of `f64` is moved, anything else
/// copied once, ranges not at all.
///
/// ```
/// use ferrolab::plot::IntoSeries;
/// assert_eq!(vec![1u8, 2].into_series().into_vec(), [1.0, 2.0]);
/// let table = ferrolab::ndarray::array![[1, 2], [3, 4]];
/// assert_eq!(table.column(1).into_series().into_vec(), [2.0, 4.0]);
/// assert_eq!((&table).into_series().len(), 4);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be plotted",
    label = "not a list of numbers",
    note = "slices, vectors, arrays, ndarray's arrays and integer ranges can; collect an iterator first: `.collect::<Vec<f64>>()`"
)]
pub trait IntoSeries {
    /// The numbers, in order.
    fn into_series(self) -> Numbers;
}

impl IntoSeries for Numbers {
    fn into_series(self) -> Numbers {
        self
    }
}
impl<T: ToNumber> IntoSeries for &[T] {
    fn into_series(self) -> Numbers {
        T::many(self).into()
    }
}
impl<T: ToNumber> IntoSeries for &Vec<T> {
    fn into_series(self) -> Numbers {
        T::many(self).into()
    }
}
impl<T: ToNumber> IntoSeries for Vec<T> {
    fn into_series(self) -> Numbers {
        T::owned(self).into()
    }
}
impl<T: ToNumber, const N: usize> IntoSeries for [T; N] {
    fn into_series(self) -> Numbers {
        T::many(&self).into()
    }
}
impl<T: ToNumber, const N: usize> IntoSeries for &[T; N] {
    fn into_series(self) -> Numbers {
        T::many(self).into()
    }
}
impl<T: ToNumber, S: Data<Elem = T>, D: Dimension> IntoSeries for &ArrayBase<S, D> {
    fn into_series(self) -> Numbers {
        match self.as_slice() {
            Some(slice) => T::many(slice).into(),
            None => T::apart(&mut self.iter()).into(),
        }
    }
}
impl<T: ToNumber, S: Data<Elem = T>, D: Dimension> IntoSeries for ArrayBase<S, D> {
    fn into_series(self) -> Numbers {
        (&self).into_series()
    }
}

macro_rules! ranges {
    ($($t:ty)*) => {$(
        impl IntoSeries for Range<$t> {
            fn into_series(self) -> Numbers {
                let count = if self.start < self.end { self.start.abs_diff(self.end) as usize } else { 0 };
                Numbers(Held::Even { first: self.start as f64, count })
            }
        }
        impl IntoSeries for RangeInclusive<$t> {
            fn into_series(self) -> Numbers {
                let count = match self.is_empty() {
                    true => 0,
                    false => (self.start().abs_diff(*self.end()) as usize).saturating_add(1),
                };
                Numbers(Held::Even { first: *self.start() as f64, count })
            }
        }
    )*};
}
ranges!(i32 i64 isize u8 u16 u32 u64 usize);

/// Rows of numbers: two-dimensional arrays and views of `ndarray`, arrays of arrays, vectors of
/// vectors, and `(values, columns, rows)`.
///
/// ```
/// use ferrolab::plot::IntoMatrix;
/// let (values, columns, rows) = [[1, 2, 3], [4, 5, 6]].into_matrix();
/// assert_eq!((values.len(), columns, rows), (6, 3, 2));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a table of numbers",
    label = "not rows of numbers",
    note = "ndarray's 2-D arrays, `&[[f64; N]]`, `&Vec<Vec<f64>>` and `(&values, columns, rows)` are"
)]
pub trait IntoMatrix {
    /// The numbers row by row, the number of columns, and that of rows.
    fn into_matrix(self) -> (Numbers, usize, usize);
}

impl<T: ToNumber, S: Data<Elem = T>> IntoMatrix for &ArrayBase<S, Ix2> {
    fn into_matrix(self) -> (Numbers, usize, usize) {
        let (rows, columns) = self.dim();
        (T::table(self.view()).into(), columns, rows)
    }
}
impl<T: ToNumber, S: Data<Elem = T>> IntoMatrix for ArrayBase<S, Ix2> {
    fn into_matrix(self) -> (Numbers, usize, usize) {
        let (rows, columns) = self.dim();
        (T::table(self.view()).into(), columns, rows)
    }
}
impl<T: ToNumber, const N: usize> IntoMatrix for &[[T; N]] {
    fn into_matrix(self) -> (Numbers, usize, usize) {
        (T::many(self.as_flattened()).into(), N, self.len())
    }
}
impl<T: ToNumber, const N: usize> IntoMatrix for &Vec<[T; N]> {
    fn into_matrix(self) -> (Numbers, usize, usize) {
        self.as_slice().into_matrix()
    }
}
impl<T: ToNumber, const N: usize, const M: usize> IntoMatrix for [[T; N]; M] {
    fn into_matrix(self) -> (Numbers, usize, usize) {
        self.as_slice().into_matrix()
    }
}
impl<T: ToNumber, const N: usize, const M: usize> IntoMatrix for &[[T; N]; M] {
    fn into_matrix(self) -> (Numbers, usize, usize) {
        self.as_slice().into_matrix()
    }
}
impl<T: ToNumber> IntoMatrix for &Vec<Vec<T>> {
    #[track_caller]
    fn into_matrix(self) -> (Numbers, usize, usize) {
        of_rows(self.iter().map(|row| T::many(row)).collect())
    }
}
impl<T: ToNumber> IntoMatrix for Vec<Vec<T>> {
    #[track_caller]
    fn into_matrix(self) -> (Numbers, usize, usize) {
        of_rows(self.into_iter().map(T::owned).collect())
    }
}
impl<S: IntoSeries> IntoMatrix for (S, usize, usize) {
    #[track_caller]
    fn into_matrix(self) -> (Numbers, usize, usize) {
        (self.0.into_series(), self.1, self.2)
    }
}

#[track_caller]
fn of_rows(rows: Vec<Vec<f64>>) -> (Numbers, usize, usize) {
    let columns = rows.first().map_or(0, Vec::len);
    if let Some((i, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != columns) {
        panic!("rows of a table have one length, and row 0 has {columns} numbers, row {i} has {}", row.len());
    }
    let count = rows.len();
    (rows.concat().into(), columns, count)
}
