"""Cells mean what Rust means: imports, lint levels, macros that define, `cfg`, edited implementations, names of the prelude,
errors that macros return. Both sides of each border."""


def test_an_item_keeps_the_imports_of_its_cell(k):
    k.run("use std::time::Duration; fn poll_every() -> Duration { Duration::from_millis(250) }").idle()
    k.run("mod calendar { #[derive(Debug)] pub struct Duration(pub i64); }").idle()
    k.run("use calendar::Duration; fn days(n: i64) -> Duration { Duration(n) }").idle()
    k.run("(poll_every().as_millis(), days(3), Duration(1))").result("(250, Duration(3), Duration(1))").idle()
    k.run("fn later() -> i64 { Duration(7).0 }\nlater()").result("7").idle()
    k.run("poll_every().as_secs_f64()").result("0.25").idle()


def test_results_of_two_kinds(k):
    k.run('use std::fmt::Result; struct Temp(f64);\nimpl std::fmt::Display for Temp { fn fmt(&self, f: &mut std::fmt::Formatter) -> Result { write!(f, "{:.1} °C", self.0) } }').idle()
    k.run("use std::io::Result; fn size(p: &str) -> Result<u64> { Ok(std::fs::metadata(p)?.len()) }").idle()
    k.run('(Temp(21.46).to_string(), size("/proc/self/status").is_ok())').result('("21.5 °C", true)').idle()


def test_traits_of_one_name(k):
    k.run('use std::io::Write; fn log_line(w: &mut impl Write, n: u32) -> std::io::Result<()> { writeln!(w, "line {n}")?; w.flush() }').idle()
    k.run('use std::fmt::Write; let mut s = String::new(); write!(s, "{:>4}", 7)?; s').result('"   7"').idle()
    k.run("let mut buf = Vec::<u8>::new(); log_line(&mut buf, 3)?; String::from_utf8_lossy(&buf).into_owned()").result('"line 3\\n"').idle()


def test_imports_again(k):
    k.run("use std::fmt;").idle()
    k.run('use std::fmt::{self, Formatter, Display}; struct C;\nimpl Display for C { fn fmt(&self, f: &mut Formatter<\'_>) -> fmt::Result { write!(f, "c") } }\nC.to_string()').result('"c"').idle()
    k.run("use std::io::{BufRead, BufReader, Read}; use std::io;").idle()
    k.run('use std::io::{self, BufRead}; io::Cursor::new(b"a\\nb").lines().count()').result("2").idle()
    k.run("use std::collections::*; use std::collections::HashMap; HashMap::<u8, u8>::new().len()").result("0").idle()


def test_the_newer_of_an_import_and_an_item(k):
    k.run("use std::time::Duration; fn wait() -> Duration { Duration::from_secs(2) }").idle()
    k.run("struct Duration(f64); let d = Duration(1.5); d.0").result("1.5").idle()
    k.run("(wait().as_secs(), d.0, Duration(2.5).0)").result("(2, 1.5, 2.5)").idle()
    k.run("use std::time::Duration;").idle()
    k.run("(wait().as_secs(), d.0, Duration::from_secs(1))").result("(2, 1.5, 1s)").idle()
    k.run("impl std::fmt::Debug for calendar2::Day { }").fails("E0433", "calendar2")


def test_names_of_std_that_a_later_cell_defines(k):
    k.run("fn first(v: &[i32]) -> Option<i32> { v.iter().copied().next() }\nfn is_yes(x: i32) -> bool { matches!(x, 3) }").idle()
    k.run("#[derive(Debug)] enum Option { Yes, No }\nmacro_rules! matches { ($x:expr) => { $x * 2 } }").idle()
    k.run("(first(&[7]), is_yes(3), Option::Yes, matches!(4))").result("(Some(7), true, Yes, 8)").idle()
    k.run("fn doubled() -> i32 { matches!(9) }\ndoubled()").result("18").idle()
    k.run("macro_rules! call_late { ($x:expr) => { late($x) } }").idle()
    k.run("fn late(x: i32) -> i32 { x + 1 } fn uses_late() -> i32 { call_late!(3) }\nuses_late()").result("4").idle()
    k.run("fn late(x: i32) -> i32 { x + 100 }\nuses_late()").result("103").idle()


