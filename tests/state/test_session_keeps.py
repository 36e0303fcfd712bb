"""What a session keeps: each cell of the table in docs/what-a-session-keeps.md."""

import dataclasses

import pytest

from support import process

PAGE = process.ROOT / "docs" / "what-a-session-keeps.md"
EVENTS = ["succeeds", "soft", "hard", "undo", "restart"]
SOFT = ' let _: i32 = "4x".parse()?;'
HARD = " std::process::abort();"


def table() -> dict[str, list[str]]:
    rows = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows[2:]}


@dataclasses.dataclass
class Kind:
    """One row: how it is made, what a cell does with it, how one sees what became of it."""

    make: list[str]
    change: str
    look: str
    before: str
    after: str
    # what the error after a hard failure, or `:undo`, calls it
    name: str = ""
    # what a look finds when it is gone: an error of rustc's, or of its own
    gone: str = "E0425"
    done: str = ""


KINDS = {
    "a variable": Kind(["let mut small = vec![1, 2];"], "small.push(3);", "small.len()", "2", "3"),
    "large vectors and arrays of numbers": Kind(
        [
            "let mut big = vec![1.0f64; 1_000_000]; let mut grid = ndarray::Array2::<f32>::zeros((1000, 1000)); let mut rows = vec![vec![0u8; 1 << 20]; 3];",
        ],
        "big[500_000] = 2.0; grid[[500, 500]] = 2.0; rows[1][500_000] = 2;",
        "(big[500_000], grid[[500, 500]], rows[1][500_000], big[100], big.len())",
        "(1.0, 0.0, 0, 1.0, 1000000)",
        "(2.0, 2.0, 2, 1.0, 1000000)",
        name="`big`, `grid`, `rows` may have changed",
    ),
    "closures, iterators, futures": Kind(
        ["let double = |x: usize| x * 2; let mut walk = (0..9).map(double); let one = async { 1 };"], "walk.next();", "double(walk.len())", "18", "16"
    ),
    "functions and types": Kind(["fn answer() -> i32 { 1 }"], "fn answer() -> i32 { 2 }", "answer()", "1", "2"),
    "a `static`": Kind(
        ["static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1); COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);"],
        "COUNT.fetch_add(5, std::sync::atomic::Ordering::SeqCst);",
        "COUNT.load(std::sync::atomic::Ordering::SeqCst)",
        "2",
        "7",
    ),
    "the offset of an open file": Kind(
        [
            'let at = std::env::temp_dir().join(format!("keeps-{}", std::process::id())); std::fs::write(&at, "0123456789")?;',
            "use std::io::{Read, Seek}; let mut data = std::fs::File::open(&at)?; let mut two = [0; 2]; data.read_exact(&mut two)?;",
        ],
        "let mut more = [0; 5]; data.read_exact(&mut more)?;",
        "data.stream_position()?",
        "2",
        "7",
        done="std::fs::remove_file(&at)?;",
    ),
    "a lock on a file": Kind(
        [
            'let at = std::env::temp_dir().join(format!("locks-{}", std::process::id())); let lock = std::fs::File::create(&at)?; lock.lock()?;',
        ],
        "lock.sync_all()?;",
        'std::process::Command::new("flock").args(["-n", at.to_str().unwrap(), "true"]).status()?.success()',
        "false",
        "false",
        done="std::fs::remove_file(&at)?;",
    ),
    "a pipe or a connection": Kind(
        [
            "use std::io::{Read, Write}; let (mut reader, writer) = std::io::pipe()?;",
            'let listener = std::net::TcpListener::bind("127.0.0.1:0")?; let mut near = std::net::TcpStream::connect(listener.local_addr()?)?; let (mut far, _) = listener.accept()?;',
        ],
        'near.write_all(b"?")?; far.read_exact(&mut [0])?;',
        '{ (&writer).write_all(b"ab")?; near.write_all(b"c")?; let mut got = [0; 3]; reader.read_exact(&mut got[..2])?; far.read_exact(&mut got[2..])?; String::from_utf8_lossy(&got).into_owned() }',
        '"abc"',
        '"abc"',
    ),
    "a thread, and what it works on": Kind(
        [
            'let (ask, questions) = std::sync::mpsc::channel::<std::sync::mpsc::Sender<u32>>(); let _ = std::thread::Builder::new().name("service".into()).spawn(move || questions.iter().for_each(|reply| { let _ = reply.send(42); }));',
        ],
        "let (reply, answer) = std::sync::mpsc::channel(); ask.send(reply)?; answer.recv()?;",
        "{ let (reply, answer) = std::sync::mpsc::channel(); let _ = ask.send(reply); answer.recv_timeout(std::time::Duration::from_millis(300)) }",
        "Ok(42)",
        "Ok(42)",
        name="thread `service` of cell [{cell}]",
        gone="Err(Timeout)",
    ),
    "a pool or a runtime in a variable": Kind(
        ['let pool = rayon::ThreadPoolBuilder::new().num_threads(2).thread_name(|n| format!("own {n}")).build()?; pool.broadcast(|_| ());'],
        "pool.install(|| 1);",
        "{ let (tell, told) = std::sync::mpsc::channel(); pool.spawn(move || drop(tell.send(7))); told.recv_timeout(std::time::Duration::from_millis(300)) }",
        "Ok(7)",
        "Ok(7)",
        name="thread `own 0` of cell [{cell}]",
        gone="Err(Timeout)",
    ),
    "a task that runs in rayon's pool": Kind(
        [
            "let (ask, questions) = std::sync::mpsc::channel::<std::sync::mpsc::Sender<u32>>(); rayon::spawn(move || questions.iter().for_each(|reply| { let _ = reply.send(42); })); std::thread::sleep(std::time::Duration::from_millis(20));",
        ],
        "let (reply, answer) = std::sync::mpsc::channel(); ask.send(reply)?; answer.recv()?;",
        "{ let (reply, answer) = std::sync::mpsc::channel(); let _ = ask.send(reply); answer.recv_timeout(std::time::Duration::from_millis(300)) }",
        "Ok(42)",
        "Ok(42)",
        name="tasks in the pool of threads",
        gone="Err(Timeout)",
    ),
    "a child process": Kind(
        ['let mut child = std::process::Command::new("sleep").arg("600").spawn()?;'],
        "child.id();",
        "child.try_wait()",
        "Ok(None)",
        "Ok(None)",
        name="child process `sleep` (",
        gone='Err(Os { code: 10, kind: Uncategorized, message: "No child processes" })',
        done="child.kill()?; child.wait()?;",
    ),
    "files and output that the cell wrote": Kind(
        [], 'println!("written"); std::fs::write(std::env::temp_dir().join("keeps-written"), "x")?;', 'std::fs::remove_file(std::env::temp_dir().join("keeps-written")).is_ok()', "true", "true"
    ),
}


