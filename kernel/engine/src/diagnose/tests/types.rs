//! Types as the lint prints them: read, named, and refused with code that compiles.

use super::rustc;
use crate::diagnose::*;

fn printed(statements: &str) -> Vec<(String, TypeKind)> {
    let names: Vec<&str> = statements
        .lines()
        .filter_map(|l| l.strip_prefix("let ")?.trim_start_matches("mut ").split([' ', ':']).next())
        .collect();
    // The newest first, so that a `&mut` is done with when its target is looked at.
    let drops: String = names.iter().rev().map(|n| format!("::core::mem::drop(&{n});\n")).collect();
    let text = format!("{PRELUDE}pub fn cell() {{\n{statements}\n{drops}}}\n");
    let diagnostics = rustc(&text);
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.is_error()).map(|d| d.rendered.clone()).collect();
    assert!(errors.is_empty(), "{}", errors.into_iter().flatten().collect::<String>());
    let types = new_types(&diagnostics);
    let of = |name: &&str| {
        let argument = format!("&{name}");
        let found = types.iter().find(|(range, _)| text[range.clone()] == argument);
        let (_, text) = found.unwrap_or_else(|| panic!("no type for {name}"));
        (text.clone(), classify(text))
    };
    names.iter().map(of).collect()
}

const PRELUDE: &str = "#![allow(unused)]
pub struct P<T>(pub T);
pub mod deep { pub enum E<'a> { A(&'a str) } }
pub fn f(x: i32) -> i32 { x }
pub fn mk() -> impl Fn(i32) -> i32 + Send { |x| x }
pub fn it() -> impl Iterator<Item = u8> { [1u8].into_iter() }
pub async fn af() -> u8 { 1 }
";

const NAMEABLE: &str = "let v = vec![P(Some(1.5))];
let m = std::collections::HashMap::<String, Vec<[u8; 3]>>::new();
let s = \"abc\";
let a = &[1u8, 2][..];
let t = (1, \"a\", 'c', ());
let e = deep::E::A(\"x\");
let c: std::borrow::Cow<'static, str> = \"x\".into();
let fp: for<'a> fn(&'a str) -> &'a str = |x| x;
let b: Box<dyn Fn(&str) -> &str + Send + Sync> = Box::new(|x| x);
let d: &(dyn std::fmt::Debug + Send) = &1;
let dd: Vec<&'static (dyn std::any::Any + Sync)> = vec![];
let p: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {});
let arc = std::sync::Arc::new(std::sync::Mutex::new(1u8));
let raw = std::ptr::null::<i32>();
let x: unsafe extern \"C\" fn(*const u8) = { unsafe extern \"C\" fn g(_: *const u8) {} g };";

#[test]
fn nameable_types_compile_again() {
    let kinds = printed(NAMEABLE);
    let mut again = String::new();
    for (index, (text, kind)) in kinds.iter().enumerate() {
        let TypeKind::Nameable(name) = kind else { panic!("{text}: {kind:?}") };
        again.push_str(&format!("pub static mut V{index}: Option<{name}> = None;\n"));
    }
    let lines: Vec<String> = kinds.iter().map(|(_, kind)| format!("{kind:?}")).collect();
    assert!(lines[2].contains("&'static str") && lines[9].contains("&'static (dyn"), "{lines:#?}");
    let back: String = (0..kinds.len())
        .zip(NAMEABLE.lines())
        .map(|(index, line)| {
            let name = line[4..].split([' ', ':']).next().unwrap();
            format!("unsafe {{ V{index} = Some({name}); }}\n")
        })
        .collect();
    let diagnostics = rustc(&format!("{PRELUDE}{again}pub fn cell() {{\n{NAMEABLE}\n{back}}}\n"));
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.is_error()).map(|d| d.rendered.clone()).collect();
    assert!(errors.is_empty(), "{}", errors.into_iter().flatten().collect::<String>());
}

