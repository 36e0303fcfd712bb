//! Measurements of bodies whose times are known, and what results say.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use super::compare::{Comparison, Ratio};
use super::measure::{Method, Sample, Timing, measure, plan};
use super::scaling::{self, Scaling, default_counts};
use super::{Options, candidate, compare, timeit_with};
use crate::display::Display;
use crate::rt::Failure;

/// A clock of our own: every loop takes so many seconds.
fn pretend(per_loop: f64, log: &mut Vec<u64>) -> impl FnMut(u64) -> Result<Duration, Failure> {
    move |loops| {
        log.push(loops);
        Ok(Duration::from_secs_f64(per_loop * loops as f64))
    }
}

#[test]
fn batches_are_long_enough_and_all_of_them_short_enough() {
    for per_loop in [1e-10, 1e-8, 3e-6, 1e-4, 1e-3, 2.4e-3, 0.01, 0.2, 0.9, 30.0] {
        let mut sizes = Vec::new();
        let timing =
            measure(Options::default(), &mut pretend(per_loop, &mut sizes)).unwrap_or_else(|_| panic!("fails"));
        assert!((timing.estimate / per_loop - 1.0).abs() < 1e-3, "{per_loop} {}", timing.estimate);
        let spent: f64 = timing.samples.iter().map(|s| s.seconds).sum();
        assert!(timing.samples.iter().all(|s| s.seconds >= 1e-3), "{per_loop}");
        assert!((0.4..3.0_f64.max(3.1 * per_loop)).contains(&spent), "{per_loop} took {spent} s");
        assert_eq!(timing.method == Method::Slope, per_loop <= 2.4e-3);
    }
}

#[test]
fn what_is_asked_for_is_done() {
    let asked = |loops: Option<u64>, repeats| plan(1e-6, Options { loops, repeats }).1;
    assert_eq!(asked(Some(5), Some(3)), [5, 5, 5]);
    assert_eq!(asked(Some(10), None).len(), 100);
    assert_eq!(asked(None, Some(7)), [100_000; 7]);
    assert_eq!(plan(1.0, Options { loops: Some(4), repeats: None }).1, [4, 4, 4]);
    let mut runs = 0;
    timeit_with(Options::default().loops(1).repeats(1), || runs += 1);
    assert_eq!(runs, 1);
    // A body of seconds is not run once more only to warm up.
    let mut sizes = Vec::new();
    drop(measure(Options::default(), &mut pretend(30.0, &mut sizes)));
    assert_eq!(sizes, [1, 1, 1]);
}

#[test]
fn an_error_of_the_body_ends_the_measurement() {
    let mut left = 100;
    let mut failing = super::measure::batch(|| {
        left -= 1;
        if left == 0 { Err("enough".into()) } else { Ok(()) }
    });
    let Err(failure) = measure(Options::default(), &mut failing) else { panic!("no error") };
    assert_eq!(failure.message(), "enough");
}

#[test]
fn a_timing_says_what_was_measured() {
    let samples = (1..=40).map(|i| Sample { loops: 1000 * i, seconds: 2e-6 * 1000.0 * i as f64 }).collect();
    let text = Timing::of(Method::Slope, samples, 1e-9).to_string();
    assert!(
        text.starts_with("2.00 µs ± 0.00 µs per loop (slope of 40 batches, 820,000 loops; with its 95 % interval)"),
        "{text}"
    );
    assert!(text.ends_with("no outliers"), "{text}");
    let samples: Vec<Sample> =
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 20.0].map(|ns| Sample { loops: 1, seconds: ns * 1e-9 }).to_vec();
    let timing = Timing::of(Method::Median, samples, 1e-10);
    let text = timing.to_string();
    assert!(text.contains("median of 9 runs, 1 loop each") && text.contains("outliers: 0 mild, 1 severe"), "{text}");
    assert!(text.contains("an empty loop takes 0.10 ns, which is not subtracted"), "{text}");
    let html = timing.mime_bundle().remove(0);
    assert_eq!(html.0, "text/html");
    assert!(String::from_utf8_lossy(&html.1).contains("<svg"));
    let nothing = Timing::of(Method::Median, vec![Sample { loops: 1, seconds: 1e-9 }; 5], 1e-9).to_string();
    assert!(nothing.contains("black_box"), "{nothing}");
    let one = Timing::of(Method::Median, vec![Sample { loops: 1, seconds: 2.0 }], 1e-9).to_string();
    assert_eq!(one, "2.00 s per loop (1 run, 1 loop)");
}

#[test]
fn a_body_of_known_length_is_measured() {
    let timing = timeit_with(Options::default().loops(1).repeats(5), || std::thread::sleep(Duration::from_millis(5)));
    assert!((4.9e-3..0.5).contains(&timing.fastest), "{timing:?}");
    // The empty loop was measured, and is far below anything that a body does.
    assert!(timing.empty_loop > 0.0 && timing.empty_loop < 1e-6, "{}", timing.empty_loop);
}

