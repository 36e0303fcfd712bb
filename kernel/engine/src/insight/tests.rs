//! What a user gets at a cursor, marked `|` in the texts below.

use proptest::prelude::*;

use super::*;

fn variable(name: &str, type_text: &str) -> Variable {
    Variable { name: name.into(), type_text: type_text.into() }
}

const ITEMS: &str = r#"
/// A point of the plane.
#[derive(Debug, Clone)]
pub struct Point { pub x: f64, pub name: String, tags: Vec<String> }
impl Point {
    /// The distance from the origin.
    pub fn norm(&self) -> f64 { self.x.abs() }
    pub fn origin() -> Self { todo!() }
    fn moved(&self, dx: f64) -> Option<Point> { None }
}
enum Shape { Circle(f64), Square { side: f64 }, Empty }
struct Pair(u8, String);
/// Simulate.
fn simulate(seed: u64, n: usize) -> Vec<f64> { vec![] }
trait Area { fn area(&self) -> f64; }
mod deep { pub fn inner() -> u8 { 1 } }
const LIMIT: usize = 3;
macro_rules! shout { () => {} }
use std::collections::HashMap as Map;
"#;

fn names() -> Names {
    let mut names = Names {
        variables: vec![
            variable("point", "Point"),
            variable("table", "std::collections::HashMap<std::string::String, Vec<i32>>"),
            variable("text", "&'static str"),
            variable("größe", "f64"),
            variable("shared", "std::sync::Arc<std::sync::Mutex<Vec<Point>>>"),
            variable("pair", "(u8, Point)"),
            variable("walk", "Box<dyn DoubleEndedIterator<Item = i32> + Send + Sync>"),
        ],
        crates: vec!["rayon".into()],
        directives: vec![
            Directive { name: "dep".into(), help: "Add a dependency.".into() },
            Directive { name: "vars".into(), help: "List the variables.".into() },
            Directive { name: "%%time".into(), help: "Time the cell.".into() },
        ],
        ..Names::default()
    };
    let file = syn::parse_file(ITEMS).unwrap();
    file.items.iter().for_each(|item| names.add(ITEMS, item));
    names
}

fn at(marked: &str) -> (String, usize) {
    let cursor = marked.chars().position(|c| c == '¦').expect("a cursor");
    (marked.replace('¦', ""), cursor)
}

fn matches(marked: &str) -> Vec<String> {
    let (code, cursor) = at(marked);
    complete(&names(), &code, cursor).matches.into_iter().map(|m| m.text).collect()
}

#[track_caller]
fn offers(marked: &str, wanted: &[&str]) {
    let found = matches(marked);
    for name in wanted {
        assert!(found.iter().any(|f| f == name), "{marked}: no {name} in {found:?}");
    }
}

#[track_caller]
fn lacks(marked: &str, unwanted: &[&str]) {
    let found = matches(marked);
    for name in unwanted {
        assert!(!found.iter().any(|f| f == name), "{marked}: {name} in {found:?}");
    }
}

#[test]
fn names_in_scope() {
    offers("po¦", &["point"]);
    offers("let local = 1;\nlo¦", &["local", "loop"]);
    lacks("let local = lo¦", &["local"]);
    lacks("{ let local = 1; }\nlo¦", &["local"]);
    offers("fn f(alpha: u8) { al¦", &["alpha"]);
    lacks("fn f(alpha: u8) {}\nal¦", &["alpha"]);
    offers("for index in 0..3 { ind¦", &["index"]);
    offers("xs.map(|value| val¦", &["value"]);
    offers("match x { Some(inner) => inn¦", &["inner"]);
    offers("if let Some(inner) = x { inn¦", &["inner"]);
    offers("sim¦", &["simulate"]);
    offers("printl¦", &["println!"]);
    offers("sho¦", &["shout!"]);
    offers("LIM¦", &["LIMIT"]);
    offers("ray¦", &["rayon"]);
    offers("whi¦", &["while"]);
    lacks("let poi¦", &["point"]);
    assert_eq!(matches("point¦")[0], "point");
    assert_eq!(matches("smlt¦"), ["simulate"]);
}