def test_an_implementation_with_imports_of_its_own(k):
    k.run("struct Celsius(f64); let now = Celsius(20.5);").idle()
    k.run("use std::fmt; impl fmt::Display for Celsius { fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { write!(f, \"{}°\", self.0) } }").idle()
    k.run("now.to_string()").result('"20.5°"').idle()
    k.run("use std::ops::Add; impl Add for Celsius { type Output = Celsius; fn add(self, o: Self) -> Self { Celsius(self.0 + o.0) } }").idle()
    k.run("(Celsius(1.0) + Celsius(2.0)).to_string()").result('"3°"').idle()
    k.run("now.0").result("20.5").idle()


def test_lint_levels_on_items_and_statements(k):
    k.run("#[allow(warnings)] let w = 5;").idle()
    k.run("#[deny(unused_variables)] fn f() -> i32 { let a = 1; 2 }").fails("error", "unused variable")
    k.run("w").result("5").idle()


def test_levels_on_what_ends_with_braces(k):
    k.run('#[allow(unused_variables)] { let nobody = 4; println!("in"); }').stdout("in\n").idle()
    k.run("let mut odd = 0;\n#[allow(unused_variables)] for i in 0..5 { if i % 2 == 1 { odd += 1 } }").idle()
    k.run('#[cfg(unix)] if odd == 2 { println!("two") }').stdout("two\n").idle()
    # an attribute of a value is refused in a program, too
    k.run("#[allow(unused)] { odd }").fails("E0308")


def test_values_without_a_size_are_shown(k):
    k.run("let v: Vec<(f64, f64)> = (0..20).map(|i| (f64::from(i), 0.5)).collect();").idle()
    k.run("v[..2]").result("[(0.0, 0.5), (1.0, 0.5)]").idle()
    k.run('let s = String::from("hello world"); s[..5]').result('"hello"').idle()
    k.run("*s").result('"hello world"').idle()
    k.run("let b: Box<dyn std::fmt::Debug> = Box::new(5); *b").result("5").idle()
    k.run("struct Dumb; let d: Box<dyn Fn() -> Dumb> = Box::new(|| Dumb); *d").result(matches="Fn").idle()
    k.run("let large = vec![7u8; 1_000_000]; large[1..]").result(matches="7, 7, ").idle()


def test_what_a_macro_defines_lasts(k):
    k.run("macro_rules! id_type { ($($name:ident),*) => { $( #[derive(Debug, Clone, Copy, PartialEq)] struct $name(u32); impl $name { fn next(self) -> Self { $name(self.0 + 1) } } )* } }").idle()
    k.run("id_type!(SampleId, RunId);").idle()
    k.run("let s = SampleId(4); (s.next(), s.0)").result("(SampleId(5), 4)").idle()
    k.run("let runs: Vec<RunId> = (1..4).map(RunId).collect(); runs.last().map(|r| r.next())").result("Some(RunId(4))").idle()
    k.run("(s, runs.len())").result("(SampleId(4), 3)").idle()
    k.run("macro_rules! counter { ($n:ident) => { static $n: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0); } }\ncounter!(HITS);").idle()
    k.run("HITS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);").until().idle()
    k.run("HITS.load(std::sync::atomic::Ordering::SeqCst)").result("1").idle()


def test_macros_in_braces_and_macros_that_implement(k):
    k.run("macro_rules! point { ($n:ident { $($f:ident),* }) => { #[derive(Debug, Default)] struct $n { $($f: f64),* } } }\npoint! { Pt { x, y } }").idle()
    k.run("Pt { x: 1.0, ..Default::default() }").result("Pt { x: 1.0, y: 0.0 }").idle()
    k.run("trait Show { fn shown(&self) -> String; }\nmacro_rules! show { ($($t:ty),*) => { $( impl Show for $t { fn shown(&self) -> String { stringify!($t).to_string() } } )* } }\nshow!(i32, f64);").idle()
    k.run("show!(u8);\n1u8.shown()").result('"u8"').idle()
    k.run("(1i32.shown(), 2.5f64.shown(), 3u8.shown())").result('("i32", "f64", "u8")').idle()


