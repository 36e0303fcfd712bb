"""Dependencies: `:dep` in all its forms, one instance of globals, a shared cache, clear errors."""

import pathlib
import time

import pytest

from support import process

LONG = 300


def toml(path: pathlib.Path, name: str, body: str) -> pathlib.Path:
    """A crate of the test's own, so that most tests here need no registry."""
    folder = path / name
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n[features]\nextra = []\n')
    (folder / "src/lib.rs").write_text(body)
    return folder


@pytest.mark.parametrize(
    "text, code, result",
    [
        ('itoa = "1"', 'itoa::Buffer::new().format(5).to_string()', '"5"'),
        (":dep fnv@1", "fnv::FnvHashMap::<u8, u8>::default().len()", "0"),
        ("either", "either::Either::<u8, u8>::Left(1).is_left()", "true"),
        ('smallvec = { version = "1", features = ["union"] }', "smallvec::SmallVec::<[u8; 4]>::new().len()", "0"),
        ('semver = { version = "1", default_features = false }', "semver::Version::new(1, 2, 3).minor", "2"),
    ],
)
def test_forms(k, text, code, result):
    k.ok(text if text.startswith(":") else f":dep {text}", timeout=LONG)
    k.run(code).result(result).idle()


def test_several_lines_and_code_in_one_cell(k):
    k.run(':dep itoa = "1"\n:dep fnv = "1"\nuse fnv::FnvHashSet;\nFnvHashSet::<i32>::default().len()', timeout=LONG).until("execute_result", "error").result("0").idle()


def test_toml_table(k):
    k.ok(':dep cfg-if = """1""" ', timeout=LONG)
    k.ok('%%dep\n[dependencies]\nfnv = "1"\n\n[dependencies.scopeguard]\nversion = "1"\n', timeout=LONG)
    k.run("cfg_if::cfg_if! { if #[cfg(unix)] { const OF_TABLE: usize = 1; } else { const OF_TABLE: usize = 2; } }").idle()
    k.run("scopeguard::ScopeGuard::into_inner(scopeguard::guard(4, |_| ())) + fnv::FnvHashSet::<u8>::default().len() + OF_TABLE").result("5").idle()


def test_a_toml_table_without_its_line_is_told_as_rust(k):
    k.run('[dependencies]\nscopeguard = "1"').fails("error", "expected `;`", "]:1:15")


def test_path(k, tmp_path):
    folder = toml(tmp_path, "by-path", 'pub fn answer() -> i32 { 42 } #[cfg(feature = "extra")] pub fn more() -> i32 { 43 }')
    k.ok(f':dep by-path = {{ path = "{folder}", features = ["extra"] }}', timeout=LONG)
    k.run("by_path::answer() + by_path::more()").result("85").idle()


def test_macros_and_types_of_a_dependency(k, tmp_path):
    folder = toml(
        tmp_path,
        "with-macro",
        "#[macro_export] macro_rules! triple { ($x:expr) => { $x * 3 } }\n#[derive(Debug, Clone)] pub struct Kept { pub n: u64 }\n",
    )
    k.ok(f':dep with-macro = {{ path = "{folder}" }}', timeout=LONG)
    k.run("use with_macro::{triple, Kept}; let kept_dep = Kept { n: triple!(7) };").idle()
    k.run("kept_dep.clone().n").result("21").idle()


def test_derive_from_a_dependency(k):
    k.ok(':dep serde = { version = "1", features = ["derive"] }\n:dep serde_json = "1"', timeout=LONG)
    k.run("#[derive(serde::Serialize, serde::Deserialize, Debug)] struct Row { id: u32, name: String }").idle()
    k.run('serde_json::to_string(&Row { id: 1, name: "ä".into() })?').result(r'"{\"id\":1,\"name\":\"ä\"}"').idle()
    k.run('let row: Row = serde_json::from_str("{\\"id\\": 5, \\"name\\": \\"x\\"}")?; row.id').result("5").idle()


def test_one_instance_of_globals(k):
    """A logger set up in one cell is the one that a later cell logs to."""
    k.ok(':dep log = "0.4"\n:dep env_logger = { version = "0.11", default-features = false }', timeout=LONG)
    k.run("env_logger::Builder::new().filter_level(log::LevelFilter::Info).init();").until().idle()
    k.run('log::info!("logged later"); log::debug!("too fine");').says("logged later")
    k.run("log::max_level()").result("Info").idle()


def test_own_globals_are_one_instance(k, tmp_path):
    folder = toml(
        tmp_path,
        "counter-crate",
        "use std::sync::atomic::{AtomicU32, Ordering};\nstatic N: AtomicU32 = AtomicU32::new(0);\npub fn next() -> u32 { N.fetch_add(1, Ordering::SeqCst) + 1 }",
    )
    k.ok(f':dep counter-crate = {{ path = "{folder}" }}', timeout=LONG)
    for n in (1, 2, 3):
        k.run("counter_crate::next()").result(str(n)).idle()


