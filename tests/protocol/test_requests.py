"""Protocol: every request of the messaging specification, on its channel."""

import stat
import time

import pytest
import zmq

from support import messages


def test_kernel_info(k):
    info = k.ask("kernel_info")
    assert info["status"] == "ok"
    assert info["implementation"] == "ferrolab"
    assert info["protocol_version"].startswith("5.")
    language = info["language_info"]
    assert language["name"] == "rust" and language["file_extension"] == ".rs"
    assert language["mimetype"] == "text/rust"
    assert language["version"].count(".") == 2


def test_kernel_info_on_control(k):
    assert k.ask("kernel_info", "control")["implementation"] == "ferrolab"


def test_heartbeat_echoes(k):
    for beat in (b"a", b"", bytes(range(256))):
        assert k.beat(beat) == beat


def test_heartbeat_while_a_cell_runs(k):
    story = k.run("std::thread::sleep(std::time::Duration::from_secs(1));").begin()
    assert k.beat(b"alive", timeout=0.5) == b"alive"
    story.idle()


def test_execution_count(k):
    first = k.run("1").result("1").idle().number
    assert k.run("2").result("2").idle().number == first + 1
    k.run("3", store_history=False).until("execute_result").result().idle()
    k.run("4", silent=True, store_history=False).idle()
    assert k.run("5").result("5").idle().number == first + 2


def test_silent_keeps_variables_and_prints(k):
    k.run("let from_silent = 9;", silent=True, store_history=False).idle()
    k.run("from_silent").result("9").idle()


def test_user_expressions(k):
    k.run("let ux = 6;").idle()
    story = k.run("let uy = 7;", user_expressions={"product": "ux * uy", "bad": "no_such_name", "text": '"a"'}).idle()
    answers = story.reply["user_expressions"]
    assert answers["product"]["status"] == "ok" and answers["product"]["data"]["text/plain"] == "42"
    assert answers["text"]["data"]["text/plain"] == '"a"'
    assert answers["bad"]["status"] == "error" and answers["bad"]["ename"] == "E0425"
    k.run("ux + uy").result("13").idle()


@pytest.mark.parametrize(
    "code, status",
    [
        ("1 + 1", "complete"),
        ("let x = 1;", "complete"),
        ("", "complete"),
        ("fn f() {", "incomplete"),
        ("let x = vec![", "incomplete"),
        ("match x {\n    1 => 2,", "incomplete"),
        ('let s = "open', "incomplete"),
        ("/* open", "incomplete"),
        ("fn f() { } }", "invalid"),
        (":help", "complete"),
        ("if a {\n} else {", "incomplete"),
        ("1 +", "incomplete"),
    ],
)
def test_is_complete(k, code, status):
    reply = k.ask("is_complete", code=code)
    assert reply["status"] == status, reply
    if status == "incomplete":
        assert isinstance(reply["indent"], str)


def test_is_complete_indents(k):
    assert k.ask("is_complete", code="fn f() {")["indent"] == "    "
    assert k.ask("is_complete", code="fn f() {\n    if true {")["indent"] == "        "


def complete(k, code, cursor=None):
    reply = k.ask("complete", code=code, cursor_pos=len(code) if cursor is None else cursor)
    assert reply["status"] == "ok"
    return reply


def test_complete_variables_and_items(k):
    k.run("let completing_variable = 1; fn completing_function() {}").idle()
    reply = complete(k, "1 + completing_")
    assert {"completing_variable", "completing_function"} <= {m.rstrip("()") for m in reply["matches"]}, reply
    assert (reply["cursor_start"], reply["cursor_end"]) == (4, 15)


def test_complete_counts_code_points(k):
    k.run("let counted_name = 1;").idle()
    code = 'let s = "🦀ä"; counted_'
    reply = complete(k, code)
    assert reply["cursor_start"] == code.index("counted_"), reply
    assert "counted_name" in reply["matches"]


