//! Every shape of a graph, what is kept and what is freed, failures and second tries.

use crate::executor::{Error, ErrorKind};
use crate::graph::{Graph, Here, Task};
use crate::threads::threads;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

fn graph() -> Graph<Here> {
    threads().quiet().graph()
}

#[test]
fn lists_tuples_and_values_are_joined() {
    let g = graph();
    let words = ["a", "bc", "def"].map(|word| g.task(word.to_owned(), |word| word.len()));
    let scale = g.value(2.5);
    let name = g.task((), |()| "n".to_owned());
    let sum = g.join((&words, &scale, &name), |(words, scale, name)| {
        format!("{name}{}", words.iter().sum::<usize>() as f64 * scale + words[2] as f64)
    });
    assert_eq!(sum.compute(), Ok("n18".to_owned()));
    let nested = g.join((&words[..], (&scale, &words)), |(a, (b, c))| (a.len(), *b, c.to_vec()));
    assert_eq!(nested.compute(), Ok((3, 2.5, vec![1, 2, 3])));
    let empty: Vec<Task<u8, Here>> = Vec::new();
    let both = g.compute((g.join(&empty, |none| none.is_empty()), &scale, words.to_vec()));
    assert_eq!(both, Ok((true, 2.5, vec![1, 2, 3])));
}

#[test]
fn results_are_seen_where_they_are() {
    struct NotCloned(Vec<u64>, usize);
    let g = graph();
    let made = g.task(1000u64, |n| {
        let numbers: Vec<u64> = (0..n).collect();
        let at = numbers.as_ptr().addr();
        NotCloned(numbers, at)
    });
    let same = made.then(|v| v.0.as_ptr().addr() == v.1);
    let also = g.join((&made, &made), |(a, b)| std::ptr::eq(a, b));
    assert_eq!(g.compute((&same, &also)), Ok((true, true)));
    made.persist().unwrap();
    assert!(made.is_done());
}

#[test]
fn each_task_runs_once_and_again_when_it_is_forgotten() {
    static RAN: AtomicU32 = AtomicU32::new(0);
    let g = graph();
    let root = g.task((), |()| RAN.fetch_add(1, Ordering::Relaxed));
    let left = root.then(|x| x + 10);
    let right = root.then(|x| x + 20);
    let sum = g.join((&left, &right), |(a, b)| a + b);
    assert_eq!(sum.compute(), Ok(30));
    assert_eq!((sum.compute(), left.compute(), RAN.load(Ordering::Relaxed)), (Ok(30), Ok(10), 1));
    root.forget().unwrap();
    assert_eq!((sum.compute(), RAN.load(Ordering::Relaxed)), (Ok(30), 1), "what needs it is done");
    sum.forget().unwrap();
    left.forget().unwrap();
    assert_eq!((sum.compute(), RAN.load(Ordering::Relaxed)), (Ok(31), 2), "left saw 1, right is kept");
}

