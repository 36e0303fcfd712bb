//! Reductions of everything and along axes, beside plain loops; the same bits for any number of threads.

use super::*;
use ndarray::{Array1, Array2, Axis, array};

/// What a reduction should give along an axis.
fn along(a: &ArrayD<f64>, axis: usize, f: impl Fn(&[f64]) -> f64) -> ArrayD<f64> {
    a.map_axis(Axis(axis), |lane| f(&lane.to_vec()))
}

fn sum(x: &[f64]) -> f64 {
    x.iter().sum()
}

fn mean(x: &[f64]) -> f64 {
    sum(x) / x.len() as f64
}

fn variance(x: &[f64]) -> f64 {
    let m = mean(x);
    x.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / x.len() as f64
}

fn least(x: &[f64]) -> f64 {
    x.iter().fold(f64::INFINITY, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(*b) })
}

/// NumPy's: the first NaN, else the first of the least.
fn place_of_least(x: &[f64]) -> usize {
    let nan = x.iter().position(|x| x.is_nan());
    nan.unwrap_or_else(|| x.iter().position(|y| *y == least(x)).unwrap_or(0))
}

fn negated(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| -x).collect()
}

#[track_caller]
fn all_near(found: &ArrayD<f64>, wanted: &ArrayD<f64>, scale: f64) {
    assert_eq!(found.shape(), wanted.shape());
    found.iter().zip(wanted).for_each(|(a, b)| assert_near(*a, *b, scale));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn of_everything((a, chunk) in arrays()) {
        let flat: Vec<f64> = a.iter().copied().collect();
        let scale: f64 = flat.iter().filter(|x| x.is_finite()).map(|x| x.abs()).sum::<f64>() + 1.0;
        for x in [lazy(&a), lazy(&a).rechunk(IxDyn(&chunk))] {
            assert_near(get(&x.sum()), sum(&flat), scale);
            assert_near(get(&x.mean()), mean(&flat), scale);
            assert_near(get(&x.var(0)), variance(&flat), scale * scale);
            assert_near(get(&x.std(0)), variance(&flat).sqrt(), scale * scale);
            assert_eq!(get(&x.gt(0.0).any()), flat.iter().any(|x| *x > 0.0));
            assert_eq!(get(&x.gt(0.0).all()), flat.iter().all(|x| *x > 0.0));
            assert_eq!(get(&x.gt(0.0).sum()), flat.iter().filter(|x| **x > 0.0).count() as i64);
            let counts = get(&x.histogram(-50.0, 50.0, 7));
            assert_eq!(counts.to_vec(), crate::par::histogram(&flat, -50.0, 50.0, 7).iter().map(|n| *n as i64).collect::<Vec<_>>());
            assert_near(get(&x.reduce(0.0, |a, x| a + x, |a, b| a + b)), sum(&flat), scale);
            if !flat.is_empty() {
                assert_eq!(bits(get(&x.min())), bits(least(&flat)));
                assert_eq!(bits(get(&x.max())), bits(-least(&negated(&flat))));
                assert_eq!(get(&x.argmin()) as usize, place_of_least(&flat));
                assert_eq!(get(&x.argmax()) as usize, place_of_least(&negated(&flat)));
            }
        }
    }

    #[test]
    fn along_an_axis((a, chunk) in arrays(), axis in 0usize..3) {
        let axis = axis % a.ndim();
        let scale: f64 = a.iter().filter(|x| x.is_finite()).map(|x| x.abs()).sum::<f64>() + 1.0;
        for x in [lazy(&a), lazy(&a).rechunk(IxDyn(&chunk))] {
            all_near(&get(&x.sum_axis(axis)), &along(&a, axis, sum), scale);
            all_near(&get(&x.mean_axis(axis)), &along(&a, axis, mean), scale);
            all_near(&get(&x.var_axis(axis, 0)), &along(&a, axis, variance), scale * scale);
            let truths = |of: Array<bool, IxDyn>| get(&of.cast::<f64>());
            assert_same(&truths(x.gt(0.0).any_axis(axis)), &along(&a, axis, |x| f64::from(x.iter().any(|x| *x > 0.0))));
            assert_same(&truths(x.gt(0.0).all_axis(axis)), &along(&a, axis, |x| f64::from(x.iter().all(|x| *x > 0.0))));
            let own = x.reduce_axis(axis, 0.0, |a, x| a + x, |a, b| a + b);
            all_near(&get(&own), &along(&a, axis, sum), scale);
            all_near(&get(&x.cumsum(axis)), &running(&a, axis), scale);
            if a.shape()[axis] > 0 {
                assert_same(&get(&x.min_axis(axis)), &along(&a, axis, least));
                assert_same(&get(&x.max_axis(axis)), &along(&a, axis, |x| -least(&negated(x))));
                let place = |of: Array<i64, IxDyn>| get(&of.cast::<f64>());
                assert_same(&place(x.argmin_axis(axis)), &along(&a, axis, |x| place_of_least(x) as f64));
                assert_same(&place(x.argmax_axis(axis)), &along(&a, axis, |x| place_of_least(&negated(x)) as f64));
            }
        }
    }

    #[test]
    fn of_what_is_seen_otherwise((a, _) in arrays()) {
        let scale: f64 = a.iter().filter(|x| x.is_finite()).map(|x| x.abs()).sum::<f64>() + 1.0;
        let t = lazy(&a).t();
        all_near(&get(&t.sum_axis(0)), &along(&a.t().to_owned(), 0, sum), scale);
        let flat: Vec<f64> = a.t().iter().copied().collect();
        if !flat.is_empty() {
            assert_eq!(get(&t.argmin()) as usize, place_of_least(&flat));
        }
    }
}