def test_tokio_changes_nothing_that_is_loaded(k):
    """Its macros need more of syn than serde's; built anew, those would be others, and so would all that uses them."""
    k.ok("let before_tokio = vec![1, 2, 3];")
    k.ok(':dep tokio = { version = "1", features = ["rt", "rt-multi-thread", "time", "macros"] }', timeout=LONG)
    k.run("before_tokio.len()").result("3").idle()
    k.run("tokio::time::sleep(std::time::Duration::from_millis(20)).await; 5").result("5").idle()
    k.run("let task = tokio::spawn(async { tokio::time::sleep(std::time::Duration::from_millis(50)).await; 8 }); tokio::task::yield_now().await;").until().idle()
    k.run("task.await?").result("8").idle()


POPULAR = [
    'thiserror = "2"',
    'clap = { version = "4", features = ["derive"] }',
    'futures = "0.3"',
    'async-trait = "0.1"',
    'nalgebra = "0.34"',
    'statrs = "0.18"',
    'argmin = "0.11"',
    'url = "2"',
    'geo = "0.30"',
    'plotly = { version = "0.14", default-features = false }',
    'image = { version = "0.25", default-features = false, features = ["png"] }',
    'ndarray = { version = "0.17", features = ["serde"] }',
    'num-complex = { version = "0.4", features = ["serde"] }',
    'bytemuck = { version = "1", features = ["derive"] }',
]


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_popular_crates_change_nothing_that_is_loaded(start):
    """Each with the features that it asks for in what every session has; before, half of them made a new runner, without variables."""
    kernel = start(timeout=900)
    kernel.ok("let kept = vec![1, 2, 3];")
    for dependency in POPULAR:
        story = kernel.run(f":dep {dependency}", timeout=900).until()
        story.idle()
        assert "other features" not in story.everything(), f"{dependency}: {story.everything()}"
        kernel.run("kept.len()").result("3").idle()


def test_rand(k):
    k.ok(':dep rand = "0.9"', timeout=LONG)
    k.run("use rand::{Rng, SeedableRng}; let mut rng = rand::rngs::StdRng::seed_from_u64(1);").idle()
    k.run("let drawn: f64 = rng.random(); (0.0..1.0).contains(&drawn)").result("true").idle()


@pytest.mark.parametrize(
    "text, code, result",
    [
        (':dep ndarray = "0.17"', "use ndarray::prelude::*; par::map(par::rows(&Array2::<f64>::ones((2, 3))), |row| row.sum())", "[3.0, 3.0]"),
        (':dep rayon = "1"', "use rayon::prelude::*; (0..10).into_par_iter().progress().sum::<i32>()", "45"),
        # with the features that it has by default everything is built anew, which takes minutes
        pytest.param(':dep plotters = "0.3"', "use plotters::prelude::*; plot::figure((200, 100), |root| { root.fill(&WHITE)?; Ok(()) })?.svg().len() > 100", "true", marks=pytest.mark.long),
        (':dep serde = { version = "1", features = ["derive"] }', "#[derive(serde::Serialize, Debug)] struct OfSerde { a: i32 }\nOfSerde { a: 1 }.a", "1"),
    ],
)
def test_what_is_there_anyway_can_be_asked_for(k, text, code, result):
    k.ok("let before_asking = 5;")
    asked = k.run(text, timeout=LONG).until()
    asked.idle()
    k.run(code).until("execute_result", "error").result(result).until().idle()
    if "plotters" in text:
        # a crate that was loaded, with other features: the runner is a new one
        assert "before_asking" in asked.everything(), asked.everything()
        k.run("before_asking").fails("E0425")
    else:
        k.run("before_asking").result("5").idle()


def test_another_version_of_ndarray_than_the_helpers(start):
    k = start()
    k.ok("let before = 5;")
    k.ok(':dep ndarray = "0.16"', timeout=LONG)
    k.run("use ndarray::prelude::*; let old = Array2::<f64>::ones((3, 4)); old.sum()").result("12.0").idle()
    k.run("old").until("execute_result").result(matches="shape=.3, 4.").idle()
    # the helpers' own is beside it, and slices go between them
    k.run("par::sum(old.as_slice().unwrap())").result("12.0").idle()
    k.run("let new = ferrolab::ndarray::Array2::from_shape_vec((3, 4), old.iter().copied().collect())?; par::map(par::rows(&new), |row| row.sum())").result("[4.0, 4.0, 4.0]").idle()
    story = k.run("par::map(par::rows(&old), |row| row.sum())").fails("E0308", "two versions of `ndarray`", "`ferrolab::ndarray`")
    assert "cargo tree" not in story.everything() + story.text_of(story.failed)
    k.run("before").result("5").idle()


