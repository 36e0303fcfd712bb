//! The directives there are, in the order in which help lists them. Each is defined where it is done; a new one is
//! a file with its definition, and a line here.

#[cfg(any(test, feature = "evcxr"))]
use super::definition::Engines;
use super::definition::{Definition, Form};
use super::{
    capture, check, compiling, dependencies, describing, markdown, measure, names, running, shell, showing, snapshots,
    surroundings, target, threads, timing, write_file,
};
use ferrolab_engine::insight;

/// All of them.
pub(super) const DIRECTIVES: &[&Definition] = &[
    &dependencies::DEP,
    &dependencies::DEP_TABLE,
    &names::VARS,
    &names::TYPE,
    &names::ITEMS,
    &check::CHECK,
    &names::CLEAR,
    &snapshots::UNDO,
    &compiling::OPT,
    &compiling::CHECKS,
    &compiling::EDITION,
    &target::TARGET_CPU,
    &threads::THREADS,
    &timing::TIMING,
    &running::ATTACH,
    &snapshots::SNAPSHOTS,
    &snapshots::RESTORE,
    &surroundings::ENV,
    &surroundings::BUILD_ENV,
    &surroundings::TOOLCHAIN,
    &surroundings::OFFLINE,
    &describing::EXPLAIN,
    &surroundings::VERSION,
    &surroundings::ENGINE,
    &dependencies::SHOW_DEPS,
    &describing::DOC,
    &running::RESTART,
    &showing::FMT,
    &showing::TYPES,
    &showing::EFMT,
    &running::LOAD_CONFIG,
    &describing::HELP,
    &running::QUIT,
    &shell::MARK,
    &describing::QUESTION,
    &check::CHECK_CELL,
    &timing::TIME_CELL,
    &timing::TIME,
    &measure::TIMEIT_CELL,
    &measure::TIMEIT,
    &measure::SCALING,
    &measure::BENCH,
    &markdown::MARKDOWN,
    &write_file::WRITEFILE,
    &capture::CAPTURE,
    &shell::BASH,
    &shell::SH,
];

/// Directives of evcxr that have nothing to do here, and why.
pub(super) const INERT: &[(&str, &str)] = &[
    ("sccache", "dependencies are cached across sessions already"),
    ("cache", "compiled dependencies and cells are cached already"),
    ("linker", "cells are linked by `ld` directly, or by Rust's own rust-lld where there is no ld"),
    ("preserve_vars_on_panic", "a cell that fails changes nothing, thanks to the snapshot before it (:snapshots)"),
    ("allow_static_linking", "dependencies are linked dynamically, so that their globals exist once"),
    ("codegen_backend", "cells are compiled by rustc's own backend"),
    (
        "clear_cache",
        "old entries are removed by themselves; to empty it, remove the cache directory (`ferrolab doctor` names it) while no kernel runs",
    ),
    ("time_passes", "use :timing"),
    (
        "internal_debug",
        "there is no debug log; `ferrolab doctor` checks the installation, :timing shows where time goes",
    ),
    ("last_compile_dir", "a cell is one rustc run without a directory of its own"),
    ("last_error_json", "errors are shown in full"),
    ("display_types", "types are shown by :vars and :t"),
    ("display_final_expression", "the trailing expression is always shown; end it with `;` to hide it"),
];

/// For completion and inspection.
pub fn help() -> Vec<insight::Directive> {
    let describe = |name: &str, e: &Definition| insight::Directive {
        name: name.to_owned(),
        help: format!("`{}`\n\n{}{}", e.usage, e.help, e.engines.limits()),
    };
    DIRECTIVES.iter().flat_map(|e| e.names.iter().map(move |n| describe(n, e))).collect()
}

/// The directive of a name.
pub(super) fn find(name: &str) -> Option<&'static Definition> {
    DIRECTIVES.iter().copied().find(|definition| definition.names.contains(&name))
}

/// Does a magic, by its name with its marks, take the rest of its cell as text that is no Rust?
pub fn is_raw(name: &str) -> bool {
    find(name).is_some_and(|definition| matches!(definition.form, Form::Raw(_)))
}

