//! What rustc really says, told against cells: golden texts and steering facts.

use std::collections::HashMap;
use std::process::{Command, Stdio};

use super::*;
use crate::source::Source;

mod types;

struct Texts(HashMap<u32, String>);

impl Cells for Texts {
    fn text(&self, cell: u32) -> Option<&str> {
        self.0.get(&cell).map(String::as_str)
    }
}

fn rustc(text: &str) -> Vec<Diagnostic> {
    use std::io::Write;
    // Never `-o /dev/null`: rustc replaces its output, and as root that is the device.
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new("rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(&folder)
        .args(["--edition=2024", "--crate-type=lib", "--error-format=json", "--json=diagnostic-rendered-ansi"])
        .args(["-Ztrim-diagnostic-paths=no", "--diagnostic-width=100000", "--emit=metadata", "-o", "out.rmeta", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (diagnostics, others) = parse(&String::from_utf8(output.stderr).unwrap());
    assert_eq!(others, Vec::<String>::new());
    diagnostics
}

/// Cell 1 holds items, cell 3 statements; both in one text as the engine would write it.
fn session(items: &str, cell: &str) -> (Source, Texts) {
    let mut source = Source::default();
    source.push("#![allow(unused)]\npub mod __ferrolab_items_1 {\n");
    source.push_user(1, 0, items);
    source.push("\n}\nuse __ferrolab_items_1::*;\n");
    source.push("fn __ferrolab_put<T: 'static>(_: &str, _: T) {}\npub fn __ferrolab_cell_3() {\n");
    source.push("    let mut kept: std::vec::Vec<i32> = std::vec![];\n    let _ = (|| {\n");
    source.push_user(3, 0, cell);
    source.push("\n    })();\n    __ferrolab_put::<std::vec::Vec<i32>>(\"kept\", kept);\n}\n");
    (source, Texts(HashMap::from([(1, items.to_owned()), (3, cell.to_owned())])))
}

fn report(items: &str, cell: &str) -> Rendered {
    let (source, texts) = session(items, cell);
    let diagnostics = rustc(source.text());
    let rendered = render(&diagnostics, &source, &texts, 3).expect("an error");
    assert!(!rendered.ansi.contains("__ferrolab"), "{}", rendered.plain);
    rendered
}

fn golden(items: &str, cell: &str, expected: &str) {
    let plain = report(items, cell).plain;
    assert_eq!(plain.trim(), expected.trim(), "\n--- got\n{plain}\n---");
}

const ITEMS: &str = "pub struct P { pub x: i32 }\npub fn f(a: i32, p: &P) -> P { P { x: a } }\n";

#[test]
fn shows_the_users_line_and_labels() {
    let expected = r#"
error[E0308]: mismatched types
 --> [3]:2:14
  |
2 | let z: i32 = "a"; // ü
  |        ---   ^^^ expected `i32`, found `&str`
  |        |
  |        expected due to this

For more information about this error, try `rustc --explain E0308`."#;
    golden("", "let é = \"ü\";\nlet z: i32 = \"a\"; // ü", expected);
    let rendered = report("", "let z: i32 = \"a\";\nlet y: i32 = \"b\";");
    assert_eq!((rendered.name.as_str(), rendered.value.as_str()), ("E0308", "mismatched types (and 1 more)"));
    assert!(rendered.ansi.contains("\u{1b}[1m\u{1b}[91merror[E0308]"), "{:?}", rendered.ansi);
}

#[test]
fn shortens_types_and_points_into_other_cells() {
    let expected = r#"
error[E0061]: this function takes 2 arguments but 1 argument was supplied
 --> [3]:1:9
  |
1 | let n = f(1);
  |         ^--- argument #2 of type `&P` is missing
  |
note: function defined here
 --> [1]:2:8
  |
2 | pub fn f(a: i32, p: &P) -> P { P { x: a } }
  |        ^         -----
help: provide the argument
  |
2 | let n = f(1, /* &P */);
  |            ++++++++++

For more information about this error, try `rustc --explain E0061`."#;
    golden(ITEMS, "let n = f(1);", &expected.replace("\n2 | let n", "\n1 | let n"));
    let types = report("", "let m: std::collections::HashMap<String, i32> = 1u8;").plain;
    assert!(types.contains("expected `HashMap<String, i32>`, found `u8`"), "{types}");
}

#[test]
fn imports_go_to_the_head_of_the_cell() {
    let expected = r#"
error[E0433]: cannot find type `BTreeMap` in this scope
 --> [3]:2:9
  |
2 | let b = BTreeMap::<u8, u8>::new();
  |         ^^^^^^^^ use of undeclared type `BTreeMap`
  |
help: consider importing this struct
  |
1 + use std::collections::BTreeMap;
  |

For more information about this error, try `rustc --explain E0433`."#;
    golden("", "let a = 1;\nlet b = BTreeMap::<u8, u8>::new();", expected);
    let missing = report("", "nosuch::thing();").plain;
    assert!(missing.contains("load it with `:dep nosuch`"), "{missing}");
}

#[test]
fn macros_lead_back_to_their_call() {
    let plain = report("pub struct Nd;", "println!(\"{}\", Nd);").plain;
    assert!(plain.contains("--> [3]:1:16") && plain.contains("--> [1]:1:1"), "{plain}");
    assert!(!plain.contains("macro-backtrace") && !plain.contains("/rustc/"), "{plain}");
    let nested = report("", "assert_eq!(1u8, \"a\");").plain;
    assert!(nested.contains("[3]:1:") && !nested.contains("/rustc/"), "{nested}");
}

#[test]
fn broken_cells_and_many_errors() {
    let open = report("", "foo(1, (2");
    assert_eq!(open.value, "this cell contains an unclosed delimiter");
    let many = report("", &"let _: u8 = \"\";\n".repeat(13));
    assert_eq!(many.plain.matches("error[E0308]").count(), 10);
    assert!(many.plain.contains("and 3 more errors"));
    let closure = report("", "let c = |a: i32| a;\nlet d: i32 = c;").plain;
    assert!(closure.contains("found closure `{closure@[3]:1:9}`"), "{closure}");
    let (source, texts) = session("", "let x = 5;");
    assert_eq!(render(&rustc(source.text()), &source, &texts, 3), None);
}

#[test]
fn lines_that_are_not_json() {
    let (diagnostics, others) =
        parse("{\"$message_type\":\"artifact\",\"artifact\":\"x\"}\nthread 'rustc' panicked\n\n");
    assert_eq!((diagnostics.len(), others), (0, vec!["thread 'rustc' panicked".to_owned()]));
}

/// Statements, then what the engine adds for each variable.
fn steered(lines: &str, puts: &[(&str, &str)]) -> (Vec<Diagnostic>, Vec<Put>, Source, Texts) {
    let mut source = Source::default();
    source.push("#![allow(unused)]\nfn put<T: 'static>(_: T) {}\npub fn cell(kept: Vec<i32>, flag: bool) {\n");
    source.push_user(3, 0, lines);
    source.push("\n");
    let mut all = Vec::new();
    for (name, type_text) in puts {
        let start = source.text().len();
        source.push(&format!("put::<{type_text}>({name});\n"));
        all.push(Put { range: start..source.text().len(), name: (*name).into(), type_text: (*type_text).into() });
    }
    source.push("}\n");
    let texts = Texts(HashMap::from([(3, lines.to_owned())]));
    (rustc(source.text()), all, source, texts)
}

#[test]
fn moved_and_borrowed_variables() {
    let cell = "if flag { drop(kept); }\nlet s = String::from(\"abc\");\nlet part = &s[..2];\nlet lit = \"x\";";
    let puts = [("kept", "Vec<i32>"), ("s", "String"), ("part", "&'static str"), ("lit", "&'static str")];
    let (mut diagnostics, puts, source, texts) = steered(cell, &puts);
    let ranges: Vec<_> = puts.iter().map(|p| p.range.clone()).collect();
    let found = steer(&diagnostics, &source, &ranges);
    assert!(!found.moved.contains(&2) && found.moved.contains(&0), "{found:?}");
    assert_eq!((found.borrowed, found.other, found.rest), (vec![2], vec![], 0));
    explain_borrows(&mut diagnostics, &source, &puts);
    let plain = render(&diagnostics, &source, &texts, 3).unwrap().plain;
    assert!(plain.contains("Own it: `let part = part.to_string();`"), "{plain}");
    let (diagnostics, puts, source, _) = steered("let it = kept.iter();", &[("it", "std::slice::Iter<'static, i32>")]);
    assert_eq!(steer(&diagnostics, &source, &[puts[0].range.clone()]).borrowed, [0]);
    let guard = "let m = std::cell::RefCell::new(1);\nlet g = m.borrow_mut();";
    let (diagnostics, puts, source, _) = steered(guard, &[("m", "std::cell::RefCell<i32>")]);
    assert_eq!(steer(&diagnostics, &source, &[puts[0].range.clone()]).held, [(0, "g".to_owned())]);
    let (diagnostics, puts, source, _) = steered("struct L; let l = L;", &[("l", "cell::L")]);
    assert_eq!(steer(&diagnostics, &source, &[puts[0].range.clone()]).other, [0]);
}
