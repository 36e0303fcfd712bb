"""Items in crates: what a definition, a call and a change compile anew, and what each leaves as it was."""

import re
import subprocess
import time

import pytest

from support import caches

COUNT = "use std::sync::atomic::{AtomicU32, Ordering::SeqCst};"


def objects(private) -> set:
    """The shared objects on the shelf, when nothing is under way any more."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        metadata = {p for p in caches.files(private / "cells") if p.suffix == ".rmeta"}
        benches = {p for p in metadata if p.parent.name.startswith("new-")}
        if {p.stat().st_ino for p in benches} <= {p.stat().st_ino for p in metadata - benches}:
            return {p for p in caches.objects(private) if not p.parent.name.startswith("new-")}
        time.sleep(0.02)
    raise AssertionError("code is still being generated")


def compiled(private, kernel, *cells) -> int:
    """How many shared objects these cells add to the shelf."""
    before = objects(private)
    for cell in cells:
        kernel.ok(cell)
    return len(objects(private) - before)


@pytest.fixture
def private(ferrolab, tmp_path):
    """A cache of the test's own, its environment already prepared."""
    return caches.copy(tmp_path / "cache")


def test_the_sixtieth_function_compiles_what_the_first_did(private, start):
    kernel = start(FERROLAB_CACHE_DIR=str(private))
    define = "fn work_{0}(n: usize) -> Vec<f64> {{ let mut v: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect(); v.sort_by(f64::total_cmp); v }}"
    call = "work_{0}({0}).len()"
    first = compiled(private, kernel, define.format(10), call.format(10))
    largest = max(p.stat().st_size for p in objects(private))
    for n in range(11, 69, 2):
        kernel.ok("".join(f"fn other_{m}(x: f64) -> f64 {{ x + {m}.0 }}\n" for m in (n, n + 1)))
    sixtieth = compiled(private, kernel, define.format(69), call.format(69))
    assert first == sixtieth == 2, "the function's crate and the cell that calls it"
    assert max(p.stat().st_size for p in objects(private)) == largest, "and no crate grew"
    # its dependent goes along, into one crate, and nothing else
    assert compiled(private, kernel, "fn uses(n: usize) -> usize { work_69(n).len() }", "uses(3)") == 2
    assert compiled(private, kernel, "fn work_69(n: usize) -> Vec<f64> { vec![0.0; 2 * n] }", "uses(3)", "work_10(4).len()") == 3
    # the same again is no change
    assert compiled(private, kernel, define.format(10), "fn uses(n: usize) -> usize { work_69(n).len() }", "uses(3)") == 0


def test_a_restart_compiles_nothing_of_it(private, start):
    cells = ["fn one() -> i32 { 1 }", "struct P(i32);", "impl P { fn get(&self) -> i32 { self.0 + one() } }", "P(4).get()", "fn one() -> i32 { 2 }", "P(4).get()"]
    first = start(FERROLAB_CACHE_DIR=str(private))
    assert compiled(private, first, *cells) > 0
    first.close()
    assert compiled(private, start(FERROLAB_CACHE_DIR=str(private)), *cells) == 0
    # nor does another order, as far as crates do not differ
    assert compiled(private, start(FERROLAB_CACHE_DIR=str(private)), cells[1], cells[0], cells[2], "P(4).get()") <= 1


# -- statics ------------------------------------------------------------------------------------------


def test_a_static_keeps_its_value_when_others_change(k):
    k.run(f"{COUNT}\nstatic KEPT: AtomicU32 = AtomicU32::new(0);\nfn bump() -> u32 {{ KEPT.fetch_add(1, SeqCst) + 1 }}").idle()
    k.run("bump() + bump()").result("3").idle()
    k.run("fn nothing_to_do_with_it() {}").idle()
    k.run("bump()").result("3").idle()
    k.run("fn bump() -> u32 { KEPT.fetch_add(10, SeqCst) + 10 }").idle()
    k.run("bump()").result("13").idle()
    k.run("KEPT.load(SeqCst)").result("13").idle()


def test_a_static_is_kept_by_the_same_cell_again(k):
    cell = f"{COUNT}\nstatic AGAIN: AtomicU32 = AtomicU32::new(5);"
    k.run(cell).idle()
    k.run("AGAIN.fetch_add(1, SeqCst)").result("5").idle()
    k.run(cell).idle()
    k.run("AGAIN.load(SeqCst)").result("6").idle()
    # another value is another static, as the user can see himself
    k.run(cell.replace("5", "7")).idle()
    k.run("AGAIN.load(SeqCst)").result("7").idle()