def test_a_macro_that_defines_again(k):
    k.run("macro_rules! make_fn { ($n:ident, $v:expr) => { fn $n() -> i32 { $v } } }\nmake_fn!(made, 5);\nmade()").result("5").idle()
    k.run("fn twice() -> i32 { made() * 2 }\ntwice()").result("10").idle()
    k.run("make_fn!(made, 7);").idle()
    k.run("(made(), twice())").result("(7, 14)").idle()
    k.run("fn made() -> i32 { 1 }\ntwice()").result("2").idle()


def test_items_beside_a_call_use_what_it_defines(k):
    k.run("macro_rules! adder { ($n:ident, $v:expr) => { fn $n(x: i64) -> i64 { x + $v } } }\nadder!(add3, 3);\nfn add4(x: i64) -> i64 { add3(x) + 1 }\nlet sum = add4(1);").idle()
    k.run("(add3(1), add4(1), sum)").result("(4, 5, 5)").idle()


def test_what_a_macro_that_calls_itself_mixes_lasts_for_its_cell(k):
    k.run('macro_rules! mixed { ($n:ident) => { struct $n; let q = 5; println!("{q}"); }; (once $n:ident) => { mixed!($n); } }\nmixed!(once Odd);').stdout("5\n").idle()
    k.run("Odd").fails("E0425", "Odd", "where it makes items only")


def test_a_macro_that_defines_a_macro(k):
    k.run("macro_rules! multiplier { ($n:ident, $by:expr) => { macro_rules! $n { ($x:expr) => { $x * $by } } } }\nmultiplier!(tripled, 3);").idle()
    k.run("tripled!(4)").result("12").idle()
    k.run("fn nine() -> i32 { tripled!(3) }\nnine()").result("9").idle()
    k.run("multiplier!(tripled, 30);").idle()
    k.run("(tripled!(1), nine())").result("(30, 90)").idle()


def test_a_macro_of_statements_is_no_item(k):
    k.run('macro_rules! hello { ($x:expr) => { println!("hello {}", $x) } }\nlet n = 3; hello!(n);').stdout("hello 3\n").idle()
    k.run("macro_rules! bind { ($n:ident = $v:expr) => { let $n = $v; } }\nbind!(q = 4); q + 1").result("5").idle()


def test_cfg_chooses_between_two_of_one_name(k):
    k.run("#[cfg(unix)] use std::collections::HashMap as Table;\n#[cfg(not(unix))] use std::collections::BTreeMap as Table;\nTable::<u8, u8>::new().len()").result("0").idle()
    k.run('#[cfg(target_os = "linux")] fn system() -> &\'static str { "linux" }\n#[cfg(not(target_os = "linux"))] fn system() -> &\'static str { "else" }\nsystem()').result('"linux"').idle()
    k.run("#[cfg(not(unix))] fn system() -> i32 { 1 }\n#[cfg(windows)] let word = 4;\n#[cfg(not(windows))] let word = 8;").idle()
    k.run("(system(), word, Table::<u8, u8>::new().len())").result('("linux", 8, 0)').idle()


def test_an_edited_blanket_implementation_takes_the_older_ones_place(k):
    k.run('trait Describe { fn describe(&self) -> String; }\nimpl<T: std::fmt::Display> Describe for T { fn describe(&self) -> String { format!("<{self}>") } }\n3.5.describe()').result('"<3.5>"').idle()
    story = k.run('impl<T: std::fmt::Debug> Describe for T { fn describe(&self) -> String { format!("[{self:?}]") } }\n"x".describe()')
    story.says("was replaced", '[\\"x\\"]')
    k.run("3.5.describe()").result('"[3.5]"').idle()


