//! Functions, types, traits, generics, modules, constants and statics over several cells.

//# a function and its caller
fn double(x: i32) -> i32 { x * 2 }
//%
double(21)
//> 42
//%
fn quadruple(x: i32) -> i32 { double(double(x)) }
//%
quadruple(3)
//> 12

//# a function redefined reaches its callers
fn rate() -> i32 { 1 }
//%
fn price() -> i32 { rate() * 100 }
//%
price()
//> 100
//%
fn rate() -> i32 { 3 }
//%
price()
//> 300

//# a function with another signature
fn f(x: i32) -> i32 { x }
//%
fn f(x: &str) -> usize { x.len() }
//%
f("four")
//> 4

//# recursion, also mutual
fn even(n: u32) -> bool { if n == 0 { true } else { odd(n - 1) } }
fn odd(n: u32) -> bool { if n == 0 { false } else { even(n - 1) } }
//%
(even(10), odd(7))
//> (true, true)

//# a struct with methods in a later cell
#[derive(Debug, Clone, PartialEq)]
struct Point { x: f64, y: f64 }
//%
impl Point { fn norm(&self) -> f64 { (self.x * self.x + self.y * self.y).sqrt() } }
//%
let p = Point { x: 3.0, y: 4.0 };
//%
p.norm()
//> 5.0
//%
p
//> Point { x: 3.0, y: 4.0 }

//# struct update and field shorthand
#[derive(Debug, Clone, Default)]
struct Config { depth: u8, name: String, fast: bool }
//%
let name = "c".to_string();
let c = Config { name, depth: 3, ..Default::default() };
//%
c
//> Config { depth: 3, name: "c", fast: false }

//# tuple and unit structs
#[derive(Debug, PartialEq, Eq, Hash, Clone, Copy, PartialOrd, Ord)]
struct Metres(u32);
#[derive(Debug)]
struct Marker;
//%
(Metres(3) < Metres(4), Metres(2).0)
//> (true, 2)
//%
Marker
//> Marker

//# an enum with data
#[derive(Debug)]
enum Shape { Circle(f64), Rect { w: f64, h: f64 }, Empty }
impl Shape {
    fn area(&self) -> f64 {
        match self { Shape::Circle(r) => 3.0 * r * r, Shape::Rect { w, h } => w * h, Shape::Empty => 0.0 }
    }
}
//%
let shapes = vec![Shape::Circle(1.0), Shape::Rect { w: 2.0, h: 3.0 }, Shape::Empty];
//%
shapes.iter().map(|s| s.area()).collect::<Vec<_>>()
//> [3.0, 6.0, 0.0]
//%
shapes
//> [Circle(1.0), Rect { w: 2.0, h: 3.0 }, Empty]

//# an enum with numbers
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Level { Low = 1, High = 10 }
//%
Level::High as u8 + Level::Low as u8
//> 11
//%
use Level::*;
//%
[Low, High]
//> [Low, High]

//# a match that is not exhaustive
enum E { A, B }
//%
let e = E::A;
match e { E::A => 1 }
//! E0004

//# a trait with a default method
trait Greet { fn name(&self) -> String; fn hello(&self) -> String { format!("hello {}", self.name()) } }
//%
struct Dog;
impl Greet for Dog { fn name(&self) -> String { "dog".into() } }
//%
Dog.hello()
//> "hello dog"

//# a trait for foreign types
trait Double { fn double(&self) -> Self; }
impl Double for i32 { fn double(&self) -> i32 { self * 2 } }
impl Double for String { fn double(&self) -> String { format!("{self}{self}") } }
//%
(4.double(), "ab".to_string().double())
//> (8, "abab")

//# trait objects
trait Area { fn area(&self) -> f64; }
struct Sq(f64); struct Ci(f64);
impl Area for Sq { fn area(&self) -> f64 { self.0 * self.0 } }
impl Area for Ci { fn area(&self) -> f64 { 3.0 * self.0 } }
//%
let all: Vec<Box<dyn Area>> = vec![Box::new(Sq(2.0)), Box::new(Ci(1.0))];
//%
all.iter().map(|a| a.area()).sum::<f64>()
//> 7.0

