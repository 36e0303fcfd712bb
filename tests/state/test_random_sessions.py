"""Random sessions: threads, pipes, sockets, files, locks, children, pools and data, and cells that fail in every
way among them; a model says what must be there after each cell. FERROLAB_SESSIONS and FERROLAB_SEED choose how many
and which; a failure prints its seed and its cells."""

import dataclasses
import os
import random
import time

import pytest

PRELUDE = """use std::io::{Read, Seek, Write, BufRead};
use std::sync::mpsc;
use std::process::{Command, Stdio};
type Ask = mpsc::Sender<(u32, mpsc::Sender<u32>)>;
fn service() -> Ask { let (ask, asked) = mpsc::channel::<(u32, mpsc::Sender<u32>)>(); std::thread::spawn(move || asked.iter().for_each(|(n, reply)| { let _ = reply.send(n + 1); })); ask }
fn ask(service: &Ask, n: u32) -> u32 { let (reply, answer) = mpsc::channel(); let _ = service.send((n, reply)); answer.recv().unwrap_or(0) }
fn file(name: &str) -> std::io::Result<std::fs::File> { let at = std::env::temp_dir().join(format!("random-{}-{name}", std::process::id())); std::fs::write(&at, [7; 100])?; let file = std::fs::File::open(&at)?; std::fs::remove_file(at)?; Ok(file) }"""
SOFT = ['panic!("no");', 'Err::<(), _>("no")?;', 'let _: i32 = "4x".parse()?;', "let _ = Vec::<i32>::new()[7];"]
HARD = [
    "std::process::abort();",
    "std::process::exit(3);",
    "unsafe { std::ptr::null_mut::<i32>().write_volatile(1) };",
    'Command::new("kill").args(["-9", &std::process::id().to_string()]).status()?; std::thread::sleep(std::time::Duration::from_secs(60));',
]


@dataclasses.dataclass
class Thing:
    """One thing of a session: how it is made, used, and seen; and the value that it must have."""

    name: str
    value: int
    # lost with the process, and what keeps it alive after a soft failure
    lives = False
    # as the failing cell left it
    shared = False

    def use(self, rng: random.Random) -> tuple[str, int]:
        """Code, and the value after it."""
        return "", self.value


class Small(Thing):
    make = "let mut {n} = vec![1u8; {v}];"
    look = "{n}.len()"

    def use(self, rng):
        return f"{self.name}.push(1);", self.value + 1


class Boxed(Thing):
    make = 'let {n} = std::sync::Arc::new(std::sync::Mutex::new("x".repeat({v})));'
    look = "{n}.lock().map_or(0, |s| s.len())"

    def use(self, rng):
        return f"{self.name}.lock().unwrap().push('y');", self.value + 1


class Words(Thing):
    """Large, but full of pointers: protected as small data is."""

    make = "let mut {n}: Vec<String> = (0..40_000).map(|i| i.to_string()).collect(); {n}[0] = {v}.to_string();"
    look = "{n}[0].parse::<usize>()? + {n}.iter().filter(|w| w.is_empty()).count()"

    def use(self, rng):
        return f'{self.name}.iter_mut().for_each(|w| w.push_str("0")); {self.name}[0] = "{self.value + 1}".to_owned();', self.value + 1


class Large(Thing):
    shared = True
    make = "let mut {n} = vec![0u32; 300_000]; {n}[150_000] = {v};"
    look = "{n}[150_000] as usize + {n}.len() - 300_000"

    def use(self, rng):
        return f"{self.name}[150_000] += 1;", self.value + 1


class Regrown(Thing):
    """Large, and of another size after each use: what a failing cell cut off or moved is as before."""

    make = "let mut {n} = vec![1u16; 200_000 + {v}];"
    look = "{n}.len() - 200_000 + {n}.iter().filter(|x| **x != 1).count()"

    def use(self, rng):
        grow = rng.choice([1, 500_000])
        code = f"{self.name}.resize(200_000 + {self.value + grow}, 1); {self.name}.shrink_to_fit();"
        return code, self.value + grow


class File(Thing):
    make = 'let mut {n} = file("{n}")?; {n}.seek(std::io::SeekFrom::Start({v}))?;'
    look = "{n}.stream_position()? as usize"

    def use(self, rng):
        return f"{self.name}.read_exact(&mut [0; 1])?;", self.value + 1


class Pipe(Thing):
    make = "let (mut {n}, {n}_in) = std::io::pipe()?; {n}_in.try_clone()?.write_all(&[{v}])?;"
    look = "{{ let mut one = [0]; {n}.read_exact(&mut one)?; {n}_in.try_clone()?.write_all(&one)?; one[0] as usize }}"

    def use(self, rng):
        return f"{{ let mut one = [0]; {self.name}.read_exact(&mut one)?; {self.name}_in.try_clone()?.write_all(&one)?; }}", self.value


class Socket(Pipe):
    make = "let (mut {n}, {n}_in) = std::os::unix::net::UnixStream::pair()?; {n}_in.try_clone()?.write_all(&[{v}])?;"


