"""Sessions like those on the web run, and show what they show in a program."""

import pytest

from support import web_style

LONG = 1500
PLAIN, WITH_CRATES = web_style.sessions("plain"), web_style.sessions("crates")


def play(kernel, cells):
    """Every cell runs, and shows what stands below it."""
    for code, wanted in cells:
        story = kernel.run(code, timeout=LONG)
        assert story.ends() == "ok", f"{code}\n{story.everything()}"
        shown = "\n".join([story.everything(), *(" ".join(m.content.get("data", {})) for m in story.told)])
        assert wanted is None or wanted in shown, f"wanted {wanted!r} of\n{code}\nin\n{shown}"


@pytest.mark.long
@pytest.mark.parametrize("name", PLAIN)
def test_a_session_with_what_every_session_has(k, name):
    k.ok(":clear")
    play(k, PLAIN[name])


@pytest.mark.long
@pytest.mark.timeout(2 * LONG)
@pytest.mark.parametrize("name", WITH_CRATES)
def test_a_session_with_crates(start, name):
    play(start(timeout=120), WITH_CRATES[name])