//# a missing trait method
trait T { fn a(&self); fn b(&self); }
struct S;
impl T for S { fn a(&self) {} }
//! E0046

//# associated types and constants
trait Shape { const SIDES: u32; type Unit; fn unit(&self) -> Self::Unit; }
struct Tri;
impl Shape for Tri { const SIDES: u32 = 3; type Unit = &'static str; fn unit(&self) -> &'static str { "cm" } }
//%
(Tri::SIDES, Tri.unit())
//> (3, "cm")

//# generic functions and bounds
fn largest<T: PartialOrd + Copy>(list: &[T]) -> T { let mut l = list[0]; for &x in list { if x > l { l = x; } } l }
//%
(largest(&[1, 5, 2]), largest(&[1.5, 0.5]), largest(&['a', 'z']))
//> (5, 1.5, 'z')
//%
largest(&[String::from("a")])
//! E0277

//# a generic struct
#[derive(Debug)]
struct Stack<T> { items: Vec<T> }
impl<T> Stack<T> { fn new() -> Self { Stack { items: Vec::new() } } fn push(&mut self, t: T) -> &mut Self { self.items.push(t); self } fn pop(&mut self) -> Option<T> { self.items.pop() } }
//%
let mut stack = Stack::new();
stack.push(1).push(2);
//%
stack.pop()
//> Some(2)
//%
stack
//> Stack { items: [1] }

//# const generics
#[derive(Debug)]
struct Matrix<const R: usize, const C: usize>([[i32; C]; R]);
impl<const R: usize, const C: usize> Matrix<R, C> { fn transpose(&self) -> Matrix<C, R> { let mut m = [[0; R]; C]; for r in 0..R { for c in 0..C { m[c][r] = self.0[r][c]; } } Matrix(m) } }
//%
Matrix([[1, 2, 3], [4, 5, 6]]).transpose()
//> Matrix([[1, 4], [2, 5], [3, 6]])

//# where clauses and impl Trait
fn join<I>(items: I) -> String where I: IntoIterator, I::Item: std::fmt::Display { items.into_iter().map(|i| i.to_string()).collect::<Vec<_>>().join("-") }
fn evens(n: u32) -> impl Iterator<Item = u32> { (0..n).filter(|x| x % 2 == 0) }
//%
join(evens(7))
//> "0-2-4-6"

//# lifetimes in functions and types
fn longest<'a>(a: &'a str, b: &'a str) -> &'a str { if a.len() >= b.len() { a } else { b } }
struct Words<'a> { text: &'a str }
impl<'a> Words<'a> { fn first(&self) -> Option<&'a str> { self.text.split(' ').next() } }
//%
longest("ab", "abc")
//> "abc"
//%
Words { text: "hello world" }.first()
//> Some("hello")

//# a missing lifetime
fn pick(a: &str, b: &str) -> &str { a }
//! E0106

//# modules and privacy
mod bank {
    pub struct Account { balance: i64 }
    impl Account { pub fn new(b: i64) -> Self { Account { balance: b } } pub fn balance(&self) -> i64 { self.balance } }
    pub mod fees { pub const FEE: i64 = 5; }
}
//%
bank::Account::new(100).balance() - bank::fees::FEE
//> 95
//%
bank::Account::new(1).balance
//! E0616

//# a module is extended by redefining it
mod m { pub fn a() -> i32 { 1 } }
//%
mod m { pub fn a() -> i32 { 2 } pub fn b() -> i32 { 3 } }
//%
(m::a(), m::b())
//> (2, 3)

//# constants
const LIMIT: usize = 3;
const NAMES: [&str; LIMIT] = ["a", "b", "c"];
//%
NAMES.len() == LIMIT
//> true
//%
let grid = [[0u8; LIMIT]; 2];
grid
//> [[0, 0, 0], [0, 0, 0]]

//# a const function
const fn fact(n: u64) -> u64 { if n == 0 { 1 } else { n * fact(n - 1) } }
const F: u64 = fact(10);
//%
F
//> 3628800

//# a static counter
use std::sync::atomic::{AtomicUsize, Ordering};
static HITS: AtomicUsize = AtomicUsize::new(0);
fn hit() -> usize { HITS.fetch_add(1, Ordering::SeqCst) + 1 }
//%
hit(); hit()
//> 2

//# a static is the same from cell to cell
use std::sync::atomic::{AtomicUsize, Ordering};
static HITS: AtomicUsize = AtomicUsize::new(0);
//%
HITS.fetch_add(5, Ordering::SeqCst);
//%
HITS.load(Ordering::SeqCst)
//> 5

//# a mutex in a static
use std::sync::Mutex;
static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());
//%
LOG.lock().unwrap().push("one".into()); LOG.lock().unwrap().len()
//> 1