#[test]
fn members_by_type() {
    offers("point.¦", &["x", "name", "norm", "moved", "area"]);
    lacks("point.¦", &["origin", "println!"]);
    assert_eq!(matches("point.no¦")[0], "norm");
    offers("walk.¦", &["map", "sum"]);
    offers("point.name.¦", &["push_str", "chars", "trim"]);
    offers("point.norm().¦", &["sqrt"]);
    offers("point.moved(1.0)?.¦", &["norm"]);
    offers("point.moved(1.0).unwrap().tags[0].¦", &["push_str"]);
    offers("Point::origin().¦", &["norm"]);
    offers("simulate(1, 2).¦", &["push", "iter", "par_iter"]);
    offers("simulate(1, 2).iter().¦", &["map", "sum"]);
    offers("simulate(1, 2).iter().map(|v| v.¦", &["sqrt"]);
    offers("table.¦", &["insert", "entry", "keys"]);
    offers("table.get(\"a\").unwrap().¦", &["push", "sort"]);
    offers("table[\"a\"].¦", &["push"]);
    offers("for (key, list) in &table { list.¦", &["push"]);
    offers("shared.lock().unwrap().¦", &["push"]);
    offers("shared.lock().unwrap()[0].¦", &["norm"]);
    offers("pair.1.¦", &["norm"]);
    offers("let (a, b) = pair;\nb.¦", &["norm"]);
    offers("text.split(',').collect::<Vec<_>>().¦", &["push", "join"]);
    offers("let v: Vec<f64> = go();\nv.¦", &["push"]);
    offers("let v = vec![1.0, 2.0];\nv[0].¦", &["powi"]);
    offers("let s = format!(\"{}\", 1);\ns.¦", &["push_str"]);
    offers("let m = Mutex::new(point);\nm.lock().unwrap().¦", &["norm"]);
    offers("(1 + 2).¦", &["pow"]);
    offers("\"abc\".¦", &["len"]);
    offers("1.5.¦", &["sqrt"]);
    offers("(0..10).¦", &["map", "into_par_iter"]);
    offers("let p = Pair(1, text.into());\np.¦", &["0", "1"]);
    offers("Instant::now().elapsed().¦", &["as_secs_f64"]);
    offers("std::fs::read_to_string(\"x\")?.¦", &["lines"]);
    lacks("unknown.¦", &["push"]);
}

#[test]
fn types_that_only_other_types_tell() {
    offers("let o: Option<String> = go();\no.as_deref().unwrap().¦", &["chars"]);
    lacks("let o: Option<String> = go();\no.as_deref().unwrap().¦", &["push_str"]);
    offers("let o: Option<Vec<f64>> = go();\no.as_deref().unwrap()[0].¦", &["sqrt"]);
    offers("let o: Option<Box<Point>> = go();\no.as_deref().unwrap().¦", &["norm"]);
    offers("let v: Vec<String> = go();\nv.join(\", \").¦", &["push_str"]);
    offers("let v: Vec<Vec<f64>> = go();\nv.concat()[0].¦", &["sqrt"]);
    lacks("let v: Vec<Vec<f64>> = go();\nv.concat().¦", &["push_str"]);
    offers("let c: Cow<'_, str> = go();\nc.into_owned().¦", &["push_str"]);
    offers("let c: Cow<[f64]> = go();\nc.into_owned().¦", &["push"]);
    offers("let c: Cow<[f64]> = go();\nc.into_owned()[0].¦", &["sqrt"]);
    // an unsigned integer has no sign to take off, and a tree no room to reserve
    offers("let n = 1u32;\nn.¦", &["pow", "is_power_of_two"]);
    lacks("let n = 1u32;\nn.¦", &["abs", "signum"]);
    lacks("let n = 1i32;\nn.¦", &["is_power_of_two"]);
    offers("let s: BTreeSet<f64> = go();\ns.first().unwrap().¦", &["sqrt"]);
    lacks("let m: BTreeMap<u8, u8> = go();\nm.¦", &["reserve", "drain"]);
    offers("std::iter::from_fn(|| None).¦", &["map"]);
}

#[test]
fn every_line_of_the_tables_is_read() {
    let lines = |table: &'static str| table.lines().filter(|line| !line.starts_with('#')).count();
    let types = std_types::all().map(|entry| 1 + entry.methods().count()).sum::<usize>();
    assert_eq!(types, lines(include_str!("data/types.tsv")));
    let modules = include_str!("data/modules.tsv");
    let paths = modules.lines().filter_map(|line| line.strip_prefix("module\t"));
    assert_eq!(paths.map(|path| 1 + std_paths::members(path).len()).sum::<usize>(), lines(modules));
    let push = std_types::find("Vec").and_then(|v| v.methods().find(|m| m.name() == "push"));
    assert!(push.is_some_and(|m| m.takes_self() && m.output() == types::Ty::named("tuple")));
}

#[test]
fn what_signatures_return() {
    for (signature, output) in [
        ("f(x: u8)", ""),
        ("f(x: impl Fn(u8) -> bool)", ""),
        ("f(x: impl Fn(u8) -> bool) -> (u8, u8)", "(u8, u8)"),
        ("pub fn f<F: Fn(u8) -> bool>(f: F) -> Vec<F> where F: Fn(u8) -> bool", "Vec<F>"),
        ("MAX: Self", "Self"),
        ("f(", ""),
    ] {
        assert_eq!(types::output(signature), output, "{signature}");
    }
}

