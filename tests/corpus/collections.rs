//! Iterators, strings, slices, maps and sets of the standard library.

//# map, filter, collect
let v: Vec<i32> = (1..=10).filter(|n| n % 3 == 0).map(|n| n * n).collect();
//%
v
//> [9, 36, 81]

//# folding and scanning
(1..=5).fold(String::new(), |acc, n| format!("{acc}{n}"))
//> "12345"
//%
(1..=5).scan(1, |p, n| { *p *= n; Some(*p) }).collect::<Vec<i32>>()
//> [1, 2, 6, 24, 120]
//%
(1..=4).product::<u64>()
//> 24

//# zipping and chaining
let names = ["a", "b", "c"];
//%
names.iter().zip(1..).map(|(n, i)| format!("{n}{i}")).collect::<Vec<_>>()
//> ["a1", "b2", "c3"]
//%
(0..2).chain(10..12).rev().collect::<Vec<_>>()
//> [11, 10, 1, 0]
//%
(0..10).step_by(4).skip(1).collect::<Vec<_>>()
//> [4, 8]

//# min, max, position, any, all
let v = [3, 1, 4, 1, 5];
//%
(v.iter().min(), v.iter().max(), v.iter().position(|&x| x == 4), v.iter().any(|&x| x > 4), v.iter().all(|&x| x > 0))
//> (Some(1), Some(5), Some(2), true, true)
//%
[1.5, 0.5].iter().cloned().fold(f64::INFINITY, f64::min)
//> 0.5

//# flat maps and partitions
let (even, odd): (Vec<i32>, Vec<i32>) = (1..7).partition(|n| n % 2 == 0);
//%
(even, odd)
//> ([2, 4, 6], [1, 3, 5])
//%
vec![vec![1], vec![2, 3]].into_iter().flatten().collect::<Vec<_>>()
//> [1, 2, 3]
//%
"a b".split(' ').flat_map(|w| w.chars()).collect::<String>()
//> "ab"

//# results collected
["1", "2", "x"].iter().map(|s| s.parse::<i32>()).collect::<Result<Vec<_>, _>>().is_err()
//> true
//%
["1", "2"].iter().map(|s| s.parse::<i32>().ok()).collect::<Option<Vec<_>>>()
//> Some([1, 2])
//%
["1", "y", "3"].iter().filter_map(|s| s.parse::<i32>().ok()).sum::<i32>()
//> 4

//# peekable and windows
let mut it = [1, 2, 3].iter().peekable();
let mut out = vec![];
while let Some(x) = it.next() { out.push((*x, it.peek().is_some())); }
out
//> [(1, true), (2, true), (3, false)]
//%
[1, 4, 9, 16].windows(2).map(|w| w[1] - w[0]).collect::<Vec<_>>()
//> [3, 5, 7]
//%
[1, 2, 3, 4, 5].chunks(2).map(|c| c.len()).collect::<Vec<_>>()
//> [2, 2, 1]

//# sorting
let mut v = vec!["pear", "fig", "apple"];
//%
v.sort();
//%
v.sort_by_key(|s| s.len());
v
//> ["fig", "pear", "apple"]
//%
let mut f = vec![2.5, -1.0, 9.0]; f.sort_by(|a, b| b.partial_cmp(a).unwrap()); f
//> [9.0, 2.5, -1.0]

//# deduplicate, retain, drain, splice
let mut v = vec![1, 1, 2, 3, 3, 4];
v.dedup();
//%
v.retain(|x| x % 2 == 0 || *x == 3);
v
//> [2, 3, 4]
//%
let taken: Vec<i32> = v.drain(..2).collect();
(taken, v)
//> ([2, 3], [4])

//# two-dimensional vectors
let mut grid = vec![vec!['.'; 3]; 2];
grid[1][2] = '#';
//%
for row in &grid { println!("{}", row.iter().collect::<String>()); }
//| ...
//| ..#
//~ ?
//~| ...
//~| ..#
//~> ()

//# hash maps count words
use std::collections::HashMap;
let mut counts: HashMap<String, u32> = HashMap::new();
for w in "the cat the dog the".split_whitespace() { *counts.entry(w.to_string()).or_insert(0) += 1; }
//~ ?
//~> ()
//%
let mut list: Vec<_> = counts.iter().collect();
list.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
list
//> [("the", 3), ("cat", 1), ("dog", 1)]
//~ ?
//~!
//%
counts.get("cow").copied().unwrap_or_default()
//> 0

