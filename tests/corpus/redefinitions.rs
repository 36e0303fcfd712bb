//! What a definition that changes does to values, methods and callers of the old one.

//# the fields of a struct change
#[derive(Debug)]
struct P { x: i32 }
//%
let p = P { x: 1 };
//%
#[derive(Debug)]
struct P { x: f32, y: f32 }
//%
let p = P { x: 1.5, y: 2.0 };
//%
p
//> P { x: 1.5, y: 2.0 }

//# the same struct again
#[derive(Debug)]
struct P { x: i32 }
//%
let p = P { x: 1 };
//%
#[derive(Debug)]
struct P { x: i32 }
//%
p
//> P { x: 1 }

//# a derive is added
struct P { x: i32 }
//%
#[derive(Debug, Clone)]
struct P { x: i32 }
//%
P { x: 2 }.clone()
//> P { x: 2 }

//# an impl is run again
struct C { n: i32 }
impl C { fn get(&self) -> i32 { self.n } }
//%
impl C { fn get(&self) -> i32 { self.n * 10 } }
//%
C { n: 2 }.get()
//> 20

//# a trait impl is run again
trait Name { fn name(&self) -> &'static str; }
struct A;
//%
impl Name for A { fn name(&self) -> &'static str { "one" } }
//%
A.name()
//> "one"
//%
impl Name for A { fn name(&self) -> &'static str { "two" } }
//%
A.name()
//> "two"

//# a second impl block adds methods
struct C { n: i32 }
//%
impl C { fn a(&self) -> i32 { self.n } }
//%
impl C { fn b(&self) -> i32 { self.n + 1 } }
//%
let c = C { n: 5 };
(c.a(), c.b())
//> (5, 6)

//# a constant changes
const K: i32 = 2;
//%
fn times(x: i32) -> i32 { x * K }
//%
times(5)
//> 10
//%
const K: i32 = 3;
//%
times(5)
//> 15

//# an enum gains a variant
#[derive(Debug, Clone, Copy)]
enum Dir { N, S }
//%
Dir::N
//> N
//%
#[derive(Debug, Clone, Copy)]
enum Dir { N, S, E }
//%
[Dir::S, Dir::E]
//> [S, E]

//# a function becomes a variable
fn name() -> i32 { 1 }
//%
let name = 5;
//%
name
//> 5

//# a variable becomes a function
let thing = 5;
//%
fn thing() -> i32 { 6 }
//%
thing()
//! E0618

//# a macro is redefined
macro_rules! k { () => { 1 } }
//%
k!()
//> 1
//%
macro_rules! k { () => { 2 }; ($x:expr) => { $x + 10 } }
//%
(k!(), k!(5))
//> (2, 15)

//# a use is repeated and replaced
use std::collections::HashMap as Map;
//%
use std::collections::BTreeMap as Map;
//%
let m: Map<i32, i32> = [(2, 1), (1, 2)].into_iter().collect();
m
//> {1: 2, 2: 1}

//# a failed redefinition leaves the old one
fn area(r: f64) -> f64 { r * r }
//%
fn area(r: f64) -> f64 { r * r * "pi" }
//! E0277
//%
area(2.0)
//> 4.0

//# a variable of a changed type is lost
struct S { a: u8 }
//%
let s = S { a: 1 }; let other = 5;
//%
struct S { a: u64, b: u64 }
//%
s.a
//! E0425
//%
other
//> 5

//# a generic type redefined
#[derive(Debug)]
struct W<T>(T);
//%
let w = W(1);
//%
w
//> W(1)
//%
#[derive(Debug)]
struct W<T>(T, T);
//%
W("a", "b")
//> W("a", "b")
