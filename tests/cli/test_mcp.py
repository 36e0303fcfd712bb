"""`ferrolab mcp`: a Model Context Protocol server on a session, and `ferrolab assist --init`."""

import base64
import json
import os
import queue
import subprocess
import threading
import time

import pytest

from support import process
from support.frontend import Kernel
from support.notebooks import notebook, read

TOOLS = {"state", "run", "check", "variables", "inspect", "complete", "docs", "figure", "interrupt", "undo", "notebook", "more"}


class Client:
    """A client as assistants are: JSON, one message a line."""

    def __init__(self, ferrolab, *arguments, cwd=None, **env):
        self.process = subprocess.Popen([str(ferrolab), "mcp", *map(str, arguments)], cwd=cwd, env=process.environment(**env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.number, self.bytes = 0, 0

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def send(self, method: str, params: dict | None = None, **more) -> None:
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params or {}, **more}) + "\n")
        self.process.stdin.flush()

    def ask(self, method: str, params: dict | None = None, timeout: float = 120) -> dict:
        self.number += 1
        number = self.number
        self.send(method, params, id=number)
        deadline = time.monotonic() + timeout
        while True:
            line = self.lines.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, self.process.stderr.read()
            self.bytes += len(line)
            message = json.loads(line)
            if message.get("id") == number:
                return message

    def begin(self):
        told = self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})["result"]
        assert told["serverInfo"]["name"] == "ferrolab" and "changes nothing" in told["instructions"]
        self.send("notifications/initialized")
        return self

    def call(self, tool: str, within: float = 300, fails: bool = False, **arguments) -> str:
        result = self.ask("tools/call", {"name": tool, "arguments": arguments}, within)["result"]
        text = "\n".join(part["text"] for part in result["content"] if part["type"] == "text")
        assert bool(result.get("isError")) == fails, text
        return text

    def end(self):
        self.process.stdin.close()
        status = self.process.wait(30)
        assert status == 0, self.process.stderr.read()


@pytest.fixture
def client(ferrolab, tmp_path):
    clients = []

    def begin(*arguments, **env):
        clients.append(Client(ferrolab, *arguments, cwd=tmp_path, **env).begin())
        return clients[-1]

    yield begin
    for each in clients:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def test_a_session_of_its_own(client):
    before = set(process.tree(os.getpid()))
    assistant = client()
    assert {tool["name"] for tool in assistant.ask("tools/list")["result"]["tools"]} == TOOLS
    assert "no cell runs" in assistant.call("state")
    assert assistant.call("run", code="let v = vec![3, 1, 2];\nfn twice(x: i32) -> i32 { 2 * x }\ntwice(v[0])") == "6"
    assert assistant.call("run", code="let w = 1;") == "[ran; it put out nothing]"
    assert assistant.call("variables").splitlines() == ["v: Vec<i32>", "w: i32"]
    state = assistant.call("state")
    assert "twice" in state and "[1] let v" in state
    # trying is safe
    failed = assistant.call("run", code='let mut v = v; v.push(9); panic!("no")', fails=True)
    assert "panic: no" in failed and "\x1b" not in failed
    assert assistant.call("run", code="v.clone()") == "[3, 1, 2]"
    assert "panic: no" in assistant.call("state")
    assert "took back" in assistant.call("undo")
    assert "Vec<i32>" in assistant.call("inspect", code="v")
    assert "sort_unstable" in assistant.call("complete", code="v.sort_un")
    assert "push" in assistant.call("docs", name="Vec::push")
    assert assistant.call("docs", name="par::map")
    assert "nothing is known" in assistant.call("docs", name="no_such_name", fails=True)
    assistant.end()
    assert set(process.tree(os.getpid())) <= before | {assistant.process.pid}


def test_a_type_error_is_repaired_from_the_answer_of_check(client):
    assistant = client()
    assistant.call("run", code='let owned = String::from("a");\nlet untouched = vec![5];\nfn takes(text: &str) -> usize { text.len() }')
    code = "takes(owned)"
    result = assistant.ask("tools/call", {"name": "check", "arguments": {"code": code}})["result"]
    found = json.loads(result["content"][1]["text"])["diagnostics"][0]
    assert found["code"] == "E0308"
    for edit in sorted(found["suggestions"][0]["edits"], key=lambda edit: -edit["start"]["offset"]):
        code = code[: edit["start"]["offset"]] + edit["replacement"] + code[edit["end"]["offset"] :]
    assert assistant.call("run", code=code) == "1"
    assert assistant.call("run", code="untouched.clone()") == "[5]"
    assistant.end()