def test_a_static_keeps_its_value_when_its_crate_is_compiled_anew(k):
    k.run(f"{COUNT}\nstruct Holder;\nstatic TOLD: AtomicU32 = AtomicU32::new(0);\nfn hold(_: &Holder) {{ TOLD.fetch_add(1, SeqCst); }}").idle()
    k.run("hold(&Holder); TOLD.load(SeqCst)").result("1").idle()
    k.run("impl Holder { fn more(&self) -> u32 { 4 } }").idle()
    k.run("hold(&Holder); TOLD.load(SeqCst) + Holder.more()").result("6").idle()


def test_a_static_made_anew_is_told(k):
    k.run(f"{COUNT}\nconst FIRST: u32 = 3;\nstatic ANEW: AtomicU32 = AtomicU32::new(FIRST);").idle()
    k.run("ANEW.fetch_add(1, SeqCst)").result("3").idle()
    k.run("const FIRST: u32 = 8;").stderr("note: the static `ANEW` was made anew, because `FIRST` changed\n").idle()
    k.run("ANEW.load(SeqCst)").result("8").idle()


def test_a_static_is_there_once(k):
    k.run(f"{COUNT}\nstatic ONCE: AtomicU32 = AtomicU32::new(0);").idle()
    k.run("#[inline] fn address_of_once() -> usize { &raw const ONCE as usize }").idle()
    k.run("fn another_address() -> usize { address_of_once() }").idle()
    k.run("(&raw const ONCE as usize == address_of_once(), another_address() == address_of_once())").result("(true, true)").idle()


def test_thread_locals(k):
    k.run("use std::cell::Cell; thread_local! { static MINE: Cell<i32> = const { Cell::new(1) }; }").idle()
    k.run("fn add_mine() { MINE.with(|m| m.set(m.get() + 1)); }").idle()
    k.run("add_mine(); add_mine(); MINE.with(|m| m.get())").result("3").idle()


# -- late binding -------------------------------------------------------------------------------------


def test_redefinitions_reach_through_all_kinds(k):
    k.run("fn base() -> i32 { 1 }").idle()
    k.run("macro_rules! by_macro { () => { base() + 1 } }").idle()
    k.run("struct ByType; impl ByType { fn get(&self) -> i32 { base() + 2 } }").idle()
    k.run("trait ByTrait { fn got(&self) -> i32 { base() + 3 } } impl ByTrait for ByType {}").idle()
    k.run("mod by_module { pub fn get() -> i32 { super::base() + crate::base() } }").idle()
    k.run("fn all() -> (i32, i32, i32, i32) { (by_macro!(), ByType.get(), ByType.got(), by_module::get()) }").idle()
    k.run("all()").result("(2, 3, 4, 2)").idle()
    k.run("fn base() -> i32 { 10 }").idle()
    k.run("all()").result("(11, 12, 13, 20)").idle()
    k.run("by_macro!()").result("11").idle()


def test_what_does_not_fit_any_more_is_removed_with_its_cell(k):
    k.run("fn gives() -> i32 { 1 }").idle()
    taker = k.run("fn takes() -> i32 { gives() }").idle()
    k.run("fn apart() -> i32 { 5 }").idle()
    told = k.run('fn gives() -> String { "x".into() }')
    assert re.search(rf"`fn takes\(\) -> i32` of cell \[{taker.number}\] does not fit any more and was removed", told.finish())
    k.run("gives()").result('"x"').idle()
    k.run("takes()").fails("E0425", "takes")
    k.run("apart()").result("5").idle()


def test_recursion_that_comes_about_by_redefinition(k):
    k.run("fn is_even(n: u32) -> bool { n == 0 }").idle()
    k.run("fn is_odd(n: u32) -> bool { n != 0 && is_even(n - 1) }").idle()
    k.run("fn is_even(n: u32) -> bool { n == 0 || is_odd(n - 1) }").idle()
    k.run("(is_even(10), is_odd(10))").result("(true, false)").idle()


def test_a_method_that_uses_later_functions(k):
    k.run("#[derive(Debug)] struct Account { sum: i32 }").idle()
    k.run("let account = Account { sum: 3 };").idle()
    k.run("fn fee(a: &Account) -> i32 { a.sum / 3 }").idle()
    k.run("impl Account { fn net(&self) -> i32 { self.sum - fee(self) } }").idle()
    k.run("account.net()").result("2").idle()
    k.run("fn fee(_: &Account) -> i32 { 3 }").idle()
    k.run("account.net()").result("0").idle()


