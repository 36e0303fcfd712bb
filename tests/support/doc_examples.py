"""Examples of documentation as programs: those on the pages of the toolchain's `rust-docs`, and those in the doc comments of crates whose source
cargo has. Nothing here runs or cuts them."""

from __future__ import annotations

import dataclasses
import functools
import html
import os
import pathlib
import random
import re
import tomllib
import urllib.parse

from . import std_docs
from .rust_statements import Statement, Unreadable, statements

# what a book is called here -> where its pages are
BOOKS = {"reference": "reference", "by-example": "rust-by-example"}
# What is no matter of cells: the process's own end, what only nightly has, what a program has once, questions on standard input, addresses of variables
# that a thread is given without a lifetime.
ELSEWHERE = re.compile(
    r"#!\[(?:feature|no_std|no_main|no_core|crate_|recursion_limit)|#\[(?:global_allocator|panic_handler|start)|process::exit|\babort\(|\bexit\(|\bstdin\(|\basm!"
    r"|env::args|\bexec\(|resume_unwind|spawn_unchecked|set_hook"
)
# What is another thing in every run: addresses, times, names of files that hold the code.
CHANGES = re.compile(r"file!\(|line!\(|column!\(|module_path!\(|type_name|\{:p\}|Location::caller|Backtrace|current_exe|thread::current\(\)\.name")


@dataclasses.dataclass(frozen=True)
class Example:
    """A program: statements, of which each may be the last of its cell."""

    # where it comes from: a page or a file, and the how manieth there
    origin: str
    kind: str
    edition: str
    statements: tuple[str, ...]
    # attributes of the whole program
    inner: tuple[str, ...] = ()
    panics: bool = False
    # it is compiled, and not run
    no_run: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.statements)


def program(code: str, origin: str, kind: str, edition: str, panics: bool = False, no_run: bool = False) -> Example | None:
    """The body of a program's `main` with the items around it; none for what cannot be in a body, or is no matter of cells."""
    if ELSEWHERE.search(code) or CHANGES.search(code) or edition == "2015":
        return None
    try:
        found = statements(code)
        main = next((s for s in found if s.kind == "item" and s.name == "main"), None)
        if main is not None:
            # what a runtime's attribute makes of `main` is no body
            if re.search(r"\basync\b|#\[", main.text.split("fn main")[0]) or not re.fullmatch(r"\s*\(\s*\)\s*(?:->\s*(?:\(\)|[\w:]*Result<.*))?", main.signature.strip(), re.S):
                return None
            inside = [finished(s, "Result" in main.signature) for s in statements(main.body)]
            found = [s for s in found if s is not main] + [s for s in inside if s is not None]
    except Unreadable:
        return None
    inner = tuple(s.text for s in found if s.kind == "inner")
    # a program returns where a cell does, but the cells after it go on
    if any(re.search(r"^(?!.*\|).*\breturn\b", s.text, re.M) for s in found if s.kind in ("let", "expression")):
        return None
    rest = [s if main is not None else finished(s, False) for s in found if s.kind != "inner"]
    kept = tuple(s.text for s in rest if s is not None and s.text)
    return Example(origin, kind, edition, kept, inner, panics, no_run) if kept else None


def finished(statement: Statement, returns: bool) -> Statement | None:
    """The last expression as a statement: `main` returns what a body ends with, a cell shows it."""
    if not statement.trailing:
        return statement
    if re.search(r"^\s*Ok\(\(\)\)$", statement.text, re.M):
        return None
    end = "?;" if returns and not re.match(r"Ok\b", statement.text) else ";"
    return dataclasses.replace(statement, text=statement.text + end, trailing=False)


# -- pages of the toolchain ----------------------------------------------------------------------


def dedent(code: str) -> str:
    """Without the `main` around it that rustdoc writes where a page has none."""
    code = re.sub(r"\A#!\[allow\([\w, ]*\)\]\n", "", code)
    found = re.fullmatch(r"((?:#!\[[^\n]*\]\n|extern crate [^\n]*\n)*)fn main\(\) \{\n(.*?)\n?\}\s*", code, re.S)
    if not found:
        return code
    lines = found[2].split("\n")
    if not all(line.startswith("    ") or not line.strip() for line in lines):
        return code
    return found[1] + "\n".join(line[4:] for line in lines)


def kind_of(page: str) -> str:
    """Which part of std a page is about."""
    first = page.split("/")[1]
    return first.split(".")[0] if first.endswith(".html") else first


@functools.cache
def of_std() -> tuple[Example, ...]:
    """Examples on the pages of std that have a link to run them, which holds lines that the page does not show."""
    root, found, seen = std_docs.root(), [], set()
    pattern = re.compile(r'<div class="example-wrap ?([^"]*)">.*?class="test-arrow"[^>]*href="[^"?]*\?code=([^"]*?)(?:&amp;edition=(\d+))?"', re.S)
    for file in sorted((root / "std").rglob("*.html")):
        page = str(file.relative_to(root))
        for count, (words, code, edition) in enumerate(pattern.findall(file.read_text())):
            code = dedent(urllib.parse.unquote_plus(html.unescape(code)).replace("\u00a0", " "))
            # the same example stands on the page of each integer
            told = re.sub(r"\d+|[iu]size", "", code)
            if told in seen or "compile_fail" in words or "ignore" in words:
                continue
            seen.add(told)
            found.append(program(code, f"{page}#{count}", kind_of(page), edition or "2015", "should_panic" in words))
    return tuple(example for example in found if example)


