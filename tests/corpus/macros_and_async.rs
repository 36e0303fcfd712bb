//! Macros, async code, printing, and modules of the standard library.

//# a macro and its use
macro_rules! square { ($x:expr) => { $x * $x }; }
//%
square!(7)
//> 49
//%
square!(1 + 2)
//> 9

//# a macro with repetition
macro_rules! maxi { ($x:expr) => { $x }; ($x:expr, $($r:expr),+) => {{ let a = $x; let b = maxi!($($r),+); if a > b { a } else { b } }}; }
//%
maxi!(3, 9, 4)
//> 9

//# a macro that makes a map
macro_rules! map { ($($k:expr => $v:expr),* $(,)?) => {{ let mut m = std::collections::BTreeMap::new(); $(m.insert($k, $v);)* m }}; }
//%
map! { "a" => 1, "b" => 2, }
//> {"a": 1, "b": 2}

//# a macro that defines items
macro_rules! make { ($name:ident, $($f:ident: $t:ty),*) => { #[derive(Debug, Default)] struct $name { $($f: $t),* } }; }
//%
make!(Conf, depth: u8, name: String);
//%
Conf::default()
//! E0433

//# a macro that binds a variable
macro_rules! bind { ($name:ident = $v:expr) => { let $name = $v; }; }
//%
bind!(x = 5);
x + 1
//> 6

//# a macro that prints
macro_rules! say { ($($arg:tt)*) => { println!("> {}", format!($($arg)*)) }; }
//%
say!("{} and {}", 1, "two");
//| > 1 and two

//# standard macros
vec![0; 3]
//> [0, 0, 0]
//%
concat!("a", 1, true)
//> "a1true"
//%
(line!() > 0, stringify!(a + b), cfg!(unix))
//> (true, "a + b", true)
//%
dbg!(2) * 2
//> 4

//# await of a ready future
async fn answer() -> i32 { 42 }
//%
answer().await
//> 42

//# await in a binding
async fn double(x: i32) -> i32 { x * 2 }
//%
let d = double(4).await;
//%
d + double(1).await
//> 10

//# async blocks
let f = async { 1 + 1 };
f.await
//> 2

//# await and the question mark
async fn parse(s: &str) -> Result<i32, std::num::ParseIntError> { s.parse() }
//%
parse("12").await?
//> 12
//%
parse("twelve").await?
//! ParseIntError

//# an async closure and a loop of awaits
async fn step(n: u32) -> u32 { n + 1 }
//%
let mut n = 0;
for _ in 0..3 { n = step(n).await; }
n
//> 3

//# printing without a line end
print!("a"); print!("b");
println!();
//| ab
//%
println!("after");
//| after

//# several lines and results
println!("one"); println!("two"); 3
//| one
//| two
//> 3

//# both streams
println!("out"); eprintln!("err"); println!("out again");
//| out
//| out again

//# printing in a loop
for i in 0..5 { print!("{i},"); }
println!("end");
//| 0,1,2,3,4,end

//# a carriage return
print!("10%\r20%\r"); println!("done");
//| 10%␍20%␍done

//# wide characters and escapes
println!("tab\there \u{1F980} \\ \"quoted\" {{braces}}");
//| tab	here 🦀 \ "quoted" {braces}

//# a panic after printing
println!("before"); panic!("stop");
//| before
//! panic

//# writing to stdout by hand
use std::io::Write;
//%
let mut out = std::io::stdout();
writeln!(out, "by hand").unwrap();
out.flush().unwrap();
//| by hand

//# a line that looks like a marker
println!("EVCXR_BEGIN nothing");
//| EVCXR_BEGIN nothing

//# content through evcxr's convention
println!("EVCXR_BEGIN_CONTENT text/plain\nshown\nEVCXR_END_CONTENT");
//> shown

//# a type with evcxr_display
struct Shown;
impl Shown { fn evcxr_display(&self) { println!("EVCXR_BEGIN_CONTENT text/plain\nrich\nEVCXR_END_CONTENT"); } }
//%
Shown
//> rich

//# time and environment
use std::time::Duration;
let d = Duration::from_millis(1500);
//%
(d.as_secs_f64(), d * 2)
//> (1.5, 3s)
//%
std::env::var("NOT_SET_ANYWHERE").is_err()
//> true

//# files
use std::fs;
let path = std::env::temp_dir().join(format!("ferrolab-corpus-{}", std::process::id()));
fs::write(&path, "a\nb\n").unwrap();
//%
fs::read_to_string(&path).unwrap().lines().count()
//> 2
//%
fs::remove_file(&path).unwrap();
path.exists()
//> false

//# reading a file that is not there
std::fs::read_to_string("/no/such/file")?
//! Error

//# a subprocess
let out = std::process::Command::new("echo").arg("hi").output().unwrap();
String::from_utf8_lossy(&out.stdout).trim().to_string()
//> "hi"

//# type names and sizes
(std::mem::size_of::<Option<Box<u8>>>(), std::any::type_name::<Vec<i32>>())
//> (8, "alloc::vec::Vec<i32>")

//# a use inside a cell and in the next
use std::collections::BTreeMap;
let mut m: BTreeMap<u8, u8> = BTreeMap::new();
//%
m.insert(1, 2);
BTreeMap::from([(1, 2)]) == m
//> true

//# grouped and renamed imports
use std::{fmt::{self, Display}, collections::{HashMap as Map, HashSet}};
//%
struct S;
impl Display for S { fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("S!") } }
let m: Map<u8, HashSet<u8>> = Map::new();
(S.to_string(), m.len())
//> ("S!", 0)

//# numbers of threads and atomics
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
let n = Arc::new(AtomicU32::new(0));
//%
std::thread::scope(|s| { for _ in 0..4 { s.spawn(|| { for _ in 0..100 { n.fetch_add(1, Ordering::Relaxed); } }); } });
n.load(Ordering::Relaxed)
//> 400

//# once cells and lazies
use std::sync::{OnceLock, LazyLock};
static TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| (0..5).map(|x| x * x).collect());
//%
TABLE[4]
//> 16

//# wrapping and checked arithmetic
(250u8.wrapping_add(10), 250u8.checked_add(10), 250u8.saturating_add(10), 7i32.rem_euclid(-3), 2i32.pow(10))
//> (4, None, 255, 1, 1024)

//# bit tricks and parsing of radixes
(u8::from_str_radix("ff", 16), 0b1011u32.count_ones(), 8u32.leading_zeros(), i32::from_str_radix("-101", 2))
//> (Ok(255), 3, 28, Ok(-5))