def test_local_names_like_those_of_functions(k):
    k.run("fn area(r: f64) -> f64 { r * r }").idle()
    k.run("fn total(v: &[f64]) -> f64 { let area: f64 = v.iter().map(|r| area(*r)).sum(); area }").idle()
    k.run("fn by_value(v: &[f64]) -> Vec<f64> { let f = area; { let area = 1.0; drop(area); } v.iter().copied().map(f).collect() }").idle()
    k.run("(total(&[1.0, 2.0]), by_value(&[3.0]))").result("(5.0, [9.0])").idle()
    k.run("fn area(r: f64) -> f64 { r + 1.0 }").idle()
    k.run("(total(&[1.0, 2.0]), by_value(&[3.0]))").result("(5.0, [4.0])").idle()
    k.run("fn hue(x: i32) -> i32 { x } fn hue_later(n: i32) -> i32 { let f = hue; { let hue = n; f(hue) } }").idle()
    k.run("fn hue(x: i32) -> i32 { x * 2 }").idle()
    k.run("hue_later(4)").result("8").idle()


def test_undo_of_a_redefinition(k):
    k.run("fn undone() -> i32 { 1 }").idle()
    k.run("fn user_of_undone() -> i32 { undone() }").idle()
    k.run("fn undone() -> i32 { 2 }").idle()
    k.run("user_of_undone()").result("2").idle()
    k.run("fn undone() -> i32 { 3 }").idle()
    k.run(":undo").until().idle()
    k.run("user_of_undone()").result("2").idle()


# -- types --------------------------------------------------------------------------------------------


def test_values_stay_when_their_type_gets_more_implementations(k):
    k.run("use std::any::Any;\n#[derive(Debug, Clone)] struct Stays(i32);").idle()
    k.run("let stays = Stays(4); let any_stays: Box<dyn Any> = Box::new(Stays(5));").idle()
    k.run("fn doubled_stays(s: &Stays) -> i32 { s.0 * 2 }").idle()
    k.run("impl Stays { fn plus(&self, n: i32) -> i32 { self.0 + n + doubled_stays(self) } }").idle()
    k.run("impl std::fmt::Display for Stays { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, \"<{}>\", self.0) } }").idle()
    k.run("(stays.plus(1), stays.to_string(), any_stays.downcast_ref::<Stays>().map(|s| s.plus(2)))").result('(13, "<4>", Some(17))').idle()


def test_values_go_when_their_type_changes(k):
    k.run("#[derive(Debug)] struct Goes(i32);").idle()
    k.run("#[derive(Debug)] struct Around(Goes);").idle()
    k.run("let goes = Goes(1); let around = Around(Goes(2)); let vector = vec![7];").idle()
    k.run("#[derive(Debug)] struct Goes(f64);").stderr("note: a type was redefined; dropped the variables that hold the old one: around, goes\n").idle()
    k.run("Around(Goes(0.5))").result("Around(Goes(0.5))").idle()
    k.run("vector[0]").result("7").idle()


def test_any_never_takes_an_old_type_for_a_new_one(k):
    """Also where a type comes back to the crate that it was in before, with another layout."""
    k.run("use std::any::Any; #[derive(Debug)] struct Stale { a: i32 } #[derive(Debug)] struct Beside;").idle()
    k.run("let old_any: Box<dyn Any> = Box::new(Stale { a: 1 }); let beside_any: Box<dyn Any> = Box::new(Beside);").idle()
    k.run("#[derive(Debug)] struct Stale { a: f64, b: f64 }").idle()
    k.run("(old_any.is::<Stale>(), beside_any.is::<Beside>())").result("(false, true)").idle()
    k.run("impl Beside { fn stale(&self) -> Stale { Stale { a: 1.0, b: 2.0 } } }").idle()
    k.run("impl Stale { fn beside(&self) -> Beside { Beside } }").idle()
    k.run("(old_any.is::<Stale>(), Beside.stale().beside().stale().b)").result("(false, 2.0)").idle()
    k.run("struct Core(i32);").idle()
    k.run("struct Shell { core: Core }").idle()
    k.run("let shell_any: Box<dyn Any> = Box::new(Shell { core: Core(1) });").idle()
    k.run("struct Shell { core: Core, more: i64 }").idle()
    k.run("struct Core(f32);").idle()
    k.run("struct Core(i32);").idle()
    k.run("shell_any.is::<Shell>()").result("false").idle()


