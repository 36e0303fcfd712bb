"""Measuring in cells: %%timeit, %%scaling, %%bench, the footer, and the threads that cells use."""

import re
import time

import pytest

LONG = 300
SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
SPIN = "let t = std::time::Instant::now(); while t.elapsed().as_millis() < %d {}"


def shown(story) -> dict:
    """The data of the one rich display of a cell."""
    displays = [m.content["data"] for m in story.told if m.type == "display_data"]
    with_figure = [d for d in displays if "<svg" in d.get("text/html", "")]
    assert len(with_figure) == 1, story.everything()
    return with_figure[0]


def per_loop(text: str) -> float:
    """Seconds per loop, from the first line."""
    found = re.match(r"([\d.]+) (ns|µs|ms|s)\b.* per loop", text)
    assert found, text
    return float(found[1]) * SECONDS[found[2]]


# -- %%timeit --------------------------------------------------------------------------------------


def test_timeit_shows_text_and_a_figure(k):
    k.run("let timed_v: Vec<f64> = (0..10_000).map(f64::from).collect();").idle()
    data = shown(k.run("%%timeit\n// the sum of a variable of an earlier cell\ntimed_v.iter().sum::<f64>()").until().idle())
    text = data["text/plain"]
    assert 1e-7 < per_loop(text) < 1e-2, text
    for word in ("slope of 40 batches", "95 % interval", "median", "MAD", "standard deviation", "outliers"):
        assert word in text, text
    assert "per loop" in data["text/html"].split("<svg")[1], "the figure names its axis"


def test_timeit_measures_what_it_says(k):
    data = shown(k.run("%%timeit -r 5 -n 1\nstd::thread::sleep(std::time::Duration::from_millis(20))").until().idle())
    assert 0.02 <= per_loop(data["text/plain"]) < 0.2, data["text/plain"]
    assert "median of 5 runs, 1 loop each" in data["text/plain"]


def test_changes_to_variables_stay_and_bindings_do_not(k):
    k.run("let mut timed_n = 0u64; let timed_w = 1;").idle()
    k.run("%%timeit -n 10 -r 3\nuse std::fmt::Write as _;\nfn inner() -> u64 { 1 }\nlet timed_w = inner();\ntimed_n += timed_w;").until().idle()
    k.run("timed_n").result("30").idle()
    k.run("timed_w").result("1").idle()
    k.run("inner()").fails("E0425")


def test_a_panic_in_the_body_changes_nothing(k):
    k.run("let mut timed_p = 0;").idle()
    story = k.run("%%timeit -n 5 -r 2\ntimed_p += 1;\nif timed_p > 7 { panic!(\"the eighth\") }")
    story.fails("panic", "the eighth", ":3:", "variables are as they were before the cell")
    k.run("timed_p").result("0").idle()


def test_a_question_mark_in_the_body(k):
    k.run('%%timeit\nlet x: i32 = "4x".parse()?;\nx').fails("ParseIntError", "invalid digit", "from `?`")
    k.run("#[derive(Debug)] struct Plain; fn plain(ok: bool) -> Result<u8, Plain> { if ok { Ok(1) } else { Err(Plain) } }").idle()
    k.run("%%timeit\nplain(false)?").fails("Plain")
    shown(k.run("%%timeit -n 2 -r 4\nplain(true)?").until().idle())


def test_moving_a_variable_gets_advice(k):
    k.run("let timed_s = String::from(\"x\");").idle()
    story = k.run("%%timeit\nlet n = 1;\nlet t = timed_s;\nt.len() + n").fails("E0507", "]:3:9", "timed_s.clone()")
    text = story.text_of(story.failed)
    for word in ("ferrolab::", "black_box", "__ferrolab", "|| ->"):
        assert word not in text, f"generated code in:\n{text}"
    k.run("timed_s").result('"x"').idle()


