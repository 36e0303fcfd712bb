"""Examples of documentation, cut into cells at random statements, show what they show when they are compiled and run whole: those of std and of the
books that come with the toolchain, and those of crates.

FERROLAB_EXAMPLES=N takes so many of each, FERROLAB_SEED another choice. What a cell cannot hand to the next one it must say, with the name; then the
cells between are one, and the program is run again."""

import dataclasses
import os
import pathlib
import random
import re
import shutil

import pytest

from support import doc_examples, std_docs
from support.doc_examples import Example, of_books, of_crate, of_std, sample
from support.whole_programs import Outcome, outcomes

MANY = int(os.environ.get("FERROLAB_EXAMPLES", "300"))
SEED = int(os.environ.get("FERROLAB_SEED", "1"))
# those that every session has, and those that come by `:dep`
EVERY_SESSION = ("ndarray", "rayon", "plotters")
CRATES = ("serde_json", "itertools", "regex", "chrono", "petgraph", "indexmap", "smallvec", "anyhow", "rand", "num-complex", "num-integer", "either", "bitflags", "bytes")
# Help that says which variable a cell could not hand on, and what to write.
TOLD = re.compile(
    r"help: [^\n]*?`(?P<name>\w+)`[^\n]*(?:borrows|borrowed|cannot outlive|lasts for|ends with|is an iterator|has no name|without a name|uses values|was moved|use `\w+` in the cell that makes it"
    r"|says nothing of its number's type|where it makes items only|makes it private)"
)
# What is only there when a later cell has run: an item in front of the one that it names, a type that a later statement says.
MISSES = re.compile(r"cannot find \w+ (?:\w+ )?`(?P<name>\w+)`|`(?P<type>\w+)(?:<[^`]*)?: (?:\w+::)*(?P<trait>\w+)` is not satisfied|can't compare `(?P<compared>\w+)`|(?P<open>type annotations needed)")
# What is told, and what no cut would help against: more crates are known to cells than to a program without any.
NATURE = re.compile(r"in cells there are more types that can be summed|cells know more crates than std")

# A session's variables live on where those of a program end: what they say when they are dropped comes later.
DROPS = re.compile(r"\bDrop\s+for\b")


@dataclasses.dataclass
class Run:
    """A program in cells: what it printed, and the cell that failed with its error."""

    cells: list[str]
    printed: str = ""
    failed: int | None = None
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.failed is None

    def __str__(self) -> str:
        marks = ["→ " if number == self.failed else "  " for number in range(len(self.cells))]
        return "\n  ---\n".join(mark + cell.replace("\n", "\n  ") for mark, cell in zip(marks, self.cells)) + f"\nprinted {self.printed!r}\n{self.error}"


def cut(example: Example, seed: int) -> list[int]:
    """How many statements each cell has."""
    chance, sizes, left = random.Random(f"{seed} {example.origin}"), [], len(example.statements)
    while left:
        # never all of them in the first cell
        sizes.append(min(chance.randint(1, 3), left if sizes else left - 1))
        left -= sizes[-1]
    return sizes


def cells_of(example: Example, sizes: list[int]) -> list[str]:
    found, at = [], 0
    for size in sizes:
        found.append("\n".join(example.statements[at : at + size]))
        at += size
    found[0] = "\n".join([*example.inner, found[0]])
    return found


def in_cells(kernel, example: Example, sizes: list[int], folder: pathlib.Path) -> Run:
    """Runs a program in a session that knows nothing, in an empty folder."""
    kernel.ok(":clear")
    kernel.ok(f":edition {example.edition}")
    for path in folder.iterdir():
        path.unlink() if path.is_file() or path.is_symlink() else shutil.rmtree(path)
    run = Run(cells_of(example, sizes))
    for number, cell in enumerate(run.cells):
        story = kernel.run(cell, timeout=60)
        status = story.ends()
        run.printed += story.printed("stdout")
        if status != "ok":
            run.failed, run.error = number, story.text_of(story.failed)
            break
    return run


