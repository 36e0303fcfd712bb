//! Compile errors, panics, `?` and what they leave behind.

//# a type error
let x: i32 = "text";
//! E0308
//%
let x: i32 = 4;
x
//> 4

//# a syntax error
let x = ;
//! error
//%
fn (
//! error
//%
1 + 1
//> 2

//# a missing semicolon between statements
let a = 1
let b = 2;
//! error
//%
1
//> 1

//# an unclosed brace
fn f() { 1 + 1
//! error
//%
2
//> 2

//# a panic
panic!("on purpose");
//! panic
//%
1 + 1
//> 2

//# a panic keeps earlier variables
let v = vec![1, 2, 3];
//%
let w = 5; v[10];
//! panic
//%
v
//> [1, 2, 3]
//%
w
//! E0425

//# a panic keeps what the cell had changed, or not
let mut v = vec![1];
//%
v.push(2); panic!("after a change");
//! panic
//%
v.len()
//> 1
//~ ?
//~> 2

//# a panic in a function
fn div(a: i32, b: i32) -> i32 { a / b }
//%
div(1, 0)
//! panic
//%
div(6, 3)
//> 2

//# unwrap of None and expect of Err
None::<i32>.unwrap()
//! panic
//%
Err::<i32, String>("bad".into()).expect("wanted a number")
//! panic
//%
unreachable!("never {}", 1)
//! panic
//%
unimplemented!()
//! panic

//# a failed assertion
assert_eq!(1 + 1, 3, "sums");
//! panic
//%
assert!(false);
//! panic

//# integer overflow
let mut x: u8 = 250;
//%
for _ in 0..10 { x += 1; }
//~ ?
//~!
//%
x
//> 4
//~ ?
//~> 255

//# a caught panic is no error
let r = std::panic::catch_unwind(|| { if true { panic!("inside"); } 1 });
r.is_err()
//> true
//~ ?
//~!

//# a panic in a thread is in its join
let h = std::thread::spawn(|| { if true { panic!("there"); } 1 });
h.join().is_err()
//> true

//# the question mark on Ok
let n = "42".parse::<i32>()?;
//%
n
//> 42

//# the question mark on Err
let bad = "x".parse::<i32>()?;
//! ParseIntError
//%
1
//> 1

//# what a failed question mark leaves
let kept = 1;
//%
let fresh = 2; let bad: i32 = "x".parse::<i32>()?;
//! ParseIntError
//%
kept
//> 1
//%
fresh
//! E0425

//# the question mark in a function
fn sum(s: &str) -> Result<i32, std::num::ParseIntError> { let mut t = 0; for p in s.split(',') { t += p.trim().parse::<i32>()?; } Ok(t) }
//%
sum("1, 2,3")
//> Ok(6)
//%
sum("1,x")
//> Err(ParseIntError { kind: InvalidDigit })
//%
sum("7")? + 1
//> 8

//# the question mark on None
fn first(s: &str) -> Option<char> { let c = s.chars().next()?; Some(c.to_ascii_uppercase()) }
//%
(first("abc"), first(""))
//> (Some('A'), None)

//# different errors in one cell
let a: i32 = "1".parse()?;
let b: f64 = "2.5".parse()?;
let c = String::from_utf8(vec![104, 105])?;
//%
(a, b, c)
//> (1, 2.5, "hi")

//# an error type of one's own
#[derive(Debug)]
enum MyError { Empty, Bad(String) }
impl std::fmt::Display for MyError { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { match self { MyError::Empty => write!(f, "empty"), MyError::Bad(s) => write!(f, "bad {s}") } } }
impl std::error::Error for MyError {}
fn check(s: &str) -> Result<usize, MyError> { if s.is_empty() { Err(MyError::Empty) } else if s.len() > 3 { Err(MyError::Bad(s.into())) } else { Ok(s.len()) } }
//%
check("ab")?
//> 2
//%
check("long text")?;
//! MyError
//%
match check("") { Err(e) => e.to_string(), Ok(_) => "ok".into() }
//> "empty"

//# Box<dyn Error>
fn run(n: i32) -> Result<i32, Box<dyn std::error::Error>> { if n < 0 { return Err("negative".into()); } Ok(n + "1".parse::<i32>()?) }
//%
run(1)?
//> 2
//%
run(-1)?
//! Box<dyn Error>
//%
run(-1).map_err(|e| e.to_string())
//> Err("negative")

//# an error in a later cell does not undo items
fn helper() -> i32 { 3 }
//%
helper() + "x"
//! E0277
//%
helper()
//> 3

//# a borrow error
let mut v = vec![1, 2];
//%
for x in &v { if *x == 1 { v.push(3); } }
//! E0502
//%
v
//> [1, 2]

//# use after a move within one cell
let s = String::from("a");
let t = s;
println!("{s}");
//! E0382
//%
1
//> 1

//# a value that does not live long enough
let r;
{ let inner = 5; r = &inner; }
println!("{r}");
//! E0597

//# an unknown method and an unknown field
"abc".push_up()
//! E0599
//%
struct P { x: i32 }
P { x: 1 }.y
//! E0609
//%
P { z: 1 }
//! E0422

//# wrong number of arguments
fn two(a: i32, b: i32) -> i32 { a + b }
//%
two(1)
//! E0061
//%
two(1, 2, 3)
//! E0061
//%
two(1, 2)
//> 3

//# an unresolved import
use std::collections::HashMapp;
//! E0432
//%
use std::collections::HashMap;
HashMap::<i32, i32>::new().len()
//> 0

//# a private item
std::vec::IntoIterr
//! E0425
//%
String { vec: vec![] }
//! E0451

//# return at the top level
let done = true;
if done { return; }
println!("not reached");
//! E0069
//~ ?

//# a loop that breaks outside
break;
//! E0267
//%
1
//> 1

//# process exit codes and aborts lose nothing that was kept
let before = 5;
//%
std::process::exit(3);
//! Crash
//%
before
//> 5
//~ ?
//~!
