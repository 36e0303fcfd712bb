"""Language: items of all kinds, defined once, used later, redefined like in Python."""


def test_function_then_use(k):
    k.run("fn square(x: u64) -> u64 { x * x }").idle()
    k.run("square(12)").result("144").idle()


def test_define_and_use_in_one_cell(k):
    k.run("fn half(x: f64) -> f64 { x / 2.0 }\nhalf(5.0)").result("2.5").idle()
    k.run("half(3.0)").result("1.5").idle()


def test_redefining_takes_effect_everywhere(k):
    k.run("fn inner_fn() -> i32 { 1 }").idle()
    k.run("fn outer_fn() -> i32 { inner_fn() * 10 }").idle()
    k.run("outer_fn()").result("10").idle()
    k.run("fn inner_fn() -> i32 { 2 }").idle()
    k.run("outer_fn()").result("20").idle()


def test_a_redefinition_that_breaks_others_is_told(k):
    k.run("fn giver() -> i32 { 1 }").idle()
    k.run("fn taker() -> i32 { giver() }").idle()
    k.run('fn giver() -> String { "x".into() }').says("`fn taker() -> i32` of cell", "does not fit any more and was removed: mismatched types")
    k.run("giver()").result('"x"').idle()
    k.run("taker()").fails("E0425")


def test_mutual_recursion_in_one_cell(k):
    k.run("fn even(n: u32) -> bool { n == 0 || odd(n - 1) }\nfn odd(n: u32) -> bool { n != 0 && even(n - 1) }").idle()
    k.run("even(10)").result("true").idle()


def test_generics_and_where(k):
    k.run("fn largest<T>(v: &[T]) -> Option<&T> where T: PartialOrd { v.iter().fold(None, |m, x| match m { Some(y) if y >= x => Some(y), _ => Some(x) }) }").idle()
    k.run("largest(&[3, 8, 5]).copied()").result("Some(8)").idle()
    k.run("largest(&[0.5, 0.25]).copied()").result("Some(0.5)").idle()


def test_const_generics(k):
    k.run("struct Grid<const N: usize>([f64; N]); impl<const N: usize> Grid<N> { fn size(&self) -> usize { N } }").idle()
    k.run("Grid([0.0; 12]).size()").result("12").idle()


def test_struct_enum_impl(k):
    k.run("#[derive(Debug, Clone, PartialEq)] enum Shape { Circle(f64), Square { side: f64 } }").idle()
    k.run("impl Shape { fn area(&self) -> f64 { match self { Shape::Circle(r) => 3.0 * r * r, Shape::Square { side } => side * side } } }").idle()
    k.run("Shape::Circle(2.0).area() + Shape::Square { side: 3.0 }.area()").result("21.0").idle()


def test_impl_again_replaces(k):
    k.run("struct Speaker; impl Speaker { fn say(&self) -> i32 { 1 } }").idle()
    k.run("Speaker.say()").result("1").idle()
    k.run("impl Speaker { fn say(&self) -> i32 { 2 } }").idle()
    k.run("Speaker.say()").result("2").idle()


def test_trait_and_impl_rerun(k):
    k.run("trait Named { fn name(&self) -> String; fn twice(&self) -> String { self.name().repeat(2) } }").idle()
    k.run('struct Dog; impl Named for Dog { fn name(&self) -> String { "dog".into() } }').idle()
    k.run("Dog.twice()").result('"dogdog"').idle()
    k.run('impl Named for Dog { fn name(&self) -> String { "cat".into() } }').idle()
    k.run("Dog.twice()").result('"catcat"').idle()
    k.run("let pets: Vec<Box<dyn Named>> = vec![Box::new(Dog)]; pets[0].name()").result('"cat"').idle()


def test_impl_for_a_foreign_type(k):
    k.run("trait Doubled { fn doubled(&self) -> Self; } impl Doubled for i32 { fn doubled(&self) -> i32 { self * 2 } }").idle()
    k.run("21.doubled()").result("42").idle()