/// Counts those that are alive.
#[derive(Clone)]
struct Counted(Arc<AtomicU32>);
impl Counted {
    fn new(alive: &'static Mutex<Option<Arc<AtomicU32>>>) -> Self {
        let count = Arc::clone(alive.lock().unwrap().get_or_insert_default());
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}
impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn what_nothing_needs_is_freed() {
    static ALIVE: Mutex<Option<Arc<AtomicU32>>> = Mutex::new(None);
    let alive = || ALIVE.lock().unwrap().as_ref().map_or(0, |count| count.load(Ordering::SeqCst));
    let g = graph();
    let parts: Vec<_> = (0..50).map(|i| g.task(i, |_| Counted::new(&ALIVE))).collect();
    let kept = parts[7].clone();
    let count = g.join(parts, |parts| parts.len());
    assert_eq!((count.compute(), alive()), (Ok(50), 1), "all but the one that has a handle");
    assert!(kept.is_done());
    let again = kept.then(|_| Counted::new(&ALIVE));
    drop(kept);
    assert_eq!(alive(), 1, "a task that did not run needs it");
    again.persist().unwrap();
    assert_eq!(alive(), 1, "its own result, and not what that was made of");
    again.forget().unwrap();
    assert_eq!(alive(), 0);
    assert!(again.persist().is_ok(), "what was freed is made again");
    drop((again, count));
    assert_eq!(alive(), 0);
}

#[test]
fn a_failure_names_the_task_and_keeps_what_is_done() {
    static RAN: AtomicU32 = AtomicU32::new(0);
    static WELL: AtomicBool = AtomicBool::new(false);
    let g = graph();
    let costly = g.task(3u32, |n| {
        RAN.fetch_add(1, Ordering::Relaxed);
        n
    });
    costly.persist().unwrap();
    let check = costly.then(|n| if WELL.load(Ordering::Relaxed) { *n } else { panic!("{n} is bad") }).named("check");
    let after = check.then(|n| n + 1).named("after");
    let error = after.compute().unwrap_err();
    assert_eq!((error.kind, error.task), (ErrorKind::Panicked, None));
    let text = error.to_string();
    assert!(text.starts_with("task `check` of shapes.rs:") && text.contains("panicked: 3 is bad"), "{text}");
    assert!(text.contains("; task `after` of shapes.rs:") && text.ends_with("needs it and was not run"), "{text}");
    assert_eq!(format!("{check:?} {after:?}"), "Task(check, failed) Task(after, skipped)");
    WELL.store(true, Ordering::Relaxed);
    assert_eq!((after.compute(), RAN.load(Ordering::Relaxed)), (Ok(4), 1));
}

#[test]
fn tasks_have_names_of_their_functions_and_lines() {
    fn count(text: String) -> usize {
        assert!(!text.is_empty(), "nothing to count");
        text.len()
    }
    let g = graph();
    let text = g.task(String::new(), count).compute().unwrap_err().to_string();
    assert!(text.starts_with("task `count` of shapes.rs:"), "{text}");
    g.task(0, |_: i32| ()).persist().unwrap();
    let text = g.task(0, |n: i32| assert!(n > 0, "zero")).compute().unwrap_err().to_string();
    assert!(text.starts_with("task 2 of shapes.rs:") && text.ends_with("panicked: zero"), "{text}");
}

#[test]
fn tries_are_counted() {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    let g = graph();
    let flaky = g.task(2, |wanted: u32| match TRIES.fetch_add(1, Ordering::Relaxed) {
        n if n < wanted => panic!("try {n}"),
        n => n,
    });
    let error = flaky.clone().retries(1).compute().unwrap_err().to_string();
    assert!(error.ends_with("panicked: try 1 (tried 2 times)"), "{error}");
    TRIES.store(0, Ordering::Relaxed);
    assert_eq!(flaky.retries(2).compute(), Ok(2));
}

#[test]
fn of_several_failures_the_first_made_is_told_of_and_others_are_not_begun() {
    static RAN: AtomicU32 = AtomicU32::new(0);
    let g = graph();
    let tasks: Vec<_> = (0..1000u32)
        .map(|i| {
            g.task(i, |i| {
                RAN.fetch_add(1, Ordering::Relaxed);
                assert!(i % 100 != 3, "{i}");
            })
        })
        .collect();
    let error = g.persist(&tasks).unwrap_err().to_string();
    assert!(error.contains("panicked: "), "{error}");
    assert!(RAN.load(Ordering::Relaxed) < 1000);
}

#[test]
fn a_graph_that_is_being_computed_refuses_instead_of_waiting_for_ever() {
    static INNER: Mutex<Option<Task<u8, Here>>> = Mutex::new(None);
    static SEEN: Mutex<Option<Error>> = Mutex::new(None);
    let g = graph();
    let other = g.task(1u8, |x| x);
    *INNER.lock().unwrap() = Some(other);
    let outer = g.task((), |()| {
        let inner = INNER.lock().unwrap();
        let Some(other) = &*inner else { panic!("nothing") };
        *SEEN.lock().unwrap() = other.compute().err();
        other.forget().is_err()
    });
    assert_eq!(outer.compute(), Ok(true));
    let seen = SEEN.lock().unwrap().take().expect("it was refused");
    assert_eq!(seen.kind, ErrorKind::Refused);
    assert!(seen.message.contains("is being computed already"));
    drop(INNER.lock().unwrap().take());
}

#[test]
#[should_panic(expected = "belongs to another graph")]
fn tasks_of_two_graphs_do_not_mix() {
    let (g, other) = (graph(), graph());
    let foreign = other.value(1);
    let _ = g.join((&g.value(2), &foreign), |(a, b)| a + b);
}

#[test]
fn a_task_may_run_in_parallel_itself_and_compute_other_graphs() {
    let g = graph();
    let tasks: Vec<_> = (0..8u64)
        .map(|i| {
            g.task(i, |i| {
                let inner = threads().graph();
                let parts: Vec<_> = (0..4u64).map(|j| inner.task((i, j), |(i, j)| i * j)).collect();
                let sum = inner.join(parts, |parts| parts.iter().sum::<u64>()).compute().unwrap();
                sum + crate::par::map(0..1000u64, |x| x % 2).iter().sum::<u64>()
            })
        })
        .collect();
    assert_eq!(g.join(tasks, |v| v.iter().sum::<u64>()).compute(), Ok(8 * 500 + 6 * 28));
}

#[test]
fn one_thread_is_enough() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let sum = pool.install(|| {
        let g = graph();
        let parts: Vec<_> =
            (0..100u64).map(|i| g.task(i, |i| i).then(|i| crate::par::map(0..*i, |x| x).len())).collect();
        g.join(parts, |v| v.iter().sum::<usize>()).compute()
    });
    assert_eq!(sum, Ok(4950));
}