def test_long_cells_and_long_outputs(client):
    assistant = client()
    first = assistant.call("run", code='println!("begins"); std::thread::sleep(std::time::Duration::from_secs(3)); println!("ends");', timeout=1)
    assert "runs still" in first and "begins" in first and "r1" in first
    began = time.monotonic()
    assert "running: cell [1]" in assistant.call("state") and time.monotonic() - began < 2
    assert assistant.call("more", handle="r1", timeout=60).split() == ["begins", "ends"]
    before = assistant.bytes
    said = assistant.call("run", code='let line = "x".repeat(999); for _ in 0..200_000 { println!("{line}"); }', timeout=250)
    assert assistant.bytes - before < 10_240, "200 MB of output cost the client more than 10 KB"
    assert "`more` with handle r2 and from 8000" in said
    assert assistant.call("more", from_=0, fails=True).startswith("`more` takes no `from_`")
    result = assistant.ask("tools/call", {"name": "more", "arguments": {"handle": "r2", "from": 8000}})["result"]
    assert result["content"][0]["text"].startswith("xxx")
    # an interrupt comes through while a cell runs
    assistant.call("run", code="loop { std::thread::sleep(std::time::Duration::from_millis(5)); }", timeout=0)
    assistant.call("interrupt")
    assert "nterrupt" in assistant.call("more", timeout=60, fails=True)
    assistant.end()


def test_a_figure_is_a_picture(client):
    assistant = client()
    result = assistant.ask("tools/call", {"name": "figure", "arguments": {"code": "plot::line_y(&[1.0, 3.0, 2.0])"}})["result"]
    picture = result["content"][0]
    assert picture["type"] == "image" and picture["mimeType"] == "image/png"
    assert base64.b64decode(picture["data"]).startswith(b"\x89PNG")
    assert "cannot find" in assistant.call("figure", code="no_such_plot", fails=True)
    assistant.end()


def test_the_session_of_a_notebook(client, ferrolab, tmp_path):
    path = notebook(tmp_path, "# Title", "let shared = 42;")
    kernel = Kernel(JPY_SESSION_NAME=str(path))
    try:
        kernel.run("let shared = 42;").finish()
        assistant, other = client("--notebook", path.name), client("--kernel", kernel.connection_file)
        assert "shared: i32" in assistant.call("variables")
        assert assistant.call("run", code="let theirs = shared + 1;\ntheirs") == "43"
        # whoever else is connected sees what the assistant made
        assert other.call("run", code="theirs") == "43"
        assert "[1] code" in assistant.call("notebook", action="read")
        assistant.call("notebook", action="insert", source="theirs + 1")
        assistant.call("notebook", action="edit", index=0, source="# Another title")
        assistant.end()
        assert "shared: i32" in other.call("variables"), "the kernel is the notebook's"
        other.end()
        assert kernel.alive()
    finally:
        # it has heard what others asked for, which this frontend forgives nobody
        kernel.close(check=False)
    assert [cell.source for cell in read(path).cells] == ["# Another title", "let shared = 42;", "theirs + 1"]


def test_texts_are_edited_too(client, tmp_path):
    path = tmp_path / "story.rs"
    path.write_text("// %%\nlet x = 1;\n")
    assistant = client()
    assistant.call("notebook", action="insert", path=str(path), source="# Words", kind="markdown", index=0)
    assert path.read_text() == "// %% [markdown]\n// # Words\n\n// %%\nlet x = 1;\n"
    assert "no cell 7" in assistant.call("notebook", action="delete", path=str(path), index=7, fails=True)
    assert "name the file" in assistant.call("notebook", action="read", fails=True)
    assistant.end()


def test_what_cannot_be_attached_to_is_refused(ferrolab, tmp_path):
    def refused(*arguments) -> str:
        done = subprocess.run([str(ferrolab), "mcp", *map(str, arguments)], cwd=tmp_path, env=process.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
        assert done.returncode == 1, done
        return done.stderr

    assert "no kernel runs" in refused("--notebook", "none.ipynb")
    assert "none.json" in refused("--kernel", "none.json")
    (tmp_path / "bad.json").write_text("{}")
    assert "not a connection file" in refused("--kernel", "bad.json")
    with Kernel() as kernel:
        wrong = tmp_path / "wrong.json"
        wrong.write_text(json.dumps(kernel.connection | {"key": "another"}))
        assert "no kernel answers" in refused("--kernel", wrong)


def test_instructions_for_assistants(cli, tmp_path):
    (tmp_path / "AGENTS.md").write_text("# Ours\n")
    for _ in range(2):
        done = cli("assist", "--init", tmp_path)
        assert done.returncode == 0, done.stderr
    text = (tmp_path / "AGENTS.md").read_text()
    assert text.startswith("# Ours\n") and text.count("ferrolab mcp") == 1
    assert cli("assist", tmp_path).returncode == 2