def test_types_that_know_each_other(k):
    k.run("#[derive(Debug, Clone, PartialEq)] struct Km(f64);").idle()
    k.run("#[derive(Debug, Clone, PartialEq)] struct Miles(f64);").idle()
    k.run("let way = Km(16.0); let miles = Miles(1.0);").idle()
    k.run("impl From<Km> for Miles { fn from(k: Km) -> Miles { Miles(k.0 / 1.6) } }").idle()
    k.run("impl From<Miles> for Km { fn from(m: Miles) -> Km { Km(m.0 * 1.6) } }").idle()
    k.run("(Miles::from(way.clone()), Km::from(miles.clone()))").result("(Miles(10.0), Km(1.6))").idle()


def test_implementations_of_every_position(k):
    k.run("struct Mine(i32); trait Sized2 { fn size2(&self) -> usize; fn twice(&self) -> usize { self.size2() * 2 } }").idle()
    k.run("impl Sized2 for Vec<Mine> { fn size2(&self) -> usize { self.len() } }").idle()
    k.run("impl Sized2 for str { fn size2(&self) -> usize { self.len() } } impl Sized2 for [Mine; 2] { fn size2(&self) -> usize { 2 } }").idle()
    k.run("trait Loud { fn loud(&self) -> String; } impl<T: std::fmt::Display> Loud for T { fn loud(&self) -> String { format!(\"{self}!\") } }").idle()
    k.run("impl From<Mine> for i64 { fn from(m: Mine) -> i64 { m.0 as i64 } } impl std::ops::Mul<Mine> for f64 { type Output = f64; fn mul(self, m: Mine) -> f64 { self * m.0 as f64 } }").idle()
    k.run("impl dyn Sized2 { fn of_object(&self) -> usize { self.size2() + 100 } }").idle()
    k.run("type Other = Mine; impl Other { fn by_alias(&self) -> i32 { self.0 } }").idle()
    k.run('let boxed: Box<dyn Sized2> = Box::new(vec![Mine(1)]); (vec![Mine(1)].twice(), "abc".twice(), [Mine(1), Mine(2)].size2(), 3.loud())').result('(2, 6, 2, "3!")').idle()
    k.run("(i64::from(Mine(3)), 2.0 * Mine(4), boxed.of_object(), Mine(6).by_alias())").result("(3, 8.0, 101, 6)").idle()


def test_what_only_one_crate_may_say(k):
    """No other crate may ever make `String` a `Marked`, which rustc must know to accept both."""
    k.run("trait Marked {}").idle()
    k.run("trait Shown { fn shown(&self) -> i32; }").idle()
    k.run("impl Shown for String { fn shown(&self) -> i32 { 1 } }").idle()
    k.run("impl<T: Marked> Shown for T { fn shown(&self) -> i32 { 2 } }").idle()
    k.run("struct Marks; impl Marked for Marks {}").idle()
    k.run('("x".to_string().shown(), Marks.shown())').result("(1, 2)").idle()


# -- paths, imports, macros ---------------------------------------------------------------------------


def test_paths_from_the_root(k):
    k.run("fn rooted() -> i32 { 1 } const DEEP: usize = 3;").idle()
    k.run("mod tree { pub mod branch { pub fn leaf() -> i32 { crate::rooted() + super::stem() } } fn stem() -> i32 { super::rooted() + 10 } pub struct Nut(pub [u8; crate::DEEP]); }").idle()
    k.run("fn from_self() -> i32 { self::tree::branch::leaf() + crate::rooted() }").idle()
    k.run("let nut = tree::Nut([1; DEEP]);").idle()
    k.run("(from_self(), nut.0.len())").result("(13, 3)").idle()


def test_imports_of_own_items(k):
    k.run("#[derive(Debug, PartialEq)] enum Light { Red, Green }").idle()
    k.run("mod shapes { pub trait Sides { fn sides(&self) -> usize; } impl Sides for u8 { fn sides(&self) -> usize { *self as usize } } pub mod inner { pub const N: i32 = 9; } }").idle()
    k.run("use Light::*; use shapes::Sides; use shapes::inner::{self, N as NINE};").idle()
    k.run("fn next(l: &Light) -> Light { match l { Red => Green, Green => Red } }").idle()
    k.run("(next(&Red), 4u8.sides(), NINE + inner::N)").result("(Green, 4, 18)").idle()
    k.run("use shapes::nothing;").fails("E0432", "nothing")


