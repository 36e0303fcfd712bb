//! Every value that goes into a loop or comes out of one is dropped exactly once, panics included.

use super::message_of;
use crate::par::*;
use std::sync::atomic::{AtomicIsize, Ordering};

/// Counts how many of it live.
struct Counted<'a>(&'a AtomicIsize, usize);
impl<'a> Counted<'a> {
    fn new(live: &'a AtomicIsize, i: usize) -> Self {
        live.fetch_add(1, Ordering::Relaxed);
        Self(live, i)
    }
}
impl Clone for Counted<'_> {
    fn clone(&self) -> Self {
        Self::new(self.0, self.1)
    }
}
impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn check(what: &str, f: impl Fn(&AtomicIsize, usize)) {
    for bad in [0, 1, 500, 9_999, usize::MAX] {
        let live = AtomicIsize::new(0);
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(&live, bad)));
        assert_eq!(ended.is_err(), bad != usize::MAX, "{what}, {bad}");
        assert_eq!(live.load(Ordering::Relaxed), 0, "{what}, panic in {bad}");
    }
}

#[test]
fn results_and_items_are_dropped_once() {
    const N: usize = 10_000;
    let pause = || std::thread::sleep(std::time::Duration::from_nanos(1));
    check("map", |live, bad| {
        map(0..N, |i| {
            assert!(i != bad, "bad");
            if i % 512 == 0 {
                pause();
            }
            Counted::new(live, i)
        });
    });
    check("map of owned items", |live, bad| {
        let items: Vec<_> = (0..N).map(|i| Counted::new(live, i)).collect();
        map(items, |c| {
            assert!(c.1 != bad, "bad");
            c
        });
    });
    check("for_each of zipped items", |live, bad| {
        let items: Vec<_> = (0..2 * N).map(|i| Counted::new(live, i)).collect();
        for_each((0..N, items), |(i, _)| assert!(i != bad, "bad"));
    });
    check("filter_map", |live, bad| {
        let items: Vec<_> = (0..N).map(|i| Counted::new(live, i)).collect();
        filter_map(enumerate(items), |(i, c)| {
            assert!(i != bad, "bad");
            (i % 3 == 0).then_some(c)
        });
    });
    check("map_reduce", |live, bad| {
        map_reduce(
            0..N,
            |i| {
                assert!(i != bad, "bad");
                Counted::new(live, i)
            },
            Counted::new(live, 0),
            |a, b| if a.1 > b.1 { a } else { b },
        );
    });
    check("reductions of owned items to numbers", |live, bad| {
        let items: Vec<_> = (0..N).map(|i| Counted::new(live, i)).collect();
        let count = |c: Counted<'_>| {
            assert!(c.1 != bad, "bad");
            1usize
        };
        assert_eq!(map_reduce(items, count, 0, |a, b| a + b), N);
        let items: Vec<_> = (0..N).map(|i| Counted::new(live, i)).collect();
        assert_eq!(sum_by(items, count), N);
    });
    check("scan", |live, bad| {
        let items: Vec<_> = (0..N).map(|i| Counted::new(live, i)).collect();
        scan(items, Counted::new(live, 0), |a, b| {
            assert!(b.1 != bad, "bad");
            if a.1 > b.1 { a } else { b }
        });
    });
}

#[test]
fn the_first_task_that_panicked_is_named() {
    let text = message_of(|| {
        map(vec![String::from("a"), String::from("b")], |s| assert!(s != "b", "it was b"));
    });
    assert_eq!(text, "task 1 panicked: it was b");
}
