"""Closures on a real Dask cluster: the same results as on threads, code and data that travel, words and looks."""

import re
import subprocess
import sys

import pytest

from support import process
from support.two_workers import k, shared  # noqa: F401: fixtures

PYTHON = {"FERROLAB_PYTHON": sys.executable}

# every method that both places have; HERE is the one word that changes
SAME = {
    "map": "HERE.map(0..100u64, |x| x * x)?",
    "map of a slice": 'let words = vec!["a".to_string(), "bcd".to_string()]; HERE.map(&words, |w| w.len())?',
    "map of a vector": "HERE.map(vec![Some(1), None, Some(3)], |x| x.map(|x| x + 1))?",
    "map of chunks": "let v: Vec<u32> = (0..10).collect(); HERE.map(par::chunks(&v, 4), |c| c.iter().sum::<u32>())?",
    "map of numbered pairs": "HERE.map(par::enumerate((0..4i32, [1.5, 2.5, 3.5, 4.5])), |(i, (a, b))| i as f64 + f64::from(a) * b)?",
    "map_with": "let table = vec![10.0, 20.0]; HERE.map_with(&table, 0..2usize, |t, i| t[i] + 1.0)?",
    "for_each": "HERE.for_each(0..3u8, |_| ())?",
    "reduce": "HERE.reduce(vec![3, 9, 4], 0, |a, b| a.max(b))?",
    "map_reduce": "HERE.map_reduce(0..100_000u64, |i| 1.0 / (1.0 + i as f64), 0.0, |a, b| a + b)?",
    "submit": "HERE.submit(6u64, |x| x * 7)?.result()?",
    "submit after": "let a = HERE.submit(3u64, |x| x * x)?; let b = HERE.submit(&a, |x| x + 1)?; (a.result()?, b.result()?)",
    "submit after all": "let f = vec![HERE.submit(1u64, |x| x)?, HERE.submit(2u64, |x| x)?]; HERE.submit(cluster::all(&f), |v| v.iter().sum::<u64>())?.result()?",
    "gather": "cluster::gather((0..5u64).map(|i| HERE.submit(i, |x| x * 2)).collect::<Result<Vec<_>, _>>()?)?",
    "as_completed": "let f = (0..5u64).map(|i| HERE.submit(i, |x| x * 2)).collect::<Result<Vec<_>, _>>()?; "
    "let mut r: Vec<_> = cluster::as_completed(f).map(|(i, r)| (i, r.unwrap())).collect(); r.sort(); r",
    "nothing": "HERE.map(0..0u64, |x| x)?",
}


@pytest.mark.parametrize("name", SAME)
def test_one_word_changes(k, name):
    here = k.ok(SAME[name].replace("HERE", "threads()"))
    # the module of the same name stays reachable from a variable called cluster
    there = k.ok(SAME[name].replace("HERE", "cluster"))
    assert there == here


def test_items_of_earlier_cells_travel(k):
    k.ok("fn price(seed: u64) -> f64 { (seed as f64).sqrt() }")
    k.run("cluster.map(0..3u64, |s| price(s))?").result("[0.0, 1.0, 1.4142135623730951]").until().idle()
    k.run("cluster.map(0..3u64, price)?").result("[0.0, 1.0, 1.4142135623730951]").until().idle()
    k.ok("fn price(seed: u64) -> f64 { seed as f64 * 10.0 }")
    k.run("cluster.map(0..3u64, |s| price(s))?").result("[0.0, 10.0, 20.0]").until().idle()


def test_types_of_the_user_travel(k):
    k.ok("use serde::{Serialize, Deserialize}; #[derive(Debug, Clone, Serialize, Deserialize)] struct Particle { x: f64, name: String }")
    k.ok('let particles = vec![Particle { x: 1.0, name: "a".into() }, Particle { x: 2.0, name: "ä".into() }];')
    k.run("cluster.map(&particles, |p| Particle { x: p.x * 2.0, name: format!(\"{}!\", p.name) })?").result(
        '[Particle { x: 2.0, name: "a!" }, Particle { x: 4.0, name: "ä!" }]'
    ).idle()


