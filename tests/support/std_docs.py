"""What the toolchain's own documentation says of the standard library: signatures as rustdoc prints them, and which pages there are.

The component `rust-docs` is read; nothing here knows which names Ferrolab offers. Signatures are told in one form, which loses
nothing that a caller has to know: a type parameter that stands for one argument is written there (`f: impl FnMut(T) -> U`), the
bounds that are left follow on the same line, and what every signature of a type has (allocators, hashers, `Self: Sized`) is left out.
"""

from __future__ import annotations

import functools
import html
import pathlib
import re
import subprocess

OPEN, CLOSE = "<([{", ">)]}"


@functools.cache
def root() -> pathlib.Path | None:
    """The folder of the pages, where the toolchain has them."""
    told = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    folder = pathlib.Path(told.stdout.strip()) / "share/doc/rust/html"
    return folder if (folder / "std/index.html").is_file() else None


def steps(text: str):
    """Each character with its place and how many brackets are open around it. The `>` of an arrow closes nothing."""
    depth, before = 0, " "
    for at, c in enumerate(text):
        arrow = c == ">" and before in "-="
        if c in CLOSE and not arrow:
            depth -= 1
        yield at, c, depth
        if c in OPEN:
            depth += 1
        before = c


def split(text: str, separator: str = ",") -> list[str]:
    """The parts between separators that stand in no bracket."""
    parts, start = [], 0
    for at, c, depth in steps(text):
        if c == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def bracket(text: str) -> int:
    """Where the bracket closes that a text begins with."""
    return next(at for at, c, depth in steps(text) if c in CLOSE and depth == 0)


def plain(code: str) -> str:
    """The text of a piece of a page, on one line."""
    # there are several types of this name, and without its module one would take it for that of the prelude
    code = re.sub(r'title="type std::(io|fmt|thread)::Result">Result<', r'>\1::Result<', code)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", code.replace('<div class="where">', " "))).replace("ⓘ", "").split())


def usual(text: str, left_out: str = "A|S|RandomState") -> str:
    """A signature without allocators and hashers, and without marks of const traits."""
    text = re.sub(r"\[const\] |~const ", "", text)
    return re.sub(rf"(?<=[\w>\])]), (?:{left_out})(?=[>,])", "", text)


def signature(declared: str) -> str:
    """A declaration in the form above."""
    text = re.sub(r"^(pub |const |unsafe |async |extern \"\w+\" )+", "", declared)
    if not text.startswith("fn "):
        # a constant
        return usual(text.split(" = ")[0])
    text = text.removeprefix("fn ")
    name = re.match(r"\w+", text)[0]
    text = text[len(name) :]
    generics: list[str] = []
    if text.startswith("<"):
        end = bracket(text)
        generics, text = split(text[1:end]), text[end + 1 :]
    end = bracket(text)
    arguments, text = split(text[1:end]), text[end + 1 :].strip()
    output, _, where = text.partition(" where ") if not text.startswith("where ") else ("", "", text.removeprefix("where "))
    bounds = [tuple(part.split(": ", 1)) for part in split(where)]
    names = []
    for generic in generics:
        owner, _, bound = generic.partition(": ")
        names.append(owner)
        if bound and not owner.startswith("const "):
            bounds.append((owner, bound))
    bounds = [(owner, bound.removeprefix("Sized + ") if owner == "Self" else bound) for owner, bound in bounds]
    # a function's own `A` is an allocator only where its bound says so
    own = "A" in names and not any(owner == "A" and bound.startswith("Allocator") for owner, bound in bounds)
    bounds = [(owner, bound) for owner, bound in bounds if (own or owner != "A") and (owner, bound) != ("Self", "Sized")]
    for owner in list(names):
        word = re.compile(rf"\b{owner}\b(?!')")
        mine = [bound for of, bound in bounds if of == owner]
        at = [i for i, argument in enumerate(arguments) if argument.endswith(f": {owner}")]
        uses = sum(len(word.findall(piece)) for piece in (*arguments, output, *(f"{of}: {bound}" for of, bound in bounds if of != owner)))
        if owner.startswith("'") or len(at) != 1 or len(mine) != 1 or uses != 1 or owner not in names:
            continue
        arguments[at[0]] = arguments[at[0]].removesuffix(owner) + f"impl {mine[0]}"
        bounds = [(of, bound) for of, bound in bounds if of != owner]
        names.remove(owner)
    names = [n for n in names if own or n != "A"]
    told = f"{name}{'<' + ', '.join(names) + '>' if names else ''}({', '.join(arguments)}){' ' + output if output else ''}"
    rest = ", ".join(f"{of}: {bound}" for of, bound in bounds)
    return usual(f"{told} where {rest}" if rest else told, "S|RandomState" if own else "A|S|RandomState")


