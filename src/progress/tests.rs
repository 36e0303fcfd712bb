//! Counting and drawing; painting is tested with a frontend.

use super::render::{View, bundle, text};
use super::state::Outcome;
use super::*;
use rayon::prelude::*;
use std::time::Duration;

fn view(done: u64, total: Option<u64>) -> View {
    View {
        message: String::new(),
        unit: Unit::default(),
        done,
        total,
        elapsed: Duration::from_secs(3),
        rate: 240.1,
        outcome: Outcome::Running,
    }
}

#[test]
fn text_bars_look_like_those_people_know() {
    assert_eq!(text(&view(720, Some(1000))), " 72%|█████████████████▎      | 720/1,000 [00:03<00:01, 240.1 it/s]");
    assert_eq!(text(&view(5, None)), "5 it [00:03, 240.1 it/s]");
    let mut bytes = view(1_500_000, Some(3_000_000));
    bytes.unit = Unit::from("bytes");
    bytes.message = "download".into();
    bytes.rate = 5e5;
    assert_eq!(text(&bytes), "download:  50%|████████████            | 1.5 MB/3.0 MB [00:03<00:03, 500.0 kB/s]");
    let mut slow = view(1, Some(10));
    slow.rate = 0.25;
    slow.outcome = Outcome::Failed;
    assert!(text(&slow).ends_with("1/10 [00:03, 4.0 s/it] failed"));
}

#[test]
fn extreme_bars_are_drawn() {
    for (done, total) in [(0, Some(0)), (0, Some(1)), (999, Some(1000)), (7, Some(5)), (0, None)] {
        for rate in [0.0, f64::NAN, f64::INFINITY, 1e-300, 1e300] {
            let mut view = view(done, total);
            view.rate = rate;
            for (_, bytes) in bundle(&view) {
                let drawn = String::from_utf8(bytes).unwrap();
                assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
            }
        }
    }
    assert!(text(&view(999, Some(1000))).starts_with(" 99%"));
    assert!(text(&view(1000, Some(1000))).starts_with("100%"));
}

#[test]
fn html_bars_are_accessible_and_escaped() {
    let mut view = view(50, Some(200));
    view.message = "<x>".into();
    view.outcome = Outcome::Interrupted;
    let html = String::from_utf8(bundle(&view).remove(0).1).unwrap();
    for part in ["role=\"progressbar\"", "aria-valuenow=\"25\"", "&lt;x&gt;", "interrupted"] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(!html.contains("<x>"));
}

#[test]
fn nothing_is_lost_when_many_threads_count() {
    for threads in [1, 3, 16] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let bar = Bar::new(100_000);
        pool.unwrap().install(|| (0..100_000).into_par_iter().for_each(|_| bar.inc(1)));
        std::thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| (0..1000).for_each(|_| bar.inc(1)));
            }
        });
        assert_eq!(bar.done(), 140_000);
    }
}

#[test]
fn iterators_pass_everything_on() {
    let iter = progress(0..10);
    let bar = iter.clone_bar();
    assert_eq!(iter.sum::<i32>(), 45);
    assert_eq!(bar.done(), 10);
    assert_eq!("a b".split(' ').progress().total(2).count(), 2);
    assert_eq!((0..5).progress().rev().collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
    assert_eq!((0..5).progress().len(), 5);
    let mut stopped = progress(0..10);
    let bar = stopped.clone_bar();
    stopped.next();
    drop(stopped);
    assert_eq!(bar.done(), 0);
}

#[test]
fn rayon_iterators_pass_everything_on() {
    for n in [0usize, 1, 1000, 100_000] {
        let out: Vec<usize> = (0..n).into_par_iter().progress().map(|i| i + 1).collect();
        assert_eq!(out, (1..=n).collect::<Vec<_>>());
        let even = (0..n).into_par_iter().filter(|i| i % 2 == 0).progress();
        assert_eq!(even.count(), n.div_ceil(2));
        let back: Vec<usize> = (0..n).into_par_iter().progress().rev().collect();
        assert_eq!(back, (0..n).rev().collect::<Vec<_>>());
    }
}

#[test]
fn a_finished_bar_stays_as_it_ended() {
    let bar = Bar::new(2);
    bar.fail();
    bar.finish();
    assert_eq!(bar.handle.state.outcome(), Outcome::Failed);
    settle();
    settle();
}