def test_a_derive_takes_the_place_of_an_implementation_and_the_other_way_round(k):
    k.run("struct Linear { a: f64, b: f64 }\nimpl PartialEq for Linear { fn eq(&self, o: &Linear) -> bool { self.a == o.a } }\nLinear { a: 1.0, b: 0.0 } == Linear { a: 1.0, b: 9.0 }").result("true").idle()
    k.run("#[derive(Debug, PartialEq)] struct Linear { a: f64, b: f64 }").says("`impl PartialEq for Linear` of cell", "was replaced")
    k.run("Linear { a: 1.0, b: 0.0 } == Linear { a: 1.0, b: 9.0 }").result("false").idle()
    k.run("impl PartialEq for Linear { fn eq(&self, o: &Linear) -> bool { self.b == o.b } }").says("`derive(PartialEq) of struct Linear` of cell")
    k.run("let l = Linear { a: 3.0, b: 9.0 }; (l == Linear { a: 1.0, b: 9.0 }, format!(\"{l:?}\"))").result('(true, "Linear { a: 3.0, b: 9.0 }")').idle()


def test_two_of_one_name_in_one_cell_are_the_users_mistake(k):
    k.run("struct Twice; impl Clone for Twice { fn clone(&self) -> Self { Twice } } impl<> Clone for Twice where { fn clone(&self) -> Self { Twice } }").fails("E0119")
    k.run("1 + 1").result("2").idle()


def test_methods_that_the_user_brings_win(k):
    k.run("trait Progress { fn progress(&self) -> f64; }\nimpl Progress for std::ops::Range<i32> { fn progress(&self) -> f64 { 0.5 } }\n(0..3).progress()").result("0.5").idle()
    k.run("progress(0..10).sum::<i32>()").until("execute_result").result("45").idle()
    k.run("fn half() -> f64 { (0..9).progress() }\nhalf()").result("0.5").idle()
    k.run("(0..4u8).progress().map(u32::from).sum::<u32>()").until("execute_result").result("6").idle()


def test_errors_that_a_cell_returns_by_itself(k):
    k.run("return Err(std::fmt::Error);").fails("Error", "formatting")
    k.run('let n: i32 = "4".parse()?; if n > 5 { return Err("too large".into()); }\nn').result("4").idle()


STATICS = """\
use std::sync::{Mutex, OnceLock, atomic::{AtomicU32, Ordering::SeqCst}};
#[derive(Debug, Clone)] struct P { x: i32 }
static COUNT: AtomicU32 = AtomicU32::new(0);
static CACHE: Mutex<Vec<P>> = Mutex::new(Vec::new());
static TABLE: OnceLock<Vec<P>> = OnceLock::new();
static mut RAW: [i32; 2] = [1, 2];
thread_local! { static DEPTH: std::cell::RefCell<Vec<P>> = const { std::cell::RefCell::new(vec![]) }; }
fn step() -> u32 { 1 }
fn bump() -> u32 { COUNT.fetch_add(1, SeqCst) + 1 }
fn remember(x: i32) -> usize { let mut all = CACHE.lock().unwrap(); all.push(P { x }); all.len() }
fn table() -> usize { TABLE.get_or_init(|| { println!("computing"); vec![P { x: 1 }] }).len() }
fn deeper() -> usize { DEPTH.with(|d| { d.borrow_mut().push(P { x: 0 }); d.borrow().len() }) }
fn local() -> u32 { static N: AtomicU32 = AtomicU32::new(0); N.fetch_add(step(), SeqCst) + 1 }
"""


def test_statics_keep_their_values_while_their_definition_stands(k):
    k.run(STATICS).idle()
    k.run("unsafe { RAW[1] = 7; }\n(bump(), remember(1), table(), deeper(), local())").stdout("computing\n").result("(1, 1, 1, 1, 1)").idle()
    k.run("impl P { fn double(&self) -> i32 { self.x * 2 } }").idle()
    k.run("(bump(), remember(2), table(), deeper(), local(), unsafe { RAW[1] })").result("(2, 2, 1, 2, 2, 7)").idle()
    k.run("fn step() -> u32 { 10 }").idle()
    k.run("(local(), local())").result("(3, 13)").idle()
    k.run("fn bump() -> u32 { COUNT.fetch_add(5, SeqCst) + 5 }\nimpl std::fmt::Display for P { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, \"{}\", self.x) } }").idle()
    k.run("(bump(), remember(3), table(), deeper())").result("(7, 3, 1, 3)").idle()
    k.run('panic!("in between")').fails("panic")
    k.run("(bump(), CACHE.lock().unwrap().iter().map(P::double).sum::<i32>())").result("(12, 12)").idle()


