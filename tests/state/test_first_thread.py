"""A session has one thread until a cell needs another: glibc's malloc takes locks as soon as there has been a second one. The pool of
threads comes together with the first thread, whoever makes it."""

import os
import signal
import time
import uuid

import pytest

from support import process
from support.frontend import Kernel

LOOK = """unsafe extern "C" { safe static __libc_single_threaded: u8; }
fn names() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let mut names: Vec<_> = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap().trim().to_owned()).collect();
    names.sort();
    names
}
fn alone() -> bool { __libc_single_threaded != 0 && names().len() == 1 }"""
POOL = 'rayon::broadcast(|_| std::thread::current().name().unwrap_or("").to_owned())'
WORKERS = '["worker 0", "worker 1", "worker 2"]'


@pytest.fixture
def k(ferrolab):
    with Kernel(RAYON_NUM_THREADS="3") as kernel:
        kernel.ok(LOOK)
        kernel.run("alone()").result("true").idle()
        yield kernel


@pytest.mark.parametrize(
    "cell, ends",
    [
        ("let kept: Vec<Box<u64>> = (0..1000).map(Box::new).collect();", "ok"),
        ("panic!()", "error"),
        ("std::process::abort()", "error"),
        (":undo", "ok"),
        (":threads 2", "ok"),
        ("let wrong: u8 = true;", "error"),
        ("ferrolab::rt::threads()", "ok"),
        ("let mut big = vec![1.0f64; 4_000_000]; big[0] = 2.0;\nstd::process::abort()", "error"),
    ],
)
def test_a_plain_cell_leaves_one_thread(k, cell, ends):
    story = k.run(cell)
    assert story.ends() == ends, story.everything()
    k.run("alone()").result("true").idle()


@pytest.mark.parametrize("before", ["", "panic!()", "std::process::abort()"])
def test_rayon_finds_the_pool_of_the_session(k, before):
    if before:
        k.run(before).fails("panic" if before == "panic!()" else "Crash")
    k.run(POOL).result(WORKERS).idle()
    k.run("alone()").result("false").idle()
    # its threads are not the cells', so a failure restores
    k.ok("let mut kept = vec![1];")
    k.run("kept.push(2); panic!()").fails("panic")
    k.run("kept").result("[1]").idle()
    k.run(POOL).result(WORKERS).idle()
    k.ok(":threads 2")
    k.run("rayon::current_num_threads()").result("2").idle()


def test_the_pool_comes_with_a_thread_of_a_cell(k):
    k.run("std::thread::spawn(|| rayon::current_num_threads()).join().unwrap()").result("3").idle()
    k.run("names().iter().filter(|name| name.starts_with(\"worker\")).count()").result("3").idle()
    k.run(POOL).result(WORKERS).idle()


def test_the_pool_has_the_threads_that_were_asked_for_before_it_came(k):
    k.ok(":threads 2")
    k.run("alone()").result("true").idle()
    k.run("rayon::join(|| rayon::current_num_threads(), || rayon::current_num_threads())").result("(2, 2)").idle()


def test_a_pool_of_the_cell_s_own_is_made_beside_it(k):
    k.run("rayon::ThreadPoolBuilder::new().num_threads(2).build()?.install(|| rayon::current_num_threads())").result("2").idle()
    k.run("rayon::current_num_threads()").result("3").idle()


def test_a_cell_cannot_make_the_global_pool(k):
    k.run("rayon::ThreadPoolBuilder::new().num_threads(2).build_global().is_err()").result("true").idle()
    k.run(POOL).result(WORKERS).idle()
    k.run("rayon::ThreadPoolBuilder::new().num_threads(2).build_global().is_err()").result("true").idle()


@pytest.mark.parametrize("cell", ["loop { std::hint::black_box(1); }", "loop { std::thread::sleep(std::time::Duration::from_secs(100)); }"])
def test_the_runner_goes_at_once_with_the_kernel_in_the_middle_of_a_cell(ferrolab, cell):
    mark = f"ferrolab-mark-{uuid.uuid4().hex}"
    kernel = Kernel(FERROLAB_TEST_MARK=mark)
    try:
        story = kernel.run('println!("on"); ' + cell).begin()
        kernel.wait(lambda: kernel.unread.get(story.request), "on")
        assert len(process.marked(mark)) >= 3
        os.kill(kernel.process.pid, signal.SIGKILL)
        killed = time.monotonic()
        while left := process.marked(mark):
            assert time.monotonic() - killed < 2, left
            time.sleep(0.05)
    finally:
        kernel.close(check=False)
