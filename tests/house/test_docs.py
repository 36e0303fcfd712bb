"""The documentation: its code runs, its links lead somewhere, its site is built offline, and what is generated is as it would be now.

What single pages promise beyond that (the table of what a session keeps, papermill's lines) is tested where those things are.
"""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from PIL import Image

from support import process
from support.frontend import Kernel

ROOT = process.ROOT
DOCS = ROOT / "docs"
README = ROOT / "README.md"
sys.path.insert(0, str(DOCS / "tools"))
import directives  # noqa: E402
import picture  # noqa: E402

FENCE = re.compile(r"^```([^`\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FAILING = {"should_panic", "compile_fail"}
WORDS = FAILING | {"no_run"}
RESULT = re.compile(r"// → (.*)$")
# what people write, not what is checked out or built by others
PAGES = sorted(
    ROOT / name
    for name in subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    if (ROOT / name).exists()
)


def name(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: pathlib.Path) -> list[tuple[set[str], str]]:
    """The Rust blocks of a page: what the info string says to the tests, and the text. The README's tour is one block, cut at blank lines."""
    found = []
    for info, text in FENCE.findall(page.read_text()):
        words = info.split()
        if words[:1] != ["rust"]:
            continue
        words = words[1:]
        assert set(words) <= WORDS, f"{name(page)}: ```{info}: there are {', '.join(sorted(WORDS))}"
        found += [({"should_panic"} if "panics" in cell else set(), cell) for cell in text.split("\n\n")] if page == README else [(set(words), text)]
    return found


RUNNING = [page for page in PAGES if any("no_run" not in words for words, _ in blocks(page))]


@pytest.mark.parametrize("page", RUNNING, ids=name)
def test_the_code_of_a_page_runs(page, ferrolab, tmp_path):
    with Kernel(timeout=120, cwd=str(tmp_path)) as kernel:
        for words, text in blocks(page):
            if "no_run" in words:
                continue
            story = kernel.run(text.rstrip("\n"))
            ended = story.ends()
            failed = bool(words & FAILING)
            assert (ended == "error") == failed, f"{name(page)}:\n{text}\nended with {ended}:\n{story.everything()}"
            if failed:
                # a panic where an error of rustc's was meant would be another story
                assert ("panic" in story.failed.content["ename"].lower()) <= ("should_panic" in words), story.everything()
            stated = RESULT.search(text.rstrip("\n"))
            if stated:
                shown = [m.content["data"]["text/plain"].strip() for m in story.told if m.type == "execute_result"]
                assert shown == [stated[1]], f"{name(page)}:\n{text}\nshows {shown}"


def anchors(page: pathlib.Path) -> set[str]:
    """The anchors that GitHub makes of headings."""
    text = FENCE.sub("", page.read_text())
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads]
    return {re.sub(r"[^\w\- ]", "", head).strip().replace(" ", "-") for head in plain}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"``[^`]*`[^`]*``|`[^`\n]*`", "", FENCE.sub("", page.read_text()))
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists():
            wrong.append(target)
        elif anchor and anchor not in anchors(there):
            wrong.append(f"{target} (there are {', '.join(sorted(anchors(there)))})")
    assert not wrong, f"{name(page)}: " + "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_tables_are_whole(page):
    """A line within a table ends it: what follows has no head, and is shown as text."""
    lines = FENCE.sub(lambda block: "\n" * block[0].count("\n"), page.read_text()).splitlines()
    rows = [(number, line) for number, line in enumerate(lines) if line.startswith("|")]
    torn = [number + 1 for number, _ in rows if not lines[number - 1].startswith("|") and not re.fullmatch(r"\|[-:| ]+\|", (lines + [""])[number + 1])]
    assert not torn, f"{name(page)}: rows without a head at lines {torn}"


def test_the_readme_is_a_door():
    lines = README.read_text().splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 110] == []


def test_the_readme_has_the_two_commands():
    text = README.read_text()
    for command in ("cargo run --release -- run notebooks/01_quickstart.ipynb", "tests/run"):
        assert f"\n\n    {command}\n\n" in text
        assert (ROOT / command.split()[-1]).exists()


