"""The sleeping copy cannot be told to be there while nothing fails, and costs large data nothing; what it has not is
kept, or named."""

import fcntl
import os
import signal
import time

import pytest

from support import process

ANY_CHILD = 'unsafe extern "C" { fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32; }'


def processes(kernel, name: str) -> list[int]:
    """Processes of the kernel that carry this name."""
    named = []
    for pid in process.tree(kernel.process.pid):
        try:
            if open(f"/proc/{pid}/comm").read().strip() == name:
                named.append(pid)
        except OSError:
            pass
    return named


# -- descriptors -------------------------------------------------------------------------------------


def test_the_end_of_a_pipe_reaches_the_other_end(k):
    k.run('use std::process::{Command, Stdio}; let mut sort = Command::new("sort").arg("-n").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;').idle()
    k.run('use std::io::{Read, Write}; writeln!(sort.stdin.as_mut().unwrap(), "10\\n9")?;').idle()
    k.run("drop(sort.stdin.take()); let sorted = sort.wait_with_output()?; String::from_utf8_lossy(&sorted.stdout).into_owned()").result('"9\\n10\\n"').idle()
    k.run("let (mut pipe_out, pipe_in) = std::io::pipe()?;").idle()
    k.run("drop(pipe_in); let mut pipe_text = String::new(); pipe_out.read_to_string(&mut pipe_text)?").result("0").idle()


def test_a_peer_sees_the_end_of_a_connection_and_its_port_is_free_again(k):
    k.run('let door = std::net::TcpListener::bind("127.0.0.1:0")?; let near = std::net::TcpStream::connect(door.local_addr()?)?; let (mut far, _) = door.accept()?;').idle()
    k.run("drop(near); far.set_read_timeout(Some(std::time::Duration::from_secs(20)))?; std::io::Read::read(&mut far, &mut [0; 8])?").result("0").idle()
    k.run("let at = door.local_addr()?; drop((door, far)); std::net::TcpStream::connect(at).is_err()").result("true").idle()


def test_a_dropped_lock_is_free_at_once(k):
    k.run('let lock_at = std::env::temp_dir().join(format!("felt-{}", std::process::id())); let locked = std::fs::File::create(&lock_at)?; locked.lock()?;').idle()
    taken = 'std::process::Command::new("flock").args(["-n", lock_at.to_str().unwrap(), "true"]).status()?.success()'
    k.run(taken).result("false").idle()
    k.run("drop(locked); " + taken).result("true").idle()
    k.run("std::fs::remove_file(&lock_at)?;").idle()


def held(path) -> bool:
    """Whether another process has a lock of the kind that belongs to a process."""
    with open(path, "r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
        except BlockingIOError:
            return True
        return False


def test_a_lock_that_belongs_to_the_process_is_taken_again(k, tmp_path):
    """As SQLite's do. The copy is another process, and closing any descriptor of the file would give it up."""
    path = tmp_path / "database"
    path.write_bytes(bytes(100))
    k.run(
        "#[repr(C)] struct Part { kind: i16, from: i16, start: i64, length: i64, pid: i32 }\n"
        'unsafe extern "C" { fn fcntl(fd: i32, command: i32, ...) -> i32; }\n'
        "fn lock(file: &std::fs::File, kind: i16, start: i64) -> i32 { let part = Part { kind, from: 0, start, length: 5, pid: 0 }; unsafe { fcntl(std::os::fd::AsRawFd::as_raw_fd(file), 6, &part) } }"
    ).idle()
    k.run(f'let database = std::fs::File::options().read(true).write(true).open("{path}")?; let twin = database.try_clone()?; lock(&database, 1, 5)').result("0").idle()
    assert held(path)
    for ends in ("panic!()", "std::process::abort()"):
        # one that the failing cell takes goes with it
        k.run(f"lock(&database, 1, 50); {ends}").fails()
        assert held(path)
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 50)
    k.run("lock(&database, 2, 5)").result("0").idle()
    assert not held(path)