#[test]
fn paths() {
    offers("Point::¦", &["origin"]);
    offers("Shape::¦", &["Circle", "Square", "Empty"]);
    offers("deep::¦", &["inner"]);
    offers("std::¦", &["collections", "fs"]);
    offers("use std::collections::Ha¦", &["HashMap", "HashSet"]);
    offers("std::time::Instant::¦", &["now"]);
    offers("Vec::<f64>::wi¦", &["with_capacity"]);
    offers("String::fr¦", &["from"]);
    offers("f64::consts::P¦", &["PI"]);
    offers("f64::MA¦", &["MAX"]);
    offers("fs::read¦", &["read_to_string"]);
}

#[test]
fn directives_comments_and_strings() {
    assert_eq!(matches(":de¦"), [":dep"]);
    assert_eq!(matches("1+1;\n  :v¦"), [":vars"]);
    assert_eq!(matches("%%ti¦"), ["%%time"]);
    assert_eq!(matches("%va¦"), ["%vars"]);
    lacks("let x: de¦", &[":dep"]);
    for nothing in ["// po¦", "\"po¦\"", "\"po¦", "/* po¦ */", "/* po¦", "r#\"po¦\"#", "12¦", "'p¦'", "let a = 'po¦"]
    {
        assert_eq!(matches(nothing), Vec::<String>::new(), "{nothing}");
    }
    offers("/* x */ po¦", &["point"]);
    offers("'p'; po¦", &["point"]);
}

#[test]
fn cursors_count_code_points() {
    let (code, cursor) = at("let ü = \"🦀\"; grö¦");
    let found = complete(&names(), &code, cursor);
    assert_eq!((found.start, found.end, found.matches[0].text.as_str()), (13, 16, "größe"));
    assert_eq!(complete(&names(), "po", 99).end, 2);
}

#[track_caller]
fn describes(marked: &str, wanted: &str) {
    let (code, cursor) = at(marked);
    let found = inspect(&names(), &code, cursor, 0).unwrap_or_default();
    assert!(found.plain.contains(wanted), "{marked}: {found:#?}");
    assert!(!found.markdown.is_empty());
}

#[test]
fn descriptions() {
    describes("poi¦nt", "point: Point");
    describes("point¦", "point: Point");
    describes("simulate(1, ¦2)", "fn simulate(seed: u64, n: usize) -> Vec<f64>");
    describes("sim¦ulate", "Simulate.");
    describes("Poi¦nt", "A point of the plane.");
    describes("Poi¦nt", "x: f64");
    describes("Poi¦nt", "fn norm(&self) -> f64");
    describes("point.no¦rm()", "The distance from the origin.");
    describes("Shape::Cir¦cle", "Shape::Circle(f64)");
    describes("Ve¦c::new()", "std/vec/struct.Vec.html");
    describes("Vec::with_cap¦acity(1)", "with_capacity(capacity: usize)");
    describes("text.spl¦it(',')", "str.html#method.split");
    describes("std::fs::rea¦d(\"x\")", "std/fs/fn.read.html");
    describes("mat¦ch x {}", "Decide by patterns");
    describes("Sel¦f", "std/keyword.SelfTy.html");
    describes("Ordering::Rel¦axed", "std/sync/atomic/enum.Ordering.html#variant.Relaxed");
    describes("let o = Some(1);\no.as_der¦ef()", "fn as_deref(&self) -> Option<&<T as Deref>::Target> where T: Deref");
    describes("print¦ln!(\"\")", "std/macro.println.html");
    describes(":de¦p rand", "Add a dependency.");
    describes("let n = 1.5;\nn¦", "n: f64");
    describes("usi¦ze", "primitive.usize.html");
    let (code, cursor) = at("simu¦late");
    assert!(inspect(&names(), &code, cursor, 1).unwrap().plain.contains("{ vec![] }"));
    for nothing in ["// poi¦nt", "\"poi¦nt\"", "nothing_known¦", " ¦ "] {
        let (code, cursor) = at(nothing);
        assert_eq!(inspect(&names(), &code, cursor, 0), None, "{nothing}");
    }
}

#[test]
fn redefinition_replaces() {
    let mut names = names();
    for text in ["struct Point { z: u8 }", "impl Point { fn norm(&self) -> u8 { 1 } }", "fn simulate() {}"] {
        let file = syn::parse_file(text).unwrap();
        file.items.iter().for_each(|item| names.add(text, item));
    }
    let point = names.item("Point").unwrap();
    assert_eq!(point.fields, [variable("z", "u8")]);
    assert_eq!(point.methods.iter().filter(|m| m.name == "norm").count(), 1);
    assert_eq!(names.items.iter().filter(|i| i.name == "simulate").count(), 1);
}