/// Does a directive change which names code can use?
pub fn changes_names(name: &str) -> bool {
    const CHANGING: [&str; 5] = ["dep", "clear", "undo", "restart", "load_config"];
    find(name).is_some_and(|definition| CHANGING.contains(&definition.names[0]))
}

/// Is a name without its mark one that evcxr itself has something to do for?
#[cfg(any(test, feature = "evcxr"))]
pub fn evcxr_has(name: &str) -> bool {
    let has = |definition: &&Definition| matches!(definition.engines, Engines::Evcxr(names) if names.contains(&name));
    DIRECTIVES.iter().any(has) || INERT.iter().any(|(inert, _)| *inert == name)
}

/// What to say of a magic that does not exist.
pub(super) fn unknown_magic(name: &str) -> String {
    let names: Vec<&str> = DIRECTIVES.iter().flat_map(|d| d.names).copied().filter(|n| n.starts_with("%%")).collect();
    format!("there is no magic `%%{name}`; there are {}", names.join(", "))
}

/// What to say of a name that does not exist: the nearest first, then all.
pub(super) fn unknown(name: &str) -> String {
    let mut names: Vec<&str> = DIRECTIVES
        .iter()
        .flat_map(|e| e.names.iter().copied())
        .filter(|n| n.starts_with(|c: char| c.is_alphabetic()))
        .collect();
    names.sort_by_key(|n| (distance(name, n), *n));
    // a name of which more than half has to change was not meant
    let nearest = names.first().filter(|n| 2 * distance(name, n) <= name.chars().count().max(2));
    let meant = nearest.map_or_else(String::new, |nearest| format!("; did you mean `:{nearest}`?"));
    format!(
        "there is no directive `{name}`{meant}\nThere are: {}. `:help` explains them.",
        names.iter().map(|n| format!(":{n}")).collect::<Vec<_>>().join(", ")
    )
}

/// The names in what `rustc --print target-cpus` prints.
pub(super) fn processors(listing: &str) -> impl Iterator<Item = &str> {
    // Headings are not indented; a name may be followed by a remark.
    let names = listing.lines().filter(|line| line.starts_with(' '));
    names.filter_map(|line| line.split_whitespace().next())
}

/// What to say of a processor that rustc does not know.
pub(super) fn unknown_processor(name: &str, mut known: Vec<&str>) -> String {
    let wanted = name.to_lowercase();
    known.sort_by_key(|n| (distance(&wanted, n), *n));
    let near: Vec<String> = known.iter().take(4).map(|n| format!("`{n}`")).collect();
    format!(
        "rustc knows no processor `{name}`; the nearest names are {}\n`!rustc --print target-cpus` lists all; `native` is this machine's.",
        near.join(", ")
    )
}

/// Edits from one word to another (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut left = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = left + usize::from(from != *to);
            left = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(left + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_evcxr_is_given_is_what_it_has() {
        // a name that evcxr has and one of ours for the same thing, one that has no meaning here, and one of ours alone
        assert!(evcxr_has("build_env") && !evcxr_has("build-env"));
        assert!(evcxr_has("sccache"));
        assert!(!evcxr_has("undo") && !evcxr_has("quit"));
    }

    #[test]
    fn the_nearest_name_comes_first() {
        assert!(unknown("var").contains("did you mean `:vars`"));
        assert!(unknown("depp").contains("did you mean `:dep`"));
        assert!(unknown("tt").contains("did you mean `:t`"));
        assert!(!unknown("nosuch").contains("did you mean"));
        let listing = "Available CPUs for this target:\n    native - Select the CPU of the current host (currently znver3).\n    znver4\n    znver5\n    haswell\n";
        let known: Vec<&str> = processors(listing).collect();
        assert_eq!(known, ["native", "znver4", "znver5", "haswell"]);
        assert!(unknown_processor("Zen4", known).contains("nearest names are `znver4`"));
        assert_eq!((distance("", "abc"), distance("kitten", "sitting")), (3, 3));
    }
}
