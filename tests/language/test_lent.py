"""Language: what only borrows is there in later cells, as in one function: it is made again from its text."""

import pytest

USES = [
    # made in one cell, used in the next one, and what that shows
    ("let la = [1, 2, 3, 4]; let part = &la[1..3];", "part", "[2, 3]"),
    ('let lb = String::from("a-b-c"); let pieces = lb.split(\'-\');', "pieces.collect::<Vec<_>>()", '["a", "b", "c"]'),
    ('let lc = String::from("  word "); let trimmed = lc.trim(); let first = trimmed.chars().next();', "(trimmed, first)", '("word", Some(\'w\'))'),
    ("let ld = vec![1, 2, 3]; let (left, right) = ld.split_at(1);", "(left, right)", "([1], [2, 3])"),
    ("let le = (1, String::from(\"x\")); let (number, text) = &le;", "(number, text)", '(1, "x")'),
    ("let lf = vec![3, 1, 2]; let large: &[i32] = &lf; let again = &large[1..];", "again.iter().max()", "Some(2)"),
    ("let lg = vec![1.5, 2.5]; let i = 1; let one = &lg[i];", "*one", "2.5"),
    ("struct Lh<'a> { part: &'a str } let lh = String::from(\"ab cd\"); let seen = Lh { part: &lh[..2] };", "seen.part", '"ab"'),
    ("let li = Some(String::from(\"in\")); let inside = li.as_deref().unwrap();", "inside", '"in"'),
    ("let lj = vec![1, 2]; let maybe = Some(&lj[0]);", "maybe", "Some(1)"),
    ("let lo = [[1, 2], [3, 4]]; let inner = lo.get(1).and_then(|row| row.get(0));", "inner", "Some(3)"),
    ("trait Said { fn said(&self) -> u8; } impl Said for u8 { fn said(&self) -> u8 { *self + 1 } } let lk = 4u8; let object: &dyn Said = &lk;", "object.said()", "5"),
    ("let ll = ndarray::array![[1., 2., 3.], [4., 5., 6.]]; let view = ll.slice(ndarray::s![.., 1..]);", "view.sum()", "16.0"),
    ("let ln = vec![1, 2, 3]; let k = 10; let tens = ln.iter().filter(|x| **x > 1).map(|x| x * k);", "tens.collect::<Vec<_>>()", "[20, 30]"),
    ("let lm = std::path::PathBuf::from(\"/a/b.txt\"); let name = lm.file_name().unwrap();", "name", '"b.txt"'),
]


@pytest.mark.parametrize("made, used, shown", USES)
def test_what_borrows_is_there_in_the_next_cell(k, made, used, shown):
    # no note: nothing is lost
    k.run(made).idle()
    k.run(used).result(shown).idle()
    k.run(used).result(shown).idle()


def test_a_mutable_borrow_goes_on(k):
    k.run("let mut count = 5; let handle = &mut count;").idle()
    k.run("*handle += 1;").idle()
    # borrowed up to its last use, and read after that
    k.run("*handle += 1; count").result("7").idle()
    k.run("let mut list = vec![1]; let growing = &mut list; growing.push(2);").idle()
    k.run("growing.push(3); list.len()").result("3").idle()


def test_an_iterator_is_there_for_the_cell_that_uses_it(k):
    k.run("let passed_by = vec![1, 2, 3]; let mut paces = passed_by.iter().map(|x| x * 2);").idle()
    # cells that do not mention it leave it as it was made
    k.run("passed_by.len()").result("3").idle()
    number = k.run("(paces.next(), paces.next())").result("(Some(2), Some(4))").idle().reply["execution_count"]
    k.run("paces.next()").fails("E0425", f"what [{number}] has made of it was not kept")


def test_a_borrow_of_a_variable_of_an_earlier_cell(k):
    k.run("let mut own = vec![String::from(\"a\"), String::from(\"b\")];").idle()
    k.run("let head = &own[0];").idle()
    k.run("head.len()").result("1").idle()
    k.run("own.push(head.clone()); own.len()").result("3").idle()
    k.run("let of_head = head.as_str();").idle()
    k.run('of_head == "a"').result("true").idle()


