"""Functions written once for any place: each method on threads and on a real cluster, and closures that cannot travel."""

import re

import pytest

from support.process import ROOT
from support.two_workers import k, shared  # noqa: F401: fixtures

# a function for each method: what it returns, and its body
GENERIC = {
    "map": ("Vec<u64>", "on.map(0..100u64, |x| x * x)"),
    "map_of_a_slice": ("Vec<usize>", 'let words = vec!["a".to_string(), "bcd".to_string()]; on.map(&words, |w| w.len())'),
    "map_of_a_tuple": ("Vec<f64>", "on.map((0..3i32, [1.5, 2.5, 3.5]), |(i, x)| f64::from(i) * x)"),
    "map_of_chunks": ("Vec<u32>", "let v: Vec<u32> = (0..10).collect(); on.map(par::chunks(&v, 4), |c| c.iter().sum::<u32>())"),
    "map_of_numbered": ("Vec<usize>", "on.map(par::enumerate(vec![5usize, 6]), |(i, x)| i * x)"),
    "map_of_a_function": ("Vec<u64>", "fn twice(x: u64) -> u64 { 2 * x } on.map(0..3u64, twice)"),
    "map_with": ("Vec<f64>", "let table = vec![10.0, 20.0]; on.map_with(&table, 0..2usize, |t, i| t[i] + 1.0)"),
    "filter_map": ("Vec<u64>", "on.filter_map(0..100u64, |x| (x % 7 == 0).then_some(x * x))"),
    "filter_map_of_options": ("Vec<Option<u8>>", "on.filter_map(0..4u8, |x| (x > 0).then_some((x > 1).then_some(x)))"),
    "for_each": ("()", "on.for_each(0..3u8, |_| ())"),
    "reduce": ("i32", "on.reduce(vec![3, 9, 4], 0, |a, b| a.max(b))"),
    "map_reduce": ("f64", "on.map_reduce(0..100_000u64, |i| 1.0 / (1.0 + i as f64), 0.0, |a, b| a + b)"),
    "submit": ("u64", "let nine = on.submit(3u64, |x| x * x)?; on.submit(&nine, |x| x + 1)?.result()"),
    "submit_slice": ("f64", "let part = on.submit(4u64, |n| vec![1.5; n as usize])?; on.submit_slice(&part, |v| v.iter().sum::<f64>())?.result()"),
    "gather": ("Vec<u64>", "cluster::gather((0..5u64).map(|i| on.submit(i, |x| x * 2)).collect::<Result<Vec<_>, _>>()?)"),
    "as_completed": (
        "u64",
        "let f = (0..5u64).map(|i| on.submit(i, |x| x * 2)).collect::<Result<Vec<_>, _>>()?; "
        "let mut sum = 0; for (_, r) in cluster::as_completed(f) { sum += r?; } Ok(sum)",
    ),
    "quiet_message_and_lanes": ("Vec<u8>", 'on.quiet().message("named").lanes().map(0..2u8, |x| x)'),
}


@pytest.mark.parametrize("name", GENERIC)
def test_a_function_for_any_place(k, name):
    returns, body = GENERIC[name]
    k.ok(f"fn any_{name}<E: Executor>(on: &E) -> Result<{returns}, cluster::Error> {{ {body} }}")
    here = k.ok(f"any_{name}(&threads())?")
    there = k.ok(f"any_{name}(&cluster)?")
    assert here == there


def test_impl_executor_as_an_argument_and_types_of_the_user(k):
    k.ok("use serde::{Serialize, Deserialize}; #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)] struct Step { x: f64, n: u32 }")
    k.ok(
        "fn study(on: &impl Executor, steps: &[Step]) -> Result<f64, cluster::Error> {\n"
        "    let after = on.map(steps, |s| Step { x: s.x * 2.0, n: s.n + 1 })?;\n"
        "    on.map_reduce(after, |s| s.x * f64::from(s.n), 0.0, |a, b| a + b)\n}"
    )
    k.ok("let steps: Vec<Step> = (0..10).map(|n| Step { x: 0.5, n }).collect();")
    assert k.ok("study(&threads(), &steps)?") == k.ok("study(&cluster, &steps)?") == "55.0"


