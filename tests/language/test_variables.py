"""Language: variables live on in later cells, whatever their type, and change type when redefined."""

import pytest


def test_let_then_use(k):
    k.run("let first = 20;").idle()
    k.run("first * 2").result("40").idle()
    k.run("first").result("20").idle()
    k.run("first").result("20").idle()


def test_mutation_lasts(k):
    k.run("let mut growing = vec![1];").idle()
    k.run("growing.push(2);").idle()
    k.run("growing.push(3); growing.len()").result("3").idle()
    k.run("growing").result("[1, 2, 3]").idle()


def test_mutability_is_kept(k):
    k.run("let fixed = 1;").idle()
    k.run("fixed += 1;").fails(None, "fixed")
    k.run("fixed").result("1").idle()


@pytest.mark.parametrize(
    "code, names",
    [
        ("let (pa, mut pb) = (1, 2);", "(pa, pb)"),
        ("let [pa, .., pb] = [1, 9, 9, 2];", "(pa, pb)"),
        ("struct Pt { x: i32, y: i32 } let Pt { x: pa, y: pb } = Pt { x: 1, y: 2 };", "(pa, pb)"),
        ("let Some(pa) = Some(1) else { panic!() }; let pb = 2;", "(pa, pb)"),
        ("let pa @ 1..=5 = 1 else { unreachable!() }; let pb = 2;", "(pa, pb)"),
        ("let pa; let pb; { pa = 1; pb = 2; }", "(pa, pb)"),
        ("let ((pa, _), pb) = ((1, 5), 2);", "(pa, pb)"),
    ],
)
def test_patterns(k, code, names):
    k.run(code).idle()
    k.run(names).result("(1, 2)").idle()


def test_redefinition_with_another_type(k):
    k.run("let changing = 5;").idle()
    k.run('let changing = format!("{changing}!");').idle()
    k.run("changing.len()").result("2").idle()
    k.run("let changing = [0u8; 4];").idle()
    k.run("changing").result("[0, 0, 0, 0]").idle()


def test_shadowing_within_a_cell(k):
    k.run('let sh = 1; let sh = sh + 1; let sh = format!("{sh}");').idle()
    k.run("sh").result('"2"').idle()


@pytest.mark.parametrize(
    "code, use, text",
    [
        ("let t1 = std::collections::HashMap::from([(1, \"a\".to_string())]);", "t1[&1].clone()", '"a"'),
        ("let t2 = std::sync::Arc::new(std::sync::Mutex::new(5));", "*t2.lock().unwrap() += 1; *t2.lock().unwrap()", "6"),
        ("let t3: Box<dyn Fn(i32) -> i32 + Send> = Box::new(|x| x + 1);", "t3(4)", "5"),
        ("let t4: Vec<Option<Box<[u8]>>> = vec![Some(vec![1, 2].into())];", "t4.len()", "1"),
        ("let t5 = std::rc::Rc::new(std::cell::RefCell::new(vec![1]));", "t5.borrow_mut().push(2); t5.borrow().len()", "2"),
        ('let t6: &\'static str = "abc";', "t6", '"abc"'),
        ('let t7 = "abc";', "t7.len()", "3"),
        ("let t8: fn(f64) -> f64 = f64::sqrt;", "t8(16.0)", "4.0"),
        ("let t9 = std::time::Duration::from_millis(1500);", "t9.as_millis()", "1500"),
        ("let t10 = (0..5).collect::<std::collections::BTreeSet<_>>();", "t10.contains(&3)", "true"),
        ("let t11: Result<i32, std::num::ParseIntError> = \"x\".parse::<i32>();", "t11.is_err()", "true"),
        ("let t12 = std::sync::mpsc::channel::<i32>();", "t12.0.send(4).unwrap(); t12.1.recv().unwrap()", "4"),
        ("let t13 = 1..10;", "t13.len()", "9"),
        ("let t14 = std::thread::spawn(|| 6);", "t14.join().unwrap()", "6"),
        ("let t15 = Box::new([1u128; 3]) as Box<dyn std::any::Any>;", "t15.is::<[u128; 3]>()", "true"),
        ("let t16 = vec![1, 2, 3].into_iter();", "t16.map(|x| x * 2).collect::<Vec<_>>()", "[2, 4, 6]"),
        ("let t17: [fn() -> i32; 2] = [|| 1, || 2];", "t17[0]() + t17[1]()", "3"),
        ("let t18 = std::io::BufReader::new(std::io::Cursor::new(vec![65u8]));", "t18.buffer().len()", "0"),
    ],
)
def test_types_that_persist(k, code, use, text):
    k.run(code).idle()
    k.run(use).result(text).idle()