@pytest.mark.parametrize(
    "code, name, place",
    [
        ("%%timeit\nlet a = ;\na", "error", "]:2:9"),
        ("%%timeit\nlet a = 1;\nno_such(a)", "E0425", "]:3:1"),
        ("%timeit no_such_either()", "E0425", "]:1:9"),
        (":vars\n  %timeit -n 3 1u8 + 1u16", "E0277", "]:2:20"),
    ],
)
def test_errors_of_rustc_are_on_the_user_s_lines(k, code, name, place):
    story = k.run(code).fails(name if name != "error" else None, place)
    assert "ferrolab::timing" not in story.text_of(story.failed), story.text_of(story.failed)


def test_timeit_on_one_line(k):
    k.run("let line_v = vec![1.5f64; 100];").idle()
    data = shown(k.run("%timeit -n 100 -r 5 line_v.iter().sum::<f64>()").until().idle())
    assert "median of 5 runs, 100 loops each" in data["text/plain"]
    story = k.run("%timeit -n 1 -r 3 line_v.len()\nline_v.len()").until("execute_result").result("100").idle()
    shown(story)


@pytest.mark.parametrize(
    "code, texts",
    [
        ("%%timeit -q\n1", ("no option `-q`", "-n LOOPS", "-r BATCHES")),
        ("%%timeit -n many\n1", ("-n takes a number", "`many`")),
        ("%%timeit -n 0\n1", ("-n takes a number", "`0`")),
        ("%%timeit x + 1", ("%timeit x + 1",)),
        ("%%timeit", ("there is none",)),
        ("%timeit", ("needs an expression",)),
        ("let before = 1;\n%%timeit\nbefore", ("put the lines above",)),
        ("%%timeit\n%%scaling\n1", ("in one way",)),
        ("%%timeit\nasync { 1 }.await", (".await", "closure")),
        ("%%scaling 1,0\n1", ("numbers of threads from 1", "`0`")),
        ("%%scaling two\n1", ("`two`",)),
        ("%%scaling\n", ("there is none",)),
        ("%%bench one\nfn one() {}", ("two names",)),
        ("%%bench one 1+1\nfn one() {}", ("`1+1`",)),
        ("%%timeti\n1", ("%%timeit",)),
    ],
)
def test_wrong_uses_are_named(k, code, texts):
    k.run(code).fails("Directive", *texts)


def test_what_was_computed_beforehand_is_told(k):
    data = shown(k.run("%%timeit\n(1..=10u64).sum::<u64>()").until().idle())
    assert "black_box" in data["text/plain"], data["text/plain"]


def test_no_bars_while_a_body_is_measured(k):
    story = k.run("%%timeit -n 1 -r 2\npar::map(0..8, |_| std::thread::sleep(std::time::Duration::from_millis(100))).len()").until().idle()
    assert [m.type for m in story.told] == ["display_data"], story.everything()


def test_timeit_can_be_interrupted(k, tmp_path):
    k.run("let mut kept_after = 5;").idle()
    story = k.run(f'%%timeit\nkept_after += 1;\nstd::fs::write("{tmp_path}/begun", "").unwrap();\nstd::thread::sleep(std::time::Duration::from_millis(200));').begin()
    k.wait((tmp_path / "begun").exists, "begin of the body")
    asked = time.monotonic()
    k.interrupt(timeout=5)
    story.fails("Interrupted")
    assert time.monotonic() - asked < 3
    k.run("kept_after").result("5").idle()


def test_timeit_under_time_and_capture(k):
    story = k.run("%%time\n%%timeit -n 1 -r 3\n1 + 1").says("per loop", "compile", "CPU")
    assert story.everything().count("per loop") >= 1
    assert "per loop" not in k.run("%%capture\n%%timeit -n 1 -r 3\n1 + 1").until().idle().everything()


def test_the_api_under_it(k):
    k.run("let t = timing::timeit_with(timing::Options::default().loops(3).repeats(4), || 1 + 1);").idle()
    k.run("(t.samples.len(), t.loops())").result("(4, 12)").idle()
    k.run("t").until("execute_result").result(matches="per loop").idle()


