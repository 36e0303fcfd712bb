"""Graphs of tasks on a real Dask cluster, in cells: every shape, failures, killed workers, interrupts, results that stay on the workers."""

import os
import pathlib
import re
import signal
import time

import pytest

from support import process
from support.dask import NAP, Outside, PYTHON, keys_of, oldest_python, settled_keys
from support.two_workers import k, shared  # noqa: F401: fixtures

COUNTED = """
fn counted(n: u64, folder: String) -> u64 {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(format!("{folder}/calls")).unwrap();
    file.write_all(format!("{n}\\n").as_bytes()).unwrap();
    n
}
"""
# every way to make a task, with nothing known of the place
STUDY = r"""
use serde::{Serialize, Deserialize};
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fit { name: String, values: Vec<f64>, note: Option<String> }
fn load(n: u64) -> Vec<f64> { (0..n).map(|i| i as f64).collect() }
fn study(on: &impl Executor) -> Result<(f64, Vec<u64>, Fit, usize), cluster::Error> {
    let g = on.graph();
    let parts = (1..=4u64).map(|n| g.task(n, load)).collect::<Vec<_>>();
    let sums = parts.iter().map(|p| p.then(|v| v.iter().sum::<f64>() as u64).then(|s| s + 1)).collect::<Vec<_>>();
    let factor = g.value(0.5);
    let table = g.value(vec![2.0f64; 5000]);
    let total = g.join((&sums, &factor, &table), |(sums, factor, table)| sums.iter().sum::<u64>() as f64 * factor + table[4999]);
    let fit = g.join((&parts[3], &total), |(part, total)| Fit { name: format!("{total}"), values: part.clone(), note: None });
    let empty = g.join(Vec::<ferrolab::graph::Task<u8>>::new(), |none| none.len());
    g.compute((&total, &sums, &fit, &empty))
}
"""


def calls(folder: pathlib.Path) -> list[int]:
    return sorted(int(line) for line in (folder / "calls").read_text().split()) if (folder / "calls").exists() else []


def keys(k) -> list[str]:
    """Results of graphs that workers have."""
    return keys_of(k, "graph-", "memory")


def settled(k, want: int) -> None:
    settled_keys(k, want, "graph-", "memory")


@pytest.mark.parametrize("place", ["threads()", "cluster"])
def test_every_shape_on_both_places(k, place):
    if place == "threads()":
        k.ok(STUDY)
    k.run(f"let r = study(&{place})?; (r.0, r.1, r.2.name == \"9\" && r.2.values == load(4), r.3)").until("execute_result").result("(9.0, [1, 2, 4, 7], true, 0)").until().idle()


def test_results_stay_on_the_workers_and_are_reused(k, tmp_path):
    k.ok(COUNTED)
    k.ok(f'let folder = "{tmp_path}".to_owned(); let g = cluster.graph();')
    k.ok("let a = g.task((5u64, folder.clone()), |(n, folder)| counted(n, folder));")
    k.ok("let b = a.then(|n| n * 10); let c = a.then(|n| vec![*n as f64; 1000]);")
    k.run("(b.compute()?, c.compute()?.len(), a.compute()?)").until("execute_result").result("(50, 1000, 5)").until().idle()
    assert calls(tmp_path) == [5]
    # a task of a later cell, with code of that cell, on results of earlier ones
    k.run("g.join((&b, &c), |(b, c)| *b as f64 + c.iter().sum::<f64>()).compute()?").until("execute_result").result("5050.0").until().idle()
    assert calls(tmp_path) == [5]
    k.ok("a.forget()?;")
    k.run("(a.is_done(), a.compute()?)").until("execute_result").result("(false, 5)").until().idle()
    assert calls(tmp_path) == [5, 5]


def test_what_nobody_needs_is_released(k):
    k.ok("let g = (); let (a, b, c) = ((), (), ());")
    settled(k, 0)
    k.ok("let h = cluster.graph(); let parts = (0..6u64).map(|i| h.task(i, |i| vec![i; 1000])).collect::<Vec<_>>();")
    k.ok("let kept = parts[2].clone(); let sizes = h.join(parts, |parts| parts.iter().map(|p| p.len()).sum::<usize>());")
    k.run("sizes.compute()?").until("execute_result").result("6000").until().idle()
    settled(k, 2)
    k.run("(kept.is_done(), kept.compute()?[0])").until("execute_result").result("(true, 2)").until().idle()
    k.ok("let (h, kept, sizes) = ((), (), ());")
    settled(k, 0)


def test_chains_are_one_task_of_dasks(k):
    k.ok("let g = cluster.graph(); let mut last = g.task(0u64, |x| x); for _ in 0..30 { last = last.then(|x| x + 1); }")
    k.run("last.compute()?").until("execute_result").result("30").until().idle()
    settled(k, 1)
    k.ok("let (g, last) = ((), ());")