fn running(a: &ArrayD<f64>, axis: usize) -> ArrayD<f64> {
    let mut sums = a.clone();
    sums.accumulate_axis_inplace(Axis(axis), |before, x| *x += before);
    sums
}

#[test]
fn bits_do_not_depend_on_threads() {
    let x = here().array().random().seed(3).normal([301, 1999]);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (sum, var) = (get(&x.sum()).to_bits(), get(&x.var(1)).to_bits());
            let columns: Vec<u64> = get(&x.mean_axis(0)).iter().map(|x| x.to_bits()).collect();
            let together = crate::array::compute((&x.sum(), &x.mean_axis(0), &x.max())).unwrap();
            assert_eq!(together.0.to_bits(), sum, "together with others or alone");
            assert!(together.1.iter().map(|x| x.to_bits()).eq(columns.iter().copied()));
            (sum, var, columns)
        })
    };
    let one = run(1);
    assert!([2, 3, 7].into_iter().all(|threads| run(threads) == one));
}

#[test]
fn sums_are_as_accurate_as_pairwise_ones() {
    let n = 1 << 22;
    let tenth = here().array().full([n], 0.1f64);
    assert!((get(&tenth.sum()) - 0.1 * n as f64).abs() < 1e-8);
    let single = here().array().full([n], 0.1f32);
    assert_eq!(get(&single.sum()), (f64::from(0.1f32) * n as f64) as f32);
    // Nothing cancels that should not.
    let far = here().array().random().seed(1).normal([1 << 16]) + 1e9;
    assert!((get(&far.var(0)) - 1.0).abs() < 0.02);
}

#[test]
fn whole_numbers_have_whole_sums() {
    let a = array![[1u8, 250], [3, 4]];
    assert_eq!((get(&lazy(&a).sum()), get(&lazy(&a).mean())), (258, 64.5));
    assert_eq!(get(&lazy(&a).max_axis(0)), array![3, 250]);
    assert_eq!(get(&lazy(&a).prod_axis(1)), array![250, 12]);
    assert_eq!(get(&lazy(&array![i64::MAX, 1]).min()), 1);
    assert_eq!(get(&lazy(&array![1i32, 2]).std(1)), 0.5f64.sqrt());
    assert_eq!(get(&lazy(&a).cumsum(1)), array![[1, 251], [3, 7]]);
}

#[test]
fn nothing_has_neutral_results() {
    let none = here().array().zeros::<f64, _>([0, 3]);
    assert_eq!((get(&none.sum()), get(&none.prod())), (0.0, 1.0));
    assert!(get(&none.mean()).is_nan() && get(&none.var(0)).is_nan());
    assert_eq!(get(&none.sum_axis(0)), Array1::<f64>::zeros(3));
    assert_eq!(get(&none.sum_axis(1)), Array1::<f64>::zeros(0));
    assert_eq!(get(&none.max_axis(1)), Array1::<f64>::zeros(0));
    assert_eq!(get(&none.histogram(0.0, 1.0, 1)), array![0]);
}

