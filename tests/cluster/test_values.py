"""What serde can write and read travels to a cluster and back: also values that have to be told what they are. The same
calls run on threads, where nothing is written."""

import pytest

from support.two_workers import k, shared  # noqa: F401: fixtures

TYPES = [
    # many types, each called once
    ":opt 0",
    ':dep serde_json = "1"',
    "use serde::{Deserialize, Serialize};\n"
    "#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]\nenum Plain { A { x: f64 }, B(Vec<u8>), C }\n"
    "#[derive(Debug, Clone, Serialize, Deserialize)]\n#[serde(untagged)]\nenum Loose { Number(f64), Text(String) }\n"
    '#[derive(Debug, Clone, Serialize, Deserialize)]\n#[serde(tag = "kind")]\nenum Tagged { Circle { r: f64 }, Square { a: f64 } }\n'
    '#[derive(Debug, Clone, Default, Serialize, Deserialize)]\nstruct Sparse { #[serde(default, skip_serializing_if = "Option::is_none")] a: Option<f64>, b: u32, #[serde(default, skip_serializing_if = "Vec::is_empty")] c: Vec<u8> }\n'
    '#[derive(Debug, Clone, Serialize, Deserialize)]\nstruct Flat { id: u8, #[serde(flatten)] rest: std::collections::BTreeMap<String, serde_json::Value> }\n'
    "#[derive(Debug, Clone, Serialize, Deserialize)]\nstruct Lost { #[serde(skip_serializing)] secret: u8, kept: u8 }",
]

