//! Variables between cells: shadowing, moves, borrows, mutability, what is kept and what is not.

//# shadowing with another type
let x = 1;
//%
let x = format!("{x} apple");
//%
x
//> "1 apple"

//# shadowing within one cell
let x = 2; let x = x * 10; let x = x + 1;
//%
x
//> 21

//# a shadowed name inside a block comes back
let depth = 1;
//%
{ let depth = 2; println!("{depth}"); }
println!("{depth}");
//| 2
//| 1

//# mut is kept
let mut n = 1;
//%
n += 41;
//%
n
//> 42

//# an immutable variable cannot be changed
let fixed = 1;
//%
fixed += 1;
//! E0594
//%
fixed
//> 1

//# a moved string is gone
let s = String::from("moved");
//%
let t = s;
//%
s
//! E0425
//%
t
//> "moved"

//# a copy is not a move
let a = 7;
//%
let b = a;
//%
a + b
//> 14

//# moved into a function
let v = vec![1, 2, 3];
//%
fn eat(v: Vec<i32>) -> usize { v.len() }
//%
eat(v)
//> 3
//%
v
//! E0425

//# borrowed by a function
let v = vec![1, 2, 3];
//%
fn look(v: &[i32]) -> i32 { v.iter().sum() }
//%
look(&v)
//> 6
//%
look(&v) + v.len() as i32
//> 9

//# changed through a mutable borrow
let mut v = vec![3, 1, 2];
//%
fn tidy(v: &mut Vec<i32>) { v.sort(); v.push(9); }
tidy(&mut v);
//%
v
//> [1, 2, 3, 9]

//# two mutable borrows at once
let mut v = vec![1];
//%
let a = &mut v; let b = &mut v; a.push(1); b.push(2);
//! E0499
//%
v
//> [1]

//# a reference to a variable of the same cell is not kept
let owner = 5; let r = &owner; println!("{r}");
//| 5

//# a static string slice is kept
let word = "static";
//%
word.len()
//> 6

//# use of an undefined name
let total = missing + 1;
//! E0425
//%
let total = 1;
//%
total
//> 1

//# a variable of a failed cell does not exist
let good = 1;
//%
let half = 2; let bad: i32 = "x";
//! E0308
//%
half
//! E0425
//%
good
//> 1

//# several bindings by one pattern
let (a, mut b, [c, .., d]) = (1, 2, [3, 4, 5, 6]);
//%
b += 10;
//%
(a, b, c, d)
//> (1, 12, 3, 6)

//# a tuple is taken apart later
let pair = (String::from("left"), 2);
//%
let (name, count) = pair;
//%
format!("{name}{count}")
//> "left2"

//# a type annotation
let x: u8 = 200;
//%
x.wrapping_add(100)
//> 44

//# the type follows from a later statement of the cell
let mut v = Vec::new();
v.push(1u16);
//%
v
//> [1]

//# a collection that is never filled has no type
let v = Vec::new();
//! E0282
//%
1
//> 1

//# numbers default to i32 and f64
let i = 3; let f = 1.5;
//%
(std::mem::size_of_val(&i), std::mem::size_of_val(&f))
//> (4, 8)

//# an underscore is no variable
let _ = 3; let _unused = 4;
//%
_unused
//> 4

//# swapping
let mut a = 1; let mut b = 2;
//%
std::mem::swap(&mut a, &mut b);
//%
(a, b)
//> (2, 1)

//# a box and what is in it
let b = Box::new(5);
//%
let inner = *b + 1;
//%
(b, inner)
//> (5, 6)

//# replaced in place
let mut name = String::from("old");
//%
let before = std::mem::replace(&mut name, "new".to_string());
//%
(before, name)
//> ("old", "new")

//# a conditional move is a move
let s = String::from("maybe");
//%
if s.len() > 100 { drop(s); }
//%
s
//! E0425

//# dropped by hand
struct Loud(&'static str);
impl Drop for Loud { fn drop(&mut self) { println!("drop {}", self.0); } }
//%
let loud = Loud("a");
//%
drop(loud);
//| drop a
//%
{ let _inner = Loud("b"); println!("inside"); }
//| inside
//| drop b

//# shadowing drops the old value
struct Loud(&'static str);
impl Drop for Loud { fn drop(&mut self) { println!("drop {}", self.0); } }
//%
let loud = Loud("first");
//%
let loud = Loud("second");
//| drop first
//%
println!("{}", loud.0);
//| second
