//! Slices, axes, shapes and arrays put together, beside `ndarray`; alone and within expressions.

use super::*;
use ndarray::{Axis, Ix3, SliceInfo, SliceInfoElem, array, s};

fn parts(n: usize) -> impl Strategy<Value = SliceInfoElem> {
    let length = n as isize;
    let at = prop_oneof![4 => 0..=length, 1 => -length..=0];
    let ranges =
        (at.clone(), at, prop_oneof![Just(1isize), Just(2), Just(-1), Just(-3)]).prop_map(move |(a, b, step)| {
            let place = |x: isize| if x < 0 { x + length } else { x };
            let (start, end) = if place(a) <= place(b) { (a, b) } else { (b, a) };
            // A negative 0 means the beginning, as a positive one does.
            SliceInfoElem::Slice { start, end: Some(end), step }
        });
    match n {
        0 => ranges.boxed(),
        _ => prop_oneof![6 => ranges, 1 => (-length..length).prop_map(SliceInfoElem::Index)].boxed(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn slices((a, info) in arrays().prop_flat_map(|(a, _)| {
        let parts: Vec<_> = a.shape().iter().map(|n| parts(*n)).collect();
        (Just(a), parts)
    })) {
        let info: SliceInfo<_, IxDyn, IxDyn> = SliceInfo::try_from(info).unwrap();
        let (x, wanted) = (lazy(&a), a.slice(&info).to_owned());
        assert_same(&get(&x.slice(&info)), &wanted);
        assert_same(&get(&(&x * 2.0 + 1.0).slice(&info)), &(&wanted * 2.0 + 1.0));
        assert_same(&get(&(x.slice(&info).t())), &wanted.t().to_owned());
        // A slice of what is broadcast.
        let column = x.slice(&info).insert_axis(wanted.ndim());
        assert_eq!(get(&column).shape().len(), wanted.ndim() + 1);
    }

    #[test]
    fn axes_in_any_order(a in vec(1usize..6, 3).prop_flat_map(|shape| of_shape(shape, number())), seed in 0usize..6) {
        let order = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]][seed];
        let a = a.into_dimensionality::<Ix3>().unwrap();
        let wanted = a.clone().permuted_axes(order);
        let x = lazy(&a).permute(order);
        assert_same(&get(&(&x + &x)).into_dyn(), &(&wanted + &wanted).into_dyn());
        let sums = get(&(x.abs() + 1.0).max_axis(1)).into_dyn();
        let most = |lane: ndarray::ArrayView1<'_, f64>| {
            lane.iter().fold(f64::NEG_INFINITY, |m, x| if m.is_nan() || x.is_nan() { f64::NAN } else { m.max(x.abs() + 1.0) })
        };
        assert_same(&sums, &wanted.map_axis(Axis(1), most).into_dyn());
    }

    #[test]
    fn other_shapes((a, _) in arrays()) {
        let n = a.len();
        let flat = a.to_shape(n).unwrap().to_owned().into_dyn();
        let x = lazy(&a);
        assert_same(&get(&x.reshape([n])).into_dyn(), &flat);
        assert_same(&get(&(&x + 1.0).reshape([n, 1])).into_dyn(), &(&flat + 1.0).insert_axis(Axis(1)));
        let turned = a.t().as_standard_layout().into_owned();
        assert_same(&get(&x.t().reshape([1, n])).into_dyn(), &turned.to_shape((1, n)).unwrap().to_owned().into_dyn());
    }

    #[test]
    fn one_after_the_other((a, b) in arrays().prop_flat_map(|(a, _)| {
        let shape = a.shape().to_vec();
        (Just(a), 0usize..5, 0usize..3).prop_flat_map(move |(a, n, axis)| {
            let (axis, mut shape) = (axis % shape.len(), shape.clone());
            shape[axis] = n;
            (Just((a, axis)), of_shape(shape, number()))
        })
    })) {
        let (a, axis) = a;
        let wanted = ndarray::concatenate(Axis(axis), &[a.view(), b.view(), a.view()]).unwrap();
        let (x, y) = (lazy(&a), lazy(&b));
        assert_same(&get(&Array::concatenate(axis, &[&x + 0.0, y, x.clone()])), &wanted);
        let stacked = ndarray::stack(Axis(axis), &[a.view(), a.view()]).unwrap();
        assert_same(&get(&Array::stack(axis, &[x.clone(), x])), &stacked);
    }
}

#[test]
fn what_is_repeated_is_not_copied() {
    let row = lazy(&array![1.0, 2.0]);
    assert_eq!(get(&row.broadcast([3, 2]).sum()), 9.0);
    let (column, row) = (row.insert_axis(1), row.insert_axis(0));
    assert_eq!(get(&(&column * &row)), array![[1.0, 2.0], [2.0, 4.0]]);
    let number = lazy(&ndarray::arr0(3.0));
    assert_eq!(get(&(&row + &number)), array![[4.0, 5.0]]);
    assert_eq!(get(&number), 3.0);
}

#[test]
fn a_shape_is_given_to_what_goes_by_row_order() {
    let x = here().array().random().uniform([40, 50]);
    let y = (&x * 2.0 + x.sin()).reshape([2000]);
    assert_eq!(y.sum().explain().passes(), 1);
    assert_eq!(get(&y).to_vec(), get(&(&x * 2.0 + x.sin())).iter().copied().collect::<Vec<_>>());
    // A slice does not.
    assert_eq!(x.slice(s![.., ..20]).reshape([800]).sum().explain().passes(), 2);
}
