"""Output: rich displays, their order with prints, ids and updates."""

import base64
import json

import pytest

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.mark.parametrize(
    "function, argument, mime, text",
    [
        ("html", "<b>bold</b>", "text/html", "<b>bold</b>"),
        ("svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("markdown", "# head", "text/markdown", "# head"),
        ("latex", "$x^2$", "text/latex", "$x^2$"),
    ],
)
def test_text_types(k, function, argument, mime, text):
    k.run(f'display::{function}("{argument}").show();').display(text, mime=mime).idle()


@pytest.mark.parametrize(
    "function, mime",
    [
        ("json", "application/json"),
        ("vega_lite", "application/vnd.vegalite.v5+json"),
        ("plotly", "application/vnd.plotly.v1+json"),
    ],
)
def test_json_types_are_objects(k, function, mime):
    story = k.run(f"display::{function}(r#\"{{\"data\": [1, 2], \"name\": \"ä\"}}\"#).show();").display()
    value = story.told[-1].content["data"][mime]
    assert value == {"data": [1, 2], "name": "ä"}, "JSON types travel as objects, not as text"
    story.idle()


def test_png_is_base64(k):
    octets = ", ".join(str(b) for b in base64.b64decode(PNG))
    story = k.run(f"display::png(vec![{octets}]).show();").display()
    assert base64.b64decode(story.told[-1].content["data"]["image/png"]) == base64.b64decode(PNG)
    story.idle()


def test_table_of_rows(k):
    story = k.run('display::table(["name", "value"], [["a<b", "1"], ["c", "2"]]).show();').display()
    data = story.told[-1].content["data"]
    assert "<table" in data["text/html"] and "a&lt;b" in data["text/html"]
    assert "name" in data["text/plain"] and "a<b" in data["text/plain"]
    story.idle()


def test_several_displays_and_prints_in_order(k):
    code = 'for i in 0..20 { println!("p{i}"); display::html(format!("<i>{i}</i>")).show(); }\nprintln!("end");'
    story = k.run(code)
    for i in range(20):
        story.stdout(f"p{i}\n").display(f"<i>{i}</i>", mime="text/html")
    story.stdout("end\n").idle()


def test_display_trait_of_a_user_type(k):
    k.run(
        "struct Card(&'static str);\n"
        "impl display::Display for Card { fn mime_bundle(&self) -> display::MimeBundle {\n"
        "vec![(\"text/html\".into(), format!(\"<h1>{}</h1>\", self.0).into()), (\"text/plain\".into(), self.0.into())] } }"
    ).idle()
    story = k.run('Card("title")').result("title")
    assert story.told[-1].content["data"]["text/html"] == "<h1>title</h1>"
    story.idle()


def test_evcxr_display_is_understood(k):
    k.run(
        'struct Old; impl Old { fn evcxr_display(&self) { println!("EVCXR_BEGIN_CONTENT text/html\\n<b>old</b>\\nEVCXR_END_CONTENT"); } }'
    ).idle()
    story = k.run("Old").until("display_data", "execute_result")
    message = story._take(story._peek().type)
    assert message.content["data"]["text/html"].strip() == "<b>old</b>"
    story.idle()


def test_evcxr_content_between_prints(k):
    story = k.run(
        'println!("a"); println!("EVCXR_BEGIN_CONTENT text/html\\n<p>x</p>\\n<p>y</p>\\nEVCXR_END_CONTENT"); println!("b");'
    )
    story.stdout("a\n").until("display_data", "execute_result")
    message = story._take(story._peek().type)
    assert message.content["data"]["text/html"].strip() == "<p>x</p>\n<p>y</p>"
    story.stdout("b\n").idle()


def test_evcxr_words_within_a_line_are_text(k):
    k.run('println!("say EVCXR_BEGIN_CONTENT text/html");').stdout("say EVCXR_BEGIN_CONTENT text/html\n").idle()


def test_display_id_and_update(k):
    story = k.run('display::html("<i>0</i>").show_as("story"); display::html("<i>1</i>").update("story");')
    story.display("<i>0</i>", mime="text/html", display_id="story").update("<i>1</i>", mime="text/html", display_id="story").idle()
    k.run('display::html("<i>2</i>").update("story");').update("<i>2</i>", mime="text/html", display_id="story").idle()


def test_clear_output(k):
    k.run('println!("old"); display::clear_output(false); println!("new");').stdout("old\n").clear(False).stdout("new\n").idle()
    k.run("display::clear_output(true);").clear(True).idle()


def test_a_big_display(k):
    story = k.run('display::html("z".repeat(5_000_000)).show();').display()
    assert len(story.told[-1].content["data"]["text/html"]) == 5_000_000
    story.idle()


def test_every_display_has_plain_text(k):
    story = k.run('display::html("<b>x</b>").show();').display()
    assert "text/plain" in story.told[-1].content["data"]
    story.idle()


def test_displays_from_threads(k):
    story = k.run(
        "std::thread::scope(|s| { for t in 0..4 { s.spawn(move || for i in 0..10 { display::html(format!(\"<b>{t}/{i}</b>\")).show(); }); } });"
    ).until()
    shown = sorted(json.dumps(m.content["data"]["text/html"]) for m in story.told)
    assert len(set(shown)) == 40
    story.idle()


def test_a_trailing_content_is_the_result(k):
    story = k.run('display::markdown("# as a result").alt("as a result")').result("as a result")
    assert story.told[-1].content["data"]["text/markdown"] == "# as a result"
    story.idle()