#[track_caller]
fn judged(code: &str, wanted: &str) {
    let found = match is_complete(code, &|name| ["%%writefile", "%%bash", "%%sh", "%%dep"].contains(&name)) {
        Completeness::Complete => "complete".to_owned(),
        Completeness::Incomplete { indent } => format!("incomplete {}", indent.len()),
        Completeness::Invalid => "invalid".to_owned(),
    };
    assert_eq!(found, wanted, "{code:?}");
}

#[test]
fn whole_cells() {
    for code in [
        "",
        "  \n",
        "1+1",
        "let x = 1;",
        "fn f() {}",
        "struct P;",
        "// note",
        "/* note */",
        "x?",
        "0..",
        "return",
        "let x = 1;\nx",
        "if a { 1 } else { 2 }",
        "println!(\"{\")",
        "'{'",
        "r#\"{\"#",
        "let 'a: u8 = 1; ",
        ":dep rand",
        ":vars",
        ":dep rand = \"0.8\"\nuse rand::Rng;",
        ":dep a = { version = \"1\",\n features = [\"x\"] }",
        "%%time\n1+1",
        "!ls",
        "?point",
        "let v: Vec<Vec<u8>> = vec![];",
        "a < b",
        "async { 1 }.await",
        "#[derive(Debug)]\nstruct P;",
        "fn f<'a>(x: &'a str) -> &'a str { x }",
        "x.y()\n  .z()",
        "!flag",
        "use a::{b, c};",
    ] {
        judged(code, if code.starts_with("let 'a") { "invalid" } else { "complete" });
    }
    for code in [
        "let x =",
        "x +",
        "foo.",
        "foo::",
        "fn f()",
        "struct P",
        "let x = 1",
        "\"abc",
        "/* abc",
        "r#\"abc\"",
        "#[derive(Debug)]",
        "/// docs",
        "if x {} else",
        "impl P for",
        "a,",
        "f(1)\n  .",
        "|x|",
        "%%time",
        "use a::b",
        "x &&",
        "%%writefile a.txt\nabc",
    ] {
        judged(code, "incomplete 0");
    }
    judged("fn f() {", "incomplete 4");
    judged("foo(|x| {", "incomplete 4");
    judged("fn f() {\n    if x {\n", "incomplete 8");
    judged("foo(", "incomplete 4");
    judged(":dep a = { version = \"1\",", "incomplete 4");
    for code in [")", "fn f() }", "(]", "let x 5;", "foo bar", "fn fn f() {}"] {
        judged(code, "invalid");
    }
    judged(&"(".repeat(20_000), "incomplete 4");
    judged(&format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000)), "complete");
    judged(&format!("{}x", "!".repeat(60_000)), "complete");
    judged(&format!("1{}", "+1".repeat(30_000)), "complete");
}

#[test]
fn long_cells_answer_quickly() {
    let lines: String =
        (0..10_000).map(|i| format!("let v{i} = vec![f({i}), (1 + {i})].iter().map(|x| x).sum();\n")).collect();
    let code = format!("{lines}v99");
    let start = std::time::Instant::now();
    let found = complete(&names(), &code, code.len());
    assert!(found.matches.iter().any(|m| m.text == "v9999"));
    inspect(&names(), &code, code.len(), 0);
    is_complete(&code, &|_| false);
    // Several times what an unoptimised build takes on a small machine.
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

fn rust_like() -> impl Strategy<Value = String> {
    let words = [
        "let ",
        "x",
        "point",
        ".",
        "::",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "|",
        "=",
        "=>",
        "for ",
        " in ",
        "fn ",
        "if ",
        "match ",
        "\"",
        "'",
        "'a",
        "//",
        "/*",
        "*/",
        "\n",
        ";",
        ",",
        ":",
        "%%",
        ":dep",
        "1",
        "1.5",
        "..",
        "?",
        "&",
        "mut ",
        "as ",
        "ü",
        "🦀",
        "collect::<Vec<_>>()",
        "vec!",
        "Some",
        "r#\"",
        "b'",
        "\\",
        "!",
        "#",
        "->",
        "Vec",
        "std",
        "self",
        "move ",
        "0x",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|w| w.concat())
}

proptest! {
    #[test]
    fn nothing_panics(code in prop_oneof![any::<String>(), rust_like()], cursor in 0usize..60) {
        let names = names();
        let found = complete(&names, &code, cursor);
        prop_assert!(found.start <= found.end && found.end <= code.chars().count());
        inspect(&names, &code, cursor, 1);
        is_complete(&code, &|_| false);
    }
}
