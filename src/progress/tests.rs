//! Counting and drawing; painting is tested with a frontend.

use super::block::Block;
use super::render::{bundle, text};
use super::state::Outcome;
use super::view::View;
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
        depth: 0,
        lanes: Vec::new(),
        workers: Vec::new(),
    }
}

#[test]
fn text_bars_look_like_those_people_know() {
    assert_eq!(text(&[&view(720, Some(1000))]), " 72%|█████████████████▎      | 720/1,000 [00:03<00:01, 240.1 it/s]");
    assert_eq!(text(&[&view(5, None)]), "5 it [00:03, 240.1 it/s]");
    let mut bytes = view(3 << 19, Some(3 << 20));
    bytes.unit = Unit::from("bytes");
    bytes.message = "download".into();
    bytes.rate = 524_288.0;
    assert_eq!(text(&[&bytes]), "download:  50%|████████████            | 1.5 MiB/3.0 MiB [00:03<00:03, 512.0 KiB/s]");
    let mut slow = view(1, Some(10));
    slow.rate = 0.25;
    slow.outcome = Outcome::Failed;
    assert!(text(&[&slow]).ends_with("1/10 [00:03, 4.0 s/it] failed"));
}

#[test]
fn extreme_bars_are_drawn() {
    for (done, total) in [(0, Some(0)), (0, Some(1)), (999, Some(1000)), (7, Some(5)), (0, None)] {
        for rate in [0.0, f64::NAN, f64::INFINITY, 1e-300, 1e300] {
            let mut view = view(done, total);
            view.rate = rate;
            for (_, bytes) in bundle(&[&view]) {
                let drawn = String::from_utf8(bytes).unwrap();
                assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
            }
        }
    }
    assert!(text(&[&view(999, Some(1000))]).starts_with(" 99%"));
    assert!(text(&[&view(1000, Some(1000))]).starts_with("100%"));
}

#[test]
fn html_bars_are_accessible_and_escaped() {
    let mut view = view(50, Some(200));
    view.message = "<x>".into();
    view.outcome = Outcome::Interrupted;
    let html = String::from_utf8(bundle(&[&view]).remove(0).1).unwrap();
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
    let bar = iter.bar();
    assert_eq!(iter.sum::<i32>(), 45);
    assert_eq!(bar.done(), 10);
    assert_eq!("a b".split(' ').progress().total(2).count(), 2);
    assert_eq!((0..5).progress().rev().collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
    assert_eq!((0..5).progress().len(), 5);
    let mut stopped = progress(0..10);
    let bar = stopped.bar();
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

/// Bars outside a notebook stand in no block; these do.
fn join(block: &Block, bar: &Bar) {
    block.join(bar.state());
}

#[test]
fn nested_bars_take_their_line_again() {
    let block = Block::default();
    let outer = Bar::new(3).message("outer");
    let after = Bar::new(1).message("after");
    join(&block, &outer);
    join(&block, &after);
    for round in 0..3 {
        let inner = outer.nested(5).message(format!("inner {round}"));
        join(&block, &inner);
        assert_eq!(block.lines(), ["outer*".to_owned(), format!(" inner {round}*"), "after*".to_owned()]);
        let deep = inner.nested(1).message("deep");
        join(&block, &deep);
        assert_eq!(block.lines().len(), 4);
        for bar in [&deep, &inner] {
            bar.finish();
            block.ended(bar.state());
        }
        assert_eq!(block.lines(), ["outer*".to_owned(), format!(" inner {round}"), "after*".to_owned()]);
    }
    outer.finish();
    block.ended(outer.state());
    assert_eq!(block.lines(), ["outer", "after*"], "what is nested leaves with what is around it");
}

#[test]
fn nested_bars_that_failed_stay() {
    let block = Block::default();
    let outer = Bar::new(2).message("outer");
    join(&block, &outer);
    let inner = outer.nested(2).message("inner");
    join(&block, &inner);
    inner.fail();
    block.ended(inner.state());
    outer.finish();
    block.ended(outer.state());
    assert_eq!(block.lines(), ["outer", " inner"]);
}

#[test]
fn a_line_of_code_has_one_line_and_a_block_has_a_bound() {
    let block = Block::default();
    let long = Bar::new(1).message("long");
    join(&block, &long);
    for i in 0..5 {
        let bar = Bar::new(1).message(format!("again {i}"));
        join(&block, &bar);
        bar.finish();
        block.ended(bar.state());
    }
    assert_eq!(block.lines(), ["long*", "again 4"]);
    let many: Vec<Bar> = (0..100).map(|i| Bar::new(1).message(i.to_string())).collect();
    for bar in &many {
        join(&block, bar);
    }
    assert_eq!(block.lines().len(), 101, "what runs is shown");
}

#[test]
fn bars_inside_a_loop_know_what_is_around_them() {
    let parent = |bar: &Bar| bar.state().parent();
    let outer = progress(0..2);
    let name = outer.bar().state().id();
    assert_eq!(parent(&Bar::new(1)), 0, "the loop has not begun");
    for _ in outer {
        assert_eq!(parent(&Bar::new(1)), name);
        let inner = progress(0..3);
        assert_eq!(parent(&inner.bar()), name);
        let id = inner.bar().state().id();
        for i in inner {
            assert_eq!(parent(&Bar::unknown()), id);
            if i == 1 {
                break;
            }
        }
        let seen = std::sync::Mutex::new(Vec::new());
        (0..64).into_par_iter().progress().for_each(|_| seen.lock().unwrap().push(parent(&Bar::new(1))));
        let seen = seen.into_inner().unwrap();
        assert!(seen.iter().all(|&id| id == seen[0] && id != 0 && id != name), "{seen:?}");
        assert_eq!(parent(&Bar::new(1)), name);
    }
    assert_eq!(parent(&Bar::new(1)), 0);
    let pairs = progress(0..2).zip(progress(0..2));
    assert_eq!(pairs.count(), 2);
    let mut empty = progress(0..0);
    assert_eq!((empty.next(), empty.next(), parent(&Bar::new(1))), (None, None, 0));
}

#[test]
fn bars_tell_how_they_ended() {
    let left = progress(0..10);
    let bar = left.bar();
    for i in left {
        if i == 4 {
            break;
        }
    }
    assert_eq!((bar.done(), bar.state().outcome()), (4, Outcome::Stopped));
    let through = progress(0..10);
    let bar = through.bar();
    assert_eq!((through.count(), bar.state().outcome()), (10, Outcome::Done));
    let handle = Bar::new(2);
    let state = std::sync::Arc::clone(handle.state());
    handle.inc(1);
    drop(handle.clone());
    assert_eq!(state.outcome(), Outcome::Running);
    drop(handle);
    assert_eq!(state.outcome(), Outcome::Stopped);
    let panicked = progress(0..3);
    let bar = panicked.bar();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for i in panicked {
            if i == 1 {
                std::panic::resume_unwind(Box::new(()));
            }
        }
    }));
    assert!(caught.is_err());
    assert_eq!(bar.state().outcome(), Outcome::Failed);
}