def test_no_cell_has_a_child_that_it_did_not_make(k):
    k.run(ANY_CHILD).idle()
    k.run("(unsafe { waitpid(-1, std::ptr::null_mut(), 1) }, std::io::Error::last_os_error().raw_os_error())").result("(-1, Some(10))").idle()


def test_a_session_leaks_no_descriptor_and_no_process(start):
    kernel = start()
    count = 'std::fs::read_dir("/proc/self/fd")?.count()'
    kernel.run(count).until().idle()
    before = kernel.ok(count)
    descriptors = lambda: len(os.listdir(f"/proc/{kernel.process.pid}/fd"))  # noqa: E731
    # what a rustc that starts holds for a moment is gone when it waits
    time.sleep(0.5)
    mine = descriptors()
    for n in range(12):
        kernel.run(f"let v{n} = {n}; std::hint::black_box(v{n})").until().idle()
        if n % 4 == 0:
            kernel.run("std::process::abort()").fails("Crash")
    assert kernel.ok(count) == before
    deadline = time.monotonic() + 10
    # kernel, runner, keeper, copy, a rustc that waits; what ended is reaped with the next cell
    while len(process.tree(kernel.process.pid)) > 5 and time.monotonic() < deadline:
        kernel.ok("1")
    assert len(process.tree(kernel.process.pid)) <= 5, process.command_lines(kernel.process.pid)
    while abs(descriptors() - mine) > 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert abs(descriptors() - mine) <= 2


def test_what_a_failing_cell_closed_is_opened_again_or_named(k):
    k.run('let kept_at = std::env::temp_dir().join(format!("closed-{}", std::process::id())); std::fs::write(&kept_at, "abcdef")?; let mut kept_file = std::fs::File::open(&kept_at)?; std::io::Read::read_exact(&mut kept_file, &mut [0; 2])?;').idle()
    k.run("let (mut closed_out, closed_in) = std::io::pipe()?;").idle()
    story = k.run("drop(kept_file); drop(closed_in); panic!()").fails("panic", "with the process went: a pipe of cell [")
    assert "closed-" not in story.everything()
    k.run("let mut rest_of_file = String::new(); std::io::Read::read_to_string(&mut kept_file, &mut rest_of_file)?; rest_of_file").result('"cdef"').idle()
    k.run("std::io::Write::write_all(&mut &closed_in, &[1]).is_err()").result("true").idle()
    k.run("std::fs::remove_file(&kept_at)?;").idle()


# -- large data --------------------------------------------------------------------------------------


def test_writing_to_large_data_copies_nothing(k):
    """Counted in page faults, which do not depend on the machine's speed."""
    k.run("fn faults() -> i64 { let s = std::fs::read_to_string(\"/proc/self/stat\").unwrap(); s.rsplit_once(')').unwrap().1.split_whitespace().nth(7).unwrap().parse().unwrap() }").idle()
    k.run("let mut wide = vec![1.0f64; 8_000_000]; let mut tall = vec![vec![1u32; 1_000_000]; 16]; struct Grid { rows: usize, data: Vec<f32> } let mut grid = Grid { rows: 4000, data: vec![1.0; 16_000_000] };").idle()
    for change in ["wide.iter_mut().for_each(|x| *x += 1.0);", "tall.iter_mut().flatten().for_each(|x| *x += 1);", "grid.data.iter_mut().for_each(|x| *x += 1.0);"]:
        faults = int(k.ok(f"let begun = faults(); {change} faults() - begun"))
        assert faults < 2000, f"{change} {faults} faults, of 16,000 pages"
    k.run(":snapshots all").stdout("snapshots: all\n").idle()
    faults = int(k.ok("let begun = faults(); wide.iter_mut().for_each(|x| *x += 1.0); faults() - begun"))
    assert faults > 10_000, f"{faults}: the whole of it is in the copy"
    k.run(":snapshots on").stdout("snapshots: on\n").idle()


