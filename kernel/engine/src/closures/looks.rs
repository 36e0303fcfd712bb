//! Does a `let` that is to be made again only look? Its syntax says so by the names of methods (`lent.rs`), and a trait of a crate,
//! or of the session, may call anything `first`. So rustc is asked what the names stand for: it writes the cell as it sees it after
//! type checking (MIR), where each call has its function's full path and its place, those of operators and of automatic dereferencing
//! included. Read here is that text; nothing is run or kept.

use super::lent::{CALLS, LOOKS, LentText};

/// Where the functions are whose names are in the lists.
const STD: [&str; 3] = ["std", "core", "alloc"];

/// Crates of plain data. What they call by the names of the list looks at it, by what their documentation says of it, as in std.
const DATA: [&str; 8] = ["ndarray", "nalgebra", "serde_json", "indexmap", "hashbrown", "smallvec", "arrayvec", "bytes"];

/// Names that a session must not give to something else for this to be true: those crates, and macros that are read as ndarray's and std's.
pub const ROOTS: [&str; 14] = [
    "std",
    "core",
    "alloc",
    "ndarray",
    "nalgebra",
    "serde_json",
    "indexmap",
    "hashbrown",
    "smallvec",
    "arrayvec",
    "bytes",
    "s",
    "addr_of",
    "addr_of_mut",
];

/// Operators, and what stands behind `*x`, `x[i]` and `a..=b`.
const OPERATORS: [&str; 16] = [
    "add",
    "deref",
    "deref_mut",
    "div",
    "eq",
    "ge",
    "gt",
    "index",
    "index_mut",
    "le",
    "lt",
    "mul",
    "ne",
    "neg",
    "rem",
    "sub",
];

const PRIMITIVES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16", "u32", "u64", "u128",
    "usize",
];

/// A call in a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The function, as rustc writes it.
    pub function: &'a str,
    /// Line and column of its beginning, from 1.
    pub place: (usize, usize),
}

/// The calls that rustc's MIR has from a file.
pub fn calls<'a>(mir: &'a str, file: &'a str) -> impl Iterator<Item = Call<'a>> {
    mir.lines().filter_map(move |line| call(line, file))
}

/// The call in a line such as `_5 = path::of::function(move _6) -> [return: bb1, unwind continue]; // scope 0 at file.rs:7:13: 7:22`.
fn call<'a>(line: &'a str, file: &str) -> Option<Call<'a>> {
    let (code, comment) = line.rsplit_once("; // scope ")?;
    let (_, at) = comment.split_once(" at ")?;
    let mut numbers = at.strip_prefix(file)?.strip_prefix(':')?.splitn(3, ':');
    let place = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    let (code, _) = code.rsplit_once(") -> ")?;
    let value = &code[outside(code, " = ")? + " = ".len()..];
    Some(Call { function: &value[..outside(value, "(")?], place })
}