class Lock(Thing):
    make = 'let {n} = std::fs::File::create(std::env::temp_dir().join("random-lock-{n}-{v}"))?; {n}.lock()?;'
    look = 'if std::fs::File::open(std::env::temp_dir().join("random-lock-{n}-{v}"))?.try_lock().is_err() {{ {v} }} else {{ 0 }}'


class Service(Thing):
    lives = True
    make = "let {n} = service(); ask(&{n}, 1);"
    look = "ask(&{n}, {v} - 1) as usize"


class Pool(Thing):
    lives = True
    make = "let {n} = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;"
    look = "{n}.install(|| {v})"


class Child(Thing):
    lives = True
    make = 'let mut {n} = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;'
    look = '{{ writeln!({n}.stdin.as_mut().unwrap(), "{v}")?; let mut line = String::new(); std::io::BufReader::new({n}.stdout.as_mut().unwrap()).read_line(&mut line)?; line.trim().parse::<usize>()? }}'


KINDS = [Small, Boxed, Words, Large, Regrown, File, Pipe, Socket, Lock, Service, Pool, Child]


class Session:
    def __init__(self, kernel, rng: random.Random):
        self.kernel, self.rng = kernel, rng
        self.things: list[Thing] = []
        self.before: list[tuple[Thing, int]] | None = None
        self.told: list[str] = []
        self.count = 0
        self.run(PRELUDE)

    def run(self, code: str):
        self.told.append(code)
        story = self.kernel.run(code)
        return story, story.ends()

    def well(self, code: str) -> str:
        story, status = self.run(code)
        assert status == "ok", story.everything()
        return story.everything()

    def format(self, text: str, thing: Thing) -> str:
        return text.format(n=thing.name, v=thing.value)

    def make(self) -> tuple[str, list[Thing]]:
        self.count += 1
        thing = self.rng.choice(KINDS)(f"t{self.count}", self.rng.randrange(3, 90))
        return self.format(thing.make, thing), [thing]

    def step(self) -> None:
        what = self.rng.choices(["make", "use", "soft", "hard", "undo"], [4, 4, 3, 2, 1])[0]
        if what == "undo" and self.things:
            return self.undo()
        code, made, changed = "", [], []
        if what == "make" or not self.things or self.rng.random() < 0.2:
            code, made = self.make()
        for thing in self.rng.sample(self.things, min(len(self.things), self.rng.randrange(1, 3))):
            use, value = thing.use(self.rng)
            code += " " + use
            changed.append((thing, value))
        before = [(thing, thing.value) for thing in self.things]
        if what in ("make", "use", "undo"):
            self.well(code)
            self.things += made
            for thing, value in changed:
                thing.value = value
            self.before = before
        else:
            self.fail(what, code, changed)
        self.look()

    def fail(self, what: str, code: str, changed: list[tuple[Thing, int]]) -> None:
        story, status = self.run(code + " " + self.rng.choice(SOFT if what == "soft" else HARD))
        assert status == "error"
        said = story.everything()
        lives = [thing for thing in self.things if thing.lives]
        self.before = None
        if what == "soft" and lives:
            assert "the process goes on" in said, said
            for thing, value in changed:
                thing.value = value
            return
        assert "as they were before" in said, said
        for thing, value in changed:
            if thing.shared:
                assert f"`{thing.name}`" in said and "may have changed" in said, said
                thing.value = value
        if lives:
            assert "with the process went" in said, said
        self.things = [thing for thing in self.things if not thing.lives]

    def undo(self) -> None:
        story, status = self.run(":undo")
        lives = self.before is not None and any(thing.lives for thing, _ in self.before)
        if self.before is None or lives:
            assert status == "error", story.everything()
            return
        assert status == "ok", story.everything()
        for thing, value in self.before:
            # pages that are not copied are as the cell left them
            if not thing.shared:
                thing.value = value
        self.things = [thing for thing, _ in self.before]
        self.before = None
        self.look()

    def look(self) -> None:
        if not self.things:
            return
        seen = self.rng.sample(self.things, min(3, len(self.things)))
        code = "vec![" + ", ".join(self.format(thing.look, thing) for thing in seen) + "]"
        story, status = self.run(code)
        assert status == "ok", story.everything()
        got = [m.content["data"]["text/plain"] for m in story.told if m.type == "execute_result"]
        assert got == [str([thing.value for thing in seen])], (got, seen)
        # looking is a cell of its own, and what `:undo` takes back
        self.before = [(thing, thing.value) for thing in self.things]


def play(start, seed: int, cells: int) -> None:
    rng = random.Random(seed)
    session = None
    begun = time.monotonic()
    try:
        session = Session(start(), rng)
        for _ in range(cells):
            session.step()
    except BaseException:
        print(f"seed {seed}, after {time.monotonic() - begun:.0f} s; the cells:\n" + "\n---\n".join(session.told if session else []))
        raise


@pytest.mark.parametrize("seed", [1, 2])
def test_a_short_session(start, seed):
    play(start, seed, 12)


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
def test_many_sessions(start):
    first = int(os.environ.get("FERROLAB_SEED", random.randrange(1 << 30)))
    for seed in range(first, first + int(os.environ.get("FERROLAB_SESSIONS", 20))):
        print("seed", seed)
        play(start, seed, 50)