def test_everything_is_protected_when_that_is_asked_for(k):
    k.run("let mut asked = vec![1u64; 1_000_000];").idle()
    k.run(":snapshots all").stdout("snapshots: all\n").idle()
    story = k.run("asked[500_000] = 2; std::process::abort()").fails("Crash", "variables are as they were before the cell")
    assert "may have changed" not in story.everything()
    k.run("asked[500_000]").result("1").idle()
    k.run(":snapshots on").stdout("snapshots: on\n").idle()
    k.run("asked[500_000] = 3; asked.truncate(10); asked.shrink_to_fit(); panic!()").fails("panic", "`asked` may have changed")
    k.run("(asked.len(), asked[500_000], asked[999_990])").result("(1000000, 3, 1)").idle()


def test_large_data_that_a_failing_cell_freed_or_moved_is_there(k):
    k.run("let mut freed = vec![7u8; 3_000_000]; let moved: Vec<i64> = (0..1_000_000).collect(); let read = vec![1.5f32; 2_000_000];").idle()
    for how in ["panic!()", "std::process::abort()", 'Err::<(), _>("no")?', "std::process::exit(1)"]:
        story = k.run(f"drop(freed); let other = moved; let more = vec![9u8; 3_000_000]; std::hint::black_box((other, more, read.iter().sum::<f32>())); {how}").fails()
        assert "read` may have" not in story.everything()
        k.run("(freed.iter().all(|x| *x == 7), moved[999_999], moved.iter().sum::<i64>(), read.len())").result("(true, 999999, 499999500000, 2000000)").idle()


@pytest.mark.parametrize("what", ["vec![String::from(\"word\"); 100_000]", "(0..50_000u64).map(|i| (i, i.to_string())).collect::<std::collections::BTreeMap<_, _>>()", "std::sync::Arc::new(std::sync::Mutex::new(vec![vec![1u8; 10]; 50_000]))"])
def test_what_holds_pointers_is_as_before(start, what):
    kernel = start()
    kernel.run(f"let mut held = {what}; fn digest(held: &impl std::fmt::Debug) -> u64 {{ use std::hash::{{DefaultHasher, Hash, Hasher}}; let mut hasher = DefaultHasher::new(); format!(\"{{held:?}}\").hash(&mut hasher); hasher.finish() }}").until().idle()
    before = kernel.ok("digest(&held)")
    change = "held.lock().unwrap().iter_mut().for_each(|row| row.push(2))" if "Mutex" in what else "held.clear()"
    kernel.run(f"{change}; let noise: Vec<String> = (0..100_000).map(|i| i.to_string()).collect(); std::hint::black_box(&noise); std::process::abort()").fails("Crash", "as they were before the cell")
    assert kernel.ok("digest(&held)") == before


def test_a_restored_session_takes_no_second_copy_of_large_data(start):
    kernel = start()
    kernel.run("let mut heavy = vec![1u8; 400 << 20];").idle()
    memory = 'std::fs::read_to_string("/proc/self/statm")?.split(\' \').nth(1).unwrap().parse::<usize>()? >> 8'
    for _ in range(3):
        kernel.run("heavy[1000] = 2; panic!()").fails("panic")
    assert int(kernel.ok(memory)) < 500


# -- what is lost is named ---------------------------------------------------------------------------


def test_without_its_keeper_a_session_says_what_went(start):
    kernel = start()
    kernel.run("let small = vec![1, 2]; let mut large = vec![1.0f64; 1_000_000];").idle()
    kernel.run("let (mut lost_out, lost_in) = std::io::pipe()?;").idle()
    (keeper,) = processes(kernel, "ferrolab keeper")
    os.kill(keeper, signal.SIGKILL)
    kernel.run("1").result("1").idle()
    story = kernel.run("large[0] = 2.0; std::process::abort()").fails("Crash", "with the process went:", "a pipe of cell [")
    assert "large data, which went with the process: large" in story.everything()
    kernel.run("small.len()").result("2").idle()
    kernel.run("large.len()").fails("E0425")
    kernel.run("std::io::Read::read(&mut lost_out, &mut [0])?").result("0").idle()
    kernel.run("let mut large = vec![1.0f64; 1_000_000];").idle()
    kernel.run("large[500_000] = 5.0; std::process::abort()").fails("Crash", "`large` may have changed")
    kernel.run("large[500_000]").result("5.0").idle()