def test_macros_of_earlier_cells(k):
    k.run("fn helper_of_macro(x: i32) -> i32 { x + 1 }").idle()
    k.run("macro_rules! incremented { ($x:expr) => { $crate::helper_of_macro($x) } } macro_rules! point { ($n:ident { $($f:ident),* }) => { struct $n { $($f: f64),* } } }").idle()
    k.run("macro_rules! twice_incremented { ($x:expr) => { incremented!(incremented!($x)) } }").idle()
    k.run("mod uses_macro { pub fn get() -> i32 { twice_incremented!(5) } }").idle()
    k.run("(uses_macro::get(), twice_incremented!(0), crate::incremented!(1))").result("(7, 2, 2)").idle()
    k.run("fn helper_of_macro(x: i32) -> i32 { x + 10 }").idle()
    k.run("(uses_macro::get(), twice_incremented!(0))").result("(25, 20)").idle()


def test_names_that_are_somebody_elses_too(k):
    k.run("fn max(a: i32, b: i32) -> i32 { a * 100 + b }").idle()
    k.run("use std::cmp::*;").idle()
    k.run("fn uses_max() -> i32 { max(1, 2) }").idle()
    k.run("(uses_max(), max(3, 4))").result("(102, 304)").idle()
    k.run("struct HashMap;").idle()
    k.run("use std::collections::HashMap;").idle()
    k.run("HashMap::from([(1, 2)])").result("{1: 2}").idle()


def test_foreign_functions_and_exported_ones(k):
    k.run('unsafe extern "C" { fn labs(n: i64) -> i64; fn atoi(s: *const std::ffi::c_char) -> i32; }').idle()
    k.run("fn safe_labs(n: i64) -> i64 { unsafe { labs(n) } }").idle()
    k.run('(safe_labs(-4), unsafe { atoi(c"12".as_ptr()) })').result("(4, 12)").idle()
    k.run('#[unsafe(no_mangle)] pub extern "C" fn ferrolab_test_export(x: i32) -> i32 { x + 1 }').idle()
    k.run("ferrolab_test_export(1)").result("2").idle()
    k.run('#[unsafe(no_mangle)] pub extern "C" fn ferrolab_test_export(x: i32) -> i32 { x + 2 }').idle()
    k.run("ferrolab_test_export(1)").result("3").idle()


def test_crate_attributes_last(k):
    k.run("#![feature(never_type)]\nfn first_with_feature() -> i32 { 1 }").idle()
    k.run("fn second_with_feature(f: fn() -> !) -> i32 { let _ = f; 2 }").idle()
    k.run("let f: fn() -> ! = || panic!(); second_with_feature(f)").result("2").idle()


def test_generics_consts_and_opaque_types(k):
    k.run("const WIDTH: usize = 4; fn row() -> [u8; WIDTH] { [1; WIDTH] }").idle()
    k.run("fn odds(n: u32) -> impl Iterator<Item = u32> { (0..n).filter(|x| x % 2 == 1) }").idle()
    k.run("struct Matrix<const R: usize, const C: usize>([[f64; C]; R]); impl<const R: usize, const C: usize> Matrix<R, C> { fn t(&self) -> Matrix<C, R> { let mut m = Matrix([[0.0; R]; C]); for i in 0..R { for j in 0..C { m.0[j][i] = self.0[i][j]; } } m } }").idle()
    k.run("fn apply<F: Fn(u32) -> u32>(f: F) -> u32 { odds(6).map(f).sum() }").idle()
    k.run("(row().len(), apply(|x| x * 2), Matrix([[1.0, 2.0]]).t().0)").result("(4, 18, [[1.0], [2.0]])").idle()
    k.run("const WIDTH: usize = 6;").idle()
    k.run("row().len()").result("6").idle()


def test_a_panic_names_the_cell_that_was_run_last(k):
    cell = "fn breaks_here(v: &[i32]) -> String {\n    format!(\"{}\", v[9])\n}"
    k.run(cell).idle()
    k.run("fn between() {}").idle()
    again = k.run(cell).idle()
    k.run("breaks_here(&[1])").until("error").error("panic", f"[{again.number}]:2").until().idle()


