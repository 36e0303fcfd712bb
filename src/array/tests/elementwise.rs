//! Operators, functions, comparisons, casts, choices and closures, element by element beside `ndarray`.

use super::*;
use crate::simd::{F32s, F64s};
use ndarray::{Zip, array};

/// A shape, and one that broadcasts with it.
fn pairs() -> impl Strategy<Value = (ArrayD<f64>, ArrayD<f64>)> {
    shapes().prop_flat_map(|shape| {
        let n = shape.len();
        (Just(shape), vec(any::<bool>(), n), 0..=n, any::<bool>()).prop_flat_map(|(shape, ones, from, swap)| {
            let other: Vec<usize> =
                shape.iter().zip(ones).map(|(n, one)| if one { 1 } else { *n }).skip(from).collect();
            let (a, b) = if swap { (other.clone(), shape.clone()) } else { (shape, other) };
            (of_shape(a, number()), of_shape(b, number()))
        })
    })
}

fn broadcast(a: &ArrayD<f64>, b: &ArrayD<f64>, f: impl Fn(f64, f64) -> f64) -> ArrayD<f64> {
    let shape = crate::array::shape::broadcast("test", &[a.shape(), b.shape()]);
    let (a, b) = (a.broadcast(IxDyn(&shape)).unwrap(), b.broadcast(IxDyn(&shape)).unwrap());
    Zip::from(&a).and(&b).map_collect(|a, b| f(*a, *b))
}

