//! Reading the directives that measure: `%%timeit`, `%timeit`, `%%scaling` and `%%bench`, with
//! their options. What they do is the engine's and the helper library's business.

use std::ops::Range;

use crate::evaluate::errors;
use ferrolab_engine::measured::{self, Candidate, Measure};
use ferrolab_jupyter::session::evaluator::CellError;

/// The most threads and loops that are taken for meant.
const MOST_THREADS: usize = 65_536;

fn wrong(text: &str) -> CellError {
    errors::plain("Directive", text)
}

/// The measurement of `%%name rest`; `rest` stands at byte `offset` of the cell. `None` when this
/// is another magic.
///
/// # Errors
/// When `rest` is not what it takes.
pub(super) fn magic(name: &str, rest: &str, offset: usize) -> Result<Option<Measure>, CellError> {
    match name {
        "timeit" => {
            let (measure, code) = options(rest, "%%timeit")?;
            let left = rest[code..].trim();
            if !left.is_empty() {
                return Err(wrong(&format!(
                    "%%timeit does not know `{left}`; it takes -n LOOPS and -r BATCHES, and the code stands on the lines below (`%timeit {left}` measures one expression)"
                )));
            }
            Ok(Some(measure))
        }
        "scaling" => Ok(Some(Measure::Scaling { counts: counts(rest)?, granted: 0 })),
        "bench" => Ok(Some(Measure::Compare(candidates(rest, offset)?))),
        _ => Ok(None),
    }
}

/// The measurement of a line `%timeit … EXPRESSION`, and where the expression stands in it. `None`
/// when the line is something else.
///
/// # Errors
/// When it is one without an expression, or with options that do not exist.
pub(super) fn line(text: &str) -> Result<Option<(Measure, Range<usize>)>, CellError> {
    let rest = text.strip_prefix("%timeit").or_else(|| text.strip_prefix(":timeit"));
    let Some(rest) = rest.filter(|r| r.is_empty() || r.starts_with(char::is_whitespace)) else { return Ok(None) };
    let (measure, code) = options(rest, "%timeit")?;
    if rest[code..].trim().is_empty() {
        return Err(wrong(
            "%timeit needs an expression: `%timeit v.iter().sum::<f64>()`; `%%timeit` measures the lines below it",
        ));
    }
    let start = text.len() - rest.len() + code;
    Ok(Some((measure, start..text.len())))
}

/// `-n N` and `-r R` at the start of a text, and where the rest begins.
fn options(text: &str, directive: &str) -> Result<(Measure, usize), CellError> {
    let (mut loops, mut repeats, mut at) = (0, 0, 0);
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        let word = rest.split(char::is_whitespace).next().unwrap_or("");
        let Some(option) = word.strip_prefix('-').and_then(|o| o.chars().next()) else { break };
        // `-x.abs()` and `-(a + b)` are expressions; `-n5` and `-q` are options.
        let attached = &word[1 + option.len_utf8()..];
        let is_option = option.is_ascii_alphabetic() && attached.chars().all(|c| c.is_ascii_digit());
        if !is_option && !word.starts_with("--") {
            break;
        }
        if option != 'n' && option != 'r' {
            return Err(wrong(&format!("{directive} has no option `{word}`; there are -n LOOPS and -r BATCHES")));
        }
        at += word.len();
        let value = if attached.is_empty() {
            at += text[at..].len() - text[at..].trim_start().len();
            let value = text[at..].split(char::is_whitespace).next().unwrap_or("");
            at += value.len();
            value
        } else {
            attached
        };
        let number: u64 =
            value.replace('_', "").parse().ok().filter(|n| (1..=1_000_000_000_000).contains(n)).ok_or_else(|| {
                wrong(&format!(
                    "{directive} -{option} takes a number from 1, such as `-{option} 10`, and got `{value}`"
                ))
            })?;
        match option {
            'n' => loops = number,
            _ if number > 1_000_000 => {
                return Err(wrong(&format!("{directive} -r takes at most 1,000,000 batches, and got {number}")));
            }
            _ => repeats = number as usize,
        }
    }
    Ok((Measure::Time { loops, repeats }, at))
}

