//! `Debug` text of a value of any size, in bounded time and space.
//!
//! A writer that refuses more than it wants keeps texts short; but the list helpers of the
//! standard library still walk through every item then, so long lists are shown by their ends.

use std::fmt::{self, Debug, Write};
use std::ops::Range;

/// A `{:?}` text up to this long is shown on its line.
const SHORT: usize = 80;
/// Longest text shown; longer ones lose their middle.
const SHOWN: usize = 20_000;
/// Formatting stops here, so that the end of a text is shown only when it is reached cheaply.
const FORMATTED: usize = 100_000;
/// Items shown of each end of a long list.
const ENDS: usize = 500;
/// Width at which short items of a list are put on one line.
const WIDTH: usize = 88;

struct Limited {
    text: String,
    limit: usize,
    full: bool,
}

impl Write for Limited {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if self.full {
            return Err(fmt::Error);
        }
        let room = self.limit - self.text.len();
        if s.len() <= room {
            self.text.push_str(s);
            return Ok(());
        }
        self.text.push_str(head(s, room));
        self.full = true;
        Err(fmt::Error)
    }
}

fn limited(args: fmt::Arguments<'_>, limit: usize) -> Limited {
    let mut out = Limited { text: String::new(), limit, full: false };
    // An error is either the limit (`full` says so) or a `Debug` that gave up: what it wrote
    // until then is still worth showing.
    let _ = out.write_fmt(args);
    out
}

/// The `Debug` text of a value as a notebook shows it: `{:?}` when it fits a line, the pretty
/// form otherwise, without its middle when it is very long. Takes milliseconds for values of any
/// size.
///
/// ```
/// assert_eq!(ferrolab::display::debug_text(&Some(1)), "Some(1)");
/// let huge = vec![1; 10_000_000];
/// assert!(ferrolab::display::debug_text(&huge).len() < 100_000);
/// ```
#[must_use]
pub fn debug_text(value: &dyn Debug) -> String {
    let line = limited(format_args!("{value:?}"), SHORT * 4);
    if !line.full && line.text.chars().count() <= SHORT && !line.text.contains('\n') {
        return line.text;
    }
    let pretty = limited(format_args!("{value:#?}"), FORMATTED);
    let text = reflow(&pretty.text);
    elide(&text, pretty.full)
}

/// The `Debug` text of a value that elides and breaks lines by itself, as arrays do, but not in
/// its pretty form.
pub(super) fn own_text(value: &dyn Debug) -> String {
    let text = limited(format_args!("{value:?}"), FORMATTED);
    elide(&text.text, text.full)
}

/// A list as its parts can be shown.
pub trait List {
    /// How many items.
    fn size(&self) -> usize;
    /// Hands over some of the items, as a slice.
    fn part(&self, range: Range<usize>, show: &mut dyn FnMut(&dyn Debug));
}

macro_rules! lists {
    ($([$($g:tt)*] $list:ty;)*) => {$(
        impl<T: Debug, $($g)*> List for $list {
            fn size(&self) -> usize {
                self.len()
            }
            fn part(&self, range: Range<usize>, show: &mut dyn FnMut(&dyn Debug)) {
                show(&&self[range]);
            }
        }
    )*};
}
lists! {
    [] Vec<T>;
    [] &Vec<T>;
    [] &mut Vec<T>;
    [] &[T];
    [] &mut [T];
    [] Box<[T]>;
    [const N: usize] [T; N];
    [const N: usize] &[T; N];
}

/// The text of a list: all of it when it is short, its ends otherwise.
pub(super) fn list_text(list: &dyn List) -> String {
    let n = list.size();
    let mut texts = Vec::new();
    if n <= 2 * ENDS {
        list.part(0..n, &mut |items| texts.push(debug_text(items)));
        return texts.concat();
    }
    for range in [0..ENDS, n - ENDS..n] {
        list.part(range, &mut |items| {
            let pretty = limited(format_args!("{items:#?}"), FORMATTED);
            let text = elide(&reflow(&pretty.text), pretty.full);
            let inner = text.trim_start_matches("[\n").trim_end_matches("\n]");
            texts.push(inner.to_owned());
        });
    }
    let left = n - 2 * ENDS;
    format!("[\n{}\n    … {left} more …\n{}\n]", texts[0], texts[1])
}

/// The start of a text, at most so many bytes and no broken character.
fn head(text: &str, most: usize) -> &str {
    let cut = (0..=most.min(text.len())).rev();
    let cut = cut.into_iter().find(|&at| text.is_char_boundary(at));
    &text[..cut.unwrap_or(0)]
}

fn elide(text: &str, more: bool) -> String {
    if text.len() <= SHOWN && !more {
        return text.to_owned();
    }
    if more {
        let head = head(text, SHOWN);
        return format!("{head}\n… (more than {FORMATTED} characters)");
    }
    let start = head(text, SHOWN * 3 / 4);
    let end = &text[head(text, text.len() - SHOWN / 4).len()..];
    let left = text.len() - start.len() - end.len();
    format!("{start}\n… ({left} bytes left out) …\n{end}")
}

/// Puts neighbouring short items of a pretty-printed list on common lines: a hundred numbers
/// should not take a hundred lines.
fn reflow(pretty: &str) -> String {
    let mut out = String::with_capacity(pretty.len());
    let mut open: Option<(usize, usize)> = None; // indentation and width of the line being filled
    for line in pretty.lines() {
        let item = line.trim_start();
        let indent = line.len() - item.len();
        let leaf = indent > 0
            && item.len() <= 32
            && item.ends_with(',')
            && !item.starts_with(['}', ']', ')'])
            && !item.contains(": ");
        match open {
            Some((at, width)) if leaf && at == indent && width + 1 + item.len() <= WIDTH => {
                out.push(' ');
                out.push_str(item);
                open = Some((at, width + 1 + item.len()));
            }
            _ => {
                if !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(line);
                open = leaf.then_some((indent, line.len()));
            }
        }
    }
    out
}