# -- %%scaling -------------------------------------------------------------------------------------


def test_scaling_uses_as_many_threads_as_it_says(k):
    k.run("use std::sync::Mutex; let seen: Mutex<std::collections::BTreeSet<usize>> = Mutex::default();").idle()
    story = k.run("%%scaling 1,2,4\nseen.lock().unwrap().insert(threads().count());\npar::quiet().for_each(0..64u64, |_| { std::hint::black_box((0..20_000u64).fold(0, |a, b| a ^ b)); });")
    data = shown(story.until().idle())
    text = data["text/plain"]
    assert [line.split()[0] for line in text.splitlines()[1:4]] == ["1", "2", "4"], text
    assert "Amdahl" in text and "speed-up" in text and "efficiency" in text, text
    assert "4 threads are more than the" in text, text
    assert data["text/html"].count("<svg") == 2 and "<table>" in data["text/html"] and "ideal" in data["text/html"]
    k.run("seen.lock().unwrap().iter().copied().collect::<Vec<_>>()").result("[1, 2, 4]").idle()


def test_scaling_of_rayon_itself(k):
    story = k.run("%%scaling 3\nassert_eq!(rayon::broadcast(|_| std::thread::current().id()).iter().collect::<std::collections::HashSet<_>>().len(), 3);")
    text = shown(story.until().idle())["text/plain"]
    assert text.splitlines()[1].split()[0] == "3" and "Amdahl" not in text, text
    k.run("rayon::current_num_threads() == threads().count()").result("true").idle()


def test_scaling_of_serial_work_names_it(k):
    text = shown(k.run("%%scaling 1,2\nstd::thread::sleep(std::time::Duration::from_millis(50))").until().idle())["text/plain"]
    assert "is there parallel work in this cell?" in text or "more threads make it slower" in text, text


def test_scaling_of_sleeping_tasks_is_ideal(k):
    """Sleeping tasks need no cores, so this holds on any machine."""
    body = "par::quiet().for_each(par::items(0..8), |_| std::thread::sleep(std::time::Duration::from_millis(25)));"
    text = shown(k.run(f"%%scaling 1,2,4\n{body}").until().idle())["text/plain"]
    speedups = [float(re.split(r"  +", line.strip())[2]) for line in text.splitlines()[1:4]]
    assert speedups[1] > 1.6 and speedups[2] > 2.8, text


def test_scaling_defaults_to_what_was_granted(start):
    kernel = start(RAYON_NUM_THREADS="1")
    text = shown(kernel.run("%%scaling\nstd::hint::black_box(1)").until().idle())["text/plain"]
    assert text.splitlines()[1].split()[0] == "1", text


def test_scaling_refuses_what_cannot_go_to_another_thread(k):
    k.run("let only_here = std::rc::Rc::new(5);").idle()
    story = k.run("%%scaling\n*only_here").fails("E0277", "]:2:1", "`Arc` instead of `Rc`")
    assert "timing::cell" not in story.text_of(story.failed)


def test_a_panic_on_another_pool_is_a_panic_of_the_cell(k):
    k.run("%%scaling 1,2\nlet v = vec![1];\npar::map(0..4usize, |i| v[i])").fails("panic", "index out of bounds", ":3:")
    k.run("1 + 1").result("2").idle()


@pytest.mark.parametrize("body", ["par::for_each(0..100_000, |_| std::thread::sleep(std::time::Duration::from_millis(5)));", SPIN % 60_000])
def test_scaling_can_be_interrupted(k, tmp_path, body):
    k.run("let kept_by_scaling = 6;").idle()
    story = k.run(f'%%scaling 1,2\nstd::fs::write("{tmp_path}/begun", "").unwrap();\n{body}').begin()
    k.wait((tmp_path / "begun").exists, "begin of the body")
    started = time.monotonic()
    k.interrupt(timeout=5)
    story.fails("Interrupted")
    assert time.monotonic() - started < 3
    k.run("kept_by_scaling").result("6").idle()