def test_use_lasts(k):
    k.run("use std::collections::BTreeMap;").idle()
    k.run("use std::fmt::{self, Write as _};").idle()
    k.run('let mut tree = BTreeMap::from([(2, "b"), (1, "a")]); tree').result('{1: "a", 2: "b"}').idle()
    k.run('let mut text = String::new(); write!(text, "{}", 5).unwrap(); text').result('"5"').idle()


def test_use_of_own_module(k):
    k.run("mod geometry { pub fn area(a: f64, b: f64) -> f64 { a * b } pub mod deep { pub const N: i32 = 9; } }").idle()
    k.run("use geometry::deep::N;").idle()
    k.run("(geometry::area(2.0, 3.0), N)").result("(6.0, 9)").idle()


def test_macro_rules(k):
    k.run("macro_rules! maximum { ($x:expr) => { $x }; ($x:expr, $($r:expr),+) => {{ let a = $x; let b = maximum!($($r),+); if a > b { a } else { b } }} }").idle()
    k.run("maximum!(3, 9, 4)").result("9").idle()


def test_macro_that_makes_items(k):
    k.run("macro_rules! make_fn { ($n:ident, $v:expr) => { fn $n() -> i32 { $v } } }").idle()
    k.run("make_fn!(made, 5);\nmade()").result("5").idle()
    k.run("made()").result("5").idle()


def test_const_and_static(k):
    k.run("const LIMIT: usize = 3; static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);").idle()
    k.run("COUNT.fetch_add(LIMIT, std::sync::atomic::Ordering::SeqCst);").until().idle()
    k.run("COUNT.load(std::sync::atomic::Ordering::SeqCst)").result("3").idle()


def test_type_alias_and_union(k):
    k.run("type Pair<T> = (T, T); union Bits { f: f32, u: u32 }").idle()
    k.run("let pair: Pair<u8> = (1, 2); pair.0 + unsafe { Bits { f: 0.0 }.u } as u8").result("1").idle()


def test_derives_and_traits_of_std(k):
    k.run("#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)] struct Id(u32);").idle()
    k.run("let mut ids = vec![Id(3), Id(1)]; ids.sort(); ids[0]").result("Id(1)").idle()


def test_operators_and_display(k):
    k.run(
        "use std::ops::Add; #[derive(Clone, Copy, Debug)] struct V(f64, f64);\n"
        "impl Add for V { type Output = V; fn add(self, o: V) -> V { V(self.0 + o.0, self.1 + o.1) } }\n"
        'impl std::fmt::Display for V { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "<{}, {}>", self.0, self.1) } }'
    ).idle()
    k.run('println!("{}", V(1.0, 2.0) + V(0.5, 0.5));').stdout("<1.5, 2.5>\n").idle()


def test_lifetimes_and_iterators_of_own(k):
    k.run("struct Words<'a>(&'a str); impl<'a> Iterator for Words<'a> { type Item = &'a str; fn next(&mut self) -> Option<&'a str> { let (h, t) = self.0.split_once(' ')?; self.0 = t; Some(h) } }").idle()
    k.run('Words("a b c ").collect::<Vec<_>>()').result('["a", "b", "c"]').idle()


def test_a_value_that_cannot_be_displayed(k):
    k.run("struct Opaque;").idle()
    k.run("Opaque").result(matches="^a value of type `Opaque`, which has no text form. Put `#.derive.Debug.]` on the type").idle()


def test_extern_c(k):
    k.run('unsafe extern "C" { fn abs(n: i32) -> i32; }').idle()
    k.run("unsafe { abs(-4) }").result("4").idle()


def test_attributes_and_doc_comments(k):
    k.run("/// Says hello.\n#[inline(never)]\n#[must_use]\npub fn documented() -> &'static str { \"hello\" }").idle()
    k.run("documented()").result('"hello"').idle()


def test_main_is_a_function_like_others(k):
    k.run('fn main() { println!("from main"); }').idle()
    k.run("main()").stdout("from main\n").idle()