def test_small_tasks_go_together(k):
    """Their cost is learnt from a few; results are those of tasks one by one."""
    k.ok("let g = cluster.graph(); let many = (0..3000u64).map(|i| g.task(i, |i| i * i)).collect::<Vec<_>>();")
    k.ok("let total = g.join(&many, |v| v.iter().sum::<u64>());")
    k.run("total.compute()?").until("execute_result").result(str(sum(i * i for i in range(3000)))).until().idle()
    assert 1 < len(keys(k)) < 60
    k.run("g.compute(&many[2990..])?.iter().sum::<u64>()").until("execute_result").result(str(sum(i * i for i in range(2990, 3000)))).until().idle()
    k.ok("let (g, many, total) = ((), (), ());")


def test_a_panic_names_the_task_its_line_and_keeps_what_is_done(k, tmp_path):
    k.ok(COUNTED)
    k.ok(f'let g = cluster.graph(); let a = g.task((1u64, "{tmp_path}".to_owned()), |(n, folder)| counted(n, folder));')
    k.ok("a.persist()?;")
    story = k.run('let bad = a.then(|n| -> u64 {\n    assert!(*n > 1, "only {n}");\n    *n\n}).named("check");\nlet end = bad.then(|n| n + 1).named("end");\nend.compute()?')
    story.until("error").error(None, "task `check` of [", "panicked: only 1", "(worker ", "]:2:5", 'assert!(*n > 1, "only {n}")').until().idle()
    assert "only 1" not in story.printed("stderr"), "told twice"
    k.run("a.compute()?").until("execute_result").result("1").until().idle()
    assert calls(tmp_path) == [1]


def test_a_task_of_several_that_fails(k, tmp_path):
    """What was finished of a computation that failed is there for the next."""
    k.ok(COUNTED)
    k.ok(f'let g = cluster.graph(); let folder = g.value("{tmp_path}".to_owned());')
    k.ok("let many = (0..20u64).map(|i| { let n = g.value(i); g.join((&n, &folder), |(n, folder)| counted(*n, folder.clone())) }).collect::<Vec<_>>();")
    k.ok('let sum = g.join(&many, |v| v.iter().sum::<u64>()); let gate = g.join((&sum, &folder), |(sum, folder)| { assert!(std::fs::exists(format!("{folder}/well")).unwrap(), "not well"); *sum });')
    k.run("gate.compute()?").until("error").error(None, "panicked: not well", "of a graph").until().idle()
    (tmp_path / "well").touch()
    k.run("gate.compute()?").until("execute_result").result("190").until().idle()
    assert calls(tmp_path) == list(range(20)), "each ran once"


def test_tries_are_counted(k, tmp_path):
    code = f"""let g = cluster.graph();
let flaky = g.task("{tmp_path}/tries".to_owned(), |path| {{
    let tries = std::fs::read_to_string(&path).map_or(0, |text| text.len());
    std::fs::write(&path, "x".repeat(tries + 1)).unwrap();
    assert!(tries >= 2, "try {{tries}}");
    tries
}});
flaky.clone().retries(1).compute().unwrap_err().to_string().contains("panicked: try 1 (tried 2 times)")"""
    k.run(code).until("execute_result").result("true").until().idle()
    k.run("flaky.retries(3).compute()?").until("execute_result").result("2").until().idle()


def test_values_that_serde_cannot_write_are_an_error_of_their_task(k):
    k.ok("use serde::{Serialize, Deserialize}; #[derive(Clone, Serialize, Deserialize)] struct Half { x: u8, #[serde(skip_serializing)] y: u8 }")
    k.run('let g = cluster.graph(); g.task(1u8, |x| Half { x, y: x }).named("half").compute()?.x').until("error").error(None, "task `half` of [", "a result that cannot be sent").until().idle()
    k.run("g.task(Half { x: 1, y: 2 }, |h| h.x).named(\"give\").compute()?").until("error").error(None, "the value of task `give` of [", "cannot be sent").until().idle()


def test_a_closure_that_captures_is_told_what_to_do(k):
    k.ok("let outside = 5u64; let g = cluster.graph();")
    for closure in ("|x| x + outside", "move |x| x + outside"):
        k.run(f"g.task(1u64, {closure}).compute()?").until("error").error(None, "cannot use variables of the notebook", "graph.value(").until().idle()


def test_a_drawing_that_changes_while_tasks_run(k):
    code = f"""let g = cluster.graph();
let naps = (0..8u64).map(|i| g.task(i, |i| {{ {NAP.format(400)}; i }}).named("nap")).collect::<Vec<_>>();
g.join(naps, |v| v.iter().sum::<u64>()).named("sum").compute()?"""
    story = k.run(code, timeout=60).until("execute_result").result("28").until().idle()
    shown = [m for m in story.told if m.type == "display_data"]
    pictures = [m.content["data"]["text/html"] for m in story.told if m.type in ("display_data", "update_display_data")]
    assert len(shown) == 1 and len(pictures) >= 3
    states = set(re.findall(r", (waiting|running|done|done, not kept)</title>", "".join(pictures)))
    assert {"waiting", "running"} <= states and states & {"done", "done, not kept"}
    assert "9 of 9 tasks done" in pictures[-1] and "2 workers" in pictures[-1]