//# type aliases
type Table = std::collections::BTreeMap<String, Vec<i32>>;
//%
let mut t = Table::new();
t.entry("a".into()).or_default().push(1);
//%
t
//> {"a": [1]}

//# operators of a type of one's own
use std::ops::{Add, Mul, Neg, Index};
#[derive(Debug, Clone, Copy, PartialEq)]
struct V(i32, i32);
impl Add for V { type Output = V; fn add(self, o: V) -> V { V(self.0 + o.0, self.1 + o.1) } }
impl Mul<i32> for V { type Output = V; fn mul(self, k: i32) -> V { V(self.0 * k, self.1 * k) } }
impl Neg for V { type Output = V; fn neg(self) -> V { V(-self.0, -self.1) } }
impl Index<usize> for V { type Output = i32; fn index(&self, i: usize) -> &i32 { if i == 0 { &self.0 } else { &self.1 } } }
//%
-(V(1, 2) + V(3, 4) * 2)
//> V(-7, -10)
//%
V(1, 2)[1]
//> 2

//# Display of one's own
struct Celsius(f64);
impl std::fmt::Display for Celsius { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { write!(f, "{:.1} °C", self.0) } }
//%
println!("{}", Celsius(21.55));
//| 21.6 °C
//%
Celsius(3.0).to_string()
//> "3.0 °C"

//# From and Into
struct Id(u32);
impl From<u32> for Id { fn from(n: u32) -> Self { Id(n) } }
impl From<&str> for Id { fn from(s: &str) -> Self { Id(s.len() as u32) } }
//%
let a: Id = 5.into(); let b = Id::from("abc");
//%
a.0 + b.0
//> 8

//# an iterator of one's own
struct Fib(u64, u64);
impl Iterator for Fib { type Item = u64; fn next(&mut self) -> Option<u64> { let n = self.0; *self = Fib(self.1, self.0 + self.1); Some(n) } }
//%
Fib(0, 1).take_while(|&x| x < 50).collect::<Vec<_>>()
//> [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]
//%
let mut fib = Fib(0, 1);
fib.nth(5)
//> Some(5)
//%
fib.next()
//> Some(8)

//# items and statements in one cell
fn square(x: i32) -> i32 { x * x }
let nine = square(3);
struct Wrapper(i32);
let w = Wrapper(nine);
w.0 + 1
//> 10

//# a function defined below its use
let r = later(2);
fn later(x: i32) -> i32 { x + 100 }
r
//> 102

//# the same name for a type and a function
struct Thing { n: i32 }
#[allow(non_snake_case)]
fn thing(n: i32) -> Thing { Thing { n } }
//%
thing(4).n
//> 4

//# an attribute on an item
#[inline(never)]
#[must_use]
fn attributed() -> i32 { 1 }
//%
attributed()
//> 1

//# a union and unsafe code
#[repr(C)]
union Bits { f: f32, u: u32 }
//%
let b = Bits { f: 1.0 };
unsafe { b.u }
//> 1065353216

//# unsafe is needed for raw pointers
let x = 5;
let p = &x as *const i32;
*p
//! E0133
//%
let y = 6; unsafe { *(&y as *const i32) }
//> 6
