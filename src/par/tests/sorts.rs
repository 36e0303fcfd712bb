//! Sorts against those of the standard library.

use super::{SIZES, message_of, noise};
use crate::par::*;
use proptest::prelude::*;

#[test]
fn sorts_of_every_size() {
    for n in SIZES {
        let mut a = noise(n);
        let mut want = a.clone();
        want.sort_by(f64::total_cmp);
        let order = argsort(&a);
        assert_eq!(order.iter().map(|i| a[*i]).collect::<Vec<_>>(), want);
        let mut b = a.clone();
        sort(&mut a);
        sort_unstable(&mut b);
        assert_eq!((&a, &b), (&want, &want));
        sort_unstable_by(&mut b, |x, y| y.total_cmp(x));
        want.reverse();
        assert_eq!(b, want);
    }
}

#[test]
fn nan_comes_last() {
    for n in [3usize, 30, 5000] {
        let mut a = noise(n);
        (0..n).step_by(3).for_each(|i| a[i] = f64::NAN);
        (1..n).step_by(3).for_each(|i| a[i] = if i % 2 == 0 { f64::INFINITY } else { f64::NEG_INFINITY });
        let numbers = n - n.div_ceil(3);
        let order = argsort(&a);
        assert!(order[numbers..].is_sorted() && order[numbers..].iter().all(|i| a[*i].is_nan()));
        let mut b = a.clone();
        sort(&mut a);
        sort_unstable(&mut b);
        for sorted in [a, b] {
            assert!(sorted[..numbers].is_sorted());
            assert!(sorted[numbers..].iter().all(|x| x.is_nan()));
        }
    }
}

#[test]
fn a_panic_in_a_comparison_is_one_error_and_loses_nothing() {
    let mut a: Vec<String> = (0..50_000).rev().map(|i| i.to_string()).collect();
    let text = message_of(|| {
        sort_by(&mut a, |x, y| {
            assert!(x != "777" && y != "777", "not this one");
            x.cmp(y)
        });
    });
    assert_eq!(text, "a comparison panicked: not this one");
    a.sort_by_key(|s| s.parse::<u32>().unwrap());
    assert!(a.iter().enumerate().all(|(i, s)| *s == i.to_string()));
}

#[test]
fn a_panic_at_any_comparison_loses_nothing() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    let items: Vec<String> = noise(3000).iter().map(f64::to_string).collect();
    let calls = AtomicUsize::new(0);
    sort_by(&mut items.clone(), |x, y| {
        calls.fetch_add(1, Relaxed);
        x.cmp(y)
    });
    let mut want = items.clone();
    want.sort();
    for fatal in (0..calls.load(Relaxed)).step_by(997) {
        let (mut a, count) = (items.clone(), AtomicUsize::new(0));
        let text = message_of(|| {
            sort_by(&mut a, |x, y| {
                assert!(count.fetch_add(1, Relaxed) != fatal, "now");
                x.cmp(y)
            });
        });
        assert_eq!(text, "a comparison panicked: now");
        a.sort();
        assert_eq!(a, want, "after a panic in comparison {fatal}");
    }
}

#[test]
fn an_order_that_contradicts_itself_loses_nothing() {
    let mut a: Vec<u32> = (0..20_000).map(|i| i * 7 % 20_000).collect();
    // the standard library's sorts may notice and panic
    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        sort_by(&mut a, |x, y| match (x ^ y) % 3 {
            0 => std::cmp::Ordering::Less,
            1 => std::cmp::Ordering::Equal,
            _ => std::cmp::Ordering::Greater,
        });
    }));
    drop(tried);
    a.sort_unstable();
    assert!(a.iter().zip(0..).all(|(x, i)| *x == i));
}

#[test]
fn data_of_every_shape() {
    let n = 40_000u64;
    type Shape = (&'static str, fn(u64) -> u64);
    let shapes: [Shape; 7] = [
        ("ascending", |i| i),
        ("descending", |i| u64::MAX - i),
        ("equal", |_| 7),
        ("two values", |i| i % 2),
        ("saw", |i| i % 1000),
        ("one outlier", |i| u64::from(i == 20_000)),
        ("organ pipe", |i| if i < 20_000 { i } else { 40_000 - i }),
    ];
    for (name, shape) in shapes {
        let mut a: Vec<(u64, u64)> = (0..n).map(|i| (shape(i), i)).collect();
        sort_by_key(&mut a, |p| p.0);
        // equal ones in the order they came
        assert!(a.is_sorted(), "{name}");
        let mut b: Vec<u64> = (0..n).map(shape).collect();
        sort_unstable(&mut b);
        assert!(b.iter().eq(a.iter().map(|p| &p.0)), "{name}");
    }
    let mut units = vec![(); 1000];
    sort(&mut units);
}

#[test]
fn an_interrupt_in_a_comparison_stays_one() {
    let mut a: Vec<u32> = (0..10_000).rev().collect();
    let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        sort_unstable_by(&mut a, |x, y| match x {
            500 => std::panic::resume_unwind(Box::new(crate::rt::Interrupted)),
            _ => x.cmp(y),
        });
    }));
    assert!(stopped.unwrap_err().is::<crate::rt::Interrupted>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_keys_keep_their_order(a in proptest::collection::vec(0u8..20, 0..6000)) {
        let pairs: Vec<(u8, usize)> = a.iter().copied().zip(0..).collect();
        let (mut ours, mut want) = (pairs.clone(), pairs);
        sort_by_key(&mut ours, |p| p.0);
        want.sort_by_key(|p| p.0);
        prop_assert_eq!(&ours, &want);
        sort_unstable_by_key(&mut ours, |p| std::cmp::Reverse(*p));
        want.reverse();
        prop_assert_eq!(ours, want);
    }
}
