//! When the helper crate is loaded into an evcxr session: when a cell first mentions something of
//! its prelude. A notebook that never does gets evcxr as it is, and starts as fast.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

/// What a cell must mention. Words that other crates use for something else all the time, such as
/// `input`, are not in the prelude.
const WORDS: &[&str] = &[
    "ferrolab",
    "cluster",
    "Cluster",
    "slurm",
    "display",
    "clear_output",
    "html",
    "latex",
    "markdown",
    "svg",
    "table",
    "par",
    "plot",
    "Live",
    "Plot",
    "progress",
    "Bar",
    "random",
    "simd",
    "F32s",
    "F64s",
    "threads",
    "Threads",
    "timing",
];

/// Does this text use the helper crate? Fields, methods and parts of paths of others do not count,
/// but `.progress()` does.
pub(super) fn mentioned(code: &str) -> bool {
    code.parse::<TokenStream>().is_ok_and(in_tokens)
}

fn in_tokens(tokens: TokenStream) -> bool {
    // What stands before a word: a path's or a field's punctuation, or a keyword that defines it.
    let (mut joined, mut dot, mut defines) = (false, false, false);
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                if in_tokens(group.stream()) {
                    return true;
                }
                (joined, dot, defines) = (false, false, false);
            }
            TokenTree::Punct(mark) => {
                (joined, dot) = (
                    mark.as_char() == ':' && mark.spacing() == proc_macro2::Spacing::Alone && joined
                        || mark.as_char() == ':' && mark.spacing() == proc_macro2::Spacing::Joint,
                    mark.as_char() == '.',
                );
                defines = false;
            }
            TokenTree::Ident(word) => {
                let word = word.to_string();
                let ours = WORDS.contains(&word.as_str());
                if (ours && !joined && !dot && !defines) || (dot && word == "progress") {
                    return true;
                }
                (joined, dot) = (false, false);
                defines = ["let", "mut", "fn", "struct", "enum", "trait", "mod", "const", "static", "type"]
                    .contains(&word.as_str());
            }
            TokenTree::Literal(_) => (joined, dot, defines) = (false, false, false),
        }
    }
    false
}

/// The cell that loads it from its source.
pub(super) fn loading(source: &Path) -> String {
    // A string with the escapes of TOML's basic strings, which Rust's are for every path.
    let path = format!("{:?}", source.display().to_string());
    format!(
        ":dep ferrolab = {{ path = {path} }}\nuse ferrolab::prelude::*;\nuse ferrolab::runner::attach::EvcxrDisplay as _;\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_of_the_prelude_count() {
        for code in ["par::map(0..3, |x| x)", "let a = progress(0..3);", "(0..3).progress()", "f(plot::line(&x))"] {
            assert!(mentioned(code), "{code}");
        }
        for code in [
            "path.display()",
            "rand::random::<u8>()",
            "let table = 3;",
            "fn display() {}",
            "\"plot\"",
            "1 +",
            "x.threads",
        ] {
            assert!(!mentioned(code), "{code}");
        }
    }

    #[test]
    fn every_word_of_the_prelude_is_known() {
        let prelude = include_str!("../../../src/prelude/names.rs");
        let words = prelude.lines().filter_map(|line| line.strip_prefix("pub use crate::"));
        for line in words.filter(|line| !line.contains(" as _")) {
            let names = line.trim_end_matches(';').split(['{', '}', ',', ':']).map(str::trim);
            for name in names.filter(|name| !name.is_empty() && *name != "self") {
                assert!(WORDS.contains(&name), "{name}");
            }
        }
    }
}