#[test]
fn lines_of_a_block_are_below_each_other() {
    let mut outer = view(1, Some(2));
    outer.message = "図".into();
    let mut inner = view(5, Some(10));
    inner.message = "inner".into();
    inner.depth = 1;
    inner.lanes = vec![0, 3, 7];
    let drawn = text(&[&outer, &inner]);
    let bars: Vec<usize> = drawn
        .lines()
        .map(|line| unicode_width::UnicodeWidthStr::width(line.split('|').next().unwrap_or_default()))
        .collect();
    assert_eq!(bars, [13, 13], "{drawn}");
    assert!(drawn.ends_with("▁▄█ 3 threads, 0 to 7 each"), "{drawn}");
    let html = String::from_utf8(bundle(&[&outer, &inner]).remove(0).1).unwrap();
    assert_eq!(html.matches("role=\"progressbar\"").count(), 2);
    assert_eq!(html.matches("title=\"thread").count(), 3);
    assert!(html.contains("padding-left:16px"));
}

#[test]
fn parts_of_a_loop_inside_each_other_lose_nothing() {
    // A part that waits inside its body may run another part of the same loop on its thread.
    let bar = Bar::new(0);
    let state = std::sync::Arc::clone(bar.state());
    let counted = (0..64usize).into_par_iter().progress();
    let name = counted.bar();
    counted.for_each(|_| (0..64usize).into_par_iter().for_each(|i| assert_eq!(rayon::join(|| i, || i + 1).1, i + 1)));
    assert_eq!(name.done(), 64);
    let lanes: Vec<_> = std::iter::from_fn(|| state.lane()).collect();
    assert!(!lanes.is_empty() && lanes.len() == rayon::current_num_threads() + 1, "each is given once");
    lanes.iter().for_each(|lane| lane.release());
    assert!(state.lane().is_some());
}

#[test]
fn workers_stand_below_their_bar() {
    let lane = |n: usize, done| Lane { name: format!("worker {n}"), done, note: String::new() };
    let mut few = view(30, Some(100));
    few.elapsed = Duration::from_secs(10);
    few.workers = vec![lane(0, 20), Lane { note: "paused".to_owned(), ..lane(1, 10) }];
    let shown = text(&[&few]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3, "{shown}");
    assert_eq!(lines[1], "  worker 0 |████████| 20 · 2.0 it/s");
    assert_eq!(lines[2], "  worker 1 |████    | 10 · 1.0 it/s · paused");
    let mut many = few.clone();
    many.workers = (0..64).map(|n| lane(n, 100 + n as u64)).collect();
    many.workers[20].note = "<spilling>".to_owned();
    let shown = text(&[&many]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 1 + 3 + 1 + 3 + 1, "{shown}");
    assert!(
        lines[1].contains("worker 63") && lines[4].contains("worker 20") && lines[7].contains("worker 0"),
        "{shown}"
    );
    assert_eq!(lines[8], "  and 57 more, 103 to 160 each");
    let html = String::from_utf8(bundle(&[&many])[0].1.clone()).unwrap();
    assert!(html.contains("and 57 more") && html.contains("&lt;spilling&gt;") && !html.contains("<spilling>"));
}
