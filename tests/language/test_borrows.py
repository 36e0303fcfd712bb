"""Language: what borrows ends when the owner changes, as in a function's body, and the owner lives on."""

import pytest

OWNERS = [
    ("let mut own = vec![1, 2]; let seen = &own[0]; own.push(3);", "own", "[1, 2, 3]", "seen"),
    ("let mut own = vec![1, 2]; let seen = own.iter(); let again = &seen; own.clear();", "own", "[]", "again"),
    ("let mut own = 1; let seen = &mut own; *seen += 1; own += 1;", "own", "3", None),
    ("let mut own = String::from(\"ab\"); let seen = own.split('b'); let parts = seen.count(); own.clear();", "(parts, own.len())", "(2, 0)", None),
    ("let own = std::sync::Mutex::new(5); let seen = own.lock().unwrap();", "*own.lock().unwrap()", "5", "seen"),
    ("let own = std::cell::RefCell::new(5); let seen = own.borrow_mut();", "own.take()", "5", "seen"),
    ("struct View<'a>(&'a mut Vec<u8>); let mut own = vec![7]; let seen = View(&mut own); seen.0.push(8); own.push(9);", "own", "[7, 8, 9]", None),
    ("struct Late<'a>(&'a mut i32); impl Drop for Late<'_> { fn drop(&mut self) { *self.0 += 10; } } let mut own = 1; let seen = Late(&mut own);", "own", "11", "seen"),
    ("let mut own = 1; let seen = Late(&mut own); let again = seen; *again.0 += 1;", "own", "12", None),
    ("let mut own = vec![1, 2]; let seen = own.drain(..1);", "own", "[2]", "seen"),
    ("let mut own = vec![1, 2]; let (left, right) = own.split_at_mut(1); left[0] = right[0]; own.push(1);", "own", "[2, 2, 1]", None),
    ("let mut own = vec![1]; let one = &own; let two = &one; let three = vec![two]; own.push(2);", "own", "[1, 2]", "three"),
    ("let mut own = vec![1]; for _ in 0..2 { let seen = &own; let n = seen.len(); own.push(n); }", "own", "[1, 1, 2]", None),
    ("let own; if true { own = 1 } else { own = 2 } let seen = &own;", "(own, *seen)", "(1, 1)", None),
]


@pytest.mark.parametrize("code, use, text, noted", OWNERS)
def test_an_owner_outlives_what_borrows_from_it(k, code, use, text, noted):
    story = k.run(code)
    if noted is None:
        story.until().idle()
    else:
        story.says(f"`{noted}` lasts for this cell only")
    k.run(use).result(text).idle()


def test_an_owner_of_an_earlier_cell_changes_under_a_borrow(k):
    k.run("let mut numbers = vec![1, 2];").idle()
    k.run("let first = &numbers[0]; let kept = *first; numbers.push(3);").until().idle()
    k.run("first").fails("E0425", "`first` (`&i32`) borrows")
    k.run("(kept, numbers.len())").result("(1, 3)").idle()
    k.run("let mut walk = numbers.iter(); walk.next(); numbers.clear(); numbers.len()").until("execute_result").result("0").until().idle()


def test_a_borrow_of_a_value_without_a_name(k):
    k.run('let fleeting = String::from("abc").as_str();').says("`fleeting` borrows from a value that ends with its statement")
    k.run('let fleeting = String::from("abc").as_str(); fleeting.len()').fails("E0716", "temporary value")


def test_a_moved_owner(k):
    k.run("let away = String::from(\"x\"); let seen = &away; drop(away);").says("`seen` (`&String`)")
    k.run("away").fails("E0425")
    k.run("struct Parts { name: String, age: u8 } let parts = Parts { name: String::from(\"n\"), age: 3 }; let name = parts.name;").until().idle()
    k.run("name").result('"n"').idle()
    k.run("parts.age").fails("E0425", "parts")


def test_a_variable_that_may_have_no_value(k):
    k.run("let seldom: i32; if 1 > 2 { seldom = 1; println!(\"{seldom}\"); }").until().idle()
    k.run("seldom").fails("E0425")


def test_a_guard_that_is_shadowed(k):
    """It lives to the end of the cell, so its owner cannot move to the next one; that is said."""
    k.run("let held = std::sync::Mutex::new(1); let guard = held.lock().unwrap(); let guard = *guard;").until().idle()
    k.run("held.is_poisoned()").fails("E0425", "a `guard` of the cell borrows from `held`")
    k.run("guard").result("1").idle()


def test_a_variable_that_lives_on_holds_no_borrow(k):
    k.run("let mut held_names: Vec<&str> = vec![];").idle()
    k.run('let brief = String::from("x"); held_names.push(&brief); held_names.len()').fails("E0597", "`brief` ends with this cell")
    k.run("held_names.push(\"literal\"); held_names").result('["literal"]').idle()


def test_many_borrowers_at_once(k):
    lines = "".join(f"let b{n} = &b{n - 1}; " for n in range(1, 14))
    k.run(f"let b0 = vec![5]; {lines}").until().idle()
    k.run("b0").result("[5]").idle()
    k.run("b13.len()").result("1").idle()
    locks = "".join(f"let m{n} = std::sync::Mutex::new({n}); let g{n} = m{n}.lock().unwrap(); " for n in range(13))
    k.run(locks).until().idle()
    k.run("*m12.lock().unwrap()").result("12").idle()
    k.run("g12").fails("E0425", "g12")


def test_the_users_own_mistake_is_told_in_rustcs_words(k):
    story = k.run("let mut mine = vec![1]; let r = &mine; let q = &mut mine; mine.push(1); println!(\"{r:?} {q:?}\");").fails("E0502")
    assert "please report" not in story.everything()
