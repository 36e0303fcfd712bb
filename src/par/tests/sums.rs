//! Sums, extremes, moments and running totals against naive ones, with NaN, infinities and odd sizes.

use super::{SIZES, message_of, noise, same_on_all_pools};
use crate::par::*;
use proptest::prelude::*;

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

#[test]
fn sums_of_every_size() {
    for n in SIZES {
        let ints: Vec<i64> = (0..n as i64).map(|i| i * 7 - 3).collect();
        assert_eq!(sum(&ints), ints.iter().sum::<i64>());
        assert_eq!(sum_by(&ints, |x| x * x), ints.iter().map(|x| x * x).sum::<i64>());
        assert_eq!(sum(grid([n.min(100), 3]).into_tasks_of_ones()), 3 * n.min(100) as u64);
        let floats = noise(n);
        let serial: f64 = floats.iter().sum();
        assert!((sum(&floats) - serial).abs() < 1e-9, "{n}");
        assert!((sum_compensated(&floats) - serial).abs() < 1e-9, "{n}");
        assert_eq!(max(&floats), floats.iter().copied().reduce(f64::max));
        assert_eq!(min(&floats), floats.iter().copied().reduce(f64::min));
        let places = (0..n).reduce(|a, b| if floats[b] > floats[a] { b } else { a });
        assert_eq!(argmax(&floats), places);
        let places = (0..n).reduce(|a, b| if floats[b] < floats[a] { b } else { a });
        assert_eq!(argmin(&floats), places);
    }
    assert_eq!(sum([1.5f32, 2.5]), 4.0);
    assert_eq!(sum(&[] as &[f64]).to_bits(), 0);
}

trait Ones {
    fn into_tasks_of_ones(self) -> Vec<u64>;
}
impl Ones for Grid<2> {
    fn into_tasks_of_ones(self) -> Vec<u64> {
        map(self, |_| 1)
    }
}

#[test]
fn float_results_do_not_depend_on_threads() {
    let a = noise(200_003);
    same_on_all_pools(|| {
        [
            sum(&a).to_bits(),
            sum_by(&a, |x| x.sin()).to_bits(),
            sum_compensated(&a).to_bits(),
            mean(&a).to_bits(),
            variance(&a, 1).to_bits(),
            map_reduce(&a, |x| x.exp(), 0.0, |a, b| a + b).to_bits(),
        ]
    });
    same_on_all_pools(|| cumsum(&a).iter().map(|x| x.to_bits()).collect::<Vec<_>>());
}

#[test]
fn nan_and_infinities_are_as_in_numpy() {
    for n in [1usize, 5, 40, 3000] {
        for at in [0, n / 2, n - 1] {
            let mut a = noise(n);
            a[at] = NAN;
            assert!(max(&a).unwrap().is_nan() && min(&a).unwrap().is_nan());
            assert_eq!((argmax(&a), argmin(&a)), (Some(at), Some(at)));
            assert!(sum(&a).is_nan() && sum_compensated(&a).is_nan() && mean(&a).is_nan() && variance(&a, 0).is_nan());
            a[at] = INF;
            assert_eq!((max(&a), argmax(&a)), (Some(INF), Some(at)));
            assert_eq!((sum(&a), sum_compensated(&a), mean(&a)), (INF, INF, INF));
            a[at] = -INF;
            assert_eq!((min(&a), argmin(&a), sum_compensated(&a)), (Some(-INF), Some(at), -INF));
        }
    }
    assert_eq!(max([NAN, 1.0, NAN]).map(f64::is_nan), Some(true));
    assert!(sum_compensated([INF, -INF]).is_nan());
}

#[test]
fn compensation_finds_what_rounding_lost() {
    // 100,000 times (1e16, 1, -1e16), each of which a plain sum loses.
    let mut a = Vec::new();
    (0..100_000).for_each(|_| a.extend([1e16, 1.0, -1e16]));
    assert_eq!(sum_compensated(&a), 100_000.0);
    let tenths = vec![0.1; 1_000_000];
    assert_eq!(sum_compensated(&tenths), 100_000.0);
}

#[test]
fn moments_survive_a_large_mean() {
    let a: Vec<f64> = (0..50_000).map(|i| 1e9 + f64::from(i % 2)).collect();
    assert_eq!(mean(&a), 1e9 + 0.5);
    assert!((variance(&a, 0) - 0.25).abs() < 1e-12);
    assert_eq!(variance(0..10u32, 1), 55.0 / 6.0);
    assert!(variance([1.0], 1).is_nan() && variance(&[] as &[f64], 0).is_nan());
    assert_eq!(variance([7.0], 0), 0.0);
}

#[test]
fn scans_of_every_size() {
    for n in SIZES {
        let a: Vec<i64> = (0..n as i64).map(|i| i % 13 - 6).collect();
        let naive: Vec<i64> = a
            .iter()
            .scan(0, |t, x| {
                Some({
                    *t += x;
                    *t
                })
            })
            .collect();
        assert_eq!(cumsum(&a), naive);
        assert_eq!(scan(a.clone(), 0, |a, b| a + b), naive);
        let before: Vec<i64> = naive.iter().zip(&a).map(|(t, x)| t - x).collect();
        assert_eq!(scan_exclusive(a.clone(), 0, |a, b| a + b), before);
    }
    // An operation that is associative, but does not commute.
    let words = map(0..5000, |i: usize| format!("{},", i % 7));
    let joined = scan(words.clone(), String::new(), |a, b| a + &b);
    assert_eq!(joined[4999], words.concat());
    assert!(joined[2000] == words[..2001].concat() && joined[0] == words[0]);
    let text = message_of(|| drop(scan(vec![1, 2, 3], 0, |a, b| if b == 3 { panic!("three") } else { a + b })));
    assert_eq!(text, "task 2 panicked: three");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reductions_keep_the_order(a in proptest::collection::vec(0u8..255, 0..3000)) {
        // 2-by-2 matrices do not commute, and have no destructor: these run in chains.
        type M = [u64; 4];
        let times = |a: M, b: M| -> M {
            let dot = |i: usize, j: usize| a[i].wrapping_mul(b[j]).wrapping_add(a[i + 1].wrapping_mul(b[j + 2]));
            [dot(0, 0), dot(0, 1), dot(2, 0), dot(2, 1)]
        };
        let matrix = |x: &u8| [u64::from(*x), 1, 1, 0];
        let naive = a.iter().map(matrix).fold([1, 0, 0, 1], times);
        prop_assert_eq!(map_reduce(&a, matrix, [1, 0, 0, 1], times), naive);
        let scanned = scan(a.iter().map(matrix).collect::<Vec<_>>(), [1, 0, 0, 1], times);
        prop_assert_eq!(scanned.last().copied(), (!a.is_empty()).then_some(naive));
    }

    #[test]
    fn variance_is_the_two_pass_one(a in proptest::collection::vec(-1e6f64..1e6, 2..3000)) {
        let mean = a.iter().sum::<f64>() / a.len() as f64;
        let naive = a.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (a.len() - 1) as f64;
        prop_assert!((variance(&a, 1) - naive).abs() <= 1e-9 * naive.max(1e-300));
    }
}