/// Where a piece begins that stands in no bracket.
fn outside(text: &str, piece: &str) -> Option<usize> {
    let (mut depth, mut before) = (0, ' ');
    for (at, c) in text.char_indices() {
        if depth == 0 && text[at..].starts_with(piece) {
            return Some(at);
        }
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            // That of an arrow closes nothing.
            '>' if before == '-' => {}
            '>' | ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

/// Is this a function that only looks, whoever calls it?
pub fn only_looks(function: &str) -> bool {
    let Some((owner, name)) = owner_and_name(function) else { return false };
    let listed = LOOKS.contains(&name) || OPERATORS.contains(&name);
    let later = || CALLS.contains(&name) || name == "from_ref" || name == "from_mut";
    let made = || name == "new" && owner.contains("::RangeInclusive");
    match owner.strip_prefix('<').and_then(|of| of.strip_suffix('>')) {
        // `<Type as Trait>`
        Some(of) if let Some(at) = outside(of, " as ") => {
            let (of, by) = (root(&of[..at]), root(&of[at + " as ".len()..]));
            let std = of.is_some_and(is_std) && by.is_some_and(is_std);
            std && (listed || later()) || listed && of.is_some_and(is_known) && by.is_some_and(is_known)
        }
        Some(_) => false,
        None => {
            let of = owner.split("::").next();
            of.is_some_and(is_std) && (listed || later() || made()) || listed && of.is_some_and(is_known)
        }
    }
}

/// What stands before the function's own name, and the name, without generic arguments behind it.
fn owner_and_name(function: &str) -> Option<(&str, &str)> {
    let mut path = function;
    let mut last = None;
    while let Some(at) = last_outside(path) {
        let name = &path[at + "::".len()..];
        if !name.starts_with('<') {
            last = Some((&path[..at], name));
            break;
        }
        path = &path[..at];
    }
    last
}

/// Where the last `::` outside of brackets is.
fn last_outside(path: &str) -> Option<usize> {
    let mut last = None;
    let mut from = 0;
    while let Some(at) = outside(&path[from..], "::") {
        last = Some(from + at);
        from += at + "::".len();
    }
    last
}

/// The crate of a type, behind references; `std` for what the language has itself.
fn root(of: &str) -> Option<&str> {
    let of = of.trim_start_matches(['&', '*', ' ']);
    let of = of.strip_prefix('\'').and_then(|of| of.split_once(' ')).map_or(of, |(_, of)| of);
    let of = of.strip_prefix("mut ").or_else(|| of.strip_prefix("const ")).unwrap_or(of);
    if of.starts_with(['&', '*']) {
        return root(of);
    }
    let word = of.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
    match of.chars().next()? {
        '[' | '(' => Some("std"),
        _ if PRIMITIVES.contains(&of) => Some("std"),
        _ if of[word.len()..].starts_with("::") => Some(word),
        _ => None,
    }
}

fn is_std(name: &str) -> bool {
    STD.contains(&name)
}

fn is_known(name: &str) -> bool {
    is_std(name) || DATA.contains(&name)
}

/// The first function that a `let` calls and that may do more than look. `offset` tells where in the cell a place of the file is,
/// if that is the cell's own text. What closures do that are called later is the business of who calls them, but an iterator has to
/// be the one that has them.
pub fn more<'a>(
    mir: &'a str,
    file: &'a str,
    offset: impl Fn((usize, usize)) -> Option<usize>,
    written: &LentText,
) -> Option<&'a str> {
    let in_closure = |at: usize| written.later.iter().any(|range| range.contains(&at));
    let here = |call: &Call<'_>| offset(call.place).is_some_and(|at| written.value.contains(&at) && !in_closure(at));
    let at_once = |function: &str| !written.later.is_empty() && calls_at_once(function);
    let mut found = calls(mir, file).filter(here).map(|call| call.function);
    found.find(|function| !only_looks(function) || at_once(function))
}