# -- %%bench ---------------------------------------------------------------------------------------


def test_bench_tells_what_is_faster(k):
    k.run("fn work(n: u32) -> f64 { (0..std::hint::black_box(n)).map(|i| f64::from(i).sqrt()).sum() }\nfn short() -> f64 { work(100) }").idle()
    k.run("fn long() -> f64 { work(1000) }").idle()
    data = shown(k.run("%%bench long short").until().idle())
    found = re.search(r"short is ([\d.]+) times as fast as long \(95 % interval ([\d.]+) to ([\d.]+)\)", data["text/plain"])
    assert found, data["text/plain"]
    assert 4 < float(found[1]) < 25 and float(found[2]) <= float(found[1]) <= float(found[3]), found[0]
    assert "long" in data["text/html"].split("<svg")[1]


def test_bench_of_the_same_finds_no_difference(k):
    """Both sleep, so that a busy machine does not matter; a difference of 20 % would be a wrong answer."""
    body = "fn nap() { std::thread::sleep(std::time::Duration::from_millis(5)) }"
    text = shown(k.run(f"%%bench nap nap()\n{body}").until().idle())["text/plain"]
    found = re.search(r"ratio ([\d.]+),|takes ([\d.]+) times|is ([\d.]+) times", text)
    assert found and 0.8 < float(next(g for g in found.groups() if g)) < 1.25, text


def test_bench_of_closures_and_calls_of_the_cell(k):
    k.run("let bench_v: Vec<u64> = (0..1000).collect(); let boxed: Box<dyn Fn() -> u64> = Box::new(|| 1);").idle()
    code = "%%bench sum_of boxed sum_to(10)\nlet sum_of = || bench_v.iter().sum::<u64>();\nlet sum_to = |n: usize| bench_v[..n].iter().sum::<u64>();"
    text = shown(k.run(code).until().idle())["text/plain"]
    assert all(name in text for name in ("sum_of ", "boxed ", "sum_to(10) ")), text
    k.run("boxed()").result("1").idle()


def test_bench_errors_are_on_the_line_of_the_directive(k):
    k.run("fn takes_one(x: u8) -> u8 { x }").idle()
    k.run("%%bench not_there takes_one(1)").fails("E0425", "]:1:9", "%%bench not_there takes_one(1)")
    k.run("%%bench takes_one(1) takes_one").fails("E0061", "]:1:22")


# -- footer and threads ----------------------------------------------------------------------------


def test_the_footer_names_everything(start):
    kernel = start()
    kernel.ok(":timing on")
    text = kernel.run("let footer_v = vec![1u8; 200_000_000]; footer_v.len()").says("200000000").everything()
    found = re.search(r"compile .*, run .*, CPU .*, cores [\d.]+ of \d+, peak memory (\d+) MB( \(of the session\))?, allocations ([\d,]+) \((\d+) MB\)", text)
    assert found, text
    assert int(found[1]) >= 200 and int(found[4]) >= 200, text
    # the peak and the allocations of a cell, not of the session
    text = kernel.run("drop(footer_v); let small = (0..1000u64).map(Box::new).collect::<Vec<_>>(); small.len()").says("1000").everything()
    assert 1000 <= int(re.search(r"allocations ([\d,]+) ", text)[1].replace(",", "")) < 3000, text
    text = kernel.run("1 + 1").says("2").everything()
    found = re.search(r"peak memory ([\d.]+) (MB|kB)", text)
    assert "of the session" in text or float(found[1]) < 150, text
    kernel.ok(":timing off")
    kernel.run("3 + 5").result("8").idle()


def test_allocations_are_counted_after_a_snapshot_took_over(start):
    kernel = start()
    kernel.run("panic!(\"ends this process\")").fails("panic")
    text = kernel.run("%%time\npar::map(0..64usize, |i| Box::new(i)).len()").says("64").everything()
    assert 64 <= int(re.search(r"allocations ([\d,]+) ", text)[1].replace(",", "")) < 2000, text