def test_an_interrupted_wait_for_something_lost_is_explained(start):
    kernel = start()
    kernel.run('let (ask, asked) = std::sync::mpsc::channel::<std::sync::mpsc::Sender<u8>>(); let _ = std::thread::Builder::new().name("oracle".into()).spawn(move || for reply in asked { let _ = reply.send(1); });').idle()
    kernel.run("std::process::abort()").fails("Crash", "with the process went: thread `oracle` of cell [1]")
    story = kernel.run("println!(\"asks\"); let (reply, answer) = std::sync::mpsc::channel(); ask.send(reply)?; answer.recv()?")
    story.stdout("asks\n")
    kernel.interrupt()
    story.fails("Interrupted", "perhaps for something that went with an earlier failure: thread `oracle` of cell [1]")
    kernel.run("1").result("1").idle()


def test_a_temporary_folder_that_a_failing_cell_moved_is_named(start):
    """Dropping a value of a dependency's type may do something that no copy takes back."""
    kernel = start(timeout=300)
    kernel.run(':dep tempfile = "3"').until().idle()
    kernel.run("let scratch = tempfile::tempdir()?; let other = vec![1];").idle()
    story = kernel.run("let moved = scratch; let again = other; panic!()").fails("panic", "the cell had moved `scratch`")
    assert "`other`" not in story.everything()


def kill_the_copy(kernel) -> None:
    """That of the cell that runs or ran last: beside the runner and its keeper the only process of a runner's kind."""

    def found() -> list[int]:
        keepers = processes(kernel, "ferrolab keeper")
        others = [*keepers, *map(process.parent, keepers)]
        return [pid for pid, line in process.command_lines(kernel.process.pid).items() if "ferrolab runner " in line and pid not in others]

    # the one before has been told to end
    kernel.wait(lambda: len(found()) == 1, "one sleeping copy")
    (copy,) = found()
    os.kill(copy, signal.SIGKILL)
    kernel.wait(lambda: not process.alive(copy), "its end")


def test_a_copy_that_is_killed_costs_only_the_return(start, tmp_path):
    """As when memory runs out and the system chooses the copy."""
    kernel = start()
    kernel.run("let mut kept = vec![1]; let other = 2;").until().idle()
    kill_the_copy(kernel)
    kernel.run(":undo").fails("Directive", "there is no snapshot to return to")
    kernel.run("(kept.len(), other)").result("(1, 2)").idle()
    for ends, error in [("panic!()", "panic"), ('Err::<(), _>("no")?', None)]:
        go = tmp_path / f"go-{error}"
        story = kernel.run(f'kept.push(3); println!("on"); while !std::path::Path::new("{go}").exists() {{ std::thread::sleep(std::time::Duration::from_millis(1)); }} {ends}').seen("on")
        kill_the_copy(kernel)
        go.touch()
        story.fails(error)
        assert "it was killed while the cell ran" in story.everything(), story.everything()
    kernel.run("(kept.len(), other)").result("(3, 2)").idle()
    # what could only be ended together with all variables is not ended by the first interrupt
    story = kernel.run('println!("on"); loop { std::hint::black_box(1); }').seen("on")
    kill_the_copy(kernel)
    kernel.interrupt()
    story.seen("interrupt again to end it and lose all variables")
    kernel.interrupt()
    story.fails("Interrupted")
    told = story.everything()
    assert "variables lost: " in told and "kept" in told and "other" in told, told
    kernel.run("1").result("1").idle()


# -- choosing ----------------------------------------------------------------------------------------