@functools.cache
def of_books() -> tuple[Example, ...]:
    """Examples of the books that the toolchain has, which show the language."""
    root, found = std_docs.root(), []
    for kind, folder in BOOKS.items():
        for file in sorted((root / folder).rglob("*.html")):
            # a book has folders for its translations, with the same code
            if file.name == "print.html" or re.fullmatch(r"[a-z]{2}(-[A-Za-z]+)?", file.relative_to(root / folder).parts[0]):
                continue
            for count, (words, code) in enumerate(re.findall(r'<code class="language-rust([^"]*)">(.*?)</code>', file.read_text(), re.S)):
                edition = re.search(r"edition(\d+)", words)
                if edition is None or re.search(r"compile_fail|ignore|should_panic|no_run|test_harness|proc_macro", words):
                    continue
                code = html.unescape(re.sub(r"<[^>]*>", "", code))
                found.append(program(code, f"{file.relative_to(root)}#{count}", kind, edition[1]))
    return tuple(example for example in found if example)


# -- crates --------------------------------------------------------------------------------------


@functools.cache
def source_of(crate: str, version: str = "") -> pathlib.Path | None:
    """Where cargo has a crate's source: the newest one, or that of a version."""
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    found = [path for path in home.glob(f"registry/src/*/{crate}-{version or '[0-9]*'}") if re.fullmatch(rf"{crate}-\d+\.\d+\.\d+", path.name)]
    return max(found, key=lambda path: [int(part) for part in path.name.rsplit("-", 1)[1].split(".")], default=None)


def comments(text: str) -> list[str]:
    """The doc comments of a source file, each as it is read, without what marks it."""
    found, run = [], []
    for line in [*text.split("\n"), ""]:
        mark = re.match(r"\s*//[/!](?!/) ?(.*)", line)
        if mark:
            run.append(mark[1])
        elif run:
            found.append("\n".join(run))
            run = []
    for block in re.findall(r"/\*[*!](?!/)(.*?)\*/", text, re.S):
        lines = block.split("\n")
        starred = all(re.match(r"\s*\*|\s*$", line) for line in lines[1:])
        found.append("\n".join(re.sub(r"^\s*\* ?", "", line) if starred else line for line in lines))
    return found


def blocks(comment: str) -> list[tuple[str, str]]:
    """Code between fences, with the words behind the fence that opens it; hidden lines without what hides them."""
    found, opened, lines = [], None, []
    for line in comment.split("\n"):
        fence = re.match(r"( *)(```+|~~~+)(.*)", line)
        if opened is None and fence:
            opened, lines = fence, []
        elif opened is not None and fence and fence[2].startswith(opened[2]) and not fence[3].strip():
            found.append((opened[3].strip(), "\n".join(lines)))
            opened = None
        elif opened is not None:
            line = line.removeprefix(opened[1])
            hidden = re.match(r"(\s*)#(?: (.*)|)$", line)
            lines.append(hidden[1] + (hidden[2] or "") if hidden else re.sub(r"^(\s*)##", r"\1#", line))
    return found


@functools.cache
def of_crate(crate: str, version: str = "") -> tuple[Example, ...]:
    """Examples in a crate's doc comments; none where cargo has no source of it."""
    source = source_of(crate, version)
    if source is None:
        return ()
    own_edition = tomllib.loads((source / "Cargo.toml").read_text())["package"].get("edition", "2015")
    found, seen = [], set()
    for file in sorted((source / "src").rglob("*.rs")):
        told = [block for comment in comments(file.read_text(errors="replace")) for block in blocks(comment)]
        for count, (words, code) in enumerate(told):
            named = set(re.split(r"[\s,{}]+", words)) - {""}
            editions = {word for word in named if re.fullmatch(r"edition\d+", word)}
            if code in seen or named - editions - {"rust", "should_panic", "no_run"}:
                continue
            seen.add(code)
            edition = next((word.removeprefix("edition") for word in editions), own_edition)
            # rustdoc makes one body of it, whichever way it ends
            example = program(code, f"{source.name}/{file.relative_to(source)}#{count}", crate, edition, "should_panic" in named, "no_run" in named)
            found.append(example)
    return tuple(example for example in found if example and not example.no_run)


def version_of(crate: str, version: str = "") -> str:
    """The version whose source it is."""
    return source_of(crate, version).name.rsplit("-", 1)[1]


# -- a choice ------------------------------------------------------------------------------------


def sample(examples: list[Example], count: int, seed: int) -> list[Example]:
    """So many of them, of all kinds in turns, with at least two statements: one cannot be cut."""
    chance = random.Random(seed)
    kinds: dict[str, list[Example]] = {}
    for example in examples:
        if len(example.statements) > 1:
            kinds.setdefault(example.kind, []).append(example)
    queues = [chance.sample(of, len(of)) for of in kinds.values()]
    chance.shuffle(queues)
    chosen = []
    while len(chosen) < count and any(queues):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(queue.pop())
    return chosen
