"""`ferrolab watch`: a notebook that runs again from the first cell that changed, in one session."""

import contextlib
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import nbformat
import pytest

from support import process
from support.notebooks import notebook, read

MARK = "waiting for {} to be saved"


class Watch:
    """A watch that runs, and what it has said so far."""

    def __init__(self, ferrolab: pathlib.Path, path: pathlib.Path, *options: str):
        self.path, self.said, self.seen = path, "", 0
        self.grown = threading.Condition()
        command = [str(ferrolab), "watch", path.name, *options]
        self.process = subprocess.Popen(command, cwd=path.parent, env=process.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while part := self.process.stdout.read1(65536):
            with self.grown:
                self.said += part.decode(errors="replace")
                self.grown.notify_all()

    def until(self, text: str, timeout: float = 120) -> str:
        """What was said from the last call to this text."""
        deadline = time.monotonic() + timeout
        with self.grown:
            while (at := self.said.find(text, self.seen)) < 0:
                assert self.process.poll() is None and time.monotonic() < deadline, f"no {text!r} in {self.said[self.seen:]!r}"
                self.grown.wait(0.5)
            part = self.said[self.seen : at + len(text)]
            self.seen = at + len(text)
            return part

    def rest(self) -> str:
        """What was said until nothing is to run."""
        return self.until(MARK.format(self.path.name))

    def save(self, text: str) -> str:
        """Writes the file as an editor does, and says what was said of it."""
        other = self.path.with_name(".other")
        other.write_text(text)
        other.rename(self.path)
        return self.rest()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(60)
        self.reader.join(20)
        return status


@pytest.fixture
def watch(ferrolab):
    with contextlib.ExitStack() as started:

        def begin(path, *options):
            running = Watch(ferrolab, path, *options)
            started.callback(lambda: running.process.poll() is None and running.end())
            return running

        yield begin


def text(*cells: str) -> str:
    return "\n\n".join(f"// %%\n{cell}" for cell in cells) + "\n"


FIRST = 'println!("the first ran");\nlet mut log: Vec<i32> = Vec::new();'


def test_the_last_cell_is_taken_back_and_runs_again(watch, tmp_path):
    path = tmp_path / "story.rs"
    path.write_text(text(FIRST, "log.push(1);\nlog.clone()"))
    running = watch(path, "--no-page")
    said = running.rest()
    assert "the first ran" in said and "Out[2]: [1]" in said
    said = running.save(text(FIRST, "log.push(2);\nlog.clone()"))
    assert "from cell 2 of 2 on: log.push(2)" in said and ": [2]\n" in said, said
    assert "the first ran" not in said
    # a cell more runs alone, and one less runs nothing
    said = running.save(text(FIRST, "log.push(2);\nlog.clone()", "log.len()"))
    assert "from cell 3 of 3" in said and ": 1\n" in said and ": [2]" not in said, said
    said = running.save(text(FIRST, "log.push(2);\nlog.clone()"))
    assert "no cell is to run" in said
    assert running.end() == 128 + signal.SIGINT


def test_what_later_cells_changed_is_made_again(watch, tmp_path):
    path = tmp_path / "story.rs"
    slow = 'println!("slow part");\nlet big = 40;'
    path.write_text(text(slow, FIRST, "let more = big + 1;", "log.push(more);\nlog.clone()", "let other = 5;"))
    running = watch(path, "--no-page")
    assert ": [41]\n" in running.rest()
    said = running.save(text(slow, FIRST, "let more = big + 2;", "log.push(more);\nlog.clone()", "let other = 5;"))
    assert ": [42]\n" in said, said
    assert "may have changed `log`, which cell [2] made" in said and "the first ran" in said
    assert "slow part" not in said, "nothing changed what the first cell made"
    # names that are not made any more are gone
    said = running.save(text(slow, FIRST, "let fewer = big + 3;", "log.push(more);\nlog.clone()", "let other = 5;"))
    assert "cannot find value `more`" in said and "failed after" in said, said
    said = running.save(text(slow, FIRST, "let fewer = big + 3;", "log.push(fewer);\nlog.clone()", "let other = 5;"))
    assert ": [43]\n" in said and "from cell 4 of 5" in said, said


def test_what_cannot_be_taken_back_begins_anew(watch, tmp_path):
    path = tmp_path / "story.rs"
    count = "static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);"
    add = "COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1"
    path.write_text(text(count, add, "1", "2"))
    running = watch(path, "--no-page")
    assert "Out[2]: 1\n" in running.rest()
    said = running.save(text(count, add, "3", "2"))
    assert "statics" in said and "from cell 1 of 4" in said and "Out[2]: 1\n" in said, said
    said = running.save(text(count, add, "3", ":opt 1\n4"))
    assert "from cell 4 of 4" in said and ": 4\n" in said, said
    said = running.save(text(count, add, "5", ":opt 1\n4"))
    assert "`:opt`" in said and "from cell 1 of 4" in said, said


def test_a_failing_cell_stops_and_the_next_save_goes_on(watch, tmp_path):
    path = tmp_path / "story.rs"
    path.write_text(text(FIRST, 'panic!("stops here")', "let never = 1;"))
    running = watch(path, "--no-page")
    said = running.rest()
    assert "stops here" in said and "never" not in said
    said = running.save(text(FIRST, "log.len()", "let never = 1;\nnever"))
    assert "Out[" in said and "the first ran" not in said and "let never = 1;" in said, said
    # a file that cannot be read changes nothing
    path.write_text("// ---\n// jupyter:\n//   a: [\n// ---\n")
    assert "YAML" in running.until("what ran stays")
    said = running.save(text(FIRST, "log.len()", "let never = 1;\nnever + 1"))
    assert ": 2\n" in said and "the first ran" not in said, said


def test_a_cell_that_is_edited_while_it_runs_is_interrupted(watch, tmp_path):
    path = tmp_path / "story.rs"
    path.write_text(text(FIRST, 'println!("begins"); std::thread::sleep(std::time::Duration::from_secs(600));'))
    running = watch(path, "--no-page")
    running.until("begins\n")
    said = running.save(text(FIRST, "log.len() + 7"))
    assert ": 7\n" in said and "the first ran" not in said, said


def test_a_notebook_file_is_watched_and_the_executed_one_written(watch, tmp_path):
    path = notebook(tmp_path, "# Title", "let x = 1;", "x + 1")
    running = watch(path, "--no-page", "-o", "out.ipynb")
    running.rest()
    assert read(tmp_path / "out.ipynb").cells[2].outputs[0].data["text/plain"] == "2"
    book = read(path)
    book.cells[2].source = "x + 2"
    said = running.save(nbformat.writes(book))
    assert "from cell 2 of 2" in said
    assert read(tmp_path / "out.ipynb").cells[2].outputs[0].data["text/plain"] == "3"
    assert read(path).cells[2].outputs == [], "the notebook itself is the user's"


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=40) as answer:
        return answer.read().decode()


def test_the_page_shows_what_ran_and_says_when_it_changed(watch, tmp_path):
    path = tmp_path / "story.rs"
    path.write_text(text(FIRST, "log.len() + 40"))
    running = watch(path)
    address = running.until("\n").partition("page: ")[2].strip()
    running.rest()
    page = get(address)
    assert "the first ran" in page and "40</pre>" in page and "All cells ran" in page
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(address.partition("?")[0])
    assert refused.value.code == 403
    state = re.search(r"since=([\w-]+)", page)[1]
    asked = []
    asking = threading.Thread(target=lambda: asked.append(get(address.replace("/?", "/changes?") + f"&since={state}")))
    asking.start()
    running.save(text(FIRST, "log.len() + 41"))
    asking.join(40)
    assert asked == ["changed"]
    assert "41</pre>" in get(address)


def test_a_missing_file_and_a_wrong_one(cli, tmp_path):
    done = cli("watch", tmp_path / "none.rs")
    assert done.returncode == 2 and "none.rs" in done.stderr
    (tmp_path / "bad.ipynb").write_text("{}")
    done = cli("watch", tmp_path / "bad.ipynb")
    assert done.returncode == 2 and "nbformat" in done.stderr