@functools.cache
def page(path: str) -> str:
    """A page's text; empty where there is no such page."""
    file = root() / path
    return file.read_text() if file.is_file() else ""


@functools.cache
def members(path: str) -> dict[str, list[tuple[str, str]]]:
    """The methods and constants that a type's page has: all signatures of each name, with the code on the page."""
    found: dict[str, list[tuple[str, str]]] = {}
    pattern = r'<section id="(?:tymethod|method|associatedconstant)\.(\w+?)(?:-\d+)?"[^>]*>.*?<h4 class="code-header">(.*?)</h4>'
    for name, code in re.findall(pattern, page(path), re.S):
        found.setdefault(name, []).append((signature(plain(code)), code))
    return found


def function(path: str) -> str | None:
    """The signature that a function's page has."""
    found = re.search(r'<pre class="rust item-decl"><code>(.*?)</code></pre>', page(path), re.S)
    return signature(plain(found[1])) if found else None


# a type's page -> what is written otherwise in the table, where one entry serves several types or a trait's own words say less
SERVES = {
    "std/primitive.f64.html": {r"\bf64\b": "Self", r"\bu64\b": "Bits"},
    "std/primitive.i64.html": {r"\bi64\b": "Self", r"\bu64\b": "Unsigned", r"\[u8; 8\]": "[u8; N]"},
    "std/primitive.u64.html": {r"\bu64\b": "Self", r"\bi64\b": "Signed", r"\[u8; 8\]": "[u8; N]"},
    "std/iter/trait.Iterator.html": {r"\bSelf::Item\b|<I as Iterator>::Item": "T"},
}
# where else the methods of a page's values are
MORE = {
    "std/iter/trait.Iterator.html": (
        "std/iter/trait.DoubleEndedIterator.html",
        "std/iter/trait.ExactSizeIterator.html",
        "std/iter/struct.Peekable.html",
    ),
    "std/primitive.tuple.html": ("std/clone/trait.Clone.html",),
}


def methods(path: str, name: str) -> list[str]:
    """The signatures of a name for values of a page's type, as the table writes them."""
    return [text for text, _ in told(path, name)]


def told(path: str, name: str) -> list[tuple[str, str | None]]:
    """The signatures with what their results iterate over, where these are iterators."""
    found = []
    for at in (path, *MORE.get(path, ())):
        for text, code in members(at).get(name, []):
            for word, ours in SERVES.get(path, {}).items():
                text = re.sub(word, ours, text)
            found.append((text, item(at, code)))
    return found


def item(path: str, code: str) -> str | None:
    """What the struct iterates over that a piece of code on a page returns, in terms of what the page says of it."""
    result = re.search(r'-&gt; <a class="struct" href="([^"#]*)"[^>]*>(\w+)</a>(.*?)(?:<div|$)', code, re.S)
    if not result:
        return None
    there = (root() / path).parent / result[1]
    text = page(str(there.resolve().relative_to(root().resolve())))
    found = re.search(
        rf'<section id="impl-Iterator-for-{result[2]}\b.*?<h3 class="code-header">(.*?)</h3>.*?<section id="associatedtype\.Item.*?<h4 class="code-header">(.*?)</h4>',
        text,
        re.S,
    )
    if not found:
        return None
    itself = re.search(rf" for {result[2]}(?:<(.*?)>)?(?: where|$)", plain(found[1]))
    theirs, ours = (split(usual(plain(args or "")).strip("<>")) for args in (itself[1], result[3]))
    named = {name: given for name, given in zip(theirs, ours) if name != given and not name.startswith("'")}
    said = plain(found[2]).partition(" = ")[2].partition(" where ")[0]
    # the iterator that another one is made from gives what the table calls `T`
    said = re.sub(r"<(\w+) as Iterator>::Item", lambda m: "T" if named.get(m[1], m[1]) in ("Self", "I") else m[0], said)
    return re.sub(r"\w+", lambda m: named.get(m[0], m[0]), said)
