"""Help on names: `?name` goes to the pager, and the helpers are known to it and to completion."""


def test_help_goes_to_the_pager(k):
    story = k.run("?Vec").idle()
    (page,) = story.reply["payload"]
    assert page["source"] == "page" and page["start"] == 0
    assert "Vec<T" in page["data"]["text/plain"] and "text/markdown" in page["data"]


def test_several_helps_are_one_page(k):
    story = k.run("?Vec\n?String\n1 + 1").result("2").idle()
    (page,) = story.reply["payload"]
    assert "Vec" in page["data"]["text/plain"] and "String" in page["data"]["text/plain"]


def test_help_before_an_error_is_shown(k):
    story = k.run("?Vec\nthis_name_is_not_known").display(matches="Vec").fails("E0425", "this_name_is_not_known")
    assert not story.reply.get("payload")


def test_the_prelude_is_known(k):
    def matches(code):
        return k.ask("complete", code=code, cursor_pos=len(code))["matches"]

    assert {"line", "line_y"} <= set(matches("plot::li"))
    assert "map" in matches("par::ma")
    assert "title" in matches("plot::line(&[1.0], &[2.0]).ti")
    assert "threads" in matches("thre") and "progress" in matches("progr")
    found = k.ask("inspect", code="progress", cursor_pos=4, detail_level=0)
    assert found["found"] and "fn progress" in found["data"]["text/plain"]
    (page,) = k.run("?plot::hist").idle().reply["payload"]
    assert "fn hist" in page["data"]["text/plain"]