def test_when_the_owner_is_another_one_the_borrow_ends_and_is_told(k):
    k.run("let owner = vec![1]; let lent = &owner;").idle()
    k.run("let owner = vec![9, 9];").says("`lent` borrowed `owner`, which is another one now or gone")
    k.run("lent").fails("E0425", "run the cell of `lent` again")
    k.run("let gone = vec![1]; let of_gone = &gone;").idle()
    k.run("drop(gone);").says("`of_gone` borrowed `gone`")


def test_what_does_more_than_look_is_no_borrow_to_make_again(k):
    k.run("let lock = std::sync::Mutex::new(1); let guard = lock.lock().unwrap();").says("`guard` lasts for this cell only")
    k.run("let mut walked = vec![1, 2]; let mut walk = walked.iter(); walk.next();").until().idle()
    k.run("walk").fails("E0425", "it lasted for its own cell only")
    k.run("let numbers = vec![1, 2]; let mut at = 0; let pointed = &numbers[at]; at += 1;").says("`pointed` lasts for this cell only")
    # methods of one's own may do anything, whatever they are called
    k.run('struct Loud(u8); impl Loud { fn first(&self) -> &u8 { println!("called"); &self.0 } } let loud = Loud(1); let heard = loud.first();').says("called", "`heard` lasts for this cell only")
    k.run('struct Falls<\'a>(&\'a u8); impl Drop for Falls<\'_> { fn drop(&mut self) { println!("fell"); } } let ground = 1u8; let falls = Falls(&ground);').says("`falls` lasts for this cell only")


def test_a_name_that_something_else_has_as_well_is_still_std_s(k):
    k.run('struct Echo(u8); impl Echo { fn first(&self) -> &u8 { println!("called"); &self.0 } fn iter(&self) -> u8 { self.0 } }').idle()
    k.run("let plain = vec![4, 5]; let front = plain.first().unwrap(); let whole_of_plain = plain.iter();").idle()
    k.run("(front, whole_of_plain.count())").result("(4, 2)").idle()


def test_what_a_trait_or_an_operator_calls_by_a_name_that_looks_is_no_look(k):
    k.run('trait Counted { fn last(self) -> Option<u8>; } impl Counted for &Vec<u8> { fn last(self) -> Option<u8> { println!("counted"); self.iter().copied().max() } }').idle()
    k.run("let several = vec![3u8, 9, 4]; let most = several.last(); let ends = several.as_slice().last();").stdout("counted\n").idle()
    k.run("(most, ends)").result("(Some(9), Some(4))").idle()
    k.run('struct Grid([u8; 4]); impl std::ops::Index<(usize, usize)> for Grid { type Output = u8; fn index(&self, at: (usize, usize)) -> &u8 { println!("looked up"); &self.0[at.0 * 2 + at.1] } }').idle()
    k.run("let grid = Grid([1, 2, 3, 4]); let corner = &grid[(1, 1)]; let inside = &grid.0[3];").says("looked up", "`corner` lasts for this cell only")
    k.run("inside").result("4").idle()
    k.run('struct Text(String); impl std::ops::Deref for Text { type Target = String; fn deref(&self) -> &String { println!("opened"); &self.0 } }').idle()
    k.run('let text = Text("a b".to_owned()); let within: &str = &text; let own: &str = &text.0;').says("opened", "`within` lasts for this cell only")
    k.run("own").result('"a b"').idle()


def test_a_trait_that_comes_later_may_mean_something_else(k):
    k.run("let ranks = vec![3u8, 9]; let top_rank = ranks.first().unwrap();").idle()
    k.run("trait Sized2 { fn trim_end(&self) -> u8; fn size(&self) -> u8; } impl Sized2 for u8 { fn trim_end(&self) -> u8 { 1 } fn size(&self) -> u8 { 1 } }").idle()
    k.run("*top_rank").result("3").idle()
    said = "`top_rank` calls a method that `Sneaky` may have given another meaning since"
    k.run("trait Sneaky { fn first(self) -> Option<&'static u8>; }\nimpl Sneaky for &Vec<u8> { fn first(self) -> Option<&'static u8> { None } }").says(said)
    k.run("*top_rank").fails("E0425", "run the cell of `top_rank` again")