# what runs on both places: a call on `on`, and what it shows
BOTH = {
    "enum": ("on.map(0..3u64, |i| match i { 0 => Plain::A { x: f64::NAN }, 1 => Plain::B(vec![1, 2]), _ => Plain::C })?", "[A { x: NaN }, B([1, 2]), C]"),
    "json value": ('on.map(0..2u64, |i| serde_json::json!({ "task": i }))?', '[Object {"task": Number(0)}, Object {"task": Number(1)}]'),
    "untagged": ('on.map(0..2u64, |i| if i == 0 { Loose::Number(1.5) } else { Loose::Text("x".into()) })?', '[Number(1.5), Text("x")]'),
    "tagged": ("on.map(0..2u64, |i| if i == 0 { Tagged::Circle { r: 1.0 } } else { Tagged::Square { a: 2.0 } })?", "[Circle { r: 1.0 }, Square { a: 2.0 }]"),
    "left out": (
        "on.map(0..3u64, |i| Sparse { b: 300 * i as u32, ..Sparse::default() })?",
        "[Sparse { a: None, b: 0, c: [] }, Sparse { a: None, b: 300, c: [] }, Sparse { a: None, b: 600, c: [] }]",
    ),
    "only the last": ("on.map(0..5000usize, |i| if i == 4999 { vec![serde_json::json!([i])] } else { vec![] })?.concat()", "[Array [Number(4999)]]"),
    "i128": ("on.map(0..2u64, |i| (i as i128) << 100)?", "[0, 1267650600228229401496703205376]"),
    "results": ('on.map(0..2u64, |i| if i == 1 { Err(format!("task {i}")) } else { Ok(i) })?', '[Ok(0), Err("task 1")]'),
    "units": ("on.map(0..2u64, |_| ())?.len()", "2"),
    "maps": ("on.map(0..2u64, |i| std::collections::HashMap::from([(i.to_string(), vec![Some(1.5f32), None])]))?", '[{"0": [Some(1.5), None]}, {"1": [Some(1.5), None]}]'),
    "durations": ("on.map(0..2u64, |i| std::time::Duration::from_secs(i))?", "[0ns, 1s]"),
    "tasks": ('on.map(&vec![serde_json::json!(1), serde_json::json!({"a": [2]})], |v| v.is_object())?', "[false, true]"),
    "parameters": ('on.map_with(&Flat { id: 7, rest: [("x".to_string(), serde_json::json!([1.5]))].into() }, 0..2usize, |f, i| f.rest["x"][i].as_f64())?', "[Some(1.5), None]"),
    "accumulators": (
        "on.map_reduce(0..100u64, |i| Sparse { b: i as u32, ..Sparse::default() }, Sparse::default(), |x, y| Sparse { b: x.b + y.b, ..x })?",
        "Sparse { a: None, b: 4950, c: [] }",
    ),
    "futures": (
        'let parts = [on.submit(1u8, |i| serde_json::json!(i))?, on.submit(2u8, |i| serde_json::json!([i, null]))?]; on.submit(cluster::all(&parts), |v| v)?.result()?',
        "[Number(1), Array [Number(2), Null]]",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def types(shared):  # noqa: F811
    for cell in TYPES:
        shared.ok(cell, timeout=300)


@pytest.mark.parametrize("on", ["threads()", "cluster"])
def test_what_serde_can_write_and_read_travels(k, types, on):  # noqa: F811
    # one cell for all: a shown value each
    text = "\n".join(f"{{ let v = {{ {call} }}; println!(\"{{v:?}}\"); }}" for call, _ in BOTH.values())
    story = k.run(f"let on = {on}.clone().quiet();\n{text}", timeout=120)
    story.finish()
    shown = dict(zip(BOTH, story.printed().splitlines(), strict=True))
    assert shown == {name: result for name, (_, result) in BOTH.items()}


@pytest.mark.parametrize("on", ["threads()", "cluster"])
def test_a_panic_with_a_value_that_is_no_text_names_its_task(k, types, on):  # noqa: F811
    k.run(f"{on}.quiet().map(0..4u64, |i| {{ if i == 2 {{ std::panic::panic_any(42i32) }} i }})?").until("error").error(None, "task 2 panicked").until().idle()


def test_what_cannot_be_read_again_is_the_error_of_its_task_at_once(k, types):  # noqa: F811
    story = k.run("cluster.map(0..100u64, |i| { std::thread::sleep(std::time::Duration::from_secs(5 * (i > 0) as u64)); Lost { secret: 1, kept: 2 } })?", timeout=30)
    story.until("error").error(None, "result of task 0 cannot be sent: serde writes a `Lost`, but cannot read it again: missing field `secret`").until().idle()
    k.run("cluster.map_with(&Lost { secret: 1, kept: 2 }, 0..3u8, |p, i| p.kept + i)?").until("error").error(None, "the parameters cannot be sent: serde writes a `", "missing field `secret`").until().idle()
    k.run("cluster.map(vec![Lost { secret: 1, kept: 2 }], |l| l.kept)?").until("error").error(None, "a task cannot be sent: serde writes a `", "missing field `secret`").until().idle()
    k.run("cluster.submit(1u8, |i| Lost { secret: i, kept: i })?.result()?").until("error").error(None, "the result of task 0 cannot be sent: serde writes a `", "missing field `secret`").until().idle()
    # in between other tasks the one that it was
    k.run("cluster.map(0..40u8, |i| if i == 33 { Some(Lost { secret: i, kept: i }) } else { None })?.len()").until("error").error(None, "result of task 33 cannot be sent").until().idle()


def test_a_result_without_serde_does_not_compile(k, types):  # noqa: F811
    k.run("cluster.map(0..2u64, |i| Box::new(move || i) as Box<dyn Fn() -> u64>)?.len()").until("error").error("E0277", "Serialize").until().idle()


def test_published_values_say_their_format(k, types):  # noqa: F811
    """0 and postcard's format, or 1 and CBOR: other programs of the cluster can read either."""
    import subprocess
    import sys

    k.ok('let words = cluster.submit(0u8, |_| vec!["ab".to_string()])?; let loose = cluster.submit(0u8, |_| serde_json::json!(["ab"]))?;')
    k.ok('cluster.publish("words", &words)?; cluster.publish("loose", &loose)?;')
    address = k.ok("cluster.status()?.address().to_string()").strip('"')
    code = f"from distributed import Client\nwith Client('{address}') as c:\n    print([bytes(c.get_dataset(n).result()) for n in ('words', 'loose')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == str([b"\x00\x01\x02ab", b"\x01\x9f\x62ab\xff"]), done.stdout + done.stderr
