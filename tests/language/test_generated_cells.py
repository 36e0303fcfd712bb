"""Generated cells: whatever a cell holds, the kernel neither dies nor hangs, and what was before is still there."""

import random
import re

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

SETTINGS = settings(
    max_examples=40,
    deadline=None,
    database=None,
    # the same cells every time: what fails here fails again
    derandomize=True,
    # each example is a cell in one living kernel: shrinking would run hundreds more
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
TOKENS = (
    "fn let mut struct enum impl trait for while loop if else match use mod pub const static async await move ref return break "
    "continue where type dyn unsafe self Self super crate as in true false _ 'a 'static x y 1 0x 1.0 1e9 \"s\" 'c' b'x' r#\"q\"# "
    "( ) { } [ ] < > => -> :: : ; , . .. ..= = == != + - * / % & && | || ! ? # #! @ $ ~ ^ << >> += vec! println! macro_rules! // /* */ "
    "\\ ` é 🦀 \u200b \u202e \ufeff \n \t :dep :vars :undo %%time !echo ?x"
).split(" ")


@pytest.fixture
def survivor(k):
    k.run("let survivor = vec![1, 2, 3]; fn survives() -> usize { 7 }").until().idle()
    return k


def lives(kernel, code, timeout=60):
    """The cell ends, one way or the other, and the session goes on."""
    story = kernel.run(code, timeout=timeout)
    status = story.ends()
    kernel.run("survivor.len() + survives()").result("10").idle()
    return status


def tame(code: str) -> str:
    """The text without what would honestly end the session, wait, ask a registry, run as a shell's, or take the survivor away; every text is run."""
    code = re.sub(r"(?m)^\s*[!%]+", " ", code)
    return re.sub(r"(?m)^\s*:+(?=\s*(q|exit|restart|clear|undo|dep|sh))|\b(survivor|survives|loop|while)\b", " ", code)


@SETTINGS
@given(st.text(max_size=200))
def test_text(survivor, code):
    lives(survivor, tame(code))


@SETTINGS
@given(st.lists(st.sampled_from([t for t in TOKENS if t]), max_size=40))
def test_tokens(survivor, tokens):
    lives(survivor, tame(" ".join(tokens)))


@SETTINGS
@given(st.binary(max_size=300))
def test_bytes(survivor, data):
    lives(survivor, tame(data.decode("latin-1")))


@SETTINGS
@given(st.text(alphabet="(){}[]<>\"'`/*#;:!?,.| \n", max_size=120))
def test_unbalanced(survivor, code):
    lives(survivor, tame(code))


@SETTINGS
@example(":help ", "\x1b[31mred")
@given(st.sampled_from([":dep ", ":type ", ":opt ", ":env ", ":build_env ", ":timing ", ":vars ", ":help ", "%%time ", "%%timeit ", "?", ":threads ", ":checks ", ":explain "]), st.text(st.characters(exclude_characters="\n\r="), max_size=40))
def test_directives(survivor, directive, rest):
    survivor.run(directive + rest).ends()
    # a setting may be nonsense now; the session must still take it back
    survivor.ok(":opt 3\n:checks off\n:threads 2\n:timing off")
    survivor.run("survivor.len() + survives()").result("10").idle()


class Program:
    """A random valid cell over the variables of the cells before, with the result it must have."""

    def __init__(self, number: int):
        self.random, self.ints, self.functions = random.Random(number), {}, {}

    def expression(self, depth: int = 0) -> tuple[str, int]:
        kind = self.random.randrange(6)
        if depth > 3 or kind == 0:
            n = self.random.randrange(-99, 100)
            return (f"({n})" if n < 0 else str(n)), n
        if kind == 1 and self.ints:
            name = self.random.choice(list(self.ints))
            return name, self.ints[name]
        if kind == 2 and self.functions:
            name = self.random.choice(list(self.functions))
            text, value = self.expression(depth + 1)
            factor, offset = self.functions[name]
            return f"{name}({text})", value * factor + offset
        (a, x), (b, y) = self.expression(depth + 1), self.expression(depth + 1)
        if kind == 3:
            return f"(if {a} < {b} {{ {a} }} else {{ {b} }})", min(x, y)
        operator = self.random.choice("+-")
        return f"({a} {operator} {b})", x + y if operator == "+" else x - y

    def cell(self) -> tuple[str, int | None]:
        """A function definition, or statements with a trailing expression and its value."""
        if self.random.randrange(4) == 0:
            # a name that exists is a redefinition: later calls use the new one
            name = f"gen_f{self.random.randrange(4)}"
            factor, offset = self.random.randrange(-2, 3), self.random.randrange(-9, 10)
            self.functions[name] = (factor, offset)
            return f"fn {name}(x: i64) -> i64 {{ x * ({factor}) + ({offset}) }}", None
        lines = []
        for _ in range(self.random.randrange(1, 4)):
            text, value = self.expression()
            if self.ints and self.random.randrange(3) == 0:
                name = self.random.choice(list(self.ints))
                lines.append(f"{name} = {text};")
            else:
                name = f"gen_v{self.random.randrange(6)}"
                lines.append(f"let mut {name}: i64 = {text};")
            self.ints[name] = value
        text, value = self.expression()
        lines.append(f"let last: i64 = {text};\nlast")
        return "\n".join(lines), value


@pytest.mark.parametrize("number", [1, 2, 3])
def test_valid_programs(start, number):
    """Sequences of valid cells give what the same program in Python gives."""
    kernel, program = start(), Program(number)
    for _ in range(25):
        code, value = program.cell()
        story = kernel.run(code).until("execute_result", "error")
        if value is not None:
            story.result(str(value))
        story.idle()


@SETTINGS
@given(st.integers(0, 2**32), st.integers(0, 200))
def test_valid_cells_with_a_mutation(survivor, number, at):
    """One character of a valid cell is changed."""
    rng = random.Random(number)
    code = 'let mutated: Vec<u64> = (0..10u64).map(|x| x * 2).collect();\nif mutated.len() > 3 { println!("{:?}", mutated); }\nmutated.iter().sum::<u64>()'
    at %= len(code)
    lives(survivor, code[:at] + rng.choice("(){}[];:<>\"'#&*x0 \n") + code[at + rng.randrange(2) :])
