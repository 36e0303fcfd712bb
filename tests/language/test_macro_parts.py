"""Language: what a macro by example makes for the cells below it: items among statements, and variables by names that it is given."""

MIXED = """macro_rules! unit {
    ($name:ident, $value:ident = $x:expr) => {
        #[derive(Debug, Clone, PartialEq)] struct $name { x: f64 }
        impl $name { fn twice(&self) -> f64 { 2.0 * self.x } }
        let $value = $name { x: $x };
        println!("made {}", stringify!($name));
    };
}"""


def test_items_among_statements_are_for_later_cells(k):
    k.run(MIXED).idle()
    k.run("unit!(Metre, length = 1.5);").stdout("made Metre\n").idle()
    k.run("length.twice()").result("3.0").idle()
    k.run("fn longer(m: &Metre) -> Metre { Metre { x: m.x + 1.0 } }\nlonger(&length)").result("Metre { x: 2.5 }").idle()
    # in one cell with the macro, with braces, and shown at its end
    k.run(MIXED.replace("unit", "unit_too") + "\nunit_too! { Second, time = 4.0 }").stdout("made Second\n").idle()
    k.run("time.twice()").result("8.0").idle()


def test_a_redefined_macro_is_parted_anew(k):
    k.run("macro_rules! tag { ($n:ident) => { struct $n; println!(\"one\"); } }\ntag!(First);").stdout("one\n").idle()
    k.run("macro_rules! tag { ($n:ident) => { #[derive(Debug)] struct $n(u8); println!(\"two\"); } }\ntag!(Other);").stdout("two\n").idle()
    k.run("Other(7)").result("Other(7)").idle()


def test_a_macro_repeats_items_and_statements(k):
    k.run("macro_rules! consts { ($($n:ident = $v:expr),* $(,)?) => { $( const $n: i32 = $v; )* $( println!(\"{}={}\", stringify!($n), $n); )* } }").idle()
    k.run("consts!(LOW = 1, HIGH = 9);").stdout("LOW=1\nHIGH=9\n").idle()
    k.run("HIGH - LOW").result("8").idle()
    k.run("macro_rules! both { ($($n:ident),*) => { $( struct $n; impl $n { const NAME: &str = stringify!($n); } println!(\"{}\", $n::NAME); )* } }\nboth!(Ab, Cd);").stdout("Ab\nCd\n").idle()
    k.run("Cd::NAME").result('"Cd"').idle()


def test_names_that_a_macro_binds_are_variables(k):
    k.run("macro_rules! let_vec { ($n:ident; $($x:expr),*) => { let mut $n = vec![$($x),*]; }; ($a:ident, $b:ident = $t:expr) => { let ($a, $b) = $t; } }").idle()
    k.run("let_vec!(numbers; 1, 2);").idle()
    k.run("numbers.push(3); numbers").result("[1, 2, 3]").idle()
    k.run('let_vec!(left, right = ("l", 2));').idle()
    k.run("(left, right)").result('("l", 2)').idle()
    # the newest of a name counts, whoever binds it
    k.run("let_vec!(newest; 1); let newest = 5;").idle()
    k.run("newest").result("5").idle()
    # what is hygienic in Rust stays so
    k.run("macro_rules! hidden { ($x:expr) => { let hidden_here = $x; } }\nhidden!(4);").idle()
    k.run("hidden_here").fails("E0425")
    k.run("macro_rules! exchange { ($a:ident, $b:ident) => { let t = $a; $a = $b; $b = t; } }\nlet (mut p, mut q) = (1, 2);").idle()
    k.run("exchange!(p, q);").idle()
    k.run("(p, q)").result("(2, 1)").idle()


def test_a_macro_with_a_value_is_shown(k):
    k.run("macro_rules! square { ($x:expr) => { $x * $x }; (type $n:ident) => { struct $n; } }\nsquare!(7)").result("49").idle()
    k.run("square!(type Square);").idle()
    k.run("let _made: Square = Square;").until().idle()


def test_a_macro_of_a_usual_name_makes_items(k):
    k.run("macro_rules! table { ($n:ident) => { #[derive(Debug, Default)] struct $n { rows: u32 } } }\ntable!(People);").idle()
    k.run("People::default()").result("People { rows: 0 }").idle()


def test_an_error_in_a_parted_macro_is_told_where_it_stands(k):
    k.run('macro_rules! wrong { ($n:ident) => { struct $n; let x: u32 = "text"; println!("{x}"); } }').idle()
    k.run("wrong!(Thing);").fails("E0308", "mismatched types")
