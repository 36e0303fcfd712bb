"""Language: statics that a macro makes, or whose symbol the user chooses, keep their values like others."""

import pytest

COUNTS = """use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
#[unsafe(no_mangle)] pub static CHOSEN_COUNT: AtomicU32 = AtomicU32::new(0);
#[unsafe(export_name = "chosen_elsewhere")] static NAMED: AtomicU32 = AtomicU32::new(10);
#[unsafe(link_section = ".chosen_section")] static PLACED: AtomicU32 = AtomicU32::new(20);
#[unsafe(no_mangle)] static mut CHOSEN_RAW: [i32; 2] = [1, 2];
fn step() -> u32 { 1 }
fn bump() -> (u32, u32, u32) { unsafe { CHOSEN_RAW[0] += 1; } (CHOSEN_COUNT.fetch_add(step(), SeqCst) + 1, NAMED.fetch_add(step(), SeqCst) + 1, PLACED.fetch_add(step(), SeqCst) + 1) }"""


def test_a_static_whose_symbol_is_chosen_keeps_its_value(k):
    k.run(COUNTS).idle()
    k.run("bump()").result("(1, 11, 21)").idle()
    # all that mentions it is compiled anew
    k.run("fn step() -> u32 { 5 }").idle()
    k.run("bump()").result("(2, 12, 22)").idle()
    k.run("unsafe { CHOSEN_RAW }").result("[3, 2]").idle()
    # the symbol is the user's still
    k.run('mod seen { unsafe extern "C" { pub safe static CHOSEN_COUNT: std::sync::atomic::AtomicU32; } }\nseen::CHOSEN_COUNT.load(SeqCst)').result("6").idle()


def test_a_chosen_static_is_made_anew_with_its_definition(k):
    k.run("use std::sync::atomic::{AtomicU32, Ordering::SeqCst};\nconst FIRST: u32 = 3;\n#[unsafe(no_mangle)] static CHOSEN_ANEW: AtomicU32 = AtomicU32::new(FIRST);\nfn more() -> u32 { CHOSEN_ANEW.fetch_add(1, SeqCst) }").idle()
    k.run("more(); more()").result("4").idle()
    k.run("const FIRST: u32 = 8;").says("the static `CHOSEN_ANEW` was made anew, because `FIRST` changed")
    k.run("more()").result("8").idle()
    k.run("#[unsafe(no_mangle)] static CHOSEN_ANEW: AtomicU32 = AtomicU32::new(100);").until().idle()
    k.run("more()").result("100").idle()
    k.run("fn after() -> u32 { more() }\nafter()").result("101").idle()


@pytest.fixture(scope="module")
def lazy(host):
    """A session with `lazy_static!`."""
    host.get().run(':dep lazy_static = "1"', timeout=600).finish()
    return host


def test_values_of_lazy_static_are_kept(lazy, k):
    k.run(
        "use lazy_static::lazy_static;\nuse std::{collections::HashMap, sync::Mutex};\nfn seed() -> u32 { 7 }\n"
        'lazy_static! {\n    /// Rows.\n    pub static ref ROWS: Mutex<Vec<u32>> = { println!("made"); Mutex::new(vec![7]) };\n    static ref NAMES: HashMap<&\'static str, u32> = HashMap::from([("one", 1)]);\n}\n'
        "fn add() -> usize { ROWS.lock().unwrap().push(seed()); ROWS.lock().unwrap().len() }"
    ).idle()
    k.run("add() + NAMES.len()").stdout("made\n").result("3").idle()
    k.run("fn seed() -> u32 { 8 }").idle()
    # made once, and never again
    k.run("(add(), ROWS.lock().unwrap().clone())").result("(3, [7, 7, 8])").idle()
    k.run('lazy_static::initialize(&NAMES); NAMES["one"]').result("1").idle()


def test_one_that_was_not_used_yet_is_made_at_its_first_use(lazy, k):
    k.run('lazy_static::lazy_static! { static ref SLOW: u32 = { println!("now"); 5 }; }\nfn times() -> u32 { 2 }\nfn slow() -> u32 { *SLOW * times() }').idle()
    k.run("fn times() -> u32 { 3 }").idle()
    k.run("slow()").stdout("now\n").result("15").idle()
    k.run("slow()").result("15").idle()


def test_a_lazy_static_is_made_anew_when_what_it_is_made_of_changes(lazy, k):
    k.run("const SIZE: usize = 2;\nlazy_static::lazy_static! { static ref SIZED: Vec<u8> = vec![0; SIZE]; }\nSIZED.len()").result("2").idle()
    k.run("const SIZE: usize = 4;").says("the static `SIZED` was made anew, because `SIZE` changed")
    k.run("SIZED.len()").result("4").idle()