/// Is this a function that may call the closure that it is given before it returns?
fn calls_at_once(function: &str) -> bool {
    owner_and_name(function)
        .is_some_and(|(owner, name)| CALLS.contains(&name) && !owner.ends_with(" as std::iter::Iterator>"))
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    #[test]
    fn calls_are_read() {
        let line = "        _16 = <std::vec::Vec<i32> as std::ops::Index<usize>>::index(move _17, const \"a) = b(\") -> [return: bb8, unwind continue]; // scope 2 at 63f6.rs:9:15: 9:18";
        let function = "<std::vec::Vec<i32> as std::ops::Index<usize>>::index";
        assert_eq!(call(line, "63f6.rs"), Some(Call { function, place: (9, 15) }));
        assert_eq!(call(line, "other.rs"), None);
        let typed = "        (_3.0: std::boxed::Box<dyn Fn(u8) -> u8>) = f::<fn(u8) -> u8>(move _17) -> unwind continue; // scope 2 at a.rs:1:2: 3:4";
        assert_eq!(call(typed, "a.rs"), Some(Call { function: "f::<fn(u8) -> u8>", place: (1, 2) }));
        for none in [
            "        drop(_3) -> [return: bb3, unwind: bb7]; // scope 0 at a.rs:18:1: 18:2",
            "        _3 = move _4; // scope 0 at a.rs:18:1: 18:2",
            "fn cell() -> () {",
        ] {
            assert_eq!(call(none, "a.rs"), None);
        }
    }

    #[test]
    fn what_std_and_crates_of_data_have_looks() {
        for function in [
            "core::slice::<impl [i32]>::first",
            "core::str::<impl str>::split::<char>",
            "std::option::Option::<&i32>::unwrap",
            "<std::vec::Vec<cells::Loud> as std::ops::Deref>::deref",
            "<std::string::String as std::ops::Index<std::ops::RangeTo<usize>>>::index",
            "<std::iter::Map<std::slice::Iter<'_, i32>, {closure@a.rs:8:29: 8:32}> as std::iter::Iterator>::filter::<{closure@a.rs:1:2: 3:4}>",
            "<&i32 as std::ops::Add<i32>>::add",
            "<&'static mut [u8] as std::ops::Index<usize>>::index",
            "std::ops::RangeInclusive::<usize>::new",
            "ndarray::ArrayBase::<ndarray::OwnedRepr<f64>, ndarray::Dim<[usize; 2]>>::row",
            "<serde_json::Value as std::ops::Index<&str>>::index",
            "serde_json::Value::as_str",
        ] {
            assert!(only_looks(function), "{function}");
        }
    }

    #[test]
    fn what_others_have_by_these_names_may_do_more() {
        for function in [
            "<W as Fst>::first",
            "<std::vec::Vec<i32> as cells::Fst>::first",
            "<std::vec::Vec<i32> as itertools::Itertools>::get::<usize>",
            "cells::Loud::first",
            "<cells::Grid as std::ops::Index<(usize, usize)>>::index",
            "<&cells::Lazy as std::ops::Deref>::deref",
            "regex::Regex::captures",
            "std::sync::Mutex::<i32>::lock",
            "<std::slice::Iter<'_, i32> as std::iter::Iterator>::next",
            "ndarray::ArrayBase::<ndarray::OwnedRepr<f64>, ndarray::Dim<[usize; 1]>>::map::<f64, {closure@a.rs:1:2: 3:4}>",
            "<dyn Said as Said>::iter",
            "<dyn std::ops::Deref<Target = u8> as std::ops::Deref>::deref",
            "move _5",
            "copy (*_3)",
            "first",
        ] {
            assert!(!only_looks(function), "{function}");
        }
    }

    #[test]
    fn who_calls_a_closure_at_once_is_known() {
        assert!(calls_at_once("std::option::Option::<&i32>::map::<u8, {closure@a.rs:1:2: 3:4}>"));
        assert!(!calls_at_once(
            "<std::slice::Iter<'_, i32> as std::iter::Iterator>::map::<u8, {closure@a.rs:1:2: 3:4}>"
        ));
        assert!(!calls_at_once("std::option::Option::<&i32>::unwrap"));
    }

    #[test]
    fn only_what_stands_in_the_let_counts() {
        let mir = "_1 = cells::f() -> [return: bb1]; // scope 0 at a.rs:1:5: 1:8\n_2 = core::slice::<impl [i32]>::first(move _1) -> [return: bb2]; // scope 0 at a.rs:1:20: 1:30\n";
        let offset = |(line, column): (usize, usize)| (line == 1).then_some(column);
        let of = |value, later: Option<Range<usize>>| {
            let later = later.into_iter().collect();
            LentText { value, later, ..LentText::default() }
        };
        assert_eq!(more(mir, "a.rs", offset, &of(15..40, None)), None);
        assert_eq!(more(mir, "a.rs", offset, &of(0..10, None)), Some("cells::f"));
        assert_eq!(more(mir, "a.rs", offset, &of(0..10, Some(3..8))), None);
    }
}