#[test]
fn unnameable_types_are_told_apart() {
    let kinds = printed(
        "let c = |x: i32| x + 1;
let ac = async |x: i32| x;
let g = f;
let h = str::len;
let o = mk();
let i = it();
let a = async { 1 };
let b = af();
let ch = \"abc\".chars().map(|c| c.is_alphabetic());
let vc = vec![|x: i32| x];
let mut n = 1;
let r = &mut n;",
    );
    let kinds: Vec<TypeKind> = kinds.into_iter().map(|(_, kind)| kind).collect();
    let expected = [
        TypeKind::Closure,
        TypeKind::AsyncClosure,
        TypeKind::FnItem { signature: "fn(i32) -> i32".into() },
        TypeKind::FnItem { signature: "for<'a> fn(&'a str) -> usize".into() },
        TypeKind::Opaque { bounds: "(Fn(i32) -> i32) + Send".into() },
        TypeKind::Opaque { bounds: "Iterator<Item = u8>".into() },
        TypeKind::Future,
        TypeKind::Future,
        TypeKind::LazyIterator,
        TypeKind::Contains { outer: "Vec".into() },
        TypeKind::Nameable("i32".into()),
        TypeKind::Borrow { of: "&mut i32".into() },
    ];
    assert_eq!(kinds, expected);
}

/// The first piece of code that an advice shows.
fn code(name: &str, kind: &TypeKind) -> String {
    let text = advice(name, kind);
    let at = text.find("`let ").unwrap_or_else(|| panic!("{text}"));
    text[at + 1..].split('`').next().unwrap().to_owned()
}

#[test]
fn advice_compiles() {
    let borrow = |of: &str| TypeKind::Borrow { of: of.into() };
    let cases: &[(&str, TypeKind)] = &[
        ("let x = |x: i32| x + 1;", TypeKind::Closure),
        ("let x = f;", TypeKind::FnItem { signature: "fn(i32) -> i32".into() }),
        ("let x = str::len;", TypeKind::FnItem { signature: "for<'a> fn(&'a str) -> usize".into() }),
        ("let x = mk();", TypeKind::Opaque { bounds: "(Fn(i32) -> i32) + Send".into() }),
        ("let x = it();", TypeKind::Opaque { bounds: "Iterator<Item = u8>".into() }),
        ("let x = \"abc\".chars().map(|c| c.is_alphabetic());", TypeKind::LazyIterator),
        ("let s = String::new(); let x = &s[..];", borrow("&str")),
        ("let s = vec![1]; let x = &s[..];", borrow("&[i32]")),
        ("let s = vec![1]; let x = &s;", borrow("&std::vec::Vec<i32>")),
        ("let s = vec![1]; let x = s.first();", borrow("std::option::Option<&'static i32>")),
        ("let s = String::new(); let x = s.split_once('a').map(|x| x.0);", borrow("std::option::Option<&str>")),
        ("let s = String::new(); let x = String::from_utf8_lossy(s.as_bytes());", borrow("std::borrow::Cow<'_, str>")),
        ("let s = String::new(); let x: Vec<&str> = s.lines().collect();", borrow("std::vec::Vec<&str>")),
        ("let s = String::new(); let x = s.chars();", borrow("std::str::Chars<'_>")),
        ("let s = vec![1]; let x = s.iter();", borrow("std::slice::Iter<'_, i32>")),
        ("let mut s = vec![1]; let x = &mut s;", borrow("&mut std::vec::Vec<i32>")),
        ("let s = std::path::PathBuf::new(); let x = s.as_path();", borrow("&std::path::Path")),
    ];
    let mut text = PRELUDE.to_owned();
    for (index, (line, kind)) in cases.iter().enumerate() {
        let keep = "fn keep<T: 'static>(_: T) {}";
        text.push_str(&format!("pub fn c{index}() {{ {keep}\n{line}\n{}\nkeep(x); }}\n", code("x", kind)));
    }
    let future = advice("x", &TypeKind::Future);
    let boxed = future.rsplit('`').find(|part| part.starts_with("let x = Box::pin")).unwrap();
    text.push_str(&format!("pub fn future() {{ let x = af(); {boxed} }}\n"));
    let diagnostics = rustc(&text);
    let errors: Vec<_> = diagnostics.iter().filter(|d| d.is_error()).map(|d| d.rendered.clone()).collect();
    assert!(errors.is_empty(), "{}", errors.into_iter().flatten().collect::<String>());
}