def test_complete_fields_and_methods(k):
    k.run("struct Fielded { alpha_field: i32 } impl Fielded { fn alpha_method(&self) {} } let fielded = Fielded { alpha_field: 1 };").idle()
    names = {m.rstrip("()") for m in complete(k, "fielded.alpha")["matches"]}
    assert {"alpha_field", "alpha_method"} <= names, names


def test_complete_directives(k):
    assert ":vars" in complete(k, ":va")["matches"]


def test_complete_nothing(k):
    reply = complete(k, "zzzzqqq_nothing")
    assert reply["matches"] == []
    complete(k, "")
    complete(k, "abc", 0)


def test_inspect(k):
    k.run("/// Says how many.\nfn inspected_fn(a: u8) -> u16 { a as u16 } let inspected_var: u32 = 77;").idle()
    code = "inspected_fn(3)"
    reply = k.ask("inspect", code=code, cursor_pos=5, detail_level=0)
    assert reply["found"] and "inspected_fn" in reply["data"]["text/plain"] and "Says how many." in reply["data"]["text/plain"]
    reply = k.ask("inspect", code="inspected_var", cursor_pos=13, detail_level=0)
    assert reply["found"] and "u32" in reply["data"]["text/plain"]
    reply = k.ask("inspect", code="nothing_known_here", cursor_pos=3, detail_level=1)
    assert reply["status"] == "ok" and not reply["found"] and reply["data"] == {}


@pytest.mark.parametrize("cursor", [0, 5, 10_000])
def test_cursor_anywhere(k, cursor):
    k.ask("inspect", code="äöü 🦀", cursor_pos=cursor, detail_level=0)
    k.ask("complete", code="äöü 🦀", cursor_pos=cursor)


def test_requests_answer_while_a_cell_runs(k):
    k.run("let busy_name = 1;").idle()
    story = k.run('println!("on"); std::thread::sleep(std::time::Duration::from_secs(4));').begin()
    k.wait(lambda: k.unread.get(story.request), "on")
    asked = time.monotonic()
    assert "busy_name" in complete(k, "busy_na")["matches"]
    assert k.ask("inspect", code="busy_name", cursor_pos=4, detail_level=0)["found"]
    assert k.ask("is_complete", code="fn f(")["status"] == "incomplete"
    k.ask("kernel_info", "control")
    k.ask("usage", "control", timeout=3)
    assert time.monotonic() - asked < 3, "not answered while the cell ran"
    story.stdout("on\n").idle()


def test_usage(k):
    reply = k.ask("usage", "control")
    content = reply.get("content", reply)
    assert content["kernel_memory"] > 1 << 20, content
    assert content["kernel_cpu"] >= 0
    assert content["pid"] > 0
    assert content["host_virtual_memory"]["total"] > 0


def test_comm_info(k):
    assert k.ask("comm_info")["comms"] == {}
    assert k.ask("comm_info", target_name="x")["comms"] == {}


def test_comm_of_an_unknown_target_is_closed(k):
    request = k.send("comm_open", {"comm_id": "c1", "target_name": "unknown", "data": {}})
    seen = []
    while len(seen) < 3:
        seen.append(k.published(request))
        if seen[-1].content.get("execution_state") == "idle":
            break
    assert [m.type for m in seen] == ["status", "comm_close", "status"], [str(m) for m in seen]


def test_history(k):
    k.run("let in_history = 11;").idle()
    k.run("in_history + 1").result("12").idle()
    tail = k.ask("history", hist_access_type="tail", n=2, raw=True, output=False)["history"]
    assert [entry[2] for entry in tail] == ["let in_history = 11;", "in_history + 1"]
    with_output = k.ask("history", hist_access_type="tail", n=1, raw=True, output=True)["history"]
    assert with_output[0][2] == ["in_history + 1", "12"]
    found = k.ask("history", hist_access_type="search", pattern="let in_hist*", n=1, unique=True, raw=True, output=False)["history"]
    assert found[-1][2] == "let in_history = 11;"
    session, line = tail[0][:2]
    ranged = k.ask("history", hist_access_type="range", session=0, start=line, stop=line + 2, raw=True, output=False)["history"]
    assert [entry[2] for entry in ranged] == ["let in_history = 11;", "in_history + 1"]
    assert session >= 0


