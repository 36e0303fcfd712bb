//! The parallel loops against naive ones.

use super::{SIZES, message_of};
use crate::par::*;
use crate::rt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn map_is_in_order_for_every_size() {
    for n in SIZES {
        let want: Vec<usize> = (0..n).map(|i| i * 3).collect();
        assert_eq!(map(0..n, |i| i * 3), want);
        assert_eq!(map(&want, |x| x / 3), (0..n).collect::<Vec<_>>());
        let texts: Vec<String> = want.iter().map(usize::to_string).collect();
        assert_eq!(map(texts.clone(), |t| t), texts);
        let kept = filter_map(0..n, |i| (i % 7 == 0).then_some(i));
        assert_eq!(kept, (0..n).step_by(7).collect::<Vec<_>>());
    }
}

#[test]
fn every_task_runs_once() {
    for n in SIZES {
        let mut hits: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
        for_each(&hits, |h| {
            h.fetch_add(1, Ordering::Relaxed);
        });
        for_each(&mut hits, |h| *h.get_mut() += 1);
        assert!(hits.iter().all(|h| h.load(Ordering::Relaxed) == 2));
    }
}

#[test]
fn ranges_of_every_type_work() {
    assert_eq!(map(-3i8..=3, |i| i), (-3..=3).collect::<Vec<i8>>());
    assert_eq!(map(i8::MIN..=i8::MAX, |i| i), (i8::MIN..=i8::MAX).collect::<Vec<_>>());
    assert_eq!(map(250u8..=255, |i| i), (250..=255).collect::<Vec<u8>>());
    assert_eq!(map(u64::MAX - 2..u64::MAX, |i| i), [u64::MAX - 2, u64::MAX - 1]);
    assert_eq!(map(i128::MIN..i128::MIN + 2, |i| i), [i128::MIN, i128::MIN + 1]);
    #[allow(clippy::reversed_empty_ranges)]
    let none = map(5..2, |i: i32| i);
    assert_eq!(none, [0i32; 0]);
    assert_eq!(map((0..5, &[1, 2, 3]), |(i, x)| i * x), [0, 2, 6]);
    assert_eq!(map((0..2, 5..9, [7, 8, 9]), |(a, b, c)| a + b + c), [12, 15]);
}

#[test]
fn chunks_are_complete() {
    for n in SIZES {
        let mut a: Vec<usize> = (0..n).collect();
        let sums = map(chunks(&a, 10), |c| c.iter().sum::<usize>());
        assert_eq!(sums, a.chunks(10).map(|c| c.iter().sum()).collect::<Vec<usize>>());
        for_each(enumerate(chunks_mut(&mut a, 10)), |(i, c)| c.fill(i));
        assert_eq!(a, (0..n).map(|i| i / 10).collect::<Vec<_>>());
    }
}

#[test]
fn reductions_do_not_depend_on_threads() {
    let values: Vec<f64> = (0..200_000).map(|i| 1.0 / (f64::from(i) + 1.0)).collect();
    let total = || map_reduce(&values, |x| x.sin(), 0.0, |a, b| a + b);
    let first = total();
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let again = pool.unwrap().install(total);
        assert_eq!(first.to_bits(), again.to_bits());
    }
    for n in SIZES {
        assert_eq!(reduce(0..n, 0, |a, b| a + b), (0..n).sum::<usize>());
        let text = map_reduce(0..n.min(3000), |i| format!("{i},"), String::new(), |a, b| a + &b);
        assert_eq!(text, (0..n.min(3000)).map(|i| format!("{i},")).collect::<String>());
        assert_eq!(sum(0..n as u64), (0..n as u64).sum::<u64>());
    }
}

#[test]
fn a_panic_names_its_task() {
    for n in [1, 5, 50_000] {
        let at = n - 1;
        let text = message_of(|| {
            map(0..n, |i| assert!(i != at, "no {i}"));
        });
        assert_eq!(text, format!("task {at} panicked: no {at}"));
    }
    let many = message_of(|| for_each(0..100_000, |i| assert!(i < 10, "bad")));
    assert!(many.starts_with("task ") && many.ends_with("panicked: bad"), "{many}");
    let nested = message_of(|| {
        map(0..2, |i| map(0..3, |j| assert!(i + j != 3, "deep")));
    });
    assert_eq!(nested, "task 1 panicked: task 2 panicked: deep");
    // Items that were moved in and not reached do no harm.
    let texts: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
    message_of(|| for_each(texts, |t| assert!(t != "500")));
}

#[test]
fn a_loop_that_was_short_a_moment_ago_fails_as_any_other() {
    let alive = std::sync::Arc::new(());
    let run = |n: usize, bad: usize| {
        quiet().try_map(0..n, |i| {
            assert!(i != bad, "bad");
            alive.clone()
        })
    };
    for round in 0..2000 {
        let n = 1 + round % 300;
        assert_eq!(run(n, usize::MAX).map(|all| all.len()).ok(), Some(n));
        let bad = round % n;
        match run(n, bad) {
            Err(Stop::Panicked { task, message }) => assert_eq!((task, message.as_str()), (bad, "bad")),
            other => unreachable!("{:?}", other.map(|all| all.len())),
        }
        // What was made before the panic is dropped.
        assert_eq!(std::sync::Arc::strong_count(&alive), 1);
    }
}

#[test]
fn threads_give_results() {
    let here = crate::threads::threads();
    assert_eq!(here.map(0..3, |i| i), Ok(vec![0, 1, 2]));
    let error = here.map(0..3, |i| assert!(i != 2, "two")).unwrap_err();
    assert_eq!((error.task, error.message.as_str()), (Some(2), "two"));
    assert!(here.count() >= 1);
}

#[test]
fn an_unwinding_interrupt_stays_one() {
    let stopped = catch_unwind(|| {
        quiet().for_each(0..10, |i| {
            if i == 3 {
                std::panic::resume_unwind(Box::new(rt::Interrupted));
            }
        });
    });
    assert!(stopped.unwrap_err().is::<rt::Interrupted>());
}

#[test]
fn integers_of_a_range_are_inferred() {
    // As in a `for` loop: i32 when nothing says otherwise.
    let got = map(0..10, |i| if i > 100 { panic!("never") } else { i });
    assert_eq!(got, (0..10).collect::<Vec<i32>>());
    assert_eq!(sum(1..=10), 55);
}

#[test]
fn interrupts_end_a_loop_and_nothing_runs_on() {
    let ran = AtomicUsize::new(0);
    let stopped = catch_unwind(AssertUnwindSafe(|| {
        quiet().for_each(0..1_000_000, |i| {
            ran.fetch_add(1, Ordering::Relaxed);
            if i == 5 {
                std::panic::resume_unwind(Box::new(rt::Interrupted));
            }
        });
    }));
    assert!(stopped.unwrap_err().is::<rt::Interrupted>());
    let then = ran.load(Ordering::Relaxed);
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(ran.load(Ordering::Relaxed), then);
    assert!(then < 1_000_000);
}

#[test]
fn a_loop_whose_cost_changes_still_uses_all_threads() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let run = |pause: u64, n: u64| {
        let work = |_| {
            std::thread::sleep(std::time::Duration::from_millis(pause));
            std::thread::current().id()
        };
        let ids = pool.install(|| quiet().map(0..n, work));
        ids.into_iter().collect::<std::collections::HashSet<_>>().len()
    };
    (0..50).for_each(|_| assert!(run(0, 2) >= 1));
    assert_eq!(run(20, 8), 2);
}