def test_a_failing_task_is_the_same_error_on_both(k):
    k.ok('fn fail(on: &impl Executor) -> Result<Vec<u64>, cluster::Error> { on.map(0..10u64, |i| { assert!(i != 7, "no sevens"); i }) }')
    for place in ("threads()", "cluster"):
        assert k.ok(f"let e = fail(&{place}).unwrap_err(); (e.kind, e.task)") == "(Panicked, Some(7))"


def test_inherent_methods_still_take_more_on_threads(k):
    k.run("let outside = 5u64; threads().map(0..3u64, |i| i + outside)?").result("[5, 6, 7]").until().idle()
    k.run("let mut a = [1, 2]; threads().for_each(&mut a, |x| *x += 1)?; a").result("[2, 3]").until().idle()


BORROWS = "fn borrows(on: &impl Executor, outside: u64) -> Result<Vec<u64>, cluster::Error> {\n    on.map(0..10u64, |i| i + outside)\n}"


def test_a_closure_that_borrows_is_refused_where_it_is_written(k):
    story = k.run(BORROWS)
    story.until("error").error(None, "cannot use variables", "map_with(&outside").idle()
    assert re.search(r"\[\d+\]:2:", story.text_of(story.failed)), story.text_of(story.failed)


@pytest.mark.parametrize("place", ["threads()", "cluster"])
def test_a_closure_that_captures_is_refused_on_both_places(k, place):
    """What a closure holds is known when the function is compiled for a place: in the cell that uses it."""
    story = k.run(f"{BORROWS.replace('|i|', 'move |i|').replace('borrows', 'moves')}\nmoves(&{place}, 5)?")
    story.until("error").error(None, "cannot use variables", "map_with(&").idle()
    assert re.search(r"\[\d+\]:2:", story.text_of(story.failed)), story.text_of(story.failed)
    # a cell that fails changes nothing: the function is not there
    k.run("moves(&threads(), 5)").fails("E0425")


@pytest.mark.parametrize("place", ["threads()", "cluster"])
def test_a_closure_that_captures_in_an_earlier_cell(k, place):
    k.run(BORROWS.replace("|i|", "move |i|").replace("borrows", "later")).until().idle()
    story = k.run(f"later(&{place}, 5)?")
    story.until("error").error(None, "cannot use variables", "map_with(&").idle()
    assert re.search(r"\[\d+\]:2:", story.text_of(story.failed)), story.text_of(story.failed)
    k.ok("fn later() {}")


def test_what_only_a_cluster_can_do_is_a_sentence_on_threads(k):
    k.run("threads().persist(0..4u64, |i| i)").until("error").error(None, "keeps no results for others", "`map` returns the results").idle()
    k.run('let one = threads().submit(1u8, |x| x)?; threads().publish("one", &one)').until("error").error(None, "keeps no results for others").idle()


def test_what_places_share_knows_no_place_above_it():
    """Comments may: they say where a reader finds the rest."""
    for path in [*(ROOT / "src/executor").rglob("*.rs"), *(ROOT / "src/value").rglob("*.rs")]:
        code = re.sub(r"//[^\n]*", "", path.read_text())
        assert "cluster::" not in code, path.name
        assert path.parent.name != "value" or "executor::" not in code, path.name


def test_a_shared_method_is_written_in_few_places():
    """In the list of shared methods, on threads, on a cluster, and where workers need another entry."""
    for method in ("filter_map", "map_reduce", "submit_slice"):
        places = [path.name for path in (ROOT / "src").rglob("*.rs") if path.parts[-2] in ("executor", "cluster") and re.search(rf"\bfn {method}\b", path.read_text())]
        assert len(places) <= 4, places


def test_tasks_that_cannot_travel_are_named(k):
    k.run("fn grid(on: &impl Executor) { let _ = on.map(par::grid([2, 2]), |[i, j]| i * j); }").until("error").error(
        None, "not something that can be sent to a cluster", "par::chunks"
    ).idle()
    k.run("fn odd(on: &impl Executor) -> bool { on.quiet(); true }\nodd(&5)").until("error").error(None, "not a place where closures run", "threads()").idle()
