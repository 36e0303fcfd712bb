//! Trailing expressions, operators, blocks, and what a cell shows.

//# arithmetic
1 + 2 * 3
//> 7
//%
7 / 2
//> 3
//%
-7 % 3
//> -1
//%
7.0 / 2.0
//> 3.5
//%
1u64 << 40
//> 1099511627776

//# a semicolon hides the value
5;
//%
let five = 5; five
//> 5

//# the unit value is not shown
()
//~ ?
//~> ()
//%
println!("only text")
//| only text
//~ ?
//~| only text
//~> ()

//# strings are shown quoted
"a\"b\n"
//> "a\"b\n"
//%
'c'
//> 'c'
//%
String::from("owned")
//> "owned"

//# options and results
Some(1)
//> Some(1)
//%
None::<i32>
//> None
//%
Ok::<i32, String>(2)
//> Ok(2)
//%
Err::<i32, &str>("no")
//> Err("no")

//# nested data
vec![Some((1, "a")), None]
//> [Some((1, "a")), None]
//%
[[1, 2], [3, 4]]
//> [[1, 2], [3, 4]]

//# if, match and loop are expressions
if 2 > 1 { "yes" } else { "no" }
//> "yes"
//%
match 5 { 1..=3 => "low", 4 | 5 => "mid", _ => "high" }
//> "mid"
//%
loop { break 3 }
//> 3

//# a block computes
{
    let a = 3;
    let b = 4;
    a * a + b * b
}
//> 25

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
//> (8, 7)
//%
let label = 'b: { if found.0 > 5 { break 'b "big" } "small" };
label
//> "big"

//# while and for print
let mut n = 3;
while n > 0 { print!("{n} "); n -= 1; }
println!("go");
//| 3 2 1 go
//%
for (i, c) in "abc".chars().enumerate() { println!("{i}{c}"); }
//| 0a
//| 1b
//| 2c
//~ ?
//~| 0a
//~| 1b
//~| 2c
//~> ()

//# ranges
(1..4).collect::<Vec<_>>()
//> [1, 2, 3]
//%
(1..=4).rev().step_by(2).collect::<Vec<_>>()
//> [4, 2]
//%
1..4
//> 1..4

//# casts
300_i32 as u8
//> 44
//%
-1_i32 as u32
//> 4294967295
//%
3.99_f64 as i32
//> 3
//%
'a' as u32
//> 97

//# integers of every size
(i8::MAX, i16::MIN, u32::MAX, i64::MIN, u128::MAX)
//> (
//>     127, -32768, 4294967295, -9223372036854775808,
//>     340282366920938463463374607431768211455,
//> )
//~ ?
//~> (127, -32768, 4294967295, -9223372036854775808, 340282366920938463463374607431768211455)
//%
(0xff, 0o17, 0b101, 1_000_000)
//> (255, 15, 5, 1000000)

//# floats
(0.1 + 0.2, 1e21, f64::NAN, f64::INFINITY, -0.0)
//> (0.30000000000000004, 1e21, NaN, inf, -0.0)
//%
(2.0_f64.sqrt(), 1.0_f32 / 3.0)
//> (1.4142135623730951, 0.33333334)

//# overflow of a constant expression
let x: u8 = 255 + 1;
//! error

//# shifts and bits
(0b1010 & 0b0110, 0b1010 | 0b0110, 0b1010 ^ 0b0110, !0u8, 1 << 4)
//> (2, 14, 12, 255, 16)

//# comparisons and order
(1 < 2, "a" < "b", (1, "z") < (2, "a"), [1, 2, 3] < [1, 3])
//! E0308
//%
1.cmp(&2)
//> Less

//# formatting
format!("{:>6}|{:<6}|{:^6}|{:+}|{:#x}|{:08.3}", "r", "l", "m", 5, 255, 3.14159)
//> "     r|l     |  m   |+5|0xff|0003.142"
//%
format!("{0} {1} {0} {name}", 1, 2, name = "n")
//> "1 2 1 n"
//%
format!("{:?} {:#?}", (1, "a"), Some(1))
//> "(1, \"a\") Some(\n    1,\n)"

//# several statements on one line
let a = 1; let b = 2; println!("{}", a + b); a * b
//| 3
//> 2

//# a comment at the end
1 + 1 // the result
//> 2
//%
2 + 2
/* and a block
   comment */
//> 4

//# an expression over several lines
[1, 2, 3]
    .iter()
    .map(|x| x * x)
    .sum::<i32>()
//> 14

//# an unused result is no error
Ok::<i32, String>(1).map(|x| x + 1);
vec![1].iter().map(|x| x + 1);

//# a closure called at once
(|x: i32| x + 1)(41)
//> 42

//# a place is shown and not moved
let v = vec![String::from("kept")];
//%
v
//> ["kept"]
//%
v.len()
//> 1

//# a field is shown and not moved
struct P { name: String, tags: Vec<u8> }
let p = P { name: "n".into(), tags: vec![1] };
//%
p.name
//> "n"
//%
p.tags
//> [1]
//%
p.name.len() + p.tags.len()
//> 2

//# a reference is shown like its value
let v = vec![1, 2];
//%
&v
//> [1, 2]
//%
&&v[..1]
//> [1]

//# a value without Debug
struct Silent;
//%
Silent
//> a value of type `Silent`, which has no text form. Put `#[derive(Debug)]` on the type, or implement `display::Display` for it.
//~ ?
//~!
//%
1
//> 1

//# shadowed prelude names
let Some = 3;
//! E0530

//# unicode in names and text
let größe = 3; let 名前 = "値";
//%
println!("{größe} {名前} 🦀");
//| 3 値 🦀
//%
名前.chars().count()
//> 1

//# raw strings and bytes
r#"a "quoted" \n"#
//> "a \"quoted\" \\n"
//%
b"bytes\x00"
//> [98, 121, 116, 101, 115, 0]
//%
"multi
line"
//> "multi\nline"

//# assignment operators
let mut n = 10;
n += 5; n -= 3; n *= 2; n /= 5; n %= 3; n <<= 4; n |= 1; n ^= 3;
n
//> 18

//# destructuring assignment
let (mut a, mut b) = (1, 2);
//%
(a, b) = (b, a + b);
//%
[a, b]
//> [2, 3]
