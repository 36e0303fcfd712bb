"""Language: closures, iterators and futures live on in later cells, as in one function's body."""

import pytest


def test_a_closure_in_a_later_cell(k):
    k.run("let twice = |x: f64| 2.0 * x;").idle()
    k.run("twice(3.0)").result("6.0").idle()
    k.run("let twice_and_one = |x| twice(x) + 1.0;").idle()
    k.run("[1.0, 2.0].map(twice_and_one)").result("[3.0, 5.0]").idle()
    k.run("let again = twice; (again(1.0), twice_and_one(1.0))").result("(2.0, 3.0)").idle()
    k.run("let samples = vec![1.0, 2.0]; (par::map(&samples, |x| twice(*x)), samples.iter().copied().map(again).sum::<f64>())").result(
        "([2.0, 4.0], 6.0)"
    ).idle()


def test_closures_are_called_where_others_run_them(k):
    k.run("let square = |x: u64| x * x;").idle()
    k.run("threads().map(0..4u64, square)?").result("[0, 1, 4, 9]").idle()
    k.run("std::thread::spawn(move || square(3)).join().unwrap()").result("9").idle()


def test_what_a_closure_has_copied_is_its_own(k):
    k.run("let slope = 2.0; let line = |x: f64| slope * x;").idle()
    k.run("let slope = 100.0; line(1.0)").result("2.0").idle()
    k.run("(line(1.0), slope)").result("(2.0, 100.0)").idle()


def test_a_closure_borrows_as_in_a_function(k):
    k.run("let rows = vec![1, 2, 3]; let row = |i: usize| rows[i];").idle()
    k.run("row(1) + rows.len() as i32").result("5").idle()
    k.run("let mut count = 0; let mut step = || count += 1; step();").idle()
    k.run("step(); step();").idle()
    k.run("count").result("3").idle()
    k.run("count += 1; step();").fails("E0503", "`step` borrows `count` from the beginning of the cell")
    k.run("let rows = vec![9];").says("`row` borrowed `rows`, which is another one now or gone")
    k.run("row(0)").fails("E0425", "run the cell of `row` again")


def test_a_closure_that_owns(k):
    k.run("let kept = vec![10, 20]; let own = move |i: usize| kept[i];").idle()
    k.run("own(0) + own(1)").result("30").idle()
    k.run("kept").fails("E0425")
    k.run("let mut state = 0; let mut next = move || { state += 1; state };").idle()
    k.run("next() + next()").result("3").idle()
    k.run('let text = String::from("once"); let give = move || text;').idle()
    k.run("give()").result('"once"').idle()
    k.run("give()").fails("E0425")
    k.run("let shared = std::rc::Rc::new(5); let plus = { let shared = shared.clone(); move |x: i32| x + *shared };").idle()
    k.run("(plus(1), std::rc::Rc::strong_count(&shared))").result("(6, 2)").idle()


def test_a_copied_closure_is_used_by_value_many_times(k):
    k.run("let base = 7; let mut changed = base; let above = move |x: i32| x > changed; changed += 1;").idle()
    k.run("(vec![1, 8, 9].into_iter().filter(|x| above(*x)).count(), [1, 8].map(above), [9].map(above), changed)").result(
        "(2, [false, true], [true], 8)"
    ).idle()


def test_a_closure_without_types(k):
    k.run("let half = |x| x / 2.0; half(3.0)").result("1.5").idle()
    k.run("half(5.0)").result("2.5").idle()
    k.run("let third = |x| x / 3.0;").idle()
    k.run("third(6.0)").result("2.0").idle()
    k.run("third(9.0)").result("3.0").idle()
    k.run("let narrow = |x| x; let y: u8 = narrow(3);").until().idle()
    k.run("narrow(300)").fails(None, "u8")


@pytest.mark.parametrize(
    "code, use, text",
    [
        ("let it = vec![1, 2, 3].into_iter().map(|x| x * 2);", "it.rev().collect::<Vec<i32>>()", "[6, 4, 2]"),
        ("let it = (0..6).filter(|x| x % 2 == 0);", "it.sum::<i32>()", "6"),
        ("let it = \"a b\".split(' ').map(|w| w.len()).enumerate();", "it.collect::<Vec<_>>()", "[(0, 1), (1, 1)]"),
        ("fn odd(n: u32) -> impl Iterator<Item = u32> { (0..n).filter(|x| x % 2 == 1) } let it = odd(6);", "it.collect::<Vec<_>>()", "[1, 3, 5]"),
        ("fn adder(n: i32) -> impl Fn(i32) -> i32 { move |x| x + n } let it = adder(5);", "it(1) + it(2)", "13"),
        ("fn inc(x: i32) -> i32 { x + 1 } let it = inc;", "[1, 2].map(it)", "[2, 3]"),
        ("let it = f64::sqrt;", "it(16.0)", "4.0"),
        ("let it = async { 5 };", "it.await + 1", "6"),
        ("let it = async |x: i32| x + 1;", "it(1).await", "2"),
        ("let it = |s: &str| s.len();", "it(&String::from(\"abc\")) + it(\"d\")", "4"),
        ("let it: fn(f64) -> f64 = |x| x;", "it(1.5)", "1.5"),
        ("let it = |n: u64| { fn go(n: u64) -> u64 { if n == 0 { 1 } else { n * go(n - 1) } } go(n) };", "it(10)", "3628800"),
        ("let it = |(a, b): (i32, i32), [c, _]: [i32; 2]| a * b + c;", "it((2, 3), [4, 5])", "10"),
    ],
)
def test_values_without_a_name(k, code, use, text):
    k.run(code).idle()
    k.run(use).result(text).idle()


