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
