//! Reading the directives that measure: `%%timeit`, `%timeit`, `%%scaling` and `%%bench`, with
//! their options. What they do is the engine's and the helper library's business.

use std::ops::Range;

use super::definition::{Definition, Engines, Form, Magic, wrong};
use ferrolab_engine::measured::{self, Candidate, Measure};
use ferrolab_jupyter::session::evaluator::CellError;

/// The most threads and loops that are taken for meant.
const MOST_THREADS: usize = 65_536;

pub(super) const TIMEIT_CELL: Definition = Definition {
    names: &["%%timeit"],
    usage: "%%timeit [-n LOOPS] [-r BATCHES]",
    help: "Measure how long the lines below take: they run many times, in a closure. Variables they change stay changed, bindings stay inside. Text and a figure of the distribution are shown.",
    engines: Engines::Own,
    form: Form::Cell(cell),
};

pub(super) const TIMEIT: Definition = Definition {
    names: &["timeit"],
    usage: "%timeit [-n LOOPS] [-r BATCHES] EXPRESSION",
    help: "Measure how long one expression takes.",
    engines: Engines::Own,
    form: Form::Code(line),
};

pub(super) const SCALING: Definition = Definition {
    names: &["%%scaling"],
    usage: "%%scaling [1,2,4]",
    help: "Run the lines below on each number of threads (else 1, 2, 4… up to those granted); show speed-up, efficiency and the serial fraction by Amdahl's law.",
    engines: Engines::Own,
    form: Form::Cell(|rest, _| Ok(Magic::Measured(Measure::Scaling { counts: counts(rest)?, granted: 0 }))),
};

pub(super) const BENCH: Definition = Definition {
    names: &["%%bench"],
    usage: "%%bench NAME OTHER(1000)",
    help: "Compare two or more functions, closures or calls, of earlier cells or of this one, in turns; show the ratio of their times and its interval.",
    engines: Engines::Own,
    form: Form::Cell(|rest, offset| Ok(Magic::Measured(Measure::Compare(candidates(rest, offset)?)))),
};

/// `%%timeit [options]`.
fn cell(rest: &str, _: usize) -> Result<Magic, CellError> {
    let (measure, code) = options(rest, "%%timeit")?;
    let left = rest[code..].trim();
    if !left.is_empty() {
        return Err(wrong(&format!(
            "%%timeit does not know `{left}`; it takes -n LOOPS and -r BATCHES, and the code stands on the lines below (`%timeit {left}` measures one expression)"
        )));
    }
    Ok(Magic::Measured(measure))
}

/// What stands behind `%timeit`: options, then an expression.
fn line(rest: &str) -> Result<(Magic, usize), CellError> {
    let (measure, code) = options(rest, "%timeit")?;
    if rest[code..].trim().is_empty() {
        return Err(wrong(
            "%timeit needs an expression: `%timeit v.iter().sum::<f64>()`; `%%timeit` measures the lines below it",
        ));
    }
    Ok((Magic::Measured(measure), code))
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

/// A measurement of a whole cell that stands below code of it.
pub(super) fn not_first(line: &str) -> CellError {
    let name = line.split_whitespace().next().unwrap_or(line);
    wrong(&format!(
        "{name} measures the whole cell, so it stands in front of the code; put the lines above it into a cell of their own"
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
        let text = " -n 5 v.len()";
        let (magic, begins) = line(text).expect("a measurement");
        assert_eq!(&text[begins..], "v.len()");
        assert_eq!(magic, Magic::Measured(Measure::Time { loops: 5, repeats: 0 }));
        assert!(says(line(" -n 5")).contains("needs an expression"));
        assert_eq!(counts(" 1, 2 4").expect("counts"), [1, 2, 4]);
        assert!(says(counts("1,0")).contains("got `0`"));
        assert!(says(counts("all")).contains("got `all`"));
        assert!(says(cell("f()", 0)).contains("%timeit f()"));
        assert!(says(candidates("a", 0)).contains("two names"));
        assert!(says(candidates("a 1+1", 0)).contains("`1+1` is none"));
    }
}