def joined(run: Run, sizes: list[int]) -> list[int] | None:
    """Sizes with one cell from what an error names to the failed cell, before it or behind it; none where the error names nothing."""
    if missed := MISSES.search(run.error):
        makes = re.compile(rf"\b(?:fn|struct|enum|union|trait|mod|type|const|static|macro_rules!|impl)\b[^;{{}}]*\b{missed['name'] or missed['trait'] or missed['compared']}\b")
        later = [number for number, cell in enumerate(run.cells) if number > run.failed and (missed["open"] or makes.search(cell))]
        if later:
            return [*sizes[: run.failed], sum(sizes[run.failed : later[0] + 1]), *sizes[later[0] + 1 :]]
    if not run.failed or not (told := TOLD.search(run.error)):
        return None
    name = told["name"]
    binds = [number for number, cell in enumerate(run.cells[: run.failed]) if re.search(rf"\b{name}\b", cell)]
    first = binds[-1] if binds else run.failed - 1
    return [*sizes[:first], sum(sizes[first : run.failed + 1]), *sizes[run.failed + 1 :]]


def difference(kernel, example: Example, wanted: Outcome, folder: pathlib.Path) -> tuple[str, list[str]]:
    """What is wrong with a program in cells, and the errors that said what belongs into one cell."""
    sizes, told = cut(example, SEED), []
    while True:
        run = in_cells(kernel, example, sizes, folder)
        if run.ok == wanted.ok and (run.printed == wanted.printed or DROPS.search(example.text) and wanted.printed.startswith(run.printed)):
            return "", told
        if NATURE.search(run.error):
            return "", [*told, run.error]
        longer = joined(run, sizes) if not run.ok else None
        if longer is None:
            return f"{example.origin}\n{run}\nwanted {wanted}", told
        sizes = longer
        told.append(run.error)


def compare(start, tmp_path, examples: list[Example], dependencies: dict[str, str], adds: list[str]) -> None:
    """Runs programs whole and in cells, and fails with all that differ."""
    whole = outcomes(examples, dependencies)
    kernel = start(cwd=str(tmp_path))
    if adds:
        kernel.run("\n".join(adds), timeout=900).finish()
    wrong, parted = [], []
    for example, wanted in whole.items():
        differs, told = difference(kernel, example, wanted, tmp_path)
        wrong += [differs] if differs else []
        parted += [(example.origin, told)] if told else []
    print(f"{len(examples)} examples, {len(whole)} programs, {len(parted)} of them with what only one cell can hold, {len(wrong)} that differ")
    for origin, told in parted:
        print(f"{origin}\n  " + "\n  ".join(line for text in told for line in text.splitlines() if re.search(r"^error|help: ", line)))
    assert whole, "no example is a program"
    assert not wrong, f"{len(wrong)} of {len(whole)} differ\n\n" + "\n\n".join(wrong)


def of_toolchain(count: int) -> list[Example]:
    if std_docs.root() is None:
        pytest.skip("no documentation of std: rustup component add rust-docs")
    return sample([*of_std(), *of_books()], count, SEED)


def of_crates(names: tuple[str, ...], count: int) -> tuple[list[Example], dict[str, str]]:
    """Examples of crates whose source cargo has, and what cargo is to add for them."""
    there = [name for name in names if of_crate(name)]
    if not there:
        pytest.skip(f"cargo has no source of {', '.join(names)}")
    dependencies = {name: f'"={doc_examples.version_of(name)}"' for name in there}
    return sample([example for name in there for example in of_crate(name)], count, SEED), dependencies


def test_examples_of_std(start, tmp_path):
    compare(start, tmp_path, of_toolchain(10), {}, [])


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_many_examples_of_std(start, tmp_path):
    compare(start, tmp_path, of_toolchain(MANY), {}, [])


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_examples_of_crates_that_every_session_has(start, tmp_path):
    examples, dependencies = of_crates(EVERY_SESSION, MANY)
    compare(start, tmp_path, examples, dependencies, [])


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_examples_of_crates(start, tmp_path):
    examples, dependencies = of_crates(CRATES, MANY)
    compare(start, tmp_path, examples, dependencies, [f":dep {name} = {wanted}" for name, wanted in dependencies.items()])