def test_an_iterator_goes_on(k):
    k.run("let mut steps = (0..5).map(|x| x * x);").idle()
    k.run("(steps.next(), steps.next())").result("(Some(0), Some(1))").idle()
    k.run("(steps.len(), steps.next_back())").result("(3, Some(16))").idle()
    k.run('panic!("no")').fails("panic", "no")
    k.run("steps.next()").result("Some(4)").idle()


def test_closures_that_closures_make(k):
    k.run("let (inc, dec, zero) = (|x: i32| x + 1, |x: i32| x - 1, 0);").idle()
    k.run("(inc(zero), dec(zero))").result("(1, -1)").idle()
    k.run("let adder = |n: i32| move |x: i32| x + n; let add5 = adder(5);").idle()
    k.run("[1, 2].map(add5)").result("[6, 7]").idle()
    k.run("let add7 = adder(7); let chain = |x: i32| add7(add5(x));").idle()
    k.run("(chain(0), [1].map(add7))").result("(12, [8])").idle()


def test_items_are_found_when_a_closure_is_called(k):
    k.run("fn factor() -> f64 { 2.0 } let times = |x: f64| factor() * x;").idle()
    k.run("fn factor() -> f64 { 3.0 }").idle()
    k.run("times(1.0)").result("3.0").idle()


def test_a_static_in_a_closure_lasts(k):
    k.run("let called = || { static N: std::sync::Mutex<u8> = std::sync::Mutex::new(0); *N.lock().unwrap() += 1; *N.lock().unwrap() }; called()").result("1").idle()
    k.run("called()").result("2").idle()


def test_a_closure_follows_the_variable_that_it_borrows(k):
    k.run("struct Held { x: i32 } let held = Held { x: 1 }; let peek = || held.x;").idle()
    k.run("struct Held { x: i32, y: i32 }").says("`peek` borrowed `held`")
    k.run("peek()").fails("E0425", "run the cell of `peek` again")


def test_redefinition_undo_and_failure(k):
    k.run("let op = |x: i32| x + 1;").idle()
    k.run("let op = |x: i32| x * 10;").idle()
    k.run("op(2)").result("20").idle()
    k.run("let op = |x: i32| x - 1;").idle()
    k.run(":undo").until("stream").until().idle()
    k.run("op(2)").result("20").idle()
    k.run("let op = |x: i32| x; None::<i32>.unwrap();").fails("panic", "`None` value")
    k.run("op(2)").result("20").idle()
    k.run("let op = |x: i32| op(x) + op(1);").idle()
    k.run("op(2)").result("30").idle()
    k.run("fn of(x: i32) -> i32 { x } let op = |x: i32| of(x);").idle()
    k.run("fn of(x: i32, y: i32) -> i32 { x * y }").idle()
    k.run("op(1)").fails("E0061", "`op` is made again, from its text")
    k.run("let op = |x: i32| of(x, 3);").idle()
    k.run("op(2)").result("6").idle()
    k.run("let op = 5;").idle()
    k.run("op").result("5").idle()


def test_a_closure_takes_the_place_of_what_it_uses(k):
    k.run("let layer: Box<dyn Fn(i32) -> i32> = Box::new(|x| x + 1);").idle()
    k.run("let layer = move |x: i32| layer(x) * 2;").idle()
    k.run("layer(1)").result("4").idle()
    k.run("let layer = |x: i32| layer(x); layer(1)").until("execute_result").result("4").until().idle()
    k.run("layer(1)").fails("E0425", "`layer` uses values that end with this cell")


def test_a_closure_that_uses_what_is_hidden(k):
    k.run("let part = |x: f64| x + 1.0; let part = |x: f64| part(x) * 2.0; part(1.0)").result("4.0").idle()
    k.run("let gain = 2.0; let amplify = |x: f64| gain * x; let gain = 5.0; amplify(1.0)").result("2.0").idle()
    k.run("let mut pool = vec![1]; let mut fill = |x: i32| { pool.push(x); pool.len() }; let pool = 7;").idle()
    k.run("let lent = vec![1]; let first = &lent[0]; let count = || lent.len(); let lent = 3; count() + *first as usize + lent").until("execute_result").result("5").until().idle()
    k.run("count()").fails("E0425", "`count` uses values that end with this cell")
    k.run("let odd = vec![1]; let sum = || odd.len(); let odd: i32 = true;").fails("E0308")
    k.run("(part(2.0), [1.0].map(amplify), gain, fill(1), fill(2), pool)").result("(6.0, [2.0], 5.0, 2, 3, 7)").idle()


def test_what_they_are_is_shown(k):
    k.run("let shown = |x| x + 1.5f64; let y = shown(1.0); let walk = (0..3).map(|x| x + 1); let owner = vec![1]; let mut calls = move || owner.len();").idle()
    k.run(":vars").says("closure |x: f64| -> f64", "Box<dyn DoubleEndedIterator<Item = i32>", "Box<dyn Fn() -> usize")
    k.run(":type shown").says("closure |x: f64| -> f64")


def test_what_cannot_be_kept_gets_advice(k):
    k.run("{ let twice = |x: i32| x * 2; twice(4) }").result("8").idle()
    k.run("let list = vec![1]; let lock = std::sync::Mutex::new(vec![1]); let held = lock.lock().unwrap(); let many = || held.len(); many()").until("execute_result").result("1").until().idle()
    k.run("many()").fails("E0425", "`move` before the closure's parameters")
    k.run("let several = vec![|x: i32| x];").says("`several`", "Box<dyn Fn")
    k.run("let chain = list.iter().map(|x| { x + 1 }).cycle();").says("`chain`", "collect")