def test_idle_cores_are_named(k):
    k.ok(":threads 4")
    story = k.run(f"%%time\npar::for_each(0..4, |i| if i == 0 {{ {SPIN % 1500} }});")
    story.says("hint: used", "of 4 cores")
    assert "hint" not in k.run(f"%%time\n{SPIN % 1300}").until().idle().everything(), "serial work is no mistake"
    k.ok(":threads 2")


@pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5", "70000"])
def test_threads_that_are_no_number_are_refused(k, wrong):
    k.run(f":threads {wrong}").fails("Directive", "number from 1", f"`{wrong}`")


def test_more_threads_than_granted_are_allowed_and_named(start):
    kernel = start()
    kernel.run(":threads 64").says("64 threads are more than the")
    kernel.run("rayon::current_num_threads()").result("64").idle()
    kernel.run(":threads").says("64 threads (by :threads;")


@pytest.mark.parametrize(
    "variables, threads, by",
    [
        ({"OMP_NUM_THREADS": "3,2"}, "3", "OMP_NUM_THREADS"),
        ({"OMP_NUM_THREADS": "3", "RAYON_NUM_THREADS": "5"}, "5", "RAYON_NUM_THREADS"),
        ({"SLURM_CPUS_ON_NODE": "1"}, "1", "SLURM_CPUS_ON_NODE"),
        ({"SLURM_CPUS_ON_NODE": "2", "SLURM_CPUS_PER_TASK": "1"}, "1", "SLURM_CPUS_PER_TASK"),
    ],
)
def test_threads_follow_what_was_granted(start, variables, threads, by):
    kernel = start(**variables)
    kernel.run(":threads").says(f"{threads} thread", f"by {by}")
    kernel.run("threads().count()").result(threads).idle()


def test_doctor_says_who_decided(cli):
    assert "limited by SLURM_CPUS_ON_NODE" in cli("doctor", SLURM_CPUS_ON_NODE="1").stdout
    assert "chosen by OMP_NUM_THREADS 3" in cli("doctor", OMP_NUM_THREADS="3").stdout


def test_dependencies_that_call_rayon_run_on_the_cell_s_pool(k, tmp_path):
    folder = tmp_path / "calls-rayon"
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text('[package]\nname = "calls-rayon"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nrayon = "1"\n')
    (folder / "src/lib.rs").write_text(
        "use rayon::prelude::*;\npub fn used() -> (usize, usize) {\n"
        "    let names: std::collections::HashSet<_> = rayon::broadcast(|_| std::thread::current().id()).into_iter().collect();\n"
        "    assert_eq!((0..100u64).into_par_iter().sum::<u64>(), 4950);\n    (rayon::current_num_threads(), names.len())\n}\n"
    )
    k.ok(f':dep calls-rayon = {{ path = "{folder}" }}', timeout=LONG)
    for n in (3, 1, 2):
        k.run(f":threads {n}").until().idle()
        k.run("calls_rayon::used()").result(f"({n}, {n})").idle()
    shown(k.run("%%scaling 4\nassert_eq!(calls_rayon::used(), (4, 4));").until().idle())


def test_new_names_are_completed_and_explained(k):
    for typed, whole in (("%%ti", "%%timeit"), ("%%sc", "%%scaling"), ("%%be", "%%bench")):
        matches = k.ask("complete", code=typed, cursor_pos=len(typed))["matches"]
        assert whole in matches, (typed, matches)
    k.run(":help timeit").says("-n LOOPS", "Variables they change stay changed")
    k.run(":help scaling").says("Amdahl")
    k.run(":help bench").says("ratio")
    assert k.ask("is_complete", code="%%timeit -n 5\nfor i in 0..3 {")["status"] == "incomplete"
    assert k.ask("is_complete", code="%timeit 1 + 1")["status"] == "complete"