#[test]
fn long_chains_neither_overflow_nor_keep_what_they_passed() {
    let g = graph();
    let mut last = g.task(0u64, |x| x);
    for _ in 0..200_000 {
        last = last.then(|x| x + 1);
    }
    assert_eq!(last.compute(), Ok(200_000));
    drop(last);
}

#[test]
fn tasks_of_many_threads_run_at_the_same_time() {
    // Two tasks that wait for each other: with two threads they meet.
    if threads().count() < 2 {
        return;
    }
    static THERE: AtomicU32 = AtomicU32::new(0);
    let g = graph();
    let meet = |_: u8| {
        THERE.fetch_add(1, Ordering::SeqCst);
        let begun = std::time::Instant::now();
        while THERE.load(Ordering::SeqCst) < 2 {
            assert!(begun.elapsed().as_secs() < 20, "nobody came");
            std::thread::yield_now();
        }
    };
    let first = g.task(0, |x: u8| x);
    let after: Vec<_> = (0..2).map(|_| first.then(|x| *x).then(|x| *x)).collect();
    // Also where both become ready after the other thread has had nothing to do for a while.
    let slow = g.join(&after, |_| std::thread::sleep(std::time::Duration::from_millis(20)));
    let both = [slow.then(|()| 0u8).then(|x| *x), slow.then(|()| 1u8)].map(|t| t.then(|x| *x));
    let met = both.map(|t| t.then(move |x| meet(*x)));
    g.persist(&met).unwrap();
}

#[test]
fn drawings_tell_states_and_join_chains() {
    fn load(n: u32) -> u32 {
        n
    }
    let g = graph();
    let parts: Vec<_> = (0..3).map(|i| g.task(i, load).then(|x| x + 1).named("clean")).collect();
    let total = g.join(parts, |v| v.iter().sum::<u32>()).named("total <all>");
    let content = total.drawing();
    let html = String::from_utf8(content.get("text/html").unwrap().to_vec()).unwrap();
    assert!(html.contains("7 tasks, 0 done") && html.contains("chains of them are one, 4 in all"), "{html}");
    assert!(html.contains("total &lt;all&gt;") && html.contains("load → clean"), "{html}");
    let text = String::from_utf8(content.get("text/plain").unwrap().to_vec()).unwrap();
    assert!(text.ends_with("total <all> ← clean, clean, clean: waiting"), "{text}");
    total.persist().unwrap();
    let html = String::from_utf8(total.drawing().get("text/html").unwrap().to_vec()).unwrap();
    assert!(html.contains("total &lt;all&gt;` of shapes.rs") && html.contains(", done, not kept"), "{html}");
}

#[test]
fn drawings_of_many_tasks_count_kinds() {
    let g = graph();
    let parts: Vec<_> =
        (0..5000u32).map(|i| g.task(i, |i| i).named(if i % 10 == 0 { "tenth" } else { "other" })).collect();
    let text = g.join(parts, |v| v.len()).named("all").drawing();
    let lines: HashMap<String, String> = String::from_utf8(text.get("text/plain").unwrap().to_vec())
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(" (").map(|(a, b)| (a.to_owned(), b.to_owned())))
        .collect();
    assert!(lines["other"].contains("4,500 tasks, 4,500 waiting") && lines["tenth"].contains("500 tasks"), "{lines:?}");
    assert!(lines["all"].contains("1 tasks"), "{lines:?}");
}
