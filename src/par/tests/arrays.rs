//! Arrays of ndarray as tasks and results, whatever their layout.

use crate::par::*;
use ndarray::{Array0, Array1, Array2, Array3, ArrayD, Axis, IxDyn, s};

fn check<D: ndarray::Dimension>(a: ndarray::ArrayView<'_, i64, D>) {
    let want: Vec<i64> = a.iter().map(|x| x * 2).collect();
    assert_eq!(map(&a, |x| x * 2), want);
    assert_eq!(map(a.view(), |x| x * 2), want);
    assert_eq!(map_array(&a, |x| x * 2), a.map(|x| x * 2));
    assert_eq!(sum(&a), a.sum());
    assert_eq!(map((&a, 0..want.len()), |(x, i)| (*x, i)), a.iter().copied().zip(0..).collect::<Vec<_>>());
    let mut owned = a.to_owned();
    for_each((&mut owned, &a), |(x, y)| *x += y);
    assert_eq!(owned, a.map(|x| x * 2));
}

#[test]
fn arrays_of_every_layout() {
    for (rows, columns) in [(0, 3), (3, 0), (1, 1), (5, 7), (300, 41)] {
        let a = Array2::from_shape_fn((rows, columns), |(y, x)| (y * 1000 + x) as i64);
        check(a.view());
        check(a.t());
        check(a.slice(s![..;2, ..]));
        check(a.slice(s![..;-1, ..;-1]));
        check(a.slice(s![.., ..;3]).reversed_axes());
        check(a.row_iter_first());
    }
    let cube = Array3::from_shape_fn((4, 5, 6), |(z, y, x)| (z * 100 + y * 10 + x) as i64);
    check(cube.view());
    check(cube.view().permuted_axes([1, 2, 0]));
    check(cube.slice(s![1..;2, ..;-2, 3..]));
    check(cube.index_axis(Axis(2), 1));
    check(Array0::from_elem((), 5).view());
    check(Array1::from_iter(0..100).slice(s![..;7]));
    check(ArrayD::from_elem(IxDyn(&[2, 1, 3, 1]), 4).view());
    let line = Array1::from_iter(0..10i64);
    check(line.broadcast((3, 10)).unwrap());
}

trait FirstRow {
    fn row_iter_first(&self) -> ndarray::ArrayView1<'_, i64>;
}
impl FirstRow for Array2<i64> {
    /// A row, or an empty one.
    fn row_iter_first(&self) -> ndarray::ArrayView1<'_, i64> {
        self.outer_iter().next().unwrap_or_else(|| ndarray::aview1(&[]))
    }
}

#[test]
fn arrays_are_written_in_place() {
    let mut a = Array2::<usize>::zeros((6, 8));
    let whole = a.as_ptr();
    for_each(enumerate(&mut a), |(i, x)| *x = i);
    assert_eq!(a.iter().copied().collect::<Vec<_>>(), (0..48).collect::<Vec<_>>());
    for_each(enumerate(a.view_mut().reversed_axes()), |(i, x)| *x = i);
    assert_eq!(a[[1, 0]], 1);
    assert_eq!(a[[0, 1]], 6);
    for_each(a.slice_mut(s![..;2, ..;3]), |x| *x = 1000);
    assert_eq!((a[[2, 3]], a[[1, 0]], a.iter().filter(|x| **x == 1000).count()), (1000, 1, 9));
    for_each(enumerate(rows_mut(&mut a)), |(y, mut row)| row.fill(y));
    assert_eq!(map(rows(&a), |row| row.sum()), (0..6).map(|y| y * 8).collect::<Vec<_>>());
    assert_eq!(map(rows(&a.t()), |column| column.sum()), [15; 8]);
    assert_eq!(a.as_ptr(), whole);
    // One that shares its elements gets its own.
    let shared = a.into_shared();
    let mut other = shared.clone();
    for_each(rows_mut(&mut other), |mut row| row.fill(0));
    assert_eq!((shared.sum(), other.sum()), (120, 0));
}

#[test]
fn results_have_the_shape_of_a_grid() {
    let table = map_array(grid([20, 30]), |[y, x]| y * 100 + x);
    assert_eq!(table, Array2::from_shape_fn((20, 30), |(y, x)| y * 100 + x));
    assert_eq!(map_array(grid([2, 3, 4]), |[z, _, _]| z).shape(), [2, 3, 4]);
    assert_eq!(map_array(grid([0, 3]), |_| 1).shape(), [0, 3]);
}
