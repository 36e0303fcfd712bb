//! Closures, function values, dynamic dispatch, smart pointers and generic dispatch across cells.

//# a closure within a cell
let add = 10;
let f = |x: i32| x + add;
println!("{}", f(5));
0
//| 15
//> 0

//# a boxed closure is kept
let f: Box<dyn Fn(i32) -> i32> = Box::new(|x| x * 3);
//%
f(14)
//> 42
//%
f(1) + f(2)
//> 9

//# a closure without a box is refused
let f = |x: i32| x * 3;
//%
1
//> 1

//# a closure that changes its captures
let mut total = 0;
{ let mut add = |x: i32| total += x; add(5); add(6); }
//%
total
//> 11

//# a closure that moves
let name = String::from("n");
let f: Box<dyn Fn() -> usize> = Box::new(move || name.len());
//%
f()
//> 1
//%
name
//! E0425

//# function pointers
fn inc(x: i32) -> i32 { x + 1 }
let f: fn(i32) -> i32 = inc;
//%
f(1)
//> 2
//%
[1, 2].map(inc)
//> [2, 3]

//# closures returned from functions
fn adder(n: i32) -> impl Fn(i32) -> i32 { move |x| x + n }
fn compose<A, B, C>(f: impl Fn(A) -> B, g: impl Fn(B) -> C) -> impl Fn(A) -> C { move |x| g(f(x)) }
//%
compose(adder(1), adder(10))(5)
//> 16