def test_what_a_lazy_iterator_does_it_does_where_it_is_gone_through(k):
    k.run('fn is_even_here(x: u8) -> bool { println!("asked {x}"); x % 2 == 0 }').idle()
    k.run("let some = [1u8, 2, 4]; let even_ones = some.iter().filter(|x| is_even_here(**x)); let loud = \"a b\".to_string();").idle()
    k.run("even_ones.count()").stdout("asked 1\nasked 2\nasked 4\n").result("2").idle()
    k.run("let shouted = loud.split(' ').map(|w| w.to_uppercase());").idle()
    k.run("shouted.collect::<Vec<_>>()").result('["A", "B"]').idle()
    # an `Option` has called it already
    k.run('let maybe = Some(some[0]); let asked_once = maybe.as_ref().filter(|x| is_even_here(**x) || **x > 0);').says("asked 1", "`asked_once` lasts for this cell only")


def test_an_owner_that_changes_in_the_cell_ends_the_borrow(k):
    k.run("let mut changes = vec![1, 2]; let before = &changes[0]; changes.push(3);").says("`before` lasts for this cell only")
    k.run("changes.len()").result("3").idle()


def test_a_change_under_a_borrow_is_refused(k):
    k.run("let mut target = vec![1]; let looking = &target[0];").idle()
    k.run("target.push(2); *looking").fails("E0502", "`looking` borrows `target`")
    k.run("*looking").result("1").idle()


def test_closures_and_borrows_go_together(k):
    k.run("let table = vec![10, 20, 30]; let view = &table[1..]; let at = |i: usize| view[i];").idle()
    k.run("at(1)").result("30").idle()
    k.run("let reads = |i: usize| table[i]; let other = &table;").idle()
    k.run("reads(0) + other[0]").result("20").idle()


def test_a_closure_that_changes_something_is_read_after_in_its_cell(k):
    k.run("let mut sum = 0; let mut add = |x: i32| sum += x;").idle()
    k.run("add(2); add(3); sum").result("5").idle()


def test_completion_and_vars_know_them(k):
    k.run("let words = String::from(\"a b\"); let part_of_words = words.as_str();").idle()
    k.run(":vars").says("part_of_words")
    found = k.ask("complete", code="part_of_words.spli", cursor_pos=18)
    assert any("split_whitespace" in match for match in found["matches"]), found


def test_raw_pointers_to_variables_are_made_again(k):
    k.run("#[repr(packed)] struct Packed { a: u8, b: u16 } let packed = Packed { a: 1, b: 515 }; let pointer = &raw const packed.b; let other = std::ptr::addr_of!(packed.a);").idle()
    k.run("unsafe { (pointer.read_unaligned(), *other) }").result("(515, 1)").idle()
    k.run("let mut numbers_there = [1, 2, 3]; let begin = numbers_there.as_mut_ptr();").idle()
    k.run("unsafe { *begin.add(1) = 9 }; numbers_there").result("[1, 9, 3]").idle()
    # what stays where it is needs no such care
    k.run("let raw = Box::into_raw(Box::new(7));").idle()
    k.run("unsafe { *Box::from_raw(raw) }").result("7").idle()
    k.run("let mut here = 5; let changing = { &raw mut here };").says("`changing` is a raw pointer to what may be a variable")


def test_what_is_leaked_lasts(k):
    k.run("let leaked: &'static mut [i32] = vec![1, 2, 3].leak(); leaked[0] = 5;").idle()
    k.run("leaked[1] += 10; leaked.len()").result("3").idle()
    k.run("leaked").result("[5, 12, 3]").idle()
