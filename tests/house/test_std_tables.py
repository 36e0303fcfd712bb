"""What completion and inspection say of the standard library, beside the toolchain's own documentation."""

import re
import subprocess

import pytest

from support import std_docs
from support.process import ROOT

INSIGHT = ROOT / "kernel/engine/src/insight"
FILES = {
    "f": "fn.{}.html",
    "s": "struct.{}.html",
    "e": "enum.{}.html",
    "t": "trait.{}.html",
    "m": "{}/index.html",
    "c": "constant.{}.html",
    "y": "type.{}.html",
}
# what the rows of other crates end with
OTHERS = ("(rayon).", "(ferrolab).")


@pytest.fixture(scope="module", autouse=True)
def documentation():
    if std_docs.root() is None:
        pytest.skip("no documentation beside this rustc: `rustup component add rust-docs`")


def lines(table: str) -> list[list[str]]:
    text = (INSIGHT / "data" / f"{table}.tsv").read_text()
    told = re.search(r"those of rustc 1\.(\d+)\.", text)
    here = subprocess.run(["rustc", "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    if int(re.search(r"1\.(\d+)", here)[1]) < int(told[1]):
        pytest.skip(f"the table is of rustc 1.{told[1]}, this is {here.strip()}")
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


def test_signatures_of_methods_are_those_of_the_documentation():
    wrong, known = [], set()
    rows = lines("types")
    for row in rows:
        if row[0] == "type":
            _, name, parameters, page, target, about = row
            known.add(name)
            if not std_docs.page(page) or not about:
                wrong.append(f"{name}: no page {page}, or nothing about it")
            continue
        signature, _, about = row
        name = re.match(r"\w+", signature)[0]
        if about.endswith(OTHERS):
            continue
        found = std_docs.methods(page, name)
        if signature not in found:
            wrong.append(f"{page}: `{signature}` is {found or 'not there'}")
    assert not wrong, "\n".join(wrong)
    targets = {re.match(r"\w+", row[4])[0] for row in rows if row[0] == "type" and row[4][:1].isalpha()}
    # a parameter is whatever it stands for
    assert {target for target in targets if len(target) > 1} <= known
    assert len(known) > 30 and len(rows) > 600


def test_iterators_give_what_the_documentation_says():
    wrong, checked = [], 0
    page, parameters = "", []
    for row in lines("types"):
        if row[0] == "type":
            page, parameters = row[3], row[2].split(",")
            continue
        signature, gives, about = row
        if not gives.startswith("Iterator<") or about.endswith(OTHERS):
            continue
        name = re.match(r"\w+", signature)[0]
        items = [item for text, item in std_docs.told(page, name) if text == signature and item]
        # completion knows no references, and another letter than the type's own says that it knows nothing
        bare = lambda text: re.sub(r"&|'\w+ |mut |<'\w+>", "", text)  # noqa: E731
        wanted = re.sub(r"\b[A-Z]\b", lambda m: m[0] if m[0] in parameters else ".+", re.escape(bare(gives[9:-1])))
        checked += len(items)
        wrong += [f"{page}: {name} gives {gives}, not {item}" for item in items if not re.fullmatch(wanted, bare(item))]
    assert not wrong, "\n".join(wrong)
    assert checked > 80


def test_names_in_modules_are_those_of_the_documentation():
    wrong, module, rows = [], "", lines("modules")
    for row in rows:
        if row[0] == "module":
            module = row[1]
            continue
        kind, declaration, _, about = row
        name = re.match(r"\w+", declaration)[0]
        folder = module.replace("::", "/")
        if kind == "v":
            parent, _, of = folder.rpartition("/")
            if f'id="variant.{name}"' not in std_docs.page(f"{parent}/enum.{of}.html"):
                wrong.append(f"{module}: no variant {name}")
            continue
        page = f"{folder}/{FILES[kind].format(name)}"
        if not std_docs.page(page) or not about:
            wrong.append(f"no page {page}, or nothing about it")
        elif kind == "f" and (found := std_docs.function(page)) != declaration:
            wrong.append(f"{page}: `{declaration}` is `{found}`")
    assert not wrong, "\n".join(wrong)
    assert len(rows) > 300


def test_keywords_macros_and_the_prelude_have_the_pages_that_inspection_names():
    text = (INSIGHT / "std_docs.rs").read_text()
    keywords, macros, prelude = (text.split(f"const {name}:")[1].split("];")[0] for name in ("KEYWORDS", "MACROS", "PRELUDE"))
    first = re.compile(r'^    \("(\w+)",', re.M)
    # two have pages elsewhere, which `inspect.rs` names
    pages = ["std/keyword.SelfTy.html", "reference/macros-by-example.html"]
    pages += [f"std/keyword.{name}.html" for name in first.findall(keywords) if name != "Self"]
    pages += [f"std/macro.{name}.html" for name in first.findall(macros) if name != "macro_rules"]
    pages += re.findall(r'"(std/[^"]*)"', prelude)
    assert len(pages) > 80
    missing = [page for page in pages if not std_docs.page(page.partition("#")[0])]
    assert not missing
    anchors = [page.split("#") for page in pages if "#" in page]
    assert anchors and all(f'id="{anchor}"' in std_docs.page(page) for page, anchor in anchors)


@pytest.mark.parametrize(
    "declared, told",
    [
        ("pub const fn map<U, F>(self, f: F) -> Option<U> where F: FnOnce(T) -> U,", "map<U>(self, f: impl FnOnce(T) -> U) -> Option<U>"),
        ("pub fn new(value: T) -> Rc<T, A> where A: Allocator", "new(value: T) -> Rc<T>"),
        ("fn zip<A, B>(a: A, b: B) -> Zip<B, A>", "zip<A, B>(a: A, b: B) -> Zip<B, A>"),
        ("fn get<Q>(&self, k: &Q) -> Option<&V> where K: Borrow<Q>, Q: ?Sized", "get<Q>(&self, k: &Q) -> Option<&V> where K: Borrow<Q>, Q: ?Sized"),
        ("pub const MAX: f64 = 1.79_f64;", "MAX: f64"),
        ("fn count(self) -> usize where Self: Sized", "count(self) -> usize"),
    ],
)
def test_a_signature_loses_nothing_that_a_caller_has_to_know(declared, told):
    assert std_docs.signature(declared) == told
