"""A page that is reloaded while a cell runs: what the kernel can give to the new one."""

from support import process

SECONDS = 12
CELLS = [
    f'println!("before");\nfor i in progress(0..{SECONDS * 20}).message("long run") {{\n'
    "    std::thread::sleep(std::time::Duration::from_millis(50));\n"
    f'    if i == {SECONDS * 20 - 10} {{ println!("nearly there"); }}\n}}',
    ":attach",
    ":attach",
]
BAR = "[role=progressbar]"


def run_cell(page, index: int) -> None:
    page.locator(".jp-CodeCell").nth(index).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def test_a_reloaded_page_sees_the_bar_go_on(lab, browser):
    page = lab.open(browser, lab.book("reload.ipynb", CELLS), 900)
    page.on("dialog", lambda dialog: dialog.accept())
    run_cell(page, 0)
    page.wait_for_selector(f".jp-CodeCell {BAR}", timeout=60_000)
    page.reload(wait_until="domcontentloaded")
    # the kernel goes on, and says so to the new page
    lab.ready(page, "Busy")
    cells = page.locator(".jp-CodeCell")
    page.wait_for_timeout(500)
    # JupyterLab shows nothing of a request of the page before; should it learn to, all the better
    print(f"bars shown by JupyterLab itself after the reload: {cells.nth(0).locator(BAR).count()}")

    run_cell(page, 1)
    bar = cells.nth(1).locator(BAR)
    bar.wait_for(timeout=20_000)
    now = lambda: int(bar.get_attribute("aria-valuenow"))  # noqa: E731
    first = now()
    assert 0 < first < 100
    assert "before" in cells.nth(1).inner_text() and "[1] has been running for" in cells.nth(1).inner_text()
    page.wait_for_function("([at, bar]) => Number(document.querySelectorAll('.jp-CodeCell')[1].querySelector(bar).ariaValueNow) > at", arg=[first, BAR])
    assert cells.nth(1).locator(".jp-InputArea-prompt").inner_text().strip() == "[*]:"
    page.screenshot(path=str(process.WORK / "reload-running.png"))

    page.wait_for_function("() => /\\[\\d+\\]/.test(document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')[1].textContent)", timeout=60_000)
    assert now() == 100 and bar.get_attribute("aria-valuetext").endswith("done")
    assert "nearly there" in cells.nth(1).inner_text()
    assert bar.count() == 1, "one bar, updated in place"

    # also when it has ended meanwhile
    run_cell(page, 2)
    cells.nth(2).locator(BAR).wait_for(timeout=20_000)
    assert cells.nth(2).locator(BAR).get_attribute("aria-valuenow") == "100" and "[1] ended" in cells.nth(2).inner_text()
    page.screenshot(path=str(process.WORK / "reload-ended.png"))
    assert not page.problems, page.problems
    page.close()


def test_attach_before_its_turn(k):
    """The same by messages: outputs come before the cell's own turn, as its children, and its reply after it."""
    slow = k.run('println!("first"); let bar_to_follow = Bar::new(10).message("m"); for _ in 0..10 { bar_to_follow.inc(1); std::thread::sleep(std::time::Duration::from_millis(200)); } bar_to_follow.finish(); 42')
    slow.begin()
    k.wait(lambda: any(m.type == "display_data" for m in k.unread.get(slow.request, [])), "the bar")
    follower = k.send("execute_request", {"code": ":attach", "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True})
    k.wait(lambda: any(m.type == "display_data" for m in k.unread.get(follower, [])), "the bar, again")
    assert follower not in k.replies, "the cell it follows still runs"
    slow.until().idle()
    k.reply(follower)
    k.wait(lambda: sum(m.content.get("execution_state") == "idle" for m in k.unread[follower]), "idle")
    told = k.unread.pop(follower)
    kinds = [m.type for m in told if m.type not in ("status", "execute_input")]
    assert kinds == ["stream", "stream", "display_data", "display_data"], kinds
    shown = [m.content["data"]["text/plain"] for m in told if m.type == "display_data"]
    assert shown[-1] == "42"
    ids = {m.content["transient"]["display_id"] for m in [*slow.told, *told] if m.type == "display_data" and m.content.get("transient", {}).get("display_id")}
    assert len(ids) == 1, "updates reach both by the one id"


def test_a_cell_that_fails_is_seen_too(k):
    story = k.run('println!("begun"); std::thread::sleep(std::time::Duration::from_millis(600)); panic!("too hot")').begin()
    attached = k.run(":attach", timeout=30)
    aborted = k.run("1 + 1")
    story.fails("panic", "too hot")
    k.reply(attached.request)
    k.wait(lambda: sum(m.content.get("execution_state") == "idle" for m in k.unread.get(attached.request, [])), "idle")
    text = "".join(attached.text_of(m) for m in k.unread.pop(attached.request) if m.type == "stream")
    assert "begun" in text and "too hot" in text
    aborted.aborted()


def test_attach_is_a_cell_of_its_own(k):
    k.run("1;\n:attach").fails(None, ":attach is a cell of its own")
