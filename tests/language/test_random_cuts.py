"""Valid programs, cut into cells at random statements, show what they show when they are run whole: functions' bodies compiled by
rustc alone. FERROLAB_CUTS=N makes more of them."""

import os
import random
import subprocess

import pytest

PROGRAMS = int(os.environ.get("FERROLAB_CUTS", "3"))


class Program:
    """Statements, each of which may be the last of its cell, made at random from what was made before."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.count = 0
        self.numbers: list[str] = []
        self.vectors: list[str] = []
        self.texts: list[str] = []
        self.functions: list[str] = []
        self.closures: list[str] = []
        self.types: list[str] = []
        self.values: list[tuple[str, str]] = []
        self.statements: list[str] = []
        makers = [
            self.number, self.vector, self.text, self.function, self.closure, self.capturing, self.type, self.value, self.method,
            self.loop, self.show, self.show, self.change, self.shadow, self.borrow, self.constant, self.macro_item, self.trait,
            self.iterator, self.import_again, self.match, self.block, self.move, self.cfg, self.generic, self.question,
        ]  # fmt: skip
        self.number(), self.vector(), self.text()
        for _ in range(self.random.randint(12, 22)):
            self.random.choice(makers)()
        self.show()

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def add(self, code: str) -> None:
        self.statements.append(code)

    def any(self, of: list):
        return self.random.choice(of)

    def number(self):
        name = self.name("n")
        self.add(f"let mut {name} = {self.random.randint(1, 9)}i64;")
        self.numbers.append(name)

    def vector(self):
        name = self.name("v")
        self.add(f"let mut {name}: Vec<i64> = (0..{self.random.randint(2, 6)}).map(|i| i * {self.any(self.numbers)}).collect();")
        self.vectors.append(name)

    def text(self):
        name = self.name("t")
        self.add(f'let mut {name} = format!("{{}}-{self.random.randint(0, 99)}", {self.any(self.numbers)});')
        self.texts.append(name)

    def function(self):
        name = self.name("f")
        body = f"{self.any(self.functions)}(x) + 1" if self.functions and self.random.random() < 0.5 else f"x * {self.random.randint(2, 5)}"
        self.add(f"fn {name}(x: i64) -> i64 {{ {body} }}")
        self.functions.append(name)

    def closure(self):
        name = self.name("c")
        inner = f"{self.any(self.functions)}(x)" if self.functions else "x - 1"
        self.add(f"let {name} = |x: i64| {inner} * 2;")
        self.closures.append(name)

    def capturing(self):
        name, number = self.name("c"), self.any(self.numbers)
        self.add(f"let {name} = {{ let k = {number}; move |x: i64| x + k }};")
        self.closures.append(name)

    def type(self):
        name = self.name("S")
        self.add(f"#[derive(Debug, Clone, PartialEq)] struct {name} {{ a: i64, b: Vec<i64> }}")
        self.add(f"impl {name} {{ fn total(&self) -> i64 {{ self.a + self.b.iter().sum::<i64>() }} fn grow(&mut self) {{ self.b.push(self.a); }} }}")
        self.types.append(name)

    def value(self):
        if self.types:
            name, of = self.name("s"), self.any(self.types)
            self.add(f"let mut {name} = {of} {{ a: {self.any(self.numbers)}, b: {self.any(self.vectors)}.clone() }};")
            self.values.append((name, of))

    def method(self):
        if self.values:
            name, _ = self.any(self.values)
            self.add(f'{name}.grow(); println!("{{:?}} {{}}", {name}, {name}.total());')

    def loop(self):
        self.add(f"for i in 0..{self.random.randint(1, 4)} {{ if i == 2 {{ continue; }} {self.any(self.numbers)} += i; }}")

    def show(self):
        parts = [self.any(self.numbers), f"{self.any(self.vectors)}.len()", f"{self.any(self.texts)}.as_str()"]
        if self.functions:
            parts.append(f"{self.any(self.functions)}(3)")
        if self.closures:
            parts.append(f"{self.any(self.closures)}(4)")
        self.add(f'println!("{{:?}}", ({", ".join(parts)}));')

    def change(self):
        code = [f"{self.any(self.vectors)}.push({self.any(self.numbers)});", f'{self.any(self.texts)}.push_str("!");', f"{self.any(self.numbers)} *= 2;"]
        self.add(self.any(code))

    def shadow(self):
        number = self.any(self.numbers)
        self.add(f"let mut {number} = {number} + 1;")

    def borrow(self):
        vector = self.any(self.vectors)
        first = self.name("r")
        self.add(f'{{ let {first} = &{vector}[0]; println!("{{}}", {first}); {vector}.push(1); }}')

    def constant(self):
        name = self.name("K")
        self.add(f"const {name}: i64 = {self.random.randint(1, 50)};")
        self.add(f'println!("{{}}", {name} + {self.any(self.numbers)});')

    def macro_item(self):
        macro, made = self.name("m"), self.name("made")
        self.add(f"macro_rules! {macro} {{ ($n:ident, $v:expr) => {{ fn $n(x: i64) -> i64 {{ x + $v }} }} }}")
        self.add(f"{macro}!({made}, {self.random.randint(1, 9)});")
        self.functions.append(made)

    def trait(self):
        name = self.name("T")
        self.add(f'trait {name} {{ fn said_{name.lower()}(&self) -> String; }}')
        self.add(f'impl {name} for i64 {{ fn said_{name.lower()}(&self) -> String {{ format!("<{{}}>", self) }} }}')
        self.add(f'println!("{{}}", {self.any(self.numbers)}.said_{name.lower()}());')

    def iterator(self):
        name = self.name("it")
        self.add(f"let mut {name} = {self.any(self.vectors)}.clone().into_iter().map(|x| x + 1);")
        self.add(f'println!("{{:?}}", {name}.next());')
        self.add(f'println!("{{}}", {name}.sum::<i64>());')

    def import_again(self):
        name = self.name("M")
        self.add(f"use std::collections::{self.any(['BTreeMap', 'HashMap'])} as {name};")
        self.add(f'println!("{{}}", {name}::from([(1, 2)])[&1]);')

    def match(self):
        self.add(f'let word = match {self.any(self.numbers)} {{ n if n % 2 == 0 => "even", _ => "odd" }}; println!("{{word}}");')

    def block(self):
        name = self.name("n")
        self.add(f"let mut {name} = {{ let a = {self.any(self.numbers)}; let b = a + 2; a * b }};")
        self.numbers.append(name)

    def move(self):
        text, new = self.any(self.texts), self.name("t")
        self.add(f"let mut {new} = {text};")
        self.texts.remove(text)
        self.texts.append(new)

    def cfg(self):
        name = self.name("f")
        self.add(f"#[cfg(unix)] fn {name}(x: i64) -> i64 {{ x + 7 }}\n#[cfg(not(unix))] fn {name}(x: i64) -> i64 {{ x + 8 }}")
        self.functions.append(name)

    def generic(self):
        name = self.name("g")
        self.add(f"fn {name}<T: std::fmt::Debug + Clone>(x: &T, n: usize) -> Vec<T> {{ vec![x.clone(); n] }}")
        self.add(f'println!("{{:?}}", {name}(&{self.any(self.numbers)}, 2));')

    def question(self):
        name = self.name("n")
        self.add(f'let mut {name}: i64 = "{self.random.randint(1, 99)}".parse()?;')
        self.numbers.append(name)


def whole(statements: list[str], folder) -> str:
    """What the program prints when it is compiled and run whole."""
    code = "#![allow(warnings)]\nfn main() -> Result<(), Box<dyn std::error::Error>> {\n" + "\n".join(statements) + "\nOk(())\n}\n"
    (folder / "whole.rs").write_text(code)
    done = subprocess.run(["rustc", "--edition", "2024", "-o", "whole", "whole.rs"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"the generator makes what is no program:\n{code}\n{done.stderr}"
    return subprocess.run([folder / "whole"], capture_output=True, text=True, check=True).stdout


def cut(statements: list[str], chance: random.Random) -> list[str]:
    """The statements in cells of one to five."""
    cells, at = [], 0
    while at < len(statements):
        size = chance.randint(1, 5)
        cells.append("\n".join(statements[at : at + size]))
        at += size
    return cells


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_a_program_in_cells_shows_what_it_shows_whole(start, tmp_path, seed):
    kernel = start()
    statements = Program(seed).statements
    expected = whole(statements, tmp_path)
    cells = cut(statements, random.Random(seed))
    shown = ""
    for number, cell in enumerate(cells):
        story = kernel.run(cell, timeout=60)
        status = story.ends()
        shown += story.printed("stdout")
        assert status == "ok", f"cell {number} of seed {seed}:\n{cell}\n\nafter\n" + "\n---\n".join(cells[:number]) + f"\n\n{story.told[-1]}"
    assert shown == expected, "\n---\n".join(cells)
