"""Never lose state: a cell that fails changes nothing, however it fails."""

import time

import pytest

from support import process

SLEEP = "std::thread::sleep(std::time::Duration::from_secs(600));"
FAILURES = {
    "panic": 'panic!("no");',
    "err": 'Err::<(), _>("no")?;',
    "segfault": "unsafe { std::ptr::null_mut::<i32>().write_volatile(1) };",
    "abort": "std::process::abort();",
    "stack overflow": "#[allow(unconditional_recursion)] fn down(n: u64) -> u64 { std::hint::black_box(down(n + 1) + 1) } println!(\"{}\", down(0));",
    "exit": "std::process::exit(3);",
    "exit 0": "std::process::exit(0);",
    "killed": 'std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status().unwrap(); loop { std::thread::park() }',
    "illegal instruction": 'unsafe extern "C" { fn raise(n: i32) -> i32; } unsafe { raise(4) };',
    "panic in panic": 'struct P; impl Drop for P { fn drop(&mut self) { panic!("second") } } let _p = P; panic!("first");',
    "allocation failure": "std::alloc::handle_alloc_error(std::alloc::Layout::new::<u8>());",
    "segfault in a rayon job": "use rayon::prelude::*; (0..100).into_par_iter().for_each(|_| unsafe { std::ptr::null_mut::<i32>().write_volatile(1) });",
}
PREPARE = """
let number = 41;
let mut list = vec![1, 2, 3];
let map = std::collections::HashMap::from([("key".to_string(), vec![0.5; 1000])]);
let shared = std::sync::Arc::new(std::sync::Mutex::new(String::from("text")));
let boxed: Box<dyn Fn(i32) -> i32 + Send + Sync> = Box::new(|x| x + 1);
"""
CHECK = '(number, list.clone(), map["key"].len(), shared.lock().unwrap_or_else(|e| e.into_inner()).clone(), boxed(1))'
KEPT = '(41, [1, 2, 3], 1000, "text", 2)'


@pytest.fixture
def prepared(k):
    k.run("fn helper(x: i32) -> i32 { x * 10 }").idle()
    k.run(PREPARE).until().idle()
    return k


@pytest.mark.parametrize("kind", FAILURES)
def test_variables_are_as_before(prepared, kind):
    story = prepared.run('list.push(99); let number = 0; *shared.lock().unwrap() = "changed".into(); let fresh = 1;\n' + FAILURES[kind]).fails()
    assert story.reply["status"] == "error"
    prepared.run(CHECK).result(KEPT).idle()
    prepared.run("fresh").fails("E0425")
    prepared.run("list.push(4); helper(list.len() as i32)").result("40").idle()


@pytest.mark.parametrize(
    "kind, words",
    [
        ("segfault", ["SIGSEGV"]),
        ("abort", ["SIGABRT"]),
        ("stack overflow", ["stack"]),
        ("exit", ["exit", "3"]),
        ("killed", ["SIGKILL"]),
    ],
)
def test_the_reply_says_what_happened(prepared, kind, words):
    story = prepared.run(FAILURES[kind]).fails("Crash", "variables are as they were before the cell")
    for word in words:
        assert word in story.everything(), story.everything()


@pytest.mark.parametrize("kind", ["segfault", "panic", "abort"])
def test_several_times_in_a_row(prepared, kind):
    for _ in range(5):
        prepared.run(FAILURES[kind]).fails()
    prepared.run(CHECK).result(KEPT).idle()


def test_a_crash_while_printing_keeps_what_was_printed(k):
    k.run('println!("printed"); std::process::abort();').stdout("printed\n").fails("Crash")


LOOPS = {
    "sleeping": SLEEP,
    "tight": "let mut n = 0u64; loop { n = std::hint::black_box(n + 1); }",
    "reading": 'let mut n = 0u64; while n < u64::MAX { n += 1; if n % 1000 == 0 { std::thread::yield_now(); } }',
    "progress": "for _ in progress(0..600_000u64) { std::thread::sleep(std::time::Duration::from_millis(1)); }",
    "parallel": "par::for_each(0..100_000_000_000u64, |n| { std::hint::black_box(n); });",
    "locked": "let m = std::sync::Mutex::new(1); let _a = m.lock().unwrap(); let _b = m.lock().unwrap();",
    "child": 'std::process::Command::new("sleep").arg("600").status().unwrap();',
    "printing": 'loop { println!("again"); }',
}


@pytest.mark.parametrize("kind", LOOPS)
def test_interrupt(prepared, kind):
    story = prepared.run(f'list.push(99); println!("begun"); {LOOPS[kind]}').begin()
    story.seen("begun")
    asked = time.monotonic()
    prepared.interrupt(timeout=5)
    story.fails("Interrupted")
    took = time.monotonic() - asked
    # half a second for the cell to look, then it is ended; the rest is slack for a busy machine
    assert took < 3, f"{took:.1f} s"
    prepared.run(CHECK).result(KEPT).idle()


def test_interrupt_of_rustc(prepared):
    """A cell that compiles for minutes."""
    # each level of the macro doubles the work
    levels = 24
    code = "macro_rules! grow { () => { std::hint::black_box(1u64) }; ($a:tt $($r:tt)*) => { (grow!($($r)*) ^ grow!($($r)*)) } }\n"
    story = prepared.run(code + f"grow!({'x ' * levels})").begin()
    prepared.wait(lambda: process.compiling(prepared.process.pid), "rustc")
    asked = time.monotonic()
    prepared.interrupt(timeout=5)
    story.fails("Interrupted")
    assert time.monotonic() - asked < 3
    assert not process.compiling(prepared.process.pid), "rustc goes on"
    prepared.run(CHECK).result(KEPT).idle()


def test_interrupt_aborts_the_queue(prepared):
    story = prepared.run(f'println!("begun"); {SLEEP}').seen("begun")
    waiting = prepared.run("1")
    prepared.interrupt()
    story.fails("Interrupted")
    waiting.aborted()


def test_interrupt_while_idle_does_nothing(k):
    assert k.interrupt()["status"] == "ok"
    k.run("1 + 1").result("2").idle()


def test_interrupts_in_a_hurry(prepared):
    story = prepared.run(f'println!("begun"); {SLEEP}').seen("begun")
    for _ in range(5):
        prepared.interrupt(timeout=5)
    story.fails("Interrupted")
    prepared.run(CHECK).result(KEPT).idle()


def test_interrupt_right_after_the_request(prepared):
    for _ in range(5):
        story = prepared.run(f'println!("begun"); {SLEEP}')
        prepared.interrupt(timeout=5)
        # an interrupt may be handled before the cell is even seen; then it runs, and another one must stop it
        story.seen("begun|Interrupted")
        prepared.interrupt(timeout=5)
        story.fails("Interrupted")
    prepared.run(CHECK).result(KEPT).idle()


def test_undo(prepared):
    prepared.run("list.push(4); let number = 7; let added = 1;").until().idle()
    prepared.ok(":undo")
    prepared.run(CHECK).result(KEPT).idle()
    prepared.run("added").fails("E0425")


def test_undo_with_nothing_to_undo(start):
    with_nothing = start()
    with_nothing.run(":undo").fails("Directive", "there is nothing to undo")
    with_nothing.run("1 + 1").result("2").idle()


def test_no_process_is_left_behind(start):
    kernel = start()
    kernel.ok("let x = 1;")
    before = len(process.tree(kernel.process.pid))
    for _ in range(6):
        kernel.run("std::process::abort();").fails("Crash")
        kernel.ok("x")
    assert len(process.tree(kernel.process.pid)) <= before + 1, process.command_lines(kernel.process.pid)