def wanted(kind: Kind, word: str) -> str:
    return {"as before": kind.before, "as the cell left it": kind.after, "may have changed": kind.after, "kept": kind.after, "stays": kind.after}.get(word, kind.gone)


def test_the_page_has_a_row_for_each_kind():
    assert list(table()) == list(KINDS)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("what", KINDS)
def test_each_cell_of_the_table(k, what, event):
    kind, word = KINDS[what], table()[what][EVENTS.index(event)]
    k.run(":clear").stdout("variables and items are gone\n").idle()
    made = [k.run(code).until().idle() for code in kind.make]
    cell = made[-1].number if made else None
    said = happen(k, kind, event)
    name = kind.name.format(cell=cell)
    if event == "hard" and word == "gone" or word == "stays":
        assert name in said, said
    if word == "may have changed" and event in ("soft", "hard"):
        assert name in said, said
    if event == "soft" and kind.name and word == "kept":
        assert "the process goes on" in said and name in said, said
    if event == "restart":
        after_restart(k, kind, word)
        return
    result = wanted(kind, word)
    k.run(kind.look).result(result).idle()
    if kind.done and word != "gone":
        k.run(kind.done).until().idle()


def happen(k, kind: Kind, event: str) -> str:
    """The event, with all that the user is told."""
    if event in ("soft", "hard"):
        return k.run(kind.change + (SOFT if event == "soft" else HARD)).fails().everything()
    k.run(kind.change).until().idle()
    if event == "succeeds":
        return ""
    story = k.run(":restart" if event == "restart" else ":undo")
    story.ends()
    return story.everything()


def after_restart(k, kind: Kind, word: str) -> None:
    if word == "gone":
        k.run(kind.look).fails("E0425")
    else:
        k.run(kind.look).result({"kept": kind.after, "new": "1"}[word]).idle()