fn counts(text: &str) -> Result<Vec<usize>, CellError> {
    let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|w| !w.is_empty());
    let counts = words.map(|word| {
        word.parse().ok().filter(|n| (1..=MOST_THREADS).contains(n)).ok_or_else(|| {
            wrong(&format!("%%scaling takes numbers of threads from 1, such as `%%scaling 1,2,4`, and got `{word}`"))
        })
    });
    counts.collect()
}

fn candidates(text: &str, offset: usize) -> Result<Vec<Candidate>, CellError> {
    let found = measured::candidates(text).map_err(|word| {
        wrong(&format!(
            "%%bench compares functions, closures and calls without `?` and `.await`: `%%bench name other_name(1000)`; `{word}` is none"
        ))
    })?;
    if found.len() < 2 {
        return Err(wrong(
            "%%bench needs two names or more: `%%bench a b`, with `fn a()` and `fn b()` in this cell or in earlier ones",
        ));
    }
    let candidate = |(range, name): (Range<usize>, bool)| Candidate {
        text: text[range.clone()].to_owned(),
        offset: offset + range.start,
        name,
    };
    Ok(found.into_iter().map(candidate).collect())
}

/// A measurement that stands below code.
pub(super) fn not_first(line: &str) -> CellError {
    let name = line.split_whitespace().next().unwrap_or(line);
    let advice =
        if name == "%timeit" { "or use %%timeit as the first line" } else { "so it stands in front of the code" };
    wrong(&format!(
        "{name} runs before the code of its cell, {advice}; put the lines above it into a cell of their own"
    ))
}

/// A second measurement in one cell.
pub(super) fn not_alone(line: &str) -> CellError {
    let name = line.split_whitespace().next().unwrap_or(line);
    wrong(&format!("one cell is measured in one way: put {name} into a cell of its own"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says<T: std::fmt::Debug>(result: Result<T, CellError>) -> String {
        result.expect_err("it is wrong").value
    }

    #[test]
    fn options_are_read() {
        let of = |text: &str| options(text, "%timeit").expect("options");
        assert_eq!(of(" -n 10 -r5 f(x)"), (Measure::Time { loops: 10, repeats: 5 }, 11));
        assert_eq!(of("-x.abs()"), (Measure::Time { loops: 0, repeats: 0 }, 0));
        assert_eq!(of("-r 3 -(a - b)").1, 5);
        assert!(says(options("-q f()", "%timeit")).contains("no option `-q`"));
        assert!(says(options("--loops 3", "%timeit")).contains("no option `--loops`"));
        assert!(says(options("-n 0 f()", "%timeit")).contains("got `0`"));
        assert!(says(options("-n", "%timeit")).contains("got ``"));
        assert!(says(options("-r 2000000 f()", "%timeit")).contains("at most"));
    }

    #[test]
    fn lines_and_magics_are_read() {
        let (_, place) = line("%timeit -n 5 v.len()").expect("a line").expect("a measurement");
        assert_eq!(&"%timeit -n 5 v.len()"[place], "v.len()");
        assert_eq!(line("%timing on").expect("another"), None);
        assert!(says(line("%timeit -n 5")).contains("needs an expression"));
        let scaling = magic("scaling", " 1, 2 4", 0).expect("a magic");
        assert_eq!(scaling, Some(Measure::Scaling { counts: vec![1, 2, 4], granted: 0 }));
        assert!(says(magic("scaling", "1,0", 0)).contains("got `0`"));
        assert!(says(magic("scaling", "all", 0)).contains("got `all`"));
        assert!(says(magic("timeit", "f()", 0)).contains("%timeit f()"));
        assert!(says(magic("bench", "a", 0)).contains("two names"));
        assert!(says(magic("bench", "a 1+1", 0)).contains("`1+1` is none"));
        assert_eq!(magic("time", "", 0).expect("another"), None);
    }
}