@pytest.fixture
def own(start, tmp_path):
    kernel = start(timeout=120, cwd=str(tmp_path), **PYTHON)
    kernel.ok(COUNTED)
    kernel.ok("let c = Cluster::local(2)?; let g = c.graph();")
    return kernel


def workers(kernel) -> list[int]:
    return [pid for pid, line in process.command_lines(kernel.process.pid).items() if "spawn_main" in line]


def test_an_interrupt_stops_soon_and_keeps_what_is_done(own, tmp_path):
    own.ok(f'let folder = g.value("{tmp_path}".to_owned());')
    own.ok(f"let all = (0..200u64).map(|i| {{ let n = g.value(i); g.join((&n, &folder), |(n, folder)| {{ {NAP.format(50)}; counted(*n, folder.clone()) }}) }}).collect::<Vec<_>>();")
    story = own.run("g.persist(&all)?", timeout=60)
    deadline = time.monotonic() + 30
    while len(calls(tmp_path)) < 10:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    begun = time.monotonic()
    own.interrupt()
    story.until("error").error("Interrupted", " of a graph").until().idle()
    assert time.monotonic() - begun < 5
    own.ok("let done = all.iter().filter(|t| t.is_done()).count();")
    own.run("done > 0 && done < 200").result("true").until().idle()
    own.ok("g.persist(&all)?;", timeout=60)
    ran = calls(tmp_path)
    assert sorted(set(ran)) == list(range(200)) and len(ran) < 220, f"{len(ran) - 200} ran twice"


def test_a_killed_worker_is_replaced_and_lost_results_are_made_again(own):
    own.ok("let parts = (0..4u64).map(|i| g.task(i, |i| vec![i; 100_000])).collect::<Vec<_>>(); g.persist(&parts)?;")
    for pid in workers(own):
        os.kill(pid, signal.SIGKILL)
    own.run("g.join(&parts, |v| v.iter().map(|p| p[99_999]).sum::<u64>()).compute()?", timeout=90).until("execute_result").result("6").until().idle()


def test_a_worker_that_is_killed_while_tasks_run(own):
    story = own.run(f"let v = (0..40u64).map(|i| g.task(i, |i| {{ {NAP.format(100)}; i }})).collect::<Vec<_>>(); g.join(v, |v| v.iter().sum::<u64>()).compute()?", timeout=90)
    story.seen(r"[1-9]\d* of 41 tasks done")
    os.kill(max(workers(own)), signal.SIGKILL)
    story.until("execute_result").result("780").until().idle()


def test_a_task_that_kills_its_worker_is_named(own):
    own.ok('let deadly = g.task(0u64, |x| unsafe { *(x as *const u64) }).named("deadly");')
    own.run("deadly.then(|x| x + 1).compute()?", timeout=90).until("error").error(None, "task `deadly` of [", "ended its worker's process several times", "segmentation fault").until().idle()
    own.run("g.task(1u64, |x| x).compute()?", timeout=60).until("execute_result").result("1").until().idle()


def test_after_a_crash_of_the_runner_the_graph_is_as_it_was(own, tmp_path):
    own.ok(f'let a = g.task((3u64, "{tmp_path}".to_owned()), |(n, folder)| counted(n, folder)); let b = a.then(|n| n + 1);')
    own.ok("a.persist()?;")
    own.run("b.persist()?; unsafe { std::ptr::null_mut::<u8>().write_volatile(1) }").until("error").error(None, "segmentation fault").until().idle()
    own.run("(a.is_done(), b.is_done(), b.compute()?)").until("execute_result").result("(true, false, 4)").until().idle()
    assert calls(tmp_path) == [3]


def test_a_closed_cluster_is_an_error(own):
    own.ok("let a = g.task(1u64, |x| x); a.persist()?;")
    own.ok("c.clone().close()?;")
    own.run("a.compute()?").until("error").error(None, "cluster was closed").until().idle()


def test_the_oldest_dask(start, tmp_path):
    python = oldest_python()
    with Outside(tmp_path, python) as outside:
        address = outside.scheduler()
        outside.worker("left"), outside.worker("right")
        kernel = start(timeout=120, FERROLAB_PYTHON=python)
        kernel.ok(f'let cluster = Cluster::connect("{address}")?; cluster.wait_for_workers(2)?;')
        kernel.ok(STUDY)
        kernel.run("let r = study(&cluster)?; (r.0, r.1, r.3)").until("execute_result").result("(9.0, [1, 2, 4, 7], 0)").until().idle()
        kernel.ok("let g = cluster.graph(); let many = (0..500u64).map(|i| g.task(i, |i| i + 1)).collect::<Vec<_>>();")
        kernel.run("g.join(many, |v| v.iter().sum::<u64>()).compute()?").until("execute_result").result("125250").until().idle()
