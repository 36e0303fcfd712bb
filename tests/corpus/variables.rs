//! Variables between cells: shadowing, moves, borrows, mutability, what is kept and what is not.

//# shadowing with another type
let x = 1;
//%
let x = format!("{x} apple");
//%
x

//# shadowing within one cell
let x = 2; let x = x * 10; let x = x + 1;
//%
x

//# a shadowed name inside a block comes back
let depth = 1;
//%
{ let depth = 2; println!("{depth}"); }
println!("{depth}");

//# mut is kept
let mut n = 1;
//%
n += 41;
//%
n

//# an immutable variable cannot be changed
let fixed = 1;
//%
fixed += 1;
//%
fixed

//# a moved string is gone
let s = String::from("moved");
//%
let t = s;
//%
s
//%
t

//# a copy is not a move
let a = 7;
//%
let b = a;
//%
a + b

//# moved into a function
let v = vec![1, 2, 3];
//%
fn eat(v: Vec<i32>) -> usize { v.len() }
//%
eat(v)
//%
v

//# borrowed by a function
let v = vec![1, 2, 3];
//%
fn look(v: &[i32]) -> i32 { v.iter().sum() }
//%
look(&v)
//%
look(&v) + v.len() as i32

//# changed through a mutable borrow
let mut v = vec![3, 1, 2];
//%
fn tidy(v: &mut Vec<i32>) { v.sort(); v.push(9); }
tidy(&mut v);
//%
v

//# two mutable borrows at once
let mut v = vec![1];
//%
let a = &mut v; let b = &mut v; a.push(1); b.push(2);
//%
v

//# a reference to a variable of the same cell is not kept
let owner = 5; let r = &owner; println!("{r}");

//# a static string slice is kept
let word = "static";
//%
word.len()

//# use of an undefined name
let total = missing + 1;
//%
let total = 1;
//%
total

//# a variable of a failed cell does not exist
let good = 1;
//%
let half = 2; let bad: i32 = "x";
//%
half
//%
good

//# several bindings by one pattern
let (a, mut b, [c, .., d]) = (1, 2, [3, 4, 5, 6]);
//%
b += 10;
//%
(a, b, c, d)

//# a tuple is taken apart later
let pair = (String::from("left"), 2);
//%
let (name, count) = pair;
//%
format!("{name}{count}")

//# a type annotation
let x: u8 = 200;
//%
x.wrapping_add(100)

//# the type follows from a later statement of the cell
let mut v = Vec::new();
v.push(1u16);
//%
v

//# a collection that is never filled has no type
let v = Vec::new();
//%
1

//# numbers default to i32 and f64
let i = 3; let f = 1.5;
//%
(std::mem::size_of_val(&i), std::mem::size_of_val(&f))

//# an underscore is no variable
let _ = 3; let _unused = 4;
//%
_unused

//# swapping
let mut a = 1; let mut b = 2;
//%
std::mem::swap(&mut a, &mut b);
//%
(a, b)

//# a box and what is in it
let b = Box::new(5);
//%
let inner = *b + 1;
//%
(b, inner)

//# replaced in place
let mut name = String::from("old");
//%
let before = std::mem::replace(&mut name, "new".to_string());
//%
(before, name)

//# a conditional move is a move
let s = String::from("maybe");
//%
if s.len() > 100 { drop(s); }
//%
s

//# dropped by hand
struct Loud(&'static str);
impl Drop for Loud { fn drop(&mut self) { println!("drop {}", self.0); } }
//%
let loud = Loud("a");
//%
drop(loud);
//%
{ let _inner = Loud("b"); println!("inside"); }

//# shadowing drops the old value
struct Loud(&'static str);
impl Drop for Loud { fn drop(&mut self) { println!("drop {}", self.0); } }
//%
let loud = Loud("first");
//%
let loud = Loud("second");
//%
println!("{}", loud.0);