# each of them compiles for half a minute or more
@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "text, code, result",
    [
        ('tokio = { version = "1", features = ["full"] }', "tokio::fs::read(\"/dev/null\").await?.len()", "0"),
        ('rusqlite = { version = "0.37", features = ["bundled"] }', 'rusqlite::Connection::open_in_memory()?.query_row("select 6 * 7", [], |row| row.get::<_, i64>(0))?', "42"),
        ('polars = { version = "0.51", default-features = false, features = ["fmt"] }', "use polars::prelude::*; df!(\"a\" => [1, 2, 3])?.height()", "3"),
    ],
)
def test_big(start, text, code, result):
    kernel = start(timeout=1200)
    kernel.ok(f":dep {text}", timeout=1200)
    kernel.run(code, timeout=120).until("execute_result", "error").result(result).idle()


def test_rayon_as_a_dependency_too(k):
    k.ok(':dep rayon = "1"', timeout=LONG)
    k.run("use rayon::prelude::*; (0..1000u64).into_par_iter().sum::<u64>()").result("499500").idle()


def test_variables_survive_a_new_dependency(k, tmp_path):
    k.run("let older = vec![1, 2, 3]; fn older_fn() -> i32 { 9 }").idle()
    folder = toml(tmp_path, "later-crate", "pub fn f() -> i32 { 1 }")
    k.ok(f':dep later-crate = {{ path = "{folder}" }}', timeout=LONG)
    k.run("older.len() as i32 + older_fn() + later_crate::f()").result("13").idle()


def test_progress_while_building(start, tmp_path):
    folder = toml(tmp_path, "slow-crate", "pub fn f() -> i32 { 1 }")
    (folder / "build.rs").write_text("fn main() { std::thread::sleep(std::time::Duration::from_secs(1)); }")
    story = start().run(f':dep slow-crate = {{ path = "{folder}" }}\nslow_crate::f()', timeout=LONG)
    story.until("execute_result", "error")
    shown = story.everything()
    story.result("1").idle()
    assert "slow-crate" in shown, shown


def test_shared_cache_across_sessions(start, tmp_path):
    folder = toml(tmp_path, "shared-crate", "pub fn f() -> i32 { 77 }")
    times = []
    for _ in range(2):
        kernel = start()
        begun = time.monotonic()
        kernel.ok(f':dep shared-crate = {{ path = "{folder}" }}', timeout=LONG)
        kernel.run("shared_crate::f()").result("77").idle()
        times.append(time.monotonic() - begun)
        kernel.close()
    print("first and second session:", times)
    assert times[1] < times[0], times


@pytest.mark.parametrize(
    "text, words",
    [
        (':dep no-such-crate-ferrolab-tests = "1"', ["no-such-crate-ferrolab-tests"]),
        (':dep itoa = "999"', ["itoa", "999"]),
        (':dep itoa = { version = "1", features = ["no-such-feature"] }', ["no-such-feature"]),
        (':dep itoa = { path = "/no/such/folder" }', ["/no/such/folder"]),
        (":dep itoa = ", ["itoa"]),
        (":dep = 5", ["is not a dependency", '`:dep serde = "1"`']),
        (":dep", [":dep needs a crate"]),
    ],
)
def test_errors_are_clear(k, text, words):
    story = k.run(text, timeout=LONG).fails(None, *words)
    assert "/tmp/.tmp" not in story.everything()
    k.run("1 + 1").result("2").idle()


def test_a_wrong_feature_names_the_nearest(k):
    k.run(':dep serde = { version = "1", features = ["deriv"] }', timeout=LONG).fails(None, "deriv", "derive")


def test_a_crate_that_does_not_compile(k, tmp_path):
    folder = toml(tmp_path, "broken-crate", "pub fn f() -> i32 { true }")
    k.run(f':dep broken-crate = {{ path = "{folder}" }}', timeout=LONG).fails(None, "mismatched types")
    k.run("1 + 1").result("2").idle()
    (folder / "src/lib.rs").write_text("pub fn f() -> i32 { 6 }")
    k.ok(f':dep broken-crate = {{ path = "{folder}" }}', timeout=LONG)
    k.run("broken_crate::f()").result("6").idle()


def test_offline_when_the_crates_are_there(start):
    first = start()
    first.ok(':dep itoa = "1"', timeout=LONG)
    first.close()
    offline = start(CARGO_NET_OFFLINE="true", http_proxy="http://127.0.0.1:9", https_proxy="http://127.0.0.1:9")
    offline.ok(':dep itoa = "1"', timeout=60)
    offline.run("itoa::Buffer::new().format(6).to_string()").result('"6"').idle()


def test_interrupt_while_building(start, tmp_path):
    kernel = start()
    folder = toml(tmp_path, "endless-crate", "")
    (folder / "build.rs").write_text("fn main() { std::thread::sleep(std::time::Duration::from_secs(600)); }")
    kernel.ok("let kept = 3;")
    story = kernel.run(f':dep endless-crate = {{ path = "{folder}" }}', timeout=LONG).begin()

    def building():
        return [line for line in process.command_lines(kernel.process.pid).values() if "build-script" in line and "endless" in line]

    kernel.wait(building, "build script", 60)
    kernel.interrupt()
    story.fails("Interrupted")
    assert not building(), "the build goes on"
    kernel.run("kept").result("3").idle()