/// What a function of lanes makes of numbers, sixteen at a time.
fn by_lanes(a: &ndarray::Array1<f32>, f: impl Fn(F32s) -> F32s) -> Vec<f32> {
    let mut out = Vec::with_capacity(a.len());
    for group in a.to_vec().chunks(16) {
        let all = std::array::from_fn(|i| group[i.min(group.len() - 1)]);
        out.extend_from_slice(&f(F32s::from(all)).to_array()[..group.len()]);
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn arithmetic_broadcasts_as_in_numpy((a, b) in pairs()) {
        let (x, y) = (lazy(&a), lazy(&b));
        assert_same(&get(&(&x + &y)), &broadcast(&a, &b, |a, b| a + b));
        assert_same(&get(&(&x - &y)), &broadcast(&a, &b, |a, b| a - b));
        assert_same(&get(&(&x * &y)), &broadcast(&a, &b, |a, b| a * b));
        assert_same(&get(&(&x / &y)), &broadcast(&a, &b, |a, b| a / b));
        assert_same(&get(&(&x % &y)), &broadcast(&a, &b, |a, b| a % b));
        let least = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) };
        assert_same(&get(&x.minimum(&y)), &broadcast(&a, &b, least));
        let most = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) };
        assert_same(&get(&x.maximum(&y)), &broadcast(&a, &b, most));
    }

    #[test]
    fn comparisons_and_choices((a, b) in pairs()) {
        let (x, y) = (lazy(&a), lazy(&b));
        let truth = |array: Array<bool, IxDyn>| get(&array.cast::<f64>());
        assert_same(&truth(x.eq(&y)), &broadcast(&a, &b, |a, b| f64::from(a == b)));
        assert_same(&truth(x.ne(&y)), &broadcast(&a, &b, |a, b| f64::from(a != b)));
        assert_same(&truth(x.lt(&y)), &broadcast(&a, &b, |a, b| f64::from(a < b)));
        assert_same(&truth(x.le(&y)), &broadcast(&a, &b, |a, b| f64::from(a <= b)));
        assert_same(&truth(x.gt(&y)), &broadcast(&a, &b, |a, b| f64::from(a > b)));
        assert_same(&truth(x.ge(&y)), &broadcast(&a, &b, |a, b| f64::from(a >= b)));
        assert_same(&get(&x.lt(&y).select(&x, &y)), &broadcast(&a, &b, |a, b| if a < b { a } else { b }));
        assert_same(&get(&x.lt(0.0).select(1.0, &y)), &broadcast(&a, &b, |a, b| if a < 0.0 { 1.0 } else { b }));
    }

    #[test]
    fn numbers_on_either_side((a, _) in arrays(), k in -3.0..3.0f64) {
        let x = lazy(&a);
        assert_same(&get(&(&x + k)), &(&a + k));
        assert_same(&get(&(k - &x)), &(k - &a));
        assert_same(&get(&(x.clone() * k)), &(&a * k));
        assert_same(&get(&(k / x.clone())), &(k / &a));
        assert_same(&get(&-&x), &-&a);
        assert_same(&get(&x.abs()), &a.mapv(f64::abs));
        assert_same(&get(&x.powi(3)), &a.mapv(|x| x * (x * x)));
    }

    #[test]
    fn two_operations_at_once_are_two((a, b) in arrays().prop_flat_map(|(a, _)| {
        let shape = a.shape().to_vec();
        (Just(a), of_shape(shape, number()))
    }), k in -3.0..3.0f64) {
        let (x, y) = (lazy(&a), lazy(&b));
        macro_rules! all {
            ($($first:tt)*) => {$(
                for z in [&x, &y] {
                    let (c, d, e) = (get(z), get(&x), get(&y));
                    macro_rules! second {
                        ($op:tt) => {
                            assert_same(&get(&((&x $first &y) $op z)), &((&d $first &e) $op &c));
                            assert_same(&get(&(z $op (&x $first &y))), &(&c $op (&d $first &e)));
                            assert_same(&get(&((&x $first k) $op z)), &((&d $first k) $op &c));
                            assert_same(&get(&((k $first &x) $op 2.0)), &((k $first &d) $op 2.0));
                            assert_same(&get(&(k $op (&x $first &y))), &(k $op (&d $first &e)));
                        };
                    }
                    second!(+);
                    second!(-);
                    second!(*);
                    second!(/);
                }
            )*};
        }
        all!(+ - * /);
        // What is used twice is computed once, and then used.
        let twice = &x * &y;
        assert_same(&get(&(&twice + (&twice - 1.0))), &(&a * &b + (&a * &b - 1.0)));
    }

    #[test]
    fn closures((a, chunk) in arrays(), k in -3.0..3.0f64) {
        let x = lazy(&a).rechunk(IxDyn(&chunk));
        assert_same(&get(&x.map(|x| x * 2.0 + 1.0)), &a.mapv(|x| x * 2.0 + 1.0));
        assert_same(&get(&x.map_with(&k, |k, x| x * k)), &a.mapv(|x| x * k));
        assert_same(&get(&x.zip(&(&x + 1.0), |x, y| x * y)), &a.mapv(|x| x * (x + 1.0)));
        assert_same(&get(&x.zip(2.0, |x, y: f64| x - y)), &a.mapv(|x| x - 2.0));
        assert_same(&get(&x.map_simd(|x| x.gt(0.0).select(x, -x))), &a.mapv(|x| if x > 0.0 { x } else { -x }));
        let of = |array: Array<i64, IxDyn>| get(&array.cast::<f64>());
        assert_same(&of(x.map(|x| x as i64)), &a.mapv(|x| (x as i64) as f64));
    }

    #[test]
    fn functions_are_those_of_lanes((a, _) in arrays()) {
        let x = lazy(&a);
        let lanes = |f: fn(F64s) -> F64s| a.mapv(|x| f(F64s::splat(x)).to_array()[0]);
        // Some have two ways, which neighbours decide about, and which differ in the last bit.
        let near = |found: ArrayD<f64>, wanted: ArrayD<f64>| {
            assert_eq!(found.shape(), wanted.shape());
            found.iter().zip(&wanted).for_each(|(a, b)| assert_near(*a, *b, b.abs()));
        };
        near(get(&x.sin()), lanes(F64s::sin));
        near(get(&x.exp()), lanes(F64s::exp));
        near(get(&x.abs().ln()), lanes(|x| x.abs().ln()));
        near(get(&x.tanh()), lanes(F64s::tanh));
        assert_same(&get(&x.floor()), &a.mapv(f64::floor));
        assert_same(&get(&x.round()), &a.mapv(f64::round));
        assert_same(&get(&x.sqrt()), &a.mapv(f64::sqrt));
        near(get(&x.abs().powf(0.3)), lanes(|x| x.abs().pow(0.3)));
        near(get(&x.atan2(2.0)), lanes(|x| x.atan2(2.0)));
        assert_same(&get(&x.is_nan().cast::<f64>()), &a.mapv(|x| f64::from(x.is_nan())));
        assert_same(&get(&x.is_finite().cast::<f64>()), &a.mapv(|x| f64::from(x.is_finite())));
    }

    #[test]
    fn functions_of_f32_are_those_of_its_lanes(a in vec(-100.0f32..100.0, 1..1500)) {
        let a = ndarray::Array1::from(a);
        let x = lazy(&a);
        macro_rules! all {
            ($($name:ident)*) => {$(
                let wanted: Vec<u32> = by_lanes(&a, F32s::$name).iter().map(|x| x.to_bits()).collect();
                prop_assert_eq!(get(&x.$name()).mapv(f32::to_bits).to_vec(), wanted, "{}", stringify!($name));
            )*};
        }
        all!(signum sqrt cbrt recip exp exp2 exp_m1 ln ln_1p log2 log10 sin cos tan asin acos atan sinh cosh tanh);
        all!(floor ceil round trunc);
        let bits = |found: &ndarray::Array1<f32>| found.mapv(f32::to_bits).to_vec();
        prop_assert_eq!(bits(&get(&x.atan2(2.0))), bits(&by_lanes(&a, |x| x.atan2(2.0)).into()));
        prop_assert_eq!(bits(&get(&x.abs().powf(0.3))), bits(&by_lanes(&a, |x| x.abs().pow(0.3)).into()));
    }

    #[test]
    fn whole_numbers_wrap(a in vec(any::<i32>(), 1..50), k in any::<i32>()) {
        let a = ndarray::Array1::from(a);
        let x = lazy(&a);
        prop_assert_eq!(get(&(&x + k)), a.mapv(|x| x.wrapping_add(k)));
        prop_assert_eq!(get(&(&x * &x)), a.mapv(|x| x.wrapping_mul(x)));
        prop_assert_eq!(get(&-&x), a.mapv(i32::wrapping_neg));
        prop_assert_eq!(get(&x.powi(5)), a.mapv(|x| x.wrapping_pow(5)));
        prop_assert_eq!(get(&(&x & k)), a.mapv(|x| x & k));
        prop_assert_eq!(get(&(&x ^ &x)), a.mapv(|_| 0));
        prop_assert_eq!(get(&x.signum()), a.mapv(i32::signum));
        prop_assert_eq!(get(&x.cast::<u8>()), a.mapv(|x| x as u8));
        prop_assert_eq!(get(&x.cast::<f32>()), a.mapv(|x| x as f32));
        prop_assert_eq!(get(&x.cast::<bool>()), a.mapv(|x| x != 0));
        prop_assert_eq!(get(&x.minimum(7)), a.mapv(|x| x.min(7)));
        prop_assert_eq!(get(&x.maximum(7)), a.mapv(|x| x.max(7)));
        if k != 0 {
            prop_assert_eq!(get(&(&x / k)), a.mapv(|x| x.wrapping_div(k)));
            prop_assert_eq!(get(&(&x % k)), a.mapv(|x| x.wrapping_rem(k)));
        }
    }
}