def test_the_command_line_has_what_pages_say_of_it(cli):
    """Each `ferrolab VERB --option` that stands anywhere: the verb's help names the option."""
    said: dict[str, set[str]] = {}
    for page in PAGES:
        for verb, rest in re.findall(r"\bferrolab (run|install|uninstall|doctor|kernel|warm|crates|pack|stage|cache prune)\b([^`\n]*)", page.read_text()):
            said.setdefault(verb, set()).update(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest))
    assert {"--inplace", "-p"} & said["run"] and "--env" in said["install"] and "--json" not in said["run"], said
    for verb, options in sorted(said.items()):
        help_text = cli(*verb.split(), "--help").stdout
        missing = [option for option in sorted(options) if not re.search(rf"(?<![\w-]){option}(?![\w-])", help_text)]
        assert not missing, f"ferrolab {verb} --help does not name {missing}:\n{help_text}"


def test_the_picture_is_small_and_of_the_tour():
    assert picture.PICTURE.stat().st_size < 200_000
    with Image.open(picture.PICTURE) as image:
        assert image.text["cells"] == picture.shown(), "python docs/tools/picture.py makes it anew"


def test_the_page_of_directives_is_what_the_kernel_says(k):
    said = directives.page(k.run(":help").finish())
    assert directives.PAGE.read_text() == said, "python docs/tools/directives.py makes it anew"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> pathlib.Path:
    """The site, built where no other machine can be reached."""
    folder = tmp_path_factory.mktemp("site")
    # whatever asks for the network asks a port where nobody listens
    nowhere = "http://127.0.0.1:9"
    env = process.environment(http_proxy=nowhere, https_proxy=nowhere, HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere, no_proxy="", NO_PROXY="")
    # -W: warnings are errors, of which a link that leads nowhere is one; -q: nothing else is printed; -d: not beside the pages
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-c", "docs", "-d", str(folder / "read"), ".", str(folder / "site")]
    done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0 and not done.stdout and not done.stderr, done.stdout + done.stderr
    return folder / "site"


def test_the_site_is_built_offline_without_warnings(site):
    pages = {str(page.relative_to(site)) for page in site.rglob("*.html")}
    assert {"index.html", "docs/index.html", "docs/directives.html", "kernel/ARCHITECTURE.html", "benches/report.html"} <= pages
    for page in PAGES:
        if page.is_relative_to(DOCS):
            assert str(page.relative_to(ROOT).with_suffix(".html")) in pages


def test_the_site_asks_nothing_of_other_servers(site):
    loads = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\"'> ]*|<link\b[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|icon)[^>]*\bhref=[\"']?(?:https?:)?//[^>]*")
    asking = {str(page.relative_to(site)): found for page in site.rglob("*.html") if (found := loads.findall(page.read_text()))}
    assert not asking
    styles = {str(sheet.relative_to(site)) for sheet in site.rglob("*.css") if re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheet.read_text())}
    assert not styles


def test_links_within_the_site_lead_to_files(site):
    """Sphinx has checked what it knows to be a link; this is what a browser would follow."""
    wrong = []
    for page in site.rglob("*.html"):
        for target in re.findall(r"<(?:a|img)\b[^>]*\b(?:href|src)=\"([^\"]+)\"", page.read_text()):
            path, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = pathlib.Path(os.path.normpath(page.parent / path)) if path else page
            there = there / "index.html" if there.is_dir() else there
            if not there.is_file() or (anchor and there.suffix == ".html" and f'id="{anchor}"' not in there.read_text()):
                wrong.append(f"{page.relative_to(site)}: {target}")
    assert not wrong, "\n".join(wrong)


def test_no_litter_is_tracked():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    litter = [path for path in tracked if re.search(r"(^|/)(slurm-\d+\.out|core(\.\d+)?|nohup\.out)$|\.(orig|rej|pyc|log)$|\.executed\.", path)]
    assert not litter