def test_statics_are_made_anew_when_what_they_are_made_of_changes(k):
    k.run("use std::sync::Mutex; struct Row { x: i32 }\nstatic ROWS: Mutex<Vec<Row>> = Mutex::new(Vec::new());\nstatic SEEN: Mutex<u32> = Mutex::new(0);\nfn add(x: i32) -> usize { *SEEN.lock().unwrap() += 1; ROWS.lock().unwrap().push(Row { x }); ROWS.lock().unwrap().len() }").idle()
    k.run("(add(1), add(2))").result("(1, 2)").idle()
    told = k.run("struct Row { x: i32, y: f64 }\nfn add(x: i32) -> usize { *SEEN.lock().unwrap() += 1; ROWS.lock().unwrap().push(Row { x, y: 0.5 }); ROWS.lock().unwrap().len() }")
    told.says("the static `ROWS` was made anew, because `Row` changed")
    k.run("(add(1), *SEEN.lock().unwrap())").result("(1, 3)").idle()
    k.run("static SEEN: Mutex<u32> = Mutex::new(100);").idle()
    k.run("(add(1), *SEEN.lock().unwrap())").result("(2, 101)").idle()
    k.run("static SEEN: Mutex<u32> = Mutex::new(0);").idle()
    k.run("*SEEN.lock().unwrap()").result("0").idle()


# The last one: what is forbidden stays so.
def test_a_lint_level_is_about_the_users_own_code(k):
    k.run("#![allow(warnings)]").idle()
    k.run('let x = vec![1, 2, 3]; let name = String::from("a");').idle()
    k.run("(x.len(), &name)").result('(3, "a")').idle()
    k.run("#![deny(warnings)]").idle()
    k.run("let mut y = 2; y").result("2").idle()
    k.run("y += 1; y").result("3").idle()
    k.run("fn untidy() -> i32 { let unused = 3; 4 }").fails("error", "unused variable")
    k.run("fn tidy() -> i32 { 4 }\ntidy()").result("4").idle()
    k.run("#![deny(missing_docs)]").idle()
    k.run("pub struct Undocumented { pub x: i32 } Undocumented { x: 1 }.x").result("1").idle()
    k.run("#![forbid(unsafe_code)]").idle()
    k.run("let z = 3; z").result("3").idle()
    k.run("unsafe { *[1].as_ptr() }").fails("error", "`unsafe` block")
    k.run("for i in 0..2 { y += i; }\nif y > 3 { y } else { 0 }").result("4").idle()
    k.run("#![allow(warnings)]").idle()
    k.run("fn untidy() -> i32 { let unused = 3; 4 }\nuntidy()").result("4").idle()


def test_non_exhaustive_types_are_the_users_own(k):
    k.run("#[non_exhaustive] #[derive(Debug)] pub struct Open { pub w: u16 }\n#[derive(Debug)] pub enum Sent { #[non_exhaustive] Text { from: u32 }, #[non_exhaustive] Quit }").idle()
    k.run("let open = Open { w: 1 }; let Open { w } = open; let sent = Sent::Text { from: 2 };").idle()
    k.run("match sent { Sent::Text { from } => from + u32::from(w), Sent::Quit => 0 }").result("3").idle()


def test_a_sum_without_a_type_says_what_to_write(k):
    """The lanes that helpers work with can be summed as well, so that rustc asks where std alone leaves one choice."""
    story = k.run("assert_eq!(7, vec![3, 4].iter().sum());").fails("E0283", "say what it makes, as in `.sum::<i32>()`")
    assert "wide" not in story.text_of(story.failed)
    k.run("assert_eq!(7, vec![3, 4].iter().sum::<i32>());").idle()
