"""Protocol: how a session ends, and what a kernel does when its frontend is rude."""

import os
import signal
import time

import pytest

from support import process


def gone(pids):
    deadline = time.monotonic() + 10
    while (left := [p for p in pids if process.alive(p)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("channel", ["control", "shell"])
def test_shutdown(start, restart, channel):
    kernel = start()
    kernel.ok("let x = 1;")
    family = process.tree(kernel.process.pid)
    request = kernel.send("shutdown_request", {"restart": restart}, channel)
    reply = kernel.reply(request).content
    assert reply["status"] == "ok" and reply["restart"] is restart
    kernel.process.wait(10)
    assert kernel.process.returncode == 0
    kernel.unread.clear(), kernel.orphans.clear()
    assert gone(family), "processes are left"


def test_shutdown_while_a_cell_runs(start):
    kernel = start()
    story = kernel.run('println!("on"); loop { std::hint::spin_loop() }').begin()
    kernel.wait(lambda: kernel.unread.get(story.request), "on")
    family = process.tree(kernel.process.pid)
    assert kernel.reply(kernel.send("shutdown_request", {"restart": False}, "control"), timeout=5).content["status"] == "ok"
    kernel.process.wait(10)
    kernel.unread.clear(), kernel.orphans.clear(), kernel.replies.clear()
    assert gone(family), "processes are left"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGHUP"])
def test_no_runner_outlives_the_kernel(start, name):
    kernel = start()
    story = kernel.run('println!("on"); loop { std::thread::sleep(std::time::Duration::from_secs(1)) }').begin()
    kernel.wait(lambda: kernel.unread.get(story.request), "on")
    family = process.tree(kernel.process.pid)
    assert len(family) > 1
    os.kill(kernel.process.pid, getattr(signal, name))
    kernel.process.wait(10)
    kernel.unread.clear(), kernel.orphans.clear(), kernel.replies.clear()
    assert gone(family), f"left: {[p for p in family if process.alive(p)]}"


def test_sigint_interrupts_the_cell_and_not_the_kernel(start):
    """Frontends that do not know interrupt_mode send the signal."""
    kernel = start()
    kernel.ok("let kept = 5;")
    story = kernel.run('println!("on"); std::thread::sleep(std::time::Duration::from_secs(600));').begin()
    kernel.wait(lambda: kernel.unread.get(story.request), "on")
    os.kill(kernel.process.pid, signal.SIGINT)
    story.fails("Interrupted")
    kernel.run("kept").result("5").idle()


def test_sigint_to_the_whole_group(start):
    """Ctrl-C in a terminal reaches kernel and runner alike."""
    kernel = start()
    kernel.ok("let kept = 5;")
    story = kernel.run('println!("on"); std::thread::sleep(std::time::Duration::from_secs(600));').begin()
    kernel.wait(lambda: kernel.unread.get(story.request), "on")
    os.killpg(kernel.process.pid, signal.SIGINT)
    story.fails("Interrupted")
    kernel.run("kept").result("5").idle()


def test_it_answers_before_ipykernel_does(start):
    start().close()
    ours, theirs = (min(_start_time(start, kind) for _ in range(3)) for kind in ("ferrolab", "ipykernel"))
    print(f"process start to kernel_info_reply: {ours * 1000:.0f} ms, ipykernel {theirs * 1000:.0f} ms")
    assert ours < theirs


def _start_time(start, kind):
    kernel = start(kind=kind, wait=False)
    request = kernel.send("kernel_info_request", {})
    kernel.reply(request)
    took = time.monotonic() - kernel.started
    kernel.wait_ready()
    kernel.close()
    return took
