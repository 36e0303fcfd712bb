"""Reads Rust as far as it takes to find where statements end: words, brackets, strings, comments. What they mean is rustc's business."""

from __future__ import annotations

import dataclasses
import re

TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>//[^\n]*)
    |(?P<block>/\*)
    |(?P<raw>\b(?:b|c)?r(?P<marks>\#*)".*?"(?P=marks))
    |(?P<string>\b[bc]"(?:[^"\\]|\\.)*"|"(?:[^"\\]|\\.)*")
    |(?P<char>b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'])')
    |(?P<label>'\w+)
    |(?P<word>(?:r\#)?[^\W\d]\w*)
    |(?P<number>\d\w*(?:\.\d\w*)?)
    |(?P<mark>::|->|=>|==|\.\.|.)""",
    re.X | re.S,
)
CLOSES = {"(": ")", "[": "]", "{": "}"}
# words before an item's own
QUALIFIERS = {"pub", "unsafe", "async", "const", "extern", "default", "safe", "auto"}
# items that end with a semicolon, and those that end with braces or a semicolon
ENDED = {"use", "static", "type"}
BRACED = {"fn", "impl", "trait", "mod", "enum", "struct", "union"}
# expressions that end with their braces
BLOCKS = {"if", "match", "while", "for", "loop", "unsafe", "const", "{"}


class Unreadable(ValueError):
    """Not Rust, as far as this can tell."""


@dataclasses.dataclass(frozen=True)
class Token:
    text: str
    kind: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Statement:
    """A statement with the comments and attributes before it."""

    text: str
    # "inner" for an attribute of what it stands in, "item", "let", "macro" or "expression"
    kind: str
    # an expression without a semicolon that is no block
    trailing: bool = False
    # what it defines: a function's name
    name: str = ""
    # between a function's name and its body, and in its body
    signature: str = ""
    body: str = ""


def tokens(text: str) -> list[Token]:
    """All of a text but spaces and comments. The end of each line that is a comment of documentation is no token either."""
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        kind, end = match.lastgroup if match.lastgroup != "marks" else "raw", match.end()
        if kind == "block":
            end = end_of_comment(text, at)
        elif kind not in ("space", "comment"):
            found.append(Token(match[0], kind, at, end))
        at = end
    return found


def end_of_comment(text: str, at: int) -> int:
    """Where a comment ends that begins here; such comments nest."""
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    raise Unreadable("a comment without an end")


class Reader:
    """Walks over a text's tokens, statement by statement."""

    def __init__(self, text: str):
        self.text, self.tokens, self.at = text, tokens(text), 0

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at].text if at < len(self.tokens) else ""

    def group(self) -> None:
        """Over a bracket that opens here, to behind the one that closes it."""
        open_ = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token.kind != "mark":
                continue
            if token.text in CLOSES:
                open_.append(CLOSES[token.text])
            elif token.text in ")]}":
                if not open_ or open_.pop() != token.text:
                    raise Unreadable("brackets that do not match")
            if not open_:
                return
        raise Unreadable("a bracket without an end")

    def until(self, *ends: str) -> str:
        """Over everything to one of these outside of brackets: behind it, or before it where it opens a bracket."""
        while (token := self.peek()) and token not in ends:
            if token in CLOSES and self.tokens[self.at].kind == "mark":
                self.group()
            elif token in ")]}" and self.tokens[self.at].kind == "mark":
                raise Unreadable("a bracket that was not opened")
            else:
                self.at += 1
        if token and token not in CLOSES:
            self.at += 1
        return token

    def statements(self) -> list[Statement]:
        found, start = [], 0
        while self.at < len(self.tokens):
            if self.peek() == ";" and found:
                self.at += 1
                start = self.tokens[self.at - 1].end
                continue
            found.append(self.statement(start))
            start = self.tokens[self.at - 1].end
        return found

    def statement(self, start: int) -> Statement:
        while self.peek() == "#":
            inner = self.peek(1) == "!"
            self.at += 1 + inner
            self.group()
            if inner:
                return Statement(self.slice(start), "inner")
        if not self.peek():
            raise Unreadable("an attribute of nothing")
        item = self.item()
        if item is not None:
            return dataclasses.replace(item, text=self.slice(start))
        if self.peek() == "let":
            self.until(";")
            return Statement(self.slice(start), "let")
        kind = "macro" if self.is_macro() else "expression"
        if kind == "macro" and self.braces_of_macro() or self.is_block() and self.block():
            # what follows may go on with it
            if self.peek() not in (".", "?"):
                return Statement(self.slice(start), kind)
        trailing = self.until(";") != ";"
        return Statement(self.slice(start), kind, trailing)

    def slice(self, start: int) -> str:
        return self.text[start : self.tokens[self.at - 1].end].strip()

    # -- items -----------------------------------------------------------------------------------

    def item(self) -> Statement | None:
        """An item, when there is one here."""
        at = self.at
        while self.peek() in QUALIFIERS or self.at > at and self.tokens[self.at].kind in ("string", "raw"):
            word = self.peek()
            self.at += 1
            if word == "pub" and self.peek() == "(":
                self.group()
        word = self.peek()
        if word == "macro_rules" and self.peek(1) == "!":
            self.at += 3
            brace = self.peek() == "{"
            self.group()
            if not brace:
                self.until(";")
            return Statement("", "item")
        if self.at > at and self.tokens[self.at - 1].text == "extern" and word == "crate":
            self.until(";")
            return Statement("", "item")
        if self.at > at and word == "{" and any(token.text == "extern" for token in self.tokens[at : self.at]):
            self.group()
            return Statement("", "item")
        if self.at > at and self.tokens[self.at - 1].text == "const" and self.at < len(self.tokens) and self.tokens[self.at].kind == "word" and word not in BRACED:
            self.until(";")
            return Statement("", "item")
        is_union = word == "union" and self.at + 2 < len(self.tokens) and self.tokens[self.at + 1].kind == "word"
        if word in ENDED:
            self.until(";")
            return Statement("", "item")
        if word in BRACED and (word != "union" or is_union):
            name, head = self.peek(1), self.tokens[min(self.at + 1, len(self.tokens) - 1)].end
            if self.until("{", ";") != "{":
                return Statement("", "item", name=name)
            body = self.tokens[self.at].end
            self.group()
            end = self.tokens[self.at - 1].start
            return Statement("", "item", name=name if word == "fn" else "", signature=self.text[head : body - 1], body=self.text[body:end])
        self.at = at
        return None

    # -- expressions -----------------------------------------------------------------------------

    def is_macro(self) -> bool:
        """Is there a path and `!` here?"""
        at = 0
        while self.at + at + 1 < len(self.tokens) and self.tokens[self.at + at].kind == "word":
            if self.peek(at + 1) == "!" and self.peek(at + 2) in CLOSES:
                return True
            if self.peek(at + 1) != "::":
                return False
            at += 2
        return False

    def braces_of_macro(self) -> bool:
        """Over a call with braces, which ends with them."""
        at = self.at
        while self.peek() != "!":
            self.at += 1
        self.at += 1
        if self.peek() == "{":
            self.group()
            return True
        self.at = at
        return False

    def is_block(self) -> bool:
        labelled = self.tokens[self.at].kind == "label" and self.peek(1) == ":"
        word = self.peek(2) if labelled else self.peek()
        if word in ("unsafe", "const"):
            return self.peek(3 if labelled else 1) == "{"
        # `for<'a> |x: &'a u8| …` is a closure
        return word in BLOCKS and (word != "for" or self.peek(1) != "<")

    def block(self) -> bool:
        """Over an expression that ends with its braces."""
        while True:
            self.head()
            self.group()
            if self.peek() != "else":
                return True
            self.at += 1

    def head(self) -> None:
        """To the braces of the body: others belong to patterns, or to blocks in the head."""
        start = self.at
        while self.until("{"):
            if self.at - 1 > start and self.tokens[self.at - 1].text in ("unsafe", "const", "async", "move"):
                self.group()
                continue
            here = self.at
            self.group()
            follows = self.peek()
            if follows not in ("=", "in", "|"):
                self.at = here
                return
        raise Unreadable("an expression without its block")


def statements(text: str) -> list[Statement]:
    """The statements of a block's inside, or of a file.

    Raises `Unreadable` where the text is no such thing.
    """
    return Reader(text).statements()