def test_a_dependency_travels(k, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "mine"\nversion = "0.1.0"\nedition = "2021"\n')
    (tmp_path / "src/lib.rs").write_text("pub fn triple(x: u64) -> u64 { 3 * x }\n")
    k.ok(f':dep mine = {{ path = "{tmp_path}" }}', timeout=300)
    k.run("cluster.map(0..3u64, |x| mine::triple(x))?").result("[0, 3, 6]").until().idle()


def test_a_closure_of_an_earlier_cell(k):
    k.run("let cube = |x: u64| x * x * x; let next = |x: u64| cube(x) + 1;").idle()
    k.run("cluster.map(0..4u64, cube)?").result("[0, 1, 8, 27]").until().idle()
    k.run("cluster.map(0..4u64, next)?").result("[1, 2, 9, 28]").until().idle()


def test_results_of_megabytes(k):
    k.run("let big = cluster.map(0..4u64, |i| vec![i as f64; 1_000_000])?; big.iter().map(|v| v.iter().sum::<f64>()).sum::<f64>()").until(
        "execute_result"
    ).result("6000000.0").until().until().idle()


def test_inputs_of_megabytes(k):
    k.run("let xs: Vec<f64> = (0..2_000_000).map(f64::from).collect(); cluster.map(par::chunks(&xs, 500_000), |c| c.len())?").until(
        "execute_result"
    ).result("[500000, 500000, 500000, 500000]").until().until().idle()


def test_a_panic_is_the_tasks_own(k):
    story = k.run('cluster.map(0..10u64,\n    |i| { assert!(i != 7, "no sevens"); i })?')
    story.until("error").error(None, "task 7 panicked on worker", "no sevens").until().idle()
    assert re.search(r"\[\d+\]:2:\d+", story.printed()), story.told
    # worker and cluster live
    k.run("cluster.map(0..2u64, |x| x)?").result("[0, 1]").until().idle()


@pytest.mark.parametrize("closure", ["|i| i + outside", "move |i| i + outside"])
def test_a_closure_that_captures_gets_advice(k, closure):
    story = k.run(f"let outside = 5u64;\ncluster.map(0..10u64, {closure})?")
    story.until("error").error(None, "cannot use variables of the notebook", "map_with(&").idle()
    assert re.search(r"\[\d+\]:2:", story.text_of(story.failed)), story.text_of(story.failed)


def test_lines_of_tasks_appear_with_their_worker(k):
    story = k.run('cluster.quiet().for_each(0..4u8, |i| { println!("task {i}"); std::thread::sleep(std::time::Duration::from_millis(300)) })?;')
    story.finish()
    assert sorted(re.findall(r"^\[worker \d\] task (\d)$", story.printed(), re.M)) == list("0123"), story.printed()


def test_a_flood_of_lines_is_bounded(k):
    story = k.run('cluster.quiet().for_each(0..2u8, |_| { for i in 0..100_000 { println!("line {i}") } std::thread::sleep(std::time::Duration::from_millis(300)) })?;')
    story.finish()
    assert 100 < story.printed().count("\n") < 1000 and "more lines" in story.printed(), story.printed()[-500:]


def test_progress_counts_calls_inside_batches(k):
    story = k.run("let r = cluster.message(\"naps\").map(0..30u64, |_| std::thread::sleep(std::time::Duration::from_millis(100)))?;")
    story.finish()
    shown = [m.content["data"]["text/plain"] for m in story.told if "display_data" in m.type]
    assert any("naps" in text and "2 workers" in text for text in shown), shown
    assert "30/30" in shown[-1], shown[-1]


def test_results_stay_and_python_reads_them(k):
    k.ok("let parts = cluster.persist(0..3u64, |i| vec![i as f64 + 0.5; 4])?;")
    k.run("let sums = parts.iter().map(|p| cluster.submit(p, |v| v.iter().sum::<f64>())).collect::<Result<Vec<_>, _>>()?; cluster::gather(sums)?").until(
        "execute_result"
    ).result("[2.0, 6.0, 10.0]").until().until().idle()
    k.ok('cluster.publish("second part", &parts[1])?;')
    address = k.ok("cluster.status()?.address().to_string()").strip('"')
    code = f"from distributed import Client\nwith Client('{address}') as c: a = c.get_dataset('second part').result(); print(type(a).__name__, a.dtype, a.tolist())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "ndarray float64 [1.5, 1.5, 1.5, 1.5]", done.stdout + done.stderr


def test_a_future_can_be_cancelled(k, tmp_path):
    """Its task, which would run for ten minutes, is told, and ends; the worker takes others then."""
    nap = "for _ in 0..60_000 { std::thread::sleep(std::time::Duration::from_millis(10)); if ferrolab::rt::interrupted() { break } }"
    k.ok(f'let long = cluster.submit("{tmp_path}".to_string(), |f| {{ std::fs::write(format!("{{f}}/begun"), "").unwrap(); {nap} std::fs::write(format!("{{f}}/ended"), "").unwrap(); }})?;')
    k.wait((tmp_path / "begun").exists, "begin of the task")
    k.run("long.is_done()?").result("false").until().idle()
    assert not (tmp_path / "ended").exists()
    k.ok("long.cancel()?;")
    k.wait((tmp_path / "ended").exists, "end of the task", 20)
    k.run("long.is_done()?").fails("E0425")
    k.run("cluster.map(0..4u64, |x| x)?").result("[0, 1, 2, 3]").until().idle()


def test_the_card(k):
    story = k.run("cluster")
    data = story.until("execute_result")._take("execute_result").content["data"]
    story.idle()
    assert "2 with 2 threads" in data["text/plain"]
    assert re.search(r'href="/proxy/\d+/status"', data["text/html"]), data["text/html"]
    assert "memory" in data["text/html"]


def test_status_and_logs(k):
    k.run("(cluster.status()?.workers(), cluster.count()?)").result("(2, 2)").until().idle()
    assert k.ok("cluster.logs()?.len()") == "2"


def test_a_failing_cell_does_not_close_the_cluster(k):
    k.run("let moved = cluster; drop(moved); panic!(\"after\")").fails("panic", "after")
    k.run("cluster.map(0..2u64, |x| x)?").result("[0, 1]").until().idle()


def test_mistakes_are_explained(k):
    for code, words in {
        'Cluster::connect("tcp://127.0.0.1:1")?': ["127.0.0.1:1"],
        'Cluster::client("no_such_module:f")?': ["no_such_module"],
        'Cluster::client("nonsense")?': ["module:function"],
        "Cluster::local(0)?": ["at least one worker"],
        "cluster.adapt(3, 1)?": ["minimum"],
        'Cluster::connect_tls("tls://127.0.0.1:1", "/none", "/none", "/none")?': ["/none"],
    }.items():
        k.run(code, timeout=60).until("error").error(None, *words).until().idle()


def test_a_python_without_dask_is_named(start, tmp_path):
    bare = tmp_path / "python3"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    kernel = start(FERROLAB_PYTHON=str(bare))
    kernel.run("Cluster::local(1)?").until("error").error(None, "pip install distributed", str(bare)).until().idle()
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\necho 2021.1.0\n")
    old.chmod(0o755)
    kernel.run(f':env FERROLAB_PYTHON={old}\nCluster::local(1)?').until("error").error(None, "2021.1.0", "2024.8").until().idle()


def test_closing_leaves_nothing(start):
    kernel = start(**PYTHON)
    kernel.ok("let c = Cluster::local(2)?;")
    runner_tree = set(process.tree(kernel.process.pid))
    assert len(runner_tree) > 5, process.command_lines(kernel.process.pid)
    kernel.ok("c.close()?;")
    kernel.wait(lambda: not any("spawn_main" in line for line in process.command_lines(kernel.process.pid).values()), "end of the workers", 20)
    kernel.run("c").fails("E0425")