#[test]
fn scaling_runs_on_pools_of_each_size() {
    let seen = Mutex::new(Vec::new());
    let mut batch = |loops: u64| {
        let names = Mutex::new(HashSet::new());
        rayon::broadcast(|_| names.lock().unwrap().insert(std::thread::current().id()));
        seen.lock().unwrap().push((crate::rt::threads(), names.into_inner().unwrap().len()));
        Ok(Duration::from_micros(1500 * loops / crate::rt::threads() as u64))
    };
    let Ok(found) = scaling::run(&[3, 1, 2, 2], 2, &mut batch) else { panic!("it fails") };
    assert_eq!(found.runs.iter().map(|r| r.threads).collect::<Vec<_>>(), [1, 2, 3]);
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().all(|(said, used)| said == used), "{seen:?}");
    assert!([1, 2, 3].iter().all(|n| seen.iter().any(|(said, _)| said == n)), "{seen:?}");
    assert!(found.amdahl.is_some_and(|a| a.serial.abs() < 1e-6), "{found:?}");
    assert_eq!((found.runs[2].speedup, found.runs[2].efficiency), (3.0, 1.0));
}

#[test]
fn scaling_says_what_it_means() {
    let of = |times: &[(usize, f64)], granted| {
        let counts: Vec<usize> = times.iter().map(|t| t.0).collect();
        Scaling::of(&counts, times.iter().map(|t| vec![t.1]).collect(), granted)
    };
    let text = of(&[(1, 1.0), (2, 0.6), (4, 0.4)], 2).to_string();
    assert!(text.contains("serial fraction 20.0 %") && text.contains("more than 5.00 times"), "{text}");
    assert!(text.contains("4 threads are more than the 2 granted"), "{text}");
    let alone = of(&[(1, 1.0)], 2).to_string();
    assert!(!alone.contains("Amdahl") && alone.contains("100 %"), "{alone}");
    let above = of(&[(2, 1.0), (4, 0.5)], 4);
    assert_eq!(above.runs[1].speedup, 4.0);
    assert!(above.to_string().contains("relative to 2 threads"));
    let html = String::from_utf8(above.mime_bundle().remove(0).1).expect("text");
    assert!(html.matches("<svg").count() == 2 && html.contains("<table>"), "{html}");
    assert_eq!((default_counts(1), default_counts(6)), (vec![1], vec![1, 2, 4, 6]));
    assert_eq!(default_counts(8), [1, 2, 4, 8]);
}

#[test]
#[should_panic(expected = "one of those given is 0")]
fn no_threads_are_refused() {
    super::scaling(&[1, 0], || ());
}

#[test]
fn comparisons_tell_apart_what_differs() {
    let names = || vec!["a".to_owned(), "b".to_owned()];
    let near = |t: f64| (0..60).map(|i| t * (1.0 + 0.01 * f64::from(i * 37 % 11 - 5))).collect::<Vec<f64>>();
    let far = Comparison::of(names(), &[1, 1], vec![near(1e-6), near(2e-6)]);
    assert!((far.ratios[0].ratio - 2.0).abs() < 0.05 && far.ratios[0].differs());
    assert!(["b takes 1.9", "b takes 2.0"].iter().any(|t| far.to_string().contains(t)), "{far}");
    let faster = Comparison::of(names(), &[1, 1], vec![near(2e-6), near(1e-6)]).to_string();
    assert!(["b is 1.9", "b is 2.0"].iter().any(|t| faster.contains(t)) && faster.contains("as fast as a"), "{faster}");
    let mut shuffled = near(1e-6);
    shuffled.reverse();
    let same = Comparison::of(names(), &[1, 1], vec![near(1e-6), shuffled]);
    assert!(!same.ratios[0].differs());
    assert!(same.to_string().contains("no difference that can be told apart"), "{same}");
    assert!(!Ratio { ratio: 1.0, interval: (1.0, 1.0) }.differs());
}

#[test]
fn comparisons_run_in_turns() {
    let order = Mutex::new(Vec::new());
    let pause = |name: &'static str, ms| {
        let order = &order;
        candidate(name, move || {
            order.lock().unwrap().push(name);
            std::thread::sleep(Duration::from_millis(ms));
        })
    };
    let found = compare([pause("a", 2), pause("b", 20)]);
    assert!(found.ratios[0].ratio > 1.5, "{found}");
    let rounds = order.into_inner().unwrap().join("");
    assert!(rounds.contains("ba") && rounds.contains("ab"), "{rounds}");
}

#[test]
#[should_panic(expected = "needs two candidates, and got 1")]
fn one_candidate_is_refused() {
    compare([candidate("a", || 1)]);
}
