//! Trailing expressions, operators, blocks, and what a cell shows.

//# arithmetic
1 + 2 * 3
//%
7 / 2
//%
-7 % 3
//%
7.0 / 2.0
//%
1u64 << 40

//# a semicolon hides the value
5;
//%
let five = 5; five

//# the unit value is not shown
()
//%
println!("only text")

//# strings are shown quoted
"a\"b\n"
//%
'c'
//%
String::from("owned")

//# options and results
Some(1)
//%
None::<i32>
//%
Ok::<i32, String>(2)
//%
Err::<i32, &str>("no")

//# nested data
vec![Some((1, "a")), None]
//%
[[1, 2], [3, 4]]

//# if, match and loop are expressions
if 2 > 1 { "yes" } else { "no" }
//%
match 5 { 1..=3 => "low", 4 | 5 => "mid", _ => "high" }
//%
loop { break 3 }

//# a block computes
{
    let a = 3;
    let b = 4;
    a * a + b * b
}

//# labelled blocks and loops
let found = 'outer: loop {
    for i in 1.. {
        for j in 1..i {
            if i * j > 50 { break 'outer (i, j); }
        }
    }
};
//%
found
//%
let label = 'b: { if found.0 > 5 { break 'b "big" } "small" };
label

//# while and for print
let mut n = 3;
while n > 0 { print!("{n} "); n -= 1; }
println!("go");
//%
for (i, c) in "abc".chars().enumerate() { println!("{i}{c}"); }

//# ranges
(1..4).collect::<Vec<_>>()
//%
(1..=4).rev().step_by(2).collect::<Vec<_>>()
//%
1..4

//# casts
300_i32 as u8
//%
-1_i32 as u32
//%
3.99_f64 as i32
//%
'a' as u32

//# integers of every size
(i8::MAX, i16::MIN, u32::MAX, i64::MIN, u128::MAX)
//%
(0xff, 0o17, 0b101, 1_000_000)

//# floats
(0.1 + 0.2, 1e21, f64::NAN, f64::INFINITY, -0.0)
//%
(2.0_f64.sqrt(), 1.0_f32 / 3.0)

//# overflow of a constant expression
let x: u8 = 255 + 1;

//# shifts and bits
(0b1010 & 0b0110, 0b1010 | 0b0110, 0b1010 ^ 0b0110, !0u8, 1 << 4)

//# comparisons and order
(1 < 2, "a" < "b", (1, "z") < (2, "a"), [1, 2, 3] < [1, 3])
//%
1.cmp(&2)

//# formatting
format!("{:>6}|{:<6}|{:^6}|{:+}|{:#x}|{:08.3}", "r", "l", "m", 5, 255, 3.14159)
//%
format!("{0} {1} {0} {name}", 1, 2, name = "n")
//%
format!("{:?} {:#?}", (1, "a"), Some(1))

//# several statements on one line
let a = 1; let b = 2; println!("{}", a + b); a * b

//# a comment at the end
1 + 1 // the result
//%
2 + 2
/* and a block
   comment */

//# an expression over several lines
[1, 2, 3]
    .iter()
    .map(|x| x * x)
    .sum::<i32>()

//# an unused result is no error
Ok::<i32, String>(1).map(|x| x + 1);
vec![1].iter().map(|x| x + 1);

//# a closure called at once
(|x: i32| x + 1)(41)

//# a place is shown and not moved
let v = vec![String::from("kept")];
//%
v
//%
v.len()

//# a field is shown and not moved
struct P { name: String, tags: Vec<u8> }
let p = P { name: "n".into(), tags: vec![1] };
//%
p.name
//%
p.tags
//%
p.name.len() + p.tags.len()

//# a reference is shown like its value
let v = vec![1, 2];
//%
&v
//%
&&v[..1]

//# a value without Debug
struct Silent;
//%
Silent
//%
1

//# shadowed prelude names
let Some = 3;

//# unicode in names and text
let größe = 3; let 名前 = "値";
//%
println!("{größe} {名前} 🦀");
//%
名前.chars().count()

//# raw strings and bytes
r#"a "quoted" \n"#
//%
b"bytes\x00"
//%
"multi
line"

//# assignment operators
let mut n = 10;
n += 5; n -= 3; n *= 2; n /= 5; n %= 3; n <<= 4; n |= 1; n ^= 3;
n

//# destructuring assignment
let (mut a, mut b) = (1, 2);
//%
(a, b) = (b, a + b);
//%
[a, b]
