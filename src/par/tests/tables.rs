//! Group sums and histograms against naive loops.

use super::{SIZES, message_of, noise, same_on_all_pools};
use crate::par::*;
use proptest::prelude::*;

#[test]
fn group_sums_are_the_naive_ones() {
    for n in SIZES {
        let index: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(2_654_435_761) % 37).collect();
        let values: Vec<f64> = (0..n).map(|i| (i % 11) as f64).collect();
        let (mut sums, mut counts) = (vec![0.0; 37], vec![0u64; 37]);
        for (i, v) in index.iter().zip(&values) {
            sums[*i as usize] += v;
            counts[*i as usize] += 1;
        }
        assert_eq!(group_sum(&index, &values, 37), sums);
        assert_eq!(group_count(&index, 37), counts);
        let signed: Vec<i64> = index.iter().map(|i| i64::from(*i)).collect();
        let small: Vec<i8> = index.iter().map(|i| *i as i8).collect();
        assert_eq!(group_sum(&signed, &values, 37), sums);
        assert_eq!(group_count(&small, 37), counts);
        for ((mean, sum), count) in group_mean(&index, &values, 37).iter().zip(&sums).zip(&counts) {
            assert!(*mean == sum / *count as f64 || (*count == 0 && mean.is_nan()));
        }
    }
}

#[test]
fn a_wrong_group_is_named() {
    let text = message_of(|| drop(group_sum(&[1i64, 9], &[1.0, 1.0], 3)));
    assert!(text.contains("group_sum: index 9 at 1 is not below 3 groups"), "{text}");
    let text = message_of(|| drop(group_sum(&[-1i8], &[1.0], 3)));
    assert!(text.contains("index -1 at 0 is not below 3 groups"), "{text}");
    let text = message_of(|| drop(group_count(&[0u8], 0)));
    assert!(text.contains("index 0 at 0 is not below 0 groups"), "{text}");
    let mut many = vec![0u64; 100_000];
    many[99_999] = u64::MAX;
    assert!(message_of(|| drop(group_count(&many, 5))).contains("18446744073709551615 at 99999"));
    message_of(|| drop(group_sum(&[0u8], &[], 3)));
}

#[test]
fn group_sums_do_not_depend_on_threads() {
    let values = noise(300_000);
    let index: Vec<u16> = (0..300_000u32).map(|i| (i.wrapping_mul(7919) % 50) as u16).collect();
    same_on_all_pools(|| group_sum(&index, &values, 50).iter().map(|x| x.to_bits()).collect::<Vec<_>>());
}

#[test]
fn histograms_count_what_is_inside() {
    let values = [0.0, 0.5, 1.0, 1.5, 2.0, f64::NAN, -1.0, 2.1, f64::INFINITY, f64::NEG_INFINITY];
    assert_eq!(histogram(&values, 0.0, 2.0, 2), [2, 3]);
    assert_eq!(histogram(&[], 0.0, 1.0, 3), [0, 0, 0]);
    let many: Vec<f64> = (0..300_000).map(|i| f64::from(i % 100)).collect();
    assert_eq!(histogram(&many, 0.0, 100.0, 4), [75_000; 4]);
    assert_eq!(histogram(&many, 0.0, 100.0, 10_000).iter().sum::<u64>(), 300_000);
    let counts = histogram2(&values, &values, [0.0, 0.0], [2.0, 2.0], [1, 2]);
    assert_eq!(counts, [2, 3]);
    for (low, high, bins) in [(0.0, 1.0, 0), (1.0, 1.0, 3), (f64::NAN, 1.0, 3), (0.0, f64::INFINITY, 3)] {
        assert!(message_of(|| drop(histogram(&values, low, high, bins))).contains("a histogram "));
    }
    assert!(message_of(|| drop(histogram2(&[1.0], &[], [0.0; 2], [1.0; 2], [1, 1]))).contains("one y for each x"));
    assert!(message_of(|| drop(histogram2(&[], &[], [0.0; 2], [1.0; 2], [1 << 20, 1 << 20]))).contains("too large"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn histograms_are_the_naive_ones(
        values in proptest::collection::vec(prop_oneof![9 => -2.0f64..2.0, 1 => proptest::num::f64::ANY], 0..3000),
        bins in 1usize..50,
    ) {
        let (low, high) = (-1.0, 1.5);
        let bin = |v: f64| (low..=high).contains(&v)
            .then(|| (((v - low) * (bins as f64 / (high - low))) as usize).min(bins - 1));
        let mut want = vec![0; bins];
        values.iter().filter_map(|v| bin(*v)).for_each(|b| want[b] += 1);
        prop_assert_eq!(histogram(&values, low, high, bins), want);
        let others: Vec<f64> = values.iter().rev().copied().collect();
        let mut want = vec![0; bins * bins];
        for (x, y) in values.iter().zip(&others) {
            if let (Some(i), Some(j)) = (bin(*x), bin(*y)) {
                want[i * bins + j] += 1;
            }
        }
        prop_assert_eq!(histogram2(&values, &others, [low; 2], [high; 2], [bins; 2]), want);
    }
}