def test_restore_always_and_never(start):
    kernel = start()
    kernel.run("let mut kept = vec![1]; let (hold, held) = std::sync::mpsc::channel::<()>(); std::thread::spawn(move || held.recv());").until().idle()
    kernel.run("kept.push(2); panic!()").fails("panic", "the process goes on", "thread of cell [1]", "`kept` may have changed")
    kernel.run("kept.len()").result("2").idle()
    kernel.run(":restore always").stdout("restore: always\n").idle()
    kernel.run("kept.push(3); panic!()").fails("panic", "as they were before the cell", "with the process went: thread of cell [1]")
    kernel.run("kept.len()").result("2").idle()
    kernel.run(":restore never").stdout("restore: never\n").idle()
    kernel.run("kept.push(3); panic!()").fails("panic")
    kernel.run("kept.len()").result("3").idle()
    kernel.run(":restore sometimes").fails("Directive", "auto, always or never")
    kernel.run(":snapshots maybe").fails("Directive", "on, off or all")


def test_undo_refuses_to_end_what_lives(start):
    kernel = start()
    kernel.run("let mut n = 1; let (hold, held) = std::sync::mpsc::channel::<()>(); std::thread::spawn(move || held.recv());").until().idle()
    kernel.run("n += 1;").idle()
    kernel.run(":undo").fails("Directive", "the last cell stays", "thread of cell [1]")
    kernel.run("n").result("2").idle()
    kernel.run("n += 1;").idle()
    kernel.run(":restore always").stdout("restore: always\n").idle()
    kernel.run(":undo").says("took back the last cell", "gone: thread of cell [1]")
    kernel.run("n").result("2").idle()


# -- threads as in a program -------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_whatever_runs_in_main_runs_in_a_cell(k, threads):
    k.run(f":threads {threads}").until().idle()
    for code, result in {
        "rayon::current_num_threads()": threads,
        "rayon::current_thread_index()": None,
        "{ let (tx, rx) = std::sync::mpsc::channel(); rayon::spawn(move || (0..3).for_each(|i| tx.send(i).unwrap())); rx.iter().collect::<Vec<i32>>() }": [0, 1, 2],
        "{ let (tx, rx) = std::sync::mpsc::channel(); rayon::spawn_broadcast(move |context| tx.send(context.index()).unwrap()); rx.iter().count() }": threads,
        f"{{ let barrier = std::sync::Arc::new(std::sync::Barrier::new({threads} + 1)); for _ in 0..{threads} {{ let barrier = barrier.clone(); rayon::spawn(move || {{ barrier.wait(); }}); }} barrier.wait(); 1 }}": 1,
        "{ use rayon::prelude::*; let (tx, rx) = std::sync::mpsc::sync_channel(1); let feeder = std::thread::spawn(move || (0..100u32).for_each(|i| tx.send(i).unwrap())); let sum: u32 = rx.into_iter().par_bridge().sum(); feeder.join().unwrap(); sum }": 4950,
        "{ let mut a = 0; rayon::in_place_scope(|s| { s.spawn(|_| a = 7); }); a }": 7,
        "rayon::scope(|s| { let (tx, rx) = std::sync::mpsc::channel(); s.spawn(move |_| tx.send(5).unwrap()); s.spawn(move |_| assert_eq!(rx.recv(), Ok(5))); 3 })" if threads > 1 else "3": 3,
        "threads().submit(20, |x: u64| x + 1)?.result()?": 21,
        "par::sum(&(0..100_000u64).collect::<Vec<_>>())": 4999950000,
    }.items():
        k.run(code).result(str(result)).idle()


def test_threads_of_a_cell_use_the_same_pool(k):
    k.run(":threads 2").until().idle()
    k.run("std::thread::spawn(|| rayon::broadcast(|_| std::thread::current().name().map(str::to_owned))).join().unwrap()").result('[Some("worker 0"), Some("worker 1")]').idle()


def test_a_program_started_with_one_thread(start):
    for variable in ("RAYON_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        kernel = start(**{variable: "1"})
        kernel.run("let (tx, rx) = std::sync::mpsc::channel(); rayon::spawn(move || tx.send(rayon::current_num_threads()).unwrap()); rx.recv()?").result("1").idle()