def test_a_type_of_an_earlier_cell(k):
    k.run("#[derive(Debug, Clone)] struct Own<T> { inside: T }").idle()
    k.run("let own = vec![Own { inside: 1.5 }];").idle()
    k.run("own[0].inside").result("1.5").idle()
    k.run("let copies = own.clone(); copies.len()").result("1").idle()


def test_a_moved_variable_is_gone(k):
    k.run("let moved = vec![1, 2];").idle()
    k.run("let taken = moved;").until().idle()
    k.run("taken").result("[1, 2]").idle()
    k.run("moved").fails("E0425", "moved")


def test_a_variable_moved_in_a_branch(k):
    k.run("let maybe = String::from(\"m\"); let cond = true;").idle()
    k.run("if cond { drop(maybe); }").until().idle()
    k.run("maybe").fails("E0425")


def test_values_are_dropped_once(k):
    k.run('struct Loud(u8); impl Drop for Loud { fn drop(&mut self) { println!("drop {}", self.0); } }').idle()
    k.run("let loud = Loud(1);").idle()
    k.run("loud.0").result("1").idle()
    k.run("let loud = Loud(2);").stdout("drop 1\n").idle()
    k.run("drop(loud);").stdout("drop 2\n").idle()


def test_references_within_a_cell_are_fine(k):
    k.run("let text = String::from(\"a b c\"); { let parts: Vec<&str> = text.split(' ').collect(); println!(\"{}\", parts.len()); }").stdout("3\n").idle()
    k.run("text.len()").result("5").idle()


def test_a_borrow_gets_advice(k):
    """What cannot persist lasts for its cell, with code to write instead; nothing else is lost."""
    k.run("let owner = vec![1, 2, 3];").idle()
    k.run("let borrowed = owner.iter().max_by_key(|x| **x);").says("`borrowed`", "let borrowed = ")
    k.run("let borrowed = owner.iter().max_by_key(|x| **x); borrowed").until("execute_result").result("Some(3)").until().idle()
    k.run("borrowed").fails("E0425", "borrowed", "let borrowed = ")
    k.run("owner").result("[1, 2, 3]").idle()


def test_large_values(k):
    k.run("let large = vec![1.0f64; 5_000_000];").idle()
    k.run("large.iter().sum::<f64>()").result("5000000.0").idle()


def test_redefining_a_type_drops_its_variables_and_says_so(k):
    k.run("#[derive(Debug)] struct Stale { x: i32 }").idle()
    k.run("let stale = Stale { x: 1 };").idle()
    k.run("#[derive(Debug)] struct Stale { x: f32 }").says("stale")
    k.run("stale.x").fails("E0425")


def test_the_same_definition_again_keeps_its_variables(k):
    k.run("#[derive(Debug)] struct Same { x: i32 }").idle()
    k.run("let same = Same { x: 7 };").idle()
    k.run("#[derive(Debug)] struct Same { x: i32 }").idle()
    k.run("same.x").result("7").idle()


def test_a_name_that_is_gone_says_why(k):
    k.run("let goods = vec![1, 2];").idle()
    number = k.run("goods.into_iter().sum::<i32>()").result("3").idle().reply["execution_count"]
    k.run("goods.len()").fails("E0425", f"`goods` was moved in [{number}]", "`goods.clone()`")
    k.run("let goods = std::sync::Mutex::new(3); let lent = goods.lock().unwrap();").says("lent")
    k.run("*goods.lock().unwrap()").result("3").idle()
    k.run("lent").fails("E0425", "it lasted for its own cell only")
    k.run("struct Stock(u32); let stock = Stock(1);").idle()
    number = k.run("struct Stock(u64);").says("stock").reply["execution_count"]
    k.run("stock.0").fails("E0425", f"`stock` was dropped when `Stock`, which it held, was redefined in [{number}]")
    k.run("let rows = (0..9).step_by(4); rows.count()").result("3").idle()
    k.run("rows").fails("E0425", "`rows` was moved in")


def test_a_question_mark_on_an_option_is_told_in_words_of_cells(k):
    story = k.run('"a".chars().next()?').fails("E0277", "in a cell, which returns a `Result`", ".ok_or(")
    assert "ferrolab::rt" not in story.everything() and "closure" not in story.everything(), story.everything()
    # in a function of the user's, the words are rustc's
    k.run('fn first(s: &str) -> Result<char, String> { Ok(s.chars().next()?) }').fails("E0277", "in a function that returns `Result`")
