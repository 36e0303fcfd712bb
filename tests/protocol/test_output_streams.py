"""Output: bytes a cell prints arrive raw, whole, in order and at once."""

import time

import pytest


def test_stdout_and_stderr(k):
    k.run('println!("out");').stdout("out\n").idle()
    k.run('eprintln!("err");').stderr("err\n").idle()


def test_partial_line_arrives_while_the_cell_runs(k):
    story = k.run('use std::io::Write; print!("partial"); std::io::stdout().flush().unwrap(); std::thread::sleep(std::time::Duration::from_secs(2)); println!("!");')
    story.begin()
    compiled = k.wait(lambda: k.unread.get(story.request), "the partial line")
    assert compiled[0].content["text"] == "partial"
    seen = time.monotonic()
    story.stdout("partial!\n").idle()
    assert time.monotonic() - seen > 1, "the partial line came only at the end"


def test_partial_line_without_flush_is_not_lost(k):
    k.run('print!("no newline")').stdout("no newline").idle()
    k.run("1").result("1").idle()


def test_carriage_return(k):
    k.run(r'print!("10%\r20%\r\n");').stdout("10%\r20%\r\n").idle()


def test_bytes_that_are_not_utf8(k):
    story = k.run(r'use std::io::Write as _; std::io::stdout().write_all(b"a\xff\xfeb\n").unwrap();')
    assert story.stream("stdout") == "a\ufffd\ufffdb\n"
    story.idle()


def test_a_character_cut_in_two_writes(k):
    code = r"""
        use std::io::Write as _;
        let mut out = std::io::stdout();
        out.write_all(b"\xc3").unwrap(); out.flush().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        out.write_all(b"\xa4\n").unwrap();
    """
    k.run(code).stdout("ä\n").idle()


def test_null_bytes_and_escapes(k):
    k.run(r'println!("a\0b\x1b[31mred\x1b[0m");').stdout("a\0b\x1b[31mred\x1b[0m\n").idle()


def test_output_of_c_code_and_of_child_processes(k):
    k.run('unsafe extern "C" { fn puts(s: *const std::ffi::c_char) -> i32; fn fflush(f: *mut u8) -> i32; }').idle()
    k.run('unsafe { puts(c"from C".as_ptr()); fflush(std::ptr::null_mut()); }').stdout("from C\n").idle()
    k.run('std::process::Command::new("echo").arg("from a child").status().unwrap().success()').stdout("from a child\n").result("true").idle()


def test_order_of_prints_on_one_stream(k):
    code = "for i in 0..1000 { println!(\"{i}\"); }"
    k.run(code).stdout("".join(f"{i}\n" for i in range(1000))).idle()


def test_print_then_result(k):
    k.run('println!("before"); 5').stdout("before\n").result("5").idle()


def test_200_000_lines(k):
    count = 200_000
    started = time.monotonic()
    story = k.run(f'for i in 0..{count} {{ println!("line {{i}} of many"); }}')
    story.stdout("".join(f"line {i} of many\n" for i in range(count))).idle()
    took = time.monotonic() - started
    assert len(story.told) < 5_000, f"{len(story.told)} messages: prints are not put together"
    print(f"{count} lines in {took:.2f} s and {len(story.told)} messages")


def test_a_flood_does_not_fill_memory(k):
    """400 MB printed while nobody reads: the kernel holds the runner back, or drops and says so."""
    from support import process

    before = process.memory(k.process.pid)["rss"]
    story = k.run('let block = "x".repeat(1 << 20); for _ in 0..400 { println!("{block}"); }', timeout=180)
    peak, kept = 0, 0
    while True:
        message = story._peek()
        if message.type == "status":
            break
        kept += len(story._take("stream").content["text"])
        story.told.clear()
        peak = max(peak, process.memory(k.process.pid)["rss"])
    story.idle()
    assert peak - before < 500 << 20, f"memory grew by {(peak - before) >> 20} MB"


def test_output_of_a_thread_that_goes_on(k):
    """What it prints while a later cell runs is that cell's."""
    k.run("let (go, wait) = std::sync::mpsc::channel::<()>(); let background = std::thread::spawn(move || { wait.recv().unwrap(); println!(\"late\"); });").until().idle()
    k.run("go.send(()).unwrap(); background.join().unwrap();").stdout("late\n").idle()


def test_a_silent_cell_publishes_no_input_and_no_result(k):
    story = k.run("1 + 1", silent=True, store_history=False).idle()
    assert story.told == []


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_long_line(k, name):
    macro = "println" if name == "stdout" else "eprintln"
    k.run(f'{macro}!("{{}}", "y".repeat(3_000_000));')._stream(name, "y" * 3_000_000 + "\n").idle()