#[test]
fn every_type_has_its_loops() {
    let a = array![0u8, 1, 200];
    assert_eq!(get(&(lazy(&a) + 100)), array![100, 101, 44]);
    assert_eq!(get(&lazy(&a).cast::<i64>().cast::<f32>()), array![0.0f32, 1.0, 200.0]);
    let b = array![true, false];
    assert_eq!(get(&(lazy(&b) ^ true)), array![false, true]);
    assert_eq!(get(&!(lazy(&b))), array![false, true]);
    assert_eq!(get(&lazy(&b).select(1u8, 2)), array![1, 2]);
    assert_eq!(get(&lazy(&b).lt(true)), array![false, true]);
    let single = array![1.0f32, 4.0];
    assert_eq!(get(&(lazy(&single).sqrt() * 2.0)), array![2.0, 4.0]);
    assert_eq!(get(&(3.0f32 - lazy(&single))), array![2.0, -1.0]);
    assert_eq!(get(&lazy(&single).map_simd(|x| x * x)), array![1.0, 16.0]);
    assert_eq!(get(&lazy(&array![-7i64, 7]).abs()), array![7, 7]);
}

#[test]
fn numbers_alone_are_folded_and_what_is_equal_is_computed_once() {
    let two = here().array().full((), 2.0);
    assert_eq!(get(&((&two + 1.0) * &two).sqrt()), 6f64.sqrt());
    let x = here().array().arange(5.0);
    let same = (x.sin() + 1.0) * (x.sin() + 1.0);
    let program = crate::array::program::compile(std::slice::from_ref(&same.node), &|_| None);
    assert_eq!((program.operations(), program.loads.len(), program.steps.len()), (3, 1, 4));
    // Two operations in one step, and one buffer less.
    let joined = &x * 2.0 + 1.0;
    let program = crate::array::program::compile(std::slice::from_ref(&joined.node), &|_| None);
    assert_eq!((program.operations(), program.steps.len(), program.slots), (2, 2, 2));
}