def test_names_of_all_sorts(k):
    """Items called like what is in every cell, and a module called like the crates of items."""
    # `drop` would reach those who call it
    k.run(":clear").until().idle()
    k.run("macro_rules! vec { ($($x:expr),*) => { [$($x + 1),*] } } type Result<T> = std::result::Result<T, String>;").idle()
    k.run("fn fails_so() -> Result<i32> { Err(format!(\"{}\", vec![1][0])) } fn drop(x: i32) -> i32 { -x }").idle()
    k.run("(fails_so(), vec![4], drop(3))").result('(Err("2"), [5], -3)').idle()
    k.run("mod cells { #[derive(Debug, Clone)] pub struct Alive(pub bool); pub fn count() -> i32 { 3 } } #[derive(Debug)] struct Outside(cells::Alive);").idle()
    k.run("let alive = cells::Alive(true); let outside = Outside(alive.clone()); cells::count()").result("3").idle()
    k.run("(alive.0, outside.0, cells::count())").result("(true, Alive(true), 3)").idle()
    k.run("mod apart { use super::*; pub fn get() -> Result<i32> { Ok(super::cells::count() + drop(1)) } }").idle()
    k.run("apart::get()").result("Ok(2)").idle()
    k.run("fn r#match(r#in: i32) -> i32 { r#in } struct r#Struct { r#type: i32 }").idle()
    k.run("r#match(r#Struct { r#type: 4 }.r#type)").result("4").idle()
    k.run(":clear").until().idle()


# -- speed --------------------------------------------------------------------------------------------


def open_symbols(private, kernel, code) -> str:
    """What the object that is compiled for a cell takes from others."""
    before = objects(private)
    kernel.ok(code)
    (made,) = objects(private) - before
    return subprocess.run(["nm", "-D", "--undefined-only", made], capture_output=True, text=True, check=True).stdout


def test_short_functions_are_compiled_along_and_long_ones_linked(private, start):
    """So the caller's constants reach the loops of the first, and nobody waits for rustc because of the second."""
    kernel = start(FERROLAB_CACHE_DIR=str(private))
    kernel.ok("fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> { let mut c = vec![0.0; n * n]; for i in 0..n { for j in 0..n { let mut s = 0.0; for k in 0..n { s += a[i * n + k] * b[k * n + j]; } c[i * n + j] = s; } } c }")
    kernel.ok("struct Grid { cells: Vec<f64>, width: usize } impl Grid { fn at(&self, i: usize, j: usize) -> f64 { self.cells[i * self.width + j] } } mod inner { pub fn norm(v: &[f64]) -> f64 { v.iter().map(|x| x * x).sum::<f64>().sqrt() } }")
    kernel.ok("fn sorted(v: &[f64]) -> Vec<f64> { let mut w = v.to_vec(); w.sort_by(|a, b| a.total_cmp(b)); w }")
    kernel.ok("#[inline(never)] fn as_told(x: f64) -> f64 { x + 1.0 }")
    kernel.ok("let a = vec![1.0; 16];")
    symbols = open_symbols(private, kernel, "let grid = Grid { cells: product(&a, &a, 4), width: 4 }; grid.at(1, 2) + inner::norm(&a)")
    assert not any(name in symbols for name in ("product", "at17h", "norm")), symbols
    symbols = open_symbols(private, kernel, "sorted(&a)[0] + as_told(1.0)")
    assert "sorted" in symbols and "as_told" in symbols, symbols


def test_other_ways_of_compiling(k):
    k.run(f"{COUNT}\nstatic WAYS: AtomicU32 = AtomicU32::new(0);\nfn ways() -> u32 {{ WAYS.fetch_add(1, SeqCst) }}").idle()
    k.run("ways(); ways()").result("1").idle()
    k.run(":checks on").until().idle()
    k.run("ways()").result("2").idle()
    k.run(":checks off").until().idle()


def test_paths_are_the_same_everywhere(k):
    """What users can see of the crates that items are in is one name."""
    k.run("#[derive(Debug)] struct Seen(i32);").idle()
    k.run("struct SeenToo; trait Sees { fn see(&self) {} } impl Sees for Seen {}").idle()
    k.run("(std::any::type_name::<Seen>(), std::any::type_name::<SeenToo>(), std::any::type_name::<dyn Sees>())").result('("cells::Seen", "cells::SeenToo", "dyn cells::Sees")').idle()
    story = k.run("let wrong: SeenToo = Seen(1);").fails("E0308", "expected `SeenToo`, found `Seen`")
    assert "__ferrolab" not in story.text_of(story.failed)
