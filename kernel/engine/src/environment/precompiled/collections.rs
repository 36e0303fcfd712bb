//! What cells with maps and sorts would otherwise compile each time: the functions of the standard library for them that are
//! never inlined, for the usual types. A hash map's growth and a sort's passes are most of such a cell's code, and how they run is
//! the same wherever they are compiled. Not a part of the kernel: nothing in it is ever called.

use std::collections::{HashMap, VecDeque};

type Text = &'static str;

// What is short is only compiled where it is called, unless it may not be inlined.
macro_rules! maps {
    ([$($key:ty),*] $values:tt) => {
        #[inline(never)]
        pub fn maps() -> usize {
            let mut all = 0;
            $(maps!(@ all $key, $values);)*
            all
        }
    };
    (@ $all:ident $key:ty, [$($value:ty),*]) => {
        $($all += (|m| m.reserve(1)) as fn(&mut HashMap<$key, $value>) as usize;)*
    };
}

macro_rules! vectors {
    ($($of:ty),* $(,)?) => {
        #[inline(never)]
        pub fn vectors() -> usize {
            let mut all = 0;
            $(
                all += (|v, item| v.push(item)) as fn(&mut Vec<$of>, $of) as usize;
                all += (|v, item| v.push_back(item)) as fn(&mut VecDeque<$of>, $of) as usize;
            )*
            all
        }
    };
}

macro_rules! sorts {
    ($name:ident, $how:ident: $($of:ty),*) => {
        #[inline(never)]
        pub fn $name() -> usize {
            let mut all = 0;
            $(all += (|v| v.$how()) as fn(&mut [$of]) as usize;)*
            all
        }
    };
}

maps! {
    [String, Text, char, i32, u32, u64, usize, (i32, i32)]
    [(), bool, char, i32, u32, u64, usize, f64, String, Text, Vec<String>, Vec<i32>, Vec<u32>, Vec<usize>]
}

vectors! {
    u8, char, bool, i32, u32, i64, u64, usize, f64, String, Text, (i32, i32), (usize, usize), (f64, f64),
    (String, i32), (String, usize), (String, f64), (Text, i32), (Text, usize), (char, usize),
    Vec<u8>, Vec<i32>, Vec<usize>, Vec<f64>, Vec<char>, Vec<String>, Vec<Text>,
}

sorts! { stable, sort: char, i32, u32, i64, u64, usize, String, Text, (char, usize), (char, u32), (Text, usize), (String, usize), (usize, String) }
sorts! { unstable, sort_unstable: i32, u32, i64, u64, usize }