def test_history_of_an_earlier_session(start):
    first = start()
    marker = f"let kept_on_disk_{time.time_ns()} = 1;"
    first.ok(marker)
    first.close()
    second = start()
    found = second.ask("history", hist_access_type="search", pattern=f"{marker[:20]}*", n=5, raw=True, output=False)["history"]
    assert marker in [entry[2] for entry in found]


def test_history_leaves_out_what_is_not_stored(k):
    k.run("let unstored_name = 1;", store_history=False).idle()
    found = k.ask("history", hist_access_type="search", pattern="*unstored_name*", n=5, raw=True, output=False)["history"]
    assert found == []


def test_a_bad_signature_is_dropped(k):
    good_key, k.key = k.key, b"wrong"
    request = k.send("kernel_info_request", {})
    k.key = good_key
    # messages of one socket are taken in order: whoever answers this one has passed over the other
    k.run("1 + 1").result("2").idle()
    assert request not in k.replies and request not in k.unread
    assert "signature" in k.log_text().lower()


@pytest.mark.parametrize(
    "frames",
    [
        [b"garbage"],
        [],
        [messages.DELIMITER],
        [messages.DELIMITER, b"", b"", b"", b"", b""],
        [b"\x00" * 10_000],
        [messages.DELIMITER, b"sig", b"{}", b"{}", b"{}", b"{}"],
    ],
)
@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_garbage_is_dropped(k, frames, channel):
    k.sockets[channel].send_multipart(frames or [b""])
    k.run("1 + 1").result("2").idle()


def test_signed_nonsense_is_survived(k):
    for head, content in [
        ({"msg_type": "execute_request"}, {}),
        (messages.header("no_such_request", k.session), {}),
        (messages.header("execute_request", k.session), {"code": 5}),
        (messages.header("complete_request", k.session), {}),
        (messages.header("kernel_info_reply", k.session), {}),
    ]:
        if "msg_id" in head:
            k.sent[head["msg_id"]] = head["msg_type"]
        k.sockets["shell"].send_multipart(messages.pack(k.key, head, content))
    k.run("1 + 1").result("2").idle()
    said = [m.content for queue in k.replies.values() for m in queue]
    assert all(content.get("status") == "error" for content in said), said
    k.unread.clear(), k.replies.clear()


def test_requests_queue_in_order(k):
    stories = [k.run(f"{i} + 0") for i in range(5)]
    for i, story in enumerate(stories):
        story.result(str(i)).idle()


def test_two_frontends(k):
    """A second client on the same kernel: each gets its own replies, both see everything published."""
    context = zmq.Context()
    try:
        other = context.socket(zmq.DEALER)
        other.linger = 0
        other.connect(f"tcp://127.0.0.1:{k.connection['shell_port']}")
        head = messages.header("kernel_info_request", "other")
        k.sent[head["msg_id"]] = head["msg_type"]
        other.send_multipart(messages.pack(k.key, head, {}))
        assert other.poll(5000)
        reply = messages.parse(k.key, "shell", other.recv_multipart())
        assert reply.type == "kernel_info_reply" and reply.parent_id == head["msg_id"]
        assert [k.published(head["msg_id"]).content["execution_state"] for _ in range(2)] == ["busy", "idle"]
    finally:
        context.destroy(0)


def test_welcome_on_a_new_subscription(k):
    context = zmq.Context()
    try:
        socket = context.socket(zmq.SUB)
        socket.linger = 0
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(f"tcp://127.0.0.1:{k.connection['iopub_port']}")
        assert socket.poll(5000), "no iopub_welcome"
        assert messages.parse(k.key, "iopub", socket.recv_multipart()).type == "iopub_welcome"
    finally:
        context.destroy(0)


def test_the_history_is_private(start, tmp_path):
    kernel = start(XDG_STATE_HOME=str(tmp_path / "state"))
    kernel.ok("1 + 1")
    path = tmp_path / "state" / "ferrolab" / "history.jsonl"
    assert "1 + 1" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
