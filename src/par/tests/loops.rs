//! The parallel loops against naive ones.

use crate::par::*;
use crate::rt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

const SIZES: [usize; 9] = [0, 1, 2, 15, 16, 17, 1000, 4097, 100_003];

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

fn message_of(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    *payload.downcast::<String>().unwrap()
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
fn group_sum_is_the_naive_one() {
    for n in SIZES {
        let index: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(2_654_435_761) % 37).collect();
        let values: Vec<f64> = (0..n).map(|i| (i % 11) as f64).collect();
        let mut want = vec![0.0; 37];
        for (i, v) in index.iter().zip(&values) {
            want[*i as usize] += v;
        }
        assert_eq!(group_sum(&index, &values, 37), if n == 0 { vec![0.0; 37] } else { want });
    }
    let text = message_of(|| drop(group_sum(&[9i64], &[1.0], 3)));
    assert!(text.contains("index 9 is not below 3 groups"), "{text}");
    message_of(|| drop(group_sum(&[-1i64], &[1.0], 3)));
}

#[test]
fn histograms_count_what_is_inside() {
    let values = [0.0, 0.5, 1.0, 1.5, 2.0, f64::NAN, -1.0, 2.1, f64::INFINITY];
    assert_eq!(histogram(&values, 0.0, 2.0, 2), [2, 3]);
    assert_eq!(histogram(&[], 0.0, 1.0, 3), [0, 0, 0]);
    let many: Vec<f64> = (0..300_000).map(|i| f64::from(i % 100)).collect();
    assert_eq!(histogram(&many, 0.0, 100.0, 4), [75_000; 4]);
}

#[test]
fn stencils_see_over_the_edge() {
    for n in [0, 1, 2, 5, 1000] {
        let a: Vec<i64> = (0..n).collect();
        for edge in [Edge::Clamp, Edge::Wrap, Edge::Fill(-7)] {
            for radius in [0usize, 1, 3] {
                let got = stencil(&a, radius, edge, |w| w.to_vec());
                for (i, window) in got.iter().enumerate() {
                    for (k, value) in window.iter().enumerate() {
                        let at = i as i64 + k as i64 - radius as i64;
                        let want = match edge {
                            Edge::Clamp => at.clamp(0, n - 1),
                            Edge::Wrap => at.rem_euclid(n),
                            Edge::Fill(v) => {
                                if (0..n).contains(&at) {
                                    at
                                } else {
                                    v
                                }
                            }
                        };
                        assert_eq!(*value, want);
                    }
                }
            }
        }
    }
    assert_eq!(stencil2(&[] as &[i32], [0, 5], Edge::Clamp, |a| a.at(0, 0)), [0i32; 0]);
    let corner = stencil2(&[1, 2, 3, 4, 5, 6], [2, 3], Edge::Wrap, |a| a.at(-1, -1));
    assert_eq!(corner, [6, 4, 5, 3, 1, 2]);
}