//# B-tree maps are ordered
use std::collections::BTreeMap;
let mut m = BTreeMap::new();
m.insert("z", 1); m.insert("a", 2); m.insert("m", 3);
//%
m
//> {"a": 2, "m": 3, "z": 1}
//%
m.range("b"..).next()
//> Some(("m", 3))
//%
m.remove("a"); m.len()
//> 2

//# sets
use std::collections::BTreeSet;
let a: BTreeSet<i32> = (1..5).collect(); let b: BTreeSet<i32> = (3..8).collect();
//%
(a.intersection(&b).collect::<Vec<_>>(), a.difference(&b).count(), a.union(&b).max())
//> ([3, 4], 2, Some(7))

//# queues and heaps
use std::collections::{VecDeque, BinaryHeap};
use std::cmp::Reverse;
let mut q = VecDeque::from([1, 2]);
q.push_front(0); q.push_back(3);
//%
q
//> [0, 1, 2, 3]
//%
let mut h: BinaryHeap<_> = [3, 1, 2].map(Reverse).into();
h.pop()
//> Some(Reverse(1))

//# strings
let s = "Hello, Wörld";
//%
(s.len(), s.chars().count(), s.to_uppercase(), s.find('W'), s.replace("l", "L"))
//> (13, 12, "HELLO, WÖRLD", Some(7), "HeLLo, WörLd")
//%
s.char_indices().nth(8)
//> Some((8, 'ö'))
//%
(s.starts_with("Hell"), s.split(", ").last(), s.trim_end_matches("ld"))
//> (true, Some("Wörld"), "Hello, Wör")
//%
&s[0..5]
//> "Hello"

//# building strings
let mut s = String::with_capacity(8);
s.push('a'); s.push_str("bc"); s += "d"; s.insert(0, '>');
//%
use std::fmt::Write;
write!(s, " {}", 5).unwrap();
s
//> ">abcd 5"
//%
s.chars().rev().collect::<String>()
//> "5 dcba>"
//%
["x"; 3].concat() + &["a", "b"].join("/")
//> "xxxa/b"

//# lines, bytes and parsing
let text = "a=1\nb=2\n\n# no\nc=x";
//%
text.lines().filter_map(|l| l.split_once('=')).map(|(k, v)| (k, v.parse::<i32>().ok())).collect::<Vec<_>>()
//> [("a", Some(1)), ("b", Some(2)), ("c", None)]
//%
"AZ".bytes().map(|b| b - b'A').collect::<Vec<_>>()
//> [0, 25]

//# a slice out of range panics
let v = vec![1, 2, 3];
//%
v[7]
//! panic
//%
v.get(7)
//> None

//# a string cut within a character panics
let s = "ä";
//%
&s[0..1]
//! panic
//%
s.len()
//> 2

//# arrays of arrays and iter by value
let a = [[1, 2], [3, 4]];
//%
a.concat().into_iter().map(|x| x as f64 / 2.0).collect::<Vec<f64>>()
//> [0.5, 1.0, 1.5, 2.0]
//%
a.iter().map(|r| r.iter().sum::<i32>()).collect::<Vec<_>>()
//> [3, 7]

//# a long list is cut short
(0..2000).collect::<Vec<i32>>().len()
//> 2000

//# grouping by hand
let mut groups: std::collections::BTreeMap<usize, Vec<&str>> = Default::default();
for w in ["a", "bb", "cc", "d"] { groups.entry(w.len()).or_default().push(w); }
groups
//> {1: ["a", "d"], 2: ["bb", "cc"]}

//# Option and Result combinators
Some(2).map(|x| x * 2).filter(|x| *x > 3).ok_or("small")
//> Ok(4)
//%
"5".parse::<i32>().map_err(|e| e.to_string()).and_then(|n| if n > 3 { Ok(n) } else { Err("low".into()) })
//> Ok(5)
//%
None.unwrap_or_else(|| 9)
//> 9
//%
Some(1).zip(Some('a')).xor(None)
//> Some((1, 'a'))