//# a vector of closures
let table: Vec<(&'static str, Box<dyn Fn(f64) -> f64>)> = vec![("sq", Box::new(|x| x * x)), ("neg", Box::new(|x| -x))];
//%
table.iter().map(|(n, f)| format!("{n}={}", f(3.0))).collect::<Vec<_>>().join(" ")
//> "sq=9 neg=-3"

//# FnOnce and FnMut parameters
fn twice(mut f: impl FnMut()) { f(); f(); }
fn once(f: impl FnOnce() -> String) -> String { f() }
//%
let mut n = 0; twice(|| n += 2); let s = String::from("given"); (n, once(move || s))
//> (4, "given")

//# shared ownership
use std::rc::Rc;
let a = Rc::new(vec![1, 2]);
//%
let b = Rc::clone(&a);
//%
(Rc::strong_count(&a), b.len(), Rc::ptr_eq(&a, &b))
//> (2, 2, true)

//# interior mutability
use std::cell::{Cell, RefCell};
let c = Cell::new(1); let r = RefCell::new(vec![1]);
//%
c.set(c.get() + 1); r.borrow_mut().push(2);
//%
(c.get(), r.borrow().len())
//> (2, 2)

//# Rc with RefCell makes a graph
use std::{rc::Rc, cell::RefCell};
#[derive(Debug)]
struct Node { value: i32, children: Vec<Rc<RefCell<Node>>> }
let leaf = Rc::new(RefCell::new(Node { value: 3, children: vec![] }));
let root = Node { value: 1, children: vec![leaf.clone()] };
//%
leaf.borrow_mut().value = 30;
//%
root.children[0].borrow().value
//> 30

//# a linked list
#[derive(Debug)]
enum List { Cons(i32, Box<List>), Nil }
use List::{Cons, Nil};
impl List { fn sum(&self) -> i32 { match self { Cons(v, rest) => v + rest.sum(), Nil => 0 } } }
//%
let l = Cons(1, Box::new(Cons(2, Box::new(Nil))));
//%
l.sum()
//> 3
//%
l
//> Cons(1, Cons(2, Nil))

//# Any and downcasts
use std::any::Any;
let things: Vec<Box<dyn Any>> = vec![Box::new(1i32), Box::new("s")];
//%
things.iter().map(|t| if let Some(n) = t.downcast_ref::<i32>() { format!("i32 {n}") } else if t.is::<&str>() { "str".to_string() } else { "?".into() }).collect::<Vec<_>>()
//> ["i32 1", "str"]

//# a generic function with turbofish
fn parse<T: std::str::FromStr>(s: &str) -> Option<T> { s.parse().ok() }
//%
(parse::<i32>("12"), parse::<f64>("x"), parse::<bool>("true"))
//> (Some(12), None, Some(true))

//# blanket implementations
trait Describe { fn describe(&self) -> String; }
impl<T: std::fmt::Debug> Describe for T { fn describe(&self) -> String { format!("<{self:?}>") } }
//%
(1.describe(), "a".describe(), vec![Some(1)].describe())
//> ("<1>", "<\"a\">", "<[Some(1)]>")

//# supertraits and associated functions
trait Named { fn name() -> String; }
trait Loud: Named { fn shout() -> String { Self::name().to_uppercase() } }
struct Cat;
impl Named for Cat { fn name() -> String { "cat".into() } }
impl Loud for Cat {}
//%
Cat::shout()
//> "CAT"
//%
<Cat as Named>::name()
//> "cat"

//# Default, PartialOrd, Hash by derive
use std::collections::HashSet;
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key { a: u8, b: String }
//%
let mut set = HashSet::new();
set.insert(Key::default()); set.insert(Key::default()); set.insert(Key { a: 1, b: "x".into() });
(set.len(), Key::default() < Key { a: 1, b: String::new() })
//> (2, true)

//# Deref and AsRef
use std::ops::Deref;
struct Meters(Vec<f64>);
impl Deref for Meters { type Target = Vec<f64>; fn deref(&self) -> &Vec<f64> { &self.0 } }
fn count(s: impl AsRef<str>) -> usize { s.as_ref().len() }
//%
let m = Meters(vec![1.0, 2.0]);
(m.len(), m.iter().sum::<f64>(), count("abc"), count(String::from("ab")))
//> (2, 3.0, 3, 2)

//# Iterator adaptors of one's own trait
trait Pairs: Iterator + Sized { fn pairs(self) -> Vec<(Self::Item, Self::Item)> where Self::Item: Clone { let v: Vec<_> = self.collect(); v.windows(2).map(|w| (w[0].clone(), w[1].clone())).collect() } }
impl<I: Iterator> Pairs for I {}
//%
(1..4).pairs()
//> [(1, 2), (2, 3)]

//# a missing bound
fn show<T>(t: T) -> String { format!("{t}") }
//! E0277
//%
fn show<T: std::fmt::Display>(t: T) -> String { format!("{t}") }
show(3)
//> "3"

//# threads
use std::thread;
let handles: Vec<_> = (0..4).map(|i| thread::spawn(move || i * i)).collect();
let squares: Vec<i32> = handles.into_iter().map(|h| h.join().unwrap()).collect();
squares
//> [0, 1, 4, 9]

//# scoped threads borrow variables
let data = vec![1, 2, 3, 4];
//%
let total: i32 = std::thread::scope(|s| {
    let (l, r) = data.split_at(2);
    let a = s.spawn(move || l.iter().sum::<i32>());
    let b = s.spawn(move || r.iter().sum::<i32>());
    a.join().unwrap() + b.join().unwrap()
});
total
//> 10

//# channels and mutexes
use std::sync::{mpsc, Arc, Mutex};
let (tx, rx) = mpsc::channel::<i32>();
let sum = Arc::new(Mutex::new(0i32));
//%
for i in 0..3 { let (tx, sum) = (tx.clone(), sum.clone()); std::thread::spawn(move || { *sum.lock().unwrap() += i; tx.send(i).unwrap(); }); }
drop(tx);
//%
let mut got: Vec<i32> = rx.iter().collect();
got.sort();
(got, *sum.lock().unwrap())
//> ([0, 1, 2], 3)

//# what is not Send
use std::rc::Rc;
let r = Rc::new(1);
std::thread::spawn(move || println!("{r}"));
//! E0277
