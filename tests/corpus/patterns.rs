//! Pattern matching, let-else, if-let chains, slices, and control flow.

//# matching numbers with guards and bindings
fn kind(n: i32) -> &'static str { match n { i32::MIN..=-1 => "neg", 0 => "zero", n if n % 2 == 0 => "even", 1 | 3 | 5 => "small odd", _ => "odd" } }
//%
[-5, 0, 4, 3, 9].map(kind)
//> ["neg", "zero", "even", "small odd", "odd"]

//# at-bindings
let msg = match 7u8 { n @ 1..=5 => format!("low {n}"), n @ (6 | 7) => format!("mid {n}"), n => format!("{n}") };
msg
//> "mid 7"

//# slices
fn ends(v: &[i32]) -> String { match v { [] => "none".into(), [one] => format!("one {one}"), [first, .., last] => format!("{first}..{last}") } }
//%
(ends(&[]), ends(&[1]), ends(&[1, 2, 3]))
//> ("none", "one 1", "1..3")
//%
if let [a, rest @ ..] = &[1, 2, 3][..] { println!("{a} then {rest:?}"); }
//| 1 then [2, 3]

//# nested structures
struct P { pos: (i32, i32), tag: Option<&'static str> }
let p = P { pos: (1, -1), tag: Some("t") };
//%
match p { P { pos: (x, y @ ..=0), tag: Some(t) } => format!("{x} {y} {t}"), P { tag: None, .. } => "none".into(), _ => "other".into() }
//> "1 -1 t"

//# references and boxes in patterns
let opt = Some(String::from("held"));
//%
if let Some(ref s) = opt { println!("{}", s.len()); }
//| 4
//%
match &opt { Some(s) => s.as_str(), None => "" }
//> "held"
//%
opt.is_some()
//> true

//# let-else
fn number(s: &str) -> i32 { let Ok(n) = s.parse::<i32>() else { return -1 }; n }
//%
(number("5"), number("x"))
//> (5, -1)
//%
let Some(x) = Some(3) else { panic!("no") };
//%
x
//> 3

//# let-else that does not diverge
let Some(y) = None::<i32> else { println!("nothing") };
//! E0308

//# if-let chains
let a = Some(3); let b = Ok::<i32, ()>(4);
//%
if let Some(x) = a && let Ok(y) = b && x < y { println!("{x} < {y}"); }
//| 3 < 4

//# while-let
let mut stack = vec![1, 2, 3];
while let Some(top) = stack.pop() { print!("{top} "); }
println!();
//| 3 2 1
//%
stack.is_empty()
//> true

//# a refutable pattern in a let
let Some(z) = Some(1);
//! E0005

//# labelled continue
let mut out = vec![];
'rows: for r in 0..4 {
    for c in 0..4 {
        if c > r { continue 'rows; }
        if r == 3 { break 'rows; }
        out.push((r, c));
    }
}
out
//> [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]

//# matches! and assert!
matches!(Some(5), Some(n) if n > 3)
//> true
//%
assert!(1 + 1 == 2);
assert_eq!(vec![1], [1], "lengths {}", 1);
//%
assert_ne!(1, 2);

//# constants in patterns
const ZERO: i32 = 0;
//%
match 0 { ZERO => "zero", _ => "other" }
//> "zero"

//# tuples of enums
#[derive(Clone, Copy, PartialEq, Debug)]
enum Move { Rock, Paper, Scissors }
use Move::*;
fn beats(a: Move, b: Move) -> bool { matches!((a, b), (Rock, Scissors) | (Paper, Rock) | (Scissors, Paper)) }
//%
[(Rock, Paper), (Paper, Rock)].map(|(a, b)| beats(a, b))
//> [false, true]

//# an unreachable arm only warns
match 1 { _ => "any", 1 => "one" }
//> "any"

//# shadowing in a match arm
let x = 5;
match Some(x) { Some(x) if x > 3 => x * 2, Some(x) => x, None => 0 }
//> 10

//# mutable bindings in patterns
let mut pair = (vec![1], 2);
{ let (v, n) = &mut pair; v.push(9); *n += 1; }
pair
//> ([1, 9], 3)

//# numbers and chars as ranges
let classes: Vec<_> = "aZ5 ".chars().map(|c| match c { 'a'..='z' => 'l', 'A'..='Z' => 'u', '0'..='9' => 'd', _ => '-' }).collect();
classes
//> ['l', 'u', 'd', '-']

//# return from a function in a loop
fn first_square_over(n: u32) -> u32 { for i in 1.. { if i * i > n { return i * i; } } unreachable!() }
//%
first_square_over(50)
//> 64

//# binding modes over several cells
let (ref a, b) = (1, 2);
//%
b
//> 2