#[test]
fn products_are_ndarrays() {
    let a = Array2::from_shape_fn((301, 77), |(i, j)| ((i * 31 + j * 17) % 13) as f64 - 6.0);
    let b = Array2::from_shape_fn((77, 1100), |(i, j)| ((i * 7 + j * 3) % 11) as f64 - 5.0);
    // Whole numbers, so that sums are exact in any order.
    assert_eq!(get(&lazy(&a).dot(&lazy(&b))), a.dot(&b));
    assert_eq!(get(&lazy(&b).t().dot(&lazy(&a).t())), b.t().dot(&a.t()));
    let (v, w) = (a.row(0).to_owned(), a.column(0).to_owned());
    assert_eq!(get(&lazy(&a).dot(&lazy(&v))), a.dot(&v));
    assert_eq!(get(&lazy(&w).dot(&lazy(&a))), w.dot(&a));
    assert_eq!(get(&lazy(&v).dot(&lazy(&v))), v.dot(&v));
    let (x, y) = (a.mapv(|x| x as f32), b.mapv(|x| x as f32));
    assert_eq!(get(&lazy(&x).dot(&lazy(&y))), x.dot(&y));
    let none = here().array().zeros::<f64, _>([3, 0]);
    assert_eq!(get(&none.dot(&none.t())), Array2::<f64>::zeros((3, 3)));
}

#[test]
fn several_axes_are_one_after_the_other() {
    // Whole numbers, so that sums are exact in any order.
    let plain = ndarray::Array3::from_shape_fn((7, 11, 5), |(i, j, k)| ((i * 31 + j * 17 + k * 13) % 23) as f64);
    for x in [lazy(&plain), lazy(&plain).rechunk([2, 3, 5])] {
        assert_eq!(get(&x.sum_axes([0, 2])), plain.sum_axis(Axis(2)).sum_axis(Axis(0)));
        assert_eq!(get(&x.sum_axes([2, 1])), plain.sum_axis(Axis(2)).sum_axis(Axis(1)));
        assert_eq!(
            get(&x.max_axes([1, 2])),
            plain
                .map_axis(Axis(2), |row| row.iter().copied().fold(f64::MIN, f64::max))
                .map_axis(Axis(1), |row| row.iter().copied().fold(f64::MIN, f64::max))
        );
        assert_eq!(get(&x.sum_axes([0, 1, 2])), get(&x.sum()));
        let (var, want) = (get(&x.var_axes([0, 1], 1)), get(&x.reshape([77, 5]).var_axis(0, 1)));
        assert!(var.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12 * b), "{var} {want}");
    }
    let there = std::panic::catch_unwind(|| lazy(&plain).sum_axes([0, 0]));
    assert!(there.is_err(), "an axis that is named twice");
}

#[test]
fn percentiles_are_those_of_sorted_numbers() {
    let check = |numbers: Vec<f64>| {
        let x = lazy(&Array1::from_vec(numbers.clone()));
        let mut sorted = numbers;
        sorted.sort_by(f64::total_cmp);
        let range = sorted[sorted.len() - 1] - sorted[0];
        for percent in [0.0, 1.0, 25.0, 50.0, 99.9, 100.0] {
            let rank = percent / 100.0 * (sorted.len() - 1) as f64;
            let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
            let (found, wanted) = (x.approx_percentile(percent).unwrap(), low + (high - low) * rank.fract());
            let near = (found - wanted).abs() <= 1e-9 * range || found == wanted;
            assert!(near, "{percent} % of {} numbers: {found}, not {wanted}", sorted.len());
        }
    };
    check(vec![3.5]);
    check(vec![0.0, 100.0]);
    check((0..1000).map(|i| f64::from(i * 7919 % 1000)).collect());
    check((0..5000).map(|i| (f64::from(i) * 0.37).sin().powi(5) * 1e6 - 3.0).collect());
    assert!(lazy(&array![1.0, f64::NAN]).approx_percentile(50.0).unwrap().is_nan());
    let ends = lazy(&array![f64::NEG_INFINITY, 1.0, 2.0, 3.0, f64::INFINITY]);
    assert_eq!(
        (ends.approx_percentile(0.0).unwrap(), ends.approx_percentile(100.0).unwrap()),
        (f64::NEG_INFINITY, f64::INFINITY)
    );
    assert!((lazy(&array![1.0f32, 3.0]).approx_percentile(50.0).unwrap() - 2.0).abs() < 1e-9);
}
